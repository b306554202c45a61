"""The documents for people agree with the tables that the code follows."""

import json
import re
from pathlib import Path

import pytest

from custom_components.local_solar.solarlink.family import NAMES, load_family
from custom_components.local_solar.solarlink.points import Point
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
