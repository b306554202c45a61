"""Every rule in every scenario with every seed, in several processes."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import fmean

from .loads import load
from .ours import Cost, Ours
from .plant import Figures, Plant, Rule
from .rules import FourSeconds, Plain, PowerLimiter, ZeroExport
from .scenarios import SECONDS, Scenario

PEERS: dict[str, Callable[[], Rule]] = {
    "4 s loop": FourSeconds,
    "OnBattery DPL": PowerLimiter,
    "HoymilesZeroExport 10 s": ZeroExport,
    "15 s interval": Plain,
}
OURS = "Local Solar"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one scenario with one seed."""

    figures: dict[str, Figures]
    """By the name of the rule."""
    events: Cost
    learning: Cost
    in_range: bool
    """Whether every limit that we commanded was between the least one and 100 %."""
    repeatable: bool
    """Whether a second run of ours gave the same commands at the same times."""


def run(scenario: Scenario, seed: int, seconds: int = SECONDS) -> Outcome:
    """Let all rules live through the same hours, each in a house of its own; ours twice."""
    watts = load(scenario.load, seconds, seed)
    conditions = scenario.conditions
    figures = {name: Plant(conditions, seed).run(peer(), watts) for name, peer in PEERS.items()}
    first, again = Plant(conditions, seed), Plant(conditions, seed)
    ours = Ours(first.view)
    figures[OURS] = first.run(ours, watts)
    again.run(Ours(again.view), watts)
    return Outcome(
        figures,
        ours.events,
        ours.learning,
        in_range=all(conditions.least_percent <= percent <= 100.0 for _, _, percent in first.view.log),
        repeatable=first.view.log == again.view.log,
    )


def run_all(scenarios: Sequence[Scenario], seeds: Sequence[int], processes: int) -> list[list[Outcome]]:
    """The outcomes of each scenario, one per seed, in the order given."""
    pairs = [(scenario, seed) for scenario in scenarios for seed in seeds]
    with ProcessPoolExecutor(processes) as pool:
        outcomes = list(pool.map(run, *zip(*pairs, strict=True)))
    return [outcomes[start : start + len(seeds)] for start in range(0, len(outcomes), len(seeds))]


def mean(figures: Iterable[Figures]) -> Figures:
    """The mean of several runs; of the time above the cap the longest."""
    every = list(figures)
    return Figures(
        rms=fmean(each.rms for each in every),
        export=fmean(each.export for each in every),
        avoidable=fmean(each.avoidable for each in every),
        commands=fmean(each.commands for each in every),
        violation=max(each.violation for each in every),
    )
