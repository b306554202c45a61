"""The benchmark's own part: the simulated house behaves as its description says, and the rules can live in it."""

from collections.abc import Callable
from random import Random

import pytest

from benchmarks.feed_in.dtu import Dtu, Status
from benchmarks.feed_in.inverters import STEPS_PER_SECOND, Inverter
from benchmarks.feed_in.loads import load
from benchmarks.feed_in.ours import Ours
from benchmarks.feed_in.plant import CAP_MARGIN, Conditions, Figures, Plant, Rule, View
from benchmarks.feed_in.reference import LAST_COLUMN, judge
from benchmarks.feed_in.runs import PEERS, mean
from benchmarks.feed_in.scenarios import SCENARIOS

SECONDS = 480


class Nobody:
    """Leaves every limit where it is."""

    def look(self, now: float, view: View) -> None:
        """Do nothing."""


class AllOn:
    """Raises everything once, whatever the cap."""

    def look(self, now: float, view: View) -> None:
        """Send 100 % to every inverter after a second."""
        if now == 1.0:
            for inverter in range(len(view.conditions.rated)):
                view.send(inverter, 100.0)


def _dtu(loss: float) -> tuple[Dtu, list[Inverter]]:
    inverters = [Inverter(400.0, 1.0, 2.0, tau=1.5), Inverter(300.0, 1.0, 2.0, tau=1.5)]
    return Dtu(inverters, 2.0, loss=loss, dead_time=(2.0, 2.0), rng=Random(1)), inverters


def _until(dtu: Dtu, inverters: list[Inverter], begin: int, done: Callable[[], bool]) -> int:
    for now in range(begin, begin + 60 * STEPS_PER_SECOND):
        for inverter in inverters:
            inverter.step(now)
        dtu.step(now)
        if done():
            return now
    raise AssertionError("never")


def test_inverter_waits_then_follows() -> None:
    inverter = Inverter(400.0, 0.98, 10.0, tau=1.5)
    inverter.take(50.0, effective=20)
    before = [inverter.step(now) for now in range(1, 20)]
    after = [inverter.step(now) for now in range(20, 120)]
    assert before == [pytest.approx(39.2)] * 19
    assert after[14] == pytest.approx(39.2 + (1 - 0.3679) * 156.8, abs=0.1), "one time constant"
    assert after[-1] == pytest.approx(196.0, abs=0.5)


def test_slow_inverter_moves_at_its_rate() -> None:
    inverter = Inverter(400.0, 1.0, 10.0, tau=1.5, slew=0.5)
    inverter.take(50.0, effective=0)
    outputs = [inverter.step(now) for now in range(1, 301)]
    assert outputs[99] == pytest.approx(60.0)
    assert outputs[299] == pytest.approx(100.0)


def test_acknowledged_limit_takes_effect_after_the_dead_time() -> None:
    dtu, inverters = _dtu(loss=0.0)
    dtu.post(0, 50.0)
    assert dtu.status[0] is Status.PENDING
    heard = _until(dtu, inverters, 1, lambda: dtu.status[0] is Status.OK)
    assert dtu.reported == [50.0, 2.0]
    moved = _until(dtu, inverters, heard + 1, lambda: inverters[0].output > 8.0)
    assert moved - heard == 2 * STEPS_PER_SECOND


def test_newer_limit_replaces_one_that_waits() -> None:
    dtu, inverters = _dtu(loss=0.0)
    dtu.step(0)
    for percent in (90.0, 50.0, 20.0):
        dtu.post(0, percent)
    _until(dtu, inverters, 1, lambda: dtu.status[0] is Status.OK)
    _until(dtu, inverters, 40, lambda: abs(inverters[0].output - 80.0) < 0.1)
    assert inverters[0].goal == pytest.approx(80.0)
    assert dtu.posts == 3


def test_lost_limit_fails_and_is_sent_again_at_its_turn() -> None:
    dtu, inverters = _dtu(loss=1.0)
    dtu.post(0, 50.0)
    failed = _until(dtu, inverters, 1, lambda: dtu.status[0] is Status.FAILURE)
    assert failed >= 10 * STEPS_PER_SECOND
    again = _until(dtu, inverters, failed + 1, lambda: dtu.status[0] is Status.PENDING)
    _until(dtu, inverters, again + 1, lambda: dtu.status[0] is Status.FAILURE)
    assert dtu.reported[0] == 2.0
    assert inverters[0].output == pytest.approx(8.0)


