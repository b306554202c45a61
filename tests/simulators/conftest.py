"""A simulated installation in a house that stands still."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

import pytest

from simulators.house import House
from simulators.studer import StuderSimulator
from tests.library.dbus_daemon import gx_bus, monitor
from tests.simulators.wire import Client, connect

__all__ = ["gx_bus", "monitor"]
"""Fixtures that another module defines."""

type Installation = Callable[..., Awaitable[tuple[StuderSimulator, Client]]]


@pytest.fixture
async def sim(socket_enabled: None) -> AsyncIterator[StuderSimulator]:
    simulator = StuderSimulator(house=House(seed=1, speed=0), pace=0.0)
    yield simulator
    await simulator.close()


@pytest.fixture
async def client(sim: StuderSimulator) -> AsyncIterator[Client]:
    async with connect(await sim.listen()) as connected:
        yield connected


@pytest.fixture
async def installation(socket_enabled: None) -> AsyncIterator[Installation]:
    """Build an installation whose time stands still until its house is advanced, and a client of it."""
    async with AsyncExitStack() as stack:

        async def build(start: datetime | None = None, **options: Any) -> tuple[StuderSimulator, Client]:
            house = House(seed=1, speed=0) if start is None else House(seed=1, speed=0, start=start)
            simulator = StuderSimulator(house=house, pace=0.0, **options)
            stack.push_async_callback(simulator.close)
            return simulator, await stack.enter_async_context(connect(await simulator.listen()))

        yield build
