"""The points of a Studer installation: what is read, what may be written, and where it lives.

Numbers, units and formats: appendix V1.6.42 of Studer's serial protocol, as listed in the project's protocol reference.
"""

from dataclasses import dataclass, replace

from ..points import Access, Counting, Pace, Point, Quantity, Wear
from .codec import Format, ObjectType


@dataclass(frozen=True, slots=True)
class ScomAddress:
    """Where a point lives: the kind of object, its number and its wire format."""

    object_type: ObjectType
    number: int
    format: Format = Format.FLOAT
    factor: float = 1.0


type StuderPoint = Point[ScomAddress]

KILO = 1000.0
"""kW and kVA on the wire, W and VA here; MWh on the wire, kWh here."""
INVERTED = -1.0
"""The wire counts charging positive; the energy dashboard wants discharging positive."""


def _info(number: int, *, factor: float = 1.0, format: Format = Format.FLOAT) -> ScomAddress:  # noqa: A002
    return ScomAddress(ObjectType.INFO, number, format, factor)


def _parameter(number: int) -> ScomAddress:
    return ScomAddress(ObjectType.PARAMETER, number)


BATTERY_CYCLE_PHASES = {
    0: "invalid",
    1: "bulk",
    2: "absorption",
    3: "equalization",
    4: "floating",
    5: "reduced_floating",
    6: "periodic_absorption",
    7: "mixing",
    8: "forming",
}

