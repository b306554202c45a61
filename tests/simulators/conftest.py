"""A simulated installation in a house that stands still."""

from collections.abc import AsyncIterator

import pytest

from simulators.house import House
from simulators.studer import StuderSimulator
from tests.simulators.wire import Client, connect


@pytest.fixture
async def sim(socket_enabled: None) -> AsyncIterator[StuderSimulator]:
    simulator = StuderSimulator(house=House(seed=1, speed=0), pace=0.0)
    yield simulator
    await simulator.close()


@pytest.fixture
async def client(sim: StuderSimulator) -> AsyncIterator[Client]:
    async with connect(await sim.listen()) as connected:
        yield connected
