"""The guides for owners use the words of the screen and the figures of the code."""

import re
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol

from custom_components.local_solar.const import MAX_INTERVAL
from custom_components.local_solar.controllers.charge_options import DEFAULT_CAPACITY, OPTIONS, charge_settings
from custom_components.local_solar.families import FAMILIES
from custom_components.local_solar.solarlink.family import load_family
from custom_components.local_solar.solarlink.links.hid import UDEV_RULE
from custom_components.local_solar.solarlink.voltronic import USB_PRODUCT, USB_VENDOR

from .conftest import INTEGRATION, texts_of

DOCS = INTEGRATION.parent.parent / "docs"
SYSTEMS = {48: (56.4, 54.0), 24: (28.2, 27.0), 12: (14.1, 13.5)}
"""Battery voltage to an absorption and a float voltage."""


def guide(family: str) -> str:
    path: Path = DOCS / f"{family}.md"
    return path.read_text(encoding="utf-8")


def row_of(text: str, name: str) -> list[str]:
    """The cells of the only row of a table that begins with ``name``."""
    found = [line for line in text.splitlines() if line.startswith(f"| {name} |")]
    assert len(found) == 1, name
    return [cell.strip() for cell in found[0].strip("|").split("|")][1:]


@pytest.fixture(scope="module")
def options() -> str:
    """The part of the guide on the options of the charge manager."""
    return guide("voltronic").partition("### Options\n")[2].partition("\n### ")[0]


def test_rule_of_the_guide_is_that_of_the_dialog() -> None:
    assert f"\n{UDEV_RULE.format(vendor=USB_VENDOR, product=USB_PRODUCT)}\n" in guide("voltronic")


def test_every_option_of_the_charge_manager_is_in_the_guide(options: str) -> None:
    labels = texts_of()["options"]["step"]["voltronic"]["sections"]["charge_manager"]["data"]
    assert set(labels) == {str(key) for key in OPTIONS}
    for key in OPTIONS:
        told = row_of(options, labels[str(key)])
        default = None if isinstance(key.default, vol.Undefined) else key.default()
        if isinstance(default, bool):
            assert told == ["yes" if default else "no"] * len(SYSTEMS)
        elif default is not None:
            assert re.match(rf"{default:g}\b", told[0]), key
            assert all(cell == "same" or cell == told[0] for cell in told[1:])


@pytest.mark.parametrize("system", SYSTEMS)
def test_defaults_that_follow_from_the_system(options: str, system: int) -> None:
    absorption, own = SYSTEMS[system]
    settings = charge_settings({}, system_voltage=system, bulk=absorption, float_voltage=own, dry_run=False)
    below = own - settings.rebulk_voltage
    column = list(SYSTEMS).index(system)
    assert row_of(options, "Re-bulk voltage")[column].endswith(f"- {below:g} V")
    tail = row_of(options, "Tail current")[0]
    assert tail == f"2 % of the capacity: {settings.tail_current:g} A for {DEFAULT_CAPACITY:g} Ah"
    assert row_of(options, "End of the day")[0].endswith(f"below {settings.dark_power:g} W")


def test_states_of_the_charge_manager_are_those_of_the_screen() -> None:
    states: dict[str, Any] = texts_of()["entity"]["sensor"]["charge_manager_state"]["state"]
    for name in states.values():
        row_of(guide("voltronic"), name)


def test_interval_of_the_guide_is_that_of_the_dialog() -> None:
    family = FAMILIES["voltronic"]
    told = f"{family.interval} seconds unless you choose otherwise (*Configure*, {family.shortest_interval} to"
    assert f"{told} {MAX_INTERVAL} seconds)" in guide("voltronic")


def test_every_trouble_of_the_inverter_is_explained() -> None:
    """A repair issue is found in the guide by the words behind its name."""
    issues = texts_of()["issues"]
    headings = re.findall(r"^\*\*Repair issue: (.+?)\.\*\*", guide("voltronic"), re.MULTILINE)
    assert len(headings) == len(load_family("voltronic").troubles)
    for key in load_family("voltronic").troubles:
        title = issues[key]["title"].removeprefix("{name}: ")
        assert title in headings, title
