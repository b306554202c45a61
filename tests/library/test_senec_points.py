"""The table of the SENEC.Home: complete, consistent, and values that nobody believes are left out."""

import re
from collections import Counter
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from custom_components.local_solar.solarlink.control.force_charge import Phase
from custom_components.local_solar.solarlink.points import Access, Counting, Pace, Quantity, Risk
from custom_components.local_solar.solarlink.senec.address import Field, Form, Own, at, field
from custom_components.local_solar.solarlink.senec.codec import decode_body, encode_request
from custom_components.local_solar.solarlink.senec.language import system_states
from custom_components.local_solar.solarlink.senec.pack import pack
from custom_components.local_solar.solarlink.senec.points import POINTS, points_of
from custom_components.local_solar.solarlink.senec.states import STATE_GROUPS, SYSTEM_STATES, WALLBOX_STATES, Group
from custom_components.local_solar.solarlink.senec.values import Beliefs, missing, to_value
from custom_components.local_solar.solarlink.senec.writing import WRITABLE

STATES = Path(__file__).parents[2] / "simulators" / "senec" / "states.csv"
KINDS = {
    "appliance", "battery", "battery_module", "inverter", "grid_meter", "house_meter", "wallbox", "socket", "heat",
}  # fmt: skip


def value(kind: str, key: str, body: str, number: int = 0, **beliefs: Any) -> Any:
    """The value of a point in an answer."""
    point = points_of(kind)[key]
    return to_value(point, point.address.of(number), decode_body(body.encode()), Beliefs(**beliefs))


# The table


def test_kinds_and_keys() -> None:
    assert {point.unit_kind for point in POINTS} == KINDS
    assert max(Counter((point.unit_kind, point.key) for point in POINTS).values()) == 1
    names = Counter((point.unit_kind, point.name) for point in POINTS)
    assert max(names.values()) == 1


def test_the_101_states() -> None:
    assert sorted(SYSTEM_STATES) == list(range(101))
    assert len(set(SYSTEM_STATES.values())) == 101
    assert set(STATE_GROUPS) == set(SYSTEM_STATES)
    assert set(STATE_GROUPS.values()) == set(Group)
    assert points_of("appliance")["system_state"].options == SYSTEM_STATES


def test_states_are_those_that_the_simulated_appliance_names() -> None:
    rows = [line.split(",") for line in STATES.read_text(encoding="utf-8").splitlines()[1:]]
    words = {
        int(code): re.sub(r"[^a-z0-9]+", "_", english.lower().replace("+", "plus")) for code, _, english, *_ in rows
    }
    known = {code: slug for code, slug in words.items() if code in SYSTEM_STATES}
    assert len(known) >= 15
    assert {code: SYSTEM_STATES[code] for code in known} == known
    assert min(set(words) - set(known), default=101) == 101


def test_wallbox_states() -> None:
    assert len(WALLBOX_STATES) == 26
    assert WALLBOX_STATES[0xC2] == "charging"
    assert len(set(WALLBOX_STATES.values())) == 26


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point.unit_kind}.{point.key}")
def test_every_point_is_whole(point: Any) -> None:
    assert bool(point.address.fields) == point.measured
    if point.integral:
        own = points_of(point.unit_kind)
        assert own[point.integral.source].quantity in (Quantity.POWER, Quantity.APPARENT_POWER)
        assert own[point.integral.counter].counting is Counting.TOTAL
        assert own[point.integral.counter].unit == point.unit == "kWh"
    if point.quantity in (Quantity.STATE, Quantity.EVENT):
        assert point.options
    if point.writable and point.measured:
        assert all(where.variable in WRITABLE for where in point.address.fields) or point.key == "force_charge"
        assert point.access is Access.PRESS or point.quantity in (
            Quantity.FLAG, Quantity.STATE, Quantity.TIME_OF_DAY,
        ) or (point.minimum, point.maximum, point.step) != (None, None, None)  # fmt: skip
    assert point.risk is Risk.NORMAL


def test_two_or_three_dozen_entities_are_on_for_a_usual_machine() -> None:
    own = ("appliance", "battery", "inverter", "grid_meter")
    usual = [point for point in POINTS if point.enabled and point.unit_kind in own]
    modules = [point for point in POINTS if point.enabled and point.unit_kind == "battery_module"]
    assert 20 <= len(usual) + len(modules) <= 36


def test_dangerous_and_unlasting_settings_are_off() -> None:
    off = ("restart", "peak_shaving", "wallbox_battery_support", "peak_shaving_reserve", "peak_shaving_until")
    assert not any(points_of("appliance")[key].enabled for key in off)
    assert not any(point.enabled for point in points_of("wallbox").values() if point.writable)


