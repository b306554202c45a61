"""What a unit measures: status, trackers, phases, charger and battery management (reference sections 6, 9 and 11)."""

from typing import Any

from ..points import Counting, Integral, Pace, Part, Point, Quantity
from . import states
from .blocks import ROOT, Block, Source, VoltronicPoint


def _at(block: Block, key: str, name: str, quantity: Quantity, unit: str = "", **more: Any) -> VoltronicPoint:
    return Point(key=key, name=name, unit_kind=ROOT, quantity=quantity, unit=unit, address=Source(block), **more)


def _volts(block: Block, key: str, name: str, **more: Any) -> VoltronicPoint:
    return _at(block, key, name, Quantity.VOLTAGE, "V", **more)


def _amperes(block: Block, key: str, name: str, **more: Any) -> VoltronicPoint:
    return _at(block, key, name, Quantity.CURRENT, "A", **more)


def _watts(block: Block, key: str, name: str, **more: Any) -> VoltronicPoint:
    return _at(block, key, name, Quantity.POWER, "W", **more)


def _hertz(block: Block, key: str, name: str, **more: Any) -> VoltronicPoint:
    return _at(block, key, name, Quantity.FREQUENCY, "Hz", **more)


def _degrees(block: Block, key: str, name: str, **more: Any) -> VoltronicPoint:
    return _at(block, key, name, Quantity.TEMPERATURE, "°C", **more)


def _flag(block: Block, key: str, name: str, **more: Any) -> VoltronicPoint:
    return _at(block, key, name, Quantity.FLAG, **more)


def _state(block: Block, key: str, name: str, options: dict[int, str], **more: Any) -> VoltronicPoint:
    return _at(block, key, name, Quantity.STATE, options=options, **more)


_STATUS, _SECOND, _CHARGER, _BMS = Block.STATUS, Block.SECOND, Block.CHARGER, Block.BMS

