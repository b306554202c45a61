"""What to read next: demand and pace in, due reads out. Pure: the caller brings the clock.

A point is due when its own period, less a tenth, has passed since it was last tried: a timer that fires a little early
must not cost a point a whole cycle.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .client import Report
from .errors import DeviceAbsentError, NotSupportedError
from .points import Pace, Point, Ref

MINUTE = 60.0
SLOW = 300.0
STALE_AFTER = 3.0
"""Periods without a reading after which a value is no longer shown."""
SOONER = 0.1
"""Share of its period by which a point may be read early."""
FINAL_RETRY = 3600.0
"""Seconds until a point that the device said it does not have is tried again (new firmware)."""


@dataclass(slots=True)
class _State:
    tried: float = -math.inf
    read: float = -math.inf
    pardon: float = 0.0
    """Seconds to leave the point alone after the device said that it does not have it."""
    expired: bool = False


class Planner:
    """Keeps, per demanded point, when it was tried and read, and tells what is due.

    ``interval`` is the period of live points in seconds; slower paces never run faster than it.
    """

    def __init__(self, interval: float) -> None:
        """Start with no demand."""
        self.interval = interval
        self._demand: dict[Ref, Point[Any]] = {}
        self._states: dict[Ref, _State] = {}

    def period(self, pace: Pace) -> float:
        """Seconds between two reads of that pace; infinite for what is read once."""
        match pace:
            case Pace.LIVE:
                return self.interval
            case Pace.MINUTE:
                return max(MINUTE, self.interval)
            case Pace.SLOW:
                return max(SLOW, self.interval)
            case Pace.ONCE:
                return math.inf

    def demand(self, points: Mapping[Ref, Point[Any]]) -> None:
        """Set what somebody looks at now; what is known of points that stay is kept."""
        self._demand = dict(points)
        self._states = {ref: self._states.get(ref, _State()) for ref in points}

    def due(self, now: float, group: Callable[[Ref], Hashable]) -> list[Ref]:
        """The refs to read now. ``group`` names the exchange in which a ref travels: equal group, same exchange.

        Live and minute points are never held back. Slow ones that have been read before are spread: each cycle takes
        only the share of their exchanges that keeps all of them within their period, the most overdue first.
        """
        now_due: list[Ref] = []
        slow: list[tuple[float, Ref]] = []
        slow_groups: set[Hashable] = set()
        for ref, point in self._demand.items():
            state = self._states[ref]
            spread = point.pace is Pace.SLOW and state.read != -math.inf and not state.expired
            if spread:
                slow_groups.add(group(ref))
            if now - state.tried < self._wait(point, state):
                continue
            if spread:
                slow.append((state.tried, ref))
            else:
                now_due.append(ref)
        taken = {group(ref) for ref in now_due}
        room = math.ceil(len(slow_groups) * self.interval / self.period(Pace.SLOW))
        for _, ref in sorted(slow, key=lambda item: item[0]):
            if group(ref) not in taken:
                if room == 0:
                    continue
                room -= 1
                taken.add(group(ref))
            now_due.append(ref)
        return now_due

    def _wait(self, point: Point[Any], state: _State) -> float:
        """Seconds between the last try and the next one."""
        if state.expired:
            return 0.0
        if state.pardon:
            return state.pardon
        if state.read == -math.inf:
            return 0.0
        return self.period(point.pace) * (1.0 - SOONER)

    def mark(self, report: Report, now: float) -> None:
        """Take note of what a read brought."""
        for ref in report.readings:
            if state := self._states.get(ref):
                state.tried = state.read = now
                state.pardon, state.expired = 0.0, False
        for ref, error in report.failed.items():
            if state := self._states.get(ref):
                state.tried = now
                state.expired = False
                match error:
                    case NotSupportedError():
                        state.pardon = FINAL_RETRY
                    case DeviceAbsentError():
                        state.pardon = SLOW
                    case _:
                        state.pardon = 0.0

    def expire(self, refs: Iterable[Ref]) -> None:
        """Make these due at once: something changed them."""
        for ref in refs:
            if state := self._states.get(ref):
                state.expired = True

    def fresh(self, ref: Ref, now: float) -> bool:
        """Whether the last reading of ``ref`` is younger than three of its periods."""
        state, point = self._states.get(ref), self._demand.get(ref)
        if state is None or point is None or state.read == -math.inf:
            return False
        return now - state.read <= STALE_AFTER * self.period(point.pace)
