"""RS-485: frames, their two checksums and what the replies mean (reference section 11)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..errors import BadAnswerError, DeviceAbsentError, DeviceRefusedError, NotSupportedError
from . import alarms, states
from .blocks import Block, Fields
from .codec import DEVICE, damaged
from .codec_cells import MOST_CELLS

START, END = b"~", b"\r"
VERSION = 0x20
CID1 = 0x46
FIRST_ADDRESS = 0x02
"""The master; its slaves follow."""
MOST_MODULES = 12
"""Addresses 02 to 0D of one group."""
GROUP = 0x10
LONGEST = 13 + 0xFFF + 4
_HEX = re.compile(rb"[0-9A-F]+")
_REFUSALS = {
    0x01: "it speaks another version of the protocol",
    0x02: "the checksum was wrong",
    0x03: "the checksum of the length was wrong",
    0x04: "it does not know the command",
    0x05: "the format was wrong",
    0x06: "the data was wrong",
    0x90: "there is no module of that address",
    0x91: "it does not reach the module",
}
_UNKNOWN_COMMAND, _NO_MODULE, _NOT_REACHED = 0x04, 0x90, 0x91


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. ``code`` is the command in a request and the return code in a reply."""

    address: int
    code: int
    info: bytes = b""
    version: int = VERSION


def length_field(size: int) -> int:
    """The length of INFO in characters with its checksum in the highest digit."""
    digits = (size & 0xF) + (size >> 4 & 0xF) + (size >> 8 & 0xF)
    return (-digits & 0xF) << 12 | size


def checksum(text: bytes) -> int:
    """The checksum of everything between the start and itself."""
    return -sum(text) & 0xFFFF


def encode(frame: Frame) -> bytes:
    """The bytes of a frame, from ``~`` to CR."""
    info = frame.info.hex().upper()
    body = f"{frame.version:02X}{frame.address:02X}{CID1:02X}{frame.code:02X}{length_field(len(info)):04X}{info}"
    return START + body.encode() + f"{checksum(body.encode()):04X}".encode() + END


def decode(raw: bytes) -> Frame:
    """Read one frame, with or without its end; raises ``BadAnswerError`` when anything of it is wrong."""
    body = raw.removeprefix(START).removesuffix(END)
    if len(body) < 16 or len(body) % 2 or len(body) > LONGEST or not _HEX.fullmatch(body):
        raise damaged("frame", f"{len(body)} characters that are no frame")
    if int(body[-4:], 16) != checksum(body[:-4]):
        raise damaged("frame", "wrong checksum")
    length = int(body[8:12], 16)
    if length_field(length & 0xFFF) != length:
        raise damaged("frame", "wrong checksum of the length")
    info = body[12:-4]
    if len(info) != length & 0xFFF:
        raise damaged("frame", f"{len(info)} characters instead of {length & 0xFFF}")
    version, address, first, code = bytes.fromhex(body[:8].decode())
    if first != CID1:
        raise damaged("frame", f"CID1 {first:02X} is no battery")
    return Frame(address, code, bytes.fromhex(info.decode()), version)


def split(buffer: bytearray) -> tuple[list[bytes], int]:
    """Take whole frames out of ``buffer``; returns them and how many bytes belonged to none."""
    found: list[bytes] = []
    dropped = 0
    while (end := buffer.find(END)) >= 0:
        piece = bytes(buffer[: end + 1])
        del buffer[: end + 1]
        start = piece.rfind(START)
        if start < 0:
            dropped += len(piece)
        else:
            dropped += start
            found.append(piece[start:])
    if len(buffer) > LONGEST:
        dropped += len(buffer)
        buffer.clear()
    return found, dropped


def check_code(frame: Frame, command: str) -> None:
    """Raise the error that the return code of a reply means; return when it is none."""
    if frame.code == 0:
        return
    reason = _REFUSALS.get(frame.code, "it gave a reason that is not known")
    kind: type[DeviceRefusedError] = DeviceRefusedError
    if frame.code == _UNKNOWN_COMMAND:
        kind = NotSupportedError
    elif frame.code in (_NO_MODULE, _NOT_REACHED):
        kind = DeviceAbsentError
    raise kind(device=f"Module at address {frame.address:02X}", code=f"{frame.code:02X}", reason=f"{command}: {reason}")


