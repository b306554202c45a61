"""Simulated DTUs and Shelly meters, and the entries of Home Assistant that talk to them."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.const import CONF_FAMILY, CONF_INTERVAL, CONF_LINK, DOMAIN
from custom_components.local_solar.coordinator import SolarCoordinator
from custom_components.local_solar.solarlink import opendtu, shelly_em
from custom_components.local_solar.solarlink.links.http import HttpTiming
from custom_components.local_solar.solarlink.opendtu.exchange import Timing as DtuTiming
from custom_components.local_solar.solarlink.shelly_em.exchange import Timing as ShellyTiming
from simulators.house import House
from simulators.opendtu import OpenDtuSimulator, RadioModel
from simulators.shelly_em import ShellySimulator

from .common import state_of

HOST = "127.0.0.1"
PASSWORD = "sunny side"
WEST, EAST, SHED = "112174020011", "112174020022", "112172060033"
"""Serial numbers of the three inverters that are there unless told."""
DTU_SERIAL = "02005e4a7c31"
"""The DTU is known by its MAC address."""
CLEAR = RadioModel(statistics=(0.4, 0.4), statistics_loss=0.0, limit=(0.5, 0.5), limit_loss=0.0)
"""A radio that loses nothing and always takes the same time."""
DTU_TIMING = DtuTiming(
    http=HttpTiming(answer=5.0, retry=0.0),
    first_hold_off=0.0,
    longest_hold_off=0.0,
    overloaded=0.0,
    out_of_memory=0.0,
    between=0.1,
    between_delicate=0.3,
    pending=0.02,
    confirm=5.0,
    again=0.02,
    no_effect=0.5,
    socket_first=0.05,
    socket_longest=0.05,
)
SHELLY_TIMING = ShellyTiming(
    http=HttpTiming(answer=5.0, retry=0.0),
    first_hold_off=0.0,
    longest_hold_off=0.0,
    period=0.02,
    first_pause=0.01,
    longest_pause=0.05,
    login_pause=0.05,
    socket_answer=5.0,
    socket_again=0.2,
)
"""Nothing is waited for that the test does not want to see."""


class OpenDtuHome:
    """Starts simulators and entries for them, and ends them all."""

    def __init__(self, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hass = hass
        self.ahead = 0.0
        """Seconds by which the clients believe that more time has passed."""
        self.timing = DTU_TIMING
        self._sims: list[OpenDtuSimulator | ShellySimulator] = []
        monkeypatch.setattr(opendtu, "Timing", lambda: self.timing)
        monkeypatch.setattr(shelly_em, "Timing", lambda: SHELLY_TIMING)
        ahead = partial(opendtu.open_client, clock=lambda: time.monotonic() + self.ahead)
        monkeypatch.setattr(opendtu, "FAMILY", replace(opendtu.FAMILY, open=ahead))

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

    # What is simulated

    async def dtu(self, firmware: str = "v26.3.30", **options: Any) -> tuple[OpenDtuSimulator, str]:
        """A DTU in a house that stands still, and the host under which its owner enters it."""
        given: dict[str, Any] = {"house": House(seed=1, speed=0), "password": PASSWORD, "radio": CLEAR, "pace": 0.0}
        sim = OpenDtuSimulator(firmware=firmware, **(given | options))
        self._sims.append(sim)
        return sim, f"{HOST}:{await sim.listen(HOST)}"

    async def meter(self, model: str = "SPEM-003CEBEU", **options: Any) -> tuple[ShellySimulator, str]:
        """A Shelly meter in a house that stands still, and the host under which its owner enters it."""
        given: dict[str, Any] = {"house": House(seed=1, speed=0), "pace": 0.0}
        sim = ShellySimulator(model=model, **(given | options))
        self._sims.append(sim)
        return sim, f"{HOST}:{await sim.listen(HOST, 0)}"

    def pass_time(self, sim: OpenDtuSimulator, seconds: float) -> None:
        """Let time pass for the devices and for their client alike."""
        sim.advance(seconds)
        self.ahead += seconds

    async def meanwhile[T](self, sim: OpenDtuSimulator, work: Awaitable[T]) -> T:
        """Await ``work`` while the time of the house passes, a second in each hundredth of one."""

        async def run() -> None:
            while True:
                await asyncio.sleep(0.01)
                sim.advance(1.0)

        clock = asyncio.create_task(run())
        try:
            return await work
        finally:
            clock.cancel()

    # Entries

    async def load(self, entry: MockConfigEntry) -> SolarCoordinator:
        """Add an entry, unless that was done, and wait until it works."""
        if self.hass.config_entries.async_get_entry(entry.entry_id) is None:
            entry.add_to_hass(self.hass)
        assert await self.hass.config_entries.async_setup(entry.entry_id), entry.reason
        await self.hass.async_block_till_done(wait_background_tasks=True)
        coordinator: SolarCoordinator = entry.runtime_data
        return coordinator

    async def with_dtu(
        self, firmware: str = "v26.3.30", *, entered: str | None = PASSWORD, websocket: bool = False, **options: Any
    ) -> tuple[OpenDtuSimulator, SolarCoordinator]:
        """A DTU and a loaded entry for it, with the password that was entered."""
        sim, host = await self.dtu(firmware, **options)
        return sim, await self.load(dtu_entry(host, entered, websocket=websocket))

    async def with_meter(
        self, model: str = "SPEM-003CEBEU", *, chosen: dict[str, Any] | None = None, **options: Any
    ) -> tuple[ShellySimulator, SolarCoordinator]:
        """A meter and a loaded entry for it, with the options that its owner has chosen."""
        sim, host = await self.meter(model, **options)
        return sim, await self.load(meter_entry(sim, host, **(chosen or {})))

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
        assert await self.hass.config_entries.async_setup(entry.entry_id), entry.reason
        await self.hass.async_block_till_done(wait_background_tasks=True)
        loaded: SolarCoordinator = entry.runtime_data
        return loaded


def dtu_entry(host: str, password: str | None = PASSWORD, **more: Any) -> MockConfigEntry:
    """An entry that reaches a DTU."""
    login: dict[str, str] = {} if password is None else {CONF_PASSWORD: password}
    return MockConfigEntry(
        domain=DOMAIN,
        title="OpenDTU",
        unique_id=f"opendtu-{DTU_SERIAL}",
        data={CONF_FAMILY: "opendtu", CONF_LINK: "host", CONF_HOST: host, **login, **more},
        options={CONF_INTERVAL: 5},
    )


def meter_entry(sim: ShellySimulator, host: str, **options: Any) -> MockConfigEntry:
    """An entry that reaches a meter."""
    login: dict[str, str] = {key: options.pop(key) for key in ("username", "password") if key in options}
    return MockConfigEntry(
        domain=DOMAIN,
        title="Shelly",
        unique_id=f"shelly_em-{sim.mac}",
        data={CONF_FAMILY: "shelly_em", CONF_LINK: "host", CONF_HOST: host, **login},
        options={CONF_INTERVAL: 5, **options},
    )
