"""A wire over a serial port, local or behind a network bridge (``socket://``, ``rfc2217://``)."""

import asyncio
from contextlib import suppress
from typing import Any, override

import serialx

from .dial import DialWire
from .wire import WireProtocol

RELEASE = 5.0
"""Seconds that ``close`` waits for the port to be released."""


class SerialWire(DialWire):
    """A serial port; ``settings`` (``baudrate``, ``parity``, ...) go to serialx as they are.

    A port has one owner, and serialx releases it some time after a connection was cut. Who opens it again waits for
    that.
    """

    def __init__(self, url: str, **settings: Any) -> None:
        """Nothing is opened before ``open``."""
        # What follows the question mark may hold a key.
        super().__init__(url.partition("?")[0])
        self._url, self._settings = url, settings
        self._released = asyncio.Event()
        self._released.set()

    @override
    async def _dial(self) -> None:
        await self._released.wait()
        try:
            await serialx.create_serial_connection(
                asyncio.get_running_loop(), lambda: _PortProtocol(self, self._released), self._url, **self._settings
            )
        except serialx.SerialException as err:
            raise OSError(str(err)) from err

    @override
    async def close(self) -> None:
        await super().close()
        with suppress(TimeoutError):
            async with asyncio.timeout(RELEASE):
                await self._released.wait()


class _PortProtocol(WireProtocol):
    """Notes when the port is in use."""

    def __init__(self, wire: SerialWire, released: asyncio.Event) -> None:
        super().__init__(wire)
        self._released = released

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._released.clear()
        super().connection_made(transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._released.set()
