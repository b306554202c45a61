"""What Shelly meters tell, as values: the examples of the reference, logins, counters that slip, and nonsense."""

import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from custom_components.local_solar.solarlink.errors import (
    AuthError,
    BadAnswerError,
    DeviceBusyError,
    DeviceRefusedError,
    NotAMeterError,
    NotSupportedError,
    SolarError,
    ValueChoiceError,
)
from custom_components.local_solar.solarlink.points import Counting, Quantity
from custom_components.local_solar.solarlink.shelly_em import FAMILY, codec_first, codec_later, coiot
from custom_components.local_solar.solarlink.shelly_em.address import Field, Name
from custom_components.local_solar.solarlink.shelly_em.codec import Picture, decode_object
from custom_components.local_solar.solarlink.shelly_em.counters import BELIEVED_AFTER, CounterGuard
from custom_components.local_solar.solarlink.shelly_em.decode import DECODERS
from custom_components.local_solar.solarlink.shelly_em.digest import (
    Challenge,
    Login,
    challenge_of_header,
    challenge_of_message,
    response_to,
)
from custom_components.local_solar.solarlink.shelly_em.exchange import redact
from custom_components.local_solar.solarlink.shelly_em.follower import FROZEN_AFTER, FrozenWatch
from custom_components.local_solar.solarlink.shelly_em.greeting import decode_greeting
from custom_components.local_solar.solarlink.shelly_em.models import MODELS, model_of
from custom_components.local_solar.solarlink.shelly_em.points import POINTS, points_of
from custom_components.local_solar.solarlink.shelly_em.rpc import result_of
from custom_components.local_solar.solarlink.shelly_em.wiring import Wiring, wiring_of
from tests.tries import TRIES

TABLES = Path(__file__).parents[3] / "shared" / "protocols" / "shelly_em"
REFERENCE = pytest.mark.skipif(not TABLES.is_dir(), reason="the protocol reference is not here")

OLD_EM = {
    "emeters": [
        {"power": 16.35, "reactive": 24.38, "voltage": 237.13, "is_valid": True, "total": 8.9, "total_returned": 0.0},
        {"power": 0.0, "reactive": 0.0, "voltage": 237.13, "is_valid": True, "total": 0.0, "total_returned": 0.0},
    ],
    "uptime": 325,
}
EM = {
    "mac": "E868E7000001",
    "emeters": [
        {"power": -620.34, "reactive": 714.48, "pf": -0.66, "voltage": 235.68, "is_valid": True,
         "total": 401472.9, "total_returned": 653673.7},
        {"power": 0, "reactive": 0, "pf": 0.0, "voltage": 235.68, "is_valid": True,
         "total": 173411.3, "total_returned": 294.2},
    ],
}  # fmt: skip
EM3 = {
    "emeters": [
        {"power": power, "pf": 0.5, "current": 1.0, "voltage": 231.0, "is_valid": True, "total": 1000.0 * place,
         "total_returned": 10.0 * place}
        for place, power in enumerate((51.08, 155.02, 6.75), 1)
    ],
    "total_power": 212.85,
    "emeter_n": {"current": 0.0, "ixsum": 0.0, "mismatch": False, "is_valid": False},
}  # fmt: skip
PRO_3EM: dict[str, dict[str, Any]] = {
    "em:0": {
        "a_act_power": 375.5, "a_aprt_power": 547.4, "a_current": 2.392, "a_freq": 50.0, "a_pf": 0.76,
        "a_voltage": 229.0, "b_act_power": 170.8, "b_aprt_power": 237.2, "b_current": 1.037, "b_freq": 50.0,
        "b_pf": 0.78, "b_voltage": 229.0, "c_act_power": 12.7, "c_aprt_power": 97.8, "c_current": 0.428,
        "c_freq": 50.0, "c_pf": 0.53, "c_voltage": 229.2, "id": 0, "n_current": None, "total_act_power": 558.965,
        "total_aprt_power": 882.413, "total_current": 3.856, "user_calibrated_phase": [],
    },
    "emdata:0": {
        "a_total_act_energy": 2034616.71, "a_total_act_ret_energy": 1026.61, "b_total_act_energy": 555156.68,
        "b_total_act_ret_energy": 0.0, "c_total_act_energy": 0.0, "c_total_act_ret_energy": 0.0, "id": 0,
        "total_act": 2589773.39, "total_act_ret": 1026.61,
    },
}  # fmt: skip
COIOT = """
    50 1e 00 07 ed 0b f7 06 53 48 45 4d 23 45 38 36 38 45 37 30 30 30 30 30 31 23 32
    d2 43 96 00 82 00 07 ff 7b 22 47 22 3a 20 5b 5b 30 2c 20 34 31 30 35 2c 20 2d 31 32 34 2e 35 5d 5d 7d
"""
TWO = Wiring(clamps=(0, 1), phases=False, grid=0)
THREE = Wiring()


