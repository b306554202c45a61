"""One coordinator per entry: reads what somebody looks at, when it is due, and keeps every reading."""

import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .const import CONF_FAMILY, CONF_INTERVAL, CONF_LINK, DOMAIN
from .descriptions import platform_of
from .families import FAMILIES, identifier
from .limits import LimitKeeper
from .outages import OutageLog
from .problems import action_error, translated
from .providers import Provider
from .solarlink.client import Client, Happening, Installation, PausableClient, Report, Unit
from .solarlink.errors import (
    AuthError,
    LinkClosedError,
    NotKeptError,
    SolarError,
    WriteUncertainError,
    WrongDeviceError,
)
from .solarlink.plan import Planner
from .solarlink.points import Limits, Point, Quantity, Reading, Ref, Value
from .store import Memory
from .sums import EnergySums
from .troubles import TroubleBoard

_LOGGER = logging.getLogger(__name__)

REFRESH_COOLDOWN = 1.5

type SolarConfigEntry = ConfigEntry[SolarCoordinator]


class LinkState(StrEnum):
    """What the link does, as people see it."""

    CONNECTED = "connected"
    SILENT = "silent"
    """The link stands, but the last poll got no answer."""
    DISCONNECTED = "disconnected"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class KnownPoint:
    """A point of a unit that is there, with the unit it belongs to."""

    unit: Unit
    point: Point[Any]


def _same_units(one: Installation, other: Installation) -> bool:
    """Whether the same units with the same firmware are there, so that the same points are."""
    return [(unit.serial, unit.firmware) for unit in one.all_units] == [
        (unit.serial, unit.firmware) for unit in other.all_units
    ]


