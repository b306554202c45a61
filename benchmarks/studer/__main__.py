"""Runs everything and prints tables in Markdown: ``python -m benchmarks.studer [--rounds N]``."""

import argparse
import logging
import sys
from collections.abc import Sequence

from .contenders import CONTENDERS, Wanted, default_set, sized_set
from .stall import stalls

FORUM_SCRIPT = 33
"""Values that the forum script reads."""
MANY = 150


def _table(wanted: list[Wanted], what: str, rounds: int) -> None:
    print(f"\n{len(wanted)} {what} (median of {rounds})\n")
    print("| client | values | exchanges | seconds | times ours |")
    print("|---|--:|--:|--:|--:|")
    own = 0.0
    for contender in CONTENDERS:
        cycles = contender.measure(wanted, rounds)
        if cycles is None:
            print(f"| {contender.name} | not installed | | | |", flush=True)
            continue
        own = own or cycles.typical
        numbers = f"{cycles.values} | {cycles.exchanges:g} | {cycles.typical:.2f} | {cycles.typical / own:.1f}"
        print(f"| {contender.name} | {numbers} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.studer", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="cycles to measure for each client (5)")
    rounds = max(1, parser.parse_args(arguments).rounds)
    logging.disable(logging.CRITICAL)
    _table(sized_set(FORUM_SCRIPT), "values, as many as the forum script reads", rounds)
    _table(default_set(settings=False), "values that are shown from the start: every cycle but the first", rounds)
    _table(default_set(settings=True), "values and settings that are shown from the start: the first cycle", rounds)
    _table(sized_set(MANY), "values, most of them from the catalogue", rounds)
    print("\nLongest stall of the event loop with Local Solar, polling without a rest\n")
    print("| meanwhile | milliseconds |")
    print("|---|--:|")
    for phase, seconds in stalls().items():
        print(f"| {phase} | {seconds * 1000:.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
