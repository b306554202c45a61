"""The SCOM watchdogs: timers in the devices that a write or a silence of ours can set off (reference section 7.2).

A unit whose watchdog is on starts a timer with the first write to RAM, and stops and resets when no further write
reaches it in time. Such writes are refused, unless the owner wants them: then a write that changes nothing follows
every third of the delay (3.3 s to 100 s), as long as this client is open. When it is closed, nobody feeds the watchdog
any more, and the unit resets after its delay: that is what a watchdog is for, and the owner has chosen it.

The gateway has one of its own, which resets it when nobody asks anything for a while. It is fed with a question for
its name after a third of its delay without any request; a pause would set it off and is refused.
"""

import asyncio
import math
import time
from dataclasses import dataclass

from ..client import Unit
from ..errors import DeviceRefusedError, PauseRefusedError, SolarError, WatchdogArmedError
from ..links.turns import Priority
from ..trace import Direction, Trace
from .address import StuderPoint
from .catalogue import point_at
from .codec import GATEWAY, ObjectType, Property, encode_value, read_request, write_request
from .settings import Settings
from .site import KEEP_WATCHDOGS, Site
from .units import KINDS

GATEWAY_WATCHDOG = (5095, 5096)
"""Parameters of the gateway's watchdog: whether it is on, and its delay in seconds."""
TROUBLE = "watchdog_armed"

_RETRY = 10.0
"""After a write that was lost, the next one follows in a tenth of the delay."""


@dataclass(slots=True)
class _Fed:
    """A unit whose timer runs: what is written to it again, and when."""

    unit: Unit
    seconds: float
    number: int
    raw: float
    due: float


