"""What people do with a Studer installation beyond its entities: any setting, export and comparison, the clock."""

import json
import struct
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from custom_components.local_solar.solarlink.client import Unit as FoundUnit
from custom_components.local_solar.solarlink.errors import (
    BadAnswerError,
    DeviceAbsentError,
    FlashWornError,
    ManagedByBatteryError,
    NeedsConsentError,
    NotAboveError,
    NotBelowError,
    NotSupportedError,
    NotWritableError,
    UnknownPointError,
    ValueChoiceError,
    ValueKindError,
    ValueRangeError,
    ValueStepError,
    WriteUncertainError,
)
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.points import Limits, Quantity, Ref
from custom_components.local_solar.solarlink.studer.backup import Difference, as_text
from custom_components.local_solar.solarlink.studer.catalogue import readable_settings
from custom_components.local_solar.solarlink.studer.client import StuderClient
from custom_components.local_solar.solarlink.studer.points import POINTS
from custom_components.local_solar.solarlink.studer.values import parse
from simulators.studer import StuderSimulator

from .conftest import HASTY, MakeClient, MakeSim

HOST = "127.0.0.1"
CHARGE = Ref("xt1", "battery_charge_current")
BACKUP = Ref("bms", "soc_for_backup")
LIMIT = Ref("xt1", "ac_input_current_limit")


async def connected(sim: StuderSimulator, make_client: MakeClient, **options: Any) -> StuderClient:
    client = make_client(TcpWire(HOST, await sim.listen()), **options)
    await client.identify()
    sim.requests.clear()
    return client


def unit(client: StuderClient, name: str) -> FoundUnit:
    found = client.installation.unit(name)
    assert found is not None
    return found


def written(sim: StuderSimulator) -> list[tuple[int, int, int, bytes]]:
    return [(r.destination, r.object_id, r.property_id, r.data) for r in sim.requests if r.service == "write"]


# Anything by key or number


@pytest.mark.parametrize(
    ("where", "name", "key", "value"),
    [
        ("xt1", "3000", "battery_voltage", 51.5),
        ("xt1", "3006", "battery_voltage_ripple_3006", 0.25),
        ("xt1", "3054", "relay_aux_1_mode_3054", "automatic"),
        ("xt2", "start_hour_aux_1_1206", "start_hour_aux_1_1206", time(7, 0)),
        ("xt1", "1205", "day_of_the_week_aux_1_1205", 0.0),
        ("vs1", "14002", "configuration_of_pv_modules_vs_120_14002", "automatic"),
        ("gateway", "5101", "datalogger_enabled_5101", "automatic"),
        ("gateway", "5002", "date_5002", "2024-07-01 12:00:00"),
        ("bms", "6080", "waiting_time_between_two_periodic_full_charges_6080", 168.0),
    ],
)
async def test_whatever_a_unit_knows_can_be_read(
    where: str, name: str, key: str, value: object, client: StuderClient, sim: StuderSimulator
) -> None:
    sim.set_info(101, 3000, 51.5)
    sim.set_info(101, 3006, 0.25)
    sim.gateway.wall_clock.set(1_719_835_200)
    point, reading = await client.read_any(unit(client, where), name)
    assert (point.key, reading.value) == (key, value)


async def test_what_nobody_knows_cannot_be_read(client: StuderClient, sim: StuderSimulator) -> None:
    for name in ("99999", "nothing", "1100", "start_hour_aux_1"):
        with pytest.raises(UnknownPointError):
            await client.read_any(unit(client, "xt1"), name)
    with pytest.raises(NotSupportedError):
        await client.read_any(unit(client, "bms"), "battery_energy_in")
    del sim.gateway.installation.units[102]
    with pytest.raises(DeviceAbsentError):
        await client.read_any(unit(client, "xt2"), "1206")


