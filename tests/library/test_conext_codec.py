"""Conext registers to values and back: the reference's worked examples, every mark of a missing value, decoding."""

from contextlib import suppress
from datetime import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.conext.alarms import Severity, active_alarms, alarms_of
from custom_components.local_solar.solarlink.conext.catalogue import catalogue, find
from custom_components.local_solar.solarlink.conext.codec import (
    OTHER,
    Order,
    long_of,
    order_of,
    order_of_voltage,
    raw_for,
    raw_of,
    text_of,
    value_of,
    words_of,
    words_of_text,
)
from custom_components.local_solar.solarlink.conext.decode import DECODERS
from custom_components.local_solar.solarlink.conext.layout import Layout, bridged
from custom_components.local_solar.solarlink.conext.models import kind_at, model_of
from custom_components.local_solar.solarlink.conext.points import POINTS, points_of
from custom_components.local_solar.solarlink.conext.registers import ENUMS, Form, Kind, Register, map_of
from custom_components.local_solar.solarlink.conext.source import Make
from custom_components.local_solar.solarlink.errors import BadAnswerError, SolarError, ValueKindError
from custom_components.local_solar.solarlink.points import Access, Quantity, Risk
from tests.tries import TRIES

NAME = "Conext codec"
XW = map_of(Kind.XW)


def decode(what: str, text: str, **options: str) -> dict[str, Any]:
    decoded = dict(DECODERS[what](text, options))
    assert decoded.keys() == {"values", "failed"}
    return decoded


def words(text: str) -> list[int]:
    data = bytes.fromhex(text)
    return [int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2)]


# Reference section 9


@pytest.mark.parametrize(
    ("order", "reply"),
    [
        ("lsb", "00 01 00 00 00 0B 0A 03 08 C8 22 00 00 CF C7 FF FF"),
        ("msb", "00 01 00 00 00 0B 0A 03 08 00 00 C8 22 FF FF CF C7"),
    ],
)
def test_example_a_voltage_and_current(order: str, reply: str) -> None:
    decoded = decode("xw", reply, address="0x0050", order=order)
    assert decoded["values"] == {"xw_10": {"battery_voltage": 51.234, "battery_current": -12.345}}
    assert decoded["failed"] == {}


def test_example_b_temperature() -> None:
    decoded = decode("xw", "00 02 00 00 00 05 0A 03 02 74 40", address="0x0056")
    assert decoded["values"] == {"xw_10": {"battery_temperature": 24.6}}
    none = decode("xw", "00 02 00 00 00 05 0A 03 02 00 00", address="86")
    assert none["values"] == {"xw_10": {"battery_temperature": None}}


@pytest.mark.parametrize(
    ("order", "reply"),
    [
        ("lsb", "00 03 00 00 00 13 0A 03 10 57 58 38 20 34 35 00 38 00 00 00 00 00 00 00 00"),
        ("msb", "00 03 00 00 00 13 0A 03 10 58 57 20 38 35 34 38 00 00 00 00 00 00 00 00 00"),
    ],
)
def test_example_c_name(order: str, reply: str) -> None:
    assert decode("xw", reply, address="0x0000", order=order)["values"] == {"xw_10": {"device_name": "XW 8548"}}


def test_example_d_and_g_numbers_that_are_written() -> None:
    cut_out = raw_for(XW["low_battery_cut_out"], 47.0)
    assert words_of(cut_out, 2, Order.LSB) == [0xB798, 0x0000]
    assert words_of(cut_out, 2, Order.MSB) == [0x0000, 0xB798]
    assert raw_for(XW["low_battery_cut_out_delay"], 10) == 0x03E8
    assert raw_for(XW["charge_block_start"], time(22, 30)) == 0x0546
    assert raw_for(XW["absorption_time"], 60.0) == 0x0E10
    assert raw_for(XW["battery_temperature_coefficient"], -108) == 108
    assert raw_for(XW["load_shave"], True) == 1
    assert raw_for(XW["operating_mode"], "standby") == 2


