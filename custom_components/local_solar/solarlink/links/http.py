"""A link to a device that speaks HTTP or HTTPS: a session of its own, one request at a time, people before polls."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import aiohttp

from ..errors import (
    BadAddressError,
    BadAnswerError,
    LinkClosedError,
    LinkError,
    LinkLostError,
    NoAnswerError,
    SolarError,
)
from ..trace import Direction, Trace
from .address import LinkAddress
from .stats import LinkStats
from .tls import WitnessContext, client_context
from .turns import Priority, Turns

KEEP_ALIVE = 60.0
"""Seconds for which an idle connection is kept; web servers of devices close theirs a little later."""
LARGEST = 1 << 20
"""Bytes of an answer beyond which it is none of a device of ours."""
TRACED = 1 << 14
"""Bytes of one body that the trace keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTiming:
    """Waiting times in seconds."""

    answer: float = 10.0
    """For the whole exchange, connecting included."""
    retry: float = 1.0
    """Pause before a request is repeated."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back, whatever its status. ``headers`` have lower-case names."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def location(self) -> str:
        """Where a redirect points; empty when this is none."""
        return self.headers.get("location", "") if 300 <= self.status < 400 else ""


@dataclass(slots=True)
class _Course:
    """How far a request has come."""

    connected: bool = False
    reused: bool = False


class HttpLink:
    """Requests to one host. Redirects are reported, never followed: following would turn a POST into a GET.

    The certificate of an HTTPS host is not verified unless ``root`` (PEM) is given; its fingerprint is told, so that
    the client can notice a change.
    """

    def __init__(
        self,
        host: str,
        port: int = 0,
        *,
        device: str,
        stats: LinkStats,
        trace: Trace,
        scheme: str = "http",
        timing: HttpTiming | None = None,
        root: str = "",
        redact: Callable[[bytes], bytes] = bytes,
    ) -> None:
        """Nothing is connected before the first request.

        ``port`` 0 is the usual one of the scheme; ``device`` is how errors call the other end; ``redact`` takes what
        nobody else may see out of a body before the trace keeps it.
        """
        self.scheme, self.port = scheme, port
        self.timing = timing or HttpTiming()
        self._host, self._device = host, device
        self.stats, self.trace, self._redact = stats, trace, redact
        self._root = root
        self._turns = Turns()
        self._session: aiohttp.ClientSession | None = None
        self._context: WitnessContext | None = None
        self._connected = False
        self._closed = False

    @property
    def address(self) -> str:
        """How errors call the link."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port else "")

    @property
    def connected(self) -> bool:
        """Whether the last request was answered."""
        return self._connected and not self._closed

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate at the last handshake as hex text; empty without TLS."""
        return self._context.fingerprint if self._context else ""

    @property
    def verified(self) -> bool:
        """Whether certificates are checked against a root."""
        return bool(self._root)

    def has_cookie(self, name: str) -> bool:
        """Whether the device has set that cookie."""
        return self._session is not None and any(cookie.key == name for cookie in self._session.cookie_jar)

    @asynccontextmanager
    async def turn(self, priority: Priority = Priority.POLL) -> AsyncGenerator[None]:
        """Keep the link for several requests; inside, use ``ask_now``."""
        async with self._turns.turn(priority):
            yield

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        priority: Priority = Priority.POLL,
        again: bool = True,
        timeout: float | None = None,
    ) -> HttpAnswer:
        """Ask when it is our turn. See ``ask_now``."""
        async with self._turns.turn(priority):
            return await self.ask_now(method, path, body, headers=headers, again=again, timeout=timeout)

    async def ask_now(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        again: bool = True,
        timeout: float | None = None,
    ) -> HttpAnswer:
        """Ask, for callers that hold the turn, and return the answer whatever its status.

        ``again`` allows one repetition when the device had dropped a connection that was kept for later; a write passes
        false. Raises ``NoAnswerError`` (connected, but silent), ``LinkError`` and its kinds, and ``BadAnswerError``
        for what is no HTTP or ends too early.
        """
        course = _Course()
        try:
            return await self._ask_once(method, path, body, headers or {}, timeout, course)
        except LinkLostError:
            if not again or not course.reused:
                raise
        self.stats.retries += 1
        await asyncio.sleep(self.timing.retry)
        return await self._ask_once(method, path, body, headers or {}, timeout, _Course())

    async def _ask_once(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        timeout: float | None,
        course: _Course,
    ) -> HttpAnswer:
        seconds = self.timing.answer if timeout is None else timeout
        self.stats.exchanges += 1
        started = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                answer = await self._exchange(method, path, body, headers, course)
        except (aiohttp.ClientError, OSError, ValueError) as err:
            # TimeoutError is an OSError.
            failure = self._failure(err, seconds, course)
            self._failed(failure)
            raise failure from err
        except SolarError as err:
            self._failed(err)
            raise
        self._connected = True
        self.stats.answered(time.monotonic() - started)
        return answer

    def _failed(self, failure: SolarError) -> None:
        self._connected = False
        self.stats.last_error = str(failure)
        self.trace.add(Direction.NOTE, note=str(failure))

    async def _exchange(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], course: _Course
    ) -> HttpAnswer:
        session = await self._open()
        context = await self._trusting() if self.scheme == "https" else True
        self.trace.add(Direction.SENT, self._shown(body), f"{method} {self.scheme} {path}")
        async with session.request(
            method,
            f"{self.address}{path}",
            data=body or None,
            headers=headers,
            allow_redirects=False,
            ssl=context,
            trace_request_ctx=course,
        ) as response:
            received = await self._body(response)
            self.trace.add(Direction.RECEIVED, self._shown(received), f"HTTP {response.status}")
            found = {name.lower(): value for name, value in response.headers.items()}
            return HttpAnswer(response.status, received, found)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        received = bytearray()
        try:
            async for piece in response.content.iter_any():
                received += piece
                if len(received) > LARGEST:
                    raise BadAnswerError(device=self._device, reason="it is too long")
        except aiohttp.ClientPayloadError as err:
            self.trace.add(Direction.RECEIVED, self._shown(bytes(received)), "cut off")
            raise BadAnswerError(device=self._device, reason="it was cut off") from err
        return bytes(received)

    def _shown(self, body: bytes) -> bytes:
        return self._redact(body)[:TRACED]

    def _failure(self, err: Exception, seconds: float, course: _Course) -> LinkError | NoAnswerError | BadAnswerError:
        """The error of ours that a failure of aiohttp or of the system stands for."""
        if self._closed:
            return LinkClosedError(address=self.address)
        match err:
            case TimeoutError() if course.connected:
                self.stats.time_outs += 1
                return NoAnswerError(device=self._device, seconds=seconds)
            case TimeoutError():
                return LinkError(address=self.address, reason="no answer")
            case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
                return LinkError(address=self.address, reason=_tls_reason(err))
            case aiohttp.ClientConnectorError():
                return LinkError(address=self.address, reason=err.strerror or str(err.os_error))
            case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
                return LinkLostError(address=self.address)
            case aiohttp.ClientResponseError():
                return BadAnswerError(device=self._device, reason="it is no HTTP")
            case OSError():
                return LinkError(address=self.address, reason=err.strerror or str(err))
        return LinkError(address=self.address, reason=str(err))

    async def _trusting(self) -> WitnessContext:
        if self._context is None:
            self._context = await client_context(self._root)
        return self._context

    async def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise LinkClosedError(address=self.address)
        if self._session is None:
            watch = aiohttp.TraceConfig()
            watch.on_connection_create_start.append(self._making)
            watch.on_connection_create_end.append(self._made)
            watch.on_connection_reuseconn.append(self._reused)
            self._session = aiohttp.ClientSession(
                # The resolver of the system knows the names of the house; aiohttp's other one does not.
                connector=aiohttp.TCPConnector(
                    limit=1, keepalive_timeout=KEEP_ALIVE, resolver=aiohttp.ThreadedResolver()
                ),
                # Devices are called by address, and by default cookies are kept for names only.
                cookie_jar=aiohttp.CookieJar(unsafe=True),
                timeout=aiohttp.ClientTimeout(total=None),
                trace_configs=[watch],
            )
        return self._session

    async def _making(self, session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
        # aiohttp repeats some requests by itself when a connection is lost; whether that is right, only we know.
        if self._closed:
            raise LinkClosedError(address=self.address)
        if context.trace_request_ctx.connected:
            raise LinkLostError(address=self.address)

    async def _made(self, session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
        self.stats.connects += 1
        context.trace_request_ctx.connected = True

    async def _reused(self, session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
        context.trace_request_ctx.connected = context.trace_request_ctx.reused = True

    async def drop(self) -> None:
        """Close the connection and forget all cookies; the next request begins anew."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def close(self) -> None:
        """Close the connection; who still waits gets ``LinkClosedError``."""
        self._closed = True
        await self.drop()


def http_link(
    address: LinkAddress,
    *,
    family: str,
    schemes: Collection[str],
    device: str,
    timing: HttpTiming,
    redact: Callable[[bytes], bytes],
    root: str = "",
) -> HttpLink:
    """A link to ``address`` with counters and a trace of its own, for the family of that name. See ``HttpLink``.

    Raises ``BadAddressError`` for a link of none of ``schemes``.
    """
    if address.scheme not in schemes or not address.host:
        raise BadAddressError(address=address.text, family=family, expected=", ".join(schemes))
    return HttpLink(
        address.host,
        address.port,
        device=device,
        stats=LinkStats(),
        trace=Trace(),
        scheme=address.scheme,
        timing=timing,
        root=root,
        redact=redact,
    )


def _tls_reason(err: aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError) -> str:
    if isinstance(err, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not signed by the given root"
    return "no encrypted connection could be agreed on"
