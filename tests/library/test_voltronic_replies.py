"""What replies mean: every captured one against the table of fields, and the notes of the reference one by one."""

import csv
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from custom_components.local_solar.solarlink.errors import BadAnswerError
from custom_components.local_solar.solarlink.points import Quantity
from custom_components.local_solar.solarlink.voltronic import alarms, states
from custom_components.local_solar.solarlink.voltronic.blocks import MEMBER, ROOT, Block, Dialect
from custom_components.local_solar.solarlink.voltronic.codec import Frame, FrameReader
from custom_components.local_solar.solarlink.voltronic.decode import DECODERS
from custom_components.local_solar.solarlink.voltronic.derive import Derivation
from custom_components.local_solar.solarlink.voltronic.facts import Facts
from custom_components.local_solar.solarlink.voltronic.fields import number
from custom_components.local_solar.solarlink.voltronic.manner import Manner
from custom_components.local_solar.solarlink.voltronic.points import POINTS
from custom_components.local_solar.solarlink.voltronic.queries import blocks_of_words
from custom_components.local_solar.solarlink.voltronic.replies import fields_of
from custom_components.local_solar.solarlink.voltronic.states import PriorityMap
from custom_components.local_solar.solarlink.voltronic.warnings import severities

REFERENCE = Path(__file__).parents[3] / "shared" / "protocols" / "voltronic"
needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason="the protocol reference is not here")

OTHER_NAMES = {
    "grid_voltage": "ac_input_voltage",
    "grid_frequency": "ac_input_frequency",
    "output_voltage": "ac_output_voltage",
    "output_frequency": "ac_output_frequency",
    "output_apparent_power": "ac_output_apparent_power",
    "output_active_power": "ac_output_power",
    "battery_soc": "state_of_charge",
    "rated_grid_voltage": "rated_input_voltage",
    "rated_grid_current": "rated_input_current",
    "rated_active_power": "rated_power",
    "bulk_voltage": "absorption_voltage",
    "max_ac_charge_current": "max_utility_charge_current",
    "cv_time": "max_absorption_time",
    "total_charge_current": "group_charge_current",
    "total_apparent_power": "group_apparent_power",
    "total_active_power": "group_output_power",
    "total_load_percent": "group_load_percent",
    "seconds_to_end_absorb": "absorption_remaining",
    "seconds_to_end_float": "float_remaining",
    "max_temperature": "highest_temperature",
    "bms_soc": "bms_state_of_charge",
}
"""What the table of fields calls otherwise than we do."""


def rows(name: str) -> list[dict[str, str]]:
    if not REFERENCE.is_dir():
        return []
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def own_name(key: str) -> str:
    second = "l2_" if key.startswith("l2_") else ""
    name = key.removeprefix("l2_")
    return second + OTHER_NAMES.get(name, name)


def manner_of(row: Mapping[str, str]) -> Manner:
    if row["request"].startswith("^"):
        return Manner(dialect=Dialect.PI18)
    return Manner(dialect=Dialect.PI41 if "PI41" in row["device"] else Dialect.PI30, firmware=72.70)


def decoded(row: Mapping[str, str]) -> dict[str, Any]:
    _, block = blocks_of_words()[row["request"]]
    [frame] = FrameReader().feed(bytes.fromhex(row["reply_hex"]))
    return fields_of(block, frame, manner_of(row))


CAPTURED = [row for row in rows("captures.csv") if row["request"] in blocks_of_words()]


def names_of_table(request: str, count: int) -> tuple[str, ...]:
    """How the table of fields calls a request whose reply has ``count`` fields."""
    plain = request.rstrip("0123456789") if request.startswith(("QPGS", "QP2GS")) else request
    plain += "n" if plain != request else ""
    if request.startswith("^P005FWS"):
        plain = "^P006FWS"
    return plain, f"{plain} ({count} fields)"


@needs_reference
def test_the_captures_cover_the_dialects() -> None:
    assert len(CAPTURED) > 75
    assert {row["request"] for row in CAPTURED} >= {"QPIGS", "QPIRI", "QPIGS2", "QPGS0", "QP2GS0", "Q1", "^P005GS"}


