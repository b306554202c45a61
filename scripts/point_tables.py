"""Keeps the tables of points in ``docs/<family>.md`` as the point tables of the library say.

    python -m scripts.point_tables             writes the tables into the documents
    python -m scripts.point_tables --check     changes nothing; exit status 1 when a document is out of date
    python -m scripts.point_tables --print     prints the tables

Names of families after that restrict it to them.

Each table stands between two markers, and what is between them is never edited by hand.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
if __package__ in (None, ""):
    sys.path.insert(0, str(REPOSITORY))

from custom_components.local_solar.solarlink.family import CONTROLLERS, NAMES, load_family  # noqa: E402
from custom_components.local_solar.solarlink.points import Access, Counting, Pace, Point, Risk, Wear  # noqa: E402

DOCS = REPOSITORY / "docs"
BEGIN = "<!-- points: begin (made by scripts/point_tables.py) -->"
END = "<!-- points: end -->"

KINDS: Mapping[str, Mapping[str, str]] = {
    "studer": {
        "xt": "Xtender, each",
        "bsp": "BSP battery monitor",
        "bms": "Xcom-CAN battery",
        "vt": "VarioTrack, each",
        "vs": "VarioString, each",
    },
    "voltronic": {
        "inverter": "Inverter",
        "parallel_inverter": "Other inverter of a parallel group, each",
    },
    "senec": {
        "appliance": "SENEC.Home",
        "battery": "Battery",
        "battery_module": "Battery module, each",
        "inverter": "PV inverter",
        "grid_meter": "Grid meter",
        "house_meter": "Second meter",
        "wallbox": "Wallbox, each",
        "socket": "Socket, each",
        "heat": "Heating rod, each",
    },
    "conext": {
        "combox": "ComBox",
        "gateway": "Conext Gateway, InsightHome",
        "xw": "XW, XW+ and XW Pro, each",
        "sw": "SW, each",
        "mppt60": "MPPT 60 150, each",
        "mppt80": "MPPT 80 600 and MPPT 100 600, each",
        "ags": "Generator starter (AGS)",
        "scp": "Control panel (SCP)",
        "battmon": "Battery monitor",
        "inverter": "Other inverter",
    },
    "pylontech": {
        "stack": "Stack",
        "module": "Module, each",
    },
    "opendtu": {
        "dtu": "OpenDTU",
        "inverter": "Inverter, each",
        "battery": "Battery (OpenDTU-OnBattery)",
        "solar_charger": "Solar charger, each (OpenDTU-OnBattery)",
        "grid_charger": "Grid charger (OpenDTU-OnBattery)",
        "meter": "Grid meter (OpenDTU-OnBattery)",
    },
    "shelly_em": {
        "meter": "Meter",
        "channel": "Clamp that stands for itself, each",
    },
    "victron_gx": {
        "system": "Victron GX",
        "battery": "Battery",
        "vebus": "Multi or Quattro (VE.Bus)",
    },
    "feed_in_control": {
        "controller": "Zero feed-in",
        "inverter": "Zero feed-in of an inverter, each",
    },
}
"""What owners call the kinds of units of each family; a kind that is not listed is shown by its key."""
DOCUMENTED = (*NAMES, *CONTROLLERS)
"""Everything that has a table of points, and a document of its name."""
PACES = {Pace.LIVE: "every cycle", Pace.MINUTE: "every minute", Pace.SLOW: "every 5 min", Pace.ONCE: "once"}
WEARS = {Wear.NONE: "yes", Wear.RAM: "yes, RAM", Wear.FLASH: "yes, flash"}
MANY = 80
"""States beyond which a table does not name them."""
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
    written = WEARS[point.wear]
    if point.risk is Risk.OUTAGE:
        # What can cut the supply must not be a click away.
        return f"{written}, not in Home Assistant"
    if point.listed:
        return f"{written}, from a list"
    if point.minimum is None and point.maximum is None:
        return written
    return f"{written}, {_number(point.minimum)} to {_number(point.maximum)}, step {_number(point.step)}"


def _remark(point: Point[Any]) -> str:
    if point.integral is None:
        states = list(dict.fromkeys(point.options.values()))
        many = f"one of {len(states)} states" if len(states) > MANY else ""
        return COUNTINGS[point.counting] or many or ", ".join(states)
    counter = f"`{point.integral.counter}` where the device counts, else " if point.integral.counter else ""
    return f"{counter}summed up from `{point.integral.source}`"


def _row(point: Point[Any], *, numbered: bool) -> str:
    cells = (
        point.name,
        f"`{point.key}`",
        *([str(point.address.number) if point.measured else ""] if numbered else []),
        point.unit,
        "" if point.access is Access.PRESS else PACES[point.pace],
        "on" if point.enabled else "off",
        _written(point),
        _remark(point),
    )
    return "| " + " | ".join(cells) + " |"


def tables(points: Sequence[Point[Any]], kinds: Mapping[str, str]) -> str:
    """The points as Markdown, a heading and a table for each kind of unit; ``kinds`` names the kinds for owners.

    The devices' own numbers have a column only where devices number their values.
    """
    numbered = all(hasattr(point.address, "number") for point in points)
    blocks = []
    for kind in dict.fromkeys(point.unit_kind for point in points):
        members = [point for point in points if point.unit_kind == kind]
        rows = [
            f"### {kinds.get(kind, kind)}",
            "",
            f"| Name | Key |{' Number |' if numbered else ''} Unit | Read | From the start | Can be set | Remark |",
            f"|---|---|{'--:|' if numbered else ''}---|---|---|---|---|",
            *(_row(point, numbered=numbered) for point in members),
        ]
        blocks.append("\n".join(rows))
    return "\n\n".join(blocks)


def tables_of(family: str) -> str:
    """The tables of one family."""
    return tables(load_family(family).points, KINDS.get(family, {}))


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
    wanted = updated(text, tables_of(family))
    return None if text == wanted else (path, wanted)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="point_tables", description="The tables of points in docs/<family>.md.")
    parser.add_argument("--check", action="store_true", help="change nothing, fail when a document is out of date")
    parser.add_argument("--print", action="store_true", help="print the tables instead")
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"only these: {', '.join(DOCUMENTED)}")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.families) - set(DOCUMENTED)):
        parser.error(f"no such family: {', '.join(unknown)}")
    stale = 0
    for family in options.families or DOCUMENTED:
        if options.print:
            print(tables_of(family))
        elif change := out_of_date(family):
            path, text = change
            stale += 1
            print(f"{path.relative_to(REPOSITORY)}: " + ("out of date" if options.check else "updated"))
            if not options.check:
                path.write_text(text, encoding="utf-8")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