def first(status: dict[str, Any], wiring: Wiring = TWO) -> Picture:
    return wiring.apply(codec_first.decode_status(status))


def later(components: dict[str, Any], wiring: Wiring = THREE) -> Picture:
    return wiring.apply(codec_later.decode_components(components))


def em1(*powers: float | None, **more: Any) -> dict[str, Any]:
    return {
        f"em1:{clamp}": {"id": clamp, "act_power": power, "voltage": 230.0} | more for clamp, power in enumerate(powers)
    }


# Generation 1


def test_an_old_em_without_power_factor() -> None:
    picture = first(OLD_EM)
    assert picture.number(Name.GRID_POWER) == 16.35
    assert Field(Name.FACTOR, 0) not in picture.values
    assert picture.number(Name.UPTIME) == 325
    assert picture.number(Name.GRID_IMPORTED) == pytest.approx(0.0089)


def test_an_em_that_exports() -> None:
    picture = first(EM)
    assert picture.number(Name.GRID_POWER) == -620.34
    assert picture.number(Name.GRID_IMPORTED) == pytest.approx(401.4729)
    assert picture.number(Name.GRID_EXPORTED) == pytest.approx(653.6737)
    assert picture.number(Name.FACTOR, 0) == -0.66
    assert picture.mac == "E868E7000001"
    assert picture.values[Field(Name.PROBLEM)] is False


def test_a_3em_is_the_net_sum_of_its_phases() -> None:
    picture = first(EM3, THREE)
    assert picture.number(Name.GRID_POWER) == 212.85
    assert picture.number(Name.SUM_IMPORTED) == 6.0
    assert picture.number(Name.SUM_EXPORTED) == 0.06
    assert picture.values[Field(Name.NEUTRAL_CURRENT)] is None
    assert Field(Name.GRID_IMPORTED) not in picture.values


@pytest.mark.parametrize("clamp", range(3))
def test_a_clamp_that_is_not_valid_spoils_every_sum(clamp: int) -> None:
    spoilt = json.loads(json.dumps(EM3))
    spoilt["emeters"][clamp]["is_valid"] = False
    picture = first(spoilt, THREE)
    assert picture.values[Field(Name.GRID_POWER)] is None
    assert picture.values[Field(Name.SUM_IMPORTED)] is None
    assert picture.values[Field(Name.POWER, clamp)] is None
    assert picture.number(Name.POWER, (clamp + 1) % 3) is not None
    assert picture.values[Field(Name.PROBLEM)] is True
    assert picture.errors == {clamp: ("is_valid",), -1: ("is_valid",)}


def test_the_relay_and_its_timer() -> None:
    held = codec_first.decode_relay({"ison": True, "has_timer": True, "timer_remaining": 871})
    assert held.values == {Field(Name.RELAY): True, Field(Name.RELAY_TIMER): 871.0}
    free = codec_first.decode_relay({"ison": False, "has_timer": False, "timer_remaining": 0})
    assert free.values == {Field(Name.RELAY): False, Field(Name.RELAY_TIMER): 0.0}
    with pytest.raises(BadAnswerError):
        codec_first.decode_relay({"is_valid": True})


