"""A zero feed-in control that remembers its last events, so that they can be replayed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from .feed_in import FeedIn, FeedInInverter, FeedInSettings, FeedInState, LearnedDelay, LimitCommand
from .feed_in_trace import FeedInTrace, TraceEvent, TraceRow, figures

CAPACITY = 2000
"""Events that are kept at least; up to twice as many are. About a quarter of an hour with a value per second."""


@dataclass(slots=True)
class _Stretch:
    """Events, and what was known before them; a state of None is that of a new core."""

    settings: FeedInSettings
    start: FeedInState | None
    rows: list[TraceRow] = field(default_factory=list)


class FeedInRecorder(FeedIn):
    """The same control; ``trace`` gives the last events.

    What is dropped is dropped with the whole stretch of events that follows a copy of the state, so that what is left
    always begins with a known state. Events that raised an error changed nothing and are not recorded.
    """

    def __init__(
        self, inverters: Sequence[FeedInInverter], settings: FeedInSettings, *, capacity: int = CAPACITY
    ) -> None:
        """Keep at least the last ``capacity`` events."""
        super().__init__(inverters, settings)
        self._capacity = capacity
        self._before: _Stretch | None = None
        self._stretch = _Stretch(settings, None)

    @classmethod
    def resumed(cls, inverters: Sequence[FeedInInverter], settings: FeedInSettings, state: FeedInState) -> Self:
        """See ``FeedIn.resumed``; the recording begins with ``state``."""
        core = super().resumed(inverters, settings, state)
        core._stretch = _Stretch(settings, core.state)
        return core

    def trace(self, description: str = "") -> FeedInTrace:
        """The recorded events, oldest first."""
        first = self._before or self._stretch
        rows = self._stretch.rows if first is self._stretch else first.rows + self._stretch.rows
        return FeedInTrace(
            inverters=self.inverters,
            settings=first.settings,
            rows=tuple(rows),
            start=None if first.start is None else first.start.copy(),
            description=description,
        )

    def advance(self, t: float) -> None:
        """See ``FeedIn.advance``."""
        super().advance(t)
        self._record(TraceRow(t, TraceEvent.ADVANCE))

    def limit_status(self, t: float, inverter: int, status: str) -> None:
        """See ``FeedIn.limit_status``."""
        super().limit_status(t, inverter, status)
        self._record(TraceRow(t, TraceEvent.LIMIT_STATUS, inverter, status))

    def sample(self, t: float, inverter: int, ts: float, watts: float) -> None:
        """See ``FeedIn.sample``."""
        super().sample(t, inverter, ts, watts)
        self._record(TraceRow(t, TraceEvent.SAMPLE, inverter, ts, watts))

    def meter(self, t: float, ts: float, watts: float) -> tuple[LimitCommand, ...]:
        """See ``FeedIn.meter``."""
        commands = super().meter(t, ts, watts)
        self._record(TraceRow(t, TraceEvent.METER, None, ts, watts, commands, figures(self)))
        return commands

    def tick(self, t: float) -> tuple[LimitCommand, ...]:
        """See ``FeedIn.tick``."""
        commands = super().tick(t)
        self._record(TraceRow(t, TraceEvent.TICK, commands=commands))
        return commands

    def set_usable(
        self, t: float, inverter: int, usable: bool, *, limit_pct: float = 0.0, measured_w: float = 0.0
    ) -> None:
        """See ``FeedIn.set_usable``."""
        super().set_usable(t, inverter, usable, limit_pct=limit_pct, measured_w=measured_w)
        if usable:
            self._record(TraceRow(t, TraceEvent.USABLE, inverter, limit_pct, measured_w))
        else:
            self._record(TraceRow(t, TraceEvent.UNUSABLE, inverter))

    def set_ceiling(self, t: float, inverter: int, percent: float) -> None:
        """See ``FeedIn.set_ceiling``."""
        super().set_ceiling(t, inverter, percent)
        self._record(TraceRow(t, TraceEvent.CEILING, inverter, percent))

    def set_floor(self, t: float, inverter: int, percent: float) -> None:
        """See ``FeedIn.set_floor``."""
        super().set_floor(t, inverter, percent)
        self._record(TraceRow(t, TraceEvent.FLOOR, inverter, percent))

    def set_cap(self, t: float, watts: float) -> None:
        """See ``FeedIn.set_cap``."""
        super().set_cap(t, watts)
        self._record(TraceRow(t, TraceEvent.CAP, watts=watts))

    def set_target(self, t: float, watts: float) -> None:
        """See ``FeedIn.set_target``."""
        super().set_target(t, watts)
        self._record(TraceRow(t, TraceEvent.TARGET, watts=watts))

    def retune(self, t: float, settings: FeedInSettings) -> None:
        """See ``FeedIn.retune``."""
        super().retune(t, settings)
        self._record(TraceRow(t, TraceEvent.SETTINGS, None, settings.as_text()))

    def reset_learning(self, t: float) -> None:
        """See ``FeedIn.reset_learning``."""
        super().reset_learning(t)
        self._record(TraceRow(t, TraceEvent.RESET_LEARNING))

    def learned(self, t: float, result: LearnedDelay | None) -> None:
        """See ``FeedIn.learned``."""
        super().learned(t, result)
        if result is None:
            self._record(TraceRow(t, TraceEvent.ADVANCE))
        else:
            self._record(TraceRow(t, TraceEvent.LEARNED, None, result.before, result.delay))

    def _record(self, row: TraceRow) -> None:
        self._stretch.rows.append(row)
        if len(self._stretch.rows) >= self._capacity:
            self._before = self._stretch
            self._stretch = _Stretch(self.settings, self.state)
