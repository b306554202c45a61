"""Settings: what they accept, how they are set, and whether they were kept (reference section 2.2)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..client import Unit
from ..errors import (
    BadAnswerError,
    DeviceAbsentError,
    DeviceRefusedError,
    LinkError,
    LinkLostError,
    ModbusReadOnlyError,
    NeedsConsentError,
    NoAnswerError,
    NotKeptError,
    NotSupportedError,
    NotWritableError,
    ServiceGoneError,
    TooSoonError,
    WriteUncertainError,
)
from ..journal import Journal
from ..links.turns import Priority
from ..points import Limits, Quantity, Reading, Risk, Value, check_flag, check_number, check_option
from .access import ABSENT_REASON, Access, Fetched
from .codec import raw_of, words_for
from .making import make, number_for
from .registers import MAPS, Register
from .source import GxPoint

WRITES_PER_DAY = 500
"""Budget of one setting: about one write in three minutes all day. The maker tells no number that the memory takes."""
BETWEEN_WRITES = 10.0
"""Seconds between two writes of one setting (section 2.2)."""
GONE = 11
"""Exception of a service that is not there; the owner of a value rejects it with another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteTiming:
    """Waiting times in seconds."""

    read_back: tuple[float, ...] = (0.3, 1.0)
    """Pauses before a setting is read back; the last time decides."""


class Writer:
    """Writes settings: refuses early, writes only what is different, never blindly again, and reads back."""

    def __init__(
        self, access: Access, journal: Journal, timing: WriteTiming, *, verify: Callable[[], Awaitable[None]]
    ) -> None:
        """Nothing is sent before ``write``; ``verify`` raises when somebody else than expected answers."""
        self._access, self._verify = access, verify
        self._journal, self._timing = journal, timing
        self._one_at_a_time = asyncio.Lock()

    @staticmethod
    def limits(point: GxPoint) -> Limits:
        """What a setting accepts."""
        if point.quantity is Quantity.STATE:
            return Limits(choices=tuple(dict.fromkeys(point.options.values())))
        return Limits(point.minimum, point.maximum, point.step)

    async def write(self, shown: Unit, point: GxPoint, value: Value, *, confirmed: bool) -> Reading:
        """Set a point and return what the GX keeps. See ``client.Client.write`` for what is raised.

        Besides, ``ModbusReadOnlyError`` while the GX takes no writes, ``TooSoonError`` within 10 s of the last write
        of the same setting, and ``ServiceGoneError``.
        """
        if not point.writable or not point.measured:
            raise NotWritableError(point=point.name)
        number = self._checked(point, value)
        if point.risk is Risk.OUTAGE and not confirmed:
            raise NeedsConsentError(point=point.name, reason="this can cut the supply")
        register = MAPS[point.address.service][point.address.registers[0]]
        words = words_for(register, number)
        async with self._one_at_a_time:
            await self._verify()
            before = await self._read(shown, register)
            if before.words[register.key] == words:
                return _reading(point, before)
            since = self._journal.since_flash(shown.serial, point.key)
            if since is not None and since < BETWEEN_WRITES:
                raise TooSoonError(point=point.name, seconds=round(BETWEEN_WRITES - since, 1))
            self._journal.check_flash(shown.serial, point.key, point.name, WRITES_PER_DAY)
            # The link may have been lost while the register was read.
            await self._verify()
            return await self._set(shown, point, register, words)

    def _checked(self, point: GxPoint, value: Value) -> float | int:
        """The number to send for a value that the point accepts."""
        match point.quantity:
            case Quantity.FLAG:
                return number_for(point, check_flag(point, value))
            case Quantity.STATE:
                return number_for(point, check_option(point, value, self.limits(point)))
        return check_number(point, value, self.limits(point))

    async def _set(self, shown: Unit, point: GxPoint, register: Register, words: list[int]) -> Reading:
        link, unit_id = self._access.link, self._access.facts.unit_id(register.service)
        try:
            await link.write(unit_id, register.address, words, device=shown.name)
        except NotSupportedError as err:
            # The register was read a moment ago, so it is the write that the GX does not take.
            raise ModbusReadOnlyError(device=shown.name, code=err.code, reason="it takes no writes") from err
        except DeviceAbsentError as err:
            if err.code == GONE:
                raise ServiceGoneError(device=shown.name, code=err.code, reason=ABSENT_REASON) from err
            raise DeviceRefusedError(
                device=shown.name, code=err.code, reason=f"it does not take this value of {point.name} now"
            ) from err
        except (NoAnswerError, BadAnswerError, LinkLostError) as err:
            # It may have arrived, or not.
            self._journal.wrote_flash(shown.serial, point.key)
            kept = await self._settled(shown, point, register, words)
            if kept.words[register.key] != words:
                raise WriteUncertainError(device=shown.name, point=point.name) from err
            return _reading(point, kept)
        self._journal.wrote_flash(shown.serial, point.key)
        kept = await self._settled(shown, point, register, words)
        if kept.words[register.key] != words:
            sent = Fetched(service=register.service, words={register.key: words})
            raise NotKeptError(point=point.name, value=_text(point, sent), kept=_text(point, kept))
        return _reading(point, kept)

    async def _settled(self, shown: Unit, point: GxPoint, register: Register, words: list[int]) -> Fetched:
        """What the register holds after a write; the GX may take a moment."""
        kept: Fetched | None = None
        for number, pause in enumerate(self._timing.read_back, 1):
            await asyncio.sleep(pause)
            try:
                kept = await self._read(shown, register)
            except (NoAnswerError, BadAnswerError, LinkError, DeviceRefusedError) as err:
                if number == len(self._timing.read_back) and kept is None:
                    raise WriteUncertainError(device=shown.name, point=point.name) from err
                continue
            if kept.words[register.key] == words:
                break
        assert kept is not None
        return kept

    async def _read(self, shown: Unit, register: Register) -> Fetched:
        """The register alone; raises the error for which it cannot be read."""
        fetched = await self._access.fetch(register.service, [register.key], name=shown.name, priority=Priority.PERSON)
        if register.key in fetched.failed:
            raise fetched.failed[register.key]
        return fetched


def value_in(point: GxPoint, fetched: Fetched) -> Value:
    """The value of a point out of what was read of its service."""
    return make(point, fetched.number)


def _reading(point: GxPoint, fetched: Fetched) -> Reading:
    return Reading(value_in(point, fetched), time.monotonic())


def _text(point: GxPoint, fetched: Fetched) -> str:
    value = value_in(point, fetched)
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        register = MAPS[point.address.service][point.address.registers[0]]
        return str(raw_of(register, fetched.words[register.key]))
    return f"{value:g}" if isinstance(value, int | float) else str(value)
