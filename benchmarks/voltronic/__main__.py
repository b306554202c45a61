"""Runs everything and prints tables in Markdown: ``python -m benchmarks.voltronic [--rounds N] [--days N]``."""

import argparse
import logging
import sys
from collections.abc import Sequence

from . import charge, cycles, decoding

PROFILES = {"mks_48v_parallel": "PI30", "max_8k_48v": "PI30MAX"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.voltronic", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="cycles to measure for each client (5)")
    parser.add_argument("--days", type=int, default=charge.DAYS, help=f"simulated days ({charge.DAYS})")
    parser.add_argument("--seed", type=int, default=1, help="seed of weather, loads and lost answers (1)")
    given = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    for profile, family in PROFILES.items():
        cycles.print_table(profile, family, max(1, given.rounds))
    decoding.print_table()
    charge.print_tables(max(1, given.days), given.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
