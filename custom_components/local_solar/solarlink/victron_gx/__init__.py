"""Victron GX: the battery and its limits in, the inverters on it out."""

from collections.abc import Mapping
from typing import Any

from ..errors import BadAddressError
from ..family import Family
from ..journal import Journal
from ..links.address import LinkAddress
from ..links.modbus import dial_tcp
from .client import BATTERY_TROUBLE, GxClient
from .decode import DECODERS
from .points import POINTS

PORT = 502


def open_client(address: LinkAddress, *, journal: Journal, settings: Mapping[str, Any] | None = None) -> GxClient:
    """A client for the GX at ``address``; raises ``BadAddressError`` for a link of another kind."""
    if address.scheme != "tcp":
        raise BadAddressError(address=address.text, family=FAMILY.name, expected="tcp://...")
    port = address.port or PORT
    host = f"[{address.host}]" if ":" in address.host else address.host
    return GxClient(dial_tcp(address.host, port), f"{host}:{port}", journal=journal, settings=settings)


FAMILY = Family(
    key="victron_gx",
    name="Victron GX",
    schemes=("tcp",),
    default_port=PORT,
    open=open_client,
    points=POINTS,
    decoders=DECODERS,
    troubles={
        BATTERY_TROUBLE: ("units",),
        # Those of the publisher, which tells them by itself.
        "foreign_dcsystem": ("services",),
        "bus_name_taken": ("services",),
    },
)
