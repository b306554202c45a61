"""The charge manager: finish the charge of a lead-acid battery although the inverter gives up too early.

Many Voltronic inverters go to their float stage because of a cloud, long before the battery is full, and stay there
for the day (reference section 12.1). The float voltage can be changed at any time, so by day it is raised to the
absorption voltage: then the float stage holds the absorption voltage and nothing is lost. When the battery is full, it
gets its own float voltage back (sections 12.2 and 12.4).

**Safe state: the owner's float voltage.** It is restored when the battery is full, at the end of the day, on every
stop, fault, alarm and loss of data (as soon as the link is back), and at the next start if this program was killed.

Pure: no clock, no input or output. The caller

1. calls ``resume`` once, when the inverter's settings have been read, then ``decide`` for every set of live values;
2. keeps the state of the decision and, **if there is an action, has it on disk before** it sets the float voltage;
3. passes the outcome to ``written`` before the next decision. The action of a dry run is not carried out; its outcome
   is ``KEPT``.

``switch_on``, ``stop``, ``start_now`` and ``finish_now`` give decisions that are treated in the same way.
"""

from collections.abc import Mapping
from dataclasses import replace

from .charge_checks import Objection, Setup, objections
from .charge_float import FloatFound, budget_left, find_float, settled, write, written
from .charge_judge import FRESH, LONGEST_SILENCE, alarm, fresh, observe, obstacle
from .charge_model import (
    Action,
    Decision,
    Mode,
    Now,
    Outcome,
    Purpose,
    Reason,
    Settings,
    Snapshot,
    State,
)
from .charge_watch import lasted

__all__ = [
    "TROUBLES",
    "Action",
    "Decision",
    "Mode",
    "Now",
    "Objection",
    "Outcome",
    "Purpose",
    "Reason",
    "Settings",
    "Setup",
    "Snapshot",
    "State",
    "decide",
    "finish_now",
    "objections",
    "proved",
    "resume",
    "start_now",
    "stop",
    "switch_on",
    "troubles",
    "written",
]

REACHED_SECONDS = 60.0
"""How long the absorption voltage must last until the absorption begins."""
FALLEN_SECONDS = 600.0
"""How long the voltage must be far below until the absorption is given up."""
BOOST_TRIES = 3
"""Tries to raise the float voltage while nobody answers."""
END_THE_DAY = frozenset({Reason.BATTERY_HIGH, Reason.BOOSTED_TOO_LONG, Reason.REFUSED, Reason.NOT_CONFIRMED})
"""After these nothing begins by itself on the same day: it would only happen again."""
STOPPED_FOR = frozenset({Reason.CHANGED_ELSEWHERE, Reason.BATTERY_TYPE, Reason.NOT_READY})
"""Reasons for OFF that the owner has to look at."""
TROUBLES: Mapping[str, tuple[str, ...]] = {
    "charge_restore_failing": ("voltage", "tries"),
    **{f"charge_stopped_{reason}": () for reason in sorted(STOPPED_FOR)},
}
"""Every key that ``troubles`` can return, with the names of the details that belong to it."""


def decide(settings: Settings, state: State, snapshot: Snapshot, now: Now) -> Decision:
    """Return what to do next (reference section 12.4, the table of states)."""
    if state.mode is Mode.OFF:
        return _abandon(state, state.reason, Mode.OFF, now) if state.boosted else Decision(state)
    found = find_float(settings, state, snapshot, now)
    if found is FloatFound.FOREIGN:
        return Decision(_stand_down(state, Reason.CHANGED_ELSEWHERE))
    if state.battery_type is not None and snapshot.battery_type not in {None, state.battery_type}:
        return _abandon(replace(state, enabled=False), Reason.BATTERY_TYPE, Mode.OFF, now)
    if state.mode is Mode.RESTORE:
        return _restoring(state, snapshot, now, found)
    if state.boosted and (reason := alarm(settings, state, snapshot, now)):
        return _abandon(state, reason, Mode.IDLE, now)
    if not fresh(settings, snapshot):
        return _holding(state, snapshot, now)
    if state.mode is Mode.HOLD:
        if state.boosted and lasted(state.watch.held_since, now.seconds, LONGEST_SILENCE):
            return _abandon(state, Reason.DATA_LOST, Mode.IDLE, now)
        state = _moved(state, state.held_from, Reason.DATA_BACK)
    state = observe(settings, state, snapshot, now)
    if state.mode in {Mode.BULK, Mode.ABSORPTION}:
        return _boosting(settings, state, now, found)
    if state.boosted or found in {FloatFound.RAISED, FloatFound.OURS}:
        # Either the outcome of a restore was never reported, or the inverter has what only a boost may give it.
        if not state.boosted:
            real, raised = settings.real_float, settings.absorption
            state = replace(state, boosted=True, dry=False, real_float=real, absorption=raised)
        return _abandon(state, Reason.FOUND_RAISED, state.mode, now)
    return _resting(settings, state, snapshot, now, found)


