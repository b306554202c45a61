"""The bus of the simulated GX, what it gives out, what it makes of DC systems, seen with a plain D-Bus connection."""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
from dbus_fast import Message, Variant

from simulators.victron_gx import dbus_daemon
from simulators.victron_gx.dbus_daemon import DBusDaemon, NoDaemonError
from simulators.victron_gx.dvcc import CYCLE_SECONDS, SETTLING_SECONDS, Dvcc
from simulators.victron_gx.items import Service
from simulators.victron_gx.localsettings import LocalSettings
from tests.library.dbus_daemon import BUS_ITEM, Monitor, until

SETTINGS = "com.victronenergy.settings"
SYSTEM = "com.victronenergy.dcsystem.other"


@pytest.fixture
async def settings(gx_bus: DBusDaemon) -> AsyncIterator[LocalSettings]:
    settings = LocalSettings(gx_bus.address)
    await settings.open()
    yield settings
    await settings.close()


@pytest.fixture
async def dvcc(gx_bus: DBusDaemon) -> AsyncIterator[Dvcc]:
    dvcc = Dvcc(gx_bus.address, voltage=52.0, charge_limit=10.0, speed=300.0)
    await dvcc.start()
    yield dvcc
    await dvcc.close()


async def test_only_the_anonymous_get_in(gx_bus: DBusDaemon) -> None:
    reader, writer = await asyncio.open_connection(gx_bus.host, gx_bus.port)
    writer.write(b"\0AUTH EXTERNAL 30\r\n")
    assert await reader.readline() == b"REJECTED ANONYMOUS\r\n"
    writer.write(b"AUTH ANONYMOUS\r\n")
    assert (await reader.readline()).startswith(b"OK ")
    writer.close()
    await writer.wait_closed()


async def test_it_starts_again_at_the_same_address(gx_bus: DBusDaemon) -> None:
    port = gx_bus.port
    await gx_bus.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(gx_bus.host, port)
    assert await gx_bus.start() == port
    monitor = await Monitor().open(gx_bus)
    await monitor.close()


async def test_a_port_that_is_taken_is_told(gx_bus: DBusDaemon) -> None:
    with pytest.raises(NoDaemonError, match="already in use"):
        await DBusDaemon(port=gx_bus.port).start()


async def test_a_machine_without_the_program_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbus_daemon, "find_daemon", lambda: None)
    with pytest.raises(NoDaemonError, match="package"):
        await DBusDaemon().start()


async def add(monitor: Monitor, where: str, **entry: Any) -> dict[str, Any]:
    wrapped = {key: Variant("s", value) for key, value in entry.items()}
    reply = await monitor.call(SETTINGS, where, "com.victronenergy.Settings", "AddSettings", "aa{sv}", [wrapped])
    return {key: value.value for key, value in reply.body[0][0].items()}


async def test_settings_give_out_instances(settings: LocalSettings, monitor: Monitor, gx_bus: DBusDaemon) -> None:
    device = {"path": "ha_1/ClassAndVrmInstance", "default": "dcload:40"}
    expected = {"path": "ha_1/ClassAndVrmInstance", "error": 0, "value": "dcload:40"}
    assert await add(monitor, "/Settings/Devices", **device) == expected
    assert (await add(monitor, "/Settings/Devices", **device | {"path": "ha_2/ClassAndVrmInstance"}))[
        "value"
    ] == "dcload:41"
    assert await add(monitor, "/Settings/Devices", **device | {"default": "dcload:77"}) == expected
    other = await add(monitor, "/Settings/Devices", path="ha_3/ClassAndVrmInstance", default="dcsystem:40")
    assert other["value"] == "dcsystem:40"
    reply = await monitor.ask(SETTINGS, "/Settings/Devices/ha_2/ClassAndVrmInstance", "GetValue")
    assert reply.body[0].value == "dcload:41"
    # Called on the root it refuses, as seen on the real one.
    assert (await add(monitor, "/", path="/Settings/Devices/ha_4/ClassAndVrmInstance", default="dcload:40"))[
        "error"
    ] == -9
    assert (await add(monitor, "/Settings/Devices", path="_x/ClassAndVrmInstance", default="dcload:40"))["error"] == -2
    assert (await add(monitor, "/Settings/Devices", path="ha_5/ClassAndVrmInstance"))["error"] == -4
    await settings.close()
    again = LocalSettings(gx_bus.address, settings.stored)
    await again.open()
    assert (await add(monitor, "/Settings/Devices", **device | {"path": "ha_2/ClassAndVrmInstance"}))[
        "value"
    ] == "dcload:41"
    await again.close()


