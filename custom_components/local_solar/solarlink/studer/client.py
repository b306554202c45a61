"""The client of a Studer installation: what is there, its values, its settings, and what people do with them."""

import time
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any, ClassVar

from ..client import Installation, Progress, Report, Unit
from ..errors import NotSupportedError, SolarError, UnknownPointError, WriteUncertainError
from ..journal import Journal
from ..links.stats import LinkStats
from ..links.turns import Priority
from ..links.wire import Wire
from ..points import Access, Limits, Quantity, Reading, Ref, Value
from ..trace import Trace
from . import catalogue
from .address import StuderPoint
from .backup import Backup, Difference, as_text
from .catalogue import Entry
from .codec import (
    GATEWAY,
    Format,
    InfoItem,
    ObjectType,
    Property,
    decode_value,
    encode_value,
    read_request,
    write_request,
)
from .datalog import Datalog, PointHour, point_hours
from .datalog_table import hourly
from .exchange import Exchange, Timing
from .identify import Finder
from .infos import Outcome, is_silence
from .messages import LogMessage, fetch
from .points_upload import PAUSE as UPLOAD_PAUSE
from .settings import Settings
from .site import Site
from .traffic import Traffic
from .upkeep import Upkeep
from .values import parse, to_value, wall_clock, wall_seconds
from .watchdogs import Watchdogs
from .writing import Writer

CLOCK = 5002
"""Parameter of the gateway that holds the clock of the installation."""
MOST_MESSAGES = 128
"""Messages that can be read at once."""

_INFOS, _NOTHING = "infos", "nothing"