def test_inverters_are_asked_in_turn() -> None:
    dtu, inverters = _dtu(loss=0.0)
    _until(dtu, inverters, 0, lambda: all(dtu.samples))
    first, second = dtu.samples
    assert first is not None
    assert second is not None
    assert (first.watts, second.watts) == (8.0, 6.0)
    assert first.ts < 1.6
    assert second.ts > 5.2


def test_load_is_the_same_for_the_same_seed_and_has_the_described_noise() -> None:
    watts = load("calm", SECONDS, seed=1)
    assert watts == load("calm", SECONDS, seed=1) != load("calm", SECONDS, seed=2)
    quiet = watts[: 290 * STEPS_PER_SECOND]
    middle = sum(quiet) / len(quiet)
    assert middle == pytest.approx(190.0, abs=4.0)
    assert (sum((each - middle) ** 2 for each in quiet) / len(quiet)) ** 0.5 == pytest.approx(7.0, abs=1.5)
    assert watts[320 * STEPS_PER_SECOND] - middle == pytest.approx(95.0, abs=25.0)


def test_figures_of_a_house_that_nobody_governs() -> None:
    load_watts = [300.0] * (180 * STEPS_PER_SECOND + 1)
    plant = Plant(Conditions(gain_error=0.0), seed=1)
    figures = plant.run(Nobody(), load_watts)
    hours = 60 / 3600
    assert figures.rms == pytest.approx(280.0 - 22.0)
    assert figures.export == figures.commands == figures.violation == 0.0
    assert figures.avoidable == pytest.approx((300.0 - 22.0 - 20.0) * hours, rel=0.01)


def test_figures_show_export_and_a_broken_cap() -> None:
    load_watts = [300.0] * (180 * STEPS_PER_SECOND + 1)
    figures = Plant(Conditions(gain_error=0.0), seed=1).run(AllOn(), load_watts)
    assert figures.export == pytest.approx((1100.0 - 300.0) * 60 / 3600, rel=0.01)
    assert figures.violation > 150.0


def test_ours_follows_the_load_and_repeats_itself() -> None:
    watts = load("steps", SECONDS, seed=1)
    first, again = Plant(Conditions(), seed=1), Plant(Conditions(), seed=1)
    ours = Ours(first.view)
    figures = first.run(ours, watts)
    assert again.run(Ours(again.view), watts) == figures
    assert again.view.log == first.view.log != []
    assert figures.violation == 0.0
    assert first.delivered == pytest.approx(170.0, abs=40.0)
    idle = Plant(Conditions(), seed=1).run(Nobody(), watts)
    assert figures.rms < 0.4 * idle.rms
    assert all(2.0 <= percent <= 100.0 for _, _, percent in first.view.log)
    assert ours.events.calls > SECONDS


def test_ours_stays_under_the_cap_when_the_load_asks_for_more() -> None:
    conditions = Conditions()
    plant = Plant(conditions, seed=2)
    figures = plant.run(Ours(plant.view), [2000.0] * (SECONDS * STEPS_PER_SECOND + 1))
    assert figures.violation == 0.0
    assert 0.95 * conditions.cap < plant.delivered < CAP_MARGIN * conditions.cap


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_follows_the_load(name: str) -> None:
    watts = load("steps", SECONDS, seed=1)
    plant = Plant(Conditions(), seed=1)
    peer: Rule = PEERS[name]()
    figures = plant.run(peer, watts)
    assert figures.commands > 0.0
    assert figures.rms < 0.5 * Plant(Conditions(), seed=1).run(Nobody(), watts).rms
    assert all(2.0 <= percent <= 100.0 for _, _, percent in plant.view.log)


def test_every_scenario_is_judged_and_only_worse_figures_fail() -> None:
    assert [each.name for each in SCENARIOS] == list(LAST_COLUMN)
    best = LAST_COLUMN["steps"]
    better = Figures(best.rms / 2, best.export / 2, best.avoidable / 2, best.commands / 2, 0.0)
    worse = Figures(best.rms * 1.09, best.export * 1.11, best.avoidable * 1.11, best.commands * 1.11, 0.0)
    assert all(each.met for each in judge("steps", better))
    assert not any(each.met for each in judge("steps", worse))


def test_mean_keeps_the_longest_time_above_the_cap() -> None:
    one, other = Figures(1.0, 2.0, 3.0, 4.0, 0.0), Figures(3.0, 4.0, 5.0, 6.0, 7.0)
    assert mean([one, other]) == Figures(2.0, 3.0, 4.0, 5.0, 7.0)
