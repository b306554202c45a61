"""What an owner does with a SENEC.Home: force charge to a target, sockets with their timers, wallboxes."""

import asyncio
import time
from datetime import UTC, datetime, time as time_of_day, timedelta
from typing import Any

import pytest
import voluptuous as vol
from homeassistant.const import ATTR_ENTITY_ID, STATE_OFF, STATE_ON, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.const import DOMAIN
from custom_components.local_solar.controllers import force_charge
from custom_components.local_solar.coordinator import SolarCoordinator
from simulators.house import House
from simulators.senec import SenecSimulator

from .common import Find, attributes, choose, poll, set_number, switch, value
from .senec_home import SenecHome

CHARGED = 40.0
"""State of charge at the beginning, % of the cells."""


class WallClock:
    """The wall clock of the controller, which a test can set ahead."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    """The wall clock of the controller."""
    clock = WallClock()
    monkeypatch.setattr(force_charge, "time", clock)
    return clock


class Battery:
    """A battery that can be charged from the grid, and what Home Assistant shows of it."""

    def __init__(self, hass: HomeAssistant, find: Find, clock: WallClock, sim: SenecSimulator) -> None:
        self.hass, self.sim, self.find, self.clock = hass, sim, find, clock
        self.coordinator: SolarCoordinator

    def shown(self, key: str) -> str:
        """A state."""
        return value(self.hass, self.find(key))

    @property
    def charged(self) -> float:
        """State of charge as Home Assistant shows it, %."""
        return float(self.shown("state_of_charge"))

    @property
    def reason(self) -> str:
        """Why the controller does what it does."""
        return str(attributes(self.hass, self.find("force_charge_state"))["reason"])

    async def order(self, **data: Any) -> None:
        """Order a charge as an automation does."""
        await order(self.hass, self.coordinator, **data)

    async def after(self, seconds: float, *, charging: bool = False) -> None:
        """Let time pass, for the battery too if it is ``charging``, and read."""
        self.clock.ahead += seconds
        if charging:
            self.sim.advance(seconds)
        await poll(self.coordinator)

    async def charge_to(self, target: float) -> None:
        """Let the battery be charged until it has ``target`` %."""
        for _ in range(100):
            if self.charged >= target:
                return
            await self.after(120.0, charging=True)
        raise AssertionError(self.charged)

    def runs(self) -> bool:
        """Whether the appliance charges by force; a call, so that nobody believes that it stays."""
        return self.sim.force_charging

    @property
    def presses(self) -> list[str]:
        """The buttons that were pressed, in order."""
        return [write.field.removeprefix("SAFE_CHARGE_") for write in self.sim.writes]


@pytest.fixture
async def battery(hass: HomeAssistant, home: SenecHome, entity_id: Find, clock: WallClock) -> Battery:
    """A V3 hybrid at night with a battery that is not full."""
    house = House(seed=1, speed=0, start=datetime(2026, 6, 15, 1, 0))  # noqa: DTZ001 - a wall clock has no zone
    house.battery.soc = CHARGED
    sim, coordinator = await home.started("v3_hybrid", house=house)
    battery = Battery(hass, entity_id, clock, sim)
    battery.coordinator = coordinator
    return battery


async def order(hass: HomeAssistant, coordinator: SolarCoordinator, **data: Any) -> None:
    """Perform the action."""
    where = {"config_entry_id": coordinator.config_entry.entry_id}
    await hass.services.async_call(DOMAIN, "force_charge", {**where, **data}, blocking=True)
    await hass.async_block_till_done(wait_background_tasks=True)


# Force charge


async def test_switch(hass: HomeAssistant, battery: Battery) -> None:
    """The switch alone is the device's own button: no target, no end."""
    assert battery.shown("force_charge") == STATE_OFF
    await switch(hass, battery.find("force_charge"), True)
    assert battery.runs()
    assert battery.shown("force_charge") == STATE_ON
    await poll(battery.coordinator)
    assert battery.shown("system_state") == "man_safety_charge"
    assert battery.shown("force_charge_state") == "idle"
    await switch(hass, battery.find("force_charge"), False)
    assert not battery.runs()
    assert battery.presses == ["FORCE", "PROHIBIT"]


