"""Shelly energy meters at the grid connection: EM, 3EM, Pro EM, Pro 3EM and their relatives of later generations."""

from collections.abc import Mapping
from typing import Any

from ..errors import BadAddressError
from ..family import Family
from ..journal import Journal
from ..links.address import LinkAddress
from ..links.http import HttpLink
from ..links.stats import LinkStats
from ..trace import Trace
from .client import TROUBLES, ShellyClient
from .codec import DEVICE
from .decode import DECODERS
from .exchange import Timing, redact
from .points import POINTS


def open_client(
    address: LinkAddress,
    *,
    journal: Journal,
    settings: Mapping[str, Any] | None = None,
    timing: Timing | None = None,
) -> ShellyClient:
    """A client for the meter at ``address``; raises ``BadAddressError`` for a link of another kind.

    Settings: ``username`` and ``password`` where the meter asks for them, ``grid_channel`` and ``inverted`` for the way
    in which it is wired (``wiring``).
    """
    if address.scheme not in FAMILY.schemes or not address.host:
        raise BadAddressError(address=address.text, family=FAMILY.name, expected=", ".join(FAMILY.schemes))
    stats, trace, timing = LinkStats(), Trace(), timing or Timing()
    link = HttpLink(
        address.host,
        address.port,
        device=DEVICE,
        stats=stats,
        trace=trace,
        scheme=address.scheme,
        timing=timing.http,
        redact=redact,
    )
    return ShellyClient(link, journal=journal, stats=stats, trace=trace, settings=settings, timing=timing)


FAMILY = Family(
    key="shelly_em",
    name="Shelly energy meter",
    schemes=("http",),
    default_port=0,
    open=open_client,
    points=POINTS,
    decoders=DECODERS,
    troubles=TROUBLES,
)
