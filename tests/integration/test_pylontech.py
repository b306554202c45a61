"""A Pylontech stack in Home Assistant: both links, modules as devices, values and signs, alarms, troubles."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import (
    CONF_DEVICE,
    CONF_HOST,
    CONF_PORT,
    EVENT_STATE_CHANGED,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.local_solar.const import DOMAIN
from custom_components.local_solar.coordinator import SolarCoordinator
from simulators.house import House
from simulators.pylontech import PylontechSimulator

from .common import Find, attributes, poll, state_of, value
from .conext_home import HOST, hurry, load, pylontech_entry
from .test_config_flow import Result, advance, after_progress, filled


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
async def stack(socket_enabled: None) -> AsyncIterator[PylontechSimulator]:
    """Three modules at their console, in a house that stands still."""
    async with PylontechSimulator(house=House(seed=1, speed=0), pace=0.0, layout="C") as simulator:
        yield simulator


@pytest.fixture
async def coordinator(hass: HomeAssistant, stack: PylontechSimulator) -> AsyncIterator[SolarCoordinator]:
    """A loaded entry."""
    entry = pylontech_entry(await stack.listen(), stack.serials[0])
    yield await load(hass, entry)
    if state_of(entry) is ConfigEntryState.LOADED:
        assert await hass.config_entries.async_unload(entry.entry_id)


def number(hass: HomeAssistant, entity: str) -> float:
    """A state that is a number."""
    return float(value(hass, entity))


def issues(hass: HomeAssistant) -> set[str | None]:
    """The repair issues that are ours."""
    return {issue.translation_key for domain, issue in _issues(hass) if domain == DOMAIN}


def _issues(hass: HomeAssistant) -> list[tuple[str, ir.IssueEntry]]:
    return [(key[0], issue) for key, issue in ir.async_get(hass).issues.items() if issue.active]


# The dialog


async def submitted(hass: HomeAssistant, link: str, answer: dict[str, Any]) -> Result:
    """Go through the menus and the form, and wait for what comes of it."""
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})
    result = await advance(hass, result, {"next_step_id": "pylontech"})
    assert result["menu_options"] == ["pylontech_serial", "pylontech_tcp"]
    form = await advance(hass, result, {"next_step_id": f"pylontech_{link}"})
    return await after_progress(hass, await advance(hass, form, answer))


async def test_serial_port(hass: HomeAssistant, stack: PylontechSimulator) -> None:
    found = await submitted(hass, "serial", {CONF_DEVICE: await stack.pty(), "protocol": "console"})
    assert found["step_id"] == "pylontech_found", found
    assert all(serial in filled(found)["devices"] for serial in stack.serials)
    created = await advance(hass, found, {})
    assert created["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state_of(created["result"]) is ConfigEntryState.LOADED
    assert await hass.config_entries.async_unload(created["result"].entry_id)


async def test_rs485_behind_a_serial_server_gives_the_same_entities(
    hass: HomeAssistant, socket_enabled: None, entity_id: Find
) -> None:
    async with PylontechSimulator(house=House(seed=1, speed=0), pace=0.0, layout="C", protocol="rs485") as stack:
        found = await submitted(hass, "tcp", {CONF_HOST: HOST, CONF_PORT: await stack.listen(), "protocol": "rs485"})
        assert found["step_id"] == "pylontech_found", found
        created = await advance(hass, found, {})
        await hass.async_block_till_done(wait_background_tasks=True)
        assert stack.requests
        assert created["result"].unique_id == f"pylontech-{stack.serials[0]}-stack"
        assert number(hass, entity_id("stack-state_of_charge")) == pytest.approx(stack.house.battery.soc, abs=2)
        for serial in stack.serials:
            assert number(hass, entity_id(f"{serial}-battery_voltage")) > 44
        assert await hass.config_entries.async_unload(created["result"].entry_id)


async def test_high_voltage_stack_is_refused_with_a_sentence(hass: HomeAssistant, socket_enabled: None) -> None:
    async with PylontechSimulator(house=House(seed=1, speed=0), pace=0.0, layout="HV") as tower:
        port = await tower.listen()
        result = await submitted(hass, "tcp", {CONF_HOST: HOST, CONF_PORT: port, "protocol": "console"})
        assert result["type"] is FlowResultType.FORM
        assert result["errors"]
        hass.config_entries.flow.async_abort(result["flow_id"])


# What appears


async def test_modules_are_devices_known_by_their_serial_numbers(
    hass: HomeAssistant, stack: PylontechSimulator, coordinator: SolarCoordinator
) -> None:
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), coordinator.config_entry.entry_id)
    by_serial = {device.serial_number: device for device in devices}
    master = f"{stack.serials[0]}-stack"
    assert by_serial.keys() == {master, *stack.serials}
    assert all(by_serial[serial].via_device_id == by_serial[master].id for serial in stack.serials)
    assert {by_serial[serial].model for serial in stack.serials} == {"US5000"}


async def test_values_and_signs(
    hass: HomeAssistant, stack: PylontechSimulator, coordinator: SolarCoordinator, entity_id: Find
) -> None:
    battery = stack.house.battery
    assert battery.power < 0, "the sun charges"
    assert number(hass, entity_id("stack-battery_power")) == pytest.approx(battery.power, rel=0.03, abs=20)
    assert number(hass, entity_id("stack-battery_current")) == pytest.approx(-battery.current, rel=0.03, abs=0.5)
    modules = [number(hass, entity_id(f"{serial}-battery_power")) for serial in stack.serials]
    assert sum(modules) == pytest.approx(number(hass, entity_id("stack-battery_power")), abs=5)
    assert number(hass, entity_id("stack-modules_answering")) == 3
    lowest, highest = (number(hass, entity_id(f"stack-{end}_cell_voltage")) for end in ("lowest", "highest"))
    assert 2.8 < lowest < highest < 3.7
    spreads = [number(hass, entity_id(f"{serial}-cell_voltage_spread")) for serial in stack.serials]
    assert number(hass, entity_id("stack-cell_voltage_spread")) == max(spreads)
    assert 0 < max(spreads) <= highest - lowest + 0.0005
    stack.set(2, charge=31)
    await poll(coordinator)
    assert number(hass, entity_id("stack-lowest_state_of_charge")) == 31
    assert number(hass, entity_id("stack-state_of_charge")) > 40


async def test_energies_are_summed_up_here(hass: HomeAssistant, coordinator: SolarCoordinator, entity_id: Find) -> None:
    for key in ("stack-battery_energy_in", "stack-battery_energy_out"):
        assert attributes(hass, entity_id(key))["counted_by"] == "integration"
        assert attributes(hass, entity_id(key))["state_class"] == "total_increasing"
        assert attributes(hass, entity_id(key))["device_class"] == "energy"


async def test_energies_follow_the_power(
    hass: HomeAssistant, coordinator: SolarCoordinator, entity_id: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    into, out = entity_id("stack-battery_energy_in"), entity_id("stack-battery_energy_out")
    before, power = number(hass, into), number(hass, entity_id("stack-battery_power"))
    now = 0.0
    real = coordinator.client.read

    async def later(refs: Any) -> Any:
        report = await real(refs)
        for ref, reading in list(report.readings.items()):
            report.readings[ref] = type(reading)(reading.value, reading.at + now)
        return report

    monkeypatch.setattr(coordinator.client, "read", later)
    for _ in range(60):
        now += 60.0
        await poll(coordinator)
    assert number(hass, into) - before == pytest.approx(-power / 1000, rel=0.03)
    assert number(hass, out) == 0


async def test_entities_people_look_at(hass: HomeAssistant, coordinator: SolarCoordinator) -> None:
    entities = er.async_entries_for_config_entry(er.async_get(hass), coordinator.config_entry.entry_id)
    enabled = [entity for entity in entities if not entity.disabled]
    assert 50 <= len(enabled) <= 100
    assert all(entity.translation_key for entity in entities)
    assert [each.entity_id for each in enabled if value(hass, each.entity_id) == STATE_UNAVAILABLE] == []


# Alarms and troubles


async def test_alarms_are_problems_and_events(
    hass: HomeAssistant, stack: PylontechSimulator, coordinator: SolarCoordinator, entity_id: Find
) -> None:
    problem, told = entity_id("stack-battery_problem"), entity_id("stack-battery_alarm")
    module = entity_id(f"{stack.serials[0]}-module_problem")
    assert value(hass, problem) == value(hass, module) == STATE_OFF
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    stack.faults.set("alarm", 1.0)
    await poll(coordinator)
    assert value(hass, problem) == value(hass, module) == STATE_ON
    assert value(hass, entity_id(f"{stack.serials[1]}-module_problem")) == STATE_OFF
    events = [change.data["new_state"] for change in changes if change.data["entity_id"] == told]
    assert {"module_voltage", "high_voltage"} & {event.attributes["event_type"] for event in events}
    assert all(event.attributes["module"] == 1 for event in events if event.attributes["active"])
    stack.faults.clear("alarm")
    await poll(coordinator)
    assert value(hass, problem) == STATE_OFF


async def test_missing_module_is_an_issue_until_it_is_back(
    hass: HomeAssistant, stack: PylontechSimulator, coordinator: SolarCoordinator, entity_id: Find
) -> None:
    lost = entity_id(f"{stack.serials[2]}-battery_voltage")
    stack.remove(3)
    for _ in range(3):
        await poll(coordinator)
    assert issues(hass) == {"battery_module_missing"}
    assert number(hass, entity_id("stack-modules_answering")) == 2
    assert number(hass, entity_id(f"{stack.serials[0]}-battery_voltage")) > 44
    stack.insert(3)
    for _ in range(3):
        await poll(coordinator)
    assert issues(hass) == set()
    assert number(hass, lost) > 44
    assert number(hass, entity_id("stack-modules_answering")) == 3


async def test_damaged_table_changes_nothing(
    hass: HomeAssistant, stack: PylontechSimulator, coordinator: SolarCoordinator, entity_id: Find
) -> None:
    charge = entity_id("stack-state_of_charge")
    before = value(hass, charge)
    stack.faults.set("lost_bytes")
    await poll(coordinator)
    assert value(hass, charge) in (before, STATE_UNAVAILABLE)
    stack.faults.clear("lost_bytes")
    await poll(coordinator)
    assert value(hass, charge) == before


async def test_only_harmless_commands_are_sent(
    hass: HomeAssistant, stack: PylontechSimulator, coordinator: SolarCoordinator
) -> None:
    async def send(command: str) -> Any:
        data = {"config_entry_id": coordinator.config_entry.entry_id, "command": command, "confirm": True}
        return await hass.services.async_call(DOMAIN, "send_command", data, blocking=True, return_response=True)

    assert "Barcode" in (await send("info 1"))["answer"]
    with pytest.raises(HomeAssistantError) as caught:
        await send("shut")
    assert caught.value.translation_key == "not_supported"
    assert stack.writes == []


# Diagnostics and the end


@pytest.mark.parametrize("protocol", ["console", "rs485"])
async def test_diagnostics_tell_no_serial_number(
    hass: HomeAssistant, socket_enabled: None, hass_client: ClientSessionGenerator, protocol: Any
) -> None:
    async with PylontechSimulator(house=House(seed=1, speed=0), pace=0.0, layout="C", protocol=protocol) as stack:
        entry = pylontech_entry(await stack.listen(), stack.serials[0], protocol)
        await load(hass, entry)
        told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
        assert await hass.config_entries.async_unload(entry.entry_id)
    assert told["facts"]["protocol"] == protocol
    text = json.dumps(told)
    plain = text.replace(" ", "")
    for serial in stack.serials:
        assert serial not in text
        assert serial.encode().hex() not in plain
        assert serial.encode().hex().upper().encode().hex() not in plain


async def test_unload_leaves_nothing(
    hass: HomeAssistant, stack: PylontechSimulator, coordinator: SolarCoordinator
) -> None:
    entry = coordinator.config_entry
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not coordinator.client.connected
    asked = len(stack.commands)
    with pytest.raises(TimeoutError):
        await _nobody_connects(stack)
    assert len(stack.commands) == asked
    assert issues(hass) == set()


async def _nobody_connects(stack: PylontechSimulator) -> None:
    await stack.drop()
    await stack.wait_connected(0.2)
