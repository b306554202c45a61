"""From a value to the commands that set it, in the order in which they are to be tried (reference section 7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..points import Value
from . import states
from .blocks import Dialect
from .codec import pi18
from .fields import Fields
from .manner import Manner
from .states import PriorityMap

_LETTERS = {key: letter for letter, key in states.FLAG_LETTERS.items()}
_PI18_LETTERS = {key: chr(ord("A") + n) for n, key in enumerate(states.PI18_FLAGS)}
_VOLTAGES = {
    "float_voltage": "PBFT",
    "absorption_voltage": "PCVV",
    "recharge_voltage": "PBCV",
    "redischarge_voltage": "PBDV",
    "cutoff_voltage": "PSDV",
}
_MINUTES_OR_DAYS = {
    "equalization_time": "PBEQT",
    "equalization_period": "PBEQP",
    "equalization_timeout": "PBEQOT",
    "max_discharge_current": "PBATMAXDISC",
}
_SWITCHES = {
    "equalization_enabled": "PBEQE",
    "equalization_active": "PBEQA",
    "solar_power_balance": "PSPB",
}
_TWO_DIGITS = {
    "battery_type": ("PBT", states.BATTERY_TYPES),
    "input_voltage_range": ("PGR", states.INPUT_RANGES),
    "operation_logic": ("POPLG", states.OPERATION_LOGICS),
    "charging_stages": ("PCST", states.CHARGING_STAGES),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a command depends on beside its value."""

    manner: Manner
    battery: int | None = 48
    """Battery class: 12, 24 or 48 V."""
    index: int = 0
    """Number of the unit in its parallel group."""
    grouped: bool = False
    """Whether there is such a group, so that some commands have to name the unit."""
    highest_utility_current: float = 0.0
    """Largest value in the list of charge currents from the grid, A."""
    automatic_time: int = 0
    """What stands for the automatic absorption time: 0, on a Plus Duo or Tri 255."""
    ratings: Fields = field(default_factory=dict)
    """The ratings, freshly read, for PI18 commands that set two voltages at once."""


def _code(options: Mapping[int, str], slug: Value) -> int:
    return next(code for code, each in options.items() if each == slug)


def _number(value: Value) -> float:
    assert isinstance(value, int | float)
    return float(value)


def commands(key: str, value: Value, place: Place) -> tuple[str, ...]:
    """The commands that may set ``key`` to ``value``, the most likely first; ``KeyError`` for what cannot be set."""
    if place.manner.dialect is Dialect.PI18:
        return tuple(pi18("S", body) for body in _pi18(key, value, place))
    return _pi30(key, value, place)


def _pi30(key: str, value: Value, place: Place) -> tuple[str, ...]:
    if key in _VOLTAGES:
        return (f"{_VOLTAGES[key]}{_number(value):04.1f}",)
    if key in _MINUTES_OR_DAYS:
        return (f"{_MINUTES_OR_DAYS[key]}{_number(value):03.0f}",)
    if key in _SWITCHES:
        return (f"{_SWITCHES[key]}{int(bool(value))}",)
    if key in _TWO_DIGITS:
        word, options = _TWO_DIGITS[key]
        return (f"{word}{_code(options, value):02d}",)
    if key in _LETTERS:
        return (f"P{'E' if value else 'D'}{_LETTERS[key]}",)
    match key:
        case "output_source_priority":
            return (f"POP{_code(states.OUTPUT_PRIORITY_MAPS[place.manner.output_map], value):02d}",)
        case "charger_source_priority":
            code = _code(states.CHARGER_PRIORITY_MAPS[place.manner.charger_map], value)
            # Of a group, each unit is set by its number.
            return (f"PPCP{place.index}{code:02d}",) if place.grouped else (f"PCP{code:02d}",)
        case "max_charge_current":
            return _charge_current(_number(value), place)
        case "max_utility_charge_current":
            return _utility_current(_number(value), place)
        case "max_absorption_time":
            return (f"PCVT{_number(value) or place.automatic_time:03.0f}",)
        case "pv_ok_condition":
            return (f"PPVOKC{_code(states.PV_CONDITIONS, value)}",)
        case "output_mode":
            code = _code(states.OUTPUT_MODES, value)
            return (f"POPM{code - 100 if code > 100 else code:02d}",)
        case "battery_control":
            return (f"PBATCD{_code(states.BATTERY_CONTROLS, value):03d}",)
        case "equalization_voltage":
            return (f"PBEQV{_number(value):05.2f}",)
    raise KeyError(key)


