"""The Studer client against the simulated installation, over real sockets."""

import asyncio
import math
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest

from custom_components.local_solar.solarlink.client import Report
from custom_components.local_solar.solarlink.errors import (
    BadAnswerError,
    DeviceAbsentError,
    DeviceBusyError,
    DeviceRefusedError,
    LinkClosedError,
    LinkError,
    NoAnswerError,
    NobodyCalledError,
    NoDeviceError,
    NotAboveError,
    NotBelowError,
    NotKeptError,
    NotSupportedError,
    NotWritableError,
    UnknownPointError,
    ValueKindError,
    ValueRangeError,
    ValueStepError,
    WriteBudgetError,
    WriteUncertainError,
    WrongDeviceError,
)
from custom_components.local_solar.solarlink.journal import FLASH_WRITES_PER_DAY, Journal
from custom_components.local_solar.solarlink.links.listener import ListenWire
from custom_components.local_solar.solarlink.links.serial import SerialWire
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.points import Access, Limits, Quantity, Ref
from custom_components.local_solar.solarlink.studer.address import StuderPoint
from custom_components.local_solar.solarlink.studer.client import StuderClient
from custom_components.local_solar.solarlink.studer.codec import ObjectType
from custom_components.local_solar.solarlink.studer.exchange import Timing
from simulators.studer import StuderSimulator
from simulators.studer.errors import ScomError
from simulators.studer.faults import FAULTS as KNOWN_FAULTS
from simulators.studer.installation import Unit

from .conftest import HASTY, PATIENT, MakeClient, MakeSim

HOST = "127.0.0.1"
XT1, XT2 = Ref("xt1", "battery_voltage"), Ref("xt2", "battery_voltage")
SOC = Ref("bms", "state_of_charge")
BOOST = Ref("xt1", "smart_boost_limit")
CHARGE = Ref("xt1", "battery_charge_current")
BACKUP, FEEDING = Ref("bms", "soc_for_backup"), Ref("bms", "soc_for_grid_feeding")
GUID = "407d3d61-2835-4dec-ba32-c9580b1bd03a"
OTHER_GUID = UUID("11111111-2222-3333-4444-555555555555")


def point_of(client: StuderClient, ref: Ref) -> StuderPoint:
    unit = client.installation.unit(ref.unit)
    assert unit is not None
    return client.points(unit)[ref.key]


def every(client: StuderClient) -> list[Ref]:
    """All points that are read from the devices."""
    return [
        Ref(unit.id, key)
        for unit in client.installation.all_units
        for key, point in client.points(unit).items()
        if point.measured and point.access is not Access.PRESS
    ]


def settings_of(client: StuderClient) -> list[Ref]:
    return [ref for ref in every(client) if point_of(client, ref).address.object_type is ObjectType.PARAMETER]


def infos_of(client: StuderClient) -> list[Ref]:
    return [ref for ref in every(client) if point_of(client, ref).address.object_type is ObjectType.INFO]


