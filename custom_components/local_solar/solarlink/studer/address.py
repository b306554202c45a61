"""Where a point of a Studer installation lives, and short words for building points."""

from dataclasses import dataclass
from enum import IntEnum

from ..points import Point
from .codec import Format, ObjectType

KILO = 1000.0
"""kW and kVA on the wire, W and VA here; MWh on the wire, kWh here; kAh on the wire, Ah here."""
INVERTED = -1.0
"""The wire counts charging positive; the energy dashboard wants discharging positive."""


class Aggregate(IntEnum):
    """Whose value an info is (reference section 5); the numbers are the gateway's aggregation codes."""

    UNIT = 0
    """That of the unit which the point belongs to."""
    MEAN = 0xFD
    """The mean over all units of the family."""
    SUM = 0xFE
    """The sum over all units of the family."""


@dataclass(frozen=True, slots=True)
class ScomAddress:
    """Where a point lives: the kind of object, its number and its wire format."""

    object_type: ObjectType
    number: int
    format: Format = Format.FLOAT
    factor: float = 1.0
    aggregate: Aggregate = Aggregate.UNIT
    also: tuple[int, ...] = ()
    """Infos of other families that are added to that of ``number``, where those families are there."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """All numbers that the value is made of."""
        return (self.number, *self.also)


type StuderPoint = Point[ScomAddress]


def info(number: int, *, factor: float = 1.0, form: Format = Format.FLOAT) -> ScomAddress:
    """The address of a user info."""
    return ScomAddress(ObjectType.INFO, number, form, factor)


def total(number: int, *also: int, factor: float = 1.0) -> ScomAddress:
    """The address of the sum of an info over all units of its family, and of others' infos of the same meaning."""
    return ScomAddress(ObjectType.INFO, number, Format.FLOAT, factor, Aggregate.SUM, also)


def parameter(number: int, form: Format = Format.FLOAT) -> ScomAddress:
    """The address of a parameter."""
    return ScomAddress(ObjectType.PARAMETER, number, form)
