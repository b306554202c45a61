"""What the simulated DTU tells: live data of every firmware, all other documents, and its replies to writes."""

import json
import re
from typing import Any

import aiohttp
import pytest

from simulators.opendtu import InverterSpec, OpenDtuSimulator
from simulators.opendtu.alarms import message
from simulators.opendtu.firmware import Firmware
from simulators.opendtu.models import inverter_class, model
from simulators.opendtu.numbers import dumps, number
from tests.simulators.opendtu_wire import CLEAR, FIRST, NIGHT, SECOND, THIRD, dtu

LIVE = "/api/livedata/status"
PANEL = InverterSpec(
    "114174090044", "Garage", 600, source="panel", peak=820, strings=("Ridge", "Eaves"), string_power=410
)
LIMIT = "/api/limit/config"


# Numbers


@pytest.mark.parametrize(
    ("value", "long", "short"),
    [
        (230.4, "230.3999939", "230.4"),
        (12.4, "12.39999962", "12.4"),
        (0.05, "0.050000001", "0.05"),
        (0.03, "0.029999999", "0.03"),
        (144.028, "144.0279999", "144.028"),
        (49.98, "49.97999954", "49.98"),
        (3.6, "3.599999905", "3.6"),
        (1.0, "1", "1"),
        (-1.0, "-1", "-1"),
        (-0.5, "-0.5", "-0.5"),
        (0.0, "0", "0"),
        (99.9999999, "100", "100"),
        (float("nan"), "null", "null"),
        (float("-inf"), "null", "null"),
    ],
)
def test_numbers_are_printed_as_by_the_device(value: float, long: str, short: str) -> None:
    assert (number(value, 9), number(value, 6)) == (long, short)


def test_json_text() -> None:
    document: Any = {"u": "°C", "list": [1, 2.5, None, True], "o": {'"': "\n"}}
    assert dumps(document, short=True) == '{"u":"°C","list":[1,2.5,null,true],"o":{"\\"":"\\n"}}'


# Models


@pytest.mark.parametrize(
    ("serial", "rated", "family", "inputs", "radio", "part"),
    [
        ("112174020011", 400, "HM", 1, "nrf", 0x101040),
        ("114183050022", 600, "HM", 2, "nrf", 0x101110),
        ("116182070033", 1500, "HM", 4, "nrf", 0x101230),
        ("10429a000001", 800, "HM", 2, "nrf", 0x101140),
        ("112491000001", 400, "HMS", 1, "cmt", 0x102041),
        ("114aa0000001", 800, "HMS", 2, "cmt", 0x102141),
        ("116491000001", 2000, "HMS", 4, "cmt", 0x102271),
        ("138291000001", 2250, "HMT", 6, "cmt", 0x103331),
        ("282191000001", 800, "HERF", 2, "nrf", 0xF10114),
        ("912a91000001", 300, "HM", 1, "nrf", 0x101010),
    ],
)
def test_serial_numbers_tell_the_model(
    serial: str, rated: float, family: str, inputs: int, radio: str, part: int
) -> None:
    kind = inverter_class(serial)
    assert (kind.family, kind.inputs, kind.radio) == (family, inputs, radio)
    assert model(kind, rated).part_number >> 8 == part


@pytest.mark.parametrize("serial", ["999999999999", "1121740200", "no serial no", "11217402001100"])
def test_unknown_serial_numbers(serial: str) -> None:
    with pytest.raises(ValueError, match="serial number"):
        inverter_class(serial)


def test_devices_that_nobody_can_build() -> None:
    with pytest.raises(ValueError, match="no HM"):
        OpenDtuSimulator(inverters=[(FIRST, "A", 123)])
    with pytest.raises(ValueError, match="already"):
        OpenDtuSimulator(inverters=[(FIRST, "A", 400), (FIRST, "B", 400)])
    with pytest.raises(ValueError, match="release"):
        OpenDtuSimulator(firmware="4f1d2ab")
    many = [(f"1121740200{index:02d}", f"No. {index}", 400.0) for index in range(6)]
    with pytest.raises(ValueError, match="5 inverters"):
        OpenDtuSimulator(firmware="v23.11.16", inverters=many)


