"""The owner's options of the state-of-charge control, and the settings that they make."""

from collections.abc import Mapping
from typing import Any

import voluptuous as vol
from homeassistant.components.binary_sensor import DOMAIN as BINARY_SENSOR_DOMAIN
from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN, SensorDeviceClass
from homeassistant.const import UnitOfElectricPotential, UnitOfTime
from homeassistant.helpers import selector

from ..solarlink.control.soc_model import CUT_OUT, DELAY, HYSTERESIS, PROTECTION, Settings

SECTION = "soc_control"
"""Section of the options form, and name under which its answers are kept."""

MEAN = "state_of_charge"
LOWEST = "lowest_state_of_charge"
LOWEST_CELL = "lowest_cell_voltage"
HIGHEST_CELL = "highest_cell_voltage"
ALARM = "alarm"
ROLES = (MEAN, LOWEST, LOWEST_CELL, HIGHEST_CELL)
"""Values of the battery that entities may give."""
DEFAULT_LOWEST_CELL = 3.0
SHORTEST_MAX_AGE = 90.0
"""Default of the age up to which values are believed, unless three times the pace of the battery is more, s."""
MINUTE = 60.0


def _number(minimum: float, maximum: float, step: float, unit: str | None = None) -> selector.NumberSelector:
    config = selector.NumberSelectorConfig(min=minimum, max=maximum, step=step, mode=selector.NumberSelectorMode.BOX)
    if unit:
        config["unit_of_measurement"] = unit
    return selector.NumberSelector(config)


def _sensor(device_class: SensorDeviceClass) -> selector.EntitySelector:
    # A state of charge made by a template may have no device class, so that of batteries is not asked for.
    if device_class is SensorDeviceClass.BATTERY:
        return selector.EntitySelector(selector.EntitySelectorConfig(domain=SENSOR_DOMAIN))
    return selector.EntitySelector(selector.EntitySelectorConfig(domain=SENSOR_DOMAIN, device_class=device_class))


_VOLT = UnitOfElectricPotential.VOLT

OPTIONS: Mapping[vol.Marker, Any] = {
    vol.Optional(MEAN): _sensor(SensorDeviceClass.BATTERY),
    vol.Optional(LOWEST): _sensor(SensorDeviceClass.BATTERY),
    vol.Optional(LOWEST_CELL): _sensor(SensorDeviceClass.VOLTAGE),
    vol.Optional(HIGHEST_CELL): _sensor(SensorDeviceClass.VOLTAGE),
    vol.Optional(ALARM): selector.EntitySelector(
        selector.EntitySelectorConfig(domain=BINARY_SENSOR_DOMAIN, multiple=True)
    ),
    vol.Optional("max_age"): _number(30, 900, 1, UnitOfTime.SECONDS),
    vol.Optional("longest_unchanged", default=120): _number(0, 1440, 1, UnitOfTime.MINUTES),
    vol.Optional("lowest_cell", default=DEFAULT_LOWEST_CELL): _number(2, 4, 0.01, _VOLT),
    vol.Optional("highest_cell"): _number(3, 4.5, 0.01, _VOLT),
    vol.Optional("shortest_on", default=10): _number(0, 240, 1, UnitOfTime.MINUTES),
    vol.Optional("shortest_off", default=10): _number(0, 240, 1, UnitOfTime.MINUTES),
    vol.Optional("write_budget", default=8): _number(2, 24, 1),
    vol.Optional("grid_support", default=True): selector.BooleanSelector(),
    vol.Optional(CUT_OUT): _number(10, 60, 0.1, _VOLT),
    vol.Optional(HYSTERESIS): _number(0.2, 10, 0.1, _VOLT),
    vol.Optional(DELAY): _number(1, 190, 1, UnitOfTime.SECONDS),
}


def soc_settings(
    options: Mapping[str, Any],
    *,
    charged: float,
    empty: float,
    roles: frozenset[str],
    pace: float | None,
    dry_run: bool,
) -> Settings:
    """The settings for a battery that tells ``roles`` (and ``ALARM``), every ``pace`` s where that is known."""
    limits = {
        "lowest_cell": options.get("lowest_cell", DEFAULT_LOWEST_CELL) if LOWEST_CELL in roles else None,
        "highest_cell": options.get("highest_cell") if HIGHEST_CELL in roles else None,
    }
    return Settings(
        charged=charged,
        empty=empty,
        max_age=options.get("max_age") or max(SHORTEST_MAX_AGE, 3.0 * (pace or 0.0)),
        longest_unchanged=options.get("longest_unchanged", 120) * MINUTE,
        alarm=ALARM in roles,
        shortest_on=options.get("shortest_on", 10) * MINUTE,
        shortest_off=options.get("shortest_off", 10) * MINUTE,
        write_budget=int(options.get("write_budget", 8)),
        grid_support=options.get("grid_support", True),
        protection={key: float(options[key]) for key in PROTECTION if options.get(key) is not None},
        dry_run=dry_run,
        **limits,
    )
