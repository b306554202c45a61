"""The discharge gate: the worked table of the reference, voltage, temperature, lost data, restarts."""

import json
import math

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.control.feed_in_gate import GateReason, GateSettings, GateState, step
from custom_components.local_solar.solarlink.control.feed_in_terms import Now
from tests.tries import TRIES

NAME = "feed-in gate"
SETTINGS = GateSettings()
TABLE: list[tuple[float, float | None, bool]] = [
    (0, None, False),
    (10, 22, False),
    (20, 23, True),
    (30, 21, True),
    (40, 20, True),
    (70, 20, True),
    (99, 20, True),
    (100, 20, False),
    (130, 22, False),
    (140, 23, True),
    (150, 17, False),
    (160, 30, True),
    (170, None, True),
    (290, None, False),
    (300, 25, True),
]


def opened(t: float = 0.0, limits: GateSettings = SETTINGS) -> GateState:
    state = step(limits, GateState(), t, soc=60, voltage=54, temperature=20)
    assert state.open
    return state


def test_table() -> None:
    state = GateState()
    for t, soc, is_open in TABLE:
        state = step(SETTINGS, state, t, soc=soc)
        assert (t, state.open) == (t, is_open)


def test_reasons_along_the_table() -> None:
    state, reasons = GateState(), []
    for t, soc, _ in TABLE:
        state = step(SETTINGS, state, t, soc=soc)
        reasons.append(state.reason)
    low, is_open = GateReason.BATTERY_LOW, GateReason.OPEN
    assert reasons == [
        GateReason.NO_DATA,
        low,
        *[is_open] * 5,
        low,
        low,
        is_open,
        low,
        is_open,
        is_open,
        GateReason.DATA_LOST,
        is_open,
    ]


def test_a_low_battery_that_recovers_begins_its_minute_anew() -> None:
    state = opened()
    for t in (10, 60):
        state = step(SETTINGS, state, t, soc=20)
    state = step(SETTINGS, state, 65, soc=21)
    for t in (70, 125):
        state = step(SETTINGS, state, t, soc=20)
        assert state.open
    assert not step(SETTINGS, state, 130, soc=20).open


def test_voltage_is_compensated_for_what_the_inverters_take() -> None:
    limits = GateSettings(v_stop=48.0, v_start=50.0, v_corr=0.001)
    state = opened(limits=limits)
    # 47.5 V under 800 W are 48.3 V at rest.
    for t in (10, 90):
        state = step(limits, state, t, soc=60, voltage=47.5, ac_power_w=800)
    assert state.open
    for t in (100, 160):
        state = step(limits, state, t, soc=60, voltage=47.5, ac_power_w=400)
    assert (state.open, state.reason) == (False, GateReason.VOLTAGE_LOW)
    state = step(limits, state, 170, soc=60, voltage=49.9)
    assert (state.open, state.reason) == (False, GateReason.VOLTAGE_LOW)
    assert step(limits, state, 180, soc=60, voltage=50.0).open
    assert step(limits, state, 180, soc=22, voltage=50.0).reason is GateReason.BATTERY_LOW


def test_a_missing_voltage_counts_as_missing_data_where_it_is_watched() -> None:
    limits = GateSettings(v_stop=48.0, v_start=50.0)
    state = opened(limits=limits)
    for t in (60, 120):
        state = step(limits, state, t, soc=60, voltage=None)
        assert state.open
    state = step(limits, state, 121, soc=60, voltage=None)
    assert (state.open, state.reason) == (False, GateReason.DATA_LOST)


@pytest.mark.parametrize("soc", [None, math.nan, -1.0, 111.0, math.inf])
def test_impossible_values_are_missing_ones(soc: float | None) -> None:
    state = opened()
    assert step(SETTINGS, state, 120, soc=soc).open
    assert step(SETTINGS, state, 121, soc=soc).reason is GateReason.DATA_LOST
    assert step(SETTINGS, GateState(), 500, soc=soc).reason is GateReason.NO_DATA


def test_a_value_that_is_shown_but_old_is_lost() -> None:
    state = opened()
    for t in range(10, 125, 10):
        state = step(SETTINGS, state, t, soc=60, data_at=0.0)
        assert state.open
    state = step(SETTINGS, state, 130, soc=60, data_at=0.0)
    assert (state.open, state.reason) == (False, GateReason.DATA_LOST)


