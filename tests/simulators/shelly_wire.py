"""A simulated Shelly meter in a house that stands still, and how tests talk to it by hand."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from simulators.house import House
from simulators.shelly_em import ShellySimulator
from tests.simulators.http_wire import HttpClient, http

type Json = dict[str, Any]

PRO = "SPEM-003CEBEU"
"""A three-phase meter of generation 2."""


def still_house() -> House:
    """Return a house without an inverter, so that the grid carries its loads; its time stands still."""
    house = House(seed=1, speed=0)
    house.settings.inverter_allowed = False
    house.advance(4)
    return house


@asynccontextmanager
async def meter(model: str = PRO, **options: Any) -> AsyncIterator[tuple[ShellySimulator, HttpClient]]:
    house = options.pop("house", None) or still_house()
    async with (
        ShellySimulator(house=house, model=model, pace=0.0, **options) as sim,
        http(await sim.listen()) as client,
    ):
        yield sim, client


async def get(client: HttpClient, path: str, **headers: str) -> Any:
    answer = await client.request("GET", path, b"", **headers)
    assert answer.status == 200, answer
    return answer.json()


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def response(password: str, realm: str, nonce: object, nc: str, method: str, uri: str, *, user: str = "admin") -> str:
    """Compute a digest with the client's nonce "c0ffee", after RFC 7616."""
    first, second = sha(f"{user}:{realm}:{password}"), sha(f"{method}:{uri}")
    return sha(f"{first}:{nonce}:{nc}:c0ffee:auth:{second}")


def challenge(header: str) -> dict[str, str]:
    """Take a challenge of HTTP apart."""
    scheme, _, rest = header.partition(" ")
    assert scheme == "Digest"
    parts = (part.partition("=") for part in rest.split(", "))
    return {name: value.strip('"') for name, _, value in parts}


def authorization(password: str, found: dict[str, str], nc: str, method: str, uri: str, **options: str) -> str:
    """Return the header that answers a challenge."""
    realm, nonce = found["realm"], found["nonce"]
    digest = response(password, realm, nonce, nc, method, uri, **options)
    return (
        f'Digest username="{options.get("user", "admin")}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'algorithm=SHA-256, qop=auth, nc={nc}, cnonce="c0ffee", response="{digest}"'
    )


@dataclass
class Socket:
    """A WebSocket client."""

    link: aiohttp.ClientWebSocketResponse
    number: int = 0

    async def ask(self, method: str, params: Json | None = None, **members: Any) -> tuple[Json, list[Json]]:
        """Send a frame; return its answer and the notifications that came before it."""
        self.number += 1
        frame: Json = {"id": self.number, "method": method, **members}
        if params is not None:
            frame["params"] = params
        await self.link.send_json(frame)
        before: list[Json] = []
        while (found := await self.receive()).get("id") != self.number:
            before.append(found)
        return found, before

    async def receive(self) -> Json:
        found: Json = await self.link.receive_json(timeout=5)
        return found

    def auth(self, password: str, found: Json, nc: int) -> Json:
        """Return the member ``auth`` that answers a challenge."""
        digest = response(password, found["realm"], found["nonce"], str(nc), "dummy_method", "dummy_uri")
        return {
            "realm": found["realm"],
            "username": "admin",
            "nonce": found["nonce"],
            "cnonce": "c0ffee",
            "response": digest,
            "algorithm": "SHA-256",
            "nc": nc,
        }


@asynccontextmanager
async def websocket(port: int) -> AsyncIterator[Socket]:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://127.0.0.1:{port}/rpc") as link:
        yield Socket(link)


async def until(condition: Callable[[], object]) -> None:
    """Wait until something has happened that nothing tells of."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


def port_of(client: HttpClient) -> int:
    return int(client.writer.get_extra_info("peername")[1])


class Listener(asyncio.DatagramProtocol):
    """A UDP port that keeps what it gets."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.arrived.put_nowait(data)

    async def next(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.arrived.get()


@asynccontextmanager
async def listener() -> AsyncIterator[tuple[Listener, int]]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        Listener, local_addr=("127.0.0.1", 0)
    )
    try:
        yield protocol, int(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


@dataclass(frozen=True)
class Datagram:
    code: int
    message_id: int
    options: dict[int, bytes]
    content: Json

    @property
    def serial(self) -> int:
        return int.from_bytes(self.options[3420])

    def value(self, number: int) -> Any:
        (found,) = [value for _, sensor, value in self.content["G"] if sensor == number]
        return found


def taken_apart(data: bytes) -> Datagram:
    """Take a datagram apart after RFC 7252."""
    assert data[0] == 0x50
    place, number = 4, 0
    options: dict[int, bytes] = {}
    while data[place] != 0xFF:
        nibbles = [data[place] >> 4, data[place] & 15]
        place += 1
        for index, nibble in enumerate(nibbles):
            if nibble == 13:
                nibbles[index] = data[place] + 13
                place += 1
            elif nibble == 14:
                nibbles[index] = int.from_bytes(data[place : place + 2]) + 269
                place += 2
        number += nibbles[0]
        options[number] = data[place : place + nibbles[1]]
        place += nibbles[1]
    return Datagram(data[1], int.from_bytes(data[2:4]), options, json.loads(data[place + 1 :]))
