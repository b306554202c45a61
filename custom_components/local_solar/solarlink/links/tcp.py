"""A wire that connects to a device by TCP."""

import asyncio
from typing import override

from .backoff import Backoff
from .dial import DialWire
from .wire import WireProtocol


class TcpWire(DialWire):
    """A TCP connection to ``host``, port ``port``."""

    def __init__(self, host: str, port: int, backoff: Backoff | None = None) -> None:
        """Nothing is connected before ``open``."""
        super().__init__(f"{host}:{port}", backoff)
        self._host, self._port = host, port

    @override
    async def _dial(self) -> None:
        await asyncio.get_running_loop().create_connection(
            lambda: WireProtocol(self, self._host), self._host, self._port
        )
