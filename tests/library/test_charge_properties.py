"""The charge manager whatever happens: random days with faults, silence, refusals, kills and stops."""

import json
from collections import Counter
from dataclasses import fields, replace
from typing import Any

from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.control.charge_manager import (
    Mode,
    Outcome,
    Purpose,
    Reason,
    State,
)

from .charge import ABSORPTION, HOUR, MINUTE, REAL, SETTINGS, Desk

OUTCOMES = [Outcome.KEPT, Outcome.REFUSED, Outcome.UNCERTAIN, Outcome.NOT_SENT]

values = st.fixed_dictionaries(
    {},
    optional={
        "battery_voltage": st.sampled_from([48.0, 51.0, 55.0, 57.0, 57.3, 57.6, 58.0, None]),
        "charge_current": st.sampled_from([0.0, 4.0, 8.0, 30.0, None]),
        "discharge_current": st.sampled_from([0.0, 0.0, 12.0]),
        "solar_power": st.sampled_from([0.0, 30.0, 50.0, 900.0, 900.0]),
        "charging": st.booleans(),
        "fault": st.sampled_from([False, False, False, True]),
        "battery_high": st.sampled_from([False, False, False, True]),
        "temperature": st.sampled_from([20.0, 20.0, 50.0]),
    },
)
answers = st.tuples(st.sampled_from([Outcome.KEPT, *OUTCOMES]), st.booleans())
events = st.one_of(
    st.tuples(st.just("run"), st.sampled_from([MINUTE, 7 * MINUTE, 15 * MINUTE, 2 * HOUR]), values),
    st.tuples(st.just("silent"), st.sampled_from([MINUTE, 10 * MINUTE, HOUR])),
    st.tuples(st.just("kill"), st.sampled_from([1.0, HOUR, 16 * HOUR])),
    st.tuples(st.just("answer"), answers),
    st.tuples(st.sampled_from(["stop", "start_now", "finish_now"])),
)


class Watched(Desk):
    """A desk that checks what must be true at every write."""

    def write(self, action: Any) -> None:
        expected = {Purpose.BOOST: ABSORPTION, Purpose.RESTORE: REAL}
        assert action.voltage == expected[action.purpose]
        saved = State.from_dict(json.loads(self.saved))
        assert saved.boosted
        assert (saved.real_float, saved.absorption) == (REAL, ABSORPTION)
        if action.purpose is Purpose.BOOST:
            assert saved.writes_today < self.settings.write_budget
            self.boosts[self.wall.date()] += 1
        super().write(action)

    def __post_init__(self) -> None:
        self.boosts: Counter[Any] = Counter()
        super().__post_init__()


@settings(max_examples=80, deadline=None)
@given(st.lists(events, min_size=1, max_size=25))
def test_the_float_voltage_is_never_left_raised_without_knowing_it(story: list[tuple[Any, ...]]) -> None:
    desk = Watched(settings=replace(SETTINGS, max_temperature=45.0))
    desk.values |= {"temperature": 20.0}
    for event in story:
        match event:
            case ("run", seconds, changed):
                desk.run(seconds, **changed)
            case ("silent", seconds):
                desk.silent(seconds)
            case ("kill", away):
                desk.kill(away)
            case ("answer", (outcome, carried_out)):
                desk.outcome, desk.carried_out = outcome, carried_out
            case (name,):
                getattr(desk, name)()
        assert State.from_dict(json.loads(json.dumps(desk.state.as_dict()))) == replace(desk.state, watch=State().watch)
        assert desk.device == REAL or desk.state.boosted
        assert desk.state.mode is not Mode.OFF or not desk.state.boosted

    # A boost and its restore are two writes, and the last write of the budget is kept for a restore.
    assert all(boosts < desk.settings.write_budget for boosts in desk.boosts.values())

    desk.outcome = Outcome.KEPT
    desk.stop(Reason.SWITCHED_OFF)
    assert (desk.device, desk.state.mode, desk.state.boosted) == (REAL, Mode.OFF, False)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([MINUTE, 20 * MINUTE, 2 * HOUR]), values), min_size=1, max_size=20))
def test_with_an_obedient_inverter_the_budget_holds_for_restores_too(story: list[tuple[float, Any]]) -> None:
    desk = Watched()
    for seconds, changed in story:
        desk.run(seconds, **changed)
        assert desk.state.writes_today <= desk.settings.write_budget
    written = Counter(action.purpose for action in desk.actions)
    assert written[Purpose.BOOST] - written[Purpose.RESTORE] == desk.state.boosted


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([each.name for each in fields(State)]), json_values))
def test_damaged_memory_gives_a_state_all_the_same(saved: dict[str, Any]) -> None:
    state = State.from_dict(saved)
    assert State.from_dict(json.loads(json.dumps(state.as_dict()))) == state
    assert isinstance(state.mode, Mode)


def test_everything_but_the_watch_survives_a_restart() -> None:
    assert set(State().as_dict()) == {each.name for each in fields(State)} - {"watch"}
