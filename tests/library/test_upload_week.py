"""A week of nightly uploads in compressed time: real client, simulated portal, a drifting clock, a change of time."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from custom_components.local_solar.solarlink.control.upload_model import (
    Action,
    Decision,
    Reason,
    Settings,
    Snapshot,
    State,
)
from custom_components.local_solar.solarlink.control.upload_pause import decide
from custom_components.local_solar.solarlink.errors import SolarError
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.points import Ref
from custom_components.local_solar.solarlink.studer.client import StuderClient
from custom_components.local_solar.solarlink.studer.values import wall_seconds
from simulators.house import House
from simulators.studer import StuderSimulator, Upload

from .conftest import MakeClient

HOST = "127.0.0.1"
START = datetime(2026, 10, 21, 21, 0)  # noqa: DTZ001 - the wall of the house; on the 25th summer time ends
POLLED = [Ref("xt1", "battery_voltage"), Ref("xt2", "battery_voltage"), Ref("bms", "state_of_charge")]
NIGHT = (23, 0, 3)
NIGHT_PERIOD, DAY_PERIOD = 30, 300
"""Seconds between two polls; by day nothing happens that a shorter one would show."""
STEP = 10
SENSITIVE = Upload(tolerance=1)
"""A portal that gives up when it is not alone: one request of others in a minute is all that it stands."""


class Watch:
    """Runs client and controller as the integration does, on the clock of the simulated house."""

    def __init__(self, sim: StuderSimulator, client: StuderClient, settings: Settings) -> None:
        self.sim, self.client, self.settings = sim, client, settings
        self.began = sim.house.now
        client.traffic.clock = self.monotonic
        self.state = State()
        self.paused = False
        self.clock: tuple[float, float] | None = None
        self.next_decision = 0.0
        self.next_poll = 0.0
        self.decision: Decision | None = None
        self.pauses: list[tuple[datetime, float, Reason]] = []
        self.paused_between: list[tuple[float, float]] = []
        self.polls: list[tuple[float, float]] = []
        self.failed: list[str] = []
        self.wake = False
        client.traffic.on_transfer = self._heard

    def _heard(self) -> None:
        self.wake = True

    def monotonic(self) -> float:
        return (self.sim.house.now - self.began).total_seconds()

    async def run(self, seconds: float) -> None:
        end = self.monotonic() + seconds
        while self.monotonic() < end:
            self.sim.house.advance(STEP)
            # What the portal has asked for meanwhile has to get through the sockets.
            for _ in range(3):
                await asyncio.sleep(0)
            if self.monotonic() >= self.next_decision or self.wake:
                self.wake = False
                await self.decide()
            if self.monotonic() >= self.next_poll:
                await self.poll()

    async def poll(self) -> None:
        local = self.sim.clock.now
        night = local.hour in NIGHT
        self.next_poll = self.monotonic() + (NIGHT_PERIOD if night else DAY_PERIOD)
        if self.paused:
            return
        self.polls.append((self.monotonic(), self.next_poll))
        try:
            report = await self.client.read(POLLED)
        except SolarError as err:
            self.failed.append(f"{local} {err}")
            return
        if set(report.readings) != set(POLLED):
            self.failed.append(f"{local} {report.failed}")

    def snapshot(self) -> Snapshot:
        traffic = self.client.traffic
        clock, clock_at = self.clock or (None, None)
        return Snapshot(
            now=self.sim.clock.utc.timestamp(),
            monotonic=self.monotonic(),
            clock=clock,
            clock_at=clock_at,
            paused=self.paused,
            new_file=traffic.new_file,
            flags_at=traffic.flags_at,
            transfer_at=traffic.transfer_at,
            finished_at=traffic.finished_at,
            broken_at=traffic.broken_at,
            objection=self.client.pause_objection() is not None,
        )

    async def decide(self) -> None:
        before = self.state
        self.decision = decide(self.state, self.snapshot(), self.settings)
        self.state = self.decision.state
        self.next_decision = self.monotonic() + self.decision.again
        for action in self.decision.actions:
            await self._carry_out(action)
        if before.pausing and not self.state.pausing:
            assert self.state.lasted is not None
            self.pauses.append((self.sim.clock.now, self.state.lasted, self.state.reason))
            self.paused_between.append((self.monotonic() - self.state.lasted, self.monotonic()))

    async def _carry_out(self, action: Action) -> None:
        match action:
            case Action.PAUSE:
                self.paused = True
            case Action.RESUME:
                self.paused = False
                self.next_poll = self.monotonic()
            case Action.MEASURE_CLOCK:
                try:
                    shown, _ = await self.client.glance()
                except SolarError:
                    return
                self.clock = wall_seconds(shown), self.monotonic()

    def longest_silence(self) -> float:
        """How much later than due a reading came at most, s, pauses left out."""
        late = -math.inf
        for (_, due), (read, _) in pairwise(self.polls):
            paused = any(begin <= due <= end + STEP for begin, end in self.paused_between)
            late = max(late, read - due if not paused else -math.inf)
        return late

    def longest_by_night(self) -> dict[str, float]:
        nights: dict[str, float] = {}
        for when, lasted, _ in self.pauses:
            night = (when - timedelta(hours=12)).date().isoformat()
            nights[night] = max(nights.get(night, 0.0), lasted)
        return nights


async def installed(sims: list[StuderSimulator], make_client: MakeClient, **options: Any) -> Watch:
    sim = StuderSimulator(house=House(seed=1, speed=0, start=options.pop("start", START)), pace=0.0, **options)
    sims.append(sim)
    client = make_client(TcpWire(HOST, await sim.listen()))
    await client.identify()
    return Watch(sim, client, Settings())


@pytest.fixture
async def sims(socket_enabled: None) -> Any:
    made: list[StuderSimulator] = []
    yield made
    for sim in made:
        await sim.close()


def outcomes(watch: Watch) -> Sequence[str]:
    return [night.outcome for night in watch.sim.portal.nights]


async def test_a_week_with_drift_and_the_end_of_summer_time(
    sims: list[StuderSimulator], make_client: MakeClient, capsys: pytest.CaptureFixture[str]
) -> None:
    watch = await installed(
        sims, make_client, upload=SENSITIVE, zone="Europe/Berlin", clock_drift=60.0, clock_offset=-200.0
    )
    # The clock goes on in summer time after the change of the 25th, until the option that keeps it right sets it.
    await watch.run(4.5 * 86400)
    ahead = watch.sim.clock.error
    assert ahead == pytest.approx(3600 - 200 + 4.5 * 60, abs=10)
    watch.sim.clock.set(watch.sim.clock.seconds - round(ahead))
    await watch.run(2.5 * 86400)

    assert outcomes(watch) == ["complete"] * 7
    assert max(night.foreign for night in watch.sim.portal.nights) <= 1
    assert [reason for _, _, reason in watch.pauses] == [Reason.UPLOAD_SEEN] * 7
    longest = watch.longest_by_night()
    assert len(longest) == 7
    # Two minutes before midnight, a minute until the portal begins, a minute and a half of upload, the quiet behind it.
    assert max(longest.values()) < 5.5 * 60
    assert watch.failed == []
    assert watch.longest_silence() <= 0
    with capsys.disabled():
        shown = ", ".join(f"{night} {seconds:.0f} s" for night, seconds in longest.items())
        print(f"\nlongest pause per night: {shown}; {len(watch.polls)} polls, none failed")  # noqa: T201


async def test_without_the_pause_the_uploads_are_disturbed(
    sims: list[StuderSimulator], make_client: MakeClient
) -> None:
    watch = await installed(sims, make_client, upload=SENSITIVE)
    watch.settings = Settings(enabled=False)
    await watch.run(86400)
    assert outcomes(watch) == ["disturbed"]


@pytest.mark.parametrize("delimiters", ["clean", "pass", "strip"])
async def test_a_large_system_is_waited_for(
    sims: list[StuderSimulator], make_client: MakeClient, delimiters: str
) -> None:
    watch = await installed(sims, make_client, upload=Upload(seconds=2300), delimiters=delimiters)
    await watch.run(4 * 3600)
    assert outcomes(watch) == ["complete"]
    ((_, lasted, reason),) = watch.pauses
    assert reason is Reason.UPLOAD_SEEN
    assert 2300 < lasted < 2700


async def test_a_portal_that_comes_late_is_let_alone_as_soon_as_it_is_heard(
    sims: list[StuderSimulator], make_client: MakeClient
) -> None:
    watch = await installed(sims, make_client, upload=replace(SENSITIVE, delay=3 * 3600, seconds=600))
    await watch.run(7 * 3600)
    assert outcomes(watch) == ["complete"]
    assert [reason for _, _, reason in watch.pauses] == [Reason.MAXIMUM_TIME, Reason.UPLOAD_SEEN]


async def test_a_portal_that_does_not_come_costs_the_longest_pause(
    sims: list[StuderSimulator], make_client: MakeClient
) -> None:
    watch = await installed(sims, make_client)
    await watch.run(5 * 3600)
    ((_, lasted, reason),) = watch.pauses
    assert (reason, lasted) == (Reason.MAXIMUM_TIME, 2700.0)


async def test_without_a_card_the_pause_is_short(sims: list[StuderSimulator], make_client: MakeClient) -> None:
    watch = await installed(sims, make_client, flags=0x20)
    await watch.run(5 * 3600)
    ((_, lasted, reason),) = watch.pauses
    assert reason is Reason.NOT_STARTED
    assert lasted < 13 * 60
