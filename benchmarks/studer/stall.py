"""How long the event loop stands still while the gateway disappears: Home Assistant lives on that loop, too."""

import asyncio
import contextlib
import importlib
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from custom_components.local_solar.solarlink.errors import SolarError

from .contenders import CONNECT_SECONDS, default_set, loopback_client, refs_of
from .wire import HOST, free_port

type Read = Callable[[], Awaitable[None]]
"""Reads everything once, and takes no notice of failures."""

TICK = 0.001
PHASE_SECONDS = 4.0


async def _longest_gap() -> float:
    """Return by how much the latest tick of a while came late."""
    longest, before = 0.0, time.perf_counter()
    end = before + PHASE_SECONDS
    while before < end:
        await asyncio.sleep(TICK)
        now = time.perf_counter()
        longest = max(longest, now - before - TICK)
        before = now
    return longest


async def _gateway(port: int) -> Process:
    """Start the simulated installation as a process of its own: what it computes must not count."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", "studer", "--dial", f"{HOST}:{port}"), stdout=DEVNULL, stderr=DEVNULL
    )


@asynccontextmanager
async def _ours(port: int) -> AsyncIterator[Read]:
    client = loopback_client(port)
    refs = refs_of(default_set(settings=True))

    async def read() -> None:
        with contextlib.suppress(SolarError):
            await client.read(refs)

    try:
        await client.connect(CONNECT_SECONDS)
        await client.identify()
        yield read
    finally:
        await client.close()


@asynccontextmanager
async def _pystuderxcom(port: int) -> AsyncIterator[Read]:
    library = importlib.import_module("pystuderxcom")
    dataset = await library.XcomDataset.async_get_instance()
    items = [
        library.XcomValueItem(dataset.get_by_nr(each.point.address.number, each.point.unit_kind), device=each.address)
        for each in default_set(settings=True)
    ]
    client = library.AsyncXcomApiTcp(mode=library.XcomApiTcpMode.SERVER, listen_port=port)

    async def read() -> None:
        with contextlib.suppress(Exception):
            await client.request_values(library.XcomValueSet(items=items))
        # A failure that comes back at once must not keep the loop busy by itself.
        await asyncio.sleep(TICK)

    try:
        await client.start()
        yield read
    finally:
        await client.stop()


CLIENTS: dict[str, Callable[[int], AbstractAsyncContextManager[Read]]] = {
    "Local Solar": _ours,
    "pystuderxcom": _pystuderxcom,
}


async def _stalls(client: Callable[[int], AbstractAsyncContextManager[Read]]) -> dict[str, float]:
    port = free_port()
    longest: dict[str, float] = {}
    gateway = await _gateway(port)
    polling: asyncio.Task[None] | None = None

    async def poll(read: Read) -> None:
        while True:
            await read()

    try:
        async with client(port) as read:
            try:
                longest["nothing is polled (this machine's own noise)"] = await _longest_gap()
                polling = asyncio.create_task(poll(read))
                longest["polling, all is well"] = await _longest_gap()
                gateway.send_signal(signal.SIGSTOP)
                longest["polling, the gateway falls silent"] = await _longest_gap()
                gateway.kill()
                longest["polling, the gateway's connection breaks and nobody dials in"] = await _longest_gap()
            finally:
                if polling is not None:
                    polling.cancel()
    finally:
        if gateway.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                gateway.kill()
        await gateway.wait()
    return longest


def stalls(client: str) -> dict[str, float] | None:
    """The longest stall in seconds, by what happens meanwhile; ``None`` where that client is not installed."""
    try:
        return asyncio.run(_stalls(CLIENTS[client]))
    except ImportError:
        return None