class _Reader:
    """Takes the parts of INFO one after the other; raises ``BadAnswerError`` when there are too few or too many."""

    def __init__(self, what: str, info: bytes) -> None:
        self._what, self._info, self._at = what, info, 0

    def take(self, size: int) -> bytes:
        part = self._info[self._at : self._at + size]
        if len(part) != size:
            raise damaged(self._what, f"{len(self._info)} bytes are too few")
        self._at += size
        return part

    def whole(self, size: int = 1, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), signed=signed)

    def count(self, most: int, what: str) -> int:
        number = self.whole()
        if number > most:
            raise damaged(self._what, f"{number} {what}")
        return number

    def end(self) -> None:
        if self._at != len(self._info):
            raise damaged(self._what, f"{len(self._info) - self._at} bytes too many")


def _temperature(reader: _Reader) -> float:
    """°C from tenths of a kelvin."""
    return round((reader.whole(2) - 2731) / 10.0, 1)


def read_analog(info: bytes) -> Fields:
    """The values of one module (command 42)."""
    reader = _Reader("analog values", info)
    reader.take(2)
    cells = [reader.whole(2) / 1000.0 for _ in range(reader.count(MOST_CELLS, "cells"))]
    temperatures = [_temperature(reader) for _ in range(reader.count(MOST_CELLS, "temperatures"))]
    current = reader.whole(2, signed=True) / 10.0
    voltage = reader.whole(2) / 1000.0
    remaining = reader.whole(2) / 1000.0
    items = reader.whole()
    total = reader.whole(2) / 1000.0
    cycles = reader.whole(2)
    if items == 4:
        # Modules above 65 Ah need three bytes.
        remaining, total = reader.whole(3) / 1000.0, reader.whole(3) / 1000.0
    elif items != 2:
        raise damaged("analog values", f"{items} items of an unknown kind")
    reader.end()
    if not cells or not temperatures:
        raise damaged("analog values", "no cells or no temperatures")
    board, *sensors = temperatures
    sensors = sensors or [board]
    spread = round(max(cells) - min(cells), 3)
    share = 100.0 * remaining / total if total else None
    fields: Fields = {
        "battery_voltage": voltage,
        "battery_current": current,
        # Positive while discharging.
        "battery_power": round(-voltage * current, 3) + 0.0,
        "battery_state": "charging" if current > 0 else "discharging" if current < 0 else "idle",
        "state_of_charge": None if share is None else round(min(share, 100.0), 1),
        "remaining_capacity": remaining,
        "total_capacity": total,
        "cycles": cycles,
        "battery_temperature": board,
        "highest_cell_temperature": max(sensors),
        "lowest_cell_temperature": min(sensors),
        "highest_cell_voltage": max(cells),
        "lowest_cell_voltage": min(cells),
        "mean_cell_voltage": round(sum(cells) / len(cells), 4),
        "cell_voltage_spread": spread,
        "cell_balance": states.balance(spread),
    }
    fields |= {f"cell_voltage_{number}": value for number, value in enumerate(cells, 1)}
    fields |= {f"cell_temperature_{number}": value for number, value in enumerate(sensors, 1)}
    return fields


def _level(codes: bytes) -> str:
    """The level that several bytes tell together: the first that is not normal."""
    return next((states.LEVEL_CODES.get(code, states.OTHER) for code in codes if code), "normal")


def read_alarms(info: bytes) -> Fields:
    """The alarms of one module (command 44)."""
    reader = _Reader("alarms", info)
    reader.take(2)
    cells = reader.take(reader.count(MOST_CELLS, "cells"))
    temperatures = reader.take(reader.count(MOST_CELLS, "temperatures"))
    charge, voltage, discharge = reader.take(1), reader.take(1), reader.take(1)
    first, second, third, fourth, fifth = reader.take(5)
    reader.end()
    fields: Fields = {
        "voltage_state": "under" if first & 0x80 else "over" if first & 0x01 else _level(voltage),
        "current_state": "over" if first & 0x14 else _level(charge + discharge),
        "temperature_state": _level(temperatures[:1]),
        "cell_voltage_state": "under" if first & 0x02 else _level(cells),
        "cell_temperature_state": "over" if first & 0x60 else _level(temperatures[1:]),
        "charge_fet_on": bool(second & 0x02),
        "discharge_fet_on": bool(second & 0x04),
        "fully_charged": bool(third & 0x08),
    }
    active = list(alarms.of_states(fields)) + [alarms.CELL_MEASUREMENT.slug] * bool(fourth or fifth)
    return fields | {
        "module_problem": bool(active),
        "active_alarms": alarms.listing(active),
        "state_words": f"status {first:02X} {second:02X} {third:02X} {fourth:02X} {fifth:02X}",
    }


