"""The wall clock of the remote control (protocol reference, sections 4.3 and 9.2).

It has no zone, does not follow daylight saving, may be set wrongly and drifts. The house's own time runs evenly; what a
right clock on the wall of the house shows follows from the zone.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ..house import House

EPOCH = datetime.fromtimestamp(0, UTC).replace(tzinfo=None)
_DAY = timedelta(days=1)


class WallClock:
    """The remote control's clock. ``drift`` is what it gains, seconds a day; ``offset`` what it is wrong at first.

    ``zone`` is where the house stands: the house's time at the start is that zone's legal time.
    """

    def __init__(self, house: House, *, zone: str = "UTC", offset: float = 0.0, drift: float = 0.0) -> None:
        """Start as the house does, ``offset`` seconds ahead of it."""
        self._house = house
        self.zone = ZoneInfo(zone)
        self._start = house.now
        self._start_utc = house.now.replace(tzinfo=self.zone).astimezone(UTC)
        self._offset = timedelta(seconds=offset)
        self._since = house.now
        self._drift = drift

    @property
    def now(self) -> datetime:
        """Return what the remote control shows."""
        return self._house.now + self._offset + self._drift * ((self._house.now - self._since) / _DAY) * _SECOND

    @property
    def seconds(self) -> int:
        """Return what the remote control shows as seconds since 1970-01-01 of its wall clock, as 5002 does."""
        return int((self.now - EPOCH).total_seconds())

    @property
    def utc(self) -> datetime:
        """Return the true time."""
        return self._start_utc + (self._house.now - self._start)

    @property
    def local(self) -> datetime:
        """Return the true legal time where the house stands."""
        return self.utc.astimezone(self.zone)

    @property
    def error(self) -> float:
        """Return by how many seconds the remote control is ahead of the legal time."""
        return (self.now - self.local.replace(tzinfo=None)).total_seconds()

    @property
    def drift(self) -> float:
        """Return what the clock gains, seconds a day."""
        return self._drift

    @drift.setter
    def drift(self, seconds: float) -> None:
        self._offset = self.now - self._house.now
        self._since = self._house.now
        self._drift = seconds

    def set(self, seconds: int) -> None:
        """Set what the remote control shows; it goes on drifting from there."""
        self._since = self._house.now
        self._offset = EPOCH + timedelta(seconds=seconds) - self._house.now


_SECOND = timedelta(seconds=1)
