"""The points of the battery that the GX goes by (reference section 2.2)."""

from typing import Any

from ..points import Counting, Pace, Part, Quantity
from .alarms import BATTERY_ALARMS, RARE_ALARMS
from .registers import Service
from .source import GxPoint, Make, Table, Zero
from .states import ALARM_LEVELS

BATTERY = "battery"
_ON: dict[str, Any] = {"enabled": True}
_MINUTE: dict[str, Any] = {"pace": Pace.MINUTE}
_SLOW: dict[str, Any] = {"pace": Pace.SLOW}
_PRESENT: dict[str, Any] = {"zero": Zero.BATTERY}
_NEVER_ZERO: dict[str, Any] = {"zero": Zero.NONE}
_battery = Table(BATTERY, Service.BATTERY)

_REGISTERS = tuple(f"{alarm}_alarm" for alarm in (*BATTERY_ALARMS, *RARE_ALARMS))

_power = _battery("battery_power", "Battery power", "power", make=Make.OPPOSITE, **_PRESENT, **_ON)

POINTS: tuple[GxPoint, ...] = (
    _battery("state_of_charge", "State of charge", quantity=Quantity.STATE_OF_CHARGE, **_PRESENT, **_ON),
    _power,
    _battery("battery_voltage", "Battery voltage", "voltage", **_NEVER_ZERO, **_ON),
    # As the device shows it: positive while charging.
    _battery("battery_current", "Battery current", "current", **_PRESENT, **_ON),
    _battery("battery_temperature", "Battery temperature", "temperature", **_NEVER_ZERO, **_ON),
    _battery("charge_current_limit", "Charge current limit", **_PRESENT, **_ON),
    _battery("discharge_current_limit", "Discharge current limit", **_PRESENT, **_ON),
    _battery("charge_voltage_limit", "Charge voltage limit", **_NEVER_ZERO, **_ON),
    _battery("discharge_voltage_limit", "Discharge voltage limit", **_NEVER_ZERO),
    _battery(
        "charge_enabled",
        "Charging allowed",
        "charge_allowed",
        quantity=Quantity.FLAG,
        other="charge_current_limit",
        **_PRESENT,
    ),
    _battery(
        "discharge_enabled",
        "Discharging allowed",
        "discharge_allowed",
        quantity=Quantity.FLAG,
        other="discharge_current_limit",
        **_PRESENT,
    ),
    _battery("lowest_cell_voltage", "Lowest cell voltage", quantity=Quantity.CELL_VOLTAGE, **_NEVER_ZERO),
    _battery("highest_cell_voltage", "Highest cell voltage", quantity=Quantity.CELL_VOLTAGE, **_NEVER_ZERO),
    _battery(
        "cell_voltage_spread",
        "Cell voltage spread",
        "highest_cell_voltage",
        "lowest_cell_voltage",
        make=Make.DIFFERENCE,
        quantity=Quantity.CELL_VOLTAGE,
        **_NEVER_ZERO,
    ),
    _battery("lowest_cell_temperature", "Lowest cell temperature", **_NEVER_ZERO),
    _battery("highest_cell_temperature", "Highest cell temperature", **_NEVER_ZERO),
    _battery("consumed_charge", "Consumed charge", **_PRESENT),
    _battery("time_to_discharge", "Time to discharge", "time_to_go", **_NEVER_ZERO),
    _battery("state_of_health", "State of health", **_NEVER_ZERO, **_SLOW, diagnostic=True),
    _battery("total_capacity", "Total capacity", "capacity", **_NEVER_ZERO, **_SLOW, diagnostic=True),
    _battery("cycles", "Cycles", "charge_cycles", counting=Counting.TOTAL, **_NEVER_ZERO, **_SLOW, diagnostic=True),
    _battery(
        "battery_energy_in_counter",
        "Battery energy in counter",
        "charged_energy",
        counting=Counting.TOTAL,
        **_NEVER_ZERO,
        **_MINUTE,
    ),
    _battery(
        "battery_energy_out_counter",
        "Battery energy out counter",
        "discharged_energy",
        counting=Counting.TOTAL,
        **_NEVER_ZERO,
        **_MINUTE,
    ),
    # The same as the system's energies, for the Energy dashboard only where the battery counts by itself.
    _battery.energy("battery_energy_in", "Battery energy in", _power, Part.NEGATIVE, "battery_energy_in_counter"),
    _battery.energy("battery_energy_out", "Battery energy out", _power, Part.POSITIVE, "battery_energy_out_counter"),
    _battery("battery_problem", "Battery problem", *_REGISTERS, make=Make.PROBLEM, quantity=Quantity.PROBLEM, **_ON),
    _battery(
        "active_alarms", "Active alarms", *_REGISTERS, make=Make.ALARMS, quantity=Quantity.TEXT, diagnostic=True, **_ON
    ),
    *(
        _battery(f"{alarm}_alarm", f"{name} alarm", make=Make.LEVEL, options=ALARM_LEVELS, diagnostic=True)
        for alarm, name in BATTERY_ALARMS.items()
    ),
)
