"""What connects clients with a port of the master: TCP bridges, an RFC 2217 bridge and a pseudo terminal."""

from abc import abstractmethod
from collections.abc import Callable

from .. import lines
from ..lines import OnLine, PtyEnd, TcpEnd
from .behaviour import BAUD
from .telnet import Telnet

type OnBytes = Callable[[Line, bytes, int], None]
"""Gets what a client sends, and at which speed (baud)."""


class Line(lines.Line):
    """One client."""

    def __init__(self, on_bytes: OnBytes) -> None:
        """Take the function that gets what the client sends."""
        self._on_bytes = on_bytes

    @property
    @abstractmethod
    def baud(self) -> int:
        """The speed that the client's side is set to."""

    def received(self, data: bytes) -> None:
        """Hand the bytes on."""
        self._on_bytes(self, data, self.baud)


class TcpLine(Line, TcpEnd):
    """A TCP connection to a raw serial bridge, whose speed a client cannot change."""

    def __init__(self, on_bytes: OnBytes, on_begin: OnLine, on_end: OnLine, baud: int) -> None:
        """Take the functions that get bytes, the begin and the end of the connection."""
        Line.__init__(self, on_bytes)
        TcpEnd.__init__(self, on_begin, on_end)
        self._baud = baud

    @property
    def baud(self) -> int:
        """What the bridge is set to."""
        return self._baud


class Rfc2217Line(TcpLine):
    """A TCP connection to a bridge that lets its client set the speed (RFC 2217)."""

    def __init__(self, on_bytes: OnBytes, on_begin: OnLine, on_end: OnLine, baud: int) -> None:
        """Begin with the speed that the bridge is set to."""
        super().__init__(on_bytes, on_begin, on_end, baud)
        self._telnet = Telnet(baud)

    @property
    def baud(self) -> int:
        """What the client has set."""
        return self._telnet.baud

    def received(self, data: bytes) -> None:
        """Take the client's commands out of the stream; what is left goes to the port at the speed of that moment."""
        for piece, baud in self._telnet.feed(data):
            self._on_bytes(self, piece, baud)
        super().send(self._telnet.answers())

    def send(self, data: bytes) -> None:
        """Write bytes to the client, with FF doubled."""
        super().send(data.replace(b"\xff", b"\xff\xff"))


class PtyLine(PtyEnd, Line):
    """The port itself as a pseudo terminal."""

    def __init__(self, on_bytes: OnBytes, on_end: OnLine) -> None:
        """Open it; ``on_end`` is called when it is closed."""
        Line.__init__(self, on_bytes)
        PtyEnd.__init__(self, on_end)
        self.set_baud(BAUD)
