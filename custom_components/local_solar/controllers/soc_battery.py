"""Where the state-of-charge control gets its battery from: a Pylontech entry, or any entities of Home Assistant."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import UnitOfElectricPotential
from homeassistant.core import HomeAssistant
from homeassistant.util.unit_conversion import ElectricPotentialConverter

from ..const import CONF_FAMILY, DOMAIN
from ..solarlink.points import Ref
from .entity_values import EntityValue, Readings, entity_of, flag_of, number_of, point_of, readings_of, value_of_reading
from .soc_options import ALARM, HIGHEST_CELL, LOWEST, LOWEST_CELL, MEAN, ROLES

FAMILY = "pylontech"
"""Family whose entry is taken where the owner has chosen no entities."""
PROBLEM = "battery_problem"
"""Point of that family that tells of alarms."""
_VOLTAGES = (LOWEST_CELL, HIGHEST_CELL)
_SHARES = (MEAN, LOWEST)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the battery tells now."""

    age: float = math.inf
    """Seconds since the oldest of it was read; infinite when something is missing."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """By role: states of charge in %, voltages in V."""
    alarm: bool | None = None


class Battery:
    """The battery that the owner has chosen, or the one Pylontech stack that there is."""

    def __init__(self, hass: HomeAssistant, options: Mapping[str, Any]) -> None:
        """``options`` are those of the section."""
        self._hass = hass
        self._chosen = {role: options[role] for role in ROLES if options.get(role)}
        self._alarms: tuple[str, ...] = tuple(options.get(ALARM) or ())

    @property
    def _own(self) -> bool:
        """Whether the owner has chosen entities; the state of charge is the one that cannot be missing."""
        return MEAN in self._chosen

    def _entry(self) -> ConfigEntry[Any] | None:
        entries = [
            entry for entry in self._hass.config_entries.async_entries(DOMAIN) if entry.data.get(CONF_FAMILY) == FAMILY
        ]
        return entries[0] if len(entries) == 1 and not entries[0].disabled_by else None

    def _stack(self) -> Readings | None:
        entry = self._entry()
        return readings_of(entry) if entry else None

    @property
    def there(self) -> bool:
        """Whether it is known where the states of charge come from."""
        return self._own or self._entry() is not None

    @property
    def source(self) -> str:
        """Where they come from, for people."""
        if self._own:
            return str(self._chosen[MEAN])
        entry = self._entry()
        return entry.title if entry else ""

    @property
    def roles(self) -> frozenset[str]:
        """What the battery tells beside its state of charge."""
        if self._own:
            return frozenset([*self._chosen, *([ALARM] if self._alarms else [])])
        return frozenset([*ROLES, ALARM])

    @property
    def pace(self) -> float | None:
        """Seconds between two reads, where that is known."""
        if not self._own:
            stack = self._stack()
            return stack.interval if stack else None
        found = [
            each[0].interval for role in self._chosen if (each := point_of(self._hass, self._chosen[role])) is not None
        ]
        return max(found, default=None)

    def sample(self) -> Sample:
        """What it tells now."""
        numbers = self._chosen_values() if self._own else self._stack_values()
        alarms = [self._of(entity_id, None) for entity_id in self._alarms] if self._own else self._stack_alarm()
        every = [*numbers.values(), *alarms]
        missing = not numbers or any(each.value is None for each in every)
        known = {role: float(each.value) for role, each in numbers.items() if each.value is not None}
        if MEAN in known:
            known.setdefault(LOWEST, known[MEAN])
        return Sample(
            age=math.inf if missing else max(each.age for each in every),
            numbers=known,
            alarm=any(each.value is True for each in alarms) if alarms and not missing else None,
        )

    def _chosen_values(self) -> dict[str, EntityValue]:
        return {role: self._of(entity_id, role) for role, entity_id in self._chosen.items()}

    def _stack_values(self) -> dict[str, EntityValue]:
        stack = self._stack()
        if stack is None:
            return {}
        root = stack.client.installation.root.id
        return {role: value_of_reading(stack, Ref(root, role)) for role in ROLES}

    def _stack_alarm(self) -> list[EntityValue]:
        stack = self._stack()
        return [value_of_reading(stack, Ref(stack.client.installation.root.id, PROBLEM))] if stack else []

    def _of(self, entity_id: str, role: str | None) -> EntityValue:
        if role is None:
            return flag_of(self._hass, entity_id)
        if role in _VOLTAGES:
            return number_of(self._hass, entity_id, ElectricPotentialConverter, UnitOfElectricPotential.VOLT)
        return number_of(self._hass, entity_id)


def suggested(hass: HomeAssistant) -> dict[str, Any]:
    """Entities of the one Pylontech stack that there is, for the options form; what is switched off is left out."""
    stack = Battery(hass, {})._stack()
    if stack is None:
        return {}
    root = stack.client.installation.root.id
    found = {role: entity_id for role in ROLES if (entity_id := entity_of(hass, stack, Ref(root, role)))}
    if (alarm := entity_of(hass, stack, Ref(root, PROBLEM))) is not None:
        return {**found, ALARM: [alarm]}
    return dict(found)
