"""Inverters on a real D-Bus: what others read there, what DVCC makes of it, and what happens when something ends."""

import asyncio
import contextlib
import gc
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message, MessageFlag, MessageType, NameFlag, RequestNameReply, Variant

from custom_components.local_solar.solarlink.errors import (
    BadAddressError,
    BadAnswerError,
    BusNameTakenError,
    BusNotOpenError,
    DeviceRefusedError,
    LinkClosedError,
    LinkError,
    LinkLostError,
    NoAnswerError,
    SolarError,
)
from custom_components.local_solar.solarlink.links.backoff import Backoff
from custom_components.local_solar.solarlink.links.stats import LinkStats
from custom_components.local_solar.solarlink.trace import Direction, Trace
from custom_components.local_solar.solarlink.victron_gx.alarm_map import Alarm
from custom_components.local_solar.solarlink.victron_gx.bus import BusTiming, GxBus
from custom_components.local_solar.solarlink.victron_gx.bus_item import BusItem, BusTree, Kind
from custom_components.local_solar.solarlink.victron_gx.bus_service import BusService
from custom_components.local_solar.solarlink.victron_gx.bus_settings import device_instance
from custom_components.local_solar.solarlink.victron_gx.dc_values import SYSTEM, BatterySide, DcData, DcLoad
from custom_components.local_solar.solarlink.victron_gx.publisher import (
    DcPublisher,
    PublisherState,
    PublisherTiming,
)
from simulators.victron_gx.dbus_daemon import DBusDaemon
from simulators.victron_gx.dvcc import Dvcc
from simulators.victron_gx.items import Service
from simulators.victron_gx.localsettings import LocalSettings
from tests.library.conftest import free_port
from tests.library.dbus_daemon import BUS_ITEM, Monitor, Tap, until

SHED, BARN = "114180000001", "114180000002"
SHED_NAME = f"com.victronenergy.dcload.ha_opendtu_{SHED}"
BARN_NAME = f"com.victronenergy.dcload.ha_opendtu_{BARN}"
SUM_NAME = "com.victronenergy.dcsystem.ha_opendtu_sum_99978"
QUICK = BusTiming(open=5.0, answer=5.0)
TIMING = PublisherTiming(period=0.02, alive=0.1, again=0.1, ping=0.3, bus=QUICK)


