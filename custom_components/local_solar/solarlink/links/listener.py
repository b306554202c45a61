"""Wires for gateways that dial us: one listener per port, shared by everyone who waits on it.

Only one socket can own a port, so all wires of a port hang on the same listener. Which of them gets a connection is
decided by the peer's address: a gateway that dials in again replaces its own old, perhaps half-open connection, another
gateway goes to another wire.
"""

import asyncio
import errno
import math
import socket
import time
from typing import ClassVar, override

from ..errors import AddressNotLocalError, LinkClosedError, LinkError, NobodyCalledError, PortTakenError
from .wire import Wire, WireProtocol

DISOWNED_FOR = 300.0
"""Seconds for which an address is refused after its gateway turned out to be another one; addresses change hands."""


class ListenWire(Wire):
    """Waits for one gateway on a local port. ``allowed_peer`` is the only address it may come from, empty for any."""

    def __init__(self, host: str, port: int, allowed_peer: str = "") -> None:
        """Nothing listens before ``open``."""
        super().__init__(f"{host}:{port}")
        self.allowed_peer = allowed_peer
        self.last_peer = ""
        self._disowned: dict[str, float] = {}
        self._place = (host, port)
        self._listener: _Listener | None = None
        self._arrival = asyncio.Event()

    @override
    async def open(self, timeout: float) -> None:
        if self._closed:
            raise LinkClosedError(address=self.address)
        if self._listener is None:
            self._listener = _Listener.of(*self._place)
            self._listener.wires.append(self)
        try:
            await self._listener.start()
        except LinkError:
            await self._leave()
            raise
        try:
            async with asyncio.timeout(timeout):
                while not self.connected:
                    if self._closed:
                        raise LinkClosedError(address=self.address)
                    self._arrival.clear()
                    await self._arrival.wait()
        except TimeoutError as err:
            raise NobodyCalledError(address=self.address, port=self._place[1]) from err

    @override
    def attach(self, transport: asyncio.Transport, peer: str) -> None:
        super().attach(transport, peer)
        self.last_peer = peer
        self._arrival.set()

    @override
    def disown(self) -> None:
        self._disowned[self.last_peer] = time.monotonic()
        self.last_peer = ""
        super().disown()

    @override
    async def close(self) -> None:
        await super().close()
        self._arrival.set()
        await self._leave()

    async def _leave(self) -> None:
        if self._listener is not None:
            listener, self._listener = self._listener, None
            await listener.leave(self)

    def wish_for(self, peer: str) -> int:
        """How much this wire wants a connection from ``peer``: 0 not at all, higher is more."""
        if self.allowed_peer and self.allowed_peer != peer:
            return 0
        if time.monotonic() - self._disowned.get(peer, -math.inf) < DISOWNED_FOR:
            return 0
        if self.last_peer == peer:
            return 5 if self.connected else 4
        if self.connected:
            return 0
        if self.allowed_peer:
            return 3
        return 1 if self.last_peer else 2


class _Listener:
    """The socket that owns one port, kept while a wire hangs on it."""

    running: ClassVar[dict[tuple[str, int], _Listener]] = {}

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.wires: list[ListenWire] = []
        self._server: asyncio.Server | None = None
        self._starting = asyncio.Lock()

    @classmethod
    def of(cls, host: str, port: int) -> _Listener:
        """The listener of that port, which everyone in this process shares."""
        return cls.running.setdefault((host, port), cls(host, port))

    async def start(self) -> None:
        """Listen; raises ``PortTakenError``, ``AddressNotLocalError`` or ``LinkError``."""
        async with self._starting:
            if self._server is not None:
                return
            try:
                self._server = await asyncio.get_running_loop().create_server(
                    lambda: _Arrival(self), self.host, self.port
                )
            except socket.gaierror as err:
                raise AddressNotLocalError(address=self.host) from err
            except OSError as err:
                # asyncio tells that no address is ours only in the text, without a number.
                match err.errno:
                    case errno.EADDRINUSE:
                        raise PortTakenError(address=self.host, port=self.port) from err
                    case errno.EADDRNOTAVAIL | None:
                        raise AddressNotLocalError(address=self.host) from err
                reason = err.strerror or str(err)
                raise LinkError(address=f"{self.host}:{self.port}", reason=reason) from err
            if not self.wires:
                # The last wire was closed meanwhile; nobody else will close the port.
                await self._stop()

    async def leave(self, wire: ListenWire) -> None:
        """One wire less; the last one closes the port."""
        self.wires.remove(wire)
        if self.wires:
            return
        if self.running.get((self.host, self.port)) is self:
            del self.running[self.host, self.port]
        await self._stop()

    async def _stop(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            server.close()
            await server.wait_closed()

    def wire_for(self, peer: str) -> ListenWire | None:
        """The wire that takes a connection from ``peer``."""
        best = max(self.wires, key=lambda wire: wire.wish_for(peer), default=None)
        return best if best is not None and best.wish_for(peer) else None


class _Arrival(asyncio.Protocol):
    """A fresh connection, until it is known whose it is."""

    def __init__(self, listener: _Listener) -> None:
        self._listener = listener

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        peer = transport.get_extra_info("peername")[0]
        wire = self._listener.wire_for(peer)
        if wire is None:
            transport.abort()
            return
        protocol = WireProtocol(wire, peer)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
