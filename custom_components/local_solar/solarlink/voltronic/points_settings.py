"""Ratings and settings: what the unit is, and what may be changed (reference sections 6.3, 6.6, 6.8 and 7)."""

from typing import Any

from ..points import Access, Pace, Point, Quantity, Risk, Wear
from . import states
from .blocks import ROOT, Block, Source, VoltronicPoint


def _at(block: Block, key: str, name: str, quantity: Quantity, unit: str = "", **more: Any) -> VoltronicPoint:
    more.setdefault("pace", Pace.SLOW)
    return Point(key=key, name=name, unit_kind=ROOT, quantity=quantity, unit=unit, address=Source(block), **more)


def _rating(key: str, name: str, quantity: Quantity, unit: str = "", **more: Any) -> VoltronicPoint:
    return _at(Block.RATINGS, key, name, quantity, unit, diagnostic=True, **more)


def _told(block: Block, key: str, name: str, **more: Any) -> VoltronicPoint:
    return _at(block, key, name, Quantity.TEXT, diagnostic=True, **more)


def _set(block: Block, key: str, name: str, quantity: Quantity, unit: str = "", **more: Any) -> VoltronicPoint:
    """A setting; all of them are kept in EEPROM (section 7.2)."""
    return _at(block, key, name, quantity, unit, access=Access.READ_WRITE, wear=Wear.FLASH, **more)


def _switch(block: Block, key: str, name: str, **more: Any) -> VoltronicPoint:
    return _set(block, key, name, Quantity.FLAG, **more)


def _select(block: Block, key: str, name: str, options: dict[int, str], **more: Any) -> VoltronicPoint:
    return _set(block, key, name, Quantity.STATE, options=options, **more)


_R, _E, _F = Block.RATINGS, Block.EQUALIZATION, Block.FLAGS

RATINGS: tuple[VoltronicPoint, ...] = (
    _rating("rated_input_voltage", "Rated input voltage", Quantity.VOLTAGE, "V"),
    _rating("rated_input_current", "Rated input current", Quantity.CURRENT, "A"),
    _rating("rated_output_voltage", "Rated output voltage", Quantity.VOLTAGE, "V"),
    _rating("rated_output_frequency", "Rated output frequency", Quantity.FREQUENCY, "Hz"),
    _rating("rated_output_current", "Rated output current", Quantity.CURRENT, "A"),
    _rating("rated_apparent_power", "Rated apparent power", Quantity.APPARENT_POWER, "VA"),
    _rating("rated_power", "Rated power", Quantity.POWER, "W"),
    _rating("rated_battery_voltage", "Rated battery voltage", Quantity.VOLTAGE, "V"),
    _rating("parallel_max", "Largest parallel group", Quantity.COUNT),
    _rating("machine_type", "Machine type", Quantity.STATE, options=states.MACHINE_TYPES),
    _rating("topology", "Topology", Quantity.STATE, options=states.TOPOLOGIES),
    _rating("mppt_strings", "Trackers", Quantity.COUNT),
    _rating("ratings_extra", "Further ratings", Quantity.TEXT),
    _at(_E, "equalization_max_current", "Equalisation current limit", Quantity.CURRENT, "A", diagnostic=True),
    _at(_E, "equalization_elapsed", "Since last equalisation", Quantity.DURATION, "h", diagnostic=True),
    _told(Block.OUTPUT_SCHEDULE, "output_priority_schedule", "Output priority by the hour"),
    _told(Block.CHARGER_SCHEDULE, "charger_priority_schedule", "Charger priority by the hour"),
    _told(Block.OPERATION_HOURS, "operation_hours", "Operation hours"),
    _told(Block.CHARGE_WINDOW, "charge_window", "Hours of charging from the grid"),
    _told(Block.SUPPLY_WINDOW, "supply_window", "Hours of supply from the grid"),
    _told(Block.FIRMWARE_2, "charger_firmware", "Charger firmware", pace=Pace.ONCE),
    _told(Block.FIRMWARE_3, "panel_firmware", "Panel firmware", pace=Pace.ONCE),
    _told(Block.FIRMWARE_4, "charger_3_firmware", "Solar charger 3 firmware", pace=Pace.ONCE),
    _at(Block.CLOCK, "device_clock", "Device clock", Quantity.TIMESTAMP, diagnostic=True),
    _at(Block.CLOCK, "clock_drift", "Clock drift", Quantity.DURATION, "s", diagnostic=True),
)

