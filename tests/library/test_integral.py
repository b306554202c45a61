"""Energy from power: the trapezoid with its zero crossings and gaps; taking over from a device's counter and back."""

import json
import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from custom_components.local_solar.solarlink.integral import (
    COUNTER_FORGOTTEN,
    COUNTER_STUCK,
    LARGEST_COUNTER,
    EnergyTotal,
    Integrator,
)
from custom_components.local_solar.solarlink.points import Part

GAP = 120.0
HOUR = 3600.0

POWERS = st.floats(-40_000.0, 40_000.0)
SPACINGS = st.floats(0.01, GAP)


@st.composite
def samples(draw: st.DrawFn, spacings: st.SearchStrategy[float] = SPACINGS) -> list[tuple[float, float]]:
    """Powers (W) with their times (s), in order."""
    at, taken = draw(st.floats(0.0, 1e7)), []
    for power in draw(st.lists(POWERS, min_size=2, max_size=30)):
        taken.append((power, at))
        at += draw(spacings)
    return taken


def summed(taken: list[tuple[float, float]], part: Part = Part.POSITIVE) -> Integrator:
    integrator = Integrator(part, GAP)
    for power, at in taken:
        integrator.add(power, at)
    return integrator


def signed_integral(taken: list[tuple[float, float]]) -> float:
    """The plain trapezoid rule, kWh."""
    return sum((one + other) / 2 * (later - at) for (one, at), (other, later) in pairwise(taken)) / 3.6e6


def close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-7)


# The integrator


@given(taken=samples(st.floats(0.01, 3 * GAP)), part=st.sampled_from(Part))
def test_the_sum_never_falls(taken: list[tuple[float, float]], part: Part) -> None:
    integrator = Integrator(part, GAP)
    before = 0.0
    for power, at in taken:
        integrator.add(power, at)
        assert integrator.total >= before
        before = integrator.total


@given(taken=samples())
def test_import_less_export_is_the_signed_integral(taken: list[tuple[float, float]]) -> None:
    difference = summed(taken, Part.POSITIVE).total - summed(taken, Part.NEGATIVE).total
    assert close(difference, signed_integral(taken))


@given(taken=samples())
def test_the_parts_change_places_with_the_sign(taken: list[tuple[float, float]]) -> None:
    mirrored = [(-power, at) for power, at in taken]
    assert close(summed(taken, Part.NEGATIVE).total, summed(mirrored, Part.POSITIVE).total)


@given(first=st.floats(1.0, 40_000.0), last=st.floats(-40_000.0, -1.0), seconds=st.floats(1.0, GAP))
@example(first=1000.0, last=-3000.0, seconds=100.0)
def test_a_straight_line_is_split_where_it_crosses_zero(first: float, last: float, seconds: float) -> None:
    # Two triangles: the line reaches zero after the share first / (first - last) of the time.
    until_zero = seconds * first / (first - last)
    taken = [(first, 0.0), (last, seconds)]
    assert close(summed(taken, Part.POSITIVE).total, first / 2 * until_zero / 3.6e6)
    assert close(summed(taken, Part.NEGATIVE).total, -last / 2 * (seconds - until_zero) / 3.6e6)


def test_a_worked_crossing() -> None:
    # 1000 W to -3000 W in 100 s: zero after 25 s.
    assert summed([(1000.0, 0.0), (-3000.0, 100.0)], Part.POSITIVE).total == pytest.approx(500 * 25 / 3.6e6)
    assert summed([(1000.0, 0.0), (-3000.0, 100.0)], Part.NEGATIVE).total == pytest.approx(1500 * 75 / 3.6e6)


@given(taken=samples(), shares=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5), part=st.sampled_from(Part))
def test_samples_upon_the_line_between_two_others_change_nothing(
    taken: list[tuple[float, float]], shares: list[float], part: Part
) -> None:
    denser = [taken[0]]
    for (one, at), (other, later) in pairwise(taken):
        denser += [(one + share * (other - one), at + share * (later - at)) for share in sorted(shares)]
        denser.append((other, later))
    assert close(summed(denser, part).total, summed(taken, part).total)


