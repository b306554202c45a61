"""Recorded Modbus TCP replies taken apart, for ``solarlink decode`` of every family that speaks Modbus."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ..errors import BadAnswerError
from .modbus import REASONS

INPUT = "The input"
"""How errors call what is decoded."""
READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY = 0x03, 0x04, 0x06, 0x10
"""Functions of Modbus."""

_HEADER = 7
_ECHO = 4
"""Bytes behind the function in a reply to a write."""
_ERROR = 0x80


@dataclass(frozen=True, slots=True)
class Refusal:
    """An exception: ``code`` says why ``function`` was refused."""

    unit: int
    function: int
    code: int

    def told(self, meanings: Mapping[int, str] = REASONS) -> dict[str, str]:
        """What to print of it: the function, and why it was refused."""
        return {f"function {self.function}": f"{meanings.get(self.code, 'unknown')} ({self.code:02X})"}


@dataclass(frozen=True, slots=True)
class Words:
    """Contents of registers from ``start``: what was read, or the single register that was written."""

    unit: int
    start: int
    words: list[int]


@dataclass(frozen=True, slots=True)
class Written:
    """Confirmation that ``count`` registers from ``start`` were written; it does not tell what with."""

    unit: int
    start: int
    count: int

    def covers(self, address: int) -> bool:
        """Whether the register at that address is one of them."""
        return self.start <= address < self.start + self.count


def replies(
    text: str, options: Mapping[str, str], *, reads: Collection[int], device: str
) -> Iterator[Refusal | Words | Written]:
    """The replies in hex text; several frames may follow each other.

    ``reads`` are the functions by which registers are read. A reply to one of them does not say where it begins:
    ``options["address"]`` does. Raises ``BadAnswerError`` for what is no frame, and for a function that is no reply of
    ``device``.
    """
    for unit, content in _frames(text):
        function, data = content[0], content[1:]
        if function & _ERROR:
            yield Refusal(unit, function & ~_ERROR, data[0])
        elif function in reads:
            yield Words(unit, _address(options), _words(data[0], data[1:]))
        elif function == WRITE_ONE and len(data) == _ECHO:
            yield Words(unit, int.from_bytes(data[:2]), _words(2, data[2:]))
        elif function == WRITE_MANY and len(data) == _ECHO:
            yield Written(unit, int.from_bytes(data[:2]), int.from_bytes(data[2:]))
        else:
            raise BadAnswerError(device=INPUT, reason=f"function {function:#04x} is no reply of {device}")


def _frames(text: str) -> list[tuple[int, bytes]]:
    """Unit address and content of every frame."""
    try:
        raw = bytes.fromhex(text)
    except ValueError as err:
        raise BadAnswerError(device=INPUT, reason="it is not hex text") from err
    frames = []
    while raw:
        length = int.from_bytes(raw[4:6])
        content = raw[_HEADER : 6 + length]
        if len(raw) < _HEADER or raw[2:4] != b"\0\0" or len(content) != length - 1 or len(content) < 2:
            raise BadAnswerError(device=INPUT, reason="no whole Modbus TCP frame")
        frames.append((raw[6], content))
        raw = raw[6 + length :]
    if not frames:
        raise BadAnswerError(device=INPUT, reason="no Modbus TCP frame in it")
    return frames


def _address(options: Mapping[str, str]) -> int:
    try:
        return int(options["address"], 0)
    except KeyError as err:
        raise BadAnswerError(
            device=INPUT, reason="a reply does not tell its registers: give the first --address"
        ) from err
    except ValueError as err:
        raise BadAnswerError(device=INPUT, reason=f"'{options['address']}' is no address") from err


def _words(count: int, data: bytes) -> list[int]:
    if count != len(data) or count % 2:
        raise BadAnswerError(device=INPUT, reason=f"{len(data)} bytes of values where {count} are announced")
    return [int.from_bytes(data[at : at + 2]) for at in range(0, count, 2)]
