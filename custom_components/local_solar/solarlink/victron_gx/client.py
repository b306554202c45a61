"""The client of a GX: its values, those of the battery and of the inverter and charger, and its settings."""

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, override

from ..client import Installation, Progress, Report, Unit
from ..client_base import ClientBase
from ..errors import (
    LinkError,
    ModbusOffError,
    NoAnswerError,
    ServiceGoneError,
    SolarError,
    WrongDeviceError,
)
from ..journal import Journal
from ..links.backoff import Backoff
from ..links.modbus import Dial, ModbusLink, ModbusTiming
from ..links.stats import LinkStats
from ..points import Limits, Reading, Ref, Value
from ..trace import Trace
from .access import Access, Fetched
from .facts import HIGHEST_UNIT, Facts
from .identify import NAME, SERVICES, Identification, portal_id
from .making import ANY, companions
from .points import points_of
from .points_vebus import VEBUS
from .registers import MAPS, Service
from .source import GxPoint, Zero
from .units import find_battery, find_vebus
from .whereabouts import Whereabouts
from .writer import Writer, WriteTiming, value_in

BATTERY_TROUBLE = "battery_unit_unknown"
"""Batteries answer, and none of them is the one that the GX goes by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Waiting times in seconds (reference section 2)."""

    link: ModbusTiming = field(default_factory=lambda: ModbusTiming(answer=3.0, retries=(0.2,)))
    write: WriteTiming = field(default_factory=WriteTiming)
    verify: float = 3600.0
    """After which the identity is looked at again, though the link was never lost."""
    gone: float = 600.0
    """For which a unit is waited for before it is looked for elsewhere."""
    unknown: float = 3600.0
    """Between two searches for a unit that was never found."""
    first_rest: float = 1.0
    longest_rest: float = 30.0


