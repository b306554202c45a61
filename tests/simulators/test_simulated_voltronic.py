"""The simulated inverter on its own wire: the reference's frames, settings, quirks, lines and every fault."""

import asyncio
import os
import re
import sys
import time
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from simulators.house import House
from simulators.voltronic import ChargerModel, Profile, ProfileError, VoltronicSimulator
from simulators.voltronic.faults import FAULTS
from simulators.voltronic.hid import HidDevice
from simulators.voltronic.profile import load, names
from tests.simulators.wire import Client, connect

SHARED = Path(__file__).parents[3] / "shared" / "protocols" / "voltronic"
QMOD = bytes.fromhex("514D4F4449C10D")
BATTERY = bytes.fromhex("2842E7C90D")
ACK = bytes.fromhex("2841434B39200D")
NAK = bytes.fromhex("284E414B73730D")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _crc(data: bytes) -> bytes:
    """Return the checksum by long division, written apart from the simulator's."""
    value = int.from_bytes(data + b"\0\0")
    for bit in range(value.bit_length() - 1, 15, -1):
        if value >> bit & 1:
            value ^= 0x11021 << (bit - 16)
    return bytes(byte + 1 if byte in (0x28, 0x0D, 0x0A) else byte for byte in value.to_bytes(2))


def _frame(text: str) -> bytes:
    return text.encode() + _crc(text.encode()) + b"\r"


def _text(data: bytes) -> str:
    """Return the text of exactly one good frame."""
    data = data.lstrip(b"\n")
    assert data.endswith(b"\r"), data
    body, crc = data[:-3], data[-3:-1]
    assert crc == _crc(body), data
    return body.decode()


@asynccontextmanager
async def _unit(profile: str | Path | Profile = "mks_48v_parallel", **options: Any) -> AsyncIterator[Any]:
    options.setdefault("house", House(seed=1, speed=0))
    async with VoltronicSimulator(profile=profile, pace=0.0, **options) as sim, connect(await sim.listen()) as client:
        yield sim, client


async def _ask(client: Client, text: str) -> str:
    client.send(_frame(text))
    return _text(await asyncio.wait_for(client.reader.readuntil(b"\r"), 5))


async def _fields(client: Client, text: str) -> list[str]:
    return (await _ask(client, text))[1:].split(" ")


pytestmark = pytest.mark.usefixtures("socket_enabled")


# Frames of the reference


def test_checksums_of_the_reference() -> None:
    for text, crc in [
        ("QPI", "BEAC"),
        ("QPIGS", "B7A9"),
        ("QBOOT", "0B88"),
        ("QGMN", "4929"),
        ("POP02", "E20B"),
        ("POPM01", "0E25"),
        ("PBFT48.8", "1500"),
        ("(ACK", "3920"),
        ("(NAK", "7373"),
        ("(PI30", "9A0B"),
        ("^P005GS", "5814"),
        ("^S007POP1", "0E10"),
        ("^1", "0BC2"),
        ("^0", "1BE3"),
    ]:
        assert _crc(text.encode()).hex().upper() == crc, text


@pytest.mark.parametrize(
    ("request_hex", "answer_hex"),
    [
        ("514D4F4449C10D", "2842E7C90D"),
        ("515049BEAC0D", "28504933309A0B0D"),
        ("504F503032E20B0D", "2841434B39200D"),
        ("5042465435322E38A4750D", "2841434B39200D"),
        ("504F503032E20A0D", "284E414B73730D"),
        ("514D4F4449C20D", "284E414B73730D"),
    ],
)
async def test_worked_frames(request_hex: str, answer_hex: str) -> None:
    async with _unit() as (_, client):
        assert await client.ask(request_hex) == bytes.fromhex(answer_hex)


async def test_pi18_frames() -> None:
    async with _unit("lv5048_pi18") as (sim, client):
        assert await client.ask("5E503030355049718B0D") == _frame("^D00518")
        assert await client.ask("5E53303037504F50310E100D") == bytes.fromhex("5E310BC20D")
        assert sim.field("^P007PIRI", 17) == "1"
        assert await client.ask(_frame("QPI")) == bytes.fromhex("5E301BE30D")
        # A length that is not that of the command.
        assert await client.ask(_frame("^S008POP1")) == bytes.fromhex("5E301BE30D")


async def test_checksum_with_a_zero_byte() -> None:
    vendor, bumped = "5042465434382E3815000D", "5042465434382E3815010D"
    for form, answers in {"vendor": (ACK, NAK), "bumped": (NAK, ACK), "both": (ACK, ACK)}.items():
        async with _unit(request_zero=form) as (_, client):
            assert (await client.ask(vendor), await client.ask(bumped)) == answers


# Profiles


@pytest.mark.parametrize("name", names())
async def test_every_profile_answers_every_query_in_its_own_shape(name: str) -> None:
    profile = load(name)
    async with _unit(name) as (sim, client):
        for query, told in profile.replies.items():
            if query in ("QALL", "QBMS"):
                continue
            request = _frame(query) if profile.family not in ("PI17", "PI16") else query.encode() + b"\r"
            client.send(request)
            answer = _text(await asyncio.wait_for(client.reader.readuntil(b"\r"), 5))
            if told.startswith("^D"):
                assert answer[:2] == "^D"
                assert int(answer[2:5]) == len(answer) - 5 + 3
                shown, expected = answer[5:].split(","), told[5:].split(",")
            else:
                shown, expected = answer[1:].split(" "), told.split(" ")
            assert [len(text) for text in shown] == [len(text) for text in expected], (query, answer)
        assert sim.bad_requests == []


