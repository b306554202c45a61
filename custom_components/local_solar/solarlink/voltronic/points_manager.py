"""The points of the charge manager, which belongs to the integration: the device knows nothing of them."""

from typing import Any

from ..control.charge_model import Mode, Reason
from ..points import Access, Point, Quantity
from .blocks import ROOT, Block, Source, VoltronicPoint

CONTROLLER = "charge_manager"
_NOWHERE = Source(Block.RATINGS)
"""Where its float voltage lives; the point itself is nowhere on the device."""


def _own(key: str, name: str, quantity: Quantity, **more: Any) -> VoltronicPoint:
    return Point(
        key=key,
        name=name,
        unit_kind=ROOT,
        quantity=quantity,
        address=_NOWHERE,
        enabled=True,
        controller=CONTROLLER,
        **more,
    )


POINTS: tuple[VoltronicPoint, ...] = (
    _own("charge_manager", "Charge manager", Quantity.FLAG, access=Access.READ_WRITE),
    _own("charge_manager_dry_run", "Charge manager dry run", Quantity.FLAG, access=Access.READ_WRITE),
    _own(
        "charge_manager_state",
        "Charge manager state",
        Quantity.STATE,
        options=dict(enumerate(mode.value for mode in Mode)),
    ),
    _own(
        "charge_manager_reason",
        "Charge manager reason",
        Quantity.STATE,
        options=dict(enumerate(reason.value for reason in Reason)),
    ),
    _own("absorption_time", "Absorption time", Quantity.DURATION, unit="min"),
    _own("charge_boost_active", "Charge boost active", Quantity.FLAG),
    _own("charge_finish_now", "Finish the charge now", Quantity.FLAG, access=Access.PRESS),
    _own("charge_start_now", "Start the charge now", Quantity.FLAG, access=Access.PRESS),
)
