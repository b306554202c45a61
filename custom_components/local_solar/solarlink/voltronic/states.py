"""Codes of the wire and the slugs they stand for, for every state that a unit tells or is set to."""

from enum import StrEnum

MODES: dict[int, str] = {
    **{
        ord(letter): slug
        for letter, slug in {
            "P": "power_on",
            "S": "standby",
            "L": "line",
            "B": "battery",
            "F": "fault",
            "H": "power_saving",
            "D": "shutdown",
            "C": "charging",
            "Y": "bypass",
            "E": "eco",
            "G": "grid",
        }.items()
    },
    # PI18 numbers its modes.
    0: "power_on",
    1: "standby",
    2: "bypass",
    3: "battery",
    4: "fault",
    5: "hybrid",
}
"""Working modes: the letters of PI30 by their ASCII code (reference section 6.4), the numbers of PI18 (section 9)."""

CHARGE_SOURCES = {0: "none", 1: "solar", 2: "utility", 3: "solar_and_utility"}
CHARGE_STAGES = {10: "idle", 11: "bulk", 12: "absorption", 13: "float"}
"""Section 6.9."""
BATTERY_STATUS = {0: "normal", 1: "under_voltage", 2: "disconnected"}
GRID_REGULATIONS = {0: "india", 1: "germany", 2: "south_america"}
PARALLEL_ROLES = {0: "new", 1: "slave", 2: "master"}
CHARGER_STATUS = {0: "abnormal", 1: "not_charging", 2: "charging"}
BATTERY_DIRECTIONS = {0: "idle", 1: "charging", 2: "discharging"}
DC_AC_DIRECTIONS = {0: "idle", 1: "ac_to_dc", 2: "dc_to_ac"}
LINE_DIRECTIONS = {0: "idle", 1: "input", 2: "feed_in"}
MACHINE_TYPES = {0: "grid_tie", 1: "off_grid", 10: "hybrid", 11: "off_grid_two_trackers", 20: "off_grid_three_trackers"}
PI18_MACHINE_TYPES = {0: "off_grid", 1: "grid_tie"}
TOPOLOGIES = {0: "transformerless", 1: "transformer"}

BATTERY_TYPES = {
    0: "agm",
    1: "flooded",
    2: "user",
    3: "pylontech",
    4: "shinheung",
    5: "weco",
    6: "soltaro",
    7: "bak",
    8: "lib",
    9: "lic",
}
USER_BATTERY = "user"
INPUT_RANGES = {0: "appliance", 1: "ups"}
OPERATION_LOGICS = {0: "automatic", 1: "on_line", 2: "eco"}
CHARGING_STAGES = {0: "automatic", 1: "two_stage", 2: "three_stage"}
PV_CONDITIONS = {0: "any_unit", 1: "all_units"}
PV_ORDERS = {0: "battery_load_utility", 1: "load_battery_utility"}
OUTPUT_MODES = {
    0: "single",
    1: "parallel",
    2: "phase_1_of_3",
    3: "phase_2_of_3",
    4: "phase_3_of_3",
    5: "phase_1_of_2",
    6: "phase_2_of_2_120_degrees",
    7: "phase_2_of_2_180_degrees",
    # The split-phase units count their three modes otherwise; beyond 100 stands for them.
    105: "parallel_120_degrees",
    106: "parallel_180_degrees",
}
"""Section 6.3."""
PI41_OUTPUT_MODES = {0: 0, 1: 1, 5: 105, 6: 106}
"""What a split-phase unit says, as a code of ``OUTPUT_MODES``."""

BATTERY_CONTROLS = {
    111: "all_enabled",
    11: "discharge_off_shutdown",
    101: "discharge_off_standby",
    110: "charge_off",
    10: "all_off_shutdown",
    100: "all_off_standby",
    0: "cleared",
}
"""The three digits of the battery control (section 7.4) as a number."""

OUTPUT_PRIORITIES = {0: "utility_first", 1: "solar_first", 2: "solar_battery_utility"}
CHARGER_PRIORITIES = {
    0: "utility_first",
    1: "solar_first",
    2: "solar_and_utility",
    3: "only_solar",
    # The KING series combines the order of use with the charging by utility.
    10: "solar_battery_load_utility_charges",
    11: "solar_battery_load_utility_never_charges",
    12: "solar_load_battery_utility_charges",
    13: "solar_load_battery_utility_never_charges",
}


