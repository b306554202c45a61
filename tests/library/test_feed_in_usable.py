"""When an inverter is usable, what one that is not still gives, the limit guard, and losses of meter, DTU and grid."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.local_solar.solarlink.control.feed_in_guard import GuardState, false_report, step as guard_step
from custom_components.local_solar.solarlink.control.feed_in_loss import (
    MeterState,
    RebootState,
    RelayOrder,
    RelaySettings,
    RelayState,
    after_reboot,
    dtu_lost,
    meter_state,
    own_limit,
    relay,
    stop_limits,
)
from custom_components.local_solar.solarlink.control.feed_in_snapshot import HouseSnapshot, InverterSnapshot, LimitWord
from custom_components.local_solar.solarlink.control.feed_in_usable import (
    Usable,
    UsableSettings,
    UsableState,
    standing_w,
    step,
)

SETTINGS = UsableSettings()
GOOD = InverterSnapshot(
    serial="1161",
    reachable=True,
    producing=True,
    rated_w=400.0,
    limit_pct=50.0,
    state=LimitWord.OK,
    commanded_pct=50.0,
    measured_w=198.0,
    sample_age_s=1.0,
    ac_voltage=230.0,
    temperature=30.0,
)


def used(state: UsableState, t: float, inverter: InverterSnapshot, **more: Any) -> UsableState:
    told: dict[str, Any] = {"poll_period_s": 5.0, "limit_known": inverter.reported is not None} | more
    return step(SETTINGS, state, t, inverter, **told)


def usable(t: float = 0.0) -> UsableState:
    state = used(used(UsableState(), t - 10.0, GOOD), t, GOOD)
    assert state.usable
    return state


def test_ten_seconds_of_good_data() -> None:
    state = UsableState()
    for t, reason in ((0, Usable.SETTLING), (9, Usable.SETTLING), (10, Usable.YES)):
        state = used(state, t, GOOD)
        assert state.reason is reason


def test_a_break_begins_them_anew() -> None:
    state = used(UsableState(), 0, GOOD)
    state = used(state, 5, replace(GOOD, reachable=False))
    assert state.reason is Usable.UNREACHABLE
    state = used(state, 6, GOOD)
    assert used(state, 15, GOOD).reason is Usable.SETTLING
    assert used(state, 16, GOOD).usable


def test_nothing_is_usable_before_the_control_has_begun() -> None:
    state = used(UsableState(), 0, GOOD, begun=False)
    state = used(state, 60, GOOD, begun=False)
    assert state.reason is Usable.STARTING
    assert used(state, 61, GOOD).usable


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"governed_elsewhere": True}, Usable.GOVERNED_ELSEWHERE),
        ({"manual_override": True}, Usable.MANUAL_OVERRIDE),
        ({"poll_enabled": False}, Usable.NOT_POLLED),
        ({"commands_enabled": False}, Usable.COMMANDS_OFF),
        ({"dtu_lost_s": 15.0}, Usable.DTU_LOST),
        ({"rated_w": None}, Usable.RATED_POWER_UNKNOWN),
        ({"rated_w": 0.0}, Usable.RATED_POWER_UNKNOWN),
        ({"limit_pct": None}, Usable.LIMIT_UNKNOWN),
        ({"limit_pct": 0.0}, Usable.LIMIT_UNKNOWN),
        ({"sample_age_s": 61.0}, Usable.DATA_OLD),
        ({"sample_age_s": None}, Usable.DATA_OLD),
        ({"ack_missing_s": 60.0}, Usable.NOT_ACKNOWLEDGED),
        ({"producing": False, "ac_voltage": 99.0}, Usable.NOT_AT_GRID),
        ({"producing": False, "ac_voltage": None}, Usable.NOT_AT_GRID),
    ],
)
def test_what_makes_it_unusable_at_once(change: dict[str, Any], reason: Usable) -> None:
    bad = replace(GOOD, **change)
    assert used(usable(), 1, bad).reason is reason
    assert used(UsableState(), 1, bad).reason is reason


@pytest.mark.parametrize(
    "change",
    [
        {"dtu_lost_s": 14.9},
        {"sample_age_s": 60.0},
        {"ack_missing_s": 59.0},
        {"producing": False, "ac_voltage": 100.0},
        {"ac_voltage": 0.0},
        {"reachable": False},
        {"reachable": False, "producing": False, "ac_voltage": 0.0, "measured_w": 0.0},
    ],
)
def test_what_does_not(change: dict[str, Any]) -> None:
    assert used(usable(), 1, replace(GOOD, **change)).usable


def test_out_of_reach_for_more_than_a_minute() -> None:
    state, away = usable(), replace(GOOD, reachable=False)
    for t in (1, 30, 60):
        state = used(state, t, away)
        assert state.usable
    assert used(state, 60.5, away).reason is Usable.UNREACHABLE


def test_many_inverters_are_asked_rarely() -> None:
    old = replace(GOOD, sample_age_s=150.0)
    assert used(usable(), 1, old, poll_period_s=40.0).usable
    assert not used(usable(), 1, old, poll_period_s=35.0).usable


def test_the_guard_and_the_switch() -> None:
    assert used(usable(), 1, GOOD, limit_kept=False).reason is Usable.LIMIT_NOT_KEPT
    assert used(usable(), 1, GOOD, switched_off=True).reason is Usable.SWITCHED_OFF


@pytest.mark.parametrize("how", [{"switched_off": True}, {}])
def test_a_freshly_started_one_must_have_produced(how: dict[str, bool]) -> None:
    dark = replace(GOOD, producing=False, ac_voltage=0.0)
    state = used(usable(), 1, dark, **how)
    quiet = replace(GOOD, producing=False)
    state = used(state, 10, quiet)
    state = used(state, 30, quiet)
    for t in (31, 60):
        state = used(state, t, GOOD)
        assert state.reason is Usable.SETTLING
    state = used(state, 61, GOOD)
    assert state.usable
    # Only after a start.
    assert used(used(state, 62, replace(GOOD, manual_override=True)), 63, quiet).reason is Usable.SETTLING


def test_what_a_lost_inverter_still_gives() -> None:
    state, gone = usable(), replace(GOOD, reachable=False, sample_age_s=None, measured_w=None)
    state = used(state, 5, replace(GOOD, measured_w=210.0, sample_age_s=2.0))
    state = used(state, 100, gone)
    strict = UsableSettings(strict=True)
    for settings in (SETTINGS, strict):
        assert standing_w(settings, state, 100, gone) == 210.0
        assert standing_w(settings, state, 603, gone) == 210.0
    assert standing_w(SETTINGS, state, 604, gone) == 0.0
    assert standing_w(strict, state, 604, gone) == 400.0
    assert standing_w(strict, state, 604, gone, persistent_pct=30.0) == 120.0
    assert standing_w(strict, state, 604, gone, switched_off=True) == 0.0
    assert standing_w(strict, state, 604, replace(gone, rated_w=None)) == 0.0


def test_an_inverter_of_somebody_else_counts_with_what_it_gives_now() -> None:
    foreign = replace(GOOD, governed_elsewhere=True)
    state = used(usable(), 1, foreign)
    state = used(state, 700, replace(foreign, measured_w=77.0))
    assert standing_w(SETTINGS, state, 701, foreign) == 77.0
    assert standing_w(SETTINGS, used(state, 702, replace(foreign, measured_w=-3.0)), 702, foreign) == 0.0


@pytest.mark.parametrize("wrong", [{"unreachable_s": 1}, {"ack_s": 900}, {"limit_ends_s": 10}, {"settle_s": -1}])
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        UsableSettings(**wrong)


# Guard


class Guarded:
    """An inverter under guard, second by second."""

    def __init__(self, inverter: InverterSnapshot) -> None:
        self.inverter = inverter
        self.state = GuardState()
        self.t = 0.0
        self.sent: list[tuple[float, float]] = []

    def given_up(self) -> bool:
        return self.state.given_up

    def run(self, seconds: int, **change: Any) -> None:
        self.inverter = replace(self.inverter, **change)
        for _ in range(seconds):
            self.state, again = guard_step(self.state, self.t, self.inverter, step_pct=1.0)
            if again is not None:
                self.sent.append((self.t, again))
            self.t += 1.0


def test_a_limit_that_is_not_kept_is_sent_three_times() -> None:
    guarded = Guarded(GOOD)
    guarded.run(100)
    assert guarded.sent == []
    guarded.run(209, limit_pct=100.0)
    assert guarded.sent == [(130.0, 50.0), (190.0, 50.0), (250.0, 50.0)]
    assert not guarded.given_up()
    guarded.run(2)
    assert guarded.given_up()
    assert guarded.state.without_effect
    guarded.run(600)
    assert len(guarded.sent) == 3


def test_commands_that_move_something_are_not_without_effect() -> None:
    guarded = Guarded(GOOD)
    guarded.run(32, limit_pct=100.0)
    guarded.run(2, state=LimitWord.PENDING)
    guarded.run(300, state=LimitWord.OK)
    assert guarded.given_up()
    assert not guarded.state.without_effect


def test_a_limit_that_comes_and_goes_is_given_up_as_well() -> None:
    """The DTU reports what it has sent, until minutes later it reads back what the inverter really has."""
    guarded = Guarded(GOOD)
    while not guarded.given_up() and guarded.t < 3600:
        guarded.run(300, limit_pct=50.0)
        guarded.run(31, limit_pct=100.0)
    assert len(guarded.sent) == 3
    assert guarded.given_up()


def test_a_limit_that_is_kept_long_enough_makes_it_forgotten() -> None:
    guarded = Guarded(GOOD)
    for _ in range(5):
        guarded.run(31, limit_pct=100.0)
        guarded.run(602, limit_pct=50.0)
    assert len(guarded.sent) == 5
    assert not guarded.given_up()


@pytest.mark.parametrize(
    "change",
    [
        {"limit_pct": 52.0},
        {"limit_pct": 48.0},
        {"limit_pct": 100.0, "waiting": True},
        {"limit_pct": 100.0, "state": LimitWord.PENDING},
        {"limit_pct": 100.0, "state": LimitWord.FAILURE},
        {"limit_pct": 100.0, "state": None},
        {"limit_pct": None},
        {"commanded_pct": None},
        {"limit_pct": 100.0, "firmware_is_hms_2": True, "measured_w": 230.0},
    ],
)
def test_what_is_no_broken_limit(change: dict[str, Any]) -> None:
    guarded = Guarded(GOOD)
    guarded.run(300, **change)
    assert guarded.sent == []


def test_the_false_report_of_an_hms() -> None:
    hms = replace(GOOD, firmware_is_hms_2=True, limit_pct=100.0)
    assert false_report(replace(hms, measured_w=230.0), 50.0)
    assert not false_report(replace(hms, measured_w=230.1), 50.0)
    assert not false_report(replace(hms, measured_w=None), 50.0)
    assert not false_report(replace(hms, measured_w=100.0, limit_pct=99.0), 50.0)
    assert not false_report(replace(hms, measured_w=100.0, firmware_is_hms_2=False), 50.0)
    assert not false_report(replace(hms, measured_w=100.0), None)


def test_an_inverter_that_was_given_up_gets_another_chance() -> None:
    guarded = Guarded(GOOD)
    guarded.run(260, limit_pct=100.0)
    assert guarded.given_up()
    guarded.run(1, limit_pct=50.0)
    assert not guarded.given_up()
    guarded.run(260, limit_pct=100.0)
    assert guarded.given_up()
    guarded.run(3600)
    assert not guarded.given_up()


# Losses


def test_meter() -> None:
    ages = (None, 0.0, 9.9, 10.0, 29.9, 30.0, float("nan"))
    states = [meter_state(age) for age in ages]
    fresh, stale = MeterState.FRESH, MeterState.STALE
    assert states == [MeterState.NEVER, fresh, fresh, stale, stale, MeterState.LOST, MeterState.NEVER]


def test_dtu() -> None:
    assert [dtu_lost(replace(GOOD, dtu_lost_s=age)) for age in (None, 14.9, 15.0)] == [False, False, True]


def test_last_commands_only_lower() -> None:
    inverters = [
        replace(GOOD, serial="a"),
        replace(GOOD, serial="b", limit_pct=2.0, commanded_pct=2.0),
        replace(GOOD, serial="c", manual_override=True),
        replace(GOOD, serial="d", dtu_lost_s=20.0),
        replace(GOOD, serial="e", governed_elsewhere=True),
        replace(GOOD, serial="f", limit_pct=2.0, commanded_pct=60.0, waiting=True),
        replace(GOOD, serial="g", limit_pct=None, commanded_pct=None),
        replace(GOOD, serial="h", commands_enabled=False),
    ]
    assert stop_limits(inverters, 2.0) == {"a": 2.0, "f": 2.0}
    assert stop_limits(inverters, 55.0) == {"f": 55.0}
    assert stop_limits(inverters, None) == {"a": 2.0, "f": 2.0}
    assert stop_limits([replace(GOOD, min_pct=12.0)], 5.0) == {"1161": 12.0}


def test_reboot_of_the_dtu_with_a_limit_that_is_reported_again() -> None:
    state, again = after_reboot(RebootState(), 0.0, replace(GOOD, dtu_rebooted=True))
    assert (state.at, state.own_pct, again) == (0.0, 50.0, None)
    state, again = after_reboot(state, 2.0, replace(GOOD, limit_pct=0.0, reachable=False))
    assert again is None
    state, again = after_reboot(state, 9.0, replace(GOOD, limit_pct=0.0))
    assert again == 50.0
    state, again = after_reboot(state, 12.0, replace(GOOD, limit_pct=50.0))
    assert (state, again) == (RebootState(), None)


def test_reboot_of_the_dtu_with_a_limit_that_stays_unknown() -> None:
    state, _ = after_reboot(RebootState(), 0.0, replace(GOOD, dtu_rebooted=True))
    unknown = replace(GOOD, limit_pct=0.0)
    sent = []
    for t in range(1, 40):
        # "Ok" from before the command proves nothing.
        state, again = after_reboot(state, float(t), unknown)
        sent += [t] if again is not None else []
    assert sent == [1]
    assert own_limit(state, 40.0) is None
    state, _ = after_reboot(state, 40.0, replace(unknown, state=LimitWord.PENDING))
    state, _ = after_reboot(state, 42.0, unknown)
    assert own_limit(state, 71.9) is None
    assert own_limit(state, 72.0) == 50.0
    for t in range(43, 400):
        state, again = after_reboot(state, float(t), unknown)
        assert again is None


def test_a_limit_that_nobody_acknowledges_is_sent_three_times_after_a_reboot() -> None:
    state, _ = after_reboot(RebootState(), 0.0, replace(GOOD, dtu_rebooted=True))
    sent = []
    for t in range(1, 600):
        state, again = after_reboot(state, float(t), replace(GOOD, limit_pct=None))
        sent += [t] if again is not None else []
    assert sent == [1, 61, 121]


def test_a_reboot_without_a_command_before_it_waits_for_the_report() -> None:
    state, _ = after_reboot(RebootState(), 0.0, replace(GOOD, dtu_rebooted=True, commanded_pct=None))
    for t in range(1, 200):
        state, again = after_reboot(state, float(t), replace(GOOD, limit_pct=0.0, commanded_pct=None))
        assert again is None
    assert own_limit(state, 200.0) is None


def relayed(until: int, grid: dict[int, float], *, alive: bool = True, gate_open: bool = True) -> list[tuple[int, str]]:
    settings, state, found, power = RelaySettings(configured=True), RelayState(), [], 0.0
    for t in range(until):
        power = grid.get(t, power)
        state, order = relay(settings, state, float(t), alive=alive, gate_open=gate_open, grid_w=power)
        if order is not None:
            found.append((t, order.value))
    return found


def test_the_relay_is_fed_every_five_minutes() -> None:
    assert relayed(901, {}) == [(0, "on"), (300, "on"), (600, "on"), (900, "on")]
    assert relayed(900, {}, alive=False) == [(0, "off")]
    assert relayed(900, {}, gate_open=False) == [(0, "off")]


def test_the_relay_falls_after_an_export_that_lasts() -> None:
    assert relayed(400, {10: -150.0}) == [(0, "on"), (300, "on")]
    assert relayed(1150, {10: -151.0, 1000: 0.0}) == [(0, "on"), (210, "off"), (1110, "on")]
    assert relayed(400, {10: -500.0, 209: 0.0, 215: -500.0}) == [(0, "on"), (300, "on")]


def test_a_relay_that_is_not_there_is_told_nothing() -> None:
    state, order = relay(RelaySettings(), RelayState(), 0.0, alive=True, gate_open=True, grid_w=0.0)
    assert order is None
    state = RelayState(ordered=RelayOrder.ON, ordered_at=0.0, export_since=0.0)
    # An unknown grid power proves neither export nor its end.
    state, order = relay(RelaySettings(configured=True), state, 100.0, alive=True, gate_open=True, grid_w=None)
    assert (state.export_since, order) == (0.0, None)


@pytest.mark.parametrize("wrong", [{"period_s": 1000}, {"auto_off_s": 5}, {"export_w": 1}, {"export_s": 1}])
def test_wrong_relay_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        RelaySettings(**wrong)


def test_snapshot_reads_what_is_possible_only() -> None:
    odd = replace(GOOD, rated_w=float("nan"), limit_pct=120.0, measured_w=-4.0, sample_age_s=-1.0)
    assert (odd.rated, odd.reported, odd.measured, odd.age) == (None, None, 0.0, 0.0)
    assert replace(GOOD, sample_age_s=None).measured is None
    house = HouseSnapshot(t=0.0, inverters=(GOOD, GOOD, GOOD))
    assert house.poll_period(GOOD) == 15.0
    assert house.poll_period(replace(GOOD, poll_period_s=7.0)) == 7.0
