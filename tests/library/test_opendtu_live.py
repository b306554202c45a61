"""What a controller gets of a simulated DTU: pictures as fast as they come, and limits that are set at once."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from custom_components.local_solar.solarlink.errors import (
    NotWritableError,
    UnknownPointError,
    ValueKindError,
    ValueRangeError,
)
from custom_components.local_solar.solarlink.live import GatewayPicture, InverterPicture, LimitStatus
from custom_components.local_solar.solarlink.opendtu.client import OpenDtuClient
from custom_components.local_solar.solarlink.points import Ref
from simulators.opendtu import InverterSpec, OpenDtuSimulator

from .opendtu_rig import FAST, FIRST, HASTY, SECOND, THIRD, Rig, until, value

pytestmark = pytest.mark.usefixtures("socket_enabled")

QUICK = 20.0


class Follower:
    """Keeps the pictures of one client."""

    def __init__(self, client: OpenDtuClient) -> None:
        self.pictures: list[GatewayPicture] = []
        self.unfollow = client.follow_inverters(self.pictures.append)

    async def picture(self) -> GatewayPicture:
        """The next picture."""
        count = len(self.pictures)
        await until(lambda: len(self.pictures) > count)
        return self.pictures[-1]

    async def of(self, serial: str) -> InverterPicture:
        """The next picture of an inverter."""
        return inverter(await self.picture(), serial)

    async def acknowledged(self, serial: str, number: int) -> InverterPicture:
        """The first picture that says that a command was confirmed."""
        await until(lambda: bool(self.pictures) and inverter(self.pictures[-1], serial).acknowledged >= number)
        return inverter(self.pictures[-1], serial)

    async def refused(self, serial: str, number: int) -> InverterPicture:
        """The first picture that says that a command was not taken."""
        await until(lambda: bool(self.pictures) and inverter(self.pictures[-1], serial).refused >= number)
        return inverter(self.pictures[-1], serial)


def inverter(picture: GatewayPicture, serial: str) -> InverterPicture:
    return next(each for each in picture.inverters if each.serial == serial)


def limits(sim: OpenDtuSimulator) -> Sequence[tuple[str, float]]:
    return [(command.serial, command.limit.value) for command in sim.limit_commands if command.limit]


@pytest.mark.parametrize("firmware", ["v24.1.26", "v24.2.12", "v26.3.30"])
@pytest.mark.parametrize("websocket", [False, True])
async def test_pictures(firmware: str, websocket: bool) -> None:
    async with Rig() as rig:
        sim, client = await rig.known(firmware, speed=QUICK, websocket=websocket)
        follower = Follower(client)
        picture = await follower.picture()
        assert (picture.boots, picture.poll_interval, picture.clock_set) == (0, 5.0, True)
        assert picture.uptime == pytest.approx(86400, abs=60)
        assert [each.serial for each in picture.inverters] == [FIRST, SECOND, THIRD]
        first = inverter(picture, FIRST)
        assert (first.name, first.rated_power, first.limit) == ("Battery west", 400.0, 100.0)
        assert first.limit_status is LimitStatus.OK
        assert first.power == pytest.approx(sim.micro_inverter(FIRST).output, rel=0.05)
        assert first.dc_power == pytest.approx((first.power or 0) / 0.94, rel=0.01)
        assert first.dc_current is not None
        assert first.ac_voltage == pytest.approx(230, abs=10)
        assert first.energy == pytest.approx(250, abs=0.1)
        assert (first.inputs, first.slow, first.governed, first.reports_full_limit) == (1, False, False, False)
        assert (first.reachable, first.producing, first.poll_enabled, first.commands_enabled) == (True,) * 4
        assert (first.accepted, first.acknowledged, first.refused) == (0, 0, 0)
        follower.unfollow()
        follower.unfollow()


async def test_samples_move_on_only_with_the_inverter() -> None:
    async with Rig() as rig:
        _, client = await rig.known(speed=QUICK)
        follower = Follower(client)
        times: list[float] = []
        samples: list[float] = []
        async with asyncio.timeout(30):
            while len(samples) < 3:
                times.append(inverter(await follower.picture(), FIRST).sampled_at)
                # Every 15 s of the house, which are 0.75 s.
                if not samples or times[-1] - samples[-1] > 0.5:
                    samples.append(times[-1])
        # An answer that was late lets a sample seem newer than it is.
        assert all(later > earlier - 0.3 for earlier, later in pairwise(times))
        assert len(set(times)) < len(times), "the same sample is told more than once"


async def test_a_limit_from_request_to_confirmation() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK)
        follower = Follower(client)
        await follower.picture()
        number = client.request_limit(FIRST, 30.0)
        told = await follower.acknowledged(FIRST, number)
        assert (told.accepted, told.acknowledged, told.refused, told.limit) == (number, number, 0, 30.0)
        course = [inverter(each, FIRST) for each in follower.pictures]
        assert [each.acknowledged for each in course] == sorted(each.acknowledged for each in course)
        assert any(each.accepted == number and each.acknowledged == 0 for each in course)
        assert limits(sim) == [(FIRST, 30.0)]
        async with asyncio.timeout(10):
            while ((await follower.of(FIRST)).power or 0) > 130:
                pass
        assert inverter(follower.pictures[-1], SECOND).acknowledged == 0


async def test_a_newer_command_replaces_one_that_was_not_sent() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK)
        follower = Follower(client)
        for percent in (90.0, 80.0, 70.0):
            client.request_limit(FIRST, percent)
        other = client.request_limit(SECOND, 60.0)
        number = client.request_limit(FIRST, 50.0)
        told = await follower.acknowledged(FIRST, number)
        await follower.acknowledged(SECOND, other)
        assert told.limit == 50.0
        assert sorted(limits(sim)) == [(FIRST, 50.0), (SECOND, 60.0)]


async def test_commands_never_overlap() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK, pace=0.2)
        follower = Follower(client)
        numbers = {}
        for percent in range(40, 60, 5):
            for serial in (FIRST, SECOND, THIRD):
                numbers[serial] = client.request_limit(serial, percent)
            await asyncio.sleep(0.05)
        for serial, number in numbers.items():
            assert (await follower.acknowledged(serial, number)).limit == 55.0
        assert sim.max_concurrent_posts == 1
        assert sim.max_concurrent_requests == 1


async def test_a_controller_and_a_person_never_overlap_either() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK, pace=0.2)
        follower = Follower(client)
        number = client.request_limit(FIRST, 40.0)
        await asyncio.gather(
            client.write(Ref(SECOND, "limit_relative"), 60.0), client.set_power(THIRD, False), follower.picture()
        )
        await follower.acknowledged(FIRST, number)
        assert sim.max_concurrent_posts == 1


async def test_what_cannot_be_requested() -> None:
    async with Rig() as rig:
        sim, client = await rig.known()
        with pytest.raises(RuntimeError):
            client.request_limit(FIRST, 50.0)
        follower = Follower(client)
        wrong: list[tuple[Any, Any, type[Exception]]] = [
            ("999999999999", 50.0, UnknownPointError),
            ("dtu", 50.0, UnknownPointError),
            (FIRST, 101.0, ValueRangeError),
            (FIRST, -1.0, ValueRangeError),
            (FIRST, "50", ValueKindError),
        ]
        for serial, percent, error in wrong:
            with pytest.raises(error):
                client.request_limit(serial, percent)
        await follower.picture()
        assert limits(sim) == []


async def test_without_a_password_it_can_only_be_watched() -> None:
    async with Rig() as rig:
        _, client = await rig.known(password="")
        follower = Follower(client)
        assert not (await follower.of(FIRST)).commands_enabled
        with pytest.raises(NotWritableError):
            client.request_limit(FIRST, 50.0)


async def test_lost_acknowledgements_are_waited_for() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK)
        sim.faults.set("lost_acknowledgements", 1.0)
        follower = Follower(client)
        number = client.request_limit(FIRST, 30.0)
        await until(
            lambda: any(inverter(each, FIRST).limit_status is LimitStatus.FAILURE for each in follower.pictures)
        )
        told = inverter(follower.pictures[-1], FIRST)
        assert (told.accepted, told.acknowledged, told.refused) == (number, 0, 0)
        # The DTU sends it again by itself at the inverter's next turn.
        sim.faults.clear("lost_acknowledgements")
        assert (await follower.acknowledged(FIRST, number)).limit == 30.0
        assert len(limits(sim)) == 1


async def test_a_command_that_is_not_taken_is_sent_once_more() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK)
        follower = Follower(client)
        await follower.picture()
        sim.faults.set("error_500")
        sim.requests.clear()
        number = client.request_limit(FIRST, 30.0)
        await until(lambda: len([each for each in sim.requests if each.method == "POST"]) == 2)
        sim.faults.clear("error_500")
        told = await follower.refused(FIRST, number)
        assert (told.accepted, told.refused) == (0, number)
        assert limits(sim) == []
        again = client.request_limit(FIRST, 30.0)
        assert (await follower.acknowledged(FIRST, again)).refused == number


async def test_a_command_that_the_dtu_drops_is_refused() -> None:
    """Sending is switched off: the DTU says success, and nothing happens (reference section 5)."""
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK, timing=replace(FAST, no_effect=0.2))
        sim.faults.set("commands_disabled")
        follower = Follower(client)
        number = client.request_limit(FIRST, 30.0)
        told = await follower.refused(FIRST, number)
        assert (told.accepted, told.acknowledged, told.limit) == (number, 0, 100.0)


async def test_the_settings_tell_that_no_commands_are_sent() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK)
        sim.view(FIRST).configuration.command_enable = False
        follower = Follower(client)
        await until(lambda: bool(follower.pictures) and not inverter(follower.pictures[-1], FIRST).commands_enabled)
        assert inverter(follower.pictures[-1], SECOND).commands_enabled


async def test_nothing_is_told_while_the_dtu_is_silent() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK, timing=HASTY)
        follower = Follower(client)
        await follower.picture()
        sim.faults.set("silence")
        await asyncio.sleep(0.2)
        count = len(follower.pictures)
        await asyncio.sleep(0.7)
        assert len(follower.pictures) == count
        number = client.request_limit(FIRST, 30.0)
        sim.faults.clear("silence")
        await follower.acknowledged(FIRST, number)


async def test_a_restart_of_the_dtu_is_counted_and_its_limits_are_unknown() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK)
        follower = Follower(client)
        await follower.acknowledged(FIRST, client.request_limit(FIRST, 30.0))
        sim.faults.set("reboot", 4.0)
        await until(lambda: follower.pictures[-1].boots == 1, sim)
        told = follower.pictures[-1]
        assert told.uptime is not None
        assert told.uptime < 600
        assert inverter(told, FIRST).limit is None
        assert inverter(told, FIRST).acknowledged > 0
        number = client.request_limit(FIRST, 40.0)
        assert (await follower.acknowledged(FIRST, number)).limit == 40.0


async def test_an_inverter_that_sleeps_feeds_in_nothing() -> None:
    panel = InverterSpec("114174090044", "Garage", 600, source="panel", peak=820, strings=("Ridge", "Eaves"))
    async with Rig() as rig:
        _, client = await rig.known(speed=QUICK, inverters=(panel,), password="")
        follower = Follower(client)
        told = await follower.of(panel.serial)
        assert told.inputs == 2
        client._state.inverters[panel.serial].live = replace(
            client._state.inverters[panel.serial].live, poll_enabled=False
        )
        client._state.inverters[panel.serial].full_sampled_at -= 1000
        asleep = inverter(client._loop.picture(), panel.serial)
        assert (asleep.power, asleep.dc_power, asleep.dc_current, asleep.ac_voltage) == (0.0, 0.0, 0.0, None)
        assert asleep.energy == told.energy


async def test_slow_and_forgetful_inverters_are_known() -> None:
    slow = InverterSpec(FIRST, "Old", 400, slow=True)
    async with Rig() as rig:
        _, client = await rig.known(inverters=(slow, InverterSpec(SECOND, "New", 400)))
        follower = Follower(client)
        picture = await follower.picture()
        assert [each.slow for each in picture.inverters] == [True, False]


async def test_the_limiter_of_onbattery_governs() -> None:
    async with Rig() as rig:
        sim, client = await rig.known("2026.03.31", on_battery=True, speed=QUICK)
        sim.limiter.enabled, sim.limiter.governed = True, {SECOND}
        follower = Follower(client)
        await until(lambda: bool(follower.pictures) and inverter(follower.pictures[-1], SECOND).governed)
        assert not inverter(follower.pictures[-1], FIRST).governed
        await client.read([Ref(FIRST, "ac_output_power")])
        assert client.troubles["opendtu_governed"] == {"inverters": "Battery east"}
        assert await value(client, SECOND, "governed") is True
        follower.unfollow()
        await client.read([Ref(FIRST, "ac_output_power")])
        assert "opendtu_governed" not in client.troubles


async def test_people_read_what_the_loop_has_just_brought() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK, timing=replace(FAST, between=5.0))
        follower = Follower(client)
        await follower.picture()
        sim.requests.clear()
        assert await value(client, FIRST, "ac_output_power") == pytest.approx(400, rel=0.05)
        assert await value(client, FIRST, "limit_relative") == 100.0
        assert sim.requests == []


async def test_the_pace_of_requests() -> None:
    """Live data and limits every two seconds, limits every half while a command waits (reference section 7)."""
    async with Rig() as rig:
        sim, client = await rig.known(speed=1.0, timing=replace(FAST, between=0.4, pending=0.05))
        follower = Follower(client)
        await follower.picture()
        sim.requests.clear()
        await asyncio.sleep(0.9)
        calm = [each.path for each in sim.requests]
        assert 1 <= calm.count("/api/limit/status") <= 4
        sim.requests.clear()
        sim.faults.set("unreachable", 0)
        client.request_limit(FIRST, 30.0)
        await asyncio.sleep(0.9)
        busy = [each.path for each in sim.requests]
        assert busy.count("/api/limit/config") == 1
        assert busy.count("/api/limit/status") > 6
        assert busy.count("/api/livedata/status") <= 5


async def test_delicate_firmware_is_asked_seldom() -> None:
    async with Rig() as rig:
        sim, client = await rig.known("v24.2.12", speed=QUICK, timing=replace(FAST, between=0.05, between_delicate=0.4))
        follower = Follower(client)
        await follower.picture()
        sim.requests.clear()
        await asyncio.sleep(0.9)
        assert len([each for each in sim.requests if each.path == "/api/livedata/status" and not each.query]) <= 3
        for serial in (FIRST, SECOND, THIRD):
            client.request_limit(serial, 30.0)
            await asyncio.sleep(0.01)
        for serial in (FIRST, SECOND, THIRD):
            assert (await follower.acknowledged(serial, 1)).limit == 30.0
        times = [command.at for command in sim.limit_commands]
        assert all(other - one > 0.9 * 0.4 * QUICK for one, other in pairwise(times))


async def test_the_websocket_tells_at_once() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK, websocket=True, timing=replace(FAST, between=5.0))
        follower = Follower(client)
        await until(lambda: client._loop.listening)
        count = len(follower.pictures)
        await until(lambda: len(follower.pictures) > count + 5)
        sim.requests.clear()
        await asyncio.sleep(0.3)
        assert "/api/livedata/status" not in [each.path for each in sim.requests]


async def test_the_loop_ends_with_the_last_follower() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK)
        one, other = Follower(client), Follower(client)
        await one.picture()
        one.unfollow()
        await other.picture()
        other.unfollow()
        await asyncio.sleep(0.05)
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "opendtu live loop"]
        sim.requests.clear()
        await asyncio.sleep(0.2)
        assert sim.requests == []
        again = Follower(client)
        assert (await again.of(FIRST)).accepted == 0


async def test_a_follower_that_fails_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with Rig() as rig:
        _, client = await rig.known(speed=QUICK)

        def broken(picture: GatewayPicture) -> None:
            raise ZeroDivisionError

        client.follow_inverters(broken)
        await until(lambda: "has ended" in caplog.text)
        assert "ZeroDivisionError" in caplog.text
