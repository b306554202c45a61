"""Tells which faults and warnings have come and gone since the last look."""

from collections.abc import Iterable

from ..client import Happening
from ..points import Ref
from .alarms import Alarm


class AlarmWatch:
    """Remembers the active alarms of every unit."""

    def __init__(self) -> None:
        """Know nothing: the first look tells nothing new."""
        self._active: dict[str, frozenset[Alarm]] = {}

    def note(self, ref: Ref, alarms: Iterable[Alarm]) -> list[Happening]:
        """Take the active alarms of a unit; returns what has happened at its event ``ref``."""
        active, before = frozenset(alarms), self._active.get(ref.unit)
        self._active[ref.unit] = active
        if before is None:
            return []
        happenings = []
        for alarm in sorted(active ^ before, key=lambda each: (each.register, each.bit)):
            begun = alarm in active
            details: dict[str, str | int | float | bool] = {
                "code": alarm.code,
                "name": alarm.name,
                "active": begun,
                "severity": alarm.severity.value,
            }
            happenings.append(Happening(ref, f"{alarm.severity.value}_{'begun' if begun else 'over'}", details))
        return happenings
