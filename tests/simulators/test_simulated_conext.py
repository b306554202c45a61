"""The simulated Conext gateways on their own wire: the reference's frames, maps, writes, quirks, faults and modes."""

import asyncio
import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from struct import pack, unpack
from typing import Any, Literal

import pytest

from simulators.conext import ConextSimulator
from simulators.conext.faults import FAULTS
from simulators.conext.registers import MAPS, load
from simulators.faults import UnknownFaultError
from simulators.house import House
from tests.simulators.wire import Client, connect

SHARED = Path(__file__).parents[3] / "shared" / "protocols" / "conext"
EVERYTHING = ("xw", "mppt60", "mppt80", "battery_monitor", "ags", "scp", "sw")
XW, MPPT60 = 10, 30

pytestmark = pytest.mark.usefixtures("socket_enabled")


def _clock(*parts: int) -> datetime:
    """Return a moment of the house's clock, which has no zone."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


class RefusedError(Exception):
    """An exception code in an answer."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class Modbus:
    """A client that knows Modbus TCP and one word order, and nothing of the simulator."""

    def __init__(self, client: Client, order: Literal["little", "big"]) -> None:
        self.wire = client
        self._order = order
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

    async def read(self, unit: int, address: int, count: int = 1) -> list[int]:
        data = await self.ask(unit, pack(">BHH", 3, address, count))
        assert data[0] == 2 * count == len(data) - 1
        return list(unpack(f">{count}H", data[1:]))

    async def u32(self, unit: int, address: int) -> int:
        words = await self.read(unit, address, 2)
        first, second = words if self._order == "big" else words[::-1]
        return first << 16 | second

    async def i32(self, unit: int, address: int) -> int:
        value = await self.u32(unit, address)
        return value - (1 << 32) if value >> 31 else value

    async def text(self, unit: int, address: int, count: int = 10) -> str:
        words = await self.read(unit, address, count)
        return b"".join(word.to_bytes(2, self._order) for word in words).rstrip(b"\0").decode()

    async def write(self, unit: int, address: int, value: int) -> None:
        assert await self.ask(unit, pack(">BHH", 6, address, value)) == pack(">HH", address, value)

    async def write32(self, unit: int, address: int, value: int) -> None:
        words = [value >> 16, value & 0xFFFF]
        words = words if self._order == "big" else words[::-1]
        assert await self.ask(unit, pack(">BHHBHH", 16, address, 2, 4, *words)) == pack(">HH", address, 2)


def _house(soc: float = 60.0, **options: Any) -> House:
    options.setdefault("start", _clock(2026, 6, 15, 10, 0))
    house = House(seed=1, speed=0, **options)
    house.battery.soc = soc
    house.battery.voltage = house.battery.rest_voltage()
    return house


@asynccontextmanager
async def _gateway(**options: Any) -> AsyncIterator[tuple[ConextSimulator, Modbus]]:
    options.setdefault("house", _house())
    sim = ConextSimulator(pace=0.0, **options)
    async with sim, connect(await sim.listen()) as client:
        yield sim, Modbus(client, "little" if sim.order == "lsb" else "big")


# The reference's examples


@pytest.mark.parametrize("order", ["lsb", "msb"])
async def test_worked_examples(order: str) -> None:
    lsb = order == "lsb"
    async with _gateway(order=order) as (sim, modbus):
        wire = modbus.wire
        sim.set(XW, "battery_voltage", 51.234)
        sim.set(XW, "battery_current", -12.345)
        sim.set(XW, "battery_temperature", 24.6)
        words = "C8220000CFC7FFFF" if lsb else "0000C822FFFFCFC7"
        assert await wire.ask("000100000006 0A 03 0050 0004") == bytes.fromhex(f"00010000000B0A0308{words}")
        assert await wire.ask("000200000006 0A 03 0056 0001") == bytes.fromhex("0002000000050A03027440")
        name = "57583820343500380000000000000000" if lsb else "58572038353438000000000000000000"
        # The letters of "XW 8548", in the order of the wire.
        name = "5758 3820 3435 0038 0000 0000 0000 0000" if lsb else "5857 2038 3534 3800 0000 0000 0000 0000"
        assert await wire.ask("000300000006 0A 03 0000 0008") == bytes.fromhex(f"0003000000130A0310{name}")
        cut_out = "B7980000" if lsb else "0000B798"
        answer = await wire.ask(f"00040000000B 0A 10 017C 0002 04 {cut_out}")
        assert answer == bytes.fromhex("0004000000060A10017C0002")
        answer = await wire.ask("000500000006 0A 03 017C 0002")
        assert answer == bytes.fromhex(f"0005000000070A0304{cut_out}")
        echo = bytes.fromhex("0006000000060A0601B20001")
        assert await wire.ask(echo) == echo
        assert await wire.ask("000700000006 0A 03 0210 0008") == bytes.fromhex("0007000000030A8302")
        for request in ("0A06017E03E8", "0A0601AA0546", "0A06019E0E10"):
            await wire.ask("000800000006" + request)
        assert (sim.value(XW, "low_battery_cut_out"), sim.value(XW, "low_battery_cut_out_delay")) == (47.0, 10.0)
        assert sim.value(XW, "charge_block_start") == 22 * 60 + 30
        assert sim.value(XW, "absorption_time") == pytest.approx(60.0, abs=0.01)
        sim.set(XW, "inverter_status", 1037)
        sim.set(XW, "fault_bitmap_2", 0x0101)
        assert await modbus.read(XW, 0x7A) == [0x040D]
        assert await modbus.read(XW, 0x44) == [0x0101]
        assert await modbus.read(XW, 0x4B) == [1]
        assert [write.kept for write in sim.writes] == [True] * 5


# Maps


