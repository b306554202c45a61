"""Questions and answers with the DTU: login, busy spells, web pages instead of data (reference section 2)."""

import base64
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import override

from ..errors import (
    AuthError,
    BadAnswerError,
    DeviceBusyError,
    DeviceRefusedError,
    LinkError,
    NoAnswerError,
    NotSupportedError,
)
from ..links.http import HttpAnswer, HttpLink, HttpTiming
from ..links.http_exchange import HttpExchange
from ..links.turns import Priority
from .codec import DEVICE, Json, Reply, decode_reply, encode_form, parse

USER = "admin"
"""The DTU knows no other one."""
_HEADERS = {
    # Without it a refusal makes browsers ask for a password; the DTU's own page sends it too.
    "X-Requested-With": "XMLHttpRequest",
    # The DTU closes anyway; a request on a connection that is just being closed would be lost.
    "Connection": "close",
}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_PRIVATE = re.compile(rb'"((?:sta|ap)_b?ssid|network_hostname|hostname|(?:network|ap)_mac)"\s*:\s*"[^"]*"?')
_SERIAL = re.compile(rb"(?:(?<![0-9A-Fa-f])|(?<=%22))([0-9A-Fa-f]{4})[0-9A-Fa-f]{8}(?![0-9A-Fa-f])")
"""In a form, quotation marks travel as %22."""


def redact(body: bytes) -> bytes:
    """A body without names and addresses of the network; of serial numbers only the type is left."""
    return _SERIAL.sub(rb"\1********", _PRIVATE.sub(rb'"\1":"**REDACTED**"', body))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Waiting times in seconds."""

    http: HttpTiming = field(default_factory=lambda: HttpTiming(answer=5.0))
    write: float = 10.0
    """For the answer to a write."""
    first_hold_off: float = 1.0
    longest_hold_off: float = 30.0
    overloaded: float = 60.0
    """After "too many requests", unless the DTU says otherwise."""
    out_of_memory: float = 10.0
    """After an answer that did not fit into its memory."""
    between: float = 2.0
    """From one look at the live data to the next while somebody follows."""
    between_delicate: float = 10.0
    """The same with firmware that does not stand more."""
    pending: float = 0.5
    """Between two looks whether a command was confirmed."""
    confirm: float = 12.0
    """For the confirmation of a command; the DTU itself tries for ten."""
    again: float = 1.0
    """Until a command that the DTU did not take is sent once more."""
    no_effect: float = 30.0
    """After which a command that changed nothing was not carried out."""
    tell: float = 90.0
    """After the last read or follower for which the WebSocket is kept."""
    socket_silence: float = 25.0
    """Without a message after which the WebSocket is given up; one is due every ten."""
    socket_first: float = 5.0
    socket_longest: float = 300.0


class OverloadedError(DeviceBusyError):
    """The DTU has no memory left for the answer; nothing is wrong with the link."""


class SparedError(OverloadedError):
    """The DTU was not asked at all, because a moment ago it had no memory left."""


class Exchange(HttpExchange):
    """One DTU over one link: requests go out one at a time, and after failures less and less often."""

    failures = (LinkError, NoAnswerError, BadAnswerError)

    def __init__(
        self, link: HttpLink, *, password: str = "", timing: Timing, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is sent before the first question."""
        super().__init__(
            link, first_hold_off=timing.first_hold_off, longest_hold_off=timing.longest_hold_off, clock=clock
        )
        self.timing = timing
        self._headers = dict(_HEADERS)
        self.password = password
        if password:
            # The DTU takes it without having asked for it.
            token = base64.b64encode(f"{USER}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"
        self._spared: dict[str, float] = {}
        self.lost = True
        """Whether the DTU may have been replaced or restarted since it was last looked at."""

    @property
    def headers(self) -> dict[str, str]:
        """What belongs to every request."""
        return dict(self._headers)

    async def get(self, path: str, priority: Priority = Priority.POLL) -> Json:
        """The JSON object at ``path``.

        A poll during ``hold_off`` raises the last error without touching the wire. Raises ``LinkError`` and its kinds,
        ``NoAnswerError``, ``BadAnswerError``, ``AuthError``, ``OverloadedError``, and ``NotSupportedError`` where this
        firmware does not know the path.
        """
        self._spare(priority)
        if priority is Priority.POLL and self._clock() < self._spared.get(_plain(path), -math.inf):
            raise SparedError(device=DEVICE, code=429, reason="it is out of memory")
        return parse((await self._ask("GET", path, b"", priority)).body)

    async def press(self, path: str, priority: Priority = Priority.PERSON) -> Reply:
        """A GET that does something; raises what ``post`` raises."""
        return decode_reply(parse((await self._ask("GET", path, b"", priority, again=False)).body))

    async def post(self, path: str, data: Json, priority: Priority = Priority.PERSON) -> Reply:
        """Send a command once and return the reply, good or not; raises what ``get`` raises."""
        return decode_reply(parse((await self._ask("POST", path, encode_form(data), priority, again=False)).body))

    async def _ask(self, method: str, path: str, body: bytes, priority: Priority, *, again: bool = True) -> HttpAnswer:
        headers = self._headers | _FORM if body else self._headers
        timeout = self.timing.write if method == "POST" else None
        with self._counting():
            answer = await self._link.ask(
                method, path, body, headers=headers, priority=priority, again=again, timeout=timeout
            )
            self._check(answer, path)
        return answer

    @override
    def _failed(self) -> None:
        self.lost = True

    def _check(self, answer: HttpAnswer, path: str) -> None:
        """Raise what the status of an answer stands for (reference section 2)."""
        if answer.status == 401:
            raise AuthError(device=DEVICE)
        if answer.status == 429:
            self._spare_path(path, _seconds(answer.headers.get("retry-after", "")) or self.timing.overloaded)
            raise OverloadedError(device=DEVICE, code=429, reason="it is out of memory")
        if answer.status == 500:
            self._spare_path(path, self.timing.out_of_memory)
            raise OverloadedError(device=DEVICE, code=500, reason="the answer did not fit into its memory")
        if answer.status == 404 or _is_page(answer):
            raise NotSupportedError(device=DEVICE, code=_plain(path), reason="this firmware does not have it")
        if answer.status != 200:
            raise BadAnswerError(device=DEVICE, reason=f"HTTP {answer.status}")

    def _spare_path(self, path: str, seconds: float) -> None:
        """Leave that path alone for a while: others need less memory."""
        self._spared[_plain(path)] = self._clock() + min(seconds, self.timing.overloaded)


def _plain(path: str) -> str:
    return path.partition("?")[0]


def _is_page(answer: HttpAnswer) -> bool:
    """The web page of the DTU, which it sends for every path that it does not know."""
    return answer.headers.get("content-type", "").startswith("text/html") or answer.body.lstrip()[:1] == b"<"


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() and len(text) < 6 else 0.0


def check_reply(reply: Reply) -> None:
    """Raise ``DeviceRefusedError`` unless a write was taken."""
    if not reply.good:
        raise DeviceRefusedError(device=DEVICE, code=reply.code, reason=reply.message or reply.kind)
