"""Runs everything and prints tables in Markdown: ``python -m benchmarks.studer [--rounds N]``."""

import argparse
import logging
import sys
from collections.abc import Sequence

from .contenders import CONTENDERS, default_set
from .stall import stalls


def _table(settings: bool, rounds: int) -> None:
    wanted = default_set(settings=settings)
    what = "values and settings: the first cycle" if settings else "values without settings: every other cycle"
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
    for settings in (False, True):
        _table(settings, rounds)
    print("\nLongest stall of the event loop with Local Solar, polling without a rest\n")
    print("| meanwhile | milliseconds |")
    print("|---|--:|")
    for phase, seconds in stalls().items():
        print(f"| {phase} | {seconds * 1000:.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
