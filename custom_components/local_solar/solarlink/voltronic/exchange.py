"""Requests and replies on one line: one at a time, flushed before, matched by shape (reference sections 3.5 and 4)."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from ..errors import BadAnswerError, LinkError, LinkLostError, NoAnswerError, NotSupportedError, SolarError
from ..links.stats import LinkStats
from ..links.turns import Priority, Turns
from ..links.wire import Wire
from ..trace import Direction, Trace
from .codec import Checksum, Frame, FrameReader, ambiguous, byte_sum, encode

DEVICE = "The inverter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Waiting times in seconds (reference section 4)."""

    reply: float = 2.0
    slow_reply: float = 3.0
    """For the long replies."""
    first_reply: float = 5.0
    """For the first reply on a new connection."""
    retries: int = 2
    retry_wait: float = 0.3
    gap: float = 0.1
    """Between the end of a reply and the next request."""
    damaged: float = 0.15
    """How long a line with a wrong checksum may still turn out to go on."""
    settle: float = 0.2
    """Between opening the line and the first request."""
    open: float = 10.0
    read_back: tuple[float, ...] = (0.5, 1.5, 3.0)
    """When a setting is read back after it was accepted."""
    between_writes: float = 5.0
    """Between two writes of the same setting."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its text, how it ends on the wire, and how its reply is awaited."""

    text: str
    form: Checksum | None = None
    """Which checksum it is sent with; ``None`` for the one that the unit prefers."""
    bare: bool = False
    """Without a checksum, as the older dialects have it."""
    summed: bool = False
    """With a one-byte sum instead of a checksum (section 3.4)."""
    sum_in_reply: bool = False
    """Whether the reply may end with a one-byte sum and LF."""
    slow: bool = False
    brief: bool = False
    """Whether half the time is enough, because silence is how some units say that they do not know the word."""

    def encode(self) -> bytes:
        """The bytes of the request; its text is plain ASCII."""
        data = self.text.encode("ascii")
        if self.bare:
            return data + b"\r"
        if self.summed:
            return data + bytes([byte_sum(data)]) + b"\r"
        return encode(self.text, self.form or Checksum.VENDOR)

    @property
    def other_form(self) -> Request:
        """The same request with the other legal checksum."""
        other = Checksum.VENDOR if self.form is Checksum.ZERO_BUMPED else Checksum.ZERO_BUMPED
        return replace(self, form=other)


@dataclass(slots=True)
class _Pending:
    """A request whose reply is awaited."""

    request: Request
    take: Callable[[Frame], None]
    """Takes a frame, or raises ``BadAnswerError`` when it is no reply to this request."""
    done: asyncio.Future[None]
    known: bool
    """Whether the unit has answered it before, so that another reply must be another program's."""
    misfit: BadAnswerError | None = None


