"""A GX's registers to values and back: the reference's worked frames, the zero that may be none, decoding, tables."""

import csv
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.errors import BadAnswerError, SolarError, ValueKindError
from custom_components.local_solar.solarlink.points import Access, Quantity, Risk, Wear
from custom_components.local_solar.solarlink.victron_gx import FAMILY
from custom_components.local_solar.solarlink.victron_gx.alarms import ALARM_NAMES
from custom_components.local_solar.solarlink.victron_gx.codec import number_of, raw_of, text_of, words_for
from custom_components.local_solar.solarlink.victron_gx.decode import DECODERS
from custom_components.local_solar.solarlink.victron_gx.facts import Facts
from custom_components.local_solar.solarlink.victron_gx.layout import Layout, halves
from custom_components.local_solar.solarlink.victron_gx.making import companions, make
from custom_components.local_solar.solarlink.victron_gx.points import POINTS, points_of
from custom_components.local_solar.solarlink.victron_gx.registers import MAPS, SPANS, Form, Service
from custom_components.local_solar.solarlink.victron_gx.source import GxPoint
from tests.tries import TRIES

SHARED = Path(__file__).parents[3] / "shared" / "protocols" / "victron_gx" / "registers.csv"
NAME = "Victron GX registers"
EXAMPLES = 400
SYSTEM, SETTINGS, BATTERY, VEBUS = (MAPS[service] for service in Service)


def decode(what: str, text: str, **options: str) -> dict[str, Any]:
    decoded = dict(DECODERS[what](text, options))
    assert decoded.keys() == {"values", "failed"}
    return decoded


def made(kind: str, key: str, **numbers: float) -> Any:
    """The value of a point while its registers hold these numbers; the others hold zero."""
    point = points_of(kind)[key]
    known = {*point.address.registers, *companions(point)}
    assert numbers.keys() <= known
    return make(point, lambda register: numbers.get(register, 0) if register in known else None)


# Reference section 2.3


def test_the_first_worked_frame() -> None:
    decoded = decode("system", "00 01 00 00 00 0d 64 03 0a 02 0b ff d6 ff 24 00 3f 00 02", address="840")
    assert decoded["values"] == {
        "system": {
            "battery_voltage": 52.3,
            "battery_current": -4.2,
            # The GX counts charging as positive, the Energy dashboard discharging.
            "battery_power": 220.0,
            "state_of_charge": 63.0,
            "battery_direction": "discharging",
        }
    }
    assert decoded["failed"] == {}


def test_the_second_worked_frame() -> None:
    decoded = decode("battery", "00030000000be10308021401b800fa0190", address="0x131")
    assert decoded["values"] == {
        "battery": {
            "charge_voltage_limit": 53.2,
            "discharge_voltage_limit": 44.0,
            "charge_current_limit": 25.0,
            "discharge_current_limit": 40.0,
        }
    }


def test_the_refusals() -> None:
    assert decode("battery", "00 04 00 00 00 03 e1 83 02")["failed"] == {
        "battery": {"function 3": "it has no such register, or does not take writes (02)"}
    }
    assert decode("system", "00 05 00 00 00 03 63 83 0b")["failed"] == {
        "system": {"function 3": "no service answers at this unit id (0B)"}
    }


def test_numbers_of_the_reference() -> None:
    assert number_of(SYSTEM["consumed_charge"], [1234]) == -123.4
    assert number_of(SYSTEM["time_to_go"], [36]) == 3600.0
    assert number_of(VEBUS["input_power_l1"], [0xFFF4]) == -120.0
    assert number_of(SETTINGS["maximum_feed_in_power"], [0xFFFF, 0xFFFF]) == -1.0
    assert number_of(SETTINGS["maximum_feed_in_power"], [0x0001, 0x86A0]) == 100_000.0
    assert words_for(SETTINGS["maximum_feed_in_power"], -1.0) == [0xFFFF, 0xFFFF]
    assert words_for(SETTINGS["maximum_discharge_power"], 70_000) == [0x0001, 0x1170]
    assert words_for(SETTINGS["ess_set_point"], -250.0) == [0xFF06]
    assert words_for(SETTINGS["minimum_state_of_charge"], 35.0) == [350]
    assert text_of([0x6330, 0x3631, 0x3961]) == "c0619a"
    assert text_of([0xC3BC, 0x6200]) == "üb"
    # A text that was cut off within a character.
    assert text_of([0x41C3]) == "A"
    assert text_of([0x0741]) == ""


