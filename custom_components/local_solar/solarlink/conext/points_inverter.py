"""XW, XW+, XW Pro and SW: the inverters (reference sections 6.1, 6.2 and 7)."""

from typing import Any

from ..points import Quantity, Risk
from .registers import Kind
from .source import ConextPoint, Make, at, limited, made, press, setting, volts

_ON: dict[str, Any] = {"enabled": True}
_DIAGNOSTIC: dict[str, Any] = {"diagnostic": True}


def _both(kind: Kind) -> tuple[ConextPoint, ...]:
    """What every inverter measures."""
    return (
        at(kind, "inverter_status", **_ON),
        at(
            kind,
            "charger_status",
            "charger_status" if kind is Kind.XW else "sw_charger_status",
            "Charger status",
            **_ON,
        ),
        at(kind, "device_state", **_ON, **_DIAGNOSTIC),
        at(kind, "inverter_enabled"),
        at(kind, "charger_enabled"),
        at(kind, "charge_mode_status", **_DIAGNOSTIC),
        at(kind, "battery_voltage", **_ON),
        # Positive while charging, as the device and the other families have it.
        at(kind, "battery_current", **_ON),
        made(
            kind,
            Make.DISCHARGING,
            ("battery_voltage", "battery_current"),
            "battery_power",
            "Battery power",
            Quantity.POWER,
            "W",
            **_ON,
        ),
        # Nobody knows for every firmware which sign it has (section 6.1).
        at(kind, "battery_power", "battery_power_raw", "Battery power as the device tells it", **_DIAGNOSTIC),
        at(kind, "battery_temperature", **_ON),
        at(kind, "invert_dc_current", name="Inverter DC current", **_ON),
        at(kind, "invert_dc_power", name="Inverter DC power", **_ON),
        at(kind, "charge_dc_current", "charger_dc_current", "Charger DC current"),
        at(kind, "charge_dc_power", "charger_dc_power", "Charger DC power", **_ON),
        at(kind, "charge_dc_power_percentage", "charger_power_share", "Charger power, share"),
        at(kind, "load_ac_voltage", "load_voltage", "Load voltage", **_ON),
        at(kind, "load_ac_current", "load_current", "Load current", **_ON),
        at(kind, "load_ac_frequency", "load_frequency", "Load frequency", **_ON),
        at(kind, "load_ac_power", "load_power", "Load power", **_ON),
        at(kind, "load_ac_power_apparent", "load_apparent_power", "Load apparent power"),
        at(kind, "load_ac_l1_voltage", "load_voltage_l1", "Load voltage L1"),
        at(kind, "load_ac_l1_current", "load_current_l1", "Load current L1"),
        at(kind, "load_ac_l2_voltage", "load_voltage_l2", "Load voltage L2"),
        at(kind, "load_ac_l2_current", "load_current_l2", "Load current L2"),
        at(kind, "configuration_errors", **_DIAGNOSTIC),
        at(kind, "configuration_status", **_DIAGNOSTIC),
        at(kind, "nominal_battery_voltage", quantity=Quantity.VOLTAGE, unit="V", options={}, **_DIAGNOSTIC),
    )


_XW = Kind.XW
XW_MEASURED: tuple[ConextPoint, ...] = (
    at(_XW, "grid_ac_power", "grid_power", "Grid power", **_ON),
    at(_XW, "grid_ac_voltage", "grid_voltage", "Grid voltage", **_ON),
    at(_XW, "grid_ac_current", "grid_current", "Grid current", **_ON),
    at(_XW, "grid_ac_frequency", "grid_frequency", "Grid frequency", **_ON),
    at(_XW, "grid_ac_input_power", "grid_import_power", "Grid import power"),
    at(_XW, "grid_ac_input_current", "grid_import_current", "Grid import current"),
    at(_XW, "grid_ac_input_power_apparent", "grid_import_apparent_power", "Grid import apparent power"),
    at(_XW, "grid_output_power", "grid_export_power", "Grid export power"),
    at(_XW, "grid_output_current", "grid_export_current", "Grid export current"),
    at(_XW, "grid_output_power_apparent", "grid_export_apparent_power", "Grid export apparent power"),
    at(_XW, "grid_output_voltage", "grid_export_voltage", "Grid export voltage"),
    at(_XW, "grid_output_frequency", "grid_export_frequency", "Grid export frequency"),
    at(_XW, "grid_ac_l1_voltage", "grid_voltage_l1", "Grid voltage L1"),
    at(_XW, "grid_ac_l1_current", "grid_current_l1", "Grid current L1"),
    at(_XW, "grid_ac_l2_voltage", "grid_voltage_l2", "Grid voltage L2"),
    at(_XW, "grid_ac_l2_current", "grid_current_l2", "Grid current L2"),
    at(_XW, "grid_ac_voltage_qualified", "grid_voltage_state", "Grid voltage state", **_DIAGNOSTIC),
    at(_XW, "grid_ac_frequency_qualified", "grid_frequency_state", "Grid frequency state", **_DIAGNOSTIC),
    at(_XW, "grid_ac_qualified_duration", "grid_good_for", "Grid good for", **_DIAGNOSTIC),
    at(_XW, "generator_ac_power", "generator_power", "Generator power"),
    at(_XW, "generator_ac_voltage", "generator_voltage", "Generator voltage"),
    at(_XW, "generator_ac_current", "generator_current", "Generator current"),
    at(_XW, "generator_ac_frequency", "generator_frequency", "Generator frequency"),
    at(_XW, "generator_ac_power_apparent", "generator_apparent_power", "Generator apparent power"),
    at(_XW, "generator_ac_voltage_qualified", "generator_voltage_state", "Generator voltage state", **_DIAGNOSTIC),
    at(
        _XW,
        "generator_ac_frequency_qualified",
        "generator_frequency_state",
        "Generator frequency state",
        **_DIAGNOSTIC,
    ),
    at(_XW, "sell_enabled", "selling_allowed", "Selling allowed"),
    at(_XW, "forced_sell_status", **_DIAGNOSTIC),
    at(_XW, "auxiliary_output_status", **_DIAGNOSTIC),
    at(_XW, "auxiliary_output_on_reason", **_DIAGNOSTIC),
    at(_XW, "auxiliary_output_off_reason", **_DIAGNOSTIC),
    at(_XW, "switch_operating_state", "transfer_switch_state", "Transfer switch state", **_DIAGNOSTIC),
    at(_XW, "switch_mode", "transfer_switch_mode", "Transfer switch mode", **_DIAGNOSTIC),
)

