"""The Xcom-485i: the same installation as registers (protocol reference, section 13)."""

import asyncio
import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from struct import pack, unpack

from ..faults import Faults
from ..house import House
from . import catalogue, errors
from .errors import ScomError
from .gateway import Gateway
from .installation import FIRST_ADDRESS, GATEWAY, MAXIMUM, MINIMUM, UNSAVED_VALUE, VALUE, Unit
from .lines import Line, TcpLine
from .messages import Message
from .rtu import (
    BUSY,
    FAILURE,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    READ_HOLDING,
    READ_INPUT,
    WRITE_REGISTERS,
    Modbus,
    ModbusError,
    frame,
    words_frame,
)
from .rtu_lines import Heard, RtuPtyLine, RtuTcpLine

BAUDS = (9600, 19200, 38400, 115200)
OFFSETS = (0, 32, 64, 128)
MOST_PENDING = 128
_BITS_PER_BYTE = 11
_CAN_SECONDS = 0.02

_GATEWAY_UNIT, _SYSTEM_UNIT = 1, 2
_PHASE_UNITS = (7, 8, 9)
_FIRST_UNIT = {"xt": 11, "vt": 21, "vs": 41, "bsp": 61, "bms": 61}
_ALL_UNITS = {10: 100, 20: 300, 40: 700, 60: 600}
_INFO_BASE = {"xt": 3000, "vt": 11000, "vs": 15000, "bsp": 7000, "bms": 7000}
_PARAMETER_BASE = {"xt": 1100, "vt": 10000, "vs": 14000, "bsp": 6000, "bms": 6000}
_PROPERTIES = {0: VALUE, 1: MINIMUM, 2: MAXIMUM, 3: UNSAVED_VALUE}
_BLOCK = 2000
_REFUSALS = {
    errors.DATA_TOO_SMALL: ILLEGAL_VALUE,
    errors.DATA_TOO_BIG: ILLEGAL_VALUE,
    errors.INVALID_DATA: ILLEGAL_VALUE,
    errors.DEVICE_NOT_FOUND: ILLEGAL_ADDRESS,
    errors.OBJECT_ID_NOT_FOUND: ILLEGAL_ADDRESS,
    errors.OBJECT_NOT_SUPPORTED: ILLEGAL_ADDRESS,
    errors.PROPERTY_NOT_SUPPORTED: ILLEGAL_ADDRESS,
}


@dataclass(frozen=True, slots=True)
class ModbusBehaviour:
    """How the Xcom-485i is set, and switches for what the reference leaves open.

    ``offset`` (DIP 1, 2) is 0, 32, 64 or 128, ``baud`` (DIP 7, 8) 9600, 19200, 38400 or 115200. ``absent_silent``: a
    unit that does not exist answers nothing instead of exception 02. ``block``: registers that one read may ask for, 2
    as documented. ``counts`` False is a firmware without the device counts in registers 5 to 9. ``four_digit_year``:
    the clock tells and takes the year with its century.
    """

    offset: int = 0
    baud: int = 38400
    absent_silent: bool = False
    block: int = 2
    counts: bool = True
    four_digit_year: bool = False

    def __post_init__(self) -> None:
        if self.offset not in OFFSETS or self.baud not in BAUDS:
            raise ValueError("the switches allow no such offset or baud rate")


