"""Inverters made by Voltronic (Axpert, MPP Solar, Atersa, Master Power, EASUN, PowMr, InfiniSolar V)."""

from collections.abc import Mapping
from typing import Any

from ..errors import BadAddressError
from ..family import Family
from ..journal import Journal
from ..links.address import LinkAddress
from ..links.hid import HidNode, HidOpener, HidWire, list_devices
from ..links.serial import SerialWire
from ..links.tcp import TcpWire
from ..links.wire import Wire
from .client import VoltronicClient
from .codec import Checksum
from .decode import DECODERS
from .points import POINTS

USB_VENDOR, USB_PRODUCT = 0x0665, 0x5161
"""What the USB port of these units calls itself (reference section 2.1)."""
DEFAULT_PORT = 8899
"""The usual port of serial servers (section 2.3)."""
BAUD = 2400
"""8 data bits, no parity, 1 stop bit (section 2.2)."""


def attached_inverters(opener: HidOpener | None = None) -> list[HidNode]:
    """The inverters on the USB ports of this machine. It blocks for a moment: call it in a thread."""
    return list_devices(USB_VENDOR, USB_PRODUCT, opener)


def _wire(address: LinkAddress) -> Wire:
    match address.scheme:
        case "hid":
            return HidWire(address.path, vendor=USB_VENDOR, product=USB_PRODUCT)
        case "tcp":
            return TcpWire(address.host, address.port)
        case "serial":
            return SerialWire(address.path, baudrate=BAUD)
        case "socket" | "rfc2217":
            return SerialWire(address.text, baudrate=BAUD)
    raise BadAddressError(address=address.text, family=FAMILY.name, expected=", ".join(FAMILY.schemes))


def open_client(
    address: LinkAddress, *, journal: Journal, settings: Mapping[str, Any] | None = None
) -> VoltronicClient:
    """A client for the inverter at ``address``; raises ``BadAddressError`` for a link of another kind.

    Over USB a 00 in a checksum may be taken for padding, so there the other form goes first (section 3.3).
    """
    form = Checksum.ZERO_BUMPED if address.scheme == "hid" else Checksum.VENDOR
    return VoltronicClient(_wire(address), journal=journal, settings=settings, form=form)


FAMILY = Family(
    key="voltronic",
    name="Voltronic",
    schemes=("hid", "serial", "socket", "rfc2217", "tcp"),
    default_port=DEFAULT_PORT,
    open=open_client,
    points=POINTS,
    decoders=DECODERS,
    troubles={
        "inverter_refuses_everything": ("address",),
        "inverter_does_not_answer": ("address",),
        "another_program_on_port": ("address",),
        "settings_not_accepted": ("settings",),
        "many_setting_writes": ("count",),
    },
)
