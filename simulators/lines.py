"""The device's end of a connection with one client: a TCP connection, or the master of a pseudo terminal.

What is common to all simulated devices; each family says in ``received`` what it does with the bytes.
"""

import asyncio
import os
import pty
import socket
import termios
import tty
from abc import ABC, abstractmethod
from collections.abc import Callable
from struct import pack
from typing import Any

type OnLine = Callable[[Any], None]
"""Is told which line has begun or ended."""

_SPEEDS = {getattr(termios, f"B{baud}"): baud for baud in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)}


class Line(ABC):
    """One client."""

    @abstractmethod
    def received(self, data: bytes) -> None:
        """Take bytes from the client."""

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Write bytes to the client."""

    @abstractmethod
    def abort(self) -> None:
        """End the connection without a farewell, as a device that is unplugged."""

    @abstractmethod
    def close(self) -> None:
        """End the connection."""


class TcpEnd(Line, asyncio.Protocol):
    """A TCP connection."""

    def __init__(self, on_begin: OnLine, on_end: OnLine) -> None:
        """Take the functions that are told of the begin and the end of the connection."""
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
        """End the connection; the client reads its end."""
        self.close()

    def reset(self) -> None:
        """Reset the connection (RST), as a gateway that loses its power and comes back does."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
        self._transport.abort()

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


class PtyEnd(Line):
    """The master side of a raw pseudo terminal; clients open the slave and set its speed as on a real port."""

    def __init__(self, on_end: OnLine | None = None) -> None:
        """Open the pair; ``on_end`` is called when it is closed."""
        self._on_end = on_end
        self._master, self._slave = pty.openpty()
        # The slave stays open here so that the line survives clients that come and go.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._master, self._readable)
        self._open = True

    def set_baud(self, baud: int) -> None:
        """Set the speed that the port has before a client sets another one."""
        settings = termios.tcgetattr(self._slave)
        settings[4] = settings[5] = getattr(termios, f"B{baud}")
        termios.tcsetattr(self._slave, termios.TCSANOW, settings)

    @property
    def baud(self) -> int:
        """The speed that the client has set, 0 for one that no port has."""
        return _SPEEDS.get(termios.tcgetattr(self._slave)[5], 0)

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
        """Take the terminal away: the client gets EIO."""
        self.close()

    def close(self) -> None:
        """Take the terminal away: the client gets EIO."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._master)
            os.close(self._master)
            os.close(self._slave)
            if self._on_end is not None:
                self._on_end(self)
