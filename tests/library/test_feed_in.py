"""The zero feed-in control at the boundary of its events: worked examples of reference section 13, and every reason."""

import math
from collections.abc import Iterable

import pytest

from custom_components.local_solar.solarlink.control.feed_in import (
    FeedIn,
    FeedInInverter,
    FeedInReason as Reason,
    FeedInSettings,
    FeedInState,
    LimitCommand,
)
from custom_components.local_solar.solarlink.control.feed_in_allocation import allocate

SLOW = 0.5
"""% of the rated power per second: what inverters with an old firmware do."""


def core_of(*inverters: tuple[float, float], **settings: float) -> FeedIn:
    """A core whose inverters have this rated power (W) and limit (%), with its first event at 0."""
    known = [FeedInInverter(p_nom=rated, initial_pct=limit) for rated, limit in inverters]
    core = FeedIn(known, FeedInSettings(**settings))  # type: ignore[arg-type]
    assert core.tick(0.0) == ()
    return core


def told(commands: Iterable[LimitCommand]) -> dict[int, float]:
    return {command.inverter: command.percent for command in commands}


def reason_of(core: FeedIn) -> Reason:
    """The reason, asked anew: a type checker takes a property for constant."""
    return core.reason


def fed(core: FeedIn, first: float, *values: float) -> list[dict[int, float]]:
    """What the core commands after each value of a meter that tells one per second, 0.2 s late."""
    return [told(core.meter(ts + 0.2, ts, watts)) for ts, watts in enumerate(values, int(first))]


def stepped_up() -> FeedIn:
    """Example 13.1 up to the acknowledgement."""
    core = core_of((400, 10))
    assert fed(core, 1, 20, 22, 21, 19, 120, 121, 119) == [{}] * 7
    assert reason_of(core) is Reason.RAISE_CONFIRMING
    assert fed(core, 8, 122) == [{0: 34.0}]
    assert (core.reason, core.commanded_w(0), core.waiting(0)) == (Reason.RAISED, 136.0, True)
    core.limit_status(9.0, 0, "Ok")
    assert (core.waiting(0), core.acknowledged(0)) == (False, 136.0)
    return core


def followed() -> FeedIn:
    """Example 13.1 to its end."""
    core = stepped_up()
    modelled = []
    for ts, watts in enumerate((121, 120, 119, 80, 50, 35, 28, 24, 22, 21), 9):
        assert core.meter(ts + 0.2, ts, watts) == ()
        modelled.append(round(core.modelled_w, 2))
    assert modelled == [40.0, 40.0, 71.65, 92.86, 107.09, 116.62, 123.01, 127.29, 130.16, 132.09]
    return core


def measured() -> FeedIn:
    """Example 13.2."""
    core = followed()
    core.sample(19.0, 0, 18.5, 139.0)
    assert core.gain(0) == 1.0
    core.sample(34.0, 0, 33.5, 138.6)
    assert core.gain(0) == pytest.approx(1.01, abs=0.0005)
    return core


# Worked examples


def test_a_step_up_is_commanded_once() -> None:
    followed()


def test_the_gain_is_learned_from_two_settled_measurements() -> None:
    measured()


def test_a_step_down_is_not_corrected_twice() -> None:
    core = measured()
    assert told(core.meter(35.2, 35.0, -90.0)) == {0: 6.0}
    assert core.house_load_w == pytest.approx(46.0, abs=1.5)
    assert core.committed_w == pytest.approx(24.23, abs=0.05)
    assert fed(core, 37, -95, -95) == [{}, {}]
    assert reason_of(core) is Reason.LOWERING_UNDER_WAY


def test_the_cap_bounds_the_sum() -> None:
    core = core_of((400, 50), (400, 50), (300, 50))
    assert fed(core, 1, 500, 500, 500, 500) == [{}, {}, {}, {0: 100.0, 1: 62.0}]
    assert core.committed_w == 798.0
    assert core.limited_by_cap


