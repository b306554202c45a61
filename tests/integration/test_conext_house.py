"""A Conext XW and a Pylontech stack in one house, joined by the state-of-charge control."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from custom_components.local_solar.const import DOMAIN
from custom_components.local_solar.controllers import state_of_charge
from custom_components.local_solar.coordinator import SolarCoordinator
from custom_components.local_solar.solarlink.control.state_of_charge import Now
from simulators.conext import ConextSimulator
from simulators.house import House
from simulators.pylontech import PylontechSimulator

from .common import Find, attributes, poll, switch, value
from .conext_home import XW_SERIAL, conext_entry, hurry, load, pylontech_entry

XW = 10
CONTROL = {"longest_unchanged": 5, "shortest_on": 0, "shortest_off": 0, "low_battery_cut_out": 47.0}
OWNERS = {"load_shave": 0, "grid_support": 0, "low_battery_cut_out": 46.0}


@dataclass
class Home:
    """Both installations, and Home Assistant on them."""

    hass: HomeAssistant
    find: Find
    gateway: ConextSimulator
    stack: PylontechSimulator
    inverter: SolarCoordinator
    battery: SolarCoordinator
    ahead: float = 0.0
    """Seconds by which the control's clock is ahead."""

    async def look(self, seconds: float = 0.0) -> tuple[str, str]:
        """Let time pass for house and control, read both, and return state and reason."""
        self.ahead += seconds
        if seconds:
            self.gateway.advance(seconds)
        await poll(self.battery)
        await poll(self.inverter)
        return self.shown("soc_control_state"), self.shown("soc_control_reason")

    async def comes_to(self, state: str, reason: str, seconds: float = 60.0) -> None:
        """Look until that is so. On a busy machine an answer may be late, and then the next look brings it."""
        found = await self.look(seconds)
        for _ in range(5):
            if found == (state, reason):
                break
            found = await self.look(seconds)
        assert found == (state, reason)

    def shown(self, key: str) -> str:
        """The state of an entity of the control."""
        return value(self.hass, self.find(f"{XW_SERIAL}-{key}"))

    @property
    def settings(self) -> dict[str, float]:
        """What the XW has."""
        return {key: self.gateway.value(XW, key) for key in OWNERS}


@pytest.fixture
async def home(
    hass: HomeAssistant, socket_enabled: None, entity_id: Find, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Home]:
    """An evening with a battery that is nearly full; the control is off."""
    hurry(monkeypatch)
    house = House(seed=1, speed=0)
    house.battery.soc = 90.0
    async with (
        ConextSimulator(house=house, pace=0.0, needs_grid_support=True, maintenance=False) as gateway,
        PylontechSimulator(house=house, modules=4, layout="C", pace=0.0) as stack,
    ):
        for key, setting in OWNERS.items():
            gateway.put(XW, key, setting)
        battery = pylontech_entry(await stack.listen(), stack.serials[0])
        inverter = conext_entry(await gateway.listen(), soc_control=CONTROL)
        loaded = await load(hass, battery)
        home = Home(hass, entity_id, gateway, stack, await load(hass, inverter), loaded)
        real = state_of_charge._now
        monkeypatch.setattr(
            state_of_charge,
            "_now",
            lambda: Now(real().seconds + home.ahead, real().wall + timedelta(seconds=home.ahead)),
        )
        yield home
        for entry in (inverter, battery):
            assert await hass.config_entries.async_unload(entry.entry_id)
        assert home.settings == OWNERS


async def switch_on(home: Home) -> None:
    """Switch the control on, as a person does."""
    await switch(home.hass, home.find(f"{XW_SERIAL}-soc_control"), True)


async def test_frozen_battery_data_end_discharging(home: Home) -> None:
    await switch_on(home)
    assert await home.look() == ("discharging", "charged")
    assert home.settings == {"load_shave": 1, "grid_support": 1, "low_battery_cut_out": 47.0}
    assert attributes(home.hass, home.find(f"{XW_SERIAL}-soc_control_state"))["battery"] == "Pylontech"
    # Cell voltages move all the time; a console that tells the same for minutes is stuck.
    home.stack.faults.set("frozen")
    await home.look(120)
    assert await home.look(120) == ("discharging", "charged")
    assert await home.look(240) == ("held", "data_frozen")
    assert home.settings["load_shave"] == 0
    home.stack.faults.clear("frozen")
    assert (await home.look(600))[0] == "discharging"
    assert home.settings["load_shave"] == 1


async def test_the_lowest_module_and_alarms_end_discharging(home: Home) -> None:
    await switch_on(home)
    assert (await home.look())[0] == "discharging"
    home.stack.faults.set("alarm", 2.0)
    await home.comes_to("waiting", "alarm")
    assert home.settings["load_shave"] == 0
    home.stack.faults.clear("alarm")
    assert (await home.look(60))[0] == "discharging"
    home.stack.set(4, charge=18)
    # A leap is believed when it comes twice, and so is a low state of charge.
    await home.comes_to("waiting", "empty")
    assert home.settings["load_shave"] == 0


async def test_dry_run_writes_nothing(home: Home) -> None:
    await switch(home.hass, home.find(f"{XW_SERIAL}-soc_control_dry_run"), True)
    await switch_on(home)
    assert (await home.look())[0] == "discharging"
    would = attributes(home.hass, home.find(f"{XW_SERIAL}-soc_control_state"))["would_set"]
    assert would["load_shave"] is True
    assert home.settings == OWNERS
    assert home.gateway.writes == []


async def test_an_inverter_that_drops_writes_is_a_repair_issue(home: Home) -> None:
    home.gateway.faults.set("dropped_write")
    await switch_on(home)
    for _ in range(8):
        await home.look(600)
    assert home.settings == OWNERS
    issue = f"{home.inverter.config_entry.entry_id}_soc_control_not_taken"
    assert ir.async_get(home.hass).async_get_issue(DOMAIN, issue)
    home.gateway.faults.clear("dropped_write")
    # What was tried in vain counts as writes, so it goes on when the day of the budget is over.
    for _ in range(6):
        await home.look(25 * 3600)
        if ir.async_get(home.hass).async_get_issue(DOMAIN, issue) is None:
            break
    assert ir.async_get(home.hass).async_get_issue(DOMAIN, issue) is None


async def test_switching_off_restores(home: Home) -> None:
    await switch_on(home)
    assert (await home.look())[0] == "discharging"
    await switch(home.hass, home.find(f"{XW_SERIAL}-soc_control"), False)
    assert home.settings == OWNERS
    assert await home.look() == ("off", "switched_off")
