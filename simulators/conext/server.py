"""The gateway's Modbus TCP port: few connections, and the wall of one request after another."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ..faults import Faults
from ..modbus import BUSY, READ_HOLDING, UNDEFINED, Connection, ModbusError, ModbusServer, NoAnswerError
from .behaviour import Behaviour, Order
from .device import Device, Write

GRACE_SECONDS = 0.05
"""A client that reconnects may be seen coming before it is seen going."""
SLOW = 0.8


class GatewayServer(ModbusServer[Device]):
    """Takes requests of all connections one after another, as the one network behind the gateway does."""

    reads = (READ_HOLDING,)

    def __init__(
        self,
        devices: dict[int, Device],
        behaviour: Behaviour,
        faults: Faults,
        order: Order,
        pace: float,
        *,
        before: Callable[[], None],
        away: Callable[[], bool],
    ) -> None:
        """``before`` is called ahead of every request, ``away`` tells whether the gateway is not to be reached."""
        super().__init__(faults, pace, behaviour.answer_seconds, before=before, away=away)
        self.devices = devices
        self._behaviour = behaviour
        self._order = order
        self._jobs: asyncio.Queue[tuple[Connection, bytes]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._grace: list[asyncio.TimerHandle] = []
        self.refused = 0
        """How many connections were closed because there were too many."""
        self.writes: list[Write] = []

    # Connections

    async def listen(self, host: str, port: int) -> int:
        """Serve; returns the port."""
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="conext gateway")
        return await super().listen(host, port)

    async def close(self) -> None:
        """End everything."""
        for handle in self._grace:
            handle.cancel()
        await super().close()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            # Whatever went wrong inside the simulator belongs to whoever used it.
            with suppress(asyncio.CancelledError):
                await worker

    def _admits(self, connection: Connection) -> bool:
        if self._away() or self._faults.take("second_connection"):
            self.refused += 1
            return False
        if len(self.connections) > self._behaviour.connections:
            self._grace.append(asyncio.get_running_loop().call_later(GRACE_SECONDS, self._refuse, connection))
        return True

    def _refuse(self, connection: Connection) -> None:
        self._grace.pop(0)
        if connection in self.connections and len(self.connections) > self._behaviour.connections:
            self.refused += 1
            connection.close()

    def put(self, connection: Connection, frame: bytes) -> None:
        """Queue a frame behind those of all connections."""
        self._jobs.put_nowait((connection, frame))

    async def _work(self) -> None:
        while True:
            await self._serve(*await self._jobs.get())

    # One request

    def _hears(self, connection: Connection) -> bool:
        most = self._behaviour.connection_requests
        return not self._away() and (not most or connection.requests < most)

    async def _wait(self) -> None:
        await super()._wait()
        slow = self._faults.take("slow")
        if slow is not None:
            await asyncio.sleep(self._random.uniform(0.06, 1.0) * (slow.argument or SLOW))

    def _addressed(self, unit: int, address: int) -> Device:
        device = self._device(unit)
        self._fail()
        if self._faults.take("busy"):
            raise ModbusError(BUSY)
        return device

    def _device(self, unit: int) -> Device:
        device = self.devices.get(unit)
        lost = self._faults.peek("unit_lost")
        if device is None or (lost is not None and int(lost.argument or 0) == unit):
            raise self._absent()
        if device.silent_until is not None and device.plant.now < device.silent_until:
            raise self._absent()
        return device

    def _absent(self) -> ModbusError | NoAnswerError:
        code = self._behaviour.absent_code
        return ModbusError(code) if code else NoAnswerError()

    def _read(self, device: Device, /, address: int, count: int) -> list[int]:
        return device.read(address, count, self._order)

    def _write(self, device: Device, /, address: int, words: list[int]) -> None:
        if self._faults.take("refused_write"):
            raise ModbusError(UNDEFINED)
        self.writes += device.write(address, words, self._order)