def test_names_that_the_owner_gave() -> None:
    assert codec_first.names({"name": "Meter", "emeters": [{"name": "House"}, {"name": None}]}, 2) == (
        "Meter",
        ("House", ""),
    )
    assert codec_first.names({"name": None}, 2) == ("", ("", ""))
    config = {"sys": {"device": {"name": "Meter"}}, "em1:1": {"name": "Balcony"}}
    assert codec_later.names(config, 2) == ("Meter", ("", "Balcony"))


# Generation 2 and later


def test_a_pro_3em_is_believed_its_own_total() -> None:
    picture = later(PRO_3EM)
    assert picture.number(Name.GRID_POWER) == 558.965
    assert picture.number(Name.TOTAL_APPARENT) == 882.413
    assert picture.number(Name.SUM_IMPORTED) == pytest.approx(2589.77339)
    assert picture.number(Name.SUM_EXPORTED) == pytest.approx(1.02661)
    assert picture.number(Name.IMPORTED, 0) == pytest.approx(2034.61671)
    assert picture.number(Name.FREQUENCY) == 50.0
    assert [picture.number(Name.POWER, clamp) for clamp in range(3)] == [375.5, 170.8, 12.7]
    assert picture.values[Field(Name.NEUTRAL_CURRENT)] is None


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"total_act_power": None}, ()),
        ({"errors": ["power_meter_failure"]}, ("power_meter_failure",)),
        ({"errors": ["ct_type_not_set"]}, ("ct_type_not_set",)),
        ({"b_errors": ["out_of_range:act_power"]}, ("out_of_range:act_power",)),
        ({"c_act_power": None}, ()),
        ({"a_act_power": "375"}, ()),
        ({"total_act_power": True}, ()),
    ],
)
def test_a_reading_with_errors_or_without_a_number_is_none(change: dict[str, Any], errors: tuple[str, ...]) -> None:
    picture = later(PRO_3EM | {"em:0": PRO_3EM["em:0"] | change})
    assert picture.values[Field(Name.GRID_POWER)] is None
    assert picture.errors.get(-1, ()) == errors
    assert picture.values[Field(Name.PROBLEM)] is bool(errors)
    # The counters do not depend on it.
    assert picture.number(Name.SUM_IMPORTED) == pytest.approx(2589.77339)


def test_without_totals_the_sum_is_ours() -> None:
    assert later(em1(100.25, -320.5, 10.0)).number(Name.GRID_POWER) == -210.25
    assert later(em1(100.25, None, 10.0)).values[Field(Name.GRID_POWER)] is None
    # A part of the clamps is no sum.
    assert Field(Name.GRID_POWER) not in later(em1(100.25, -320.5)).values


def test_the_timer_of_the_relay_by_the_clock_of_the_meter() -> None:
    switch = {"output": True, "timer_started_at": 1700000000, "timer_duration": 900, "temperature": {"tC": 41.5}}
    picture = codec_later.decode_components({"switch:0": switch, "sys": {"unixtime": 1700000100, "uptime": 5}})
    assert picture.values[Field(Name.RELAY)] is True
    assert picture.number(Name.RELAY_TIMER) == 800.0
    assert picture.number(Name.TEMPERATURE) == 41.5
    assert Field(Name.RELAY_TIMER) not in codec_later.decode_components({"switch:0": switch}).values
    assert codec_later.decode_components({"switch:100": {"output": False}}).number(Name.RELAY_TIMER) == 0.0
    assert codec_later.switch_id({"switch:101": {}, "switch:100": {}, "switch:x": {}}) == 100


def test_a_meter_on_a_cable_has_no_radio_signal() -> None:
    assert codec_later.decode_components({"wifi": {"rssi": 0}}).values == {Field(Name.SIGNAL): None}
    assert codec_later.decode_components({"wifi": {"rssi": -58}}).number(Name.SIGNAL) == -58


@pytest.mark.parametrize(
    ("error", "kind"),
    [({"code": 401, "message": "{}"}, AuthError), ({"code": 404, "message": "No handler"}, NotSupportedError),
     ({"code": -105, "message": "Argument 'id', value 7 not found!"}, NotSupportedError),
     ({"code": 429, "message": "busy"}, DeviceBusyError), ({"code": -103, "message": "no"}, DeviceRefusedError),
     ({}, BadAnswerError), ("no", BadAnswerError)],
)  # fmt: skip
def test_what_a_meter_refuses_with(error: object, kind: type[SolarError]) -> None:
    with pytest.raises(SolarError) as refusal:
        result_of({"id": 1, "error": error}, "EM.GetStatus")
    assert type(refusal.value) is kind


