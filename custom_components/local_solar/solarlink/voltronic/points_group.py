"""The other units of a parallel group, as the polled one tells of them (reference section 6.7)."""

from dataclasses import replace
from typing import Any

from ..points import Access, Counting, Integral, Pace, Part, Point, Quantity, Wear
from . import states
from .alarms import FAULT_CODES
from .blocks import MEMBER, Block, Source, VoltronicPoint


def _at(key: str, name: str, quantity: Quantity, unit: str = "", **more: Any) -> VoltronicPoint:
    block = more.pop("block", Block.PARALLEL)
    more.setdefault("pace", Pace.MINUTE)
    return Point(key=key, name=name, unit_kind=MEMBER, quantity=quantity, unit=unit, address=Source(block), **more)


def _energy(key: str, name: str, source: str, part: Part = Part.POSITIVE) -> VoltronicPoint:
    return _at(
        key, name, Quantity.ENERGY, "kWh", counting=Counting.TOTAL, enabled=True, integral=Integral(source, part)
    )


MEASURED: tuple[VoltronicPoint, ...] = (
    _at("inverter_mode", "Operating mode", Quantity.STATE, options=states.MODES, enabled=True),
    _at("fault_code", "Fault code", Quantity.STATE, options=FAULT_CODES, enabled=True, diagnostic=True),
    _at("fault", "Fault", Quantity.PROBLEM, enabled=True),
    _at("ac_output_power", "AC output power", Quantity.POWER, "W", enabled=True),
    _at("ac_output_apparent_power", "AC output apparent power", Quantity.APPARENT_POWER, "VA"),
    _at("load_percent", "Load", Quantity.PERCENTAGE, "%", enabled=True),
    _at("pv_power", "PV power", Quantity.POWER, "W", enabled=True),
    _at("pv1_voltage", "PV1 voltage", Quantity.VOLTAGE, "V", enabled=True),
    _at("pv1_current", "PV1 current", Quantity.CURRENT, "A"),
    _at("pv1_power", "PV1 power", Quantity.POWER, "W"),
    _at("pv2_voltage", "PV2 voltage", Quantity.VOLTAGE, "V"),
    _at("pv2_current", "PV2 current", Quantity.CURRENT, "A"),
    _at("pv2_power", "PV2 power", Quantity.POWER, "W"),
    _at("pv3_voltage", "PV3 voltage", Quantity.VOLTAGE, "V"),
    _at("pv3_current", "PV3 current", Quantity.CURRENT, "A"),
    _at("pv3_power", "PV3 power", Quantity.POWER, "W"),
    _at("battery_power", "Battery power", Quantity.POWER, "W", enabled=True),
    _at("battery_voltage", "Battery voltage", Quantity.VOLTAGE, "V", enabled=True),
    _at("battery_current", "Battery current", Quantity.CURRENT, "A"),
    _at("battery_charge_current", "Battery charge current", Quantity.CURRENT, "A"),
    _at("battery_discharge_current", "Battery discharge current", Quantity.CURRENT, "A"),
    _at("state_of_charge", "State of charge", Quantity.STATE_OF_CHARGE, "%"),
    _at("grid_present", "Grid present", Quantity.FLAG),
    _at("ac_input_voltage", "AC input voltage", Quantity.VOLTAGE, "V"),
    _at("ac_input_frequency", "AC input frequency", Quantity.FREQUENCY, "Hz"),
    _at("ac_output_voltage", "AC output voltage", Quantity.VOLTAGE, "V"),
    _at("ac_output_frequency", "AC output frequency", Quantity.FREQUENCY, "Hz"),
    _at("load_on", "Load on", Quantity.FLAG),
    _at("solar_charging", "Charging from solar", Quantity.FLAG),
    _at("utility_charging", "Charging from the grid", Quantity.FLAG),
    _at("scc_ok", "Solar charger in order", Quantity.FLAG, diagnostic=True),
    _at("battery_status", "Battery status", Quantity.STATE, options=states.BATTERY_STATUS, diagnostic=True),
    _at("output_mode", "Output mode", Quantity.STATE, options=states.OUTPUT_MODES, diagnostic=True),
    _at("max_charge_range", "Charge current that the unit is built for", Quantity.CURRENT, "A", diagnostic=True),
    _at("highest_temperature", "Highest temperature", Quantity.TEMPERATURE, "°C", diagnostic=True),
    _at("mppt1_status", "MPPT1 status", Quantity.STATE, options=states.CHARGER_STATUS, diagnostic=True),
    _at("mppt2_status", "MPPT2 status", Quantity.STATE, options=states.CHARGER_STATUS, diagnostic=True),
    _at("battery_direction", "Battery direction", Quantity.STATE, options=states.BATTERY_DIRECTIONS, diagnostic=True),
    _at(
        "dc_ac_direction",
        "Direction between DC and AC",
        Quantity.STATE,
        options=states.DC_AC_DIRECTIONS,
        diagnostic=True,
    ),
    _at("line_direction", "Grid direction", Quantity.STATE, options=states.LINE_DIRECTIONS, diagnostic=True),
    _at("feed_in_active", "Feeding into the grid", Quantity.FLAG, block=Block.PARALLEL_FEED),
    _at("feed_in_power", "Feed-in power", Quantity.POWER, "W", block=Block.PARALLEL_FEED),
    _energy("load_energy", "Load energy", "ac_output_power"),
    _energy("battery_energy_in", "Battery energy in", "battery_power", Part.NEGATIVE),
    _energy("battery_energy_out", "Battery energy out", "battery_power"),
)

