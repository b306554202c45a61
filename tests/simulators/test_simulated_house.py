"""The simulated house: balance, days, determinism, and the effect of its settings."""

from datetime import datetime

import pytest

from simulators.house import House


def _clock(*parts: int) -> datetime:
    """Return a wall clock reading, which has no zone."""
    year, month, day, hour, minute, second = (*parts, 0, 0, 0)[:6]
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001


def _picture(house: House) -> tuple[object, ...]:
    return (
        house.now,
        house.solar_power,
        house.load_power,
        house.battery.soc,
        house.counters.load.total,
        house.grid.power,
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_power_balance_and_plausible_losses(seed: int) -> None:
    house = House(seed, speed=0)
    house.settings.grid_feeding_allowed = seed == 2
    for minute in range(2 * 24 * 30):
        house.advance(120)
        battery = house.battery
        given = house.solar_power + house.grid.power + battery.power
        assert given == pytest.approx(house.load_power + house.losses), minute
        assert 0 < house.losses < 0.2 * 8000
        assert 0 <= battery.soc <= 100
        assert 40 < battery.voltage < 60
        assert battery.power == pytest.approx(battery.current * battery.voltage, rel=0.05, abs=1)
        assert house.solar_power >= 0


def test_energy_balance_of_a_day() -> None:
    house = House(5, speed=0, start=_clock(2026, 3, 3))
    house.settings.grid_feeding_allowed = True
    house.advance(24 * 3600)
    day = house.counters
    given = day.solar.yesterday + day.grid_import.yesterday + day.battery_discharge.yesterday
    taken = day.load.yesterday + day.losses.yesterday + day.grid_export.yesterday + day.battery_charge.yesterday
    assert given == pytest.approx(taken, abs=1e-6)
    assert day.load.yesterday > 5
    assert sum(array.energy.yesterday for array in house.arrays) == pytest.approx(day.solar.yesterday)


def test_counters_reset_at_midnight() -> None:
    house = House(1, speed=0, start=_clock(2026, 6, 15, 23, 59, 50))
    today = house.counters.load.today
    total = house.counters.load.total
    assert today > 1
    house.advance(20)
    assert house.now == _clock(2026, 6, 16, 0, 0, 10)
    assert house.counters.load.today < 0.1
    assert house.counters.load.yesterday == pytest.approx(today, abs=0.1)
    assert house.counters.load.total > total


def test_same_seed_same_house_however_time_is_sliced() -> None:
    one, other = House(4, speed=0), House(4, speed=0)
    one.advance(3600)
    for _ in range(720):
        other.advance(5)
    assert _picture(one) == _picture(other)
    third = House(5, speed=0)
    third.advance(3600)
    assert _picture(one) != _picture(third)


def test_speed_compresses_time() -> None:
    seconds = 100.0
    house = House(1, speed=60, clock=lambda: seconds)
    before = house.now
    seconds += 10
    house.catch_up()
    assert (house.now - before).total_seconds() == 600


def test_night_has_no_sun_and_noon_has() -> None:
    assert House(1, speed=0, start=_clock(2026, 6, 15, 1)).solar_power == 0
    assert House(1, speed=0, start=_clock(2026, 6, 15, 12)).solar_power > 100


def test_low_battery_charges_from_the_grid_within_the_limit() -> None:
    house = House(1, speed=0, start=_clock(2026, 1, 15, 2))
    house.battery.soc = 15
    house.settings.grid_charge_current = 40
    house.advance(10)
    assert house.grid.power > house.load_power
    assert house.battery.current == pytest.approx(-40, rel=0.1)


def test_boost_limit_leaves_the_loads_to_the_grid() -> None:
    house = House(1, speed=0, start=_clock(2026, 1, 15, 2))
    house.battery.soc = 70
    house.advance(10)
    assert house.grid.power < 60 < house.battery.power
    house.settings.boost_limit = 0
    house.advance(10)
    assert house.grid.power == pytest.approx(house.load_power)


def test_outage_feeds_the_loads_from_the_battery() -> None:
    house = House(1, speed=0, start=_clock(2026, 1, 15, 2))
    house.battery.soc = 70
    house.grid.connected = False
    house.advance(10)
    assert house.grid.power == 0
    assert house.load_power > 0
    assert house.battery.power > house.load_power
