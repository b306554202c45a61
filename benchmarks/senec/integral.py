"""How far the energy that is summed up from polled powers lies from the truth, over simulated days.

``python -m benchmarks.senec.integral [--days N]``. The truth is the sum of the power of every second. Next to ours is
what owners build from helpers: a template sensor that cuts the power off at zero, and a trapezoid over its values.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from custom_components.local_solar.solarlink.integral import Integrator
from custom_components.local_solar.solarlink.points import Part
from simulators.house import House

DAY = 86_400
PERIODS = (5, 10, 30, 60)
"""Seconds between two polls."""
OFFSETS = 5
"""Each day is polled that often, each time from another second on."""
SHORTEST_GAP, GAP_POLLS = 120.0, 6


@dataclass(frozen=True, slots=True)
class Flow:
    """One energy of the house: part of the power (W) of every second of a day."""

    name: str
    powers: Sequence[float]
    part: Part

    @property
    def truth(self) -> float:
        """Energy in kWh."""
        sign = 1.0 if self.part is Part.POSITIVE else -1.0
        return sum(max(power * sign, 0.0) for power in self.powers) / 3.6e6


@dataclass(frozen=True, slots=True)
class Errors:
    """Deviations from the truth in per cent of it, without their signs: mean and largest of all runs."""

    mean: float
    largest: float


def flows(seed: int) -> list[Flow]:
    """A day in June of a house that may feed the grid, second by second."""
    house = House(seed, speed=0, start=datetime(2026, 6, 15))  # noqa: DTZ001 - the house has a wall clock
    house.settings.grid_feeding_allowed = True
    house.settings.soc_grid_feeding = 90.0
    house.settings.inverter_power = 3000.0
    grid, battery, solar, load = [], [], [], []
    for _ in range(DAY):
        house.advance(1.0)
        grid.append(house.grid.power)
        battery.append(house.battery.power)
        solar.append(house.solar_power)
        load.append(house.load_power)
    return [
        Flow("solar", solar, Part.POSITIVE),
        Flow("house", load, Part.POSITIVE),
        Flow("grid import", grid, Part.POSITIVE),
        Flow("grid export", grid, Part.NEGATIVE),
        Flow("battery discharge", battery, Part.POSITIVE),
        Flow("battery charge", battery, Part.NEGATIVE),
    ]


def ours(flow: Flow, seconds: Iterable[int], period: int) -> float:
    """Our sum, kWh."""
    integrator = Integrator(flow.part, max(SHORTEST_GAP, GAP_POLLS * period))
    for second in seconds:
        integrator.add(flow.powers[second], float(second))
    return integrator.total


def from_helpers(flow: Flow, seconds: Iterable[int], period: int) -> float:
    """The trapezoid over a power that was cut off at zero before, kWh."""
    sign = 1.0 if flow.part is Part.POSITIVE else -1.0
    powers = [max(flow.powers[second] * sign, 0.0) for second in seconds]
    return (sum(powers) - (powers[0] + powers[-1]) / 2) * period / 3.6e6


CONTENDERS = {"Local Solar": ours, "helpers": from_helpers}


def measure(days: int) -> Mapping[tuple[str, str, int], Errors]:
    """Return the errors by flow, contender and period."""
    found: dict[tuple[str, str, int], list[float]] = {}
    for seed in range(1, days + 1):
        for flow in flows(seed):
            for name, method in CONTENDERS.items():
                for period in PERIODS:
                    for run in range(OFFSETS):
                        # What lies before the first and after the last poll is no error of the sum.
                        seconds = range(run * period // OFFSETS, DAY, period)
                        part = Flow(flow.name, flow.powers[seconds[0] : seconds[-1] + 1], flow.part)
                        error = abs(method(flow, seconds, period) / part.truth - 1.0) * 100.0
                        found.setdefault((flow.name, name, period), []).append(error)
    return {key: Errors(sum(errors) / len(errors), max(errors)) for key, errors in found.items()}


def print_table(days: int) -> None:
    """Print the errors as a table in Markdown."""
    errors = measure(days)
    print(f"\nError of the energy against a sum of every second, % (mean / largest of {days * OFFSETS} runs)\n")
    print("| energy | summed by | " + " | ".join(f"every {period} s" for period in PERIODS) + " |")
    print("|---|---|" + "--:|" * len(PERIODS))
    for flow in dict.fromkeys(key[0] for key in errors):
        for name in CONTENDERS:
            cells = (errors[flow, name, period] for period in PERIODS)
            row = " | ".join(f"{cell.mean:.2f} / {cell.largest:.2f}" for cell in cells)
            print(f"| {flow} | {name} | {row} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.senec.integral", description=__doc__)
    parser.add_argument("--days", type=int, default=3, help="days to simulate (3)")
    print_table(max(1, parser.parse_args(arguments).days))
    return 0


if __name__ == "__main__":
    sys.exit(main())
