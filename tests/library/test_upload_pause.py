"""The nightly pause as decisions: when it begins, what ends it, and what it never does."""

import json
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings as hypothesis_settings, strategies as st

from custom_components.local_solar.solarlink.control.upload_model import (
    Action,
    Decision,
    Phase,
    Reason,
    Settings,
    Snapshot,
    State,
)
from custom_components.local_solar.solarlink.control.upload_pause import CALM, STEP, decide, end_by_hand
from custom_components.local_solar.solarlink.errors import ValueKindError, ValueRangeError

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a clock without zone
MIDNIGHT = datetime(2026, 6, 16)  # noqa: DTZ001
DAY = date(2026, 6, 15)
WALL = 1_781_560_000.0


def at(hours: int, minutes: int = 0, seconds: float = 0.0) -> float:
    """Seconds from the installation's midnight; hours before it are negative."""
    return hours * 3600 + minutes * 60 + seconds


class World:
    """One installation as the controller sees it; ``time`` is seconds from midnight of its clock, always right."""

    def __init__(
        self, settings: Settings | None = None, *, start: float = at(-1), flag: bool = False, **known: Any
    ) -> None:
        self.settings = settings or Settings()
        self.time = start
        self.state = State()
        self.known: dict[str, Any] = {"portal_usable": True, **known}
        self.paused = False
        self.clock_shift = 0.0
        """What the clock of the installation is wrong since somebody has set it."""
        self.answers = True
        self.flag = flag
        self.portal_days: list[date] | None = None
        self.actions: list[tuple[float, Action]] = []
        self.pauses: list[tuple[float, float, Reason]] = []
        self.decision = self._decide()

    def _snapshot(self) -> Snapshot:
        return Snapshot(now=WALL + self.time, monotonic=1e6 + self.time, paused=self.paused, **self.known)

    def see(self, **moments: float | bool | None) -> None:
        """Something is seen on the line now; ``True`` stands for now."""
        now = 1e6 + self.time
        for name, value in moments.items():
            self.known[name] = now if value is True else value
        self.known |= {"new_file": self.flag, "flags_at": now}

    def transfer(self, *, finished: bool = False, broken: bool = False) -> None:
        """A frame of a file transfer is seen."""
        if finished:
            self.flag = False
        self.see(
            transfer_at=True,
            **({"finished_at": True} if finished else {}),
            **({"broken_at": True} if broken else {}),
        )

    def step(self) -> Decision:
        self.decision = self._decide()
        return self.decision

    def _decide(self) -> Decision:
        return self._carry_out(decide(self.state, self._snapshot(), self.settings))

    def _carry_out(self, decision: Decision) -> Decision:
        before, self.state = self.state, decision.state
        for action in decision.actions:
            self.actions.append((self.time, action))
            match action:
                case Action.PAUSE:
                    assert not self.paused
                    self.paused = True
                case Action.RESUME:
                    assert self.paused
                    self.paused = False
                case Action.MEASURE_CLOCK if self.answers:
                    shown = (MIDNIGHT - EPOCH).total_seconds() + self.time + self.clock_shift
                    self.known |= {"clock": shown, "clock_at": 1e6 + self.time}
                    self.see()
                case Action.ASK_PORTAL if self.portal_days is not None:
                    self.known |= {"portal_days": list(self.portal_days), "portal_at": 1e6 + self.time}
        if before.pausing and not self.state.pausing:
            assert self.state.lasted is not None
            self.pauses.append((self.time, self.state.lasted, self.state.reason))
        return decision

    def by_hand(self) -> None:
        self.decision = self._carry_out(end_by_hand(self.state, self._snapshot(), self.settings))

    def run(self, until: float, step: float = STEP) -> Decision:
        while self.time + step <= until:
            self.time += step
            self.step()
        return self.decision

    def restart(self, seconds: float = 60.0) -> None:
        """The program is started anew; what it knows is what it saved."""
        saved = json.loads(json.dumps(self.state.as_dict()))
        self.state = State.from_dict(saved)
        usable = self.known["portal_usable"]
        self.known = {"portal_usable": usable}
        self.time += seconds

    def times(self, action: Action) -> list[float]:
        return [when for when, each in self.actions if each is action]


