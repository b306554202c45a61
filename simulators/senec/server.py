"""The appliance's web server: plain and encrypted ports, one request after another, pace, and faults of the wire."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from http import HTTPStatus
from random import Random
from typing import Any, Self

from aiohttp import web

from ..faults import Faults
from . import pages
from .appliance import Appliance
from .certificates import Chain
from .door import TlsDoor
from .overload import SLOWER

CGI = "/lala.cgi"
COOKIE = "senec-homev3-gui"
LARGEST_BODY = 11_500
"""Bytes of a request beyond which the answer is cut off (reference section 3)."""
SERVER = "nginx/1.17.7"
JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the appliance's interface as it arrived."""

    body: dict[str, Any] | None
    """What was asked, None when it was no JSON object."""
    size: int
    """Bytes of the body."""
    at: float
    """Time of the appliance's clock, s."""
    scheme: str
    content_type: str
    cookie: str | None
    """The session cookie that the client sent."""
    session: bool
    """The cookie is one that this appliance gave."""

    @property
    def fields(self) -> list[str]:
        """Return ``SECTION.FIELD`` of everything that was asked for; ``SECTION`` alone for a whole section."""
        return [
            name
            for section, asked in (self.body or {}).items()
            for name in ([f"{section}.{field}" for field in asked] if isinstance(asked, dict) and asked else [section])
        ]


@dataclass(slots=True)
class _Site:
    server: asyncio.Server
    host: str
    port: int
    tls: bool