async def test_charge_to_a_target(battery: Battery) -> None:
    target = round(battery.charged + 4)
    await battery.order(state_of_charge=target)
    assert battery.runs()
    assert battery.shown("force_charge_state") == "charging"
    assert float(battery.shown("force_charge_target")) == target
    await battery.after(35, charging=True)
    assert battery.reason == "running"
    assert float(battery.shown("battery_power")) < 0
    assert float(battery.shown("grid_power")) > 0
    await battery.charge_to(target)
    assert not battery.runs()
    assert (battery.shown("force_charge_state"), battery.reason) == ("reached", "target")
    assert battery.shown("force_charge_target") == STATE_UNKNOWN
    assert battery.shown("force_charge") == STATE_OFF
    assert battery.presses == ["FORCE", "PROHIBIT"]


async def test_charge_until_a_time(home: SenecHome, battery: Battery) -> None:
    battery.coordinator = await home.switched_on(battery.coordinator, "force_charge_until")
    until = datetime.now(UTC) + timedelta(hours=1)
    await battery.order(until=until.isoformat())
    assert float(battery.shown("force_charge_target")) == 100
    assert datetime.fromisoformat(battery.shown("force_charge_until")) == until.replace(microsecond=0)
    await battery.after(3500)
    assert battery.runs()
    await battery.after(200)
    assert not battery.runs()
    assert (battery.shown("force_charge_state"), battery.reason) == ("ended", "time")


async def test_what_is_reached_already_is_not_begun(battery: Battery) -> None:
    await battery.order(state_of_charge=round(battery.charged) - 5)
    assert battery.presses == []
    assert (battery.shown("force_charge_state"), battery.reason) == ("reached", "target")


async def test_an_order_survives_a_restart_of_home_assistant(home: SenecHome, battery: Battery) -> None:
    target = round(battery.charged + 4)
    await battery.order(state_of_charge=target)
    battery.coordinator = await home.reloaded(battery.coordinator)
    assert battery.runs()
    assert battery.shown("force_charge_state") == "charging"
    assert float(battery.shown("force_charge_target")) == target
    await battery.charge_to(target)
    assert not battery.runs()
    assert battery.presses == ["FORCE", "PROHIBIT"]


async def test_an_order_that_ran_out_while_home_assistant_was_away(
    hass: HomeAssistant, home: SenecHome, battery: Battery
) -> None:
    await battery.order(until=(datetime.now(UTC) + timedelta(minutes=30)).isoformat())
    entry = battery.coordinator.config_entry
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert battery.runs()
    battery.clock.ahead += 3600
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    battery.coordinator = entry.runtime_data
    await poll(battery.coordinator)
    assert not battery.runs()
    assert battery.reason == "time"


async def test_an_order_that_comes_while_the_one_before_ends_is_not_lost(battery: Battery) -> None:
    target = round(battery.charged + 2)
    await battery.order(state_of_charge=target)
    await battery.after(35)
    while battery.sim.appliance.plant.charge < target:
        battery.sim.advance(120.0)
    # Every answer takes its time, so the stop is still being written when the next order comes.
    battery.sim.faults.set("delay", 0.1)
    ending = asyncio.create_task(battery.after(10))
    while not battery.presses[1:]:  # noqa: ASYNC110 - the appliance tells nobody
        await asyncio.sleep(0.01)
    await battery.order(state_of_charge=90)
    await ending
    battery.sim.faults.clear()
    assert (battery.shown("force_charge_state"), battery.shown("force_charge_target")) == ("charging", "90.0")
    await battery.after(35)
    assert battery.runs()
    assert battery.reason == "running"


async def test_a_device_that_begins_again_is_stopped_again(battery: Battery) -> None:
    battery.sim.faults.set("force_charge_restarts", 10.0, count=1)
    target = round(battery.charged + 2)
    await battery.order(state_of_charge=target)
    await battery.charge_to(target)
    assert battery.presses == ["FORCE", "PROHIBIT"]
    battery.sim.advance(11)
    assert battery.runs()
    await battery.after(20)
    assert not battery.runs()
    assert (battery.shown("force_charge_state"), battery.reason) == ("reached", "target")
    await battery.after(70)
    assert battery.presses == ["FORCE", "PROHIBIT", "PROHIBIT"]
    # Charging that an owner wants later is nobody's business any more.
    battery.sim.appliance.plant.force_charge.running = True
    await battery.after(300)
    assert battery.runs()


async def test_a_device_that_ends_too_early_is_started_again(battery: Battery) -> None:
    await battery.order(state_of_charge=90)
    await battery.after(35)
    battery.sim.appliance.plant.force_charge.running = False
    await battery.after(5)
    assert (battery.shown("force_charge_state"), battery.reason) == ("restarting", "ended_early")
    await battery.after(16)
    assert battery.runs()
    await battery.after(35)
    assert (battery.shown("force_charge_state"), battery.reason) == ("charging", "running")


