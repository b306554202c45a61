"""Registers to numbers and texts and back (reference section 2). No I/O, no clock."""

from collections.abc import Sequence

from ..errors import BadAnswerError, ValueKindError
from .registers import Form, Register

_BITS = 16
_DECIMALS = 6
_LARGEST = 1e12


def _highest(register: Register) -> int:
    bits = register.words * _BITS
    return (1 << bits - 1) - 1 if register.form.signed else (1 << bits) - 1


def raw_of(register: Register, words: Sequence[int]) -> int | None:
    """The number of a register with its sign.

    ``None`` for the two highest numbers of its type: the highest marks a reserved register, the one below it a value
    that is too large for the register. Raises ``BadAnswerError`` for another count of words, and for a text.
    """
    if len(words) != register.words or register.form is Form.TEXT:
        raise BadAnswerError(device=register.name, reason=f"{len(words)} words are no number of {register.form}")
    number = 0
    for word in words:
        number = number << _BITS | word
    highest = _highest(register)
    if register.form.signed and number > highest:
        number -= 1 << register.words * _BITS
    return None if number >= highest - 1 else number


def number_of(register: Register, words: Sequence[int]) -> float | int | None:
    """The value of a register in its unit; whole where it has no unit. Raises what ``raw_of`` raises."""
    raw = raw_of(register, words)
    if raw is None or (not register.unit and register.divisor == 1):
        return raw
    # Adding zero makes an ordinary zero of a negative one.
    return round(raw * register.divisor.denominator / register.divisor.numerator, _DECIMALS) + 0.0


def text_of(words: Sequence[int]) -> str:
    """UTF-8 text, two bytes per register, high byte first, filled up with zeros; "" for what is no text."""
    data = b"".join(word.to_bytes(2) for word in words).split(b"\0", 1)[0]
    # A text that is too long is cut off anywhere, even within a character.
    text = data.decode("utf-8", errors="ignore").strip()
    return text if text.isprintable() else ""


def words_for(register: Register, value: object) -> list[int]:
    """The words that a register must hold for a number in its unit.

    Raises ``ValueKindError`` for what is no number, or none that the register can hold.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST:
        raw = round(value * register.divisor.numerator / register.divisor.denominator)
        highest = _highest(register)
        lowest = -highest - 1 if register.form.signed else 0
        if register.form is not Form.TEXT and lowest <= raw < highest - 1:
            bits = register.words * _BITS
            raw &= (1 << bits) - 1
            return [raw >> shift & 0xFFFF for shift in range(bits - _BITS, -1, -_BITS)]
    raise ValueKindError(point=register.name, value=str(value), expected="a number that the register can hold")
