"""Points of the appliance itself: power flow, energy, state, force charge, versions and what is unlocked.

Fields and their meaning: tables of the protocol reference.
"""

from ..control.force_charge import Phase
from ..points import Access, Counting, Integral, Pace, Part, Quantity, Wear
from .address import Form, SenecPoint, Table, at
from .states import SYSTEM_STATES

_point = Table("appliance")

FORCE_CHARGE = "force_charge"
"""Key of the switch and name of the controller that charges to a target."""

FORCE_CHARGE_PHASES = {code: phase.value for code, phase in enumerate(Phase)}

UPDATE_STATES = {
    0: "reporting_start",
    1: "waiting",
    2: "reporting_status",
    3: "downloading_software",
    4: "downloading_software_checksum",
    5: "checking_software",
    6: "downloading_pages",
    7: "downloading_pages_checksum",
    8: "unpacking_pages",
    9: "restarting",
}

PEAK_SHAVING = "FEATURES.PEAKSHAVING"

POWER_FLOW: tuple[SenecPoint, ...] = (
    _point("system_state", "System state", Quantity.STATE, "ENERGY.STAT_STATE", options=SYSTEM_STATES, enabled=True),
    _point(
        "system_error",
        "System error",
        Quantity.PROBLEM,
        at("ENERGY.STAT_STATE", Form.SYSTEM_ERROR),
        enabled=True,
    ),
    _point("house_power", "House power", Quantity.POWER, "ENERGY.GUI_HOUSE_POW", enabled=True),
    _point(
        "pv_power",
        "PV power",
        Quantity.POWER,
        # At night it is negative zero, and the appliance's own page shows the magnitude.
        at("ENERGY.GUI_INVERTER_POWER", Form.MAGNITUDE),
        enabled=True,
    ),
    # Positive is import: already the sign we want.
    _point("grid_power", "Grid power", Quantity.POWER, "ENERGY.GUI_GRID_POW", enabled=True),
)

ENERGY: tuple[SenecPoint, ...] = (
    *(
        _point(
            key,
            name,
            Quantity.ENERGY,
            counting=Counting.TOTAL,
            integral=Integral(source, part, f"{key}_counter"),
            enabled=True,
        )
        for key, name, source, part in (
            ("pv_energy", "PV energy", "pv_power", Part.POSITIVE),
            ("grid_import_energy", "Grid import energy", "grid_power", Part.POSITIVE),
            ("grid_export_energy", "Grid export energy", "grid_power", Part.NEGATIVE),
            ("house_energy", "House energy", "house_power", Part.POSITIVE),
        )
    ),
    *(
        _point(key, name, Quantity.ENERGY, address, counting=Counting.TOTAL, pace=Pace.MINUTE)
        for key, name, address in (
            ("pv_energy_counter", "PV energy counter", "STATISTIC.LIVE_PV_GEN"),
            ("grid_import_energy_counter", "Grid import energy counter", "STATISTIC.LIVE_GRID_IMPORT"),
            ("grid_export_energy_counter", "Grid export energy counter", "STATISTIC.LIVE_GRID_EXPORT"),
            ("house_energy_counter", "House energy counter", "STATISTIC.LIVE_HOUSE_CONS"),
        )
    ),
)

