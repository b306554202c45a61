"""WebSocket connections to the meter: who sent a request with a name gets notifications (reference section 4.2)."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from .answers import EXHAUSTED, INVALID_ARGUMENT
from .gen2 import Gen2
from .rpc import OPEN

type Json = dict[str, Any]

MOST = 6
"""WebSockets at a time."""


@dataclass(eq=False, slots=True)
class Session:
    """One client on a WebSocket."""

    socket: web.WebSocketResponse
    name: str | None = None
    """What its last request that was carried out gave as its ``src``; notifications go to clients with a name only."""
    outbox: asyncio.Queue[str] = field(default_factory=asyncio.Queue)


class Sockets:
    """All WebSockets of one meter."""

    def __init__(self, before_answer: Callable[[], Awaitable[bool]], spoilt: Callable[[str], str]) -> None:
        """``before_answer`` takes the time of an answer and tells whether there is one; ``spoilt`` damages texts."""
        self.sessions: list[Session] = []
        self.on_frame: Callable[[Json], None] = lambda _frame: None
        """Is told every frame that comes."""
        self._before_answer = before_answer
        self._spoilt = spoilt

    async def serve(self, request: web.BaseRequest, meter: Gen2) -> web.StreamResponse:
        """Serve one client until either side ends it."""
        session = Session(web.WebSocketResponse(heartbeat=None))
        await session.socket.prepare(request)
        self.sessions.append(session)
        sender = asyncio.create_task(self._send(session), name="shelly websocket")
        try:
            async for message in session.socket:
                if message.type is WSMsgType.TEXT:
                    await self._take(session, meter, message.data)
        finally:
            self.sessions.remove(session)
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender
        return session.socket

    async def _send(self, session: Session) -> None:
        while True:
            text = await session.outbox.get()
            try:
                await session.socket.send_str(text)
            except ConnectionError:
                return

    async def _take(self, session: Session, meter: Gen2, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            frame = None
        if not isinstance(frame, dict):
            error = {"code": INVALID_ARGUMENT, "message": "Invalid request"}
            self._put(session, {"id": None, "src": meter.rpc.device_id, "error": error})
            return
        self.on_frame(frame)
        if not await self._before_answer():
            return
        meter.unit.clock.catch_up()
        if meter.unit.faults.take("busy"):
            answer = meter.envelope(frame) | {"error": {"code": EXHAUSTED, "message": "Resource exhausted"}}
        elif (refusal := meter.frame_login(frame)) is not None:
            answer = meter.envelope(frame) | {"error": refusal}
        else:
            answer = meter.frame_answer(frame)
            # A client that needs no login for its request has not shown yet that it may know the rest.
            if isinstance(frame.get("src"), str) and (meter.digest is None or frame.get("method") not in OPEN):
                session.name = frame["src"]
        if frame.get("id") is not None:
            self._put(session, answer)

    def _put(self, session: Session, frame: Json) -> None:
        session.outbox.put_nowait(self._spoilt(json.dumps(frame, separators=(",", ":"))))

    def notify(self, source: str, method: str, params: Json) -> None:
        """Send a notification to every client with a name."""
        for session in self.sessions:
            if session.name is not None:
                self._put(session, {"src": source, "dst": session.name, "method": method, "params": params})

    async def close(self) -> None:
        """Close every WebSocket as a server that goes away does."""
        for session in tuple(self.sessions):
            with contextlib.suppress(ConnectionError):
                await session.socket.close(code=1001)

    @property
    def full(self) -> bool:
        """Tell whether no client more can be served."""
        return len(self.sessions) >= MOST