def test_a_frame_with_neither_result_nor_error() -> None:
    with pytest.raises(BadAnswerError):
        result_of({"id": 1, "result": None}, "EM.GetStatus")
    assert result_of({"id": 1, "result": {"id": 0}}, "EM.GetStatus") == {"id": 0}


# Wiring


@pytest.mark.parametrize("value", [43_471.0, -43_471.0, 1e9])
def test_more_than_a_house_connection_carries_is_not_believed(value: float) -> None:
    assert later(em1(value), Wiring((0,), False, 0)).values[Field(Name.GRID_POWER)] is None
    assert later(em1(value / 3, value / 3, value / 3)).values[Field(Name.GRID_POWER)] is None
    total = PRO_3EM["em:0"] | {"total_act_power": value}
    assert later({"em:0": total}).values[Field(Name.GRID_POWER)] is None
    large = wiring_of({}, (0, 1, 2), model_of("SPEM-003CEBEU400"), phases=True)
    believed = later({"em:0": PRO_3EM["em:0"] | {"total_act_power": 43_471.0}}, large)
    assert believed.number(Name.GRID_POWER) == 43_471.0


def test_nothing_at_all_without_voltage_is_not_believed() -> None:
    assert later(em1(0.0, 0.0, 0.0, voltage=0.0)).values[Field(Name.GRID_POWER)] is None
    assert later(em1(0.0, 0.0, 0.0)).number(Name.GRID_POWER) == 0.0
    assert later(em1(0.0, 5.0, 0.0, voltage=0.0)).number(Name.GRID_POWER) == 5.0


def test_a_clamp_the_wrong_way_round() -> None:
    picture = first(EM, replace(TWO, inverted=True))
    assert picture.number(Name.GRID_POWER) == 620.34
    assert picture.number(Name.FACTOR, 0) == 0.66
    assert picture.number(Name.REACTIVE, 0) == -714.48
    assert picture.number(Name.GRID_IMPORTED) == pytest.approx(653.6737)
    assert picture.number(Name.EXPORTED, 0) == pytest.approx(401.4729)
    # The other clamp is as it was.
    assert picture.number(Name.IMPORTED, 1) == pytest.approx(173.4113)
    whole = later(PRO_3EM, replace(THREE, inverted=True))
    assert whole.number(Name.GRID_POWER) == -558.965
    assert whole.number(Name.POWER, 2) == -12.7
    assert whole.number(Name.SUM_IMPORTED) == pytest.approx(1.02661)
    assert whole.number(Name.SUM_EXPORTED) == pytest.approx(2589.77339)


def test_which_clamp_is_the_grid() -> None:
    em, em3 = MODELS["SHEM"], MODELS["SHEM-3"]
    assert wiring_of({}, (0, 1), em, phases=False).grid == 0
    assert wiring_of({}, (0, 1, 2), em3, phases=True).grid is None
    assert wiring_of({}, (0, 1, 2), em3, phases=False).grid is None
    assert wiring_of({}, (0,), em, phases=False).grid == 0
    assert wiring_of({"grid_channel": "total"}, (0, 1), em, phases=False).grid is None
    assert wiring_of({"grid_channel": "2", "inverted": True}, (0, 1), em, phases=False) == Wiring(
        (0, 1), False, 1, True
    )
    assert first(EM, wiring_of({"grid_channel": "2"}, (0, 1), em, phases=False)).number(Name.GRID_POWER) == 0
    both = first(EM, wiring_of({"grid_channel": "total"}, (0, 1), em, phases=False))
    assert both.number(Name.GRID_POWER) == -620.34
    assert both.number(Name.SUM_IMPORTED) == pytest.approx(574.8842)
    with pytest.raises(ValueChoiceError, match="total, 1, 2"):
        wiring_of({"grid_channel": "3"}, (0, 1), em, phases=False)