async def test_stopped_by_hand(hass: HomeAssistant, battery: Battery) -> None:
    await battery.order(state_of_charge=90)
    await battery.after(35)
    await switch(hass, battery.find("force_charge"), False)
    assert (battery.shown("force_charge_state"), battery.reason) == ("ended", "owner")
    for _ in range(3):
        await battery.after(40)
    assert not battery.runs()
    assert battery.presses == ["FORCE", "PROHIBIT"]


async def test_a_stop_by_hand_that_is_late_ends_the_order_all_the_same(hass: HomeAssistant, battery: Battery) -> None:
    await battery.order(state_of_charge=90)
    await battery.after(35)
    battery.sim.faults.set("force_charge_stays", count=1)
    with pytest.raises(HomeAssistantError) as caught:
        await switch(hass, battery.find("force_charge"), False)
    assert caught.value.translation_key == "not_kept"
    assert (battery.shown("force_charge_state"), battery.reason) == ("ended", "owner")
    await battery.after(20)
    assert not battery.runs()
    await battery.after(60)
    assert not battery.runs()


async def test_a_device_that_does_not_stop_is_told(
    hass: HomeAssistant, battery: Battery, issue_registry: ir.IssueRegistry
) -> None:
    issue = f"{battery.coordinator.config_entry.entry_id}_force_charge_not_stopping"
    battery.sim.faults.set("force_charge_stays")
    target = round(battery.charged + 2)
    await battery.order(state_of_charge=target)
    await battery.charge_to(target)
    for _ in range(4):
        assert not issue_registry.async_get_issue(DOMAIN, issue)
        await battery.after(20)
    assert issue_registry.async_get_issue(DOMAIN, issue)
    assert (battery.shown("force_charge_state"), battery.reason) == ("ended", "not_stopping")
    assert battery.presses == ["FORCE"] + 4 * ["PROHIBIT"]
    # Stopped at the appliance itself, it is over.
    battery.sim.faults.clear()
    battery.sim.appliance.plant.force_charge.stop()
    battery.sim.appliance.catch_up()
    await poll(battery.coordinator)
    assert not issue_registry.async_get_issue(DOMAIN, issue)


async def test_a_start_that_is_late_is_waited_for_and_repeated(battery: Battery) -> None:
    """The appliance takes the button, but does nothing for a while: the order stands."""
    battery.sim.faults.set("force_charge_ignored", count=1)
    await battery.order(state_of_charge=90)
    assert not battery.runs()
    assert (battery.shown("force_charge_state"), battery.reason) == ("charging", "waiting")
    await battery.after(35)
    assert battery.shown("force_charge_state") == "restarting"
    await battery.after(20)
    assert battery.runs()


