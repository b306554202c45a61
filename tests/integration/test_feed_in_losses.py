"""What the zero feed-in controller does when something is lost, and when Home Assistant ends and begins."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from custom_components.local_solar.const import DOMAIN
from custom_components.local_solar.controllers import entity_values, feed_in as controller
from custom_components.local_solar.controllers.feed_in import FeedInControl
from custom_components.local_solar.flows import feed_in as asked
from custom_components.local_solar.solarlink.control.feed_in_loss import STOP_WAIT_S
from simulators.victron_gx import GxSimulator

from . import victron_home
from .common import poll, state_of, value, warnings_of_ours
from .feed_in_home import DISCHARGE, EAST, HOST, RATED, SHED, SOC, VOLTS, WEST, FeedInHome

GX = victron_home.GX
LOWEST = {WEST: 3.0, EAST: 3.0, SHED: 4.0}
"""12 W for each input, in whole per cent of the rated power."""


class Later:
    """What time it is for the ages of entities, some seconds later than it really is."""

    seconds = 0.0

    def utcnow(self) -> datetime:
        """The wall clock."""
        return datetime.now(UTC) + timedelta(seconds=self.seconds)


@pytest.mark.parametrize("how", ["unplugged", "silent"])
async def test_without_the_meter_the_sum_is_ramped_down(
    feed_in: FeedInHome, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    await feed_in.started()
    feed_in.need(700.0)
    await feed_in.until_settled()
    commanded = feed_in.commanded
    if how == "unplugged":
        await feed_in.meter.stop_listening()
    else:
        feed_in.meter.faults.set("silence")
    await feed_in.pass_time(20.0)
    assert feed_in.commanded == pytest.approx(commanded, abs=10.0), "nothing is raised, nor lowered yet"
    await feed_in.until(lambda: feed_in.shown("feed_in_state") == "meter_lost")
    assert feed_in.shown("feed_in_meter_lost") == STATE_ON
    assert feed_in.shown("feed_in_grid_power") == STATE_UNKNOWN
    await feed_in.until(lambda: feed_in.commanded < 0.6 * commanded)
    assert feed_in.commanded > 0.4 * commanded, "it is halved step by step"
    # The ramp ends within 4 W of the lowest limits.
    await feed_in.until(lambda: feed_in.commanded <= 36.0 + 4.0)
    if how == "unplugged":
        await feed_in.meter.listen(HOST, feed_in.ports["meter"])
    else:
        feed_in.meter.faults.clear("silence")
    await feed_in.until_settled()
    assert feed_in.shown("feed_in_meter_lost") == STATE_OFF
    assert len(warnings_of_ours(caplog)) <= 2


async def test_a_house_on_its_own_inverter_is_fed_nothing(
    hass: HomeAssistant, feed_in: FeedInHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    victron_home.hurry(monkeypatch)
    gx = GxSimulator(house=feed_in.house, pace=0.0)
    entry = await feed_in.load(victron_home.gx_entry(await gx.listen()))
    try:
        island = er.async_get(hass).async_get_entity_id("binary_sensor", DOMAIN, f"{GX}-vebus-on_own_inverter")
        assert island is not None
        await feed_in.started(battery={asked.GRID_LOST: island})
        assert value(hass, island) == STATE_OFF
        feed_in.house.grid.connected, feed_in.house.settings.inverter_allowed = False, True
        # Without a grid the inverters end within a second, and the Multi takes over what they gave.
        await feed_in.until(lambda: feed_in.given == 0.0 and feed_in.house.inverter_output > 200.0)
        await poll(entry.runtime_data)
        assert value(hass, island) == STATE_ON
        await feed_in.until(lambda: feed_in.shown("feed_in_state") == "grid_down")
        assert feed_in.number("feed_in_cap") == 0.0
        assert feed_in.shown("feed_in_cap_reason") == "grid_down"
        await feed_in.until(lambda: feed_in.limits == LOWEST)
        feed_in.house.grid.connected, feed_in.house.settings.inverter_allowed = True, False
        await poll(entry.runtime_data)
        await feed_in.until_settled()
    finally:
        if feed_in.entry is not None:
            await hass.config_entries.async_unload(feed_in.entry.entry_id)
        await hass.config_entries.async_unload(entry.entry_id)
        await gx.close()


async def test_without_the_dtu_nothing_can_be_sent(feed_in: FeedInHome) -> None:
    await feed_in.started()
    feed_in.dtu.faults.set("silence")
    await feed_in.until(lambda: feed_in.shown("feed_in_state") == "dtu_lost")
    before = feed_in.sent
    feed_in.need(500.0)
    await feed_in.pass_time(40.0)
    assert feed_in.sent == before
    assert feed_in.shown("feed_in_usability", WEST) == "dtu_lost"
    feed_in.dtu.faults.clear("silence")
    await feed_in.until_settled()


async def test_after_a_restart_of_the_dtu_its_own_limits_are_told_again(feed_in: FeedInHome) -> None:
    await feed_in.started()
    feed_in.need(600.0)
    await feed_in.until_settled()
    commanded, before = feed_in.commanded, feed_in.sent
    feed_in.dtu.faults.set("reboot")
    await feed_in.until(lambda: feed_in.shown("feed_in_usability", WEST) != "yes")
    await feed_in.until(lambda: all(feed_in.shown("feed_in_usability", serial) == "yes" for serial in RATED))
    again = {each.serial for each in feed_in.dtu.limit_commands[before:]}
    assert again == set(RATED), "the DTU forgot every limit, and asks the inverters only after minutes"
    assert feed_in.commanded == pytest.approx(commanded, abs=40.0), "the same ones, so that nothing jumps"
    await feed_in.until_settled()


async def test_battery_data_that_grow_old_close_the_gate(feed_in: FeedInHome, monkeypatch: pytest.MonkeyPatch) -> None:
    later = Later()
    monkeypatch.setattr(entity_values, "dt_util", later)
    await feed_in.started()
    later.seconds = 100.0
    await feed_in.pass_time(10.0)
    assert feed_in.shown("feed_in_state") == "controlling"
    later.seconds = 125.0
    await feed_in.until(lambda: feed_in.shown("feed_in_state") == "battery_data_lost")
    assert feed_in.shown("feed_in_gate_reason") == "data_lost"
    await feed_in.until(lambda: feed_in.limits == LOWEST)
    later.seconds = 0.0
    feed_in.battery()
    await feed_in.until_settled()


async def test_battery_data_that_are_gone_close_the_gate_after_two_minutes(
    hass: HomeAssistant, feed_in: FeedInHome
) -> None:
    await feed_in.started()
    for entity_id in (SOC, VOLTS, DISCHARGE):
        hass.states.async_set(entity_id, STATE_UNAVAILABLE)
    await feed_in.pass_time(90.0)
    assert feed_in.shown("feed_in_state") == "controlling"
    await feed_in.until(lambda: feed_in.shown("feed_in_state") == "battery_data_lost")
    await feed_in.until(lambda: feed_in.limits == LOWEST)


async def test_patience_with_a_battery_that_tells_only_changes(
    feed_in: FeedInHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Later()
    monkeypatch.setattr(entity_values, "dt_util", later)
    await feed_in.started(battery={asked.MAX_AGE: 600.0})
    later.seconds = 550.0
    await feed_in.pass_time(10.0)
    assert feed_in.shown("feed_in_state") == "controlling"
    assert feed_in.control.loop.surroundings.dcl == 100.0
    later.seconds = 605.0
    await feed_in.until(lambda: feed_in.shown("feed_in_state") == "battery_data_lost")


# Ends


async def stop_home_assistant(hass: HomeAssistant, place: FeedInHome) -> None:
    await hass.async_stop(force=True)


async def unload_control(hass: HomeAssistant, place: FeedInHome) -> None:
    assert place.entry is not None
    assert await hass.config_entries.async_unload(place.entry.entry_id)


async def unload_dtu(hass: HomeAssistant, place: FeedInHome) -> None:
    assert place.dtu_entry is not None
    assert await hass.config_entries.async_unload(place.dtu_entry.entry_id)


@pytest.mark.parametrize("end", [stop_home_assistant, unload_control, unload_dtu])
async def test_every_end_leaves_the_lowest_limits_with_one_command_each(
    hass: HomeAssistant, feed_in: FeedInHome, end: Callable[[HomeAssistant, FeedInHome], Awaitable[None]]
) -> None:
    await feed_in.started()
    feed_in.need(700.0)
    await feed_in.until_settled()
    high = {serial for serial, percent in feed_in.limits.items() if percent > LOWEST[serial]}
    before = feed_in.sent
    begun = time.monotonic()
    await end(hass, feed_in)
    assert time.monotonic() - begun < STOP_WAIT_S, "it is confirmed before"
    assert sorted(each.serial for each in feed_in.dtu.limit_commands[before:]) == sorted(high)
    await feed_in.pass_time(5.0)
    assert feed_in.limits == LOWEST


async def test_a_dtu_that_does_not_answer_does_not_hold_up_the_end(
    hass: HomeAssistant, feed_in: FeedInHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller, "STOP_WAIT_S", 0.3)
    await feed_in.started()
    feed_in.dtu.faults.set("lost_sends")
    begun = time.monotonic()
    assert feed_in.entry is not None
    assert await hass.config_entries.async_unload(feed_in.entry.entry_id)
    assert 0.3 <= time.monotonic() - begun < 1.5


async def test_a_dtu_that_is_loaded_again_is_taken_up_again(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    await feed_in.started()
    assert feed_in.dtu_entry is not None
    await unload_dtu(hass, feed_in)
    assert feed_in.limits == LOWEST
    await feed_in.until(lambda: feed_in.shown("feed_in_state") == "dtu_lost")
    feed_in.need(500.0)
    assert await hass.config_entries.async_setup(feed_in.dtu_entry.entry_id)
    await feed_in.until_settled()
    for _ in range(2):
        await feed_in.reload(feed_in.dtu_entry)
        assert feed_in.limits == LOWEST
        await feed_in.until_settled()
    await feed_in.reload(feed_in.meter_entry)
    feed_in.need(300.0)
    await feed_in.until_settled()


async def test_what_runs_is_taken_over_without_a_jump(
    hass: HomeAssistant, feed_in: FeedInHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant was killed, so the inverters still have the limits that the house needs."""
    await feed_in.started()
    feed_in.need(600.0)
    await feed_in.until_settled()
    limits, before = feed_in.limits, feed_in.sent

    async def killed(self: object, serials: object) -> None:
        """No last words."""

    with monkeypatch.context() as dead:
        dead.setattr(FeedInControl, "_async_farewell", killed)
        await feed_in.reload(feed_in.entry)
    assert feed_in.shown("feed_in_control") == STATE_ON
    assert feed_in.shown("feed_in_state") == "starting"
    await feed_in.until(lambda: feed_in.shown("feed_in_state") == "controlling")
    await feed_in.pass_time(30.0)
    assert feed_in.sent == before
    assert feed_in.limits == limits


