"""All points of an OpenDTU: what is read, what may be written, and where it lives."""

from collections.abc import Mapping

from .address import DtuPoint
from .points_battery import BATTERY, GRID_CHARGER, METER, SOLAR_CHARGER
from .points_dtu import DTU
from .points_inverter import INVERTER

POINTS: tuple[DtuPoint, ...] = (*DTU, *INVERTER, *BATTERY, *SOLAR_CHARGER, *GRID_CHARGER, *METER)

_BY_KIND: dict[str, dict[str, DtuPoint]] = {}
for _each in POINTS:
    _BY_KIND.setdefault(_each.unit_kind, {})[_each.key] = _each


def points_of(kind: str) -> Mapping[str, DtuPoint]:
    """The points that a unit of that kind can have, by key."""
    return _BY_KIND.get(kind, {})