class Clock:
    """Seconds that pass only when told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def data(at: float = 1000.0, *, power: float = 312.0, **more: Any) -> DcData:
    load = DcLoad(key=SHED, name="Shed", at=at, power=power, ac_power=298.0, temperature=31.4, energy=120.5)
    return DcData(
        loads=(load,), battery=BatterySide(at=at, voltage=52.0, discharge_limit=40.0), system_key="99978", **more
    )


def both(at: float = 1000.0) -> DcData:
    one = data(at)
    barn = replace(one.loads[0], key=BARN, name="Barn", power=208.0)
    return replace(one, loads=(*one.loads, barn))


@pytest.fixture
async def settings(gx_bus: DBusDaemon) -> AsyncIterator[LocalSettings]:
    settings = LocalSettings(gx_bus.address)
    await settings.open()
    yield settings
    await settings.close()


type MakePublisher = Callable[..., DcPublisher]


@pytest.fixture
async def make_publisher(gx_bus: DBusDaemon, settings: LocalSettings) -> AsyncIterator[MakePublisher]:
    made: list[DcPublisher] = []

    def make(host: str = gx_bus.host, port: int = 0, timing: PublisherTiming = TIMING, **more: Any) -> DcPublisher:
        more.setdefault("clock", Clock())
        more.setdefault("backoff", Backoff(0.02, 0.1))
        made.append(DcPublisher(host, port or gx_bus.port, timing=timing, **more))
        return made[-1]

    yield make
    for publisher in made:
        await publisher.close()


@pytest.fixture
async def publisher(make_publisher: MakePublisher, monitor: Monitor) -> DcPublisher:
    """A publisher that shows one inverter."""
    publisher = make_publisher()
    publisher.show(data())
    publisher.start()
    await until(lambda: len(publisher.services) == 2)
    return publisher


def bus_to(daemon: DBusDaemon, port: int = 0, **more: Any) -> GxBus:
    more.setdefault("stats", LinkStats())
    more.setdefault("trace", Trace())
    return GxBus(daemon.host, port or daemon.port, **more)


@contextlib.asynccontextmanager
async def service_of(
    daemon: DBusDaemon, name: str, tree: BusTree, port: int = 0, **more: Any
) -> AsyncIterator[BusService]:
    service = BusService(lambda answer, heard: bus_to(daemon, port, answer=answer, heard=heard), name, tree, **more)
    await service.open(ping=0.3)
    yield service
    await service.close()


def power_tree() -> BusTree:
    power = BusItem(kind=Kind.REAL, unit="W")
    name = BusItem(kind=Kind.TEXT, accept=lambda text: text or None)
    return BusTree({"/Dc/0/Power": power, "/CustomName": name}, {"/Dc/0/Power": 0.0, "/CustomName": "Shed"})


# The bytes

REQUEST_NAME = bytes.fromhex(
    "6c 01 00 01 28 00 00 00 02 00 00 00 80 00 00 00 01 01 6f 00 15 00 00 00 2f 6f 72 67 2f 66 72 65 "
    "65 64 65 73 6b 74 6f 70 2f 44 42 75 73 00 00 00 02 01 73 00 14 00 00 00 6f 72 67 2e 66 72 65 65 "
    "64 65 73 6b 74 6f 70 2e 44 42 75 73 00 00 00 00 03 01 73 00 0b 00 00 00 52 65 71 75 65 73 74 4e "
    "61 6d 65 00 00 00 00 00 06 01 73 00 14 00 00 00 6f 72 67 2e 66 72 65 65 64 65 73 6b 74 6f 70 2e "
    "44 42 75 73 00 00 00 00 08 01 67 00 02 73 75 00 1d 00 00 00 63 6f 6d 2e 76 69 63 74 72 6f 6e 65 "
    "6e 65 72 67 79 2e 64 63 6c 6f 61 64 2e 68 61 5f 31 00 00 00 00 00 00 00"
)
"""RequestName of ``com.victronenergy.dcload.ha_1``, second message of its connection; the last word are the flags."""
ITEMS_CHANGED = bytes.fromhex(
    "6c 04 00 01 4d 00 00 00 03 00 00 00 5f 00 00 00 01 01 6f 00 01 00 00 00 2f 00 00 00 00 00 00 00 "
    "02 01 73 00 19 00 00 00 63 6f 6d 2e 76 69 63 74 72 6f 6e 65 6e 65 72 67 79 2e 42 75 73 49 74 65 "
    "6d 00 00 00 00 00 00 00 03 01 73 00 0c 00 00 00 49 74 65 6d 73 43 68 61 6e 67 65 64 00 00 00 00 "
    "08 01 67 00 09 61 7b 73 61 7b 73 76 7d 7d 00 00 45 00 00 00 00 00 00 00 0b 00 00 00 2f 44 63 2f "
    "30 2f 50 6f 77 65 72 00 2d 00 00 00 00 00 00 00 05 00 00 00 56 61 6c 75 65 00 01 64 00 00 00 00 "
    "00 00 00 00 00 80 73 40 04 00 00 00 54 65 78 74 00 01 73 00 04 00 00 00 33 31 32 57 00"
)
"""``/Dc/0/Power`` is 312 W now, third message."""


def messages(stream: bytes) -> list[bytes]:
    """The messages of a stream of little-endian D-Bus, cut by the lengths in their headers."""
    found: list[bytes] = []
    while stream:
        assert stream[0:1] == b"l"
        body, fields = int.from_bytes(stream[4:8], "little"), int.from_bytes(stream[12:16], "little")
        length = 16 + (fields + 7) // 8 * 8 + body
        found.append(stream[:length])
        stream = stream[length:]
    return found


async def test_the_bytes_are_those_of_the_reference(gx_bus: DBusDaemon, tap: Tap) -> None:
    async with service_of(gx_bus, "com.victronenergy.dcload.ha_1", power_tree(), await tap.listen()) as service:
        assert service.update({"/Dc/0/Power": 312.0}) == {"/Dc/0/Power"}
        assert service.update({"/Dc/0/Power": 312.0}) == set()
        await service.bus.ask("GetId")
    said = bytes(tap.heard[0])
    login = b"\0AUTH ANONYMOUS\r\nBEGIN\r\n"
    assert said.startswith(login)
    hello, request, changed, _ = messages(said[len(login) :])
    assert b"Hello" in hello
    assert request[:-4] == REQUEST_NAME[:-4]
    # The reference asks for a name without queueing; besides, a later one of ours may replace one that is dead.
    assert int.from_bytes(request[-4:], "little") == NameFlag.DO_NOT_QUEUE | NameFlag.ALLOW_REPLACEMENT
    assert changed == ITEMS_CHANGED


async def test_an_update_of_several_paths_is_one_message_with_only_those(
    gx_bus: DBusDaemon, publisher: DcPublisher, monitor: Monitor
) -> None:
    await monitor.names()
    monitor.signals.clear()
    publisher.show(data(power=260.0))
    await monitor.sees(SUM_NAME, "/Dc/0/Power", 260.0)
    await monitor.names()
    for told in monitor.changes():
        assert told == {"/Dc/0/Power": 260.0, "/Dc/0/Current": 5.0}
    assert len(monitor.changes()) == 2


async def test_nothing_is_sent_while_nothing_changes(publisher: DcPublisher, monitor: Monitor) -> None:
    await monitor.names()
    monitor.signals.clear()
    publisher.show(data(power=312.01))
    await asyncio.sleep(5 * TIMING.period)
    await monitor.names()
    assert monitor.changes() == []


# What others read


async def test_others_see_the_inverter_and_the_sum(
    make_publisher: MakePublisher, monitor: Monitor, settings: LocalSettings
) -> None:
    publisher = make_publisher()
    publisher.show(replace(both(), alarms=frozenset({Alarm.DTU})))
    publisher.start()
    await until(lambda: len(publisher.services) == 3)
    assert await monitor.names("dc") == [SHED_NAME, BARN_NAME, SUM_NAME]
    shed, total = await monitor.items(SHED_NAME), await monitor.items(SUM_NAME)
    assert shed["/Dc/0/Power"] == 312.0
    assert shed["/Dc/0/Current"] == 6.0
    assert shed["/Dc/1/Voltage"] == 298.0
    assert shed["/FirmwareVersion"] == []
    assert (total["/Dc/0/Power"], total["/Dc/0/Current"], total["/Alarms/LowStarterVoltage"]) == (520.0, 10.0, 2)
    assert (shed["/DeviceInstance"], (await monitor.items(BARN_NAME))["/DeviceInstance"]) == (40, 41)
    assert total["/DeviceInstance"] == 40
    owners = {await monitor.daemon("GetNameOwner", "s", name) for name in (SHED_NAME, BARN_NAME, SUM_NAME)}
    assert len(owners) == 3


async def test_all_paths_are_there_before_the_name(
    gx_bus: DBusDaemon, publisher: DcPublisher, monitor: Monitor
) -> None:
    """Whoever asks as soon as the name is there gets everything; nothing is announced afterwards."""
    items = await monitor.items(SHED_NAME)
    assert items["/Dc/0/Power"] == 312.0
    assert monitor.changes() == []


async def test_calls_are_answered_as_the_reference_says(publisher: DcPublisher, monitor: Monitor) -> None:
    async def ask(path: str, member: str, signature: str = "", *body: Any) -> tuple[str, Any]:
        reply = await monitor.ask(SHED_NAME, path, member, signature, *body)
        if reply.message_type is MessageType.ERROR:
            return reply.error_name or "", None
        return reply.signature, reply.body[0]

    assert await ask("/Dc/0/Power", "GetValue") == ("v", Variant("d", 312.0))
    assert await ask("/Dc/0/Power", "GetText") == ("v", Variant("s", "312W"))
    assert await ask("/FirmwareVersion", "GetValue") == ("v", Variant("ai", []))
    branch = (await ask("/Dc/0", "GetValue"))[1]
    assert branch.signature == "a{sv}"
    assert branch.value["Voltage"] == Variant("d", 52.0)
    assert set((await ask("/", "GetValue"))[1].value) == {path[1:] for path in await monitor.items(SHED_NAME)}
    assert (await ask("/Dc", "GetText"))[1].value["0/Temperature"] == Variant("s", "31.4°C")
    assert (await ask("/Nowhere", "GetValue"))[0] == "org.freedesktop.DBus.Error.UnknownObject"
    assert (await ask("/Nowhere", "SetValue", "v", Variant("s", "x")))[0] == "org.freedesktop.DBus.Error.UnknownObject"
    assert (await ask("/Dc/0/Power", "SetValue", "v", Variant("d", 1.0))) == ("i", 1)
    assert (await ask("/CustomName", "SetValue", "v", Variant("i", 1))) == ("i", 1)
    assert (await ask("/CustomName", "SetValue", "v", Variant("s", "x" * 65))) == ("i", 2)
    assert (await ask("/", "Nonsense"))[0] == "org.freedesktop.DBus.Error.UnknownMethod"
    assert (await ask("/Dc", "GetItems"))[0] == "org.freedesktop.DBus.Error.UnknownMethod"
    reply = await monitor.call(SHED_NAME, "/", "org.freedesktop.DBus.Peer", "Ping")
    assert reply.message_type is MessageType.METHOD_RETURN


async def test_the_tree_can_be_walked(publisher: DcPublisher, monitor: Monitor) -> None:
    found: set[str] = set()

    async def walk(path: str) -> None:
        reply = await monitor.call(SHED_NAME, path, "org.freedesktop.DBus.Introspectable", "Introspect")
        names = re.findall(r'<node name="(\w+)"', reply.body[0])
        assert ("GetValue" in reply.body[0]) == (path != "") or names
        if not names:
            found.add(path)
        for name in names:
            await walk(f"{path.rstrip('/')}/{name}")

    await walk("/")
    assert found == set(await monitor.items(SHED_NAME))


async def test_a_call_that_wants_no_answer_gets_none(publisher: DcPublisher, monitor: Monitor) -> None:
    message = Message(
        SHED_NAME, "/CustomName", BUS_ITEM, "SetValue", signature="v", body=[Variant("s", "Roof")],
        flags=MessageFlag.NO_REPLY_EXPECTED,
    )  # fmt: skip
    await monitor.bus.send(message)
    await monitor.sees(SHED_NAME, "/CustomName", "Roof")
    sent = [record.note for record in publisher.trace if record.direction is Direction.SENT]
    [told] = [number for number, note in enumerate(sent) if "Roof" in note]
    # What follows are answers to the questions with which the test looked.
    assert all("ItemsChanged" in sent[told] or "GetItems" in note or "/CustomName" in note for note in sent[told:])
    assert not [note for note in sent if note.endswith("[0]")]


# Names that people give


async def test_a_name_given_on_the_gx_is_told_and_kept(make_publisher: MakePublisher, monitor: Monitor) -> None:
    told: list[tuple[str, str | None]] = []
    publisher = make_publisher(names={SYSTEM: "All of them"}, renamed=lambda key, name: told.append((key, name)))
    publisher.show(data())
    publisher.start()
    await until(lambda: len(publisher.services) == 2)
    assert (await monitor.items(SUM_NAME))["/CustomName"] == "All of them"

    async def rename(name: str, text: str) -> None:
        reply = await monitor.ask(name, "/CustomName", "SetValue", "v", Variant("s", text))
        assert reply.body == [0]

    await rename(SHED_NAME, "Roof")
    assert (await monitor.items(SHED_NAME))["/CustomName"] == "Roof"
    assert {"/CustomName": "Roof"} in monitor.changes()
    publisher.show(data(power=100.0))
    await monitor.sees(SHED_NAME, "/Dc/0/Power", 100.0)
    assert (await monitor.items(SHED_NAME))["/CustomName"] == "Roof"
    await rename(SHED_NAME, "")
    await rename(SUM_NAME, "")
    assert (await monitor.items(SHED_NAME))["/CustomName"] == "Shed"
    assert told == [(SHED, "Roof"), (SHED, None), (SYSTEM, None)]


# Device instances


async def test_instances_stay_the_same(gx_bus: DBusDaemon, settings: LocalSettings) -> None:
    bus = bus_to(gx_bus)
    await bus.open()
    assert await device_instance(bus, "ha_a", "dcload") == 40
    assert await device_instance(bus, "ha_b", "dcload") == 41
    assert await device_instance(bus, "ha_a", "dcload") == 40
    assert await device_instance(bus, "ha_a", "dcload", wanted=77) == 40
    assert await device_instance(bus, "ha_c", "dcsystem") == 40
    with pytest.raises(DeviceRefusedError) as refused:
        await device_instance(bus, "_a", "dcload")
    assert refused.value.code == -2
    await bus.close()
    assert settings.stored["/Settings/Devices/ha_b/ClassAndVrmInstance"] == "dcload:41"


@pytest.mark.parametrize(
    "answer",
    [
        [],
        [{}],
        [{"error": Variant("s", "x")}],
        [{"error": Variant("i", 0)}],
        [{"error": Variant("i", 0), "value": Variant("s", "grid:40")}],
        [{"error": Variant("i", 0), "value": Variant("s", "dcload:")}],
    ],
)
async def test_an_answer_without_an_instance(gx_bus: DBusDaemon, settings: LocalSettings, answer: list[Any]) -> None:
    settings._add = lambda group, entry: answer[0] if answer else {}  # type: ignore[method-assign]
    bus = bus_to(gx_bus)
    await bus.open()
    with pytest.raises(BadAnswerError):
        await device_instance(bus, "ha_a", "dcload")
    await bus.close()


async def test_without_settings_on_the_gx_it_is_tried_again(
    make_publisher: MakePublisher, settings: LocalSettings, monitor: Monitor
) -> None:
    await settings.close()
    publisher = make_publisher()
    publisher.show(data())
    publisher.start()
    await until(lambda: isinstance(publisher.error, DeviceRefusedError))
    assert publisher.state is PublisherState.FAILED
    await settings.open()
    await until(lambda: publisher.error is None and len(publisher.services) == 2)
    assert await monitor.names("dc") == [SHED_NAME, SUM_NAME]


# Age


async def test_old_data_goes_to_zero_and_then_away(make_publisher: MakePublisher, monitor: Monitor) -> None:
    clock = Clock()
    publisher = make_publisher(clock=clock)
    publisher.start()
    await until(lambda: publisher.state is PublisherState.NO_DATA)
    assert await monitor.names("dc") == []
    publisher.show(data())
    await until(lambda: publisher.state is PublisherState.PUBLISHING)
    clock.now += 59
    await asyncio.sleep(3 * TIMING.period)
    assert (await monitor.items(SUM_NAME))["/Dc/0/Power"] == 312.0
    clock.now += 1
    for name in (SHED_NAME, SUM_NAME):
        await monitor.sees(name, "/Dc/0/Power", 0.0)
        items = await monitor.items(name)
        assert (items["/Dc/0/Current"], items["/Dc/0/Temperature"]) == (0.0, [])
    clock.now += 240
    await until(lambda: publisher.state is PublisherState.NO_DATA)
    assert await monitor.names("dc") == []
    assert publisher.troubles == {}
    publisher.show(data(clock.now))
    await until(lambda: publisher.state is PublisherState.PUBLISHING)
    assert (await monitor.items(SHED_NAME))["/DeviceInstance"] == 40


async def test_an_inverter_that_is_taken_out_leaves_the_bus(make_publisher: MakePublisher, monitor: Monitor) -> None:
    publisher = make_publisher()
    publisher.show(both())
    publisher.start()
    await until(lambda: len(publisher.services) == 3)
    publisher.show(data())
    await until(lambda: len(publisher.services) == 2)
    assert await monitor.names("dc") == [SHED_NAME, SUM_NAME]
    await monitor.sees(SUM_NAME, "/Dc/0/Power", 312.0)


# DVCC


@pytest.fixture
async def dvcc(gx_bus: DBusDaemon, settings: LocalSettings) -> AsyncIterator[Dvcc]:
    dvcc = Dvcc(gx_bus.address, voltage=52.0, charge_limit=10.0, speed=300.0)
    await dvcc.start()
    yield dvcc
    await dvcc.close()


def near(value: float) -> Any:
    return pytest.approx(value, abs=0.02)


async def test_the_charge_limit_follows_the_draw_and_comes_back(
    make_publisher: MakePublisher, dvcc: Dvcc, monitor: Monitor
) -> None:
    """The numbers of the reference: 10 A, 312 W at 52 V, 16 A."""
    publisher = make_publisher()
    publisher.show(data())
    publisher.start()
    await until(lambda: dvcc.charge_current > 10.0)
    assert dvcc.charge_current < 15.9
    await until(lambda: dvcc.charge_current == near(16.0))
    system = await monitor.items("com.victronenergy.system")
    assert (system["/Dc/System/Power"], system["/Dc/System/MeasurementType"]) == (312.0, 1)
    charger = await monitor.items("com.victronenergy.solarcharger.simulated")
    assert charger["/Link/ChargeCurrent"] == near(16.0)
    publisher.show(both())
    await until(lambda: dvcc.charge_current == near(20.0))
    dvcc.charge_limit = 0.0
    await until(lambda: dvcc.charge_current == 0.0)
    dvcc.charge_limit = 10.0
    await publisher.close()
    await until(lambda: dvcc.charge_current == 10.0)
    assert not dvcc.measured


async def test_a_load_without_a_sum_changes_nothing(gx_bus: DBusDaemon, dvcc: Dvcc) -> None:
    tree = power_tree()
    tree.update({"/Dc/0/Power": 312.0})
    async with service_of(gx_bus, SHED_NAME, tree):
        await asyncio.sleep(0.1)
        assert (dvcc.measured, dvcc.charge_current) == (False, 10.0)


LONE_PUBLISHER = """
import asyncio, sys, time
from solarlink.victron_gx.dc_values import BatterySide, DcData, DcLoad
from solarlink.victron_gx.publisher import DcPublisher