def test_one_phase_can_be_the_grid() -> None:
    picture = later(PRO_3EM, replace(THREE, grid=1))
    assert picture.number(Name.GRID_POWER) == 170.8
    assert picture.number(Name.GRID_IMPORTED) == pytest.approx(555.15668)
    assert Field(Name.SUM_IMPORTED) not in picture.values


# Counters


def counted(guard: CounterGuard, value: float, at: float) -> tuple[Any, bool]:
    picture = Picture({Field(Name.IMPORTED, 0): value})
    guard.look(picture, at)
    return picture.values[Field(Name.IMPORTED, 0)], Field(Name.IMPORTED, 0) in picture.doubtful


def test_a_counter_that_slips_for_a_moment_is_ignored() -> None:
    guard = CounterGuard()
    assert counted(guard, 400.0, 0) == (400.0, False)
    assert counted(guard, 0.0, 10) == (None, True)
    assert counted(guard, 400.1, 20) == (400.1, False)
    assert counted(guard, 400.0995, 30) == (400.0995, False)


def test_a_counter_that_stays_low_has_begun_anew() -> None:
    guard = CounterGuard()
    counted(guard, 400.0, 0)
    assert counted(guard, 0.0, 10) == (None, True)
    assert counted(guard, 0.1, 10 + BELIEVED_AFTER - 1) == (None, True)
    assert counted(guard, 0.2, 10 + BELIEVED_AFTER) == (0.2, False)
    assert counted(guard, 0.3, 10 + BELIEVED_AFTER + 1) == (0.3, False)


def test_a_sum_with_a_counter_in_doubt_is_in_doubt() -> None:
    guard = CounterGuard()
    picture = codec_first.decode_status(EM3)
    guard.look(picture, 0)
    slipped = json.loads(json.dumps(EM3))
    slipped["emeters"][1]["total"] = 0.0
    picture = codec_first.decode_status(slipped)
    guard.look(picture, 1)
    THREE.apply(picture)
    assert picture.values[Field(Name.SUM_IMPORTED)] is None
    assert Field(Name.SUM_IMPORTED) in picture.doubtful
    assert Field(Name.SUM_EXPORTED) not in picture.doubtful


# A chip that hangs


def test_a_load_that_does_not_move_in_any_digit_is_a_chip_that_hangs() -> None:
    watch = FrozenWatch()
    assert not watch.look(later(PRO_3EM), 0)
    assert not watch.look(later(PRO_3EM), FROZEN_AFTER - 1)
    assert watch.look(later(PRO_3EM), FROZEN_AFTER)
    moved = {"em:0": PRO_3EM["em:0"] | {"a_voltage": 229.1}}
    assert not watch.look(later(moved), FROZEN_AFTER + 1)
    nothing = em1(0.0, 0.0, 0.0)
    assert not watch.look(later(nothing), 200)
    assert not watch.look(later(nothing), 1000)


# CoIoT


def test_the_frame_of_the_reference() -> None:
    frame = coiot.decode_frame(bytes.fromhex(COIOT))
    assert (frame.code, frame.message, frame.model, frame.mac) == (coiot.PUSH, 7, "SHEM", "E868E7000001")
    assert (frame.validity, frame.serial, frame.values) == (0x9600, 7, {4105: -124.5})
    assert coiot.picture_of(frame).values == {Field(Name.POWER, 0): -124.5}


@REFERENCE
def test_every_number_of_the_table_is_known() -> None:
    rows = [line.split(",") for line in (TABLES / "coiot_ids.csv").read_text(encoding="utf-8").splitlines()[1:]]
    names = {
        "power": Name.POWER, "energy": Name.IMPORTED, "energyReturned": Name.EXPORTED, "voltage": Name.VOLTAGE,
        "powerFactor": Name.FACTOR, "current": Name.CURRENT, "output": Name.RELAY,
    }  # fmt: skip
    known = [row for row in rows if row[2] in names]
    assert len(known) >= 14
    for number, block, name, *_ in known:
        frame = replace(coiot.decode_frame(bytes.fromhex(COIOT)), values={int(number): 1})
        [field] = coiot.picture_of(frame).values
        assert field.name is names[name]
        assert field.clamp == (int(block.removeprefix("emeter_")) if block.startswith("emeter") else -1)


