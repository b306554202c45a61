"""What connects the gateway with its clients: TCP in both directions, UDP, and a serial pseudo terminal.

Protocol reference, section 2. Behind an Xcom-LAN's Moxa the CR LF that the module sends after each answer are normally
stripped from the stream, together with any that are inside a frame.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from .. import lines
from ..lines import PtyEnd, TcpEnd
from .frames import Frame, FrameReader

CR_LF = b"\r\n"


@dataclass(frozen=True, slots=True)
class Personality:
    """How the module's serial port works: baud rate, parity, and whether CR LF follow each answer (section 2.1)."""

    baud: int
    parity: str
    ends: bytes


PERSONALITIES = {
    "xcom-232i": Personality(38400, "even", b""),
    "xcom-lan": Personality(115200, "none", CR_LF),
}
DELIMITERS = ("clean", "strip", "pass")
"""What the Moxa does with CR LF: "clean" is a stream that never held any, "strip" loses also those inside a frame,
"pass" leaves those that the module sends."""

type OnFrame = Callable[["Line", Frame], None]
type OnEnd = Callable[["Line"], None]


class Line(lines.Line):
    """One client: frames it sends are handed on, bytes for it are written."""

    def __init__(self, on_frame: OnFrame) -> None:
        """Take the function that gets every whole frame."""
        self._on_frame = on_frame
        self._reader = FrameReader()
        self.half_open = False
        """The other side believes in this connection, this side has forgotten it."""
        self.strips = False
        self.ends = b""
        """What follows each answer."""

    def dress(self, data: bytes, *, last: bool) -> bytes:
        """Return an answer (or a piece of it) as it leaves on this line."""
        if self.strips:
            return data.replace(CR_LF, b"")
        return data + self.ends if last else data

    def received(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self.half_open:
            return
        for frame in self._reader.feed(data):
            self._on_frame(self, frame)


class TcpLine(Line, TcpEnd):
    """A TCP connection."""

    def __init__(self, on_frame: OnFrame, on_begin: OnEnd, on_end: OnEnd) -> None:
        """Take the functions that get frames, the begin and the end of the connection."""
        Line.__init__(self, on_frame)
        TcpEnd.__init__(self, on_begin, on_end)

    def abort(self) -> None:
        """Reset the connection (RST), as a device that loses its power and comes back does."""
        self.reset()


class PtyLine(Line, PtyEnd):
    """A serial port as a pseudo terminal."""

    def __init__(self, on_frame: OnFrame, baud: int | None = None) -> None:
        """Open it; ``baud`` is the rate that a client must have set to be heard (None: any)."""
        Line.__init__(self, on_frame)
        self._wanted_baud = baud
        PtyEnd.__init__(self)

    def received(self, data: bytes) -> None:
        """Take bytes from a client that speaks at the right speed."""
        if self._wanted_baud is None or self.baud == self._wanted_baud:
            super().received(data)

    def abort(self) -> None:
        """Do nothing: a serial line has no connection to cut."""


class UdpLine(Line, asyncio.DatagramProtocol):
    """A UDP port: requests come from anywhere, answers go to the one address that is configured (section 2.3)."""

    def __init__(self, on_frame: OnFrame, answer_to: tuple[str, int]) -> None:
        """Take the address and port that get every answer."""
        super().__init__(on_frame)
        self.answer_to = answer_to
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the port."""
        assert isinstance(transport, asyncio.DatagramTransport)
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """Take a datagram: one frame each."""
        if not self.half_open:
            for frame in FrameReader().feed(data)[:1]:
                self._on_frame(self, frame)

    def error_received(self, exc: Exception) -> None:
        """Nobody is at the configured address: a datagram is lost without a word."""

    @property
    def port(self) -> int:
        """Return the port that takes requests."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def send(self, data: bytes) -> None:
        """Send one datagram."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, self.answer_to)

    def abort(self) -> None:
        """Do nothing: there is no connection to cut."""

    def close(self) -> None:
        """Close the port."""
        if self._transport is not None:
            self._transport.close()
