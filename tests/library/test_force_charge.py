"""Force charge until a state of charge or a time: against a device with its faults, in compressed time."""

import json
import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.control.force_charge import (
    LOOK_AGAIN,
    RESTART_WAITS,
    STALE_AFTER,
    START_SETTLE,
    STOP_SETTLE,
    STOPS_AGAIN,
    WATCH_CLEAR,
    WATCH_FOR,
    Action,
    Decision,
    Order,
    Phase,
    Reason,
    Snapshot,
    State,
    accept,
    by_hand,
    decide,
)
from custom_components.local_solar.solarlink.errors import ValueKindError, ValueRangeError

T0 = 1_800_000_000.0


def order(target: float = 80.0, until: float | None = None) -> Order:
    return Order(target, until, T0)


def snapshot(at: float = T0, *, running: bool | None = False, soc: float | None = 50.0, **more: Any) -> Snapshot:
    return Snapshot(at=at, running=running, state_of_charge=soc, **more)


@dataclass
class Battery:
    """A device that follows its two buttons after a few seconds, as machines do, and that can be made to misbehave."""

    soc: float = 50.0
    follows_after: float = 4.0
    """Seconds until a button takes effect."""
    percent_per_second: float = 0.01
    begins_again: int = 0
    """How many stops it undoes after ten seconds."""
    ends_early: list[float] = field(default_factory=list)
    """After how many seconds of running it ends by itself, one for each start."""
    mute: list[tuple[float, float]] = field(default_factory=list)
    """From when to when (seconds from the start) nothing believable is read."""
    deaf: list[tuple[float, float]] = field(default_factory=list)
    """From when to when nothing can be written."""

    running: bool = False
    finished: bool = False
    now: float = T0
    written: list[tuple[float, Action]] = field(default_factory=list)
    _plans: list[tuple[float, bool]] = field(default_factory=list)

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.now += 1.0
            for plan in [plan for plan in self._plans if plan[0] <= self.now]:
                self._plans.remove(plan)
                self._switch(plan[1])
            if self.running:
                self.soc += self.percent_per_second
                if self.soc >= 100.0:
                    self.soc, self.running, self.finished = 100.0, False, True

    def _switch(self, running: bool) -> None:
        if running and not self.running:
            self.finished = False
            if self.ends_early:
                self._plans.append((self.now + self.ends_early.pop(0), False))
        self.running = running

    def write(self, action: Action) -> bool:
        """As the client writes: after a look whether it is so already."""
        if self._in(self.deaf):
            return False
        wanted = action is Action.START
        if wanted == self.running:
            return True
        self.written.append((self.now - T0, action))
        self._plans = [(self.now + self.follows_after, wanted)]
        if not wanted and self.begins_again > 0:
            self.begins_again -= 1
            self._plans.append((self.now + 10.0, True))
        return True

    def press(self, *, on: bool) -> None:
        """Somebody switches at the device itself."""
        self._plans = []
        self._switch(on)

    def _in(self, spans: list[tuple[float, float]]) -> bool:
        return any(start <= self.now - T0 < end for start, end in spans)

    def look(self) -> Snapshot:
        if self._in(self.mute):
            return Snapshot(at=self.now, running=None, state_of_charge=None)
        return snapshot(self.now, running=self.running, soc=self.soc, finished=self.finished)


class Owner:
    """Does what the integration does: looks, decides, carries out, and then keeps the state on disk."""

    def __init__(self, device: Battery, given: Order, *, poll: float = 10.0) -> None:
        self.device, self.poll = device, poll
        self.state = accept(given)
        self.reasons: list[Reason] = []
        self.phases: list[Phase] = []

    def step(self) -> Decision:
        decision = decide(self.state, self.device.look(), self.device.now)
        if decision.action is Action.NOTHING or self.device.write(decision.action):
            self.state = decision.state
        if self.reasons[-1:] != [decision.reason]:
            self.reasons.append(decision.reason)
        if self.phases[-1:] != [self.state.phase]:
            self.phases.append(self.state.phase)
        return decision

    def run(self, seconds: float) -> None:
        end = self.device.now + seconds
        while self.device.now < end:
            look_again = self.step().look_again
            wait = self.poll if look_again is None else min(self.poll, max(look_again - self.device.now, 1.0))
            self.device.pass_time(math.ceil(wait))

    def restart(self, away: float) -> None:
        """Home Assistant restarts; what it remembers goes through its store."""
        saved = json.loads(json.dumps(self.state.as_dict()))
        self.device.pass_time(away)
        self.state = State.from_dict(saved)


