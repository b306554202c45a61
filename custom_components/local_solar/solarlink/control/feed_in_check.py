"""What the first run sees, and what it would do, before anything is sent.

While everything runs dry the host collects samples; from these come findings: what is there, what is missing, what
looks wrong. Nothing here decides anything; the owner does.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from ..live import lowest_limit
from .feed_in_figures import ideal_w
from .feed_in_snapshot import HouseSnapshot, InverterSnapshot
from .feed_in_supervisor_model import SupervisorOrders, SupervisorSettings
from .feed_in_terms import known
from .feed_in_usable import Usable

FEWEST_VALUES = 3
"""So many values of the meter are needed to judge it."""
SLOW_S = 5.0
"""A meter with a longer period than this (s) controls worse."""
TOO_SLOW_S = 20.0
"""With a longer one (s) the control would ramp down between two values."""
HIGHEST_W = 60000.0
"""Grid power beyond this (W) is that of no house: the scale is wrong."""
MOVED_W = 30.0
"""An inverter output that moves by less than this (W) tells nothing about the sign of the meter."""
NOTHING_W = 20.0
"""Below this (W) the inverters give nothing."""
PASSING = frozenset({Usable.STARTING, Usable.SETTLING, Usable.LIMIT_UNKNOWN, Usable.NOT_ACKNOWLEDGED})
"""Why an inverter that is well cannot be used yet."""
WAIT_S = 3.0
"""The meter shows a change of the output after so long (s) at the latest, with a meter that tells once a second."""


class Finding(StrEnum):
    """What a finding is about."""

    METER_SEEN = "meter_seen"
    METER_RATE = "meter_rate"
    METER_PLAUSIBLE = "meter_plausible"
    METER_SIGN = "meter_sign"
    BATTERY_DATA = "battery_data"
    BATTERY_LIMITS = "battery_limits"
    INVERTERS_SEEN = "inverters_seen"
    LIMITS_KNOWN = "limits_known"
    COMMANDS_ENABLED = "commands_enabled"
    GOVERNED_ELSEWHERE = "governed_elsewhere"
    DEFAULT_PASSWORD = "default_password"
    MINIMUM_LIMIT = "minimum_limit"
    OTHER_PRODUCERS = "other_producers"
    CAP = "cap"
    WOULD_SET = "would_set"


class Verdict(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARN = "warn"
    """It works, but the owner should know, or has to be asked."""
    FAIL = "fail"
    """The control cannot work like this."""


class Found(NamedTuple):
    """One finding; details are the values that its sentence needs."""

    finding: Finding
    verdict: Verdict
    details: Mapping[str, str]
    reasons: Mapping[str, Usable] = {}
    """Why inverters cannot be used, by serial number; whoever tells it finds the words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSamples:
    """What was collected; times in s of the monotonic clock, powers in W."""

    meter: Sequence[tuple[float, float]] = ()
    """Values of the meter by their time, oldest first; positive is import."""
    output: Sequence[tuple[float, float]] = ()
    """Sum of all inverters behind the meter by the time of its newest sample, oldest first."""
    house: HouseSnapshot
    """The last snapshot."""
    orders: SupervisorOrders
    """What the supervisor makes of it."""
    commands: Mapping[str, float] = field(default_factory=dict)
    """Limits (%) that the core would have sent, by serial number."""
    default_password: bool = False
    """Whether a DTU still has the password that it was delivered with."""
    inputs: Mapping[str, int] = field(default_factory=dict)
    """Number of DC inputs by serial number, where it is known."""


def check(settings: SupervisorSettings, samples: CheckSamples) -> tuple[Found, ...]:
    """All findings, in the order in which people read them."""
    return (
        *_meter(samples),
        *_battery(settings, samples.house),
        *_inverters(samples),
        *_would_do(samples),
    )


def ready(findings: Iterable[Found]) -> bool:
    """Whether nothing speaks against leaving the dry run."""
    return all(each.verdict is not Verdict.FAIL for each in findings)


