"""Give away what the battery cannot take any more (reference section 9.4).

While the battery is full its chargers throttle. Moving the target from a small import to nothing, or to a small export,
uses what would be lost; the cap holds all the same.
"""

from dataclasses import dataclass, replace

from .feed_in_terms import check_range, known, since

FULL = 100.0
"""Without a charge current limit to go by, only this state of charge (%) counts as full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurplusSettings:
    """When surplus is exported, and how much. Raises ``ValueError``."""

    enabled: bool = False
    on: float = 99.0
    """State of charge from which it begins, 50 to 100 %."""
    off: float = 96.0
    """State of charge at which it ends, 0 to 99.5 %, below ``on``."""
    power_w: float = 0.0
    """Wanted export, 0 to 800 W; 0 only stops the import."""
    limited_a: float = 1.0
    """The battery takes no more when its charge current is closer (A) to its limit than this, 0 to 20."""
    released_a: float = 1.2
    """It takes more again when the current is further away (A) than this, at least ``limited_a``, to 40."""
    rest_s: float = 60.0
    """So long (s) the battery must have taken no more before a surplus that ended begins again, 0 to 3600: without it
    a battery that forbids charging would be emptied in short pulses."""

    def __post_init__(self) -> None:
        """Refuse what is out of range or contradicts itself."""
        check_range("on", self.on, 50.0, 100.0)
        check_range("off", self.off, 0.0, self.on - 0.5)
        check_range("power_w", self.power_w, 0.0, 800.0)
        check_range("limited_a", self.limited_a, 0.0, 20.0)
        check_range("released_a", self.released_a, self.limited_a, 40.0)
        check_range("rest_s", self.rest_s, 0.0, 3600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurplusState:
    """What is remembered; times in s of the monotonic clock."""

    full: bool = False
    """Whether the state of charge has reached ``on`` and not yet fallen to ``off``."""
    limited: bool = False
    """Whether the battery takes no more."""
    limited_since: float | None = None
    active: bool = False
    """Whether surplus is exported now."""
    ended: bool = False
    """Whether it has ended since the battery became full, because the battery took more."""


def step(
    settings: SurplusSettings,
    state: SurplusState,
    t: float,
    *,
    soc: float | None,
    ccl: float | None,
    charge_current: float | None,
    season_full: bool = True,
) -> SurplusState:
    """Whether surplus is exported at ``t`` (s).

    ``soc`` in %, ``ccl`` the battery's charge current limit and ``charge_current`` (negative when discharging) in A;
    ``season_full`` is whether the season floor, if it is used, knows a battery that gets full.
    """
    charge = known(soc)
    full = state.full
    if charge is not None:
        full = charge >= settings.on or (state.full and charge > settings.off)
    limited = _limited(settings, charge, known(ccl), known(charge_current), before=state.limited)
    limited_since = since(state.limited_since, t, true=limited)
    # An export is wanted only on what is known now: without a state of charge there is none.
    wanted = settings.enabled and charge is not None and full and season_full and limited
    ended = full and (state.ended or (state.active and not limited))
    rested = limited_since is not None and t - limited_since >= settings.rest_s
    active = wanted and (state.active or not ended or rested)
    return SurplusState(full=full, limited=limited, limited_since=limited_since, active=active, ended=ended)


def forgotten(state: SurplusState) -> SurplusState:
    """The state after a restart: the battery is as full as it was, the rest is found out again."""
    return replace(SurplusState(), full=state.full)


def _limited(
    settings: SurplusSettings, soc: float | None, ccl: float | None, current: float | None, *, before: bool
) -> bool:
    if ccl is None or current is None:
        return soc is not None and soc >= FULL
    return ccl - current < settings.limited_a or (before and ccl - current <= settings.released_a)
