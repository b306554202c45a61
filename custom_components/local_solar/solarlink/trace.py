"""A ring of raw exchanges: diagnostics write it out, simulators and tests replay it."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

CAPACITY = 200


class Direction(StrEnum):
    """Who spoke."""

    SENT = "sent"
    RECEIVED = "received"
    NOTE = "note"
    """Not on the wire: a remark such as "connected" or "dropped 3 bytes"."""


@dataclass(frozen=True, slots=True)
class Record:
    """One piece of traffic: seconds since the trace began, who spoke, and the raw bytes or a remark."""

    at: float
    direction: Direction
    data: bytes
    note: str = ""

    def as_dict(self) -> dict[str, str | float]:
        """The record as JSON can hold it: bytes as hex text."""
        shown: dict[str, str | float] = {"at": round(self.at, 3), "direction": self.direction.value}
        if self.data:
            shown["data"] = self.data.hex(" ")
        if self.note:
            shown["note"] = self.note
        return shown


class Trace:
    """The last exchanges of one link, bounded in number."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        """Keep the last ``capacity`` records."""
        self._records: deque[Record] = deque(maxlen=capacity)
        self._start = time.monotonic()

    def add(self, direction: Direction, data: bytes = b"", note: str = "") -> None:
        """Remember one piece of traffic."""
        self._records.append(Record(time.monotonic() - self._start, direction, data, note))

    def __iter__(self) -> Iterator[Record]:
        """Oldest first."""
        return iter(tuple(self._records))
