"""The vocabulary of values: a point is one quantity of one device, read, written, or both.

Each family has one table of points, and that table is the only place that knows them. Entities, polling, limits, the
command line and the documentation follow from it.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from sys import float_info
from typing import NamedTuple

from .errors import ValueChoiceError, ValueKindError, ValueRangeError, ValueStepError

type Value = float | int | bool | str | time | datetime | None
"""A value in the unit of its point; ``None`` means that the device has no value now (a NaN, an unfitted sensor)."""


class Quantity(StrEnum):
    """What is measured. The integration maps it to device class, state class and precision in one table."""

    POWER = "power"
    """Active power in W."""
    APPARENT_POWER = "apparent_power"
    """Apparent power in VA."""
    REACTIVE_POWER = "reactive_power"
    """Reactive power in var."""
    ENERGY = "energy"
    """Energy in kWh; ``Point.counting`` says when it starts again."""
    CHARGE = "charge"
    """Electric charge in Ah."""
    VOLTAGE = "voltage"
    CELL_VOLTAGE = "cell_voltage"
    """Voltage of a single battery cell, of which thousandths count."""
    """Voltage in V."""
    CURRENT = "current"
    """Current in A."""
    FREQUENCY = "frequency"
    """Frequency in Hz."""
    TEMPERATURE = "temperature"
    """Temperature in °C."""
    STATE_OF_CHARGE = "state_of_charge"
    """State of charge of a battery in %."""
    PERCENTAGE = "percentage"
    """Any other share in %: health, load, a limit."""
    POWER_FACTOR = "power_factor"
    """Power factor, -1 to 1."""
    DURATION = "duration"
    """Duration in the unit of the point (s, min, h, d)."""
    SIGNAL_STRENGTH = "signal_strength"
    """Radio signal strength in dBm."""
    STATE = "state"
    """One of the slugs in ``Point.options``."""
    FLAG = "flag"
    """True or false."""
    PROBLEM = "problem"
    """True when something is wrong."""
    COUNT = "count"
    """A plain number without unit."""
    TEXT = "text"
    """Text for people: model, serial number, version."""
    TIME_OF_DAY = "time_of_day"
    """Time of day on the device's own clock."""
    TIMESTAMP = "timestamp"
    """A moment, with time zone."""
    EVENT = "event"
    """Something that happens; ``Point.options`` are its kinds. It has no value: reads report ``Happening``s."""


class Counting(StrEnum):
    """How a point accumulates."""

    NOT = "not"
    """A momentary value."""
    TOTAL = "total"
    """Counts up for the life of the device."""
    TODAY = "today"
    """Counts up and starts again every day, on the device's own clock."""
    PERIOD = "period"
    """The finished sum of a past period (yesterday, last month): it does not count."""


class Pace(StrEnum):
    """How fast a point changes, and so how often it is worth reading."""

    LIVE = "live"
    MINUTE = "minute"
    SLOW = "slow"
    ONCE = "once"


class Access(StrEnum):
    """What may be done with a point."""

    READ = "read"
    READ_WRITE = "read_write"
    PRESS = "press"
    """A command without a value; writing ``True`` carries it out."""


class Wear(StrEnum):
    """What the ordinary (not permanent) write of a point costs."""

    NONE = "none"
    RAM = "ram"
    """Kept in RAM: free, but lost when the device restarts."""
    FLASH = "flash"
    """Every write spends one of a limited number of memory cycles."""


class Risk(StrEnum):
    """What a write can do to the house."""

    NORMAL = "normal"
    INSTALLER = "installer"
    """Can damage the battery or violate grid rules: no entity by default."""
    OUTAGE = "outage"
    """Can cut the supply: needs a confirmation."""
    NEVER = "never"
    """Restore, erase, firmware: never written by us."""


