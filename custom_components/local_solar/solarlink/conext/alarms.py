"""Faults and warnings: the bits of the bitmaps, what they are called and what they have in common.

``alarms.csv`` has one row for each bit: kind of unit, register, bit, the maker's code (F48, W44), English name, and the
group that people watch, where the condition belongs to one. What the maps leave open has no row.
"""

from collections.abc import Mapping
from csv import DictReader
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from io import StringIO
from pathlib import Path

from .registers import Kind


class Severity(StrEnum):
    """How bad an alarm is."""

    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One bit of a bitmap."""

    register: str
    bit: int
    code: str
    name: str
    group: str = ""

    @property
    def severity(self) -> Severity:
        """Codes of faults begin with F, those of warnings with W."""
        return Severity.FAULT if self.register.startswith("fault") else Severity.WARNING

    @property
    def text(self) -> str:
        """Code and name, as people read it."""
        return f"{self.code} {self.name}"


GROUPS: Mapping[str, str] = {
    "overload": "Overload",
    "over_temperature": "Over temperature",
    "battery_low": "Battery low",
    "battery_voltage_high": "Battery voltage too high",
    "eeprom_fault": "EEPROM fault",
    "pv_voltage_high": "PV voltage too high",
    "grid": "Grid out of limits",
    "backfeed": "Backfeed",
    "ground_fault": "Ground fault",
    "fan": "Fan fault",
    "temperature_sensor": "Temperature sensor fault",
    "configuration": "Configuration fault",
    "network": "Xanbus network lost",
}
"""What people watch, with its English name; a problem sensor each."""


def _rows() -> dict[Kind, tuple[Alarm, ...]]:
    rows: dict[Kind, list[Alarm]] = {}
    text = Path(__file__).with_name("alarms.csv").read_text(encoding="utf-8")
    for row in DictReader(StringIO(text)):
        rows.setdefault(Kind(row["kind"]), []).append(
            Alarm(row["register"], int(row["bit"]), row["code"], row["name"], row["group"])
        )
    return {kind: tuple(alarms) for kind, alarms in rows.items()}


_ALARMS = _rows()


def alarms_of(kind: Kind) -> tuple[Alarm, ...]:
    """Every known alarm of a kind of unit."""
    return _ALARMS.get(kind, ())


@cache
def bitmaps_of(kind: Kind) -> tuple[str, ...]:
    """The registers that hold the alarms of a kind of unit."""
    return tuple(dict.fromkeys(alarm.register for alarm in alarms_of(kind)))


def active_alarms(kind: Kind, words: Mapping[str, int | None]) -> tuple[Alarm, ...]:
    """The alarms whose bits are set in ``words`` (register to its raw value), faults first.

    A set bit that no table names is an alarm as well, of newer firmware; it is called by its place.
    """
    known = {(alarm.register, alarm.bit): alarm for alarm in alarms_of(kind)}
    found: list[Alarm] = []
    for register, word in words.items():
        for bit in range(16):
            if word is not None and word >> bit & 1:
                alarm = known.get((register, bit))
                letter = "F" if register.startswith("fault") else "W"
                number = register.rpartition("_")[2]
                found.append(alarm or Alarm(register, bit, f"{letter}?", f"bitmap {number} bit {bit}"))
    return tuple(sorted(found, key=lambda alarm: (alarm.severity is not Severity.FAULT, alarm.register, alarm.bit)))