@pytest.mark.parametrize("name", ["max8k_48v", "mks5k_48v_parallel", "pi18_lv5048", "vmii4000_24v"])
async def test_recorded_profiles_are_answered_as_they_are(name: str) -> None:
    path = SHARED / f"profile_{name}.json"
    if not path.exists():
        pytest.skip(f"the recording {path.name} is not here")
    profile = load(path)
    async with _unit(path, live=False) as (_, client):
        for query, told in profile.replies.items():
            if query.startswith("POP"):
                continue
            answer = await _ask(client, query)
            assert answer == (told if told.startswith("^") else "(" + told)


async def test_group_of_two_shares_the_load() -> None:
    house = House(seed=1, speed=0)
    async with _unit(house=house) as (_, first), _unit(house=house, member=1) as (_, second):
        assert await _ask(first, "QID") == "(96332207100118"
        assert await _ask(second, "QID") == "(96332207100125"
        units = [await _fields(first, f"QPGS{unit}") for unit in range(3)]
        assert [unit[:2] for unit in units] == [
            ["1", "96332207100118"],
            ["1", "96332207100125"],
            ["0", "00000000000000"],
        ]
        own = [int(unit[9]) for unit in units[:2]]
        assert sum(own) == pytest.approx(house.load_power, abs=2)
        assert int(units[0][17]) == pytest.approx(house.load_power, abs=2)


def test_bad_profiles_are_told(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="choose from"):
        load("unheard_of")
    for text in ("{", '{"meta": {}}', '{"meta": {"family": "PI30", "model": "", "battery": 48, "quirks": {"odd": 1}}}'):
        path = tmp_path / "profile.json"
        path.write_text(text)
        with pytest.raises(ProfileError, match=r"cannot read|unknown quirk"):
            load(path)
    with pytest.raises(TypeError, match="unheard_of"):
        VoltronicSimulator(unheard_of=True)


# Live values


async def test_status_is_the_houses() -> None:
    house = House(seed=4, speed=0)
    async with _unit("max_8k_48v", house=house) as (_, client):
        fields, second = await _fields(client, "QPIGS"), await _fields(client, "QPIGS2")
        assert float(fields[5]) == pytest.approx(house.load_power, abs=1)
        assert float(fields[8]) == pytest.approx(house.battery.voltage, abs=0.06)
        assert int(fields[9]) - int(fields[15]) == pytest.approx(-house.battery.current, abs=0.6)
        assert int(fields[19]) == pytest.approx(house.arrays[0].power, abs=1)
        assert int(second[2]) == pytest.approx(house.arrays[1].power, abs=1)
        assert float(second[0]) * float(second[1]) == pytest.approx(house.arrays[1].power, abs=20)
        assert int((await _ask(client, "QET"))[1:]) == pytest.approx(
            sum(array.energy.total for array in house.arrays) * 1000, abs=100
        )
        day = await _ask(client, house.now.strftime("QLD%Y%m%d"))
        assert int(day[1:]) == pytest.approx(house.counters.load.today * 1000, abs=100)
        assert await _ask(client, "QT") == house.now.strftime("(%Y%m%d%H%M%S")
        house.grid.connected = False
        house.advance(4)
        assert (await _fields(client, "QPIGS"))[:2] == ["000.0", "00.0"]
        assert (await _ask(client, "QPIWS"))[1 + 5] == "1"


async def test_battery_of_24_volts_has_half_the_voltage_and_twice_the_current() -> None:
    house = House(seed=1, speed=0, arrays=(1500.0,))
    house.advance(9 * 3600)
    assert house.battery.current > 3
    async with _unit("hs_24v_old", house=house) as (_, client):
        fields = await _fields(client, "QPIGS")
        assert len(fields) == 17
        assert float(fields[8]) == pytest.approx(house.battery.voltage / 2, abs=0.06)
        assert int(fields[15]) == pytest.approx(2 * house.battery.current, abs=0.6)
        assert fields[11] == "0431"


async def test_charger_model_is_shown_and_ruled() -> None:
    charger = ChargerModel(weather="clear", load_scale=0.0, state_of_charge=40.0, fault_seconds=50.0)
    charger.step(9 * 3600)
    async with _unit(charger=charger) as (sim, client):
        ratings = await _fields(client, "QPIRI")
        assert (ratings[10], ratings[11], ratings[14]) == ("57.6", "54.0", "060")
        fields = await _fields(client, "QPIGS")
        assert float(fields[8]) == pytest.approx(charger.battery_voltage, abs=0.06)
        assert (fields[16], fields[20]) == ("00110110", "010")
        assert (await _fields(client, "Q1"))[16] == "11"
        assert await _ask(client, "PBFT57.6") == "(ACK"
        assert await _ask(client, "MNCHGC0020") == "(ACK"
        assert (charger.float_voltage, charger.max_charge_current) == (57.6, 20.0)
        charger.solar_peak = 100.0
        charger.step(120)
        assert (await _fields(client, "QPIGS"))[20] == "110"
        assert (await _fields(client, "Q1"))[16] == "13"
        assert charger.today.float_writes == 1
        sim.set_field("QPIRI", 11, "53.0")
        assert charger.float_voltage == 53.0
        assert [write.text for write in sim.writes] == ["PBFT57.6", "MNCHGC0020"]