def test_example_d_and_e_echoes() -> None:
    many = decode("xw", "00 04 00 00 00 06 0A 10 01 7C 00 02")
    assert many["values"] == {"xw_10": {"written": ["low_battery_cut_out"]}}
    one = decode("xw", "00 06 00 00 00 06 0A 06 01 B2 00 01")
    assert one["values"] == {"xw_10": {"load_shave": True}}


def test_example_f_exception() -> None:
    decoded = decode("xw", "00 07 00 00 00 03 0A 83 02", address="0x0210")
    assert decoded["values"] == {}
    assert decoded["failed"] == {"xw_10": {"function 3": "it has no such register (02)"}}


def test_example_h_states_and_faults() -> None:
    assert value_of(XW["inverter_status"], [0x040D], Order.MSB) == "load_shaving"
    assert value_of(XW["charger_status"], [0x0301], Order.MSB) == "bulk"
    alarms = active_alarms(Kind.XW, {"fault_bitmap_2": 0x0101})
    assert [alarm.code for alarm in alarms] == ["F48", "F57"]
    assert [alarm.group for alarm in alarms] == ["battery_low", "over_temperature"]
    assert all(alarm.severity is Severity.FAULT for alarm in alarms)


def test_the_two_orders() -> None:
    assert long_of([0x5678, 0x1234], Order.LSB) == long_of([0x1234, 0x5678], Order.MSB) == 0x12345678
    assert text_of(words("4F43 454E 5458"), Order.LSB) == text_of(words("434F 4E45 5854"), Order.MSB) == "CONEXT"
    assert order_of(words_of_text("865-1058", 8, Order.LSB)) is Order.LSB
    assert order_of(words_of_text("878-3301", 10, Order.MSB)) is Order.MSB
    assert order_of(words_of_text("XW 8548", 8, Order.MSB)) is None
    # 51.234 V reads as 3 357 671.424 V in the wrong order.
    assert order_of_voltage([0xC822, 0x0000]) is Order.LSB
    assert order_of_voltage([0x0000, 0xC822]) is Order.MSB
    assert long_of([0xC822, 0x0000], Order.MSB) == 3357671424
    assert order_of_voltage([0, 0]) is None


# What is no value


@pytest.mark.parametrize(
    ("key", "read", "value"),
    [
        ("battery_voltage", "FFFF FFFF", None),
        ("battery_voltage", "7FFF FFFF", 2147483.647),
        ("battery_current", "7FFF FFFF", None),
        ("battery_current", "FFFF FFFF", -0.001),
        ("load_ac_power", "FFFF FFFF", None),
        ("load_ac_power", "7FFF FFFF", None),
        ("load_ac_power", "FFFF FF38", -200.0),
        ("battery_temperature", "FFFF", None),
        ("battery_temperature", "0000", None),
        ("inverter_status", "FFFF", None),
        ("inverter_status", "044B", OTHER),
        ("charge_block_start", "05A0", None),
        ("charge_block_start", "059F", time(23, 59)),
        ("load_shave", "0002", True),
        ("fault_bitmap_0", "FFFF", None),
    ],
)
def test_marks_of_a_missing_value(key: str, read: str, value: Any) -> None:
    assert value_of(XW[key], words(read), Order.MSB) == value


def test_a_set_bit_without_a_name_is_an_alarm_too() -> None:
    (alarm,) = active_alarms(Kind.XW, {"fault_bitmap_3": 1 << 14})
    assert (alarm.code, alarm.severity) == ("F?", Severity.FAULT)
    (warning,) = active_alarms(Kind.XW, {"warning_bitmap_1": 1})
    assert warning.severity is Severity.WARNING
    assert active_alarms(Kind.MPPT60, {"fault_bitmap_0": None, "fault_bitmap_1": 0}) == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("low_battery_cut_out", "47"),
        ("low_battery_cut_out", True),
        ("low_battery_cut_out", 1e9),
        ("low_battery_cut_out", -1.0),
        ("low_battery_cut_out", float("nan")),
        ("low_battery_cut_out_delay", 655.36),
        ("load_shave", 1.0),
        ("operating_mode", "sleeping"),
        ("charge_block_start", 30.0),
        ("device_name", "XW"),
    ],
)
def test_what_a_register_cannot_hold(key: str, value: Any) -> None:
    with pytest.raises(ValueKindError):
        raw_for(XW[key], value)


