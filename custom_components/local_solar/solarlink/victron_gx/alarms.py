"""What the alarm registers are about, in words (reference section 2.2)."""

from collections.abc import Mapping

from .registers import Service
from .states import ALARM, ALARM_LEVELS, NO_ALARM

PHASES = (1, 2, 3)
BATTERY_ALARMS: Mapping[str, str] = {
    "low_voltage": "Low voltage",
    "high_voltage": "High voltage",
    "low_cell_voltage": "Low cell voltage",
    "low_state_of_charge": "Low state of charge",
    "low_temperature": "Low temperature",
    "high_temperature": "High temperature",
    "low_charge_temperature": "Low charge temperature",
    "high_charge_temperature": "High charge temperature",
    "high_internal_temperature": "High internal temperature",
    "high_charge_current": "High charge current",
    "high_discharge_current": "High discharge current",
    "high_current": "High current",
    "cell_imbalance": "Cell imbalance",
    "mid_voltage": "Mid-point voltage",
    "internal_failure": "Internal failure",
    "bms_cable": "BMS cable",
    "contactor": "Contactor",
}
RARE_ALARMS: Mapping[str, str] = {
    "fuse_blown": "Fuse blown",
    "low_starter_voltage": "Low starter voltage",
    "high_starter_voltage": "High starter voltage",
    "low_fused_voltage": "Low fused voltage",
    "high_fused_voltage": "High fused voltage",
    "general": "General",
}
"""Of what few batteries have: they are in the list of active alarms, and no points of their own."""
VEBUS_ALARMS: Mapping[str, str] = {
    "high_temperature": "High temperature",
    "low_battery": "Low battery",
    "overload": "Overload",
    "ripple": "DC ripple",
    "temperature_sensor": "Temperature sensor",
    "voltage_sensor": "Voltage sensor",
    "phase_rotation": "Phase rotation",
    "grid_lost": "Grid lost",
}
_OF_PHASES = ("high_temperature", "low_battery", "overload", "ripple")
_OF_PHASES_ONLY = ("ripple",)


def vebus_registers(alarm: str) -> tuple[str, ...]:
    """The registers of an alarm: that of the whole system, where it has one, and those of the phases."""
    phases = tuple(f"{alarm}_alarm_l{phase}" for phase in PHASES) if alarm in _OF_PHASES else ()
    return phases if alarm in _OF_PHASES_ONLY else (f"{alarm}_alarm", *phases)


def _names() -> dict[tuple[Service, str], str]:
    names = {(Service.BATTERY, f"{alarm}_alarm"): name for alarm, name in {**BATTERY_ALARMS, **RARE_ALARMS}.items()}
    for alarm, name in VEBUS_ALARMS.items():
        for register in vebus_registers(alarm):
            phase = f" {register[-2:].upper()}" if register[-3:-1] == "_l" else ""
            names[Service.VEBUS, register] = name + phase
    return names


ALARM_NAMES: Mapping[tuple[Service, str], str] = _names()
"""Every alarm register in words."""


def level_of(code: int) -> str:
    """The level that a code stands for; one that nobody knows is an alarm."""
    return ALARM_LEVELS.get(code, ALARM)


def active(service: Service, codes: Mapping[str, int]) -> str:
    """The alarms that are on, in words: ``Low voltage (warning), Contactor (alarm)``."""
    levels = {register: level_of(code) for register, code in codes.items()}
    return ", ".join(
        f"{ALARM_NAMES[service, register]} ({level})" for register, level in levels.items() if level != NO_ALARM
    )