def numbers_of(client: StuderClient) -> set[tuple[str, int]]:
    """Unit and number of everything that the infos are made of; a sum needs a number of every family that is there."""
    kinds = {3: "xt", 7: "bms", 11: "vt", 15: "vs"}
    present = {unit.kind for unit in client.installation.units}
    return {
        (ref.unit, number)
        for ref in infos_of(client)
        for number in point_of(client, ref).address.numbers
        if ref.unit != "gateway" or kinds[number // 1000] in present
    }


def values(report: Report) -> dict[Ref, Any]:
    assert report.failed == {}
    return {ref: reading.value for ref, reading in report.readings.items()}


def writes(sim: StuderSimulator) -> list[tuple[int, int, int, float]]:
    """Address, number, property and value of every write that reached the gateway."""
    return [
        (request.destination, request.object_id, request.property_id, struct.unpack("<f", request.data)[0])
        for request in sim.requests
        if request.service == "write"
    ]


def set_known(sim: StuderSimulator) -> None:
    sim.set_info(101, 3000, 51.5)
    sim.set_info(102, 3000, 52.5)
    sim.set_info(601, 7002, 87.0)


async def over_tcp(
    sim: StuderSimulator, make_client: MakeClient, timing: Timing = PATIENT, journal: Journal | None = None
) -> StuderClient:
    """A client that connects to the simulator and has identified it."""
    client = make_client(TcpWire(HOST, await sim.listen()), PATIENT, journal)
    await client.identify()
    client._exchange.timing = timing
    sim.requests.clear()
    return client


def change_guid(sim: StuderSimulator, guid: UUID | None) -> None:
    sim.gateway.behaviour = replace(sim.gateway.behaviour, guid=guid)


# What is there


async def test_identify_finds_the_installation(client: StuderClient) -> None:
    installation = client.installation
    assert installation.root.serial == GUID
    assert installation.root.model == "Xcom-LAN"
    assert [unit.id for unit in installation.all_units] == ["gateway", "xt1", "xt2", "vs1", "vs2", "bms"]
    xt1, vs2 = installation.unit("xt1"), installation.unit("vs2")
    assert xt1 is not None
    assert (xt1.serial, xt1.model, xt1.firmware, xt1.hardware, xt1.address) == (
        "0001A2F3",
        "XTM",
        "1.6.78",
        "4.2",
        101,
    )
    assert vs2 is not None
    assert (vs2.serial, vs2.model, vs2.kind) == ("0003C6E8", "VS-120", "vs")
    serials = [unit.serial for unit in installation.all_units]
    assert all(serials)
    assert len(set(serials)) == len(serials)
    assert installation.unit("xt3") is None


@pytest.mark.parametrize(
    ("plan", "units"),
    [
        ({"xtenders": 1, "variostrings": 0, "battery": "bsp"}, ["xt1", "bsp"]),
        ({"xtenders": 3, "variotracks": 2, "variostrings": 0}, ["xt1", "xt2", "xt3", "vt1", "vt2", "bms"]),
        ({"xtenders": 0, "variotracks": 0, "variostrings": 1, "battery": ""}, ["vs1"]),
        (
            {"xtenders": 9, "variostrings": 15},
            [*(f"xt{n}" for n in range(1, 10)), *(f"vs{n}" for n in range(1, 16)), "bms"],
        ),
    ],
    ids=["small with BSP", "tracks", "string alone", "full bus"],
)
async def test_identify_other_installations(
    plan: dict[str, Any], units: list[str], make_sim: MakeSim, make_client: MakeClient
) -> None:
    sim = make_sim(**plan)
    client = await over_tcp(sim, make_client)
    assert [unit.id for unit in client.installation.units] == units
    report = await client.read(every(client))
    assert report.failed == {}
    multi = [request for request in sim.requests if request.object_type == ObjectType.MULTI_INFO]
    assert len(multi) == math.ceil(len(numbers_of(client)) / 76)
    assert len(sim.requests) == len(multi) + len(settings_of(client))


async def test_a_gateway_without_guid_is_known_by_its_first_unit(make_sim: MakeSim, make_client: MakeClient) -> None:
    client = await over_tcp(make_sim(guid=None), make_client)
    assert client.installation.root.serial == "gateway-0001A2F3"
    assert client.installation.root.model == "Xcom-232i"


async def test_a_gateway_alone_is_no_installation(make_sim: MakeSim, make_client: MakeClient) -> None:
    sim = make_sim(xtenders=0, variostrings=0, battery="")
    client = make_client(TcpWire(HOST, await sim.listen()))
    with pytest.raises(NoDeviceError):
        await client.identify()


async def test_before_identify_there_is_no_installation(make_client: MakeClient, port: int) -> None:
    client = make_client(TcpWire(HOST, port))
    with pytest.raises(AttributeError):
        _ = client.installation
    assert not client.connected


async def test_progress_is_told_from_0_to_1(sim: StuderSimulator, make_client: MakeClient) -> None:
    told: list[float] = []
    client = make_client(TcpWire(HOST, await sim.listen()))
    await client.identify(lambda share, name: told.append(share))
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)


async def test_an_expected_installation_costs_nothing(sim: StuderSimulator, make_client: MakeClient) -> None:
    first = await over_tcp(sim, make_client)
    second = make_client(TcpWire(HOST, await sim.listen()))
    second.expect(first.installation)
    set_known(sim)
    assert values(await second.read([XT1, SOC])) == {XT1: 51.5, SOC: 87.0}
    # The gateway's name and the values; nothing else.
    assert [request.object_type for request in sim.requests] == [ObjectType.GUID, ObjectType.MULTI_INFO]


@pytest.mark.parametrize("way", ["dial", "listen", "pty"])
async def test_the_same_over_every_link(way: str, sim: StuderSimulator, make_client: MakeClient, port: int) -> None:
    set_known(sim)
    match way:
        case "dial":
            client = make_client(ListenWire(HOST, port))
            await sim.dial(HOST, port)
        case "listen":
            client = make_client(TcpWire(HOST, await sim.listen()))
        case _:
            client = make_client(SerialWire(await sim.pty(), baudrate=115200))
    await client.connect(10.0)
    await client.identify()
    assert client.connected
    assert values(await client.read([XT1, XT2, SOC])) == {XT1: 51.5, XT2: 52.5, SOC: 87.0}


# Reading


async def test_all_infos_share_exchanges(client: StuderClient, sim: StuderSimulator) -> None:
    refs = every(client)
    report = await client.read(refs)
    assert set(report.readings) == set(refs)
    kinds = Counter(request.object_type for request in sim.requests)
    multi = math.ceil(len(numbers_of(client)) / 76)
    assert kinds == {ObjectType.MULTI_INFO: multi, ObjectType.PARAMETER: len(settings_of(client))}
    assert {request.service for request in sim.requests} == {"read"}
    assert len({client.group(ref) for ref in refs}) == len(sim.requests) - multi + 1