XTENDER: tuple[StuderPoint, ...] = (
    Point(
        key="ac_output_power",
        name="AC output power",
        unit_kind="xt",
        quantity=Quantity.POWER,
        unit="W",
        address=_info(3136, factor=KILO),
        enabled=True,
    ),
    Point(
        key="ac_input_power",
        name="AC input power",
        unit_kind="xt",
        quantity=Quantity.POWER,
        unit="W",
        # Positive is import from the grid or a generator, negative is feed-in: already the sign we want.
        address=_info(3137, factor=KILO),
        enabled=True,
    ),
    Point(
        key="battery_cycle_phase",
        name="Battery cycle phase",
        unit_kind="xt",
        quantity=Quantity.STATE,
        options=BATTERY_CYCLE_PHASES,
        address=_info(3010, format=Format.SHORT_ENUM),
        enabled=True,
    ),
    Point(
        key="ac_output_voltage",
        name="AC output voltage",
        unit_kind="xt",
        quantity=Quantity.VOLTAGE,
        unit="V",
        address=_info(3021),
        enabled=True,
    ),
    Point(
        key="ac_output_current",
        name="AC output current",
        unit_kind="xt",
        quantity=Quantity.CURRENT,
        unit="A",
        address=_info(3022),
        enabled=True,
    ),
    Point(
        key="ac_output_frequency",
        name="AC output frequency",
        unit_kind="xt",
        quantity=Quantity.FREQUENCY,
        unit="Hz",
        address=_info(3085),
        enabled=True,
    ),
    Point(
        key="ac_input_voltage",
        name="AC input voltage",
        unit_kind="xt",
        quantity=Quantity.VOLTAGE,
        unit="V",
        address=_info(3011),
        enabled=True,
    ),
    Point(
        key="ac_input_current",
        name="AC input current",
        unit_kind="xt",
        quantity=Quantity.CURRENT,
        unit="A",
        address=_info(3012),
        enabled=True,
    ),
    Point(
        key="ac_input_frequency",
        name="AC input frequency",
        unit_kind="xt",
        quantity=Quantity.FREQUENCY,
        unit="Hz",
        address=_info(3084),
        enabled=True,
    ),
    Point(
        key="battery_voltage",
        name="Battery voltage",
        unit_kind="xt",
        quantity=Quantity.VOLTAGE,
        unit="V",
        address=_info(3000),
    ),
    Point(
        key="ac_output_energy_today",
        name="AC output energy today",
        unit_kind="xt",
        quantity=Quantity.ENERGY,
        counting=Counting.TODAY,
        unit="kWh",
        address=_info(3083),
        pace=Pace.MINUTE,
        enabled=True,
    ),
    Point(
        key="ac_output_energy_yesterday",
        name="AC output energy yesterday",
        unit_kind="xt",
        quantity=Quantity.ENERGY,
        counting=Counting.PERIOD,
        unit="kWh",
        address=_info(3082),
        pace=Pace.MINUTE,
        enabled=True,
    ),
    Point(
        key="ac_input_energy_today",
        name="AC input energy today",
        unit_kind="xt",
        quantity=Quantity.ENERGY,
        counting=Counting.TODAY,
        unit="kWh",
        address=_info(3081),
        pace=Pace.MINUTE,
        enabled=True,
    ),
    Point(
        key="ac_input_energy_yesterday",
        name="AC input energy yesterday",
        unit_kind="xt",
        quantity=Quantity.ENERGY,
        counting=Counting.PERIOD,
        unit="kWh",
        address=_info(3080),
        pace=Pace.MINUTE,
        enabled=True,
    ),
    Point(
        key="battery_discharge_energy_today",
        name="Battery discharge energy today",
        unit_kind="xt",
        quantity=Quantity.ENERGY,
        counting=Counting.TODAY,
        unit="kWh",
        address=_info(3078),
        pace=Pace.MINUTE,
        enabled=True,
    ),
    Point(
        key="battery_charge_energy_today",
        name="Battery charge energy today",
        unit_kind="xt",
        quantity=Quantity.ENERGY,
        counting=Counting.TODAY,
        unit="kWh",
        # 3079 is in no edition of the appendix; a firmware that does not know it costs only this value.
        address=_info(3079),
        pace=Pace.MINUTE,
        enabled=True,
    ),
    Point(
        key="smart_boost_limit",
        name="Smart boost limit",
        unit_kind="xt",
        quantity=Quantity.PERCENTAGE,
        unit="%",
        address=_parameter(1607),
        pace=Pace.SLOW,
        access=Access.READ_WRITE,
        minimum=0,
        maximum=100,
        step=5,
        wear=Wear.RAM,
        # Studer files 1607 under installer level, yet it only shares the load between grid and battery and is what
        # owners move all day, so it is offered like an ordinary setting.
        enabled=True,
    ),
    Point(
        key="battery_charge_current",
        name="Battery charge current",
        unit_kind="xt",
        quantity=Quantity.CURRENT,
        unit="A",
        address=_parameter(1138),
        pace=Pace.SLOW,
        access=Access.READ_WRITE,
        minimum=0,
        maximum=200,
        step=1,
        wear=Wear.RAM,
        enabled=True,
    ),
)

