"""A wire over a serial port, local or behind a network bridge (``socket://``, ``rfc2217://``)."""

import asyncio
from typing import Any, override

import serialx

from .dial import DialWire
from .wire import WireProtocol


class SerialWire(DialWire):
    """A serial port; ``settings`` (``baudrate``, ``parity``, ...) go to serialx as they are."""

    def __init__(self, url: str, **settings: Any) -> None:
        """Nothing is opened before ``open``."""
        # What follows the question mark may hold a key.
        super().__init__(url.partition("?")[0])
        self._url, self._settings = url, settings

    @override
    async def _dial(self) -> None:
        try:
            await serialx.create_serial_connection(
                asyncio.get_running_loop(), lambda: WireProtocol(self), self._url, **self._settings
            )
        except serialx.SerialException as err:
            raise OSError(str(err)) from err
