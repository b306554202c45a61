"""The numbers that Studer devices know, from the two tables beside this module.

``infos.csv``: family, number, wire format, and the values an enumeration may have.
``parameters.csv``: family, number, kind, wire format, access level, default, limits; ``per_12v`` marks voltages given
for a 48 V system, the ``_120vac`` columns hold what 120 V models have instead.
"""

import csv
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from struct import Struct

from .errors import INVALID_DATA, INVALID_DATA_LENGTH, ScomError

FAMILIES = ("xt", "vt", "vs", "bsp", "bms", "rcc")

_STRUCTS = {
    "BOOL": Struct("<B"),
    "SHORT_ENUM": Struct("<H"),
    "LONG_ENUM": Struct("<I"),
    "INT32": Struct("<i"),
    "FLOAT": Struct("<f"),
}

LEVELS = {"view_only": 0x00, "basic": 0x10, "expert": 0x20, "installer": 0x30, "qsp": 0x40}


def encode(wire_format: str, value: float) -> bytes:
    """Return a value in its wire format."""
    if wire_format == "FLOAT":
        return _STRUCTS["FLOAT"].pack(value)
    return _STRUCTS[wire_format].pack(int(value))


def decode(wire_format: str, data: bytes) -> float:
    """Return the value in ``data``; a wrong length or an impossible value is an error of the device."""
    layout = _STRUCTS[wire_format]
    if len(data) != layout.size:
        raise ScomError(INVALID_DATA_LENGTH)
    value = float(layout.unpack(data)[0])
    if math.isnan(value) or (wire_format == "BOOL" and value not in (0, 1)):
        raise ScomError(INVALID_DATA)
    return value


@dataclass(frozen=True, slots=True)
class Info:
    """One readable value; ``values`` are those an enumeration may have."""

    number: int
    wire_format: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting, with its limits for a given installation."""

    number: int
    kind: str
    wire_format: str
    level: int
    default: float
    minimum: float
    maximum: float
    values: tuple[int, ...]


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("|") if part)


def _rows(name: str) -> list[dict[str, str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


@cache
def infos(family: str) -> dict[int, Info]:
    """Return the infos of a family by number."""
    return {
        int(row["number"]): Info(int(row["number"]), row["format"], _integers(row["values"]))
        for row in _rows("infos.csv")
        if row["family"] == family
    }


@cache
def parameters(family: str, system_voltage: int = 48, mains_voltage: int = 230) -> dict[int, Parameter]:
    """Return the parameters of a family by number, with defaults and limits for this system (12, 24 or 48 V)."""
    return {
        int(row["number"]): _parameter(row, system_voltage, mains_voltage)
        for row in _rows("parameters.csv")
        if row["family"] == family
    }


def _parameter(row: dict[str, str], system_voltage: int, mains_voltage: int) -> Parameter:
    scale = system_voltage / 48 if row["per_12v"] == "yes" else 1.0

    def number(column: str, otherwise: float) -> float:
        text = row[column]
        if mains_voltage == 120 and row[f"{column}_120vac"]:
            text = row[f"{column}_120vac"]
        return float(text) * scale if text else otherwise

    return Parameter(
        number=int(row["number"]),
        kind=row["kind"],
        wire_format=row["format"],
        level=LEVELS[row["level"]],
        default=number("default", 0.0),
        minimum=number("min", 0.0),
        maximum=number("max", 1.0),
        values=_integers(row["values"]),
    )