@pytest.mark.parametrize(
    ("tag", "version", "persistent"),
    [
        ("v24.2.12", (24, 2, 12), (256, 257)),
        ("v25.8.30", (25, 8, 30), (256, 257)),
        ("v25.9.11-Database", (25, 9, 11), (2, 3)),
        ("v26.9.28", (26, 9, 28), (2, 3)),
    ],
)
def test_releases(tag: str, version: tuple[int, int, int], persistent: tuple[int, int]) -> None:
    firmware = Firmware.of(tag)
    assert (firmware.version, firmware.persistent_types) == (version, persistent)


def test_releases_of_onbattery() -> None:
    assert Firmware.of("2025.02.05", on_battery=True).persistent_types == (256, 257)
    assert Firmware.of("2025.09.01", on_battery=True).persistent_types == (2, 3)
    assert Firmware.of("2026.03.31", on_battery=True).persistent_types == (2, 3)


# Live data


async def test_live_data_of_2026(socket_enabled: None) -> None:
    async with dtu(inverters=[(FIRST, "Battery west", 400), PANEL]) as (sim, client):
        sim.advance(120)
        overview = await client.get(LIVE)
        assert overview["hints"] == {
            "time_sync": False,
            "radio_problem": False,
            "default_password": True,
            "pin_mapping_issue": False,
        }
        first, panel = overview["inverters"]
        assert list(first) == [
            *("serial", "name", "order", "data_age", "data_age_ms", "poll_enabled", "reachable", "producing"),
            *("limit_relative", "limit_absolute", "radio_stats"),
        ]
        assert (first["serial"], first["limit_relative"], first["limit_absolute"]) == (FIRST, 100, 400)
        assert first["data_age"] == first["data_age_ms"] // 1000 < 12
        assert first["radio_stats"]["tx_request"] >= 11
        assert (panel["producing"], panel["reachable"], panel["poll_enabled"]) == (True, True, True)

        found = await client.inverter(PANEL.serial)
        assert set(found["AC"]["0"]) == {"Power", "Voltage", "Current", "Frequency", "PowerFactor", "ReactivePower"}
        assert set(found["INV"]["0"]) == {"Power DC", "YieldDay", "YieldTotal", "Temperature", "Efficiency"}
        assert [found["DC"][index]["name"]["u"] for index in ("0", "1")] == ["Ridge", "Eaves"]
        assert found["events"] == 1
        ac, whole = found["AC"]["0"], found["INV"]["0"]
        micro = sim.micro_inverter(PANEL.serial)
        assert ac["Power"]["v"] == pytest.approx(micro.output, abs=30)
        assert ac["Voltage"]["v"] * ac["Current"]["v"] == pytest.approx(ac["Power"]["v"], rel=0.02)
        dc = [found["DC"][index] for index in ("0", "1")]
        assert sum(each["Power"]["v"] for each in dc) == pytest.approx(whole["Power DC"]["v"], abs=0.01)
        assert whole["Efficiency"]["v"] == pytest.approx(94, abs=0.1)
        assert dc[0]["Irradiation"]["max"] == 410
        assert dc[0]["Irradiation"]["v"] == pytest.approx(dc[0]["Power"]["v"] / 4.10, abs=0.01)
        assert dc[0]["Voltage"]["v"] * dc[0]["Current"]["v"] == pytest.approx(dc[0]["Power"]["v"], rel=0.02)
        total = overview["total"]
        assert [total[key]["d"] for key in ("Power", "YieldDay", "YieldTotal")] == [1, 0, 3]
        assert total["YieldTotal"]["v"] == pytest.approx(500, abs=0.1)


async def test_live_data_tell_what_the_inverter_does(socket_enabled: None) -> None:
    async with dtu(inverters=[(FIRST, "West", 400)]) as (sim, client):
        for _ in range(5):
            sim.advance(5)
            found = await client.inverter()
            micro = sim.micro_inverter(FIRST)
            assert found["AC"]["0"]["Power"]["v"] == pytest.approx(micro.output, abs=0.06)
            assert found["DC"]["0"]["Voltage"]["v"] == pytest.approx(sim.house.battery.voltage, abs=0.3)
        assert found["INV"]["0"]["YieldTotal"]["v"] == pytest.approx(micro.energy_total, abs=0.002)
        assert found["INV"]["0"]["YieldDay"]["v"] == pytest.approx(micro.energy_today * 1000, abs=2)


