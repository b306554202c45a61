"""A link to devices that speak Modbus: one exchange at a time, people before polls, kept or short-lived.

``pymodbus`` packs and unpacks the frames. What it does about lost connections and time-outs is done here instead, so
that it is the same on every link: an exchange ends at once when the connection does, a cancelled task stays cancelled,
nothing is repeated that may not be, and no task goes on by itself.
"""

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast, override

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusException, ModbusIOException
from pymodbus.framer import FramerType
from pymodbus.pdu import ModbusPDU

from ..errors import (
    BadAnswerError,
    DeviceAbsentError,
    DeviceBusyError,
    DeviceRefusedError,
    LinkClosedError,
    LinkError,
    LinkLostError,
    NoAnswerError,
    NotSupportedError,
)
from ..trace import Direction, Trace
from .backoff import Backoff
from .mbap import FrameCutter
from .stats import LinkStats
from .turns import Priority, Turns
from .wire import keep_alive

MOST_WORDS = 125
"""Registers that one read may ask for."""
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 1, 2, 3, 4
REASONS = {
    ILLEGAL_FUNCTION: "it does not know this function",
    ILLEGAL_ADDRESS: "it has no such register",
    ILLEGAL_VALUE: "it does not take this number",
    DEVICE_FAILURE: "it has failed",
    5: "it needs longer",
    6: "it is busy",
    7: "it cannot do this",
    8: "its memory is damaged",
    10: "the gateway has no path to it",
    11: "it does not answer the gateway",
}
"""Exception codes of the Modbus specification in words."""
_BUSY = (5, 6)
_ABSENT = (10, 11)
_FOREVER = 1e6
"""Seconds for which pymodbus waits: the waiting is done here."""


class Reception(Protocol):
    """What a transport of asyncio or of serialx tells its protocol."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection stands."""

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""


type Dial = Callable[[Callable[[], asyncio.Protocol]], Awaitable[object]]
"""Makes one connection for the protocol that the argument builds; may raise ``OSError`` or ``ValueError``."""


def dial_tcp(host: str, port: int) -> Dial:
    """Connects by TCP."""

    async def dial(protocol: Callable[[], asyncio.Protocol]) -> object:
        return await asyncio.get_running_loop().create_connection(protocol, host, port)

    return dial


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusTiming:
    """Waiting times in seconds."""

    answer: float = 5.0
    """For the answer to one request."""
    open: float = 5.0
    """For a connection."""
    retries: tuple[float, ...] = (0.2, 1.0)
    """Pauses before a read is repeated after silence, one for each repetition."""
    gap: float = 0.0
    """Between an answer and the next request."""
    linger: float | None = None
    """How long a connection that nobody uses is kept; ``None`` for ever."""


