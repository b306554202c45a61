"""Studer Xtender, VarioTrack, VarioString and their batteries, behind an Xcom-LAN or Xcom-232i gateway."""

from collections.abc import Mapping
from typing import Any

from ..errors import BadAddressError
from ..family import Family
from ..journal import Journal
from ..links.address import LinkAddress
from ..links.listener import ListenWire
from ..links.tcp import TcpWire
from ..links.udp import UdpWire
from ..links.wire import Wire
from . import upkeep, watchdogs
from .client import StuderClient
from .decode import decode_frames
from .modbus_client import open_modbus
from .points import POINTS
from .serial_port import SerialStuderClient, preset_of, serial_wire

DEFAULT_PORT = 4001
MODBUS = "modbus"
SERIAL_SCHEMES = ("serial", "socket", "rfc2217")


def _wire(address: LinkAddress) -> Wire:
    match address.scheme:
        case "listen":
            return ListenWire(address.host, address.port, address.peer)
        case "tcp":
            return TcpWire(address.host, address.port)
        case "udp":
            return UdpWire(address.host, address.port, address.local)
    raise BadAddressError(address=address.text, family=FAMILY.name, expected=", ".join(FAMILY.schemes))


def open_client(address: LinkAddress, *, journal: Journal, settings: Mapping[str, Any] | None = None) -> StuderClient:
    """A client for the gateway at ``address``; raises ``BadAddressError`` for a link of another kind."""
    if address.scheme == MODBUS:
        return open_modbus(address, journal=journal, settings=settings or {})
    if address.scheme in SERIAL_SCHEMES:
        preset = preset_of(settings or {})
        wire = serial_wire(address, preset)
        return SerialStuderClient(wire, preset=preset, journal=journal, settings=settings)
    return StuderClient(_wire(address), journal=journal, settings=settings)


FAMILY = Family(
    key="studer",
    name="Studer",
    schemes=("listen", "tcp", "udp", *SERIAL_SCHEMES, MODBUS),
    default_port=DEFAULT_PORT,
    open=open_client,
    points=POINTS,
    decoders={"frame": decode_frames},
    troubles={upkeep.TROUBLE: ("messages",), watchdogs.TROUBLE: ("units",)},
)
