"""Energies that can be believed: what the DTU forgets at a restart, and what it sums up wrongly (section 3.1).

Pure: the caller brings the clock (monotonic seconds).
"""

from dataclasses import dataclass, field

SMALLEST_DROP = 0.05
"""kWh; a counter of a life that falls by less has only been rounded."""
NIGHT = 3 * 3600.0
"""Seconds of silence after which an inverter begins another day."""
GIVEN_UP = 900.0
"""Seconds of polling without any answer after which an inverter is left out of the sums."""


@dataclass(slots=True)
class Counter:
    """One energy of one inverter or input, kWh.

    Between a restart of the DTU and the first answer of the inverter its counters are zero, or whatever offset the
    owner has set. So a fall is believed only when a later sample of the inverter confirms it, or when the DTU is known
    not to have been restarted.
    """

    smallest: float = 0.0
    """A fall by less changes nothing."""
    value: float | None = None
    _doubted: float | None = None
    """The sample that showed the fall first."""
    _doubted_at: float = 0.0

    @property
    def in_doubt(self) -> bool:
        """Whether a fall has been seen that is not confirmed yet."""
        return self._doubted is not None

    def take(self, value: float, sampled_at: float, now: float, uptime_at: float | None) -> bool:
        """Take what a sample says; returns whether the counter has begun again.

        ``uptime_at`` is when the DTU was last asked how long it has been running.
        """
        if self.value is None or value >= self.value:
            self.value, self._doubted = value, None
            return False
        if self.value - value < self.smallest:
            self._doubted = None
            return False
        if self._doubted is None:
            self._doubted, self._doubted_at = sampled_at, now
            return False
        if sampled_at <= self._doubted and (uptime_at is None or uptime_at <= self._doubted_at):
            return False
        self.value, self._doubted = value, None
        return True


@dataclass(slots=True)
class _Share:
    value: float
    sampled_at: float
    carried: float = 0.0
    """What it had counted before it began again during the day."""


@dataclass(slots=True)
class DayTotal:
    """The yield of a day over all inverters, kWh, which begins again once a day as a whole.

    Inverters wake one after the other and begin their day one after the other. A sum that fell a little with each of
    them would be taken for a counter that begins again each time, and all but the first would be counted twice.
    """

    _shares: dict[str, _Share] = field(default_factory=dict)
    _begun_at: float = float("-inf")

    def take(self, serial: str, value: float, sampled_at: float, *, reset: bool) -> None:
        """Take the believed yield of an inverter; ``reset`` when it has just begun again."""
        share = self._shares.get(serial)
        if share is None:
            self._shares[serial] = _Share(value, sampled_at)
            return
        if reset and share.sampled_at < self._begun_at:
            # It only follows the others into the new day.
            share.carried = 0.0
        elif reset:
            others = (each for name, each in self._shares.items() if name != serial)
            if any(each.value > 0 and sampled_at - each.sampled_at < NIGHT for each in others):
                # It counts from zero again, unless it was only put right.
                share.carried += share.value if value < share.value / 2 else share.value - value
            else:
                self._begin(sampled_at)
        share.value, share.sampled_at = value, max(sampled_at, share.sampled_at)

    def _begin(self, at: float) -> None:
        self._begun_at = at
        for share in self._shares.values():
            share.carried = 0.0

    def of(self, serials: frozenset[str]) -> float | None:
        """The sum over those inverters; ``None`` when one of them has told nothing yet."""
        if not serials or not serials <= self._shares.keys():
            return None
        shares = [share for serial, share in self._shares.items() if serial in serials]
        # Who has not been heard since the day began still shows the yield of the day before.
        return sum(share.value + share.carried for share in shares if share.sampled_at >= self._begun_at)