@pytest.mark.parametrize(
    ("limits", "energies", "slew", "delta", "expected"),
    [
        ((2, 2, 2), (0, 0, 0), (0, 0, 0), 150, {0: 39}),
        ((2, 2, 2), (5, 1, 0), (0, 0, 0), 150, {2: 52}),
        ((2, 2, 2), (0, 0, 0), (0, 0, 0), 500, {0: 100, 1: 29}),
        ((50, 50, 50), (9, 5, 1), (0, 0, 0), -100, {0: 25}),
        ((50, 50, 50), (9, 5, 1), (0, 0, 0), -400, {0: 2, 1: 2, 2: 44}),
        ((10, 10, 10), (0, 0, 0), (SLOW, SLOW, SLOW), 15, {0: 13}),
        ((10, 10, 10), (0, 0, 0), (SLOW, SLOW, SLOW), 110, {0: 20, 1: 20, 2: 20}),
        ((10, 10, 10), (0, 0, 0), (SLOW, 0, SLOW), 400, {0: 15, 1: 100, 2: 15}),
    ],
)
def test_allocation(
    limits: tuple[float, ...],
    energies: tuple[float, ...],
    slew: tuple[float, ...],
    delta: float,
    expected: dict[int, float],
) -> None:
    settings = FeedInSettings()
    inverters = [
        FeedInInverter(p_nom=rated, initial_pct=limit, slew_pct_per_s=rate)
        for rated, limit, rate in zip((400, 400, 300), limits, slew, strict=True)
    ]
    state = FeedInState.begin(inverters, settings)
    for each, energy in zip(state.inverters, energies, strict=True):
        each.energy = energy
    assert told(allocate(state, settings, delta)) == expected


def test_the_slew_rate_is_learned_from_two_slow_changes() -> None:
    core = FeedIn([FeedInInverter(p_nom=400, initial_pct=10)], FeedInSettings())
    core.tick(0.0)
    # An import of 220 W that lasts asks for 200 W more.
    assert fed(core, 1, 220, 220, 220, 220)[-1] == {0: 60.0}
    core.limit_status(5.0, 0, "Ok")
    core.sample(10.0, 0, 9.5, 52.0)
    core.sample(25.0, 0, 24.5, 82.0)
    assert core.slew(0) == 0.0
    core.sample(40.0, 0, 39.5, 112.0)
    assert core.slew(0) == 2.0
    # Once it moves faster than that, it was not slow after all.
    core.sample(50.0, 0, 49.5, 240.0)
    assert core.slew(0) == 0.0


def test_an_inverter_that_does_not_deliver_is_trimmed() -> None:
    core = core_of((400, 50), (400, 10))
    committed = []
    for ts in (19.5, 34.5, 49.5, 64.5):
        core.sample(ts + 0.5, 0, ts, 60.0)
        committed.append(core.committed_w)
    assert committed == [240.0, 240.0, 240.0, 100.0]
    assert core.available(0) == 60.0
    assert fed(core, 66, 20.0) == [{0: 25.0}]
    assert reason_of(core) is Reason.TRIMMED
    # Nothing more is taken from it when the sum rises, and a source that is back is believed.
    core.limit_status(67.0, 0, "Ok")
    assert [each for each in fed(core, 73, *[200.0] * 4) if each] == [{1: 55.0}]
    for ts in (90.0, 105.0):
        core.sample(ts + 0.5, 0, ts, 99.0)
    assert core.available(0) == math.inf


def test_a_lost_meter_ramps_the_sum_down() -> None:
    core = core_of((400, 50), (400, 20), (300, 20))
    assert core.meter(1.2, 1.0, 20.0) == ()
    found = {}
    reasons = {}
    for t in range(5, 100, 5):
        commands = core.tick(float(t))
        reasons[t] = core.reason
        if commands:
            found[t] = told(commands)
            for command in commands:
                core.limit_status(t + 1.0, command.inverter, "Ok")
    assert found == {35: {0: 7.0}, 45: {1: 2.0, 2: 16.0}, 55: {2: 2.0}, 65: {0: 2.0}}
    assert [reasons[t] for t in (5, 15, 30, 35, 40, 70)] == [
        Reason.WITHIN_BAND,
        Reason.METER_STALE,
        Reason.METER_STALE,
        Reason.LOST_RAMP,
        Reason.LOST_WAITING,
        Reason.LOST_AT_FLOOR,
    ]
    assert core.committed_w == core.floor_w == 22.0
    assert core.meter_age(99.0) == pytest.approx(97.8)
    # The first value is enough to go on.
    assert any(fed(core, 101, *[300.0] * 4))


