"""The master's RS-485 port: frames of ASCII hex (reference section 11)."""

from collections.abc import Callable
from dataclasses import dataclass

from ..faults import Faults
from .behaviour import Behaviour
from .stack import Module, Reading, Stack
from .tables import limits

START, END = 0x7E, 0x0D
LARGEST_FRAME = 4096
BATTERY = 0x46
OK, BAD_CHECKSUM, BAD_LENGTH, UNKNOWN_COMMAND, BAD_FORMAT, BAD_DATA, BAD_ADDRESS = 0, 2, 3, 4, 5, 6, 0x90
ANALOG, ALARMS, PARAMETERS, VERSION, MANUFACTURER = 0x42, 0x44, 0x47, 0x4F, 0x51
CHARGE, SERIAL, SET_LIMITS, TURN_OFF, FIRMWARE = 0x92, 0x93, 0x94, 0x95, 0x96
ALL = 0xFF
MASTER = 2
WIDE = 0xFFFF
"""Charges above it, mAh, do not fit into 16 bits and are told in 24."""


def length_field(count: int) -> str:
    """Return the field LENGTH for ``count`` characters: checksum nibble and count."""
    total = (count >> 8 & 15) + (count >> 4 & 15) + (count & 15)
    return f"{-total & 15:X}{count:03X}"


def frame(version: int, address: int, kind: int, code: int, info: str) -> bytes:
    """Return a whole frame."""
    body = f"{version:02X}{address:02X}{kind:02X}{code:02X}{length_field(len(info))}{info}"
    return f"~{body}{-sum(body.encode()) & 0xFFFF:04X}\r".encode()


@dataclass(frozen=True, slots=True)
class Request:
    """One request that came in whole and right."""

    address: int
    command: int
    info: str


