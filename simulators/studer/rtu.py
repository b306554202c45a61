"""Modbus RTU as bytes: requests cut out of a stream, answers built (protocol reference, section 13).

An address byte, a function, its data big-endian, and a checksum with its low byte first.
"""

from dataclasses import dataclass
from struct import pack, unpack_from

READ_HOLDING, READ_INPUT, WRITE_REGISTERS = 0x03, 0x04, 0x10
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, FAILURE, BUSY = 0x01, 0x02, 0x03, 0x04, 0x06


def checksum(data: bytes) -> bytes:
    """Return the 16-bit cyclic redundancy check of RTU (reversed polynomial A001, start FFFF), low byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return pack("<H", value)


class ModbusError(Exception):
    """An answer with an exception code."""

    def __init__(self, code: int) -> None:
        """Remember the code (8 bits)."""
        super().__init__(f"exception {code:02X}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Modbus:
    """One request: unit address as on the wire, function, first register, number of registers, words to write."""

    unit: int
    function: int
    register: int
    count: int
    words: tuple[int, ...] = ()


def frame(unit: int, function: int, data: bytes) -> bytes:
    """Return the bytes of an answer (or of any frame)."""
    body = bytes((unit, function)) + data
    return body + checksum(body)


def words_frame(request: Modbus, words: list[int]) -> bytes:
    """Return the answer to a read."""
    return frame(
        request.unit, request.function, bytes((2 * len(words),)) + b"".join(pack(">H", word) for word in words)
    )


class RtuReader:
    """Cuts a byte stream into requests. What has no right checksum is dropped at the next silence."""

    def __init__(self) -> None:
        """Start with an empty buffer."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Modbus | tuple[int, int]]:
        """Return the requests that are complete now; a function that is not known comes as (unit, function)."""
        self._buffer += data
        requests: list[Modbus | tuple[int, int]] = []
        while (length := self._length()) is not None and len(self._buffer) >= length:
            body = bytes(self._buffer[:length])
            if checksum(body[:-2]) != body[-2:]:
                break
            del self._buffer[:length]
            requests.append(self._request(body))
        return requests

    def silence(self) -> None:
        """Drop what is left: a silence on the wire ends a frame."""
        self._buffer.clear()

    def _length(self) -> int | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        if buffer[1] == WRITE_REGISTERS:
            return 9 + buffer[6] if len(buffer) > 6 else None
        # Every other request of the public functions that a client may try has two words of data.
        return 8

    @staticmethod
    def _request(body: bytes) -> Modbus | tuple[int, int]:
        unit, function = body[0], body[1]
        if function not in (READ_HOLDING, READ_INPUT, WRITE_REGISTERS):
            return unit, function
        register, count = unpack_from(">HH", body, 2)
        words: tuple[int, ...] = ()
        if function == WRITE_REGISTERS:
            words = unpack_from(f">{body[6] // 2}H", body, 7)
        return Modbus(unit, function, register, count, words)
