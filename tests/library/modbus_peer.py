"""A Modbus TCP server of a few registers that misbehaves on demand: the other end of a link under test."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ABSENT = 1, 2, 11
READ, READ_INPUTS, WRITE_ONE, WRITE_MANY = 3, 4, 6, 16

type Answerer = Callable[[int, bytes], bytes | None]
"""Takes unit and request and returns the answer; ``None`` for silence."""


class ModbusPeer:
    """Answers requests for ``units``: address of the unit to its registers."""

    def __init__(self, units: Mapping[int, Mapping[int, int]]) -> None:
        self.units = {unit: dict(registers) for unit, registers in units.items()}
        self.requests: list[tuple[int, bytes]] = []
        self.connections = 0
        self.at_once = 0
        """The most requests that were waiting for an answer at one time."""
        self.answer: Answerer = self.usual
        self.mangle: Callable[[bytes], bytes] = bytes
        """What becomes of a frame before it is sent."""
        self.delay = 0.0
        self.refuses_connections = False
        self.asked = asyncio.Event()
        """Set by the first request."""
        self.left = asyncio.Event()
        """Set whenever a client has gone."""
        self._waiting = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, port: int = 0) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def open_connections(self) -> int:
        return len(self._writers)

    def cut(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.transport.abort()

    async def close(self) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        try:
            if not self.refuses_connections:
                await self._converse(reader, writer)
        except ConnectionError, asyncio.IncompleteReadError:
            pass
        finally:
            self._writers.discard(writer)
            self.left.set()
            self._tasks.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            header = await reader.readexactly(7)
            body = await reader.readexactly(int.from_bytes(header[4:6]) - 1)
            unit = header[6]
            self.requests.append((unit, body))
            self.asked.set()
            self._waiting += 1
            self.at_once = max(self.at_once, self._waiting)
            try:
                if self.delay:
                    await asyncio.sleep(self.delay)
                answer = self.answer(unit, body)
            finally:
                self._waiting -= 1
            if answer is not None:
                frame = header[:4] + (len(answer) + 1).to_bytes(2) + header[6:7] + answer
                writer.write(self.mangle(frame))
                await writer.drain()

    def usual(self, unit: int, body: bytes) -> bytes | None:
        """The answer of a server that is in order."""
        function, address = body[0], int.from_bytes(body[1:3])
        registers = self.units.get(unit)
        if registers is None:
            return bytes([function | 0x80, ABSENT])
        if function in (READ, READ_INPUTS):
            wanted = range(address, address + int.from_bytes(body[3:5]))
            if any(each not in registers for each in wanted):
                return bytes([function | 0x80, ILLEGAL_ADDRESS])
            return bytes([function, 2 * len(wanted)]) + b"".join(registers[each].to_bytes(2) for each in wanted)
        if function in (WRITE_ONE, WRITE_MANY):
            data = body[3:5] if function == WRITE_ONE else body[6:]
            for at in range(0, len(data), 2):
                registers[address + at // 2] = int.from_bytes(data[at : at + 2])
            return body[:5]
        return bytes([function | 0x80, ILLEGAL_FUNCTION])
