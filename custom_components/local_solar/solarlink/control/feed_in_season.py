"""A discharge floor that follows the seasons: high in winter, low in summer (reference section 9.3).

It learns from the peaks of the state of charge how full the battery gets. A battery that gets full every day may be
discharged deeply; one that does not keeps a reserve.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from .feed_in_terms import check_range, known, saved_number

LOWEST_PEAK = 74
"""The peak to begin with, and the lowest one."""
FULL = 99
"""A peak from here on counts as full, %."""
FULL_PEAK = 110
"""The peak after the battery was full: it takes eleven days below before the floor rises."""
FLOOR_AND_PEAK = 108
"""Floor and peak together, %."""
HIGHEST_BELIEVED = 110.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonState:
    """What is remembered of the peaks. Raises ``ValueError``."""

    peak: int = LOWEST_PEAK
    """F: how full the battery gets, 74 to 110."""
    last: int | None = None
    """The last state of charge, whole %."""
    rising: bool = True

    def __post_init__(self) -> None:
        """Refuse a peak that the rule never gives."""
        check_range("peak", self.peak, LOWEST_PEAK, FULL_PEAK)

    @property
    def floor(self) -> int:
        """State of charge down to which the battery is discharged: 34 (winter) to 9 % (summer)."""
        return FLOOR_AND_PEAK - min(self.peak, FULL)

    @property
    def full(self) -> bool:
        """Whether the battery gets full these days."""
        return self.peak >= FULL

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        return {"peak": self.peak, "last": self.last, "rising": self.rising}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Take back what ``as_dict`` gave; what is missing or damaged gets its default."""
        peak, last = saved_number(saved.get("peak")), saved_number(saved.get("last"))
        believed = last is not None and 0.0 <= last <= HIGHEST_BELIEVED
        return cls(
            peak=LOWEST_PEAK if peak is None else min(FULL_PEAK, max(LOWEST_PEAK, int(peak))),
            last=int(last) if believed and last is not None else None,
            rising=saved.get("rising") is not False,
        )


def step(state: SeasonState, soc: float | None) -> SeasonState:
    """Take in a state of charge, %.

    One with decimals counts only when it has moved by a whole per cent, because each turn from rising to falling is
    a peak and noise must not make any.
    """
    value = known(soc)
    if value is None or not 0.0 <= value <= HIGHEST_BELIEVED:
        return state
    if state.last is None:
        return replace(state, last=int(value))
    if value >= state.last + 1:
        return replace(state, last=math.floor(value), rising=True)
    if value > state.last - 1:
        return state
    peak = _after_peak(state.peak, state.last) if state.rising else state.peak
    return replace(state, peak=peak, last=math.ceil(value), rising=False)


def _after_peak(peak: int, seen: int) -> int:
    if seen >= FULL:
        return FULL_PEAK
    if seen > peak:
        return peak + (seen - peak + 1) // 2
    return max(LOWEST_PEAK, peak - 1) if seen < peak else peak
