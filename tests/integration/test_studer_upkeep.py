"""What happens to a Studer installation while it runs: units come and go, speak, stop, restart, and are written to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.const import DOMAIN
from custom_components.local_solar.solarlink.studer import client as studer_client
from custom_components.local_solar.solarlink.studer.exchange import Timing
from simulators.studer import StuderSimulator

from .common import Find, attributes, poll, set_number, state_of, switch, value
from .conftest import GUID, new_entry
from .test_diagnostics import download

HALTING = 8
"""Number of a message of a unit that has stopped."""
RESTLESS = Timing(answer=3.0, retries=1, busy=0.1, open=1.5, patrol=0.0, glance=0.0, feeds=2000.0)
"""What is looked after every few minutes is looked after at every poll; a watchdog of 60 s is fed every 30 ms."""


@pytest.fixture(autouse=True)
def _restless(_short_waits: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studer_client, "Timing", lambda: RESTLESS)


def devices(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, dr.DeviceEntry]:
    """The devices of the entry by serial number."""
    found = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return {str(device.serial_number): device for device in found}


async def look_around(hass: HomeAssistant, entry: MockConfigEntry, rounds: int = 12) -> None:
    """Poll until everything was looked at, and let the entry reload if it has to."""
    for _ in range(rounds):
        await poll(entry.runtime_data)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.LOADED


async def reload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


# Units that come, go and are replaced


async def test_a_new_unit_gets_a_device_and_its_entities(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    studer.add_unit("vt", fid=0x00ABCDEF)
    await look_around(hass, entry)
    new = devices(hass, entry)["00ABCDEF"]
    assert new.via_device_id == devices(hass, entry)[GUID].id
    await poll(entry.runtime_data)
    assert float(value(hass, entity_id("00ABCDEF-pv_power"))) >= 0


async def test_a_vanished_unit_stays_until_its_owner_deletes_it(
    hass: HomeAssistant, hass_ws_client: Any, entry: MockConfigEntry, studer: StuderSimulator
) -> None:
    assert await async_setup_component(hass, "config", {})
    studer.remove_unit(702)
    await look_around(hass, entry)
    left = devices(hass, entry)
    assert "0003C6E8" in left
    assert "VarioString 2" not in {unit.name for unit in entry.runtime_data.installation.units}
    client = await hass_ws_client(hass)
    answers = [await client.remove_device(left[serial].id) for serial in ("0003C6E8", "0003C5D7")]
    assert [answer["success"] for answer in answers] == [True, False]
    assert "0003C6E8" not in devices(hass, entry)


async def test_a_replaced_unit_begins_a_history_of_its_own(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator
) -> None:
    registry = er.async_get(hass)
    before = registry.async_get_entity_id("number", DOMAIN, "studer-0001A2F3-smart_boost_limit")
    studer.replace_unit(101, fid=0x00777777)
    await look_around(hass, entry)
    new = registry.async_get_entity_id("number", DOMAIN, "studer-00777777-smart_boost_limit")
    assert new is not None
    assert new != before
    assert {"0001A2F3", "00777777"} <= devices(hass, entry).keys()


async def test_units_that_change_places_keep_their_entities(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    first, second = entity_id("0001A2F3-smart_boost_limit"), entity_id("0001A404-smart_boost_limit")
    await set_number(hass, first, 35)
    studer.swap_units(101, 102)
    await look_around(hass, entry)
    await poll(entry.runtime_data)
    # It now has another address, but it is still the one that was set.
    assert (value(hass, first), value(hass, second)) == ("35.0", "100.0")
    await set_number(hass, first, 40)
    assert studer.ram[102, 1607] == 40


async def test_the_same_units_after_a_pause_are_no_reason_to_reload(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    """Messages that came meanwhile change what is known of the installation, but not who is there."""
    await switch(hass, entity_id("pause"), True)
    await reload(hass, entry)
    studer.add_message(12, 101)
    coordinator = entry.runtime_data
    await switch(hass, entity_id("pause"), False)
    await poll(coordinator)
    assert entry.runtime_data is coordinator
    assert coordinator.installation.facts["last_message"][0] == 12


# Messages


@pytest.fixture
async def fired(hass: HomeAssistant, entry: MockConfigEntry, entity_id: Find) -> AsyncIterator[list[int]]:
    """The number of every message that the event entity has told, in order.

    The state is the time at which something was told; a restart shows the last one again, with its time.
    """
    seen: list[int] = []
    told: set[tuple[str, int]] = set()

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        new = event.data["new_state"]
        if new is None or new.state in ("unknown", "unavailable"):
            return
        this = new.state, new.attributes["number"]
        if this not in told:
            told.add(this)
            seen.append(new.attributes["number"])

    stop = async_track_state_change_event(hass, entity_id("messages"), note)
    yield seen
    stop()


async def test_messages_are_told_once_each_oldest_first_and_across_restarts(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    studer: StuderSimulator,
    entity_id: Find,
    fired: list[int],
) -> None:
    for number, source in ((3, 101), (16, 102), (81, 701)):
        studer.add_message(number, source)
    await poll(entry.runtime_data)
    await poll(entry.runtime_data)
    assert fired == [3, 16, 81]
    shown = attributes(hass, entity_id("messages"))
    assert shown["unit"] == "VarioString 1"
    assert shown["text"]
    assert await hass.config_entries.async_unload(entry.entry_id)
    studer.add_message(12, 101)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    await poll(entry.runtime_data)
    await reload(hass, entry)
    await poll(entry.runtime_data)
    assert fired == [3, 16, 81, 12]


async def test_a_stopped_unit_is_a_repair_issue_until_it_works_again(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, issue_registry: ir.IssueRegistry
) -> None:
    issue = f"{entry.entry_id}_unit_halted"
    studer.stop_unit(101)
    studer.add_message(HALTING, 101)
    await poll(entry.runtime_data)
    found = issue_registry.async_get_issue(DOMAIN, issue)
    assert found is not None
    assert found.translation_placeholders is not None
    assert found.translation_placeholders["messages"].startswith("Xtender 1: ")
    studer.house.advance(60)
    for _ in range(3):
        await poll(entry.runtime_data)
    assert issue_registry.async_get_issue(DOMAIN, issue) is None


# RAM


async def test_the_journal_is_in_the_diagnostics(
    hass: HomeAssistant, hass_client: Any, entry: MockConfigEntry, entity_id: Find
) -> None:
    for limit in (20, 30):
        await set_number(hass, entity_id("smart_boost_limit"), limit)
    shown = await download(hass, hass_client, entry)
    [kept] = [each for name, each in shown["journal"].items() if name.endswith("/smart_boost_limit")]
    assert (kept["ram_writes"], kept["flash_writes"], kept["ram_value"]) == (2, 0, 30.0)


async def test_a_restart_of_a_unit_shows_flash_again(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    boost = entity_id("smart_boost_limit")
    await set_number(hass, boost, 20)
    studer.restart(101)
    studer.add_message(177, 101)
    await poll(entry.runtime_data)
    await poll(entry.runtime_data)
    assert value(hass, boost) == "100.0"
    assert attributes(hass, boost)["ram_written_at"] is None


async def test_a_day_of_an_automation_every_minute_costs_no_flash(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    """What Home Assistant does with a write a minute for a day, in compressed time, with restarts in between."""
    boost = entity_id("smart_boost_limit")
    for minute in range(24 * 60):
        await set_number(hass, boost, 5.0 * (minute % 20))
        if minute % 480 == 479:
            studer.house.advance(8 * 3600)
            await reload(hass, entry)
    assert sum(request.service == "write" for request in studer.requests) == 24 * 60
    assert sum(studer.flash_writes.values()) == 0
    assert studer.flash(101, 1607) == 100
    assert value(hass, boost) == "95.0"


# Watchdogs


def arm(studer: StuderSimulator, seconds: float = 60.0) -> None:
    studer.set_flash(101, 1628, 1)
    studer.set_flash(101, 1629, seconds)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another task works
            await asyncio.sleep(0.005)


async def test_an_armed_watchdog_refuses_settings_and_says_so(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    studer: StuderSimulator,
    entity_id: Find,
    issue_registry: ir.IssueRegistry,
) -> None:
    arm(studer)
    await reload(hass, entry)
    await look_around(hass, entry)
    issue = issue_registry.async_get_issue(DOMAIN, f"{entry.entry_id}_watchdog_armed")
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["units"] == "Xtender 1"
    with pytest.raises(HomeAssistantError) as caught:
        await set_number(hass, entity_id("0001A2F3-smart_boost_limit"), 20)
    assert caught.value.translation_key == "watchdog_armed"
    # The other Xtender has none.
    await set_number(hass, entity_id("0001A404-smart_boost_limit"), 20)
    studer.house.advance(3600)
    assert studer.stops == []
    assert (101, 1607) not in studer.ram

    studer.set_flash(101, 1628, 0)
    await look_around(hass, entry)
    assert issue_registry.async_get_issue(DOMAIN, f"{entry.entry_id}_watchdog_armed") is None
    await set_number(hass, entity_id("0001A2F3-smart_boost_limit"), 20)
    assert studer.ram[101, 1607] == 20


async def test_one_write_and_an_armed_watchdog_that_is_kept_alive_never_stop_the_unit(
    hass: HomeAssistant, studer: StuderSimulator, port: int, entity_id: Find, issue_registry: ir.IssueRegistry
) -> None:
    arm(studer)
    await studer.dial("127.0.0.1", port)
    entry = new_entry(port, keep_watchdogs_alive=True)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not [issue for issue in issue_registry.issues.values() if issue.domain == DOMAIN]
    await set_number(hass, entity_id("0001A2F3-smart_boost_limit"), 20)

    def writes() -> int:
        return sum(request.service == "write" for request in studer.requests)

    for _ in range(120):
        # An hour, in steps that are half as long as the delay, and as after a write each of them is fed.
        before = writes()
        await until(lambda before=before: writes() > before + 1)  # type: ignore[misc]
        studer.house.advance(30)
    assert studer.stops == []
    assert studer.effective(101, 1607) == 20
    assert not studer.flash_writes
    if state_of(entry) is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(entry.entry_id)


async def test_a_pause_that_would_reset_the_gateway_is_refused_with_the_reason(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    studer.set_flash(501, 5095, 1)
    studer.set_flash(501, 5096, 90)
    await reload(hass, entry)
    await entry.runtime_data.client.identify()
    with pytest.raises(HomeAssistantError) as caught:
        await switch(hass, entity_id("pause"), True)
    assert caught.value.translation_key == "pause_refused"
    assert caught.value.translation_placeholders == {"seconds": "90"}
    assert value(hass, entity_id("pause")) == "off"
    assert entry.runtime_data.paused is False
