"""Typed strings to values and back, and the bodies that carry them (reference sections 3 and 4).

A variable travels as ``fl_4404601F``: two characters for the type, an underscore, and hexadecimal digits or text. What
cannot be decoded becomes ``Missing`` and costs only itself.
"""

import json
import math
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from ..errors import BadAnswerError, ValueKindError, ValueRangeError

DEVICE = "The SENEC.Home"


class Why(Enum):
    """Why there is no value."""

    UNKNOWN_VARIABLE = "VARIABLE_NOT_FOUND"
    UNKNOWN_SECTION = "OBJECT_NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    MALFORMED = "MALFORMED_VALUE"
    NOT_READABLE = "FILE_VARIABLE_NOT_READABLE"
    ERROR = "er_"
    NOT_A_NUMBER = "not a number"
    GARBLED = "not a typed value"
    OMITTED = "left out of the answer"

    @property
    def permanent(self) -> bool:
        """Whether it stays so until firmware or configuration change."""
        return self in (Why.UNKNOWN_VARIABLE, Why.UNKNOWN_SECTION, Why.FORBIDDEN)


class Missing(NamedTuple):
    """A variable without a value now: why, and what the device sent."""

    why: Why
    text: str = ""


OMITTED = Missing(Why.OMITTED)

type Scalar = float | int | str | Missing
type Decoded = Scalar | list[Scalar]

_SENTINELS = (
    Why.UNKNOWN_VARIABLE,
    Why.UNKNOWN_SECTION,
    Why.FORBIDDEN,
    Why.MALFORMED,
    Why.NOT_READABLE,
    Why.ERROR,
)
_END_OF_ARRAY = "st_END_OF_ARRAY"
_HEX = re.compile(r"[0-9A-Fa-f]+")
_SIGNED_BITS = {"i8": 8, "i1": 16, "i3": 32}
_UNSIGNED_BITS = {"u8": 8, "u1": 16, "u3": 32, "u6": 64}
"""The digit is the first one of the width: u1 has 16 bits."""
_TEXTS = ("st", "ch")
_FLOAT = "fl"
_EXPONENT, _MANTISSA = 0x7F800000, 0x007FFFFF


def decode_value(text: object) -> Scalar:
    """One typed string as number or text; ``Missing`` when it holds none. Never raises.

    The type is that of each single value, not of the variable: the same one changes type between firmwares.
    """
    if not isinstance(text, str):
        return Missing(Why.GARBLED, str(text)[:80])
    for why in _SENTINELS:
        # Text may follow the marker, such as the level that would be needed.
        if text.startswith(why.value):
            return Missing(why, text[:80])
    kind, underscore, content = text.partition("_")
    if underscore and kind in _TEXTS:
        return content
    if kind == _FLOAT and underscore:
        return _decode_float(content, text)
    bits = _SIGNED_BITS.get(kind) or _UNSIGNED_BITS.get(kind)
    if not underscore or bits is None or len(content) != bits // 4 or not _HEX.fullmatch(content):
        return Missing(Why.GARBLED, text[:80])
    number = int(content, 16)
    if kind in _SIGNED_BITS and number >> (bits - 1):
        number -= 1 << bits
    return number


def _decode_float(content: str, text: str) -> Scalar:
    if len(content) != 8 or not _HEX.fullmatch(content):
        return Missing(Why.GARBLED, text[:80])
    raw = int(content, 16)
    exponent = raw & _EXPONENT
    if exponent == _EXPONENT:
        return Missing(Why.NOT_A_NUMBER, text)
    if exponent == 0:
        # Zero of either sign, or a denormal: the residue of a meter that is not there.
        return 0.0
    number: float = struct.unpack(">f", raw.to_bytes(4, "big"))[0]
    return number


def decode(value: object) -> Decoded:
    """A variable: one typed string, or a list of them up to its end marker."""
    if not isinstance(value, list):
        return decode_value(value)
    end = value.index(_END_OF_ARRAY) if _END_OF_ARRAY in value else len(value)
    return [decode_value(each) for each in value[:end]]


def kind_of(value: object) -> str:
    """The type prefix of a typed string, empty when it has none."""
    return value.partition("_")[0] if isinstance(value, str) and not isinstance(decode_value(value), Missing) else ""


