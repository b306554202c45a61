"""Questions and answers with a Studer gateway: one at a time, strictly matched, repeated only where that can help."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from ..errors import (
    DeviceAbsentError,
    DeviceBusyError,
    DeviceRefusedError,
    LinkError,
    LinkLostError,
    NoAnswerError,
    NotSupportedError,
)
from ..links.stats import LinkStats
from ..links.turns import Priority, Turns
from ..links.wire import Wire
from ..trace import Direction, Trace
from .codec import (
    GATEWAY,
    OUR_ADDRESS,
    Code,
    FrameReader,
    Message,
    ObjectType,
    Property,
    Request,
    Service,
    code_name,
    read_request,
)
from .traffic import Traffic

DISTINCTIVE = range(4001, 4017)
"""Source addresses that nobody else on the line uses: the portal and all known programs send as 1. No document says
that a gateway must answer them, so ``OUR_ADDRESS`` remains for one that does not (reference section 3.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Waiting times in seconds. A gateway may take 2 s for an answer; around midnight it is busy for longer."""

    answer: float = 3.0
    retries: int = 2
    busy: float = 5.0
    open: float = 10.0
    longest_run: float = 5.0
    """Polls that follow each other without a gap for that long leave the line to the portal for a moment."""
    rest: float = 1.0
    """How long that moment is (reference section 8)."""
    patrol: float = 300.0
    """Between two looks at something that hardly ever changes: who is there, which watchdogs are on."""
    feeds: float = 3.0
    """How often a watchdog is fed within its delay: room for two writes that are lost."""
    glance: float = 60.0
    """Between two looks at units that have stopped."""


_RETRY_ONCE = {Code.INVALID_FRAME, Code.RESPONSE_TIMEOUT, Code.WRITE_PROPERTY_FAILED, Code.READ_PROPERTY_FAILED}
_NOT_SUPPORTED = {
    Code.SERVICE_NOT_SUPPORTED,
    Code.TYPE_NOT_SUPPORTED,
    Code.OBJECT_ID_NOT_FOUND,
    Code.PROPERTY_NOT_SUPPORTED,
    Code.OBJECT_NOT_SUPPORTED,
}


def refusal(address: int, code: int) -> DeviceRefusedError:
    """The error that an error answer stands for."""
    kind: type[DeviceRefusedError] = DeviceRefusedError
    if code == Code.DEVICE_NOT_FOUND:
        kind = DeviceAbsentError
    elif code == Code.GATEWAY_BUSY:
        kind = DeviceBusyError
    elif code in _NOT_SUPPORTED:
        kind = NotSupportedError
    return kind(device=f"Studer device {address}", code=code, reason=code_name(code))


class Exchange:
    """Sends requests over a wire and finds the answers among what comes back."""

    def __init__(self, wire: Wire, *, timing: Timing, stats: LinkStats, trace: Trace) -> None:
        """Take the wire; nothing is sent before ``ask``."""
        self.timing = timing
        self.check_peer: Callable[[], Awaitable[None]] | None = None
        """Called with the line in hand before the first question on a new connection; raises ``WrongDeviceError``."""
        self.flags = 0
        """Frame flags of the last answer seen, ours or another's: the gateway's status bits."""
        self.source: int | None = None
        """The address that we send from; ``None`` until a gateway has answered one."""
        self.last_sent = -math.inf
        """When the last request left, in seconds of the monotonic clock."""
        self.traffic = Traffic()
        self._wire = wire
        self._stats = stats
        self._trace = trace
        self._turns = Turns()
        self._reader = FrameReader()
        self._pending: tuple[Request, asyncio.Future[Message]] | None = None
        self._connection = 0
        self._checked_connection = 0
        self._last_poll = -math.inf
        self._run_began = -math.inf
        self._unanswered: dict[tuple[int, int, int, int], float] = {}
        """Writes whose confirmation may still come, and until when; only kept while we share one address with all."""
        wire.user = self

    def wire_up(self, peer: str) -> None:
        """A new connection: half a frame of the old one is worth nothing."""
        self._reader.reset()
        self._connection += 1
        self._stats.connects += 1
        self._trace.add(Direction.NOTE, note=f"connected: {peer}")

    def wire_data(self, data: bytes) -> None:
        """Look for the awaited answer; everything else on a shared line is counted and left alone."""
        self._trace.add(Direction.RECEIVED, data)
        frames = self._reader.feed(data)
        for frame in frames:
            request, future = self._pending or (None, None)
            answer = request.accepts(frame) if request else None
            if (any_answer := answer or Message.decode(frame.data)) is not None and any_answer.is_answer:
                # The bits are those of the whole gateway, whoever had asked.
                self.flags = frame.flags
                self.traffic.saw(frame, any_answer, ours=answer is not None)
            if answer is None or future is None or future.done():
                self._stats.foreign += 1
                continue
            future.set_result(answer)
        if not frames:
            self.traffic.saw_bytes()
        self._stats.dropped_bytes = self._reader.dropped

    def wire_down(self, error: LinkError) -> None:
        """The connection is gone, and with it the awaited answer."""
        self._trace.add(Direction.NOTE, note="disconnected")
        if self._pending and not self._pending[1].done():
            self._pending[1].set_exception(error)

    async def open(self, timeout: float | None = None) -> None:
        """Wait until the wire stands; raises ``LinkError``."""
        await self._wire.open(self.timing.open if timeout is None else timeout)

    async def ask(
        self,
        request: Request,
        priority: Priority = Priority.POLL,
        *,
        retries: int | None = None,
        suspect_link: bool = True,
    ) -> Message:
        """Ask and return the good answer.

        ``retries`` bounds how often silence or a lost connection is met with the same question again; a write passes 0.
        After the last silence the connection is cut, because it may be half open, unless ``suspect_link`` is false.
        Raises ``NoAnswerError``, ``LinkError``, ``WrongDeviceError`` and ``DeviceRefusedError`` with its kinds.
        """
        left = self.timing.retries if retries is None else retries
        while True:
            try:
                return await self._ask_once(request, priority)
            except (NoAnswerError, LinkLostError) as err:
                self._stats.last_error = str(err)
                if not left:
                    if suspect_link and isinstance(err, NoAnswerError):
                        self._wire.drop()
                    raise
                left -= 1
            except DeviceRefusedError as err:
                self._stats.refusals += 1
                if not left or (err.code not in _RETRY_ONCE and err.code != Code.GATEWAY_BUSY):
                    raise
                left = 0
                if err.code == Code.GATEWAY_BUSY:
                    await asyncio.sleep(self.timing.busy)
            except LinkError as err:
                self._stats.last_error = str(err)
                raise
            self._stats.retries += 1

    async def _ask_once(self, request: Request, priority: Priority) -> Message:
        # The connection is awaited outside the turn: a person's write must not queue behind somebody's waiting.
        await self.open()
        if priority is Priority.POLL:
            await self._leave_room()
        async with self._turns.turn(priority):
            await self._check_connection()
            try:
                return await self.ask_now(request)
            finally:
                if priority is Priority.POLL:
                    self._last_poll = time.monotonic()

    async def _leave_room(self) -> None:
        """Let the portal have the line for a moment when polls have kept it busy for long."""
        now = time.monotonic()
        if now - self._last_poll >= self.timing.rest:
            self._run_began = now
        elif now - self._run_began >= self.timing.longest_run:
            await asyncio.sleep(self.timing.rest)
            self._run_began = time.monotonic()

    async def prepare(self, priority: Priority) -> None:
        """Make sure that the right gateway is connected, so that what follows fails for its own reasons only."""
        left = self.timing.retries
        while True:
            try:
                await self.open()
                async with self._turns.turn(priority):
                    return await self._check_connection()
            except NoAnswerError, LinkLostError:
                if not left:
                    raise
                left -= 1

    async def _check_connection(self) -> None:
        if self._checked_connection == (connection := self._connection):
            return
        if self.source is None:
            await self._find_source()
        if self.check_peer:
            await self.check_peer()
        self._checked_connection = connection

    async def _find_source(self) -> None:
        """Find out, with the line in hand, whether this gateway answers to an address of our own."""
        question = read_request(GATEWAY, ObjectType.GUID, 0, Property.NONE)
        for source in (DISTINCTIVE[0], OUR_ADDRESS):
            self.source = source
            try:
                await self.ask_now(question)
            except DeviceRefusedError:
                # A refusal is an answer too.
                return
            except NoAnswerError:
                self.source = None
                if source == OUR_ADDRESS:
                    raise
            except LinkError:
                self.source = None
                raise
            else:
                return

    async def ask_now(self, request: Request) -> Message:
        """Ask once, for callers that hold the turn."""
        request = replace(request, source=OUR_ADDRESS if self.source is None else self.source)
        await self._outlast_confirmation(request)
        try:
            return await self._exchange_frames(request)
        except NoAnswerError, LinkLostError:
            self._expect_late_confirmation(request)
            raise

    def _expect_late_confirmation(self, request: Request) -> None:
        """A confirmation that comes late must not be taken for that of the next write of the same setting."""
        if request.message.service != Service.WRITE:
            # A late answer to the same question is as good as one in time.
            return
        if request.source in DISTINCTIVE:
            self.source = DISTINCTIVE[(DISTINCTIVE.index(request.source) + 1) % len(DISTINCTIVE)]
        else:
            self._unanswered[_signature(request)] = time.monotonic() + self.timing.answer

    async def _outlast_confirmation(self, request: Request) -> None:
        until = self._unanswered.pop(_signature(request), None)
        if until is not None and request.message.service == Service.WRITE:
            await asyncio.sleep(max(until - time.monotonic(), 0.0))

    async def _exchange_frames(self, request: Request) -> Message:
        future = asyncio.get_running_loop().create_future()
        self._pending = (request, future)
        data = request.encode()
        self._stats.exchanges += 1
        started = self.last_sent = time.monotonic()
        try:
            self._wire.send(data)
            self._trace.add(Direction.SENT, data)
            async with asyncio.timeout(self.timing.answer):
                answer: Message = await future
        except TimeoutError as err:
            self._stats.time_outs += 1
            self._reader.reset()
            raise NoAnswerError(device=f"Studer device {request.destination}", seconds=self.timing.answer) from err
        finally:
            self._pending = None
        self._stats.answered(time.monotonic() - started)
        if answer.is_error:
            raise refusal(request.destination, answer.code)
        return answer

    def forget_source(self) -> None:
        """Find out anew which address the gateway answers to, before the next question."""
        self.source = None
        self._checked_connection = 0

    def disown_peer(self) -> None:
        """The gateway at the other end is not ours."""
        self._wire.disown()

    @property
    def connected(self) -> bool:
        """Whether the wire stands."""
        return self._wire.connected

    @property
    def address(self) -> str:
        """How errors call the wire."""
        return self._wire.address

    async def close(self) -> None:
        """Close the wire; who still waits gets ``LinkClosedError``."""
        await self._wire.close()


def _signature(request: Request) -> tuple[int, int, int, int]:
    message = request.message
    return request.destination, message.service, message.object_id, message.property_id
