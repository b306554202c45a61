"""The tables of the cells of one module: ``bat N`` and ``soh N`` (reference sections 6.1 and 6.5)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import HighVoltageStackError
from .blocks import Fields
from .codec import DEVICE, damaged

_NUMBER = re.compile(r"-?\d{1,7}")
_PERCENT = re.compile(r"\d{1,3}%")
_CAPACITY = re.compile(r"(\d{1,7})mAH", re.IGNORECASE)
_GAP_IN_CAPACITY = re.compile(r"(?<=\d)\s+(?=mAH\b)", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z][\w.\-]*")
_BALANCING = {"Y": True, "N": False}
_DASH = "-"
MOST_CELLS = 16


@dataclass(frozen=True, slots=True)
class Cell:
    """One row: V, °C, the words of its states, and whether it is being balanced, where the console tells it."""

    voltage: float
    temperature: float
    words: tuple[str, ...]
    percent: int | None = None
    capacity: float | None = None
    """Ah."""
    balancing: bool | None = None


def read_cells(lines: list[str]) -> tuple[Cell, ...]:
    """Read ``bat N``; raises ``BadAnswerError`` when one row is damaged, ``HighVoltageStackError`` for a tower."""
    header: list[str] = []
    cells: list[Cell] = []
    for line in lines:
        tokens = line.split()
        if tokens[0] == "Bat" and "Volt" in tokens:
            raise HighVoltageStackError(device=DEVICE)
        if not header:
            if tokens[0] == "Battery" and "Volt" in tokens and "Tempr" in tokens:
                header = tokens
            continue
        if not tokens[0].isdecimal():
            continue
        if int(tokens[0]) != len(cells):
            raise damaged("bat", f"the row of cell {len(cells) + 1} is missing")
        cells.append(_cell(header, _GAP_IN_CAPACITY.sub("", line).split()))
    if not header:
        raise damaged("bat", "no header")
    if not 1 <= len(cells) <= MOST_CELLS:
        raise damaged("bat", f"{len(cells)} cells")
    return tuple(cells)


def _cell(header: list[str], tokens: list[str]) -> Cell:
    name = tokens[0]
    numbers = 3 if "Curr" in header else 2
    words = sum(token == "State" for token in header)
    if len(tokens) < 1 + numbers + words:
        raise damaged("bat", f"row {name} is too short")
    values = tokens[1 : 1 + numbers]
    told = tokens[1 + numbers : 1 + numbers + words]
    if not all(_NUMBER.fullmatch(value) for value in values) or not all(_WORD.fullmatch(word) for word in told):
        raise damaged("bat", f"row {name} is not clean")
    voltage, temperature = int(values[0]) / 1000.0, int(values[-1]) / 1000.0
    if not 0.0 <= voltage <= 5.0 or not -60.0 <= temperature <= 150.0:
        raise damaged("bat", f"row {name}: {voltage:g} V at {temperature:g} °C")
    found: dict[str, int | float | bool] = {}
    value: int | float | bool
    # Percent, capacity and balancing come in any order, and each may be missing.
    for token in tokens[1 + numbers + words :]:
        if token == _DASH:
            continue
        if _PERCENT.fullmatch(token):
            key, value = "percent", int(token[:-1])
        elif match := _CAPACITY.fullmatch(token):
            key, value = "capacity", int(match[1]) / 1000.0
        elif token in _BALANCING:
            key, value = "balancing", _BALANCING[token]
        else:
            raise damaged("bat", f"row {name}: '{token[:20]}' is not understood")
        if key in found:
            raise damaged("bat", f"row {name} is mixed up with another")
        found[key] = value
    return Cell(voltage, temperature, tuple(told), **found)  # type: ignore[arg-type]


def cell_fields(cells: tuple[Cell, ...]) -> Fields:
    """What the points of a module make of its cells."""
    fields: Fields = {"mean_cell_voltage": round(sum(cell.voltage for cell in cells) / len(cells), 4)}
    for number, cell in enumerate(cells, 1):
        fields[f"cell_voltage_{number}"] = cell.voltage
        fields[f"cell_temperature_{number}"] = cell.temperature
    if any(cell.balancing is not None for cell in cells):
        busy = [number for number, cell in enumerate(cells, 1) if cell.balancing]
        fields["balancing"] = bool(busy)
        fields["balancing_cells"] = ", ".join(map(str, busy)) or "none"
    return fields


@dataclass(frozen=True, slots=True)
class CellHealth:
    """One row of ``soh N``: V, how often its health fell, and the word for it."""

    voltage: float
    count: int
    status: str


def read_health(lines: list[str]) -> Mapping[int, CellHealth]:
    """Read ``soh N`` by cell, counted from one; raises ``BadAnswerError``."""
    header = False
    rows: dict[int, CellHealth] = {}
    for line in lines:
        tokens = line.split()
        if not header:
            header = tokens == ["Battery", "Voltage", "SOHCount", "SOHStatus"]
            continue
        if not tokens[0].isdecimal():
            continue
        if len(tokens) != 4 or int(tokens[0]) != len(rows) or not all(map(_NUMBER.fullmatch, tokens[1:3])):
            raise damaged("soh", f"row {len(rows)} is damaged or missing")
        rows[len(rows) + 1] = CellHealth(int(tokens[1]) / 1000.0, int(tokens[2]), tokens[3])
    if not rows:
        raise damaged("soh", "no rows")
    return rows
