"""A simulated GX, alone or with its D-Bus and inverters behind a DTU, and the entries of Home Assistant for them."""

import asyncio
from typing import Any, override

import pytest
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.const import CONF_FAMILY, CONF_INTERVAL, CONF_LINK, DOMAIN
from custom_components.local_solar.controllers import gx_data
from custom_components.local_solar.coordinator import SolarCoordinator
from custom_components.local_solar.flows.victron_gx import ACCEPT_RISK, ENABLED, PUBLISH, PUBLISHED
from custom_components.local_solar.solarlink.links.backoff import Backoff
from custom_components.local_solar.solarlink.links.modbus import ModbusTiming
from custom_components.local_solar.solarlink.victron_gx import client as gx_client, dc_values, publisher
from custom_components.local_solar.solarlink.victron_gx.bus import BusTiming
from custom_components.local_solar.solarlink.victron_gx.client import Timing
from custom_components.local_solar.solarlink.victron_gx.publisher import DcPublisher, PublisherTiming
from custom_components.local_solar.solarlink.victron_gx.writer import WriteTiming
from simulators.house import House
from simulators.opendtu import OpenDtuSimulator
from simulators.victron_gx import PORTAL_ID, GxSimulator

from .common import value
from .opendtu_home import OpenDtuHome

HOST = "127.0.0.1"
GX = f"victron_gx-{PORTAL_ID}"
TIMING = Timing(
    link=ModbusTiming(answer=10.0, open=10.0, retries=(0.0,)),
    write=WriteTiming(read_back=(0.0, 0.05)),
    first_rest=0.05,
    longest_rest=0.1,
)
BUS_TIMING = PublisherTiming(period=0.05, alive=0.2, again=0.1, ping=0.3, bus=BusTiming(open=5.0, answer=5.0))


def hurry(monkeypatch: pytest.MonkeyPatch, *, stale: float = 60.0, release: float = 300.0, **clock: Any) -> None:
    """Let client and publisher wait for nothing; ``stale`` and ``release`` are the ages that end what is shown, s."""
    monkeypatch.setattr(gx_client, "Timing", lambda: TIMING)

    def make(host: str, port: int, **more: Any) -> DcPublisher:
        return DcPublisher(host, port, timing=BUS_TIMING, backoff=Backoff(0.05, 0.1), **more, **clock)

    monkeypatch.setattr(publisher, "DcPublisher", make)
    monkeypatch.setattr(dc_values, "STALE_SECONDS", stale)
    monkeypatch.setattr(dc_values, "RELEASE_SECONDS", release)
    monkeypatch.setattr(gx_data, "SILENT_SECONDS", stale)


def gx_entry(port: int, **options: Any) -> MockConfigEntry:
    """An entry for the GX on that port."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Victron GX",
        unique_id=GX,
        data={CONF_FAMILY: "victron_gx", CONF_LINK: "tcp", CONF_HOST: HOST, CONF_PORT: port},
        options={CONF_INTERVAL: 5, **options},
    )


def publishing(hass: HomeAssistant, port: int, *serials: str, **more: Any) -> dict[str, Any]:
    """Options that show these inverters to the GX on its D-Bus at that port."""
    registry = dr.async_get(hass)
    devices = []
    for serial in serials:
        (device,) = registry.async_get_devices(identifiers={(DOMAIN, f"opendtu-{serial}")})
        devices.append(device.id)
    return {PUBLISH: {ENABLED: True, ACCEPT_RISK: True, PUBLISHED: devices, CONF_PORT: port, **more}}


class VictronHome(OpenDtuHome):
    """One house, which stands still unless told otherwise, with a GX and whatever else is asked for."""

    def __init__(self, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
        super().__init__(hass, monkeypatch)
        self.house = House(seed=1, speed=0)
        self.house.battery.soc = 63.0
        self.gx = GxSimulator(house=self.house, pace=0.0, **options)

    @override
    async def __aexit__(self, *error: Any) -> None:
        await super().__aexit__(*error)
        await self.gx.close()

    # Entries

    async def with_gx(self, **options: Any) -> SolarCoordinator:
        """A loaded entry for the GX."""
        return await self.load(gx_entry(await self.gx.listen(), **options))

    async def with_inverters(self) -> OpenDtuSimulator:
        """A loaded entry for a DTU in the same house, whose inverters have been running for a while."""
        sim, _ = await self.with_dtu(house=self.house, poll_interval=0.2)
        sim.advance(120.0)
        return sim

    async def retried(self, coordinator: SolarCoordinator) -> None:
        """Poll until the link is back."""
        async with asyncio.timeout(10):
            while not coordinator.last_update_success:
                await asyncio.sleep(0.05)
                await coordinator.async_refresh()

    # Entities

    def entity(self, key: str, kind: str = "") -> str:
        """An entity of the GX, or of what hangs on it."""
        place = f"{GX}-{kind}" if kind else GX
        registry = er.async_get(self.hass)
        found = [each.entity_id for each in registry.entities.values() if each.unique_id == f"{place}-{key}"]
        assert len(found) == 1, (key, kind)
        return found[0]

    def shown(self, key: str, kind: str = "") -> str:
        """A state."""
        return value(self.hass, self.entity(key, kind))

    def number(self, key: str, kind: str = "") -> float:
        """A state that is a number."""
        return float(self.shown(key, kind))