class ModbusLink:
    """Requests to the devices behind one Modbus connection."""

    def __init__(
        self,
        dial: Dial,
        address: str,
        *,
        stats: LinkStats,
        trace: Trace,
        timing: ModbusTiming | None = None,
        framer: FramerType = FramerType.SOCKET,
        backoff: Backoff | None = None,
    ) -> None:
        """Nothing is connected before the first request.

        ``dial`` makes a connection; with a serial transport and ``FramerType.RTU`` the link speaks Modbus RTU.
        ``address`` is how errors call the link. After a failed connection ``backoff`` says when to try again.
        """
        self.address = address
        self.timing = timing or ModbusTiming()
        self._dial, self._framer = dial, framer
        self._stats, self._trace = stats, trace
        self._turns = Turns()
        self._backoff = backoff or Backoff()
        self._connection: _Connection | None = None
        self._dialled: _Connection | None = None
        self._ended = -_FOREVER
        self._resting: asyncio.TimerHandle | None = None
        self._closed = False
        self._good = False

    @property
    def connected(self) -> bool:
        """Whether the connection stands or, where it is short-lived, was good when it was last used."""
        if self._closed:
            return False
        return self._good if self.timing.linger is not None else self._connection is not None

    async def open(self, timeout: float | None = None) -> None:
        """Return when a connection stands; raises ``LinkError``."""
        async with self._turns.turn(Priority.POLL):
            await self._open(self.timing.open if timeout is None else timeout)
            self._rest()

    async def read(
        self,
        unit: int,
        address: int,
        count: int,
        *,
        device: str = "",
        priority: Priority = Priority.POLL,
        retries: int | None = None,
        timeout: float | None = None,
        inputs: bool = False,
    ) -> list[int]:
        """Read ``count`` registers from ``address`` of a unit: holding registers, or ``inputs``.

        ``device`` is how errors call the unit. Silence is met with the same request again, ``retries`` times or as the
        timing says. Raises ``NotSupportedError`` (exception 1 or 2), ``DeviceBusyError`` (5, 6),
        ``DeviceAbsentError`` (10, 11), ``DeviceRefusedError`` (others), ``NoAnswerError``, ``BadAnswerError`` and
        ``LinkError``.
        """
        name = device or f"Unit {unit}"

        def ask(client: ModbusBaseClient) -> Awaitable[ModbusPDU]:
            if inputs:
                return client.read_input_registers(address, count=count, device_id=unit)
            return client.read_holding_registers(address, count=count, device_id=unit)

        pauses = self.timing.retries if retries is None else self.timing.retries[:retries]
        again = False
        for pause in (*pauses, None):
            try:
                async with self._turns.turn(priority):
                    if again:
                        self.renew()
                    answer = await self._exchange(ask, name, timeout)
                break
            except (NoAnswerError, BadAnswerError, LinkLostError, DeviceBusyError) as err:
                self._stats.last_error = str(err)
                if pause is None:
                    raise
                self._stats.retries += 1
                again = True
                # Not within the turn: somebody else may go meanwhile.
                await asyncio.sleep(pause)
        words = list(answer.registers)
        if len(words) != count:
            raise BadAnswerError(device=name, reason=f"{len(words)} registers instead of {count}")
        return words

    async def write(
        self,
        unit: int,
        address: int,
        words: Sequence[int],
        *,
        device: str = "",
        priority: Priority = Priority.PERSON,
        timeout: float | None = None,
    ) -> None:
        """Write registers: function 6 for a single one, function 16 for several. It is never repeated by itself.

        Raises what ``read`` raises. That it returns says only that the device has confirmed the request.
        """

        def ask(client: ModbusBaseClient) -> Awaitable[ModbusPDU]:
            if len(words) == 1:
                return client.write_register(address, words[0], device_id=unit)
            return client.write_registers(address, list(words), device_id=unit)

        async with self._turns.turn(priority):
            await self._exchange(ask, device or f"Unit {unit}", timeout)

    async def _exchange(
        self, ask: Callable[[ModbusBaseClient], Awaitable[ModbusPDU]], device: str, timeout: float | None
    ) -> ModbusPDU:
        """Ask once, for callers that hold the turn."""
        self._stop_resting()
        connection = await self._open(self.timing.open)
        await asyncio.sleep(max(0.0, self._ended + self.timing.gap - time.monotonic()))
        seconds = self.timing.answer if timeout is None else timeout
        self._stats.exchanges += 1
        started = time.monotonic()
        try:
            answer = await connection.ask(ask, seconds)
        except TimeoutError as err:
            self._stats.time_outs += 1
            self._good = False
            raise NoAnswerError(device=device, seconds=seconds) from err
        except ModbusException as err:
            self._good = False
            # What follows on this connection cannot be trusted to be an answer to what is asked next.
            self._drop(connection)
            raise BadAnswerError(device=device, reason=err.string) from err
        except BadAnswerError as err:
            self._good = False
            self._drop(connection)
            raise BadAnswerError(device=device, reason="it is no Modbus") from err
        except LinkError:
            self._good = False
            raise
        finally:
            self._ended = time.monotonic()
            self._rest()
        self._stats.answered(self._ended - started)
        self._good = True
        if answer.isError():
            self._stats.refusals += 1
            raise refusal(device, answer.exception_code)
        return answer

    async def _open(self, timeout: float) -> _Connection:
        if self._closed:
            raise LinkClosedError(address=self.address)
        if self._connection is not None:
            return self._connection
        self._backoff.check()
        connection = self._dialled = _Connection(self)
        try:
            async with asyncio.timeout(timeout):
                await self._dial(lambda: connection)
        except (OSError, ValueError) as err:
            connection.abandon()
            self._good = False
            reason = "no answer" if isinstance(err, TimeoutError) else getattr(err, "strerror", None) or str(err)
            failure = LinkError(address=self.address, reason=reason)
            self._backoff.failed(failure)
            self._stats.last_error = str(failure)
            raise failure from err
        except BaseException:
            connection.abandon()
            raise
        finally:
            self._dialled = None
        if connection.abandoned:
            # The link was closed meanwhile.
            raise self.lost(connection)
        self._backoff.succeeded()
        self._connection = connection
        self._stats.connects += 1
        self._good = True
        return connection

    # What the connection tells

    def make_client(self, connection: _Connection) -> ModbusBaseClient:
        """The part of pymodbus that packs and unpacks frames for one connection."""
        return AsyncModbusTcpClient(
            self.address,
            framer=self._framer,
            retries=0,
            # It must not connect by itself.
            reconnect_delay=0,
            timeout=_FOREVER,
            trace_packet=connection.trace_packet,
        )

    def note(self, direction: Direction, data: bytes = b"", note: str = "") -> None:
        """Keep what was on the wire."""
        self._trace.add(direction, data, note)

    @property
    def framed(self) -> bool:
        """Whether frames bear a number and a length, as those of Modbus TCP do."""
        return self._framer is FramerType.SOCKET

    def strays(self, cutter: FrameCutter) -> None:
        """Count frames that answer an earlier request."""
        self._stats.foreign += cutter.strays
        cutter.strays = 0

    def lost(self, connection: _Connection) -> LinkError:
        """That connection is gone; returns the error for who waits on it."""
        if self._connection is connection:
            self._connection = None
        return (LinkClosedError if self._closed else LinkLostError)(address=self.address)

    # Ends

    def _rest(self) -> None:
        """Close a short-lived connection when it is not used for a while."""
        self._stop_resting()
        if self.timing.linger is not None and self._connection is not None:
            self._resting = asyncio.get_running_loop().call_later(self.timing.linger, self.drop)

    def _stop_resting(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None

    def _drop(self, connection: _Connection) -> None:
        if self._connection is connection:
            self._connection = None
        connection.abandon()

    def drop(self) -> None:
        """Cut the present connection; the next request makes a new one."""
        self._stop_resting()
        for connection in (self._connection, self._dialled):
            if connection is not None:
                self._drop(connection)

    def renew(self) -> None:
        """Begin a new connection with the next request where connections are short-lived.

        Some devices stop answering on a connection that has seen many requests.
        """
        if self.timing.linger is not None:
            self.drop()

    async def close(self) -> None:
        """Cut the connection for good; who still waits gets ``LinkClosedError``."""
        self._closed = True
        self.drop()


class _Connection(asyncio.Protocol):
    """One connection: hands what asyncio reports to pymodbus, and knows at once when it is over."""

    def __init__(self, link: ModbusLink) -> None:
        self._link = link
        self._client = link.make_client(self)
        self._transport: asyncio.BaseTransport | None = None
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._cutter = FrameCutter() if link.framed else None
        self._awaited = bytes(7)
        self.abandoned = False

    @property
    def _reception(self) -> Reception:
        return cast("Reception", self._client.ctx)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        if self.abandoned:
            cast("asyncio.Transport", transport).abort()
            return
        keep_alive(transport)
        self._link.note(Direction.NOTE, note=f"connected: {self._link.address}")
        self._reception.connection_made(transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._link.note(Direction.RECEIVED, data)
        try:
            if self._cutter is not None:
                data = self._cutter.feed(data, self._awaited)
                self._link.strays(self._cutter)
            if data:
                self._reception.data_received(data)
        except BadAnswerError as err:
            self._end(err)
        except (ModbusException, struct.error, ValueError, IndexError) as err:
            # No frame: whoever waits must not wait until the time is up.
            self._end(err if isinstance(err, ModbusException) else ModbusIOException(str(err)))  # type: ignore[no-untyped-call]

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._link.note(Direction.NOTE, note="disconnected")
        self._reception.connection_lost(exc)
        self._end(self._link.lost(self))

    def trace_packet(self, sending: bool, data: bytes) -> bytes:
        """Called by pymodbus with what it sends and receives; what is received was noted before."""
        if sending:
            self._awaited = data
            if self._cutter is not None:
                self._cutter.begin()
            self._link.note(Direction.SENT, data)
        return data

    def _end(self, error: Exception) -> None:
        if not self._over.done():
            self._over.set_exception(error)
            # Nobody need be waiting.
            self._over.exception()

    async def ask(self, ask: Callable[[ModbusBaseClient], Awaitable[ModbusPDU]], seconds: float) -> ModbusPDU:
        """The answer to one request; raises ``TimeoutError``, ``ModbusException`` and ``LinkError``.

        It is awaited in a task, because pymodbus turns a cancelled wait into an error of its own.
        """
        if self._over.done():
            await self._over
        if self._transport is None or self._transport.is_closing():
            # Asyncio will say so in a moment; until then pymodbus would look for a connection of its own.
            raise self._link.lost(self)
        answer = asyncio.ensure_future(ask(self._client))
        try:
            await asyncio.wait((answer, self._over), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            if self._over.done():
                await self._over
            raise TimeoutError
        finally:
            if not answer.done():
                answer.cancel()
                await asyncio.wait((answer,))
            if not answer.cancelled():
                answer.exception()

    def abandon(self) -> None:
        """Cut this connection, or see to it that it is cut as soon as it stands."""
        self.abandoned = True
        self._client.close()
        if self._transport is not None:
            cast("asyncio.Transport", self._transport).abort()
        self._end(self._link.lost(self))


def refusal(device: str, code: int) -> DeviceRefusedError:
    """The error that an exception code stands for; its ``code`` is that number."""
    reason = REASONS.get(code, "it gives no known reason")
    if code in (ILLEGAL_FUNCTION, ILLEGAL_ADDRESS):
        return NotSupportedError(device=device, code=code, reason=reason)
    if code in _BUSY:
        return DeviceBusyError(device=device, code=code, reason=reason)
    if code in _ABSENT:
        return DeviceAbsentError(device=device, code=code, reason=reason)
    return DeviceRefusedError(device=device, code=code, reason=reason)
