"""The SCOM watchdogs: no write and no pause of ours lets a unit stop."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from custom_components.local_solar.solarlink.errors import PauseRefusedError, WatchdogArmedError
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.points import Ref
from custom_components.local_solar.solarlink.studer.client import StuderClient
from simulators.studer import StuderSimulator

from .conftest import PATIENT, MakeClient, MakeSim

HOST = "127.0.0.1"
VOLTAGE = Ref("xt1", "battery_voltage")
BOOST = Ref("xt1", "smart_boost_limit")
BOOST_2 = Ref("xt2", "smart_boost_limit")
NEW_CYCLE = Ref("xt1", "force_new_cycle")
QUICK = replace(PATIENT, feeds=2000.0)
"""A watchdog with a delay of 60 s is fed every 30 ms."""


def arm(sim: StuderSimulator, address: int = 101, seconds: float = 60.0) -> None:
    switch, delay = {1: (1628, 1629), 3: (10342, 10343), 7: (14218, 14219), 5: (5095, 5096)}[address // 100]
    sim.set_flash(address, switch, 1)
    sim.set_flash(address, delay, seconds)


async def connected(
    sim: StuderSimulator, make_client: MakeClient, journal: Journal | None = None, **options: object
) -> StuderClient:
    client = make_client(TcpWire(HOST, await sim.listen()), QUICK, journal, **options)
    await client.identify()
    sim.requests.clear()
    return client


def written(sim: StuderSimulator) -> list[tuple[int, int, int]]:
    """Address, number and property of all writes."""
    return [(r.destination, r.object_id, r.property_id) for r in sim.requests if r.service == "write"]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def more(count: Callable[[], int]) -> None:
    """Wait until two more have come: the second was sent after this call."""
    before = count()
    await until(lambda: count() > before + 1)


async def test_what_is_on_is_found_and_told(make_sim: MakeSim, make_client: MakeClient) -> None:
    sim = make_sim(variotracks=1)
    for address, seconds in ((101, 60.0), (301, 30.0), (702, 300.0), (501, 120.0)):
        arm(sim, address, seconds)
    client = await connected(sim, make_client)
    facts = client.installation.facts
    serials = {unit.id: unit.serial for unit in client.installation.units}
    assert facts["watchdogs"] == {
        serials["xt1"]: [60.0, False],
        serials["vt1"]: [30.0, False],
        serials["vs2"]: [300.0, False],
    }
    assert facts["scom_watchdog"] == 120.0
    assert client.troubles == {"watchdog_armed": {"units": "Xtender 1, VarioTrack 1, VarioString 2"}}


async def test_none_is_on_and_nothing_is_in_the_way(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client)
    assert (client.installation.facts["watchdogs"], client.installation.facts["scom_watchdog"]) == ({}, 0.0)
    assert client.troubles == {}
    assert client.pause_objection() is None
    client.check_pause()


@pytest.mark.parametrize("ref", [BOOST, NEW_CYCLE])
async def test_a_write_that_would_stop_the_unit_is_refused(
    ref: Ref, sim: StuderSimulator, make_client: MakeClient
) -> None:
    arm(sim)
    client = await connected(sim, make_client)
    with pytest.raises(
        WatchdogArmedError, match="watchdog of Xtender 1 is on, so the device would stop and reset 60 s"
    ):
        await client.write(ref, 20 if ref is BOOST else True)
    assert written(sim) == []
    # Another unit has a timer of its own, and flash starts none.
    await client.write(BOOST_2, 20)
    await client.write(BOOST, 20, permanent=True)
    sim.house.advance(3600)
    assert sim.stops == []


async def test_where_writes_are_not_saved_every_write_would_stop_the_unit(
    sim: StuderSimulator, make_client: MakeClient
) -> None:
    arm(sim)
    sim.set_flash(101, 1550, 0)
    client = await connected(sim, make_client)
    with pytest.raises(WatchdogArmedError):
        await client.write(BOOST, 20, permanent=True)
    assert written(sim) == []


@pytest.mark.parametrize("ref", [BOOST, NEW_CYCLE])
async def test_a_unit_that_was_written_to_is_kept_alive_if_the_owner_wants_it(
    ref: Ref, sim: StuderSimulator, make_client: MakeClient
) -> None:
    arm(sim)
    client = await connected(sim, make_client, keep_watchdogs_alive=True)
    assert client.troubles == {}
    await client.write(ref, 20 if ref is BOOST else True)
    for _ in range(20):
        # Ten minutes, in steps that are half as long as the delay.
        await more(lambda: len(written(sim)))
        sim.house.advance(30)
    assert sim.stops == []
    # What is repeated changes nothing: the value itself, or the delay of the watchdog after a command.
    assert set(written(sim)[1:]) == {(101, 1607 if ref is BOOST else 1629, 13)}
    assert sim.effective(101, 1629) == 60.0
    assert not sim.flash_writes
    await client.close()
    sim.house.advance(61)
    sim.gateway.tick()
    assert [stop.address for stop in sim.stops] == [101]


async def test_a_lost_feeding_is_repeated_soon(sim: StuderSimulator, make_client: MakeClient) -> None:
    arm(sim)
    client = await connected(sim, make_client, keep_watchdogs_alive=True)
    await client.write(BOOST, 20)
    sim.faults.set("refused", 0x2B)
    before = len(written(sim))
    await until(lambda: len(written(sim)) > before)
    sim.faults.clear()
    client._watchdogs._fed[101].due = 0.0
    client._watchdogs._wake.set()
    before = len(written(sim))
    await until(lambda: len(written(sim)) > before)
    assert any("watchdog of Xtender 1 not fed" in record.note for record in client.trace)


async def test_feeding_goes_on_after_a_restart_of_the_program(sim: StuderSimulator, make_client: MakeClient) -> None:
    arm(sim)
    first = await connected(sim, make_client, keep_watchdogs_alive=True)
    await first.write(BOOST, 20)
    await first.close()
    second = await connected(sim, make_client, first.journal, keep_watchdogs_alive=True)
    await second.read([VOLTAGE])
    await until(lambda: len(written(sim)) > 2)
    assert set(written(sim)) == {(101, 1629, 13)}


async def test_a_unit_that_has_restarted_needs_no_feeding(sim: StuderSimulator, make_client: MakeClient) -> None:
    arm(sim)
    client = await connected(sim, make_client, keep_watchdogs_alive=True)
    await client.write(BOOST, 20)
    sim.restart(101)
    await client.read([VOLTAGE])
    assert client._watchdogs._fed == {}
    before = len(written(sim))
    await client.read([VOLTAGE])
    assert len(written(sim)) == before


async def test_a_pause_that_would_reset_the_gateway_is_refused(sim: StuderSimulator, make_client: MakeClient) -> None:
    arm(sim, 501, 90.0)
    client = await connected(sim, make_client)
    assert isinstance(client.pause_objection(), PauseRefusedError)
    with pytest.raises(PauseRefusedError, match="would reset it after 90 s without a request"):
        client.check_pause()


async def test_the_gateway_is_kept_awake_between_polls_that_are_far_apart(
    sim: StuderSimulator, make_client: MakeClient
) -> None:
    arm(sim, 501, 60.0)
    client = await connected(sim, make_client)
    await client.read([VOLTAGE])
    for _ in range(10):
        await more(lambda: len(sim.requests))
        sim.house.advance(30)
    assert sim.stops == []
    assert written(sim) == []


async def test_a_watchdog_is_switched_off_for_good_and_settings_are_free_again(
    sim: StuderSimulator, make_client: MakeClient
) -> None:
    arm(sim)
    client = await connected(sim, make_client)
    unit = client.installation.unit("xt1")
    assert unit is not None
    await client.write_any(unit, "1628", "off", confirmed=True)
    assert written(sim) == [(101, 1628, 5)]
    assert client.troubles == {}
    await client.write(BOOST, 20)
    assert sim.ram == {(101, 1607): 20.0}


async def test_a_watchdog_that_is_switched_on_later_is_noticed(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = make_client(TcpWire(HOST, await sim.listen()), replace(QUICK, patrol=0.0))
    await client.identify()
    arm(sim, 102)
    for _ in range(20):
        await client.read([VOLTAGE])
    assert client.troubles == {"watchdog_armed": {"units": "Xtender 2"}}
    with pytest.raises(WatchdogArmedError):
        await client.write(BOOST_2, 20)


async def test_closing_leaves_no_task(sim: StuderSimulator, make_client: MakeClient) -> None:
    arm(sim)
    arm(sim, 501)
    client = await connected(sim, make_client, keep_watchdogs_alive=True)
    before = asyncio.all_tasks()
    await client.write(BOOST, 20)
    await client.read([VOLTAGE])
    assert len(asyncio.all_tasks() - before) == 1
    await client.close()
    assert asyncio.all_tasks() - before == set()
