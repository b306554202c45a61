"""Binary sensors: flags and problems of the devices, and whether the link stands."""

from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import SolarConfigEntry
from .descriptions import binary_sensor_description
from .entity import PointEntity, RootEntity, entities_of

PARALLEL_UPDATES = 0

LINK = BinarySensorEntityDescription(
    key="link",
    translation_key="link",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant, entry: SolarConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the binary sensors of an entry."""
    coordinator = entry.runtime_data
    if not coordinator.link.no_device:
        async_add_entities([LinkBinarySensor(coordinator, LINK)])
    async_add_entities(
        entities_of(
            coordinator,
            Platform.BINARY_SENSOR,
            lambda c, ref, point: PointBinarySensor(c, ref, binary_sensor_description(point)),
        )
    )


class PointBinarySensor(PointEntity, BinarySensorEntity):
    """Shows a flag."""

    @property
    @override
    def is_on(self) -> bool | None:
        return None if self.current is None else bool(self.current)


class LinkBinarySensor(RootEntity, BinarySensorEntity):
    """Shows whether the link stands, paused or not."""

    @property
    @override
    def is_on(self) -> bool:
        return self.coordinator.client.connected
