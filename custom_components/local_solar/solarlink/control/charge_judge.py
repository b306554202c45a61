"""What the live values mean for the charge manager: are they fresh, is there an alarm, what has lasted how long."""

import math
from dataclasses import replace

from .charge_checks import same
from .charge_model import SAME_VOLTAGE, Mode, Now, Reason, Settings, Snapshot, State
from .charge_watch import since

FRESH = 60.0
"""Age (s) up to which live values may be judged, and longest gap between two that counts as time at a voltage."""
LONGEST_SILENCE = 900.0
"""Without values for so long (s) a boost is not taken up again."""
COOLER = 2.0
"""A battery must be that much below its limit (K) before another boost begins."""
SAME_SAMPLE = 0.1
"""Values read less than this apart (s) are the same reading."""


def fresh(settings: Settings, snapshot: Snapshot) -> bool:
    """Whether there is enough to judge; with a limit of the temperature that must be known, too."""
    known = snapshot.battery_voltage is not None and math.isfinite(snapshot.battery_voltage)
    return known and snapshot.age <= FRESH and (settings.max_temperature is None or snapshot.temperature is not None)


def alarm(settings: Settings, state: State, snapshot: Snapshot, now: Now) -> Reason | None:
    """Why a boost must end at once (reference section 12.4, triggers of RESTORE)."""
    if snapshot.fault:
        return Reason.FAULT
    if snapshot.battery_high:
        return Reason.BATTERY_HIGH
    if snapshot.age > FRESH:
        # Nothing can be written now, and what follows does not become worse by waiting for the link.
        return None
    limit, temperature = settings.max_temperature, snapshot.temperature
    if limit is not None and temperature is not None and temperature > limit:
        return Reason.TOO_HOT
    if _boosted_for(state, now) >= settings.max_boosted:
        return Reason.BOOSTED_TOO_LONG
    if snapshot.bulk_voltage is not None and snapshot.bulk_voltage < state.absorption - SAME_VOLTAGE - 1e-9:
        return Reason.BULK_TOO_LOW
    unchanged = same(settings.real_float, state.real_float) and same(settings.absorption, state.absorption)
    return None if unchanged and settings.dry_run == state.dry else Reason.SETTINGS_CHANGED


def _boosted_for(state: State, now: Now) -> float:
    """Duration of the boost on the clock on which it is longer; endless if it has not begun yet on the wall clock."""
    wall = now.wall.timestamp() - state.boosted_at
    if state.watch.boosted_since is not None:
        return max(wall, now.seconds - state.watch.boosted_since)
    return wall if wall >= 0.0 else math.inf


def obstacle(settings: Settings, snapshot: Snapshot) -> Reason | None:
    """What speaks against a boost now."""
    if snapshot.fault:
        return Reason.FAULT
    if snapshot.battery_high:
        return Reason.BATTERY_HIGH
    limit, temperature = settings.max_temperature, snapshot.temperature
    if limit is not None and (temperature is None or temperature > limit - COOLER):
        return Reason.TOO_HOT
    if snapshot.bulk_voltage is None:
        return Reason.UNKNOWN_VALUES
    if snapshot.bulk_voltage < settings.absorption - SAME_VOLTAGE - 1e-9:
        return Reason.BULK_TOO_LOW
    return None


def observe(settings: Settings, state: State, snapshot: Snapshot, now: Now) -> State:
    """Take in fresh live values: samples, timers, and the time at the absorption voltage."""
    assert snapshot.battery_voltage is not None
    at = now.seconds - snapshot.age
    watch, before = state.watch, state.watch.sampled_at
    if before is not None and at < before + SAME_SAMPLE:
        return state
    if before is not None and at - before > FRESH:
        watch = watch.forgotten()
    watch = watch.sampled(snapshot.battery_voltage, at)
    voltage, target = watch.voltage, state.absorption if state.boosted else settings.absorption
    held = voltage >= target - settings.hold_margin - 1e-9
    seconds = state.absorption_seconds
    if state.mode is Mode.ABSORPTION and held and before is not None and at - before <= FRESH:
        seconds += at - before

    solar = snapshot.solar_power
    from_grid = settings.grid_charge and bool(snapshot.grid_charging)
    sunny = from_grid or (solar is not None and solar >= settings.start_power)
    dark = not from_grid and solar is not None and solar < settings.dark_power
    watch = replace(
        watch,
        sunny_since=since(watch.sunny_since, at, true=sunny),
        dark_since=since(watch.dark_since, at, true=dark),
        low_since=since(watch.low_since, at, true=voltage < settings.rebulk_voltage),
        reached_since=since(watch.reached_since, at, true=voltage >= target - settings.reach_margin - 1e-9),
        fallen_since=since(watch.fallen_since, at, true=voltage < target - settings.fall_margin),
    )
    judged = state.mode is Mode.ABSORPTION and held and _only_charging(snapshot)
    watch = watch.full(snapshot.charge_current if judged else None, settings.tail_current, at)
    return replace(state, watch=watch, absorption_seconds=seconds)


def _only_charging(snapshot: Snapshot) -> bool:
    """Whether the charge current says something about the battery: a load must not hide it."""
    current = snapshot.charge_current
    charging = snapshot.charging if snapshot.charging is not None else current is not None and current > 0
    return charging and snapshot.discharge_current == 0
