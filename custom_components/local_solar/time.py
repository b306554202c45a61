"""Times of day that can be set, on the device's own clock."""

from datetime import time
from typing import override

from homeassistant.components.time import TimeEntity, TimeEntityDescription
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import SolarConfigEntry
from .descriptions import setting_description
from .entity import PointEntity, entities_of

PARALLEL_UPDATES = 1


async def async_setup_entry(
    hass: HomeAssistant, entry: SolarConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the times of an entry."""
    async_add_entities(
        entities_of(
            entry.runtime_data,
            Platform.TIME,
            lambda c, ref, point: PointTime(c, ref, setting_description(TimeEntityDescription, point)),
        )
    )


class PointTime(PointEntity, TimeEntity):
    """Shows and changes a time of day."""

    @property
    @override
    def native_value(self) -> time | None:
        return self.current if isinstance(self.current, time) else None

    @override
    async def async_set_value(self, value: time) -> None:
        """Set the time in the device."""
        await self.async_write(value)
