"""What the inverter measures: the house, or the virtual lead-acid battery with its charger."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime

from ..house import SOLAR_LIFETIME_DAYS, House
from .battery import ChargerModel, Stage

HOUSE_BATTERY = 48.0
"""Nominal voltage of the house's battery, V."""


@dataclass(slots=True)
class Live:
    """One moment. Powers in W, currents in A at the unit's own battery voltage, state of charge in %."""

    grid_connected: bool
    grid_voltage: float
    """At 230 V nominal."""
    grid_frequency: float
    load_power: float
    battery_voltage: float
    charge_current: float
    discharge_current: float
    state_of_charge: float
    solar: tuple[float, float]
    """Power of the first and of the second tracker."""
    light: float
    """Light on the generators, 0 to 1."""
    utility_charge_current: float
    feed_power: float
    stage: Stage
    mode: str
    temperature: float

    @property
    def solar_power(self) -> float:
        """Return the power of both trackers."""
        return sum(self.solar)


@dataclass(slots=True)
class Energy:
    """What was counted, kWh: in all, today and yesterday."""

    total: float
    today: float
    yesterday: float


class Plant(ABC):
    """Where the live values come from; ``share`` is this unit's part of a group."""

    @property
    @abstractmethod
    def now(self) -> datetime:
        """Return the simulated wall clock."""

    @abstractmethod
    def catch_up(self) -> None:
        """Let simulated time follow the real one."""

    @abstractmethod
    def live(self) -> Live:
        """Return the present moment."""

    @abstractmethod
    def solar_energy(self) -> Energy:
        """Return what the generators have given."""

    @abstractmethod
    def load_energy(self) -> Energy:
        """Return what the loads have taken."""

    @abstractmethod
    def restart(self) -> None:
        """Let the charger begin anew."""


class HousePlant(Plant):
    """The house, seen by an inverter whose battery has ``nominal`` V."""

    def __init__(self, house: House, nominal: float) -> None:
        """Take the house."""
        self.house = house
        self._scale = nominal / HOUSE_BATTERY

    @property
    def now(self) -> datetime:
        """Return the house's wall clock."""
        return self.house.now

    def catch_up(self) -> None:
        """Let the house follow the real time."""
        self.house.catch_up()

    def live(self) -> Live:
        """Return the present moment of the house."""
        house = self.house
        battery, arrays = house.battery, house.arrays
        current = -battery.current / self._scale
        first = arrays[0].power if arrays else 0.0
        from_grid = max(0.0, -house.inverter_output) / battery.voltage / self._scale
        on_grid = house.grid.connected and house.grid.power > 0.5 * house.load_power
        return Live(
            grid_connected=house.grid.connected,
            grid_voltage=house.grid.voltage,
            grid_frequency=house.grid.frequency,
            load_power=house.load_power,
            battery_voltage=battery.voltage * self._scale,
            charge_current=max(0.0, current),
            discharge_current=max(0.0, -current),
            state_of_charge=battery.soc,
            solar=(first, house.solar_power - first),
            light=house.sun() * house.sky,
            utility_charge_current=min(from_grid, max(0.0, current)),
            feed_power=max(0.0, -house.grid.power),
            stage=self._stage(current),
            mode="L" if on_grid else "B",
            temperature=30.0 + 0.002 * house.load_power,
        )

    def _stage(self, current: float) -> Stage:
        battery = self.house.battery
        if current <= 0.5:
            return Stage.NONE
        if battery.soc >= 99.0:
            return Stage.FLOAT
        return Stage.ABSORPTION if battery.soc >= 95.0 else Stage.BULK

    def solar_energy(self) -> Energy:
        """Return the energy of all generators."""
        counters = [array.energy for array in self.house.arrays]
        return Energy(
            sum(counter.total for counter in counters),
            sum(counter.today for counter in counters),
            sum(counter.yesterday for counter in counters),
        )

    def load_energy(self) -> Energy:
        """Return the energy of the loads."""
        counter = self.house.counters.load
        return Energy(counter.total, counter.today, counter.yesterday)

    def restart(self) -> None:
        """Change nothing: the house's battery has no charging stages to lose."""


class ChargerPlant(Plant):
    """The virtual battery with its charger."""

    def __init__(self, charger: ChargerModel) -> None:
        """Take the model, which moves by itself only when it has a speed."""
        self.charger = charger

    @property
    def now(self) -> datetime:
        """Return the model's wall clock."""
        return self.charger.now

    def catch_up(self) -> None:
        """Let the model follow the real time."""
        self.charger.catch_up()

    def live(self) -> Live:
        """Return the present moment of the model."""
        charger = self.charger
        return Live(
            grid_connected=charger.grid,
            grid_voltage=230.0,
            grid_frequency=50.0,
            load_power=charger.load_power,
            battery_voltage=charger.battery_voltage,
            charge_current=charger.charge_current,
            discharge_current=charger.discharge_current,
            state_of_charge=charger.state_of_charge,
            solar=(0.55 * charger.pv_power, 0.45 * charger.pv_power),
            light=charger.sky.light,
            utility_charge_current=0.0,
            feed_power=0.0,
            stage=charger.stage,
            mode=charger.mode,
            temperature=30.0 + 0.004 * charger.load_power,
        )

    def solar_energy(self) -> Energy:
        """Return the energy taken from the generator."""
        charger = self.charger
        yesterday = charger.days[-1].solar_energy if charger.days else 0.0
        return Energy(charger.solar_energy, charger.today.solar_energy, yesterday)

    def load_energy(self) -> Energy:
        """Return the energy of the loads."""
        charger = self.charger
        yesterday = charger.days[-1].load_energy if charger.days else 0.0
        return Energy(charger.load_energy, charger.today.load_energy, yesterday)

    def restart(self) -> None:
        """Restart the charger."""
        self.charger.restart()


def energy_of_period(energy: Energy, now: datetime, period: str) -> float:
    """Return the kWh of a year (yyyy), month (yyyymm) or day (yyyymmdd) up to now.

    Days before yesterday count as yesterday did, as the house's lifetime counters take them; none that is more than
    `SOLAR_LIFETIME_DAYS` ago.
    """
    total = 0.0
    today = now.date().toordinal()
    for ordinal in range(today - SOLAR_LIFETIME_DAYS, today + 1):
        day = datetime.fromordinal(ordinal)
        if day.strftime("%Y%m%d").startswith(period):
            total += energy.today if ordinal == today else energy.yesterday
    return total
