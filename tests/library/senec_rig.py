"""Simulated SENEC appliances, clients for them, and short cuts to what they say."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.address import LinkAddress
from custom_components.local_solar.solarlink.links.http import HttpTiming
from custom_components.local_solar.solarlink.points import Quantity, Ref
from custom_components.local_solar.solarlink.senec import open_client
from custom_components.local_solar.solarlink.senec.client import SenecClient
from custom_components.local_solar.solarlink.senec.exchange import Timing
from simulators.house import House
from simulators.senec import SenecSimulator
from simulators.senec.profiles import load

from .rig import RigBase, measured

HOST = "127.0.0.1"
FAST = Timing(
    http=HttpTiming(answer=5.0, retry=0.0),
    log_out=0.0,
    first_hold_off=0.0,
    between_writes=0.0,
    verify=0.0,
    verify_late=0.1,
    stop_checks=(0.05, 0.1),
    save=0.0,
)
"""Nothing is waited for that the test does not want to see."""
HASTY = replace(FAST, http=HttpTiming(answer=0.3, retry=0.0))
"""Silence is what the test is about."""


class Rig(RigBase[SenecSimulator, SenecClient]):
    """Starts simulators and clients, and closes them all."""

    async def sim(
        self, profile: str = "v3_duo", *, tls: bool | None = None, **options: Any
    ) -> tuple[SenecSimulator, int]:
        """A simulator in a house that stands still, and the port on which it speaks its own scheme."""
        given = {"speed": 0.0, "button_delay": 0.0} | options
        sim = SenecSimulator(house=House(seed=1, speed=0), profile=profile, pace=0.0, **given)
        self._sims.append(sim)
        return sim, await sim.listen(HOST, 0, tls=load(profile).scheme == "https" if tls is None else tls)

    def client(
        self, port: int, *, timing: Timing = FAST, scheme: str = "https", settings: Mapping[str, Any] | None = None,
        journal: Journal | None = None,
    ) -> SenecClient:  # fmt: skip
        """A client that has asked nothing yet."""
        address = LinkAddress(scheme, HOST, port)
        client = open_client(address, journal=journal or Journal(), settings=settings, timing=timing)
        self._clients.append(client)
        return client

    async def known(
        self, profile: str = "v3_duo", *, timing: Timing = FAST, **options: Any
    ) -> tuple[SenecSimulator, SenecClient]:
        """A simulator and a client that has identified it; no request is counted yet."""
        sim, port = await self.sim(profile, **options)
        client = self.client(port, timing=timing)
        await client.identify()
        sim.requests.clear()
        return sim, client


def shown(client: SenecClient) -> list[Ref]:
    """The points whose entities are on from the start, and are read."""
    units = {unit.id: client.points(unit) for unit in client.installation.all_units}
    return [ref for ref in measured(client) if units[ref.unit][ref.key].enabled]


def is_event(client: SenecClient, ref: Ref) -> bool:
    unit = client.installation.unit(ref.unit)
    assert unit is not None
    return client.points(unit)[ref.key].quantity is Quantity.EVENT
