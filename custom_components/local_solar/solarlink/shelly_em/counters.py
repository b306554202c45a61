"""Counters that fall back for a moment, which happens on faults and restarts (reference section 2). Pure."""

from dataclasses import dataclass

from .address import Field, Name
from .codec import Picture

BELIEVED_AFTER = 60.0
"""Seconds for which a counter must stay below what it was until that is taken as a new beginning."""
ROUNDING = 0.001
"""kWh by which a counter may fall back without anything being wrong."""
_COUNTERS = (Name.IMPORTED, Name.EXPORTED, Name.SUM_IMPORTED, Name.SUM_EXPORTED)


@dataclass(slots=True)
class _Known:
    value: float
    lower_since: float | None = None


class CounterGuard:
    """Holds back readings of counters that went down, until they have been down for a while."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: dict[Field, _Known] = {}

    def look(self, picture: Picture, now: float) -> None:
        """Take note of every counter; those that went back have no value and are marked as doubtful."""
        for field, value in list(picture.values.items()):
            if field.name not in _COUNTERS or value is None:
                continue
            known = self._known.setdefault(field, _Known(value))
            if value >= known.value - ROUNDING:
                known.value, known.lower_since = value, None
                continue
            if known.lower_since is None:
                known.lower_since = now
            if now - known.lower_since >= BELIEVED_AFTER:
                known.value, known.lower_since = value, None
                continue
            picture.values[field] = None
            picture.doubtful.add(field)
