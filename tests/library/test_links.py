"""Wires over real sockets and a pseudo terminal: who gets which connection, and what is left behind."""

import asyncio
import socket
import sys

import pytest

from custom_components.local_solar.solarlink.errors import (
    AddressNotLocalError,
    LinkClosedError,
    LinkError,
    LinkLostError,
    NobodyCalledError,
    PortTakenError,
)
from custom_components.local_solar.solarlink.links import listener
from custom_components.local_solar.solarlink.links.backoff import Backoff
from custom_components.local_solar.solarlink.links.listener import ListenWire, _Listener
from custom_components.local_solar.solarlink.links.serial import SerialWire
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.links.wire import Wire
from simulators.studer import StuderSimulator

from . import frames

HOST = "127.0.0.1"
OTHER_HOST = "127.0.0.2"
WAIT = 10.0

pytestmark = pytest.mark.usefixtures("socket_enabled")


class User:
    """What happens on a wire."""

    def __init__(self, wire: Wire) -> None:
        self.ups: list[str] = []
        self.downs: list[LinkError] = []
        self.data = b""
        self.heard = asyncio.Event()
        wire.user = self

    def wire_up(self, peer: str) -> None:
        self.ups.append(peer)
        self.heard.set()

    def wire_data(self, data: bytes) -> None:
        self.data += data
        self.heard.set()

    def wire_down(self, error: LinkError) -> None:
        self.downs.append(error)
        self.heard.set()

    async def until_data(self, wanted: bytes) -> None:
        async with asyncio.timeout(WAIT):
            while len(self.data) < len(wanted):
                self.heard.clear()
                await self.heard.wait()
        assert self.data == wanted

    async def until_down(self, count: int = 1) -> None:
        async with asyncio.timeout(WAIT):
            while len(self.downs) < count:
                self.heard.clear()
                await self.heard.wait()