# Other rules of section 6


def test_the_ramp_ends_at_the_fallback() -> None:
    core = core_of((400, 50), fallback_w=120.0)
    core.meter(1.0, 1.0, 20.0)
    assert told(core.tick(35.0)) == {0: 30.0}
    core.limit_status(36.0, 0, "Ok")
    assert core.tick(60.0) == ()
    assert reason_of(core) is Reason.LOST_AT_FLOOR


def test_a_repeated_or_older_value_changes_nothing() -> None:
    core = core_of((400, 10))
    core.meter(1.2, 1.0, 20.0)
    before = core.state
    for ts in (1.0, 0.5):
        assert core.meter(1.2, ts, -500.0) == ()
        assert reason_of(core) is Reason.METER_REPEATED
    after = core.state
    after.reason = before.reason
    assert after == before


def test_within_the_band_nothing_is_done() -> None:
    core = core_of((400, 10))
    assert fed(core, 1, 6, 39, 20, 5.1, 40) == [{}] * 5
    assert reason_of(core) is Reason.WITHIN_BAND


def test_a_rise_under_way_is_told_from_one_to_be_confirmed() -> None:
    core = stepped_up()
    core.meter(9.2, 9.0, 121.0)
    assert reason_of(core) is Reason.RAISE_UNDER_WAY


def test_a_small_change_at_the_floor_is_not_worth_a_command() -> None:
    core = core_of((400, 2))
    fed(core, 1, -100)
    assert reason_of(core) is Reason.AT_FLOOR
    # In a narrow band below, but the command would hardly change anything: 12 W are wanted less.
    core = core_of((400, 50), band_down_w=10, band_up_w=60)
    fed(core, 1, 9)
    assert reason_of(core) is Reason.LOWERED
    core = core_of((400, 4), band_down_w=5, band_up_w=60)
    fed(core, 1, 14.8)
    assert reason_of(core) is Reason.LOWERED
    core = core_of((400, 2.5), band_down_w=15, band_up_w=20)
    fed(core, 1, 4)
    assert reason_of(core) is Reason.AT_FLOOR


def test_at_the_cap_the_reason_says_so() -> None:
    core = core_of((400, 50), cap_w=205)
    fed(core, 1, 300, 300, 300, 300)
    assert (core.reason, core.limited_by_cap) == (Reason.AT_CAP, True)
    fed(core, 5, 20)
    assert not core.limited_by_cap


def test_above_a_new_cap_the_sum_is_lowered_without_waiting_for_the_meter() -> None:
    core = core_of((400, 50), (400, 50))
    core.meter(1.0, 1.0, 20.0)
    core.set_cap(2.0, 100.0)
    assert told(core.tick(2.0)) == {0: 2.0, 1: 23.0}
    assert (core.reason, core.limited_by_cap, core.cap_w) == (Reason.ABOVE_CAP, True, 100.0)
    core.set_cap(2.5, 0.0)
    assert core.tick(2.5) == ()
    assert told(core.tick(5.0)) == {1: 2.0}


def test_the_meter_lowers_to_the_cap_too() -> None:
    core = core_of((400, 50), (400, 50))
    core.set_cap(0.5, 100.0)
    assert fed(core, 1, 20.0) == [{0: 2.0, 1: 23.0}]
    assert (core.reason, core.limited_by_cap) == (Reason.ABOVE_CAP, True)


