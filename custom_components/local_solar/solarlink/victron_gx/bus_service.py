"""One service on the bus of the GX: a name, a tree of paths, and answers to those who ask (reference section 4.3).

Each service has a connection of its own: paths of two services on one connection would collide, and the GX tells
services apart by their connections.
"""

from collections.abc import Callable, Mapping
from xml.sax.saxutils import quoteattr

from dbus_fast import Message, MessageFlag, NameFlag, RequestNameReply, Variant

from ..errors import BusNameTakenError, DeviceRefusedError, NoAnswerError
from .bus import DAEMON, GxBus
from .bus_item import INTERFACE, BusTree, SetReply, Value

_INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
_PEER = "org.freedesktop.DBus.Peer"
_UNKNOWN_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"
_OWNED = (RequestNameReply.PRIMARY_OWNER, RequestNameReply.ALREADY_OWNER)
_MEMBERS = (
    f'<interface name="{INTERFACE}">'
    '<method name="GetValue"><arg type="v" direction="out"/></method>'
    '<method name="GetText"><arg type="v" direction="out"/></method>'
    '<method name="SetValue"><arg type="v" direction="in"/><arg type="i" direction="out"/></method>'
    "</interface>"
)
_ROOT_MEMBERS = (
    f'<interface name="{INTERFACE}">'
    '<method name="GetItems"><arg type="a{sa{sv}}" direction="out"/></method>'
    '<signal name="ItemsChanged"><arg type="a{sa{sv}}"/></signal>'
    "</interface>"
)

type MakeBus = Callable[[Callable[[Message], Message | bool | None], Callable[[Message], None]], GxBus]
"""Makes a connection out of who answers calls and who hears signals."""


class BusService:
    """A name on the bus with all its paths."""

    def __init__(
        self,
        make: MakeBus,
        name: str,
        tree: BusTree,
        *,
        written: Callable[[str, Value], None] | None = None,
    ) -> None:
        """``tree`` is complete before anybody can see it. ``written`` hears of paths that somebody else has set."""
        self.name, self.tree = name, tree
        self._written = written
        self.bus = make(self._answer, self._heard)
        self.owned = False
        """Whether the name is ours."""

    async def open(self, *, ping: float = 5.0) -> None:
        """Connect and take the name. Raises ``BusNameTakenError``, ``LinkError``, ``NoAnswerError``.

        A GX does not notice that a program has gone when its machine loses power, and keeps the name and the last
        values for it. So an owner that does not answer within ``ping`` seconds is replaced; one that does is not.
        """
        try:
            await self.bus.open()
            flags = NameFlag.ALLOW_REPLACEMENT | NameFlag.DO_NOT_QUEUE
            answer = await self._request(flags)
            if answer is RequestNameReply.EXISTS and not await self._owner_lives(ping):
                answer = await self._request(flags | NameFlag.REPLACE_EXISTING)
            if answer not in _OWNED:
                raise BusNameTakenError(name=self.name)
            self.owned = True
        except BaseException:
            await self.bus.close()
            raise

    def update(self, values: Mapping[str, Value]) -> frozenset[str]:
        """Take new values and tell the GX those that changed, in one message; returns their paths.

        Raises ``LinkError``, and ``KeyError``, ``TypeError``, ``ValueError`` for values that do not fit.
        """
        if changed := self.tree.update(values):
            self._tell(changed)
        return changed

    async def close(self) -> None:
        """Leave the bus: the GX drops the service at once."""
        self.owned = False
        await self.bus.close()

    async def _request(self, flags: NameFlag) -> RequestNameReply | None:
        answer = await self.bus.ask("RequestName", "su", [self.name, flags], kind=int)
        return RequestNameReply(answer) if answer in RequestNameReply else None

    async def _owner_lives(self, seconds: float) -> bool:
        try:
            await self.bus.call("Ping", destination=self.name, path="/", interface=_PEER, timeout=seconds)
        except NoAnswerError, DeviceRefusedError:
            return False
        return True

    def _tell(self, paths: frozenset[str]) -> None:
        self.bus.signal("/", INTERFACE, "ItemsChanged", "a{sa{sv}}", [dict(self.tree.items(sorted(paths)))])

    def _heard(self, message: Message) -> None:
        if message.sender == DAEMON and message.member == "NameLost" and message.body == [self.name]:
            self.owned = False

    def _answer(self, message: Message) -> Message | bool | None:
        reply = self._reply(message)
        if reply is None:
            return None
        return True if message.flags & MessageFlag.NO_REPLY_EXPECTED else reply

    def _reply(self, message: Message) -> Message | None:
        path = message.path or "/"
        if message.interface == _INTROSPECTABLE and message.member == "Introspect":
            return Message.new_method_return(message, "s", [self._introspection(path)])
        if message.interface not in (None, INTERFACE):
            return None
        match message.member, message.signature:
            case "GetItems", "" if path == "/":
                return Message.new_method_return(message, "a{sa{sv}}", [dict(self.tree.items())])
            case "GetValue", "":
                return self._found(message, self.tree.value(path))
            case "GetText", "":
                return self._found(message, self.tree.text(path))
            case "SetValue", "v":
                return self._set(message, path, message.body[0])
        return None

    def _set(self, message: Message, path: str, value: Variant) -> Message:
        before = self.tree.get(path)
        reply = self.tree.set(path, value.value)
        if reply is None:
            return _no_such_path(message)
        if reply is SetReply.ACCEPTED and self.tree[path] != before:
            self._tell(frozenset({path}))
            if self._written is not None:
                self._written(path, self.tree[path])
        return Message.new_method_return(message, "i", [int(reply)])

    @staticmethod
    def _found(message: Message, value: Variant | None) -> Message:
        return _no_such_path(message) if value is None else Message.new_method_return(message, "v", [value])

    def _introspection(self, path: str) -> str:
        names = self.tree.children(path)
        members = (_ROOT_MEMBERS if path == "/" else "") + (_MEMBERS if self.tree.value(path) is not None else "")
        return f"<node>{members}{''.join(f'<node name={quoteattr(name)}/>' for name in names)}</node>"


def _no_such_path(message: Message) -> Message:
    return Message.new_error(message, _UNKNOWN_OBJECT, f"there is no {message.path}")
