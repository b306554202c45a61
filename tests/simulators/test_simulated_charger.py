"""The virtual battery and its charger: physics that adds up, and the firmware's fault as the reference tells it."""

from itertools import pairwise

import pytest

from simulators.voltronic import FAULT_VARIANTS, ChargerModel
from simulators.voltronic.cells import LeadAcidBattery

DAY = 86400.0


def _in_the_morning(**options: object) -> ChargerModel:
    """Return a system without loads at nine o'clock of a clear day."""
    model = ChargerModel(weather="clear", load_scale=0.0, **options)  # type: ignore[arg-type]
    model.step(9 * 3600)
    return model


# Cells


def test_current_and_voltage_are_each_others_inverse() -> None:
    for share in (0.05, 0.5, 0.9, 0.99, 1.0):
        battery = LeadAcidBattery(state_of_charge=share)
        for current in (-60.0, -1.0, 0.0, 0.5, 5.0, 60.0):
            voltage = battery.voltage_at(current, 10.0)
            assert battery.current_at(voltage, 10.0) == pytest.approx(current, abs=1e-3)


def test_current_at_absorption_voltage_falls_as_the_battery_fills() -> None:
    battery = LeadAcidBattery(state_of_charge=0.85)
    currents = []
    for _ in range(8 * 360):
        current = min(60.0, battery.current_at(57.6, 10.0))
        battery.step(current, 10.0)
        currents.append(current)
    assert currents[0] == 60.0
    tail = currents[360:]
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(tail))
    # What remains in the end is gassing.
    assert tail[-1] == pytest.approx(battery.gassing_current(57.6), rel=0.2)
    assert 0.98 < battery.state_of_charge <= 1.0


def test_charge_is_conserved() -> None:
    battery = LeadAcidBattery(state_of_charge=0.5)
    moved = 0.0
    for index in range(2000):
        current = 40.0 if index % 3 else -25.0
        battery.step(current, 10.0)
        moved += current * 10.0 / 3600
    assert battery.state_of_charge * 400 == pytest.approx(200 + moved - battery.gassing_ah)


def test_half_the_voltage_has_half_the_numbers() -> None:
    full, half = LeadAcidBattery(48.0), LeadAcidBattery(24.0)
    for _ in range(100):
        full.step(30.0, 10.0)
        half.step(30.0, 10.0)
    assert half.voltage == pytest.approx(full.voltage / 2)
    assert half.state_of_charge == pytest.approx(full.state_of_charge)


def test_discharge_lowers_and_rest_recovers() -> None:
    battery = LeadAcidBattery(state_of_charge=0.7)
    rest = battery.voltage
    battery.step(-50.0, 10.0)
    loaded = battery.voltage
    for _ in range(60):
        battery.step(-50.0, 10.0)
    assert battery.voltage < loaded < rest
    low = battery.voltage
    for _ in range(360):
        battery.step(0.0, 10.0)
    assert low < battery.voltage < rest


# Energy


@pytest.mark.parametrize("weather", ["clear", "cloudy", "mixed"])
def test_powers_and_energies_balance(weather: str) -> None:
    model = ChargerModel(seed=5, weather=weather, state_of_charge=35.0)  # type: ignore[arg-type]
    for _ in range(3 * 144):
        model.step(600.0)
        assert model.pv_power <= model.pv_available + 1e-6
        assert min(model.charge_current, model.discharge_current) == 0.0
        assert model.losses >= -1e-6
    into = model.solar_energy + model.grid_energy + model.discharge_energy
    out = model.load_energy + model.charge_energy + model.loss_energy
    assert into == pytest.approx(out, rel=1e-9)
    change = model.battery.state_of_charge * 400 - 0.35 * 400
    assert change == pytest.approx(model.charge_ah - model.discharge_ah - model.battery.gassing_ah, abs=1e-6)


def test_empty_battery_gives_the_loads_to_the_grid_or_switches_them_off() -> None:
    on_grid = ChargerModel(weather="clear", state_of_charge=2.0, solar_peak=0.0, recharge_voltage=48.0)
    on_grid.step(3600)
    assert (on_grid.mode, on_grid.discharge_current) == ("L", 0.0)
    assert on_grid.grid_power == on_grid.load_power > 0
    alone = ChargerModel(weather="clear", state_of_charge=2.0, solar_peak=0.0, cutoff_voltage=48.0, grid=False)
    alone.step(3600)
    assert (alone.mode, alone.load_power, alone.grid_power) == ("S", 0.0, 0.0)


# The charger


def test_limits_are_held() -> None:
    model = ChargerModel(seed=2, weather="mixed", max_charge_current=30.0, float_voltage=53.5)
    for _ in range(4 * 8640):
        model.step(10.0)
        assert model.charge_current <= 30.0 + 1e-9
        assert model.battery_voltage <= model.bulk_voltage + 0.01
    assert {day.date.day for day in model.days} == {1, 2, 3, 4}


def test_float_holds_the_lower_of_both_voltages() -> None:
    model = ChargerModel(weather="clear", fault_seconds=None, load_scale=0.0, float_voltage=53.0)
    model.step(DAY + 15 * 3600)
    assert model.stage == "float"
    assert model.battery_voltage == pytest.approx(53.0, abs=0.05)
    model.float_voltage = 57.6
    model.step(600)
    assert model.battery_voltage == pytest.approx(57.6, abs=0.05)
    model.bulk_voltage = 56.0
    model.step(1800)
    assert model.target_voltage == 56.0
    assert model.battery_voltage == pytest.approx(56.0, abs=0.05)
    assert model.today.float_writes == 1


