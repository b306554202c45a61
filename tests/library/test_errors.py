"""Every error says what happened, in a sentence, under a key of its own."""

import string
from collections.abc import Iterator

import pytest

from custom_components.local_solar.solarlink import errors
from custom_components.local_solar.solarlink.errors import DeviceRefusedError, SolarError


def kinds(base: type[SolarError] = SolarError) -> Iterator[type[SolarError]]:
    yield base
    for kind in base.__subclasses__():
        yield from kinds(kind)


ALL = [kind for kind in dict.fromkeys(kinds()) if kind.__module__ == errors.__name__]


def fields(kind: type[SolarError]) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(kind.sentence) if name]


def make(kind: type[SolarError], **details: str | float) -> SolarError:
    given: dict[str, str | int | float] = {name: f"<{name}>" for name in fields(kind)}
    if issubclass(kind, DeviceRefusedError):
        return kind(device="Box", code=0x2B, reason="access denied")
    return kind(**(given | details))


def test_all_errors_of_the_module_are_looked_at() -> None:
    own = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SolarError)}
    assert set(ALL) == own
    assert len(ALL) > 20


def test_keys_are_unique_slugs() -> None:
    keys = [kind.key for kind in ALL]
    assert len(set(keys)) == len(keys)
    assert all("key" in vars(kind) for kind in ALL)
    assert all(set(key) <= set(string.ascii_lowercase + "_") for key in keys)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_str_is_a_whole_sentence_with_its_details(kind: type[SolarError]) -> None:
    error = make(kind)
    sentence = str(error)
    assert sentence.endswith(".")
    assert sentence[0].isupper() or sentence[0] in "<'"
    assert "{" not in sentence
    assert "\n" not in sentence
    for name in fields(kind):
        assert error.details[name] in sentence
    assert all(isinstance(value, str) for value in error.details.values())
    assert kind.__doc__


@pytest.mark.parametrize("kind", [kind for kind in ALL if fields(kind)], ids=lambda kind: kind.__name__)
def test_numbers_in_details_read_as_people_write_them(kind: type[SolarError]) -> None:
    if issubclass(kind, DeviceRefusedError):
        assert make(kind).details["code"] == "43"
        return
    name = fields(kind)[0]
    assert make(kind, **{name: 2.0}).details[name] == "2"
    assert make(kind, **{name: 0.1}).details[name] == "0.1"


def test_a_refusal_keeps_the_code_of_the_device() -> None:
    assert DeviceRefusedError(device="Box", code=43, reason="access denied").code == 43
    assert DeviceRefusedError(device="Box", code="NAK", reason="not acknowledged").code == "NAK"


def test_link_errors_are_told_from_errors_of_the_device() -> None:
    link = {
        "link_failed",
        "port_taken",
        "address_not_local",
        "nobody_called",
        "link_lost",
        "link_closed",
        "no_local_server",
        "no_opendtu",
        "no_gx",
        "modbus_off",
        "bus_not_open",
        "no_permission",
    }
    assert {kind.key for kind in kinds(errors.LinkError)} == link
    assert {kind.key for kind in kinds(errors.DeviceRefusedError)} == {
        "device_refused",
        "device_absent",
        "not_supported",
        "device_busy",
        "maintenance",
        "commands_off",
        "clock_not_set",
        "modbus_read_only",
        "service_gone",
    }
