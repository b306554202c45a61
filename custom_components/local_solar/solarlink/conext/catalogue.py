"""Everything that the maps know, beyond the points that people usually look at."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from ..points import Access, Quantity, Risk, Wear
from .points import points_of
from .registers import Form, Kind, Register, map_of
from .source import ConextPoint, Make, at, quantity_of, risk_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One register, as a searchable list shows it."""

    kind: str
    key: str
    number: int
    name: str
    writable: bool
    curated: bool
    """Whether it has a translated entity of its own, so that nothing is left to add."""


@cache
def _curated(kind: Kind) -> dict[str, str]:
    """Keys of the points that show exactly one register, by that register."""
    keys: dict[str, str] = {}
    for point in points_of(kind).values():
        if point.measured and point.address.make is Make.VALUE:
            keys.setdefault(point.address.registers[0], point.key)
    return keys


def key_of(register: Register) -> str:
    """The key of a register's own point; the address makes it unique beside the curated ones."""
    return f"{register.key}_{register.address:04x}"


def catalogue(kind: str) -> list[Entry]:
    """Every register that units of that kind have and that can be read; empty for an unknown kind."""
    if kind not in list(Kind):
        return []
    curated = _curated(Kind(kind))
    return [
        Entry(
            kind=kind,
            key=curated.get(register.key) or key_of(register),
            number=register.address,
            name=register.name,
            writable=register.writable and risk_of(register) is not Risk.NEVER,
            curated=register.key in curated,
        )
        for register in map_of(Kind(kind))
        if register.readable
    ]


def find(kind: str, name: str) -> ConextPoint | None:
    """The point of a register that is called by its key or its address (decimal, or hexadecimal with 0x)."""
    if kind not in list(Kind):
        return None
    known = map_of(Kind(kind))
    try:
        register = known.by_address.get(int(name, 0))
    except ValueError:
        register = known.by_key.get(name) or next((each for each in known if key_of(each) == name), None)
    if register is None or not register.readable:
        return None
    return _point(register)


def _point(register: Register) -> ConextPoint:
    risk = risk_of(register)
    if register.key == "reset":
        return at(
            register.kind,
            register.key,
            key_of(register),
            quantity=Quantity.FLAG,
            options={},
            access=Access.PRESS,
            momentary=True,
            press=0,
            risk=risk,
            enabled=True,
        )
    more: dict[str, Any] = {}
    if register.writable and risk is not Risk.NEVER and register.form is not Form.TEXT:
        more = {"access": Access.READ_WRITE, "risk": risk, "wear": Wear.FLASH}
        if quantity_of(register) not in (Quantity.FLAG, Quantity.STATE, Quantity.TIME_OF_DAY):
            more |= _capacity(register)
    return at(register.kind, register.key, key_of(register), enabled=True, **more)


def _capacity(register: Register) -> dict[str, float]:
    """What the register can hold; the maps tell no narrower limits."""
    bits = register.words * 16
    signed = register.form in (Form.I16, Form.I32)
    ends = (-(1 << bits - 1), (1 << bits - 1) - 2) if signed else (0, (1 << bits) - 2)
    low, high = sorted(round(float(end * register.scale) + register.offset, 6) for end in ends)
    step = float(abs(register.scale)) if register.scale != Fraction(1, 60) else 1.0
    return {"minimum": low, "maximum": high, "step": step}