def _moved(state: State, mode: Mode, reason: Reason) -> State:
    return replace(state, mode=mode, reason=reason)


def _stand_down(state: State, reason: Reason) -> State:
    """Leave the inverter to whoever changed it."""
    return replace(_moved(state, Mode.OFF, reason), enabled=False, boosted=False, confirmed=False)


def _abandon(state: State, reason: Reason, after: Mode, now: Now) -> Decision:
    """End what is going on: RESTORE, then ``after``; straight to ``after`` where nothing is raised."""
    if reason in END_THE_DAY:
        state = replace(state, blocked_on=now.today)
    if not state.boosted:
        return Decision(_moved(state, after, reason))
    return write(replace(_moved(state, Mode.RESTORE, reason), after=after).anew(), Purpose.RESTORE, now)


def _restoring(state: State, snapshot: Snapshot, now: Now, found: FloatFound) -> Decision:
    """Write the owner's float voltage until the inverter has it; while the link is away there is nothing to try."""
    if found is FloatFound.REAL:
        return Decision(settled(state))
    due = state.watch.retry_at is None or now.seconds >= state.watch.retry_at
    if due and (state.watch.tries == 0 or snapshot.age <= FRESH):
        return write(state, Purpose.RESTORE, now)
    return Decision(state)


def _holding(state: State, snapshot: Snapshot, now: Now) -> Decision:
    """Judge nothing and keep the float voltage, but not for ever while the inverter can be reached."""
    if state.mode is not Mode.HOLD:
        begin = now.seconds if state.watch.sampled_at is None else state.watch.sampled_at
        watch = replace(state.watch.forgotten(), held_since=begin)
        return Decision(replace(_moved(state, Mode.HOLD, Reason.DATA_OLD), held_from=state.mode, watch=watch))
    silent = lasted(state.watch.held_since, now.seconds, LONGEST_SILENCE)
    if silent and state.boosted and snapshot.age <= FRESH:
        return _abandon(state, Reason.DATA_LOST, Mode.IDLE, now)
    return Decision(state)


def _boosting(settings: Settings, state: State, now: Now, found: FloatFound) -> Decision:
    """BULK and ABSORPTION: the float voltage is raised."""
    if found is FloatFound.RAISED:
        state = replace(state, confirmed=True)
    elif found is FloatFound.REAL and state.confirmed:
        over = settled(replace(_moved(state, Mode.RESTORE, Reason.RESTORED_ELSEWHERE), after=Mode.IDLE))
        return Decision(replace(over, blocked_on=now.today))
    over_reason, after = _over(settings, state, now)
    if over_reason is not None:
        if after is Mode.FLOAT:
            state = replace(state, completed_on=now.today)
        return write(_moved(state, after, over_reason).anew(), Purpose.RESTORE, now)
    if not state.confirmed and (state.watch.retry_at is None or now.seconds >= state.watch.retry_at):
        if state.watch.tries >= BOOST_TRIES:
            return _abandon(state, Reason.NOT_CONFIRMED, Mode.IDLE, now)
        if not budget_left(settings, state, now):
            return _abandon(state, Reason.WRITE_BUDGET, Mode.IDLE, now)
        return write(state, Purpose.BOOST, now)
    return Decision(_stage(state, now))


