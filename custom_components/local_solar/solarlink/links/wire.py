"""A byte stream to a device, whatever carries it. Wires know nothing of frames and keep no task of their own."""

import asyncio
import socket
from abc import ABC, abstractmethod
from typing import Protocol, override

from ..errors import LinkClosedError, LinkError, LinkLostError

KEEP_ALIVE_IDLE = 60
KEEP_ALIVE_INTERVAL = 10
KEEP_ALIVE_COUNT = 3


class WireUser(Protocol):
    """Who is told what happens on a wire; called in the event loop."""

    def wire_up(self, peer: str) -> None:
        """A connection stands; what was read before belongs to another one."""

    def wire_data(self, data: bytes) -> None:
        """Bytes have arrived."""

    def wire_down(self, error: LinkError) -> None:
        """The connection is gone."""


class Wire(ABC):
    """One connection at a time to one device or gateway, opened again on demand."""

    def __init__(self, address: str) -> None:
        """``address`` is how errors call this wire."""
        self.address = address
        self.user: WireUser | None = None
        self._transport: asyncio.Transport | None = None
        self._closed = False

    @property
    def connected(self) -> bool:
        """Whether a connection stands."""
        return self._transport is not None and not self._transport.is_closing()

    @abstractmethod
    async def open(self, timeout: float) -> None:
        """Return when a connection stands; raises ``LinkError`` when none can be had within ``timeout`` seconds."""

    def send(self, data: bytes) -> None:
        """Send bytes; raises ``LinkLostError`` when there is no connection."""
        if not self.connected or self._transport is None:
            raise LinkLostError(address=self.address)
        self._transport.write(data)

    def drop(self) -> None:
        """Cut the present connection; the next ``open`` makes a new one."""
        self.detach(self._transport)

    def disown(self) -> None:
        """The peer of the present connection is not the one we want: cut it and do not take it again."""
        self.drop()

    async def close(self) -> None:
        """Cut the connection for good."""
        self._closed = True
        self.drop()

    def attach(self, transport: asyncio.Transport, peer: str) -> None:
        """A new connection stands and takes the place of the old one."""
        if self._closed:
            transport.abort()
            return
        if self._transport is not None:
            self.detach(self._transport)
        keep_alive(transport)
        self._transport = transport
        if self.user:
            self.user.wire_up(peer)

    def detach(self, transport: asyncio.BaseTransport | None) -> None:
        """That connection is gone; an older one than the present is of no interest any more."""
        if transport is None or transport is not self._transport:
            return
        self._transport.abort()
        self._transport = None
        if self.user:
            error = LinkClosedError if self._closed else LinkLostError
            self.user.wire_down(error(address=self.address))

    def received(self, transport: asyncio.BaseTransport | None, data: bytes) -> None:
        """Bytes have arrived on that connection."""
        if self.user and transport is self._transport:
            self.user.wire_data(data)


class WireProtocol(asyncio.Protocol):
    """Hands what asyncio reports of a connection to its wire."""

    def __init__(self, wire: Wire, peer: str = "") -> None:
        """``peer`` names the other end."""
        self._wire, self._peer = wire, peer
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Serial transports derive from no asyncio class, so the type cannot be checked here.
        self._transport = transport  # type: ignore[assignment]
        self._wire.attach(transport, self._peer)  # type: ignore[arg-type]

    @override
    def data_received(self, data: bytes) -> None:
        self._wire.received(self._transport, data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._wire.detach(self._transport)


def keep_alive(transport: asyncio.BaseTransport) -> None:
    """Let the kernel find out when the other end of a quiet TCP connection has vanished."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", KEEP_ALIVE_IDLE),
        ("TCP_KEEPINTVL", KEEP_ALIVE_INTERVAL),
        ("TCP_KEEPCNT", KEEP_ALIVE_COUNT),
    ):
        # Not every system has all three.
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
