"""Modbus RTU as an Xcom-485i speaks it (reference section 13): requests as bytes, answers found in what comes back.

Frames and checksums are made by pymodbus; the line itself is one of ours, so that serial ports, bridges, time-outs and
traces work like everywhere else. No I/O, no clock.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
)

MOST_REGISTERS = 120
"""Registers of one read: 60 values; a frame of Modbus holds no more than 125."""
_LONGEST = 256
_EXCEPTION = 0x80
_CHECKSUM = 2


class Function(IntEnum):
    """The functions that an Xcom-485i knows."""

    READ_HOLDING = 0x03
    """Parameters."""
    READ_INPUT = 0x04
    """User infos."""
    WRITE = 0x10


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: unit address on the wire, function, first register, and how many or what to write."""

    unit: int
    function: Function
    register: int
    count: int = 2
    words: tuple[int, ...] = ()

    def encode(self) -> bytes:
        """The request as it goes over the wire."""
        pdu: ModbusPDU
        match self.function:
            case Function.READ_HOLDING:
                pdu = ReadHoldingRegistersRequest(dev_id=self.unit, address=self.register, count=self.count)
            case Function.READ_INPUT:
                pdu = ReadInputRegistersRequest(dev_id=self.unit, address=self.register, count=self.count)
            case Function.WRITE:
                pdu = WriteMultipleRegistersRequest(
                    dev_id=self.unit, address=self.register, count=len(self.words), registers=list(self.words)
                )
        frame: bytes = _FRAMER.buildFrame(pdu)
        return frame

    @property
    def _good_length(self) -> int:
        return 8 if self.function is Function.WRITE else 3 + 2 * self.count + _CHECKSUM

    def _begins(self, frame: bytes) -> bool:
        """Whether these are the first bytes of the good answer to this request and to no other."""
        if self.function is Function.WRITE:
            return frame[2:6] == struct.pack(">HH", self.register, len(self.words))
        return frame[2] == 2 * self.count


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request: registers (none for a write), or why not."""

    words: tuple[int, ...] = ()
    exception: int = 0
    """Exception code of Modbus; 0 for a good answer."""


class AnswerReader:
    """Finds the answer to one request among the bytes that come in.

    An RTU frame has no start mark and no number that ties it to its request, so whatever has unit, function, length and
    checksum of the awaited answer is it. Everything in front of it is noise.
    """

    def __init__(self) -> None:
        """Start with nothing read."""
        self._buffer = bytearray()
        self.dropped = 0
        """Bytes thrown away since the start."""

    def reset(self) -> None:
        """Throw away what is left of an earlier answer."""
        self.dropped += len(self._buffer)
        self._buffer.clear()

    def feed(self, data: bytes, ask: Ask | None) -> Answer | None:
        """Add bytes; the answer to ``ask`` when it is complete, else ``None``. Without a question all is noise."""
        self._buffer += data
        if ask is None:
            self.reset()
            return None
        for place in range(len(self._buffer) - 4):
            for length in (ask._good_length, 5):
                frame = bytes(self._buffer[place : place + length])
                if len(frame) == length and (answer := _answer(frame, ask)) is not None:
                    del self._buffer[: place + length]
                    self.dropped += place
                    self.reset()
                    return answer
        if len(self._buffer) > _LONGEST:
            self.dropped += len(self._buffer) - _LONGEST
            del self._buffer[:-_LONGEST]
        return None


def _answer(frame: bytes, ask: Ask) -> Answer | None:
    """What a frame says, if it is an answer to that request with a right checksum."""
    refused = frame[1] == ask.function | _EXCEPTION and len(frame) == 5
    good = frame[1] == ask.function and len(frame) == ask._good_length
    if frame[0] != ask.unit or not (refused or (good and ask._begins(frame))):
        return None
    body, checksum = frame[:-_CHECKSUM], frame[-_CHECKSUM:]
    if FramerRTU.compute_CRC(body) != int.from_bytes(checksum):
        return None
    pdu = _DECODER.decode(body[1:])
    if pdu is None:
        return None
    if isinstance(pdu, ExceptionResponse):
        return Answer(exception=int(pdu.exception_code))
    return Answer(tuple(pdu.registers) if ask.function is not Function.WRITE else ())


def to_words(value: float) -> tuple[int, int]:
    """A number as two registers, high word first; raises ``OverflowError`` for one that is too large."""
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return high, low


def from_words(high: int, low: int) -> float:
    """The number in two registers; may be NaN."""
    value: float = struct.unpack(">f", struct.pack(">HH", high, low))[0]
    return value


_DECODER = DecodePDU(is_server=False)
_FRAMER = FramerRTU(_DECODER)
