"""A Modbus TCP port: frames, connections, exceptions, and the faults of the link and of answers.

What is common to simulated devices that speak Modbus TCP; each family says what its units and registers are, in which
turn requests are answered, and which further faults there are.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from struct import pack, unpack
from typing import ClassVar

from .faults import Faults
from .lines import TcpEnd

ILLEGAL_FUNCTION, UNDEFINED, BAD_COUNT, FAILURE, BUSY, REJECTED, ABSENT = 1, 2, 3, 4, 6, 10, 11
READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY = 3, 4, 6, 16
HEADER = 7
LONGEST_ADU = 260
MOST_READ, MOST_WRITTEN = 125, 123
PIECE, STRAY = 5, 6


class ModbusError(Exception):
    """A request that is answered with an exception code."""

    def __init__(self, code: int) -> None:
        """Take the code."""
        super().__init__(f"exception {code:#04x}")
        self.code = code


class NoAnswerError(Exception):
    """A request that is not answered at all."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; ``count`` is how many registers it is about."""

    transaction: int
    unit: int
    function: int
    address: int
    count: int
    words: tuple[int, ...] = ()


class Connection(TcpEnd):
    """One TCP connection."""

    def __init__[A](self, server: ModbusServer[A]) -> None:
        """Belong to a server."""
        super().__init__(server.came, server.went)
        self._put = server.put
        self._buffer = b""
        self.requests = 0
        """How many requests were heard."""

    def received(self, data: bytes) -> None:
        """Cut the stream into frames; what is no Modbus TCP ends the connection."""
        self._buffer += data
        while len(self._buffer) >= HEADER:
            protocol, length = unpack(">HH", self._buffer[2:6])
            if protocol or not 2 <= length <= LONGEST_ADU - 6:
                self.close()
                return
            if len(self._buffer) < 6 + length:
                return
            frame, self._buffer = self._buffer[: 6 + length], self._buffer[6 + length :]
            self._put(self, frame)


