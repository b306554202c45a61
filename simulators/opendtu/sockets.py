"""The WebSocket of live data: every second the DTU looks what is new, and tells it (reference section 7.1)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from .dtu import Dtu
from .live import LiveData
from .numbers import Json, dumps

LATEST_SECONDS = 10.0
"""Without anything new, an inverter is told of again after this time."""
ROOM = 32
"""Messages that wait for a client before the oldest are dropped."""


@dataclass(eq=False, slots=True)
class _Client:
    socket: web.WebSocketResponse
    messages: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(ROOM))

    def put(self, text: str) -> None:
        if self.messages.full():
            self.messages.get_nowait()
        self.messages.put_nowait(text)


class Sockets:
    """All clients of one WebSocket path."""

    def __init__(self, dtu: Dtu, live: LiveData, extra: Callable[[], dict[str, Json]]) -> None:
        """``extra``: objects that stand beside the inverters in each message."""
        self._dtu = dtu
        self._live = live
        self._extra = extra
        self._clients: set[_Client] = set()
        self._next_look = 0.0

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._clients)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Tell one client until it or the DTU ends it."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client = _Client(socket)
        self._clients.add(client)
        sender = asyncio.create_task(self._send(client))
        try:
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            self._clients.discard(client)
            sender.cancel()
        return socket

    async def _send(self, client: _Client) -> None:
        while True:
            text = await client.messages.get()
            try:
                await client.socket.send_str(text)
            except ConnectionError:
                return

    async def close(self) -> None:
        """End all of them, as after a change of the settings."""
        for client in tuple(self._clients):
            await client.socket.close()

    def run(self) -> None:
        """Look what is new, once in a second of the house."""
        now = self._dtu.now
        if now < self._next_look or self._dtu.gone:
            return
        self._next_look = int(now) + 1.0
        if not self._clients:
            return
        fresh = [view for view in self._dtu.views if view.read_at != view.published_read_at]
        late = [view for view in self._dtu.views if now - view.published_at >= LATEST_SECONDS]
        due = [view for view in self._dtu.views if view in fresh or view in late]
        if not due:
            return
        for view in due:
            view.published_at, view.published_read_at = now, view.read_at
        groups = [self._dtu.views] if self._dtu.firmware.all_in_one else [[view] for view in due]
        for group in groups:
            document = self._live.document(group, full=True) | self._extra()
            text = dumps(document, short=self._dtu.firmware.short_floats)
            for client in self._clients:
                client.put(text)