@given(taken=samples(), part=st.sampled_from(Part), data=st.data())
def test_duplicates_and_late_samples_change_nothing(
    taken: list[tuple[float, float]], part: Part, data: st.DataObject
) -> None:
    disturbed: list[tuple[float, float]] = []
    for n, sample in enumerate(taken):
        disturbed.append(sample)
        if data.draw(st.booleans()):
            _, at = taken[data.draw(st.integers(0, n))]
            disturbed.append((data.draw(POWERS), at))
    plain, strange = summed(taken, part), summed(disturbed, part)
    assert (strange.total, strange.missing) == (plain.total, plain.missing)


@given(taken=samples(st.floats(0.01, 3 * GAP)), part=st.sampled_from(Part))
def test_every_second_is_either_summed_or_missing(taken: list[tuple[float, float]], part: Part) -> None:
    steady = Integrator(part, GAP)
    for _, at in taken:
        steady.add(1000.0 if part is Part.POSITIVE else -1000.0, at)
    length = taken[-1][1] - taken[0][1]
    assert steady.total * 3600 + steady.missing == pytest.approx(length, abs=1e-4)


def test_the_longest_gap_is_still_summed_and_a_longer_one_is_not() -> None:
    assert summed([(1000.0, 0.0), (1000.0, GAP)]).total == pytest.approx(GAP / HOUR)
    over = summed([(1000.0, 0.0), (1000.0, GAP + 1)])
    assert (over.total, over.missing) == (0.0, GAP + 1)
    over.add(1000.0, GAP + 1 + 36.0)
    assert over.total == pytest.approx(0.01)
    assert over.missing == GAP + 1


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf, -math.inf])
def test_a_sample_without_a_value_lengthens_the_interval(nothing: float | None) -> None:
    integrator = Integrator(Part.POSITIVE, GAP)
    integrator.add(nothing, 0.0)
    integrator.add(1000.0, 10.0)
    for at in range(20, 100, 10):
        integrator.add(nothing, at)
    integrator.add(1000.0, 100.0)
    assert integrator.total == pytest.approx(90 / HOUR)
    assert integrator.missing == 0.0
    for at in range(110, 300, 10):
        integrator.add(nothing, at)
    integrator.add(1000.0, 300.0)
    assert integrator.total == pytest.approx(90 / HOUR)
    assert integrator.missing == 200.0


# The total: with and without a counter


def total_of(energy: EnergyTotal) -> float:
    assert energy.total is not None
    return energy.total


def run(energy: EnergyTotal, power: float, seconds: float, *, start: float, every: float = 10.0) -> float:
    """Poll a steady power without a counter; return the time of the last poll."""
    at = start
    while at < start + seconds:
        at += every
        energy.add(power, None, at)
    return at


def test_without_a_counter_it_begins_at_zero_and_sums() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(None, None, 0.0)
    assert energy.total is None
    energy.add(2000.0, None, 0.0)
    assert total_of(energy) == 0.0
    run(energy, 2000.0, 1800.0, start=0.0)
    assert total_of(energy) == pytest.approx(1.0)
    assert not energy.counted_by_device


def test_the_first_total_is_that_of_the_device() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(500.0, 1588.704, 0.0)
    assert energy.total == 1588.704
    assert energy.counted_by_device


def test_with_a_counter_the_total_is_the_counter() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    for n in range(100):
        # The power is off by a factor of three: the counter leads.
        energy.add(300.0, 100.0 + n * 0.0025, n * 10.0)
        assert energy.total == 100.0 + n * 0.0025


def test_a_known_counter_is_waited_for() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP, counted=True)
    energy.add(1000.0, None, 0.0)
    energy.add(1000.0, None, 10.0)
    assert energy.total is None
    energy.add(1000.0, 1500.0, 20.0)
    assert energy.total == 1500.0


