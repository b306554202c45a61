"""SCOM frames: bytes to frames and back (protocol reference, sections 3 and 4).

Everything is little endian. A frame is AA, a header of 11 bytes with its checksum, then the data with their checksum.
"""

from dataclasses import dataclass
from struct import Struct

START = 0xAA
HEADER_LENGTH = 14
LARGEST_REQUEST = 240
"""Data bytes of the longest request a gateway takes (the frame stays within 256 bytes)."""

READ = 0x01
WRITE = 0x02

IS_ERROR = 0x01
IS_RESPONSE = 0x02

_HEADER = Struct("<BIIH")
_SERVICE = Struct("<BBHIH")


def checksum(data: bytes) -> bytes:
    """Two running bytes over ``data``: A starts at FF and adds each byte, B starts at 0 and adds each A."""
    a, b = 0xFF, 0x00
    for byte in data:
        a = (a + byte) & 0xFF
        b = (b + a) & 0xFF
    return bytes((a, b))


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame with a property service in it, request or answer.

    ``flags`` are the gateway's status bits (0 in a request); ``service_flags`` tell request, answer and error.
    """

    source: int
    destination: int
    service: int
    object_type: int
    object_id: int
    property_id: int
    data: bytes = b""
    flags: int = 0
    service_flags: int = 0

    def encode(self) -> bytes:
        """Return the bytes on the wire."""
        body = _SERVICE.pack(self.service_flags, self.service, self.object_type, self.object_id, self.property_id)
        body += self.data
        header = _HEADER.pack(self.flags, self.source, self.destination, len(body))
        return bytes((START,)) + header + checksum(header) + body + checksum(body)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that reached the gateway."""

    service: str
    """ "read" or "write"."""
    destination: int
    object_type: int
    object_id: int
    property_id: int
    data: bytes
    source: int

    @classmethod
    def of(cls, frame: Frame) -> Request:
        """Return the request in a frame."""
        service = {READ: "read", WRITE: "write"}.get(frame.service, f"service {frame.service:02X}")
        return cls(
            service,
            frame.destination,
            frame.object_type,
            frame.object_id,
            frame.property_id,
            frame.data,
            frame.source,
        )


class FrameReader:
    """Cuts a byte stream into frames; what is no frame is dropped without a word, as the gateway does.

    ``longest`` bounds the data length: a header that claims more is taken for noise.
    """

    def __init__(self, longest: int = LARGEST_REQUEST) -> None:
        """Start with an empty buffer."""
        self._buffer = bytearray()
        self._longest = longest
        self.dropped = 0
        """Start bytes and whole frames that turned out wrong."""

    def feed(self, data: bytes) -> list[Frame]:
        """Take what arrived and return the frames it completes."""
        self._buffer += data
        frames: list[Frame] = []
        while (frame := self._next()) is not None:
            if isinstance(frame, Frame):
                frames.append(frame)
        return frames

    def _next(self) -> Frame | bool | None:
        """Return a frame, True after something was dropped, None when more bytes are needed."""
        buffer = self._buffer
        start = buffer.find(START)
        if start < 0:
            buffer.clear()
            return None
        del buffer[:start]
        if len(buffer) < HEADER_LENGTH:
            return None
        header = bytes(buffer[1:12])
        flags, source, destination, length = _HEADER.unpack(header)
        if checksum(header) != buffer[12:14] or not _SERVICE.size <= length <= self._longest:
            return self._drop(1)
        end = HEADER_LENGTH + length
        if len(buffer) < end + 2:
            return None
        body = bytes(buffer[HEADER_LENGTH:end])
        if checksum(body) != buffer[end : end + 2]:
            return self._drop(1)
        del buffer[: end + 2]
        service_flags, service, object_type, object_id, property_id = _SERVICE.unpack(body[: _SERVICE.size])
        return Frame(
            source,
            destination,
            service,
            object_type,
            object_id,
            property_id,
            body[_SERVICE.size :],
            flags,
            service_flags,
        )

    def _drop(self, count: int) -> bool:
        del self._buffer[:count]
        self.dropped += 1
        return True