@pytest.mark.parametrize("row", CAPTURED, ids=[f"{row['device'][:20]}-{row['request']}" for row in CAPTURED])
def test_every_captured_number_is_decoded(row: Mapping[str, str]) -> None:
    """The table says where each number stands and in which unit; our field of that name must have it."""
    fields = decoded(row)
    assert fields
    comma = row["request"].startswith("^")
    parts = [part.strip() for part in row["reply_payload"][5:].split(",")] if comma else row["reply_payload"].split()
    table = rows("pi18_fields.csv" if comma else "pi30_fields.csv")
    names = names_of_table(row["request"], len(parts))
    checked = 0
    for entry in table:
        if entry["request" if comma else "command"] not in names or ".." in entry["index"]:
            continue
        key, scale = own_name(entry["key"]), entry["scale"]
        index = int(entry["index"])
        if key not in fields or isinstance(fields[key], str | bool) or index >= len(parts) or not entry["unit"]:
            continue
        told = number(parts[index])
        unit = 0.001 if entry["unit"] == "mV" else 1.0
        if fields[key] is None:
            # A 0 that means "not reported", and a heat sink that is no temperature.
            assert not told or key.endswith("temperature")
            continue
        if key in ("ac_output_power", "ac_output_apparent_power") and "l1_ac_output_power" in fields:
            key = f"l1_{key}"
        assert told is not None
        assert fields[key] == pytest.approx(told * float(scale or 1) * unit), key
        checked += 1
    by_number = {"QPIGS", "QPIRI", "QPIGS2", "QPGS0", "QPGS1", "QP2GS0", "QBEQI", "^P005GS", "^P007PIRI"}
    if row["request"] in by_number:
        assert checked >= 3


# Section 15 and the notes of section 6


MEMBER_REPLY = (
    "1 92931905106463 B 00 231.8 49.96 229.0 50.01 0458 0437 009 52.2 000 030 302.5 000 00848 00774 007 "
    "10100010 1 2 060 080 60 00 000"
)
STATUS = "233.8 49.8 230.2 49.8 0277 0250 005 363 52.00 000 028 0045 0000 289.6 00.00 00001 00010010 00 00 00241 010"


def of(block: Block, text: str, **manner: Any) -> dict[str, Any]:
    return fields_of(block, Frame("^" if manner.get("dialect") is Dialect.PI18 else "(", text), Manner(**manner))


def changed(text: str, **places: str) -> str:
    parts = text.split(" ")
    for place, value in places.items():
        parts[int(place.removeprefix("f"))] = value
    return " ".join(parts)


def test_status_of_the_document() -> None:
    fields = of(Block.STATUS, STATUS)
    assert (fields["ac_input_voltage"], fields["ac_input_frequency"]) == (233.8, 49.8)
    assert (fields["ac_output_power"], fields["load_percent"], fields["bus_voltage"]) == (250.0, 5.0, 363.0)
    assert (fields["battery_voltage"], fields["state_of_charge"]) == (52.0, 28.0)
    assert fields["heatsink_temperature"] == 45.0
    assert fields["scc_battery_voltage"] is None
    assert (fields["battery_current"], fields["battery_power"]) == (-1.0, 52.0)
    assert (fields["pv1_power"], fields["pv1_voltage"]) == (241.0, 289.6)
    assert (fields["load_on"], fields["solar_charging"], fields["utility_charging"]) == (True, True, False)
    assert (fields["switched_on"], fields["float_charging"]) == (True, False)
    assert fields["charge_source"] == "solar"
    assert fields["charging"] is False
    assert fields["grid_present"] is True


def test_battery_power_is_negative_while_charging() -> None:
    fields = of(Block.STATUS, changed(STATUS, f9="020", f15="00000", f8="54.50"))
    assert (fields["battery_current"], fields["battery_power"]) == (20.0, -1090.0)
    assert fields["charging"] is True


@pytest.mark.parametrize(
    ("bits", "source"),
    [("000", "none"), ("110", "solar"), ("101", "utility"), ("111", "solar_and_utility"), ("010", "solar")],
)
def test_what_charges(bits: str, source: str) -> None:
    assert of(Block.STATUS, changed(STATUS, f16="00010" + bits))["charge_source"] == source


def test_fields_that_cannot_be_read_cost_no_other() -> None:
    fields = of(Block.STATUS, changed(STATUS, f0="---.-", f8="-", f13="--.-"))
    assert fields["ac_input_voltage"] is None
    assert fields["battery_power"] is None
    assert fields["ac_output_power"] == 250.0