@pytest.mark.parametrize(
    "frame",
    ["", "50", "40 1e 00 07 ff 7b 7d", "50 1e 00 07", "50 1e 00 07 ff 7b 7d", COIOT.replace("ed 0b", "fd 0b"),
     COIOT.replace("7d", "7d 7d"), COIOT.replace("47 22", "48 22"), COIOT[:62]],
)  # fmt: skip
def test_what_is_no_frame(frame: str) -> None:
    with pytest.raises(BadAnswerError):
        coiot.decode_frame(bytes.fromhex(frame))


# Logins


def reference_response(user: str, realm: str, password: str, rest: str, what: str) -> str:
    def hashed(text: str) -> str:
        return sha256(text.encode()).hexdigest()

    return hashed(f"{hashed(f'{user}:{realm}:{password}')}:{rest}:auth:{hashed(what)}")


def test_the_login_in_a_websocket() -> None:
    message = (
        '{"auth_type":"digest","nonce":"60dc2c69","nc":1,"realm":"shellypro3em-0cb815fc0001","algorithm":"SHA-256"}'
    )
    login = Login("secret")
    assert not login.challenged
    login.take(challenge_of_message(message))
    for count in (1, 2, 3):
        proof = login.member()
        assert proof["nc"] == count
        assert (proof["username"], proof["nonce"], proof["algorithm"]) == ("admin", "60dc2c69", "SHA-256")
        assert proof["response"] == reference_response(
            "admin", proof["realm"], "secret", f"60dc2c69:{count}:{proof['cnonce']}", "dummy_method:dummy_uri"
        )


def test_a_nonce_that_is_a_number_and_a_count_that_is_a_text() -> None:
    told = {"nonce": 1625038185, "nc": "7", "realm": "r", "algorithm": "SHA-256"}
    login = Login("secret")
    login.take(challenge_of_message(json.dumps(told)))
    proof = login.member()
    assert (proof["nonce"], proof["nc"]) == (1625038185, 7)
    assert proof["response"] == response_to(
        Challenge("r", "1625038185"), "secret", "7", proof["cnonce"], "dummy_method:dummy_uri"
    )


def test_the_login_over_http_counts_up() -> None:
    login = Login("secret")
    login.take(challenge_of_header('Digest qop="auth", realm="shelly-1", nonce="abc", algorithm=SHA-256'))
    for count in ("00000001", "00000002"):
        header = login.header("POST", "/rpc")
        told = dict(re.findall(r'(\w+)="?([^",]+)', header.removeprefix("Digest ")))
        assert (told["nc"], told["uri"], told["qop"]) == (count, "/rpc", "auth")
        assert told["response"] == reference_response(
            "admin", "shelly-1", "secret", f"abc:{count}:{told['cnonce']}", "POST:/rpc"
        )


@pytest.mark.parametrize(
    "header",
    ["", "Basic realm=x", "Digest", 'Digest realm="r"', 'Digest realm="r", nonce="n", algorithm=MD5',
     'Digest realm="r", nonce="n"', "Digest nonsense", 'Digest nonce=, realm="r"'],
)  # fmt: skip
def test_a_login_of_another_kind_is_not_answered(header: str) -> None:
    with pytest.raises(BadAnswerError):
        challenge_of_header(header)


@pytest.mark.parametrize(
    "message",
    ["", "Unauthorized", "[]", "{}", '{"nonce":"n","realm":"r","algorithm":"MD5"}', '{"nonce":"n","realm":"r"}',
     '{"nonce":null,"realm":"r","algorithm":"SHA-256"}', '{"nonce":"n","realm":7,"algorithm":"SHA-256"}'],
)  # fmt: skip
def test_a_challenge_that_is_none(message: str) -> None:
    with pytest.raises(BadAnswerError):
        challenge_of_message(message)


