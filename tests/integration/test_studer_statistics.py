"""Hours that Home Assistant has missed are completed from the datalog of the gateway, and nothing else is touched."""

from datetime import timedelta
from typing import Any

import pytest
from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.models import StatisticData, StatisticMeanType, StatisticMetaData
from homeassistant.components.recorder.statistics import async_import_statistics, statistics_during_period
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done

from custom_components.local_solar.const import DOMAIN
from simulators.house import House
from simulators.studer import StuderSimulator

from .common import Find, poll, state_of
from .conftest import new_entry


async def recorded(hass: HomeAssistant, entity_id: str, start: Any, end: Any) -> dict[float, float]:
    """Means by their beginning, as the recorder has them."""
    await async_wait_recording_done(hass)
    rows = await get_instance(hass).async_add_executor_job(
        statistics_during_period, hass, start, end, {entity_id}, "hour", None, {"mean"}
    )
    return {row["start"]: row["mean"] or 0.0 for row in rows.get(entity_id, [])}


@pytest.mark.parametrize("unit", ["W", "kW"])
async def test_missing_hours_come_from_the_datalog(
    recorder_mock: Any, hass: HomeAssistant, socket_enabled: None, port: int, entity_id: Find, unit: str
) -> None:
    today = dt_util.now().replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = today - timedelta(days=1)
    # The clock of the installation is 40 s slow, which must not move an hour.
    house = House(seed=1, speed=0, start=yesterday.replace(tzinfo=None))
    studer = StuderSimulator(house=house, pace=0.0, clock_offset=-40.0)
    await studer.dial("127.0.0.1", port)
    entry: MockConfigEntry = new_entry(port)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    power = entity_id("0001A2F3-ac_output_power")

    # One hour was recorded, in the unit that the owner has chosen.
    ten = (yesterday + timedelta(hours=10)).astimezone(dt_util.UTC)
    factor = 1.0 if unit == "W" else 0.001
    async_import_statistics(
        hass,
        StatisticMetaData(
            mean_type=StatisticMeanType.ARITHMETIC,
            has_sum=False,
            name=None,
            source="recorder",
            statistic_id=power,
            unit_class="power",
            unit_of_measurement=unit,
        ),
        [StatisticData(start=ten, mean=12345.0 * factor, min=0.0, max=99999.0 * factor)],
    )
    await async_wait_recording_done(hass)

    while house.now < (today + timedelta(minutes=10)).replace(tzinfo=None):
        house.advance(60)
    passed = dt_util.now() - today - timedelta(minutes=10)
    studer.clock.set(studer.clock.seconds + round(passed.total_seconds()))
    studer.gateway.new_datalog = False
    await poll(entry.runtime_data)
    response = await hass.services.async_call(
        DOMAIN,
        "read_datalog",
        {"config_entry_id": entry.entry_id, "import_statistics": True},
        blocking=True,
        return_response=True,
    )
    assert response is not None
    imported = response["imported"]
    assert isinstance(imported, dict)
    assert imported[power] == 23
    means = await recorded(hass, power, yesterday, today)
    assert len(means) == 24
    # Read back in watts, whatever the unit in which they are kept.
    assert means[ten.timestamp()] == pytest.approx(12345.0)
    others = [mean for start, mean in means.items() if start != ten.timestamp()]
    assert all(50 < mean < 20000 for mean in others)
    # The battery power keeps its sign: what is discharged is positive.
    assert len(imported) > 5
    # A second time there is nothing left to add.
    again = await hass.services.async_call(
        DOMAIN,
        "read_datalog",
        {"config_entry_id": entry.entry_id, "import_statistics": True},
        blocking=True,
        return_response=True,
    )
    assert again is not None
    assert again["imported"] == {}
    if state_of(entry) is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(entry.entry_id)
    await studer.close()
