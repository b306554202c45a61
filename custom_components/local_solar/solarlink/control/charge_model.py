"""What the charge manager knows: its settings, what it sees, what it remembers, and what it may do.

Voltages are in V, currents in A, powers in W, temperatures in °C, durations in s.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self

from .charge_watch import Watch

REFERENCE_VOLTAGE = 48
"""Battery voltage for which the defaults are given; those of 24 V and 12 V systems are a half and a quarter."""
SAME_VOLTAGE = 0.05
"""Two settings nearer than this are the same: the inverter keeps tenths."""


class Mode(StrEnum):
    """What the charge manager is doing."""

    OFF = "off"
    """It does nothing; the float voltage is the owner's."""
    IDLE = "idle"
    """It waits for the sun."""
    BULK = "bulk"
    """The float voltage is raised; the battery is on its way to the absorption voltage."""
    ABSORPTION = "absorption"
    """The battery is held at the absorption voltage."""
    FLOAT = "float"
    """The battery is full and the float voltage is the owner's again."""
    HOLD = "hold"
    """Values are missing or too old: nothing is judged and nothing is changed."""
    RESTORE = "restore"
    """The owner's float voltage is being written, until the inverter confirms it."""


class Reason(StrEnum):
    """Why the last change of mode happened, or why the wanted one did not."""

    NONE = "none"
    SWITCHED_ON = "switched_on"
    SWITCHED_OFF = "switched_off"
    STOPPED = "stopped"
    """Home Assistant was stopped or the entry unloaded."""
    RESTARTED = "restarted"
    CHARGE_SOURCE = "charge_source"
    """There was enough sun for long enough."""
    LOW_VOLTAGE = "low_voltage"
    START_NOW = "start_now"
    FINISH_NOW = "finish_now"
    VOLTAGE_REACHED = "voltage_reached"
    VOLTAGE_FELL = "voltage_fell"
    TAIL_CURRENT = "tail_current"
    """The battery is full: at the absorption voltage it takes hardly any current."""
    LONGEST_ABSORPTION = "longest_absorption"
    END_OF_DAY = "end_of_day"
    DATA_OLD = "data_old"
    DATA_BACK = "data_back"
    DATA_LOST = "data_lost"
    """Values were missing for too long."""
    FAULT = "fault"
    BATTERY_HIGH = "battery_high"
    """The inverter warns that the battery voltage is high."""
    TOO_HOT = "too_hot"
    BATTERY_TYPE = "battery_type"
    """The battery type was changed."""
    BULK_TOO_LOW = "bulk_too_low"
    """The bulk voltage was set below the absorption voltage."""
    BOOSTED_TOO_LONG = "boosted_too_long"
    REFUSED = "refused"
    """The inverter refused the raised float voltage or kept another one."""
    NOT_CONFIRMED = "not_confirmed"
    """The inverter did not answer when the float voltage was written."""
    RESTORED_ELSEWHERE = "restored_elsewhere"
    """Somebody else has set the float voltage back, so today is left alone."""
    FOUND_RAISED = "found_raised"
    """The float voltage was at the absorption voltage although nothing was boosted."""
    CHANGED_ELSEWHERE = "changed_elsewhere"
    """Somebody else has set the float voltage to something new."""
    SETTINGS_CHANGED = "settings_changed"
    WRITE_BUDGET = "write_budget"
    NOT_READY = "not_ready"
    """A condition of the charge manager is not met."""
    UNKNOWN_VALUES = "unknown_values"
    """The float or bulk voltage of the inverter is not known yet."""


class Purpose(StrEnum):
    """What a write of the float voltage is for."""

    BOOST = "boost"
    RESTORE = "restore"


class Outcome(StrEnum):
    """What became of a write."""

    KEPT = "kept"
    """The inverter reads back what was written, or had it already."""
    REFUSED = "refused"
    """The inverter said no and nothing was changed."""
    DIFFERENT = "different"
    """The inverter accepted the write, but reads back another value."""
    UNCERTAIN = "uncertain"
    """No answer: it may or may not have been carried out."""
    NOT_SENT = "not_sent"
    """There was no link; nothing left this machine."""


