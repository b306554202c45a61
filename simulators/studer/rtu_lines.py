"""Connections on which Modbus RTU frames come in; a silence ends what is not a whole frame."""

import asyncio
from collections.abc import Callable

from .frames import Frame
from .lines import Line, OnEnd, PtyLine, TcpLine
from .rtu import Modbus, RtuReader

SILENCE_SECONDS = 0.02
"""A pause that ends a frame; much longer than on a real wire, because a computer sends in pieces."""

type Heard = Modbus | tuple[int, int]
"""A request, or unit and function of one that is not known."""
type OnRequest = Callable[[Line, Heard], None]


class _Ear:
    """Hears requests on one line."""

    def __init__(self, line: Line, on_request: OnRequest) -> None:
        self._line = line
        self._on_request = on_request
        self._reader = RtuReader()
        self._silence: asyncio.TimerHandle | None = None

    def feed(self, data: bytes) -> None:
        for request in self._reader.feed(data):
            self._on_request(self._line, request)
        self.stop()
        self._silence = asyncio.get_running_loop().call_later(SILENCE_SECONDS, self._reader.silence)

    def stop(self) -> None:
        if self._silence is not None:
            self._silence.cancel()


def _no_frame(line: Line, frame: Frame) -> None:
    """Take no frame of the other protocol: none is ever looked for."""


class RtuTcpLine(TcpLine):
    """A TCP connection that carries RTU frames, as a serial bridge does."""

    def __init__(self, on_request: OnRequest, on_begin: OnEnd, on_end: OnEnd) -> None:
        """Take the functions that get requests, the begin and the end of the connection."""
        super().__init__(_no_frame, on_begin, on_end)
        self._ear = _Ear(self, on_request)

    def received(self, data: bytes) -> None:
        """Take bytes from the client."""
        self._ear.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the connection is over."""
        self._ear.stop()
        super().connection_lost(exc)


class RtuPtyLine(PtyLine):
    """The master side of a pseudo terminal that carries RTU frames."""

    def __init__(self, on_request: OnRequest) -> None:
        """Take the function that gets requests."""
        super().__init__(_no_frame)
        self._ear = _Ear(self, on_request)

    def received(self, data: bytes) -> None:
        """Take bytes from the client."""
        self._ear.feed(data)

    def close(self) -> None:
        """Close the pseudo terminal."""
        self._ear.stop()
        super().close()
