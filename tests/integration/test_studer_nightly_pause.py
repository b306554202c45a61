"""The nightly pause and the clock of the installation in Home Assistant, against a simulated portal."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_ENTITY_ID, STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.const import DOMAIN
from custom_components.local_solar.controllers import installation_clock, portal_days, upload_pause
from custom_components.local_solar.solarlink.studer import client as studer_client
from custom_components.local_solar.solarlink.studer.exchange import Timing
from custom_components.local_solar.solarlink.studer.traffic import Traffic
from simulators.house import House
from simulators.studer import StuderSimulator, Upload
from simulators.studer.portal_api import PortalApi

from .common import Find, attributes, poll, state_of, switch, value
from .conftest import new_entry

START = datetime(2026, 6, 15, 23, 40)  # noqa: DTZ001 - on the wall of the house
ZONE = "Europe/Berlin"
AHEAD = 250.0
"""Seconds by which the clock of the installation is ahead."""


class Night:
    """An entry whose clocks are all those of the simulated house."""

    def __init__(self, hass: HomeAssistant, studer: StuderSimulator, port: int) -> None:
        self.hass, self.studer, self.port = hass, studer, port
        self.began = studer.house.now
        self.polls: list[tuple[datetime, bool]] = []
        self.entry: MockConfigEntry = new_entry(port)

    def monotonic(self) -> float:
        return 10_000.0 + (self.studer.house.now - self.began).total_seconds()

    def now(self) -> datetime:
        return self.studer.clock.local

    async def load(self, **options: Any) -> None:
        self.entry = new_entry(self.port, **options)
        self.entry.add_to_hass(self.hass)
        await self.setup()

    async def setup(self) -> None:
        assert await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def until(self, wall: str, *, step: int = 10) -> None:
        """Let the house live until its clock on the wall shows a time; poll every 30 s meanwhile, or every step."""
        hour, minute = (int(each) for each in wall.split(":"))
        now = self.now()
        target = now.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
        target = (target if target > now else target + timedelta(days=1)).astimezone(UTC)
        while (left := (target - self.now().astimezone(UTC)).total_seconds()) > 0.5:
            self.studer.house.advance(min(step, left))
            if self.now().second % 30 < step:
                await self.poll()
            await self.hass.async_block_till_done()

    async def poll(self) -> None:
        coordinator = self.entry.runtime_data
        await poll(coordinator)
        self.polls.append((self.now(), coordinator.paused))


@pytest.fixture
async def night(
    hass: HomeAssistant, socket_enabled: None, port: int, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Night]:
    """An installation whose portal fetches the datalog every night and stands little company."""
    await hass.config.async_set_time_zone(ZONE)
    studer = StuderSimulator(
        house=House(seed=1, speed=0, start=START), pace=0.0, zone=ZONE, clock_offset=AHEAD, upload=Upload(tolerance=2)
    )
    await studer.dial("127.0.0.1", port)
    made = Night(hass, studer, port)
    clocks = SimpleNamespace(monotonic=made.monotonic, time=lambda: made.now().timestamp())
    for module in (installation_clock, portal_days, upload_pause, studer_client):
        monkeypatch.setattr(module, "time", clocks)
    monkeypatch.setattr(Traffic.__init__, "__defaults__", (made.monotonic,))
    monkeypatch.setattr(installation_clock, "dt_util", SimpleNamespace(now=made.now))
    monkeypatch.setattr(studer_client, "Timing", lambda: Timing(answer=3.0, retries=1, busy=0.01, open=1.5))
    yield made
    if state_of(made.entry) is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(made.entry.entry_id)
    await studer.close()


def at(hass: HomeAssistant, entity_id: str) -> datetime:
    moment = dt_util.parse_datetime(value(hass, entity_id))
    assert moment is not None
    return moment


async def test_a_night_with_its_upload(hass: HomeAssistant, night: Night, entity_id: Find) -> None:
    await night.load()
    assert value(hass, entity_id("nightly_pause")) == STATE_OFF
    assert value(hass, entity_id("nightly_pause_state")) == "switched_off"
    assert float(value(hass, entity_id("clock_offset"))) == pytest.approx(AHEAD, abs=1)
    await switch(hass, entity_id("nightly_pause"), True)
    assert value(hass, entity_id("nightly_pause_state")) == "waiting"
    # Two minutes before midnight of a clock that is four minutes fast.
    wanted = datetime(2026, 6, 15, 23, 58, tzinfo=night.now().tzinfo) - timedelta(seconds=AHEAD)
    assert abs(at(hass, entity_id("next_pause")) - wanted) < timedelta(seconds=5)

    await night.until("23:53", step=30)
    assert value(hass, entity_id("pause")) == STATE_OFF
    await night.until("23:55")
    assert value(hass, entity_id("nightly_pause_state")) == "paused"
    assert value(hass, entity_id("pause")) == STATE_ON
    assert attributes(hass, entity_id("ac_output_power"))["paused"] is True
    await night.until("23:58")
    assert value(hass, entity_id("upload_running")) == STATE_ON
    assert value(hass, entity_id("nightly_pause_state")) == "uploading"
    await night.until("0:02")
    assert value(hass, entity_id("nightly_pause_state")) == "waiting"
    assert value(hass, entity_id("pause")) == STATE_OFF
    assert value(hass, entity_id("upload_running")) == STATE_OFF
    assert value(hass, entity_id("last_pause_end")) == "upload_seen_by_frames"
    assert 3 < float(value(hass, entity_id("last_pause_duration"))) < 6
    assert abs(at(hass, entity_id("last_upload")) - night.now()) < timedelta(minutes=5)
    [upload] = night.studer.portal.nights
    assert upload.outcome == "complete"
    assert "paused" not in attributes(hass, entity_id("ac_output_power"))


async def test_without_it_that_upload_fails(hass: HomeAssistant, night: Night) -> None:
    """The same portal, the same polls: this is what the pause is good for."""
    await night.load()
    await night.until("23:55", step=30)
    await night.until("0:02")
    [upload] = night.studer.portal.nights
    assert upload.outcome == "disturbed"


async def test_a_restart_in_the_middle_goes_on_waiting(hass: HomeAssistant, night: Night, entity_id: Find) -> None:
    await night.load()
    await switch(hass, entity_id("nightly_pause"), True)
    await night.until("23:50", step=30)
    await night.until("23:55")
    assert await hass.config_entries.async_unload(night.entry.entry_id)
    requests = len(night.studer.requests)
    await night.setup()
    assert value(hass, entity_id("pause")) == STATE_ON
    assert value(hass, entity_id("nightly_pause_state")) in ("paused", "uploading")
    # Which gateway it is and its status bits are looked at once, and nothing is polled.
    assert len(night.studer.requests) - requests <= 2
    await night.until("0:02")
    assert value(hass, entity_id("pause")) == STATE_OFF
    [upload] = night.studer.portal.nights
    assert upload.outcome == "complete"


async def test_the_owner_ends_the_pause(hass: HomeAssistant, night: Night, entity_id: Find) -> None:
    await night.load()
    await switch(hass, entity_id("nightly_pause"), True)
    await night.until("23:55", step=30)
    await switch(hass, entity_id("pause"), False)
    await night.poll()
    assert value(hass, entity_id("last_pause_end")) == "switched_off"
    # The rest of this night is not paused again, unless the portal is heard.
    assert value(hass, entity_id("nightly_pause_state")) == "waiting"
    assert value(hass, entity_id("pause")) == STATE_OFF


async def test_switching_it_off_in_the_middle_polls_again(hass: HomeAssistant, night: Night, entity_id: Find) -> None:
    await night.load()
    await switch(hass, entity_id("nightly_pause"), True)
    await night.until("23:55", step=30)
    assert value(hass, entity_id("pause")) == STATE_ON
    await switch(hass, entity_id("nightly_pause"), False)
    assert value(hass, entity_id("pause")) == STATE_OFF
    assert value(hass, entity_id("nightly_pause_state")) == "switched_off"


async def test_the_pause_of_the_owner_is_left_alone(hass: HomeAssistant, night: Night, entity_id: Find) -> None:
    await night.load()
    await switch(hass, entity_id("nightly_pause"), True)
    await switch(hass, entity_id("pause"), True)
    await night.until("0:10", step=30)
    assert value(hass, entity_id("nightly_pause_state")) == "owner_pause"
    assert value(hass, entity_id("pause")) == STATE_ON


async def test_a_watchdog_of_the_gateway_forbids_it(hass: HomeAssistant, night: Night, entity_id: Find) -> None:
    night.studer.set_flash(501, 5095, 1)
    night.studer.set_flash(501, 5096, 90)
    await night.load()
    await switch(hass, entity_id("nightly_pause"), True)
    assert value(hass, entity_id("nightly_pause_state")) == "watchdog"
    await night.until("23:56", step=30)
    assert value(hass, entity_id("pause")) == STATE_OFF


# The portal


@pytest.fixture
async def portal(night: Night, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PortalApi]:
    """The web API of the portal on this machine."""
    api = PortalApi(night.studer)
    monkeypatch.setattr(portal_days, "BASE", await api.start())
    yield api
    await api.close()


ACCOUNT = {"ask_portal": True, "email": "owner@example.org", "password": "open sesame"}


async def test_the_portal_is_asked_only_during_the_pause(
    hass: HomeAssistant, night: Night, portal: PortalApi, entity_id: Find
) -> None:
    await night.load(upload_pause=ACCOUNT)
    await switch(hass, entity_id("nightly_pause"), True)
    await night.until("23:53", step=30)
    assert portal.requests == []
    await night.until("0:05")
    assert value(hass, entity_id("pause")) == STATE_OFF
    asked = [when for when, path in portal.requests if "available-dates" in path]
    assert asked
    assert value(hass, entity_id("last_pause_end")) in ("upload_seen_by_frames", "portal_has_day")
    count = len(portal.requests)
    await night.until("0:30", step=60)
    assert len(portal.requests) == count


async def test_an_account_that_is_refused_is_asked_once_and_told(
    hass: HomeAssistant, night: Night, portal: PortalApi, entity_id: Find, issue_registry: ir.IssueRegistry
) -> None:
    await night.load(upload_pause={**ACCOUNT, "password": "wrong"})
    await switch(hass, entity_id("nightly_pause"), True)
    await night.until("23:53", step=30)
    await night.until("0:05")
    assert len(portal.requests) == 1
    assert issue_registry.async_get_issue(DOMAIN, f"{night.entry.entry_id}_portal_account_refused")
    # The pause does without it.
    assert value(hass, entity_id("last_pause_end")) == "upload_seen_by_frames"


# The clock


async def press(hass: HomeAssistant, entity_id: str) -> None:
    await hass.services.async_call("button", "press", {ATTR_ENTITY_ID: entity_id}, blocking=True)


async def test_the_button_sets_the_clock_and_moves_the_pause(
    hass: HomeAssistant, night: Night, entity_id: Find
) -> None:
    await night.load()
    await switch(hass, entity_id("nightly_pause"), True)
    before = at(hass, entity_id("next_pause"))
    await press(hass, entity_id("set_clock"))
    assert abs(night.studer.clock.error) < 3
    assert float(value(hass, entity_id("clock_offset"))) == pytest.approx(0, abs=2)
    await night.poll()
    assert (at(hass, entity_id("next_pause")) - before).total_seconds() == pytest.approx(AHEAD, abs=5)


async def test_the_clock_is_measured_every_day_and_left_alone(
    hass: HomeAssistant, night: Night, entity_id: Find
) -> None:
    await night.load()
    night.studer.clock.set(night.studer.clock.seconds + 100)
    await night.until("3:50", step=600)
    assert float(value(hass, entity_id("clock_offset"))) == pytest.approx(AHEAD, abs=1)
    await night.until("4:20", step=600)
    assert float(value(hass, entity_id("clock_offset"))) == pytest.approx(AHEAD + 100, abs=1)
    assert night.studer.clock.error == pytest.approx(AHEAD + 100, abs=2)


async def test_the_clock_is_kept_right_but_never_around_midnight(
    hass: HomeAssistant, night: Night, entity_id: Find
) -> None:
    await night.load(keep_clock=True)
    # It is 23:40, and it was found to be wrong at once.
    assert float(value(hass, entity_id("clock_offset"))) == pytest.approx(AHEAD, abs=1)
    await night.until("0:30", step=60)
    assert night.studer.clock.error == pytest.approx(AHEAD, abs=2)
    await night.until("4:20", step=600)
    assert abs(night.studer.clock.error) < 3
    assert float(value(hass, entity_id("clock_offset"))) == pytest.approx(0, abs=2)


async def test_the_end_of_summer_time_is_followed_the_same_night(
    hass: HomeAssistant, socket_enabled: None, port: int, monkeypatch: pytest.MonkeyPatch, entity_id: Find
) -> None:
    await hass.config.async_set_time_zone(ZONE)
    start = datetime(2026, 10, 24, 20, 0)  # noqa: DTZ001 - on the wall of the house
    studer = StuderSimulator(house=House(seed=1, speed=0, start=start), pace=0.0, zone=ZONE)
    await studer.dial("127.0.0.1", port)
    night = Night(hass, studer, port)
    monkeypatch.setattr(installation_clock, "time", SimpleNamespace(monotonic=night.monotonic))
    monkeypatch.setattr(studer_client, "time", SimpleNamespace(monotonic=night.monotonic))
    monkeypatch.setattr(installation_clock, "dt_util", SimpleNamespace(now=night.now))
    await night.load(keep_clock=True)
    await night.until("3:30", step=600)
    assert studer.clock.error == pytest.approx(3600, abs=2)
    await night.until("4:20", step=600)
    assert abs(studer.clock.error) < 3
    await hass.config_entries.async_unload(night.entry.entry_id)
    await studer.close()
