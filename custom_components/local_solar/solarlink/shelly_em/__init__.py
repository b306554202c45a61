"""Shelly energy meters at the grid connection: EM, 3EM, Pro EM, Pro 3EM and their relatives of later generations."""

from collections.abc import Mapping
from typing import Any

from ..family import Family
from ..journal import Journal
from ..links.address import LinkAddress
from ..links.http import http_link
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
    timing = timing or Timing()
    link = http_link(
        address,
        family=FAMILY.name,
        schemes=FAMILY.schemes,
        device=DEVICE,
        timing=timing.http,
        redact=redact,
    )
    return ShellyClient(link, journal=journal, settings=settings, timing=timing)


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
