"""The points of the inverter and charger on VE.Bus (reference section 2.2)."""

from typing import Any

from ..points import Pace, Quantity, Risk
from .alarms import PHASES, VEBUS_ALARMS, vebus_registers
from .registers import Service
from .source import GxPoint, Make, Table, Zero
from .states import ALARM_LEVELS, VEBUS_INPUT, VEBUS_MODE, VEBUS_STATE

VEBUS = "vebus"
_ON: dict[str, Any] = {"enabled": True}
_NEVER_ZERO: dict[str, Any] = {"zero": Zero.NONE}
_vebus = Table(VEBUS, Service.VEBUS)

_REGISTERS = tuple(register for alarm in VEBUS_ALARMS for register in vebus_registers(alarm))


def _power(key: str, name: str, register: str) -> tuple[GxPoint, ...]:
    registers = tuple(f"{register}_l{phase}" for phase in PHASES)
    return (
        _vebus(key, name, *registers, make=Make.SUM, **_ON),
        *(_vebus(f"{key}_l{phase}", f"{name} L{phase}", f"{register}_l{phase}") for phase in PHASES),
    )


POINTS: tuple[GxPoint, ...] = (
    _vebus("vebus_state", "VE.Bus state", "state", options=VEBUS_STATE, **_ON),
    _vebus(
        "on_own_inverter",
        "House on its own inverter",
        "state",
        *(f"output_power_l{phase}" for phase in PHASES),
        make=Make.ISLANDED,
        quantity=Quantity.FLAG,
        **_ON,
    ),
    # Off and charger only drop the loads when the grid is away.
    _vebus.setting("vebus_mode", "VE.Bus mode", "mode", options=VEBUS_MODE, risk=Risk.OUTAGE, **_ON),
    *_power("ac_input_power", "AC input power", "input_power"),
    *_power("ac_output_power", "AC output power", "output_power"),
    _vebus("ac_input_voltage", "AC input voltage", "input_voltage_l1"),
    _vebus("ac_input_current", "AC input current", "input_current_l1"),
    _vebus("ac_input_frequency", "AC input frequency", "input_frequency"),
    _vebus("ac_output_voltage", "AC output voltage", "output_voltage_l1"),
    _vebus("ac_output_current", "AC output current", "output_current_l1"),
    _vebus("ac_output_frequency", "AC output frequency", "output_frequency"),
    _vebus("vebus_input", "Active AC input", "active_input", options=VEBUS_INPUT),
    _vebus.limited(
        "ac_input_current_limit", "AC input current limit", "input_current_limit", low=0, high=3000, step=0.1
    ),
    _vebus("battery_voltage", "Battery voltage", **_NEVER_ZERO),
    # As the device shows it: positive while charging.
    _vebus("battery_current", "Battery current"),
    _vebus("battery_temperature", "Battery temperature", **_NEVER_ZERO),
    _vebus("vebus_set_point", "VE.Bus set point", "ess_set_point_l1", diagnostic=True),
    _vebus("vebus_error", "VE.Bus error", "error", pace=Pace.MINUTE, diagnostic=True),
    _vebus(
        "vebus_problem",
        "VE.Bus problem",
        *_REGISTERS,
        "error",
        make=Make.PROBLEM,
        quantity=Quantity.PROBLEM,
        **_ON,
    ),
    _vebus(
        "active_alarms", "Active alarms", *_REGISTERS, make=Make.ALARMS, quantity=Quantity.TEXT, diagnostic=True, **_ON
    ),
    *(
        _vebus(
            f"{alarm}_alarm",
            f"{name} alarm",
            *vebus_registers(alarm),
            make=Make.LEVEL,
            options=ALARM_LEVELS,
            diagnostic=True,
        )
        for alarm, name in VEBUS_ALARMS.items()
    ),
)
