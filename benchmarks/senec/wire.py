"""A simulated appliance on the loopback, behind a relay that counts every byte of the connections to it."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Self

from simulators.house import House
from simulators.senec import SenecSimulator

HOST = "127.0.0.1"
CHUNK = 65_536


@dataclass(slots=True)
class Traffic:
    """What went over the wire: bytes with all headers, without those of TCP."""

    sent: int = 0
    received: int = 0

    @property
    def total(self) -> int:
        """Bytes in both directions."""
        return self.sent + self.received


class CountedAppliance:
    """One appliance over plain HTTP, because the bytes of an encrypted connection are not the application's."""

    def __init__(self, profile: str) -> None:
        """Nothing listens before the context is entered."""
        self.simulator = SenecSimulator(house=House(seed=1, speed=0), profile=profile, pace=1.0)
        self.traffic = Traffic()
        self.port = 0
        self._target = 0
        self._relay: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Listen."""
        self._target = await self.simulator.listen(HOST, tls=False)
        self._relay = await asyncio.start_server(self._accept, HOST, 0)
        self.port = int(self._relay.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """End all connections."""
        if self._relay is not None:
            self._relay.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.simulator.close()

    @property
    def url(self) -> str:
        """Address of the relay."""
        return f"http://{HOST}:{self.port}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        to_appliance: asyncio.StreamWriter | None = None
        try:
            from_appliance, to_appliance = await asyncio.open_connection(HOST, self._target)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(reader, to_appliance, sent=True))
                group.create_task(self._copy(from_appliance, writer, sent=False))
        finally:
            writer.close()
            if to_appliance is not None:
                to_appliance.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, sent: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if sent:
                    self.traffic.sent += len(data)
                else:
                    self.traffic.received += len(data)
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
