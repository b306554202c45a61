"""The guides to the zero feed-in, its meter and its gateway: every setting with the figure that it has at first, every
word of a state, every field of the dialog, every repair."""

import re

import pytest

from custom_components.local_solar.controllers.feed_in_settings import HOUSE, INVERTER
from custom_components.local_solar.solarlink.control.feed_in_supervisor import TROUBLES
from custom_components.local_solar.solarlink.family import load_family
from custom_components.local_solar.solarlink.feed_in_control.points import POINTS, FeedInPoint
from custom_components.local_solar.solarlink.points import Quantity, Value
from scripts import point_tables

from .conftest import INTEGRATION, texts_of

DOCS = INTEGRATION.parent.parent / "docs"
GUIDE = DOCS / "feed_in_control.md"
NAMES = {point.key: point.name for point in POINTS}
UNITS = {point.key: point.unit for point in POINTS}
AT_FIRST: dict[str, Value] = {**HOUSE, **INVERTER}
ENTERED = ("feed_in_legal_cap", "feed_in_user_cap")
"""What the dialog asks for."""


def part(title: str) -> str:
    """The part of the guide under a heading."""
    text = GUIDE.read_text(encoding="utf-8")
    assert f"\n## {title}\n" in text
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def told(key: str) -> str:
    """What the guide says that a setting is at first."""
    rows = [line for line in part("What it is set to at first").splitlines() if line.startswith(f"| {NAMES[key]} |")]
    assert len(rows) == 1, NAMES[key]
    return rows[0].split("|")[2].strip()


def as_told(key: str, value: Value) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g} {UNITS[key]}" if isinstance(value, int | float) else f"`{value}`"


@pytest.mark.parametrize("key", AT_FIRST)
def test_what_is_set_at_first(key: str) -> None:
    expected = "as entered" if key in ENTERED else as_told(key, AT_FIRST[key])
    assert told(key).partition(",")[0] == expected


def test_table_of_points_is_up_to_date() -> None:
    assert not point_tables.out_of_date("feed_in_control"), "run: .venv/bin/python -m scripts.point_tables"


def test_names_in_the_guide_are_those_on_the_screen() -> None:
    shown = {key: text["name"] for platform in texts_of()["entity"].values() for key, text in platform.items()}
    assert {key: shown[key] for key in NAMES} == NAMES


def test_every_setting_is_explained() -> None:
    for point in POINTS:
        if point.writable:
            told(point.key)


@pytest.mark.parametrize("point", [point for point in POINTS if point.quantity is Quantity.STATE], ids=lambda p: p.key)
def test_every_word_of_a_state_is_explained(point: FeedInPoint) -> None:
    text = "".join(
        part(title) for title in ("Modes", "What the words mean", "What it is set to at first", "The battery")
    )
    words = set(re.findall(r"`([a-z_]+)`", text))
    assert not set(point.options.values()) - words


def test_every_field_of_the_dialog_is_in_the_guide() -> None:
    form = texts_of()["config"]["step"]["feed_in_control_house"]
    labels = [*form["data"].values(), *(label for each in form["sections"].values() for label in each["data"].values())]
    guide = part("Setting it up")
    assert not [label for label in labels if label not in guide]


@pytest.mark.parametrize(
    ("guide", "key"),
    [
        *(("feed_in_control", key) for key in TROUBLES),
        *((family, key) for family in ("opendtu", "shelly_em") for key in load_family(family).troubles),
    ],
)
def test_every_repair_is_in_the_guide(guide: str, key: str) -> None:
    title = texts_of()["issues"][key]["title"].removeprefix("{name}").lstrip(": ")
    assert f"Repair issue: {title} |" in (DOCS / f"{guide}.md").read_text(encoding="utf-8")
