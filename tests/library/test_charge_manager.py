"""The charge manager by its table: every arrow between its modes, and what never leads to one."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from custom_components.local_solar.solarlink.control.charge_manager import (
    Mode,
    Outcome,
    Purpose,
    Reason,
    decide,
    troubles,
)

from .charge import ABSORPTION, DAY, FULL, HOUR, MINUTE, NIGHT, POLL, REAL, SETTINGS, Desk


def last(desk: Desk) -> tuple[Mode, Reason]:
    return desk.changes[-1]


# Idle


def test_a_switch_on_changes_nothing_on_the_inverter() -> None:
    desk = Desk()
    assert (desk.state.mode, desk.state.reason, desk.state.enabled) == (Mode.IDLE, Reason.SWITCHED_ON, True)
    desk.run(HOUR, **NIGHT)
    assert desk.state.mode is Mode.IDLE
    assert not desk.actions


def test_the_sun_begins_a_day_after_the_start_delay() -> None:
    desk = Desk()
    assert desk.run(5 * MINUTE, solar_power=50.0) is Mode.IDLE
    assert desk.run(POLL) is Mode.BULK
    assert last(desk) == (Mode.BULK, Reason.CHARGE_SOURCE)
    assert desk.writes == [ABSORPTION]
    assert desk.actions[0].purpose is Purpose.BOOST
    assert desk.device == ABSORPTION


@pytest.mark.parametrize("power", [49.0, None])
def test_too_little_sun_starts_the_delay_again(power: float | None) -> None:
    desk = Desk()
    desk.run(4 * MINUTE)
    desk.run(POLL, solar_power=power)
    assert desk.run(5 * MINUTE, solar_power=900.0) is Mode.IDLE
    assert desk.run(POLL) is Mode.BULK


def test_the_boost_is_on_disk_before_it_is_written() -> None:
    desk = Desk(outcome=Outcome.UNCERTAIN)
    desk.run(6 * MINUTE)
    on_disk = json.loads(desk.saved_before[0])
    assert (on_disk["boosted"], on_disk["real_float"], on_disk["writes_today"]) == (True, REAL, 1)


def test_one_full_charge_a_day() -> None:
    desk = Desk().to_float()
    desk.run(2 * HOUR, **NIGHT)
    assert last(desk) == (Mode.IDLE, Reason.END_OF_DAY)
    assert desk.run(HOUR, **DAY) is Mode.IDLE
    assert desk.writes == [ABSORPTION, REAL]


def test_a_low_battery_is_charged_again_on_the_same_day() -> None:
    desk = Desk().to_float()
    desk.run(2 * HOUR, **NIGHT)
    desk.run(5 * MINUTE, **(DAY | {"battery_voltage": 51.9}))
    assert desk.state.mode is Mode.IDLE
    assert desk.run(20 * MINUTE) is Mode.BULK
    assert last(desk) == (Mode.BULK, Reason.LOW_VOLTAGE)
    assert desk.state.absorption_seconds == 0.0


def test_a_low_battery_without_any_charge_source_begins_nothing() -> None:
    desk = Desk()
    assert desk.run(10 * HOUR, **(NIGHT | {"battery_voltage": 48.0})) is Mode.IDLE
    assert not desk.actions


def test_charging_from_the_grid_counts_where_the_owner_wants_it() -> None:
    for wanted in (False, True):
        desk = Desk(settings=replace(SETTINGS, grid_charge=wanted))
        desk.run(10 * MINUTE, **(DAY | {"solar_power": 0.0, "grid_charging": True}))
        assert (desk.state.mode is Mode.BULK) is wanted
    assert desk.run(2 * HOUR) is Mode.BULK
    assert desk.run(2 * HOUR, grid_charging=False) is Mode.IDLE


def test_a_float_voltage_that_was_left_raised_is_put_right() -> None:
    desk = Desk(device=ABSORPTION)
    desk.poll()
    assert desk.changes == [(Mode.RESTORE, Reason.FOUND_RAISED)]
    assert desk.state.mode is Mode.IDLE
    assert desk.device == REAL


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"fault": True}, Reason.FAULT),
        ({"battery_high": True}, Reason.BATTERY_HIGH),
        ({"bulk_voltage": 57.5}, Reason.BULK_TOO_LOW),
        ({"bulk_voltage": None}, Reason.UNKNOWN_VALUES),
        ({"float_voltage": None}, Reason.UNKNOWN_VALUES),
    ],
)
def test_nothing_begins_while_something_speaks_against_it(values: dict[str, Any], reason: Reason) -> None:
    desk = Desk()
    desk.run(HOUR, **values)
    assert (desk.state.mode, desk.state.reason) == (Mode.IDLE, reason)
    assert not desk.actions
    for name in values:
        del desk.values[name]
    desk.poll()
    assert desk.state.mode is Mode.BULK


# Bulk and absorption


def test_the_absorption_begins_after_a_minute_at_its_voltage() -> None:
    desk = Desk().to_bulk()
    desk.run(20 * MINUTE, battery_voltage=57.39)
    assert desk.state.mode is Mode.BULK
    desk.run(2 * POLL, battery_voltage=57.4)
    assert desk.run(50.0) is Mode.BULK
    assert desk.run(POLL) is Mode.ABSORPTION
    assert last(desk) == (Mode.ABSORPTION, Reason.VOLTAGE_REACHED)


def test_one_wrong_sample_does_not_count() -> None:
    desk = Desk().to_absorption()
    desk.run(15 * MINUTE, **FULL)
    desk.run(POLL, battery_voltage=0.0)
    assert desk.run(8 * MINUTE, **FULL) is Mode.FLOAT


def test_the_battery_is_full_when_it_takes_hardly_any_current_at_its_voltage() -> None:
    desk = Desk().to_absorption()
    assert desk.run(2 * HOUR, charge_current=8.1) is Mode.ABSORPTION
    assert desk.run(10 * MINUTE, charge_current=8.0) is Mode.ABSORPTION
    assert desk.run(12 * MINUTE) is Mode.FLOAT
    assert last(desk) == (Mode.FLOAT, Reason.TAIL_CURRENT)
    assert desk.state.completed_on == desk.wall.date()
    assert desk.writes == [ABSORPTION, REAL]
    assert desk.state.writes_today == 2
    assert not desk.state.boosted


def test_the_mean_of_the_current_counts() -> None:
    """A charger that swings around the tail current does not keep the battery at the absorption voltage for ever."""
    desk = Desk().to_absorption()
    for _ in range(60):
        desk.run(POLL, charge_current=3.0)
        desk.run(POLL, charge_current=12.0)
    assert desk.state.mode is Mode.FLOAT


def test_an_absorption_is_not_shorter_than_the_shortest() -> None:
    desk = Desk(settings=replace(SETTINGS, min_absorption=HOUR)).to_absorption()
    assert desk.run(58 * MINUTE, **FULL) is Mode.ABSORPTION
    assert desk.run(3 * MINUTE) is Mode.FLOAT
    assert desk.state.absorption_seconds == pytest.approx(HOUR)


@pytest.mark.parametrize(
    "disturbance",
    [
        {"discharge_current": 1.0},
        {"discharge_current": None},
        {"charging": False},
        {"charge_current": None},
        {"charge_current": 0.0, "charging": None},
        {"battery_voltage": 57.29},
    ],
)
def test_a_disturbance_starts_the_tail_hold_again(disturbance: dict[str, Any]) -> None:
    """A load, a cloud or a lost value: what the current is then says nothing about the battery."""
    desk = Desk().to_absorption()
    desk.run(9 * MINUTE, **FULL)
    before = {name: desk.values.get(name, True) for name in disturbance}
    assert desk.run(HOUR, **disturbance) is Mode.ABSORPTION
    assert desk.run(9 * MINUTE, **before) is Mode.ABSORPTION
    assert desk.run(10 * MINUTE) is Mode.FLOAT


def test_a_cloud_never_ends_the_absorption() -> None:
    desk = Desk().to_absorption()
    assert desk.run(5 * HOUR, battery_voltage=57.0, charge_current=1.0) is Mode.ABSORPTION
    assert desk.writes == [ABSORPTION]


def test_the_longest_absorption_ends_it_even_under_load() -> None:
    desk = Desk().to_absorption()
    assert desk.run(239 * MINUTE, discharge_current=3.0, charge_current=30.0) is Mode.ABSORPTION
    assert desk.run(2 * MINUTE) is Mode.FLOAT
    assert last(desk) == (Mode.FLOAT, Reason.LONGEST_ABSORPTION)


def test_only_seconds_at_the_voltage_with_fresh_values_count() -> None:
    desk = Desk().to_absorption()
    begun = desk.state.absorption_seconds
    desk.run(10 * MINUTE, battery_voltage=57.3)
    assert desk.state.absorption_seconds - begun == pytest.approx(10 * MINUTE)
    desk.run(10 * MINUTE, battery_voltage=57.2)
    # The median follows one sample late.
    assert desk.state.absorption_seconds - begun == pytest.approx(10 * MINUTE + POLL)
    desk.run(MINUTE, battery_voltage=57.6)
    before = desk.state.absorption_seconds
    desk.wait(50.0)
    desk.poll()
    assert desk.state.absorption_seconds - before == pytest.approx(60.0)
    desk.wait(51.0)
    desk.poll()
    assert desk.state.absorption_seconds - before == pytest.approx(60.0)


def test_the_same_reading_twice_is_one_sample() -> None:
    desk = Desk().to_absorption()
    before = desk.state
    for age in (0.0, 5.0, 10.0):
        desk.wait(5.0 if age else 0.0)
        desk.take(decide(desk.settings, desk.state, desk.snapshot(age=age), desk.now))
    assert desk.state == before


def test_a_fallen_voltage_gives_the_absorption_up_and_its_time_goes_on_later() -> None:
    desk = Desk().to_absorption()
    desk.run(10 * MINUTE)
    before = desk.state.absorption_seconds
    assert desk.run(10 * MINUTE, battery_voltage=56.5) is Mode.ABSORPTION
    assert desk.run(MINUTE) is Mode.BULK
    assert last(desk) == (Mode.BULK, Reason.VOLTAGE_FELL)
    assert desk.run(2 * MINUTE, battery_voltage=57.6) is Mode.ABSORPTION
    assert before < desk.state.absorption_seconds < before + 3 * MINUTE
    assert desk.writes == [ABSORPTION]


@pytest.mark.parametrize("begin", [Desk.to_bulk, Desk.to_absorption])
def test_the_end_of_the_day_restores(begin: Any) -> None:
    desk = begin(Desk())
    desk.run(59 * MINUTE, solar_power=9.0)
    assert desk.device == ABSORPTION
    desk.run(2 * MINUTE)
    assert last(desk) == (Mode.IDLE, Reason.END_OF_DAY)
    assert desk.writes == [ABSORPTION, REAL]
    assert desk.state.completed_on is None


def test_twilight_ends_nothing() -> None:
    desk = Desk().to_bulk()
    assert desk.run(5 * HOUR, solar_power=10.0) is Mode.BULK


def test_a_cycle_that_was_interrupted_goes_on_with_its_time() -> None:
    desk = Desk().to_absorption()
    desk.run(20 * MINUTE)
    seconds = desk.state.absorption_seconds
    assert desk.run(2 * HOUR, solar_power=0.0, battery_voltage=57.0) is Mode.IDLE
    assert desk.run(6 * MINUTE, solar_power=900.0) is Mode.BULK
    assert desk.state.absorption_seconds >= seconds
    desk.run(2 * HOUR, solar_power=0.0)
    desk.wait(20 * HOUR)
    desk.run(7 * MINUTE, solar_power=900.0)
    assert desk.state.mode is Mode.BULK
    assert desk.state.absorption_seconds == 0.0


# Float


@pytest.mark.parametrize("allowed", [False, True])
def test_a_low_voltage_ends_float_only_where_that_is_allowed(allowed: bool) -> None:
    desk = Desk(settings=replace(SETTINGS, rebulk_in_float=allowed)).to_float()
    desk.run(9 * MINUTE, battery_voltage=51.9)
    assert desk.state.mode is Mode.FLOAT
    assert desk.run(2 * MINUTE) is (Mode.BULK if allowed else Mode.FLOAT)


def test_a_day_without_night_begins_anew_at_midnight() -> None:
    desk = Desk().to_float()
    desk.run(15 * HOUR, battery_voltage=REAL)
    assert desk.state.mode is Mode.FLOAT
    desk.run(HOUR)
    assert (Mode.BULK, Reason.CHARGE_SOURCE) in desk.changes[-2:]


# Hold


def test_old_values_hold_everything_and_fresh_ones_go_on() -> None:
    desk = Desk().to_absorption()
    assert desk.silent(MINUTE) is Mode.ABSORPTION
    desk.poll(age=61.0)
    assert last(desk) == (Mode.HOLD, Reason.DATA_OLD)
    assert desk.run(POLL) is Mode.ABSORPTION
    assert last(desk) == (Mode.ABSORPTION, Reason.DATA_BACK)
    assert desk.writes == [ABSORPTION]


def test_what_was_true_before_a_hold_has_to_prove_itself_again() -> None:
    desk = Desk().to_absorption()
    desk.run(12 * MINUTE, **FULL)
    desk.silent(5 * MINUTE)
    assert desk.run(9 * MINUTE) is Mode.ABSORPTION
    assert desk.run(2 * MINUTE) is Mode.FLOAT


def test_a_gap_that_nobody_decided_in_is_no_time_either() -> None:
    desk = Desk().to_absorption()
    desk.run(12 * MINUTE, **FULL)
    desk.wait(5 * MINUTE)
    assert desk.run(9 * MINUTE) is Mode.ABSORPTION
    assert desk.run(2 * MINUTE) is Mode.FLOAT


def test_after_a_quarter_of_an_hour_without_values_the_float_voltage_is_restored() -> None:
    desk = Desk().to_bulk()
    assert desk.silent(10 * HOUR) is Mode.HOLD
    assert desk.writes == [ABSORPTION]
    desk.poll()
    assert last(desk) == (Mode.RESTORE, Reason.DATA_LOST)
    assert desk.state.mode is Mode.IDLE
    assert desk.device == REAL


def test_a_fault_ends_a_hold_at_once() -> None:
    desk = Desk().to_bulk()
    desk.silent(5 * MINUTE)
    desk.poll(age=301.0, fault=True)
    assert last(desk) == (Mode.RESTORE, Reason.FAULT)
    assert desk.device == REAL


def test_values_that_cannot_be_understood_are_no_values() -> None:
    desk = Desk().to_bulk()
    assert desk.run(14 * MINUTE, battery_voltage=None) is Mode.HOLD
    desk.run(2 * MINUTE)
    assert (Mode.RESTORE, Reason.DATA_LOST) in desk.changes
    assert desk.device == REAL


@pytest.mark.parametrize("begin", [Desk.to_float, Desk.to_dusk])
def test_without_a_boost_a_silence_changes_nothing(begin: Any) -> None:
    desk = begin(Desk())
    before, writes = desk.state.mode, list(desk.writes)
    desk.silent(2 * HOUR)
    assert desk.state.mode is Mode.HOLD
    desk.poll()
    assert desk.state.mode is before
    assert desk.writes == writes


# Restore


ALARMS: list[tuple[dict[str, Any], Reason]] = [
    ({"fault": True}, Reason.FAULT),
    ({"battery_high": True}, Reason.BATTERY_HIGH),
    ({"temperature": 45.1}, Reason.TOO_HOT),
    ({"bulk_voltage": 57.0}, Reason.BULK_TOO_LOW),
]


@pytest.mark.parametrize("begin", [Desk.to_bulk, Desk.to_absorption])
@pytest.mark.parametrize(("values", "reason"), ALARMS)
def test_an_alarm_restores_at_once(begin: Any, values: dict[str, Any], reason: Reason) -> None:
    desk = begin(Desk(settings=replace(SETTINGS, max_temperature=45.0), values=DAY | {"temperature": 30.0}))
    desk.poll(**values)
    assert last(desk) == (Mode.RESTORE, reason)
    assert (desk.state.mode, desk.state.reason) == (Mode.IDLE, reason)
    assert desk.device == REAL


def test_after_a_high_battery_nothing_begins_again_that_day() -> None:
    desk = Desk().to_bulk()
    desk.poll(battery_high=True)
    assert desk.run(3 * HOUR) is Mode.IDLE
    desk.wait(21 * HOUR)
    assert desk.run(7 * MINUTE) is Mode.BULK


def test_a_fault_that_is_over_lets_the_day_go_on() -> None:
    desk = Desk().to_bulk()
    assert desk.run(10 * MINUTE, fault=True) is Mode.IDLE
    assert desk.run(10 * MINUTE, fault=False) is Mode.BULK


def test_a_hot_battery_must_cool_down_and_an_unknown_temperature_is_no_leave() -> None:
    settings = replace(SETTINGS, max_temperature=45.0)
    desk = Desk(settings=settings, values=DAY | {"temperature": 30.0}).to_bulk()
    desk.run(10 * MINUTE, temperature=46.0)
    assert desk.run(10 * MINUTE, temperature=44.0) is Mode.IDLE
    assert desk.run(10 * MINUTE, temperature=42.9) is Mode.BULK
    assert desk.run(10 * MINUTE, temperature=None) is Mode.HOLD
    desk.run(10 * MINUTE)
    assert (Mode.RESTORE, Reason.DATA_LOST) in desk.changes
    assert desk.device == REAL


def test_a_boost_does_not_outlast_its_longest_time() -> None:
    desk = Desk().to_bulk()
    assert desk.run(13.9 * HOUR) is Mode.BULK
    desk.run(0.2 * HOUR)
    assert (Mode.RESTORE, Reason.BOOSTED_TOO_LONG) in desk.changes
    assert desk.device == REAL
    assert desk.state.blocked_on is not None


def test_a_wall_clock_that_is_set_back_does_not_prolong_a_boost() -> None:
    desk = Desk().to_bulk()
    desk.wall -= timedelta(days=3)
    desk.run(14 * HOUR)
    assert (Mode.RESTORE, Reason.BOOSTED_TOO_LONG) in desk.changes


def test_another_battery_type_switches_off() -> None:
    desk = Desk().to_bulk()
    desk.poll(battery_type="pylontech")
    assert desk.device == REAL
    assert (desk.state.mode, desk.state.reason) == (Mode.OFF, Reason.BATTERY_TYPE)
    assert not desk.state.enabled
    assert "charge_stopped_battery_type" in troubles(desk.state)


@pytest.mark.parametrize("changed", [{"real_float": 53.5}, {"absorption": 57.0}, {"dry_run": True}])
def test_changed_settings_end_a_boost_with_the_voltage_that_was_there(changed: dict[str, Any]) -> None:
    desk = Desk().to_bulk()
    desk.settings = replace(desk.settings, **changed)
    desk.poll()
    assert last(desk) == (Mode.RESTORE, Reason.SETTINGS_CHANGED)
    assert desk.device == REAL
    assert not desk.actions[-1].dry


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNCERTAIN, Outcome.NOT_SENT, Outcome.DIFFERENT])
def test_a_restore_is_tried_every_half_minute_and_later_every_hour(outcome: Outcome) -> None:
    desk = Desk().to_bulk()
    desk.outcome = outcome
    desk.kept = 57.2
    desk.poll(fault=True)
    assert desk.state.mode is Mode.RESTORE
    at, tried = [], len(desk.actions)
    for _ in range(round(2 * HOUR / POLL)):
        desk.poll()
        if len(desk.actions) > tried:
            tried = len(desk.actions)
            at.append(desk.seconds)
    gaps = [round(two - one) for one, two in pairwise(at)]
    assert gaps == [30] * 18 + [3600]
    assert troubles(desk.state) == {"charge_restore_failing": {"voltage": "54", "tries": "21"}}
    desk.outcome = Outcome.KEPT
    desk.run(1.1 * HOUR, fault=True)
    assert (desk.state.mode, desk.device) == (Mode.IDLE, REAL)
    assert troubles(desk.state) == {}


def test_a_failed_end_of_an_absorption_is_restored_and_stays_full() -> None:
    desk = Desk().to_absorption()
    desk.outcome = Outcome.UNCERTAIN
    desk.run(22 * MINUTE, **FULL)
    assert desk.state.mode is Mode.RESTORE
    assert troubles(desk.state)
    desk.outcome = Outcome.KEPT
    assert desk.run(MINUTE) is Mode.FLOAT
    assert desk.state.completed_on == desk.wall.date()
    assert desk.device == REAL


def test_a_restore_that_worked_without_an_answer_is_seen() -> None:
    desk = Desk().to_bulk()
    desk.outcome, desk.carried_out = Outcome.UNCERTAIN, True
    desk.poll(fault=True)
    assert desk.state.failing
    assert desk.run(POLL, fault=True) is Mode.IDLE
    assert len(desk.actions) == 2


def test_a_restore_waits_for_the_link() -> None:
    desk = Desk().to_bulk()
    desk.outcome = Outcome.NOT_SENT
    desk.poll(fault=True)
    desk.silent(3 * HOUR)
    assert len(desk.actions) < 6
    desk.outcome = Outcome.KEPT
    desk.run(MINUTE, fault=True)
    assert (desk.state.mode, desk.device) == (Mode.IDLE, REAL)


# Somebody else


@pytest.mark.parametrize("begin", [lambda desk: desk, Desk.to_bulk, Desk.to_absorption, Desk.to_float])
def test_a_float_voltage_of_somebody_else_is_not_touched(begin: Any) -> None:
    desk = begin(Desk())
    writes = list(desk.writes)
    desk.device = 55.0
    desk.run(HOUR)
    assert last(desk) == (Mode.OFF, Reason.CHANGED_ELSEWHERE)
    assert (desk.device, desk.writes) == (55.0, writes)
    assert not desk.state.enabled
    assert not desk.state.boosted
    assert troubles(desk.state) == {"charge_stopped_changed_elsewhere": {}}
    desk.stop(Reason.SWITCHED_OFF)
    assert desk.writes == writes


def test_a_restore_gives_way_to_somebody_else() -> None:
    desk = Desk().to_bulk()
    desk.outcome = Outcome.REFUSED
    desk.poll(fault=True)
    desk.device = 53.0
    desk.poll()
    assert desk.state.mode is Mode.OFF
    assert desk.device == 53.0


def test_who_sets_the_float_voltage_back_by_hand_has_the_rest_of_the_day() -> None:
    desk = Desk().to_bulk()
    desk.device = REAL
    desk.run(3 * HOUR)
    assert last(desk) == (Mode.IDLE, Reason.RESTORED_ELSEWHERE)
    assert desk.writes == [ABSORPTION]
    desk.wait(21 * HOUR)
    assert desk.run(7 * MINUTE) is Mode.BULK


def test_a_float_voltage_that_was_read_before_the_write_says_nothing() -> None:
    desk = Desk()
    desk.run(5 * MINUTE)
    desk.poll()
    assert desk.state.mode is Mode.BULK
    for age in range(1, 30):
        desk.poll(float_voltage=REAL, float_age=age * POLL + 1.0)
    assert desk.state.mode is Mode.BULK
    assert desk.writes == [ABSORPTION]


def test_tenths_of_a_volt_are_what_the_inverter_keeps() -> None:
    desk = Desk(settings=replace(SETTINGS, absorption=57.56)).to_bulk()
    desk.device = 57.6
    desk.poll()
    assert (desk.state.mode, desk.state.confirmed) == (Mode.BULK, True)


# What became of a boost


def test_a_refused_boost_leaves_the_day_alone() -> None:
    desk = Desk(outcome=Outcome.REFUSED)
    desk.run(3 * HOUR)
    assert (desk.state.mode, desk.state.reason) == (Mode.IDLE, Reason.REFUSED)
    assert desk.writes[0] == ABSORPTION
    assert ABSORPTION not in desk.writes[1:]
    assert desk.state.writes_today == 0


def test_what_the_inverter_made_of_a_boost_is_ours_to_restore() -> None:
    desk = Desk(outcome=Outcome.DIFFERENT, kept=56.4)
    desk.run(5 * MINUTE)
    desk.poll()
    assert desk.device == 56.4
    desk.outcome = Outcome.KEPT
    desk.poll()
    assert (desk.state.mode, desk.state.reason) == (Mode.IDLE, Reason.REFUSED)
    assert desk.device == REAL


@pytest.mark.parametrize("outcome", [Outcome.UNCERTAIN, Outcome.NOT_SENT])
def test_a_boost_without_an_answer_is_tried_three_times(outcome: Outcome) -> None:
    desk = Desk(settings=replace(SETTINGS, write_budget=20), outcome=outcome)
    desk.run(3 * HOUR)
    assert desk.writes.count(ABSORPTION) == 3
    assert (desk.state.mode, desk.state.reason) == (Mode.IDLE, Reason.NOT_CONFIRMED)
    assert desk.device == REAL


def test_a_boost_that_worked_without_an_answer_is_seen() -> None:
    desk = Desk(outcome=Outcome.UNCERTAIN, carried_out=True)
    desk.run(HOUR)
    assert desk.writes == [ABSORPTION]
    assert (desk.state.mode, desk.state.confirmed) == (Mode.BULK, True)


# The write budget


def test_no_boost_without_a_restore_in_the_budget() -> None:
    desk = Desk(settings=replace(SETTINGS, write_budget=5))
    for _ in range(4):
        desk.run(6 * MINUTE, fault=False)
        desk.run(MINUTE, fault=True)
    assert desk.writes == [ABSORPTION, REAL] * 2
    desk.run(HOUR, fault=False)
    assert (desk.state.mode, desk.state.reason) == (Mode.IDLE, Reason.WRITE_BUDGET)
    assert desk.start_now().reason is Reason.WRITE_BUDGET
    desk.wait(20 * HOUR)
    assert desk.run(7 * MINUTE) is Mode.BULK
    assert desk.state.writes_today == 1


def test_another_try_to_boost_needs_a_restore_in_the_budget_too() -> None:
    desk = Desk(settings=replace(SETTINGS, write_budget=3), outcome=Outcome.UNCERTAIN)
    desk.run(10 * MINUTE)
    assert desk.writes.count(ABSORPTION) == 2
    assert (Mode.RESTORE, Reason.WRITE_BUDGET) in desk.changes


def test_restores_are_allowed_beyond_the_budget() -> None:
    desk = Desk(settings=replace(SETTINGS, write_budget=2)).to_bulk()
    desk.outcome = Outcome.UNCERTAIN
    desk.poll(fault=True)
    desk.run(5 * MINUTE, fault=True)
    assert desk.state.writes_today > 2
    assert set(desk.writes[1:]) == {REAL}