_BATTERY: tuple[StuderPoint, ...] = (
    Point(
        key="state_of_charge",
        name="State of charge",
        unit_kind="bsp",
        quantity=Quantity.STATE_OF_CHARGE,
        unit="%",
        address=_info(7002),
        enabled=True,
    ),
    Point(
        key="battery_power",
        name="Battery power",
        unit_kind="bsp",
        quantity=Quantity.POWER,
        unit="W",
        address=_info(7003, factor=INVERTED),
        enabled=True,
    ),
    Point(
        key="battery_charging_power",
        name="Battery charging power",
        unit_kind="bsp",
        quantity=Quantity.POWER,
        unit="W",
        address=_info(7003),
    ),
    Point(
        key="battery_voltage",
        name="Battery voltage",
        unit_kind="bsp",
        quantity=Quantity.VOLTAGE,
        unit="V",
        address=_info(7000),
        enabled=True,
    ),
    Point(
        key="battery_current",
        name="Battery current",
        unit_kind="bsp",
        quantity=Quantity.CURRENT,
        unit="A",
        # As the device shows it: positive while charging.
        address=_info(7001),
        enabled=True,
    ),
    Point(
        key="battery_temperature",
        name="Battery temperature",
        unit_kind="bsp",
        quantity=Quantity.TEMPERATURE,
        unit="°C",
        address=_info(7029),
        enabled=True,
    ),
    Point(
        key="state_of_charge_minute_mean",
        name="State of charge, minute mean",
        unit_kind="bsp",
        quantity=Quantity.STATE_OF_CHARGE,
        unit="%",
        address=_info(7032),
        pace=Pace.MINUTE,
    ),
    Point(
        key="battery_charge_today",
        name="Battery charge today",
        unit_kind="bsp",
        quantity=Quantity.CHARGE,
        counting=Counting.TODAY,
        unit="Ah",
        address=_info(7007),
        pace=Pace.MINUTE,
        enabled=True,
    ),
    Point(
        key="battery_discharge_today",
        name="Battery discharge today",
        unit_kind="bsp",
        quantity=Quantity.CHARGE,
        counting=Counting.TODAY,
        unit="Ah",
        address=_info(7008),
        pace=Pace.MINUTE,
        enabled=True,
    ),
    Point(
        key="battery_charge_yesterday",
        name="Battery charge yesterday",
        unit_kind="bsp",
        quantity=Quantity.CHARGE,
        counting=Counting.PERIOD,
        unit="Ah",
        address=_info(7009),
        pace=Pace.MINUTE,
        enabled=True,
    ),
    Point(
        key="battery_discharge_yesterday",
        name="Battery discharge yesterday",
        unit_kind="bsp",
        quantity=Quantity.CHARGE,
        counting=Counting.PERIOD,
        unit="Ah",
        address=_info(7010),
        pace=Pace.MINUTE,
        enabled=True,
    ),
)

BATTERY_MONITOR = _BATTERY

BATTERY_LINK: tuple[StuderPoint, ...] = (
    *(replace(point, unit_kind="bms") for point in _BATTERY),
    Point(
        key="soc_for_backup",
        name="SOC for backup",
        unit_kind="bms",
        quantity=Quantity.PERCENTAGE,
        unit="%",
        address=_parameter(6062),
        pace=Pace.SLOW,
        access=Access.READ_WRITE,
        minimum=0,
        maximum=100,
        step=1,
        below="soc_for_grid_feeding",
        wear=Wear.RAM,
        enabled=True,
    ),
    Point(
        key="soc_for_grid_feeding",
        name="SOC for grid feeding",
        unit_kind="bms",
        quantity=Quantity.PERCENTAGE,
        unit="%",
        address=_parameter(6063),
        pace=Pace.SLOW,
        access=Access.READ_WRITE,
        minimum=0,
        maximum=100,
        step=1,
        above="soc_for_backup",
        wear=Wear.RAM,
        enabled=True,
    ),
)


def _solar_charger(kind: str, power: int, today: int, yesterday: int, total: int) -> tuple[StuderPoint, ...]:
    return (
        Point(
            key="pv_power",
            name="PV power",
            unit_kind=kind,
            quantity=Quantity.POWER,
            unit="W",
            address=_info(power, factor=KILO),
            enabled=True,
        ),
        Point(
            key="pv_energy_today",
            name="PV energy today",
            unit_kind=kind,
            quantity=Quantity.ENERGY,
            counting=Counting.TODAY,
            unit="kWh",
            address=_info(today),
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
            address=_info(yesterday),
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
            address=_info(total, factor=KILO),
            pace=Pace.MINUTE,
        ),
    )


VARIO_TRACK = _solar_charger("vt", power=11004, today=11007, yesterday=11011, total=11009)
VARIO_STRING = _solar_charger("vs", power=15010, today=15017, yesterday=15027, total=15023)

POINTS: tuple[StuderPoint, ...] = (*XTENDER, *BATTERY_MONITOR, *BATTERY_LINK, *VARIO_TRACK, *VARIO_STRING)


def points_of(kind: str) -> dict[str, StuderPoint]:
    """The points of one kind of unit by key, in the order of the table."""
    return {point.key: point for point in POINTS if point.unit_kind == kind}
