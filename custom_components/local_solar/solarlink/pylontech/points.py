"""The points of a Pylontech stack and of its modules."""

from . import points_module, points_stack
from .blocks import PylontechPoint

POINTS: tuple[PylontechPoint, ...] = (*points_stack.POINTS, *points_module.POINTS)


def points_of(kind: str) -> dict[str, PylontechPoint]:
    """The points of one kind of unit by key, in the order of the table."""
    return {point.key: point for point in POINTS if point.unit_kind == kind}
