"""The simulated GX with its services, as tests and the command line use it."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Self

from ..faults import Fault, Faults
from ..house import House
from ..modbus import Request
from .faults import FAULTS
from .plant import Plant, Power
from .registers import Value
from .server import GxServer, Write
from .service import GxService

SYSTEM_UNITS = (100, 0)
"""The second one for clients that cannot ask the first."""
PORTAL_ID = "c0619ab4e587"
SETTINGS: dict[str, Value] = {
    "/Settings/CGwacs/AcPowerSetPoint": 50,
    "/Settings/CGwacs/MaxChargePercentage": 100,
    "/Settings/CGwacs/MaxDischargePercentage": 100,
    "/Settings/CGwacs/MaxDischargePower": -1,
    "/Settings/SystemSetup/MaxChargeCurrent": -1,
    "/Settings/CGwacs/MaxFeedInPower": -1,
    "/Settings/CGwacs/OvervoltageFeedIn": 0,
    "/Settings/CGwacs/PreventFeedback": 1,
    "/Settings/SystemSetup/AcInput1": 1,
    "/Settings/CGwacs/RunWithoutGridMeter": 0,
    "/Settings/CGwacs/BatteryLife/State": 10,
    "/Settings/CGwacs/BatteryLife/MinimumSocLimit": 20,
    "/Settings/CGwacs/Hub4Mode": 1,
    "/Settings/CGwacs/BatteryLife/SocLimit": 20,
    "/Settings/SystemSetup/SystemName": "",
}
"""What the owner has set, by path."""
_FROM_A_MONITOR = ("/Dc/Battery/Soc", "/Dc/Battery/ConsumedAmphours")
"""What the system knows only from a battery."""


class GxSimulator:
    """A GX with a battery, an inverter and charger, and the switch of its Modbus TCP server on.

    ``dc_system_power``, ``charge_current_limit`` and ``discharge_current_limit`` say what is shown of what others
    decide: a number (W, A), what returns one, or None.
    """

    def __init__(
        self,
        *,
        house: House | None = None,
        portal_id: str = PORTAL_ID,
        phases: int = 1,
        battery_unit: int | None = 225,
        vebus_unit: int | None = 227,
        missing: Collection[int] = (),
        pace: float = 1.0,
    ) -> None:
        """Build the installation.

        ``battery_unit`` and ``vebus_unit`` are unit ids, None for an installation without. ``missing`` are registers
        that this firmware does not have. ``pace`` scales the time of answers (1: real, 0: none). `ValueError` for a
        number of phases that is not 1 or 3.
        """
        self.house = house or House()
        self.faults = Faults(FAULTS)
        self.faults.on_set(self._fault_set)
        self.plant = Plant(self.house, phases=phases)
        self._missing = missing
        self._back_at: datetime | None = None
        self._whole_at: datetime | None = None
        self.system = self._service("system", lambda: {**self.plant.system(), "/Serial": portal_id})
        self.settings = self._service("settings", dict, SETTINGS)
        self.settings.limits["/Settings/CGwacs/BatteryLife/MinimumSocLimit"] = (0.0, 100.0)
        self.hub4 = self._service("hub4", lambda: {"/PvPowerLimiterActive": 0, "/Overrides/Setpoint": 0})
        self.battery = self._service("battery", self.plant.battery, {"/CustomName": ""})
        self.vebus = self._service(
            "vebus", self.plant.vebus, {"/Mode": 3, "/Ac/ActiveIn/CurrentLimit": 32.0, "/CustomName": ""}
        )
        own = [self.system, self.settings, self.hub4, self._service("platform", dict)]
        self.services: dict[int, list[GxService]] = dict.fromkeys(SYSTEM_UNITS, own)
        """Services by unit id."""
        for unit, service in ((battery_unit, self.battery), (vebus_unit, self.vebus)):
            if unit is not None:
                self.services[unit] = [service]
        self.server = GxServer(self.services, self.faults, pace, before=self._catch_up, away=self._is_away)

    def _service(
        self, kind: str, measured: Callable[[], dict[str, Value]], settings: dict[str, Value] | None = None
    ) -> GxService:
        return GxService(kind, measured, settings, missing=self._missing)

    async def __aenter__(self) -> Self:
        """Return the simulator."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close it."""
        await self.close()

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve Modbus TCP; returns the port."""
        return await self.server.listen(host, port)

    async def drop(self) -> None:
        """End all connections; the server stays."""
        await self.server.drop()

    async def close(self) -> None:
        """End everything."""
        await self.server.close()

    # What others decide

    @property
    def dc_system_power(self) -> Power:
        """Return what register 860 shows; unless set, what the micro-inverters draw from the battery."""
        return self.plant.dc_system_power

    @dc_system_power.setter
    def dc_system_power(self, power: Power) -> None:
        self.plant.dc_system_power = power

    @property
    def charge_current_limit(self) -> Power:
        """Return the battery's CCL; None: what the house's battery allows."""
        return self.plant.charge_current_limit

    @charge_current_limit.setter
    def charge_current_limit(self, current: Power) -> None:
        self.plant.charge_current_limit = current

    @property
    def discharge_current_limit(self) -> Power:
        """Return the battery's DCL; None: what the house's battery allows."""
        return self.plant.discharge_current_limit

    @discharge_current_limit.setter
    def discharge_current_limit(self, current: Power) -> None:
        self.plant.discharge_current_limit = current

    # Faults

    def _fault_set(self, fault: Fault) -> None:
        if fault.name == "restart":
            self.faults.clear("restart")
            away = timedelta(seconds=fault.argument or 0.0)
            self._back_at = self.house.now + away
            self._whole_at = self._back_at + away
            self.server.end_connections()

    def _is_away(self) -> bool:
        return self._back_at is not None and self.house.now < self._back_at

    def _catch_up(self) -> None:
        self.house.catch_up()
        starting = self._whole_at is not None and self.house.now < self._whole_at
        self.battery.present = not starting and "battery_gone" not in self.faults
        self.battery.valid = "battery_mute" not in self.faults
        self.vebus.present = not starting and "vebus_gone" not in self.faults
        unknown = starting or "no_state_of_charge" in self.faults
        self.system.hidden = set(_FROM_A_MONITOR) if unknown else set()

    # The installation

    @property
    def requests(self) -> list[Request]:
        """Return every request that was understood."""
        return self.server.requests

    @property
    def writes(self) -> list[Write]:
        """Return every value that was written and acknowledged, whether it was kept or not."""
        return self.server.writes

    @property
    def connects(self) -> int:
        """Return how many connections were opened."""
        return self.server.connects

    def move(self, service: GxService, unit: int) -> None:
        """Let a service answer at another unit id, as after another cable or a new device instance."""
        for known in [known for known, services in self.services.items() if services == [service]]:
            del self.services[known]
        self.services[unit] = [service]

    def add_battery(self, unit: int, state_of_charge: float) -> GxService:
        """Connect one more battery, which the system does not go by."""
        added = self._service("battery", self.plant.battery, {"/Soc": state_of_charge})
        self.services[unit] = [added]
        return added

    def advance(self, seconds: float) -> None:
        """Let time pass in the house."""
        self.house.advance(seconds)


__all__ = ["PORTAL_ID", "SETTINGS", "GxSimulator", "Request", "Write"]
