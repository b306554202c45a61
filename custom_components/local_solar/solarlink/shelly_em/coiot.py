"""Frames that generation 1 pushes by CoIoT, a dialect of CoAP (reference section 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ..errors import BadAnswerError
from .address import Field, Name
from .codec import DEVICE, MOST_CLAMPS, Picture, decode_object, number, plain_mac, told

HEADER = 4
NON_CONFIRMABLE = 0x50
PUSH, REPLY = 0x1E, 0x45
DEVICE_ID, VALIDITY, SERIAL = 3332, 3412, 3420
"""Numbers of the options that the maker added."""
PAYLOAD = 0xFF
OUTPUT = 1101

_OF_A_CLAMP = {
    5: Name.POWER,
    6: Name.IMPORTED,
    7: Name.EXPORTED,
    8: Name.VOLTAGE,
    9: Name.CURRENT,
    10: Name.FACTOR,
}
"""The last two digits of a number 41xx, 42xx or 43xx (table of numbers)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One push or reply."""

    code: int
    message: int
    model: str
    mac: str
    validity: int
    """As it is sent."""
    serial: int
    """Another one when a value has changed."""
    values: Mapping[int, Any]
    """By the number of the value."""


def decode_frame(data: bytes) -> Frame:
    """Take a frame apart; raises ``BadAnswerError`` for everything that is none."""
    if len(data) < HEADER or data[0] != NON_CONFIRMABLE or data[1] not in (PUSH, REPLY):
        _bad("it is no CoIoT frame")
    options, content = _take_apart(data)
    names = options.get(DEVICE_ID, b"").decode("utf-8", "replace").split("#")
    if len(names) < 2:
        _bad("a CoIoT frame does not say whose it is")
    return Frame(
        code=data[1],
        message=int.from_bytes(data[2:4]),
        model=names[0],
        mac=plain_mac(names[1]),
        validity=int.from_bytes(options.get(VALIDITY, b"")[:2]),
        serial=int.from_bytes(options.get(SERIAL, b"")[:2]),
        values=_values(decode_object(content)) if content else {},
    )


def picture_of(frame: Frame) -> Picture:
    """The fields in a frame; numbers that are not known are passed over."""
    picture = Picture(mac=frame.mac)
    for identifier, value in frame.values.items():
        block, clamp, what = identifier // 1000, identifier // 100 % 10 - 1, identifier % 100
        if block == 4 and 0 <= clamp < MOST_CLAMPS and what in _OF_A_CLAMP:
            told(picture, clamp, {"": value}, {"": _OF_A_CLAMP[what]}, valid=True)
        elif identifier == OUTPUT and (on := number(value)) is not None:
            picture.values[Field(Name.RELAY)] = bool(on)
    return picture


def _bad(reason: str) -> NoReturn:
    raise BadAnswerError(device=DEVICE, reason=reason)


def _take_apart(data: bytes) -> tuple[dict[int, bytes], bytes]:
    """The options by number, and what follows their end mark."""
    options: dict[int, bytes] = {}
    place, known = HEADER, 0
    while place < len(data) and data[place] != PAYLOAD:
        delta, length = data[place] >> 4, data[place] & 0x0F
        delta, place = _extended(data, place + 1, delta)
        length, place = _extended(data, place, length)
        known += delta
        if place + length > len(data):
            _bad("a CoIoT frame ends too early")
        options[known] = data[place : place + length]
        place += length
    return options, data[place + 1 :]


def _extended(data: bytes, place: int, nibble: int) -> tuple[int, int]:
    """A number of which four bits were read, and where the next one begins."""
    more = {13: 1, 14: 2}.get(nibble, 0)
    if nibble == 15 or place + more > len(data):
        _bad("a CoIoT frame ends too early")
    base = {13: 13, 14: 269}.get(nibble, nibble)
    return base + int.from_bytes(data[place : place + more]), place + more


def _values(content: Mapping[str, Any]) -> dict[int, Any]:
    listed = content.get("G")
    if not isinstance(listed, list):
        _bad("a CoIoT frame holds no values")
    return {
        each[1]: each[2]
        for each in listed
        if isinstance(each, list) and len(each) == 3 and isinstance(each[1], int) and not isinstance(each[1], bool)
    }
