"""A hot inverter is brought down to its lowest limit until it has cooled (reference section 9.5).

The temperature of the battery closes the gate; see ``feed_in_gate``.
"""

from dataclasses import dataclass

from .feed_in_terms import check_range, known


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatSettings:
    """Two temperatures of an inverter, °C. Raises ``ValueError``."""

    hot: float = 55.0
    """From here on it is hot, 30 to 90."""
    cooled: float = 50.0
    """Down to here it stays so, 10 to 90, below ``hot``."""

    def __post_init__(self) -> None:
        """Refuse what is out of range or contradicts itself."""
        check_range("hot", self.hot, 30.0, 90.0)
        check_range("cooled", self.cooled, 10.0, self.hot - 0.5)


def is_hot(settings: HeatSettings, temperature: float | None, *, before: bool) -> bool:
    """Whether an inverter is hot; a temperature that is not known changes nothing."""
    value = known(temperature)
    if value is None:
        return before
    return value >= settings.hot or (before and value > settings.cooled)


def ceiling_pct(min_pct: float, max_pct: float, *, hot: bool) -> float:
    """The highest limit that an inverter may get now, %; never below the lowest one."""
    return min_pct if hot else max(min_pct, max_pct)