# Tables


def test_the_maps_are_whole() -> None:
    counts = {kind.value: len(map_of(kind).ordered) for kind in Kind}
    assert counts == {
        "combox": 416,
        "gateway": 46,
        "xw": 331,
        "mppt60": 110,
        "mppt80": 113,
        "sw": 168,
        "ags": 71,
        "scp": 29,
        "battmon": 68,
    }
    for kind in Kind:
        registers = map_of(kind).ordered
        assert len(map_of(kind).by_key) == len(map_of(kind).by_address) == len(registers)
        for one, following in pairwise(registers):
            assert one.end <= following.address, (kind, following.key)
        for register in registers:
            assert register.enum in ("", "flag", "bits") or register.enum in ENUMS


def test_the_energies_of_the_two_solar_chargers_lie_elsewhere() -> None:
    assert map_of(Kind.MPPT60)["energy_from_pv_today"].address == 0x6A
    assert map_of(Kind.MPPT80)["energy_from_pv_today"].address == 0x74
    shifted = map_of(Kind.MPPT60, shifted=True)
    assert shifted["energy_from_pv_today"].address == 0x74
    assert shifted["auxiliary_output_voltage"].address == 0x60


def test_combox_and_gateway_part_at_005e() -> None:
    combox, gateway = map_of(Kind.COMBOX), map_of(Kind.GATEWAY)
    assert combox["ac_generator_power"].address == gateway["ac_generator_power"].address == 0x5C
    assert (combox["load_power"].address, gateway["load_power"].address) == (0x62, 0x5E)
    assert (combox["battery_voltage"].address, gateway["battery_voltage"].address) == (0x98, 0x9C)


@pytest.mark.parametrize(
    ("number", "kind", "model"),
    [
        ("865-8548-61", Kind.XW, "XW+ 8548 E"),
        ("865-6848-01", Kind.XW, "XW+ 6848 NA"),
        ("865-6848-21", Kind.XW, "XW Pro 6848 NA"),
        ("865-1030-1", Kind.MPPT60, "MPPT 60 150"),
        ("865-1032", Kind.MPPT80, "MPPT 80 600"),
        ("865-1058", Kind.COMBOX, "ComBox"),
        ("865-4024-61", Kind.SW, "SW 4024-230"),
    ],
)
def test_product_numbers(number: str, kind: Kind, model: str) -> None:
    assert model_of(number) == (kind, model)


def test_unknown_product_numbers_go_by_their_address() -> None:
    assert model_of("865-9999-99") is None
    assert model_of("") is None
    assert [kind_at(address) for address in (10, 30, 50, 70, 90, 170, 190, 201, 247)] == [
        Kind.XW,
        Kind.MPPT60,
        Kind.AGS,
        Kind.SCP,
        Kind.SW,
        Kind.MPPT80,
        Kind.BATTMON,
        None,
        None,
    ]


def test_points_are_sound() -> None:
    assert len({(point.unit_kind, point.key) for point in POINTS}) == len(POINTS)
    for point in POINTS:
        kind = Kind(point.unit_kind)
        known = map_of(kind)
        for register in point.address.registers:
            assert register in known, (kind, register)
        if point.integral is not None:
            assert point.integral.source in points_of(kind)
            assert point.integral.counter in ("", *points_of(kind))
        if point.access is Access.READ_WRITE:
            register_of = known[point.address.registers[0]]
            assert register_of.writable, point.key
            if point.quantity not in (Quantity.FLAG, Quantity.STATE, Quantity.TIME_OF_DAY):
                assert point.minimum is not None
                assert point.maximum is not None
                assert point.step
        if point.risk is not Risk.NORMAL:
            assert not point.enabled, point.key


