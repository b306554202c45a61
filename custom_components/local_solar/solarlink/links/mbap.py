"""Cuts a stream of Modbus TCP into frames, and leaves out those that answer an earlier request."""

from ..errors import BadAnswerError

_HEADER = 6
_LONGEST = 254
"""Bytes that may follow the header."""


class FrameCutter:
    """Collects bytes until a frame is whole."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._buffer = b""
        self.strays = 0
        """Frames that were left out."""

    def begin(self) -> None:
        """A new request: the beginning of an answer that never was whole is worth nothing."""
        self._buffer = b""

    def feed(self, data: bytes, awaited: bytes) -> bytes:
        """Whole frames of the same transaction and unit as ``awaited``, the request; the rest is kept or left out.

        Raises ``BadAnswerError`` for what cannot be the beginning of a frame; nothing on that stream can be understood
        any more.
        """
        self._buffer += data
        good = b""
        while len(self._buffer) >= _HEADER:
            length = int.from_bytes(self._buffer[4:_HEADER])
            if self._buffer[2:4] != b"\0\0" or not 2 < length <= _LONGEST:
                raise BadAnswerError(device="The device", reason="it is no Modbus TCP")
            if len(self._buffer) < _HEADER + length:
                break
            frame, self._buffer = self._buffer[: _HEADER + length], self._buffer[_HEADER + length :]
            if (frame[:2], frame[6]) == (awaited[:2], awaited[6]):
                good += frame
            else:
                self.strays += 1
        return good
