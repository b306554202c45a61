"""Codes of the GX and the slugs that stand for them (reference section 2.2)."""

from collections.abc import Mapping

OTHER = "other"
"""Slug of a code that the tables do not have: newer firmware."""
_OTHER = {-1: OTHER}

ACTIVE_INPUT: Mapping[int, str] = {
    0: "not_available",
    1: "grid",
    2: "generator",
    3: "shore_power",
    240: "not_connected",
    **_OTHER,
}
DIRECTION: Mapping[int, str] = {0: "idle", 1: "charging", 2: "discharging"}
ESS_MODE: Mapping[int, str] = {1: "phase_compensation", 2: "no_phase_compensation", 3: "external_control"}
BATTERY_LIFE: Mapping[int, str] = {
    0: "disabled",
    1: "restarting",
    2: "self_consumption",
    3: "self_consumption",
    4: "self_consumption",
    5: "discharge_disabled",
    6: "force_charge",
    7: "sustain",
    9: "keep_charged",
    10: "without_battery_life",
    11: "low_state_of_charge",
    **_OTHER,
}
INVERTING = 9
"""State of a Multi or Quattro that feeds the house without a grid."""

VEBUS_STATE: Mapping[int, str] = {
    0: "off",
    1: "low_power",
    2: "fault",
    3: "bulk",
    4: "absorption",
    5: "float",
    6: "storage",
    7: "equalize",
    8: "passthru",
    INVERTING: "inverting",
    10: "power_assist",
    11: "power_supply",
    252: "external_control",
    **_OTHER,
}
VEBUS_MODE: Mapping[int, str] = {1: "charger_only", 2: "inverter_only", 3: "on", 4: "off"}
VEBUS_INPUT: Mapping[int, str] = {0: "ac_input_1", 1: "ac_input_2", 240: "disconnected", **_OTHER}
NO_ALARM, WARNING, ALARM = "none", "warning", "alarm"
ALARM_LEVELS: Mapping[int, str] = {0: NO_ALARM, 1: WARNING, 2: ALARM}
"""What an alarm register holds; whatever else it holds is an alarm."""
