"""The way to a gateway: its port where the owner named one, else the usual ones one after the other (section 2)."""

import asyncio
from collections.abc import Callable, Sequence

from .models import COMBOX_PORT, GATEWAY_PORT

PORTS = (GATEWAY_PORT, COMBOX_PORT)
"""A Conext Gateway answers on the first, and in another language on the second too; a ComBox only on the second."""
EACH = 3.0
"""Seconds for a connection to one of several ports."""


class Door:
    """Dials a host; remembers on which port it answered."""

    def __init__(self, host: str, port: int = 0, ports: Sequence[int] = PORTS) -> None:
        """``port`` 0 tries ``ports`` in their order."""
        self.host = host
        self.port = port
        self._ports = ports

    @property
    def address(self) -> str:
        """How errors call it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host

    async def dial(self, protocol: Callable[[], asyncio.Protocol]) -> object:
        """Make one connection; raises ``OSError``."""
        if self.port:
            return await self._connect(protocol, self.port)
        for port in self._ports[:-1]:
            try:
                async with asyncio.timeout(EACH):
                    connection = await self._connect(protocol, port)
            except OSError:
                continue
            self.port = port
            return connection
        connection = await self._connect(protocol, self._ports[-1])
        self.port = self._ports[-1]
        return connection

    async def _connect(self, protocol: Callable[[], asyncio.Protocol], port: int) -> object:
        return await asyncio.get_running_loop().create_connection(protocol, self.host, port)
