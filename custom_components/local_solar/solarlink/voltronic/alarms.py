"""Warnings and faults: the names of bits and codes (reference section 6.5 and its tables), and how bad each is."""

from dataclasses import dataclass
from enum import StrEnum

from ..points import Pace, Point, Quantity
from .blocks import ROOT, Block, Source, VoltronicPoint


class Severity(StrEnum):
    """How bad an alarm is."""

    INFORMATION = "information"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One named condition. ``with_fault`` makes it a fault while the unit says that it has one."""

    slug: str
    name: str
    severity: Severity = Severity.WARNING
    with_fault: bool = False


_FAULT, _INFORMATION = Severity.FAULT, Severity.INFORMATION

WARNING_BITS: tuple[Alarm, ...] = (
    Alarm("pv_loss", "PV lost", _INFORMATION),
    Alarm("inverter_fault", "Inverter fault", _FAULT),
    Alarm("bus_over", "Bus voltage too high", _FAULT),
    Alarm("bus_under", "Bus voltage too low", _FAULT),
    Alarm("bus_soft_fail", "Bus soft start failed", _FAULT),
    Alarm("line_fail", "Grid lost"),
    Alarm("output_short", "Output short circuit"),
    Alarm("inverter_voltage_low", "Inverter voltage too low", _FAULT),
    Alarm("inverter_voltage_high", "Inverter voltage too high", _FAULT),
    Alarm("over_temperature", "Over temperature", with_fault=True),
    Alarm("fan_locked", "Fan locked", with_fault=True),
    Alarm("battery_voltage_high", "Battery voltage too high", with_fault=True),
    Alarm("battery_low", "Battery low"),
    Alarm("overcharge", "Overcharge", _FAULT),
    Alarm("battery_under_shutdown", "Battery under-voltage shutdown"),
    Alarm("battery_derating", "Battery derating"),
    Alarm("overload", "Overload", with_fault=True),
    Alarm("eeprom_fault", "EEPROM fault"),
    Alarm("inverter_over_current", "Inverter over current", _FAULT),
    Alarm("inverter_soft_fail", "Inverter soft start failed", _FAULT),
    Alarm("self_test_fail", "Self test failed", _FAULT),
    Alarm("output_dc_over", "DC voltage on the output", _FAULT),
    Alarm("battery_open", "Battery disconnected", _FAULT),
    Alarm("current_sensor_fail", "Current sensor failed", _FAULT),
    Alarm("battery_short", "Battery short circuit", _FAULT),
    Alarm("power_limit", "Power limited"),
    Alarm("pv_voltage_high", "PV voltage too high"),
    Alarm("mppt_overload_fault", "MPPT overload fault"),
    Alarm("mppt_overload_warning", "MPPT overload warning"),
    Alarm("battery_too_low_to_charge", "Battery too low to charge"),
    Alarm("dcdc_over_current", "DC/DC over current", _FAULT),
    Alarm("battery_weak", "Battery weak"),
    Alarm("fault_digit", "Fault digit"),
    Alarm("low_pv_energy", "Low PV energy"),
    Alarm("high_ac_input_during_start", "AC input too high during start"),
    Alarm("battery_equalization", "Battery equalisation in progress", _INFORMATION),
)
"""The positions of the warning word, first character first."""

TRIPLE_CHARGER_BITS: tuple[Alarm, ...] = (
    Alarm("pv2_voltage_high", "PV2 voltage too high"),
    Alarm("mppt2_overload_fault", "MPPT2 overload fault"),
    Alarm("mppt2_overload_warning", "MPPT2 overload warning"),
    Alarm("battery_too_low_to_charge_2", "Battery too low to charge (charger 2)"),
    Alarm("pv3_voltage_high", "PV3 voltage too high"),
    Alarm("mppt3_overload_fault", "MPPT3 overload fault"),
    Alarm("mppt3_overload_warning", "MPPT3 overload warning"),
    Alarm("battery_too_low_to_charge_3", "Battery too low to charge (charger 3)"),
)
"""Positions 30 to 37 of a word of 38 characters (Plus Duo and Tri)."""

PI18_BITS: tuple[Alarm, ...] = (
    Alarm("line_fail", "Grid lost"),
    Alarm("output_short", "Output short circuit"),
    Alarm("over_temperature", "Over temperature"),
    Alarm("fan_locked", "Fan locked"),
    Alarm("battery_voltage_high", "Battery voltage too high"),
    Alarm("battery_low", "Battery low"),
    Alarm("battery_under_shutdown", "Battery under-voltage shutdown"),
    Alarm("overload", "Overload"),
    Alarm("eeprom_fault", "EEPROM fault"),
    Alarm("power_limit", "Power limited"),
    Alarm("pv_voltage_high", "PV voltage too high"),
    Alarm("pv2_voltage_high", "PV2 voltage too high"),
    Alarm("mppt_overload_warning", "MPPT overload warning"),
    Alarm("mppt2_overload_warning", "MPPT2 overload warning"),
    Alarm("battery_too_low_to_charge", "Battery too low to charge"),
    Alarm("battery_too_low_to_charge_2", "Battery too low to charge (charger 2)"),
)
"""Fields 1 to 16 of the PI18 warning reply (section 9)."""

NO_FAULT = "none"
FAULT_CODES: dict[int, str] = {
    0: NO_FAULT,
    1: "fan_locked",
    2: "over_temperature",
    3: "battery_voltage_high",
    4: "battery_voltage_low",
    5: "output_short_or_over_temperature",
    6: "output_voltage_high",
    7: "overload_timeout",
    8: "bus_over",
    9: "bus_soft_fail",
    10: "pv_over_current",
    11: "pv_over_voltage",
    12: "dcdc_over_current",
    13: "battery_discharge_over_current",
    51: "inverter_over_current",
    52: "bus_under",
    53: "inverter_soft_fail",
    54: "self_test_fail",
    55: "output_dc_over",
    56: "battery_open",
    57: "current_sensor_fail",
    58: "output_voltage_low",
    59: "pv_voltage_high",
    60: "power_feedback",
    71: "firmware_inconsistent",
    72: "current_sharing_fault",
    73: "output_voltage_setting_differs",
    80: "can_failed",
    81: "host_lost",
    82: "synchronisation_lost",
    83: "battery_voltage_differs",
    84: "ac_input_differs",
    85: "output_current_unbalance",
    86: "output_mode_differs",
}

ALARMS: dict[str, Alarm] = {
    alarm.slug: alarm for alarm in (*WARNING_BITS, *TRIPLE_CHARGER_BITS) if alarm.slug != "fault_digit"
}
KINDS: dict[int, str] = dict(enumerate(sorted({*ALARMS, *FAULT_CODES.values()} - {NO_FAULT})))
"""What can happen: every warning and every fault code by its slug."""


def alarm_key(slug: str) -> str:
    """The key of the point that shows one alarm."""
    return f"alarm_{slug}"


def _point(alarm: Alarm) -> VoltronicPoint:
    told = alarm.severity is Severity.INFORMATION
    return Point(
        key=alarm_key(alarm.slug),
        name=alarm.name,
        unit_kind=ROOT,
        quantity=Quantity.FLAG if told else Quantity.PROBLEM,
        address=Source(Block.WARNINGS),
        pace=Pace.MINUTE,
        diagnostic=True,
    )


POINTS: tuple[VoltronicPoint, ...] = (
    Point(
        key="fault",
        name="Fault",
        unit_kind=ROOT,
        quantity=Quantity.PROBLEM,
        address=Source(Block.WARNINGS),
        pace=Pace.MINUTE,
        enabled=True,
    ),
    Point(
        key="warning",
        name="Warning",
        unit_kind=ROOT,
        quantity=Quantity.PROBLEM,
        address=Source(Block.WARNINGS),
        pace=Pace.MINUTE,
        enabled=True,
    ),
    Point(
        key="active_alarms",
        name="Active alarms",
        unit_kind=ROOT,
        quantity=Quantity.TEXT,
        address=Source(Block.WARNINGS),
        pace=Pace.MINUTE,
        enabled=True,
        diagnostic=True,
    ),
    Point(
        key="fault_code",
        name="Fault code",
        unit_kind=ROOT,
        quantity=Quantity.STATE,
        options=FAULT_CODES,
        address=Source(Block.WARNINGS),
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    Point(
        key="alarm",
        name="Alarm",
        unit_kind=ROOT,
        quantity=Quantity.EVENT,
        options=KINDS,
        address=Source(Block.WARNINGS),
        pace=Pace.MINUTE,
        enabled=True,
    ),
    *(_point(alarm) for alarm in ALARMS.values()),
)
