"""The guide to the Victron GX uses the words of the screen and the figures of the code."""

import re

import pytest

from custom_components.local_solar.controllers import gx_data
from custom_components.local_solar.flows.victron_gx import DBUS_PORT
from custom_components.local_solar.solarlink.family import load_family
from custom_components.local_solar.solarlink.points import Risk
from custom_components.local_solar.solarlink.victron_gx import dc_values, writer
from custom_components.local_solar.solarlink.victron_gx.alarm_map import ALARM_PATHS, LOAD_ALARMS
from custom_components.local_solar.solarlink.victron_gx.dc_values import BatterySide, DcData, DcLoad, ServiceKey
from custom_components.local_solar.solarlink.victron_gx.points import POINTS
from custom_components.local_solar.solarlink.victron_gx.publisher import PublisherState, PublisherTiming

from .conftest import texts_of
from .test_guides import guide, row_of

GUIDE = guide("victron_gx")


def part(title: str) -> str:
    """The part of the guide under a heading."""
    assert f"\n## {title}\n" in GUIDE, title
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("key", load_family("victron_gx").troubles)
def test_every_repair_is_in_the_guide(key: str) -> None:
    title = texts_of()["issues"][key]["title"].removeprefix("{name}: ")
    assert f"| Repair issue: {title} |" in GUIDE


def test_every_field_of_the_options_is_in_the_guide() -> None:
    form = texts_of()["options"]["step"]["victron_gx"]
    publish = form["sections"]["publish"]
    for label in (*form["data"].values(), publish["name"]):
        assert f"| {label} |" in part("Reading: Modbus TCP")
    for label in publish["data"].values():
        assert f"| {label} |" in part("Showing the inverters to the GX")
    assert row_of(part("Showing the inverters to the GX"), publish["data"]["port"]) == [str(DBUS_PORT)]


def test_every_setting_is_explained() -> None:
    text = part("Settings, and what they cost")
    assert not [point.name for point in POINTS if point.writable and point.name not in text]
    (locked,) = [point.name for point in POINTS if point.risk is Risk.OUTAGE]
    assert f"*{locked}*" in text


def test_costs_are_those_of_the_code() -> None:
    text = part("Settings, and what they cost")
    assert row_of(text, f"Written less than {writer.BETWEEN_WRITES:g} s ago")
    assert row_of(text, f"{writer.WRITES_PER_DAY} times in 24 hours")


def test_every_word_of_the_state_is_explained() -> None:
    (told,) = row_of(part("What the GX then shows"), "Publishing of the inverters")
    assert set(PublisherState) <= set(re.findall(r"`([a-z_]+)`", told))


def test_alarms_are_where_the_guide_says() -> None:
    lines = [line.strip("|").split("|") for line in part("Alarms on the GX").splitlines() if "`/Alarms/" in line]
    rows = {cells[1].strip().strip("`"): cells[2].strip() for cells in lines}
    assert rows == {path: "inverter" if alarm in LOAD_ALARMS else "sum" for alarm, path in ALARM_PATHS.items()}


def test_times_are_those_of_the_code() -> None:
    assert f"every {PublisherTiming().period:g} seconds" in part("What the GX then shows")
    lost = part("When something is lost")
    assert f"| An inverter is silent for {dc_values.STALE_SECONDS:g} s |" in lost
    assert f"after {dc_values.RELEASE_SECONDS / 60:g} minutes" in lost
    alarms = part("Alarms on the GX")
    assert f"no answer for {gx_data.SILENT_SECONDS:g} s" in alarms
    assert f"{gx_data.HOT:g} °C, until it is below {gx_data.COOLED:g} °C" in alarms


def test_example_of_dvcc_is_what_is_published() -> None:
    load = DcLoad(key="112174020011", name="West", at=0.0, power=312.0)
    data = DcData(loads=(load,), battery=BatterySide(at=0.0, voltage=52.0), system_key="all")
    shown = dc_values.published(data, 0.0)[ServiceKey("dcsystem", "all")]
    current = shown["/Dc/0/Current"]
    assert isinstance(current, float)
    assert f"| 10 A | 312 W, published | 52 V | {10 + current:g} A | 10 A |" in GUIDE
    assert f"| 10 A | 312 W, not published | 52 V | 10 A | {10 - current:g} A |" in GUIDE


def test_names_on_the_bus_are_those_of_the_guide() -> None:
    text = part("What the GX then shows")
    assert f"`{ServiceKey('dcload', 'X').name.replace('_X', '_<serial>')}`" in text
    assert f"`{ServiceKey('dcsystem', 'X').name.replace('_X', '_<portal id>')}`" in text