def _stage(state: State, now: Now) -> State:
    """Change between BULK and ABSORPTION, which writes nothing."""
    at = now.seconds
    if state.mode is Mode.BULK and lasted(state.watch.reached_since, at, REACHED_SECONDS):
        return _moved(state, Mode.ABSORPTION, Reason.VOLTAGE_REACHED)
    if state.mode is Mode.ABSORPTION and lasted(state.watch.fallen_since, at, FALLEN_SECONDS):
        return _moved(state, Mode.BULK, Reason.VOLTAGE_FELL)
    return state


def _over(settings: Settings, state: State, now: Now) -> tuple[Reason | None, Mode]:
    """Whether the boost has done its work or the day is over, and what follows."""
    if state.mode is Mode.ABSORPTION:
        seconds = state.absorption_seconds
        if seconds >= settings.min_absorption and lasted(state.watch.full_since, now.seconds, settings.tail_hold):
            return Reason.TAIL_CURRENT, Mode.FLOAT
        if seconds >= settings.max_absorption:
            return Reason.LONGEST_ABSORPTION, Mode.FLOAT
    if lasted(state.watch.dark_since, now.seconds, settings.end_of_day):
        return Reason.END_OF_DAY, Mode.IDLE
    return None, state.mode


def _resting(settings: Settings, state: State, snapshot: Snapshot, now: Now, found: FloatFound) -> Decision:
    """IDLE and FLOAT: the float voltage is the owner's."""
    watch, at = state.watch, now.seconds
    if state.mode is Mode.FLOAT and lasted(watch.dark_since, at, settings.end_of_day):
        state = _moved(state, Mode.IDLE, Reason.END_OF_DAY)
    # A battery is low every night; only with something to charge it with is that a reason to begin.
    if state.blocked_on == now.today or not lasted(watch.sunny_since, at, settings.start_delay):
        return Decision(state)
    low = lasted(watch.low_since, at, settings.rebulk_delay)
    if state.completed_on != now.today:
        return _begin(settings, state, snapshot, now, found, Reason.CHARGE_SOURCE)
    if low and (state.mode is Mode.IDLE or settings.rebulk_in_float):
        return _begin(settings, state, snapshot, now, found, Reason.LOW_VOLTAGE)
    return Decision(state)


def _begin(
    settings: Settings, state: State, snapshot: Snapshot, now: Now, found: FloatFound, reason: Reason
) -> Decision:
    """BULK: raise the float voltage, unless something speaks against it."""
    against = obstacle(settings, snapshot)
    if against is None and found is not FloatFound.REAL:
        against = Reason.UNKNOWN_VALUES
    if against is None and not budget_left(settings, state, now):
        against = Reason.WRITE_BUDGET
    if against is not None:
        return Decision(replace(state, reason=against))
    # A cycle that was interrupted today goes on: the longest absorption is meant for the day.
    same_cycle = state.cycle_on == now.today and state.completed_on != now.today
    begun = replace(
        _moved(state, Mode.BULK, reason),
        boosted=True,
        confirmed=False,
        dry=settings.dry_run,
        real_float=settings.real_float,
        absorption=settings.absorption,
        set_to=None,
        boosted_at=now.wall.timestamp(),
        absorption_seconds=state.absorption_seconds if same_cycle else 0.0,
        cycle_on=now.today,
        watch=replace(state.watch, boosted_since=now.seconds),
    )
    return write(begun.anew(), Purpose.BOOST, now)


def start_now(settings: Settings, state: State, snapshot: Snapshot, now: Now) -> Decision:
    """Begin at the owner's request, whatever the sun and today's charges say.

    If the new mode is not BULK, nothing has begun, and the reason says why.
    """
    if state.mode not in {Mode.IDLE, Mode.FLOAT}:
        return Decision(state)
    if not fresh(settings, snapshot):
        return Decision(replace(state, reason=Reason.DATA_OLD))
    return _begin(settings, state, snapshot, now, find_float(settings, state, snapshot, now), Reason.START_NOW)


def finish_now(state: State, now: Now) -> Decision:
    """Take the battery as full at the owner's request; without a boost nothing happens."""
    running = state.held_from if state.mode is Mode.HOLD else state.mode
    if running not in {Mode.BULK, Mode.ABSORPTION}:
        return Decision(state)
    done = replace(_moved(state, Mode.FLOAT, Reason.FINISH_NOW), completed_on=now.today)
    return write(done.anew(), Purpose.RESTORE, now)


