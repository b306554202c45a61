"""Measures the clock of an installation every day, and sets it when the owner wants that."""

import logging
import math
import time
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, override

from homeassistant.util import dt as dt_util

from ..providers import Host, Provider
from ..solarlink.client import ClockClient
from ..solarlink.errors import NotWritableError, SolarError
from ..solarlink.points import Point, Reading, Ref, Value

_LOGGER = logging.getLogger(__name__)

KEEP_CLOCK = "keep_clock"
"""Option: whether the clock is set whenever it is wrong."""

MEASURE_FROM = 4
"""Hour of Home Assistant's day from which the clock is measured: after a change to or from daylight saving time."""
SET_BETWEEN = (3, 22)
"""Hours between which, on both clocks, it is set by itself: the day must not end twice, nor be cut short."""
TOLERANCE = 30.0
"""Seconds by which the clock may be wrong; every step of it is one in the counters of the day as well."""
RETRY_AFTER = 900.0


class InstallationClock(Provider):
    """Owns the offset of the clock and the button that sets it; others get the measured clock from here."""

    key: ClassVar[str] = "installation_clock"

    def __init__(self, host: Host, points: Mapping[Ref, Point[Any]]) -> None:
        """Nothing has been measured."""
        super().__init__(host, points)
        self._shown: tuple[datetime, float] | None = None
        self._ahead: float | None = None
        self._measured_on: date | None = None
        self._not_before = -math.inf

    @property
    def _client(self) -> ClockClient:
        assert isinstance(self.host.client, ClockClient)
        return self.host.client

    @property
    def measured(self) -> tuple[float, float] | None:
        """What the clock showed, as seconds since 1970 of that clock, and when (monotonic)."""
        if self._shown is None:
            return None
        shown, at = self._shown
        return shown.replace(tzinfo=UTC).timestamp(), at

    @property
    def ahead(self) -> float | None:
        """Seconds by which the clock is ahead of Home Assistant's, in Home Assistant's time zone."""
        return self._ahead

    async def async_measure(self) -> float:
        """Read the clock once and return by how many seconds it is ahead; raises ``SolarError``."""
        shown, at = await self._client.glance()
        wall = _wall() - timedelta(seconds=time.monotonic() - at)
        self._shown, self._ahead = (shown, at), (shown - wall).total_seconds()
        self._measured_on = wall.date()
        self.host.tell()
        return self._ahead

    async def async_set(self, tolerance: float = TOLERANCE) -> float:
        """Set the clock to Home Assistant's time, unless it is right within ``tolerance`` s.

        Returns by how many seconds it was ahead; raises ``SolarError``.
        """
        ahead = await self._client.set_clock(_wall(), tolerance=tolerance)
        await self.async_measure()
        return ahead

    @override
    async def async_start(self) -> None:
        await self.async_step()

    @override
    async def async_step(self) -> None:
        now = time.monotonic()
        if self.host.paused or now < self._not_before or not self._due:
            return
        self._not_before = now + RETRY_AFTER
        try:
            ahead = await self.async_measure()
            if abs(ahead) > TOLERANCE and self.host.options.get(KEEP_CLOCK):
                if not self._by_day:
                    self._measured_on = None
                    return
                await self.async_set()
                _LOGGER.info("The clock of the installation was %d s ahead and has been set", round(ahead))
        except SolarError as err:
            self._measured_on = None
            _LOGGER.debug("The clock of the installation could not be read or set: %s", err)

    @property
    def _due(self) -> bool:
        wall = _wall()
        if self._measured_on is None:
            return True
        return wall.date() != self._measured_on and wall.hour >= MEASURE_FROM

    @property
    def _by_day(self) -> bool:
        first, last = SET_BETWEEN
        shown = self._shown[0] if self._shown else _wall()
        return all(first <= moment.hour < last for moment in (shown, _wall()))

    # Its points

    @override
    def wants(self, shown: Collection[Ref]) -> set[Ref]:
        return set()

    @override
    def fresh(self, ref: Ref) -> bool:
        return self._ahead is not None

    @override
    def reading(self, ref: Ref) -> Reading | None:
        if ref.key != "clock_offset" or self._ahead is None:
            return None
        return Reading(round(self._ahead), self._shown[1] if self._shown else time.monotonic())

    @override
    async def async_write(self, ref: Ref, value: Value) -> None:
        if ref.key != "set_clock":
            raise NotWritableError(point=self.points[ref].name)
        # A person who presses the button sees a clock that is wrong by a little.
        await self.async_set(tolerance=1.0)


def _wall() -> datetime:
    """What the clock on the wall shows."""
    return dt_util.now().replace(tzinfo=None)
