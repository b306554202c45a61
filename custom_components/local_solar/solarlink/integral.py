"""Energy from power: a sum over time for what the device itself does not count. Pure: the caller brings the clock."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .points import Part

SECONDS_PER_HOUR = 3600.0
WATTS_PER_KILOWATT = 1000.0

RESET_DROP = 0.001
"""Share by which a device's counter must fall before that is a reset and not a rounding."""
LARGEST_COUNTER = 1e8
"""kWh; more is nonsense, and beside it the fractions of a kilowatt-hour would be lost."""
FASTEST_RISE = 100.0
"""kW; no installation of these families moves more, so a counter that rises faster is another counter."""
RISE_SLACK = 1.5
"""kWh that a counter may rise at once, because some count in whole kilowatt-hours."""
COUNTER_FORGOTTEN = 1800.0
"""Seconds without a reading of the device's counter after which it no longer is what counts."""
COUNTER_STUCK = 5.0
"""kWh that were summed up here while the device's counter stood still: it does not count."""


@dataclass(slots=True)
class Integrator:
    """Sums one part of a power (W) up to an energy (kWh) by the trapezoid rule.

    An interval whose ends have different signs is split where the straight line between them crosses zero, so that
    import and export are both right. Between two samples that lie further apart than ``longest_gap`` seconds nothing
    is known, so nothing is added; those seconds are counted in ``missing``. A sample without a believable value is no
    sample: it lengthens the interval between its neighbours.
    """

    part: Part
    longest_gap: float
    total: float = 0.0
    """Energy in kWh; it never falls."""
    missing: float = 0.0
    """Seconds for which no power was known."""
    power: float | None = None
    """The latest sample, W."""
    at: float = 0.0
    """When that was."""

    def add(self, power: float | None, at: float) -> None:
        """Take the power at ``at`` (monotonic seconds); ``None`` when the device had no believable value."""
        if power is None or not math.isfinite(power):
            return
        if self.power is not None:
            seconds = at - self.at
            if seconds <= 0.0:
                # The same sample again, or an older one that came late.
                return
            if seconds > self.longest_gap:
                self.missing += seconds
            else:
                self.total += self._energy(self.power, power, seconds)
        self.power, self.at = power, at

    def _energy(self, first: float, last: float, seconds: float) -> float:
        sign = 1.0 if self.part is Part.POSITIVE else -1.0
        one, other = sorted((first * sign, last * sign))
        if other <= 0.0:
            return 0.0
        # The share of the interval in which the straight line is above zero.
        share = 1.0 if one >= 0.0 else other / (other - one)
        mean = (max(one, 0.0) + other) / 2.0
        return mean * seconds * share / SECONDS_PER_HOUR / WATTS_PER_KILOWATT


