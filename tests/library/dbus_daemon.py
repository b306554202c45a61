"""A real dbus-daemon as the bus of a GX, and what looks at it from outside with none of the publisher's code."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.auth import AuthAnonymous

from simulators.victron_gx.dbus_daemon import DBusDaemon, find_daemon

BUS_ITEM = "com.victronenergy.BusItem"
DAEMON = "org.freedesktop.DBus"


@pytest.fixture
async def gx_bus(socket_enabled: None) -> AsyncIterator[DBusDaemon]:
    """A running daemon; the test is skipped where there is none, but not where everything is to be tested."""
    if find_daemon() is None:
        reason = "there is no dbus-daemon on this machine (Debian: apt-get install dbus)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    async with DBusDaemon() as daemon:
        yield daemon


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait for something that must happen soon."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Monitor:
    """Reads services as the programs on a GX do."""

    def __init__(self) -> None:
        self.signals: list[Message] = []
        self.ignores_pings = False
        self.bus: MessageBus = None  # type: ignore[assignment]

    async def open(self, daemon: DBusDaemon) -> Monitor:
        self.bus = MessageBus(bus_address=daemon.address, auth=AuthAnonymous())
        self.bus.add_message_handler(self._handle)
        await self.bus.connect()
        await self.daemon("AddMatch", "s", f"type='signal',interface='{BUS_ITEM}'")
        await self.daemon("AddMatch", "s", "type='signal',member='NameOwnerChanged'")
        return self

    def _handle(self, message: Message) -> bool | None:
        if message.message_type is MessageType.SIGNAL:
            self.signals.append(message)
        # What is "handled" without a reply leaves whoever asked without an answer.
        return True if self.ignores_pings and message.member == "Ping" else None

    async def call(
        self, destination: str, path: str, interface: str, member: str, signature: str = "", *body: Any
    ) -> Message:
        message = Message(destination, path, interface, member, signature=signature, body=list(body))
        reply = await self.bus.call(message)
        assert reply is not None
        return reply

    async def daemon(self, member: str, signature: str = "", *body: Any) -> Any:
        reply = await self.call(DAEMON, "/org/freedesktop/DBus", DAEMON, member, signature, *body)
        assert reply.message_type is MessageType.METHOD_RETURN, reply.body
        return reply.body[0] if reply.body else None

    async def names(self, kind: str = "") -> list[str]:
        """Names of that kind that somebody owns."""
        return sorted(name for name in await self.daemon("ListNames") if name.startswith(f"com.victronenergy.{kind}"))

    async def items(self, name: str) -> dict[str, Any]:
        """All values of a service."""
        reply = await self.call(name, "/", BUS_ITEM, "GetItems")
        assert reply.signature == "a{sa{sv}}", reply.body
        return {path: pair["Value"].value for path, pair in reply.body[0].items()}

    async def ask(self, name: str, path: str, member: str, signature: str = "", *body: Any) -> Message:
        return await self.call(name, path, BUS_ITEM, member, signature, *body)

    async def sees(self, name: str, path: str, value: Any) -> None:
        """Wait until a path has this value."""
        async with asyncio.timeout(10):
            while (await self.items(name))[path] != value:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def changes(self, path: str = "/") -> list[dict[str, Any]]:
        """What the signals at a path told, oldest first."""
        return [
            {key: pair["Value"].value for key, pair in message.body[0].items()}
            for message in self.signals
            if message.member == "ItemsChanged" and message.path == path
        ]

    async def close(self) -> None:
        if self.bus.connected:
            self.bus.disconnect()
            await asyncio.wait((asyncio.ensure_future(self.bus.wait_for_disconnect()),))  # type: ignore[no-untyped-call]


@pytest.fixture
async def monitor(gx_bus: DBusDaemon) -> AsyncIterator[Monitor]:
    looking = await Monitor().open(gx_bus)
    yield looking
    await looking.close()


class Tap:
    """A wire in between that keeps what the client says, connection by connection, and can be cut or stopped."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self.heard: list[bytearray] = []
        self.brought: list[int] = []
        """Bytes from the daemon, by connection."""
        self.accepted = 0
        self.open = 0
        self.silent = False
        """Whether bytes from the daemon are held back."""
        self._writers: dict[int, tuple[asyncio.StreamWriter, ...]] = {}
        self._server: asyncio.Server | None = None

    async def listen(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.accepted
        self.accepted += 1
        self.heard.append(bytearray())
        self.brought.append(0)
        self.open += 1
        there, back = await asyncio.open_connection(self._host, self._port)
        self._writers[number] = writer, back
        try:
            await asyncio.wait(
                (
                    asyncio.ensure_future(self._carry(reader, back, number)),
                    asyncio.ensure_future(self._carry(there, writer, number, back=True)),
                ),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self.cut(number)
            del self._writers[number]
            self.open -= 1

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, *, back: bool = False
    ) -> None:
        try:
            while data := await reader.read(65536):
                if not back:
                    self.heard[number] += data
                elif self.silent:
                    continue
                else:
                    self.brought[number] += len(data)
                writer.write(data)
        except ConnectionError:
            pass

    def cut(self, number: int | None = None) -> None:
        """Cut that connection, counted from 0 in the order in which they were made, or all."""
        for each, writers in self._writers.items():
            for writer in writers if number in (None, each) else ():
                writer.transport.abort()

    async def close(self) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()
        await until(lambda: self.open == 0)


@pytest.fixture
async def tap(gx_bus: DBusDaemon) -> AsyncIterator[Tap]:
    tap = Tap(gx_bus.host, gx_bus.port)
    yield tap
    await tap.close()
