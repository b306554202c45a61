"""Whether the battery may be discharged, with hysteresis (reference sections 9.2 and 9.5).

Safe state: closed. The gate is closed before the first data, and when they have been missing for too long.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from .feed_in_terms import Now, check_range, known, lasted, saved_flag, saved_number, since

DEEP = 3.0
"""So far (%) below the floor the gate closes at once."""
HIGHEST_BELIEVED = 110.0
"""Batteries are known to tell a little more than 100 %; beyond this the value is none."""


class GateReason(StrEnum):
    """Why the gate is open or closed."""

    OPEN = "open"
    NO_DATA = "no_data"
    """Nothing was heard of the battery yet."""
    DATA_LOST = "data_lost"
    BATTERY_LOW = "battery_low"
    """The state of charge is at its floor, or not far enough above it again."""
    VOLTAGE_LOW = "voltage_low"
    BATTERY_COLD = "battery_cold"
    BATTERY_HOT = "battery_hot"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """The limits of the gate. Raises ``ValueError``."""

    soc_floor: float = 20.0
    """State of charge down to which the battery is discharged, 0 to 100 %."""
    hysteresis: float = 3.0
    """So far (%) above the floor discharging begins again, 0 to 50."""
    v_stop: float | None = None
    """Compensated battery voltage that counts as low, V; None: not watched."""
    v_start: float | None = None
    """Compensated battery voltage from which discharging begins again, V; needed with ``v_stop``, and not below it."""
    v_corr: float = 0.001
    """By so much (V) the voltage sags per watt that the inverters give, 0 to 0.1."""
    hold_s: float = 60.0
    """So long (s) the battery must be low before the gate closes, 0 to 3600."""
    lost_s: float = 120.0
    """So long (s) the gate keeps its state without data, 0 to 3600."""
    coldest: float = 0.0
    """Battery temperature below which the gate is closed, -40 to 30 °C."""
    hottest: float = 50.0
    """Battery temperature above which the gate is closed, 30 to 80 °C."""
    temperature_hysteresis: float = 2.0
    """So far (K) inside the limits the temperature must be before the gate opens again, 0 to 10."""

    def __post_init__(self) -> None:
        """Refuse what is out of range or contradicts itself."""
        check_range("soc_floor", self.soc_floor, 0.0, 100.0)
        check_range("hysteresis", self.hysteresis, 0.0, 50.0)
        if self.v_stop is not None:
            check_range("v_stop", self.v_stop, 5.0, 1000.0)
            if self.v_start is None:
                raise ValueError("v_stop needs v_start: a battery recovers as soon as nothing is taken from it")
            check_range("v_start", self.v_start, self.v_stop, 1000.0)
        check_range("v_corr", self.v_corr, 0.0, 0.1)
        check_range("hold_s", self.hold_s, 0.0, 3600.0)
        check_range("lost_s", self.lost_s, 0.0, 3600.0)
        check_range("coldest", self.coldest, -40.0, 30.0)
        check_range("hottest", self.hottest, 30.0, 80.0)
        check_range("temperature_hysteresis", self.temperature_hysteresis, 0.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """What the gate remembers; times in s of the monotonic clock."""

    charged: bool = False
    """Whether the state of charge and the voltage allow discharging."""
    cause: GateReason = GateReason.NO_DATA
    """Why that is so."""
    temperature: GateReason | None = None
    """The limit of the temperature that is broken."""
    low_since: float | None = None
    good_at: float | None = None
    """When the last good data were measured."""

    @property
    def open(self) -> bool:
        """Whether the battery may be discharged."""
        return self.charged and self.temperature is None

    @property
    def reason(self) -> GateReason:
        """Why the gate is open or closed."""
        return self.cause if self.temperature is None or not self.charged else self.temperature

    def as_dict(self, now: Now) -> dict[str, Any]:
        """What survives a restart, as JSON can hold it."""
        return {
            "charged": self.charged,
            "temperature": None if self.temperature is None else self.temperature.value,
            "good_at": None if self.good_at is None else now.written(self.good_at),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any], now: Now) -> Self:
        """Take back what ``as_dict`` gave. A gate stays open over a restart only as over any gap in the data."""
        at = saved_number(saved.get("good_at"))
        charged = saved_flag(saved.get("charged")) and at is not None
        broken = {each.value: each for each in (GateReason.BATTERY_COLD, GateReason.BATTERY_HOT)}
        temperature = saved.get("temperature")
        return cls(
            charged=charged,
            cause=GateReason.OPEN if charged else GateReason.NO_DATA if at is None else GateReason.DATA_LOST,
            temperature=broken.get(temperature) if isinstance(temperature, str) else None,
            good_at=None if at is None else now.read(at),
        )


def step(
    settings: GateSettings,
    state: GateState,
    t: float,
    *,
    soc: float | None,
    voltage: float | None = None,
    ac_power_w: float | None = None,
    temperature: float | None = None,
    data_at: float | None = None,
    soc_floor: float | None = None,
) -> GateState:
    """The gate at ``t`` (s).

    ``soc`` in %, ``voltage`` of the battery in V, ``ac_power_w`` what the inverters give, ``temperature`` of the
    battery in °C, ``data_at`` when the data were measured (None: now), ``soc_floor`` replaces that of the settings.
    """
    floor = settings.soc_floor if soc_floor is None else soc_floor
    state = replace(state, temperature=_temperature(settings, state.temperature, known(temperature)))
    if state.charged and state.good_at is not None and t - state.good_at > settings.lost_s:
        state = _shut(state, GateReason.DATA_LOST)
    charge, volts = known(soc), known(voltage)
    at = t if data_at is None else min(t, data_at)
    missing = charge is None or not 0.0 <= charge <= HIGHEST_BELIEVED or t - at > settings.lost_s
    if charge is None or missing or (settings.v_stop is not None and volts is None):
        never = state.good_at is None
        return state if state.charged or never else replace(state, cause=_lost(settings, state, t))
    state = replace(state, good_at=at if state.good_at is None else max(at, state.good_at))

    compensated = None if volts is None else volts + settings.v_corr * max(0.0, known(ac_power_w) or 0.0)
    soc_low = charge <= floor
    voltage_low = settings.v_stop is not None and compensated is not None and compensated <= settings.v_stop
    if state.charged:
        state = replace(state, low_since=since(state.low_since, t, true=soc_low or voltage_low))
        if charge <= floor - DEEP or lasted(state.low_since, t, settings.hold_s):
            return _shut(state, GateReason.BATTERY_LOW if soc_low else GateReason.VOLTAGE_LOW)
        return replace(state, cause=GateReason.OPEN)
    # A floor close to 100 % must still leave a state of charge at which the gate opens.
    if charge < min(100.0, floor + settings.hysteresis):
        return replace(state, cause=GateReason.BATTERY_LOW)
    if settings.v_stop is not None and compensated is not None and compensated < (settings.v_start or 0.0):
        return replace(state, cause=GateReason.VOLTAGE_LOW)
    return replace(state, charged=True, cause=GateReason.OPEN, low_since=None)


def _shut(state: GateState, cause: GateReason) -> GateState:
    return replace(state, charged=False, cause=cause, low_since=None)


def _lost(settings: GateSettings, state: GateState, t: float) -> GateReason:
    lost = state.good_at is None or t - state.good_at > settings.lost_s
    return GateReason.DATA_LOST if lost else state.cause


def _temperature(settings: GateSettings, broken: GateReason | None, value: float | None) -> GateReason | None:
    """The limit that is broken; a temperature that is not known changes nothing."""
    if value is None:
        return broken
    if value < settings.coldest or (
        broken is GateReason.BATTERY_COLD and value < settings.coldest + settings.temperature_hysteresis
    ):
        return GateReason.BATTERY_COLD
    if value > settings.hottest or (
        broken is GateReason.BATTERY_HOT and value > settings.hottest - settings.temperature_hysteresis
    ):
        return GateReason.BATTERY_HOT
    return None
