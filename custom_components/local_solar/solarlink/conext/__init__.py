"""Schneider Conext: XW, MPPT, SW and others behind a ComBox, Conext Gateway or InsightHome."""

from collections.abc import Mapping
from typing import Any

from ..errors import BadAddressError
from ..family import Family
from ..journal import Journal
from ..links.address import LinkAddress
from .client import ConextClient
from .decode import DECODERS
from .door import Door
from .points import POINTS


def open_client(address: LinkAddress, *, journal: Journal, settings: Mapping[str, Any] | None = None) -> ConextClient:
    """A client for the gateway at ``address``; raises ``BadAddressError`` for a link of another kind."""
    if address.scheme != "tcp":
        raise BadAddressError(address=address.text, family=FAMILY.name, expected="tcp://...")
    return ConextClient(Door(address.host, address.port), journal=journal, settings=settings)


FAMILY = Family(
    key="conext",
    name="Schneider Conext",
    schemes=("tcp",),
    # Without a port, that of the newer gateways is tried first and that of the ComBox then.
    default_port=0,
    open=open_client,
    points=POINTS,
    decoders=DECODERS,
    troubles={},
)
