"""The register maps from the tables beside this module, and how values lie in registers (reference section 1.1).

``maps/*.csv``: address, type, access, scale, offset, key, and the raw values that an enumerated setting takes.
``settings.csv``: default and limits of settings, in their units, for a 48 V system; a map or key may be a pattern.
"""

import csv
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from .behaviour import Order

FOLDER = Path(__file__).parent
MAPS = ("xw", "sw", "mppt60", "mppt80", "battery_monitor", "combox", "gateway503", "ags", "scp")

type Value = float | str


@dataclass(frozen=True, slots=True)
class Register:
    """One value of a map; ``values`` are the raw ones that a setting takes, empty: all."""

    address: int
    type: str
    access: str
    scale: float
    offset: float
    key: str
    values: tuple[int, ...]

    @property
    def text(self) -> bool:
        """Tell whether it holds letters."""
        return self.type.startswith("str")

    @property
    def size(self) -> int:
        """Return how many registers it takes."""
        if self.text:
            return (int(self.type.removeprefix("str")) + 1) // 2
        return 2 if self.type.endswith("32") else 1

    @property
    def signed(self) -> bool:
        """Tell whether it can be negative."""
        return self.type.startswith("int")

    def raw(self, value: float) -> int:
        """Return a value as it lies in the registers, clipped to what fits."""
        bits = 16 * self.size
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if self.signed else (0, (1 << bits) - 1)
        return min(high, max(low, round((value - self.offset) / self.scale)))

    def value(self, raw: int) -> float:
        """Return the value of what lies in the registers."""
        return raw * self.scale + self.offset


class Map:
    """All registers of one kind of device."""

    def __init__(self, registers: list[Register]) -> None:
        """Take the registers; later ones take the place of earlier ones of the same key."""
        self.by_key = {register.key: register for register in registers}
        self.at = {
            register.address + index: register for register in self.by_key.values() for index in range(register.size)
        }


@dataclass(frozen=True, slots=True)
class Limits:
    """Default and limits of a setting, in its unit."""

    default: float | None = None
    minimum: float | None = None
    maximum: float | None = None


@cache
def load(name: str) -> Map:
    """Return a map: one of `MAPS`, or ``xw_gateway``, which is the inverter's map of the newer gateways."""
    names = ("xw", "xw_gateway") if name == "xw_gateway" else (name,)
    registers: list[Register] = []
    for part in names:
        with (FOLDER / "maps" / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            registers += [
                Register(
                    int(row["address"], 16),
                    row["type"],
                    row["access"],
                    float(row["scale"] or 1),
                    float(row["offset"] or 0),
                    row["key"],
                    tuple(int(value) for value in row["values"].split()),
                )
                for row in csv.DictReader(file)
            ]
    return Map(registers)


@cache
def _settings() -> list[tuple[tuple[str, ...], str, Limits]]:
    with (FOLDER / "settings.csv").open(encoding="utf-8", newline="") as file:
        return [
            (
                tuple(row["maps"].split()),
                row["key"],
                Limits(*(float(row[name]) if row[name] else None for name in ("default", "minimum", "maximum"))),
            )
            for row in csv.DictReader(file)
        ]


@cache
def limits(name: str, key: str) -> Limits:
    """Return default and limits of a setting of a map; the first row that fits counts."""
    for maps, pattern, found in _settings():
        if any(fnmatch(name, one) for one in maps) and fnmatch(key, pattern):
            return found
    return Limits()


def number_words(register: Register, raw: int, order: Order) -> list[int]:
    """Return the registers of a number."""
    raw &= (1 << 16 * register.size) - 1
    words = [raw >> 16, raw & 0xFFFF] if register.size == 2 else [raw]
    return words if order == "msb" else words[::-1]


def words_number(register: Register, words: list[int], order: Order) -> int:
    """Return the number in registers."""
    if order == "lsb":
        words = words[::-1]
    raw = words[0] if len(words) == 1 else words[0] << 16 | words[1]
    bits = 16 * register.size
    return raw - (1 << bits) if register.signed and raw >> bits - 1 else raw


def text_words(size: int, text: str, order: Order) -> list[int]:
    """Return the registers of a text, padded with NUL."""
    data = text.encode("ascii", "replace")[: 2 * size].ljust(2 * size, b"\0")
    return [int.from_bytes(data[at : at + 2], "big" if order == "msb" else "little") for at in range(0, 2 * size, 2)]


def words_text(words: list[int], order: Order) -> str:
    """Return the text in registers."""
    data = b"".join(word.to_bytes(2, "big" if order == "msb" else "little") for word in words)
    return data.rstrip(b"\0 ").decode("ascii", "replace")
