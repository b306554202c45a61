"""A stand-in of the portal's web API (protocol reference, section 14): what the portal has of one installation."""

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime

from aiohttp import web

from ..house import House
from .errors import ScomError
from .gateway import Gateway
from .installation import Unit
from .portal import Portal
from .simulator import StuderSimulator

LEAST_SECONDS = 60.0
"""How far apart requests for the dates must be, seconds of the house's time."""
_FAMILIES = {"XT": "xt", "VT": "vt", "VS": "vs", "BSP": "battery"}


class PortalApi:
    """Answers the four requests that are known. A request with other hashes gets 401.

    Of those for the dates one that comes sooner than ``least_seconds`` after the last gets 429.
    """

    def __init__(
        self,
        simulator: StuderSimulator,
        *,
        email: str = "owner@example.org",
        password: str = "open sesame",
        installation: int = 1234,
        name: str = "House",
        least_seconds: float = LEAST_SECONDS,
    ) -> None:
        """Take the account and the installation's number there; nothing runs before `start`."""
        self._house: House = simulator.house
        self._gateway: Gateway = simulator.gateway
        self._portal: Portal = simulator.portal
        self._hashes = (
            hashlib.sha256(email.encode()).hexdigest(),
            hashlib.md5(password.encode(), usedforsecurity=False).hexdigest(),
        )
        self._installation = installation
        self._name = name
        self._least_seconds = least_seconds
        self.requests: list[tuple[datetime, str]] = []
        """The house's time and the path of every request, oldest first."""
        self.trouble: int | None = None
        """A status (500) that every request gets while it is set."""
        self.stall: float = 0.0
        """Real seconds that every answer is held back."""
        self.no_data = False
        """The portal has nothing: values read 0 instead of an error, as they do there."""
        self._last_dates: datetime | None = None
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Serve; returns the base address (which ends with /api/v1)."""
        app = web.Application()
        app.router.add_get("/api/v1/installation/installations", self._checked(self._installations))
        app.router.add_get("/api/v1/installation/synoptic/{id}", self._checked(self._synoptic))
        app.router.add_get("/api/v1/installation/user-info/{id}", self._checked(self._user_info))
        app.router.add_get("/api/v1/datalog/available-dates/{id}", self._checked(self._dates))
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        bound = self._runner.addresses[0]
        return f"http://{bound[0]}:{bound[1]}/api/v1"

    async def close(self) -> None:
        """Serve no more; answers that are held back go now."""
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def _checked(
        self, handler: Callable[[web.Request], web.Response]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return a handler that first looks at the account and the number of the installation."""

        async def handle(request: web.Request) -> web.Response:
            self._house.catch_up()
            self.requests.append((self._house.now, request.path))
            if self.stall:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), self.stall)
            if self.trouble is not None:
                return web.Response(status=self.trouble)
            if (request.headers.get("UHASH"), request.headers.get("PHASH")) != self._hashes:
                return web.Response(status=401)
            if request.match_info.get("id", str(self._installation)) != str(self._installation):
                return web.Response(status=401)
            return handler(request)

        return handle

    def _installations(self, request: web.Request) -> web.Response:
        return web.json_response([{"id": self._installation, "name": self._name}])

    def _dates(self, request: web.Request) -> web.Response:
        now = self._house.now
        if self._last_dates is not None and (now - self._last_dates).total_seconds() < self._least_seconds:
            return web.Response(status=429)
        self._last_dates = now
        days = sorted(set(self._portal.dates), reverse=True)
        return web.json_response([f"{day.isoformat()}T00:00:00" for day in days])

    def _user_info(self, request: web.Request) -> web.Response:
        try:
            number = int(request.query["infoId"])
            units = self._units(request.query["device"])
            values = [self._gateway.info(unit, number) for unit in units]
        except KeyError, ValueError, ScomError:
            return web.Response(status=500)
        value = 0.0 if self.no_data or not values else sum(values) / len(values)
        return web.json_response({"status": "OK", "floatValue": value})

    def _units(self, device: str) -> list[Unit]:
        """Return the units behind a name like XT_Group (whose values are averaged), XT1, VS2 or BSP."""
        prefix = device.rstrip("0123456789").removesuffix("_Group")
        installation = self._gateway.installation
        family = _FAMILIES[prefix]
        units = installation.family(installation.battery_family if family == "battery" else family)
        index = device[len(prefix) :]
        return [unit for unit in units if not index.isdigit() or unit.index == int(index) - 1]

    def _synoptic(self, request: web.Request) -> web.Response:
        house, days = self._house, self._gateway.days
        counters, battery = house.counters, house.battery
        real = 0.0 if self.no_data else 1.0
        energy: dict[str, object] = {}
        for name, counter, unit in (
            ("solar", counters.solar, "kWh"),
            ("gridGenset", counters.grid_import, "kWh"),
            ("load", counters.load, "kWh"),
            ("batteryCharge", counters.battery_charge_ah, "Ah"),
            ("batteryDischarge", counters.battery_discharge_ah, "Ah"),
        ):
            title = name[0].upper() + name[1:]
            energy |= {
                f"has{title}": not self.no_data,
                name: days.today(counter) * real,
                f"yesterday{title}": days.yesterday(counter) * real,
                f"{name}Unit": unit,
            }
        return web.json_response(
            {
                "energy": energy,
                "battery": {
                    "power": -battery.power / 1000 * real,
                    "powerUnit": "kW",
                    "voltage": battery.voltage * real,
                    "voltageUnit": "V",
                    "current": -battery.current * real,
                    "currentUnit": "A",
                    "soc": battery.soc * real,
                    "socUnit": "%",
                    "temperature": battery.temperature * real,
                    "temperatureUnit": "°C",
                },
                "power": {
                    "solar": house.solar_power / 1000 * real,
                    "gridGenset": house.grid.power / 1000 * real,
                    "load": house.load_power / 1000 * real,
                    "battery": -battery.power / 1000 * real,
                },
            }
        )