class GxClient(ClientBase[GxPoint]):
    """One GX. Implements ``client.Client``."""

    def __init__(
        self,
        dial: Dial,
        address: str,
        *,
        journal: Journal,
        settings: Mapping[str, Any] | None = None,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is connected before the first use.

        ``dial`` makes connections to ``address``. ``settings``: ``battery_unit``, the unit id of the battery where it
        is not found or another is wanted; 0 or nothing looks for it.
        """
        super().__init__(journal=journal, stats=LinkStats(), trace=Trace())
        self._timing = timing or Timing()
        self._clock = clock
        self._battery_unit = _unit_id((settings or {}).get("battery_unit"))
        self._address = address
        rest = Backoff(self._timing.first_rest, self._timing.longest_rest)
        self._link = ModbusLink(
            dial, address, stats=self.stats, trace=self.trace, timing=self._timing.link, backoff=rest
        )
        self._access = Access(self._link)
        self._writer = Writer(self._access, journal, self._timing.write, verify=self._verify)
        self._verified: tuple[int, float] | None = None
        self._whereabouts = Whereabouts(clock, gone=self._timing.gone, unknown=self._timing.unknown)

    # What is there

    @property
    @override
    def installation(self) -> Installation:
        """See ``ClientBase``; with what has been learned since."""
        return replace(super().installation, facts=self._access.facts.as_dict())

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._link.connected

    async def connect(self, timeout: float) -> None:
        """Wait until the connection stands; raises ``ModbusOffError`` where nobody listens, and ``LinkError``."""
        try:
            await self._link.open(timeout)
        except LinkError as err:
            raise _explained(err) from err.__cause__

    def expect(self, installation: Installation) -> None:
        """Take an installation as known; its identity is checked before the first read."""
        facts = Facts.from_dict(installation.facts)
        if facts is None or any(not facts.unit_id(SERVICES[unit.kind]) for unit in installation.units):
            # Found out by another version of this library: the next ``identify`` finds out again.
            return
        self._take(installation, facts)

    def _take(self, installation: Installation, facts: Facts) -> None:
        if self._battery_unit:
            facts.battery = self._battery_unit
        self._access.facts = facts
        placed = tuple(replace(unit, address=facts.unit_id(SERVICES[unit.kind])) for unit in installation.units)
        self._installation = replace(installation, units=placed)
        self._tables = {unit.id: self._table(unit) for unit in installation.all_units}

    def _table(self, unit: Unit) -> dict[str, GxPoint]:
        """The points of a unit: those whose registers its firmware has, what is summed up, and controllers' own."""
        table = points_of(unit.kind)
        there = {key for key, point in table.items() if point.measured and self._has(point)}
        if unit.kind == VEBUS:
            phases = range(self._access.facts.phases + 1, 4)
            there -= {key for key in there if any(key.endswith(f"_l{phase}") for phase in phases)}
        there |= {key for key, point in table.items() if point.integral and point.integral.source in there}
        there |= {key for key, point in table.items() if point.controller}
        return {key: point for key, point in table.items() if key in there}

    def _has(self, point: GxPoint) -> bool:
        source = point.address
        there = [self._access.has(source.service, key) for key in source.registers]
        return any(there) if source.make in ANY else all(there)

    async def identify(self, progress: Progress | None = None) -> Installation:
        """Find out what is there; what was known and does not answer just now is kept.

        Raises ``NoGxError``, ``NoAnswerError``, ``ModbusOffError`` and ``LinkError``.
        """
        await self.connect(self._timing.link.open)
        identification = Identification(
            self._link,
            known=self._installation,
            facts=self._access.facts,
            battery_unit=self._battery_unit,
            progress=progress,
        )
        installation = await identification.run()
        self._take(installation, identification.access.facts)
        self._verified = (self.stats.connects, self._clock())
        for service in SERVICES.values():
            self._whereabouts.searched(service)
        others = identification.search.others
        self._tell(others if not self._access.facts.battery else ())
        return self.installation

    def _tell(self, others: Iterable[int]) -> None:
        """Batteries that answer while none of them is the one that the GX goes by."""
        troubles: dict[str, Mapping[str, str]] = {}
        if units := ", ".join(str(unit_id) for unit_id in others):
            troubles[BATTERY_TROUBLE] = {"units": units}
        self.troubles = troubles

    async def _verify(self) -> None:
        """See who answers, after every lost link and now and then; raises ``WrongDeviceError``."""
        known = self._verified
        same = known is not None and known[0] == self.stats.connects and self._link.connected
        if same and known is not None and self._clock() - known[1] < self._timing.verify:
            return
        await self.connect(self._timing.link.open)
        connects = self.stats.connects
        found, expected = await portal_id(self._link), self.installation.root.serial
        if found != expected:
            self._verified = None
            self._link.drop()
            raise WrongDeviceError(expected=expected, found=found, address=self._address)
        self._verified = (connects, self._clock())

    # Reading

    def group(self, ref: Ref) -> Hashable:
        """The block of registers that brings ``ref``."""
        _, point = self._resolve(ref)
        if not point.measured:
            return ref
        service, keys = point.address.service, self._registers(point)
        return service, self._access.layout(service).group(MAPS[service][keys[0]]) if keys else -1

    def _registers(self, point: GxPoint) -> list[str]:
        """The registers that a point is made of, as far as the firmware has them."""
        source = point.address
        if source.make in ANY:
            return [key for key in source.registers if self._access.has(source.service, key)]
        return list(source.registers)

    async def read(self, refs: Sequence[Ref]) -> Report:
        """Read points with as few exchanges as the maps allow. See ``client.Client.read``.

        What a service costs that is not there, no other pays: its points fail until it is back.
        """
        report = Report()
        wanted: dict[Service, dict[Ref, GxPoint]] = {}
        for ref, (_, point) in self._readable(refs, report).items():
            wanted.setdefault(point.address.service, {})[ref] = point
        if not wanted:
            return report
        await self._verify()
        fetched = await self._fetch_all(wanted, report)
        # A link that was lost meanwhile may have led to somebody else.
        await self._verify()
        await self._fill(wanted, fetched, report)
        await self._look_elsewhere()
        return report

    async def _fetch_all(
        self, wanted: Mapping[Service, Mapping[Ref, GxPoint]], report: Report
    ) -> dict[Service, Fetched]:
        """What is wanted of every service; raises what costs everything."""
        fetched: dict[Service, Fetched] = {}
        lost: SolarError | None = None
        for service, points in wanted.items():
            if lost is None:
                keys = {key for point in points.values() for key in (*self._registers(point), *companions(point))}
                try:
                    fetched[service] = await self._fetch(service, sorted(keys))
                    continue
                except ServiceGoneError as err:
                    report.failed |= dict.fromkeys(points, err)
                    continue
                except (NoAnswerError, LinkError) as err:
                    if not fetched:
                        raise
                    lost = err
            report.failed |= dict.fromkeys(points, lost)
        return fetched

    async def _fetch(self, service: Service, keys: Sequence[str]) -> Fetched:
        """Read registers of a service and note whether it is there."""
        name = next((unit.name for unit in self.installation.units if SERVICES[unit.kind] is service), NAME)
        try:
            fetched = await self._access.fetch(service, keys, name=name)
        except ServiceGoneError:
            self._whereabouts.missed(service)
            raise
        self._whereabouts.seen(service)
        return fetched

    async def _fill(
        self, wanted: Mapping[Service, Mapping[Ref, GxPoint]], fetched: Mapping[Service, Fetched], report: Report
    ) -> None:
        now = time.monotonic()
        monitored: bool | None = None
        for service, points in wanted.items():
            if service not in fetched:
                continue
            for ref, point in points.items():
                if (error := self._failure(point, fetched[service])) is not None:
                    report.failed[ref] = error
                    continue
                value = value_in(point, fetched[service])
                if point.address.zero is Zero.MONITOR and value == 0:
                    if monitored is None:
                        monitored = await self._monitored(fetched.get(Service.BATTERY))
                    value = value if monitored else None
                report.readings[ref] = Reading(value, now)

    def _failure(self, point: GxPoint, fetched: Fetched) -> SolarError | None:
        """Why a point cannot be made: one of its registers is missing, or all of those of which one is enough."""
        keys = self._registers(point)
        errors = [fetched.failed[key] for key in keys if key in fetched.failed]
        if errors and point.address.make in ANY and len(errors) < len(keys):
            return None
        return errors[0] if errors else None

    async def _monitored(self, fetched: Fetched | None) -> bool:
        """Whether a battery answers for itself now: a GX that knows no state of charge shows zero too (section 2)."""
        if fetched is None:
            if not self._access.facts.battery or self._whereabouts.is_missed(Service.BATTERY):
                return False
            try:
                fetched = await self._fetch(Service.BATTERY, ["voltage"])
            except SolarError:
                return False
        return bool(fetched.number("voltage"))

    # Services that move

    async def _look_elsewhere(self) -> None:
        """Look for a unit that was lost for long or never found; what is found is there with the next read."""
        for kind, service in SERVICES.items():
            chosen = service is Service.BATTERY and self._battery_unit
            known = bool(self._access.facts.unit_id(service))
            if chosen or not self._whereabouts.due(service, known=known):
                continue
            self._whereabouts.searched(service)
            try:
                await self._search(kind, service)
            except SolarError as err:
                # What is wrong shows when values are read.
                self.stats.last_error = str(err)

    async def _search(self, kind: str, service: Service) -> None:
        facts = self._access.facts
        if service is Service.BATTERY:
            search = await find_battery(self._access)
            self._tell(() if search.unit_id or facts.battery else search.others)
            found = search.unit_id
        else:
            found = await find_vebus(self._link)
        if not found or found == facts.unit_id(service):
            return
        facts.place(service, found)
        identification = Identification(self._link, known=self._installation, facts=facts, access=self._access)
        unit = await identification.unit(kind, self.installation.root.serial)
        units = {each.id: each for each in (*self.installation.units, unit) if each is not None}
        self._take(replace(self.installation, units=tuple(units[each] for each in SERVICES if each in units)), facts)
        self._whereabouts.seen(service)

    # Settings

    async def limits(self, ref: Ref) -> Limits:
        """What a setting accepts; the GX tells no limits of its own."""
        _, point = self._resolve(ref)
        return self._writer.limits(point)

    async def write(self, ref: Ref, value: Value, *, permanent: bool = False, confirmed: bool = False) -> Reading:
        """Set a point and read it back. See ``client.Client.write`` and ``writer.Writer.write``.

        Every setting of a GX is permanent.
        """
        unit, point = self._resolve(ref)
        return await self._writer.write(unit, point, value, confirmed=confirmed)

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()


def _explained(error: LinkError) -> LinkError:
    """What to do about a connection that was refused: the Modbus TCP server of a GX is off unless switched on."""
    if isinstance(error.__cause__, ConnectionRefusedError):
        return ModbusOffError(address=error.details["address"])
    return error


def _unit_id(chosen: Any) -> int:
    """The owner's unit id of the battery; 0 where there is none or it is no unit id."""
    try:
        unit_id = int(chosen or 0)
    except TypeError, ValueError:
        return 0
    return unit_id if 0 <= unit_id <= HIGHEST_UNIT else 0
