"""Watches that an inverter keeps the limit that it was told (reference section 9.8)."""

from dataclasses import dataclass, replace

from .feed_in_snapshot import InverterSnapshot, LimitWord
from .feed_in_terms import known, lasted, since

TOLERANCE_PCT = 2.0
"""A reported limit may differ by so much (% of the rated power), or by the step of the commands if that is more."""
WAIT_S = 30.0
"""So long (s) it must differ."""
AGAIN_S = 60.0
"""Shortest time between two tries, s."""
TRIES = 3
FORGOTTEN_S = 600.0
"""A limit that is kept for so long (s) makes the tries before it forgotten. The DTU reports what it has sent until it
reads the limit back, not before four minutes: agreement for less proves nothing."""
LATER_S = 3600.0
"""An inverter that was given up is tried once more after so long (s)."""
FALSE_FACTOR, FALSE_MARGIN_W = 1.1, 10.0
"""An HMS with firmware 2.x that reports 100 % is believed to keep its limit while it gives no more than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardState:
    """What is remembered of one inverter; times in s."""

    differs_since: float | None = None
    agrees_since: float | None = None
    tries: int = 0
    tried_at: float | None = None
    seen: tuple[float | None, LimitWord | None] | None = None
    """What was reported when the first try was made."""
    moved: bool = False
    """Whether anything of that has changed since: the DTU does send the commands."""
    given_up_at: float | None = None

    @property
    def given_up(self) -> bool:
        """Whether the inverter does not keep its limit, and is not to be used."""
        return self.given_up_at is not None

    @property
    def without_effect(self) -> bool:
        """Whether the commands had no visible effect at all."""
        return self.given_up and not self.moved


def false_report(inverter: InverterSnapshot, commanded_pct: float | None) -> bool:
    """Whether a reported 100 % is the known false report of an HMS with firmware 2.x."""
    rated, measured, commanded = inverter.rated, inverter.measured, known(commanded_pct)
    if not inverter.firmware_is_hms_2 or rated is None or measured is None or commanded is None:
        return False
    reported = inverter.reported
    return (
        reported is not None
        and reported >= 100.0 - 1e-6
        and measured <= FALSE_FACTOR * rated * commanded / 100.0 + FALSE_MARGIN_W
    )


def step(
    state: GuardState, t: float, inverter: InverterSnapshot, *, step_pct: float
) -> tuple[GuardState, float | None]:
    """Compare the reported limit with the last command; returns the limit (%) to send again, if that is due."""
    if state.given_up_at is not None:
        if t - state.given_up_at >= LATER_S or _agrees(inverter, step_pct):
            return GuardState(), None
        return state, None
    if state.seen is not None and not state.moved:
        state = replace(state, moved=(inverter.reported, inverter.state) != state.seen)
    agrees = _agrees(inverter, step_pct)
    quiet = inverter.state is LimitWord.OK and not inverter.waiting
    state = replace(
        state,
        differs_since=since(state.differs_since, t, true=agrees is False and quiet),
        agrees_since=since(state.agrees_since, t, true=agrees is True),
    )
    if lasted(state.agrees_since, t, FORGOTTEN_S):
        return GuardState(agrees_since=state.agrees_since), None
    if not lasted(state.differs_since, t, WAIT_S):
        return state, None
    if state.tried_at is not None and t - state.tried_at < AGAIN_S - 1e-6:
        return state, None
    if state.tries >= TRIES:
        return replace(state, given_up_at=t), None
    seen = state.seen if state.tries else (inverter.reported, inverter.state)
    return replace(state, tries=state.tries + 1, tried_at=t, seen=seen), inverter.commanded_pct


def _agrees(inverter: InverterSnapshot, step_pct: float) -> bool | None:
    """Whether the reported limit is the commanded one; None when one of them is not known."""
    reported, commanded = inverter.reported, known(inverter.commanded_pct)
    if reported is None or commanded is None:
        return None
    if false_report(inverter, commanded):
        return True
    return abs(reported - commanded) <= max(TOLERANCE_PCT, step_pct) + 1e-6
