"""Commands on the simulated DTU's way to the inverters: queue, acknowledgement, loss, read-back, restart."""

from itertools import pairwise

import pytest

from simulators.house import House
from simulators.opendtu import InverterSpec, OpenDtuSimulator, RadioModel
from tests.simulators.opendtu_wire import CLEAR, FIRST, NIGHT, SECOND, THIRD, Client, dtu

QUIET = 3600.0
"""A poll interval that leaves the radio to the commands."""
POWER = "/api/power/config"


async def test_a_limit_is_pending_then_ok_then_works(socket_enabled: None) -> None:
    async with dtu(poll_interval=QUIET) as (sim, client):
        micro = sim.micro_inverter(FIRST)
        assert await client.limits() == {"limit_relative": 100, "max_power": 400, "limit_set_status": "Ok"}
        assert await client.limit(FIRST, 50) == {"type": "success", "message": "Settings saved!", "code": 1001}
        sim.advance(0.4)
        assert await client.limits() == {"limit_relative": 100, "max_power": 400, "limit_set_status": "Pending"}
        sim.advance(0.2)
        assert await client.limits() == {"limit_relative": 50, "max_power": 400, "limit_set_status": "Ok"}
        assert (micro.limit, micro.commanded) == (400, 200)
        sim.advance(0.8)
        assert micro.limit == 400
        sim.advance(2.2)
        assert micro.limit == 200
        sim.advance(10)
        assert micro.output == pytest.approx(200, abs=5)
        (command,) = sim.limit_commands
        assert (command.at, command.serial, command.sent) == (0, FIRST, True)
        assert command.limit is not None
        assert (command.limit.value, command.limit.relative, command.limit.persistent) == (50, True, False)


@pytest.mark.parametrize(
    ("kind", "value", "watts"),
    [(0, 120, 120), (1, 30, 120), (0, 120.06, 120.1), (1, 12.34, 49.2), (1, 250, 400), (0, 2250, 400), (1, -5, 400)],
)
async def test_watts_and_per_cent_in_the_resolution_of_the_radio(
    socket_enabled: None, kind: int, value: float, watts: float
) -> None:
    async with dtu(poll_interval=QUIET) as (sim, client):
        await client.limit(FIRST, value, kind=kind)
        sim.advance(5)
        assert sim.micro_inverter(FIRST).limit == pytest.approx(watts)


async def test_one_after_another(socket_enabled: None) -> None:
    async with dtu(poll_interval=QUIET) as (sim, client):
        for serial in (FIRST, SECOND, THIRD):
            await client.limit(serial, 40)
        seen = []
        for _ in range(4):
            seen.append([(await client.limits(serial))["limit_set_status"] for serial in (FIRST, SECOND, THIRD)])
            sim.advance(0.5)
        assert seen == [
            ["Pending", "Pending", "Pending"],
            ["Ok", "Pending", "Pending"],
            ["Ok", "Ok", "Pending"],
            ["Ok", "Ok", "Ok"],
        ]


async def test_a_newer_limit_takes_the_waiting_ones_place(socket_enabled: None) -> None:
    async with dtu(poll_interval=QUIET, firmware="v25.1.14") as (sim, client):
        for value in (80, 60, 40):
            await client.limit(FIRST, value)
        sim.advance(0.5)
        # The first was on the air already; the second never leaves the DTU.
        assert await client.limits() == {"limit_relative": 80, "max_power": 400, "limit_set_status": "Pending"}
        sim.advance(0.5)
        assert await client.limits() == {"limit_relative": 40, "max_power": 400, "limit_set_status": "Ok"}
        assert len(sim.limit_commands) == 3


async def test_old_firmware_sends_every_limit_and_is_content_with_the_first(socket_enabled: None) -> None:
    async with dtu(poll_interval=QUIET, firmware="v24.11.7") as (sim, client):
        for value in (80, 60, 40):
            await client.limit(FIRST, value)
        seen = []
        for _ in range(3):
            sim.advance(0.5)
            limits = await client.limits()
            seen.append((limits["limit_relative"], limits["limit_set_status"]))
        assert seen == [(80, "Ok"), (60, "Ok"), (40, "Ok")]


