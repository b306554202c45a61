"""One exchange at a time on a link to a battery: turns, time-outs, retries and when to connect anew."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from ..errors import BadAnswerError, DeviceRefusedError, LinkError, LinkLostError, NoAnswerError
from ..links.stats import LinkStats
from ..links.turns import Priority, Turns
from ..links.wire import Wire
from ..trace import Direction, Trace
from .codec import DEVICE

LARGEST_REPLY = 262144
"""Bytes; the longest log is far shorter, so what is longer is noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Waiting times in seconds (reference sections 2, 3 and 11)."""

    open: float = 10.0
    first: float = 6.0
    """Until a reply begins; some consoles take their time."""
    idle: float = 1.0
    """Between two pieces of a reply."""
    total: float = 10.0
    long_total: float = 60.0
    """For the log, which is long and stops at every page."""
    prompt: float = 0.3
    """How long the prompt may come after the end of a reply."""
    quiet: float = 0.08
    """Silence before a command, so that what was left of the last reply is not taken for the next one."""
    gap: float = 0.05
    retries: int = 2
    settle: float = 0.1
    """Between opening the line and the first byte."""
    probe: float = 1.0
    """How long a prompt is awaited."""
    probes: int = 3
    wake_probes: int = 10
    answer: float = 1.0
    """Until the whole answer on RS-485 is there."""
    bus_gap: float = 1.0
    """Between two requests on RS-485, which the battery shares with an inverter."""


class Line(ABC):
    """What console and RS-485 have in common; ``request`` and reply are the protocol's own."""

    FAILURES_UNTIL_REOPEN = 6
    FAILURES_UNTIL_TROUBLE = 12
    DAMAGED_UNTIL_TROUBLE = 10

    def __init__(
        self,
        wire: Wire,
        *,
        timing: Timing,
        stats: LinkStats,
        trace: Trace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the wire; nothing is sent before the first exchange."""
        self.wire = wire
        self.timing = timing
        self.connection = 0
        """Number of the present connection."""
        self.failures = 0
        """Exchanges in a row that brought no good reply."""
        self.damaged = 0
        """Replies in a row that were damaged beyond use."""
        self._stats, self._trace, self._clock = stats, trace, clock
        self._turns = Turns()
        self._buffer = bytearray()
        self._arrived = asyncio.Event()
        self._lost: LinkError | None = None
        self._ended = self._heard = -1e9
        wire.user = self

    # What the wire tells

    def wire_up(self, peer: str) -> None:
        """A new connection: half a reply of the old one is worth nothing."""
        self._buffer.clear()
        self._lost = None
        self.connection += 1
        self._stats.connects += 1
        self._trace.add(Direction.NOTE, note=f"connected: {peer}")

    def wire_data(self, data: bytes) -> None:
        """Keep what has come for whoever awaits it."""
        self._trace.add(Direction.RECEIVED, data)
        self._heard = self._clock()
        self._buffer += data
        if len(self._buffer) > LARGEST_REPLY:
            self._stats.dropped_bytes += len(self._buffer)
            self._buffer.clear()
        self._arrived.set()

    def wire_down(self, error: LinkError) -> None:
        """The connection is gone, and with it the awaited reply."""
        self._trace.add(Direction.NOTE, note="disconnected")
        self._lost = error
        self._arrived.set()

    async def _more(self, seconds: float) -> None:
        """Wait for more bytes; raises ``TimeoutError``, and ``LinkError`` when the connection breaks."""
        if self._lost is None:
            self._arrived.clear()
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        if self._lost is not None:
            raise self._lost.with_traceback(None)

    def _send(self, data: bytes) -> None:
        self.wire.send(data)
        self._trace.add(Direction.SENT, data)

    async def _silence(self, quiet: float) -> None:
        """Let what still comes go by, until nothing has come for ``quiet`` seconds."""
        limit = self._clock() + self.timing.total
        with suppress(TimeoutError):
            while (left := self._heard + quiet - self._clock()) > 0 and self._clock() < limit:
                await self._more(left)
        self._drop_rest()

    def _drop_rest(self) -> None:
        self._buffer.clear()

    async def _rest(self, gap: float) -> None:
        await asyncio.sleep(max(0.0, self._ended + gap - self._clock()))

    # Asking

    async def open(self, timeout: float | None = None) -> None:
        """Wait until the wire stands; raises ``LinkError``."""
        await self.wire.open(self.timing.open if timeout is None else timeout)

    @abstractmethod
    async def _begin(self) -> None:
        """Make ready to ask, on a new connection or after trouble; called with the line in hand."""

    async def _carry_out[T](
        self, exchange: Callable[[], Awaitable[T]], priority: Priority, retries: int | None = None
    ) -> T:
        """Do one exchange in its turn, and again after silence, damage or a lost connection.

        Raises ``NoAnswerError``, ``BadAnswerError``, ``DeviceRefusedError``, ``HighVoltageStackError`` and
        ``LinkError``.
        """
        left = self.timing.retries if retries is None else retries
        while True:
            begun = False
            try:
                # The connection is awaited outside the turn: a person must not queue behind somebody's waiting.
                await self.open()
                async with self._turns.turn(priority):
                    await self._begin()
                    begun = True
                    result = await self._timed(exchange)
            except DeviceRefusedError:
                self._stats.refusals += 1
                self.failures = self.damaged = 0
                raise
            except (NoAnswerError, BadAnswerError, LinkLostError) as err:
                self._stats.last_error = str(err)
                self.damaged += isinstance(err, BadAnswerError)
                # A line on which nobody answers at all has been tried often enough.
                if left and (begun or isinstance(err, LinkLostError)):
                    left -= 1
                    self._stats.retries += 1
                    continue
                if not isinstance(err, LinkLostError):
                    self._note_failure()
                raise
            except LinkError as err:
                self._stats.last_error = str(err)
                raise
            self.failures = self.damaged = 0
            return result

    async def _timed[T](self, exchange: Callable[[], Awaitable[T]]) -> T:
        self._stats.exchanges += 1
        started = self._clock()
        try:
            result = await exchange()
        except NoAnswerError:
            self._stats.time_outs += 1
            raise
        finally:
            self._ended = self._clock()
        self._stats.answered(self._ended - started)
        return result

    def _note_failure(self) -> None:
        self.failures += 1
        if self.failures % self.FAILURES_UNTIL_REOPEN == 0:
            # The port may be stuck; a new connection also begins with looking for the prompt.
            self.wire.drop()

    def _silent(self, seconds: float) -> NoAnswerError:
        return NoAnswerError(device=DEVICE, seconds=seconds)

    @property
    def connected(self) -> bool:
        """Whether the wire stands."""
        return self.wire.connected

    @property
    def address(self) -> str:
        """How errors call the wire."""
        return self.wire.address

    async def close(self) -> None:
        """Close the wire; who still waits gets ``LinkClosedError``."""
        await self.wire.close()