def test_a_known_counter_is_not_waited_for_for_ever() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP, counted=True)
    at = run(energy, 1000.0, GAP, start=-10.0)
    assert energy.total is None
    at = run(energy, 1000.0, 20.0, start=at)
    before = total_of(energy)
    assert before == pytest.approx((at - 0.0) / HOUR)
    energy.add(None, 1500.0, at)
    assert total_of(energy) == pytest.approx(before)
    energy.add(None, 1501.0, at + 10.0)
    assert total_of(energy) == pytest.approx(before + 1.0)


def test_the_sum_takes_over_from_a_lost_counter_without_a_step() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(3600.0, 1588.0, 0.0)
    energy.add(3600.0, 1588.01, 10.0)
    before = total_of(energy)
    at = 10.0
    while at < COUNTER_FORGOTTEN + 20.0:
        at += 10.0
        energy.add(3600.0, None, at)
        assert total_of(energy) - before == pytest.approx(0.01)
        before = total_of(energy)
    assert before == pytest.approx(1588.0 + at / 1000.0)
    assert not energy.counted_by_device


def test_a_counter_that_comes_back_brings_what_was_not_seen() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(1000.0, 100.0, 0.0)
    energy.add(1000.0, None, HOUR)
    assert energy.missing == HOUR
    assert energy.total == 100.0
    energy.add(1000.0, 101.0, HOUR + 10.0)
    assert energy.total == 101.0
    assert energy.missing == 0.0


def test_a_sum_that_was_ahead_waits_for_the_counter() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(4000.0, 100.0, 0.0)
    at = run(energy, 4000.0, HOUR, start=0.0)
    assert total_of(energy) == pytest.approx(104.0)
    for n, counter in enumerate((103.0, 103.5, 103.9)):
        energy.add(4000.0, counter, at + n)
        assert total_of(energy) == pytest.approx(104.0)
    energy.add(4000.0, 104.25, at + 10.0)
    assert energy.total == 104.25