def test_what_an_inverter_may_still_deliver_counts_against_the_cap() -> None:
    core = core_of((400, 100), (400, 2), cap_w=410)
    assert fed(core, 1, -300)[0] == {0: 20.0}
    core.limit_status(2.0, 0, "Ok")
    # The load is back before anybody has seen the first inverter come down: the second one must wait.
    assert fed(core, 10, *[300.0] * 5) == [{}] * 5
    assert core.upper_w > 400
    assert (core.reason, core.limited_by_cap) == (Reason.AT_CAP, True)
    core.sample(16.0, 0, 15.9, 88.0)
    assert core.upper_w == 88.0
    assert any(fed(core, 16, 300.0))
    assert core.upper_w <= 410


def test_an_inverter_that_is_still_coming_down_counts_with_what_it_delivers() -> None:
    core = core_of((400, 100), (400, 2), cap_w=410)
    assert fed(core, 1, -300)[0] == {0: 20.0}
    core.limit_status(1.5, 0, "Ok")
    # The first command is acknowledged, but hardly has its effect when the second one follows.
    assert fed(core, 5, -350) == [{0: 7.0}]
    assert core.upper_w > 200
    core.limit_status(5.5, 0, "Ok")
    assert core.modelled_w > 200
    assert core.upper_w > 200


def test_only_an_urgent_lowering_overtakes_a_command() -> None:
    core = core_of((400, 50), (400, 50))
    assert fed(core, 1, -30)[0] == {0: 37.0}
    assert reason_of(core) is Reason.LOWERED
    # 0 is not acknowledged.
    assert fed(core, 8, *[200.0] * 4) == [{}] * 4
    assert reason_of(core) is Reason.WAITING_FOR_ACKNOWLEDGEMENT
    core.limit_status(12.0, 0, "Ok")
    assert fed(core, 14, -100) == [{1: 33.0}]
    assert reason_of(core) is Reason.LOWERED_URGENTLY
    assert fed(core, 16, -250) == [{}]
    assert reason_of(core) is Reason.MINIMUM_INTERVAL
    assert fed(core, 17, -250) == [{0: 2.0, 1: 21.0}]


def test_a_stuck_inverter_no_longer_holds_up_the_others() -> None:
    core = core_of((400, 10), (400, 10))
    assert fed(core, 1, *[200.0] * 4)[-1] == {0: 55.0}
    values = fed(core, 5, *[200.0] * 12)
    assert values[:-1] == [{}] * 11
    assert values[-1] == {1: 55.0}
    # What the first one may yet do counts for the cap, not for the need.
    assert (core.committed_w, core.upper_w) == (260.0, 440.0)


def test_without_room_or_inverters_the_reason_says_so() -> None:
    core = core_of((400, 50))
    fed(core, 1, -100)
    # Stuck, so it cannot be lowered further.
    core.advance(20.0)
    assert fed(core, 21, -300) == [{}]
    assert reason_of(core) is Reason.NO_ROOM
    core.set_usable(22.0, 0, False)
    assert fed(core, 23, -300) == [{}]
    assert reason_of(core) is Reason.NO_INVERTER
    assert (core.committed_w, core.modelled_w, core.floor_w, core.upper_w) == (0.0, 0.0, 0.0, 0.0)


def test_pulses_lengthen_the_confirm_time_and_calm_shortens_it() -> None:
    core = core_of((1500, 2))
    assert fed(core, 1, *[500.0] * 4)[-1]
    core.limit_status(5.0, 0, "Ok")
    fed(core, 5, -100)
    assert core.confirm_s == 6.0
    fed(core, 6, *[20.0] * 181)
    assert core.confirm_s == 3.0


def test_a_ceiling_is_obeyed_at_the_next_tick_and_never_exceeded() -> None:
    core = core_of((400, 50), (400, 10))
    core.set_ceiling(1.0, 0, 10.0)
    assert core.high(0) == 40.0
    assert told(core.tick(1.0)) == {0: 10.0}
    assert reason_of(core) is Reason.CEILING
    core.limit_status(2.0, 0, "Ok")
    assert fed(core, 8, *[600.0] * 4)[-1] == {1: 100.0}
    core.set_ceiling(9.0, 0, 0.0)
    assert core.high(0) == core.low(0) == 8.0
    core.set_ceiling(9.0, 0, 150.0)
    assert core.high(0) == 400.0


