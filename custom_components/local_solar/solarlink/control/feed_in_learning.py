"""Learning the dead time between acknowledgement and effect (reference section 8).

With the right dead time the load of the house does not jump when a command takes effect: so every candidate is tried
on the last minutes, and the one with the smoothest load wins.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .feed_in_settings import FeedInSettings
from .feed_in_state import FeedInState

CANDIDATES = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 24.0)
"""Dead times that are tried, s."""
FEWEST_VALUES = 60
FEWEST_CHANGES = 4
SMALLEST_CHANGE = 60.0
"""Smaller changes of a limit (W) cannot be told from the noise of the load."""
LARGEST_JUMP = 300.0
"""Larger jumps (W) come from the house and must not outweigh everything else."""
CLEARLY = 0.97
"""Share of the present cost below which another candidate must be."""


@dataclass(frozen=True, slots=True)
class Obeyed:
    """What one inverter was told: commanded power (W), gain, slew (W/s), acknowledged powers (W) by time (s)."""

    commanded: float
    gain: float
    slew: float
    acknowledgements: tuple[tuple[float, float], ...]

    @property
    def first(self) -> float:
        """The power it began with, W."""
        return self.acknowledgements[0][1] if self.acknowledgements else self.commanded


@dataclass(frozen=True, slots=True)
class LearnedDelay:
    """A dead time (s), and the one from which it was learned: it is worth nothing for another."""

    before: float
    delay: float


@dataclass(frozen=True, slots=True)
class LearningJob:
    """A copy of what the dead time is learned from: may be carried out in another thread or process."""

    delay: float
    tau: float
    log: tuple[tuple[float, float], ...]
    inverters: tuple[Obeyed, ...]

    def best(self) -> LearnedDelay | None:
        """The dead time that explains the log clearly better than the present one."""
        costs = dict(zip(CANDIDATES, self._costs(), strict=True))
        best = min(CANDIDATES, key=costs.__getitem__)
        current = min(CANDIDATES, key=lambda candidate: abs(candidate - self.delay))
        if not costs[best] < CLEARLY * costs[current]:
            return None
        far = abs(best - self.delay) > 1.0
        return LearnedDelay(self.delay, best if far else self.delay + 0.5 * (best - self.delay))

    def _costs(self) -> list[float]:
        times = [at for at, _ in self.log]
        grid = [power for _, power in self.log]
        gaps = [0.0, *(later - earlier for earlier, later in pairwise(times))]
        shares = [1.0 - math.exp(-gap / self.tau) for gap in gaps]
        slow = [each for each in self.inverters if each.slew > 0.0]
        fast = [each for each in self.inverters if each.slew <= 0.0]
        steps, goal = _steps(fast)
        output = sum(each.first for each in fast)
        costs = []
        for candidate in CANDIDATES:
            load = grid
            for each in slow:
                followed = _slow_output(each, candidate, times, gaps, shares)
                load = [one + other for one, other in zip(load, followed, strict=True)]
            costs.append(
                _roughness(load, times, shares, [(at + candidate, power) for at, power in steps], goal, output)
            )
        return costs


def learning_job(state: FeedInState, settings: FeedInSettings) -> LearningJob | None:
    """What there is to learn from; None while that is too little."""
    if len(state.log) < FEWEST_VALUES:
        return None
    began = state.log[0][0]
    used = [each for each in state.inverters if each.usable]
    changes = sum(
        at > began and abs(power - before) >= SMALLEST_CHANGE
        for each in used
        for (_, before), (at, power) in pairwise(each.acknowledgements)
    )
    if changes < FEWEST_CHANGES:
        return None
    return LearningJob(
        state.delay,
        settings.tau_s,
        tuple(state.log),
        tuple(Obeyed(each.commanded, each.gain, each.slew, tuple(each.acknowledgements)) for each in used),
    )


def _steps(inverters: Sequence[Obeyed]) -> tuple[list[tuple[float, float]], float]:
    """The sum that fast inverters aim at, by time, and what it was at first.

    The output of a fast inverter is a linear function of what it aims at, so one filter does for all of them together.
    """
    aims = [each.first * each.gain for each in inverters]
    goal = sum(aims)
    steps = []
    told = ((at, number, power) for number, each in enumerate(inverters) for at, power in each.acknowledgements)
    for at, number, power in sorted(told, key=lambda step: step[0]):
        aims[number] = power * inverters[number].gain
        steps.append((at, sum(aims)))
    return steps, goal


def _slow_output(
    inverter: Obeyed, delay: float, times: Sequence[float], gaps: Sequence[float], shares: Sequence[float]
) -> list[float]:
    steps = iter((at + delay, power * inverter.gain) for at, power in inverter.acknowledgements)
    step = next(steps, None)
    output, aim, slew = inverter.first, inverter.first * inverter.gain, inverter.slew
    found = []
    for at, gap, share in zip(times, gaps, shares, strict=True):
        while step is not None and step[0] <= at:
            aim = step[1]
            step = next(steps, None)
        change, most = (aim - output) * share, slew * gap
        output += max(-most, min(most, change))
        found.append(output)
    return found


def _roughness(
    load: Sequence[float],
    times: Sequence[float],
    shares: Sequence[float],
    steps: Sequence[tuple[float, float]],
    goal: float,
    output: float,
) -> float:
    """The sum of the jumps of the house load. This loop is the whole work, so it does nothing twice."""
    upcoming = iter(steps)
    due, aim = next(upcoming, (math.inf, 0.0))
    before = load[0] + output
    cost = 0.0
    for at, rest, share in zip(times, load, shares, strict=True):
        while due <= at:
            goal = aim
            due, aim = next(upcoming, (math.inf, 0.0))
        output += (goal - output) * share
        house = rest + output
        jump = house - before if house >= before else before - house
        cost += jump if jump < LARGEST_JUMP else LARGEST_JUMP
        before = house
    return cost
