"""Everything that Studer's devices know, as data: 335 infos and every parameter that can be read or triggered.

The facts are in two tables beside this module; they come from appendix V1.6.42 of Studer's serial protocol.

``infos.csv``: kind of unit, number, slug, English name, wire format, quantity and unit of the value here, factor from
the wire to that unit, how it counts, its pace, codes and slugs of an enumeration, Modbus register of the Xcom-485i.
``parameters.csv``: the same for settings, with access level, risk, limits, step and factory value for 48 V and 230 V
(``scaled`` marks voltages that follow the battery voltage), and the menu heading under which the remote control shows
it. Rows of format ``menu`` are those headings.

The tables are read when the module is imported, which happens off the event loop. They stay text until somebody asks
for a row, so that a thousand settings cost no thousand objects.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from csv import reader
from dataclasses import dataclass
from functools import cache, lru_cache
from io import StringIO
from pathlib import Path

from ..points import Access, Counting, Pace, Point, Quantity, Risk, Wear
from .address import ScomAddress, StuderPoint
from .codec import Format, ObjectType
from .points import POINTS
from .points_gateway import GATEWAY_KIND

REMOTE_CONTROL = "rcc"
"""The tables' name for what the gateway holds itself: the settings of the remote control."""
TABLE_VOLTAGE = 48.0
"""Battery voltage for which the tables give limits."""
LOW_MAINS = 120.0
"""Mains voltage below the geometric middle of the two that exist means a 120 V model."""

_LIMITS_120 = {
    1286: (55.0, 140.0),
    1560: (2.0, 8.0),
    1309: (50.0, 115.0),
    1433: (2.0, 15.0),
    1199: (40.0, 115.0),
    1200: (40.0, 115.0),
    1432: (117.5, 145.0),
}
"""Minimum and maximum of the AC voltages of 120 V models, V."""

# A write of these must survive a restart to be of any use, and in RAM it would start the watchdog that it sets.
_WATCHDOGS = {1628, 1629, 10342, 10343, 14218, 14219, 5095, 5096}

SIGNAL = "signal"
BITFIELD = "bitfield"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the catalogue, as a searchable list shows it."""

    kind: str
    """Kind of unit, as in ``Unit.kind``; the remote control's settings belong to ``gateway``."""
    key: str
    number: int
    name: str
    menu: str
    """Where the remote control shows it, headings joined by " > "; empty for infos."""
    level: str
    """Access level from which the remote control shows it: view, basic, expert, installer, qsp; empty for infos."""
    register: int | None
    """Modbus register behind an Xcom-485i; ``None`` where it has none there."""
    curated: bool
    """Whether it has a translated entity of its own, so that nothing is left to add."""


class _Table:
    """The rows of one table by kind and number, as text."""

    def __init__(self, name: str) -> None:
        lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
        self.columns = tuple(lines[0].split(","))
        self.rows: dict[tuple[str, int], str] = {}
        for line in lines[1:]:
            kind, number, _ = line.split(",", 2)
            self.rows[_kind(kind), int(number)] = line

    def row(self, kind: str, number: int) -> dict[str, str] | None:
        """The cells of a row by column."""
        line = self.rows.get((kind, number))
        return None if line is None else dict(zip(self.columns, next(reader(StringIO(line))), strict=True))


def _kind(name: str) -> str:
    return GATEWAY_KIND if name == REMOTE_CONTROL else name


_INFOS = _Table("infos.csv")
_PARAMETERS = _Table("parameters.csv")
KINDS = tuple(dict.fromkeys(kind for table in (_INFOS, _PARAMETERS) for kind, _ in table.rows))
"""The kinds of units that the catalogue knows."""


@cache
def _curated() -> Mapping[tuple[str, int], tuple[str, ...]]:
    """Keys of the points of the table that read exactly that number, by kind and number."""
    keys: dict[tuple[str, int], tuple[str, ...]] = {}
    for point in POINTS:
        if point.measured and not point.address.aggregate:
            place = (point.unit_kind, point.address.number)
            keys[place] = (*keys.get(place, ()), point.key)
    return keys


@cache
def _repeated(kind: str) -> frozenset[str]:
    """Names that several rows of a kind share, so that the number has to tell them apart."""
    names = Counter(row["name"] for row in _rows(kind))
    return frozenset(name for name, times in names.items() if times > 1)


def _rows(kind: str) -> Iterator[dict[str, str]]:
    for table in (_INFOS, _PARAMETERS):
        for place in table.rows:
            row = table.row(*place) if place[0] == kind else None
            if row is not None and row["format"] != "menu":
                yield row


def catalogue(kind: str) -> list[Entry]:
    """Everything that units of that kind know, infos first; empty for an unknown kind."""
    entries = []
    for row in _rows(kind):
        number = int(row["number"])
        curated = _curated().get((kind, number), ())
        entries.append(
            Entry(
                kind=kind,
                key=curated[0] if curated else _key(row),
                number=number,
                name=_name(kind, row),
                menu=_menu(kind, row.get("menu", "")),
                level=row.get("level", ""),
                register=int(row["register"]) if row["register"] else None,
                curated=bool(curated),
            )
        )
    return entries


