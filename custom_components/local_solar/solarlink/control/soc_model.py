"""What the state-of-charge control of an inverter knows, decides and remembers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self

type Setting = bool | float
"""Value of a setting of the inverter: on or off, V, s."""

LOAD_SHAVE = "load_shave"
GRID_SUPPORT = "grid_support"
CUT_OUT = "low_battery_cut_out"
HYSTERESIS = "low_battery_cut_out_hysteresis"
DELAY = "low_battery_cut_out_delay"
PROTECTION = (CUT_OUT, HYSTERESIS, DELAY)
KEYS = (LOAD_SHAVE, GRID_SUPPORT, *PROTECTION)
"""Settings of the inverter that may be taken over; the names are those of its points."""

DAY = 86400.0


class Mode(StrEnum):
    """What the control does."""

    OFF = "off"
    """Nothing: every setting is the owner's."""
    WAITING = "waiting"
    """Load shave is off until the battery is charged."""
    DISCHARGING = "discharging"
    """Load shave is on: the inverter takes from the battery what would come from the grid."""
    HELD = "held"
    """The battery may be discharged, but something forbids it for now; load shave is off."""
    RESTORING = "restoring"
    """The owner's values are being written back."""


class Reason(StrEnum):
    """Why the mode is what it is."""

    NONE = "none"
    SWITCHED_ON = "switched_on"
    SWITCHED_OFF = "switched_off"
    STOPPED = "stopped"
    """Home Assistant stops, or the entry is unloaded."""
    RESTARTED = "restarted"
    CHARGED = "charged"
    """The mean state of charge has reached the upper limit."""
    EMPTY = "empty"
    """The lowest module has reached the lower limit."""
    CELL_LOW = "cell_low"
    """A cell has reached the lowest cell voltage."""
    CELL_HIGH = "cell_high"
    """A cell is above the highest cell voltage."""
    ALARM = "alarm"
    """The battery reports an alarm."""
    DATA_OLD = "data_old"
    """The values of the battery are missing or too old."""
    DATA_FROZEN = "data_frozen"
    """The values of the battery come, but have not changed for too long."""
    SHORTEST_ON = "shortest_on"
    """The lower limit is reached, but load shave has been on for too short a time."""
    SHORTEST_OFF = "shortest_off"
    """Load shave has been off for too short a time."""
    WRITE_BUDGET = "write_budget"
    """No writes are left for today."""
    NOT_TAKEN = "not_taken"
    """The inverter has not taken a setting; it is tried again."""
    UNKNOWN_VALUES = "unknown_values"
    """Load shave, or another setting that is needed, has not been read yet."""
    CHANGED_ELSEWHERE = "changed_elsewhere"
    """Somebody else has switched load shave or grid support."""
    NOT_READY = "not_ready"
    """A condition is not met."""


class Purpose(StrEnum):
    """What a write is for."""

    SET = "set"
    RESTORE = "restore"


class Outcome(StrEnum):
    """What became of a write."""

    KEPT = "kept"
    """The inverter reads back what was written, or had it already."""
    REFUSED = "refused"
    """It was refused before or by the inverter, and nothing was changed."""
    DIFFERENT = "different"
    """The inverter confirmed the write, but reads back another value."""
    UNCERTAIN = "uncertain"
    """No answer: it may or may not have been carried out."""
    NOT_SENT = "not_sent"
    """There was no link; nothing left this machine."""


class Now(NamedTuple):
    """The present moment, on two clocks."""

    seconds: float
    """Monotonic clock, s."""
    wall: datetime
    """Wall clock with time zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The owner's options (reference section 8)."""

    charged: float = 80.0
    """Mean state of charge from which the battery may be discharged, %."""
    empty: float = 20.0
    """State of charge of the lowest module at which that ends, %."""
    max_age: float = 90.0
    """Age up to which values of the battery are believed, s: three times the pace at which they are read."""
    longest_unchanged: float = 7200.0
    """Without any change of the cell voltages and states of charge for so long the values count as frozen, s. Only
    where cell voltages are known: in thousandths of a volt they always move. 0: not watched."""
    lowest_cell: float | None = 3.0
    """Cell voltage at which the battery counts as empty whatever its state of charge is, V; ``None``: not watched."""
    highest_cell: float | None = None
    """Cell voltage above which the battery is left alone, V; ``None``: not watched."""
    alarm: bool = False
    """Whether there is an alarm to watch; one that is unknown counts as old data."""
    shortest_on: float = 600.0
    """s."""
    shortest_off: float = 600.0
    """s."""
    write_budget: int = 8
    """Writes of one setting in 24 hours; only switching off and restoring are allowed beyond."""
    grid_support: bool = True
    """Whether grid support is switched on together with load shave, which does nothing without it."""
    protection: Mapping[str, float] = field(default_factory=dict)
    """Low battery cut-out (V), its hysteresis (V) and its delay (s) while the control is on, by key of the setting;
    what is missing stays the owner's."""
    dry_run: bool = False
    """Whether nothing is written: the control shows what it would do."""

    @property
    def managed(self) -> tuple[str, ...]:
        """The settings that are taken over."""
        return (
            LOAD_SHAVE,
            *((GRID_SUPPORT,) if self.grid_support else ()),
            *(each for each in PROTECTION if each in self.protection),
        )