def test_nothing_private_is_kept_in_the_trace() -> None:
    body = json.dumps(
        {
            "id": "shellypro3em-aabbcc000001", "mac": "AABBCC000001", "name": "Villa", "wifi": {"ssid": "Villa"},
            "src": "shellypro3em-aabbcc000001", "auth": {"response": "0123", "cnonce": "4567", "nonce": "89"},
            "error": {"message": '{"realm":"shellypro3em-aabbcc000001","nonce":"89"}'}, "num": 7,
        }
    ).encode()  # fmt: skip
    shown = redact(body)
    for secret in (b"aabbcc", b"AABBCC", b"Villa", b"0123", b"4567", b"89"):
        assert secret not in shown
    assert b'"num": 7' in shown
    assert redact(b"SHEM#E868E7000001#2") == b"SHEM#**REDACTED**#2"


# Greetings


def test_both_greetings() -> None:
    old = decode_greeting(
        {"type": "SHEM", "mac": "E868E7000001", "auth": False, "fw": "20230913-114150/v1.14.0-gcb84623"}, "a"
    )
    assert (old.generation, old.model, old.firmware, old.locked) == (1, "SHEM", "1.14.0", False)
    new = decode_greeting(
        {"id": "shellypro3em-aabbccddeeff", "mac": "AABBCCDDEEFF", "model": "SPEM-003CEBEU", "gen": 2, "ver": "1.1.0",
         "auth_en": True, "profile": "triphase", "name": None}, "a",
    )  # fmt: skip
    assert (new.generation, new.firmware, new.profile, new.locked) == (2, "1.1.0", "triphase", True)


@pytest.mark.parametrize(
    "body", [{}, {"mac": "zz"}, {"mac": "AABBCCDDEEFF", "gen": "2"}, {"mac": "AABBCCDDEEFF", "gen": 0}]
)
def test_what_is_no_shelly(body: dict[str, Any]) -> None:
    with pytest.raises(NotAMeterError):
        decode_greeting(body, "http://somewhere")


# Nonsense

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
_WORDS = (
    "emeters", "power", "is_valid", "total", "total_power", "relays", "ison", "has_timer", "timer_remaining", "uptime",
    "emeter_n", "wifi_sta", "rssi", "mac", "em:0", "em1:0", "em1:2", "emdata:0", "em1data:1", "a_act_power",
    "act_power", "errors", "a_errors", "total_act_power", "total_act", "switch:0", "switch:", "output", "tC", "sys",
    "temperature", "timer_started_at", "timer_duration", "unixtime", "G", "result", "params", "error", "code",
    "message", "id", "gen",
)  # fmt: skip
_shaped = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(_WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=5),
    max_leaves=12,
)


def survives(decode: Callable[..., Any], *given_to_it: Any) -> None:
    try:
        decode(*given_to_it)
    except SolarError:
        TRIES["shelly_em refused"] += 1
    TRIES["shelly_em"] += 1


def pushed(data: bytes) -> Picture:
    return coiot.picture_of(coiot.decode_frame(data))


@given(st.dictionaries(st.sampled_from(_WORDS), _shaped, max_size=6) | st.dictionaries(st.text(max_size=5), _json))
def test_any_object_is_understood_or_refused(content: dict[str, Any]) -> None:
    survives(first, content, THREE)
    survives(later, content, replace(THREE, inverted=True))
    survives(decode_greeting, content, "a")
    for what, decode in DECODERS.items():
        if what != "coiot":
            survives(decode, json.dumps(content), {})


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda rest: b"\x50\x1e\x00\x01" + rest))
def test_any_bytes_are_a_frame_or_refused(data: bytes) -> None:
    survives(pushed, data)
    survives(decode_object, data)


def test_a_frame_with_any_byte_wrong_is_understood_or_refused() -> None:
    frame, chance = bytes.fromhex(COIOT), random.Random(1)
    for place in range(len(frame)):
        for _ in range(20):
            spoilt = bytearray(frame)
            spoilt[place] = chance.randrange(256)
            survives(pushed, bytes(spoilt))
            survives(pushed, bytes(spoilt[:place]))


@given(st.text(max_size=60))
def test_any_text_is_a_challenge_or_refused(text: str) -> None:
    survives(challenge_of_header, "Digest " + text)
    survives(challenge_of_message, text)


