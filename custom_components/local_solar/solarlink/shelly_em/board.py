"""What the meter has told last, and when: what the loop brings is there for those who read."""

from datetime import UTC, datetime, timedelta

from .address import Field, Name
from .codec import Picture, Told
from .counters import CounterGuard
from .wiring import Wiring

SAME_START = 30.0
"""Seconds by which the moment of the last start may differ between two answers: uptime is told in whole seconds."""
FRESH = 2.5
"""Seconds for which a value that the loop brought is as good as a new one."""


class Board:
    """The newest value of every field, as the owner has wired the meter."""

    def __init__(self, wiring: Wiring) -> None:
        """Nothing is known yet."""
        self.wiring = wiring
        self._guard = CounterGuard()
        self._values: dict[Field, tuple[Told, float]] = {}
        self._errors: dict[int, tuple[str, ...]] = {}
        self._doubtful: set[Field] = set()
        self._started: datetime | None = None

    def take(self, picture: Picture, at: float) -> Picture:
        """Take what was measured at ``at`` (monotonic seconds); returns it as wired."""
        self._guard.look(picture, at)
        self.wiring.apply(picture)
        for field, value in picture.values.items():
            known = self._values.get(field)
            if known is None or at >= known[1]:
                self._values[field] = (value, at)
                self._doubtful.discard(field)
            if field.name is Name.PROBLEM:
                self._errors[field.clamp] = picture.errors.get(field.clamp, ())
        self._doubtful |= picture.doubtful
        uptime = picture.number(Name.UPTIME)
        if uptime is not None:
            self._take_uptime(uptime)
        return picture

    def _take_uptime(self, uptime: float) -> None:
        if not 0 <= uptime < timedelta.max.total_seconds() / 1e6:
            return
        started = datetime.now(UTC) - timedelta(seconds=uptime)
        known = self._started
        if known is None or abs((started - known).total_seconds()) > SAME_START:
            self._started = started.replace(microsecond=0)

    @property
    def started(self) -> datetime | None:
        """When the meter was started, as far as its uptime says."""
        return self._started

    def get(self, field: Field) -> tuple[Told, float] | None:
        """The newest value and its time; nothing when it was never told."""
        return self._values.get(field)

    def doubts(self, field: Field) -> bool:
        """Whether the newest value of a counter is lower than it was and may be a slip."""
        return field in self._doubtful

    def errors(self, clamp: int) -> tuple[str, ...]:
        """The meter's own words for what is wrong now."""
        return self._errors.get(clamp, ())

    def fresh(self, field: Field, now: float) -> bool:
        """Whether a value is so new that nothing needs to be asked."""
        known = self._values.get(field)
        return known is not None and now - known[1] <= FRESH