@pytest.mark.parametrize(
    ("name", "value", "number", "data", "shown"),
    [
        ("1206", "06:30", 1206, struct.pack("<i", 390), time(6, 30)),
        ("1206", time(23, 59), 1206, struct.pack("<i", 1439), time(23, 59)),
        ("1202", "manual_on", 1202, struct.pack("<I", 4), "manual_on"),
        ("1202", "8", 1202, struct.pack("<I", 8), "manual_off"),
        ("smart_boost_allowed", "off", 1126, b"\x00", False),
        ("1126", True, 1126, b"\x01", True),
        ("1205", 31, 1205, struct.pack("<I", 31), 31.0),
        ("1157", "2.25", 1157, struct.pack("<f", 2.25), 2.25),
        ("force_new_cycle", "on", 1142, struct.pack("<i", 1), None),
    ],
)
async def test_whatever_a_unit_lets_be_set_can_be_set(
    name: str, value: Any, number: int, data: bytes, shown: object, client: StuderClient, sim: StuderSimulator
) -> None:
    point, reading = await client.write_any(unit(client, "xt1"), name, value)
    assert written(sim) == [(101, number, 13, data)]
    assert reading.value == shown
    assert not sim.flash_writes
    json.dumps(client.journal.as_dict())
    if shown is not None:
        again = (await client.read([Ref("xt1", point.key)])).readings[Ref("xt1", point.key)]
        assert again.value == shown


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("1206", "half past six", ValueKindError),
        ("1206", 7.5, ValueKindError),
        ("1202", "manual", ValueChoiceError),
        ("1126", "perhaps", ValueKindError),
        ("1205", 128, ValueRangeError),
        ("1157", 2.3, ValueStepError),
        ("1157", "much", ValueKindError),
        ("3000", 51.0, NotWritableError),
        ("1395", "on", NotWritableError),
        ("1124", "off", NeedsConsentError),
        ("1399", "on", NeedsConsentError),
        ("1646", "on", NeedsConsentError),
        ("1142", "off", ValueKindError),
        ("4711", 1, UnknownPointError),
    ],
)
async def test_what_cannot_be_set_is_refused_before_anything_is_sent(
    name: str, value: Any, error: type[Exception], client: StuderClient, sim: StuderSimulator
) -> None:
    with pytest.raises(error):
        await client.write_any(unit(client, "xt1"), name, value)
    assert written(sim) == []


async def test_consent_opens_what_is_dangerous(client: StuderClient, sim: StuderSimulator) -> None:
    await client.write_any(unit(client, "xt1"), "1124", "off", confirmed=True)
    await client.write_any(unit(client, "xt1"), "1646", "on", confirmed=True)
    assert [(number, data) for _, number, _, data in written(sim)] == [(1124, b"\x00"), (1646, b"\x01")]


async def test_points_of_the_owners_choice_are_points_like_all_others(
    sim: StuderSimulator, make_client: MakeClient
) -> None:
    chosen = [
        "xt/start_hour_aux_1_1206",
        "xt/battery_voltage_ripple_3006",
        "gateway/language_5000",
        "xt/nonsense",
        "",
        7,
    ]
    client = await connected(sim, make_client, extra_points=chosen)
    keys = list(client.points(unit(client, "xt1")))
    assert keys[-2:] == ["start_hour_aux_1_1206", "battery_voltage_ripple_3006"]
    assert "start_hour_aux_1_1206" not in client.points(unit(client, "vs1"))
    assert list(client.points(client.installation.root))[-1] == "language_5000"
    ripple, hour = Ref("xt2", "battery_voltage_ripple_3006"), Ref("xt2", "start_hour_aux_1_1206")
    report = await client.read([ripple, hour])
    assert report.readings[hour].value == time(7, 0)
    assert report.failed == {}
    listed = {entry.key: entry for entry in client.catalogue("xt")}
    assert listed["start_hour_aux_1_1206"].menu.startswith("AUXILIARY CONTACT 1 > ")
    assert listed["battery_voltage"].curated


async def test_a_vs_70_has_the_charge_limit_of_a_vs_70(make_sim: MakeSim, make_client: MakeClient) -> None:
    sim = make_sim(variostrings=1)
    sim.replace_unit(701, type_code=13057)
    client = await connected(sim, make_client)
    keys = client.points(unit(client, "vs1")).keys()
    assert "solar_charge_current_limit_vs_70" in keys
    assert "solar_charge_current_limit" not in keys


# Sums


@pytest.mark.parametrize("together", [True, False])
async def test_sums_over_all_units(together: bool, make_sim: MakeSim, make_client: MakeClient) -> None:
    sim = make_sim(variotracks=1, variostrings=2, multi_info=together)
    client = await connected(sim, make_client)
    for (address, number), value in {
        (101, 3137): 0.5,
        (102, 3137): -2.0,
        (301, 11004): 1.0,
        (701, 15010): 2.0,
        (702, 15010): 0.25,
    }.items():
        sim.set_info(address, number, value)
    grid, sun = Ref("gateway", "total_ac_input_power"), Ref("gateway", "total_pv_power")
    readings = (await client.read([grid, sun])).readings
    assert (readings[grid].value, readings[sun].value) == (-1500.0, 3250.0)
    assert len(sim.requests) == (1 if together else 5)
    # Alone it is the same.
    assert (await client.read([sun])).readings[sun].value == 3250.0


