"""Typed strings of the SENEC.Home: vectors, sentinels, damaged bodies, encoding, and anything that could arrive."""

import json
import math
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from custom_components.local_solar.solarlink.errors import (
    BadAnswerError,
    SolarError,
    ValueKindError,
    ValueRangeError,
)
from custom_components.local_solar.solarlink.senec import codec
from custom_components.local_solar.solarlink.senec.codec import (
    Answer,
    Missing,
    Why,
    decode,
    decode_body,
    decode_value,
    encode_request,
    encode_value,
)
from custom_components.local_solar.solarlink.senec.decode import decode_answer
from tests.tries import TRIES

REFERENCE = Path(__file__).parents[3] / "shared" / "protocols" / "senec.md"
EXAMPLES = 600
NAME = "SENEC codec"

thorough = settings(max_examples=EXAMPLES, deadline=None)


# Values


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ("fl_4404601F", 529.501892),
        ("fl_C5C80214", -6400.259766),
        ("fl_41200000", 10.0),
        ("fl_C1400000", -12.0),
        ("u8_38", 56),
        ("u8_FF", 255),
        ("u1_0EE8", 3816),
        ("u1_FFFF", 65535),
        ("u3_0000803D", 32829),
        ("u6_1F13242436354536", 2239173177680151862),
        ("i8_FF", -1),
        ("i8_F6", -10),
        ("i1_FFE8", -24),
        ("i3_00000078", 120),
        ("i3_FFFFFF88", -120),
        ("i8_7F", 127),
        ("i8_80", -128),
    ],
)
def test_numbers(wire: str, value: float) -> None:
    assert decode_value(wire) == pytest.approx(value, rel=1e-8)
    assert decode_value(wire.lower()) == decode_value(wire)


@pytest.mark.parametrize(
    ("wire", "text"), [("st_", ""), ("st_a_b", "a_b"), ("st_V3 LV", "V3 LV"), ("ch_A", "A"), ("st_ü", "ü")]
)
def test_texts_are_split_at_the_first_underscore(wire: str, text: str) -> None:
    assert decode_value(wire) == text


@pytest.mark.parametrize("wire", ["fl_80000000", "fl_00000000", "fl_00000001", "fl_807FFFFF"])
def test_negative_zero_and_denormals_are_a_plain_zero(wire: str) -> None:
    value = decode_value(wire)
    assert value == 0.0
    assert str(value) == "0.0"


@pytest.mark.parametrize("wire", ["fl_7FC00000", "fl_FFC00001", "fl_7F800000", "fl_FF800000"])
def test_what_is_no_number_is_unavailable(wire: str) -> None:
    value = decode_value(wire)
    assert isinstance(value, Missing)
    assert value.why is Why.NOT_A_NUMBER


@pytest.mark.parametrize(
    ("wire", "why", "permanent"),
    [
        ("VARIABLE_NOT_FOUND", Why.UNKNOWN_VARIABLE, True),
        ("OBJECT_NOT_FOUND", Why.UNKNOWN_SECTION, True),
        ("FORBIDDEN", Why.FORBIDDEN, True),
        ("FORBIDDEN (level 2)", Why.FORBIDDEN, True),
        ("MALFORMED_VALUE", Why.MALFORMED, False),
        ("MALFORMED_VALUE u8", Why.MALFORMED, False),
        ("FILE_VARIABLE_NOT_READABLE", Why.NOT_READABLE, False),
        ("er_", Why.ERROR, False),
        ("er_timeout", Why.ERROR, False),
    ],
)
def test_sentinels(wire: str, why: Why, permanent: bool) -> None:
    value = decode_value(wire)
    assert isinstance(value, Missing)
    assert (value.why, value.why.permanent) == (why, permanent)
    assert wire.startswith(value.text)


