"""Fields of replies, one by one: a field that cannot be read is unknown and costs no other (reference section 3.5)."""

from collections.abc import Iterable, Mapping, Sequence

from ..points import Value

type Fields = dict[str, Value]
"""What one reply brings: the fields of the point table by key, ``None`` for what the unit does not know now."""


def number(text: str) -> float | None:
    """A decimal number; ``None`` for dashes and anything else. Only digits, one sign and one point are a number."""
    digits = text.removeprefix("-").removeprefix("+")
    if not digits.replace(".", "", 1).isdecimal() or not digits.isascii():
        return None
    return float(text)


def whole(text: str) -> int | None:
    """A whole number, such as a code."""
    return int(text) if text.isdecimal() and text.isascii() else None


def scaled(text: str, factor: float) -> float | None:
    """A number in another unit, with no more digits than the wire carried."""
    value = number(text)
    return None if value is None else float(f"{value * factor:.9g}")


def numbers(keys: Iterable[str], parts: Sequence[str]) -> Fields:
    """Numbers in the order of ``keys``; an empty key leaves a field out."""
    return {key: number(part) for key, part in zip(keys, parts, strict=False) if key}


def state(options: Mapping[int, str], text: str) -> str | None:
    """The slug of a code; ``None`` for one that nobody knows."""
    code = whole(text)
    return None if code is None else options.get(code)


def bits(text: str, count: int) -> list[bool] | None:
    """A field of zeros and ones, first character first; ``None`` when it is something else."""
    if len(text) != count or set(text) - {"0", "1"}:
        return None
    return [each == "1" for each in text]


def flag(text: str) -> bool | None:
    """A single 0 or 1."""
    return {"0": False, "1": True}.get(text)


def product(*factors: float | None) -> float | None:
    """The product of what is known; ``None`` when anything is not."""
    result = 1.0
    for factor in factors:
        if factor is None:
            return None
        result *= factor
    return float(f"{result:.9g}")


def signed(outward: float | None, inward: float | None) -> float | None:
    """One current from two that are never negative: ``outward`` counts positive."""
    return None if outward is None or inward is None else outward - inward
