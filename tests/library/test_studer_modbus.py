"""The Xcom-485i: frames of the reference, and the client against the simulated installation."""

import math
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.errors import (
    BadAddressError,
    DeviceBusyError,
    NoAnswerError,
    NoDeviceError,
    NotBelowError,
    NotSupportedError,
    ValueRangeError,
)
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.address import LinkAddress, parse_address
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.points import Access, Ref
from custom_components.local_solar.solarlink.studer import FAMILY, open_client
from custom_components.local_solar.solarlink.studer.catalogue import KINDS as CATALOGUE_KINDS, catalogue, point_at
from custom_components.local_solar.solarlink.studer.codec import ObjectType, Property
from custom_components.local_solar.solarlink.studer.exchange import Timing
from custom_components.local_solar.solarlink.studer.modbus_client import ModbusStuderClient
from custom_components.local_solar.solarlink.studer.modbus_frames import Answer, AnswerReader, Ask, Function, from_words
from custom_components.local_solar.solarlink.studer.modbus_map import (
    Block,
    blocks,
    info_register,
    parameter_register,
    unit_of,
)
from custom_components.local_solar.solarlink.studer.units import KINDS
from simulators.studer import ModbusBehaviour, StuderSimulator

from .conftest import PATIENT, MakeSim

HOST = "127.0.0.1"
HASTY = Timing(answer=0.3, retries=1, busy=0.01, open=10.0)
VOLTAGE, VOLTAGE_2 = Ref("xt1", "battery_voltage"), Ref("xt2", "battery_voltage")
LIMIT = Ref("xt1", "ac_input_current_limit")
BACKUP, FEEDING = Ref("bms", "soc_for_backup"), Ref("bms", "soc_for_grid_feeding")


# Frames

READ_3000 = (Ask(11, Function.READ_INPUT, 0), "0B 04 00 00 00 02 71 61", "0B 04 04 42 4F 00 00 74 2B")
READ_1107 = (Ask(11, Function.READ_HOLDING, 14), "0B 03 00 0E 00 02 A5 62", "0B 03 04 42 00 00 00 44 4B")
WRITE_1107 = (
    Ask(11, Function.WRITE, 6014, words=(0x4100, 0)),
    "0B 10 17 7E 00 02 04 41 00 00 00 AB 13",
    "0B 10 17 7E 00 02 24 CE",
)


@pytest.mark.parametrize(("ask", "request_", "answer"), [READ_3000, READ_1107, WRITE_1107])
def test_frames_of_the_reference(ask: Ask, request_: str, answer: str) -> None:
    assert ask.encode() == bytes.fromhex(request_)
    found = AnswerReader().feed(bytes.fromhex(answer), ask)
    assert found is not None
    assert found.exception == 0


def test_other_requests_of_the_reference() -> None:
    assert Ask(11, Function.READ_HOLDING, 2014).encode() == bytes.fromhex("0B 03 07 DE 00 02 A5 EF")
    assert Ask(1, Function.READ_INPUT, 0, 1).encode() == bytes.fromhex("01 04 00 00 00 01 31 CA")


def test_values_of_the_reference() -> None:
    for (ask, _, answer), value in ((READ_3000, 51.75), (READ_1107, 32.0)):
        found = AnswerReader().feed(bytes.fromhex(answer), ask)
        assert found is not None
        assert from_words(*found.words) == value


def test_an_answer_comes_in_pieces_and_behind_noise() -> None:
    ask, _, text = READ_3000
    reader = AnswerReader()
    data = b"\xff\x00\x0b\x04" + bytes.fromhex(text)
    for byte in data[:-1]:
        assert reader.feed(bytes((byte,)), ask) is None
    assert reader.feed(data[-1:], ask) == Answer((0x424F, 0x0000))
    assert reader.dropped == 4


def test_an_exception() -> None:
    ask, *_ = READ_3000
    assert AnswerReader().feed(bytes.fromhex("0B 84 02 D3 04")[:3] + crc(bytes((0x0B, 0x84, 2))), ask) == Answer(
        exception=2
    )


def crc(data: bytes) -> bytes:
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


