"""Shelly energy meters in Home Assistant: dialogs, options, values, the relay, and what their owner is told."""

import json
from typing import Any

import pytest
from homeassistant.config_entries import SOURCE_DHCP, SOURCE_REAUTH, SOURCE_USER, ConfigEntryState
from homeassistant.const import (
    CONF_HOST,
    CONF_PASSWORD,
    CONF_USERNAME,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.local_solar.const import CONF_FAMILY, CONF_INTERVAL, CONF_LINK, DOMAIN
from custom_components.local_solar.solarlink.live import MeterReading
from custom_components.local_solar.solarlink.shelly_em import follower

from .common import Find, attributes, poll, state_of, switch, value, warnings_of_ours
from .opendtu_home import HOST, PASSWORD, OpenDtuHome, meter_entry
from .test_config_flow import Result, advance, filled, submit, suggested
from .test_opendtu import until

EM, EM3, PRO_EM, PRO_3EM, EM_GEN3, EM_GEN4 = (
    "SHEM", "SHEM-3", "SPEM-002CEBEU50", "SPEM-003CEBEU", "S3EM-002CXCEU", "S4EM-001CXCEU63",
)  # fmt: skip


def number(hass: HomeAssistant, entity_id: str) -> float:
    """A state that is a number."""
    return float(value(hass, entity_id))


def issues_of(hass: HomeAssistant) -> dict[str, Any]:
    """Our repair issues by key, with what their texts are filled with."""
    found = ir.async_get(hass).issues.items()
    return {
        issue.translation_key or "": issue.translation_placeholders for (domain, _), issue in found if domain == DOMAIN
    }


# Dialogs


async def open_form(hass: HomeAssistant) -> Result:
    """Go through the menu to the form."""
    menu = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    form = await advance(hass, menu, {"next_step_id": "shelly_em"})
    assert form["step_id"] == "shelly_em_host"
    schema = form["data_schema"]
    assert schema is not None
    assert list(schema.schema) == [CONF_HOST, CONF_USERNAME, CONF_PASSWORD]
    return form


@pytest.mark.parametrize(
    ("model", "title", "user", "password"),
    [
        (EM, "Shelly EM", "", None),
        (EM, "Shelly EM", "owner", PASSWORD),
        (EM3, "Shelly 3EM", "", None),
        (EM3, "Shelly 3EM", "admin", PASSWORD),
        (PRO_EM, "Shelly Pro EM-50", "", PASSWORD),
        (PRO_3EM, "Shelly Pro 3EM", "", None),
        (PRO_3EM, "Shelly Pro 3EM", "", PASSWORD),
        (EM_GEN3, "Shelly EM Gen3", "", PASSWORD),
        (EM_GEN4, "Shelly EM-63 Gen4", "", None),
    ],
)
async def test_every_generation_with_and_without_password(
    hass: HomeAssistant, dtu_home: OpenDtuHome, model: str, title: str, user: str, password: str | None
) -> None:
    sim, host = await dtu_home.meter(model, password=password, user=user or "admin")
    answer: dict[str, str] = {CONF_HOST: host}
    if password is not None:
        result = await submit(hass, await open_form(hass), answer)
        assert result["errors"] == {"base": "auth_failed"}
        result = await submit(hass, result, {**answer, CONF_USERNAME: user or "admin", CONF_PASSWORD: "moonshine"})
        assert result["errors"] == {"base": "auth_failed"}
        hass.config_entries.flow.async_abort(result["flow_id"])
        answer |= {CONF_PASSWORD: password} | ({CONF_USERNAME: user} if user else {})
    found = await submit(hass, await open_form(hass), answer)
    assert found["step_id"] == "shelly_em_found", found
    assert sim.mac in filled(found)["devices"].upper()
    created = await advance(hass, found, {})
    assert created["title"] == title
    assert created["data"] == {CONF_FAMILY: "shelly_em", CONF_LINK: "host", **answer}
    await hass.async_block_till_done(wait_background_tasks=True)
    entry = created["result"]
    assert entry.state is ConfigEntryState.LOADED
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    assert all(entity.translation_key for entity in entities)
    empty = {
        entity.entity_id
        for entity in entities
        if not entity.disabled and value(hass, entity.entity_id) in (STATE_UNKNOWN, STATE_UNAVAILABLE)
    }
    assert all(entity.endswith("last_error") for entity in empty), empty


async def test_what_is_no_meter_is_told(hass: HomeAssistant, dtu_home: OpenDtuHome, port: int) -> None:
    _, dtu = await dtu_home.dtu()
    result = await submit(hass, await open_form(hass), {CONF_HOST: dtu})
    assert result["errors"] == {"base": "not_a_meter"}
    result = await submit(hass, result, {CONF_HOST: f"{HOST}:{port}"})
    assert result["errors"] == {"base": "link_failed"}
    assert suggested(result)[CONF_HOST] == f"{HOST}:{port}"
    hass.config_entries.flow.async_abort(result["flow_id"])


async def test_the_same_meter_is_added_once_and_followed(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    sim, coordinator = await dtu_home.with_meter()
    entry = coordinator.config_entry
    other = f"{HOST}:{await sim.listen(HOST, 0)}"
    result = await submit(hass, await open_form(hass), {CONF_HOST: other})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    # Its MAC address is known, so a new lease is followed, whatever the meter is called.
    await hass.config_entries.async_unload(entry.entry_id)
    lease = DhcpServiceInfo(ip="192.0.2.9", hostname="meter", macaddress=sim.mac.lower())
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_DHCP}, data=lease)
    assert result["reason"] == "already_configured"
    assert entry.data[CONF_HOST].startswith("192.0.2.9:")


