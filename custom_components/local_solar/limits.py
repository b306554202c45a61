"""What settings accept now, as the device says: asked once, then daily and whenever a related setting changed."""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .solarlink.client import Client
from .solarlink.errors import SolarError
from .solarlink.points import Limits, Point, Ref

_LOGGER = logging.getLogger(__name__)

DAY = 86400.0
RETRY_AFTER = 300.0


class LimitKeeper:
    """Keeps the limits of the settings that are shown."""

    def __init__(self, client: Client, points: Mapping[Ref, Point[Any]], clock: Callable[[], float]) -> None:
        """Until the device has told its own, the limits of the table hold."""
        self._client = client
        self._points = points
        self._clock = clock
        self._known: dict[Ref, Limits] = {}
        self._due: dict[Ref, float] = {}

    def of(self, ref: Ref) -> Limits:
        """The limits of ``ref`` as far as they are known."""
        if known := self._known.get(ref):
            return known
        point = self._points[ref]
        return Limits(point.minimum, point.maximum, point.step)

    def due(self, shown: Iterable[Ref]) -> list[Ref]:
        """Which of the settings that are shown want to be asked for their limits."""
        now = self._clock()
        return [ref for ref in shown if self._due.get(ref, -math.inf) <= now]

    def touched(self, ref: Ref) -> None:
        """``ref`` was written: the settings that must stay below or above it accept something else now."""
        for other, point in self._points.items():
            if other.unit == ref.unit and ref.key in (point.below, point.above):
                self._due.pop(other, None)

    async def async_ask(self, refs: Iterable[Ref]) -> None:
        """Ask the device. What cannot be had now keeps its old limits and is asked again soon."""
        for ref in refs:
            try:
                self._known[ref] = await self._client.limits(ref)
            except SolarError as err:
                _LOGGER.debug("No limits of %s %s: %s", ref.unit, ref.key, err)
                self._due[ref] = self._clock() + RETRY_AFTER
            else:
                self._due[ref] = self._clock() + DAY
