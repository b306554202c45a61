"""Who is measured. Each contender reads the same list of values over the wire of a fresh simulated installation."""

import asyncio
import importlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version

from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.address import LinkAddress
from custom_components.local_solar.solarlink.points import Ref
from custom_components.local_solar.solarlink.studer import open_client
from custom_components.local_solar.solarlink.studer.catalogue import catalogue, point_at
from custom_components.local_solar.solarlink.studer.client import StuderClient
from custom_components.local_solar.solarlink.studer.codec import Format, ObjectType
from custom_components.local_solar.solarlink.studer.points import POINTS, StuderPoint
from custom_components.local_solar.solarlink.studer.site import EXTRA_POINTS

from .wire import HOST, SimulatedWire, free_port

CONNECT_SECONDS = 15.0
UNITS = {"xt": (101, 102), "bms": (601,), "vs": (701, 702)}
"""The units of the simulated installation, by kind."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One value of one unit."""

    address: int
    index: int
    point: StuderPoint


@dataclass(frozen=True, slots=True)
class Cycles:
    """What the cycles of one contender took."""

    exchanges: float
    seconds: tuple[float, ...]
    values: int

    @property
    def typical(self) -> float:
        """The median cycle time."""
        return sorted(self.seconds)[len(self.seconds) // 2]


@dataclass(frozen=True, slots=True)
class Contender:
    """A name and what measures it; ``None`` as result when it is not installed."""

    name: str
    measure: Callable[[list[Wanted], int], Cycles | None]


def default_set(*, settings: bool) -> list[Wanted]:
    """Every value that has an entity from the start; with ``settings`` those that can be written as well."""
    return [
        Wanted(address, index, point)
        for point in POINTS
        if point.enabled and point.measured and (settings or point.address.object_type is ObjectType.INFO)
        for index, address in enumerate(UNITS.get(point.unit_kind, ()), start=1)
    ]


def sized_set(count: int) -> list[Wanted]:
    """So many values: those that have an entity from the start, then what else the catalogue has of the same units."""
    wanted = default_set(settings=False)
    known = {(each.address, each.point.address.number) for each in wanted}
    for kind, addresses in UNITS.items():
        for entry in catalogue(kind):
            point = point_at(kind, entry.number)
            if point is None or point.address.object_type is not ObjectType.INFO:
                continue
            for index, address in enumerate(addresses, start=1):
                if (address, entry.number) not in known:
                    wanted.append(Wanted(address, index, point))
    return wanted[:count]


def loopback_client(port: int, wanted: Iterable[Wanted] = ()) -> StuderClient:
    """Our client, waiting on the loopback for the gateway to dial in, as it does for a real one."""
    extra = sorted({f"{each.point.unit_kind}/{each.point.key}" for each in wanted})
    address = LinkAddress("listen", host=HOST, port=port)
    return open_client(address, journal=Journal(), settings={EXTRA_POINTS: extra})


def refs_of(wanted: Iterable[Wanted]) -> list[Ref]:
    """The values as our client names them."""
    return [
        Ref(
            each.point.unit_kind if each.point.unit_kind == "bms" else f"{each.point.unit_kind}{each.index}",
            each.point.key,
        )
        for each in wanted
    ]


async def _ours(wanted: list[Wanted], rounds: int, **options: bool) -> Cycles:
    port = free_port()
    client = loopback_client(port, wanted)
    with SimulatedWire(port, **options) as wire:
        try:
            await client.connect(CONNECT_SECONDS)
            await client.identify()
            refs = refs_of(wanted)
            # The first read finds out whether the gateway is too old for reading many values at once.
            await client.read(refs)
            before, seconds, values = wire.requests, [], 0
            for _ in range(rounds):
                started = time.perf_counter()
                report = await client.read(refs)
                seconds.append(time.perf_counter() - started)
                values = len(report.readings)
            return Cycles((wire.requests - before) / rounds, tuple(seconds), values)
        finally:
            await client.close()


def ours(wanted: list[Wanted], rounds: int) -> Cycles:
    """Our client as it is."""
    return asyncio.run(_ours(wanted, rounds))


def one_by_one(wanted: list[Wanted], rounds: int) -> Cycles:
    """Our client in front of a gateway that can only be asked for one value at a time, as most scripts do."""
    return asyncio.run(_ours(wanted, rounds, multi_info=False))


def xcom_proto(wanted: list[Wanted], rounds: int) -> Cycles | None:
    """The client that the forum script is built on: one value per request, blocking."""
    try:
        lan = importlib.import_module("xcom_proto.XcomLAN")
        names = importlib.import_module("xcom_proto.parameters")
    except ImportError:
        return None
    formats = {form: getattr(names, f"TYPE_{form.name}") for form in (Format.FLOAT, Format.SHORT_ENUM, Format.BOOL)}
    port = free_port()
    with SimulatedWire(port) as wire, lan.XcomLANTCP(port=port) as client:
        before, seconds, values = wire.requests, [], 0
        for _ in range(rounds):
            started = time.perf_counter()
            values = 0
            for each in wanted:
                address = each.point.address
                client.getValueByID(address.number, formats[address.format], dstAddr=each.address)
                values += 1
            seconds.append(time.perf_counter() - started)
        return Cycles((wire.requests - before) / rounds, tuple(seconds), values)


def pystuderxcom(wanted: list[Wanted], rounds: int) -> Cycles | None:
    """The published asynchronous client: many values per request, too."""
    return asyncio.run(_pystuderxcom(wanted, rounds))


async def _pystuderxcom(wanted: list[Wanted], rounds: int) -> Cycles | None:
    try:
        library = importlib.import_module("pystuderxcom")
    except ImportError:
        return None
    dataset = await library.XcomDataset.async_get_instance()
    items = [
        library.XcomValueItem(dataset.get_by_nr(each.point.address.number, each.point.unit_kind), device=each.address)
        for each in wanted
    ]
    port = free_port()
    client = library.AsyncXcomApiTcp(mode=library.XcomApiTcpMode.SERVER, listen_port=port)
    with SimulatedWire(port) as wire:
        try:
            await client.start()
            before, seconds, values = wire.requests, [], 0
            for _ in range(rounds):
                started = time.perf_counter()
                answer = await client.request_values(library.XcomValueSet(items=items))
                seconds.append(time.perf_counter() - started)
                values = sum(item.value is not None for item in answer.items)
            return Cycles((wire.requests - before) / rounds, tuple(seconds), values)
        finally:
            await client.stop()


def _named(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except ImportError:
        return package


CONTENDERS = (
    Contender("Local Solar", ours),
    Contender("Local Solar, one value per request", one_by_one),
    Contender(_named("xcom-proto"), xcom_proto),
    Contender(_named("pystuderxcom"), pystuderxcom),
)
