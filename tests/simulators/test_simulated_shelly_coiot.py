"""CoIoT of the simulated meters of generation 1: frames, descriptions, requests and pushes."""

import asyncio
from typing import Any

import pytest

from simulators.shelly_em import ShellySimulator
from simulators.shelly_em.coiot import asked_path, frame
from tests.simulators.shelly_wire import Listener, get, listener, meter, taken_apart

pytestmark = pytest.mark.usefixtures("socket_enabled")

ASK_STATUS = bytes.fromhex("5001000AB36369740173FF00")
ASK_DESCRIPTION = bytes.fromhex("5001000AB36369740164FF00")
EXAMPLE = bytes.fromhex(
    "501e0007ed0bf706" + b"SHEM#E868E7000001#2".hex() + "d2439600820007ff" + b'{"G": [[0, 4105, -124.5]]}'.hex()
)
"""The worked example of the reference (section 3)."""


def test_the_worked_example() -> None:
    made = frame("SHEM#E868E7000001#2", message_id=7, serial=7, payload=b'{"G": [[0, 4105, -124.5]]}')
    assert made == EXAMPLE
    found = taken_apart(made)
    assert (found.code, found.serial, found.value(4105)) == (30, 7, -124.5)


def test_requests_are_told_from_everything_else() -> None:
    assert asked_path(ASK_STATUS) == "cit/s"
    assert asked_path(ASK_DESCRIPTION) == "cit/d"
    for noise in (b"", b"\x50\x01", EXAMPLE, b"\x90\x01\x00\x01\xb1a", b"\x50\x01\x00\x01\xe1aa"):
        assert asked_path(noise) is None
    assert asked_path(b"\x50\x01\x00\x01\xb9a") == "a", "an option that is cut short"


async def ask(sim: ShellySimulator, request: bytes) -> Any:
    async with listener() as (udp, _):
        assert udp.transport is not None
        udp.transport.sendto(request, ("127.0.0.1", sim.coiot_port))
        return taken_apart(await udp.next())


@pytest.mark.parametrize(
    ("code", "firmware", "numbers"),
    [
        ("SHEM", "1.14.0", {4105, 4106, 4107, 4108, 4110, 4205, 4206, 4207, 4208, 4210}),
        ("SHEM", "1.10.4", {4105, 4106, 4107, 4108, 4205, 4206, 4207, 4208}),
        ("SHEM-3", "1.14.0", {hundred + digit for hundred in (4100, 4200, 4300) for digit in range(5, 11)}),
    ],
)
async def test_description_and_status(code: str, firmware: str, numbers: set[int]) -> None:
    async with meter(code, firmware=firmware) as (sim, client):
        description, status = await get(client, "/cit/d"), await get(client, "/cit/s")
        assert {sensor["I"] for sensor in description["sen"]} == {9103, 1101, 6102} | numbers
        assert [number for _, number, _ in status["G"]] == [9103, 1101, 6102, *sorted(numbers)]
        blocks = {block["I"]: block["D"] for block in description["blk"]}
        places = {sensor["I"]: blocks[sensor["L"]] for sensor in description["sen"]}
        assert places[1101] == places[6102] == "relay_0"
        assert all(places[number] == f"emeter_{number // 100 - 41}" for number in numbers)
        assert places[9103] == "device"
        answer = await ask(sim, ASK_STATUS)
        assert (answer.code, answer.message_id, answer.content) == (69, 10, status)
        assert answer.options[3332] == f"{code}#AABBCC000001#2".encode()
        assert (await ask(sim, ASK_DESCRIPTION)).content == description
        first = (await get(client, "/status"))["emeters"][0]
        assert answer.value(4105) == first["power"]
        assert answer.value(4106) == first["total"]


async def pushes(sim: ShellySimulator, udp: Listener, seconds: float) -> list[Any]:
    """Return what is pushed in that time; what a client asks for afterwards marks its end."""
    sim.advance(seconds)
    assert udp.transport is not None
    udp.transport.sendto(ASK_STATUS, ("127.0.0.1", sim.coiot_port))
    found = []
    while (datagram := taken_apart(await udp.next())).code == 30:
        found.append(datagram)
    return found


async def test_a_change_is_pushed_within_a_second_to_the_peer() -> None:
    async with listener() as (udp, port), meter("SHEM", coiot_peer=f"127.0.0.1:{port}") as (sim, client):
        await pushes(sim, udp, 5)
        assert (await get(client, "/settings"))["coiot"]["peer"] == f"127.0.0.1:{port}"
        sim.house.extra_load = 1234.0
        found = await pushes(sim, udp, 4)
        assert found[-1].value(4105) == round(sim.house.grid_power_mean(1.0), 2)
        assert len({push.serial for push in found}) == len(found)
        numbers = [push.message_id for push in found]
        assert numbers == list(range(numbers[0], numbers[0] + len(found)))
        sim.relay.switch(True, "http")
        assert (await pushes(sim, udp, 2))[-1].value(1101) == 1


async def test_without_a_change_all_is_pushed_every_fifteen_seconds() -> None:
    async with listener() as (udp, port), meter("SHEM", coiot_peer=f"127.0.0.1:{port}") as (sim, _):
        # Without the grid nothing changes.
        sim.house.grid.connected = False
        await pushes(sim, udp, 30)
        found = await pushes(sim, udp, 60)
        assert len(found) == 4
        assert len({push.serial for push in found}) == 1


async def test_slow_pushes_and_silence() -> None:
    async with listener() as (udp, port), meter("SHEM", coiot_peer=f"127.0.0.1:{port}") as (sim, _):
        sim.faults.set("slow_push", 15)
        await pushes(sim, udp, 20)
        assert len(await pushes(sim, udp, 60)) == 4
        sim.faults.set("silence")
        sim.advance(60)
        sim.faults.clear()
        assert len(await pushes(sim, udp, 1)) == 1


async def test_invalid_readings_are_null() -> None:
    async with meter("SHEM") as (sim, _):
        sim.faults.set("invalid", count=1)
        assert (await ask(sim, ASK_STATUS)).value(4105) is None
        assert (await ask(sim, ASK_STATUS)).value(4105) > 0


async def test_no_push_without_a_peer_or_when_switched_off() -> None:
    async with listener() as (udp, port), meter("SHEM") as (sim, client):
        assert await pushes(sim, udp, 60) == []
        await get(client, f"/settings/advanced?coiot_enable=true&coiot_peer=127.0.0.1%3A{port}")
        assert await pushes(sim, udp, 20)
        await get(client, "/settings/advanced?coiot_enable=false")
        sim.advance(60)
        assert udp.transport is not None
        udp.transport.sendto(ASK_STATUS, ("127.0.0.1", sim.coiot_port))
        await get(client, "/cit/s")
        await asyncio.sleep(0)
        assert udp.arrived.empty()
