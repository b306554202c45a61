"""The season floor, the surplus export and the temperature of the inverters."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.control.feed_in_season import SeasonState, step
from custom_components.local_solar.solarlink.control.feed_in_surplus import (
    SurplusSettings,
    SurplusState,
    forgotten,
    step as surplus_step,
)
from custom_components.local_solar.solarlink.control.feed_in_temperature import HeatSettings, ceiling_pct, is_hot
from tests.tries import TRIES

NAME = "feed-in season"
VECTOR = [
    (72, 34, 74),
    (71, 34, 74),
    (84, 34, 74),
    (83, 29, 79),
    (99, 29, 79),
    (98, 9, 110),
    (60, 9, 110),
    (95, 9, 110),
    (94, 9, 109),
]


def test_vector() -> None:
    state = SeasonState()
    for soc, floor, peak in VECTOR:
        state = step(state, soc)
        assert (soc, state.floor, state.peak) == (soc, floor, peak)


def test_a_full_battery_is_remembered_for_eleven_days() -> None:
    state = SeasonState(peak=110)
    floors = []
    for _ in range(13):
        for soc in (90, 50):
            state = step(state, soc)
        floors.append(state.floor)
    assert floors == [9] * 11 + [10, 11]
    assert not state.full


def test_hundred_per_cent_is_full_too() -> None:
    state = step(step(step(SeasonState(), 80), 100), 99)
    assert state.peak == 110


def test_the_peak_never_falls_below_the_first_one() -> None:
    state = SeasonState()
    for soc in (40, 30, 50, 20, 60, 59):
        state = step(state, soc)
    assert (state.peak, state.floor) == (74, 34)


def test_noise_of_decimals_is_no_peak() -> None:
    state = step(step(SeasonState(peak=100), 80.0), 83.9)
    for soc in (84.02, 83.97, 84.4, 83.6, 84.0, 83.2):
        state = step(state, soc)
    assert state.peak == 100
    assert step(state, 83.0).peak == 99


@pytest.mark.parametrize("soc", [None, math.nan, -5.0, 250.0])
def test_missing_values_change_nothing(soc: float | None) -> None:
    state = step(SeasonState(), 80)
    assert step(state, soc) == state


def test_it_survives_a_restart() -> None:
    state = step(step(step(SeasonState(), 80), 95), 90)
    assert SeasonState.from_dict(json.loads(json.dumps(state.as_dict()))) == state


@pytest.mark.parametrize(
    "saved", [{}, {"peak": "high"}, {"peak": 500}, {"peak": -3, "last": 900}, {"last": [], "rising": 7}]
)
def test_damaged_memory_gives_a_state_all_the_same(saved: dict[str, Any]) -> None:
    state = SeasonState.from_dict(saved)
    assert 9 <= state.floor <= 34


def test_a_peak_that_the_rule_never_gives_is_refused() -> None:
    with pytest.raises(ValueError, match="peak"):
        SeasonState(peak=111)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.floats(0, 110) | st.integers(0, 100), max_size=60))
def test_the_floor_stays_in_its_range(values: list[float]) -> None:
    TRIES[NAME] += 1
    state = SeasonState()
    for soc in values:
        before = state
        state = step(state, soc)
        assert 9 <= state.floor <= 34
        # Only a turn from rising to falling moves the peak.
        assert state.peak == before.peak or (before.rising and not state.rising)
    assert SeasonState.from_dict(json.loads(json.dumps(state.as_dict()))) == state


ON = SurplusSettings(enabled=True)


def surplus(state: SurplusState, t: float, soc: float | None, ccl: float | None, current: float | None) -> SurplusState:
    return surplus_step(ON, state, t, soc=soc, ccl=ccl, charge_current=current)


def test_surplus_between_its_two_states_of_charge() -> None:
    state = SurplusState()
    found = []
    for t, soc in enumerate((98, 99, 100, 97, 96.1, 96, 98, 99)):
        state = surplus(state, t, soc, 10, 9.5)
        found.append(state.active)
    assert found == [False, True, True, True, True, False, False, True]


def test_surplus_only_while_the_battery_takes_no_more() -> None:
    state = surplus(SurplusState(), 0, 99, 10, 9.0)
    assert not state.active
    state = surplus(state, 1, 99, 10, 9.01)
    assert state.active
    # Two thresholds: 1.0 and 1.2 A.
    assert surplus(state, 2, 99, 10, 8.8).active
    ended = surplus(state, 2, 99, 10, 8.7)
    assert not ended.active
    assert not surplus(ended, 3, 99, 10, 8.9).active


def test_a_battery_that_forbids_charging_is_not_emptied_in_pulses() -> None:
    state, active = SurplusState(), 0
    for t in range(600):
        # As soon as it exports, the battery is discharged.
        state = surplus(state, t, 99, 0, -10.0 if state.active else 0.0)
        active += state.active
    assert active <= 600 / ON.rest_s + 1


def test_without_a_charge_limit_only_full_is_full() -> None:
    assert not surplus(SurplusState(), 0, 99.9, None, 5).active
    assert surplus(SurplusState(), 0, 100, None, 5).active
    assert surplus(SurplusState(), 0, 100, 10, None).active
    state = surplus(SurplusState(), 0, 100, None, 5)
    assert not surplus(state, 1, None, None, 5).active
    assert surplus(state, 2, 100, None, 5).active


def test_surplus_needs_the_switch_and_a_season_that_fills_the_battery() -> None:
    full: dict[str, Any] = {"soc": 100, "ccl": None, "charge_current": None}
    assert not surplus_step(SurplusSettings(), SurplusState(), 0, **full).active
    assert not surplus_step(ON, SurplusState(), 0, **full, season_full=False).active
    assert surplus_step(ON, SurplusState(), 0, **full, season_full=True).active


def test_surplus_after_a_restart() -> None:
    state = surplus(SurplusState(), 0, 99, 10, 9.5)
    state = forgotten(state)
    assert (state.full, state.active) == (True, False)
    assert surplus(state, 0, 97, 10, 9.5).active


@pytest.mark.parametrize(
    "wrong", [{"on": 101}, {"on": 60, "off": 60}, {"power_w": 801}, {"limited_a": 2}, {"rest_s": -1}]
)
def test_wrong_surplus_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        SurplusSettings(**wrong)


def test_an_inverter_is_hot_until_it_has_cooled() -> None:
    hot, found = False, []
    for temperature in (54.9, 55.0, None, 52.0, 50.1, 50.0, 54.0, math.nan):
        hot = is_hot(HeatSettings(), temperature, before=hot)
        found.append(hot)
    assert found == [False, True, True, True, True, False, False, False]


def test_ceiling() -> None:
    assert ceiling_pct(2, 80, hot=False) == 80
    assert ceiling_pct(2, 80, hot=True) == 2
    assert ceiling_pct(10, 5, hot=False) == 10


@pytest.mark.parametrize("wrong", [{"hot": 95}, {"hot": 50, "cooled": 50}, {"cooled": math.nan}])
def test_wrong_temperatures_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|finite"):
        HeatSettings(**wrong)
