"""Switch inverters off that have nothing to do, and on again (reference section 9.7).

With nothing to give, the core brings all inverters to their lowest limit; if the owner allows it they are then switched
off one after the other, because even at the lowest limit they take from the battery. What this control has switched off
it remembers over a restart, and only that is switched on again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple, Self

from .feed_in_loss import dtu_lost
from .feed_in_snapshot import InverterSnapshot
from .feed_in_terms import Now, check_range, known, lasted, saved_flag, saved_number, since

DAY_S, HOUR_S = 86400.0, 3600.0
LIMIT_SLACK_PCT = 2.0
"""A reported limit counts as the lowest one when it is not further above it than this."""
LOWER_AGAIN_S = 60.0
"""Shortest time between two commands that bring an inverter to its lowest limit before it is started, s."""
STILL_ON_S = 60.0
"""An inverter that still produces so long (s) after it was switched off is on."""


class ParkReason(StrEnum):
    """Why the inverters have nothing to do."""

    NONE = "none"
    GATE_CLOSED = "gate_closed"
    CAP_BELOW_FLOOR = "cap_below_floor"
    """The cap is below what all inverters give at their lowest limit."""
    NO_LOAD = "no_load"
    """The house needs less than they give at their lowest limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkSettings:
    """When inverters are switched off and on. Raises ``ValueError``."""

    power_allowed: bool = False
    """Whether the owner allows it at all."""
    low_margin_w: float = 10.0
    """So far (W) below the floor the house must need less, 0 to 200."""
    low_s: float = 300.0
    """For so long, 30 to 7200 s."""
    spacing_s: float = 10.0
    """Time between two power commands, 1 to 600 s."""
    limits_s: float = 60.0
    """So long (s) it is waited for the lowest limit before an inverter is switched off without it, 0 to 600."""
    start_margin_w: float = 20.0
    """So far (W) above the lowest limit the house must need more, 0 to 500."""
    start_s: float = 60.0
    """For so long, 0 to 3600 s."""
    rest_s: float = 300.0
    """Shortest time that an inverter stays off, 0 to 7200 s."""
    produce_s: float = 90.0
    """Longest time from switching on to producing, 10 to 600 s."""
    failures: int = 3
    """After so many failed starts in an hour an inverter is given up, 1 to 10."""
    commands_a_day: int = 12
    """Power commands of one inverter in 24 hours, 2 to 100."""

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        check_range("low_margin_w", self.low_margin_w, 0.0, 200.0)
        check_range("low_s", self.low_s, 30.0, 7200.0)
        check_range("spacing_s", self.spacing_s, 1.0, 600.0)
        check_range("limits_s", self.limits_s, 0.0, 600.0)
        check_range("start_margin_w", self.start_margin_w, 0.0, 500.0)
        check_range("start_s", self.start_s, 0.0, 3600.0)
        check_range("rest_s", self.rest_s, 0.0, 7200.0)
        check_range("produce_s", self.produce_s, 10.0, 600.0)
        check_range("failures", self.failures, 1, 10)
        check_range("commands_a_day", self.commands_a_day, 2, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerState:
    """One inverter as it was switched; times in s of the monotonic clock."""

    off: bool = False
    """Whether this control has switched it off."""
    off_at: float | None = None
    """When it was switched off, or when its last start failed."""
    starting_at: float | None = None
    """When it was switched on, until it produces."""
    sent: tuple[float, ...] = ()
    """Power commands of the last 24 hours."""
    failed: tuple[float, ...] = ()
    """Failed starts of the last hour."""
    given_up: bool = False
    """Whether it is not started any more until the owner says so."""
    lowered_at: float | None = None
    """When its limit was brought down for a start."""

    def commanded(self, t: float) -> tuple[float, ...]:
        """Power commands of the last 24 hours, with one that is sent at ``t``."""
        return (*self.recent(t), t)

    def recent(self, t: float) -> tuple[float, ...]:
        """Power commands of the last 24 hours."""
        return tuple(at for at in self.sent if t - at < DAY_S)

    def as_dict(self, now: Now) -> dict[str, Any]:
        """What survives a restart, as JSON can hold it."""
        at = self.off_at if self.starting_at is None else self.starting_at
        return {
            # A start that is not finished is made again: what became of it while nobody looked is not known.
            "off": self.off or self.starting_at is not None,
            "off_at": None if at is None else now.written(at),
            "sent": [now.written(at) for at in self.sent],
            "failed": [now.written(at) for at in self.failed],
            "given_up": self.given_up,
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any], now: Now) -> Self:
        """Take back what ``as_dict`` gave; what is damaged gets its default."""

        def moment(name: str) -> float | None:
            at = saved_number(saved.get(name))
            return None if at is None else now.read(at)

        def moments(name: str) -> tuple[float, ...]:
            found = saved.get(name)
            numbers = (saved_number(each) for each in found) if isinstance(found, list) else ()
            return tuple(now.read(at) for at in numbers if at is not None)

        return cls(
            off=saved_flag(saved.get("off")),
            off_at=moment("off_at"),
            sent=moments("sent"),
            failed=moments("failed"),
            given_up=saved_flag(saved.get("given_up")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkState:
    """What is remembered of all inverters; times in s of the monotonic clock."""

    reason: ParkReason = ParkReason.NONE
    parked_since: float | None = None
    low_since: float | None = None
    """Since when the house has needed less than the floor."""
    wanted_since: float | None = None
    """Since when another inverter could be started."""
    sent_at: float | None = None
    """Last power command to any inverter."""
    inverters: Mapping[str, PowerState] = field(default_factory=dict)

    def of(self, serial: str) -> PowerState:
        """What is remembered of an inverter."""
        return self.inverters.get(serial) or PowerState()

    @property
    def switched_off(self) -> tuple[str, ...]:
        """Serial numbers of the inverters that this control has switched off, and has to give back."""
        return tuple(sorted(serial for serial, each in self.inverters.items() if each.off))

    def restored(self, serials: Sequence[str] | None = None) -> ParkState:
        """The state after the owner has looked at inverters that were given up; None: at all of them."""
        again = {
            serial: replace(each, given_up=False, failed=()) if serials is None or serial in serials else each
            for serial, each in self.inverters.items()
        }
        return replace(self, inverters=again)

    def as_dict(self, now: Now) -> dict[str, Any]:
        """What survives a restart, as JSON can hold it."""
        return {serial: each.as_dict(now) for serial, each in self.inverters.items()}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any], now: Now) -> Self:
        """Take back what ``as_dict`` gave; what is damaged is left out."""
        found = {serial: PowerState.from_dict(each, now) for serial, each in saved.items() if isinstance(each, Mapping)}
        return cls(inverters=found)


