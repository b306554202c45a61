"""Waiting longer after every failure, and never in step with others."""

import random
import time
from collections.abc import Callable

from ..errors import SolarError


class Backoff:
    """Doubles the wait after each failure, from ``first`` to ``longest`` seconds, with 20 % of jitter or as given."""

    def __init__(
        self,
        first: float = 1.0,
        longest: float = 60.0,
        *,
        jitter: float = 0.2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start without a wait."""
        self._first, self._longest, self._jitter, self._clock = first, longest, jitter, clock
        self._wait = 0.0
        self._until = 0.0
        self._error: SolarError | None = None
        self.failures = 0
        """In a row."""

    def failed(self, error: SolarError | None = None) -> None:
        """Note a failure: the next try is due after the wait."""
        self._error = error
        self.failures += 1
        self._wait = min(self._longest, self._wait * 2 or self._first)
        self._until = self._clock() + self._wait * random.uniform(1.0 - self._jitter, 1.0 + self._jitter)

    def succeeded(self) -> None:
        """Forget all failures."""
        self._wait = self._until = 0.0
        self._error, self.failures = None, 0

    def check(self) -> None:
        """Raise the error of the last failure again while it is too early to try again."""
        if self.waiting and self._error is not None:
            raise self._error.with_traceback(None)

    @property
    def waiting(self) -> bool:
        """Whether it is too early to try again."""
        return self._clock() < self._until

    @property
    def left(self) -> float:
        """Seconds until the next try is due."""
        return max(0.0, self._until - self._clock())