STATUS: tuple[VoltronicPoint, ...] = (
    _state(Block.MODE, "inverter_mode", "Operating mode", states.MODES, enabled=True),
    _watts(_STATUS, "ac_output_power", "AC output power", enabled=True),
    _at(_STATUS, "ac_output_apparent_power", "AC output apparent power", Quantity.APPARENT_POWER, "VA"),
    _at(_STATUS, "load_percent", "Load", Quantity.PERCENTAGE, "%", enabled=True),
    _watts(_STATUS, "pv_power", "PV power", enabled=True),
    _volts(_STATUS, "pv1_voltage", "PV1 voltage", enabled=True),
    _amperes(_STATUS, "pv1_current", "PV1 current"),
    _watts(_STATUS, "pv1_power", "PV1 power"),
    _watts(_STATUS, "battery_power", "Battery power", enabled=True),
    _volts(_STATUS, "battery_voltage", "Battery voltage", enabled=True),
    # Positive while charging, as the other families and the display of the unit have it.
    _amperes(_STATUS, "battery_current", "Battery current"),
    _amperes(_STATUS, "battery_charge_current", "Battery charge current"),
    _amperes(_STATUS, "battery_discharge_current", "Battery discharge current"),
    _at(_STATUS, "state_of_charge", "State of charge", Quantity.STATE_OF_CHARGE, "%", enabled=True),
    _state(_STATUS, "charge_source", "Charge source", states.CHARGE_SOURCES, enabled=True),
    # The charger's own word where the unit has it, else worked out from the status.
    _state(_CHARGER, "charge_stage", "Charge stage", states.CHARGE_STAGES, enabled=True),
    _flag(_STATUS, "grid_present", "Grid present", enabled=True),
    _volts(_STATUS, "ac_input_voltage", "AC input voltage", enabled=True),
    _hertz(_STATUS, "ac_input_frequency", "AC input frequency"),
    _volts(_STATUS, "ac_output_voltage", "AC output voltage", enabled=True),
    _hertz(_STATUS, "ac_output_frequency", "AC output frequency"),
    _flag(_STATUS, "load_on", "Load on"),
    _flag(_STATUS, "switched_on", "Switched on"),
    _flag(_STATUS, "charging", "Charging"),
    _flag(_STATUS, "solar_charging", "Charging from solar"),
    _flag(_STATUS, "utility_charging", "Charging from the grid"),
    _flag(_STATUS, "float_charging", "Float charging"),
    _volts(_STATUS, "bus_voltage", "Bus voltage", diagnostic=True),
    _degrees(_STATUS, "heatsink_temperature", "Heat sink temperature", enabled=True, diagnostic=True),
    # Small units give the count of the converter instead of a temperature.
    _at(_STATUS, "heatsink_raw", "Heat sink sensor, raw", Quantity.COUNT, diagnostic=True),
    _volts(_STATUS, "scc_battery_voltage", "Battery voltage at the solar charger", diagnostic=True),
    _volts(_STATUS, "scc2_battery_voltage", "Battery voltage at solar charger 2", diagnostic=True),
    _volts(_STATUS, "scc3_battery_voltage", "Battery voltage at solar charger 3", diagnostic=True),
    _flag(_STATUS, "battery_voltage_steady", "Battery voltage steady", diagnostic=True),
    _flag(_STATUS, "load_fed_by_source", "Load fed by PV or AC", diagnostic=True),
    _flag(_STATUS, "configuration_changed", "Configuration changed", diagnostic=True),
    _flag(_STATUS, "charger_firmware_updated", "Charger firmware updated", diagnostic=True),
    _flag(_STATUS, "dust_proof_kit", "Dust-proof kit", diagnostic=True),
    _volts(_STATUS, "fan_voltage_offset", "Battery voltage offset for the fans", diagnostic=True),
    _at(_STATUS, "eeprom_version", "EEPROM version", Quantity.TEXT, diagnostic=True),
    _flag(_STATUS, "feed_in_active", "Feeding into the grid"),
    _state(_STATUS, "grid_regulation", "Grid regulation", states.GRID_REGULATIONS, diagnostic=True),
    _watts(_STATUS, "feed_in_power", "Feed-in power"),
    _state(_STATUS, "battery_status", "Battery status", states.BATTERY_STATUS, diagnostic=True),
    _flag(_STATUS, "scc_ok", "Solar charger in order", diagnostic=True),
    # PI18 has what PI30 spreads over several replies in one.
    _degrees(_STATUS, "mppt1_temperature", "MPPT1 temperature", diagnostic=True),
    _degrees(_STATUS, "mppt2_temperature", "MPPT2 temperature", diagnostic=True),
    _state(_STATUS, "mppt1_status", "MPPT1 status", states.CHARGER_STATUS, diagnostic=True),
    _state(_STATUS, "mppt2_status", "MPPT2 status", states.CHARGER_STATUS, diagnostic=True),
    _state(_STATUS, "battery_direction", "Battery direction", states.BATTERY_DIRECTIONS, diagnostic=True),
    _state(_STATUS, "dc_ac_direction", "Direction between DC and AC", states.DC_AC_DIRECTIONS, diagnostic=True),
    _state(_STATUS, "line_direction", "Grid direction", states.LINE_DIRECTIONS, diagnostic=True),
    _at(_STATUS, "parallel_id", "Number in the parallel group", Quantity.COUNT, diagnostic=True),
)