@pytest.mark.parametrize("name", MAPS)
def test_maps_are_those_of_the_reference(name: str) -> None:
    file = SHARED / f"{name}.csv"
    if not file.exists():
        pytest.skip("the reference's tables are not here")
    ours = dict(load(name).by_key)
    with file.open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    for row in rows:
        if row["key"] == "no_load_voltage_derating":
            # Printed inside the register pair before it.
            continue
        register = ours.pop(row["key"])
        assert (register.address, register.size) == (int(row["address_dec"]), int(row["registers"])), row
        assert (register.type, register.access) == (row["type"], row["access"]), row
        if not register.text:
            assert (register.scale, register.offset) == (float(row["scale"]), float(row["offset"])), row
    assert not ours


@pytest.mark.parametrize("gateway", ["combox", "gateway"])
async def test_every_register_can_be_read_alone(gateway: Literal["combox", "gateway"]) -> None:
    async with _gateway(gateway=gateway, units=EVERYTHING) as (sim, modbus):
        for unit, device in sim.devices.items():
            for register in device.map.by_key.values():
                if "r" in register.access:
                    await modbus.read(unit, register.address, register.size)
                else:
                    with pytest.raises(RefusedError, match="exception 2"):
                        await modbus.read(unit, register.address, register.size)


async def test_blocks_of_the_polling_plan() -> None:
    blocks = {
        XW: "40:14 50:44 7E:8 8A:18 A0:14 B2:13 C0:2 4E:2 D0:48 100:48 130:48",
        MPPT60: "40:10 4C:6 56:12 64:2 4A:2 66:48",
        170: "40:10 4C:6 70:48",
    }
    async with _gateway(units=("xw", "mppt60", "mppt80")) as (_, modbus):
        for unit, texts in blocks.items():
            for text in texts.split():
                address, _, count = text.partition(":")
                await modbus.read(unit, int(address, 16), int(count))
        # A block is the same as its registers one by one.
        block = await modbus.read(XW, 0x160, 0x18)
        for at in (0x161, 0x164, 0x166, 0x16F, 0x173):
            assert await modbus.read(XW, at) == [block[at - 0x160]]


async def test_identities_in_both_orders() -> None:
    for gateway, unit, number in (("combox", 201, "865-1058"), ("gateway", 1, "865-0329-01")):
        async with _gateway(gateway=gateway, units=("xw_pro@12", "mppt60", "mppt80")) as (sim, modbus):
            assert await modbus.text(12, 0x0A) == "865-6848-21"
            assert await modbus.text(30, 0x0A) == "865-1030-1"
            assert await modbus.text(unit, 0x0A, 8) == number
            serials = {await modbus.text(one, 0x2B, 8 if one == 201 else 10) for one in sim.devices}
            assert len(serials) == 4
            assert sorted(sim.devices) == sorted([12, 30, 170, unit])
            assert (await modbus.text(12, 0x1E)).isprintable()


async def test_newer_map_of_the_inverter() -> None:
    async with _gateway(gateway="gateway") as (sim, modbus):
        assert await modbus.read(XW, 0x163) == [0]
        assert await modbus.read(XW, 0xC2) == [0]
        sim.set(XW, "load_ac_power", -120.0)
        assert await modbus.i32(XW, 0x9A) == -120
    async with _gateway() as (_, modbus):
        with pytest.raises(RefusedError):
            await modbus.read(XW, 0xC2)
        with pytest.raises(RefusedError):
            await modbus.write(XW, 0x163, 1)


def test_units_that_cannot_be() -> None:
    for units in (("xw@10", "mppt60@10"), ("toaster",), ("xw@0",), ("scp@201",)):
        with pytest.raises(ValueError, match=r"unit id|device"):
            ConextSimulator(house=_house(), units=units)
    with pytest.raises(ValueError, match="installation"):
        ConextSimulator(house=_house(), nominal=36)
    assert list(ConextSimulator(house=_house(), units=("xw", "xw", "sw")).devices) == [10, 11, 90, 201]


# Values


@pytest.mark.parametrize("gateway", ["combox", "gateway"])
async def test_powers_follow_the_house(gateway: str) -> None:
    async with _gateway(gateway=gateway, units=("xw", "mppt60", "mppt60", "battery_monitor")) as (sim, modbus):
        sim.advance(600)
        house = sim.house
        assert await modbus.u32(XW, 0x9A) == pytest.approx(house.load_power, abs=1)
        assert await modbus.i32(XW, 0x66) == pytest.approx(house.grid.power, abs=1)
        solar = [await modbus.u32(unit, 0x50) for unit in (30, 31)]
        assert sum(solar) == pytest.approx(house.solar_power, abs=2)
        assert solar == pytest.approx([array.power for array in house.arrays], abs=1)
        out = [await modbus.u32(unit, 0x5C) for unit in (30, 31)]
        # What the chargers give and the inverter takes is what flows into the battery.
        net = sum(out) + await modbus.u32(XW, 0x5E) - await modbus.u32(XW, 0x5A)
        assert net == pytest.approx(-house.battery.power, abs=4)
        assert await modbus.i32(190, 0x48) / 1000 == pytest.approx(-house.battery.current, abs=0.1)
        assert await modbus.u32(190, 0x4C) == round(house.battery.soc)
        assert await modbus.u32(190, 0x4E) == 0
        for unit, address in ((XW, 0x50), (30, 0x58), (190, 0x46)):
            assert await modbus.u32(unit, address) / 1000 == pytest.approx(house.battery.voltage, abs=0.002)
        gateway_unit = sim.gateway.unit
        assert await modbus.u32(gateway_unit, 0x44) == pytest.approx(house.solar_power, abs=1)
        load_at, volts_at = (0x62, 0x98) if gateway == "combox" else (0x5E, 0x9C)
        assert await modbus.u32(gateway_unit, load_at) == pytest.approx(house.load_power, abs=1)
        assert await modbus.u32(gateway_unit, volts_at) / 1000 == pytest.approx(house.battery.voltage, abs=0.002)


