"""The gateway's Modbus TCP port: frames, connections, faults, and the wall of one request after another."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from struct import pack, unpack

from ..faults import Faults
from .behaviour import Behaviour, Order
from .device import BAD_COUNT, BUSY, FAILURE, ILLEGAL_FUNCTION, UNDEFINED, Device, ModbusError, Write

READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY = 3, 4, 6, 16
HEADER = 7
LONGEST_ADU = 260
MOST_WRITTEN = 123
GRACE_SECONDS = 0.05
"""A client that reconnects may be seen coming before it is seen going."""
SLOW, PIECE, STRAY = 0.8, 5, 6


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; ``count`` is how many registers it is about."""

    transaction: int
    unit: int
    function: int
    address: int
    count: int
    words: tuple[int, ...] = ()


class Connection(asyncio.Protocol):
    """One TCP connection."""

    def __init__(self, server: ModbusServer) -> None:
        """Belong to a server."""
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self.requests = 0
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell the server, which may not want it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server.came(self)

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
            self._server.put(self, frame)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the server."""
        self.ended.set()
        self._server.went(self)

    def send(self, data: bytes) -> None:
        """Write bytes."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()


class ModbusServer:
    """Takes requests of all connections one after another, as the one network behind the gateway does."""

    def __init__(
        self,
        devices: dict[int, Device],
        behaviour: Behaviour,
        faults: Faults,
        order: Order,
        pace: float,
        *,
        before: Callable[[], None],
        away: Callable[[], bool],
    ) -> None:
        """``before`` is called ahead of every request, ``away`` tells whether the gateway can be reached."""
        self.devices = devices
        self._behaviour = behaviour
        self._faults = faults
        self._order = order
        self._pace = pace
        self._before = before
        self._away = away
        self._random = Random(5)
        self._last_answer = b""
        self._servers: list[asyncio.Server] = []
        self._jobs: asyncio.Queue[tuple[Connection, bytes]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._grace: list[asyncio.TimerHandle] = []
        self.connections: list[Connection] = []
        self.connects = 0
        """How many connections were opened."""
        self.refused = 0
        """How many of them were closed because there were too many."""
        self.requests: list[Request] = []
        self.writes: list[Write] = []

    # Connections

    async def listen(self, host: str, port: int) -> int:
        """Serve; returns the port."""
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="conext gateway")
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
        for handle in self._grace:
            handle.cancel()
        for server in self._servers:
            server.close()
        await self.drop()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            # Whatever went wrong inside the simulator belongs to whoever used it.
            with suppress(asyncio.CancelledError):
                await worker

    def came(self, connection: Connection) -> None:
        """Take a new connection, or end it where there are too many."""
        self._before()
        self.connects += 1
        self.connections.append(connection)
        if self._away() or self._faults.take("second_connection"):
            self.refused += 1
            connection.close()
        elif len(self.connections) > self._behaviour.connections:
            self._grace.append(asyncio.get_running_loop().call_later(GRACE_SECONDS, self._refuse, connection))

    def _refuse(self, connection: Connection) -> None:
        self._grace.pop(0)
        if connection in self.connections and len(self.connections) > self._behaviour.connections:
            self.refused += 1
            connection.close()

    def went(self, connection: Connection) -> None:
        """Forget a connection."""
        with suppress(ValueError):
            self.connections.remove(connection)

    def put(self, connection: Connection, frame: bytes) -> None:
        """Queue a frame."""
        self._jobs.put_nowait((connection, frame))

    async def _work(self) -> None:
        while True:
            await self._serve(*await self._jobs.get())

    # One request

    async def _serve(self, connection: Connection, frame: bytes) -> None:
        faults, behaviour = self._faults, self._behaviour
        self._before()
        if self._away():
            return
        connection.requests += 1
        if behaviour.connection_requests and connection.requests > behaviour.connection_requests:
            return
        if faults.take("disconnect"):
            connection.close()
            return
        if faults.take("silence") or faults.take("lost_request"):
            return
        answer = self._answer(frame)
        await self._wait()
        if answer is not None and not faults.take("lost_answer"):
            await self._send(connection, answer)

    async def _wait(self) -> None:
        """Let the time of an answer pass."""
        shortest, longest = self._behaviour.answer_seconds
        await asyncio.sleep(self._random.uniform(shortest, longest) * self._pace)
        slow = self._faults.take("slow")
        if slow is not None:
            await asyncio.sleep(self._random.uniform(0.06, 1.0) * (slow.argument or SLOW))
        delay = self._faults.take("delay")
        if delay is not None:
            await asyncio.sleep(delay.argument or 0.0)

    def _answer(self, frame: bytes) -> bytes | None:
        """Return the answer to a frame, None for silence."""
        transaction, unit, function = unpack(">H", frame[:2])[0], frame[6], frame[7]
        try:
            pdu = self._carry_out(transaction, unit, function, frame[8:])
        except ModbusError as error:
            if error.code == 0:
                return None
            pdu = bytes((function | 0x80, error.code))
        return pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu

    def _carry_out(self, transaction: int, unit: int, function: int, data: bytes) -> bytes:
        if function not in (READ_HOLDING, WRITE_ONE, WRITE_MANY):
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
        device = self._device(unit)
        code = self._faults.take("exception")
        if code is not None:
            raise ModbusError(int(code.argument or FAILURE))
        if self._faults.take("busy"):
            raise ModbusError(BUSY)
        if function == READ_HOLDING:
            got = device.read(address, count, self._order)
            if self._faults.take("wrong_count"):
                got = got[:-1]
            return bytes((function, 2 * len(got))) + pack(f">{len(got)}H", *got)
        if self._faults.take("refused_write"):
            raise ModbusError(UNDEFINED)
        self.writes += device.write(address, list(words), self._order)
        return bytes((function,)) + data[:4]

    def _device(self, unit: int) -> Device:
        device = self.devices.get(unit)
        lost = self._faults.peek("unit_lost")
        if device is None or (lost is not None and int(lost.argument or 0) == unit):
            raise ModbusError(self._behaviour.absent_code)
        if device.silent_until is not None and device.plant.now < device.silent_until:
            raise ModbusError(self._behaviour.absent_code)
        return device

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
        stray = faults.take("garbage")
        if stray is not None:
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