def test_five_digits_and_a_tail_of_a_newer_firmware() -> None:
    fields = of(Block.STATUS, changed(STATUS, f4="03927", f5="03919") + " 1 01 0123 77 88")
    assert (fields["ac_output_power"], fields["feed_in_power"]) == (3919.0, 123.0)
    assert (fields["feed_in_active"], fields["grid_regulation"]) == (True, "germany")


@pytest.mark.parametrize(
    ("text", "power"),
    [
        pytest.param(STATUS, 241.0, id="told"),
        pytest.param(" ".join(changed(STATUS, f12="02.7", f13="323.6").split()[:17]), 873.72, id="panel current"),
        pytest.param(" ".join(changed(STATUS, f12="0014", f14="57.45").split()[:17]), 804.3, id="charger's current"),
        pytest.param(" ".join(changed(STATUS, f12="0042", f8="54.40").split()[:17]), 2284.8, id="without its voltage"),
    ],
)
def test_pv_power_by_what_the_unit_tells(text: str, power: float) -> None:
    assert of(Block.STATUS, text)["pv1_power"] == pytest.approx(power)


def test_a_heat_sink_that_is_no_temperature() -> None:
    raw = changed(STATUS, f11="0422")
    assert of(Block.STATUS, raw)["heatsink_temperature"] is None
    fields = of(Block.STATUS, raw, heatsink_degrees=False)
    assert fields["heatsink_raw"] == 422.0
    assert "heatsink_temperature" not in fields


def test_status_bits_of_a_split_phase_unit() -> None:
    fields = of(Block.STATUS, changed(STATUS, f16="10101011"), dialect=Dialect.PI41)
    assert (fields["scc_ok"], fields["utility_charging"], fields["solar_charging"]) == (True, False, True)
    assert (fields["battery_status"], fields["load_on"], fields["configuration_changed"]) == (
        "under_voltage",
        True,
        True,
    )
    assert fields["grid_present"] is True


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (Block.STATUS, "B"),
        (Block.STATUS, " ".join(STATUS.split()[:16])),
        (Block.STATUS, changed(STATUS, f16="0001001")),
        (Block.MODE, "00"),
        (Block.MODE, STATUS),
        (Block.WARNINGS, "B"),
        (Block.WARNINGS, "00238800"),
        (Block.RATINGS, STATUS),
        (Block.RATINGS, MEMBER_REPLY),
        (Block.FLAGS, "B"),
        (Block.PV_TOTAL, "20210726122606"),
        (Block.CLOCK, "00238800"),
        (Block.PARALLEL, STATUS + " 1 2 3 4 5 6 7"),
        (Block.SECOND, "01.0 202.0"),
        (Block.EQUALIZATION, STATUS),
        (Block.FIRMWARE, "NAKED"),
    ],
)  # fmt: skip
def test_a_reply_to_another_request_is_none_to_this_one(block: Block, text: str) -> None:
    with pytest.raises(BadAnswerError):
        of(block, text)


@pytest.mark.parametrize(
    ("letter", "mode"),
    [("P", "power_on"), ("S", "standby"), ("L", "line"), ("B", "battery"), ("F", "fault"), ("H", "power_saving"),
     ("D", "shutdown"), ("C", "charging"), ("Y", "bypass"), ("E", "eco"), ("G", "grid"), ("X", None)],
)  # fmt: skip
def test_modes(letter: str, mode: str | None) -> None:
    assert of(Block.MODE, letter) == {"inverter_mode": mode}


RATINGS = "230.0 34.7 230.0 50.0 34.7 8000 8000 48.0 51.0 48.0 55.2 55.0 2 010 040 0 2 3 9 01 0 0 52.0 1 1 480 0 140"


def test_ratings_of_the_document() -> None:
    fields = of(Block.RATINGS, RATINGS)
    assert fields["battery_type"] == "user"
    assert (fields["max_utility_charge_current"], fields["max_charge_current"]) == (10.0, 40.0)
    assert fields["input_voltage_range"] == "appliance"
    assert fields["output_source_priority"] == "solar_battery_utility"
    assert fields["charger_source_priority"] == "only_solar"
    assert (fields["max_absorption_time"], fields["operation_logic"]) == (480.0, "automatic")
    assert fields["max_discharge_current"] == 140.0
    assert (fields["absorption_voltage"], fields["float_voltage"]) == (55.2, 55.0)
    assert (fields["pv_ok_condition"], fields["solar_power_balance"]) == ("all_units", True)