def stop(state: State, now: Now, reason: Reason = Reason.STOPPED) -> Decision:
    """Restore and go OFF: on a stop of Home Assistant, an unload, or (``SWITCHED_OFF``) by the owner.

    Only ``SWITCHED_OFF`` lasts; otherwise ``resume`` goes on. It may be called again while the restore fails.
    """
    state = replace(state, enabled=state.enabled and reason is not Reason.SWITCHED_OFF)
    return _abandon(state, reason, Mode.OFF, now)


def switch_on(settings: Settings, state: State, setup: Setup) -> State:
    """Enable it. It stays OFF with ``NOT_READY`` while ``objections`` finds any."""
    if objections(settings, state, setup):
        return replace(state, reason=Reason.NOT_READY)
    state = replace(state, enabled=True, battery_type=setup.battery_type, blocked_on=None)
    if state.mode is Mode.RESTORE:
        return replace(state, after=Mode.IDLE)
    return _moved(state, Mode.IDLE, Reason.SWITCHED_ON) if state.mode is Mode.OFF else state


def resume(settings: Settings, state: State, setup: Setup, now: Now) -> Decision:
    """Go on after a start of this program, with the settings that the inverter has now.

    A boost goes on when the inverter still has it, it is younger than the longest boost and nothing else has changed;
    otherwise the float voltage is restored. A float voltage that is neither is not touched: OFF.
    """
    full = state.completed_on == now.today and state.mode is not Mode.IDLE
    resting = Mode.FLOAT if full else Mode.IDLE
    if state.boosted and not 0 < state.real_float < state.absorption:
        state = replace(state, real_float=settings.real_float, absorption=settings.absorption)
    snapshot = Snapshot(age=0.0, float_voltage=setup.float_voltage, bulk_voltage=setup.bulk_voltage)
    found = find_float(settings, state, snapshot, now)
    if found is FloatFound.FOREIGN:
        touched = state.enabled or state.boosted
        return Decision(
            _stand_down(state, Reason.CHANGED_ELSEWHERE) if touched else _moved(state, Mode.OFF, state.reason)
        )
    unready = state.enabled and bool(objections(settings, state, setup))
    if state.boosted:
        if found is FloatFound.REAL:
            state = settled(state)
        elif unready or not state.enabled:
            return _abandon(state, Reason.NOT_READY if unready else state.reason, Mode.OFF, now)
        elif reason := alarm(settings, state, snapshot, now):
            return _abandon(state, reason, resting, now)
        else:
            running = state.held_from if state.mode is Mode.HOLD else state.mode
            if running not in {Mode.BULK, Mode.ABSORPTION} or found is not FloatFound.RAISED:
                return _abandon(state, Reason.RESTARTED, resting, now)
            return Decision(replace(_moved(state, running, Reason.RESTARTED), confirmed=True))
    if unready:
        return Decision(_moved(state, Mode.OFF, Reason.NOT_READY))
    if not state.enabled:
        return Decision(_moved(state, Mode.OFF, state.reason))
    return Decision(_moved(state, resting, Reason.RESTARTED))


def proved(state: State, outcome: Outcome, now: Now) -> State:
    """Remember whether the inverter kept its own float voltage when that was written again, at the owner's consent."""
    writes = state.writes_today if state.writes_on == now.today else 0
    return replace(
        state,
        proven=state.proven or outcome is Outcome.KEPT,
        writes_on=now.today,
        writes_today=writes + 1,
        last_write_at=now.wall.timestamp(),
    )


def troubles(state: State) -> dict[str, dict[str, str]]:
    """What the owner should look at: key of the repair issue to what its text needs."""
    if state.failing:
        needed = {"voltage": f"{state.real_float:g}", "tries": str(state.watch.tries)}
        return {"charge_restore_failing": needed}
    if state.mode is Mode.OFF and state.reason in STOPPED_FOR:
        return {f"charge_stopped_{state.reason}": {}}
    return {}
