"""The simulated batteries as tests and the command line use them: one port of the master, and what can happen to it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from time import monotonic
from typing import Any, Literal, Self

from ..faults import Fault, Faults
from ..house import House
from .behaviour import BAUD, Behaviour
from .console import LOST, STRAY, Console
from .faults import FAULTS
from .journal import Journal
from .lines import Line, PtyLine, Rfc2217Line, TcpLine
from .models import LAYOUTS
from .rs485 import Request, Rs485
from .stack import SETTABLE, Module, Stack

BITS_PER_BYTE = 10
PIECE = 64
"""Bytes that go out at a time, so that a long table arrives bit by bit."""
RS485_THINK_SECONDS = 0.03
"""Time from a frame to its answer on a real bus (reference section 11)."""

type Protocol = Literal["console", "rs485"]


@dataclass(frozen=True, slots=True)
class _Job:
    line: Line
    data: bytes
    baud: int


class PylontechSimulator:
    """The master of one stack, at its console or at its RS-485 port.

    All clients share the port, as they do behind a serial server.
    """

    def __init__(
        self,
        *,
        house: House | None = None,
        modules: int | Sequence[int] = 3,
        layout: str = "B",
        pace: float = 1.0,
        protocol: Protocol = "console",
        clock: Callable[[], float] = monotonic,
        **quirks: Any,
    ) -> None:
        """Build the stack.

        ``modules`` is how many there are, or the slots they sit in. ``layout`` is what the master prints: "A"
        (US2000B Plus), "A_pytes", "A+" (Pytes), "B" (US2000C), "C" (US5000) or "HV" (a high-voltage tower). ``pace``
        scales the time of the wire (1: real, 0: none). ``clock`` is used for silence and restarts. Every field of
        `Behaviour` may be given as an option. `ValueError` for a layout or for slots that do not exist.
        """
        if layout not in LAYOUTS:
            raise ValueError(f"no layout {layout!r}: choose from {', '.join(LAYOUTS)}")
        if protocol not in ("console", "rs485"):
            raise ValueError(f"no protocol {protocol!r}: choose from console, rs485")
        self.house = house or House()
        self.behaviour = Behaviour(**quirks)
        self.faults = Faults(FAULTS)
        self.faults.on_set(self._fault_set)
        self.pace = pace
        self.protocol: Protocol = protocol
        slots = tuple(range(1, modules + 1)) if isinstance(modules, int) else tuple(modules)
        self.stack = Stack(self.house, LAYOUTS[layout], slots, self.behaviour, self.faults)
        self.console = Console(self.stack, self.behaviour, self.faults, self._send, pace)
        self.bus = Rs485(self.stack, self.behaviour, self.faults)
        self._clock = clock
        self._speed = BAUD if protocol == "console" else self.behaviour.rs485_baud
        self._silent_until = 0.0
        self._random = Random(11)
        self._lines: list[Line] = []
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._servers: list[asyncio.Server] = []
        self._worker: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Return the simulator."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close it."""
        await self.close()

    # Connections

    async def wait_connected(self, timeout: float = 10.0) -> None:
        """Wait until a client is there (a pseudo terminal always is); `TimeoutError` otherwise."""
        async with asyncio.timeout(timeout):
            await self._connected.wait()

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve as a raw TCP serial bridge; returns the port."""
        return await self._serve(TcpLine, host, port)

    async def listen_rfc2217(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve as a bridge whose speed its clients may set (RFC 2217); returns the port."""
        return await self._serve(Rfc2217Line, host, port)

    async def _serve(self, kind: type[TcpLine], host: str, port: int) -> int:
        self._start()
        baud = self.behaviour.bridge_baud if self.protocol == "console" else self._speed
        server = await asyncio.get_running_loop().create_server(
            lambda: kind(self._bytes, self._begin, self._end, baud), host, port
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def pty(self) -> str:
        """Serve on a raw pseudo terminal; returns the path to open."""
        self._start()
        line = PtyLine(self._bytes, self._end)
        self._begin(line)
        return line.path

    async def drop(self) -> None:
        """End all TCP connections; the server stays."""
        lines = [line for line in self._lines if isinstance(line, TcpLine)]
        for line in lines:
            line.close()
        for line in lines:
            await line.ended.wait()

    async def close(self) -> None:
        """End all connections and tasks."""
        self.console.close()
        for server in self._servers:
            server.close()
        lines = list(self._lines)
        for line in lines:
            line.close()
        for line in lines:
            if isinstance(line, TcpLine):
                await line.ended.wait()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            # Whatever went wrong inside the simulator belongs to whoever used it.
            with suppress(asyncio.CancelledError):
                await worker

    def _start(self) -> None:
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="pylontech port")

    def _begin(self, line: Line) -> None:
        self._lines.append(line)
        self._connected.set()

    def _end(self, line: Line) -> None:
        with suppress(ValueError):
            self._lines.remove(line)
        if not self._lines:
            self._connected.clear()

    # One piece after another

    def _fault_set(self, fault: Fault) -> None:
        match fault.name:
            case "silence" if fault.argument is not None:
                self.faults.clear("silence")
                self._silent_until = self._clock() + fault.argument
            case "restart":
                self.faults.clear("restart")
                self.restart(fault.argument or 0.0)

    def _bytes(self, line: Line, data: bytes, baud: int) -> None:
        self._jobs.put_nowait(_Job(line, data, baud))

    async def _work(self) -> None:
        while True:
            await self._take(await self._jobs.get())

    async def _take(self, job: _Job) -> None:
        if self._clock() < self._silent_until:
            return
        if self.faults.take("disconnect"):
            job.line.close()
            return
        self.house.catch_up()
        if self.protocol == "console":
            await self.console.take(job.data, job.baud)
        elif job.baud == self._speed:
            for answer in self.bus.take(job.data):
                await self._answer(answer)

    async def _answer(self, data: bytes) -> None:
        """Send a frame, with the faults of an RS-485 line."""
        faults = self.faults
        if faults.take("silence"):
            return
        await asyncio.sleep(RS485_THINK_SECONDS * self.pace)
        delay = faults.take("delay")
        if delay is not None:
            await asyncio.sleep(delay.argument or 0.0)
        if faults.take("wrong_address"):
            data = _signed(data[1:3] + b"%02X" % (int(data[3:5], 16) + 1) + data[5:-5])
        if faults.take("wrong_length"):
            data = _signed(data[1:9] + b"%X" % (int(data[9:10], 16) ^ 1) + data[10:-5])
        if faults.take("wrong_checksum"):
            data = data[:-5] + b"%04X\r" % (int(data[-5:-1], 16) ^ 0x1)
        lost = faults.take("lost_bytes")
        if lost is not None:
            size = min(int(lost.argument or LOST), len(data) // 2)
            start = (len(data) - size) // 2
            data = data[:start] + data[start + size :]
        if faults.take("cut_frame"):
            data = data[: len(data) // 2]
        stray = faults.take("garbage")
        if stray is not None:
            data = self._random.randbytes(int(stray.argument or STRAY)) + data
        await self._send(data)

    async def _send(self, data: bytes) -> None:
        """Put bytes on the wire and let their time pass."""
        split = self.faults.take("split") if len(data) > 2 else None
        size = max(1, int(split.argument or 1)) if split else PIECE if self.pace > 0 else len(data)
        for start in range(0, len(data), max(1, size)):
            piece = data[start : start + size]
            if self.pace > 0:
                await asyncio.sleep(len(piece) * BITS_PER_BYTE / self._speed * self.pace)
            elif split:
                await asyncio.sleep(0.001)
            for line in list(self._lines):
                # At another speed the bits are there, but not the letters.
                line.send(piece if line.baud == self._speed else bytes(byte ^ 0xE6 for byte in piece))

    # The batteries

    @property
    def modules(self) -> dict[int, Module]:
        """Return the modules by their slots."""
        return self.stack.modules

    @property
    def serials(self) -> list[str]:
        """Return the barcodes in the order of the slots."""
        return [module.serial for module in self.stack.modules.values()]

    @property
    def journal(self) -> Journal:
        """Return the master's log."""
        return self.console.journal

    @property
    def commands(self) -> list[str]:
        """Return every console command that was entered."""
        return self.console.commands

    @property
    def requests(self) -> list[Request]:
        """Return every RS-485 request that came in right."""
        return self.bus.requests

    @property
    def writes(self) -> list[str] | list[Request]:
        """Return what clients sent that changes something, on the port that is simulated."""
        return self.console.writes if self.protocol == "console" else self.bus.writes

    def set(self, slot: int, **values: object) -> None:
        """Let a module show these fields of `Reading` from now on; None ends that.

        `KeyError` for an empty slot, `ValueError` for a field that does not exist.
        """
        module = self.stack.modules[slot]
        if values.keys() - SETTABLE:
            raise ValueError(f"no field {', '.join(sorted(values.keys() - SETTABLE))}")
        for name, value in values.items():
            if value is None:
                module.changes.pop(name, None)
            else:
                module.changes[name] = value

    def remove(self, slot: int) -> None:
        """Take a module out of the stack."""
        self.stack.modules[slot].present = False

    def insert(self, slot: int, serial: str | None = None) -> None:
        """Put a module back into its slot, or another one of the same type with that barcode."""
        module = self.stack.modules[slot]
        module.present = True
        module.serial = serial or module.serial

    def restart(self, seconds: float = 0.0) -> None:
        """Switch the batteries off for some seconds; an old console sleeps afterwards."""
        self._silent_until = self._clock() + seconds
        self.console.restart()
        self.bus.restart()

    def drift(self, seconds: float) -> None:
        """Put the batteries' clock that far ahead of the house's."""
        self.stack.clock_offset = timedelta(seconds=seconds)

    async def say(self, text: str) -> None:
        """Let the console print a line that nobody asked for."""
        await self.console.say(text)


def _signed(body: bytes) -> bytes:
    """Return a frame with the right checksum for what it says."""
    return b"~" + body + b"%04X\r" % (-sum(body) & 0xFFFF)