def _menu(kind: str, heading: str) -> str:
    path: list[str] = []
    while heading and (row := _PARAMETERS.row(kind, int(heading))) is not None:
        path.insert(0, row["name"])
        heading = row["menu"]
    return " > ".join(path)


def _key(row: Mapping[str, str]) -> str:
    # The number makes it unique for good, also beside keys of other devices that share the translations.
    return f"{row['slug']}_{row['number']}"


def _name(kind: str, row: Mapping[str, str]) -> str:
    name = row["name"]
    return f"{name} ({row['number']})" if name in _repeated(kind) else name


@lru_cache(maxsize=2048)
def point_at(kind: str, number: int) -> StuderPoint | None:
    """The point that the catalogue makes of a number; ``None`` for a number that units of that kind do not have."""
    if (row := _INFOS.row(kind, number)) is not None:
        return _info_point(kind, row)
    row = _PARAMETERS.row(kind, number)
    return None if row is None or row["format"] == "menu" else _parameter_point(kind, row)


def find(kind: str, name: str) -> StuderPoint | None:
    """The point that the catalogue makes of a key, of a number, or of a key without its number if it is the only one.

    ``None`` when there is no such point or when the name could mean several.
    """
    if name.isdecimal():
        return point_at(kind, int(name))
    _, _, number = name.rpartition("_")
    if number.isdecimal() and (point := point_at(kind, int(number))) is not None and point.key == name:
        return point
    found = [row for row in _rows(kind) if row["slug"] == name]
    return point_at(kind, int(found[0]["number"])) if len(found) == 1 else None


def fallback_limits(
    kind: str, number: int, battery_voltage: float | None, mains_voltage: float | None
) -> tuple[float | None, float | None]:
    """Minimum and maximum of a setting for this system where the device does not tell them (reference section 4.2).

    The table is for 48 V batteries and 230 V mains; voltages of the battery follow it, 120 V models have limits of
    their own. Both are ``None`` for a number without limits.
    """
    row = _PARAMETERS.row(kind, number)
    if row is None:
        return None, None
    low, high = _float(row["minimum"]), _float(row["maximum"])
    if mains_voltage is not None and mains_voltage < LOW_MAINS * 1.4 and number in _LIMITS_120:
        return _LIMITS_120[number]
    if row["scaled"] and battery_voltage:
        scale = battery_voltage / TABLE_VOLTAGE
        return (None if low is None else low * scale), (None if high is None else high * scale)
    return low, high


def readable_settings(kind: str) -> list[int]:
    """The numbers of all parameters of a kind that are settings, in the order of the table; the clock is none."""
    numbers = []
    for at_kind, number in _PARAMETERS.rows:
        row = _PARAMETERS.row(kind, number) if at_kind == kind else None
        if row is not None and row["format"] != "menu" and row["quantity"] not in (SIGNAL, Quantity.TEXT):
            numbers.append(number)
    return numbers


def _info_point(kind: str, row: Mapping[str, str]) -> StuderPoint:
    return Point(
        key=_key(row),
        name=_name(kind, row),
        unit_kind=kind,
        quantity=Quantity(row["quantity"]),
        unit=row["unit"],
        address=ScomAddress(ObjectType.INFO, int(row["number"]), Format(row["format"]), _float(row["factor"]) or 1.0),
        counting=Counting(row["counting"] or Counting.NOT),
        pace=Pace(row["pace"]),
        options=_options(row["options"]),
        enabled=True,
    )


def _parameter_point(kind: str, row: Mapping[str, str]) -> StuderPoint:
    number, quantity = int(row["number"]), row["quantity"]
    address = ScomAddress(ObjectType.PARAMETER, number, Format(row["format"]))
    risk = Risk(row["risk"] or Risk.NORMAL)
    if quantity == SIGNAL:
        return Point(
            key=_key(row),
            name=_name(kind, row),
            unit_kind=kind,
            quantity=Quantity.FLAG,
            address=address,
            pace=Pace.ONCE,
            access=Access.PRESS,
            risk=risk,
            enabled=True,
        )
    text = quantity == Quantity.TEXT
    bits = quantity == BITFIELD
    return Point(
        key=_key(row),
        name=_name(kind, row),
        unit_kind=kind,
        # A set of days is shown as the number that its bits make: Monday counts 1, Sunday 64.
        quantity=Quantity.COUNT if bits else Quantity(quantity),
        unit=row["unit"],
        address=address,
        pace=Pace.SLOW,
        # The clock is set by an action of its own, which knows what time it is when the frame leaves.
        access=Access.READ if text or row["level"] == "view" else Access.READ_WRITE,
        minimum=_float(row["minimum"]),
        maximum=_float(row["maximum"]),
        step=1.0 if bits else _float(row["step"]),
        options=_options(row["options"]) if quantity == Quantity.STATE else {},
        wear=Wear.FLASH if number in _WATCHDOGS else Wear.RAM,
        risk=risk,
        enabled=True,
    )


def _float(text: str) -> float | None:
    return float(text) if text else None


def _options(text: str) -> dict[int, str]:
    pairs = (part.partition("=") for part in text.split("|") if part)
    return {int(code): slug for code, _, slug in pairs}
