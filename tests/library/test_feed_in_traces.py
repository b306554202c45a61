"""The recorded traces of the zero feed-in control, and recordings of our own."""

import csv
import json
import math
import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from custom_components.local_solar.solarlink.control.feed_in import FeedIn, FeedInInverter, FeedInSettings, FeedInState
from custom_components.local_solar.solarlink.control.feed_in_learning import LearnedDelay
from custom_components.local_solar.solarlink.control.feed_in_recorder import FeedInRecorder
from custom_components.local_solar.solarlink.control.feed_in_trace import (
    COLUMNS,
    FeedInTrace,
    TraceEvent,
    TraceRow,
    replay,
    trace_list,
)

DATA = Path(__file__).parent / "data" / "feed_in"
HEADERS = {row["file"]: row for row in csv.DictReader((DATA / "traces.csv").read_text("utf-8").splitlines())}
COMMANDS = {
    "trace_calm.csv": 10,
    "trace_steps.csv": 15,
    "trace_slow.csv": 78,
    "trace_pulse.csv": 33,
    "trace_meter_lost.csv": 8,
}
"""How many commands each trace has."""


def trace_of(file: str) -> FeedInTrace:
    return FeedInTrace.from_tables(HEADERS[file], (DATA / file).read_text("utf-8"))


def recorded(trace: FeedInTrace, capacity: int) -> FeedInRecorder:
    """A recorder to which a whole trace has happened."""
    core = FeedInRecorder(trace.inverters, trace.settings, capacity=capacity)
    for row in trace.rows:
        row.apply(core)
    return core


# The traces of the reference


@pytest.mark.parametrize("file", sorted(COMMANDS))
def test_every_command_and_figure_of_a_trace_is_reproduced(file: str) -> None:
    trace = trace_of(file)
    assert sum(len(row.commands) for row in trace.rows) == COMMANDS[file]
    assert all(len(row.figures) == 4 for row in trace.rows if row.event is TraceEvent.METER)
    assert list(trace.differences()) == []


def test_all_traces_are_there() -> None:
    assert set(HEADERS) == set(COMMANDS)
    rows = Counter(row.event for file in HEADERS for row in trace_of(file).rows)
    assert rows.total() == 4265
    assert set(rows) == {TraceEvent.METER, TraceEvent.SAMPLE, TraceEvent.LIMIT_STATUS, TraceEvent.TICK}


def test_a_trace_of_another_house_does_not_fit() -> None:
    trace = trace_of("trace_steps.csv")
    columns = {each.column for each in replay(trace.rows, FeedIn(trace.inverters, FeedInSettings(band_up_w=80.0)))}
    assert {"commands", "expected_committed_w", "expected_model_w"} <= columns


@pytest.mark.parametrize("at", [200, 700, 1000])
def test_a_state_that_was_written_and_read_goes_on_as_if_nothing_had_been(at: int) -> None:
    trace = trace_of("trace_slow.csv")
    core = trace.core()
    assert list(replay(trace.rows[:at], core)) == []
    state = FeedInState.from_dict(json.loads(json.dumps(core.state.as_dict(), allow_nan=False)))
    assert state == core.state
    again = FeedIn.resumed(trace.inverters, trace.settings, state)
    assert list(replay(trace.rows[at:], again)) == []
    # What was resumed is a copy.
    assert state == core.state != again.state


# Recordings


@pytest.mark.parametrize("capacity", [100, 377, 5000])
def test_a_recording_stands_for_itself(capacity: int) -> None:
    trace = trace_of("trace_slow.csv")
    core = recorded(trace, capacity)
    dump = core.trace("a slow house")
    assert min(capacity, len(trace.rows)) <= len(dump.rows) <= 2 * capacity
    assert dump.rows[-1].figures == () or dump.rows[-1].event is TraceEvent.METER
    text = json.dumps(dump.as_dict(), allow_nan=False)
    read = FeedInTrace.from_dict(json.loads(text))
    assert list(read.differences()) == []
    again = read.core()
    list(replay(read.rows, again))
    assert again.state == core.state
    assert read.description == "a slow house"


