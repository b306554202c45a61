"""Typed strings, the only kind of value on the wire: a prefix that names the type, an underscore, the digits."""

import math
from struct import pack, unpack

type Value = float | int | str

WIDTHS = {"u8": 2, "u1": 4, "u3": 8, "u6": 16, "i8": 2, "i1": 4, "i3": 8, "fl": 8}
"""Digits of every numeric type. The prefix ends in the first digit of the width, so ``u1`` has 16 bits."""
TEXTS = ("st", "ch")
END_OF_ARRAY = "st_END_OF_ARRAY"
LARGEST = float(unpack(">f", bytes.fromhex("7F7FFFFF"))[0])


def single(value: float) -> float:
    """Return the value as the device holds it: a 32-bit floating point number."""
    return float(unpack(">f", pack(">f", max(-LARGEST, min(LARGEST, value))))[0])


def encode(kind: str, value: Value) -> str:
    """Return a value in its wire type; integers wrap as in the device's registers, negative zero stays negative."""
    if kind in TEXTS:
        return f"{kind}_{value}"
    if kind == "fl":
        return f"fl_{pack('>f', single(float(value))).hex().upper()}"
    width = WIDTHS[kind]
    number = round(value) if isinstance(value, float) else int(value)
    return f"{kind}_{number & (16**width - 1):0{width}X}"


def decode(text: str) -> Value:
    """Return the value of a typed string; `ValueError` when it is none, has a wrong digit count, or is not finite."""
    kind, underscore, digits = text.partition("_")
    if underscore and kind in TEXTS:
        return digits
    width = WIDTHS.get(kind)
    if not underscore or width is None or len(digits) != width:
        raise ValueError(text)
    raw = bytes.fromhex(digits)
    if kind == "fl":
        value = float(unpack(">f", raw)[0])
        if not math.isfinite(value):
            raise ValueError(text)
        return value
    return int.from_bytes(raw, signed=kind.startswith("i"))
