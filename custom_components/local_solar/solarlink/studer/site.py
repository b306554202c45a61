"""What all parts of the client share: the line, the installation behind it, its points, and what was written to it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..client import Installation, Unit
from ..errors import UnknownPointError
from ..journal import Journal
from ..points import Ref
from . import catalogue
from .address import Aggregate, StuderPoint
from .codec import InfoItem
from .exchange import Exchange
from .infos import InfoReader
from .points import points_of
from .points_gateway import GATEWAY_KIND
from .units import KINDS, base_of

EXTRA_POINTS = "extra_points"
"""Option: what the owner has picked from the catalogue, as "<kind of unit>/<key>"."""
REAPPLY_RAM = "reapply_ram"
"""Option: whether a unit that has restarted gets back what its RAM held."""
KEEP_WATCHDOGS = "keep_watchdogs_alive"
"""Option: whether settings may be written to units whose SCOM watchdog is on, which then must be kept alive."""

_ONLY_VS_120, _ONLY_VS_70 = "solar_charge_current_limit", "solar_charge_current_limit_vs_70"


class Site:
    """One installation, as far as it is known."""

    def __init__(self, exchange: Exchange, journal: Journal, options: Mapping[str, Any]) -> None:
        """``options`` are the owner's, by name."""
        self.exchange = exchange
        self.journal = journal
        self.options = options
        self.troubles: dict[str, Mapping[str, str]] = {}
        self.infos = InfoReader(exchange, lambda: self.units)
        self._installation: Installation | None = None
        self._points: dict[str, Mapping[str, StuderPoint]] = {}

    @property
    def installation(self) -> Installation:
        """The installation found by the last ``identify`` or given by ``expect``."""
        if self._installation is None:
            raise AttributeError("identify() has not been called")
        return self._installation

    @installation.setter
    def installation(self, installation: Installation) -> None:
        self._installation = installation
        self._points.clear()

    @property
    def known(self) -> Installation | None:
        """The installation, if there is one yet."""
        return self._installation

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units behind the gateway; none before they are known."""
        return self._installation.units if self._installation else ()

    @property
    def facts(self) -> Mapping[str, Any]:
        """What is known beyond the units."""
        return self._installation.facts if self._installation else {}

    def note(self, **facts: Any) -> None:
        """Remember facts; the installation becomes another object when that changes anything, so that it is saved."""
        known = self.installation
        if any(name not in known.facts or known.facts[name] != value for name, value in facts.items()):
            self._installation = replace(known, facts={**known.facts, **facts})

    def has(self, kind: str) -> bool:
        """Whether a unit of that kind is there."""
        return any(unit.kind == kind for unit in self.units)

    def unit_at(self, address: int) -> Unit | None:
        """The unit of an address."""
        known = self._installation
        return next((unit for unit in known.all_units if unit.address == address), None) if known else None

    # Points

    def points(self, unit: Unit) -> Mapping[str, StuderPoint]:
        """The points of that unit by key: those of the table that it has, and those that the owner has added."""
        if unit.id not in self._points:
            own = {key: point for key, point in points_of(unit.kind).items() if self._fits(unit, point)}
            for name in self.options.get(EXTRA_POINTS, ()):
                kind, _, key = str(name).partition("/")
                if kind == unit.kind and key not in own and (point := catalogue.find(kind, key)) is not None:
                    own[point.key] = point
            self._points[unit.id] = own
        return self._points[unit.id]

    def _fits(self, unit: Unit, point: StuderPoint) -> bool:
        if point.key in (_ONLY_VS_120, _ONLY_VS_70) and unit.kind == "vs":
            return (point.key == _ONLY_VS_70) == (unit.model == "VS-70")
        if unit.kind == GATEWAY_KIND and point.address.aggregate:
            return bool(self.items(unit, point))
        return True

    def find(self, unit: Unit, name: str) -> StuderPoint:
        """The point that somebody calls by its key or by its number; raises ``UnknownPointError``.

        Of several points of the table with that number, the one that can be set is meant, else the first.
        """
        own = self.points(unit)
        if name in own:
            return own[name]
        known = [
            point
            for point in own.values()
            if point.measured and not point.address.aggregate and str(point.address.number) == name
        ]
        point = next((each for each in known if each.writable), known[0] if known else catalogue.find(unit.kind, name))
        if point is None:
            raise UnknownPointError(point=name, unit=unit.id)
        return point

    def resolve(self, ref: Ref) -> tuple[Unit, StuderPoint]:
        """The unit and the point that a reference names; raises ``UnknownPointError``."""
        unit = self._installation.unit(ref.unit) if self._installation else None
        if unit is None:
            raise UnknownPointError(point=ref.key, unit=ref.unit)
        return unit, self.find(unit, ref.key)

    def items(self, unit: Unit, point: StuderPoint) -> tuple[InfoItem, ...]:
        """The infos that a point is made of; none where the installation has nothing to sum up."""
        if not point.address.aggregate:
            return (InfoItem(point.address.number, unit.address - base_of(point.address.number)),)
        kinds = {base_of(number): number for number in point.address.numbers}
        present = {KINDS[each.kind].base for each in self.units}
        return tuple(
            InfoItem(number, Aggregate(point.address.aggregate)) for base, number in kinds.items() if base in present
        )