@pytest.mark.parametrize(
    "wire",
    [
        "", "_", "u8_", "u8", "u8_1", "u8_123", "u8_G0", "u8_+1", "u8_ 1", "u8_1_", "u2_00", "U8_00", "fl_41C8",
        "fl_0", "fl_4404601G", "fl_-1234567", "fl", "status_ok", "i6_0000000000000000", "u8_٣٣", "0x38", "38",
        None, 38, 3.8, True, {}, [],
    ],
)  # fmt: skip
def test_anything_else_costs_only_itself(wire: object) -> None:
    value = decode_value(wire)
    assert isinstance(value, Missing)
    assert value.why is Why.GARBLED
    assert not value.why.permanent


def test_lists_end_at_their_marker() -> None:
    assert decode(["fl_00000000", "st_END_OF_ARRAY"]) == [0.0]
    assert decode(["u8_01", "u8_02", "st_END_OF_ARRAY", "u8_03"]) == [1, 2]
    assert decode(["st_END_OF_ARRAY"]) == []
    mixed = decode(["u8_01", "er_x", "u8_03"])
    assert isinstance(mixed, list)
    assert mixed[0::2] == [1, 3]
    assert isinstance(mixed[1], Missing)


def test_versions_and_addresses() -> None:
    assert codec.version(0x03100014) == "3.16.20"
    assert codec.address(0x0101A8C0) == "192.168.1.1"


# Bodies

BODY: dict[str, Any] = {
    "ENERGY": {"STAT_STATE": "u8_0E", "GUI_GRID_POW": "fl_C2480000", "SAFE_CHARGE_RUNNING": "er_busy"},
    "BMS": {"SOC": ["u1_0032", "u1_0033"], "SERIAL": ["st_", "st_X"]},
    "NOSUCH": {"OBJECT_NOT_FOUND": ""},
    "UPDATE": {},
}


def test_one_bad_field_does_not_cost_the_others() -> None:
    answer = decode_body(json.dumps(BODY).encode())
    assert answer.number("ENERGY", "STAT_STATE") == 14
    assert answer.number("ENERGY", "GUI_GRID_POW") == -50.0
    assert isinstance(answer.get("ENERGY", "SAFE_CHARGE_RUNNING"), Missing)
    assert [answer.number("BMS", "SOC", place) for place in range(3)] == [50, 51, None]
    assert answer.text("BMS", "SERIAL", 1) == "X"


def test_unknown_section_and_omitted_field() -> None:
    answer = decode_body(json.dumps(BODY).encode())
    unknown, omitted = answer.get("NOSUCH", "ANY"), answer.get("UPDATE", "ANY")
    assert isinstance(unknown, Missing)
    assert unknown.why is Why.UNKNOWN_SECTION
    assert isinstance(omitted, Missing)
    assert omitted.why is Why.OMITTED


def test_a_single_value_stands_for_the_first_element() -> None:
    answer = decode_body(b'{"AMPACE":{"MODULE_FAULT_STATE":"u3_00000001"}}')
    assert answer.number("AMPACE", "MODULE_FAULT_STATE", 0) == 1
    assert answer.number("AMPACE", "MODULE_FAULT_STATE", 1) is None
    assert answer.items("AMPACE", "MODULE_FAULT_STATE") == [1]


def test_escaped_quotation_marks() -> None:
    body = json.dumps(BODY).replace('"', '\\"').encode()
    assert decode_body(body).number("ENERGY", "STAT_STATE") == 14


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (json.dumps(BODY).encode()[:-20], "cut off"),
        (json.dumps(BODY).replace('"', '\\"').encode()[:-20], "cut off"),
        (b'{"ENERGY":{"STAT_STATE":"u8_0E" 12:00 [W] text}}', "cut off or damaged"),
        (b"<html><body>404</body></html>", "web page"),
        (b"", "no JSON"),
        (b"[]", "no JSON object"),
        (b'"st_1"', "no JSON object"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"a":' * 100_000, "damaged"),
        (b'{"a":' + b"9" * 5000 + b"}", "damaged"),
    ],
)
def test_what_is_no_answer_is_one_clear_error(body: bytes, reason: str) -> None:
    with pytest.raises(BadAnswerError, match=reason):
        decode_body(body)


