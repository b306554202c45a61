"""Looks for the Moxa box of an Xcom-LAN on the local network (reference section 2.4).

Boxes of other makers on the same network stay silent; Moxa boxes that are no Xcom-LAN answer too, and are told by their
name. A search only reaches the network that a broadcast reaches: none of that crosses a router.
"""

import asyncio
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any, override

from ..errors import LinkError

PORT = 4800
"""UDP port on which every Moxa box answers."""
EVERYBODY = "255.255.255.255"
WAIT = 2.0
"""Seconds for which answers are waited for; boxes answer within milliseconds."""
XCOM_LAN = "Xcom-LAN"
"""How such a box calls itself when it comes from Studer."""

_ANSWER = 0x80
_SEARCH, _DETAILS = 0x01, 0x10
_HEAD, _IDENTITY, _MAC = 8, 12, 6
_NAME_AT = 20


@dataclass(frozen=True, slots=True)
class Box:
    """One Moxa box: where it is, and what it is called (empty when it did not tell)."""

    address: str
    mac: str
    name: str = ""

    @property
    def is_xcom_lan(self) -> bool:
        """Whether it still has the name under which Studer delivers it."""
        return self.name == XCOM_LAN


async def find_boxes(target: str = EVERYBODY, *, port: int = PORT, wait: float = WAIT) -> list[Box]:
    """Every box that answers within ``wait`` s, in the order of their addresses; none is no error.

    ``target`` is a broadcast address, or that of one box (IPv4). Raises ``LinkError`` where nothing can be sent, as in
    a container without the host's network.
    """
    loop = asyncio.get_running_loop()
    try:
        IPv4Address(target)
    except ValueError as err:
        raise LinkError(address=target, reason="it is no IPv4 address") from err
    try:
        transport, search = await loop.create_datagram_endpoint(
            lambda: _Search(port), local_addr=("0.0.0.0", 0), allow_broadcast=True
        )
    except OSError as err:
        raise _unreachable(target, port, err) from err
    try:
        search.ask(target)
        async with asyncio.timeout(wait):
            await search.failed
    except TimeoutError:
        return sorted(search.boxes.values(), key=lambda box: IPv4Address(box.address))
    except OSError as err:
        raise _unreachable(target, port, err) from err
    finally:
        transport.close()
    return []


def _unreachable(target: str, port: int, err: OSError) -> LinkError:
    return LinkError(address=f"{target}:{port}", reason=err.strerror or str(err))


class _Search(asyncio.DatagramProtocol):
    """One search: asks who is there, and everyone who answers for his name."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._transport: asyncio.DatagramTransport | None = None
        self.boxes: dict[bytes, Box] = {}
        """By identity: a box that answers twice is one."""
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Never done, unless nothing can be sent at all."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self._transport = transport

    def ask(self, target: str) -> None:
        """Ask who is there."""
        self._send(_SEARCH, b"", target)

    def _send(self, code: int, body: bytes, target: str) -> None:
        if self._transport is not None:
            length = _HEAD + len(body)
            self._transport.sendto(bytes((code, 0, *length.to_bytes(2), 0, 0, 0, 0)) + body, (target, self._port))

    @override
    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if len(data) < _HEAD or int.from_bytes(data[2:4]) != len(data):
            return
        identity = data[_HEAD : _HEAD + _IDENTITY]
        if data[0] == _SEARCH | _ANSWER and len(data) == _HEAD + _IDENTITY + 4:
            address = str(IPv4Address(data[-4:]))
            self.boxes.setdefault(identity, Box(address, identity[-_MAC:].hex(":")))
            # The box itself knows its address best, but the answer came from where it can be reached.
            self._send(_DETAILS, identity, addr[0])
        elif data[0] == _DETAILS | _ANSWER and identity in self.boxes:
            name = data[_NAME_AT:].partition(b"\0")[0].decode("ascii", "replace").strip()
            self.boxes[identity] = replace(self.boxes[identity], name=name)

    @override
    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, OSError) and not self.failed.done() and not self.boxes:
            self.failed.set_exception(exc)
