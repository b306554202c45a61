"""The points of the publisher, which belongs to the integration: the GX does not know that it is one."""

from typing import Any

from ..points import Point, Quantity
from .publisher import PublisherState
from .registers import Service
from .source import GxPoint, Source

CONTROLLER = "gx_publisher"
_NOWHERE = Source(Service.SYSTEM, ("dc_system_power",))
"""What it moves; the points themselves are nowhere on the device."""


def _own(key: str, name: str, quantity: Quantity, **more: Any) -> GxPoint:
    return Point(
        key=key,
        name=name,
        unit_kind="system",
        quantity=quantity,
        address=_NOWHERE,
        controller=CONTROLLER,
        **{"enabled": True} | more,
    )


POINTS: tuple[GxPoint, ...] = (
    _own(
        "gx_publisher_state",
        "Publishing of the inverters",
        Quantity.STATE,
        options=dict(enumerate(state.value for state in PublisherState)),
        diagnostic=True,
    ),
    _own("gx_published_power", "Published power", Quantity.POWER, unit="W"),
)
