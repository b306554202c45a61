"""A WebSocket to a meter of generation 2 or later: calls, and notifications between them (reference section 4.2)."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import aiohttp

from ..errors import AuthError, BadAnswerError, DeviceBusyError, LinkError, LinkLostError, NoAnswerError, SolarError
from ..links.http import LARGEST, TRACED
from ..links.stats import LinkStats
from ..links.turns import Priority, Turns
from ..trace import Direction, Trace
from .codec import DEVICE, decode_object
from .digest import Login, challenge_of_message
from .exchange import BUSY, Timing, redact
from .rpc import UNAUTHORIZED, Answered, check_source, code_of, request_of, result_of

type Notified = Callable[[Mapping[str, Any], float], None]
"""Told the components of a notification and when it came."""

NOTIFICATIONS = ("NotifyStatus", "NotifyFullStatus")


class RpcSocket:
    """One connection. It is opened once; when it breaks, ``ended`` is set and another one has to be made."""

    def __init__(
        self,
        address: str,
        *,
        timing: Timing,
        stats: LinkStats,
        trace: Trace,
        password: str,
        expected: str,
        notified: Notified,
    ) -> None:
        """``address`` is that of the meter over HTTP, ``expected`` the MAC address that every frame must name."""
        self.ended = asyncio.Event()
        self._address, self._timing = address, timing
        self._stats, self._trace = stats, trace
        self._login = Login(password)
        self._password, self._expected, self._notified = password, expected, notified
        self._turns = Turns()
        self._number = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        """Whether calls can be made."""
        return self._socket is not None and not self.ended.is_set()

    async def connect(self) -> None:
        """Open the connection; raises ``LinkError`` and ``DeviceBusyError`` when the meter has no socket left."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1, resolver=aiohttp.ThreadedResolver()),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        url = f"ws{self._address.removeprefix('http')}/rpc"
        try:
            async with asyncio.timeout(self._timing.http.answer):
                self._socket = await self._session.ws_connect(
                    url, heartbeat=self._timing.ping, max_msg_size=LARGEST, autoping=True
                )
        except aiohttp.WSServerHandshakeError as err:
            if err.status in BUSY:
                raise DeviceBusyError(device=DEVICE, code=err.status, reason="busy") from err
            raise LinkError(address=url, reason=f"HTTP {err.status}") from err
        except TimeoutError as err:
            raise LinkError(address=url, reason="no answer") from err
        except (aiohttp.ClientError, OSError, ValueError) as err:
            raise LinkError(address=url, reason=getattr(err, "strerror", None) or str(err)) from err
        self._stats.connects += 1
        self._trace.add(Direction.NOTE, note="WebSocket open")
        self._reader = asyncio.get_running_loop().create_task(self._read(self._socket), name="shelly websocket")

    async def call(
        self, method: str, params: Mapping[str, Any] | None = None, priority: Priority = Priority.POLL
    ) -> Answered:
        """The result of a method.

        Raises ``LinkLostError``, ``NoAnswerError``, ``BadAnswerError``, ``WrongDeviceError`` and what the meter refuses
        with: ``AuthError``, ``NotSupportedError``, ``DeviceBusyError``, ``DeviceRefusedError``.
        """
        async with self._turns.turn(priority):
            frame, at = await self._ask(method, params)
            if code_of(frame) == UNAUTHORIZED and self._password:
                # It was not carried out; its challenge says what it wants to see, or wants to see anew.
                self._login.take(challenge_of_message(str(frame["error"].get("message", ""))))
                frame, at = await self._ask(method, params)
            if code_of(frame) == UNAUTHORIZED:
                self._login.take(None)
                raise AuthError(device=DEVICE)
            return Answered(result_of(frame, method), at)

    async def _ask(self, method: str, params: Mapping[str, Any] | None) -> tuple[dict[str, Any], float]:
        if self._socket is None or self.ended.is_set():
            raise LinkLostError(address=self._address)
        self._number += 1
        number = self._number
        frame = request_of(number, method, params)
        if self._login.challenged:
            frame["auth"] = self._login.member()
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        text = json.dumps(frame)
        self._trace.add(Direction.SENT, redact(text.encode())[:TRACED], "WebSocket")
        self._stats.exchanges += 1
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._timing.socket_answer):
                await self._socket.send_str(text)
                found = await answer
        except TimeoutError as err:
            self._stats.time_outs += 1
            raise self._failed(NoAnswerError(device=DEVICE, seconds=self._timing.socket_answer)) from err
        except (ConnectionError, aiohttp.ClientError) as err:
            raise self._failed(LinkLostError(address=self._address)) from err
        except SolarError as err:
            raise self._failed(err) from None
        finally:
            del self._waiting[number]
        seconds = time.monotonic() - started
        self._stats.answered(seconds)
        return found, started + seconds / 2

    def _failed(self, failure: SolarError) -> SolarError:
        self._stats.last_error = str(failure)
        return failure

    async def _read(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        """Take every frame until the connection ends; the meter itself is asked for a sign of life now and then."""
        failure: SolarError = LinkLostError(address=self._address)
        try:
            async for message in connection:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._take(message.data)
        except SolarError as err:
            failure = err
        finally:
            self.ended.set()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(failure)

    def _take(self, text: str) -> None:
        """Give a frame to whom it is for; raises ``WrongDeviceError`` for one of another meter."""
        arrived = time.monotonic()
        self._trace.add(Direction.RECEIVED, redact(text.encode())[:TRACED], "WebSocket")
        try:
            frame = decode_object(text)
        except BadAnswerError as err:
            # Whose answer it was, nobody knows: it was that of the one who waits.
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(err)
            return
        check_source(frame, self._expected, self._address)
        number = frame.get("id")
        waits = self._waiting.get(number) if isinstance(number, int) else None
        if waits is not None and not waits.done():
            waits.set_result(frame)
        elif frame.get("method") in NOTIFICATIONS and isinstance(frame.get("params"), Mapping):
            self._notified(frame["params"], arrived)
        elif frame.get("method") is None:
            self._stats.foreign += 1

    async def close(self, *, finish: bool = False) -> None:
        """Close the connection and end its task.

        Calls that are under way come to their end first if ``finish``; otherwise they get ``LinkLostError``.
        """
        try:
            if finish and self.open:
                async with self._turns.turn(Priority.POLL):
                    pass
        finally:
            await self._end()

    async def _end(self) -> None:
        """Close everything, also when whoever closes is stopped in the middle of it."""
        reader, self._reader = self._reader, None
        connection, self._socket = self._socket, None
        session, self._session = self._session, None
        self.ended.set()
        try:
            if reader is not None:
                reader.cancel()
                await asyncio.wait((reader,))
        finally:
            try:
                if connection is not None:
                    # A meter that is gone does not say good-bye.
                    with suppress(TimeoutError, aiohttp.ClientError, OSError):
                        async with asyncio.timeout(1.0):
                            await connection.close()
            finally:
                if session is not None:
                    await session.close()
        if reader is not None and not reader.cancelled():
            reader.result()
