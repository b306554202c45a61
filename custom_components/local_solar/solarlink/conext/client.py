"""The client of a Conext gateway: what is behind it, its values, its settings."""

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, override

from ..client import Installation, Progress, Report, Unit
from ..client_base import ClientBase
from ..errors import (
    DeviceAbsentError,
    LinkError,
    MaintenanceError,
    NoAnswerError,
    NoDeviceError,
    SolarError,
    SunSpecPortError,
    UnknownPointError,
    WrongDeviceError,
)
from ..journal import Journal
from ..links.backoff import Backoff
from ..links.blocks import Fetched
from ..links.modbus import ModbusLink, ModbusTiming
from ..links.stats import LinkStats
from ..points import Access as Allowed, Limits, Pace, Quantity, Reading, Ref, Value
from ..trace import Trace
from . import catalogue
from .access import Access
from .alarm_watch import AlarmWatch
from .codec import ABSENT, Order
from .counters import CounterWatch
from .door import Door
from .facts import Facts, UnitFacts
from .identify import Identification, ProbeTiming
from .maintenance import REGISTER, Maintenance
from .making import ALARM_MAKES, alarms_in, make
from .models import COMBOX_PORT, GATEWAY_ADDRESS, GATEWAY_PORT
from .points import points_of
from .points_energy import swapped
from .recheck import Recheck
from .registers import Kind, Register
from .source import ConextPoint, Make
from .writer import Writer, WriteTiming

PRESENCE = ("device_present", "device_state")
SUNSPEC_ADDRESS, SUNSPEC = 40000, [0x5375, 0x6E53]
"""Where SunSpec devices say who they are, and what they say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Waiting times in seconds (reference section 3)."""

    link: ModbusTiming = field(default_factory=lambda: ModbusTiming(gap=0.1))
    probe: ProbeTiming = field(default_factory=ProbeTiming)
    write: WriteTiming = field(default_factory=WriteTiming)
    linger: float = 1.0
    """How long a connection is kept that should not be kept."""
    maintenance: float = 240.0
    """For which a ComBox is left alone when it announces its nightly maintenance."""
    maintenance_check: float = 20.0
    """Between two looks at that announcement, which is made about a minute before."""
    presence: float = 60.0
    """For which a unit that was there is believed to be there."""
    failed_cycles: int = 5
    """Reads in a row without any answer before the gateway is left alone for a while."""
    first_rest: float = 30.0
    longest_rest: float = 300.0


@dataclass(slots=True)
class _Presence:
    there: bool
    at: float


