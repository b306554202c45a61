"""One connection to the D-Bus of a GX over TCP (reference section 4.2).

``dbus-fast`` packs and unpacks the messages. Time-outs, the end of a connection, counters and the trace are those of
every other link of this library.
"""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, override

from dbus_fast import DBusFastError, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.auth import AuthAnonymous
from dbus_fast.errors import AuthError as NotLetInError

from ..errors import (
    BadAddressError,
    BadAnswerError,
    BusNotOpenError,
    DeviceRefusedError,
    LinkClosedError,
    LinkError,
    LinkLostError,
    NoAnswerError,
)
from ..links.stats import LinkStats
from ..trace import Direction, Trace

PORT = 78
DAEMON = "org.freedesktop.DBus"
DAEMON_PATH = "/org/freedesktop/DBus"
_SHOWN = 300
"""Characters of a message that the trace keeps."""
_CLOSING_SECONDS = 2.0
_BROKEN = (OSError, EOFError, ValueError, DBusFastError)
"""What ``dbus-fast`` raises for a connection that fails or carries something else than D-Bus."""

type Answer = Callable[[Message], Message | bool | None]
"""Answers a call of somebody else: ``True`` for one that needs no reply, ``None`` for one that is not understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusTiming:
    """Waiting times in seconds."""

    open: float = 5.0
    """For a connection with its first exchange."""
    answer: float = 5.0
    """For the answer to one call."""


class GxBus:
    """One connection. A new one is made by a new object: everything on the bus belongs to a connection."""

    def __init__(
        self,
        host: str,
        port: int = PORT,
        *,
        stats: LinkStats,
        trace: Trace,
        timing: BusTiming | None = None,
        answer: Answer | None = None,
        heard: Callable[[Message], None] | None = None,
        lost: Callable[[], None] | None = None,
    ) -> None:
        """Nothing is connected before ``open``. Raises ``BadAddressError``.

        ``answer`` is asked for calls of others, ``heard`` gets the signals, ``lost`` hears that the connection is over.
        """
        if not re.fullmatch(r"[A-Za-z0-9._-]+", host):
            raise BadAddressError(address=host, family="Victron GX", expected="a host name or an IPv4 address")
        self.address = f"{host}:{port}"
        self.device = f"The D-Bus of the GX at {host}"
        self._stats, self._trace = stats, trace
        self._timing = timing or BusTiming()
        self._answer, self._heard, self._lost = answer, heard, lost
        self._where = f"tcp:host={host},port={port}"
        self._bus: _MessageBus | None = None
        self._ended: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._bus is not None and self._bus.connected

    @property
    def unique_name(self) -> str:
        """What the daemon calls this connection; empty before ``open``."""
        return (self._bus.unique_name or "") if self._bus is not None else ""

    async def open(self) -> None:
        """Connect, once. Raises ``BusNotOpenError`` where nothing listens, ``LinkError``."""
        bus = _MessageBus(self._where, self._note)
        bus.add_message_handler(self._received)
        try:
            async with asyncio.timeout(self._timing.open):
                await bus.connect()
        except ConnectionRefusedError as err:
            raise self._failed(BusNotOpenError(address=self.address)) from err
        except NotLetInError as err:
            raise self._failed(LinkError(address=self.address, reason="it lets no anonymous program in")) from err
        except _BROKEN as err:
            reason = "no answer" if isinstance(err, TimeoutError) else getattr(err, "strerror", None) or str(err)
            raise self._failed(LinkError(address=self.address, reason=reason or "it hung up")) from err
        self._bus = bus
        ended = bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        self._ended = asyncio.create_task(ended, name=f"D-Bus {self.address}")
        self._ended.add_done_callback(self._over)
        if not self.unique_name.startswith(":"):
            # The library takes the text of a refusal for the name.
            reason = self.unique_name
            await self.close()
            raise self._failed(LinkError(address=self.address, reason=reason))
        self._stats.connects += 1

    async def call(
        self,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
        *,
        destination: str = DAEMON,
        path: str = DAEMON_PATH,
        interface: str = DAEMON,
        timeout: float | None = None,
    ) -> list[Any]:
        """Ask and return the body of the answer.

        Raises ``DeviceRefusedError`` (its code is the name of the error), ``NoAnswerError`` and ``LinkError``.
        """
        bus = self._standing()
        message = Message(destination, path, interface, member, signature=signature, body=list(body))
        seconds = self._timing.answer if timeout is None else timeout
        self._stats.exchanges += 1
        started = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                reply = await bus.call(message)
        except TimeoutError as err:
            self._stats.time_outs += 1
            raise self._failed(NoAnswerError(device=self.device, seconds=seconds)) from err
        except _BROKEN as err:
            raise self._failed(self._gone()) from err
        if reply is None:
            raise self._gone()
        self._stats.answered(time.monotonic() - started)
        if reply.message_type is MessageType.ERROR:
            self._stats.refusals += 1
            reason = str(reply.body[0]) if reply.body else "it gives no reason"
            raise DeviceRefusedError(device=self.device, code=reply.error_name or "", reason=reason)
        return list(reply.body)

    async def ask(self, member: str, signature: str = "", body: Sequence[Any] = (), *, kind: type = str) -> Any:
        """Ask the daemon for a single value of this kind. Raises what ``call`` raises, and ``BadAnswerError``."""
        answer = await self.call(member, signature, body)
        if len(answer) != 1 or not isinstance(answer[0], kind):
            raise BadAnswerError(device=self.device, reason=f"{member} brought {answer!r}")
        return answer[0]

    def signal(self, path: str, interface: str, member: str, signature: str, body: Sequence[Any]) -> None:
        """Tell everybody. Raises ``LinkError``; that it returns says that the message is on its way."""
        try:
            self._standing().send(Message.new_signal(path, interface, member, signature, list(body)))
        except OSError as err:
            raise self._failed(self._gone()) from err

    async def close(self) -> None:
        """Leave the bus, which takes every name of this connection away, and wait until the socket is closed."""
        self._closed = True
        if self._bus is None or self._ended is None:
            return
        if not self._ended.done():
            self._bus.disconnect()
            await asyncio.wait((self._ended,), timeout=_CLOSING_SECONDS)
            self._ended.cancel()

    def _standing(self) -> _MessageBus:
        # The library would go on with the number of a socket that may be another's by now.
        if self._bus is None or not self._bus.connected:
            raise self._gone()
        return self._bus

    def _gone(self) -> LinkError:
        return (LinkClosedError if self._closed else LinkLostError)(address=self.address)

    def _failed[E: Exception](self, error: E) -> E:
        self._stats.last_error = str(error)
        return error

    def _over(self, ended: asyncio.Task[None]) -> None:
        if not ended.cancelled():
            # Why it ended is in the trace; whoever waits for an answer has been told.
            error = ended.exception()
            self._trace.add(Direction.NOTE, note=f"disconnected{f': {error}' if error else ''}")
        if self._lost is not None and not self._closed:
            self._lost()

    def _received(self, message: Message) -> Message | bool | None:
        if message.message_type is MessageType.SIGNAL:
            # What the GX tells everybody every second would drive everything else out of the trace.
            if message.sender == DAEMON:
                self._note(Direction.RECEIVED, message)
            if self._heard is not None:
                self._heard(message)
            return None
        self._note(Direction.RECEIVED, message)
        if message.message_type is MessageType.METHOD_CALL and self._answer is not None:
            return self._answer(message)
        return None

    def _note(self, direction: Direction, message: Message) -> None:
        what = f"{message.message_type.name.lower()} {message.path or ''} {message.member or message.error_name or ''}"
        self._trace.add(direction, note=" ".join(f"{what} {message.body}".split())[:_SHOWN])


class _MessageBus(MessageBus):
    """Lets everything that is sent be seen, and an error in sending be told once."""

    def __init__(self, address: str, note: Callable[[Direction, Message], None]) -> None:
        super().__init__(bus_address=address, auth=AuthAnonymous())
        self._note = note

    @override
    def send(self, msg: Message) -> asyncio.Future[Any]:  # type: ignore[override]
        self._note(Direction.SENT, msg)
        try:
            return super().send(msg)
        except OSError:
            # The library has put the same error into a future that it does not hand out, and whose end would complain.
            failed = getattr(getattr(self, "_writer", None), "fut", None)
            if failed is not None and failed.done() and not failed.cancelled():
                failed.exception()
            raise