def test_sections_that_are_no_objects_are_left_out() -> None:
    assert decode_body(b'{"ENERGY":"u8_00","PV1":{"MPP_AVAIL":"u8_02"}}').values == {"PV1": {"MPP_AVAIL": 2}}


def test_garbled_values_are_named() -> None:
    answer = decode_body(b'{"A":{"B":"zz_1","C":["u8_01","u8_"],"D":"er_x"}}')
    assert sorted(answer.garbled()) == [("A.B", "zz_1"), ("A.C", "u8_")]


def test_two_answers_become_one() -> None:
    whole = decode_body(b'{"A":{"B":"u8_01"}}')
    whole.take(decode_body(b'{"A":{"C":"u8_02"},"D":{"OBJECT_NOT_FOUND":""}}'))
    assert (whole.number("A", "B"), whole.number("A", "C"), whole.unknown_sections) == (1, 2, {"D"})
    assert whole.wire("A", "C") == ["u8_02"]


# Writing


@pytest.mark.parametrize(
    ("kind", "number", "wire"),
    [
        ("u8", 1, "u8_01"),
        ("u1", 3816, "u1_0EE8"),
        ("u3", 0x803D, "u3_0000803D"),
        ("u6", 1, "u6_0000000000000001"),
        ("i8", -10, "i8_F6"),
        ("i1", -24, "i1_FFE8"),
        ("i3", -120, "i3_FFFFFF88"),
        ("fl", 10.0, "fl_41200000"),
        ("fl", 0.0, "fl_00000000"),
        ("fl", -0.0, "fl_00000000"),
        ("fl", 16, "fl_41800000"),
    ],
)
def test_encoding_is_upper_case_and_of_full_width(kind: str, number: float, wire: str) -> None:
    assert encode_value(kind, number) == wire


@pytest.mark.parametrize(
    ("kind", "number"),
    [("u8", 256), ("u8", -1), ("u1", 65536), ("i8", 128), ("i1", -32769), ("u6", 2**64), ("fl", 1e39), ("fl", -1e39)],
)
def test_a_number_that_the_type_cannot_hold(kind: str, number: float) -> None:
    with pytest.raises(ValueRangeError, match="limit"):
        encode_value(kind, number, "limit")


@pytest.mark.parametrize(
    ("kind", "number"),
    [("fl", math.nan), ("fl", math.inf), ("u8", 1.5), ("u8", True), ("st", 1), ("zz", 1), ("", 1), ("u8", "1")],
)
def test_what_is_never_encoded(kind: str, number: Any) -> None:
    with pytest.raises(ValueKindError):
        encode_value(kind, number)


def test_kind_of_a_typed_string() -> None:
    assert [codec.kind_of(each) for each in ("u8_01", "st_x", "er_x", "FORBIDDEN", "u8_", None)] == [
        "u8", "st", "", "", "", "",
    ]  # fmt: skip


def test_requests_are_raw_json_without_blanks() -> None:
    assert encode_request({"ENERGY": {"STAT_STATE": ""}}) == b'{"ENERGY":{"STAT_STATE":""}}'


# The samples of the protocol reference


def samples() -> dict[str, list[str]]:
    """Section number to the answers that it shows."""
    if not REFERENCE.is_file():
        return {}
    text = REFERENCE.read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for part in re.split(r"^### ", text[text.index("## 12.") : text.index("## 13.")], flags=re.MULTILINE)[1:]:
        lines = [line for fence in re.findall(r"```\n(.*?)```", part, re.DOTALL) for line in fence.splitlines()]
        quoted = [] if lines else re.findall(r"answers `(\{.*?\})`", part)
        # A request asks with empty values; an answer has none of these first.
        answers = [line for line in lines if line.startswith("{") and not re.match(r'\{"\w+":\{"\w+":""', line)]
        found[part.split()[0]] = answers + quoted
    return found


