"""The event log of the zero feed-in control, in the form of reference section 12: a user's problem can be replayed.

A trace is one table of events with the commands that followed, and one row that describes it: inverters and settings.
Section 12 has the events ``sample``, ``limit_status``, ``meter`` and ``tick``. So that a real house replays exactly,
the column ``event`` has further words here:

================== =========== ===================== ==========================
event              inverter    ts_or_status          watts
================== =========== ===================== ==========================
``advance``
``usable``         index       reported limit, %     measured power, W
``unusable``       index
``ceiling``        index       percent
``floor``          index       percent
``cap``, ``target``                                  W
``settings``                   ``name=value;...``
``reset_learning``
``learned``                    dead time before, s   dead time from now on, s
================== =========== ===================== ==========================

A recording that has run for long does not begin at the start of the control: then the state from which it begins
belongs to it, too.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from .feed_in import FeedIn, FeedInInverter, FeedInSettings, FeedInState, LearnedDelay, LimitCommand

HEADER = ("file", "description", "p_nom_w", "initial_limit_pct", "slew_pct_per_s", "cap_w", "target_w", "overrides")
"""Columns of the table that lists traces."""
FIGURES = ("expected_committed_w", "expected_model_w", "expected_delay_s", "expected_confirm_s")
COLUMNS = ("t", "event", "inverter", "ts_or_status", "watts", "commands", *FIGURES)
"""Columns of a trace."""
TOLERANCE = 0.05
"""Difference of a figure (W or s) that replaying may show: the tables are rounded."""


class TraceEvent(StrEnum):
    """The words of the column ``event``."""

    SAMPLE = "sample"
    LIMIT_STATUS = "limit_status"
    METER = "meter"
    TICK = "tick"
    ADVANCE = "advance"
    USABLE = "usable"
    UNUSABLE = "unusable"
    CEILING = "ceiling"
    FLOOR = "floor"
    CAP = "cap"
    TARGET = "target"
    SETTINGS = "settings"
    RESET_LEARNING = "reset_learning"
    LEARNED = "learned"


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One event, what was commanded, and for a meter value the figures after it (W, W, s, s)."""

    t: float
    event: TraceEvent
    inverter: int | None = None
    detail: str | float = ""
    """Column ``ts_or_status``."""
    watts: float | None = None
    commands: tuple[LimitCommand, ...] = ()
    figures: tuple[float, ...] = ()

    def as_cells(self) -> dict[str, str]:
        """The row as text by column. Numbers that decide anything are exact, figures are rounded."""
        cells = {
            "t": repr(self.t),
            "event": self.event.value,
            "inverter": "" if self.inverter is None else str(self.inverter),
            "ts_or_status": str(self.detail),
            "watts": "" if self.watts is None else repr(self.watts),
            "commands": ";".join(f"{each.inverter}={each.percent}" for each in self.commands),
        }
        return cells | {name: str(round(value, 2)) for name, value in zip(FIGURES, self.figures, strict=False)}

    @classmethod
    def from_cells(cls, cells: Mapping[str, str | None]) -> Self:
        """A row of a table; raises ``ValueError``."""
        try:
            commands = [each.split("=") for each in (cells["commands"] or "").split(";") if each]
            figures = tuple(float(text) for name in FIGURES if (text := cells.get(name)))
            return cls(
                float(cells["t"] or ""),
                TraceEvent(cells["event"] or ""),
                int(text) if (text := cells["inverter"]) else None,
                cells["ts_or_status"] or "",
                float(text) if (text := cells["watts"]) else None,
                tuple(LimitCommand(int(index), float(percent)) for index, percent in commands),
                figures if len(figures) == len(FIGURES) else (),
            )
        except KeyError as error:
            raise ValueError(f"the trace has no column {error}") from error

    def apply(self, core: FeedIn) -> tuple[LimitCommand, ...]:
        """Let the event happen to ``core``; raises ``ValueError`` when the row lacks something."""
        match self.event:
            case TraceEvent.METER:
                return core.meter(self.t, float(self.detail), self._watts)
            case TraceEvent.TICK:
                return core.tick(self.t)
            case TraceEvent.SAMPLE:
                core.sample(self.t, self._index, float(self.detail), self._watts)
            case TraceEvent.LIMIT_STATUS:
                core.limit_status(self.t, self._index, str(self.detail))
            case TraceEvent.ADVANCE:
                core.advance(self.t)
            case TraceEvent.USABLE:
                core.set_usable(self.t, self._index, True, limit_pct=float(self.detail), measured_w=self._watts)
            case TraceEvent.UNUSABLE:
                core.set_usable(self.t, self._index, False)
            case TraceEvent.CEILING:
                core.set_ceiling(self.t, self._index, float(self.detail))
            case TraceEvent.FLOOR:
                core.set_floor(self.t, self._index, float(self.detail))
            case TraceEvent.CAP:
                core.set_cap(self.t, self._watts)
            case TraceEvent.TARGET:
                core.set_target(self.t, self._watts)
            case TraceEvent.SETTINGS:
                core.retune(self.t, FeedInSettings.from_text(str(self.detail)))
            case TraceEvent.RESET_LEARNING:
                core.reset_learning(self.t)
            case TraceEvent.LEARNED:
                core.learned(self.t, LearnedDelay(float(self.detail), self._watts))
        return ()

    @property
    def _index(self) -> int:
        if self.inverter is None:
            raise ValueError(f"{self.event} at {self.t} without an inverter")
        return self.inverter

    @property
    def _watts(self) -> float:
        if self.watts is None:
            raise ValueError(f"{self.event} at {self.t} without watts")
        return self.watts


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a core does not do what the trace says: row (from 0), column, and both values."""

    row: int
    column: str
    expected: object
    found: object


def figures(core: FeedIn) -> tuple[float, ...]:
    """Committed power, modelled output, dead time and confirm time after an event."""
    return core.committed_w, core.modelled_w, core.delay_s, core.confirm_s


def replay(rows: Iterable[TraceRow], core: FeedIn) -> Iterator[Difference]:
    """Feed the rows in order and tell every difference; raises ``ValueError`` for a row that cannot be fed."""
    for number, row in enumerate(rows):
        commands = row.apply(core)
        if commands != row.commands:
            yield Difference(number, "commands", row.commands, commands)
        if row.figures:
            for name, expected, found in zip(FIGURES, row.figures, figures(core), strict=True):
                if abs(found - expected) > TOLERANCE:
                    yield Difference(number, name, expected, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedInTrace:
    """A recording that stands for itself."""

    inverters: tuple[FeedInInverter, ...]
    settings: FeedInSettings
    rows: tuple[TraceRow, ...]
    start: FeedInState | None = None
    """What the control knew before the first row; None at its own start."""
    description: str = ""

    def core(self) -> FeedIn:
        """A core to which the rows can happen again."""
        if self.start is None:
            return FeedIn(self.inverters, self.settings)
        return FeedIn.resumed(self.inverters, self.settings, self.start)

    def differences(self) -> Iterator[Difference]:
        """Replay the whole trace."""
        return replay(self.rows, self.core())

    def header(self, file: str = "") -> dict[str, str]:
        """The row that describes the trace in the list of traces."""
        described = replace(self.settings, cap_w=FeedInSettings().cap_w, target_w=FeedInSettings().target_w)
        cells = (
            file,
            self.description,
            ";".join(repr(each.p_nom) for each in self.inverters),
            ";".join(repr(each.initial_pct) for each in self.inverters),
            ";".join(repr(each.slew_pct_per_s) for each in self.inverters),
            repr(self.settings.cap_w),
            repr(self.settings.target_w),
            described.as_text(),
        )
        return dict(zip(HEADER, cells, strict=True))

    def table(self) -> str:
        """The rows as CSV text with the columns of the reference."""
        return _table(COLUMNS, (row.as_cells() for row in self.rows))

    def as_dict(self) -> dict[str, Any]:
        """The trace as JSON: ``trace`` (its row in the list), ``start`` (a state or null), ``rows`` (CSV lines)."""
        return {
            "trace": self.header(),
            "start": None if self.start is None else self.start.as_dict(),
            "rows": self.table().splitlines(),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """What ``as_dict`` gave; raises ``ValueError`` when it was damaged."""
        try:
            header, start, rows = saved["trace"], saved["start"], "\n".join(saved["rows"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"damaged trace: {error!r}") from error
        return cls.from_tables(header, rows, start=None if start is None else FeedInState.from_dict(start))

    @classmethod
    def from_tables(cls, header: Mapping[str, str], rows: str, *, start: FeedInState | None = None) -> Self:
        """A trace from its row in the list and the text of its table; raises ``ValueError``."""
        try:
            each = [[float(text) for text in header[name].split(";")] for name in HEADER[2:5]]
            settings = replace(
                FeedInSettings.from_text(header["overrides"]),
                cap_w=float(header["cap_w"]),
                target_w=float(header["target_w"]),
            )
        except KeyError as error:
            raise ValueError(f"the list of traces has no column {error}") from error
        return cls(
            inverters=tuple(
                FeedInInverter(p_nom=rated, initial_pct=limit, slew_pct_per_s=slew)
                for rated, limit, slew in zip(*each, strict=True)
            ),
            settings=settings,
            rows=tuple(TraceRow.from_cells(cells) for cells in csv.DictReader(io.StringIO(rows))),
            start=start,
            description=header["description"],
        )


def trace_list(traces: Mapping[str, FeedInTrace]) -> str:
    """The list of some traces by the names of their files, as CSV text."""
    return _table(HEADER, (trace.header(file) for file, trace in traces.items()))


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