SECOND: tuple[VoltronicPoint, ...] = (
    _volts(_SECOND, "pv2_voltage", "PV2 voltage"),
    _amperes(_SECOND, "pv2_current", "PV2 current"),
    _watts(_SECOND, "pv2_power", "PV2 power", enabled=True),
    _volts(_SECOND, "pv3_voltage", "PV3 voltage"),
    _amperes(_SECOND, "pv3_current", "PV3 current"),
    _watts(_SECOND, "pv3_power", "PV3 power", enabled=True),
    _flag(_SECOND, "scc2_charging", "Solar charger 2 charging"),
    _flag(_SECOND, "scc3_charging", "Solar charger 3 charging"),
    _amperes(_SECOND, "ac_charge_current", "Charge current from AC"),
    _watts(_SECOND, "ac_charge_power", "Charge power from AC"),
    _watts(_STATUS, "l1_ac_output_power", "L1 AC output power"),
    _at(_STATUS, "l1_ac_output_apparent_power", "L1 AC output apparent power", Quantity.APPARENT_POWER, "VA"),
    _volts(_SECOND, "l2_ac_input_voltage", "L2 AC input voltage"),
    _hertz(_SECOND, "l2_ac_input_frequency", "L2 AC input frequency"),
    _volts(_SECOND, "l2_ac_output_voltage", "L2 AC output voltage"),
    _hertz(_SECOND, "l2_ac_output_frequency", "L2 AC output frequency"),
    _watts(_SECOND, "l2_ac_output_power", "L2 AC output power", enabled=True),
    _at(_SECOND, "l2_ac_output_apparent_power", "L2 AC output apparent power", Quantity.APPARENT_POWER, "VA"),
    _at(_SECOND, "l2_load_percent", "L2 load", Quantity.PERCENTAGE, "%"),
    _volts(_SECOND, "l2_battery_voltage", "L2 battery voltage", diagnostic=True),
    _flag(_SECOND, "scc2_ok", "Solar charger 2 in order", diagnostic=True),
    _flag(_SECOND, "l2_utility_charging", "L2 charging from the grid"),
    _flag(_SECOND, "l2_grid_present", "L2 grid present"),
    _flag(_SECOND, "l2_load_on", "L2 load on"),
)

_CHARGER_MINUTE: dict[str, Any] = {"pace": Pace.MINUTE, "diagnostic": True}
CHARGER: tuple[VoltronicPoint, ...] = (
    _at(_CHARGER, "absorption_remaining", "Absorption time left", Quantity.DURATION, "s", **_CHARGER_MINUTE),
    _at(_CHARGER, "float_remaining", "Float time left", Quantity.DURATION, "s", **_CHARGER_MINUTE),
    _flag(_CHARGER, "scc_communicating", "Solar charger answers", **_CHARGER_MINUTE),
    _flag(_CHARGER, "scc_allowed", "Solar charger allowed", **_CHARGER_MINUTE),
    _amperes(_CHARGER, "charge_average_current", "Mean charge current", **_CHARGER_MINUTE),
    _degrees(_CHARGER, "scc_temperature", "Solar charger temperature", **_CHARGER_MINUTE),
    _degrees(_CHARGER, "inverter_temperature", "Inverter temperature", **_CHARGER_MINUTE),
    _degrees(_CHARGER, "battery_side_temperature", "Battery-side temperature", **_CHARGER_MINUTE),
    _degrees(_CHARGER, "transformer_temperature", "Transformer temperature", **_CHARGER_MINUTE),
    _state(_CHARGER, "parallel_role", "Role in the parallel group", states.PARALLEL_ROLES, **_CHARGER_MINUTE),
    _at(_CHARGER, "fan_blocked", "Fan blocked", Quantity.PROBLEM, **_CHARGER_MINUTE),
    _at(_CHARGER, "fan_speed", "Fan speed", Quantity.PERCENTAGE, "%", **_CHARGER_MINUTE),
    _watts(_CHARGER, "scc_charge_power", "Solar charger power", **_CHARGER_MINUTE),
    _at(_CHARGER, "parallel_warning", "Parallel warning", Quantity.TEXT, **_CHARGER_MINUTE),
    _hertz(_CHARGER, "sync_frequency", "Synchronisation frequency", **_CHARGER_MINUTE),
)