# The plain course


@pytest.mark.parametrize("poll", [5.0, 10.0, 60.0, 300.0])
def test_it_charges_to_the_target_and_stops_once(poll: float) -> None:
    device = Battery(soc=50.0)
    owner = Owner(device, order(60.0), poll=poll)
    owner.run(3 * 3600)
    assert [action for _, action in device.written] == [Action.START, Action.STOP]
    assert not device.running
    assert 60.0 <= device.soc <= 60.0 + 0.01 * (poll + 10)
    assert owner.phases == [Phase.CHARGING, Phase.REACHED]
    assert owner.state.reason is Reason.TARGET
    assert not owner.state.watching


@pytest.mark.parametrize("poll", [10.0, 300.0])
def test_it_stops_at_the_time_to_the_second(poll: float) -> None:
    device = Battery()
    owner = Owner(device, order(90.0, until=T0 + 1234.0), poll=poll)
    owner.run(3600)
    assert device.written[-1] == (1234.0, Action.STOP)
    assert (owner.state.phase, owner.state.reason) == (Phase.ENDED, Reason.TIME)
    assert not device.running


@pytest.mark.parametrize("soc", [80.0, 95.0])
def test_nothing_is_written_when_the_target_is_reached_already(soc: float) -> None:
    device = Battery(soc=soc)
    owner = Owner(device, order(80.0))
    owner.run(600)
    assert device.written == []
    assert (owner.state.phase, owner.state.reason) == (Phase.REACHED, Reason.TARGET)


def test_a_charge_that_runs_already_is_taken_over() -> None:
    device = Battery(soc=50.0, running=True)
    owner = Owner(device, order(55.0))
    owner.run(1200)
    assert [action for _, action in device.written] == [Action.STOP]
    assert owner.state.phase is Phase.REACHED
    assert 55.0 <= device.soc < 55.3


def test_the_end_of_the_device_at_full_is_the_end_of_the_order() -> None:
    # The state of charge sticks just below the target, as measured ones do.
    state = accept(order(100.0))
    state = decide(state, snapshot(soc=99.0), T0).state
    state = decide(state, snapshot(T0 + 40, running=True, soc=99.4), T0 + 40).state
    decision = decide(state, snapshot(T0 + 50, running=False, soc=99.6, finished=True), T0 + 50)
    assert (decision.action, decision.reason, decision.state.phase) == (Action.NOTHING, Reason.FULL, Phase.REACHED)


def test_what_was_finished_before_the_order_does_not_end_it() -> None:
    decision = decide(accept(order()), snapshot(finished=True), T0)
    assert decision.action is Action.START
    early = snapshot(T0 + 2, finished=True)
    assert decide(decision.state, early, T0 + 2).state.phase is Phase.CHARGING


def test_full_to_the_end() -> None:
    device = Battery(soc=98.0)
    owner = Owner(device, order(100.0))
    owner.run(1200)
    assert [action for _, action in device.written] == [Action.START]
    assert owner.state.phase is Phase.REACHED


def test_without_an_order_nothing_happens() -> None:
    for running in (True, False, None):
        decision = decide(State(), snapshot(running=running), T0)
        assert decision == Decision(State(), Action.NOTHING, Reason.NO_ORDER)


@pytest.mark.parametrize("target", [0.0, 0.5, -1.0, 100.1, math.nan, math.inf])
def test_an_impossible_target_is_refused(target: float) -> None:
    with pytest.raises(ValueRangeError):
        order(target)


@pytest.mark.parametrize("until", [math.nan, math.inf])
def test_an_impossible_time_is_refused(until: float) -> None:
    with pytest.raises(ValueKindError):
        order(until=until)


# The device begins again after a stop


