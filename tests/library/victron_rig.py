"""A simulated GX in a house that stands still, and clients for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.modbus import ModbusTiming, dial_tcp
from custom_components.local_solar.solarlink.points import Pace, Ref
from custom_components.local_solar.solarlink.victron_gx.client import GxClient, Timing
from custom_components.local_solar.solarlink.victron_gx.writer import WriteTiming
from simulators.house import House
from simulators.victron_gx import GxSimulator

from .rig import measured, unit

HOST = "127.0.0.1"
PATIENT = Timing(
    link=ModbusTiming(answer=10.0, open=10.0, retries=(0.0,)),
    write=WriteTiming(read_back=(0.0, 0.05)),
)
"""Nothing is lost: a machine under load must not look like a silent GX."""
HASTY = replace(PATIENT, link=ModbusTiming(answer=0.15, open=5.0, retries=(0.0,)))
"""Silence is what the test is about."""


class Clock:
    """Seconds that pass when the test wants it."""

    def __init__(self) -> None:
        self.now = 100_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def simulated(*, soc: float = 63.0, **options: Any) -> AsyncIterator[tuple[GxSimulator, int]]:
    """A simulated GX and its port."""
    house = House(seed=1, speed=0)
    house.battery.soc = soc
    async with GxSimulator(house=house, pace=0.0, **options) as sim:
        yield sim, await sim.listen()


@asynccontextmanager
async def client_on(
    port: int,
    timing: Timing = PATIENT,
    *,
    clock: Clock | None = None,
    journal: Journal | None = None,
    **settings: Any,
) -> AsyncIterator[GxClient]:
    """A client for the GX on that port."""
    client = GxClient(
        dial_tcp(HOST, port),
        f"{HOST}:{port}",
        journal=journal or Journal(),
        settings=settings,
        timing=timing,
        clock=clock or Clock(),
    )
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def identified(
    timing: Timing = PATIENT,
    *,
    clock: Clock | None = None,
    journal: Journal | None = None,
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[tuple[GxSimulator, GxClient]]:
    """A simulated GX with a client that knows what is there; no request is counted yet."""
    async with (
        simulated(**options) as (sim, port),
        client_on(port, timing, clock=clock, journal=journal, **(settings or {})) as client,
    ):
        await client.identify()
        sim.requests.clear()
        yield sim, client


def live(client: GxClient) -> list[Ref]:
    """The live points that are read from the start."""
    points = {ref: client.points(unit(client, ref.unit))[ref.key] for ref in measured(client)}
    return [ref for ref, point in points.items() if point.enabled and point.pace is Pace.LIVE]


def asked(sim: GxSimulator) -> list[tuple[int, int, int]]:
    """Unit id, first register and count of every request."""
    return [(request.unit, request.address, request.count) for request in sim.requests]
