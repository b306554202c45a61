"""Watchdogs that stop a unit or reset the gateway, what a stop costs, and the counters of the flash."""

import asyncio

import pytest

from simulators.house import House
from simulators.studer import StuderSimulator
from tests.simulators.conftest import Installation
from tests.simulators.scom import MESSAGE, READ, ask, f32, i32, info, read, request, write
from tests.simulators.wire import connect

UNITS = [(101, 1628, 1629, 1107, 20), (301, 10342, 10343, 10002, 40), (701, 14218, 14219, 14001, 50)]
"""Address, switch, delay, and something to write."""


@pytest.mark.parametrize(("address", "switch", "delay", "number", "value"), UNITS)
async def test_one_write_into_ram_and_no_further_one_stops_the_unit(
    installation: Installation, address: int, switch: int, delay: int, number: int, value: float
) -> None:
    sim, client = await installation(variotracks=1)
    await write(client, address, switch, b"\x01", 5)
    await write(client, address, delay, f32(30), 5)
    sim.house.advance(600)
    assert sim.stops == []
    before = sim.house.now
    await write(client, address, number, f32(value))
    assert sim.effective(address, number) == value
    sim.house.advance(28)
    assert sim.stops == []
    sim.house.advance(2)
    (stop,) = sim.stops
    assert (stop.address, stop.reason, (stop.when - before).total_seconds()) == (address, "watchdog", 30)
    assert stop.fid == sim.gateway.installation.units[address].identity.fid
    assert sim.ram == {}
    assert (await info(client, address, {101: 3000, 301: 11000, 701: 15000}[address])).code == 0x03
    assert (await write(client, address, number, f32(value))).code == 0x03
    sim.house.advance(10)
    answer = await read(client, address, number)
    assert answer.value == sim.flash(address, number) != value
    assert answer.flags & 2
    sim.house.advance(600)
    assert len(sim.stops) == 1


async def test_writes_in_time_keep_it_running(installation: Installation) -> None:
    sim, client = await installation()
    sim.set_flash(101, 1628, 1)
    for _ in range(20):
        await write(client, 101, 1607, f32(20))
        sim.house.advance(50)
    assert sim.stops == []
    # A refused write reaches nothing, and one to another unit is not for this one.
    await write(client, 101, 1607, f32(150))
    await write(client, 102, 1607, f32(50))
    sim.house.advance(10)
    assert [stop.address for stop in sim.stops] == [101]


async def test_a_write_that_is_saved_arms_nothing(installation: Installation) -> None:
    sim, client = await installation()
    sim.set_flash(101, 1628, 1)
    await write(client, 101, 1107, f32(20), 5)
    sim.house.advance(600)
    assert sim.stops == []
    sim.set_flash(101, 1550, 0)
    await write(client, 101, 1107, f32(22), 5)
    sim.house.advance(60)
    assert [stop.address for stop in sim.stops] == [101]


async def test_switching_it_off_disarms(installation: Installation) -> None:
    sim, client = await installation()
    sim.set_flash(101, 1628, 1)
    await write(client, 101, 1607, f32(20))
    assert list(sim.gateway.watchdogs.armed) == [101]
    await write(client, 101, 1628, b"\x00", 5)
    assert sim.gateway.watchdogs.armed == {}


async def test_every_unit_has_its_own_timer(installation: Installation) -> None:
    sim, client = await installation(xtenders=3)
    for address in (101, 102, 103):
        sim.set_flash(address, 1628, 1)
    await write(client, 100, 1607, f32(20))
    sim.house.advance(40)
    await write(client, 102, 1607, f32(20))
    sim.house.advance(30)
    assert [stop.address for stop in sim.stops] == [101, 103]


async def test_a_stopped_xtender_is_missing_in_the_house(installation: Installation) -> None:
    sim, client = await installation(xtenders=1)
    allowed = [sim.house.settings.inverter_allowed]
    sim.stop_unit(101)
    allowed.append(sim.house.settings.inverter_allowed)
    sim.house.advance(10)
    allowed.append(sim.house.settings.inverter_allowed)
    assert allowed == [True, False, True]
    message = await ask(client, request(501, READ, MESSAGE, 0, 0))
    assert int.from_bytes(message.data[4:6], "little") == 177
    assert int.from_bytes(message.data[6:10], "little") == 101


async def test_the_gateways_watchdog_resets_it(installation: Installation) -> None:
    sim, client = await installation()
    await write(client, 501, 5096, f32(20), 5)
    await write(client, 501, 5006, f32(70))
    assert (await write(client, 501, 5095, b"\x01", 5)).flags & 2 == 0
    for _ in range(10):
        sim.house.advance(18)
        assert not (await info(client, 101, 3000)).error
    assert sim.stops == []
    sim.house.advance(20)
    assert [(stop.address, stop.reason) for stop in sim.stops] == [(501, "watchdog")]
    assert await client.ask(request(101, READ, 1, 3000, 1)) == b""
    sim.house.advance(10)
    answer = await info(client, 101, 3000)
    assert answer.flags & 3 == 3
    assert sim.effective(501, 5006) == 50
    message = await ask(client, request(501, READ, MESSAGE, 0, 0))
    assert int.from_bytes(message.data[4:6], "little") == 216
    sim.house.advance(600)
    assert len(sim.stops) > 5


async def test_the_portals_requests_feed_the_gateways_watchdog(installation: Installation) -> None:
    sim, _ = await installation()
    sim.set_flash(501, 5095, 1)
    for _ in range(5):
        sim.house.advance(50)
        await sim.portal_request()
    assert sim.stops == []


async def test_switching_off_the_hardware_watchdog_restarts_the_gateway(installation: Installation) -> None:
    sim, client = await installation()
    await write(client, 501, 5103, b"\x01", 5)
    await write(client, 501, 5103, b"\x00", 5)
    assert [stop.reason for stop in sim.stops] == ["hardware watchdog"]
    assert await client.ask(request(101, READ, 1, 3000, 1)) == b""


async def test_only_permanent_writes_wear_the_flash(installation: Installation) -> None:
    sim, client = await installation()
    for minute in range(2000):
        await write(client, 101, 1607, f32(5 * (minute % 20)))
    assert sim.flash_writes.total() == 0
    for value in (10, 15, 20):
        await write(client, 100, 1607, f32(value), 5)
    await write(client, 101, 1142, i32(1), 5)
    assert sim.flash_writes == {(101, 1607): 3, (102, 1607): 3}


async def test_watchdogs_run_by_themselves_in_compressed_time(socket_enabled: None) -> None:
    async with (
        StuderSimulator(house=House(seed=1, speed=600), pace=0.0) as sim,
        connect(await sim.listen()) as client,
    ):
        sim.set_flash(101, 1628, 1)
        await write(client, 101, 1607, f32(20))
        for _ in range(500):
            if sim.stops:
                break
            await asyncio.sleep(0.02)
        assert [stop.reason for stop in sim.stops] == ["watchdog"]
