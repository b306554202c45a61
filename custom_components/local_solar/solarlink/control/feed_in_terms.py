"""What the rules of the zero feed-in supervisor share: two clocks, values that may be missing, times that last."""

import math
from typing import Any, NamedTuple


class Now(NamedTuple):
    """The present moment on two clocks; needed only where something is written down or read back."""

    seconds: float
    """Monotonic clock, s: the one that every rule runs on."""
    wall: float
    """Seconds since 1970: the one that survives a restart."""

    def written(self, at: float) -> float:
        """A moment of the monotonic clock, as it is written down."""
        return self.wall - (self.seconds - at)

    def read(self, wall: float) -> float:
        """A moment that was written down, on the monotonic clock of now.

        One in the future counts as now: the clock was set back.
        """
        return self.seconds - max(0.0, self.wall - wall)


def known(value: float | None) -> float | None:
    """The value, or None when it is missing or no finite number."""
    return value if value is not None and math.isfinite(value) else None


def since(before: float | None, t: float, *, true: bool) -> float | None:
    """Since when something has been true without a break, s; None while it is not."""
    if not true:
        return None
    return t if before is None else before


def lasted(begun: float | None, t: float, seconds: float) -> bool:
    """Whether something that is true since ``begun`` has lasted for so long."""
    return begun is not None and t - begun >= seconds - 1e-6


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse a setting that is no number or out of range; raises ``ValueError``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}, not a finite number")
    if not low <= value <= high:
        raise ValueError(f"{name} is {value:g}, but must be {low:g} to {high:g}")


def saved_flag(value: Any) -> bool:
    """A flag that was written down; anything else is false."""
    return value is True


def saved_number(value: Any) -> float | None:
    """A finite number that was written down; anything else is None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e18 else None


def floor_to_step(pct: float, step_pct: float) -> float:
    """The highest multiple of the step that is not above ``pct``, % (reference section 6)."""
    return round(math.floor(pct / step_pct + 1e-6) * step_pct, 4)
