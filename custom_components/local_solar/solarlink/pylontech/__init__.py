"""Stacks of Pylontech 48 V modules (US2000, US3000, US5000, Phantom-S) and Pytes E-BOX: console and RS-485."""

from collections.abc import Mapping
from typing import Any

from ..errors import BadAddressError
from ..family import Family
from ..journal import Journal
from ..links.address import LinkAddress
from ..links.serial import SerialWire
from ..links.stats import LinkStats
from ..links.tcp import TcpWire
from ..links.wire import Wire
from ..trace import Trace
from .blocks import Protocol
from .bus import Bus
from .client import PylontechClient
from .decode import DECODERS
from .dialects import BusDialect, ConsoleDialect, Dialect
from .line import Timing
from .points import POINTS
from .port import ConsolePort
from .session import BAUD, Console

DEFAULT_PORT = 8899
"""The usual port of serial servers."""


def _wire(address: LinkAddress, baud: int) -> Wire:
    match address.scheme:
        case "tcp":
            return TcpWire(address.host, address.port)
        case "socket":
            return SerialWire(address.text, baudrate=baud)
        case "serial" | "rfc2217":
            # Only these can change their speed, which the wake-up of old firmware needs.
            return ConsolePort(address.text) if baud == BAUD else SerialWire(address.text, baudrate=baud)
    raise BadAddressError(address=address.text, family=FAMILY.name, expected=", ".join(FAMILY.schemes))


def _timing(chosen: Mapping[str, Any]) -> Timing:
    if "reply_timeout" in chosen:
        return Timing(first=float(chosen["reply_timeout"]))
    return Timing()


def open_client(
    address: LinkAddress, *, journal: Journal, settings: Mapping[str, Any] | None = None
) -> PylontechClient:
    """A client for the stack at ``address``; raises ``BadAddressError`` for a link of another kind.

    ``settings``: ``protocol`` (``console``, the default, or ``rs485``), ``baud`` of a serial port (default 115200;
    RS-485 may be set to 9600), ``group`` (0 to 15, RS-485 only: the group that the DIP switches say), ``reply_timeout``
    (seconds until a reply of the console begins, default 6).
    """
    chosen = settings or {}
    wire = _wire(address, int(chosen.get("baud", BAUD)))
    stats, trace = LinkStats(), Trace()
    timing = _timing(chosen)
    dialect: Dialect
    if chosen.get("protocol", Protocol.CONSOLE) == Protocol.RS485:
        dialect = BusDialect(Bus(wire, timing=timing, stats=stats, trace=trace), int(chosen.get("group", 0)))
    else:
        wake = wire.wake if isinstance(wire, ConsolePort) else None
        dialect = ConsoleDialect(Console(wire, timing=timing, stats=stats, trace=trace, wake=wake))
    return PylontechClient(dialect, journal=journal, stats=stats, trace=trace)


FAMILY = Family(
    key="pylontech",
    name="Pylontech",
    schemes=("serial", "socket", "rfc2217", "tcp"),
    default_port=DEFAULT_PORT,
    open=open_client,
    points=POINTS,
    decoders=DECODERS,
    troubles={
        "console_asleep": ("address",),
        "battery_does_not_answer": ("address",),
        "battery_replies_damaged": ("address",),
        "battery_module_missing": ("modules",),
        "battery_module_without_serial": ("modules",),
    },
)
