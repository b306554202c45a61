"""What is kept an eye on between reads: settings that the vendor's cloud takes back, and an appliance in distress.

Pure: the caller brings the clock (monotonic seconds).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from .address import Field
from .codec import Answer, Missing
from .states import NO_SERVER_CONNECTION
from .values import find
from .writing import Changes, holds

WATCHED_FOR = 600.0
"""Seconds for which a written setting is compared with what is read; the cloud needs 3 to 5 minutes (section 11.3)."""
OVERLOADED_AFTER = 900.0
"""Seconds of "no server connection" after which it is no passing trouble (section 5)."""
SLOW_ENOUGH = 30.0
"""Seconds between polls from which it is not our doing."""


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody else changed what was written: on which unit, which point."""

    unit: str
    key: str


@dataclass(slots=True)
class _Written:
    changes: Changes
    until: float
    solar: Field | None
    """The field that, while not zero, lets the appliance change the setting by itself."""


@dataclass(slots=True)
class OverrideWatch:
    """Compares what was written with what is read later."""

    _written: dict[tuple[str, str], _Written] = field(default_factory=dict)

    def wrote(self, unit: str, key: str, changes: Changes, now: float, solar: Field | None = None) -> None:
        """A setting was written and read back."""
        self._written[unit, key] = _Written(changes, now + WATCHED_FOR, solar)

    def look(self, answer: Answer, now: float) -> list[Override]:
        """What has been changed by somebody else; each is told once."""
        overridden = []
        for (unit, key), written in list(self._written.items()):
            if now >= written.until:
                del self._written[unit, key]
                continue
            known = {
                where: number
                for where, number in written.changes.items()
                if not isinstance(find(answer, where), Missing | list)
            }
            if written.solar is not None and find(answer, written.solar) != 0:
                # The appliance moves the current by itself while it charges from the sun.
                continue
            if not holds(known, answer):
                del self._written[unit, key]
                overridden.append(Override(unit, key))
        return overridden

    def fields(self) -> Iterator[Field]:
        """What has to be read to notice."""
        for written in self._written.values():
            yield from written.changes
            if written.solar is not None:
                yield written.solar


@dataclass(slots=True)
class LoadWatch:
    """Notices an appliance that has lost its server for long while it is asked often."""

    _since: float | None = None
    _polled: float | None = None
    _spacing: float = SLOW_ENOUGH

    def look(self, code: float | None, now: float) -> bool | None:
        """Whether it is overloaded; ``None`` when this answer says nothing about it."""
        if self._polled is not None:
            self._spacing = now - self._polled
        self._polled = now
        if code is None:
            return None
        if code != NO_SERVER_CONNECTION:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        return now - self._since >= OVERLOADED_AFTER and self._spacing < SLOW_ENOUGH

    @property
    def spacing(self) -> float:
        """Seconds between the last two polls."""
        return self._spacing