async def test_signs_of_a_discharging_inverter() -> None:
    for sign in (1, -1):
        async with _gateway(house=_house(70.0), battery_power_sign=sign) as (sim, modbus):
            sim.house.grid.connected = False
            for array in sim.house.arrays:
                array.enabled = False
            sim.advance(60)
            assert await modbus.i32(XW, 0x52) < 0
            assert (await modbus.i32(XW, 0x54) > 0) == (sign > 0)
            assert await modbus.u32(XW, 0x5A) > 0
            assert await modbus.u32(XW, 0x5C) == 0


async def test_counters_of_all_periods() -> None:
    async with _gateway(house=_house(start=_clock(2026, 6, 30, 23, 58))) as (sim, modbus):
        before = [await modbus.u32(XW, 0x130 + 4 * at) for at in range(6)]
        hour, today, _, _, year, lifetime = before
        assert hour <= today <= year <= lifetime
        assert today / 1000 == pytest.approx(sim.house.counters.load.today, abs=0.002)
        sim.advance(300)
        after = [await modbus.u32(XW, 0x130 + 4 * at) for at in range(6)]
        # 1 July is a Wednesday: hour, day and month are new, week and year go on.
        assert after[0] == after[1] == after[3] < 100
        gained = after[5] - lifetime
        assert 0 < gained < 100
        assert after[2] - before[2] == pytest.approx(gained, abs=1)
        assert after[4] - year == pytest.approx(gained, abs=1)
        # The house counts the step that ends at midnight for the new day.
        assert await modbus.u32(XW, 0x132) <= 182


async def test_energies_of_the_day_add_up() -> None:
    async with _gateway(house=_house(start=_clock(2026, 6, 15, 0, 0)), maintenance=False) as (sim, modbus):
        sim.advance(86000)
        counters = sim.house.counters
        assert await modbus.u32(XW, 0x104) / 1000 == pytest.approx(counters.grid_import.today, rel=0.01)
        chargers = [await modbus.u32(unit, 0x6A) for unit in (30, 31)]
        assert sum(chargers) / 1000 == pytest.approx(counters.solar.today, rel=0.01)
        assert await modbus.u32(201, 0x134) / 1000 == pytest.approx(counters.solar.today, rel=0.01)
        assert await modbus.u32(201, 0x28E) > 3600
        net = await modbus.u32(30, 0x82) + await modbus.u32(31, 0x82)
        net += await modbus.u32(XW, 0xEC) - await modbus.u32(XW, 0xD4)
        moved = counters.battery_charge.today - counters.battery_discharge.today
        assert net / 1000 == pytest.approx(moved, abs=0.1)


async def test_24_volt_installation() -> None:
    async with _gateway(nominal=24) as (sim, modbus):
        sim.advance(60)
        assert await modbus.u32(XW, 0x50) / 1000 == pytest.approx(sim.house.battery.voltage / 2, abs=0.002)
        assert await modbus.u32(XW, 0x174) == 24000
        assert await modbus.u32(XW, 0x17C) == 23250
        await modbus.write32(XW, 0x17C, 47000)
        assert await modbus.u32(XW, 0x17C) == 23250
        await modbus.write32(XW, 0x17C, 22500)
        assert await modbus.u32(XW, 0x17C) == 22500


# Holes and units


async def test_holes() -> None:
    async with _gateway() as (_, modbus):
        # One register is passed over, at the end too; two are not, and nothing but a hole cannot be read.
        assert len(await modbus.read(XW, 0x82, 2)) == 2
        for address, count in ((0x7C, 1), (0x7A, 6), (0x57, 1), (0xBE, 2), (0xB2, 14), (0x210, 8)):
            with pytest.raises(RefusedError, match="exception 2"):
                await modbus.read(XW, address, count)
        with pytest.raises(RefusedError, match="exception 3"):
            await modbus.read(XW, 0x50, 126)
        with pytest.raises(RefusedError, match="exception 3"):
            await modbus.read(XW, 0x50, 0)
    async with _gateway(single_holes=False, most_words=50) as (_, modbus):
        with pytest.raises(RefusedError, match="exception 2"):
            await modbus.read(XW, 0x50, 44)
        with pytest.raises(RefusedError, match="exception 3"):
            await modbus.read(XW, 0xD0, 51)
        assert len(await modbus.read(XW, 0xD0, 50)) == 50


async def test_registers_that_a_firmware_does_not_have() -> None:
    async with _gateway(missing=("xw.configuration_errors", "active_warnings_flag"), serial_code=4) as (sim, modbus):
        for address, count, code in ((0x4E, 2, 2), (0x4C, 1, 2), (0x2B, 10, 4)):
            with pytest.raises(RefusedError, match=f"exception {code}"):
                await modbus.read(XW, address, count)
        assert len(await modbus.read(MPPT60, 0x4A, 2)) == 2
        assert (await modbus.text(201, 0x2B, 8)).startswith("C1058")
        sim.faults.set("hole", 0x50)
        with pytest.raises(RefusedError, match="exception 2"):
            await modbus.read(XW, 0x50, 4)
        assert len(await modbus.read(XW, 0x52, 2)) == 2


async def test_forms_of_the_firmware() -> None:
    async with _gateway(firmware="number", gateway="gateway") as (_, modbus):
        assert await modbus.u32(XW, 0x1E) == 0x00010800
        with pytest.raises(RefusedError, match="exception 2"):
            await modbus.read(XW, 0x1E, 10)
        assert (await modbus.text(1, 0x1E)).startswith("1.17")
    async with _gateway(firmware="empty", unique_code=2) as (_, modbus):
        assert await modbus.text(XW, 0x1E) == ""
        with pytest.raises(RefusedError, match="exception 2"):
            await modbus.text(XW, 0x14)


async def test_units_that_are_not_there() -> None:
    async with _gateway() as (sim, modbus):
        with pytest.raises(RefusedError, match="exception 11"):
            await modbus.read(99, 0x0A, 10)
        unit = sim.add("scp")
        assert await modbus.text(unit, 0x0A) == "865-1050-01"
        sim.remove(unit)
        with pytest.raises(RefusedError, match="exception 11"):
            await modbus.read(unit, 0x40)
    async with _gateway(absent_code=0) as (_, modbus):
        assert await modbus.wire.ask("000100000006 63 03 0040 0001") == b""
        assert await modbus.read(XW, 0x41) == [1]


