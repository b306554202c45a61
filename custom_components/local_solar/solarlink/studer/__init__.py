"""Studer Xtender, VarioTrack, VarioString and their batteries, behind an Xcom-LAN or Xcom-232i gateway."""

from collections.abc import Mapping
from typing import Any

from ..errors import BadAddressError
from ..family import Family
from ..journal import Journal
from ..links.address import LinkAddress
from ..links.listener import ListenWire
from ..links.serial import SerialWire
from ..links.tcp import TcpWire
from ..links.wire import Wire
from .client import StuderClient
from .decode import decode_frames
from .points import POINTS

DEFAULT_PORT = 4001
SERIAL_BAUD = 115200
"""An Xcom-232i in Xcom-LAN mode talks 115200 baud, 8 data bits, no parity, 1 stop bit."""


def _wire(address: LinkAddress) -> Wire:
    match address.scheme:
        case "listen":
            return ListenWire(address.host, address.port, address.peer)
        case "tcp":
            return TcpWire(address.host, address.port)
        case "serial":
            return SerialWire(address.path, baudrate=SERIAL_BAUD)
    raise BadAddressError(address=address.text, family=FAMILY.name, expected=", ".join(FAMILY.schemes))


def open_client(address: LinkAddress, *, journal: Journal, settings: Mapping[str, Any] | None = None) -> StuderClient:
    """A client for the gateway at ``address``; raises ``BadAddressError`` for a link of another kind."""
    return StuderClient(_wire(address), journal=journal)


FAMILY = Family(
    key="studer",
    name="Studer",
    schemes=("listen", "tcp", "serial"),
    default_port=DEFAULT_PORT,
    open=open_client,
    points=POINTS,
    decoders={"frame": decode_frames},
)
