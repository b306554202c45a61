"""SCOM, the language of Studer's gateways: bytes to values and back. No I/O, no clock.

Source of every layout here: Studer's "Technical specification - Xtender serial protocol" V1.6.32, as described in the
project's protocol reference. Everything is little endian.
"""

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from ..errors import BadAnswerError

START = 0xAA
HEADER = 14
CHECKSUM = 2
LONGEST_DATA = 1100
"""Longest frame data we believe: a screen dump is 1050 bytes, nothing is longer."""
PROPERTY_HEADER = 10
GATEWAY = 501
OUR_ADDRESS = 1
MULTI_INFO_LIMIT = 76
"""Values in one multi-info request; more would not fit into the gateway's 256 bytes."""


class ObjectType(IntEnum):
    """Kinds of objects behind the property services."""

    INFO = 0x0001
    PARAMETER = 0x0002
    MESSAGE = 0x0003
    GUID = 0x0004
    CUSTOM_DATALOG = 0x0005
    MULTI_INFO = 0x000A
    SCREEN = 0x0100
    FILE_TRANSFER = 0x0101


class Property(IntEnum):
    """Properties of infos and parameters."""

    NONE = 0
    INFO_VALUE = 1
    VALUE = 5
    """The value in flash; writing it wears the flash."""
    MINIMUM = 6
    MAXIMUM = 7
    LEVEL = 8
    UNSAVED_VALUE = 13
    """Writes RAM only; reads as the flash value."""


class Service(IntEnum):
    """The two property services."""

    READ = 1
    WRITE = 2


class Format(StrEnum):
    """Wire formats of values."""

    BOOL = "bool"
    SHORT_ENUM = "short_enum"
    LONG_ENUM = "long_enum"
    INT32 = "int32"
    FLOAT = "float"


class Code(IntEnum):
    """Error codes that the client has to tell apart."""

    INVALID_FRAME = 0x0001
    DEVICE_NOT_FOUND = 0x0002
    RESPONSE_TIMEOUT = 0x0003
    SERVICE_NOT_SUPPORTED = 0x0011
    INVALID_SERVICE_ARGUMENT = 0x0012
    GATEWAY_BUSY = 0x0013
    TYPE_NOT_SUPPORTED = 0x0021
    OBJECT_ID_NOT_FOUND = 0x0022
    PROPERTY_NOT_SUPPORTED = 0x0023
    INVALID_DATA_LENGTH = 0x0024
    PROPERTY_IS_READ_ONLY = 0x0025
    INVALID_DATA = 0x0026
    DATA_TOO_SMALL = 0x0027
    DATA_TOO_BIG = 0x0028
    WRITE_PROPERTY_FAILED = 0x0029
    READ_PROPERTY_FAILED = 0x002A
    ACCESS_DENIED = 0x002B
    OBJECT_NOT_SUPPORTED = 0x002C
    MULTICAST_READ_NOT_SUPPORTED = 0x002D
    OBJECT_PROPERTY_INVALID = 0x002E
    FILE_OR_DIR_NOT_PRESENT = 0x002F
    FILE_CORRUPTED = 0x0030


def code_name(code: int) -> str:
    """The protocol's name of an error code, or its number where it has none."""
    try:
        return Code(code).name.lower().replace("_", " ")
    except ValueError:
        return f"error {code:#06x}"


def checksum(data: bytes) -> bytes:
    """The two running bytes over ``data``: A starts at FF, B at 00."""
    a, b = 0xFF, 0x00
    for byte in data:
        a = (a + byte) & 0xFF
        b = (b + a) & 0xFF
    return bytes((a, b))


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. ``flags`` is 0 in a request and the gateway's status bits in an answer."""

    source: int
    destination: int
    data: bytes
    flags: int = 0

    def encode(self) -> bytes:
        """The frame as it goes over the wire."""
        header = struct.pack("<BIIH", self.flags, self.source, self.destination, len(self.data))
        return bytes((START,)) + header + checksum(header) + self.data + checksum(self.data)


