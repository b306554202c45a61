"""Wires that we connect ourselves: on demand, one attempt at a time, and after failures less and less often."""

import asyncio
from abc import abstractmethod
from typing import override

from ..errors import LinkClosedError, LinkError
from .backoff import Backoff
from .wire import Wire


class DialWire(Wire):
    """Connects in ``open``; while it waits after a failure, ``open`` raises the last error at once."""

    def __init__(self, address: str, backoff: Backoff | None = None) -> None:
        """Nothing is connected before ``open``."""
        super().__init__(address)
        self._backoff = backoff or Backoff()
        self._opening = asyncio.Lock()

    @abstractmethod
    async def _dial(self) -> None:
        """Make one connection and attach it; may raise ``OSError``, ``ValueError`` or ``TimeoutError``."""

    @override
    async def open(self, timeout: float) -> None:
        async with self._opening:
            if self._closed:
                raise LinkClosedError(address=self.address)
            if self.connected:
                return
            self._backoff.check()
            try:
                async with asyncio.timeout(timeout):
                    await self._dial()
            except (OSError, ValueError) as err:
                reason = "no answer" if isinstance(err, TimeoutError) else getattr(err, "strerror", None) or str(err)
                failure = LinkError(address=self.address, reason=reason)
                self._backoff.failed(failure)
                raise failure from err
            self._backoff.succeeded()