async def test_split_phase() -> None:
    house = House(seed=1, speed=0)
    async with _unit("lv5048_pi41", house=house) as (_, client):
        first, second = await _fields(client, "QPIGS"), await _fields(client, "QPIGS2")
        assert int(first[5]) + int(second[5]) == pytest.approx(house.load_power, abs=2)
        assert (first[2], first[3]) == ("120.0", "60.0")
        assert len(second) == 11
        assert await _ask(client, "QPI") == "(NAK"


# Settings


@pytest.mark.parametrize(
    ("command", "query", "index", "value"),
    [
        ("POP01", "QPIRI", 16, "1"),
        ("PCP02", "QPIRI", 17, "2"),
        ("PGR01", "QPIRI", 15, "1"),
        ("PBCV47.0", "QPIRI", 8, "47.0"),
        ("PBDV00.0", "QPIRI", 22, "00.0"),
        ("PBDV55.0", "QPIRI", 22, "55.0"),
        ("PSDV42.5", "QPIRI", 9, "42.5"),
        ("PCVV57.6", "QPIRI", 10, "57.6"),
        ("PBFT53.4", "QPIRI", 11, "53.4"),
        ("PCVT060", "QPIRI", 25, "060"),
        ("MNCHGC0100", "QPIRI", 14, "100"),
        ("MCHGC020", "QPIRI", 14, "020"),
        ("MUCHGC002", "QPIRI", 13, "02"),
        ("PPVOKC1", "QPIRI", 23, "1"),
        ("PSPB0", "QPIRI", 24, "0"),
        ("PEb", "QFLAG", 0, "EabxzDjkuvy"),
        ("PDxz", "QFLAG", 0, "EaDbjkuvxyz"),
        ("PPCP101", "QPGS1", 21, "1"),
    ],
)
async def test_setting_shows_in_its_field(command: str, query: str, index: int, value: str) -> None:
    async with _unit() as (sim, client):
        assert await _ask(client, command) == "(ACK"
        assert (await _fields(client, query))[index] == value
        assert [(write.text, write.accepted) for write in sim.writes] == [(command, True)]


@pytest.mark.parametrize(
    ("command", "query", "index", "value"),
    [
        ("PBEQE0", "QBEQI", 0, "0"),
        ("PBEQT090", "QBEQI", 1, "090"),
        ("PBEQP045", "QBEQI", 2, "045"),
        ("PBEQV59.20", "QBEQI", 5, "59.20"),
        ("PBEQOT240", "QBEQI", 7, "240"),
        ("PBEQA1", "QBEQI", 8, "1"),
        ("POPLG01", "QPIRI", 26, "1"),
        ("PBATMAXDISC120", "QPIRI", 27, "120"),
        ("PBATCD101", "QBATCD", 0, "101"),
        ("MUCHGC0100", "QPIRI", 13, "100"),
        ("PBT03", "QPIRI", 12, "3"),
    ],
)
async def test_setting_of_a_newer_unit(command: str, query: str, index: int, value: str) -> None:
    async with _unit("max_8k_48v") as (_, client):
        assert await _ask(client, command) == "(ACK"
        assert (await _fields(client, query))[index] == value


@pytest.mark.parametrize(
    "command",
    [
        "POP03",
        "PCP04",
        "PBCV46.5",
        "PBDV47.0",
        "PSDV39.9",
        "PCVV58.5",
        "PBFT47.9",
        "PBFT54.05",
        "PBFT54",
        "PCVT004",
        "PCVT013",
        "MNCHGC0065",
        "MNCHGC060",
        "MUCHGC005",
        "PEw",
        "PBEQV59.20",
        "PBATCD111",
        "POPLG01",
        "F60",
        "V240",
        "POPM00",
        "RTEY",
        "DAT261332000000",
    ],
)
async def test_setting_out_of_its_list_is_refused(command: str) -> None:
    async with _unit() as (sim, client):
        before = {query: sim.registers.text(query) for query in sim.registers.queries()}
        assert await _ask(client, command) == "(NAK"
        assert {query: sim.registers.text(query) for query in sim.registers.queries()} == before
        assert [write.accepted for write in sim.writes] == [False]


async def test_battery_type_opens_and_closes_the_voltages() -> None:
    async with _unit() as (_, client):
        assert await _ask(client, "PBFT52.8") == "(ACK"
        assert await _ask(client, "PBT00") == "(ACK"
        # The fixed type brings the factory's voltages.
        assert (await _fields(client, "QPIRI"))[10:13] == ["56.4", "54.0", "0"]
        assert await _ask(client, "PBFT52.8") == "(NAK"
        assert await _ask(client, "PBT02") == "(ACK"
        assert await _ask(client, "PBFT52.8") == "(ACK"