async def main():
    publisher = DcPublisher("127.0.0.1", int(sys.argv[1]))
    now = time.monotonic()
    load = DcLoad(key="114180000001", name="Shed", at=now, power=312.0)
    publisher.show(DcData(loads=(load,), battery=BatterySide(at=now, voltage=52.0), system_key="99978"))
    publisher.start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_publisher_that_is_killed_leaves_nothing_behind(
    gx_bus: DBusDaemon, dvcc: Dvcc, monitor: Monitor
) -> None:
    library = Path(__file__).parents[2] / "custom_components" / "local_solar"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LONE_PUBLISHER, str(gx_bus.port)), env={"PYTHONPATH": str(library)}
    )
    try:
        await until(lambda: dvcc.charge_current == near(16.0), 30.0)
        assert await monitor.names("dc") == [SHED_NAME, SUM_NAME]
        process.send_signal(signal.SIGKILL)
        await until(lambda: dvcc.charge_current == 10.0)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    assert await monitor.names("dc") == []


# Others on the bus


async def test_another_dc_system_is_a_trouble_while_it_is_there(
    gx_bus: DBusDaemon, make_publisher: MakePublisher
) -> None:
    shunt = Service(gx_bus.address, "com.victronenergy.dcsystem.ttyS5", {"/Dc/0/Power": 300.0})
    await shunt.open()
    changes: list[dict[str, Any]] = []
    ours: DcPublisher = make_publisher(changed=lambda: changes.append(dict(ours.troubles)))
    ours.show(data())
    ours.start()
    await until(lambda: len(ours.services) == 2)
    foreign = {"foreign_dcsystem": {"services": "com.victronenergy.dcsystem.ttyS5"}}
    assert ours.troubles == foreign
    await shunt.close()
    await until(lambda: ours.troubles == {})
    await shunt.open()
    await until(lambda: ours.troubles == foreign)
    assert changes[-1] == foreign
    assert {} in changes
    await shunt.close()
    await until(lambda: ours.troubles == {})


