"""All points of a SENEC.Home: what is read, what may be written, and where it lives."""

from collections.abc import Mapping

from .address import SenecPoint
from .points_appliance import APPLIANCE
from .points_battery import BATTERY, BATTERY_MODULE, INVERTER_OF_BATTERY
from .points_extras import HEAT, SOCKET, WALLBOX
from .points_power import INVERTER, METERS

POINTS: tuple[SenecPoint, ...] = (
    *APPLIANCE,
    *BATTERY,
    *INVERTER_OF_BATTERY,
    *BATTERY_MODULE,
    *INVERTER,
    *METERS,
    *WALLBOX,
    *SOCKET,
    *HEAT,
)

_BY_KIND: dict[str, dict[str, SenecPoint]] = {}
for _each in POINTS:
    _BY_KIND.setdefault(_each.unit_kind, {})[_each.key] = _each


def points_of(kind: str) -> Mapping[str, SenecPoint]:
    """The points that a unit of that kind can have, by key."""
    return _BY_KIND.get(kind, {})
