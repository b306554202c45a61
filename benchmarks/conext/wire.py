"""The simulated gateway, on an event loop of its own so that it costs the measured client nothing."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self

from simulators.conext import ConextSimulator
from simulators.house import House

HOST = "127.0.0.1"
BOOT_SECONDS = 15.0


class SimulatedGateway:
    """A thread with a ComBox, an XW+ and two MPPT 60, which answers at the pace of the real one."""

    def __init__(self) -> None:
        """Nothing runs before the context is entered."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simulated gateway", daemon=True)
        self._simulator: ConextSimulator | None = None
        self.port = 0

    def __enter__(self) -> Self:
        """Start the thread and let the gateway listen."""
        self._thread.start()
        self._simulator = self._run(self._build())
        self.port = self._simulator.server_port
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the gateway and end the thread."""
        if self._simulator is not None:
            self._run(self._simulator.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _build(self) -> ConextSimulator:
        simulator = ConextSimulator(house=House(seed=1), units=("xw", "mppt60", "mppt60"), pace=1.0, maintenance=False)
        await simulator.listen(HOST)
        return simulator

    def _run[T](self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(BOOT_SECONDS)

    @property
    def requests(self) -> int:
        """How many requests have come in."""
        assert self._simulator is not None
        return len(self._simulator.requests)