class ConextClient(ClientBase[ConextPoint]):
    """One gateway and the devices on its Xanbus network. Implements ``client.Client``."""

    def __init__(
        self,
        door: Door,
        *,
        journal: Journal,
        settings: Mapping[str, Any] | None = None,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is connected before the first use.

        ``settings``: ``byte_order`` (``auto``, ``lsb``, ``msb``), ``keep_connection`` (``auto``, ``yes``, ``no``; by
        itself a ComBox's is kept and that of the newer gateways is not), ``swap_battery_energy`` (for inverters that
        count the two directions of the battery the wrong way round), ``unit_addresses`` (such as ``12, 40-42``, asked
        besides the usual ones) and ``search_all_addresses``.
        """
        super().__init__(journal=journal, stats=LinkStats(), trace=Trace())
        chosen = settings or {}
        self._settings = chosen
        self._timing = timing or Timing()
        self._clock = clock
        self._door = door
        self._link = ModbusLink(door.dial, door.address, stats=self.stats, trace=self.trace, timing=self._timing.link)
        self._access = Access(self._link)
        self._writer = Writer(self._access, journal, self._timing.write)
        self._swap = bool(chosen.get("swap_battery_energy", False))
        self._latest: dict[Ref, Reading] = {}
        self._presence: dict[str, _Presence] = {}
        self._alarms = AlarmWatch()
        self._counters = CounterWatch()
        self._recheck = Recheck(self._access, self._timing.probe, clock)
        self._maintenance = Maintenance(clock, seconds=self._timing.maintenance, check=self._timing.maintenance_check)
        self._failed_cycles = 0
        self._rest = Backoff(self._timing.first_rest, self._timing.longest_rest, clock=clock)
        self._choose_connection(kept=door.port == COMBOX_PORT)

    def _choose_connection(self, *, kept: bool) -> None:
        """Keep the connection or not, as the owner or else the kind of gateway wants it."""
        match self._settings.get("keep_connection", "auto"):
            case "yes":
                kept = True
            case "no":
                kept = False
        self._link.timing = replace(self._timing.link, linger=None if kept else self._timing.linger)

    # What is there

    @property
    @override
    def installation(self) -> Installation:
        """See ``ClientBase``; with what has been learned since."""
        return replace(super().installation, facts=self._access.facts.as_dict())

    @property
    def connected(self) -> bool:
        """Whether the gateway can be reached; during its maintenance it counts as reached."""
        return self._link.connected or self._maintenance.active

    async def connect(self, timeout: float) -> None:
        """Wait until the connection stands; raises ``LinkError``."""
        await self._link.open(timeout)

    def expect(self, installation: Installation) -> None:
        """Take an installation as known; its identity is checked before the first read."""
        facts = Facts.from_dict(installation.facts)
        if facts is None or any(unit.id not in facts.units for unit in installation.all_units):
            # Found out by another version of this library: the next ``identify`` finds out again.
            return
        if self._order is not None:
            facts.order = self._order.value
        self._access.facts = facts
        self._take(installation)

    @property
    def _order(self) -> Order | None:
        told = self._settings.get("byte_order", "auto")
        return Order(told) if told in list(Order) else None

    def _take(self, installation: Installation) -> None:
        self._installation = installation
        self._choose_connection(kept=Kind(installation.root.kind) is Kind.COMBOX)
        self._tables = {unit.id: self._table(unit) for unit in installation.all_units}

    def _table(self, unit: Unit) -> dict[str, ConextPoint]:
        """The points of a unit: those whose registers it has, what is summed up from them, and controllers of them."""
        facts = self._access.facts.units[unit.id]
        table = {
            key: point for key, point in points_of(unit.kind).items() if point.measured and self._has(facts, point)
        }
        for key, point in points_of(unit.kind).items():
            summed = point.integral is not None and point.integral.source in table
            controlled = bool(point.controller) and self._has(facts, point)
            if summed or controlled:
                table[key] = point
        return {key: table[key] for key in points_of(unit.kind) if key in table}

    def _has(self, unit: UnitFacts, point: ConextPoint) -> bool:
        source = point.address
        there = [self._access.has(unit, key) for key in source.registers]
        match source.make:
            case Make.EITHER:
                return there[0]
            case _ if source.make in ALARM_MAKES:
                return any(there)
        return all(there)

    async def identify(self, progress: Progress | None = None) -> Installation:
        """Find out what is there (reference section 2); of what is known, only whether it still is the same.

        Raises ``LinkError``, ``NoAnswerError``, ``NoDeviceError`` and ``SunSpecPortError``.
        """
        if self._installation is not None and await self._recheck.unchanged(self._installation):
            return self.installation
        await self._link.open()
        self._choose_connection(kept=self._door.port == COMBOX_PORT)
        identification = Identification(
            self._access,
            host=self._door.host,
            port=self._door.port,
            timing=self._timing.probe,
            order=self._order,
            addresses=_addresses(str(self._settings.get("unit_addresses", ""))),
            everything=bool(self._settings.get("search_all_addresses", False)),
            progress=progress,
        )
        try:
            installation = await identification.run()
        except NoDeviceError:
            await self._look_for_sunspec()
            raise
        self._take(installation)
        self._recheck.verified()
        return self.installation

    async def _look_for_sunspec(self) -> None:
        """The newer gateways speak SunSpec on the port of the old ones."""
        if self._door.port != COMBOX_PORT:
            return
        try:
            words = await self._link.read(GATEWAY_ADDRESS, SUNSPEC_ADDRESS, len(SUNSPEC), retries=0)
        except SolarError:
            return
        if words == SUNSPEC:
            raise SunSpecPortError(address=self._door.host, port=COMBOX_PORT, other=GATEWAY_PORT)

    def find(self, unit: Unit, name: str) -> ConextPoint:
        """The point of any register of the unit's map, by key or address. See ``client.CataloguedClient.find``."""
        point = catalogue.find(unit.kind, name)
        if point is None:
            raise UnknownPointError(point=name, unit=unit.id)
        return point

    @override
    def _resolve(self, ref: Ref) -> tuple[Unit, ConextPoint]:
        shown = self._installation.unit(ref.unit) if self._installation is not None else None
        if shown is None:
            raise UnknownPointError(point=ref.key, unit=ref.unit)
        point = self.points(shown).get(ref.key) or self.find(shown, ref.key)
        if point.measured and point.address.registers[0] not in self._access.map(self._access.facts.units[shown.id]):
            raise UnknownPointError(point=ref.key, unit=ref.unit)
        return shown, point

    @override
    def _is_read(self, point: ConextPoint) -> bool:
        return point.measured and point.access is not Allowed.PRESS

    # Reading

    def _registers(self, unit: UnitFacts, point: ConextPoint) -> list[Register]:
        """The registers that a point is made of, as far as the unit has them."""
        known = self._access.map(unit)
        keys = [self._key(unit, key) for key in point.address.registers]
        if point.address.make in ALARM_MAKES or point.address.make is Make.EITHER:
            keys = [key for key in keys if self._access.has(unit, key)]
        return [known[key] for key in keys]

    def _key(self, unit: UnitFacts, register: str) -> str:
        return swapped(register, Kind(unit.kind)) if self._swap and Kind(unit.kind) is Kind.XW else register

    def group(self, ref: Ref) -> Hashable:
        """The block of registers that brings ``ref``."""
        shown, point = self._resolve(ref)
        if not self._is_read(point):
            return ref
        unit = self._access.facts.units[shown.id]
        registers = self._registers(unit, point)
        return ref.unit, self._access.layout(unit).group(registers[0]) if registers else -1

    async def read(self, refs: Sequence[Ref]) -> Report:
        """Read points with as few exchanges as the maps allow. See ``client.Client.read``.

        What one unit or block costs, no other pays: only a lost link, or two silent units in a row, end the read. In
        the nightly maintenance of a ComBox what was read last is told again, with the time of that reading.
        """
        report = Report()
        wanted: dict[str, dict[Ref, ConextPoint]] = {}
        for ref, (_, point) in self._readable(refs, report).items():
            wanted.setdefault(ref.unit, {})[ref] = point
        if not wanted:
            return report
        if await self._maintained():
            self._tell_again(wanted, report)
            return report
        self._rest.check()
        try:
            await self._recheck.verify(self.installation)
            await self._read_units(wanted, report)
        except (LinkError, NoAnswerError) as err:
            self._cycle_failed(err)
            raise
        self._failed_cycles = 0
        self._rest.succeeded()
        return report

    def _cycle_failed(self, error: SolarError) -> None:
        """Too many reads in a row without an answer: leave the gateway alone for a while (section 3)."""
        self._recheck.forget()
        self._failed_cycles += 1
        if self._failed_cycles >= self._timing.failed_cycles:
            self._link.drop()
            self._rest.failed(error)

    async def _read_units(self, wanted: Mapping[str, Mapping[Ref, ConextPoint]], report: Report) -> None:
        silent = 0
        lost: SolarError | None = None
        order = [unit.id for unit in self.installation.all_units if unit.id in wanted]
        for unit_id in order:
            if lost is not None:
                report.failed |= dict.fromkeys(wanted[unit_id], lost)
                continue
            try:
                # The first silence has cost all the retries; the next unit tells whether it is the gateway's.
                await self._read_unit(unit_id, wanted[unit_id], report, retries=0 if silent else None)
                silent = 0
            except SolarError as err:
                report.failed |= dict.fromkeys(wanted[unit_id], err)
                silent += isinstance(err, NoAnswerError)
                if isinstance(err, LinkError | WrongDeviceError) or silent > 1 or len(order) == 1 == silent:
                    lost = err
        if lost is not None and not report.readings:
            raise lost

    async def _read_unit(
        self, unit_id: str, points: Mapping[Ref, ConextPoint], report: Report, *, retries: int | None
    ) -> None:
        shown = self.installation.unit(unit_id)
        assert shown is not None
        unit = self._access.facts.units[unit_id]
        registers = {register for point in points.values() for register in self._registers(unit, point)}
        presence = self._presence_registers(unit_id, unit, points.values())
        fetched = await self._access.fetch(unit, registers | set(presence), name=shown.name, retries=retries)
        self._note_presence(shown, unit, fetched)
        now = time.monotonic()
        for ref, point in points.items():
            if (error := self._failure(unit, point, fetched)) is not None:
                report.failed[ref] = error
                continue
            if point.quantity is Quantity.EVENT:
                self._note_alarms(report, ref, unit, point, fetched)
                continue
            value = self._value(unit, point, fetched)
            if (doubt := self._doubt(ref, unit, point, value)) is not None:
                report.failed[ref] = doubt
                continue
            report.readings[ref] = self._latest[ref] = Reading(value, now)

    def _value(self, unit: UnitFacts, point: ConextPoint, fetched: Fetched) -> Value:
        return make(point, lambda key: self._access.value(unit, self._key(unit, key), fetched.words))

    def _failure(self, unit: UnitFacts, point: ConextPoint, fetched: Fetched) -> SolarError | None:
        """Why a point cannot be made: one of its registers is missing, or all of those of which one is enough."""
        registers = self._registers(unit, point)
        errors = [fetched.failed[register.key] for register in registers if register.key in fetched.failed]
        if point.address.make in ALARM_MAKES and len(errors) < len(registers):
            return None
        if point.address.make is Make.EITHER and registers[0].key not in fetched.failed:
            return None
        return errors[0] if errors else None

    def _note_alarms(self, report: Report, ref: Ref, unit: UnitFacts, point: ConextPoint, fetched: Fetched) -> None:
        found = alarms_in(
            Kind(unit.kind), point.address.registers, lambda key: self._access.value(unit, key, fetched.words)
        )
        if found is not None:
            report.happenings.extend(self._alarms.note(ref, found))

    def _presence_registers(self, unit_id: str, unit: UnitFacts, points: Iterable[ConextPoint]) -> list[Register]:
        """Registers that say whether a unit is on the bus; they cost nothing beside other live ones."""
        known = self._presence.get(unit_id)
        old = known is None or self._clock() - known.at > self._timing.presence
        if not old and known is not None and known.there and not any(point.pace is Pace.LIVE for point in points):
            return []
        return [self._access.map(unit)[key] for key in PRESENCE if self._access.has(unit, key)]

    def _note_presence(self, shown: Unit, unit: UnitFacts, fetched: Fetched) -> None:
        """Raise ``DeviceAbsentError`` when the gateway only remembers the unit (section 2)."""
        present = self._access.raw(unit, "device_present", fetched.words)
        state = self._access.raw(unit, "device_state", fetched.words)
        if "device_present" not in fetched.words and "device_state" not in fetched.words:
            return
        there = present != 0 and state != ABSENT
        self._presence[shown.id] = _Presence(there, self._clock())
        if not there:
            raise DeviceAbsentError(
                device=shown.name, code=0 if present == 0 else ABSENT, reason="it has left the Xanbus network"
            )

    def _doubt(self, ref: Ref, unit: UnitFacts, point: ConextPoint, value: Value) -> SolarError | None:
        """Why a value is not believed, for a counter that only rises."""
        if point.address.make is not Make.VALUE or not isinstance(value, float):
            return None
        if not self._access.map(unit)[point.address.registers[0]].cumulative:
            return None
        return self._counters.doubt(ref, point.name, value)

    # Maintenance

    async def _maintained(self) -> bool:
        """Whether the gateway is in its nightly maintenance, or announces it."""
        if self._maintenance.active:
            return True
        root = self.installation.root
        unit = self._access.facts.units[root.id]
        told = Kind(unit.kind) is Kind.COMBOX and self._access.has(unit, REGISTER)
        if not told or not self._maintenance.due:
            return False
        register = self._access.map(unit)[REGISTER]
        try:
            fetched = await self._access.fetch(unit, [register], name=root.name, retries=0)
        except SolarError:
            # What is wrong will show when the values are read.
            return False
        begins = self._maintenance.take(bool(self._access.raw(unit, REGISTER, fetched.words)))
        if begins:
            self._link.drop()
        return begins

    def _tell_again(self, wanted: Mapping[str, Mapping[Ref, ConextPoint]], report: Report) -> None:
        for points in wanted.values():
            for ref, point in points.items():
                if ref in self._latest:
                    report.readings[ref] = self._latest[ref]
                elif point.quantity is not Quantity.EVENT:
                    report.failed[ref] = self._busy()

    def _busy(self) -> MaintenanceError:
        return MaintenanceError(device=self.installation.root.name, code="maintenance", reason="nightly maintenance")

    # Settings

    async def limits(self, ref: Ref) -> Limits:
        """What a setting accepts: the table's limits, for the nominal voltage of the battery that is there."""
        shown, point = self._resolve(ref)
        return self._writer.limits(self._access.facts.units[shown.id], point)

    async def write(self, ref: Ref, value: Value, *, permanent: bool = False, confirmed: bool = False) -> Reading:
        """Set a point and read it back, because gateways confirm what devices drop. See ``client.Client.write``.

        Every setting of these devices is permanent. ``MaintenanceError`` is raised while the gateway is not there.
        """
        shown, point = self._resolve(ref)
        unit = self._access.facts.units[shown.id]
        if self._maintenance.active:
            raise self._busy()
        await self._recheck.verify(self.installation)
        known = self._presence.get(shown.id)
        if known is None or not known.there or self._clock() - known.at > self._timing.presence:
            presence = [self._access.map(unit)[key] for key in PRESENCE if self._access.has(unit, key)]
            if presence:
                self._note_presence(shown, unit, await self._access.fetch(unit, presence, name=shown.name))
        reading = await self._writer.write(shown, unit, point, value, confirmed=confirmed)
        self._latest[ref] = reading
        return reading

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()


def _addresses(text: str) -> list[int]:
    """Addresses such as ``12, 40-42``; what is none is left out."""
    found: list[int] = []
    for part in text.replace(";", ",").split(","):
        first, dash, last = part.strip().partition("-")
        if first.isdecimal() and (not dash or last.isdecimal()):
            found.extend(range(int(first), int(last if dash else first) + 1))
    return [address for address in dict.fromkeys(found) if 1 <= address <= 247]