async def test_dangerous_settings_work_in_standby_and_reset() -> None:
    async with _unit("max_8k_48v") as (sim, client):
        sim.state.mode = "S"
        assert await _ask(client, "QMOD") == "(S"
        for command in ("F60", "V240", "POPM01", "RTEY"):
            assert await _ask(client, command) == "(ACK"
        ratings = await _fields(client, "QPIRI")
        assert (ratings[2], ratings[3], ratings[21]) == ("240.0", "60.0", "1")
        assert await _ask(client, "QOPM") == "(01"
        assert await _ask(client, "QET") == "(00000000"
        assert await _ask(client, "PF") == "(ACK"
        assert (await _fields(client, "QPIRI"))[8:12] == ["46.0", "44.0", "56.4", "54.0"]


async def test_clock_is_set() -> None:
    async with _unit("max_8k_48v") as (_, client):
        assert await _ask(client, "DAT261120194500") == "(ACK"
        assert await _ask(client, "QT") == "(20261120194500"


async def test_changed_bit_stays_until_the_ratings_are_read() -> None:
    async with _unit() as (sim, client):
        assert (await _fields(client, "QPIGS"))[16][1] == "0"
        await _ask(client, "POP01")
        assert (await _fields(client, "QPIGS"))[16][1] == "1"
        assert (await _fields(client, "QPIGS"))[16][1] == "1"
        await _ask(client, "QPIRI")
        assert (await _fields(client, "QPIGS"))[16][1] == "0"
        sim.set_field("QPIRI", 11, "53.0")
        assert (await _fields(client, "QPIGS"))[16][1] == "1"
    async with _unit("lv5048_pi41") as (_, client):
        await _ask(client, "POP01")
        assert (await _fields(client, "QPIGS"))[16][7] == "1"


async def test_setting_shows_after_a_while() -> None:
    clock = Clock()
    async with _unit(apply_delay=1.0, clock=clock) as (sim, client):
        assert await _ask(client, "PBFT52.0") == "(ACK"
        assert (await _fields(client, "QPIRI"))[11] == "54.0"
        clock.now += 1.1
        assert (await _fields(client, "QPIRI"))[11] == "52.0"
        assert sim.writes[0].at == 1000.0


async def test_pi18_settings() -> None:
    async with _unit("lv5048_pi18") as (sim, client):
        for command, index, value in [
            ("^S015MCHGV576,536", 11, "576"),
            ("^S014BUCD470,000", 9, "000"),
            ("^S013MCHGC0,040", 15, "040"),
            ("^S014MUCHGC0,002", 14, "002"),
            ("^S010PSDV430", 10, "430"),
            ("^S009PCP0,2", 18, "2"),
            ("^S007PGR1", 16, "1"),
            ("^S007PSP1", 23, "1"),
            ("^S007PBT1", 13, "1"),
        ]:
            assert await _ask(client, command) == "^1", command
            ratings = (await _ask(client, "^P007PIRI"))[5:].split(",")
            assert ratings[index] == value
        assert (await _ask(client, "^P007PIRI"))[5:].split(",")[12] == "536"
        assert await _ask(client, "^S006PDA") == "^1"
        assert (await _ask(client, "^P007FLAG"))[5] == "0"
        assert await _ask(client, "^S014ACCT2200,0600") == "^1"
        assert await _ask(client, "^P005ACCT") == "^D0122200,0600"
        # The length that the rule of all other commands gives.
        assert await _ask(client, "^S016ACLT0700,2100") == "^1"
        assert await _ask(client, "^P007ACLT") == "^D0120700,2100"
        for command in ("^S015MCHGV600,536", "^S015MCHGV536,576", "^S014BUCD465,540", "^S013MCHGC0,045", "^S007POP2"):
            assert await _ask(client, command) == "^0", command
        assert await _ask(client, "^S007POP1") == "^1"
        assert (await _ask(client, "^P005GS")).split(",")[20] == "1"
        await _ask(client, "^P007PIRI")
        assert (await _ask(client, "^P005GS")).split(",")[20] == "0"
        assert await _ask(client, "^S007LON0") == "^1"
        assert await _ask(client, "^P006MOD") == "^D00501"
        assert len(sim.writes) == 19


# Quirks


@pytest.mark.parametrize(
    ("way", "answer"),
    [
        ("nak", NAK),
        ("silence", b""),
        ("echo", _frame("QXYZ")),
        ("#-1", b"#-1\r"),
        ("^0", bytes.fromhex("5E301BE30D")),
    ],
)
async def test_unknown_words(way: str, answer: bytes) -> None:
    async with _unit(unknown=way) as (_, client):
        assert await client.ask(_frame("QXYZ")) == answer
        assert await client.ask(QMOD) == BATTERY


