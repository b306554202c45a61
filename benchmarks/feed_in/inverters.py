"""A battery-fed micro-inverter as it follows its limit: nothing for a while, then a curve or a ramp."""

from collections import deque
from math import exp

STEPS_PER_SECOND = 10
"""The plant moves in steps of 0.1 s; all its times are whole numbers of them."""


class Inverter:
    """One inverter whose source gives whatever is asked of it."""

    __slots__ = ("_coming", "_follow", "_slew", "gain", "goal", "output", "rated")

    def __init__(self, rated: float, gain: float, percent: float, *, tau: float, slew: float = 0.0) -> None:
        """Stand at ``percent`` of the ``rated`` power (W).

        Args:
            gain: what it delivers per watt that it is told.
            tau: time constant of its answer in s.
            slew: fastest change in % of the rated power per s; 0 for none.
        """
        self.rated = rated
        self.gain = gain
        self.goal = rated * percent / 100 * gain
        """Power in W that it makes for."""
        self.output = self.goal
        """Power in W that it delivers now."""
        self._follow = 1 - exp(-1 / (STEPS_PER_SECOND * tau))
        self._slew = rated * slew / 100 / STEPS_PER_SECOND
        self._coming: deque[tuple[int, float]] = deque()

    def take(self, percent: float, effective: int) -> None:
        """Accept a limit that has its effect in step ``effective``, but not before those accepted earlier."""
        if self._coming:
            effective = max(effective, self._coming[-1][0])
        self._coming.append((effective, self.rated * percent / 100 * self.gain))

    def step(self, now: int) -> float:
        """Live through one step; the power in W at its end."""
        coming = self._coming
        while coming and coming[0][0] <= now:
            self.goal = coming.popleft()[1]
        change = (self.goal - self.output) * self._follow
        slew = self._slew
        if slew:
            change = max(-slew, min(slew, change))
        self.output += change
        return self.output