def test_a_recording_from_the_start_has_the_form_of_the_reference() -> None:
    trace = trace_of("trace_meter_lost.csv")
    dump = recorded(trace, 5000).trace(trace.description)
    assert dump.start is None
    table = dump.table()
    assert tuple(table.splitlines()[0].split(",")) == COLUMNS
    rows = (DATA / "trace_meter_lost.csv").read_text("utf-8").splitlines()
    for ours, theirs in zip(csv.reader(table.splitlines()[1:]), csv.reader(rows[1:]), strict=True):
        assert ours[:6] == theirs[:6]
        assert [float(text) for text in ours[6:] if text] == pytest.approx(
            [float(text) for text in theirs[6:] if text], abs=0.05
        )
    listed = next(csv.DictReader(trace_list({"trace_meter_lost.csv": dump}).splitlines()))
    assert FeedInTrace.from_tables(listed, table) == FeedInTrace.from_tables(HEADERS["trace_meter_lost.csv"], table)


def everything(core: FeedIn) -> Iterator[object]:
    """A stretch with every kind of event, after which all of it is told differently without the extended words."""
    core.advance(0.0)
    for second in range(1, 400):
        yield core.meter(second + 0.2, second, 300.0 if second // 40 % 2 else -20.0)
        for index in (0, 1):
            core.limit_status(second + 0.4, index, "Ok")
            core.sample(second + 0.5, index, second + 0.3, core.commanded_w(index) * 1.01)
        match second:
            case 50:
                core.set_ceiling(50.6, 0, 30.0)
                yield core.tick(50.6)
            case 90:
                core.set_floor(90.6, 1, 9.0)
            case 100:
                core.set_usable(100.6, 1, False)
            case 150:
                core.set_usable(150.6, 1, True, limit_pct=12.5, measured_w=31.0)
            case 200:
                core.set_cap(200.6, 90.0)
                yield core.tick(200.6)
            case 250:
                core.set_cap(250.6, 600.0)
                core.set_target(250.6, -50.0)
            case 300:
                core.retune(300.6, FeedInSettings(min_interval_s=20.0, band_up_w=35.0, learn=False))
            case 330:
                core.reset_learning(330.6)
            case 340:
                core.learned(340.6, LearnedDelay(2.0, 7.0))
                core.learned(340.6, LearnedDelay(2.0, 9.0))
                core.learned(340.6, None)


@pytest.mark.parametrize("capacity", [150, 7000])
def test_everything_that_can_happen_is_replayed_exactly(capacity: int) -> None:
    inverters = [FeedInInverter(p_nom=400), FeedInInverter(p_nom=300, initial_pct=10)]
    core = FeedInRecorder(inverters, FeedInSettings(tau_s=1.5, cap_w=600.0), capacity=capacity)
    commands = [each for each in everything(core) if each]
    assert len(commands) > 10
    assert core.delay_s == 7.0
    dump = FeedInTrace.from_dict(json.loads(json.dumps(core.trace().as_dict(), allow_nan=False)))
    assert list(dump.differences()) == []
    if capacity == 7000:
        assert {row.event for row in dump.rows} == set(TraceEvent)
        # Nothing that happened can be left out: each extended word matters for what follows.
        for word in (TraceEvent.CEILING, TraceEvent.USABLE, TraceEvent.CAP, TraceEvent.TARGET, TraceEvent.SETTINGS):
            less = replace(dump, rows=tuple(row for row in dump.rows if row.event is not word))
            assert list(less.differences()) != [], word


def test_a_resumed_recorder_records_from_there() -> None:
    trace = trace_of("trace_steps.csv")
    core = trace.core()
    list(replay(trace.rows[:500], core))
    later = FeedInRecorder.resumed(trace.inverters, trace.settings, core.state)
    assert list(replay(trace.rows[500:], later)) == []
    assert later.trace().start == core.state
    assert list(later.trace().differences()) == []


def test_a_refused_event_is_not_recorded() -> None:
    core = FeedInRecorder([FeedInInverter(p_nom=400)], FeedInSettings())
    with pytest.raises(ValueError, match="plausible"):
        core.meter(1.0, 1.0, float("nan"))
    assert core.trace().rows == ()


@pytest.mark.parametrize(
    "row",
    [
        {"event": "sample"},
        {"event": "sample", "inverter": "0", "ts_or_status": "1"},
        {"event": "cap"},
        {"event": "meter", "watts": "3"},
        {"event": "settings", "ts_or_status": "voltage=3"},
        {"event": "settings", "ts_or_status": "band_up_w=much"},
        {"event": "sleep"},
        {"event": "tick", "inverter": "first"},
        {"event": "tick", "commands": "3"},
        {"t": "late", "event": "tick"},
    ],
    ids=str,
)
def test_damaged_rows_are_refused(row: dict[str, str]) -> None:
    core = FeedIn([FeedInInverter(p_nom=400)], FeedInSettings())
    cells = dict.fromkeys(COLUMNS, "") | {"t": "1"} | row
    with pytest.raises(ValueError, match=r"."):
        TraceRow.from_cells(cells).apply(core)


def test_damaged_dumps_are_refused() -> None:
    dump = recorded(trace_of("trace_calm.csv"), 100).trace().as_dict()
    first = next(iter(dump["start"]["inverters"]))
    for damaged in (
        {name: value for name, value in dump.items() if name != "rows"},
        dump | {"trace": {}},
        dump | {"trace": dump["trace"] | {"p_nom_w": "400"}},
        dump | {"rows": ["t;event", "1;tick"]},
        dump | {"start": {}},
        dump | {"start": dump["start"] | {"log": 3}},
        dump | {"start": dump["start"] | {"history": []}},
        dump | {"start": dump["start"] | {"inverters": [first | {"acknowledgements": [1]}]}},
        dump | {"start": dump["start"] | {"inverters": [first]}},
    ):
        with pytest.raises(ValueError, match=r"."):
            list(FeedInTrace.from_dict(damaged).differences())


# Learning elsewhere


def test_learning_elsewhere_comes_to_the_same_result() -> None:
    trace = trace_of("trace_slow.csv")
    core = FeedInRecorder(trace.inverters, replace(trace.settings, learn_inline=False), capacity=5000)
    assert core.learning_job() is None
    delays = {core.delay_s}
    for row in trace.rows:
        # As if the job took no time: the result is there before the rest of the event.
        commands = row.apply(core)
        if job := core.learning_job():
            core.learned(row.t, pickle.loads(pickle.dumps(job)).best())
            delays.add(core.delay_s)
        assert commands == row.commands
        assert core.learning_job() is None
    assert core.delay_s == pytest.approx(trace.rows[-1].figures[2], abs=0.05)
    assert len(delays) > 1
    dump = core.trace()
    assert TraceEvent.LEARNED in {row.event for row in dump.rows}
    assert list(FeedInTrace.from_dict(dump.as_dict()).differences()) == []


def test_a_late_result_is_dropped_when_the_dead_time_has_changed() -> None:
    core = FeedIn([FeedInInverter(p_nom=400)], FeedInSettings())
    core.learned(1.0, LearnedDelay(3.0, 7.0))
    assert core.delay_s == 2.0


@pytest.mark.parametrize("slew", [0.0, 2.0])
@pytest.mark.parametrize("delay", [0.0, 3.0, 8.0, 20.0])
def test_the_dead_time_of_a_plant_is_found(delay: float, slew: float) -> None:
    """A plant that is exactly the model, with a steady load: only the dead time is unknown."""
    settings = FeedInSettings(learn_inline=False)
    core = FeedIn([FeedInInverter(p_nom=400), FeedInInverter(p_nom=400, slew_pct_per_s=slew / 4.0)], settings)
    core.advance(0.0)
    state = core.state
    share = 1.0 - math.exp(-0.5 / settings.tau_s)
    for each, offset in zip(state.inverters, (20.0, 60.0), strict=True):
        each.acknowledgements.append((0.0, 8.0))
        each.acknowledgements += [(offset + 80.0 * n, (150.0, 20.0)[n % 2]) for n in range(5)]
    outputs, aims = [8.0, 8.0], [8.0, 8.0]
    for half in range(800):
        at = 0.5 * half
        for index, each in enumerate(state.inverters):
            for told_at, power in each.acknowledgements:
                aims[index] = power if told_at + delay <= at else aims[index]
            change = (aims[index] - outputs[index]) * share
            outputs[index] += max(-0.5 * slew, min(0.5 * slew, change)) if index and slew else change
        state.log.append((at, 500.0 - sum(outputs)))
    state.learn_at = 400.0
    core = FeedIn.resumed(core.inverters, settings, state)
    for at in (400.0, 461.0, 522.0, 583.0):
        core.meter(at, at, 500.0 - sum(outputs))
        job = core.learning_job()
        assert job is not None
        core.learned(at, job.best())
    # Candidates near the present value are approached by halves.
    assert core.delay_s == pytest.approx(delay, abs=0.25)


def test_too_little_evidence_teaches_nothing() -> None:
    trace = trace_of("trace_calm.csv")
    core = FeedIn(trace.inverters, replace(trace.settings, learn_inline=False))
    for row in trace.rows[:200]:
        row.apply(core)
        assert core.learning_job() is None
