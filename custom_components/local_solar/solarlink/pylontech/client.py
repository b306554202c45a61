"""The client of a stack of Pylontech modules: what is there and its values. It only ever reads."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ..client import Installation, Progress, Report, Unit
from ..client_base import ClientBase
from ..errors import (
    BadAnswerError,
    DeviceAbsentError,
    DeviceRefusedError,
    LinkError,
    NoAnswerError,
    NotSupportedError,
    NotWritableError,
    SolarError,
    WrongDeviceError,
)
from ..journal import Journal
from ..links.stats import LinkStats
from ..links.turns import Priority
from ..plan import SLOW
from ..points import Limits, Pace, Reading, Ref, Value
from ..trace import Trace
from .blocks import STACK, Block, Protocol, PylontechPoint
from .codec import DEVICE
from .dialects import ALL, Dialect, Expected
from .facts import Facts, ModuleFacts
from .points import points_of
from .session import Console, check_command
from .survey import STACK_SUFFIX, Survey
from .values import EVENT, Query, Values

_ORDER = {block: place for place, block in enumerate(Block)}
READINGS = 2
"""How often a reading is begun whose connection breaks in the middle."""
LOOK_AGAIN = SLOW
"""Seconds between two looks at a module that is new."""


class ModulesChangedError(BadAnswerError):
    """Other modules are there than those that were asked for; who they are has been found out meanwhile."""


_FATAL = (LinkError, WrongDeviceError, ModulesChangedError)


def now() -> datetime:
    """The time of the house."""
    return datetime.now().astimezone()


class PylontechClient(ClientBase[PylontechPoint]):
    """One stack on a line. Implements ``client.Client`` and ``client.CommandClient``."""

    device = DEVICE

    def __init__(
        self,
        dialect: Dialect,
        *,
        journal: Journal,
        stats: LinkStats,
        trace: Trace,
        wall_clock: Callable[[], datetime] = now,
    ) -> None:
        """Take the link; nothing is sent before the first use."""
        super().__init__(journal=journal, stats=stats, trace=trace)
        self._dialect, self._line = dialect, dialect.line
        self._wall_clock = wall_clock
        self._modules: Mapping[str, ModuleFacts] = {}
        self._values: Values | None = None
        self._verified = 0
        """The connection on which the modules were found to be the known ones."""
        self._looked_at = -SLOW

    # What is there

    @property
    def connected(self) -> bool:
        """Whether the line is open."""
        return self._line.connected

    async def connect(self, timeout: float) -> None:
        """Wait until the line is open; raises ``LinkError``."""
        await self._line.open(timeout)

    def expect(self, installation: Installation) -> None:
        """Take an installation as known; serial numbers are checked on every new connection."""
        facts = Facts.from_dict(installation.facts)
        # What another version of this library or the other link found is found out again.
        if facts is not None and facts.protocol == self._dialect.protocol:
            self._take(installation, facts)

    def _take(self, installation: Installation, facts: Facts, away: Sequence[int] = ()) -> None:
        self._installation, self._modules = installation, facts.modules
        self._values = Values(self._dialect, installation, facts.modules, away, self._wall_clock)
        self._tables = {unit.id: self._table(unit, facts) for unit in installation.all_units}

    def _table(self, unit: Unit, facts: Facts) -> dict[str, PylontechPoint]:
        """The points that this unit has: what it told, and the sums of that."""
        protocol = self._dialect.protocol
        if unit.kind == STACK:
            live = set(facts.stack_keys)
            live |= {EVENT} if "active_alarms" in live else set()
            told = dict.fromkeys(Block, live) | {Block.SYSTEM: set(facts.system_keys)}
        else:
            keys = self._modules[unit.serial].keys
            told = {block: set(keys.get(block, ())) for block in Block}
        table: dict[str, PylontechPoint] = {}
        for key, point in points_of(unit.kind).items():
            block = point.address.on(protocol)
            if block is None or (point.measured and key not in told[block]):
                continue
            # On RS-485 every module is asked by itself, with a pause between: only the values come every time.
            often = protocol is Protocol.CONSOLE or block is Block.ANALOG or point.pace is not Pace.LIVE
            table[key] = point if often else replace(point, pace=Pace.MINUTE)
        return {key: point for key, point in table.items() if point.integral is None or point.integral.source in table}

    async def identify(self, progress: Progress | None = None) -> Installation:
        """Find out what is there; of a stack that is known, only whether it still is the same.

        Raises ``LinkError``, ``NoAnswerError``, ``BadAnswerError``, ``HighVoltageStackError``, ``NoDeviceError`` and
        ``WrongDeviceError``.
        """
        try:
            if not await self._still_the_same():
                await self._survey(progress)
        finally:
            self._look_for_troubles()
        return self.installation

    async def _still_the_same(self) -> bool:
        """Whether the modules that we know are there, with the firmware that we know, and no others."""
        facts = None if self._installation is None else Facts.from_dict(self._installation.facts)
        if facts is None or facts.doubtful:
            return False
        await self._line.open()
        connection = self._line.connection
        self._dialect.forget()
        expected = {
            unit.address: Expected(unit.serial if self._modules[unit.serial].serial_known else None, unit.firmware)
            for unit in self.installation.units
        }
        if not await self._dialect.same(expected):
            return False
        self._verified = connection
        return True

    async def _survey(self, progress: Progress | None = None) -> None:
        """Find everything out anew; raises ``WrongDeviceError`` when none of the known modules is there."""
        await self._line.open()
        connection = 0
        while connection != self._line.connection:
            # What was found on a connection that broke meanwhile may be of another battery.
            connection = self._line.connection
            self._dialect.forget()
            survey = Survey(self._dialect, self._installation, progress)
            installation, facts = await survey.run()
        known = {} if self._installation is None else self._modules
        if known and known.keys().isdisjoint(unit.serial for unit in installation.units):
            self._line.wire.disown()
            expected = self.installation.root.serial.removesuffix(STACK_SUFFIX)
            found = installation.units[0].serial
            raise WrongDeviceError(expected=expected, found=found, address=self._line.address)
        self._take(installation, facts, survey.away)
        self._verified = connection

    async def _verify(self, values: Values) -> None:
        """Check on a new connection that the modules are those that we know.

        Raises ``WrongDeviceError`` when none of them is. Where only some are others, everything is found out anew and
        ``ModulesChangedError`` is raised, because what was asked for was meant for the former ones.
        """
        await self._line.open()
        if self._verified == (connection := self._line.connection):
            return
        self._dialect.forget()
        for unit in self.installation.units:
            if values.presence.away(unit.address) or not self._modules[unit.serial].serial_known:
                continue
            try:
                serial = await self._dialect.serial(unit.address)
            except DeviceAbsentError, NotSupportedError:
                # An empty slot; the next table tells.
                continue
            if serial != unit.serial:
                await self._survey()
                raise ModulesChangedError(device=DEVICE, reason="the modules are not those that were there before")
        self._verified = connection

    # Reading

    def group(self, ref: Ref) -> Hashable:
        """The exchange that brings ``ref``; the stack on RS-485 is one exchange for each module."""
        unit, point = self._resolve(ref)
        block = point.address.on(self._dialect.protocol)
        if not point.measured or block is None:
            return ref
        return block.value, ALL if unit.kind == STACK or block in self._dialect.together else unit.address

    async def read(self, refs: Sequence[Ref]) -> Report:
        """Read points with one exchange for each block and module. See ``client.Client.read``.

        What one block costs, no other pays: only a lost link, or two silent blocks in a row, end the read.
        """
        report = Report()
        wanted = self._readable(refs, report)
        if (values := self._values) is None or not wanted:
            return report
        try:
            queries = {query for unit, point in wanted.values() for query in values.queries(unit, point)}
            for _ in range(READINGS):
                await self._verify(values)
                outcomes, lost = await self._ask_all(values, queries, report)
                if isinstance(lost, ModulesChangedError):
                    raise lost
                # After a line broke in the middle, what came later may be of other modules.
                if self._verified == self._line.connection:
                    break
            else:
                raise lost or BadAnswerError(device=DEVICE, reason="the connection was lost during the reading")
            for ref, (unit, point) in wanted.items():
                values.deliver(report, ref, unit, point, outcomes)
            await self._look_for_strangers(values)
        finally:
            self._look_for_troubles()
        if lost is not None and not report.readings:
            raise lost
        return report

    async def _ask_all(
        self, values: Values, queries: set[Query], report: Report
    ) -> tuple[dict[Query, SolarError | None], SolarError | None]:
        outcomes: dict[Query, SolarError | None] = {}
        lost: SolarError | None = None
        silent = 0
        # On RS-485 a silent module says nothing about the others.
        many = 2 if self._dialect.protocol is Protocol.CONSOLE else len(queries)
        for query in sorted(queries, key=lambda each: (_ORDER[each[0]], each[1])):
            if lost is not None:
                outcomes[query] = lost
                continue
            try:
                await self._ask(values, query, report)
            except SolarError as err:
                outcomes[query] = err
                silent += isinstance(err, NoAnswerError | BadAnswerError)
                if isinstance(err, _FATAL) or silent >= many or len(queries) == 1:
                    lost = err
            else:
                outcomes[query] = None
                silent = 0
        return outcomes, lost

    async def _ask(self, values: Values, query: Query, report: Report) -> None:
        block, slot = query
        if (absent := values.absent(query)) is not None:
            raise absent
        try:
            # A module that is away is only looked for.
            found = await self._dialect.fetch(block, slot, retries=0 if values.presence.away(slot) else None)
        except NoAnswerError, DeviceAbsentError:
            values.missed(report, query)
            raise
        except NotSupportedError as err:
            # It has answered this before: its module has just gone, or the console does not want to now.
            raise DeviceRefusedError(
                device=DEVICE, code=str(err.code), reason="it refuses what it has told before"
            ) from err
        for back in values.take(report, query, found):
            unit = next(unit for unit in self.installation.units if unit.address == back)
            if self._modules[unit.serial].serial_known and await self._dialect.serial(back) != unit.serial:
                await self._survey()
                raise ModulesChangedError(device=DEVICE, reason=f"another module is in slot {back} now")
            values.returned(report, back, self._tables[unit.id])

    async def _look_for_strangers(self, values: Values) -> None:
        """A module that was plugged in joins the others."""
        if not values.presence.strangers or time.monotonic() - self._looked_at < LOOK_AGAIN:
            return
        self._looked_at = time.monotonic()
        values.presence.forget_strangers()
        try:
            await self._survey()
        except SolarError as err:
            # The values of the others are good; this is tried again later.
            self.stats.last_error = str(err)

    # Settings and commands

    async def limits(self, ref: Ref) -> Limits:
        """Nothing of these batteries can be set."""
        self._resolve(ref)
        return Limits()

    async def write(self, ref: Ref, value: Value, *, permanent: bool = False, confirmed: bool = False) -> Reading:
        """Nothing of these batteries can be set: raises ``NotWritableError``."""
        _, point = self._resolve(ref)
        raise NotWritableError(point=point.name)

    async def command(self, text: str, *, confirmed: bool = False) -> str:
        """Send a command of the console that only reads, and return its answer. See ``CommandClient.command``.

        Raises ``NotSupportedError`` for every other command, confirmed or not, and on RS-485.
        """
        if not isinstance(self._line, Console):
            raise NotSupportedError(device=DEVICE, code=text[:40], reason="RS-485 has no commands in words")
        return await self._line.ask(check_command(text), "\n".join, Priority.PERSON)

    # Troubles

    def _look_for_troubles(self) -> None:
        line = self._line
        troubles: dict[str, Mapping[str, str]] = {}
        address = {"address": line.address}
        if isinstance(line, Console) and line.asleep:
            troubles["console_asleep"] = address
        elif line.failures >= line.FAILURES_UNTIL_TROUBLE:
            troubles["battery_does_not_answer"] = address
        if line.damaged >= line.DAMAGED_UNTIL_TROUBLE:
            troubles["battery_replies_damaged"] = address
        if self._values is not None and (lost := self._values.presence.lost):
            troubles["battery_module_missing"] = {"modules": ", ".join(map(str, sorted(lost)))}
        if unnamed := sorted(module.slot for module in self._modules.values() if not module.serial_known):
            troubles["battery_module_without_serial"] = {"modules": ", ".join(map(str, unnamed))}
        self.troubles = troubles

    async def close(self) -> None:
        """Close the line."""
        await self._line.close()
