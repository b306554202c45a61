"""Runs everything and prints tables in Markdown: ``python -m benchmarks.studer [--rounds N]``."""

import argparse
import logging
import sys
from collections.abc import Sequence

from .contenders import CONTENDERS, Wanted, default_set, sized_set
from .stall import CLIENTS, stalls

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
    measured = {client: stalls(client) for client in CLIENTS}
    print("\nLongest stall of the event loop in milliseconds, polling without a rest\n")
    print(f"| meanwhile | {' | '.join(measured)} |")
    print(f"|---|{'--:|' * len(measured)}")
    for phase in measured["Local Solar"] or {}:
        row = [f"{own[phase] * 1000:.1f}" if own else "not installed" for own in measured.values()]
        print(f"| {phase} | {' | '.join(row)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
