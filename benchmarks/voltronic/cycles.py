"""What one cycle costs on the wire: ours, and the published client with the same queries."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from custom_components.local_solar.solarlink.client import Installation
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.address import LinkAddress
from custom_components.local_solar.solarlink.points import Ref
from custom_components.local_solar.solarlink.voltronic import open_client
from custom_components.local_solar.solarlink.voltronic.blocks import Block
from custom_components.local_solar.solarlink.voltronic.client import VoltronicClient
from custom_components.local_solar.solarlink.voltronic.queries import word

from . import peers
from .decoding import DIALECTS, PROTOCOLS
from .wire import HOST, CountedWire

CONNECT_SECONDS = 15.0
SETS: Mapping[str, tuple[Block, ...]] = {
    "live values": (Block.STATUS, Block.MODE),
    "live values, warnings and settings": (
        Block.STATUS,
        Block.MODE,
        Block.WARNINGS,
        Block.RATINGS,
        Block.FLAGS,
    ),
}


@dataclass(frozen=True, slots=True)
class Cycles:
    """What the cycles of one client took."""

    values: int
    exchanges: float
    bytes: float
    seconds: tuple[float, ...]

    @property
    def typical(self) -> float:
        """The median cycle time."""
        return sorted(self.seconds)[len(self.seconds) // 2]


def _refs(client: VoltronicClient, installation: Installation, blocks: tuple[Block, ...]) -> list[Ref]:
    """The values that these blocks bring, without the sum over trackers, which is made from one more."""
    unit = installation.root
    groups = {(unit.id, block.value) for block in blocks}
    refs = [Ref(unit.id, key) for key, point in client.points(unit).items() if point.measured and key != "pv_power"]
    return [ref for ref in refs if client.group(ref) in groups]


async def _ours(profile: str, blocks: tuple[Block, ...], rounds: int) -> Cycles:
    with CountedWire(profile) as wire:
        client = open_client(LinkAddress("tcp", host=HOST, port=wire.port), journal=Journal())
        try:
            await client.connect(CONNECT_SECONDS)
            refs = _refs(client, await client.identify(), blocks)
            before, count, seconds, values = wire.bytes, wire.requests, [], 0
            for _ in range(rounds):
                started = time.perf_counter()
                report = await client.read(refs)
                seconds.append(time.perf_counter() - started)
                values = len(report.readings)
            exchanges = (wire.requests - count) / rounds
            return Cycles(values, exchanges, (wire.bytes - before) / rounds, tuple(seconds))
        finally:
            await client.close()


def ours(profile: str, blocks: tuple[Block, ...], rounds: int) -> Cycles:
    """Our client: one connection, and what is asked together is asked once."""
    return asyncio.run(_ours(profile, blocks, rounds))


def theirs(profile: str, family: str, blocks: tuple[Block, ...], rounds: int) -> Cycles | None:
    """The published client, which opens the port for every command; None when it is not installed."""
    dialect = DIALECTS[family]
    commands = [word(dialect, block) for block in blocks]
    with CountedWire(profile) as wire:
        result = peers.ask(
            "cycles",
            url=f"socket://{HOST}:{wire.port}",
            protocol=PROTOCOLS[dialect],
            commands=commands,
            rounds=rounds,
        )
        if result is None:
            return None
        return Cycles(result["values"], wire.requests / rounds, wire.bytes / rounds, tuple(result["seconds"]))


def print_table(profile: str, family: str, rounds: int) -> None:
    """Read every set with both clients, one after the other in front of a fresh inverter each."""
    for name, blocks in SETS.items():
        print(f"\n{profile}: {name} (median of {rounds})\n")
        print("| client | values | exchanges | bytes | seconds | bytes/s |")
        print("|---|--:|--:|--:|--:|--:|")
        _row("Local Solar", ours(profile, blocks, rounds))
        _row(peers.name(), theirs(profile, family, blocks, rounds))


def _row(name: str, cycles: Cycles | None) -> None:
    if cycles is None:
        print(f"| {name} | not installed | | | | |", flush=True)
        return
    numbers = f"{cycles.values} | {cycles.exchanges:g} | {cycles.bytes:.0f} | {cycles.typical:.2f}"
    print(f"| {name} | {numbers} | {cycles.bytes / cycles.typical:.0f} |", flush=True)