async def test_sums_exist_only_where_there_is_something_to_sum_up(make_sim: MakeSim, make_client: MakeClient) -> None:
    client = await connected(make_sim(variostrings=0), make_client)
    keys = client.points(client.installation.root).keys()
    assert "total_pv_power" not in keys
    assert {"total_ac_input_power", "grid_export_energy", "messages"} <= keys


# Limits and orders


async def test_limits_of_the_table_fit_the_system(make_sim: MakeSim, make_client: MakeClient) -> None:
    sim = make_sim(system_voltage=24, mains_voltage=120)
    client = await connected(sim, make_client)
    assert client.installation.facts["battery_voltage"] == 24.0
    assert client.installation.facts["mains_voltage"] == 120.0
    sim.faults.set("refused", 0x22)
    # Half of 37.9 V lies between two steps.
    assert await client.limits(Ref("xt1", "absorption_voltage")) == Limits(19.0, 36.0, 0.1)
    assert await client.limits(Ref("xt1", "ac_output_voltage_1286")) == Limits(55.0, 140.0, 1.0)


async def test_the_device_keeps_its_limits_as_fixed_point(client: StuderClient, sim: StuderSimulator) -> None:
    parameters = sim.gateway.installation.units[101].parameters
    sim.gateway.installation.units[101].parameters = parameters | {
        1156: replace(parameters[1156], minimum=37.8984375, maximum=72.0)
    }
    assert await client.limits(Ref("xt1", "absorption_voltage")) == Limits(37.9, 72.0, 0.1)
    await client.write(Ref("xt1", "absorption_voltage"), 56.4)
    assert written(sim) == [(101, 1156, 13, struct.pack("<f", 56.4))]


async def test_settings_that_depend_on_each_other(client: StuderClient, sim: StuderSimulator) -> None:
    xt1 = unit(client, "xt1")
    with pytest.raises(NotBelowError, match="which is 48 V now"):
        await client.write_any(xt1, "1108", 48.0)
    with pytest.raises(NotBelowError):
        await client.write_any(xt1, "1109", 46.4)
    with pytest.raises(NotAboveError):
        await client.write_any(xt1, "1121", 64.8)
    assert written(sim) == []
    # Equal is in order for these two, and RAM values count.
    await client.write_any(xt1, "1109", 46.3)
    with pytest.raises(NotAboveError, match=r"which is 46\.3 V now"):
        await client.write_any(xt1, "1108", 46.2)


async def test_a_setting_that_the_battery_manages_says_so(client: StuderClient, sim: StuderSimulator) -> None:
    with pytest.raises(ManagedByBatteryError, match=r"set Own charge current limit \(6068\) and Own charge current"):
        await client.write(CHARGE, 40)
    assert written(sim) == []
    await client.write(Ref("bms", "own_charge_limit"), True)
    await client.write(Ref("bms", "own_charge_current"), 40)
    assert sim.ram == {(601, 6068): 1.0, (601, 6069): 40.0}


async def test_flash_that_is_worn_out_is_spared(sim: StuderSimulator, make_client: MakeClient) -> None:
    journal = Journal()
    journal.load({"0001A2F3/battery_charge_current": {"flash_writes": 999}})
    client = make_client(TcpWire(HOST, await sim.listen()), journal=journal)
    await client.identify()
    await client.write(CHARGE, 40, permanent=True)
    with pytest.raises(FlashWornError, match="was written to flash 1000 times, and the maker promises about 1000"):
        await client.write(CHARGE, 41, permanent=True)
    assert sim.flash_writes == {(101, 1138): 1}


# Writes without an answer


@pytest.mark.parametrize(("fault", "kept"), [("lost_answer", 20.0), ("silence", 32.0)])
async def test_a_lost_confirmation_is_settled_where_an_info_shows_the_value(
    fault: str, kept: float, sim: StuderSimulator, make_client: MakeClient
) -> None:
    client = await connected(sim, make_client)
    await client.limits(LIMIT)
    await client.read([LIMIT])
    client._exchange.timing = HASTY
    sim.faults.set(fault, count=1)
    with pytest.raises(WriteUncertainError):
        await client.write(LIMIT, 20)
    assert client.journal.uncertain_for("0001A2F3", LIMIT.key) is not None
    reading = (await client.read([LIMIT])).readings[LIMIT]
    assert (reading.value, reading.stored) == (kept, 32.0)
    assert client.journal.uncertain_for("0001A2F3", LIMIT.key) is None
    assert len(written(sim)) == 1


