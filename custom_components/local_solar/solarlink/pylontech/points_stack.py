"""What is known of all modules together: totals, extremes, alarms (reference sections 5, 6.9 and 6.11)."""

from typing import Any

from ..points import Counting, Integral, Pace, Part, Point, Quantity
from . import alarms, states
from .blocks import STACK, Block, PylontechPoint, Source

_LIVE = Source(Block.POWER, Block.ANALOG)
_ALARMS = Source(Block.POWER, Block.ALARMS)
_CLOCK = Source(Block.POWER)
_SYSTEM = Source(Block.SYSTEM)


def _at(source: Source, key: str, name: str, quantity: Quantity, unit: str = "", **more: Any) -> PylontechPoint:
    return Point(key=key, name=name, unit_kind=STACK, quantity=quantity, unit=unit, address=source, **more)


def _integral(key: str, name: str, part: Part) -> PylontechPoint:
    return _at(
        _LIVE,
        key,
        name,
        Quantity.ENERGY,
        "kWh",
        counting=Counting.TOTAL,
        enabled=True,
        integral=Integral("battery_power", part),
    )


_SLOW: dict[str, Any] = {"pace": Pace.MINUTE, "diagnostic": True}
_LEVEL, _VOLTAGE, _DEGREES = Quantity.STATE_OF_CHARGE, Quantity.VOLTAGE, Quantity.TEMPERATURE
_CELL_VOLTAGE = Quantity.CELL_VOLTAGE

POINTS: tuple[PylontechPoint, ...] = (
    _at(_LIVE, "state_of_charge", "State of charge", _LEVEL, "%", enabled=True),
    _at(_LIVE, "lowest_state_of_charge", "Lowest state of charge", _LEVEL, "%", enabled=True),
    _at(_LIVE, "highest_state_of_charge", "Highest state of charge", _LEVEL, "%"),
    _at(_LIVE, "battery_power", "Battery power", Quantity.POWER, "W", enabled=True),
    _integral("battery_energy_in", "Battery energy in", Part.NEGATIVE),
    _integral("battery_energy_out", "Battery energy out", Part.POSITIVE),
    _at(_LIVE, "battery_voltage", "Battery voltage", _VOLTAGE, "V", enabled=True),
    # Positive while charging, as the console and the other families have it.
    _at(_LIVE, "battery_current", "Battery current", Quantity.CURRENT, "A", enabled=True),
    _at(_LIVE, "battery_state", "Battery state", Quantity.STATE, options=states.BATTERY_STATES, enabled=True),
    _at(_LIVE, "highest_temperature", "Highest temperature", _DEGREES, "°C", enabled=True),
    _at(_LIVE, "lowest_temperature", "Lowest temperature", _DEGREES, "°C"),
    _at(_LIVE, "highest_cell_temperature", "Highest cell temperature", _DEGREES, "°C", enabled=True),
    _at(_LIVE, "lowest_cell_temperature", "Lowest cell temperature", _DEGREES, "°C", enabled=True),
    _at(_LIVE, "highest_cell_voltage", "Highest cell voltage", _CELL_VOLTAGE, "V", enabled=True),
    _at(_LIVE, "lowest_cell_voltage", "Lowest cell voltage", _CELL_VOLTAGE, "V", enabled=True),
    _at(_LIVE, "cell_voltage_spread", "Cell voltage spread", _CELL_VOLTAGE, "V", enabled=True),
    _at(_LIVE, "cell_balance", "Cell balance", Quantity.STATE, options=states.BALANCES, diagnostic=True),
    _at(_LIVE, "remaining_capacity", "Remaining capacity", Quantity.CHARGE, "Ah"),
    _at(_LIVE, "total_capacity", "Total capacity", Quantity.CHARGE, "Ah", pace=Pace.SLOW, diagnostic=True),
    _at(_LIVE, "weakest_module", "Weakest module", Quantity.COUNT, diagnostic=True),
    _at(_LIVE, "modules_answering", "Modules answering", Quantity.COUNT, enabled=True, diagnostic=True),
    _at(_ALARMS, "battery_problem", "Battery problem", Quantity.PROBLEM, enabled=True),
    _at(_ALARMS, "active_alarms", "Active alarms", Quantity.TEXT, enabled=True, diagnostic=True),
    _at(_ALARMS, "battery_alarm", "Battery alarm", Quantity.EVENT, options=alarms.KINDS, enabled=True),
    _at(_CLOCK, "device_clock", "Device clock", Quantity.TIMESTAMP, **_SLOW),
    _at(_CLOCK, "clock_drift", "Clock drift", Quantity.DURATION, "s", **_SLOW),
    _at(_SYSTEM, "system_state_of_charge", "System state of charge", _LEVEL, "%", pace=Pace.MINUTE),
    _at(_SYSTEM, "state_of_health", "State of health", Quantity.PERCENTAGE, "%", enabled=True, **_SLOW),
    _at(_SYSTEM, "charge_voltage_limit", "Charge voltage limit", _VOLTAGE, "V", **_SLOW),
    _at(_SYSTEM, "discharge_voltage_limit", "Discharge voltage limit", _VOLTAGE, "V", **_SLOW),
    _at(_SYSTEM, "charge_current_limit", "Charge current limit", Quantity.CURRENT, "A", **_SLOW),
    _at(_SYSTEM, "discharge_current_limit", "Discharge current limit", Quantity.CURRENT, "A", **_SLOW),
)
