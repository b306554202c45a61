"""What the owner sets for the zero feed-in control, and what is known of each inverter (reference sections 3 and 4)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

RANGES: Mapping[str, tuple[float, float]] = {
    "target_w": (-800.0, 500.0),
    "band_up_w": (5.0, 200.0),
    "band_down_w": (5.0, 200.0),
    "confirm_s": (0.0, 60.0),
    "confirm_max_s": (3.0, 120.0),
    "min_interval_s": (2.0, 60.0),
    "urgent_interval_s": (1.0, 30.0),
    "delay_init_s": (0.0, 24.0),
    "tau_s": (0.5, 10.0),
    "step_pct": (0.1, 5.0),
    "min_pct": (2.0, 50.0),
}
"""Lowest and highest value of the settings that the reference bounds on both sides; the others are at least 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedInSettings:
    """Parameters of the core (reference section 3): W, s, and % of the rated power. Raises ``ValueError``."""

    target_w: float = 20.0
    """Wanted grid power at the start, W; negative is a wanted export. ``FeedIn.set_target`` changes it later."""
    band_up_w: float = 20.0
    """Import above the target (W) before anything is raised."""
    band_down_w: float = 15.0
    """Grid power below the target (W) before anything is lowered."""
    confirm_s: float = 3.0
    """How long (s) a rise of the load must last before it is followed."""
    confirm_max_s: float = 24.0
    """Up to which the time above is lengthened (s) while the load pulses."""
    confirm_decay_s: float = 180.0
    """After so long (s) without regret a lengthened time is halved."""
    regret_export_w: float = 60.0
    """Export (W) that makes a rise regretted."""
    regret_step_w: float = 60.0
    """Only a rise larger than this (W) can be regretted."""
    regret_window_s: float = 20.0
    """For how long (s) after a rise an export speaks against it."""
    min_interval_s: float = 6.0
    """Shortest time between commands, s."""
    urgent_interval_s: float = 3.0
    """Shortest time between commands while the export is large, s."""
    urgent_export_w: float = 40.0
    """Export (W) that makes a lowering urgent."""
    delay_init_s: float = 2.0
    """Dead time (s) between acknowledgement and effect, until it is learned."""
    tau_s: float = 2.5
    """Time constant (s) of the effect."""
    settle_margin_s: float = 5.0
    """Extra time (s) before a measured power counts as settled."""
    step_pct: float = 1.0
    """Limits are whole multiples of this, %."""
    min_pct: float = 2.0
    """Lowest limit of each inverter, %."""
    cap_w: float = 800.0
    """Highest allowed sum of the inverters at the start, W. ``FeedIn.set_cap`` changes it later."""
    learn: bool = True
    """Whether the dead time is learned."""
    learn_inline: bool = True
    """Whether that happens in ``FeedIn.meter``; otherwise the host carries out ``FeedIn.learning_job``."""
    meter_lost_s: float = 30.0
    """Silence of the meter (s) after which the inverters are ramped down."""
    lost_step_s: float = 10.0
    """Time (s) between the steps of that ramp."""
    fallback_w: float = 0.0
    """Sum (W) at which the ramp ends."""
    wait_block_s: float = 12.0
    """So long (s) a command that is not acknowledged holds up the other inverters."""
    slew_horizon_s: float = 10.0
    """One slow inverter takes a change alone that it can follow in this time (s)."""

    def __post_init__(self) -> None:
        """Refuse what is no number or out of range."""
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in {"learn", "learn_inline"}:
                if not isinstance(value, bool):
                    raise ValueError(f"{each.name} is {value!r}, not true or false")
                continue
            low, high = RANGES.get(each.name, (0.0, 1e6))
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"{each.name} is {value!r}, not a finite number")
            if not low <= value <= high:
                raise ValueError(f"{each.name} is {value:g}, but must be {low:g} to {high:g}")

    def as_text(self) -> str:
        """Every setting that is not at its default, as ``name=value;name=value``."""
        defaults = FeedInSettings()
        changed = ((each.name, getattr(self, each.name)) for each in fields(self))
        return ";".join(f"{name}={value!r}" for name, value in changed if value != getattr(defaults, name))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The settings that ``as_text`` has written; raises ``ValueError``."""
        words = {"True": True, "False": False}
        given: dict[str, Any] = {}
        for part in filter(None, text.split(";")):
            name, equals, value = part.partition("=")
            if not equals or name not in {each.name for each in fields(cls)}:
                raise ValueError(f"{part!r} is no setting")
            given[name] = words[value] if value in words else float(value)
        return cls(**given)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedInInverter:
    """One inverter as the core begins with it. Raises ``ValueError``."""

    p_nom: float
    """Rated power, W."""
    initial_pct: float = 2.0
    """Limit in force at the start, % of the rated power."""
    slew_pct_per_s: float = 0.0
    """How fast it follows its limit, % of the rated power per second; 0 means fast, or not known yet."""

    def __post_init__(self) -> None:
        """Refuse an inverter without power, and limits that no inverter has."""
        if not 0.0 < self.p_nom <= 1e6:
            raise ValueError(f"p_nom is {self.p_nom}, but must be above 0 and at most 1e6 W")
        if not 0.0 <= self.initial_pct <= 100.0:
            raise ValueError(f"initial_pct is {self.initial_pct}, but must be 0 to 100 %")
        if not 0.0 <= self.slew_pct_per_s <= 100.0:
            raise ValueError(f"slew_pct_per_s is {self.slew_pct_per_s}, but must be 0 to 100 % per second")
