"""What the modules told last, and what the points make of it: values, presence, alarms that come and go."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from ..client import Happening, Installation, Report, Unit
from ..errors import BadAnswerError, DeviceAbsentError, SolarError
from ..points import Quantity, Reading, Ref, Value
from .alarms import MODULE_LOST, MODULE_RETURNED, listed, of_states
from .blocks import STACK, Block, Fields, Protocol, PylontechPoint
from .codec import DEVICE
from .dialects import ALL, Dialect
from .facts import ModuleFacts
from .presence import Presence
from .stack import totals

_ALARMING = {Block.POWER: "active_alarms", Block.ALARMS: "active_alarms", Block.DETAIL: "module_events"}
"""Which value of a block lists alarms."""
LIVE = {Protocol.CONSOLE: Block.POWER, Protocol.RS485: Block.ANALOG}
"""The block that shows whether a module is there."""
EVENT = "battery_alarm"

type Query = tuple[Block, int]
"""A block and a slot, or ``ALL``."""


class Values:
    """The latest fields of one installation."""

    def __init__(
        self,
        dialect: Dialect,
        installation: Installation,
        modules: Mapping[str, ModuleFacts],
        away: Sequence[int],
        wall_clock: Callable[[], datetime],
    ) -> None:
        """Nothing is known yet; ``away`` are the slots of modules that are known, but not there."""
        self.presence = Presence((unit.address for unit in installation.units), away)
        self._protocol, self._together = dialect.protocol, dialect.together
        self._live = LIVE[dialect.protocol]
        self._installation = installation
        self._units = {unit.address: unit for unit in installation.units}
        self._capacities = {module.slot: module.capacity for module in modules.values() if module.capacity}
        self._wall_clock = wall_clock
        self._fields: dict[Query, Fields] = {}
        self._alarms: dict[Query, dict[str, str]] = {}

    # What is asked

    def block(self, point: PylontechPoint) -> Block:
        """The block that brings a point on this link."""
        block = point.address.on(self._protocol)
        assert block is not None
        return block

    def queries(self, unit: Unit, point: PylontechPoint) -> list[Query]:
        """What must be asked for a point."""
        block = self.block(point)
        if block in self._together:
            return [(block, ALL)]
        if unit.kind == STACK:
            return [(block, slot) for slot in self.presence.slots]
        return [(block, unit.address)]

    def absent(self, query: Query) -> DeviceAbsentError | None:
        """Why a query need not be sent: its module is away, and this query would not show whether it is back."""
        block, slot = query
        if slot == ALL or block is self._live or not self.presence.away(slot):
            return None
        return _absent(slot)

    # What was told

    def take(self, report: Report, query: Query, found: Mapping[int, Fields]) -> list[int]:
        """Keep what a query brought; returns the slots of modules that had been away and are there again."""
        block, _ = query
        for slot, fields in found.items():
            self._fields[block, slot] = fields
            if block in _ALARMING and slot in self._units:
                self._compare(report, block, slot, fields)
        if block is not self._live:
            return []
        back = [slot for slot in found if self.presence.saw(slot)]
        if block in self._together:
            for slot in self._units.keys() - found.keys():
                self._fields.pop((block, slot), None)
                self.missed(report, (block, slot))
        return back

    def missed(self, report: Report, query: Query) -> None:
        """A query got no answer, or its table did not show the module."""
        block, slot = query
        if block is self._live and slot != ALL and self.presence.missed(slot):
            self._happened(report, slot, MODULE_LOST.slug, {"active": True})

    def returned(self, report: Report, slot: int, table: Mapping[str, PylontechPoint]) -> None:
        """A module is there again: what it told is due at once, whenever it would have been asked next."""
        self._happened(report, slot, MODULE_RETURNED.slug, {"active": False})
        unit = self._units[slot]
        for key, point in table.items():
            if point.measured and point.address.on(self._protocol) is self._live:
                report.readings[Ref(unit.id, key)] = self._reading(unit, point)

    def _compare(self, report: Report, block: Block, slot: int, fields: Fields) -> None:
        """Tell which alarms of a module have come and gone since the last time."""
        told = of_states(fields)
        active = {slug: told.get(slug, slug) for slug in listed(fields.get(_ALARMING[block]))}
        before = self._alarms.get((block, slot))
        self._alarms[block, slot] = active
        if before is None:
            return
        for slug in sorted(active.keys() ^ before.keys()):
            details: dict[str, str | int | float | bool] = {"active": slug in active}
            details["state"] = active.get(slug, "normal")
            self._happened(report, slot, slug, details)

    def _happened(self, report: Report, slot: int, kind: str, details: Mapping[str, str | int | float | bool]) -> None:
        whose: dict[str, str | int | float | bool] = {"module": slot, "serial": self._units[slot].serial}
        ref = Ref(self._installation.root.id, EVENT)
        report.happenings.append(Happening(ref, kind, {**details, **whose}))

    # What points make of it

    def deliver(
        self,
        report: Report,
        ref: Ref,
        unit: Unit,
        point: PylontechPoint,
        outcomes: Mapping[Query, SolarError | None],
    ) -> None:
        """Put the value of a point into the report, or why there is none."""
        queries = self.queries(unit, point)
        error = next((err for query in queries if (err := outcomes.get(query)) is not None), None)
        error = error or self._doubt(unit, self.block(point))
        if error is not None:
            report.failed[ref] = error
        elif point.quantity is not Quantity.EVENT:
            report.readings[ref] = self._reading(unit, point)

    def _doubt(self, unit: Unit, block: Block) -> SolarError | None:
        """Why the latest values are not to be shown, though the query was answered."""
        if unit.kind == STACK and not self.presence.slots:
            return DeviceAbsentError(device=unit.name, code=ALL, reason="no module is there")
        if block not in self._together or block is not self._live:
            return None
        slots: Iterable[int] = self._units if unit.kind == STACK else (unit.address,)
        if any(self.presence.doubtful(slot) for slot in slots):
            # A table that shows fewer modules than before is not believed at once.
            return BadAnswerError(device=DEVICE, reason="a module is missing in the table")
        return _absent(unit.address) if unit.kind != STACK and self.presence.away(unit.address) else None

    def _reading(self, unit: Unit, point: PylontechPoint) -> Reading:
        return Reading(self._value(unit, point), time.monotonic())

    def _value(self, unit: Unit, point: PylontechPoint) -> Value:
        block = self.block(point)
        if unit.kind != STACK or block is Block.SYSTEM:
            return self._fields.get((block, ALL if unit.kind == STACK else unit.address), {}).get(point.key)
        members = {
            slot: fields
            for slot in sorted(self.presence.slots)
            if (fields := self._fields.get((block, slot))) is not None
        }
        # The master sets the clocks of the others.
        clock = next(iter(members.values()), {}).get("device_clock")
        if point.key == "device_clock":
            return clock
        if point.key == "clock_drift":
            ahead = clock - self._wall_clock() if isinstance(clock, datetime) else None
            return None if ahead is None else round(ahead.total_seconds())
        return totals(members, self._capacities).get(point.key)


def _absent(slot: int) -> DeviceAbsentError:
    return DeviceAbsentError(device=f"Module {slot}", code=slot, reason="its slot is empty or it is silent")