class SenecServer:
    """Serves one appliance on any number of ports."""

    def __init__(
        self, appliance: Appliance, faults: Faults, *, tls: bool, pace: float, redirect: bool, seed: int
    ) -> None:
        """``tls``: what `listen` speaks unless told. ``pace`` scales the time an answer takes."""
        self.appliance = appliance
        self.faults = faults
        self.clock = appliance.clock
        self.pace = pace
        self.redirect = redirect
        """The plain ports answer 301 to the encrypted one."""
        self.requests: list[Request] = []
        """Every request to the interface."""
        self.pages: list[str] = []
        """Every other address that was asked for."""
        self._tls = tls
        self._random = Random(seed)
        self._turn = asyncio.Lock()
        self._closing = asyncio.Event()
        self._sites: list[_Site] = []
        self._sessions: set[str] = set()
        self._mute_cookie = False
        self._server: web.Server | None = None
        self._handshakes: set[asyncio.Task[None]] = set()
        self._ports: dict[asyncio.BaseTransport, int] = {}

    async def __aenter__(self) -> Self:
        """Return the simulator."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close it."""
        await self.close()

    # Connections

    async def listen(self, host: str = "127.0.0.1", port: int = 0, *, tls: bool | None = None) -> int:
        """Serve on a port, encrypted or not; returns the port. May be called again for further ports."""
        encrypted = self._tls if tls is None else tls
        if self._server is None:
            self._server = web.Server(self._handle, access_log=None, handler_cancellation=True)
        behind: Callable[[], asyncio.Protocol] = self._server
        if encrypted:
            context = (await asyncio.to_thread(lambda: self.chain)).context
            behind = partial(TlsDoor, context, self._server, self._handshakes)
        server = await asyncio.get_running_loop().create_server(behind, host, port)
        bound = int(server.sockets[0].getsockname()[1])
        self._sites.append(_Site(server, host, bound, encrypted))
        return bound

    async def stop_listening(self, port: int) -> None:
        """Refuse connections to a port from now on, and end those that are open."""
        for site in [site for site in self._sites if site.port == port]:
            self._sites.remove(site)
            site.server.close()
            self.drop(port)

    async def close(self) -> None:
        """End all connections."""
        self._closing.set()
        sites, self._sites = self._sites, []
        for site in sites:
            site.server.close()
        for handshake in tuple(self._handshakes):
            handshake.cancel()
        self.drop()
        if self._server is not None:
            await self._server.shutdown(timeout=0.1)
        for site in sites:
            await site.server.wait_closed()

    def drop(self, port: int | None = None) -> None:
        """Reset the open connections of a port, or all of them."""
        for transport, its_port in self._ports.items():
            if port in {None, its_port}:
                _abort(transport)

    # TLS

    @cached_property
    def chain(self) -> Chain:
        """Return the appliance's certificates."""
        return Chain()

    @property
    def root_pem(self) -> str:
        """Return the private root."""
        return self.chain.root_pem

    @property
    def certificate_sha256(self) -> str:
        """Return the SHA-256 of the certificate that new connections get, 64 hexadecimal digits in lower case."""
        return self.chain.leaf_sha256

    def swap_certificate(self, *, root: bool = False) -> None:
        """Get a new certificate, under a new root if wanted, as after an update; open connections end."""
        self.chain.renew(root=root)
        for site in self._sites:
            if site.tls:
                self.drop(site.port)

    # Requests

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        if transport is not None:
            self._ports = {other: port for other, port in self._ports.items() if not other.is_closing()}
            if not transport.is_closing():
                self._ports[transport] = int(transport.get_extra_info("sockname")[1])
        self.appliance.catch_up()
        if self.clock.now < self.appliance.silent_until:
            return await self._hang(request, self.appliance.silent_until)
        if self.faults.take("reset"):
            return await self._hang(request, self.clock.now)
        if not request.secure and (self.redirect or self.faults.take("redirect")):
            return self._to_https(request)
        path = request.raw_path.partition("?")[0]
        if path == CGI and self.appliance.profile.senec:
            return await self._interface(request)
        self.pages.append(path)
        found = (
            pages.page(path, self.appliance.profile, self.appliance.house.now) if self.appliance.profile.senec else None
        )
        if found is None:
            return _html(HTTPStatus.NOT_FOUND)
        content_type, text = found
        return web.Response(text=text, content_type=content_type, charset="utf-8", headers={"Server": SERVER})

    async def _hang(self, request: web.BaseRequest, until: float) -> web.StreamResponse:
        """Answer nothing, and reset the connection when the time has come or the simulator closes."""
        waits = [asyncio.ensure_future(self.clock.reached(until)), asyncio.ensure_future(self._closing.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if request.transport is not None:
            _abort(request.transport)
        return web.Response()

    def _to_https(self, request: web.BaseRequest) -> web.StreamResponse:
        port = next((site.port for site in self._sites if site.tls), 443)
        where = f"https://{request.url.host}{'' if port == 443 else f':{port}'}{request.raw_path}"
        return _html(HTTPStatus.MOVED_PERMANENTLY, Location=where)

    async def _interface(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = await request.read()
        body = _object(raw)
        cookie = request.cookies.get(COOKIE)
        self.requests.append(
            Request(
                body=body,
                size=len(raw),
                at=self.clock.now,
                scheme=request.scheme,
                content_type=request.headers.get("Content-Type", ""),
                cookie=cookie,
                session=cookie in self._sessions,
            )
        )
        if self.faults.take("silence"):
            return await self._hang(request, float("inf"))
        async with self._turn:
            return await self._answer(request, body, len(raw), cookie)

    async def _answer(
        self, request: web.BaseRequest, body: dict[str, Any] | None, size: int, cookie: str | None
    ) -> web.StreamResponse:
        await self._take_time()
        if self.faults.take("html"):
            return _html(HTTPStatus.NOT_FOUND)
        if error := self.faults.take("http_error"):
            return _html(HTTPStatus(int(error.argument or 500)))
        if body is None or request.method != "POST":
            return _html(HTTPStatus.BAD_REQUEST)
        self.appliance.catch_up()
        self.appliance.overload.request(self.clock.now)
        text = json.dumps(self.appliance.answer(body), separators=(",", ":"), ensure_ascii=False)
        data = self._spoilt(text, size).encode()
        response = web.StreamResponse(headers={"Content-Type": JSON_TYPE, "Server": SERVER})
        if self.appliance.profile.cookie and not self._cookieless():
            response.headers["Set-Cookie"] = (
                f"{COOKIE}={self._session(cookie)};Secure;HttpOnly;Max-Age=3600;SameSite=Strict"
            )
        response.enable_chunked_encoding()
        await response.prepare(request)
        half = len(data) // 2
        for piece in (data[:half], data[half:]):
            if piece:
                await response.write(piece)
        await response.write_eof()
        return response

    async def _take_time(self) -> None:
        seconds = self.appliance.profile.round_trip * self.pace
        if self.appliance.overloaded:
            seconds *= SLOWER
        if delay := self.faults.take("delay"):
            seconds += delay.argument or 0.0
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._closing.wait()

    def _spoilt(self, text: str, size: int) -> str:
        if self.faults.take("escaped_quotes"):
            text = text.replace('"', '\\"')
        if self.faults.take("stray_text"):
            text = text.replace("{", "{\r\n[I|NPU] ", 1)
        cut = self.faults.take("cut_body")
        if cut is not None or size > LARGEST_BODY:
            share = self._random.random() if cut is None or cut.argument is None else cut.argument
            text = text[: max(1, min(len(text) - 1, int(share * len(text))))]
        return text

    def _cookieless(self) -> bool:
        if self.faults.take("no_cookie"):
            self._mute_cookie = True
        return self._mute_cookie

    def _session(self, cookie: str | None) -> str:
        if cookie is not None and cookie in self._sessions:
            return cookie
        session = self._random.randbytes(32).hex()
        self._sessions.add(session)
        return session

    def end_sessions(self) -> None:
        """End all sessions; the next answer begins a new one."""
        self._sessions.clear()
        self._mute_cookie = False
        self.faults.clear("no_cookie")


def _abort(transport: asyncio.BaseTransport) -> None:
    if isinstance(transport, asyncio.Transport) and not transport.is_closing():
        transport.abort()


def _html(status: HTTPStatus, **headers: str) -> web.Response:
    text = pages.error(status.value, status.phrase)
    return web.Response(status=status, text=text, content_type="text/html", headers={"Server": SERVER, **headers})


def _object(raw: bytes) -> dict[str, Any] | None:
    """Return the JSON object a body begins with; what follows it does not matter to the appliance (section 12.7)."""
    try:
        body, _ = json.JSONDecoder().raw_decode(raw.decode().strip())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
