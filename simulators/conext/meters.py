"""Counters of energy and of active time in the six periods that every device counts (reference section 6)."""

from datetime import datetime

from ..house import Counter

PERIODS = ("hour", "today", "week", "month", "year", "lifetime")
MEAN_POWER = 0.8
"""kW at which the energies from before the start are taken to have flowed."""


class Meter:
    """Energy in kWh and active time in s, by period."""

    def __init__(self, now: datetime, before: Counter) -> None:
        """Begin with what the house has counted; days before yesterday count as yesterday did."""
        day = before.yesterday
        self.energy = {
            "hour": min(before.today, day / 24 * (now.minute / 60)),
            "today": before.today,
            "week": before.today + day * now.weekday(),
            "month": before.today + day * (now.day - 1),
            "year": before.today + day * (now.timetuple().tm_yday - 1),
            "lifetime": before.total,
        }
        self.seconds = {period: energy / MEAN_POWER * 3600 for period, energy in self.energy.items()}

    def add(self, power: float, seconds: float) -> None:
        """Count a power (W) over some seconds."""
        if power <= 0:
            return
        energy = power * seconds / 3.6e6
        for period in PERIODS:
            self.energy[period] += energy
            self.seconds[period] += seconds

    def begin(self, period: str) -> None:
        """Begin a period anew."""
        self.energy[period] = self.seconds[period] = 0.0


def begun(last: datetime, now: datetime) -> tuple[str, ...]:
    """Return which periods have begun between two moments of the local clock."""
    if now.hour == last.hour and now.date() == last.date():
        return ()
    if now.date() == last.date():
        return ("hour",)
    periods = ["hour", "today"]
    if now.isocalendar()[:2] != last.isocalendar()[:2]:
        periods.append("week")
    if (now.year, now.month) != (last.year, last.month):
        periods.append("month")
    if now.year != last.year:
        periods.append("year")
    return tuple(periods)