async def test_nothing_is_commanded_before_the_meter_was_heard(
    feed_in: FeedInHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    await feed_in.started()

    async def killed(self: object, serials: object) -> None:
        """No last words."""

    monkeypatch.setattr(FeedInControl, "_async_farewell", killed)
    before = feed_in.sent
    feed_in.meter.faults.set("silence")
    await feed_in.reload(feed_in.entry)
    feed_in.need(100.0)
    await feed_in.pass_time(60.0)
    assert feed_in.sent == before
    feed_in.meter.faults.clear("silence")
    await feed_in.until_settled()


async def test_nothing_is_left_behind(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    await feed_in.started()
    assert feed_in.entry is not None
    assert feed_in.dtu_entry is not None
    dtu = feed_in.dtu_entry.runtime_data
    await unload_control(hass, feed_in)
    assert state_of(feed_in.entry) is ConfigEntryState.NOT_LOADED
    left = [task.get_name() for task in asyncio.all_tasks() if "feed-in" in task.get_name()]
    assert left == []
    asked_before = len(feed_in.dtu.requests), len(feed_in.meter.requests)
    await feed_in.pass_time(15.0)
    # Followed, each would be asked more than ten times. What is read for people is asked every five real seconds.
    asked_after = len(feed_in.dtu.requests), len(feed_in.meter.requests)
    assert sum(asked_after) - sum(asked_before) <= 6
    assert dtu._before_stop == []
