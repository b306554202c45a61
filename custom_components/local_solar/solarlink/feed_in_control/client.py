"""The client of a controller that has no link of its own: what it needs comes from the devices of others.

It makes the controller an installation like every other, with inverters as its units, so that entities, names, texts
and documents follow from one table of points here as well.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from ..client import Installation, Progress, Report, Unit
from ..errors import NotSupportedError, NotWritableError, UnknownPointError
from ..journal import Journal
from ..links.stats import LinkStats
from ..points import Limits, Reading, Ref, Value
from ..trace import Trace
from .points import POINTS, FeedInPoint, Kind

MAKER = "Local Solar"
MODEL = "Zero feed-in controller"
CONTROLLER_ID = "controller_id"
"""Setting: what tells this controller from another one in the same house, chosen when it was set up."""
INVERTERS = "inverters"
"""Setting: the inverters, each with ``serial``, ``name`` and ``model``."""
ROOT = "controller"


def inverter_unit_id(serial: str) -> str:
    """Id of the unit of an inverter."""
    return f"inverter_{serial.lower()}"


class FeedInClient:
    """The installation of one controller. Implements ``client.Client``; nothing is ever sent."""

    def __init__(self, *, journal: Journal, settings: Mapping[str, Any]) -> None:
        """``settings`` name the controller and its inverters."""
        self.stats, self.trace, self.journal = LinkStats(), Trace(), journal
        self.troubles: Mapping[str, Mapping[str, str]] = {}
        self._installation = _installation(settings)
        self._points: Mapping[str, dict[str, FeedInPoint]] = {
            kind.value: {point.key: point for point in POINTS if point.unit_kind == kind} for kind in Kind
        }
        self._closed = False

    @property
    def installation(self) -> Installation:
        """The controller and its inverters."""
        return self._installation

    @property
    def connected(self) -> bool:
        """There is no link that could be lost."""
        return not self._closed

    def points(self, unit: Unit) -> Mapping[str, FeedInPoint]:
        """The points of the controller or of one of its inverters, by key."""
        return self._points[unit.kind]

    async def connect(self, timeout: float) -> None:
        """There is nothing to wait for."""

    async def identify(self, progress: Progress | None = None) -> Installation:
        """The controller and its inverters, as they were chosen."""
        return self._installation

    def expect(self, installation: Installation) -> None:
        """What was chosen is known already, and counts."""

    async def read(self, refs: Sequence[Ref]) -> Report:
        """Nothing is measured here."""
        return Report(
            failed={ref: NotSupportedError(device=MODEL, reason="nothing is measured here", code="-") for ref in refs}
        )

    def group(self, ref: Ref) -> Hashable:
        """Nothing is asked."""
        return None

    async def limits(self, ref: Ref) -> Limits:
        """The limits of the table."""
        point = self._point(ref)
        return Limits(point.minimum, point.maximum, point.step)

    async def write(self, ref: Ref, value: Value, *, permanent: bool = False, confirmed: bool = False) -> Reading:
        """Raises ``NotWritableError``: the controller sets its own points."""
        raise NotWritableError(point=self._point(ref).name)

    def _point(self, ref: Ref) -> FeedInPoint:
        unit = self._installation.unit(ref.unit)
        point = self._points[unit.kind].get(ref.key) if unit else None
        if point is None:
            raise UnknownPointError(point=ref.key, unit=ref.unit)
        return point

    async def close(self) -> None:
        """Nothing is open."""
        self._closed = True


def _installation(settings: Mapping[str, Any]) -> Installation:
    root = Unit(
        id=ROOT,
        kind=Kind.CONTROLLER,
        name="Zero feed-in",
        serial=str(settings[CONTROLLER_ID]),
        manufacturer=MAKER,
        model=MODEL,
    )
    return Installation(root, tuple(_unit(root, chosen) for chosen in settings[INVERTERS]))


def _unit(root: Unit, chosen: Mapping[str, Any]) -> Unit:
    serial = str(chosen["serial"])
    return Unit(
        id=inverter_unit_id(serial),
        kind=Kind.INVERTER,
        name=f"Zero feed-in {chosen.get('name') or serial}",
        # The inverter itself is a device of its gateway; this one is what the controller knows of it.
        serial=f"{root.serial}-{serial}",
        manufacturer=MAKER,
        model=str(chosen.get("model") or "Controlled inverter"),
    )