def test_an_inverter_comes_back_with_what_the_device_reports() -> None:
    core = core_of((400, 10), (400, 10))
    core.meter(1.0, 1.0, 100.0)
    core.set_usable(2.0, 1, False)
    assert (core.usable(1), core.committed_w, core.house_load_w) == (False, 40.0, None)
    core.sample(3.0, 1, 2.9, 300.0)
    before = core.state
    core.set_usable(3.0, 1, False)
    assert core.state == before
    core.set_usable(4.0, 1, True, limit_pct=50.0, measured_w=120.0)
    assert (core.commanded_pct(1), core.acknowledged(1), core.waiting(1)) == (50.0, 200.0, False)
    assert (core.committed_w, core.modelled_w) == (240.0, 160.0)
    core.advance(30.0)
    assert core.modelled_w == pytest.approx(240.0, abs=0.1)


def test_with_a_slow_meter_a_value_confirms_itself() -> None:
    core = core_of((400, 10))
    for ts in range(5, 100, 5):
        assert core.meter(ts + 0.2, ts, 20.0) == ()
    assert core.period_s == pytest.approx(5.0, abs=0.1)
    # No other value lies within the confirm time, and this one is an average over it.
    assert told(core.meter(100.2, 100.0, 140.0)) == {0: 40.0}


def test_the_target_can_be_an_export() -> None:
    core = core_of((400, 50))
    core.set_target(0.5, -100.0)
    assert fed(core, 1, *[-20.0] * 4)[-1] == {0: 70.0}
    with pytest.raises(ValueError, match="-801"):
        core.set_target(5.0, -801.0)
    assert core.target_w == -100.0


def test_a_source_that_cannot_even_give_the_lowest_limit_does_not_stop_the_control() -> None:
    # The trim would have to command less than the lowest limit, so there is nothing to send.
    core = core_of((400, 50), (400, 60), min_pct=50.0)
    for ts in (19.5, 34.5, 49.5, 64.5):
        core.sample(ts + 0.5, 0, ts, 10.0)
    assert core.available(0) == 10.0
    assert fed(core, 79, 20, -60) == [{}, {1: 50.0}]


def test_an_inverter_below_its_lowest_limit_is_not_raised_by_trimming_it() -> None:
    core = core_of((400, 50), min_pct=50.0)
    core.set_usable(1.0, 0, False)
    core.set_usable(2.0, 0, True, limit_pct=25.0, measured_w=10.0)
    for ts in (19.5, 34.5, 49.5, 64.5):
        core.sample(ts + 0.5, 0, ts, 10.0)
    assert core.available(0) == 10.0
    assert fed(core, 66, 20) == [{}]


def test_after_a_long_sleep_the_model_has_come_to_rest() -> None:
    core = stepped_up()
    core.advance(86400.0)
    assert core.modelled_w == pytest.approx(136.0)
    assert core.tick(86400.0)


def test_failures_and_unknown_words_acknowledge_nothing() -> None:
    core = core_of((400, 10))
    fed(core, 1, *[200.0] * 4)
    for word in ("Failure", "Pending", "ok", ""):
        core.limit_status(5.0, 0, word)
        assert core.waiting(0)


# Learning and settings


def test_learning_can_be_reset() -> None:
    core = measured()
    core.reset_learning(35.0)
    assert (core.gain(0), core.slew(0), core.available(0)) == (1.0, 0.0, math.inf)
    assert (core.delay_s, core.confirm_s) == (2.0, 3.0)
    assert core.state.inverters[0].acknowledgements == []


