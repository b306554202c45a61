"""A simulated SENEC that stands still, and how tests talk to it by hand."""

import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from simulators.house import House
from simulators.senec import SenecSimulator
from tests.simulators.http_wire import HttpClient, http

NIGHT = datetime(2026, 6, 16, 1, 0)  # noqa: DTZ001 - a wall clock has no zone


def simulator(profile: str = "v3_hybrid", *, start: datetime | None = None, **options: Any) -> SenecSimulator:
    """Return an appliance whose house and clock stand still unless they are advanced."""
    house = House(seed=1, speed=0, start=start) if start else House(seed=1, speed=0)
    return SenecSimulator(house=house, profile=profile, pace=0.0, speed=0.0, **options)


@asynccontextmanager
async def appliance(
    profile: str = "v3_hybrid", *, start: datetime | None = None, **options: Any
) -> AsyncIterator[tuple[SenecSimulator, HttpClient]]:
    async with simulator(profile, start=start, **options) as sim, http(await sim.listen()) as client:
        yield sim, client


async def ask(client: HttpClient, body: str | dict[str, Any]) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    answer = await client.request("POST", "/lala.cgi", text.encode(), Content_Type="application/json")
    assert answer.status == 200, answer
    return answer.json()


def number(wire: str) -> float:
    """Decode by hand what the tests look at, so that they do not lean on the simulator's own decoder."""
    kind, _, digits = wire.partition("_")
    if kind == "fl":
        return float(struct.unpack(">f", bytes.fromhex(digits))[0])
    return float(int.from_bytes(bytes.fromhex(digits), signed=kind.startswith("i")))


async def read(client: HttpClient, section: str, field: str) -> Any:
    return (await ask(client, {section: {field: ""}}))[section][field]
