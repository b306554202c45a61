"""The points of the state-of-charge control, which belongs to the integration: the inverter knows nothing of them."""

from typing import Any

from ..control.soc_model import Mode, Reason
from ..points import Access, Point, Quantity
from .registers import Kind
from .source import ConextPoint, Source

CONTROLLER = "state_of_charge"
_NOWHERE = Source(("load_shave",))
"""What it switches; the points themselves are nowhere on the device."""


def _own(key: str, name: str, quantity: Quantity, **more: Any) -> ConextPoint:
    return Point(
        key=key,
        name=name,
        unit_kind=Kind.XW.value,
        quantity=quantity,
        address=_NOWHERE,
        controller=CONTROLLER,
        **{"enabled": True} | more,
    )


def _limit(key: str, name: str) -> ConextPoint:
    return _own(
        key,
        name,
        Quantity.STATE_OF_CHARGE,
        unit="%",
        access=Access.READ_WRITE,
        minimum=0.0,
        maximum=100.0,
        step=1.0,
    )


POINTS: tuple[ConextPoint, ...] = (
    _own("soc_control", "State-of-charge control", Quantity.FLAG, access=Access.READ_WRITE),
    _own("soc_control_dry_run", "State-of-charge control dry run", Quantity.FLAG, access=Access.READ_WRITE),
    _limit("soc_control_upper_limit", "State of charge to discharge from"),
    _limit("soc_control_lower_limit", "State of charge to discharge to"),
    _own(
        "soc_control_state",
        "State-of-charge control state",
        Quantity.STATE,
        options=dict(enumerate(mode.value for mode in Mode)),
    ),
    _own(
        "soc_control_reason",
        "State-of-charge control reason",
        Quantity.STATE,
        options=dict(enumerate(reason.value for reason in Reason)),
    ),
    _own(
        "soc_control_data_age", "Age of the battery data", Quantity.DURATION, unit="s", enabled=False, diagnostic=True
    ),
)
