"""Manual mode: wishes, cap and ceilings, and what may still flow while an inverter has not come down yet."""

import math
from dataclasses import replace
from typing import Any

from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.control.feed_in_modes import FlowState, Mode, Wish, flow, manual_limits
from custom_components.local_solar.solarlink.control.feed_in_snapshot import InverterSnapshot, LimitWord
from tests.tries import TRIES

NAME = "feed-in manual limits"


def wish(serial: str, pct: float | None, *, has: float = 2.0, rated: float = 400.0, **more: Any) -> Wish:
    told: dict[str, Any] = {"min_pct": 2.0, "ceiling_pct": 100.0, "flow_w": rated * has / 100.0} | more
    return Wish(serial=serial, rated_w=rated, wish_pct=pct, commanded_pct=has, **told)


def test_wishes_within_the_cap() -> None:
    assert manual_limits(800, 1, [wish("a", 60), wish("b", 30.7)]) == {"a": 60, "b": 30}
    assert manual_limits(800, 1, [wish("a", None, has=45), wish("b", 2)]) == {}
    assert manual_limits(800, 1, [wish("a", 0, has=45)]) == {"a": 2}
    assert manual_limits(800, 0.5, [wish("a", 45.4, has=45)]) == {}


def test_ceilings_and_lowest_limits() -> None:
    assert manual_limits(800, 1, [wish("a", 90, has=80, ceiling_pct=2.0)]) == {"a": 2}
    assert manual_limits(800, 1, [wish("a", 90, ceiling_pct=70.0)]) == {"a": 70}
    assert manual_limits(800, 1, [wish("a", 5, has=50, min_pct=12.5)]) == {"a": 12.5}


def test_above_the_cap_all_are_lowered_in_proportion() -> None:
    # 400 + 400 + 300 W wanted, 22 W floor: (800 - 22) / (1100 - 22) of what lies above the floor.
    wishes = [wish("a", 100), wish("b", 100), wish("c", 100, rated=300.0)]
    assert manual_limits(800, 1, wishes) == {"a": 72, "b": 72, "c": 72}
    wishes = [wish("a", 100, has=100), wish("b", 100, has=100), wish("c", 40, has=40, rated=300.0)]
    assert manual_limits(800, 1, wishes) == {"a": 86, "b": 86, "c": 34}


def test_a_cap_below_the_floor_is_the_floor() -> None:
    assert manual_limits(0, 1, [wish("a", 100, has=50), wish("b", 2, has=2)]) == {"a": 2}


def test_nothing_is_raised_into_what_still_flows() -> None:
    a, b = wish("a", 20, has=100), wish("b", 100, has=2)
    assert manual_limits(480, 1, [a, b]) == {"a": 20, "b": 20}
    # The first has acknowledged, but a sample has not shown it yet.
    a = replace(a, commanded_pct=20.0, flow_w=400.0)
    assert manual_limits(480, 1, [a, replace(b, commanded_pct=20.0, flow_w=80.0)]) == {}
    a = replace(a, flow_w=80.0)
    assert manual_limits(480, 1, [a, replace(b, commanded_pct=20.0, flow_w=80.0)]) == {"b": 100}


def test_an_inverter_that_has_not_acknowledged_is_not_raised_further() -> None:
    assert manual_limits(800, 1, [wish("a", 60, has=20, waiting=True)]) == {}
    assert manual_limits(800, 1, [wish("a", 10, has=20, waiting=True)]) == {"a": 10}


def seen(commanded: float, measured: float | None, age: float = 0.0, **more: Any) -> InverterSnapshot:
    told: dict[str, Any] = {"state": LimitWord.OK, "limit_pct": commanded} | more
    return InverterSnapshot(
        serial="a", rated_w=400.0, commanded_pct=commanded, measured_w=measured, sample_age_s=age, **told
    )


