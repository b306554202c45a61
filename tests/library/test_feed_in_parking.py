"""Parking and starting of inverters: second by second, with inverters that obey, and some that do not."""

import json
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.control.feed_in_parking import (
    DAY_S,
    Need,
    ParkReason,
    ParkSettings,
    ParkState,
    step,
)
from custom_components.local_solar.solarlink.control.feed_in_snapshot import InverterSnapshot, LimitWord
from custom_components.local_solar.solarlink.control.feed_in_terms import Now
from tests.tries import TRIES

NAME = "feed-in parking"
ALLOWED = ParkSettings(power_allowed=True)
OPEN = Need(True, 800.0, 500.0)


@dataclass
class Plant:
    """Three inverters of 400, 400 and 300 W that do what they are told."""

    settings: ParkSettings = ALLOWED
    need: Need = OPEN
    state: ParkState = field(default_factory=ParkState)
    t: float = 0.0
    on: dict[str, bool] = field(default_factory=lambda: dict.fromkeys("abc", True))
    on_at: dict[str, float] = field(default_factory=lambda: dict.fromkeys("abc", -1000.0))
    limits: dict[str, float | None] = field(default_factory=lambda: dict.fromkeys("abc", 2.0))
    more: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What is different about an inverter."""
    dead: set[str] = field(default_factory=set)
    """They do not start."""
    deaf: bool = False
    """Nothing follows its power commands."""
    active: bool = True
    power: list[tuple[float, str, bool]] = field(default_factory=list)
    lowered: list[tuple[float, str, float]] = field(default_factory=list)

    def reason(self) -> ParkReason:
        return self.state.reason

    def inverters(self) -> list[InverterSnapshot]:
        found = []
        for serial, rated in (("a", 400.0), ("b", 400.0), ("c", 300.0)):
            on = self.on[serial] and self.t - self.on_at[serial] >= 20.0 and serial not in self.dead
            one = InverterSnapshot(
                serial=serial,
                reachable=True,
                producing=on,
                rated_w=rated,
                limit_pct=self.limits[serial],
                commanded_pct=self.limits[serial],
                state=LimitWord.OK,
                measured_w=10.0 if on else 0.0,
                sample_age_s=1.0,
                ac_voltage=230.0,
            )
            found.append(replace(one, **self.more.get(serial, {})))
        return found

    def run(self, seconds: float, dt: float = 1.0, **need: Any) -> None:
        self.need = self.need._replace(**need)
        end = self.t + seconds
        while self.t < end:
            usable = frozenset(
                each.serial
                for each in self.inverters()
                if each.producing and not self.state.of(each.serial).off and self.t - self.on_at[each.serial] >= 50.0
            )
            self.state, orders = step(
                self.settings, self.state, self.t, self.need, self.inverters(), usable, active=self.active
            )
            assert len(orders.power) + len(orders.lower) <= 1
            for serial, on in orders.power.items():
                self.power.append((self.t, serial, on))
                if self.deaf:
                    continue
                self.on[serial] = on
                self.on_at[serial] = self.t if on else self.on_at[serial]
            for serial, pct in orders.lower.items():
                self.lowered.append((self.t, serial, pct))
                self.limits[serial] = pct
            self.t += dt


def test_a_closed_gate_switches_off_one_after_the_other() -> None:
    plant = Plant()
    plant.run(100)
    assert (plant.power, plant.reason()) == ([], ParkReason.NONE)
    plant.run(60, gate_open=False, cap_w=0.0)
    assert plant.power == [(110, "a", False), (120, "b", False), (130, "c", False)]
    assert plant.reason() is ParkReason.GATE_CLOSED
    assert plant.state.switched_off == ("a", "b", "c")


def test_the_lowest_limit_comes_first() -> None:
    plant = Plant(limits={"a": 50.0, "b": 2.0, "c": 4.0})
    plant.run(50, gate_open=False, cap_w=0.0)
    assert plant.power == [(10, "b", False), (20, "c", False)]
    # It is not waited for ever.
    plant.run(50)
    assert plant.power[2:] == [(60, "a", False)]


def test_only_if_it_is_allowed() -> None:
    plant = Plant(settings=ParkSettings())
    plant.run(600, gate_open=False, cap_w=0.0)
    assert (plant.power, plant.reason()) == ([], ParkReason.GATE_CLOSED)
    plant = Plant(active=False)
    plant.run(600, gate_open=False, cap_w=0.0)
    assert (plant.power, plant.reason()) == ([], ParkReason.NONE)


def test_no_load_for_five_minutes() -> None:
    plant = Plant()
    # The floor is 22 W.
    plant.run(400, wanted_w=12.0)
    assert plant.power == []
    plant.run(300, wanted_w=11.9)
    assert plant.power == []
    plant.run(1, wanted_w=11.9)
    assert plant.reason() is ParkReason.NO_LOAD
    plant.run(100)
    # Without the first the floor is 14 W, which is close enough to what is wanted.
    assert plant.power == [(710, "a", False)]
    assert plant.reason() is ParkReason.NONE


def test_a_load_that_is_not_known_parks_nothing() -> None:
    plant = Plant()
    plant.run(250, wanted_w=-50.0)
    plant.run(10, wanted_w=None)
    plant.run(290, wanted_w=-50.0)
    assert plant.power == []
    plant.run(60)
    assert [serial for _, serial, _ in plant.power] == ["a", "b", "c"]


def test_a_cap_below_the_floor_leaves_as_many_as_it_allows() -> None:
    plant = Plant()
    plant.run(100, cap_w=10.0)
    assert plant.power == [(10, "a", False), (20, "b", False)]
    assert plant.reason() is ParkReason.NONE


def off(plant: Plant) -> Plant:
    plant.run(60, gate_open=False, cap_w=0.0)
    assert plant.state.switched_off == ("a", "b", "c")
    plant.power.clear()
    return plant


def test_start_with_the_smallest_after_a_rest_and_a_minute() -> None:
    plant = off(Plant())
    plant.run(240, gate_open=True, cap_w=800.0, wanted_w=500.0)
    # c went off at 30, a at 10 s; each stays off for 300 s, and the smallest comes first when it may.
    assert plant.power == []
    plant.run(100)
    assert plant.power == [(310, "a", True), (320, "b", True), (330, "c", True)]
    plant.run(100)
    assert plant.state.switched_off == ()
    assert all(each.starting_at is None for each in plant.state.inverters.values())


def test_start_needs_a_load_for_a_minute() -> None:
    plant = off(Plant())
    plant.run(540, gate_open=True, cap_w=800.0, wanted_w=26.0)
    assert plant.power == []
    plant.run(59, wanted_w=26.1)
    plant.run(1, wanted_w=20.0)
    plant.run(60, wanted_w=26.1)
    assert plant.power == []
    plant.run(60)
    assert plant.power == [(720, "c", True)]
    # With c running the next would make the floor 14 W.
    plant.run(600)
    assert len(plant.power) == 1
    plant.run(70, wanted_w=34.1)
    assert [serial for _, serial, _ in plant.power] == ["c", "a"]


def test_no_start_without_gate_load_or_cap() -> None:
    for need in ({"gate_open": False, "cap_w": 0.0}, {"wanted_w": None}, {"cap_w": 5.0}):
        plant = off(Plant())
        plant.run(1000, **({"gate_open": True, "cap_w": 800.0, "wanted_w": 500.0} | need))
        assert plant.power == []


def test_what_was_switched_off_is_switched_on_although_it_is_not_allowed_any_more() -> None:
    plant = off(Plant())
    plant.settings = ParkSettings()
    plant.run(600, gate_open=True, cap_w=800.0, wanted_w=500.0)
    assert {serial for _, serial, _ in plant.power} == {"a", "b", "c"}


@pytest.mark.parametrize("limit", [100.0, None])
def test_a_start_with_a_high_limit_is_made_harmless_first(limit: float | None) -> None:
    plant = off(Plant())
    plant.limits["c"] = limit
    plant.more["a"] = plant.more["b"] = {"reachable": False}
    plant.run(400, gate_open=True, cap_w=800.0, wanted_w=500.0)
    assert plant.lowered == [(330, "c", 2.0)]
    assert plant.power == [(331, "c", True)]


def test_three_failed_starts_in_an_hour() -> None:
    plant = off(Plant(dead={"a", "b", "c"}))
    plant.more["a"] = plant.more["b"] = {"commands_enabled": False}
    plant.run(3000, gate_open=True, cap_w=800.0, wanted_w=500.0)
    assert [on for _, _, on in plant.power] == [True] * 3
    assert [later - earlier for (earlier, *_), (later, *_) in pairwise(plant.power)] == [
        391.0,
        391.0,
    ]
    assert plant.state.of("c").given_up
    # Until the owner has looked at it, and has put right what kept it from hearing.
    plant.on["c"] = False
    plant.dead.clear()
    plant.state = plant.state.restored(["c"])
    plant.run(400)
    assert len(plant.power) == 4
    assert not plant.state.of("c").off


def test_one_that_starts_late_is_used_all_the_same() -> None:
    plant = off(Plant(dead={"c"}))
    plant.more["a"] = plant.more["b"] = {"commands_enabled": False}
    plant.run(3000, gate_open=True, cap_w=800.0, wanted_w=500.0)
    assert plant.state.of("c").given_up
    plant.dead.clear()
    plant.run(100)
    assert not plant.state.of("c").off
    assert not plant.state.of("c").given_up
    assert len(plant.power) == 3


def test_failures_that_are_far_apart_are_forgotten() -> None:
    plant = off(Plant(dead={"c"}, settings=ParkSettings(power_allowed=True, rest_s=2400.0)))
    plant.more["a"] = plant.more["b"] = {"commands_enabled": False}
    plant.run(5 * 2500, 5.0, gate_open=True, cap_w=800.0, wanted_w=500.0)
    assert len(plant.power) >= 4
    assert not plant.state.of("c").given_up


def test_somebody_switches_it_on() -> None:
    plant = off(Plant())
    plant.on["a"] = True
    plant.run(5)
    assert "a" in plant.state.switched_off
    plant.run(100)
    assert "a" not in plant.state.switched_off
    # The gate is still closed, but it is left on for as long as an inverter stays off.
    assert plant.power == []
    plant.run(250)
    assert plant.power == [(310.0, "a", False)]


def test_an_inverter_that_does_not_obey_is_not_bothered_all_day() -> None:
    plant = Plant(deaf=True)
    plant.run(DAY_S / 4, 10.0, gate_open=False, cap_w=0.0)
    for serial in "abc":
        sent = [at for at, each, _ in plant.power if each == serial]
        assert len(sent) == 11


def test_twelve_commands_a_day_and_the_last_one_switches_on() -> None:
    plant = Plant(settings=ParkSettings(power_allowed=True, rest_s=0.0))
    for _ in range(20):
        plant.run(200, 5.0, gate_open=False, cap_w=0.0)
        plant.run(300, 5.0, gate_open=True, cap_w=800.0, wanted_w=500.0)
    assert plant.t < DAY_S
    for serial in "abc":
        sent = [on for _, each, on in plant.power if each == serial]
        assert sent == [False, True] * 6
    assert plant.state.switched_off == ()
    plant.run(DAY_S, 60.0)
    plant.run(200, gate_open=False, cap_w=0.0)
    assert len(plant.power) == 39


@pytest.mark.parametrize(
    "wrong",
    [{"manual_override": True}, {"governed_elsewhere": True}, {"reachable": False}, {"dtu_lost_s": 60.0}],
)
def test_whose_inverter_it_is(wrong: dict[str, Any]) -> None:
    plant = Plant(more={"a": wrong})
    plant.run(100, gate_open=False, cap_w=0.0)
    assert {serial for _, serial, _ in plant.power} == {"b", "c"}


def test_a_restart_forgets_nothing_that_matters() -> None:
    plant = off(Plant())
    saved = json.loads(json.dumps(plant.state.as_dict(Now(plant.t, 5e8))))
    plant.state = ParkState.from_dict(saved, Now(plant.t + 7.0, 5e8 + 7.0))
    assert plant.state.switched_off == ("a", "b", "c")
    assert plant.state.of("a").off_at == 10.0
    assert plant.state.of("a").sent == (10.0,)
    plant.run(400, gate_open=True, cap_w=800.0, wanted_w=500.0)
    assert plant.power[0] == (310.0, "a", True)


def test_a_start_that_a_restart_interrupts_is_made_again() -> None:
    plant = off(Plant(dead={"c"}))
    plant.more["a"] = plant.more["b"] = {"reachable": False}
    plant.run(290, gate_open=True, cap_w=800.0, wanted_w=500.0)
    assert plant.state.of("c").starting_at == 330.0
    saved = json.loads(json.dumps(plant.state.as_dict(Now(plant.t, 5e8))))
    state = ParkState.from_dict(saved, Now(plant.t, 5e8))
    assert state.of("c").off
    assert state.of("c").off_at == 330.0


@pytest.mark.parametrize("saved", [{"a": None}, {"a": {"sent": 5, "off_at": "x"}}, {"a": {"sent": [None, "y", True]}}])
def test_damaged_memory_gives_a_state_all_the_same(saved: dict[str, Any]) -> None:
    state = ParkState.from_dict(saved, Now(0.0, 5e8))
    assert state.of("a").sent == ()
    assert not state.of("a").off


@pytest.mark.parametrize("wrong", [{"low_s": 1}, {"spacing_s": 0}, {"failures": 0}, {"commands_a_day": 1}])
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        ParkSettings(**wrong)  # type: ignore[arg-type]


stories = st.lists(
    st.tuples(
        st.sampled_from([30.0, 100.0, 400.0]),
        st.booleans(),
        st.sampled_from([0.0, 10.0, 800.0]),
        st.sampled_from([-50.0, 11.0, 40.0, 500.0, None]),
        st.sets(st.sampled_from("abc")),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(stories, st.booleans())
def test_whatever_happens(story: list[tuple[float, bool, float, float | None, set[str]]], allowed: bool) -> None:
    TRIES[NAME] += 1
    plant = Plant(settings=ParkSettings(power_allowed=allowed))
    for seconds, gate_open, cap_w, wanted, dead in story:
        plant.dead = dead
        plant.run(seconds, 5.0, gate_open=gate_open, cap_w=cap_w if gate_open else 0.0, wanted_w=wanted)
    times = [at for at, _, _ in plant.power]
    assert all(later - earlier >= 10.0 for earlier, later in pairwise(times))
    for serial in "abc":
        sent = [(at, on) for at, each, on in plant.power if each == serial]
        assert len(sent) <= 12
        for (off_at, before), (on_at, after) in pairwise(sent):
            assert after or on_at > off_at
            if after and not before:
                assert on_at - off_at >= 300.0
    assert allowed or not plant.power
    # All is well again: nothing stays off, unless its starts have failed too often.
    plant.dead = set()
    plant.run(2000, 5.0, gate_open=True, cap_w=800.0, wanted_w=500.0)
    assert all(plant.state.of(serial).given_up for serial in plant.state.switched_off)
