"""What is done when something is lost: meter, DTU, grid, the control itself (reference section 9.9).

The meter's values themselves are the core's business; here is what people are told of it. The battery's data belong to
``feed_in_gate``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from .feed_in_snapshot import InverterSnapshot, LimitWord
from .feed_in_terms import check_range, known, lasted, since

STALE_S = 10.0
"""Age of a meter value (s) from which nothing is raised any more."""
LOST_S = 30.0
"""Age of a meter value (s) from which the sum is ramped down."""
DTU_LOST_S = 15.0
"""A DTU that has not answered for so long (s) is lost."""
STOP_WAIT_S = 5.0
"""So long (s) the last commands of a stop are waited for at most."""
SEND_AGAIN_S = 60.0
"""Shortest time between two commands that repeat a limit, s."""
SEND_AGAIN = 3
"""So often a limit is sent after a reboot of the DTU while it stays unknown."""
OWN_LIMIT_S = 30.0
"""So long (s) after our own limit was acknowledged it counts as known although the DTU does not report it."""


class MeterState(StrEnum):
    """How the meter is."""

    NEVER = "never"
    """There was no value yet."""
    FRESH = "fresh"
    STALE = "stale"
    LOST = "lost"


def meter_state(age: float | None) -> MeterState:
    """How the meter is when its last value is so old, s."""
    value = known(age)
    if value is None:
        return MeterState.NEVER
    if value >= LOST_S:
        return MeterState.LOST
    return MeterState.STALE if value >= STALE_S else MeterState.FRESH


def dtu_lost(inverter: InverterSnapshot) -> bool:
    """Whether nothing can be sent to an inverter because its DTU does not answer."""
    silent = known(inverter.dtu_lost_s)
    return silent is not None and silent >= DTU_LOST_S


def stop_limits(inverters: Iterable[InverterSnapshot], stop_pct: float | None) -> dict[str, float]:
    """The last commands when the control ends: %, by serial number; ``stop_pct`` None is the lowest limit of each.

    No limit is raised, and none is touched that cannot be sent or belongs to somebody else.
    """
    found = {}
    for each in inverters:
        mine = not (each.governed_elsewhere or each.manual_override) and each.commands_enabled and each.poll_enabled
        limit_at_end = each.min_pct if stop_pct is None else max(each.min_pct, stop_pct)
        limits = [limit for limit in (each.commanded_pct, each.reported) if limit is not None]
        if mine and not dtu_lost(each) and limits and max(limits) > limit_at_end + 0.05:
            found[each.serial] = limit_at_end
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RebootState:
    """What is known of an inverter's limit after its DTU has started again; times in s."""

    at: float | None = None
    """When that was; None while the limit is known."""
    own_pct: float | None = None
    """The limit that it was last told before."""
    sent_at: float | None = None
    """When that was sent again."""
    tries: int = 0
    pending: bool = False
    """Whether the DTU has begun to send it."""
    ok_at: float | None = None
    """When it was acknowledged."""


def after_reboot(state: RebootState, t: float, inverter: InverterSnapshot) -> tuple[RebootState, float | None]:
    """Follow a limit that a reboot of the DTU has made unknown; returns the limit (%) to send again, if one is due.

    The inverter keeps its limit, so sending the same one again changes nothing but makes it known within seconds;
    by itself the DTU asks for it after minutes.
    """
    if inverter.dtu_rebooted:
        # The snapshot of the reboot may still carry what was reported before it.
        return RebootState(at=t, own_pct=known(inverter.commanded_pct)), None
    if state.at is None or inverter.reported is not None:
        return RebootState(), None
    if state.sent_at is not None:
        pending = state.pending or inverter.state in {LimitWord.PENDING, LimitWord.FAILURE}
        acknowledged = pending and inverter.state is LimitWord.OK
        state = replace(state, pending=pending, ok_at=since(state.ok_at, t, true=acknowledged))
    ready = inverter.reachable and inverter.commands_enabled and not dtu_lost(inverter)
    due = state.sent_at is None or t - state.sent_at >= SEND_AGAIN_S
    if state.own_pct is None or state.ok_at is not None or not ready or not due or state.tries >= SEND_AGAIN:
        return state, None
    return replace(state, sent_at=t, tries=state.tries + 1, pending=False), state.own_pct


def own_limit(state: RebootState, t: float) -> float | None:
    """The limit (%) that counts although the DTU does not report it; None while nothing is known."""
    return state.own_pct if lasted(state.ok_at, t, OWN_LIMIT_S) else None


class RelayOrder(StrEnum):
    """What the watchdog relay is to be told."""

    ON = "on"
    """With its own auto-off after ``RelaySettings.auto_off_s``."""
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """A relay before the inverters that falls off by itself when nobody feeds it. Raises ``ValueError``."""

    configured: bool = False
    period_s: float = 300.0
    """How often it is switched on, 30 s to the time of its auto-off."""
    auto_off_s: float = 900.0
    """After so long it falls off by itself, 60 to 7200 s."""
    export_w: float = 150.0
    """Export that must not last, 20 to 22500 W."""
    export_s: float = 200.0
    """So long it may last, 10 to 3600 s."""

    def __post_init__(self) -> None:
        """Refuse what is out of range or contradicts itself."""
        check_range("auto_off_s", self.auto_off_s, 60.0, 7200.0)
        check_range("period_s", self.period_s, 30.0, self.auto_off_s)
        check_range("export_w", self.export_w, 20.0, 22500.0)
        check_range("export_s", self.export_s, 10.0, 3600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayState:
    """What is remembered of the relay; times in s."""

    ordered: RelayOrder | None = None
    ordered_at: float | None = None
    export_since: float | None = None
    tripped_at: float | None = None
    """When an export lasted too long: the relay stays off for the time of its auto-off, or it would switch the
    inverters off and on without end.
    """


def relay(
    settings: RelaySettings, state: RelayState, t: float, *, alive: bool, gate_open: bool, grid_w: float | None
) -> tuple[RelayState, RelayOrder | None]:
    """What the relay is to be told at ``t`` (s), if anything; an unknown grid power changes nothing."""
    power = known(grid_w)
    if power is not None:
        state = replace(state, export_since=since(state.export_since, t, true=-power > settings.export_w))
    if lasted(state.export_since, t, settings.export_s) and state.tripped_at is None:
        state = replace(state, tripped_at=t)
    elif state.tripped_at is not None and t - state.tripped_at >= settings.auto_off_s:
        state = replace(state, tripped_at=None, export_since=None)
    allowed = alive and gate_open and state.tripped_at is None
    order = RelayOrder.ON if allowed else RelayOrder.OFF
    again = state.ordered_at is None or t - state.ordered_at >= settings.period_s - 1e-6
    if not settings.configured or (order is state.ordered and not (allowed and again)):
        return state, None
    return replace(state, ordered=order, ordered_at=t), order
