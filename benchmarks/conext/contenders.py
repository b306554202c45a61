"""Who is measured. Each reads the same values from a fresh simulated gateway."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from struct import pack, unpack

from custom_components.local_solar.solarlink.conext import open_client
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.address import LinkAddress

from .values import Wanted
from .wire import HOST, SimulatedGateway

CONNECT_SECONDS = 15.0
READ_HOLDING = 3
HEADER = 7


@dataclass(frozen=True, slots=True)
class Cycles:
    """What the cycles of one contender took."""

    values: int
    exchanges: float
    seconds: tuple[float, ...]

    @property
    def typical(self) -> float:
        """The median cycle time."""
        return sorted(self.seconds)[len(self.seconds) // 2]


async def _ours(wanted: Sequence[Wanted], rounds: int) -> Cycles:
    with SimulatedGateway() as gateway:
        # The gateway is a ComBox on another port than usual, whose connection is kept.
        client = open_client(LinkAddress("tcp", host=HOST, port=gateway.port), journal=Journal())
        try:
            await client.connect(CONNECT_SECONDS)
            await client.identify()
            refs = [each.ref for each in wanted]
            # The first read finds out which registers are missing; that is known for good then.
            await client.read(refs)
            count, seconds, values = gateway.requests, [], 0
            for _ in range(rounds):
                started = time.perf_counter()
                report = await client.read(refs)
                seconds.append(time.perf_counter() - started)
                assert not report.failed, report.failed
                values = len(report.readings)
            return Cycles(values, (gateway.requests - count) / rounds, tuple(seconds))
        finally:
            await client.close()


def ours(wanted: Sequence[Wanted], rounds: int) -> Cycles:
    """Our client, with the pause between requests that it makes by itself."""
    return asyncio.run(_ours(wanted, rounds))


async def _one_by_one(wanted: Sequence[Wanted], rounds: int, pause: float) -> Cycles:
    with SimulatedGateway() as gateway:
        reader, writer = await asyncio.open_connection(HOST, gateway.port)
        try:
            count, seconds, values = gateway.requests, [], 0
            for _ in range(rounds):
                started = time.perf_counter()
                values = 0
                for place, each in enumerate(wanted):
                    if place and pause:
                        await asyncio.sleep(pause)
                    request = pack(">HHHBBHH", place, 0, 6, each.unit, READ_HOLDING, each.address, each.words)
                    writer.write(request)
                    head = await reader.readexactly(HEADER)
                    body = await reader.readexactly(unpack(">H", head[4:6])[0] - 1)
                    values += body[0] == READ_HOLDING and body[1] == 2 * each.words
                seconds.append(time.perf_counter() - started)
            return Cycles(values, (gateway.requests - count) / rounds, tuple(seconds))
        finally:
            writer.close()
            await writer.wait_closed()


def one_by_one(wanted: Sequence[Wanted], rounds: int, pause: float = 0.0) -> Cycles:
    """One request for each value over one connection, as control scripts read; ``pause`` s between requests."""
    return asyncio.run(_one_by_one(wanted, rounds, pause))