CHARGE: tuple[SenecPoint, ...] = (
    _point.setting(
        FORCE_CHARGE,
        "Force charge",
        Quantity.FLAG,
        "ENERGY.SAFE_CHARGE_RUNNING",
        wear=Wear.RAM,
        enabled=True,
    ),
    _point(
        "force_charge_target",
        "Force charge target",
        # Not a state of charge: Home Assistant would show it as the charge of the appliance.
        Quantity.PERCENTAGE,
        controller=FORCE_CHARGE,
        enabled=True,
    ),
    _point("force_charge_until", "Force charge until", Quantity.TIMESTAMP, controller=FORCE_CHARGE),
    _point(
        "force_charge_state",
        "Force charge state",
        Quantity.STATE,
        options=FORCE_CHARGE_PHASES,
        controller=FORCE_CHARGE,
        enabled=True,
    ),
    _point.setting(
        "peak_shaving",
        "Peak shaving",
        Quantity.FLAG,
        at("WIZARD.PS_ENABLE", Form.FLAG, needs=PEAK_SHAVING),
        pace=Pace.SLOW,
        wear=Wear.RAM,
    ),
    _point.setting(
        "peak_shaving_reserve",
        "Peak shaving reserve",
        Quantity.PERCENTAGE,
        at("WIZARD.PS_RESERVOIR", needs=PEAK_SHAVING),
        pace=Pace.SLOW,
        minimum=0,
        maximum=100,
        step=1,
        wear=Wear.RAM,
    ),
    _point.setting(
        "peak_shaving_until",
        "Peak shaving until",
        Quantity.TIME_OF_DAY,
        at("WIZARD.PS_HOUR WIZARD.PS_MINUTE", Form.CLOCK_TIME, needs=PEAK_SHAVING),
        pace=Pace.SLOW,
        wear=Wear.RAM,
    ),
    _point(
        "peak_shaving_overridden",
        "Peak shaving overridden",
        Quantity.EVENT,
        at("WIZARD.PS_ENABLE WIZARD.PS_RESERVOIR WIZARD.PS_HOUR WIZARD.PS_MINUTE", needs=PEAK_SHAVING),
        options={1: "overridden"},
        pace=Pace.MINUTE,
    ),
    _point.setting(
        "wallbox_battery_support",
        "Wallbox battery support",
        Quantity.FLAG,
        # One value for all wallboxes (reference section 11.3), so it belongs to none of them.
        at("WALLBOX.ALLOW_INTERCHARGE", Form.FLAG, needs="WIZARD.SETUP_NUMBER_WALLBOXES"),
        pace=Pace.MINUTE,
        wear=Wear.RAM,
    ),
    *(
        _point(
            key,
            name,
            Quantity.CURRENT,
            at(address, needs="WIZARD.SETUP_NUMBER_WALLBOXES"),
            pace=Pace.SLOW,
            diagnostic=True,
        )
        for key, name, address in (
            ("wallbox_total_current_limit", "Wallbox total current limit", "WALLBOX.MAX_TOTAL_CURRENT_BY_GRID"),
            ("wallbox_phase_current_limit", "Wallbox phase current limit", "WALLBOX.MAX_PHASE_CURRENT_BY_GRID"),
        )
    ),
)

_SG_READY = "FEATURES.SGREADY"
_NOT_SET = 0xFFFF

