"""Where a point of a GX comes from, and short words for building points out of the register maps."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..points import Access, Counting, Integral, Pace, Part, Point, Quantity, Wear
from .registers import MAPS, Register, Service

NO_LIMIT = -1.0
"""What stands for "no limit" where a limit can be lifted."""


class Make(StrEnum):
    """How a value is made of registers."""

    VALUE = "value"
    """The register as it is."""
    OPPOSITE = "opposite"
    """The register with the opposite sign: a GX counts charging as positive."""
    SUM = "sum"
    DIFFERENCE = "difference"
    """First less second."""
    LIMIT = "limit"
    """The register, or ``NO_LIMIT`` for whatever is below zero."""
    NOT = "not"
    """The opposite of a flag."""
    ISLANDED = "islanded"
    """Whether a state (first) and powers (the others) say that the house runs on its own inverter."""
    LEVEL = "level"
    """The highest of several alarm levels."""
    PROBLEM = "problem"
    """Whether any of the registers is not zero."""
    ALARMS = "alarms"
    """Names of all active alarms."""


class Zero(StrEnum):
    """What a zero means, which a GX also answers for a value that it does not have (section 2)."""

    REAL = "real"
    """Zero, or as good as zero."""
    NONE = "none"
    """That there is no value: the quantity is never zero, or so seldom that it may go unseen."""
    BATTERY = "battery"
    """Zero if the battery is there, which its voltage tells; else no value."""
    MONITOR = "monitor"
    """The same, and the battery has to answer for itself: the voltage may come from somebody else."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a point lives; all of its registers belong to one service and are needed."""

    service: Service
    registers: tuple[str, ...]
    make: Make = Make.VALUE
    zero: Zero = Zero.REAL
    other: str = ""
    """Key of a register that must be zero too for a zero of this one to be believed."""

    @property
    def number(self) -> int:
        """The first register, by which people may call the point."""
        return MAPS[self.service][self.registers[0]].address


type GxPoint = Point[Source]

_QUANTITIES: Mapping[str, Quantity] = {
    "V": Quantity.VOLTAGE,
    "A": Quantity.CURRENT,
    "W": Quantity.POWER,
    "Hz": Quantity.FREQUENCY,
    "%": Quantity.PERCENTAGE,
    "°C": Quantity.TEMPERATURE,
    "s": Quantity.DURATION,
    "Ah": Quantity.CHARGE,
    "kWh": Quantity.ENERGY,
    "": Quantity.COUNT,
}


@dataclass(frozen=True, slots=True)
class Table:
    """Builds the points of one kind of unit out of one map."""

    kind: str
    service: Service

    def __call__(self, key: str, name: str, *registers: str, **more: Any) -> GxPoint:
        """A point of these registers, or of the one that is called as it is; ``more`` differs from the register's."""
        used = registers or (key,)
        source = {field: more.pop(field) for field in ("make", "zero", "other") if field in more}
        first: Register = MAPS[self.service][used[0]]
        defaults: dict[str, Any] = {"quantity": _QUANTITIES[first.unit], "unit": first.unit}
        if "options" in more:
            defaults = {"quantity": Quantity.STATE}
        elif more.get("quantity") in (Quantity.FLAG, Quantity.PROBLEM, Quantity.TEXT):
            defaults = {}
        return Point(
            key=key,
            name=name,
            unit_kind=self.kind,
            address=Source(self.service, used, **source),
            **defaults | more,
        )

    def setting(self, key: str, name: str, *registers: str, **more: Any) -> GxPoint:
        """A setting that the GX keeps in its memory."""
        defaults: dict[str, Any] = {"access": Access.READ_WRITE, "wear": Wear.FLASH, "pace": Pace.MINUTE}
        return self(key, name, *registers, **defaults | more)

    def limited(
        self, key: str, name: str, *registers: str, low: float, high: float, step: float, **more: Any
    ) -> GxPoint:
        """A numeric setting from ``low`` to ``high``."""
        return self.setting(key, name, *registers, minimum=low, maximum=high, step=step, **more)

    def energy(
        self,
        key: str,
        name: str,
        power: GxPoint,
        part: Part = Part.POSITIVE,
        counter: str = "",
        **more: Any,
    ) -> GxPoint:
        """An energy that is summed up from a power, unless the unit counts it by itself."""
        return Point(
            key=key,
            name=name,
            unit_kind=self.kind,
            quantity=Quantity.ENERGY,
            unit="kWh",
            counting=Counting.TOTAL,
            address=power.address,
            integral=Integral(source=power.key, part=part, counter=counter),
            **more,
        )
