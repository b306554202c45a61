"""A simulated Voltronic-made inverter in a house that stands still, and clients for it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from custom_components.local_solar.solarlink.client import Report
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.backoff import Backoff
from custom_components.local_solar.solarlink.links.hid import HidapiOpener, HidWire
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.links.wire import Wire
from custom_components.local_solar.solarlink.points import Access, Ref
from custom_components.local_solar.solarlink.voltronic.client import VoltronicClient
from custom_components.local_solar.solarlink.voltronic.codec import Checksum
from custom_components.local_solar.solarlink.voltronic.exchange import Timing
from simulators.house import House
from simulators.voltronic import VoltronicSimulator

HOST = "127.0.0.1"
VENDOR, PRODUCT = 0x0665, 0x5161
PATIENT = Timing(
    reply=10.0,
    slow_reply=10.0,
    first_reply=10.0,
    retry_wait=0.0,
    gap=0.0,
    damaged=0.02,
    settle=0.0,
    read_back=(0.0, 0.02, 0.1),
    between_writes=0.0,
)
"""Nothing is lost: a machine under load must not look like a silent inverter."""
HASTY = Timing(
    reply=0.4,
    slow_reply=0.4,
    first_reply=0.4,
    retry_wait=0.0,
    gap=0.0,
    damaged=0.02,
    settle=0.0,
    read_back=(0.0, 0.02, 0.1),
    between_writes=0.0,
)
"""Silence is what the test is about."""
IMPATIENT = replace(HASTY, reply=0.2, slow_reply=0.2, first_reply=0.2)
"""For units that are silent on every word they do not know."""

type MakeClient = Callable[..., VoltronicClient]


@asynccontextmanager
async def simulated(**options: Any) -> AsyncIterator[VoltronicSimulator]:
    """A simulator at full speed."""
    async with VoltronicSimulator(house=House(seed=1, speed=0), pace=0.0, **options) as sim:
        yield sim


@asynccontextmanager
async def client_on(
    wire: Wire,
    timing: Timing = PATIENT,
    *,
    settings: Mapping[str, Any] | None = None,
    journal: Journal | None = None,
    form: Checksum = Checksum.VENDOR,
) -> AsyncIterator[VoltronicClient]:
    """A client on a wire."""
    client = VoltronicClient(wire, journal=journal or Journal(), settings=settings, timing=timing, form=form)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def identified(
    profile: str = "mks_48v_parallel",
    timing: Timing = PATIENT,
    *,
    settings: Mapping[str, Any] | None = None,
    journal: Journal | None = None,
    **options: Any,
) -> AsyncIterator[tuple[VoltronicSimulator, VoltronicClient]]:
    """A simulator and a client over TCP that has identified it; no request is counted yet."""
    async with simulated(profile=profile, **options) as sim:
        wire = TcpWire(HOST, await sim.listen(), quick())
        silent = sim.quirks.unknown in ("silence", "echo")
        async with client_on(wire, IMPATIENT if silent else PATIENT, settings=settings, journal=journal) as client:
            await client.identify()
            client._exchange.timing = timing
            client._writer._timing = timing
            sim.requests.clear()
            yield sim, client


def quick() -> Backoff:
    """A back-off that does not keep a test waiting."""
    return Backoff(0.01, 0.02)


def usb(sim: VoltronicSimulator, path: str = "", **options: Any) -> HidWire:
    """A wire to the simulator's USB socket."""
    opener = HidapiOpener(VENDOR, PRODUCT, module=sim.hid_port())
    return HidWire(path, vendor=VENDOR, product=PRODUCT, opener=opener, piece_gap=0.0, backoff=quick(), **options)


def measured(client: VoltronicClient) -> list[Ref]:
    """Every point that can be read."""
    return [
        Ref(unit.id, key)
        for unit in client.installation.all_units
        for key, point in client.points(unit).items()
        if point.measured and point.access is not Access.PRESS
    ]


def root(key: str) -> Ref:
    """A point of the inverter at the end of the line."""
    return Ref("inverter", key)


def value(report: Report, key: str) -> Any:
    """The value of a point of that inverter."""
    return report.readings[root(key)].value