async def test_a_password_that_was_changed_is_asked_for(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    sim, host = await dtu_home.meter(EM, password=PASSWORD)
    entry = meter_entry(sim, host, password=PASSWORD)
    coordinator = await dtu_home.load(entry)
    assert number(hass, entity_id("grid_power")) != 0
    sim.unit.user, sim.unit.password = "owner", "new moon"
    for _ in range(3):
        await poll(coordinator)
    [flow] = [each for each in hass.config_entries.flow.async_progress() if each["context"]["source"] == SOURCE_REAUTH]
    form = await advance(hass, flow)
    schema = form["data_schema"]
    assert schema is not None
    assert list(schema.schema) == [CONF_USERNAME, CONF_PASSWORD]
    wrong = await advance(hass, form, {CONF_USERNAME: "owner", CONF_PASSWORD: "moonshine"})
    assert wrong["errors"] == {"base": "auth_failed"}
    assert suggested(wrong)[CONF_USERNAME] == "owner"
    done = await advance(hass, wrong, {CONF_USERNAME: "owner", CONF_PASSWORD: "new moon"})
    assert done["reason"] == "reauth_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state_of(entry) is ConfigEntryState.LOADED
    assert entry.data[CONF_USERNAME] == "owner"
    assert value(hass, entity_id("grid_power")) != STATE_UNAVAILABLE
    form = await entry.start_reconfigure_flow(hass)
    assert suggested(form)[CONF_HOST] == entry.data[CONF_HOST]
    sim.unit.password = None
    result = await submit(hass, form, {CONF_HOST: f"{HOST}:{await sim.listen(HOST, 0)}"})
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state_of(entry) is ConfigEntryState.LOADED
    assert entry.data.keys() == {CONF_FAMILY, CONF_LINK, CONF_HOST}


# Options


async def set_options(hass: HomeAssistant, entry: Any, **options: Any) -> None:
    """Choose options as the owner does; the entry is loaded again."""
    form = await hass.config_entries.options.async_init(entry.entry_id)
    assert form["step_id"] == "shelly_em"
    answer = {CONF_INTERVAL: 5, "grid_channel": "auto", "inverted": False} | options
    done = await hass.config_entries.options.async_configure(form["flow_id"], answer)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state_of(entry) is ConfigEntryState.LOADED


async def test_the_owner_says_which_clamp_measures_the_grid(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    sim, coordinator = await dtu_home.with_meter(EM, balcony=300.0)
    entry = coordinator.config_entry
    grid = entity_id("grid_power")
    house = sim.grid_power
    assert number(hass, grid) == pytest.approx(house, abs=0.1)
    imported = number(hass, entity_id("grid_import_energy"))
    assert attributes(hass, entity_id("grid_import_energy"))["counted_by"] == "device"
    balcony = entity_id("2-power")
    assert number(hass, balcony) == pytest.approx(-300, abs=0.1)
    await set_options(hass, entry, grid_channel="2")
    assert number(hass, grid) == pytest.approx(-300, abs=0.1)
    await set_options(hass, entry, grid_channel="total")
    assert number(hass, grid) == pytest.approx(house - 300, abs=0.2)
    await set_options(hass, entry, grid_channel="1", inverted=True)
    assert number(hass, grid) == pytest.approx(-house, abs=0.1)
    assert number(hass, balcony) == pytest.approx(-300, abs=0.1)
    await set_options(hass, entry)
    assert number(hass, grid) == pytest.approx(house, abs=0.1)
    assert number(hass, entity_id("grid_import_energy")) >= imported
    # A clamp that this meter does not have is not even offered.
    form = await hass.config_entries.options.async_init(entry.entry_id)
    with pytest.raises(InvalidData):
        await hass.config_entries.options.async_configure(
            form["flow_id"], {CONF_INTERVAL: 5, "grid_channel": "3", "inverted": False}
        )
    hass.config_entries.options.async_abort(form["flow_id"])


async def test_an_option_that_the_meter_cannot_follow_is_told(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    """It was chosen while nobody knew the meter."""
    sim, coordinator = await dtu_home.with_meter(EM)
    entry = coordinator.config_entry
    await hass.config_entries.async_unload(entry.entry_id)
    hass.config_entries.async_update_entry(entry, options={CONF_INTERVAL: 5, "grid_channel": "3", "inverted": False})
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert state_of(entry) is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "value_choice"
    form = await hass.config_entries.options.async_init(entry.entry_id)
    answer = {CONF_INTERVAL: 5, "grid_channel": "auto", "inverted": False}
    await hass.config_entries.options.async_configure(form["flow_id"], answer)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state_of(entry) is ConfigEntryState.LOADED
    assert sim.requests


async def test_clamps_that_are_the_wrong_way_round(hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find) -> None:
    sim, coordinator = await dtu_home.with_meter(PRO_3EM, inverted=True)
    entry = coordinator.config_entry
    grid, phase = entity_id("grid_power"), entity_id("power_l1")
    wrong = number(hass, grid)
    assert wrong == pytest.approx(sim.grid_power, abs=0.2)
    sums = [number(hass, entity_id(f"{way}_energy_sum")) for way in ("import", "export")]
    on_phase = number(hass, phase)
    await set_options(hass, entry, inverted=True)
    assert number(hass, grid) == pytest.approx(-wrong, abs=0.2)
    assert number(hass, phase) == pytest.approx(-on_phase, abs=0.1)
    assert [number(hass, entity_id(f"{way}_energy_sum")) for way in ("export", "import")] == sums


# Devices and values


async def test_clamps_of_their_own_are_devices(hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find) -> None:
    sim, coordinator = await dtu_home.with_meter(PRO_EM, name="Cellar")
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), coordinator.config_entry.entry_id)
    root = next(device for device in devices if device.via_device_id is None)
    assert (root.name, root.manufacturer, root.model) == ("Cellar", "Shelly", "Shelly Pro EM-50")
    assert root.serial_number == sim.mac
    assert (dr.CONNECTION_NETWORK_MAC, dr.format_mac(sim.mac)) in root.connections
    assert [device.via_device_id for device in devices if device is not root] == [root.id, root.id]
    assert number(hass, entity_id("1-power")) == pytest.approx(number(hass, entity_id("grid_power")))


async def test_phases_of_one_connection(hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find) -> None:
    sim, coordinator = await dtu_home.with_meter(PRO_3EM)
    coordinator = await dtu_home.switched_on(coordinator, "current_l1", "power_factor_l2", "import_energy_l3")
    assert not coordinator.installation.units
    grid = entity_id("grid_power")
    phases = [number(hass, entity_id(f"power_l{phase}")) for phase in (1, 2, 3)]
    assert sum(phases) == pytest.approx(number(hass, grid), abs=0.3)
    assert number(hass, grid) == pytest.approx(sim.grid_power, abs=0.1)
    told = attributes(hass, grid)
    assert (told["device_class"], told["state_class"], told["unit_of_measurement"]) == ("power", "measurement", "W")
    for key in ("grid_import_energy", "grid_export_energy", "import_energy_sum", "export_energy_sum"):
        told = attributes(hass, entity_id(key))
        assert (told["device_class"], told["state_class"]) == ("energy", "total_increasing")
    # The counters of three phases are not netted, so what counts for the bill is summed up here.
    assert attributes(hass, entity_id("grid_import_energy"))["counted_by"] == "integration"
    reading = sim.unit.meter.readings()[0]
    assert number(hass, entity_id("voltage_l1")) == pytest.approx(reading.voltage, abs=0.1)
    assert number(hass, entity_id("current_l1")) == pytest.approx(reading.current, abs=0.01)
    assert -1 <= number(hass, entity_id("power_factor_l2")) <= 1
    assert number(hass, entity_id("import_energy_l3")) == pytest.approx(
        sim.unit.meter.readings()[2].imported / 1000, abs=0.01
    )


async def test_a_poll_is_one_request(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    for model in (EM3, PRO_3EM):
        sim, coordinator = await dtu_home.with_meter(model, mac=f"AABBCC00{len(model):04d}")
        for _ in range(3):
            sim.requests.clear()
            await poll(coordinator)
            assert len(sim.requests) == 1


async def test_counters_that_slip_lose_nothing(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find, caplog: pytest.LogCaptureFixture
) -> None:
    sim, coordinator = await dtu_home.with_meter(EM)
    energy = entity_id("grid_import_energy")
    before = number(hass, energy)
    assert before > 0
    sim.faults.set("counter_zero")
    for _ in range(2):
        await poll(coordinator)
        assert value(hass, energy) in (STATE_UNKNOWN, STATE_UNAVAILABLE) or number(hass, energy) >= before
    sim.faults.clear()
    for _ in range(2):
        await poll(coordinator)
    assert number(hass, energy) >= before


async def test_a_chip_that_does_not_answer_is_a_problem(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    sim, coordinator = await dtu_home.with_meter(PRO_3EM)
    problem, grid = entity_id("measurement_problem"), entity_id("grid_power")
    assert value(hass, problem) == STATE_OFF
    sim.faults.set("invalid")
    await poll(coordinator)
    assert value(hass, problem) == STATE_ON
    assert attributes(hass, problem)["errors"]
    assert value(hass, grid) == STATE_UNKNOWN
    sim.faults.clear()
    await poll(coordinator)
    assert value(hass, problem) == STATE_OFF
    assert number(hass, grid) == pytest.approx(sim.grid_power, abs=0.1)


async def test_a_meter_that_is_gone_is_told_once(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find, caplog: pytest.LogCaptureFixture
) -> None:
    sim, coordinator = await dtu_home.with_meter(EM3)
    sim.faults.set("refuse")
    for _ in range(3):
        await poll(coordinator)
    assert value(hass, entity_id("link_state")) == "disconnected"
    assert len(warnings_of_ours(caplog)) == 1
    sim.faults.clear()
    await poll(coordinator)
    assert value(hass, entity_id("link_state")) == "connected"
    assert number(hass, entity_id("grid_power")) == pytest.approx(sim.grid_power, abs=0.1)


# Relay


@pytest.mark.parametrize("model", [EM, EM3, PRO_EM, EM_GEN3])
async def test_the_relay(hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find, model: str) -> None:
    sim, coordinator = await dtu_home.with_meter(model)
    relay = entity_id("relay")
    assert value(hass, relay) == STATE_OFF
    await switch(hass, relay, True)
    assert sim.relay.on
    assert value(hass, relay) == STATE_ON
    sim.relay.switch(on=False, source="button")
    await poll(coordinator)
    assert value(hass, relay) == STATE_OFF
    sim.faults.set("refuse")
    with pytest.raises(HomeAssistantError) as caught:
        await switch(hass, relay, True)
    assert caught.value.translation_key in ("link_failed", "link_lost", "write_uncertain")
    sim.faults.clear()
    assert not sim.relay.on


async def test_a_meter_without_relay_has_no_switch(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    _, coordinator = await dtu_home.with_meter(PRO_3EM)
    entities = er.async_entries_for_config_entry(er.async_get(hass), coordinator.config_entry.entry_id)
    assert {entity.domain for entity in entities} == {"sensor", "binary_sensor"}


# A controller follows


async def test_what_a_controller_follows_is_not_asked_again(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    sim, coordinator = await dtu_home.with_meter(PRO_3EM)
    client: Any = coordinator.client
    readings: list[MeterReading] = []
    stop = client.follow_meter(readings.append)
    await until(lambda: len(readings) >= 3 and sim.websockets == 1)
    assert readings[-1].power == pytest.approx(sim.grid_power, abs=0.2)

    def wholes() -> int:
        """Questions that the loop does not ask."""
        return sum(request.method != "WS" or request.what == "Shelly.GetStatus" for request in sim.requests)

    before = wholes()
    assert before > 0
    sim.advance(60)
    seen = len(readings)
    await until(lambda: len(readings) >= seen + 3)
    coordinator.planner.expire(ref for ref in coordinator.known if ref.key == "grid_power")
    await coordinator.async_refresh()
    assert number(hass, entity_id("grid_power")) == pytest.approx(readings[-1].power, abs=0.01)
    assert wholes() == before
    stop()
    assert await hass.config_entries.async_unload(coordinator.config_entry.entry_id)
    await until(lambda: sim.websockets == 0)


# Troubles


async def test_a_hanging_chip_is_a_repair(
    hass: HomeAssistant, dtu_home: OpenDtuHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "FROZEN_AFTER", 0.0)
    sim, coordinator = await dtu_home.with_meter(EM3)
    client: Any = coordinator.client
    stop = client.follow_meter(lambda reading: None)
    await until(lambda: "meter_frozen" in client.troubles)
    await poll(coordinator)
    host = coordinator.config_entry.data[CONF_HOST]
    assert issues_of(hass)["meter_frozen"] == {"name": "Shelly", "address": f"http://{host}", "seconds": "60"}
    monkeypatch.setattr(follower, "FROZEN_AFTER", 60.0)
    await until(lambda: "meter_frozen" not in client.troubles)
    await poll(coordinator)
    assert issues_of(hass) == {}
    stop()
    assert sim.requests


async def test_another_profile_is_a_repair_until_it_is_loaded_again(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    sim, coordinator = await dtu_home.with_meter(PRO_3EM)
    port = int(coordinator.config_entry.data[CONF_HOST].partition(":")[2])
    await sim.close()
    await poll(coordinator)
    assert not coordinator.last_update_success
    # The same meter, after its owner has chosen that its clamps are no phases.
    again, _ = await dtu_home.meter(PRO_3EM, profile="monophase")
    await again.listen(HOST, port)
    await poll(coordinator)
    told = issues_of(hass)["meter_profile_changed"]
    assert (told["was"], told["now"]) == ("triphase", "monophase")
    coordinator = await dtu_home.reloaded(coordinator)
    assert issues_of(hass) == {}
    assert len(coordinator.installation.units) == 3
    assert number(hass, entity_id("1-power")) != 0


async def test_another_meter_at_the_address(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    sim, host = await dtu_home.meter(EM3)
    stranger, _ = await dtu_home.meter(EM3, mac="AABBCC0000FF")
    entry = meter_entry(stranger, host)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert state_of(entry) is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "wrong_device"
    assert sim.requests


@pytest.mark.parametrize("model", [EM, PRO_3EM])
async def test_diagnostics_give_nothing_away(
    hass: HomeAssistant, dtu_home: OpenDtuHome, hass_client: ClientSessionGenerator, model: str
) -> None:
    login = {"username": "admin", "password": PASSWORD}
    sim, coordinator = await dtu_home.with_meter(model, password=PASSWORD, mac="AABBCC4A7C31", chosen=login)
    await poll(coordinator)
    assert await async_setup_component(hass, "diagnostics", {})
    shown = json.dumps(await get_diagnostics_for_config_entry(hass, hass_client, coordinator.config_entry))
    token = "YWRtaW46c3Vubnkgc2lkZQ"
    for secret in (PASSWORD, token, sim.mac, sim.mac.lower(), "4A7C31", "4a7c31", HOST):
        assert secret not in shown, secret
    for useful in ("shelly_em", model, "grid_power", "wifi_signal"):
        assert useful in shown, useful