class Rs485:
    """Reads requests and makes the answers."""

    def __init__(self, stack: Stack, behaviour: Behaviour, faults: Faults) -> None:
        """Take the modules that are asked."""
        self._stack = stack
        self._behaviour = behaviour
        self._faults = faults
        self._buffer = bytearray()
        self.requests: list[Request] = []
        self.writes: list[Request] = []
        """Requests that set limits or turn off, which no client may send."""

    def restart(self) -> None:
        """Forget half a frame."""
        self._buffer.clear()

    def take(self, data: bytes) -> list[bytes]:
        """Take bytes from the wire; returns the answers to the frames in them."""
        answers: list[bytes] = []
        for byte in data:
            if byte == START:
                self._buffer.clear()
            self._buffer.append(byte)
            if byte != END or self._buffer[0] != START:
                del self._buffer[:-LARGEST_FRAME]
                continue
            text = bytes(self._buffer[1:-1])
            self._buffer.clear()
            answer = self._answer(text)
            if answer is not None:
                answers.append(answer)
        return answers

    def _first(self) -> int:
        """Return the address of the master."""
        return MASTER + 0x10 * self._behaviour.group

    def _address(self, module: Module) -> int:
        return self._first() + module.slot - 1

    def _answer(self, text: bytes) -> bytes | None:
        try:
            fields = bytes.fromhex(text[:12].decode("ascii"))
            checksum = int(text[-4:], 16)
        except ValueError:
            return None
        if len(fields) < 6 or len(text) < 16:
            return None
        address, kind, command = fields[1:4]
        modules = {self._address(module): module for module in self._stack.present}
        version_asked = command == VERSION and address == 0 and self._behaviour.version_anywhere
        if kind != BATTERY or (address not in modules and not version_asked):
            # Others on the wire are not ours to answer for.
            return None

        def answer(code: int, info: str = "") -> bytes:
            return frame(0x20, address, BATTERY, code, info)

        if -sum(text[:-4]) & 0xFFFF != checksum:
            return answer(BAD_CHECKSUM)
        info = text[12:-4].decode("ascii", "replace")
        if text[8:12].decode("ascii", "replace") != length_field(len(info)):
            return answer(BAD_LENGTH)
        request = Request(address, command, info)
        self.requests.append(request)
        fault = self._faults.take("return_code")
        if fault is not None:
            return answer(int(fault.argument or UNKNOWN_COMMAND))
        return self._carry_out(request, modules, answer)

    def _carry_out(self, request: Request, modules: dict[int, Module], answer: Callable[..., bytes]) -> bytes | None:
        command = request.command
        if command == VERSION:
            return answer(OK)
        if command == MANUFACTURER:
            return answer(OK, self._manufacturer(modules[request.address]))
        if command == PARAMETERS:
            return answer(OK, self._parameters(modules[request.address]))
        if command in (SET_LIMITS, TURN_OFF):
            self.writes.append(request)
            return answer(OK)
        tell = {
            ANALOG: self._analog,
            ALARMS: self._alarms,
            CHARGE: self._charge,
            SERIAL: self._serial,
            FIRMWARE: self._firmware,
        }.get(command)
        if tell is None:
            return answer(UNKNOWN_COMMAND)
        try:
            target = int(request.info, 16)
        except ValueError:
            return answer(BAD_FORMAT)
        if target == ALL and command in (ANALOG, ALARMS):
            if not self._behaviour.answers_all:
                return None
            return answer(OK, f"00{len(modules):02X}" + "".join(tell(module) for module in modules.values()))
        module = modules.get(target)
        if module is None:
            return answer(BAD_ADDRESS)
        head = f"00{target:02X}" if command in (ANALOG, ALARMS) else f"{target:02X}"
        return answer(OK, head + tell(module))

    def _manufacturer(self, module: Module) -> str:
        model = module.model
        name = model.name.encode().ljust(10, b"\0")[:10]
        version = bytes(int(part) for part in model.soft.removeprefix("V").split("."))
        return (name + version + model.maker.encode().ljust(20, b"-")).hex().upper()

    def _analog(self, module: Module) -> str:
        """Return cells, temperatures, current, voltage, charge and cycles of one module."""
        reading = self._stack.read(module)
        degrees = _temperatures(module, reading)
        wide = reading.total > WIDE
        left, total = (0xFFFF, 0xFFFF) if wide else (reading.remaining, reading.total)
        text = f"{len(reading.cells):02X}" + "".join(f"{cell:04X}" for cell in reading.cells)
        text += f"{len(degrees):02X}" + "".join(f"{value:04X}" for value in degrees)
        text += f"{round(reading.current / 100) & 0xFFFF:04X}{reading.voltage:04X}{left:04X}"
        text += f"{4 if wide else 2:02X}{total:04X}{reading.cycles:04X}"
        return text + (f"{reading.remaining:06X}{reading.total:06X}" if wide else "")

    def _alarms(self, module: Module) -> str:
        reading = self._stack.read(module)
        cells = [2 if cell > 3600 else 1 if cell < 2950 else 0 for cell in reading.cells]
        degrees = [2 if value > 3231 else 1 if value < 2731 else 0 for value in _temperatures(module, reading)]
        under = reading.volt_state == "Low"
        status = [
            under << 7 | (reading.cell_volt_state == "Low") << 1 | (reading.volt_state == "High"),
            0x0E,
            (reading.current > 0) << 7 | (reading.current < 0) << 6 | (reading.charge >= 100) << 3,
            0,
            0,
        ]
        values = [len(cells), *cells, len(degrees), *degrees, 0, int(under), 0, *status]
        return bytes(values).hex().upper()

    def _charge(self, module: Module) -> str:
        """Return the limits that the module asks for and what it allows."""
        reading = self._stack.read(module)
        charge, discharge = limits(reading)
        cells = module.model.cells
        status = (
            (charge > 0) << 7 | (discharge < 0) << 6 | (5 <= reading.charge < 10) << 5 | (9 <= reading.charge < 14) << 4
        )
        return f"{3550 * cells:04X}{3133 * cells:04X}{charge // 100:04X}{discharge // 100 & 0xFFFF:04X}{status:02X}"

    def _serial(self, module: Module) -> str:
        return module.serial.encode().hex().upper()

    def _firmware(self, module: Module) -> str:
        version = [int(part) for part in module.model.soft.removeprefix("V").split(".")]
        main = [int("".join(filter(str.isdecimal, part)) or 0) for part in module.model.main_soft.split(".")[:2]]
        return bytes((*version, 0, *main)).hex().upper()

    def _parameters(self, module: Module) -> str:
        model = module.model
        values: tuple[int, ...] = (3650, 3050, 2900, 3341, 2621, model.most_charge // 100, model.most_voltage)
        values += (46000, 44500, 3341, 2621, model.most_discharge // 100)
        return "11" + "".join(f"{value & 0xFFFF:04X}" for value in values)


def _temperatures(module: Module, reading: Reading) -> list[int]:
    """Return the board's and each sensor's temperature in tenths of a kelvin."""
    firsts = [sum(module.model.sensor_cells[:index]) for index in range(len(module.model.sensor_cells))]
    values = [reading.temperature, *(reading.cell_temperatures[first] for first in firsts)]
    return [round(value / 100) + 2731 for value in values]
