"""Which inverter takes over how much of a change, and the commands that follow (reference section 7).

The rules keep the commands few: one inverter takes the whole change if it can. Only slow ones move together, because
with them time is what is short.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from .feed_in_model import stuck
from .feed_in_settings import FeedInSettings
from .feed_in_state import FeedInState, InverterState
from .feed_in_terms import floor_to_step

SMALLEST_SHARE = 4.0
"""What is left of a change below this (W) is not distributed."""


@dataclass(frozen=True, slots=True)
class LimitCommand:
    """Set the limit of an inverter, relative to its rated power and not persistent."""

    inverter: int
    """Index of the inverter, from 0."""
    percent: float
    """%, rounded to 0.1."""


def allocate(state: FeedInState, settings: FeedInSettings, delta: float) -> tuple[LimitCommand, ...]:
    """Distribute ``delta`` (W, positive is more output) and send what follows from it."""
    moved = _distribution(state, settings, delta)
    commands = tuple(
        command
        for index, power in moved.items()
        if (command := send(state, settings, index, _limit(state.inverters[index], power, settings))) is not None
    )
    if commands and delta > settings.regret_step_w:
        state.raised_at = state.metered_at
    return commands


def send(state: FeedInState, settings: FeedInSettings, index: int, percent: float) -> LimitCommand | None:
    """Command a limit within what is allowed; None when the limit is as good as that already."""
    inverter = state.inverters[index]
    percent = max(settings.min_pct, inverter.floor_pct, min(inverter.high / inverter.p_nom * 100.0, percent))
    power = inverter.p_nom * percent / 100.0
    if abs(power - inverter.commanded) < inverter.p_nom * settings.step_pct / 200.0:
        return None
    if inverter.waiting:
        # Nobody knows which of the two limits arrives, so neither is forgotten.
        inverter.highest = max(inverter.highest, inverter.commanded)
    else:
        inverter.highest = max(inverter.commanded, inverter.modelled / inverter.gain)
    inverter.commanded = power
    inverter.waiting = True
    inverter.sent_at = state.commanded_at = state.now
    inverter.short = 0
    if power < inverter.available:
        inverter.available = math.inf
    return LimitCommand(index, round(percent, 1))


def _limit(inverter: InverterState, power: float, settings: FeedInSettings) -> float:
    return floor_to_step(power / inverter.p_nom * 100.0, settings.step_pct)


def _distribution(state: FeedInState, settings: FeedInSettings, delta: float) -> dict[int, float]:
    """The new powers (W) of the inverters that change, by index and in its order."""
    now, up, left = state.now, delta > 0.0, abs(delta)
    inverters = state.inverters
    free = [
        index
        for index, each in enumerate(inverters)
        if each.usable and not stuck(each, settings, now) and not (up and each.available < math.inf)
    ]
    base = {
        index: each.commanded if up else min(each.commanded, each.available / each.gain)
        for index, each in enumerate(inverters)
    }
    new = dict(base)

    def room(index: int) -> float:
        each = inverters[index]
        return max(0.0, each.high - new[index] if up else new[index] - each.low)

    def ordered(some: Iterable[int]) -> list[int]:
        def rank(index: int) -> tuple[int, float, int]:
            energy = inverters[index].energy
            return -int(min(room(index), left)), energy if up else -energy, index

        return sorted(some, key=rank)

    def take(index: int, power: float) -> None:
        new[index] += power if up else -power

    for index in ordered(index for index in free if inverters[index].slew == 0.0):
        if left < SMALLEST_SHARE:
            break
        share = min(left, room(index))
        take(index, share)
        left -= share

    slow = ordered(index for index in free if inverters[index].slew > 0.0 and room(index) > 0.0)
    if left >= SMALLEST_SHARE and slow:
        first = slow[0]
        if left <= min(room(first), inverters[first].slew * settings.slew_horizon_s):
            take(first, left)
        else:
            for _ in inverters:
                able = [index for index in slow if room(index) > 0.0]
                if left < SMALLEST_SHARE or not able:
                    break
                fastness = sum(inverters[index].slew for index in able)
                shares = {index: min(room(index), left * inverters[index].slew / fastness) for index in able}
                for index, share in shares.items():
                    take(index, share)
                left -= sum(shares.values())
    return {index: new[index] for index in free if new[index] != base[index]}
