"""The registers of a GX that are used, as data (reference section 2.2).

``registers.csv`` has one row for each: map, register number, type, divisor of the value, unit, access and slug. Types:
``u16``, ``i16``, ``u32``, ``i32``, text of N characters (``tN``). A value is the number divided by the divisor; a
divisor below one stands for registers that count tens or hundreds, one below zero for those that count backwards.

A GX answers for one service at a time, and refuses a request that touches a number its map of that service does not
have. ``SPANS`` tells which numbers the maps have, those that are not used among them, so that a read may cross these.

The table is read when the module is imported, which happens off the event loop.
"""

from collections.abc import Iterator, Mapping
from csv import DictReader
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from io import StringIO
from pathlib import Path


class Service(StrEnum):
    """Services of the GX, each with a map of its own."""

    SYSTEM = "system"
    SETTINGS = "settings"
    """The owner's settings, on the unit id of the system."""
    BATTERY = "battery"
    VEBUS = "vebus"
    """Multis and Quattros, however many, as one."""


SPANS: Mapping[Service, tuple[tuple[int, int], ...]] = {
    Service.SYSTEM: ((800, 919),),
    Service.SETTINGS: ((2700, 2708), (2710, 2715), (2718, 2723), (2900, 2903), (5700, 5707)),
    Service.BATTERY: ((256, 331), (1282, 1343)),
    Service.VEBUS: ((3, 147),),
}
"""First and last number of everything that the maps have in one piece."""


class Form(StrEnum):
    """How a register travels."""

    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    TEXT = "text"

    @property
    def signed(self) -> bool:
        """Whether it can be below zero."""
        return self in (Form.I16, Form.I32)


@dataclass(frozen=True, slots=True)
class Register:
    """One row of the table."""

    service: Service
    address: int
    words: int
    form: Form
    divisor: Fraction
    unit: str
    writable: bool
    key: str

    @property
    def end(self) -> int:
        """The number after its last word."""
        return self.address + self.words

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"{self.key.replace('_', ' ')} (register {self.address})"


class RegisterMap:
    """The registers of one service, by key and in the order of their numbers."""

    def __init__(self, service: Service, registers: list[Register]) -> None:
        """``registers`` do not overlap."""
        self.service = service
        self.ordered = tuple(sorted(registers, key=lambda register: register.address))
        self.by_key: Mapping[str, Register] = {register.key: register for register in self.ordered}

    def __getitem__(self, key: str) -> Register:
        return self.by_key[key]

    def __iter__(self) -> Iterator[Register]:
        return iter(self.ordered)


def _register(row: Mapping[str, str]) -> Register:
    text = row["type"].startswith("t")
    form = Form.TEXT if text else Form(row["type"])
    return Register(
        service=Service(row["map"]),
        address=int(row["address"]),
        # Characters travel in pairs.
        words=int(row["type"][1:]) // 2 if text else 2 if form in (Form.U32, Form.I32) else 1,
        form=form,
        divisor=Fraction(row["divisor"] or 1),
        unit=row["unit"],
        writable="w" in row["access"],
        key=row["key"],
    )


def _maps() -> dict[Service, RegisterMap]:
    text = Path(__file__).with_name("registers.csv").read_text(encoding="utf-8")
    registers = [_register(row) for row in DictReader(StringIO(text))]
    return {
        service: RegisterMap(service, [register for register in registers if register.service is service])
        for service in Service
    }


MAPS: Mapping[Service, RegisterMap] = _maps()
"""Every map."""
