"""The loop that a controller follows: pictures of the DTU as fast as it stands, and limits that are set at once.

See ``live`` for what it offers and reference sections 5 and 7 for its pace.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import AuthError, SolarError
from ..live import GatewayPicture, InverterPicture, LimitStatus, Unfollow
from .address import Source
from .commands import Commands
from .feed import Feed
from .inverter import Inverter
from .live_socket import DUE, LiveSocket
from .models import type_of

_LOGGER = logging.getLogger(__name__)

type Take = Callable[[GatewayPicture], None]

_BESIDES = {Source.SYSTEM: 30.0, Source.LIMITER: 60.0, Source.CLOCK: 300.0, Source.LIST: 600.0}
"""Seconds between two looks at what changes rarely but decides whether an inverter may be used."""
LISTED_EVERY = 60.0
"""Seconds after which the list of inverters is looked at although the WebSocket brings their values."""


@dataclass(slots=True)
class _Course:
    """How far the limit commands for one inverter have come."""

    wanted: tuple[int, float] | None = None
    """Number and percentage of the command that has not been sent."""
    sent: tuple[int, float] | None = None
    """The same of the one that waits for its confirmation."""
    sent_at: float = 0.0
    accepted: int = 0
    acknowledged: int = 0
    refused: int = 0

    def take(self) -> tuple[int, float] | None:
        """The command that waits to be sent, which then waits no more."""
        wanted, self.wanted = self.wanted, None
        return wanted

    @property
    def newer(self) -> bool:
        """Whether another command waits to be sent."""
        return self.wanted is not None


class LiveLoop:
    """Runs from the first follower to the last."""

    def __init__(
        self,
        feed: Feed,
        commands: Commands,
        socket: LiveSocket | None,
        *,
        inputs: Callable[[str], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing runs before the first follower; ``inputs`` tells the DC inputs of an inverter."""
        self._feed, self._commands, self._socket = feed, commands, socket
        self._inputs, self._clock = inputs, clock
        self._timing = feed.exchange.timing
        self._followers: list[Take] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._courses: dict[str, _Course] = {}
        self._numbers = 0
        self._looked: dict[Source, float] = {}

    @property
    def followed(self) -> bool:
        """Whether somebody follows."""
        return bool(self._followers)

    @property
    def _between(self) -> float:
        delicate = self._commands.firmware.delicate
        return self._timing.between_delicate if delicate else self._timing.between

    def recent(self, at: float | None) -> bool:
        """Whether the loop runs and has just brought what is from ``at``, so that nobody else needs to ask."""
        return self.followed and at is not None and self._clock() - at <= 1.5 * self._between

    @property
    def listening(self) -> bool:
        """Whether the WebSocket brings every inverter."""
        if self._socket is None or not self._socket.connected:
            return False
        now, inverters = self._clock(), self._feed.state.inverters.values()
        return all(each.full is not None and now - each.seen_at <= DUE for each in inverters)

    # Followers

    def follow(self, take: Take) -> Unfollow:
        """See ``live.LimitClient.follow_inverters``."""

        def told(picture: GatewayPicture) -> None:
            # Of its own, so that one function may follow twice.
            take(picture)

        self._followers.append(told)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="opendtu live loop")
            self._tasks.add(self._task)
            self._task.add_done_callback(self._ended)

        def unfollow() -> None:
            if told in self._followers:
                self._followers.remove(told)
            if not self._followers and self._task is not None:
                self._task.cancel()
                self._task = None
                self._courses = {}

        return unfollow

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOGGER.error("The control loop of %s has ended", self._feed.exchange.address, exc_info=error)

    def request(self, serial: str, percent: float) -> int:
        """Send that limit as soon as possible in place of one that waits; returns its number."""
        self._numbers += 1
        self._courses.setdefault(serial, _Course()).wanted = (self._numbers, percent)
        self._wake.set()
        return self._numbers

    async def close(self) -> None:
        """End the loop."""
        self._followers.clear()
        tasks, self._task = list(self._tasks), None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # The loop

    async def _run(self) -> None:
        while True:
            started = self._clock()
            try:
                await self._cycle()
            except SolarError as err:
                _LOGGER.debug("%s: %s", self._feed.exchange.address, err)
                pause = max(self._feed.exchange.hold_off, self._timing.between)
            else:
                pace = self._between
                if any(course.sent for course in self._courses.values()):
                    pace = min(self._pending_pace(started), pace)
                pause = started + pace - self._clock()
            await self._rest(pause)

    def _pending_pace(self, now: float) -> float:
        """Seconds between two looks while a command waits for its confirmation: often at first, then as usual."""
        newest = max(course.sent_at for course in self._courses.values() if course.sent)
        if now - newest >= self._timing.confirm:
            return self._between
        return self._timing.between if self._commands.firmware.delicate else self._timing.pending

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._wake.wait()
        except TimeoutError:
            # Whatever came first, others get their turn as well.
            await asyncio.sleep(0)

    async def _cycle(self) -> None:
        self._wake.clear()
        await self._feed.check()
        await self._send()
        asked = self._clock()
        await self._feed.bring(Source.LIMIT)
        for serial, course in self._courses.items():
            self._judge(serial, course, asked)
        if self._socket is not None:
            self._socket.want()
        if self._live_due():
            await self._feed.live()
        if not any(course.sent or course.wanted for course in self._courses.values()):
            await self._look_besides()
        self.tell()

    def _live_due(self) -> bool:
        """Whether it is time to ask for live data; what the WebSocket brings need not be asked for."""
        listed = self._feed.state.listed_at
        every = LISTED_EVERY if self.listening else self._between - self._timing.pending
        return listed is None or self._clock() - listed >= every

    async def _send(self) -> None:
        """Send what waits, one after the other; a newer command takes the place of one that waits."""
        # Of a copy, because more may be requested while this waits.
        for serial, course in list(self._courses.items()):
            while (wanted := course.take()) is not None:
                error = await self._try(serial, wanted[1])
                if error is not None and not isinstance(error, AuthError):
                    await asyncio.sleep(self._timing.again)
                    if course.newer:
                        continue
                    error = await self._try(serial, wanted[1])
                if error is None:
                    course.accepted, course.sent, course.sent_at = wanted[0], wanted, self._clock()
                else:
                    _LOGGER.debug("%s did not take a limit for %s: %s", self._feed.exchange.address, serial, error)
                    course.refused = wanted[0]

    async def _try(self, serial: str, percent: float) -> SolarError | None:
        try:
            await self._commands.send_limit(serial, percent)
        except SolarError as err:
            return err
        return None

    def _judge(self, serial: str, course: _Course, asked: float) -> None:
        """Whether the command has been confirmed, or will never be."""
        if course.sent is None or course.sent_at > asked:
            return
        number, percent = course.sent
        inverter = self._feed.state.inverters.get(serial)
        state = inverter.limit if inverter else None
        if self._commands.holds(serial, percent, absolute=False):
            course.acknowledged, course.sent = number, None
        elif state is not None and state.status is LimitStatus.OK:
            # The DTU has finished, but not with this: it sends no commands, or somebody else has set another limit.
            off = self._feed.state.commands_enabled(serial) is False
            if off or self._clock() - course.sent_at >= self._timing.no_effect:
                course.refused, course.sent = number, None

    async def _look_besides(self) -> None:
        """Ask for one thing that changes rarely, if it is time."""
        now, feed = self._clock(), self._feed
        password = bool(feed.exchange.password)
        for source, every in _BESIDES.items():
            if source is Source.LIST and not password:
                continue
            forgot = source is Source.SYSTEM and any(
                each.limit is not None and each.limit.relative == 0.0 for each in feed.state.inverters.values()
            )
            # Limits of zero are a sign of a restart.
            if now - self._looked.get(source, -every) >= (every / 10 if forgot else every):
                self._looked[source] = now
                await feed.quietly(source)
                return
        await feed.ask_unknown()

    # Pictures

    def tell(self) -> None:
        """Tell every follower what is known now."""
        if not self._followers or self._feed.state.live_at is None:
            return
        picture = self.picture()
        for take in list(self._followers):
            take(picture)

    def picture(self) -> GatewayPicture:
        """The DTU and its inverters as they are known now."""
        now, state = self._clock(), self._feed.state
        return GatewayPicture(
            at=max(state.live_at or 0.0, state.limits_at or 0.0),
            uptime=state.uptime(now),
            boots=state.boots,
            poll_interval=state.poll_interval,
            clock_set=not state.hints.get("time_sync"),
            inverters=tuple(self._inverter(each, now) for each in state.inverters.values()),
        )

    def _inverter(self, inverter: Inverter, now: float) -> InverterPicture:
        state, serial = self._feed.state, inverter.serial
        live, device = inverter.live, state.devices.get(serial)
        course = self._courses.get(serial, _Course())
        enabled = state.commands_enabled(serial)
        inputs = self._inputs(serial)

        def value(name: str, channel: int | None = None) -> float | None:
            return inverter.value(name, now, state.longest, channel)

        currents = [current for place in range(inputs) if (current := value("Current", place)) is not None]
        return InverterPicture(
            serial=serial,
            name=live.name,
            rated_power=inverter.rated_power,
            limit=inverter.limit_relative,
            limit_status=inverter.limit.status if inverter.limit else LimitStatus.UNKNOWN,
            power=value("Power"),
            dc_power=value("Power DC"),
            dc_current=round(sum(currents), 2) if currents else None,
            sampled_at=inverter.full_sampled_at,
            reachable=live.reachable,
            producing=live.producing,
            poll_enabled=live.poll_enabled,
            commands_enabled=bool(self._feed.exchange.password) and enabled is not False,
            ac_voltage=value("Voltage"),
            temperature=value("Temperature"),
            inputs=inputs,
            slow=device is not None and device.slow,
            reports_full_limit=device is not None and device.second_firmware and type_of(serial).family == "HMS",
            governed=state.governed(serial),
            energy=inverter.energy("YieldTotal"),
            accepted=course.accepted,
            acknowledged=course.acknowledged,
            refused=course.refused,
        )
