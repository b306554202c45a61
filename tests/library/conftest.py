"""A simulated Studer installation in a house that stands still, and clients for it."""

import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.listener import ListenWire
from custom_components.local_solar.solarlink.links.wire import Wire
from custom_components.local_solar.solarlink.studer.client import StuderClient
from custom_components.local_solar.solarlink.studer.exchange import Timing
from simulators.house import House
from simulators.studer import StuderSimulator
from tests.library.dbus_daemon import gx_bus, monitor, tap

__all__ = ["gx_bus", "monitor", "tap"]
"""Fixtures that other modules define."""

type MakeSim = Callable[..., StuderSimulator]
type MakeClient = Callable[..., StuderClient]

PATIENT = Timing(answer=5.0, retries=1, busy=0.01, open=10.0)
"""Nothing is lost: a machine under load must not look like a silent gateway."""
HASTY = Timing(answer=0.3, retries=1, busy=0.01, open=10.0)
"""Silence is what the test is about."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def port(socket_enabled: None) -> int:
    return free_port()


@pytest.fixture
async def make_sim(socket_enabled: None) -> AsyncIterator[MakeSim]:
    made: list[StuderSimulator] = []

    def make(**options: Any) -> StuderSimulator:
        made.append(StuderSimulator(house=House(seed=1, speed=0), pace=0.0, **options))
        return made[-1]

    yield make
    for simulator in made:
        await simulator.close()


@pytest.fixture
def sim(make_sim: MakeSim) -> StuderSimulator:
    return make_sim()


@pytest.fixture
async def make_client() -> AsyncIterator[MakeClient]:
    made: list[StuderClient] = []

    def make(wire: Wire, timing: Timing = PATIENT, journal: Journal | None = None, **settings: Any) -> StuderClient:
        made.append(StuderClient(wire, journal=journal or Journal(), timing=timing, settings=settings))
        return made[-1]

    yield make
    for client in made:
        await client.close()


@pytest.fixture
async def client(sim: StuderSimulator, make_client: MakeClient, port: int) -> StuderClient:
    """A client whose gateway has dialled in and is identified; no request is counted yet."""
    client = make_client(ListenWire("127.0.0.1", port))
    await sim.dial("127.0.0.1", port)
    await client.identify()
    sim.requests.clear()
    return client
