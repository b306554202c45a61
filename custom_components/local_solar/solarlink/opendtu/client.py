"""The client of an OpenDTU: what is there, its values, its commands, and the loop that a controller follows."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from ..client import Happening, Installation, Progress, Report, Unit
from ..client_base import ClientBase
from ..errors import (
    AuthError,
    LinkError,
    NoAnswerError,
    NoOpenDtuError,
    NotSupportedError,
    NotWritableError,
    SolarError,
    UnknownPointError,
    WrongDeviceError,
)
from ..journal import Journal
from ..links.http import HttpLink
from ..live import GatewayPicture, Unfollow
from ..points import Access, Limits, Reading, Ref, Value, check_number
from .address import PER_INVERTER, DtuPoint, Source
from .codec import DEVICE, Json
from .commands import Commands
from .events import EventWatch
from .exchange import Exchange, Timing
from .feed import Feed
from .firmware import ONE_PER_MESSAGE
from .found import Found, inputs_of
from .live_loop import LISTED_EVERY, LiveLoop
from .live_socket import LiveSocket
from .models import type_of
from .points import points_of
from .points_inverter import INVERTER_EVENT, INVERTER_KIND, LIMIT_RELATIVE, RESTART, SWITCH
from .state import State
from .survey import look_around, renewed, take_found, take_inverter, take_units
from .values import Values
from .writer import Writer

GOVERNED, DEFAULT_PASSWORD, CLOCK_NOT_SET = "opendtu_governed", "opendtu_default_password", "opendtu_clock_not_set"
CLOCK_PATIENCE = 120.0
"""Seconds that a DTU may need after a restart until it knows the time."""

type _Need = tuple[Source, str]
_FATAL = (LinkError, NoAnswerError, AuthError, WrongDeviceError)
"""After these nothing else needs to be tried now."""


class OpenDtuClient(ClientBase[DtuPoint]):
    """One DTU. Implements ``client.Client`` and ``live.LimitClient``."""

    device = DEVICE

    def __init__(
        self,
        link: HttpLink,
        *,
        journal: Journal,
        password: str = "",
        websocket: bool = True,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the link; nothing is sent before the first use. Without ``password`` nothing can be written."""
        super().__init__(journal=journal, stats=link.stats, trace=link.trace)
        self._troubles: dict[str, Mapping[str, str]] = {}
        self.troubles = self._troubles
        self._clock, self._wall = clock, wall
        self._state = State()
        self._exchange = Exchange(link, password=password, timing=timing or Timing(), clock=clock)
        self._feed = Feed(self._exchange, self._state, clock=clock)
        self._values = Values(self._state)
        self._commands = Commands(self._feed, journal=journal, clock=clock)
        self._writer = Writer(self._feed, self._commands, self._values, journal, inputs=self._inputs, clock=clock)
        self._socket = (
            LiveSocket(self._exchange, self._take_message, trace=link.trace, clock=clock) if websocket else None
        )
        self._loop = LiveLoop(self._feed, self._commands, self._socket, inputs=self._inputs, clock=clock)
        self._events = EventWatch()
        self._found = Found()
        self._known: tuple[object, ...] = ()
        self._clock_lost_at: float | None = None

    # What is there

    @property
    def connected(self) -> bool:
        """Whether the last request was answered."""
        return self._exchange.connected

    @property
    def hold_off(self) -> float:
        """Seconds for which ``read`` fails at once, because the last ones failed on the wire; 0 while all is well."""
        return self._exchange.hold_off

    async def connect(self, timeout: float) -> None:
        """Nothing to do: every request connects anew."""

    def expect(self, installation: Installation) -> None:
        """Take an installation as known from an earlier ``identify``; its MAC address is checked when it is asked."""
        found = Found.from_facts(installation.facts)
        if found.poll_interval:
            self._state.poll_interval = found.poll_interval
        for serial, known in found.inverters.items():
            if known.device:
                self._state.devices.setdefault(serial, known.device)
        self._feed.expected = installation.root.mac.replace(":", "")
        self._take(installation, found)

    def _take(self, installation: Installation, found: Found) -> None:
        self._installation, self._found = installation, found
        writing = bool(self._exchange.password)
        self._tables = {unit.id: found.points(unit, writing=writing) for unit in installation.all_units}

    async def identify(self, progress: Progress | None = None) -> Installation:
        """Find out the firmware, the inverters and what they can tell.

        Raises ``NoOpenDtuError`` for what answers otherwise, ``AuthError`` for a wrong password or one that is needed
        to read, ``DeviceBusyError`` while the DTU has no memory left, ``WrongDeviceError``, ``LinkError``,
        ``NoAnswerError`` and ``BadAnswerError``.
        """
        try:
            await look_around(self._feed, progress or (lambda share, name: None))
        except NotSupportedError as err:
            raise NoOpenDtuError(address=self._exchange.address) from err
        found = take_found(self._state, self._found)
        installation = take_units(self._state, found, self._installation)
        if not installation.root.serial:
            raise NoOpenDtuError(address=self._exchange.address)
        self._feed.expected = installation.root.mac.replace(":", "")
        self._take(installation, found)
        self._known = self._signature()
        return installation

    def _inputs(self, serial: str) -> int:
        known = self._found.inverters.get(serial)
        return known.inputs if known else inputs_of(serial, 0, 0)

    # Reading

    def group(self, ref: Ref) -> Hashable:
        """Refs of one answer travel together."""
        with suppress(UnknownPointError):
            unit, point = self._resolve(ref)
            return self._need(unit, point)
        return ref

    def _need(self, unit: Unit, point: DtuPoint) -> _Need:
        source = Source.OWN if point.access is Access.PRESS else point.address.source
        if source is Source.CHARGERS and "" in self._found.chargers:
            # Only the sum of all chargers is told.
            source = Source.LIVE
        return (source, unit.serial if source in PER_INVERTER else "")

    async def read(self, refs: Sequence[Ref]) -> Report:
        """Read points; see ``client.Client.read``.

        What the WebSocket or the control loop has just brought is not asked again. For ``hold_off`` seconds after a
        failure of the link the last error is raised again at once. While the DTU is out of memory for a moment, the
        last values stay.
        """
        report = Report()
        wanted = self._readable(refs, report)
        needs = {self._need(unit, point) for unit, point in wanted.values()} - {(Source.OWN, "")}
        if needs:
            await self._feed.check()
        failures = await self._bring_all(sorted(needs, key=lambda need: (list(Source).index(need[0]), need[1])))
        now, wall = self._clock(), self._wall()
        for ref, (unit, point) in wanted.items():
            if failure := failures.get(self._need(unit, point)):
                report.failed[ref] = failure
                continue
            try:
                report.readings[ref] = self._values.reading(unit, point, now, wall)
            except SolarError as err:
                report.failed[ref] = err
        report.happenings += self._happenings(needs, now)
        if (Source.LIVE, "") in needs and not failures:
            with suppress(SolarError):
                await self._feed.ask_unknown()
        self._look_at_troubles(now)
        await self._renew()
        return report

    async def _bring_all(self, needs: Sequence[_Need]) -> dict[_Need, SolarError]:
        """Ask for all of them; what costs everything is raised unless something has come before it."""
        failures: dict[_Need, SolarError] = {}
        for place, need in enumerate(needs):
            try:
                await self._bring(need)
            except _FATAL as err:
                if place == 0 or isinstance(err, AuthError | WrongDeviceError):
                    raise
                failures |= dict.fromkeys(needs[place:], err)
                break
            except SolarError as err:
                failures[need] = err
        return failures

    async def _bring(self, need: _Need) -> None:
        source, serial = need
        match source:
            case Source.LIVE:
                await self._bring_live()
            case Source.LIMIT if self._loop.recent(self._state.limits_at):
                pass
            case Source.EVENTS if not self._feed.wants_log(serial):
                pass
            case Source.DEVICE if serial in self._state.devices:
                pass
            case Source.GRID_PROFILE if self._state.profiles.get(serial):
                pass
            case Source.LIST:
                # Whether commands are sent depends on the time of day as well.
                await self._feed.bring(source)
                await self._feed.quietly(Source.CLOCK)
            case _:
                await self._feed.bring(source, serial)

    async def _bring_live(self) -> None:
        if self._socket is not None and not self._commands.firmware.before(ONE_PER_MESSAGE):
            self._socket.want()
        if not self._live_is_known():
            await self._feed.live()

    def _live_is_known(self) -> bool:
        """Whether live data have just come, or this firmware does not stand being asked again so soon."""
        listed = self._state.listed_at
        if listed is None:
            return False
        known_for = self._clock() - listed
        spared = self._commands.firmware.delicate and known_for < 0.8 * self._exchange.timing.between_delicate
        return spared or self._loop.recent(listed) or (self._loop.listening and known_for < LISTED_EVERY)

    def _take_message(self, content: Json) -> None:
        self._feed.take_message(content)
        self._loop.tell()

    def _happenings(self, needs: set[_Need], now: float) -> list[Happening]:
        found: list[Happening] = []
        for unit in self.installation.units:
            log = self._state.logs.get(unit.serial)
            if unit.kind == INVERTER_KIND and log is not None and (Source.EVENTS, unit.serial) in needs:
                found += self._events.note(Ref(unit.id, INVERTER_EVENT), type_of(unit.serial).family, log, now)
        return found

    def _look_at_troubles(self, now: float) -> None:
        hints, state = self._state.hints, self._state
        self._show(DEFAULT_PASSWORD, bool(hints.get("default_password")), {"address": self._exchange.address})
        if not hints.get("time_sync"):
            self._clock_lost_at = None
        elif self._clock_lost_at is None:
            self._clock_lost_at = now
        lost = self._clock_lost_at is not None and now - self._clock_lost_at >= CLOCK_PATIENCE
        self._show(CLOCK_NOT_SET, lost, {"address": self._exchange.address})
        governed = [each.live.name or serial for serial, each in state.inverters.items() if state.governed(serial)]
        self._show(GOVERNED, bool(governed) and self._loop.followed, {"inverters": ", ".join(sorted(governed))})

    def _show(self, trouble: str, standing: bool, details: dict[str, str]) -> None:
        if standing:
            self._troubles[trouble] = details
        else:
            self._troubles.pop(trouble, None)

    # What changes

    def _signature(self) -> tuple[object, ...]:
        """What makes an installation another one."""
        state = self._state
        return (
            frozenset((serial, each.live.name, len(each.full.strings) if each.full else 0)
                      for serial, each in state.inverters.items()),
            frozenset(state.devices),
            state.system.get("git_hash"),
        )  # fmt: skip

    async def _renew(self) -> None:
        """Take note of new inverters, of new names, and of what an inverter has only told now."""
        if not self._known:
            self._known = self._signature()
        if self._installation is None or self._signature() == self._known:
            return
        for serial in self._state.inverters:
            if serial not in self._found.inverters and serial not in self._state.devices:
                with suppress(SolarError):
                    await self._feed.bring(Source.DEVICE, serial)
        found = replace(self._found, firmware=str(self._state.system.get("git_hash") or self._found.firmware))
        found.inverters = self._found.inverters | {
            serial: take_inverter(self._state, inverter, self._found.inverters.get(serial))
            for serial, inverter in self._state.inverters.items()
        }
        installation = renewed(self._installation, self._state, found)
        self._take(replace(installation, root=replace(installation.root, firmware=found.firmware)), found)
        self._known = self._signature()

    # Settings

    async def limits(self, ref: Ref) -> Limits:
        """What the setting accepts now: never below what the inverter stands (reference section 4.2)."""
        unit, point = self._resolve(ref)
        return self._writer.limits(unit.serial, point)

    async def write(self, ref: Ref, value: Value, *, permanent: bool = False, confirmed: bool = False) -> Reading:
        """Send a command and wait until the inverter has confirmed it. See ``client.Client.write`` for what is raised.

        ``permanent`` makes the inverter keep a limit in %, which must be ``confirmed`` and is possible once an hour
        (``TooSoonError``). ``NotConfirmedYetError`` means that the DTU keeps trying; ``CommandsOffError`` and
        ``ClockNotSetError`` that it would not send the command at all.
        """
        unit, point = self._resolve(ref)
        if not point.writable or not point.measured:
            raise NotWritableError(point=point.name)
        if permanent and point.key == LIMIT_RELATIVE:
            await self._writer.set_persistent_limit(unit, point, value, confirmed=confirmed)
        elif permanent:
            raise NotWritableError(point=point.name)
        else:
            await self._writer.write(unit, point, value)
        return self._values.reading(unit, point, self._clock(), self._wall())

    # Live: see ``live.LimitClient``

    def follow_inverters(self, take: Callable[[GatewayPicture], None]) -> Unfollow:
        """Call ``take`` with every new picture; see ``live.LimitClient``."""
        return self._loop.follow(take)

    def request_limit(self, serial: str, percent: float) -> int:
        """Set a limit in % that the inverter does not keep; see ``live.LimitClient``.

        From 0 to 100 in tenths: how low is wise is for the controller to know. ``NotWritableError`` without a password,
        ``RuntimeError`` without a follower.
        """
        _, point = self._inverter(serial, LIMIT_RELATIVE)
        if not self._loop.followed:
            raise RuntimeError("request_limit() needs a follower")
        return self._loop.request(serial, round(check_number(point, percent, Limits(0.0, 100.0)), 1))

    def _inverter(self, serial: str, key: str) -> tuple[Unit, DtuPoint]:
        unit = self.installation.unit(serial)
        if unit is None or unit.kind != INVERTER_KIND:
            raise UnknownPointError(point=key, unit=serial)
        point = points_of(INVERTER_KIND)[key]
        if not self._exchange.password:
            raise NotWritableError(point=point.name)
        return unit, point

    async def set_power(self, serial: str, on: bool) -> None:
        """Switch an inverter on or off and wait for its confirmation; see ``live.LimitClient``."""
        await self._writer.write(*self._inverter(serial, SWITCH), on)

    async def restart_inverter(self, serial: str) -> None:
        """Restart an inverter; see ``live.LimitClient``."""
        await self._writer.write(*self._inverter(serial, RESTART), True)

    async def set_persistent_limit(self, serial: str, percent: float, *, confirmed: bool = False) -> None:
        """Set the limit that an inverter keeps in its flash; see ``live.LimitClient``."""
        unit, point = self._inverter(serial, LIMIT_RELATIVE)
        await self._writer.set_persistent_limit(unit, point, percent, confirmed=confirmed)

    async def close(self) -> None:
        """End the loop and the WebSocket and close the link."""
        await self._loop.close()
        if self._socket is not None:
            await self._socket.close()
        await self._exchange.close()