def encode_value(kind: str, value: float, name: str = "value") -> str:
    """``value`` as a typed string of that kind.

    Raises ``ValueKindError`` for what is no finite number (or no whole one where the kind has none, or an unknown
    kind) and ``ValueRangeError`` for a number that the kind cannot hold.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueKindError(point=name, value=str(value), expected="a number")
    if kind == _FLOAT:
        try:
            return f"fl_{struct.pack('>f', value + 0.0).hex().upper()}"
        except OverflowError as err:
            largest = struct.unpack(">f", bytes.fromhex("7F7FFFFF"))[0]
            raise ValueRangeError(point=name, minimum=-largest, maximum=largest, unit="", value=float(value)) from err
    signed, unsigned = _SIGNED_BITS.get(kind), _UNSIGNED_BITS.get(kind)
    bits = signed or unsigned
    if bits is None or value != int(value):
        raise ValueKindError(point=name, value=str(value), expected=f"a whole number of type {kind}")
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if not low <= value <= high:
        raise ValueRangeError(point=name, minimum=low, maximum=high, unit="", value=float(value))
    return f"{kind}_{int(value) & ((1 << bits) - 1):0{bits // 4}X}"


def version(packed: int) -> str:
    """A packed version in words: 0x03100014 is 3.16.20."""
    return f"{packed >> 24 & 0xFF}.{packed >> 16 & 0xFF}.{packed & 0xFFFF}"


def address(packed: int) -> str:
    """An IPv4 address, which travels with its first byte last: 0x0101A8C0 is 192.168.1.1."""
    return ".".join(str(byte) for byte in packed.to_bytes(4, "little"))


type Request = Mapping[str, Mapping[str, str | list[str]]]
"""Section to variable to what is sent: nothing to read it, a typed string or a list of them to write it."""


def encode_request(request: Request) -> bytes:
    """The body of a request, as short as it gets."""
    return json.dumps(request, separators=(",", ":")).encode()


@dataclass(slots=True)
class Answer:
    """What one body said: every section with its variables, decoded and as they came."""

    values: dict[str, dict[str, Decoded]] = field(default_factory=dict)
    raw: dict[str, dict[str, object]] = field(default_factory=dict)
    unknown_sections: set[str] = field(default_factory=set)

    def get(self, section: str, name: str, place: int | None = None) -> Decoded:
        """A variable, or one element of it; ``Missing`` where there is none.

        A single value stands for the first element of a list: some variables change shape between firmwares.
        """
        if section in self.unknown_sections:
            return Missing(Why.UNKNOWN_SECTION)
        value = self.values.get(section, {}).get(name, OMITTED)
        if place is None:
            return value
        if isinstance(value, list):
            return value[place] if place < len(value) else OMITTED
        return value if place == 0 or isinstance(value, Missing) else OMITTED

    def number(self, section: str, name: str, place: int | None = None) -> float | int | None:
        """A number, ``None`` where there is none; of a list without ``place`` the first element."""
        value = self.get(section, name, place)
        first = (value[0] if value else OMITTED) if isinstance(value, list) else value
        return first if isinstance(first, int | float) else None

    def text(self, section: str, name: str, place: int | None = None) -> str:
        """A text, empty where there is none."""
        value = self.get(section, name, place)
        return value if isinstance(value, str) else ""

    def items(self, section: str, name: str) -> list[Scalar]:
        """The elements of a variable; one for a single value, none for what is missing."""
        value = self.get(section, name)
        if isinstance(value, list):
            return value
        return [] if isinstance(value, Missing) else [value]

    def wire(self, section: str, name: str) -> list[object]:
        """The variable as it came, as a list even when it is single."""
        raw = self.raw.get(section, {}).get(name)
        return raw if isinstance(raw, list) else [] if raw is None else [raw]

    def take(self, other: Answer) -> None:
        """Add what another answer said."""
        for section, variables in other.values.items():
            self.values.setdefault(section, {}).update(variables)
        for section, sent in other.raw.items():
            self.raw.setdefault(section, {}).update(sent)
        self.unknown_sections |= other.unknown_sections

    def garbled(self) -> Iterator[tuple[str, str]]:
        """Name and text of everything that is no typed value."""
        for section, variables in self.values.items():
            for name, value in variables.items():
                for each in value if isinstance(value, list) else (value,):
                    if isinstance(each, Missing) and each.why is Why.GARBLED:
                        yield f"{section}.{name}", each.text


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as err:
        if '\\"' in text:
            # Some machines escape every quotation mark.
            try:
                return json.loads(text.replace('\\"', '"'))
            except ValueError, RecursionError:
                pass
        raise BadAnswerError(device=DEVICE, reason=_looks_like(text)) from err


def _looks_like(text: str) -> str:
    start = text.lstrip()[:1]
    if start == "<":
        return "it is a web page"
    return "it was cut off or damaged" if start == "{" else "it is no JSON object"


def decode_body(body: bytes) -> Answer:
    """Take an answer apart; raises ``BadAnswerError`` when it is no JSON object, whatever its content type said."""
    content = _parse(body.decode("utf-8", "replace"))
    if not isinstance(content, dict):
        raise BadAnswerError(device=DEVICE, reason="it is no JSON object")
    answer = Answer()
    for section, variables in content.items():
        if not isinstance(variables, dict):
            continue
        if Why.UNKNOWN_SECTION.value in variables:
            answer.unknown_sections.add(section)
            continue
        answer.values[section] = {name: decode(value) for name, value in variables.items()}
        answer.raw[section] = variables
    return answer