class PriorityMap(StrEnum):
    """How a unit numbers its priorities (section 8)."""

    STANDARD = "standard"
    SHIFTED = "shifted"
    """VMII and clones: no code for utility first at 0, it comes last."""
    KING = "king"


OUTPUT_PRIORITY_MAPS: dict[PriorityMap, dict[int, str]] = {
    PriorityMap.STANDARD: OUTPUT_PRIORITIES,
    PriorityMap.SHIFTED: {0: "solar_first", 1: "solar_battery_utility", 2: "utility_first"},
}
CHARGER_PRIORITY_MAPS: dict[PriorityMap, dict[int, str]] = {
    PriorityMap.STANDARD: {code: slug for code, slug in CHARGER_PRIORITIES.items() if code < 10},
    PriorityMap.SHIFTED: {0: "solar_first", 1: "solar_and_utility", 2: "only_solar"},
    PriorityMap.KING: {code - 10: slug for code, slug in CHARGER_PRIORITIES.items() if code >= 10},
}
PI18_OUTPUT_PRIORITIES = {0: "solar_first", 1: "solar_battery_utility"}

FLAG_LETTERS: dict[str, str] = {
    "a": "buzzer",
    "b": "overload_bypass",
    "c": "overload_bypass_2",
    "d": "feed_to_grid",
    "j": "power_saving",
    "k": "lcd_return_to_default",
    "l": "data_log_popup",
    "m": "battery_connect_status",
    "u": "overload_restart",
    "v": "over_temperature_restart",
    "x": "backlight",
    "y": "primary_source_alarm",
    "z": "fault_record",
}
"""Letters of the switchable flags (section 6.6). ``g`` and ``n`` are seen, but nobody knows what they do."""
PI18_FLAGS = (
    "buzzer",
    "overload_bypass",
    "lcd_return_to_default",
    "overload_restart",
    "over_temperature_restart",
    "backlight",
    "primary_source_alarm",
    "fault_record",
)
"""The flags of PI18 in their order; the letters to switch them are A to H (section 9)."""

MODELS: dict[str, str] = {
    "001": "VP-5000",
    "002": "VM-5000",
    "003": "VP-3000",
    "004": "VM-3000",
    "005": "MKS+-2000-48-LV-LY",
    "006": "Axpert MLV 3K-24",
    "007": "Axpert PLV 3K-24",
    "008": "Axpert MKS 3KP",
    "009": "Axpert KS 3KP",
    "010": "Axpert MKS 5KP",
    "011": "Axpert KS 5KP",
    "012": "Axpert MKS 4K/5K 64VDC",
    "013": "Axpert KS 4K/5K 64VDC",
    "014": "Axpert MKS 4K/5K",
    "015": "Axpert KS 4K/5K",
    "016": "ALFA M-5000",
    "017": "ALFA P-5000",
    "018": "Axpert Plus Duo/Tri 5KVA",
    "019": "Axpert EPS 5KW",
    "020": "Axpert EPS M-5KW",
    "021": "Axpert EPS 33-5KW",
    "022": "Axpert MKS II 5KW",
    "023": "Axpert KING 5KW",
    "024": "Axpert KING 3KW",
    "025": "Axpert MKS II 5KW",
    "026": "Axpert MLV 5KW-48V",
    "027": "Axpert VM III",
    "028": "Axpert VM III 3.2KW",
    "029": "Axpert VM II",
    "030": "Axpert VM II",
    "031": "Axpert MKS II 5KW",
    "032": "MKS Zero LV 0.7KW",
    "033": "MKS Zero LV 1.4KW",
    "034": "MKS Zero LV 2.6KW",
    "035": "Axpert KING 5KW",
    "036": "Axpert KING 3KW",
    "037": "Axpert VM III",
    "038": "Axpert MKS II 5KW",
    "039": "Axpert MKS II 5KW LV",
    "040": "Axpert SE 3.5K",
    "041": "Axpert SE 5.5K",
    "042": "Axpert MKS III 5KW",
    "043": "Axpert MAX 3.6K",
    "044": "Axpert MAX 7.2K",
    "045": "Axpert MAX 5K LV",
}
"""Numeric model codes."""
