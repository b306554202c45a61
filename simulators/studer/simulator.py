"""The simulated Studer installation behind its Xcom-LAN: lines, pace and faults around the gateway."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any, Self

from ..faults import Fault, Faults
from ..house import House
from . import catalogue
from .faults import FAULTS
from .frames import READ, Frame
from .gateway import MULTI_INFO, Behaviour, Gateway, Request
from .installation import GATEWAY, Plan
from .lines import Line, PtyLine, TcpLine
from .messages import Message

BAUD = 115200
BITS_PER_BYTE = 10
CAN_SECONDS = 0.02
"""Round trip to a device on the bus for one value."""
CAN_SECONDS_PER_ITEM = 0.001
"""What each further item of a multiple read costs, from the gateway's own image of the devices."""
PORTAL_SOURCE = 1

_PORTAL_ITEMS = bytes.fromhex("b80bfd 400cfe 410cfe 581b00 5a1b00 983afd a23afe")
"""Some of the portal's standard set: 3000 mean, 3136 and 3137 sum, 7000 and 7002, 15000 mean, 15010 sum."""


@dataclass(frozen=True, slots=True)
class _Job:
    """A request on the serial line; ``line`` is None when the portal sent it."""

    frame: Frame
    line: Line | None
    done: asyncio.Future[None] | None = None


