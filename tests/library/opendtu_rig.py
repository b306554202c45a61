"""Simulated DTUs, clients for them, and short cuts to what they say."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.address import LinkAddress
from custom_components.local_solar.solarlink.links.http import HttpTiming
from custom_components.local_solar.solarlink.opendtu import open_client
from custom_components.local_solar.solarlink.opendtu.client import OpenDtuClient
from custom_components.local_solar.solarlink.opendtu.exchange import Timing
from custom_components.local_solar.solarlink.points import Ref
from simulators.house import House
from simulators.opendtu import OpenDtuSimulator, RadioModel

from .rig import RigBase, values

HOST = "127.0.0.1"
FIRST, SECOND, THIRD = "112174020011", "112174020022", "112172060033"
"""The serial numbers of the three inverters that are there unless told."""
SECRET = "correct horse"
FAST = Timing(
    http=HttpTiming(answer=5.0, retry=0.0),
    first_hold_off=0.0,
    longest_hold_off=0.0,
    overloaded=0.0,
    out_of_memory=0.0,
    between=0.1,
    between_delicate=0.0,
    pending=0.02,
    confirm=8.0,
    again=0.02,
    no_effect=0.5,
    socket_first=0.05,
    socket_longest=0.05,
)
"""Nothing is waited for that the test does not want to see."""
HASTY = replace(FAST, http=HttpTiming(answer=0.3, retry=0.0), confirm=0.5)
"""Silence is what the test is about."""
CLEAR = RadioModel(statistics=(0.4, 0.4), statistics_loss=0.0, limit=(0.5, 0.5), limit_loss=0.0)
"""A radio that loses nothing and always takes the same time."""


class Rig(RigBase[OpenDtuSimulator, OpenDtuClient]):
    """Starts simulators and clients, and closes them all."""

    async def sim(
        self, firmware: str = "v26.3.30", *, speed: float = 0.0, house: House | None = None, **options: Any
    ) -> tuple[OpenDtuSimulator, int]:
        """A simulated DTU, in a house that stands still unless told, and its port."""
        given: dict[str, Any] = {"password": SECRET, "radio": CLEAR, "pace": 0.0} | options
        sim = OpenDtuSimulator(house=house or House(seed=1, speed=speed), firmware=firmware, **given)
        self._sims.append(sim)
        return sim, await sim.listen(HOST)

    def client(
        self,
        port: int,
        *,
        sim: OpenDtuSimulator | None = None,
        timing: Timing = FAST,
        password: str = SECRET,
        websocket: bool = False,
        journal: Journal | None = None,
    ) -> OpenDtuClient:
        """A client that has asked nothing yet; with ``sim`` it lives in the time of that house."""
        clock: dict[str, Any] = {"clock": lambda: sim.house.elapsed} if sim else {}
        client = open_client(
            LinkAddress("http", HOST, port),
            journal=journal or Journal(),
            settings={"password": password, "websocket": websocket},
            timing=timing,
            **clock,
        )
        self._clients.append(client)
        return client

    async def known(
        self,
        firmware: str = "v26.3.30",
        *,
        timing: Timing = FAST,
        password: str = SECRET,
        websocket: bool = False,
        journal: Journal | None = None,
        house_time: bool = False,
        **options: Any,
    ) -> tuple[OpenDtuSimulator, OpenDtuClient]:
        """A simulator and a client that has identified it; no request is counted yet."""
        sim, port = await self.sim(firmware, **options)
        client = self.client(
            port,
            sim=sim if house_time else None,
            timing=timing,
            password=password,
            websocket=websocket,
            journal=journal,
        )
        await client.identify()
        sim.requests.clear()
        return sim, client


async def value(client: OpenDtuClient, unit: str, key: str) -> Any:
    """One value, read now."""
    ref = Ref(unit, key)
    return values(await client.read([ref]))[ref]


async def until(true: Callable[[], bool], sim: OpenDtuSimulator | None = None) -> None:
    """Wait for something that must happen; five seconds are far more than it takes.

    The time of the house passes with the requests of a client, and by itself where ``sim`` is given.
    """
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)
            if sim is not None:
                sim.house.catch_up()
