"""A Victron GX in Home Assistant: what appears, its values and signs, its settings, and services that come and go."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_PORT, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.local_solar.const import CONF_INTERVAL, DOMAIN
from custom_components.local_solar.flows.victron_gx import BATTERY_UNIT, PUBLISH
from custom_components.local_solar.solarlink.victron_gx import writer
from simulators.victron_gx import PORTAL_ID, Write

from .common import attributes, choose, poll, set_number, state_of, switch, warnings_of_ours
from .test_config_flow import Result, advance, after_progress, filled
from .victron_home import GX, HOST, VictronHome, gx_entry, hurry

SET_POINT = "/Settings/CGwacs/AcPowerSetPoint"


@pytest.fixture
async def home(
    hass: HomeAssistant, socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[VictronHome]:
    hurry(monkeypatch)
    async with VictronHome(hass, monkeypatch) as started:
        yield started


def written(home: VictronHome, path: str) -> list[Write]:
    return [write for write in home.gx.writes if write.path == path]


# The dialog


async def submitted(hass: HomeAssistant, port: int) -> Result:
    """Go through the menu and the form, and wait for what comes of it."""
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})
    form = await advance(hass, result, {"next_step_id": "victron_gx"})
    assert form["step_id"] == "victron_gx_tcp"
    return await after_progress(hass, await advance(hass, form, {CONF_HOST: HOST, CONF_PORT: port}))


async def test_flow_finds_battery_and_inverter(hass: HomeAssistant, home: VictronHome) -> None:
    home.gx.move(home.gx.battery, 14)
    port = await home.gx.listen()
    found = await submitted(hass, port)
    assert found["step_id"] == "victron_gx_found"
    assert PORTAL_ID in filled(found)["devices"]
    assert filled(found)["count"] == "2"
    created = await advance(hass, found, {})
    assert created["type"] is FlowResultType.CREATE_ENTRY
    assert created["title"] == "Victron GX"
    await hass.async_block_till_done(wait_background_tasks=True)
    entry = created["result"]
    assert entry.unique_id == GX
    assert state_of(entry) is ConfigEntryState.LOADED
    assert home.number("state_of_charge", "battery") == 63.0
    again = await submitted(hass, port)
    assert (again["type"], again["reason"]) == (FlowResultType.ABORT, "already_configured")


async def test_modbus_is_off(hass: HomeAssistant, home: VictronHome, port: int) -> None:
    result = await submitted(hass, port)
    assert result["errors"] == {"base": "modbus_off"}
    hass.config_entries.flow.async_abort(result["flow_id"])


async def test_battery_that_the_owner_names(hass: HomeAssistant, home: VictronHome) -> None:
    """The option takes another battery than the one that is found."""
    home.gx.add_battery(9, 41.0)
    coordinator = await home.with_gx()
    assert home.number("state_of_charge", "battery") == 63.0
    entry = coordinator.config_entry
    form: Result = await hass.config_entries.options.async_init(entry.entry_id)
    assert form["step_id"] == "victron_gx"
    done: Result = await hass.config_entries.options.async_configure(
        form["flow_id"], {CONF_INTERVAL: 5, BATTERY_UNIT: 9, PUBLISH: {}}
    )
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert home.number("state_of_charge", "battery") == 41.0
    assert home.number("state_of_charge") == 63.0


async def test_batteries_that_are_not_the_one(hass: HomeAssistant, home: VictronHome) -> None:
    """Where no battery has the state of charge of the system, the owner is asked."""
    home.gx.battery.overrides["/Soc"] = 20.0
    coordinator = await home.with_gx()
    await poll(coordinator)
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"{coordinator.config_entry.entry_id}_battery_unit_unknown")
    assert issue is not None
    assert (issue.translation_placeholders or {})["units"] == "225"
    home.gx.battery.overrides.clear()
    assert [unit.id for unit in coordinator.installation.units] == ["vebus"]


# What appears


async def test_devices_and_values(hass: HomeAssistant, home: VictronHome) -> None:
    coordinator = await home.with_gx()
    registry = dr.async_get(hass)
    (root,) = registry.async_get_devices(identifiers={(DOMAIN, GX)})
    for kind, name in (("battery", "Battery"), ("vebus", "VE.Bus")):
        (device,) = registry.async_get_devices(identifiers={(DOMAIN, f"{GX}-{kind}")})
        assert (device.name, device.manufacturer) == (name, "Victron Energy")
        assert device.via_device_id == root.id
    house, battery = home.house, home.house.battery
    home.gx.charge_current_limit, home.gx.discharge_current_limit = 25.0, 40.0
    home.gx.dc_system_power = 312.0
    await poll(coordinator)
    assert home.number("grid_power") == pytest.approx(house.grid_power_now(), abs=1)
    assert home.number("load_power") == pytest.approx(house.load_power, abs=1)
    assert home.number("dc_system_power") == 312
    # A GX counts charging as positive; the Energy dashboard wants discharging so.
    assert home.number("battery_power") == pytest.approx(battery.power, abs=1)
    assert home.number("battery_current", "battery") == pytest.approx(-battery.current, abs=0.1)
    assert home.number("battery_voltage", "battery") == pytest.approx(battery.voltage, abs=0.01)
    assert home.number("charge_current_limit", "battery") == 25
    assert home.number("discharge_current_limit", "battery") == 40
    assert home.shown("vebus_state", "vebus") == "external_control"
    assert home.shown("battery_problem", "battery") == "off"
    assert home.shown("gx_publisher_state") == "stopped"
    assert home.number("gx_published_power") == 0
    # What can drop the loads is no click away.
    registry_of_entities = er.async_get(hass)
    shown = {each.unique_id: each for each in registry_of_entities.entities.values()}
    assert f"{GX}-vebus-vebus_mode" not in {
        uid for uid, each in shown.items() if each.domain in ("select", "number", "switch")
    }


async def test_zero_that_means_nothing(hass: HomeAssistant, home: VictronHome) -> None:
    """A GX says 0 for what it does not know; a limit of 0 of a battery with a voltage is real."""
    coordinator = await home.with_gx()
    home.gx.charge_current_limit = 0.0
    await poll(coordinator)
    assert home.number("charge_current_limit", "battery") == 0
    home.gx.faults.set("battery_mute")
    await poll(coordinator)
    assert home.shown("charge_current_limit", "battery") == STATE_UNKNOWN
    assert home.shown("battery_voltage", "battery") == STATE_UNKNOWN
    home.gx.faults.clear("battery_mute")
    home.gx.faults.set("no_state_of_charge")
    await poll(coordinator)
    # Zero is a state of charge as well, as long as a battery answers for itself.
    assert home.number("state_of_charge") == 0
    home.gx.faults.set("battery_gone")
    await poll(coordinator)
    assert home.shown("state_of_charge") == STATE_UNKNOWN


async def test_energies_are_summed_up(hass: HomeAssistant, home: VictronHome) -> None:
    coordinator = await home.with_gx()
    await poll(coordinator)
    for key in ("grid_import_energy", "grid_export_energy", "battery_energy_in", "battery_energy_out", "pv_energy"):
        entity = home.entity(key)
        assert attributes(hass, entity)["state_class"] == "total_increasing"
        assert attributes(hass, entity)["unit_of_measurement"] == "kWh"
        assert float(home.shown(key)) >= 0


@pytest.mark.parametrize(("fault", "kind", "key"), [("battery_gone", "battery", "battery_voltage")])
async def test_service_that_leaves_and_comes_back(
    hass: HomeAssistant, home: VictronHome, caplog: pytest.LogCaptureFixture, fault: str, kind: str, key: str
) -> None:
    coordinator = await home.with_gx()
    home.gx.faults.set(fault)
    coordinator.planner.expire(coordinator.known)
    # Three periods of the value have passed without an answer.
    for ref in [ref for ref in coordinator.data if ref.unit == kind]:
        del coordinator.data[ref]
    await poll(coordinator)
    await poll(coordinator)
    assert home.shown(key, kind) == STATE_UNAVAILABLE
    assert home.shown("grid_power") != STATE_UNAVAILABLE
    assert state_of(coordinator.config_entry) is ConfigEntryState.LOADED
    home.gx.faults.clear(fault)
    await poll(coordinator)
    assert home.shown(key, kind) != STATE_UNAVAILABLE
    # One line when it goes, one when it is back.
    assert len(warnings_of_ours(caplog)) <= 1


# Settings


async def test_setting_is_written_only_when_it_changes(
    hass: HomeAssistant, home: VictronHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    await home.with_gx()
    entity = home.entity("ess_set_point")
    assert home.number("ess_set_point") == 50
    await set_number(hass, entity, 50)
    assert written(home, SET_POINT) == []
    await set_number(hass, entity, -120)
    assert home.number("ess_set_point") == -120
    assert [write.value for write in written(home, SET_POINT)] == [-120]
    with pytest.raises(HomeAssistantError) as error:
        await set_number(hass, entity, 30)
    assert error.value.translation_key == "too_soon"
    assert home.number("ess_set_point") == -120
    monkeypatch.setattr(writer, "BETWEEN_WRITES", 0.0)
    await set_number(hass, entity, 30)
    assert [write.value for write in written(home, SET_POINT)] == [-120, 30]


async def test_no_limit_is_minus_one(hass: HomeAssistant, home: VictronHome) -> None:
    await home.with_gx()
    entity = home.entity("maximum_discharge_power")
    assert attributes(hass, entity)["min"] == -1
    await set_number(hass, entity, 2500)
    assert home.number("maximum_discharge_power") == 2500
    with pytest.raises(ServiceValidationError):
        await set_number(hass, home.entity("minimum_state_of_charge"), 101)


async def test_read_only_mode_is_told(hass: HomeAssistant, home: VictronHome) -> None:
    await home.with_gx()
    home.gx.faults.set("read_only")
    with pytest.raises(HomeAssistantError) as error:
        await set_number(hass, home.entity("ess_set_point"), 10)
    assert error.value.translation_key == "modbus_read_only"
    assert home.number("ess_set_point") == 50
    home.gx.faults.clear()
    await set_number(hass, home.entity("ess_set_point"), 10)
    assert home.number("ess_set_point") == 10


async def test_switches_and_modes(hass: HomeAssistant, home: VictronHome) -> None:
    coordinator = await home.switched_on(await home.with_gx(), "feed_in_dc_excess", "feed_in_ac_excess", "ess_mode")
    await poll(coordinator)
    await switch(hass, home.entity("feed_in_dc_excess"), True)
    assert home.shown("feed_in_dc_excess") == "on"
    # The register says what is prevented.
    await switch(hass, home.entity("feed_in_ac_excess"), True)
    assert [write.value for write in written(home, "/Settings/CGwacs/PreventFeedback")] == [0]
    options = attributes(hass, home.entity("ess_mode"))["options"]
    other = next(option for option in options if option != home.shown("ess_mode"))
    await choose(hass, home.entity("ess_mode"), other)
    assert home.shown("ess_mode") == other


# The link


async def test_unload_leaves_nothing(hass: HomeAssistant, home: VictronHome, caplog: pytest.LogCaptureFixture) -> None:
    coordinator = await home.with_gx()
    entry = coordinator.config_entry
    for _ in range(2):
        assert await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert state_of(entry) is ConfigEntryState.LOADED
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert home.shown("grid_power") == STATE_UNAVAILABLE
    assert warnings_of_ours(caplog) == []


async def test_another_gx_answers(hass: HomeAssistant, home: VictronHome) -> None:
    entry = gx_entry(await home.gx.listen())
    home.gx.system.overrides["/Serial"] = "c0619ab4e5ff"
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert state_of(entry) is ConfigEntryState.SETUP_ERROR


async def test_values_come_back_after_a_restart_of_the_gx(hass: HomeAssistant, home: VictronHome) -> None:
    coordinator = await home.with_gx()
    home.gx.faults.set("restart", 30.0)
    await poll(coordinator)
    assert not coordinator.last_update_success
    home.gx.advance(61.0)
    await home.retried(coordinator)
    await poll(coordinator)
    assert home.number("state_of_charge", "battery") == pytest.approx(63, abs=1)


async def test_diagnostics_tell_nothing_private(
    hass: HomeAssistant, home: VictronHome, hass_client: ClientSessionGenerator
) -> None:
    coordinator = await home.with_gx()
    await poll(coordinator)
    shown: Any = await get_diagnostics_for_config_entry(hass, hass_client, coordinator.config_entry)
    text = json.dumps(shown)
    assert PORTAL_ID not in text
    assert HOST not in text
    assert "battery charge_current_limit" in text
    assert shown["providers"] == {"gx_publisher": {"state": "stopped", "error": ""}}
