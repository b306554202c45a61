"""The Modbus TCP port of the GX: frames, connections, faults (reference section 2)."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from struct import pack, unpack

from ..faults import Faults
from .registers import Value
from .service import ABSENT, BAD_COUNT, FAILURE, ILLEGAL_FUNCTION, REJECTED, UNDEFINED, GxService, ModbusError

READS, WRITE_ONE, WRITE_MANY = (3, 4), 6, 16
HEADER = 7
LONGEST_ADU = 260
MOST_WRITTEN = 123
ANSWER_SECONDS = (0.004, 0.02)
"""Shortest and longest time of an answer at pace 1."""
PIECE, STRAY = 5, 6


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; ``count`` is how many registers it is about."""

    unit: int
    function: int
    address: int
    count: int
    words: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Write:
    """One value that was written and acknowledged; ``kept`` tells whether the GX holds it now."""

    service: str
    path: str
    value: Value
    kept: bool


class Connection(asyncio.Protocol):
    """One TCP connection; it is answered in the order in which it asks."""

    def __init__(self, server: ModbusServer) -> None:
        """Belong to a server."""
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._frames: asyncio.Queue[bytes] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to answer, unless the GX is starting."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server.came(self)
        self._worker = asyncio.create_task(self._work(), name="simulated GX")

    def data_received(self, data: bytes) -> None:
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
            self._frames.put_nowait(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the server."""
        if self._worker is not None:
            self._worker.cancel()
        self.ended.set()
        self._server.went(self)

    async def _work(self) -> None:
        while True:
            await self._server.serve(self, await self._frames.get())

    def send(self, data: bytes) -> None:
        """Write bytes."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()


class ModbusServer:
    """Serves any number of connections."""

    def __init__(
        self,
        services: dict[int, list[GxService]],
        faults: Faults,
        pace: float,
        *,
        before: Callable[[], None],
        away: Callable[[], bool],
    ) -> None:
        """``services`` by unit id. ``before`` is called ahead of every request, ``away`` tells of a restart."""
        self._services = services
        self._faults = faults
        self._pace = pace
        self._before, self._away = before, away
        self._random = Random(5)
        self._last_answer = b""
        self._servers: list[asyncio.Server] = []
        self.connections: list[Connection] = []
        self.connects = 0
        """How many connections were opened."""
        self.requests: list[Request] = []
        self.writes: list[Write] = []

    async def listen(self, host: str, port: int) -> int:
        """Serve; returns the port."""
        server = await asyncio.get_running_loop().create_server(lambda: Connection(self), host, port)
        self._servers.append(server)
        return self.port

    @property
    def port(self) -> int:
        """Return the port that was bound last; `IndexError` before there is one."""
        return int(self._servers[-1].sockets[0].getsockname()[1])

    def end_connections(self) -> None:
        """Begin to end all connections."""
        for connection in list(self.connections):
            connection.close()

    async def drop(self) -> None:
        """End all connections; the server stays."""
        connections = list(self.connections)
        self.end_connections()
        for connection in connections:
            await connection.ended.wait()

    async def close(self) -> None:
        """End everything."""
        for server in self._servers:
            server.close()
        await self.drop()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    def came(self, connection: Connection) -> None:
        """Take a new connection."""
        self._before()
        self.connects += 1
        self.connections.append(connection)
        if self._away():
            connection.close()

    def went(self, connection: Connection) -> None:
        """Forget a connection."""
        with suppress(ValueError):
            self.connections.remove(connection)

    # One request

    async def serve(self, connection: Connection, frame: bytes) -> None:
        """Answer a frame."""
        faults = self._faults
        self._before()
        if faults.take("disconnect"):
            connection.close()
            return
        if faults.take("silence") or faults.take("lost_request"):
            return
        answer = self._answer(frame)
        await asyncio.sleep(self._random.uniform(*ANSWER_SECONDS) * self._pace)
        if delay := faults.take("delay"):
            await asyncio.sleep(delay.argument or 0.0)
        if not faults.take("lost_answer"):
            await self._send(connection, answer)

    def _answer(self, frame: bytes) -> bytes:
        transaction, unit, function = unpack(">H", frame[:2])[0], frame[6], frame[7]
        try:
            pdu = self._carry_out(unit, function, frame[8:])
        except ModbusError as error:
            pdu = bytes((function | 0x80, error.code))
        return pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu

    def _carry_out(self, unit: int, function: int, data: bytes) -> bytes:
        if function not in (*READS, WRITE_ONE, WRITE_MANY):
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
        self.requests.append(Request(unit, function, address, count, words))
        if (code := self._faults.take("exception")) is not None:
            raise ModbusError(int(code.argument or FAILURE))
        service = self._service(unit, address)
        if function in READS:
            got = service.read(address, count)
            if self._faults.take("wrong_count"):
                got = got[:-1]
            return bytes((function, 2 * len(got))) + pack(f">{len(got)}H", *got)
        self._write(service, address, list(words))
        return bytes((function,)) + data[:4]

    def _service(self, unit: int, address: int) -> GxService:
        """Return the service of a unit id whose map has the first register of a request."""
        present = [service for service in self._services.get(unit, ()) if service.present]
        if not present:
            raise ModbusError(ABSENT)
        for service in present:
            if address in service:
                return service
        raise ModbusError(UNDEFINED)

    def _write(self, service: GxService, address: int, words: list[int]) -> None:
        if self._faults.take("read_only"):
            raise ModbusError(UNDEFINED)
        taken = service.write(address, words)
        if self._faults.take("rejected"):
            raise ModbusError(REJECTED)
        kept = self._faults.take("dropped_write") is None
        if kept:
            service.settings |= taken
        self.writes += [Write(service.kind, path, value, kept) for path, value in taken.items()]

    async def _send(self, connection: Connection, answer: bytes) -> None:
        """Put an answer on the connection, with the faults that are on."""
        faults, whole = self._faults, answer
        if faults.take("wrong_unit"):
            answer = answer[:6] + bytes((answer[6] ^ 1,)) + answer[7:]
        if faults.take("wrong_transaction"):
            answer = bytes((answer[0] ^ 0x40,)) + answer[1:]
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
