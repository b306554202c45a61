"""The state-of-charge control on the simulated house: a week between its limits, and every fault."""

import pytest

from custom_components.local_solar.solarlink.control.state_of_charge import Mode, Reason

from .soc_week import POLL, UNIT, Week

EMPTY = 20.0
LOAD_SHAVING = 1037
ONE_POLL = 0.5
"""What the inverter can take out of this battery in two polls at the most, %: 50 A out of 100 Ah for a minute."""


@pytest.fixture(autouse=True)
def _long_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.house.STEP_SECONDS", POLL)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_state_of_charge_stays_inside_its_band(seed: int) -> None:
    week = Week(seed=seed)
    week.run(7 * 24.0)
    assert EMPTY - 2 * ONE_POLL <= min(week.lows) < 30.0
    assert week.highest >= 80.0
    assert week.shaved > 24 * 3600.0
    assert week.most_writes <= 6
    assert max(week.writes.values()) <= 4
    assert week.end() is Mode.OFF
    assert week.device == week.owner


def test_without_the_control_the_battery_is_emptied() -> None:
    week = Week(seed=1, controlled=False)
    week.run(7 * 24.0)
    assert min(week.lows) < 5.0


def test_frozen_data_end_in_the_safe_state() -> None:
    week = Week(seed=1).until_discharging()
    week.freeze()
    week.run(2.5 / 60.0)
    assert (week.state.mode, week.state.reason, week.shaving) == (Mode.HELD, Reason.DATA_OLD, False)
    before = week.lowest
    week.run(12.0)
    assert not week.shaving
    # Only what the inverter itself uses is taken out.
    assert week.lowest > before - 10.0
    week.frozen = None
    week.run(0.5)
    assert week.state.mode in {Mode.DISCHARGING, Mode.WAITING}


def test_a_gateway_that_is_gone_for_hours_is_set_right_when_it_is_back() -> None:
    week = Week(seed=1).until_discharging()
    week.linked = False
    week.freeze()
    week.run(3.0)
    assert week.shaving
    week.linked = True
    week.run(2.0 / 60.0)
    assert not week.shaving


def test_while_the_gateway_is_gone_the_cut_out_protects() -> None:
    """The battery is emptied to where the inverter itself stops, which the control has set higher."""
    week = Week(seed=1).until_discharging()
    week.linked = False
    for array in week.house.arrays:
        array.enabled = False
    used = []
    for _ in range(24 * 60):
        week.run(1.0 / 60.0)
        if week.inverter.device(UNIT).live()["inverter_status"] == LOAD_SHAVING:
            used.append(week.house.battery.voltage)
    # It stops a volt above the cut-out; what drains the battery from there is the inverter's own consumption.
    assert used
    assert min(used) > 47.0
    assert week.shaving
    assert week.device["low_battery_cut_out"] == 47.0
    week.linked = True
    week.run(1.0 / 60.0)
    assert (week.state.mode, week.shaving) == (Mode.WAITING, False)


@pytest.mark.parametrize("hours", [0.1, 3.0, 12.0])
def test_after_a_kill_load_shave_goes_off_first(hours: float) -> None:
    week = Week(seed=1).until_discharging()
    owner = week.owner
    week.kill()
    week.run(hours)
    assert week.shaving
    week.start()
    # In a list, or a type checker would believe that it stays.
    assert [week.shaving] == [False]
    week.run(24.0)
    assert week.state.mode in {Mode.DISCHARGING, Mode.WAITING}
    week.end()
    assert week.device == owner


def test_a_kill_at_any_time_of_a_day_leaves_nothing_behind() -> None:
    week = Week(seed=2)
    for _ in range(24):
        week.run(1.0)
        week.kill()
        week.run(0.1)
        week.start()
    week.end()
    assert week.device == week.owner
