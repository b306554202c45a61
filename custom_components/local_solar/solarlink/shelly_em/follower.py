"""Follows a meter at the pace of its measuring chip, for a controller (reference section 1, routes A and B)."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from ..errors import (
    AuthError,
    BadAnswerError,
    DeviceBusyError,
    LinkClosedError,
    LinkError,
    NoAnswerError,
    SolarError,
)
from ..links.backoff import Backoff
from ..links.turns import Priority
from ..live import MeterReading, Unfollow
from .address import Field, Name
from .codec import Picture
from .codec_later import decode_components
from .exchange import Exchange, Timing
from .socket import RpcSocket

_LOGGER = logging.getLogger(__name__)

FROZEN_AFTER = 60.0
"""Seconds after which values of a load that have not moved in any digit are those of a chip that hangs."""
_MEASURED = (Name.POWER, Name.REACTIVE, Name.APPARENT, Name.CURRENT, Name.VOLTAGE, Name.FACTOR, Name.TOTAL_POWER)

type Taker = Callable[[MeterReading], None]
type OpenSocket = Callable[[Callable[[Mapping[str, Any], float], None]], RpcSocket]


class FrozenWatch:
    """Notices when nothing that is measured moves any more although power flows. Pure."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._last: tuple[tuple[Field, object], ...] = ()
        self._since = 0.0

    def look(self, picture: Picture, at: float) -> bool:
        """Whether the chip hangs, by what was measured at ``at``."""
        measured = tuple(sorted(each for each in picture.values.items() if each[0].name in _MEASURED))
        if measured != self._last:
            self._last, self._since = measured, at
        flows = bool(picture.number(Name.GRID_POWER))
        return flows and at - self._since >= FROZEN_AFTER


class Follower:
    """Asks once per period while somebody follows, and tells each what was measured, once.

    Generation 1 is asked for its status; later ones are asked over a WebSocket, on which they also tell of changes by
    themselves, and over HTTP while no WebSocket can be had. After a failure it asks less and less often.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        timing: Timing,
        open_socket: OpenSocket,
        measure: Callable[[RpcSocket | None], Awaitable[tuple[Picture, float]]],
        take: Callable[[Picture, float], Picture],
        froze: Callable[[bool], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``measure`` asks for what the grid power needs and says when that was measured.

        ``take`` hands what the meter tells by itself to those who read, and returns it as the meter is wired;
        ``froze`` is told after each measurement whether the measuring chip hangs.
        """
        self.socket: RpcSocket | None = None
        self._exchange, self._timing, self._clock = exchange, timing, clock
        self._open_socket, self._measure, self._take, self._froze = open_socket, measure, take, froze
        self._frozen = False
        self._takers: list[Taker] = []
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._backoff = Backoff(timing.first_pause, timing.longest_pause, clock=clock)
        self._watch = FrozenWatch()
        self._told_at = 0.0
        self._socket_failed_at: float | None = None
        self._closed = False

    @property
    def active(self) -> bool:
        """Whether somebody follows."""
        return bool(self._takers)

    def follow(self, take: Taker) -> Unfollow:
        """Begin with the first one, end with the last one; see ``live.MeterClient``."""
        if self._closed:
            raise LinkClosedError(address=self._exchange.address)

        # The same function may follow twice, so each subscription is an object of its own.
        def taker(reading: MeterReading) -> None:
            take(reading)

        self._takers.append(taker)
        if self._task is None:
            self._watch = FrozenWatch()
            self._task = asyncio.get_running_loop().create_task(self._run(), name="shelly follower")
        return partial(self._leave, taker)

    def _leave(self, taker: Taker) -> None:
        if taker in self._takers:
            self._takers.remove(taker)
            if not self._takers:
                self._stop()

    def _stop(self) -> None:
        task, self._task = self._task, None
        self._frozen = False
        self._froze(False)
        # Nobody begins a call on a connection that is about to be closed.
        self.socket = None
        if task is not None:
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End the loop, whoever follows."""
        self._closed = True
        self._takers.clear()
        self._stop()
        await asyncio.gather(*self._ending, return_exceptions=True)

    # The loop

    async def _run(self) -> None:
        quiet = False
        while True:
            pause = 0.0
            try:
                await self._follow_on(anew=quiet)
                quiet = False
            except LinkClosedError:
                return
            except SolarError as err:
                if not quiet:
                    _LOGGER.info("%s is not followed for now: %s", self._exchange.address, err)
                quiet = True
                self._backoff.failed()
                pause = self._timing.login_pause if isinstance(err, AuthError) else self._backoff.left
            await asyncio.sleep(pause)

    async def _follow_on(self, *, anew: bool) -> None:
        """Follow until something fails, or until a WebSocket is worth another try."""
        greeting = await self._exchange.greet(Priority.CONTROL, anew=anew)
        if greeting.first_generation:
            await self._poll(None, lambda: False)
        elif not self._socket_due():
            await self._poll(None, self._socket_due)
        else:
            await self._follow_by_socket()

    async def _follow_by_socket(self) -> None:
        # A loop that is still saying good-bye has a socket of its own.
        connection = self._open_socket(self._notified)
        proved = False

        def going() -> bool:
            nonlocal proved
            proved = True
            return False

        try:
            await connection.connect()
            self.socket = connection
            await self._poll(connection, going)
        except (LinkError, NoAnswerError, BadAnswerError, DeviceBusyError) as err:
            if proved:
                raise
            # The meter answers over HTTP, as the greeting has shown: it may only be short of sockets.
            _LOGGER.debug("No WebSocket to %s: %s", self._exchange.address, err)
            self._socket_failed_at = self._clock()
        finally:
            if self.socket is connection:
                self.socket = None
            await connection.close(finish=not self._closed)

    def _socket_due(self) -> bool:
        failed = self._socket_failed_at
        return failed is None or self._clock() - failed >= self._timing.socket_again

    async def _poll(self, connection: RpcSocket | None, ended: Callable[[], bool]) -> None:
        due = self._clock()
        while True:
            picture, at = await self._measure(connection)
            self._told(picture, at)
            self._backoff.succeeded()
            self._exchange.recovered()
            if ended():
                return
            # A meter that is slower than the period is not asked twice in a row to make up for it.
            due = max(due + self._timing.period, self._clock())
            await asyncio.sleep(due - self._clock())

    def _notified(self, components: Mapping[str, Any], at: float) -> None:
        self._told(self._take(decode_components(components), at), at)

    def _told(self, picture: Picture, at: float) -> None:
        """Tell a measurement that is newer than the last one told and can be believed."""
        if Field(Name.GRID_POWER) in picture.values:
            self._frozen = self._watch.look(picture, at)
            self._froze(self._frozen)
        power = picture.number(Name.GRID_POWER)
        if power is None or self._frozen or at <= self._told_at:
            return
        self._told_at = at
        for taker in tuple(self._takers):
            try:
                taker(MeterReading(at, power))
            except Exception:
                # One follower's mistake must not blind the others; told once, because it is not called again.
                _LOGGER.exception("A follower of %s failed and is told no more", self._exchange.address)
                self._leave(taker)