def test_what_is_dangerous_is_fenced() -> None:
    for kind in Kind:
        for key, register in map_of(kind).by_key.items():
            point = find(kind, key)
            if register.risk == "danger":
                assert point is None or point.risk in (Risk.OUTAGE, Risk.NEVER) or not point.writable, key
    xw = points_of("xw")
    assert {key for key, point in xw.items() if point.risk is Risk.OUTAGE} == {"inverter", "operating_mode", "restart"}
    reset = find("xw", "reset")
    assert reset is not None
    # 2 would restore the factory settings; nothing writes that.
    assert (reset.access, reset.address.press) == (Access.PRESS, 0)
    for key in ("modbus_address", "device_name", "grid_tie_sell_level"):
        fenced = find("xw", key)
        assert fenced is None or not fenced.writable


def test_the_catalogue_has_every_register() -> None:
    for kind in Kind:
        entries = catalogue(kind)
        assert len(entries) == sum(register.readable for register in map_of(kind))
        assert len({entry.key for entry in entries}) == len(entries)
        for entry in entries:
            point = find(kind, str(entry.number))
            assert point is not None
            assert find(kind, hex(entry.number)) == point
            assert point.address.number == entry.number
            assert entry.curated or (found := find(kind, entry.key)) == point, found
    assert catalogue("toaster") == []
    assert find("toaster", "1") is None
    assert find("xw", "0x0210") is None
    assert find("xw", "nonsense") is None
    # Write-only registers are never read.
    assert find("xw", "0x00BF") is None


def test_groups_of_alarms_have_a_point_each() -> None:
    for kind in Kind:
        groups = {alarm.group for alarm in alarms_of(kind)} - {""}
        points = {point.address.group for point in points_of(kind).values() if point.address.make is Make.GROUP}
        assert points == groups


# Blocks


def blocks(kind: Kind, *, bridges: bool = True, most: int = 50, holes: tuple[int, ...] = ()) -> list[tuple[int, int]]:
    layout = Layout(map_of(kind), holes=holes, bridges=bridges, most=most)
    return [(each[0].address, each[-1].end - each[0].address) for each in layout.blocks(map_of(kind))]


def test_blocks_are_as_large_as_the_map_allows() -> None:
    energies = [block for block in blocks(Kind.XW) if 0xD0 <= block[0] < 0x160]
    assert energies[0] == (0xD0, 50)
    live = [block for block in blocks(Kind.XW) if 0x40 <= block[0] < 0xD0]
    assert [start for start, _ in live] == [0x40, 0x72, 0x7E, 0x8A, 0xA0, 0xB2, 0xC0]
    # The write-only register between the last two is never read across.
    assert (0xB2, 13) in live
    assert all(length <= 50 for kind in Kind for _, length in blocks(kind))
    assert all(length <= 20 for _, length in blocks(Kind.XW, most=20))


def test_a_hole_splits_a_block() -> None:
    whole = blocks(Kind.XW)
    split = blocks(Kind.XW, holes=(0x4E,))
    assert (0x40, 50) in whole
    assert (0x40, 14) in split
    assert any(start == 0x50 for start, _ in split)


def test_single_undefined_words_are_read_across_only_where_that_works() -> None:
    assert (0x7E, 8) in blocks(Kind.XW)
    assert (0x7E, 8) not in blocks(Kind.XW, bridges=False)
    assert {(0x7E, 5), (0x84, 2)} <= set(blocks(Kind.XW, bridges=False))
    register = map_of(Kind.XW)
    block = (register["grid_output_voltage"], register["grid_output_frequency"], register["grid_output_power"])
    assert [len(piece) for piece in bridged(block, register)] == [2, 1]
    # What lies between may be read when it is defined, wanted or not.
    far = (register["battery_voltage"], register["battery_temperature"])
    assert len(bridged(far, register)) == 1


