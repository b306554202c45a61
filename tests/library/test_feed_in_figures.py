"""Figures of merit of the zero feed-in control, against sums that are made the long way."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.control.feed_in_figures import FeedInFigures, ideal_w
from tests.tries import TRIES

NAME = "feed-in figures"
DAY = "2026-05-04"


def told(figures: FeedInFigures, t: float, grid: float, error: float = 0.0, date: str = DAY, **more: Any) -> None:
    """A value of the meter while 100 W + ``error`` are delivered and 100 W are ideal."""
    all_of_it: dict[str, Any] = {"load_w": 120.0, "delivered_w": 100.0 + error, "target_w": 20.0, "floor_w": 22.0}
    figures.meter(t, date, grid_w=grid, **({"cap_w": 800.0} | all_of_it | more))


@pytest.mark.parametrize(
    ("load", "target", "floor", "cap", "ideal"),
    [
        (300, 20, 22, 800, 280),
        (30, 20, 22, 800, 22),
        (2000, 20, 22, 800, 800),
        (300, -100, 22, 800, 400),
        (300, 20, 22, 10, 22),
    ],
)
def test_ideal(load: float, target: float, floor: float, cap: float, ideal: float) -> None:
    assert ideal_w(load, target, floor, cap) == ideal


def test_error_and_energies() -> None:
    figures = FeedInFigures()
    for t in range(1800):
        told(figures, t, 100.0, 30.0)
    for t in range(1800, 3600):
        told(figures, t, -200.0, -40.0)
    figures.advance(3599.9, DAY)
    assert figures.rms_error_w == pytest.approx(math.sqrt((30**2 + 40**2) / 2), rel=0.02)
    assert figures.mean_error_w == pytest.approx(-5.0, abs=0.5)
    assert figures.mean_delivered_w == pytest.approx(95.0, abs=0.5)
    assert figures.day.import_wh == pytest.approx(50.0)
    assert figures.day.export_wh == pytest.approx(100.0, rel=1e-3)


def test_only_the_last_hour_counts() -> None:
    figures = FeedInFigures()
    for t in range(3600):
        told(figures, t, 0.0, 500.0)
    for t in range(3600, 7300):
        told(figures, t, 0.0, 10.0)
    assert figures.rms_error_w == pytest.approx(10.0)
    assert len(figures.minutes) <= 60


def test_a_gap_is_neither_error_nor_energy() -> None:
    figures = FeedInFigures()
    told(figures, 0.0, -3600.0, 50.0)
    told(figures, 600.0, 0.0)
    assert figures.day.export_wh == pytest.approx(20.0)
    assert figures.day.seconds == 20.0
    figures.advance(2000.0, DAY)
    assert figures.rms_error_w == pytest.approx(math.sqrt(50**2 / 2))
    figures.advance(9000.0, DAY)
    assert figures.rms_error_w is None
    assert figures.mean_error_w is None
    assert figures.mean_delivered_w is None


def test_a_slow_meter_is_no_gap() -> None:
    figures = FeedInFigures()
    for t in range(0, 3601, 15):
        told(figures, t, 1000.0)
    assert figures.day.import_wh == pytest.approx(1000.0)


def test_unknown_values_end_what_holds() -> None:
    figures = FeedInFigures()
    told(figures, 0.0, -3600.0)
    told(figures, 5.0, math.nan)
    told(figures, 15.0, 0.0, 70.0, load_w=None)
    told(figures, 20.0, 0.0)
    assert figures.day.export_wh == pytest.approx(5.0)
    assert figures.rms_error_w == 0.0


def test_commands() -> None:
    figures = FeedInFigures()
    for t in range(7200):
        told(figures, t, 0.0)
        if t % 60 == 0:
            figures.command(float(t), DAY)
    assert figures.commands_per_hour == 60
    assert figures.average_commands_per_hour == pytest.approx(60.0, rel=0.01)
    figures.command(7200.0, DAY, 3)
    assert figures.commands_per_hour == 62
    assert FeedInFigures().average_commands_per_hour is None


def test_midnight_and_restart() -> None:
    figures = FeedInFigures()
    for t in range(0, 36, 5):
        told(figures, t, 3600.0)
    figures.command(35.0, DAY)
    again = FeedInFigures.from_dict(json.loads(json.dumps(figures.as_dict())))
    assert again.day == figures.day
    told(again, 3.0, -3600.0)
    told(again, 13.0, 0.0)
    assert again.day.import_wh == pytest.approx(35.0)
    assert again.day.export_wh == pytest.approx(10.0)
    assert again.day.commands == 1
    told(again, 14.0, 0.0, date="2026-05-05")
    assert (again.day.date, again.day.import_wh, again.day.export_wh, again.day.commands) == ("2026-05-05", 0, 0, 0)


@pytest.mark.parametrize("saved", [{}, {"date": 5, "import_wh": "x"}, {"export_wh": -3, "commands": math.nan}])
def test_damaged_memory_begins_at_nothing(saved: dict[str, Any]) -> None:
    figures = FeedInFigures.from_dict(saved)
    assert (figures.day.import_wh, figures.day.export_wh, figures.day.commands) == (0, 0, 0)


events = st.lists(
    st.tuples(st.sampled_from([0.0, 0.3, 1.0, 7.0, 45.0, 61.0, -2.0]), st.floats(-5000, 5000), st.floats(-800, 800)),
    min_size=1,
    max_size=80,
)


@settings(max_examples=200, deadline=None)
@given(events, st.floats(0, 1e6))
def test_the_same_as_the_long_way(story: list[tuple[float, float, float]], start: float) -> None:
    TRIES[NAME] += 1
    figures, t, spans = FeedInFigures(), start, []
    held: tuple[float, float, float] | None = None
    for dt, grid, error in story:
        t += dt
        if held is not None and t > held[0]:
            spans.append((min(t - held[0], 20.0), held[1], held[2]))
        told(figures, t, grid, error)
        held = (t if held is None else max(t, held[0]), grid, error)
        assert len(figures.minutes) <= 61
    assert figures.day.import_wh == pytest.approx(sum(s * g for s, g, _ in spans if g > 0) / 3600, abs=1e-6, rel=1e-6)
    assert figures.day.export_wh == pytest.approx(-sum(s * g for s, g, _ in spans if g < 0) / 3600, abs=1e-6, rel=1e-6)
    seconds = sum(s for s, _, _ in spans)
    if seconds > 0 and t - start < 3000:
        rms = math.sqrt(sum(s * e * e for s, _, e in spans) / seconds)
        assert figures.rms_error_w == pytest.approx(rms, rel=1e-3, abs=1e-3)
