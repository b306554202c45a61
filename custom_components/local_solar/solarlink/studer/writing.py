"""Writes settings: checked first, to RAM unless flash is wanted, verified, never repeated blindly (section 7)."""

from ..client import Unit
from ..errors import (
    DeviceRefusedError,
    FlashWornError,
    LinkLostError,
    ManagedByBatteryError,
    NeedsConsentError,
    NoAnswerError,
    NotAboveError,
    NotBelowError,
    NotKeptError,
    NotWritableError,
    ValueRangeError,
    WriteUncertainError,
)
from ..links.turns import Priority
from ..points import Access, Reading, Ref, Risk, Value, Wear
from .address import StuderPoint
from .codec import Code, Property, encode_value, write_request
from .orders import orders_of
from .settings import InForce, Settings, same
from .site import Site
from .units import KINDS
from .values import to_raw, to_value
from .watchdogs import GATEWAY_WATCHDOG, Watchdogs

FLASH_LIFE = 1000
"""Writes that the maker promises for the flash cell of one parameter (reference section 7.1)."""

_MANAGED = {("xt", 1138): "Own charge current limit (6068) and Own charge current (6069)"}
"""Settings that have no effect in RAM while an Xcom-CAN leads the battery, and what does it instead (section 7.3)."""


class Writer:
    """Carries out writes of people, automations and of what has to be put back."""

    def __init__(self, site: Site, settings: Settings, watchdogs: Watchdogs) -> None:
        """Nothing is sent before ``write``."""
        self._site = site
        self._settings = settings
        self._watchdogs = watchdogs

    async def write(self, ref: Ref, value: Value, *, permanent: bool, confirmed: bool) -> Reading:
        """Set a parameter, in RAM unless ``permanent``. See ``client.Client.write`` for what is raised.

        A RAM value cannot be read back; the gateway's confirmation is all there is. It is sent even when we believe
        that it is in force already, because a unit that has restarted has lost it without telling us. Besides, it
        raises ``ManagedByBatteryError``, ``WatchdogArmedError`` and ``FlashWornError``.
        """
        unit, point = self._site.resolve(ref)
        if not point.writable or not point.measured:
            raise NotWritableError(point=point.name)
        if point.risk is Risk.OUTAGE and not confirmed:
            raise NeedsConsentError(point=point.name, reason="this can cut the supply")
        if point.access is Access.PRESS:
            to_raw(point, value, await self._settings.own_limits(ref, Priority.PERSON))
            return await self._press(ref, unit, point)
        raw = await self._checked(ref, unit, point, value)
        if permanent or point.wear is Wear.FLASH:
            reading = await self._write_flash(ref, unit, point, raw)
            await self._look_again(unit, point)
            return reading
        if (unit.kind, point.address.number) in _MANAGED and self._site.has("bms"):
            raise ManagedByBatteryError(point=point.name, instead=_MANAGED[unit.kind, point.address.number])
        return await self.write_ram(ref, unit, point, raw)

    @staticmethod
    def check_consent(point: StuderPoint, *, confirmed: bool) -> None:
        """Raise ``NeedsConsentError`` for what somebody should not set by accident, unless it is confirmed."""
        if point.risk is Risk.INSTALLER and not confirmed:
            raise NeedsConsentError(point=point.name, reason="this is a setting for installers")

    async def _look_again(self, unit: Unit, point: StuderPoint) -> None:
        kind = KINDS.get(unit.kind)
        watchdog = GATEWAY_WATCHDOG if kind is None else kind.watchdog or ()
        if point.address.number in watchdog:
            await self._watchdogs.refresh(unit)

    async def _checked(self, ref: Ref, unit: Unit, point: StuderPoint, value: Value) -> float:
        number = to_raw(point, value, await self._settings.own_limits(ref, Priority.PERSON))
        for order in orders_of(unit.kind, point.address.number):
            below = order.low == point.address.number
            other = self._settings.ref_of(unit, order.high if below else order.low)
            limit = (await self._settings.in_force(other, Priority.PERSON)).raw
            if limit is None or order.holds(*((number, limit) if below else (limit, number))):
                continue
            error = NotBelowError if below else NotAboveError
            name = self._site.resolve(other)[1].name
            raise error(point=point.name, other=name, limit=limit, unit=point.unit, value=number)
        return number

    async def write_ram(
        self, ref: Ref, unit: Unit, point: StuderPoint, raw: float, priority: Priority = Priority.PERSON
    ) -> Reading:
        """Write a number of the wire to RAM, without looking at limits."""
        self._watchdogs.guard(unit, point, saved=False)
        journal = self._site.journal
        # What flash holds is noted with the RAM value: should it change later, somebody used the remote control.
        stored = (await self._settings.in_force(ref, priority)).stored
        try:
            await self._send(ref, unit, point, Property.UNSAVED_VALUE, raw, priority)
        except WriteUncertainError:
            journal.ram_uncertain(unit.serial, point.key, raw, stored)
            self._settings.lose(ref)
            self._watchdogs.wrote(unit, saved=False)
            raise
        journal.wrote_ram(unit.serial, point.key, raw, stored)
        self._watchdogs.wrote(unit, saved=False, number=point.address.number, raw=raw)
        known = InForce(raw, stored)
        self._settings.keep(ref, known)
        return self._settings.reading(point, known)

    async def _write_flash(self, ref: Ref, unit: Unit, point: StuderPoint, raw: float) -> Reading:
        self._watchdogs.guard(unit, point, saved=True)
        journal = self._site.journal
        known = await self._settings.read(ref, Priority.PERSON)
        stored = known.stored
        if not (same(point, stored, raw) and same(point, known.raw, raw)):
            self._check_flash(unit, point)
            # Counted before it is sent: a write that gets no answer may have been carried out.
            journal.wrote_flash(unit.serial, point.key)
            self._settings.lose(ref)
            try:
                await self._send(ref, unit, point, Property.VALUE, raw, Priority.PERSON)
            except WriteUncertainError:
                if not same(point, await self._stored(unit, point), raw):
                    raise
            self._watchdogs.wrote(unit, saved=True)
            stored = await self._stored(unit, point)
            if not same(point, stored, raw):
                raise NotKeptError(point=point.name, value=_shown(point, raw), kept=_shown(point, stored))
        known = InForce(stored, stored)
        self._settings.keep(ref, known)
        return self._settings.reading(point, known)

    async def _stored(self, unit: Unit, point: StuderPoint) -> float | None:
        return await self._settings.read_property(unit, point, Property.VALUE, Priority.PERSON)

    def _check_flash(self, unit: Unit, point: StuderPoint) -> None:
        journal = self._site.journal
        journal.check_flash(unit.serial, point.key, point.name)
        if (count := journal.entry(unit.serial, point.key).flash_writes) >= FLASH_LIFE:
            raise FlashWornError(point=point.name, count=count, life=FLASH_LIFE)

    async def _press(self, ref: Ref, unit: Unit, point: StuderPoint) -> Reading:
        """Carry out a command: 1 to RAM, which costs nothing; a device without RAM writes cannot take it from us."""
        self._watchdogs.guard(unit, point, saved=False)
        try:
            await self._send(ref, unit, point, Property.UNSAVED_VALUE, 1.0, Priority.PERSON)
        finally:
            self._watchdogs.wrote(unit, saved=False)
        return self._settings.reading(point, InForce(None, None))

    async def _send(
        self, ref: Ref, unit: Unit, point: StuderPoint, where: Property, raw: float, priority: Priority
    ) -> None:
        data = encode_value(point.address.format, raw)
        request = write_request(unit.address, point.address.number, where, data)
        await self._site.exchange.prepare(priority)
        try:
            await self._site.exchange.ask(request, priority, retries=0)
        except (NoAnswerError, LinkLostError) as err:
            raise WriteUncertainError(device=unit.name, point=point.name) from err
        except DeviceRefusedError as err:
            if err.code not in (Code.DATA_TOO_SMALL, Code.DATA_TOO_BIG):
                raise
            self._settings.forget_limits(ref)
            limits = await self._settings.limits(ref)
            raise ValueRangeError(
                point=point.name,
                minimum="?" if limits.minimum is None else limits.minimum,
                maximum="?" if limits.maximum is None else limits.maximum,
                unit=point.unit,
                value=raw,
            ) from err


def _shown(point: StuderPoint, raw: float | None) -> str | float:
    """A number of the wire as a sentence names it."""
    value = to_value(point, raw)
    if isinstance(value, float):
        return value
    return "nothing" if value is None else str(value)
