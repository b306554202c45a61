"""Micro-inverters of the house: fed from the 48 V bus or from a panel of their own, and how they follow a limit.

Powers are in W, energies in kWh. How an inverter follows a limit: after a dead time either in a first-order curve or,
with firmware of 2020, by an internal limit that moves at a fixed slope (OpenDTU reference section 8).
"""

import math
from dataclasses import dataclass, field
from random import Random

EFFICIENCY = 0.94
"""AC power by DC power."""
RESTART_SECONDS = 20.0
"""How long an inverter that starts watches the grid before it feeds."""
SLEEPS_BELOW, WAKES_ABOVE = 0.004, 0.015
"""Shares of the panel's peak: less light does not keep the inverter awake, more wakes it up."""


@dataclass(slots=True)
class Response:
    """How an inverter follows a new limit. Times in s."""

    dead_time: tuple[float, float] = (1.0, 3.0)
    """Shortest and longest time from the acknowledgement to the first effect."""
    time_constant: float = 1.5
    """Of the first-order curve; 0: at once."""
    slew: float | None = None
    """Share of the rated power by which the internal limit moves in a second (0.005 with firmware of 2020)."""
    gain: float = 1.0
    """What is delivered for each watt of the limit."""


@dataclass(slots=True)
class MicroInverter:
    """One inverter. It knows nothing of radio: whoever reaches it calls `set_limit`, `switch` and `restart`."""

    rated: float
    """Rated AC power, W."""
    source: str = "battery"
    """Where the DC power comes from: "battery" (the house's 48 V bus) or "panel" (a panel of its own)."""
    peak: float = 0.0
    """Peak power of its own panel, W; 0 with a battery, which wakes it up with whatever it can give."""
    lean: float = 0.0
    """Hours by which the panel leans: negative looks east, positive west."""
    inputs: int = 1
    """DC inputs. The limit is split over them equally unless `shares_power`."""
    used_inputs: int = 1
    """Inputs that something is connected to."""
    shares_power: bool = False
    """Whether an unused input's share of the limit goes to the others."""
    response: Response = field(default_factory=Response)
    seed: int = 1
    """Seed of the dead times."""
    enabled: bool = True
    """Whether it was switched on remotely."""
    limit: float = math.nan
    """Limit now in force, W."""
    output: float = 0.0
    """AC power, W."""
    persistent_limit: float = 100.0
    """Share of the rated power that holds after a restart, %."""
    flash_writes: int = 0
    """How often the persistent limit was written."""
    starts: int = 0
    """How often it has started."""
    energy_today: float = 0.0
    """kWh since the last start."""
    energy_total: float = 0.0
    """kWh of its whole life."""
    temperature: float = 24.0
    """Degrees Celsius."""
    awake: bool = False
    """Whether there is DC power enough to answer and to feed."""
    _random: Random = field(init=False, repr=False)
    _commanded: float = field(init=False, default=0.0)
    _coming: list[tuple[float, float]] = field(init=False, default_factory=list)
    _feeds_from: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        """`ValueError` for a source that does not exist."""
        if self.source not in {"battery", "panel"}:
            raise ValueError(f"no such source: {self.source!r}")
        self._random = Random(self.seed)
        if math.isnan(self.limit):
            self.limit = self.rated * self.persistent_limit / 100
        self._commanded = self.limit

    @property
    def dc_power(self) -> float:
        """Return the DC power it takes, W."""
        return self.output / EFFICIENCY

    @property
    def commanded(self) -> float:
        """Return the last limit that it was given, W, whether it has reached it or not."""
        return self._coming[-1][1] if self._coming else self._commanded

    @property
    def deliverable(self) -> float:
        """Return what the limit in force lets through, W, whatever the DC side has."""
        share = 1.0 if self.shares_power or not self.inputs else self.used_inputs / self.inputs
        return self.limit * share * self.response.gain

    # Commands

    def set_limit(self, limit: float, at: float, *, persistent: bool = False) -> None:
        """Take a new limit (W) at a time of the house (s); it works after the dead time."""
        limit = min(max(0.0, limit), self.rated)
        if persistent:
            self.persistent_limit = limit / self.rated * 100
            self.flash_writes += 1
        if limit == self.commanded:
            return
        due = at + self._random.uniform(*self.response.dead_time)
        if self._coming:
            due = max(due, self._coming[-1][0])
        self._coming.append((due, limit))

    def switch(self, *, on: bool) -> None:
        """Switch it on or off; it keeps its limit."""
        self.enabled = on

    def restart(self, at: float) -> None:
        """Start anew: the temporary limit is lost and today's energy begins at 0."""
        self._coming.clear()
        self.limit = self._commanded = self.rated * self.persistent_limit / 100
        self.output = 0.0
        self.energy_today = 0.0
        self.starts += 1
        self._feeds_from = at + RESTART_SECONDS

    # The model

    def settle(self, available: float = math.inf) -> None:
        """Feed what limit and source allow, as after a long time. ``available``: DC power that the source has, W."""
        self.awake = True
        self._feeds_from = -math.inf
        self.output = min(self.deliverable, available * EFFICIENCY)

    def step(self, now: float, seconds: float, available: float, *, grid: bool) -> None:
        """Let some seconds pass that end at ``now``. ``available``: DC power that the source has, W."""
        awake = available > self.peak * (SLEEPS_BELOW if self.awake else WAKES_ABOVE)
        if awake and not self.awake:
            self.restart(now)
        self.awake = awake
        while self._coming and self._coming[0][0] <= now:
            self._commanded = self._coming.pop(0)[1]
        self._move_limit(seconds)
        wanted = 0.0
        if awake and grid and self.enabled and now >= self._feeds_from:
            wanted = min(self.deliverable, available * EFFICIENCY)
        if wanted == 0.0 or self.response.slew is not None or self.response.time_constant <= 0:
            self.output = wanted
        else:
            self.output += (wanted - self.output) * (1 - math.exp(-seconds / self.response.time_constant))
            # The curve falls from what the source gave before; it cannot give more than it has.
            self.output = min(self.output, available * EFFICIENCY)
        energy = self.output * seconds / 3_600_000
        self.energy_today += energy
        self.energy_total += energy
        rest = 22.0 + 0.05 * (self.dc_power - self.output)
        rest += 18.0 * self.output / self.rated
        self.temperature += (rest - self.temperature) * (1 - math.exp(-seconds / 600))

    def _move_limit(self, seconds: float) -> None:
        slew = self.response.slew
        if slew is None:
            self.limit = self._commanded
            return
        most = slew * self.rated * seconds
        self.limit += max(-most, min(most, self._commanded - self.limit))
