"""Keeps the tables of points in ``docs/<family>.md`` as the point tables of the library say.

    python -m scripts.point_tables             writes the tables into the documents
    python -m scripts.point_tables --check     changes nothing; exit status 1 when a document is out of date
    python -m scripts.point_tables --print     prints the tables

Each table stands between two markers, and what is between them is never edited by hand.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
if __package__ in (None, ""):
    sys.path.insert(0, str(REPOSITORY))

from custom_components.local_solar.solarlink.family import NAMES, load_family  # noqa: E402
from custom_components.local_solar.solarlink.points import Counting, Pace, Point, Wear  # noqa: E402

DOCS = REPOSITORY / "docs"
BEGIN = "<!-- points: begin (made by scripts/point_tables.py) -->"
END = "<!-- points: end -->"

KINDS = {
    "xt": "Xtender, each",
    "bsp": "BSP battery monitor",
    "bms": "Xcom-CAN battery",
    "vt": "VarioTrack, each",
    "vs": "VarioString, each",
}
"""What owners call the kinds of units; a kind that is not listed is shown by its key."""
PACES = {Pace.LIVE: "every cycle", Pace.MINUTE: "every minute", Pace.SLOW: "every 5 min", Pace.ONCE: "once"}
WEARS = {Wear.NONE: "yes", Wear.RAM: "yes, RAM", Wear.FLASH: "yes, flash"}
COUNTINGS = {
    Counting.NOT: "",
    Counting.TOTAL: "lifetime counter",
    Counting.TODAY: "counter, from 0 every day",
    Counting.PERIOD: "finished sum",
}


class MarkersError(ValueError):
    """A document has no place for the tables; the text says which one."""


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:g}"


def _written(point: Point[Any]) -> str:
    if not point.writable:
        return ""
    span = f", {_number(point.minimum)} to {_number(point.maximum)}, step {_number(point.step)}"
    return WEARS[point.wear] + (span if point.minimum is not None or point.maximum is not None else "")


def _row(point: Point[Any]) -> str:
    number = getattr(point.address, "number", "")
    kind = COUNTINGS[point.counting] or ", ".join(dict.fromkeys(point.options.values()))
    cells = (
        point.name,
        f"`{point.key}`",
        str(number),
        point.unit,
        PACES[point.pace],
        "on" if point.enabled else "off",
        _written(point),
        kind,
    )
    return "| " + " | ".join(cells) + " |"


def tables(points: Iterable[Point[Any]]) -> str:
    """The points as Markdown, a heading and a table for each kind of unit."""
    blocks = []
    for kind, members in groupby(points, key=lambda point: point.unit_kind):
        rows = [
            f"### {KINDS.get(kind, kind)}",
            "",
            "| Name | Key | Number | Unit | Read | From the start | Can be set | Remark |",
            "|---|---|--:|---|---|---|---|---|",
            *map(_row, members),
        ]
        blocks.append("\n".join(rows))
    return "\n\n".join(blocks)


def updated(text: str, content: str) -> str:
    """The document ``text`` with ``content`` between the markers; raises ``MarkersError``."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise MarkersError(f"the lines '{BEGIN}' and '{END}' are missing")
    return f"{before}{BEGIN}\n\n{content}\n\n{END}{after}"


def out_of_date(family: str) -> tuple[Path, str] | None:
    """The document of a family and what it should be; ``None`` when it is up to date."""
    path = DOCS / f"{family}.md"
    text = path.read_text(encoding="utf-8")
    wanted = updated(text, tables(load_family(family).points))
    return None if text == wanted else (path, wanted)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="point_tables", description="The tables of points in docs/<family>.md.")
    parser.add_argument("--check", action="store_true", help="change nothing, fail when a document is out of date")
    parser.add_argument("--print", action="store_true", help="print the tables instead")
    options = parser.parse_args(arguments)
    stale = 0
    for family in NAMES:
        if options.print:
            print(tables(load_family(family).points))
        elif change := out_of_date(family):
            path, text = change
            stale += 1
            print(f"{path.relative_to(REPOSITORY)}: " + ("out of date" if options.check else "updated"))
            if not options.check:
                path.write_text(text, encoding="utf-8")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
