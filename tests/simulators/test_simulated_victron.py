"""The simulated GX on its own wire: the reference's frames, maps, gaps, writes, services that come and go, faults."""

import asyncio
import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from struct import pack, unpack
from typing import Any

import pytest

from simulators.faults import UnknownFaultError
from simulators.house import House
from simulators.micro_inverters import MicroInverter
from simulators.registry import FAMILIES
from simulators.victron_gx import PORTAL_ID, GxSimulator
from simulators.victron_gx.faults import FAULTS
from simulators.victron_gx.registers import load
from tests.simulators.wire import Client, connect

SHARED = Path(__file__).parents[3] / "shared" / "protocols" / "victron_gx" / "registers.csv"
SYSTEM, BATTERY, VEBUS = 100, 225, 227
SERVICES = ("system", "settings", "hub4", "platform", "battery", "vebus")

pytestmark = pytest.mark.usefixtures("socket_enabled")


class RefusedError(Exception):
    """An exception code in an answer."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class Modbus:
    """A client that knows Modbus TCP, and nothing of the simulator."""

    def __init__(self, client: Client) -> None:
        self.wire = client
        self._transaction = 0

    async def ask(self, unit: int, pdu: bytes) -> bytes:
        self._transaction += 1
        self.wire.send(pack(">HHHB", self._transaction, 0, len(pdu) + 1, unit) + pdu)
        async with asyncio.timeout(5):
            head = await self.wire.reader.readexactly(7)
            transaction, protocol, length, back = unpack(">HHHB", head)
            answer = await self.wire.reader.readexactly(length - 1)
        assert (transaction, protocol, back) == (self._transaction, 0, unit)
        if answer[0] & 0x80:
            raise RefusedError(answer[1])
        assert answer[0] == pdu[0]
        return answer[1:]

    async def read(self, unit: int, address: int, count: int = 1, *, function: int = 3) -> list[int]:
        data = await self.ask(unit, pack(">BHH", function, address, count))
        assert data[0] == 2 * count == len(data) - 1
        return list(unpack(f">{count}H", data[1:]))

    async def i16(self, unit: int, address: int) -> int:
        (word,) = await self.read(unit, address)
        return word - (1 << 16) if word >> 15 else word

    async def i32(self, unit: int, address: int) -> int:
        high, low = await self.read(unit, address, 2)
        value = high << 16 | low
        return value - (1 << 32) if value >> 31 else value

    async def write(self, unit: int, address: int, *words: int) -> None:
        if len(words) == 1:
            assert await self.ask(unit, pack(">BHH", 6, address, words[0])) == pack(">HH", address, words[0])
        else:
            pdu = pack(f">BHHB{len(words)}H", 16, address, len(words), 2 * len(words), *words)
            assert await self.ask(unit, pdu) == pack(">HH", address, len(words))

    async def code(self, unit: int, pdu: bytes) -> int:
        """The exception code that a request is answered with."""
        with pytest.raises(RefusedError) as caught:
            await self.ask(unit, pdu)
        return caught.value.code


def _read(address: int, count: int = 1) -> bytes:
    return pack(">BHH", 3, address, count)


@asynccontextmanager
async def _gx(**options: Any) -> AsyncIterator[tuple[GxSimulator, Modbus]]:
    house = House(seed=1, speed=0)
    async with GxSimulator(house=house, pace=0.0, **options) as sim, connect(await sim.listen()) as client:
        yield sim, Modbus(client)


# The reference's frames


async def test_worked_frames() -> None:
    async with _gx() as (sim, modbus):
        sim.system.overrides |= {
            "/Dc/Battery/Voltage": 52.3,
            "/Dc/Battery/Current": -4.2,
            "/Dc/Battery/Power": -220,
            "/Dc/Battery/Soc": 63,
            "/Dc/Battery/State": 2,
        }
        answer = await modbus.wire.ask("00 01 00 00 00 06 64 03 03 48 00 05")
        assert answer == bytes.fromhex("00 01 00 00 00 0d 64 03 0a 02 0b ff d6 ff 24 00 3f 00 02")
        sim.battery.overrides |= {"/Info/MaxChargeVoltage": 53.2, "/Info/BatteryLowVoltage": 44.0}
        sim.charge_current_limit, sim.discharge_current_limit = 25.0, 40.0
        answer = await modbus.wire.ask("00 03 00 00 00 06 e1 03 01 31 00 04")
        assert answer == bytes.fromhex("00 03 00 00 00 0b e1 03 08 02 14 01 b8 00 fa 01 90")
        assert await modbus.wire.ask("00 04 00 00 00 06 e1 03 00 01 00 01") == bytes.fromhex(
            "00 04 00 00 00 03 e1 83 02"
        )
        assert await modbus.wire.ask("00 05 00 00 00 06 63 03 03 48 00 01") == bytes.fromhex(
            "00 05 00 00 00 03 63 83 0b"
        )


async def test_the_portal_id_is_text() -> None:
    async with _gx() as (_, modbus):
        for unit in (100, 0):
            words = await modbus.read(unit, 800, 6)
            assert b"".join(word.to_bytes(2) for word in words).decode() == PORTAL_ID


def test_maps_are_those_of_the_reference() -> None:
    if not SHARED.exists():
        pytest.skip("the reference's table is not here")
    with SHARED.open(encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["service"] in SERVICES]
    for row in rows:
        register = load(row["service"])[int(row["register"])]
        assert (register.words, register.type) == (int(row["words"]), row["type"].lower())
        assert register.divisor == float(row["divisor"] or 1)
        assert register.access == ("rw" if row["access"] == "W" else "r")
        assert register.path == ("" if row["dbus_path"] == "RESERVED" else row["dbus_path"])
    assert len(rows) == sum(len(load(service)) for service in SERVICES)


def test_every_path_that_is_measured_is_in_the_map() -> None:
    sim = GxSimulator(house=House(seed=1, speed=0), phases=3)
    for service in (sim.system, sim.settings, sim.hub4, sim.battery, sim.vebus):
        known = {register.path for register in load(service.kind).values()}
        assert {*service._values()} <= known, service.kind


# Gaps


async def test_a_read_must_not_span_a_gap() -> None:
    async with _gx() as (_, modbus):
        assert len(await modbus.read(SYSTEM, 800, 120)) == 120
        assert len(await modbus.read(SYSTEM, 840, 5, function=4)) == 5
        assert len(await modbus.read(BATTERY, 256, 76)) == 76
        for unit, address, count in (
            (SYSTEM, 799, 2),
            (SYSTEM, 918, 3),
            # 2709 belongs to another service of the same unit id.
            (SYSTEM, 2708, 2),
            (SYSTEM, 2716, 3),
            (BATTERY, 331, 2),
            (BATTERY, 255, 1),
            (VEBUS, 2, 2),
            # Half of a number.
            (BATTERY, 257, 1),
        ):
            assert await modbus.code(unit, _read(address, count)) == 2


async def test_reserved_registers_are_full_of_ones() -> None:
    async with _gx() as (_, modbus):
        assert await modbus.read(SYSTEM, 827, 3) == [0xFFFF] * 3
        assert await modbus.read(SYSTEM, 2719) == [0xFFFF]


async def test_registers_that_a_firmware_lacks() -> None:
    async with _gx(missing=(868, 869)) as (_, modbus):
        assert len(await modbus.read(SYSTEM, 800, 68)) == 68
        assert await modbus.code(SYSTEM, _read(866, 3)) == 2


async def test_what_is_no_good_request() -> None:
    async with _gx() as (_, modbus):
        assert await modbus.code(SYSTEM, _read(800, 0)) == 3
        assert await modbus.code(SYSTEM, _read(800, 126)) == 3
        assert await modbus.code(SYSTEM, b"\x01\x03\x20\x00\x01") == 1
        assert await modbus.code(SYSTEM, b"\x10\x0a\x8c\x00\x01\x02\x00") == 3
        assert await modbus.code(SYSTEM, b"\x03\x03") == 3
        assert await modbus.code(99, _read(840)) == 11


# Values


async def test_signs_of_the_gx() -> None:
    async with _gx() as (sim, modbus):
        battery, grid = sim.house.battery, sim.house.grid
        battery.power, battery.current, battery.voltage, grid.power = 1234.0, 23.6, 52.3, -870.0
        assert await modbus.i16(SYSTEM, 842) == -1234
        assert await modbus.i16(SYSTEM, 841) == -236
        assert await modbus.i16(SYSTEM, 820) == -870
        assert await modbus.i32(SYSTEM, 908) == -870
        assert await modbus.i32(BATTERY, 256) == await modbus.i16(BATTERY, 258) == -1234
        assert await modbus.read(SYSTEM, 844) == [2]
        assert await modbus.read(BATTERY, 259) == [5230]
        battery.power = -50.0
        assert await modbus.read(SYSTEM, 844) == [1]


async def test_what_is_too_large_saturates_and_what_is_missing_is_zero() -> None:
    async with _gx() as (sim, modbus):
        sim.system.overrides |= {"/Ac/Grid/L1/Power": 60_000.0, "/Dc/Pv/Power": 90_000.0, "/Dc/Battery/Soc": None}
        assert await modbus.read(SYSTEM, 820) == [0x7FFE]
        assert await modbus.i32(SYSTEM, 908) == 60_000
        assert await modbus.read(SYSTEM, 850) == [0xFFFE]
        assert await modbus.read(SYSTEM, 843) == [0]
        sim.system.overrides["/Ac/Grid/L1/Power"] = -60_000.0
        assert await modbus.i16(SYSTEM, 820) == -32767


async def test_negative_divisors_count_backwards() -> None:
    async with _gx() as (sim, modbus):
        sim.battery.overrides["/ConsumedAmphours"] = -123.4
        assert await modbus.read(BATTERY, 265) == [1234]


async def test_three_phases_share() -> None:
    async with _gx(phases=3) as (sim, modbus):
        sim.house.grid.power = 1000.0
        assert await modbus.read(SYSTEM, 820, 3) == [500, 300, 200]
        assert await modbus.read(VEBUS, 28) == [3]
    with pytest.raises(ValueError, match="1 or 3 phases"):
        GxSimulator(phases=2)


async def test_draw_of_the_micro_inverters() -> None:
    async with _gx() as (sim, modbus):
        sim.house.micro_inverters += [
            MicroInverter(rated=800.0, output=470.0),
            MicroInverter(rated=400.0, output=188.0, source="panel", peak=400.0),
        ]
        assert await modbus.read(SYSTEM, 860) == [500]
        sim.dc_system_power = lambda: 312.0
        assert await modbus.read(SYSTEM, 860) == [312]
        sim.dc_system_power = None
        assert await modbus.read(SYSTEM, 860) == [0]


async def test_limits_follow_the_battery_unless_they_are_set() -> None:
    async with _gx() as (sim, modbus):
        sim.house.battery.soc = 50.0
        assert await modbus.read(BATTERY, 307, 2) == [1500, 2000]
        sim.charge_current_limit = 0.0
        assert await modbus.read(BATTERY, 307) == [0]
        assert await modbus.read(BATTERY, 1297, 2) == [0, 1]


async def test_the_state_follows_the_grid() -> None:
    async with _gx() as (sim, modbus):
        assert await modbus.read(VEBUS, 31) == [252]
        sim.house.grid.connected = False
        sim.advance(10.0)
        assert await modbus.read(VEBUS, 31) == [9]
        assert await modbus.read(SYSTEM, 826) == [240]
        assert await modbus.read(VEBUS, 3) == [0]


async def test_what_the_inverter_lets_through_is_what_the_meter_sees() -> None:
    async with _gx() as (sim, modbus):
        for _ in range(12):
            sim.advance(1800.0)
            incoming = 10 * await modbus.i16(VEBUS, 12)
            assert incoming == pytest.approx(sim.house.grid.power, abs=6.0)
            assert await modbus.i16(SYSTEM, 817) == pytest.approx(sim.house.load_power, abs=1.0)
            assert await modbus.i16(SYSTEM, 820) == pytest.approx(sim.house.grid.power, abs=1.0)


# Writes


async def test_settings_are_kept() -> None:
    async with _gx() as (sim, modbus):
        await modbus.write(SYSTEM, 2700, 0xFF06)
        assert await modbus.i16(SYSTEM, 2700) == -250
        # The same setting in hundreds.
        assert await modbus.i16(SYSTEM, 2703) in (-2, -3)
        await modbus.write(SYSTEM, 2706, 8)
        assert await modbus.i32(SYSTEM, 2722) == 800
        await modbus.write(SYSTEM, 2722, 0xFFFF, 0xFFFF)
        assert await modbus.i32(SYSTEM, 2722) == -1
        await modbus.write(SYSTEM, 2901, 350)
        assert [(write.path, write.value, write.kept) for write in sim.writes][-1] == (
            "/Settings/CGwacs/BatteryLife/MinimumSocLimit",
            35.0,
            True,
        )


async def test_what_cannot_be_written() -> None:
    async with _gx() as (sim, modbus):
        assert await modbus.code(SYSTEM, pack(">BHH", 6, 843, 50)) == 2
        assert await modbus.code(SYSTEM, pack(">BHH", 6, 2722, 50)) == 2
        assert await modbus.code(SYSTEM, pack(">BHH", 6, 2719, 50)) == 2
        # More than all of the battery.
        assert await modbus.code(SYSTEM, pack(">BHH", 6, 2901, 1010)) == 10
        assert sim.writes == []


async def test_read_only_and_other_refusals() -> None:
    async with _gx() as (sim, modbus):
        for fault, code in (("read_only", 2), ("rejected", 10)):
            sim.faults.set(fault)
            assert await modbus.code(SYSTEM, pack(">BHH", 6, 2700, 100)) == code
            sim.faults.clear()
        sim.faults.set("dropped_write")
        await modbus.write(SYSTEM, 2700, 100)
        assert await modbus.read(SYSTEM, 2700) == [50]
        assert [write.kept for write in sim.writes] == [False]


# Services that come and go


async def test_services_leave_and_come_back() -> None:
    async with _gx() as (sim, modbus):
        for fault, unit, address in (("battery_gone", BATTERY, 259), ("vebus_gone", VEBUS, 31)):
            assert await modbus.read(unit, address) != [0]
            sim.faults.set(fault)
            assert await modbus.code(unit, _read(address)) == 11
            assert await modbus.read(SYSTEM, 840) != [0]
            sim.faults.clear()
            assert await modbus.read(unit, address) != [0]


async def test_a_battery_without_values_and_a_system_without_a_state_of_charge() -> None:
    async with _gx() as (sim, modbus):
        sim.faults.set("battery_mute")
        assert await modbus.read(BATTERY, 256, 76) == [0] * 76
        sim.faults.set("no_state_of_charge")
        assert await modbus.read(SYSTEM, 843) == [0]
        sim.faults.clear()
        assert await modbus.read(SYSTEM, 843) != [0]


async def test_units_move_and_join() -> None:
    async with _gx(vebus_unit=None) as (sim, modbus):
        assert await modbus.code(VEBUS, _read(31)) == 11
        sim.move(sim.battery, 12)
        assert await modbus.code(BATTERY, _read(259)) == 11
        assert await modbus.read(12, 259) != [0]
        sim.add_battery(226, 30.0)
        assert await modbus.read(226, 266) == [300]
        sim.move(sim.vebus, VEBUS)
        assert await modbus.read(VEBUS, 33) == [3]


async def test_a_restart() -> None:
    async with _gx() as (sim, modbus):
        sim.faults.set("restart", 40.0)
        assert await modbus.wire.everything(2.0) == b""
        async with connect(sim.server.port) as early:
            assert await early.ask(b"\0\1\0\0\0\6" + bytes((SYSTEM,)) + _read(840), 2.0) == b""
        sim.advance(40.0)
        async with connect(sim.server.port) as client:
            again = Modbus(client)
            assert await again.read(SYSTEM, 840) != [0]
            assert await again.read(SYSTEM, 843) == [0]
            assert await again.code(BATTERY, _read(259)) == 11
            sim.advance(40.0)
            assert await again.read(BATTERY, 259) != [0]
        assert sim.connects == 3


# Faults of the link


async def test_faults_of_the_link() -> None:
    async with _gx() as (sim, modbus):
        frame = b"\0\1\0\0\0\6" + bytes((SYSTEM,)) + _read(2700)
        good = bytes.fromhex("00 01 00 00 00 05 64 03 02 00 32")
        assert await modbus.wire.ask(frame) == good
        for fault, answer in (
            ("silence", b""),
            ("lost_request", b""),
            ("lost_answer", b""),
            ("split", good),
            ("cut_frame", good[:5]),
            ("stale", good + good),
            ("wrong_unit", good[:6] + b"\x65" + good[7:]),
            ("wrong_transaction", b"\x40" + good[1:]),
            ("wrong_count", bytes.fromhex("00 01 00 00 00 03 64 03 00")),
            ("exception", bytes.fromhex("00 01 00 00 00 03 64 83 04")),
        ):
            sim.faults.set(fault, count=1)
            assert await modbus.wire.ask(frame) == answer, fault
        sim.faults.set("garbage", 3, count=1)
        assert (await modbus.wire.ask(frame))[3:] == good
        sim.faults.set("delay", 0.01, count=1)
        assert await modbus.wire.ask(frame) == good
        sim.faults.set("disconnect", count=1)
        assert await modbus.wire.ask(frame, 2.0) == b""
        assert sim.server.connections == []


async def test_faults_have_names() -> None:
    sim = GxSimulator(house=House(seed=1, speed=0))
    for name in FAULTS:
        sim.faults.set(name)
    with pytest.raises(UnknownFaultError):
        sim.faults.set("unheard_of")


async def test_several_connections_and_what_is_no_modbus() -> None:
    async with _gx() as (sim, modbus), connect(sim.server.port) as second:
        assert await Modbus(second).read(SYSTEM, 2700) == await modbus.read(SYSTEM, 2700)
        second.send(b"GET / HTTP/1.1\r\n\r\n")
        assert await second.everything(2.0) == b""
        # A frame that comes in pieces, and two at once.
        frame = b"\0\1\0\0\0\6" + bytes((SYSTEM,)) + _read(2700)
        modbus.wire.send(frame[:5])
        assert len(await modbus.wire.ask(frame[5:] + frame)) == 22


def test_it_is_registered() -> None:
    family = FAMILIES["victron_gx"]
    assert (family.way, family.address, family.faults) == ("listen", "127.0.0.1:1503", FAULTS)
    simulator = family.build(House(seed=1, speed=0), 0.0)
    assert isinstance(simulator, GxSimulator)