@pytest.mark.parametrize("seconds", FAULT_VARIANTS.values())
def test_cloud_with_a_load_ends_bulk_before_the_voltage_is_reached(seconds: float) -> None:
    model = _in_the_morning(fault_seconds=seconds, state_of_charge=40.0)
    assert model.stage == "bulk"
    assert model.charge_current > model.max_charge_current / 5
    voltage = model.battery_voltage
    model.solar_peak = 500.0
    model.step(seconds - 10.0)
    assert model.stage == "bulk"
    model.step(20.0)
    assert model.stage == "float"
    assert voltage < model.bulk_voltage - 1.0
    assert model.premature_floats_today == 1
    # The sun comes back, and the day is lost all the same.
    model.solar_peak = 4000.0
    model.step(5 * 3600)
    assert model.stage == "float"
    assert model.battery_voltage <= 54.01
    assert not model.absorption_completed_today


def test_short_cloud_starts_the_count_anew() -> None:
    model = _in_the_morning(fault_seconds=600.0, state_of_charge=40.0)
    for _ in range(5):
        model.solar_peak = 500.0
        model.step(500.0)
        model.solar_peak = 4000.0
        model.step(60.0)
    assert model.stage == "bulk"
    assert model.premature_floats_today == 0


def test_charger_without_the_fault_waits_for_its_voltage() -> None:
    model = _in_the_morning(fault_seconds=None, state_of_charge=40.0)
    model.solar_peak = 500.0
    model.step(2 * 3600)
    assert model.stage == "bulk"
    assert model.premature_floats_today == 0


def test_sunrise_counts_only_for_a_firmware_without_arming() -> None:
    armed, bare = (ChargerModel(weather="clear", load_scale=0.0, arming=arming) for arming in (True, False))
    for model in (armed, bare):
        model.step(7.5 * 3600)
    assert (armed.stage, armed.premature_floats_today) == ("bulk", 0)
    assert (bare.stage, bare.premature_floats_today) == ("float", 1)


def test_cv_time_runs_from_half_a_volt_below_and_also_below_that() -> None:
    model = _in_the_morning(cv_minutes=60.0, state_of_charge=60.0)
    while model.battery_voltage < model.bulk_voltage - 0.5:
        model.step(10.0)
    started = model.now
    model.step(120.0)
    model.solar_peak = 500.0
    while model.stage != "float":
        model.step(10.0)
        assert (model.now - started).total_seconds() < 4000
    assert 3580 <= (model.now - started).total_seconds() <= 3620
    assert model.battery_voltage < model.bulk_voltage - 0.5


def test_restart_begins_a_new_charge() -> None:
    model = _in_the_morning(fault_seconds=50.0, state_of_charge=40.0)
    model.solar_peak = 500.0
    model.step(120.0)
    assert model.stage == "float"
    model.solar_peak = 4000.0
    model.restart()
    model.step(20.0)
    assert model.stage == "bulk"


# Thirty days


@pytest.mark.parametrize("seconds", [None, *FAULT_VARIANTS.values()])
def test_float_at_absorption_voltage_completes_every_clear_day(seconds: float | None) -> None:
    model = ChargerModel(seed=3, weather="clear", fault_seconds=seconds, float_voltage=57.6)
    model.step(10 * DAY)
    assert len(model.days) == 10
    # The first day begins with a battery at 70 %.
    assert all(day.absorption_completed for day in model.days[1:])
    assert all(day.absorption_seconds > 3600 for day in model.days[1:])


def test_fault_costs_absorption_time_in_the_order_of_the_variants() -> None:
    seconds_at_voltage = {}
    for name, seconds in [("none", None), *FAULT_VARIANTS.items()]:
        model = ChargerModel(seed=3, weather="mixed", fault_seconds=seconds, float_voltage=53.0, max_charge_current=40)
        model.step(10 * DAY)
        seconds_at_voltage[name] = sum(day.absorption_seconds for day in model.days)
        assert (sum(day.premature_floats for day in model.days) > 0) is (seconds is not None)
    assert seconds_at_voltage["quick"] <= seconds_at_voltage["older"] < seconds_at_voltage["newer"]
    assert seconds_at_voltage["newer"] < seconds_at_voltage["none"]


def test_same_seed_same_days_however_time_is_sliced() -> None:
    coarse, fine, other = (ChargerModel(seed=seed, weather="mixed") for seed in (7, 7, 8))
    coarse.step(2 * DAY)
    other.step(2 * DAY)
    for _ in range(2 * 86400 // 27):
        fine.step(27.0)
    fine.step(2 * DAY % 27)
    assert fine.now == coarse.now
    assert fine.battery_voltage == coarse.battery_voltage
    assert fine.days == coarse.days
    assert other.days != coarse.days


def test_clock_moves_the_model_only_with_a_speed() -> None:
    now = 0.0
    still, moving = (ChargerModel(speed=speed, clock=lambda: now) for speed in (0.0, 60.0))
    begun = still.now
    now = 10.0
    still.catch_up()
    moving.catch_up()
    assert still.now == begun
    assert (moving.now - begun).total_seconds() == 600


def test_unknown_weather_is_refused() -> None:
    with pytest.raises(ValueError, match="clear, cloudy, mixed"):
        ChargerModel(weather="stormy")  # type: ignore[arg-type]