@settings(max_examples=300, deadline=None)
@given(junk=st.binary(max_size=300), cut=st.integers(0, 9), flip=st.integers(0, 71))
def test_nothing_but_the_answer_is_taken_for_it(junk: bytes, cut: int, flip: int) -> None:
    ask, _, text = READ_3000
    damaged = bytearray(bytes.fromhex(text))
    damaged[flip // 8] ^= 1 << flip % 8
    reader = AnswerReader()
    assert reader.feed(bytes(damaged[:cut]), ask) is None
    reader.reset()
    assert reader.feed(bytes(damaged), ask) is None
    reader.reset()
    for other in (READ_1107[2], WRITE_1107[2]):
        assert reader.feed(bytes.fromhex(other), ask) is None
    reader.reset()
    found = reader.feed(junk + bytes.fromhex(text), ask)
    assert found is None or found.words == (0x424F, 0) or bytes((0x0B,)) in junk


# Addresses and registers


def test_registers_are_those_of_the_tables() -> None:
    compared = 0
    for kind in CATALOGUE_KINDS:
        if kind not in KINDS:
            continue
        address = KINDS[kind].base + 1
        for entry in catalogue(kind):
            point = point_at(kind, entry.number)
            assert point is not None
            if entry.register is None:
                continue
            if point.address.object_type is ObjectType.INFO:
                assert info_register(address, entry.number) == entry.register, entry
            else:
                assert parameter_register(address, entry.number, Property.VALUE, write=False) == entry.register, entry
            compared += 1
    assert compared > 1150


@pytest.mark.parametrize(
    ("address", "unit"),
    [(101, 11), (109, 19), (301, 21), (315, 35), (601, 61), (701, 41), (715, 55), (191, 7), (193, 9), (100, 10)],
)
def test_units(address: int, unit: int) -> None:
    assert unit_of(address) == unit


@pytest.mark.parametrize("address", [0, 1, 110, 190, 194, 316, 501, 602, 716])
def test_addresses_without_a_unit(address: int) -> None:
    assert unit_of(address) is None


def test_registers_that_follow_each_other_are_one_block() -> None:
    places = [(101, 3001), (101, 3000), (101, 3002), (102, 3003), (101, 3005), (101, 3000)]
    assert list(blocks(places, 60)) == [Block(101, 3000, 3), Block(101, 3005, 1), Block(102, 3003, 1)]
    assert list(blocks(places, 2)) == [
        Block(101, 3000, 2),
        Block(101, 3002, 1),
        Block(101, 3005, 1),
        Block(102, 3003, 1),
    ]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("modbus:///dev/ttyUSB0", LinkAddress("modbus", path="/dev/ttyUSB0")),
        ("modbus://192.0.2.7:502", LinkAddress("modbus", host="192.0.2.7", port=502)),
    ],
)
def test_link_addresses(text: str, address: LinkAddress) -> None:
    assert parse(text) == address
    assert address.text == text


@pytest.mark.parametrize("text", ["modbus://", "modbus:///", "modbus:ttyUSB0", "modbus:///etc/passwd"])
def test_link_addresses_that_are_none(text: str) -> None:
    with pytest.raises(BadAddressError):
        parse(text)


def parse(text: str) -> LinkAddress:
    return parse_address(text, schemes=FAMILY.schemes, default_port=FAMILY.default_port, family=FAMILY.name)


# The client


@pytest.fixture
async def opened(make_sim: MakeSim) -> AsyncIterator[Any]:
    """Builds a simulated Xcom-485i and a client that has identified it."""
    clients: list[ModbusStuderClient] = []

    async def build(
        timing: Timing = PATIENT,
        journal: Journal | None = None,
        behaviour: ModbusBehaviour | None = None,
        **options: Any,
    ) -> tuple[StuderSimulator, ModbusStuderClient]:
        settings_ = options.pop("settings", {})
        sim = make_sim(modbus=behaviour, **options)
        wire = TcpWire(HOST, await sim.listen_modbus())
        client = ModbusStuderClient(wire, journal=journal or Journal(), timing=timing, settings=settings_)
        clients.append(client)
        await client.identify()
        sim.modbus_requests.clear()
        return sim, client

    yield build
    for client in clients:
        await client.close()


async def test_the_installation_is_the_one_that_scom_shows(opened: Any, make_sim: MakeSim, make_client: Any) -> None:
    _, client = await opened()
    scom = make_client(TcpWire(HOST, await make_sim().listen()))
    theirs = await scom.identify()
    ours = client.installation
    assert [
        (unit.id, unit.kind, unit.serial, unit.model, unit.firmware, unit.hardware, unit.address) for unit in ours.units
    ] == [
        (unit.id, unit.kind, unit.serial, unit.model, unit.firmware, unit.hardware, unit.address)
        for unit in theirs.units
    ]
    assert (ours.root.model, ours.root.serial) == ("Xcom-485i", f"gateway-{ours.units[0].serial}")
    assert not client.shares_line