async def test_a_device_that_has_left_stands_still() -> None:
    async with _gateway() as (sim, modbus):
        sim.set(XW, "device_present", 0)
        before = await modbus.read(XW, 0x50, 44)
        sim.advance(3600)
        assert await modbus.read(XW, 0x41) == [0]
        assert await modbus.read(XW, 0x50, 44) == before
        await modbus.write(XW, 0x1B2, 1)
        assert await modbus.read(XW, 0x1B2) == [0]
        assert [write.kept for write in sim.writes] == [False]
        sim.set(XW, "device_present", None)
        assert await modbus.read(XW, 0x41) == [1]
        assert await modbus.read(XW, 0x50, 44) != before
        sim.faults.set("device_gone", 30.0)
        assert await modbus.read(MPPT60, 0x42) == [0]
        assert await modbus.read(31, 0x42) == [1]


# Writes


async def test_what_is_acknowledged_and_what_is_kept() -> None:
    async with _gateway() as (sim, modbus):
        # Out of range, an impossible code, half of a number, and in operation what only standby takes.
        await modbus.write32(XW, 0x17C, 60000)
        await modbus.write(XW, 0x187, 9)
        await modbus.write(XW, 0x17C, 47000)
        await modbus.write(XW, 0x173, 1)
        assert [write.kept for write in sim.writes] == [False] * 4
        assert await modbus.u32(XW, 0x17C) == 46500
        assert await modbus.read(XW, 0x187) == [1]
        assert await modbus.read(XW, 0x173) == [3]
        await modbus.write(XW, 0x166, 2)
        await modbus.write(XW, 0x173, 1)
        assert await modbus.read(XW, 0x173) == [1]
        await modbus.write(XW, 0x177, 120)
        assert sim.value(XW, "battery_temperature_coefficient") == -120
        name = b"OG evas\0\0\0\0\0\0\0\0\0"
        answer = await modbus.ask(XW, pack(">BHHB", 16, 0, 8, 16) + name)
        assert answer == pack(">HH", 0, 8)
        assert await modbus.text(XW, 0, 8) == "GOe av\0s"
        for pdu in (pack(">BHH", 6, 0x50, 1), pack(">BHH", 6, 0x212, 1)):
            with pytest.raises(RefusedError, match="exception 2"):
                await modbus.ask(XW, pdu)
        for pdu in (pack(">BHHB", 16, 0x17C, 2, 2) + b"\0\0", pack(">BHHB", 16, 0x17C, 0, 0)):
            with pytest.raises(RefusedError, match="exception 3"):
                await modbus.ask(XW, pdu)
        for function in (1, 4, 5, 23, 43):
            with pytest.raises(RefusedError, match="exception 1"):
                await modbus.ask(XW, bytes((function, 0, 0, 0, 1)))


@pytest.mark.parametrize("nominal", [24, 48])
async def test_every_setting_keeps_what_it_already_is(nominal: int) -> None:
    async with _gateway(gateway="gateway", units=EVERYTHING, nominal=nominal) as (sim, modbus):
        commands = ("reset", "clear", "refresh_configuration_data")
        for unit, device in sim.devices.items():
            for register in device.map.by_key.values():
                if register.access != "rw" or register.key in commands:
                    continue
                words = await modbus.read(unit, register.address, register.size)
                head = pack(">BHHB", 16, register.address, register.size, 2 * register.size)
                await modbus.ask(unit, head + pack(f">{register.size}H", *words))
                assert sim.writes[-1].kept, (unit, register)
                assert await modbus.read(unit, register.address, register.size) == words


async def test_any_bytes_behind_a_good_header() -> None:
    random = Random(3)
    async with _gateway(connections=2) as (sim, modbus):
        for _ in range(200):
            pdu = random.randbytes(random.randint(1, 40))
            modbus.wire.send(pack(">HHHB", 1, 0, len(pdu) + 1, random.choice((XW, MPPT60, 201, 7))) + pdu)
        answers = await modbus.wire.everything(0.5)
        assert answers
        async with connect(sim.server_port) as client:
            assert await Modbus(client, "little").read(XW, 0x41) == [1]


async def test_write_only_registers_take_a_value() -> None:
    async with _gateway() as (sim, modbus):
        await modbus.write(XW, 0x1E9, 5000)
        assert sim.value(XW, "maximum_sell_scale_percentage_fine") == 50.0


async def test_statuses_follow_their_commands() -> None:
    async with _gateway(mirror_seconds=3.0) as (sim, modbus):
        await modbus.write(XW, 0x162, 1)
        assert await modbus.read(XW, 0x162) == [1]
        assert await modbus.read(XW, 0x49) == [0]
        sim.advance(4)
        assert await modbus.read(XW, 0x49) == [1]


async def test_load_shave_that_needs_grid_support() -> None:
    async with _gateway(needs_grid_support=True) as (sim, modbus):
        sim.put(XW, "grid_support", 0)
        await modbus.write(XW, 0x1B2, 1)
        assert await modbus.read(XW, 0x1B2) == [0]
        await modbus.write(XW, 0x1B3, 1)
        await modbus.write(XW, 0x1B2, 1)
        assert await modbus.read(XW, 0x1B2) == [1]


