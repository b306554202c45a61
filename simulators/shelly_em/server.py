"""The meter's ports: HTTP with its channel limit, WebSocket, UDP, and the faults of the wire."""

import asyncio
import json
import socket
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from random import Random
from struct import pack
from typing import Any, Self

from aiohttp import web

from ..faults import Faults
from .answers import Answer, Call
from .clock import HouseClock
from .coiot import CoIot
from .gen1 import Gen1
from .gen2 import Gen2
from .sockets import Sockets

MOST_CHANNELS = 6
"""HTTP connections at a time from generation 2 on (reference section 4)."""
LATENCY = (0.020, 0.150)
"""Seconds that an answer takes (reference section 1)."""
PUSH_CHECK = 1.0
"""Seconds of the house's time between two looks at what is to be pushed."""
REMEMBERED_REQUESTS = 10_000
GARBAGE = "<html><body><h1>It works!</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived."""

    method: str
    """The HTTP method, ``WS`` for a frame."""
    what: str
    """Path and query; the RPC method of a frame."""
    at: float
    """The house's time, s."""
    authorization: str = ""
    frame: dict[str, Any] | None = None


class _Refused(asyncio.Protocol):
    """Resets a connection as soon as it is made."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        _reset(transport)


class ShellyServer:
    """Serves one meter on any number of ports."""

    def __init__(self, meter: Gen1 | Gen2, other: Gen1 | Gen2, clock: HouseClock, faults: Faults, pace: float) -> None:
        """``other`` is the meter of the other generation that the fault of that name shows."""
        self.meter = meter
        self.clock = clock
        self.faults = faults
        self.pace = pace
        self.requests: deque[Request] = deque(maxlen=REMEMBERED_REQUESTS)
        """The last requests and frames, oldest first."""
        self.sockets = Sockets(self._take_time, self._spoilt)
        self.coiot_port: int | None = None
        """The UDP port of generation 1, once it listens."""
        self._other = other
        self._random = Random(1)
        self._turn = asyncio.Lock()
        self._closing = asyncio.Event()
        self._up_at = 0.0
        self._servers: list[asyncio.Server] = []
        self._web: web.Server | None = None
        self._channels: dict[asyncio.BaseTransport, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.sockets.on_frame = lambda frame: self.requests.append(
            Request("WS", str(frame.get("method", "")), clock.now, frame=frame)
        )

    async def __aenter__(self) -> Self:
        """Return the simulator."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close it."""
        await self.close()

    # Connections

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve on a port; returns it. May be called again. A meter of generation 1 opens a UDP port too, once."""
        if self._web is None:
            self._web = web.Server(self._handle, access_log=None, handler_cancellation=True)
            self._spawn(self.clock.run())
            self._look()
        server = await asyncio.get_running_loop().create_server(self._door, host, port)
        self._servers.append(server)
        coiot = self._coiot
        if coiot is not None and self.coiot_port is None:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: coiot, (host, 0))
            self.coiot_port = int(transport.get_extra_info("sockname")[1])
        return int(server.sockets[0].getsockname()[1])

    @property
    def _coiot(self) -> CoIot | None:
        return self.meter.coiot if isinstance(self.meter, Gen1) else None

    def _door(self) -> asyncio.Protocol:
        self.clock.catch_up()
        if self.gone or self.faults.take("refuse"):
            return _Refused()
        assert self._web is not None
        protocol: asyncio.Protocol = self._web()
        return protocol

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="shelly")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop_listening(self) -> None:
        """Refuse connections from now on, and reset those that are open; `listen` serves again."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        self.drop()

    async def close(self) -> None:
        """End everything."""
        self._closing.set()
        servers = self._servers
        await self.stop_listening()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._coiot is not None:
            self._coiot.close()
        if self._web is not None:
            await self._web.shutdown(timeout=0.1)
        for server in servers:
            await server.wait_closed()
        for meter in (self.meter, self._other):
            meter.unit.meter.close()
        self.clock.close()

    def drop(self) -> None:
        """Reset the open connections."""
        for connection in self._web.connections if self._web is not None else ():
            if connection.transport is not None:
                _reset(connection.transport)

    @property
    def gone(self) -> bool:
        """Tell whether a restart keeps the meter away."""
        return self.clock.now < self._up_at

    @property
    def mute(self) -> bool:
        """Tell whether the meter pushes nothing at present: it is gone, silent, or another one."""
        return self.gone or "silence" in self.faults or "wrong_generation" in self.faults

    # Pushes

    def _look(self) -> None:
        """Look what is to be pushed, and again in a second."""
        self.clock.after(PUSH_CHECK, self._look)
        if self.mute:
            return
        if isinstance(self.meter, Gen1):
            self.meter.coiot.push_when_due()
        else:
            self.meter.push_when_due()

    # Requests

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.clock.catch_up()
        transport = request.transport
        if transport is None or transport.is_closing():
            return web.Response()
        authorization = request.headers.get("Authorization", "")
        self.requests.append(Request(request.method, request.raw_path, self.clock.now, authorization))
        meter = self._other if self.faults.take("wrong_generation") else self.meter
        path = request.path
        if path == "/rpc" and request.headers.get("Upgrade", "").lower() == "websocket" and isinstance(meter, Gen2):
            return await self._websocket(request, meter)
        if isinstance(meter, Gen2) and not self._channel(transport):
            return web.Response(status=429, headers={"Connection": "close"})
        call = Call(
            method=request.method,
            target=request.raw_path,
            path=path,
            query=dict(request.query),
            body=await request.read(),
            authorization=authorization,
        )
        if isinstance(meter, Gen1):
            # The small processor serves one client after the other.
            async with self._turn:
                return await self._answer(request, meter, call)
        return await self._answer(request, meter, call)

    def _channel(self, transport: asyncio.BaseTransport) -> bool:
        """Take one of the channels, or keep the one that the connection has; tells whether there is one."""
        self._channels = {other: None for other in self._channels if not other.is_closing()}
        if transport not in self._channels and len(self._channels) >= MOST_CHANNELS:
            return False
        self._channels[transport] = None
        return True

    async def _websocket(self, request: web.BaseRequest, meter: Gen2) -> web.StreamResponse:
        if self.sockets.full:
            return web.Response(status=429, headers={"Connection": "close"})
        return await self.sockets.serve(request, meter)

    async def _answer(self, request: web.BaseRequest, meter: Gen1 | Gen2, call: Call) -> web.StreamResponse:
        if not await self._take_time():
            await self._closing.wait()
            return web.Response()
        self.clock.catch_up()
        if self.faults.take("busy"):
            return web.Response(status=429, text="Too Many Requests")
        answer = meter.answer(call)
        headers = {"Server": "Mongoose/6.18" if isinstance(meter, Gen1) else "ShellyHTTP/1.0.0", **answer.headers}
        if answer.status == 200 and self.faults.take("garbage"):
            answer = Answer(GARBAGE)
        if isinstance(answer.body, str):
            content_type = "text/html" if answer.body == GARBAGE else "text/plain"
            return web.Response(status=answer.status, text=answer.body, content_type=content_type, headers=headers)
        text = json.dumps(answer.body, separators=(",", ":"))
        return web.Response(
            status=answer.status, text=self._cut(text), content_type="application/json", headers=headers
        )

    async def _take_time(self) -> bool:
        """Wait as long as an answer takes; tells whether there is one at all."""
        if self.faults.take("silence"):
            return False
        seconds = self._random.uniform(*LATENCY) * self.pace
        if hang := self.faults.take("hang"):
            seconds += hang.argument or 0.0
        if seconds > 0:
            moment = self.clock.now + seconds
            waits = [asyncio.ensure_future(self.clock.reached(moment)), asyncio.ensure_future(self._closing.wait())]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
        return not self._closing.is_set()

    def _cut(self, text: str) -> str:
        return text[: len(text) // 2] if self.faults.take("cut_body") else text

    def _spoilt(self, text: str) -> str:
        """Damage a frame as the faults want it."""
        return GARBAGE if self.faults.take("garbage") else self._cut(text)


def _reset(transport: asyncio.BaseTransport) -> None:
    """End a connection with a reset, as a device that has lost its power does when it is back."""
    if isinstance(transport, asyncio.Transport) and not transport.is_closing():
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
        transport.abort()