def test_shifted_priorities_and_those_of_the_king() -> None:
    shifted = of(Block.RATINGS, RATINGS, output_map=PriorityMap.SHIFTED, charger_map=PriorityMap.SHIFTED)
    assert shifted["output_source_priority"] == "utility_first"
    assert shifted["charger_source_priority"] is None
    king = of(Block.RATINGS, RATINGS, charger_map=PriorityMap.KING)
    assert king["charger_source_priority"] == "solar_load_battery_utility_never_charges"


def test_extras_of_clones_are_kept_apart() -> None:
    fields = of(Block.RATINGS, " ".join(RATINGS.split()[:25]) + " 23.5 12 22.0")
    assert fields["ratings_extra"] == "23.5 12 22.0"
    assert "max_absorption_time" not in fields
    assert of(Block.RATINGS, changed(RATINGS, f18="-"))["parallel_max"] is None


def test_second_replies_in_their_three_shapes() -> None:
    assert of(Block.SECOND, "01.0 202.0 00205 ") == {"pv2_current": 1.0, "pv2_voltage": 202.0, "pv2_power": 205.0}
    duo = of(Block.SECOND, "0012 098.7 51.20 00614 11000000 0002 0102 0007 101.5 51.30 0359 01587")
    assert (duo["pv2_power"], duo["pv3_power"], duo["pv_total_power"]) == (614.0, 359.0, 1587.0)
    assert (duo["scc2_charging"], duo["scc3_charging"], duo["ac_charge_power"]) == (True, True, 102.0)
    split = of(Block.SECOND, "121.0 60.0 120.5 60.0 0410 0390 016 0004 110.2 52.10 10100010")
    assert (split["l2_ac_output_power"], split["pv2_power"]) == (390.0, 208.4)
    assert (split["scc2_charging"], split["l2_grid_present"], split["l2_load_on"]) == (True, True, True)


def test_flags_are_told_apart_by_their_case() -> None:
    fields = of(Block.FLAGS, "EkuvxyzDabdjln")
    assert fields["feed_to_grid"] is False
    assert fields["lcd_return_to_default"] is True
    assert "battery_connect_status" not in fields
    assert of(Block.FLAGS, "EbkuzDajvxy;")["overload_bypass"] is True


# Warnings and faults


def word(*positions: int, length: int = 36) -> str:
    return "".join("1" if n in positions else "0" for n in range(length))


def test_warnings_of_the_document() -> None:
    fields = of(Block.WARNINGS, "00000010000100000000000000000000")
    assert severities(fields) == {"output_short": "warning", "battery_voltage_high": "warning"}
    assert (fields["fault"], fields["warning"]) == (False, True)
    assert fields["alarm_output_short"] is True
    assert fields["active_alarms"] == "output_short, battery_voltage_high"


@pytest.mark.parametrize("position", [9, 10, 11, 16])
def test_some_warnings_are_faults_when_there_is_a_fault(position: int) -> None:
    slug = alarms.WARNING_BITS[position].slug
    assert severities(of(Block.WARNINGS, word(position)))[slug] == "warning"
    assert severities(of(Block.WARNINGS, word(1, position)))[slug] == "fault"


def test_information_is_neither_warning_nor_fault() -> None:
    fields = of(Block.WARNINGS, word(0, 35))
    assert (fields["fault"], fields["warning"]) == (False, False)
    assert fields["active_alarms"] == "pv_loss, battery_equalization"


def test_position_six_by_model() -> None:
    assert severities(of(Block.WARNINGS, word(6), output_short_is_fault=True)) == {"output_short": "fault"}
    assert severities(of(Block.WARNINGS, word(27), mppt_overload_is_fault=True)) == {"mppt_overload_fault": "fault"}
    assert severities(of(Block.WARNINGS, word(30), dcdc_is_warning=True)) == {"dcdc_over_current": "warning"}


@pytest.mark.parametrize("start", [31, 32])
def test_the_fault_code_in_the_word(start: int) -> None:
    text = word(1)[:start] + "51" + word()[start + 2 :]
    fields = of(Block.WARNINGS, text, fault_digits_at=start)
    assert fields["fault_code"] == "inverter_over_current"
    assert severities(fields)["inverter_over_current"] == "fault"
    assert fields["active_alarms"] == "inverter_fault"
    assert of(Block.WARNINGS, word(), fault_digits_at=start)["fault_code"] == "none"