def test_a_counter_in_whole_kilowatt_hours_is_filled_in_between() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(1000.0, 50.0, 0.0)
    before = 50.0
    for n in range(1, 3 * 360):
        energy.add(1000.0, 50.0 + n // 360, n * 10.0)
        assert 0.0 <= total_of(energy) - before < 0.01
        before = total_of(energy)
    assert before == pytest.approx(53.0, abs=0.01)


def test_a_counter_that_never_counts_leaves_it_to_the_sum() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    at = 0.0
    while at < 4 * HOUR:
        energy.add(2000.0, 0.0, at)
        at += 10.0
    assert total_of(energy) == pytest.approx(8.0, abs=0.01)
    assert total_of(energy) > COUNTER_STUCK
    assert not energy.counted_by_device


@pytest.mark.parametrize("again", [0.0, 3.0, 1500.0], ids=["from zero", "a little later", "another device"])
def test_the_total_goes_on_when_the_counter_is_reset(again: float) -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(None, 1588.0, 0.0)
    energy.add(None, again, 10.0)
    assert total_of(energy) == pytest.approx(1588.0)
    energy.add(None, again + 0.5, 20.0)
    assert total_of(energy) == pytest.approx(1588.5)


def test_a_slip_of_less_than_a_thousandth_is_no_reset() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(None, 1000.0, 0.0)
    energy.add(None, 999.5, 10.0)
    energy.add(None, 1000.0, 20.0)
    energy.add(None, 1000.25, 30.0)
    assert energy.total == 1000.25
    # The same way further down is a reset: what comes after it counts.
    energy.add(None, 998.0, 40.0)
    energy.add(None, 998.5, 50.0)
    assert total_of(energy) == pytest.approx(1000.75)


def test_zeros_while_the_device_starts_do_not_move_the_total() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(None, 1588.0, 0.0)
    for at in (10.0, 20.0, 30.0):
        energy.add(None, 0.0, at)
    energy.add(None, 1588.0, 40.0)
    assert total_of(energy) == pytest.approx(1588.0)
    energy.add(None, 1588.5, 50.0)
    assert total_of(energy) == pytest.approx(1588.5)


def test_a_counter_that_rises_faster_than_any_house_is_another_counter() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(None, 100.0, 0.0)
    energy.add(None, 9000.0, 10.0)
    assert energy.total == 100.0
    energy.add(None, 9001.0, 20.0)
    assert total_of(energy) == pytest.approx(101.0)
    # In an hour 40 kWh are well possible.
    energy.add(None, 9041.0, 20.0 + HOUR)
    assert total_of(energy) == pytest.approx(141.0)


@pytest.mark.parametrize("nothing", [math.nan, math.inf, -math.inf, -1.0, 3.6e16, None])
def test_an_unbelievable_counter_is_none(nothing: float | None) -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(None, nothing, 0.0)
    assert energy.total is None
    energy.add(None, 100.0, 10.0)
    energy.add(None, nothing, 20.0)
    assert energy.total == 100.0


def test_an_older_reading_of_the_counter_that_comes_late_is_no_reset() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(None, 10.0, 0.0)
    energy.add(None, 12.0, 1000.0)
    energy.add(None, 10.0, 500.0)
    energy.add(None, 12.5, 1010.0)
    assert energy.total == 12.5


def test_the_owner_sets_where_a_sum_begins() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.set_start(4321.5)
    assert energy.total == 4321.5
    energy.add(1000.0, None, 0.0)
    at = run(energy, 1000.0, HOUR, start=0.0)
    assert total_of(energy) == pytest.approx(4322.5)
    energy.set_start(20.0)
    assert energy.total == 20.0
    run(energy, 1000.0, HOUR, start=at)
    assert total_of(energy) == pytest.approx(21.0)


def test_the_owner_sets_where_a_counted_total_begins() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(3600.0, 100.0, 0.0)
    energy.add(3600.0, None, 100.0)
    energy.set_start(500.0)
    assert energy.total == 500.0
    # 0.1 of the counter's 0.3 kWh were there before.
    energy.add(3600.0, 100.3, 110.0)
    assert total_of(energy) == pytest.approx(500.2)


def test_a_start_value_outlives_the_first_reading_of_the_counter() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.set_start(500.0)
    energy.add(None, 1588.0, 0.0)
    energy.add(None, 1589.0, 60.0)
    assert total_of(energy) == pytest.approx(501.0)


# Over a restart


def restarted(energy: EnergyTotal, *, at: float, away: float, part: Part = Part.POSITIVE) -> EnergyTotal:
    again = EnergyTotal(part, GAP)
    again.load(json.loads(json.dumps(energy.as_dict())), at=at, away=away)
    return again


def test_a_short_break_is_bridged_and_a_long_one_is_missing() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(3600.0, None, 1000.0)
    energy.add(3600.0, None, 1010.0)
    short = restarted(energy, at=5.0, away=50.0)
    assert short.total == energy.total
    short.add(3600.0, None, 15.0)
    assert total_of(short) == pytest.approx(0.01 + 0.06)
    long = restarted(energy, at=5.0, away=500.0)
    long.add(3600.0, None, 15.0)
    long.add(3600.0, None, 25.0)
    assert total_of(long) == pytest.approx(0.01 + 0.01)
    assert long.missing == 510.0


def test_a_counter_fills_what_the_restart_took() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(1000.0, 100.0, 0.0)
    again = restarted(energy, at=7.0, away=5 * HOUR)
    again.add(1000.0, 105.0, 17.0)
    assert (again.total, again.missing) == (105.0, 0.0)


def test_the_counter_is_gone_after_an_update_during_the_restart() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(3600.0, 1588.7, 0.0)
    again = restarted(energy, at=0.0, away=400.0)
    again.add(3600.0, None, 0.0)
    again.add(3600.0, None, 10.0)
    assert total_of(again) == pytest.approx(1588.71)
    assert again.missing == 400.0


def test_a_zero_of_a_starting_device_that_was_saved_does_no_harm() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(None, 1588.0, 0.0)
    energy.add(None, 0.0, 10.0)
    again = restarted(energy, at=0.0, away=60.0)
    again.add(None, 1588.0, 10.0)
    assert total_of(again) == pytest.approx(1588.0)


def test_a_clock_that_was_set_back_during_the_break_does_not_stop_the_sum() -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(3600.0, None, 1e6)
    again = restarted(energy, at=0.0, away=-86400.0)
    again.add(3600.0, None, 10.0)
    assert total_of(again) == pytest.approx(0.01)


GOOD: dict[str, Any] = {
    "total": 5.0,
    "missing": 0.0,
    "offset": 5.0,
    "counter": None,
    "summed": 0.0,
    "power": None,
}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("strange", ["text", [], {}, math.nan, math.inf])
def test_what_is_stored_in_an_unknown_shape_changes_nothing(name: str, strange: Any) -> None:
    energy = EnergyTotal(Part.POSITIVE, GAP)
    energy.add(1000.0, None, 0.0)
    energy.add(1000.0, None, 36.0)
    before = energy.as_dict()
    energy.load({**GOOD, name: strange}, at=36.0, away=0.0)
    energy.load({key: value for key, value in GOOD.items() if key != name}, at=36.0, away=0.0)
    assert energy.as_dict() == before
    energy.load(GOOD, at=36.0, away=0.0)
    assert energy.total == 5.0


# Whatever comes

READINGS = st.tuples(
    st.none() | st.floats() | POWERS,
    st.none() | st.floats() | st.floats(0.0, 2000.0),
    st.floats(-50.0, 4000.0),
)


@settings(max_examples=300)
@given(readings=st.lists(READINGS, max_size=40), part=st.sampled_from(Part), restart=st.integers(0, 40))
def test_the_total_never_falls_and_never_outruns_what_can_flow(
    readings: list[tuple[float | None, float | None, float]], part: Part, restart: int
) -> None:
    energy = EnergyTotal(part, GAP)
    at = counted_at = 1000.0
    for n, (power, counter, step) in enumerate(readings):
        at += step
        believable = power if power is not None and abs(power) <= 40_000.0 else None
        before = energy.total
        energy.add(believable, counter, at)
        if before is not None:
            # One interval at 40 kW, or what a counter may rise since it was last read.
            rise = max(40.0 * GAP, 100.0 * (at - counted_at)) / HOUR + 1.5
            assert before <= total_of(energy) <= before + rise + 1e-6
        if counter is not None and 0.0 <= counter <= LARGEST_COUNTER:
            counted_at = max(counted_at, at)
        if n == restart:
            shown = energy.total
            energy = restarted(energy, at=at, away=0.0, part=part)
            assert energy.total == shown
        assert energy.missing >= 0.0


@given(
    taken=samples(), unit=st.sampled_from([0.001, 0.1, 1.0]), start=st.floats(0.0, 20_000.0), every=st.integers(1, 9)
)
def test_with_an_honest_counter_the_total_stays_within_its_steps(
    taken: list[tuple[float, float]], unit: float, start: float, every: int
) -> None:
    """The counter cuts what flows to its unit and is read now and then; the total lies within a unit of the truth."""
    energy = EnergyTotal(Part.POSITIVE, GAP)
    truth = Integrator(Part.POSITIVE, GAP)
    for n, (power, at) in enumerate(taken):
        truth.add(power, at)
        counter = math.floor((start + truth.total) / unit) * unit
        energy.add(power, counter if n % every == 0 else None, at)
        assert abs(total_of(energy) - (start + truth.total)) <= unit * 1.01 + 1e-6