_L2: dict[str, Any] = {"block": Block.PARALLEL_SECOND}
SECOND_PHASE: tuple[VoltronicPoint, ...] = (
    _at("l2_ac_input_voltage", "L2 AC input voltage", Quantity.VOLTAGE, "V", **_L2),
    _at("l2_ac_input_frequency", "L2 AC input frequency", Quantity.FREQUENCY, "Hz", **_L2),
    _at("l2_ac_output_voltage", "L2 AC output voltage", Quantity.VOLTAGE, "V", **_L2),
    _at("l2_ac_output_frequency", "L2 AC output frequency", Quantity.FREQUENCY, "Hz", **_L2),
    _at("l2_ac_output_power", "L2 AC output power", Quantity.POWER, "W", enabled=True, **_L2),
    _at("l2_ac_output_apparent_power", "L2 AC output apparent power", Quantity.APPARENT_POWER, "VA", **_L2),
    _at("l2_load_percent", "L2 load", Quantity.PERCENTAGE, "%", **_L2),
    _at("l2_battery_voltage", "L2 battery voltage", Quantity.VOLTAGE, "V", diagnostic=True, **_L2),
    _at("l2_utility_charging", "L2 charging from the grid", Quantity.FLAG, **_L2),
    _at("l2_grid_present", "L2 grid present", Quantity.FLAG, **_L2),
    _at("l2_load_on", "L2 load on", Quantity.FLAG, **_L2),
)

_SETTING: dict[str, Any] = {"access": Access.READ_WRITE, "wear": Wear.FLASH, "pace": Pace.MINUTE}
SETTINGS: tuple[VoltronicPoint, ...] = (
    _at(
        "charger_source_priority",
        "Charger source priority",
        Quantity.STATE,
        options=states.CHARGER_PRIORITIES,
        **_SETTING,
    ),
    _at("max_charge_current", "Maximum charge current", Quantity.CURRENT, "A", listed=True, **_SETTING),
    _at(
        "max_utility_charge_current",
        "Maximum charge current from the grid",
        Quantity.CURRENT,
        "A",
        listed=True,
        **_SETTING,
    ),
)

POINTS = (*MEASURED, *SECOND_PHASE, *(replace(point, unit_kind=MEMBER) for point in SETTINGS))