class ParkOrders(NamedTuple):
    """What is to be sent now, by serial number."""

    power: Mapping[str, bool]
    """Switch on or off."""
    lower: Mapping[str, float]
    """A limit (%) to send before a start."""


NOTHING = ParkOrders({}, {})


class Need(NamedTuple):
    """What the house needs and what is allowed; W."""

    gate_open: bool
    cap_w: float
    wanted_w: float | None
    """House load less target; None: not known."""


def step(
    settings: ParkSettings,
    state: ParkState,
    t: float,
    need: Need,
    inverters: Sequence[InverterSnapshot],
    usable: frozenset[str],
    *,
    active: bool,
) -> tuple[ParkState, ParkOrders]:
    """Park or start at ``t`` (s); ``usable`` are the inverters under control, ``active`` whether the mode parks."""
    state = _follow(settings, state, t, inverters)
    floor = sum(each.low_w for each in inverters if each.serial in usable)
    wanted = known(need.wanted_w)
    low = active and wanted is not None and floor > 0.0 and wanted < floor - settings.low_margin_w
    state = replace(state, low_since=since(state.low_since, t, true=low))
    reason = ParkReason.NONE
    if active and not need.gate_open:
        reason = ParkReason.GATE_CLOSED
    elif active and need.cap_w < floor - 1e-6:
        reason = ParkReason.CAP_BELOW_FLOOR
    elif lasted(state.low_since, t, settings.low_s):
        reason = ParkReason.NO_LOAD
    parked = reason is not ParkReason.NONE
    state = replace(state, reason=reason, parked_since=since(state.parked_since, t, true=parked))
    if not active:
        return replace(state, wanted_since=None), NOTHING
    spaced = state.sent_at is None or t - state.sent_at >= settings.spacing_s - 1e-6
    if parked:
        state = replace(state, wanted_since=None)
        if not settings.power_allowed or not spaced or not lasted(state.parked_since, t, settings.spacing_s):
            return state, NOTHING
        return _switch_off(settings, state, t, need, inverters)
    return _start(settings, state, t, need, inverters, usable, floor=floor, spaced=spaced)