class Watchdogs:
    """Knows which watchdogs are on and keeps alive what has to be."""

    def __init__(self, site: Site, settings: Settings, trace: Trace) -> None:
        """Nothing runs before there is something to feed."""
        self._site = site
        self._settings = settings
        self._trace = trace
        self._fed: dict[int, _Fed] = {}
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._gateway_tried = -math.inf

    # What is on

    async def look(self) -> None:
        """Ask every unit and the gateway for its watchdog."""
        for unit in self._site.units:
            await self.look_at(unit)
        await self._look_at_gateway()

    async def look_at(self, unit: Unit) -> None:
        """Ask one unit for its watchdog and remember the answer; one that says nothing of it keeps what was known."""
        watchdog = KINDS[unit.kind].watchdog
        if watchdog is None:
            return
        armed = dict(self._site.facts.get("watchdogs", {}))
        try:
            if await self._setting(unit, watchdog[0]):
                # Where writes are not saved, an ordinary one is like a write to RAM.
                armed[unit.serial] = [
                    await self._setting(unit, watchdog[1]) or 60.0,
                    not await self._setting(unit, watchdog[2]),
                ]
            else:
                armed.pop(unit.serial, None)
        except DeviceRefusedError:
            # Firmware that does not know the parameter has no watchdog.
            armed.pop(unit.serial, None)
        self._site.note(watchdogs=armed)
        self.tell()

    async def _look_at_gateway(self) -> None:
        root = self._site.installation.root
        try:
            on = await self._setting(root, GATEWAY_WATCHDOG[0])
            seconds = (await self._setting(root, GATEWAY_WATCHDOG[1]) or 60.0) if on else 0.0
        except DeviceRefusedError:
            seconds = 0.0
        self._site.note(scom_watchdog=seconds)

    async def refresh(self, unit: Unit) -> None:
        """Somebody has set a watchdog."""
        if unit.address == GATEWAY:
            await self._look_at_gateway()
        else:
            await self.look_at(unit)

    async def _setting(self, unit: Unit, number: int) -> float | None:
        point = point_at(unit.kind, number)
        return await self._settings.read_property(unit, point, Property.VALUE) if point else None

    @property
    def gateway_seconds(self) -> float:
        """Seconds without a request after which the gateway resets itself; 0 while its watchdog is off."""
        return float(self._site.facts.get("scom_watchdog", 0.0))

    def seconds(self, unit: Unit, *, saved: bool) -> float | None:
        """Seconds after which a write would stop the unit; ``saved`` means a write to flash. ``None``: it would not."""
        known = self._site.facts.get("watchdogs", {}).get(unit.serial)
        if known is None:
            return None
        seconds, every_write = known
        return None if saved and not every_write else float(seconds)

    @property
    def _keep(self) -> bool:
        return bool(self._site.options.get(KEEP_WATCHDOGS))

    def tell(self) -> None:
        """Let the owner know of the watchdogs that stand in the way of settings."""
        armed = self._site.facts.get("watchdogs", {})
        names = [unit.name for unit in self._site.units if unit.serial in armed]
        self._site.troubles.pop(TROUBLE, None)
        if names and not self._keep:
            self._site.troubles[TROUBLE] = {"units": ", ".join(names)}

    def pause_objection(self) -> SolarError | None:
        """Why nothing may be asked of the gateway for a while, if so."""
        return PauseRefusedError(seconds=self.gateway_seconds) if self.gateway_seconds else None

    # Writes

    def guard(self, unit: Unit, point: StuderPoint, *, saved: bool) -> None:
        """Raise ``WatchdogArmedError`` when a write would stop the unit and nobody would keep it alive."""
        seconds = self.seconds(unit, saved=saved)
        if seconds is not None and not self._keep:
            raise WatchdogArmedError(point=point.name, device=unit.name, seconds=seconds)

    def wrote(self, unit: Unit, *, saved: bool, number: int | None = None, raw: float = 0.0) -> None:
        """A write was sent, so the timer runs. ``number`` and ``raw`` are what may be written again without effect.

        Without them (a command, or a write without an answer) it is the delay of the watchdog that is written again.
        """
        seconds = self.seconds(unit, saved=saved)
        watchdog = KINDS[unit.kind].watchdog if unit.kind in KINDS else None
        if seconds is None or watchdog is None:
            return
        known = self._fed.get(unit.address)
        if number is None:
            number, raw = (known.number, known.raw) if known else (watchdog[1], seconds)
        self._fed[unit.address] = _Fed(
            unit, seconds, number, raw, time.monotonic() + seconds / self._site.exchange.timing.feeds
        )
        self._begin()

    def resume(self) -> None:
        """Go on with what an earlier client has fed, and feed the gateway if it has to be."""
        for unit in self._site.units:
            running = self.seconds(unit, saved=False) is not None and self._site.journal.ram_values(unit.serial)
            if running and self._keep and unit.address not in self._fed:
                self.wrote(unit, saved=False)
                self._fed[unit.address].due = time.monotonic()
        if self.gateway_seconds:
            self._begin()

    def restarted(self, unit: Unit) -> None:
        """The unit has restarted: its timer does not run any more."""
        self._fed.pop(unit.address, None)

    # Feeding

    def _begin(self) -> None:
        self._wake.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._feed(), name="studer watchdogs")

    async def _feed(self) -> None:
        while self._fed or self.gateway_seconds:
            self._wake.clear()
            now = time.monotonic()
            for fed in [each for each in self._fed.values() if each.due <= now]:
                await self._feed_unit(fed)
            await self._feed_gateway()
            try:
                async with asyncio.timeout(self._idle()):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _idle(self) -> float:
        """Seconds until the next one is due."""
        due = [fed.due for fed in self._fed.values()]
        if self.gateway_seconds:
            due.append(
                max(self._site.exchange.last_sent, self._gateway_tried)
                + self.gateway_seconds / self._site.exchange.timing.feeds
            )
        return max(min(due, default=time.monotonic()) - time.monotonic(), 0.01)

    async def _feed_unit(self, fed: _Fed) -> None:
        point = point_at(fed.unit.kind, fed.number)
        if point is None:
            self._fed.pop(fed.unit.address, None)
            return
        data = encode_value(point.address.format, fed.raw)
        request = write_request(fed.unit.address, fed.number, Property.UNSAVED_VALUE, data)
        try:
            # The value is in force already, so sending it twice changes nothing.
            await self._site.exchange.ask(request, Priority.CONTROL, retries=1, suspect_link=False)
        except SolarError as err:
            self._trace.add(Direction.NOTE, note=f"watchdog of {fed.unit.name} not fed: {err}")
            fed.due = time.monotonic() + fed.seconds / _RETRY
        else:
            fed.due = time.monotonic() + fed.seconds / self._site.exchange.timing.feeds

    async def _feed_gateway(self) -> None:
        if (
            not self.gateway_seconds
            or self._idle_since_request() < self.gateway_seconds / self._site.exchange.timing.feeds
        ):
            return
        self._gateway_tried = time.monotonic()
        try:
            request = read_request(GATEWAY, ObjectType.GUID, 0, Property.NONE)
            await self._site.exchange.ask(request, Priority.CONTROL, retries=0, suspect_link=False)
        except DeviceRefusedError:
            # An answer, whatever it says, is all that the watchdog wants.
            return
        except SolarError as err:
            self._trace.add(Direction.NOTE, note=f"watchdog of the gateway not fed: {err}")

    def _idle_since_request(self) -> float:
        return time.monotonic() - max(self._site.exchange.last_sent, self._gateway_tried)

    async def close(self) -> None:
        """Feed nothing any more."""
        self._fed.clear()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
