"""Answers of OpenDTU: examples of every generation, limits, replies, events, and anything that could arrive."""

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.errors import BadAnswerError, SolarError
from custom_components.local_solar.solarlink.live import LimitStatus
from custom_components.local_solar.solarlink.opendtu.alarms import KINDS, OTHER, Severity, alarm_of
from custom_components.local_solar.solarlink.opendtu.codec import (
    decode_limits,
    decode_live,
    decode_power,
    decode_reply,
    encode_form,
    measured,
    parse,
)
from custom_components.local_solar.solarlink.opendtu.codec_status import (
    decode_battery,
    decode_chargers,
    decode_device,
    decode_events,
    decode_limiter,
    decode_list,
    decode_profile,
    time_of_day,
)
from custom_components.local_solar.solarlink.opendtu.decode import DECODERS
from custom_components.local_solar.solarlink.opendtu.exchange import redact
from custom_components.local_solar.solarlink.opendtu.firmware import LIMIT_ABSOLUTE, LIMIT_RELATIVE, Firmware
from custom_components.local_solar.solarlink.opendtu.models import type_of
from tests.tries import TRIES

NAME = "OpenDTU codec"
EXAMPLES = 400


def v(number: float | None, unit: str = "W", digits: int = 1) -> dict[str, Any]:
    return {"v": number, "u": unit, "d": digits}


AC = {
    "Power": v(86.59999847),
    "Voltage": v(227.6000061, "V"),
    "Current": v(0.379999995, "A", 2),
    "Frequency": v(49.97999954, "Hz", 2),
    "PowerFactor": v(0.973999977, "", 3),
    "ReactivePower": v(20.20000076, "var"),
}
SUMS = {
    "Power DC": v(91.09999847),
    "YieldDay": v(36, "Wh", 0),
    "YieldTotal": v(144.0279999, "kWh", 3),
    "Efficiency": v(95.0603714, "%", 3),
}
STATUS = {"serial": "116180000A01", "name": "Barn", "data_age": 4, "reachable": True, "producing": True}
LIMITED = {"limit_relative": 100, "limit_absolute": 1500}
DC = {
    "0": {"name": {"u": "East"}, "Power": v(31.2), "YieldDay": v(12, "Wh", 0), "Irradiation": v(7.5, "%", 3)},
    "1": {"name": {"u": ""}, "Power": v(59.9)},
}
OLD = STATUS | LIMITED | {"AC": {"0": AC | SUMS}, "DC": DC, "INV": {"0": {"Temperature": v(3.599999905, "°C")}}}
NEW = STATUS | LIMITED | {
    "poll_enabled": True,
    "order": 3,
    "data_age_ms": 4250,
    "AC": {"0": AC},
    "DC": DC,
    "INV": {"0": SUMS | {"Temperature": v(3.6, "°C")}},
    "events": 12,
    "radio_stats": {"tx_request": 100, "rx_success": 93, "rssi": -61},
}  # fmt: skip


@pytest.mark.parametrize("inverter", [OLD, NEW], ids=["values under AC", "values under INV"])
def test_values_are_the_same_wherever_they_sit(inverter: dict[str, Any]) -> None:
    (found,) = decode_live({"inverters": [inverter]}).inverters
    assert found.serial == "116180000a01"
    assert found.values == {
        "Power": 86.6,
        "Voltage": 227.6,
        "Current": 0.38,
        "Frequency": 49.98,
        "PowerFactor": 0.974,
        "ReactivePower": 20.2,
        "Power DC": 91.1,
        "YieldDay": 0.036,
        "YieldTotal": 144.028,
        "Efficiency": 95.06,
        "Temperature": 3.6,
    }
    assert [string.name for string in found.strings] == ["East", ""]
    assert found.strings[0].values == {"Power": 31.2, "YieldDay": 0.012, "Irradiation": 7.5}
    assert found.poll_enabled


def test_what_only_newer_firmware_tells() -> None:
    old, new = decode_live({"inverters": [OLD, NEW]}).inverters
    assert (old.age, old.precise, old.order, old.events, dict(old.radio)) == (4.0, False, 0, None, {})
    assert (new.age, new.precise, new.order, new.events) == (4.25, True, 3, 12)
    assert new.radio["rssi"] == -61


def test_short_form_has_no_values() -> None:
    """Since v24.2.12 only ``?inv=`` brings them (reference example 12.1)."""
    sleeping = {
        "serial": "114180000002",
        "data_age": 8973,
        "poll_enabled": False,
        "reachable": False,
        "producing": False,
        "limit_relative": 0,
        "limit_absolute": -1,
    }
    (found,) = decode_live({"inverters": [sleeping], "hints": {"time_sync": False, "default_password": True}}).inverters
    assert found.values is None
    assert found.limit_absolute is None
    assert not found.poll_enabled


