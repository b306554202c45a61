"""All that is known of a DTU and its inverters. Pure: the caller brings the clock (monotonic seconds)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..points import Value
from .codec import InverterLive, Json, LimitState, LiveData, number
from .codec_status import Charger, DeviceInfo, InverterConfig, Limiter, LogEntry
from .energies import GIVEN_UP, DayTotal
from .inverter import LEAST_VALID, Inverter

POLL_INTERVAL = 5.0
"""Seconds between two questions of the DTU to any inverter, unless its owner has set something else (section 6)."""
_TURNS = 4
"""Turns of an inverter for which its sample is believed."""
_REBOOT = 5.0
"""Seconds by which an uptime must fall short of what is expected for a restart."""


@dataclass(slots=True)
class State:
    """What is known."""

    inverters: dict[str, Inverter] = field(default_factory=dict)
    hints: Mapping[str, bool] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    live_at: float | None = None
    """When live data came last, by whichever way."""
    listed_at: float | None = None
    """When all inverters were listed last."""
    limits_at: float | None = None
    poll_interval: float = POLL_INTERVAL
    system: Json = field(default_factory=dict)
    network: Json = field(default_factory=dict)
    clock: Json = field(default_factory=dict)
    config: Json = field(default_factory=dict)
    configs: dict[str, InverterConfig] = field(default_factory=dict)
    limiter: Limiter | None = None
    battery: Mapping[str, float | bool | None] = field(default_factory=dict)
    chargers: dict[str, Charger] = field(default_factory=dict)
    logs: dict[str, tuple[LogEntry, ...]] = field(default_factory=dict)
    devices: dict[str, DeviceInfo] = field(default_factory=dict)
    profiles: dict[str, str] = field(default_factory=dict)
    boots: int = 0
    """How often a restart of the DTU was seen."""
    uptime_at: float | None = None
    """When the DTU was asked for its uptime."""
    _boot_at: float | None = None
    _day: DayTotal = field(default_factory=DayTotal)

    # Time

    def uptime(self, now: float) -> float | None:
        """Seconds for which the DTU has been running, as far as it is known."""
        return None if self._boot_at is None else max(now - self._boot_at, 0.0)

    def take_system(self, content: Json, now: float) -> bool:
        """Take the state of the system; returns whether the DTU has been restarted."""
        self.system = content
        uptime = number(content.get("uptime"))
        if uptime is None:
            return False
        boot_at = now - uptime
        rebooted = self._boot_at is not None and boot_at > self._boot_at + _REBOOT
        if self._boot_at is None or abs(boot_at - self._boot_at) > _REBOOT:
            self._boot_at = boot_at
        self.uptime_at = now
        self.boots += rebooted
        return rebooted

    @property
    def wants_uptime(self) -> bool:
        """Whether something looks like a restart of the DTU."""
        return any(inverter.in_doubt for inverter in self.inverters.values())

    @property
    def longest(self) -> float:
        """Seconds for which a sample is believed (section 3.1)."""
        return max(LEAST_VALID, _TURNS * len(self.inverters) * self.poll_interval)

    # Live data

    def take_live(self, live: LiveData, now: float, *, listing: bool) -> None:
        """Take live data; ``listing`` when it names every inverter there is."""
        for each in live.inverters:
            self._take_inverter(each, now)
        if live.hints:
            self.hints = live.hints
        if live.parts or listing:
            self.parts = live.parts
        self.live_at = now
        if listing:
            self.listed_at = now
            named = {each.serial for each in live.inverters}
            self.inverters = {serial: each for serial, each in self.inverters.items() if serial in named}

    def _take_inverter(self, live: InverterLive, now: float) -> None:
        inverter = self.inverters.get(live.serial)
        if inverter is None:
            inverter = self.inverters[live.serial] = Inverter(live.serial, live, now)
        begun = inverter.take(live, now, self.uptime(now), self.uptime_at)
        value = inverter.energy("YieldDay")
        if live.values is not None and value is not None and not inverter.doubts("YieldDay"):
            self._day.take(live.serial, value, inverter.sampled_at, reset="YieldDay" in begun)

    def take_limits(self, limits: Mapping[str, LimitState], now: float) -> None:
        """Take the reported limits."""
        self.limits_at = now
        for serial, state in limits.items():
            if inverter := self.inverters.get(serial):
                inverter.limit, inverter.limit_at = state, now

    # Sums

    def total_power(self, now: float) -> float | None:
        """AC power of all inverters that tell theirs, W; ``None`` when none does."""
        powers = [inverter.value("Power", now, self.longest) for inverter in self.inverters.values()]
        known = [power for power in powers if power is not None]
        return round(sum(known), 1) if known else None

    def total_energy(self, name: str, now: float) -> float | None:
        """Energy of all inverters, kWh; ``None`` while one has still to tell its own, so that the sum never falls.

        An inverter that was polled for a quarter of an hour in vain counts as nothing.
        """
        counted = frozenset(
            serial
            for serial, inverter in self.inverters.items()
            if inverter.energy(name) is not None
            or inverter.asked_since is None
            or now - inverter.asked_since < GIVEN_UP
        )
        if name == "YieldDay":
            found = self._day.of(counted)
            return None if found is None else round(found, 3)
        energies = [self.inverters[serial].energy(name) for serial in counted]
        known = [energy for energy in energies if energy is not None]
        return round(sum(known), 3) if known and len(known) == len(energies) else None

    # What the DTU was told

    def commands_enabled(self, serial: str) -> bool | None:
        """Whether commands are sent to that inverter now; ``None`` while the settings are not known."""
        config = self.configs.get(serial)
        if config is None:
            return None
        night = self.clock.get("sun_isDayPeriod") is False
        return config.commands and (config.commands_at_night or not night)

    def governed(self, serial: str) -> bool:
        """Whether the power limiter of the DTU works on that inverter."""
        return self.limiter is not None and self.limiter.enabled and serial in self.limiter.governed

    def hint(self, name: str) -> Value:
        """A hint of the DTU; ``None`` where it is not given."""
        return self.hints.get(name)
