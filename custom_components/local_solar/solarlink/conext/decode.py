"""Recorded Modbus TCP replies put into words, for ``solarlink decode conext xw --address 0x0050 --order lsb``."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from ..errors import BadAnswerError
from ..links.modbus import REASONS
from .codec import OTHER, Order, order_of, raw_of, value_of
from .making import alarms_in
from .points import points_of
from .registers import BITS, Form, Kind, Register, map_of
from .source import Make

_INPUT = "The input"
_HEADER = 7
_READ, _WRITE_ONE, _WRITE_MANY = 0x03, 0x06, 0x10
_ERROR = 0x80
PRODUCT_NUMBER = "fga_number"


def _frames(text: str) -> list[tuple[int, bytes]]:
    """Unit address and content of every frame; several may follow each other."""
    try:
        raw = bytes.fromhex(text)
    except ValueError as err:
        raise BadAnswerError(device=_INPUT, reason="it is not hex text") from err
    frames = []
    while raw:
        length = int.from_bytes(raw[4:6])
        content = raw[_HEADER : 6 + length]
        if len(raw) < _HEADER or raw[2:4] != b"\0\0" or len(content) != length - 1 or len(content) < 2:
            raise BadAnswerError(device=_INPUT, reason="no whole Modbus TCP frame")
        frames.append((raw[6], content))
        raw = raw[6 + length :]
    if not frames:
        raise BadAnswerError(device=_INPUT, reason="no Modbus TCP frame in it")
    return frames


def _address(options: Mapping[str, str]) -> int:
    try:
        return int(options["address"], 0)
    except KeyError as err:
        raise BadAnswerError(
            device=_INPUT, reason="a reply does not tell its registers: give the first --address"
        ) from err
    except ValueError as err:
        raise BadAnswerError(device=_INPUT, reason=f"'{options['address']}' is no address") from err


def _order(options: Mapping[str, str]) -> Order | None:
    told = options.get("order")
    if told is None:
        return None
    if told.lower() not in list(Order):
        raise BadAnswerError(device=_INPUT, reason=f"'{told}' is no order; there are {', '.join(Order)}")
    return Order(told.lower())


def _decode(kind: Kind, text: str, options: Mapping[str, str]) -> dict[str, Any]:
    """Raises ``BadAnswerError`` for what is no reply, or not enough to understand it."""
    values: dict[str, dict[str, Any]] = {}
    failed: dict[str, dict[str, str]] = {}
    for unit, content in _frames(text):
        name = "gateway" if kind.is_root else f"{kind.value}_{unit}"
        function = content[0]
        if function & _ERROR:
            key = f"function {function & ~_ERROR}"
            failed.setdefault(name, {})[key] = f"{REASONS.get(content[1], 'unknown')} ({content[1]:02X})"
        elif function == _READ:
            words = _words(content[1], content[2:])
            values.setdefault(name, {}).update(_values(kind, _address(options), words, _order(options)))
        elif function == _WRITE_ONE and len(content) == 5:
            at, word = int.from_bytes(content[1:3]), int.from_bytes(content[3:5])
            values.setdefault(name, {}).update(_values(kind, at, [word], _order(options)))
        elif function == _WRITE_MANY and len(content) == 5:
            at, count = int.from_bytes(content[1:3]), int.from_bytes(content[3:5])
            values.setdefault(name, {})["written"] = [
                register.key for register in map_of(kind) if at <= register.address < at + count
            ]
        else:
            raise BadAnswerError(device=_INPUT, reason=f"function {function:#04x} is no reply of these devices")
    return {"values": values, "failed": failed}


def _words(count: int, data: bytes) -> list[int]:
    if count != len(data) or count % 2:
        raise BadAnswerError(device=_INPUT, reason=f"{len(data)} bytes of values where {count} are announced")
    return [int.from_bytes(data[at : at + 2]) for at in range(0, count, 2)]


def _values(kind: Kind, start: int, words: list[int], order: Order | None) -> dict[str, Any]:
    """Values by key; a register that the reply holds only in part is left out."""
    inside = [each for each in map_of(kind) if start <= each.address and each.end <= start + len(words)]
    parts = {register: words[register.address - start : register.end - start] for register in inside}
    if order is None:
        order = next(
            (found for each, part in parts.items() if each.key == PRODUCT_NUMBER and (found := order_of(part))), None
        )
    if order is None and any(register.words > 1 for register in inside):
        raise BadAnswerError(device=_INPUT, reason="a reply does not tell its order of words: give --order lsb or msb")
    used = order or Order.MSB
    keys = {
        point.address.registers[0]: point.key
        for point in points_of(kind).values()
        if point.measured and point.address.make is Make.VALUE
    }
    values = {keys.get(each.key, each.key): _value(each, part, used) for each, part in parts.items()}
    bitmaps = {each.key: raw_of(each, part, used) for each, part in parts.items() if each.enum == BITS}
    alarms = alarms_in(kind, bitmaps, bitmaps.get)
    if alarms is not None:
        values["active_alarms"] = ", ".join(alarm.text for alarm in alarms)
    return values


def _value(register: Register, words: list[int], order: Order) -> Any:
    value = value_of(register, words, order)
    if value == OTHER and register.form is not Form.TEXT:
        return f"unknown ({raw_of(register, words, order)})"
    return value


DECODERS = {kind.value: partial(_decode, kind) for kind in Kind}
"""Every map whose replies can be decoded."""