class Exchange:
    """Sends requests over a wire and finds the replies among what comes back."""

    FOREIGN_MANY = 5
    FOREIGN_WINDOW = 120.0
    """So many good frames of the wrong shape in so many seconds mean that somebody else is asking."""
    FAILURES_UNTIL_REOPEN = 3
    FAILURES_UNTIL_TROUBLE = 10
    REFUSALS_UNTIL_TROUBLE = 5

    def __init__(
        self,
        wire: Wire,
        *,
        timing: Timing,
        stats: LinkStats,
        trace: Trace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the wire; nothing is sent before ``ask``."""
        self.wire = wire
        self.timing = timing
        self.check_peer: Callable[[], Awaitable[None]] | None = None
        """Called with the line in hand before the first request on a new connection; raises ``WrongDeviceError``."""
        self.preferred_form = Checksum.VENDOR
        """The form that is tried first of a request whose checksum contains 00."""
        self.refusals = 0
        """Refusals in a row of requests that the unit is known to understand."""
        self.failures = 0
        """Requests in a row that got no good reply."""
        self._stats, self._trace, self._clock = stats, trace, clock
        self._turns = Turns()
        self._reader = FrameReader()
        self._pending: _Pending | None = None
        self._late: Callable[[Frame], None] | None = None
        self._giving_up: asyncio.TimerHandle | None = None
        self._connection = self._checked_connection = 0
        self._first = True
        self._ended = -1e9
        self._foreign: deque[float] = deque(maxlen=self.FOREIGN_MANY)
        wire.user = self

    # What the wire tells

    def wire_up(self, peer: str) -> None:
        """A new connection: half a reply of the old one is worth nothing."""
        self._reader.give_up()
        self._connection += 1
        self._stats.connects += 1
        self._trace.add(Direction.NOTE, note=f"connected: {peer}")

    def wire_data(self, data: bytes) -> None:
        """Look for the awaited reply."""
        self._trace.add(Direction.RECEIVED, data)
        for frame in self._reader.feed(data):
            self._take(frame)
        self._stats.dropped_bytes = self._reader.dropped
        self._cancel_giving_up()
        if self._reader.damaged and self._pending is not None:
            self._giving_up = asyncio.get_running_loop().call_later(self.timing.damaged, self._give_up)

    def wire_down(self, error: LinkError) -> None:
        """The connection is gone, and with it the awaited reply."""
        self._trace.add(Direction.NOTE, note="disconnected")
        self._fail(error)

    def _take(self, frame: Frame) -> None:
        pending = self._pending
        if pending is None or pending.done.done():
            self._stray(frame)
            return
        if frame.start + frame.payload == pending.request.text:
            # An echo; the reply may still follow.
            return
        try:
            pending.take(frame)
        except BadAnswerError as err:
            pending.misfit = err
            if pending.known:
                self._stray(frame)
            return
        except SolarError as err:
            pending.done.set_exception(err)
            return
        pending.done.set_result(None)

    def _stray(self, frame: Frame) -> None:
        """A good frame that nobody asked for: late, of before, or for another program on the port."""
        if self._late is not None:
            late, self._late = self._late, None
            with suppress(SolarError):
                late(frame)
                return
        self._stats.foreign += 1
        self._foreign.append(self._clock())

    def _give_up(self) -> None:
        lost = self._reader.give_up()
        self._stats.dropped_bytes = self._reader.dropped
        self._fail(BadAnswerError(device=DEVICE, reason=f"wrong checksum in {len(lost)} bytes"))

    def _cancel_giving_up(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

    def _fail(self, error: SolarError) -> None:
        if self._pending is not None and not self._pending.done.done():
            self._pending.done.set_exception(error)

    # Asking

    @property
    def other_program(self) -> bool:
        """Whether somebody else seems to use the port: too many good frames that are no replies to us."""
        return len(self._foreign) == self.FOREIGN_MANY and self._clock() - self._foreign[0] < self.FOREIGN_WINDOW

    async def open(self, timeout: float | None = None) -> None:
        """Wait until the wire stands; raises ``LinkError``."""
        await self.wire.open(self.timing.open if timeout is None else timeout)

    async def ask[T](
        self,
        request: Request,
        read: Callable[[Frame], T],
        priority: Priority = Priority.POLL,
        *,
        retries: int | None = None,
        known: bool = True,
    ) -> T:
        """Send a request and return what ``read`` makes of its reply.

        ``read`` raises ``BadAnswerError`` for a frame that is no reply to this request; then the reply is still
        awaited. ``retries`` bounds how often silence, a wrong checksum or a lost connection is met with the same
        request again; a set command passes 0. ``known`` says that this unit has answered the request before, so that
        silence and refusals mean trouble. Raises ``NotSupportedError`` for a refusal, ``NoAnswerError``,
        ``BadAnswerError``, ``LinkError`` and ``WrongDeviceError``.
        """
        left = self.timing.retries if retries is None else retries
        if request.form is None:
            request = replace(request, form=self.preferred_form)
        while True:
            try:
                result = await self._ask_once(request, read, priority, known)
            except NotSupportedError:
                self._stats.refusals += 1
                self.failures = 0
                if known:
                    self.refusals += 1
                raise
            except (NoAnswerError, BadAnswerError, LinkLostError) as err:
                self._stats.last_error = str(err)
                if left:
                    left -= 1
                    self._stats.retries += 1
                    request = request.other_form if ambiguous(request.text) else request
                    await asyncio.sleep(self.timing.retry_wait)
                    continue
                if known and not isinstance(err, LinkLostError):
                    self._note_failure()
                raise
            except LinkError as err:
                self._stats.last_error = str(err)
                raise
            self.failures = self.refusals = 0
            if ambiguous(request.text) and request.form is not None:
                self.preferred_form = request.form
            return result

    def _note_failure(self) -> None:
        self.failures += 1
        if self.failures % self.FAILURES_UNTIL_REOPEN == 0:
            # The line may be half open, or the port stuck.
            self.wire.drop()

    async def _ask_once[T](self, request: Request, read: Callable[[Frame], T], priority: Priority, known: bool) -> T:
        # The connection is awaited outside the turn: a person's write must not queue behind somebody's waiting.
        await self.open()
        async with self._turns.turn(priority):
            await self._check_connection()
            return await self.ask_now(request, read, known=known)

    async def _check_connection(self) -> None:
        if self._checked_connection == (connection := self._connection):
            return
        self._first = True
        await asyncio.sleep(self.timing.settle)
        if self.check_peer:
            await self.check_peer()
        self._checked_connection = connection

    async def ask_now[T](self, request: Request, read: Callable[[Frame], T], *, known: bool = True) -> T:
        """Ask once, for callers that hold the turn."""
        await asyncio.sleep(max(0.0, self._ended + self.timing.gap - self._clock()))
        results: list[T] = []

        def take(frame: Frame) -> None:
            if frame.refuses:
                raise NotSupportedError(
                    device=DEVICE, code=frame.text, reason=f"it does not know {request.text}, or not now"
                )
            results.append(read(frame))

        # What has come since the last reply is of no use to this request.
        self._reader.give_up()
        self._reader.sums = request.summed or request.sum_in_reply
        pending = self._pending = _Pending(request, take, asyncio.get_running_loop().create_future(), known)
        seconds = self.timing.slow_reply if request.slow else self.timing.reply
        seconds = seconds / 2 if request.brief else seconds
        if self._first:
            seconds, self._first = max(seconds, self.timing.first_reply), False
        self._stats.exchanges += 1
        started = self._clock()
        data = request.encode()
        try:
            self.wire.send(data)
            self._trace.add(Direction.SENT, data)
            async with asyncio.timeout(seconds):
                await pending.done
        except TimeoutError as err:
            self._stats.time_outs += 1
            self._late = take
            if pending.misfit is not None:
                raise pending.misfit from None
            raise NoAnswerError(device=DEVICE, seconds=seconds) from err
        finally:
            self._pending = None
            self._cancel_giving_up()
            self._ended = self._clock()
        self._late = None
        self._stats.answered(self._ended - started)
        return results[0]

    def disown_peer(self) -> None:
        """The unit at the other end is not ours."""
        self.wire.disown()

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
