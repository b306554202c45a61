"""The door of an encrypted port: a failed handshake is an everyday event there, and no error of the server.

The event loop's own TLS servers report every client that does not like the certificate to the loop's exception handler
when the loop is in debug mode. Many clients of this appliance do not like it.
"""

import asyncio
import ssl
from collections.abc import Callable


class _Early(asyncio.Protocol):
    """Keeps what a client says before the server's own protocol is ready for it."""

    def __init__(self) -> None:
        self.data = b""
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


class TlsDoor(asyncio.Protocol):
    """Lets one client in: encrypts its connection, then hands it to the server's protocol."""

    def __init__(
        self,
        context: ssl.SSLContext,
        server: Callable[[], asyncio.Protocol],
        tasks: set[asyncio.Task[None]],
    ) -> None:
        """``server`` builds the protocol behind the door; ``tasks`` keeps what is under way, for the owner to end."""
        self._context = context
        self._server = server
        self._tasks = tasks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        assert isinstance(transport, asyncio.Transport)
        task = asyncio.get_running_loop().create_task(self._let_in(transport), name="senec TLS handshake")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _let_in(self, transport: asyncio.Transport) -> None:
        early = _Early()
        try:
            encrypted = await asyncio.get_running_loop().start_tls(transport, early, self._context, server_side=True)
        except OSError:
            # This includes a certificate that the client refuses, and a client that does not speak TLS at all.
            transport.abort()
            return
        except asyncio.CancelledError:
            transport.abort()
            raise
        if encrypted is None or early.lost:
            return
        protocol = self._server()
        encrypted.set_protocol(protocol)
        protocol.connection_made(encrypted)
        if early.data:
            protocol.data_received(early.data)