@pytest.mark.parametrize(
    ("map_", "key", "words"),
    [
        (SYSTEM, "grid_l1", [0x7FFE]),
        (SYSTEM, "grid_l1", [0x7FFF]),
        (SYSTEM, "pv_power", [0xFFFE]),
        (BATTERY, "charged_energy", [0xFFFE]),
        (SETTINGS, "maximum_feed_in_power", [0x7FFF, 0xFFFE]),
    ],
)
def test_what_is_too_large_for_its_register_is_no_value(map_: Any, key: str, words: list[int]) -> None:
    assert number_of(map_[key], words) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ess_set_point", 32766),
        ("ess_set_point", -32769),
        ("ess_set_point", "50"),
        ("ess_set_point", True),
        ("ess_set_point", float("nan")),
        ("minimum_state_of_charge", -1),
        ("minimum_state_of_charge", 10**400),
        ("system_name", 1),
    ],
)
def test_what_a_register_cannot_hold(key: str, value: Any) -> None:
    with pytest.raises(ValueKindError):
        words_for(SETTINGS[key], value)


@pytest.mark.parametrize(("key", "words"), [("grid_l1", []), ("grid_l1", [1, 2]), ("serial", [1] * 6)])
def test_what_is_no_number(key: str, words: list[int]) -> None:
    with pytest.raises(BadAnswerError):
        raw_of(SYSTEM[key], words)


# Zero


def test_a_zero_is_real_only_with_a_battery() -> None:
    assert made("battery", "charge_current_limit", charge_current_limit=25.0, voltage=52.0) == 25.0
    assert made("battery", "charge_current_limit", voltage=52.0) == 0
    assert made("battery", "charge_current_limit") is None
    assert made("battery", "state_of_charge", voltage=52.0) == 0
    assert made("battery", "state_of_charge") is None
    assert made("system", "battery_power", battery_power=-220.0, battery_voltage=52.3) == 220.0
    assert made("system", "battery_power") is None
    assert made("system", "battery_direction", battery_voltage=52.3) == "idle"
    assert made("system", "battery_direction") is None


def test_a_zero_that_cannot_be() -> None:
    for key, register in (
        ("battery_voltage", "voltage"),
        ("battery_temperature", "temperature"),
        ("state_of_health", "state_of_health"),
        ("charge_voltage_limit", "charge_voltage_limit"),
        ("lowest_cell_voltage", "lowest_cell_voltage"),
    ):
        assert made("battery", key) is None
        assert made("battery", key, **{register: 3.3}) == 3.3
    assert made("battery", "cell_voltage_spread", highest_cell_voltage=3.4) is None
    assert made("battery", "cell_voltage_spread", highest_cell_voltage=3.4, lowest_cell_voltage=3.35) == 0.05


def test_charging_is_forbidden_only_if_the_limit_says_so_too() -> None:
    assert made("battery", "charge_enabled", voltage=52.0, charge_allowed=1, charge_current_limit=25.0) is True
    assert made("battery", "charge_enabled", voltage=52.0) is False
    # A battery that does not tell whether it may be charged, but how much.
    assert made("battery", "charge_enabled", voltage=52.0, charge_current_limit=25.0) is None
    assert made("battery", "charge_enabled") is None


def test_whatever_is_below_zero_is_no_limit() -> None:
    assert made("system", "maximum_discharge_power", maximum_discharge_power=-10.0) == -1.0
    assert made("system", "maximum_discharge_power", maximum_discharge_power=0.0) == 0.0
    assert made("system", "maximum_discharge_power", maximum_discharge_power=800.0) == 800.0