@given(st.sampled_from(list(Kind)), st.data())
@settings(max_examples=150, deadline=None)
def test_blocks_bring_what_is_wanted_and_never_cross_a_hole(kind: Kind, data: st.DataObject) -> None:
    TRIES[NAME] += 1
    registers = [register for register in map_of(kind) if register.readable]
    holes = {each.address for each in data.draw(st.lists(st.sampled_from(registers), max_size=5))}
    wanted = set(data.draw(st.lists(st.sampled_from(registers), max_size=40)))
    bridges = data.draw(st.booleans())
    most = data.draw(st.integers(10, 125))
    layout = Layout(map_of(kind), holes=holes, bridges=bridges, most=most)
    found = layout.blocks(wanted)
    assert {register for block in found for register in block} == {each for each in wanted if each.address not in holes}
    defined = {word for each in registers if each.address not in holes for word in range(each.address, each.end)}
    for block in found:
        covered = range(block[0].address, block[-1].end)
        assert len(covered) <= max(most, block[0].words)
        missing = [word for word in covered if word not in defined]
        assert bridges or not missing
        assert not any(word + 1 in missing for word in missing)


# Fuzzing


@given(st.sampled_from(list(Kind)), st.data(), st.sampled_from(list(Order)))
@settings(max_examples=600, deadline=None)
def test_whatever_a_register_holds_is_a_value(kind: Kind, data: st.DataObject, order: Order) -> None:
    TRIES[NAME] += 1
    register: Register = data.draw(st.sampled_from(map_of(kind).ordered))
    read = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=register.words, max_size=register.words))
    value = value_of(register, read, order)
    assert value is None or isinstance(value, float | int | bool | str | time)
    if register.form is not Form.TEXT and value not in (None, OTHER) and register.enum != "flag":
        # What can be read can be written back as it was.
        raw = raw_of(register, read, order)
        with suppress(ValueKindError):
            kept = raw_for(register, value)
            assert register.unit == "°C" or kept in (raw, (raw or 0) & ((1 << register.words * 16) - 1))


@given(st.sampled_from(list(Kind)), st.binary(max_size=60), st.booleans(), st.sampled_from(["lsb", "msb", "", "x"]))
@settings(max_examples=600, deadline=None)
def test_whatever_is_decoded_only_our_errors_leave(kind: Kind, data: bytes, framed: bool, order: str) -> None:
    TRIES[NAME] += 1
    frame = b"\0\1\0\0" + (len(data) + 1).to_bytes(2) + b"\x0a" + data if framed else data
    with suppress(SolarError):
        decoded = DECODERS[kind.value](frame.hex(), {"address": "0x40"} | ({"order": order} if order else {}))
        assert decoded.keys() == {"values", "failed"}


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("no hex", {"address": "1"}),
        ("", {"address": "1"}),
        ("00 02 00 00 00 05 0A 03 02 74", {"address": "0x56"}),
        ("00 02 00 00 00 05 0A 03 02 74 40", {}),
        ("00 02 00 00 00 05 0A 03 02 74 40", {"address": "here"}),
        ("00 02 00 00 00 05 0A 03 02 74 40", {"address": "0x56", "order": "both"}),
        ("00 01 00 00 00 07 0A 03 04 C8 22 00 00", {"address": "0x50"}),
        ("00 02 00 00 00 05 0A 03 03 74 40", {"address": "0x56"}),
        ("00 02 00 00 00 05 0A 55 02 74 40", {"address": "0x56"}),
    ],
)
def test_what_cannot_be_decoded(text: str, options: dict[str, str]) -> None:
    with pytest.raises(BadAnswerError):
        DECODERS["xw"](text, options)


def test_several_frames_and_an_unknown_state() -> None:
    reply = "00 02 00 00 00 05 0A 03 02 04 4B" * 2
    assert decode("xw", reply, address="0x7A")["values"] == {"xw_10": {"inverter_status": "unknown (1099)"}}
    combox = decode("combox", "00 02 00 00 00 05 C9 03 02 00 05", address="0x0041")
    assert combox["values"] == {"gateway": {"active_faults": 5}}