@pytest.mark.parametrize("poll", [5.0, 10.0, 300.0])
@pytest.mark.parametrize("times", range(1, STOPS_AGAIN + 1))
def test_it_is_stopped_again_when_it_begins_again(times: int, poll: float) -> None:
    device = Battery(soc=50.0, begins_again=times)
    owner = Owner(device, order(51.0), poll=poll)
    owner.run(1800)
    assert [action for _, action in device.written] == [Action.START] + [Action.STOP] * (times + 1)
    assert not device.running
    assert Reason.BEGUN_AGAIN in owner.reasons
    assert (owner.state.phase, owner.state.reason) == (Phase.REACHED, Reason.TARGET)
    assert not owner.state.watching
    stops = [at for at, action in device.written if action is Action.STOP]
    assert all(later - at <= STOP_SETTLE + 1 for at, later in pairwise(stops))


def test_a_device_that_never_stops_is_told_so_often_and_then_reported() -> None:
    device = Battery(soc=50.0, begins_again=99)
    owner = Owner(device, order(51.0))
    owner.run(3600)
    assert [action for _, action in device.written].count(Action.STOP) == 1 + STOPS_AGAIN
    assert (owner.state.phase, owner.state.reason) == (Phase.ENDED, Reason.NOT_STOPPING)


def test_one_that_begins_again_only_after_a_while_is_seen_too() -> None:
    state = decide(accept(order(50.0)), snapshot(running=True), T0).state
    assert state.watching
    for at, running in ((5.0, True), (14.0, True), (16.0, False), (40.0, False)):
        decision = decide(state, snapshot(T0 + at, running=running), T0 + at)
        assert decision.action is Action.NOTHING
        state = decision.state
    assert decide(state, snapshot(T0 + 59.0, running=True), T0 + 59.0).action is Action.STOP
    clear = decide(state, snapshot(T0 + WATCH_CLEAR), T0 + WATCH_CLEAR).state
    assert not clear.watching
    later = T0 + WATCH_CLEAR + 30
    assert decide(clear, snapshot(later, running=True), later).action is Action.NOTHING


def test_what_runs_long_after_the_stop_is_somebody_elses_charge() -> None:
    state = decide(accept(order(50.0)), snapshot(running=True), T0).state
    within, after = T0 + WATCH_FOR - 1, T0 + WATCH_FOR + 1
    assert decide(state, snapshot(within, running=True), within).action is Action.STOP
    decision = decide(state, snapshot(after, running=True), after)
    assert (decision.action, decision.state.watching) == (Action.NOTHING, False)


def test_an_old_reading_after_the_stop_proves_nothing() -> None:
    state = decide(accept(order(50.0)), snapshot(running=True), T0).state
    for at in (T0 - 5, T0, T0 + STOP_SETTLE - 1):
        for running in (True, False, None):
            decision = decide(state, snapshot(at, running=running), T0 + 70)
            assert decision.action is Action.NOTHING
            assert decision.state.watching
            assert decision.look_again == T0 + 70 + LOOK_AGAIN


def test_a_clock_that_was_set_back_does_not_keep_the_watch_for_ever() -> None:
    state = decide(accept(order(50.0)), snapshot(running=True), T0).state
    assert not decide(state, snapshot(T0 - 86400), T0 - 86400).state.watching


# The device ends by itself


def test_it_is_started_again_with_growing_waits() -> None:
    device = Battery(soc=50.0, ends_early=[100.0, 100.0, 100.0])
    owner = Owner(device, order(75.0), poll=5.0)
    owner.run(4000)
    assert owner.state.reason is Reason.TARGET
    assert owner.phases == [Phase.CHARGING, *[Phase.RESTARTING, Phase.CHARGING] * 3, Phase.REACHED]
    starts = [at for at, action in device.written if action is Action.START]
    assert len(starts) == 4
    for at, later, wait in zip(starts, starts[1:], RESTART_WAITS, strict=False):
        # It ran for 100 s from 4 s after the start on.
        assert 104 + wait <= later - at <= 104 + wait + 6


