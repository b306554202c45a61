"""Where a point lives in the appliance's variables, and how the variables become its value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple

from ..points import Access, Point, Quantity


class Own(Enum):
    """The place in a list that belongs to the unit itself: module B, wallbox 2, socket 1."""

    PLACE = auto()


class Field(NamedTuple):
    """One variable: ``ENERGY.GUI_GRID_POW``, ``PM1OBJ1.P_AC[0]``, ``BMS.SOC[n]`` for a unit's own element.

    ``{letter}`` in a name stands for the letter of a battery module.
    """

    section: str
    name: str
    place: int | Own | None = None

    @property
    def variable(self) -> str:
        """Name of the variable as a whole, whatever the element."""
        return f"{self.section}.{self.name}"

    def of(self, number: int) -> Field:
        """The field of the unit with that number, counted from 0."""
        place = number if self.place is Own.PLACE else self.place
        return Field(self.section, self.name.replace("{letter}", "ABCD"[number] if number < 4 else ""), place)


class Form(Enum):
    """How the variables of a point become its value."""

    NUMBER = auto()
    """The number times ``factor``."""
    MAGNITUDE = auto()
    """The number without its sign, times ``factor``."""
    FLAG = auto()
    """Whether the number, or any of a list, is not zero."""
    BITS = auto()
    """Whether any bit of ``mask`` is set."""
    STATE = auto()
    """The slug of the number."""
    TEXT = auto()
    """The text as it is; a number in decimal."""
    VERSION = auto()
    """A packed version number, 0x03100014 for 3.16.20 (reference section 4)."""
    DIFFERENCE = auto()
    """The first number less the second, times ``factor``."""
    SPREAD = auto()
    """The highest of a list less the lowest that is not zero, times ``factor``."""
    CLOCK_TIME = auto()
    """An hour and a minute."""
    MOMENT = auto()
    """Local seconds and the minutes of the time zone (reference section 6)."""
    CHARGING_MODE = auto()
    """The two variables of a wallbox's mode (reference section 11.3)."""
    STATE_OF_CHARGE = auto()
    """A share in %, believed only while the battery's data is valid (reference section 8)."""
    SYSTEM_ERROR = auto()
    """Whether the system state is an error."""
    SYSTEM_WARNING = auto()
    """Whether the system state is a warning."""
    SYSTEM_TEXT = auto()
    """The system state in words, from the appliance's own pages where we do not know it."""
    WALLBOX_ERROR = auto()
    """Whether the state of a wallbox is an error."""


@dataclass(frozen=True, slots=True)
class LalaAddress:
    """The variables of one point. Without ``fields`` the point is not read from the device."""

    fields: tuple[Field, ...] = ()
    form: Form = Form.NUMBER
    factor: float = 1.0
    mask: int = 0
    unset: int | None = None
    """A number that stands for "not set"."""
    also: tuple[Field, ...] = ()
    """Variables that help to judge the value, where the device has them."""
    needs: tuple[Field, ...] = ()
    """Switches of the configuration that must be on for the point to make sense."""
    instead: LalaAddress | None = None
    """Where to look on machines that do not have ``fields``."""

    def of(self, number: int) -> LalaAddress:
        """The address for the unit with that number, counted from 0."""
        return LalaAddress(
            tuple(field.of(number) for field in self.fields),
            self.form,
            self.factor,
            self.mask,
            self.unset,
            tuple(field.of(number) for field in self.also),
            self.needs,
            self.instead.of(number) if self.instead else None,
        )


type SenecPoint = Point[LalaAddress]

UNITS = {
    Quantity.POWER: "W",
    Quantity.APPARENT_POWER: "VA",
    Quantity.ENERGY: "kWh",
    Quantity.VOLTAGE: "V",
    Quantity.CELL_VOLTAGE: "V",
    Quantity.CURRENT: "A",
    Quantity.FREQUENCY: "Hz",
    Quantity.TEMPERATURE: "°C",
    Quantity.STATE_OF_CHARGE: "%",
    Quantity.PERCENTAGE: "%",
}

FORMS = {
    Quantity.FLAG: Form.FLAG,
    Quantity.PROBLEM: Form.FLAG,
    Quantity.STATE: Form.STATE,
    Quantity.TEXT: Form.TEXT,
    Quantity.TIME_OF_DAY: Form.CLOCK_TIME,
    Quantity.TIMESTAMP: Form.MOMENT,
}
"""The form that a quantity usually has; all others are numbers."""

_FIELD = re.compile(r"(\w+)\.([\w{}]+)(?:\[(n|\d+)\])?")


def field(text: str) -> Field:
    """Take ``SECTION.NAME``, ``SECTION.NAME[2]`` or ``SECTION.NAME[n]`` apart."""
    match = _FIELD.fullmatch(text)
    if match is None:
        raise ValueError(text)
    section, name, place = match.groups()
    return Field(section, name, Own.PLACE if place == "n" else None if place is None else int(place))


def fields(text: str) -> tuple[Field, ...]:
    """Several fields, separated by blanks."""
    return tuple(field(each) for each in text.split())


def at(
    text: str,
    form: Form = Form.NUMBER,
    *,
    factor: float = 1.0,
    mask: int = 0,
    unset: int | None = None,
    also: str = "",
    needs: str = "",
    instead: LalaAddress | None = None,
) -> LalaAddress:
    """The address of the fields that ``text`` names."""
    return LalaAddress(fields(text), form, factor, mask, unset, fields(also), fields(needs), instead)


@dataclass(frozen=True, slots=True)
class Table:
    """Makes the points of one kind of unit; what their quantity says need not be repeated."""

    kind: str

    def __call__(
        self, key: str, name: str, quantity: Quantity, address: str | LalaAddress = "", **more: Any
    ) -> SenecPoint:
        """A point; ``address`` names the field when it is read in the usual way."""
        if isinstance(address, str):
            address = at(address, FORMS.get(quantity, Form.NUMBER))
        given: Mapping[str, Any] = {"unit": UNITS.get(quantity, "")} | more
        return Point(key=key, name=name, unit_kind=self.kind, quantity=quantity, address=address, **given)

    def setting(self, key: str, name: str, quantity: Quantity, address: str | LalaAddress, **more: Any) -> SenecPoint:
        """A point that may be written."""
        return self(key, name, quantity, address, access=Access.READ_WRITE, **more)