async def test_failure_after_five_sends_and_again_at_the_poll_turn(socket_enabled: None) -> None:
    async with dtu(inverters=[(FIRST, "West", 400), (SECOND, "East", 400)]) as (sim, client):
        sim.advance(10.5)
        sim.faults.set("lost_sends")
        await client.limit(FIRST, 50)
        sim.advance(9.9)
        assert (await client.limits())["limit_set_status"] == "Pending"
        sim.advance(0.2)
        assert await client.limits() == {"limit_relative": 100, "max_power": 400, "limit_set_status": "Failure"}
        assert sim.micro_inverter(FIRST).commanded == 400
        sim.faults.clear()
        sim.advance(10)
        assert await client.limits() == {"limit_relative": 50, "max_power": 400, "limit_set_status": "Ok"}
        assert sim.micro_inverter(FIRST).commanded == 200


async def test_a_failed_limit_is_sent_without_end_until_a_newer_one_replaces_it(socket_enabled: None) -> None:
    async with dtu(inverters=[(FIRST, "West", 400)]) as (sim, client):
        sim.faults.set("unreachable", 0)
        await client.limit(FIRST, 50)
        seen = set()
        for _ in range(60):
            sim.advance(2)
            seen.add((await client.limits())["limit_set_status"])
        assert seen == {"Pending", "Failure"}
        await client.limit(FIRST, 70)
        sim.faults.clear()
        sim.advance(30)
        assert (await client.limits())["limit_relative"] == 70
        assert len(sim.limit_commands) == 2


async def test_lost_acknowledgements_do_not_keep_the_inverter_from_obeying(socket_enabled: None) -> None:
    async with dtu(poll_interval=QUIET) as (sim, client):
        sim.faults.set("lost_acknowledgements", 1.0)
        await client.limit(FIRST, 25)
        sim.advance(9.9)
        assert (await client.limits())["limit_set_status"] == "Pending"
        assert sim.micro_inverter(FIRST).limit == 100
        sim.advance(0.2)
        assert await client.limits() == {"limit_relative": 100, "max_power": 400, "limit_set_status": "Failure"}
        # A repetition of what holds already writes nothing and delays nothing.
        assert sim.flash_writes[FIRST] == 0


async def test_a_share_of_the_sends_is_lost(socket_enabled: None) -> None:
    async with dtu(poll_interval=QUIET, radio=RadioModel(limit=(0.5, 0.5), limit_loss=0.3)) as (sim, client):
        took = []
        for count in range(60):
            await client.limit(FIRST, 20 + count)
            seconds = 0.0
            while (await client.limits())["limit_set_status"] == "Pending":
                sim.advance(0.1)
                seconds += 0.1
            took.append(round(seconds, 1))
        assert {round(each % 2, 1) for each in took if each < 9.5} <= {0.5, 0.6}
        first = sum(each < 1 for each in took)
        assert 30 < first < 54
        assert max(took) > 4


async def test_the_radio_of_late_2026_waits_no_longer_than_needed(socket_enabled: None) -> None:
    async with dtu(poll_interval=QUIET, firmware="v26.9.28", radio=None, seed=3) as (sim, client):
        took = []
        for count in range(10):
            await client.limit(FIRST, 20 + count)
            sim.advance(0.2)
            took.append((await client.limits())["limit_set_status"] == "Ok")
            sim.advance(12)
        assert sum(took) >= 8


async def test_polling_and_commands_share_the_radio(socket_enabled: None) -> None:
    async with dtu(inverters=[(FIRST, "West", 400), (SECOND, "East", 400)]) as (sim, client):
        sim.advance(5)
        await client.limit(FIRST, 50)
        sim.advance(0.7)
        # The statistics request was on the air when the command came: 0.4 s, then 0.5 s.
        assert (await client.limits())["limit_set_status"] == "Pending"
        sim.advance(0.3)
        assert (await client.limits())["limit_set_status"] == "Ok"


