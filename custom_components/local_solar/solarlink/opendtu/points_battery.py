"""Points that OpenDTU-OnBattery adds: battery, solar chargers, grid charger and grid meter (reference section 11)."""

from ..points import Counting, Integral, Pace, Part, Quantity
from .address import DtuPoint, Source, Table

BATTERY_KIND, CHARGER_KIND, GRID_CHARGER_KIND, METER_KIND = "battery", "solar_charger", "grid_charger", "meter"

_battery = Table(BATTERY_KIND)
_charger = Table(CHARGER_KIND)
_grid_charger = Table(GRID_CHARGER_KIND)
_meter = Table(METER_KIND)

BATTERY: tuple[DtuPoint, ...] = (
    _battery("state_of_charge", "State of charge", Quantity.STATE_OF_CHARGE, Source.LIVE, "soc", enabled=True),
    _battery("battery_power", "Battery power", Quantity.POWER, Source.LIVE, "power", enabled=True),
    _battery("battery_voltage", "Battery voltage", Quantity.VOLTAGE, Source.LIVE, "voltage", enabled=True),
    _battery("battery_current", "Battery current", Quantity.CURRENT, Source.LIVE, "current", enabled=True),
    _battery(
        "battery_energy_in",
        "Battery energy in",
        Quantity.ENERGY,
        counting=Counting.TOTAL,
        integral=Integral("battery_power", Part.NEGATIVE),
        enabled=True,
    ),
    _battery(
        "battery_energy_out",
        "Battery energy out",
        Quantity.ENERGY,
        counting=Counting.TOTAL,
        integral=Integral("battery_power", Part.POSITIVE),
        enabled=True,
    ),
    _battery(
        "battery_temperature",
        "Battery temperature",
        Quantity.TEMPERATURE,
        Source.BATTERY,
        "temperature",
        pace=Pace.MINUTE,
    ),
    _battery(
        "state_of_health",
        "State of health",
        Quantity.PERCENTAGE,
        Source.BATTERY,
        "stateOfHealth",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _battery(
        "charge_voltage_limit",
        "Charge voltage limit",
        Quantity.VOLTAGE,
        Source.BATTERY,
        "chargeVoltage",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _battery(
        "charge_current_limit",
        "Charge current limit",
        Quantity.CURRENT,
        Source.BATTERY,
        "chargeCurrentLimitation",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _battery(
        "discharge_current_limit",
        "Discharge current limit",
        Quantity.CURRENT,
        Source.BATTERY,
        "dischargeCurrentLimitation",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _battery(
        "battery_problem",
        "Battery problem",
        Quantity.PROBLEM,
        Source.BATTERY,
        "issues",
        pace=Pace.MINUTE,
        diagnostic=True,
        enabled=True,
    ),
    _battery(
        "data_age", "Age of the data", Quantity.DURATION, Source.BATTERY, "data_age", pace=Pace.MINUTE, diagnostic=True
    ),
)

SOLAR_CHARGER: tuple[DtuPoint, ...] = (
    _charger("pv_power", "PV power", Quantity.POWER, Source.CHARGERS, "PPV", enabled=True),
    _charger("pv_voltage", "PV voltage", Quantity.VOLTAGE, Source.CHARGERS, "VPV"),
    _charger("pv_current", "PV current", Quantity.CURRENT, Source.CHARGERS, "IPV"),
    _charger(
        "pv_energy_today",
        "PV energy today",
        Quantity.ENERGY,
        Source.CHARGERS,
        "YieldToday",
        counting=Counting.TODAY,
        enabled=True,
    ),
    _charger(
        "pv_energy_yesterday",
        "PV energy yesterday",
        Quantity.ENERGY,
        Source.CHARGERS,
        "YieldYesterday",
        counting=Counting.PERIOD,
    ),
    _charger(
        "pv_energy_total",
        "PV energy total",
        Quantity.ENERGY,
        Source.CHARGERS,
        "YieldTotal",
        counting=Counting.TOTAL,
        enabled=True,
    ),
    _charger("battery_charging_power", "Battery charging power", Quantity.POWER, Source.CHARGERS, "P"),
    _charger("battery_voltage", "Battery voltage", Quantity.VOLTAGE, Source.CHARGERS, "V"),
    _charger("battery_charging_current", "Battery charging current", Quantity.CURRENT, Source.CHARGERS, "I"),
    _charger("efficiency", "Efficiency", Quantity.PERCENTAGE, Source.CHARGERS, "E"),
    _charger(
        "data_age", "Age of the data", Quantity.DURATION, Source.CHARGERS, "data_age", pace=Pace.MINUTE, diagnostic=True
    ),
)

GRID_CHARGER: tuple[DtuPoint, ...] = (
    _grid_charger(
        "battery_charging_power", "Battery charging power", Quantity.POWER, Source.LIVE, "power", enabled=True
    ),
)

METER: tuple[DtuPoint, ...] = (
    _meter("grid_power", "Grid power", Quantity.POWER, Source.LIVE, "power", enabled=True),
    _meter(
        "grid_import_energy",
        "Grid import energy",
        Quantity.ENERGY,
        counting=Counting.TOTAL,
        integral=Integral("grid_power", Part.POSITIVE),
        enabled=True,
    ),
    _meter(
        "grid_export_energy",
        "Grid export energy",
        Quantity.ENERGY,
        counting=Counting.TOTAL,
        integral=Integral("grid_power", Part.NEGATIVE),
        enabled=True,
    ),
)