def test_numbers_that_no_float_holds_are_none() -> None:
    status = f'{{"emeters":[{{"power":1{"0" * 400},"total":NaN}},{{"power":Infinity}}]}}'
    picture = first(decode_object(status))
    assert picture.values[Field(Name.POWER, 0)] is None
    assert picture.values[Field(Name.IMPORTED, 0)] is None
    with pytest.raises(BadAnswerError):
        decode_object("[" * 100_000)


# The table


def test_the_points_are_whole() -> None:
    for kind in ("meter", "channel"):
        points = points_of(kind)
        assert len({point.name for point in points.values()}) == len(points)
        for point in points.values():
            if point.integral:
                assert points[point.integral.source].quantity is Quantity.POWER
                assert points[point.integral.counter].counting is Counting.TOTAL
    assert len(POINTS) == sum(len(points_of(kind)) for kind in ("meter", "channel"))
    assert sum(point.enabled for point in points_of("meter").values()) <= 15


@REFERENCE
def test_every_model_of_the_reference_is_known_by_name() -> None:
    rows = [line.split(",") for line in (TABLES / "models.csv").read_text(encoding="utf-8").splitlines()[1:]]
    assert {row[0] for row in rows} == set(MODELS)


# The command line


def decoded(what: str, text: str) -> dict[str, Any]:
    return dict(FAMILY.decoders[what](text, {}))


def test_recorded_answers_are_put_into_words() -> None:
    status = decoded("status", json.dumps(EM))
    assert status["values"]["meter"]["grid_power"] == -620.34
    assert status["values"]["clamp_1"]["imported"] == pytest.approx(401.4729)
    assert status["failed"] == {}
    whole = decoded("status", json.dumps({"id": 1, "src": "shellypro3em-aabbcc000001", "result": PRO_3EM}))
    assert whole["values"]["meter"]["grid_power"] == 558.965
    notified = {"src": "s", "dst": "d", "method": "NotifyStatus", "params": {"ts": 1.0, "em:0": PRO_3EM["em:0"]}}
    assert decoded("em", json.dumps(notified))["values"]["meter"]["grid_power"] == 558.965
    assert decoded("em", json.dumps(PRO_3EM["em:0"]))["values"]["clamp_3"]["power"] == 12.7
    assert decoded("emdata", json.dumps(PRO_3EM["emdata:0"]))["values"]["meter"]["sum_imported"] == pytest.approx(
        2589.77339
    )
    one = decoded("em1", json.dumps({"id": 1, "act_power": -5.0, "voltage": 230.0, "errors": ["power_meter_failure"]}))
    assert one["values"]["clamp_2"]["power"] is None
    assert one["failed"]["clamp_2"] == {"*": "power_meter_failure"}
    energy = decoded("em1data", '{"id":0,"total_act_energy":1500,"total_act_ret_energy":20}')
    assert energy["values"]["clamp_1"] == {"exported": 0.02, "imported": 1.5}
    assert decoded("emeter", json.dumps(EM["emeters"][0]))["values"]["meter"]["grid_power"] == -620.34
    assert decoded("switch", '{"id":0,"output":true}')["values"]["meter"]["relay"] is True
    frame = decoded("coiot", COIOT)["values"]
    assert (frame["clamp_1"]["power"], frame["meter"]["serial"]) == (-124.5, 7)
    who = decoded("shelly", '{"type":"SHEM","mac":"E868E7000001","auth":true,"fw":"x/v1.14.0-y"}')["values"]["meter"]
    assert (who["model"], who["generation"], who["login_needed"]) == ("SHEM", 1, True)


@pytest.mark.parametrize(
    ("what", "text"),
    [("status", "{}"), ("status", "no"), ("em", '{"id":1,"error":{"code":-105,"message":"not found!"}}'),
     ("coiot", "zz"), ("coiot", "50"), ("shelly", "{}")],
)  # fmt: skip
def test_what_cannot_be_decoded(what: str, text: str) -> None:
    with pytest.raises(SolarError):
        decoded(what, text)
