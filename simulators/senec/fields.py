"""The fields that the appliances know, from ``fields.csv`` beside this module.

``kind`` is the wire type (``u3/fl``: the first before application 0825, the second since). ``shape`` is a number of
elements, ``modules`` (four, with LFP modules as many as installed), ``cells``, ``sections``, or ``2+end`` for two and
the mark that ends an array. ``value`` holds the digits at rest. ``access``: ``r`` can only be read, ``w`` is a setting
of the owner, ``button`` resets itself, ``dangerous`` is open to writing and no business of any client. ``on`` names the
trait that an appliance must have; ``hidden`` fields are answered by name only.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from .profiles import HTTPS_SINCE, Profile, Wire
from .wire import END_OF_ARRAY, encode

EMPTY_SECTIONS = ("DISPLAY", "FILE", "STATISTIC", "STECA", "TEST", "UPDATE")
"""Known to every firmware, and empty where no field of theirs is listed (reference section 3)."""
UNLISTED = frozenset({"AMPACE", "CASC", "FEATURES", "STECA"})
"""Missing in the appliance's own list of sections, which is known to be incomplete."""
BMS_ROWS = 4
"""Elements of the arrays over battery modules, whatever is installed."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an appliance: its wire type, whether it may be written, and what it holds at rest."""

    section: str
    name: str
    kind: str
    access: str
    hidden: bool
    rest: Wire

    @property
    def length(self) -> int | None:
        """Return the number of elements of an array, None for a single value."""
        return len(self.rest) if isinstance(self.rest, list) else None


type Table = dict[str, dict[str, Field]]


def table(profile: Profile) -> Table:
    """Return what an appliance knows, by section and field."""
    with Path(__file__).with_name("fields.csv").open(encoding="utf-8", newline="") as rows:
        known = [row for row in csv.DictReader(rows) if profile.has(row["on"])]
    sections: Table = {name: {} for name in EMPTY_SECTIONS}
    names = sorted({row["section"] for row in known} - UNLISTED)
    for row in known:
        section, name = row["section"], row["field"]
        older, _, newer = row["kind"].partition("/")
        kind = newer if newer and profile.application >= HTTPS_SINCE else older
        rest = profile.values.get(section, {}).get(name)
        if rest is None:
            rest = [f"st_{name}" for name in names] if row["shape"] == "sections" else _rest(row, kind, profile)
        field = Field(section, name, kind, row["access"], row["hidden"] == "yes", rest)
        sections.setdefault(section, {})[name] = field
    return sections


def _rest(row: dict[str, str], kind: str, profile: Profile) -> Wire:
    value = encode(kind, int(row["value"])) if "/" in row["kind"] else f"{kind}_{row['value']}"
    match row["shape"]:
        case "1":
            return value
        case "2+end":
            return [value, value, END_OF_ARRAY]
        case "modules":
            return _rows(value, kind, profile, profile.modules if profile.has("lfp") else BMS_ROWS)
        case "cells":
            return [value] * profile.cells
        case "4" if row["section"] == "BMS":
            return _rows(value, kind, profile, BMS_ROWS)
        case number:
            return [value] * int(number)


def _rows(value: str, kind: str, profile: Profile, rows: int) -> list[str]:
    """Return one element for each module; rows without a module are zeros (reference section 6)."""
    nothing = encode(kind, "" if kind == "st" else 0)
    return [value if index < profile.modules else nothing for index in range(rows)]
