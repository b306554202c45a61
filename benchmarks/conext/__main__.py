"""Runs everything and prints tables in Markdown: ``python -m benchmarks.conext [--rounds N]``."""

import argparse
import logging
import sys
from collections.abc import Sequence

from . import contenders, decoding
from .contenders import Cycles
from .values import WANTED

OUR_GAP = 0.1
"""Pause between requests that our client makes, s."""


def _row(name: str, cycles: Cycles, ours: Cycles) -> None:
    ratio = cycles.typical / ours.typical
    print(f"| {name} | {cycles.values} | {cycles.exchanges:g} | {cycles.typical:.2f} | {ratio:.1f} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conext", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="cycles to measure for each client (5)")
    rounds = max(1, parser.parse_args(arguments).rounds)
    logging.disable(logging.CRITICAL)
    live = [each for each in WANTED if each.live]
    for title, wanted in (("all values", list(WANTED)), ("live values", live)):
        print(f"\nXW and two MPPT 60, {title} (median of {rounds})\n")
        print("| client | values | exchanges | seconds | times ours |")
        print("|---|--:|--:|--:|--:|")
        ours = contenders.ours(wanted, rounds)
        _row("Local Solar", ours, ours)
        _row("one value per request", contenders.one_by_one(wanted, rounds), ours)
        _row(f"one value per request, {OUR_GAP:g} s apart", contenders.one_by_one(wanted, rounds, OUR_GAP), ours)
    decoding.print_table()
    return 0


if __name__ == "__main__":
    sys.exit(main())
