"""What ours and the published client make of the odd values that a SENEC.Home sends.

What is right was worked out by hand from the protocol reference (sections 4 and 4.1), not by either decoder.
"""

import importlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version

from custom_components.local_solar.solarlink.senec.codec import Missing, decode_body

type Result = float | int | str | list[Result] | None
"""A value; ``None`` is "no value now"."""
type Decoder = Callable[[str], tuple[Result, Result]]
"""Takes a body and returns the variable in question and its healthy neighbour."""

NEIGHBOUR = 10.0
"""What the healthy variable in the same answer holds."""


class Outcome(StrEnum):
    """What became of a case."""

    RIGHT = "right"
    WRONG = "wrong value"
    """Something was delivered as a value that is not what the device means; this includes a marker taken for one."""
    LOST = "whole answer lost"
    """An exception: the healthy values of the same answer are gone, too."""


@dataclass(frozen=True, slots=True)
class Case:
    """What the device sends for one variable, and what it means."""

    what: str
    wire: str | list[str]
    meant: Result
    escaped: bool = False
    """Whether the body arrives with every quotation mark escaped."""

    @property
    def body(self) -> str:
        """The answer with this variable and a healthy neighbour."""
        text = json.dumps({"SECTION": {"FIELD": self.wire, "NEIGHBOUR": "fl_41200000"}})
        return text.replace('"', '\\"') if self.escaped else text


ORDINARY = (
    Case("float", "fl_4404601F", 529.501892),
    Case("negative float", "fl_C5C80214", -6400.259766),
    Case("unsigned 8 bit", "u8_38", 56),
    Case("unsigned 16 bit", "u1_0EE8", 3816),
    Case("unsigned 32 bit", "u3_0000803D", 32829),
    Case("unsigned 64 bit", "u6_1F13242436354536", 2239173177680151862),
    Case("positive signed 32 bit", "i3_00000078", 120),
    Case("text", "st_V3 LV", "V3 LV"),
    Case("array", ["fl_41200000", "fl_C1400000"], [10.0, -12.0]),
)
EDGES = (
    Case("negative 8 bit", "i8_FF", -1),
    Case("negative 8 bit", "i8_F6", -10),
    Case("discharge limit", "i1_FFE8", -24),
    Case("negative 32 bit", "i3_FFFFFF88", -120),
    Case("array of negative 16 bit", ["i1_FFE8", "i1_000A"], [-24, 10]),
    Case("negative zero", "fl_80000000", 0.0),
    Case("denormal of an absent meter", "fl_00000001", 0.0),
    Case("not a number", "fl_7FC00000", None),
    Case("infinity", "fl_FF800000", None),
    Case("wrong digit count", "fl_41C8", None),
    Case("no digits", "u8_", None),
    Case("digits that are none", "u8_G1", None),
    Case("too many digits", "u8_0101", None),
    Case("empty text", "st_", ""),
    Case("text with an underscore", "st_a_b", "a_b"),
    Case("character", "ch_A", "A"),
    Case("unknown variable", "VARIABLE_NOT_FOUND", None),
    Case("not allowed", "FORBIDDEN", None),
    Case("not allowed, with text", "FORBIDDEN (level 2)", None),
    Case("malformed", "MALFORMED_VALUE", None),
    Case("file not readable", "FILE_VARIABLE_NOT_READABLE", None),
    Case("error of the variable", "er_17", None),
    Case("unknown type", "status_ok", None),
    Case("nothing at all", "", None),
    Case("padded array", ["fl_00000000", "st_END_OF_ARRAY"], [0.0]),
    Case("array with one bad element", ["fl_41200000", "fl_41C8"], [10.0, None]),
    Case("escaped quotation marks", "fl_4404601F", 529.501892, escaped=True),
)


def ours(body: str) -> tuple[Result, Result]:
    """Our decoder."""
    answer = decode_body(body.encode())

    def result(name: str) -> Result:
        value = answer.get("SECTION", name)
        if isinstance(value, list):
            return [None if isinstance(each, Missing) else each for each in value]
        return None if isinstance(value, Missing) else value

    return result("FIELD"), result("NEIGHBOUR")


def pysenec() -> Decoder | None:
    """The decoder of the published client, ``None`` where it is not installed."""
    try:
        parse = importlib.import_module("pysenec.util").parse
    except ImportError:
        return None

    def decode(body: str) -> tuple[Result, Result]:
        section = parse(json.loads(body))["SECTION"]
        return section["FIELD"], section["NEIGHBOUR"]

    return decode


def _same(one: Result, other: Result) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
    return type(one) is type(other) and one == other


def judge(case: Case, decoder: Decoder) -> tuple[Outcome, str]:
    """What ``decoder`` makes of ``case``, and what it delivered."""
    try:
        value, neighbour = decoder(case.body)
    except Exception as err:  # noqa: BLE001 - whatever the other program raises, the answer is lost
        return Outcome.LOST, type(err).__name__
    right = _same(value, case.meant) and _same(neighbour, NEIGHBOUR)
    return Outcome.RIGHT if right else Outcome.WRONG, repr(value)


def contenders() -> Iterator[tuple[str, Decoder | None]]:
    """Everybody who decodes, by name."""
    yield "Local Solar", ours
    decoder = pysenec()
    yield f"pysenec {version('pysenec')}" if decoder else "pysenec", decoder


def print_tables() -> None:
    """Print how many are right, and every case that somebody gets wrong, in Markdown."""
    everybody = list(contenders())
    print(f"\n{len(ORDINARY)} ordinary values and {len(EDGES)} odd ones\n")
    print("| client | ordinary: right | odd: right | odd: wrong value | odd: whole answer lost |")
    print("|---|--:|--:|--:|--:|")
    for name, decoder in everybody:
        if decoder is None:
            print(f"| {name} | not installed | | | |")
            continue
        ordinary = [judge(case, decoder)[0] for case in ORDINARY]
        odd = [judge(case, decoder)[0] for case in EDGES]
        counts = " | ".join(str(odd.count(outcome)) for outcome in Outcome)
        print(f"| {name} | {ordinary.count(Outcome.RIGHT)} | {counts} |", flush=True)
    print("\n| value | sent | meant | " + " | ".join(name for name, _ in everybody) + " |")
    print("|---|---|---|" + "---|" * len(everybody))
    for case in (*ORDINARY, *EDGES):
        verdicts = [judge(case, decoder) if decoder else None for _, decoder in everybody]
        if any(verdict and verdict[0] is not Outcome.RIGHT for verdict in verdicts):
            cells = " | ".join("" if verdict is None else _cell(*verdict) for verdict in verdicts)
            meant = "no value" if case.meant is None else case.meant
            print(f"| {case.what} | `{case.wire}` | {meant} | {cells} |", flush=True)


def _cell(outcome: Outcome, delivered: str) -> str:
    return outcome.value if outcome is Outcome.RIGHT else f"{outcome.value}: {delivered}"
