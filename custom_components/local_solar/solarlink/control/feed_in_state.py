"""Everything the zero feed-in control knows at a moment: it can be copied, compared, written and read back.

The names of the reference (section 4) stand beside each field.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Self

from .feed_in_settings import FeedInInverter, FeedInSettings

LONG_AGO = -1e9
"""A moment before every other."""

type Pairs = deque[tuple[float, float]]
"""Values by their time (s)."""


class FeedInReason(StrEnum):
    """Why the last decision was what it was (reference sections 6 and 7)."""

    NONE = "none"
    """Nothing was decided yet."""
    METER_REPEATED = "meter_repeated"
    """The value of the meter is not newer than the last one."""
    WITHIN_BAND = "within_band"
    LOWERING_UNDER_WAY = "lowering_under_way"
    """There is export, but what was commanded already will end it."""
    RAISE_UNDER_WAY = "raise_under_way"
    """There is import, but what was commanded already will cover it."""
    RAISE_CONFIRMING = "raise_confirming"
    """The load has risen, but not for long enough."""
    AT_CAP = "at_cap"
    """More is wanted than the cap leaves."""
    AT_FLOOR = "at_floor"
    """Less is wanted than all inverters at their lowest limit give."""
    TOO_SMALL = "too_small"
    """The change would not be worth a command."""
    WAITING_FOR_ACKNOWLEDGEMENT = "waiting_for_acknowledgement"
    MINIMUM_INTERVAL = "minimum_interval"
    """The last command is too recent."""
    NO_INVERTER = "no_inverter"
    """No inverter may be used."""
    NO_ROOM = "no_room"
    """No inverter can take over the change."""
    RAISED = "raised"
    LOWERED = "lowered"
    LOWERED_URGENTLY = "lowered_urgently"
    ABOVE_CAP = "above_cap"
    """Lowered because the sum is above the cap."""
    TRIMMED = "trimmed"
    """An inverter that cannot deliver got a limit just above what it delivers."""
    CEILING = "ceiling"
    """Lowered because an inverter was above its ceiling."""
    METER_STALE = "meter_stale"
    """The meter is silent, but not for long enough to ramp down."""
    LOST_RAMP = "lost_ramp"
    """The meter is lost, and the sum was lowered."""
    LOST_WAITING = "lost_waiting"
    """The meter is lost; the next step of the ramp is not due."""
    LOST_AT_FLOOR = "lost_at_floor"
    """The meter is lost, and the ramp has ended."""


@dataclass(slots=True)
class InverterState:
    """One inverter; powers in W, times in s."""

    p_nom: float
    """Rated power."""
    low: float
    """Power at the lowest limit."""
    high: float
    """Power at the highest limit allowed now (ceiling)."""
    commanded: float
    """c: last commanded power."""
    acknowledged: float
    """acked: last power whose command was acknowledged."""
    highest: float
    """hi: highest commanded power that may still be in force."""
    effective: float
    """eff: limit in effect in the model."""
    modelled: float
    """m: output of the model."""
    slew: float
    """Change of the output per second; 0 means fast."""
    gain: float = 1.0
    """Output per commanded power."""
    available: float = math.inf
    """avail: what the source can give."""
    short: int = 0
    """How many settled measurements in a row were far below the limit."""
    waiting: bool = False
    """wait: whether the last command is not acknowledged yet."""
    sent_at: float = LONG_AGO
    acknowledged_at: float = LONG_AGO
    energy: float = 0.0
    """Delivered energy of the model in Ws."""
    usable: bool = True
    floor_pct: float = 0.0
    """Its own lowest limit in %, where that is above the one of all inverters."""
    measured_at: float | None = None
    """meas_ts: time of the last measurement."""
    measured: float = 0.0
    """meas_w: the last measurement."""
    rates: list[float] = field(default_factory=list)
    """Last slow changes seen, W/s."""
    acknowledgements: list[tuple[float, float]] = field(default_factory=list)
    """acks: the last 60 acknowledged powers by the time of the acknowledgement."""

    def out(self, power: float) -> float:
        """What the inverter delivers when ``power`` is commanded, W."""
        return min(power * self.gain, self.available)

    def copy(self) -> Self:
        """A copy that shares nothing that can change."""
        return replace(self, rates=[*self.rates], acknowledgements=[*self.acknowledgements])

    def as_dict(self) -> dict[str, Any]:
        """The state as JSON can hold it; an unlimited source is null."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        found["available"] = None if math.isinf(self.available) else self.available
        found["acknowledgements"] = [[*pair] for pair in self.acknowledgements]
        return found | {"rates": [*self.rates]}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """What ``as_dict`` gave; raises ``ValueError`` when it was damaged."""
        try:
            given = {each.name: saved[each.name] for each in fields(cls)}
            for name in ("rates", "acknowledgements"):
                given[name] = [*given[name]]
            given["acknowledgements"] = [(float(at), float(power)) for at, power in given["acknowledgements"]]
        except (KeyError, TypeError) as error:
            raise ValueError(f"damaged state of an inverter: {error!r}") from error
        given["available"] = math.inf if given["available"] is None else given["available"]
        return cls(**given)


