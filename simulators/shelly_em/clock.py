"""The house's time as the meter's processor counts it, finer than the house's steps, and the work that it does then."""

import asyncio
import heapq
from collections.abc import Callable
from datetime import UTC
from itertools import count

from ..house import House

LONGEST_SLEEP = 0.5
"""Real seconds after which the clock looks again, so that work put off meanwhile and a changed speed count."""


class HouseClock:
    """Seconds of the house's time, as Unix time.

    Work is put off with `after` and done by the house's steps and by `catch_up`, in the order of its time, with ``now``
    set to that time.
    """

    def __init__(self, house: House) -> None:
        self.house = house
        self._order = count()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._at: float | None = None
        self._stepping = False
        self._stepped = asyncio.Event()
        self._end = house.watch(self._step, fine=True)

    @property
    def now(self) -> float:
        """Return the present time, s; inside work that was put off, the time it was due."""
        return self._house_time() if self._at is None else self._at

    def _house_time(self) -> float:
        at = self.house.now.replace(tzinfo=UTC).timestamp()
        # While the house steps, what it has still to catch up with lies ahead of the step.
        return at if self._stepping else at + self.house.pending

    def after(self, seconds: float, work: Callable[[], None]) -> None:
        """Do something in some seconds."""
        heapq.heappush(self._waiting, (self.now + seconds, next(self._order), work))

    def forget(self) -> None:
        """Drop all work that was put off, as a restart does."""
        self._waiting.clear()

    def catch_up(self) -> None:
        """Let the house come up to the present, and do everything whose time has come."""
        self.house.catch_up()
        self._run_due()

    def advance(self, seconds: float) -> None:
        """Let the house's time pass without waiting for it."""
        self.house.advance(seconds)
        self._run_due()
        self._wake()

    def _step(self) -> None:
        self._stepping = True
        try:
            self._run_due()
        finally:
            self._stepping = False
        self._wake()

    def _wake(self) -> None:
        stepped, self._stepped = self._stepped, asyncio.Event()
        stepped.set()

    def _run_due(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._house_time():
            self._at, _, work = heapq.heappop(self._waiting)
            try:
                work()
            finally:
                self._at = None

    async def run(self) -> None:
        """Do the work at its time while the house's time runs, until cancelled."""
        while True:
            self.catch_up()
            seconds = LONGEST_SLEEP
            if self.house.speed > 0 and self._waiting:
                seconds = min(seconds, max(0.001, (self._waiting[0][0] - self._house_time()) / self.house.speed))
            await asyncio.sleep(seconds)

    async def reached(self, moment: float) -> None:
        """Wait for a moment of the house's time; where that stands, as long in real time unless it is advanced."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (moment - self._house_time()) / (self.house.speed or 1.0)
        while self._house_time() < moment and loop.time() < deadline:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._stepped.wait()
            except TimeoutError:
                return

    def close(self) -> None:
        """Look at the house no more."""
        self._end()
