"""Devices, values, events and commands of Hoymiles inverters behind OpenDTU in Home Assistant."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from homeassistant.const import ATTR_ENTITY_ID, STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr, entity_registry as er
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.local_solar import async_remove_config_entry_device
from custom_components.local_solar.const import DOMAIN
from custom_components.local_solar.coordinator import SolarCoordinator
from simulators.house import House
from simulators.opendtu import InverterSpec, OpenDtuSimulator

from .common import Find, attributes, poll, set_number, switch, value, warnings_of_ours
from .opendtu_home import DTU_SERIAL, DTU_TIMING, EAST, SHED, WEST, OpenDtuHome
from .test_opendtu import is_well, until

FOUR = InverterSpec(
    "116480990044", "Roof", 2000, source="panel", peak=1600, strings=("South 1", "South 2", "Garage"), string_power=440
)
"""Four DC inputs with panels, three of which have names."""
GARAGE = InverterSpec("114181220055", "Garage", 800, source="panel", peak=700, strings=("Left", "Right"))
ENERGIES = ("yield_today", "yield_total")


def morning(hour: float = 10.0) -> House:
    """A house at some hour of a day in June, whose time stands still."""
    minutes = round(hour * 60)
    return House(seed=1, speed=0, start=datetime(2026, 6, 15, minutes // 60, minutes % 60))  # noqa: DTZ001


def number(hass: HomeAssistant, entity_id: str) -> float:
    """A state that is a number."""
    return float(value(hass, entity_id))


def of_dtu(key: str) -> str:
    """The end of the unique id of a value of the DTU itself."""
    return f"{DTU_SERIAL}-{key}"


async def passes(home: OpenDtuHome, sim: OpenDtuSimulator, coordinator: SolarCoordinator, seconds: float) -> None:
    """Let time pass and read everything once."""
    home.pass_time(sim, seconds)
    await poll(coordinator)


# Devices


async def test_inverters_are_devices_behind_the_dtu(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    _, coordinator = await dtu_home.with_dtu(inverters=(FOUR, GARAGE), house=morning())
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), coordinator.config_entry.entry_id)
    root = next(device for device in devices if device.via_device_id is None)
    assert (root.name, root.model, root.sw_version) == ("OpenDTU-4A7C31", "OpenDTU", "v26.3.30")
    assert (dr.CONNECTION_NETWORK_MAC, "02:00:5e:4a:7c:31") in root.connections
    others = {device.name: device for device in devices if device is not root}
    assert others.keys() == {"Roof", "Garage"}
    assert all(device.via_device_id == root.id for device in others.values())
    roof = others["Roof"]
    assert (roof.manufacturer, roof.model, roof.serial_number) == ("Hoymiles", "HMS-2000-4T", FOUR.serial)
    assert roof.identifiers == {(DOMAIN, f"opendtu-{FOUR.serial}")}
    entities = er.async_entries_for_config_entry(er.async_get(hass), coordinator.config_entry.entry_id)
    assert all(entity.translation_key for entity in entities)
    # What is on from the start is what people look at; of the rest, each can be switched on.
    shown = [entity for entity in entities if entity.device_id == roof.id and not entity.disabled]
    assert 15 < len(shown) < 30


async def test_strings_have_the_names_that_their_owner_gave(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    sim, coordinator = await dtu_home.with_dtu(inverters=(FOUR,), house=morning())
    coordinator = await dtu_home.switched_on(coordinator, "string_1_irradiation", "string_2_yield_today")
    await poll(coordinator)
    names = [attributes(hass, entity_id(f"string_{place}_power")).get("string") for place in range(1, 5)]
    assert names == ["South 1", "South 2", "Garage", None]
    reading = sim.view(FOUR.serial).reading
    powers = [number(hass, entity_id(f"string_{place}_power")) for place in range(1, 5)]
    assert powers == pytest.approx([each.power for each in reading.inputs])
    assert sum(powers) > 100
    assert number(hass, entity_id("string_1_irradiation")) == pytest.approx(powers[0] / 440 * 100, abs=0.1)
    assert attributes(hass, entity_id("string_2_yield_today"))["string"] == "South 2"
    sim.view(FOUR.serial).configuration.channel[3].name = "Shed"
    await passes(dtu_home, sim, coordinator, 30)
    assert attributes(hass, entity_id("string_4_power"))["string"] == "Shed"


async def test_a_new_inverter_appears_and_one_that_is_gone_can_be_deleted(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find, caplog: pytest.LogCaptureFixture
) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    entry = coordinator.config_entry
    registry = dr.async_get(hass)

    def names() -> set[str | None]:
        return {device.name for device in dr.async_entries_for_config_entry(registry, entry.entry_id)}

    sim.add_inverter(("114181220055", "Balcony", 800))
    await passes(dtu_home, sim, coordinator, 60)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "Balcony" in names()
    power = number(hass, entity_id("114181220055-ac_output_power"))
    assert power == pytest.approx(sim.view("114181220055").reading.power)

    assert warnings_of_ours(caplog) == []

    shed, west = (entity_id(f"{serial}-ac_output_power") for serial in (SHED, WEST))
    device = registry.async_get_device_by_identifier((DOMAIN, f"opendtu-{SHED}"), entry.entry_id)
    assert device
    assert not await async_remove_config_entry_device(hass, entry, device)
    sim.remove_inverter(SHED)
    coordinator = entry.runtime_data
    for _ in range(3):
        await passes(dtu_home, sim, coordinator, 60)
    [warning] = warnings_of_ours(caplog)
    assert "Battery shed" in warning
    assert value(hass, west) != STATE_UNAVAILABLE
    coordinator = await dtu_home.reloaded(coordinator)
    assert value(hass, shed) == STATE_UNAVAILABLE
    assert SHED not in {unit.serial for unit in coordinator.installation.units}
    assert await async_remove_config_entry_device(hass, entry, device)


async def test_a_new_name_is_taken_over(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    entry = coordinator.config_entry
    sim.view(WEST).configuration.name = "Terrace"
    await passes(dtu_home, sim, coordinator, 30)
    await dtu_home.reloaded(entry.runtime_data)
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, f"opendtu-{WEST}"), entry.entry_id)
    assert device
    assert device.name == "Terrace"


# Values


@pytest.mark.parametrize("firmware", ["v23.8.5", "v24.9.26", "v26.3.30"])
async def test_values_of_every_generation(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find, firmware: str
) -> None:
    sim, coordinator = await dtu_home.with_dtu(firmware)
    await passes(dtu_home, sim, coordinator, 30)
    total = 0.0
    for serial in (WEST, EAST, SHED):
        reading = sim.view(serial).reading
        assert number(hass, entity_id(f"{serial}-ac_output_power")) == pytest.approx(reading.power, abs=0.1)
        assert number(hass, entity_id(f"{serial}-yield_total")) == pytest.approx(reading.yield_total, abs=0.002)
        assert number(hass, entity_id(f"{serial}-yield_today")) == pytest.approx(reading.yield_day / 1000, abs=0.001)
        total += reading.power
    assert number(hass, entity_id(of_dtu("ac_output_power"))) == pytest.approx(total, abs=0.3)
    assert number(hass, entity_id(of_dtu("yield_total"))) == pytest.approx(750.0, abs=0.1)


async def test_values_are_described_as_the_energy_dashboard_wants_them(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    await dtu_home.with_dtu()
    for place in (DTU_SERIAL, WEST):
        for key in ENERGIES:
            told = attributes(hass, entity_id(f"{place}-{key}"))
            assert (told["device_class"], told["state_class"]) == ("energy", "total_increasing")
            assert told["unit_of_measurement"] == "kWh"
        told = attributes(hass, entity_id(f"{place}-ac_output_power"))
        assert (told["device_class"], told["state_class"]) == ("power", "measurement")


async def test_storage_of_onbattery(hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find) -> None:
    sim, coordinator = await dtu_home.with_dtu("2026.03.31", on_battery=True, house=morning())
    await passes(dtu_home, sim, coordinator, 10)
    battery = sim.house.battery
    assert number(hass, entity_id("state_of_charge")) == pytest.approx(battery.soc, abs=0.6)
    assert number(hass, entity_id("battery_power")) == pytest.approx(battery.power, abs=1)
    assert number(hass, entity_id("grid_power")) == pytest.approx(sim.house.grid_power_mean(), abs=1)
    told = attributes(hass, entity_id("battery_energy_out"))
    assert (told["counted_by"], told["state_class"]) == ("integration", "total_increasing")


async def test_the_websocket_brings_values_between_two_polls(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    sim, coordinator = await dtu_home.with_dtu(websocket=True)
    await until(lambda: sim.websockets == 1)
    client: Any = coordinator.client
    for _ in range(4):
        sim.advance(5)
        await until(lambda: client._loop.listening)
    before = len(sim.requests)
    sim.micro_inverter(WEST).set_limit(200.0, sim.house.elapsed)
    sim.advance(60)
    power = entity_id(f"{WEST}-ac_output_power")

    async def follows() -> bool:
        coordinator.planner.expire(ref for ref, known in coordinator.known.items() if known.point.pace == "live")
        await coordinator.async_refresh()
        return number(hass, power) < 250

    for _ in range(100):
        if await follows():
            break
        await until(lambda: True)
    assert number(hass, power) == pytest.approx(sim.view(WEST).reading.power, abs=1)
    asked = {request.path for request in sim.requests[before:]}
    assert "/api/livedata/status" not in asked


# Nights and restarts


async def test_a_sleeping_producer_is_no_fault(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find, caplog: pytest.LogCaptureFixture
) -> None:
    sim, coordinator = await dtu_home.with_dtu(inverters=(GARAGE,), house=morning(19.0))
    energies = [entity_id(f"{place}-{key}") for place in (DTU_SERIAL, GARAGE.serial) for key in ENERGIES]
    power = entity_id(f"{GARAGE.serial}-ac_output_power")
    assert number(hass, power) > 10
    least = {entity: number(hass, entity) for entity in energies}
    for _ in range(16):
        await passes(dtu_home, sim, coordinator, 900)
        for entity in energies:
            assert value(hass, entity) not in (STATE_UNKNOWN, STATE_UNAVAILABLE)
    # 23 o'clock.
    assert not sim.micro_inverter(GARAGE.serial).awake
    assert value(hass, power) == "0.0"
    assert value(hass, entity_id(of_dtu("ac_output_power"))) == "0.0"
    assert value(hass, entity_id("string_1_power")) == "0.0"
    assert value(hass, entity_id("inverter_producing")) == STATE_OFF
    assert value(hass, entity_id("inverter_fault")) == STATE_OFF
    assert value(hass, entity_id("ac_output_voltage")) == STATE_UNKNOWN
    for entity in energies:
        assert number(hass, entity) >= least[entity] - 0.001
    assert coordinator.last_update_success
    assert warnings_of_ours(caplog) == []
    # A restart of Home Assistant in the night changes none of it.
    totals = {entity: value(hass, entity) for entity in energies}
    coordinator = await dtu_home.reloaded(coordinator)
    assert {entity: value(hass, entity) for entity in energies} == totals
    assert value(hass, power) == "0.0"


async def test_a_new_day_begins_with_nothing_and_loses_nothing(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    sim, coordinator = await dtu_home.with_dtu(inverters=(GARAGE,), house=morning(19.0))
    today, total = (entity_id(f"{GARAGE.serial}-{key}") for key in ENERGIES)
    whole = number(hass, total)
    for _ in range(14):
        await passes(dtu_home, sim, coordinator, 3600)
        assert number(hass, total) >= whole
        whole = number(hass, total)
    # 9 o'clock: the inverter has started anew, and so has its day.
    assert sim.micro_inverter(GARAGE.serial).awake
    assert number(hass, today) == pytest.approx(sim.view(GARAGE.serial).reading.yield_day / 1000, abs=0.02)
    assert number(hass, today) < 2


@pytest.mark.parametrize("firmware", ["v24.1.26", "v26.3.30"])
async def test_a_restart_of_the_dtu_is_no_loss(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find, firmware: str
) -> None:
    """After it the DTU tells zeros until it has heard from each inverter; statistics must never see them."""
    sim, coordinator = await dtu_home.with_dtu(firmware)
    energies = [entity_id(f"{place}-{key}") for place in (DTU_SERIAL, WEST, EAST, SHED) for key in ENERGIES]
    least = {entity: number(hass, entity) for entity in energies}
    started = value(hass, entity_id("last_restart"))
    limit, reported = entity_id(f"{WEST}-limit_relative"), number(hass, entity_id(f"{WEST}-limit_relative"))
    sim.reboot(8.0)
    for _ in range(30):
        await passes(dtu_home, sim, coordinator, 2)
        for entity in energies:
            if (state := value(hass, entity)) not in (STATE_UNKNOWN, STATE_UNAVAILABLE):
                assert float(state) >= least[entity], entity
                least[entity] = float(state)
        # What the DTU has not read yet is no limit of zero.
        assert value(hass, limit) in (STATE_UNKNOWN, STATE_UNAVAILABLE, str(reported))
    assert all(value(hass, entity) not in (STATE_UNKNOWN, STATE_UNAVAILABLE) for entity in energies)
    assert number(hass, entity_id(of_dtu("ac_output_power"))) > 1000
    assert coordinator.last_update_success
    assert value(hass, entity_id("last_restart")) > started


async def test_a_dtu_without_memory_keeps_its_values(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find, caplog: pytest.LogCaptureFixture
) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    power = entity_id(f"{WEST}-ac_output_power")
    before = value(hass, power)
    sim.faults.set("busy", count=1)
    await poll(coordinator)
    assert value(hass, power) == before
    assert warnings_of_ours(caplog) == []


async def test_an_unplugged_dtu_is_told_once(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find, caplog: pytest.LogCaptureFixture
) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    port = int(coordinator.config_entry.data["host"].partition(":")[2])
    await sim.close()
    for _ in range(4):
        await poll(coordinator)
    assert not is_well(coordinator)
    assert value(hass, entity_id("link_state")) == "disconnected"
    assert value(hass, entity_id("link")) == STATE_OFF
    assert len(warnings_of_ours(caplog)) == 1
    other, _ = await dtu_home.dtu()
    await other.listen("127.0.0.1", port)
    await poll(coordinator)
    assert is_well(coordinator)
    assert value(hass, entity_id("link_state")) == "connected"
    assert number(hass, entity_id(f"{WEST}-ac_output_power")) > 0


# Events


async def test_an_event_is_told_once(hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    event, fault = entity_id(f"{WEST}-inverter_event"), entity_id(f"{WEST}-inverter_fault")
    fired: list[Mapping[str, Any]] = []
    hass.bus.async_listen(
        "state_changed",
        lambda changed: fired.append(changed.data) if changed.data["entity_id"] == event else None,
    )
    # What was in the log before anybody looked has been told before, or is long over.
    assert value(hass, event) == STATE_UNKNOWN
    sim.add_event(WEST, 143, start=36_000)
    await passes(dtu_home, sim, coordinator, 30)
    told = attributes(hass, event)
    assert told["event_type"] in told["event_types"]
    assert (told["code"], told["message"], told["active"]) == (143, "Grid: Grid undervoltage", True)
    assert told["start"] == "10:00:00"
    assert value(hass, fault) == STATE_ON
    assert "undervoltage" in attributes(hass, fault)["events"]
    assert value(hass, entity_id(f"{EAST}-inverter_event")) == STATE_UNKNOWN
    at = value(hass, event)
    for _ in range(3):
        await passes(dtu_home, sim, coordinator, 400)
    assert value(hass, event) == at
    # The log is empty after a restart of the DTU, and then full again of the same.
    sim.reboot(0.0)
    for _ in range(5):
        await passes(dtu_home, sim, coordinator, 60)
    assert value(hass, event) == at
    for entry in sim.view(WEST).hardware.events:
        entry.end = entry.end or 37_000
    sim.add_event(WEST, 121, start=40_000, end=40_100)
    for _ in range(2):
        await passes(dtu_home, sim, coordinator, 310)
    assert value(hass, fault) == STATE_OFF
    assert attributes(hass, event)["code"] == 121
    assert attributes(hass, event)["end"] == "11:08:20"
    codes = [data["new_state"].attributes.get("code") for data in fired if data["new_state"].state != STATE_UNAVAILABLE]
    assert list(dict.fromkeys(codes)) == [143, 121]
    coordinator = await dtu_home.reloaded(coordinator)
    await passes(dtu_home, sim, coordinator, 30)
    assert len({data["new_state"].state for data in fired} - {STATE_UNAVAILABLE, STATE_UNKNOWN}) == 2


# Limits


async def test_a_limit_is_confirmed_and_costs_no_flash(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    coordinator = await dtu_home.switched_on(coordinator, "limit_absolute", "reported_limit")
    limit, watts = entity_id(f"{WEST}-limit_relative"), entity_id(f"{WEST}-limit_absolute")
    shown = attributes(hass, limit)
    # 12 W for its one input, of 400 W.
    assert (shown["min"], shown["max"], shown["step"]) == (3, 100, 1)
    assert (attributes(hass, watts)["min"], attributes(hass, watts)["max"]) == (12, 400)
    await dtu_home.meanwhile(sim, set_number(hass, limit, 40))
    assert value(hass, limit) == "40.0"
    sent = sim.limit_commands[-1].limit
    assert sent
    assert (sent.value, sent.relative, sent.persistent) == (40, True, False)
    await passes(dtu_home, sim, coordinator, 30)
    assert value(hass, entity_id(f"{WEST}-limit_status")) == "ok"
    assert number(hass, watts) == pytest.approx(160)
    assert number(hass, entity_id(f"{WEST}-ac_output_power")) == pytest.approx(160, abs=6)
    assert number(hass, entity_id(f"{EAST}-limit_relative")) == 100
    # In watts the DTU takes whole ones; what the inverter made of it is shown.
    await dtu_home.meanwhile(sim, set_number(hass, watts, 100))
    assert number(hass, watts) == pytest.approx(100)
    await passes(dtu_home, sim, coordinator, 30)
    assert number(hass, limit) == pytest.approx(25)
    assert number(hass, entity_id(f"{WEST}-reported_limit")) == pytest.approx(25)
    assert set(sim.flash_writes.values()) == {0}


@pytest.mark.parametrize("percent", [2, 50.5, 101])
async def test_a_limit_outside_the_range_is_refused(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find, percent: float
) -> None:
    sim, _ = await dtu_home.with_dtu()
    with pytest.raises(ServiceValidationError):
        await set_number(hass, entity_id(f"{WEST}-limit_relative"), percent)
    assert not sim.commands


async def test_a_limit_that_somebody_else_sets_is_shown(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    sim.micro_inverter(WEST).set_limit(120.0, sim.house.elapsed)
    # The DTU reads it back every few minutes.
    await passes(dtu_home, sim, coordinator, 400)
    assert number(hass, entity_id(f"{WEST}-limit_relative")) == pytest.approx(30)


async def test_an_inverter_that_does_not_answer_is_told(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    """The radio tries five times; while it does, the command is pending, and then it has failed."""
    dtu_home.timing = replace(DTU_TIMING, confirm=0.3)
    sim, coordinator = await dtu_home.with_dtu()
    limit, status = entity_id(f"{WEST}-limit_relative"), entity_id(f"{WEST}-limit_status")
    sim.faults.set("unreachable", 0)
    with pytest.raises(HomeAssistantError) as caught:
        await set_number(hass, limit, 50)
    assert not isinstance(caught.value, ServiceValidationError)
    assert caught.value.translation_key == "not_confirmed_yet"
    assert (caught.value.translation_placeholders or {})["point"] == "Limit"
    await poll(coordinator)
    assert value(hass, status) == "pending"
    assert value(hass, limit) == "100.0"
    await passes(dtu_home, sim, coordinator, 14)
    assert value(hass, status) == "failed"
    assert len(sim.limit_commands) == 1
    # The DTU goes on by itself, and the number follows.
    sim.faults.clear()
    await passes(dtu_home, sim, coordinator, 60)
    assert value(hass, status) == "ok"
    assert number(hass, limit) == 50


async def test_commands_that_the_dtu_does_not_send_are_told(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    """It would say that all is well and do nothing."""
    dtu_home.timing = replace(DTU_TIMING, confirm=0.3)
    sim, _ = await dtu_home.with_dtu()
    sim.view(WEST).configuration.command_enable = False
    limit, power = (entity_id(f"{WEST}-{key}") for key in ("limit_relative", "inverter_switched_on"))
    for work in (set_number(hass, limit, 50), switch(hass, power, False)):
        with pytest.raises(HomeAssistantError) as caught:
            await work
        assert caught.value.translation_key == "commands_off"
    assert (value(hass, limit), value(hass, power)) == ("100.0", STATE_ON)
    sim.view(WEST).configuration.command_enable = True
    await dtu_home.meanwhile(sim, set_number(hass, limit, 50))
    assert value(hass, limit) == "50.0"


# Power


async def test_an_inverter_is_switched_off_and_on(hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    power, feeding = entity_id(f"{WEST}-inverter_switched_on"), entity_id(f"{WEST}-ac_output_power")
    assert value(hass, power) == STATE_ON
    await dtu_home.meanwhile(sim, switch(hass, power, False))
    assert value(hass, power) == STATE_OFF
    assert [command.power for command in sim.commands] == [False]
    await passes(dtu_home, sim, coordinator, 60)
    assert value(hass, power) == STATE_OFF
    assert number(hass, feeding) == 0
    # Nobody but its event log knows it after a restart of Home Assistant.
    coordinator = await dtu_home.reloaded(coordinator)
    await poll(coordinator)
    assert value(hass, power) == STATE_OFF
    await dtu_home.meanwhile(sim, switch(hass, power, True))
    assert value(hass, power) == STATE_ON
    await passes(dtu_home, sim, coordinator, 60)
    assert value(hass, power) == STATE_ON
    assert number(hass, feeding) > 300


async def test_restart_buttons(hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    registry = er.async_get(hass)
    buttons = [entity for entity in registry.entities.values() if entity.domain == "button"]
    assert all(entity.disabled for entity in buttons), "a restart is nothing to press by accident"
    coordinator = await dtu_home.switched_on(coordinator, "restart", "reset_radio_statistics")

    async def press(key: str) -> None:
        await hass.services.async_call("button", "press", {ATTR_ENTITY_ID: entity_id(key)}, blocking=True)

    await dtu_home.meanwhile(sim, set_number(hass, entity_id(f"{WEST}-limit_relative"), 50))
    starts = sim.micro_inverter(WEST).starts
    await dtu_home.meanwhile(sim, press(f"{WEST}-restart"))
    await passes(dtu_home, sim, coordinator, 60)
    assert sim.micro_inverter(WEST).starts == starts + 1
    # What the inverter does not keep is gone.
    assert sim.micro_inverter(WEST).limit == pytest.approx(400)
    assert sim.view(WEST).stats.tx_request > 0
    await press(f"{WEST}-reset_radio_statistics")
    assert sim.view(WEST).stats.tx_request == 0
    boots = sim.dtu.boots
    await press(of_dtu("restart"))
    sim.advance(5)
    assert sim.dtu.boots == boots + 1


# Actions


def device_of(hass: HomeAssistant, coordinator: SolarCoordinator, serial: str) -> str:
    """The id of the device of an inverter or of the DTU."""
    identifiers = (DOMAIN, f"opendtu-{serial}")
    entry_id = coordinator.config_entry.entry_id
    device = dr.async_get(hass).async_get_device_by_identifier(identifiers, entry_id)
    assert device
    return device.id


async def test_the_action_that_sets_a_limit(hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    data = {"device_id": device_of(hass, coordinator, EAST), "limit": 42}
    answer = await dtu_home.meanwhile(
        sim, hass.services.async_call(DOMAIN, "set_limit", data, blocking=True, return_response=True)
    )
    assert answer == {"device": "Battery east", "limit": 42.0}
    assert value(hass, entity_id(f"{EAST}-limit_relative")) == "42.0"
    assert set(sim.flash_writes.values()) == {0}
    for limit, key in ((2.0, "value_range"), (42.5, "value_step")):
        with pytest.raises(ServiceValidationError) as caught:
            await hass.services.async_call(DOMAIN, "set_limit", data | {"limit": limit}, blocking=True)
        assert caught.value.translation_key == key


async def test_the_dtu_itself_has_no_limit(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    _, coordinator = await dtu_home.with_dtu()
    data = {"device_id": device_of(hass, coordinator, DTU_SERIAL)}
    for action, more in (("set_limit", {"limit": 50}), ("restart_inverter", {})):
        with pytest.raises(ServiceValidationError) as caught:
            await hass.services.async_call(DOMAIN, action, data | more, blocking=True)
        assert caught.value.translation_key == "not_offered"


async def test_a_persistent_limit_is_wanted_twice_and_set_once_an_hour(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    data: dict[str, Any] = {"device_id": device_of(hass, coordinator, WEST), "limit": 60}

    async def keep(limit: float, context: Context | None = None, **more: bool) -> None:
        call = hass.services.async_call(
            DOMAIN, "set_persistent_limit", data | {"limit": limit} | more, blocking=True, context=context
        )
        await dtu_home.meanwhile(sim, call)

    with pytest.raises(ServiceValidationError) as caught:
        await keep(60)
    assert caught.value.translation_key == "needs_consent"
    user = MockUser(is_owner=False).add_to_hass(hass)
    with pytest.raises(Unauthorized):
        await keep(60, Context(user_id=user.id), confirm=True)
    assert not sim.commands
    owner = MockUser(is_owner=True).add_to_hass(hass)
    await keep(60, Context(user_id=owner.id), confirm=True)
    assert sim.flash_writes[WEST] == 1
    assert sim.micro_inverter(WEST).persistent_limit == pytest.approx(60)
    assert value(hass, entity_id(f"{WEST}-limit_relative")) == "60.0"
    with pytest.raises(HomeAssistantError) as too_soon:
        await keep(70, confirm=True)
    assert too_soon.value.translation_key == "too_soon"
    # Neither does a restart of Home Assistant make it forget.
    coordinator = await dtu_home.reloaded(coordinator)
    with pytest.raises(HomeAssistantError) as too_soon:
        await keep(70, confirm=True)
    assert too_soon.value.translation_key == "too_soon"
    assert sim.flash_writes == {WEST: 1, EAST: 0, SHED: 0}


async def test_the_action_that_restarts_an_inverter(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    data = {"device_id": device_of(hass, coordinator, SHED)}
    starts = sim.micro_inverter(SHED).starts
    await dtu_home.meanwhile(sim, hass.services.async_call(DOMAIN, "restart_inverter", data, blocking=True))
    sim.advance(30)
    assert sim.micro_inverter(SHED).starts == starts + 1
    assert [command.serial for command in sim.commands] == [SHED]


async def test_one_command_at_a_time(hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find) -> None:
    sim, _ = await dtu_home.with_dtu()
    calls = [set_number(hass, entity_id(f"{serial}-limit_relative"), 50) for serial in (WEST, EAST, SHED)]

    async def together() -> None:
        tasks = [hass.async_create_task(call) for call in calls]
        for task in tasks:
            await task

    await dtu_home.meanwhile(sim, together())
    assert sorted(command.serial for command in sim.limit_commands) == sorted([WEST, EAST, SHED])
    assert sim.max_concurrent_posts == 1
    assert {value(hass, entity_id(f"{serial}-limit_relative")) for serial in (WEST, EAST, SHED)} == {"50.0"}
