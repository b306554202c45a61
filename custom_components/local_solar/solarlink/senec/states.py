"""What the appliance says it does: 101 system states in 14 groups, and a wallbox's states (reference section 10)."""

from enum import StrEnum


class Group(StrEnum):
    """What a system state means for the owner."""

    STARTUP = "startup"
    ERROR = "error"
    LIMITED = "limited"
    SERVICE_CHARGE = "service_charge"
    WARNING = "warning"
    FULL = "full"
    CHARGING = "charging"
    EMPTY = "empty"
    DISCHARGING = "discharging"
    IDLE = "idle"
    OFF = "off"
    TEST = "test"
    ISLAND = "island"
    GRID_OUTAGE = "grid_outage"


_BY_GROUP: dict[Group, dict[int, str]] = {
    Group.STARTUP: {
        0: "initialstate",
        22: "restart",
        68: "grid_initialization",
        69: "grid_stabilization",
        78: "initialising",
    },
    Group.ERROR: {
        1: "error_inverter_communication",
        2: "error_electricity_meter",
        27: "eg_error",
        35: "nsp_error",
        36: "nsp_error_grid",
        37: "nsp_error_hardware",
        39: "bms_error",
        47: "man_desulfatation_error",
        49: "emergency_charge_error",
        51: "man_equalization_error",
        57: "error_battery_inverter",
        59: "bms_offline",
        60: "maintenance_charge_error",
        61: "man_safety_charge_error",
        62: "safety_charge_error",
        66: "battery_voltage_error",
        72: "error_halfbridge",
        73: "bms_error_operating_temperature",
        74: "factory_settings_not_found",
        77: "backup_power_mode_error",
        86: "error_temperaturesensor",
        90: "selftest_error",
        91: "earth_fault",
        94: "error_drm0",
        98: "bms_error_module_imbalance",
    },
    Group.LIMITED: {
        3: "ripple_control_receiver",
        26: "battery_protection_mode",
        28: "eg_charge",
        29: "eg_discharge",
        30: "eg_passive",
        31: "eg_prohibit_charge",
        32: "eg_prohibit_discharge",
        85: "external_control",
        87: "grid_operator_charge_prohibited",
        88: "grid_operator_discharge_prohibited",
        89: "spare_capacity",
    },
    Group.SERVICE_CHARGE: {
        4: "initial_charge",
        5: "maintenance_charge",
        6: "maintenance_ready",
        8: "man_safety_charge",
        9: "safety_charge_ready",
        11: "equalization_charge",
        12: "desulfatation_charge",
        23: "man_equalization_charge",
        24: "man_desulfatation_charge",
        25: "safety_charge",
        33: "emergency_charge",
        43: "capacity_test_charge",
        44: "capacity_test_discharge",
        45: "man_desulfatation_wait",
        46: "man_desulfatation_ready",
        48: "equalization_wait",
        50: "man_equalization_wait",
        52: "man_equalization_ready",
        53: "auto_desulfatation_wait",
        71: "offpeak_charge",
        95: "battery_diagnosis",
        96: "battery_balancing",
        97: "safety_discharge",
        99: "wake_up_charge",
        100: "sox_calibration",
    },
    Group.WARNING: {
        7: "maintenance_required",
        38: "no_server_connection",
        40: "maintenance_filter",
        58: "npu_error",
        63: "no_connection_to_master",
        81: "bms_update_needed",
        82: "bms_configuration_needed",
    },
    Group.FULL: {
        10: "full_charge",
        13: "battery_full",
    },
    Group.CHARGING: {
        14: "charge",
        54: "absorption_phase",
    },
    Group.EMPTY: {
        15: "battery_empty",
    },
    Group.DISCHARGING: {
        16: "discharge",
        17: "pv_plus_discharge",
        18: "grid_plus_discharge",
    },
    Group.IDLE: {
        19: "passive",
        21: "own_consumption",
        42: "waiting_excess",
        56: "peak_shaving_wait",
        92: "pv_mode",
    },
    Group.OFF: {
        20: "off",
        41: "lithium_shutdown",
        55: "dc_switch_off",
        67: "bms_dc_switched_off",
        70: "remote_shutdown",
        93: "remote_shutdown_grid_operator",
    },
    Group.TEST: {
        34: "software_update",
        64: "lithium_safe_mode_active",
        65: "lithium_safe_mode_done",
        79: "installation_mode",
        83: "insulation_test",
        84: "selftest",
    },
    Group.ISLAND: {
        75: "backup_power_mode_active",
        76: "backup_power_mode_battery_empty",
    },
    Group.GRID_OUTAGE: {
        80: "grid_offline",
    },
}

