"""Charge the battery from sun and grid until a state of charge or a time, and make sure that it really ends.

A SENEC.Home has a button "force charge" and one that releases it, but neither a target nor an end: it charges to 100 %
unless it is stopped (reference section 11.1). Machines are known that begin again about ten seconds after a stop, and
the device may end by itself before the target is reached. This controller adds the target and the end.

**Safe state: not charging from the grid.** Whenever it is in doubt (no believable data for ``STALE_AFTER`` seconds, the
time is over while the device is silent) it asks for a stop.

Pure: the caller brings the clock, carries out the action and only then keeps (and saves) the new state. When the action
fails, the caller keeps the old state, so that the next decision asks for it again. The client writes a stop only to a
device that runs and a start only to one that does not, so asking once too often costs nothing.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple, Self

from ..errors import ValueKindError, ValueRangeError

START_SETTLE = 30.0
"""Seconds that the device is given to report that it runs, after it was started."""
RESTART_WAITS = (15.0, 60.0, 300.0)
"""Seconds that the device must have been off by itself before it is started again; one start for each of them."""
STOP_SETTLE = 15.0
"""Seconds after a stop from which "it runs" means that the device did not stop or has begun again by itself."""
WATCH_CLEAR = 60.0
"""Seconds after the latest stop from which "it does not run" means that it has stopped for good."""
WATCH_FOR = 3600.0
"""Seconds after the latest stop from which a charge that is seen is not the device's own doing any more."""
STOPS_AGAIN = 3
"""How often a stop is repeated."""
FRESH_FOR = 60.0
"""Age in seconds above which data are too old to begin charging upon them."""
LOOK_AGAIN = 10.0
"""Seconds after which the device is read again when what was read is missing or too old to act upon."""
STALE_AFTER = 600.0
"""Seconds without believable data after which charging is stopped: two cycles at the longest interval of polling."""
LOWEST_TARGET, HIGHEST_TARGET = 1.0, 100.0


class Phase(StrEnum):
    """How far an order has come."""

    IDLE = "idle"
    """There is no order."""
    CHARGING = "charging"
    """The order is carried out."""
    RESTARTING = "restarting"
    """The device ended by itself too early; it is started again."""
    REACHED = "reached"
    """The battery has what was ordered."""
    ENDED = "ended"
    """The order is over without that: by time, by the owner, or because it cannot be carried out."""


class Action(StrEnum):
    """What the device is to be told."""

    NOTHING = "nothing"
    START = "start"
    STOP = "stop"


class Reason(StrEnum):
    """Why: what people are shown beside the phase."""

    NO_ORDER = "no_order"
    WAITING = "waiting"
    """The device has been started, but does not report yet that it runs."""
    RUNNING = "running"
    ENDED_EARLY = "ended_early"
    """The device has ended by itself; it will be started again."""
    NO_DATA = "no_data"
    """Nothing believable was read lately, so nothing is done for now."""
    TARGET = "target"
    """The state of charge was reached."""
    FULL = "full"
    """The device says that force charge is finished."""
    TIME = "time"
    """The time of the order is over."""
    OWNER = "owner"
    """Somebody switched force charge off by hand."""
    GAVE_UP = "gave_up"
    """The device has ended by itself again and again."""
    SILENT = "silent"
    """Nothing believable was read for so long that charging was stopped."""
    BEGUN_AGAIN = "begun_again"
    """The device has begun again by itself after a stop, and is stopped again."""
    NOT_STOPPING = "not_stopping"
    """The device goes on charging although it was stopped again and again."""