async def test_a_device_that_cannot_be_stopped_now_is_stopped_when_it_is_back(battery: Battery) -> None:
    await battery.order(until=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    await battery.after(35)
    battery.sim.faults.set("html")
    await battery.after(3600)
    assert battery.runs()
    assert battery.shown("force_charge_state") == "charging"
    battery.sim.faults.clear()
    await battery.after(10)
    assert not battery.runs()
    assert battery.reason == "time"


async def test_a_refused_order_changes_nothing(battery: Battery) -> None:
    battery.sim.faults.set("writes_forbidden")
    with pytest.raises(HomeAssistantError) as caught:
        await battery.order(state_of_charge=90)
    assert caught.value.translation_key == "device_refused"
    assert battery.shown("force_charge_state") == "idle"
    with pytest.raises(vol.Invalid):
        await battery.order(state_of_charge=101)
    with pytest.raises(ServiceValidationError) as refused:
        await battery.order(until="2020-01-01T00:00:00+00:00")
    assert refused.value.translation_key == "time_is_over"


async def test_other_installations_cannot_be_charged(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await order(hass, entry.runtime_data)
    assert caught.value.translation_key == "no_force_charge"


# Sockets


async def test_sockets_and_their_timers(hass: HomeAssistant, home: SenecHome, entity_id: Find) -> None:
    sim, coordinator = await home.started("v2_1_http")

    def held(name: str) -> list[str]:
        wire = sim.wire("SOCKETS", name)
        assert isinstance(wire, list)
        return wire

    assert attributes(hass, entity_id("socket_surplus_duration"))["unit_of_measurement"] == "min"
    others = {name: held(name)[1] for name in ("UPPER_LIMIT", "LOWER_LIMIT", "TIME_LIMIT", "POWER_ON_TIME", "FORCE_ON")}
    await set_number(hass, entity_id("socket_switch_on_surplus"), 1500)
    await set_number(hass, entity_id("socket_switch_off_surplus"), 700)
    await set_number(hass, entity_id("socket_surplus_duration"), 5)
    await set_number(hass, entity_id("socket_on_duration"), 45)
    # The names of the variables mislead: the first is how long the surplus must last, the second how long it stays on.
    assert (held("TIME_LIMIT")[0], held("POWER_ON_TIME")[0]) == ("u1_0005", "u1_002D")
    assert (held("UPPER_LIMIT")[0], held("LOWER_LIMIT")[0]) == ("u1_05DC", "u1_02BC")
    data = {ATTR_ENTITY_ID: entity_id("socket_switch_on_time"), "time": time_of_day(13, 30)}
    await hass.services.async_call("time", "set_value", data, blocking=True)
    assert (held("SWITCH_ON_HOUR")[0], held("SWITCH_ON_MINUTE")[0]) == ("u8_0D", "u8_1E")
    assert value(hass, entity_id("socket_switch_on_time")) == "13:30:00"
    with pytest.raises(ServiceValidationError) as caught:
        await set_number(hass, entity_id("socket_switch_off_surplus"), 1600)
    assert caught.value.translation_key in ("value_range", "value_order", "value_not_above", "value_not_below")
    await switch(hass, entity_id("socket_forced_on"), True)
    await poll(coordinator)
    assert value(hass, entity_id("socket_on")) == STATE_ON
    await switch(hass, entity_id("socket_forced_on"), False)
    await poll(coordinator)
    assert value(hass, entity_id("socket_on")) == STATE_OFF
    assert {name: held(name)[1] for name in others} == others
    assert not [write for write in sim.writes if write.dangerous or not write.accepted]
    await hass.async_block_till_done(wait_background_tasks=True)
    assert sim.saves >= 1


# Wallboxes


async def test_settings_of_a_wallbox_are_off_from_the_start(hass: HomeAssistant, home: SenecHome) -> None:
    _, coordinator = await home.started("v3_wallbox")
    entities = er.async_entries_for_config_entry(er.async_get(hass), coordinator.config_entry.entry_id)
    of_wallbox = [entity for entity in entities if entity.unique_id.startswith(("senec-900000071", "senec-900000072"))]
    assert {entity.domain for entity in of_wallbox if not entity.disabled} <= {"sensor", "binary_sensor"}
    settings = {entity.unique_id.rpartition("-")[2] for entity in of_wallbox if entity.domain in ("select", "number")}
    assert settings == {"charging_mode", "charging_current"}


async def test_the_cloud_takes_a_setting_back(hass: HomeAssistant, home: SenecHome, entity_id: Find) -> None:
    sim, coordinator = await home.started("v3_wallbox")
    coordinator = await home.switched_on(coordinator, "charging_mode", "charging_current", "wallbox_overridden")
    mode, event = entity_id("charging_mode"), entity_id("wallbox_overridden")
    assert value(hass, mode) == "solar_interruptible"
    assert value(hass, event) == STATE_UNKNOWN
    await choose(hass, mode, "fast")
    assert value(hass, mode) == "fast"
    assert sim.wire("WALLBOX", "SMART_CHARGE_ACTIVE") == ["u8_00", "u8_00", "u8_00", "u8_00"]
    await poll(coordinator)
    assert value(hass, event) == STATE_UNKNOWN
    sim.faults.set("cloud_push")
    await poll(coordinator)
    assert value(hass, mode) == "solar_interruptible"
    told = attributes(hass, event)
    assert (told["event_type"], told["setting"]) == ("mode", "charging_mode")
    at = value(hass, event)
    await poll(coordinator)
    assert value(hass, event) == at


async def test_the_current_of_a_wallbox_is_bounded_and_not_set_often(
    hass: HomeAssistant, home: SenecHome, entity_id: Find
) -> None:
    sim, coordinator = await home.started("v3_wallbox")
    await home.switched_on(coordinator, "charging_current")
    currents = sorted(
        entity.entity_id for entity in er.async_get(hass).entities.values() if "charging_current" in entity.unique_id
        and entity.domain == "number"
    )  # fmt: skip
    # The second wallbox is rated at 32 A.
    assert [attributes(hass, current)["max"] for current in currents] == [16, 32]
    await set_number(hass, currents[1], 10)
    assert sim.wire("WALLBOX", "SET_ICMAX")[1] == "fl_41200000"
    with pytest.raises(HomeAssistantError) as caught:
        await set_number(hass, currents[1], 11)
    assert caught.value.translation_key == "too_soon"