def test_a_fault_code_of_an_unknown_model_shows_itself_by_its_digits() -> None:
    assert of(Block.WARNINGS, word(1)[:31] + "57" + word()[33:])["fault_code"] == "current_sensor_fail"
    assert of(Block.WARNINGS, word(1)[:32] + "08" + word()[34:])["fault_code"] == "bus_over"
    assert "fault_code" not in of(Block.WARNINGS, word(31))


@pytest.mark.parametrize(
    ("facts", "place"),
    [
        (Facts(model_code="027"), 31),
        (Facts(model_code="042"), 32),
        (Facts(dialect="PI30MAX", battery=24), 31),
        (Facts(dialect="PI30MAX", battery=48), 32),
        (Facts(model_code="014"), None),
    ],
)
def test_where_models_have_their_fault_code(facts: Facts, place: int | None) -> None:
    assert facts.manner().fault_digits_at == place


def test_a_word_of_three_chargers_means_something_else() -> None:
    assert of(Block.WARNINGS, word(31, length=38))["active_alarms"] == "mppt2_overload_fault"
    assert of(Block.WARNINGS, word(31, length=36))["active_alarms"] == "battery_weak"


def test_warnings_of_pi18() -> None:
    fields = of(Block.WARNINGS, "D03900,0,0,0,0,0,0,0,0,1,0,0,0,0,0,0,0,0", dialect=Dialect.PI18)
    assert severities(fields) == {"eeprom_fault": "warning"}
    faulty = of(Block.WARNINGS, "D03902,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0", dialect=Dialect.PI18)
    assert severities(faulty) == {"inverter_fault": "fault", "over_temperature": "fault"}
    assert (faulty["fault"], faulty["fault_code"]) == (True, "over_temperature")


@needs_reference
def test_every_warning_and_fault_of_the_tables_has_a_name() -> None:
    for row in rows("pi30_faults.csv"):
        assert int(row["code"]) in alarms.FAULT_CODES
    for row in rows("pi30_warnings.csv"):
        position = int(row["position"])
        triple = row["models"].startswith("38-character")
        alarm = alarms.TRIPLE_CHARGER_BITS[position - 30] if triple else alarms.WARNING_BITS[position]
        kind = {"fault": "fault", "warning": "warning"}
        if row["level"] in kind and "fault" not in alarm.slug and position:
            assert alarm.severity == kind[row["level"]], row
    for row in rows("pi30_flags.csv"):
        assert row["letter"] in states.FLAG_LETTERS or row["key"].startswith("unknown")
    for row in rows("models_qgmn.csv"):
        assert row["code"] in states.MODELS


# Other replies


def test_a_parallel_unit() -> None:
    fields = of(Block.PARALLEL, MEMBER_REPLY)
    assert (fields["member_present"], fields["member_serial"]) == (True, "92931905106463")
    assert (fields["ac_output_power"], fields["group_output_power"]) == (437.0, 774.0)
    assert (fields["scc_ok"], fields["solar_charging"], fields["fault_code"]) == (True, True, "none")
    assert fields["charger_source_priority"] == "solar_and_utility"


def test_charger_internals_in_their_shapes() -> None:
    old = "00120 03600 01 01 00 059 045 053 068 00 00 000 0040 0580 0000 50.00 13"
    fields = of(Block.CHARGER, old, firmware=72.70)
    assert (fields["charge_stage"], fields["scc_charge_power"], fields["absorption_remaining"]) == (
        "float",
        580.0,
        120.0,
    )
    assert "absorption_remaining" not in of(Block.CHARGER, old, firmware=71.71)
    vmii = "030 5472 00000 00000 05472 05472 01 01 027 036 027 030 00 00 000 5472 0000 10"
    assert of(Block.CHARGER, vmii)["charge_stage"] == "idle"
    assert of(Block.CHARGER, vmii)["inverter_temperature"] == 36.0
    assert of(Block.CHARGER, "1 2 3") == {}


def test_battery_management() -> None:
    fields = of(Block.BMS, "0 080 0 0 1 532 530 450 0600 1500")
    assert (fields["bms_connected"], fields["bms_state_of_charge"], fields["bms_stop_charge"]) == (True, 80.0, True)
    assert (fields["bms_charge_voltage"], fields["bms_max_discharge_current"]) == (53.2, 1500.0)
    assert of(Block.BMS, "ACK") == {}
    assert "bms_raw" in of(Block.BMS, "1 2 3 4 5 6 7 8 9 10 11 12 13")