@dataclass(frozen=True, slots=True)
class Order:
    """Charge until the battery has ``target`` % or until the time ``until``, whichever comes first.

    ``until`` and ``started`` are seconds since 1970; without ``until`` only the state of charge ends the order. Raises
    ``ValueRangeError`` for a target outside of 1 to 100 % and ``ValueKindError`` for a time that is no number.
    """

    target: float
    until: float | None
    started: float

    def __post_init__(self) -> None:
        """Refuse an order that would never end."""
        if not LOWEST_TARGET <= self.target <= HIGHEST_TARGET:
            raise ValueRangeError(
                point="State of charge",
                minimum=LOWEST_TARGET,
                maximum=HIGHEST_TARGET,
                unit="%",
                value=float(self.target),
            )
        if self.until is not None and not math.isfinite(self.until):
            raise ValueKindError(point="Until", value=str(self.until), expected="a time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is known of the device. ``None`` means that there is no believable value."""

    at: float
    """When it was read, seconds since 1970."""
    running: bool | None
    """Whether the device says that force charge runs (ENERGY.SAFE_CHARGE_RUNNING)."""
    state_of_charge: float | None
    """State of charge in %."""
    finished: bool = False
    """Whether the device says that force charge is finished (state 9)."""
    released: bool = False
    """Whether the button that releases force charge was seen pressed (ENERGY.SAFE_CHARGE_PROHIBIT)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything the controller remembers; ``as_dict`` and ``from_dict`` carry it over a restart."""

    phase: Phase = Phase.IDLE
    reason: Reason = Reason.NO_ORDER
    order: Order | None = None
    starts: int = 0
    """How often the charge of this order has begun: started by us, or found running."""
    ran: bool = False
    """Whether the device has been seen running since the latest start."""
    stops: int = 0
    """How often the device was stopped at the end of this order."""
    written_at: float | None = None
    """When the device was last started or stopped; ``None`` when there is nothing left to watch."""
    off_since: float | None = None
    """Since when the device does not run although it should."""
    heard_at: float | None = None
    """When something believable was last read. Not saved: after a restart the device gets its time to answer."""

    @property
    def active(self) -> bool:
        """Whether an order is being carried out."""
        return self.phase in {Phase.CHARGING, Phase.RESTARTING}

    @property
    def watching(self) -> bool:
        """Whether the order is over, but the device has still to prove that it stays stopped."""
        return not self.active and self.written_at is not None

    def as_dict(self) -> dict[str, Any]:
        """The state as JSON can hold it."""
        saved = asdict(self)
        del saved["heard_at"]
        return saved

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Take back what ``as_dict`` gave; idle when that has a shape we do not know."""
        try:
            order = saved["order"]
            return cls(
                phase=Phase(saved["phase"]),
                reason=Reason(saved["reason"]),
                order=None if order is None else Order(float(order["target"]), _time(order["until"]), order["started"]),
                starts=int(saved["starts"]),
                ran=bool(saved["ran"]),
                stops=int(saved["stops"]),
                written_at=_time(saved["written_at"]),
                off_since=_time(saved["off_since"]),
            )
        except KeyError, TypeError, ValueError, ValueKindError, ValueRangeError:
            return cls()


class Decision(NamedTuple):
    """What to do now. ``look_again``: when the device should be read again at the latest, seconds since 1970."""

    state: State
    action: Action
    reason: Reason
    look_again: float | None = None


def accept(order: Order) -> State:
    """The state that begins ``order``; what an earlier order left to watch is dropped."""
    return State(phase=Phase.CHARGING, reason=Reason.WAITING, order=order)


def by_hand(state: State, *, on: bool, now: float) -> State:
    """The owner has switched force charge on or off: an order ends with off, and the stop is watched.

    Switched on, it is the owner's own charge and is not touched, unless an order is being carried out, which goes on.
    """
    if on:
        return state if state.active else State()
    return replace(state, phase=Phase.ENDED, reason=Reason.OWNER, ran=False, stops=1, written_at=now, off_since=None)


def decide(state: State, snapshot: Snapshot, now: float) -> Decision:
    """Return what to do next; ``now`` in seconds since 1970.

    Whether somebody has switched force charge off at the device or the device has ended by itself cannot be told apart
    unless the release button is seen pressed; then it is started again as often as ``RESTART_WAITS`` is long.
    """
    if not state.active or state.order is None:
        return _watch(state, snapshot, now)
    order = state.order
    if order.until is not None and now >= order.until:
        return _finish(state, snapshot, now, Phase.ENDED, Reason.TIME)

    if snapshot.running is None or snapshot.state_of_charge is None or now - snapshot.at > STALE_AFTER:
        heard_at = now if state.heard_at is None else state.heard_at
        if now - heard_at > STALE_AFTER:
            return _finish(state, snapshot, now, Phase.ENDED, Reason.SILENT)
        return _stay(replace(state, heard_at=heard_at), Reason.NO_DATA, order.until)
    state = replace(state, heard_at=snapshot.at)

    if snapshot.state_of_charge >= order.target:
        return _finish(state, snapshot, now, Phase.REACHED, Reason.TARGET)
    if snapshot.finished and (state.ran or (state.starts > 0 and _settled(state, snapshot, START_SETTLE))):
        return _finish(state, snapshot, now, Phase.REACHED, Reason.FULL)
    if snapshot.released and state.ran:
        return _finish(state, snapshot, now, Phase.ENDED, Reason.OWNER)
    if snapshot.running:
        running = replace(state, phase=Phase.CHARGING, starts=max(state.starts, 1), ran=True, off_since=None)
        return _stay(running, Reason.RUNNING, order.until)
    return _start(state, order, snapshot, now)


def _start(state: State, order: Order, snapshot: Snapshot, now: float) -> Decision:
    """The device does not run, but should."""
    if not state.ran and not _settled(state, snapshot, START_SETTLE):
        return _stay(state, Reason.WAITING, order.until)
    first = state.starts == 0
    if not first:
        if state.starts > len(RESTART_WAITS):
            return _finish(state, snapshot, now, Phase.ENDED, Reason.GAVE_UP)
        off_since = snapshot.at if state.off_since is None else state.off_since
        state = replace(state, phase=Phase.RESTARTING, off_since=off_since)
        begin = off_since + RESTART_WAITS[state.starts - 1]
        if snapshot.at < begin:
            return _stay(state, Reason.ENDED_EARLY, begin if order.until is None else min(begin, order.until))
    if now - snapshot.at > FRESH_FOR:
        return _stay(state, Reason.NO_DATA, now + LOOK_AGAIN)
    started = replace(
        state,
        reason=Reason.WAITING if first else Reason.ENDED_EARLY,
        starts=state.starts + 1,
        ran=False,
        written_at=now,
        off_since=None,
    )
    return Decision(started, Action.START, started.reason, now + START_SETTLE)


def _finish(state: State, snapshot: Snapshot, now: float, phase: Phase, reason: Reason) -> Decision:
    """The order is over; stop the device unless it is known not to run."""
    over = replace(state, phase=phase, reason=reason, ran=False, off_since=None, written_at=None)
    known = now - snapshot.at <= STALE_AFTER and _settled(state, snapshot, START_SETTLE)
    if snapshot.running is False and known:
        return Decision(over, Action.NOTHING, reason)
    return Decision(replace(over, stops=1, written_at=now), Action.STOP, reason, now + STOP_SETTLE)


def _watch(state: State, snapshot: Snapshot, now: float) -> Decision:
    """No order is carried out; see to it that the device stays stopped."""
    if state.written_at is None:
        return _stay(state, state.reason)
    unwatched = replace(state, written_at=None)
    # Also when the clock was set back by more than that.
    if abs(now - state.written_at) > WATCH_FOR:
        return _stay(unwatched, state.reason)
    if snapshot.running is None or not _settled(state, snapshot, STOP_SETTLE):
        due = state.written_at + STOP_SETTLE
        return _stay(state, state.reason, due if due > now else now + LOOK_AGAIN)
    if not snapshot.running:
        if _settled(state, snapshot, WATCH_CLEAR):
            return _stay(unwatched, state.reason)
        due = state.written_at + WATCH_CLEAR
        return _stay(state, state.reason, due if due > now else now + LOOK_AGAIN)
    if state.stops > STOPS_AGAIN:
        return _stay(replace(unwatched, phase=Phase.ENDED), Reason.NOT_STOPPING)
    again = replace(state, stops=state.stops + 1, written_at=now)
    return Decision(again, Action.STOP, Reason.BEGUN_AGAIN, now + STOP_SETTLE)


def _settled(state: State, snapshot: Snapshot, seconds: float) -> bool:
    """Whether the snapshot is so much younger than the latest write that the device must have followed it."""
    return state.written_at is None or snapshot.at >= state.written_at + seconds


def _stay(state: State, reason: Reason, look_again: float | None = None) -> Decision:
    return Decision(replace(state, reason=reason), Action.NOTHING, reason, look_again)


def _time(saved: float | str | None) -> float | None:
    return None if saved is None else float(saved)