async def test_clone_with_shifted_priorities() -> None:
    async with _unit("vmii_24v") as (_, client):
        assert await client.ask(_frame("QXYZ")) == b""
        assert await client.ask(_frame("PBFT27.0")) == NAK
        assert await client.ask(_frame("PCVV28.0")) == NAK
        assert await client.ask(_frame("PCP03")) == NAK
        assert await _ask(client, "QMOD") == "(B"
        assert await _ask(client, "POP02") == "(ACK"
        assert await _ask(client, "QMOD") == "(L"
        assert await _ask(client, "POP00") == "(ACK"
        assert await _ask(client, "QMOD") == "(B"
    async with _unit() as (_, client):
        assert await _ask(client, "POP00") == "(ACK"
        assert await _ask(client, "QMOD") == "(L"


async def test_small_quirks() -> None:
    async with _unit("easun_48v") as (_, client):
        assert (await client.ask(QMOD)) == BATTERY + b"\n"
    async with _unit(padding=3, serial_padding=6) as (_, client):
        assert (await client.ask(QMOD)) == BATTERY + b"\0\0\0"
        assert (await client.ask(_frame("QID")))[:21] == b"(96332207100118" + bytes(6)
    async with _unit(bare_answers=True) as (_, client):
        assert await client.ask(_frame("POP01")) == b"(ACK\r"
        assert await client.ask(_frame("POP09")) == b"(NAK\r"
    async with _unit(settings_changed_sticks=True) as (_, client):
        await _ask(client, "QPIRI")
        assert (await _fields(client, "QPIGS"))[16][1] == "1"
    async with _unit(no_battery=True) as (_, client):
        fields = await _fields(client, "QPIGS")
        assert (fields[9], fields[10], fields[15]) == ("000", "100", "00000")
    async with _unit(float_above_bulk_refused=True) as (_, client):
        assert await _ask(client, "PBFT56.5") == "(NAK"
        assert await _ask(client, "PBFT56.4") == "(ACK"
    async with _unit("powmr_48v") as (_, client):
        assert await client.ask(_frame("QPIGS2")) == b"#-1\r"
        assert (await _fields(client, "QPIRI"))[25:] == ["47.0", "10", "46.0"]
        assert await _ask(client, "PCVT060") == "(NAK"
        answer = await client.ask(_frame("QBMS"))
        assert answer[-2:] == bytes(((sum(answer[:-2]) + 1) & 0xFF, 0x0A))


async def test_pv_loss_at_night() -> None:
    house = House(seed=1, speed=0)
    async with _unit("max_8k_48v", house=house) as (_, client):
        assert (await _ask(client, "QPIWS"))[1] == "0"
        house.advance(13 * 3600)
        assert (await _ask(client, "QPIWS"))[1] == "1"
        assert (await _fields(client, "QPIGS"))[12:14] == ["00.0", "000.0"]


async def test_fault_and_warnings() -> None:
    async with _unit() as (sim, client):
        sim.state.fault_code = 3
        sim.state.warnings = {11}
        assert await _ask(client, "QMOD") == "(F"
        assert (await _ask(client, "QPIWS"))[1:14] == "0100000000010"
        assert (await _fields(client, "QPGS0"))[2:4] == ["F", "03"]
        assert (await _fields(client, "QPIGS"))[5] == "0000"


async def test_dialects_that_are_only_detected() -> None:
    async with _unit("infini_pi17") as (_, client):
        assert await client.ask(_frame("QPI")) == b""
        assert await client.ask(_frame("^P005PI")) == b""
        assert await client.ask("5E503030335049 0D") == _frame("^D00517")
    async with _unit("sunny_pi16") as (_, client):
        assert await client.ask(b"QPI\r") == _frame("(PI16")
    async with _unit("revo_48v") as (_, client):
        assert await _ask(client, "QPI") == "(PI30"
        answer = await client.ask(b"QALL" + bytes(((sum(b"QALL") + 1) & 0xFF,)) + b"\r")
        assert answer[-2] == (sum(answer[:-2]) + 1) & 0xFF


# Lines


async def test_clients_share_the_stream() -> None:
    async with VoltronicSimulator(house=House(speed=0), pace=0.0) as sim:
        port = await sim.listen()
        async with connect(port) as one, connect(port) as other:
            # An answer to each proves that the gateway knows both.
            assert await one.ask(QMOD) == BATTERY
            await other.ask(QMOD)
            await one.everything()
            assert await one.ask(QMOD) == BATTERY
            assert await other.everything() == BATTERY
            one.send(QMOD[:3])
            await asyncio.sleep(0.05)
            other.send(QMOD)
            assert await one.everything() == NAK
            assert sim.bad_requests == [QMOD[:3] + QMOD[:-1]]


async def test_pseudo_terminal_and_its_loss() -> None:
    async with VoltronicSimulator(house=House(speed=0), pace=0.0) as sim:
        path = await sim.pty()
        assert sim.connected
        terminal = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            tty.setraw(terminal)
            os.write(terminal, QMOD)
            await asyncio.sleep(0.1)
            assert os.read(terminal, 4096) == BATTERY
            sim.faults.set("disconnect", count=1)
            os.write(terminal, QMOD)
            await asyncio.sleep(0.1)
            with pytest.raises(OSError, match="Input/output error"):
                os.write(terminal, QMOD)
        finally:
            os.close(terminal)
        assert not sim.connected


