"""Where a point lives in the answers of the DTU, and how points are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..points import Access, Point, Quantity


class Source(StrEnum):
    """The answer that holds a value; each is one request, or one per inverter (reference section 3)."""

    LIVE = "live"
    """Live data, which the whole installation shares."""
    LIMIT = "limit"
    """Reported limits, rated powers and what became of the last limit command."""
    EVENTS = "events"
    """The event log of one inverter."""
    DEVICE = "device"
    """Model and firmware of one inverter."""
    GRID_PROFILE = "grid_profile"
    """The grid code that one inverter follows."""
    SYSTEM = "system"
    """Memory, uptime and radios of the DTU."""
    NETWORK = "network"
    CLOCK = "clock"
    CONFIG = "config"
    """Settings of the DTU; only with the password."""
    LIST = "list"
    """Settings of the inverters; only with the password."""
    BATTERY = "battery"
    """Details of the battery (OpenDTU-OnBattery)."""
    CHARGERS = "chargers"
    """Details of the solar chargers (OpenDTU-OnBattery)."""
    LIMITER = "limiter"
    """Settings of the power limiter inside the DTU (OpenDTU-OnBattery)."""
    OWN = "own"
    """Nothing has to be asked: a command, or a sum that is made elsewhere."""


PER_INVERTER = frozenset({Source.EVENTS, Source.DEVICE, Source.GRID_PROFILE})
"""Sources that have to be asked for every inverter alone."""


@dataclass(frozen=True, slots=True)
class DtuAddress:
    """One value: the answer, the name of the value in it, and for a DC input its number from 0."""

    source: Source
    name: str = ""
    channel: int | None = None


type DtuPoint = Point[DtuAddress]

UNITS = {
    Quantity.POWER: "W",
    Quantity.REACTIVE_POWER: "var",
    Quantity.ENERGY: "kWh",
    Quantity.VOLTAGE: "V",
    Quantity.CURRENT: "A",
    Quantity.FREQUENCY: "Hz",
    Quantity.TEMPERATURE: "°C",
    Quantity.STATE_OF_CHARGE: "%",
    Quantity.PERCENTAGE: "%",
    Quantity.SIGNAL_STRENGTH: "dBm",
    Quantity.DURATION: "s",
}


@dataclass(frozen=True, slots=True)
class Table:
    """Makes the points of one kind of unit; what their quantity says need not be repeated."""

    kind: str

    def __call__(
        self,
        key: str,
        name: str,
        quantity: Quantity,
        source: Source = Source.OWN,
        field: str = "",
        *,
        channel: int | None = None,
        **more: Any,
    ) -> DtuPoint:
        """A point whose value is ``field`` of ``source``; ``field`` is the key itself where none is given."""
        given: Mapping[str, Any] = {"unit": UNITS.get(quantity, "")} | more
        address = DtuAddress(source, field or key, channel)
        return Point(key=key, name=name, unit_kind=self.kind, quantity=quantity, address=address, **given)

    def press(self, key: str, name: str, **more: Any) -> DtuPoint:
        """A command."""
        return self(key, name, Quantity.COUNT, access=Access.PRESS, **more)