async def test_elsewhere_it_stays_unknown_until_something_settles_it(
    sim: StuderSimulator, make_client: MakeClient
) -> None:
    boost = Ref("xt1", "smart_boost_limit")
    client = await connected(sim, make_client)
    await client.read([boost])
    await client.limits(boost)
    client._exchange.timing = HASTY
    sim.faults.set("lost_answer", count=1)
    with pytest.raises(WriteUncertainError):
        await client.write(boost, 20)
    for _ in range(2):
        reading = (await client.read([boost])).readings[boost]
        assert (reading.value, reading.stored) == (None, 100.0)
    assert (await client.write(boost, 30)).value == 30.0
    assert (await client.read([boost])).readings[boost].value == 30.0
    # Somebody used the remote control: that holds in any case.
    sim.faults.set("lost_answer", count=1)
    with pytest.raises(WriteUncertainError):
        await client.write(boost, 40)
    sim.set_flash(101, 1607, 60.0)
    assert (await client.read([boost])).readings[boost].value == 60.0


# Export and comparison


async def test_all_settings_are_exported_and_compared(make_sim: MakeSim, make_client: MakeClient) -> None:
    sim = make_sim(xtenders=1, variostrings=1, variotracks=0)
    client = await connected(sim, make_client)
    told: list[float] = []
    document = await client.export_settings(lambda share, name: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert json.loads(json.dumps(document)) == document
    counts = {each["id"]: len(each["settings"]) for each in document["units"]}
    assert counts == {
        "gateway": len(readable_settings("gateway")),
        "xt1": len(readable_settings("xt")),
        "vs1": len(readable_settings("vs")),
        "bms": len(readable_settings("bms")),
    }
    xt1 = next(each for each in document["units"] if each["id"] == "xt1")
    assert xt1["settings"]["1206"] == {"name": "Start hour (AUX 1) (1206)", "value": "07:00", "unit": ""}
    assert {request.service for request in sim.requests} == {"read"}
    text = as_text(document)
    assert "1138;Battery charge current (1138);60;A" in text
    assert "# Xtender 1 (XTM, serial 0001A2F3, firmware 1.6.78)" in text
    assert await client.compare_settings(document) == ([], [])
    sim.set_flash(101, 1138, 45.0)
    sim.set_flash(601, 6062, 35.0)
    document["units"].append({"id": "xt9", "kind": "xt", "name": "Xtender 9", "serial": "FFFF0000", "settings": {}})
    differences, missing = await client.compare_settings(document)
    assert differences == [
        Difference("xt1", "Battery charge current (1138)", 1138, 60.0, 45.0, "A"),
        Difference("bms", "SOC level for backup", 6062, 30.0, 35.0, "%"),
    ]
    assert missing == ["Xtender 9"]


@pytest.mark.parametrize("document", [{}, {"units": 7}, {"units": [{}]}, {"units": [{"settings": {"x": {}}}]}, []])
async def test_a_document_of_another_shape_is_refused(document: Any, client: StuderClient) -> None:
    with pytest.raises(BadAnswerError, match="it is no export of settings"):
        await client.compare_settings(document)


# The clock


async def test_the_clock_is_read_and_set_only_when_it_is_wrong(client: StuderClient, sim: StuderSimulator) -> None:
    sim.gateway.wall_clock.set(1_719_835_200)
    noon = datetime.fromisoformat("2024-07-01T12:00:00")
    assert await client.clock() == noon
    assert await client.set_clock(noon + timedelta(seconds=20)) == pytest.approx(-20, abs=1)
    assert written(sim) == []
    assert await client.set_clock(noon + timedelta(hours=1)) == pytest.approx(-3600, abs=1)
    assert [(number, where) for _, number, where, _ in written(sim)] == [(5002, 13)]
    assert await client.clock() == noon + timedelta(hours=1)
    assert not sim.flash_writes


async def test_a_clock_that_does_not_move(
    client: StuderClient, sim: StuderSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sim.gateway.wall_clock, "set", lambda seconds: None)
    with pytest.raises(WriteUncertainError):
        await client.set_clock(datetime.fromisoformat("2031-01-01T00:00:00"))


def test_every_kind_of_value_of_the_table_can_be_made_from_text() -> None:
    texts = {Quantity.TIME_OF_DAY: "07:30", Quantity.FLAG: "on"}
    for point in POINTS:
        if point.writable:
            text = next(iter(point.options.values()), texts.get(point.quantity, "1"))
            assert parse(point, text) in (text, True, time(7, 30), 1.0)
