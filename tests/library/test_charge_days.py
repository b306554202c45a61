"""The charge manager against the virtual battery, whose charger goes to float too early."""

import pytest

from benchmarks.voltronic.charge import Month, month
from benchmarks.voltronic.rules import ALONE, ALWAYS, POLL_SECONDS, Managed
from custom_components.local_solar.solarlink.control.charge_manager import Mode
from simulators.voltronic.battery import FAULT_VARIANTS, ChargerModel

DAYS = 4
MANAGED = "charge manager"


@pytest.fixture(scope="module")
def possible() -> Month:
    """What the sun of the same days allows."""
    return month("mixed", "older", ALWAYS, days=DAYS)


@pytest.mark.parametrize("firmware", FAULT_VARIANTS)
def test_every_charge_is_finished_that_the_sun_allows(firmware: str, possible: Month) -> None:
    managed = month("mixed", firmware, MANAGED, days=DAYS)
    assert managed.completed == possible.completed > 0.0
    assert managed.most_writes == 2
    assert managed.absorption_hours < 0.8 * possible.absorption_hours
    assert managed.raised_hours < 14.0


def test_the_charger_alone_does_not_finish(possible: Month) -> None:
    assert month("mixed", "older", ALONE, days=DAYS).completed < possible.completed


def test_lost_answers_cost_nothing() -> None:
    good, bad = (month("clear", "quick", MANAGED, days=2, lost=lost) for lost in (0.0, 0.05))
    assert good.completed == bad.completed == 1.0
    assert bad.most_writes == 2


@pytest.mark.parametrize("hour", range(6, 22, 2))
def test_after_a_kill_at_any_time_the_day_ends_as_it_should(hour: int) -> None:
    """Killed for half an hour, and once more; after the day the float voltage is the owner's."""
    charger = ChargerModel(seed=3, weather="clear", fault_seconds=FAULT_VARIANTS["older"])
    keeper = Managed(charger)
    for seconds in range(0, 24 * 3600, POLL_SECONDS):
        charger.step(POLL_SECONDS)
        away = seconds - hour * 3600
        if 0 <= away < 1800:
            continue
        if away in {1800, 5400}:
            keeper.restart(float(seconds))
        else:
            keeper.look(float(seconds))
    assert charger.today.absorption_completed or charger.days[0].absorption_completed
    assert charger.float_voltage == keeper.real_float
    assert keeper.state.mode in {Mode.IDLE, Mode.FLOAT}
    assert sum(day.float_writes for day in (*charger.days, charger.today)) == 2


def test_an_orderly_stop_at_noon_restores() -> None:
    charger = ChargerModel(seed=3, weather="clear")
    keeper = Managed(charger)
    for seconds in range(0, 10 * 3600, POLL_SECONDS):
        charger.step(POLL_SECONDS)
        keeper.look(float(seconds))
    assert charger.float_voltage == keeper.absorption
    keeper.stop(10 * 3600.0)
    assert (charger.float_voltage, keeper.state.mode) == (keeper.real_float, Mode.OFF)
