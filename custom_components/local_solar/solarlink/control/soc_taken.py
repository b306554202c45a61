"""The settings of the inverter that the state-of-charge control has taken over.

What they are to be, in which order they are written, what became of it, and whether somebody else has changed one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from .soc_model import (
    GRID_SUPPORT,
    LOAD_SHAVE,
    PROTECTION,
    Action,
    Decision,
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

RETRY_SECONDS = 30.0
"""Pause between two writes of one setting (reference section 5, rule 6)."""
RETRIES = 20
LATE_RETRY_SECONDS = 3600.0
"""After ``RETRIES`` it is tried less often, but not given up."""
SAME = 0.05
"""Numbers closer than this are the same setting."""


def same(one: Setting, other: Setting) -> bool:
    """Whether two values are the same setting."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return abs(one - other) < SAME


def wanted_of(settings: Settings, state: State) -> dict[str, Setting]:
    """What every setting that was taken over is to be now."""
    on = state.mode is Mode.DISCHARGING
    wanted: dict[str, Setting] = {}
    for key, taken in state.taken.items():
        if key not in settings.managed:
            wanted[key] = taken.owner
        elif key == LOAD_SHAVE:
            wanted[key] = on
        elif key == GRID_SUPPORT:
            wanted[key] = True if on else taken.owner
        else:
            wanted[key] = settings.protection[key]
    return wanted


def follow(settings: Settings, state: State, snapshot: Snapshot, now: Now) -> tuple[State, bool]:
    """Compare what was read with what was written, and take over what is not yet.

    Returns whether somebody else has switched load shave or grid support.
    """
    if state.mode is not Mode.RESTORING:
        state = _take_over(settings, state, snapshot)
    if state.dry:
        return state, False
    taken, left, changed = dict(state.taken), list(state.left), False
    retry_at = dict(state.watch.retry_at)
    for key, found in snapshot.device.items():
        known, wrote_at = taken.get(key), state.watch.wrote_at.get(key)
        if known is None or (wrote_at is not None and now.seconds - found.age <= wrote_at):
            continue
        before = state.watch.before.get(key)
        if same(found.value, known.ours):
            taken[key] = replace(known, sure=True)
        elif not known.sure and (before is None or not before.sure):
            # Written just before a kill, perhaps more than once: whatever is there now is written over.
            continue
        elif not known.sure and before is not None and same(found.value, before.ours):
            # The write was not carried out, and the link stands again.
            taken[key] = replace(before, sure=True)
            if wrote_at is not None and key in retry_at:
                retry_at[key] = min(retry_at[key], wrote_at + RETRY_SECONDS)
        else:
            del taken[key]
            if key in PROTECTION:
                left.append(key)
            else:
                changed = True
    watch = replace(state.watch, retry_at=retry_at)
    return replace(state, taken=taken, left=tuple(left), watch=watch), changed


def _take_over(settings: Settings, state: State, snapshot: Snapshot) -> State:
    """Remember the owner's values before anything is written."""
    new = {
        key: Taken(owner=found.value, ours=found.value)
        for key in settings.managed
        if key not in state.taken and key not in state.left and (found := snapshot.device.get(key)) is not None
    }
    return replace(state, taken={**state.taken, **new}) if new else state


def _rank(item: tuple[str, Setting]) -> int:
    """What takes load off the battery comes first, what puts load on it last; grid support goes before load shave."""
    key, value = item
    if key == LOAD_SHAVE:
        return 6 if value else 0
    if key == GRID_SUPPORT:
        return 5 if value else 1
    return 2 + PROTECTION.index(key)


def next_write(settings: Settings | None, state: State, wanted: Mapping[str, Setting], now: Now) -> Decision:
    """The next setting to write, if any is due; ``settings`` is ``None`` while everything is given back."""
    pending = [
        (key, value)
        for key, value in sorted(wanted.items(), key=_rank)
        if not (state.taken[key].sure and same(state.taken[key].ours, value))
    ]
    for place, (key, value) in enumerate(pending):
        if now.seconds < state.watch.retry_at.get(key, now.seconds):
            continue
        if settings is not None and key in settings.managed:
            if key in PROTECTION and not _affordable(settings, state, key, now):
                continue
            if value is True and place > 0:
                # Only with the safety net in place, and load shave only with grid support.
                return Decision(replace(state, mode=Mode.HELD, reason=_why(settings, state, pending, now)))
        return _write(state, key, value, now)
    if settings is not None and state.mode is Mode.DISCHARGING and not state.shaving:
        return Decision(replace(state, mode=Mode.HELD, reason=_why(settings, state, pending, now)))
    return Decision(state)


def _affordable(settings: Settings, state: State, key: str, now: Now) -> bool:
    """Whether today's writes allow this one together with the restore that must follow it."""
    return len(state.recent(key, now)) + 2 <= settings.write_budget


def _why(settings: Settings, state: State, pending: Iterable[tuple[str, Setting]], now: Now) -> Reason:
    for key, _ in pending:
        if key in PROTECTION and not _affordable(settings, state, key, now):
            return Reason.WRITE_BUDGET
    return Reason.NOT_TAKEN


def _write(state: State, key: str, value: Setting, now: Now) -> Decision:
    """The decision to write. It is counted before it is carried out, so that a crash cannot lose the count."""
    taken = state.taken[key]
    purpose = Purpose.RESTORE if state.mode is Mode.RESTORING else Purpose.SET
    at = now.wall.timestamp()
    counted = state.writes if state.dry else {**state.writes, key: (*state.recent(key, now), at)}
    watch = replace(
        state.watch,
        before={**state.watch.before, key: taken},
        wrote_at={**state.watch.wrote_at, key: now.seconds},
        retry_at={**state.watch.retry_at, key: now.seconds + RETRY_SECONDS},
    )
    switched = at if key == LOAD_SHAVE and not same(taken.ours, value) else state.switched_at
    state = replace(
        state,
        taken={**state.taken, key: replace(taken, ours=value, sure=False)},
        writes=counted,
        switched_at=switched,
        watch=watch,
    )
    return Decision(state, Action(key, value, purpose, state.dry))


def written(state: State, action: Action, outcome: Outcome, kept: Setting | None, now: Now) -> State:
    """Take in what became of an action; ``kept`` is what the inverter reads back, if that is known."""
    key, taken = action.key, state.taken.get(action.key)
    if taken is None:
        return state
    watch, writes = state.watch, state.writes
    tries, retry_at = dict(watch.tries), dict(watch.retry_at)
    match outcome:
        case Outcome.KEPT:
            taken = replace(taken, ours=action.value, sure=True)
            tries.pop(key, None)
            retry_at.pop(key, None)
        case Outcome.DIFFERENT if kept is not None:
            taken = replace(taken, ours=kept, sure=True)
        case Outcome.REFUSED | Outcome.NOT_SENT:
            taken = watch.before.get(key, taken)
            writes = {**writes, key: writes.get(key, ())[:-1]}
    if outcome is Outcome.NOT_SENT:
        # The link itself waits longer and longer between its tries; the moment it is back this must be done.
        retry_at[key] = now.seconds + RETRY_SECONDS
    elif outcome is not Outcome.KEPT:
        tries[key] = tries.get(key, 0) + 1
        retry_at[key] = now.seconds + (RETRY_SECONDS if tries[key] < RETRIES else LATE_RETRY_SECONDS)
    watch = replace(watch, tries=tries, retry_at=retry_at, wrote_at={**watch.wrote_at, key: now.seconds})
    return replace(state, taken={**state.taken, key: taken}, writes=writes, watch=watch)
