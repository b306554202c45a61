"""Counters that only rise: what falls or leaps is a read error, unless it stays so (reference section 4)."""

from dataclasses import dataclass

from ..errors import BadAnswerError
from ..points import Ref

LARGEST_STEP = 1000.0
"""kWh that no counter rises between two reads."""
BELIEVED_AFTER = 3
"""Reads in a row that must agree before a counter is believed that has fallen or leapt."""


@dataclass(slots=True)
class _Counter:
    """One counter as it was last believed, and what was read since instead."""

    value: float
    other: float | None = None
    times: int = 0


class CounterWatch:
    """Remembers every counter for life."""

    def __init__(self) -> None:
        """Know nothing."""
        self._counters: dict[Ref, _Counter] = {}

    def doubt(self, ref: Ref, name: str, value: float) -> BadAnswerError | None:
        """Take a reading (kWh); returns why it is not believed, or nothing."""
        known = self._counters.setdefault(ref, _Counter(value))
        if 0.0 <= value - known.value <= LARGEST_STEP:
            self._counters[ref] = _Counter(value)
            return None
        steady = known.other is not None and 0.0 <= value - known.other <= LARGEST_STEP
        known.times = known.times + 1 if steady else 1
        known.other = value
        if known.times >= BELIEVED_AFTER:
            # The statistics were cleared, or the device was replaced.
            self._counters[ref] = _Counter(value)
            return None
        return BadAnswerError(device=name, reason=f"a counter cannot go from {known.value:g} to {value:g} kWh")
