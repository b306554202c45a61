"""The messages of an Xcom-485i (reference section 13), kept so that they can be read like those of other gateways.

The Xcom-485i hands out its oldest message and forgets it, without telling when it came. Here they are kept, newest
first, with the time of the installation's clock at which they were fetched. What another master on the line has fetched
is lost to us, and what we have fetched is lost to it.
"""

import struct
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime

from .codec import GATEWAY
from .modbus_frames import Ask, Function
from .modbus_map import GATEWAY_UNIT, address_of
from .values import wall_seconds

MOST = 128
"""Messages that an Xcom-485i keeps, and that are kept here."""
_OLDEST = 1
_WORDS = 4

type AskWords = Callable[[Ask, int], Awaitable[tuple[int, ...]]]


class MessageLog:
    """Messages fetched since the client was opened."""

    def __init__(self, ask: AskWords, clock: Callable[[], Awaitable[datetime]]) -> None:
        """``ask`` carries out a request, ``clock`` reads the installation's clock."""
        self._ask = ask
        self._clock = clock
        self._messages: deque[tuple[int, int, int, int]] = deque(maxlen=MOST)
        self._total = 0

    async def pending(self, offset: int) -> int:
        """How many messages wait in the Xcom-485i; raises the errors of ``ask``."""
        (count,) = await self._ask(Ask(GATEWAY_UNIT + offset, Function.READ_INPUT, 0, 1), GATEWAY)
        return min(count, MOST)

    async def fetch(self, offset: int) -> None:
        """Take over everything that waits; raises the errors of ``ask``, and keeps what came before them."""
        if not (waiting := await self.pending(offset)):
            return
        seconds = wall_seconds(await self._clock())
        for _ in range(waiting):
            ask = Ask(GATEWAY_UNIT + offset, Function.READ_INPUT, _OLDEST, _WORDS)
            unit, number, high, low = await self._ask(ask, GATEWAY)
            self._messages.appendleft((number, address_of(unit - offset), seconds, high << 16 | low))
            self._total += 1

    def encoded(self, index: int) -> bytes | None:
        """The message of that age (0 is the newest) as SCOM sends it; ``None`` when there is none."""
        if index >= len(self._messages):
            return None
        number, source, seconds, value = self._messages[index]
        return struct.pack("<IHIII", self._total, number, source, seconds, value)
