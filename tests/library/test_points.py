"""What a setting accepts."""

import math
from contextlib import suppress
from datetime import time
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.errors import ValueKindError, ValueRangeError, ValueStepError
from custom_components.local_solar.solarlink.points import (
    Access,
    Limits,
    Risk,
    check_flag,
    check_number,
    check_time,
)

from .table import point

POINT = point("limit", unit="%")
PERCENT = Limits(0.0, 100.0, 5.0)


@pytest.mark.parametrize("value", [0, 5, 100, 55.0, 0.0, -0.0])
def test_good_numbers_come_back_as_floats(value: float) -> None:
    checked = check_number(POINT, value, PERCENT)
    assert checked == value
    assert type(checked) is float


@pytest.mark.parametrize(
    "value", [True, False, "5", None, math.nan, math.inf, -math.inf, [5], 5j, b"5", 10**400], ids=str
)
def test_what_is_no_finite_number_is_refused(value: Any) -> None:
    with pytest.raises(ValueKindError, match="no value for Limit; expected a number"):
        check_number(POINT, value, PERCENT)


@pytest.mark.parametrize("value", [-5, 105, -0.001, 100.001, 1e30])
def test_out_of_range(value: float) -> None:
    with pytest.raises(ValueRangeError, match="Limit accepts 0 to 100 %") as caught:
        check_number(POINT, value, PERCENT)
    assert caught.value.details["minimum"] == "0"
    assert caught.value.details["maximum"] == "100"


@pytest.mark.parametrize("value", [1, 99, 52.5, 0.1])
def test_between_two_steps(value: float) -> None:
    with pytest.raises(ValueStepError, match="Limit is set in steps of 5 %"):
        check_number(POINT, value, PERCENT)


def test_range_goes_before_step() -> None:
    with pytest.raises(ValueRangeError):
        check_number(POINT, 101, PERCENT)


def test_steps_count_from_the_minimum() -> None:
    limits = Limits(2.5, 50.0, 5.0)
    assert check_number(POINT, 12.5, limits) == 12.5
    with pytest.raises(ValueStepError):
        check_number(POINT, 10, limits)


def test_without_limits_every_finite_number_is_good() -> None:
    assert check_number(POINT, -1e9, Limits()) == -1e9
    assert check_number(POINT, 7.3, Limits(step=0.0)) == 7.3
    assert check_number(POINT, 7.0, Limits(step=0.5)) == 7.0
    with pytest.raises(ValueRangeError):
        check_number(POINT, 1, Limits(maximum=0.0))
    with pytest.raises(ValueRangeError):
        check_number(POINT, -1, Limits(minimum=0.0))


@given(
    st.integers(-1000, 1000),
    st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.5, 1, 2, 5, 10]),
    st.integers(0, 5000),
)
@settings(max_examples=500, deadline=None)
def test_every_step_from_the_minimum_is_accepted(minimum: int, step: float, steps: int) -> None:
    """Decimal steps are no binary fractions; that must not refuse a value."""
    value = round(minimum + steps * step, 6)
    assert check_number(POINT, value, Limits(minimum, minimum + 5001 * step, step)) == value


@given(st.one_of(st.floats(), st.integers(), st.text(), st.booleans(), st.none()))
@settings(max_examples=500, deadline=None)
def test_whatever_comes_only_our_errors_leave(value: Any) -> None:
    with suppress(ValueKindError, ValueRangeError, ValueStepError):
        assert 0 <= check_number(POINT, value, PERCENT) <= 100


def test_a_flag_is_on_or_off_and_nothing_that_looks_like_it() -> None:
    assert check_flag(POINT, True) is True
    assert check_flag(POINT, False) is False
    for value in (1, 0, "on", None):
        with pytest.raises(ValueKindError):
            check_flag(POINT, value)


def test_a_time_of_day_is_no_text() -> None:
    assert check_time(POINT, time(7, 30)) == time(7, 30)
    for value in ("07:30", 450, None):
        with pytest.raises(ValueKindError):
            check_time(POINT, value)


def test_what_may_be_written() -> None:
    assert not point().writable
    assert point(access=Access.READ_WRITE).writable
    assert point(access=Access.PRESS, risk=Risk.OUTAGE).writable
    assert not point(access=Access.READ_WRITE, risk=Risk.NEVER).writable
