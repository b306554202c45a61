"""JSON as the DTU prints it: single precision, in one of two styles, and null for what is no number."""

import json
import math
from struct import pack, unpack

LONG_DIGITS = 9
"""Decimals of a number below 10 in firmware up to 2024; each further digit before the point takes one away."""
SHORT_DIGITS = 6

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None


def single(value: float) -> float:
    """Return the value as the device holds it: a 32-bit floating point number."""
    return float(unpack(">f", pack(">f", value))[0])


def number(value: float, digits: int) -> str:
    """Print a number with at most so many decimals, fewer for each digit before the point beyond the first."""
    if not math.isfinite(value):
        return "null"
    magnitude = abs(single(value))
    decimals = max(0, digits + 1 - len(str(int(magnitude))))
    scaled = math.floor(magnitude * 10**decimals + 0.5)
    whole, part = divmod(scaled, 10**decimals)
    fraction = f"{part:0{decimals}d}".rstrip("0") if decimals else ""
    sign = "-" if value < 0 and scaled else ""
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def dumps(value: Json, *, short: bool) -> str:
    """Return JSON without spaces, floating point numbers in the short or the long style."""
    match value:
        case dict():
            return "{" + ",".join(f"{_text(key)}:{dumps(each, short=short)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ",".join(dumps(each, short=short) for each in value) + "]"
        case float():
            return number(value, SHORT_DIGITS if short else LONG_DIGITS)
        case _:
            return _text(value)


def _text(value: bool | int | str | None) -> str:
    return json.dumps(value, ensure_ascii=False)
