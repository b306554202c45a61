"""How well the zero feed-in control does: figures of merit of the last hour, and the energies of the day.

The error is what the inverters deliver less the ideal, which is the house load less the target, within floor and cap
(reference section 11). A value of the meter holds until the next one, but not for long: what nobody has measured is
neither error nor energy. A ring of minutes makes every event cost the same, whatever has happened before.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from .feed_in_terms import known, saved_number

BUCKET_S = 60.0
BUCKETS = 60
LONGEST_HOLD_S = 20.0
"""So long (s) a value of the meter holds at most; the slowest meters tell one every 15 s."""


@dataclass(slots=True)
class Minute:
    """Sums of one minute."""

    number: int
    """Which minute of the monotonic clock."""
    seconds: float = 0.0
    """Measured time."""
    squares: float = 0.0
    """Integral of the squared error, W²s."""
    errors: float = 0.0
    """Integral of the error, Ws."""
    delivered: float = 0.0
    """Ws."""
    commands: int = 0


@dataclass(slots=True)
class Day:
    """What is counted since local midnight; it survives a restart."""

    date: str = ""
    """The day, as the host writes it."""
    import_wh: float = 0.0
    export_wh: float = 0.0
    commands: int = 0
    seconds: float = 0.0
    """Measured time."""


@dataclass(slots=True)
class Held:
    """What holds since the last value of the meter; W."""

    t: float
    grid_w: float
    error_w: float
    delivered_w: float


@dataclass(slots=True)
class FeedInFigures:
    """Figures of merit. Events must come in the order of their times (s, monotonic); an earlier one counts as now."""

    day: Day = field(default_factory=Day)
    minutes: deque[Minute] = field(default_factory=deque)
    """The last hour, oldest first."""
    held: Held | None = None

    def meter(
        self,
        t: float,
        date: str,
        *,
        grid_w: float,
        load_w: float | None,
        delivered_w: float,
        target_w: float,
        floor_w: float,
        cap_w: float,
    ) -> None:
        """A value of the meter: grid power (positive is import), house load, what the inverters deliver, all in W.

        ``date`` is the local day; a new one begins the energies anew. Without a house load there is no error.
        """
        self.advance(t, date)
        grid, load, delivered = known(grid_w), known(load_w), known(delivered_w)
        if grid is None or delivered is None:
            self.held = None
            return
        ideal = delivered if load is None else ideal_w(load, target_w, floor_w, cap_w)
        self.held = Held(t if self.held is None else max(t, self.held.t), grid, delivered - ideal, delivered)

    def advance(self, t: float, date: str) -> None:
        """Let time pass: what was measured last holds until ``t``, or for ``LONGEST_HOLD_S``."""
        self._forget(t)
        self._hold(t)
        if date != self.day.date:
            self.day = Day(date=date)

    def _hold(self, t: float) -> None:
        held = self.held
        if held is None or t <= held.t:
            return
        end = min(t, held.t + LONGEST_HOLD_S)
        self.day.seconds += end - held.t
        energy = held.grid_w * (end - held.t) / 3600.0
        if energy > 0.0:
            self.day.import_wh += energy
        else:
            self.day.export_wh -= energy
        at = held.t
        while at < end - 1e-9:
            minute = self._minute(at)
            until = min(end, (minute.number + 1) * BUCKET_S)
            # A clock with few digits left must not stop the loop.
            dt = max(until - at, 1e-6)
            minute.seconds += dt
            minute.squares += held.error_w**2 * dt
            minute.errors += held.error_w * dt
            minute.delivered += held.delivered_w * dt
            at += dt
        self.held = None if end < t else Held(t, held.grid_w, held.error_w, held.delivered_w)

    def command(self, t: float, date: str, count: int = 1) -> None:
        """Commands were sent."""
        self.advance(t, date)
        self._minute(t).commands += count
        self.day.commands += count

    @property
    def rms_error_w(self) -> float | None:
        """Root mean square of the error over the last hour, W; None when nothing was measured."""
        seconds = sum(each.seconds for each in self.minutes)
        return math.sqrt(sum(each.squares for each in self.minutes) / seconds) if seconds > 0.0 else None

    @property
    def mean_error_w(self) -> float | None:
        """Mean error over the last hour, W: positive when too much was delivered."""
        seconds = sum(each.seconds for each in self.minutes)
        return sum(each.errors for each in self.minutes) / seconds if seconds > 0.0 else None

    @property
    def mean_delivered_w(self) -> float | None:
        """Mean power of the inverters over the last hour, W."""
        seconds = sum(each.seconds for each in self.minutes)
        return sum(each.delivered for each in self.minutes) / seconds if seconds > 0.0 else None

    @property
    def commands_per_hour(self) -> int:
        """Commands of the last hour."""
        return sum(each.commands for each in self.minutes)

    @property
    def average_commands_per_hour(self) -> float | None:
        """Commands per measured hour since midnight; None before the first quarter of an hour."""
        return self.day.commands * 3600.0 / self.day.seconds if self.day.seconds >= 900.0 else None

    def as_dict(self) -> dict[str, Any]:
        """The figures of the day, which survive a restart, as JSON can hold them."""
        return {each.name: getattr(self.day, each.name) for each in fields(Day)}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Take back what ``as_dict`` gave; what is missing or damaged begins at 0."""
        date = saved.get("date")

        def amount(name: str) -> float:
            return max(0.0, saved_number(saved.get(name)) or 0.0)

        return cls(
            day=Day(
                date=date if isinstance(date, str) else "",
                import_wh=amount("import_wh"),
                export_wh=amount("export_wh"),
                commands=int(amount("commands")),
                seconds=amount("seconds"),
            )
        )

    def _forget(self, t: float) -> None:
        oldest = math.floor(t / BUCKET_S) - BUCKETS
        while self.minutes and self.minutes[0].number <= oldest:
            self.minutes.popleft()

    def _minute(self, t: float) -> Minute:
        number = math.floor(t / BUCKET_S)
        if self.minutes and self.minutes[-1].number >= number:
            return self.minutes[-1]
        self.minutes.append(Minute(number))
        return self.minutes[-1]


def ideal_w(load_w: float, target_w: float, floor_w: float, cap_w: float) -> float:
    """What the inverters should deliver, W (reference section 11); a cap below the floor cannot be kept."""
    return max(floor_w, min(load_w - target_w, cap_w))
