"""Simulated Shelly meters, clients for them, and a list that follows the grid power."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.address import LinkAddress
from custom_components.local_solar.solarlink.links.http import HttpTiming
from custom_components.local_solar.solarlink.live import MeterReading
from custom_components.local_solar.solarlink.shelly_em import open_client
from custom_components.local_solar.solarlink.shelly_em.client import ShellyClient
from custom_components.local_solar.solarlink.shelly_em.exchange import Timing
from simulators.house import House
from simulators.shelly_em import ShellySimulator

from .rig import RigBase

HOST = "127.0.0.1"
FAST = Timing(
    http=HttpTiming(answer=5.0, retry=0.0),
    first_hold_off=0.0,
    longest_hold_off=0.0,
    period=0.02,
    first_pause=0.01,
    longest_pause=0.05,
    login_pause=0.05,
    socket_answer=5.0,
    socket_again=0.2,
)
"""Nothing is waited for that the test does not want to see."""
HASTY = replace(FAST, http=HttpTiming(answer=0.3, retry=0.0), socket_answer=0.3)
"""Silence is what the test is about."""
EM, EM3, PRO_EM, PRO_3EM, EM_GEN3 = "SHEM", "SHEM-3", "SPEM-002CEBEU50", "SPEM-003CEBEU", "S3EM-002CXCEU"


class Rig(RigBase[ShellySimulator, ShellyClient]):
    """Starts simulators and clients, and closes them all."""

    async def sim(self, model: str = PRO_3EM, **options: Any) -> tuple[ShellySimulator, int]:
        """A meter in a house that stands still, and its port."""
        sim = ShellySimulator(house=House(seed=1, speed=0), model=model, **({"pace": 0.0} | options))
        self._sims.append(sim)
        return sim, await sim.listen(HOST, 0)

    def client(self, port: int, *, timing: Timing = FAST, **settings: Any) -> ShellyClient:
        """A client that has asked nothing yet."""
        client = open_client(LinkAddress("http", HOST, port), journal=Journal(), settings=settings, timing=timing)
        self._clients.append(client)
        return client

    async def known(
        self, model: str = PRO_3EM, *, timing: Timing = FAST, settings: dict[str, Any] | None = None, **options: Any
    ) -> tuple[ShellySimulator, ShellyClient]:
        """A meter and a client that has identified it; no request is counted yet."""
        sim, port = await self.sim(model, **options)
        client = self.client(port, timing=timing, **(settings or {}))
        await client.identify()
        sim.requests.clear()
        return sim, client


class Followed:
    """What a client tells a follower, in order."""

    def __init__(self, client: ShellyClient) -> None:
        self.readings: list[MeterReading] = []
        self.stop = client.follow_meter(self.readings.append)

    async def more(self, count: int = 1) -> list[MeterReading]:
        """Wait until so many more have come, and return them."""
        begun = len(self.readings)
        await until(lambda: len(self.readings) >= begun + count)
        return self.readings[begun:]


async def until(what: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while not what():  # noqa: ASYNC110 - what happens far away raises no event here
            await asyncio.sleep(0.005)


def named(sim: ShellySimulator) -> list[str]:
    """What was asked, in order: paths, and methods of frames."""
    return [request.what for request in sim.requests]