class Gateway:
    """The other end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def dial(cls, port: int, source: str = HOST) -> Gateway:
        return cls(*await asyncio.open_connection(HOST, port, local_addr=(source, 0)))

    async def ended(self) -> bool:
        """Wait until the other side has ended the connection."""
        try:
            return await asyncio.wait_for(self.reader.read(), WAIT) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.writer.close()


def can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError:
            return False
        return True


# The listener


async def test_a_port_of_another_program(port: int) -> None:
    with socket.socket() as other:
        other.bind((HOST, port))
        other.listen()
        wire = ListenWire(HOST, port)
        with pytest.raises(PortTakenError, match=f"Port {port} is used by another program"):
            await wire.open(WAIT)
    assert _Listener.running == {}
    # Free now: the same wire can be opened without more ado.
    gateway = asyncio.create_task(_dial_when_open(port))
    await wire.open(WAIT)
    await wire.close()
    (await gateway).close()


async def _dial_when_open(port: int) -> Gateway:
    async with asyncio.timeout(WAIT):
        while True:
            try:
                return await Gateway.dial(port)
            except OSError:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
async def test_an_address_of_another_machine(host: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if not host[0].isdigit():

        async def unknown(*args: object, **kwargs: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    with pytest.raises(AddressNotLocalError, match=f"{host} is no address of this machine"):
        await ListenWire(host, port).open(WAIT)
    assert _Listener.running == {}


async def test_nobody_calls(port: int) -> None:
    wire = ListenWire(HOST, port)
    with pytest.raises(NobodyCalledError, match=f"No gateway has connected to port {port}"):
        await wire.open(0.05)
    # It goes on listening: a gateway that comes later is welcome.
    gateway = await Gateway.dial(port)
    await wire.open(WAIT)
    assert wire.connected
    gateway.close()
    await wire.close()
    assert can_bind(port)


async def test_bytes_go_both_ways_and_a_lost_connection_is_told(port: int) -> None:
    wire = ListenWire(HOST, port)
    user = User(wire)
    with pytest.raises(LinkLostError):
        wire.send(b"too early")
    gateway_task = asyncio.create_task(_dial_when_open(port))
    await wire.open(WAIT)
    gateway = await gateway_task
    wire.send(b"question")
    assert await asyncio.wait_for(gateway.reader.readexactly(8), WAIT) == b"question"
    gateway.writer.write(b"answer")
    await user.until_data(b"answer")
    gateway.close()
    await user.until_down()
    assert not wire.connected
    assert isinstance(user.downs[0], LinkLostError)
    with pytest.raises(LinkLostError):
        wire.send(b"too late")
    await wire.close()
    assert user.ups == [HOST]


async def test_two_wires_on_one_port_get_two_peers(port: int) -> None:
    first, second = ListenWire(HOST, port), ListenWire(HOST, port)
    opening = [asyncio.create_task(wire.open(WAIT)) for wire in (first, second)]
    gateways = [await _dial_when_open(port), await Gateway.dial(port, OTHER_HOST)]
    await asyncio.gather(*opening)
    assert (first.last_peer, second.last_peer) == (HOST, OTHER_HOST)
    # Lost and called again in the other order: each gets its own gateway back.
    for gateway in gateways:
        gateway.close()
    users = [User(first), User(second)]
    for wire, user in zip((first, second), users, strict=True):
        if wire.connected:
            await user.until_down()
    gateways = [await Gateway.dial(port, OTHER_HOST), await Gateway.dial(port)]
    await asyncio.gather(first.open(WAIT), second.open(WAIT))
    assert (first.last_peer, second.last_peer) == (HOST, OTHER_HOST)
    await first.close()
    assert not can_bind(port)
    assert second.connected
    await second.close()
    assert can_bind(port)
    for gateway in gateways:
        gateway.close()


async def test_a_third_gateway_is_sent_away(port: int) -> None:
    wire = ListenWire(HOST, port)
    opening = asyncio.create_task(wire.open(WAIT))
    gateway = await _dial_when_open(port)
    await opening
    stranger = await Gateway.dial(port, OTHER_HOST)
    assert await stranger.ended()
    assert wire.connected
    assert wire.last_peer == HOST
    for each in (gateway, stranger):
        each.close()
    await wire.close()


async def test_the_same_peer_again_replaces_its_half_open_connection(port: int) -> None:
    wire = ListenWire(HOST, port)
    user = User(wire)
    opening = asyncio.create_task(wire.open(WAIT))
    old = await _dial_when_open(port)
    await opening
    new = await Gateway.dial(port)
    assert await old.ended()
    await user.until_down()
    assert user.ups == [HOST, HOST]
    assert len(user.downs) == 1
    assert wire.connected
    new.writer.write(b"new")
    await user.until_data(b"new")
    # The end of the old connection, told late, must not end the new one.
    old.close()
    wire.send(b"still here")
    assert await asyncio.wait_for(new.reader.readexactly(10), WAIT) == b"still here"
    new.close()
    await wire.close()


async def test_a_disowned_peer_goes_to_the_other_wire(port: int) -> None:
    first, second = ListenWire(HOST, port), ListenWire(HOST, port)
    opening = [asyncio.create_task(wire.open(WAIT)) for wire in (first, second)]
    wrong = await _dial_when_open(port)
    await opening[0]
    assert first.connected
    first.disown()
    assert await wrong.ended()
    again = await Gateway.dial(port)
    await opening[1]
    assert second.last_peer == HOST
    right = await Gateway.dial(port, OTHER_HOST)
    await first.open(WAIT)
    assert first.last_peer == OTHER_HOST
    for gateway in (wrong, again, right):
        gateway.close()
    await first.close()
    await second.close()


async def test_a_disowned_address_may_come_again_later(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = ListenWire(HOST, port)
    opening = asyncio.create_task(wire.open(WAIT))
    first = await _dial_when_open(port)
    await opening
    wire.disown()
    refused = await Gateway.dial(port)
    assert await refused.ended()
    assert not wire.connected
    monkeypatch.setattr(listener, "DISOWNED_FOR", 0.0)
    later = await Gateway.dial(port)
    await wire.open(WAIT)
    assert wire.last_peer == HOST
    for gateway in (first, refused, later):
        gateway.close()
    await wire.close()


async def test_only_the_allowed_peer_may_come(port: int) -> None:
    picky, open_to_all = ListenWire(HOST, port, OTHER_HOST), ListenWire(HOST, port)
    opening = [asyncio.create_task(wire.open(WAIT)) for wire in (picky, open_to_all)]
    named = await _dial_from(port, OTHER_HOST)
    await opening[0]
    assert picky.last_peer == OTHER_HOST
    assert not open_to_all.connected
    anybody = await Gateway.dial(port)
    await opening[1]
    assert open_to_all.last_peer == HOST
    await open_to_all.close()
    assert await anybody.ended()
    stranger = await Gateway.dial(port)
    assert await stranger.ended()
    assert picky.connected
    for gateway in (named, anybody, stranger):
        gateway.close()
    await picky.close()


async def _dial_from(port: int, source: str) -> Gateway:
    async with asyncio.timeout(WAIT):
        while True:
            try:
                return await Gateway.dial(port, source)
            except OSError:
                await asyncio.sleep(0.01)


async def test_close_ends_an_open_that_waits(port: int) -> None:
    before = asyncio.all_tasks()
    wire = ListenWire(HOST, port)
    opening = asyncio.create_task(wire.open(WAIT))
    await asyncio.sleep(0.05)
    assert not can_bind(port)
    await wire.close()
    with pytest.raises(LinkClosedError):
        await asyncio.wait_for(opening, WAIT)
    with pytest.raises(LinkClosedError):
        await wire.open(WAIT)
    assert can_bind(port)
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("rounds", range(6))
async def test_close_while_the_port_is_being_opened_leaves_no_listener(port: int, rounds: int) -> None:
    wire = ListenWire(HOST, port)
    opening = asyncio.create_task(wire.open(WAIT))
    for _ in range(rounds):
        await asyncio.sleep(0)
    await wire.close()
    with pytest.raises(LinkClosedError):
        await asyncio.wait_for(opening, WAIT)
    assert can_bind(port)
    assert _Listener.running == {}


async def test_a_cancelled_open_can_be_closed(port: int) -> None:
    wire = ListenWire(HOST, port)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await wire.open(WAIT)
    await wire.close()
    assert can_bind(port)


async def test_close_twice_and_close_unopened(port: int) -> None:
    wire = ListenWire(HOST, port)
    await wire.close()
    await wire.close()
    assert can_bind(port)


# Dialling


async def test_refused_then_back_off_then_connected(port: int) -> None:
    now = 0.0
    wire = TcpWire(HOST, port, Backoff(1.0, 60.0, clock=lambda: now))
    with pytest.raises(LinkError, match=f"No connection to {HOST}:{port}: ") as caught:
        await wire.open(WAIT)
    assert not isinstance(caught.value, LinkLostError)
    arrivals: asyncio.Queue[Gateway] = asyncio.Queue()
    server = await asyncio.start_server(lambda r, w: arrivals.put_nowait(Gateway(r, w)), HOST, port)
    with pytest.raises(LinkError, match="No connection to"):
        await wire.open(WAIT)
    assert arrivals.empty()
    now = 2.0
    await wire.open(WAIT)
    assert wire.connected
    await wire.open(WAIT)
    gateway = await asyncio.wait_for(arrivals.get(), WAIT)
    assert arrivals.empty()
    # Lost without failure: the next open connects at once.
    user = User(wire)
    gateway.close()
    await user.until_down()
    await wire.open(WAIT)
    second = await asyncio.wait_for(arrivals.get(), WAIT)
    wire.send(b"hello")
    assert await asyncio.wait_for(second.reader.readexactly(5), WAIT) == b"hello"
    await wire.close()
    assert isinstance(user.downs[-1], LinkClosedError)
    with pytest.raises(LinkClosedError):
        await wire.open(WAIT)
    assert await second.ended()
    second.close()
    server.close()


async def test_several_who_open_at_once_share_one_connection(sim: StuderSimulator) -> None:
    wire = TcpWire(HOST, await sim.listen())
    user = User(wire)
    await asyncio.gather(*(wire.open(WAIT) for _ in range(10)))
    assert user.ups == [HOST]
    await wire.close()


async def test_a_dropped_connection_is_made_again(sim: StuderSimulator) -> None:
    wire = TcpWire(HOST, await sim.listen())
    user = User(wire)
    await wire.open(WAIT)
    wire.drop()
    wire.drop()
    assert len(user.downs) == 1
    await wire.open(WAIT)
    wire.send(bytes.fromhex(frames.READ_1107_MINIMUM))
    await user.until_data(bytes.fromhex(frames.ANSWER_1107_MINIMUM))
    await wire.close()


# Serial

serial_only = pytest.mark.skipif(sys.platform != "linux", reason="pseudo terminals as serial ports")


@serial_only
async def test_a_serial_port(sim: StuderSimulator) -> None:
    wire = SerialWire(await sim.pty(), baudrate=115200)
    user = User(wire)
    await wire.open(WAIT)
    assert wire.connected
    wire.send(bytes.fromhex(frames.READ_1107_MINIMUM))
    await user.until_data(bytes.fromhex(frames.ANSWER_1107_MINIMUM))
    wire.drop()
    await wire.open(WAIT)
    wire.send(bytes.fromhex(frames.READ_3000_ABSENT))
    await user.until_data(bytes.fromhex(frames.ANSWER_1107_MINIMUM) + bytes.fromhex(frames.ANSWER_ABSENT))
    await wire.close()
    assert not wire.connected


@serial_only
async def test_a_serial_port_that_is_not_there() -> None:
    wire = SerialWire("/dev/no-such-port?key=secret", baudrate=115200)
    with pytest.raises(LinkError, match=r"^No connection to /dev/no-such-port: ") as caught:
        await wire.open(WAIT)
    assert "secret" not in wire.address
    assert caught.value.details["address"] == "/dev/no-such-port"
    await wire.close()
