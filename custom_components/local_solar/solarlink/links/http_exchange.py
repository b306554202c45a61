"""What exchanges with a device over HTTP have in common: after failures polls fail at once for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from ..errors import LinkClosedError, LinkError, SolarError
from .backoff import Backoff
from .http import HttpLink
from .turns import Priority


class HttpExchange:
    """One device over one link. Families add what they ask and how they log in."""

    failures: tuple[type[SolarError], ...] = ()
    """Errors after which polls hold off; the others say nothing about the link."""

    def __init__(
        self,
        link: HttpLink,
        *,
        first_hold_off: float,
        longest_hold_off: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is sent before the first question; the shortest and the longest hold-off are in seconds."""
        self._link, self._clock = link, clock
        self._backoff = Backoff(first_hold_off, longest_hold_off, jitter=0.1, clock=clock)

    @property
    def address(self) -> str:
        """How errors call the link."""
        return self._link.address

    @property
    def connected(self) -> bool:
        """Whether the last question was answered."""
        return self._link.connected

    @property
    def hold_off(self) -> float:
        """Seconds for which polls fail at once, because the last ones failed on the wire; 0 while all is well."""
        return self._backoff.left

    async def within[T](self, seconds: float, asking: Awaitable[T]) -> T:
        """Wait for an exchange, but not longer; raises ``LinkError``."""
        try:
            async with asyncio.timeout(seconds):
                return await asking
        except TimeoutError as err:
            raise LinkError(address=self.address, reason="no answer") from err

    def _spare(self, priority: Priority) -> None:
        """Raise the last error again when a poll would come too early."""
        if priority is Priority.POLL:
            self._backoff.check()

    @contextmanager
    def _counting(self) -> Iterator[None]:
        """Take note of whether the exchange inside goes well."""
        try:
            yield
        except LinkClosedError:
            raise
        except self.failures as err:
            self._failed()
            self._backoff.failed(err)
            raise
        self._backoff.succeeded()

    def _failed(self) -> None:
        """Forget what may not hold any more after a failure."""

    async def close(self) -> None:
        """Close the link; who still waits gets ``LinkClosedError``."""
        await self._link.close()