def test_after_every_start_the_device_gets_its_time_to_follow() -> None:
    device = Battery(soc=50.0, ends_early=[100.0])
    owner = Owner(device, order(90.0), poll=5.0)
    owner.run(60)
    device.follows_after = 25.0
    owner.run(300)
    assert [action for _, action in device.written] == [Action.START, Action.START]
    assert (owner.state.phase, owner.state.reason) == (Phase.CHARGING, Reason.RUNNING)
    device.ends_early = [1e9]
    device.press(on=False)
    device.follows_after = 1e9
    owner.run(600)
    starts = [at for at, action in device.written if action is Action.START]
    assert starts[3] - starts[2] >= START_SETTLE + RESTART_WAITS[2]


def test_it_gives_up_when_the_device_ends_again_and_again() -> None:
    device = Battery(soc=50.0, ends_early=[60.0] * 99)
    owner = Owner(device, order(80.0))
    owner.run(7200)
    assert [action for _, action in device.written] == [Action.START] * (1 + len(RESTART_WAITS))
    assert (owner.state.phase, owner.state.reason) == (Phase.ENDED, Reason.GAVE_UP)
    assert not device.running


def test_one_that_never_begins_is_given_up_as_well() -> None:
    device = Battery(soc=50.0, follows_after=1e9)
    owner = Owner(device, order(80.0))
    owner.run(7200)
    assert [action for _, action in device.written] == [Action.START] * (1 + len(RESTART_WAITS))
    assert (owner.state.phase, owner.state.reason) == (Phase.ENDED, Reason.GAVE_UP)


def test_a_charge_found_running_is_started_again_as_often() -> None:
    device = Battery(soc=50.0, running=True)
    owner = Owner(device, order(80.0))
    owner.run(20)
    device.ends_early = [30.0] * 99
    device.press(on=False)
    owner.run(7200)
    assert [action for _, action in device.written] == [Action.START] * len(RESTART_WAITS)
    assert owner.state.reason is Reason.GAVE_UP


def test_time_is_up_while_it_waits_to_start_again() -> None:
    device = Battery(soc=50.0, ends_early=[60.0] * 99)
    owner = Owner(device, order(80.0, until=T0 + 500.0))
    owner.run(1200)
    assert (owner.state.phase, owner.state.reason) == (Phase.ENDED, Reason.TIME)
    assert not device.running


def test_an_end_right_after_the_start_is_not_slept_through() -> None:
    """The time is up before the device has followed the start: not running does not mean stopped yet."""
    device = Battery(soc=50.0, follows_after=8.0)
    owner = Owner(device, order(80.0, until=T0 + 5.0), poll=5.0)
    owner.run(300)
    assert device.written[-1][1] is Action.STOP
    assert not device.running
    assert device.soc < 50.3


# Old and missing data


def test_missing_data_are_waited_for() -> None:
    device = Battery(soc=50.0, mute=[(100.0, 100.0 + STALE_AFTER - 20)])
    owner = Owner(device, order(60.0))
    owner.run(1800)
    assert [action for _, action in device.written] == [Action.START, Action.STOP]
    assert Reason.NO_DATA in owner.reasons
    assert owner.state.reason is Reason.TARGET


def test_without_data_for_long_it_stops() -> None:
    device = Battery(soc=50.0, mute=[(100.0, 3000.0)])
    owner = Owner(device, order(90.0))
    owner.run(3600)
    at, action = device.written[-1]
    assert action is Action.STOP
    assert 100 + STALE_AFTER - 11 <= at <= 100 + STALE_AFTER + 20
    assert (owner.state.phase, owner.state.reason) == (Phase.ENDED, Reason.SILENT)
    assert not device.running


@pytest.mark.parametrize("missing", ["running", "soc"])
def test_half_of_the_data_is_not_enough(missing: str) -> None:
    running = decide(accept(order()), snapshot(running=True), T0).state
    for state in (accept(order()), running):
        gone: Any = {missing: None}
        decision = decide(state, snapshot(T0 + 10, **{"running": False, **gone}), T0 + 10)
        assert (decision.action, decision.reason) == (Action.NOTHING, Reason.NO_DATA)
        assert decision.state.phase is Phase.CHARGING


def test_nothing_is_begun_upon_old_data() -> None:
    decision = decide(accept(order()), snapshot(T0 - 61), T0)
    assert (decision.action, decision.reason) == (Action.NOTHING, Reason.NO_DATA)
    assert decision.look_again == T0 + LOOK_AGAIN
    assert decide(decision.state, snapshot(T0 + 1), T0 + 1).action is Action.START