def test_controller_points() -> None:
    points = {key: point for key, point in points_of("appliance").items() if point.controller}
    assert set(points) == {"force_charge_target", "force_charge_until", "force_charge_state"}
    assert {point.controller for point in points.values()} == {"force_charge"}
    assert set(points["force_charge_state"].options.values()) == {phase.value for phase in Phase}


def test_fields() -> None:
    assert field("ENERGY.STAT_STATE") == Field("ENERGY", "STAT_STATE")
    assert field("BMS.SOC[n]") == Field("BMS", "SOC", Own.PLACE)
    assert field("BMS.SOC[n]").of(2) == Field("BMS", "SOC", 2)
    assert field("BMS.CELL_VOLTAGES_MODULE_{letter}[7]").of(1) == Field("BMS", "CELL_VOLTAGES_MODULE_B", 7)
    with pytest.raises(ValueError, match="nonsense"):
        field("nonsense")


# Packing


def test_one_request_for_everything_that_is_live() -> None:
    fields = [where for point in POINTS if point.pace is Pace.LIVE for where in point.address.of(0).fields]
    (request,) = pack(fields)
    assert sum(len(variables) for variables in request.values()) == len({where.variable for where in fields})
    assert len(encode_request(request)) < 1000


@pytest.mark.parametrize("longest", [60, 100, 379, 4000])
def test_no_request_is_longer_than_the_appliance_stands(longest: int) -> None:
    fields = [where for point in POINTS for number in range(4) for where in point.address.of(number).fields]
    requests = pack(fields, longest)
    sizes = [len(encode_request(request)) for request in requests]
    assert max(sizes) <= longest
    asked = [f"{section}.{name}" for request in requests for section, names in request.items() for name in names]
    assert sorted(asked) == sorted({where.variable for where in fields})
    if len(sizes) > 2:
        # Every request is as full as it can be.
        assert min(sizes[:-1]) > longest - 60


def test_nothing_to_read_is_no_request() -> None:
    assert pack([]) == []


# Signs, scales and forms


def test_battery_power_is_positive_while_discharging() -> None:
    assert value("battery", "battery_power", '{"ENERGY":{"GUI_BAT_DATA_POWER":"fl_43FA0000"}}') == -500.0
    assert value("battery", "battery_power", '{"ENERGY":{"GUI_BAT_DATA_POWER":"fl_C3FA0000"}}') == 500.0
    assert str(value("battery", "battery_power", '{"ENERGY":{"GUI_BAT_DATA_POWER":"fl_00000000"}}')) == "0.0"


def test_grid_power_is_positive_while_importing() -> None:
    assert value("appliance", "grid_power", '{"ENERGY":{"GUI_GRID_POW":"fl_43FA0000"}}') == 500.0


def test_pv_power_has_no_sign() -> None:
    assert value("appliance", "pv_power", '{"ENERGY":{"GUI_INVERTER_POWER":"fl_C3FA0000"}}') == 500.0
    assert str(value("appliance", "pv_power", '{"ENERGY":{"GUI_INVERTER_POWER":"fl_80000000"}}')) == "0.0"


@pytest.mark.parametrize(("wire", "limit"), [("u3_00000046", 70), ("fl_428C0000", 70.0)])
def test_the_type_is_that_of_the_value_not_of_the_variable(wire: str, limit: float) -> None:
    assert value("appliance", "feed_in_limit", f'{{"PV1":{{"POWER_RATIO":"{wire}"}}}}') == limit


def test_scales() -> None:
    assert (
        value("battery_module", "cell_voltage_2", '{"BMS":{"CELL_VOLTAGES_MODULE_B":["u1_0001","u1_0EE8"]}}', 1)
        == 3.816
    )
    assert value("battery", "highest_cell_temperature", '{"BMS":{"MAX_TEMP":"i1_FFF6"}}') == -1.0
    assert value("battery", "bms_state_of_charge", '{"BMS":{"SYSTEM_SOC":"u1_033E"}}') == 83.0
    assert value("battery", "design_capacity", '{"FACTORY":{"DESIGN_CAPACITY":"fl_461C4000"}}') == 10.0
    assert (
        value("wallbox", "charging_energy_counter", '{"STATISTIC":{"LIVE_WB_ENERGY":["u6_00000000000005DC"]}}') == 1.5
    )
    assert (
        value(
            "battery",
            "module_discharge_current_limit",
            '{"BMS_PARA":{"MAX_MODULE_DISCHARGE_CURRENT_LIMIT_A":"i1_FFE8"}}',
        )
        == 24
    )


