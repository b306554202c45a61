"""Sensors: every value that is read, and how the link does."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import MAX_LENGTH_STATE_STATE, EntityCategory, Platform, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import LinkState, SolarConfigEntry, SolarCoordinator
from .descriptions import sensor_description
from .entity import PointEntity, RootEntity, entities_of
from .problems import action_error
from .solarlink.errors import NotWritableError

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class LinkSensorDescription(SensorEntityDescription):
    """A sensor about the link; ``value`` takes it from the coordinator."""

    value: Callable[[SolarCoordinator], str | float | None]


def _silence(coordinator: SolarCoordinator) -> float | None:
    silence = coordinator.client.stats.silence
    return None if silence is None else round(silence)


def _last_error(coordinator: SolarCoordinator) -> str | None:
    sentence = str(coordinator.last_error or coordinator.client.stats.last_error)
    return sentence[:MAX_LENGTH_STATE_STATE] or None


LINK_SENSORS = (
    LinkSensorDescription(
        key="link_state",
        translation_key="link_state",
        device_class=SensorDeviceClass.ENUM,
        options=[state.value for state in LinkState],
        entity_category=EntityCategory.DIAGNOSTIC,
        value=lambda coordinator: coordinator.link_state.value,
    ),
    LinkSensorDescription(
        key="last_answer",
        translation_key="last_answer",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        value=_silence,
    ),
    LinkSensorDescription(
        key="last_error",
        translation_key="last_error",
        entity_category=EntityCategory.DIAGNOSTIC,
        value=_last_error,
    ),
    LinkSensorDescription(
        key="exchanges_per_cycle",
        translation_key="exchanges_per_cycle",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        value=lambda coordinator: coordinator.exchanges_per_cycle,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: SolarConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the sensors of an entry."""
    coordinator = entry.runtime_data
    if not coordinator.link.no_device:
        async_add_entities(LinkSensor(coordinator, description) for description in LINK_SENSORS)
    async_add_entities(
        entities_of(coordinator, Platform.SENSOR, lambda c, ref, point: PointSensor(c, ref, sensor_description(point)))
    )


class PointSensor(PointEntity, SensorEntity):
    """Shows a value."""

    @property
    @override
    def native_value(self) -> str | float | date | datetime | Decimal | None:
        return self.current.isoformat("minutes") if isinstance(self.current, time) else self.current

    async def async_set_energy(self, energy: float) -> None:
        """Let an energy that is summed up here begin at ``energy`` kWh."""
        if self.point.integral is None:
            raise action_error(NotWritableError(point=self.point.name), str(self.name or self.point.name))
        await self.async_write(energy)


class LinkSensor(RootEntity, SensorEntity):
    """Shows how the link does."""

    entity_description: LinkSensorDescription

    @property
    @override
    def native_value(self) -> str | float | None:
        return self.entity_description.value(self.coordinator)