async def test_a_living_owner_keeps_its_name(
    gx_bus: DBusDaemon, make_publisher: MakePublisher, monitor: Monitor
) -> None:
    flags = NameFlag.ALLOW_REPLACEMENT | NameFlag.DO_NOT_QUEUE
    assert await monitor.bus.request_name(SHED_NAME, flags) is RequestNameReply.PRIMARY_OWNER
    publisher = make_publisher()
    publisher.show(data())
    publisher.start()
    await until(lambda: publisher.state is PublisherState.PUBLISHING)
    assert publisher.troubles == {"bus_name_taken": {"services": SHED_NAME}}
    # The sum does not depend on it.
    assert set(publisher.services) == {SUM_NAME}
    assert await monitor.daemon("GetNameOwner", "s", SHED_NAME) == monitor.bus.unique_name
    async with asyncio.timeout(10):
        await monitor.bus.release_name(SHED_NAME)
    publisher._clock.now += 1  # type: ignore[attr-defined]
    await until(lambda: len(publisher.services) == 2)
    assert publisher.troubles == {}


async def test_a_dead_owner_is_replaced(gx_bus: DBusDaemon, make_publisher: MakePublisher, monitor: Monitor) -> None:
    """What is left of a machine that has lost its power: a connection that stands and never answers."""
    monitor.ignores_pings = True
    flags = NameFlag.ALLOW_REPLACEMENT | NameFlag.DO_NOT_QUEUE
    assert await monitor.bus.request_name(SUM_NAME, flags) is RequestNameReply.PRIMARY_OWNER
    publisher = make_publisher()
    publisher.show(data())
    publisher.start()
    await until(lambda: len(publisher.services) == 2)
    assert publisher.troubles == {}
    assert await monitor.daemon("GetNameOwner", "s", SUM_NAME) != monitor.bus.unique_name


