"""What too many requests do: the appliance loses its server and answers slowly (reference sections 5 and 13)."""

from collections import deque

WINDOW = 60.0
"""Seconds that are looked back upon."""
TOLERATED = 30
"""Requests in that time, one every two seconds."""
PAUSE = 10.0
"""Seconds without a request after which the appliance has recovered its breath."""
SLOWER = 4.0
"""How much longer an answer takes under overload."""


class Overload:
    """Counts requests; the appliance is overloaded after a minute of more than one request every two seconds."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._busy_since = 0.0

    def request(self, now: float) -> None:
        """Count a request at ``now`` (s)."""
        if not self._recent or now - self._recent[-1] >= PAUSE:
            self._busy_since = now
        self._recent.append(now)
        while now - self._recent[0] >= WINDOW:
            self._recent.popleft()

    def active(self, now: float) -> bool:
        """Tell whether the appliance is overloaded."""
        recent = sum(now - at < WINDOW for at in self._recent)
        return recent > TOLERATED and now - self._busy_since >= WINDOW
