"""The nightly maintenance of a ComBox: announced a minute before, then the gateway is away (reference section 3)."""

from collections.abc import Callable

REGISTER = "maintenance_status"


class Maintenance:
    """Knows when to ask for the announcement, and for how long to leave the gateway alone."""

    def __init__(self, clock: Callable[[], float], *, seconds: float, check: float) -> None:
        """``seconds``: how long it is left alone; ``check``: between two looks at the announcement."""
        self._clock, self._seconds, self._check = clock, seconds, check
        self._until: float | None = None
        self._looked: float | None = None
        self._announced = False

    @property
    def active(self) -> bool:
        """Whether the gateway is to be left alone now."""
        return self._until is not None and self._clock() < self._until

    @property
    def due(self) -> bool:
        """Whether it is time to look; looking counts from now."""
        now = self._clock()
        if self._looked is not None and now - self._looked < self._check:
            return False
        self._looked = now
        return True

    def take(self, announced: bool) -> bool:
        """Take what the register says; true when the maintenance begins with it.

        An announcement that never ends is believed once.
        """
        begins, self._announced = announced and not self._announced, announced
        if begins:
            self._until = self._clock() + self._seconds
        return begins