async def test_each_inverter_is_refreshed_in_its_turn(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        sim.advance(4)
        ages = []
        for _ in range(30):
            sim.advance(1)
            ages.append([each["data_age"] for each in (await client.get("/api/livedata/status"))["inverters"]])
        for index in range(3):
            column = [row[index] for row in ages]
            drops = [place for place in range(1, 30) if column[place] < column[place - 1]]
            assert all(later - earlier == 15 for earlier, later in pairwise(drops))
            assert drops
            assert max(column) <= 15


async def test_commands_that_are_off_change_nothing_and_say_success(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        sim.faults.set("commands_disabled")
        assert (await client.limit(FIRST, 50))["code"] == 1001
        assert (await client.limits())["limit_set_status"] == "Ok"
        sim.advance(60)
        assert (await client.limits())["limit_relative"] == 100
        assert sim.micro_inverter(FIRST).commanded == 400
        assert [command.sent for command in sim.limit_commands] == [False]
        sim.faults.clear()
        sim.view(FIRST).configuration.command_enable = False
        await client.limit(FIRST, 50)
        assert (await client.limits())["limit_set_status"] == "Ok"


async def test_commands_that_are_off_at_night(socket_enabled: None) -> None:
    async with dtu(NIGHT) as (sim, client):
        sim.view(FIRST).configuration.command_enable_night = False
        await client.limit(FIRST, 50)
        await client.limit(SECOND, 50)
        sim.advance(10)
        assert (await client.limits(FIRST))["limit_relative"] == 100
        assert (await client.limits(SECOND))["limit_relative"] == 50


@pytest.mark.parametrize(
    ("firmware", "on_battery", "types", "refused"),
    [
        ("v26.3.30", False, (2, 3), (256, 257)),
        ("v25.8.30", False, (256, 257), (2, 3)),
        ("2026.03.31", True, (2, 3), (256, 257)),
        ("2025.02.05", True, (256, 257), (2, 3)),
    ],
)
async def test_persistent_limits(
    socket_enabled: None, firmware: str, on_battery: bool, types: tuple[int, int], refused: tuple[int, int]
) -> None:
    async with dtu(firmware=firmware, on_battery=on_battery) as (sim, client):
        for kind in refused:
            assert (await client.limit(FIRST, 50, kind=kind))["code"] == 5003
        absolute, relative = types
        assert (await client.limit(FIRST, 100, kind=absolute))["code"] == 1001
        assert (await client.limit(SECOND, 60, kind=relative))["code"] == 1001
        await client.limit(THIRD, 60)
        sim.advance(10)
        assert sim.flash_writes == {FIRST: 1, SECOND: 1, THIRD: 0}
        await client.limit(FIRST, 90)
        sim.advance(10)
        for serial in (FIRST, SECOND, THIRD):
            await client.post(POWER, {"serial": serial, "restart": True})
        sim.advance(60)
        assert [sim.micro_inverter(each).limit for each in (FIRST, SECOND, THIRD)] == pytest.approx([100, 240, 300])


async def test_a_restart_loses_the_temporary_limit_and_the_dtu_learns_it_late(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        await client.limit(FIRST, 30)
        sim.advance(20)
        await client.post(POWER, {"serial": FIRST, "restart": True})
        sim.advance(5)
        assert (await client.get("/api/power/status"))[FIRST] == {"power_set_status": "Ok"}
        assert sim.micro_inverter(FIRST).output == 0
        sim.advance(60)
        assert sim.micro_inverter(FIRST).output > 390
        assert (await client.limits())["limit_relative"] == 30
        sim.advance(130)
        assert (await client.limits())["limit_relative"] == 30
        sim.advance(60)
        assert (await client.limits())["limit_relative"] == 100


async def test_an_inverter_that_reads_back_full_power_whatever_it_does(socket_enabled: None) -> None:
    async with dtu(inverters=[InverterSpec("114491000001", "HMS", 800, forgetful=True)]) as (sim, client):
        await client.limit("114491000001", 30)
        sim.advance(230)
        assert (await client.limits("114491000001"))["limit_relative"] == 30
        sim.advance(60)
        assert (await client.limits("114491000001"))["limit_relative"] == 100
        assert sim.micro_inverter("114491000001").limit == 240


async def test_power_off_and_on(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        await client.limit(FIRST, 50)
        await client.post(POWER, {"serial": FIRST, "power": False})
        assert (await client.get("/api/power/status"))[FIRST] == {"power_set_status": "Pending"}
        sim.advance(20)
        assert (await client.get("/api/power/status"))[FIRST] == {"power_set_status": "Ok"}
        found = await client.inverter()
        assert (found["producing"], found["reachable"], found["AC"]["0"]["Power"]["v"]) == (False, True, 0)
        events = (await client.get(f"/api/eventlog/status?inv={FIRST}"))["events"]
        assert (events[1]["message_id"], events[1]["end_time"]) == (124, 0)
        await client.post(POWER, {"serial": FIRST, "power": True})
        sim.advance(20)
        assert sim.micro_inverter(FIRST).output == pytest.approx(200, abs=5)
        events = (await client.get(f"/api/eventlog/status?inv={FIRST}"))["events"]
        assert events[1]["end_time"] > events[1]["start_time"]
        assert [command.power for command in sim.commands] == [None, False, True]


async def test_a_power_command_that_failed_is_sent_again(socket_enabled: None) -> None:
    async with dtu(inverters=[(FIRST, "West", 400)]) as (sim, client):
        sim.faults.set("lost_sends")
        await client.post(POWER, {"serial": FIRST, "power": False})
        sim.advance(12)
        sim.faults.clear()
        sim.advance(20)
        assert (await client.get("/api/power/status"))[FIRST] == {"power_set_status": "Ok"}
        assert sim.micro_inverter(FIRST).enabled is False


async def test_a_868_mhz_inverter_must_be_found_again_after_a_restart(socket_enabled: None) -> None:
    serial = "114491000001"
    async with dtu(inverters=[(serial, "HMS", 800)]) as (sim, client):
        sim.advance(10)
        await client.post(POWER, {"serial": serial, "restart": True})
        sim.advance(28)
        assert not (await client.inverter(serial))["reachable"]
        sim.advance(80)
        assert (await client.inverter(serial))["reachable"]


async def test_the_restart_of_the_dtu_leaves_the_inverters_alone(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        await client.limit(FIRST, 30)
        sim.advance(10)
        await client.limit(SECOND, 30)
        sim.reboot(8)
        sim.advance(60)
        assert sim.micro_inverter(FIRST).limit == 120
        # The queue is forgotten with everything else.
        assert sim.micro_inverter(SECOND).limit == 400
        assert (await client.limits(SECOND))["limit_set_status"] == "Ok"
        sim.advance(220)
        assert (await client.limits(FIRST))["limit_relative"] == 30


async def test_two_hours_at_speed_follow_the_houses_clock(socket_enabled: None) -> None:
    seconds = 0.0
    house = House(1, speed=60, clock=lambda: seconds)
    async with OpenDtuSimulator(house=house, pace=0.0, radio=CLEAR) as sim:
        import aiohttp

        async with aiohttp.ClientSession() as session:
            client = Client(session, await sim.listen())
            await client.limit(FIRST, 25)
            seconds += 0.005
            assert (await client.limits())["limit_set_status"] == "Pending"
            seconds += 0.01
            assert (await client.limits())["limit_set_status"] == "Ok"
            seconds += 120
            found = await client.inverter()
            assert found["data_age_ms"] < 16_000
            assert found["AC"]["0"]["Power"]["v"] == pytest.approx(100, abs=4)
            assert found["limit_relative"] == 25
            assert (await client.get("/api/system/status"))["uptime"] == pytest.approx(86_400 + 7200, abs=2)
            assert house.elapsed == pytest.approx(7200.9, abs=0.2)


async def test_the_same_seed_makes_the_same_radio(socket_enabled: None) -> None:
    async def outcome(seed: int) -> list[float]:
        async with dtu(radio=RadioModel(limit_loss=0.4), seed=seed) as (sim, client):
            found = []
            for count in range(12):
                await client.limit(FIRST, 20 + count)
                sim.advance(9)
                found.append((await client.limits())["limit_relative"] + sim.view(FIRST).failures)
            return found

    assert await outcome(5) == await outcome(5) != await outcome(6)