def test_sums_and_flags() -> None:
    assert made("system", "grid_power", grid_l1=-300.0, grid_l2=120.0, grid_l3=60.0) == -120.0
    assert made("system", "pv_total_power", pv_power=900.0, pv_on_output_l1=250.0) == 1150.0
    assert made("system", "feed_in_ac_excess", prevent_ac_excess=1) is False
    assert made("system", "feed_in_ac_excess", prevent_ac_excess=0) is True
    assert made("system", "feed_in_dc_excess", feed_in_dc_excess=1) is True


@pytest.mark.parametrize(
    ("kind", "key", "register", "code", "slug"),
    [
        ("vebus", "vebus_state", "state", 9, "inverting"),
        ("vebus", "vebus_state", "state", 252, "external_control"),
        ("vebus", "vebus_state", "state", 77, "other"),
        ("vebus", "vebus_input", "active_input", 240, "disconnected"),
        ("vebus", "vebus_mode", "mode", 3, "on"),
        ("vebus", "vebus_mode", "mode", 9, None),
        ("system", "active_input", "active_input", 240, "not_connected"),
        ("system", "ess_mode", "ess_mode", 3, "external_control"),
        ("system", "ess_mode", "ess_mode", 0, None),
        ("system", "ess_state", "battery_life_state", 3, "self_consumption"),
        ("battery", "low_voltage_alarm", "low_voltage_alarm", 1, "warning"),
        ("battery", "low_voltage_alarm", "low_voltage_alarm", 2, "alarm"),
        ("battery", "low_voltage_alarm", "low_voltage_alarm", 5, "alarm"),
        ("vebus", "overload_alarm", "overload_alarm_l2", 1, "warning"),
    ],
)
def test_codes(kind: str, key: str, register: str, code: int, slug: str | None) -> None:
    assert made(kind, key, **{register: code}) == slug


def test_alarms_together() -> None:
    assert made("battery", "battery_problem") is False
    assert made("battery", "active_alarms") == ""
    assert made("battery", "battery_problem", contactor_alarm=1) is True
    assert made("battery", "active_alarms", contactor_alarm=1, low_voltage_alarm=2) == (
        "Low voltage (alarm), Contactor (warning)"
    )
    assert made("vebus", "active_alarms", overload_alarm_l3=1) == "Overload L3 (warning)"
    assert made("vebus", "vebus_problem", error=17) is True


@pytest.mark.parametrize(
    ("state", "powers", "islanded"),
    [(9, (80, 30, 0), True), (9, (100, 0, 0), False), (9, (60, 20, 20), False), (3, (900, 0, 0), False)],
)
def test_a_house_on_its_own_inverter(state: int, powers: tuple[int, ...], islanded: bool) -> None:
    given = {f"output_power_l{phase}": power for phase, power in enumerate(powers, 1)}
    assert made("vebus", "on_own_inverter", state=state, **given) is islanded


# Decoding


def test_decoding_a_setting_and_an_answer_to_a_write() -> None:
    assert decode("system", "0001 0000 0006 64 06 0a8c ff06")["values"] == {"system": {"ess_set_point": -250.0}}
    assert decode("system", "0001 0000 0006 64 10 0aa0 0002")["values"] == {
        "system": {"written": ["maximum_discharge_power"]}
    }
    limit = decode("system", "0001 0000 0007 64 04 04 ffff ffff", address="2720")
    assert limit["values"] == {"system": {"maximum_discharge_power": -1.0}}


