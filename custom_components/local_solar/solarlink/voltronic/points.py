"""The points of a Voltronic installation: what is read, what may be written, and in which reply it is found."""

from . import alarms, points_group, points_live, points_manager, points_settings
from .blocks import VoltronicPoint

POINTS: tuple[VoltronicPoint, ...] = (
    *points_live.POINTS,
    *alarms.POINTS,
    *points_manager.POINTS,
    *points_settings.POINTS,
    *points_group.POINTS,
)


def points_of(kind: str) -> dict[str, VoltronicPoint]:
    """The points of one kind of unit by key, in the order of the table."""
    return {point.key: point for point in POINTS if point.unit_kind == kind}
