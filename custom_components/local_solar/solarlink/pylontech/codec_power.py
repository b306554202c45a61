"""The table of all modules: ``pwr`` (reference section 5). Values belong to the words of its header, not to columns."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..errors import HighVoltageStackError
from . import alarms, states
from .blocks import Fields
from .codec import DEVICE, damaged, moment

_COMMON = ("Base.St", "Volt.St", "Curr.St", "Temp.St", "Coulomb", "Time", "B.V.St", "B.T.St")
_MOSFET = ("MosTempr", "M.T.St")
_A = ("Power", "Volt", "Curr", "Tempr", "Tlow", "Thigh", "Vlow", "Vhigh", *_COMMON)
_NUMBERED = ("Tlow", "Tlow.Id", "Thigh", "Thigh.Id", "Vlow", "Vlow.Id", "Vhigh", "Vhigh.Id")
LAYOUTS: Mapping[str, tuple[str, ...]] = {
    "A": _A,
    "A+": (*_A, "Barcode", "DevType"),
    "B": (*_A, *_MOSFET),
    "C": ("Power", "Volt", "Curr", "Tempr", *_NUMBERED, *_COMMON, *_MOSFET, "SysAlarm.St"),
}
"""The headers that are known, by the letter of the reference."""
UNKNOWN_LAYOUT = "?"
_NEEDED = frozenset(_A) - {"Volt.St", "Curr.St", "Temp.St", "B.V.St", "B.T.St"}
_HIGH_VOLTAGE = frozenset({"BTlow", "BVlow", "UVlow", "UTlow"})

_STATES = {
    "Volt.St": "voltage_state",
    "Curr.St": "current_state",
    "Temp.St": "temperature_state",
    "B.V.St": "cell_voltage_state",
    "B.T.St": "cell_temperature_state",
    "M.T.St": "mosfet_temperature_state",
    "SysAlarm.St": "system_alarm_state",
}
_SCALED = {
    "Volt": ("battery_voltage", 0.0, 70.0),
    "Curr": ("battery_current", -400.0, 400.0),
    "Tempr": ("battery_temperature", -60.0, 150.0),
    "Tlow": ("lowest_cell_temperature", -60.0, 150.0),
    "Thigh": ("highest_cell_temperature", -60.0, 150.0),
    "Vlow": ("lowest_cell_voltage", 0.0, 5.0),
    "Vhigh": ("highest_cell_voltage", 0.0, 5.0),
    "MosTempr": ("mosfet_temperature", -60.0, 200.0),
}
"""Columns in thousandths: their key and the range outside which a number is damage."""
_PLACES = {
    "Tlow.Id": "coldest_sensor",
    "Thigh.Id": "warmest_sensor",
    "Vlow.Id": "lowest_cell",
    "Vhigh.Id": "highest_cell",
}
_OPTIONAL = frozenset({"MosTempr", "M.T.St", *_PLACES})
"""Columns that a slave of older make leaves empty."""
MOST_PERCENT = 150
"""More than 100 % has been seen; far more is damage."""
_ROUNDING = 0.02
"""Share by which the voltage of a module may differ from the sum of its cells, which are measured one by one."""
_CELLS = range(7, 18)
_AT_WORK = ("charging", "discharging")
_DASH = "-"
_ABSENT = "Absent"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK = re.compile(r"\d\d:\d\d:\d\d")
_NUMBER = re.compile(r"-?\d+")
_PERCENT = re.compile(r"(\d+)%")
_WORD = re.compile(r"[A-Za-z][\w.\-]*")


@dataclass(frozen=True, slots=True)
class PowerTable:
    """One whole table: its header and, by slot, the fields of the modules that are there."""

    header: tuple[str, ...]
    slots: int
    modules: Mapping[int, Fields]

    @property
    def layout(self) -> str:
        """The letter of the layout."""
        return next((name for name, header in LAYOUTS.items() if header == self.header), UNKNOWN_LAYOUT)


def read_power(lines: list[str]) -> PowerTable:
    """Read the table out of a reply.

    Raises ``BadAnswerError`` when one row is damaged or missing, because then the others cannot be trusted either, and
    ``HighVoltageStackError`` for the table of a high-voltage stack (section 9).
    """
    rows = (line.split() for line in lines)
    header: tuple[str, ...] = ()
    modules: dict[int, Fields] = {}
    slots = 0
    for tokens in rows:
        if _HIGH_VOLTAGE & set(tokens):
            raise HighVoltageStackError(device=DEVICE)
        if not header:
            if tokens[0] == "Power" and "Volt" in tokens:
                header = _header(tokens)
            continue
        if not tokens[0].isdecimal():
            # A line of the log that came in between.
            continue
        slots += 1
        if int(tokens[0]) != slots:
            raise damaged("pwr", f"row {slots} is missing")
        fields = _row(header, tokens)
        if fields is not None:
            modules[slots] = fields
    if not header:
        raise damaged("pwr", "no header")
    if not slots:
        raise damaged("pwr", "no rows")
    return PowerTable(header, slots, modules)


def _header(tokens: list[str]) -> tuple[str, ...]:
    if missing := _NEEDED - set(tokens):
        raise damaged("pwr", f"the header lacks {', '.join(sorted(missing))}")
    if len(set(tokens)) != len(tokens) or any(not _WORD.fullmatch(token) for token in tokens):
        raise damaged("pwr", "the header is not clean")
    return tuple(tokens)


def _row(header: tuple[str, ...], tokens: list[str]) -> Fields | None:
    """The fields of a module, ``None`` for an empty slot. The rows of empty slots are shorter than the header."""
    slot = tokens[0]
    if _ABSENT in tokens:
        if set(tokens[1:]) != {_ABSENT, _DASH} or tokens.count(_ABSENT) != 1:
            raise damaged("pwr", f"row {slot} is mixed up with another")
        return None
    cells = dict(_cells(header, tokens))
    fields: Fields = {}
    words = []
    for column, text in cells.items():
        if text == _DASH and column in _OPTIONAL:
            continue
        if column in _SCALED:
            key, low, high = _SCALED[column]
            fields[key] = _scaled(slot, column, text, low, high)
        elif column in _PLACES:
            # Counted from zero on the console, from one everywhere else.
            fields[_PLACES[column]] = _whole(slot, column, text) + 1
        elif column in _STATES:
            if not _WORD.fullmatch(text):
                raise damaged("pwr", f"row {slot}: '{text}' is no {column}")
            fields[_STATES[column]] = states.level(text)
            words.append(f"{column}={text}")
        elif column == "Base.St":
            if not _WORD.fullmatch(text):
                raise damaged("pwr", f"row {slot}: '{text}' is no {column}")
            fields["battery_state"] = states.battery_state(text)
            words.insert(0, f"{column}={text}")
        elif column == "Coulomb":
            fields |= _charge(slot, text)
        elif column == "Time":
            fields["device_clock"] = None if text == _DASH else moment("pwr", text)
        elif column == "Barcode":
            fields["serial"] = None if text == _DASH else text
        elif column == "DevType":
            fields["model"] = None if text == _DASH else text
    fields["state_words"] = ", ".join(words)
    return _derived(slot, fields)


def _cells(header: tuple[str, ...], tokens: list[str]) -> Iterator[tuple[str, str]]:
    """Each column with its text; the time is the only one that is made of two words."""
    slot, left = tokens[0], iter(tokens)
    for column in header:
        text = next(left, None)
        if text is None:
            raise damaged("pwr", f"row {slot} is too short")
        if column == "Time" and text != _DASH:
            clock = next(left, "")
            if not _DATE.fullmatch(text) or not _CLOCK.fullmatch(clock):
                raise damaged("pwr", f"row {slot}: '{text} {clock}' is no time")
            text = f"{text} {clock}"
        yield column, text
    if next(left, None) is not None:
        raise damaged("pwr", f"row {slot} is too long")


def _whole(slot: str, column: str, text: str) -> int:
    # The bound on the length keeps a run of noise from becoming a number without end.
    if not _NUMBER.fullmatch(text) or len(text) > 8:
        raise damaged("pwr", f"row {slot}: '{text[:20]}' is no {column}")
    return int(text)


def _scaled(slot: str, column: str, text: str, low: float, high: float) -> float:
    value = _whole(slot, column, text) / 1000.0
    if not low <= value <= high:
        raise damaged("pwr", f"row {slot}: {column} cannot be {value:g}")
    return value


def _charge(slot: str, text: str) -> Fields:
    match = _PERCENT.fullmatch(text)
    if match is None or len(text) > 4 or int(match[1]) > MOST_PERCENT:
        raise damaged("pwr", f"row {slot}: '{text[:20]}' is no state of charge")
    percent = int(match[1])
    return {"state_of_charge": float(min(percent, 100)), "reported_state_of_charge": float(percent)}


def _derived(slot: str, fields: Fields) -> Fields:
    """What follows from the columns; raises ``BadAnswerError`` when they contradict each other."""
    volts, amperes = _float(fields, "battery_voltage"), _float(fields, "battery_current")
    low, high = _float(fields, "lowest_cell_voltage"), _float(fields, "highest_cell_voltage")
    if low > high or _float(fields, "lowest_cell_temperature") > _float(fields, "highest_cell_temperature"):
        raise damaged("pwr", f"row {slot}: the lowest is above the highest")
    active = alarms.of_states(fields)
    # A module that has switched itself off shows the voltage of its terminals, which says nothing of its cells.
    fits = any(n * low * (1.0 - _ROUNDING) <= volts <= n * high * (1.0 + _ROUNDING) for n in _CELLS)
    if fields["battery_state"] in _AT_WORK and not active and not fits:
        raise damaged("pwr", f"row {slot}: {volts:g} V does not fit cells of {low:g} to {high:g} V")
    spread = round(high - low, 3)
    return fields | {
        # Positive while discharging.
        "battery_power": round(-volts * amperes, 3) + 0.0,
        "cell_voltage_spread": spread,
        "cell_balance": states.balance(spread),
        "module_problem": bool(active),
        "active_alarms": alarms.listing(active),
    }


def _float(fields: Fields, key: str) -> float:
    value = fields[key]
    assert isinstance(value, float)
    return value