SAMPLES = samples()
sampled = pytest.mark.skipif(not SAMPLES, reason="the protocol reference with its samples is not on this machine")


def shown(section: str, place: int = 0) -> dict[str, Any]:
    content: dict[str, Any] = decode_answer(SAMPLES[section][place], {})["values"]
    return content


@sampled
def test_the_reference_shows_these_samples() -> None:
    assert {section: len(answers) for section, answers in SAMPLES.items()} == {
        "12.1": 1, "12.2": 1, "12.3": 1, "12.4": 2, "12.5": 1, "12.6": 2, "12.7": 1, "12.8": 1, "12.9": 1, "12.10": 2,
    }  # fmt: skip


@sampled
def test_sample_of_a_duo_at_day() -> None:
    values = shown("12.1")
    root, battery = values["appliance"], values["battery"]
    assert root["system_state"] == "peak_shaving_wait"
    assert root["state_code"] == 56
    assert battery["battery_power"] == pytest.approx(-529.50, abs=0.01)
    assert battery["battery_current"] == pytest.approx(9.82, abs=0.001)
    assert battery["battery_voltage"] == pytest.approx(53.92, abs=0.001)
    assert battery["state_of_charge"] == pytest.approx(65.66, abs=0.01)
    assert root["grid_power"] == pytest.approx(-6400.26, abs=0.01)
    assert root["house_power"] == pytest.approx(729.42, abs=0.01)
    assert root["pv_power"] == pytest.approx(7659.18, abs=0.01)
    assert root["grid_power"] + root["pv_power"] + battery["battery_power"] == pytest.approx(
        root["house_power"], abs=0.01
    )
    assert values["inverter"]["mpp_1_power"] + values["inverter"]["mpp_3_power"] == pytest.approx(root["pv_power"])
    assert root["operating_hours"] == 32829
    assert root["feed_in_limit"] == 100.0
    assert root["case_temperature"] == pytest.approx(34.53, abs=0.01)
    assert root["device_clock"].isoformat() == "2024-08-23T10:11:19+00:00"
    assert [values[f"wallbox_{number}"]["charging_power"] for number in range(1, 5)] == [0.0] * 4


@sampled
def test_sample_of_a_night() -> None:
    values = shown("12.2")
    assert values["appliance"]["system_state"] == "battery_empty"
    assert values["battery"]["battery_power"] == pytest.approx(0.459, abs=0.001)
    assert values["battery"]["state_of_charge"] == 0.0
    assert values["appliance"]["grid_power"] == pytest.approx(675.01, abs=0.01)
    assert str(values["appliance"]["pv_power"]) == "0.0"
    assert values["appliance"]["operating_hours"] == 1234


@sampled
def test_sample_of_lifetime_energy() -> None:
    values = shown("12.3")
    assert values["battery"]["battery_energy_in_counter"] == pytest.approx(94.031, abs=0.001)
    assert values["battery"]["battery_energy_out_counter"] == pytest.approx(87.120, abs=0.001)
    root = values["appliance"]
    assert root["grid_export_energy_counter"] == pytest.approx(88.274, abs=0.001)
    assert root["grid_import_energy_counter"] == pytest.approx(1588.704, abs=0.001)
    assert root["house_energy_counter"] == pytest.approx(1799.617, abs=0.001)
    assert root["pv_energy_counter"] == pytest.approx(314.571, abs=0.001)
    assert values["STATISTIC"]["MEASURE_TIME"] == 1638513061


