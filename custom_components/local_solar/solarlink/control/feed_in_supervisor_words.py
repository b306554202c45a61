"""What people are told of the zero feed-in supervisor: what it does in one word, and what needs the owner."""

from collections.abc import Mapping

from .feed_in_gate import GateReason
from .feed_in_loss import MeterState, dtu_lost
from .feed_in_modes import Mode
from .feed_in_parking import ParkReason
from .feed_in_snapshot import HouseSnapshot
from .feed_in_supervisor_model import Frame, SupervisorState, Work
from .feed_in_usable import Usable

AS_MEANT = frozenset({Usable.YES, Usable.SWITCHED_OFF, Usable.MANUAL_OVERRIDE, Usable.NOT_POLLED})
"""An inverter in one of these states is as somebody wants it, or asleep."""
BEGINNING = frozenset({Usable.STARTING, Usable.SETTLING})
GOVERNED, COMMANDS_OFF = "feed_in_governed_elsewhere", "feed_in_commands_off"
NOT_KEPT, WITHOUT_EFFECT = "feed_in_limit_not_kept", "feed_in_command_without_effect"
START_FAILED, RELAY_TRIPPED = "feed_in_start_failed", "feed_in_relay_tripped"
TROUBLES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((GOVERNED, COMMANDS_OFF, NOT_KEPT, WITHOUT_EFFECT, START_FAILED), ("inverters",)),
    RELAY_TRIPPED: (),
}
"""Every key that ``troubles`` can return, with the names of the details that belong to it."""


def parked(mode: Mode, state: SupervisorState, house: HouseSnapshot) -> bool:
    """Whether there is nothing to give, and the inverters are at their lowest limit or switched off for that."""
    if not mode.follows_load:
        return False
    off = [state.park.of(each.serial).off for each in house.inverters]
    return state.park.reason is not ParkReason.NONE or (bool(off) and all(off))


def work(mode: Mode, state: SupervisorState, house: HouseSnapshot, frame: Frame) -> Work:
    """What the control is doing; what explains most comes first."""
    reasons = [state.inverters[each.serial].usable.reason for each in house.inverters]
    if mode is Mode.OFF:
        return Work.OFF
    if house.inverters and all(dtu_lost(each) for each in house.inverters):
        return Work.DTU_LOST
    if mode is Mode.PAUSE:
        return Work.PAUSED
    if not state.begun or (reasons and all(each in BEGINNING for each in reasons)):
        return Work.STARTING
    if mode is not Mode.MANUAL and frame.meter in {MeterState.NEVER, MeterState.LOST}:
        return Work.METER_LOST
    if frame.grid_down:
        return Work.GRID_DOWN
    if not state.gate.open:
        return _closed(state.gate.reason)
    if mode is Mode.MANUAL:
        return Work.MANUAL
    if parked(mode, state, house):
        return Work.PARKED
    if Usable.YES not in reasons:
        return Work.NO_INVERTER
    if frame.meter is MeterState.STALE or any(each not in AS_MEANT for each in reasons):
        return Work.DEGRADED
    if any(each.hot for each in state.inverters.values()):
        return Work.TEMPERATURE
    return Work.SURPLUS if frame.surplus else Work.CONTROLLING


def _closed(reason: GateReason) -> Work:
    match reason:
        case GateReason.NO_DATA | GateReason.DATA_LOST:
            return Work.BATTERY_DATA_LOST
        case GateReason.BATTERY_COLD | GateReason.BATTERY_HOT:
            return Work.BATTERY_TEMPERATURE
    return Work.BATTERY_LOW


def troubles(mode: Mode, state: SupervisorState, house: HouseSnapshot) -> dict[str, Mapping[str, str]]:
    """Standing conditions that need the owner: translation key to details. With the control off there are none."""
    if mode is Mode.OFF:
        return {}
    found: dict[str, list[str]] = {}
    for each in house.inverters:
        memory = state.inverters[each.serial]
        if each.governed_elsewhere:
            found.setdefault(GOVERNED, []).append(each.serial)
        if memory.usable.reason is Usable.COMMANDS_OFF:
            found.setdefault(COMMANDS_OFF, []).append(each.serial)
        if memory.guard.given_up:
            key = WITHOUT_EFFECT if memory.guard.without_effect else NOT_KEPT
            found.setdefault(key, []).append(each.serial)
        if state.park.of(each.serial).given_up:
            found.setdefault(START_FAILED, []).append(each.serial)
    listed: dict[str, Mapping[str, str]] = {
        key: {"inverters": ", ".join(serials)} for key, serials in sorted(found.items())
    }
    if state.relay.tripped_at is not None:
        listed[RELAY_TRIPPED] = {}
    return listed
