"""Where a point lives: a field of the meter, named the same whatever the generation calls it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from ..points import Access, Point, Quantity

DEVICE_WIDE = -1
"""Stands for the clamp of a field that belongs to the device as a whole."""
OWN = -2
"""Stands for the clamp that the unit itself is."""


class Name(StrEnum):
    """What is told, of a clamp or of the device."""

    POWER = "power"
    """W, positive when importing."""
    APPARENT = "apparent"
    """VA."""
    REACTIVE = "reactive"
    """var."""
    FACTOR = "factor"
    """Power factor, with the sign that the meter gives it."""
    VOLTAGE = "voltage"
    CURRENT = "current"
    FREQUENCY = "frequency"
    IMPORTED = "imported"
    """Counter of the energy drawn, kWh."""
    EXPORTED = "exported"
    """Counter of the energy returned, kWh."""
    PROBLEM = "problem"
    """Whether the meter says that it does not measure rightly."""
    TOTAL_POWER = "total_power"
    """The meter's own sum of its phases, W."""
    TOTAL_APPARENT = "total_apparent"
    TOTAL_CURRENT = "total_current"
    NEUTRAL_CURRENT = "neutral_current"
    SUM_IMPORTED = "sum_imported"
    """The import counters of the clamps added up, kWh: not netted."""
    SUM_EXPORTED = "sum_exported"
    GRID_POWER = "grid_power"
    """Power at the grid connection, W."""
    GRID_IMPORTED = "grid_imported"
    """Counter of what came from the grid, where one clamp alone measures it, kWh."""
    GRID_EXPORTED = "grid_exported"
    RELAY = "relay"
    RELAY_TIMER = "relay_timer"
    """Seconds until the output switches back; 0 without a timer."""
    SIGNAL = "signal"
    """dBm."""
    UPTIME = "uptime"
    """Seconds since the meter was started."""
    TEMPERATURE = "temperature"
    """°C."""


class Field(NamedTuple):
    """One value that a meter tells: ``clamp`` counts from 0."""

    name: Name
    clamp: int = DEVICE_WIDE

    def of(self, clamp: int) -> Field:
        """The field of the unit that is this clamp."""
        return Field(self.name, clamp) if self.clamp == OWN else self


type ShellyPoint = Point[Field]

UNITS = {
    Quantity.POWER: "W",
    Quantity.APPARENT_POWER: "VA",
    Quantity.REACTIVE_POWER: "var",
    Quantity.ENERGY: "kWh",
    Quantity.VOLTAGE: "V",
    Quantity.CURRENT: "A",
    Quantity.FREQUENCY: "Hz",
    Quantity.TEMPERATURE: "°C",
    Quantity.SIGNAL_STRENGTH: "dBm",
    Quantity.DURATION: "s",
}


class Table:
    """Makes the points of one kind of unit; what their quantity says need not be repeated."""

    def __init__(self, kind: str, clamp: int) -> None:
        """``clamp`` is the one that the fields belong to unless told."""
        self._kind, self._clamp = kind, clamp

    def __call__(self, key: str, name: str, quantity: Quantity, field: Name | Field, **more: Any) -> ShellyPoint:
        """A point that is read from ``field``."""
        address = field if isinstance(field, Field) else Field(field, self._clamp)
        given: Mapping[str, Any] = {"unit": UNITS.get(quantity, "")} | more
        return Point(key=key, name=name, unit_kind=self._kind, quantity=quantity, address=address, **given)

    def setting(self, key: str, name: str, quantity: Quantity, field: Name, **more: Any) -> ShellyPoint:
        """A point that may be written."""
        return self(key, name, quantity, field, access=Access.READ_WRITE, **more)
