"""One text names a link."""

from contextlib import suppress

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.errors import BadAddressError
from custom_components.local_solar.solarlink.family import NAMES, load_family
from custom_components.local_solar.solarlink.links.address import LinkAddress, parse_address

SCHEMES = ("listen", "tcp", "serial")


def parse(text: str) -> LinkAddress:
    return parse_address(text, schemes=SCHEMES, default_port=4001, family="Studer")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/dev/ttyUSB0", LinkAddress("serial", path="/dev/ttyUSB0")),
        ("/dev/serial/by-id/usb-FTDI-if00", LinkAddress("serial", path="/dev/serial/by-id/usb-FTDI-if00")),
        ("COM3", LinkAddress("serial", path="COM3")),
        ("tcp://192.0.2.7:5000", LinkAddress("tcp", host="192.0.2.7", port=5000)),
        ("tcp://gateway.local", LinkAddress("tcp", host="gateway.local", port=4001)),
        ("TCP://192.0.2.7", LinkAddress("tcp", host="192.0.2.7", port=4001)),
        ("listen://0.0.0.0:4001", LinkAddress("listen", host="0.0.0.0", port=4001)),
        ("listen://0.0.0.0", LinkAddress("listen", host="0.0.0.0", port=4001)),
        (
            "listen://0.0.0.0:4001?peer=192.0.2.7",
            LinkAddress("listen", host="0.0.0.0", port=4001, peer="192.0.2.7"),
        ),
        ("listen://0.0.0.0?other=1&peer=192.0.2.7", LinkAddress("listen", host="0.0.0.0", port=4001, peer="192.0.2.7")),
        ("tcp://[2001:db8::1]:4002", LinkAddress("tcp", host="2001:db8::1", port=4002)),
        ("tcp://host:4001/path", LinkAddress("tcp", host="host", port=4001, path="/path")),
    ],
)
def test_good_addresses(text: str, address: LinkAddress) -> None:
    assert parse(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "192.0.2.7",
        "192.0.2.7:4001",
        "udp://192.0.2.7",
        "http://192.0.2.7",
        "tcp://",
        "tcp://:4001",
        "tcp://host:port",
        "tcp://host:70000",
        "tcp://host:-1",
        "tcp://[2001:db8::1",
        "ttyUSB0",
        "\0",
    ],
    ids=repr,
)
def test_bad_addresses_are_named_in_a_sentence(text: str) -> None:
    with pytest.raises(BadAddressError, match="no link address that Studer understands; expected listen://") as caught:
        parse(text)
    assert caught.value.details["address"] == text


def test_a_device_path_needs_a_family_with_serial_links() -> None:
    with pytest.raises(BadAddressError, match=r"expected tcp://\.\.\.\.$"):
        parse_address("/dev/ttyUSB0", schemes=("tcp",), default_port=502, family="Conext")


@pytest.mark.parametrize(
    "text", ["/dev/ttyUSB0", "tcp://192.0.2.7:5000", "listen://0.0.0.0:4001", "tcp://host:4001/path"]
)
def test_text_is_what_was_written(text: str) -> None:
    assert parse(text).text == text


def test_text_leaves_out_the_query_and_names_the_port() -> None:
    assert parse("listen://0.0.0.0?peer=192.0.2.7").text == "listen://0.0.0.0:4001"


@pytest.mark.parametrize("text", ["tcp://[2001:db8::1]:4002", "listen://[::]:4001"])
def test_text_of_an_ipv6_address_can_be_parsed_again(text: str) -> None:
    assert parse(parse(text).text) == parse(text)


@given(st.text(max_size=40))
@settings(max_examples=500, deadline=None)
def test_any_text_gives_an_address_or_our_error(text: str) -> None:
    for candidate in (text, f"tcp://{text}", f"listen://{text}"):
        with suppress(BadAddressError):
            assert parse(candidate).scheme in SCHEMES


@pytest.mark.parametrize("name", NAMES)
def test_families_can_be_loaded_and_say_what_they_are(name: str) -> None:
    family = load_family(name)
    assert family.key == name
    assert family.schemes
    assert all(point.key for point in family.points)


def test_an_unknown_family_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load_family("nobody")
