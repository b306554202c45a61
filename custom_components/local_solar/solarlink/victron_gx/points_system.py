"""The points of the GX itself: what it knows of the whole installation, and its settings (reference section 2.2)."""

from typing import Any

from ..points import Pace, Part, Quantity, Risk
from .alarms import PHASES
from .registers import Service
from .source import NO_LIMIT, GxPoint, Make, Table, Zero
from .states import ACTIVE_INPUT, BATTERY_LIFE, DIRECTION, ESS_MODE

SYSTEM = "system"
"""Kind of the root."""
_ON: dict[str, Any] = {"enabled": True}
_BATTERY: dict[str, Any] = {"zero": Zero.BATTERY}
_system = Table(SYSTEM, Service.SYSTEM)
_settings = Table(SYSTEM, Service.SETTINGS)


def _phases(name: str) -> tuple[str, ...]:
    return tuple(f"{name}_l{phase}" for phase in PHASES)


def _total(key: str, name: str, registers: tuple[str, ...], **more: Any) -> GxPoint:
    return _system(key, name, *registers, make=Make.SUM, **more)


def _each(key: str, name: str, register: str) -> tuple[GxPoint, ...]:
    return tuple(_system(f"{key}_l{phase}", f"{name} L{phase}", f"{register}_l{phase}") for phase in PHASES)


_AC_PV = tuple(name for place in ("output", "grid", "generator") for name in _phases(f"pv_on_{place}"))
_grid_power = _total("grid_power", "Grid power", _phases("grid"), **_ON)
_load_power = _total("load_power", "Load power", _phases("consumption"), **_ON)
_pv_total = _total("pv_total_power", "PV power with grid-tied inverters", ("pv_power", *_AC_PV))
_battery_power = _system("battery_power", "Battery power", make=Make.OPPOSITE, **_BATTERY, **_ON)

MEASURED: tuple[GxPoint, ...] = (
    _system("state_of_charge", "State of charge", quantity=Quantity.STATE_OF_CHARGE, zero=Zero.MONITOR, **_ON),
    _battery_power,
    _system("battery_voltage", "Battery voltage", zero=Zero.NONE, **_ON),
    # As the device shows it: positive while charging.
    _system("battery_current", "Battery current", **_BATTERY, **_ON),
    _system("battery_direction", "Battery direction", options=DIRECTION, **_BATTERY, **_ON),
    _system("consumed_charge", "Consumed charge", **_BATTERY),
    _system("time_to_discharge", "Time to discharge", "time_to_go", zero=Zero.NONE),
    _grid_power,
    *_each("grid_power", "Grid power", "grid"),
    _load_power,
    *_each("load_power", "Load power", "consumption"),
    _system("pv_power", "PV power", **_ON),
    _pv_total,
    _total("grid_tied_pv_power", "Grid-tied PV power", _AC_PV),
    _system("pv_current", "PV current"),
    _system("dc_system_power", "DC system power", **_ON),
    _total("generator_power", "Generator power", _phases("generator")),
    # As the device shows them: positive while charging.
    _system("vebus_dc_power", "VE.Bus DC power", "vebus_power"),
    _system("vebus_dc_current", "VE.Bus DC current", "vebus_current"),
    _system("charger_dc_power", "Charger DC power", "charger_power"),
    _system("active_input", "Active input", options=ACTIVE_INPUT, **_ON),
)

ENERGIES: tuple[GxPoint, ...] = (
    _system.energy("grid_import_energy", "Grid import energy", _grid_power, **_ON),
    _system.energy("grid_export_energy", "Grid export energy", _grid_power, Part.NEGATIVE, **_ON),
    _system.energy("battery_energy_in", "Battery energy in", _battery_power, Part.NEGATIVE, **_ON),
    _system.energy("battery_energy_out", "Battery energy out", _battery_power, **_ON),
    _system.energy("pv_energy", "PV energy", _pv_total, **_ON),
    _system.energy("load_energy", "Load energy", _load_power, **_ON),
)

SETTINGS: tuple[GxPoint, ...] = (
    _settings.limited("ess_set_point", "ESS grid set point", low=-32000, high=32000, step=1, **_ON),
    # What these two count in hundreds has no exact "no limit"; only the registers that count single watts are used.
    _settings.limited(
        "maximum_discharge_power", "Maximum discharge power", low=NO_LIMIT, make=Make.LIMIT, high=300_000, step=1, **_ON
    ),
    _settings.limited(
        "maximum_feed_in_power",
        "Maximum feed-in power",
        low=NO_LIMIT,
        make=Make.LIMIT,
        high=300_000,
        step=1,
        risk=Risk.INSTALLER,
    ),
    _settings.limited(
        "dvcc_charge_current",
        "DVCC maximum charge current",
        "maximum_charge_current",
        low=NO_LIMIT,
        make=Make.LIMIT,
        high=5000,
        step=1,
        **_ON,
    ),
    _settings.limited("minimum_state_of_charge", "Minimum state of charge", low=0, high=100, step=1, **_ON),
    _settings.setting("ess_mode", "ESS mode", options=ESS_MODE, risk=Risk.INSTALLER),
    _settings.setting("feed_in_dc_excess", "Feed in excess DC-coupled PV", quantity=Quantity.FLAG, risk=Risk.INSTALLER),
    _settings.setting(
        "feed_in_ac_excess",
        "Feed in excess AC-coupled PV",
        "prevent_ac_excess",
        make=Make.NOT,
        quantity=Quantity.FLAG,
        risk=Risk.INSTALLER,
    ),
    _settings("ess_state", "ESS state", "battery_life_state", options=BATTERY_LIFE, pace=Pace.MINUTE, diagnostic=True),
)

POINTS: tuple[GxPoint, ...] = (*MEASURED, *ENERGIES, *SETTINGS)
