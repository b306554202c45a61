"""Energies that are summed up here, because not every device counts them."""

import time
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, override

from .providers import Host, Provider
from .solarlink.client import Report
from .solarlink.integral import EnergyTotal
from .solarlink.points import Integral, Limits, Point, Reading, Ref, Value, check_number

SAVE_EVERY = 60.0
"""Seconds between two saves of the sums; more would only wear the disk."""
SHORTEST_GAP = 120.0
GAP_POLLS = 6
"""Between two samples further apart than both of these nothing is known."""

SAVED_AT = "saved_at"
"""When the sums were saved, in seconds since 1970: the monotonic clock begins anew with the machine."""
SUMS = "sums"

ATTR_MISSING = "missing_seconds"
ATTR_COUNTED_BY = "counted_by"


class EnergySums(Provider):
    """One sum for every point with an ``Integral``; where the device counts, its counter leads."""

    key: ClassVar[str] = "energies"

    def __init__(self, host: Host, points: Mapping[Ref, Point[Any]]) -> None:
        """Every sum begins at nothing, unless one was saved."""
        super().__init__(host, points)
        gap = max(SHORTEST_GAP, GAP_POLLS * host.interval)
        self._totals = {
            ref: EnergyTotal(_integral(point).part, gap, counted=self._counter(ref) is not None)
            for ref, point in points.items()
        }
        self._readings: dict[Ref, Reading] = {}
        self._saved_at = time.monotonic()

    def _source(self, ref: Ref) -> Ref:
        return Ref(ref.unit, _integral(self.points[ref]).source)

    def _counter(self, ref: Ref) -> Ref | None:
        key = _integral(self.points[ref]).counter
        counter = Ref(ref.unit, key)
        unit = self.host.client.installation.unit(ref.unit)
        return counter if key and unit and key in self.host.points(unit) else None

    @override
    def wants(self, shown: Collection[Ref]) -> set[Ref]:
        counters = {counter for ref in shown if (counter := self._counter(ref))}
        return {self._source(ref) for ref in shown} | counters

    @override
    def reading(self, ref: Ref) -> Reading | None:
        return self._readings.get(ref)

    @override
    def fresh(self, ref: Ref) -> bool:
        counter = self._counter(ref)
        return ref in self._readings and (
            self.host.fresh(self._source(ref)) or (counter is not None and self.host.fresh(counter))
        )

    @override
    def attributes(self, ref: Ref) -> Mapping[str, Any]:
        counted = self._totals[ref].counted_by_device
        return {
            ATTR_MISSING: round(self._totals[ref].missing),
            ATTR_COUNTED_BY: "device" if counted else "integration",
        }

    @override
    def take(self, report: Report) -> None:
        for ref, total in self._totals.items():
            source, counter = report.readings.get(self._source(ref)), None
            if counter_ref := self._counter(ref):
                counter = report.readings.get(counter_ref)
            if source is None and counter is None:
                continue
            at = source.at if source else counter.at if counter else 0.0
            total.add(_number(source), _number(counter), at)
            if total.total is not None:
                self._readings[ref] = Reading(total.total, at)

    @override
    async def async_step(self) -> None:
        now = time.monotonic()
        if now - self._saved_at >= SAVE_EVERY:
            self._saved_at = now
            await self.host.async_remember()

    @override
    async def async_write(self, ref: Ref, value: Value) -> None:
        """Make the sum begin at ``value``, so that it agrees with the utility's meter."""
        energy = check_number(self.points[ref], value, Limits(minimum=0.0))
        self._totals[ref].set_start(energy)
        self._readings[ref] = Reading(energy, time.monotonic())
        await self.host.async_remember()

    @override
    def as_dict(self) -> dict[str, Any]:
        sums = {self._name(ref): total.as_dict() for ref, total in self._totals.items()}
        return {SAVED_AT: time.time(), SUMS: sums}

    @override
    def load(self, saved: Mapping[str, Any]) -> None:
        away = time.time() - float(saved.get(SAVED_AT, 0.0))
        for ref, total in self._totals.items():
            if before := saved.get(SUMS, {}).get(self._name(ref)):
                total.load(before, at=time.monotonic(), away=away)
                if total.total is not None:
                    self._readings[ref] = Reading(total.total, time.monotonic())

    def _name(self, ref: Ref) -> str:
        """Sums hang on the hardware, not on its place behind a gateway."""
        unit = self.host.client.installation.unit(ref.unit)
        return f"{unit.serial if unit else ref.unit}/{ref.key}"


def _integral(point: Point[Any]) -> Integral:
    assert point.integral is not None
    return point.integral


def _number(reading: Reading | None) -> float | None:
    value = reading.value if reading else None
    return float(value) if isinstance(value, int | float) else None
