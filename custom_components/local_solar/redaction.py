"""Takes out of diagnostics what tells one owner from another: addresses and serial numbers.

Text loses the secret itself, wherever it stands. Raw traffic loses the whole record when it holds a serial number in
any form that a device may send: as text, as text in registers of the other byte order, as the hexadecimal digits of
text, as a packed number of 2 to 16 bytes in either byte order, or as two 16-bit halves that travel as floats.
Neighbouring records are searched as one stream, since a number may be cut in two. What is short enough to be there by
chance costs a record too many rather than one too few.
"""

import re
import struct
from collections.abc import Iterable
from ipaddress import ip_address
from itertools import batched, pairwise
from typing import Any
from uuid import UUID

from homeassistant.components.diagnostics import REDACTED

from .solarlink.trace import Direction, Record

_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)")
_IPV6_LIKE = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]*")
_SMALL = 256
"""Halves of a serial number below this are ordinary values; alone they give nothing away."""


def _without_addresses(text: str) -> str:
    def hide(match: re.Match[str]) -> str:
        try:
            ip_address(match.group())
        except ValueError:
            return match.group()
        return REDACTED

    return _IPV6_LIKE.sub(hide, _IPV4.sub(REDACTED, text))


def scrub(value: Any, secrets: Iterable[str]) -> Any:
    """``value`` with every secret, in small letters or capitals, and every network address replaced, in keys too."""
    ordered = sorted((secret for secret in secrets if secret), key=len, reverse=True)
    secret = re.compile("|".join(map(re.escape, ordered)) or "(?!)", re.IGNORECASE)

    def visit(item: Any) -> Any:
        match item:
            case str():
                return _without_addresses(secret.sub(REDACTED, item))
            case dict():
                return {visit(key): visit(each) for key, each in item.items()}
            case list() | tuple():
                return [visit(each) for each in item]
        return item

    return visit(value)


def patterns_of(serial: str) -> set[bytes]:
    """The bytes as which a serial number may travel."""
    text = serial.encode()
    padded = text + b"\0" * (len(text) % 2)
    # As text, with the letters of every 16-bit register changed over, and as hexadecimal digits.
    patterns = {
        text,
        text.lower(),
        text.upper(),
        b"".join(bytes(pair[::-1]) for pair in batched(padded, 2, strict=True)),
        text.hex().upper().encode(),
    }
    digits = serial.replace("-", "").replace(":", "")
    if not re.fullmatch(r"[0-9A-Fa-f]{4,}", digits):
        return patterns
    numbers = {int(digits, 16)} | ({int(digits)} if digits.isdecimal() else set())
    for number in numbers:
        for size in (2, 4, 8, 16):
            if _SMALL <= number < 1 << 8 * size:
                patterns |= {number.to_bytes(size, "big"), number.to_bytes(size, "little")}
                break
        for half in (number >> 16, number & 0xFFFF):
            if _SMALL <= half <= 0xFFFF:
                patterns |= {struct.pack("<f", float(half)), struct.pack(">f", float(half))}
    if len(digits) == 32:
        patterns |= {UUID(digits).bytes, UUID(digits).bytes_le}
        # Four 32-bit words, each in the other byte order.
        patterns.add(b"".join(word[::-1] for word in re.findall(b"(?s).{4}", UUID(digits).bytes)))
    return {pattern for pattern in patterns if pattern}


def scrub_trace(records: Iterable[Record], serials: Iterable[str]) -> list[dict[str, str | float]]:
    """The records as JSON can hold them, without the data of those that hold a serial number."""
    kept = list(records)
    patterns = {pattern for serial in serials for pattern in patterns_of(serial)}
    hidden: set[int] = set()
    for direction in (Direction.SENT, Direction.RECEIVED):
        places = [place for place, record in enumerate(kept) if record.direction is direction and record.data]
        stream = b"".join(kept[place].data for place in places)
        starts = [0]
        for place in places:
            starts.append(starts[-1] + len(kept[place].data))
        spans = list(zip(places, pairwise(starts), strict=True))
        for pattern in patterns:
            found = stream.find(pattern)
            while found >= 0:
                hidden |= {place for place, (start, end) in spans if start < found + len(pattern) and found < end}
                found = stream.find(pattern, found + 1)
    shown = []
    for place, record in enumerate(kept):
        fields = record.as_dict()
        if place in hidden:
            fields["data"] = f"{REDACTED} ({len(record.data)} bytes)"
        shown.append(fields)
    return shown
