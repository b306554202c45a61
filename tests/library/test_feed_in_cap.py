"""The cap of the zero feed-in control: the worked table of the reference, what it comes from, and its bounds."""

import math
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.control.feed_in_cap import CapReason, CapSettings, cap
from tests.tries import TRIES

NAME = "feed-in cap"

TABLE: list[tuple[float, float, float | None, bool, float | None, float | None, float, CapReason]] = [
    (800, 800, 0, True, 52, 40, 800, CapReason.LEGAL_LIMIT),
    (800, 700, 120, True, 52, 40, 680, CapReason.OTHER_PRODUCERS),
    (800, 800, None, True, 52, 40, 300, CapReason.OTHER_PRODUCERS_UNKNOWN),
    (800, 800, 0, False, 52, 40, 0, CapReason.GATE_CLOSED),
    (800, 800, -20, True, None, None, 800, CapReason.LEGAL_LIMIT),
    (800, 800, 900, True, 52, 40, 0, CapReason.OTHER_PRODUCERS),
    (800, 700, 50, True, 52, 40, 700, CapReason.USER_LIMIT),
    (600, 800, 0, True, 52, 40, 600, CapReason.LEGAL_LIMIT),
    (800, 800, math.nan, True, 52, math.nan, 300, CapReason.OTHER_PRODUCERS_UNKNOWN),
    (800, 800, 0, True, 52, 0, 0, CapReason.BATTERY_LIMIT),
    (800, 800, 0, True, None, 10, 800, CapReason.LEGAL_LIMIT),
]


@pytest.mark.parametrize(("legal", "user", "others", "gate_open", "voltage", "dcl", "watts", "reason"), TABLE)
def test_table(
    legal: float,
    user: float,
    others: float | None,
    gate_open: bool,
    voltage: float | None,
    dcl: float | None,
    watts: float,
    reason: CapReason,
) -> None:
    found = cap(
        CapSettings(legal_w=legal, user_w=user),
        gate_open=gate_open,
        others_w=others,
        voltage=voltage,
        dcl=dcl,
        other_dc_w=0.0,
    )
    assert found.watts == pytest.approx(watts)
    assert found.reason is reason


def test_other_loads_of_the_battery() -> None:
    found = cap(CapSettings(), gate_open=True, others_w=50, voltage=51.2, dcl=10, other_dc_w=100)
    assert found.watts == pytest.approx(391.4)
    assert found.reason is CapReason.BATTERY_LIMIT
    found = cap(CapSettings(), gate_open=True, others_w=50, voltage=51.2, dcl=10, other_dc_w=None)
    assert found.watts == pytest.approx(486.4)


def test_own_inverters_that_are_not_under_control_count_as_others() -> None:
    found = cap(CapSettings(), gate_open=True, others_w=0, voltage=None, dcl=None, other_dc_w=None, standing_w=350)
    assert found.watts == 450
    assert found.reason is CapReason.OTHER_PRODUCERS
    unknown = cap(CapSettings(), gate_open=True, others_w=None, voltage=None, dcl=None, other_dc_w=None, standing_w=100)
    assert unknown == (200, CapReason.OTHER_PRODUCERS_UNKNOWN)


@pytest.mark.parametrize(("grid_down", "paused"), [(True, False), (False, True), (True, True)])
def test_nothing_without_a_grid_or_in_a_pause(grid_down: bool, paused: bool) -> None:
    found = cap(
        CapSettings(),
        gate_open=True,
        others_w=0,
        voltage=None,
        dcl=None,
        other_dc_w=None,
        grid_down=grid_down,
        paused=paused,
    )
    assert found == (0, CapReason.PAUSED if paused else CapReason.GRID_DOWN)


@pytest.mark.parametrize(
    "wrong",
    [
        {"legal_w": 801},
        {"legal_w": -1},
        {"legal_w": math.nan},
        {"user_w": 22501},
        {"others_default_w": -1},
        {"battery_share": 0},
        {"legal_w": "800"},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CapSettings(**wrong)


def test_more_than_the_legal_limit_needs_a_word() -> None:
    raised = CapSettings(legal_w=1500, legal_raised=True, user_w=2000)
    found = cap(raised, gate_open=True, others_w=0, voltage=None, dcl=None, other_dc_w=None)
    assert found == (1500, CapReason.LEGAL_LIMIT)


watts = st.none() | st.floats()


@settings(max_examples=400, deadline=None)
@given(
    st.floats(0, 800),
    st.floats(0, 22500),
    st.booleans(),
    watts,
    watts,
    watts,
    watts,
    st.floats(),
)
def test_never_above_the_legal_limit_less_the_others(
    legal: float,
    user: float,
    gate_open: bool,
    others: float | None,
    voltage: float | None,
    dcl: float | None,
    other_dc: float | None,
    standing: float,
) -> None:
    TRIES[NAME] += 1
    found = cap(
        CapSettings(legal_w=legal, user_w=user),
        gate_open=gate_open,
        others_w=others,
        voltage=voltage,
        dcl=dcl,
        other_dc_w=other_dc,
        standing_w=standing,
    )
    assert 0.0 <= found.watts <= min(legal, user)
    if not gate_open:
        assert found.watts == 0.0
    if others is not None and math.isfinite(others) and others > 0:
        assert found.watts <= max(0.0, legal - others)