def test_hints_and_parts_of_onbattery() -> None:
    live = decode_live(
        {
            "inverters": [],
            "hints": {"time_sync": False, "radio_problem": True, "strange": 1},
            "battery": {"enabled": True, "soc": v(71, "%", 0), "voltage": v(52.34, "V", 2), "power": v(-420.04)},
            "vedirect": {
                "enabled": True,
                "power": v(310),
                "yieldDay": v(1250, "Wh", 0),
                "yieldTotal": v(88.5, "kWh", 2),
            },
            "power_meter": {"enabled": True, "Power": v(-12.34)},
            "huawei": {"enabled": False, "Power": v(5)},
        }
    )
    assert live.hints == {"time_sync": False, "radio_problem": True}
    assert live.parts == {
        "battery": {"soc": 71.0, "voltage": 52.34, "current": None, "power": -420.0},
        "solar_charger": {"PPV": 310.0, "YieldToday": 1.25, "YieldTotal": 88.5},
        "meter": {"power": -12.3},
    }


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (v(230.3999939, "V"), 230.4),
        (v(30, "Wh", 0), 0.03),
        (v(None), None),
        (v(96.03174591, "%", 3), 96.032),
        ({"v": 5}, 5.0),
        ({"v": 5.55, "d": 99}, 5.55),
        ({"u": "W"}, None),
        ({"v": True}, None),
        ({"v": "5"}, None),
        ({"v": 10**400}, None),
        (None, None),
        (5, None),
    ],
)
def test_measured_values(wire: Any, expected: float | None) -> None:
    assert measured(wire) == expected


@pytest.mark.parametrize(
    ("var", "expected"), [(6553.5, -0.1), (6552.0, -1.6), (20.2, 20.2), (-3.0, -3.0), (9000.0, None)]
)
def test_wrapped_reactive_power(var: float, expected: float | None) -> None:
    inverter = STATUS | {"AC": {"0": {"ReactivePower": v(var, "var")}}}
    (found,) = decode_live({"inverters": [inverter]}).inverters
    assert found.values is not None
    assert found.values["ReactivePower"] == expected


def test_numbers_that_json_does_not_know_are_no_values() -> None:
    assert parse(b'{"cputemp": NaN, "other": -Infinity, "good": 5}') == {"cputemp": None, "other": None, "good": 5}


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b'{"a":', b"<!DOCTYPE html>", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_object(body: bytes) -> None:
    with pytest.raises(BadAnswerError):
        parse(body)


def test_limits() -> None:
    found = decode_limits(
        {
            "11418186000A": {"limit_relative": 50, "max_power": 800, "limit_set_status": "Pending"},
            "114180000001": {"limit_relative": 0, "max_power": 0, "limit_set_status": "Something"},
            "no serial": {"limit_relative": 5},
            "114180000002": 5,
        }
    )
    assert set(found) == {"11418186000a", "114180000001"}
    assert found["11418186000a"].relative == 50.0
    assert (found["11418186000a"].rated_power, found["11418186000a"].status) == (800.0, LimitStatus.PENDING)
    assert (found["114180000001"].rated_power, found["114180000001"].status) == (None, LimitStatus.UNKNOWN)


def test_power_states() -> None:
    assert decode_power({"114180000001": {"power_set_status": "Failure"}}) == {"114180000001": LimitStatus.FAILURE}


@pytest.mark.parametrize(
    ("content", "good", "code"),
    [
        ({"type": "success", "message": "Settings saved!", "code": 1001}, True, 1001),
        ({"type": "warning", "message": "Invalid type specified!", "code": 5003}, False, 5003),
        ({"type": "success", "message": "Settings saved!"}, True, 0),
        ({"type": "danger"}, False, 0),
    ],
)
def test_replies_are_judged_by_their_type(content: Any, good: bool, code: int) -> None:
    reply = decode_reply(content)
    assert (reply.good, reply.code) == (good, code)


def test_what_is_no_reply() -> None:
    with pytest.raises(BadAnswerError):
        decode_reply({"message": "hello"})


def test_form() -> None:
    assert encode_form({"serial": "114180000001", "limit_type": 1, "limit_value": 50}) == (
        b"data=%7B%22serial%22%3A%22114180000001%22%2C%22limit_type%22%3A1%2C%22limit_value%22%3A50%7D"
    )


