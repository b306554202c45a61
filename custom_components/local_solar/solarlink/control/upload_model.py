"""What the nightly pause of a Studer gateway is made of: settings, what is known, what is remembered, what follows.

``upload_pause`` decides.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Self

from ..errors import ValueKindError, ValueRangeError

DAY = 86400.0
NOON = DAY / 2
SHORTEST_PAUSE, LONGEST_PAUSE = 180.0, 7200.0
"""What an owner may choose as the longest pause, s."""


class Action(StrEnum):
    """What the caller is to do."""

    PAUSE = "pause"
    """Stop polling."""
    RESUME = "resume"
    """Take up polling."""
    ASK_PORTAL = "ask_portal"
    """Ask the portal once for the days that it has."""
    MEASURE_CLOCK = "measure_clock"
    """Read the clock of the installation once, without retries; the answer brings the status bits as well."""


class Phase(StrEnum):
    """What the controller is doing."""

    SWITCHED_OFF = "switched_off"
    CLOCK_UNKNOWN = "clock_unknown"
    """The clock of the installation has not been read yet."""
    WATCHDOG = "watchdog"
    """The gateway would reset itself, so it must not be left alone."""
    OWNER_PAUSE = "owner_pause"
    """Polling is stopped by somebody else; nothing is done."""
    WAITING = "waiting"
    """The next pause is known."""
    PAUSED = "paused"
    """Polling is stopped; no transfer has been seen yet."""
    UPLOADING = "uploading"
    """Polling is stopped, and the transfer is under way."""
    BROKEN_OFF = "broken_off"
    """The transfer broke off; the portal is given time to begin anew."""


class Reason(StrEnum):
    """Why the last pause ended."""

    NEVER_PAUSED = "never_paused"
    UPLOAD_SEEN = "upload_seen_by_frames"
    FLAG_FELL = "flag_fell"
    """The gateway says that the new file has been read."""
    PORTAL_HAS_DAY = "portal_has_day"
    MAXIMUM_TIME = "maximum_time"
    NOT_STARTED = "not_started"
    """There is no new file on the card, and nobody has fetched one."""
    DISTURBED = "disturbed"
    """The transfer broke off and did not begin anew."""
    WINDOW_OVER = "window_over"
    """The installation's clock shows that the night's window is over."""
    SWITCHED_OFF = "switched_off"
    """The owner has ended the pause or switched the controller off."""
    WATCHDOG = "watchdog"
    """A watchdog of the gateway was switched on meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the owner wants.

    ``start`` (12:00 to 23:59) and ``end`` (before 12:00) are times of the installation's own clock; ``longest`` is the
    longest pause in s (180 to 7200). Raises ``ValueRangeError`` and ``ValueKindError``.
    """

    enabled: bool = True
    start: time = time(23, 58)
    end: time = time(0, 45)
    longest: float = 2700.0
    portal: bool = False
    """Whether the portal may be asked for the days that it has."""

    def __post_init__(self) -> None:
        """Refuse a window that does not hold a midnight, and a pause that nobody would wait for."""
        if not SHORTEST_PAUSE <= self.longest <= LONGEST_PAUSE:
            raise ValueRangeError(
                point="Longest pause", minimum=SHORTEST_PAUSE, maximum=LONGEST_PAUSE, unit="s", value=self.longest
            )
        if seconds_of(self.start) < NOON:
            raise ValueKindError(point="Start of the pause", value=str(self.start), expected="a time before midnight")
        if not 0 < seconds_of(self.end) < NOON:
            raise ValueKindError(point="End of the pause", value=str(self.end), expected="a time after midnight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is known now. Moments (``..._at``) are seconds of the monotonic clock; ``None`` where nothing is known."""

    now: float
    """Seconds since 1970, for what people are shown."""
    monotonic: float
    clock: float | None = None
    """What the installation's clock showed at ``clock_at``: seconds since 1970-01-01 of that clock."""
    clock_at: float | None = None
    paused: bool = False
    """Whether polling is stopped, by this controller or by somebody else."""
    new_file: bool | None = None
    """The gateway's status bit "new file on the card" in the last answer seen, at ``flags_at``."""
    flags_at: float | None = None
    transfer_at: float | None = None
    """When the last frame of somebody else's file transfer was seen."""
    finished_at: float | None = None
    """When the last block of a file was seen on its way to somebody else."""
    broken_at: float | None = None
    """When such a transfer was seen to be stopped or refused."""
    portal_days: Collection[date] | None = None
    """The days that the portal said to have, at ``portal_at``."""
    portal_at: float | None = None
    portal_usable: bool = False
    """Whether the portal can be asked: it has been set up and did not refuse the account."""
    objection: bool = False
    """Whether the gateway must not be left alone (an armed watchdog)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything the controller remembers; ``as_dict`` and ``from_dict`` carry it over a restart."""

    pausing: bool = False
    """Whether polling is stopped by this controller."""
    night: int | None = None
    """The night of the present pause, as the day of the installation's clock (since 1970) that it begins; ``None``
    for a pause that a transfer at another time began."""
    served: int | None = None
    """The night whose pause is over."""
    began: float | None = None
    """When the present pause began, seconds since 1970."""
    transfer_seen: bool = False
    """Whether a transfer was seen in the present pause."""
    new_file_seen: bool = False
    """Whether the gateway has said in the present pause, after midnight, that there is a new file."""
    had_day: bool = False
    """Whether the portal had the day before it was over, so that its having it says nothing."""
    reason: Reason = Reason.NEVER_PAUSED
    ended: float | None = None
    """When the last pause ended, seconds since 1970."""
    lasted: float | None = None
    """How long it was, s."""
    last_upload: float | None = None
    """When the last upload was seen to have finished, seconds since 1970."""
    calm_until: float = 0.0
    """Until when a transfer alone begins no pause, seconds since 1970."""
    heard_from: float | None = None
    """Since when this run of the program listens, monotonic. Not saved, as the two below."""
    began_at: float | None = None
    measured_at: float | None = None
    """When the clock was last to be measured, monotonic."""
    asked_at: float | None = None
    """When the portal was last to be asked, monotonic."""

    def as_dict(self) -> dict[str, Any]:
        """The state as JSON can hold it."""
        saved = asdict(self)
        for name in _NOT_SAVED:
            del saved[name]
        return saved

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Take back what ``as_dict`` gave; the initial state when that has a shape we do not know."""
        try:
            return cls(
                pausing=bool(saved["pausing"]),
                night=_int(saved["night"]),
                served=_int(saved["served"]),
                began=_float(saved["began"]),
                transfer_seen=bool(saved["transfer_seen"]),
                new_file_seen=bool(saved["new_file_seen"]),
                had_day=bool(saved["had_day"]),
                reason=Reason(saved["reason"]),
                ended=_float(saved["ended"]),
                lasted=_float(saved["lasted"]),
                last_upload=_float(saved["last_upload"]),
                calm_until=float(saved["calm_until"]),
            )
        except KeyError, TypeError, ValueError:
            return cls()


_NOT_SAVED = ("heard_from", "began_at", "measured_at", "asked_at")


class Decision(NamedTuple):
    """What to do now, and what people are shown."""

    state: State
    actions: tuple[Action, ...]
    phase: Phase
    uploading: bool
    """Whether somebody is fetching a file at this moment, paused or not."""
    next_pause: float | None
    """When the next pause begins, seconds since 1970; ``None`` while one runs and when none will be."""
    again: float
    """Seconds after which to decide again at the latest."""


def seconds_of(clock: time) -> float:
    """Seconds since midnight."""
    return timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second).total_seconds()


def _int(saved: int | None) -> int | None:
    return None if saved is None else int(saved)


def _float(saved: float | None) -> float | None:
    return None if saved is None else float(saved)
