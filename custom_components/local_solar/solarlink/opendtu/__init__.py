"""Hoymiles micro-inverters behind OpenDTU or OpenDTU-OnBattery."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from ..family import Family
from ..journal import Journal
from ..links.address import LinkAddress
from ..links.http import http_link
from .client import CLOCK_NOT_SET, DEFAULT_PASSWORD, GOVERNED, OpenDtuClient
from .codec import DEVICE
from .decode import DECODERS
from .exchange import Timing, redact
from .points import POINTS

SCHEMES = ("http",)
PASSWORD, WEBSOCKET = "password", "websocket"
"""Names of settings: the password of the DTU's user ``admin``, empty to read only; whether to listen for live data."""


def open_client(
    address: LinkAddress,
    *,
    journal: Journal,
    settings: Mapping[str, Any] | None = None,
    timing: Timing | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> OpenDtuClient:
    """A client for the DTU at ``address``; raises ``BadAddressError`` for a link of another kind."""
    timing, given = timing or Timing(), settings or {}
    link = http_link(
        address,
        family=FAMILY.name,
        schemes=FAMILY.schemes,
        device=DEVICE,
        timing=timing.http,
        redact=redact,
    )
    return OpenDtuClient(
        link,
        journal=journal,
        password=str(given.get(PASSWORD) or ""),
        websocket=given.get(WEBSOCKET, True) is not False,
        timing=timing,
        clock=clock,
    )


FAMILY = Family(
    key="opendtu",
    name="OpenDTU",
    schemes=SCHEMES,
    default_port=0,
    open=open_client,
    points=POINTS,
    decoders=DECODERS,
    troubles={GOVERNED: ("inverters",), DEFAULT_PASSWORD: ("address",), CLOCK_NOT_SET: ("address",)},
)
