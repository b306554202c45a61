"""What is known of one inverter, and how much of it can be believed now (reference section 3.1).

Pure: the caller brings the clock (monotonic seconds).
"""

from dataclasses import dataclass, field

from .codec import InverterLive, LimitState
from .energies import SMALLEST_DROP, Counter

LEAST_VALID = 60.0
"""Seconds for which a sample is believed at least."""
_JITTER = {True: 0.3, False: 1.2}
"""Seconds by which the time of one sample may seem to move, by whether its age came in milliseconds."""
_FLOWING = ("Power", "Current", "Power DC", "ReactivePower")
"""What is zero while an inverter sleeps; everything else is unknown then."""
_ALIVE = ("Voltage", "Frequency", "Power", "YieldDay", "YieldTotal")
"""Of these an inverter that has answered has told at least one."""
_COUNTED = ("YieldDay", "YieldTotal")
REFRESH = 300.0
"""Seconds after which an inverter is asked for its values again although they seem to be the same."""
_MARGIN = 1.5
"""Seconds by which an age may miss the uptime that it stands for."""


def _counter(name: str) -> Counter:
    return Counter(SMALLEST_DROP if name == "YieldTotal" else 0.0)


@dataclass(slots=True)
class Inverter:
    """One inverter."""

    serial: str
    live: InverterLive
    """What was told last, in the short form or in full."""
    seen_at: float
    """When that was."""
    sampled_at: float = 0.0
    """When the inverter measured what it told last."""
    full: InverterLive | None = None
    full_at: float = 0.0
    full_sampled_at: float = 0.0
    limit: LimitState | None = None
    limit_at: float = 0.0
    asked_since: float | None = None
    """Since when it has been asked in vain, as far as we have seen."""
    _answered: bool = False
    _counters: dict[tuple[int | None, str], Counter] = field(default_factory=dict)

    def take(self, live: InverterLive, now: float, uptime: float | None, uptime_at: float | None) -> set[str]:
        """Take what was told; returns the counters of the inverter that have begun again.

        ``uptime`` is that of the DTU now, as far as it is known, and ``uptime_at`` is when the DTU was asked for it.
        """
        sampled_at = now - live.age
        if self.full is None or abs(sampled_at - self.sampled_at) > _JITTER[live.precise]:
            self.sampled_at = sampled_at
        self.live, self.seen_at = live, now
        if live.values is None:
            return set()
        self.full, self.full_at, self.full_sampled_at = live, now, self.sampled_at
        # While an inverter has never answered, its age is the uptime of the DTU.
        since_boot = uptime is None or live.age < uptime - _MARGIN
        self._answered = since_boot and any((live.values.get(name) or 0.0) > 0.0 for name in _ALIVE)
        if not self._answered:
            self.asked_since = (self.asked_since or now) if live.poll_enabled else None
            return set()
        self.asked_since = None
        if not any((live.values.get(name) or 0.0) > 0.0 for name in _COUNTED):
            return set()
        return self._count(live, now, uptime_at)

    def _count(self, live: InverterLive, now: float, uptime_at: float | None) -> set[str]:
        begun = set()
        channels = ((None, live.values or {}), *((place, each.values) for place, each in enumerate(live.strings)))
        for channel, values in channels:
            for name in _COUNTED:
                value = values.get(name)
                if value is None:
                    continue
                counter = self._counters.setdefault((channel, name), _counter(name))
                if counter.take(value, self.sampled_at, now, uptime_at) and channel is None:
                    begun.add(name)
        return begun

    @property
    def in_doubt(self) -> bool:
        """Whether a counter has fallen and nobody knows yet whether the DTU was only restarted."""
        return any(counter.in_doubt for counter in self._counters.values())

    def doubts(self, name: str) -> bool:
        """Whether that counter of the inverter is in doubt."""
        counter = self._counters.get((None, name))
        return counter is not None and counter.in_doubt

    def energy(self, name: str, channel: int | None = None) -> float | None:
        """An energy in kWh that can be believed; it outlives the sample that it came with."""
        counter = self._counters.get((channel, name))
        return counter.value if counter else None

    def wants_values(self, now: float) -> bool:
        """Whether there is a newer sample than the one whose values are known, or they are to be looked at again."""
        return self.full is None or self.sampled_at > self.full_sampled_at or now - self.full_at >= REFRESH

    def valid(self, now: float, longest: float) -> bool:
        """Whether the sample is not older than ``longest`` seconds, and there is one."""
        return self._answered and self.full is not None and now - self.full_sampled_at <= longest

    def value(self, name: str, now: float, longest: float, channel: int | None = None) -> float | None:
        """A measured value; ``None`` when it cannot be believed any more.

        A sleeping inverter, one that is not being polled, feeds in nothing.
        """
        if name in _COUNTED:
            return self.energy(name, channel)
        if not self.valid(now, longest):
            return 0.0 if name in _FLOWING and not self.live.poll_enabled else None
        assert self.full is not None
        if channel is None:
            return (self.full.values or {}).get(name)
        return self.full.strings[channel].values.get(name) if channel < len(self.full.strings) else None

    def string_name(self, channel: int) -> str:
        """The name that its owner gave to a DC input, empty where there is none."""
        strings = self.full.strings if self.full else ()
        return strings[channel].name if channel < len(strings) else ""

    # Limit

    @property
    def rated_power(self) -> float | None:
        """W; ``None`` while the DTU does not know it."""
        if self.limit and self.limit.rated_power:
            return self.limit.rated_power
        relative, absolute = self.live.limit_relative, self.live.limit_absolute
        return round(absolute * 100.0 / relative) if relative and absolute else None

    @property
    def limit_relative(self) -> float | None:
        """The reported limit in %; ``None`` while it is not known, because the DTU tells 0 until it has read it."""
        newest = self.live.limit_relative
        if self.limit is not None and self.limit_at >= self.seen_at:
            newest = self.limit.relative
        # Up to v25.2.3 some inverters report more than they have.
        return min(newest, 100.0) if newest else None