def read_limits(info: bytes) -> Fields:
    """What the module allows now (command 92)."""
    reader = _Reader("limits", info)
    reader.take(1)
    highest, lowest = reader.whole(2) / 1000.0, reader.whole(2) / 1000.0
    charge, discharge = reader.whole(2, signed=True) / 10.0, reader.whole(2, signed=True) / 10.0
    status = reader.whole()
    reader.end()
    return {
        "charge_voltage_limit": highest,
        "discharge_voltage_limit": lowest,
        "charge_current_limit": charge,
        "discharge_current_limit": abs(discharge),
        "charge_enabled": bool(status & 0x80),
        "discharge_enabled": bool(status & 0x40),
        "charge_at_once": bool(status & 0x20),
        "charge_soon": bool(status & 0x10),
        "full_charge_wanted": bool(status & 0x08),
    }


def read_parameters(info: bytes) -> Fields:
    """The limits at which the battery protects itself (command 47): V, °C, A."""
    reader = _Reader("system parameters", info)
    reader.take(1)
    fields: Fields = {}
    for key in ("cell_voltage_high", "cell_voltage_low", "cell_voltage_under"):
        fields[key] = reader.whole(2) / 1000.0
    fields["charge_temperature_high"], fields["charge_temperature_low"] = _temperature(reader), _temperature(reader)
    fields["charge_current_limit"] = reader.whole(2, signed=True) / 10.0
    for key in ("module_voltage_high", "module_voltage_low", "module_voltage_under"):
        fields[key] = reader.whole(2) / 1000.0
    fields["discharge_temperature_high"], fields["discharge_temperature_low"] = (
        _temperature(reader),
        _temperature(reader),
    )
    fields["discharge_current_limit"] = abs(reader.whole(2, signed=True)) / 10.0
    reader.end()
    return fields


def _plain(raw: bytes, what: str) -> str:
    """Text that is filled up with dashes, blanks or zeros."""
    text = raw.rstrip(b"\0- ").decode("ascii", "replace")
    if not text.isprintable() or "\ufffd" in text:
        raise damaged(what, "text that cannot be read")
    return text


def read_maker(info: bytes) -> Fields:
    """Model, version and maker (command 51)."""
    reader = _Reader("manufacturer", info)
    model, version, maker = reader.take(10), reader.take(2), reader.take(20)
    reader.end()
    return {
        "model": _plain(model, "manufacturer"),
        "firmware": f"V{version[0]}.{version[1]}",
        "manufacturer": _plain(maker, "manufacturer"),
    }


def read_serial(info: bytes) -> Fields:
    """The serial number of one module (command 93), with or without its address before it."""
    if len(info) not in (16, 17):
        raise damaged("serial number", f"{len(info)} bytes")
    return {"serial": _plain(info[-16:], "serial number")}


def read_firmware(info: bytes) -> Fields:
    """The firmware of one module (command 96)."""
    reader = _Reader("firmware", info)
    reader.take(1)
    version, main = reader.take(2), reader.take(3)
    reader.end()
    return {"firmware": f"V{version[0]}.{version[1]}", "main_firmware": ".".join(map(str, main))}


def read_version(info: bytes) -> Fields:
    """The reply to command 4F is empty: the version stands in the head of the frame."""
    if info:
        raise damaged("protocol version", f"{len(info)} bytes")
    return {}


COMMANDS: Mapping[Block, Callable[[bytes], Fields]] = {
    Block.ANALOG: read_analog,
    Block.ALARMS: read_alarms,
    Block.PARAMETERS: read_parameters,
    Block.VERSION: read_version,
    Block.MAKER: read_maker,
    Block.LIMITS: read_limits,
    Block.SERIAL: read_serial,
    Block.FIRMWARE: read_firmware,
}
"""Every command that is ever sent, and what reads its reply. None of them writes."""
ADDRESSED = frozenset(COMMANDS) - {Block.PARAMETERS, Block.VERSION, Block.MAKER}
"""Commands that name the module in their INFO as well."""


def request(block: Block, address: int) -> Frame:
    """The frame that asks the module at ``address``."""
    return Frame(address, int(block.value, 16), bytes([address]) if block in ADDRESSED else b"")


def guess(frame: Frame) -> tuple[Block, Fields]:
    """Which command a reply answers, found by its shape, and its fields; raises ``BadAnswerError``."""
    check_code(frame, "the command")
    for block, read in COMMANDS.items():
        try:
            return block, read(frame.info)
        except BadAnswerError:
            continue
    raise BadAnswerError(device=DEVICE, reason=f"{len(frame.info)} bytes that fit no reply")
