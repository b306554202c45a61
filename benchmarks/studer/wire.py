"""The simulated installation, on an event loop of its own so that it costs the measured client nothing."""

import asyncio
import socket
import threading
from collections.abc import Coroutine
from typing import Any, Self

from simulators.studer import StuderSimulator

HOST = "127.0.0.1"
BOOT_SECONDS = 15.0


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


class SimulatedWire:
    """A thread with one simulated installation that dials ``port``, at the pace of the real 115200 baud line."""

    def __init__(self, port: int, **options: Any) -> None:
        """Take options of the simulator; nothing runs before the context is entered."""
        self._port = port
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simulated wire", daemon=True)
        self._simulator: StuderSimulator | None = None

    def __enter__(self) -> Self:
        """Start the thread and let the installation dial."""
        self._thread.start()
        self._simulator = self._run(self._build())
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the installation and end the thread."""
        if self._simulator is not None:
            self._run(self._simulator.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _build(self) -> StuderSimulator:
        simulator = StuderSimulator(pace=1.0, redial=0.1, **self._options)
        await simulator.dial(HOST, self._port)
        return simulator

    def _run[T](self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(BOOT_SECONDS)

    @property
    def requests(self) -> int:
        """How many requests have come over the wire."""
        return len(self.simulator.requests)

    @property
    def simulator(self) -> StuderSimulator:
        """The simulated installation."""
        assert self._simulator is not None
        return self._simulator