def test_what_may_still_flow() -> None:
    state = flow(FlowState(), 0.0, seen(100, 390))
    assert state.high_w == 400.0
    state = flow(state, 10.0, seen(20, 390, waiting=True, limit_pct=100))
    assert state.high_w == 400.0
    # Acknowledged; the sample is older than that.
    state = flow(state, 12.0, seen(20, 70, age=3.0))
    assert state.high_w == 400.0
    # Newer, but it is still on its way down.
    state = flow(state, 15.0, seen(20, 200, age=1.0))
    assert state.high_w == 400.0
    state = flow(state, 20.0, seen(20, 92, age=1.0))
    assert state.high_w == 92.0
    assert flow(state, 25.0, seen(20, 78, age=1.0)).high_w == 80.0


def test_a_failure_may_flow_either_way() -> None:
    state = flow(FlowState(), 0.0, seen(50, 200))
    state = flow(state, 5.0, seen(10, 200, state=LimitWord.FAILURE, limit_pct=50))
    state = flow(state, 60.0, seen(10, 30, state=LimitWord.FAILURE, limit_pct=50))
    assert state.high_w == 200.0


def test_a_false_report_is_not_believed() -> None:
    state = flow(FlowState(), 0.0, seen(50, 198, limit_pct=100, firmware_is_hms_2=True))
    assert state.high_w == 200.0


def test_what_modes_do() -> None:
    assert [mode for mode in Mode if mode.uses_core] == [Mode.AUTO, Mode.PAUSE, Mode.SURPLUS]
    assert [mode for mode in Mode if mode.follows_load] == [Mode.AUTO, Mode.SURPLUS]


wishes = st.lists(
    st.builds(
        lambda rated, pct, ceiling, has, extra, waiting: (rated, pct, ceiling, has, extra, waiting),
        st.sampled_from([300.0, 400.0, 1500.0]),
        st.none() | st.floats(0, 150),
        st.floats(2, 100),
        st.floats(2, 100),
        st.sampled_from([0.0, 0.0, 100.0, 400.0]),
        st.booleans(),
    ),
    max_size=5,
)


@settings(max_examples=500, deadline=None)
@given(wishes, st.floats(0, 2000), st.sampled_from([2.0, 3.5, 10.0]), st.sampled_from([0.1, 1.0, 5.0]))
def test_the_cap_holds_at_worst(made: list[tuple[Any, ...]], cap_w: float, min_pct: float, step_pct: float) -> None:
    TRIES[NAME] += 1
    all_of_them = [
        wish(
            str(index),
            pct,
            has=has,
            rated=rated,
            ceiling_pct=ceiling,
            flow_w=rated * has / 100 + extra,
            waiting=wait,
            min_pct=min_pct,
        )
        for index, (rated, pct, ceiling, has, extra, wait) in enumerate(made)
    ]
    limits = manual_limits(cap_w, step_pct, all_of_them)
    worst = after = floor = 0.0
    for each in all_of_them:
        limit = limits.get(each.serial, each.commanded_pct)
        before = max(each.flow_w, each.rated_w * each.commanded_pct / 100)
        worst += before
        after += max(before, each.rated_w * limit / 100)
        floor += each.rated_w * min_pct / 100
        if each.serial in limits:
            assert min_pct <= limit <= max(min_pct, each.ceiling_pct) + 1e-9
            assert math.isclose(limit, min_pct) or math.isclose(limit / step_pct, round(limit / step_pct), abs_tol=1e-6)
            assert limit < each.commanded_pct or not each.waiting
    # Whatever still flows, a raise never makes it more than the cap.
    assert after <= max(cap_w, worst, floor) + 1e-6
    # In the end, when all has come down, the wishes and the cap are there.
    has = {each.serial: limits.get(each.serial, each.commanded_pct) for each in all_of_them}
    for _ in range(6):
        settled = [
            replace(each, commanded_pct=has[each.serial], flow_w=each.rated_w * has[each.serial] / 100, waiting=False)
            for each in all_of_them
        ]
        settled = [
            replace(each, wish_pct=made[index][1] if made[index][1] is not None else made[index][3])
            for index, each in enumerate(settled)
        ]
        has |= manual_limits(cap_w, step_pct, settled)
    total = sum(each.rated_w * has[each.serial] / 100 for each in all_of_them)
    assert total <= max(cap_w, floor) + 0.5 * step_pct / 100 * sum(each.rated_w for each in all_of_them) + 1e-6