def complete(samples: CheckSamples) -> bool:
    """Whether the samples tell all that is to be known; what is missing may come with more of them."""
    return (
        len(samples.meter) >= FEWEST_VALUES
        and known(samples.house.house_load_w) is not None
        and not any(each.reason in PASSING for each in samples.orders.inverters)
    )


def _meter(samples: CheckSamples) -> Iterable[Found]:
    values = [(t, power) for t, power in samples.meter if math.isfinite(power)]
    if not values:
        yield Found(Finding.METER_SEEN, Verdict.FAIL, {})
        return
    yield Found(Finding.METER_SEEN, Verdict.OK, {"power": f"{values[-1][1]:.0f}"})
    if len(values) < FEWEST_VALUES:
        yield Found(Finding.METER_RATE, Verdict.WARN, {"period": "?"})
    else:
        periods = sorted(later - earlier for (earlier, _), (later, _) in pairwise(values))
        period = periods[len(periods) // 2]
        rate = Verdict.OK if period <= SLOW_S else Verdict.WARN if period <= TOO_SLOW_S else Verdict.FAIL
        yield Found(Finding.METER_RATE, rate, {"period": f"{period:.1f}"})
    largest = max((power for _, power in values), key=abs)
    if abs(largest) > HIGHEST_W:
        yield Found(Finding.METER_PLAUSIBLE, Verdict.FAIL, {"power": f"{largest:.0f}"})
    yield _sign(samples, values)


def _sign(samples: CheckSamples, values: Sequence[tuple[float, float]]) -> Found:
    """Whether grid power falls when the inverters give more, and a house without them imports."""
    slope = _slope(values, samples.output)
    if slope is not None:
        verdict = Verdict.OK if slope < -0.25 else Verdict.FAIL if slope > 0.25 else Verdict.WARN
        return Found(Finding.METER_SIGN, verdict, {"slope": f"{slope:.2f}"})
    dark = bool(samples.output) and max(power for _, power in samples.output) < NOTHING_W
    mean = sum(power for _, power in values) / len(values)
    if dark and not samples.house.others_configured and abs(mean) > NOTHING_W:
        return Found(Finding.METER_SIGN, Verdict.OK if mean > 0.0 else Verdict.FAIL, {"power": f"{mean:.0f}"})
    # Nothing moved: only the owner can say whether the house imports now.
    return Found(Finding.METER_SIGN, Verdict.WARN, {"power": f"{mean:.0f}"})


def _slope(values: Sequence[tuple[float, float]], output: Sequence[tuple[float, float]]) -> float | None:
    """Change of the grid power per change of the output, weighted by the size of the change; None if none was large.

    -1 is a meter with the right sign before a house whose load stands still, +1 one with the wrong sign.
    """
    products = squares = 0.0
    for (earlier, before), (later, after) in pairwise(output):
        change = after - before
        first, second = _at(values, earlier), _at(values, later)
        if abs(change) >= MOVED_W and first is not None and second is not None:
            products += change * (second - first)
            squares += change * change
    return products / squares if squares > 0.0 else None


def _at(values: Sequence[tuple[float, float]], t: float) -> float | None:
    """Mean of the meter around a time; None when it told nothing then."""
    near = [power for at, power in values if abs(at - t) <= WAIT_S]
    return sum(near) / len(near) if near else None


def _battery(settings: SupervisorSettings, house: HouseSnapshot) -> Iterable[Found]:
    if not settings.battery:
        return
    soc, volts = known(house.soc), known(house.battery_voltage)
    missing = soc is None or (settings.v_stop is not None and volts is None)
    details = {"soc": "?" if soc is None else f"{soc:.0f}", "voltage": "?" if volts is None else f"{volts:.1f}"}
    yield Found(Finding.BATTERY_DATA, Verdict.FAIL if missing else Verdict.OK, details)
    limit = known(house.dcl)
    # Without them the cap still holds, but the battery has no say in it.
    told = limit is not None and volts is not None
    yield Found(
        Finding.BATTERY_LIMITS,
        Verdict.OK if told else Verdict.WARN,
        {"discharge_current": "?" if limit is None else f"{limit:.0f}"},
    )


def _inverters(samples: CheckSamples) -> Iterable[Found]:
    inverters = samples.house.inverters
    if not inverters:
        yield Found(Finding.INVERTERS_SEEN, Verdict.FAIL, {"usable": "0", "of": "0"})
        return
    reasons = {each.serial: each.reason for each in samples.orders.inverters}
    usable = [serial for serial, reason in reasons.items() if reason in {Usable.YES, Usable.NOT_IN_THIS_MODE}]
    verdict = Verdict.OK if len(usable) == len(inverters) else Verdict.WARN if usable else Verdict.FAIL
    details = {"usable": str(len(usable)), "of": str(len(inverters))}
    why = {serial: reason for serial, reason in reasons.items() if serial not in usable}
    yield Found(Finding.INVERTERS_SEEN, verdict, details, why)

    yield _each(Finding.LIMITS_KNOWN, inverters, [each for each in inverters if each.reported is None], Verdict.WARN)
    mute = [each for each in inverters if not each.commands_enabled]
    yield _each(Finding.COMMANDS_ENABLED, inverters, mute, Verdict.FAIL)
    foreign = [each for each in inverters if each.governed_elsewhere]
    yield _each(Finding.GOVERNED_ELSEWHERE, inverters, foreign, Verdict.FAIL)
    if samples.default_password:
        yield Found(Finding.DEFAULT_PASSWORD, Verdict.WARN, {})
    needed = {
        each.serial: lowest_limit(each.rated, samples.inputs[each.serial])
        for each in inverters
        if each.rated is not None and each.serial in samples.inputs
    }
    low = [each.serial for each in inverters if needed.get(each.serial, 0) > each.min_pct]
    if low:
        highest = max(needed[serial] for serial in low)
        details = {"inverters": ", ".join(low), "minimum": f"{highest:.0f}"}
        yield Found(Finding.MINIMUM_LIMIT, Verdict.WARN, details)


def _each(
    finding: Finding, inverters: Sequence[InverterSnapshot], wrong: Sequence[InverterSnapshot], some: Verdict
) -> Found:
    """A finding about single inverters: ``some`` when it is true of one, a failure when it is of all."""
    verdict = Verdict.OK if not wrong else Verdict.FAIL if len(wrong) == len(inverters) else some
    return Found(finding, verdict, {"inverters": ", ".join(each.serial for each in wrong)})


def _would_do(samples: CheckSamples) -> Iterable[Found]:
    house, orders = samples.house, samples.orders
    if house.others_configured:
        others = known(house.others_w)
        details = {"power": "?" if others is None else f"{others:.0f}"}
        yield Found(Finding.OTHER_PRODUCERS, Verdict.WARN if others is None else Verdict.OK, details)
    details = {"cap": f"{orders.cap_w:.0f}", "reason": orders.cap_reason.value}
    yield Found(Finding.CAP, Verdict.OK if orders.cap_w > 0.0 else Verdict.WARN, details)
    load = known(house.house_load_w)
    if load is None:
        yield Found(Finding.WOULD_SET, Verdict.WARN, {"sum": "?", "load": "?", "limits": ""})
        return
    usable = {each.serial for each in orders.inverters if each.reason in {Usable.YES, Usable.NOT_IN_THIS_MODE}}
    floor = sum(each.low_w for each in house.inverters if each.serial in usable)
    wanted = ideal_w(load, orders.target_w, floor, orders.cap_w) if usable else 0.0
    limits = ", ".join(f"{serial}: {pct:g} %" for serial, pct in sorted(samples.commands.items()))
    details = {"sum": f"{wanted:.0f}", "load": f"{load:.0f}", "limits": limits}
    yield Found(Finding.WOULD_SET, Verdict.OK if usable else Verdict.FAIL, details)
