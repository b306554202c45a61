"""The gateway's one serial line: requests one after another, at the pace of the wire, and the faults on it.

Every answer goes to all clients, also those to the portal's requests (protocol reference, section 2.2).
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any

from ..faults import Faults
from ..house import House
from .frames import Frame, Request
from .gateway import Gateway
from .lines import Line
from .multi import MULTI_INFO
from .portal import PORTAL_SOURCE, values_request

BITS_PER_BYTE = 10
CAN_SECONDS = 0.02
"""Round trip to a device on the bus for one value."""
CAN_SECONDS_PER_ITEM = 0.001
"""What each further item of a multiple read costs, from the gateway's own image of the devices."""

type Answered = Callable[[Frame | None], None]


@dataclass(frozen=True, slots=True)
class _Job:
    """A request on the line; ``line`` is None when the portal sent it."""

    frame: Frame
    line: Line | None
    answered: Answered | None = None


class SerialLine:
    """The line between the gateway and whoever talks to it."""

    def __init__(self, house: House, gateway: Gateway, faults: Faults, pace: float, baud: int, seed: int) -> None:
        """``pace`` scales the time that wire and bus take (1: real, 0: none)."""
        self._house = house
        self.gateway = gateway
        self._faults = faults
        self.pace = pace
        self._byte_seconds = BITS_PER_BYTE / baud
        self._random = Random(seed)
        self.lines: list[Line] = []
        self.requests: list[Request] = []
        self.portal_answers = 0
        self.on_request: list[Callable[[], None]] = []
        """Called for every request that is not the portal's."""
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._late: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to serve."""
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="studer serial line")

    async def close(self) -> None:
        """End all tasks."""
        tasks = [*self._late, *([self._worker] if self._worker else [])]
        self._worker = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def request(self, line: Line, frame: Frame) -> None:
        """Take a request from a client."""
        if self.gateway.behaviour.any_source or frame.source == PORTAL_SOURCE:
            self._jobs.put_nowait(_Job(frame, line))

    def portal(self, frame: Frame, answered: Answered) -> None:
        """Take a request from the portal. Without a pace it is served at once, in no time."""
        if self.pace <= 0:
            self._deliver_to_portal(self._answer_to_portal(frame), answered)
        else:
            self._jobs.put_nowait(_Job(frame, None, answered))

    # One request after another

    async def _work(self) -> None:
        while True:
            job = await self._jobs.get()
            if job.line is None:
                answer = self._answer_to_portal(job.frame)
                await self._wire(job.frame, answer.encode() if answer is not None else b"")
                self._deliver_to_portal(answer, job.answered)
            else:
                await self._serve(job.frame, job.line)

    def _answer_to_portal(self, frame: Frame) -> Frame | None:
        return None if self.gateway.silent else self.gateway.answer(frame, faultless=True)

    def _deliver_to_portal(self, answer: Frame | None, answered: Answered | None) -> None:
        if answer is not None:
            self.portal_answers += 1
            self._broadcast(answer.encode())
        if answered is not None:
            answered(answer)

    async def _serve(self, frame: Frame, line: Line) -> None:
        self._house.catch_up()
        self.requests.append(Request.of(frame))
        for listener in self.on_request:
            listener()
        if self.gateway.silent or self._faults.take("silence"):
            return
        restart = self._faults.take("restart")
        if restart is not None:
            self._faults.clear("restart")
            self.gateway.restart(int(restart.argument) if restart.argument else frame.destination)
        answer = self.gateway.answer(frame).encode()
        await self._wire(frame, answer)
        delay = self._faults.take("delay")
        if delay is not None:
            await asyncio.sleep(delay.argument or 0.0)
        if self._faults.take("lost_answer"):
            return
        late = self._faults.take("late_answer")
        if late is not None:
            self._spawn(self._send_late(late.argument or 0.0, line, answer))
        else:
            await self._send(line, answer)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)

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

    # What the clients get

    async def _send(self, line: Line, answer: bytes) -> None:
        """Put an answer on the wire, with the faults that are on."""
        faults = self._faults
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
            answer = self.gateway.answer(values_request(), faultless=True).encode() + answer
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
            self._broadcast(answer[start : start + size], last=start + size >= len(answer))
            await asyncio.sleep(0.001)

    def _garbage(self) -> bytes:
        """Return stray bytes: a leading FF, as gateways are seen to send, and a start byte that starts nothing."""
        return bytes((0xFF, 0xAA, *self._random.randbytes(self._random.randint(1, 20))))

    def _broadcast(self, data: bytes, *, last: bool = True) -> None:
        for line in self.lines:
            if not line.half_open:
                line.send(line.dress(data, last=last))