async def test_commands() -> None:
    async with _gateway() as (sim, modbus):
        sim.set(XW, "warning_bitmap_0", 0x8000)
        sim.set(XW, "fault_bitmap_0", 1)
        assert await modbus.read(201, 0x41) == [1]
        assert await modbus.read(201, 0x43) == [1]
        await modbus.write(XW, 0x168, 8)
        assert (await modbus.read(XW, 0x46), await modbus.read(XW, 0x4B, 2)) == ([0], [1, 0])
        counter = await modbus.u32(XW, 0x36)
        await modbus.write(XW, 0x1CF, 1)
        assert await modbus.read(XW, 0x35) == [0]
        sim.advance(30)
        assert await modbus.read(XW, 0x35) == [1]
        assert await modbus.u32(XW, 0x36) == counter + 1
        await modbus.write32(XW, 0x17C, 44000)
        await modbus.write(XW, 0x167, 0)
        with pytest.raises(RefusedError, match="exception 11"):
            await modbus.read(XW, 0x40)
        sim.advance(31)
        assert await modbus.u32(XW, 0x17C) == 44000
        await modbus.write(XW, 0x167, 2)
        sim.advance(31)
        assert await modbus.u32(XW, 0x17C) == 46500


# Modes


def _night(soc: float, **options: Any) -> House:
    return _house(soc, start=_clock(2026, 6, 15, 0, 30), **options)


async def test_load_shaving_draws_the_limit_from_the_grid() -> None:
    async with _gateway(house=_night(80.0)) as (sim, modbus):
        house = sim.house
        sim.advance(60)
        assert await modbus.read(XW, 0x7A, 2) == [1025, 768]
        assert house.grid.power == pytest.approx(house.load_power, abs=1)
        await modbus.write(XW, 0x1B2, 1)
        sim.advance(60)
        assert await modbus.read(XW, 0x7A, 2) == [1037, 781]
        assert house.grid.power == pytest.approx(house.grid.voltage, abs=5)
        assert house.battery.current > 0
        assert await modbus.u32(XW, 0x5A) == pytest.approx(house.battery.power, abs=2)
        house.load_power = 0.0
        await modbus.write32(XW, 0x1B6, 50000)
        sim.advance(20)
        assert await modbus.read(XW, 0x7A) == [1025]
        assert house.grid.power == pytest.approx(house.load_power, abs=1)
        await modbus.write32(XW, 0x1B6, 1000)
        sim.advance(20)
        assert await modbus.read(XW, 0x7A) == [1037]
        await modbus.write(XW, 0x1B2, 0)
        sim.advance(4)
        assert await modbus.read(XW, 0x7A) == [1025]


async def test_load_shaving_has_its_conditions() -> None:
    async with _gateway(house=_night(80.0)) as (sim, modbus):
        sim.put(XW, "load_shave", 1)
        for key, off, on in (("grid_support", 0, 1), ("grid_support_voltage", 45, 64), ("operating_mode", 2, 3)):
            sim.put(XW, key, off)
            sim.advance(10)
            assert (await modbus.read(XW, 0x7A))[0] != 1037, key
            sim.put(XW, key, on)
            sim.advance(10)
            assert await modbus.read(XW, 0x7A) == [1037], key
        # From 01:00 to 02:00 only.
        sim.put(XW, "load_shave_start", 60)
        sim.put(XW, "load_shave_stop", 120)
        sim.advance(10)
        assert await modbus.read(XW, 0x7A) == [1025]
        sim.advance(1800)
        assert await modbus.read(XW, 0x7A) == [1037]
        sim.advance(3600)
        assert await modbus.read(XW, 0x7A) == [1025]


async def test_load_shaving_ends_above_the_cut_out() -> None:
    house = _night(30.0)
    house.battery.capacity = 40.0
    async with _gateway(house=house) as (sim, modbus):
        sim.put(XW, "load_shave", 1)
        sim.put(XW, "low_battery_cut_out", 51.0)
        sim.put(XW, "recharge_voltage", 40.0)
        sim.put(XW, "charger_enable_disable", 0)
        for _ in range(8 * 60):
            sim.advance(60)
            if (await modbus.read(XW, 0x7A)) == [1025]:
                break
        assert 51.0 < house.battery.voltage < 52.3
        assert house.grid.power == pytest.approx(house.load_power, abs=1)


async def test_cut_out_and_hysteresis_without_grid() -> None:
    house = _night(12.0)
    async with _gateway(house=house) as (sim, modbus):
        house.grid.connected = False
        for array in house.arrays:
            array.enabled = False
        sim.advance(30)
        assert await modbus.read(XW, 0x7A) == [1024]
        sim.put(XW, "low_battery_cut_out", 52.0)
        sim.put(XW, "low_battery_cut_out_delay", 60)
        sim.advance(50)
        assert await modbus.read(XW, 0x7A) == [1024]
        sim.advance(20)
        assert await modbus.read(XW, 0x7A) == [1031]
        assert house.inverter_output == 0
        assert await modbus.read(XW, 0x44) == [1]
        house.battery.soc = 70.0
        sim.advance(10)
        assert await modbus.read(XW, 0x7A) == [1031]
        sim.put(XW, "low_battery_cut_out_hysteresis", 0.5)
        sim.advance(10)
        assert await modbus.read(XW, 0x7A) == [1024]
        house.grid.connected = True
        sim.advance(10)
        assert await modbus.read(XW, 0x7A) == [1025]


async def test_grid_support_enters_late_and_sells_when_told() -> None:
    house = _house(99.0, start=_clock(2026, 6, 15, 13, 0))
    async with _gateway(house=house) as (sim, modbus):
        sim.put(XW, "grid_support_voltage", 54.0)
        sim.advance(10)
        assert await modbus.read(XW, 0x7A) == [1025]
        sim.advance(20)
        assert await modbus.read(XW, 0x7A) == [1034]
        assert house.grid.power < 100
        sim.put(XW, "sell_enable_disable", 1)
        sim.advance(60)
        assert await modbus.read(XW, 0x7A) == [1036]
        assert await modbus.i32(XW, 0x66) < 0
        assert await modbus.u32(XW, 0x84) == pytest.approx(-house.grid.power, abs=1)
        assert await modbus.u32(201, 0x58) == pytest.approx(-house.grid.power, abs=1)
        sim.put(XW, "maximum_sell_amps", 0)
        sim.advance(10)
        assert house.grid.power > -50