async def test_an_inverter_that_is_not_there_is_an_empty_list(socket_enabled: None) -> None:
    async with dtu() as (_, client):
        found = await client.get(LIVE + "?inv=114999999999")
        assert found["inverters"] == []
        assert found["total"]["Power"]["v"] > 0
        upper = await client.get(f"{LIVE}?inv=00{FIRST.upper()}")
        assert upper["inverters"][0]["serial"] == FIRST


@pytest.mark.parametrize(
    ("firmware", "keys", "codes", "digits"),
    [
        ("v23.1.5", {"serial", "name", "data_age", "reachable", "producing"}, False, 2),
        ("v23.4.4", {"serial", "name", "data_age", "poll_enabled", "reachable", "producing"}, False, 2),
        ("v23.11.16", {"serial", "name", "order", "data_age", "poll_enabled", "reachable", "producing"}, True, 2),
        ("v24.1.26", {"serial", "name", "order", "data_age", "poll_enabled", "reachable", "producing"}, True, 2),
    ],
)
async def test_live_data_of_2023(socket_enabled: None, firmware: str, keys: set[str], codes: bool, digits: int) -> None:
    async with dtu(firmware=firmware) as (sim, client):
        sim.advance(30)
        found = await client.get(LIVE)
        assert len(found["inverters"]) == 3
        for inverter in found["inverters"]:
            limits = {"limit_relative", "limit_absolute"}
            sections = {"AC", "DC"} if firmware == "v23.1.5" else {"AC", "DC", "INV"}
            assert set(inverter) == keys | limits | sections | {"events"}
            assert {"Power DC", "YieldDay", "YieldTotal", "Efficiency"} < set(inverter["AC"]["0"])
            place = inverter["AC" if firmware == "v23.1.5" else "INV"]["0"]
            assert place["Temperature"]["v"] > 20
        assert len((await client.get(f"{LIVE}?inv={FIRST}"))["inverters"]) == 3
        assert found["total"]["YieldTotal"]["d"] == digits
        assert "pin_mapping_issue" not in found["hints"]
        assert ("code" in await client.limit(FIRST, 50)) == codes
        assert (await client.get("/api/system/status")).get("git_branch") == (None if firmware < "v24" else "master")


@pytest.mark.parametrize(
    ("firmware", "stats", "rssi", "age_ms"),
    [
        ("v24.2.12", False, False, False),
        ("v24.9.22", True, False, False),
        ("v24.10.5", True, True, False),
        ("v25.4.2", True, True, True),
    ],
)
async def test_live_data_since_the_break(
    socket_enabled: None, firmware: str, stats: bool, rssi: bool, age_ms: bool
) -> None:
    async with dtu(firmware=firmware) as (_, client):
        overview = (await client.get(LIVE))["inverters"][0]
        assert "AC" not in overview
        assert ("radio_stats" in overview, "rssi" in overview.get("radio_stats", {})) == (stats, rssi)
        assert ("data_age_ms" in overview) == age_ms
        assert "Power DC" in (await client.inverter())["INV"]["0"]


async def test_both_styles_of_numbers_on_the_wire(socket_enabled: None) -> None:
    for firmware, pattern in (("v24.2.12", rb'"v":23\d\.\d{7}[,}]'), ("v25.1.14", rb'"v":23\d\.\d[,}]')):
        async with dtu(firmware=firmware) as (sim, client):
            while sim.house.grid.voltage % 0.5 < 0.15:
                sim.advance(2)
            sim.advance(60)
            seen = set()
            for _ in range(20):
                sim.advance(5)
                body = await (await client.raw(f"{LIVE}?inv={FIRST}")).read()
                seen.add(bool(re.search(pattern, body)))
            assert True in seen


async def test_reported_limits_are_cut_since_2025(socket_enabled: None) -> None:
    for firmware, shown in (("v25.1.14", 150), ("v25.2.3", 100)):
        async with dtu(firmware=firmware) as (sim, client):
            await client.limit(FIRST, 600, kind=0)
            sim.advance(2)
            assert (await client.inverter())["limit_relative"] == shown
            assert (await client.limits())["limit_relative"] == shown
            assert sim.micro_inverter(FIRST).commanded == 400