class Part(StrEnum):
    """Which part of a power an energy is made of."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    """What is below zero, counted upwards."""


@dataclass(frozen=True, slots=True)
class Integral:
    """An energy that is summed up here, because not every device counts it.

    ``source`` is the key of a power on the same unit. ``counter`` is the key of the device's own counter on the same
    unit: where the device has it and it counts, its value is taken instead.
    """

    source: str
    part: Part = Part.POSITIVE
    counter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point[A]:
    """One quantity of one kind of unit.

    ``key`` is a stable slug, unique within (family, ``unit_kind``); it is the suffix of the entity's unique id and its
    translation key, and is never changed. ``address`` is the family's own: object id, register, field path.
    """

    key: str
    name: str
    unit_kind: str
    quantity: Quantity
    address: A
    unit: str = ""
    counting: Counting = Counting.NOT
    pace: Pace = Pace.LIVE
    access: Access = Access.READ
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    options: Mapping[int, str] = field(default_factory=dict)
    """Device code to slug, for ``Quantity.STATE``."""
    listed: bool = False
    """Whether this number takes only the values that the device lists (``Limits.choices``)."""
    below: str | None = None
    """Key of the setting on the same unit that this one must stay below."""
    above: str | None = None
    """Key of the setting on the same unit that this one must stay above."""
    wear: Wear = Wear.NONE
    risk: Risk = Risk.NORMAL
    enabled: bool = False
    diagnostic: bool = False
    integral: Integral | None = None
    """How the value is summed up, for an energy that is not read."""
    controller: str = ""
    """Name of the controller that this point belongs to, for a point that is not of the device."""

    @property
    def measured(self) -> bool:
        """Whether the point is read from the device; the others are made from what is read."""
        return self.integral is None and not self.controller

    @property
    def writable(self) -> bool:
        """Whether this library may write the point at all."""
        return self.access is not Access.READ and self.risk is not Risk.NEVER


class Ref(NamedTuple):
    """Names one point of one unit: ``Ref("bms", "state_of_charge")``."""

    unit: str
    key: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What a setting accepts now, in the unit of its point."""

    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[float | str, ...] | None = None
    """The only values that the setting accepts, where the device lists them: numbers, or slugs of a state."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A value and when it was read (seconds of the monotonic clock).

    ``stored`` is the value in the device's permanent memory where that differs in kind from ``value``: a setting that
    was written to RAM has the RAM value in ``value`` and the flash value in ``stored``. ``details`` is what people may
    want to know besides, by name.
    """

    value: Value
    at: float
    stored: Value = None
    details: Mapping[str, str | int | float | bool] = field(default_factory=dict, hash=False)


def check_number(point: Point[object], value: object, limits: Limits) -> float:
    """Return ``value`` as a number that ``point`` accepts within ``limits``.

    Raises ``ValueKindError`` when it is no finite number, ``ValueRangeError`` when it is out of range,
    ``ValueStepError`` when it lies between two steps counted from the minimum and ``ValueChoiceError`` when the device
    lists what it accepts and this is not listed.
    """
    # A comparison, because a whole number may be too large for a float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= float_info.max:
        raise ValueKindError(point=point.name, value=str(value), expected="a number")
    if limits.choices is not None and value not in limits.choices:
        raise ValueChoiceError(point=point.name, value=float(value), choices=_listing(limits.choices))
    low = -math.inf if limits.minimum is None else limits.minimum
    high = math.inf if limits.maximum is None else limits.maximum
    if not low <= value <= high:
        raise ValueRangeError(point=point.name, minimum=low, maximum=high, unit=point.unit, value=float(value))
    if limits.step:
        steps = (value - (limits.minimum or 0.0)) / limits.step
        if abs(steps - round(steps)) > 1e-3:
            raise ValueStepError(point=point.name, step=limits.step, unit=point.unit, value=float(value))
    return float(value)


def check_option(point: Point[object], value: object, limits: Limits) -> str:
    """Return ``value`` as a slug that ``point`` accepts; raises ``ValueChoiceError``."""
    choices = tuple(dict.fromkeys(point.options.values())) if limits.choices is None else limits.choices
    if not isinstance(value, str) or value not in choices:
        raise ValueChoiceError(point=point.name, value=str(value), choices=_listing(choices))
    return value


def check_flag(point: Point[object], value: object) -> bool:
    """Return ``value`` as one that ``point``, which is on or off, accepts; raises ``ValueKindError``."""
    if not isinstance(value, bool):
        raise ValueKindError(point=point.name, value=str(value), expected="on or off")
    return value


def check_time(point: Point[object], value: object) -> time:
    """Return ``value`` as a time of day; raises ``ValueKindError``."""
    if not isinstance(value, time):
        raise ValueKindError(point=point.name, value=str(value), expected="a time of day")
    return value


def _listing(choices: Iterable[float | str]) -> str:
    return ", ".join(each if isinstance(each, str) else f"{each:g}" for each in choices)