async def test_charge_cycle_its_rate_and_its_block() -> None:
    house = _night(2.0)
    async with _gateway(house=house) as (sim, modbus):
        sim.advance(20)
        assert await modbus.read(XW, 0x7A, 2) == [1025, 769]
        full = await modbus.u32(XW, 0x5C) / 1000
        assert full > 100
        await modbus.write(XW, 0x16F, 25)
        sim.advance(20)
        assert await modbus.u32(XW, 0x5C) / 1000 == pytest.approx(35, rel=0.05)
        await modbus.write(XW, 0x1AB, 60)
        sim.advance(20)
        assert (await modbus.read(XW, 0x7B), await modbus.u32(XW, 0x5C)) == ([781], 0)
        await modbus.write(XW, 0x1AB, 0)
        await modbus.write(XW, 0x164, 0)
        sim.advance(20)
        assert (await modbus.read(XW, 0x7B), await modbus.u32(XW, 0x5C)) == ([776], 0)
        await modbus.write(XW, 0x164, 1)
        sim.advance(20)
        assert await modbus.u32(XW, 0x5C) > 0
        house.battery.soc = 99.5
        sim.advance(20)
        assert await modbus.read(XW, 0x7B) == [773]
        await modbus.write(XW, 0x165, 1)
        house.battery.soc = 60.0
        house.battery.voltage = house.battery.rest_voltage()
        await modbus.write(XW, 0x165, 1)
        sim.advance(20)
        assert await modbus.read(XW, 0x7B) == [769]


async def test_solar_chargers_can_be_switched_and_limited() -> None:
    house = _house(50.0, start=_clock(2026, 6, 15, 13, 0))
    async with _gateway(house=house) as (sim, modbus):
        sim.advance(60)
        assert await modbus.read(MPPT60, 0x49) == [769]
        before = await modbus.u32(MPPT60, 0x5C)
        await modbus.write(MPPT60, 0xBA, 10)
        sim.advance(10)
        assert await modbus.i32(MPPT60, 0x5A) / 1000 <= 6.1
        assert await modbus.u32(MPPT60, 0x5C) < before
        await modbus.write(MPPT60, 0xA0, 0)
        sim.advance(10)
        assert (await modbus.read(MPPT60, 0x41), await modbus.u32(MPPT60, 0x50)) == ([0], 0)
        assert await modbus.u32(31, 0x50) > 100
        await modbus.write(MPPT60, 0xA0, 1)
        await modbus.write(MPPT60, 0xAC, 2)
        sim.advance(10)
        assert await modbus.read(MPPT60, 0x49) == [776]


async def test_a_sw_shaves_too() -> None:
    async with _gateway(house=_night(80.0), units=("sw",)) as (sim, modbus):
        await modbus.write(90, 0x128, 1)
        sim.advance(60)
        assert await modbus.read(90, 0x4B) == [1037]
        assert await modbus.u32(90, 0x64) == pytest.approx(sim.house.grid.voltage, abs=6)
        await modbus.write(90, 0x129, 0)
        sim.advance(10)
        assert await modbus.read(90, 0x4B) == [1025]


async def test_two_inverters_share() -> None:
    house = _house(80.0, start=_clock(2026, 6, 15, 19, 30), arrays=(10.0, 10.0))
    async with _gateway(house=house, units=("xw", "xw")) as (sim, modbus):
        await modbus.write(10, 0x1B2, 1)
        sim.advance(60)
        assert await modbus.read(11, 0x7A) == [1037]
        loads = [await modbus.u32(unit, 0x9A) for unit in (10, 11)]
        assert sum(loads) == pytest.approx(sim.house.load_power, abs=2)
        assert sim.house.grid.power == pytest.approx(2 * sim.house.grid.voltage, abs=8)


async def test_a_house_that_another_device_steers_is_left_alone() -> None:
    house = _night(80.0)
    house.settings.input_limit = 20.0
    async with _gateway(house=house) as (sim, modbus):
        await modbus.write(XW, 0x1B2, 1)
        sim.advance(60)
        assert house.settings.input_limit == 20.0
        assert house.settings.inverter_allowed
        assert await modbus.read(XW, 0x1B2) == [1]


async def test_a_loop_of_reads_and_writes_keeps_the_battery_inside_its_band() -> None:
    house = _house(60.0, arrays=(1200.0, 900.0))
    house.battery.capacity = 100.0
    units = ("xw", "mppt60", "mppt60", "battery_monitor")
    async with _gateway(house=house, units=units, maintenance=False) as (sim, modbus):
        seen = []
        for _ in range(48 * 12):
            sim.advance(300)
            soc = await modbus.u32(190, 0x4C)
            (shaving,) = await modbus.read(XW, 0x1B2)
            seen.append((soc, shaving))
            if soc >= 80 and not shaving:
                await modbus.write(XW, 0x1B2, 1)
            elif soc <= 40 and shaving:
                await modbus.write(XW, 0x1B2, 0)
        assert {shaving for _, shaving in seen} == {0, 1}
        # Below the band the inverter only takes its own consumption.
        assert min(soc for soc, _ in seen) >= 34
        assert [write.kept for write in sim.writes] == [True] * len(sim.writes)
        assert 2 <= len(sim.writes) <= 8


async def test_generator_starter() -> None:
    async with _gateway(units=("xw", "ags")) as (sim, modbus):
        assert await modbus.read(50, 0x42, 4) == [2, 10, 0, 1]
        await modbus.write(50, 0x4D, 1)
        assert await modbus.read(50, 0x42, 4) == [3, 9, 5, 0]
        assert await modbus.read(201, 0x42) == [1]
        await modbus.write(50, 0x4D, 2)
        sim.put(50, "starting_battery_voltage_30_seconds", 60.0)
        assert await modbus.read(50, 0x42) == [1]
        assert await modbus.read(50, 0x6E) == [2]
        assert sim.value(50, "generator_start_tries") == 3


# The link


