"""The ring of raw exchanges."""

import json

from custom_components.local_solar.solarlink.links.stats import LinkStats
from custom_components.local_solar.solarlink.trace import CAPACITY, Direction, Trace


def test_records_come_oldest_first_and_as_json() -> None:
    trace = Trace()
    trace.add(Direction.NOTE, note="connected")
    trace.add(Direction.SENT, b"\xaa\x00")
    trace.add(Direction.RECEIVED, b"\xff")
    shown = [record.as_dict() for record in trace]
    assert [record["direction"] for record in shown] == ["note", "sent", "received"]
    assert [record.get("data") for record in shown] == [None, "aa 00", "ff"]
    assert shown[0]["note"] == "connected"
    times = [record.at for record in trace]
    assert times == sorted(times)
    assert json.loads(json.dumps(shown)) == shown


def test_only_the_last_records_are_kept() -> None:
    trace = Trace(3)
    for number in range(10):
        trace.add(Direction.SENT, bytes((number,)))
    assert [record.data[0] for record in trace] == [7, 8, 9]
    trace = Trace()
    for _ in range(CAPACITY + 5):
        trace.add(Direction.SENT, b"x")
    assert len(list(trace)) == CAPACITY


def test_a_trace_may_grow_while_it_is_read() -> None:
    trace = Trace(3)
    trace.add(Direction.SENT, b"a")
    for _ in trace:
        trace.add(Direction.SENT, b"b")
    assert len(list(trace)) == 2


def test_counters_of_a_link() -> None:
    now = 100.0
    stats = LinkStats(clock=lambda: now)
    assert stats.as_dict()["seconds_since_last_answer"] is None
    stats.answered(0.1)
    stats.answered(0.2)
    now = 103.0
    assert stats.answers == 2
    assert stats.slowest == 0.2
    assert stats.silence == 3.0
    shown = stats.as_dict()
    assert shown["latency_ms"] == 110.0
    assert shown["slowest_ms"] == 200.0
    assert json.dumps(shown)
