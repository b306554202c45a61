"""The client of a Shelly energy meter: what is there, its values, its relay, and the grid power as fast as it goes."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..client import Installation, Progress, Report
from ..client_base import ClientBase
from ..errors import (
    BadAnswerError,
    NotAMeterError,
    NotSupportedError,
    NotWritableError,
    SolarError,
)
from ..journal import Journal
from ..links.http import HttpLink
from ..links.turns import Priority
from ..live import MeterReading, Unfollow
from ..points import Limits, Reading, Ref, Value, check_flag
from . import codec_first, codec_later
from .address import Field, Name, ShellyPoint
from .board import Board
from .codec import DEVICE, Picture
from .exchange import Exchange, Timing
from .follower import FROZEN_AFTER, Follower
from .greeting import Greeting
from .points import RELAY
from .relay import Relay
from .rpc import Answered
from .socket import Notified, RpcSocket
from .survey import Found, found_of, installation_of, points_for, same_layout, units_of
from .wiring import Wiring, wiring_of

USERNAME, PASSWORD = "username", "password"
"""Names of the settings: the user (generation 1 only; later ones have one user) and the password, where one is set."""
PROFILE_CHANGED, METER_FROZEN = "meter_profile_changed", "meter_frozen"
TROUBLES = {PROFILE_CHANGED: ("address", "was", "now"), METER_FROZEN: ("address", "seconds")}
PHASED_CLAMPS = 3
"""Clamps of a meter of generation 1 that sits on the phases of one connection."""


class ShellyClient(ClientBase[ShellyPoint]):
    """One meter. Implements ``client.Client``, ``live.MeterClient`` and ``live.RelayClient``."""

    device = DEVICE

    def __init__(
        self,
        link: HttpLink,
        *,
        journal: Journal,
        settings: Mapping[str, Any] | None = None,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the link; nothing is sent before the first use."""
        super().__init__(journal=journal, stats=link.stats, trace=link.trace)
        self._troubles: dict[str, Mapping[str, str]] = {}
        self.troubles = self._troubles
        self._settings = dict(settings or {})
        self._clock = clock
        self._timing = timing or Timing()
        self._exchange = Exchange(
            link,
            timing=self._timing,
            user=str(self._settings.get(USERNAME) or ""),
            password=str(self._settings.get(PASSWORD) or ""),
            clock=clock,
        )
        self._exchange.greeted = self._greeted
        self._board = Board(Wiring())
        self._relay = Relay(self._exchange, self._call, self._take_picture)
        self._follower = Follower(
            self._exchange,
            timing=self._timing,
            open_socket=self._open_socket,
            measure=self._measure,
            take=self._take_picture,
            froze=self._froze,
            clock=clock,
        )
        self._found = Found()

    # What is there

    @property
    def connected(self) -> bool:
        """Whether the last request was answered."""
        return self._exchange.connected or self._socket is not None

    @property
    def hold_off(self) -> float:
        """Seconds for which ``read`` fails at once, because the last ones failed; 0 while all is well."""
        return self._exchange.hold_off

    @property
    def _socket(self) -> RpcSocket | None:
        """The WebSocket of the loop, while it can be used."""
        socket = self._follower.socket
        return socket if socket is not None and socket.open else None

    async def connect(self, timeout: float) -> None:
        """Find the meter and greet it; raises ``LinkError``, ``NoAnswerError``, ``NotAMeterError``."""
        await self._exchange.within(timeout, self._exchange.greet(Priority.PERSON))

    def expect(self, installation: Installation) -> None:
        """Take an installation as known from an earlier ``identify``; its MAC address is checked when it is asked.

        Raises ``ValueChoiceError`` when the settings name a clamp that it does not have.
        """
        self._take(installation, Found.from_facts(installation.facts))

    def _take(self, installation: Installation, found: Found) -> None:
        wiring = wiring_of(self._settings, found.clamps, found.kind, phases=found.phases)
        self._installation, self._found = installation, found
        self._board = Board(wiring)
        self._relay.switch = found.switch
        self._exchange.expected = installation.root.serial
        self._tables = {unit.id: points_for(unit, found, wiring) for unit in installation.all_units}

    async def identify(self, progress: Progress | None = None) -> Installation:
        """Find out the model, its clamps and what they tell.

        Raises ``LinkError``, ``NoAnswerError``, ``BadAnswerError``, ``AuthError``, ``WrongDeviceError``,
        ``NotAMeterError`` for a device that measures nothing, and ``ValueChoiceError`` when the settings name a clamp
        that it does not have.
        """
        tell = progress or (lambda share, name: None)
        tell(0.0, "meter")
        greeting = await self._exchange.greet(Priority.PERSON, anew=True)
        tell(0.3, greeting.model)
        if greeting.first_generation:
            installation, found, picture = await self._survey_first(greeting)
        else:
            installation, found, picture = await self._survey_later(greeting)
        self._troubles.clear()
        self._take(installation, found)
        self._take_picture(picture, self._clock())
        tell(1.0, "")
        return installation

    async def _survey_first(self, greeting: Greeting) -> tuple[Installation, Found, Picture]:
        status = (await self._exchange.get("/status", priority=Priority.PERSON)).content
        if not status.get("emeters"):
            raise self._no_meter(greeting)
        picture = codec_first.decode_status(status)
        settings = (await self._exchange.get("/settings", priority=Priority.PERSON)).content
        clamps = len(picture.clamps)
        switch = 0 if Field(Name.RELAY) in picture.values else None
        found = found_of(greeting, picture, phases=clamps == PHASED_CLAMPS, switch=switch)
        return installation_of(units_of(greeting, found, *codec_first.names(settings, clamps)), found), found, picture

    async def _survey_later(self, greeting: Greeting) -> tuple[Installation, Found, Picture]:
        status = (await self._exchange.call("Shelly.GetStatus", priority=Priority.PERSON)).content
        if not any(name.startswith(("em:", "em1:")) for name in status):
            raise self._no_meter(greeting)
        picture = codec_later.decode_status(status)
        config = (await self._exchange.call("Shelly.GetConfig", priority=Priority.PERSON)).content
        found = found_of(greeting, picture, phases="em:0" in status, switch=codec_later.switch_id(status))
        name, clamp_names = codec_later.names(config, len(picture.clamps))
        units = units_of(greeting, found, name or greeting.name, clamp_names)
        return installation_of(units, found), found, picture

    def _no_meter(self, greeting: Greeting) -> NotAMeterError:
        return NotAMeterError(address=self._exchange.address, found=greeting.model or "Shelly")

    def _greeted(self, greeting: Greeting) -> None:
        """What may have changed while the meter was away: its firmware, and what it measures."""
        if self._installation is None:
            return
        root = self._installation.root
        if greeting.firmware and greeting.firmware != root.firmware:
            self._installation = replace(self._installation, root=replace(root, firmware=greeting.firmware))
        if same_layout(self._found, greeting):
            self._troubles.pop(PROFILE_CHANGED, None)
        else:
            self._troubles[PROFILE_CHANGED] = {
                "address": self._exchange.address,
                "was": self._found.profile or "-",
                "now": greeting.profile or "-",
            }

    def _froze(self, frozen: bool) -> None:
        if frozen:
            self._troubles[METER_FROZEN] = {"address": self._exchange.address, "seconds": f"{FROZEN_AFTER:.0f}"}
        else:
            self._troubles.pop(METER_FROZEN, None)

    # Reading

    def group(self, ref: Ref) -> Hashable:
        """One answer holds everything."""
        return "status"

    async def read(self, refs: Sequence[Ref]) -> Report:
        """Read points in one exchange, or in none where the loop has just brought them. See ``client.Client.read``.

        An error that costs everything is raised. For ``hold_off`` seconds after a failure the last error is raised
        again at once.
        """
        report = Report()
        readable = self._readable(refs, report)
        wanted = {ref: (point.address.of(unit.address), point) for ref, (unit, point) in readable.items()}
        now = self._clock()
        loop_brought = self._follower.active and all(self._board.fresh(field, now) for field, _ in wanted.values())
        told = None if loop_brought or not wanted else (await self._whole(Priority.POLL))[0]
        for ref, (field, point) in wanted.items():
            try:
                report.readings[ref] = self._reading(field, point, told)
            except SolarError as err:
                report.failed[ref] = err
        return report

    def _reading(self, field: Field, point: ShellyPoint, told: Picture | None) -> Reading:
        """The newest value; raises ``NotSupportedError`` and ``BadAnswerError`` for a counter that went back."""
        known = self._board.get(field)
        if known is None or (told is not None and field not in told.values):
            raise _unsupported(point.key, "the meter does not tell it now")
        value, at = known
        if self._board.doubts(field):
            raise BadAnswerError(device=DEVICE, reason=f"{point.name} is lower than it was")
        match field.name:
            case Name.UPTIME:
                return Reading(self._board.started if value is not None else None, at)
            case Name.PROBLEM if errors := self._board.errors(field.clamp):
                return Reading(value, at, details={"errors": ", ".join(errors)})
        return Reading(value, at)

    def _take_picture(self, picture: Picture, at: float) -> Picture:
        self._exchange.check(picture.mac)
        return self._board.take(picture, at)

    async def _call(
        self, method: str, params: Mapping[str, Any] | None = None, priority: Priority = Priority.POLL
    ) -> Answered:
        """Call a method over the WebSocket that the loop has, else over HTTP."""
        socket = self._socket
        return await (socket.call if socket else self._exchange.call)(method, params, priority)

    async def _whole(self, priority: Priority) -> tuple[Picture, float]:
        """Ask for everything in one exchange."""
        if self._found.generation == 1:
            answered = await self._exchange.get("/status", priority=priority)
            return self._take_picture(codec_first.decode_status(answered.content), answered.at), answered.at
        answered = await self._call("Shelly.GetStatus", priority=priority)
        return self._take_picture(codec_later.decode_status(answered.content), answered.at), answered.at

    async def _measure(self, socket: RpcSocket | None) -> tuple[Picture, float]:
        """Ask for what the grid power needs, as the loop does."""
        if self._found.generation == 1:
            return await self._whole(Priority.CONTROL)
        call = socket.call if socket else self._exchange.call
        if self._found.phases:
            answered = await call("EM.GetStatus", {"id": 0}, Priority.CONTROL)
            components: dict[str, Any] = {"em:0": answered.content}
            at = answered.at
        else:
            clamps = self._board.wiring.grid_clamps
            each = [await call("EM1.GetStatus", {"id": clamp}, Priority.CONTROL) for clamp in clamps]
            components = {f"em1:{clamp}": one.content for clamp, one in zip(clamps, each, strict=True)}
            at = sum(one.at for one in each) / len(each)
        return self._take_picture(codec_later.decode_components(components), at), at

    # Following

    def follow_meter(self, take: Callable[[MeterReading], None]) -> Unfollow:
        """See ``live.MeterClient``: about one reading per second, from a task that runs while somebody follows.

        Raises ``LinkClosedError`` after ``close``.
        """
        _ = self.installation
        return self._follower.follow(take)

    def _open_socket(self, notified: Notified) -> RpcSocket:
        return RpcSocket(
            self._exchange.address,
            timing=self._timing,
            stats=self.stats,
            trace=self.trace,
            password=self._exchange.password,
            expected=self._exchange.expected,
            notified=notified,
        )

    # Relay

    async def limits(self, ref: Ref) -> Limits:
        """Nothing bounds the one setting, which is on or off."""
        self._resolve(ref)
        return Limits()

    async def write(self, ref: Ref, value: Value, *, permanent: bool = False, confirmed: bool = False) -> Reading:
        """Switch the relay; a timer that holds it ends. See ``client.Client.write`` for what is raised."""
        _, point = self._resolve(ref)
        if not point.writable or point.key != RELAY:
            raise NotWritableError(point=point.name)
        return Reading(value, await self._relay.set(on=check_flag(point, value)))

    async def hold_relay(self, seconds: float) -> None:
        """See ``live.RelayClient``."""
        await self._relay.hold(seconds)

    async def release_relay(self) -> None:
        """See ``live.RelayClient``."""
        await self._relay.set(on=False, priority=Priority.CONTROL)

    async def close(self) -> None:
        """End the loop and close every connection."""
        await self._follower.close()
        await self._exchange.close()


def _unsupported(what: str, reason: str) -> NotSupportedError:
    return NotSupportedError(device=DEVICE, code=what, reason=reason)