@pytest.mark.parametrize(
    "behaviour",
    [
        ModbusBehaviour(block=120),
        ModbusBehaviour(offset=64),
        ModbusBehaviour(absent_silent=True),
        ModbusBehaviour(offset=128, counts=False),
    ],
)
async def test_every_point_reads_as_through_scom(opened: Any, make_client: Any, behaviour: ModbusBehaviour) -> None:
    timing = HASTY if behaviour.absent_silent else PATIENT
    sim, client = await opened(
        timing, behaviour=behaviour, settings={"modbus_offset": str(behaviour.offset)}, variotracks=1
    )
    scom = make_client(TcpWire(HOST, await sim.listen()))
    await scom.identify()
    refs = [
        Ref(unit.id, key)
        for unit in client.installation.all_units
        for key, point in client.points(unit).items()
        if point.measured and point.access is not Access.PRESS
    ]
    ours, theirs = await client.read(refs), await scom.read(refs)
    assert ours.failed.keys() == theirs.failed.keys() == set()
    assert len(refs) > 150
    for ref in refs:
        here, there = ours.readings[ref].value, theirs.readings[ref].value
        # A parameter is kept as 16-bit fixed point, and both ways round it alike.
        assert here == there or (isinstance(here, float) and here == pytest.approx(there)), ref


async def test_blocks_are_used_where_they_are_given_and_given_up_where_not(opened: Any) -> None:
    refs = [Ref("xt1", key) for key in ("battery_voltage", "ac_input_voltage", "ac_input_current")]
    counts = {}
    for block in (120, 2):
        sim, client = await opened(behaviour=ModbusBehaviour(block=block))
        assert (await client.read(refs)).failed == {}
        sim.modbus_requests.clear()
        await client.read(refs)
        counts[block] = [request.count for request in sim.modbus_requests if request.unit == 11]
    assert counts == {120: [2, 4], 2: [2, 2, 2]}


async def test_one_silent_unit_does_not_blank_the_others(opened: Any) -> None:
    sim, client = await opened(HASTY, behaviour=ModbusBehaviour(absent_silent=True))
    sim.remove_unit(102)
    report = await client.read([VOLTAGE, VOLTAGE_2])
    assert report.readings[VOLTAGE].value is not None
    assert set(report.failed) == {VOLTAGE_2}


async def test_limits_are_those_of_the_device(opened: Any) -> None:
    _, client = await opened()
    limits = await client.limits(LIMIT)
    assert (limits.minimum, limits.maximum, limits.step) == (2.0, 50.0, 1.0)
    assert (await client.limits(BACKUP)).maximum == pytest.approx(
        float((await client.read([FEEDING])).readings[FEEDING].value) - 1
    )


async def test_settings_go_to_ram(opened: Any) -> None:
    sim, client = await opened()
    reading = await client.write(LIMIT, 8.0)
    assert (reading.value, reading.stored) == (8.0, 32.0)
    assert sim.effective(101, 1107) == 8.0
    assert not sim.flash_writes
    write = [request for request in sim.modbus_requests if request.function == 16]
    assert [(request.unit, request.register, request.words) for request in write] == [(11, 6014, (0x4100, 0))]
    assert (await client.read([LIMIT])).readings[LIMIT].value == 8.0


async def test_permanent_settings_go_to_flash_and_are_counted(opened: Any) -> None:
    journal = Journal()
    sim, client = await opened(journal=journal)
    await client.write(LIMIT, 9.0, permanent=True)
    assert sim.flash_writes == {(101, 1107): 1}
    assert journal.entry(client.installation.units[0].serial, LIMIT.key).flash_writes == 1


async def test_settings_of_other_kinds(opened: Any) -> None:
    sim, client = await opened()
    for unit in client.installation.units[:1]:
        written = 0
        for key, point in client.points(unit).items():
            if point.writable and point.access is Access.READ_WRITE and point.quantity in ("flag", "state"):
                before = (await client.read([Ref(unit.id, key)])).readings[Ref(unit.id, key)].value
                wanted = (
                    (not before)
                    if point.quantity == "flag"
                    else next(slug for slug in point.options.values() if slug != before)
                )
                reading = await client.write(Ref(unit.id, key), wanted, confirmed=True)
                assert reading.value == wanted
                raw = sim.effective(unit.address, point.address.number)
                assert raw == wanted or point.options.get(int(raw)) == wanted
                written += 1
        assert written > 3


async def test_refused_settings(opened: Any) -> None:
    sim, client = await opened()
    with pytest.raises(ValueRangeError):
        await client.write(LIMIT, 51.0)
    with pytest.raises(NotBelowError):
        await client.write(BACKUP, 100.0)
    # What the device's own limits say changes behind our back.
    await client.limits(Ref("xt1", "smart_boost_limit"))
    assert not [request for request in sim.modbus_requests if request.function == 16]


async def test_the_clock_is_read_and_set(opened: Any) -> None:
    for four in (False, True):
        sim, client = await opened(behaviour=ModbusBehaviour(four_digit_year=four))
        shown = sim.clock.now.replace(microsecond=0)
        assert await client.clock() == shown
        assert (await client.glance())[0] == shown
        wanted = shown + timedelta(hours=3)
        assert await client.set_clock(wanted) == pytest.approx(-3 * 3600)
        assert abs(sim.clock.now - wanted) < timedelta(seconds=2)


