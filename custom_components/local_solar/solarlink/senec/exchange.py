"""Questions and answers with the appliance: finding its scheme, keeping a session, and sparing it when it suffers.

Transport, session and pauses: reference sections 2 and 5.
"""

import asyncio
import errno
import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import override
from urllib.parse import urlsplit

import aiohttp

from ..errors import (
    BadAnswerError,
    LinkClosedError,
    LinkError,
    NoAnswerError,
    NoLocalServerError,
    SolarError,
    WrongDeviceError,
)
from ..links.http import HttpAnswer, HttpLink, HttpTiming
from ..links.http_exchange import HttpExchange
from ..links.stats import LinkStats
from ..links.tls import short
from ..links.turns import Priority
from .codec import DEVICE, Answer, Request, decode_body, encode_request

_LOGGER = logging.getLogger(__name__)

PATH = "/lala.cgi"
SCHEMES = ("https", "http")
"""Newer firmware speaks only the first, older firmware only the second."""
HEADERS = {"Content-Type": "application/json"}
COOKIE = "senec-homev3-gui"
COOKIE_SINCE = 2411
"""Image of the control unit from which sessions are kept by cookie."""
SESSION_START: Request = {"FACTORY": {"SYS_TYPE": "", "COUNTRY": "", "DEVICE_ID": ""}}
LOG_OUT: Request = {"LOG": {"LOG_OUT_BUTT": "u8_01"}}
DOUBTFUL = 5
"""Failures in a row after which the other scheme is tried too: a repaired machine may come back with old firmware."""
PROBE_EVERY = 300.0
"""Seconds between two such tries."""
CERTIFICATE_CHANGED = "certificate_changed"

_PRIVATE = re.compile(
    # Quotation marks may be escaped, and a body may be cut off anywhere.
    rb'\\?"((?:INV_|INTERNAL_MD_)?SERIAL(?:_\w+)?|DEVICE_ID|SN|UID|MAC_ADDRESS_BYTES|USERNAME|PASSWORD)\\?"'
    rb'\s*:\s*(?:\\?"[^"\\]+(?:\\?")?|\[[^\]]*\]?)'
)


