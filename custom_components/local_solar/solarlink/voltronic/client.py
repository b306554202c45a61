"""The client of a Voltronic-made inverter and its parallel group: what is there, its values, its settings."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, override

from ..client import Happening, Installation, Progress, Report, Unit
from ..client_base import ClientBase
from ..errors import (
    BadAnswerError,
    DeviceAbsentError,
    DeviceRefusedError,
    LinkError,
    NoAnswerError,
    NotSupportedError,
    SolarError,
    WrongDeviceError,
)
from ..journal import Journal
from ..links.stats import LinkStats
from ..links.turns import Priority
from ..links.wire import Wire
from ..plan import SLOW
from ..points import Access as Allowed, Limits, Reading, Ref, Value
from ..trace import Trace
from . import points_manager
from .access import Access, now
from .alarms import Severity
from .blocks import MEMBER, ROOT, Block, VoltronicPoint
from .codec import Checksum
from .commands import check_command
from .derive import Derivation
from .exchange import DEVICE, Exchange, Request, Timing
from .facts import Facts
from .fields import Fields
from .identify import Identification, read_serial
from .points import points_of
from .queries import PER_UNIT, SETTINGS
from .warnings import level_of, severities
from .writer import Writer

_ORDER = {block: place for place, block in enumerate(Block)}
_CLOCK_KEYS = ("device_clock", "clock_drift", "set_clock")
OWN = -1
"""Number under which the unit's own part in the group is kept."""


