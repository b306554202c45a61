"""The register maps of every Conext device, as data (reference section 0).

``registers.csv`` has one row for each register: map, address (hexadecimal, as it travels), type, access, unit, scale
(a fraction) and offset of the value, enumeration, pace, risk of a write, slug and English name; ``only`` names the
gateway whose devices alone have it. Types: ``u16``, ``i16``, ``u32``, ``i32``, text of N characters (``tN``), and
``e32``, which the older maps print unsigned and the newer ones signed (section 11). A ``clock`` is a time of day in
minutes since midnight. ``enums.csv`` has the codes and slugs of the enumerations.

Both tables are read when the module is imported, which happens off the event loop.
"""

from collections.abc import Iterator, Mapping
from csv import DictReader
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import cache
from io import StringIO
from pathlib import Path

from ..points import Pace

GATEWAY_ONLY = "gateway"
"""What ``Register.only`` says of registers that only devices behind port 503 have."""


class Kind(StrEnum):
    """Kinds of units; each has a map of its own. The values are what ``solarlink decode conext`` takes."""

    COMBOX = "combox"
    GATEWAY = "gateway"
    """Conext Gateway, InsightHome, InsightFacility."""
    XW = "xw"
    """XW, XW+ and XW Pro."""
    MPPT60 = "mppt60"
    MPPT80 = "mppt80"
    """MPPT 80 600 and MPPT 100 600."""
    SW = "sw"
    AGS = "ags"
    SCP = "scp"
    BATTMON = "battmon"

    @property
    def is_root(self) -> bool:
        """Whether it is the gateway itself."""
        return self in (Kind.COMBOX, Kind.GATEWAY)


class Form(StrEnum):
    """How a register travels."""

    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    E32 = "e32"
    """Signed or unsigned, which only the firmware knows; decoded as signed."""
    TEXT = "text"


_WORDS = {Form.U16: 1, Form.I16: 1, Form.U32: 2, Form.I32: 2, Form.E32: 2}

FLAG = "flag"
BITS = "bits"
CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Register:
    """One row of a map."""

    kind: Kind
    address: int
    words: int
    form: Form
    readable: bool
    writable: bool
    unit: str
    scale: Fraction
    offset: float
    enum: str
    """Name of its enumeration, ``flag``, ``bits``, or empty for a number."""
    pace: Pace
    risk: str
    """``normal``, ``expert`` or ``danger`` for what can be written; else empty."""
    key: str
    name: str
    only: str

    @property
    def end(self) -> int:
        """The address after its last word."""
        return self.address + self.words

    @property
    def cumulative(self) -> bool:
        """Whether it counts for the life of the device, so that it never falls (section 4)."""
        return self.unit == "kWh" and self.key.endswith("_lifetime")


class RegisterMap:
    """The registers of one kind of unit, by key and in the order of their addresses."""

    def __init__(self, kind: Kind, registers: list[Register]) -> None:
        """``registers`` do not overlap."""
        self.kind = kind
        self.by_key: Mapping[str, Register] = {register.key: register for register in registers}
        self.ordered = tuple(sorted(registers, key=lambda register: register.address))
        self.by_address: Mapping[int, Register] = {register.address: register for register in registers}

    def __getitem__(self, key: str) -> Register:
        return self.by_key[key]

    def __contains__(self, key: str) -> bool:
        return key in self.by_key

    def __iter__(self) -> Iterator[Register]:
        return iter(self.ordered)


def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _rows() -> dict[Kind, list[dict[str, str]]]:
    rows: dict[Kind, list[dict[str, str]]] = {kind: [] for kind in Kind}
    for row in DictReader(StringIO(_text("registers.csv"))):
        rows[Kind(row["map"])].append(row)
    return rows


def _enums() -> dict[str, dict[int, str]]:
    enums: dict[str, dict[int, str]] = {}
    for row in DictReader(StringIO(_text("enums.csv"))):
        enums.setdefault(row["enum"], {})[int(row["code"])] = row["slug"]
    return enums


_ROWS = _rows()
ENUMS: Mapping[str, Mapping[int, str]] = _enums()
"""Code to slug of every enumeration."""


def _register(kind: Kind, row: Mapping[str, str]) -> Register:
    text = row["type"].startswith("t")
    form = Form.TEXT if text else Form(row["type"])
    return Register(
        kind=kind,
        address=int(row["address"], 16),
        # Characters travel in pairs.
        words=(int(row["type"][1:]) + 1) // 2 if text else _WORDS[form],
        form=form,
        readable="r" in row["access"],
        writable="w" in row["access"],
        unit=row["unit"],
        scale=Fraction(row["scale"] or 1),
        offset=float(row["offset"] or 0),
        enum=row["enum"],
        pace=Pace(row["pace"]),
        risk=row["risk"],
        key=row["key"],
        name=row["name"],
        only=row["only"],
    )


@cache
def map_of(kind: Kind, *, shifted: bool = False, newer: bool = True) -> RegisterMap:
    """The map of a kind of unit.

    ``shifted``: an MPPT 60 that has its energies where the MPPT 80 has them, as was seen on port 503 (section 11).
    ``newer``: with the registers that only devices behind the newer gateways have.
    """
    registers = [_register(kind, row) for row in _ROWS[kind]]
    if shifted and kind is Kind.MPPT60:
        others = map_of(Kind.MPPT80)
        registers = [
            replace(register, address=others[register.key].address) if register.pace is Pace.MINUTE else register
            for register in registers
        ]
    return RegisterMap(kind, [register for register in registers if newer or register.only != GATEWAY_ONLY])
