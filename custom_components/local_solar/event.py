"""Events: what happens to a device, each time it happens."""

from typing import override

from homeassistant.components.event import EventEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import SolarConfigEntry
from .descriptions import event_description
from .entity import PointEntity, entities_of
from .solarlink.client import Happening

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: SolarConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the events of an entry."""
    async_add_entities(
        entities_of(
            entry.runtime_data, Platform.EVENT, lambda c, ref, point: PointEvent(c, ref, event_description(point))
        )
    )


class PointEvent(PointEntity, EventEntity):
    """Fires for everything that happens at a point."""

    @override
    async def async_added_to_hass(self) -> None:
        """Begin to watch."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_witness(self.ref, self._fire))

    @callback
    def _fire(self, happening: Happening) -> None:
        self._trigger_event(happening.kind, dict(happening.details))
        self.async_write_ha_state()