def test_the_same_old_reading_over_and_over_ends_in_a_stop() -> None:
    state, seen = accept(order()), snapshot(running=True)
    for seconds in range(0, int(STALE_AFTER) + 1, 30):
        decision = decide(state, seen, T0 + seconds)
        assert decision.action is Action.NOTHING
        state = decision.state
    late = T0 + STALE_AFTER + 1
    assert decide(state, seen, late).action is Action.STOP


def test_time_is_up_while_the_device_is_silent() -> None:
    state = decide(accept(order(until=T0 + 100)), snapshot(running=True), T0).state
    decision = decide(state, snapshot(T0 + 100, running=None, soc=None), T0 + 100)
    assert (decision.action, decision.reason) == (Action.STOP, Reason.TIME)


def test_a_stop_that_cannot_be_written_is_asked_for_until_it_can() -> None:
    device = Battery(soc=50.0, deaf=[(200.0, 900.0)])
    owner = Owner(device, order(90.0, until=T0 + 300))
    owner.run(890)
    assert [action for _, action in device.written] == [Action.START]
    assert owner.state.active
    owner.run(600)
    assert not device.running
    assert (owner.state.phase, owner.state.reason) == (Phase.ENDED, Reason.TIME)


# By hand


def test_switched_off_by_hand_the_order_ends_and_the_stop_is_watched() -> None:
    device = Battery(soc=50.0, begins_again=1)
    owner = Owner(device, order(90.0))
    owner.run(300)
    device.write(Action.STOP)
    owner.state = by_hand(owner.state, on=False, now=device.now)
    owner.run(300)
    assert [action for _, action in device.written] == [Action.START, Action.STOP, Action.STOP]
    assert (owner.state.phase, owner.state.reason) == (Phase.ENDED, Reason.OWNER)
    assert not device.running


def test_switched_off_by_hand_without_an_order_is_watched_too() -> None:
    device = Battery(running=True, begins_again=1)
    owner = Owner(device, order())
    device.write(Action.STOP)
    owner.state = by_hand(State(), on=False, now=device.now)
    owner.run(300)
    assert not device.running


def test_switched_on_by_hand_after_an_order_it_is_left_alone() -> None:
    device = Battery(soc=50.0)
    owner = Owner(device, order(51.0))
    owner.run(120)
    assert owner.state.phase is Phase.REACHED
    assert owner.state.watching
    device.write(Action.START)
    owner.state = by_hand(owner.state, on=True, now=device.now)
    owner.run(1200)
    assert device.running
    assert owner.state.phase is Phase.IDLE


def test_switched_on_by_hand_during_an_order_the_order_goes_on() -> None:
    state = decide(accept(order()), snapshot(running=True), T0).state
    assert by_hand(state, on=True, now=T0) is state


def test_released_at_the_device_the_order_ends() -> None:
    state = decide(accept(order()), snapshot(running=True), T0).state
    released = snapshot(T0 + 10, running=False, released=True)
    decision = decide(state, released, T0 + 10)
    assert (decision.action, decision.reason, decision.state.phase) == (Action.NOTHING, Reason.OWNER, Phase.ENDED)


def test_a_release_from_before_the_order_does_not_end_it() -> None:
    assert decide(accept(order()), snapshot(released=True), T0).action is Action.START


# Over a restart of Home Assistant


def test_a_valid_order_goes_on_after_a_restart() -> None:
    device = Battery(soc=50.0)
    owner = Owner(device, order(60.0))
    owner.run(300)
    owner.restart(120)
    owner.run(1800)
    assert [action for _, action in device.written] == [Action.START, Action.STOP]
    assert 60.0 <= device.soc < 60.3


def test_the_time_has_passed_during_the_restart() -> None:
    device = Battery(soc=50.0)
    owner = Owner(device, order(90.0, until=T0 + 600))
    owner.run(300)
    owner.restart(3000)
    owner.run(300)
    assert device.written[-1] == (3300.0, Action.STOP)
    assert owner.state.reason is Reason.TIME
    assert not device.running


def test_the_target_was_passed_during_the_restart() -> None:
    device = Battery(soc=50.0)
    owner = Owner(device, order(60.0))
    owner.run(300)
    owner.restart(3000)
    assert owner.step().action is Action.STOP


