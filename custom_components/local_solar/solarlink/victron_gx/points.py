"""All points of a GX: of the system, the publisher, the battery, and the inverter and charger on VE.Bus."""

from collections.abc import Mapping

from . import points_battery, points_publisher, points_system, points_vebus
from .source import GxPoint

POINTS: tuple[GxPoint, ...] = (
    *points_system.POINTS,
    *points_publisher.POINTS,
    *points_battery.POINTS,
    *points_vebus.POINTS,
)

_BY_KIND: dict[str, dict[str, GxPoint]] = {}
for _point in POINTS:
    _BY_KIND.setdefault(_point.unit_kind, {})[_point.key] = _point


def points_of(kind: str) -> Mapping[str, GxPoint]:
    """The points that a unit of that kind can have, by key."""
    return _BY_KIND.get(kind, {})
