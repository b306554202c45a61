"""The gateways' own values: totals of the whole system (reference section 6.5)."""

from typing import Any

from ..points import Quantity
from .registers import Kind
from .source import ConextPoint, Make, at, made

_ON: dict[str, Any] = {"enabled": True}
_DIAGNOSTIC: dict[str, Any] = {"diagnostic": True}
FLOWS = {
    0: ("flow_grid_to_load", "Grid to load"),
    1: ("flow_generator_to_load", "Generator to load"),
    3: ("flow_battery_to_grid", "Battery to grid"),
    4: ("flow_grid_to_battery", "Grid to battery"),
    5: ("flow_generator_to_battery", "Generator to battery"),
    6: ("flow_pv_to_battery", "PV to battery"),
    7: ("flow_pv_to_grid", "PV to grid"),
    8: ("flow_battery_to_load", "Battery to load"),
}
"""Bits of the system status."""


def _both(kind: Kind) -> tuple[ConextPoint, ...]:
    currents = ("battery_current_net",) if kind is Kind.COMBOX else ("xw_battery_current", "mppt_battery_current")
    return (
        at(kind, "pv_harvest_power", "pv_power", "PV power", **_ON),
        made(
            kind,
            Make.DIFFERENCE,
            ("grid_input_power", "grid_output_power"),
            "grid_power",
            "Grid power",
            Quantity.POWER,
            "W",
            **_ON,
        ),
        at(kind, "grid_input_power", "grid_import_power", "Grid import power"),
        at(kind, "grid_output_power", "grid_export_power", "Grid export power"),
        at(kind, "load_power", **_ON),
        made(
            kind,
            Make.DISCHARGING,
            ("battery_voltage", *currents),
            "battery_power",
            "Battery power",
            Quantity.POWER,
            "W",
            **_ON,
        ),
        at(kind, "battery_voltage", **_ON),
        made(kind, Make.SUM, currents, "battery_current", "Battery current", Quantity.CURRENT, "A", **_ON),
        at(kind, "battery_temperature", **_ON),
        at(kind, "ac_generator_power", "generator_power", "Generator power"),
        at(kind, "grid_voltage", **_ON),
        at(kind, "grid_frequency", **_ON),
        at(kind, "grid_input_current", "grid_import_current", "Grid import current"),
        at(kind, "grid_input_power_apparent", "grid_import_apparent_power", "Grid import apparent power"),
        at(kind, "sell_current", "grid_export_current", "Grid export current"),
        at(kind, "grid_output_power_apparent", "grid_export_apparent_power", "Grid export apparent power"),
        at(kind, "load_voltage", **_ON),
        at(kind, "load_frequency"),
        at(kind, "load_current"),
        at(kind, "load_power_apparent", "load_apparent_power", "Load apparent power"),
        at(kind, "dc_charging_power", "charger_dc_power", "Charger DC power"),
        at(kind, "dc_charging_current", "charger_dc_current", "Charger DC current"),
        at(kind, "dc_inverting_power", "invert_dc_power", "Inverter DC power"),
        made(kind, Make.VALUE, ("generator_state",), "generator_running", "Generator running", Quantity.FLAG),
        at(kind, "system_wide_number_of_active_faults", "active_faults", "Active faults", **_ON, **_DIAGNOSTIC),
        at(kind, "system_wide_number_of_active_warnings", "active_warnings", "Active warnings", **_ON, **_DIAGNOSTIC),
        *(
            made(kind, Make.BIT, ("bit_mask_of_system_status",), key, name, Quantity.FLAG, bit=bit)
            for bit, (key, name) in FLOWS.items()
        ),
    )


_COMBOX = Kind.COMBOX
POINTS: tuple[ConextPoint, ...] = (
    *_both(_COMBOX),
    at(_COMBOX, "battery_bank1_soc", "state_of_charge", "State of charge", quantity=Quantity.STATE_OF_CHARGE, **_ON),
    at(_COMBOX, "battery_bank_1_capacity_remaining", "capacity_remaining", "Capacity remaining"),
    at(_COMBOX, "pv_total_power", "pv_total_power", "PV power with grid-tied inverters"),
    at(_COMBOX, "gt_pv_power", "grid_tied_pv_power", "Grid-tied PV power"),
    at(_COMBOX, "pv_voltage", "pv_voltage", "PV voltage"),
    at(_COMBOX, "total_pv_current", "pv_current", "PV current"),
    at(_COMBOX, "generator_voltage", "generator_voltage", "Generator voltage"),
    at(_COMBOX, "generator_frequency", "generator_frequency", "Generator frequency"),
    at(_COMBOX, "total_generator_current", "generator_current", "Generator current"),
    at(_COMBOX, "weather_station_irradiance", "irradiance", "Irradiance"),
    at(_COMBOX, "weather_station_temperature", "outside_temperature", "Outside temperature"),
    at(_COMBOX, "maintenance_status", "maintenance", "Maintenance", quantity=Quantity.FLAG, **_DIAGNOSTIC),
    *_both(Kind.GATEWAY),
)
