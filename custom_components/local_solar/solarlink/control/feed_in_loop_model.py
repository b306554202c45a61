"""What the zero feed-in loop is told, what it orders, and what it remembers of each inverter beside its rules.

Times are seconds of one monotonic clock, powers W, limits % of the rated power.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..live import InverterPicture
from .feed_in_loss import RelayOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlledInverter:
    """An inverter that the owner has chosen."""

    serial: str
    rated: float | None = None
    """Rated power, W, as far as it was known when it was chosen."""
    minimum: float = 2.0
    """Lowest limit, %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What is to be sent now, by serial number."""

    limits: Mapping[str, float] = field(default_factory=dict)
    """Limits in %, relative and not persistent."""
    power: Mapping[str, bool] = field(default_factory=dict)
    """Switch on or off."""
    relay: RelayOrder | None = None

    def __bool__(self) -> bool:
        """Whether there is anything to send."""
        return bool(self.limits or self.power or self.relay)


@dataclass(slots=True)
class LoopInverter:
    """What is remembered of one inverter beside core and supervisor."""

    serial: str
    index: int
    picture: InverterPicture | None = None
    seen_at: float | None = None
    """When its gateway answered last."""
    silent_since: float | None = None
    """Since when it is waited for a first picture."""
    pollers: int = 1
    """How many inverters its gateway asks in turn."""
    poll_interval: float = 5.0
    boots: int | None = None
    rebooted: bool = False
    sampled_at: float | None = None
    commanded: float | None = None
    sent_at: float | None = None
    number: int | None = None
    """The request that is not confirmed yet."""
    refused_at: float | None = None
    manual: float | None = None
    """The owner's wish in manual mode, %."""
    left_alone: bool = False
    """Whether the owner keeps it out of the control."""