class EnergyTotal:
    """One energy (kWh) out of a power and, where the device has one, its own counter; it never falls and never jumps.

    The device's counter leads: whenever it has moved, the total follows it. Between two movements, and after the
    counter has gone for good (a SENEC.Home loses its counters with the update to app 0825, reference section 9), the
    power is summed up from where the counter stood. Where that sum was ahead of the counter, the total waits for the
    counter. A counter that begins again, is replaced or shows nonsense for a while does not move the total: the total
    goes on from where it is.

    The very first total is that of the device's counter. With ``counted`` the device is known to have one, and the
    total is unknown until it was read, or until ``longest_gap`` has passed without it. Without a counter it is zero.
    """

    def __init__(self, part: Part, longest_gap: float, *, counted: bool = False) -> None:
        """Begin without a total. ``longest_gap``: seconds between two powers beyond which nothing is added."""
        self._sum = Integrator(part, longest_gap)
        self._counted = counted
        self._total: float | None = None
        self._offset = 0.0
        self._counter: float | None = None
        """What the device's counter showed when it last moved."""
        self._counter_at: float | None = None
        """When the counter was last read, moved or not."""
        self._missing = 0.0
        self._first_at: float | None = None
        self._now = 0.0

    @property
    def total(self) -> float | None:
        """Energy in kWh; ``None`` before the first sample."""
        return self._total

    @property
    def missing(self) -> float:
        """Seconds for which neither power nor counter said what flowed."""
        return self._missing + self._sum.missing

    @property
    def counted_by_device(self) -> bool:
        """Whether the total follows a counter of the device now, and not only a sum of its power."""
        return (
            self._counter_at is not None
            and self._now - self._counter_at <= COUNTER_FORGOTTEN
            and self._sum.total <= COUNTER_STUCK
        )

    def add(self, power: float | None, counter: float | None, at: float) -> None:
        """Take what was read at ``at`` (monotonic seconds): power in W, the device's counter in kWh.

        Either is ``None`` when it was not read this time or is not believable.
        """
        if counter is not None and not 0.0 <= counter <= LARGEST_COUNTER:
            counter = None
        if power is None and counter is None:
            return
        self._now = max(self._now, at)
        self._sum.add(power, at)
        if counter is not None and (self._counter_at is None or at >= self._counter_at):
            self._follow(counter, at)
        if self._total is None and not self._may_begin(at):
            return
        self._total = max(self._estimate, self._total or 0.0)

    @property
    def _estimate(self) -> float:
        return self._offset + (self._counter or 0.0) + self._sum.total

    def _may_begin(self, at: float) -> bool:
        if self._first_at is None:
            self._first_at = at
        return not self._counted or self._counter is not None or at - self._first_at > self._sum.longest_gap

    def _follow(self, counter: float, at: float) -> None:
        known, known_at, self._counter_at = self._counter, self._counter_at, at
        if known is None:
            if self._total is None:
                self._anchor(0.0, counter)
            else:
                self._go_on_with(counter)
            return
        hours = (at - known_at) / SECONDS_PER_HOUR if known_at is not None else 0.0
        if counter < known * (1.0 - RESET_DROP) or counter - known > FASTEST_RISE * hours + RISE_SLACK:
            self._go_on_with(counter)
        elif counter > known:
            # The counter knows what flowed while we did not look.
            self._anchor(self._offset, counter)

    def _go_on_with(self, counter: float) -> None:
        """Follow a counter that has nothing to do with the former one."""
        self._missing += self._sum.missing
        self._anchor(self._estimate - counter, counter)

    def _anchor(self, offset: float, counter: float) -> None:
        self._offset, self._counter = offset, counter
        self._sum.total = self._sum.missing = 0.0

    def set_start(self, total: float) -> None:
        """Make the total begin anew at ``total`` kWh now, so that it agrees with a meter; it may fall by this."""
        self._offset += total - self._estimate
        self._total = total

    def as_dict(self) -> dict[str, Any]:
        """Everything that ``load`` needs, as JSON can hold it."""
        return {
            "total": self._total,
            "missing": self.missing,
            "offset": self._offset,
            "counter": self._counter,
            "summed": self._sum.total,
            "power": self._sum.power,
        }

    def load(self, saved: Mapping[str, Any], *, at: float, away: float) -> None:
        """Take back what ``as_dict`` gave ``away`` seconds before ``at`` (now, on the clock of ``add``).

        A break that is no longer than ``longest_gap`` is bridged like any interval. What has an unknown shape, or is
        no number, changes nothing.
        """
        try:
            total, counter, power = (_number(saved[name]) for name in ("total", "counter", "power"))
            offset, summed, missing = (float(saved[name]) for name in ("offset", "summed", "missing"))
        except KeyError, TypeError, ValueError:
            return
        if not all(math.isfinite(each) for each in (offset, summed, missing)):
            return
        then = at - max(away, 0.0)
        self._total, self._offset, self._missing = total, offset, missing
        self._counter, self._counter_at = counter, None if counter is None else then
        self._sum.total, self._sum.missing = summed, 0.0
        self._sum.power, self._sum.at = power, then
        self._now = at


def _number(saved: float | str | None) -> float | None:
    """A finite number or nothing; raises ``ValueError`` for everything else."""
    if saved is None:
        return None
    number = float(saved)
    if not math.isfinite(number):
        raise ValueError(saved)
    return number
