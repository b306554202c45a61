"""What connects clients with the unit's serial port: TCP connections and a pseudo terminal."""

from collections.abc import Callable

from .. import lines
from ..lines import OnLine, PtyEnd, TcpEnd

type OnBytes = Callable[[Line, bytes], None]


class Line(lines.Line):
    """One client: bytes it sends are handed on, bytes for it are written."""

    def __init__(self, on_bytes: OnBytes) -> None:
        """Take the function that gets what the client sends."""
        self._on_bytes = on_bytes

    def received(self, data: bytes) -> None:
        """Hand the bytes on."""
        self._on_bytes(self, data)


class TcpLine(Line, TcpEnd):
    """A TCP connection to the gateway."""

    def __init__(self, on_bytes: OnBytes, on_begin: OnLine, on_end: OnLine) -> None:
        """Take the functions that get bytes, the begin and the end of the connection."""
        Line.__init__(self, on_bytes)
        TcpEnd.__init__(self, on_begin, on_end)


class PtyLine(Line, PtyEnd):
    """The unit's own port as a pseudo terminal."""

    def __init__(self, on_bytes: OnBytes, on_end: OnLine) -> None:
        """Open it; ``on_end`` is called when it is closed."""
        Line.__init__(self, on_bytes)
        PtyEnd.__init__(self, on_end)