def test_spread_of_cells() -> None:
    both = '{"BMS":{"MAX_CELL_VOLTAGE":["u1_0EE8"],"MIN_CELL_VOLTAGE":["u1_0EE0"]}}'
    assert value("battery_module", "cell_voltage_spread", both) == 0.008
    point = points_of("battery_module")["cell_voltage_spread"]
    spread = point.address.of(0).instead
    assert spread is not None
    answer = decode_body(b'{"BMS":{"CELL_VOLTAGES_MODULE_A":["u1_0EE8","u1_0EE0","u1_0EF0","u1_0000"]}}')
    assert to_value(point, spread, answer, Beliefs()) == 0.016


def test_bit_0_of_a_module_is_no_problem() -> None:
    assert value("battery_module", "module_problem", '{"BMS":{"STATUS":["u3_00000001"]}}') is False
    assert value("battery_module", "module_problem", '{"BMS":{"STATUS":["u3_00000003"]}}') is True
    assert value("battery_module", "module_problem", '{"BMS":{"STATUS":["u3_80000000"]}}') is True


def test_any_of_a_list_is_a_problem() -> None:
    assert value("battery", "rack_fault", '{"AMPACE":{"RACK_FAULT_STATE":["u3_00000000","u3_00000001"]}}') is True
    assert value("battery", "rack_fault", '{"AMPACE":{"RACK_FAULT_STATE":"u3_00000000"}}') is False


def test_times() -> None:
    body = '{"WIZARD":{"PS_HOUR":"u8_0D","PS_MINUTE":"u8_1E"}}'
    assert value("appliance", "peak_shaving_until", body) == time(13, 30)
    assert value("appliance", "peak_shaving_until", '{"WIZARD":{"PS_HOUR":"u8_18","PS_MINUTE":"u8_00"}}') is None
    clock = '{"RTC":{"WEB_TIME":"u3_66C87C67","UTC_OFFSET":"i3_00000078"}}'
    assert value("appliance", "device_clock", clock) == datetime(2024, 8, 23, 10, 11, 19, tzinfo=UTC)
    assert value("appliance", "device_clock", '{"RTC":{"WEB_TIME":"u3_00000000","UTC_OFFSET":"i3_00000000"}}') is None


@pytest.mark.parametrize(
    ("prohibited", "smart", "mode"),
    [(1, 0, "locked"), (1, 4, "locked"), (0, 0, "fast"), (0, 3, "solar_continuous"), (0, 4, "solar_interruptible"),
     (0, 1, None), (0, 2, None)],
)  # fmt: skip
def test_charging_modes(prohibited: int, smart: int, mode: str | None) -> None:
    body = f'{{"WALLBOX":{{"PROHIBIT_USAGE":["u8_0{prohibited}"],"SMART_CHARGE_ACTIVE":["u8_0{smart}"]}}}}'
    assert value("wallbox", "charging_mode", body) == mode


def test_state_and_its_companions() -> None:
    def states(code: str) -> list[Any]:
        body = f'{{"ENERGY":{{"STAT_STATE":"{code}"}}}}'
        keys = ("system_state", "system_error", "system_warning", "state_code", "state_text")
        return [value("appliance", key, body, texts={250: "NEUER ZUSTAND"}) for key in keys]

    assert states("u8_0E") == ["charge", False, False, 14, "Charge"]
    assert states("u8_27") == ["bms_error", True, False, 39, "Bms error"]
    assert states("u8_26") == ["no_server_connection", False, True, 38, "No server connection"]
    assert states("u8_FA") == [None, False, False, 250, "NEUER ZUSTAND"]
    assert states("u8_FB") == [None, False, False, 251, None]


def test_wallbox_error() -> None:
    assert value("wallbox", "wallbox_error", '{"WALLBOX":{"STATE":["u8_F3"]}}') is True
    assert value("wallbox", "wallbox_error", '{"WALLBOX":{"STATE":["u8_C2"]}}') is False
    assert value("wallbox", "wallbox_state", '{"WALLBOX":{"STATE":["u8_FF"]}}') is None


def test_texts() -> None:
    assert value("appliance", "application_version", '{"WIZARD":{"APPLICATION_VERSION":"st_0826"}}') == "0826"
    assert value("appliance", "control_unit_image", '{"SYS_UPDATE":{"NPU_IMAGE_VERSION":"u1_0905"}}') == "2309"
    assert value("inverter", "inverter_error_text", '{"STECA":{"ERRORTEXT":"st_ "}}') is None


def test_a_threshold_that_is_not_set() -> None:
    assert value("appliance", "sg_ready_proposal_power", '{"WIZARD":{"SG_READY_POWER_PROP":"u1_FFFF"}}') is None
    assert value("appliance", "sg_ready_proposal_power", '{"WIZARD":{"SG_READY_POWER_PROP":"u1_03E8"}}') == 1000


