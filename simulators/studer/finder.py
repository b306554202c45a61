"""The Moxa's answer to a search on the local network (protocol reference, section 2.4)."""

import asyncio
import ipaddress

PORT = 4800
MODEL = bytes.fromhex("005101801A51")
MAC = bytes.fromhex("0090E83CF87E")
_SEARCH, _DETAILS = 0x01, 0x10
_ANSWER = 0x80
_NAME_LENGTH = 40


class MoxaFinder(asyncio.DatagramProtocol):
    """Answers searches for one Moxa: model and serial code, MAC, IPv4 address, and on request its name."""

    def __init__(self, address: str = "127.0.0.1", *, name: str = "Xcom-LAN", mac: bytes = MAC) -> None:
        """``address`` is what the Moxa says its own is; ``name`` is the one configured on its page."""
        self._address = ipaddress.IPv4Address(address).packed
        self._name = name.encode("ascii")[: _NAME_LENGTH - 1]
        self._identity = MODEL + mac
        self._transport: asyncio.DatagramTransport | None = None
        self.searches = 0
        """How many searches were answered."""

    async def listen(self, host: str = "127.0.0.1", port: int = PORT) -> int:
        """Answer on a port; returns the one that was bound. Broadcasts are heard with host 0.0.0.0."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        self._transport = transport
        return int(transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """Answer a request of the right length that is meant for this device."""
        if len(data) < 8 or int.from_bytes(data[2:4], "big") != len(data) or self._transport is None:
            return
        if data[0] == _SEARCH and len(data) == 8:
            self.searches += 1
            body = self._identity + self._address
        elif data[0] == _DETAILS and data[8:] == self._identity:
            body = self._identity + self._name.ljust(_NAME_LENGTH, b"\0")
        else:
            return
        length = 8 + len(body)
        self._transport.sendto(bytes((data[0] | _ANSWER, 0, length >> 8, length & 0xFF, 0, 0, 0, 0)) + body, addr)

    def close(self) -> None:
        """Answer no more."""
        if self._transport is not None:
            self._transport.close()