async def test_one_connection_at_a_time() -> None:
    async with _gateway() as (sim, modbus):
        async with connect(sim.server_port) as other:
            assert await asyncio.wait_for(other.reader.read(), 5) == b""
        assert await modbus.read(XW, 0x41) == [1]
        assert (sim.connects, sim.refused) == (2, 1)
        await modbus.wire.close()
        for _ in range(5):
            # One after another, without a pause.
            async with connect(sim.server_port) as next_one:
                assert await Modbus(next_one, "little").read(XW, 0x41) == [1]
        assert sim.refused == 1
    async with _gateway(connections=2) as (sim, modbus):
        async with connect(sim.server_port) as other:
            assert await Modbus(other, "little").read(XW, 0x41) == [1]
        await sim.drop()
        assert await asyncio.wait_for(modbus.wire.reader.read(), 5) == b""


async def test_a_connection_that_tires() -> None:
    async with _gateway(connection_requests=3) as (sim, modbus):
        for _ in range(3):
            await modbus.read(XW, 0x41)
        assert await modbus.wire.ask("000900000006 0A 03 0041 0001") == b""
        await modbus.wire.close()
        async with connect(sim.server_port) as fresh:
            assert await Modbus(fresh, "little").read(XW, 0x41) == [1]


async def test_nightly_maintenance() -> None:
    async with _gateway(house=_house(start=_clock(2026, 6, 16, 3, 3, 50))) as (sim, modbus):
        assert await modbus.read(201, 0x3D) == [0]
        sim.advance(20)
        assert await modbus.read(201, 0x3D) == [1]
        sim.advance(60)
        assert sim.house.now == _clock(2026, 6, 16, 3, 5, 10)
        assert await asyncio.wait_for(modbus.wire.reader.read(), 5) == b""
        async with connect(sim.server_port) as client:
            assert await asyncio.wait_for(client.reader.read(), 5) == b""
        sim.advance(180)
        async with connect(sim.server_port) as client:
            assert await Modbus(client, "little").read(201, 0x3D) == [0]
    async with _gateway(gateway="gateway", house=_house(start=_clock(2026, 6, 16, 3, 6))) as (_, modbus):
        assert await modbus.read(XW, 0x41) == [1]


async def test_maintenance_on_demand() -> None:
    async with _gateway() as (sim, modbus):
        sim.faults.set("maintenance", 120.0)
        assert await modbus.read(201, 0x3D) == [1]
        sim.advance(70)
        assert await asyncio.wait_for(modbus.wire.reader.read(), 5) == b""
        sim.advance(120)
        async with connect(sim.server_port) as client:
            assert await Modbus(client, "little").read(201, 0x3D) == [0]


async def test_what_is_no_modbus_ends_the_connection() -> None:
    async with _gateway() as (_, modbus):
        modbus.wire.send(b"GET / HTTP/1.1\r\n\r\n")
        assert await asyncio.wait_for(modbus.wire.reader.read(), 5) == b""


async def test_requests_in_pieces_and_in_one_piece() -> None:
    async with _gateway() as (sim, modbus):
        frame = bytes.fromhex("0001000000060A0300410001")
        assert await modbus.wire.ask(frame[:5]) == b""
        assert len(await modbus.wire.ask(frame[5:] + frame)) == 22
        assert [(request.unit, request.address, request.count) for request in sim.requests] == [(10, 0x41, 1)] * 2


# Faults

READ = "00070000 0006 0A 03 0040 0003"


async def test_faults_of_the_link() -> None:
    async with _gateway() as (sim, modbus):
        wire = modbus.wire
        good = await wire.ask(READ)
        assert len(good) == 15
        sim.faults.set("lost_request", count=1)
        assert await wire.ask(READ) == b""
        asked = len(sim.requests)
        sim.faults.set("lost_answer", count=1)
        assert await wire.ask("000700000006 0A 06 01B2 0001") == b""
        assert len(sim.requests) == asked + 1
        assert sim.value(XW, "load_shave") == 1
        sim.faults.set("silence", 60.0)
        assert await wire.ask(READ) == b""
        sim.advance(62)
        assert await wire.ask(READ) == good
        sim.faults.set("delay", 0.2, count=1)
        assert await wire.ask(READ) == b""
        assert await wire.everything(1.0) == good
        sim.faults.set("slow", 0.05)
        assert await wire.ask(READ, 1.0) == good
        sim.faults.clear()
        sim.faults.set("split", 4.0, count=1)
        assert await wire.ask(READ) == good
        sim.faults.set("cut_frame", count=1)
        assert await wire.ask(READ) == good[:7]
        sim.faults.set("garbage", 5.0, count=1)
        assert (await wire.ask(READ))[5:] == good
        sim.faults.set("stale", count=1)
        assert await wire.ask(READ) == good + good
        for name, at in (("wrong_transaction", 0), ("wrong_unit", 6), ("wrong_function", 7)):
            sim.faults.set(name, count=1)
            answer = await wire.ask(READ)
            assert [index for index in range(15) if answer[index] != good[index]] == [at]
        sim.faults.set("wrong_count", count=1)
        assert len(await wire.ask(READ)) == 13
        sim.faults.set("second_connection", count=1)
        async with connect(sim.server_port) as other:
            assert await asyncio.wait_for(other.reader.read(), 5) == b""
        sim.faults.set("disconnect", count=1)
        wire.send(READ)
        assert await asyncio.wait_for(wire.reader.read(), 5) == b""


async def test_restart_ends_connections() -> None:
    async with _gateway() as (sim, modbus):
        sim.faults.set("restart", 20.0)
        assert await asyncio.wait_for(modbus.wire.reader.read(), 5) == b""
        sim.advance(22)
        async with connect(sim.server_port) as client:
            assert await Modbus(client, "little").read(XW, 0x41) == [1]


