"""What a control loop needs of a device: values the moment they are measured, and limits that are set at once.

Polling for people is calm; a controller follows a device as fast as the device can tell. A client that offers this
starts a task of its own with the first follower, ends it with the last one, and lets its ordinary reads take what the
task has just brought, so that nothing is asked twice. All times are seconds of the monotonic clock, all powers W.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

type Unfollow = Callable[[], None]
"""Ends a subscription; calling it again does nothing."""


@dataclass(frozen=True, slots=True)
class MeterReading:
    """The power at the grid connection, W, positive when importing; ``at`` is when it was measured."""

    at: float
    power: float


@runtime_checkable
class MeterClient(Protocol):
    """A client whose device measures the power at the grid connection."""

    def follow_meter(self, take: Callable[[MeterReading], None]) -> Unfollow:
        """Call ``take`` with every new reading, about once per second; nothing is told while the meter is silent."""


LEAST_SHARE = 2.0
"""% below which a limit is unsteady, or an inverter does not start again (OpenDTU reference section 4.2)."""
LEAST_PER_INPUT = 12.0
"""W for each DC input, below which the same holds."""


def lowest_limit(rated_power: float | None, inputs: int | None) -> float:
    """The lowest limit in whole % that an inverter takes without trouble, 2 to 100; 2 where nothing is known of it."""
    share = LEAST_PER_INPUT * inputs * 100.0 / rated_power if rated_power and inputs else 0.0
    return float(min(math.ceil(max(LEAST_SHARE, share) - 1e-9), 100))


class LimitStatus(StrEnum):
    """What a gateway says of the last limit that it was to set."""

    OK = "Ok"
    PENDING = "Pending"
    FAILURE = "Failure"
    """The inverter has not answered; the gateway keeps trying."""
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterPicture:
    """One inverter as its gateway knows it now.

    ``accepted``, ``acknowledged`` and ``refused`` are numbers of limit commands (``LimitClient.request_limit``): the
    newest that the gateway took, that the inverter confirmed, and that the gateway would not take. A confirmation
    counts only when it was read after the gateway had taken the command.
    """

    serial: str
    name: str
    rated_power: float | None
    """W; ``None`` while the gateway does not know it."""
    limit: float | None
    """Reported limit in % of the rated power; ``None`` while it is not known, as after a restart of the gateway."""
    limit_status: LimitStatus
    power: float | None
    """AC power, W; ``None`` when it is too old to be believed."""
    dc_power: float | None
    dc_current: float | None
    """Sum of the inputs, A."""
    sampled_at: float
    """When the inverter measured that."""
    reachable: bool
    producing: bool
    poll_enabled: bool
    commands_enabled: bool
    ac_voltage: float | None
    temperature: float | None
    """°C."""
    inputs: int
    """Number of DC inputs."""
    slow: bool
    """Whether its firmware moves the limit by about 0.5 % of the rated power per second only."""
    reports_full_limit: bool
    """Whether its firmware is known to report 100 % although it keeps a lower limit."""
    governed: bool
    """Whether the gateway's own power limiter governs it."""
    energy: float | None
    """Energy of its life, kWh."""
    accepted: int = 0
    acknowledged: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPicture:
    """A gateway and its inverters; ``at`` is when the gateway was asked."""

    at: float
    uptime: float | None
    """Seconds since the gateway was started."""
    boots: int
    """How often a restart of the gateway was seen while it was followed."""
    poll_interval: float
    """Seconds between two questions of the gateway to any of its inverters."""
    clock_set: bool
    """Whether the gateway knows the time; without it, it asks no inverter."""
    inverters: Sequence[InverterPicture]


@runtime_checkable
class LimitClient(Protocol):
    """A client whose device sets the limits of inverters."""

    def follow_inverters(self, take: Callable[[GatewayPicture], None]) -> Unfollow:
        """Call ``take`` with every new picture: every 2 s, every 0.5 s while a limit waits for its confirmation.

        Nothing is told while the gateway does not answer.
        """

    def request_limit(self, serial: str, percent: float) -> int:
        """Set a limit in % of the rated power, not kept by the inverter, as soon as possible; returns its number.

        Never two at once; one that has not been sent yet is replaced by a newer one for the same inverter. What became
        of it is told by the pictures. Needs a follower. Raises ``UnknownPointError`` for a serial that is not there
        and the ``Value...Error`` family for what the inverter cannot take.
        """

    async def set_power(self, serial: str, on: bool) -> None:
        """Switch an inverter on or off and wait for its confirmation.

        Raises ``DeviceRefusedError``, ``WriteUncertainError`` when it did not confirm in time, ``LinkError``.
        """

    async def restart_inverter(self, serial: str) -> None:
        """Restart an inverter, which loses every limit that it does not keep; raises as ``set_power`` does."""

    async def set_persistent_limit(self, serial: str, percent: float, *, confirmed: bool = False) -> None:
        """Set the limit that an inverter keeps in its flash, at most once per inverter and hour.

        Raises ``NeedsConsentError`` unless ``confirmed``, ``TooSoonError`` within the hour, ``WriteBudgetError`` for
        too many in a day, the ``Value...Error`` family, and what ``set_power`` raises.
        """


@runtime_checkable
class RelayClient(Protocol):
    """A client whose device has a relay that falls off by itself, as a watchdog of what it supplies."""

    async def hold_relay(self, seconds: float) -> None:
        """Switch it on, so that it falls off after ``seconds`` unless this is called again; raises as ``write``."""

    async def release_relay(self) -> None:
        """Switch it off now; raises as ``write``."""
