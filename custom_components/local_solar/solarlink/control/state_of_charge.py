"""State-of-charge control: let a hybrid inverter live on its battery between two states of charge.

A Conext XW knows only the voltage of its battery, which says next to nothing of a lithium battery's charge. Load shave
makes it take from the battery what would come from the grid; this control switches that on when the mean state of
charge has reached an upper limit and off when the lowest module has reached a lower one (reference section 8). The
inverter's own low battery cut-out stays the safety net, and can be set tighter while the control is on.

**Safe state: load shave off, grid support as its owner has it; with the control off, every setting its owner's.** Load
shave is switched off when the battery's values are missing, too old, or frozen, on an alarm, a low cell, and at the
lower limit; while the gateway cannot be reached the inverter's cut-out protects the battery, and load shave is
switched off as soon as the link is back. The owner's values are read before the first write and restored on every end:
switched off, unloaded, stopped, changed by somebody else; after a kill or a power cut at the next start.

Pure: no clock, no input or output. The caller

1. calls ``resume`` once, when the inverter's settings have been read, then ``decide`` whenever there is something new;
2. keeps the state of the decision and, **if there is an action, has it on disk before** it writes the setting;
3. passes the outcome to ``written`` and asks again at once, until there is no action. The action of a dry run is not
   carried out; its outcome is ``KEPT``.

``stop`` and ``touched`` give decisions that are treated in the same way; when their action is done ``decide`` (or, on
a stop, ``stop`` again) gives the next one.
"""

from collections.abc import Mapping
from dataclasses import replace

from .soc_checks import Objection, Setup, objections
from .soc_judge import fresh, hold, may_discharge, observe, rested
from .soc_model import (
    GRID_SUPPORT,
    KEYS,
    LOAD_SHAVE,
    PROTECTION,
    Action,
    Decision,
    Found,
    Mode,
    Now,
    Outcome,
    Purpose,
    Reason,
    Setting,
    Settings,
    Snapshot,
    State,
    Taken,
)
from .soc_taken import follow, next_write, wanted_of, written

__all__ = [
    "KEYS",
    "TROUBLES",
    "Action",
    "Decision",
    "Found",
    "Mode",
    "Now",
    "Objection",
    "Outcome",
    "Purpose",
    "Reason",
    "Setting",
    "Settings",
    "Setup",
    "Snapshot",
    "State",
    "Taken",
    "decide",
    "objections",
    "resume",
    "stop",
    "switch_on",
    "touched",
    "troubles",
    "written",
]

STOPPED_FOR = frozenset({Reason.CHANGED_ELSEWHERE, Reason.NOT_READY})
"""Reasons for OFF that the owner has to look at."""
ALARMING_TRIES = 3
"""So often something must have failed before the owner is told."""
TROUBLES: Mapping[str, tuple[str, ...]] = {
    "soc_control_restore_failing": ("settings", "tries"),
    "soc_control_not_taken": ("settings", "tries"),
    **{f"soc_control_stopped_{reason}": () for reason in sorted(STOPPED_FOR)},
}
"""Every key that ``troubles`` can return, with the names of the details that belong to it."""


def decide(settings: Settings, state: State, snapshot: Snapshot, now: Now) -> Decision:
    """Return what to do next."""
    if state.mode is Mode.OFF:
        return Decision(state)
    state, changed = follow(settings, state, snapshot, now)
    if state.mode is Mode.RESTORING:
        return _give_back(state, now)
    if changed:
        return _end(replace(state, enabled=False), Reason.CHANGED_ELSEWHERE, now)
    if not set(settings.managed) <= {*state.taken, *state.left}:
        # Without knowing what to restore nothing is changed but load shave, which goes off.
        state = replace(state, mode=Mode.HELD, reason=Reason.UNKNOWN_VALUES)
        wanted = {key: value for key, value in wanted_of(settings, state).items() if key not in PROTECTION}
        return next_write(settings, state, wanted, now)
    state = _judge(settings, state, snapshot, now)
    return next_write(settings, state, wanted_of(settings, state), now)


def _judge(settings: Settings, state: State, snapshot: Snapshot, now: Now) -> State:
    """The mode that the battery allows."""
    passing: Reason | None = None
    if fresh(settings, snapshot):
        state = observe(settings, state, snapshot, now)
        discharge, why = may_discharge(settings, state, snapshot, now)
        if why is Reason.SHORTEST_ON:
            passing = why
        elif why is not None:
            state = replace(state, cause=why)
        state = replace(state, discharge=discharge)
    against = hold(settings, state, snapshot, now)
    if not state.discharge:
        return replace(state, mode=Mode.WAITING, reason=against or state.cause)
    if against is None and not state.shaving:
        against = _not_yet(settings, state, now)
    if against is not None:
        return replace(state, mode=Mode.HELD, reason=against)
    return replace(state, mode=Mode.DISCHARGING, reason=passing or state.cause)


