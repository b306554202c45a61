"""Energy from power: a sum over time for what the device itself does not count. Pure: the caller brings the clock."""

from dataclasses import dataclass

from .points import Part

SECONDS_PER_HOUR = 3600.0
WATTS_PER_KILOWATT = 1000.0


@dataclass(slots=True)
class Integrator:
    """Sums one part of a power (W) up to an energy (kWh) by the trapezoid rule.

    An interval whose ends have different signs is split where the straight line between them crosses zero, so that
    import and export are both right. Between two samples that lie further apart than ``longest_gap`` seconds nothing
    is known, so nothing is added; those seconds are counted in ``missing``.
    """

    part: Part
    longest_gap: float
    total: float = 0.0
    """Energy in kWh; it never falls."""
    missing: float = 0.0
    """Seconds for which no power was known."""
    _power: float | None = None
    _at: float = 0.0

    def add(self, power: float | None, at: float) -> None:
        """Take the power at ``at`` (monotonic seconds); ``None`` when the device had no believable value."""
        if self._power is not None and at <= self._at:
            # The same sample again, or an older one that came late.
            return
        if power is None:
            return
        if self._power is not None:
            seconds = at - self._at
            if seconds > self.longest_gap:
                self.missing += seconds
            else:
                self.total += self._energy(self._power, power, seconds)
        self._power, self._at = power, at

    def _energy(self, first: float, last: float, seconds: float) -> float:
        sign = 1.0 if self.part is Part.POSITIVE else -1.0
        one, other = sorted((first * sign, last * sign))
        if other <= 0.0:
            return 0.0
        # The share of the interval in which the straight line is above zero.
        share = 1.0 if one >= 0.0 else other / (other - one)
        mean = (max(one, 0.0) + other) / 2.0
        return mean * seconds * share / SECONDS_PER_HOUR / WATTS_PER_KILOWATT

    def was_away(self, seconds: float) -> None:
        """Home Assistant did not run for that long: the next sample begins a new interval."""
        self.missing += max(seconds, 0.0)
        self._power = None