def test_counters_and_clock() -> None:
    assert of(Block.PV_TOTAL, "00238800") == {"pv_energy_total": 238.8}
    assert of(Block.CLOCK, "20210726122606") == {"wall_clock": datetime(2021, 7, 26, 12, 26, 6)}  # noqa: DTZ001
    assert of(Block.CLOCK, "00000000000000") == {"wall_clock": None}
    total = of(Block.PV_TOTAL, "D01100320400", dialect=Dialect.PI18)
    assert total == {"pv_energy_total": 320.4}
    in_kwh = of(Block.PV_TOTAL, "D01100320400", dialect=Dialect.PI18, energy_factor=1.0)
    assert in_kwh == {"pv_energy_total": 320400.0}


def test_status_of_pi18() -> None:
    text = "D1062312,500,0000,000,0000,0000,000,518,000,000,000,004,036,027,000,000,0302,0000,2438,0000,0,2,0,0,1,2,2,0"
    fields = of(Block.STATUS, text, dialect=Dialect.PI18)
    assert (fields["ac_input_voltage"], fields["ac_input_frequency"], fields["battery_voltage"]) == (231.2, 50.0, 51.8)
    assert (fields["battery_current"], fields["state_of_charge"]) == (4.0, 36.0)
    assert fields["battery_power"] == pytest.approx(-207.2)
    assert (fields["pv1_power"], fields["pv1_voltage"]) == (302.0, 243.8)
    assert (fields["line_direction"], fields["feed_in_active"], fields["charge_source"]) == ("feed_in", True, "solar")
    assert fields["mppt1_temperature"] is None


def test_a_parallel_unit_of_pi18() -> None:
    ratings = of(Block.PARALLEL_RATINGS, "D039" + "1,14,92932105105335005535,2,060,030,1", dialect=Dialect.PI18)
    assert (ratings["member_present"], ratings["member_serial"]) == (True, "92932105105335")
    assert (ratings["charger_source_priority"], ratings["max_charge_current"]) == ("only_solar", 60.0)
    text = (
        "D1131,05,00,2312,500,2300,500,0458,0437,00848,00774,009,007,522,003,000,000,030,0241,0100,2896,1023,"
        "2,1,1,2,2,0,045"
    )
    fields = of(Block.PARALLEL, text, dialect=Dialect.PI18)
    assert (fields["inverter_mode"], fields["fault_code"], fields["fault"]) == ("hybrid", "none", False)
    assert (fields["ac_output_power"], fields["group_output_power"], fields["pv_power"]) == (437.0, 774.0, 341.0)
    assert (fields["battery_power"], fields["highest_temperature"]) == (pytest.approx(156.6), 45.0)


def test_defaults_of_three_chargers_swap_two_currents() -> None:
    text = "230.0 50.0 0030 42.0 54.0 56.4 46.0 60 0 0 2 0 0 0 0 0 1 1 0 0 1 0 54.0 0 1"
    assert of(Block.DEFAULTS, text)["default_max_utility_charge_current"] == 30.0
    assert of(Block.DEFAULTS, text + " 0 1 060 255")["default_max_utility_charge_current"] == 60.0


# What several replies say together


def test_pv_power_of_all_trackers() -> None:
    status, second = of(Block.STATUS, STATUS), of(Block.SECOND, "01.0 202.0 00205 ")
    blocks = {Block.STATUS: set(status), Block.SECOND: set(second)}
    derivation = Derivation(Dialect.PI30MAX, blocks)
    assert derivation.blocks("pv_power") == (Block.STATUS, Block.SECOND)
    assert derivation.value("pv_power", {Block.STATUS: status, Block.SECOND: second}) == 446.0
    assert derivation.value("pv_power", {Block.STATUS: status, Block.SECOND: second | {"pv2_power": None}}) is None
    alone = Derivation(Dialect.PI30, {Block.STATUS: set(status)})
    assert alone.blocks("pv_power") == (Block.STATUS,)
    assert alone.value("pv_power", {Block.STATUS: status}) == 241.0