async def test_pace_of_2400_baud() -> None:
    async with VoltronicSimulator(house=House(speed=0), pace=1.0) as sim, connect(await sim.listen()) as client:
        started = time.monotonic()
        client.send(QMOD)
        await client.reader.readuntil(b"\r")
        # 12 bytes at 4.17 ms and the unit's own time.
        assert 0.17 < time.monotonic() - started < 0.6


async def test_close_leaves_nothing_and_dialling_is_refused() -> None:
    before = asyncio.all_tasks()
    sim = VoltronicSimulator(house=House(speed=0), pace=0.0)
    port, path, device = await sim.listen(), await sim.pty(), sim.hid()
    device.open_path(b"/dev/hidraw0")
    with pytest.raises(OSError, match="does not dial"):
        await sim.dial("127.0.0.1", 1)
    async with connect(port) as client:
        sim.faults.set("delay", 30.0)
        client.send(QMOD)
        await asyncio.sleep(0.05)
        await sim.close()
    assert not sim.connected
    assert asyncio.all_tasks() - before == set()
    assert not os.path.exists(path)  # noqa: PTH110, ASYNC240 - a terminal's name, gone at once
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", port)
    with pytest.raises(OSError, match="read error"):
        device.read(8, 10)


async def test_drop_resets_and_the_server_stays() -> None:
    async with VoltronicSimulator(house=House(speed=0), pace=0.0) as sim:
        port = await sim.listen()
        async with connect(port) as client:
            assert await client.ask(QMOD) == BATTERY
            await sim.drop()
            with pytest.raises(ConnectionResetError):
                await client.reader.read(1)
        async with connect(port) as client:
            assert await client.ask(QMOD) == BATTERY


# USB


def _exchange(device: HidDevice, frame: bytes) -> bytes:
    """Write a frame in reports and read until CR, as a worker thread does."""
    for start in range(0, len(frame), 8):
        assert device.write(b"\0" + frame[start : start + 8].ljust(8, b"\0")) == 9
    got = b""
    while b"\r" not in got:
        report = bytes(device.read(8, 2000))
        assert len(report) == 8
        got += report
    return got


@asynccontextmanager
async def _usb(**options: Any) -> AsyncIterator[tuple[VoltronicSimulator, HidDevice]]:
    async with VoltronicSimulator(house=House(seed=1, speed=0), pace=0.0, **options) as sim:
        device = sim.hid()
        device.open_path(b"/dev/hidraw0")
        yield sim, device


async def test_usb_reports_of_the_reference() -> None:
    async with _usb() as (sim, device):
        answer = await asyncio.to_thread(_exchange, device, QMOD)
        assert answer.hex(" ").upper() == "28 42 E7 C9 0D 00 00 00"
        assert device.written == [bytes.fromhex("00 51 4D 4F 44 49 C1 0D 00")]
        # Two reports; a checksum that begins with 00 is no padding.
        assert (await asyncio.to_thread(_exchange, device, bytes.fromhex("5042465435322E38A4750D")))[:7] == ACK
        assert (await asyncio.to_thread(_exchange, device, bytes.fromhex("5042445634362E34004E0D")))[:7] == NAK
        assert [write.text for write in sim.writes] == ["PBFT52.8", "PBDV46.4"]
        assert sim.bad_requests == []
        status = await asyncio.to_thread(_exchange, device, _frame("QPIGS"))
        assert len(status) % 8 == 0
        assert _text(status.rstrip(b"\0")).count(" ") == 20


async def test_usb_without_the_report_number_loses_a_leading_zero() -> None:
    async with _usb() as (sim, device):
        assert device.write(bytes.fromhex("514D4F4449C10D00")) == 8
        assert bytes(await asyncio.to_thread(device.read, 8, 2000)) == BATTERY + bytes(3)
        for piece in ("5042445634362E34", "004E0D0000000000"):
            device.write(bytes.fromhex(piece))
        assert bytes(await asyncio.to_thread(device.read, 8, 2000))[:7] == NAK
        assert sim.bad_requests == [b"PBDV46.4\x4e"]
        assert device.write(bytes(10)) == -1


async def test_usb_firmware_that_takes_zero_as_padding() -> None:
    async with _usb(usb_drops_zero=True, request_zero="bumped") as (sim, device):
        assert (await asyncio.to_thread(_exchange, device, bytes.fromhex("5042465434382E3815000D")))[:7] == NAK
        assert (await asyncio.to_thread(_exchange, device, bytes.fromhex("5042465434382E3815010D")))[:7] == ACK
        # Without its last byte 00 the frame is a good one of a shorter command.
        assert sim.requests == ["PBFT48.", "PBFT48.8"]


async def test_usb_handles_each_get_every_report() -> None:
    async with _usb() as (sim, device):
        other = sim.hid()
        with pytest.raises(OSError, match="open failed"):
            other.open_path(b"/dev/hidraw1")
        with pytest.raises(ValueError, match="not open"):
            other.write(bytes(9))
        with pytest.raises(ValueError, match="not open"):
            other.read(8, 10)
        other.open_path(b"/dev/hidraw0")
        await asyncio.to_thread(_exchange, device, QMOD)
        assert bytes(other.read(8, 1000)) == BATTERY + bytes(3)
        assert other.read(8, 10) == []
        other.set_nonblocking(1)
        assert other.read(8) == []
        other.close()
        with pytest.raises(ValueError, match="not open"):
            other.read(8, 10)


