"""The appliance's own time: what its buttons, its restart, its cloud and its load are measured with."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from time import monotonic


class Clock:
    """Seconds since the start. ``speed`` is simulated seconds per real second; `advance` lets more time pass.

    Work is put off with `after` and done by `run_due`, in the order of its time, with ``now`` set to that time.
    """

    def __init__(self, speed: float = 1.0, source: Callable[[], float] = monotonic) -> None:
        self.speed = speed
        self._source = source
        self._began = source()
        self._added = 0.0
        self._order = count()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._at: float | None = None
        self._changed = asyncio.Event()

    @property
    def now(self) -> float:
        """Return the present time, s; inside work that was put off, the time it was due."""
        return self._real() if self._at is None else self._at

    def _real(self) -> float:
        return (self._source() - self._began) * self.speed + self._added

    @property
    def next_due(self) -> float | None:
        """Return when the next work is due."""
        return self._waiting[0][0] if self._waiting else None

    def after(self, seconds: float, work: Callable[[], None]) -> None:
        """Do something in some seconds."""
        heapq.heappush(self._waiting, (self.now + seconds, next(self._order), work))

    def run_due(self) -> None:
        """Do everything whose time has come, also what that work puts off in its turn."""
        while self._waiting and self._waiting[0][0] <= self._real():
            self._at, _, work = heapq.heappop(self._waiting)
            try:
                work()
            finally:
                self._at = None

    def forget(self) -> None:
        """Drop all work that was put off, as a restart does."""
        self._waiting.clear()

    def advance(self, seconds: float) -> None:
        """Let time pass without waiting for it."""
        self._added += seconds
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def reached(self, moment: float) -> None:
        """Wait until the clock shows ``moment``, whether it runs or is advanced."""
        while (remaining := moment - self._real()) > 0:
            changed = self._changed
            timeout = remaining / self.speed if self.speed > 0 else None
            try:
                async with asyncio.timeout(timeout):
                    await changed.wait()
            except TimeoutError:
                continue
