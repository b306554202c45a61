"""The charge manager and its host: stop, kill and start, requests by hand, the dry run, and the conditions."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.local_solar.solarlink.control.charge_manager import (
    Mode,
    Objection,
    Outcome,
    Purpose,
    Reason,
    Settings,
    Setup,
    State,
    objections,
    proved,
    switch_on,
    troubles,
)

from .charge import ABSORPTION, BULK, FULL, HOUR, MINUTE, NIGHT, REAL, SETTINGS, Desk


def last(desk: Desk) -> tuple[Mode, Reason]:
    return desk.changes[-1]


# Stop and start


@pytest.mark.parametrize("begin", [Desk.to_bulk, Desk.to_absorption])
@pytest.mark.parametrize("reason", [Reason.STOPPED, Reason.SWITCHED_OFF])
def test_every_stop_restores(begin: Any, reason: Reason) -> None:
    desk = begin(Desk())
    desk.stop(reason)
    assert (desk.state.mode, desk.state.reason) == (Mode.OFF, reason)
    assert desk.device == REAL
    assert desk.state.enabled is (reason is Reason.STOPPED)
    desk.kill()
    assert desk.state.mode is (Mode.IDLE if reason is Reason.STOPPED else Mode.OFF)


def test_a_stop_without_a_boost_writes_nothing() -> None:
    desk = Desk().to_float()
    desk.stop()
    assert desk.writes == [ABSORPTION, REAL]
    desk.kill()
    assert desk.state.mode is Mode.FLOAT


def test_a_stop_that_failed_is_made_good_at_the_next_start() -> None:
    desk = Desk().to_absorption()
    desk.outcome = Outcome.NOT_SENT
    desk.stop()
    assert desk.state.mode is Mode.RESTORE
    desk.stop()
    assert desk.writes == [ABSORPTION, REAL, REAL]
    desk.outcome = Outcome.KEPT
    desk.kill()
    assert (desk.state.mode, desk.device) == (Mode.IDLE, REAL)


def test_off_while_a_restore_fails_goes_on_restoring() -> None:
    desk = Desk().to_bulk()
    desk.outcome = Outcome.UNCERTAIN
    desk.stop(Reason.SWITCHED_OFF)
    desk.run(2 * MINUTE)
    assert desk.state.mode is Mode.RESTORE
    desk.outcome = Outcome.KEPT
    assert desk.run(MINUTE) is Mode.OFF
    assert desk.device == REAL


def test_on_again_while_a_restore_fails() -> None:
    desk = Desk().to_bulk()
    desk.outcome = Outcome.UNCERTAIN
    desk.stop(Reason.SWITCHED_OFF)
    desk.state = switch_on(desk.settings, desk.state, desk.setup)
    assert desk.state.mode is Mode.RESTORE
    desk.outcome = Outcome.KEPT
    assert desk.run(MINUTE, solar_power=20.0) is Mode.IDLE


@pytest.mark.parametrize("begin", [Desk.to_bulk, Desk.to_absorption])
def test_a_killed_program_goes_on_where_it_was(begin: Any) -> None:
    desk = begin(Desk())
    mode, seconds = desk.state.mode, desk.state.absorption_seconds
    desk.kill(away=HOUR)
    assert (desk.state.mode, desk.state.reason) == (mode, Reason.RESTARTED)
    assert desk.state.absorption_seconds == seconds
    desk.run(30 * MINUTE, **FULL)
    assert desk.state.mode is Mode.FLOAT
    assert desk.writes == [ABSORPTION, REAL]


def test_a_program_that_was_killed_in_a_hold_goes_on_with_what_it_held() -> None:
    desk = Desk().to_absorption()
    desk.silent(5 * MINUTE)
    desk.kill()
    assert desk.state.mode is Mode.ABSORPTION


@pytest.mark.parametrize("away", [14.1 * HOUR, -5 * HOUR])
def test_a_boost_that_is_too_old_or_of_unknown_age_is_restored_at_the_start(away: float) -> None:
    desk = Desk().to_bulk()
    desk.kill(away=away)
    assert last(desk) == (Mode.RESTORE, Reason.BOOSTED_TOO_LONG)
    assert desk.device == REAL


def test_a_boost_that_was_saved_but_never_written() -> None:
    desk = Desk(outcome=Outcome.NOT_SENT)
    desk.run(5 * MINUTE)
    desk.poll()
    desk.kill()
    assert desk.state.mode is Mode.IDLE
    assert not desk.state.boosted
    desk.outcome = Outcome.KEPT
    desk.to_bulk()


def test_a_program_that_was_killed_while_it_restored() -> None:
    desk = Desk().to_absorption()
    desk.outcome = Outcome.NOT_SENT
    desk.run(22 * MINUTE, **FULL)
    desk.outcome = Outcome.KEPT
    desk.kill()
    assert (desk.state.mode, desk.device) == (Mode.FLOAT, REAL)
    assert desk.run(HOUR) is Mode.FLOAT


def test_a_float_voltage_that_was_changed_meanwhile_is_not_touched() -> None:
    desk = Desk().to_bulk()
    desk.device = 53.2
    desk.kill()
    assert (desk.state.mode, desk.state.reason) == (Mode.OFF, Reason.CHANGED_ELSEWHERE)
    assert desk.device == 53.2


@pytest.mark.parametrize("changed", [{"real_float": 53.5}, {"absorption": 57.0}])
def test_settings_that_were_changed_meanwhile(changed: dict[str, Any]) -> None:
    desk = Desk().to_bulk()
    desk.kill(**changed)
    assert desk.device == REAL
    assert desk.state.boosted is False


def test_a_condition_that_is_no_longer_met_restores_and_stays_off() -> None:
    desk = Desk().to_bulk()
    desk.kill(tail_current=0.0)
    assert desk.device == REAL
    assert (desk.state.mode, desk.state.reason) == (Mode.OFF, Reason.NOT_READY)
    assert desk.state.enabled
    assert troubles(desk.state) == {"charge_stopped_not_ready": {}}


def test_a_damaged_memory_never_writes_another_voltage() -> None:
    desk = Desk().to_bulk()
    desk.saved = desk.saved.replace(f'"real_float": {REAL}', '"real_float": "?"')
    desk.kill()
    desk.stop()
    assert desk.writes == [ABSORPTION, REAL]


# By hand


def test_start_now_asks_neither_for_sun_nor_for_an_unfinished_day() -> None:
    desk = Desk().to_float()
    desk.run(2 * HOUR, **NIGHT)
    assert desk.start_now().state.mode is Mode.BULK
    assert desk.state.reason is Reason.START_NOW
    assert desk.device == ABSORPTION
    desk.run(2 * HOUR)
    assert desk.device == REAL


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"age": 61.0}, Reason.DATA_OLD),
        ({"fault": True}, Reason.FAULT),
        ({"bulk_voltage": 55.0}, Reason.BULK_TOO_LOW),
        ({"float_voltage": None}, Reason.UNKNOWN_VALUES),
    ],
)
def test_start_now_says_why_not(values: dict[str, Any], reason: Reason) -> None:
    desk = Desk()
    desk.poll()
    decision = desk.start_now(**values)
    assert (decision.state.mode, decision.reason, decision.action) == (Mode.IDLE, reason, None)


@pytest.mark.parametrize("begin", [Desk.to_bulk, Desk.to_absorption])
def test_finish_now_takes_the_battery_as_full(begin: Any) -> None:
    desk = begin(Desk())
    desk.finish_now()
    assert (desk.state.mode, desk.state.reason) == (Mode.FLOAT, Reason.FINISH_NOW)
    assert desk.device == REAL
    assert desk.run(HOUR) is Mode.FLOAT


def test_finish_now_ends_a_hold() -> None:
    desk = Desk().to_bulk()
    desk.silent(3 * MINUTE)
    desk.finish_now()
    assert desk.device == REAL


def test_requests_that_mean_nothing_do_nothing() -> None:
    desk = Desk(state=State(mode=Mode.RESTORE))
    assert desk.finish_now().action is None
    assert desk.start_now().action is None
    off = Desk()
    off.stop(Reason.SWITCHED_OFF)
    before = off.state
    assert off.start_now().state == before
    assert off.finish_now().state == before


# Dry run


def test_a_dry_run_plays_the_whole_day_and_touches_nothing() -> None:
    desk = Desk(settings=replace(SETTINGS, dry_run=True)).to_float()
    desk.run(2 * HOUR, **NIGHT)
    assert desk.writes == [ABSORPTION, REAL]
    assert all(action.dry for action in desk.actions)
    assert desk.device == REAL
    assert [mode for mode, _ in desk.changes] == [Mode.BULK, Mode.ABSORPTION, Mode.FLOAT, Mode.IDLE]


def test_a_boost_of_a_dry_run_is_none() -> None:
    desk = Desk(settings=replace(SETTINGS, dry_run=True)).to_bulk()
    assert desk.state.boosted
    assert not desk.state.boost_active
    assert desk.state.set_to == ABSORPTION
    desk.settings = SETTINGS
    desk.poll()
    assert desk.actions[-1] == (REAL, Purpose.RESTORE, True)
    assert desk.state.mode is Mode.IDLE
    desk.run(10 * MINUTE)
    assert desk.device == ABSORPTION


def test_a_dry_run_that_is_switched_on_restores_what_was_really_boosted() -> None:
    desk = Desk().to_bulk()
    desk.settings = replace(SETTINGS, dry_run=True)
    desk.outcome, desk.carried_out = Outcome.UNCERTAIN, True
    desk.poll()
    assert desk.actions[-1] == (REAL, Purpose.RESTORE, False)
    assert desk.run(MINUTE, solar_power=20.0) is Mode.IDLE
    assert desk.writes == [ABSORPTION, REAL]


def test_a_dry_run_survives_a_kill() -> None:
    desk = Desk(settings=replace(SETTINGS, dry_run=True)).to_absorption()
    assert desk.kill().state.mode is Mode.ABSORPTION
    desk.kill(dry_run=False)
    assert desk.state.mode is Mode.IDLE
    assert desk.actions[-1].dry
    assert desk.device == REAL


def test_a_dry_run_stands_down_as_well() -> None:
    desk = Desk(settings=replace(SETTINGS, dry_run=True)).to_bulk()
    desk.device = 53.0
    desk.poll()
    assert (desk.state.mode, desk.state.reason) == (Mode.OFF, Reason.CHANGED_ELSEWHERE)


# Settings and conditions


@pytest.mark.parametrize(
    ("voltage", "rebulk", "margins"),
    [(48, 52.0, (0.2, 0.3, 1.0)), (24, 26.0, (0.1, 0.15, 0.5)), (12, 13.0, (0.1, 0.15, 0.25))],
)
def test_defaults_follow_the_battery_voltage(voltage: int, rebulk: float, margins: tuple[float, float, float]) -> None:
    scale = voltage / 48
    settings = Settings.for_system(voltage, 200, BULK * scale, REAL * scale)
    assert settings.rebulk_voltage == pytest.approx(rebulk)
    assert settings.tail_current == pytest.approx(4.0)
    assert (settings.reach_margin, settings.hold_margin, settings.fall_margin) == pytest.approx(margins)
    setup = Setup(battery_type="user", bulk_voltage=BULK * scale, float_voltage=REAL * scale)
    assert objections(settings, State(proven=True), setup) == ()


@pytest.mark.parametrize(
    ("settings", "setup", "expected"),
    [
        ({}, {"bulk_voltage": None}, Objection.UNKNOWN_VALUES),
        ({}, {"float_voltage": None}, Objection.UNKNOWN_VALUES),
        ({}, {"battery_type": None}, Objection.UNKNOWN_VALUES),
        ({}, {"battery_type": "pylontech"}, Objection.LITHIUM),
        ({"other_battery_type": True}, {"battery_type": "lib"}, Objection.LITHIUM),
        ({}, {"bms": True}, Objection.LITHIUM),
        ({}, {"battery_type": "agm"}, Objection.BATTERY_TYPE),
        ({}, {"battery_type": "flooded"}, Objection.BATTERY_TYPE),
        ({}, {"float_maximum": 57.5}, Objection.OUT_OF_RANGE),
        ({}, {"float_minimum": 54.1}, Objection.OUT_OF_RANGE),
        ({}, {"bulk_voltage": 57.5}, Objection.ABOVE_BULK),
        ({"absorption": 54.0}, {}, Objection.FLOAT_NOT_BELOW),
        ({"absorption": 54.1}, {}, Objection.FLOAT_NOT_BELOW),
        ({"real_float": 0.0}, {"float_voltage": 0.0}, Objection.FLOAT_NOT_BELOW),
        ({}, {"float_voltage": 54.1}, Objection.FLOAT_DIFFERS),
        ({"rebulk_voltage": 54.0}, {}, Objection.REBULK_NOT_BELOW),
        ({"tail_current": 0.0}, {}, Objection.TAIL_CURRENT),
        ({"min_absorption": 20000.0}, {}, Objection.TIMES),
        ({"max_absorption": 60000.0}, {}, Objection.TIMES),
        ({"write_budget": 1}, {}, Objection.BUDGET),
    ],
)
def test_what_speaks_against_switching_on(settings: dict[str, Any], setup: dict[str, Any], expected: Objection) -> None:
    wanted = replace(SETTINGS, **settings)
    usual: dict[str, Any] = {"battery_type": "user", "bulk_voltage": BULK, "float_voltage": REAL}
    found = Setup(**(usual | setup))
    assert expected in objections(wanted, State(proven=True), found)
    state = switch_on(wanted, State(proven=True), found)
    assert (state.mode, state.reason, state.enabled) == (Mode.OFF, Reason.NOT_READY, False)


def test_lead_acid_types_are_allowed_by_the_owner() -> None:
    setup = Setup(battery_type="agm", bulk_voltage=BULK, float_voltage=REAL)
    assert objections(replace(SETTINGS, other_battery_type=True), State(proven=True), setup) == ()


def test_the_inverter_must_have_proven_itself_except_for_a_dry_run() -> None:
    setup = Setup(battery_type="user", bulk_voltage=BULK, float_voltage=REAL)
    desk = Desk()
    assert objections(SETTINGS, State(), setup) == (Objection.NOT_PROVEN,)
    assert objections(replace(SETTINGS, dry_run=True), State(), setup) == ()
    assert objections(SETTINGS, proved(State(), Outcome.REFUSED, desk.now), setup) == (Objection.NOT_PROVEN,)
    proof = proved(State(), Outcome.KEPT, desk.now)
    assert objections(SETTINGS, proof, setup) == ()
    assert proof.writes_today == 1
