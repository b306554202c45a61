"""What the clamps measure: the house's connection to the grid, on one phase or on three, and another producer."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..house import House
from .clock import HouseClock

type Producer = Callable[[], float] | float
"""What another producer gives, W."""

PERIOD = 1.0
"""Seconds between two results of the measuring chip, and over which one is averaged."""
VOLTAGE_OFFSETS = (0.0, -0.4, 0.3)
"""How far the voltages of the phases are from the house's, V."""
BASE_REACTIVE = (160.0, 90.0, 60.0)
"""Reactive power of what is always on, by phase, var."""
REACTIVE_SHARE = 0.12
"""Reactive power of the rest as a share of its active power."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one clamp measured: W and var (positive into the house), V, Hz, and both counters, Wh."""

    power: float = 0.0
    reactive: float = 0.0
    voltage: float = 0.0
    frequency: float = 0.0
    imported: float = 0.0
    exported: float = 0.0

    @property
    def apparent(self) -> float:
        """Return the apparent power, VA."""
        return math.hypot(self.power, self.reactive)

    @property
    def current(self) -> float:
        """Return the current, A."""
        return self.apparent / self.voltage if self.voltage else 0.0

    @property
    def power_factor(self) -> float:
        """Return the power factor, with the sign of the power."""
        return self.power / self.apparent if self.apparent else 0.0


@dataclass(slots=True)
class _Counters:
    imported: float = 0.0
    exported: float = 0.0

    def add(self, energy: float) -> None:
        """Count an energy, Wh: positive into the house."""
        if energy > 0:
            self.imported += energy
        else:
            self.exported -= energy


def _elsewhere(load: float) -> tuple[float, float]:
    """Return what the phases B and C draw of the house's load, W: a part of the small things, none of the big ones."""
    small = max(0.0, load)
    return min(170.0, 0.4 * small), min(60.0, 0.15 * small)


class Meter:
    """The measuring chip with its clamps; its counters outlive a restart."""

    def __init__(
        self,
        house: House,
        clock: HouseClock,
        *,
        clamps: int,
        phases: bool,
        producer: Producer | None,
        inverted: bool,
        producer_inverted: bool,
    ) -> None:
        """``producer`` hangs on the second clamp of a meter that does not measure phases."""
        self._house = house
        self._clock = clock
        self._phases = phases
        self._producer = producer
        self._inverted = (inverted,) * clamps if phases else (inverted, producer_inverted)[:clamps]
        self._counters = [_Counters() for _ in range(clamps)]
        self._seen = house.now
        self._seen_import = house.counters.grid_import.total
        self._seen_export = house.counters.grid_export.total
        self._begin()
        self._latched: list[Reading] = []
        self._latched_at = -math.inf
        self._end = house.watch(self._count, fine=True)

    def _begin(self) -> None:
        imported, exported = 1000 * self._seen_import, 1000 * self._seen_export
        first = self._counters[0]
        first.imported, first.exported = imported, exported
        if self._phases:
            for counters, share in zip(self._counters[1:], (0.3, 0.1), strict=True):
                counters.imported = share * imported
                first.imported -= counters.imported

    # Counting

    def _count(self) -> None:
        house = self._house
        hours = (house.now - self._seen).total_seconds() / 3600
        imported, exported = house.counters.grid_import.total, house.counters.grid_export.total
        came, went = 1000 * (imported - self._seen_import), 1000 * (exported - self._seen_export)
        self._seen, self._seen_import, self._seen_export = house.now, imported, exported
        first = self._counters[0]
        if self._phases:
            others = [power * hours for power in self._others()]
            first.add(came - went - sum(others))
            for counters, energy in zip(self._counters[1:], others, strict=True):
                counters.add(energy)
            return
        first.imported += came
        first.exported += went
        if len(self._counters) > 1:
            self._counters[1].add(-self._produced() * hours)

    def _others(self) -> tuple[float, float]:
        return _elsewhere(self._house.load_power) if self._house.grid.connected else (0.0, 0.0)

    def _produced(self) -> float:
        if self._producer is None or not self._house.grid.connected:
            return 0.0
        return self._producer() if callable(self._producer) else float(self._producer)

    def clear(self) -> None:
        """Set all counters to 0, as the owner can."""
        for counters in self._counters:
            counters.imported = counters.exported = 0.0

    # Measuring

    def readings(self) -> list[Reading]:
        """Return what each clamp measured last; the powers stay for a second, the phases add up to the whole."""
        # Whoever asks within a step of the house may be told of it before the counters are.
        self._count()
        second = math.floor(self._clock.now / PERIOD)
        if second != self._latched_at:
            self._latched_at = second
            self._latched = [
                self._reading(index, power) for index, power in enumerate(self._powers()[: len(self._counters)])
            ]
        return [
            _turned(replace(reading, imported=counters.imported, exported=counters.exported), inverted)
            for reading, counters, inverted in zip(self._latched, self._counters, self._inverted, strict=True)
        ]

    def _powers(self) -> tuple[float, ...]:
        if not self._house.grid.connected:
            return (0.0, 0.0, 0.0)
        whole = self._house.grid_power_mean(PERIOD)
        if not self._phases:
            # Subtracting keeps a clamp that measures nothing from showing a negative zero.
            return whole, 0.0 - self._produced()
        others = self._others()
        return (whole - sum(others), *others)

    def _reading(self, index: int, power: float) -> Reading:
        grid = self._house.grid
        if not grid.connected:
            return Reading()
        volts = grid.voltage + (VOLTAGE_OFFSETS[index] if self._phases else 0.0)
        always = BASE_REACTIVE[index] if self._phases or index == 0 else 0.0
        return Reading(power, always + REACTIVE_SHARE * abs(power), volts, grid.frequency)

    def close(self) -> None:
        """Measure no more."""
        self._end()


def _turned(reading: Reading, inverted: bool) -> Reading:
    """Return what a clamp shows whose arrow points the other way, where it does."""
    if not inverted:
        return reading
    return replace(
        reading,
        power=-reading.power,
        reactive=-reading.reactive,
        imported=reading.exported,
        exported=reading.imported,
    )