def paused_world(settings: Settings | None = None, **known: Any) -> World:
    """Just before midnight, paused."""
    world = World(settings, **known)
    world.run(at(0, 0, -5))
    assert world.paused
    return world


def closed(world: World) -> None:
    """The gateway has closed the file of the day."""
    world.run(at(0, 0, 30))
    world.flag = True


# Beginning


def test_the_pause_begins_before_midnight_of_the_installations_clock() -> None:
    world = World()
    world.run(at(0, -2, -1))
    assert (world.decision.phase, world.paused) == (Phase.WAITING, False)
    world.run(at(0, -2, 5))
    assert (world.decision.phase, world.paused) == (Phase.PAUSED, True)
    assert world.times(Action.PAUSE) == pytest.approx([at(0, -2)], abs=STEP)


def test_the_next_pause_is_told_in_the_time_of_the_wall() -> None:
    world = World()
    assert world.decision.phase is Phase.CLOCK_UNKNOWN
    assert world.step().next_pause == pytest.approx(WALL + at(0, -2))
    world.run(at(0))
    assert world.decision.next_pause is None


def test_without_a_clock_nothing_is_paused_and_the_clock_is_asked_for_once_a_minute() -> None:
    world = World(start=at(-1))
    world.answers = False
    world.known = {"portal_usable": True}
    world.state, world.actions = State(), []
    world.run(at(1))
    assert not world.times(Action.PAUSE)
    measured = world.times(Action.MEASURE_CLOCK)
    assert 110 <= len(measured) <= 121
    assert min(later - earlier for earlier, later in pairwise(measured)) >= 60


def test_the_clock_is_measured_every_six_hours_and_shortly_before_the_pause() -> None:
    world = World(start=at(-23))
    world.run(at(0, -3))
    assert world.times(Action.MEASURE_CLOCK) == pytest.approx(
        [at(-23), at(-17), at(-11), at(-5), at(0, -17)], abs=2 * STEP * 4
    )


@pytest.mark.parametrize("hours", [-11.5, -1.0, 3.0, 11.9])
def test_a_wrong_clock_moves_the_pause_to_its_own_midnight(hours: float) -> None:
    world = World(start=at(-13) - hours * 3600)
    world.clock_shift = hours * 3600
    world.known = {"portal_usable": True}
    world.run(at(2) - hours * 3600)
    assert world.times(Action.PAUSE) == pytest.approx([at(0, -2) - hours * 3600], abs=STEP)


def test_no_pause_when_the_gateway_would_reset_itself() -> None:
    world = World(objection=True)
    world.run(at(1))
    assert (world.decision.phase, world.times(Action.PAUSE)) == (Phase.WATCHDOG, [])


def test_no_pause_when_switched_off() -> None:
    world = World(Settings(enabled=False))
    world.run(at(1))
    assert (world.decision.phase, world.actions) == (Phase.SWITCHED_OFF, [])


def test_the_owners_own_pause_is_left_alone() -> None:
    world = World()
    world.run(at(0, -10))
    world.paused = True
    world.run(at(1))
    assert world.decision.phase is Phase.OWNER_PAUSE
    assert world.paused
    assert not {Action.PAUSE, Action.RESUME} & {action for _, action in world.actions}


# Ending


def test_an_upload_that_is_seen_ends_the_pause_shortly_after_its_last_block() -> None:
    world = paused_world()
    closed(world)
    for second in range(60, 160, 5):
        world.run(at(0, 0, second))
        world.transfer()
        assert world.step().uploading
    assert world.decision.phase is Phase.UPLOADING
    world.transfer(finished=True)
    world.run(at(0, 0, 155 + 15))
    assert (world.decision.uploading, world.paused) == (False, True)
    world.run(at(0, 0, 155 + 25))
    assert not world.paused
    assert world.state.reason is Reason.UPLOAD_SEEN
    assert world.state.last_upload == pytest.approx(WALL + 155, abs=1)
    assert not world.times(Action.ASK_PORTAL)


def test_a_transfer_whose_end_was_missed_is_over_after_a_minute_of_quiet() -> None:
    world = paused_world()
    world.run(at(0, 1))
    world.transfer()
    world.run(at(0, 1, 55))
    assert world.paused
    world.run(at(0, 2, 5))
    assert (world.paused, world.state.reason) == (False, Reason.UPLOAD_SEEN)