class FrameReader:
    """Takes bytes as they come and gives the frames in them.

    It survives what the wire does: stray bytes and CR LF between frames, frames split or joined anywhere, damaged and
    cut frames. A frame with a wrong checksum is no frame; reading goes on behind its first byte.
    """

    def __init__(self) -> None:
        """Start with nothing read."""
        self._buffer = bytearray()
        self.dropped = 0
        """Bytes thrown away since the start, CR LF between frames not counted."""

    def reset(self) -> None:
        """Forget a half frame: its other half will not come."""
        self._drop(len(self._buffer))

    def feed(self, data: bytes) -> list[Frame]:
        """Add bytes and return every frame that is complete now."""
        self._buffer += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Frame | None:
        position = 0
        while (position := self._buffer.find(START, position)) >= 0:
            size = self._size_at(position)
            if size is None:
                break
            if size and position + size <= len(self._buffer):
                if frame := self._frame_at(position, size):
                    self._drop(position)
                    del self._buffer[:size]
                    return frame
                size = 0
            if size:
                # An incomplete frame. Its rest may still come, or it was cut and a whole frame follows inside.
                if (later := self._whole_frame_after(position)) is not None:
                    position = later
                    continue
                break
            position += 1
        self._drop(len(self._buffer) if position < 0 else position)
        return None

    def _size_at(self, position: int) -> int | None:
        """Size of the frame that starts there, 0 if none does, ``None`` while its header is incomplete."""
        if len(self._buffer) - position < HEADER:
            return None
        length = int.from_bytes(self._buffer[position + 10 : position + 12], "little")
        header = bytes(self._buffer[position + 1 : position + 12])
        if not 2 <= length <= LONGEST_DATA or checksum(header) != self._buffer[position + 12 : position + 14]:
            return 0
        return HEADER + length + CHECKSUM

    def _frame_at(self, position: int, size: int) -> Frame | None:
        flags, source, destination = struct.unpack_from("<BII", self._buffer, position + 1)
        data = bytes(self._buffer[position + HEADER : position + size - CHECKSUM])
        if checksum(data) != self._buffer[position + size - CHECKSUM : position + size]:
            return None
        return Frame(source, destination, data, flags)

    def _whole_frame_after(self, position: int) -> int | None:
        while (position := self._buffer.find(START, position + 1)) >= 0:
            size = self._size_at(position)
            if size and position + size <= len(self._buffer) and self._frame_at(position, size):
                return position
        return None

    def _drop(self, count: int) -> None:
        self.dropped += sum(byte not in b"\r\n" for byte in self._buffer[:count])
        del self._buffer[:count]


@dataclass(frozen=True, slots=True)
class Message:
    """A property service: the data of a frame, request or answer."""

    service: int
    object_type: int
    object_id: int
    property_id: int
    data: bytes = b""
    is_answer: bool = False
    is_error: bool = False

    def encode(self) -> bytes:
        """The message as frame data."""
        flags = self.is_error | self.is_answer << 1
        return (
            struct.pack("<BBHIH", flags, self.service, self.object_type, self.object_id, self.property_id) + self.data
        )

    @classmethod
    def decode(cls, data: bytes) -> Message | None:
        """The message in frame data, ``None`` if there is none."""
        if len(data) < PROPERTY_HEADER:
            return None
        flags, service, object_type, object_id, property_id = struct.unpack_from("<BBHIH", data)
        return cls(
            service, object_type, object_id, property_id, data[PROPERTY_HEADER:], bool(flags & 2), bool(flags & 1)
        )

    @property
    def code(self) -> int:
        """The error code of an error answer; 0 where the device sent none."""
        return int.from_bytes(self.data[:2], "little") if self.is_error else 0


@dataclass(frozen=True, slots=True)
class Request:
    """A question to one address."""

    destination: int
    message: Message
    source: int = OUR_ADDRESS
    answered_as: tuple[int, ...] = ()
    """Property ids that an answer may carry instead of the request's: a file transfer's do (reference section 6)."""

    def encode(self) -> bytes:
        """The request as it goes over the wire."""
        return Frame(self.source, self.destination, self.message.encode()).encode()

    def accepts(self, frame: Frame) -> Message | None:
        """The answer in ``frame`` if it is the answer to this request, and nothing else, else ``None``.

        The line is shared with Studer's portal and an answer can come after its time-out, so both addresses, service,
        object and property must be those of the request.
        """
        if frame.destination != self.source or not _answers_for(self.destination, frame.source):
            return None
        answer = Message.decode(frame.data)
        asked = self.message
        if (
            answer is None
            or not answer.is_answer
            or answer.service != asked.service
            or answer.object_type != asked.object_type
            or answer.object_id != asked.object_id
            or answer.property_id not in (asked.property_id, *self.answered_as)
        ):
            return None
        return answer