async def test_values_have_the_units_and_signs_of_the_table(client: StuderClient, sim: StuderSimulator) -> None:
    wire: dict[tuple[int, int], float] = {
        (101, 3136): 1.234,
        (101, 3137): -0.5,
        (101, 3010): 4,
        (101, 3000): 51.75,
        (102, 3136): 0.75,
        (601, 7003): 250.0,
        (601, 7001): 5.0,
        (601, 7029): 21.5,
        (701, 15010): 2.5,
        (701, 15017): 7.75,
        (702, 15023): 1.5,
    }
    for (address, number), value in wire.items():
        sim.set_info(address, number, value)
    expected = {
        Ref("xt1", "ac_output_power"): 1234.0,
        Ref("xt1", "ac_input_power"): -500.0,
        Ref("xt1", "battery_cycle_phase"): "floating",
        XT1: 51.75,
        Ref("xt2", "ac_output_power"): 750.0,
        Ref("bms", "battery_power"): -250.0,
        Ref("bms", "battery_charging_power"): 250.0,
        Ref("bms", "battery_current"): 5.0,
        Ref("bms", "battery_temperature"): 21.5,
        Ref("vs1", "pv_power"): 2500.0,
        Ref("vs1", "pv_energy_today"): 7.75,
        Ref("vs2", "pv_energy_total"): 1500.0,
    }
    assert values(await client.read(list(expected))) == expected
    # One by one they are the same: a single read has other formats on the wire.
    for ref, alone in expected.items():
        assert values(await client.read([ref])) == {ref: alone}


async def test_every_info_is_what_its_own_number_says(client: StuderClient, sim: StuderSimulator) -> None:
    """Each number gets a value of its own, so that an exchange of two would show."""
    expected: dict[Ref, float] = {}
    for position, ref in enumerate(sorted(infos_of(client))):
        unit = client.installation.unit(ref.unit)
        assert unit is not None
        point = client.points(unit)[ref.key]
        if point.options or point.address.aggregate or point.quantity in (Quantity.FLAG, Quantity.PROBLEM):
            continue
        if point.address.factor != -1.0:
            sim.set_info(unit.address, point.address.number, 1.0 + position)
            expected[ref] = (1.0 + position) * point.address.factor
    del expected[Ref("bms", "battery_charging_power")]
    got = values(await client.read(list(expected)))
    assert got == expected


async def test_what_the_device_does_not_know_is_no_value(client: StuderClient, sim: StuderSimulator) -> None:
    temperature = Ref("bms", "battery_temperature")
    sim.set_info(101, 3000, math.nan)
    sim.set_info(601, 7029, 32767.0)
    sim.set_info(601, 7002, math.inf)
    sim.set_info(102, 3010, 99)
    phase = Ref("xt2", "battery_cycle_phase")
    for refs in ([XT1, temperature, SOC, phase], [XT1], [temperature], [SOC], [phase]):
        assert values(await client.read(refs)) == dict.fromkeys(refs)


async def test_unknown_units_and_points_fail_alone(client: StuderClient, sim: StuderSimulator) -> None:
    set_known(sim)
    bad = [Ref("xt9", "battery_voltage"), Ref("xt1", "no_such_point")]
    report = await client.read([*bad, XT1])
    assert {ref: type(error) for ref, error in report.failed.items()} == dict.fromkeys(bad, UnknownPointError)
    assert report.readings[XT1].value == 51.5
    assert (await client.read([])).readings == {}


async def test_a_gateway_of_old_falls_back_to_single_reads_and_is_remembered(
    make_sim: MakeSim, make_client: MakeClient
) -> None:
    sim = make_sim(multi_info=False)
    client = await over_tcp(sim, make_client)
    set_known(sim)
    for _ in range(2):
        assert values(await client.read([XT1, XT2, SOC])) == {XT1: 51.5, XT2: 52.5, SOC: 87.0}
    assert [request.object_type for request in sim.requests] == [ObjectType.INFO] * 6
    assert client.group(XT1) != client.group(XT2)


