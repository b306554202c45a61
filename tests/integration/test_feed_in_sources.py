"""Any power entity as the meter of the zero feed-in controller, and the relay that watches over it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import Any

import pytest
from homeassistant.const import STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from custom_components.local_solar.controllers.feed_in_sources import MeterFeed
from custom_components.local_solar.flows import feed_in as asked
from custom_components.local_solar.solarlink.live import MeterReading

from .common import poll
from .feed_in_home import GRID, SPEED, FeedInHome, hurry

SOURCE = {asked.METER_ENTRY: None, asked.METER_ENTITY: GRID}


@asynccontextmanager
async def meter_entity(
    hass: HomeAssistant, power: Callable[[], float], unit: str = "W", period: float = 1.0
) -> AsyncIterator[None]:
    """Something writes the power of the grid into an entity as long as this lasts."""

    async def write() -> None:
        while True:
            hass.states.async_set(GRID, f"{power():.4f}", {"unit_of_measurement": unit, "device_class": "power"})
            await asyncio.sleep(period / SPEED)

    task = asyncio.create_task(write())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("unit", "factor", "options"),
    [
        ("W", 1.0, {}),
        ("kW", 0.001, {}),
        ("kW", -0.001, {asked.METER_INVERTED: True}),
        ("W", 0.5, {asked.METER_SCALE: 2.0}),
    ],
)
async def test_any_power_entity_is_a_meter(
    hass: HomeAssistant, feed_in: FeedInHome, unit: str, factor: float, options: dict[str, Any]
) -> None:
    async with meter_entity(hass, lambda: feed_in.house.grid_power_mean() * factor, unit):
        await feed_in.started(**SOURCE, **options)
        assert feed_in.shown("feed_in_meter_source") == "entity"
        feed_in.need(500.0)
        await feed_in.until_settled()


async def test_an_equal_value_that_is_told_again_is_fresh(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    async with meter_entity(hass, lambda: 20.0):
        await feed_in.add_devices()
        await feed_in.add_control(**SOURCE)
        await feed_in.switch("feed_in_control", on=True)
        await feed_in.until(lambda: feed_in.shown("feed_in_state") == "controlling")
        await feed_in.pass_time(60.0)
        assert feed_in.shown("feed_in_state") == "controlling"
        assert feed_in.number("feed_in_meter_age") == 0.0
    # Nobody tells it any more, though the state stays.
    await feed_in.until(lambda: feed_in.shown("feed_in_state") == "meter_lost")
    assert feed_in.shown("feed_in_meter_lost") == STATE_ON


@pytest.mark.parametrize("state", [STATE_UNAVAILABLE, "much", "nan", "1e9"])
async def test_what_is_no_power_is_no_value(hass: HomeAssistant, feed_in: FeedInHome, state: str) -> None:
    async with meter_entity(hass, lambda: 20.0):
        await feed_in.add_devices()
        await feed_in.add_control(**SOURCE)
        await feed_in.switch("feed_in_control", on=True)
        await feed_in.until(lambda: feed_in.shown("feed_in_state") == "controlling")

    hass.states.async_set(GRID, state)
    await feed_in.until(lambda: feed_in.shown("feed_in_state") == "meter_lost")


async def test_an_entity_of_ours_is_as_old_as_its_reading(
    hass: HomeAssistant, socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the hurry of the other tests, because ages of readings are told in real seconds."""
    readings: list[MeterReading] = []
    async with FeedInHome(hass) as place:
        await place.add_devices()
        assert place.meter_entry is not None
        entities = er.async_entries_for_config_entry(er.async_get(hass), place.meter_entry.entry_id)
        (ours,) = [each.entity_id for each in entities if each.unique_id.endswith("-grid_power")]
        feed = MeterFeed(hass, {asked.METER_ENTITY: ours}, readings.append)
        feed.follow(entity=True)
        await poll(place.meter_entry.runtime_data)
        place.meter_entry.runtime_data.async_update_listeners()
        await poll(place.meter_entry.runtime_data)
        place.meter_entry.runtime_data.async_update_listeners()
        feed.stop()
    assert len(readings) == 4
    # Its state was written twice for each measurement.
    assert [round(later.at - first.at, 2) > 0 for first, later in pairwise(readings)] == [False, True, False]


async def test_the_source_can_be_changed_while_it_runs(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    async with meter_entity(hass, feed_in.house.grid_power_mean):
        await feed_in.started(**{asked.METER_ENTITY: GRID})
        assert feed_in.shown("feed_in_meter_source") == "device"
        await feed_in.choose("feed_in_meter_source", "entity")
        await feed_in.meter.stop_listening()
        feed_in.need(500.0)
        await feed_in.pass_time(40.0)
        await feed_in.until_settled()


async def test_a_relay_watches_over_the_inverters(
    hass: HomeAssistant, socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    async with FeedInHome(hass, meter="SPEM-002CEBEU50") as place:
        await place.add_devices()
        assert place.meter_entry is not None
        await place.add_control(**{asked.RELAY_ENTRY: place.meter_entry.entry_id})
        await place.pass_time(20.0)
        assert place.meter.relay.started == 0.0, "nobody watches before it is switched on"
        await place.switch("feed_in_control", on=True)
        await place.until_settled()
        assert place.meter.relay.on
        assert 800.0 < place.meter.relay.remaining <= 900.0
        place.battery(soc=16.0)
        await place.until(lambda: not place.meter.relay.on)
