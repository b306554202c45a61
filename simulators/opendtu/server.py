"""The DTU's web server: paths, authentication, memory, faults of the wire (reference sections 2 to 4)."""

import asyncio
import contextlib
import gzip
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from random import Random
from typing import Self

from aiohttp import web

from ..faults import Faults
from ..house import House
from .authentication import REALM, Digest, basic
from .dtu import Dtu
from .live import LiveData
from .metrics import metrics
from .numbers import Json, dumps
from .sockets import Sockets
from .status import Query, Status
from .storage import Storage
from .writes import Writes

LIVE = "/api/livedata/status"
METRICS = "/api/prometheus/metrics"
WEB_PAGE = gzip.compress(b"<!DOCTYPE html><html lang=en><title>OpenDTU</title><div id=app></div></html>", mtime=0)
LIVE_SECONDS, OTHER_SECONDS = 0.09, 0.03
"""What an answer takes."""
REBOOT_SECONDS = 8.0
REBOOT_AFTER = 1.0
TICK_SECONDS = 0.25
"""Longest time (real) between two looks at the clock while WebSockets are open."""
RETRY_AFTER = "60"
FUNCTIONS = {LIVE: "onLivedataStatus, 389", "/api/system/status": "onSystemStatus, 96"}
OTHER_FUNCTION = "onStatus, 71"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it arrived."""

    at: float
    """Time of the house, s."""
    method: str
    path: str
    query: str
    credentials: bool
    """Whether it brought an Authorization header."""


class OpenDtuServer:
    """Serves one DTU on any number of ports."""

    def __init__(
        self,
        dtu: Dtu,
        status: Status,
        storage: Storage | None,
        faults: Faults,
        *,
        password: str,
        read_only: bool,
        pace: float,
        room: int,
        seed: int,
    ) -> None:
        """``read_only``: whether reading needs no password; ``room``: requests and WebSockets that memory holds."""
        self.dtu = dtu
        self.house: House = dtu.house
        self.faults = faults
        self.password = password
        self.read_only = read_only
        self.pace = pace
        self.room = room
        self.requests: list[HttpRequest] = []
        """Every request."""
        self.max_concurrent_posts = 0
        """Most POST requests that were in work at the same time."""
        self.max_concurrent_requests = 0
        self._live = LiveData(dtu, password == "openDTU42")
        self._status = status
        self._storage = storage
        self._writes = Writes(dtu, self._changed, self._reboot_soon)
        self._digest = Digest(Random(seed))
        self._reads = self._readable()
        self._sockets = Sockets(dtu, self._live, self._beside)
        self._unwatch = self.house.watch(self._watch, fine=True)
        self._reboot_at: float | None = None
        self._posts = self._in_work = 0
        self._closing = asyncio.Event()
        self._server: web.Server | None = None
        self._sites: list[asyncio.Server] = []
        self._transports: set[asyncio.Transport] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Return the simulator."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close it."""
        await self.close()

    def _readable(self) -> dict[str, tuple[Callable[[Query], dict[str, Json]], bool]]:
        """Return what each path answers, and whether it needs the password always."""
        status, storage = self._status, self._storage
        paths: dict[str, tuple[Callable[[Query], dict[str, Json]], bool]] = {
            LIVE: (self._live_data, False),
            "/api/limit/status": (status.limit, False),
            "/api/power/status": (status.power, False),
            "/api/system/status": (status.system, False),
            "/api/network/status": (status.network, False),
            "/api/ntp/status": (status.ntp, False),
            "/api/mqtt/status": (status.mqtt, False),
            "/api/devinfo/status": (status.device, False),
            "/api/eventlog/status": (status.events, False),
            "/api/gridprofile/status": (status.grid_profile, False),
            "/api/gridprofile/rawdata": (status.grid_profile_raw, False),
            "/api/inverter/list": (status.inverters, True),
            "/api/dtu/config": (status.configuration, True),
            "/api/security/authenticate": (status.authenticated, True),
            "/api/inverter/stats_reset": (status.reset_stats, True),
        }
        if storage is None:
            return paths
        old = self.dtu.firmware.old_battery_names
        return paths | {
            "/api/batterylivedata/status": (storage.battery, False),
            "/api/battery/status": (storage.battery_configuration, False),
            "/api/battery/config": (storage.battery_configuration, True),
            f"/api/{'vedirect' if old else 'solarcharger'}livedata/status": (storage.charger, False),
            "/api/powerlimiter/status": (storage.power_limiter, False),
            "/api/powerlimiter/metadata": (storage.power_limiter_metadata, True),
            "/api/powermeter/status": (storage.power_meter, False),
        }

    # Connections

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve on a port; returns the one that was bound. May be called again for further ports."""
        if self._server is None:
            self._server = web.Server(self._handle, access_log=None, handler_cancellation=True)
            self._start(self._tick())
        server = await asyncio.get_running_loop().create_server(self._server, host, port)
        self._sites.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """End all connections and follow the house no more."""
        self._closing.set()
        self._unwatch()
        self.dtu.close()
        sites, self._sites = self._sites, []
        for site in sites:
            site.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.drop()
        if self._server is not None:
            await self._server.shutdown(timeout=0.1)
        for site in sites:
            await site.wait_closed()

    def drop(self) -> None:
        """Reset the open connections, WebSockets too."""
        transports, self._transports = self._transports, set()
        for transport in transports:
            transport.abort()

    def close_websockets(self) -> None:
        """End all WebSockets, as after a change of the settings."""
        if len(self._sockets):
            self._start(self._sockets.close())

    @property
    def websockets(self) -> int:
        """Return how many WebSockets are open."""
        return len(self._sockets)

    # Time

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tick(self) -> None:
        """Let the house's time pass while nobody asks but WebSockets wait for news."""
        while True:
            speed = self.house.speed
            await asyncio.sleep(max(0.02, min(TICK_SECONDS, 1.0 / speed)) if speed > 0 else TICK_SECONDS)
            if len(self._sockets):
                self.house.catch_up()

    def _watch(self) -> None:
        if self._reboot_at is not None and self.dtu.now >= self._reboot_at:
            self.reboot()
        self._sockets.run()

    def reboot(self, seconds: float = REBOOT_SECONDS) -> None:
        """Restart now: all connections end, and the DTU is away for some seconds of the house."""
        self._reboot_at = None
        self.dtu.reboot(seconds)
        self.drop()

    def _reboot_soon(self) -> None:
        self._reboot_at = self.dtu.now + REBOOT_AFTER

    def _changed(self) -> None:
        self.close_websockets()

    # Requests

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        if transport is None:
            return web.Response()
        self._transports = {other for other in self._transports if not other.is_closing()} | {transport}
        self.house.catch_up()
        if self.dtu.gone:
            transport.abort()
            return web.Response()
        path = request.path
        self.requests.append(
            HttpRequest(self.dtu.now, request.method, path, request.query_string, "Authorization" in request.headers)
        )
        post = request.method == "POST"
        self._in_work += 1
        self._posts += post
        self.max_concurrent_posts = max(self.max_concurrent_posts, self._posts)
        self.max_concurrent_requests = max(self.max_concurrent_requests, self._in_work)
        try:
            response = await self._answer(request, path)
        finally:
            self._in_work -= 1
            self._posts -= post
        if not isinstance(response, web.WebSocketResponse):
            response.force_close()
        return response

    async def _answer(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        if self.faults.take("silence"):
            await self._closing.wait()
            return web.Response()
        await self._take_time(LIVE_SECONDS if path in {LIVE, METRICS} else OTHER_SECONDS)
        self.house.catch_up()
        if path == "/livedata" and request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._websocket(request)
        if request.method == "POST" and path in self._writes.paths:
            return await self._write(request, path)
        if request.method != "GET" or (path not in self._reads and path != METRICS):
            return _web_page()
        return self._read(request, path)

    async def _take_time(self, seconds: float) -> None:
        seconds *= self.pace
        if slow := self.faults.take("slow"):
            seconds += slow.argument or 0.0
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._closing.wait()

    def _read(self, request: web.BaseRequest, path: str) -> web.Response:
        needs_password = self._reads[path][1] if path in self._reads else False
        if (needs_password or not self.read_only) and not self._admitted(request):
            return _unauthorised(request)
        if self.faults.take("html"):
            return _web_page()
        if path in {LIVE, METRICS} and (self.faults.take("busy") or self._full()):
            return web.Response(
                status=HTTPStatus.TOO_MANY_REQUESTS, text="Too Many Requests", headers={"Retry-After": RETRY_AFTER}
            )
        if self.faults.take("error_500"):
            return self._too_large(path)
        if path == METRICS:
            return web.Response(text=metrics(self.dtu, self._live, self._status.host_name))
        return self._json(self._reads[path][0](request.query))

    async def _write(self, request: web.BaseRequest, path: str) -> web.Response:
        if not self._admitted(request):
            return _unauthorised(request)
        if self.faults.take("html"):
            return _web_page()
        if self.faults.take("error_500"):
            return self._too_large(path)
        field = (await request.post()).get("data")
        return self._json(self._writes.answer(path, field if isinstance(field, str) else None))

    def _full(self) -> bool:
        self._status.sockets = len(self._sockets)
        return self._in_work + len(self._sockets) > self.room

    def _admitted(self, request: web.BaseRequest) -> bool:
        if "wrong_password" in self.faults:
            return False
        return basic(request.headers.get("Authorization", ""), self.password)

    async def _websocket(self, request: web.BaseRequest) -> web.StreamResponse:
        refused = self.faults.take("websocket_refused") is not None
        if refused or not (self.read_only or self._admitted_to_websocket(request)):
            digest = self.dtu.firmware.websocket_digest
            challenge = self._digest.challenge() if digest else f'Basic realm="{REALM}"'
            return web.Response(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": challenge})
        # It is open from now on, and no longer a request in work.
        self._in_work -= 1
        try:
            return await self._sockets.serve(request)
        finally:
            self._in_work += 1

    def _admitted_to_websocket(self, request: web.BaseRequest) -> bool:
        if not self.dtu.firmware.websocket_digest:
            return self._admitted(request)
        if "wrong_password" in self.faults:
            return False
        return self._digest.accepts(request.headers.get("Authorization", ""), request.method, self.password)

    # Answers

    def _beside(self) -> dict[str, Json]:
        return {} if self._storage is None else self._storage.live()

    def _live_data(self, query: Query) -> dict[str, Json]:
        # Firmware that tells everything of all inverters knows no question for one.
        if "inv" in query and not self.dtu.firmware.all_in_one:
            view = self._status.view(query)
            document = self._live.document([] if view is None else [view], full=True)
        else:
            document = self._live.document(self.dtu.views, full=False)
        return document | self._beside()

    def _json(self, document: dict[str, Json], status: HTTPStatus = HTTPStatus.OK) -> web.Response:
        text = dumps(document, short=self.dtu.firmware.short_floats)
        return web.Response(status=status, body=text.encode(), content_type="application/json")

    def _too_large(self, path: str) -> web.Response:
        text = f"500 Internal Server Error: {FUNCTIONS.get(path, OTHER_FUNCTION)}"
        return self._json({"message": text, "code": 1007, "type": "danger"}, HTTPStatus.INTERNAL_SERVER_ERROR)


def _web_page() -> web.Response:
    return web.Response(body=WEB_PAGE, content_type="text/html", headers={"Content-Encoding": "gzip"})


def _unauthorised(request: web.BaseRequest) -> web.Response:
    # The web page wants to ask for the password itself, and not the browser's own window.
    quiet = "X-Requested-With" in request.headers
    headers = {} if quiet else {"WWW-Authenticate": f'Basic realm="{REALM}"'}
    return web.Response(status=HTTPStatus.UNAUTHORIZED, headers=headers)