class SolarCoordinator(DataUpdateCoordinator[dict[Ref, Reading]]):
    """Feeds the entities of one installation."""

    config_entry: SolarConfigEntry

    def __init__(self, hass: HomeAssistant, entry: SolarConfigEntry, client: Client, memory: Memory) -> None:
        """Nothing is asked before the first refresh."""
        self.family_key: str = entry.data[CONF_FAMILY]
        self.family = FAMILIES[self.family_key]
        self.link = self.family.links[entry.data[CONF_LINK]]
        interval = entry.options.get(CONF_INTERVAL, self.family.interval)
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=timedelta(seconds=interval),
            request_refresh_debouncer=Debouncer(hass, _LOGGER, cooldown=REFRESH_COOLDOWN, immediate=False),
        )
        self.client = client
        self.memory = memory
        self.planner = Planner(interval)
        self.exchanges_per_cycle: int | None = None
        self.last_error: SolarError | None = None
        self.known: dict[Ref, KnownPoint] = {}
        self.data = {}
        self._points: dict[Ref, Point[Any]] = {}
        self._identified = False
        self._holds = 0
        self._providers: list[Provider] = []
        self._owners: dict[Ref, Provider] = {}
        self._acting = False
        self._witnesses: dict[Ref, list[Callable[[Happening], None]]] = {}
        self._untold: list[Happening] = []
        self._troubles = TroubleBoard(hass, entry, self.family.repairs)
        self._table: dict[Ref, Point[Any]] = {}
        self._limits = LimitKeeper(client, self._table, time.monotonic)
        self._asking_limits = False
        self._outages = OutageLog(_LOGGER)
        self._before_stop: list[Callable[[], Awaitable[None]]] = []

    # Who is there

    @property
    def installation(self) -> Installation:
        """The installation of this entry."""
        return self.client.installation

    @property
    def root_id(self) -> str:
        """The identifier of the device that stands for the whole installation."""
        return identifier(self.family_key, self.installation.root)

    def unique_id(self, ref: Ref) -> str:
        """The unique id of the entity that shows ``ref``."""
        return f"{identifier(self.family_key, self.known[ref].unit)}-{ref.key}"

    @override
    async def _async_setup(self) -> None:
        if self.memory.installation is not None:
            try:
                self.client.expect(self.memory.installation)
            except SolarError as err:
                # The owner has chosen something that this installation does not have.
                raise translated(err, ConfigEntryError) from err
            if self.paused:
                self._take_installation(self.memory.installation)
                self.data = self.memory.restore(self._points)
                self.memory.frozen = self.data
                return
        try:
            await self._identify()
        except WrongDeviceError as err:
            if not self.link.incoming:
                raise translated(err, ConfigEntryError) from err
            # The right gateway may still dial in: try again later.
            raise translated(err, UpdateFailed) from err
        except AuthError as err:
            raise translated(err, ConfigEntryAuthFailed) from err
        except SolarError as err:
            raise translated(err, UpdateFailed) from err

    async def _identify(self) -> None:
        deadline = time.monotonic() + self.family.connect_wait
        wrong: WrongDeviceError | None = None
        while not self._identified:
            try:
                await self.client.connect(max(deadline - time.monotonic(), 0.1))
                installation = await self.client.identify()
                if identifier(self.family_key, installation.root) != self.config_entry.unique_id:
                    expected = str(self.config_entry.unique_id).removeprefix(f"{self.family_key}-")
                    raise WrongDeviceError(
                        expected=expected, found=installation.root.serial, address=self.config_entry.title
                    )
            except WrongDeviceError as err:
                # Another gateway of the same port came first; the client has sent it away and waits for the next one.
                wrong = err
                if not self.link.incoming or self.memory.installation is None or time.monotonic() >= deadline:
                    raise
                continue
            except SolarError as err:
                raise wrong or err from err
            self._identified = True
        self._take_installation(installation)
        if installation != self.memory.installation:
            self.memory.installation = installation
            self.memory.save()

    def _take_installation(self, installation: Installation) -> None:
        self.known = {
            Ref(unit.id, key): KnownPoint(unit, point)
            for unit in installation.all_units
            for key, point in self.client.points(unit).items()
        }
        self._points = {ref: known.point for ref, known in self.known.items() if known.point.measured}
        self._table.clear()
        self._table.update({ref: known.point for ref, known in self.known.items()})
        if not self._providers:
            self._make_providers()

    def _make_providers(self) -> None:
        """Sums and controllers, each with the points of the tables that belong to it."""
        own = {ref: known.point for ref, known in self.known.items() if not known.point.measured}
        makers: dict[str, type[Provider]] = {"": EnergySums, **self.family.controllers}
        for name, make in makers.items():
            if points := {ref: point for ref, point in own.items() if point.controller == name}:
                provider = make(self, points)
                self._providers.append(provider)
                self._owners |= dict.fromkeys(points, provider)
                provider.load(self.memory.kept(provider.key))
                self.memory.keep(provider.key, provider.as_dict)

    # Sums and controllers

    @property
    def options(self) -> Mapping[str, Any]:
        """The owner's options."""
        return self.config_entry.options

    @property
    def entry_data(self) -> Mapping[str, Any]:
        """What was entered when the installation was added."""
        return self.config_entry.data

    @property
    def interval(self) -> float:
        """Seconds between two reads of live points."""
        return self.planner.interval

    def points(self, unit: Unit) -> Mapping[str, Point[Any]]:
        """Every point of a unit by key."""
        return {ref.key: known.point for ref, known in self.known.items() if ref.unit == unit.id}

    async def async_remember(self) -> None:
        """Put everything on disk and return when it is there."""
        await self.memory.async_flush()

    def provider(self, key: str) -> Provider | None:
        """The provider of that name, where this installation has it."""
        return next((provider for provider in self._providers if provider.key == key), None)

    @property
    def providers(self) -> tuple[Provider, ...]:
        """Every provider of this installation."""
        return tuple(self._providers)

    @callback
    def read_soon(self, refs: Collection[Ref]) -> None:
        """Read these before their time."""
        self.planner.expire(refs)
        self.config_entry.async_create_background_task(
            self.hass, self.async_request_refresh(), name=f"{self.name} - read soon"
        )

    @callback
    def tell(self) -> None:
        """Values of a provider have changed."""
        self.async_update_listeners()

    async def async_start(self) -> None:
        """Let the controllers act; the entities are there."""
        for provider in self._providers:
            await provider.async_start()
        self._acting = True
        self._untold.clear()
        self.async_update_listeners()

    @callback
    def async_before_stop(self, farewell: Callable[[], Awaitable[None]]) -> Callable[[], None]:
        """Await ``farewell`` before this installation is left, while its link still stands; returns what ends that.

        For controllers of other entries that have set something here.
        """
        self._before_stop.append(farewell)
        return lambda: self._before_stop.remove(farewell) if farewell in self._before_stop else None

    async def async_stop(self) -> None:
        """Let the controllers put back what they have changed, while the link still stands."""
        for farewell in tuple(self._before_stop):
            await farewell()
        acting, self._acting = self._acting, False
        if acting:
            for provider in self._providers:
                try:
                    await provider.async_stop()
                except SolarError as err:
                    _LOGGER.warning("%s could not be ended in order: %s", provider.key, err)
        await self.memory.async_flush()
        self._troubles.clear()

    async def _async_act(self) -> None:
        if self._acting:
            for provider in self._providers:
                await provider.async_step()
            self._show_troubles()

    # Reading

    @override
    async def _async_update_data(self) -> dict[Ref, Reading]:
        try:
            return await self._async_poll()
        finally:
            # A controller must act on missing values as well.
            await self._async_act()

    async def _async_poll(self) -> dict[Ref, Reading]:
        if self.paused:
            if not self.last_update_success and isinstance(self.last_error, SolarError):
                # A pause does not bring a lost link back.
                raise translated(self.last_error, UpdateFailed)
            return self.data
        try:
            if not self._identified:
                await self._identify_after_pause()
            self.planner.demand(self._demand())
            due = self.planner.due(time.monotonic(), self.client.group)
            before = self.client.stats.exchanges
            report = await self.client.read(due) if due else Report()
        except LinkClosedError:
            # The entry is being unloaded; that is no failure of the device.
            return self.data
        except SolarError as err:
            self.last_error = err
            self._show_troubles()
            if not self.last_update_success:
                # Only a first failure is announced by the coordinator, but values grow too old during later ones.
                self.async_update_listeners()
            # Home Assistant asks for the password and polls no more until it has it.
            raise translated(err, ConfigEntryAuthFailed if isinstance(err, AuthError) else UpdateFailed) from err
        if due:
            self.exchanges_per_cycle = self.client.stats.exchanges - before
        self._take(due, report)
        self._ask_limits()
        self._take_changes()
        return self.data

    def _show_troubles(self) -> None:
        troubles = dict(self.client.troubles)
        for provider in self._providers:
            troubles |= provider.troubles
        self._troubles.show(troubles)

    def _take_changes(self) -> None:
        """What the client learned by the way: something to remember, to tell the owner, or another unit."""
        self._show_troubles()
        known, installation = self.memory.installation, self.client.installation
        if known is not None and installation != known:
            self.memory.installation = installation
            self.memory.save()
            if not _same_units(installation, known):
                self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)

    async def async_repair(self, trouble: str) -> None:
        """Put a trouble right, as its owner agreed to, and remember at once what that changed."""
        await self.family.repairs[trouble](self.client)
        self._take_changes()
        await self.async_remember()
        await self.async_request_refresh()

    async def _identify_after_pause(self) -> None:
        """Home Assistant was started during the pause, so nobody has looked yet who is there."""
        known = self.memory.installation
        await self._identify()
        if known is not None and not _same_units(self.installation, known):
            self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)

    def _demand(self) -> Mapping[Ref, Point[Any]]:
        """The points of the entities that are there; before they are, of those that will be.

        What controllers and sums need is read as well.
        """
        shown = {context for context in self.async_contexts() if context in self.known}
        if not shown and not self._listeners:
            shown = {ref for ref in self.known if self._will_be_shown(ref)}
        for provider in self._providers:
            shown |= provider.wants(shown & provider.points.keys())
        return {ref: point for ref, point in self._points.items() if ref in shown}

    def _will_be_shown(self, ref: Ref) -> bool:
        platform = platform_of(self.known[ref].point)
        if platform is None:
            return False
        registry = er.async_get(self.hass)
        entity_id = registry.async_get_entity_id(platform, DOMAIN, self.unique_id(ref))
        if entity_id is None or (entity := registry.async_get(entity_id)) is None:
            return self.known[ref].point.enabled
        return not entity.disabled

    def _take(self, asked: Iterable[Ref], report: Report) -> None:
        for ref in asked:
            if self._points[ref].quantity is Quantity.EVENT and ref not in report.failed:
                # Nothing has happened, and that is known.
                report.readings.setdefault(ref, Reading(None, time.monotonic()))
        self.data.update(report.readings)
        for provider in self._providers:
            provider.take(report)
        for happening in report.happenings:
            witnesses = self._witnesses.get(happening.ref, ())
            for witness in witnesses:
                witness(happening)
            if not witnesses and not self._acting:
                # What happened while nobody was there is told as soon as somebody is.
                self._untold.append(happening)
        self.planner.mark(report, time.monotonic())
        self._outages.take(report, {ref: self._name(ref) for ref in (*report.readings, *report.failed)})
        if report.failed:
            self.last_error = next(iter(report.failed.values()))

    def _name(self, ref: Ref) -> str:
        known = self.known[ref]
        return f"{known.unit.name} {known.point.name}"

    @callback
    def async_witness(self, ref: Ref, witness: Callable[[Happening], None]) -> Callable[[], None]:
        """Call ``witness`` for whatever happens at ``ref``; returns what ends that."""
        witnesses = self._witnesses.setdefault(ref, [])
        witnesses.append(witness)
        for happening in [each for each in self._untold if each.ref == ref]:
            self._untold.remove(happening)
            witness(happening)
        return lambda: witnesses.remove(witness)

    def reading(self, ref: Ref) -> Reading | None:
        """The last reading of ``ref``."""
        owner = self._owners.get(ref)
        return owner.reading(ref) if owner else self.data.get(ref)

    def attributes(self, ref: Ref) -> Mapping[str, Any]:
        """What a provider adds to the entity of ``ref``."""
        owner = self._owners.get(ref)
        return owner.attributes(ref) if owner else {}

    def fresh(self, ref: Ref) -> bool:
        """Whether the reading of ``ref`` may still be shown."""
        if owner := self._owners.get(ref):
            return owner.fresh(ref)
        if self.paused:
            return ref in self.memory.frozen
        return ref in self.data and self.planner.fresh(ref, time.monotonic())

    @property
    def link_state(self) -> LinkState:
        """What the link does now."""
        if self.paused:
            return LinkState.PAUSED
        if not self.client.connected:
            return LinkState.DISCONNECTED
        return LinkState.CONNECTED if self.last_update_success else LinkState.SILENT

    # Settings

    def limits(self, ref: Ref) -> Limits:
        """What the setting accepts now."""
        return self._limits.of(ref)

    @callback
    def _ask_limits(self) -> None:
        shown = [ref for ref in self._demand() if self._points[ref].writable]
        if self._asking_limits or self.paused or not (due := self._limits.due(shown)):
            return
        self._asking_limits = True
        self.config_entry.async_create_background_task(
            self.hass, self._async_ask_limits(due), name=f"{self.name} - limits", eager_start=False
        )

    async def _async_ask_limits(self, refs: list[Ref]) -> None:
        try:
            await self._limits.async_ask(refs)
        finally:
            self._asking_limits = False
        self.async_update_listeners()

    async def async_write(self, ref: Ref, value: Value, name: str) -> None:
        """Set a point, which the person calls ``name``, and show at once what the device kept."""
        try:
            if owner := self._owners.get(ref):
                await owner.async_write(ref, value)
                self.async_update_listeners()
            else:
                await self.async_written(ref, value, self.client.write(ref, value))
        except SolarError as err:
            raise action_error(err, name) from err

    async def _async_tell_touched(self, ref: Ref, value: Value) -> None:
        for provider in self._providers:
            await provider.async_touched(ref, value)

    async def async_written(self, ref: Ref, value: Value, writing: Awaitable[Reading]) -> Reading:
        """Wait for a write that a person wants, and show at once what the device kept; raises ``SolarError``.

        ``ref`` may be a point that no entity shows.
        """
        try:
            reading = await self._async_show(ref, writing)
        except NotKeptError, WriteUncertainError:
            # The device may have followed all the same, and what the person wants is known.
            await self._async_tell_touched(ref, value)
            raise
        await self._async_tell_touched(ref, value)
        return reading

    async def async_set(self, ref: Ref, value: Value) -> Reading:
        """Write a setting of the device, show at once what the device kept and return it; raises ``SolarError``."""
        return await self._async_show(ref, self.client.write(ref, value))

    async def _async_show(self, ref: Ref, writing: Awaitable[Reading]) -> Reading:
        try:
            reading = await writing
        except AuthError:
            # Some devices let everybody read, so only a write shows that the password is wrong.
            self.config_entry.async_start_reauth(self.hass)
            raise
        except WriteUncertainError:
            if not self.paused and ref in self._points:
                self.planner.expire([ref])
                await self.async_request_refresh()
            raise
        if ref not in self._points:
            return reading
        self.data[ref] = reading
        self.planner.mark(Report({ref: reading}), time.monotonic())
        self._limits.touched(ref)
        self._ask_limits()
        if self.paused:
            self.memory.frozen = {**self.memory.frozen, ref: reading}
            self.memory.save()
        self.async_update_listeners()
        return reading

    # The pause

    @property
    def paused(self) -> bool:
        """Whether the device is left alone: because somebody wants it, or while something else needs the link."""
        return self.memory.paused or self._holds > 0

    async def async_set_paused(self, paused: bool) -> None:
        """Stop polling until further notice, or take it up again; raises ``SolarError`` when the device objects."""
        if paused == self.memory.paused:
            return
        if paused and isinstance(self.client, PausableClient):
            self.client.check_pause()
        # What is shown during the pause is kept on disk, because after a restart nothing may be asked.
        self._freeze(paused or self._holds > 0)
        self.memory.paused = paused
        await self.memory.async_flush()
        self.async_update_listeners()
        if not self.paused:
            await self._async_catch_up()

    @asynccontextmanager
    async def async_hold(self) -> AsyncGenerator[None]:
        """Poll nothing while it lasts; unlike a pause it does not outlive a crash."""
        self._freeze(True)
        self._holds += 1
        self.async_update_listeners()
        try:
            yield
        finally:
            self._holds -= 1
            if not self.paused:
                self._freeze(False)
                await self._async_catch_up()

    def _freeze(self, wanted: bool) -> None:
        if wanted and not self.paused:
            self.memory.frozen = {ref: reading for ref, reading in self.data.items() if self.fresh(ref)}
        elif not wanted:
            self.memory.frozen = {}

    async def _async_catch_up(self) -> None:
        self.planner.expire(self._points)
        await self.async_request_refresh()
