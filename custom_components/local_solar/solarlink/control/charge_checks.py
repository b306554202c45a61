"""What must be true before the charge manager may be switched on (reference section 12.4, pre-checks)."""

from dataclasses import dataclass
from enum import StrEnum

from .charge_model import SAME_VOLTAGE, Settings, State

USER = "user"
LEAD_ACID = ("agm", "flooded")
"""Battery types whose voltages most firmware does not let anybody change."""


class Objection(StrEnum):
    """Why the charge manager cannot be switched on."""

    UNKNOWN_VALUES = "unknown_values"
    """The inverter's float voltage, bulk voltage or battery type is not known."""
    LITHIUM = "lithium"
    """A battery management system rules the voltages."""
    BATTERY_TYPE = "battery_type"
    """The battery type is not "user", and the options do not allow another."""
    NOT_PROVEN = "not_proven"
    """It was not tried yet whether the inverter keeps a float voltage that is written to it."""
    OUT_OF_RANGE = "out_of_range"
    """The inverter does not accept the absorption voltage or the real float voltage as float voltage."""
    ABOVE_BULK = "above_bulk"
    """The absorption voltage is above the bulk voltage."""
    FLOAT_NOT_BELOW = "float_not_below"
    """The real float voltage is not below the absorption voltage."""
    FLOAT_DIFFERS = "float_differs"
    """The inverter's float voltage is neither the real one nor the absorption voltage."""
    REBULK_NOT_BELOW = "rebulk_not_below"
    """The re-bulk voltage is not below the real float voltage."""
    TAIL_CURRENT = "tail_current"
    """The tail current is not above zero."""
    TIMES = "times"
    """The shortest absorption is longer than the longest, or that is longer than the longest boost."""
    BUDGET = "budget"
    """The write budget does not even allow one day: a boost and a restore."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How the inverter is set now. ``None`` means unknown."""

    battery_type: str | None
    """Slug of the battery type: ``user``, ``agm``, ``flooded``, or that of a lithium battery."""
    bulk_voltage: float | None
    """V."""
    float_voltage: float | None
    """V."""
    float_minimum: float | None = None
    """Lowest float voltage that the inverter accepts, V."""
    float_maximum: float | None = None
    """Highest float voltage that the inverter accepts, V."""
    bms: bool = False
    """Whether a battery management system talks to the inverter."""


def same(one: float, other: float) -> bool:
    """Whether two voltages are the same setting."""
    return abs(one - other) <= SAME_VOLTAGE + 1e-9


def objections(settings: Settings, state: State, setup: Setup) -> tuple[Objection, ...]:
    """Everything that speaks against switching on; nothing does when it is empty."""
    found: list[Objection] = []
    absorption, real = settings.absorption, settings.real_float
    if setup.battery_type is None or setup.bulk_voltage is None or setup.float_voltage is None:
        found.append(Objection.UNKNOWN_VALUES)
    if setup.bms or setup.battery_type not in {None, USER, *LEAD_ACID}:
        found.append(Objection.LITHIUM)
    elif setup.battery_type in LEAD_ACID and not settings.other_battery_type:
        found.append(Objection.BATTERY_TYPE)
    if not state.proven and not settings.dry_run:
        found.append(Objection.NOT_PROVEN)
    if any(
        (setup.float_minimum is not None and each < setup.float_minimum)
        or (setup.float_maximum is not None and each > setup.float_maximum)
        for each in (absorption, real)
    ):
        found.append(Objection.OUT_OF_RANGE)
    if setup.bulk_voltage is not None and absorption > setup.bulk_voltage + SAME_VOLTAGE:
        found.append(Objection.ABOVE_BULK)
    if not 0 < real <= absorption - 2 * SAME_VOLTAGE - 1e-9:
        found.append(Objection.FLOAT_NOT_BELOW)
    if setup.float_voltage is not None and not any(same(setup.float_voltage, each) for each in (real, absorption)):
        found.append(Objection.FLOAT_DIFFERS)
    if settings.rebulk_voltage >= real:
        found.append(Objection.REBULK_NOT_BELOW)
    if settings.tail_current <= 0:
        found.append(Objection.TAIL_CURRENT)
    if not settings.min_absorption <= settings.max_absorption <= settings.max_boosted:
        found.append(Objection.TIMES)
    if settings.write_budget < 2:
        found.append(Objection.BUDGET)
    return tuple(found)
