"""Alarms of a module: states that are not normal, and the bits of its event words (reference section 5 and tables)."""

from collections.abc import Mapping
from dataclasses import dataclass

from .blocks import Fields

NORMAL = "normal"
NONE = "none"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One named condition."""

    slug: str
    name: str


STATE_ALARMS: Mapping[str, Alarm] = {
    "voltage_state": Alarm("module_voltage", "Module voltage"),
    "current_state": Alarm("module_current", "Module current"),
    "temperature_state": Alarm("module_temperature", "Module temperature"),
    "cell_voltage_state": Alarm("cell_voltage", "Cell voltage"),
    "cell_temperature_state": Alarm("cell_temperature", "Cell temperature"),
    "mosfet_temperature_state": Alarm("mosfet_temperature", "MOSFET temperature"),
    "system_alarm_state": Alarm("system_alarm", "System alarm"),
}
"""Which alarm it is when that state is not normal."""
SYSTEM_ERROR = Alarm("system_error", "System error")
"""The base state ``SysError`` (section 8)."""
MODULE_LOST = Alarm("module_lost", "Module lost")
MODULE_RETURNED = Alarm("module_returned", "Module returned")
CELL_MEASUREMENT = Alarm("cell_measurement", "Cell measurement failed")
"""Status 4 and 5 of an RS-485 alarm reply (section 11)."""

POWER_EVENTS: Mapping[int, Alarm] = {
    0: Alarm("over_voltage", "Over voltage"),
    1: Alarm("high_voltage", "High voltage"),
    3: Alarm("low_voltage", "Low voltage"),
    4: Alarm("under_voltage", "Under voltage"),
    5: Alarm("cell_sleep", "Cell asleep"),
    6: Alarm("battery_life_1", "Battery life, first warning"),
    8: Alarm("over_temperature", "Over temperature"),
    9: Alarm("high_temperature", "High temperature"),
    11: Alarm("low_temperature", "Low temperature"),
    12: Alarm("under_temperature", "Under temperature"),
    15: Alarm("charge_level_low", "Charge level low"),
    16: Alarm("short_circuit", "Short circuit"),
    17: Alarm("discharge_over_current_2", "Discharge over current, second stage"),
    18: Alarm("charge_over_current_2", "Charge over current, second stage"),
    19: Alarm("discharge_over_current", "Discharge over current"),
    20: Alarm("charge_over_current", "Charge over current"),
    24: Alarm("power_failure", "System power failure"),
    28: Alarm("system_fault", "System fault"),
    29: Alarm("hibernation", "Hibernation"),
    30: Alarm("shutdown", "Shutdown"),
    31: Alarm("battery_life_2", "Battery life, second warning"),
}
"""Bits of the word ``Power Events`` that are alarms; the others tell of ordinary states (``event_bits.csv``)."""

SYSTEM_FAULTS: Mapping[int, Alarm] = {
    0: Alarm("external_power_reversed", "External power reversed"),
    1: Alarm("external_power_over_voltage", "External power over voltage"),
    2: Alarm("current_measurement", "Current measurement failed"),
    3: Alarm("analog_front_end", "Analog front end failed"),
    4: Alarm("sleep_module", "Sleep module failed"),
    5: Alarm("temperature_sensor", "Temperature sensor failed"),
    6: Alarm("voltage_measurement", "Voltage measurement failed"),
    7: Alarm("i2c_bus", "I2C bus failed"),
    8: Alarm("can_address", "CAN address not assigned"),
    9: Alarm("can_communication", "Internal CAN communication failed"),
    10: Alarm("charge_fet", "Charge FET failed"),
    11: Alarm("discharge_fet", "Discharge FET failed"),
}
"""Bits of the word ``System Fault``."""

ALARMS: Mapping[str, Alarm] = {
    alarm.slug: alarm
    for alarm in (
        *STATE_ALARMS.values(),
        SYSTEM_ERROR,
        MODULE_LOST,
        MODULE_RETURNED,
        CELL_MEASUREMENT,
        *POWER_EVENTS.values(),
        *SYSTEM_FAULTS.values(),
    )
}
KINDS: Mapping[int, str] = dict(enumerate(ALARMS))
"""What can happen to a stack, numbered as an event needs it."""


def of_states(fields: Fields) -> dict[str, str]:
    """The alarms that the states of a module mean, each with the state."""
    active = {
        alarm.slug: str(state)
        for key, alarm in STATE_ALARMS.items()
        if (state := fields.get(key)) is not None and state != NORMAL
    }
    if fields.get("battery_state") == SYSTEM_ERROR.slug:
        active[SYSTEM_ERROR.slug] = SYSTEM_ERROR.slug
    return active


def of_words(power_events: int, system_fault: int) -> list[str]:
    """The alarms that are set in the two event words of a module (section 6.2)."""
    return [alarm.slug for bit, alarm in POWER_EVENTS.items() if power_events >> bit & 1] + [
        alarm.slug for bit, alarm in SYSTEM_FAULTS.items() if system_fault >> bit & 1
    ]


def listing(slugs: Mapping[str, str] | list[str]) -> str:
    """Alarms as text."""
    return ", ".join(slugs) or NONE


def listed(text: object) -> list[str]:
    """The slugs that ``listing`` wrote."""
    return text.split(", ") if isinstance(text, str) and text and text != NONE else []
