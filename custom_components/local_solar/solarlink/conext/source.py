"""Where a Conext point comes from, and short words for building points out of the register maps."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..points import Access, Counting, Pace, Point, Quantity, Risk, Wear
from .alarms import bitmaps_of
from .codec import OTHER
from .registers import BITS, CLOCK, ENUMS, FLAG, Form, Kind, Register, map_of

TABLE_VOLTAGE = 48.0
"""Nominal battery voltage for which the limits of settings are given."""


class Make(StrEnum):
    """How a value is made of registers."""

    VALUE = "value"
    """The register as it is."""
    DIFFERENCE = "difference"
    """First less second."""
    EITHER = "either"
    """The first, or the second where the first stays zero while the second does not (section 6.3)."""
    FITTED = "fitted"
    """The register, or nothing where it is zero (section 6.4)."""
    SUM = "sum"
    """All added up."""
    DISCHARGING = "discharging"
    """Voltage times the sum of the currents, which are positive while charging, with the opposite sign (6.1)."""
    FAULT = "fault"
    """Whether any fault is active: a flag, or any bit of the bitmaps."""
    WARNING = "warning"
    ALARMS = "alarms"
    """Names of all active alarms."""
    GROUP = "group"
    """Whether an alarm of the group is active."""
    BIT = "bit"
    """One bit of a register."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a point lives."""

    registers: tuple[str, ...]
    """Keys in the map of the unit's kind; all of them are needed but for faults, which take what is there."""
    make: Make = Make.VALUE
    group: str = ""
    """Group of alarms, for ``Make.GROUP``."""
    bit: int = 0
    number: int = 0
    """Address of the first register, by which people may call the point."""
    scaled: bool = False
    """Whether minimum and maximum are those of a 48 V battery and follow the battery's nominal voltage."""
    momentary: bool = False
    """A command whose register does not show what became of it (section 5, rule 9)."""
    press: int = 1
    """What pressing writes."""


type ConextPoint = Point[Source]

_QUANTITIES: Mapping[str, Quantity] = {
    "V": Quantity.VOLTAGE,
    "A": Quantity.CURRENT,
    "W": Quantity.POWER,
    "VA": Quantity.APPARENT_POWER,
    "Hz": Quantity.FREQUENCY,
    "%": Quantity.PERCENTAGE,
    "°C": Quantity.TEMPERATURE,
    "s": Quantity.DURATION,
    "min": Quantity.DURATION,
    "h": Quantity.DURATION,
    "d": Quantity.DURATION,
    "Ah": Quantity.CHARGE,
    "kWh": Quantity.ENERGY,
    CLOCK: Quantity.TIME_OF_DAY,
}


def quantity_of(register: Register) -> Quantity:
    """What a register measures."""
    if register.form is Form.TEXT:
        return Quantity.TEXT
    if register.enum == FLAG:
        return Quantity.FLAG
    if register.enum not in ("", BITS):
        return Quantity.STATE
    return _QUANTITIES.get(register.unit, Quantity.COUNT)


def counting_of(register: Register) -> Counting:
    """How a register accumulates. The counters of an hour or a year start again as that of a day does."""
    if register.unit != "kWh":
        return Counting.NOT
    return Counting.TOTAL if "lifetime" in register.key else Counting.TODAY


def options_of(register: Register) -> dict[int, str]:
    """Code to slug; what cannot be set may also show a code that nobody knows."""
    if quantity_of(register) is not Quantity.STATE:
        return {}
    options = dict(ENUMS[register.enum])
    return options if register.writable else {**options, -1: OTHER}


def _unit_of(register: Register) -> str:
    return "" if register.unit == CLOCK or quantity_of(register) is Quantity.STATE else register.unit


