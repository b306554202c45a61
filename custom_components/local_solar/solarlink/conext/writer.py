"""Settings: what they accept, how they are set, and whether they were kept (reference section 5)."""

import asyncio
import time
from dataclasses import dataclass

from ..client import Unit
from ..errors import (
    BadAnswerError,
    DeviceBusyError,
    LinkError,
    LinkLostError,
    NeedsConsentError,
    NeedsStandbyError,
    NoAnswerError,
    NotKeptError,
    NotSupportedError,
    NotWritableError,
    TooSoonError,
    ValueKindError,
    WriteUncertainError,
)
from ..journal import Journal
from ..links.turns import Priority
from ..points import (
    Access as Allowed,
    Limits,
    Quantity,
    Reading,
    Risk,
    Value,
    Wear,
    check_flag,
    check_number,
    check_option,
)
from .access import Access
from .codec import long_of, raw_for, words_of
from .facts import UnitFacts
from .making import make
from .registers import Register
from .source import TABLE_VOLTAGE, ConextPoint

WRITES_PER_DAY = 48
"""Budget of one setting. The maker tells no number of writes that the memory takes (section 5, rule 6)."""
STANDBY_ONLY = frozenset({"battery_type", "inverter_mode", "charge_mode"})
"""Registers that may be taken only in standby (rule 5)."""
_TENTH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteTiming:
    """Waiting times in seconds."""

    read_back: tuple[float, ...] = (0.5, 2.0)
    """Pauses before a setting is read back; the last time decides (rule 3)."""
    between_writes: float = 5.0
    """Between two writes of the same setting."""


