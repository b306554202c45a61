"""What the clients of all families do alike: they know an installation and have a table of points for each unit."""

from collections.abc import Mapping, Sequence
from typing import Any

from .client import Installation, Report, Unit
from .errors import NotSupportedError, UnknownPointError
from .journal import Journal
from .links.stats import LinkStats
from .points import Point, Ref
from .trace import Trace


class ClientBase[P: Point[Any]]:
    """The part of ``client.Client`` that does not depend on the wire.

    Families fill ``_installation`` and ``_tables`` with what they have found.
    """

    device = ""
    """How errors call the other end; empty where every unit is called by its name."""

    def __init__(self, *, journal: Journal, stats: LinkStats, trace: Trace) -> None:
        """Nothing is known yet."""
        self.stats, self.trace, self.journal = stats, trace, journal
        self.troubles: Mapping[str, Mapping[str, str]] = {}
        self._installation: Installation | None = None
        self._tables: dict[str, dict[str, P]] = {}
        """By id of the unit."""

    @property
    def installation(self) -> Installation:
        """The installation found by the last ``identify`` or given by ``expect``."""
        if self._installation is None:
            raise AttributeError("identify() has not been called")
        return self._installation

    def points(self, unit: Unit) -> Mapping[str, P]:
        """Every point that this unit has by key."""
        return self._tables.get(unit.id, {})

    def _resolve(self, ref: Ref) -> tuple[Unit, P]:
        """The unit and the point that a reference names; raises ``UnknownPointError``."""
        unit = self._installation.unit(ref.unit) if self._installation is not None else None
        point = self.points(unit).get(ref.key) if unit is not None else None
        if unit is None or point is None:
            raise UnknownPointError(point=ref.key, unit=ref.unit)
        return unit, point

    def _is_read(self, point: P) -> bool:
        """Whether the point is read from the device."""
        return point.measured

    def _readable(self, refs: Sequence[Ref], report: Report) -> dict[Ref, tuple[Unit, P]]:
        """Those that are there and read from the device; the others fail in ``report``."""
        wanted: dict[Ref, tuple[Unit, P]] = {}
        for ref in refs:
            try:
                unit, point = self._resolve(ref)
                if not self._is_read(point):
                    device = self.device or unit.name
                    raise NotSupportedError(device=device, code=point.key, reason="it is not read from the device")
            except (UnknownPointError, NotSupportedError) as err:
                report.failed[ref] = err
            else:
                wanted[ref] = (unit, point)
        return wanted
