"""A whole GX: its Modbus TCP server and its D-Bus on one house, joined by what DVCC lets the solar chargers deliver.

Protocol reference, section 4.6: the chargers may deliver what the battery allows (CCL), and besides what a DC system on
the bus says that it draws.
"""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from ..faults import Fault
from ..house import House
from .dbus_daemon import DBusDaemon
from .dvcc import Dvcc
from .localsettings import LocalSettings
from .simulator import GxSimulator

BUS_PORT = 7878
"""Where its D-Bus listens unless told otherwise; 78, as on a GX, is for privileged programs."""


class WholeGx(GxSimulator):
    """A GX that is told of DC systems by its D-Bus only, as a real one is.

    Without a bus the chargers know nothing of what micro-inverters draw, so they throttle earlier than they have to.
    """

    def __init__(self, *, house: House | None = None, **options: Any) -> None:
        """``options`` as for `GxSimulator`; nothing listens yet."""
        super().__init__(house=house, **options)
        self.daemon: DBusDaemon | None = None
        self.dvcc: Dvcc | None = None
        self.settings_stored: MutableMapping[str, Any] = {}
        """What outlives a restart."""
        self._localsettings: LocalSettings | None = None
        self._restarting: asyncio.Task[None] | None = None
        self.dc_system_power = self._measured
        self.house.allowed_for_micro = self._compensated
        self._unwatch = self.house.watch(self._tell)
        self.faults.on_set(self._restart_bus)

    # The bus

    async def listen_bus(self, host: str = "127.0.0.1", port: int = BUS_PORT) -> int:
        """Start the D-Bus and return its port; 0 takes a free one. Raises ``NoDaemonError``."""
        self.daemon = DBusDaemon(host, port)
        await self._open_bus(self.daemon)
        return self.daemon.port

    async def _open_bus(self, daemon: DBusDaemon) -> None:
        await daemon.start()
        self._localsettings = LocalSettings(daemon.address, self.settings_stored)
        await self._localsettings.open()
        battery = self.house.battery
        # The clock of a house that stands still is moved by hand, which the cycle of DVCC does not see.
        self.dvcc = Dvcc(
            daemon.address, voltage=battery.voltage, charge_limit=self._allowed(), speed=self.house.speed or 1.0
        )
        await self.dvcc.start()

    async def _close_bus(self) -> None:
        dvcc, self.dvcc = self.dvcc, None
        if dvcc is not None:
            await dvcc.close()
        if self._localsettings is not None:
            await self._localsettings.close()
            self._localsettings = None
        if self.daemon is not None:
            await self.daemon.stop()

    def _restart_bus(self, fault: Fault) -> None:
        """The bus of a GX that restarts is away as long as its Modbus server."""
        if fault.name == "restart" and self.daemon is not None and self._restarting is None:
            seconds = (fault.argument or 0.0) / (self.house.speed or 1.0)
            self._restarting = asyncio.create_task(self._away(self.daemon, seconds), name="simulated GX restarts")

    async def _away(self, daemon: DBusDaemon, seconds: float) -> None:
        try:
            await self._close_bus()
            await asyncio.sleep(seconds)
            await self._open_bus(daemon)
        finally:
            self._restarting = None

    async def close(self) -> None:
        """End everything."""
        self._unwatch()
        self.house.allowed_for_micro = None
        if (restarting := self._restarting) is not None:
            restarting.cancel()
            await asyncio.wait((restarting,))
        await self._close_bus()
        await super().close()

    # What joins them

    def _allowed(self) -> float:
        """Return the battery's CCL, A."""
        limit = self.battery.value("/Info/MaxChargeCurrent")
        return limit if isinstance(limit, int | float) else 0.0

    def _tell(self) -> None:
        if self.dvcc is not None:
            self.dvcc.voltage, self.dvcc.charge_limit = self.house.battery.voltage, self._allowed()

    def _measured(self) -> float:
        """Return what the DC systems on the bus say that they draw, W."""
        return self.dvcc.power if self.dvcc is not None and self.dvcc.measured else 0.0

    def _compensated(self) -> float:
        """Return what the chargers may deliver beside the battery's limit, W."""
        if self.dvcc is None:
            return 0.0
        return max(0.0, self.dvcc.charge_current - self.dvcc.charge_limit) * self.dvcc.voltage
