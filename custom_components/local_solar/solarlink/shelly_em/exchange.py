"""Questions and answers with a meter over HTTP: which dialect it speaks, the login, and sparing it when it suffers."""

import base64
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, override
from urllib.parse import urlencode

from ..errors import (
    AuthError,
    BadAnswerError,
    DeviceBusyError,
    LinkError,
    NoAnswerError,
    NotAMeterError,
    NotSupportedError,
    SolarError,
    WrongDeviceError,
)
from ..links.http import HttpAnswer, HttpLink, HttpTiming
from ..links.http_exchange import HttpExchange
from ..links.turns import Priority
from .codec import DEVICE, decode_object
from .digest import USER, Login, challenge_of_header
from .greeting import PATH, Greeting, decode_greeting
from .rpc import Answered, check_source, request_of, result_of

UNAUTHORIZED, NOT_FOUND = 401, 404
BUSY = (429, 503)
ONE_BY_ONE = {"Connection": "close"}
"""A meter has few sockets, so none is kept for later (reference sections 2 and 4)."""

_PRIVATE = re.compile(
    rb'\\?"(mac|id|src|dst|ssid|bssid|ip|sta_ip|ipv6|user|username|hostname|name|client_id|server|realm|nonce|cnonce|'
    rb'response|auth_domain|key|peer|addr)\\?"\s*:\s*\\?"[^"\\]*(?:\\?")?'
)
_WHOSE = re.compile(rb"(shelly[a-z0-9]+|SHEM(?:-3)?)([-#])[0-9A-Fa-f]{6,12}")


