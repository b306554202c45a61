"""Frames of the Voltronic dialects and their checksums: bytes to payloads and back (reference section 3)."""

from binascii import crc_hqx
from dataclasses import dataclass
from enum import StrEnum

START_PI30 = ord("(")
START_PI18 = ord("^")
_STARTS = (START_PI30, START_PI18)
_CR, _LF = 0x0D, 0x0A
_SPECIAL = (START_PI30, _CR, _LF)
"""Bytes that a checksum must not contain: each is sent as the next higher one."""

ACK, NAK = "ACK", "NAK"
UNKNOWN = "#-1"
"""What a unit of the RP6000 type says to a word that it does not know (section 4)."""
LONGEST = 400
"""A buffer longer than this without a good frame holds none (section 3.5)."""
_UNKNOWN_LINE = f"{UNKNOWN}\r".encode()
_BARE = (b"(ACK", b"(NAK")
"""Answers that some units send without a checksum (section 3.4)."""


class Checksum(StrEnum):
    """How a request that contains a special byte in its checksum is sent (section 3.3)."""

    VENDOR = "vendor"
    """As the vendor's software does: 28, 0D and 0A become the next higher byte."""
    ZERO_BUMPED = "zero_bumped"
    """00 becomes 01 as well: some units take 00 for padding."""


def crc(data: bytes) -> int:
    """CRC-16/XMODEM, before the adjustment of its bytes (section 3.2)."""
    return crc_hqx(data, 0)


def _adjusted(plain: int, form: Checksum) -> bytes:
    special = (*_SPECIAL, 0) if form is Checksum.ZERO_BUMPED else _SPECIAL
    return bytes(byte + 1 if byte in special else byte for byte in plain.to_bytes(2))


def checksum(data: bytes, form: Checksum = Checksum.VENDOR) -> bytes:
    """The two checksum bytes that follow ``data`` on the wire, high byte first."""
    return _adjusted(crc(data), form)


def _carries_checksum(line: bytes) -> bool:
    """Whether a reply ends with any of the legal checksums: two adjusted forms and the plain one (section 3.3)."""
    plain, carried = crc(line[:-2]), line[-2:]
    return carried in (
        plain.to_bytes(2),
        _adjusted(plain, Checksum.VENDOR),
        _adjusted(plain, Checksum.ZERO_BUMPED),
    )


def byte_sum(data: bytes) -> int:
    """The one-byte sum of a few replies (section 3.4)."""
    return (sum(data) + 1) & 0xFF


def encode(text: str, form: Checksum = Checksum.VENDOR) -> bytes:
    """A request as bytes. ``text`` is the whole text, for PI18 with ``^`` and length; it must be plain ASCII."""
    data = text.encode("ascii")
    return data + checksum(data, form) + bytes([_CR])


def ambiguous(text: str) -> bool:
    """Whether the two checksum forms of ``text`` differ, so that a unit may want the other one."""
    data = text.encode("ascii")
    return checksum(data) != checksum(data, Checksum.ZERO_BUMPED)


def pi18(letter: str, body: str) -> str:
    """The text of a PI18 request: ``P`` asks, ``S`` sets; the number counts what follows it (section 9)."""
    return f"^{letter}{len(body) + 3:03d}{body}"


@dataclass(frozen=True, slots=True)
class Frame:
    """One reply whose checksum is right: its start byte and its text."""

    start: str
    payload: str

    @property
    def refuses(self) -> bool:
        """Whether the unit says no: NAK, ``^0`` or ``#-1`` (section 4)."""
        return (self.start, self.payload) in (("(", NAK), ("^", "0"), ("", UNKNOWN))

    @property
    def accepts(self) -> bool:
        """Whether the unit says yes to a set command."""
        return (self.start, self.payload) in (("(", ACK), ("^", "1"))

    @property
    def text(self) -> str:
        """The reply as text for people: PI30 without its bracket."""
        return self.start.replace("(", "") + self.payload


class FrameReader:
    """Finds frames in a byte stream by the rules of section 3.5; whatever else comes is dropped and counted."""

    def __init__(self) -> None:
        """Start with an empty buffer."""
        self.dropped = 0
        """Bytes that belonged to no good frame."""
        self.sums = False
        """Whether the awaited reply may end with a one-byte sum and LF (section 3.4)."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes and return the frames that they complete."""
        self._buffer += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        if len(self._buffer) > LONGEST:
            self.give_up()
        return frames

    @property
    def damaged(self) -> bool:
        """Whether a line has ended whose checksum is wrong.

        It is kept for a moment, because the end may have been a checksum byte that should have been adjusted.
        """
        return _CR in self._buffer

    def give_up(self) -> bytes:
        """Drop what is in the buffer and return it."""
        lost = bytes(self._buffer)
        self.dropped += len(lost)
        self._buffer.clear()
        return lost

    def _next(self) -> Frame | None:
        if self._skip_noise():
            return Frame("", UNKNOWN)
        ends = (_CR, _LF) if self.sums else (_CR,)
        for end, byte in enumerate(self._buffer):
            if byte not in ends:
                continue
            for start in range(end):
                if self._buffer[start] not in _STARTS:
                    continue
                frame = self._frame(bytes(self._buffer[start:end]))
                if frame is not None:
                    self.dropped += start
                    del self._buffer[: end + 1]
                    return frame
        return None

    def _skip_noise(self) -> bool:
        """Drop what comes before a start byte; true when that was a refusal, which has no start byte."""
        start = next((n for n, byte in enumerate(self._buffer) if byte in _STARTS), len(self._buffer))
        refusal = self._buffer.find(_UNKNOWN_LINE, 0, start)
        if refusal >= 0:
            self._drop(refusal)
            del self._buffer[: len(_UNKNOWN_LINE)]
            return True
        if start == len(self._buffer):
            # The beginning of a refusal may be all that has come so far.
            start -= next((n for n in (3, 2, 1) if self._buffer.endswith(_UNKNOWN_LINE[:n])), 0)
        self._drop(start)
        return False

    def _drop(self, count: int) -> None:
        # Line feeds and padding between frames are no loss.
        self.dropped += sum(byte not in (0, _LF) for byte in self._buffer[:count])
        del self._buffer[:count]

    def _frame(self, line: bytes) -> Frame | None:
        if line in _BARE:
            return _decoded(line)
        if len(line) >= 3 and _carries_checksum(line):
            return _decoded(line[:-2])
        if self.sums and len(line) >= 2 and line[-1] == byte_sum(line[:-1]):
            return _decoded(line[:-1])
        return None


def _decoded(data: bytes) -> Frame | None:
    """A good line as text; what is no plain text is no reply even if its checksum happens to be right."""
    if not all(0x20 <= byte < 0x7F for byte in data):
        return None
    return Frame(chr(data[0]), data[1:].decode("ascii"))
