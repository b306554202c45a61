"""Sends commands one at a time and waits until the inverter has confirmed them (reference sections 4 and 5)."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any

from ..errors import (
    AuthError,
    BadAnswerError,
    ClockNotSetError,
    CommandsOffError,
    DeviceRefusedError,
    LinkError,
    LinkLostError,
    NoAnswerError,
    NotConfirmedYetError,
    NotKeptError,
    SolarError,
    TooSoonError,
    WriteUncertainError,
)
from ..journal import Journal
from ..links.turns import Priority
from ..live import LimitStatus
from .address import Source
from .codec import DEVICE, Json, decode_power
from .exchange import OverloadedError, check_reply
from .feed import Feed
from .firmware import LIMIT_ABSOLUTE, LIMIT_RELATIVE, Firmware

LIMIT_CONFIG = "/api/limit/config"
POWER_CONFIG, POWER_STATUS = "/api/power/config", "/api/power/status"
REBOOT = "/api/maintenance/reboot"
RESET_STATISTICS = "/api/inverter/stats_reset?inv={serial}"
WRONG_TYPE = 5003
"""Code for a type of limit that another firmware has."""
SAME_LIMIT = 0.2
"""% by which a reported limit may differ from the one that was sent: the radio has a resolution of 0.1."""
KEPT_EVERY = 3600.0
"""Seconds between two limits that one inverter keeps in its flash."""
KEPT_LIMIT = "persistent_limit"
"""What the journal counts those under."""

_DOUBTFUL = (NoAnswerError, LinkLostError, BadAnswerError)
"""After these a command may have arrived."""


class Commands:
    """Every command to the inverters of one DTU."""

    def __init__(self, feed: Feed, *, journal: Journal, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is sent before the first command."""
        self._feed, self._journal, self._clock = feed, journal, clock
        self._timing = feed.exchange.timing
        self._one, self._keeping = asyncio.Lock(), asyncio.Lock()
        self._last = -math.inf

    @property
    def firmware(self) -> Firmware:
        """The firmware of the DTU."""
        return Firmware(str(self._feed.state.system.get("git_hash") or ""))

    # Sending

    async def send(self, path: str, data: Json, priority: Priority) -> None:
        """Send one command; raises ``DeviceRefusedError`` and what ``Exchange.post`` raises."""
        async with self._one:
            if self.firmware.delicate:
                # More than one command in ten seconds makes it hang (section 7).
                pause = self._last + self._timing.between_delicate - self._clock()
                await asyncio.sleep(max(pause, 0.0))
            try:
                check_reply(await self._feed.exchange.post(path, data, priority))
            finally:
                self._last = self._clock()

    async def send_limit(self, serial: str, percent: float) -> None:
        """Send a limit in % that the inverter does not keep, for a controller; raises what ``send`` raises."""
        data = {"serial": serial, "limit_type": LIMIT_RELATIVE, "limit_value": _short(percent)}
        await self.send(LIMIT_CONFIG, data, Priority.CONTROL)

    async def check_sending(self, serial: str, name: str, *, anew: bool = False) -> None:
        """Raise the error for which the DTU would take a command and do nothing.

        ``CommandsOffError`` when it sends no commands to that inverter, ``ClockNotSetError`` when it sends nothing at
        all; and what ``Exchange.get`` raises. ``anew`` asks for the settings of the inverters even where the last ones
        allow commands.
        """
        if self._feed.state.hints.get("time_sync"):
            await self._feed.live(Priority.PERSON)
            if self._feed.state.hints.get("time_sync"):
                raise ClockNotSetError(device=DEVICE, code="time_sync", reason="its clock is not set")
        if anew or self._feed.state.commands_enabled(serial) is False:
            # Its owner may just have switched them on or off.
            for source in (Source.LIST, Source.CLOCK):
                await self._feed.bring(source, priority=Priority.PERSON)
            if self._feed.state.commands_enabled(serial) is False:
                raise CommandsOffError(device=name, code="command_enable", reason="sending is off")

    # Limits

    async def set_limit(self, serial: str, value: float, *, absolute: bool, name: str, kept: bool = False) -> None:
        """Set a limit and wait until the inverter reports it; ``name`` is how errors call it.

        ``value`` is W when ``absolute``, else %. ``kept`` spends flash of the inverter. Raises ``DeviceRefusedError``
        and its kinds, ``NotConfirmedYetError``, ``WriteUncertainError``, ``NotKeptError`` and ``LinkError``.
        """
        kind = LIMIT_ABSOLUTE if absolute else LIMIT_RELATIVE
        types = self.firmware.kept_types(kind) if kept else (kind,)
        doubt: SolarError | None = None
        for place, each in enumerate(types):
            data = {"serial": serial, "limit_type": each, "limit_value": _short(value)}
            try:
                await self.send(LIMIT_CONFIG, data, Priority.PERSON)
            except DeviceRefusedError as err:
                # A type of the other generation is refused and does no harm (section 4.1).
                if err.code == WRONG_TYPE and place < len(types) - 1:
                    continue
                raise
            except _DOUBTFUL as err:
                doubt = err
            break
        await self._confirm_limit(serial, value, absolute=absolute, name=name, doubt=doubt)

    async def set_kept_limit(self, serial: str, percent: float, name: str) -> None:
        """Set the limit that the inverter keeps in its flash, at most once an hour.

        Raises ``TooSoonError``, ``WriteBudgetError`` and what ``set_limit`` raises.
        """
        async with self._keeping:
            since = self._journal.since_flash(serial, KEPT_LIMIT)
            if since is not None and since < KEPT_EVERY:
                raise TooSoonError(point=name, seconds=math.ceil(KEPT_EVERY - since))
            self._journal.check_flash(serial, KEPT_LIMIT, name)
            await self.check_sending(serial, name)
            try:
                await self.set_limit(serial, percent, absolute=False, name=name, kept=True)
            except AuthError, DeviceRefusedError, LinkError:
                # It was not even taken.
                raise
            except SolarError:
                self._journal.wrote_flash(serial, KEPT_LIMIT)
                raise
            self._journal.wrote_flash(serial, KEPT_LIMIT)

    def holds(self, serial: str, value: float, *, absolute: bool) -> bool:
        """Whether the inverter reports that limit, and nothing else is on its way."""
        inverter = self._feed.state.inverters.get(serial)
        state = inverter.limit if inverter else None
        if inverter is None or state is None or state.status is not LimitStatus.OK or state.relative is None:
            return False
        percent = value
        if absolute:
            if not state.rated_power:
                return False
            percent = min(value * 100.0 / state.rated_power, 100.0)
        return abs(state.relative - percent) <= SAME_LIMIT

    async def _confirm_limit(
        self, serial: str, value: float, *, absolute: bool, name: str, doubt: SolarError | None
    ) -> None:
        deadline = self._clock() + self._timing.confirm
        status = LimitStatus.UNKNOWN
        while self._clock() < deadline:
            if await self._look():
                if self.holds(serial, value, absolute=absolute):
                    return
                inverter = self._feed.state.inverters.get(serial)
                status = inverter.limit.status if inverter and inverter.limit else LimitStatus.UNKNOWN
            await asyncio.sleep(self._timing.pending)
        if doubt is not None:
            raise WriteUncertainError(device=DEVICE, point=name) from doubt
        match status:
            case LimitStatus.PENDING | LimitStatus.FAILURE:
                raise NotConfirmedYetError(device=DEVICE, point=name)
            case LimitStatus.OK:
                # Nothing is on its way, so perhaps it was never sent.
                for source in (Source.LIST, Source.CLOCK):
                    await self._feed.quietly(source)
                await self.check_sending(serial, name, anew=True)
                inverter = self._feed.state.inverters.get(serial)
                kept = inverter.limit_relative if inverter else None
                raise NotKeptError(point=name, value=value, kept="?" if kept is None else f"{kept:g} %")
        raise WriteUncertainError(device=DEVICE, point=name)

    async def _look(self) -> bool:
        """Read the reported limits; false when they did not come this time."""
        try:
            await self._feed.bring(Source.LIMIT, priority=Priority.PERSON)
        except LinkError, NoAnswerError, BadAnswerError, OverloadedError:
            return False
        return True

    # Power

    async def set_power(self, serial: str, name: str, **order: bool) -> None:
        """Send a power command, ``power=`` or ``restart=True``, and wait until the inverter has confirmed it.

        Raises what ``set_limit`` raises except ``NotKeptError``: whether it is on is not told.
        """
        # A DTU that sends nothing says at once that all is well, and nothing else would show it.
        await self.check_sending(serial, name, anew=True)
        doubt: SolarError | None = None
        try:
            await self.send(POWER_CONFIG, {"serial": serial, **order}, Priority.PERSON)
        except _DOUBTFUL as err:
            doubt = err
        deadline = self._clock() + self._timing.confirm
        status = LimitStatus.UNKNOWN
        while self._clock() < deadline:
            try:
                answer = await self._feed.exchange.get(POWER_STATUS, Priority.PERSON)
            except LinkError, NoAnswerError, BadAnswerError, OverloadedError:
                pass
            else:
                status = decode_power(answer).get(serial, LimitStatus.UNKNOWN)
                # Without an answer nobody knows to which command this belongs.
                if status is LimitStatus.OK and doubt is None:
                    return
            await asyncio.sleep(self._timing.pending)
        if doubt is None and status in (LimitStatus.PENDING, LimitStatus.FAILURE):
            raise NotConfirmedYetError(device=DEVICE, point=name)
        raise WriteUncertainError(device=DEVICE, point=name) from doubt

    # The DTU itself

    async def reset_statistics(self, serial: str) -> None:
        """Let the radio counters of an inverter begin again; raises what ``send`` raises."""
        async with self._one:
            check_reply(await self._feed.exchange.press(RESET_STATISTICS.format(serial=serial)))

    async def reboot(self) -> None:
        """Restart the DTU; raises what ``send`` raises."""
        await self.send(REBOOT, {"reboot": True}, Priority.PERSON)
        self._feed.exchange.lost = True


def _short(value: float) -> Any:
    """A number as the DTU's own page would send it."""
    rounded = round(value, 1)
    return int(rounded) if rounded == int(rounded) else rounded