async def test_usb_unplugged_and_plugged_in_again() -> None:
    async with _usb() as (sim, device):
        (node,) = sim.hid_port().enumerate(0x0665, 0x5161)
        assert (node["path"], node["serial_number"]) == (b"/dev/hidraw0", "")
        assert sim.hid_port().enumerate(0x1234) == []
        waiting = asyncio.create_task(asyncio.to_thread(device.read, 8, 5000))
        await asyncio.sleep(0.05)
        sim.unplug()
        with pytest.raises(OSError, match="read error"):
            await waiting
        assert device.write(b"\0" + QMOD.ljust(8, b"\0")) == -1
        assert device.error()
        assert sim.hid_port().enumerate() == []
        device.replug(b"/dev/hidraw3")
        with pytest.raises(OSError, match="read error"):
            device.read(8, 10)
        device.close()
        device.open_path(b"/dev/hidraw3")
        assert await asyncio.to_thread(_exchange, device, QMOD) == BATTERY + bytes(3)


async def test_usb_write_fails_and_restart_renumbers() -> None:
    async with _usb() as (sim, device):
        sim.faults.set("write_timeout", count=1)
        assert device.write(b"\0" + QMOD.ljust(8, b"\0")) == -1
        assert await asyncio.to_thread(_exchange, device, QMOD) == BATTERY + bytes(3)
        sim.faults.set("restart", 0.05)
        device.write(b"\0" + QMOD.ljust(8, b"\0"))
        with pytest.raises(OSError, match="read error"):
            await asyncio.to_thread(device.read, 8, 2000)
        await asyncio.sleep(0.1)
        assert sim.hid_port().enumerate()[0]["path"] == b"/dev/hidraw1"


# Faults


@asynccontextmanager
async def _faulty(
    name: str, argument: float | None = None, *, count: int | None = 1, **options: Any
) -> AsyncIterator[tuple[VoltronicSimulator, Client]]:
    async with _unit(**options) as (sim, client):
        sim.faults.set(name, argument, count=count)
        yield sim, client


async def test_lost_request_and_lost_answer() -> None:
    async with _faulty("lost_request") as (sim, client):
        assert await client.ask(_frame("POP01")) == b""
        assert sim.writes == []
        assert await client.ask(QMOD) == BATTERY
    async with _faulty("lost_answer") as (sim, client):
        assert await client.ask(_frame("POP01")) == b""
        assert sim.field("QPIRI", 16) == "1"
        assert await client.ask(QMOD) == BATTERY


async def test_first_request_after_rest_is_swallowed() -> None:
    clock = Clock()
    async with _faulty("swallow", 60.0, count=None, clock=clock) as (_, client):
        assert await client.ask(QMOD) == b""
        assert await client.ask(QMOD) == BATTERY
        clock.now += 59.0
        assert await client.ask(QMOD) == BATTERY
        clock.now += 60.0
        assert await client.ask(QMOD) == b""
        assert await client.ask(QMOD) == BATTERY


async def test_silence_for_a_while_and_until_cleared() -> None:
    clock = Clock()
    async with _faulty("silence", 5.0, count=None, clock=clock) as (sim, client):
        assert await client.ask(QMOD) == b""
        clock.now += 5.1
        assert await client.ask(QMOD) == BATTERY
        sim.faults.set("silence")
        assert await client.ask(QMOD) == b""
        clock.now += 100.0
        assert await client.ask(QMOD) == b""
        sim.faults.clear()
        assert await client.ask(QMOD) == BATTERY


async def test_delay() -> None:
    async with _faulty("delay", 0.3) as (_, client):
        assert await client.ask(QMOD, 0.1) == b""
        assert await client.everything(1) == BATTERY


async def test_refusals() -> None:
    async with _faulty("all_nak", count=None) as (sim, client):
        assert await client.ask(QMOD) == NAK
        assert await client.ask(_frame("POP01")) == NAK
        assert sim.field("QPIRI", 16) == "2"
        sim.faults.set("restart", 0.0)
        await client.ask(QMOD)
        assert await client.ask(_frame("POP01")) == ACK
    async with _faulty("refused") as (sim, client):
        assert await client.ask(QMOD) == BATTERY
        assert await client.ask(_frame("POP01")) == NAK
        assert await client.ask(_frame("POP01")) == ACK
    async with _faulty("disguised_nak") as (_, client):
        assert await client.ask(_frame("POP09")) == b"(NA?ss\r"
    async with _faulty("bare_answer") as (_, client):
        assert await client.ask(_frame("POP01")) == b"(ACK\r"


@pytest.mark.parametrize(
    ("name", "argument", "wanted"),
    [
        ("bit_flip", None, "2842E3C90D"),
        ("missing_crc_byte", None, "2842E70D"),
        ("wrong_crc", None, "2842E79C0D"),
        ("truncate", 3, "2842E7"),
        ("truncate", 20, "2842E7C9"),
        ("garbage", None, "FF00810A2842E7C90D"),
        ("echo", None, "514D4F4449C10D2842E7C90D"),
        ("line_feed", None, "2842E7C90D0A"),
        ("leading_zeros", None, "00000000000000002842E7C90D"),
        ("padding", 3, "2842E7C90D000000"),
        ("foreign", None, "2842E7C90D2842E7C90D"),
        ("glued", None, "2842E7C90D2842E7C90D"),
    ],
)
async def test_damaged_answers(name: str, argument: float | None, wanted: str) -> None:
    async with _faulty(name, argument) as (_, client):
        assert await client.ask(QMOD) == bytes.fromhex(wanted)
        assert await client.ask(QMOD) == BATTERY