class StuderSimulator:
    """A Studer installation that dials in, listens, or sits on a pseudo terminal.

    One serial line serves all its clients: requests are answered one after another, and each answer goes to all.
    """

    def __init__(
        self,
        *,
        house: House | None = None,
        plan: Plan | None = None,
        behaviour: Behaviour | None = None,
        pace: float = 1.0,
        baud: int = BAUD,
        redial: float | None = None,
        portal_period: float | None = None,
        seed: int = 1,
        **options: Any,
    ) -> None:
        """Build the installation.

        ``pace`` scales the time that wire and bus take (1: real, 0: none). ``redial`` is the delay before dialling
        again, seconds (default 2 at a real pace, 0.05 without). ``portal_period``: seconds between the portal's own
        requests (default: only on demand). Every field of `Plan` and `Behaviour` may be given as an option.
        """
        plan_options = {key: options.pop(key) for key in list(options) if key in Plan.__dataclass_fields__}
        behaviour_options = {key: options.pop(key) for key in list(options) if key in Behaviour.__dataclass_fields__}
        if options:
            raise TypeError(f"unknown option {', '.join(sorted(options))}")
        self.house = house or House()
        self.faults = Faults(FAULTS)
        self.faults.on_set(self._fault_set)
        self.gateway = Gateway(
            self.house,
            plan or Plan(**plan_options),
            behaviour or Behaviour(**behaviour_options),
            self.faults,
        )
        self.pace = pace
        self.requests: list[Request] = []
        self.portal_answers = 0
        """Answers to the portal's requests that clients got to see."""
        self._byte_seconds = BITS_PER_BYTE / baud
        self._redial = redial if redial is not None else (2.0 if pace > 0 else 0.05)
        self._portal_period = portal_period
        self._random = Random(seed)
        self._lines: list[Line] = []
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._connected = asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._dialler: asyncio.Task[None] | None = None
        self._target: tuple[str, int] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._worker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Return the simulator."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close it."""
        await self.close()

    # Connections

    @property
    def connected(self) -> bool:
        """Tell whether a client is there (a pseudo terminal always is)."""
        return self._connected.is_set()

    async def wait_connected(self, timeout: float = 10.0) -> None:
        """Wait until a client is there; `TimeoutError` otherwise."""
        async with asyncio.timeout(timeout):
            await self._connected.wait()

    async def dial(self, host: str, port: int) -> None:
        """Connect to a listener now and whenever it comes back; returns at once."""
        await self.stop_dialling()
        self._start()
        self._target = (host, port)
        self._dialler = asyncio.create_task(self._keep_dialling(host, port), name="studer dialler")

    async def stop_dialling(self) -> None:
        """Dial no more; a present connection stays."""
        self._target = None
        dialler, self._dialler = self._dialler, None
        if dialler is not None:
            dialler.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await dialler

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve clients that connect to us; returns the port."""
        self._start()
        server = await asyncio.get_running_loop().create_server(self._new_line, host, port)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def pty(self) -> str:
        """Serve a client on a pseudo terminal; returns the path to open."""
        self._start()
        line = PtyLine(self._frame)
        self._begin(line)
        return line.path

    async def drop(self) -> None:
        """Reset all present connections; dialling goes on."""
        for line in list(self._lines):
            line.abort()
        await self._ended()

    async def close(self) -> None:
        """End all connections and tasks."""
        await self.stop_dialling()
        for server in self._servers:
            server.close()
        for line in list(self._lines):
            line.close()
            if isinstance(line, PtyLine):
                self._end(line)
        await self._ended()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        tasks = [*self._tasks, *([self._worker] if self._worker else [])]
        self._worker = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ended(self) -> None:
        for line in list(self._lines):
            if isinstance(line, TcpLine):
                await line.ended.wait()

    def _start(self) -> None:
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="studer serial line")
            if self._portal_period is not None:
                self._spawn(self._portal(self._portal_period))

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _new_line(self) -> TcpLine:
        return TcpLine(self._frame, self._begin, self._end)

    def _begin(self, line: Line) -> None:
        self._lines.append(line)
        self._connected.set()

    def _end(self, line: Line) -> None:
        if line in self._lines:
            self._lines.remove(line)
        if all(other.half_open for other in self._lines):
            self._connected.clear()

    async def _keep_dialling(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                _, line = await loop.create_connection(self._new_line, host, port)
            except OSError:
                await asyncio.sleep(self._redial)
                continue
            await line.ended.wait()
            await asyncio.sleep(self._redial)

    def _fault_set(self, fault: Fault) -> None:
        if fault.name == "second_connection":
            self.faults.clear(fault.name)
            self._forget_connections()

    def _forget_connections(self) -> None:
        """Forget the present connections without telling the other side, and dial again."""
        for line in self._lines:
            line.half_open = True
        if self._lines:
            self._connected.clear()
        if self._dialler is not None and self._target is not None:
            self._dialler.cancel()
            self._dialler = asyncio.create_task(self._keep_dialling(*self._target), name="studer dialler")

    # The serial line

    def _frame(self, line: Line, frame: Frame) -> None:
        self._jobs.put_nowait(_Job(frame, line))

    async def _work(self) -> None:
        while True:
            job = await self._jobs.get()
            try:
                await self._serve(job)
            finally:
                if job.done is not None and not job.done.done():
                    job.done.set_result(None)

    async def _serve(self, job: _Job) -> None:
        self.house.catch_up()
        if job.line is None:
            answer = self.gateway.answer(job.frame, faultless=True).encode()
            await self._wire(job.frame, answer)
            self.portal_answers += 1
            self._broadcast(answer)
            return
        self.requests.append(Request.of(job.frame))
        if self.faults.take("silence"):
            return
        restart = self.faults.take("restart")
        if restart is not None:
            self.faults.clear("restart")
            self.restart(int(restart.argument) if restart.argument else job.frame.destination)
        answer = self.gateway.answer(job.frame).encode()
        await self._wire(job.frame, answer)
        delay = self.faults.take("delay")
        if delay is not None:
            await asyncio.sleep(delay.argument or 0.0)
        if self.faults.take("lost_answer"):
            return
        late = self.faults.take("late_answer")
        if late is not None:
            self._spawn(self._send_late(late.argument or 0.0, job.line, answer))
        else:
            await self._send(job.line, answer)

    async def _wire(self, request: Frame, answer: bytes) -> None:
        """Let the time of the wire and of the bus pass."""
        if self.pace <= 0:
            return
        seconds = (len(request.encode()) + len(answer)) * self._byte_seconds + CAN_SECONDS
        if request.object_type == MULTI_INFO:
            seconds += len(request.data) / 3 * CAN_SECONDS_PER_ITEM
        await asyncio.sleep(seconds * self.pace)

    async def _send_late(self, seconds: float, line: Line, answer: bytes) -> None:
        await asyncio.sleep(seconds)
        await self._send(line, answer)

    async def _send(self, line: Line, answer: bytes) -> None:
        """Put an answer on the wire, with the faults that are on."""
        faults = self.faults
        if faults.take("wrong_checksum"):
            answer = answer[:-1] + bytes((answer[-1] ^ 0x5A,))
        if faults.take("strip_crlf"):
            answer = answer.replace(b"\r\n", b"")
        if faults.take("reset_mid_frame"):
            line.send(answer[: len(answer) // 2])
            # The half has to leave before the reset, which would throw it away.
            await asyncio.sleep(0.02)
            line.abort()
            return
        if faults.take("cut_frame"):
            answer = answer[: len(answer) // 2]
        if faults.take("duplicate"):
            answer += answer
        if faults.take("joined"):
            answer = self.gateway.answer(_portal_request(), faultless=True).encode() + answer
        if faults.take("garbage"):
            answer = self._garbage() + answer + self._garbage()
        if faults.take("crlf"):
            answer += b"\r\n"
        split = faults.take("split")
        if split is None:
            self._broadcast(answer)
            return
        size = max(1, int(split.argument or 1))
        for start in range(0, len(answer), size):
            self._broadcast(answer[start : start + size])
            await asyncio.sleep(0.001)

    def _garbage(self) -> bytes:
        """Return stray bytes: a leading FF, as gateways are seen to send, and a start byte that starts nothing."""
        return bytes((0xFF, 0xAA, *self._random.randbytes(self._random.randint(1, 20))))

    def _broadcast(self, data: bytes) -> None:
        for line in self._lines:
            if not line.half_open:
                line.send(data)

    # The portal

    def portal_request(self) -> asyncio.Future[None]:
        """Let the portal read something now; its answer is mirrored to all clients. Wait for it or not."""
        self._start()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._jobs.put_nowait(_Job(_portal_request(), None, done))
        return done

    async def _portal(self, period: float) -> None:
        while True:
            await asyncio.sleep(period)
            await self.portal_request()

    # The devices

    def restart(self, address: int) -> None:
        """Restart the devices of an address: RAM is lost and the restart flag set."""
        self.gateway.restart(address)

    def set_info(self, address: int, number: int, value: float) -> None:
        """Let an info read ``value`` (may be NaN) instead of what the house says."""
        self.gateway.overrides[address, number] = value

    def clear_info(self, address: int | None = None, number: int | None = None) -> None:
        """Undo `set_info` for one info, for all of a device, or for all."""
        for key in list(self.gateway.overrides):
            if address in (None, key[0]) and number in (None, key[1]):
                del self.gateway.overrides[key]

    @property
    def flash_writes(self) -> Counter[tuple[int, int]]:
        """Return how often each (address, parameter) was written to flash."""
        return self.gateway.installation.flash_writes

    @property
    def ram(self) -> dict[tuple[int, int], float]:
        """Return the values in RAM by (address, parameter)."""
        units = self.gateway.installation.units.values()
        return {(unit.address, number): value for unit in units for number, value in unit.ram.items()}

    def flash(self, address: int, number: int) -> float:
        """Return the value in flash."""
        return self.gateway.installation.units[address].flash[number]

    def set_flash(self, address: int, number: int, value: float) -> None:
        """Put a value into flash as if the owner had set it before; not counted as a write."""
        unit = self.gateway.installation.units[address]
        if number not in catalogue.parameters(unit.family):
            raise KeyError(number)
        unit.flash[number] = value
        self.gateway.apply()

    def effective(self, address: int, number: int) -> float:
        """Return the value that the device works with: RAM before flash."""
        return self.gateway.installation.units[address].effective(number)

    def add_message(self, message_type: int, source: int = 101, *, timestamp: int | None = None) -> None:
        """Store a new message, which sets the pending flag."""
        self.gateway.messages.add(Message(message_type, source, self.gateway.clock if timestamp is None else timestamp))


def _portal_request() -> Frame:
    """Return a multiple read as the portal sends it, with the number of the document's example."""
    return Frame(PORTAL_SOURCE, GATEWAY, READ, MULTI_INFO, 1, 1, _PORTAL_ITEMS)