async def test_faults_of_answers_and_writes() -> None:
    async with _gateway() as (sim, modbus):
        for name, argument, code in (("exception", 4.0, 4), ("busy", None, 6)):
            sim.faults.set(name, argument, count=1)
            with pytest.raises(RefusedError, match=f"exception {code}"):
                await modbus.read(XW, 0x40)
        sim.faults.set("dropped_write", count=1)
        await modbus.write(XW, 0x1B2, 1)
        assert await modbus.read(XW, 0x1B2) == [0]
        sim.faults.set("refused_write", count=1)
        with pytest.raises(RefusedError, match="exception 2"):
            await modbus.write(XW, 0x1B2, 1)
        assert [write.kept for write in sim.writes] == [False]
        sim.faults.set("unit_lost", 30.0)
        with pytest.raises(RefusedError, match="exception 11"):
            await modbus.read(MPPT60, 0x40)


async def test_faults_of_the_data() -> None:
    async with _gateway(units=("xw", "mppt60", "battery_monitor")) as (sim, modbus):
        faults = sim.faults
        faults.set("no_temperature")
        assert await modbus.read(XW, 0x56) == [0]
        assert await modbus.u32(190, 0x4A) == 0
        faults.clear()
        faults.set("all_ones")
        assert await modbus.u32(XW, 0x50) == 0xFFFFFFFF
        assert await modbus.i32(XW, 0x52) == 0x7FFFFFFF
        assert await modbus.read(XW, 0x7A) == [0xFFFF]
        assert await modbus.u32(XW, 0x17C) == 46500
        faults.clear()
        lifetime = await modbus.u32(XW, 0x144)
        faults.set("counter_drop")
        assert await modbus.u32(XW, 0x144) < lifetime
        faults.clear()
        faults.set("counter_jump", 2000.0)
        assert await modbus.u32(XW, 0x144) == pytest.approx(lifetime + 2_000_000, abs=5)
        faults.clear()
        faults.set("unknown_state", 1099.0)
        assert await modbus.read(XW, 0x7A, 2) == [1099, 1099]
        faults.clear()
        faults.set("inverter_fault")
        faults.set("warning")
        assert (await modbus.read(XW, 0x44), await modbus.read(XW, 0x46)) == ([0x0101], [4])
        assert await modbus.read(XW, 0x4B, 2) == [1, 1]
        assert (await modbus.read(201, 0x41), await modbus.read(201, 0x43)) == ([2], [1])
        faults.clear()
        faults.set("no_serial")
        with pytest.raises(RefusedError, match="exception 4"):
            await modbus.read(XW, 0x2B, 10)
        faults.clear()
        faults.set("frozen")
        before = await modbus.read(XW, 0x50, 44)
        sim.advance(3600)
        assert await modbus.read(XW, 0x50, 44) == before
        await modbus.write(XW, 0x1B2, 1)
        assert await modbus.read(XW, 0x1B2) == [1]
        with pytest.raises(UnknownFaultError):
            faults.set("unheard_of")


async def test_quirks_of_the_data() -> None:
    house = _house(start=_clock(2026, 6, 15, 13, 0))
    async with _gateway(house=house, no_pv_input=True, temperature_sensor=False, health=True) as (sim, modbus):
        sim.advance(60)
        assert (await modbus.u32(MPPT60, 0x4E), await modbus.u32(MPPT60, 0x50)) == (0, 0)
        assert await modbus.u32(MPPT60, 0x4C) > 50000
        assert await modbus.u32(MPPT60, 0x5C) > 100
        assert await modbus.read(XW, 0x56) == [0]
    async with _gateway(gateway="gateway", mppt60_layout="mppt80", swapped_energies=True) as (sim, modbus):
        assert await modbus.u32(MPPT60, 0x74) / 1000 == pytest.approx(sim.house.arrays[0].energy.today, abs=0.002)
        discharged = sim.house.counters.battery_discharge.today
        assert await modbus.u32(XW, 0xEC) / 1000 == pytest.approx(discharged, abs=0.002)
    async with _gateway(unavailable="ones") as (_, modbus):
        assert await modbus.u32(201, 0x3D2) == 0xFFFFFFFF
        assert await modbus.u32(201, 0x3D0) == 0x7FFFFFFF


async def test_answers_take_their_time() -> None:
    sim = ConextSimulator(house=_house(), pace=1.0, answer_seconds=(0.1, 0.1))
    async with sim, connect(await sim.listen()) as client:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await Modbus(client, "little").read(XW, 0x41)
        assert loop.time() - began >= 0.09


async def test_a_published_client_understands_the_frames() -> None:
    pymodbus = pytest.importorskip("pymodbus.client")
    async with _gateway() as (sim, modbus):
        sim.set(XW, "battery_voltage", 51.234)
        await modbus.wire.close()
        client = pymodbus.AsyncModbusTcpClient("127.0.0.1", port=sim.server_port)
        assert await client.connect()
        try:
            answer = await client.read_holding_registers(0x50, count=2, device_id=XW)
            assert answer.registers == [0xC822, 0]
            assert not (await client.write_registers(0x17C, [0xB798, 0], device_id=XW)).isError()
            assert not (await client.write_register(0x1B2, 1, device_id=XW)).isError()
            assert (await client.read_holding_registers(0x210, count=8, device_id=XW)).exception_code == 2
            assert (await client.read_holding_registers(0x40, count=1, device_id=77)).exception_code == 11
        finally:
            client.close()
        assert (sim.value(XW, "low_battery_cut_out"), sim.value(XW, "load_shave")) == (47.0, 1)


async def test_nothing_is_left_behind() -> None:
    before = asyncio.all_tasks()
    house = _house()
    watchers = len(house._watchers)
    sim = ConextSimulator(house=house, pace=0.0)
    async with connect(await sim.listen()) as client, connect(sim.server_port):
        await Modbus(client, "little").read(XW, 0x41)
        await sim.close()
    assert asyncio.all_tasks() == before
    assert len(house._watchers) == watchers


def test_clock_of_the_combox_is_the_house() -> None:
    sim = ConextSimulator(house=_house())
    assert sim.gateway.live()["utc_time"] == pytest.approx(
        (_clock(2026, 6, 15, 10) - _clock(1970, 1, 1)) / timedelta(seconds=1)
    )
    assert set(sim.faults.known) == set(FAULTS)
