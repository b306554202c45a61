"""What connects the gateway with its clients: TCP connections in both directions and a serial pseudo terminal."""

import asyncio
import os
import pty
import socket
import tty
from abc import ABC, abstractmethod
from collections.abc import Callable
from struct import pack

from .frames import Frame, FrameReader

type OnFrame = Callable[["Line", Frame], None]
type OnEnd = Callable[["Line"], None]


class Line(ABC):
    """One client: frames it sends are handed on, bytes for it are written."""

    def __init__(self, on_frame: OnFrame) -> None:
        """Take the function that gets every whole frame."""
        self._on_frame = on_frame
        self._reader = FrameReader()
        self.half_open = False
        """The other side believes in this connection, this side has forgotten it."""

    def received(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self.half_open:
            return
        for frame in self._reader.feed(data):
            self._on_frame(self, frame)

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Write bytes to the client."""

    @abstractmethod
    def abort(self) -> None:
        """End the connection without a farewell."""

    @abstractmethod
    def close(self) -> None:
        """End the connection."""


class TcpLine(Line, asyncio.Protocol):
    """A TCP connection."""

    def __init__(self, on_frame: OnFrame, on_begin: OnEnd, on_end: OnEnd) -> None:
        """Take the functions that get frames, the begin and the end of the connection."""
        super().__init__(on_frame)
        self._on_begin = on_begin
        self._on_end = on_end
        self._transport: asyncio.Transport | None = None
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection and let small pieces go at once."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._on_begin(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client."""
        self.received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the connection is over."""
        self.ended.set()
        self._on_end(self)

    def send(self, data: bytes) -> None:
        """Write bytes to the client."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def abort(self) -> None:
        """Reset the connection (RST), as a device that loses its power and comes back does."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
        self._transport.abort()

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


class PtyLine(Line):
    """The master side of a pseudo terminal; clients open the slave."""

    def __init__(self, on_frame: OnFrame) -> None:
        """Open a raw pseudo terminal pair."""
        super().__init__(on_frame)
        self._master, self._slave = pty.openpty()
        # The slave stays open here so that the line survives clients that come and go.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._master, self._readable)
        self._open = True

    def _readable(self) -> None:
        try:
            data = os.read(self._master, 4096)
        except OSError:
            return
        self.received(data)

    def send(self, data: bytes) -> None:
        """Write bytes to the client; what a client that does not read has no room for is lost, as on a wire."""
        if not self._open:
            return
        try:
            os.write(self._master, data)
        except BlockingIOError:
            return

    def abort(self) -> None:
        """Do nothing: a serial line has no connection to cut."""

    def close(self) -> None:
        """Close the pseudo terminal."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._master)
            os.close(self._master)
            os.close(self._slave)