def test_decoding_what_belongs_to_no_point() -> None:
    text = "0001 0000 000f 64 03 0c 6330 3631 3961 6234 6535 3837"
    assert decode("system", text, address="800")["values"] == {"system": {"serial": "c0619ab4e587"}}
    alarm = decode("battery", "0001 0000 0005 e1 03 02 0002", address="278")
    assert alarm["values"] == {"battery": {"fuse_blown_alarm": 2}}


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("", {}, "no Modbus TCP frame"),
        ("zz", {}, "not hex"),
        ("00 01 00 00 00 0d 64 03", {"address": "840"}, "no whole"),
        ("00 01 00 01 00 05 64 03 02 00 01", {"address": "840"}, "no whole"),
        ("00 01 00 00 00 05 64 03 02 00 01", {}, "give the first --address"),
        ("00 01 00 00 00 05 64 03 02 00 01", {"address": "here"}, "no address"),
        ("00 01 00 00 00 05 64 03 04 00 01", {"address": "840"}, "are announced"),
        ("00 01 00 00 00 05 64 2b 02 00 01", {"address": "840"}, "no reply of a GX"),
    ],
)
def test_input_that_cannot_be_decoded(text: str, options: dict[str, str], reason: str) -> None:
    with pytest.raises(BadAnswerError, match=reason):
        decode("system", text, **options)


@given(
    st.sampled_from(sorted(DECODERS)),
    st.binary(max_size=40),
    st.integers(0, 6000),
    st.sampled_from([3, 4, 6, 16, 0x83, 0x90]),
)
@settings(max_examples=EXAMPLES, deadline=None)
def test_whatever_comes_only_our_errors_leave(what: str, data: bytes, address: int, function: int) -> None:
    TRIES[NAME] += 2
    with suppress(SolarError):
        decode(what, data.hex(), address=str(address))
    content = bytes((function, len(data))) + data
    frame = b"\0\1\0\0" + (len(content) + 1).to_bytes(2) + b"\x64" + content
    with suppress(SolarError):
        decode(what, frame.hex(), address=str(address))


@given(st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_numbers_come_back(data: st.DataObject) -> None:
    TRIES[NAME] += 1
    numbers = [register for service in Service for register in MAPS[service] if register.form is not Form.TEXT]
    register = data.draw(st.sampled_from(numbers))
    words = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=register.words, max_size=register.words))
    number = number_of(register, words)
    if number is not None:
        assert words_for(register, number) == words


