"""Which modules are there now: one look may be wrong, several are believed (reference section 7)."""

from collections.abc import Iterable

ABSENT_AFTER = 2
"""Looks in a row without a module after which it is believed to be away."""


class Presence:
    """Counts, per slot, how often in a row a module was missed and how often a strange one was seen."""

    def __init__(self, slots: Iterable[int], away: Iterable[int] = ()) -> None:
        """These modules are expected, and believed to be there but for those that are ``away``."""
        self._missed = dict.fromkeys(slots, 0) | dict.fromkeys(away, ABSENT_AFTER)
        self._strange: dict[int, int] = {}

    def saw(self, slot: int) -> bool:
        """A module is there; true when it had been away."""
        if slot not in self._missed:
            self._strange[slot] = self._strange.get(slot, 0) + 1
            return False
        back = self.away(slot)
        self._missed[slot] = 0
        return back

    def missed(self, slot: int) -> bool:
        """A module is not there; true when it is believed to be away from now on."""
        if slot not in self._missed:
            return False
        self._missed[slot] += 1
        return self._missed[slot] == ABSENT_AFTER

    def away(self, slot: int) -> bool:
        """Whether the module is believed to be away."""
        return self._missed.get(slot, 0) >= ABSENT_AFTER

    def doubtful(self, slot: int) -> bool:
        """Whether the module was missed, but not often enough to be believed to be away."""
        return 0 < self._missed.get(slot, 0) < ABSENT_AFTER

    @property
    def slots(self) -> list[int]:
        """The slots of the modules that are there, or may be."""
        return [slot for slot in self._missed if not self.away(slot)]

    @property
    def lost(self) -> list[int]:
        """The slots of the modules that are away."""
        return [slot for slot in self._missed if self.away(slot)]

    @property
    def strangers(self) -> list[int]:
        """The slots in which a module that nobody knows has been seen more than once."""
        return [slot for slot, seen in self._strange.items() if seen >= ABSENT_AFTER]

    def forget_strangers(self) -> None:
        """Count strange modules anew."""
        self._strange.clear()
