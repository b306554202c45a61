"""Actions on a Studer installation: whatever it knows by number, its settings, clock, messages and datalog."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.local_solar.const import DOMAIN
from simulators.house import House
from simulators.studer import StuderSimulator

from .common import Find, attributes, poll, set_number, state_of, value
from .conftest import GUID, new_entry

XTENDER = "0001A2F3"


def device(hass: HomeAssistant, serial: str = XTENDER) -> str:
    [found] = dr.async_get(hass).async_get_devices(identifiers={(DOMAIN, f"studer-{serial}")})
    return found.id


async def act(hass: HomeAssistant, action: str, *, user: str | None = None, **data: Any) -> dict[str, Any]:
    """Run an action and return its response; as an automation, unless a user is given."""
    response = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True, context=Context(user_id=user)
    )
    assert isinstance(response, dict)
    return response


# Parameters


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("1107", {"key": "ac_input_current_limit", "unit": "A", "writable": True}),
        ("smart_boost_limit", {"value": 100.0, "flash_value": 100.0, "name": "Smart boost limit"}),
        ("1206", {"writable": True, "value": "07:00"}),
        ("3000", {"key": "battery_voltage", "writable": False}),
    ],
)
async def test_whatever_a_device_knows_can_be_read(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, parameter: str, expected: dict[str, Any]
) -> None:
    studer.set_flash(101, 1206, 7 * 60)
    response = await act(hass, "read_parameter", device_id=device(hass), parameter=parameter)
    assert response["device"] == "Xtender 1"
    assert expected.items() <= response.items()


async def test_settings_of_the_remote_control_belong_to_the_gateway(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    response = await act(hass, "read_parameter", device_id=device(hass, GUID), parameter="5101")
    assert response["value"] == "automatic"


async def test_a_written_parameter_goes_to_ram_and_is_shown_at_once(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    response = await act(hass, "write_parameter", device_id=device(hass), parameter="1607", value="35")
    assert (response["value"], response["flash_value"]) == (35.0, 100.0)
    assert value(hass, entity_id("smart_boost_limit")) == "35.0"
    assert studer.ram[101, 1607] == 35
    # One that no entity shows.
    response = await act(hass, "write_parameter", device_id=device(hass), parameter="1206", value="17:30")
    assert response["value"] == "17:30"
    assert studer.ram[101, 1206] == 17 * 60 + 30
    assert not studer.flash_writes


async def test_permanent_is_counted(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    for limit in (40, 45, 50, 55, 60):
        await act(hass, "write_parameter", device_id=device(hass), parameter="1607", value=limit, permanent=True)
    assert studer.flash(101, 1607) == 60
    with pytest.raises(HomeAssistantError) as caught:
        await act(hass, "write_parameter", device_id=device(hass), parameter="1607", value=65, permanent=True)
    assert caught.value.translation_key == "write_budget"
    assert studer.flash_writes[101, 1607] == 5
    assert attributes(hass, entity_id("smart_boost_limit"))["flash_value"] == 60


@pytest.mark.parametrize(
    ("parameter", "given", "key"),
    [
        ("99999", 1, "unknown_point"),
        ("3000", 1, "not_writable"),
        ("1607", 33, "value_step"),
        ("1607", 1000, "value_range"),
        ("1607", "much", "value_kind"),
        # YAML makes a number of a time without quotation marks.
        ("1206", 1050, "value_kind"),
        ("1468", 1, "needs_consent"),
        ("1124", "off", "needs_consent"),
    ],
)
async def test_mistakes_are_explained_and_nothing_is_sent(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, parameter: str, given: Any, key: str
) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await act(hass, "write_parameter", device_id=device(hass), parameter=parameter, value=given)
    assert caught.value.translation_key == key
    assert not [request for request in studer.requests if request.service == "write"]


async def test_what_can_cut_the_supply_needs_an_administrator_who_confirms(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, hass_read_only_user: MockUser
) -> None:
    order: dict[str, Any] = {"device_id": device(hass), "parameter": "1124", "value": "off", "confirm": True}
    with pytest.raises(Unauthorized):
        await act(hass, "write_parameter", user=hass_read_only_user.id, **order)
    assert (101, 1124) not in studer.ram
    await act(hass, "write_parameter", **order)
    assert studer.ram[101, 1124] == 0
    # What is harmless is for everybody.
    await act(hass, "write_parameter", user=hass_read_only_user.id, device_id=device(hass), parameter="1607", value=50)
    assert studer.ram[101, 1607] == 50


async def test_a_device_that_is_gone(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    old = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={(DOMAIN, "studer-0000DEAD")}, name="Xtender 9"
    )
    with pytest.raises(ServiceValidationError) as caught:
        await act(hass, "read_parameter", device_id=old.id, parameter="3000")
    assert caught.value.translation_key == "device_gone"


# The whole installation


@pytest.fixture
async def small(hass: HomeAssistant, port: int) -> AsyncIterator[tuple[MockConfigEntry, StuderSimulator]]:
    """One Xtender and nothing else, so that reading all settings does not take long."""
    simulator = StuderSimulator(house=House(seed=1, speed=0), pace=0.0, xtenders=1, variostrings=0, battery="")
    await simulator.dial("127.0.0.1", port)
    added = new_entry(port)
    added.add_to_hass(hass)
    assert await hass.config_entries.async_setup(added.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    yield added, simulator
    if state_of(added) is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(added.entry_id)
    await simulator.close()


async def test_settings_are_exported_and_compared(
    hass: HomeAssistant, small: tuple[MockConfigEntry, StuderSimulator]
) -> None:
    entry, simulator = small
    export = await act(hass, "export_settings", config_entry_id=entry.entry_id)
    assert [unit["kind"] for unit in export["document"]["units"]] == ["gateway", "xt"]
    assert len(export["document"]["units"][1]["settings"]) > 200
    name = export["document"]["units"][1]["settings"]["1607"]["name"]
    assert f"1607;{name};100;%" in export["text"].splitlines()
    simulator.set_flash(101, 1607, 80)
    # The document as it is, or the whole response.
    for document in (export["document"], export):
        found = await act(hass, "compare_settings", config_entry_id=entry.entry_id, document=document)
        assert found["missing_units"] == []
        assert found["differences"] == [
            {
                "unit": "xt1",
                "number": 1607,
                "name": name,
                "then": 100.0,
                "now": 80.0,
                "unit_of_value": "%",
            }
        ]
    with pytest.raises(HomeAssistantError) as caught:
        await act(hass, "compare_settings", config_entry_id=entry.entry_id, document={"units": 1})
    assert caught.value.translation_key == "bad_answer"


async def test_clock_is_set(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    wall = dt_util.now().replace(tzinfo=None)
    studer.clock.set(int((wall - datetime(1970, 1, 1)).total_seconds()) + 500)  # noqa: DTZ001 - it has no zone
    response = await act(hass, "set_clock", config_entry_id=entry.entry_id)
    assert response["set"] is True
    assert response["ahead"] == pytest.approx(500, abs=3)
    assert studer.clock.now - dt_util.now().replace(tzinfo=None) < timedelta(seconds=3)
    assert float(value(hass, entity_id("clock_offset"))) == pytest.approx(0, abs=3)
    response = await act(hass, "set_clock", config_entry_id=entry.entry_id)
    assert response["set"] is False


async def test_messages_are_read_and_news_among_them_are_told(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    for number in (12, 16, 3):
        studer.add_message(number, 101)
    response = await act(hass, "read_messages", config_entry_id=entry.entry_id, count=2)
    assert [message["number"] for message in response["messages"]] == [3, 16]
    assert response["messages"][1]["unit"] == "Xtender 1"
    assert response["messages"][1]["kind"] == "warning"
    await poll(entry.runtime_data)
    assert attributes(hass, entity_id("messages"))["number"] == 3


async def test_other_families_do_not_offer_this(
    hass: HomeAssistant, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry.runtime_data, "client", object())
    nothing: dict[str, Any] = {}
    for action, data in (
        ("export_settings", nothing),
        ("compare_settings", {"document": nothing}),
        ("set_clock", nothing),
        ("read_messages", nothing),
        ("read_datalog", nothing),
    ):
        with pytest.raises(ServiceValidationError) as caught:
            await act(hass, action, config_entry_id=entry.entry_id, **data)
        assert caught.value.translation_key == "not_offered"
    monkeypatch.undo()


# Datalog


async def a_day_later(studer: StuderSimulator) -> datetime:
    """Let the house live for a day; returns the beginning of the day whose file is on the card."""
    day = studer.clock.now.replace(hour=0, minute=0, second=0, microsecond=0)
    for _ in range(25 * 60):
        studer.house.advance(60)
    return day


async def test_datalog_waits_for_the_portal(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator
) -> None:
    day = await a_day_later(studer)
    await poll(entry.runtime_data)
    with pytest.raises(HomeAssistantError) as caught:
        await act(hass, "read_datalog", config_entry_id=entry.entry_id, day=day.date())
    assert caught.value.translation_key == "datalog_waits"
    assert entry.runtime_data.paused is False


async def test_datalog_is_read_while_nothing_is_polled(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    day = await a_day_later(studer)
    studer.gateway.new_datalog = False
    coordinator = entry.runtime_data
    seen: list[tuple[bool, str]] = []
    read = coordinator.client.read_datalog

    async def watched(wanted: Any) -> bytes:
        await poll(coordinator)
        seen.append((coordinator.paused, value(hass, entity_id("pause"))))
        content: bytes = await read(wanted)
        return content

    coordinator.client.read_datalog = watched
    response = await act(hass, "read_datalog", config_entry_id=entry.entry_id, day=day.date())
    assert response["text"].encode("iso-8859-15") == studer.gateway.card.files[f"LG{day:%y%m%d}.CSV"]
    assert response["imported"] == {}
    # It was held, but that is no pause of the owner: the switch stays off and nothing of it is on disk.
    assert seen == [(True, "off")]
    assert coordinator.paused is False
    assert coordinator.memory.paused is False


async def test_statistics_need_the_recorder(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await act(hass, "read_datalog", config_entry_id=entry.entry_id, import_statistics=True)
    assert caught.value.translation_key == "no_recorder"


async def test_a_value_of_ram_is_still_shown_after_a_hold(
    hass: HomeAssistant, entry: MockConfigEntry, entity_id: Find
) -> None:
    coordinator = entry.runtime_data
    boost = entity_id("smart_boost_limit")
    async with coordinator.async_hold():
        await set_number(hass, boost, 45)
        assert attributes(hass, boost)["paused"] is True
    await poll(coordinator)
    assert value(hass, boost) == "45.0"
    assert "paused" not in attributes(hass, boost)
