"""What a client does by the way, at the end of a read: messages, restarts, stopped units, and who is there.

Messages are asked for when the gateway says that one is unread, and once after each start. Everything else comes one
small question at a time, minutes apart, so that it costs nothing.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import cycle

from ..client import Happening, Unit
from ..errors import (
    DeviceAbsentError,
    DeviceBusyError,
    DeviceRefusedError,
    LinkError,
    NoAnswerError,
    SolarError,
    WriteUncertainError,
)
from ..journal import Entry
from ..links.turns import Priority
from ..points import Ref
from ..trace import Direction, Trace
from .codec import Code, InfoItem
from .identify import Finder
from .messages import HALTED, MOST, STARTED, XTENDER_STARTED, LogMessage, fetch
from .points_gateway import MESSAGES
from .settings import Settings, same
from .site import REAPPLY_RAM, Site
from .units import KINDS, XTENDER
from .watchdogs import Watchdogs
from .writing import Writer

UNREAD, RESTARTED = 0x01, 0x02
"""Bits of the frame flags (reference section 3): a message is unread, the module has restarted."""
TROUBLE = "unit_halted"
ABSENT_LOOKS = 3
"""Looks in a row that must not find a unit before it is taken for gone."""
REAPPLY_FOR = 600.0
"""Seconds for which a unit that has restarted is given the chance to take its settings back."""


class Upkeep:
    """Keeps the knowledge of one installation up to date."""

    def __init__(
        self,
        site: Site,
        settings: Settings,
        writer: Writer,
        watchdogs: Watchdogs,
        finder: Finder,
        identify: Callable[[], Awaitable[object]],
        trace: Trace,
    ) -> None:
        """``identify`` finds out anew what is there."""
        self._site = site
        self._settings = settings
        self._writer = writer
        self._watchdogs = watchdogs
        self._finder = finder
        self._identify = identify
        self._trace = trace
        self._happenings: deque[Happening] = deque(maxlen=200)
        self._looked_for_messages = False
        self._resumed = False
        self._next_patrol = time.monotonic() + site.exchange.timing.patrol
        self._next_glance = 0.0
        self._rounds = cycle((self._check_serials, self._look_for_newcomer, self._check_watchdogs))
        self._absences: dict[str, int] = {}
        self._newcomers = 0
        self._watched = 0
        self._reapply: dict[Ref, tuple[Entry, float]] = {}

    def take_happenings(self) -> list[Happening]:
        """What has happened since the last call, oldest first."""
        taken = list(self._happenings)
        self._happenings.clear()
        return taken

    async def look_after(self, *, messages_wanted: bool, silent: bool) -> None:
        """Do what is due. Nothing is raised: what fails is tried again after the next read.

        ``silent`` says that nothing was asked just now, so that the gateway could not say that a message is unread.
        """
        try:
            unread = self._site.exchange.flags & UNREAD
            edge = self._restart_edge()
            if unread or edge or (messages_wanted and (silent or not self._looked_for_messages)):
                await self.check_messages(restarted=edge)
            if not self._resumed:
                self._resumed = True
                self._watchdogs.resume()
                self._watchdogs.tell()
                self._tell_halted()
            await self._put_back()
            now = time.monotonic()
            if self._halted and now >= self._next_glance:
                self._next_glance = now + self._site.exchange.timing.glance
                await self._check_halted()
            if now >= self._next_patrol:
                self._next_patrol = now + self._site.exchange.timing.patrol
                await next(self._rounds)()
        except (LinkError, NoAnswerError) as err:
            self._trace.add(Direction.NOTE, note=f"not looked after: {err}")
        except SolarError as err:
            self._trace.add(Direction.NOTE, note=f"not understood: {err}")

    # Messages

    async def check_messages(self, *, restarted: bool = False) -> None:
        """Fetch what is new and take note of it; raises the errors of ``Exchange.ask``."""
        known = self._site.facts.get("last_message")
        # Without any earlier knowledge the newest message is where history begins, and nothing is news.
        found = await fetch(self._site.exchange, MOST if known is not None else 1, known)
        self._looked_for_messages = True
        self.take(found, restarted=restarted)

    def take(self, found: Iterable[LogMessage], *, restarted: bool = False) -> None:
        """Take note of messages, newest first, as far as they are new."""
        known = self._site.facts.get("last_message")
        fresh: list[LogMessage] = []
        for message in found:
            if known is not None and message.identity == list(known):
                break
            fresh.append(message)
        if known is None or fresh:
            self._site.note(last_message=fresh[0].identity if fresh else [])
        if known is None:
            fresh = []
        started: set[int] = set()
        for message in reversed(fresh):
            self._happenings.append(self._happening(message))
            if message.kind == HALTED:
                self._site.note(halted={**self._halted, str(message.source): message.identity})
                self._next_glance = time.monotonic() + self._site.exchange.timing.glance
            if message.number in STARTED:
                started |= self._started(message)
        if restarted and not started:
            # Something has restarted, and nobody says what.
            started = {unit.address for unit in self._site.units}
        for unit in self._site.units:
            if unit.address in started:
                self._has_restarted(unit)
        self._tell_halted()

    def _started(self, message: LogMessage) -> set[int]:
        units = {unit.address for unit in self._site.units}
        if message.source in units:
            return {message.source}
        if message.number == XTENDER_STARTED:
            return {unit.address for unit in self._site.units if unit.kind == XTENDER.key}
        return units

    def _happening(self, message: LogMessage) -> Happening:
        return Happening(
            Ref(self._site.installation.root.id, MESSAGES),
            message.kind,
            {
                "number": message.number,
                "text": message.text,
                "unit": self.name_of(message.source),
                "time": message.time.isoformat(),
            },
        )

    def name_of(self, address: int) -> str:
        """How people call the sender of a message."""
        unit = self._site.unit_at(address)
        return unit.name if unit else f"Studer device {address}"

    # Units that have stopped

    @property
    def _halted(self) -> Mapping[str, list[int]]:
        halted: Mapping[str, list[int]] = self._site.facts.get("halted", {})
        return halted

    def _tell_halted(self) -> None:
        self._site.troubles.pop(TROUBLE, None)
        if self._halted:
            said = [LogMessage(*identity) for identity in self._halted.values()]
            lines = [f"{self.name_of(each.source)}: {each.text} ({each.time:%Y-%m-%d %H:%M})" for each in said]
            self._site.troubles[TROUBLE] = {"messages": "; ".join(lines)}

    async def _check_halted(self) -> None:
        """A message does not say when it is over: it is when the unit works again.

        What the gateway, the battery or an unknown sender reports is over when all Xtenders work.
        """
        still = {}
        for source, identity in self._halted.items():
            unit = self._site.unit_at(int(source))
            told = [unit] if unit is not None and KINDS.get(unit.kind, XTENDER).running else []
            units = told or [each for each in self._site.units if each.kind == XTENDER.key]
            if not all([await self._works(each) for each in units]):
                still[source] = identity
        self._site.note(halted=still)
        self._tell_halted()

    async def _works(self, unit: Unit) -> bool:
        kind = KINDS[unit.kind]
        wanted = dict.fromkeys(kind.running, 1.0) | dict.fromkeys(kind.faultless, 0.0)
        items = {InfoItem(number, unit.address - kind.base): value for number, value in wanted.items()}
        outcomes = await self._site.infos.read(list(items))
        return all(outcomes[item] == value for item, value in items.items())

    # Restarts

    def _restart_edge(self) -> bool:
        """Whether the gateway's restart bit has risen since we last looked, also before this client began."""
        risen = bool(self._site.exchange.flags & RESTARTED)
        before = self._site.facts.get("restart_flag")
        self._site.note(restart_flag=risen)
        return risen and before is False

    def _has_restarted(self, unit: Unit) -> None:
        values = self._site.journal.ram_values(unit.serial)
        lost = {Ref(unit.id, key): Entry(ram_value=e.ram_value, stored=e.stored) for key, e in values.items()}
        self._site.journal.forget_ram(unit.serial)
        self._settings.forget(unit.id)
        self._watchdogs.restarted(unit)
        if self._site.options.get(REAPPLY_RAM):
            until = time.monotonic() + REAPPLY_FOR
            self._reapply |= {ref: (entry, until) for ref, entry in lost.items()}

    async def _put_back(self) -> None:
        """Give units that have restarted what their RAM held, where flash is still what it was then."""
        for ref, (entry, until) in list(self._reapply.items()):
            if time.monotonic() > until:
                del self._reapply[ref]
                continue
            try:
                unit, point = self._site.resolve(ref)
                stored = (await self._settings.read(ref, Priority.CONTROL)).stored
                raw = entry.ram_value
                if isinstance(raw, int | float) and stored == entry.stored and not same(point, stored, raw):
                    await self._writer.write_ram(ref, unit, point, raw, Priority.CONTROL)
            except SolarError as err:
                if _may_pass(err):
                    # It is still starting. Repeating is harmless: it is the same value again.
                    continue
                self._trace.add(Direction.NOTE, note=f"{ref.unit} {ref.key} not put back: {err}")
            self._reapply.pop(ref, None)

    # Who is there

    async def _check_serials(self) -> None:
        """Whether everybody is who he was: a replaced or reordered unit takes its own history along."""
        places = {
            unit: [InfoItem(number, unit.address - KINDS[unit.kind].base) for number in _fid(unit)]
            for unit in self._site.units
        }
        outcomes = await self._site.infos.read([item for items in places.values() for item in items])
        for unit, items in places.items():
            high, low = (outcomes[item] for item in items)
            if isinstance(high, int | float) and isinstance(low, int | float):
                self._absences.pop(unit.serial, None)
                if self._finder.serial(unit, high, low) != unit.serial:
                    await self._identify()
                    return
            elif not await self._finder.present(KINDS[unit.kind], unit.address):
                self._absences[unit.serial] = self._absences.get(unit.serial, 0) + 1
        if any(times >= ABSENT_LOOKS for times in self._absences.values()):
            self._absences.clear()
            await self._identify()

    async def _look_for_newcomer(self) -> None:
        """Probe one address at which the next unit would appear."""
        places = self._finder.vacancies()
        if not places:
            return
        kind, address = places[self._newcomers % len(places)]
        self._newcomers += 1
        if await self._finder.present(kind, address):
            await self._identify()

    async def _check_watchdogs(self) -> None:
        """Ask one unit whether its watchdog was switched on or off."""
        units = self._site.units
        if units:
            await self._watchdogs.look_at(units[self._watched % len(units)])
            self._watched += 1


def _fid(unit: Unit) -> tuple[int, int]:
    kind = KINDS[unit.kind]
    return kind.fid_high, kind.fid_low


def _may_pass(error: SolarError) -> bool:
    """Whether a unit that is starting may answer otherwise in a moment."""
    if isinstance(error, DeviceRefusedError):
        return isinstance(error, DeviceAbsentError | DeviceBusyError) or error.code == Code.RESPONSE_TIMEOUT
    return isinstance(error, LinkError | NoAnswerError | WriteUncertainError)
