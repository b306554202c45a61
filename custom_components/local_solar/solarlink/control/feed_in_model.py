"""The model of what the inverters really deliver now (reference sections 4, 5 and 6, event ``sample``).

A new limit shows only after seconds. A control that looks at the meter alone corrects the same error again and again
meanwhile; with the model, the load of the house is known at once although the command still works its way through.
"""

import math

from .feed_in_settings import FeedInSettings
from .feed_in_state import FeedInState, InverterState

HISTORY_SECONDS = 6.0
MOST_STEPS = 600
"""After a longer silence (a suspended machine) the steps of the model are longer than a second: it has come to rest."""
RATES = 5
SHORT = 3
"""So many settled measurements far below the limit in a row, and the source is taken for exhausted."""
SMALLEST_JUDGED = 20.0
"""Below this commanded power (W) a measurement tells nothing about gain and source."""


def advance(state: FeedInState, settings: FeedInSettings, t: float) -> float:
    """Move the model on to ``t`` (s) and return the time now: time never runs backwards (reference section 5)."""
    if not state.begun:
        state.begun = True
        state.now = state.meter_arrived_at = t
        state.history.append((t, modelled(state)))
        state.learn_at = t + 60.0
        return t
    total = t - state.now
    if total <= 0.0:
        return state.now
    steps = min(MOST_STEPS, max(1, math.ceil(total - 1e-9)))
    dt = total / steps
    share = 1.0 - math.exp(-dt / settings.tau_s)
    now, delay = state.now, state.delay
    used = [each for each in state.inverters if each.usable]
    for _ in range(steps):
        now += dt
        for each in used:
            if not each.waiting and now >= each.acknowledged_at + delay:
                each.effective = each.commanded
            change = (min(each.effective * each.gain, each.available) - each.modelled) * share
            if each.slew > 0.0:
                most = each.slew * dt
                change = max(-most, min(most, change))
            each.modelled += change
            each.energy += each.modelled * dt
    state.now = t
    state.history.append((t, modelled(state)))
    while len(state.history) > 1 and state.history[1][0] <= t - HISTORY_SECONDS:
        state.history.popleft()
    return t


def modelled(state: FeedInState) -> float:
    """What the usable inverters deliver now according to the model, W."""
    return sum(each.modelled for each in state.inverters if each.usable)


def modelled_at(state: FeedInState, time: float) -> float:
    """What they delivered at ``time`` (s), W; the oldest known value for times before it."""
    for at, power in reversed(state.history):
        if at <= time:
            return power
    return state.history[0][1]


def stuck(inverter: InverterState, settings: FeedInSettings, now: float) -> bool:
    """Whether a command has gone unacknowledged for so long that the others no longer wait for it."""
    return inverter.waiting and now - inverter.sent_at >= settings.wait_block_s


def committed(state: FeedInState, settings: FeedInSettings) -> float:
    """C: what the usable inverters deliver once everything commanded has taken effect, W."""
    now = state.now
    return sum(
        each.out(each.acknowledged if stuck(each, settings, now) else each.commanded)
        for each in state.inverters
        if each.usable
    )


def floor(state: FeedInState) -> float:
    """What all usable inverters at their lowest limit are allowed to deliver, W."""
    return sum(each.low for each in state.inverters if each.usable)


def lowest(state: FeedInState) -> float:
    """What the usable inverters deliver at their lowest limits; less than the floor when a source is exhausted, W.

    The reference uses the floor here, too. With a high lowest limit it would then raise the others on export, in order
    to make up for an inverter that does not deliver.
    """
    return sum(min(each.low, each.available) for each in state.inverters if each.usable)


def upper(state: FeedInState) -> float:
    """What could flow at worst: a lowered inverter counts with its old limit until it is seen to obey, W.

    One whose limit others have set below its lowest counts with that, because the next command can only raise it.
    """
    return sum(
        each.gain * max(each.commanded, each.low, 0.0 if _confirmed(each) else each.highest)
        for each in state.inverters
        if each.usable
    )


def _confirmed(inverter: InverterState) -> bool:
    return (
        not inverter.waiting
        and inverter.measured_at is not None
        and inverter.measured_at > inverter.acknowledged_at
        and inverter.measured <= inverter.commanded * inverter.gain + 0.03 * inverter.p_nom
    )


def _settled(inverter: InverterState, state: FeedInState, settings: FeedInSettings) -> bool:
    rest = state.delay + 2.0 * settings.tau_s + settings.settle_margin_s
    return (
        not inverter.waiting
        and state.now >= inverter.acknowledged_at + rest
        and abs(inverter.modelled - inverter.out(inverter.commanded)) <= 0.01 * inverter.p_nom
    )


def take_sample(
    state: FeedInState, settings: FeedInSettings, inverter: InverterState, time: float, power: float
) -> None:
    """Take in the AC power (W) that an inverter was measured to give at ``time`` (s), and learn from it."""
    if not inverter.usable or (inverter.measured_at is not None and time <= inverter.measured_at):
        return
    before_at, before = inverter.measured_at, inverter.measured
    inverter.measured_at, inverter.measured = time, power
    if inverter.waiting or inverter.commanded < SMALLEST_JUDGED:
        return
    if before_at is None or before_at < inverter.acknowledged_at + state.delay:
        return
    _learn_slew(inverter, time - before_at, before, power)
    if abs(power - before) <= 0.02 * inverter.p_nom and _settled(inverter, state, settings):
        _learn_gain(inverter, power)


def _learn_slew(inverter: InverterState, seconds: float, before: float, power: float) -> None:
    goal, rated = inverter.out(inverter.commanded), inverter.p_nom
    if abs(goal - before) <= 0.1 * rated:
        return
    rate = (power - before) / seconds if goal > before else (before - power) / seconds
    if 0.0 < rate < 0.05 * rated and abs(goal - power) > 0.05 * rated:
        inverter.rates.append(rate)
        del inverter.rates[:-RATES]
        if len(inverter.rates) >= 2:
            inverter.slew = sorted(inverter.rates)[len(inverter.rates) // 2]
    elif inverter.slew > 0.0 and rate > 1.3 * inverter.slew:
        inverter.slew = 0.0
        inverter.rates.clear()


def _learn_gain(inverter: InverterState, power: float) -> None:
    if power < 0.8 * inverter.commanded - 5.0:
        inverter.short += 1
        if inverter.short >= SHORT:
            inverter.available = power
        return
    inverter.short = 0
    inverter.available = math.inf
    inverter.gain += 0.5 * (max(0.8, min(1.1, power / inverter.commanded)) - inverter.gain)
