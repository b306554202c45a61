"""Three ways to read the same values: ours, one value per request, and requests of less than 600 bytes.

The last two are what published integrations do (reference sections 5 and 15); they are written anew here.
"""

import json
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum

import aiohttp

from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.address import LinkAddress
from custom_components.local_solar.solarlink.points import Pace, Ref
from custom_components.local_solar.solarlink.senec import open_client
from custom_components.local_solar.solarlink.senec.client import SenecClient

from .wire import HOST, CountedAppliance

PIECE = 600
"""Bytes below which the appliance's own page keeps a request."""
CONNECT_SECONDS = 15.0


class Values(Enum):
    """Which values are read."""

    LIVE = "live values that have an entity from the start"
    SHOWN = "all values that have an entity from the start"
    ALL = "all values"


@dataclass(frozen=True, slots=True)
class Cycles:
    """What the cycles of one contender took; numbers per cycle."""

    requests: float
    bytes: float
    seconds: float


type Body = dict[str, dict[str, str]]


def refs_of(client: SenecClient, values: Values) -> list[Ref]:
    """The points of every unit that are read from the device."""
    return [
        Ref(unit.id, key)
        for unit in client.installation.all_units
        for key, point in client.points(unit).items()
        if point.measured
        and (point.enabled or values is Values.ALL)
        and (point.pace is Pace.LIVE or values is not Values.LIVE)
    ]


async def ours(appliance: CountedAppliance, values: Values, rounds: int) -> tuple[Cycles, list[str]]:
    """Our client; returns also the variables that it asked for."""
    client = open_client(LinkAddress("http", host=HOST, port=appliance.port), journal=Journal())
    try:
        await client.connect(CONNECT_SECONDS)
        await client.identify()
        refs = refs_of(client, values)
        await client.read(refs)
        done = len(appliance.simulator.requests)
        cycles = await _measure(appliance, lambda: client.read(refs), rounds)
        requests = appliance.simulator.requests[done:]
        return cycles, list(dict.fromkeys(name for request in requests for name in request.fields))
    finally:
        await client.close()


def one_by_one(fields: Iterable[str]) -> list[Body]:
    """A request for every variable."""
    return [{section: {name: ""}} for section, name in map(_split, fields)]


def in_pieces(fields: Iterable[str]) -> list[Body]:
    """As many variables in each request as fit below the limit."""
    pieces: list[Body] = [{}]
    for section, name in map(_split, fields):
        piece = pieces[-1]
        larger = {**piece, section: {**piece.get(section, {}), name: ""}}
        if len(_encode(larger)) >= PIECE:
            pieces.append({section: {name: ""}})
        else:
            pieces[-1] = larger
    return pieces


async def others(
    appliance: CountedAppliance, fields: list[str], pattern: Callable[[Iterable[str]], list[Body]], rounds: int
) -> Cycles:
    """A client that keeps its connection and sends one request after the other."""
    bodies = [_encode(body) for body in pattern(fields)]
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(appliance.url, headers=headers) as session:

        async def ask(body: bytes) -> None:
            async with session.post("/lala.cgi", data=body) as answer:
                json.loads(await answer.read())

        async def cycle() -> None:
            for body in bodies:
                await ask(body)

        # Connecting is not counted, as it is not with ours.
        await ask(bodies[0])
        return await _measure(appliance, cycle, rounds)


async def _measure(appliance: CountedAppliance, cycle: Callable[[], Awaitable[object]], rounds: int) -> Cycles:
    requests, before = len(appliance.simulator.requests), appliance.traffic.total
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        await cycle()
        seconds.append(time.perf_counter() - started)
    return Cycles(
        (len(appliance.simulator.requests) - requests) / rounds,
        (appliance.traffic.total - before) / rounds,
        sorted(seconds)[rounds // 2],
    )


def _split(field: str) -> tuple[str, str]:
    section, _, name = field.partition(".")
    return section, name


def _encode(body: Body) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


PATTERNS = {"requests below 600 bytes": in_pieces, "one value per request": one_by_one}
"""How others read, by name."""
