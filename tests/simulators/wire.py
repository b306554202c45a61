"""A bare client for the simulator's tests: it sends bytes and takes what comes, and knows nothing of SCOM."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, request: bytes | str, seconds: float = 0.15) -> bytes:
        """Send a request (bytes, or hex text) and return everything that comes within the first quiet while."""
        self.send(request)
        return await self.everything(seconds)

    def send(self, request: bytes | str) -> None:
        self.writer.write(bytes.fromhex(request) if isinstance(request, str) else request)

    async def everything(self, seconds: float = 0.15) -> bytes:
        """Return what comes until nothing has come for ``seconds``, or the connection ends."""
        got = b""
        with suppress(TimeoutError):
            while chunk := await asyncio.wait_for(self.reader.read(4096), seconds):
                got += chunk
                seconds = min(seconds, 0.05)
        return got

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def connect(port: int) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield client
    finally:
        await client.close()


class Listener:
    """What a gateway dials: a server that keeps the clients that came, in their order."""

    def __init__(self) -> None:
        self.clients: asyncio.Queue[Client] = asyncio.Queue()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._came, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.clients.put(Client(reader, writer))

    async def next(self, seconds: float = 5.0) -> Client:
        return await asyncio.wait_for(self.clients.get(), seconds)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
