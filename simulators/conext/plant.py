"""The devices' part in the house: what flows through them, what they count, and the clock they go by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..house import SOLAR_CHARGER_EFFICIENCY, House, Settings, SolarArray
from .behaviour import Behaviour
from .meters import Meter, begun


@dataclass(frozen=True, slots=True)
class Flow:
    """One moment: W, A and V at the installation's own battery voltage."""

    battery_voltage: float
    invert_power: float
    """From the battery side into all inverters."""
    charge_power: float
    """From all inverters to the battery side."""
    grid_in: float
    grid_out: float
    load: float
    solar: float
    solar_output: float
    """Of all solar chargers to the battery side."""
    battery_power: float
    """Positive when discharging."""
    battery_current: float
    """Positive when charging."""


class Plant:
    """Reads the house, counts, and tells whoever steers it after every step."""

    def __init__(self, house: House, behaviour: Behaviour, inverters: int, chargers: int, *, newer: bool) -> None:
        """``inverters`` and ``chargers`` share what flows; ``newer`` is the generation of the gateway."""
        self.house = house
        self.behaviour = behaviour
        self.newer = newer
        self.inverters = max(1, inverters)
        self.chargers = max(1, chargers)
        self.scale = behaviour.nominal / 48
        self.steers = house.settings == Settings() if behaviour.steer is None else behaviour.steer
        self.on_step: list[Callable[[float], None]] = []
        """Called after every step of the house, with its length in s."""
        counters = house.counters
        now = house.now
        self.meters = {
            "from_battery": Meter(now, counters.battery_discharge),
            "to_battery": Meter(now, counters.battery_charge),
            "grid_in": Meter(now, counters.grid_import),
            "grid_out": Meter(now, counters.grid_export),
            "load": Meter(now, counters.load),
            "generator": Meter(now, type(counters.load)()),
            "bank_charging": Meter(now, counters.battery_charge),
            "bank_inverting": Meter(now, counters.battery_discharge),
            "solar": Meter(now, counters.solar),
        }
        self.solar_meters = [Meter(now, array.energy) for array in house.arrays]
        self._last = now
        self._stop = house.watch(self._step)

    def close(self) -> None:
        """Follow the house no longer."""
        self._stop()

    @property
    def now(self) -> datetime:
        """Return the house's clock, which is the gateway's too."""
        return self.house.now

    def arrays(self, number: int) -> list[tuple[SolarArray, int, float]]:
        """Return the generators of a solar charger with their places and the share of each that it has."""
        arrays = self.house.arrays
        if self.chargers <= len(arrays):
            return [(array, at, 1.0) for at, array in enumerate(arrays) if at % self.chargers == number]
        at = number % len(arrays)
        sharing = len(range(at, self.chargers, len(arrays)))
        return [(arrays[at], at, 1 / sharing)]

    def flow(self) -> Flow:
        """Return the present moment."""
        house, battery = self.house, self.house.battery
        output = house.solar_power * SOLAR_CHARGER_EFFICIENCY
        inverters = battery.power + output
        return Flow(
            battery_voltage=battery.voltage * self.scale,
            invert_power=max(0.0, inverters),
            charge_power=max(0.0, -inverters),
            grid_in=max(0.0, house.grid.power),
            grid_out=max(0.0, -house.grid.power),
            load=house.load_power,
            solar=house.solar_power,
            solar_output=output,
            battery_power=battery.power,
            battery_current=-battery.power / (battery.voltage * self.scale),
        )

    def _step(self) -> None:
        now = self.house.now
        seconds = (now - self._last).total_seconds()
        for period in begun(self._last, now):
            for meter in (*self.meters.values(), *self.solar_meters):
                meter.begin(period)
        self._last = now
        flow = self.flow()
        powers = {
            "from_battery": flow.invert_power,
            "to_battery": flow.charge_power,
            "grid_in": flow.grid_in,
            "grid_out": flow.grid_out,
            "load": flow.load,
            "generator": 0.0,
            "bank_charging": max(0.0, -flow.battery_power),
            "bank_inverting": max(0.0, flow.battery_power),
            "solar": flow.solar,
        }
        for name, power in powers.items():
            self.meters[name].add(power, seconds)
        for meter, array in zip(self.solar_meters, self.house.arrays, strict=True):
            meter.add(array.power, seconds)
        for listener in self.on_step:
            listener(seconds)


def energies(meters: Sequence[tuple[Meter, float]], energy: str, active: str) -> dict[str, float | str]:
    """Return the registers of one group of counters, summed over meters with a share of each.

    ``energy`` and ``active`` are keys with a place for the period, like ``load_output_energy_{}``.
    """
    values: dict[str, float | str] = {}
    for period in meters[0][0].energy:
        values[energy.format(period)] = sum(meter.energy[period] * share for meter, share in meters)
        values[active.format(period)] = max(meter.seconds[period] for meter, _ in meters)
    return values
