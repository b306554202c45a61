"""Micro-inverters in the simulated house: balance, how they follow a limit, and what a meter shows of it."""

from datetime import datetime, timedelta

import pytest

from simulators.house import FINE_STEP_SECONDS, House
from simulators.micro_inverters import EFFICIENCY, RESTART_SECONDS, MicroInverter, Response

NIGHT = datetime(2026, 6, 15, 1)  # noqa: DTZ001 - a wall clock has no zone


def _house(*inverters: MicroInverter, start: datetime | None = None, settled: bool = True) -> House:
    house = House(1, speed=0) if start is None else House(1, speed=0, start=start)
    house.settings.inverter_allowed = house.settings.charger_allowed = False
    for inverter in inverters:
        if settled:
            inverter.settle()
        house.micro_inverters.append(inverter)
    return house


def _exact(**options: float) -> MicroInverter:
    return MicroInverter(400, response=Response(dead_time=(2.0, 2.0), **options))


def test_balance_holds_in_every_fine_step() -> None:
    house = _house(MicroInverter(400), MicroInverter(600, source="panel", peak=700, lean=-1.0))
    house.settings.inverter_allowed = house.settings.charger_allowed = True
    for step in range(3000):
        house.advance(FINE_STEP_SECONDS)
        given = house.solar_power + house.micro_solar_power + house.grid.power + house.battery.power
        assert given == pytest.approx(house.load_power + house.losses), step
        assert house.grid.power == pytest.approx(house.load_power - house.inverter_output - house.micro_output)
        assert house.losses > 0
    assert house.micro_inverters[1].output > 50


def test_energies_add_up() -> None:
    inverter = _exact()
    house = _house(inverter, start=NIGHT)
    counters = house.counters
    names = ("load", "losses", "grid_import", "grid_export", "battery_charge", "battery_discharge", "solar")
    before = {name: getattr(counters, name).total for name in names}
    house.advance(600)
    inverter.set_limit(80, house.elapsed)
    house.advance(1200)
    more = {name: getattr(counters, name).total - before[name] for name in names}
    given = more["solar"] + more["grid_import"] + more["battery_discharge"]
    assert given == pytest.approx(more["load"] + more["losses"] + more["grid_export"] + more["battery_charge"])
    # What the battery gave: the inverter's energy and what the big inverter needs to stand by.
    assert more["battery_discharge"] == pytest.approx(inverter.energy_total / EFFICIENCY + 32 * 0.5 / 1000, rel=1e-6)
    assert inverter.energy_total == pytest.approx((400 * 602 + 80 * 1198 + 320 * 1.5) / 3_600_000, rel=0.001)


def test_same_house_however_time_is_sliced() -> None:
    def picture(slices: int) -> tuple[float, ...]:
        house = _house(_exact(), MicroInverter(300, source="panel", peak=300))
        house.extra_load = lambda seconds: 700.0 if seconds % 17 < 7 else 0.0
        for _ in range(slices):
            house.advance(600 / slices)
        return house.elapsed, house.grid.power, house.battery.soc, house.counters.grid_export.total

    assert picture(1) == picture(240) == picture(6000) == picture(7000)


def test_a_house_without_micro_inverters_keeps_its_steps() -> None:
    house = House(1, speed=0)
    house.advance(1.9)
    assert house.elapsed == 0
    house.advance(0.1)
    assert house.elapsed == house.step_seconds == 2
    assert house.grid_power_now() == house.grid_power_mean() == house.grid_power_mean(2.0) == house.grid.power
    house.micro_inverters.append(_exact())
    house.advance(0.1)
    assert house.elapsed == pytest.approx(2.1)


def test_dead_time_and_first_order() -> None:
    inverter = _exact(time_constant=1.5)
    house = _house(inverter)
    house.advance(2)
    inverter.set_limit(100, house.elapsed)
    house.advance(1.9)
    assert (inverter.limit, inverter.output) == (400, 400)
    assert inverter.commanded == 100
    house.advance(0.1 + 1.5)
    assert inverter.limit == 100
    # After the time constant 37 % of the way are left; the first of the steps is done with the dead time's end.
    assert inverter.output == pytest.approx(100 + 300 * 0.344, abs=2)
    house.advance(10)
    assert inverter.output == pytest.approx(100, abs=1)


def test_dead_times_are_drawn_from_the_inverters_own_seed() -> None:
    def dues(seed: int) -> list[float]:
        inverter = MicroInverter(400, seed=seed)
        house = _house(inverter)
        found = []
        for limit in (100, 300, 120, 260):
            at = house.elapsed
            inverter.set_limit(limit, at)
            while inverter.limit != limit:
                house.advance(FINE_STEP_SECONDS)
            found.append(round(house.elapsed - at, 1))
        return found

    assert dues(1) == dues(1) != dues(2)
    assert all(1.0 <= due <= 3.1 for due in dues(1) + dues(2))


def test_firmware_of_2020_moves_its_limit_slowly() -> None:
    inverter = _exact(slew=0.005)
    house = _house(inverter, MicroInverter(300))
    house.advance(2)
    inverter.set_limit(200, house.elapsed)
    house.advance(52)
    # 2 W in a second, from the end of the dead time on.
    assert inverter.limit == pytest.approx(300, abs=1)
    assert inverter.output == pytest.approx(300, abs=1)
    house.advance(60)
    assert inverter.output == pytest.approx(200)


def test_a_slow_limit_far_above_the_output_changes_nothing_for_long() -> None:
    inverter = MicroInverter(400, source="panel", peak=150, response=Response(dead_time=(1, 1), slew=0.005))
    house = _house(inverter)
    house.advance(10)
    output = inverter.output
    assert 20 < output < 150
    inverter.set_limit(20, house.elapsed)
    house.advance(60)
    assert inverter.limit == pytest.approx(400 - 2 * 59, abs=1)
    assert inverter.output > 0.8 * output
    house.advance(140)
    assert inverter.output == pytest.approx(20)