SYSTEM_STATES: dict[int, str] = dict(
    sorted((code, slug) for states in _BY_GROUP.values() for code, slug in states.items())
)
"""Code of ``ENERGY.STAT_STATE`` to slug."""

STATE_GROUPS: dict[int, Group] = {code: group for group, states in _BY_GROUP.items() for code in states}
"""Code of ``ENERGY.STAT_STATE`` to what it means."""

NO_SERVER_CONNECTION = 38
"""The appliance cannot reach the vendor's cloud; asked too often, it says so too (reference section 5)."""

ON_BACKUP_POWER = frozenset({75, 76})
"""The house lives on the battery alone."""

WALLBOX_STATES: dict[int, str] = {
    0x00: "invalid",
    0xA1: "not_connected",
    0xA2: "not_connected_locked",
    0xB1: "connected",
    0xB2: "ready",
    0xC1: "charge_requested_locked",
    0xC2: "charging",
    0xC3: "charging_reduced_temperature",
    0xC4: "charging_reduced_imbalance",
    0xE0: "disabled",
    0xE1: "production_test",
    0xE2: "programmable",
    0xE3: "bus_idle",
    0xF1: "error_contact_welded",
    0xF2: "error_internal",
    0xF3: "error_residual_current",
    0xF4: "error_communication",
    0xF5: "error_lock",
    0xF6: "error_cable",
    0xF7: "error_vehicle_temperature",
    0xF8: "error_vehicle_communication",
    0xF9: "error_power_supply",
    0xFA: "error_temperature",
    0xFB: "error_contact_open",
    0xFC: "reserved_fc",
    0xFD: "reserved_fd",
}
"""Code of ``WALLBOX.STATE`` to slug."""

WALLBOX_ERRORS = frozenset(code for code, slug in WALLBOX_STATES.items() if slug.startswith("error_"))
"""States in which a wallbox reports a fault."""

STARTUP_STATES: dict[int, str] = {
    0: "stabilize_mcu_supply",
    16: "start_high_side_pwm",
    32: "start_aux_supply",
    48: "start_monitoring",
    64: "thermal_management",
    80: "start_protection",
    88: "check_islanding",
    96: "degauss_rcd",
    112: "get_ac_offset",
    128: "switch_on_relay_supply",
    136: "check_strings",
    140: "establish_link",
    141: "black_start",
    144: "test_ac_relay",
    160: "test_dc_relay",
    176: "switch_on_dc_relay",
    184: "check_dc_shortcircuit_and_polarity",
    192: "get_dc_offset",
    208: "test_rcd",
    224: "isolation_check",
    228: "switch_on_grid_protection",
    232: "reestablish_link",
    236: "recheck_islanding",
    237: "establish_islanding_link",
    238: "confirm_islanding",
    240: "wait_grid_protection",
    256: "establish_ac_voltage",
    264: "run_islanding",
    272: "run_grid",
    280: "check_short_fault",
    288: "safe_state",
    304: "sleep",
    312: "sleep_after_islanding",
    320: "shutdown_for_sleep",
    336: "system_reset",
    352: "wait_for_reset",
}
"""Code of ``STECA.STARTUP`` and ``PV1.STATE_INT`` to slug."""
