"""Force charge: two buttons that take a few seconds to act (reference sections 11.1 and 13)."""

from ..faults import Faults
from .clock import Clock


class ForceCharge:
    """Charges from sun and grid until it is stopped; a full battery ends the charge and not the state."""

    def __init__(self, clock: Clock, faults: Faults, delay: float) -> None:
        """``delay`` is the time from the button to its effect, s (2 to 5 on real appliances)."""
        self.running = False
        self._clock = clock
        self._faults = faults
        self._delay = delay

    def start(self) -> None:
        """Press the start button."""
        if self._faults.take("force_charge_ignored") is None:
            self._clock.after(self._delay, self._begin)

    def stop(self) -> None:
        """Press the stop button."""
        if self._faults.take("force_charge_stays") is None:
            self._clock.after(self._delay, self._end)

    def _begin(self) -> None:
        self.running = True

    def _end(self) -> None:
        was_running, self.running = self.running, False
        restart = self._faults.take("force_charge_restarts") if was_running else None
        if restart is not None:
            self._clock.after(restart.argument or 0.0, self._begin)
