"""A service of the GX on its D-Bus, as the protocol reference describes them in section 4.3."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from dbus_fast import Message, MessageType, NameFlag, RequestNameReply, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.auth import AuthAnonymous

BUS_ITEM = "com.victronenergy.BusItem"
DAEMON = "org.freedesktop.DBus"


def wrapped(value: object) -> Variant:
    """The value as the bus carries it; nothing is an empty array of numbers."""
    match value:
        case None:
            return Variant("ai", [])
        case bool() | int():
            return Variant("i", int(value))
        case float():
            return Variant("d", value)
        case _:
            return Variant("s", str(value))


def number(value: Any) -> float | None:
    """The number in a variant, if it holds one."""
    held = value.value if isinstance(value, Variant) else value
    return float(held) if isinstance(held, int | float) else None


class Peer:
    """A connection to the bus with a few words for what is asked most."""

    def __init__(self, address: str) -> None:
        """Nothing is connected before ``open``."""
        self._address = address
        self.bus: MessageBus | None = None

    async def open(self) -> None:
        """Connect."""
        bus = MessageBus(bus_address=self._address, auth=AuthAnonymous())
        bus.add_message_handler(self.handle)
        self.bus = await bus.connect()

    async def call(
        self, destination: str, path: str, interface: str, member: str, signature: str = "", *body: Any
    ) -> list[Any]:
        """Ask; returns the body of the answer, or nothing where it is an error."""
        assert self.bus is not None
        message = Message(destination, path, interface, member, signature=signature, body=list(body))
        reply = await self.bus.call(message)
        return list(reply.body) if reply is not None and reply.message_type is MessageType.METHOD_RETURN else []

    async def daemon(self, member: str, signature: str = "", *body: Any) -> list[Any]:
        """Ask the daemon."""
        return await self.call(DAEMON, "/org/freedesktop/DBus", DAEMON, member, signature, *body)

    def handle(self, message: Message) -> Message | bool | None:
        """What comes in; to be overridden."""
        return None

    async def close(self) -> None:
        """Leave the bus."""
        bus, self.bus = self.bus, None
        if bus is not None and bus.connected:
            bus.disconnect()
            with suppress(OSError, EOFError):
                await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


class Service(Peer):
    """A name with paths and their values."""

    def __init__(self, address: str, name: str, values: Mapping[str, Any]) -> None:
        """``values``: path to number, text or ``None``."""
        super().__init__(address)
        self.name = name
        self.values = dict(values)
        self.written: Callable[[str, Any], bool] = lambda path, value: False
        """Whether a value that somebody else sets is taken."""

    async def open(self) -> None:
        """Connect and take the name."""
        await super().open()
        assert self.bus is not None
        if await self.bus.request_name(self.name, NameFlag.DO_NOT_QUEUE) is not RequestNameReply.PRIMARY_OWNER:
            raise RuntimeError(f"{self.name} is taken")

    def put(self, values: Mapping[str, Any]) -> None:
        """Take new values and tell those that changed."""
        changed = {path: value for path, value in values.items() if self.values.get(path) != value}
        self.values.update(changed)
        if changed and self.bus is not None and self.bus.connected:
            self.bus.send(Message.new_signal("/", BUS_ITEM, "ItemsChanged", "a{sa{sv}}", [_items(changed)]))

    def handle(self, message: Message) -> Message | bool | None:
        """Answer calls."""
        if message.message_type is not MessageType.METHOD_CALL or message.interface != BUS_ITEM:
            return None
        path = message.path or "/"
        if message.member == "GetItems" and path == "/":
            return Message.new_method_return(message, "a{sa{sv}}", [_items(self.values)])
        if message.member in ("GetValue", "GetText"):
            show = wrapped if message.member == "GetValue" else lambda value: Variant("s", str(value))
            if path in self.values:
                return Message.new_method_return(message, "v", [show(self.values[path])])
            stem = path.rstrip("/") + "/"
            below = {each[len(stem) :]: show(value) for each, value in self.values.items() if each.startswith(stem)}
            return Message.new_method_return(message, "v", [Variant("a{sv}", below)])
        if message.member == "SetValue" and path in self.values:
            taken = self.written(path, message.body[0].value)
            return Message.new_method_return(message, "i", [0 if taken else 1])
        return None


def _items(values: Mapping[str, Any]) -> dict[str, dict[str, Variant]]:
    return {path: {"Value": wrapped(value), "Text": Variant("s", str(value))} for path, value in values.items()}