@sampled
def test_sample_of_the_grid_meter_and_the_inverter() -> None:
    meter = shown("12.4")["grid_meter"]
    assert meter["frequency"] == pytest.approx(50.03)
    assert [meter[f"power_l{n}"] for n in (1, 2, 3)] == pytest.approx([-494.10, 119.51, 312.15], abs=0.01)
    assert meter["meter_power"] == pytest.approx(-62.44)
    assert [meter[f"voltage_l{n}"] for n in (1, 2, 3)] == pytest.approx([235.0, 233.7, 234.2])
    inverter = shown("12.4", 1)["inverter"]
    assert inverter["mpp_1_voltage"] == pytest.approx(356.399, abs=0.001)
    assert (inverter["startup_state_1"], inverter["startup_state_2"]) == ("run_grid", "sleep")
    assert shown("12.4", 1)["appliance"]["feed_in_limit"] == 100


@sampled
def test_sample_at_noon() -> None:
    values = shown("12.5")
    assert values["appliance"]["system_state"] == "battery_full"
    assert values["battery"]["battery_power"] == pytest.approx(0.535, abs=0.001)
    assert values["appliance"]["pv_power"] == pytest.approx(4917.64, abs=0.01)
    assert values["appliance"]["grid_power"] == pytest.approx(-4277.05, abs=0.01)
    assert values["battery"]["state_of_charge"] == 70.0


@sampled
def test_samples_of_force_charge_and_wallbox() -> None:
    assert [shown("12.6", place)["appliance"]["force_charge"] for place in (0, 1)] == [False, True]
    assert shown("12.7")["wallbox_1"] == {
        "charging_power": 0.0, "vehicle_connected": False,
        "phase_1_used": False, "phase_2_used": False, "phase_3_used": False,
    }  # fmt: skip


@sampled
def test_sample_of_four_modules() -> None:
    values = shown("12.8")
    modules = [values[f"battery_module_{number}"] for number in range(1, 5)]
    assert [each["discharge_current_limit"] for each in modules] == [12.0] * 4
    assert [each["highest_cell_voltage"] for each in modules] == [3.816, 3.816, 3.816, 3.818]
    assert [each["lowest_cell_voltage"] for each in modules] == [3.808, 3.808, 3.808, 3.809]
    assert [each["cell_voltage_spread"] for each in modules] == [0.008, 0.008, 0.008, 0.009]
    battery = values["battery"]
    assert (battery["lowest_cell_temperature"], battery["highest_cell_temperature"]) == (23.0, 27.0)
    assert (battery["module_charge_power"], battery["module_discharge_power"]) == (625.0, 1250.0)
    assert battery["battery_temperature"] == 27.0
    assert values["appliance"]["control_unit_image"] == "2309"
    assert values["appliance"]["controller_temperature"] is None
    assert values["appliance"]["case_temperature"] == pytest.approx(27.45, abs=0.01)


@sampled
def test_sample_of_the_battery_inverter() -> None:
    battery = shown("12.9")["battery"]
    assert battery["battery_inverter_current"] == pytest.approx(2.886, abs=0.001)
    assert battery["battery_inverter_voltage"] == pytest.approx(46.895, abs=0.001)
    assert (battery["battery_inverter_temperature_1"], battery["battery_inverter_temperature_2"]) == (37, 38)
    versions = [battery[f"inverter_{part}_version"] for part in ("hmi", "pu", "bdc")]
    assert versions == ["3.16.20", "4.3.10", "5.4.6"]


@sampled
def test_samples_of_errors() -> None:
    assert decode_answer(SAMPLES["12.10"][0], {})["failed"] == {"NOSUCH": {"*": "OBJECT_NOT_FOUND"}}
    assert decode_answer(SAMPLES["12.10"][1], {})["failed"] == {"ENERGY": {"NOSUCH": "VARIABLE_NOT_FOUND"}}


# The command line's decoder


