"""Tells what the inverters have logged since the last look, each entry once. Pure: the caller brings the clock."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..client import Happening
from ..points import Ref
from .alarms import Severity, alarm_of
from .codec_status import LogEntry, time_of_day

FORGET = 12 * 3600.0
"""Seconds after which an entry of the same number and time of day is another one. A log is gone for a while when the
DTU restarts, and comes back with the same entries; the next day's are younger."""
BAD = (Severity.WARNING, Severity.FAULT)


@dataclass(slots=True)
class EventWatch:
    """Remembers the entries of every log."""

    _seen: dict[str, dict[tuple[int, int], float]] = field(default_factory=dict)

    def note(self, ref: Ref, family: str, entries: Iterable[LogEntry], now: float) -> list[Happening]:
        """Take the log of an inverter; returns what has happened at its event ``ref``, oldest first.

        The first look tells nothing: nobody knows whether that has been told before.
        """
        first = ref.unit not in self._seen
        seen = self._seen.setdefault(ref.unit, {})
        for key in [key for key, at in seen.items() if now - at >= FORGET]:
            del seen[key]
        happenings = []
        for entry in sorted(entries, key=lambda each: each.start):
            key = (entry.message_id, entry.start)
            if key not in seen and not first:
                happenings.append(_happening(ref, family, entry))
            seen[key] = now
        return happenings


def _happening(ref: Ref, family: str, entry: LogEntry) -> Happening:
    alarm = alarm_of(entry.message_id, family)
    details: dict[str, str | int | float | bool] = {
        "code": entry.message_id,
        "message": entry.message,
        "severity": alarm.severity.value,
        "active": entry.active,
        "start": time_of_day(entry.start),
    }
    if not entry.active:
        details["end"] = time_of_day(entry.end)
    return Happening(ref, alarm.kind, details)


def active_faults(family: str, entries: Iterable[LogEntry]) -> list[LogEntry]:
    """The entries that last and are warnings or faults."""
    return [entry for entry in entries if entry.active and alarm_of(entry.message_id, family).severity in BAD]