async def test_a_name_that_is_taken_over_is_not_fought_for(
    gx_bus: DBusDaemon, publisher: DcPublisher, monitor: Monitor
) -> None:
    flags = NameFlag.ALLOW_REPLACEMENT | NameFlag.REPLACE_EXISTING | NameFlag.DO_NOT_QUEUE
    assert await monitor.bus.request_name(SUM_NAME, flags) is RequestNameReply.PRIMARY_OWNER
    await until(lambda: set(publisher.services) == {SHED_NAME})
    assert publisher.troubles == {"bus_name_taken": {"services": SUM_NAME}}
    publisher._clock.now += 1  # type: ignore[attr-defined]
    await asyncio.sleep(0.1)
    assert await monitor.daemon("GetNameOwner", "s", SUM_NAME) == monitor.bus.unique_name


async def test_an_owner_that_allows_no_replacement_keeps_its_name_even_dead(
    gx_bus: DBusDaemon, monitor: Monitor
) -> None:
    monitor.ignores_pings = True
    assert await monitor.bus.request_name(SUM_NAME) is RequestNameReply.PRIMARY_OWNER
    with pytest.raises(BusNameTakenError):
        async with service_of(gx_bus, SUM_NAME, power_tree()):
            pass


async def test_the_sum_asks_for_traffic_so_that_its_end_is_noticed(
    gx_bus: DBusDaemon, make_publisher: MakePublisher, tap: Tap, monitor: Monitor
) -> None:
    """A daemon finds out that a machine is gone only by sending to it; the trace is not for that."""
    system = Service(gx_bus.address, "com.victronenergy.system", {"/Dc/Battery/Power": 0.0})
    await system.open()
    publisher = make_publisher(port=await tap.listen())
    publisher.show(data())
    publisher.start()
    await until(lambda: publisher.state is PublisherState.PUBLISHING)
    before = list(tap.brought)
    for watts in range(1, 101):
        system.put({"/Dc/Battery/Power": float(watts)})
    watch, load, total = 0, 1, 2
    await until(lambda: tap.brought[total] - before[total] > 100 * 150)
    assert tap.brought[watch] - before[watch] < 5000
    assert tap.brought[load] - before[load] < 5000
    assert not [record for record in publisher.trace if "/Dc/Battery/Power" in record.note]
    await system.close()


