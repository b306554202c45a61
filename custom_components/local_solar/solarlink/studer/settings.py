"""Reads settings and their limits: flash can be read, RAM cannot, so what was written to RAM is remembered here."""

import math
import time
from dataclasses import dataclass

from ..client import Unit
from ..errors import BadAnswerError, DeviceRefusedError, SolarError
from ..links.turns import Priority
from ..points import Limits, Quantity, Reading, Ref
from .address import StuderPoint
from .catalogue import fallback_limits
from .codec import InfoItem, ObjectType, Property, decode_value, read_request
from .orders import orders_of
from .site import Site
from .units import base_of
from .values import to_value

MIRRORS = {("xt", 1107): 3017, ("bms", 6062): 7069, ("bms", 6063): 7070, ("bms", 6075): 7071}
"""Infos that show the value with which a unit works, for the few settings that have one."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The number of the wire that a setting has now, and the one in flash; ``None`` where it is not known."""

    raw: float | None
    stored: float | None


class Settings:
    """Parameters of all units, as they are."""

    def __init__(self, site: Site) -> None:
        """Nothing is asked before it is wanted."""
        self._site = site
        self._known: dict[Ref, InForce] = {}
        self._limits: dict[Ref, Limits] = {}

    def forget(self, unit_id: str | None = None) -> None:
        """What was read of a unit, or of all, may hold no longer."""
        self._known = {ref: known for ref, known in self._known.items() if unit_id not in (None, ref.unit)}
        if unit_id is None:
            self._limits.clear()

    def forget_limits(self, ref: Ref) -> None:
        """The device contradicted the limits that it told."""
        self._limits.pop(ref, None)

    def keep(self, ref: Ref, known: InForce) -> None:
        """Take note of what a write has left."""
        self._known[ref] = known

    def lose(self, ref: Ref) -> None:
        """What a setting has now is not known any more."""
        self._known.pop(ref, None)

    async def read_property(
        self, unit: Unit, point: StuderPoint, which: Property, priority: Priority = Priority.POLL
    ) -> float | None:
        """One property of a parameter as the number of the wire."""
        request = read_request(unit.address, ObjectType.PARAMETER, point.address.number, which)
        return decode_value(point.address.format, (await self._site.exchange.ask(request, priority)).data)

    async def read(self, ref: Ref, priority: Priority = Priority.POLL) -> InForce:
        """Read the flash value; what was written to RAM since lies above it and cannot be read (section 7.1)."""
        unit, point = self._site.resolve(ref)
        stored = await self.read_property(unit, point, Property.VALUE, priority)
        journal = self._site.journal
        raw = journal.saw_flash(unit.serial, point.key, stored)
        in_force = raw if isinstance(raw, int | float) else None
        if journal.uncertain_for(unit.serial, point.key) is not None:
            in_force = await self._resolve_doubt(unit, point, in_force, priority)
        self._known[ref] = InForce(in_force, stored)
        return self._known[ref]

    async def _resolve_doubt(
        self, unit: Unit, point: StuderPoint, before: float | None, priority: Priority
    ) -> float | None:
        """Find out whether a RAM write that got no answer has arrived, where an info shows it; else it is not known."""
        journal = self._site.journal
        entry = journal.entry(unit.serial, point.key)
        sent, stored = entry.uncertain, entry.stored
        shown = await self._mirror(unit, point)
        if shown is not None and isinstance(sent, int | float) and same(point, shown, sent):
            journal.wrote_ram(unit.serial, point.key, sent, stored)
            return float(sent)
        if shown is not None and before is not None and same(point, shown, before):
            journal.ram_unchanged(unit.serial, point.key)
            return before
        return None

    async def _mirror(self, unit: Unit, point: StuderPoint) -> float | None:
        number = MIRRORS.get((unit.kind, point.address.number))
        if number is None:
            return None
        item = InfoItem(number, unit.address - base_of(number))
        outcome = (await self._site.infos.read([item]))[item]
        return None if isinstance(outcome, SolarError) else outcome

    async def in_force(self, ref: Ref, priority: Priority = Priority.POLL) -> InForce:
        """What a setting has now, from the last reading or from the device."""
        known = self._known.get(ref)
        return known if known is not None else await self.read(ref, priority)

    def reading(self, point: StuderPoint, known: InForce) -> Reading:
        """A setting as the point table shows it."""
        return Reading(to_value(point, known.raw), time.monotonic(), to_value(point, known.stored))

    # Limits

    async def own_limits(self, ref: Ref, priority: Priority = Priority.POLL) -> Limits:
        """The device's own minimum and maximum (properties 6 and 7), asked once.

        Where the device does not tell them, those of the table hold, scaled to the voltages of this system.
        """
        if ref not in self._limits:
            unit, point = self._site.resolve(ref)
            if point.quantity in (Quantity.FLAG, Quantity.STATE, Quantity.TIME_OF_DAY, Quantity.TEXT):
                return Limits()
            try:
                low = await self.read_property(unit, point, Property.MINIMUM, priority)
                high = await self.read_property(unit, point, Property.MAXIMUM, priority)
            except DeviceRefusedError, BadAnswerError:
                low = high = None
            if low is None or high is None or low >= high:
                facts = self._site.facts
                low, high = fallback_limits(
                    unit.kind, point.address.number, facts.get("battery_voltage"), facts.get("mains_voltage")
                )
            self._limits[ref] = _on_grid(Limits(low, high, point.step))
        return self._limits[ref]

    async def limits(self, ref: Ref) -> Limits:
        """The device's limits, narrowed by what must stay below or above (reference section 7.3)."""
        unit, point = self._site.resolve(ref)
        own = await self.own_limits(ref)
        step = point.step or 0.0
        low, high = own.minimum, own.maximum
        for order in orders_of(unit.kind, point.address.number):
            least = step if order.strict else 0.0
            below = order.low == point.address.number
            other = self.ref_of(unit, order.high if below else order.low)
            if (limit := (await self.in_force(other)).raw) is None:
                continue
            if below:
                high = min(math.inf if high is None else high, _tidy(limit - least))
            else:
                low = max(-math.inf if low is None else low, _tidy(limit + least))
        return Limits(low, high, own.step)

    def ref_of(self, unit: Unit, number: int) -> Ref:
        """The reference to a parameter of a unit by its number."""
        return Ref(unit.id, self._site.find(unit, str(number)).key)


def same(point: StuderPoint, kept: float | None, number: float) -> bool:
    """Whether the device kept what was sent: it stores 16-bit fixed point, so half a step is no difference."""
    return kept is not None and abs(kept - number) <= (point.step or 1e-3) / 2


def _tidy(number: float) -> float:
    """Without the noise that binary fractions leave in sums."""
    return round(number, 6)


def _on_grid(limits: Limits) -> Limits:
    """Limits as the round numbers that are meant.

    The device keeps them as 16-bit fixed point, so 37.898 V is 37.9 V; and half of 37.9 V, for a 24 V system, lies
    between two steps, so the next step inside is what can be set. All steps count from zero.
    """
    low, high, step = limits.minimum, limits.maximum, limits.step
    if not step:
        return limits
    return Limits(
        None if low is None else _tidy(math.ceil(low / step - 0.25) * step),
        None if high is None else _tidy(math.floor(high / step + 0.25) * step),
        step,
    )
