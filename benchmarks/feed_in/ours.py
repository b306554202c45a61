"""Our controller with the thin adapter of the reference (section 10), and what its events cost."""

from collections.abc import Callable
from dataclasses import dataclass
from time import thread_time_ns

from custom_components.local_solar.solarlink.control.feed_in import FeedIn, FeedInInverter, FeedInSettings, LimitCommand

from .plant import View

EAGER_SECONDS = 12.0
EAGER_EVERY, LAZY_EVERY = 0.5, 2.0
NEWER_SECONDS = 0.5
TICK_SECONDS = 5.0
SLOW = 1_000_000


@dataclass(slots=True)
class Cost:
    """CPU time of many calls, in ns."""

    calls: int = 0
    total: int = 0
    most: int = 0
    slow: int = 0
    """Calls of ``SLOW`` and more."""

    def add(self, spent: int) -> None:
        """Count one call."""
        self.calls += 1
        self.total += spent
        self.most = max(self.most, spent)
        self.slow += spent >= SLOW

    def merge(self, other: Cost) -> None:
        """Count all calls of ``other``."""
        self.calls += other.calls
        self.total += other.total
        self.most = max(self.most, other.most)
        self.slow += other.slow

    @property
    def mean_ms(self) -> float:
        """Mean in ms; 0 without calls."""
        return self.total / self.calls / 1e6 if self.calls else 0.0

    @property
    def most_ms(self) -> float:
        """The most expensive call in ms."""
        return self.most / 1e6


class Ours:
    """Feeds the core: first limit states, then samples, then the meter value."""

    def __init__(self, view: View) -> None:
        """Begin with the limits that the inverters have."""
        conditions = view.conditions
        inverters = [
            FeedInInverter(
                p_nom=rated,
                initial_pct=conditions.least_percent,
                slew_pct_per_s=slew if conditions.slew_told else 0.0,
            )
            for rated, slew in zip(conditions.rated, conditions.slew, strict=True)
        ]
        self.core = FeedIn(
            inverters,
            FeedInSettings(
                target_w=conditions.target,
                cap_w=conditions.cap,
                min_pct=conditions.least_percent,
                learn_inline=False,
            ),
        )
        self.events = Cost()
        self.learning = Cost()
        self._waits: dict[int, float] = {}
        """When each command was sent that is not acknowledged yet."""
        self._asked = 0.0
        self._sampled = [-1.0] * len(inverters)
        self._metered = -1.0
        self._fed = 0.0

    def look(self, now: float, view: View) -> None:
        """Feed what is new and send what the core answers."""
        core = self.core
        if self._waits:
            self._ask(now, view)
        for inverter, sample in enumerate(view.dtu.samples):
            if sample is not None and sample.ts > self._sampled[inverter] + NEWER_SECONDS:
                self._sampled[inverter] = sample.ts
                self._timed(core.sample, now, inverter, sample.ts, sample.watts)
        reading = view.reading
        if reading is not None and reading.ts > self._metered:
            self._metered, self._fed = reading.ts, now
            self._send(now, self._timed(core.meter, now, reading.ts, reading.watts), view)
            self._learn(now)
        elif now - self._fed >= TICK_SECONDS:
            self._fed = now
            self._send(now, self._timed(core.tick, now), view)

    def _ask(self, now: float, view: View) -> None:
        every = EAGER_EVERY if now - max(self._waits.values()) <= EAGER_SECONDS else LAZY_EVERY
        if now - self._asked < every:
            return
        self._asked = now
        for inverter in list(self._waits):
            self._timed(self.core.limit_status, now, inverter, view.dtu.status[inverter].value)
            if view.settled(inverter):
                del self._waits[inverter]

    def _send(self, now: float, commands: tuple[LimitCommand, ...], view: View) -> None:
        for command in commands:
            view.send(command.inverter, command.percent)
            self._waits[command.inverter] = now

    def _learn(self, now: float) -> None:
        began = thread_time_ns()
        job = self.core.learning_job()
        if job is not None:
            self.core.learned(now, job.best())
            self.learning.add(thread_time_ns() - began)

    def _timed[**P, R](self, event: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        began = thread_time_ns()
        result = event(*args, **kwargs)
        self.events.add(thread_time_ns() - began)
        return result