async def test_a_clock_that_only_takes_the_other_form_of_the_year(opened: Any) -> None:
    sim, client = await opened(behaviour=ModbusBehaviour(four_digit_year=True))
    wanted = datetime(2026, 3, 4, 5, 6, 7)  # noqa: DTZ001
    # Nothing was read before that would have shown the form.
    await client._exchange._set_clock(wanted)
    assert abs(sim.clock.now - wanted) < timedelta(seconds=2)
    assert [request.words[-1] for request in sim.modbus_requests] == [26, 2026]


async def test_what_an_xcom_485i_does_not_have(opened: Any) -> None:
    sim, client = await opened()
    with pytest.raises(NotSupportedError):
        await client.read_datalog(sim.clock.now.date() - timedelta(days=1))
    with pytest.raises(NotSupportedError):
        await client.datalog_days()
    assert client.pause_objection() is None


async def test_messages_become_news_once_and_can_be_read_again(opened: Any) -> None:
    sim, client = await opened()
    root = client.installation.root
    for number, source in ((0, 101), (16, 102), (177, 701)):
        sim.add_message(number, source)
    first = await client.read([VOLTAGE, VOLTAGE_2, Ref(root.id, "messages")])
    assert [(each.details["number"], each.details["unit"]) for each in first.happenings] == [
        (0, "Xtender 1"),
        (16, "Xtender 2"),
        (177, "VarioString 1"),
    ]
    assert (await client.read([VOLTAGE, VOLTAGE_2])).happenings == []
    sim.add_message(16, 101)
    assert len((await client.read([VOLTAGE, VOLTAGE_2])).happenings) == 1
    shown = await client.read_messages(10)
    assert [each["number"] for each in shown] == [16, 177, 16, 0]
    assert shown[0]["time"] == sim.clock.now.replace(microsecond=0).isoformat()


async def test_messages_of_before_are_history(make_sim: MakeSim) -> None:
    sim = make_sim()
    sim.add_message(16, 102)
    client = ModbusStuderClient(TcpWire(HOST, await sim.listen_modbus()), journal=Journal(), timing=PATIENT)
    await client.identify()
    assert (await client.read([VOLTAGE, VOLTAGE_2])).happenings == []
    assert [each["number"] for each in await client.read_messages(10)] == [16]
    await client.close()


async def test_faults_of_the_line(opened: Any) -> None:
    sim, client = await opened(HASTY)
    sim.set_info(101, 3000, 51.5)
    for fault in ("lost_answer", "wrong_checksum", "cut_frame", "wrong_unit"):
        sim.faults.set(fault, count=1)
        assert (await client.read([VOLTAGE])).readings[VOLTAGE].value == 51.5, fault
    assert client.stats.time_outs == 4
    sim.faults.set("busy", count=1)
    assert (await client.read([VOLTAGE])).readings[VOLTAGE].value == 51.5
    sim.faults.set("busy")
    with pytest.raises(DeviceBusyError):
        await client.read([VOLTAGE])
    sim.faults.clear("busy")
    sim.faults.set("silence")
    with pytest.raises(NoAnswerError):
        await client.read([VOLTAGE])


async def test_a_late_answer_is_not_taken_for_that_of_the_next_question(opened: Any) -> None:
    sim, client = await opened(HASTY)
    sim.set_info(101, 3000, 51.5)
    sim.set_info(101, 3005, -7.0)
    current = Ref("xt1", "battery_charge_current")
    sim.faults.set("late_answer", 0.45, count=1)
    client._exchange.timing = Timing(answer=0.3, retries=0, busy=0.01)
    with pytest.raises(NoAnswerError):
        await client._exchange._words(Ask(11, Function.READ_INPUT, 0), 101)
    assert from_words(*await client._exchange._words(Ask(11, Function.READ_INPUT, 10), 101)) == -7.0
    assert current.key in client.points(client.installation.units[0])


async def test_nobody_behind_the_gateway(make_sim: MakeSim) -> None:
    sim = make_sim(xtenders=1)
    sim.remove_unit(101)
    for unit in list(sim.gateway.installation.units):
        if unit != 501:
            sim.remove_unit(unit, close_gap=False)
    client = ModbusStuderClient(TcpWire(HOST, await sim.listen_modbus()), journal=Journal(), timing=PATIENT)
    with pytest.raises(NoDeviceError):
        await client.identify()
    await client.close()


async def test_a_serial_port(sim: StuderSimulator) -> None:
    client = open_client(
        parse(f"modbus://{await sim.pty_modbus()}"), journal=Journal(), settings={"modbus_baud": "38400"}
    )
    assert (await client.identify()).root.model == "Xcom-485i"
    value = (await client.read([VOLTAGE])).readings[VOLTAGE].value
    assert isinstance(value, float)
    assert math.isfinite(value)
    await client.close()