# Ends


async def test_a_lost_connection_is_made_again_with_everything(
    make_publisher: MakePublisher, tap: Tap, monitor: Monitor
) -> None:
    publisher = make_publisher(port=await tap.listen())
    publisher.show(data())
    publisher.start()
    await until(lambda: publisher.state is PublisherState.PUBLISHING)
    states: list[PublisherState] = []
    publisher._changed = lambda: states.append(publisher.state)
    tap.cut()
    await until(lambda: PublisherState.FAILED in states)
    publisher.show(data(power=416.0))
    await until(lambda: publisher.state is PublisherState.PUBLISHING)
    assert states == [PublisherState.FAILED, PublisherState.CONNECTING, PublisherState.PUBLISHING]
    assert publisher.error is None
    assert (await monitor.items(SHED_NAME))["/Dc/0/Current"] == 8.0
    assert tap.accepted == 6
    await until(lambda: tap.open == 3)


async def test_one_lost_service_is_enough(make_publisher: MakePublisher, tap: Tap, monitor: Monitor) -> None:
    publisher = make_publisher(port=await tap.listen())
    publisher.show(data())
    publisher.start()
    await until(lambda: len(publisher.services) == 2)
    # The first one listens who is there, the second is the inverter.
    tap.cut(1)
    await until(lambda: tap.accepted == 6)
    await until(lambda: publisher.state is PublisherState.PUBLISHING)
    assert await monitor.names("dc") == [SHED_NAME, SUM_NAME]