_BMS_MINUTE: dict[str, Any] = {"pace": Pace.MINUTE, "diagnostic": True}
BATTERY_MANAGEMENT: tuple[VoltronicPoint, ...] = (
    _flag(_BMS, "bms_connected", "BMS connected", **_BMS_MINUTE),
    _at(_BMS, "bms_state_of_charge", "BMS state of charge", Quantity.STATE_OF_CHARGE, "%", pace=Pace.MINUTE),
    _flag(_BMS, "bms_force_ac_charge", "BMS demands charging from the grid", **_BMS_MINUTE),
    _flag(_BMS, "bms_stop_discharge", "BMS forbids discharging", **_BMS_MINUTE),
    _flag(_BMS, "bms_stop_charge", "BMS forbids charging", **_BMS_MINUTE),
    _volts(_BMS, "bms_charge_voltage", "BMS charge voltage", **_BMS_MINUTE),
    _volts(_BMS, "bms_float_voltage", "BMS float voltage", **_BMS_MINUTE),
    _volts(_BMS, "bms_cutoff_voltage", "BMS cut-off voltage", **_BMS_MINUTE),
    _amperes(_BMS, "bms_max_charge_current", "BMS maximum charge current", **_BMS_MINUTE),
    _amperes(_BMS, "bms_max_discharge_current", "BMS maximum discharge current", **_BMS_MINUTE),
    _at(_BMS, "bms_raw", "BMS answer", Quantity.TEXT, **_BMS_MINUTE),
)


def _energy(block: Block, key: str, name: str, counting: Counting, pace: Pace, **more: Any) -> VoltronicPoint:
    return _at(block, key, name, Quantity.ENERGY, "kWh", counting=counting, pace=pace, **more)


def _integral(key: str, name: str, source: str, part: Part = Part.POSITIVE, counter: str = "") -> VoltronicPoint:
    return _at(
        Block.STATUS,
        key,
        name,
        Quantity.ENERGY,
        "kWh",
        counting=Counting.TOTAL,
        enabled=True,
        integral=Integral(source, part, counter),
    )


# The counters of a month and of a year start again as that of a day does, only later.
_AGAIN = Counting.TODAY
ENERGY: tuple[VoltronicPoint, ...] = (
    _integral("pv_energy", "PV energy", "pv_power", counter="pv_energy_total"),
    _integral("load_energy", "Load energy", "ac_output_power", counter="load_energy_total"),
    _integral("battery_energy_in", "Battery energy in", "battery_power", Part.NEGATIVE),
    _integral("battery_energy_out", "Battery energy out", "battery_power"),
    _energy(Block.PV_TOTAL, "pv_energy_total", "PV energy total", Counting.TOTAL, Pace.MINUTE),
    _energy(Block.PV_DAY, "pv_energy_today", "PV energy today", _AGAIN, Pace.SLOW),
    _energy(Block.PV_MONTH, "pv_energy_month", "PV energy this month", _AGAIN, Pace.SLOW),
    _energy(Block.PV_YEAR, "pv_energy_year", "PV energy this year", _AGAIN, Pace.SLOW),
    _energy(Block.LOAD_TOTAL, "load_energy_total", "Load energy total", Counting.TOTAL, Pace.MINUTE),
    _energy(Block.LOAD_DAY, "load_energy_today", "Load energy today", _AGAIN, Pace.SLOW),
    _energy(Block.LOAD_MONTH, "load_energy_month", "Load energy this month", _AGAIN, Pace.SLOW),
    _energy(Block.LOAD_YEAR, "load_energy_year", "Load energy this year", _AGAIN, Pace.SLOW),
)

GROUP: tuple[VoltronicPoint, ...] = (
    _watts(Block.PARALLEL, "group_output_power", "Group output power", pace=Pace.MINUTE, enabled=True),
    _at(
        Block.PARALLEL,
        "group_apparent_power",
        "Group apparent power",
        Quantity.APPARENT_POWER,
        "VA",
        pace=Pace.MINUTE,
    ),
    _at(Block.PARALLEL, "group_load_percent", "Group load", Quantity.PERCENTAGE, "%", pace=Pace.MINUTE),
    _amperes(Block.PARALLEL, "group_charge_current", "Group charge current", pace=Pace.MINUTE),
)

POINTS = (*STATUS, *SECOND, *ENERGY, *GROUP, *CHARGER, *BATTERY_MANAGEMENT)