@given(st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_points_are_made_of_anything(data: st.DataObject) -> None:
    TRIES[NAME] += 1
    point: GxPoint = data.draw(st.sampled_from([each for each in POINTS if each.measured]))
    registers = [MAPS[point.address.service][key] for key in (*point.address.registers, *companions(point))]
    words = {
        each.key: data.draw(st.lists(st.integers(0, 0xFFFF), min_size=each.words, max_size=each.words))
        for each in registers
    }
    value = make(point, lambda key: number_of(MAPS[point.address.service][key], words[key]))
    if point.quantity is Quantity.STATE:
        assert value is None or value in point.options.values()
    elif point.quantity in (Quantity.FLAG, Quantity.PROBLEM):
        assert value is None or isinstance(value, bool)
    elif point.quantity is Quantity.TEXT:
        assert value is None or isinstance(value, str)
    else:
        assert value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def test_the_fuzz_tests_have_tried_enough() -> None:
    if TRIES[NAME]:
        assert TRIES[NAME] >= 4 * EXAMPLES


# Tables


def test_the_maps_are_whole() -> None:
    for service in Service:
        registers = MAPS[service].ordered
        assert len(MAPS[service].by_key) == len(registers) > 0
        for one, following in pairwise(registers):
            assert one.end <= following.address
        for register in registers:
            assert any(first <= register.address and register.end - 1 <= last for first, last in SPANS[service])
            assert register.divisor
    assert {(service, key) for service, key in ALARM_NAMES if key not in MAPS[service].by_key} == set()


def test_the_maps_are_those_of_the_reference() -> None:
    if not SHARED.exists():
        pytest.skip("the protocol reference is not here")
    rows = list(csv.DictReader(SHARED.read_text(encoding="utf-8").splitlines()))
    known = {(row["service"], int(row["register"])): row for row in rows}
    types = {"u16": "uint16", "i16": "int16", "u32": "uint32", "i32": "int32", "text": "string"}
    for service in Service:
        for register in MAPS[service]:
            row = known[service.value, register.address]
            assert (int(row["words"]), row["type"]) == (register.words, types[register.form.value]), register.key
            assert Fraction(row["divisor"]) == register.divisor
            assert row["access"] == "W" or not register.writable
        covered = {
            address
            for row in rows
            if row["service"] == service.value
            for address in range(int(row["register"]), int(row["register"]) + int(row["words"]))
        }
        assert all(set(range(first, last + 1)) <= covered for first, last in SPANS[service])


def test_points_are_what_their_registers_allow() -> None:
    keys = [(point.unit_kind, point.key) for point in POINTS]
    assert len(set(keys)) == len(keys)
    for point in POINTS:
        first = MAPS[point.address.service][point.address.registers[0]]
        assert point.address.number == first.address
        if point.measured:
            assert all(key in MAPS[point.address.service].by_key for key in point.address.registers)
        if point.access is Access.READ_WRITE:
            assert first.writable
            assert point.wear is Wear.FLASH
            if point.maximum is not None:
                assert point.minimum is not None
                words_for(first, point.minimum)
                words_for(first, point.maximum)
    assert {point.key for point in POINTS if point.risk is Risk.OUTAGE} == {"vebus_mode"}
    assert {point.key for point in POINTS if point.risk is Risk.INSTALLER} == {
        "maximum_feed_in_power",
        "ess_mode",
        "feed_in_dc_excess",
        "feed_in_ac_excess",
    }
    assert FAMILY.points == POINTS


def test_reads_never_span_a_gap_of_the_map() -> None:
    for service in Service:
        layout = Layout(service)
        blocks = layout.blocks(MAPS[service])
        assert sum(len(block) for block in blocks) == len(MAPS[service].ordered)
        for block in blocks:
            assert block[-1].end - block[0].address <= 125
            assert any(first <= block[0].address and block[-1].end - 1 <= last for first, last in SPANS[service])
            assert len({layout.group(register) for register in block}) == 1
    # 2709 lies between the two and belongs to another service.
    between = Layout(Service.SETTINGS).blocks([SETTINGS["prevent_ac_excess"], SETTINGS["maximum_discharge_power"]])
    assert len(between) == 2


def test_reads_go_round_what_a_firmware_lacks() -> None:
    wanted = [SYSTEM["grid_l1"], SYSTEM["battery_voltage"], SYSTEM["dc_system_power"]]
    assert len(Layout(Service.SYSTEM).blocks(wanted)) == 1
    assert len(Layout(Service.SYSTEM, walls=(840,)).blocks(wanted)) == 2
    holes = Layout(Service.SYSTEM, holes=(842,))
    assert SYSTEM["battery_power"] not in holes
    assert [len(block) for block in holes.blocks([*wanted, SYSTEM["battery_power"]])] == [2, 1]
    assert holes.group(SYSTEM["battery_power"]) == -1


def test_a_block_is_halved_where_nothing_is_used() -> None:
    block = tuple(Layout(Service.SYSTEM).blocks(MAPS[Service.SYSTEM])[0])
    first, second = halves(block)
    assert first + second == block
    assert first[-1].end < second[0].address
    rest = block[1:5]
    assert halves(rest) == (rest[:2], rest[2:])


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"version": 0},
        {"version": 1, "battery": "x", "vebus": 0, "phases": 1, "holes": {}, "walls": {}},
        {"version": 1, "battery": 1000, "vebus": 0, "phases": 1, "holes": {}, "walls": {}},
        {"version": 1, "battery": 225, "vebus": 0, "phases": 1, "holes": [], "walls": {}},
        {"version": 1, "battery": 225, "vebus": 0, "phases": 1, "holes": {"moon": [1]}, "walls": {}},
        {"version": 1, "battery": 225, "vebus": 0, "phases": 1, "holes": {"system": [None]}, "walls": {}},
    ],
)
def test_facts_of_another_shape(saved: dict[str, Any]) -> None:
    assert Facts.from_dict(saved) is None


def test_facts_come_back() -> None:
    facts = Facts(battery=225, vebus=227, phases=1, holes={"system": [850]}, walls={"battery": [1290]})
    assert Facts.from_dict(facts.as_dict()) == facts