def _charge_current(amperes: float, place: Place) -> tuple[str, ...]:
    """Section 7.3: the form differs by model, and only the unit can tell which is right."""
    with_unit = f"MNCHGC{place.index}{amperes:03.0f}"
    if place.grouped:
        # A form without the number of the unit would set another one.
        return (with_unit, f"MCHGC{place.index}{amperes:02.0f}") if amperes < 100 else (with_unit,)
    old = f"MCHGC{amperes:03.0f}"
    return (with_unit, f"MNCHGC{amperes:03.0f}", old) if place.battery == 48 else (old, with_unit)


def _utility_current(amperes: float, place: Place) -> tuple[str, ...]:
    long, short = f"MUCHGC{place.index}{amperes:03.0f}", f"MUCHGC{place.index}{amperes:02.0f}"
    if not place.grouped:
        short = f"MUCHGC{amperes:03.0f}"
    if place.grouped and amperes >= 100:
        return (long,)
    return (long, short) if place.highest_utility_current > 99 else (short, long)


def _tenths(value: Value) -> str:
    return f"{round(_number(value) * 10):03d}"


def _pi18(key: str, value: Value, place: Place) -> tuple[str, ...]:
    if key in _PI18_LETTERS:
        return (f"P{'E' if value else 'D'}{_PI18_LETTERS[key]}",)
    both = dict(place.ratings) | {key: value}
    match key:
        case "absorption_voltage" | "float_voltage":
            return (f"MCHGV{_tenths(both['absorption_voltage'])},{_tenths(both['float_voltage'])}",)
        case "recharge_voltage" | "redischarge_voltage":
            return (f"BUCD{_tenths(both['recharge_voltage'])},{_tenths(both['redischarge_voltage'])}",)
        case "cutoff_voltage":
            return (f"PSDV{_tenths(value)}",)
        case "output_source_priority":
            return (f"POP{_code(states.PI18_OUTPUT_PRIORITIES, value)}",)
        case "charger_source_priority":
            return (f"PCP{place.index},{_code(states.CHARGER_PRIORITY_MAPS[PriorityMap.SHIFTED], value)}",)
        case "max_charge_current":
            return (f"MCHGC{place.index},{_number(value):03.0f}",)
        case "max_utility_charge_current":
            return (f"MUCHGC{place.index},{_number(value):03.0f}",)
        case "input_voltage_range":
            return (f"PGR{_code(states.INPUT_RANGES, value)}",)
        case "battery_type":
            return (f"PBT{_code(states.BATTERY_TYPES, value)}",)
        case "solar_power_priority":
            return (f"PSP{_code(states.PV_ORDERS, value)}",)
        case "output_mode":
            return (f"POPM{place.index},{_code(states.OUTPUT_MODES, value)}",)
    raise KeyError(key)


def set_clock(dialect: Dialect, at: datetime) -> str:
    """The command that sets the unit's clock to the wall-clock time ``at``."""
    body = f"DAT{at:%y%m%d%H%M%S}"
    return pi18("S", body) if dialect is Dialect.PI18 else body


SETTABLE: Mapping[Dialect, frozenset[str]] = {
    dialect: frozenset(
        {
            *_VOLTAGES,
            *_MINUTES_OR_DAYS,
            *_SWITCHES,
            *_TWO_DIGITS,
            *_LETTERS,
            "output_source_priority",
            "charger_source_priority",
            "max_charge_current",
            "max_utility_charge_current",
            "max_absorption_time",
            "pv_ok_condition",
            "output_mode",
            "battery_control",
            "equalization_voltage",
        }
    )
    for dialect in (Dialect.PI30, Dialect.PI30MAX, Dialect.PI41)
} | {
    Dialect.PI18: frozenset(
        {
            *_PI18_LETTERS,
            *_VOLTAGES,
            "output_source_priority",
            "charger_source_priority",
            "max_charge_current",
            "max_utility_charge_current",
            "input_voltage_range",
            "battery_type",
            "solar_power_priority",
            "output_mode",
        }
    )
}
"""What each dialect has a command for."""