def test_the_status_bit_that_falls_ends_the_pause_where_no_transfer_is_seen() -> None:
    world = paused_world()
    closed(world)
    world.run(at(0, 5))
    looks = [when for when in world.times(Action.MEASURE_CLOCK) if when > 0]
    assert looks == [60, 120, 180, 240, 300]
    world.flag = False
    world.run(at(0, 6, 10))
    assert (world.paused, world.state.reason) == (False, Reason.FLAG_FELL)
    assert world.state.last_upload is not None


def test_the_portal_ends_the_pause_when_it_has_the_day() -> None:
    world = paused_world(Settings(portal=True))
    assert len(world.times(Action.ASK_PORTAL)) == 1
    closed(world)
    world.portal_days = [date(2026, 6, 14)]
    world.run(at(0, 4))
    assert world.paused
    asked = world.times(Action.ASK_PORTAL)[1:]
    assert asked
    assert min(later - earlier for earlier, later in pairwise(asked)) >= 60
    world.portal_days = [DAY, date(2026, 6, 14)]
    world.run(at(0, 6))
    assert (world.paused, world.state.reason) == (False, Reason.PORTAL_HAS_DAY)


def test_a_day_that_the_portal_had_before_midnight_says_nothing() -> None:
    world = World(Settings(portal=True))
    world.portal_days = [DAY]
    closed(world)
    world.run(at(0, 44))
    assert (world.paused, world.state.reason) == (False, Reason.MAXIMUM_TIME)


def test_the_portal_is_not_asked_unless_the_owner_wants_it_and_it_can_be() -> None:
    for settings, usable in ((Settings(portal=False), True), (Settings(portal=True), False)):
        world = paused_world(settings, portal_usable=usable)
        closed(world)
        world.run(at(0, 20))
        assert not world.times(Action.ASK_PORTAL)


def test_without_a_new_file_the_pause_ends_after_ten_minutes() -> None:
    world = paused_world()
    world.run(at(0, 10, 20))
    assert world.paused
    world.run(at(0, 11))
    assert (world.paused, world.state.reason) == (False, Reason.NOT_STARTED)


def test_the_pause_never_lasts_longer_than_allowed() -> None:
    world = paused_world(Settings(longest=900))
    closed(world)
    world.run(at(1))
    ((_, lasted, reason),) = world.pauses
    assert lasted == pytest.approx(900, abs=STEP)
    assert reason is Reason.MAXIMUM_TIME


def test_a_transfer_that_breaks_off_is_given_time_to_begin_anew() -> None:
    world = paused_world()
    closed(world)
    world.run(at(0, 2))
    world.transfer()
    world.run(at(0, 2, 5))
    world.transfer(broken=True)
    world.run(at(0, 3))
    assert (world.decision.phase, world.paused) == (Phase.BROKEN_OFF, True)
    world.run(at(0, 12))
    world.transfer()
    assert world.step().phase is Phase.UPLOADING
    world.transfer(finished=True)
    world.run(at(0, 13))
    assert (world.paused, world.state.reason) == (False, Reason.UPLOAD_SEEN)


def test_a_transfer_that_does_not_begin_anew_was_disturbed() -> None:
    world = paused_world()
    closed(world)
    world.run(at(0, 2))
    world.transfer()
    world.run(at(0, 17, 30))
    assert (world.paused, world.state.reason) == (False, Reason.DISTURBED)
    assert world.state.last_upload is None


def test_an_older_file_fetched_before_midnight_does_not_end_the_pause() -> None:
    world = World()
    world.flag = True
    world.run(at(0, -1, -30))
    world.transfer()
    world.transfer(finished=True)
    world.run(at(0))
    assert world.paused
    closed(world)
    world.run(at(0, 5))
    assert world.paused


def test_another_file_that_follows_is_waited_for() -> None:
    world = paused_world()
    closed(world)
    world.run(at(0, 1))
    world.transfer()
    world.see(transfer_at=True, finished_at=True)
    world.run(at(0, 1, 40))
    assert world.paused
    world.transfer()
    world.run(at(0, 2, 0))
    world.transfer(finished=True)
    world.run(at(0, 2, 25))
    assert (world.paused, world.state.reason) == (False, Reason.UPLOAD_SEEN)


