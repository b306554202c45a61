"""What is due when: periods, spreading, pardon, expiry, freshness."""

from collections import Counter

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.client import Report
from custom_components.local_solar.solarlink.errors import (
    BadAnswerError,
    DeviceAbsentError,
    NoAnswerError,
    NotSupportedError,
    SolarError,
)
from custom_components.local_solar.solarlink.plan import FINAL_RETRY, MINUTE, SLOW, STALE_AFTER, Planner
from custom_components.local_solar.solarlink.points import Pace, Reading, Ref

from .table import points

UNSUPPORTED = NotSupportedError(device="Box", code=0x22, reason="unknown")
ABSENT = DeviceAbsentError(device="Box", code=2, reason="absent")
SILENT = NoAnswerError(device="Box", seconds=3)
BAD = BadAnswerError(device="Box", reason="two bytes")


def by_itself(ref: Ref) -> Ref:
    return ref


def good(*refs: Ref) -> Report:
    return Report(readings={ref: Reading(1.0, 0.0) for ref in refs})


def bad(error: SolarError, *refs: Ref) -> Report:
    return Report(failed=dict.fromkeys(refs, error))


def one(pace: Pace, interval: float = 10.0) -> tuple[Planner, Ref]:
    planner = Planner(interval)
    demand = points(pace)
    planner.demand(demand)
    return planner, next(iter(demand))


def test_periods_never_run_faster_than_the_interval() -> None:
    assert [Planner(10).period(pace) for pace in (Pace.LIVE, Pace.MINUTE, Pace.SLOW)] == [10, MINUTE, SLOW]
    assert [Planner(400).period(pace) for pace in (Pace.LIVE, Pace.MINUTE, Pace.SLOW)] == [400, 400, 400]
    assert Planner(10).period(Pace.ONCE) == float("inf")


def test_nothing_is_due_without_demand() -> None:
    planner = Planner(10)
    assert planner.due(0.0, by_itself) == []
    planner.demand(points(Pace.LIVE))
    planner.demand({})
    assert planner.due(100.0, by_itself) == []


@pytest.mark.parametrize("pace", Pace)
def test_what_was_never_read_is_due_at_once(pace: Pace) -> None:
    planner, ref = one(pace)
    assert planner.due(0.0, by_itself) == [ref]


@pytest.mark.parametrize(("pace", "period"), [(Pace.LIVE, 10.0), (Pace.MINUTE, MINUTE), (Pace.SLOW, SLOW)])
def test_due_again_after_its_period_less_a_tenth(pace: Pace, period: float) -> None:
    planner, ref = one(pace)
    planner.mark(good(ref), 1000.0)
    assert planner.due(1000.0 + 0.89 * period, by_itself) == []
    assert planner.due(1000.0 + 0.91 * period, by_itself) == [ref]


def test_once_is_never_read_again() -> None:
    planner, ref = one(Pace.ONCE)
    planner.mark(bad(SILENT, ref), 5.0)
    assert planner.due(5.0, by_itself) == [ref]
    planner.mark(good(ref), 10.0)
    assert planner.due(1e9, by_itself) == []
    assert planner.fresh(ref, 1e9)


@pytest.mark.parametrize("error", [SILENT, BAD], ids=["silence", "bad answer"])
def test_after_a_passing_error_a_new_point_is_tried_again_at_once(error: SolarError) -> None:
    planner, ref = one(Pace.SLOW)
    planner.mark(bad(error, ref), 10.0)
    assert planner.due(10.0, by_itself) == [ref]


def test_after_a_passing_error_a_known_point_waits_its_period() -> None:
    planner, ref = one(Pace.LIVE)
    planner.mark(good(ref), 0.0)
    planner.mark(bad(SILENT, ref), 10.0)
    assert planner.due(18.0, by_itself) == []
    assert planner.due(20.0, by_itself) == [ref]


@pytest.mark.parametrize(
    ("error", "pardon"), [(UNSUPPORTED, FINAL_RETRY), (ABSENT, SLOW)], ids=["unsupported", "absent"]
)
@pytest.mark.parametrize("pace", Pace)
def test_what_the_device_does_not_have_is_left_alone_for_a_while(error: SolarError, pardon: float, pace: Pace) -> None:
    planner, ref = one(pace)
    planner.mark(bad(error, ref), 100.0)
    assert planner.due(100.0 + pardon - 1, by_itself) == []
    assert planner.due(100.0 + pardon, by_itself) == [ref]
    planner.mark(good(ref), 5000.0)
    if pace is Pace.LIVE:
        assert planner.due(5010.0, by_itself) == [ref]


def test_a_passing_error_ends_the_pardon() -> None:
    planner, ref = one(Pace.LIVE)
    planner.mark(bad(UNSUPPORTED, ref), 0.0)
    planner.mark(bad(SILENT, ref), FINAL_RETRY)
    assert planner.due(FINAL_RETRY, by_itself) == [ref]


def test_expired_points_are_due_whatever_was_before() -> None:
    planner = Planner(10)
    demand = points(Pace.LIVE, Pace.SLOW, Pace.ONCE, Pace.MINUTE)
    planner.demand(demand)
    refs = list(demand)
    planner.mark(good(*refs[:3]), 0.0)
    planner.mark(bad(UNSUPPORTED, refs[3]), 0.0)
    assert planner.due(1.0, by_itself) == []
    planner.expire([*refs, Ref("box", "unknown")])
    assert set(planner.due(1.0, by_itself)) == set(refs)
    planner.mark(good(*refs[:3]), 1.0)
    planner.mark(bad(UNSUPPORTED, refs[3]), 1.0)
    assert planner.due(2.0, by_itself) == []


