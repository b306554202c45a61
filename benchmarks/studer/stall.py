"""How long the event loop stands still while the gateway disappears: Home Assistant lives on that loop, too."""

import asyncio
import contextlib
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process

from custom_components.local_solar.solarlink.errors import SolarError

from .contenders import CONNECT_SECONDS, default_set, loopback_client, refs_of
from .wire import HOST, free_port

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


async def _stalls() -> dict[str, float]:
    port = free_port()
    client = loopback_client(port)
    refs = refs_of(default_set(settings=True))
    longest: dict[str, float] = {}

    async def poll() -> None:
        while True:
            with contextlib.suppress(SolarError):
                await client.read(refs)

    gateway = await _gateway(port)
    polling: asyncio.Task[None] | None = None
    try:
        await client.connect(CONNECT_SECONDS)
        await client.identify()
        longest["nothing is polled (this machine's own noise)"] = await _longest_gap()
        polling = asyncio.create_task(poll())
        longest["polling, all is well"] = await _longest_gap()
        gateway.send_signal(signal.SIGSTOP)
        longest["polling, the gateway falls silent"] = await _longest_gap()
        gateway.kill()
        longest["polling, the gateway's connection breaks and nobody dials in"] = await _longest_gap()
    finally:
        if polling is not None:
            polling.cancel()
        await client.close()
        if gateway.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                gateway.kill()
        await gateway.wait()
    return longest


def stalls() -> dict[str, float]:
    """The longest stall in seconds, by what happens meanwhile; the client polls without a rest."""
    return asyncio.run(_stalls())
