"""The pause: nothing is polled, values stay and say so, a person's write goes out, and a restart changes none of it."""

from datetime import UTC, datetime, time, timedelta
from time import monotonic
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.local_solar.const import DOMAIN
from custom_components.local_solar.solarlink.links.listener import _Listener
from custom_components.local_solar.solarlink.points import Point, Quantity, Reading, Ref, Value
from custom_components.local_solar.store import Memory
from simulators.studer import StuderSimulator

from .common import Find, attributes, poll, set_connect_wait, set_number, switch, value
from .conftest import OTHER_GUID


async def pass_time(hass: HomeAssistant, seconds: float) -> None:
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds))
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.fixture
async def paused(hass: HomeAssistant, entry: MockConfigEntry, entity_id: Find) -> MockConfigEntry:
    await switch(hass, entity_id("pause"), True)
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry


async def test_polling_goes_on_by_itself(hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator) -> None:
    before = len(studer.requests)
    entry.runtime_data.planner.expire(entry.runtime_data.known)
    await pass_time(hass, 31)
    assert len(studer.requests) > before


async def test_nothing_is_polled_and_values_stay(
    hass: HomeAssistant, paused: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    assert value(hass, entity_id("pause")) == STATE_ON
    power = entity_id("ac_output_power")
    before, shown = len(studer.requests), value(hass, power)
    studer.set_info(101, 3136, 9.0)
    for _ in range(3):
        await pass_time(hass, 3600)
        await poll(paused.runtime_data)
    assert len(studer.requests) == before
    assert value(hass, power) == shown
    assert attributes(hass, power)["paused"] is True
    assert attributes(hass, entity_id("smart_boost_limit"))["paused"] is True
    assert value(hass, entity_id("link_state")) == "paused"


async def test_resume_reads_at_once(
    hass: HomeAssistant, paused: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    studer.set_info(101, 3136, 2.5)
    await switch(hass, entity_id("pause"), False)
    await pass_time(hass, 2)
    assert float(value(hass, entity_id("ac_output_power"))) == pytest.approx(2500)
    assert "paused" not in attributes(hass, entity_id("ac_output_power"))
    assert value(hass, entity_id("pause")) == STATE_OFF
    assert value(hass, entity_id("link_state")) == "connected"


async def test_turning_it_on_twice_is_no_matter(hass: HomeAssistant, paused: MockConfigEntry, entity_id: Find) -> None:
    await switch(hass, entity_id("pause"), True)
    assert value(hass, entity_id("pause")) == STATE_ON


async def test_a_write_still_goes_out(
    hass: HomeAssistant, paused: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    boost = entity_id("smart_boost_limit")
    await set_number(hass, boost, 25)
    assert studer.ram[101, 1607] == 25
    assert value(hass, boost) == "25.0"
    assert attributes(hass, boost)["paused"] is True


async def test_a_pause_does_not_heal_a_lost_link(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    studer: StuderSimulator,
    entity_id: Find,
    caplog: pytest.LogCaptureFixture,
) -> None:
    studer.faults.set("silence")
    await poll(entry.runtime_data)
    await switch(hass, entity_id("pause"), True)
    await poll(entry.runtime_data)
    assert "recovered" not in caplog.text
    assert value(hass, entity_id("ac_output_power")) not in (STATE_UNAVAILABLE, STATE_UNKNOWN)


async def test_restart_during_the_pause(
    hass: HomeAssistant, paused: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    """Nothing is asked, not even who is there; yet everything is shown, and a write goes out."""
    boost = entity_id("smart_boost_limit")
    await set_number(hass, boost, 65)
    shown = {state.entity_id: state.state for state in hass.states.async_all(("number",))}
    power = value(hass, entity_id("ac_output_power"))
    requests = len(studer.requests)
    assert await hass.config_entries.async_unload(paused.entry_id)
    assert not _Listener.running
    assert await hass.config_entries.async_setup(paused.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(studer.requests) == requests
    assert value(hass, entity_id("pause")) == STATE_ON
    assert value(hass, entity_id("ac_output_power")) == power
    assert {state.entity_id: state.state for state in hass.states.async_all(("number",))} == shown
    assert attributes(hass, boost)["paused"] is True
    assert attributes(hass, boost)["ram_written_at"] is not None

    await set_number(hass, boost, 70)
    assert studer.ram[101, 1607] == 70
    assert not studer.flash_writes

    studer.set_info(101, 3136, 3.0)
    await switch(hass, entity_id("pause"), False)
    await pass_time(hass, 2)
    assert float(value(hass, entity_id("ac_output_power"))) == pytest.approx(3000)
    assert value(hass, boost) == "70.0"
    assert value(hass, entity_id("link_state")) == "connected"


async def test_a_unit_comes_while_nobody_looks(
    hass: HomeAssistant, paused: MockConfigEntry, studer: StuderSimulator, port: int, entity_id: Find
) -> None:
    """What was added during the pause and a restart appears when the pause ends."""
    await hass.config_entries.async_unload(paused.entry_id)
    await studer.close()
    bigger = StuderSimulator(house=studer.house, pace=0.0, variostrings=3)
    await bigger.dial("127.0.0.1", port)
    await hass.config_entries.async_setup(paused.entry_id)
    await switch(hass, entity_id("pause"), False)
    await pass_time(hass, 2)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [unit.name for unit in paused.runtime_data.installation.units].count("VarioString 3") == 1
    assert er.async_get(hass).async_get_entity_id("sensor", DOMAIN, "studer-0003C7F9-pv_power")
    await hass.config_entries.async_unload(paused.entry_id)
    await bigger.close()


async def test_another_gateway_after_the_pause(
    hass: HomeAssistant, paused: MockConfigEntry, studer: StuderSimulator, port: int, entity_id: Find
) -> None:
    await hass.config_entries.async_unload(paused.entry_id)
    await studer.stop_dialling()
    other = StuderSimulator(house=studer.house, pace=0.0, guid=UUID(OTHER_GUID))
    await other.dial("127.0.0.1", port)
    set_connect_wait(0.5)
    await hass.config_entries.async_setup(paused.entry_id)
    await switch(hass, entity_id("pause"), False)
    await pass_time(hass, 2)
    assert value(hass, entity_id("ac_output_power")) == STATE_UNAVAILABLE
    assert OTHER_GUID in value(hass, entity_id("last_error"))
    await other.close()


async def test_every_kind_of_value_survives(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    def point(quantity: Quantity) -> Point[None]:
        return Point(key=quantity.value, name="", unit_kind="", quantity=quantity, address=None)

    values: dict[Quantity, Value] = {
        Quantity.TIME_OF_DAY: time(6, 30),
        Quantity.TIMESTAMP: datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        Quantity.TEXT: "06:30",
        Quantity.FLAG: True,
        Quantity.COUNT: 3,
        Quantity.POWER: None,
    }
    points = {Ref("u", quantity.value): point(quantity) for quantity in values}
    memory = Memory(hass, "x")
    await memory.async_load()
    memory.frozen = {Ref("u", quantity.value): Reading(each, 0.0, each) for quantity, each in values.items()}
    await memory.async_flush()
    again = Memory(hass, "x")
    await again.async_load()
    restored = again.restore(points)
    assert {ref.key: (reading.value, reading.stored) for ref, reading in restored.items()} == {
        quantity.value: (each, each) for quantity, each in values.items()
    }
    assert not again.restore({})


async def test_an_installation_of_another_shape_is_forgotten(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    data = {"installation": {"root": {"id": "x", "colour": "red"}, "units": []}}
    hass_storage[f"{DOMAIN}.y"] = {"version": 1, "minor_version": 1, "key": f"{DOMAIN}.y", "data": data}
    memory = Memory(hass, "y")
    await memory.async_load()
    assert memory.installation is None


async def test_a_pause_does_not_make_old_values_fresh(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    studer: StuderSimulator,
    entity_id: Find,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was too old to be shown when the pause began is not shown during it."""
    later = monotonic() + 200
    with monkeypatch.context() as patch:
        patch.setattr("custom_components.local_solar.coordinator.time", SimpleNamespace(monotonic=lambda: later))
        await switch(hass, entity_id("pause"), True)
    assert value(hass, entity_id("ac_output_power")) == STATE_UNAVAILABLE
    assert value(hass, entity_id("smart_boost_limit")) not in (STATE_UNAVAILABLE, STATE_UNKNOWN)