def redact(body: bytes) -> bytes:
    """A body without addresses, names, network and login."""
    return _WHOSE.sub(rb"\1\2**REDACTED**", _PRIVATE.sub(rb'"\1":"**REDACTED**"', body))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Waiting times in seconds."""

    http: HttpTiming = field(default_factory=lambda: HttpTiming(answer=5.0, retry=0.5))
    first_hold_off: float = 5.0
    longest_hold_off: float = 120.0
    period: float = 1.0
    """Between two questions of the loop that follows the meter; its chip measures about that often."""
    first_pause: float = 1.0
    longest_pause: float = 10.0
    """After failures of that loop."""
    login_pause: float = 60.0
    """After a refused login: a wrong password does not become right by itself."""
    socket_answer: float = 4.0
    ping: float = 30.0
    """Between two signs of life in a WebSocket (reference section 4.2)."""
    socket_again: float = 60.0
    """Until a WebSocket that could not be had is tried again; meanwhile the meter is asked over HTTP."""


class Exchange(HttpExchange):
    """One meter over one link: requests go out one at a time, and after failures polls do less and less often."""

    failures = (
        LinkError,
        NoAnswerError,
        BadAnswerError,
        WrongDeviceError,
        NotAMeterError,
        AuthError,
        DeviceBusyError,
    )

    def __init__(
        self,
        link: HttpLink,
        *,
        timing: Timing,
        user: str = "",
        password: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is sent before the first question. ``user`` is that of generation 1; later ones have one only."""
        super().__init__(
            link, first_hold_off=timing.first_hold_off, longest_hold_off=timing.longest_hold_off, clock=clock
        )
        self.timing = timing
        self.password = password
        self.expected = ""
        """MAC address that must answer, upper case without separators; empty for any."""
        self.greeted: Callable[[Greeting], None] = lambda greeting: None
        """Told every greeting of the right device."""
        self._basic = base64.b64encode(f"{user or USER}:{password}".encode()).decode()
        self._login = Login(password)
        self._greeting: Greeting | None = None
        self._known_password = False
        self._number = 0

    async def greet(self, priority: Priority = Priority.POLL, *, anew: bool = False) -> Greeting:
        """Make sure that the right meter is there and return what it says of itself.

        Asks only after a failure, or ``anew``. Raises ``LinkError`` and its kinds, ``NoAnswerError``,
        ``BadAnswerError``, ``NotAMeterError`` and ``WrongDeviceError``.
        """

        async def greet() -> Greeting:
            if anew:
                self._greeting = None
            return await self._begin()

        return await self._carry_out(greet, priority)

    async def get(
        self, path: str, query: Mapping[str, str | int] | None = None, priority: Priority = Priority.POLL
    ) -> Answered:
        """A page of generation 1; a poll during ``hold_off`` raises the last error without touching the wire.

        Raises what ``greet`` raises, ``AuthError``, ``NotSupportedError`` for a page that is not there and
        ``DeviceBusyError``.
        """
        target = f"{path}?{urlencode(query)}" if query else path

        async def get() -> Answered:
            await self._begin()
            answer, at = await self._ask("GET", target, self._first_login)
            return Answered(_body(answer, target), at)

        return await self._carry_out(get, priority)

    async def call(
        self, method: str, params: Mapping[str, Any] | None = None, priority: Priority = Priority.POLL
    ) -> Answered:
        """The result of a method of generation 2 and later; raises what ``get`` raises, ``DeviceRefusedError``."""

        async def call() -> Answered:
            await self._begin()
            self._number += 1
            body = json.dumps(request_of(self._number, method, params)).encode()
            answer, at = await self._ask("POST", "/rpc", self._later_login, body)
            frame = _body(answer, method)
            check_source(frame, self.expected, self.address)
            return Answered(result_of(frame, method), at)

        return await self._carry_out(call, priority)

    async def _carry_out[T](self, exchange: Callable[[], Awaitable[T]], priority: Priority) -> T:
        """Carry out an exchange with the link in hand, and take note of whether it went well."""
        self._spare(priority)
        async with self._link.turn(priority):
            with self._counting():
                return await self._checked(exchange)

    @override
    def _failed(self) -> None:
        self._greeting = None

    async def _checked[T](self, exchange: Callable[[], Awaitable[T]]) -> T:
        try:
            return await exchange()
        except NotSupportedError:
            # It knew that before: another firmware or another device may be there by now.
            self._greeting = None
            await self._begin()
            raise

    def recovered(self) -> None:
        """The meter has answered: polls are welcome again."""
        self._backoff.succeeded()

    async def _begin(self) -> Greeting:
        """Greet the meter unless that was done since the last failure, with the turn in hand."""
        if self._greeting is not None:
            return self._greeting
        answer = await self._link.ask_now("GET", PATH, headers=ONE_BY_ONE)
        if answer.status in BUSY:
            raise DeviceBusyError(device=DEVICE, code=answer.status, reason="busy")
        if answer.status != 200 or answer.body.lstrip()[:1] != b"{":
            raise self._stranger(answer)
        greeting = decode_greeting(decode_object(answer.body), self.address)
        self.check(greeting.mac)
        self._greeting = greeting
        self.greeted(greeting)
        return greeting

    def _stranger(self, answer: HttpAnswer) -> SolarError:
        """A device that is known shows a page for a while when it starts; an unknown one is none of ours."""
        reason = f"HTTP {answer.status}" if answer.status != 200 else "it is no JSON"
        if self.expected or answer.status >= 500:
            return BadAnswerError(device=DEVICE, reason=reason)
        return NotAMeterError(address=self.address, found="no Shelly")

    def check(self, mac: str) -> None:
        """Raise ``WrongDeviceError`` when a device that says who it is, is another one than expected."""
        if mac and self.expected and mac != self.expected:
            raise WrongDeviceError(expected=self.expected, found=mac, address=self.address)

    # Logins

    def _first_login(self, method: str, target: str) -> str:
        return f"Basic {self._basic}" if self.password else ""

    def _later_login(self, method: str, target: str) -> str:
        return self._login.header(method, target) if self.password and self._login.challenged else ""

    async def _ask(
        self, method: str, target: str, login: Callable[[str, str], str], body: bytes = b""
    ) -> tuple[HttpAnswer, float]:
        """Ask with a login; what was refused was not carried out, so it may be asked again."""
        for last in (False, True):
            proof = login(method, target)
            headers = ONE_BY_ONE | ({"Authorization": proof} if proof else {})
            asked = self._clock()
            # What reached the meter may have been carried out, so a lost connection is no reason to repeat it.
            answer = await self._link.ask_now(method, target, body, headers=headers, again=False)
            if answer.status != UNAUTHORIZED:
                self._known_password = self._known_password or bool(proof)
                return answer, (asked + self._clock()) / 2
            if last or not self._may_repeat(answer):
                break
        raise AuthError(device=DEVICE)

    def _may_repeat(self, answer: HttpAnswer) -> bool:
        """Whether a refusal may only mean that a login is wanted, or wanted anew (section 4.1)."""
        if not self.password:
            return False
        header = answer.headers.get("www-authenticate", "")
        if not header.lower().startswith("digest"):
            return self._known_password
        self._login.take(challenge_of_header(header))
        # The first proof may have been made with a challenge that has expired.
        return True


def _body(answer: HttpAnswer, what: str) -> dict[str, Any]:
    if answer.status in BUSY:
        raise DeviceBusyError(device=DEVICE, code=answer.status, reason="busy")
    if answer.status == NOT_FOUND:
        raise NotSupportedError(device=DEVICE, code=answer.status, reason=f"it does not know {what}")
    if answer.status == 200:
        return decode_object(answer.body)
    if answer.status >= 500 and answer.body.lstrip()[:1] == b"{":
        # An error of the remote procedure calls (section 5.6).
        return {"error": decode_object(answer.body)}
    raise BadAnswerError(device=DEVICE, reason=f"HTTP {answer.status}")