class Writer:
    """Writes settings: refuses early, never repeats blindly, and reads every write back.

    A gateway confirms what the device drops, so only reading tells.
    """

    def __init__(self, access: Access, journal: Journal, timing: WriteTiming) -> None:
        """Nothing is sent before ``write``."""
        self._access, self._journal, self._timing = access, journal, timing
        self._one_at_a_time = asyncio.Lock()
        self._written_at: dict[tuple[str, str], float] = {}

    def limits(self, unit: UnitFacts, point: ConextPoint) -> Limits:
        """What a setting accepts: the table's limits, those of battery voltages for the battery that is there."""
        if point.quantity is Quantity.STATE:
            return Limits(choices=tuple(dict.fromkeys(point.options.values())))
        low, high = point.minimum, point.maximum
        if point.address.scaled and unit.nominal_voltage and unit.nominal_voltage != TABLE_VOLTAGE:
            factor = unit.nominal_voltage / TABLE_VOLTAGE
            low, high = (None if each is None else round(each * factor * _TENTH) / _TENTH for each in (low, high))
        return Limits(low, high, point.step)

    async def write(
        self, shown: Unit, unit: UnitFacts, point: ConextPoint, value: Value, *, confirmed: bool
    ) -> Reading:
        """Set a point and return what the unit keeps. See ``client.Client.write`` for what is raised.

        ``NeedsStandbyError`` is raised for a setting that was dropped and that units take only in standby.
        """
        if not point.writable or not point.measured:
            raise NotWritableError(point=point.name)
        if point.risk is Risk.OUTAGE and not confirmed:
            raise NeedsConsentError(point=point.name, reason="this can cut the supply")
        register = self._access.map(unit)[point.address.registers[0]]
        raw = self._checked(unit, point, register, value)
        async with self._one_at_a_time:
            if point.address.momentary:
                return await self._command(shown, unit, point, register, raw, value)
            before = await self._read(shown, unit, register)
            if before == raw:
                # Nothing is written that is already so.
                return self._reading(unit, point, register, before)
            return await self._set(shown, unit, point, register, raw, before)

    def _checked(self, unit: UnitFacts, point: ConextPoint, register: Register, value: Value) -> int:
        """The number to send for a value that the point accepts."""
        limits = self.limits(unit, point)
        if point.access is Allowed.PRESS:
            if value is not True:
                raise ValueKindError(point=point.name, value=str(value), expected="on")
            return point.address.press
        match point.quantity:
            case Quantity.FLAG:
                return int(check_flag(point, value))
            case Quantity.STATE:
                slug = check_option(point, value, limits)
                return next(code for code, each in point.options.items() if each == slug)
            case Quantity.TIME_OF_DAY:
                return raw_for(register, value)
        return raw_for(register, check_number(point, value, limits))

    async def _command(
        self, shown: Unit, unit: UnitFacts, point: ConextPoint, register: Register, raw: int, value: Value
    ) -> Reading:
        """A write whose register does not show what became of it: it is sent once."""
        self._check_pause(shown, point)
        try:
            await self._send(shown, unit, register, raw)
        except (NoAnswerError, BadAnswerError, LinkLostError) as err:
            raise WriteUncertainError(device=shown.name, point=point.name) from err
        finally:
            self._written_at[shown.serial, point.key] = time.monotonic()
        return Reading(value, time.monotonic())

    async def _set(
        self, shown: Unit, unit: UnitFacts, point: ConextPoint, register: Register, raw: int, before: int
    ) -> Reading:
        self._check_pause(shown, point)
        kept = before
        for last in (False, True):
            if point.wear is Wear.FLASH:
                self._journal.check_flash(shown.serial, point.key, point.name, WRITES_PER_DAY)
            try:
                await self._send(shown, unit, register, raw)
            except (NoAnswerError, BadAnswerError, LinkLostError) as err:
                self._count(shown, point)
                # It may have arrived, or not: look before it is sent again.
                kept = await self._settled(shown, unit, point, register, raw)
                if kept == raw:
                    return self._reading(unit, point, register, kept)
                if last or kept != before:
                    raise WriteUncertainError(device=shown.name, point=point.name) from err
                continue
            self._count(shown, point)
            kept = await self._settled(shown, unit, point, register, raw)
            break
        if kept != raw:
            details = {
                "point": point.name,
                "value": self._text(unit, point, register, raw),
                "kept": self._text(unit, point, register, kept),
            }
            if register.key in STANDBY_ONLY:
                raise NeedsStandbyError(device=shown.name, **details)
            raise NotKeptError(**details)
        return self._reading(unit, point, register, kept)

    def _check_pause(self, shown: Unit, point: ConextPoint) -> None:
        since = time.monotonic() - self._written_at.get((shown.serial, point.key), -1e9)
        if (rest := self._timing.between_writes - since) > 0:
            raise TooSoonError(point=point.name, seconds=round(rest, 1))

    def _count(self, shown: Unit, point: ConextPoint) -> None:
        self._written_at[shown.serial, point.key] = time.monotonic()
        if point.wear is Wear.FLASH:
            self._journal.wrote_flash(shown.serial, point.key)

    async def _send(self, shown: Unit, unit: UnitFacts, register: Register, raw: int) -> None:
        words = words_of(raw, register.words, self._access.order)
        try:
            await self._access.link.write(unit.address, register.address, words, device=shown.name)
        except NotSupportedError as err:
            raise NotWritableError(point=register.name) from err

    async def _settled(self, shown: Unit, unit: UnitFacts, point: ConextPoint, register: Register, raw: int) -> int:
        """The number that the register holds after a write; the device may take a moment."""
        kept: int | None = None
        for number, pause in enumerate(self._timing.read_back, 1):
            await asyncio.sleep(pause)
            try:
                kept = await self._read(shown, unit, register)
            except (NoAnswerError, BadAnswerError, LinkError, DeviceBusyError) as err:
                if number == len(self._timing.read_back) and kept is None:
                    raise WriteUncertainError(device=shown.name, point=point.name) from err
                continue
            if kept == raw:
                break
        assert kept is not None
        return kept

    async def _read(self, shown: Unit, unit: UnitFacts, register: Register) -> int:
        """The bare number of a register, without what it means."""
        words = await self._access.link.read(
            unit.address, register.address, register.words, device=shown.name, priority=Priority.PERSON
        )
        return long_of(words, self._access.order)

    def _value(self, unit: UnitFacts, point: ConextPoint, register: Register, raw: int) -> Value:
        words = {register.key: words_of(raw, register.words, self._access.order)}
        return make(point, lambda key: self._access.value(unit, key, words))

    def _reading(self, unit: UnitFacts, point: ConextPoint, register: Register, raw: int) -> Reading:
        return Reading(self._value(unit, point, register, raw), time.monotonic())

    def _text(self, unit: UnitFacts, point: ConextPoint, register: Register, raw: int) -> str:
        value = self._value(unit, point, register, raw)
        if isinstance(value, bool):
            return "on" if value else "off"
        if value is None:
            return str(raw)
        return f"{value:g}" if isinstance(value, float) else str(value)