# Night, restart, unreachable


async def test_night(socket_enabled: None) -> None:
    async with dtu(NIGHT, inverters=[(FIRST, "Battery west", 400), PANEL]) as (sim, client):
        sim.advance(60)
        overview = await client.get(LIVE)
        battery, panel = overview["inverters"]
        assert battery["producing"]
        assert battery["data_age"] < 12
        assert (panel["poll_enabled"], panel["reachable"], panel["producing"]) == (False, False, False)
        # Since the evening before.
        assert 4 * 3600 < panel["data_age"] < 6 * 3600
        assert overview["total"]["Power"]["v"] == pytest.approx(sim.micro_inverter(FIRST).output, abs=0.06)
        assert (await client.get("/api/ntp/status"))["sun_isDayPeriod"] is False
        sim.view(FIRST).configuration.poll_enable_night = False
        overview = await client.get(LIVE)
        assert overview["total"]["Power"] == {"v": 0, "u": "W", "d": 0}
        assert overview["total"]["YieldTotal"]["v"] == pytest.approx(500, abs=0.1)


@pytest.mark.parametrize("zeroed", [False, True])
async def test_values_are_frozen_in_the_evening_unless_zeroed(socket_enabled: None, zeroed: bool) -> None:
    async with dtu(inverters=[PANEL]) as (sim, client):
        sim.view(PANEL.serial).configuration.zero_runtime = zeroed
        sim.advance(62)
        sim.faults.set("unreachable")
        before = await client.inverter(PANEL.serial)
        assert before["AC"]["0"]["Power"]["v"] > 50
        sim.advance(120)
        after = await client.inverter(PANEL.serial)
        assert not after["reachable"]
        assert after["producing"] is not zeroed
        assert 100 < after["data_age"] < 130
        for section, key in (("AC", "Power"), ("AC", "Voltage"), ("AC", "Frequency"), ("INV", "Temperature")):
            assert after[section]["0"][key]["v"] == (0 if zeroed else before[section]["0"][key]["v"])
        assert after["DC"]["1"]["Current"]["v"] == (0 if zeroed else before["DC"]["1"]["Current"]["v"])
        for key in ("YieldDay", "YieldTotal"):
            assert after["INV"]["0"][key] == before["INV"]["0"][key]


async def test_reachable_needs_more_failures_than_the_threshold(socket_enabled: None) -> None:
    async with dtu(inverters=[(FIRST, "West", 400)]) as (sim, client):
        sim.faults.set("unreachable", 0)
        seen = []
        for _ in range(4):
            sim.advance(5)
            seen.append((await client.inverter())["reachable"])
        assert seen == [True, True, True, False]
        assert (await client.inverter())["radio_stats"]["rx_fail_nothing"] == 3
        sim.faults.clear()
        sim.advance(10)
        assert (await client.inverter())["reachable"]


