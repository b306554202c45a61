"""Switches: settings that are on or off, and the pause."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import SolarConfigEntry
from .descriptions import setting_description
from .entity import PointEntity, RootEntity, entities_of
from .problems import action_error
from .solarlink.errors import SolarError

PARALLEL_UPDATES = 1


async def async_setup_entry(
    hass: HomeAssistant, entry: SolarConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the switches of an entry."""
    coordinator = entry.runtime_data
    if key := coordinator.family.pause:
        async_add_entities([PauseSwitch(coordinator, SwitchEntityDescription(key="pause", translation_key=key))])
    async_add_entities(
        entities_of(
            coordinator,
            Platform.SWITCH,
            lambda c, ref, point: PointSwitch(c, ref, setting_description(SwitchEntityDescription, point)),
        )
    )


class PointSwitch(PointEntity, SwitchEntity):
    """Shows and changes a setting that is on or off."""

    @property
    @override
    def is_on(self) -> bool | None:
        return None if self.current is None else bool(self.current)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Switch the setting on."""
        await self.async_write(True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Switch the setting off."""
        await self.async_write(False)


class PauseSwitch(RootEntity, SwitchEntity):
    """While it is on nothing is polled; a person's write still goes out."""

    @property
    @override
    def is_on(self) -> bool:
        return self.coordinator.memory.paused

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Leave the device alone; raises a translated error when that would do harm."""
        try:
            await self.coordinator.async_set_paused(True)
        except SolarError as err:
            raise action_error(err, str(self.name)) from err

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Poll again."""
        await self.coordinator.async_set_paused(False)