class Now(NamedTuple):
    """The present moment, on two clocks."""

    seconds: float
    """Monotonic clock, s."""
    wall: datetime
    """Local wall clock, with time zone: it says which day it is."""

    @property
    def today(self) -> date:
        """The local date."""
        return self.wall.date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The owner's options (reference section 12.4)."""

    absorption: float
    """Absorption voltage, V."""
    real_float: float
    """The float voltage that the battery is to have when it is full, V."""
    tail_current: float
    """A battery that takes no more than this at the absorption voltage is full, A."""
    tail_hold: float = 600.0
    """How long voltage and tail current must hold, s."""
    min_absorption: float = 900.0
    """Shortest absorption, s."""
    max_absorption: float = 14400.0
    """Longest absorption, s."""
    rebulk_voltage: float
    """Below this the battery is charged again although it was full today, V."""
    rebulk_delay: float = 600.0
    rebulk_in_float: bool = False
    """Whether the voltage may also end the float stage; each time costs two writes."""
    start_power: float = 50.0
    """Solar power that begins a day, W."""
    start_delay: float = 300.0
    dark_power: float = 10.0
    """Solar power below which there is none, W. Between the two nothing begins and nothing ends."""
    end_of_day: float = 3600.0
    """Without sun for so long the day is over, s."""
    max_boosted: float = 50400.0
    """Longest time with a raised float voltage, s."""
    write_budget: int = 6
    """Writes of the float voltage in one day; only restores are allowed beyond."""
    max_temperature: float | None = None
    """Battery temperature above which nothing is boosted, °C; without a sensor ``None``."""
    grid_charge: bool = False
    """Whether charging from the grid counts as charge source beside the sun."""
    other_battery_type: bool = False
    """Whether the battery types AGM and flooded are allowed beside the user-defined one."""
    dry_run: bool = False
    """Whether nothing is written: the manager shows what it would do."""
    reach_margin: float = 0.2
    """Distance from the absorption voltage from which it counts as reached, V."""
    hold_margin: float = 0.3
    """Distance from the absorption voltage up to which it counts as held, V."""
    fall_margin: float = 1.0
    """Distance from the absorption voltage at which the absorption is given up, V."""

    @classmethod
    def for_system(cls, voltage: int, capacity: float, bulk: float, float_voltage: float) -> Self:
        """Defaults for a system of 12, 24 or 48 V with ``capacity`` Ah whose charger has these two voltages (V)."""
        scale = voltage / REFERENCE_VOLTAGE
        return cls(
            absorption=bulk,
            real_float=float_voltage,
            tail_current=0.02 * capacity,
            rebulk_voltage=round(float_voltage - 2.0 * scale, 2),
            # The charger's own accuracy does not shrink with the voltage: a quarter of 0.2 V might never be reached.
            reach_margin=max(0.1, 0.2 * scale),
            hold_margin=max(0.15, 0.3 * scale),
            fall_margin=scale,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is known of the inverter now. ``None`` means unknown."""

    age: float = math.inf
    """Seconds since the live values were read."""
    battery_voltage: float | None = None
    charge_current: float | None = None
    discharge_current: float | None = None
    solar_power: float | None = None
    charging: bool | None = None
    """Whether the inverter says that it charges; unknown, the charge current tells."""
    grid_charging: bool | None = None
    """Whether the battery is charged from the grid."""
    fault: bool | None = None
    """Whether any fault is reported, or the operating mode is fault."""
    battery_high: bool | None = None
    """Warning "battery voltage high" (position 11)."""
    temperature: float | None = None
    """Battery temperature of a sensor, °C."""
    float_voltage: float | None = None
    """Float voltage that the inverter has."""
    float_age: float = 0.0
    """Seconds since the float voltage was read."""
    bulk_voltage: float | None = None
    """Bulk voltage that the inverter has."""
    battery_type: str | None = None
    """Slug of the battery type that is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything the charge manager remembers. ``as_dict`` is its persistent part; ``watch`` starts anew."""

    mode: Mode = Mode.OFF
    reason: Reason = Reason.NONE
    enabled: bool = False
    """Whether the owner wants it on; it survives a restart."""
    proven: bool = False
    """Whether the inverter has once kept a float voltage that was written to it."""
    battery_type: str | None = None
    """Battery type when it was switched on."""
    held_from: Mode = Mode.IDLE
    """Mode to go back to from HOLD."""
    after: Mode = Mode.IDLE
    """Mode to go to from RESTORE: IDLE, FLOAT or OFF."""
    boosted: bool = False
    """Whether the float voltage may be raised: set before the write that raises it, cleared when that of the owner
    has been confirmed."""
    confirmed: bool = False
    """Whether the inverter has confirmed the raised float voltage."""
    dry: bool = False
    """Whether the boost was only played through."""
    real_float: float = 0.0
    """The owner's float voltage, to which a boost is taken back."""
    absorption: float = 0.0
    """The voltage to which the float voltage is raised."""
    set_to: float | None = None
    """What the inverter had after the last write; in a dry run what it would have."""
    boosted_at: float = 0.0
    """When the boost began, seconds since 1970."""
    absorption_seconds: float = 0.0
    """Time at the absorption voltage in the present cycle, s."""
    cycle_on: date | None = None
    """Day on which the present cycle began."""
    completed_on: date | None = None
    """Last day on which the battery got full."""
    blocked_on: date | None = None
    """Day on which nothing begins by itself any more."""
    last_write_at: float = 0.0
    """When the float voltage was last written, seconds since 1970."""
    writes_on: date | None = None
    """Day for which ``writes_today`` counts."""
    writes_today: int = 0
    watch: Watch = field(default_factory=Watch)

    @property
    def boost_active(self) -> bool:
        """Whether the inverter's float voltage is, or may be, raised."""
        return self.boosted and not self.dry

    @property
    def failing(self) -> bool:
        """Whether the owner's float voltage could not be restored yet although it was tried."""
        return self.mode is Mode.RESTORE and self.watch.tries > 0

    def anew(self) -> Self:
        """The next write begins with a clean record."""
        return replace(self, watch=replace(self.watch, retry_at=None, tries=0))

    def as_dict(self) -> dict[str, Any]:
        """The persistent part as JSON can hold it."""
        saved: dict[str, Any] = {}
        for name in _PERSISTENT:
            value = getattr(self, name)
            saved[name] = value.isoformat() if isinstance(value, date) else value
        return saved

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Take back what ``as_dict`` gave. What is missing or of another kind gets its default."""
        state = cls()
        for name, read in _PERSISTENT.items():
            try:
                state = replace(state, **{name: read(saved[name])})
            except KeyError, TypeError, ValueError:
                continue
        return state


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("no flag")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("no number")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("no count")
    return value


def _day(value: Any) -> date | None:
    return None if value is None else date.fromisoformat(value)


def _voltage(value: Any) -> float | None:
    return None if value is None else _number(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


_PERSISTENT: Mapping[str, Callable[[Any], Any]] = {
    "mode": Mode,
    "reason": Reason,
    "enabled": _flag,
    "proven": _flag,
    "battery_type": _text,
    "held_from": Mode,
    "after": Mode,
    "boosted": _flag,
    "confirmed": _flag,
    "dry": _flag,
    "real_float": _number,
    "absorption": _number,
    "set_to": _voltage,
    "boosted_at": _number,
    "absorption_seconds": _number,
    "cycle_on": _day,
    "completed_on": _day,
    "blocked_on": _day,
    "last_write_at": _number,
    "writes_on": _day,
    "writes_today": _count,
}
"""What survives a restart, and how it is read back from JSON."""


class Action(NamedTuple):
    """Set the float voltage (V). ``dry``: only say so, and report the outcome ``KEPT``."""

    voltage: float
    purpose: Purpose
    dry: bool


class Decision(NamedTuple):
    """What to do now. With an action the state must be on disk before the action is carried out."""

    state: State
    action: Action | None = None

    @property
    def reason(self) -> Reason:
        """Why."""
        return self.state.reason
