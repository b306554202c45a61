"""Runs everything, prints tables in Markdown and judges ours: ``python -m benchmarks.feed_in [--seeds N ...]``."""

import argparse
import sys
from collections.abc import Sequence

from .ours import Cost
from .plant import Figures
from .reference import LAST_COLUMN, judge
from .runs import OURS, PEERS, Outcome, mean, run_all
from .scenarios import SCENARIOS, SEEDS, Scenario

EVENT_MS = 1.0
SLOW_SHARE = 1e-4
"""Share of the events that may take longer: the garbage collector of Python works in some."""
LEARN_MS = 100.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print; 0 if ours is as good as the reference says, otherwise 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feed_in", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="seeds to take the mean of (1 2 3)")
    parser.add_argument("--processes", type=int, default=2, help="how many simulations at the same time (2)")
    given = parser.parse_args(arguments)
    outcomes = run_all(SCENARIOS, given.seeds, max(1, given.processes))
    means = [{name: mean(each.figures[name] for each in seeds) for name in (*PEERS, OURS)} for seeds in outcomes]
    _print_rules(SCENARIOS, means)
    failed = _print_reference(SCENARIOS, means)
    failed += _print_costs([each for seeds in outcomes for each in seeds])
    print("\nAll of it is met." if not failed else "\nNot met:\n")
    for each in failed:
        print(f"- {each}")
    return 1 if failed else 0


def _written(figures: Figures) -> str:
    numbers = f"{figures.rms:.1f} / {figures.export:.1f} / {figures.avoidable:.1f} / {figures.commands:.0f}"
    return f"{numbers} ({figures.violation:.0f})"


def _print_rules(scenarios: Sequence[Scenario], means: Sequence[dict[str, Figures]]) -> None:
    print("\nRMS W / export Wh / avoidable import Wh / commands per hour (seconds above the cap)\n")
    names = (*PEERS, OURS)
    print(f"| scenario | {' | '.join(names)} |")
    print(f"|---|{'---|' * len(names)}")
    for scenario, figures in zip(scenarios, means, strict=True):
        print(f"| {scenario.name} | {' | '.join(_written(figures[name]) for name in names)} |")


def _print_reference(scenarios: Sequence[Scenario], means: Sequence[dict[str, Figures]]) -> list[str]:
    print("\nOurs and the reference's own core (how much worse, %)\n")
    print(f"| scenario | {OURS} | reference | RMS | export | avoidable import | commands |")
    print("|---|---|---|--:|--:|--:|--:|")
    failed = []
    for scenario, figures in zip(scenarios, means, strict=True):
        ours = figures[OURS]
        judged = list(judge(scenario.name, ours))
        worse = " | ".join(f"{each.worse:+.0%}".rstrip("%") for each in judged)
        print(f"| {scenario.name} | {_written(ours)} | {_written(LAST_COLUMN[scenario.name])} | {worse} |")
        failed += [
            f"{scenario.name}: {each.name} {each.ours:.1f}, reference {each.reference:g}, {each.worse:+.0%}"
            for each in judged
            if not each.met
        ]
        if ours.violation:
            failed.append(f"{scenario.name}: {ours.violation:.1f} s above the cap")
    return failed


def _print_costs(outcomes: Sequence[Outcome]) -> list[str]:
    events, learning = Cost(), Cost()
    for each in outcomes:
        events.merge(each.events)
        learning.merge(each.learning)
    print("\nCPU time of ours\n")
    print("| what | how often | mean ms | most ms |")
    print("|---|--:|--:|--:|")
    print(f"| event | {events.calls} | {events.mean_ms:.4f} | {events.most_ms:.2f} |")
    print(f"| learning the dead time | {learning.calls} | {learning.mean_ms:.1f} | {learning.most_ms:.1f} |")
    failed = []
    if events.mean_ms >= EVENT_MS or events.slow > SLOW_SHARE * events.calls:
        failed.append(f"{events.slow} of {events.calls} events took {EVENT_MS:g} ms or more")
    if learning.most_ms >= LEARN_MS:
        failed.append(f"learning took {learning.most_ms:.0f} ms")
    if not all(each.in_range for each in outcomes):
        failed.append("a command was below the least limit or above 100 %")
    if not all(each.repeatable for each in outcomes):
        failed.append("a second run with the same seed gave other commands")
    return failed


if __name__ == "__main__":
    sys.exit(main())
