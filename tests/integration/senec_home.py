"""Simulated SENEC appliances and the entries of Home Assistant that talk to them."""

import time
from types import TracebackType
from typing import Any, Self

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.const import CONF_FAMILY, CONF_INTERVAL, CONF_LINK, DOMAIN
from custom_components.local_solar.coordinator import SolarCoordinator
from custom_components.local_solar.solarlink.links.http import HttpTiming
from custom_components.local_solar.solarlink.senec.exchange import Timing
from simulators.house import House
from simulators.senec import SenecSimulator
from simulators.senec.profiles import load

from .common import state_of

HOST = "127.0.0.1"
TIMING = Timing(
    http=HttpTiming(answer=5.0, retry=0.0),
    log_out=0.0,
    first_hold_off=0.0,
    longest_hold_off=0.0,
    between_writes=0.0,
    verify=0.0,
    verify_late=0.05,
    # Whoever charges again shall be noticed by the controller of the integration, not by the client.
    stop_checks=(30.0, 60.0),
    save=0.0,
)
"""Nothing is waited for that the test does not want to see."""


class SenecHome:
    """Starts simulators and entries for them, and ends them all."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.hass = hass
        self._sims: list[SenecSimulator] = []
        self._entries: list[MockConfigEntry] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for entry in self.hass.config_entries.async_entries(DOMAIN):
            if state_of(entry) is ConfigEntryState.LOADED:
                await self.hass.config_entries.async_unload(entry.entry_id)
        for sim in self._sims:
            await sim.close()

    async def sim(
        self, profile: str, *, port: int = 0, house: House | None = None, **options: Any
    ) -> tuple[SenecSimulator, str]:
        """A simulator in a house that stands still, and the host under which its owner enters it."""
        given = {"speed": 0.0, "button_delay": 0.0} | options
        sim = SenecSimulator(house=house or House(seed=1, speed=0), profile=profile, pace=0.0, **given)
        self._sims.append(sim)
        return sim, f"{HOST}:{await sim.listen(HOST, port, tls=load(profile).scheme == 'https')}"

    async def load(self, entry: MockConfigEntry) -> SolarCoordinator:
        """Add an entry, unless that was done, and wait until it works."""
        if self.hass.config_entries.async_get_entry(entry.entry_id) is None:
            entry.add_to_hass(self.hass)
        assert await self.hass.config_entries.async_setup(entry.entry_id)
        await self.hass.async_block_till_done(wait_background_tasks=True)
        coordinator: SolarCoordinator = entry.runtime_data
        return coordinator

    async def started(self, profile: str, **options: Any) -> tuple[SenecSimulator, SolarCoordinator]:
        """A simulator and a loaded entry for it."""
        sim, host = await self.sim(profile, **options)
        return sim, await self.load(entry_for(sim, host))

    async def switched_on(self, coordinator: SolarCoordinator, *keys: str) -> SolarCoordinator:
        """Switch entities on that are off from the start, as their owner would, and load again."""
        registry = er.async_get(self.hass)
        for entity in er.async_entries_for_config_entry(registry, coordinator.config_entry.entry_id):
            if entity.unique_id.rpartition("-")[2] in keys:
                registry.async_update_entity(entity.entity_id, disabled_by=None)
        return await self.reloaded(coordinator)

    async def reloaded(self, coordinator: SolarCoordinator) -> SolarCoordinator:
        """Unload and load again, as a restart of Home Assistant does."""
        entry = coordinator.config_entry
        assert await self.hass.config_entries.async_unload(entry.entry_id)
        assert await self.hass.config_entries.async_setup(entry.entry_id)
        await self.hass.async_block_till_done(wait_background_tasks=True)
        loaded: SolarCoordinator = entry.runtime_data
        return loaded


def entry_for(sim: SenecSimulator, host: str, **options: Any) -> MockConfigEntry:
    """An entry that reaches an appliance."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="SENEC.Home",
        unique_id=f"senec-{sim.device_id}",
        data={CONF_FAMILY: "senec", CONF_LINK: "host", CONF_HOST: host},
        options={CONF_INTERVAL: 10, **options},
    )


class Ahead:
    """Lets the client believe that time has passed."""

    def __init__(self, coordinator: SolarCoordinator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        monkeypatch.setattr(coordinator.client, "_clock", lambda: time.monotonic() + self.seconds)
