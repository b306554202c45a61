"""Points of the battery, of its inverter and of its modules with their cells."""

from ..points import Counting, Integral, Pace, Part, Quantity
from .address import Form, SenecPoint, Table, at

MODULES = 4
CELLS = 16
"""Cells of an LFP module; an NMC module has 14."""
CELL_SENSORS = 6
"""Temperature sensors of a module."""

INVERTED = -1.0
"""The appliance counts charging positive; the energy dashboard wants discharging positive."""
MILLI = 0.001
"""mV on the wire, V here."""
TENTH = 0.1
WATT_HOURS = 0.001
"""Wh on the wire, kWh here."""
FAULT_BITS = 0xFFFFFFFE
"""Bit 0 of a module's status says that it works; every other one is a warning, an alarm or an error."""

_pack = Table("battery")
_module = Table("battery_module")

BATTERY: tuple[SenecPoint, ...] = (
    _pack(
        "state_of_charge",
        "State of charge",
        Quantity.STATE_OF_CHARGE,
        at(
            "ENERGY.GUI_BAT_DATA_FUEL_CHARGE",
            Form.STATE_OF_CHARGE,
            also="ENERGY.GUI_BAT_DATA_COLLECTED ENERGY.GUI_BAT_DATA_VOLTAGE",
        ),
        enabled=True,
    ),
    _pack(
        "battery_power",
        "Battery power",
        Quantity.POWER,
        at("ENERGY.GUI_BAT_DATA_POWER", factor=INVERTED),
        enabled=True,
    ),
    _pack("battery_voltage", "Battery voltage", Quantity.VOLTAGE, "ENERGY.GUI_BAT_DATA_VOLTAGE", enabled=True),
    # As the device shows it: positive while charging.
    _pack("battery_current", "Battery current", Quantity.CURRENT, "ENERGY.GUI_BAT_DATA_CURRENT", enabled=True),
    _pack(
        "battery_temperature",
        "Battery temperature",
        Quantity.TEMPERATURE,
        "TEMPMEASURE.BATTERY_TEMP",
        pace=Pace.MINUTE,
        enabled=True,
    ),
    *(
        _pack(
            key,
            name,
            Quantity.ENERGY,
            counting=Counting.TOTAL,
            integral=Integral("battery_power", part, f"{key}_counter"),
            enabled=True,
        )
        for key, name, part in (
            ("battery_energy_in", "Battery energy in", Part.NEGATIVE),
            ("battery_energy_out", "Battery energy out", Part.POSITIVE),
        )
    ),
    *(
        _pack(key, name, Quantity.ENERGY, address, counting=Counting.TOTAL, pace=Pace.MINUTE)
        for key, name, address in (
            ("battery_energy_in_counter", "Battery energy in counter", "STATISTIC.LIVE_BAT_CHARGE"),
            ("battery_energy_out_counter", "Battery energy out counter", "STATISTIC.LIVE_BAT_DISCHARGE"),
        )
    ),
    _pack("charging", "Charging", Quantity.FLAG, "ENERGY.GUI_CHARGING_INFO"),
    _pack("discharging", "Discharging", Quantity.FLAG, "ENERGY.GUI_BOOSTING_INFO"),
    _pack("bms_error", "BMS error", Quantity.PROBLEM, "BMS.ERROR", pace=Pace.MINUTE, diagnostic=True, enabled=True),
    *(
        _pack(key, name, Quantity.CELL_VOLTAGE, at(address, factor=MILLI), pace=Pace.MINUTE, diagnostic=True)
        for key, name, address in (
            ("highest_cell_voltage", "Highest cell voltage", "ENERGY.GUI_BAT_DATA_MAX_CELL_VOLTAGE"),
            ("lowest_cell_voltage", "Lowest cell voltage", "ENERGY.GUI_BAT_DATA_MIN_CELL_VOLTAGE"),
        )
    ),
    _pack(
        "cell_voltage_spread",
        "Cell voltage spread",
        Quantity.CELL_VOLTAGE,
        at(
            "ENERGY.GUI_BAT_DATA_MAX_CELL_VOLTAGE ENERGY.GUI_BAT_DATA_MIN_CELL_VOLTAGE",
            Form.DIFFERENCE,
            factor=MILLI,
        ),
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    *(
        _pack(key, name, Quantity.TEMPERATURE, at(address, factor=TENTH), pace=Pace.MINUTE, diagnostic=True)
        for key, name, address in (
            ("highest_cell_temperature", "Highest cell temperature", "BMS.MAX_TEMP"),
            ("lowest_cell_temperature", "Lowest cell temperature", "BMS.MIN_TEMP"),
        )
    ),
    _pack(
        "bms_state_of_charge",
        "BMS state of charge",
        Quantity.STATE_OF_CHARGE,
        at("BMS.SYSTEM_SOC", factor=TENTH),
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _pack(
        "state_of_health",
        "State of health",
        Quantity.PERCENTAGE,
        at("BMS.SYSTEM_SOH", factor=TENTH),
        pace=Pace.SLOW,
        diagnostic=True,
    ),
    *(
        _pack(key, name, Quantity.COUNT, address, pace=Pace.SLOW, diagnostic=True)
        for key, name, address in (
            ("modules_answering", "Modules answering", "BMS.MODULE_COUNT"),
            ("modules_configured", "Modules configured", "BMS.MODULES_CONFIGURED"),
            ("modules_installed", "Modules installed", "BMS.NR_INSTALLED"),
        )
    ),
    *(
        _pack(key, name, Quantity.COUNT, address, counting=Counting.TOTAL, pace=Pace.SLOW, diagnostic=True)
        for key, name, address in (
            ("bms_communication_errors", "BMS communication errors", "BMS.COMMERRCOUNT"),
            ("bms_fault_lines", "BMS fault lines", "BMS.FAULTLINECOUNT"),
        )
    ),
    _pack("bms_working", "BMS working", Quantity.FLAG, "BMS.BMS_STATUS", pace=Pace.SLOW, diagnostic=True),
    _pack("bms_ready", "BMS ready", Quantity.FLAG, "BMS.BMS_READY_FLAG", pace=Pace.SLOW, diagnostic=True),
    _pack("derated", "Derated", Quantity.FLAG, "BMS.DERATING", pace=Pace.MINUTE, diagnostic=True),
    *(
        _pack(key, name, Quantity.PROBLEM, address, pace=pace, diagnostic=True)
        for key, name, address, pace in (
            ("recovery_locked", "Recovery locked", "BMS.RECOVERLOCKED", Pace.SLOW),
            ("rack_alarm", "Rack alarm", "AMPACE.RACK_ALARM_STATE", Pace.MINUTE),
            ("rack_fault", "Rack fault", "AMPACE.RACK_FAULT_STATE", Pace.MINUTE),
            ("rack_warning", "Rack warning", "AMPACE.RACK_WARNING_STATE", Pace.MINUTE),
        )
    ),
    *(
        _pack(key, name, Quantity.POWER, address, pace=Pace.ONCE, diagnostic=True)
        for key, name, address in (
            ("maximum_charge_power", "Maximum charge power", "FACTORY.MAX_CHARGE_POWER_DC"),
            ("maximum_discharge_power", "Maximum discharge power", "FACTORY.MAX_DISCHARGE_POWER_DC"),
            ("module_charge_power", "Module charge power", "BMS.NOM_CHARGEPOWER_MODULE"),
            ("module_discharge_power", "Module discharge power", "BMS.NOM_DISCHARGEPOWER_MODULE"),
        )
    ),
    _pack(
        "design_capacity",
        "Design capacity",
        Quantity.ENERGY,
        at("FACTORY.DESIGN_CAPACITY", factor=WATT_HOURS),
        pace=Pace.ONCE,
        diagnostic=True,
    ),
    *(
        _pack(key, name, Quantity.CURRENT, at(address, Form.MAGNITUDE), pace=Pace.SLOW, diagnostic=True)
        for key, name, address in (
            (
                "module_charge_current_limit",
                "Module charge current limit",
                "BMS_PARA.MAX_MODULE_CHARGE_CURRENT_LIMIT_A",
            ),
            (
                "module_discharge_current_limit",
                "Module discharge current limit",
                "BMS_PARA.MAX_MODULE_DISCHARGE_CURRENT_LIMIT_A",
            ),
        )
    ),
)

INVERTER_OF_BATTERY: tuple[SenecPoint, ...] = (
    _pack(
        "backup_reserve",
        "Backup reserve",
        Quantity.PERCENTAGE,
        "BAT1.SPARE_CAPACITY",
        pace=Pace.SLOW,
        diagnostic=True,
        enabled=True,
    ),
    _pack("backup_power", "Backup power", Quantity.FLAG, "BAT1.ISLAND_ENABLE", pace=Pace.SLOW, diagnostic=True),
    _pack("drm0", "DRM0", Quantity.FLAG, "BAT1.DRM0_ASSERT", pace=Pace.SLOW, diagnostic=True),
    _pack(
        "battery_inverter_voltage",
        "Battery inverter voltage",
        Quantity.VOLTAGE,
        "BAT1OBJ1.U_DC",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _pack(
        "battery_inverter_current",
        "Battery inverter current",
        Quantity.CURRENT,
        "BAT1OBJ1.I_DC",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    *(
        _pack(
            f"battery_inverter_temperature_{number}",
            f"Battery inverter temperature {number}",
            Quantity.TEMPERATURE,
            f"BAT1OBJ1.TEMP{number}",
            pace=Pace.MINUTE,
            diagnostic=True,
        )
        for number in range(1, 6)
    ),
    *(
        _pack(key, name, Quantity.TEXT, at(address, Form.VERSION), pace=Pace.ONCE, diagnostic=True)
        for key, name, address in (
            ("inverter_hmi_version", "Inverter HMI version", "BAT1OBJ1.SW_VERSION"),
            ("inverter_pu_version", "Inverter PU version", "BAT1OBJ1.SW_VERSION2"),
            ("inverter_bdc_version", "Inverter BDC version", "BAT1OBJ1.SW_VERSION3"),
        )
    ),
    *(
        _pack(key, name, Quantity.TEXT, address, pace=Pace.ONCE, diagnostic=True)
        for key, name, address in (
            ("grid_protection_firmware", "Grid protection firmware", "BAT1.NSP_FW"),
            ("grid_protection_firmware_2", "Second grid protection firmware", "BAT1.NSP2_FW"),
        )
    ),
)

BATTERY_MODULE: tuple[SenecPoint, ...] = (
    _module(
        "state_of_charge", "State of charge", Quantity.STATE_OF_CHARGE, "BMS.SOC[n]", pace=Pace.MINUTE, enabled=True
    ),
    _module(
        "state_of_health",
        "State of health",
        Quantity.PERCENTAGE,
        "BMS.SOH[n]",
        pace=Pace.SLOW,
        diagnostic=True,
        enabled=True,
    ),
    _module("battery_voltage", "Battery voltage", Quantity.VOLTAGE, "BMS.VOLTAGE[n]", pace=Pace.MINUTE),
    # As the device shows it: positive while charging.
    _module("battery_current", "Battery current", Quantity.CURRENT, "BMS.CURRENT[n]", pace=Pace.MINUTE),
    _module(
        "cycles",
        "Cycles",
        Quantity.COUNT,
        "BMS.CYCLES[n]",
        counting=Counting.TOTAL,
        pace=Pace.SLOW,
        diagnostic=True,
    ),
    _module(
        "module_problem",
        "Module problem",
        Quantity.PROBLEM,
        at("BMS.STATUS[n]", Form.BITS, mask=FAULT_BITS, instead=at("AMPACE.MODULE_FAULT_STATE[n]", Form.FLAG)),
        pace=Pace.MINUTE,
        diagnostic=True,
        enabled=True,
    ),
    _module(
        "module_alarm",
        "Module alarm",
        Quantity.PROBLEM,
        at("BMS.ALARM_STATUS[n]", Form.FLAG, instead=at("AMPACE.MODULE_ALARM_STATE[n]", Form.FLAG)),
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _module(
        "module_warning",
        "Module warning",
        Quantity.PROBLEM,
        "AMPACE.MODULE_WARNING_STATE[n]",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _module(
        "highest_cell_voltage",
        "Highest cell voltage",
        Quantity.CELL_VOLTAGE,
        at("BMS.MAX_CELL_VOLTAGE[n]", factor=MILLI),
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _module(
        "lowest_cell_voltage",
        "Lowest cell voltage",
        Quantity.CELL_VOLTAGE,
        at("BMS.MIN_CELL_VOLTAGE[n]", factor=MILLI),
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _module(
        "cell_voltage_spread",
        "Cell voltage spread",
        Quantity.CELL_VOLTAGE,
        at(
            "BMS.MAX_CELL_VOLTAGE[n] BMS.MIN_CELL_VOLTAGE[n]",
            Form.DIFFERENCE,
            factor=MILLI,
            instead=at("BMS.CELL_VOLTAGES_MODULE_{letter}", Form.SPREAD, factor=MILLI),
        ),
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    *(
        _module(
            key,
            name,
            Quantity.TEMPERATURE,
            at(f"BMS.{bmz}[n]", instead=at(f"AMPACE.{lfp}[n]", factor=TENTH)),
            pace=Pace.SLOW,
            diagnostic=True,
        )
        for key, name, bmz, lfp in (
            ("highest_cell_temperature", "Highest cell temperature", "TEMP_MAX", "MODULE_MAX_TEMP"),
            ("lowest_cell_temperature", "Lowest cell temperature", "TEMP_MIN", "MODULE_MIN_TEMP"),
        )
    ),
    *(
        _module(key, name, Quantity.CURRENT, at(address, Form.MAGNITUDE), pace=Pace.MINUTE, diagnostic=True)
        for key, name, address in (
            ("charge_current_limit", "Charge current limit", "BMS.CHARGE_CURRENT_LIMIT[n]"),
            # The device tells it as a negative current.
            ("discharge_current_limit", "Discharge current limit", "BMS.DISCHARGE_CURRENT_LIMIT[n]"),
        )
    ),
    *(
        _module(
            f"cell_voltage_{cell}",
            f"Cell voltage {cell}",
            Quantity.CELL_VOLTAGE,
            at(f"BMS.CELL_VOLTAGES_MODULE_{{letter}}[{cell - 1}]", factor=MILLI),
            pace=Pace.SLOW,
            diagnostic=True,
        )
        for cell in range(1, CELLS + 1)
    ),
    *(
        _module(
            f"cell_temperature_{sensor}",
            f"Cell temperature {sensor}",
            Quantity.TEMPERATURE,
            at(
                f"BMS.CELL_TEMPERATURES_MODULE_{{letter}}[{sensor - 1}]",
                instead=at(f"AMPACE.CELL_TEMPERATURES_MODULE_{{letter}}[{sensor - 1}]", factor=TENTH),
            ),
            pace=Pace.SLOW,
            diagnostic=True,
        )
        for sensor in range(1, CELL_SENSORS + 1)
    ),
)