def test_decoder_shows_points_under_units_and_the_rest_under_sections() -> None:
    energy = {"STAT_STATE": "u8_0E", "GUI_BAT_DATA_POWER": "fl_42C80000", "ODD": "u8_05", "BAD": "er_x"}
    decoded = decode_answer(json.dumps({"ENERGY": energy, "BMS": {"SOC": ["u1_0032"]}}), {})
    assert decoded["values"]["appliance"]["system_state"] == "charge"
    assert decoded["values"]["battery"]["battery_power"] == -100.0
    assert decoded["values"]["battery_module_1"]["state_of_charge"] == 50
    assert decoded["values"]["ENERGY"] == {"ODD": 5}
    assert decoded["failed"] == {"ENERGY": {"BAD": "er_x"}}
    with pytest.raises(BadAnswerError):
        decode_answer("<html>", {})


# Anything that could arrive

PREFIXES = ("fl", "u8", "u1", "u3", "u6", "i8", "i1", "i3", "st", "ch", "er", "VARIABLE_NOT", "FORBIDDEN", "zz", "")
strings = st.one_of(
    st.text(max_size=40),
    st.builds(
        "{}_{}".format,
        st.sampled_from(PREFIXES),
        st.one_of(st.text(max_size=18), st.text("0123456789ABCDEFabcdef", max_size=18)),
    ),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | strings,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(strings, inner, max_size=4),
    max_leaves=12,
)


@given(strings)
@example("fl_7F800000")
@thorough
def test_any_string_gives_a_value_or_says_why_not(text: str) -> None:
    TRIES[NAME] += 1
    value = decode_value(text)
    assert isinstance(value, float | int | str | Missing)
    if isinstance(value, float):
        assert math.isfinite(value)


@given(st.sampled_from(sorted({"u8": 8, "u1": 16, "u3": 32, "u6": 64, "i8": 8, "i1": 16, "i3": 32}.items())), st.data())
@thorough
def test_whole_numbers_survive_the_way_there_and_back(kind: tuple[str, int], data: st.DataObject) -> None:
    TRIES[NAME] += 1
    name, bits = kind
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if name.startswith("i") else (0, (1 << bits) - 1)
    number = data.draw(st.integers(low, high))
    assert decode_value(encode_value(name, number)) == number


@given(st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False))
@thorough
def test_floats_survive_the_way_there_and_back(number: float) -> None:
    TRIES[NAME] += 1
    wire = encode_value("fl", number)
    assert re.fullmatch("fl_[0-9A-F]{8}", wire)
    assert decode_value(wire) == number


@given(st.integers(0, 2**32 - 1))
@thorough
def test_any_32_bits_are_a_finite_number_or_unavailable(raw: int) -> None:
    TRIES[NAME] += 1
    value = decode_value(f"fl_{raw:08X}")
    exact = struct.unpack(">f", raw.to_bytes(4, "big"))[0]
    if isinstance(value, Missing):
        assert not math.isfinite(exact)
    else:
        assert value == (exact if abs(exact) >= 2.0**-126 else 0.0)


@given(st.dictionaries(strings, st.dictionaries(strings, anything, max_size=5) | anything, max_size=5))
@thorough
def test_any_object_is_taken_apart(content: dict[str, Any]) -> None:
    TRIES[NAME] += 1
    answer = decode_body(json.dumps(content).encode())
    assert isinstance(answer, Answer)
    for section, variables in answer.values.items():
        assert all(isinstance(each, float | int | str | Missing | list) for each in variables.values())
        assert all(len(text) <= 80 for _, text in answer.garbled())
        assert section in content


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 400))
@example(b"", 0, 10)
@thorough
def test_a_damaged_body_raises_only_our_own_error(noise: bytes, place: int, cut: int) -> None:
    TRIES[NAME] += 1
    body = json.dumps(BODY).encode()
    for damaged in (noise, body[:place] + noise + body[place:], body[:cut]):
        try:
            decode_answer(damaged.decode("utf-8", "replace"), {})
            decode_body(damaged)
        except SolarError as err:
            assert isinstance(err, BadAnswerError)  # noqa: PT017