class Found(NamedTuple):
    """A setting as the inverter has it."""

    value: Setting
    age: float
    """Seconds since it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is known now. ``None`` means unknown."""

    age: float = math.inf
    """Seconds since the oldest of the battery's values was read."""
    mean: float | None = None
    """Mean state of charge, %."""
    lowest: float | None = None
    """State of charge of the lowest module, %."""
    lowest_cell: float | None = None
    """V."""
    highest_cell: float | None = None
    """V."""
    alarm: bool | None = None
    device: Mapping[str, Found] = field(default_factory=dict)
    """Settings of the inverter that have been read."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A setting that has been taken over."""

    owner: Setting
    """The owner's value, which it gets back."""
    ours: Setting
    """What it was last set to."""
    sure: bool = True
    """Whether the inverter is known to have that."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What has been watched since this program was started; times are seconds of the monotonic clock."""

    sampled_at: float | None = None
    """When the last sample of the battery was read."""
    numbers: tuple[float | None, ...] = ()
    """What it said."""
    changed_at: float | None = None
    """When that last changed."""
    low_samples: int = 0
    """Samples in a row with the lowest module at or below the lower limit."""
    cell_samples: int = 0
    """Samples in a row with a cell at or below the lowest cell voltage."""
    before: Mapping[str, Taken] = field(default_factory=dict)
    """How each setting was before the last try to write it."""
    wrote_at: Mapping[str, float] = field(default_factory=dict)
    """Last try to write each setting: what was read of it before says nothing."""
    retry_at: Mapping[str, float] = field(default_factory=dict)
    """Earliest next try to write a setting."""
    tries: Mapping[str, int] = field(default_factory=dict)
    """Tries to write a setting that have failed since one succeeded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything the control remembers. ``as_dict`` is its persistent part; ``watch`` starts anew."""

    mode: Mode = Mode.OFF
    reason: Reason = Reason.NONE
    enabled: bool = False
    """Whether the owner wants it on; it survives a restart."""
    discharge: bool = False
    """Whether the battery may be discharged: between the two limits it is what it was."""
    cause: Reason = Reason.NONE
    """Why that is so."""
    dry: bool = False
    """Whether what has been taken over was only played through."""
    taken: Mapping[str, Taken] = field(default_factory=dict)
    """What has been taken over, by key of the setting."""
    left: tuple[str, ...] = ()
    """Settings of the cut-out that somebody else has changed; they are left alone until the control is switched on
    again."""
    switched_at: float = -math.inf
    """When load shave was last switched, seconds since 1970."""
    writes: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """When each setting was written in the last 24 hours, seconds since 1970."""
    watch: Watch = field(default_factory=Watch)

    @property
    def shaving(self) -> bool:
        """Whether load shave is, or may be, on because of this control."""
        taken = self.taken.get(LOAD_SHAVE)
        return taken is not None and (taken.ours is True or (not taken.sure and taken.owner is True))

    def recent(self, key: str, now: Now) -> tuple[float, ...]:
        """Writes of a setting in the last 24 hours; one dated in the future counts, because the clock was set back."""
        return tuple(at for at in self.writes.get(key, ()) if now.wall.timestamp() - at < DAY)

    def writes_today(self, now: Now) -> int:
        """Writes of all settings in the last 24 hours."""
        return sum(len(self.recent(key, now)) for key in self.writes)

    def as_dict(self) -> dict[str, Any]:
        """The persistent part as JSON can hold it."""
        return {
            "mode": self.mode.value,
            "reason": self.reason.value,
            "enabled": self.enabled,
            "discharge": self.discharge,
            "cause": self.cause.value,
            "dry": self.dry,
            "taken": {key: [each.owner, each.ours, each.sure] for key, each in self.taken.items()},
            "left": list(self.left),
            "switched_at": self.switched_at if math.isfinite(self.switched_at) else None,
            "writes": {key: list(times) for key, times in self.writes.items()},
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Take back what ``as_dict`` gave. What is missing or of another kind gets its default."""
        state = cls()
        for name, read in _PERSISTENT.items():
            try:
                state = replace(state, **{name: read(saved[name])})
            except KeyError, TypeError, ValueError, AttributeError:
                continue
        if state.taken and state.mode is Mode.OFF:
            # Whatever was taken over has to be given back.
            return replace(state, mode=Mode.RESTORING)
        return state


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("no flag")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("no number")
    return float(value)


def _setting(key: str, value: Any) -> Setting:
    return _number(value) if key in PROTECTION else _flag(value)


def _taken(saved: Any) -> dict[str, Taken]:
    taken = {}
    for key, each in saved.items():
        try:
            owner, ours, sure = each
            if key in KEYS:
                taken[key] = Taken(_setting(key, owner), _setting(key, ours), _flag(sure))
        except TypeError, ValueError:
            # One that is damaged must not keep the others from being restored.
            continue
    return taken


def _left(saved: Any) -> tuple[str, ...]:
    return tuple(key for key in PROTECTION if key in list(saved))


def _moment(value: Any) -> float:
    return -math.inf if value is None else _number(value)


def _writes(saved: Any) -> dict[str, tuple[float, ...]]:
    return {key: tuple(_number(each) for each in list(times)) for key, times in saved.items() if key in KEYS}


_PERSISTENT: Mapping[str, Callable[[Any], Any]] = {
    "mode": Mode,
    "reason": Reason,
    "enabled": _flag,
    "discharge": _flag,
    "cause": Reason,
    "dry": _flag,
    "taken": _taken,
    "left": _left,
    "switched_at": _moment,
    "writes": _writes,
}
"""What survives a restart, and how it is read back from JSON."""


class Action(NamedTuple):
    """Write a setting of the inverter. ``dry``: only say so, and report the outcome ``KEPT``."""

    key: str
    value: Setting
    purpose: Purpose
    dry: bool


class Decision(NamedTuple):
    """What to do now. With an action the state must be on disk before the action is carried out."""

    state: State
    action: Action | None = None
