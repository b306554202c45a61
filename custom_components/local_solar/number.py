"""Numbers: numeric settings, within the limits that the device tells."""

from datetime import UTC, datetime
from typing import Any, override

from homeassistant.components.number import NumberEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import SolarConfigEntry
from .descriptions import number_description
from .entity import PointEntity, entities_of
from .solarlink.points import Wear

PARALLEL_UPDATES = 1

ATTR_FLASH_VALUE = "flash_value"
ATTR_RAM_WRITTEN_AT = "ram_written_at"
UNBOUNDED = 1e6
"""Limit that is shown for a setting whose limits nobody knows; the device still judges what it is sent."""


async def async_setup_entry(
    hass: HomeAssistant, entry: SolarConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the numeric settings of an entry."""
    async_add_entities(
        entities_of(
            entry.runtime_data,
            Platform.NUMBER,
            lambda c, ref, point: PointNumber(c, ref, number_description(point)),
        )
    )


class PointNumber(PointEntity, NumberEntity):
    """Shows and changes a numeric setting."""

    @property
    @override
    def native_value(self) -> float | None:
        return self.current if isinstance(self.current, int | float) else None

    @property
    @override
    def native_min_value(self) -> float:
        minimum = self.coordinator.limits(self.ref).minimum
        return -UNBOUNDED if minimum is None else minimum

    @property
    @override
    def native_max_value(self) -> float:
        maximum = self.coordinator.limits(self.ref).maximum
        # Two settings that already contradict each other leave no room; a range must not be upside down.
        return UNBOUNDED if maximum is None else max(maximum, self.native_min_value)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """What flash holds below a RAM value, and since when the RAM value holds."""
        attributes = super().extra_state_attributes
        if self.point.wear is not Wear.RAM:
            return attributes
        written_at = self.coordinator.client.journal.entry(self.unit.serial, self.ref.key).ram_written_at
        return attributes | {
            ATTR_FLASH_VALUE: self.reading.stored if self.reading else None,
            ATTR_RAM_WRITTEN_AT: None if written_at is None else datetime.fromtimestamp(written_at, UTC),
        }

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Set the value in the device."""
        await self.async_write(value)
