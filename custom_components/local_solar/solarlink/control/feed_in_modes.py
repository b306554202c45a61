"""Modes of the control, and the limits of the manual one (reference section 9.10).

In manual mode the owner's per cent of each inverter is a fixed wish; the cap and the ceilings stay. The cap also holds
while one inverter has not come down yet: another is raised only into what is left when everything flows that still may.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from .feed_in_guard import false_report
from .feed_in_snapshot import InverterSnapshot, LimitWord
from .feed_in_terms import floor_to_step

CONFIRM_SHARE = 0.03
"""A measured power up to so much (share of the rated power) above the limit confirms it; the core's own figure."""


class Mode(StrEnum):
    """What the owner wants; changing it sends nothing by itself, except for the pause."""

    OFF = "off"
    """No commands; the limits stay as they are."""
    AUTO = "auto"
    MANUAL = "manual"
    """The owner sets the per cent of each inverter."""
    PAUSE = "pause"
    """All inverters at their lowest limit."""
    SURPLUS = "surplus"
    """As auto, but with the surplus export whatever the state of charge, as long as the gate is open."""

    @property
    def uses_core(self) -> bool:
        """Whether the core's commands are carried out."""
        return self in {Mode.AUTO, Mode.PAUSE, Mode.SURPLUS}

    @property
    def follows_load(self) -> bool:
        """Whether the house load decides, and so also whether inverters are parked and started."""
        return self in {Mode.AUTO, Mode.SURPLUS}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowState:
    """What one inverter may still give at worst."""

    high_w: float = 0.0
    ok_at: float | None = None
    """Since when (s) its last command is acknowledged."""


def flow(state: FlowState, t: float, inverter: InverterSnapshot) -> FlowState:
    """Follow what an inverter may still give: the highest of its limits until a sample shows that it has come down."""
    commanded = inverter.watts(inverter.commanded_pct or 0.0)
    measured = inverter.measured or 0.0
    reported = 0.0 if false_report(inverter, inverter.commanded_pct) else inverter.watts(inverter.reported or 0.0)
    bound = max(commanded, reported, measured)
    if inverter.waiting or inverter.state is not LimitWord.OK:
        return FlowState(high_w=max(state.high_w, bound))
    ok_at = t if state.ok_at is None else state.ok_at
    sampled = inverter.measured is not None and inverter.age is not None and t - inverter.age > ok_at
    if sampled and measured <= bound_of(inverter):
        return FlowState(high_w=bound, ok_at=ok_at)
    return replace(state, high_w=max(state.high_w, bound), ok_at=ok_at)


def bound_of(inverter: InverterSnapshot) -> float:
    """The highest measured power (W) that confirms the commanded limit."""
    limit = inverter.reported if inverter.commanded_pct is None else inverter.commanded_pct
    return inverter.watts(limit or 0.0) + CONFIRM_SHARE * (inverter.rated or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One inverter in manual mode."""

    serial: str
    rated_w: float
    wish_pct: float | None
    """The owner's wish, % of the rated power; None: the limit that it has."""
    min_pct: float
    """The lowest limit that it may get."""
    ceiling_pct: float
    commanded_pct: float
    """The limit that it has, or was told last."""
    flow_w: float
    """What it may still give at worst."""
    waiting: bool = False
    """Whether its last command is not acknowledged yet."""


def manual_limits(cap_w: float, step_pct: float, wishes: Sequence[Wish]) -> dict[str, float]:
    """The limits (%) to send now, by serial number.

    Wishes whose sum is above the cap are lowered in proportion, as far as they lie above the lowest limits. Lowering is
    sent at once. Raising takes only what the cap leaves above everything that may still flow; the rest follows with
    later calls, when samples have shown that the others have come down.
    """
    wanted = _shares(cap_w, wishes)
    limits = {each.serial: max(each.min_pct, floor_to_step(wanted[each.serial], step_pct)) for each in wishes}
    found = {
        each.serial: limits[each.serial]
        for each in wishes
        if limits[each.serial] < each.commanded_pct - step_pct / 2.0 - 1e-9
    }
    worst = {each.serial: max(each.flow_w, each.rated_w * each.commanded_pct / 100.0) for each in wishes}
    room = max(0.0, cap_w - sum(worst.values()))
    for each in wishes:
        limit = limits[each.serial]
        if each.waiting or limit <= each.commanded_pct:
            continue
        most = (worst[each.serial] + room) / each.rated_w * 100.0
        limit = limit if limit <= most + 1e-9 else floor_to_step(most, step_pct)
        if limit < max(each.min_pct, each.commanded_pct + step_pct / 2.0) - 1e-9:
            continue
        room -= max(0.0, each.rated_w * limit / 100.0 - worst[each.serial])
        found[each.serial] = limit
    return found


def _shares(cap_w: float, wishes: Sequence[Wish]) -> dict[str, float]:
    """The limits (%) before rounding: wishes within the ceilings, their sum within the cap."""
    high = {}
    for each in wishes:
        wish = each.commanded_pct if each.wish_pct is None else each.wish_pct
        high[each.serial] = max(each.min_pct, min(wish, each.ceiling_pct, 100.0))
    total = sum(each.rated_w * high[each.serial] for each in wishes) / 100.0
    floor = sum(each.rated_w * each.min_pct for each in wishes) / 100.0
    if total <= cap_w or total <= floor:
        return high
    share = max(0.0, cap_w - floor) / (total - floor)
    return {each.serial: each.min_pct + (high[each.serial] - each.min_pct) * share for each in wishes}
