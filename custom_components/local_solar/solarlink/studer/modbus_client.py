"""The client of a Studer installation behind an Xcom-485i, over Modbus RTU (reference section 13)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, override

import serialx

from ..client import Installation, Progress
from ..errors import BadAddressError, NotSupportedError
from ..journal import Journal
from ..links.address import LinkAddress
from ..links.serial import SerialWire
from ..links.tcp import TcpWire
from ..links.wire import Wire
from .client import StuderClient
from .codec import Code
from .exchange import Timing
from .modbus_exchange import ModbusExchange
from .modbus_map import BAUDS, OFFSETS

MODBUS_OFFSET = "modbus_offset"
"""Option: what DIP switches 1 and 2 add to the unit addresses (0, 32, 64 or 128)."""
MODBUS_BAUD = "modbus_baud"
"""Option: what DIP switches 7 and 8 choose (9600, 19200, 38400 or 115200); only for a serial port."""
DEFAULT_BAUD = 9600
"""With all switches off."""
TIMING = Timing(answer=1.0)
"""After one second without an answer the Xcom-485i may be asked again."""
NAME = "Xcom-485i"


class ModbusStuderClient(StuderClient):
    """An Xcom-485i and the units behind it."""

    exchange_type = ModbusExchange
    shares_line = False

    def __init__(
        self,
        wire: Wire,
        *,
        journal: Journal,
        timing: Timing | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """As ``StuderClient``."""
        super().__init__(wire, journal=journal, timing=timing or TIMING, settings=settings)
        assert isinstance(self._exchange, ModbusExchange)
        self._exchange.offset = _one_of(OFFSETS, (settings or {}).get(MODBUS_OFFSET), 0)
        self._exchange.units = lambda: self._site.units

    @override
    async def identify(self, progress: Progress | None = None) -> Installation:
        """Find all units. The Xcom-485i itself has no name; the first unit's serial number stands for it."""
        found = await super().identify(progress)
        root = replace(found.root, model=NAME)
        self._site.installation = replace(found, root=root)
        return self._site.installation

    @override
    async def datalog_days(self) -> list[date]:
        raise self._without("a datalog")

    @override
    async def read_datalog(self, day: date) -> bytes:
        raise self._without("a datalog")

    @staticmethod
    def _without(what: str) -> NotSupportedError:
        return NotSupportedError(device=NAME, code=int(Code.OBJECT_NOT_SUPPORTED), reason=f"it has no {what}")


def open_modbus(address: LinkAddress, *, journal: Journal, settings: Mapping[str, Any]) -> ModbusStuderClient:
    """A client for ``modbus:///dev/...`` or, behind a bridge, ``modbus://host:port``; raises ``BadAddressError``."""
    if address.path.startswith("/dev/") and not address.host:
        baud = _one_of(BAUDS, settings.get(MODBUS_BAUD), DEFAULT_BAUD)
        wire: Wire = SerialWire(address.path, baudrate=baud, parity=serialx.Parity.EVEN)
    elif address.host:
        wire = TcpWire(address.host, address.port)
    else:
        raise BadAddressError(address=address.text, family=NAME, expected="modbus:///dev/... or modbus://host:port")
    return ModbusStuderClient(wire, journal=journal, settings=settings)


def _one_of(known: tuple[int, ...], wanted: object, default: int) -> int:
    """An option as a number of the switches; forms hand it over as text."""
    number = int(wanted) if isinstance(wanted, str) and wanted.isdecimal() else wanted
    return number if isinstance(number, int) and number in known else default