async def test_only_the_inverter_of_the_index_is_unreachable(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        sim.faults.set("unreachable", 1)
        sim.advance(90)
        found = (await client.get(LIVE))["inverters"]
        assert [each["reachable"] for each in found] == [True, False, True]


async def test_restart_of_the_dtu(socket_enabled: None) -> None:
    async with dtu(poll_interval=5) as (sim, client):
        before = await client.get("/api/system/status")
        assert before["uptime"] == 86_400
        assert (await client.post("/api/maintenance/reboot", {"reboot": True}))["code"] == 6001
        sim.advance(0.5)
        assert (await client.get("/api/system/status"))["uptime"] == 86_400
        sim.advance(1)
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(LIVE)
        sim.advance(8)
        overview = await client.get(LIVE)
        assert overview["hints"]["time_sync"] is True
        first = overview["inverters"][0]
        assert (first["limit_relative"], first["limit_absolute"]) == (0, -1)
        assert (first["data_age"], first["producing"], first["reachable"]) == (8, False, True)
        assert overview["total"]["YieldTotal"]["v"] == overview["total"]["Power"]["v"] == 0
        assert await client.limits() == {"limit_relative": 0, "max_power": 0, "limit_set_status": "Ok"}
        assert (await client.get(f"/api/devinfo/status?inv={FIRST}"))["valid_data"] is False
        sim.advance(40)
        after = await client.get("/api/system/status")
        assert (after["uptime"], after["resetreason_0"]) == (48, "Software reset CPU")
        overview = await client.get(LIVE)
        assert overview["hints"]["time_sync"] is False
        assert overview["total"]["YieldTotal"]["v"] == pytest.approx(750, abs=0.1)
        assert await client.limits() == {"limit_relative": 0, "max_power": 400, "limit_set_status": "Ok"}
        info = await client.get(f"/api/devinfo/status?inv={FIRST}")
        assert (info["valid_data"], info["max_power"], info["hw_model_name"]) == (True, 400, "HM-400-1T")
        sim.advance(150)
        assert (await client.limits())["limit_relative"] == 0
        sim.advance(70)
        assert (await client.limits())["limit_relative"] == 100


async def test_a_dtu_that_restarted_at_night_has_no_yield_until_morning(socket_enabled: None) -> None:
    async with dtu(NIGHT, inverters=[PANEL], uptime=7200.0) as (sim, client):
        found = await client.inverter(PANEL.serial)
        assert (found["data_age"], found["limit_absolute"]) == (7200, -1)
        assert found["INV"]["0"]["YieldTotal"]["v"] == 0
        sim.advance(6 * 3600)
        found = await client.inverter(PANEL.serial)
        assert found["INV"]["0"]["YieldTotal"]["v"] > 250
        assert found["INV"]["0"]["YieldDay"]["v"] < 400


async def test_a_young_dtu_knows_nothing_yet(socket_enabled: None) -> None:
    async with dtu(uptime=2.0) as (sim, client):
        first = (await client.get(LIVE))["inverters"][0]
        assert (first["data_age"], first["limit_relative"], first["limit_absolute"]) == (2, 0, -1)
        assert (await client.inverter())["INV"]["0"]["YieldTotal"]["v"] == 0
        sim.advance(20)
        assert (await client.inverter())["INV"]["0"]["YieldTotal"]["v"] == pytest.approx(250, abs=0.1)


async def test_clock_not_set(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        sim.faults.set("clock_not_set")
        await client.limit(FIRST, 30)
        sim.advance(60)
        found = await client.get(LIVE)
        assert found["hints"]["time_sync"] is True
        assert found["inverters"][0]["data_age"] >= 60
        assert (await client.limits())["limit_set_status"] == "Pending"
        ntp = await client.get("/api/ntp/status")
        assert (ntp["ntp_status"], ntp["sun_risetime"], ntp["sun_isSunsetAvailable"]) == (False, "--", False)
        sim.faults.clear()
        sim.advance(20)
        assert (await client.limits())["limit_set_status"] == "Ok"
        assert (await client.get(LIVE))["inverters"][0]["data_age"] < 20
        assert "June 15 2026" in (await client.get("/api/ntp/status"))["sun_settime"]


async def test_midnight(socket_enabled: None) -> None:
    async with dtu(NIGHT.replace(hour=23, minute=59), inverters=[(FIRST, "West", 400), (SECOND, "East", 400)]) as (
        sim,
        client,
    ):
        for serial, wanted in ((FIRST, True), (SECOND, False)):
            settings = sim.view(serial).configuration
            settings.zero_day = settings.clear_eventlog = wanted
        sim.advance(50)
        sim.faults.set("unreachable", 0)
        day = (await client.inverter(SECOND))["INV"]["0"]["YieldDay"]["v"]
        assert day >= 400
        sim.advance(14)
        assert (await client.inverter(FIRST))["INV"]["0"]["YieldDay"]["v"] == 0
        assert (await client.inverter(SECOND))["INV"]["0"]["YieldDay"]["v"] >= day
        assert (await client.get(f"/api/eventlog/status?inv={FIRST}"))["count"] == 0
        assert (await client.get(f"/api/eventlog/status?inv={SECOND}"))["count"] == 1
        assert (await client.inverter(SECOND))["radio_stats"]["tx_request"] <= 2


@pytest.mark.parametrize("corrected", [False, True])
async def test_yield_of_the_day_over_a_restart(socket_enabled: None, corrected: bool) -> None:
    async with dtu(inverters=[(FIRST, "West", 400)]) as (sim, client):
        sim.view(FIRST).configuration.yieldday_correction = corrected
        sim.advance(20)
        await client.post("/api/power/config", {"serial": FIRST, "restart": True})
        sim.advance(60)
        day = (await client.inverter())["INV"]["0"]["YieldDay"]["v"]
        assert (day > 400) == corrected
        assert day < 420
        sim.advance(60)
        assert (await client.inverter())["INV"]["0"]["YieldDay"]["v"] == pytest.approx(day + 6.6, abs=2)


# Other documents


async def test_events(socket_enabled: None) -> None:
    path = f"/api/eventlog/status?inv={SECOND}&locale=en"
    async with dtu() as (sim, client):
        sim.add_event(SECOND, 209, start=28_036)
        sim.add_event(SECOND, 141, start=86_500, end=90_000)
        assert (await client.get(path))["count"] == 1
        assert (await client.inverter(SECOND))["events"] == 1
        sim.advance(20)
        assert (await client.inverter(SECOND))["events"] == 3
        assert await client.get(path) == {
            "count": 3,
            "events": [
                {"message_id": 1, "message": "Inverter start", "start_time": 36_000, "end_time": 36_000},
                {"message_id": 209, "message": "PV-1: No input", "start_time": 28_036, "end_time": 0},
                {"message_id": 141, "message": "Grid: Grid overvoltage", "start_time": 86_500, "end_time": 90_000},
            ],
        }
        assert await client.get("/api/eventlog/status?inv=1") == {"count": 0, "events": []}


async def test_old_firmware_tells_of_all_inverters_by_serial_number(socket_enabled: None) -> None:
    async with dtu(firmware="v23.2.7") as (_, client):
        events = await client.get(f"/api/eventlog/status?inv={FIRST}")
        assert {serial: each["count"] for serial, each in events.items()} == {FIRST: 1, SECOND: 1, THIRD: 1}
        devices = await client.get("/api/devinfo/status")
        assert {serial: each["max_power"] for serial, each in devices.items()} == {FIRST: 400, SECOND: 400, THIRD: 300}


def test_event_texts_differ_between_families() -> None:
    assert message(215, "HM") == "PV-1: Input overvoltage"
    assert message(215, "HMT") == "MPPT-C: Input overvoltage"
    assert message(124, "HMT") == "Shut down by remote control"
    assert message(250, "HM") == "Unknown"


async def test_device_information(socket_enabled: None) -> None:
    specs = [
        InverterSpec("116182070033", "Old", 1500, slow=True),
        InverterSpec("116491000001", "Four", 2000, used_inputs=3),
    ]
    async with dtu(inverters=specs) as (sim, client):
        old = await client.get("/api/devinfo/status?inv=116182070033")
        assert old["hw_part_number"] >> 8 == 0x101230
        assert (old["hw_model_name"], old["max_power"], old["pdl_supported"]) == ("HM-1500-4T", 1500, False)
        assert old["fw_build_datetime"].startswith("2020-")
        four = await client.get("/api/devinfo/status?inv=116491000001")
        assert (four["pdl_supported"], four["fw_build_version"]) == (True, 10012)
        assert four["fw_build_datetime"] > "2021"
        sim.advance(20)
        inputs = (await client.inverter("116491000001"))["DC"]
        assert [inputs[str(index)]["Power"]["v"] > 0 for index in range(4)] == [True, True, True, False]


async def test_system_and_network(socket_enabled: None) -> None:
    async with dtu(cpu_temperature=False, git_hash="4f1d2ab") as (_, client):
        system = await client.get("/api/system/status")
        assert (system["git_hash"], system["cputemp"], system["git_branch"]) == ("4f1d2ab", None, "master")
        assert system["task_details"][0]["name"] == "IDLE0"
        assert system["heap_used"] < system["heap_total"]
        network = await client.get("/api/network/status")
        assert network["network_mac"] == "02:00:5E:4A:7C:31"
        assert network["network_hostname"] == system["hostname"] == "OpenDTU-4A7C31"
        assert (await client.get("/api/mqtt/status"))["mqtt_enabled"] is False
        assert (await client.get(f"/api/gridprofile/status?inv={FIRST}"))["sections"][0]["items"][0]["v"] == 230
        assert (await client.get("/api/gridprofile/status?inv=1"))["sections"] == []
        assert set(map(type, (await client.get(f"/api/gridprofile/rawdata?inv={FIRST}"))["raw"])) == {int}


async def test_settings(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        listed = (await client.get("/api/inverter/list", admin=True))["inverter"]
        assert [(each["id"], each["serial"], each["name"]) for each in listed] == [
            (0, FIRST, "Battery west"),
            (1, SECOND, "Battery east"),
            (2, THIRD, "Battery shed"),
        ]
        assert listed[0]["channel"] == [{"name": "Bus", "max_power": 0, "yield_total_offset": 0}]
        assert listed[0]["type"] == "HM-300/350/400-1T"
        assert listed[0]["command_enable"] is listed[0]["poll_enable_night"] is True
        configuration = await client.get("/api/dtu/config", admin=True)
        assert (configuration["serial"], configuration["pollinterval"]) == ("199980174020", 5)

        changed = {**listed[1], "name": "Roof", "command_enable": False}
        changed["channel"] = [{"name": "String", "max_power": 500, "yield_total_offset": 12.5}]
        for key in ("order", "type"):
            del changed[key]
        assert (await client.post("/api/inverter/edit", changed))["code"] == 4007
        sim.advance(20)
        found = await client.inverter(SECOND)
        assert (found["name"], found["DC"]["0"]["name"]["u"]) == ("Roof", "String")
        assert found["DC"]["0"]["Irradiation"]["max"] == 500
        assert found["INV"]["0"]["YieldTotal"]["v"] == pytest.approx(262.5, abs=0.1)
        assert (await client.get("/api/inverter/list", admin=True))["inverter"][1]["command_enable"] is False


async def test_inverters_come_and_go(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        sim.add_inverter(("112174020099", "New", 400))
        sim.remove_inverter(SECOND)
        sim.advance(30)
        found = (await client.get(LIVE))["inverters"]
        assert [each["serial"] for each in found] == [FIRST, THIRD, "112174020099"]
        assert (found[2]["reachable"], found[2]["limit_absolute"]) == (True, 0)
        assert len(sim.house.micro_inverters) == 3
        with pytest.raises(KeyError):
            sim.view(SECOND)


async def test_radio_counters_are_cleared(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        sim.advance(60)
        assert (await client.inverter())["radio_stats"]["rx_success"] >= 3
        answer = await client.get(f"/api/inverter/stats_reset?inv={FIRST}", admin=True)
        assert answer == {"type": "success", "message": "Stats resetted", "code": 4010}
        assert (await client.inverter())["radio_stats"]["rx_success"] == 0
        assert (await client.inverter(SECOND))["radio_stats"]["rx_success"] >= 3


async def test_metrics(socket_enabled: None) -> None:
    async with dtu() as (_, client):
        answer = await client.raw("/api/prometheus/metrics")
        assert answer.content_type == "text/plain"
        lines = (await answer.text()).splitlines()
        wanted = f'opendtu_YieldTotal{{serial="{FIRST}",name="Battery west",type="INV",channel="0",unit="kWh"}} 250'
        assert wanted in lines


# Replies to writes


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ('{"serial":', 1004),
        ("", 1004),
        ("5", 1005),
        ({"serial": FIRST, "limit_type": 1}, 1005),
        ({"serial": 112174020011, "limit_type": 1, "limit_value": 50}, 1005),
        ({"serial": FIRST, "limit_type": 1.5, "limit_value": 50}, 1005),
        ({"serial": FIRST, "limit_type": -1, "limit_value": 50}, 1005),
        ({"serial": FIRST, "limit_type": "1", "limit_value": 50}, 1005),
        ({"serial": FIRST, "limit_type": True, "limit_value": 50}, 1005),
        ({"serial": FIRST, "limit_type": 1, "limit_value": "50"}, 1005),
        ({"serial": "0", "limit_type": 99, "limit_value": 9999}, 5001),
        ({"serial": "roof", "limit_type": 99, "limit_value": 9999}, 5001),
        ({"serial": "999999999999", "limit_type": 99, "limit_value": 2251}, 5002),
        ({"serial": "999999999999", "limit_type": 257, "limit_value": 50}, 5003),
        ({"serial": "999999999999", "limit_type": 4, "limit_value": 50}, 5003),
        ({"serial": "999999999999", "limit_type": 1, "limit_value": 50}, 5004),
        ({"serial": FIRST, "limit_type": 1, "limit_value": 50}, 1001),
        ({"serial": "00" + FIRST.upper(), "limit_type": 0, "limit_value": 2250}, 1001),
        ({"serial": FIRST, "limit_type": 1, "limit_value": -5}, 1001),
    ],
)
async def test_limit_checks_in_their_order(socket_enabled: None, data: Any, code: int) -> None:
    async with dtu() as (sim, client):
        answer = await client.post(LIMIT, data)
        assert answer["code"] == code
        assert answer["type"] == ("success" if code == 1001 else "warning")
        assert len(sim.limit_commands) == (code == 1001)
        if code == 5002:
            assert answer == {
                "type": "warning",
                "message": "Limit must between 0 and 2250!",
                "code": 5002,
                "param": {"max": 2250},
            }


async def test_the_form(socket_enabled: None) -> None:
    body = json.dumps({"serial": FIRST, "limit_type": 1, "limit_value": 50})
    async with dtu() as (_, client):

        async def code(**options: Any) -> int:
            headers = {**client.credentials, **options.pop("headers", {})}
            answer = await client.session.post(client.url + LIMIT, headers=headers, **options)
            return int(json.loads(await answer.read())["code"])

        import aiohttp

        multipart = aiohttp.FormData()
        multipart.add_field("data", body, content_type="text/plain")
        assert await code(data=multipart()) == 1001
        assert await code(data={"data": body}) == 1001
        assert await code(data={"other": body}) == 1002
        assert await code(data=body.encode(), headers={"Content-Type": "application/json"}) == 1002
        assert await code(data=body.encode(), headers={"Content-Type": "text/plain"}) == 1002
        assert await code() == 1002


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"serial": FIRST}, 1005),
        ({"power": True}, 1005),
        ({"serial": FIRST, "power": 1}, 1005),
        ({"serial": "0", "power": True}, 11001),
        ({"serial": "999999999999", "power": True}, 11002),
        ({"serial": FIRST, "power": False}, 1001),
        ({"serial": FIRST, "restart": True}, 1001),
    ],
)
async def test_power_checks(socket_enabled: None, data: Any, code: int) -> None:
    async with dtu() as (sim, client):
        assert (await client.post("/api/power/config", data))["code"] == code
        assert len(sim.commands) == (code == 1001)
        assert sim.limit_commands == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": "0"}, 1005),
        ({"channel": None}, 1005),
        ({"serial": "0"}, 4001),
        ({"name": ""}, 4002),
        ({"name": "x" * 32}, 4002),
        ({"id": 7}, 4005),
        ({"channel": []}, 4006),
        ({}, 4007),
    ],
)
async def test_edit_checks(socket_enabled: None, change: dict[str, Any], code: int) -> None:
    whole = {"id": 0, "serial": FIRST, "name": "West", "channel": [{"name": "", "max_power": 0}]}
    async with dtu() as (_, client):
        assert (await client.post("/api/inverter/edit", whole | change))["code"] == code


async def test_other_replies(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        assert (await client.post("/api/maintenance/reboot", {"reboot": False}))["code"] == 6002
        assert (await client.post("/api/maintenance/reboot", {"reboot": 1}))["code"] == 1005
        assert (await client.get("/api/security/authenticate", admin=True))["code"] == 10002
        sim.advance(5)
        assert sim.dtu.boots == 0


async def test_two_radios_work_side_by_side(socket_enabled: None) -> None:
    specs = [InverterSpec(FIRST, "West", 400), InverterSpec("114491000001", "East", 800)]
    async with dtu(inverters=specs, radio=CLEAR) as (sim, client):
        sim.faults.set("unreachable", 0)
        for serial in (FIRST, "114491000001"):
            await client.limit(serial, 40)
        sim.advance(1)
        assert (await client.limits(FIRST))["limit_set_status"] == "Pending"
        assert (await client.limits("114491000001"))["limit_set_status"] == "Ok"
        found = (await client.get(LIVE))["inverters"]
        assert found[0]["radio_stats"]["rssi"] in (-30, -80)
        assert found[1]["radio_stats"]["rssi"] == -71
        assert (await client.get("/api/system/status"))["cmt_configured"] is True
