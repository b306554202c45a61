"""What the charge manager has been watching: the last samples, and since when something has been true.

Times are seconds of the monotonic clock, so nothing of this survives a restart.
"""

from dataclasses import dataclass, replace
from statistics import median
from typing import Self

MEDIAN_OF = 3
"""The battery voltage is the median of so many samples: one that is wrong does not count."""
MEAN_SECONDS = 600.0
"""The mean of the charge current is taken over this time, or since it was last disturbed."""


@dataclass(frozen=True, slots=True)
class Watch:
    """All "since" are ``None`` while the condition is not true."""

    voltages: tuple[float, ...] = ()
    """The last samples of the battery voltage, V."""
    currents: tuple[tuple[float, float], ...] = ()
    """When and how large (A) the charge currents were since the absorption voltage has been held undisturbed."""
    sampled_at: float | None = None
    sunny_since: float | None = None
    dark_since: float | None = None
    low_since: float | None = None
    """Battery voltage below the re-bulk voltage."""
    reached_since: float | None = None
    """Battery voltage at the absorption voltage."""
    fallen_since: float | None = None
    """Battery voltage far below the absorption voltage."""
    full_since: float | None = None
    """Tail hold: the absorption voltage is held undisturbed and the mean current is no more than the tail current."""
    held_since: float | None = None
    """In HOLD."""
    boosted_since: float | None = None
    wrote_at: float | None = None
    """Last try to write: a float voltage that was read before says nothing."""
    retry_at: float | None = None
    """Earliest next try to write; ``None``: at once."""
    tries: int = 0
    """Tries to write that have failed since one succeeded."""

    def sampled(self, voltage: float, at: float) -> Self:
        """Take another sample of the battery voltage."""
        return replace(self, voltages=(*self.voltages, voltage)[-MEDIAN_OF:], sampled_at=at)

    @property
    def voltage(self) -> float:
        """The battery voltage that is judged; only after the first sample."""
        return median(self.voltages)

    def full(self, current: float | None, tail: float, at: float) -> Self:
        """Take a charge current (A) at the absorption voltage; ``None`` when it says nothing about the battery."""
        if current is None:
            return replace(self, full_since=None, currents=())
        # Only clean samples are in the mean, so a load or a cloud in between cannot make the battery look full.
        kept = tuple(each for each in self.currents if at - each[0] <= MEAN_SECONDS)
        watch = replace(self, currents=(*kept, (at, current)))
        return replace(watch, full_since=since(self.full_since, at, true=watch.mean_current <= tail))

    @property
    def mean_current(self) -> float:
        """Mean of the charge currents (A); only while there are any."""
        return sum(current for _, current in self.currents) / len(self.currents)

    def forgotten(self) -> Self:
        """After a gap in the data nothing is known to have been true all the time."""
        return replace(
            self,
            voltages=(),
            currents=(),
            sampled_at=None,
            sunny_since=None,
            dark_since=None,
            low_since=None,
            reached_since=None,
            fallen_since=None,
            full_since=None,
        )


def since(before: float | None, at: float, *, true: bool) -> float | None:
    """Since when a condition is true, if it is."""
    if not true:
        return None
    return at if before is None else before


def lasted(begin: float | None, at: float, seconds: float) -> bool:
    """Whether a condition has been true for that long."""
    return begin is not None and at - begin >= seconds
