"""The state-of-charge control whatever happens: random days with faults, silence, refusals, kills, hands and stops."""

import json
from dataclasses import fields, replace
from typing import Any

from hypothesis import example, given, settings, strategies as st

from custom_components.local_solar.solarlink.control.state_of_charge import (
    KEYS,
    Mode,
    Outcome,
    Purpose,
    Reason,
    State,
)

from .soc import EMPTY, FULL, HOUR, MIDDLE, MINUTE, OWNER, SETTINGS, Desk

values = st.one_of(
    st.sampled_from([FULL, FULL, MIDDLE, EMPTY]),
    st.fixed_dictionaries(
        {},
        optional={
            "mean": st.sampled_from([0.0, 19.0, 50.0, 80.0, 100.0, 300.0, None]),
            "lowest": st.sampled_from([0.0, 15.0, 20.0, 21.0, 100.0, None]),
            "lowest_cell": st.sampled_from([2.5, 3.0, 3.3, None]),
            "alarm": st.sampled_from([False, False, True, None]),
        },
    ),
)
answers = st.tuples(st.sampled_from([Outcome.KEPT, *Outcome]), st.booleans())
hands = st.tuples(st.sampled_from(["load_shave", "grid_support"]), st.booleans())
events = st.one_of(
    st.tuples(st.just("run"), st.sampled_from([MINUTE, 11 * MINUTE, HOUR]), values),
    st.tuples(st.just("silent"), st.sampled_from([MINUTE, 10 * MINUTE])),
    st.tuples(st.just("kill"), st.sampled_from([1.0, HOUR, 30 * HOUR])),
    st.tuples(st.just("answer"), answers),
    st.tuples(st.just("link"), st.booleans()),
    st.tuples(st.just("stop")),
)


class Watched(Desk):
    """A desk that checks what must be true at every write."""

    def write(self, action: Any) -> None:
        saved = State.from_dict(json.loads(self.saved))
        # What is needed to undo it is on disk before it is done.
        assert saved.taken[action.key].owner == OWNER[action.key]
        if action.purpose is Purpose.RESTORE:
            assert action.value == OWNER[action.key]
        if action == ("load_shave", True, Purpose.SET, False):
            assert self.device["grid_support"] is True
            assert self.device["low_battery_cut_out"] == 47.0
            writes = saved.recent("load_shave", self.now)
            assert len(writes) < self.settings.write_budget
        super().write(action)


@settings(max_examples=120, deadline=None)
@example(
    [
        ("run", 60.0, {"mean": 85.0, "lowest": 82.0, "lowest_cell": 3.35}),
        ("answer", (Outcome.UNCERTAIN, False)),
        ("kill", 1.0),
        ("kill", 1.0),
    ]
)
@given(st.lists(events, min_size=1, max_size=20))
def test_nothing_is_left_changed_without_knowing_it(story: list[tuple[Any, ...]]) -> None:
    desk = Watched(settings=replace(SETTINGS, alarm=True))
    desk.values |= {"alarm": False}
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
            case ("link", linked):
                desk.linked = linked
            case (name,):
                getattr(desk, {"stop": "end"}[name])()
        restored = State.from_dict(json.loads(json.dumps(desk.state.as_dict())))
        assert restored == replace(desk.state, watch=State().watch)
        for key, owner in OWNER.items():
            assert desk.device[key] == owner or key in desk.state.taken
        assert desk.state.mode is not Mode.OFF or not desk.state.taken

    # Everything works again: an hour without data is the safe state, and the end restores.
    desk.outcome, desk.linked = Outcome.KEPT, True
    desk.wait(2 * HOUR)
    desk.silent(5 * MINUTE)
    assert desk.device["load_shave"] is False
    assert desk.device["grid_support"] is False
    desk.end(Reason.SWITCHED_OFF)
    assert desk.device == OWNER
    assert (desk.state.mode, desk.state.taken) == (Mode.OFF, {})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(events, st.tuples(st.just("hand"), hands)), min_size=1, max_size=20))
def test_hands_never_confuse_it(story: list[tuple[Any, ...]]) -> None:
    """Somebody switches at the panel at any time: it ends or goes on, and never comes to no rest."""
    desk = Desk()
    for event in story:
        match event:
            case ("run", seconds, changed):
                desk.run(seconds, **changed)
            case ("hand", (key, value)):
                desk.device[key] = value
            case ("kill", away):
                desk.kill(away)
            case ("link", linked):
                desk.linked = linked
            case _:
                desk.silent(MINUTE)
    desk.linked = True
    desk.end(Reason.SWITCHED_OFF)
    desk.run(5 * MINUTE)
    assert (desk.state.mode, desk.state.taken) == (Mode.OFF, {})
    assert desk.device["low_battery_cut_out"] == OWNER["low_battery_cut_out"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", *KEYS]), inner, max_size=2),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([each.name for each in fields(State)]), json_values))
def test_damaged_memory_gives_a_state_all_the_same(saved: dict[str, Any]) -> None:
    state = State.from_dict(saved)
    assert State.from_dict(json.loads(json.dumps(state.as_dict()))) == state
    assert isinstance(state.mode, Mode)


def test_everything_but_the_watch_survives_a_restart() -> None:
    assert set(State().as_dict()) == {each.name for each in fields(State)} - {"watch"}
