"""The simulated installation's answers: frames of the reference, memories, limits, errors, totals, messages."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from struct import iter_unpack, pack, unpack

import pytest

from simulators.house import House
from simulators.studer import Request, StuderSimulator, catalogue
from simulators.studer.frames import READ, WRITE, Frame, FrameReader
from tests.simulators.wire import Client, connect

READ_3000 = "AA 00 01 00 00 00 65 00 00 00 0A 00 6F 71 00 01 01 00 B8 0B 00 00 01 00 C5 90"


def _only(data: bytes) -> Frame:
    (frame,) = FrameReader(longest=1100).feed(data)
    return frame


async def _ask(client: Client, request: Frame) -> Frame:
    client.send(request.encode())
    reader = FrameReader(longest=1100)
    while True:
        frames = reader.feed(await client.reader.read(4096))
        if frames:
            return frames[0]


async def _read(client: Client, address: int, number: int, property_id: int = 5, *, info: bool = False) -> Frame:
    return await _ask(client, Frame(1, address, READ, 1 if info else 2, number, 1 if info else property_id))


async def _write(client: Client, address: int, number: int, data: bytes, property_id: int = 13) -> Frame:
    return await _ask(client, Frame(1, address, WRITE, 2, number, property_id, data))


def _code(frame: Frame) -> int:
    assert frame.service_flags == 3, frame
    return int.from_bytes(frame.data, "little")


def _value(frame: Frame) -> float:
    assert frame.service_flags == 2, frame
    return float(unpack("<f", frame.data)[0])


def _float(value: float) -> bytes:
    return pack("<f", value)


@asynccontextmanager
async def _installation(**options: object) -> AsyncIterator[tuple[StuderSimulator, Client]]:
    async with (
        StuderSimulator(house=House(seed=1, speed=0), pace=0.0, **options) as sim,  # type: ignore[arg-type]
        connect(await sim.listen()) as client,
    ):
        yield sim, client


@pytest.mark.parametrize(
    ("request_hex", "answer_hex"),
    [
        (READ_3000, "AA 34 65 00 00 00 01 00 00 00 0E 00 A7 45 02 01 01 00 B8 0B 00 00 01 00 00 C0 45 41 0D CB"),
        (
            "AA 00 01 00 00 00 65 00 00 00 0A 00 6F 71 00 01 02 00 72 04 00 00 05 00 7D D9",
            "AA 34 65 00 00 00 01 00 00 00 0E 00 A7 45 02 01 02 00 72 04 00 00 05 00 00 00 70 42 31 0B",
        ),
        (
            "AA 00 01 00 00 00 65 00 00 00 0E 00 73 79 00 02 02 00 72 04 00 00 05 00 00 00 40 41 FF 9B",
            "AA 34 65 00 00 00 01 00 00 00 0A 00 A3 3D 02 02 02 00 72 04 00 00 05 00 80 F6",
        ),
    ],
)
async def test_frames_of_the_specification(socket_enabled: None, request_hex: str, answer_hex: str) -> None:
    async with _installation(flags=0x34) as (sim, client):
        sim.set_info(101, 3000, 12.359375)
        assert await client.ask(request_hex) == bytes.fromhex(answer_hex)


async def test_guid_frame(socket_enabled: None) -> None:
    async with _installation(flags=0x23) as (_sim, client):
        answer = await client.ask("AA 00 01 00 00 00 F5 01 00 00 0A 00 00 D6 00 01 04 00 00 00 00 00 00 00 04 1F")
        assert answer == bytes.fromhex(
            "AA 23 F5 01 00 00 01 00 00 00 1A 00 33 4B 02 01 04 00 00 00 00 00 00 00"
            "3A D0 1B 0B 58 C9 32 BA EC 4D 35 28 61 3D 7D 40 34 A3"
        )


@pytest.mark.parametrize(
    ("request_hex", "answer_hex"),
    [
        (
            "AA 00 01 00 00 00 BD 02 00 00 0A 00 C9 8B 00 01 01 00 A9 3A 00 00 01 00 E5 21",
            "AA 24 BD 02 00 00 01 00 00 00 0E 00 F1 17 02 01 01 00 A9 3A 00 00 01 00 00 00 F8 40 1F 01",
        ),
        (
            "AA 00 01 00 00 00 65 00 00 00 0E 00 73 79 00 02 02 00 47 06 00 00 0D 00 00 00 A0 41 3E EF",
            "AA 24 65 00 00 00 01 00 00 00 0A 00 93 8D 02 02 02 00 47 06 00 00 0D 00 5F 0E",
        ),
        (
            "AA 00 01 00 00 00 65 00 00 00 0E 00 73 79 00 02 02 00 47 06 00 00 0D 00 00 00 16 43 B6 DD",
            "AA 24 65 00 00 00 01 00 00 00 0C 00 95 91 03 02 02 00 47 06 00 00 0D 00 28 00 88 28",
        ),
        (
            "AA 00 01 00 00 00 65 00 00 00 0A 00 6F 71 00 01 02 00 53 04 00 00 06 00 5F 21",
            "AA 24 65 00 00 00 01 00 00 00 0E 00 97 95 02 01 02 00 53 04 00 00 06 00 00 00 00 40 A1 F9",
        ),
        (
            "AA 00 01 00 00 00 6D 00 00 00 0A 00 77 A1 00 01 01 00 B8 0B 00 00 01 00 C5 90",
            "AA 24 6D 00 00 00 01 00 00 00 0C 00 9D E1 03 01 01 00 B8 0B 00 00 01 00 02 00 CA 42",
        ),
    ],
)
async def test_computed_frames(sim: StuderSimulator, client: Client, request_hex: str, answer_hex: str) -> None:
    sim.set_info(701, 15017, 7.75)
    assert await client.ask(request_hex) == bytes.fromhex(answer_hex)


async def test_enumeration_has_two_bytes(sim: StuderSimulator, client: Client) -> None:
    sim.set_info(101, 3010, 4)
    answer = await client.ask(Frame(1, 101, READ, 1, 3010, 1).encode())
    assert answer == bytes.fromhex(
        "AA 24 65 00 00 00 01 00 00 00 0C 00 95 91 02 01 01 00 C2 0B 00 00 01 00 04 00 D5 8A"
    )


async def test_write_of_one_byte(sim: StuderSimulator, client: Client) -> None:
    await client.ask("AA 00 01 00 00 00 65 00 00 00 0B 00 70 73 00 02 02 00 64 04 00 00 0D 00 00 78 16")
    assert sim.ram == {(101, 1124): 0}


MULTI_INFO = "AA 00 01 00 00 00 F5 01 00 00 13 00 09 E8 00 01 0A 00 01 00 00 00 02 01 40 0C FE 5A 1B 00 A9 3A 01 B1 7D"


async def test_multi_info_frame_and_clock(sim: StuderSimulator, client: Client) -> None:
    sim.add_message(16, 105)
    sim.set_info(101, 3136, 0.5)
    sim.set_info(102, 3136, 1.0)
    sim.set_info(601, 7002, 87)
    sim.set_info(701, 15017, 7.75)
    done = await _write(client, 501, 5002, pack("<i", 1700000000))
    assert done.service_flags == 2
    assert await client.ask(MULTI_INFO) == bytes.fromhex(
        "AA 25 F5 01 00 00 01 00 00 00 27 00 42 7B 02 01 0A 00 01 00 00 00 02 01 60 01 00 00 00 F1 53 65"
        "40 0C FE 00 00 C0 3F 5A 1B 00 00 00 AE 42 A9 3A 01 00 00 F8 40 E4 59"
    )
    assert sim.flash_writes == {}


async def test_setting_the_clock_by_frame(sim: StuderSimulator, client: Client) -> None:
    await client.ask("AA 00 01 00 00 00 F5 01 00 00 0E 00 04 DE 00 02 02 00 8A 13 00 00 0D 00 40 9A 82 66 6F B9")
    answer = await _read(client, 501, 5002)
    assert answer.data == bytes.fromhex("409A8266")
    sim.house.advance(60)
    assert unpack("<i", (await _read(client, 501, 5002)).data)[0] == 0x66829A40 + 60


async def test_old_gateway_frame(socket_enabled: None) -> None:
    async with _installation(multi_info=False) as (_sim, client):
        assert await client.ask(MULTI_INFO) == bytes.fromhex(
            "AA 24 F5 01 00 00 01 00 00 00 0C 00 26 3A 03 01 0A 00 01 00 00 00 02 01 11 00 22 BC"
        )


async def test_message_frame(socket_enabled: None) -> None:
    async with _installation(flags=0x34) as (sim, client):
        sim.add_message(16, 105, timestamp=0x599EAD82)
        sim.gateway.messages._earlier = 975
        answer = await client.ask("AA 00 01 00 00 00 F5 01 00 00 0A 00 00 D6 00 01 03 00 00 00 00 00 00 00 03 17")
        assert answer == bytes.fromhex(
            "AA 34 F5 01 00 00 01 00 00 00 1C 00 46 0A 02 01 03 00 00 00 00 00 00 00"
            "D0 03 00 00 10 00 69 00 00 00 82 AD 9E 59 00 00 00 00 77 60"
        )


async def test_message_pointer(sim: StuderSimulator, client: Client) -> None:
    for message_type in (1, 2, 3):
        sim.add_message(message_type)

    async def kind(index: int) -> tuple[int, int]:
        answer = await _ask(client, Frame(1, 501, READ, 3, index, 0))
        return answer.flags & 1, int(unpack_from_message(answer.data))

    assert (await _read(client, 101, 3000, info=True)).flags & 1 == 1
    assert await kind(0) == (0, 3)
    sim.add_message(4)
    assert await kind(1) == (1, 2)
    assert await kind(2) == (1, 1)
    assert await kind(0) == (0, 4)
    assert await kind(1) == (0, 3)
    assert _code(await _ask(client, Frame(1, 501, READ, 3, 9, 0))) == 0x22


def unpack_from_message(data: bytes) -> int:
    return int(unpack("<IHIIi", data)[1])


# Every number


@pytest.mark.parametrize("battery", ["bms", "bsp"])
async def test_every_info_answers(socket_enabled: None, battery: str) -> None:
    async with _installation(variotracks=1, battery=battery) as (sim, client):
        for unit in sim.gateway.installation.units.values():
            for info in catalogue.infos(unit.family).values():
                answer = await _read(client, unit.address, info.number, info=True)
                assert answer.service_flags == 2, info
                value = catalogue.decode(info.wire_format, answer.data) if len(answer.data) == 2 else _value(answer)
                assert not info.values or value in info.values, info
                assert math.isfinite(value) or info.number == 7004, info


async def test_every_parameter_answers_its_default_within_its_limits(sim: StuderSimulator, client: Client) -> None:
    for address in (101, 601, 701, 501):
        unit = sim.gateway.installation.units[address]
        for parameter in unit.parameters.values():
            if parameter.kind in ("unsupported", "datetime"):
                continue
            answers = [await _read(client, address, parameter.number, property_id) for property_id in (5, 6, 7, 13)]
            value, low, high, unsaved = [catalogue.decode(parameter.wire_format, answer.data) for answer in answers]
            assert low <= value <= high
            assert value == unsaved == pytest.approx(parameter.default)
            assert len((await _read(client, address, parameter.number, 8)).data) == 2


async def test_identity(sim: StuderSimulator, client: Client) -> None:
    async def number(info: int) -> int:
        return int(_value(await _read(client, 102, info, info=True)))

    assert await number(3124) == 256
    high, low = await number(3130), await number(3131)
    assert (high >> 8, low >> 8, low & 0xFF) == (1, 6, 78)
    assert await number(3156) << 16 | await number(3157) == sim.gateway.installation.units[102].identity.fid


@pytest.mark.parametrize("property_id", [1, 5, 13])
async def test_infos_take_the_property_ids_of_all_clients(client: Client, property_id: int) -> None:
    answer = await _ask(client, Frame(1, 101, READ, 1, 3000, property_id))
    assert answer.service_flags == 2
    assert answer.property_id == property_id


# Memories


async def test_ram_is_kept_apart_from_flash(sim: StuderSimulator, client: Client) -> None:
    assert (await _write(client, 101, 1107, _float(20))).service_flags == 2
    assert sim.ram == {(101, 1107): 20}
    assert sim.effective(101, 1107) == 20
    assert sim.house.settings.input_limit == 52
    assert _value(await _read(client, 101, 1107, 5)) == 32
    assert _value(await _read(client, 101, 1107, 13)) == 32
    assert sim.flash_writes.total() == 0
    await _write(client, 101, 1107, _float(16), 5)
    assert sim.flash_writes == {(101, 1107): 1}
    assert sim.flash(101, 1107) == sim.effective(101, 1107) == 16
    assert sim.ram == {}


async def test_restart_drops_ram_and_sets_the_flag(sim: StuderSimulator, client: Client) -> None:
    await _write(client, 101, 1607, _float(40))
    await _write(client, 102, 1607, _float(60))
    assert sim.house.settings.boost_limit == 50
    sim.restart(101)
    assert sim.ram == {(102, 1607): 60}
    assert sim.house.settings.boost_limit == 80
    answer = await _read(client, 101, 3000, info=True)
    assert answer.flags & 3 == 3
    message = await _ask(client, Frame(1, 501, READ, 3, 0, 0))
    assert unpack("<IHIIi", message.data)[1:3] == (177, 101)
    await _write(client, 501, 5104, pack("<i", 1))
    assert (await _read(client, 101, 3000, info=True)).flags & 3 == 0


async def test_flash_can_be_spared_by_setting(sim: StuderSimulator, client: Client) -> None:
    await _write(client, 101, 1550, b"\x00", 5)
    await _write(client, 101, 1107, _float(10), 5)
    assert sim.flash_writes == {(101, 1550): 1}
    assert _value(await _read(client, 101, 1107)) == 32
    assert sim.effective(101, 1107) == 10


async def test_write_to_all_and_to_a_phase(socket_enabled: None) -> None:
    async with _installation(xtenders=3, phases=(1, 2, 2)) as (sim, client):
        await _write(client, 100, 1607, _float(10))
        await _write(client, 192, 1107, _float(8))
        assert sim.ram == {(101, 1607): 10, (102, 1607): 10, (103, 1607): 10, (102, 1107): 8, (103, 1107): 8}
        sim.set_info(102, 3000, 51.5)
        assert _value(await _read(client, 192, 3000, info=True)) == 51.5
        assert _code(await _read(client, 193, 3000, info=True)) == 0x02


async def test_old_firmware_knows_no_ram_writes(socket_enabled: None) -> None:
    async with _installation(ram_writes=False) as (_sim, client):
        assert _code(await _write(client, 101, 1107, _float(20))) == 0x23
        assert _code(await _read(client, 101, 1107, 13)) == 0x23
        assert _value(await _read(client, 101, 1107, 5)) == 32


# Limits and errors


@pytest.mark.parametrize(
    ("address", "number", "data", "property_id", "code"),
    [
        (105, 1107, _float(20), 13, 0x02),
        (101, 1999, _float(20), 13, 0x22),
        (101, 1100, _float(20), 13, 0x22),
        (101, 1107, _float(20), 99, 0x23),
        (101, 1107, b"\x01", 13, 0x24),
        (101, 1124, b"\x00\x00\x00\x00", 13, 0x24),
        (101, 1107, _float(20), 6, 0x25),
        (101, 1107, _float(20), 7, 0x25),
        (101, 1124, b"\x02", 13, 0x26),
        (101, 1202, pack("<I", 3), 13, 0x26),
        (101, 1142, pack("<i", 0), 13, 0x26),
        (101, 1107, _float(math.nan), 13, 0x26),
        (601, 6001, _float(50), 13, 0x26),
        (101, 1107, _float(1), 13, 0x27),
        (101, 1107, _float(51), 13, 0x28),
        (601, 6062, _float(98), 13, 0x28),
        (601, 6063, _float(30), 13, 0x27),
        (501, 5012, pack("<I", 16), 13, 0x2C),
    ],
)
async def test_refused_writes(
    sim: StuderSimulator, client: Client, address: int, number: int, data: bytes, property_id: int, code: int
) -> None:
    assert _code(await _write(client, address, number, data, property_id)) == code
    assert sim.ram == {}
    assert sim.flash_writes.total() == 0


@pytest.mark.parametrize(
    ("request_frame", "code"),
    [
        (Frame(1, 100, READ, 1, 3000, 1), 0x2D),
        (Frame(1, 700, READ, 1, 15000, 1), 0x2D),
        (Frame(1, 101, READ, 1, 3500, 1), 0x22),
        (Frame(1, 601, READ, 1, 7004, 1), 0x26),
        (Frame(1, 101, WRITE, 1, 3000, 1, _float(1)), 0x25),
        (Frame(1, 101, READ, 77, 3000, 1), 0x21),
        (Frame(1, 101, 9, 1, 3000, 1), 0x11),
        (Frame(1, 501, READ, 10, 1, 2, b"\xb8\x0b"), 0x24),
        (Frame(1, 501, READ, 10, 1, 2, b"\xb8\x0b\x10"), 0x12),
        (Frame(1, 501, READ, 10, 1, 2, b""), 0x24),
    ],
)
async def test_refused_requests(client: Client, request_frame: Frame, code: int) -> None:
    answer = await _ask(client, request_frame)
    assert _code(answer) == code
    assert (answer.source, answer.destination) == (request_frame.destination, 1)


async def test_lenient_gateway_reads_for_all(socket_enabled: None) -> None:
    async with _installation(strict_multicast=False, virtual_source="unit") as (sim, client):
        sim.set_info(601, 7029, 21.5)
        answer = await _read(client, 100, 7029, info=True)
        assert (answer.source, _value(answer)) == (601, 21.5)
        assert (await _read(client, 100, 3000, info=True)).source == 101


async def test_soc_levels_depend_on_each_other_in_ram(sim: StuderSimulator, client: Client) -> None:
    await _write(client, 601, 6063, _float(50))
    assert _code(await _write(client, 601, 6062, _float(50))) == 0x28
    assert (await _write(client, 601, 6062, _float(49))).service_flags == 2
    assert sim.house.settings.soc_backup == 49


@pytest.mark.parametrize(("voltage", "low", "high"), [(48, 36, 72), (24, 18, 36), (12, 9, 18)])
async def test_limits_follow_the_system_voltage(socket_enabled: None, voltage: int, low: float, high: float) -> None:
    async with _installation(system_voltage=voltage) as (_sim, client):
        assert _value(await _read(client, 101, 1108, 6)) == low
        assert _value(await _read(client, 101, 1108, 7)) == high


async def test_charge_current_owned_by_the_bms(socket_enabled: None) -> None:
    async with _installation(bms_owns_charge_current=True) as (sim, client):
        await _write(client, 101, 1138, _float(10))
        assert sim.house.settings.grid_charge_current == 120
        await _write(client, 101, 1138, _float(10), 5)
        assert sim.house.settings.grid_charge_current == 70


async def test_charge_current_has_an_effect_on_the_house(sim: StuderSimulator, client: Client) -> None:
    sim.house.battery.soc = 12
    for array in sim.house.arrays:
        array.enabled = False
    sim.house.advance(10)
    before = _value(await _read(client, 601, 7001, info=True))
    await _write(client, 100, 1138, _float(10))
    sim.house.advance(10)
    after = _value(await _read(client, 601, 7001, info=True))
    assert before > 60
    assert 10 < after <= 20


async def test_fixed_point_differs_slightly_from_what_was_written(socket_enabled: None) -> None:
    async with _installation(fixed_point=True) as (_sim, client):
        await _write(client, 101, 1108, _float(46.3), 5)
        assert 0 < abs(_value(await _read(client, 101, 1108)) - 46.3) < 0.01


# Multiple reads


def _items(answer: Frame) -> list[tuple[int, int, float]]:
    assert answer.service_flags == 2
    return [(number, aggregation, value) for number, aggregation, value in iter_unpack("<HBf", answer.data[8:])]


def _request(*items: tuple[int, int]) -> Frame:
    return Frame(1, 501, READ, 10, 1, 77, b"".join(pack("<HB", *item) for item in items))


async def test_aggregations(sim: StuderSimulator, client: Client) -> None:
    sim.set_info(701, 15010, 1.0)
    sim.set_info(702, 15010, 2.0)
    sim.set_info(101, 3010, 4)
    answer = await _ask(client, _request((15010, 0), (15010, 1), (15010, 2), (15010, 0xFD), (15010, 0xFE), (3010, 1)))
    assert answer.property_id == 77
    assert [value for *_, value in _items(answer)] == [1.0, 1.0, 2.0, 1.5, 3.0, 4.0]


async def test_seventy_six_items(client: Client) -> None:
    answer = await _ask(client, _request(*[(3000, 1)] * 76))
    assert len(_items(answer)) == 76
    assert len(answer.encode()) == 24 + 10 + 7 * 76 == 566


async def test_request_longer_than_256_bytes_is_not_heard(client: Client) -> None:
    assert await client.ask(_request(*[(3000, 1)] * 77).encode()) == b""


@pytest.mark.parametrize(("absent", "count"), [("nan", 3), ("missing", 1), ("error", None)])
async def test_absent_devices_in_a_multiple_read(socket_enabled: None, absent: str, count: int | None) -> None:
    async with _installation(absent=absent) as (_sim, client):
        answer = await _ask(client, _request((3000, 1), (3000, 9), (11000, 0)))
        if count is None:
            assert _code(answer) == 0x02
        else:
            assert len(_items(answer)) == count
            assert all(math.isnan(value) for *_, value in _items(answer)[1:])


# Lines


async def test_request_log(sim: StuderSimulator, client: Client) -> None:
    await _ask(client, Frame(4001, 101, WRITE, 2, 1607, 13, _float(20)))
    assert sim.requests == [Request("write", 101, 2, 1607, 13, _float(20), 4001)]


async def test_source_address_comes_back(client: Client) -> None:
    assert (await _ask(client, Frame(4001, 101, READ, 1, 3000, 1))).destination == 4001


async def test_wrong_checksum_is_answered_by_silence(sim: StuderSimulator, client: Client) -> None:
    damaged = bytearray.fromhex(READ_3000)
    damaged[-1] ^= 1
    assert await client.ask(bytes(damaged)) == b""
    assert sim.requests == []
    assert await client.ask(READ_3000) != b""


async def test_portal_answers_are_mirrored(sim: StuderSimulator, client: Client) -> None:
    await sim.portal_request()
    answer = _only(await client.everything())
    assert (answer.source, answer.destination, answer.object_type) == (501, 1, 10)
    assert len(_items(answer)) == 7
    assert sim.requests == []


async def test_portal_by_itself(socket_enabled: None) -> None:
    async with _installation(portal_period=0.02) as (sim, client):
        first = await client.reader.readexactly(24 + 10 + 7 * 7)
        assert _only(first).object_type == 10
        assert sim.portal_answers > 0


async def test_answers_go_to_every_connection(sim: StuderSimulator) -> None:
    port = await sim.listen()
    async with connect(port) as one, connect(port) as other:
        assert await one.ask(READ_3000) == await other.everything() != b""