@pytest.mark.parametrize(
    ("places", "stage"),
    [
        ({"f16": "00010000"}, "idle"),
        ({"f16": "00010110"}, "bulk"),
        ({"f16": "00010110", "f8": "55.10", "f9": "010"}, "absorption"),
        ({"f16": "00010110", "f20": "110"}, "float"),
    ],
)
def test_charge_stage_from_the_status(places: dict[str, str], stage: str) -> None:
    status, ratings = of(Block.STATUS, changed(STATUS, **places)), of(Block.RATINGS, RATINGS)
    derivation = Derivation(Dialect.PI30, {Block.STATUS: set(status)})
    assert derivation.value("charge_stage", {Block.STATUS: status, Block.RATINGS: ratings}) == stage


def test_power_of_both_phases() -> None:
    status = of(Block.STATUS, STATUS, dialect=Dialect.PI41)
    second = of(Block.SECOND, "121.0 60.0 120.5 60.0 0410 0390 016 0004 110.2 52.10 10100010")
    derivation = Derivation(Dialect.PI41, {Block.STATUS: set(status), Block.SECOND: set(second)})
    assert derivation.value("ac_output_power", {Block.STATUS: status, Block.SECOND: second}) == 640.0


# The table of points


def test_every_point_has_a_field_and_every_integral_its_source() -> None:
    kinds = {ROOT, MEMBER}
    keys = {kind: {point.key for point in POINTS if point.unit_kind == kind} for kind in kinds}
    assert sum(len(each) for each in keys.values()) == len(POINTS)
    for point in POINTS:
        if point.integral is not None:
            assert point.integral.source in keys[point.unit_kind]
            assert not point.integral.counter or point.integral.counter in keys[point.unit_kind]
        for other in (point.below, point.above):
            assert other is None or other in keys[point.unit_kind]
        if point.quantity is Quantity.STATE:
            assert point.options


def test_facts_survive_json_and_refuse_what_is_no_facts() -> None:
    facts = Facts(dialect="PI30MAX", serial="1", blocks={"status": ["pv_power"]}, forms={"max_charge_current": 1})
    assert Facts.from_dict(json.loads(json.dumps(facts.as_dict()))) == facts
    for bad in ({}, {"version": 0}, facts.as_dict() | {"dialect": "PI99"}, facts.as_dict() | {"more": 1}):
        assert Facts.from_dict(bad) is None


@pytest.mark.parametrize(
    ("facts", "maps"),
    [
        (Facts(model_name="VMII-4000"), ("shifted", "shifted")),
        (Facts(firmware="00040.05"), ("shifted", "shifted")),
        (Facts(model_name="LV6548"), ("standard", "shifted")),
        (Facts(model_code="023"), ("standard", "king")),
        (Facts(model_name="VMIII-3200", firmware="00072.70"), ("standard", "standard")),
    ],
)
def test_priority_maps_by_model(facts: Facts, maps: tuple[str, str]) -> None:
    manner = facts.manner()
    assert (manner.output_map, manner.charger_map) == maps
    overridden = facts.manner("shifted")
    assert (overridden.output_map, overridden.charger_map) == ("shifted", "shifted")


# Decoding recordings


def test_decoding_hex_and_text() -> None:
    for text in ("28 42 E7 C9 0D", "2842e7c90d\n", "B", "(B"):
        assert DECODERS["QMOD"](text, {})["values"] == {"inverter": {"inverter_mode": "battery"}}
    assert DECODERS["QET"]("00238800", {})["values"] == {"inverter": {"pv_energy_total": 238.8}}
    assert DECODERS["QSID"]("1492932105105335005535", {})["values"] == {"inverter": {"serial": "92932105105335"}}
    assert DECODERS["QMOD"]("NAK", {})["failed"] == {"inverter": {"mode": "refused"}}
    split = DECODERS["QPIGS"](STATUS, {"dialect": "pi41"})["values"]["inverter"]
    assert "battery_status" in split


@pytest.mark.parametrize(
    ("what", "text", "options", "reason"),
    [
        ("QMOD", "28 42 E7 C8 0D", {}, "no reply with a right checksum"),
        ("QMOD", "", {}, "neither hex nor the text"),
        ("QMOD", "B", {"dialect": "PI99"}, "no dialect"),
        ("QPIGS", "B", {}, "fields instead of"),
        ("^P005GS", "B", {}, "another dialect"),
    ],
)
def test_what_cannot_be_decoded(what: str, text: str, options: dict[str, str], reason: str) -> None:
    with pytest.raises(BadAnswerError, match=reason):
        DECODERS[what](text, options)
