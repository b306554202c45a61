"""The documents for people agree with the tables that the code follows."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from custom_components.local_solar.solarlink.family import NAMES, load_family
from custom_components.local_solar.solarlink.points import Access, Integral, Point, Quantity, Risk, Wear
from scripts import point_tables

REPOSITORY = Path(__file__).resolve().parent.parent
INTEGRATION = REPOSITORY / "custom_components" / "local_solar"
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), *REPOSITORY.glob("benchmarks/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("family", NAMES)
def test_table_of_points_is_up_to_date(family: str) -> None:
    assert not point_tables.out_of_date(family), "run: .venv/bin/python -m scripts.point_tables"


@pytest.mark.parametrize("family", NAMES)
def test_names_in_the_documents_are_those_on_the_screen(family: str) -> None:
    """The table shows the English label; Home Assistant shows the translation."""
    entities = json.loads((INTEGRATION / "translations" / "en.json").read_text(encoding="utf-8"))["entity"]
    shown = {key: text["name"] for platform in entities.values() for key, text in platform.items() if "name" in text}

    def differs(point: Point[object]) -> bool:
        return point.key in shown and shown[point.key] != point.name

    assert not [(point.key, point.name) for point in load_family(family).points if differs(point)]


def point(key: str, address: object, **more: Any) -> Point[Any]:
    return Point(key=key, name=key.title(), unit_kind="box", quantity=Quantity.ENERGY, address=address, **more)


def rows(*points: Point[Any]) -> list[str]:
    return point_tables.tables(points, {"box": "Box, each"}).splitlines()


def test_numbers_have_a_column_where_devices_number_their_values() -> None:
    numbered = rows(point("sun", SimpleNamespace(number=7)))
    assert numbered[0] == "### Box, each"
    assert numbered[2] == "| Name | Key | Number | Unit | Read | From the start | Can be set | Remark |"
    assert numbered[4] == "| Sun | `sun` | 7 |  | every cycle | off |  |  |"
    plain = rows(point("sun", object()))
    assert plain[2] == "| Name | Key | Unit | Read | From the start | Can be set | Remark |"
    assert plain[4] == "| Sun | `sun` |  | every cycle | off |  |  |"
    assert {line.count("|") for line in plain[2:]} == {8}
    assert {line.count("|") for line in numbered[2:]} == {9}


@pytest.mark.parametrize(
    ("more", "ending"),
    [
        ({"integral": Integral("power")}, "|  | summed up from `power` |"),
        (
            {"integral": Integral("power", counter="total")},
            "|  | `total` where the device counts, else summed up from `power` |",
        ),
        ({"access": Access.PRESS, "enabled": True}, "|  |  | on | yes |  |"),
        ({"access": Access.READ_WRITE, "wear": Wear.FLASH, "listed": True}, "| yes, flash, from a list |  |"),
        ({"access": Access.READ_WRITE, "minimum": 0, "maximum": 9.5, "step": 0.5}, "| yes, 0 to 9.5, step 0.5 |  |"),
        ({"access": Access.READ_WRITE, "risk": Risk.OUTAGE}, "| yes, not in Home Assistant |  |"),
        ({"access": Access.READ_WRITE, "risk": Risk.NEVER}, "| off |  |  |"),
    ],
    ids=["sum", "sum-or-counter", "press", "list", "span", "outage", "never"],
)
def test_what_a_row_says(more: dict[str, Any], ending: str) -> None:
    assert rows(point("sun", object(), **more))[4].endswith(ending)


def test_text_around_the_table_is_kept() -> None:
    text = f"before\n{point_tables.BEGIN}\nold\n{point_tables.END}\nafter\n"
    changed = point_tables.updated(text, "new")
    assert changed == f"before\n{point_tables.BEGIN}\n\nnew\n\n{point_tables.END}\nafter\n"
    assert point_tables.updated(changed, "new") == changed


def test_document_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(point_tables.MarkersError):
        point_tables.updated("no markers", "new")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_inside_the_repository_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        place, _, anchor = target.partition("#")
        linked = (path.parent / place).resolve() if place else path
        assert linked.exists(), target
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked.read_text(encoding="utf-8")), target