def test_a_gap_that_nobody_saw_closes_too() -> None:
    """A machine that slept: what it knew is too old, and between the two thresholds the gate is closed."""
    assert not step(SETTINGS, opened(), 200, soc=21).open
    assert step(SETTINGS, opened(), 110, soc=21).open


def test_temperature_of_the_battery() -> None:
    state = opened()
    state = step(SETTINGS, state, 10, soc=60, temperature=-0.1)
    assert (state.open, state.reason) == (False, GateReason.BATTERY_COLD)
    for t, temperature in ((20, None), (30, 0.0), (40, 1.9)):
        state = step(SETTINGS, state, t, soc=60, temperature=temperature)
        assert not state.open
    assert step(SETTINGS, state, 50, soc=60, temperature=2.0).open
    state = step(SETTINGS, state, 50, soc=60, temperature=50.1)
    assert (state.open, state.reason) == (False, GateReason.BATTERY_HOT)
    assert not step(SETTINGS, state, 60, soc=60, temperature=48.1).open
    assert step(SETTINGS, state, 60, soc=60, temperature=48.0).open
    assert step(SETTINGS, opened(), 60, soc=60, temperature=50.0).open
    assert step(SETTINGS, opened(), 60, soc=60, temperature=0.0).open


def test_another_floor() -> None:
    state = step(SETTINGS, GateState(), 0, soc=36, soc_floor=34)
    assert not state.open
    assert step(SETTINGS, state, 10, soc=37, soc_floor=34).open
    assert step(SETTINGS, GateState(), 0, soc=100, soc_floor=99).open


def test_a_restart_is_a_gap_like_any_other() -> None:
    state = step(SETTINGS, opened(1000.0), 1010.0, soc=21)
    saved = json.loads(json.dumps(state.as_dict(Now(1020.0, 5e8))))
    soon = GateState.from_dict(saved, Now(3.0, 5e8 + 60))
    assert soon.open
    assert step(SETTINGS, soon, 10.0, soc=None).open
    assert step(SETTINGS, soon, 10.0, soc=21).open
    assert not step(SETTINGS, soon, 60.0, soc=None).open
    late = GateState.from_dict(saved, Now(3.0, 5e8 + 600))
    assert not step(SETTINGS, late, 10.0, soc=21).open
    # A clock that was set back does not make the data younger than now.
    assert GateState.from_dict(saved, Now(3.0, 4e8)).good_at == 3.0


@pytest.mark.parametrize("saved", [{}, {"good_at": "now"}, {"charged": 1, "good_at": 1.0}, {"charged": True}])
def test_damaged_memory_is_a_closed_gate(saved: dict[str, object]) -> None:
    assert not GateState.from_dict(saved, Now(0.0, 5e8)).open


@pytest.mark.parametrize(
    "wrong",
    [
        {"soc_floor": 101},
        {"hysteresis": -1},
        {"v_stop": 48},
        {"v_stop": 48, "v_start": 47},
        {"v_corr": 1},
        {"hold_s": -1},
        {"lost_s": math.inf},
        {"coldest": 40},
        {"hottest": 20},
        {"temperature_hysteresis": -1},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must be|needs|finite"):
        GateSettings(**wrong)


samples = st.tuples(
    st.sampled_from([1.0, 10.0, 59.0, 61.0, 130.0]),
    st.none() | st.floats(0, 100) | st.sampled_from([17.0, 20.0, 23.0, math.nan]),
    st.none() | st.sampled_from([-1.0, 10.0, 60.0]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(samples, max_size=30))
def test_it_is_open_only_on_a_battery_that_was_seen_charged(
    story: list[tuple[float, float | None, float | None]],
) -> None:
    TRIES[NAME] += 1
    state, t, good_at = GateState(), 0.0, -math.inf
    for dt, soc, temperature in story:
        t += dt
        was_charged = state.charged
        state = step(SETTINGS, state, t, soc=soc, temperature=temperature)
        if soc is not None and math.isfinite(soc):
            good_at = t
            if soc <= 17.0:
                assert not state.open
        if state.open:
            assert t - good_at <= SETTINGS.lost_s
        if state.charged and not was_charged:
            assert soc is not None
            assert soc >= 23.0
        if temperature in {-1.0, 60.0}:
            assert not state.open
        assert (state.reason is GateReason.OPEN) == state.open
