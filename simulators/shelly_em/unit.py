"""One meter as hardware: identity, measuring chip, relay, uptime; what both generations tell in their own words."""

from dataclasses import dataclass

from ..faults import Faults
from .clock import HouseClock
from .meter import Meter, Reading
from .models import Firmware, Model
from .relay import Relay

UP_BEFORE = 86_400.0
"""Seconds that the meter has been up when the simulation begins."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What one answer shows: the readings, and the faults in them."""

    readings: list[Reading]
    invalid: bool
    """The measuring chip does not answer."""
    nulls: bool
    """Every measured value is null."""


class Unit:
    """A meter without its protocol."""

    def __init__(
        self,
        *,
        model: Model,
        firmware: Firmware,
        mac: str,
        name: str | None,
        clock: HouseClock,
        meter: Meter,
        faults: Faults,
        user: str,
        password: str | None,
    ) -> None:
        self.model = model
        self.firmware = firmware
        self.mac = mac
        """Twelve hexadecimal digits in upper case, without separators."""
        self.name = name
        self.clock = clock
        self.meter = meter
        self.faults = faults
        self.user = user
        self.password = password
        """None: the meter is open to everybody."""
        self.relay = Relay(clock) if model.relay else None
        self.address = "127.0.0.1"
        self._up_since = clock.now - UP_BEFORE

    @property
    def uptime(self) -> int:
        """Return the time since the last start, s."""
        return max(0, int(self.clock.now - self._up_since))

    def restart(self, up_at: float) -> None:
        """Come up again at that time: uptime 0, relay off, energy kept."""
        self._up_since = up_at
        if self.relay is not None:
            self.relay.restart()

    def shown(self, *, powers: bool = True, energies: bool = True) -> Shown:
        """Return what an answer shows that has powers, energies or both; faults of what it has count one use."""
        readings = self.meter.readings()
        invalid = powers and self.faults.take("invalid") is not None
        nulls = powers and self.faults.take("nulls") is not None
        if energies and self.faults.take("counter_zero"):
            readings = [
                Reading(reading.power, reading.reactive, reading.voltage, reading.frequency) for reading in readings
            ]
        return Shown(readings, invalid, nulls)

    def time_of_day(self) -> str:
        """Return the house's wall clock, hours and minutes."""
        return f"{self.clock.house.now:%H:%M}"