def test_a_gateway_that_never_clears_its_bit_still_has_the_pause_end_with_the_file() -> None:
    world = paused_world()
    closed(world)
    world.run(at(0, 1))
    world.see(transfer_at=True, finished_at=True)
    world.run(at(0, 2, 5))
    assert (world.paused, world.state.reason) == (False, Reason.UPLOAD_SEEN)


# People, clocks and restarts


def test_the_owner_ends_the_pause_and_the_night_is_not_paused_again() -> None:
    world = paused_world()
    world.by_hand()
    assert (world.paused, world.state.reason) == (False, Reason.SWITCHED_OFF)
    assert world.decision.next_pause == pytest.approx(WALL + at(24, -2), abs=10)
    world.run(at(1))
    assert len(world.times(Action.PAUSE)) == 1
    world.run(at(24))
    assert len(world.times(Action.PAUSE)) == 2


def test_polling_taken_up_by_somebody_else_counts_as_the_owners_will() -> None:
    world = paused_world()
    world.paused = False
    world.run(at(1))
    assert world.state.reason is Reason.SWITCHED_OFF
    assert len(world.times(Action.PAUSE)) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"enabled": False}, Reason.SWITCHED_OFF), ({"longest": 180.0}, Reason.MAXIMUM_TIME)],
)
def test_settings_that_change_in_the_middle(change: dict[str, Any], reason: Reason) -> None:
    world = paused_world()
    world.run(at(0, 2))
    world.settings = replace(world.settings, **change)
    world.step()
    assert (world.paused, world.state.reason) == (False, reason)


def test_a_watchdog_that_is_armed_in_the_middle_ends_the_pause() -> None:
    world = paused_world()
    world.known["objection"] = True
    world.step()
    assert (world.paused, world.state.reason) == (False, Reason.WATCHDOG)


def test_a_clock_set_forward_out_of_the_window_ends_the_pause() -> None:
    world = paused_world()
    closed(world)
    world.run(at(0, 3, 10))
    world.clock_shift = 3600
    world.run(at(0, 5))
    assert (world.paused, world.state.reason) == (False, Reason.WINDOW_OVER)


def test_a_clock_set_back_to_before_the_window_has_the_night_again() -> None:
    world = paused_world()
    world.run(at(0, 0, 55))
    world.clock_shift = -3600
    world.run(at(0, 5))
    assert (world.paused, world.state.reason) == (False, Reason.WINDOW_OVER)
    world.run(at(1))
    assert world.times(Action.PAUSE)[1:] == pytest.approx([at(1, -2)], abs=STEP)


def test_a_step_of_the_clock_on_the_wall_changes_nothing() -> None:
    world = World()
    world.run(at(-0, -30))
    snapshot = replace(world._snapshot(), now=WALL + 50 * 86400)
    assert decide(world.state, snapshot, world.settings).phase is Phase.WAITING
    world.run(at(0, -1))
    later = replace(world._snapshot(), now=WALL + 50 * 86400)
    assert decide(world.state, later, world.settings).phase is Phase.PAUSED


def test_a_restart_in_the_middle_goes_on_waiting() -> None:
    world = paused_world()
    closed(world)
    world.run(at(0, 3))
    world.restart(120)
    assert world.step().phase is Phase.PAUSED
    world.run(at(0, 6))
    world.flag = False
    world.run(at(0, 8))
    assert (world.paused, world.state.reason) == (False, Reason.FLAG_FELL)
    assert world.pauses[0][1] == pytest.approx(at(0, 9, 5), abs=70)


def test_a_restart_during_the_upload_is_noticed_when_it_is_over() -> None:
    world = paused_world()
    closed(world)
    world.run(at(0, 2))
    world.transfer()
    world.run(at(0, 2, 10))
    world.restart(300)
    world.flag = False
    world.run(at(0, 9))
    assert (world.paused, world.state.reason) == (False, Reason.UPLOAD_SEEN)


def test_a_program_that_was_away_longer_than_the_pause_may_last_polls_at_once() -> None:
    world = paused_world()
    world.restart(at(5))
    world.step()
    assert (world.paused, world.state.reason) == (False, Reason.MAXIMUM_TIME)