# What cannot be


@pytest.mark.parametrize(
    ("kind", "key", "body"),
    [
        ("appliance", "controller_temperature", '{"TEMPMEASURE":{"MCU_TEMP":"fl_C31E6315"}}'),
        ("battery", "battery_temperature", '{"TEMPMEASURE":{"BATTERY_TEMP":"fl_C2FC0000"}}'),
        ("battery", "battery_temperature", '{"TEMPMEASURE":{"BATTERY_TEMP":"fl_42CA0000"}}'),
        ("appliance", "grid_power", '{"ENERGY":{"GUI_GRID_POW":"fl_47435000"}}'),
        ("appliance", "grid_power", '{"ENERGY":{"GUI_GRID_POW":"fl_C7435000"}}'),
        ("battery", "state_of_charge", '{"ENERGY":{"GUI_BAT_DATA_FUEL_CHARGE":"fl_42CA0000"}}'),
        ("battery", "state_of_charge", '{"ENERGY":{"GUI_BAT_DATA_FUEL_CHARGE":"fl_C0A00000"}}'),
        ("battery_module", "state_of_charge", '{"BMS":{"SOC":["u1_FFFF"]}}'),
        ("grid_meter", "frequency", '{"PM1OBJ1":{"FREQ":"fl_00000000"}}'),
        ("grid_meter", "voltage_l1", '{"PM1OBJ1":{"U_AC":["fl_42C60000"]}}'),
        ("grid_meter", "voltage_l1", '{"PM1OBJ1":{"U_AC":["fl_438D0000"]}}'),
        ("appliance", "house_power", '{"ENERGY":{"GUI_HOUSE_POW":"fl_7FC00000"}}'),
    ],
)
def test_implausible_values_are_left_out(kind: str, key: str, body: str) -> None:
    assert value(kind, key, body) is None


def test_much_power_is_believed_of_a_machine_with_much_pv() -> None:
    body = '{"ENERGY":{"GUI_GRID_POW":"fl_47435000"}}'
    assert value("appliance", "grid_power", body, pv_peak=10_000.0) == 50_000.0
    assert value("appliance", "grid_power", body, pv_peak=5_000.0) is None


def test_a_phase_without_voltage_is_believed() -> None:
    assert value("grid_meter", "voltage_l1", '{"PM1OBJ1":{"U_AC":["fl_00000000"]}}') == 0.0
    assert value("battery", "battery_voltage", '{"ENERGY":{"GUI_BAT_DATA_VOLTAGE":"fl_42480000"}}') == 50.0


@pytest.mark.parametrize(
    ("collected", "voltage", "share"),
    [("u8_01", "fl_42480000", 0.0), ("u8_00", "fl_42480000", None), ("u8_01", "fl_00000000", None),
     ("VARIABLE_NOT_FOUND", "fl_42480000", 0.0), ("VARIABLE_NOT_FOUND", "er_", 0.0)],
)  # fmt: skip
def test_an_empty_battery_is_believed_only_with_valid_data(collected: str, voltage: str, share: float | None) -> None:
    energy = (
        f'"GUI_BAT_DATA_FUEL_CHARGE":"fl_00000000","GUI_BAT_DATA_COLLECTED":"{collected}",'
        f'"GUI_BAT_DATA_VOLTAGE":"{voltage}"'
    )
    assert value("battery", "state_of_charge", f'{{"ENERGY":{{{energy}}}}}') == share


def test_what_is_missing_for_a_point() -> None:
    answer = decode_body(b'{"ENERGY":{"STAT_STATE":"er_x","GUI_GRID_POW":"fl_7FC00000"}}')
    lack = missing(answer, at("ENERGY.STAT_STATE", Form.STATE))
    assert lack is not None
    assert lack.text == "er_x"
    assert missing(answer, at("ENERGY.GUI_GRID_POW")) is None
    assert missing(answer, at("ENERGY.GUI_GRID_POW ENERGY.OTHER")) is not None


# The appliance's own words


def test_words_of_the_web_pages() -> None:
    script = (
        'var other = { 14: "no" };\nvar system_state_name = {\n0: "INITIALSTATE", 14 : \'CHARGE\',\n'
        '101: "A \\"NEW\\" ONE \\u00dc",\n};\nvar more = { 102: "no" };'
    )
    assert system_states(script) == {0: "INITIALSTATE", 14: "CHARGE", 101: 'A "NEW" ONE Ü'}
    assert system_states("") == {}
    assert system_states("var system_state_name = {") == {}
    assert system_states("system_state_name = {" + "1:" * 50_000) == {}