class StuderClient:
    """One gateway (Xcom-LAN, Xcom-232i) and the units behind it. Implements ``client.Client``."""

    exchange_type: ClassVar[type[Exchange]] = Exchange
    """What carries the questions."""
    shares_line: ClassVar[bool] = True
    """Whether the portal may use the same line, so that a nightly pause makes sense."""

    def __init__(
        self,
        wire: Wire,
        *,
        journal: Journal,
        timing: Timing | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Take the wire; nothing is sent before the first use. ``settings`` are the owner's options by name."""
        self.stats = LinkStats()
        self.trace = Trace()
        self.journal = journal
        self._exchange = self.exchange_type(wire, timing=timing or Timing(), stats=self.stats, trace=self.trace)
        self._site = Site(self._exchange, journal, settings or {})
        self.troubles: Mapping[str, Mapping[str, str]] = self._site.troubles
        """What the owner should look at: units that have stopped, watchdogs that stand in the way of settings."""
        self._finder = Finder(self._site)
        self._exchange.check_peer = self._finder.check_peer
        self._settings = Settings(self._site)
        self._watchdogs = Watchdogs(self._site, self._settings, self.trace)
        self._writer = Writer(self._site, self._settings, self._watchdogs)
        self._upkeep = Upkeep(
            self._site, self._settings, self._writer, self._watchdogs, self._finder, self.identify, self.trace
        )
        self._backup = Backup(self._site, self._settings)
        self._datalog = Datalog(self._exchange)

    # What is there

    @property
    def installation(self) -> Installation:
        """The installation found by the last ``identify`` or given by ``expect``; another object when it changes."""
        return self._site.installation

    @property
    def connected(self) -> bool:
        """Whether the gateway is connected."""
        return self._exchange.connected

    async def connect(self, timeout: float) -> None:
        """Wait until the gateway is connected; raises ``LinkError``."""
        await self._exchange.open(timeout)

    def expect(self, installation: Installation) -> None:
        """Take an installation as known from an earlier ``identify``; its gateway is checked when it connects."""
        self._site.installation = installation
        self._finder.expect(installation)
        self._watchdogs.tell()

    async def identify(self, progress: Progress | None = None) -> Installation:
        """Find the gateway and all units, with model, versions and serial number (reference section 10).

        What an earlier look has learned besides (messages seen, stopped units) is kept for the same gateway. Raises
        ``LinkError``, ``NoAnswerError``, ``WrongDeviceError``, ``NoDeviceError``.
        """
        self._exchange.forget_source()
        found = await self._finder.find(progress)
        known = self._site.known
        kept = known.facts if known is not None and known.root.serial == found.root.serial else {}
        self._site.installation = Installation(found.root, found.units, {**kept, **found.facts})
        self._settings.forget()
        await self._watchdogs.look()
        # A gateway without messages has no news.
        with suppress(NotSupportedError):
            await self._upkeep.check_messages()
        return self._site.installation

    # Points

    def points(self, unit: Unit) -> Mapping[str, StuderPoint]:
        """The points of that unit by key: those of the table, and those that the owner has added."""
        points = self._site.points(unit)
        if self.shares_line:
            return points
        return {key: point for key, point in points.items() if point.controller != UPLOAD_PAUSE}

    def find(self, unit: Unit, name: str) -> StuderPoint:
        """The point that somebody calls by key or number, also from the catalogue; raises ``UnknownPointError``."""
        return self._site.find(unit, name)

    @staticmethod
    def catalogue(kind: str) -> list[Entry]:
        """Everything that units of that kind know, for a searchable list; takes some 20 ms."""
        return catalogue.catalogue(kind)

    # Reading

    def group(self, ref: Ref) -> Hashable:
        """All infos travel in one multi-info exchange, every setting in its own."""
        _, point = self._site.resolve(ref)
        if point.quantity is Quantity.EVENT or point.access is Access.PRESS:
            return _INFOS if self._site.infos.together else _NOTHING
        if self._site.infos.together and point.address.object_type is ObjectType.INFO:
            return _INFOS
        return ref.unit, point.address.number

    async def read(self, refs: Sequence[Ref]) -> Report:
        """Read points: all infos together, settings one by one. See ``client.Client.read``.

        An error of the link ends the read; it is raised when nothing was read, else it is in the report for what is
        missing. By the way the client looks after messages and units (``upkeep``).
        """
        report = Report()
        infos: dict[Ref, tuple[StuderPoint, tuple[InfoItem, ...]]] = {}
        settings: list[tuple[Ref, StuderPoint]] = []
        events = False
        for ref in refs:
            try:
                unit, point = self._site.resolve(ref)
            except UnknownPointError as err:
                report.failed[ref] = err
                continue
            if not point.measured:
                report.failed[ref] = NotSupportedError(device=unit.name, code=0, reason="it is not measured")
            elif point.quantity is Quantity.EVENT or point.access is Access.PRESS:
                events = events or point.quantity is Quantity.EVENT
                report.readings[ref] = Reading(None, time.monotonic())
            elif point.address.object_type is ObjectType.INFO:
                infos[ref] = point, self._site.items(unit, point)
            else:
                settings.append((ref, point))
        lost = await self._read_infos(infos, report)
        for ref, point in settings:
            if lost is not None:
                report.failed[ref] = lost
                continue
            try:
                report.readings[ref] = self._settings.reading(point, await self._settings.read(ref))
            except SolarError as err:
                report.failed[ref] = err
                lost = err if is_silence(err) else None
        if lost is not None:
            if not any(reading.value is not None for reading in report.readings.values()):
                raise lost
        elif self._site.known is not None and refs:
            await self._upkeep.look_after(messages_wanted=events, silent=not infos and not settings)
        report.happenings = self._upkeep.take_happenings()
        return report

    async def _read_infos(
        self, infos: Mapping[Ref, tuple[StuderPoint, tuple[InfoItem, ...]]], report: Report
    ) -> SolarError | None:
        """Read infos into ``report``; returns the silence that ended it, if so."""
        wanted = dict.fromkeys(item for _, items in infos.values() for item in items)
        outcomes = await self._site.infos.read(list(wanted))
        lost: SolarError | None = None
        for ref, (point, items) in infos.items():
            outcome = _sum([outcomes[item] for item in items])
            if isinstance(outcome, SolarError):
                report.failed[ref] = outcome
                lost = outcome if is_silence(outcome) else lost
            else:
                report.readings[ref] = Reading(to_value(point, outcome), time.monotonic())
        return lost

    # Settings

    async def limits(self, ref: Ref) -> Limits:
        """The device's own minimum and maximum (properties 6 and 7), narrowed by the order of settings.

        The device's limits are read once; where it does not tell them, those of the table hold, scaled to the battery
        and mains voltage of this system.
        """
        return await self._settings.limits(ref)

    async def write(self, ref: Ref, value: Value, *, permanent: bool = False, confirmed: bool = False) -> Reading:
        """Set a parameter, in RAM unless ``permanent``. See ``client.Client.write`` for what is raised.

        Besides: ``ManagedByBatteryError`` for what the Xcom-CAN has taken over, ``WatchdogArmedError`` where the write
        would start a watchdog, ``FlashWornError`` after 1000 permanent writes of one parameter.
        """
        return await self._writer.write(ref, value, permanent=permanent, confirmed=confirmed)

    async def read_any(self, unit: Unit, name: str) -> tuple[StuderPoint, Reading]:
        """Read whatever a unit knows, by key or number; returns what it is and its value.

        Raises ``UnknownPointError`` and the error for which it could not be read.
        """
        point = self.find(unit, name)
        ref = Ref(unit.id, point.key)
        report = await self.read([ref])
        if (error := report.failed.get(ref)) is not None:
            raise error
        return point, report.readings[ref]

    async def write_any(
        self, unit: Unit, name: str, value: Value, *, permanent: bool = False, confirmed: bool = False
    ) -> tuple[StuderPoint, Reading]:
        """Set whatever a unit lets be set, by key or number; ``value`` may be text ("on", "07:30", "2.5").

        Installer settings have to be confirmed like those that can cut the supply. Raises what ``write`` raises.
        """
        point = self.find(unit, name)
        self._writer.check_consent(point, confirmed=confirmed)
        ref = Ref(unit.id, point.key)
        reading = await self.write(ref, parse(point, value), permanent=permanent, confirmed=confirmed)
        return point, reading

    async def export_settings(self, progress: Progress | None = None) -> dict[str, Any]:
        """All settings of all units; ``backup.as_text`` makes a file of them. See ``Backup.export``."""
        return await self._backup.export(progress)

    @staticmethod
    def settings_text(document: Mapping[str, Any]) -> str:
        """An exported document as a text for people. See ``backup.as_text``."""
        return as_text(document)

    async def compare_settings(
        self, document: Mapping[str, Any], progress: Progress | None = None
    ) -> tuple[list[Difference], list[str]]:
        """What is different from an exported document, and which units are missing. See ``Backup.compare``."""
        return await self._backup.compare(document, progress)

    # Clock

    async def clock(self) -> datetime:
        """The wall clock of the installation, without time zone; raises the errors of ``read``."""
        request = read_request(GATEWAY, ObjectType.PARAMETER, CLOCK, Property.VALUE)
        answer = await self._exchange.ask(request, Priority.PERSON)
        return wall_clock(int(decode_value(Format.INT32, answer.data) or 0))

    async def glance(self) -> tuple[datetime, float]:
        """The clock of the installation and when it was read (monotonic), by one question that is not repeated.

        For a pause: the answer brings the status bits of the gateway with it (``traffic``), and silence is not taken
        for a broken connection. Raises the errors of ``read``.
        """
        request = read_request(GATEWAY, ObjectType.PARAMETER, CLOCK, Property.VALUE)
        answer = await self._exchange.ask(request, Priority.CONTROL, retries=0, suspect_link=False)
        return wall_clock(int(decode_value(Format.INT32, answer.data) or 0)), time.monotonic()

    async def set_clock(self, now: datetime, *, tolerance: float = 30.0) -> float:
        """Set the clock of the installation to ``now``, a wall clock time without time zone.

        Returns by how many seconds it was ahead. It is left alone when that is no more than ``tolerance``, because
        every step of the clock is one in the day counters as well. Raises ``WriteUncertainError`` when the clock does
        not show the new time afterwards.
        """
        started = time.monotonic()
        ahead = (await self.clock() - now).total_seconds()
        if abs(ahead) <= tolerance:
            return ahead
        wanted = wall_seconds(now) + round(time.monotonic() - started)
        request = write_request(GATEWAY, CLOCK, Property.UNSAVED_VALUE, encode_value(Format.INT32, wanted))
        # A clock that was set to the same time twice is right, so silence may be met with the same question.
        await self._exchange.ask(request, Priority.PERSON)
        left = (await self.clock() - now).total_seconds() - (time.monotonic() - started)
        if abs(left) > max(tolerance, 5.0):
            raise WriteUncertainError(device=self.installation.root.name, point="Clock")
        return ahead

    # Messages

    async def read_messages(self, count: int) -> list[dict[str, Any]]:
        """The newest messages of the system, newest first, at most 128: number, kind, text, unit and time.

        Those that are news are reported as happenings by the next ``read`` as well. Raises the errors of ``read``.
        """
        found = await fetch(self._exchange, max(1, min(count, MOST_MESSAGES)))
        self._upkeep.take(found)
        return [self._shown(message) for message in found]

    def _shown(self, message: LogMessage) -> dict[str, Any]:
        return {
            "number": message.number,
            "kind": message.kind,
            "text": message.text,
            "unit": self._upkeep.name_of(message.source),
            "time": message.time.isoformat(),
        }

    # Datalog

    async def datalog_days(self) -> list[date]:
        """The days whose datalog is on the gateway's card, oldest first. See ``Datalog``."""
        # Its answer tells whether the portal still has to fetch something.
        await self.clock()
        return await self._datalog.days()

    async def read_datalog(self, day: date) -> bytes:
        """The datalog of a day as the gateway keeps it, a table as text (``datalog_table.hourly`` reads it).

        Polling should be paused meanwhile. Raises ``ValueKindError`` for a day that is not over,
        ``DatalogWaitsError`` while the portal has not fetched the newest file, ``DeviceBusyError`` while it does,
        ``DeviceRefusedError`` for a day without a file, and the errors of ``read``.
        """
        return await self._datalog.read_day(day, (await self.clock()).date())

    def datalog_hours(self, content: bytes) -> list[PointHour]:
        """The hourly values of a datalog that belong to points of this installation; raises ``BadAnswerError``."""
        return point_hours(self._site, hourly(content))

    # Pause

    @property
    def traffic(self) -> Traffic:
        """What our end of the line shows: the status bits of the gateway, and the portal fetching files."""
        return self._exchange.traffic

    def pause_objection(self) -> SolarError | None:
        """Why the gateway must not be left alone for a while, if so."""
        return self._watchdogs.pause_objection()

    def check_pause(self) -> None:
        """Raise ``PauseRefusedError`` when a pause would make the gateway reset itself."""
        if (objection := self.pause_objection()) is not None:
            raise objection

    async def close(self) -> None:
        """Close the link and end every task of this client."""
        await self._watchdogs.close()
        await self._exchange.close()


def _sum(outcomes: Sequence[Outcome]) -> Outcome:
    """The sum of what a value is made of; an error or a missing part costs the whole."""
    total = 0.0
    for outcome in outcomes:
        if not isinstance(outcome, int | float):
            return outcome
        total += outcome
    return total if len(outcomes) > 1 else outcomes[0]
