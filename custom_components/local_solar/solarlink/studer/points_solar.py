"""The points of the solar chargers VarioTrack and VarioString."""

from ..points import Counting, Pace, Point, Quantity
from .address import KILO, StuderPoint, info
from .shorthand import flag, number, signal, state, value

CYCLE_PHASES = {
    0: "bulk",
    1: "absorption",
    2: "equalization",
    3: "floating",
    6: "reduced_floating",
    7: "periodic_absorption",
}

VARIO_TRACK_MODES = {
    0: "night",
    1: "starting",
    # Up to firmware 1.5.8; from 1.5.10 on it is 8 to 11 instead.
    3: "charge",
    5: "security",
    6: "off",
    8: "charge",
    9: "charge_voltage",
    10: "charge_current",
    11: "charge_temperature",
    12: "charge_bsp_current",
}

VARIO_STRING_MODES = {
    0: "night",
    1: "security",
    2: "off",
    3: "charge",
    4: "charge_voltage",
    5: "charge_current",
    6: "charge_power",
    7: "charge_pv_current",
    8: "charge_temperature",
    10: "charge_bsp_current",
}


def _solar_charger(kind: str, power: int, today: int, yesterday: int, total: int) -> tuple[StuderPoint, ...]:
    return (
        Point(
            key="pv_power",
            name="PV power",
            unit_kind=kind,
            quantity=Quantity.POWER,
            unit="W",
            address=info(power, factor=KILO),
            enabled=True,
        ),
        Point(
            key="pv_energy_today",
            name="PV energy today",
            unit_kind=kind,
            quantity=Quantity.ENERGY,
            counting=Counting.TODAY,
            unit="kWh",
            address=info(today),
            pace=Pace.MINUTE,
            enabled=True,
        ),
        Point(
            key="pv_energy_yesterday",
            name="PV energy yesterday",
            unit_kind=kind,
            quantity=Quantity.ENERGY,
            counting=Counting.PERIOD,
            unit="kWh",
            # The appendix labels it Wh; the value is in kWh.
            address=info(yesterday),
            pace=Pace.MINUTE,
            enabled=True,
        ),
        Point(
            key="pv_energy_total",
            name="PV energy total",
            unit_kind=kind,
            quantity=Quantity.ENERGY,
            counting=Counting.TOTAL,
            unit="kWh",
            address=info(total, factor=KILO),
            pace=Pace.MINUTE,
        ),
    )


VARIO_TRACK: tuple[StuderPoint, ...] = (
    *_solar_charger("vt", power=11004, today=11007, yesterday=11011, total=11009),
    state("vt", "pv_mode", "PV operating mode", 11016, VARIO_TRACK_MODES, enabled=True),
    state("vt", "battery_cycle_phase", "Battery cycle phase", 11038, CYCLE_PHASES),
    value("vt", "pv_voltage", "PV voltage", 11002, Quantity.VOLTAGE, "V", enabled=True),
    value("vt", "pv_current", "PV current", 11003, Quantity.CURRENT, "A"),
    value("vt", "battery_voltage", "Battery voltage", 11000, Quantity.VOLTAGE, "V"),
    value("vt", "battery_charging_current", "Battery charging current", 11001, Quantity.CURRENT, "A"),
    value("vt", "battery_temperature", "Battery temperature", 11005, Quantity.TEMPERATURE, "°C"),
    flag("vt", "solar_charger_on", "Solar charger", 11069, enabled=True),
    flag("vt", "solar_charger_fault", "Solar charger fault", 11034, Quantity.PROBLEM, enabled=True),
    flag("vt", "auxiliary_contact_1", "Auxiliary contact 1", 11061),
    flag("vt", "auxiliary_contact_2", "Auxiliary contact 2", 11062),
    number(
        "vt",
        "solar_charge_current_limit",
        "Solar charge current limit",
        10002,
        Quantity.CURRENT,
        "A",
        (0, 80, 2),
    ),
    signal("vt", "solar_charger_start", "Switch the solar charger on", 10039),
    signal("vt", "force_new_cycle", "Start a new charge cycle", 10029),
)

VARIO_STRING: tuple[StuderPoint, ...] = (
    *_solar_charger("vs", power=15010, today=15017, yesterday=15027, total=15023),
    state("vs", "pv_mode", "PV operating mode", 15013, VARIO_STRING_MODES, enabled=True),
    state("vs", "battery_cycle_phase", "Battery cycle phase", 15002, CYCLE_PHASES),
    value("vs", "pv_voltage", "PV voltage", 15004, Quantity.VOLTAGE, "V", enabled=True),
    value("vs", "pv_current", "PV current", 15007, Quantity.CURRENT, "A"),
    value("vs", "pv_power_string_1", "PV power, string 1", 15011, Quantity.POWER, "W", factor=KILO),
    value("vs", "pv_power_string_2", "PV power, string 2", 15012, Quantity.POWER, "W", factor=KILO),
    value("vs", "battery_voltage", "Battery voltage", 15000, Quantity.VOLTAGE, "V"),
    value("vs", "battery_charging_current", "Battery charging current", 15001, Quantity.CURRENT, "A"),
    value("vs", "battery_temperature", "Battery temperature", 15032, Quantity.TEMPERATURE, "°C"),
    flag("vs", "solar_charger_on", "Solar charger", 15108, enabled=True),
    flag("vs", "solar_charger_fault", "Solar charger fault", 15049, Quantity.PROBLEM, enabled=True),
    flag("vs", "auxiliary_contact_1", "Auxiliary contact 1", 15088),
    flag("vs", "auxiliary_contact_2", "Auxiliary contact 2", 15089),
    number(
        "vs",
        "solar_charge_current_limit",
        "Solar charge current limit",
        14001,
        Quantity.CURRENT,
        "A",
        (0, 120, 2),
    ),
    # The smaller model keeps its limit under a number of its own.
    number(
        "vs",
        "solar_charge_current_limit_vs_70",
        "Solar charge current limit",
        14217,
        Quantity.CURRENT,
        "A",
        (0, 70, 1),
    ),
    signal("vs", "solar_charger_start", "Switch the solar charger on", 14038),
    signal("vs", "force_new_cycle", "Start a new charge cycle", 14028),
)
