"""Fills hours that Home Assistant has not recorded with values that the device has kept."""

import datetime as dt
from collections.abc import Iterable, Mapping

from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.models import StatisticData, StatisticMeanType, StatisticMetaData
from homeassistant.components.recorder.statistics import (
    STATISTIC_UNIT_TO_UNIT_CONVERTER,
    async_import_statistics,
    get_metadata,
    statistics_during_period,
)
from homeassistant.components.sensor import SensorStateClass
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN
from .coordinator import SolarCoordinator
from .quantities import state_class
from .solarlink.client import LoggedHour
from .solarlink.points import Ref

RECORDER = "recorder"

type Hours = Mapping[str, Mapping[dt.datetime, LoggedHour]]
"""Entity id to the hours that the device has kept of it."""


async def async_import_missing(
    coordinator: SolarCoordinator, hours: Iterable[tuple[dt.datetime, LoggedHour]]
) -> dict[str, int]:
    """Add the hours that long-term statistics lack; what was recorded stays as it is.

    ``hours`` come with their beginning, a full hour of UTC. Returns how many hours were added by entity id; only
    sensors that are enabled and keep a mean have statistics.
    """
    hass = coordinator.hass
    kept: dict[str, dict[dt.datetime, LoggedHour]] = {}
    for start, hour in hours:
        if entity_id := _entity_id(coordinator, hour.ref):
            kept.setdefault(entity_id, {})[start] = hour
    if not kept:
        return {}
    recorder = get_instance(hass)
    metadata, recorded = await recorder.async_add_executor_job(_recorded, hass, kept)
    added: dict[str, int] = {}
    for entity_id, each in kept.items():
        missing = {start: hour for start, hour in each.items() if start not in recorded.get(entity_id, ())}
        if not missing:
            continue
        known = coordinator.known[next(iter(missing.values())).ref]
        unit = known.point.unit or None
        meta = metadata.get(entity_id) or _new_metadata(entity_id, unit)
        async_import_statistics(hass, meta, _rows(missing, unit, meta["unit_of_measurement"]))
        added[entity_id] = len(missing)
    return added


def _entity_id(coordinator: SolarCoordinator, ref: Ref) -> str | None:
    known = coordinator.known.get(ref)
    if known is None or state_class(known.point.quantity, known.point.counting) is not SensorStateClass.MEASUREMENT:
        return None
    registry = er.async_get(coordinator.hass)
    entity_id = registry.async_get_entity_id(Platform.SENSOR, DOMAIN, coordinator.unique_id(ref))
    entity = registry.async_get(entity_id) if entity_id else None
    return None if entity is None or entity.disabled else entity_id


def _recorded(hass: HomeAssistant, kept: Hours) -> tuple[dict[str, StatisticMetaData], dict[str, set[dt.datetime]]]:
    """What statistics know of these entities, and which of the hours they have. Called in the recorder's thread."""
    starts = [start for hours in kept.values() for start in hours]
    ids = set(kept)
    rows = statistics_during_period(hass, min(starts), max(starts) + dt.timedelta(hours=1), ids, "hour", None, {"mean"})
    known = {entity_id: meta for entity_id, (_, meta) in get_metadata(hass, statistic_ids=ids).items()}
    return known, {
        entity_id: {dt.datetime.fromtimestamp(row["start"], dt.UTC) for row in each if row.get("mean") is not None}
        for entity_id, each in rows.items()
    }


def _new_metadata(entity_id: str, unit: str | None) -> StatisticMetaData:
    converter = STATISTIC_UNIT_TO_UNIT_CONVERTER.get(unit)
    return StatisticMetaData(
        mean_type=StatisticMeanType.ARITHMETIC,
        has_sum=False,
        name=None,
        source=RECORDER,
        statistic_id=entity_id,
        unit_class=converter.UNIT_CLASS if converter else None,
        unit_of_measurement=unit,
    )


def _rows(hours: Mapping[dt.datetime, LoggedHour], unit: str | None, wanted: str | None) -> list[StatisticData]:
    """The hours in the unit in which statistics are kept, which may be one that the owner has chosen."""
    converter = STATISTIC_UNIT_TO_UNIT_CONVERTER.get(unit)

    def converted(value: float) -> float:
        return converter.convert(value, unit, wanted) if converter and unit != wanted else value

    return [
        StatisticData(start=start, mean=converted(hour.mean), min=converted(hour.minimum), max=converted(hour.maximum))
        for start, hour in sorted(hours.items())
    ]