def at(kind: Kind, register_key: str, key: str = "", name: str = "", **more: Any) -> ConextPoint:
    """A point that shows one register of the map; ``more`` are fields of the point that differ from the register's."""
    register = map_of(kind)[register_key]
    source = {field: more.pop(field) for field in ("scaled", "momentary", "press") if field in more}
    defaults: dict[str, Any] = {
        "quantity": quantity_of(register),
        "unit": _unit_of(register),
        "counting": counting_of(register),
        "pace": register.pace,
        "options": options_of(register),
    }
    return Point(
        key=key or register_key,
        name=name or register.name,
        unit_kind=kind.value,
        address=Source((register_key,), number=register.address, **source),
        **defaults | more,
    )


def setting(kind: Kind, register_key: str, key: str = "", name: str = "", **more: Any) -> ConextPoint:
    """A setting, which the device keeps in its memory (section 5, rule 6)."""
    defaults: dict[str, Any] = {"access": Access.READ_WRITE, "wear": Wear.FLASH}
    return at(kind, register_key, key, name, **defaults | more)


def limited(
    kind: Kind, register_key: str, low: float, high: float, step: float, key: str = "", name: str = "", **more: Any
) -> ConextPoint:
    """A numeric setting from ``low`` to ``high``."""
    return setting(kind, register_key, key, name, minimum=low, maximum=high, step=step, **more)


def volts(
    kind: Kind, register_key: str, low: float, high: float, key: str = "", name: str = "", **more: Any
) -> ConextPoint:
    """A voltage of the battery; the limits are those of a 48 V battery."""
    return limited(kind, register_key, low, high, 0.1, key, name, scaled=True, **more)


def press(kind: Kind, register_key: str, key: str, name: str, **more: Any) -> ConextPoint:
    """A command without a value."""
    return at(
        kind,
        register_key,
        key,
        name,
        **{"quantity": Quantity.FLAG, "options": {}, "access": Access.PRESS, "pace": Pace.ONCE, "momentary": True}
        | more,
    )


def made(
    kind: Kind,
    make: Make,
    registers: tuple[str, ...],
    key: str,
    name: str,
    quantity: Quantity,
    unit: str = "",
    **more: Any,
) -> ConextPoint:
    """A point that is made of several registers."""
    source = {field: more.pop(field) for field in ("group", "bit") if field in more}
    number = map_of(kind)[registers[0]].address
    return Point(
        key=key,
        name=name,
        unit_kind=kind.value,
        quantity=quantity,
        unit=unit,
        address=Source(registers, make, number=number, **source),
        **more,
    )


def alarm_registers(kind: Kind) -> tuple[str, ...]:
    """The registers that tell of alarms: the bitmaps, and the flags where a device has them."""
    known = map_of(kind)
    extra = ("active_faults_flag", "active_warnings_flag", "warning_bitmap_1")
    return (*bitmaps_of(kind), *(key for key in extra if key in known))


FENCED: Mapping[str, Risk] = {
    "modbus_address": Risk.NEVER,
    "device_number": Risk.NEVER,
    "system_instance": Risk.NEVER,
    "device_name": Risk.NEVER,
    "utc_time": Risk.NEVER,
    "time_zone": Risk.NEVER,
    "reset": Risk.OUTAGE,
    "clear": Risk.OUTAGE,
    "inverter_mode": Risk.OUTAGE,
    "remote_power_off": Risk.OUTAGE,
    "gvs_enable_disable": Risk.OUTAGE,
    "inverter_enable_disable": Risk.OUTAGE,
    "grid_tie_sell_level": Risk.NEVER,
    "maximum_sell_scale_percentage_fine": Risk.NEVER,
}
"""Registers that must not be written, or only with a confirmation; bus addresses and identities never, and never what
cannot be read back."""


def risk_of(register: Register) -> Risk:
    """What a write of a register can do, where no point says otherwise."""
    if register.key in FENCED:
        return FENCED[register.key]
    if register.key == "operating_mode" and register.kind in (Kind.XW, Kind.SW):
        # Standby drops the loads.
        return Risk.OUTAGE
    return Risk.OUTAGE if register.risk == "danger" else Risk.INSTALLER
