"""The register maps from the table beside this module, and how values lie in registers (reference section 2).

``registers.csv``: service, first register, words, type, divisor, access, and the D-Bus path behind it; a register
without a path is reserved. A value is the number in the registers divided by the divisor.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

type Value = float | str | None
"""What a path holds; None: no value."""

RESERVED, INTERNAL, TEXT = "reserved", "internal", "string"
RESERVED_WORD = 0xFFFF


@dataclass(frozen=True, slots=True)
class Register:
    """One row of the table."""

    address: int
    words: int
    type: str
    divisor: float
    access: str
    path: str

    @property
    def _bits(self) -> int:
        return 16 * self.words

    @property
    def _signed(self) -> bool:
        return self.type.startswith("int")

    def encode(self, value: Value) -> list[int]:
        """Return the words of a value; no value reads 0, one that is too large the largest but one of the type."""
        if self.type == RESERVED:
            return [RESERVED_WORD] * self.words
        if self.type == TEXT:
            data = str(value or "").encode()[: 2 * self.words].ljust(2 * self.words, b"\0")
            return [int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2)]
        if self.type == INTERNAL or not isinstance(value, int | float):
            return [0] * self.words
        highest = (1 << self._bits - 1) - 1 if self._signed else (1 << self._bits) - 1
        lowest = -highest if self._signed else 0
        raw = max(lowest, min(highest - 1, round(value * self.divisor)))
        raw &= (1 << self._bits) - 1
        return [raw >> shift & 0xFFFF for shift in range(self._bits - 16, -1, -16)]

    def decode(self, words: list[int]) -> Value:
        """Return the value of words that somebody writes."""
        if self.type == TEXT:
            return b"".join(word.to_bytes(2) for word in words).rstrip(b"\0").decode(errors="replace")
        raw = 0
        for word in words:
            raw = raw << 16 | word
        if self._signed and raw >> self._bits - 1:
            raw -= 1 << self._bits
        return raw / self.divisor


@cache
def load(service: str) -> dict[int, Register]:
    """Return the map of a service by its first registers, in their order."""
    rows = csv.DictReader(Path(__file__).with_name("registers.csv").read_text(encoding="utf-8").splitlines())
    registers = [
        Register(
            int(row["register"]), int(row["words"]), row["type"], float(row["divisor"]), row["access"], row["path"]
        )
        for row in rows
        if row["service"] == service
    ]
    return {register.address: register for register in sorted(registers, key=lambda each: each.address)}
