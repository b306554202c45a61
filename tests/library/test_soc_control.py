"""State-of-charge control by table: when load shave goes on and off, and that every end restores the owner's values."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.local_solar.solarlink.control.state_of_charge import (
    Mode,
    Objection,
    Outcome,
    Purpose,
    Reason,
    Setting,
    Settings,
    Setup,
    State,
    decide,
    objections,
    switch_on,
    troubles,
)

from .soc import EMPTY, FULL, HOUR, MIDDLE, MINUTE, OWNER, POLL, PROTECTION, SETTINGS, Desk

ON = [("grid_support", True), ("load_shave", True)]
OFF = [("load_shave", False), ("grid_support", False)]
NET = [("low_battery_cut_out", 47.0), ("low_battery_cut_out_hysteresis", 2.0)]


# Between two states of charge


def test_a_day_between_the_limits() -> None:
    desk = Desk()
    assert desk.run(HOUR, **MIDDLE) is Mode.WAITING
    assert desk.done == NET
    assert desk.run(MINUTE, **FULL) is Mode.DISCHARGING
    assert desk.done == [*NET, *ON]
    assert desk.run(3 * HOUR, **MIDDLE) is Mode.DISCHARGING
    assert desk.run(MINUTE, **EMPTY) is Mode.WAITING
    assert desk.state.reason is Reason.EMPTY
    assert desk.run(3 * HOUR, **MIDDLE) is Mode.WAITING
    assert desk.done == [*NET, *ON, *OFF]
    assert desk.device == OWNER | PROTECTION


@pytest.mark.parametrize(
    ("values", "mode"),
    [
        # The mean decides on "on", whatever the lowest module says above its limit.
        ({"mean": 80.0, "lowest": 21.0}, Mode.DISCHARGING),
        ({"mean": 79.9, "lowest": 79.9}, Mode.WAITING),
        # The lowest module decides on "off", and wins.
        ({"mean": 95.0, "lowest": 20.0}, Mode.WAITING),
        ({"mean": 101.0, "lowest": 100.0}, Mode.DISCHARGING),
        ({"mean": 200.0, "lowest": 90.0}, Mode.WAITING),
        ({"mean": None, "lowest": 90.0}, Mode.WAITING),
        ({"mean": 90.0, "lowest": None}, Mode.WAITING),
        ({"mean": 90.0, "lowest": 90.0, "lowest_cell": None}, Mode.WAITING),
    ],
)
def test_what_switches_on(values: dict[str, Any], mode: Mode) -> None:
    assert Desk().run(5 * MINUTE, **values) is mode


@pytest.mark.parametrize(
    ("values", "mode"),
    [
        ({"mean": 24.0, "lowest": 20.1}, Mode.DISCHARGING),
        ({"mean": 60.0, "lowest": 20.0}, Mode.WAITING),
        ({"mean": 20.0, "lowest": 20.1}, Mode.DISCHARGING),
    ],
)
def test_what_switches_off(values: dict[str, Any], mode: Mode) -> None:
    assert Desk().to_middle().run(MINUTE, **values) is mode


def test_one_wrong_sample_costs_no_day() -> None:
    desk = Desk().to_middle()
    assert desk.poll(lowest=0.0, mean=0.0, lowest_cell=0.0) is Mode.DISCHARGING
    assert desk.run(MINUTE) is Mode.DISCHARGING
    # The same sample seen again is still one.
    desk.wait(POLL)
    for age in (0.0, 10.0, 20.0):
        assert desk.look(lowest=0.0, age=age) is Mode.DISCHARGING
        desk.wait(10.0)


def test_a_low_cell_and_an_alarm_count_as_empty() -> None:
    settings = replace(SETTINGS, alarm=True)
    for values, reason in (({"lowest_cell": 3.0}, Reason.CELL_LOW), ({"alarm": True}, Reason.ALARM)):
        desk = Desk(settings=settings)
        desk.values |= {"alarm": False}
        desk.to_middle()
        assert desk.run(MINUTE, **values) is Mode.WAITING
        assert desk.state.reason is reason
        # The load is gone, so the cell recovers; that must not switch it on again.
        assert desk.run(HOUR, lowest_cell=3.25, alarm=False) is Mode.WAITING
        assert desk.run(MINUTE, **FULL) is Mode.DISCHARGING


def test_a_high_cell_holds_only_as_long_as_it_is_high() -> None:
    desk = Desk(settings=replace(SETTINGS, highest_cell=3.6)).to_middle()
    for _ in range(3):
        assert desk.poll(highest_cell=3.61) is Mode.HELD
    assert desk.state.reason is Reason.CELL_HIGH
    assert desk.run(11 * MINUTE) is Mode.DISCHARGING


def test_shortest_times() -> None:
    desk = Desk().to_discharging()
    assert desk.run(5 * MINUTE, **EMPTY) is Mode.DISCHARGING
    assert desk.changes[-1] == (Mode.DISCHARGING, Reason.SHORTEST_ON)
    assert desk.run(5 * MINUTE) is Mode.WAITING
    assert desk.run(5 * MINUTE, **FULL) is Mode.HELD
    assert desk.changes[-1] == (Mode.HELD, Reason.SHORTEST_OFF)
    assert desk.run(5 * MINUTE) is Mode.DISCHARGING


@pytest.mark.parametrize("values", [{"lowest": 15.0}, {"lowest_cell": 2.9}, {"lowest": None}, {"mean": None}])
def test_what_is_urgent_does_not_wait(values: dict[str, Any]) -> None:
    desk = Desk().to_discharging()
    assert desk.run(30.0, **values) in {Mode.WAITING, Mode.HELD}
    assert desk.device["load_shave"] is False


def test_the_budget_always_leaves_the_write_that_switches_off() -> None:
    settings = replace(SETTINGS, write_budget=5, shortest_on=0.0, shortest_off=0.0)
    desk = Desk(settings=settings)
    for _ in range(4):
        desk.run(MINUTE, **FULL)
        desk.run(MINUTE, **EMPTY)
    assert desk.done.count(("load_shave", True)) == desk.done.count(("load_shave", False)) == 2
    assert desk.run(MINUTE, **FULL) is Mode.HELD
    assert desk.state.reason is Reason.WRITE_BUDGET
    assert desk.run(24 * HOUR) is Mode.DISCHARGING


# Data


def test_old_data_switches_off_and_fresh_data_go_on_where_it_was() -> None:
    desk = Desk().to_middle()
    assert desk.silent(90.0) is Mode.DISCHARGING
    desk.wait(10.0)
    assert desk.look(age=100.0) is Mode.HELD
    assert (desk.state.reason, desk.device["load_shave"]) == (Reason.DATA_OLD, False)
    assert desk.device["grid_support"] is False
    assert desk.run(9 * MINUTE) is Mode.HELD
    assert desk.state.reason is Reason.SHORTEST_OFF
    assert desk.run(2 * MINUTE) is Mode.DISCHARGING


def test_frozen_data_switch_off() -> None:
    desk = Desk().to_middle()
    for _ in range(round(2 * HOUR / POLL)):
        assert desk.poll() is Mode.DISCHARGING
    for _ in range(2):
        desk.poll()
    assert (desk.state.mode, desk.state.reason) == (Mode.HELD, Reason.DATA_FROZEN)
    assert desk.device["load_shave"] is False
    assert desk.run(11 * MINUTE) is Mode.DISCHARGING


def test_states_of_charge_alone_may_stand_still() -> None:
    desk = Desk(settings=replace(SETTINGS, lowest_cell=None))
    desk.values = {"mean": 100.0, "lowest": 100.0}
    for _ in range(round(6 * HOUR / POLL)):
        desk.poll()
    assert desk.state.mode is Mode.DISCHARGING


def test_an_alarm_that_is_watched_but_unknown_is_old_data() -> None:
    desk = Desk(settings=replace(SETTINGS, alarm=True))
    assert desk.run(MINUTE, **FULL) is Mode.WAITING
    assert desk.state.reason is Reason.DATA_OLD


# The inverter


def test_nothing_is_touched_before_everything_is_known() -> None:
    desk = Desk()
    del desk.device["low_battery_cut_out"]
    assert desk.run(MINUTE, **FULL) is Mode.HELD
    assert (desk.state.reason, desk.done) == (Reason.UNKNOWN_VALUES, [])


def test_an_owner_who_has_grid_support_on_keeps_it() -> None:
    desk = Desk(device=OWNER | {"grid_support": True}).to_discharging()
    desk.run(HOUR, **EMPTY)
    assert [key for key, _ in desk.done if key == "grid_support"] == []
    assert desk.device["grid_support"] is True


def test_load_shave_of_the_owner_goes_off_and_comes_back() -> None:
    desk = Desk(device=OWNER | {"load_shave": True, "grid_support": True})
    assert desk.run(MINUTE) is Mode.WAITING
    assert desk.device["load_shave"] is False
    desk.end(Reason.SWITCHED_OFF)
    assert desk.device == OWNER | {"load_shave": True, "grid_support": True}


def test_without_its_safety_net_nothing_is_discharged() -> None:
    desk = Desk(outcome=Outcome.REFUSED)
    assert desk.run(MINUTE, **FULL) is Mode.HELD
    assert desk.state.reason is Reason.NOT_TAKEN
    assert {key for key, _ in desk.done} == set(PROTECTION)
    assert troubles(desk.state) == {}
    desk.run(5 * MINUTE)
    assert "soc_control_not_taken" in troubles(desk.state)
    desk.outcome = Outcome.KEPT
    assert desk.run(2 * MINUTE) is Mode.DISCHARGING
    assert troubles(desk.state) == {}


def test_an_inverter_that_drops_load_shave_is_left_alone_after_some_tries() -> None:
    desk = Desk()
    desk.run(MINUTE)
    desk.outcome = Outcome.DIFFERENT
    desk.run(12 * HOUR, **FULL)
    assert desk.state.mode is Mode.HELD
    assert len([key for key, value in desk.done if value is True]) <= desk.settings.write_budget
    assert desk.device["load_shave"] is False


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_write_without_an_answer_is_looked_at(carried_out: bool) -> None:
    desk = Desk()
    desk.run(MINUTE)
    desk.outcome, desk.carried_out = Outcome.UNCERTAIN, carried_out
    desk.values |= FULL
    desk.poll()
    desk.outcome = Outcome.KEPT
    desk.run(12 * MINUTE)
    assert desk.state.mode is Mode.DISCHARGING
    assert desk.device["load_shave"] is True
    assert desk.done.count(("grid_support", True)) == (1 if carried_out else 2)


def test_a_gateway_that_is_gone_is_set_right_as_soon_as_it_is_back() -> None:
    desk = Desk().to_middle()
    desk.linked = False
    desk.run(3 * HOUR, **EMPTY)
    assert desk.device == OWNER | PROTECTION | dict(ON)
    desk.linked = True
    assert desk.run(40.0) is Mode.WAITING
    assert desk.device == OWNER | PROTECTION
    # What was never sent has worn nothing.
    assert len(desk.state.recent("load_shave", desk.now)) == 2


@pytest.mark.parametrize("key", ["load_shave", "grid_support"])
def test_who_switches_by_hand_wins(key: str) -> None:
    desk = Desk().to_middle()
    desk.device[key] = False
    desk.poll()
    assert (desk.state.mode, desk.state.reason, desk.state.enabled) == (Mode.OFF, Reason.CHANGED_ELSEWHERE, False)
    assert desk.device == OWNER
    assert troubles(desk.state) == {"soc_control_stopped_changed_elsewhere": {}}
    desk.kill()
    assert desk.state.mode is Mode.OFF


def test_a_cut_out_that_somebody_changes_is_theirs() -> None:
    desk = Desk().to_middle()
    desk.device["low_battery_cut_out"] = 48.0
    assert desk.run(HOUR) is Mode.DISCHARGING
    desk.end(Reason.SWITCHED_OFF)
    assert desk.device == OWNER | {"low_battery_cut_out": 48.0}


def test_settings_that_are_changed_in_home_assistant() -> None:
    desk = Desk().to_middle()
    assert desk.touch("low_battery_cut_out", 48.0) is Mode.DISCHARGING
    assert desk.touch("grid_support", True) is Mode.DISCHARGING
    assert desk.touch("load_shave", False) is Mode.OFF
    assert desk.device == OWNER | {"low_battery_cut_out": 48.0}


# Ends


@pytest.mark.parametrize("reason", [Reason.STOPPED, Reason.SWITCHED_OFF])
def test_every_end_restores(reason: Reason) -> None:
    desk = Desk().to_middle()
    assert desk.end(reason) is Mode.OFF
    assert desk.device == OWNER
    # The load goes first.
    restored = [action.key for action in desk.actions if action.purpose is Purpose.RESTORE]
    assert restored[:2] == ["load_shave", "grid_support"]
    desk.kill()
    assert desk.state.mode is (Mode.HELD if reason is Reason.STOPPED else Mode.OFF)
    assert desk.state.enabled is (reason is Reason.STOPPED)


def test_an_orderly_restart_goes_on_where_it_was() -> None:
    desk = Desk().to_middle()
    desk.end()
    assert desk.kill() is Mode.HELD
    assert desk.run(12 * MINUTE, **MIDDLE) is Mode.DISCHARGING


def test_a_restore_that_fails_is_tried_until_it_succeeds() -> None:
    desk = Desk().to_middle()
    desk.outcome = Outcome.UNCERTAIN
    assert desk.end(Reason.SWITCHED_OFF) is Mode.RESTORING
    desk.run(2 * MINUTE)
    assert "soc_control_restore_failing" in troubles(desk.state)
    desk.outcome = Outcome.KEPT
    assert desk.run(MINUTE) is Mode.OFF
    assert desk.device == OWNER


def test_on_again_while_a_restore_fails() -> None:
    desk = Desk().to_middle()
    desk.linked = False
    desk.end(Reason.SWITCHED_OFF)
    desk.state = switch_on(desk.settings, desk.state, desk.setup)
    desk.linked = True
    assert desk.run(MINUTE) is Mode.WAITING
    assert desk.device == OWNER | PROTECTION


def test_after_a_kill_load_shave_is_off_until_the_battery_has_been_seen() -> None:
    desk = Desk().to_middle()
    desk.kill(away=HOUR)
    assert desk.device["load_shave"] is False
    assert desk.state.reason is Reason.DATA_OLD
    assert desk.run(12 * MINUTE) is Mode.DISCHARGING
    desk.end()
    assert desk.device == OWNER


def test_a_kill_between_saving_and_writing() -> None:
    desk = Desk()
    desk.wait(POLL)
    # Saved, but never carried out.
    desk.state = decide(desk.settings, desk.state, desk.snapshot(), desk.now).state
    desk.save()
    desk.kill()
    assert desk.run(MINUTE) is Mode.WAITING
    desk.end(Reason.SWITCHED_OFF)
    assert desk.device == OWNER


def test_options_that_no_longer_fit_restore_at_the_start() -> None:
    desk = Desk().to_middle()
    assert desk.kill(empty=90.0) is Mode.OFF
    assert (desk.state.reason, desk.device) == (Reason.NOT_READY, OWNER)
    assert troubles(desk.state) == {"soc_control_stopped_not_ready": {}}


def test_options_that_manage_less_give_the_rest_back() -> None:
    desk = Desk().to_middle()
    desk.kill(protection={}, grid_support=False)
    desk.run(MINUTE)
    assert desk.device == OWNER


def test_damaged_memory_restores_what_is_left() -> None:
    desk = Desk().to_middle()
    desk.saved = desk.saved.replace("[46.5, 47.0, true]", '["?"]')
    desk.kill()
    desk.end(Reason.SWITCHED_OFF)
    assert desk.device == OWNER | {"low_battery_cut_out": 47.0}


# Dry run


def test_a_dry_run_decides_all_the_same_and_touches_nothing() -> None:
    desk = Desk(settings=replace(SETTINGS, dry_run=True))
    desk.run(MINUTE, **FULL)
    assert desk.state.mode is Mode.DISCHARGING
    desk.run(HOUR, **EMPTY)
    desk.end(Reason.SWITCHED_OFF)
    assert desk.done[:6] == [*NET, *ON, *OFF]
    assert all(action.dry for action in desk.actions)
    assert desk.device == OWNER
    assert desk.state.writes_today(desk.now) == 0


def test_a_dry_run_survives_a_kill_and_restores_nothing() -> None:
    desk = Desk(settings=replace(SETTINGS, dry_run=True)).to_middle()
    desk.kill(dry_run=False)
    desk.end(Reason.SWITCHED_OFF)
    assert all(action.dry for action in desk.actions)
    assert desk.device == OWNER


# Conditions


@pytest.mark.parametrize(
    ("settings", "setup", "expected"),
    [
        ({}, {"battery": False}, Objection.NO_BATTERY),
        ({}, {"device": {"load_shave": False}}, Objection.UNKNOWN_VALUES),
        ({"empty": 80.0}, {}, Objection.LIMITS),
        ({"charged": 101.0}, {}, Objection.LIMITS),
        ({"lowest_cell": 3.6, "highest_cell": 3.5}, {}, Objection.CELLS),
        ({"protection": {"low_battery_cut_out": 44.9}}, {}, Objection.OUT_OF_RANGE),
        ({"protection": {"low_battery_cut_out": 47.0}}, {"nominal_voltage": 24.0}, Objection.OUT_OF_RANGE),
        ({"protection": {"low_battery_cut_out_hysteresis": 5.1}}, {}, Objection.OUT_OF_RANGE),
        ({"protection": {"low_battery_cut_out_delay": 191.0}}, {}, Objection.OUT_OF_RANGE),
        ({}, {"limits": {"low_battery_cut_out": (48.0, 52.0)}}, Objection.OUT_OF_RANGE),
        ({"grid_support": False}, {}, Objection.GRID_SUPPORT_OFF),
        ({"write_budget": 1}, {}, Objection.BUDGET),
    ],
)
def test_what_speaks_against_switching_on(settings: dict[str, Any], setup: dict[str, Any], expected: Objection) -> None:
    wanted = replace(SETTINGS, **settings)
    usual: dict[str, Any] = {"battery": True, "device": OWNER}
    found = Setup(**(usual | setup))
    assert objections(SETTINGS, Setup(**usual)) == ()
    assert expected in objections(wanted, found)
    state = switch_on(wanted, State(), found)
    assert (state.mode, state.reason, state.enabled) == (Mode.OFF, Reason.NOT_READY, False)


def test_a_24_v_battery_has_half_the_voltages() -> None:
    device: dict[str, Setting] = OWNER | {"low_battery_cut_out": 23.0, "low_battery_cut_out_hysteresis": 1.0}
    settings = Settings(protection={"low_battery_cut_out": 23.5, "low_battery_cut_out_delay": 100.0})
    assert objections(settings, Setup(battery=True, device=device, nominal_voltage=24.0)) == ()


def test_off_stays_off() -> None:
    desk = Desk()
    desk.end(Reason.SWITCHED_OFF)
    assert desk.run(HOUR, **FULL) is Mode.OFF
    assert desk.done == []
    assert not desk.state.enabled