def forget_number(sim: StuderSimulator, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the firmware of all units not know an info."""
    known = sim.gateway.info

    def info(unit: Unit, asked: int) -> float:
        if asked == number:
            raise ScomError(0x22)
        return known(unit, asked)

    monkeypatch.setattr(sim.gateway, "info", info)


@pytest.mark.parametrize("absent", ["error", "nan", "missing"])
async def test_one_bad_number_costs_only_itself(
    absent: str, make_sim: MakeSim, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim = make_sim(absent=absent)
    client = await over_tcp(sim, make_client)
    forget_number(sim, 3079, monkeypatch)
    set_known(sim)
    refs = sorted(infos_of(client))
    exchanges = math.ceil(len(numbers_of(client)) / 76)
    bad = {ref for ref in refs if ref.key == "battery_charge_energy_today"}
    report = await client.read(refs)
    assert report.readings[XT1].value == 51.5
    match absent:
        case "error":
            assert {ref: type(error) for ref, error in report.failed.items()} == dict.fromkeys(bad, NotSupportedError)
            # Halving: two bad ones among 120 cost a few dozen exchanges at most, not 120.
            assert len(numbers_of(client)) > 100
            assert len(sim.requests) <= 30
        case "missing":
            assert {ref: type(error) for ref, error in report.failed.items()} == dict.fromkeys(bad, BadAnswerError)
            assert len(sim.requests) == exchanges
        case _:
            assert [report.readings[ref].value for ref in bad] == [None, None]
            assert len(sim.requests) == exchanges


@pytest.mark.parametrize("absent", ["error", "missing", "nan"])
async def test_a_unit_that_is_gone_costs_only_itself(absent: str, make_sim: MakeSim, make_client: MakeClient) -> None:
    sim = make_sim(absent=absent)
    client = await over_tcp(sim, make_client)
    set_known(sim)
    del sim.gateway.installation.units[102]
    setting = Ref("xt2", "smart_boost_limit")
    report = await client.read([XT1, XT2, SOC, BOOST, setting])
    assert report.readings[XT1].value == 51.5
    assert report.readings[SOC].value == 87.0
    assert BOOST in report.readings
    assert isinstance(report.failed[setting], DeviceAbsentError)
    if absent == "nan":
        assert report.readings[XT2].value is None
    else:
        assert isinstance(report.failed[XT2], DeviceAbsentError if absent == "error" else BadAnswerError)


async def test_traffic_of_the_portal_is_ignored(client: StuderClient, sim: StuderSimulator) -> None:
    set_known(sim)
    for _ in range(5):
        portal = sim.portal_request()
        assert values(await client.read([XT1, XT2, SOC])) == {XT1: 51.5, XT2: 52.5, SOC: 87.0}
        await portal
    await client.read([XT1])
    assert client.stats.foreign == 5
    assert client.stats.dropped_bytes == 0
    assert client.stats.time_outs == 0


async def test_a_late_answer_is_never_taken_for_another_units(make_sim: MakeSim, make_client: MakeClient) -> None:
    sim = make_sim(multi_info=False)
    client = await over_tcp(sim, make_client, Timing(answer=0.5, retries=0, busy=0.01, open=10.0))
    set_known(sim)
    sim.faults.set("late_answer", 0.6, count=1)
    with pytest.raises(NoAnswerError):
        await client.read([XT1])
    # While XT2 is asked and thinks it over, the answer of XT1 comes.
    client._exchange.timing = PATIENT
    sim.faults.set("delay", 1.0, count=1)
    assert values(await client.read([XT2])) == {XT2: 52.5}
    assert client.stats.foreign == 1
    assert values(await client.read([XT1])) == {XT1: 51.5}


async def test_an_answer_of_the_wrong_unit_is_never_accepted(make_sim: MakeSim, make_client: MakeClient) -> None:
    sim = make_sim(multi_info=False)
    client = await over_tcp(sim, make_client, HASTY)
    set_known(sim)
    sim.faults.set("wrong_unit")
    with pytest.raises(NoAnswerError):
        await client.read([XT1])
    assert client.stats.foreign == 2
    sim.faults.clear()
    assert values(await client.read([XT1])) == {XT1: 51.5}


# Faults


@dataclass(frozen=True)
class Expected:
    """What one occurrence of a fault does to a read, and what the same fault does when it stays."""

    argument: float | None = None
    time_outs: int = 0
    foreign: int = 0
    dropped: bool = False
    retried: bool = False
    lasting: type[Exception] | None = None
    """What is raised while the fault lasts; None: reading goes on."""
    once: int | None = 1


FAULTS: dict[str, Expected] = {
    "silence": Expected(time_outs=1, retried=True, lasting=NoAnswerError),
    "lost_answer": Expected(time_outs=1, retried=True, lasting=NoAnswerError),
    "delay": Expected(argument=0.02),
    "late_answer": Expected(argument=3.0, time_outs=1, retried=True, lasting=NoAnswerError),
    "cut_frame": Expected(time_outs=1, retried=True, dropped=True, lasting=NoAnswerError),
    "garbage": Expected(dropped=True),
    "wrong_checksum": Expected(time_outs=1, retried=True, dropped=True, lasting=NoAnswerError),
    "wrong_unit": Expected(time_outs=1, foreign=1, retried=True, lasting=NoAnswerError),
    # A refused multi-info is not repeated but halved.
    "refused": Expected(lasting=DeviceRefusedError),
    "busy": Expected(retried=True, lasting=DeviceBusyError),
    "restart": Expected(),
    "second_connection": Expected(once=None),
    "duplicate": Expected(foreign=1),
    "reset_mid_frame": Expected(retried=True, dropped=True, lasting=LinkError),
    "strip_crlf": Expected(time_outs=1, retried=True, dropped=True, lasting=NoAnswerError),
    "crlf": Expected(),
    "nan": Expected(argument=11000.0),
    "old_gateway": Expected(),
    "old_firmware": Expected(),
    "split": Expected(),
    "joined": Expected(foreign=1),
}


def test_every_fault_has_its_expectation() -> None:
    assert set(FAULTS) == set(KNOWN_FAULTS)


@pytest.fixture
async def faulty(sim: StuderSimulator, make_client: MakeClient, port: int) -> StuderClient:
    """A client that waits briefly, and values of which one has a CR LF inside."""
    client = make_client(ListenWire(HOST, port))
    await sim.dial(HOST, port)
    await client.identify()
    client._exchange.timing = HASTY
    set_known(sim)
    sim.set_info(101, 3011, struct.unpack("<f", b"\x00\x0d\x0a\x42")[0])
    sim.requests.clear()
    return client


CRLF = Ref("xt1", "ac_input_voltage")
KNOWN_VALUES = {XT1: 51.5, XT2: 52.5, SOC: 87.0}


async def read_known(client: StuderClient) -> None:
    got = values(await client.read([*KNOWN_VALUES, CRLF]))
    assert struct.pack("<f", got.pop(CRLF)) == b"\x00\x0d\x0a\x42"
    assert got == KNOWN_VALUES


@pytest.mark.parametrize("name", KNOWN_FAULTS)
async def test_a_fault_that_happens_once_costs_no_value(name: str, faulty: StuderClient, sim: StuderSimulator) -> None:
    expected, stats = FAULTS[name], faulty.stats
    dropped = stats.dropped_bytes
    sim.faults.set(name, expected.argument, count=expected.once)
    await read_known(faulty)
    # What follows in the same piece or a moment later is seen before the next answer.
    await read_known(faulty)
    if name != "second_connection":
        assert stats.time_outs == expected.time_outs
        assert bool(stats.retries) == expected.retried
        assert (stats.dropped_bytes > dropped) == expected.dropped
        assert stats.foreign == expected.foreign
    sim.faults.clear()
    await read_known(faulty)


@pytest.mark.parametrize("name", KNOWN_FAULTS)
async def test_while_a_fault_lasts_and_afterwards(name: str, faulty: StuderClient, sim: StuderSimulator) -> None:
    expected = FAULTS[name]
    sim.faults.set(name, expected.argument)
    if expected.lasting is None:
        for _ in range(3):
            await read_known(faulty)
    elif expected.lasting is DeviceRefusedError:
        report = await faulty.read([*KNOWN_VALUES])
        assert report.readings == {}
        assert {type(error) for error in report.failed.values()} == {DeviceRefusedError}
    else:
        for _ in range(2):
            with pytest.raises(expected.lasting) as caught:
                await faulty.read([*KNOWN_VALUES, CRLF, BOOST])
            assert str(caught.value) == faulty.stats.last_error or faulty.stats.last_error == ""
    sim.faults.clear()
    async with asyncio.timeout(20):
        await read_known(faulty)


async def test_nan_of_the_fault_is_no_value(faulty: StuderClient, sim: StuderSimulator) -> None:
    sim.faults.set("nan", 3000)
    assert values(await faulty.read([XT1, XT2, SOC])) == {XT1: None, XT2: None, SOC: 87.0}


async def test_old_firmware_has_no_ram_writes(faulty: StuderClient, sim: StuderSimulator) -> None:
    sim.faults.set("old_firmware")
    with pytest.raises(NotSupportedError):
        await faulty.write(BOOST, 20)
    assert not sim.flash_writes
    assert faulty.journal.as_dict() == {}


async def test_a_silent_gateway_costs_one_wait_not_one_per_value(faulty: StuderClient, sim: StuderSimulator) -> None:
    sim.faults.set("silence")
    with pytest.raises(NoAnswerError):
        await faulty.read(every(faulty))
    assert len(sim.requests) == 2


async def test_single_values_that_came_before_silence_are_kept(make_sim: MakeSim, make_client: MakeClient) -> None:
    sim = make_sim(multi_info=False)
    client = await over_tcp(sim, make_client, HASTY)
    set_known(sim)
    mute_after(sim, 2)
    report = await client.read([XT1, XT2, SOC, BOOST])
    assert {ref: reading.value for ref, reading in report.readings.items()} == {XT1: 51.5, XT2: 52.5}
    assert {ref: type(error) for ref, error in report.failed.items()} == dict.fromkeys([SOC, BOOST], NoAnswerError)


def mute_after(sim: StuderSimulator, answers: int) -> None:
    """Let the gateway fall silent after so many answers."""
    answer = sim.gateway.answer

    def counted(frame: Any, **options: Any) -> Any:
        if len(sim.requests) > answers:
            sim.faults.set("lost_answer")
        return answer(frame, **options)

    sim.gateway.answer = counted  # type: ignore[method-assign]


# The link


async def test_a_connection_lost_while_an_answer_is_awaited(client: StuderClient, sim: StuderSimulator) -> None:
    set_known(sim)
    sim.faults.set("delay", 0.2, count=1)
    reading = asyncio.create_task(client.read([XT1, SOC]))
    await until(lambda: bool(sim.requests))
    await sim.drop()
    assert values(await reading) == {XT1: 51.5, SOC: 87.0}
    assert client.stats.connects == 2
    assert client.stats.time_outs == 0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_nobody_there_is_a_link_error(sim: StuderSimulator, make_client: MakeClient, port: int) -> None:
    client = await over_tcp(sim, make_client)
    listening = make_client(ListenWire(HOST, port), Timing(answer=5.0, retries=1, busy=0.01, open=0.05))
    listening.expect(client.installation)
    with pytest.raises(NobodyCalledError):
        await listening.read([XT1])
    set_known(sim)
    await sim.dial(HOST, port)
    await listening.connect(10.0)
    assert values(await listening.read([XT1])) == {XT1: 51.5}


async def test_another_gateway_on_reconnect_is_refused(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await over_tcp(sim, make_client)
    set_known(sim)
    assert values(await client.read([XT1])) == {XT1: 51.5}
    change_guid(sim, OTHER_GUID)
    sim.set_info(101, 3000, 11.1)
    await sim.drop()
    sim.requests.clear()
    for attempt in (lambda: client.read([XT1]), lambda: client.write(BOOST, 20)):
        call: Callable[[], Awaitable[object]] = attempt
        with pytest.raises(WrongDeviceError) as caught:
            await call()
        assert caught.value.details["expected"] == GUID
        assert caught.value.details["found"] == str(OTHER_GUID)
    # Nothing was asked of it but its name.
    assert {request.object_type for request in sim.requests} == {ObjectType.GUID}
    assert not sim.ram
    change_guid(sim, UUID(GUID))
    sim.set_info(101, 3000, 51.5)
    assert values(await client.read([XT1])) == {XT1: 51.5}


async def test_another_gateway_that_dials_in_is_refused_and_not_taken_again(
    client: StuderClient, sim: StuderSimulator, make_client: MakeClient, port: int
) -> None:
    change_guid(sim, OTHER_GUID)
    await sim.drop()
    with pytest.raises(WrongDeviceError):
        await client.read([XT1])
    client._exchange.timing = Timing(answer=5.0, retries=0, open=0.1)
    with pytest.raises(NobodyCalledError):
        await client.read([XT1])
    # It belongs to somebody else who waits on the same port.
    other = make_client(ListenWire(HOST, port))
    assert (await other.identify()).root.serial == str(OTHER_GUID)


async def test_close_leaves_nothing(sim: StuderSimulator, make_client: MakeClient, port: int) -> None:
    client = make_client(ListenWire(HOST, port))
    await sim.dial(HOST, port)
    await client.identify()
    before = asyncio.all_tasks()
    sim.faults.set("delay", 0.2)
    reading = asyncio.create_task(client.read([XT1, XT2]))
    await until(lambda: client._exchange._pending is not None)
    await client.close()
    with pytest.raises(LinkClosedError):
        await reading
    with pytest.raises(LinkClosedError):
        await client.read([XT1])
    assert asyncio.all_tasks() - before == set()
    await sim.stop_dialling()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        probe.listen()


async def test_a_cancelled_read_leaves_the_line_to_others(client: StuderClient, sim: StuderSimulator) -> None:
    set_known(sim)
    sim.faults.set("delay", 0.1, count=1)
    reading = asyncio.create_task(client.read([XT1, XT2]))
    await until(lambda: bool(sim.requests))
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert values(await client.read([SOC, XT2])) == {SOC: 87.0, XT2: 52.5}


# Writing


async def test_an_ordinary_write_goes_to_ram_only(client: StuderClient, sim: StuderSimulator) -> None:
    reading = await client.write(BOOST, 20)
    assert (reading.value, reading.stored) == (20.0, 100.0)
    assert writes(sim) == [(101, 1607, 13, 20.0)]
    assert sim.ram == {(101, 1607): 20.0}
    assert not sim.flash_writes
    # RAM cannot be read back: the journal knows what is in force, and the device what is stored.
    again = (await client.read([BOOST])).readings[BOOST]
    assert (again.value, again.stored) == (20.0, 100.0)
    # Somebody uses the remote control: flash changes, and that is in force now.
    sim.set_flash(101, 1607, 60.0)
    again = (await client.read([BOOST])).readings[BOOST]
    assert (again.value, again.stored) == (60.0, 60.0)


async def test_a_permanent_write_is_one_flash_write_that_is_read_back(
    client: StuderClient, sim: StuderSimulator
) -> None:
    reading = await client.write(CHARGE, 40, permanent=True)
    assert (reading.value, reading.stored) == (40.0, 40.0)
    assert writes(sim) == [(101, 1138, 5, 40.0)]
    assert sim.flash_writes == {(101, 1138): 1}
    last = sim.requests[-1]
    assert (last.service, last.object_id, last.property_id) == ("read", 1138, 5)
    # Nothing is written that is already so.
    await client.write(CHARGE, 40, permanent=True)
    assert sim.flash_writes == {(101, 1138): 1}


async def with_monitor(make_sim: MakeSim, make_client: MakeClient) -> tuple[StuderClient, StuderSimulator]:
    """An installation whose battery leaves the charge current to the Xtenders."""
    sim = make_sim(battery="bsp")
    return await over_tcp(sim, make_client), sim


async def test_a_permanent_write_of_the_flash_value_ends_a_ram_value(
    make_sim: MakeSim, make_client: MakeClient
) -> None:
    client, sim = await with_monitor(make_sim, make_client)
    await client.write(CHARGE, 40)
    assert sim.effective(101, 1138) == 40.0
    await client.write(CHARGE, 60, permanent=True)
    assert sim.effective(101, 1138) == 60.0


async def test_the_daily_flash_budget(make_sim: MakeSim, make_client: MakeClient) -> None:
    client, sim = await with_monitor(make_sim, make_client)
    for number in range(FLASH_WRITES_PER_DAY):
        await client.write(CHARGE, 10 + number, permanent=True)
    with pytest.raises(WriteBudgetError):
        await client.write(CHARGE, 100, permanent=True)
    assert sim.flash_writes == {(101, 1138): FLASH_WRITES_PER_DAY}
    await client.write(CHARGE, 100)
    assert sim.effective(101, 1138) == 100.0


async def test_fixed_point_of_the_device_is_no_difference(make_sim: MakeSim, make_client: MakeClient) -> None:
    sim = make_sim(fixed_point=True)
    client = await over_tcp(sim, make_client)
    reading = await client.write(CHARGE, 33, permanent=True)
    assert reading.value == pytest.approx(33, abs=0.5)
    await client.write(CHARGE, 33, permanent=True)
    assert sim.flash_writes == {(101, 1138): 1}


async def test_a_value_that_the_device_did_not_keep(
    client: StuderClient, sim: StuderSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = sim.gateway.installation.write

    def adapt(unit: Unit, number: int, property_id: int, data: bytes) -> float:
        value = write(unit, number, property_id, data)
        unit.flash[number] = 50.0
        return value

    monkeypatch.setattr(sim.gateway.installation, "write", adapt)
    with pytest.raises(NotKeptError, match="sent as 40, but the device kept 50"):
        await client.write(CHARGE, 40, permanent=True)


@pytest.mark.parametrize("permanent", [False, True])
@pytest.mark.parametrize(
    ("ref", "value", "error"),
    [
        (BOOST, 105, ValueRangeError),
        (BOOST, -5, ValueRangeError),
        (BOOST, 12, ValueStepError),
        (BOOST, math.nan, ValueKindError),
        (BOOST, True, ValueKindError),
        (BOOST, "20", ValueKindError),
        (BOOST, None, ValueKindError),
        (CHARGE, 201, ValueRangeError),
        (BACKUP, 98, NotBelowError),
        (BACKUP, 99, NotBelowError),
        (FEEDING, 30, NotAboveError),
        (XT1, 50, NotWritableError),
        (Ref("xt9", "smart_boost_limit"), 20, UnknownPointError),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_sent(
    ref: Ref, value: Any, error: type[Exception], permanent: bool, client: StuderClient, sim: StuderSimulator
) -> None:
    with pytest.raises(error):
        await client.write(ref, value, permanent=permanent)
    assert writes(sim) == []
    assert client.journal.as_dict() == {}


async def test_the_order_of_two_settings_follows_what_is_in_force(client: StuderClient, sim: StuderSimulator) -> None:
    assert await client.limits(BACKUP) == Limits(0.0, 97.0, 1)
    assert await client.limits(FEEDING) == Limits(31.0, 100.0, 1)
    await client.write(FEEDING, 50)
    assert await client.limits(BACKUP) == Limits(0.0, 49.0, 1)
    with pytest.raises(NotBelowError, match="SOC for backup must stay below SOC for grid feeding, which is 50 % now"):
        await client.write(BACKUP, 50)
    await client.write(BACKUP, 49)
    assert sim.effective(601, 6062) == 49.0
    with pytest.raises(NotAboveError):
        await client.write(FEEDING, 49)


async def test_limits_are_those_of_the_device_and_read_once(client: StuderClient, sim: StuderSimulator) -> None:
    set_maximum(sim, 101, 1138, 50.0)
    assert await client.limits(CHARGE) == Limits(0.0, 50.0, 1)
    assert [request.property_id for request in sim.requests] == [6, 7]
    with pytest.raises(ValueRangeError, match="accepts 0 to 50 A; 60 is outside"):
        await client.write(CHARGE, 60)
    assert await client.limits(Ref("xt2", "battery_charge_current")) == Limits(0.0, 200.0, 1)
    await client.limits(CHARGE)
    assert len(sim.requests) == 4


async def test_without_limits_of_the_device_those_of_the_table_hold(client: StuderClient, sim: StuderSimulator) -> None:
    set_maximum(sim, 101, 1138, math.nan)
    assert await client.limits(CHARGE) == Limits(0, 200, 1)


def set_maximum(sim: StuderSimulator, address: int, number: int, maximum: float) -> None:
    known = sim.gateway.installation.units[address].parameters
    sim.gateway.installation.units[address].parameters = known | {number: replace(known[number], maximum=maximum)}


async def test_a_refusal_of_the_device_tells_its_limits(make_sim: MakeSim, make_client: MakeClient) -> None:
    client, sim = await with_monitor(make_sim, make_client)
    await client.limits(CHARGE)
    set_maximum(sim, 101, 1138, 50.0)
    for permanent in (False, True):
        client._settings._limits[CHARGE] = Limits(0.0, 200.0, 1)
        with pytest.raises(ValueRangeError, match="accepts 0 to 50 A; 100 is outside"):
            await client.write(CHARGE, 100, permanent=permanent)
    assert await client.limits(CHARGE) == Limits(0.0, 50.0, 1)
    assert not sim.ram
    assert not sim.flash_writes


@pytest.mark.parametrize("code", [0x2B, 0x25, 0x26])
async def test_another_refusal_is_told_with_its_code(code: int, client: StuderClient, sim: StuderSimulator) -> None:
    await prepare(client, BOOST)
    sim.faults.set("refused", code)
    with pytest.raises(DeviceRefusedError) as caught:
        await client.write(BOOST, 20)
    assert caught.value.code == code
    assert len(writes(sim)) == 1


async def prepare(client: StuderClient, ref: Ref) -> None:
    """Read everything that a write of ``ref`` asks first, so that only the write itself is sent."""
    await client.limits(ref)
    await client.read([ref])


@pytest.mark.parametrize("fault", ["silence", "lost_answer", "reset_mid_frame", "cut_frame"])
async def test_a_write_without_answer_is_uncertain_and_never_repeated(
    fault: str, client: StuderClient, sim: StuderSimulator
) -> None:
    await prepare(client, BOOST)
    client._exchange.timing = replace(HASTY, retries=3)
    sim.faults.set(fault)
    with pytest.raises(WriteUncertainError, match="Xtender 1 did not confirm that Smart boost limit was set"):
        await client.write(BOOST, 20)
    sim.faults.clear()
    await client.read([XT1])
    assert writes(sim) == [(101, 1607, 13, 20.0)]
    entry = client.journal.entry("0001A2F3", BOOST.key)
    assert (entry.ram_writes, entry.ram_value, entry.uncertain) == (0, None, 20.0)


@pytest.mark.parametrize(("fault", "kept"), [("lost_answer", True), ("wrong_checksum", True), ("before", False)])
async def test_a_permanent_write_without_answer_is_settled_by_reading(
    fault: str, kept: bool, client: StuderClient, sim: StuderSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    client._exchange.timing = HASTY
    answer = sim.gateway.answer

    def break_writes(frame: Any, **options: Any) -> Any:
        if frame.service == 2:
            sim.faults.set("lost_answer" if fault == "before" else fault, count=1)
            if fault == "before":
                return frame
        return answer(frame, **options)

    monkeypatch.setattr(sim.gateway, "answer", break_writes)
    if kept:
        assert (await client.write(CHARGE, 40, permanent=True)).value == 40.0
    else:
        with pytest.raises(WriteUncertainError):
            await client.write(CHARGE, 40, permanent=True)
    assert len(writes(sim)) == 1
    unit = client.installation.unit("xt1")
    assert unit is not None
    # Counted either way: it may have worn the flash.
    assert client.journal.entry(unit.serial, CHARGE.key).flash_writes == 1


async def test_a_write_of_a_person_goes_before_queued_polls(client: StuderClient, sim: StuderSimulator) -> None:
    sim.faults.set("delay", 0.02)
    polls = [asyncio.create_task(client.read([Ref("xt2", "smart_boost_limit")])) for _ in range(30)]
    await until(lambda: bool(sim.requests))
    await client.write(BOOST, 20)
    # A write asks for limits and for what is stored first; between its steps one poll may slip in each.
    place = next(n for n, request in enumerate(sim.requests) if request.service == "write")
    assert place <= 12
    sim.faults.clear()
    await asyncio.gather(*polls)
    assert len(sim.requests) > 30


async def test_exchanges_never_overlap(sim: StuderSimulator, make_client: MakeClient) -> None:
    """Many tasks at once: each gets the answer to its own question."""
    client = await over_tcp(sim, make_client)
    set_known(sim)
    refs = list(KNOWN_VALUES)
    results = await asyncio.gather(*(client.read([refs[n % 3]]) for n in range(60)))
    assert [values(result) for result in results] == [{refs[n % 3]: KNOWN_VALUES[refs[n % 3]]} for n in range(60)]
    assert client.stats.foreign == 0


async def test_a_journal_outlives_the_client(sim: StuderSimulator, make_client: MakeClient) -> None:
    first = await over_tcp(sim, make_client)
    await first.write(BOOST, 20)
    stored = first.journal.as_dict()
    await first.close()
    journal = Journal()
    journal.load(stored)
    second = await over_tcp(sim, make_client, journal=journal)
    reading = (await second.read([BOOST])).readings[BOOST]
    assert (reading.value, reading.stored) == (20.0, 100.0)


async def test_the_trace_shows_both_directions(client: StuderClient) -> None:
    await client.read([XT1])
    shown = [record.as_dict() for record in client.trace]
    assert [record["direction"] for record in shown[-2:]] == ["sent", "received"]
    assert str(shown[-2]["data"]).startswith("aa 00 a1 0f 00 00")
    assert any(record["direction"] == "note" for record in shown)