def test_the_watch_goes_on_after_a_restart() -> None:
    device = Battery(soc=50.0, begins_again=1)
    owner = Owner(device, order(51.0))
    while owner.state.active:
        owner.run(10)
    owner.restart(60)
    assert device.running
    owner.run(300)
    assert not device.running


def test_after_a_restart_the_device_gets_its_time_to_answer() -> None:
    device = Battery(soc=50.0, mute=[(400.0, 400.0 + 3000.0 + STALE_AFTER - 20)])
    owner = Owner(device, order(90.0))
    owner.run(400)
    owner.restart(3000)
    owner.run(STALE_AFTER - 20)
    assert owner.state.active
    assert device.running


@pytest.mark.parametrize(
    "state",
    [
        State(),
        accept(order(until=T0 + 5)),
        by_hand(accept(order()), on=False, now=T0),
        State(
            phase=Phase.RESTARTING,
            reason=Reason.ENDED_EARLY,
            order=order(),
            starts=2,
            ran=True,
            stops=1,
            written_at=T0,
            off_since=T0 + 3,
        ),
    ],
)
def test_round_trip_through_json(state: State) -> None:
    assert State.from_dict(json.loads(json.dumps(state.as_dict()))) == state


STORED = accept(order(until=T0 + 5)).as_dict()


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {**STORED, "phase": "dreaming"},
        {**STORED, "reason": None},
        {**STORED, "order": {"target": 80.0}},
        {**STORED, "order": {"target": 180.0, "until": None, "started": T0}},
        {**STORED, "order": {"target": 80.0, "until": math.nan, "started": T0}},
        {**STORED, "order": "soon"},
        {**STORED, "starts": "often"},
        {**STORED, "written_at": []},
        {key: value for key, value in STORED.items() if key != "stops"},
    ],
)
def test_what_is_stored_in_an_unknown_shape_is_no_order(strange: dict[str, Any]) -> None:
    assert State.from_dict(strange) == State()


# Whatever happens

SPANS = st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 1500)).map(lambda s: (s[0], s[0] + s[1])), max_size=3)


@settings(max_examples=150, deadline=None)
@given(
    soc=st.floats(5.0, 99.0),
    target=st.floats(1.0, 100.0),
    until=st.none() | st.integers(1, 3000),
    poll=st.sampled_from([5.0, 10.0, 60.0, 300.0]),
    follows_after=st.integers(1, 8),
    begins_again=st.integers(0, STOPS_AGAIN),
    ends_early=st.lists(st.integers(1, 600), max_size=5),
    mute=SPANS,
    deaf=SPANS,
    restarts=st.lists(st.tuples(st.integers(1, 900), st.integers(1, 900)), max_size=3),
)
def test_in_the_end_it_never_charges(
    soc: float,
    target: float,
    until: int | None,
    poll: float,
    follows_after: int,
    begins_again: int,
    ends_early: list[int],
    mute: list[tuple[int, int]],
    deaf: list[tuple[int, int]],
    restarts: list[tuple[int, int]],
) -> None:
    device = Battery(
        soc=soc,
        follows_after=float(follows_after),
        begins_again=begins_again,
        ends_early=[float(each) for each in ends_early],
        mute=[(float(one), float(other)) for one, other in mute],
        deaf=[(float(one), float(other)) for one, other in deaf],
        percent_per_second=0.02,
    )
    owner = Owner(device, order(target, None if until is None else T0 + until), poll=poll)
    for before, away in restarts:
        owner.run(before)
        owner.restart(away)
    owner.run(12_000)
    assert not owner.state.active
    assert not device.running
    written = [action for _, action in device.written]
    assert written.count(Action.START) <= 1 + len(RESTART_WAITS)
    if target <= soc and not mute:
        assert written == []
    # Whatever was missed, no more than what flows while nobody can read or write, and until the next look.
    deafness = sum(end - start for start, end in (*device.mute, *device.deaf)) + sum(away for _, away in restarts)
    slack = 0.02 * (poll + deafness + (begins_again + 2) * (STOP_SETTLE + START_SETTLE))
    assert device.soc <= max(soc, min(100.0, target + slack))
