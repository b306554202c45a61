"""Buttons: commands without a value."""

from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
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
    """Add the commands of an entry."""
    async_add_entities(
        entities_of(
            entry.runtime_data,
            Platform.BUTTON,
            lambda c, ref, point: PointButton(c, ref, setting_description(ButtonEntityDescription, point)),
        )
    )


class PointButton(PointEntity, ButtonEntity):
    """Carries out a command."""

    @property
    @override
    def available(self) -> bool:
        # A command has no value that could be too old.
        return self.coordinator.last_update_success

    @override
    async def async_press(self) -> None:
        """Carry out the command."""
        await self.async_write(True)
