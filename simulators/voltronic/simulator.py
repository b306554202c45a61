"""The simulated Voltronic-made inverter: lines, pace and faults around one unit."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from time import monotonic
from typing import Any, Self

from ..faults import Fault, Faults
from ..house import House
from .battery import ChargerModel
from .faults import FAULTS
from .frames import CR, LF, SPECIAL, RequestReader, checksum, frame, plain_crc, sum_byte
from .hid import DEFAULT_PATH, HidDevice, HidPort
from .inverter import Inverter, Reply, State, Write
from .lines import Line, PtyLine, TcpLine
from .pi18 import Pi18
from .pi30 import Pi30
from .plant import ChargerPlant, HousePlant
from .profile import Profile, Quirks, load
from .registers import Registers

BYTE_SECONDS = 10 / 2400
"""Time of one byte at 2400 baud with start and stop bit."""
PROCESSING_SECONDS = 0.13
"""Time that the unit thinks before it answers; the reference's measurements less the time of the bytes."""
SUM_COMMANDS = (b"QALL", b"PQSE", b"PSET", b"PQSA")
FOREIGN_QUERIES = ("QMOD", "QPIWS", "QPIGS", "^P006MOD", "^P005GS")
"""What another program on the port asks, in turn, as far as the unit knows it."""
TRUNCATED, PADDED = 20, 8
DETECTED_ONLY = ("PI17", "PI16", "REVO")
"""Dialects whose answers are the profile's as they are: clients only have to recognise them."""


@dataclass(frozen=True, slots=True)
class _Job:
    """A request that came in on a line."""

    body: bytes
    line: Line


