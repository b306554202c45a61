"""The Xcom-485i: registers of the same installation, by frames of the reference and by hand."""

import asyncio
import math
import os
import struct
import tty
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from simulators.studer import ModbusBehaviour, StuderSimulator
from tests.simulators.conftest import Installation
from tests.simulators.wire import Client, connect

START = datetime(2026, 6, 15, 10, 20, 30)  # noqa: DTZ001 - a wall clock has no zone


def crc(data: bytes) -> bytes:
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


def frame(unit: int, function: int, data: bytes) -> bytes:
    body = bytes((unit, function)) + data
    return body + crc(body)


class RefusedError(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class Master:
    """A Modbus master without any library."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def ask(self, unit: int, function: int, data: bytes) -> bytes:
        """Return the data of a good answer (of a write: register and count)."""
        self.client.send(frame(unit, function, data))
        head = await asyncio.wait_for(self.client.reader.readexactly(3), 5)
        assert head[0] == unit
        refused = bool(head[1] & 0x80)
        assert head[1] == function | 0x80 * refused
        left = 2 if refused else 5 if function == 16 else head[2] + 2
        answer = head + await self.client.reader.readexactly(left)
        assert crc(answer[:-2]) == answer[-2:]
        if refused:
            raise RefusedError(head[2])
        return answer[2:-2] if function == 16 else answer[3:-2]

    async def words(self, unit: int, function: int, register: int, count: int = 2) -> tuple[int, ...]:
        data = await self.ask(unit, function, struct.pack(">HH", register, count))
        return struct.unpack(f">{count}H", data)

    async def value(self, unit: int, function: int, register: int) -> float:
        data = await self.ask(unit, function, struct.pack(">HH", register, 2))
        return float(struct.unpack(">f", data)[0])

    async def refused(self, unit: int, function: int, register: int, count: int = 2) -> int:
        with pytest.raises(RefusedError) as caught:
            await self.ask(unit, function, struct.pack(">HH", register, count))
        return caught.value.code

    async def write(self, unit: int, register: int, value: float) -> int:
        """Return 0, or the exception code."""
        return await self.put(unit, register, struct.pack(">f", value))

    async def put(self, unit: int, register: int, data: bytes) -> int:
        header = struct.pack(">HH", register, len(data) // 2)
        try:
            assert await self.ask(unit, 16, header + bytes((len(data),)) + data) == header
        except RefusedError as refused:
            return refused.code
        return 0


@pytest.fixture
async def bus(sim: StuderSimulator) -> AsyncIterator[Master]:
    async with connect(await sim.listen_modbus()) as client:
        yield Master(client)


async def _bus(
    installation: Installation, behaviour: ModbusBehaviour, **options: object
) -> tuple[StuderSimulator, int]:
    sim, _ = await installation(START, modbus=behaviour, **options)
    return sim, await sim.listen_modbus()


@pytest.mark.parametrize(
    ("request_hex", "answer_hex"),
    [
        ("0B 04 00 00 00 02 71 61", "0B 04 04 42 4F 00 00 74 2B"),
        ("0B 03 00 0E 00 02 A5 62", "0B 03 04 42 00 00 00 44 4B"),
        ("0B 03 07 DE 00 02 A5 EF", "0B 03 04 40 00 00 00 45 F3"),
        ("0B 10 17 7E 00 02 04 41 00 00 00 AB 13", "0B 10 17 7E 00 02 24 CE"),
        ("01 04 00 00 00 01 31 CA", "01 04 02 00 00 B9 30"),
    ],
)
async def test_frames_of_the_reference(sim: StuderSimulator, bus: Master, request_hex: str, answer_hex: str) -> None:
    sim.set_info(101, 3000, 51.75)
    assert await bus.client.ask(request_hex) == bytes.fromhex(answer_hex)


async def test_ram_and_flash(sim: StuderSimulator, bus: Master) -> None:
    assert await bus.write(11, 6000 + 14, 8.0) == 0
    assert sim.ram == {(101, 1107): 8}
    assert sim.house.settings.input_limit == 40
    assert await bus.value(11, 3, 14) == 32
    assert sim.flash_writes.total() == 0
    assert await bus.write(12, 14, 10.0) == 0
    assert sim.flash_writes == {(102, 1107): 1}
    assert await bus.value(12, 3, 14) == 10
    assert (await bus.value(12, 3, 2014), await bus.value(12, 3, 4014)) == (2, 50)


async def test_every_kind_of_unit(installation: Installation) -> None:
    sim, port = await _bus(installation, ModbusBehaviour(), xtenders=3, phases=(1, 2, 2), variotracks=1)
    for address, number, value in ((102, 3000, 51.5), (301, 11000, 52.5), (702, 15010, 1.5), (601, 7002, 87.0)):
        sim.set_info(address, number, value)
    async with connect(port) as client:
        bus = Master(client)
        assert await bus.value(8, 4, 0) == 51.5
        assert await bus.value(21, 4, 0) == 52.5
        assert await bus.value(42, 4, 20) == 1.5
        assert await bus.value(61, 4, 4) == 87.0
        assert await bus.value(61, 4, 122) > 40
        assert await bus.words(1, 4, 5, 4) == (3, 1, 2, 1)
        assert await bus.write(10, 6000 + 14, 9.0) == 0
        assert await bus.write(8, 6000 + 14, 7.0) == 0
        assert sim.ram == {(101, 1107): 9, (102, 1107): 7, (103, 1107): 7}
        assert await bus.refused(9, 4, 0) == 2
        assert await bus.refused(10, 4, 0) == 2


async def test_a_bsp_is_told_from_a_bms_by_what_reads_as_no_number(installation: Installation) -> None:
    _, port = await _bus(installation, ModbusBehaviour(), battery="bsp")
    async with connect(port) as client:
        assert math.isnan(await Master(client).value(61, 4, 122))


@pytest.mark.parametrize(
    ("unit", "function", "register", "count", "code"),
    [
        (14, 4, 0, 2, 2),
        (11, 4, 900, 2, 2),
        (11, 4, 1, 2, 2),
        (11, 4, 0, 1, 2),
        (11, 4, 0, 4, 3),
        (11, 3, 1998, 2, 2),
        (11, 3, 6014, 2, 2),
        (11, 6, 14, 8, 1),
        (1, 4, 9, 2, 2),
        (2, 3, 8, 1, 2),
    ],
)
async def test_refused_reads(bus: Master, unit: int, function: int, register: int, count: int, code: int) -> None:
    assert await bus.refused(unit, function, register, count) == code


@pytest.mark.parametrize(
    ("unit", "register", "value", "code"),
    [
        (11, 14, 1.0, 3),
        (11, 6014, 51.0, 3),
        (11, 6014, math.nan, 3),
        (11, 2014, 20.0, 2),
        (11, 1998, 1.0, 2),
        (14, 14, 20.0, 2),
    ],
)
async def test_refused_writes(
    sim: StuderSimulator, bus: Master, unit: int, register: int, value: float, code: int
) -> None:
    assert await bus.write(unit, register, value) == code
    assert sim.ram == {}
    assert sim.flash_writes.total() == 0


async def test_several_registers_where_the_firmware_allows_it(installation: Installation) -> None:
    sim, port = await _bus(installation, ModbusBehaviour(block=20))
    sim.set_info(101, 3011, 229.0)
    sim.set_info(101, 3012, 3.5)
    async with connect(port) as client:
        data = await Master(client).ask(11, 4, struct.pack(">HH", 22, 4))
        assert struct.unpack(">2f", data) == (229.0, 3.5)


async def test_messages_are_taken_oldest_first(sim: StuderSimulator, bus: Master) -> None:
    sim.add_message(16, 102, value=-2)
    sim.add_message(41, 701)
    sim.add_message(216, 501)
    assert await bus.words(1, 4, 0, 1) == (3,)
    assert await bus.words(1, 4, 1, 4) == (12, 16, 0xFFFF, 0xFFFE)
    assert await bus.words(1, 4, 0, 5) == (2, 41, 41, 0, 0)
    assert await bus.words(1, 4, 1, 4) == (1, 216, 0, 0)
    assert await bus.words(1, 4, 0, 5) == (0, 0, 0, 0, 0)
    for number in range(200):
        sim.add_message(number % 100)
    assert await bus.words(1, 4, 0, 1) == (128,)


async def test_an_older_firmware_does_not_count_devices(installation: Installation) -> None:
    _, port = await _bus(installation, ModbusBehaviour(counts=False))
    async with connect(port) as client:
        assert await Master(client).refused(1, 4, 5, 4) == 2


async def test_the_clock(installation: Installation) -> None:
    sim, port = await _bus(installation, ModbusBehaviour())
    async with connect(port) as client:
        bus = Master(client)
        assert await bus.words(2, 3, 0, 8) == (0, 30, 20, 10, 1, 15, 6, 26)
        wanted = (0, 5, 4, 3, 7, 1, 3, 26)
        assert await bus.put(2, 0, struct.pack(">8H", *wanted)) == 0
        assert await bus.words(2, 3, 0, 8) == wanted
        assert sim.clock.now == datetime(2026, 3, 1, 3, 4, 5)  # noqa: DTZ001 - a wall clock has no zone
        for wrong in ((0, 5, 4, 3, 7, 1, 3, 2026), (0, 5, 4, 3, 7, 31, 2, 26)):
            assert await bus.put(2, 0, struct.pack(">8H", *wrong)) == 3
        assert await bus.put(2, 1, struct.pack(">2H", 1, 1)) == 2


async def test_a_year_with_four_digits(installation: Installation) -> None:
    _, port = await _bus(installation, ModbusBehaviour(four_digit_year=True))
    async with connect(port) as client:
        bus = Master(client)
        assert (await bus.words(2, 3, 0, 8))[7] == 2026
        assert await bus.put(2, 0, struct.pack(">8H", 0, 0, 0, 0, 1, 1, 1, 27)) == 3
        assert await bus.put(2, 0, struct.pack(">8H", 0, 0, 0, 0, 1, 1, 1, 2027)) == 0


async def test_offset_and_silence_for_others(installation: Installation) -> None:
    sim, port = await _bus(installation, ModbusBehaviour(offset=64, absent_silent=True))
    sim.set_info(101, 3000, 51.5)
    async with connect(port) as client:
        bus = Master(client)
        assert await bus.value(75, 4, 0) == 51.5
        for unit in (0, 11, 78):
            assert await client.ask(frame(unit, 4, bytes(3) + b"\x02")) == b""
    with pytest.raises(ValueError, match="switches"):
        ModbusBehaviour(offset=1)


async def test_noise_and_pieces(bus: Master) -> None:
    good = frame(11, 4, b"\0\0\0\x02")
    assert await bus.client.ask(good[:-1] + b"\x00") == b""
    await asyncio.sleep(0.05)
    bus.client.send(good[:3])
    await asyncio.sleep(0)
    assert len(await bus.client.ask(good[3:])) == 9
    assert len(await bus.client.ask(good + good)) == 18


async def test_the_same_faults(sim: StuderSimulator, bus: Master) -> None:
    good = frame(11, 4, b"\0\0\0\x02")
    for fault in ("silence", "lost_answer"):
        sim.faults.set(fault, count=1)
        assert await bus.client.ask(good) == b""
    sim.faults.set("busy", count=1)
    assert await bus.refused(11, 4, 0) == 6
    sim.faults.set("refused", count=1)
    assert await bus.refused(11, 4, 0) == 4
    sim.faults.set("nan", 3000, count=1)
    assert math.isnan(await bus.value(11, 4, 0))
    sim.faults.set("cut_frame", count=1)
    assert len(await bus.client.ask(good)) == 4
    sim.faults.set("wrong_checksum", count=1)
    damaged = await bus.client.ask(good)
    assert crc(damaged[:-2]) != damaged[-2:]
    sim.faults.set("wrong_unit", count=1)
    assert (await bus.client.ask(good))[0] == 10
    sim.faults.set("late_answer", 0.2, count=1)
    assert await bus.client.ask(good, 0.05) == b""
    assert len(await bus.client.everything(1)) == 9
    sim.faults.set("delay", 0.2, count=1)
    assert await bus.client.ask(good, 0.05) == b""
    assert len(await bus.client.everything(1)) == 9
    assert len(sim.modbus_requests) == 10


async def test_a_stopped_unit_fails_and_writes_arm_its_watchdog(sim: StuderSimulator, bus: Master) -> None:
    sim.set_flash(101, 1628, 1)
    assert await bus.write(11, 6014, 8.0) == 0
    sim.house.advance(60)
    assert [stop.reason for stop in sim.stops] == ["watchdog"]
    assert await bus.refused(11, 3, 14) == 4
    assert await bus.write(11, 6014, 8.0) == 4


async def test_on_a_pseudo_terminal(sim: StuderSimulator) -> None:
    path = await sim.pty_modbus()
    terminal = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(terminal)
        os.write(terminal, frame(11, 4, b"\0\0\0\x02"))
        await asyncio.sleep(0.1)
        assert len(os.read(terminal, 4096)) == 9
    finally:
        os.close(terminal)
