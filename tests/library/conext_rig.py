"""A simulated Conext gateway in a house that stands still, and clients for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from custom_components.local_solar.solarlink.conext.client import ConextClient, Timing
from custom_components.local_solar.solarlink.conext.door import Door
from custom_components.local_solar.solarlink.conext.identify import ProbeTiming
from custom_components.local_solar.solarlink.conext.writer import WriteTiming
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.modbus import ModbusTiming
from custom_components.local_solar.solarlink.points import Access, Quantity, Ref
from simulators.conext import ConextSimulator
from simulators.house import House

from . import rig
from .rig import unit

HOST = "127.0.0.1"
PATIENT = Timing(
    link=ModbusTiming(answer=10.0, open=10.0, retries=(0.0, 0.0)),
    probe=ProbeTiming(answer=10.0, pause=0.0),
    write=WriteTiming(read_back=(0.0, 0.05), between_writes=0.0),
)
"""Nothing is lost: a machine under load must not look like a silent gateway."""
HASTY = replace(
    PATIENT, link=ModbusTiming(answer=0.15, open=5.0, retries=(0.0,)), probe=ProbeTiming(answer=0.15, pause=0.0)
)
"""Silence is what the test is about."""


class Clock:
    """Seconds that pass when the test wants it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def simulated(**options: Any) -> AsyncIterator[tuple[ConextSimulator, int]]:
    """A simulated gateway and its port."""
    async with ConextSimulator(house=House(seed=1, speed=0), pace=0.0, **options) as sim:
        yield sim, await sim.listen()


@asynccontextmanager
async def client_on(
    port: int, timing: Timing = PATIENT, *, clock: Clock | None = None, journal: Journal | None = None, **settings: Any
) -> AsyncIterator[ConextClient]:
    """A client for the gateway on that port."""
    client = ConextClient(
        Door(HOST, port),
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
    timing: Timing = PATIENT, *, settings: dict[str, Any] | None = None, clock: Clock | None = None, **options: Any
) -> AsyncIterator[tuple[ConextSimulator, ConextClient]]:
    """A simulated gateway with a client that knows what is behind it; no request is counted yet."""
    async with simulated(**options) as (sim, port), client_on(port, timing, clock=clock, **(settings or {})) as client:
        await client.identify()
        sim.requests.clear()
        yield sim, client


def measured(client: ConextClient, unit_id: str = "") -> list[Ref]:
    """Every point that can be read, of one unit or of all."""
    points = {ref: client.points(unit(client, ref.unit))[ref.key] for ref in rig.measured(client, unit_id)}
    return [ref for ref, point in points.items() if point.access is not Access.PRESS]


def shown(client: ConextClient, unit_id: str = "") -> list[Ref]:
    """The points that are read from the start."""
    return [ref for ref in measured(client, unit_id) if client.points(unit(client, ref.unit))[ref.key].enabled]


def with_values(client: ConextClient, refs: list[Ref]) -> set[Ref]:
    """Those of them that have a value: events have none."""
    return {ref for ref in refs if client.points(unit(client, ref.unit))[ref.key].quantity is not Quantity.EVENT}
