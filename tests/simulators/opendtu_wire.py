"""A simulated DTU on a free port, and a client of its web interface that knows nothing of the library."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import aiohttp

from simulators.house import House
from simulators.opendtu import OpenDtuSimulator, RadioModel

FIRST, SECOND, THIRD = "112174020011", "112174020022", "112172060033"
"""The serial numbers of the three inverters that are there unless told."""
PASSWORD = "openDTU42"
NIGHT = datetime(2026, 6, 15, 1)  # noqa: DTZ001 - a wall clock has no zone
CLEAR = RadioModel(statistics=(0.4, 0.4), statistics_loss=0.0, limit=(0.5, 0.5), limit_loss=0.0)
"""A radio that loses nothing and always takes the same time."""


class Client:
    """Asks one DTU."""

    def __init__(self, session: aiohttp.ClientSession, port: int, password: str = PASSWORD) -> None:
        self.session = session
        self.url = f"http://127.0.0.1:{port}"
        token = b64encode(f"admin:{password}".encode()).decode()
        self.credentials = {"Authorization": f"Basic {token}"}

    async def get(self, path: str, *, admin: bool = False, **headers: str) -> Any:
        """Read a path as JSON."""
        answer = await self.raw(path, admin=admin, **headers)
        assert answer.status == 200, answer.status
        assert answer.content_type == "application/json"
        return json.loads(await answer.read())

    async def raw(self, path: str, *, admin: bool = False, **headers: str) -> aiohttp.ClientResponse:
        """Read a path."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.session.get(self.url + path, headers={**(self.credentials if admin else {}), **told})
        await answer.read()
        return answer

    async def post(self, path: str, data: Any) -> Any:
        """Write an object, or a text as it is, in the form field."""
        text = data if isinstance(data, str) else json.dumps(data)
        answer = await self.session.post(self.url + path, data={"data": text}, headers=self.credentials)
        assert answer.status == 200, answer.status
        return json.loads(await answer.read())

    async def limit(self, serial: str, value: float, kind: int = 1) -> Any:
        """Set a limit."""
        wanted = {"serial": serial, "limit_type": kind, "limit_value": value}
        return await self.post("/api/limit/config", wanted)

    async def inverter(self, serial: str = FIRST) -> Any:
        """Read one inverter in full."""
        (found,) = (await self.get(f"/api/livedata/status?inv={serial}"))["inverters"]
        return found

    async def limits(self, serial: str = FIRST) -> Any:
        """Read the state of an inverter's limit."""
        return (await self.get("/api/limit/status"))[serial]


@asynccontextmanager
async def dtu(start: datetime | None = None, **options: Any) -> AsyncIterator[tuple[OpenDtuSimulator, Client]]:
    """Build a DTU whose time stands still until it is advanced, and a client of it."""
    house = House(1, speed=0) if start is None else House(1, speed=0, start=start)
    house.settings.inverter_allowed = house.settings.charger_allowed = False
    options = {"house": house, "pace": 0.0, "radio": CLEAR, **options}
    async with OpenDtuSimulator(**options) as simulator, aiohttp.ClientSession() as session:
        yield simulator, Client(session, await simulator.listen())
