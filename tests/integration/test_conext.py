"""A Conext gateway in Home Assistant: what appears, its values and signs, its settings, alarms, and its maintenance."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_PORT, STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.local_solar.const import CONF_INTERVAL, DOMAIN
from custom_components.local_solar.coordinator import SolarCoordinator
from simulators.conext import ConextSimulator
from simulators.house import House

from .browser_form import opened
from .common import Find, attributes, choose, poll, set_number, state_of, switch, value, warnings_of_ours
from .conext_home import COMBOX_SERIAL, HOST, XW_SERIAL, conext_entry, hurry, load
from .test_config_flow import Result, advance, after_progress, filled

XW, COMBOX = 10, 201
CHARGERS = ("A030S04741", "A031S04742")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
async def gateway(socket_enabled: None) -> AsyncIterator[ConextSimulator]:
    """A ComBox with an XW+ and two solar chargers in a house that stands still."""
    async with ConextSimulator(house=House(seed=1, speed=0), pace=0.0) as simulator:
        yield simulator


@pytest.fixture
async def coordinator(hass: HomeAssistant, gateway: ConextSimulator) -> AsyncIterator[SolarCoordinator]:
    """A loaded entry."""
    entry = conext_entry(await gateway.listen())
    yield await load(hass, entry)
    if state_of(entry) is ConfigEntryState.LOADED:
        assert await hass.config_entries.async_unload(entry.entry_id)


def number(hass: HomeAssistant, entity: str) -> float:
    """A state that is a number."""
    return float(value(hass, entity))


# The dialog


async def submitted(hass: HomeAssistant, port: int) -> Result:
    """Go through the menu and the form, and wait for what comes of it."""
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})
    form = await advance(hass, result, {"next_step_id": "conext"})
    assert form["step_id"] == "conext_tcp"
    return await after_progress(hass, await advance(hass, form, {CONF_HOST: HOST, CONF_PORT: port}))


async def test_flow_shows_every_unit_and_adds_them(hass: HomeAssistant, gateway: ConextSimulator) -> None:
    port = await gateway.listen()
    found = await submitted(hass, port)
    assert found["step_id"] == "conext_found"
    assert all(serial in filled(found)["devices"] for serial in (COMBOX_SERIAL, XW_SERIAL, *CHARGERS))
    created = await advance(hass, found, {})
    assert created["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    entry = created["result"]
    assert entry.unique_id == f"conext-{COMBOX_SERIAL}"
    assert state_of(entry) is ConfigEntryState.LOADED
    again = await submitted(hass, port)
    assert (again["type"], again["reason"]) == (FlowResultType.ABORT, "already_configured")
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_nobody_at_that_port(hass: HomeAssistant, port: int) -> None:
    result = await submitted(hass, port)
    assert result["errors"] == {"base": "link_failed"}
    hass.config_entries.flow.async_abort(result["flow_id"])


async def test_options_are_kept(hass: HomeAssistant, coordinator: SolarCoordinator) -> None:
    entry = coordinator.config_entry
    form: Result = await hass.config_entries.options.async_init(entry.entry_id)
    assert form["step_id"] == "conext"
    answer = {
        CONF_INTERVAL: 20,
        "byte_order": "auto",
        "keep_connection": "yes",
        "swap_battery_energy": False,
        "soc_control": {"shortest_on": 5},
    }
    assert opened(form).keys() == answer.keys()
    done: Result = await hass.config_entries.options.async_configure(form["flow_id"], answer)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.options[CONF_INTERVAL] == 20
    assert entry.options["soc_control"]["shortest_on"] == 5
    assert entry.runtime_data.interval == 20
    again: Result = await hass.config_entries.options.async_init(entry.entry_id)
    assert opened(again) == entry.options
    hass.config_entries.options.async_abort(again["flow_id"])


@pytest.mark.parametrize(("swap", "keep"), [(True, "no"), (False, "yes")])
async def test_options_reach_the_client(
    hass: HomeAssistant, gateway: ConextSimulator, entity_id: Find, swap: bool, keep: str
) -> None:
    gateway.set(XW, "energy_from_battery_lifetime", 100.0)
    gateway.set(XW, "energy_to_battery_lifetime", 200.0)
    entry = conext_entry(await gateway.listen(), swap_battery_energy=swap, keep_connection=keep)
    coordinator = await load(hass, entry)
    assert number(hass, entity_id(f"{XW_SERIAL}-battery_discharge_energy_total")) == (200 if swap else 100)
    # A connection that is not kept is closed after a moment of rest, so that the next round needs another one.
    if keep == "no":
        async with asyncio.timeout(10):
            while gateway.server.connections:  # noqa: ASYNC110 - the other side closes it
                await asyncio.sleep(0.02)
    before = gateway.connects
    await poll(coordinator)
    assert gateway.connects == before + (keep == "no")
    assert await hass.config_entries.async_unload(entry.entry_id)


# What appears


async def test_units_are_devices_known_by_their_serial_numbers(
    hass: HomeAssistant, coordinator: SolarCoordinator
) -> None:
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), coordinator.config_entry.entry_id)
    by_serial = {device.serial_number: device for device in devices}
    assert by_serial.keys() == {COMBOX_SERIAL, XW_SERIAL, *CHARGERS}
    root = by_serial.pop(COMBOX_SERIAL)
    assert all(device.via_device_id == root.id for device in by_serial.values())
    assert all(device.sw_version and device.model for device in devices)


async def test_another_bus_address_is_the_same_device(
    hass: HomeAssistant, coordinator: SolarCoordinator, gateway: ConextSimulator, entity_id: Find
) -> None:
    before = entity_id(f"{CHARGERS[1]}-pv_power")
    moved = gateway.devices.pop(31)
    gateway.devices[32] = moved
    moved.unit = 32
    entry = coordinator.config_entry
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert value(hass, before) != STATE_UNAVAILABLE
    assert entity_id(f"{CHARGERS[1]}-pv_power") == before


async def test_values_have_the_signs_of_the_energy_dashboard(
    hass: HomeAssistant, coordinator: SolarCoordinator, gateway: ConextSimulator, entity_id: Find
) -> None:
    house = gateway.house
    sun = sum(number(hass, entity_id(f"{serial}-pv_power")) for serial in CHARGERS)
    assert sun == pytest.approx(house.solar_power, abs=3)
    assert sun > 100
    grid, battery = entity_id(f"{XW_SERIAL}-grid_power"), entity_id(f"{COMBOX_SERIAL}-battery_power")
    assert number(hass, grid) == pytest.approx(house.grid.power, abs=2)
    assert house.battery.power < 0
    assert number(hass, battery) == pytest.approx(house.battery.power, abs=10)
    assert number(hass, entity_id(f"{XW_SERIAL}-load_power")) == pytest.approx(house.load_power, abs=2)
    # In the evening the battery feeds the house.
    gateway.put(XW, "load_shave_amps", 0.0)
    gateway.put(XW, "grid_support_voltage", 48.0)
    gateway.put(XW, "grid_support", 1)
    gateway.put(XW, "load_shave", 1)
    gateway.advance(12 * 3600)
    await poll(coordinator)
    assert house.battery.power > 0
    assert number(hass, battery) == pytest.approx(house.battery.power, abs=10)


async def test_entities_people_look_at(hass: HomeAssistant, coordinator: SolarCoordinator) -> None:
    entities = er.async_entries_for_config_entry(er.async_get(hass), coordinator.config_entry.entry_id)
    enabled = [entity for entity in entities if not entity.disabled]
    assert 80 <= len(enabled) <= 220
    assert all(entity.translation_key for entity in entities)
    unavailable = [each.entity_id for each in enabled if value(hass, each.entity_id) == STATE_UNAVAILABLE]
    assert unavailable == []


async def test_energies(
    hass: HomeAssistant, coordinator: SolarCoordinator, gateway: ConextSimulator, entity_id: Find
) -> None:
    counted = entity_id(f"{CHARGERS[0]}-pv_energy")
    assert attributes(hass, counted)["counted_by"] == "device"
    assert attributes(hass, counted)["state_class"] == "total_increasing"
    before, made = number(hass, counted), gateway.house.arrays[0].energy.total
    gateway.advance(2 * 3600)
    await poll(coordinator)
    gained = gateway.house.arrays[0].energy.total - made
    assert gained > 0.03
    assert number(hass, counted) - before == pytest.approx(gained, abs=0.003)
    assert attributes(hass, entity_id(f"{XW_SERIAL}-battery_energy_out"))["counted_by"] == "integration"


# Settings


async def test_settings_are_written_once_and_read_back(
    hass: HomeAssistant, coordinator: SolarCoordinator, gateway: ConextSimulator, entity_id: Find
) -> None:
    cut_out = entity_id(f"{XW_SERIAL}-low_battery_cut_out")
    assert attributes(hass, cut_out)["min"] == 40
    await set_number(hass, cut_out, 47.5)
    await set_number(hass, cut_out, 47.5)
    assert number(hass, cut_out) == 47.5
    assert [(write.unit, write.key, write.value) for write in gateway.writes] == [(XW, "low_battery_cut_out", 47.5)]
    await switch(hass, entity_id(f"{XW_SERIAL}-load_shave"), True)
    assert value(hass, entity_id(f"{XW_SERIAL}-load_shave")) == STATE_ON
    await choose(hass, entity_id(f"{XW_SERIAL}-ac_priority"), "generator_priority_ac2")
    assert value(hass, entity_id(f"{XW_SERIAL}-ac_priority")) == "generator_priority_ac2"
    data = {"entity_id": entity_id(f"{XW_SERIAL}-load_shave_start"), "time": "22:30:00"}
    await hass.services.async_call("time", "set_value", data, blocking=True)
    assert gateway.value(XW, "load_shave_start") == 22 * 60 + 30
    assert len(gateway.writes) == 4
    with pytest.raises(ServiceValidationError):
        await set_number(hass, cut_out, 70)
    assert len(gateway.writes) == 4


async def test_dropped_write_is_told_and_the_real_value_shown(
    hass: HomeAssistant, coordinator: SolarCoordinator, gateway: ConextSimulator, entity_id: Find
) -> None:
    cut_out = entity_id(f"{XW_SERIAL}-low_battery_cut_out")
    before = number(hass, cut_out)
    gateway.faults.set("dropped_write")
    with pytest.raises(HomeAssistantError) as caught:
        await set_number(hass, cut_out, before + 1)
    assert caught.value.translation_key == "not_kept"
    await poll(coordinator)
    assert number(hass, cut_out) == before
    assert gateway.value(XW, "low_battery_cut_out") == before


async def test_limits_follow_the_nominal_voltage(hass: HomeAssistant, socket_enabled: None, entity_id: Find) -> None:
    async with ConextSimulator(house=House(seed=1, speed=0), pace=0.0, nominal=24) as gateway:
        entry = conext_entry(await gateway.listen())
        await load(hass, entry)
        cut_out = attributes(hass, entity_id(f"{XW_SERIAL}-low_battery_cut_out"))
        assert (cut_out["min"], cut_out["max"]) == (20, 26)
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_what_can_cut_the_supply_has_no_entity(hass: HomeAssistant, coordinator: SolarCoordinator) -> None:
    entities = er.async_entries_for_config_entry(er.async_get(hass), coordinator.config_entry.entry_id)
    keys = ("restart", "operating_mode", "inverter")
    names = tuple(f"{XW_SERIAL}-{key}" for key in keys)
    dangerous = [each for each in entities if each.unique_id.endswith((*names, "-restart"))]
    assert [each.unique_id for each in dangerous if each.domain not in ("sensor", "binary_sensor")] == []


# Alarms


async def test_alarms_are_problems_and_events(
    hass: HomeAssistant, coordinator: SolarCoordinator, gateway: ConextSimulator, entity_id: Find
) -> None:
    fault, told = entity_id(f"{XW_SERIAL}-fault"), entity_id(f"{XW_SERIAL}-fault_or_warning")
    texts = entity_id(f"{XW_SERIAL}-active_alarms")
    assert value(hass, fault) == STATE_OFF
    gateway.faults.set("inverter_fault")
    await poll(coordinator)
    assert value(hass, fault) == STATE_ON
    assert attributes(hass, told)["event_type"] == "fault_begun"
    assert attributes(hass, told)["code"] in ("F48", "F57")
    assert "F48" in value(hass, texts)
    gateway.faults.clear("inverter_fault")
    await poll(coordinator)
    assert value(hass, fault) == STATE_OFF
    assert attributes(hass, told)["event_type"] == "fault_over"
    gateway.faults.set("warning")
    await poll(coordinator)
    assert value(hass, entity_id(f"{XW_SERIAL}-warning")) == STATE_ON
    assert attributes(hass, told)["event_type"] == "warning_begun"


# Away


async def test_maintenance_is_no_outage(
    hass: HomeAssistant,
    coordinator: SolarCoordinator,
    gateway: ConextSimulator,
    entity_id: Find,
    caplog: pytest.LogCaptureFixture,
) -> None:
    voltage = entity_id(f"{XW_SERIAL}-battery_voltage")
    before = value(hass, voltage)
    gateway.faults.set("maintenance")
    await poll(coordinator)
    gateway.advance(90)
    count = len(gateway.requests)
    for _ in range(4):
        await poll(coordinator)
    assert len(gateway.requests) == count
    assert value(hass, voltage) == before
    assert coordinator.last_update_success
    with pytest.raises(HomeAssistantError) as caught:
        await switch(hass, entity_id(f"{XW_SERIAL}-load_shave"), True)
    assert caught.value.translation_key == "maintenance"
    assert warnings_of_ours(caplog) == []


async def test_a_unit_that_leaves_the_bus_costs_only_itself(
    hass: HomeAssistant, coordinator: SolarCoordinator, gateway: ConextSimulator, entity_id: Find
) -> None:
    power = entity_id(f"{CHARGERS[0]}-pv_power")
    gateway.faults.set("device_gone", 30.0)
    # Values are shown until they are three periods old.
    for ref in coordinator.known:
        if ref.unit.endswith("_30"):
            coordinator.data.pop(ref, None)
    await poll(coordinator)
    assert value(hass, power) == STATE_UNAVAILABLE
    assert number(hass, entity_id(f"{XW_SERIAL}-battery_voltage")) > 40
    gateway.faults.clear("device_gone")
    await poll(coordinator)
    assert number(hass, power) > 0


async def test_wrong_gateway_is_refused(hass: HomeAssistant, coordinator: SolarCoordinator) -> None:
    entry = coordinator.config_entry
    assert await hass.config_entries.async_unload(entry.entry_id)
    async with ConextSimulator(house=House(seed=1, speed=0), pace=0.0, gateway="gateway") as other:
        data: dict[str, Any] = {**entry.data, CONF_PORT: await other.listen()}
        hass.config_entries.async_update_entry(entry, data=data)
        assert not await hass.config_entries.async_setup(entry.entry_id)
        assert state_of(entry) is ConfigEntryState.SETUP_ERROR
        assert other.writes == []


# Diagnostics and the end


@pytest.mark.parametrize("order", ["lsb", "msb"])
async def test_diagnostics_tell_no_serial_number(
    hass: HomeAssistant, socket_enabled: None, hass_client: ClientSessionGenerator, order: Any
) -> None:
    async with ConextSimulator(house=House(seed=1, speed=0), pace=0.0, order=order) as gateway:
        entry = conext_entry(await gateway.listen())
        await load(hass, entry)
        told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
        assert await hass.config_entries.async_unload(entry.entry_id)
    assert told["facts"]["order"] == order
    text = json.dumps(told)
    plain = text.replace(" ", "")
    for serial in (COMBOX_SERIAL, XW_SERIAL, *CHARGERS):
        padded = serial.encode().ljust(20, b"\0")
        swapped = b"".join(bytes((padded[at + 1], padded[at])) for at in range(0, 20, 2)).rstrip(b"\0")
        assert serial not in text
        assert serial.encode().hex() not in plain
        assert swapped.hex() not in plain


async def test_unload_leaves_nothing(
    hass: HomeAssistant, coordinator: SolarCoordinator, gateway: ConextSimulator
) -> None:
    entry = coordinator.config_entry
    assert gateway.server.connections
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    count, connects = len(gateway.requests), gateway.connects
    assert not coordinator.client.connected
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert len(gateway.requests) > count
    assert gateway.connects == connects + 1