# Firmware and serial numbers


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v26.3.30", (26, 3, 30)),
        ("v25.9.11-Database", (25, 9, 11)),
        ("2025.02.05", (25, 2, 5)),
        ("2026.03.31-dirty", (26, 3, 31)),
        ("a1b2c3d", None),
        ("20251231", None),
        ("", None),
    ],
)
def test_versions(text: str, version: tuple[int, int, int] | None) -> None:
    assert Firmware(text).version == version


@pytest.mark.parametrize(
    ("text", "relative"),
    [
        ("v25.9.11", (3, 257)),
        ("v25.8.1", (257, 3)),
        ("v24.2.12", (257, 3)),
        ("2025.09.01", (3, 257)),
        ("2025.08.31", (257, 3)),
        ("a1b2c3d", (3, 257)),
    ],
)
def test_types_of_kept_limits(text: str, relative: tuple[int, int]) -> None:
    assert Firmware(text).kept_types(LIMIT_RELATIVE) == relative
    assert Firmware(text).kept_types(LIMIT_ABSOLUTE) == tuple(each - 1 for each in relative)


@pytest.mark.parametrize(
    ("text", "delicate"), [("v23.8.2", True), ("v24.9.0", False), ("v26.3.30", False), ("abc", False)]
)
def test_which_firmware_must_be_spared(text: str, delicate: bool) -> None:
    assert Firmware(text).delicate is delicate


@pytest.mark.parametrize(
    ("serial", "family", "inputs"),
    [
        ("112174020011", "HM", 1),
        ("114182000001", "HM", 2),
        ("116180000001", "HM", 4),
        ("104212345678", "HM", 2),
        ("112400000001", "HMS", 1),
        ("114a00000001", "HMS", 2),
        ("116400000001", "HMS", 4),
        ("138200000001", "HMT", 6),
        ("280100000001", "HERF", 4),
        ("999900000001", "", 0),
        ("1", "", 0),
    ],
)
def test_serial_numbers(serial: str, family: str, inputs: int) -> None:
    assert (type_of(serial).family, type_of(serial).inputs) == (family, inputs)


# Events


def test_event_log_nested_or_not() -> None:
    """Nested under the serial number before v23.4.4 (reference example 12.9)."""
    log = {
        "count": 2,
        "events": [
            {"message_id": 1, "message": "Inverter start", "start_time": 28028, "end_time": 28028},
            {"message_id": 209, "message": "PV-1: No input", "start_time": 28036, "end_time": 0},
        ],
    }
    entries = decode_events(log)
    assert decode_events({"114181860000": log}) == entries
    assert [entry.active for entry in entries] == [False, True]
    assert time_of_day(entries[0].start) == "07:47:08"


@pytest.mark.parametrize(("seconds", "text"), [(0, "00:00:00"), (90000, "01:00:00"), (-3600, "23:00:00")])
def test_times_leave_the_day(seconds: int, text: str) -> None:
    assert time_of_day(seconds) == text


def test_alarms() -> None:
    assert alarm_of(121, "HM") == ("over_temperature", Severity.FAULT)
    assert alarm_of(217, "HM") == ("input_over_voltage", Severity.WARNING)
    assert alarm_of(217, "HMT") == ("no_input", Severity.NOTICE)
    assert alarm_of(250, "HM").kind == OTHER
    assert {alarm_of(number, family).kind for number in range(256) for family in ("", "HMT")} == set(KINDS.values())


# Everything else


def test_device_info() -> None:
    """Reference example 12.8."""
    content = {
        "valid_data": True,
        "fw_build_version": 10018,
        "hw_part_number": 269627393,
        "hw_version": "01.10",
        "hw_model_name": "HM-1500-4T",
        "max_power": 1500,
        "fw_build_datetime": "2021-12-24 18:21:00",
    }
    device = decode_device(content)
    assert device is not None
    assert (device.version, device.model, device.rated_power, device.slow) == ("1.0.18", "HM-1500-4T", 1500.0, False)
    old = decode_device(content | {"fw_build_datetime": "2020-06-24 11:00:00", "fw_build_version": 20004})
    assert old is not None
    assert (old.slow, old.second_firmware, old.version) == (True, True, "2.0.4")
    assert decode_device(content | {"valid_data": False}) is None


def test_inverter_list() -> None:
    found = decode_list(
        {
            "inverter": [
                {
                    "serial": "114180000001",
                    "name": "Roof",
                    "poll_enable": True,
                    "command_enable": False,
                    "command_enable_night": True,
                    "channel": [{"name": "East", "max_power": 400}, {"name": ""}],
                },
                {"name": "no serial"},
            ]
        }
    )
    assert set(found) == {"114180000001"}
    assert (found["114180000001"].commands, found["114180000001"].strings) == (False, ("East", ""))


