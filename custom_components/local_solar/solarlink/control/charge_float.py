"""The float voltage: what the inverter has, writing it, and what became of it."""

from dataclasses import replace
from enum import Enum, auto

from .charge_checks import same
from .charge_model import Action, Decision, Mode, Now, Outcome, Purpose, Reason, Settings, Snapshot, State

RETRY_SECONDS = 30.0
RETRIES = 20
LATE_RETRY_SECONDS = 3600.0
"""After ``RETRIES`` it is tried less often, but not given up: an overcharged battery is the greater harm."""


class FloatFound(Enum):
    """What the inverter's float voltage is."""

    UNKNOWN = auto()
    """Not read since it was written."""
    REAL = auto()
    RAISED = auto()
    OURS = auto()
    """Neither, but what the inverter made of the last write."""
    FOREIGN = auto()
    """Nothing that this controller has set."""


def find_float(settings: Settings, state: State, snapshot: Snapshot, now: Now) -> FloatFound:
    """Compare the float voltage that was read with the two that it may have."""
    voltage, wrote_at = snapshot.float_voltage, state.watch.wrote_at
    if voltage is None or (wrote_at is not None and now.seconds - snapshot.float_age <= wrote_at):
        return FloatFound.UNKNOWN
    real = state.real_float if state.boosted else settings.real_float
    raised = state.absorption if state.boosted else settings.absorption
    if state.dry if state.boosted else settings.dry_run:
        # Nothing was written, so what is read is what would have been there before.
        known = same(voltage, real) or same(voltage, raised)
        return (FloatFound.RAISED if state.boosted else FloatFound.REAL) if known else FloatFound.FOREIGN
    if same(voltage, real):
        return FloatFound.REAL
    if same(voltage, raised):
        return FloatFound.RAISED
    if state.set_to is not None and same(voltage, state.set_to):
        return FloatFound.OURS
    return FloatFound.FOREIGN


def budget_left(settings: Settings, state: State, now: Now) -> bool:
    """Whether today's writes allow another boost together with the restore that must follow it."""
    return _writes(state, now) + 2 <= settings.write_budget


def _writes(state: State, now: Now) -> int:
    return state.writes_today if state.writes_on == now.today else 0


def write(state: State, purpose: Purpose, now: Now) -> Decision:
    """The decision to write. It is counted before it is carried out, so that a crash cannot lose the count."""
    voltage = state.absorption if purpose is Purpose.BOOST else state.real_float
    state = replace(
        state,
        last_write_at=now.wall.timestamp(),
        writes_on=now.today,
        writes_today=_writes(state, now) + 1,
        watch=replace(state.watch, wrote_at=now.seconds, retry_at=now.seconds + RETRY_SECONDS),
    )
    return Decision(state, Action(voltage, purpose, state.dry))


def settled(state: State) -> State:
    """The owner's float voltage is there: nothing is raised any more."""
    over = replace(state, boosted=False, confirmed=False, set_to=state.real_float).anew()
    return replace(over, mode=over.after) if over.mode is Mode.RESTORE else over


def written(state: State, action: Action, outcome: Outcome, kept: float | None, now: Now) -> State:
    """Take in what became of an action; ``kept`` is what the inverter reads back (V), if that is known."""
    if outcome is Outcome.KEPT:
        if action.purpose is Purpose.RESTORE:
            return settled(state)
        return replace(state, confirmed=True, set_to=action.voltage).anew()
    if outcome in {Outcome.REFUSED, Outcome.NOT_SENT}:
        # The memory was not worn.
        state = replace(state, writes_today=max(0, _writes(state, now) - 1))
    tries = state.watch.tries + 1
    wait = RETRY_SECONDS if tries < RETRIES else LATE_RETRY_SECONDS
    state = replace(
        state,
        set_to=state.set_to if kept is None else kept,
        watch=replace(state.watch, tries=tries, retry_at=now.seconds + wait),
    )
    if action.purpose is Purpose.RESTORE:
        return state if state.mode is Mode.RESTORE else replace(state, mode=Mode.RESTORE, after=state.mode)
    if outcome in {Outcome.REFUSED, Outcome.DIFFERENT}:
        refused = replace(state, mode=Mode.RESTORE, after=Mode.IDLE, reason=Reason.REFUSED, blocked_on=now.today)
        return refused.anew()
    return state
