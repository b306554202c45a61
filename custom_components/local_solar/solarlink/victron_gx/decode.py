"""Recorded Modbus TCP replies put into words, for ``solarlink decode victron_gx battery --address 305``."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ..errors import BadAnswerError
from ..links.modbus import REASONS
from .codec import number_of, text_of
from .identify import SERVICES
from .making import make
from .points import points_of
from .points_system import SYSTEM
from .registers import MAPS, Form, Service

_INPUT = "The input"
_HEADER = 7
_READS, _WRITE_ONE, _WRITE_MANY = (0x03, 0x04), 0x06, 0x10
_ECHO = 5
_ERROR = 0x80
_MEANINGS = {
    **REASONS,
    2: "it has no such register, or does not take writes",
    10: "the service is not available, or rejects the value",
    11: "no service answers at this unit id",
}


def _frames(text: str) -> list[bytes]:
    """The content of every frame behind the unit id; several may follow each other."""
    try:
        raw = bytes.fromhex(text)
    except ValueError as err:
        raise BadAnswerError(device=_INPUT, reason="it is not hex text") from err
    contents = []
    while raw:
        length = int.from_bytes(raw[4:6])
        content = raw[_HEADER : 6 + length]
        if len(raw) < _HEADER or raw[2:4] != b"\0\0" or len(content) != length - 1 or len(content) < 2:
            raise BadAnswerError(device=_INPUT, reason="no whole Modbus TCP frame")
        contents.append(content)
        raw = raw[6 + length :]
    if not contents:
        raise BadAnswerError(device=_INPUT, reason="no Modbus TCP frame in it")
    return contents


def _address(options: Mapping[str, str]) -> int:
    try:
        return int(options["address"], 0)
    except KeyError as err:
        raise BadAnswerError(
            device=_INPUT, reason="a reply does not tell its registers: give the first --address"
        ) from err
    except ValueError as err:
        raise BadAnswerError(device=_INPUT, reason=f"'{options['address']}' is no address") from err


def _words(count: int, data: bytes) -> list[int]:
    if count != len(data) or count % 2:
        raise BadAnswerError(device=_INPUT, reason=f"{len(data)} bytes of values where {count} are announced")
    return [int.from_bytes(data[at : at + 2]) for at in range(0, count, 2)]


def _decode(kind: str, text: str, options: Mapping[str, str]) -> dict[str, Any]:
    """Raises ``BadAnswerError`` for what is no reply, or not enough to understand it."""
    values: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for content in _frames(text):
        function, data = content[0], content[1:]
        if function & _ERROR:
            failed[f"function {function & ~_ERROR}"] = f"{_MEANINGS.get(data[0], 'unknown')} ({data[0]:02X})"
        elif function in _READS:
            values |= _values(kind, _address(options), _words(data[0], data[1:]))
        elif function == _WRITE_ONE and len(content) == _ECHO:
            values |= _values(kind, int.from_bytes(data[:2]), _words(2, data[2:]))
        elif function == _WRITE_MANY and len(content) == _ECHO:
            first, count = int.from_bytes(data[:2]), int.from_bytes(data[2:])
            inside = [each for service in _services(kind) for each in MAPS[service]]
            values["written"] = [each.key for each in inside if first <= each.address < first + count]
        else:
            raise BadAnswerError(device=_INPUT, reason=f"function {function:#04x} is no reply of a GX")
    return {"values": {kind: values} if values else {}, "failed": {kind: failed} if failed else {}}


def _services(kind: str) -> tuple[Service, ...]:
    return (SERVICES[kind],) if kind in SERVICES else (Service.SYSTEM, Service.SETTINGS)


def _values(kind: str, start: int, words: Sequence[int]) -> dict[str, Any]:
    """Values of the points whose registers are all there, and of registers that belong to no point."""
    values: dict[str, Any] = {}
    for service in _services(kind):
        inside = {
            each.key: words[each.address - start : each.end - start]
            for each in MAPS[service]
            if start <= each.address and each.end <= start + len(words)
        }

        def number(key: str, inside: Mapping[str, Sequence[int]] = inside, service: Service = service) -> Any:
            return number_of(MAPS[service][key], inside[key]) if key in inside else None

        used: set[str] = set()
        for point in points_of(kind).values():
            source = point.address
            if point.measured and source.service is service and set(source.registers) <= inside.keys():
                values[point.key] = make(point, number)
                used |= set(source.registers)
        for key in inside.keys() - used:
            register = MAPS[service][key]
            values[key] = text_of(inside[key]) if register.form is Form.TEXT else number(key)
    return values


DECODERS = {kind: partial(_decode, kind) for kind in (SYSTEM, *SERVICES)}
"""Every kind of unit whose replies can be decoded."""
