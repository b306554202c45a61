"""The state-of-charge control in Home Assistant: a simulated Conext XW, and batteries of both kinds."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from homeassistant.const import CONF_HOST, CONF_PORT, STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.const import CONF_FAMILY, CONF_LINK, DOMAIN
from custom_components.local_solar.controllers import entity_values, soc_battery, state_of_charge
from custom_components.local_solar.coordinator import SolarCoordinator
from custom_components.local_solar.solarlink.conext import client as conext_client
from custom_components.local_solar.solarlink.conext.client import Timing
from custom_components.local_solar.solarlink.conext.identify import ProbeTiming
from custom_components.local_solar.solarlink.conext.writer import WriteTiming
from custom_components.local_solar.solarlink.control import soc_judge, soc_model
from custom_components.local_solar.solarlink.links.modbus import ModbusTiming
from simulators.conext import ConextSimulator
from simulators.house import House
from simulators.pylontech import PylontechSimulator

from .common import Find, attributes, poll, set_number, switch, value, warnings_of_ours

XW = 10
MEAN, LOWEST, CELL, ALARM = "sensor.mean", "sensor.lowest", "sensor.cell", "binary_sensor.alarm"
CHOSEN = {"state_of_charge": MEAN, "lowest_state_of_charge": LOWEST, "lowest_cell_voltage": CELL, "alarm": [ALARM]}
NET = {"low_battery_cut_out": 47.0, "low_battery_cut_out_hysteresis": 3.0}


class Later:
    """What time it is for the control, some seconds later than it really is."""

    seconds = 0.0

    def utcnow(self) -> datetime:
        """The wall clock."""
        return datetime.now(UTC) + timedelta(seconds=self.seconds)


class Place:
    """An XW with its battery, and what Home Assistant shows of it."""

    def __init__(self, hass: HomeAssistant, find: Find, sim: ConextSimulator, entry: MockConfigEntry) -> None:
        self.hass, self.find, self.sim, self.entry = hass, find, sim, entry

    @property
    def coordinator(self) -> SolarCoordinator:
        """That of the inverter."""
        coordinator: SolarCoordinator = self.entry.runtime_data
        return coordinator

    def battery(self, mean: float, lowest: float, cell: float | str = 3300, alarm: str = STATE_OFF) -> None:
        """Let the battery's entities say so, now."""
        self.hass.states.async_set(MEAN, str(mean))
        self.hass.states.async_set(LOWEST, str(lowest))
        self.hass.states.async_set(CELL, str(cell), {"unit_of_measurement": "mV"})
        self.hass.states.async_set(ALARM, alarm)

    async def look(self, times: int = 2) -> str:
        """Read the inverter and the battery; returns the state of the control."""
        for _ in range(times):
            await poll(self.coordinator)
        return self.shown("soc_control_state")

    async def see(self, mean: float, lowest: float, *, times: int = 2, **more: Any) -> str:
        """The battery tells something new, as often as that."""
        for number in range(times):
            self.battery(mean, lowest, **{"cell": 3300 + number} | more)
            await self.look(1)
        return self.shown("soc_control_state")

    def shown(self, key: str) -> str:
        """A state."""
        return value(self.hass, self.find(key))

    @property
    def settings(self) -> dict[str, float]:
        """What the inverter has."""
        return {key: self.sim.value(XW, key) for key in soc_model.KEYS}

    @property
    def written(self) -> list[tuple[str, float]]:
        """What was written to it."""
        return [(write.key, float(write.value)) for write in self.sim.writes]


type AddPlace = Callable[..., Any]


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Timing(
        link=ModbusTiming(answer=0.5, retries=()),
        probe=ProbeTiming(pause=0.0),
        write=WriteTiming(read_back=(0.0, 0.05), between_writes=0.0),
        linger=0.05,
    )
    monkeypatch.setattr(conext_client, "Timing", lambda: quick)
    monkeypatch.setattr(soc_judge, "SAME_SAMPLE", 0.0001)


