"""Commands to the inverters of a simulated DTU: limits, power, restart, and what can keep them from working."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from custom_components.local_solar.solarlink.errors import (
    ClockNotSetError,
    CommandsOffError,
    DeviceRefusedError,
    LinkError,
    NeedsConsentError,
    NotConfirmedYetError,
    NotKeptError,
    NotWritableError,
    TooSoonError,
    UnknownPointError,
    ValueKindError,
    ValueRangeError,
    ValueStepError,
    WriteBudgetError,
    WriteUncertainError,
)
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.points import Limits, Ref
from simulators.opendtu import InverterSpec

from .opendtu_rig import CLEAR, FAST, FIRST, HASTY, SECOND, THIRD, Rig, until, value
from .rig import measured

pytestmark = pytest.mark.usefixtures("socket_enabled")

LIMIT, WATTS, SWITCH = (Ref(FIRST, key) for key in ("limit_relative", "limit_absolute", "inverter_switched_on"))
BRIEF = replace(FAST, confirm=0.3)
"""No confirmation is what the test is about."""
QUICK = 20.0
"""Seconds of the house in a second: an acknowledgement takes 25 ms."""


def sent(sim: Any) -> list[str]:
    """The paths of all commands."""
    return [each.path for each in sim.requests if each.method == "POST"]


# Limits


@pytest.mark.parametrize("firmware", ["v23.8.2", "v24.2.12", "v26.3.30", "2026.03.31"])
async def test_a_limit_is_set_and_confirmed(firmware: str) -> None:
    async with Rig() as rig:
        sim, client = await rig.known(firmware, speed=QUICK, on_battery=firmware.startswith("20"))
        reading = await client.write(LIMIT, 40.0)
        assert reading.value == 40.0
        (command,) = sim.limit_commands
        assert command.limit is not None
        assert (command.serial, command.limit.value, command.limit.relative, command.limit.persistent) == (
            FIRST,
            40.0,
            True,
            False,
        )
        assert await value(client, FIRST, "limit_status") == "ok"
        assert await value(client, FIRST, "reported_limit_power") == 160.0
        await until(lambda: sim.micro_inverter(FIRST).output < 170, sim)
        assert sim.flash_writes == {FIRST: 0, SECOND: 0, THIRD: 0}


async def test_a_limit_in_watts() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK)
        assert (await client.write(WATTS, 100.0)).value == 100.0
        (command,) = sim.limit_commands
        assert command.limit is not None
        assert (command.limit.value, command.limit.relative) == (100.0, False)
        assert await value(client, FIRST, "limit_relative") == 25.0


async def test_what_is_already_so_is_not_sent() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK)
        await client.write(LIMIT, 40.0)
        sim.requests.clear()
        assert (await client.write(LIMIT, 40.0)).value == 40.0
        assert (await client.write(WATTS, 160.0)).value == 160.0
        assert sent(sim) == []


async def test_limits_respect_what_the_inverter_stands() -> None:
    """At least 2 % and 12 W for each DC input (reference section 4.2)."""
    big = InverterSpec("116182070033", "Roof", 1500)
    async with Rig() as rig:
        sim, client = await rig.known(inverters=(big, InverterSpec("112174020011", "Wall", 400)))
        assert await client.limits(Ref(big.serial, "limit_relative")) == Limits(4.0, 100.0, 1.0)
        assert await client.limits(Ref(big.serial, "limit_absolute")) == Limits(60.0, 1500.0, 1.0)
        assert await client.limits(LIMIT) == Limits(3.0, 100.0, 1.0)
        for given, error in (
            (2.0, ValueRangeError),
            (101.0, ValueRangeError),
            (40.5, ValueStepError),
            ("x", ValueKindError),
            (True, ValueKindError),
            (float("nan"), ValueKindError),
        ):
            with pytest.raises(error):
                await client.write(LIMIT, given)
        with pytest.raises(ValueRangeError):
            await client.write(WATTS, 401.0)
        assert sent(sim) == []


async def test_what_cannot_be_written() -> None:
    async with Rig() as rig:
        sim, client = await rig.known()
        for ref in (Ref(FIRST, "ac_output_power"), Ref("dtu", "yield_total")):
            with pytest.raises(NotWritableError):
                await client.write(ref, 5.0)
        with pytest.raises(UnknownPointError):
            await client.write(Ref(FIRST, "nothing"), 5.0)
        with pytest.raises(UnknownPointError):
            await client.set_power("dtu", True)
        with pytest.raises(NotWritableError):
            await client.write(WATTS, 100.0, permanent=True, confirmed=True)
        with pytest.raises(ValueKindError):
            await client.write(SWITCH, 1.0)
        assert sent(sim) == []


async def test_an_inverter_that_does_not_confirm() -> None:
    """The DTU tries again and again by itself, so it may come true later (section 5)."""
    async with Rig() as rig:
        sim, client = await rig.known(timing=replace(FAST, confirm=1.0), speed=QUICK)
        sim.faults.set("unreachable", 0)
        with pytest.raises(NotConfirmedYetError) as caught:
            await client.write(LIMIT, 40.0)
        assert isinstance(caught.value, WriteUncertainError)
        assert await value(client, FIRST, "limit_status") in ("pending", "failed")
        assert sent(sim) == ["/api/limit/config"]
        sim.faults.clear("unreachable")


async def test_sending_that_is_switched_off_is_told_before() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK)
        sim.view(FIRST).configuration.command_enable = False
        await client.read([Ref(FIRST, "commands_enabled")])
        for ref, given in ((LIMIT, 40.0), (WATTS, 100.0), (SWITCH, False), (Ref(FIRST, "restart"), True)):
            with pytest.raises(CommandsOffError):
                await client.write(ref, given)
        assert sent(sim) == []
        # Its owner switches it on: no restart of anything is needed.
        sim.view(FIRST).configuration.command_enable = True
        assert (await client.write(LIMIT, 40.0)).value == 40.0


async def test_sending_that_was_switched_off_meanwhile_is_found_out() -> None:
    """The DTU answers success, and nothing happens (section 5)."""
    async with Rig() as rig:
        sim, client = await rig.known(timing=BRIEF, speed=QUICK)
        sim.view(FIRST).configuration.command_enable = False
        with pytest.raises(CommandsOffError):
            await client.write(LIMIT, 40.0)
        assert sent(sim) == ["/api/limit/config"]


async def test_a_dtu_without_a_clock_sends_nothing() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(timing=BRIEF)
        sim.faults.set("clock_not_set")
        await client.read([Ref("dtu", "clock_not_set")])
        with pytest.raises(ClockNotSetError):
            await client.write(LIMIT, 40.0)
        assert sent(sim) == []


async def test_somebody_else_sets_another_limit_meanwhile() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(timing=BRIEF)
        writing = asyncio.create_task(client.write(LIMIT, 40.0))
        await until(lambda: bool(sim.limit_commands))
        sim.view(FIRST).limit_relative, sim.view(FIRST).limit_status = 77.0, "Ok"
        with pytest.raises(NotKeptError) as caught:
            await writing
        assert caught.value.details["kept"] == "77 %"


async def test_a_command_without_an_answer_is_not_sent_twice() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(timing=replace(HASTY, write=0.1), speed=QUICK)
        original = sim._write

        async def swallow(request: Any, path: str) -> Any:
            await original(request, path)
            await asyncio.sleep(0.3)

        sim._write = swallow  # type: ignore[method-assign]
        assert (await client.write(LIMIT, 40.0)).value == 40.0
        assert sent(sim) == ["/api/limit/config"]
        with pytest.raises(WriteUncertainError):
            await client.write(SWITCH, False)
        assert sent(sim) == ["/api/limit/config", "/api/power/config"]


async def test_a_dtu_that_is_away() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(timing=BRIEF)
        await sim.close()
        with pytest.raises(LinkError):
            await client.write(LIMIT, 40.0)


async def test_two_people_at_once_send_one_after_the_other() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK, pace=0.1)
        await asyncio.gather(
            client.write(LIMIT, 40.0),
            client.write(Ref(SECOND, "limit_relative"), 50.0),
            client.write(Ref(THIRD, "inverter_switched_on"), False),
            client.read(measured(client)),
        )
        assert sim.max_concurrent_posts == 1
        assert len(sent(sim)) == 3


async def test_delicate_firmware_gets_one_command_in_a_while() -> None:
    async with Rig() as rig:
        sim, client = await rig.known("v24.2.12", timing=replace(FAST, between_delicate=0.4), speed=QUICK)
        loop = asyncio.get_running_loop()
        times = []
        for percent in (40.0, 50.0, 60.0):
            await client.write(LIMIT, percent)
            times.append(loop.time())
        assert all(other - one > 0.35 for one, other in pairwise(times))
        assert len(sent(sim)) == 3


# Limits that the inverter keeps


@pytest.mark.parametrize("firmware", ["v24.2.12", "v25.8.1", "v25.9.11", "v26.3.30"])
@pytest.mark.parametrize("git_hash", [None, "a1b2c3d4"])
async def test_a_kept_limit_by_every_firmware(firmware: str, git_hash: str | None) -> None:
    """The types were renumbered; where the version is not known, the refused one is followed by the other."""
    async with Rig() as rig:
        sim, client = await rig.known(
            firmware, speed=QUICK, git_hash=git_hash, timing=replace(FAST, between_delicate=0.0)
        )
        await client.set_persistent_limit(FIRST, 70.0, confirmed=True)
        await until(lambda: sim.flash_writes[FIRST] == 1, sim)
        assert sim.micro_inverter(FIRST).persistent_limit == pytest.approx(70.0)
        assert sim.flash_writes == {FIRST: 1, SECOND: 0, THIRD: 0}
        assert await value(client, FIRST, "limit_relative") == 70.0


async def test_a_kept_limit_needs_consent_and_an_hour() -> None:
    now = 1e9
    journal = Journal(clock=lambda: now)
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK, journal=journal)
        with pytest.raises(NeedsConsentError):
            await client.set_persistent_limit(FIRST, 70.0)
        with pytest.raises(NeedsConsentError):
            await client.write(LIMIT, 70.0, permanent=True)
        with pytest.raises(ValueRangeError):
            await client.set_persistent_limit(FIRST, 1.0, confirmed=True)
        assert sent(sim) == []
        assert (await client.write(LIMIT, 70.0, permanent=True, confirmed=True)).value == 70.0
        now += 3000
        with pytest.raises(TooSoonError) as caught:
            await client.set_persistent_limit(FIRST, 60.0, confirmed=True)
        assert caught.value.details["seconds"] == "600"
        # Each inverter has its own memory.
        await client.set_persistent_limit(SECOND, 60.0, confirmed=True)
        for percent in (50.0, 51.0, 52.0, 53.0):
            now += 3601
            await client.set_persistent_limit(FIRST, percent, confirmed=True)
        now += 3601
        with pytest.raises(WriteBudgetError):
            await client.set_persistent_limit(FIRST, 60.0, confirmed=True)
        await until(lambda: sim.flash_writes == {FIRST: 5, SECOND: 1, THIRD: 0}, sim)


async def test_a_kept_limit_that_was_refused_costs_nothing() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK)
        sim.remove_inverter(FIRST)
        with pytest.raises(DeviceRefusedError) as caught:
            await client.set_persistent_limit(FIRST, 70.0, confirmed=True)
        assert caught.value.code == 5004
        assert client.journal.entry(FIRST, "persistent_limit").flash_writes == 0


async def test_a_kept_limit_that_was_not_confirmed_counts() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(timing=BRIEF, speed=QUICK)
        sim.faults.set("unreachable", 0)
        with pytest.raises(NotConfirmedYetError):
            await client.set_persistent_limit(FIRST, 70.0, confirmed=True)
        with pytest.raises(TooSoonError):
            await client.set_persistent_limit(FIRST, 70.0, confirmed=True)
        assert sent(sim) == ["/api/limit/config"]


# Power, restart and the rest


async def test_switching_off_and_on() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK)
        assert (await client.write(SWITCH, False)).value is False
        assert not sim.micro_inverter(FIRST).enabled
        await until(lambda: sim.micro_inverter(FIRST).output < 5, sim)
        assert await value(client, *SWITCH) is False
        assert (await client.write(SWITCH, True)).value is True
        assert sim.micro_inverter(FIRST).enabled
        await client.set_power(SECOND, False)
        assert not sim.micro_inverter(SECOND).enabled


async def test_a_power_command_that_is_not_confirmed() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(timing=BRIEF, speed=QUICK)
        sim.faults.set("unreachable", 0)
        with pytest.raises(NotConfirmedYetError):
            await client.write(SWITCH, False)
        assert await value(client, *SWITCH) is True


async def test_a_restart_forgets_what_is_not_kept() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(speed=QUICK)
        await client.write(LIMIT, 40.0)
        assert client.journal.entry(FIRST, "limit_relative").ram_value == 40.0
        await client.write(Ref(FIRST, "restart"), True)
        await until(lambda: sim.micro_inverter(FIRST).starts > 0, sim)
        assert client.journal.entry(FIRST, "limit_relative").ram_value is None
        await client.restart_inverter(SECOND)
        await until(lambda: sim.micro_inverter(SECOND).starts > 0, sim)


async def test_radio_statistics_begin_again() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(house_time=True)
        sim.advance(600)
        assert await value(client, FIRST, "radio_answers") > 10
        assert await value(client, FIRST, "radio_success_rate") == pytest.approx(100.0, abs=5)
        await client.write(Ref(FIRST, "reset_radio_statistics"), True)
        assert await value(client, FIRST, "radio_answers") < 2


async def test_the_dtu_restarts() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(house_time=True)
        await client.write(Ref("dtu", "restart"), True)
        sim.advance(3)
        with pytest.raises(LinkError):
            await client.read([Ref(FIRST, "ac_output_power")])
        sim.advance(60)
        await client.read([Ref("dtu", "last_restart"), Ref(FIRST, "ac_output_power")])
        assert client._state.boots == 1


def test_the_radio_of_these_tests_loses_nothing() -> None:
    """Otherwise a confirmation could take ten seconds of the house."""
    assert (CLEAR.statistics_loss, CLEAR.limit_loss) == (0.0, 0.0)
