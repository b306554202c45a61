"""The WebSocket of the DTU: every new sample the moment it is there, where it works (reference section 7.1)."""

import asyncio
import logging
import time
from collections.abc import Callable

import aiohttp

from ..errors import BadAnswerError
from ..links.backoff import Backoff
from ..trace import Direction, Trace
from .codec import Json, parse
from .exchange import Exchange, redact

_LOGGER = logging.getLogger(__name__)

_PATH = "/livedata"
_LARGEST = 1 << 18
"""Bytes of a message beyond which it is none of a DTU."""
DUE = 12.0
"""Seconds within which every inverter is told at least once."""


class LiveSocket:
    """Listens while somebody wants it; a refusal only means that the DTU has to be polled."""

    def __init__(
        self,
        exchange: Exchange,
        take: Callable[[Json], None],
        *,
        trace: Trace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is connected before somebody wants it; ``take`` gets every message."""
        self._exchange, self._take, self._trace, self._clock = exchange, take, trace, clock
        timing = exchange.timing
        self._backoff = Backoff(timing.socket_first, timing.socket_longest, clock=clock)
        self._until = float("-inf")
        self._task: asyncio.Task[None] | None = None
        self.connected = False
        """Whether messages come in now."""

    def want(self) -> None:
        """Somebody looks at live data: listen, and go on for a while after the last one has gone."""
        self._until = self._clock() + self._exchange.timing.tell
        if (self._task is None or self._task.done()) and not self._backoff.waiting:
            self._task = asyncio.get_running_loop().create_task(self._listen(), name="opendtu websocket")
            self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOGGER.error("The WebSocket of %s has ended", self._exchange.address, exc_info=error)

    async def _listen(self) -> None:
        """One connection, until it ends or nobody wants it any more."""
        try:
            async with asyncio.timeout(None) as patience:
                await self._messages(patience)
        except (aiohttp.ClientError, OSError, BadAnswerError) as err:
            # A silence is a TimeoutError, and that is an OSError.
            self._trace.add(Direction.NOTE, note=f"WebSocket: {type(err).__name__} {err}")
            self._backoff.failed()
        finally:
            self.connected = False

    async def _messages(self, patience: asyncio.Timeout) -> None:
        loop, silence = asyncio.get_running_loop(), self._exchange.timing.socket_silence
        patience.reschedule(loop.time() + silence)
        url = f"ws{self._exchange.address.removeprefix('http')}{_PATH}"
        headers = {name: value for name, value in self._exchange.headers.items() if name.lower() == "authorization"}
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())) as session,
            session.ws_connect(
                url, headers=headers, max_msg_size=_LARGEST, timeout=aiohttp.ClientWSTimeout(ws_close=0.5)
            ) as connection,
        ):
            async for message in connection:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                patience.reschedule(loop.time() + silence)
                body = message.data.encode()
                self._trace.add(Direction.RECEIVED, redact(body), "WebSocket")
                self._take(parse(body))
                self.connected = True
                self._backoff.succeeded()
                if self._clock() >= self._until:
                    return
        # The DTU ends all of them when its settings change.
        self._backoff.failed()

    async def close(self) -> None:
        """End the connection."""
        self._until = float("-inf")
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
