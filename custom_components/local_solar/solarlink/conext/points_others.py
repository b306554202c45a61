"""Battery Monitor, generator starter and control panel (reference section 6.4 and the maps)."""

from typing import Any

from ..points import Quantity, Risk
from .registers import Kind
from .source import ConextPoint, Make, at, limited, made, press, setting

_ON: dict[str, Any] = {"enabled": True}
_DIAGNOSTIC: dict[str, Any] = {"diagnostic": True}

_BM = Kind.BATTMON
BATTERY_MONITOR: tuple[ConextPoint, ...] = (
    at(_BM, "battery_state_of_charge", "state_of_charge", "State of charge", quantity=Quantity.STATE_OF_CHARGE, **_ON),
    made(
        _BM,
        Make.DISCHARGING,
        ("battery_voltage", "battery_current"),
        "battery_power",
        "Battery power",
        Quantity.POWER,
        "W",
        **_ON,
    ),
    at(_BM, "battery_voltage", **_ON),
    at(_BM, "battery_current", **_ON),
    at(_BM, "battery_temperature", **_ON),
    at(_BM, "battery_capacity_remaining", "capacity_remaining", "Capacity remaining", **_ON),
    at(_BM, "battery_capacity_removed", "capacity_removed", "Capacity removed"),
    at(_BM, "battery_time_to_full", "time_to_full", "Time to full"),
    at(_BM, "battery_time_to_discharge", "time_to_discharge", "Time to discharge", **_ON),
    # The one unit that was looked at returns 0 (section 6.4).
    made(
        _BM,
        Make.FITTED,
        ("battery_state_of_health",),
        "state_of_health",
        "State of health",
        Quantity.PERCENTAGE,
        "%",
    ),
    at(_BM, "battery_number_of_charge_cycles", "cycles", "Cycles"),
    at(_BM, "battery_midpoint_1_voltage", "midpoint_voltage_1", "Midpoint voltage 1"),
    at(_BM, "battery_midpoint_2_voltage", "midpoint_voltage_2", "Midpoint voltage 2"),
    at(_BM, "battery_midpoint_3_voltage", "midpoint_voltage_3", "Midpoint voltage 3"),
    at(_BM, "battery_hours_in_float", "hours_in_float", "Hours in float"),
    at(_BM, "battery_last_equalize", "days_since_equalization", "Since last equalisation, days"),
    at(_BM, "battery_average_discharge", "average_discharge", "Average discharge"),
    at(_BM, "battery_deepest_discharge", "deepest_discharge", "Deepest discharge"),
    at(_BM, "battery_number_of_discharges", "discharges", "Discharges"),
    at(_BM, "device_state", **_ON, **_DIAGNOSTIC),
    at(_BM, "configuration_errors", **_DIAGNOSTIC),
    limited(_BM, "battery_capacity", 0, 10000, 1, name="Battery capacity"),
    limited(_BM, "discharge_floor", 0, 100, 1, name="Discharge floor"),
    limited(_BM, "charge_efficiency_factor", 50, 100, 1, name="Charge efficiency"),
    limited(_BM, "peukert_exponent", 1, 1.5, 0.002, name="Peukert exponent"),
    press(_BM, "synchronize_enable_disable", "synchronize", "Synchronise to 100 %", risk=Risk.INSTALLER),
    press(_BM, "refresh_configuration_data", "refresh_configuration", "Read the settings again"),
    setting(_BM, "identify_enable", "identify", "Identify"),
)

_AGS = Kind.AGS
GENERATOR_START: tuple[ConextPoint, ...] = (
    at(_AGS, "auto_generator_state", "generator_automatic_state", "Automatic generator start", **_ON),
    at(_AGS, "auto_generator_action", "generator_action", "Generator action", **_ON),
    at(_AGS, "generator_on_reason", "generator_start_reason", "Reason for the generator start", **_ON),
    at(_AGS, "generator_off_reason", "generator_stop_reason", "Reason for the generator stop", **_ON),
    at(_AGS, "device_state", **_ON, **_DIAGNOSTIC),
    at(_AGS, "configuration_errors", **_DIAGNOSTIC),
    at(_AGS, "configuration_status", **_DIAGNOSTIC),
    setting(_AGS, "generator_mode", name="Generator mode", **_ON),
    setting(_AGS, "generator_quiet_time_enable_disable", "generator_quiet_time", "Generator quiet time", **_ON),
    setting(_AGS, "generator_quiet_time_start", name="Generator quiet time start", **_ON),
    setting(_AGS, "generator_quiet_time_stop", name="Generator quiet time stop", **_ON),
    setting(
        _AGS, "generator_auto_start_on_dc_v", "generator_start_on_voltage", "Start the generator on battery voltage"
    ),
    setting(_AGS, "generator_auto_stop_on_dc_v", "generator_stop_on_voltage", "Stop the generator on battery voltage"),
    setting(
        _AGS, "generator_auto_start_on_battery_soc", "generator_start_on_soc", "Start the generator on state of charge"
    ),
    setting(
        _AGS, "generator_auto_stop_on_battery_soc", "generator_stop_on_soc", "Stop the generator on state of charge"
    ),
    limited(_AGS, "state_of_charge_level_to_start_generator", 0, 100, 1, "soc_to_start", "State of charge to start"),
    limited(_AGS, "state_of_charge_level_to_stop_generator", 0, 100, 1, "soc_to_stop", "State of charge to stop"),
    limited(
        _AGS,
        "stop_voltage",
        40,
        70,
        0.1,
        "generator_stop_voltage",
        "Generator stop voltage",
        scaled=True,
    ),
    limited(
        _AGS,
        "starting_battery_voltage_30_seconds",
        36,
        60,
        0.1,
        "generator_start_voltage_30_s",
        "Generator start voltage, 30 s",
        scaled=True,
    ),
    limited(
        _AGS,
        "starting_battery_voltage_15_minutes",
        36,
        60,
        0.1,
        "generator_start_voltage_15_min",
        "Generator start voltage, 15 min",
        scaled=True,
    ),
    limited(
        _AGS,
        "starting_battery_voltage_2_hours",
        36,
        60,
        0.1,
        "generator_start_voltage_2_h",
        "Generator start voltage, 2 h",
        scaled=True,
    ),
    limited(
        _AGS,
        "starting_battery_voltage_24_hours",
        36,
        60,
        0.1,
        "generator_start_voltage_24_h",
        "Generator start voltage, 24 h",
        scaled=True,
    ),
    press(_AGS, "refresh_configuration_data", "refresh_configuration", "Read the settings again"),
    press(_AGS, "reset", "restart", "Restart", press=0, risk=Risk.OUTAGE),
)

_SCP = Kind.SCP
CONTROL_PANEL: tuple[ConextPoint, ...] = (
    at(_SCP, "device_state", **_ON, **_DIAGNOSTIC),
    at(_SCP, "configuration_errors", **_DIAGNOSTIC),
    setting(_SCP, "button_beep", name="Button beep"),
    setting(_SCP, "fault_alarm", name="Fault alarm"),
    limited(_SCP, "display_brightness", 0, 100, 1, name="Display brightness"),
    limited(_SCP, "display_contrast", 0, 100, 1, name="Display contrast"),
    setting(_SCP, "identify_enable", "identify", "Identify"),
    press(_SCP, "refresh_configuration_data", "refresh_configuration", "Read the settings again"),
    press(_SCP, "reset", "restart", "Restart", press=0, risk=Risk.OUTAGE),
)

POINTS = (*BATTERY_MONITOR, *GENERATOR_START, *CONTROL_PANEL)
