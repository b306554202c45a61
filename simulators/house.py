"""A small physical model of one house: sun and clouds, loads, a 48 V battery, an inverter, and the grid.

Powers are in W, energies in kWh, charges in Ah. Inside the house grid power is positive when importing, and battery
power and current are positive when discharging; every simulator turns them into its own device's signs.

The model moves in steps of fixed length, so the same seed, start and settings give the same house at the same simulated
time, however the time was sliced. Time is the wall clock of the house, without a zone. Where there are micro-inverters,
which follow their limits within seconds, the powers between two decisions of the big inverters move in finer steps.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from random import Random
from time import monotonic

from .micro_inverters import MicroInverter

DEFAULT_START = datetime(2026, 6, 15, 10, 0)  # noqa: DTZ001 - a wall clock has no zone
STEP_SECONDS = 2.0
"""Length of a step; a whole number of them makes a day."""
FINE_STEPS = 20
"""Finer steps in a step where there are micro-inverters."""
FINE_STEP_SECONDS = STEP_SECONDS / FINE_STEPS
REMEMBERED_STEPS = 600
"""Steps whose grid power is kept for the mean that a meter shows."""
WARM_UP_SECONDS = 60.0
"""Length of a step of the day before the start, which fills yesterday's counters and today's."""
LATITUDE = math.radians(47.0)
SOLAR_CHARGER_EFFICIENCY = 0.98
INVERTER_EFFICIENCY = 0.95
SOLAR_LIFETIME_DAYS = 800
"""Days like yesterday that the lifetime counters are taken to have seen before."""

_OPEN_CIRCUIT = (
    (0.0, 44.0),
    (5.0, 49.6),
    (10.0, 51.2),
    (20.0, 52.0),
    (40.0, 52.6),
    (70.0, 53.2),
    (90.0, 53.6),
    (98.0, 54.4),
    (100.0, 55.6),
)
"""State of charge (%) to rest voltage (V) of 16 LFP cells in series."""


@dataclass(slots=True)
class Counter:
    """An energy (kWh) or charge (Ah) of today, of yesterday and of the whole life."""

    today: float = 0.0
    yesterday: float = 0.0
    total: float = 0.0

    def add(self, amount: float) -> None:
        """Count ``amount`` more."""
        self.today += amount
        self.total += amount

    def midnight(self) -> None:
        """Begin a new day."""
        self.yesterday, self.today = self.today, 0.0


@dataclass(slots=True)
class Counters:
    """What the house counts. Energies in kWh, charges in Ah."""

    load: Counter = field(default_factory=Counter)
    losses: Counter = field(default_factory=Counter)
    grid_import: Counter = field(default_factory=Counter)
    grid_export: Counter = field(default_factory=Counter)
    battery_charge: Counter = field(default_factory=Counter)
    battery_discharge: Counter = field(default_factory=Counter)
    battery_charge_ah: Counter = field(default_factory=Counter)
    battery_discharge_ah: Counter = field(default_factory=Counter)
    solar: Counter = field(default_factory=Counter)

    def all(self) -> list[Counter]:
        """Return every counter."""
        return [getattr(self, entry.name) for entry in fields(self)]


@dataclass(slots=True)
class SolarArray:
    """One solar generator with its own charger. ``lean`` in hours: negative looks east, positive west."""

    peak: float
    lean: float = 0.0
    enabled: bool = True
    charge_current_limit: float = 120.0
    """Largest current into the 48 V bus, A."""
    power: float = 0.0
    """Present power, W."""
    highest_power: float = 0.0
    """Highest power of today, W."""
    hours: Counter = field(default_factory=Counter)
    """Hours of irradiation."""
    energy: Counter = field(default_factory=Counter)


@dataclass(slots=True)
class Battery:
    """A 48 V LFP bank."""

    capacity: float = 400.0
    """Ah."""
    resistance: float = 0.006
    """Ohm."""
    charge_current_limit: float = 150.0
    discharge_current_limit: float = 200.0
    soc: float = 55.0
    """State of charge, %."""
    voltage: float = 52.9
    current: float = 0.0
    """A, positive when discharging."""
    power: float = 0.0
    """W, positive when discharging."""
    temperature: float = 22.0
    """Degrees Celsius."""

    def rest_voltage(self) -> float:
        """Return the open-circuit voltage at the present state of charge."""
        low_soc, low = _OPEN_CIRCUIT[0]
        for soc, volts in _OPEN_CIRCUIT[1:]:
            if self.soc <= soc:
                return low + (volts - low) * (self.soc - low_soc) / (soc - low_soc)
            low_soc, low = soc, volts
        return low

    def allowed_charge(self) -> float:
        """Return the largest charge current now, A: tapered above 95 % and below 5 degrees Celsius."""
        share = 1.0
        if self.soc > 95.0:
            share = max(0.0, (100.0 - self.soc) / 5.0)
        if self.temperature < 5.0:
            share *= 0.2
        return self.charge_current_limit * share

    def allowed_discharge(self) -> float:
        """Return the largest discharge current now, A."""
        return self.discharge_current_limit * min(1.0, max(0.0, (self.soc - 5.0) / 5.0))


@dataclass(slots=True)
class Settings:
    """What the devices' settings make the house do; simulators write it."""

    inverter_power: float = 8000.0
    """Rated power of all inverters, W."""
    inverter_allowed: bool = True
    charger_allowed: bool = True
    grid_feeding_allowed: bool = False
    grid_feeding_current: float = 20.0
    """Largest current of all inverters into the grid, A."""
    boost_limit: float = 100.0
    """Share of the rated power that the battery may give to the loads beside the grid, %."""
    grid_charge_current: float = 120.0
    """Largest charge current that all inverters take from the grid, A."""
    battery_charge_current: float = 10000.0
    """User limit of the battery's charge current, A."""
    battery_discharge_current: float = 10000.0
    """User limit of the battery's discharge current, A."""
    input_limit: float = 64.0
    """Largest current of all inverters from the grid, A, before they support it from the battery."""
    soc_backup: float = 30.0
    """State of charge below which the grid takes the loads and charges the battery, %."""
    soc_grid_feeding: float = 98.0
    """State of charge from which the surplus is fed into the grid, %."""
    excess_feeding: bool = False
    """Whether solar power that the battery cannot take is fed into the grid at any state of charge."""


