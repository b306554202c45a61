"""What all entities have in common: the device they belong to and the reading they show."""

from collections.abc import Callable
from typing import Any, override

from homeassistant.const import Platform
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN
from .coordinator import SolarCoordinator
from .descriptions import platform_of
from .families import identifier
from .solarlink.points import Point, Reading, Ref, Value

ATTR_PAUSED = "paused"


class SolarEntity(CoordinatorEntity[SolarCoordinator]):
    """An entity of one installation."""

    _attr_has_entity_name = True


class RootEntity(SolarEntity):
    """An entity about the link, on the device that stands for the whole installation; it outlives a lost link."""

    def __init__(self, coordinator: SolarCoordinator, description: EntityDescription) -> None:
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_unique_id = f"{coordinator.root_id}-{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, coordinator.root_id)})

    @property
    @override
    def available(self) -> bool:
        return True


class PointEntity(SolarEntity):
    """An entity that shows one point."""

    def __init__(self, coordinator: SolarCoordinator, ref: Ref, description: EntityDescription) -> None:
        super().__init__(coordinator, context=ref)
        self.ref = ref
        self.unit, self.point = coordinator.known[ref].unit, coordinator.known[ref].point
        self.entity_description = description
        self._attr_unique_id = coordinator.unique_id(ref)
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, identifier(coordinator.family_key, self.unit))})

    @property
    def reading(self) -> Reading | None:
        """The last reading of the point."""
        return self.coordinator.reading(self.ref)

    @property
    def current(self) -> Value:
        """The last value of the point; ``None`` where the device has none."""
        return self.reading.value if self.reading else None

    @property
    @override
    def available(self) -> bool:
        return self.coordinator.fresh(self.ref)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        paused = {ATTR_PAUSED: True} if self.coordinator.paused else {}
        told = self.reading.details if self.reading else {}
        return {**told, **self.coordinator.attributes(self.ref), **paused}

    async def async_write(self, value: Value) -> None:
        """Set the point for a person; what goes wrong is told with the name that the person knows."""
        await self.coordinator.async_write(self.ref, value, str(self.name or self.point.name))


def entities_of[E: Entity](
    coordinator: SolarCoordinator, platform: Platform, make: Callable[[SolarCoordinator, Ref, Point[Any]], E]
) -> list[E]:
    """An entity for every point that appears on ``platform``."""
    return [
        make(coordinator, ref, known.point)
        for ref, known in coordinator.known.items()
        if platform_of(known.point) is platform
    ]
