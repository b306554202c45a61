"""Counters and latency of one link: what diagnostics show when something is slow or silent."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class LinkStats:
    """Counters since the link was opened; times are seconds of the monotonic clock."""

    clock: Callable[[], float] = time.monotonic
    connects: int = 0
    exchanges: int = 0
    answers: int = 0
    time_outs: int = 0
    retries: int = 0
    refusals: int = 0
    foreign: int = 0
    """Well-formed traffic on a shared line that was not for us."""
    dropped_bytes: int = 0
    """Bytes that belonged to no valid frame."""
    latency: float = 0.0
    """Mean time to an answer in seconds (exponential, weight 0.1)."""
    slowest: float = 0.0
    last_answer: float | None = None
    last_error: str = ""

    def answered(self, seconds: float) -> None:
        """Count an answer that took ``seconds``."""
        self.answers += 1
        self.last_answer = self.clock()
        self.latency = seconds if self.answers == 1 else 0.9 * self.latency + 0.1 * seconds
        self.slowest = max(self.slowest, seconds)

    @property
    def silence(self) -> float | None:
        """Seconds since the last answer, ``None`` before the first."""
        return None if self.last_answer is None else self.clock() - self.last_answer

    def as_dict(self) -> dict[str, int | float | str | None]:
        """The counters as JSON can hold them."""
        return {
            "connects": self.connects,
            "exchanges": self.exchanges,
            "answers": self.answers,
            "time_outs": self.time_outs,
            "retries": self.retries,
            "refusals": self.refusals,
            "foreign": self.foreign,
            "dropped_bytes": self.dropped_bytes,
            "latency_ms": round(self.latency * 1000, 1),
            "slowest_ms": round(self.slowest * 1000, 1),
            "seconds_since_last_answer": None if self.silence is None else round(self.silence, 1),
            "last_error": self.last_error,
        }
