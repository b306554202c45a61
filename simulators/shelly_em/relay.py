"""The contactor output with its timer: a watchdog for whatever hangs behind it (reference sections 2 and 4)."""

from collections.abc import Callable

from .clock import HouseClock


class Relay:
    """One output. A timer turns it to the other state when it ends; every new command ends the timer before."""

    def __init__(self, clock: HouseClock) -> None:
        self.on = False
        self.source = "init"
        """Who switched last."""
        self.started = 0.0
        """When the timer began, s."""
        self.duration = 0.0
        """Length of the timer, s; 0 without one."""
        self.on_change: Callable[[], None] | None = None
        self._clock = clock
        self._command = 0

    @property
    def remaining(self) -> float:
        """Return how long the timer still runs, s."""
        return max(0.0, self.started + self.duration - self._clock.now) if self.duration else 0.0

    def switch(self, on: bool, source: str, seconds: float = 0.0) -> bool:
        """Switch, back after ``seconds`` unless 0; returns the state before."""
        before, self.on, self.source = self.on, on, source
        self._command += 1
        command = self._command
        self.started, self.duration = self._clock.now, seconds
        if seconds > 0:
            self._clock.after(seconds, lambda: self._end(command))
        if before != on or seconds > 0:
            self._changed()
        return before

    def _end(self, command: int) -> None:
        if command == self._command:
            self.on, self.source, self.duration = not self.on, "timer", 0.0
            self._changed()

    def restart(self) -> None:
        """Come up as after a power failure: off, without a timer."""
        self._command += 1
        self.on, self.source, self.duration = False, "init", 0.0

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()
