"""What was written to a device: how often its flash was worn, and what its RAM holds that cannot be read back.

The journal is plain data; the integration keeps it on disk (``as_dict``, ``from_dict``). Times are seconds since 1970.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import WriteBudgetError
from .points import Value

DAY = 86400.0
FLASH_WRITES_PER_DAY = 5
"""Flash cells of the cheapest of these devices last about 1000 writes; a person needs no more than a few a day."""


@dataclass(slots=True)
class Entry:
    """What is known of one point: ``key`` of the journal is the unit's serial number and the point's key."""

    ram_writes: int = 0
    flash_writes: int = 0
    recent_flash_writes: list[float] = field(default_factory=list)
    ram_value: Value = None
    ram_written_at: float | None = None
    stored: Value = None
    """What flash held when RAM was written; another value later means that somebody set it on the device."""
    uncertain: Value = None
    """What was sent to RAM last without an answer: it may hold now, or not."""
    uncertain_at: float | None = None


class Journal:
    """Counts writes per point, guards the daily flash budget and remembers RAM values."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        changed: Callable[[], None] | None = None,
        flash_writes_per_day: int = FLASH_WRITES_PER_DAY,
    ) -> None:
        """``changed`` is called after every change, so that the owner of the journal can save it."""
        self._entries: dict[str, Entry] = {}
        self._clock = clock
        self._changed = changed or (lambda: None)
        self._budget = flash_writes_per_day

    @staticmethod
    def _name(serial: str, key: str) -> str:
        return f"{serial}/{key}"

    def entry(self, serial: str, key: str) -> Entry:
        """What is known of that point; an empty entry if it was never written."""
        return self._entries.get(self._name(serial, key), Entry())

    def check_flash(self, serial: str, key: str, name: str, budget: int | None = None) -> None:
        """Raise ``WriteBudgetError`` when another flash write would exceed the daily budget.

        ``budget`` stands for that of the journal where a memory lasts longer than that of the cheapest device.
        """
        recent = self._recent(self.entry(serial, key))
        if len(recent) >= (self._budget if budget is None else budget):
            raise WriteBudgetError(point=name, count=len(recent))

    def _recent(self, entry: Entry) -> list[float]:
        now = self._clock()
        # A write dated in the future means that the clock was set back; it still counts.
        return [at for at in entry.recent_flash_writes if now - at < DAY]

    def wrote_flash(self, serial: str, key: str) -> None:
        """Count a flash write. It also takes effect, so a RAM value of that point is gone."""
        entry = self._entries.setdefault(self._name(serial, key), Entry())
        entry.flash_writes += 1
        entry.recent_flash_writes = [*self._recent(entry), self._clock()]
        entry.ram_value = entry.ram_written_at = None
        entry.uncertain = entry.uncertain_at = None
        self._changed()

    def since_flash(self, serial: str, key: str) -> float | None:
        """Seconds since the last flash write of that point; ``None`` when it was not written today."""
        recent = self._recent(self.entry(serial, key))
        return max(self._clock() - max(recent), 0.0) if recent else None

    def wrote_ram(self, serial: str, key: str, value: Value, stored: Value) -> None:
        """Remember what RAM holds now, and what flash holds beneath it."""
        entry = self._entries.setdefault(self._name(serial, key), Entry())
        entry.ram_writes += 1
        entry.ram_value = value
        entry.ram_written_at = self._clock()
        entry.stored = stored
        entry.uncertain = entry.uncertain_at = None
        self._changed()

    def ram_uncertain(self, serial: str, key: str, value: Value, stored: Value) -> None:
        """Remember that RAM may hold ``value``: it was sent, and nobody said whether it arrived."""
        entry = self._entries.setdefault(self._name(serial, key), Entry())
        entry.uncertain, entry.uncertain_at = value, self._clock()
        entry.stored = stored
        self._changed()

    def ram_unchanged(self, serial: str, key: str) -> None:
        """What was uncertain is known not to have arrived."""
        if entry := self._entries.get(self._name(serial, key)):
            entry.uncertain = entry.uncertain_at = None
            self._changed()

    def uncertain_for(self, serial: str, key: str) -> float | None:
        """Seconds since a write of that point got no answer; ``None`` when nothing is uncertain."""
        at = self.entry(serial, key).uncertain_at
        return None if at is None else max(self._clock() - at, 0.0)

    def ram_values(self, serial: str) -> dict[str, Entry]:
        """What RAM of that unit holds as far as we know, by key of the point."""
        prefix = f"{serial}/"
        return {
            name.removeprefix(prefix): entry
            for name, entry in self._entries.items()
            if name.startswith(prefix) and entry.ram_written_at is not None
        }

    def saw_flash(self, serial: str, key: str, stored: Value) -> Value:
        """Flash was read; return the value in force: that of RAM while flash is what it was when RAM was written."""
        entry = self._entries.get(self._name(serial, key))
        if entry is None or (entry.ram_written_at is None and entry.uncertain_at is None):
            return stored
        if entry.stored is None:
            entry.stored = stored
        elif entry.stored != stored:
            # The remote control writes flash, and that takes effect at once.
            entry.ram_value = entry.ram_written_at = None
            entry.uncertain = entry.uncertain_at = None
            self._changed()
            return stored
        return stored if entry.ram_written_at is None else entry.ram_value

    def forget_ram(self, serial: str) -> None:
        """The unit of that serial number has restarted: what its RAM held is gone."""
        for name, entry in self._entries.items():
            if name.startswith(f"{serial}/"):
                entry.ram_value = entry.ram_written_at = None
                entry.uncertain = entry.uncertain_at = None
        self._changed()

    def as_dict(self) -> dict[str, Any]:
        """The journal as JSON can hold it."""
        return {
            name: {
                "ram_writes": entry.ram_writes,
                "flash_writes": entry.flash_writes,
                "recent_flash_writes": self._recent(entry),
                "ram_value": entry.ram_value,
                "ram_written_at": entry.ram_written_at,
                "stored": entry.stored,
                "uncertain": entry.uncertain,
                "uncertain_at": entry.uncertain_at,
            }
            for name, entry in self._entries.items()
        }

    def load(self, stored: Mapping[str, Any]) -> None:
        """Take over what ``as_dict`` gave; entries of a shape we do not know are left out."""
        for name, data in stored.items():
            try:
                entry = Entry(**data)
                entry.recent_flash_writes = [float(at) for at in entry.recent_flash_writes]
                entry.ram_writes, entry.flash_writes = int(entry.ram_writes), int(entry.flash_writes)
                if entry.ram_written_at is not None:
                    entry.ram_written_at = float(entry.ram_written_at)
                if entry.uncertain_at is not None:
                    entry.uncertain_at = float(entry.uncertain_at)
            except TypeError, ValueError:
                continue
            self._entries[name] = entry
