"""Every recorded reply of real stacks decodes, or is refused politely; the examples have the values they show."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from custom_components.local_solar.solarlink.errors import BadAnswerError, HighVoltageStackError
from custom_components.local_solar.solarlink.pylontech import alarms, codec_rs485 as rs485
from custom_components.local_solar.solarlink.pylontech.codec import lines_of, payload
from custom_components.local_solar.solarlink.pylontech.codec_cells import read_cells, read_health
from custom_components.local_solar.solarlink.pylontech.codec_power import PowerTable, read_power
from custom_components.local_solar.solarlink.pylontech.codec_values import (
    pairs,
    read_counters,
    read_detail,
    read_identity,
    read_log,
    read_time,
)
from custom_components.local_solar.solarlink.pylontech.decode import DECODERS

REFERENCE = Path(__file__).parents[3] / "shared" / "protocols" / "pylontech"
needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason="the protocol reference is not here")
pytestmark = needs_reference


def rows(name: str) -> list[dict[str, str]]:
    if not REFERENCE.is_dir():
        return []
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


DUMPS = rows("dumps/INDEX.csv")
LOW = [row["file"] for row in DUMPS if not row["layout"].startswith("HV") and "hv_" not in row["file"]]
HIGH = {"pwr", "unit", "bat", "info"}
FRAMES = rows("rs485_frames.csv")


def dump(name: str) -> str:
    text = (REFERENCE / "dumps" / name).read_text(encoding="utf-8")
    return text.encode().decode("unicode_escape") if ".esc." in name else text


def command(name: str) -> tuple[str, int]:
    word, _, slot = Path(name).name.partition(".")[0].partition("_")
    return word, int(slot or 0)


def lines(name: str) -> list[str]:
    word, slot = command(name)
    return payload(dump(name), f"{word} {slot}" if slot else word)


def table(name: str) -> PowerTable:
    return read_power(lines(name))


def read(name: str) -> Any:
    word, slot = command(name)
    told = lines(name)
    match word:
        case "pwr":
            return read_detail(told, slot) if slot else read_power(told)
        case "bat":
            return read_cells(told)
        case "info":
            return read_identity(told, slot)
        case "stat":
            return read_counters(told, slot)
        case "soh":
            return read_health(told)
        case "time":
            return read_time(told)
        case "log":
            return read_log(told)
    raise AssertionError(word)


@pytest.mark.parametrize("name", [name for name in LOW if "help" not in name])
def test_every_recorded_reply_decodes(name: str) -> None:
    assert read(name)
    word, _ = command(name)
    decoded = DECODERS[word](dump(name), {})
    assert decoded["values"]
    assert decoded["failed"] == {}


def test_a_reply_without_its_end_is_damaged() -> None:
    """The recorded list of commands stops at the pager."""
    with pytest.raises(BadAnswerError, match="end of the reply"):
        payload(dump("us2000bplus_b66.6_wire/help.esc.txt"), "help")


@pytest.mark.parametrize("row", [row for row in DUMPS if row["command"] == "pwr"], ids=lambda row: row["file"])
def test_the_layout_is_that_of_the_index(row: dict[str, str]) -> None:
    if row["layout"] == "HV":
        with pytest.raises(HighVoltageStackError):
            table(row["file"])
    else:
        assert table(row["file"]).layout == row["layout"]


@pytest.mark.parametrize("word", sorted(HIGH))
def test_high_voltage_is_refused(word: str) -> None:
    readers: dict[str, Callable[[list[str]], Any]] = {"bat": read_cells, "info": read_identity}
    reader = readers.get(word, read_power)
    with pytest.raises(HighVoltageStackError, match="not supported"):
        reader(lines(f"hv_sc_b52.34/{word}.txt"))


@pytest.mark.parametrize("word", ["soh", "stat", "time", "sysinfo"])
def test_other_replies_of_a_tower_are_read_without_harm(word: str) -> None:
    name = f"hv_sc_b52.34/{word}.txt"
    assert pairs(lines(name)) if word == "sysinfo" else read(name)


# Examples B to E of the reference


def test_example_of_layout_a() -> None:
    module = table("us2000bplus_b66.6_wire/pwr.esc.txt").modules[1]
    assert (module["battery_voltage"], module["battery_current"]) == (50.691, 3.806)
    assert (module["battery_temperature"], module["state_of_charge"]) == (17.0, 89.0)
    assert (module["lowest_cell_voltage"], module["highest_cell_voltage"]) == (3.378, 3.381)
    assert module["battery_state"] == "charging"
    assert module["battery_power"] == pytest.approx(-192.9, abs=0.05)


def test_example_of_layout_b() -> None:
    found = table("mixed_us5000_us2000c_us2000bplus/pwr.txt")
    assert sorted(found.modules) == [1, 2, 3, 4]
    assert found.slots == 16
    module = found.modules[3]
    assert (module["battery_voltage"], module["battery_current"], module["battery_temperature"]) == (49.909, 5.08, 33.0)
    assert "mosfet_temperature" not in module
    assert found.modules[1]["mosfet_temperature"] == 27.5
    assert module["state_of_charge"] == 35.0


def test_example_of_layout_c() -> None:
    module = table("us5000_v2.0/pwr.txt").modules[2]
    assert (module["battery_voltage"], module["battery_current"], module["battery_temperature"]) == (
        49.095,
        -1.224,
        18.2,
    )
    assert (module["lowest_cell_temperature"], module["coldest_sensor"]) == (15.6, 11)
    assert (module["highest_cell_temperature"], module["warmest_sensor"]) == (16.0, 6)
    assert (module["lowest_cell_voltage"], module["lowest_cell"]) == (3.272, 1)
    assert (module["highest_cell_voltage"], module["highest_cell"]) == (3.274, 6)
    assert (module["mosfet_temperature"], module["system_alarm_state"]) == (16.7, "normal")
    assert module["battery_power"] == pytest.approx(60.092, abs=0.001)


def test_layout_a_plus_brings_serial_number_and_model() -> None:
    module = table("pytes_ebox48100_v5/pwr.txt").modules[1]
    assert (module["serial"], module["model"]) == ("E000000000000001", "E-BOX-48100V-D")


def test_example_of_the_counters() -> None:
    told = read("mixed_us5000_us2000c_us2000bplus/stat_3.txt")
    assert told["cycles"] == 685
    assert told["remaining_capacity"] == pytest.approx(22.34, abs=0.005)
    assert told["discharged_charge"] == pytest.approx(34297.6, abs=0.05)
    assert "state_of_health" not in told
    assert read("mixed_us5000_us2000c_us2000bplus/stat_1.txt")["state_of_health"] == 100


def test_cells_with_and_without_their_own_column_for_the_charge() -> None:
    new = read("mixed_us5000_us2000c_us2000bplus/bat_3.txt")
    assert len(new) == 15
    assert (new[2].percent, new[2].capacity, new[2].balancing) == (35, 16.51, False)
    old = read("pytes_ebox4850p/bat_1.txt")
    assert (old[0].percent, old[0].capacity, old[0].balancing) == (77, 38.286, None)


def test_identity_and_detail() -> None:
    told = read("mixed_us5000_us2000c_us2000bplus/info_1.txt")
    assert (told.serial, told.model, told.capacity, told.cells) == ("Y000000000000001", "US5000", 100.0, 15)
    assert told.firmware == "B69.16.0.0 V1.3"
    pytes = read("pytes_ebox4850p/pwr_1.txt")
    assert (pytes["total_capacity"], pytes["usable_capacity"]) == (50.0, 49.7)


def test_a_reply_of_another_module_is_damaged() -> None:
    with pytest.raises(BadAnswerError, match="of module 3, not of 4"):
        read_identity(lines("mixed_us5000_us2000c_us2000bplus/info_3.txt"), 4)
    with pytest.raises(BadAnswerError, match="of module 3, not of 4"):
        read_detail(lines("mixed_us5000_us2000c_us2000bplus/pwr_3.txt"), 4)
    with pytest.raises(BadAnswerError, match="instead of 'info 4'"):
        payload(dump("mixed_us5000_us2000c_us2000bplus/info_3.txt"), "info 4")


def test_the_log_is_whole_in_spite_of_its_pages() -> None:
    entries = read("mixed_us5000_us2000c_us2000bplus/log.txt")
    assert [entry.index for entry in entries] == list(range(31, -1, -1))
    assert entries[0].code == 0x2C50
    assert f"{entries[0].time:%Y-%m-%d %H:%M:%S}" == "2023-09-16 11:43:09"


# RS-485


@pytest.mark.parametrize("row", FRAMES, ids=lambda row: row["what"])
def test_every_frame_survives_the_round_trip(row: dict[str, str]) -> None:
    raw = row["frame_without_CR"].encode()
    assert rs485.encode(rs485.decode(raw)) == raw + b"\r"


@pytest.mark.parametrize("row", [row for row in FRAMES if row["direction"] == "decode"], ids=lambda row: row["what"])
def test_every_reply_is_known_by_its_shape(row: dict[str, str]) -> None:
    commands = {
        "protocol version": "4F",
        "manufacturer": "51",
        "analog": "42",
        "system parameters": "47",
        "alarm": "44",
        "charge management": "92",
        "firmware": "96",
    }
    block, _ = rs485.guess(rs485.decode(row["frame_without_CR"].encode()))
    assert block.value == commands[row["what"]]
    hexed = row["frame_without_CR"].encode().hex(" ")
    shown = next(iter(DECODERS["rs485"](hexed, {})["values"].values()))
    assert shown["command"] == commands[row["what"]]


def told(what: str) -> dict[str, Any]:
    row = next(row for row in FRAMES if row["what"] == what)
    return rs485.guess(rs485.decode(row["frame_without_CR"].encode()))[1]


def test_values_of_the_frames() -> None:
    analog = told("analog")
    cells = [analog[f"cell_voltage_{n}"] for n in range(1, 16)]
    assert [round(cell * 1000) for cell in cells] == [
        3359, 3360, 3360, 3360, 3360, 3360, 3361, 3360, 3360, 3361, 3362, 3360, 3362, 3362, 3361,
    ]  # fmt: skip
    assert (analog["battery_temperature"], analog["battery_current"], analog["battery_voltage"]) == (29.0, 2.1, 50.408)
    assert (analog["remaining_capacity"], analog["total_capacity"], analog["cycles"]) == (35.5, 50.0, 79)
    assert (analog["battery_state"], analog["state_of_charge"]) == ("charging", 71.0)
    limits = told("charge management")
    assert (limits["charge_voltage_limit"], limits["discharge_voltage_limit"]) == (53.25, 47.0)
    assert (limits["charge_current_limit"], limits["discharge_current_limit"]) == (25.0, 25.0)
    assert (limits["charge_enabled"], limits["discharge_enabled"], limits["full_charge_wanted"]) == (True, True, False)
    alarm = told("alarm")
    assert (alarm["charge_fet_on"], alarm["discharge_fet_on"], alarm["module_problem"]) == (True, True, False)
    parameters = told("system parameters")
    assert (parameters["cell_voltage_high"], parameters["charge_temperature_low"]) == (3.65, -11.0)
    assert (parameters["module_voltage_under"], parameters["discharge_current_limit"]) == (44.5, 100.0)
    assert told("manufacturer") == {"model": "US2KBPL", "firmware": "V2.3", "manufacturer": "Pylon"}
    assert told("firmware") == {"firmware": "V2.3", "main_firmware": "0.6.5"}


def test_event_bits_are_those_of_the_table() -> None:
    """Every bit that the table calls a warning is an alarm, and no other."""
    words = {"Power Events": alarms.POWER_EVENTS, "System Fault": alarms.SYSTEM_FAULTS}
    for row in rows("event_bits.csv"):
        known = int(row["bit"]) in words[row["field"]]
        assert known == (row["severity"] == "warning"), row


def test_lines_come_in_any_mix_of_ends() -> None:
    wire = dump("us2000bplus_b66.6_wire/pwr.esc.txt")
    plain = "\n".join(lines_of(wire))
    assert read_power(payload(plain, "pwr")) == read_power(payload(wire, "pwr"))