def test_expired_slow_points_are_not_held_back() -> None:
    planner = Planner(10)
    demand = points(*[Pace.SLOW] * 50)
    planner.demand(demand)
    planner.mark(good(*demand), 0.0)
    planner.expire(demand)
    assert planner.due(1.0, by_itself) == list(demand)


def test_fresh_for_three_periods() -> None:
    planner, ref = one(Pace.LIVE)
    assert not planner.fresh(ref, 0.0)
    planner.mark(good(ref), 100.0)
    assert planner.fresh(ref, 100.0 + STALE_AFTER * 10.0)
    assert not planner.fresh(ref, 100.1 + STALE_AFTER * 10.0)
    planner.mark(bad(SILENT, ref), 120.0)
    assert planner.fresh(ref, 125.0)
    assert not planner.fresh(ref, 131.0)
    assert not planner.fresh(Ref("box", "unknown"), 0.0)


def test_a_new_demand_keeps_what_is_known_and_forgets_the_rest() -> None:
    planner = Planner(10)
    demand = points(Pace.LIVE, Pace.LIVE)
    first, second = demand
    planner.demand(demand)
    planner.mark(good(first, second), 0.0)
    planner.demand({first: demand[first]})
    planner.demand(demand)
    assert planner.due(1.0, by_itself) == [second]
    assert planner.fresh(first, 1.0)
    assert not planner.fresh(second, 1.0)


def test_a_report_of_what_nobody_wants_is_ignored() -> None:
    planner = Planner(10)
    planner.mark(good(Ref("box", "p0")), 0.0)
    planner.mark(bad(SILENT, Ref("box", "p0")), 0.0)
    assert not planner.fresh(Ref("box", "p0"), 0.0)


def test_slow_points_are_spread_and_the_most_overdue_go_first() -> None:
    planner = Planner(10)
    demand = points(*[Pace.SLOW] * 60)
    refs = list(demand)
    planner.demand(demand)
    for n, ref in enumerate(refs):
        planner.mark(good(ref), float(n))
    # 60 exchanges in 300 s at one cycle per 10 s: 2 in each.
    assert planner.due(1000.0, by_itself) == refs[:2]
    planner.mark(good(*refs[:2]), 1000.0)
    assert planner.due(1010.0, by_itself) == refs[2:4]


def test_slow_points_travel_free_in_an_exchange_that_happens_anyway() -> None:
    planner = Planner(10)
    live, slow = points(Pace.LIVE), points(*[Pace.SLOW] * 40, prefix="s")
    planner.demand(live | slow)
    planner.mark(good(*live, *slow), 0.0)
    assert set(planner.due(1000.0, lambda ref: "all")) == {*live, *slow}


def test_slow_points_of_one_group_share_one_place() -> None:
    planner = Planner(10)
    demand = points(*[Pace.SLOW] * 40)
    planner.demand(demand)
    planner.mark(good(*demand), 0.0)
    assert set(planner.due(1000.0, lambda ref: "all")) == set(demand)


@given(
    interval=st.sampled_from([2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0]),
    count=st.integers(1, 80),
    groups=st.integers(1, 80),
    start=st.floats(0, 1e6),
)
@settings(max_examples=60, deadline=None)
def test_budget_every_slow_point_in_its_period_and_no_cycle_overloaded(
    interval: float, count: int, groups: int, start: float
) -> None:
    """In steady state each cycle takes its share of the slow exchanges, and none is read later than its period."""
    planner = Planner(interval)
    demand = points(*[Pace.SLOW] * count)
    planner.demand(demand)

    def group(ref: Ref) -> int:
        return int(ref.key[1:]) % groups

    planner.mark(good(*demand), start)
    share = -(-min(groups, count) * interval // max(SLOW, interval))
    seen: Counter[Ref] = Counter()
    last = dict.fromkeys(demand, start)
    cycles = int(4 * max(SLOW, interval) / interval)
    now = start
    for _ in range(cycles):
        now += interval
        due = planner.due(now, group)
        assert len(due) == len(set(due))
        assert len({group(ref) for ref in due}) <= share
        for ref in due:
            # The first round starts all at once and is spread; after it the period holds.
            assert now - last[ref] <= 2 * max(SLOW, interval) + interval
            last[ref] = now
        seen.update(due)
        planner.mark(good(*due), now)
        assert all(planner.fresh(ref, now) for ref in demand)
    assert set(seen) == set(demand)
    assert all(planner.fresh(ref, now) for ref in demand)


@given(
    paces=st.lists(st.sampled_from(Pace), min_size=1, max_size=30),
    steps=st.lists(
        st.tuples(st.floats(0.5, 400), st.sampled_from(["good", "silent", "unsupported", "absent"])), max_size=30
    ),
)
@settings(max_examples=100, deadline=None)
def test_live_and_minute_points_are_never_held_back(paces: list[Pace], steps: list[tuple[float, str]]) -> None:
    planner = Planner(10)
    demand = points(*paces)
    planner.demand(demand)
    now = 0.0
    read: dict[Ref, float] = {}
    for wait, outcome in steps:
        now += wait
        due = planner.due(now, by_itself)
        for ref, point in demand.items():
            if point.pace in (Pace.LIVE, Pace.MINUTE) and ref in read and now - read[ref] >= planner.period(point.pace):
                assert ref in due
            if point.pace is Pace.ONCE and ref in read:
                assert ref not in due
        match outcome:
            case "good":
                planner.mark(good(*due), now)
                read |= dict.fromkeys(due, now)
            case "silent":
                planner.mark(bad(SILENT, *due), now)
                read = {ref: at for ref, at in read.items() if ref not in due}
            case _:
                planner.mark(bad(UNSUPPORTED if outcome == "unsupported" else ABSENT, *due), now)
                read = {ref: at for ref, at in read.items() if ref not in due}
