"""Runs everything and prints tables in Markdown: ``python -m benchmarks.senec [--rounds N] [--days N]``."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

from . import decoding, integral
from .contenders import PATTERNS, Cycles, Values, others, ours
from .wire import CountedAppliance

PROFILES = {"v2_1_http": "V2.1 with counters", "v3_wallbox": "V3 with a wallbox"}


async def _cycles(profile: str, values: Values, rounds: int) -> None:
    async with CountedAppliance(profile) as appliance:
        own, fields = await ours(appliance, values, rounds)
        print(f"\n{PROFILES[profile]}: {values.value}, {len(fields)} variables of the appliance (median of {rounds})\n")
        print("| client | requests | bytes | seconds | times our requests | times our bytes |")
        print("|---|--:|--:|--:|--:|--:|")
        _row("Local Solar", own, own)
    for name, pattern in PATTERNS.items():
        # A fresh appliance each, because many requests make one slow for a while.
        async with CountedAppliance(profile) as appliance:
            _row(name, await others(appliance, fields, pattern, rounds), own)


def _row(name: str, cycles: Cycles, own: Cycles) -> None:
    numbers = f"{cycles.requests:g} | {cycles.bytes:.0f} | {cycles.seconds:.2f}"
    print(f"| {name} | {numbers} | {cycles.requests / own.requests:.1f} | {cycles.bytes / own.bytes:.1f} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.senec", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="cycles to measure for each client (3)")
    parser.add_argument("--days", type=int, default=3, help="days to sum up energy over (3)")
    given = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    for profile in PROFILES:
        for values in Values:
            asyncio.run(_cycles(profile, values, max(1, given.rounds)))
    decoding.print_tables()
    integral.print_table(max(1, given.days))
    return 0


if __name__ == "__main__":
    sys.exit(main())
