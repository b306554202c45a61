"""A serial port that can wake the console of old firmware, at 1200 baud (reference section 2)."""

import asyncio

from ..errors import LinkError
from ..links.serial import SerialWire
from .session import BAUD, WAKE, WAKE_BAUD

WAKE_REST = 1.0
"""Seconds that the battery needs to switch its console on."""
OPEN = 10.0


class ConsolePort(SerialWire):
    """A port at 115200 baud, local or behind a bridge that passes the speed on (RFC 2217)."""

    def __init__(self, url: str, *, rest: float = WAKE_REST) -> None:
        """Nothing is opened before ``open``; ``rest`` is how long the wake-up is given to work."""
        super().__init__(url, baudrate=BAUD)
        self._rest = rest

    async def wake(self) -> None:
        """Send the wake-up at 1200 baud; the connection is gone afterwards. Raises ``LinkError``."""
        self.drop()
        try:
            async with asyncio.timeout(OPEN):
                await self._released.wait()
        except TimeoutError as err:
            raise LinkError(address=self.address, reason="the port is not released") from err
        slow = SerialWire(self._url, baudrate=WAKE_BAUD)
        try:
            await slow.open(OPEN)
            slow.send(WAKE)
            await asyncio.sleep(self._rest)
        finally:
            await slow.close()
