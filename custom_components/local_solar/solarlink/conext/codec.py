"""Registers to values and back (reference sections 1.1, 4 and 6). No I/O, no clock."""

import re
from collections.abc import Sequence
from datetime import time
from enum import StrEnum

from ..errors import BadAnswerError, ValueKindError
from ..points import Value
from .registers import BITS, CLOCK, ENUMS, FLAG, Form, Register

OTHER = "other"
"""Slug of a code that the tables do not have: newer firmware."""
PRODUCT_NUMBER = re.compile(r"8[67]\d-\d{4}")
"""How every product number begins (section 1.1)."""
ABSENT = 255
"""Device state of a unit without data (section 4)."""
_LARGEST_WORD = 0xFFFF
_LARGEST_LONG = 0xFFFFFFFF
_LARGEST_SIGNED = 0x7FFFFFFF
_LARGEST_SHORT = 0x7FFF
_MINUTES_PER_DAY = 1440
_ABSOLUTE_ZERO = -273.0
"""Offset of temperatures; a raw 0 then means that no sensor is fitted (section 4)."""
_DECIMALS = 6


class Order(StrEnum):
    """Which word of a long number comes first, and which character of a pair (section 1.1)."""

    LSB = "lsb"
    MSB = "msb"


def text_of(words: Sequence[int], order: Order) -> str:
    """Text of registers, without the NUL and blanks that fill it up; "" when it is no printable ASCII."""
    high_first = order is Order.MSB
    data = b"".join(word.to_bytes(2, "big" if high_first else "little") for word in words)
    text = data.split(b"\0", 1)[0].decode("ascii", errors="replace").strip()
    return text if text.isascii() and text.isprintable() else ""


def words_of_text(text: str, words: int, order: Order) -> list[int]:
    """Registers that hold ``text``, filled up with NUL; raises ``ValueError`` for text that does not fit."""
    data = text.encode("ascii")
    if len(data) > words * 2:
        raise ValueError(text)
    data = data.ljust(words * 2, b"\0")
    side = "big" if order is Order.MSB else "little"
    return [int.from_bytes(data[at : at + 2], side) for at in range(0, len(data), 2)]  # type: ignore[arg-type]


def long_of(words: Sequence[int], order: Order) -> int:
    """An unsigned number of one or two registers."""
    if len(words) == 1:
        return words[0]
    low, high = words if order is Order.LSB else (words[1], words[0])
    return high << 16 | low


def words_of(number: int, count: int, order: Order) -> list[int]:
    """The registers of an unsigned number."""
    if count == 1:
        return [number]
    low, high = number & _LARGEST_WORD, number >> 16
    return [low, high] if order is Order.LSB else [high, low]


def order_of(words: Sequence[int]) -> Order | None:
    """The order in which a product number makes sense; ``None`` when it does in neither (section 1.1)."""
    for order in Order:
        if PRODUCT_NUMBER.match(text_of(words, order)):
            return order
    return None


def order_of_voltage(words: Sequence[int]) -> Order | None:
    """The order in which two registers are a battery voltage of 8 to 80 V (in 0.001 V), where only one is."""
    plausible = [order for order in Order if 8000 <= long_of(words, order) <= 80000]
    return plausible[0] if len(plausible) == 1 else None


def raw_of(register: Register, words: Sequence[int], order: Order) -> int | None:
    """The number of a register with its sign; ``None`` for the marks of a value that is not there (section 4).

    Raises ``BadAnswerError`` for another count of words.
    """
    if len(words) != register.words:
        raise BadAnswerError(device=register.name, reason=f"{len(words)} words instead of {register.words}")
    number = long_of(words, order)
    match register.form:
        case Form.U16:
            return None if number == _LARGEST_WORD else number
        case Form.I16:
            return None if number == _LARGEST_SHORT else number - (number >> 15 << 16)
        case Form.U32:
            return None if number == _LARGEST_LONG else number
        case Form.I32:
            return None if number == _LARGEST_SIGNED else number - (number >> 31 << 32)
        case Form.E32:
            # All ones is "no value" of the unsigned kind; of the signed one it would be a thousandth below zero.
            return None if number in (_LARGEST_LONG, _LARGEST_SIGNED) else number - (number >> 31 << 32)
        case _:
            raise BadAnswerError(device=register.name, reason="it is text")


def value_of(register: Register, words: Sequence[int], order: Order) -> Value:
    """The value of a register in the unit of the map: number, slug, yes or no, time of day, or text.

    ``None`` where the device has none. Raises ``BadAnswerError`` for another count of words.
    """
    if register.form is Form.TEXT:
        if len(words) != register.words:
            raise BadAnswerError(device=register.name, reason=f"{len(words)} words instead of {register.words}")
        return text_of(words, order) or None
    raw = raw_of(register, words, order)
    return None if raw is None else _meaning(register, raw)


def _meaning(register: Register, raw: int) -> Value:
    if register.enum == FLAG:
        return raw != 0
    if register.enum == BITS:
        return raw
    if register.enum:
        return ENUMS[register.enum].get(raw, OTHER)
    if register.unit == CLOCK:
        return time(*divmod(raw, 60)) if raw < _MINUTES_PER_DAY else None
    if not register.unit and register.scale == 1 and not register.offset:
        return raw
    if register.offset == _ABSOLUTE_ZERO and raw == 0:
        return None
    number = raw * register.scale.numerator / register.scale.denominator + register.offset
    return round(number, _DECIMALS)


def raw_for(register: Register, value: Value) -> int:
    """The number that a register must hold for ``value``, as the words carry it (unsigned).

    Raises ``ValueKindError`` for a value that the register cannot hold.
    """
    raw = _number_for(register, value)
    bits = register.words * 16
    low, high = (
        (-(1 << bits - 1), (1 << bits - 1) - 1) if register.form in (Form.I16, Form.I32) else (0, (1 << bits) - 1)
    )
    # The largest numbers mean "no value".
    if not low <= raw < high:
        raise ValueKindError(point=register.name, value=str(value), expected="a number that the register can hold")
    return raw & (1 << bits) - 1


def _number_for(register: Register, value: Value) -> int:
    if register.form is not Form.TEXT:
        if register.enum == FLAG and isinstance(value, bool):
            return int(value)
        if register.enum not in ("", FLAG, BITS) and isinstance(value, str):
            codes = [code for code, slug in ENUMS[register.enum].items() if slug == value]
            if codes:
                return codes[0]
        elif register.unit == CLOCK and isinstance(value, time):
            return value.hour * 60 + value.minute
        elif (
            register.enum in ("", BITS)
            and register.unit != CLOCK
            and isinstance(value, int | float)
            and not isinstance(value, bool)
            and abs(value) < 1e12
        ):
            return round((value - register.offset) * register.scale.denominator / register.scale.numerator)
    raise ValueKindError(point=register.name, value=str(value), expected="a value of its kind")
