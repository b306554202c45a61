"""Zero feed-in control: keeps the grid power of a house near a small import (reference sections 3 to 8).

It sets the limits of battery-fed or panel-fed inverters and never lets their sum exceed a cap. From the meter and a
model of what the inverters deliver now it computes the load of the house, and commands the final value once.

**Safe state: all inverters at their lowest limit.** On the loss of the meter (30 s without a value) the sum is halved
every 10 s down to the lowest limits or ``fallback_w``; nothing is raised without a value of the meter.

Pure: no clock, no input or output. Every event carries the time in seconds on one monotonic clock, and answers with
the commands to send now. Events belong in the order of their times; one that comes late counts as happening now, and a
measurement from the future as made now. The host

1. feeds limit states first, then samples, then the value of the meter;
2. calls ``tick`` at least every 5 s without a meter value, and after ``set_cap`` and ``set_ceiling``;
3. sends the commands in their order as relative, non-persistent limits.

Every event raises ``ValueError`` for an unknown inverter and for a number that is absurd or not finite, and then
changes nothing.
"""

import math
from collections.abc import Sequence
from typing import Self

from . import feed_in_model as model
from .feed_in_allocation import LimitCommand, allocate, send
from .feed_in_learning import LearnedDelay, LearningJob, learning_job
from .feed_in_settings import RANGES, FeedInInverter, FeedInSettings
from .feed_in_state import FeedInReason, FeedInState, InverterState
from .feed_in_terms import floor_to_step
from .feed_in_views import FeedInViews

__all__ = [
    "ACKNOWLEDGED",
    "FeedIn",
    "FeedInInverter",
    "FeedInReason",
    "FeedInSettings",
    "FeedInState",
    "InverterState",
    "LearnedDelay",
    "LearningJob",
    "LimitCommand",
]

ACKNOWLEDGED = "Ok"
"""The only word of a limit state that changes anything; after a failure the DTU keeps trying."""
ACKNOWLEDGEMENTS = 60
LOG_SECONDS = 900.0
LOG_VALUES = 3600
"""Bounds the log for meters that tell more than four values a second."""
LEARN_SECONDS = 60.0
TRIM_SECONDS = 30.0
"""How long after a command (s) an inverter that cannot deliver is left alone."""
OVER = 4.0
"""So much (W) the sum may be above the cap before anything is sent: less is rounding."""
LARGEST = 1e9
"""Times and powers beyond this cannot be meant, and would overflow."""
STALE_SECONDS = 10.0
"""Silence of the meter that is worth a reason of its own (reference section 9.9)."""

type Commands = tuple[LimitCommand, ...]