@dataclass(slots=True)
class Grid:
    """The public grid at the house's connection."""

    connected: bool = True
    voltage: float = 231.0
    frequency: float = 50.0
    power: float = 0.0
    """W, positive when importing."""


@dataclass(frozen=True, slots=True)
class Appliance:
    """Something that is switched on now and then: W, mean minutes on, times a day between two hours."""

    power: float
    minutes: float
    per_day: float
    first_hour: float
    last_hour: float


APPLIANCES = (
    Appliance(2000.0, 3.0, 6.0, 6.0, 22.0),
    Appliance(950.0, 40.0, 10.0, 0.0, 24.0),
    Appliance(1800.0, 25.0, 1.5, 11.0, 20.0),
    Appliance(700.0, 50.0, 1.0, 8.0, 18.0),
    Appliance(120.0, 15.0, 40.0, 0.0, 24.0),
    Appliance(350.0, 120.0, 1.5, 17.0, 24.0),
)


class House:
    """The simulated house.

    ``speed`` is simulated seconds per real second (0: time stands still unless `advance` is called).
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        speed: float = 1.0,
        start: datetime = DEFAULT_START,
        arrays: tuple[float, ...] = (4200.0, 3600.0),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Build the house and let the day before ``start`` pass; ``arrays`` are peak powers in W."""
        self.speed = speed
        self.settings = Settings()
        self.grid = Grid()
        self.battery = Battery()
        spread = len(arrays) - 1 or 1
        self.arrays = [
            SolarArray(peak, lean=2.0 * index / spread - 1.0 if len(arrays) > 1 else 0.0)
            for index, peak in enumerate(arrays)
        ]
        self.counters = Counters()
        self.load_power = 0.0
        self.losses = 0.0
        self.inverter_output = 0.0
        """AC power of all inverters, W: positive from the battery side, negative when charging."""
        self.sky = 0.8
        """Share of the clear sky's light that comes through the clouds."""
        self.micro_inverters: list[MicroInverter] = []
        """Inverters beside the big one, behind the same meter."""
        self.extra_load: Callable[[float], float] | float = 0.0
        """Loads on top of the house's own, W: a number, or a function of `elapsed`."""
        self.allowed_for_micro: Callable[[], float] | None = None
        """What the solar chargers may deliver for the micro-inverters beside what the battery takes, W.

        None: what these draw. Chargers that are told the battery's limit and nothing of the micro-inverters throttle
        although the battery gets less than it may.
        """
        self._own_load = 0.0
        self._bus_power = 0.0
        self._bus_needed = 0.0
        self._micro_available: list[float] = []
        self._fine_left = 0
        self._recent: deque[tuple[float, float]] = deque(maxlen=REMEMBERED_STEPS)
        self._start = start
        self._charging_from_grid = False
        self._cloud = 0.6
        self._running: list[float] = [0.0] * len(APPLIANCES)
        self._random = Random(seed)
        self._clock = clock
        self._pending = 0.0
        self._watchers: list[Callable[[], None]] = []
        self._fine_watchers: list[Callable[[], None]] = []
        self.now = start.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
        self._warm_up(start)
        self._seen = clock()

    def _warm_up(self, start: datetime) -> None:
        remaining = (start - self.now).total_seconds()
        while remaining > 0:
            seconds = min(WARM_UP_SECONDS, remaining)
            self._step(seconds)
            remaining -= seconds
        for counter in [*self.counters.all(), *(array.energy for array in self.arrays)]:
            counter.total += SOLAR_LIFETIME_DAYS * counter.yesterday

    # Time

    def catch_up(self) -> None:
        """Advance by the real time since the last call, times the speed."""
        seen = self._clock()
        elapsed, self._seen = seen - self._seen, seen
        if self.speed > 0:
            self.advance(elapsed * self.speed)

    def advance(self, seconds: float) -> None:
        """Let simulated time pass; what is less than a step is kept for the next call."""
        self._pending += seconds
        # A tenth of a second has no exact binary form: without the tolerance, how often time was sliced would show.
        while self._pending > self.step_seconds - 1e-6:
            self._pending -= self.step_seconds
            if self.micro_inverters or self._fine_left:
                self._fine_step()
            else:
                self._step(STEP_SECONDS)

    @property
    def step_seconds(self) -> float:
        """Return the length of the next step, s."""
        return FINE_STEP_SECONDS if self.micro_inverters or self._fine_left else STEP_SECONDS

    @property
    def elapsed(self) -> float:
        """Return the simulated seconds since the start."""
        return (self.now - self._start).total_seconds()

    @property
    def pending(self) -> float:
        """Return the simulated seconds that have passed since `now` and do not make a step yet."""
        return max(0.0, self._pending)

    def watch(self, watcher: Callable[[], None], *, fine: bool = False) -> Callable[[], None]:
        """Call ``watcher`` after every step, with `now` at the end of it; returns what ends that.

        ``fine``: after every finer step too, where there are micro-inverters.
        """
        watchers = self._fine_watchers if fine else self._watchers
        watchers.append(watcher)
        return lambda: watchers.remove(watcher) if watcher in watchers else None

    # What the simulators read

    @property
    def solar_power(self) -> float:
        """Return the power of all solar generators, W."""
        return sum(array.power for array in self.arrays)

    @property
    def micro_output(self) -> float:
        """Return the AC power of all micro-inverters, W."""
        return sum(inverter.output for inverter in self.micro_inverters)

    @property
    def micro_solar_power(self) -> float:
        """Return the power of the panels of the micro-inverters' own, W."""
        return sum(inverter.dc_power for inverter in self.micro_inverters if inverter.source == "panel")

    def grid_power_now(self) -> float:
        """Return the power at the meter at this moment, W, positive when importing."""
        return self.grid.power

    def grid_power_mean(self, seconds: float = 1.0) -> float:
        """Return the mean power at the meter over the last seconds (at most a minute), W."""
        energy = covered = 0.0
        for power, length in reversed(self._recent):
            taken = min(length, seconds - covered)
            energy += power * taken
            covered += taken
            if covered > seconds - 1e-6:
                break
        return energy / covered if covered > 0 else self.grid.power

    @property
    def output_frequency(self) -> float:
        """Return the frequency at the loads, Hz."""
        return self.grid.frequency if self.grid.connected else 50.0

    def sun(self) -> float:
        """Return the sine of the sun's height over the horizon (0 at night)."""
        return self._sun_at(0.0)

    def light(self, lean: float = 0.0) -> float:
        """Return the share of its peak power that a generator gives now; ``lean`` as that of a `SolarArray`."""
        return float(self._sun_at(lean) ** 1.15 * self.sky)

    def daylight(self) -> tuple[datetime, datetime]:
        """Return when the sun rises and sets today."""
        declination = self._declination()
        half = math.acos(-math.tan(LATITUDE) * math.tan(declination)) / math.tau * 24
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        rise, fall = (midnight + timedelta(seconds=round(3600 * (12.5 + hours))) for hours in (-half, half))
        return rise, fall

    # The model

    def _declination(self) -> float:
        """Return the angle of the sun over the equator, rad."""
        return math.radians(-23.44) * math.cos(math.tau * (self.now.timetuple().tm_yday + 10) / 365)

    def _sun_at(self, lean: float) -> float:
        """Return the sine of the sun's height for a generator that leans by some hours."""
        hour = self.now.hour + self.now.minute / 60 + self.now.second / 3600
        declination = self._declination()
        angle = math.tau * (hour - 12.5 - lean) / 24
        height = math.sin(LATITUDE) * math.sin(declination)
        height += math.cos(LATITUDE) * math.cos(declination) * math.cos(angle)
        return max(0.0, height)

    def _step(self, seconds: float) -> None:
        before = self.now
        self.now = before + timedelta(seconds=seconds)
        if self.now.date() != before.date():
            self._midnight()
        self._weather(seconds)
        self._loads(seconds)
        self._flow()
        self._count(seconds)
        for watcher in (*self._fine_watchers, *self._watchers):
            watcher()

    def _fine_step(self) -> None:
        """Let a short time pass. Weather, loads and the big inverters change with the first of `FINE_STEPS` such."""
        before = self.now
        self.now = before + timedelta(seconds=FINE_STEP_SECONDS)
        if self.now.date() != before.date():
            self._midnight()
        if not self._fine_left:
            self._fine_left = FINE_STEPS
            self._weather(STEP_SECONDS)
            self._loads(STEP_SECONDS)
            self._flow()
        self._fine_left -= 1
        # One that was put up a moment ago begins with the next decision of the house.
        for inverter, available in zip(self.micro_inverters, self._micro_available, strict=False):
            inverter.step(self.elapsed, FINE_STEP_SECONDS, available, grid=self.grid.connected)
        self.load_power = self._own_load + self._extra()
        self._balance()
        self._count(FINE_STEP_SECONDS)
        for watcher in tuple(self._fine_watchers):
            watcher()
        if not self._fine_left:
            for watcher in tuple(self._watchers):
                watcher()

    def _midnight(self) -> None:
        for counter in self.counters.all():
            counter.midnight()
        for array in self.arrays:
            array.energy.midnight()
            array.hours.midnight()
            array.highest_power = 0.0

    def _weather(self, seconds: float) -> None:
        """Let clouds and grid drift: random walks that are pulled back to their mean, exact for any step length."""
        pull = math.exp(-seconds / 900)
        self._cloud = 0.75 + (self._cloud - 0.75) * pull
        self._cloud += 0.3 * math.sqrt(1 - pull * pull) * self._random.gauss(0, 1)
        self.sky = min(1.0, max(0.12, self._cloud))
        pull = math.exp(-seconds / 60)
        spread = math.sqrt(1 - pull * pull)
        self.grid.voltage = 231.0 + (self.grid.voltage - 231.0) * pull + 1.5 * spread * self._random.gauss(0, 1)
        self.grid.frequency = 50.0 + (self.grid.frequency - 50.0) * pull + 0.02 * spread * self._random.gauss(0, 1)
        ambient = 21.0 + 2.0 * math.sin(math.tau * (self.now.hour - 9) / 24)
        warming = self.battery.current**2 * self.battery.resistance * 0.02
        self.battery.temperature += (ambient + warming - self.battery.temperature) * (1 - math.exp(-seconds / 7200))

    def _loads(self, seconds: float) -> None:
        hour = self.now.hour + self.now.minute / 60
        power = 280.0 + 110.0 * math.exp(-(((hour - 7.5) / 1.5) ** 2)) + 260.0 * math.exp(-(((hour - 19.5) / 2.5) ** 2))
        for index, appliance in enumerate(APPLIANCES):
            chance = self._random.random()
            if self._running[index] > 0:
                self._running[index] -= seconds
                power += appliance.power
            elif appliance.first_hour <= hour < appliance.last_hour:
                window = (appliance.last_hour - appliance.first_hour) * 3600
                if chance < appliance.per_day * seconds / window:
                    self._running[index] = appliance.minutes * 60 * (0.5 + self._random.random())
        self._own_load = power + 12.0 * self._random.gauss(0, 1)
        self.load_power = self._own_load + self._extra()

    def _extra(self) -> float:
        return self.extra_load(self.elapsed) if callable(self.extra_load) else self.extra_load

    def _flow(self) -> None:
        """Decide where the power flows: what the sun gives and what the big inverters do."""
        settings, battery = self.settings, self.battery
        volts = battery.voltage
        available = [self._solar_available(array) for array in self.arrays]
        bus = sum(available) * SOLAR_CHARGER_EFFICIENCY
        standby = 12.0 + 0.0025 * settings.inverter_power
        largest_charge = min(battery.allowed_charge(), settings.battery_charge_current) * volts
        largest_discharge = min(battery.allowed_discharge(), settings.battery_discharge_current) * volts

        micro_needed = self._micro_needed()
        net_load = max(0.0, self.load_power - self.micro_output)
        self.inverter_output = self._wanted_output(bus - standby - micro_needed, net_load, largest_charge)
        highest = (bus - standby - micro_needed + largest_discharge) * INVERTER_EFFICIENCY
        self.inverter_output = min(self.inverter_output, settings.inverter_power, max(0.0, highest))
        self._bus_needed = self._battery_side(self.inverter_output) + standby

        known = micro_needed if self.allowed_for_micro is None else self.allowed_for_micro()
        largest_bus = self._bus_needed + known + largest_charge
        if bus > largest_bus:
            # The battery cannot take all of the sun: the chargers hold the generators back.
            wanted_bus = max(0.0, largest_bus)
            share = min(1.0, wanted_bus / bus) if bus > 0 else 0.0
            available = [power * share for power in available]
            bus *= share
        for array, power in zip(self.arrays, available, strict=True):
            array.power = power
        self._bus_power = bus
        self._offer(bus + largest_discharge - self._bus_needed)
        self._balance()

    def _offer(self, bus: float) -> None:
        """Tell the micro-inverters what they can have: of the 48 V bus an equal part, of their panels all."""
        fed = sum(inverter.source == "battery" for inverter in self.micro_inverters) or 1
        self._micro_available = [
            max(0.0, bus) / fed if inverter.source == "battery" else inverter.peak * self.light(inverter.lean)
            for inverter in self.micro_inverters
        ]

    def _micro_needed(self) -> float:
        """Return the power that the micro-inverters take from the 48 V bus, W."""
        return sum(inverter.dc_power for inverter in self.micro_inverters if inverter.source == "battery")

    def _balance(self) -> None:
        """Close the balance exactly: solar + panels + grid + battery = loads + losses."""
        battery, grid = self.battery, self.grid
        battery.power = self._bus_needed + self._micro_needed() - self._bus_power
        battery.current = battery.power / battery.voltage
        if grid.connected:
            grid.power = self.load_power - self.inverter_output - self.micro_output
        else:
            grid.power = 0.0
            self.load_power = max(0.0, self.inverter_output)
        sources = self.solar_power + self.micro_solar_power + grid.power + battery.power
        self.losses = sources - self.load_power

    def _solar_available(self, array: SolarArray) -> float:
        if not array.enabled:
            return 0.0
        highest = array.charge_current_limit * self.battery.voltage / SOLAR_CHARGER_EFFICIENCY
        return min(array.peak * self.light(array.lean), highest)

    def _wanted_output(self, surplus: float, load: float, largest_charge: float) -> float:
        """Return the wanted AC power of the inverters, W, given the solar surplus on the battery side and the loads."""
        settings, battery, grid = self.settings, self.battery, self.grid
        solar = max(0.0, surplus) * INVERTER_EFFICIENCY
        if not grid.connected:
            return self.load_power if settings.inverter_allowed else 0.0
        if battery.soc < settings.soc_backup:
            self._charging_from_grid = True
        elif battery.soc >= min(settings.soc_backup + 2.0, 100.0):
            self._charging_from_grid = False

        boost = settings.boost_limit / 100 * settings.inverter_power
        input_limit = settings.input_limit * grid.voltage
        # An inverter beside the grid always lets a little come in, so that it never feeds by mistake.
        wanted = min(load - 20.0 - 5.0 * abs(self._random.gauss(0, 1)), solar + boost)
        if self.micro_inverters:
            # What the micro-inverters have left over is no reason for the big one to charge the battery with it.
            wanted = max(0.0, wanted)
        if self._charging_from_grid:
            charge = min(largest_charge, settings.grid_charge_current * battery.voltage) - surplus
            room = max(0.0, input_limit - load)
            wanted = -min(charge / INVERTER_EFFICIENCY, room) if charge > 0 else min(solar, load)
            overload = load - input_limit
            if overload > 0 and boost > 0:
                wanted = min(overload, boost)
        if settings.grid_feeding_allowed:
            highest = load + settings.grid_feeding_current * grid.voltage
            if battery.soc >= settings.soc_grid_feeding:
                wanted = max(wanted, min(solar, highest))
            elif settings.excess_feeding and surplus > largest_charge:
                wanted = max(wanted, min((surplus - largest_charge) * INVERTER_EFFICIENCY, highest))
        if not settings.inverter_allowed:
            wanted = min(0.0, wanted)
        if not settings.charger_allowed:
            wanted = max(0.0, wanted)
        return wanted

    @staticmethod
    def _battery_side(output: float) -> float:
        """Return the power that the inverters take from the battery side for an AC power, W."""
        return output / INVERTER_EFFICIENCY if output > 0 else output * INVERTER_EFFICIENCY

    def _count(self, seconds: float) -> None:
        hours = seconds / 3600
        battery, counters = self.battery, self.counters
        self._recent.append((self.grid.power, seconds))
        battery.soc = min(100.0, max(0.0, battery.soc - battery.current * hours / battery.capacity * 100))
        battery.voltage = battery.rest_voltage() - battery.current * battery.resistance
        kilo = hours / 1000
        counters.load.add(self.load_power * kilo)
        counters.losses.add(self.losses * kilo)
        counters.grid_import.add(max(0.0, self.grid.power) * kilo)
        counters.grid_export.add(max(0.0, -self.grid.power) * kilo)
        counters.battery_charge.add(max(0.0, -battery.power) * kilo)
        counters.battery_discharge.add(max(0.0, battery.power) * kilo)
        counters.battery_charge_ah.add(max(0.0, -battery.current) * hours)
        counters.battery_discharge_ah.add(max(0.0, battery.current) * hours)
        counters.solar.add(self.solar_power * kilo)
        for array in self.arrays:
            array.energy.add(array.power * kilo)
            array.highest_power = max(array.highest_power, array.power)
            if array.power > 20:
                array.hours.add(hours)
