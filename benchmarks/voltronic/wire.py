"""A simulated inverter behind a serial server, on an event loop of its own, and a count of every byte between."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Self

from simulators.voltronic import VoltronicSimulator

HOST = "127.0.0.1"
BOOT_SECONDS = 15.0
PIECE = 4096


class CountedWire:
    """A thread with one simulated inverter at the pace of its 2400 baud, reached through a relay that counts."""

    def __init__(self, profile: str) -> None:
        """Take the profile; nothing runs before the context is entered."""
        self._profile = profile
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="counted wire", daemon=True)
        self._simulator: VoltronicSimulator | None = None
        self._relay: asyncio.Server | None = None
        self._inner = 0
        self.port = 0
        self.bytes = 0
        """Bytes in both directions."""

    def __enter__(self) -> Self:
        """Start the thread, the inverter and the relay."""
        self._thread.start()
        self._run(self._open())
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close everything and end the thread."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def requests(self) -> int:
        """How many requests have come over the wire."""
        return 0 if self._simulator is None else len(self._simulator.requests)

    async def _open(self) -> None:
        self._simulator = VoltronicSimulator(profile=self._profile, pace=1.0)
        self._inner = await self._simulator.listen(HOST)
        self._relay = await asyncio.start_server(self._serve, HOST, 0)
        self.port = int(self._relay.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        if self._relay is not None:
            self._relay.close()
            self._relay.close_clients()
            await self._relay.wait_closed()
        if self._simulator is not None:
            await self._simulator.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(HOST, self._inner)
        ways = [
            asyncio.create_task(self._pass_on(reader, inner_writer)),
            asyncio.create_task(self._pass_on(inner_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for side in (writer, inner_writer):
                side.close()
                with suppress(OSError):
                    await side.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(PIECE):
                self.bytes += len(data)
                writer.write(data)
                await writer.drain()

    def _run[T](self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(BOOT_SECONDS)
