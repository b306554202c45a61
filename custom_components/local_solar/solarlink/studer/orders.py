"""Which settings must stay below or above which others on the same unit (reference section 7.3).

A unit answers a violation with "too small" or "too big", or silently bends one of the two; so it is refused before.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """Parameter ``low`` stays below parameter ``high`` on units of ``kind``; equal is allowed unless ``strict``."""

    kind: str
    low: int
    high: int
    strict: bool = True

    def holds(self, low: float, high: float) -> bool:
        """Whether two values are in order."""
        return low < high if self.strict else low <= high


ORDERS = (
    # Undervoltage at full load, undervoltage without load, restart.
    Order("xt", 1109, 1108, strict=False),
    Order("xt", 1108, 1110),
    # Restart after an overvoltage, overvoltage.
    Order("xt", 1122, 1121),
    Order("vt", 10086, 10085),
    Order("vs", 14066, 14065),
    # State of charge for backup, for grid feeding.
    Order("bms", 6062, 6063),
)


def orders_of(kind: str, number: int) -> tuple[Order, ...]:
    """The orders in which a parameter takes part."""
    return tuple(order for order in ORDERS if order.kind == kind and number in (order.low, order.high))