class FeedIn(FeedInViews):
    """The state machine; powers in W, times in s."""

    def __init__(self, inverters: Sequence[FeedInInverter], settings: FeedInSettings) -> None:
        """Begin with these limits in force; raises ``ValueError`` without any inverter."""
        if not inverters:
            raise ValueError("there is no inverter to control")
        super().__init__(tuple(inverters), settings, FeedInState.begin(inverters, settings))
        self._learning_due = False

    @classmethod
    def resumed(cls, inverters: Sequence[FeedInInverter], settings: FeedInSettings, state: FeedInState) -> Self:
        """Go on from ``state``, which is copied; raises ``ValueError`` if it is of other inverters."""
        core = cls(inverters, settings)
        if [each.p_nom for each in state.inverters] != [each.p_nom for each in inverters]:
            raise ValueError("the state is of other inverters")
        core._state = state.copy()
        return core

    # Events

    def advance(self, t: float) -> None:
        """Let time pass until ``t``; every other event does it by itself."""
        self._advance(t)

    def limit_status(self, t: float, inverter: int, status: str) -> None:
        """Take in the limit state that the DTU tells of an inverter after a command."""
        one = self._inverter(inverter)
        now = self._advance(t)
        if one.waiting and status == ACKNOWLEDGED:
            one.waiting = False
            one.acknowledged_at, one.acknowledged = now, one.commanded
            one.highest = max(one.highest, one.modelled)
            one.acknowledgements.append((now, one.commanded))
            del one.acknowledgements[:-ACKNOWLEDGEMENTS]

    def sample(self, t: float, inverter: int, ts: float, watts: float) -> None:
        """Take in the AC power that the DTU measured at ``ts``."""
        one = self._inverter(inverter)
        _check(ts, watts)
        now = self._advance(t)
        model.take_sample(self._state, self._settings, one, min(ts, now), watts)

    def meter(self, t: float, ts: float, watts: float) -> Commands:
        """Take in the grid power measured at ``ts`` (import positive) and return what to command now."""
        _check(ts, watts)
        now = self._advance(t)
        ts, state = min(ts, now), self._state
        if state.metered_at is not None and ts <= state.metered_at:
            return self._nothing(FeedInReason.METER_REPEATED)
        self._take_meter(ts, watts)
        self._learn(ts)
        self._regret(ts, watts)
        state.limited_by_cap = False
        return self._trim() or self._regulate(ts, watts)

    def tick(self, t: float) -> Commands:
        """What must be done without a meter value: the ramp when it is lost, ceilings, and the cap."""
        now = self._advance(t)
        state, settings = self._state, self._settings
        total, silence = self.committed_w, now - state.meter_arrived_at
        if silence > settings.meter_lost_s:
            end = max(model.lowest(state), settings.fallback_w)
            if total <= end + OVER:
                state.reason = FeedInReason.LOST_AT_FLOOR
            elif now - state.lost_step_at < settings.lost_step_s:
                state.reason = FeedInReason.LOST_WAITING
            else:
                state.lost_step_at = now
                return self._sent(allocate(state, settings, max(end, total / 2.0) - total), FeedInReason.LOST_RAMP)
        elif silence > max(STALE_SECONDS, 2.0 * state.period):
            state.reason = FeedInReason.METER_STALE
        if commands := self._obey_ceilings():
            return self._sent(commands, FeedInReason.CEILING)
        goal = max(model.lowest(state), state.cap)
        if total > max(goal, state.cap + OVER) and now - state.commanded_at >= settings.urgent_interval_s:
            state.limited_by_cap = True
            if commands := allocate(state, settings, goal - total):
                return self._sent(commands, FeedInReason.ABOVE_CAP)
        return ()

    def set_usable(
        self, t: float, inverter: int, usable: bool, *, limit_pct: float = 0.0, measured_w: float = 0.0
    ) -> None:
        """Take an inverter in or out; taken in, it has the limit that the DTU reports and delivers ``measured_w``.

        The power of an inverter that is out is part of the net load of the house.
        """
        one = self._inverter(inverter)
        _check(limit_pct, measured_w)
        now, state = self._advance(t), self._state
        if one.usable == usable:
            return
        one.usable = usable
        if usable:
            power = one.p_nom * limit_pct / 100.0
            one.commanded = one.acknowledged = one.highest = one.effective = power
            one.modelled = measured_w
            one.waiting, one.acknowledged_at = False, now - 1e6
            one.available, one.short, one.gain = math.inf, 0, 1.0
            one.measured_at = None
        state.history.clear()
        state.history.append((now, self.modelled_w))
        state.window.clear()
        state.log.clear()
        state.raised_at = None

    def set_ceiling(self, t: float, inverter: int, percent: float) -> None:
        """Highest limit of an inverter, % of its rated power; never below the lowest limit nor above 100."""
        one = self._inverter(inverter)
        _check(percent)
        self._advance(t)
        one.high = max(one.low, one.p_nom * min(100.0, percent) / 100.0)

    def set_floor(self, t: float, inverter: int, percent: float) -> None:
        """Lowest limit of one inverter, % of its rated power; never below that of all inverters nor above 100."""
        one = self._inverter(inverter)
        _check(percent)
        self._advance(t)
        one.floor_pct = max(0.0, min(100.0, percent))
        one.low = one.p_nom * max(self._settings.min_pct, one.floor_pct) / 100.0
        one.high = max(one.low, one.high)

    def set_cap(self, t: float, watts: float) -> None:
        """Highest allowed sum of the inverters; below 0 counts as 0."""
        _check(watts)
        self._advance(t)
        self._state.cap = max(0.0, watts)

    def set_target(self, t: float, watts: float) -> None:
        """Wanted grid power, -800 to 500; negative is a wanted export. Raises ``ValueError`` out of that range."""
        _check(watts)
        low, high = RANGES["target_w"]
        if not low <= watts <= high:
            raise ValueError(f"the target is {watts:g} W, but must be {low:g} to {high:g} W")
        self._advance(t)
        self._state.target = watts

    def retune(self, t: float, settings: FeedInSettings) -> None:
        """Go on with other settings. Cap and target stay as ``set_cap`` and ``set_target`` left them."""
        self._advance(t)
        state, before, self._settings = self._state, self._settings, settings
        for each in state.inverters:
            each.low = each.p_nom * max(settings.min_pct, each.floor_pct) / 100.0
            each.high = max(each.low, each.high)
        lengthened = state.confirm > before.confirm_s
        longest = max(settings.confirm_s, settings.confirm_max_s)
        state.confirm = min(longest, max(settings.confirm_s, state.confirm)) if lengthened else settings.confirm_s

    # Learning

    def reset_learning(self, t: float) -> None:
        """Forget what was learned: dead time, confirm time, slew rates, gain, exhausted sources, and the evidence."""
        self._advance(t)
        state, settings = self._state, self._settings
        state.delay, state.confirm = settings.delay_init_s, settings.confirm_s
        state.raised_at = None
        state.log.clear()
        self._learning_due = False
        for each, known in zip(state.inverters, self._known, strict=True):
            each.slew = known.p_nom * known.slew_pct_per_s / 100.0
            each.gain, each.available, each.short = 1.0, math.inf, 0
            each.rates.clear()
            each.acknowledgements.clear()

    def learning_job(self) -> LearningJob | None:
        """What to learn from, once a minute, with ``learn_inline`` off; None while nothing is due.

        The host passes the result of ``LearningJob.best``, made wherever it likes, to ``learned``.
        """
        if not self._learning_due:
            return None
        self._learning_due = False
        return learning_job(self._state, self._settings)

    def learned(self, t: float, result: LearnedDelay | None) -> None:
        """Take over what a job has found, unless the dead time has changed meanwhile."""
        if result is not None:
            _check(result.delay)
        self._advance(t)
        if result is not None and result.before == self._state.delay:
            self._state.delay = result.delay

    # Steps of the events

    def _advance(self, t: float) -> float:
        _check(t)
        return model.advance(self._state, self._settings, t)

    def _take_meter(self, ts: float, watts: float) -> None:
        """Steps 1 to 3: the load of the house in the middle of the time over which the meter averages."""
        state = self._state
        if state.metered_at is not None:
            state.period += 0.2 * (min(10.0, ts - state.metered_at) - state.period)
        state.metered_at, state.meter_arrived_at = ts, state.now
        middle = ts - 0.5 * min(1.0, state.period)
        state.window.append((ts, watts + model.modelled_at(state, middle)))
        state.log.append((middle, watts))
        oldest = ts - max(state.confirm, state.period) - 1e-6
        while state.window[0][0] < oldest:
            state.window.popleft()
        while state.log[0][0] < middle - LOG_SECONDS or len(state.log) > LOG_VALUES:
            state.log.popleft()

    def _learn(self, ts: float) -> None:
        """Step 4."""
        if not self._settings.learn or ts < self._state.learn_at:
            return
        self._state.learn_at = ts + LEARN_SECONDS
        if not self._settings.learn_inline:
            self._learning_due = True
        elif (job := learning_job(self._state, self._settings)) and (found := job.best()):
            self._state.delay = found.delay

    def _regret(self, ts: float, watts: float) -> None:
        """Steps 5 and 6: on a pulsing load rises must last longer before they are followed, and later less long."""
        state, settings = self._state, self._settings
        if state.raised_at is not None:
            if ts - state.raised_at >= max(settings.regret_window_s, 2.0 * state.delay + 10.0):
                state.raised_at = None
            elif watts < -settings.regret_export_w:
                state.raised_at = None
                state.confirm = max(settings.confirm_s, min(settings.confirm_max_s, 2.0 * state.confirm))
                state.adjusted_at = ts
        if state.confirm > settings.confirm_s and ts - state.adjusted_at > settings.confirm_decay_s:
            state.confirm = max(settings.confirm_s, state.confirm / 2.0)
            state.adjusted_at = ts

    def _trim(self) -> Commands:
        """Step 7: do not waste the cap on an inverter that cannot deliver."""
        state, settings = self._state, self._settings
        for index, each in enumerate(state.inverters):
            if not each.usable or each.available == math.inf or each.waiting or state.now - each.sent_at < 30.0:
                continue
            delivers = each.available / each.gain
            if each.commanded > max(each.low, delivers + 0.15 * each.p_nom):
                percent = floor_to_step((delivers + 0.1 * each.p_nom) / each.p_nom * 100.0, settings.step_pct)
                if command := send(state, settings, index, percent):
                    return self._sent((command,), FeedInReason.TRIMMED)
        return ()

    def _regulate(self, ts: float, watts: float) -> Commands:
        """Steps 8 to 15."""
        state, settings = self._state, self._settings
        total, lowest = self.committed_w, model.lowest(state)
        if not any(each.usable for each in state.inverters):
            return self._nothing(FeedInReason.NO_INVERTER)
        wanted = self._wanted(ts, watts, total)
        above = total > state.cap + OVER and (wanted is None or wanted > state.cap)
        if above:
            wanted = state.cap
        if wanted is None:
            return ()
        goal = max(lowest, min(state.cap, wanted))
        if wanted <= total:
            # Below the floor already, by limits that others have set or by inverters that deliver less than rated.
            goal = min(goal, total)
        elif goal > total:
            goal = min(goal, total + max(0.0, state.cap - self.upper_w))
        state.limited_by_cap = above or goal < wanted
        if abs(goal - total) < 0.8 * min(settings.band_up_w, settings.band_down_w):
            if state.limited_by_cap:
                return self._nothing(FeedInReason.AT_CAP)
            return self._nothing(FeedInReason.AT_FLOOR if wanted < lowest else FeedInReason.TOO_SMALL)
        urgent = goal < total and watts < -settings.urgent_export_w
        now = state.now
        if not urgent and any(each.usable and each.waiting and not self._stuck(each) for each in state.inverters):
            return self._nothing(FeedInReason.WAITING_FOR_ACKNOWLEDGEMENT)
        rest = settings.urgent_interval_s if urgent else max(settings.min_interval_s, 0.6 * state.delay)
        if now - state.commanded_at < rest:
            return self._nothing(FeedInReason.MINIMUM_INTERVAL)
        if above:
            done = FeedInReason.ABOVE_CAP
        elif goal > total:
            done = FeedInReason.RAISED
        else:
            done = FeedInReason.LOWERED_URGENTLY if urgent else FeedInReason.LOWERED
        return self._sent(allocate(state, settings, goal - total), done)

    def _wanted(self, ts: float, watts: float, total: float) -> float | None:
        """Steps 8 and 9: the sum that the load asks for, if it is not as good as commanded; sets the reason if not."""
        state, settings = self._state, self._settings
        load = state.window[-1][1]
        if watts < state.target - settings.band_down_w:
            if load - state.target < total - settings.band_down_w:
                return load - state.target
            state.reason = FeedInReason.LOWERING_UNDER_WAY
        elif watts > state.target + settings.band_up_w:
            # A rise counts only as far as it has lasted for the whole confirm time.
            full = state.window[0][0] <= ts - state.confirm + 0.99 * state.period + 1e-6
            lasting = min(power for _, power in state.window) - state.target
            if full and lasting > total + settings.band_up_w:
                return lasting
            rising = load - state.target > total + settings.band_up_w
            state.reason = FeedInReason.RAISE_CONFIRMING if rising else FeedInReason.RAISE_UNDER_WAY
        else:
            state.reason = FeedInReason.WITHIN_BAND
        return None

    def _obey_ceilings(self) -> Commands:
        state, settings = self._state, self._settings
        commands = []
        for index, each in enumerate(state.inverters):
            recent = each.waiting and state.now - each.sent_at < settings.urgent_interval_s
            if each.usable and each.commanded > each.high + 0.5 and not recent:
                percent = floor_to_step(each.high / each.p_nom * 100.0, settings.step_pct)
                if command := send(state, settings, index, percent):
                    commands.append(command)
        return tuple(commands)

    def _stuck(self, inverter: InverterState) -> bool:
        return model.stuck(inverter, self._settings, self._state.now)

    def _sent(self, commands: Commands, reason: FeedInReason) -> Commands:
        self._state.reason = reason if commands else FeedInReason.NO_ROOM
        return commands

    def _nothing(self, reason: FeedInReason) -> Commands:
        self._state.reason = reason
        return ()


def _check(*numbers: float) -> None:
    for each in numbers:
        # A comparison that a NaN does not pass either.
        if not abs(each) <= LARGEST:
            raise ValueError(f"{each} is not a plausible number")