CONDITION: tuple[SenecPoint, ...] = (
    _point(
        "system_warning",
        "System warning",
        Quantity.PROBLEM,
        at("ENERGY.STAT_STATE", Form.SYSTEM_WARNING),
        diagnostic=True,
    ),
    _point("state_code", "State code", Quantity.COUNT, "ENERGY.STAT_STATE", diagnostic=True),
    _point("state_text", "State text", Quantity.TEXT, at("ENERGY.STAT_STATE", Form.SYSTEM_TEXT), diagnostic=True),
    _point(
        "case_temperature",
        "Case temperature",
        Quantity.TEMPERATURE,
        "TEMPMEASURE.CASE_TEMP",
        pace=Pace.MINUTE,
        enabled=True,
    ),
    _point(
        "controller_temperature",
        "Controller temperature",
        Quantity.TEMPERATURE,
        # Many machines have no sensor there and tell about -158 °C, which is filtered.
        "TEMPMEASURE.MCU_TEMP",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _point(
        "operating_hours",
        "Operating hours",
        Quantity.DURATION,
        "ENERGY.STAT_HOURS_OF_OPERATION",
        unit="h",
        counting=Counting.TOTAL,
        pace=Pace.SLOW,
        diagnostic=True,
        enabled=True,
    ),
    _point(
        "feed_in_limit",
        "Feed-in limit",
        Quantity.PERCENTAGE,
        "PV1.POWER_RATIO",
        pace=Pace.MINUTE,
        diagnostic=True,
        enabled=True,
    ),
    *(
        _point(
            f"feed_in_limit_l{phase}",
            f"Feed-in limit L{phase}",
            Quantity.PERCENTAGE,
            f"PV1.POWER_RATIO_L{phase}",
            pace=Pace.MINUTE,
            diagnostic=True,
        )
        for phase in (1, 2, 3)
    ),
    _point(
        "meter_missing",
        "Power meter missing",
        Quantity.PROBLEM,
        "PM1.PWR_METERS_MISSING",
        pace=Pace.MINUTE,
        diagnostic=True,
        enabled=True,
    ),
    *(
        _point(key, name, Quantity.FLAG, address, pace=pace, diagnostic=True)
        for key, name, address, pace in (
            (
                "limited_by_phase_imbalance",
                "Limited by phase imbalance",
                "ENERGY.STAT_LIMITED_NET_SKEW",
                Pace.MINUTE,
            ),
            ("limited_by_grid_operator", "Limited by grid operator", "ENERGY.STAT_LIMITED_RCR", Pace.MINUTE),
            ("module_service_mode", "Module service mode", "ENERGY.LI_STORAGE_MODE_RUNNING", Pace.MINUTE),
            ("offpeak_charging", "Off-peak charging", "ENERGY.OFFPEAK_RUNNING", Pace.MINUTE),
            ("vendor_control", "Controlled by the vendor", "ENERGY.VPP_IS_ACTIVE", Pace.SLOW),
            ("zero_feed_in", "Zero feed-in", "ENERGY.ZERO_EXPORT", Pace.ONCE),
            ("update_available", "Update available", "SYS_UPDATE.UPDATE_AVAILABLE", Pace.SLOW),
            ("backup_power_unlocked", "Backup power unlocked", "FEATURES.ISLAND", Pace.ONCE),
            ("backup_power_pro_unlocked", "Backup power pro unlocked", "FEATURES.ISLAND_PRO", Pace.ONCE),
        )
    ),
    _point(
        "maintenance_due",
        "Maintenance due",
        Quantity.PROBLEM,
        "ENERGY.STAT_MAINT_REQUIRED",
        pace=Pace.SLOW,
        diagnostic=True,
    ),
    _point(
        "days_since_maintenance",
        "Days since maintenance",
        Quantity.DURATION,
        "ENERGY.STAT_DAYS_SINCE_MAINT",
        unit="d",
        pace=Pace.SLOW,
        diagnostic=True,
    ),
    _point("offpeak_power", "Off-peak power", Quantity.POWER, "ENERGY.OFFPEAK_POWER", pace=Pace.SLOW, diagnostic=True),
    _point(
        "offpeak_target",
        "Off-peak target",
        Quantity.PERCENTAGE,
        "ENERGY.OFFPEAK_TARGET",
        pace=Pace.SLOW,
        diagnostic=True,
    ),
    _point(
        "capacity_test_state",
        "Capacity test state",
        Quantity.COUNT,
        "ENERGY.GUI_CAP_TEST_STATE",
        pace=Pace.SLOW,
        diagnostic=True,
    ),
    _point(
        "update_state",
        "Update state",
        Quantity.STATE,
        "SYS_UPDATE.FSM_STATE",
        options=UPDATE_STATES,
        pace=Pace.SLOW,
        diagnostic=True,
    ),
    _point(
        "device_clock",
        "Device clock",
        Quantity.TIMESTAMP,
        "RTC.WEB_TIME RTC.UTC_OFFSET",
        pace=Pace.SLOW,
        diagnostic=True,
    ),
    _point(
        "sg_ready",
        "SG-Ready",
        Quantity.FLAG,
        at("WIZARD.SG_READY_ENABLED", Form.FLAG, needs=_SG_READY),
        pace=Pace.SLOW,
        diagnostic=True,
    ),
    _point(
        "sg_ready_mode",
        "SG-Ready mode",
        Quantity.COUNT,
        at("WIZARD.SG_READY_CURR_MODE", needs=_SG_READY),
        pace=Pace.SLOW,
        diagnostic=True,
    ),
    *(
        _point(
            key,
            name,
            Quantity.POWER,
            at(address, unset=_NOT_SET, needs=_SG_READY),
            pace=Pace.SLOW,
            diagnostic=True,
        )
        for key, name, address in (
            ("sg_ready_proposal_power", "SG-Ready proposal power", "WIZARD.SG_READY_POWER_PROP"),
            ("sg_ready_command_power", "SG-Ready command power", "WIZARD.SG_READY_POWER_COMM"),
        )
    ),
)

IDENTITY: tuple[SenecPoint, ...] = (
    *(
        _point(key, name, Quantity.TEXT, address, pace=Pace.ONCE, diagnostic=True)
        for key, name, address in (
            ("application_version", "Application version", "WIZARD.APPLICATION_VERSION"),
            ("controller_firmware", "Controller firmware", "WIZARD.FIRMWARE_VERSION"),
            ("web_page_version", "Web page version", "WIZARD.INTERFACE_VERSION"),
            ("control_unit_image", "Control unit image", "SYS_UPDATE.NPU_IMAGE_VERSION"),
        )
    ),
    _point(
        "pv_peak_power",
        "PV peak power",
        Quantity.POWER,
        "WIZARD.PWRCFG_PEAK_PV_POWER",
        pace=Pace.ONCE,
        diagnostic=True,
    ),
    _point(
        "configured_feed_in_limit",
        "Configured feed-in limit",
        Quantity.PERCENTAGE,
        "WIZARD.SETUP_POWER_RULE",
        pace=Pace.ONCE,
        diagnostic=True,
    ),
    _point(
        "restart",
        "Restart",
        Quantity.FLAG,
        at("SYS_UPDATE.USER_REBOOT_DEVICE", Form.FLAG),
        access=Access.PRESS,
        pace=Pace.ONCE,
    ),
)

APPLIANCE: tuple[SenecPoint, ...] = (*POWER_FLOW, *ENERGY, *CHARGE, *CONDITION, *IDENTITY)