class Xcom485i:
    """A Modbus slave for every device of the installation. It takes one request after another."""

    def __init__(self, house: House, gateway: Gateway, faults: Faults, behaviour: ModbusBehaviour, pace: float) -> None:
        """``pace`` scales the time that wire and bus take (1: real, 0: none)."""
        self._house = house
        self._gateway = gateway
        self._faults = faults
        self.behaviour = behaviour
        self._pace = pace
        self.requests: list[Modbus] = []
        self._pending: deque[Message] = deque(maxlen=MOST_PENDING)
        gateway.on_message.append(self._pending.append)
        self._lines: list[Line] = []
        self._servers: list[asyncio.Server] = []
        self._jobs: asyncio.Queue[tuple[Line, Heard]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    # Connections

    async def listen(self, host: str, port: int) -> int:
        """Serve RTU frames over TCP, as a bridge does; returns the port."""
        self._start()
        server = await asyncio.get_running_loop().create_server(
            lambda: RtuTcpLine(self._request, self._lines.append, self._lines.remove), host, port
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def pty(self) -> str:
        """Serve on a pseudo terminal; returns the path to open."""
        self._start()
        line = RtuPtyLine(self._request)
        self._lines.append(line)
        return line.path

    async def close(self) -> None:
        """End all connections and tasks."""
        for server in self._servers:
            server.close()
        for line in list(self._lines):
            line.close()
            if isinstance(line, TcpLine):
                await line.ended.wait()
        for server in self._servers:
            await server.wait_closed()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self) -> None:
        if not self._tasks:
            self._spawn(asyncio.create_task(self._work(), name="studer modbus line"))

    def _spawn(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _request(self, line: Line, request: Heard) -> None:
        self._jobs.put_nowait((line, request))

    async def _work(self) -> None:
        while True:
            await self._serve(*await self._jobs.get())

    async def _serve(self, line: Line, request: Heard) -> None:
        self._house.catch_up()
        if isinstance(request, Modbus):
            self.requests.append(request)
        faults = self._faults
        if self._gateway.silent or faults.take("silence"):
            return
        answer = self.answer(request)
        if answer is None:
            return
        if self._pace > 0:
            wire = (len(answer) + 8) * _BITS_PER_BYTE / self.behaviour.baud
            await asyncio.sleep((wire + _CAN_SECONDS) * self._pace)
        delay = faults.take("delay")
        if delay is not None:
            await asyncio.sleep(delay.argument or 0.0)
        if faults.take("lost_answer"):
            return
        if faults.take("wrong_checksum"):
            answer = answer[:-1] + bytes((answer[-1] ^ 0x5A,))
        if faults.take("cut_frame"):
            answer = answer[: len(answer) // 2]
        if faults.take("wrong_unit"):
            answer = frame(answer[0] ^ 1, answer[1], answer[2:-2])
        late = faults.take("late_answer")
        if late is None:
            line.send(answer)
        else:
            self._spawn(asyncio.create_task(self._send_late(late.argument or 0.0, line, answer)))

    @staticmethod
    async def _send_late(seconds: float, line: Line, answer: bytes) -> None:
        await asyncio.sleep(seconds)
        line.send(answer)

    # Answers

    def answer(self, request: Heard) -> bytes | None:
        """Carry out a request and return the bytes of its answer; None is silence."""
        known = isinstance(request, Modbus)
        unit, function = (request.unit, request.function) if isinstance(request, Modbus) else request
        address = unit - self.behaviour.offset
        if not 1 <= address <= 63:
            # Broadcasts and the addresses of other devices on the wire are not ours to answer.
            return None
        try:
            if not known:
                raise ModbusError(ILLEGAL_FUNCTION)
            self._refuse()
            assert isinstance(request, Modbus)
            if request.function == WRITE_REGISTERS:
                self._write(address, request)
                return frame(unit, function, pack(">HH", request.register, request.count))
            return words_frame(request, self._read(address, request))
        except ScomError as error:
            if error.code == errors.DEVICE_NOT_FOUND and self.behaviour.absent_silent:
                return None
            code = _REFUSALS.get(error.code, FAILURE)
        except ModbusError as error:
            code = error.code
        return frame(unit, function | 0x80, bytes((code,)))

    def _refuse(self) -> None:
        if self._faults.take("busy") or self._gateway.busy_until is not None:
            raise ModbusError(BUSY)
        if self._faults.take("refused"):
            raise ModbusError(FAILURE)

    def _read(self, address: int, request: Modbus) -> list[int]:
        if address == _GATEWAY_UNIT and request.function == READ_INPUT:
            return self._gateway_registers(request)
        if address == _SYSTEM_UNIT and request.function == READ_HOLDING:
            return _cut(self._clock_registers(), request)
        if request.count % 2 or request.register % 2 or not request.count:
            raise ModbusError(ILLEGAL_ADDRESS)
        if request.count > self.behaviour.block:
            raise ModbusError(ILLEGAL_VALUE)
        unit = self._single(address)
        value = self._info if request.function == READ_INPUT else self._parameter
        words: list[int] = []
        for register in range(request.register, request.register + request.count, 2):
            words += unpack(">HH", pack(">f", value(unit, register)))
        return words

    def _write(self, address: int, request: Modbus) -> None:
        if request.count != len(request.words):
            raise ModbusError(ILLEGAL_VALUE)
        if address == _SYSTEM_UNIT:
            self._set_clock(request)
            return
        if request.count != 2 or request.register % 2:
            raise ModbusError(ILLEGAL_VALUE if request.count != 2 else ILLEGAL_ADDRESS)
        block, register = divmod(request.register, _BLOCK)
        if block not in (0, 3):
            raise ModbusError(ILLEGAL_ADDRESS)
        value = float(unpack(">f", pack(">HH", *request.words))[0])
        if math.isnan(value):
            raise ModbusError(ILLEGAL_VALUE)
        units = [unit for unit in self._units(address) if unit.running]
        if not units:
            raise ScomError(errors.RESPONSE_TIMEOUT)
        for unit in units:
            number = _PARAMETER_BASE[unit.family] + register // 2
            kept = self._gateway.installation.put(unit, number, value, permanent=block == 0)
            self._gateway.wrote(unit, number, kept, permanent=block == 0)
        self._gateway.apply()

    # Devices

    def _units(self, address: int) -> list[Unit]:
        """Return the units that a Modbus address means, for a write."""
        installation = self._gateway.installation
        if address in _ALL_UNITS:
            return installation.targets(_ALL_UNITS[address])
        if address in _PHASE_UNITS:
            return installation.targets(191 + _PHASE_UNITS.index(address))
        for unit in installation.units.values():
            if unit.address != GATEWAY and _unit_address(unit.family, unit.address) == address:
                return [unit]
        raise ScomError(errors.DEVICE_NOT_FOUND)

    def _single(self, address: int) -> Unit:
        if address in _ALL_UNITS:
            raise ModbusError(ILLEGAL_ADDRESS)
        unit = self._units(address)[0]
        if not unit.running:
            raise ScomError(errors.RESPONSE_TIMEOUT)
        return unit

    def _info(self, unit: Unit, register: int) -> float:
        """Return an info; what this device does not have reads as "not a number" when its family's numbers do."""
        number = _INFO_BASE[unit.family] + register // 2
        try:
            return self._gateway.info(unit, number)
        except ScomError:
            other = {"bms": "bsp", "bsp": "bms"}.get(unit.family, unit.family)
            if number in catalogue.infos(unit.family) or number in catalogue.infos(other):
                return math.nan
            raise

    def _parameter(self, unit: Unit, register: int) -> float:
        block, register = divmod(register, _BLOCK)
        if block not in (0, 1, 2):
            raise ModbusError(ILLEGAL_ADDRESS)
        number = _PARAMETER_BASE[unit.family] + register // 2
        installation = self._gateway.installation
        data = installation.read(unit, number, _PROPERTIES[block])
        return catalogue.decode(unit.parameters[number].wire_format, data)

    # The gateway and the clock

    def _gateway_registers(self, request: Modbus) -> list[int]:
        """Number of pending messages, the oldest one (which reading removes), and how many devices there are."""
        installation = self._gateway.installation
        words = [len(self._pending), 0, 0, 0, 0]
        if self._pending:
            oldest = self._pending[0]
            value = oldest.value & 0xFFFFFFFF
            words[1:] = [self._source(oldest.source), oldest.message_type, value >> 16, value & 0xFFFF]
        if self.behaviour.counts:
            battery = installation.family("bsp") + installation.family("bms")
            words += [len(installation.family(family)) for family in ("xt", "vt", "vs")] + [len(battery), 0]
        answer = _cut(words, request)
        if self._pending and request.register < 5 and request.register + request.count > 1:
            self._pending.popleft()
        return answer

    def _source(self, address: int) -> int:
        unit = self._gateway.installation.units.get(address)
        if unit is None or unit.address == GATEWAY:
            return _GATEWAY_UNIT + self.behaviour.offset
        return _unit_address(unit.family, unit.address) + self.behaviour.offset

    def _clock_registers(self) -> list[int]:
        now = self._gateway.wall_clock.now
        year = now.year if self.behaviour.four_digit_year else now.year % 100
        time = [now.microsecond // 1000, now.second, now.minute, now.hour]
        return [*time, now.isoweekday(), now.day, now.month, year]

    def _set_clock(self, request: Modbus) -> None:
        if request.register != 0 or request.count != 8:
            raise ModbusError(ILLEGAL_ADDRESS)
        _, second, minute, hour, _, day, month, year = request.words
        if (year > 99) != self.behaviour.four_digit_year:
            raise ModbusError(ILLEGAL_VALUE)
        try:
            wanted = datetime(year if year > 99 else 2000 + year, month, day, hour, minute, second)  # noqa: DTZ001
        except ValueError:
            raise ModbusError(ILLEGAL_VALUE) from None
        self._gateway.wall_clock.set(int((wanted - _EPOCH) / timedelta(seconds=1)))


_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock has no zone


def _unit_address(family: str, address: int) -> int:
    return _FIRST_UNIT[family] + address - FIRST_ADDRESS[family]


def _cut(words: list[int], request: Modbus) -> list[int]:
    """Return the registers that were asked for; all of them must exist."""
    end = request.register + request.count
    if not request.count or end > len(words):
        raise ModbusError(ILLEGAL_ADDRESS)
    return words[request.register : end]