class VoltronicSimulator:
    """One inverter on a serial port that all of its clients share, as they do behind a real gateway."""

    def __init__(
        self,
        *,
        house: House | None = None,
        profile: str | Path | Profile = "mks_48v_parallel",
        charger: ChargerModel | None = None,
        pace: float = 1.0,
        live: bool = True,
        member: int | None = None,
        hid_path: bytes = DEFAULT_PATH,
        clock: Callable[[], float] = monotonic,
        **quirks: Any,
    ) -> None:
        """Build the unit.

        ``profile`` is the name of one that comes with the simulator, the path of a JSON file, or a profile. The live
        values come from ``house``, or from ``charger`` where one is given; with ``live`` False the profile's answers
        are given as they are, except for settings. ``pace`` scales the time of the wire (1: 2400 baud, 0: none).
        ``member`` is the number of this unit in the profile's parallel group. ``clock`` is used for delays of settings
        and for the time in `writes`. Every field of `Quirks` may be given as an option.
        """
        known = {entry.name for entry in fields(Quirks)}
        if quirks.keys() - known:
            raise TypeError(f"unknown option {', '.join(sorted(quirks.keys() - known))}")
        self.profile = profile if isinstance(profile, Profile) else load(profile)
        self.quirks = replace(self.profile.quirks, **quirks)
        self.house = house or House()
        self.charger = charger
        self.faults = Faults(FAULTS)
        self.faults.on_set(self._fault_set)
        self.pace = pace
        self.clock = clock
        self.requests: list[str] = []
        """Text of every request with a right checksum that reached the unit."""
        self.bad_requests: list[bytes] = []
        """Every request whose checksum was wrong, without its CR."""
        plant = HousePlant(self.house, self.profile.battery) if charger is None else ChargerPlant(charger)
        kind = Pi18 if self.profile.family in ("PI18", "PI17") else Pi30
        self.inverter: Inverter = kind(
            self.profile, self.quirks, plant, self.faults, clock, member=self._member(member)
        )
        self.inverter.live = live and self.profile.family not in DETECTED_ONLY
        self._hid_path = hid_path
        self._hid_port: HidPort | None = None
        self._lines: list[Line] = []
        self._reader = RequestReader()
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._worker: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self._silent_until = 0.0
        self._last_request: float | None = None
        self._last_answer = b""
        self._foreign = 0

    def _member(self, told: int | None) -> int:
        if told is not None:
            return told
        serial = self.profile.replies.get("QID", "")
        return self.profile.members.index(serial) if serial in self.profile.members else 0

    async def __aenter__(self) -> Self:
        """Return the simulator."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close it."""
        await self.close()

    # Connections

    @property
    def connected(self) -> bool:
        """Tell whether a client is there (a pseudo terminal and USB always are)."""
        return self._connected.is_set()

    async def wait_connected(self, timeout: float = 10.0) -> None:
        """Wait until a client is there; `TimeoutError` otherwise."""
        async with asyncio.timeout(timeout):
            await self._connected.wait()

    async def dial(self, host: str, port: int) -> None:
        """Refuse: no gateway of these units dials a listener."""
        raise OSError(f"an inverter's serial server does not dial {host}:{port}: it listens")

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve as a raw TCP serial server; returns the port."""
        self._start()
        server = await asyncio.get_running_loop().create_server(self._new_line, host, port)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def pty(self) -> str:
        """Serve on a raw pseudo terminal; returns the path to open."""
        self._start()
        line = PtyLine(self._bytes, self._end)
        self._begin(line)
        return line.path

    def hid_port(self) -> HidPort:
        """Return the USB socket, which can stand in for the hidraw module (``device`` and ``enumerate``).

        Call it in the event loop; what it gives may then be used in any thread.
        """
        self._start()
        if self._hid_port is None:
            self._hid_port = HidPort(
                self._bytes,
                path=self._hid_path,
                drops_zero=lambda: self.quirks.usb_drops_zero,
                write_fails=lambda: self.faults.take("write_timeout") is not None,
            )
            self._begin(self._hid_port)
        return self._hid_port

    def hid(self) -> HidDevice:
        """Return a new handle of the USB socket, to be opened with its node's path."""
        return self.hid_port().device()

    def unplug(self) -> None:
        """Take the USB cable out."""
        self.hid_port().unplug()

    def replug(self, path: bytes = DEFAULT_PATH) -> None:
        """Put the USB cable in again, perhaps under another node."""
        self.hid_port().replug(path)

    async def drop(self) -> None:
        """Reset all TCP connections; the server stays."""
        lines = [line for line in self._lines if isinstance(line, TcpLine)]
        for line in lines:
            line.reset()
        for line in lines:
            await line.ended.wait()

    async def close(self) -> None:
        """End all connections and tasks."""
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
        self._lines.clear()
        self._connected.clear()
        tasks = [*self._tasks, *([self._worker] if self._worker else [])]
        self._worker = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self) -> None:
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="voltronic serial port")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _new_line(self) -> TcpLine:
        return TcpLine(self._bytes, self._begin, self._end)

    def _begin(self, line: Line) -> None:
        self._lines.append(line)
        self._connected.set()

    def _end(self, line: Line) -> None:
        with suppress(ValueError):
            self._lines.remove(line)
        if not self._lines:
            self._connected.clear()

    # Requests

    def _fault_set(self, fault: Fault) -> None:
        if fault.name == "silence" and fault.argument is not None:
            self.faults.clear("silence")
            self._silent_until = self.clock() + fault.argument

    def _bytes(self, line: Line, data: bytes) -> None:
        # One port, one stream: half requests of two clients mix, as they do behind a gateway that shares.
        for body in self._reader.feed(data):
            self._jobs.put_nowait(_Job(body, line))

    async def _work(self) -> None:
        while True:
            await self._serve(await self._jobs.get())

    async def _serve(self, job: _Job) -> None:
        if self._lost():
            return
        if self.faults.take("disconnect"):
            job.line.abort()
            return
        restart = self.faults.take("restart")
        if restart is not None:
            self.faults.clear("restart")
            self._restart(restart.argument or 0.0)
            return
        self.inverter.plant.catch_up()
        reply = self._reply(job.body)
        if reply is None:
            return
        data = self._encoded(reply)
        if self.pace > 0:
            await asyncio.sleep(((len(job.body) + 1 + len(data)) * BYTE_SECONDS + PROCESSING_SECONDS) * self.pace)
        delay = self.faults.take("delay")
        if delay is not None:
            await asyncio.sleep(delay.argument or 0.0)
        if self.faults.take("lost_answer"):
            return
        await self._send(data, job.body)

    def _lost(self) -> bool:
        """Tell whether the request does not reach the unit."""
        now = self.clock()
        last, self._last_request = self._last_request, now
        if now < self._silent_until or self.faults.take("silence") or self.faults.take("lost_request"):
            return True
        swallow = self.faults.peek("swallow")
        if swallow is None or (last is not None and now - last < (swallow.argument or 0.0)):
            return False
        self.faults.take("swallow")
        return True

    def _restart(self, seconds: float) -> None:
        self._silent_until = self.clock() + seconds
        self._reader.clear()
        self.faults.clear("all_nak")
        self.inverter.restart()
        port = self._hid_port
        if port is not None and port.path is not None:
            # The node comes back under the next number.
            number = int(port.path.removeprefix(b"/dev/hidraw")) + 1
            port.unplug()
            asyncio.get_running_loop().call_later(seconds, port.replug, b"/dev/hidraw%d" % number)

    def _reply(self, body: bytes) -> Reply | None:
        text = self._checked(body)
        if text is None:
            self.bad_requests.append(body)
            return None if self.quirks.unknown == "silence" else self.inverter.refusal
        self.requests.append(text)
        if self.faults.take("all_nak"):
            return self.inverter.refusal
        return self.inverter.answer(text)

    def _checked(self, body: bytes) -> str | None:
        """Return the text of a request, None when its checksum is wrong."""
        if self.profile.family in ("PI17", "PI16"):
            return body.decode("latin-1")
        if self.profile.family == "REVO" and body[:-1] in SUM_COMMANDS and sum_byte(body[:-1]) == body[-1:]:
            return body[:-1].decode("latin-1")
        data, end = body[:-2], body[-2:]
        vendor, bumped = checksum(data), checksum(data, zero_bumped=True)
        accepted = {"vendor": (vendor,), "bumped": (bumped,), "both": (vendor, bumped)}[self.quirks.request_zero]
        return data.decode("latin-1") if data and end in accepted else None

    # Answers

    def _encoded(self, reply: Reply) -> bytes:
        """Return an answer's bytes, with the faults of its text and checksum."""
        faults, text = self.faults, reply.text
        data = text.encode("latin-1")
        if reply.end == "none":
            return data + bytes((CR,))
        if reply.end in ("sum", "sum and LF"):
            return data + sum_byte(data) + bytes((LF if reply.end == "sum and LF" else CR,))
        simple = text in ("(ACK", "(NAK", "^0", "^1")
        if simple and (self.quirks.bare_answers or faults.take("bare_answer")):
            return data + bytes((CR,))
        if text == "(NAK" and faults.take("disguised_nak"):
            return b"(NA?" + checksum(data) + bytes((CR,))
        bumped = self.quirks.answer_zero_bumped
        plain = plain_crc(data).to_bytes(2)
        if b"\0" in plain:
            zero = faults.take("zero_in_crc")
            bumped = bumped or (zero is not None and zero.argument == 1)
        adjusted = plain == checksum(data) or faults.take("unadjusted_crc") is None
        return frame(text, zero_bumped=bumped, adjusted=adjusted)

    def _damaged(self, data: bytes) -> bytes:
        """Return an answer as a bad wire delivers it."""
        faults = self.faults
        if faults.take("bit_flip"):
            middle = len(data) // 2
            data = data[:middle] + bytes((data[middle] ^ 0x04,)) + data[middle + 1 :]
        if faults.take("wrong_crc"):
            wrong = data[-2] ^ 0x55
            data = data[:-2] + bytes((wrong ^ 0x02 if wrong in SPECIAL else wrong,)) + data[-1:]
        if faults.take("missing_crc_byte"):
            data = data[:-2] + data[-1:]
        cut = faults.take("truncate")
        if cut is not None:
            data = data[: min(int(cut.argument or TRUNCATED), len(data) - 1)]
        return data

    async def _send(self, data: bytes, request: bytes) -> None:
        """Put an answer on the wire, with the faults that are on."""
        faults, answer = self.faults, data
        data = self._damaged(data)
        if self.quirks.line_feed or faults.take("line_feed"):
            data += bytes((LF,))
        padding = faults.take("padding")
        data += b"\0" * (self.quirks.padding if padding is None else int(padding.argument or PADDED))
        stale = faults.take("stale")
        if stale is not None:
            data = self._last_answer[-int(stale.argument or 0) :] + data
        zeros = faults.take("leading_zeros")
        if zeros is not None:
            data = b"\0" * int(zeros.argument or PADDED) + data
        if faults.take("echo"):
            data = request + bytes((CR,)) + data
        if faults.take("garbage"):
            data = b"\xff\x00\x81\x0a" + data
        if faults.take("glued"):
            data += self._foreign_answer()
        if faults.take("foreign"):
            data = self._foreign_answer() + data
        self._last_answer = answer
        split = faults.take("split")
        if split is None:
            self._broadcast(data)
            return
        size = max(1, int(split.argument or 1))
        for start in range(0, len(data), size):
            self._broadcast(data[start : start + size])
            await asyncio.sleep(0.001)

    def _broadcast(self, data: bytes) -> None:
        for line in list(self._lines):
            line.send(data)

    def _foreign_answer(self) -> bytes:
        """Return the answer that another program gets, to another question each time."""
        known = [query for query in FOREIGN_QUERIES if query in self.inverter.registers]
        if not known:
            return b""
        self._foreign += 1
        text = known[(self._foreign - 1) % len(known)]
        faults, self.inverter.faults = self.inverter.faults, Faults(FAULTS)
        try:
            reply = self.inverter.answer(text)
        finally:
            self.inverter.faults = faults
        return b"" if reply is None else frame(reply.text)

    def other_program(self) -> None:
        """Let every client see an answer that another program asked for."""
        self._broadcast(self._foreign_answer())

    # The unit

    @property
    def writes(self) -> list[Write]:
        """Return every setting that reached the unit, accepted or refused."""
        return self.inverter.writes

    @property
    def registers(self) -> Registers:
        """Return what the unit remembers."""
        return self.inverter.registers

    @property
    def state(self) -> State:
        """Return the unit's fault code, warnings, forced mode and clock, which may be set."""
        return self.inverter.state

    def field(self, query: str, index: int) -> str:
        """Return one field of an answer as it is remembered."""
        return self.inverter.registers.get(query, index)

    def set_field(self, query: str, index: int, text: str) -> None:
        """Set one field as the owner does at the unit's panel: not a write, but the unit tells of the change."""
        self.inverter.registers.put(query, index, text)
        self.state.changed = True
        self.inverter.apply_to_charger()

    def set_reply(self, query: str, data: str) -> None:
        """Set a whole answer, without its start byte; live values still overlay the answers that have them."""
        self.inverter.registers.replace(query, data)

    def remove_reply(self, query: str) -> None:
        """Make a query unknown to the unit."""
        self.inverter.registers.remove(query)
