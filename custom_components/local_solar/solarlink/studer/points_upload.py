"""The points of the nightly pause and of the clock, which belong to the integration: the gateway knows nothing of them.

Both go by the clock of the installation, which is the remote control's parameter 5002.
"""

from typing import Any

from ..control.upload_model import Phase, Reason
from ..points import Access, Point, Quantity
from .address import ScomAddress, StuderPoint
from .codec import Format, ObjectType
from .points_gateway import GATEWAY_KIND

PAUSE, CLOCK = "upload_pause", "installation_clock"
"""Names of the two controllers."""
_CLOCK = ScomAddress(ObjectType.PARAMETER, 5002, Format.INT32)


def _own(controller: str, key: str, name: str, quantity: Quantity, **more: Any) -> StuderPoint:
    return Point(
        key=key,
        name=name,
        unit_kind=GATEWAY_KIND,
        quantity=quantity,
        address=_CLOCK,
        controller=controller,
        **{"enabled": True, **more},
    )


POINTS: tuple[StuderPoint, ...] = (
    _own(PAUSE, "nightly_pause", "Nightly pause", Quantity.FLAG, access=Access.READ_WRITE),
    _own(
        PAUSE,
        "nightly_pause_state",
        "Nightly pause state",
        Quantity.STATE,
        options=dict(enumerate(phase.value for phase in Phase)),
    ),
    _own(PAUSE, "upload_running", "Upload running", Quantity.FLAG),
    _own(PAUSE, "last_upload", "Last upload", Quantity.TIMESTAMP),
    _own(PAUSE, "next_pause", "Next pause", Quantity.TIMESTAMP),
    _own(
        PAUSE,
        "last_pause_end",
        "End of the last pause",
        Quantity.STATE,
        options=dict(enumerate(reason.value for reason in Reason)),
        diagnostic=True,
    ),
    _own(PAUSE, "last_pause_duration", "Duration of the last pause", Quantity.DURATION, unit="min", diagnostic=True),
    _own(CLOCK, "clock_offset", "Clock offset", Quantity.DURATION, unit="s", diagnostic=True),
    _own(CLOCK, "set_clock", "Set the clock", Quantity.FLAG, access=Access.PRESS),
)
