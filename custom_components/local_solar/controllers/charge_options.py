"""The owner's options of the charge manager, and the settings that they make."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import voluptuous as vol
from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN, SensorDeviceClass
from homeassistant.const import UnitOfElectricCurrent, UnitOfElectricPotential, UnitOfPower, UnitOfTime
from homeassistant.helpers import selector

from ..solarlink.control.charge_model import Settings

SECTION = "charge_manager"
"""Section of the options form, and name under which its answers are kept."""

CAPACITY = "battery_capacity"
PROVE = "prove_float_voltage"
TEMPERATURE = "temperature_sensor"
DEFAULT_CAPACITY = 200.0

MINUTE, HOUR = 60.0, 3600.0

_TIMES: Mapping[str, tuple[str, float]] = {
    "tail_hold": ("tail_hold", MINUTE),
    "min_absorption": ("min_absorption", MINUTE),
    "max_absorption": ("max_absorption", MINUTE),
    "rebulk_delay": ("rebulk_delay", MINUTE),
    "start_delay": ("start_delay", MINUTE),
    "end_of_day": ("end_of_day", MINUTE),
    "max_boosted": ("max_boosted", HOUR),
}
"""Option to the field of ``Settings`` and the seconds of its unit."""

_PLAIN = (
    "tail_current",
    "rebulk_voltage",
    "rebulk_in_float",
    "start_power",
    "write_budget",
    "max_temperature",
    "grid_charge",
    "other_battery_type",
)
"""Options that are fields of ``Settings`` as they are."""


def _number(minimum: float, maximum: float, step: float, unit: str | None = None) -> selector.NumberSelector:
    config = selector.NumberSelectorConfig(min=minimum, max=maximum, step=step, mode=selector.NumberSelectorMode.BOX)
    if unit:
        config["unit_of_measurement"] = unit
    return selector.NumberSelector(config)


_VOLTAGE = _number(5, 70, 0.1, UnitOfElectricPotential.VOLT)

OPTIONS: Mapping[vol.Marker, Any] = {
    vol.Required(CAPACITY, default=DEFAULT_CAPACITY): _number(10, 5000, 1, "Ah"),
    vol.Required(PROVE, default=False): selector.BooleanSelector(),
    vol.Optional("absorption_voltage"): _VOLTAGE,
    vol.Optional("float_voltage"): _VOLTAGE,
    vol.Optional("tail_current"): _number(0.1, 200, 0.1, UnitOfElectricCurrent.AMPERE),
    vol.Optional("tail_hold", default=10): _number(1, 120, 1, UnitOfTime.MINUTES),
    vol.Optional("min_absorption", default=15): _number(1, 600, 1, UnitOfTime.MINUTES),
    vol.Optional("max_absorption", default=240): _number(10, 720, 1, UnitOfTime.MINUTES),
    vol.Optional("rebulk_voltage"): _VOLTAGE,
    vol.Optional("rebulk_delay", default=10): _number(1, 120, 1, UnitOfTime.MINUTES),
    vol.Optional("rebulk_in_float", default=False): selector.BooleanSelector(),
    vol.Optional("start_power", default=50): _number(10, 2000, 1, UnitOfPower.WATT),
    vol.Optional("start_delay", default=5): _number(1, 60, 1, UnitOfTime.MINUTES),
    vol.Optional("end_of_day", default=60): _number(10, 300, 1, UnitOfTime.MINUTES),
    vol.Optional("max_boosted", default=14): _number(1, 24, 1, UnitOfTime.HOURS),
    vol.Optional("write_budget", default=6): _number(2, 20, 1),
    vol.Optional(TEMPERATURE): selector.EntitySelector(
        selector.EntitySelectorConfig(domain=SENSOR_DOMAIN, device_class=SensorDeviceClass.TEMPERATURE)
    ),
    vol.Optional("max_temperature"): _number(20, 70, 1, "°C"),
    vol.Optional("grid_charge", default=False): selector.BooleanSelector(),
    vol.Optional("other_battery_type", default=False): selector.BooleanSelector(),
}


def charge_settings(
    options: Mapping[str, Any], *, system_voltage: int, bulk: float, float_voltage: float, dry_run: bool
) -> Settings:
    """The settings for a charger whose own voltages are these (V); what the owner has not set gets its default."""
    chosen: dict[str, Any] = {name: options[name] for name in _PLAIN if options.get(name) is not None}
    for name, (field, seconds) in _TIMES.items():
        if options.get(name) is not None:
            chosen[field] = options[name] * seconds
    if "write_budget" in chosen:
        chosen["write_budget"] = int(chosen["write_budget"])
    bulk = options.get("absorption_voltage") or bulk
    float_voltage = options.get("float_voltage") or float_voltage
    capacity = float(options.get(CAPACITY, DEFAULT_CAPACITY))
    settings = Settings.for_system(system_voltage, capacity, bulk, float_voltage)
    return replace(settings, **chosen, dry_run=dry_run)
