"""How much all inverters together may give at most (reference section 9.1)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from .feed_in_terms import check_range, known

LEGAL_W = 800.0
"""What a plug-in plant may feed in, W: the cap that nobody exceeds without saying so."""
HIGHEST_W = 22500.0
"""The highest cap that can be set, W: ten of the largest inverters on one DTU."""


class CapReason(StrEnum):
    """What the cap comes from."""

    LEGAL_LIMIT = "legal_limit"
    USER_LIMIT = "user_limit"
    OTHER_PRODUCERS = "other_producers"
    """Other plants behind the same legal limit leave only the rest."""
    OTHER_PRODUCERS_UNKNOWN = "other_producers_unknown"
    """What they give is not known, so the value set for that case counts."""
    BATTERY_LIMIT = "battery_limit"
    """The battery allows no higher discharge current."""
    GATE_CLOSED = "gate_closed"
    """The battery must not be discharged."""
    GRID_DOWN = "grid_down"
    """The house runs on its own inverter."""
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class CapSettings:
    """The owner's limits, W. Raises ``ValueError``."""

    legal_w: float = LEGAL_W
    """What the law allows all plants together, 0 to 800, or to 22500 with ``legal_raised``."""
    legal_raised: bool = False
    """Whether the owner has said that more than 800 W is legal here."""
    user_w: float = LEGAL_W
    """What the owner wants at most, 0 to 22500."""
    others_default_w: float = 500.0
    """What the other plants count for while their power is not known, 0 to 22500."""
    battery_share: float = 0.95
    """Part of the battery's permitted discharge power that may be used, above 0 to 1: the inverters have losses."""

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        check_range("legal_w", self.legal_w, 0.0, HIGHEST_W if self.legal_raised else LEGAL_W)
        check_range("user_w", self.user_w, 0.0, HIGHEST_W)
        check_range("others_default_w", self.others_default_w, 0.0, HIGHEST_W)
        check_range("battery_share", self.battery_share, 0.01, 1.0)


class Cap(NamedTuple):
    """The highest allowed sum and what it comes from."""

    watts: float
    reason: CapReason


def cap(
    settings: CapSettings,
    *,
    gate_open: bool,
    others_w: float | None,
    voltage: float | None,
    dcl: float | None,
    other_dc_w: float | None,
    standing_w: float = 0.0,
    grid_down: bool = False,
    paused: bool = False,
) -> Cap:
    """The cap now.

    ``others_w`` is the power of other plants behind the same legal limit (None: unknown), ``standing_w`` that of our
    own inverters which are not under control now, ``voltage`` (V) and ``dcl`` (A) the battery's voltage and discharge
    current limit, ``other_dc_w`` what else is taken from the battery on its DC side (unknown counts as 0).
    """
    if paused:
        return Cap(0.0, CapReason.PAUSED)
    if grid_down:
        return Cap(0.0, CapReason.GRID_DOWN)
    if not gate_open:
        return Cap(0.0, CapReason.GATE_CLOSED)
    measured = known(others_w)
    others = settings.others_default_w if measured is None else max(0.0, measured)
    others += max(0.0, known(standing_w) or 0.0)
    watts, reason = settings.legal_w - others, CapReason.LEGAL_LIMIT
    if others > 0.0:
        reason = CapReason.OTHER_PRODUCERS_UNKNOWN if measured is None else CapReason.OTHER_PRODUCERS
    if settings.user_w < watts:
        watts, reason = settings.user_w, CapReason.USER_LIMIT
    volts, amperes = known(voltage), known(dcl)
    if volts is not None and amperes is not None:
        battery = max(0.0, volts * amperes - (known(other_dc_w) or 0.0)) * settings.battery_share
        if battery < watts:
            watts, reason = battery, CapReason.BATTERY_LIMIT
    return Cap(max(0.0, watts), reason)