def _answers_for(target: int, source: int) -> bool:
    """Whether an answer from ``source`` may belong to a request to ``target``.

    Which address answers for a whole family (100, 300, 600, 700) or a phase (191 to 193) is not documented, so any unit
    of that family is accepted there.
    """
    if source == target:
        return True
    if target == 100 or 191 <= target <= 193:
        return 101 <= source <= 109
    return target in (300, 600, 700) and target < source <= target + 15


def read_request(destination: int, object_type: int, object_id: int, property_id: int, data: bytes = b"") -> Request:
    """A read of one property."""
    return Request(destination, Message(Service.READ, object_type, object_id, property_id, data))


def write_request(destination: int, number: int, property_id: int, data: bytes) -> Request:
    """A write of one parameter; ``property_id`` 13 goes to RAM, 5 to flash."""
    return Request(destination, Message(Service.WRITE, ObjectType.PARAMETER, number, property_id, data))


_PACKED = {
    Format.BOOL: "<B",
    Format.SHORT_ENUM: "<H",
    Format.LONG_ENUM: "<I",
    Format.INT32: "<i",
    Format.FLOAT: "<f",
}


def encode_value(form: Format, value: float) -> bytes:
    """A number in its wire format; raises ``struct.error`` or ``OverflowError`` when it does not fit."""
    return struct.pack(_PACKED[form], value if form is Format.FLOAT else int(value))


def decode_value(form: Format, data: bytes) -> float | None:
    """The number in ``data``, ``None`` for a NaN ("not available"); raises ``BadAnswerError`` for a wrong length."""
    packed = _PACKED[form]
    if len(data) != struct.calcsize(packed):
        raise BadAnswerError(device="The gateway", reason=f"{len(data)} bytes instead of {struct.calcsize(packed)}")
    value: float = struct.unpack(packed, data)[0]
    if form is Format.BOOL and value not in (0, 1):
        raise BadAnswerError(device="The gateway", reason=f"{value} is neither yes nor no")
    return tidy(value) if form is Format.FLOAT else value


def tidy(value: float) -> float | None:
    """A single-precision number with as few decimal digits as name it; ``None`` when it is not finite."""
    if not math.isfinite(value):
        return None
    packed = struct.pack("<f", value)
    shortest = (float(f"{value:.{digits}g}") for digits in (6, 7, 8))
    return next((short for short in shortest if struct.pack("<f", short) == packed), value)


@dataclass(frozen=True, slots=True)
class InfoItem:
    """One value of a multi-info request: the info's number and which device (0 master, 1 to 15 by index, sums)."""

    number: int
    device: int


@dataclass(frozen=True, slots=True)
class MultiInfo:
    """The answer to a multi-info request. ``clock`` is the gateway's wall clock in seconds since 1970."""

    flags: int
    clock: int
    values: dict[InfoItem, float | None]


def multi_info_request(items: Iterable[InfoItem], running_number: int) -> Request:
    """One request for 1 to 76 infos; the gateway echoes ``running_number``, which tells our answer from others'."""
    data = b"".join(struct.pack("<HB", item.number, item.device) for item in items)
    return read_request(GATEWAY, ObjectType.MULTI_INFO, 1, running_number, data)


def decode_multi_info(data: bytes) -> MultiInfo:
    """The data of a multi-info answer; raises ``BadAnswerError`` when it is cut."""
    if len(data) < 8 or (len(data) - 8) % 7:
        raise BadAnswerError(device="The gateway", reason=f"a multi-info answer of {len(data)} bytes")
    flags, clock = struct.unpack_from("<II", data)
    values = {InfoItem(number, device): tidy(value) for number, device, value in struct.iter_unpack("<HBf", data[8:])}
    return MultiInfo(flags, clock, values)


def decode_guid(data: bytes) -> str:
    """A gateway's GUID as text; its 16 bytes travel in reverse order. Raises ``BadAnswerError`` for a wrong length."""
    if len(data) != 16:
        raise BadAnswerError(device="The gateway", reason=f"a GUID of {len(data)} bytes")
    text = data[::-1].hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def version(high: float, low: float) -> str:
    """Software version X.Y.Z from its two 16-bit halves."""
    return f"{int(high) >> 8}.{int(low) >> 8}.{int(low) & 0xFF}"


def hardware(value: float) -> str:
    """Hardware version a.b from its 16-bit number."""
    return f"{int(value) >> 8}.{int(value) & 0xFF}"


def fid(high: float, low: float) -> str:
    """A unit's serial number (FID) as 8 hex digits."""
    return f"{int(high) << 16 | int(low):08X}"