@pytest.fixture
async def add_place(hass: HomeAssistant, socket_enabled: None, entity_id: Find) -> AsyncIterator[AddPlace]:
    """Sets up an XW behind a ComBox whose control has these options."""
    sim = ConextSimulator(
        house=House(seed=1, speed=0), units=("xw",), pace=0.0, needs_grid_support=True, maintenance=False
    )
    sim.put(XW, "grid_support", 0)
    port = await sim.listen()

    async def add(**options: Any) -> Place:
        entry = MockConfigEntry(
            domain=DOMAIN,
            title="Conext ComBox",
            data={CONF_FAMILY: "conext", CONF_LINK: "tcp", CONF_HOST: "127.0.0.1", CONF_PORT: port},
            options={"soc_control": {"shortest_on": 0, "shortest_off": 0, **NET, **options}},
            unique_id=f"conext-{sim.gateway.identity.serial}",
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        return Place(hass, entity_id, sim, entry)

    yield add
    for entry in hass.config_entries.async_entries(DOMAIN):
        await hass.config_entries.async_unload(entry.entry_id)
    await sim.close()


@pytest.fixture
async def place(add_place: AddPlace) -> Place:
    """An XW whose battery is four entities that something else provides."""
    found: Place = await add_place(**CHOSEN)
    found.battery(50, 45)
    return found


async def switch_on(place: Place) -> dict[str, float]:
    """Switch the control on; returns what the inverter had before."""
    owner = place.settings
    await switch(place.hass, place.find("soc_control"), on=True)
    return owner


async def test_a_day(place: Place) -> None:
    owner = await switch_on(place)
    assert place.shown("soc_control_state") == "waiting"
    assert place.settings == owner | NET
    assert await place.see(85, 82) == "discharging"
    assert place.shown("soc_control_reason") == "charged"
    assert place.settings == owner | NET | {"load_shave": 1, "grid_support": 1}
    assert await place.see(50, 47) == "discharging"
    assert await place.see(25, 20) == "waiting"
    assert place.settings == owner | NET
    # Grid support before load shave, load shave off before grid support.
    switched = [each for each in place.written if each[0] in ("load_shave", "grid_support")]
    assert switched == [("grid_support", 1), ("load_shave", 1), ("load_shave", 0), ("grid_support", 0)]
    shown = attributes(place.hass, place.find("soc_control_state"))
    assert shown["battery"] == MEAN
    assert shown["writes_in_24_hours"] == 6
    assert shown["restores"]["low_battery_cut_out"] == owner["low_battery_cut_out"]


@pytest.mark.parametrize("end", ["switch", "unload", "stop"])
async def test_every_end_restores(hass: HomeAssistant, place: Place, end: str) -> None:
    owner = await switch_on(place)
    await place.see(85, 82)
    assert place.settings != owner
    if end == "switch":
        await switch(hass, place.find("soc_control"), on=False)
    elif end == "unload":
        assert await hass.config_entries.async_unload(place.entry.entry_id)
    else:
        await hass.async_stop(force=True)
    assert place.settings == owner


async def test_what_home_assistant_was_killed_with_is_put_right(
    hass: HomeAssistant, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await switch_on(place)
    await place.see(85, 82)

    async def killed(self: object) -> None:
        """Nothing is put back."""

    with monkeypatch.context() as dead:
        dead.setattr(state_of_charge.StateOfChargeControl, "async_stop", killed)
        assert await hass.config_entries.async_unload(place.entry.entry_id)
    assert place.settings["load_shave"] == 1
    for entity_id in (MEAN, LOWEST, CELL, ALARM):
        hass.states.async_remove(entity_id)
    assert await hass.config_entries.async_setup(place.entry.entry_id)
    assert await place.look() == "held"
    assert place.shown("soc_control_reason") == "data_old"
    assert place.settings == owner | NET
    # It goes on where it was, and still knows the owner's values.
    assert await place.see(50, 47) == "discharging"
    await switch(hass, place.find("soc_control"), on=False)
    assert place.settings == owner


@pytest.mark.parametrize("which", [MEAN, LOWEST, CELL, ALARM])
@pytest.mark.parametrize("state", ["unavailable", "unknown", "full"])
async def test_a_value_that_is_missing_holds(place: Place, which: str, state: str) -> None:
    await switch_on(place)
    await place.see(85, 82)
    place.hass.states.async_set(which, state)
    assert await place.look(1) == "held"
    assert place.settings["load_shave"] == 0


async def test_values_that_nobody_tells_any_more_hold(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    later = Later()
    monkeypatch.setattr(entity_values, "dt_util", later)
    await switch_on(place)
    assert await place.see(85, 82) == "discharging"
    later.seconds = 75.0
    assert await place.look(1) == "discharging"
    later.seconds = 91.0
    assert await place.look(1) == "held"
    # Told again, though the same: that is fresh.
    later.seconds = 0.0
    assert await place.see(50, 47) == "discharging"


async def test_alarm_and_cells(place: Place) -> None:
    await switch_on(place)
    await place.see(85, 82)
    assert await place.see(85, 82, times=1, alarm=STATE_ON) == "waiting"
    assert place.shown("soc_control_reason") == "alarm"
    assert await place.see(85, 82) == "discharging"
    place.battery(85, 82, cell=2999)
    await place.look(1)
    place.battery(85, 82, cell=2998)
    assert await place.look(1) == "waiting"
    assert place.shown("soc_control_reason") == "cell_low"


async def test_a_dry_run_writes_nothing(place: Place) -> None:
    await switch(place.hass, place.find("soc_control_dry_run"), on=True)
    await switch_on(place)
    assert await place.see(85, 82) == "discharging"
    would = attributes(place.hass, place.find("soc_control_state"))["would_set"]
    assert would == NET | {"load_shave": True, "grid_support": True}
    await switch(place.hass, place.find("soc_control_dry_run"), on=False)
    assert place.shown("soc_control") == STATE_OFF
    assert place.written == []


async def test_limits_are_numbers(place: Place) -> None:
    await switch_on(place)
    assert await place.see(70, 66) == "waiting"
    await set_number(place.hass, place.find("soc_control_upper_limit"), 65)
    assert place.shown("soc_control_state") == "discharging"
    with pytest.raises((HomeAssistantError, ServiceValidationError)):
        await set_number(place.hass, place.find("soc_control_lower_limit"), 65)
    assert float(place.shown("soc_control_lower_limit")) == 20
    await set_number(place.hass, place.find("soc_control_lower_limit"), 60)
    assert await place.see(63, 60) == "waiting"


async def test_who_switches_by_hand_wins(hass: HomeAssistant, place: Place) -> None:
    owner = await switch_on(place)
    await place.see(85, 82)
    await switch(hass, place.find("load_shave"), on=False)
    assert await place.look() == "off"
    assert place.shown("soc_control") == STATE_OFF
    assert place.settings == owner
    assert [key for _, key in ir.async_get(hass).issues if "changed_elsewhere" in key]


async def test_at_the_panel_too(place: Place) -> None:
    owner = await switch_on(place)
    await place.see(85, 82)
    place.sim.put(XW, "load_shave", 0)
    assert await place.look() == "off"
    assert place.settings == owner


async def test_a_gateway_that_comes_back(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    await switch_on(place)
    await place.see(85, 82)
    place.sim.faults.set("silence")
    place.battery(25, 15)
    await place.look(1)
    place.battery(25, 14)
    await place.look(1)
    assert place.settings["load_shave"] == 1
    place.sim.faults.clear("silence")
    inverter = place.coordinator.provider("state_of_charge")
    assert isinstance(inverter, state_of_charge.StateOfChargeControl)
    for each in inverter._inverters.values():
        watch = replace(each.state.watch, retry_at={})
        each.state = replace(each.state, watch=watch)
    assert await place.see(25, 15) == "waiting"
    assert place.settings["load_shave"] == 0
    assert len([line for line in warnings_of_ours(caplog) if "load_shave" in line]) == 0


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({}, "soc_control_no_battery"),
        ({**CHOSEN, "low_battery_cut_out": 50.0}, "soc_control_out_of_range"),
        ({**CHOSEN, "grid_support": False}, "soc_control_grid_support_off"),
    ],
)
async def test_what_speaks_against_it_is_said(add_place: AddPlace, options: dict[str, Any], key: str) -> None:
    place = await add_place(**options)
    with pytest.raises(ServiceValidationError) as refused:
        await switch_on(place)
    assert refused.value.translation_key == key
    assert place.written == []
    assert place.shown("soc_control") == STATE_OFF


async def test_a_pylontech_stack_is_found_by_itself(
    hass: HomeAssistant, add_place: AddPlace, socket_enabled: None
) -> None:
    house = House(seed=1, speed=0)
    house.battery.soc = 90.0
    sim = PylontechSimulator(house=house, modules=2, layout="B", pace=0.0)
    port = await sim.listen("127.0.0.1", 0)
    stack = MockConfigEntry(
        domain=DOMAIN,
        title="Pylontech",
        data={CONF_FAMILY: "pylontech", CONF_LINK: "tcp", CONF_HOST: "127.0.0.1", CONF_PORT: port},
    )
    try:
        place = await add_place()
        with pytest.raises(ServiceValidationError):
            await switch_on(place)
        stack.add_to_hass(hass)
        hass.config_entries.async_update_entry(stack, unique_id=await _stack_id(port))
        assert await hass.config_entries.async_setup(stack.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        await poll(stack.runtime_data)
        form = await hass.config_entries.options.async_init(place.entry.entry_id)
        assert form["data_schema"] is not None
        fields = form["data_schema"].schema["soc_control"].schema.schema
        proposed = {str(field): (field.description or {}).get("suggested_value") for field in fields}
        assert soc_battery.suggested(hass).items() <= proposed.items()
        hass.config_entries.options.async_abort(form["flow_id"])
        suggested = soc_battery.suggested(hass)
        assert set(suggested) == {
            "state_of_charge",
            "lowest_state_of_charge",
            "lowest_cell_voltage",
            "highest_cell_voltage",
            "alarm",
        }
        await switch_on(place)
        await poll(stack.runtime_data)
        assert await place.look() == "discharging"
        assert attributes(hass, place.find("soc_control_state"))["battery"] == "Pylontech"
        # The stack is gone: the control does not wait until its entities are unavailable.
        await hass.config_entries.async_unload(stack.entry_id)
        assert await place.look(1) == "held"
        assert place.settings["load_shave"] == 0
    finally:
        await sim.close()


async def _stack_id(port: int) -> str:
    """The unique id that the config flow would find."""
    from custom_components.local_solar.families import identifier
    from custom_components.local_solar.solarlink.journal import Journal
    from custom_components.local_solar.solarlink.links.address import LinkAddress
    from custom_components.local_solar.solarlink.pylontech import open_client

    client = open_client(LinkAddress("tcp", host="127.0.0.1", port=port), journal=Journal())
    try:
        await client.connect(5.0)
        return identifier("pylontech", (await client.identify()).root)
    finally:
        await client.close()
