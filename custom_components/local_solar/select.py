"""Selects: settings that take one of several values."""

from typing import override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import SolarConfigEntry
from .descriptions import setting_description
from .entity import PointEntity, entities_of
from .solarlink.points import Value

PARALLEL_UPDATES = 1


async def async_setup_entry(
    hass: HomeAssistant, entry: SolarConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the choices of an entry."""
    async_add_entities(
        entities_of(
            entry.runtime_data,
            Platform.SELECT,
            lambda c, ref, point: PointSelect(c, ref, setting_description(SelectEntityDescription, point)),
        )
    )


class PointSelect(PointEntity, SelectEntity):
    """Shows and changes a setting that takes one of several values: states by their slug, numbers with their unit."""

    @property
    def _choices(self) -> dict[str, Value]:
        """What can be chosen: how it is shown, and the value that is meant."""
        choices = self.coordinator.limits(self.ref).choices
        values: list[Value] = list(choices if choices is not None else dict.fromkeys(self.point.options.values()))
        if self.point.listed and self.current is not None and self.current not in values:
            # Set on the device to something that it does not list.
            values.append(self.current)
        return {self._shown(value): value for value in values}

    def _shown(self, value: Value) -> str:
        if isinstance(value, int | float):
            return f"{value:g} {self.point.unit}".strip()
        return str(value)

    @property
    @override
    def options(self) -> list[str]:
        return list(self._choices)

    @property
    @override
    def current_option(self) -> str | None:
        return None if self.current is None else self._shown(self.current)

    @override
    async def async_select_option(self, option: str) -> None:
        """Set the value in the device."""
        await self.async_write(self._choices[option])
