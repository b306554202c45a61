"""When an inverter may be used, and what one that may not still gives (reference section 9.6)."""

from dataclasses import dataclass, replace
from enum import StrEnum

from .feed_in_loss import dtu_lost
from .feed_in_snapshot import InverterSnapshot
from .feed_in_terms import check_range, known, lasted, since

LOWEST_VOLTAGE = 100.0
"""AC voltage (V) from which an inverter is at the grid even while it gives nothing."""
POLLS = 4
"""A sample may be as old as so many polls of the inverter."""


class Usable(StrEnum):
    """Whether an inverter is under control, or why not."""

    YES = "yes"
    STARTING = "starting"
    """The control has just begun, and meter or battery have not told anything yet."""
    SWITCHED_OFF = "switched_off"
    """By this control."""
    GOVERNED_ELSEWHERE = "governed_elsewhere"
    MANUAL_OVERRIDE = "manual_override"
    NOT_POLLED = "not_polled"
    COMMANDS_OFF = "commands_off"
    DTU_LOST = "dtu_lost"
    RATED_POWER_UNKNOWN = "rated_power_unknown"
    LIMIT_UNKNOWN = "limit_unknown"
    UNREACHABLE = "unreachable"
    DATA_OLD = "data_old"
    NOT_ACKNOWLEDGED = "not_acknowledged"
    LIMIT_NOT_KEPT = "limit_not_kept"
    NOT_AT_GRID = "not_at_grid"
    """Neither AC voltage nor power."""
    SETTLING = "settling"
    """All is well, but not for long enough."""
    NOT_IN_THIS_MODE = "not_in_this_mode"
    """It could be used, but the mode does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableSettings:
    """Times, s. Raises ``ValueError``."""

    unreachable_s: float = 60.0
    """So long a usable inverter may be out of reach, 5 to 600."""
    oldest_s: float = 60.0
    """Age up to which a sample counts, or four polls if that is longer, 10 to 600."""
    ack_s: float = 60.0
    """So long an acknowledgement may be missing, 10 to 600."""
    settle_s: float = 10.0
    """So long all must be well before an inverter is usable again, 0 to 600."""
    started_s: float = 30.0
    """So long one that has just been started must have produced, 0 to 600."""
    limit_ends_s: float = 600.0
    """After so long a limit that is not persistent cannot be in force any more, 60 to 7200."""
    strict: bool = False
    """Whether an inverter that was lost for longer counts with its persistent limit."""

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        check_range("unreachable_s", self.unreachable_s, 5.0, 600.0)
        check_range("oldest_s", self.oldest_s, 10.0, 600.0)
        check_range("ack_s", self.ack_s, 10.0, 600.0)
        check_range("settle_s", self.settle_s, 0.0, 600.0)
        check_range("started_s", self.started_s, 0.0, 600.0)
        check_range("limit_ends_s", self.limit_ends_s, 60.0, 7200.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableState:
    """What is remembered of one inverter; times in s of the monotonic clock."""

    reason: Usable = Usable.STARTING
    reached_at: float | None = None
    """When the DTU reached it last."""
    well_since: float | None = None
    producing_since: float | None = None
    started: bool = False
    """Whether it was off or away from the grid, and so has to produce for a while first."""
    measured_w: float = 0.0
    """Its last measured power."""
    measured_at: float | None = None

    @property
    def usable(self) -> bool:
        """Whether the inverter may be used."""
        return self.reason is Usable.YES


def step(
    settings: UsableSettings,
    state: UsableState,
    t: float,
    inverter: InverterSnapshot,
    *,
    poll_period_s: float,
    limit_known: bool,
    limit_kept: bool = True,
    switched_off: bool = False,
    begun: bool = True,
) -> UsableState:
    """Whether an inverter may be used at ``t`` (s).

    ``limit_known`` includes what ``feed_in_loss`` knows after a reboot, ``limit_kept`` is the guard's judgement,
    ``switched_off`` is by this control, ``begun`` whether meter and battery have told something.
    """
    if inverter.reachable:
        state = replace(state, reached_at=t)
    if inverter.measured is not None and inverter.age is not None:
        state = replace(state, measured_w=inverter.measured, measured_at=t - inverter.age)
    oldest = max(settings.oldest_s, POLLS * poll_period_s)
    hindrance = _standing(inverter, limit_known=limit_known, switched_off=switched_off)
    if hindrance is None:
        hindrance = _passing(settings, state, t, inverter, oldest)
    if hindrance is None and not limit_kept:
        hindrance = Usable.LIMIT_NOT_KEPT
    if hindrance is not None:
        begins = hindrance in {Usable.SWITCHED_OFF, Usable.NOT_AT_GRID}
        started = state.started or begins
        return replace(state, reason=hindrance, well_since=None, producing_since=None, started=started)
    if state.usable:
        return state
    state = replace(
        state,
        well_since=since(state.well_since, t, true=True),
        producing_since=since(state.producing_since, t, true=inverter.producing),
    )
    produced = not state.started or lasted(state.producing_since, t, settings.started_s)
    if not (lasted(state.well_since, t, settings.settle_s) and produced):
        return replace(state, reason=Usable.SETTLING)
    return replace(state, reason=Usable.YES, started=False) if begun else replace(state, reason=Usable.STARTING)


def _standing(inverter: InverterSnapshot, *, limit_known: bool, switched_off: bool) -> Usable | None:
    """What makes an inverter unusable at once."""
    if switched_off:
        return Usable.SWITCHED_OFF
    if inverter.governed_elsewhere:
        return Usable.GOVERNED_ELSEWHERE
    if inverter.manual_override:
        return Usable.MANUAL_OVERRIDE
    if not inverter.poll_enabled:
        return Usable.NOT_POLLED
    if not inverter.commands_enabled:
        return Usable.COMMANDS_OFF
    if dtu_lost(inverter):
        return Usable.DTU_LOST
    if inverter.rated is None:
        return Usable.RATED_POWER_UNKNOWN
    return None if limit_known else Usable.LIMIT_UNKNOWN


def _passing(
    settings: UsableSettings, state: UsableState, t: float, inverter: InverterSnapshot, oldest: float
) -> Usable | None:
    """What comes and goes with the radio: a usable inverter is given some time, one that is not must be well."""
    if not inverter.reachable:
        gone = state.reached_at is None or t - state.reached_at > settings.unreachable_s
        if gone or not state.usable:
            return Usable.UNREACHABLE
    if inverter.age is None or inverter.age > oldest:
        return Usable.DATA_OLD
    missing = known(inverter.ack_missing_s)
    if missing is not None and missing >= settings.ack_s:
        return Usable.NOT_ACKNOWLEDGED
    voltage = known(inverter.ac_voltage)
    # A DTU may show zeros for an inverter that it does not reach.
    away = inverter.reachable and not inverter.producing and (voltage is None or voltage < LOWEST_VOLTAGE)
    return Usable.NOT_AT_GRID if away else None


def standing_w(
    settings: UsableSettings,
    state: UsableState,
    t: float,
    inverter: InverterSnapshot,
    *,
    persistent_pct: float = 100.0,
    switched_off: bool = False,
) -> float:
    """What an inverter that is not under control may give now, W: it counts as another producer.

    Its last measured power counts until its limit, which is not persistent, cannot be in force any more; from then on
    nothing, or in strict mode all that its persistent limit (% of the rated power) allows.
    """
    if state.measured_at is not None and t - state.measured_at <= settings.limit_ends_s:
        return state.measured_w
    if not settings.strict or switched_off:
        return 0.0
    return inverter.watts(persistent_pct)