async def test_a_gx_that_restarts_is_found_again(
    gx_bus: DBusDaemon, make_publisher: MakePublisher, settings: LocalSettings
) -> None:
    publisher = make_publisher()
    publisher.show(data())
    publisher.start()
    await until(lambda: publisher.state is PublisherState.PUBLISHING)
    await gx_bus.stop()
    await until(lambda: isinstance(publisher.error, BusNotOpenError))
    await gx_bus.start()
    again = LocalSettings(gx_bus.address, settings.stored)
    await again.open()
    await until(lambda: publisher.state is PublisherState.PUBLISHING)
    monitor = await Monitor().open(gx_bus)
    assert (await monitor.items(SHED_NAME))["/DeviceInstance"] == 40
    await monitor.close()
    await again.close()


async def test_a_gx_that_falls_silent_is_noticed(make_publisher: MakePublisher, tap: Tap) -> None:
    clock = Clock()
    timing = replace(TIMING, bus=BusTiming(open=0.2, answer=0.2))
    publisher = make_publisher(port=await tap.listen(), timing=timing, clock=clock)
    publisher.show(data())
    publisher.start()
    await until(lambda: publisher.state is PublisherState.PUBLISHING)
    tap.silent = True
    clock.now += 1
    await until(lambda: publisher.state is PublisherState.FAILED)
    assert isinstance(publisher.error, NoAnswerError)
    assert publisher.stats.time_outs >= 1
    tap.silent = False
    await until(lambda: publisher.state is PublisherState.PUBLISHING)


async def test_it_waits_longer_after_every_failure(make_publisher: MakePublisher, port: int) -> None:
    tries: list[float] = []

    class Counting(Backoff):
        def failed(self, error: SolarError | None = None) -> None:
            super().failed(error)
            tries.append(self._wait)

    publisher = make_publisher(port=port, backoff=Counting(0.02, 0.1, jitter=0.0))
    publisher.show(data())
    publisher.start()
    await until(lambda: len(tries) > 4)
    assert tries[:5] == [0.02, 0.04, 0.08, 0.1, 0.1]
    usual = DcPublisher("127.0.0.1", port)._backoff
    assert (usual._first, usual._longest) == (2.0, 60.0)


async def test_close_leaves_neither_task_nor_socket(
    make_publisher: MakePublisher, tap: Tap, monitor: Monitor, recwarn: pytest.WarningsRecorder
) -> None:
    before = asyncio.all_tasks()
    publisher = make_publisher(port=await tap.listen())
    publisher.show(both())
    publisher.start()
    publisher.start()
    await until(lambda: len(publisher.services) == 3)
    assert tap.open == 4
    await publisher.close()
    assert publisher.state is PublisherState.STOPPED
    assert publisher.services == {}
    assert await monitor.names("dc") == []
    await until(lambda: tap.open == 0)
    await until(lambda: not {task for task in asyncio.all_tasks() - before if "D-Bus" in task.get_name()})
    gc.collect()
    assert not [warning for warning in recwarn if issubclass(warning.category, ResourceWarning)]
    # It can begin again.
    publisher.start()
    await until(lambda: len(publisher.services) == 3)


@pytest.mark.parametrize("moment", [0.0, 0.002, 0.005, 0.01, 0.02, 0.05])
async def test_close_at_any_moment(make_publisher: MakePublisher, tap: Tap, monitor: Monitor, moment: float) -> None:
    publisher = make_publisher(port=await tap.listen())
    publisher.show(both())
    publisher.start()
    await asyncio.sleep(moment)
    await publisher.close()
    assert await monitor.names("dc") == []
    await until(lambda: tap.open == 0)


# One connection


def garbage() -> Iterator[tuple[str, list[bytes]]]:
    yield "hangs up", []
    yield "refuses", [b"REJECTED EXTERNAL\r\n"]
    yield "is no D-Bus", [b"HTTP/1.1 400 Bad Request\r\n"]
    yield "garbage after the login", [b"OK 1b8cac26f10df7ff8eff2d606b01f042\r\n", b"\xff" * 64]
    yield "hangs up after the login", [b"OK 1b8cac26f10df7ff8eff2d606b01f042\r\n", b""]


