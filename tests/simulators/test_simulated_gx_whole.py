"""The whole simulated GX: what its bus is told of DC systems decides what the chargers of the house may deliver."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from simulators.cli import main
from simulators.house import House
from simulators.micro_inverters import EFFICIENCY, MicroInverter
from simulators.registry import FAMILIES, OnBus
from simulators.victron_gx import WholeGx, dbus_daemon
from simulators.victron_gx.dbus_daemon import DBusDaemon
from simulators.victron_gx.items import Service
from tests.library.dbus_daemon import Monitor, gx_bus, until

__all__ = ["gx_bus"]

ROOT = Path(__file__).parents[2]
CCL = 20.0
DRAW = 312.0
SYSTEM = "com.victronenergy.dcsystem.test"
CHARGER = "com.victronenergy.solarcharger.simulated"


@asynccontextmanager
async def whole() -> AsyncIterator[WholeGx]:
    """A GX in a sunny house whose battery takes 20 A, with micro-inverters that draw 312 W."""
    # Time passes only when told; the speed is that of DVCC.
    house = House(seed=1, speed=300.0, clock=lambda: 0.0)
    house.settings.inverter_allowed = False
    house.battery.soc = 55.0
    house.micro_inverters.append(MicroInverter(rated=DRAW * EFFICIENCY))
    async with WholeGx(house=house, pace=0.0) as gx:
        house.settings.battery_charge_current = CCL
        gx.charge_current_limit = CCL
        yield gx


def charging(gx: WholeGx) -> float:
    """Mean charge current of the battery over a while, A."""
    gx.advance(120.0)
    return -gx.house.battery.current


async def test_chargers_throttle_for_what_nobody_tells(gx_bus: DBusDaemon) -> None:
    async with whole() as gx:
        volts = gx.house.battery.voltage
        assert charging(gx) == pytest.approx(CCL - DRAW / volts, abs=0.8)
        assert gx.system.value("/Dc/System/Power") == 0
        # A bus with nothing on it changes nothing.
        await gx.listen_bus(port=0)
        assert charging(gx) == pytest.approx(CCL - DRAW / volts, abs=0.8)


async def test_chargers_deliver_what_a_dc_system_says(gx_bus: DBusDaemon) -> None:
    async with whole() as gx:
        await gx.listen_bus(port=0)
        assert gx.daemon is not None
        system = Service(gx.daemon.address, SYSTEM, {"/Dc/0/Power": DRAW})
        monitor = await Monitor().open(gx.daemon)
        await system.open()
        try:
            charging(gx)
            expected = CCL + DRAW / gx.house.battery.voltage
            async with asyncio.timeout(10):
                while abs((await monitor.items(CHARGER))["/Link/ChargeCurrent"] - expected) > 0.2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert charging(gx) == pytest.approx(CCL, abs=0.8)
            assert gx.system.value("/Dc/System/Power") == DRAW
            # What has left the bus is known no more.
            await system.close()
            await until(lambda: gx.system.value("/Dc/System/Power") == 0)
            assert charging(gx) < CCL - 4
        finally:
            await monitor.close()
            await system.close()


async def test_more_than_they_draw_would_overcharge_the_battery(gx_bus: DBusDaemon) -> None:
    """Why a power that is counted twice matters."""
    async with whole() as gx:
        await gx.listen_bus(port=0)
        assert gx.daemon is not None
        twice = [Service(gx.daemon.address, f"{SYSTEM}{number}", {"/Dc/0/Power": DRAW}) for number in (1, 2)]
        for service in twice:
            await service.open()
        await until(lambda: gx.dvcc is not None and gx.dvcc.charge_current > CCL + 11)
        assert charging(gx) > CCL + 4
        for service in twice:
            await service.close()


async def test_restart_takes_the_bus_away_too(gx_bus: DBusDaemon) -> None:
    async with whole() as gx:
        await gx.listen_bus(port=0)
        assert gx.daemon is not None
        gx.settings_stored["/Settings/Devices/x/ClassAndVrmInstance"] = "dcload:41"
        monitor = await Monitor().open(gx.daemon)
        gx.faults.set("restart", 60.0)
        await until(lambda: not monitor.bus.connected)
        await monitor.close()
        await until(lambda: gx.dvcc is not None)
        again = await Monitor().open(gx.daemon)
        assert "com.victronenergy.settings" in await again.names()
        assert gx.settings_stored["/Settings/Devices/x/ClassAndVrmInstance"] == "dcload:41"
        await again.close()


async def test_end_gives_the_house_back(gx_bus: DBusDaemon) -> None:
    async with whole() as gx:
        await gx.listen_bus(port=0)
    assert gx.house.allowed_for_micro is None
    gx.house.advance(120.0)
    assert -gx.house.battery.current == pytest.approx(CCL, abs=0.8)


# The command line


async def test_command_line_tells_where_the_bus_is(gx_bus: DBusDaemon) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", "victron_gx", "--listen", "127.0.0.1:0", "--dbus", "127.0.0.1:0"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = [(await asyncio.wait_for(process.stdout.readline(), 20)).decode() for _ in range(2)]
    assert lines[0].startswith("victron_gx tcp://127.0.0.1:")
    assert lines[1].startswith("victron_gx dbus://127.0.0.1:")
    bus = DBusDaemon(port=int(lines[1].rpartition(":")[2]))
    monitor = await Monitor().open(bus)
    assert CHARGER in await monitor.names()
    await monitor.close()
    process.send_signal(signal.SIGINT)
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, errors) == (0, b"")


def test_bus_that_was_asked_for_and_cannot_be_had(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dbus_daemon, "find_daemon", lambda: None)
    assert main(["victron_gx", "--listen", "127.0.0.1:0", "--dbus", "127.0.0.1:0"]) == 3
    assert "package is called dbus" in capsys.readouterr().err


def test_bad_address_of_the_bus(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["victron_gx", "--dbus", "nowhere"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_only_the_gx_has_a_bus() -> None:
    house = House(seed=1, speed=0)
    on_bus = [name for name, family in FAMILIES.items() if isinstance(family.build(house, 0.0), OnBus)]
    assert on_bus == ["victron_gx"]
