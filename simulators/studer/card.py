"""The SD card and the datalogger that fills it (protocol reference, sections 6 and 9.1).

One row a minute, in the remote control's time. The file of a day is closed at 00:00:30 of the next. Its three header
lines name the track, the info number and the device; a device is the phase and the number of an Xtender ("L1-2") or the
number of a charger, and "ALL" is the sum of all solar chargers.
"""

import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from . import catalogue
from .installation import Installation, Unit

VERSION = "v7.6"
SOLAR_POWER = 17999
CLOSING_TIME = timedelta(seconds=30)
DATALOGGER, NEVER = 5101, 4
SEPARATOR, COMMA = 5032, 4
LONGEST_STRING = 250
"""Bytes of the string that a client may have stored with the day's file."""

_TRACKS = {
    "xt": (
        (3090, "Ubat- (MIN) [Vdc]"),
        (3113, "Uin [Vac]"),
        (3116, "Iin [Aac]"),
        (3098, "Pout [kVA]"),
        (3097, "Pout+ [kVA]"),
        (3110, "Fout [Hz]"),
        (3122, "Fin [Hz]"),
        (3010, "Phase []"),
        (3028, "Mode []"),
        (3020, "Transfert []"),
        (3054, "Aux 1 []"),
        (3055, "Aux 2 []"),
        (3092, "Ubat [Vdc]"),
        (3095, "Ibat [Adc]"),
        (3119, "Pin a [kW]"),
        (3101, "Pout a [kW]"),
        (3103, "Tp1+ (MAX) [°C]"),
    ),
    "battery": ((7030, "Ubat [Vdc]"), (7031, "Ibat [Adc]"), (7032, "SOC [%]"), (7033, "Tbat [°C]")),
    "vt": (
        (11039, "UbaM [Vdc]"),
        (11040, "IbaM [Adc]"),
        (11041, "UpvM [Vdc]"),
        (11043, "PsoM [kW]"),
        (11045, "Tp1M [°C]"),
    ),
    "vs": (
        (15054, "Ubat [Vdc]"),
        (15057, "Ibat [Adc]"),
        (15058, "Upv [Vdc]"),
        (15061, "Ppv [kW]"),
        (15065, "Tp1M [°C]"),
    ),
}
_PREFIX = {"xt": "XT", "bsp": "BSP", "bms": "BSP", "vt": "VT", "vs": "VS"}
_SOLAR = {"vt": 11043, "vs": 15061}

type Read = Callable[[Unit, int], float | None]
"""The value of an info; None when the unit does not answer."""


def file_name(day: date) -> str:
    """Return the name of a day's file."""
    return f"LG{day:%y%m%d}.CSV"


class Card:
    """Files by name, and the rows of the days that are not closed yet."""

    def __init__(self, installation: Installation, read: Read) -> None:
        """Start with an empty card."""
        self._installation = installation
        self._read = read
        self.files: dict[str, bytes] = {}
        self.corrupted: set[str] = set()
        """Names of files that cannot be read (error 30)."""
        self.custom = b""
        """The string to store with the day's file."""
        self._rows: dict[date, list[str]] = {}
        self._minute: datetime | None = None
        self._header_in_use: tuple[date, list[str]] | None = None

    def tick(self, now: datetime) -> list[date]:
        """Write the row of a new minute; returns the days that were closed now."""
        minute = now.replace(second=0, microsecond=0)
        if minute == self._minute:
            if now.second < CLOSING_TIME.seconds:
                return []
        else:
            self._minute = minute
            if self._installation.rcc.effective(DATALOGGER) != NEVER:
                self._sample(minute)
        if len(self._rows) < 2 and now.date() in self._rows:
            return []
        over = [day for day in self._rows if now - datetime.combine(day, time()) >= _DAY + CLOSING_TIME]
        for day in over:
            self.close(day)
        return over

    def close(self, day: date) -> None:
        """Write the rows of a day to its file; there may be a file of that day already."""
        lines = self._rows.pop(day, [])
        name = file_name(day)
        if self.custom:
            lines.append(self.custom.decode("iso-8859-15"))
            self.custom = b""
        self.files[name] = self.files.get(name, b"") + "".join(f"{line}\r\n" for line in lines).encode("iso-8859-15")

    def clear(self) -> None:
        """Erase all files."""
        self.files.clear()

    def erase_oldest(self, count: int) -> None:
        """Erase the oldest files."""
        for name in sorted(self.files)[:count]:
            del self.files[name]

    # Rows

    @property
    def _comma(self) -> str:
        return "," if self._installation.rcc.effective(SEPARATOR) == COMMA else ";"

    def _columns(self) -> list[tuple[Unit, int, str]]:
        """Return unit, info and label of every column: one track after another, each with all its units."""
        columns: list[tuple[Unit, int, str]] = []
        for family in ("xt", self._installation.battery_family, "vt", "vs"):
            units = self._installation.family(family)
            for number, label in _TRACKS.get(family, _TRACKS["battery"]):
                columns += [(unit, number, f"{_PREFIX[family]}-{label}") for unit in units]
        return columns

    def _sample(self, minute: datetime) -> None:
        columns = self._columns()
        day = minute.date()
        header = self._header(columns)
        rows = self._rows.setdefault(day, [])
        if self._header_in_use != (day, header):
            # A new file, or units came or went: what follows has other columns, so it gets a header of its own.
            self._header_in_use = day, header
            rows += header
        values = [self._text(unit, number) for unit, number, _ in columns]
        values.append(f"{self._solar_power():.2f}")
        rows.append(self._line([f"{minute:%d.%m.%Y %H:%M}", *values]))

    def _header(self, columns: list[tuple[Unit, int, str]]) -> list[str]:
        labels: list[str] = []
        for index, (_, number, label) in enumerate(columns):
            # A label stands over the first of its columns only.
            labels.append(label if index == 0 or columns[index - 1][1] != number else "")
        devices = [
            f"L{unit.phase}-{unit.index + 1}" if unit.family == "xt" else f"{unit.index + 1}" for unit, _, _ in columns
        ]
        return [
            self._line([VERSION, *labels, "Solar power (ALL) [kW]"]),
            self._line(["", *(f"I{number}" for _, number, _ in columns), f"I{SOLAR_POWER}"]),
            self._line(["", *devices, "ALL"]),
        ]

    def _line(self, cells: list[str]) -> str:
        return "".join(f"{cell}{self._comma}" for cell in cells)

    def _text(self, unit: Unit, number: int) -> str:
        value = self._read(unit, number)
        if value is None or math.isnan(value):
            return ""
        is_float = catalogue.infos(unit.family)[number].wire_format == "FLOAT"
        return f"{value:.2f}" if is_float else f"{value:.0f}"

    def _solar_power(self) -> float:
        powers = [
            self._read(unit, number) for family, number in _SOLAR.items() for unit in self._installation.family(family)
        ]
        return math.fsum(power for power in powers if power is not None and not math.isnan(power))


_DAY = timedelta(days=1)