class VoltronicClient(ClientBase[VoltronicPoint]):
    """One inverter on a line, and the others of its group that it tells of. Implements ``client.Client``."""

    device = DEVICE

    def __init__(
        self,
        wire: Wire,
        *,
        journal: Journal,
        settings: Mapping[str, Any] | None = None,
        timing: Timing | None = None,
        form: Checksum = Checksum.VENDOR,
        wall_clock: Callable[[], datetime] = now,
    ) -> None:
        """Take the wire; nothing is sent before the first use.

        ``settings``: ``gap_ms`` between a reply and the next request (0 to 1000, default 100), ``priority_map``
        (``auto``, ``standard``, ``shifted``), ``pi18_energy_unit`` (``wh``, ``kwh``). ``form`` is the checksum that is
        tried first of a command where two are possible.
        """
        chosen = settings or {}
        super().__init__(journal=journal, stats=LinkStats(), trace=Trace())
        timing = timing or Timing()
        if "gap_ms" in chosen:
            timing = replace(timing, gap=float(chosen["gap_ms"]) / 1000.0)
        self._exchange = Exchange(wire, timing=timing, stats=self.stats, trace=self.trace)
        self._exchange.check_peer = self._check_peer
        self._access = Access(self._exchange, chosen, wall_clock)
        self._access.facts = Facts(checksum=form.value)
        self._writer = Writer(self._access, journal, timing)
        self._where: dict[tuple[str, str], Block] = {}
        self._derivation: Derivation | None = None
        self._alarms: dict[str, Severity] | None = None
        self._changed = False
        self._settings_read_at = -SLOW
        self._settings_due = False

    # What is there

    @property
    @override
    def installation(self) -> Installation:
        """See ``ClientBase``; with what has been learned since."""
        return replace(super().installation, facts=self._access.facts.as_dict())

    @property
    def connected(self) -> bool:
        """Whether the line is open."""
        return self._exchange.connected

    async def connect(self, timeout: float) -> None:
        """Wait until the line is open; raises ``LinkError``."""
        await self._exchange.open(timeout)

    def expect(self, installation: Installation) -> None:
        """Take an installation as known; the unit's serial number is checked on every new connection."""
        facts = Facts.from_dict(installation.facts)
        if facts is None:
            # Found out by another version of this library: the next ``identify`` finds out again.
            return
        self._access.facts = facts
        self._take(installation)

    def _take(self, installation: Installation) -> None:
        self._installation = installation
        facts = self._access.facts
        blocks = {Block(name): frozenset(fields) for name, fields in facts.blocks.items()}
        self._derivation = Derivation(self._access.dialect, blocks)
        self._where = _places(ROOT, facts.blocks) | _places(MEMBER, facts.member_blocks)
        self._tables = {kind: self._table(kind) for kind in (ROOT, MEMBER)}

    def _table(self, kind: str) -> dict[str, VoltronicPoint]:
        """The points that this unit has: what it tells, what is made of that, and what it lets be set."""
        assert self._derivation is not None
        table: dict[str, VoltronicPoint] = {}
        for key, point in points_of(kind).items():
            told = (kind, key) in self._where or (kind == ROOT and key in self._derivation)
            if point.measured and told:
                table[key] = self._writer.as_offered(point)
        # The charge manager works by the float voltage: where that cannot be set, it is not offered.
        managed = "float_voltage" in table and table["float_voltage"].writable
        for key, point in points_of(kind).items():
            summed = point.integral is not None and point.integral.source in table
            if summed or (managed and point.controller == points_manager.CONTROLLER):
                table[key] = point
        return {key: table[key] for key in points_of(kind) if key in table}

    async def _check_peer(self) -> None:
        """Check on a new connection, with the line in hand, that it is still the unit that we know."""
        facts = self._access.facts
        if self._installation is None or not facts.serial_word or not facts.serial:
            return
        request = Request(facts.serial_word)
        try:
            found = await self._exchange.ask_now(request, read_serial(facts.serial_word))
        except NoAnswerError, BadAnswerError:
            # After a long rest the first request may be lost (reference section 2.3).
            found = await self._exchange.ask_now(request, read_serial(facts.serial_word))
        if found != facts.serial:
            self._exchange.disown_peer()
            raise WrongDeviceError(expected=facts.serial, found=found, address=self._exchange.address)

    async def identify(self, progress: Progress | None = None) -> Installation:
        """Find out what is there (reference section 5); of a unit that is known, only whether it still is the same.

        Raises ``LinkError``, ``NoAnswerError``, ``BadAnswerError``, ``UnsupportedDialectError``,
        ``WrongDeviceError`` and ``DeviceRefusedError``.
        """
        try:
            if not await self._still_the_same():
                identification = Identification(self._access, self._port, progress)
                self._take(await identification.run())
        finally:
            self._look_for_troubles()
        return self.installation

    @property
    def _port(self) -> str:
        """Where the unit is plugged in, for one that has no serial number of its own."""
        told = getattr(self._exchange.wire, "port", "")
        return str(told or self._exchange.address)

    async def _still_the_same(self) -> bool:
        """Whether the unit that we expect answers, with the firmware that we know."""
        if self._installation is None:
            return False
        facts = self._access.facts
        if not facts.serial_word:
            return False
        try:
            if facts.has(Block.FIRMWARE):
                return (await self._access.fetch(Block.FIRMWARE)).get("firmware") == facts.firmware
            await self._exchange.ask(Request(facts.serial_word), read_serial(facts.serial_word))
        except DeviceRefusedError, BadAnswerError:
            return False
        return True

    @override
    def points(self, unit: Unit) -> Mapping[str, VoltronicPoint]:
        # All members of a group have the same.
        return self._tables.get(unit.kind, {})

    @override
    def _is_read(self, point: VoltronicPoint) -> bool:
        return point.measured and point.access is not Allowed.PRESS

    # Reading

    def _blocks(self, unit: Unit, point: VoltronicPoint) -> tuple[Block, ...]:
        """The blocks that a point is made of, its own first."""
        if unit.kind == ROOT and self._derivation is not None and point.key in self._derivation:
            return self._derivation.blocks(point.key)
        return (self._where[unit.kind, point.key],)

    def group(self, ref: Ref) -> Hashable:
        """The request that brings ``ref``: one for each block, for each unit of the group."""
        unit, point = self._resolve(ref)
        if not point.measured:
            return ref
        return unit.id, self._blocks(unit, point)[0].value

    async def read(self, refs: Sequence[Ref]) -> Report:
        """Read points with one request for each block. See ``client.Client.read``.

        What one block costs, no other pays: only a lost link, or two silent blocks in a row, end the read.
        """
        report = Report()
        wanted = self._readable(refs, report)
        outcomes, lost = await self._fetch_all(list(wanted.values()))
        for ref, (unit, point) in wanted.items():
            error = next(
                (
                    outcome
                    for block in self._blocks(unit, point)
                    if isinstance(outcome := outcomes[unit.id, block], SolarError)
                ),
                None,
            )
            if error is not None:
                report.failed[ref] = error
            else:
                report.readings[ref] = self._reading(unit, point)
        if (self.installation.root.id, Block.WARNINGS) in outcomes:
            self._note_alarms(report, outcomes[self.installation.root.id, Block.WARNINGS])
        await self._follow_changes(report, outcomes)
        self._look_for_troubles()
        if lost is not None and not report.readings:
            raise lost
        return report

    async def _fetch_all(
        self, wanted: Sequence[tuple[Unit, VoltronicPoint]]
    ) -> tuple[dict[tuple[str, Block], Fields | SolarError], SolarError | None]:
        units = {unit.id: unit for unit, _ in wanted}
        needed = {(unit.id, block) for unit, point in wanted for block in self._blocks(unit, point)}
        outcomes: dict[tuple[str, Block], Fields | SolarError] = {}
        lost: SolarError | None = None
        silent = 0
        for unit_id, block in sorted(needed, key=lambda each: (_ORDER[each[1]], each[0])):
            if lost is not None:
                outcomes[unit_id, block] = lost
                continue
            try:
                outcomes[unit_id, block] = await self._fetch(units[unit_id], block)
                silent = 0
            except SolarError as err:
                outcomes[unit_id, block] = err
                silent += isinstance(err, NoAnswerError | BadAnswerError)
                if isinstance(err, LinkError | WrongDeviceError) or silent > 1 or len(needed) == 1:
                    lost = err
        return outcomes, lost

    async def _fetch(self, unit: Unit, block: Block) -> Fields:
        try:
            if unit.kind == ROOT:
                own = block in PER_UNIT
                return await self._access.fetch(block, unit.address if own else 0, own_index=own)
            fields = await self._access.fetch(block, unit.address)
        except NotSupportedError as err:
            # It has answered this before, so it is no lack of support but a refusal for now.
            raise DeviceRefusedError(device=DEVICE, code=str(err.code), reason=f"{block.value} was refused") from err
        serial = fields.get("member_serial")
        if (serial is not None and serial != unit.serial) or fields.get("member_present") is False:
            raise DeviceAbsentError(device=unit.name, code=str(serial), reason="it has left the parallel group")
        return fields

    def _reading(self, unit: Unit, point: VoltronicPoint) -> Reading:
        return Reading(self._value(unit, point), time.monotonic())

    def _value(self, unit: Unit, point: VoltronicPoint) -> Value:
        latest = self._access.latest
        if unit.kind == MEMBER:
            return latest.get((unit.address, self._where[MEMBER, point.key]), {}).get(point.key)
        if self._derivation is not None and point.key in self._derivation:
            replies = {block: fields for (index, block), fields in latest.items() if index == 0}
            return self._derivation.value(point.key, replies)
        block = self._where[ROOT, point.key]
        fields = latest.get((OWN if block in PER_UNIT else 0, block), {})
        if point.key == "device_clock":
            told = fields.get("wall_clock")
            return told.astimezone() if isinstance(told, datetime) else None
        if point.key == "clock_drift":
            known = isinstance(fields.get("wall_clock"), datetime)
            return round(self._access.clock_ahead.total_seconds()) if known else None
        return fields.get(point.key)

    def _note_alarms(self, report: Report, fields: Fields | SolarError) -> None:
        """Tell which alarms have come and gone since the last warning word."""
        if isinstance(fields, SolarError):
            return
        active = severities(fields)
        if self._alarms is not None:
            ref = Ref(self.installation.root.id, "alarm")
            for slug in sorted(active.keys() ^ self._alarms.keys()):
                severity = active.get(slug) or self._alarms.get(slug) or level_of(slug)
                details: dict[str, str | int | float | bool] = {
                    "active": slug in active,
                    "severity": severity.value,
                }
                report.happenings.append(Happening(ref, slug, details))
        self._alarms = active

    async def _follow_changes(self, report: Report, outcomes: Mapping[tuple[str, Block], Fields | SolarError]) -> None:
        """Read the settings again when the unit says that somebody has changed them (reference section 6.1).

        On some units the bit stays set for ever, so it counts at once only when it has just been set.
        """
        status = outcomes.get((self.installation.root.id, Block.STATUS))
        if status is None or isinstance(status, SolarError):
            return
        changed, before = bool(status.get("configuration_changed")), self._changed
        self._changed = changed
        old = time.monotonic() - self._settings_read_at >= SLOW
        if not (self._settings_due or (changed and (not before or old))):
            return
        self._settings_read_at, self._settings_due = time.monotonic(), False
        root = self.installation.root
        for block in sorted(SETTINGS, key=_ORDER.__getitem__):
            if not self._access.facts.has(block):
                continue
            try:
                if (root.id, block) not in outcomes:
                    await self._fetch(root, block)
            except SolarError as err:
                # The next slow read brings it.
                self.stats.last_error = str(err)
                return
            for key, point in self._tables[ROOT].items():
                if point.measured and self._where.get((ROOT, key)) is block:
                    report.readings[Ref(root.id, key)] = self._reading(root, point)

    # Settings

    async def limits(self, ref: Ref) -> Limits:
        """What a setting accepts now: the unit's own lists, the range of its series, and the order of voltages."""
        _, point = self._resolve(ref)
        ratings = self._access.latest.get((0, Block.RATINGS))
        if ratings is None and point.address.block is Block.RATINGS and self._access.facts.has(Block.RATINGS):
            ratings = await self._access.fetch(Block.RATINGS)
        block = self._where.get((ROOT, point.key))
        current = self._access.latest.get((0, block), {}).get(point.key) if block is not None else None
        return self._writer.limits(point, ratings or {}, current)

    async def write(self, ref: Ref, value: Value, *, permanent: bool = False, confirmed: bool = False) -> Reading:
        """Set a point. See ``client.Client.write``.

        Every setting of these units is permanent; ``permanent`` has even that written which is already so.
        """
        unit, point = self._resolve(ref)
        block = self._where.get((unit.kind, point.key))
        try:
            reading = await self._writer.write(unit, point, block, value, confirmed=confirmed, permanent=permanent)
        finally:
            facts = self._access.facts
            if point.key in facts.refused and self._tables[ROOT][point.key].writable:
                self._tables = {kind: self._table(kind) for kind in (ROOT, MEMBER)}
            self._look_for_troubles()
        # One setting may take others along, a battery type its voltages.
        self._settings_due = True
        return reading

    async def command(self, text: str, *, confirmed: bool = False) -> str:
        """Send a command in the unit's own words. See ``client.CommandClient.command``.

        Queries are sent as they are; everything else needs ``confirmed``. A refusal is an answer too: it is returned
        as ``NAK`` or ``^0``. Raises ``ValueKindError`` for what is no command at all.
        """
        query = check_command(text, confirmed=confirmed)
        request = Request(text, sum_in_reply=True, slow=True)
        try:
            frame = await self._exchange.ask(
                request, lambda frame: frame, Priority.PERSON, retries=None if query else 0, known=False
            )
        except NotSupportedError as err:
            return str(err.code)
        finally:
            if not query:
                self._settings_due = True
        return frame.text

    # Troubles

    def _look_for_troubles(self) -> None:
        exchange = self._exchange
        troubles: dict[str, Mapping[str, str]] = {}
        address = {"address": exchange.address}
        if exchange.refusals >= exchange.REFUSALS_UNTIL_TROUBLE:
            troubles["inverter_refuses_everything"] = address
        if exchange.failures >= exchange.FAILURES_UNTIL_TROUBLE:
            troubles["inverter_does_not_answer"] = address
        if exchange.other_program:
            troubles["another_program_on_port"] = address
        if refused := self._access.facts.refused:
            names = ", ".join(points_of(ROOT)[key].name for key in refused)
            troubles["settings_not_accepted"] = {"settings": names}
        if (count := self._writer.writes_today) > self._writer.MANY_WRITES:
            troubles["many_setting_writes"] = {"count": str(count)}
        self.troubles = troubles

    async def close(self) -> None:
        """Close the line."""
        await self._exchange.close()


def _places(kind: str, blocks: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], Block]:
    """Where each point of a kind is found: in its usual block, or in another one that brings the same field."""
    brings = {Block(name): set(fields) for name, fields in blocks.items()}
    for fields in brings.values():
        if "wall_clock" in fields:
            fields.update(_CLOCK_KEYS)
    places = {}
    for key, point in points_of(kind).items():
        for block in sorted(brings, key=lambda each: (each is not point.address.block, _ORDER[each])):
            if point.measured and key in brings[block]:
                places[kind, key] = block
                break
    return places
