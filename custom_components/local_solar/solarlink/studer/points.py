"""The points of a Studer installation that have a translated entity: what people look at, and what they set.

Everything else that the devices know is in the catalogue, from which an owner adds what he wants.
"""

from .address import ScomAddress, StuderPoint
from .points_battery import BATTERY_LINK, BATTERY_MONITOR
from .points_gateway import SYSTEM
from .points_solar import VARIO_STRING, VARIO_TRACK
from .points_upload import POINTS as UPLOAD
from .points_xtender import XTENDER

__all__ = ["POINTS", "ScomAddress", "StuderPoint", "points_of"]

POINTS: tuple[StuderPoint, ...] = (
    *SYSTEM,
    *UPLOAD,
    *XTENDER,
    *BATTERY_MONITOR,
    *BATTERY_LINK,
    *VARIO_TRACK,
    *VARIO_STRING,
)


def points_of(kind: str) -> dict[str, StuderPoint]:
    """The points of one kind of unit by key, in the order of the table."""
    return {point.key: point for point in POINTS if point.unit_kind == kind}
