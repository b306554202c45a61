"""A house with a meter, micro-inverters behind a DTU and a battery, and the zero feed-in controller of it.

The house, the control and the loops of the clients live in a time that runs faster than the real one, so that no test
waits for what the rules wait for. Ages of entities of Home Assistant stay in real time.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.const import CONF_FAMILY, CONF_LINK, DOMAIN
from custom_components.local_solar.controllers import feed_in, feed_in_check, feed_in_sources, feed_in_values
from custom_components.local_solar.controllers.feed_in import FeedInControl
from custom_components.local_solar.flows import feed_in as asked
from custom_components.local_solar.solarlink import opendtu, shelly_em
from custom_components.local_solar.solarlink.feed_in_control.client import CONTROLLER_ID
from custom_components.local_solar.solarlink.links.http import HttpTiming
from custom_components.local_solar.solarlink.live import MeterReading, Unfollow
from custom_components.local_solar.solarlink.opendtu.exchange import Timing as DtuTiming
from custom_components.local_solar.solarlink.shelly_em.client import ShellyClient
from custom_components.local_solar.solarlink.shelly_em.exchange import Timing as MeterTiming
from simulators.house import House
from simulators.opendtu import OpenDtuSimulator, RadioModel
from simulators.opendtu.simulator import INVERTERS
from simulators.shelly_em import ShellySimulator

from .common import value

PATIENCE = 60.0
"""Real seconds that anything may take on a machine that has other things to do."""
SPEED = 15.0
"""Seconds of the house per real second."""
HOST = "127.0.0.1"
DTU_SERIAL = "02005e4a7c31"
SECRET = "correct horse"
OWN_ID = "c0ffee01"
CONTROLLER = f"feed_in_control-{OWN_ID}"
WEST, EAST, SHED = (each.serial for each in INVERTERS)
RATED = {WEST: 400.0, EAST: 400.0, SHED: 300.0}
CLEAR = RadioModel(statistics=(0.3, 0.5), statistics_loss=0.0, limit=(0.4, 0.8), limit_loss=0.0)
"""A radio that loses nothing."""
SOC, VOLTS, DISCHARGE, GRID = "sensor.soc", "sensor.volts", "sensor.discharge_limit", "sensor.grid"


class FastTime:
    """The clock of the house for modules that ask ``time``; ``of`` is what it showed at a real moment."""

    time = staticmethod(time.time)

    def __init__(self) -> None:
        self._start = time.monotonic()

    def of(self, real: float) -> float:
        """The same moment on this clock."""
        return self._start + (real - self._start) * SPEED

    def monotonic(self) -> float:
        """Now."""
        return self.of(time.monotonic())


def hurry(monkeypatch: pytest.MonkeyPatch) -> FastTime:
    """Let control, clients and dialog live in the time of the house."""
    fast = FastTime()
    for module in (feed_in, feed_in_check, feed_in_sources, feed_in_values):
        monkeypatch.setattr(module, "time", fast)
    monkeypatch.setattr(feed_in, "TICK", feed_in.TICK / SPEED)
    monkeypatch.setattr(feed_in_check, "SECONDS", feed_in_check.SECONDS / SPEED)
    monkeypatch.setattr(feed_in_check, "LONGEST", PATIENCE)
    monkeypatch.setattr(feed_in_check, "STEP", feed_in_check.STEP / SPEED)
    http = HttpTiming(answer=2.0, retry=0.0)
    dtu = DtuTiming(
        http=http,
        first_hold_off=1.0,
        longest_hold_off=2.0,
        between=2.0 / SPEED,
        pending=0.5 / SPEED,
        again=1.0 / SPEED,
        confirm=2.0 * SPEED,
    )
    # The loop takes its waits for real time, and its hold-offs for that of its clock.
    meter = MeterTiming(http=http, first_hold_off=0.0, longest_hold_off=0.1, period=1.0 / SPEED, first_pause=0.05)

    def open_dtu(address: Any, **more: Any) -> Any:
        return opendtu.open_client(address, timing=dtu, clock=fast.monotonic, **more)

    def open_meter(address: Any, **more: Any) -> Any:
        return shelly_em.open_client(address, timing=replace(meter, longest_pause=0.2), **more)

    follow = ShellyClient.follow_meter

    def follow_fast(self: ShellyClient, take: Callable[[MeterReading], None]) -> Unfollow:
        return follow(self, lambda reading: take(replace(reading, at=fast.of(reading.at))))

    # Frozen, because nobody but a test changes them.
    for family, opener in ((opendtu.FAMILY, open_dtu), (shelly_em.FAMILY, open_meter)):
        monkeypatch.setattr(type(family), "__setattr__", object.__setattr__)
        monkeypatch.setattr(family, "open", opener)
    monkeypatch.setattr(ShellyClient, "follow_meter", follow_fast)
    return fast


class FeedInHome:
    """Everything that a test needs, and its end."""

    def __init__(self, hass: HomeAssistant, meter: str = "SPEM-003CEBEU") -> None:
        self.hass = hass
        self.house = House(seed=1, speed=SPEED, arrays=())
        self.house.settings.inverter_allowed = self.house.settings.charger_allowed = False
        self.house.battery.soc = 70.0
        self.dtu = OpenDtuSimulator(
            house=self.house,
            inverters=[replace(each, limit=10.0) for each in INVERTERS],
            password=SECRET,
            radio=CLEAR,
            pace=0.0,
        )
        self.meter = ShellySimulator(house=self.house, model=meter, pace=0.0)
        self.ports: dict[str, int] = {}
        self.meter_entry: MockConfigEntry | None = None
        self.dtu_entry: MockConfigEntry | None = None
        self.entry: MockConfigEntry | None = None
        self.highest_commanded = self.highest_given = 0.0
        """Most that the inverters were told together, and that they gave, W."""
        self._load = 300.0
        self._unwatch = self.house.watch(self._watch, fine=True)

    def _watch(self) -> None:
        self.highest_commanded = max(self.highest_commanded, self.commanded)
        self.highest_given = max(self.highest_given, self.given)

    async def __aenter__(self) -> Self:
        self.need(self._load)
        self.ports = {"dtu": await self.dtu.listen(HOST), "meter": await self.meter.listen(HOST, 0)}
        self.battery()
        return self

    async def __aexit__(self, *_: object) -> None:
        entries = self.hass.config_entries.async_entries(DOMAIN)
        for entry in sorted(entries, key=lambda each: each.data[CONF_FAMILY] != "feed_in_control"):
            if entry.state is ConfigEntryState.LOADED:
                await self.hass.config_entries.async_unload(entry.entry_id)
        self._unwatch()
        await self.dtu.close()
        await self.meter.close()

    # The house

    def need(self, watts: float) -> None:
        """Let the house need so much, and nothing else."""
        self._load = watts
        # Its own appliances come and go by chance.
        self.house.extra_load = lambda _: watts - self.house._own_load

    def battery(self, soc: float = 70.0, volts: float = 52.0, discharge: float = 100.0) -> None:
        """Let the battery's entities say so, now."""
        self.hass.states.async_set(SOC, str(soc), {"unit_of_measurement": "%"})
        self.hass.states.async_set(VOLTS, str(volts), {"unit_of_measurement": "V"})
        self.hass.states.async_set(DISCHARGE, str(discharge), {"unit_of_measurement": "A"})

    @property
    def given(self) -> float:
        """What the inverters give, W."""
        return self.house.micro_output

    @property
    def grid(self) -> float:
        """W, positive when importing."""
        return self.house.grid_power_now()

    @property
    def limits(self) -> dict[str, float]:
        """The limits that the inverters were told last, % by serial number."""
        told = {serial: self.dtu.micro_inverter(serial).commanded for serial in RATED}
        return {serial: round(watts / RATED[serial] * 100.0, 1) for serial, watts in told.items()}

    @property
    def commanded(self) -> float:
        """Sum of these, W."""
        return sum(RATED[serial] * percent / 100.0 for serial, percent in self.limits.items())

    @property
    def sent(self) -> int:
        """How many limits were sent."""
        return len(self.dtu.limit_commands)

    async def pass_time(self, seconds: float) -> None:
        """Let so many seconds of the house pass."""
        await asyncio.sleep(seconds / SPEED)

    async def until(self, true: Callable[[], object], seconds: float = 300.0) -> None:
        """Wait for something, at most so many seconds of the house; longer on a machine that does not keep up."""
        async with asyncio.timeout(max(seconds / SPEED, PATIENCE)):
            while not true():  # noqa: ASYNC110 - what happens in the house raises no event here
                await asyncio.sleep(0.02)

    async def until_settled(self, watts: float = 20.0, within: float = 20.0) -> None:
        """Wait until the grid power has come to this and the control rests."""

        def settled() -> bool:
            return abs(self.grid - watts) <= within and self.shown("feed_in_state") == "controlling"

        for _ in range(3):
            await self.until(settled)
            await self.pass_time(4.0)

    # Entries

    async def load(self, entry: MockConfigEntry) -> MockConfigEntry:
        """Add an entry, unless that was done, and wait until it works."""
        if self.hass.config_entries.async_get_entry(entry.entry_id) is None:
            entry.add_to_hass(self.hass)
        assert await self.hass.config_entries.async_setup(entry.entry_id), entry.reason
        await self.hass.async_block_till_done()
        return entry

    async def add_devices(self) -> None:
        """Add meter and DTU."""
        login = {CONF_PASSWORD: SECRET}
        self.meter_entry = await self.load(_entry("shelly_em", "Shelly", self.meter.mac, self.ports["meter"]))
        self.dtu_entry = await self.load(_entry("opendtu", "OpenDTU", DTU_SERIAL, self.ports["dtu"], **login))

    def chosen(self, **more: Any) -> dict[str, Any]:
        """What an owner enters in the form; ``battery`` and ``others`` are added to the sections."""
        assert self.meter_entry is not None
        assert self.dtu_entry is not None
        battery, others = more.pop("battery", {}), more.pop("others", {})
        data = {
            asked.METER_ENTRY: self.meter_entry.entry_id,
            asked.METER_INVERTED: False,
            asked.METER_SCALE: 1.0,
            asked.CHOSEN_INVERTERS: [f"{self.dtu_entry.entry_id}/{serial}" for serial in RATED],
            asked.LEGAL_CAP: 800.0,
            asked.MAY_EXCEED: False,
            asked.BATTERY: {
                asked.STATE_OF_CHARGE: SOC,
                asked.VOLTAGE: VOLTS,
                asked.DISCHARGE_LIMIT: DISCHARGE,
                asked.MAX_AGE: 120.0,
                asked.NO_BATTERY: False,
                **battery,
            },
            asked.OTHERS: {asked.OTHER_PRODUCERS: [], asked.OTHERS_INVERTED: False, asked.STRICT: False, **others},
        }
        return {key: each for key, each in {**data, **more}.items() if each is not None}

    async def add_control(self, **more: Any) -> MockConfigEntry:
        """Add the controller as the dialog would, switched off."""
        data = asked.settle(self.hass, self.chosen(**more), {}) | {CONTROLLER_ID: OWN_ID}
        entry = MockConfigEntry(
            domain=DOMAIN,
            title="Zero feed-in",
            unique_id=CONTROLLER,
            data={CONF_FAMILY: "feed_in_control", CONF_LINK: "house", **data},
        )
        self.entry = await self.load(entry)
        return entry

    async def reload(self, entry: MockConfigEntry | None) -> None:
        """Reload an entry."""
        assert entry is not None
        assert await self.hass.config_entries.async_reload(entry.entry_id)
        await self.hass.async_block_till_done()

    async def started(self, **more: Any) -> FeedInControl:
        """Everything added, switched on and settled at 300 W."""
        await self.add_devices()
        await self.add_control(**more)
        await self.switch("feed_in_control", on=True)
        await self.until_settled()
        return self.control

    @property
    def control(self) -> FeedInControl:
        """What carries out the control."""
        assert self.entry is not None
        provider = self.entry.runtime_data.provider(FeedInControl.key)
        assert isinstance(provider, FeedInControl)
        return provider

    # Entities

    def entity(self, key: str, serial: str = "") -> str:
        """An entity of the controller, or of what it knows of an inverter."""
        place = f"{CONTROLLER}-{serial}" if serial else CONTROLLER
        registry = er.async_get(self.hass)
        found = [each.entity_id for each in registry.entities.values() if each.unique_id == f"{place}-{key}"]
        assert len(found) == 1, (key, serial)
        return found[0]

    def shown(self, key: str, serial: str = "") -> str:
        """A state."""
        return value(self.hass, self.entity(key, serial))

    def number(self, key: str, serial: str = "") -> float:
        """A state that is a number."""
        return float(self.shown(key, serial))

    def told(self, key: str, serial: str = "") -> Mapping[str, Any]:
        """The attributes of a state."""
        state = self.hass.states.get(self.entity(key, serial))
        assert state is not None
        return state.attributes

    async def switch(self, key: str, serial: str = "", *, on: bool) -> None:
        """Turn a switch as a person does."""
        action = "turn_on" if on else "turn_off"
        await self._call("switch", action, self.entity(key, serial))

    async def set(self, key: str, number: float, serial: str = "") -> None:
        """Set a number as a person does."""
        await self._call("number", "set_value", self.entity(key, serial), value=number)

    async def choose(self, key: str, option: str) -> None:
        """Choose an option as a person does."""
        await self._call("select", "select_option", self.entity(key), option=option)

    async def _call(self, domain: str, action: str, entity_id: str, **data: Any) -> None:
        await self.hass.services.async_call(domain, action, {"entity_id": entity_id, **data}, blocking=True)


def _entry(family: str, title: str, serial: str, port: int, **more: Any) -> MockConfigEntry:
    return MockConfigEntry(
        domain=DOMAIN,
        title=title,
        unique_id=f"{family}-{serial}",
        data={CONF_FAMILY: family, CONF_LINK: "host", CONF_HOST: f"{HOST}:{port}", **more},
    )
