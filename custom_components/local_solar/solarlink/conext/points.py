"""The points of a Conext installation: what people look at. Everything else the maps have is in the catalogue."""

from collections.abc import Mapping
from functools import cache

from . import points_alarms, points_control, points_energy, points_gateway, points_inverter, points_others, points_solar
from .source import ConextPoint

POINTS: tuple[ConextPoint, ...] = (
    *points_gateway.POINTS,
    *points_inverter.POINTS,
    *points_solar.POINTS,
    *points_others.POINTS,
    *points_energy.POINTS,
    *points_alarms.POINTS,
    *points_control.POINTS,
)


@cache
def points_of(kind: str) -> Mapping[str, ConextPoint]:
    """The points of one kind of unit by key, in the order of the table."""
    return {point.key: point for point in POINTS if point.unit_kind == kind}
