"""Frames as the inverter sees them (reference section 3): text, two checksum bytes, CR."""

from collections.abc import Iterable

CR, LF, NUL = 0x0D, 0x0A, 0x00
SPECIAL = (0x28, CR, LF)
"""Bytes that a checksum must not contain; each is sent one higher."""
LONGEST_REQUEST = 120


def plain_crc(data: bytes) -> int:
    """Return the CRC-16 with polynomial 1021 and start value 0, as it is before any byte is adjusted."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


def checksum(data: bytes, *, zero_bumped: bool = False, adjusted: bool = True) -> bytes:
    """Return the two checksum bytes: the vendor's form, with 00 raised to 01, or without any adjustment."""
    plain = plain_crc(data).to_bytes(2)
    if not adjusted:
        return plain
    return bytes(byte + 1 if byte in SPECIAL or (zero_bumped and byte == NUL) else byte for byte in plain)


def sum_byte(data: bytes) -> bytes:
    """Return the one-byte sum of the Revo dialect (reference section 3.4)."""
    return bytes(((sum(data) + 1) & 0xFF,))


def frame(text: str, *, zero_bumped: bool = False, adjusted: bool = True) -> bytes:
    """Return a whole frame."""
    data = text.encode("latin-1")
    return data + checksum(data, zero_bumped=zero_bumped, adjusted=adjusted) + bytes((CR,))


def first_with_checksum(texts: Iterable[str], wanted: bytes, *, adjusted: bool) -> str:
    """Return the first text whose checksum contains one of the ``wanted`` bytes."""
    return next(
        text for text in texts if any(byte in wanted for byte in checksum(text.encode("latin-1"), adjusted=adjusted))
    )


class RequestReader:
    """Cuts what arrives on the port into requests, each without its CR."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._buffer = bytearray()
        self.dropped = 0
        """Bytes thrown away because no CR came for too long."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes and return the requests that are complete now."""
        requests = []
        for byte in data:
            if byte == CR:
                if self._buffer:
                    requests.append(bytes(self._buffer))
                self._buffer.clear()
            elif self._buffer or byte not in (NUL, LF):
                self._buffer.append(byte)
                if len(self._buffer) > LONGEST_REQUEST:
                    self.dropped += len(self._buffer)
                    self._buffer.clear()
        return requests

    def clear(self) -> None:
        """Forget a half request, as a unit that restarts does."""
        self._buffer.clear()
