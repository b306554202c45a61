"""What the GX is to be shown at a given time: a table of data, ages and limits. No connection."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.local_solar.solarlink.victron_gx.alarm_map import ALARM_PATHS, LOAD_ALARMS, Alarm, alarm_values
from custom_components.local_solar.solarlink.victron_gx.dc_values import (
    SYSTEM,
    BatterySide,
    DcData,
    DcLoad,
    ServiceKey,
    custom_name,
    published,
    tree_of,
)

SHED = DcLoad(
    key="114180000001",
    name="Shed",
    at=100.0,
    power=312.0,
    ac_power=298.0,
    temperature=31.4,
    energy=120.5,
)
BARN = replace(SHED, key="114180000002", name="Barn", power=208.0, ac_power=200.0, temperature=40.0, energy=79.5)
BATTERY = BatterySide(at=100.0, voltage=52.0, discharge_limit=40.0)
DATA = DcData(loads=(SHED, BARN), battery=BATTERY, system_key="99978")
LOAD = ServiceKey("dcload", SHED.key)
OTHER = ServiceKey("dcload", BARN.key)
SUM = ServiceKey("dcsystem", "99978")


def of(key: ServiceKey, data: DcData = DATA, now: float = 101.0) -> dict[str, Any]:
    return dict(published(data, now)[key])


def test_names_are_those_of_the_reference() -> None:
    assert LOAD.name == "com.victronenergy.dcload.ha_opendtu_114180000001"
    assert SUM.name == "com.victronenergy.dcsystem.ha_opendtu_sum_99978"
    assert ServiceKey("dcload", "1-2.ä").name == "com.victronenergy.dcload.ha_opendtu_1_2__"


def test_every_inverter_and_then_the_sum() -> None:
    assert list(published(DATA, 101.0)) == [LOAD, OTHER, SUM]
    assert of(LOAD) | {"/Dc/0/Power": 312.0, "/Dc/0/Current": 6.0} == of(LOAD)
    assert {path: value for path, value in of(SUM).items() if not path.startswith("/Alarms")} == {
        "/Dc/0/Voltage": 52.0,
        "/Dc/0/Power": 520.0,
        "/Dc/0/Current": 10.0,
        "/Dc/0/Temperature": 40.0,
        "/Dc/1/Voltage": 498.0,
        "/History/EnergyIn": 200.0,
        "/History/EnergyOut": 0.0,
        "/CustomName": "Hoymiles",
    }


@pytest.mark.parametrize(
    ("load", "battery", "power", "current"),
    [
        (SHED, BATTERY, 312.0, 6.0),
        (replace(SHED, current=5.5), BATTERY, 312.0, 5.5),
        (SHED, None, 312.0, None),
        (replace(SHED, current=5.5), None, 312.0, 5.5),
        (SHED, replace(BATTERY, voltage=None), 312.0, None),
        (SHED, replace(BATTERY, voltage=0.0), 312.0, None),
        (SHED, replace(BATTERY, at=41.0), 312.0, None),
        (replace(SHED, power=None), BATTERY, None, None),
        (replace(SHED, power=-3.0), BATTERY, 0.0, 0.0),
        (replace(SHED, power=float("nan")), BATTERY, None, None),
    ],
)
def test_current_of_an_inverter(
    load: DcLoad, battery: BatterySide | None, power: float | None, current: float | None
) -> None:
    values = of(LOAD, replace(DATA, loads=(load,), battery=battery))
    assert (values["/Dc/0/Power"], values["/Dc/0/Current"]) == (power, current)


@pytest.mark.parametrize(
    ("limit", "voltage", "power"),
    [
        (40.0, 52.0, 520.0),
        (10.0, 52.0, 520.0),
        (9.0, 52.0, 468.0),
        (0.0, 52.0, 0.0),
        (None, 52.0, 520.0),
        (9.0, None, 520.0),
        (-1.0, 52.0, 0.0),
    ],
)
def test_the_sum_stays_below_what_the_battery_can_give(
    limit: float | None, voltage: float | None, power: float
) -> None:
    data = replace(DATA, battery=BatterySide(at=100.0, voltage=voltage, discharge_limit=limit))
    values = of(SUM, data)
    assert values["/Dc/0/Power"] == power
    assert values["/Dc/0/Current"] == (power / voltage if voltage else None)
    assert of(LOAD, data)["/Dc/0/Power"] == 312.0


def test_without_a_voltage_measured_currents_are_added() -> None:
    loads = (replace(SHED, current=6.1), replace(BARN, current=4.2))
    assert of(SUM, replace(DATA, loads=loads, battery=None))["/Dc/0/Current"] == pytest.approx(10.3)
    assert of(SUM, replace(DATA, loads=(loads[0], BARN), battery=None))["/Dc/0/Current"] is None


def test_a_sum_of_counters_needs_all_of_them() -> None:
    assert of(SUM, replace(DATA, loads=(SHED, replace(BARN, energy=None))))["/History/EnergyIn"] is None


@pytest.mark.parametrize(
    ("age", "power", "temperature", "energy"),
    [(0.0, 312.0, 31.4, 120.5), (59.9, 312.0, 31.4, 120.5), (60.0, 0.0, None, 120.5), (299.9, 0.0, None, 120.5)],
)
def test_age(age: float, power: float, temperature: float | None, energy: float) -> None:
    data = replace(DATA, loads=(SHED,), battery=replace(BATTERY, at=100.0 + age))
    for key in (LOAD, SUM):
        values = of(key, data, 100.0 + age)
        assert values["/Dc/0/Power"] == power
        assert values["/Dc/0/Current"] == power / 52.0
        assert values["/Dc/0/Temperature"] == temperature
        assert values["/Dc/0/Voltage"] == 52.0
        assert values["/History/EnergyIn"] == energy


def test_after_five_minutes_everything_is_released() -> None:
    assert published(DATA, 400.0) == {}
    assert published(DcData(), 0.0) == {}


def test_one_silent_inverter_does_not_take_the_other_away() -> None:
    data = replace(DATA, loads=(SHED, replace(BARN, at=500.0)), battery=replace(BATTERY, at=500.0))
    assert list(published(data, 501.0)) == [OTHER, SUM]
    assert of(SUM, data, 501.0)["/Dc/0/Power"] == 208.0
    # The counter of the one that is silent stays in the sum: a sum that falls would count twice.
    assert of(SUM, data, 501.0)["/History/EnergyIn"] == 200.0
    data = replace(data, loads=(replace(SHED, at=430.0), data.loads[1]))
    assert of(SUM, data, 501.0)["/Dc/0/Power"] == 208.0
    assert of(LOAD, data, 501.0)["/Dc/0/Power"] == 0.0


def test_alarms_are_where_owners_expect_them() -> None:
    assert ALARM_PATHS == {
        Alarm.GRID_METER: "/Alarms/LowVoltage",
        Alarm.TEMPERATURE: "/Alarms/HighVoltage",
        Alarm.DTU: "/Alarms/LowStarterVoltage",
        Alarm.INVERTER: "/Alarms/HighStarterVoltage",
        Alarm.BALCONY: "/Alarms/LowTemperature",
        Alarm.BATTERY: "/Alarms/HighTemperature",
    }
    assert set(ALARM_PATHS) == set(Alarm)
    assert set(alarm_values(()).values()) == {0}


@pytest.mark.parametrize("alarm", list(Alarm))
def test_an_alarm_shows_on_one_service_only(alarm: Alarm) -> None:
    data = replace(DATA, loads=(replace(SHED, alarms=frozenset({alarm})), BARN), alarms=frozenset({alarm}))
    on = {
        (key, path)
        for key, values in published(data, 101.0).items()
        for path, value in values.items()
        if path.startswith("/Alarms/") and value == 2
    }
    assert on == {(LOAD if alarm in LOAD_ALARMS else SUM, ALARM_PATHS[alarm])}


def test_names_that_people_have_given() -> None:
    shown = published(DATA, 101.0, {SHED.key: "Roof", SYSTEM: "All of them"})
    assert [values["/CustomName"] for values in shown.values()] == ["Roof", "Barn", "All of them"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Roof", "Roof"),
        (" Roof ", "Roof"),
        ("", "Shed"),
        ("  ", "Shed"),
        ("x" * 64, "x" * 64),
        ("x" * 65, None),
        ("a\nb", None),
    ],
)
def test_what_may_be_a_name(text: str, kept: str | None) -> None:
    assert custom_name(text, "Shed") == kept


@pytest.mark.parametrize(("key", "more"), [(LOAD, set()), (SUM, {"/History/EnergyOut"})])
def test_all_paths_of_the_reference_are_there(key: ServiceKey, more: set[str]) -> None:
    tree = tree_of(key, DATA, published(DATA, 101.0)[key], instance=41, version="1.2.3")
    mandatory = {
        "/Mgmt/ProcessName", "/Mgmt/ProcessVersion", "/Mgmt/Connection", "/DeviceInstance", "/ProductId",
        "/ProductName", "/FirmwareVersion", "/HardwareVersion", "/Connected", "/Serial", "/CustomName",
        "/Dc/0/Voltage", "/Dc/0/Current", "/Dc/0/Power", "/Dc/0/Temperature", "/Dc/1/Voltage", "/History/EnergyIn",
        "/Alarms/LowVoltage", "/Alarms/HighVoltage", "/Alarms/LowTemperature", "/Alarms/HighTemperature",
        "/Alarms/LowStarterVoltage", "/Alarms/HighStarterVoltage", "/Settings/MonitorMode",
    }  # fmt: skip
    assert set(tree.items()) == mandatory | more
    types = {path: pair["Value"].signature for path, pair in tree.items().items()}
    assert {path for path, kind in types.items() if kind == "i"} == {
        "/DeviceInstance", "/ProductId", "/Connected", "/Settings/MonitorMode", *ALARM_PATHS.values()
    }  # fmt: skip
    assert (tree["/DeviceInstance"], tree["/ProductId"], tree["/Connected"]) == (41, 0xFFFF, 1)
    assert tree["/Serial"] == key.key
    assert tree["/Mgmt/ProcessVersion"] == "1.2.3"
