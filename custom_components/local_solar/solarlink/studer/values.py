"""Numbers of the wire as values of the point table: units, signs, names of states, and "no value"."""

from ..points import Quantity, Value
from .points import StuderPoint

NO_SENSOR = 1000.0
"""A temperature above this means that no sensor is fitted (the wire says 32767)."""


def to_value(point: StuderPoint, raw: float | None) -> Value:
    """A number of the wire as the point's value; ``None`` where the device says that it has none."""
    if raw is None:
        return None
    match point.quantity:
        case Quantity.STATE:
            return point.options.get(int(raw))
        case Quantity.FLAG | Quantity.PROBLEM:
            return bool(raw)
        case Quantity.TEMPERATURE if raw > NO_SENSOR:
            return None
    # The product must not show more digits than the wire carried.
    return float(f"{raw * point.address.factor:.9g}")
