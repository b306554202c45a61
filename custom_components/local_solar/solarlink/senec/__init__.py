"""SENEC.Home V2, V2.1 and V3: battery, PV inverter, meters and wallboxes behind one local web server."""

from collections.abc import Mapping
from typing import Any

from ..family import Family
from ..journal import Journal
from ..links.address import LinkAddress
from ..links.http import http_link
from .client import DEVICE_OVERLOADED, SenecClient
from .codec import DEVICE
from .decode import decode_answer
from .exchange import CERTIFICATE_CHANGED, SCHEMES, Timing, redact
from .points import POINTS

CA_PEM = "ca_pem"
"""Name of the setting that holds the root certificate (PEM) of the maker; empty to trust the first certificate seen."""


def open_client(
    address: LinkAddress,
    *,
    journal: Journal,
    settings: Mapping[str, Any] | None = None,
    timing: Timing | None = None,
) -> SenecClient:
    """A client for the appliance at ``address``; raises ``BadAddressError`` for a link of another kind.

    The scheme of the address is the one that is tried first; port 0 is the usual one of each scheme.
    """
    timing = timing or Timing()
    link = http_link(
        address,
        family=FAMILY.name,
        schemes=FAMILY.schemes,
        device=DEVICE,
        timing=timing.http,
        redact=redact,
        root=str((settings or {}).get(CA_PEM) or ""),
    )
    return SenecClient(link, journal=journal, timing=timing)


FAMILY = Family(
    key="senec",
    name="SENEC.Home",
    schemes=SCHEMES,
    default_port=0,
    open=open_client,
    points=POINTS,
    decoders={"lala": decode_answer},
    troubles={CERTIFICATE_CHANGED: ("address", "old", "new"), DEVICE_OVERLOADED: ("address", "seconds")},
)