@dataclass(slots=True)
class FeedInState:
    """The whole core; powers in W, times in s on one monotonic clock."""

    inverters: list[InverterState]
    target: float
    cap: float
    delay: float
    """Dead time between acknowledgement and effect."""
    confirm: float
    """How long a rise must last now."""
    begun: bool = False
    """Whether there was an event."""
    now: float = LONG_AGO
    history: Pairs = field(default_factory=deque)
    """hist: sum of the modelled outputs."""
    window: Pairs = field(default_factory=deque)
    """win: house load at the times of the last meter values."""
    log: Pairs = field(default_factory=deque)
    """Grid power of the last 15 minutes."""
    metered_at: float | None = None
    """mts: time stamp of the last meter value."""
    meter_arrived_at: float = LONG_AGO
    """meter_t: when it arrived; before the first one, the time of the first event."""
    period: float = 1.0
    """Time between meter values."""
    commanded_at: float = LONG_AGO
    """t_cmd: last command to any inverter."""
    raised_at: float | None = None
    """up_ts: time stamp of the meter value that led to the last large rise, while that can be regretted."""
    adjusted_at: float = 0.0
    """adj_ts: when the confirm time was changed."""
    learn_at: float = LONG_AGO
    """next_learn."""
    lost_step_at: float = LONG_AGO
    """t_lost: last step of the ramp."""
    reason: FeedInReason = FeedInReason.NONE
    limited_by_cap: bool = False

    @classmethod
    def begin(cls, inverters: Sequence[FeedInInverter], settings: FeedInSettings) -> Self:
        """The state before the first event."""
        states = []
        for each in inverters:
            power = each.p_nom * each.initial_pct / 100.0
            states.append(
                InverterState(
                    p_nom=each.p_nom,
                    low=each.p_nom * settings.min_pct / 100.0,
                    high=each.p_nom,
                    commanded=power,
                    acknowledged=power,
                    highest=power,
                    effective=power,
                    modelled=power,
                    slew=each.p_nom * each.slew_pct_per_s / 100.0,
                )
            )
        return cls(states, settings.target_w, settings.cap_w, settings.delay_init_s, settings.confirm_s)

    def copy(self) -> Self:
        """A copy that shares nothing that can change."""
        return replace(
            self,
            inverters=[each.copy() for each in self.inverters],
            history=self.history.copy(),
            window=self.window.copy(),
            log=self.log.copy(),
        )

    def as_dict(self) -> dict[str, Any]:
        """The state as JSON can hold it. Floating-point numbers come back exactly."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        found["inverters"] = [each.as_dict() for each in self.inverters]
        for name in ("history", "window", "log"):
            found[name] = [[*pair] for pair in found[name]]
        return found | {"reason": self.reason.value}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """What ``as_dict`` gave; raises ``ValueError`` when it was damaged."""
        try:
            given = {each.name: saved[each.name] for each in fields(cls)}
            given["inverters"] = [InverterState.from_dict(each) for each in given["inverters"]]
            for name in ("history", "window", "log"):
                given[name] = deque((float(at), float(value)) for at, value in given[name])
        except (KeyError, TypeError) as error:
            raise ValueError(f"damaged state: {error!r}") from error
        if given["begun"] and not given["history"]:
            raise ValueError("damaged state: no history")
        given["reason"] = FeedInReason(given["reason"])
        return cls(**given)
