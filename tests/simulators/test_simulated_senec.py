"""The simulated SENEC's answers on its own wire: sections, writes, buttons, invariants, profiles."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings, strategies as st

from simulators.house import House
from simulators.senec import PROFILES, SenecSimulator
from simulators.senec.wire import decode, encode
from tests.simulators.senec_wire import NIGHT, appliance, ask, number, read, simulator

REAL_PROFILES = [name for name in PROFILES if name != "not_a_senec"]
V3_PROFILES = [name for name in REAL_PROFILES if name.startswith("v3")]
ALL_OFF = ["u8_00", "u8_00", "u8_00", "u8_00"]


# Values


@pytest.mark.parametrize(
    ("kind", "value", "wire"),
    [
        ("fl", 10.0, "fl_41200000"),
        ("fl", -12.0, "fl_C1400000"),
        ("fl", -0.0, "fl_80000000"),
        ("fl", 1.401298464324817e-45, "fl_00000001"),
        ("u8", 56, "u8_38"),
        ("u1", 3816, "u1_0EE8"),
        ("i1", -24, "i1_FFE8"),
        ("i8", -10, "i8_F6"),
        ("i3", 120, "i3_00000078"),
        ("u6", 2239173177680151862, "u6_1F13242436354536"),
        ("st", "a_b", "st_a_b"),
    ],
)
def test_typed_strings_of_the_specification(kind: str, value: float | str, wire: str) -> None:
    assert encode(kind, value) == wire
    assert decode(wire) == value


@pytest.mark.parametrize("text", ["u8_", "fl_41C8", "fl_7FC00000", "status_ok", "FORBIDDEN (level 2)", "u1_00G0", ""])
def test_what_is_no_typed_string(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        decode(text)


# Reading


async def test_answers_in_the_order_of_the_request(socket_enabled: None) -> None:
    async with appliance("v3_duo") as (sim, client):
        body = b'{"WIZARD":{"GUI_LANG":""},"ENERGY":{"ZERO_EXPORT":"","STAT_STATE":""},"BMS":{"SOC":""}}'
        answer = await client.request("POST", "/lala.cgi", body, Content_Type="application/x-www-form-urlencoded")
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert answer.headers["transfer-encoding"] == "chunked"
        assert answer.headers["server"] == "nginx/1.17.7"
        found = answer.json()
        assert [(section, list(fields)) for section, fields in found.items()] == [
            ("WIZARD", ["GUI_LANG"]),
            ("ENERGY", ["ZERO_EXPORT", "STAT_STATE"]),
            ("BMS", ["SOC"]),
        ]
        assert len(found["BMS"]["SOC"]) == 4
        assert answer.body.startswith(b'{"WIZARD":{"GUI_LANG":"u8_00"},')
        (request,) = sim.requests
        assert (request.size, request.scheme, request.cookie) == (len(body), "http", None)
        assert request.fields == ["WIZARD.GUI_LANG", "ENERGY.ZERO_EXPORT", "ENERGY.STAT_STATE", "BMS.SOC"]


@pytest.mark.parametrize(
    ("profile", "body", "answer"),
    [
        ("v3_hybrid", {"NOSUCH": {}}, {"NOSUCH": {"OBJECT_NOT_FOUND": ""}}),
        ("v3_hybrid", {"ENERGY": {"NOSUCH": ""}}, {"ENERGY": {"NOSUCH": "VARIABLE_NOT_FOUND"}}),
        ("v3_hybrid", {"NOSUCH": {"A": ""}}, {"NOSUCH": {"A": "VARIABLE_NOT_FOUND"}}),
        ("v3_hybrid", {"STATISTIC": {}}, {"STATISTIC": {}}),
        ("v3_hybrid", {"STATISTIC": {"LIVE_PV_GEN": ""}}, {"STATISTIC": {"LIVE_PV_GEN": "VARIABLE_NOT_FOUND"}}),
        ("v3_hybrid", {"LOG": {"PASSWORD": ""}}, {"LOG": {"PASSWORD": "FORBIDDEN (level 2)"}}),
        ("v3_hybrid", {"AMPACE": {}}, {"AMPACE": {"OBJECT_NOT_FOUND": ""}}),
        ("v2_1_https", {"STECA": {}, "FILE": {}, "TEST": {}}, {"STECA": {}, "FILE": {}, "TEST": {}}),
        ("v2_1_http", {"PV1": {"POWER_RATIO": ""}}, {"PV1": {"POWER_RATIO": "u3_00000064"}}),
        ("v3_hybrid", {"PV1": {"POWER_RATIO": ""}}, {"PV1": {"POWER_RATIO": "fl_42C80000"}}),
        (
            "v3_hybrid",
            {"PV1": {"INV_MODEL": ""}},
            {"PV1": {"INV_MODEL": ["st_", "st_", "st_END_OF_ARRAY"]}},
        ),
    ],
)
async def test_markers_and_types(
    socket_enabled: None, profile: str, body: dict[str, Any], answer: dict[str, Any]
) -> None:
    async with appliance(profile) as (_sim, client):
        assert await ask(client, body) == answer


async def test_a_brace_too_many_is_answered_and_other_bodies_are_not(socket_enabled: None) -> None:
    async with appliance() as (sim, client):
        assert await ask(client, '{"WIZARD":{"CONFIG_LOADED":""}}}') == {"WIZARD": {"CONFIG_LOADED": "u8_01"}}
        for body in (b"ENERGY=1", b"", b"[1]", b"\xff"):
            assert (await client.request("POST", "/lala.cgi", body)).status == 400
            assert sim.requests[-1].body is None
        assert (await client.request("GET", "/lala.cgi")).status == 400


async def test_the_list_of_sections_is_incomplete(socket_enabled: None) -> None:
    async with appliance("v3_duo_lfp") as (_sim, client):
        found = await ask(client, {"DEBUG": {"SECTIONS": ""}, "PLAIN": {"SECTIONS": ""}, "V": {"SECTIONS": ""}})
        sections = found["PLAIN"]["SECTIONS"]
        assert {"st_ENERGY", "st_BMS", "st_V_DEBUG"} <= set(sections)
        assert "st_AMPACE" not in sections
        assert "CELL_TEMPERATURES_MODULE_A" in (await ask(client, {"AMPACE": {}}))["AMPACE"]


@pytest.mark.parametrize("profile", REAL_PROFILES)
async def test_every_field_of_every_profile_is_a_typed_string(socket_enabled: None, profile: str) -> None:
    async with appliance(profile) as (sim, client):
        found = await ask(client, {section: {} for section in sim.appliance.memory.table})
        wires = [
            element
            for fields in found.values()
            for wire in fields.values()
            for element in (wire if isinstance(wire, list) else [wire])
        ]
        assert len(wires) > 700
        for wire in wires:
            assert wire.startswith("FORBIDDEN") or decode(wire) is not None
        assert sim.device_id.isdigit()
        assert len(sim.device_id) == 25


async def test_device_numbers_and_addresses_differ(socket_enabled: None) -> None:
    simulators = [simulator(name) for name in REAL_PROFILES]
    assert len({sim.device_id for sim in simulators}) == len(REAL_PROFILES)
    assert len({str(sim.wire("WIZARD", "MAC_ADDRESS_BYTES")) for sim in simulators}) == len(REAL_PROFILES)


# Profiles


async def test_lfp_arrays_are_as_long_as_there_are_modules(socket_enabled: None) -> None:
    async with appliance("v3_duo_lfp") as (_sim, client):
        bms = (await ask(client, {"BMS": {}, "AMPACE": {}}))["BMS"]
        assert [len(bms[name]) for name in ("SOC", "VOLTAGE", "CURRENT", "CYCLES")] == [2, 2, 2, 2]
        assert len(bms["CELL_VOLTAGES_MODULE_A"]) == 16
        assert 3000 < number(bms["CELL_VOLTAGES_MODULE_A"][0]) < 3700
        assert "CELL_TEMPERATURES_MODULE_A" not in bms
        assert bms["MANUFACTURER"] == "u8_04"
        warm = await read(client, "AMPACE", "CELL_TEMPERATURES_MODULE_B")
        assert all(150 < number(wire) < 350 for wire in warm)


async def test_rows_without_a_module_are_zeros(socket_enabled: None) -> None:
    async with appliance("v3_wallbox") as (sim, client):
        bms = (await ask(client, {"BMS": {}}))["BMS"]
        assert bms["MODULES_CONFIGURED"] == "u8_03"
        assert [number(wire) > 0 for wire in bms["VOLTAGE"]] == [True, True, True, False]
        assert bms["FW"][3] == "u1_0000"
        assert bms["SERIAL"][3] == "st_"
        assert set(bms["CELL_VOLTAGES_MODULE_D"]) == {"u1_0000"}
        sim.faults.set("module_lost")
        bms = (await ask(client, {"BMS": {}}))["BMS"]
        assert (bms["MODULE_COUNT"], bms["MODULES_CONFIGURED"]) == ("u8_02", "u8_03")
        assert [number(wire) > 0 for wire in bms["VOLTAGE"]] == [True, True, False, False]


async def test_statistic_and_sockets_of_the_old_firmware(socket_enabled: None) -> None:
    async with appliance("v2_1_http") as (sim, client):
        statistic = (await ask(client, {"STATISTIC": {}}))["STATISTIC"]
        before = number(statistic["LIVE_PV_GEN"])
        assert before == pytest.approx(sim.house.counters.solar.total, rel=1e-6)
        sim.advance(2 * 3600)
        assert number(await read(client, "STATISTIC", "LIVE_PV_GEN")) > before + 1
        balance = {name: number(wire) for name, wire in statistic.items() if isinstance(wire, str)}
        brought = balance["LIVE_PV_GEN"] + balance["LIVE_GRID_IMPORT"] + balance["LIVE_BAT_DISCHARGE"]
        used = balance["LIVE_HOUSE_CONS"] + balance["LIVE_GRID_EXPORT"] + balance["LIVE_BAT_CHARGE"]
        assert brought == pytest.approx(used, rel=1e-3)
        assert await read(client, "FEATURES", "SOCKETS") == "u8_01"


async def test_the_second_meter(socket_enabled: None) -> None:
    async with appliance("v2_1_http") as (sim, client):
        assert await read(client, "WIZARD", "DEVICE_PM_HOUSE_ENABLED") == "u8_01"
        assert number(await read(client, "PM1OBJ2", "P_TOTAL")) == pytest.approx(-sim.house.solar_power)
    async with appliance("v3_hybrid") as (_sim, client):
        meter = (await ask(client, {"PM1OBJ2": {}}))["PM1OBJ2"]
        assert meter["P_TOTAL"] == "fl_00000001"
        assert meter["P_AC"] == ["fl_00000001", "fl_00000000", "fl_00000001"]
        assert meter["ENABLED"] == "u8_00"


@pytest.mark.parametrize(("profile", "sensor"), [("v3_hybrid", False), ("v3_duo", True)])
async def test_the_controllers_temperature(socket_enabled: None, profile: str, sensor: bool) -> None:
    async with appliance(profile) as (sim, client):
        wire = await read(client, "TEMPMEASURE", "MCU_TEMP")
        assert (number(wire) > 0) is sensor
        sim.faults.set("no_mcu_sensor")
        assert await read(client, "TEMPMEASURE", "MCU_TEMP") == encode("fl", -158.39)


async def test_australia(socket_enabled: None) -> None:
    async with appliance("v2_australia") as (_sim, client):
        found = await ask(client, {"FACTORY": {"COUNTRY": "", "SYS_TYPE": ""}, "RTC": {"UTC_OFFSET": ""}})
        assert found == {"FACTORY": {"COUNTRY": "u8_02", "SYS_TYPE": "u8_09"}, "RTC": {"UTC_OFFSET": "i3_00000258"}}
        assert "AU2020_FPMAX" in (await ask(client, {"GRIDCONFIG": {}}))["GRIDCONFIG"]


async def test_the_clock_is_local_time(socket_enabled: None) -> None:
    async with appliance() as (sim, client):
        shown = datetime(1970, 1, 1) + (sim.house.now - sim.house.now)  # noqa: DTZ001
        seconds = number(await read(client, "RTC", "WEB_TIME"))
        assert seconds == (sim.house.now - shown).total_seconds()


async def test_an_update_takes_the_counters_away_and_keeps_the_identity(socket_enabled: None) -> None:
    async with appliance("v2_1_http") as (sim, client):
        device = await read(client, "FACTORY", "DEVICE_ID")
        sim.update("v2_1_https")
        assert (await ask(client, {"STATISTIC": {}})) == {"STATISTIC": {}}
        assert await read(client, "WIZARD", "APPLICATION_VERSION") == "st_0825"
        assert await read(client, "FACTORY", "DEVICE_ID") == device


async def test_not_a_senec(socket_enabled: None) -> None:
    async with appliance("not_a_senec") as (_sim, client):
        for method, path in (("POST", "/lala.cgi"), ("GET", "/"), ("GET", "/js/EN-en.js")):
            answer = await client.request(method, path, b"{}" if method == "POST" else b"")
            assert answer.status == 404
            assert answer.headers["content-type"].startswith("text/html")
            assert b"<html>" in answer.body


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="no profile 'v5'"):
        simulator("v5")
    sim = simulator()
    for change in (lambda: sim.wire("ENERGY", "NOSUCH"), lambda: sim.set("NO", "SUCH", "u8_00")):
        with pytest.raises(KeyError):
            change()


# Power flow


def flow(sim: SenecSimulator) -> dict[str, Any]:
    names = ("GRID_POW", "BAT_DATA_POWER", "INVERTER_POWER", "HOUSE_POW", "BAT_DATA_VOLTAGE", "BAT_DATA_CURRENT")
    request = {
        "ENERGY": {**{f"GUI_{name}": "" for name in names}, "GUI_BAT_DATA_FUEL_CHARGE": "", "STAT_STATE": ""},
        "PM1OBJ1": dict.fromkeys(("P_TOTAL", "P_AC", "U_AC", "I_AC", "FREQ"), ""),
        "PV1": dict.fromkeys(("MPP_POWER", "MPP_VOL", "MPP_CUR"), ""),
        "BMS": {"CURRENT": ""},
    }
    return {name: wire for fields in sim.appliance.answer(request).values() for name, wire in fields.items()}


def check_invariants(sim: SenecSimulator) -> None:
    """Check what holds inside one answer, whatever the sun does (reference section 8)."""
    wires = flow(sim)
    value = {name: number(wire) for name, wire in wires.items() if isinstance(wire, str)}
    rows = {name: [number(element) for element in wire] for name, wire in wires.items() if isinstance(wire, list)}
    grid, solar, battery = value["GUI_GRID_POW"], value["GUI_INVERTER_POWER"], value["GUI_BAT_DATA_POWER"]
    product = value["GUI_BAT_DATA_VOLTAGE"] * value["GUI_BAT_DATA_CURRENT"]
    if sim.profile.v3:
        assert abs(grid + solar - battery - value["GUI_HOUSE_POW"]) < 0.001
        assert sum(rows["MPP_POWER"]) == pytest.approx(solar, abs=0.001)
        assert product == pytest.approx(battery, rel=0.001, abs=1e-6)
    else:
        assert battery == pytest.approx(product - 3.6, abs=0.001)
        assert abs(grid + solar - product - value["GUI_HOUSE_POW"]) < 0.001
        assert rows["MPP_POWER"] == [0.0, 0.0, 0.0]
    assert wires["P_TOTAL"] == wires["GUI_GRID_POW"]
    assert sum(rows["P_AC"]) == pytest.approx(value["P_TOTAL"], abs=0.05)
    assert sum(rows["CURRENT"]) == pytest.approx(value["GUI_BAT_DATA_CURRENT"], rel=0.01, abs=1e-6)
    assert value["GUI_HOUSE_POW"] >= 0
    assert 0 <= value["GUI_BAT_DATA_FUEL_CHARGE"] <= 100
    assert all(current >= 0 for current in rows["I_AC"])
    assert all(200 < volts < 260 for volts in rows["U_AC"])
    assert 49.5 < value["FREQ"] < 50.5
    for watts, volts, amperes in zip(rows["MPP_POWER"], rows["MPP_VOL"], rows["MPP_CUR"], strict=True):
        assert volts * amperes == pytest.approx(watts, abs=0.01)
    if sim.house.solar_power == 0:
        assert wires["GUI_INVERTER_POWER"] == "fl_80000000"


# A day is too much to be shrunk in a reasonable time; the first counter-example says enough.
@settings(max_examples=12, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@example(profile="v3_hybrid", seed=1, charge=0.0, steps=[38_150], force=False)
@given(
    profile=st.sampled_from(REAL_PROFILES),
    seed=st.integers(0, 50),
    charge=st.floats(0, 100),
    steps=st.lists(st.integers(60, 9000), min_size=8, max_size=14),
    force=st.booleans(),
)
def test_invariants_hold_over_a_day(profile: str, seed: int, charge: float, steps: list[int], force: bool) -> None:
    house = House(seed=seed, speed=0)
    sim = SenecSimulator(house=house, profile=profile, pace=0.0, speed=0.0)
    house.battery.soc = charge
    if force:
        sim.appliance.answer({"ENERGY": {"SAFE_CHARGE_FORCE": "u8_01"}})
    for step in steps:
        sim.advance(step)
        check_invariants(sim)


def test_a_day_has_a_curve_and_a_night() -> None:
    sim = simulator(start=datetime(2026, 6, 15))  # noqa: DTZ001
    solar, states, negative_zeros = [], set(), 0
    for _hour in range(24):
        sim.advance(3600)
        wires = flow(sim)
        solar.append(number(wires["GUI_INVERTER_POWER"]))
        states.add(number(wires["STAT_STATE"]))
        negative_zeros += wires["GUI_INVERTER_POWER"] == "fl_80000000"
    assert max(solar) > 3000
    assert solar.index(max(solar)) in range(8, 16)
    assert negative_zeros >= 5
    assert {13, 14, 16} <= states


async def test_an_empty_battery_gives_nothing(socket_enabled: None) -> None:
    async with appliance(start=NIGHT) as (sim, client):
        sim.house.battery.soc = 6.0
        sim.advance(60)
        assert await read(client, "ENERGY", "STAT_STATE") == "u8_0F"
        assert await read(client, "ENERGY", "GUI_BAT_DATA_FUEL_CHARGE") == "fl_00000000"
        assert number(await read(client, "ENERGY", "GUI_GRID_POW")) > 200
        assert number(await read(client, "ENERGY", "GUI_BAT_DATA_POWER")) > -50


async def test_a_grid_failure(socket_enabled: None) -> None:
    for profile, state in (("v3_duo", "u8_4B"), ("v3_hybrid", "u8_50")):
        async with appliance(profile) as (sim, client):
            sim.house.grid.connected = False
            sim.advance(10)
            assert await read(client, "ENERGY", "STAT_STATE") == state
            assert await read(client, "PM1OBJ1", "FREQ") == "fl_00000000"


async def test_a_house_that_another_device_steers_is_left_alone(socket_enabled: None) -> None:
    house = House(seed=1, speed=0)
    house.settings.soc_backup = 44.0
    sim = SenecSimulator(house=house, profile="v3_hybrid", pace=0.0, speed=0.0)
    sim.advance(60)
    assert (house.settings.soc_backup, house.battery.capacity, house.settings.grid_feeding_allowed) == (44, 400, False)
    sim.appliance.answer({"ENERGY": {"SAFE_CHARGE_FORCE": "u8_01"}})
    sim.advance(10)
    assert house.settings.soc_backup == 100
    sim.appliance.answer({"ENERGY": {"SAFE_CHARGE_PROHIBIT": "u8_01"}})
    sim.advance(10)
    assert house.settings.soc_backup == 44


# Force charge

START = (
    '{"ENERGY":{"SAFE_CHARGE_FORCE":"u8_01","SAFE_CHARGE_PROHIBIT":"","SAFE_CHARGE_RUNNING":"",'
    '"LI_STORAGE_MODE_START":"","LI_STORAGE_MODE_STOP":"","LI_STORAGE_MODE_RUNNING":""}}'
)
STOP = START.replace('FORCE":"u8_01"', 'FORCE":""').replace('PROHIBIT":""', 'PROHIBIT":"u8_01"')


async def test_force_charge_starts_charges_fills_and_stops(socket_enabled: None) -> None:
    async with appliance(start=NIGHT) as (sim, client):
        sim.house.battery.soc = 40.0
        sim.advance(10)
        assert await ask(client, START) == {
            "ENERGY": {
                "SAFE_CHARGE_FORCE": "u8_01",
                "SAFE_CHARGE_PROHIBIT": "u8_00",
                "SAFE_CHARGE_RUNNING": "u8_00",
                "LI_STORAGE_MODE_START": "u8_00",
                "LI_STORAGE_MODE_STOP": "u8_00",
                "LI_STORAGE_MODE_RUNNING": "u8_00",
            }
        }
        sim.advance(1.5)
        assert await read(client, "ENERGY", "SAFE_CHARGE_FORCE") == "u8_00"
        assert await read(client, "ENERGY", "SAFE_CHARGE_RUNNING") == "u8_00"
        sim.advance(10)
        assert await read(client, "ENERGY", "SAFE_CHARGE_RUNNING") == "u8_01"
        assert await read(client, "ENERGY", "STAT_STATE") == "u8_08"
        assert number(await read(client, "ENERGY", "GUI_BAT_DATA_POWER")) == pytest.approx(2500, rel=0.05)
        assert number(await read(client, "ENERGY", "GUI_GRID_POW")) > 2500
        sim.advance(6 * 3600)
        assert await read(client, "ENERGY", "STAT_STATE") == "u8_09"
        assert number(await read(client, "ENERGY", "GUI_BAT_DATA_FUEL_CHARGE")) == 100
        echo = (await ask(client, STOP))["ENERGY"]
        assert [echo[f"SAFE_CHARGE_{name}"] for name in ("FORCE", "PROHIBIT", "RUNNING")] == ["u8_00", "u8_01", "u8_01"]
        sim.advance(10)
        assert await read(client, "ENERGY", "SAFE_CHARGE_RUNNING") == "u8_00"
        assert await read(client, "ENERGY", "SAFE_CHARGE_PROHIBIT") == "u8_00"
        assert await read(client, "ENERGY", "STAT_STATE") not in ("u8_08", "u8_09")
        assert [(write.field, write.value, write.accepted) for write in sim.writes] == [
            ("SAFE_CHARGE_FORCE", 1, True),
            ("SAFE_CHARGE_PROHIBIT", 1, True),
        ]


async def test_force_charge_faults(socket_enabled: None) -> None:
    async def press(body: str) -> bool:
        await ask(client, body)
        sim.advance(8)
        return sim.force_charging

    async with appliance() as (sim, client):
        sim.faults.set("force_charge_ignored", count=1)
        assert await press(START) is False
        assert await press(START) is True
        sim.faults.set("force_charge_stays", count=1)
        assert await press(STOP) is True
        sim.faults.set("force_charge_restarts", count=1)
        assert await press(STOP) is False
        sim.advance(10)
        assert await read(client, "ENERGY", "SAFE_CHARGE_RUNNING") == "u8_01"
        assert await press(STOP) is False
        sim.advance(60)
        assert await read(client, "ENERGY", "SAFE_CHARGE_RUNNING") == "u8_00"


async def test_the_button_delay_can_be_chosen(socket_enabled: None) -> None:
    async with appliance(button_delay=5.0) as (sim, client):
        await ask(client, START)
        sim.advance(4.9)
        assert not sim.force_charging
        sim.advance(0.2)
        assert sim.force_charging


# Writing


@pytest.mark.parametrize(
    "value", [["u8_01", ""], '["u8_01",""]', ["u8_01"]], ids=["array", "array as text", "short array"]
)
async def test_sockets_by_array(socket_enabled: None, value: object) -> None:
    async with appliance("v2_1_http") as (sim, client):
        request = {"SOCKETS": {"FORCE_ON": value}, "WIZARD": {"CONFIG_MODIFIED_BY_USER": "u8_01"}}
        assert await ask(client, request) == {
            "SOCKETS": {"FORCE_ON": ["u8_01", "u8_00"]},
            "WIZARD": {"CONFIG_MODIFIED_BY_USER": "u8_01"},
        }
        sim.advance(2)
        assert await read(client, "SOCKETS", "POWER_ON") == ["u8_01", "u8_00"]
        assert await read(client, "WIZARD", "CONFIG_MODIFIED_BY_USER") == "u8_00"
        assert sim.saves == 1
        write = sim.writes[0]
        assert (write.section, write.field, write.value, write.index) == ("SOCKETS", "FORCE_ON", 1, 0)


async def test_a_socket_switches_on_surplus_and_at_a_time(socket_enabled: None) -> None:
    async with appliance("v2_1_http", start=datetime(2026, 6, 15, 9, 0)) as (sim, client):  # noqa: DTZ001
        sim.house.battery.soc = 100.0
        sim.house.load_power = 300.0
        await ask(
            client,
            {
                "SOCKETS": {
                    "ENABLE": ["u8_01", "u8_01"],
                    "UPPER_LIMIT": ["u1_0064", ""],
                    "LOWER_LIMIT": ["u1_0032", ""],
                    "TIME_LIMIT": ["u1_0002", ""],
                    "POWER_ON_TIME": ["u1_001E", "u1_003C"],
                    "USE_TIME": ["", "u8_01"],
                    "SWITCH_ON_HOUR": ["", "u8_0B"],
                    "SWITCH_ON_MINUTE": ["", "u8_1E"],
                }
            },
        )
        assert await read(client, "SOCKETS", "POWER_ON") == ["u8_00", "u8_00"]
        switched = []
        for minute in range(150):
            sim.advance(60)
            if sim.wire("SOCKETS", "POWER_ON")[0] == "u8_01":
                switched.append(minute)
        assert len(switched) in (30, 31)
        assert switched[0] >= 2
        assert sim.wire("SOCKETS", "ALREADY_SWITCHED")[0] == "u8_01"
        sim.advance(60)
        assert (await read(client, "SOCKETS", "POWER_ON"))[1] == "u8_01"
        assert 57 <= number((await read(client, "SOCKETS", "TIME_REM"))[1]) <= 60
        sim.advance(3600)
        assert (await read(client, "SOCKETS", "POWER_ON"))[1] == "u8_00"


@pytest.mark.parametrize(
    ("profile", "section", "field", "value", "echo"),
    [
        ("v3_hybrid", "ENERGY", "GUI_BAT_DATA_COLLECTED", "u8_00", "u8_01"),
        ("v3_hybrid", "SOCKETS", "FORCE_ON", ["u8_01", ""], ["u8_00", "u8_00"]),
        ("v2_1_http", "SOCKETS", "SWITCH_ON_HOUR", ["u8_18", ""], ["u8_00", "u8_00"]),
        ("v2_1_http", "SOCKETS", "UPPER_LIMIT", ["u8_18", ""], ["u1_0000", "u1_0000"]),
        ("v2_1_http", "SOCKETS", "UPPER_LIMIT", "u1_0018", ["u1_0000", "u1_0000"]),
        ("v2_1_http", "SOCKETS", "FORCE_ON", ["", "", "u8_01"], ["u8_00", "u8_00"]),
        ("v3_hybrid", "WALLBOX", "PROHIBIT_USAGE", ["u8_01", "", "", ""], ALL_OFF),
        ("v3_wallbox", "WALLBOX", "PROHIBIT_USAGE", ["", "", "u8_01", ""], ALL_OFF),
        ("v3_hybrid", "WIZARD", "PS_RESERVOIR", "u8_65", "u8_00"),
        ("v2_1_https", "WIZARD", "PS_ENABLE", "u8_01", "u8_00"),
        ("v3_hybrid", "WIZARD", "PS_HOUR", "fl_0", "MALFORMED_VALUE"),
        ("v3_hybrid", "WIZARD", "PS_HOUR", "nonsense", "MALFORMED_VALUE"),
        ("v3_hybrid", "WIZARD", "CONFIG_WRITE", "u8_01", "FORBIDDEN (level 2)"),
        ("v3_hybrid", "WIZARD", "NOSUCH", "u8_01", "VARIABLE_NOT_FOUND"),
    ],
)
async def test_refused_writes_keep_the_old_value(
    socket_enabled: None, profile: str, section: str, field: str, value: object, echo: object
) -> None:
    async with appliance(profile) as (sim, client):
        before = await ask(client, {section: {field: ""}})
        assert await ask(client, {section: {field: value}}) == {section: {field: echo}}
        assert await ask(client, {section: {field: ""}}) == before
        assert not any(write.accepted for write in sim.writes)


async def test_what_no_client_may_write_is_taken_and_told(socket_enabled: None) -> None:
    async with appliance() as (sim, client):
        await ask(client, {"ENERGY": {"TEST_CHARGE_DIS_START": "u8_01"}, "BMS": {"START_UPDATE": "u8_01"}})
        assert [(write.field, write.accepted, write.dangerous) for write in sim.writes] == [
            ("TEST_CHARGE_DIS_START", True, True),
            ("START_UPDATE", True, True),
        ]


async def test_write_faults(socket_enabled: None) -> None:
    async with appliance() as (sim, client):
        write = {"WIZARD": {"PS_RESERVOIR": "u8_32"}}
        sim.faults.set("writes_ignored", count=1)
        assert await ask(client, write) == {"WIZARD": {"PS_RESERVOIR": "u8_00"}}
        sim.faults.set("writes_forbidden", count=1)
        assert await ask(client, write) == {"WIZARD": {"PS_RESERVOIR": "FORBIDDEN (level 2)"}}
        assert await ask(client, write) == write


async def test_peak_shaving_keeps_room_in_the_battery(socket_enabled: None) -> None:
    async with appliance(start=datetime(2026, 6, 15, 8, 30)) as (sim, client):  # noqa: DTZ001
        sim.house.battery.soc = 70.0
        await ask(
            client,
            '{"WIZARD":{"PS_ENABLE":"u8_01","PS_RESERVOIR":"u8_32","PS_HOUR":"u8_0D","PS_MINUTE":"u8_1E",'
            '"CONFIG_MODIFIED_BY_USER":"u8_01"}}',
        )
        sim.advance(60)
        assert await read(client, "ENERGY", "STAT_STATE") == "u8_38"
        charge = sim.house.battery.soc
        sim.advance(3 * 3600)
        assert sim.house.battery.soc < charge + 3
        sim.advance(3 * 3600)
        assert sim.house.battery.soc > charge + 10
        assert await read(client, "ENERGY", "STAT_STATE") != "u8_38"


# Wallboxes


async def test_wallbox_modes(socket_enabled: None) -> None:
    async with appliance("v3_wallbox", start=NIGHT) as (sim, client):
        assert await read(client, "WALLBOX", "STATE") == ["u8_A1", "u8_A1", "u8_00", "u8_00"]
        assert await read(client, "WIZARD", "SETUP_NUMBER_WALLBOXES") == "u8_02"
        sim.plug(1)
        assert await read(client, "WALLBOX", "STATE") == ["u8_B2", "u8_A1", "u8_00", "u8_00"]
        without = number(await read(client, "ENERGY", "GUI_GRID_POW"))
        fast = {"PROHIBIT_USAGE": ["u8_00", "", "", ""], "SMART_CHARGE_ACTIVE": ["u8_00", "", "", ""]}
        assert await ask(client, {"WALLBOX": fast}) == {
            "WALLBOX": {"PROHIBIT_USAGE": ALL_OFF, "SMART_CHARGE_ACTIVE": ALL_OFF}
        }
        sim.advance(2)
        assert await read(client, "WALLBOX", "STATE") == ["u8_C2", "u8_A1", "u8_00", "u8_00"]
        power = number((await read(client, "WALLBOX", "APPARENT_CHARGING_POWER"))[0])
        assert power == pytest.approx(3 * 16 * 230)
        assert number(await read(client, "ENERGY", "GUI_GRID_POW")) > without + 10000
        await ask(client, {"WALLBOX": {"PROHIBIT_USAGE": ["u8_01", "", "", ""]}})
        sim.advance(2)
        assert (await read(client, "WALLBOX", "STATE"))[0] == "u8_C1"
        sim.unplug(1)
        assert (await read(client, "WALLBOX", "STATE"))[0] == "u8_A2"


@pytest.mark.parametrize("inside", [True, False])
async def test_the_house_power_with_and_without_the_wallbox(socket_enabled: None, inside: bool) -> None:
    async with appliance("v3_wallbox", wallbox_in_house=inside) as (sim, client):
        sim.plug(2, current=10.0, phases=1)
        sim.advance(2)
        wires = (await ask(client, {"ENERGY": {}}))["ENERGY"]
        names = ("GUI_GRID_POW", "GUI_INVERTER_POWER", "GUI_BAT_DATA_POWER", "GUI_HOUSE_POW")
        grid, solar, battery, house = (number(wires[name]) for name in names)
        assert grid + solar - battery - house == pytest.approx(0 if inside else 2300, abs=0.001)


async def test_solar_charging_follows_the_surplus(socket_enabled: None) -> None:
    async with appliance("v3_wallbox", start=datetime(2026, 6, 15, 11, 0)) as (sim, client):  # noqa: DTZ001
        sim.house.battery.soc = 100.0
        sim.plug(1, phases=1)
        sim.advance(4)
        surplus = -sim.house.grid.power
        assert surplus > 1500
        offered = number((await read(client, "WALLBOX", "SET_ICMAX"))[0])
        assert offered == pytest.approx(min(16, surplus / 230), rel=1e-3)
        assert (await read(client, "WALLBOX", "L1_USED"))[0] == "u8_01"
        assert (await read(client, "WALLBOX", "L2_USED"))[0] == "u8_00"


async def test_the_cloud_takes_its_settings_back(socket_enabled: None) -> None:
    async with appliance("v3_wallbox") as (sim, client):
        locked = {"WALLBOX": {"PROHIBIT_USAGE": ["u8_01", "", "", ""]}}
        await ask(client, locked)
        sim.advance(170)
        assert (await read(client, "WALLBOX", "PROHIBIT_USAGE"))[0] == "u8_01"
        sim.advance(11)
        assert (await read(client, "WALLBOX", "PROHIBIT_USAGE"))[0] == "u8_00"
        await ask(client, locked)
        sim.faults.set("cloud_push")
        assert (await read(client, "WALLBOX", "PROHIBIT_USAGE"))[0] == "u8_00"
        sim.cloud["SMART_CHARGE_ACTIVE"] = ["u8_03", "u8_03", "u8_00", "u8_00"]
        sim.faults.set("cloud_push")
        assert (await read(client, "WALLBOX", "SMART_CHARGE_ACTIVE"))[1] == "u8_03"
    async with appliance("v3_wallbox", cloud_push=None) as (sim, client):
        await ask(client, locked)
        sim.advance(3600)
        assert (await read(client, "WALLBOX", "PROHIBIT_USAGE"))[0] == "u8_01"


async def test_a_wallbox_current_starts_an_insulation_test(socket_enabled: None) -> None:
    async with appliance("v3_wallbox") as (sim, client):
        sim.faults.set("insulation_test", count=1)
        amperes = ["fl_41200000", "", "", ""]
        await ask(client, {"WALLBOX": {"SET_ICMAX": amperes, "MIN_CHARGING_CURRENT": amperes}})
        sim.advance(4)
        assert await read(client, "ENERGY", "STAT_STATE") == "u8_53"
        assert await read(client, "ENERGY", "GUI_INVERTER_POWER") == "fl_80000000"
        sim.advance(64)
        assert await read(client, "ENERGY", "STAT_STATE") != "u8_53"
        assert number(await read(client, "ENERGY", "GUI_INVERTER_POWER")) > 100