BATTERY: tuple[VoltronicPoint, ...] = (
    _set(
        _R,
        "float_voltage",
        "Float voltage",
        Quantity.VOLTAGE,
        "V",
        step=0.1,
        above="recharge_voltage",
        below="absorption_voltage",
        enabled=True,
    ),
    _set(
        _R,
        "absorption_voltage",
        "Absorption voltage",
        Quantity.VOLTAGE,
        "V",
        step=0.1,
        above="float_voltage",
        enabled=True,
    ),
    _set(
        _R,
        "recharge_voltage",
        "Back-to-grid voltage",
        Quantity.VOLTAGE,
        "V",
        step=0.1,
        above="cutoff_voltage",
        below="float_voltage",
        enabled=True,
    ),
    # 0 means: only when the battery is full.
    _set(
        _R,
        "redischarge_voltage",
        "Back-to-battery voltage",
        Quantity.VOLTAGE,
        "V",
        step=0.1,
        above="recharge_voltage",
        enabled=True,
    ),
    _set(
        _R,
        "cutoff_voltage",
        "Battery cut-off voltage",
        Quantity.VOLTAGE,
        "V",
        step=0.1,
        below="recharge_voltage",
        risk=Risk.INSTALLER,
    ),
    # The type of the battery brings the voltages of that type with it on many models.
    _select(_R, "battery_type", "Battery type", states.BATTERY_TYPES, risk=Risk.INSTALLER),
    _set(_R, "max_charge_current", "Maximum charge current", Quantity.CURRENT, "A", listed=True, enabled=True),
    _set(
        _R,
        "max_utility_charge_current",
        "Maximum charge current from the grid",
        Quantity.CURRENT,
        "A",
        listed=True,
        enabled=True,
    ),
    # 0 means: automatic.
    _set(
        _R,
        "max_absorption_time",
        "Maximum absorption time",
        Quantity.DURATION,
        "min",
        minimum=0,
        maximum=900,
        step=5,
    ),
    # 0 means: no limit.
    _set(_R, "max_discharge_current", "Maximum discharge current", Quantity.CURRENT, "A", listed=True),
    _select(
        Block.BATTERY_CONTROL,
        "battery_control",
        "Battery charging and discharging",
        states.BATTERY_CONTROLS,
        risk=Risk.INSTALLER,
    ),
    _select(Block.STAGES, "charging_stages", "Charging stages", states.CHARGING_STAGES),
)

EQUALIZATION: tuple[VoltronicPoint, ...] = (
    _switch(_E, "equalization_enabled", "Equalisation"),
    _set(_E, "equalization_time", "Equalisation time", Quantity.DURATION, "min", minimum=5, maximum=900, step=5),
    _set(_E, "equalization_timeout", "Equalisation time-out", Quantity.DURATION, "min", minimum=5, maximum=900, step=5),
    _set(_E, "equalization_period", "Equalisation interval", Quantity.DURATION, "d", minimum=0, maximum=90, step=1),
    _set(_E, "equalization_voltage", "Equalisation voltage", Quantity.VOLTAGE, "V", step=0.01),
    _switch(_E, "equalization_active", "Equalisation running", risk=Risk.INSTALLER),
)

SOURCES: tuple[VoltronicPoint, ...] = (
    _select(_R, "output_source_priority", "Output source priority", states.OUTPUT_PRIORITIES, enabled=True),
    _select(_R, "charger_source_priority", "Charger source priority", states.CHARGER_PRIORITIES, enabled=True),
    _select(_R, "input_voltage_range", "Input voltage range", states.INPUT_RANGES),
    _select(_R, "operation_logic", "Operation logic", states.OPERATION_LOGICS),
    _select(_R, "pv_ok_condition", "PV condition in a parallel group", states.PV_CONDITIONS),
    _switch(_R, "solar_power_balance", "Solar power balance"),
    _select(_R, "solar_power_priority", "Use of solar power", states.PV_ORDERS),
    # Changing it on a running group, or to one that is not wired so, stops the supply.
    _select(_R, "output_mode", "Output mode", states.OUTPUT_MODES, risk=Risk.OUTAGE),
)

FLAGS: tuple[VoltronicPoint, ...] = (
    _switch(_F, "buzzer", "Buzzer"),
    _switch(_F, "overload_bypass", "Bypass on overload"),
    _switch(_F, "overload_bypass_2", "Second bypass on overload"),
    _switch(_F, "overload_restart", "Restart after overload"),
    _switch(_F, "over_temperature_restart", "Restart after over temperature"),
    _switch(_F, "power_saving", "Power saving"),
    _switch(_F, "backlight", "Display backlight"),
    _switch(_F, "lcd_return_to_default", "Display returns to its first page"),
    _switch(_F, "primary_source_alarm", "Beep when the primary source is interrupted"),
    _switch(_F, "fault_record", "Fault record"),
    _switch(_F, "data_log_popup", "Data log pop-up"),
    _at(_F, "battery_connect_status", "Battery connect status", Quantity.FLAG, diagnostic=True),
    # Needs the consent of the grid operator.
    _switch(_F, "feed_to_grid", "Feed solar power into the grid", risk=Risk.INSTALLER),
)

CLOCK: tuple[VoltronicPoint, ...] = (
    _at(Block.CLOCK, "set_clock", "Set the clock", Quantity.FLAG, access=Access.PRESS),
)

POINTS = (*SOURCES, *BATTERY, *EQUALIZATION, *FLAGS, *CLOCK, *RATINGS)