_SW = Kind.SW
SW_MEASURED: tuple[ConextPoint, ...] = (
    at(_SW, "ac1_input_power", "ac_input_power", "AC input power", **_ON),
    at(_SW, "ac1_voltage", "ac_input_voltage", "AC input voltage", **_ON),
    at(_SW, "ac1_input_current", "ac_input_current", "AC input current", **_ON),
    at(_SW, "ac1_frequency", "ac_input_frequency", "AC input frequency", **_ON),
    at(_SW, "ac1_input_power_apparent", "ac_input_apparent_power", "AC input apparent power"),
    at(_SW, "ac1_voltage_qualified", "ac_input_voltage_state", "AC input voltage state", **_DIAGNOSTIC),
    at(_SW, "ac1_frequency_qualified", "ac_input_frequency_state", "AC input frequency state", **_DIAGNOSTIC),
)


def charging(kind: Kind) -> tuple[ConextPoint, ...]:
    """Settings of everything that charges a battery: inverters and solar chargers."""
    return (
        setting(kind, "force_charger_state", name="Force charger state", momentary=True, **_ON),
        limited(kind, "maximum_charge_rate", 0, 100, 1, name="Maximum charge rate", **_ON),
        volts(kind, "bulk_boost_voltage_set_point", 48, 64, "bulk_voltage", "Bulk voltage", **_ON),
        volts(kind, "absorption_voltage_set_point", 48, 64, "absorption_voltage", "Absorption voltage", **_ON),
        limited(kind, "absorption_time", 0, 480, 1, name="Absorption time", **_ON),
        volts(kind, "float_voltage_set_point", 48, 64, "float_voltage", "Float voltage", **_ON),
        # Another key than that of the Voltronic family, which calls a return to the grid so.
        volts(kind, "recharge_voltage", 40, 60, "charge_start_voltage", "Recharge voltage", **_ON),
        volts(
            kind,
            "equalize_voltage_set_point",
            48,
            67,
            "equalization_voltage",
            "Equalisation voltage",
            risk=Risk.INSTALLER,
        ),
        setting(kind, "equalize_now", "equalize_now", "Equalise now", risk=Risk.INSTALLER),
        limited(kind, "battery_bank_capacity", 0, 10000, 1, "battery_capacity", "Battery capacity"),
        limited(
            kind,
            "battery_temperature_coefficient",
            -300,
            0,
            1,
            name="Battery temperature coefficient",
            risk=Risk.INSTALLER,
        ),
        setting(kind, "battery_type", "battery_chemistry", "Battery chemistry", risk=Risk.INSTALLER),
        setting(kind, "charge_cycle", name="Charge cycle", risk=Risk.INSTALLER),
        setting(kind, "default_battery_temperature", name="Battery temperature without sensor"),
        setting(kind, "identify_enable", "identify", "Identify"),
        press(kind, "refresh_configuration_data", "refresh_configuration", "Read the settings again"),
        press(kind, "reset", "restart", "Restart", press=0, risk=Risk.OUTAGE),
    )


