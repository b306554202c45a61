"""The Modbus TCP port of the GX (reference section 2)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ..faults import Faults
from ..modbus import (
    ABSENT,
    READ_HOLDING,
    READ_INPUT,
    REJECTED,
    UNDEFINED,
    Connection,
    ModbusError,
    ModbusServer,
)
from .registers import Value
from .service import GxService

ANSWER_SECONDS = (0.004, 0.02)
"""Shortest and longest time of an answer at pace 1."""


@dataclass(frozen=True, slots=True)
class Write:
    """One value that was written and acknowledged; ``kept`` tells whether the GX holds it now."""

    service: str
    path: str
    value: Value
    kept: bool


class GxServer(ModbusServer[GxService]):
    """Serves any number of connections, each in the order in which it asks."""

    reads = (READ_HOLDING, READ_INPUT)

    def __init__(
        self,
        services: dict[int, list[GxService]],
        faults: Faults,
        pace: float,
        *,
        before: Callable[[], None],
        away: Callable[[], bool],
    ) -> None:
        """``services`` by unit id. ``before`` is called ahead of every request, ``away`` tells of a restart."""
        super().__init__(faults, pace, ANSWER_SECONDS, before=before, away=away)
        self._services = services
        self._frames: dict[Connection, asyncio.Queue[bytes]] = {}
        self._workers: dict[Connection, asyncio.Task[None]] = {}
        self.writes: list[Write] = []

    # Connections

    def came(self, connection: Connection) -> None:
        """Take a new connection and begin to answer, unless the GX is starting."""
        super().came(connection)
        self._frames[connection] = asyncio.Queue()
        self._workers[connection] = asyncio.create_task(self._work(connection), name="simulated GX")

    def went(self, connection: Connection) -> None:
        """Forget a connection."""
        self._workers.pop(connection).cancel()
        del self._frames[connection]
        super().went(connection)

    def put(self, connection: Connection, frame: bytes) -> None:
        """Queue a frame behind those of the same connection."""
        self._frames[connection].put_nowait(frame)

    async def _work(self, connection: Connection) -> None:
        frames = self._frames[connection]
        while True:
            await self._serve(connection, await frames.get())

    # One request

    def _addressed(self, unit: int, address: int) -> GxService:
        self._fail()
        return self._service(unit, address)

    def _service(self, unit: int, address: int) -> GxService:
        """Return the service of a unit id whose map has the first register of a request."""
        present = [service for service in self._services.get(unit, ()) if service.present]
        if not present:
            raise ModbusError(ABSENT)
        for service in present:
            if address in service:
                return service
        raise ModbusError(UNDEFINED)

    def _read(self, service: GxService, /, address: int, count: int) -> list[int]:
        return service.read(address, count)

    def _write(self, service: GxService, /, address: int, words: list[int]) -> None:
        if self._faults.take("read_only"):
            raise ModbusError(UNDEFINED)
        taken = service.write(address, words)
        if self._faults.take("rejected"):
            raise ModbusError(REJECTED)
        kept = self._faults.take("dropped_write") is None
        if kept:
            service.settings |= taken
        self.writes += [Write(service.kind, path, value, kept) for path, value in taken.items()]
