"""From a point to the entity that shows it: platform, category and description."""

from typing import Any

from homeassistant.components.binary_sensor import BinarySensorDeviceClass, BinarySensorEntityDescription
from homeassistant.components.event import EventEntityDescription
from homeassistant.components.number import NumberEntityDescription, NumberMode
from homeassistant.components.sensor import SensorEntityDescription
from homeassistant.const import EntityCategory, Platform
from homeassistant.helpers.entity import EntityDescription

from .quantities import LOOKS, state_class
from .solarlink.points import Access, Point, Quantity, Risk

PLATFORMS = (
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.TIME,
)


def platform_of(point: Point[Any]) -> Platform | None:
    """The platform on which ``point`` appears; ``None`` for what must not be a click away."""
    writable = point.writable and point.risk is not Risk.OUTAGE
    if point.access is Access.PRESS:
        return Platform.BUTTON if writable else None
    match point.quantity:
        case Quantity.EVENT:
            return Platform.EVENT
        case Quantity.FLAG | Quantity.PROBLEM:
            return Platform.SWITCH if writable else Platform.BINARY_SENSOR
        case _ if not writable:
            return Platform.SENSOR
        case Quantity.STATE:
            return Platform.SELECT
        case _ if point.listed:
            return Platform.SELECT
        case Quantity.TIME_OF_DAY:
            return Platform.TIME
        case Quantity.TEXT | Quantity.TIMESTAMP:
            return Platform.SENSOR
        case _:
            return Platform.NUMBER


def _shown_category(point: Point[Any]) -> EntityCategory | None:
    return EntityCategory.DIAGNOSTIC if point.diagnostic else None


def _described[D: EntityDescription](
    kind: type[D], point: Point[Any], category: EntityCategory | None, **more: Any
) -> D:
    return kind(
        key=point.key,
        translation_key=point.key,
        name=point.name,
        entity_category=category,
        entity_registry_enabled_default=point.enabled,
        **more,
    )


def sensor_description(point: Point[Any]) -> SensorEntityDescription:
    """How a value is shown."""
    look = LOOKS[point.quantity]
    return _described(
        SensorEntityDescription,
        point,
        _shown_category(point),
        device_class=look.sensor,
        state_class=state_class(point.quantity, point.counting),
        native_unit_of_measurement=point.unit or None,
        suggested_display_precision=look.precision,
        options=sorted(set(point.options.values())) if point.quantity is Quantity.STATE else None,
    )


def number_description(point: Point[Any]) -> NumberEntityDescription:
    """How a numeric setting is shown; its limits come from the device."""
    return _described(
        NumberEntityDescription,
        point,
        EntityCategory.CONFIG,
        device_class=LOOKS[point.quantity].number,
        native_unit_of_measurement=point.unit or None,
        native_step=point.step,
        # A box, because every position that a slider passes could become a write.
        mode=NumberMode.BOX,
    )


def binary_sensor_description(point: Point[Any]) -> BinarySensorEntityDescription:
    """How a flag is shown."""
    return _described(
        BinarySensorEntityDescription,
        point,
        _shown_category(point),
        device_class=BinarySensorDeviceClass.PROBLEM if point.quantity is Quantity.PROBLEM else None,
    )


def event_description(point: Point[Any]) -> EventEntityDescription:
    """How things that happen are shown."""
    kinds = sorted(set(point.options.values()))
    return _described(EventEntityDescription, point, _shown_category(point), event_types=kinds)


def setting_description[D: EntityDescription](kind: type[D], point: Point[Any]) -> D:
    """How a setting or command is shown that needs nothing but its name."""
    return _described(kind, point, EntityCategory.CONFIG)