def test_battery_in_groups_and_flat() -> None:
    grouped = decode_battery(
        {"data_age": 2, "values": {"status": {"SoC": v(71, "%", 0)}, "cells": {}}, "issues": {"a": 1}}
    )
    assert grouped == {"data_age": 2.0, "SoC": 71.0, "issues": True}
    assert decode_battery({"values": {"SoC": v(71, "%", 0)}, "issues": []})["SoC"] == 71.0


def test_chargers_of_both_generations() -> None:
    instances = {
        "instances": {"HQ0001": {"data_age_ms": 640, "product_id": "MPPT", "values": {"input": {"PPV": v(305)}}}}
    }
    new, old = decode_chargers({"solarcharger": instances}), decode_chargers({"vedirect": instances})
    assert new == old
    assert dict(new["HQ0001"].values) == {"PPV": 305.0, "data_age": 0.6}


def test_limiter() -> None:
    limiter = decode_limiter(
        {
            "enabled": True,
            "inverters": [{"serial": "11418000000A", "is_governed": True}, {"serial": "1", "is_governed": False}],
        }
    )
    assert limiter.enabled
    assert limiter.governed == {"11418000000a"}


def test_traces_give_nothing_away() -> None:
    body = redact(b'{"sta_ssid":"Home","ap_mac":"02:00:5E:00:00:01","inverters":[{"serial":"114182940773"}]}')
    assert b"Home" not in body
    assert b"5E:00" not in body
    assert b"82940773" not in body
    assert b'"1141********"' in body
    assert b"82940773" not in redact(encode_form({"serial": "114182940773"}))


# Anything that could arrive

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)
_KEYS = ("serial", "AC", "DC", "INV", "0", "1", "v", "u", "d", "Power", "YieldTotal", "inverters", "events", "values",
         "hints", "battery", "enabled", "start_time", "message_id", "data_age", "radio_stats", "limit_relative", "name",
         "instances", "solarcharger", "inverter", "channel", "valid_data", "fw_build_version", "type")  # fmt: skip
_LIKELY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["114180000001", "Wh", "kWh", "Ok", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=6),
    max_leaves=30,
)


@pytest.mark.parametrize("what", sorted(DECODERS))
@settings(max_examples=EXAMPLES, deadline=None)
@given(content=st.one_of(_JSON, _LIKELY))
def test_whatever_json_comes_is_decoded_or_refused(what: str, content: Any) -> None:
    TRIES[NAME] += 1
    with suppress(SolarError):
        decoded = DECODERS[what](json.dumps(content), {})
        for values in decoded["values"].values():
            assert all(not isinstance(each, float) or not math.isnan(each) for each in values.values())


@settings(max_examples=EXAMPLES, deadline=None)
@given(where=st.integers(0, 2000), what=st.binary(max_size=6), length=st.integers(0, 50))
def test_damaged_live_data(where: int, what: bytes, length: int) -> None:
    TRIES[NAME] += 1
    body = json.dumps({"inverters": [OLD, NEW], "hints": {"time_sync": False}}).encode()
    damaged = body[:where] + what + body[where + length :]
    with suppress(BadAnswerError):
        for inverter in decode_live(parse(damaged)).inverters:
            known = [each for each in (inverter.values or {}).values() if each is not None]
            assert all(math.isfinite(each) for each in known)


def test_decoding_for_people() -> None:
    live = DECODERS["livedata"](json.dumps({"inverters": [NEW], "hints": {"time_sync": True}}), {})["values"]
    assert live["116180000a01"]["Power"] == 86.6
    assert live["116180000a01"]["string 1 name"] == "East"
    assert live["hints"] == {"time_sync": True}
    limit = DECODERS["limit"]('{"114180000001":{"limit_relative":50,"max_power":800,"limit_set_status":"Ok"}}', {})
    assert limit["values"] == {"114180000001": {"relative": 50.0, "rated_power": 800.0, "status": "Ok"}}
    assert DECODERS["system"]('{"git_hash":"v25.9.11","heap_total":5}', {})["values"]["system"]["version"] == "25.9.11"
    assert DECODERS["inverter"](json.dumps({"inverters": [OLD]}), {})["values"]["116180000a01"]["YieldTotal"] == 144.028
    assert decode_profile({"name": "DE", "version": "2.0"}) == "DE 2.0"
    with pytest.raises(BadAnswerError):
        DECODERS["livedata"]('{"something": 1}', {})