def test_a_program_started_late_in_the_window_looks_before_it_pauses() -> None:
    for flag, pauses in ((False, 0), (True, 1)):
        world = World(start=at(0, 10), flag=flag)
        world.run(at(0, 12))
        assert len(world.times(Action.PAUSE)) == pauses
        assert world.times(Action.MEASURE_CLOCK)


def test_a_transfer_at_another_time_pauses_too_but_not_for_ever() -> None:
    world = World(start=at(10), clock_at=None)
    world.run(at(10, 1))
    world.flag = True
    while world.time < at(13):
        world.transfer()
        world.run(world.time + 30)
    (begun,) = world.times(Action.PAUSE)
    assert begun == pytest.approx(at(10, 1), abs=STEP)
    ((_, lasted, reason),) = world.pauses
    assert lasted == pytest.approx(2700, abs=STEP)
    assert reason is Reason.MAXIMUM_TIME
    assert world.state.calm_until == pytest.approx(WALL + at(10, 46) + CALM, abs=30)


def test_an_upload_is_noted_although_nothing_is_paused() -> None:
    world = World(Settings(enabled=False), start=at(3))
    world.transfer()
    assert world.step().uploading
    world.transfer(finished=True)
    decision = world.step()
    assert not decision.uploading
    assert decision.state.last_upload == pytest.approx(WALL + at(3))


def test_settings_refuse_what_makes_no_sense() -> None:
    for longest in (179.0, 7201.0):
        with pytest.raises(ValueRangeError):
            Settings(longest=longest)
    for window in ({"start": time(11, 59)}, {"end": time(12)}, {"end": time(0)}):
        with pytest.raises(ValueKindError):
            Settings(**window)  # type: ignore[arg-type]


def test_a_state_of_unknown_shape_is_forgotten() -> None:
    good = State(pausing=True, began=5.0, night=3).as_dict()
    assert State.from_dict(good) == State(pausing=True, began=5.0, night=3)
    for broken in ({}, {**good, "reason": "no"}, {**good, "night": "x"}, {**good, "calm_until": None}):
        assert State.from_dict(broken) == State()


# What holds whatever happens


EVENTS = [
    "frame",
    "finish",
    "break",
    "flag",
    "no_flag",
    "restart",
    "set_clock",
    "answers",
    "silence",
    "objection",
    "day",
]
HISTORIES = st.lists(st.tuples(st.integers(5, 1500), st.sampled_from(EVENTS), st.integers(-7200, 7200)), max_size=60)
"""Events: seconds that pass before one, what happens, and how large it is where that matters."""


@hypothesis_settings(max_examples=150, deadline=None)
@given(history=HISTORIES, longest=st.integers(180, 3600), portal=st.booleans(), start=st.integers(-3600, 900))
def test_no_history_breaks_the_promises(
    history: list[tuple[int, str, int]], longest: int, portal: bool, start: int
) -> None:
    world = World(Settings(longest=float(longest), portal=portal), start=float(start))
    for seconds, event, size in history:
        world.run(world.time + seconds)
        match event:
            case "frame":
                world.transfer()
            case "finish":
                world.transfer(finished=True)
            case "break":
                world.transfer(broken=True)
            case "flag" | "no_flag":
                world.flag = event == "flag"
                world.see()
            case "restart":
                world.restart(float(abs(size)))
            case "set_clock":
                world.clock_shift = float(size)
            case "answers" | "silence":
                world.answers = event == "answers"
            case "objection":
                world.known["objection"] = not world.known.get("objection", False)
            case "day":
                world.portal_days = [DAY + timedelta(days=size % 3)]
        world.step()
    # Nothing happens any more: polling goes on in the end.
    world.known["objection"] = False
    world.run(world.time + longest + 2 * STEP)
    for index, (_, lasted, _) in enumerate(world.pauses):
        away = sum(abs(size) for _, event, size in history if event == "restart")
        assert lasted <= longest + STEP + away, index
    asked = world.times(Action.ASK_PORTAL)
    restarted = any(event == "restart" for _, event, _ in history)
    if not restarted:
        assert all(later - earlier >= 60 for earlier, later in pairwise(asked))
    assert portal or not asked
    order = [action for _, action in world.actions if action in (Action.PAUSE, Action.RESUME)]
    assert order[::2] == [Action.PAUSE] * len(order[::2])
    assert order[1::2] == [Action.RESUME] * len(order[1::2])