def _not_yet(settings: Settings, state: State, now: Now) -> Reason | None:
    """Why load shave may not be switched on yet, although the battery allows it."""
    off = [key for key in (LOAD_SHAVE, GRID_SUPPORT) if key in settings.managed and state.taken[key].ours is not True]
    if any(state.watch.tries.get(key) and now.seconds < state.watch.retry_at.get(key, now.seconds) for key in off):
        return Reason.NOT_TAKEN
    if not rested(settings, state, now):
        return Reason.SHORTEST_OFF
    # Switching off again must be paid for, too.
    if any(len(state.recent(key, now)) + 2 > settings.write_budget for key in off):
        return Reason.WRITE_BUDGET
    return None


def _end(state: State, reason: Reason, now: Now) -> Decision:
    """Give everything back, then OFF."""
    if state.mode is not Mode.RESTORING:
        watch = replace(state.watch, retry_at={}, tries={})
        state = replace(state, mode=Mode.RESTORING, watch=watch)
    return _give_back(replace(state, reason=reason), now)


def _give_back(state: State, now: Now) -> Decision:
    kept = {key: each for key, each in state.taken.items() if not (each.sure and each.ours == each.owner)}
    state = replace(state, taken=kept)
    if kept:
        return next_write(None, state, {key: each.owner for key, each in kept.items()}, now)
    if state.enabled and state.reason is Reason.SWITCHED_ON:
        # Switched on again while the end was not through.
        return Decision(replace(state, mode=Mode.WAITING, discharge=False, cause=state.reason))
    return Decision(replace(state, mode=Mode.OFF, dry=False))


def stop(state: State, now: Now, reason: Reason = Reason.STOPPED) -> Decision:
    """Restore and go OFF: on a stop of Home Assistant, an unload, or (``SWITCHED_OFF``) by the owner.

    Only ``SWITCHED_OFF`` lasts; otherwise ``resume`` goes on. To be called again until it gives no action.
    """
    state = replace(state, enabled=state.enabled and reason is not Reason.SWITCHED_OFF)
    if state.mode is Mode.OFF:
        return Decision(replace(state, reason=reason) if reason is Reason.SWITCHED_OFF else state)
    if state.mode is Mode.RESTORING and reason is Reason.STOPPED:
        return _give_back(state, now)
    return _end(state, reason, now)


def switch_on(settings: Settings, state: State, setup: Setup) -> State:
    """Enable it. It stays OFF with ``NOT_READY`` while ``objections`` finds any.

    Between the two limits it waits until the battery is charged.
    """
    if objections(settings, setup):
        return replace(state, reason=Reason.NOT_READY)
    state = replace(state, enabled=True, left=())
    if state.mode is Mode.RESTORING:
        return replace(state, reason=Reason.SWITCHED_ON)
    if state.mode is Mode.OFF:
        return replace(state, mode=Mode.WAITING, reason=Reason.SWITCHED_ON, discharge=False, dry=settings.dry_run)
    return state


def resume(settings: Settings, state: State, setup: Setup, now: Now) -> Decision:
    """Go on after a start of this program, with the settings that the inverter has now.

    What was taken over before a kill is still known, so it goes on from there: first load shave goes off, because no
    value of the battery is known yet. Where the owner's options no longer fit, everything is restored.
    """
    if not state.enabled:
        return _end(state, state.reason, now) if state.taken else Decision(replace(state, mode=Mode.OFF))
    # What could not be read yet may come; nothing happens before it does.
    if set(objections(settings, setup)) - {Objection.UNKNOWN_VALUES}:
        return _end(state, Reason.NOT_READY, now)
    dry = state.dry if state.taken else settings.dry_run
    return Decision(replace(state, mode=Mode.WAITING, reason=Reason.RESTARTED, dry=dry))


def touched(state: State, key: str, value: Setting, now: Now) -> Decision:
    """Somebody else has set a setting: from now on it is theirs.

    Load shave and grid support are what the control works with, so it ends; what belongs to the cut-out is left alone.
    """
    taken = state.taken.get(key)
    if taken is None or state.dry or (taken.sure and taken.ours == value):
        return Decision(state)
    others = {each: kept for each, kept in state.taken.items() if each != key}
    state = replace(state, taken=others)
    if key in (LOAD_SHAVE, GRID_SUPPORT):
        return _end(replace(state, enabled=False), Reason.CHANGED_ELSEWHERE, now)
    return Decision(replace(state, left=(*state.left, key)))


def troubles(state: State) -> dict[str, dict[str, str]]:
    """What the owner should look at: key of the repair issue to what its text needs."""
    failing = {key: tries for key, tries in state.watch.tries.items() if tries >= ALARMING_TRIES}
    if failing:
        listed = ", ".join(f"{key.replace('_', ' ')} {_text(state, key)}" for key in KEYS if key in failing)
        details = {"settings": listed, "tries": str(max(failing.values()))}
        key = "restore_failing" if state.mode is Mode.RESTORING or state.shaving else "not_taken"
        return {f"soc_control_{key}": details}
    if state.mode is Mode.OFF and state.reason in STOPPED_FOR:
        return {f"soc_control_stopped_{state.reason}": {}}
    return {}


def _text(state: State, key: str) -> str:
    """The value that a setting should have."""
    taken = state.taken.get(key)
    if taken is None:
        return ""
    value = taken.owner if state.mode is Mode.RESTORING else taken.ours
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}"