def _follow(settings: ParkSettings, state: ParkState, t: float, inverters: Sequence[InverterSnapshot]) -> ParkState:
    """See what has become of the commands."""
    # One that is not told of now may come again, and has to be given back then.
    found = dict(state.inverters)
    for each in inverters:
        power = state.of(each.serial)
        at = None if each.age is None else t - each.age
        off_at, starting_at = power.off_at, power.starting_at
        if starting_at is not None:
            if each.producing and at is not None and at > starting_at:
                power = replace(power, starting_at=None, failed=())
            elif t - starting_at > settings.produce_s:
                failed = (*(when for when in power.failed if t - when < HOUR_S), t)
                given_up = power.given_up or len(failed) >= settings.failures
                power = replace(power, off=True, off_at=t, starting_at=None, failed=failed, given_up=given_up)
        elif power.off and each.producing and at is not None and (off_at is None or at > off_at + STILL_ON_S):
            # Somebody has switched it on, or it has never gone off.
            power = replace(power, off=False, given_up=False, failed=())
        if power != state.of(each.serial):
            found[each.serial] = power
    return state if found == state.inverters else replace(state, inverters=found)


def _free(inverter: InverterSnapshot) -> bool:
    """Whether an inverter may be switched by this control, and can be."""
    mine = not (inverter.governed_elsewhere or inverter.manual_override)
    return mine and inverter.commands_enabled and inverter.reachable and not dtu_lost(inverter)


def _switch_off(
    settings: ParkSettings, state: ParkState, t: float, need: Need, inverters: Sequence[InverterSnapshot]
) -> tuple[ParkState, ParkOrders]:
    for each in inverters:
        power = state.of(each.serial)
        reported = each.reported
        down = reported is not None and reported <= each.min_pct + LIMIT_SLACK_PCT and not each.waiting
        rested = power.off_at is None or t - power.off_at >= settings.rest_s
        # One command must be left to switch it on again.
        affordable = len(power.recent(t)) + 2 <= settings.commands_a_day
        if power.off or not _free(each) or not each.poll_enabled or not rested or not affordable:
            continue
        if down or lasted(state.parked_since, t, settings.limits_s):
            power = replace(power, off=True, off_at=t, starting_at=None, sent=power.commanded(t))
            return _sent(state, t, each.serial, power), ParkOrders({each.serial: False}, {})
    return state, NOTHING


def _start(
    settings: ParkSettings,
    state: ParkState,
    t: float,
    need: Need,
    inverters: Sequence[InverterSnapshot],
    usable: frozenset[str],
    *,
    floor: float,
    spaced: bool,
) -> tuple[ParkState, ParkOrders]:
    ready = [each for each in inverters if state.of(each.serial).off and not state.of(each.serial).given_up]
    ready = sorted((each for each in ready if each.rated is not None), key=lambda each: each.low_w)
    # One that is starting is not usable yet, but will be.
    begun = sum(
        each.low_w for each in inverters if each.serial not in usable and state.of(each.serial).starting_at is not None
    )
    wanted = known(need.wanted_w)
    enough = False
    if ready and wanted is not None:
        with_it = floor + begun + ready[0].low_w
        enough = wanted > with_it + settings.start_margin_w and need.cap_w >= with_it
    state = replace(state, wanted_since=since(state.wanted_since, t, true=enough))
    if not spaced or not lasted(state.wanted_since, t, settings.start_s):
        return state, NOTHING
    for each in ready:
        power = state.of(each.serial)
        rested = power.off_at is None or t - power.off_at >= settings.rest_s - 1e-6
        if not rested or not _free(each) or len(power.recent(t)) >= settings.commands_a_day:
            continue
        if each.reported is None or each.reported > each.min_pct + LIMIT_SLACK_PCT:
            # It would begin with that limit, and nothing could be done about it until it has produced for a while.
            if power.lowered_at is not None and t - power.lowered_at < LOWER_AGAIN_S:
                continue
            kept = {**state.inverters, each.serial: replace(power, lowered_at=t)}
            return replace(state, inverters=kept), ParkOrders({}, {each.serial: each.min_pct})
        power = replace(power, off=False, starting_at=t, lowered_at=None, sent=power.commanded(t))
        return _sent(state, t, each.serial, power), ParkOrders({each.serial: True}, {})
    return state, NOTHING


def _sent(state: ParkState, t: float, serial: str, power: PowerState) -> ParkState:
    return replace(state, sent_at=t, inverters={**state.inverters, serial: power})