def test_limits_in_flight_work_in_their_order() -> None:
    inverter = MicroInverter(400, response=Response(dead_time=(1.0, 3.0), time_constant=0))
    house = _house(inverter)
    house.advance(2)
    for limit in (350, 250, 150):
        inverter.set_limit(limit, house.elapsed)
    seen = []
    for _ in range(40):
        house.advance(FINE_STEP_SECONDS)
        seen.append(inverter.limit)
    assert sorted(seen, reverse=True) == seen
    assert seen[-1] == 150


@pytest.mark.parametrize(("limit", "taken"), [(-5, 0), (900, 400)])
def test_limits_beyond_the_inverter(limit: float, taken: float) -> None:
    inverter = _exact(time_constant=0)
    inverter.set_limit(10, 0)
    inverter.set_limit(limit, 0)
    house = _house(inverter)
    house.advance(5)
    assert inverter.limit == inverter.output == taken


def test_a_panel_sleeps_at_night_and_loses_its_temporary_limit() -> None:
    inverter = MicroInverter(400, source="panel", peak=420, energy_today=1.5)
    house = _house(inverter)
    inverter.set_limit(100, 0, persistent=True)
    inverter.set_limit(40, 0)
    house.advance(60)
    assert inverter.output == pytest.approx(40)
    house.advance(13 * 3600)
    assert (inverter.awake, inverter.output, inverter.limit) == (False, 0, 40)
    assert inverter.energy_today > 1.5
    house.advance(10 * 3600)
    assert (inverter.awake, inverter.limit, inverter.flash_writes, inverter.starts) == (True, 100, 1, 1)
    assert 0 < inverter.energy_today < 0.5


def test_a_restart_takes_its_time_and_the_switch_keeps_the_limit() -> None:
    inverter = _exact()
    house = _house(inverter)
    inverter.set_limit(200, house.elapsed)
    house.advance(20)
    inverter.switch(on=False)
    house.advance(5)
    assert (inverter.output, inverter.limit) == (0, 200)
    inverter.switch(on=True)
    house.advance(20)
    assert inverter.output == pytest.approx(200, abs=1)
    inverter.restart(house.elapsed)
    house.advance(RESTART_SECONDS - 1)
    assert inverter.output == 0
    house.advance(20)
    assert inverter.output == pytest.approx(400, abs=1)


def test_unused_inputs_waste_their_share_unless_it_is_shared() -> None:
    split = MicroInverter(1500, inputs=4, used_inputs=3)
    shared = MicroInverter(2000, inputs=4, used_inputs=3, shares_power=True)
    house = _house(split, shared)
    for inverter in (split, shared):
        inverter.set_limit(600, 0)
    house.advance(60)
    assert split.output == pytest.approx(450)
    assert shared.output == pytest.approx(600)


def test_an_empty_battery_feeds_nothing_and_wakes_them_up_again() -> None:
    inverter = MicroInverter(400)
    house = _house(inverter, start=NIGHT)
    house.battery.soc = 4.9
    house.advance(4)
    assert (inverter.awake, inverter.output) == (False, 0)
    house.battery.soc = 50
    house.advance(60)
    assert inverter.output == pytest.approx(400, abs=1)
    assert inverter.starts == 1


def test_no_grid_no_feeding() -> None:
    inverter = MicroInverter(400)
    house = _house(inverter)
    house.grid.connected = False
    house.advance(2)
    assert (inverter.output, house.grid.power) == (0, 0)


def test_scripted_loads_and_the_mean_of_the_meter() -> None:
    house = _house(MicroInverter(300))
    house.advance(100)
    before = house.grid_power_now()
    house.extra_load = 1000.0
    house.advance(0.5)
    assert house.grid_power_now() - before == pytest.approx(1000, abs=60)
    assert house.grid_power_mean() - before == pytest.approx(500, abs=60)
    assert house.grid_power_mean(0.5) == pytest.approx(house.grid_power_now(), abs=60)
    assert house.grid_power_mean(5.0) - before == pytest.approx(100, abs=60)
    seen = []

    def load(seconds: float) -> float:
        seen.append(seconds)
        return 0.0

    house.extra_load = load
    house.advance(0.3)
    assert seen == pytest.approx([100.6, 100.7, 100.8])
    assert house.grid_power_now() == pytest.approx(before, abs=60)


def test_fine_watchers_see_every_fine_step() -> None:
    house = _house(MicroInverter(300))
    fine: list[float] = []
    coarse: list[float] = []
    end = house.watch(lambda: fine.append(house.elapsed), fine=True)
    house.watch(lambda: coarse.append(house.elapsed))
    house.advance(4)
    assert fine == pytest.approx([index / 10 for index in range(1, 41)])
    assert coarse == [2, 4]
    end()
    house.advance(1)
    assert len(fine) == 40


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(ValueError, match="wind"):
        MicroInverter(400, source="wind")


@pytest.mark.parametrize("month", [1, 6, 10])
def test_daylight_agrees_with_the_sun(month: int) -> None:
    house = House(1, speed=0, start=datetime(2026, month, 15, 12))  # noqa: DTZ001 - a wall clock has no zone
    rise, fall = house.daylight()
    for moment, light in ((rise, (False, True)), (fall, (True, False))):
        for minutes, bright in zip((-2, 2), light, strict=True):
            house.now = moment + timedelta(minutes=minutes)
            assert (house.sun() > 0) == bright
