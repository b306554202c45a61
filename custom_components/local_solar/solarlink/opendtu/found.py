"""What a DTU and its inverters were found to have: which points make sense, and what a restart need not ask again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from ..client import Unit
from ..points import Access
from .address import DtuPoint, Source
from .codec_status import DeviceInfo
from .models import type_of
from .points import points_of
from .points_battery import CHARGER_KIND
from .points_dtu import DTU_KIND
from .points_inverter import INVERTER_KIND, MOST_STRINGS

_RADIO = ("tx_request", "tx_re_request", "rx_success", "rx_fail_nothing", "rx_fail_partial", "rx_fail_corrupt")


def _only(kind: type[Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of ``known`` that ``kind`` has fields for."""
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in known.items() if name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundInverter:
    """One inverter."""

    inputs: int
    strings: tuple[str, ...] = ()
    """Names that the owner gave to the DC inputs."""
    irradiation: tuple[int, ...] = ()
    """DC inputs, from 0, whose power at best is set."""
    radio: bool = False
    """Whether the DTU counts its radio traffic."""
    signal: bool = False
    """Whether the DTU tells the strength of its radio signal."""
    device: DeviceInfo | None = None
    """What it said of itself, when it did."""

    @classmethod
    def from_facts(cls, known: Mapping[str, Any]) -> Self:
        """Take back what ``as_facts`` gave; raises ``TypeError`` and ``ValueError`` for another shape."""
        given = _only(cls, known)
        device = given.get("device")
        return cls(
            **given
            | {
                "inputs": int(given.get("inputs", 0)),
                "strings": tuple(str(each) for each in given.get("strings", ())),
                "irradiation": tuple(int(each) for each in given.get("irradiation", ())),
                "device": DeviceInfo(**_only(DeviceInfo, device)) if device else None,
            }
        )

    def as_facts(self) -> dict[str, Any]:
        """What ``from_facts`` takes back, as JSON holds it."""
        known = asdict(self)
        return known | {"strings": list(self.strings), "irradiation": list(self.irradiation)}


@dataclass(slots=True)
class Found:
    """The DTU and everything behind it."""

    inverters: dict[str, FoundInverter] = field(default_factory=dict)
    firmware: str = ""
    poll_interval: float | None = None
    fields: frozenset[str] = frozenset()
    """Values that this DTU tells of itself, by source and name: ``system.uptime``."""
    chargers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Values that each solar charger tells, by its serial number; an empty one stands for all of them together."""

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """Take back what ``as_facts`` gave; what has another shape is left out."""
        found = cls()
        try:
            found.inverters = {
                str(serial): FoundInverter.from_facts(known) for serial, known in facts.get("inverters", {}).items()
            }
            found.firmware = str(facts.get("firmware", ""))
            interval = facts.get("poll_interval")
            found.poll_interval = None if interval is None else float(interval)
            found.fields = frozenset(str(each) for each in facts.get("fields", ()))
            found.chargers = {
                str(serial): tuple(str(each) for each in names) for serial, names in facts.get("chargers", {}).items()
            }
        except AttributeError, TypeError, ValueError:
            return cls()
        return found

    def as_facts(self) -> dict[str, Any]:
        """What ``from_facts`` takes back, as JSON holds it."""
        return {
            "inverters": {serial: known.as_facts() for serial, known in self.inverters.items()},
            "firmware": self.firmware,
            "poll_interval": self.poll_interval,
            "fields": sorted(self.fields),
            "chargers": {serial: list(names) for serial, names in self.chargers.items()},
        }

    def has(self, source: Source, name: str) -> bool:
        """Whether the DTU tells that value of itself."""
        return f"{source}.{name}" in self.fields

    def points(self, unit: Unit, *, writing: bool) -> dict[str, DtuPoint]:
        """The points that a unit has; without the password nothing can be written."""
        return {
            key: point
            for key, point in points_of(unit.kind).items()
            if (writing or point.access is Access.READ) and self._makes_sense(unit, point)
        }

    def _makes_sense(self, unit: Unit, point: DtuPoint) -> bool:
        address = point.address
        match unit.kind:
            case _ if not point.measured or point.access is Access.PRESS:
                return True
            case each if each == DTU_KIND:
                calculated = address.source is Source.LIVE and point.key == address.name
                return calculated or self.has(address.source, address.name)
            case each if each == INVERTER_KIND:
                return self._inverter_has(unit.serial, point)
            case each if each == CHARGER_KIND:
                return address.name in self.chargers.get(unit.serial, self.chargers.get("", ()))
        return address.source is Source.LIVE or self.has(address.source, address.name)

    def _inverter_has(self, serial: str, point: DtuPoint) -> bool:
        address, known = point.address, self.inverters.get(serial)
        if known is None:
            return False
        if address.channel is not None:
            fitted = address.channel < known.inputs
            return fitted and (address.name != "Irradiation" or address.channel in known.irradiation)
        match address.name:
            case "rssi":
                return known.signal
            case "success_rate":
                return known.radio
            case name if name in _RADIO:
                return known.radio
        match address.source:
            case Source.LIST | Source.LIMITER:
                return self.has(address.source, INVERTER_KIND)
        return True


def inputs_of(serial: str, told: int, configured: int) -> int:
    """How many DC inputs an inverter has, as far as anything says so."""
    return min(told or configured or type_of(serial).inputs, MOST_STRINGS)