def _protection(kind: Kind) -> tuple[ConextPoint, ...]:
    return (
        setting(kind, "charger_enable_disable", "charger", "Charger", **_ON),
        setting(kind, "inverter_enable_disable", "inverter", "Inverter", risk=Risk.OUTAGE),
        setting(kind, "operating_mode", name="Operation or standby", risk=Risk.OUTAGE),
        volts(kind, "low_battery_cut_out", 40, 52, name="Low battery cut-out", **_ON),
        limited(kind, "low_battery_cut_out_delay", 1, 600, 1, name="Low battery cut-out delay", **_ON),
        volts(kind, "low_battery_cut_out_hysteresis", 0.5, 10, name="Low battery cut-out hysteresis", **_ON),
        volts(kind, "high_battery_cut_out", 56, 70, name="High battery cut-out", **_ON),
        limited(
            kind, "maximum_discharge_current", 0, 1000, 1, "discharge_current_maximum", "Maximum discharge current"
        ),
        limited(kind, "maximum_bulk_charge_current", 0, 140, 1, name="Maximum bulk charge current"),
        limited(kind, "maximum_absorption_charge_current", 0, 140, 1, name="Maximum absorption charge current"),
        limited(kind, "maximum_float_charge_current", 0, 140, 1, name="Maximum float charge current"),
        setting(kind, "charge_block_start", name="Charge block start", **_ON),
        setting(kind, "charge_block_stop", name="Charge block stop", **_ON),
        setting(kind, "ac_coupling", name="AC coupling", risk=Risk.INSTALLER),
        setting(kind, "peak_load_shaving_delay", "load_shave_delay", "Load shave delay"),
        setting(kind, "search_mode", name="Search mode", risk=Risk.INSTALLER),
        limited(kind, "maximum_search_watts", 0, 1000, 1, "search_power", "Search mode power", risk=Risk.INSTALLER),
        limited(kind, "search_delay", 1, 600, 1, name="Search mode delay", risk=Risk.INSTALLER),
        limited(kind, "ac1_breaker_size", 0, 60, 1, name="AC1 breaker size", risk=Risk.INSTALLER),
    )


XW_SETTINGS: tuple[ConextPoint, ...] = (
    setting(_XW, "grid_support", name="Grid support", **_ON),
    volts(_XW, "grid_support_voltage", 40, 64, name="Grid support voltage", **_ON),
    setting(_XW, "load_shave", name="Load shave", **_ON),
    limited(_XW, "load_shave_amps", 0, 60, 0.1, "load_shave_current", "Load shave current", **_ON),
    setting(_XW, "load_shave_start", name="Load shave start", **_ON),
    setting(_XW, "load_shave_stop", name="Load shave stop", **_ON),
    setting(_XW, "sell_enable_disable", "sell", "Sell to the grid", **_ON),
    setting(_XW, "force_sell", name="Force selling"),
    limited(_XW, "maximum_sell_amps", 0, 60, 0.1, "maximum_sell_current", "Maximum sell current", **_ON),
    limited(_XW, "maximum_sell_scale_percentage", 0, 100, 1, "maximum_sell_power", "Maximum sell power"),
    setting(_XW, "sell_block_start", name="Sell block start"),
    setting(_XW, "sell_block_end", "sell_block_stop", "Sell block stop"),
    setting(_XW, "sell_delay_40_sec", "sell_delay", "Sell delay of 40 s"),
    setting(_XW, "ac_priority", name="AC priority", **_ON),
    setting(_XW, "generator_support_enable", "generator_support", "Generator support"),
    setting(_XW, "generator_support_plus", name="Generator support plus"),
    limited(_XW, "generator_support_amps", 0, 60, 0.1, "generator_support_current", "Generator support current"),
    limited(_XW, "state_of_charge_level_to_start", 0, 100, 1, "soc_to_start", "State of charge to start"),
    limited(_XW, "state_of_charge_level_to_stop", 0, 100, 1, "soc_to_stop", "State of charge to stop"),
    limited(_XW, "ac2_breaker_size", 0, 60, 1, name="AC2 breaker size", risk=Risk.INSTALLER),
    setting(_XW, "manual_aux", "auxiliary_output", "Auxiliary output"),
)

SW_SETTINGS: tuple[ConextPoint, ...] = (
    setting(_SW, "ac_support_mode_enable", "ac_support", "AC support", **_ON),
    volts(_SW, "ac_support_voltage", 40, 64, name="AC support voltage", **_ON),
    setting(_SW, "peak_load_shaving_enable", "load_shave", "Load shave", **_ON),
    limited(_SW, "peak_load_shaving_current", 0, 60, 0.1, "load_shave_current", "Load shave current", **_ON),
    setting(_SW, "load_shave_block_start", name="Load shave block start"),
    setting(_SW, "load_shave_block_stop", name="Load shave block stop"),
    setting(_SW, "invert_block_start", name="Invert block start"),
    setting(_SW, "invert_block_stop", name="Invert block stop"),
    setting(_SW, "ac_support_on_battery_soc_enable", "ac_support_by_soc", "AC support by state of charge"),
    limited(_SW, "state_of_charge_level_to_start_ac_support", 0, 100, 1, "soc_to_start", "State of charge to start"),
    limited(_SW, "state_of_charge_level_to_stop_ac_support", 0, 100, 1, "soc_to_stop", "State of charge to stop"),
)

POINTS: tuple[ConextPoint, ...] = (
    *_both(_XW),
    *XW_MEASURED,
    *XW_SETTINGS,
    *_protection(_XW),
    *charging(_XW),
    *_both(_SW),
    *SW_MEASURED,
    *SW_SETTINGS,
    *_protection(_SW),
    *charging(_SW),
)