async def test_previous_answer_comes_first() -> None:
    async with _faulty("stale", count=None) as (_, client):
        assert await client.ask(QMOD) == BATTERY
        assert await client.ask(_frame("QPI")) == BATTERY + bytes.fromhex("28504933309A0B0D")
    async with _faulty("stale", 3, count=None) as (_, client):
        await client.ask(QMOD)
        assert await client.ask(_frame("QPI")) == BATTERY[-3:] + bytes.fromhex("28504933309A0B0D")


async def test_answers_of_another_program() -> None:
    async with _faulty("foreign", count=None) as (sim, client):
        assert await client.ask(_frame("QPI")) == BATTERY + _frame("(PI30")
        assert (await client.ask(_frame("QPI"))).startswith(b"(00000")
        sim.faults.clear()
        sim.other_program()
        assert (await client.everything()).count(b" ") == 20
        assert sim.requests == ["QPI", "QPI"]


async def test_split_at_every_byte() -> None:
    async with _faulty("split", 1) as (_, client):
        client.send(_frame("QPIGS"))
        assert len(await client.reader.read(4096)) < 30
        await client.everything()


@pytest.mark.parametrize("profile", ["mks_48v_parallel", "lv5048_pi18"])
async def test_special_bytes_in_the_checksum(profile: str) -> None:
    query = "QPIGS" if profile.startswith("mks") else "^P005GS"
    async with _faulty("zero_in_crc", profile=profile) as (sim, client):
        answer = await client.ask(_frame(query))
        assert 0 in answer[-3:-1]
        assert _text(answer)
        sim.faults.set("zero_in_crc", 1, count=1)
        bumped = await client.ask(_frame(query))
        assert 0 not in bumped[-3:-1]
        assert 1 in bumped[-3:-1]
        assert _crc(bumped[:-3]) != bumped[-3:-1]
    for byte in (0x28, 0x0D, 0x0A):
        async with _faulty("unadjusted_crc", byte, profile=profile) as (_, client):
            answer = await client.ask(_frame(query))
            assert byte in answer[-3:-1]
            assert _crc(answer[:-3]) != answer[-3:-1]
            assert _text(await client.ask(_frame(query)))


async def test_more_digits_and_more_fields() -> None:
    async with _faulty("five_digits") as (_, client):
        fields = await _fields(client, "QPIGS")
        assert [len(text) for text in fields[4:6]] == [5, 5]
        assert len((await _fields(client, "QPIGS"))[5]) == 4
    async with _faulty("extra_fields", 3) as (_, client):
        assert len(await _fields(client, "QPIGS")) == 24
    async with _faulty("extra_fields", 2) as (_, client):
        assert len(await _fields(client, "QPIRI")) == 28


async def test_disconnect_is_the_end_of_the_stream() -> None:
    async with _faulty("disconnect") as (_, client):
        client.send(QMOD)
        assert await asyncio.wait_for(client.reader.read(), 5) == b""
    async with _usb() as (sim, device):
        sim.faults.set("disconnect", count=1)
        device.write(b"\0" + QMOD.ljust(8, b"\0"))
        with pytest.raises(OSError, match="read error"):
            await asyncio.to_thread(device.read, 8, 2000)


async def test_restart() -> None:
    clock = Clock()
    charger = ChargerModel(weather="clear", load_scale=0.0, state_of_charge=95.0, fault_seconds=50.0)
    charger.step(12 * 3600)
    assert charger.stage == "float"
    async with _faulty("restart", 3.0, clock=clock, charger=charger) as (_, client):
        await client.ask(QMOD)
        assert await client.ask(QMOD) == b""
        clock.now += 3.1
        assert await _ask(client, "QMOD") == "(P"
        assert await _ask(client, "QMOD") == "(B"
        assert charger.stage == "none"
        assert (await _fields(client, "QPIGS"))[16][1] == "1"


async def test_write_timeout_is_of_usb_only() -> None:
    async with _faulty("write_timeout") as (_, client):
        assert await client.ask(QMOD) == BATTERY


def test_every_fault_has_a_test() -> None:
    shown = set(re.findall(r'"([a-z_]+)"', Path(__file__).read_text()))
    assert set(FAULTS) <= shown


# The command line


async def test_command_line_serves_the_unit() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", "voltronic", "--listen", "127.0.0.1:0", "--pace", "0"),
        *("--fault", "all_nak*1"),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        assert line.startswith("voltronic tcp://127.0.0.1:")
        async with connect(int(line.rpartition(":")[2])) as client:
            assert await client.ask(QMOD, 2) == NAK
            assert (await client.ask(QMOD, 2))[:2] in (b"(B", b"(L")
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
