"""What the form of a zero feed-in begins with: the meter, inverters and battery of a house that has one of each."""

from collections.abc import Iterator, Mapping
from typing import Any

from homeassistant.core import HomeAssistant

from ..const import CONF_FAMILY, DOMAIN
from ..controllers.entity_values import Readings, entity_of, readings_of
from ..solarlink.feed_in_control.client import INVERTERS
from ..solarlink.live import MeterClient
from ..solarlink.points import Ref
from .feed_in import (
    BATTERY,
    CHARGE_LIMIT,
    CHOSEN_INVERTERS,
    CURRENT,
    DISCHARGE_LIMIT,
    GRID_LOST,
    METER_ENTRY,
    STATE_OF_CHARGE,
    TEMPERATURE,
    VOLTAGE,
    choice_of,
    inverters_near,
    loaded,
)

WHOLE_BATTERIES: Mapping[str, tuple[str, ...]] = {
    "pylontech": ("stack",),
    "victron_gx": ("battery", "system"),
    "opendtu": ("battery",),
}
"""Kinds of units, by family, that tell of a whole battery on which micro-inverters can live, the better one first."""
BATTERY_POINTS: Mapping[str, str] = {
    STATE_OF_CHARGE: "state_of_charge",
    VOLTAGE: "battery_voltage",
    CURRENT: "battery_current",
    CHARGE_LIMIT: "charge_current_limit",
    DISCHARGE_LIMIT: "discharge_current_limit",
    TEMPERATURE: "battery_temperature",
}
"""The point that answers a field."""
ISLAND_POINT = "on_own_inverter"


def proposal(hass: HomeAssistant) -> dict[str, Any]:
    """What to begin with; where there are two of something, only the owner knows which it is."""
    proposed: dict[str, Any] = {CHOSEN_INVERTERS: list(_free_inverters(hass))}
    meters = loaded(hass, MeterClient)
    if len(meters) == 1:
        proposed[METER_ENTRY] = meters[0].entry_id
    ours = list(_with_a_battery(hass))
    batteries = [found for each, kinds in ours if (found := _battery(hass, each, kinds))]
    islands = [found for each, _ in ours for found in _islands(hass, each)]
    battery = batteries[0] if len(batteries) == 1 else {}
    if len(islands) == 1:
        battery = {**battery, GRID_LOST: islands[0]}
    return {**proposed, BATTERY: battery}


def _free_inverters(hass: HomeAssistant) -> Iterator[str]:
    """Inverters that no other controller has."""
    entries = hass.config_entries.async_entries(DOMAIN)
    taken = {choice_of(each) for entry in entries for each in entry.data.get(INVERTERS, ())}
    return (choice for each in inverters_near(hass) if (choice := choice_of(each)) not in taken)


def _with_a_battery(hass: HomeAssistant) -> Iterator[tuple[Readings, tuple[str, ...]]]:
    for entry in hass.config_entries.async_entries(DOMAIN):
        kinds = WHOLE_BATTERIES.get(entry.data[CONF_FAMILY])
        if kinds is not None and (readings := readings_of(entry)) is not None:
            yield readings, kinds


def _battery(hass: HomeAssistant, readings: Readings, kinds: tuple[str, ...]) -> dict[str, str]:
    """The entities of the best unit of an installation by field; none where it tells no state of charge."""
    units = {unit.kind: unit.id for unit in readings.client.installation.all_units}
    for unit_id in (units[kind] for kind in kinds if kind in units):
        found = {
            field: entity_id
            for field, key in BATTERY_POINTS.items()
            if (entity_id := entity_of(hass, readings, Ref(unit_id, key))) is not None
        }
        if STATE_OF_CHARGE in found:
            return found
    return {}


def _islands(hass: HomeAssistant, readings: Readings) -> Iterator[str]:
    for unit in readings.client.installation.all_units:
        if (found := entity_of(hass, readings, Ref(unit.id, ISLAND_POINT))) is not None:
            yield found