class ModbusServer[A](ABC):
    """Serves connections; ``A`` is what a request is addressed to.

    It acts on these faults, where the family's table has them: disconnect, silence, lost_request, delay, lost_answer,
    exception (through `_fail`), wrong_count, wrong_unit, wrong_transaction, wrong_function, cut_frame, garbage, stale
    and split.
    """

    reads: ClassVar[tuple[int, ...]]
    """Functions that read registers."""

    def __init__(
        self,
        faults: Faults,
        pace: float,
        answer_seconds: tuple[float, float],
        *,
        before: Callable[[], None],
        away: Callable[[], bool],
    ) -> None:
        """``answer_seconds`` are the shortest and the longest time of an answer at pace 1.

        ``before`` is called ahead of every request, ``away`` tells whether the device is not to be reached.
        """
        self._faults = faults
        self._pace = pace
        self._answer_seconds = answer_seconds
        self._before = before
        self._away = away
        self._random = Random(5)
        self._last_answer = b""
        self._servers: list[asyncio.Server] = []
        self.connections: list[Connection] = []
        self.connects = 0
        """How many connections were opened."""
        self.requests: list[Request] = []

    # Connections

    async def listen(self, host: str, port: int) -> int:
        """Serve; returns the port."""
        server = await asyncio.get_running_loop().create_server(lambda: Connection(self), host, port)
        self._servers.append(server)
        return self.port

    @property
    def port(self) -> int:
        """Return the port that was bound last; `IndexError` before there is one."""
        return int(self._servers[-1].sockets[0].getsockname()[1])

    async def drop(self) -> None:
        """End all connections; the server stays."""
        connections = list(self.connections)
        self.end_connections()
        for connection in connections:
            await connection.ended.wait()

    def end_connections(self) -> None:
        """Begin to end all connections."""
        for connection in list(self.connections):
            connection.close()

    async def close(self) -> None:
        """End everything."""
        for server in self._servers:
            server.close()
        await self.drop()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    def came(self, connection: Connection) -> None:
        """Take a new connection, or end it."""
        self._before()
        self.connects += 1
        self.connections.append(connection)
        if not self._admits(connection):
            connection.close()

    def _admits(self, connection: Connection) -> bool:
        """Tell whether a new connection may stay."""
        return not self._away()

    def went(self, connection: Connection) -> None:
        """Forget a connection."""
        with suppress(ValueError):
            self.connections.remove(connection)

    @abstractmethod
    def put(self, connection: Connection, frame: bytes) -> None:
        """Queue a frame, which `_serve` gets in its turn."""

    # One request

    async def _serve(self, connection: Connection, frame: bytes) -> None:
        faults = self._faults
        self._before()
        if not self._hears(connection):
            return
        connection.requests += 1
        if faults.take("disconnect"):
            connection.close()
            return
        if faults.take("silence") or faults.take("lost_request"):
            return
        answer: bytes | None = None
        with suppress(NoAnswerError):
            answer = self._answer(frame)
        await self._wait()
        if delay := faults.take("delay"):
            await asyncio.sleep(delay.argument or 0.0)
        if answer is not None and not faults.take("lost_answer"):
            await self._send(connection, answer)

    def _hears(self, connection: Connection) -> bool:
        """Tell whether a request on this connection reaches the device now."""
        return True

    async def _wait(self) -> None:
        """Let the time of an answer pass."""
        await asyncio.sleep(self._random.uniform(*self._answer_seconds) * self._pace)

    def _answer(self, frame: bytes) -> bytes:
        """Return the answer to a frame; `NoAnswerError` for silence."""
        transaction, unit, function = unpack(">H", frame[:2])[0], frame[6], frame[7]
        try:
            pdu = self._carry_out(transaction, unit, function, frame[8:])
        except ModbusError as error:
            pdu = bytes((function | 0x80, error.code))
        return pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu

    def _carry_out(self, transaction: int, unit: int, function: int, data: bytes) -> bytes:
        if function not in (*self.reads, WRITE_ONE, WRITE_MANY):
            raise ModbusError(ILLEGAL_FUNCTION)
        if len(data) < 4:
            raise ModbusError(BAD_COUNT)
        address, count = unpack(">HH", data[:4])
        words: tuple[int, ...] = ()
        if function == WRITE_ONE:
            words, count = (count,), 1
        elif function == WRITE_MANY:
            if not 1 <= count <= MOST_WRITTEN or len(data) != 5 + 2 * count or data[4] != 2 * count:
                raise ModbusError(BAD_COUNT)
            words = unpack(f">{count}H", data[5:])
        self.requests.append(Request(transaction, unit, function, address, count, words))
        addressed = self._addressed(unit, address)
        if function not in self.reads:
            self._write(addressed, address, list(words))
            return bytes((function,)) + data[:4]
        got = self._read(addressed, address, count)
        if self._faults.take("wrong_count"):
            got = got[:-1]
        return bytes((function, 2 * len(got))) + pack(f">{len(got)}H", *got)

    def _fail(self) -> None:
        """Raise `ModbusError` where the fault ``exception`` is on."""
        if (code := self._faults.take("exception")) is not None:
            raise ModbusError(int(code.argument or FAILURE))

    @abstractmethod
    def _addressed(self, unit: int, address: int) -> A:
        """Return what a request is addressed to; `ModbusError` or `NoAnswerError` where nothing is."""

    @abstractmethod
    def _read(self, addressed: A, /, address: int, count: int) -> list[int]:
        """Return registers; `ModbusError` for what cannot be read."""

    @abstractmethod
    def _write(self, addressed: A, /, address: int, words: list[int]) -> None:
        """Carry out a write; `ModbusError` for one that is refused."""

    async def _send(self, connection: Connection, answer: bytes) -> None:
        """Put an answer on the connection, with the faults that are on."""
        faults, whole = self._faults, answer
        if faults.take("wrong_unit"):
            answer = answer[:6] + bytes((answer[6] ^ 1,)) + answer[7:]
        if faults.take("wrong_transaction"):
            answer = bytes((answer[0] ^ 0x40,)) + answer[1:]
        if faults.take("wrong_function"):
            answer = answer[:7] + bytes((answer[7] ^ 1,)) + answer[8:]
        if faults.take("cut_frame"):
            answer = answer[: len(answer) // 2]
        if stray := faults.take("garbage"):
            answer = self._random.randbytes(int(stray.argument or STRAY)) + answer
        if faults.take("stale"):
            answer = self._last_answer + answer
        self._last_answer = whole
        split = faults.take("split")
        size = max(1, int(split.argument or PIECE)) if split else len(answer)
        for start in range(0, len(answer), max(1, size)):
            connection.send(answer[start : start + size])
            if split:
                await asyncio.sleep(0.001)