@pytest.mark.parametrize("script", [script for _, script in garbage()], ids=[name for name, _ in garbage()])
async def test_what_is_no_bus_ends_with_a_link_error(
    socket_enabled: None, script: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in script:
            await reader.read(100)
            writer.write(answer)
        if script:
            await reader.read(100)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bus = GxBus("127.0.0.1", port, stats=LinkStats(), trace=Trace(), timing=BusTiming(open=2.0))
    with pytest.raises(LinkError) as caught:
        await bus.open()
    assert str(port) in str(caught.value)
    assert not bus.connected
    with pytest.raises(LinkError):
        await bus.call("GetId")
    await bus.close()
    server.close()
    gc.collect()
    await asyncio.sleep(0)
    assert "never retrieved" not in caplog.text


async def test_nobody_listens(socket_enabled: None) -> None:
    bus = GxBus("127.0.0.1", free_port(), stats=LinkStats(), trace=Trace())
    with pytest.raises(BusNotOpenError, match="D-Bus over TCP"):
        await bus.open()


async def test_nobody_answers(socket_enabled: None) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        stats = LinkStats()
        bus = GxBus(*deaf.getsockname(), stats=stats, trace=Trace(), timing=BusTiming(open=0.05))
        with pytest.raises(LinkError, match="no answer"):
            await bus.open()
        assert "no answer" in stats.last_error


@pytest.mark.parametrize("host", ["", "a;unix:path=/x", "10.0.0.5,port=1", "a b", "::1"])
def test_only_hosts_are_taken(host: str) -> None:
    with pytest.raises(BadAddressError):
        GxBus(host, stats=LinkStats(), trace=Trace())


async def test_calls_fail_with_our_own_errors(gx_bus: DBusDaemon, monitor: Monitor, tap: Tap) -> None:
    stats, trace = LinkStats(), Trace()
    gone = asyncio.Event()
    bus = bus_to(gx_bus, await tap.listen(), stats=stats, trace=trace, lost=gone.set)
    with pytest.raises(LinkLostError):
        await bus.call("GetId")
    await bus.open()
    assert (bus.connected, stats.connects, bus.unique_name[0]) == (True, 1, ":")
    with pytest.raises(DeviceRefusedError) as refused:
        await bus.call("GetItems", destination="com.victronenergy.nobody", path="/", interface=BUS_ITEM)
    assert refused.value.code == "org.freedesktop.DBus.Error.ServiceUnknown"
    monitor.ignores_pings = True
    with pytest.raises(NoAnswerError):
        await bus.call(
            "Ping",
            destination=monitor.bus.unique_name or "",
            path="/",
            interface="org.freedesktop.DBus.Peer",
            timeout=0.05,
        )
    with pytest.raises(BadAnswerError):
        await bus.ask("ListNames", kind=str)
    waiting = asyncio.create_task(
        bus.call("Ping", destination=monitor.bus.unique_name or "", path="/", interface="org.freedesktop.DBus.Peer")
    )
    await until(lambda: stats.exchanges == 4)
    tap.cut()
    with pytest.raises(LinkLostError):
        await waiting
    await gone.wait()
    with pytest.raises(LinkLostError):
        bus.signal("/", BUS_ITEM, "ItemsChanged", "a{sa{sv}}", [{}])
    await bus.close()
    with pytest.raises(LinkClosedError):
        await bus.call("GetId")
    assert (stats.exchanges, stats.refusals, stats.time_outs) == (4, 1, 1)
    directions = {record.direction for record in trace}
    assert directions == {Direction.SENT, Direction.RECEIVED, Direction.NOTE}
    assert any("GetItems" in record.note for record in trace if record.direction is Direction.SENT)


def speak(bus: GxBus, text: str = "") -> None:
    """Say so much that the end of the connection is noticed: the first message always leaves."""
    for _ in range(100):
        bus.signal("/", BUS_ITEM, "ItemsChanged", "s", [text])


async def test_a_connection_that_breaks_while_we_speak(
    gx_bus: DBusDaemon, tap: Tap, caplog: pytest.LogCaptureFixture
) -> None:
    """Before the end of the connection has been read, writing to it fails already."""
    bus = bus_to(gx_bus, await tap.listen())
    await bus.open()
    tap.cut()
    # Just long enough for the other end to be closed, not for ours to be told.
    await asyncio.sleep(0)
    with pytest.raises(LinkLostError):
        speak(bus)
    with pytest.raises(LinkLostError):
        await bus.call("GetId")
    await bus.close()
    del bus
    gc.collect()
    await asyncio.sleep(0)
    assert "never retrieved" not in caplog.text


async def test_a_daemon_that_stops_reading_costs_the_connection(
    gx_bus: DBusDaemon, caplog: pytest.LogCaptureFixture
) -> None:
    """What it does not take is not kept for ever."""
    gone = asyncio.Event()
    bus = bus_to(gx_bus, lost=gone.set)
    await bus.open()
    assert gx_bus._process is not None
    gx_bus._process.send_signal(signal.SIGSTOP)
    with pytest.raises(LinkLostError):
        speak(bus, "x" * 1_000_000)
    async with asyncio.timeout(10):
        await gone.wait()
    gx_bus._process.send_signal(signal.SIGCONT)
    await bus.close()
    del bus
    gc.collect()
    await asyncio.sleep(0)
    assert "never retrieved" not in caplog.text


async def test_closing_ends_who_waits(gx_bus: DBusDaemon, monitor: Monitor) -> None:
    monitor.ignores_pings = True
    bus = bus_to(gx_bus)
    await bus.open()
    waiting = asyncio.create_task(
        bus.call("Ping", destination=monitor.bus.unique_name or "", path="/", interface="org.freedesktop.DBus.Peer")
    )
    await asyncio.sleep(0.02)
    await bus.close()
    with pytest.raises(LinkClosedError):
        await waiting


async def test_a_mistake_of_ours_is_told_and_not_hidden(make_publisher: MakePublisher, monitor: Monitor) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
    publisher = make_publisher()
    publisher.show(replace(data(), system_name=5))  # type: ignore[arg-type]
    publisher.start()
    await until(lambda: told)
    assert isinstance(told[0]["exception"], TypeError)
    assert not isinstance(told[0]["exception"], SolarError)
    assert await monitor.names("dc") == []
