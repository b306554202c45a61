"""What is believed of the inverters of a DTU: frozen values, sleeping inverters, energies over nights and restarts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.client import Unit
from custom_components.local_solar.solarlink.errors import DeviceAbsentError
from custom_components.local_solar.solarlink.opendtu.codec import decode_limits, decode_live
from custom_components.local_solar.solarlink.opendtu.codec_status import LogEntry
from custom_components.local_solar.solarlink.opendtu.energies import Counter, DayTotal
from custom_components.local_solar.solarlink.opendtu.events import EventWatch
from custom_components.local_solar.solarlink.opendtu.points import points_of
from custom_components.local_solar.solarlink.opendtu.state import State
from custom_components.local_solar.solarlink.opendtu.values import Values
from custom_components.local_solar.solarlink.points import Ref

EAST, WEST = "114180000001", "114180000002"
NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
HOUR = 3600.0


@dataclass
class Panel:
    """One inverter as the DTU tells of it."""

    serial: str
    power: float = 100.0
    day: float = 1000.0
    total: float = 50.0
    age: float = 1.0
    polled: bool = True
    reachable: bool = True
    limit: float = 100.0
    ms: bool = True

    def document(self) -> dict[str, Any]:
        alive = self.power > 0 or self.total > 0
        values = {
            "Power": (self.power, "W"),
            "Voltage": (230.0 if alive else 0.0, "V"),
            "Current": (self.power / 230, "A"),
            "Frequency": (50.0 if alive else 0.0, "Hz"),
        }
        inv = {
            "Power DC": (self.power * 1.05, "W"),
            "YieldDay": (self.day, "Wh"),
            "YieldTotal": (self.total, "kWh"),
            "Temperature": (30.0, "°C"),
        }
        string = {"Power": (self.power, "W"), "YieldDay": (self.day, "Wh"), "YieldTotal": (self.total, "kWh")}

        def wire(values: dict[str, tuple[float, str]]) -> dict[str, Any]:
            return {name: {"v": value, "u": unit, "d": 3} for name, (value, unit) in values.items()}

        age = {"data_age": int(self.age)} | ({"data_age_ms": int(self.age * 1000)} if self.ms else {})
        return {
            "serial": self.serial,
            "name": "Panel",
            **age,
            "poll_enabled": self.polled,
            "reachable": self.reachable,
            "producing": self.polled and self.power > 0,
            "limit_relative": self.limit,
            "limit_absolute": self.limit * 6 if self.limit else -1,
            "AC": {"0": wire(values)},
            "DC": {"0": {"name": {"u": "Ridge"}, **wire(string)}},
            "INV": {"0": wire(inv)},
        }


@dataclass
class Watched:
    """A DTU that is looked at; ``now`` is the monotonic clock."""

    panels: list[Panel]
    now: float = 1000.0
    state: State = field(default_factory=State)

    def __post_init__(self) -> None:
        self.values = Values(self.state)
        self.uptime(86400.0)
        self.look()

    def uptime(self, seconds: float) -> bool:
        return self.state.take_system({"uptime": seconds}, self.now)

    def look(self, seconds: float = 0.0, *, age: float | None = None) -> None:
        """Let some seconds pass and look; a new sample unless an age is given."""
        self.now += seconds
        for panel in self.panels:
            panel.age = 1.0 if age is None else age
        self.see()

    def see(self) -> None:
        live = decode_live({"inverters": [panel.document() for panel in self.panels]})
        self.state.take_live(live, self.now, listing=True)

    def of(self, serial: str, key: str) -> Any:
        unit = Unit(id=serial, kind="inverter", name="Panel", serial=serial, manufacturer="", model="")
        point = points_of("inverter")[key]
        return self.values.reading(unit, point, self.now, NOON + timedelta(seconds=self.now)).value

    def total(self, key: str) -> Any:
        unit = Unit(id="dtu", kind="dtu", name="DTU", serial="1", manufacturer="", model="")
        return self.values.reading(unit, points_of("dtu")[key], self.now, NOON + timedelta(seconds=self.now)).value


# Frozen values


def test_a_sample_of_a_minute_is_believed_and_no_older_one() -> None:
    """Reference example 12.2: valid at 49 s although not reachable, unknown after a minute."""
    dtu = Watched([Panel(EAST, power=12.1, reachable=False)])
    dtu.now += 48
    assert dtu.of(EAST, "ac_output_power") == 12.1
    assert dtu.of(EAST, "inverter_reachable") is False
    dtu.now += 12
    assert dtu.of(EAST, "ac_output_power") is None
    assert dtu.of(EAST, "ac_output_voltage") is None
    assert dtu.of(EAST, "yield_total") == 50.0
    assert dtu.total("ac_output_power") is None


def test_who_is_not_polled_sleeps_and_feeds_in_nothing() -> None:
    dtu = Watched([Panel(EAST), Panel(WEST)])
    for panel in dtu.panels:
        panel.polled = False
    dtu.look(3 * HOUR, age=3 * HOUR)
    assert dtu.of(EAST, "ac_output_power") == 0.0
    assert dtu.of(EAST, "dc_power") == 0.0
    assert dtu.of(EAST, "string_1_power") == 0.0
    assert dtu.of(EAST, "ac_output_voltage") is None
    assert dtu.of(EAST, "inverter_temperature") is None
    assert dtu.of(EAST, "yield_today") == 1.0
    assert dtu.total("ac_output_power") == 0.0
    assert dtu.total("yield_total") == 100.0


def test_many_inverters_are_asked_in_turn_so_that_samples_live_longer() -> None:
    dtu = Watched([Panel(f"1141800000{place:02}") for place in range(10)])
    dtu.now += 199 - 1
    assert dtu.total("ac_output_power") == 1000.0
    dtu.now += 3
    assert dtu.total("ac_output_power") is None


def test_the_sum_does_without_who_is_silent() -> None:
    dtu = Watched([Panel(EAST, power=70.0), Panel(WEST, power=30.0)])
    dtu.panels[1].age = 100.0
    dtu.now += 100
    dtu.panels[0].age = 1.0
    dtu.see()
    assert dtu.total("ac_output_power") == 70.0


# Energies


def test_a_restart_of_the_dtu_loses_no_energy() -> None:
    dtu = Watched([Panel(EAST), Panel(WEST)])
    day, total = [panel.day for panel in dtu.panels], [panel.total for panel in dtu.panels]
    for seconds in range(5, 60, 5):
        for panel in dtu.panels:
            panel.power = panel.day = panel.total = panel.limit = 0.0
        dtu.now += 5
        for panel in dtu.panels:
            panel.age = float(seconds)
        dtu.see()
        if seconds == 20:
            assert dtu.uptime(20.0)
        assert dtu.of(EAST, "yield_total") == 50.0
        assert dtu.of(EAST, "string_1_yield_today") == 1.0
        assert dtu.total("yield_total") == 100.0
        assert dtu.total("yield_today") == 2.0
        assert dtu.of(EAST, "limit_relative") is None
    for panel, then, ever in zip(dtu.panels, day, total, strict=True):
        panel.power, panel.day, panel.total = 100.0, then, ever
    dtu.look(5)
    assert dtu.total("yield_today") == 2.0
    assert dtu.state.boots == 1


def test_a_restart_with_an_offset_set_by_the_owner_loses_no_energy() -> None:
    """Then the counters of a life do not read zero but the offset."""
    dtu = Watched([Panel(EAST, total=500.0)])
    dtu.panels[0].day, dtu.panels[0].total = 0.0, 120.0
    for seconds in (3.0, 8.0, 13.0):
        dtu.look(5, age=seconds)
        assert (dtu.of(EAST, "yield_total"), dtu.of(EAST, "yield_today")) == (500.0, 1.0)
    assert dtu.state.wants_uptime
    dtu.uptime(13.0)
    dtu.look(5, age=18.0)
    assert (dtu.of(EAST, "yield_total"), dtu.of(EAST, "yield_today")) == (500.0, 1.0)


def test_nothing_is_told_before_an_inverter_has_answered() -> None:
    dtu = Watched([Panel(EAST, power=0.0, day=0.0, total=0.0, polled=False)])
    dtu.uptime(600.0)
    dtu.look(5, age=605.0)
    assert dtu.of(EAST, "yield_total") is None
    assert dtu.of(EAST, "ac_output_power") == 0.0
    assert dtu.total("yield_total") is None


def test_the_sum_waits_for_who_has_told_nothing_yet() -> None:
    dtu = Watched([Panel(EAST), Panel(WEST, power=0.0, day=0.0, total=0.0)])
    assert dtu.total("yield_total") is None
    for _ in range(100):
        dtu.look(10)
        dtu.panels[1].age = 86400.0
    assert dtu.of(WEST, "yield_total") is None
    assert dtu.total("yield_total") == 50.0
    assert dtu.total("yield_today") == 1.0


def test_a_small_fall_of_the_counter_of_a_life_is_rounding() -> None:
    dtu = Watched([Panel(EAST, total=144.028)])
    dtu.panels[0].total = 144.0
    for _ in range(3):
        dtu.look(5)
    assert dtu.of(EAST, "yield_total") == 144.028


def test_a_counter_that_was_set_back_is_believed_with_the_next_sample() -> None:
    dtu = Watched([Panel(EAST, total=144.0)])
    dtu.panels[0].total = 20.0
    dtu.look(5)
    assert dtu.of(EAST, "yield_total") == 144.0
    dtu.look(5)
    assert dtu.of(EAST, "yield_total") == 20.0


def test_the_day_begins_once_for_all() -> None:
    """East wakes first; the yield that west still shows is that of yesterday."""
    dtu = Watched([Panel(EAST, day=3000.0), Panel(WEST, day=4000.0)])
    assert dtu.total("yield_today") == 7.0
    for panel in dtu.panels:
        panel.polled = False
    dtu.look(9 * HOUR, age=9 * HOUR)
    assert dtu.total("yield_today") == 7.0
    east, west = dtu.panels
    east.polled, east.day = True, 0.0
    seen = set()
    for seconds in range(5, 1200, 5):
        dtu.now += 5
        east.age, west.age = 1.0, west.age + 5
        east.day = seconds / 50
        if seconds == 600:
            west.polled, west.day = True, 0.0
        if seconds >= 600:
            west.age = 1.0
            west.day = (seconds - 600) / 50
        dtu.see()
        seen.add(dtu.total("yield_today"))
    # Only the very first sample still shows yesterday, and then it counts up from zero.
    assert sorted(seen)[-1] == 7.0
    assert all(value < 0.05 for value in seen - {7.0})
    assert dtu.total("yield_today") == pytest.approx((east.day + west.day) / 1000, abs=0.001)


def test_an_inverter_that_restarts_by_day_does_not_count_the_others_twice() -> None:
    dtu = Watched([Panel(EAST, day=3000.0), Panel(WEST, day=4000.0)])
    dtu.panels[0].day = 0.0
    totals = []
    for _ in range(20):
        dtu.look(5)
        totals.append(dtu.total("yield_today"))
        dtu.panels[0].day += 1
    assert dtu.of(EAST, "yield_today") == pytest.approx(0.019)
    assert totals == sorted(totals)
    assert totals[-1] == pytest.approx(7.019)


def test_a_day_that_begins_at_midnight_is_seen_once_the_dtu_is_known_to_run() -> None:
    """With the option to begin at midnight, nothing new is measured when the counters fall."""
    dtu = Watched([Panel(EAST, day=3000.0, polled=False)])
    dtu.panels[0].day = 0.0
    dtu.look(HOUR, age=HOUR + 1)
    assert dtu.of(EAST, "yield_today") == 3.0
    assert dtu.state.wants_uptime
    dtu.now += 1
    dtu.uptime(86400.0 + HOUR + 1)
    dtu.look(5, age=HOUR + 7)
    assert dtu.of(EAST, "yield_today") == 0.0
    assert dtu.total("yield_today") == 0.0
    assert dtu.state.boots == 0


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["sample", "same", "boot", "uptime", "restart"]), st.integers(0, 50)), max_size=60
    )
)
def test_the_counter_of_a_life_never_falls_whatever_happens(course: list[tuple[str, int]]) -> None:
    """Restarts of the DTU and of the inverter in any order; the inverter itself never counts backwards."""
    dtu = Watched([Panel(EAST, total=100.0)])
    panel, told, booted, asleep = dtu.panels[0], 100.0, dtu.now - 86400.0, False
    truth, sampled = 100.0, dtu.now
    for what, amount in course:
        dtu.now += 5
        match what:
            case "sample":
                truth += amount / 100
                panel.total, panel.day, panel.power, sampled, asleep = truth, panel.day + amount, 100.0, dtu.now, False
            case "boot":
                booted, asleep = dtu.now, True
                panel.total = panel.day = panel.power = 0.0
            case "uptime":
                dtu.uptime(dtu.now - booted)
            case "restart":
                panel.day = 0.0
        panel.age = dtu.now - (booted if asleep else sampled)
        dtu.see()
        now = dtu.of(EAST, "yield_total")
        assert now is not None
        assert told <= now <= truth + 1e-9
        told = now
    assert told >= 100.0


def test_counter_by_itself() -> None:
    counter = Counter()
    assert [counter.take(value, at, at, 0.0) for value, at in ((5.0, 1.0), (6.0, 2.0), (1.0, 3.0))] == [False] * 3
    assert (counter.value, counter.in_doubt) == (6.0, True)
    assert not counter.take(1.0, 3.0, 10.0, 0.0)
    assert counter.take(1.5, 4.0, 11.0, 0.0)
    assert (counter.value, counter.in_doubt) == (1.5, False)


def test_day_total_needs_everybody() -> None:
    day = DayTotal()
    day.take("a", 1.0, 0.0, reset=False)
    assert day.of(frozenset({"a", "b"})) is None
    assert day.of(frozenset()) is None
    assert day.of(frozenset({"a"})) == 1.0


# Limits and identity


def test_a_limit_of_zero_is_no_limit() -> None:
    """It is told from the start of the DTU until the limit was read back (section 3.1)."""
    dtu = Watched([Panel(EAST, limit=0.0)])
    assert dtu.of(EAST, "limit_relative") is None
    assert dtu.of(EAST, "limit_status") is None
    dtu.state.take_limits(
        decode_limits({EAST: {"limit_relative": 130, "max_power": 600, "limit_set_status": "Failure"}}), dtu.now
    )
    assert dtu.of(EAST, "limit_relative") == 100.0
    assert dtu.of(EAST, "limit_absolute") == 600.0
    assert dtu.of(EAST, "limit_status") == "failed"
    assert dtu.of(EAST, "rated_power") == 600.0


def test_an_inverter_that_was_removed_is_absent() -> None:
    dtu = Watched([Panel(EAST), Panel(WEST)])
    del dtu.panels[0]
    dtu.look(5)
    with pytest.raises(DeviceAbsentError):
        dtu.of(EAST, "ac_output_power")
    assert dtu.total("inverters_reachable") == 1


def test_the_time_of_a_sample_stands_still_while_it_is_the_same() -> None:
    """An age in whole seconds jumps by one; that is no new sample."""
    dtu = Watched([Panel(EAST, ms=False)])
    inverter = dtu.state.inverters[EAST]
    dtu.look(5)
    at = inverter.sampled_at
    for tenth in range(1, 40):
        dtu.now += 0.1
        dtu.panels[0].age = 1.0 + tenth / 10
        dtu.see()
        assert inverter.sampled_at == at


def test_boot_time_does_not_jitter() -> None:
    dtu = Watched([Panel(EAST)])
    first = dtu.total("last_restart")
    for _ in range(5):
        dtu.now += 60.4
        dtu.uptime(round(dtu.now - 1000 + 86400))
        assert dtu.total("last_restart") == first
    dtu.uptime(10.0)
    assert dtu.total("last_restart") == pytest.approx(NOON + timedelta(seconds=dtu.now - 10), abs=timedelta(seconds=1))


# Whether it is switched on


def test_switched_off_until_it_produces_again() -> None:
    dtu = Watched([Panel(EAST)])
    assert dtu.of(EAST, "inverter_switched_on") is True
    dtu.values.switched[EAST] = (False, dtu.now)
    assert dtu.of(EAST, "inverter_switched_on") is False
    dtu.look(60)
    assert dtu.of(EAST, "inverter_switched_on") is True


def test_the_log_tells_that_it_is_switched_off() -> None:
    dtu = Watched([Panel(EAST, power=0.0)])
    assert dtu.of(EAST, "inverter_switched_on") is None
    dtu.state.logs[EAST] = (LogEntry(124, "Shut down by remote control", 30000, 0),)
    assert dtu.of(EAST, "inverter_switched_on") is False
    dtu.state.logs[EAST] = (LogEntry(124, "Shut down by remote control", 30000, 30100),)
    assert dtu.of(EAST, "inverter_switched_on") is None


# Events

REF = Ref(EAST, "inverter_event")
STARTED = LogEntry(1, "Inverter start", 28028, 28028)
HOT = LogEntry(121, "Over temperature protection", 40000, 0)


def test_each_event_is_told_once() -> None:
    watch = EventWatch()
    assert watch.note(REF, "HM", [STARTED], 0.0) == []
    (hot,) = watch.note(REF, "HM", [HOT, STARTED], 300.0)
    assert (hot.ref, hot.kind) == (REF, "over_temperature")
    assert hot.details == {
        "code": 121,
        "message": "Over temperature protection",
        "severity": "fault",
        "active": True,
        "start": "11:06:40",
    }
    over = LogEntry(121, "Over temperature protection", 40000, 40500)
    assert watch.note(REF, "HM", [STARTED, over], 600.0) == []


def test_a_restart_of_the_dtu_tells_nothing_again() -> None:
    watch = EventWatch()
    watch.note(REF, "HM", [STARTED, HOT], 0.0)
    assert watch.note(REF, "HM", [], 300.0) == []
    assert watch.note(REF, "HM", [STARTED, HOT], 900.0) == []


def test_the_same_second_of_the_next_day_is_another_event() -> None:
    watch = EventWatch()
    watch.note(REF, "HM", [STARTED], 0.0)
    assert watch.note(REF, "HM", [], 12 * HOUR) == []
    assert [each.kind for each in watch.note(REF, "HM", [STARTED], 24 * HOUR)] == ["started"]


def test_a_log_that_stays_over_midnight_tells_nothing_again() -> None:
    watch = EventWatch()
    watch.note(REF, "HM", [STARTED], 0.0)
    for hours in range(1, 24):
        assert watch.note(REF, "HM", [STARTED], hours * HOUR) == []


def test_events_of_two_inverters_are_apart() -> None:
    watch, other = EventWatch(), Ref(WEST, "inverter_event")
    watch.note(REF, "HM", [], 0.0)
    assert watch.note(other, "HM", [STARTED], 0.0) == []
    assert [each.ref for each in watch.note(REF, "HM", [STARTED], 1.0)] == [REF]
