"""What the battery's values mean for the state-of-charge control: fresh or not, charged or empty, safe or not."""

from dataclasses import replace

from .soc_model import Now, Reason, Settings, Snapshot, State

URGENT = 5.0
"""So far (%) below the lower limit nothing waits for the shortest time that load shave is to be on."""
SAMPLES = 2
"""A battery is empty when so many samples in a row say so: one that is wrong costs no day."""
SAME_SAMPLE = 0.1
"""Samples read less than this apart (s) are the same."""
HIGHEST_BELIEVED = 110.0
"""Consoles are known to tell a little more than 100 %."""


def fresh(settings: Settings, snapshot: Snapshot) -> bool:
    """Whether there is enough to judge: everything that is to be watched is known, possible and young."""
    needed = [snapshot.mean, snapshot.lowest]
    if settings.lowest_cell is not None:
        needed.append(snapshot.lowest_cell)
    if settings.highest_cell is not None:
        needed.append(snapshot.highest_cell)
    if any(each is None for each in needed) or (settings.alarm and snapshot.alarm is None):
        return False
    possible = all(each is not None and 0.0 <= each <= HIGHEST_BELIEVED for each in (snapshot.mean, snapshot.lowest))
    return possible and snapshot.age <= settings.max_age


def observe(settings: Settings, state: State, snapshot: Snapshot, now: Now) -> State:
    """Take in a sample; only of fresh values."""
    watch, at = state.watch, now.seconds - snapshot.age
    if watch.sampled_at is not None and at - watch.sampled_at < SAME_SAMPLE:
        return state
    assert snapshot.lowest is not None
    numbers = (snapshot.mean, snapshot.lowest, snapshot.lowest_cell, snapshot.highest_cell)
    moved = watch.changed_at is None or numbers != watch.numbers
    cell = settings.lowest_cell is not None and snapshot.lowest_cell is not None
    cell = cell and snapshot.lowest_cell <= settings.lowest_cell  # type: ignore[operator]
    watch = replace(
        watch,
        sampled_at=at,
        numbers=numbers,
        changed_at=at if moved else watch.changed_at,
        low_samples=watch.low_samples + 1 if snapshot.lowest <= settings.empty else 0,
        cell_samples=watch.cell_samples + 1 if cell else 0,
    )
    return replace(state, watch=watch)


def frozen(settings: Settings, state: State, snapshot: Snapshot, now: Now) -> bool:
    """Whether values come that do not move; states of charge alone may stand still for hours."""
    cells = snapshot.lowest_cell is not None or snapshot.highest_cell is not None
    if not settings.longest_unchanged or not cells or state.watch.changed_at is None:
        return False
    return now.seconds - state.watch.changed_at > settings.longest_unchanged


def hold(settings: Settings, state: State, snapshot: Snapshot, now: Now) -> Reason | None:
    """Why the battery must not be discharged for now, although that says nothing of its charge."""
    if not fresh(settings, snapshot):
        return Reason.DATA_OLD
    if frozen(settings, state, snapshot, now):
        return Reason.DATA_FROZEN
    highest = snapshot.highest_cell
    if settings.highest_cell is not None and highest is not None and highest > settings.highest_cell:
        return Reason.CELL_HIGH
    return None


def may_discharge(settings: Settings, state: State, snapshot: Snapshot, now: Now) -> tuple[bool, Reason | None]:
    """Whether the battery may be discharged, and why that is so if it has just changed; only of fresh values.

    Off is decided by the lowest module, on by the mean (reference section 8). An alarm or a low cell counts as empty:
    what comes back as soon as the load is gone must not switch it on again.
    """
    assert snapshot.mean is not None
    assert snapshot.lowest is not None
    if snapshot.alarm:
        return False, Reason.ALARM
    if state.watch.cell_samples >= SAMPLES:
        return False, Reason.CELL_LOW
    if state.watch.low_samples >= SAMPLES:
        if state.discharge and snapshot.lowest > settings.empty - URGENT and _just_on(settings, state, now):
            return True, Reason.SHORTEST_ON
        return False, Reason.EMPTY
    if state.watch.low_samples or state.watch.cell_samples:
        # Not sure yet: as it was.
        return state.discharge, None
    if snapshot.mean >= settings.charged:
        return True, None if state.discharge else Reason.CHARGED
    return state.discharge, None


def _just_on(settings: Settings, state: State, now: Now) -> bool:
    return state.shaving and 0.0 <= now.wall.timestamp() - state.switched_at < settings.shortest_on


def rested(settings: Settings, state: State, now: Now) -> bool:
    """Whether load shave has been off for long enough; a clock that was set back does not stop it."""
    return not 0.0 <= now.wall.timestamp() - state.switched_at < settings.shortest_off