def redact(body: bytes) -> bytes:
    """A body without serial numbers, device id, MAC address and login."""
    return _PRIVATE.sub(rb'"\1":"**REDACTED**"', body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Waiting times in seconds."""

    http: HttpTiming = field(default_factory=HttpTiming)
    log_out: float = 5.0
    """After ending a stale session, before the next one."""
    first_hold_off: float = 10.0
    longest_hold_off: float = 300.0
    between_writes: float = 1.0
    verify: float = 2.0
    """From a write to reading it back."""
    verify_late: float = 10.0
    """From switching force charge to the last look whether it did."""
    stop_checks: tuple[float, ...] = (15.0, 60.0)
    """After force charge was stopped: some machines begin again by themselves."""
    save: float = 5.0
    """Quiet time after a setting until the appliance is asked to save its settings."""


class WebPageError(BadAnswerError):
    """A web server answers, but it is none of a SENEC.Home."""


class Exchange(HttpExchange):
    """One appliance over one link: requests go out one at a time, and after failures less and less often."""

    failures = (LinkError, NoAnswerError, BadAnswerError, WrongDeviceError)

    def __init__(
        self,
        link: HttpLink,
        *,
        timing: Timing,
        stats: LinkStats,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is sent before the first question."""
        super().__init__(
            link, first_hold_off=timing.first_hold_off, longest_hold_off=timing.longest_hold_off, clock=clock
        )
        self.timing = timing
        self.troubles: dict[str, dict[str, str]] = {}
        self.expected = ""
        """Device id that must answer; empty for any."""
        self.image = 0
        """Image number of the control unit, 0 while it is not known."""
        self.trusted = ""
        """Fingerprint of the certificate that the owner trusts; the first one seen."""
        self.scheme = ""
        """The scheme that the appliance speaks, empty until it is found."""
        self.garbled: Counter[str] = Counter()
        """Variables that came as no typed value, and how often."""
        self._stats = stats
        self._first = link.scheme
        self._ports = dict.fromkeys(SCHEMES, link.port)
        self._begun: Answer | None = None
        self._probed = -PROBE_EVERY

    @property
    def begun(self) -> bool:
        """Whether the appliance has been greeted since the last failure."""
        return self._begun is not None

    async def greet(self, priority: Priority = Priority.POLL, *, anew: bool = False) -> Answer:
        """Make sure that the right appliance is there and return what it said of itself.

        Raises ``LinkError`` and its kinds, ``NoAnswerError``, ``BadAnswerError`` and ``WrongDeviceError``.
        """
        async with self._link.turn(priority):
            if anew:
                self._begun = None
            with self._counting():
                return await self._begin()

    async def ask(self, request: Request, priority: Priority = Priority.POLL, *, again: bool = True) -> Answer:
        """Ask once; a damaged answer is asked for once more if ``again``, which a write forbids.

        A poll during ``hold_off`` raises the last error without touching the wire. Raises what ``greet`` raises.
        """
        self._spare(priority)
        async with self._link.turn(priority):
            with self._counting():
                await self._begin()
                return await self._post(request, again=again)

    async def fetch(self, path: str) -> str:
        """A text file of the appliance; raises what ``greet`` raises, ``BadAnswerError`` when it is not there."""
        answer = await self._link.ask("GET", path)
        if answer.status != 200:
            raise BadAnswerError(device=DEVICE, reason=f"HTTP {answer.status}")
        return answer.body.decode("utf-8", "replace")

    @override
    def _failed(self) -> None:
        self._begun = None

    async def renew_session(self) -> None:
        """Get the session cookie that this image should have given; nothing is lost without it."""
        if self.image < COOKIE_SINCE or self._link.scheme != "https" or self._link.has_cookie(COOKIE):
            return
        async with self._link.turn():
            await self._renew()

    async def _renew(self) -> None:
        try:
            await self._post(LOG_OUT, again=False)
            await asyncio.sleep(self.timing.log_out)
            await self._post(SESSION_START, again=False)
        except LinkClosedError:
            raise
        except SolarError as err:
            _LOGGER.debug("No session cookie from %s: %s", self._link.address, err)

    async def _begin(self) -> Answer:
        """Greet the appliance unless that was done since the last failure, with the turn in hand."""
        if self._begun is not None:
            return self._begun
        answer = await self._find()
        found = answer.text("FACTORY", "DEVICE_ID")
        if self.expected and found and found != self.expected:
            raise WrongDeviceError(expected=self.expected, found=found, address=self._link.address)
        self._begun = answer
        if self.image >= COOKIE_SINCE and self._link.scheme == "https" and not self._link.has_cookie(COOKIE):
            await self._renew()
        return answer

    def _candidates(self) -> tuple[str, ...]:
        if not self.scheme:
            return (self._first, *(scheme for scheme in SCHEMES if scheme != self._first))
        if self._backoff.failures < DOUBTFUL or self._clock() - self._probed < PROBE_EVERY:
            return (self.scheme,)
        self._probed = self._clock()
        return (*(scheme for scheme in SCHEMES if scheme != self.scheme), self.scheme)

    async def _find(self) -> Answer:
        """Start a session with whichever scheme the appliance speaks."""
        errors: list[SolarError] = []
        for scheme in self._candidates():
            self._speak(scheme)
            try:
                answer = await self._post(SESSION_START)
                if "FACTORY" not in answer.values:
                    raise WebPageError(device=DEVICE, reason="it says nothing of a SENEC.Home")
            except LinkClosedError:
                raise
            except (LinkError, NoAnswerError, BadAnswerError) as err:
                errors.append(err)
                continue
            self.scheme = self._link.scheme
            return answer
        self._speak(self.scheme or self._first)
        raise self._verdict(errors)

    def _speak(self, scheme: str) -> None:
        self._link.scheme, self._link.port = scheme, self._ports[scheme]

    def _verdict(self, errors: list[SolarError]) -> SolarError:
        """The one error that says most about why no scheme worked."""
        stranger = any(isinstance(err, WebPageError) for err in errors)
        refused = all(_is_refused(err) for err in errors)
        if not self.scheme and (stranger or refused):
            return NoLocalServerError(address=self._link.address.partition("://")[2])
        # Who answered, even badly, is more likely to be the appliance than who did not.
        return next((err for err in errors if not isinstance(err, LinkError)), errors[-1])

    async def _post(self, request: Request, *, again: bool = True) -> Answer:
        body = encode_request(request)
        try:
            return await self._post_once(body, again=again)
        except WebPageError:
            raise
        except BadAnswerError:
            if not again:
                raise
        self._stats.retries += 1
        await asyncio.sleep(self.timing.http.retry)
        return await self._post_once(body, again=False)

    async def _post_once(self, body: bytes, *, again: bool) -> Answer:
        received = await self._link.ask_now("POST", PATH, body, headers=HEADERS, again=again)
        if received.location.startswith("https://") and self._link.scheme == "http":
            # It was not carried out there, so nothing is sent twice.
            self._ports["https"] = _port_of(received.location)
            self._speak("https")
            received = await self._link.ask_now("POST", PATH, body, headers=HEADERS, again=again)
            self.scheme = "https"
        answer = _decoded(received)
        self._look_at_certificate()
        for name, text in answer.garbled():
            if name not in self.garbled:
                _LOGGER.info("%s sent %s as %r, which is no value", DEVICE, name, text)
            self.garbled[name] += 1
        return answer

    def _look_at_certificate(self) -> None:
        seen = self._link.fingerprint
        if self._link.scheme != "https" or not seen:
            return
        if not self.trusted or self._link.verified:
            self.trusted = seen
        if seen == self.trusted:
            self.troubles.pop(CERTIFICATE_CHANGED, None)
        else:
            self.troubles[CERTIFICATE_CHANGED] = {
                "address": self._link.address,
                "old": short(self.trusted),
                "new": short(seen),
            }

    def accept_certificate(self) -> None:
        """Trust the certificate that the appliance shows now."""
        self.trusted = self._link.fingerprint or self.trusted
        self.troubles.pop(CERTIFICATE_CHANGED, None)


def _port_of(url: str) -> int:
    try:
        return urlsplit(url).port or 0
    except ValueError:
        return 0


def _decoded(received: HttpAnswer) -> Answer:
    if received.status != 200:
        raise WebPageError(device=DEVICE, reason=f"HTTP {received.status}")
    if received.body.lstrip()[:1] == b"<":
        raise WebPageError(device=DEVICE, reason="it is a web page")
    return decode_body(received.body)


def _is_refused(err: SolarError) -> bool:
    """Whether the machine is there, but nothing listens."""
    cause = err.__cause__
    return isinstance(cause, aiohttp.ClientConnectorError) and cause.os_error.errno == errno.ECONNREFUSED
