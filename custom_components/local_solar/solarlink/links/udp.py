"""A wire for devices that answer by datagrams to one address and port that is configured on them."""

import asyncio
import errno
import socket
from typing import Any, override

from ..errors import PortTakenError
from .backoff import Backoff
from .dial import DialWire
from .wire import Wire


class UdpWire(DialWire):
    """Datagrams to ``host``, port ``port``, from the fixed local port ``local`` (0: the same as ``port``).

    The other end sends its answers to the address and port that are configured on it, not to where a question came
    from, so the local port must be the one that is configured there. Each ``send`` makes one datagram. Datagrams from
    other hosts are thrown away; from which port of the right one they come does not matter.
    """

    def __init__(self, host: str, port: int, local: int = 0, backoff: Backoff | None = None) -> None:
        """Nothing is opened before ``open``, which raises ``PortTakenError`` where the local port is in use."""
        super().__init__(f"{host}:{port}", backoff)
        self._host, self._port, self._local = host, port, local or port
        self._released = asyncio.Event()
        self._released.set()

    @override
    async def _dial(self) -> None:
        await self._released.wait()
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
        family, *_, peer = found[0]
        every = "::" if family == socket.AF_INET6 else "0.0.0.0"
        hosts = {str(address[0]) for of, *_, address in found if of == family}
        try:
            await loop.create_datagram_endpoint(
                lambda: _Datagrams(self, peer, hosts, self._released), local_addr=(every, self._local), family=family
            )
        except OSError as err:
            if err.errno == errno.EADDRINUSE:
                raise PortTakenError(address=self.address, port=self._local) from err
            raise

    @override
    async def close(self) -> None:
        await super().close()
        await self._released.wait()


class _Pipe(asyncio.Transport):
    """A datagram endpoint with one far end, as the byte stream that a wire expects."""

    def __init__(self, transport: asyncio.DatagramTransport, peer: tuple[Any, ...]) -> None:
        super().__init__()
        self._transport, self._peer = transport, peer

    @override
    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self._transport.sendto(data, self._peer)

    @override
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    @override
    def close(self) -> None:
        self._transport.close()

    @override
    def abort(self) -> None:
        self._transport.abort()


class _Datagrams(asyncio.DatagramProtocol):
    """Hands what comes from the right host to the wire."""

    def __init__(self, wire: Wire, peer: tuple[Any, ...], hosts: set[str], released: asyncio.Event) -> None:
        self._wire, self._peer, self._hosts, self._released = wire, peer, hosts, released
        self._pipe: _Pipe | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self._released.clear()
        self._pipe = _Pipe(transport, self._peer)
        self._wire.attach(self._pipe, str(self._peer[0]))

    @override
    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if addr[0] in self._hosts:
            self._wire.received(self._pipe, data)

    @override
    def error_received(self, exc: Exception) -> None:
        # Nobody listens over there yet; a datagram is lost without a word anyway.
        return

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._wire.detach(self._pipe)
        self._released.set()