def test_other_settings_keep_what_is_known() -> None:
    core = measured()
    core.set_cap(35.0, 300.0)
    core.retune(35.0, FeedInSettings(band_down_w=150.0, min_pct=5.0, confirm_s=5.0, cap_w=500.0))
    assert (core.cap_w, core.confirm_s, core.low(0), core.commanded_w(0)) == (300.0, 5.0, 20.0, 136.0)
    assert core.gain(0) > 1.0
    assert core.meter(35.2, 35.0, -90.0) == ()
    assert reason_of(core) is Reason.WITHIN_BAND


def test_a_lengthened_confirm_time_survives_other_settings_within_their_bounds() -> None:
    core = core_of((1500, 2))
    fed(core, 1, *[500.0] * 4)
    core.limit_status(5.0, 0, "Ok")
    fed(core, 5, -100)
    core.retune(6.0, FeedInSettings(band_up_w=30.0))
    assert core.confirm_s == 6.0
    core.retune(6.0, FeedInSettings(confirm_max_s=4.0))
    assert core.confirm_s == 4.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"target_w": 501},
        {"band_up_w": 4},
        {"band_down_w": 201},
        {"confirm_s": -1},
        {"confirm_max_s": 2},
        {"min_interval_s": 1},
        {"urgent_interval_s": 31},
        {"delay_init_s": 25},
        {"tau_s": 0},
        {"step_pct": 0},
        {"min_pct": 1},
        {"cap_w": -1},
        {"regret_export_w": math.nan},
        {"meter_lost_s": math.inf},
        {"fallback_w": True},
        {"fallback_w": "much"},
        {"learn": 1},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FeedInSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"p_nom": 0}, {"p_nom": math.nan}, {"initial_pct": 101}, {"slew_pct_per_s": -1}])
def test_impossible_inverters_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FeedInInverter(**{"p_nom": 400.0} | wrong)


def test_without_inverters_there_is_nothing_to_control() -> None:
    with pytest.raises(ValueError, match="no inverter"):
        FeedIn([], FeedInSettings())


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e300])
def test_absurd_numbers_are_refused_and_change_nothing(bad: float) -> None:
    core = stepped_up()
    before = core.state
    for event in (
        lambda: core.advance(bad),
        lambda: core.tick(bad),
        lambda: core.meter(bad, 20.0, 1.0),
        lambda: core.meter(20.0, bad, 1.0),
        lambda: core.meter(20.0, 20.0, bad),
        lambda: core.sample(20.0, 0, bad, 1.0),
        lambda: core.sample(20.0, 0, 20.0, bad),
        lambda: core.set_usable(20.0, 0, False, limit_pct=bad),
        lambda: core.set_cap(20.0, bad),
        lambda: core.set_ceiling(20.0, 0, bad),
        lambda: core.set_target(20.0, bad),
    ):
        with pytest.raises(ValueError, match="plausible"):
            event()
    assert core.state == before


@pytest.mark.parametrize("index", [-1, 1])
def test_unknown_inverters_are_refused(index: int) -> None:
    core = stepped_up()
    before = core.state
    with pytest.raises(ValueError, match="no inverter"):
        core.sample(20.0, index, 19.0, 100.0)
    with pytest.raises(ValueError, match="no inverter"):
        core.limit_status(20.0, index, "Ok")
    with pytest.raises(ValueError, match="no inverter"):
        core.commanded_pct(index)
    assert core.state == before


def test_an_inverter_may_have_a_lowest_limit_of_its_own() -> None:
    """One that is unstable below 10 % is not brought below it, the others are."""
    core = core_of((400.0, 50.0), (400.0, 50.0))
    core.set_floor(0.0, 0, 10.0)
    assert core.floor_w == pytest.approx(48.0)
    lowest: dict[int, float] = {}
    for second in range(1, 60):
        t = float(second)
        for command in core.meter(t + 0.2, t, -400.0):
            lowest[command.inverter] = min(command.percent, lowest.get(command.inverter, 100.0))
            core.limit_status(t + 0.5, command.inverter, "Ok")
    assert lowest == {0: 10.0, 1: 2.0}
    core.retune(61.0, FeedInSettings(min_pct=5.0))
    assert core.floor_w == pytest.approx(60.0)
