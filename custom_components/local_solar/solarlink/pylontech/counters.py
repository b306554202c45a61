"""The counters of a module (``stat N``, reference section 6.4): what the console calls them and what they count."""

from collections.abc import Mapping
from typing import NamedTuple


class Counter(NamedTuple):
    """Key and name of a point."""

    key: str
    name: str


EVENTS: Mapping[str, Counter] = {
    "Charge Times": Counter("charge_starts", "Charge starts"),
    "Idle Times": Counter("idle_starts", "Idle starts"),
    "COC Times": Counter("charge_over_current_count", "Charge over current events"),
    "COC2 Times": Counter("charge_over_current_2_count", "Charge over current events, second stage"),
    "DOC Times": Counter("discharge_over_current_count", "Discharge over current events"),
    "DOC2 Times": Counter("discharge_over_current_2_count", "Discharge over current events, second stage"),
    "COCA Times": Counter("charge_over_current_alarm_count", "Charge over current alarms"),
    "DOCA Times": Counter("discharge_over_current_alarm_count", "Discharge over current alarms"),
    "SC Times": Counter("short_circuit_count", "Short circuits"),
    "Bat OV Times": Counter("cell_over_voltage_count", "Cell over voltage events"),
    "Bat HV Times": Counter("cell_high_voltage_count", "Cell high voltage events"),
    "Bat LV Times": Counter("cell_low_voltage_count", "Cell low voltage events"),
    "Bat UV Times": Counter("cell_under_voltage_count", "Cell under voltage events"),
    "Bat SLP Times": Counter("cell_sleep_count", "Cell sleep events"),
    "Pwr OV Times": Counter("module_over_voltage_count", "Module over voltage events"),
    "Pwr HV Times": Counter("module_high_voltage_count", "Module high voltage events"),
    "Pwr LV Times": Counter("module_low_voltage_count", "Module low voltage events"),
    "Pwr UV Times": Counter("module_under_voltage_count", "Module under voltage events"),
    "Pwr SLP Times": Counter("module_sleep_count", "Module sleep events"),
    "COT Times": Counter("charge_over_temperature_count", "Charge over temperature events"),
    "CUT Times": Counter("charge_under_temperature_count", "Charge under temperature events"),
    "DOT Times": Counter("discharge_over_temperature_count", "Discharge over temperature events"),
    "DUT Times": Counter("discharge_under_temperature_count", "Discharge under temperature events"),
    "CHT Times": Counter("charge_high_temperature_count", "Charge high temperature events"),
    "CLT Times": Counter("charge_low_temperature_count", "Charge low temperature events"),
    "DHT Times": Counter("discharge_high_temperature_count", "Discharge high temperature events"),
    "DLT Times": Counter("discharge_low_temperature_count", "Discharge low temperature events"),
    "Shut Times": Counter("shutdown_count", "Shutdowns"),
    "Reset Times": Counter("reset_count", "Resets"),
    "RV Times": Counter("reverse_voltage_count", "Reverse voltage events"),
    "Input OV Times": Counter("input_over_voltage_count", "Input over voltage events"),
    "SOH Times": Counter("health_event_count", "Health events"),
    "BMICERR Times": Counter("monitor_error_count", "Cell monitor errors"),
    "LifeWarn Times": Counter("life_warning_count", "Life warnings"),
    "LifeAlarm Times": Counter("life_alarm_count", "Life alarms"),
}
"""Line of the reply to the counter that it is."""
