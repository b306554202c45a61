"""Carries out writes: look first, write, compare the echo, read back, and keep an eye on it (reference section 11)."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

from ..client import Unit
from ..errors import (
    BadAnswerError,
    DeviceRefusedError,
    LinkError,
    NeedsConsentError,
    NoAnswerError,
    NotKeptError,
    NotSupportedError,
    SolarError,
    TooSoonError,
    WriteBudgetError,
    WriteUncertainError,
)
from ..journal import Journal
from ..links.turns import Priority
from ..points import Limits, Reading, Value
from .address import Field, LalaAddress, SenecPoint, field, fields
from .codec import DEVICE, Answer, Request
from .exchange import Exchange
from .pack import pack
from .points_extras import LEAST_CURRENT, USUAL_CURRENT
from .states import ON_BACKUP_POWER
from .values import Beliefs, find, to_value
from .watch import OverrideWatch
from .writing import (
    RESTART,
    SAVE,
    Changes,
    accepted,
    changes,
    check,
    check_echo,
    check_order,
    compose,
    force_charge,
    holds,
)

_LOGGER = logging.getLogger(__name__)

RUNNING = field("ENERGY.SAFE_CHARGE_RUNNING")
BUTTONS = {True: field("ENERGY.SAFE_CHARGE_FORCE"), False: field("ENERGY.SAFE_CHARGE_PROHIBIT")}
REBOOT = field("SYS_UPDATE.USER_REBOOT_DEVICE")
STATE = field("ENERGY.STAT_STATE")
ZERO_EXPORT = field("ENERGY.ZERO_EXPORT")

STOPS_AGAIN = 3
"""How often a stop is repeated when the appliance begins again by itself."""
RESTART_EVERY = 300.0
"""Seconds between two restarts: one takes that long."""
CURRENT_EVERY = 300.0
"""Seconds between two writes of a wallbox current, each of which can start an insulation test."""
SAVED_SECTIONS = ("SOCKETS", "WIZARD")
"""Settings of these sections are lost at a restart unless the appliance is asked to save them."""
LAST_SAVE = 3.0
"""Seconds that closing waits for a save that was due."""
_SAVES = "configuration_saved"

_UNCERTAIN = (NoAnswerError, LinkError, BadAnswerError)


class Writer:
    """The writes of one appliance; one at a time, and never faster than it stands."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        journal: Journal,
        overrides: OverrideWatch,
        beliefs: Beliefs,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is sent before the first write."""
        self.serial = ""
        """Of the appliance: what the journal counts its saves under."""
        self._exchange, self._journal, self._overrides = exchange, journal, overrides
        self._beliefs, self._clock = beliefs, clock
        self._timing = exchange.timing
        self._one = asyncio.Lock()
        self._last: dict[str, float] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    async def look(self, *wanted: Field, priority: Priority = Priority.PERSON) -> Answer:
        """Read these fields now."""
        request, *more = pack(wanted)
        assert not more
        return await self._exchange.ask(request, priority)

    # Settings

    async def limits(self, point: SenecPoint, address: LalaAddress, priority: Priority = Priority.POLL) -> Limits:
        """What the setting accepts now, as far as other variables of the appliance decide."""
        others = _others(address)
        answer = await self.look(*others.values(), priority=priority) if others else Answer()
        return _limits(point, others, answer)

    async def set(self, unit: Unit, point: SenecPoint, address: LalaAddress, value: Value) -> Reading:
        """Give ``point`` of ``unit`` that value; see ``client.Client.write`` for what is raised."""
        value = accepted(
            point, value, Limits(None, None, point.step) if _others(address) else _limits(point, {}, Answer())
        )
        wanted = changes(point, address, value)
        async with self._one:
            others = _others(address)
            before = await self.look(*wanted, *others.values(), *_guards(address))
            if others:
                limits = _limits(point, others, before)
                assert isinstance(value, int | float)
                low = limits.minimum if limits.minimum is not None else float(value)
                high = limits.maximum if limits.maximum is not None else float(value)
                check_order(point, float(value), low, high)
            if find(before, ZERO_EXPORT) == 1 and value is True:
                raise DeviceRefusedError(device=DEVICE, code="ZERO_EXPORT", reason="it is set to zero feed-in")
            if holds(wanted, before):
                return Reading(to_value(point, address, before, self._beliefs), self._clock())
            if any(where.variable == "WALLBOX.SET_ICMAX" for where in wanted):
                self._not_too_soon(f"{unit.id} {point.key}", point.name, CURRENT_EVERY)
            request = compose(wanted, before, point.name)
            kept = await self._write_and_verify(unit, point, wanted, request)
            reading = Reading(to_value(point, address, kept, self._beliefs), self._clock())
            self._journal.wrote_ram(unit.serial, point.key, None, None)
            solar = next(
                (Field("WALLBOX", "SMART_CHARGE_ACTIVE", each.place) for each in wanted if each.name == "SET_ICMAX"),
                None,
            )
            if "WALLBOX" in request or any(name.startswith("PS_") for name in request.get("WIZARD", ())):
                self._overrides.wrote(unit.id, point.key, wanted, self._clock(), solar)
            if any(section in request for section in SAVED_SECTIONS):
                self._start("save", self._save())
            return reading

    async def _write_and_verify(self, unit: Unit, point: SenecPoint, wanted: Changes, request: Request) -> Answer:
        """Send, compare the echo, and return what a fresh read shows; a write is never repeated."""
        doubt: SolarError | None = None
        try:
            check_echo(wanted, await self._send(request), point.name)
        except _UNCERTAIN as err:
            doubt = err
        await asyncio.sleep(self._timing.verify)
        try:
            kept = await self.look(*wanted)
        except _UNCERTAIN as err:
            raise WriteUncertainError(device=DEVICE, point=point.name) from (doubt or err)
        if holds(wanted, kept):
            return kept
        if doubt is not None:
            raise WriteUncertainError(device=DEVICE, point=point.name) from doubt
        sent = ", ".join(f"{number:g}" for number in wanted.values())
        found = ", ".join(str(find(kept, where)) for where in wanted)
        raise NotKeptError(point=point.name, value=sent, kept=found)

    async def _send(self, request: Request) -> Answer:
        """One write, a while after the one before."""
        check(request)
        pause = self._last.get("write", -self._timing.between_writes) + self._timing.between_writes - self._clock()
        if pause > 0:
            await asyncio.sleep(pause)
        # Greeting the appliance may fail for reasons that leave no doubt about the write.
        await self._exchange.greet(Priority.PERSON)
        try:
            return await self._exchange.ask(request, Priority.PERSON, again=False)
        finally:
            self._last["write"] = self._clock()

    def _not_too_soon(self, what: str, name: str, every: float) -> None:
        last = self._last.get(what)
        if last is not None and self._clock() - last < every:
            raise TooSoonError(point=name, seconds=round(every - (self._clock() - last)))
        self._last[what] = self._clock()

    async def _save(self) -> None:
        """Ask the appliance to save its settings when nobody changes one for a while."""
        await asyncio.sleep(self._timing.save)
        async with self._one:
            await self._save_now()

    async def _save_now(self) -> None:
        try:
            self._journal.check_flash(self.serial, _SAVES, "Configuration")
            self._journal.wrote_flash(self.serial, _SAVES)
            await self._send(SAVE)
        except WriteBudgetError:
            _LOGGER.info(
                "Settings of %s stay unsaved today: its memory has been written often enough", self._exchange.address
            )
        except SolarError as err:
            _LOGGER.warning("%s was not told to save its settings, a restart would lose them: %s", DEVICE, err)

    # Force charge

    async def force_charge(self, point: SenecPoint, *, on: bool) -> Reading:
        """Start or stop force charge and return when the appliance says so; see ``client.Client.write``."""
        self._stop("guard")
        try:
            async with self._one:
                if await self._running() != on:
                    await self._switch(point, on=on)
        finally:
            # A stop that did not take, or of which nothing is known, needs watching all the more.
            if not on:
                self._start("guard", self._guard_stop())
        return Reading(on, self._clock())

    async def _running(self) -> bool:
        value = find(await self.look(RUNNING), RUNNING)
        if not isinstance(value, int):
            raise NotSupportedError(device=DEVICE, code=RUNNING.variable, reason="it does not tell about force charge")
        return bool(value)

    async def _switch(self, point: SenecPoint, *, on: bool) -> None:
        doubt: SolarError | None = None
        try:
            check_echo([BUTTONS[on]], await self._send(force_charge(on=on)), point.name)
        except _UNCERTAIN as err:
            doubt = err
        waited = 0.0
        for until in (self._timing.verify, self._timing.verify_late):
            await asyncio.sleep(until - waited)
            waited = until
            try:
                if await self._running() == on:
                    return
            except _UNCERTAIN as err:
                doubt = err
        if doubt is not None:
            raise WriteUncertainError(device=DEVICE, point=point.name) from doubt
        raise NotKeptError(point=point.name, value=_word(on), kept=_word(not on))

    async def _guard_stop(self) -> None:
        """Stop again what begins again by itself (section 11.1)."""
        stops = 0
        while stops < STOPS_AGAIN:
            waited = 0.0
            for until in self._timing.stop_checks:
                await asyncio.sleep(until - waited)
                waited = until
                if await self._stopped_again():
                    stops += 1
                    break
            else:
                return

    async def _stopped_again(self) -> bool:
        """Whether force charge had begun again and was told to stop."""
        try:
            async with self._one:
                if not await self._running():
                    return False
                await self._send(force_charge(on=False))
        except SolarError as err:
            _LOGGER.debug("Whether force charge stays stopped is not known: %s", err)
            return False
        return True

    # Restart

    async def restart(self, point: SenecPoint, *, confirmed: bool) -> Reading:
        """Restart the appliance (section 11.5); on backup power only when ``confirmed``: the house goes dark."""
        async with self._one:
            before = await self.look(REBOOT, STATE)
            check_echo([REBOOT], before, point.name)
            if find(before, STATE) in ON_BACKUP_POWER and not confirmed:
                raise NeedsConsentError(point=point.name, reason="the house is on backup power and would go dark")
            self._not_too_soon("restart", point.name, RESTART_EVERY)
            try:
                echo = await self._send(RESTART)
            except _UNCERTAIN as err:
                raise WriteUncertainError(device=DEVICE, point=point.name) from err
            check_echo([REBOOT], echo, point.name)
            if not find(echo, REBOOT):
                raise DeviceRefusedError(device=DEVICE, code=REBOOT.variable, reason="it did not take the restart")
            return Reading(True, self._clock())

    # Tasks

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._stop(name)
        if self._closed:
            work.close()
            return
        task = self._tasks[name] = asyncio.get_running_loop().create_task(work, name=f"senec {name}")
        task.add_done_callback(lambda done: self._tasks.pop(name) if self._tasks.get(name) is done else None)

    def _stop(self, name: str) -> None:
        if task := self._tasks.pop(name, None):
            task.cancel()

    async def close(self) -> None:
        """End what is still going on; settings that wait to be saved are saved now."""
        self._closed = True
        unsaved = "save" in self._tasks
        tasks: Mapping[str, asyncio.Task[None]] = dict(self._tasks)
        for name in tasks:
            self._stop(name)
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        if unsaved and self._exchange.connected:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_SAVE):
                    await self._save_now()


def _word(on: bool) -> str:
    return "on" if on else "off"


def _others(address: LalaAddress) -> dict[str, Field]:
    """The variables that bound a setting, by what they bound."""
    where = address.fields[0] if address.fields else None
    match where.variable if where else "":
        case "SOCKETS.UPPER_LIMIT" if where:
            return {"low": where._replace(name="LOWER_LIMIT")}
        case "SOCKETS.LOWER_LIMIT" if where:
            return {"high": where._replace(name="UPPER_LIMIT")}
        case "WALLBOX.SET_ICMAX" if where:
            return {"rated": where._replace(name="MAX_CHARGING_CURRENT_RATED")}
    return {}


def _limits(point: SenecPoint, others: Mapping[str, Field], answer: Answer) -> Limits:
    low, high = point.minimum, point.maximum
    for what, where in others.items():
        value = find(answer, where)
        if not isinstance(value, int | float) or not value:
            continue
        match what:
            case "low":
                low = max(low or 0.0, float(value))
            case "high":
                high = min(high if high is not None else float(value), float(value))
            case "rated":
                high = float(value) if value > LEAST_CURRENT else USUAL_CURRENT
    return Limits(low, high, point.step)


def _guards(address: LalaAddress) -> tuple[Field, ...]:
    """Variables whose value can forbid the write."""
    automatic = any(where.variable in ("SOCKETS.ENABLE", "WIZARD.PS_ENABLE") for where in address.fields)
    return fields("ENERGY.ZERO_EXPORT") if automatic else ()
