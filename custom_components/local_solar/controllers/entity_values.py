"""What an entity of Home Assistant says, and how old that is, whoever brought it there."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from homeassistant.components.binary_sensor import DOMAIN as BINARY_SENSOR_DOMAIN
from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_conversion import BaseUnitConverter

from ..const import DOMAIN
from ..solarlink.client import Client
from ..solarlink.points import Reading, Ref


class Readings(Protocol):
    """What is asked of the coordinator of another entry of ours."""

    client: Client
    known: Mapping[Ref, Any]

    @property
    def interval(self) -> float:
        """Seconds between two reads of live points."""

    def reading(self, ref: Ref) -> Reading | None:
        """The last reading of a point."""

    def fresh(self, ref: Ref) -> bool:
        """Whether it may still be believed."""

    def unique_id(self, ref: Ref) -> str:
        """Unique id of the entity that shows a point."""


@dataclass(frozen=True, slots=True)
class EntityValue:
    """A value and how many seconds ago it was measured or told; without a value the age is infinite or its own."""

    value: float | bool | None
    age: float

    @property
    def number(self) -> float | None:
        """The value as a number."""
        return None if self.value is None else float(self.value)


MISSING = EntityValue(None, math.inf)


def readings_of(entry: ConfigEntry[Any]) -> Readings | None:
    """The coordinator of an entry of ours that is loaded."""
    if entry.state is not ConfigEntryState.LOADED:
        return None
    readings: Readings = entry.runtime_data
    return readings


def value_of_reading(readings: Readings, ref: Ref) -> EntityValue:
    """What a point of ours says."""
    reading = readings.reading(ref)
    if reading is None or not readings.fresh(ref):
        return MISSING
    value = reading.value
    known = value if isinstance(value, bool | int | float) else None
    return EntityValue(known, max(time.monotonic() - reading.at, 0.0))


def point_of(hass: HomeAssistant, entity_id: str) -> tuple[Readings, Ref] | None:
    """The point of ours that an entity shows."""
    entity = er.async_get(hass).async_get(entity_id)
    if entity is None or entity.platform != DOMAIN or entity.config_entry_id is None:
        return None
    entry = hass.config_entries.async_get_entry(entity.config_entry_id)
    readings = readings_of(entry) if entry else None
    if readings is None:
        return None
    return next(((readings, ref) for ref in _refs(readings, entity.unique_id)), None)


def entity_of(hass: HomeAssistant, readings: Readings, ref: Ref) -> str | None:
    """The entity that shows a point of ours, unless it is switched off; settings are not looked for."""
    registry = er.async_get(hass)
    for platform in (SENSOR_DOMAIN, BINARY_SENSOR_DOMAIN) if ref in readings.known else ():
        entity_id = registry.async_get_entity_id(platform, DOMAIN, readings.unique_id(ref))
        entity = registry.async_get(entity_id) if entity_id else None
        if entity is not None and not entity.disabled:
            return entity.entity_id
    return None


def _refs(readings: Readings, unique_id: str) -> Iterator[Ref]:
    # The key is the end of the unique id, and asking for every unique id would be slow.
    return (ref for ref in readings.known if unique_id.endswith(ref.key) and readings.unique_id(ref) == unique_id)


def flag_of(hass: HomeAssistant, entity_id: str) -> EntityValue:
    """Whether an entity is on."""
    return _of(hass, entity_id, lambda state: {STATE_ON: True, STATE_OFF: False}.get(state.state))


def number_of(
    hass: HomeAssistant, entity_id: str, converter: type[BaseUnitConverter] | None = None, unit: str = ""
) -> EntityValue:
    """The number that an entity shows, in ``unit`` where a ``converter`` is given.

    One without a unit is taken as it is.
    The value of an entity of ours is as old as its reading, because its state is written more often. That of any other
    is as old as the last report of its state, also of an equal one.
    """
    return _of(hass, entity_id, lambda state: number_of_state(state, converter, unit))


def number_of_state(state: State, converter: type[BaseUnitConverter] | None = None, unit: str = "") -> float | None:
    """The finite number in a state, converted as by ``number_of``."""
    try:
        number = float(state.state)
        if converter is not None:
            number = converter.convert(number, state.attributes.get(ATTR_UNIT_OF_MEASUREMENT, unit), unit)
    except ValueError, HomeAssistantError:
        return None
    return number if math.isfinite(number) else None


def _of(hass: HomeAssistant, entity_id: str, read: Callable[[State], float | bool | None]) -> EntityValue:
    if (ours := point_of(hass, entity_id)) is not None:
        return value_of_reading(*ours)
    state = hass.states.get(entity_id)
    if state is None or state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
        return MISSING
    return EntityValue(read(state), max((dt_util.utcnow() - state.last_reported).total_seconds(), 0.0))