async def test_a_dc_system_raises_the_charge_limit_slowly_and_its_end_lowers_it_at_once(
    gx_bus: DBusDaemon, dvcc: Dvcc, monitor: Monitor
) -> None:
    system = Service(gx_bus.address, SYSTEM, {"/Dc/0/Power": 312.0})
    await system.open()
    seen: list[float] = []
    while not seen or seen[-1] < 15.9:
        dvcc.changed.clear()
        async with asyncio.timeout(5):
            await dvcc.changed.wait()
        if not seen or dvcc.charge_current != seen[-1]:
            seen.append(dvcc.charge_current)
    seen = [each for each in seen if each > 10.0]
    # Every cycle takes the same part of what is missing, and the first 20 s bring all but 2 % of it.
    part = 1 - math.exp(-4 * CYCLE_SECONDS / SETTLING_SECONDS)
    assert seen[0] == pytest.approx(10.0 + 6.0 * part)
    assert len(seen) <= SETTLING_SECONDS / CYCLE_SECONDS + 1
    assert seen == sorted(seen)
    assert (await monitor.items("com.victronenergy.system"))["/Dc/System/MeasurementType"] == 1
    await system.close()
    await until(lambda: dvcc.charge_current == 10.0)
    shown = await monitor.items("com.victronenergy.system")
    assert (shown["/Dc/System/Power"], shown["/Dc/System/MeasurementType"]) == ([], 0)
    assert (await monitor.items("com.victronenergy.solarcharger.simulated"))["/Link/ChargeCurrent"] == 10.0


async def test_powers_of_several_are_added_and_both_kinds_of_signal_count(gx_bus: DBusDaemon, dvcc: Dvcc) -> None:
    one, two = (Service(gx_bus.address, f"{SYSTEM}_{each}", {"/Dc/0/Power": 100.0}) for each in (1, 2))
    await one.open()
    await two.open()
    await until(lambda: dvcc.power == 200.0)
    one.put({"/Dc/0/Power": 150.0})
    await until(lambda: dvcc.power == 250.0)
    assert two.bus is not None
    pair = {"Value": Variant("d", 50.0), "Text": Variant("s", "50W")}
    await two.bus.send(Message.new_signal("/Dc/0/Power", BUS_ITEM, "PropertiesChanged", "a{sv}", [pair]))
    await until(lambda: dvcc.power == 200.0)
    one.put({"/Dc/0/Power": None})
    await until(lambda: dvcc.power == 50.0)
    await one.close()
    await two.close()
    await until(lambda: not dvcc.measured)


async def test_nothing_is_added_to_a_limit_of_zero(gx_bus: DBusDaemon, dvcc: Dvcc) -> None:
    dvcc.charge_limit = 0.0
    system = Service(gx_bus.address, SYSTEM, {"/Dc/0/Power": 312.0})
    await system.open()
    await until(lambda: dvcc.measured and dvcc.charge_current == 0.0)
    await asyncio.sleep(5 * CYCLE_SECONDS / dvcc.speed)
    assert dvcc.charge_current == 0.0
    await system.close()


async def test_one_that_is_there_before_is_found(gx_bus: DBusDaemon) -> None:
    system = Service(gx_bus.address, SYSTEM, {"/Dc/0/Power": 312.0})
    await system.open()
    dvcc = Dvcc(gx_bus.address, speed=300.0)
    await dvcc.start()
    assert dvcc.power == 312.0
    await dvcc.close()
    await system.close()
