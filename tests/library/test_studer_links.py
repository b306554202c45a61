"""UDP and the serial presets: what goes over them, and what is said when nothing comes back."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from custom_components.local_solar.solarlink.errors import (
    BadAddressError,
    LinkClosedError,
    LinkError,
    NoAnswerError,
    PortTakenError,
    SilentPortError,
)
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.address import LinkAddress, parse_address
from custom_components.local_solar.solarlink.links.udp import UdpWire
from custom_components.local_solar.solarlink.points import Ref
from custom_components.local_solar.solarlink.studer import FAMILY, open_client
from custom_components.local_solar.solarlink.studer.client import StuderClient
from custom_components.local_solar.solarlink.studer.exchange import Timing
from simulators.studer import StuderSimulator

from .conftest import HASTY, PATIENT, MakeClient

HOST = "127.0.0.1"
VOLTAGE = Ref("xt1", "battery_voltage")
GUID = "407d3d61-2835-4dec-ba32-c9580b1bd03a"

pytestmark = pytest.mark.usefixtures("socket_enabled")


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def parse(text: str) -> LinkAddress:
    return parse_address(text, schemes=FAMILY.schemes, default_port=FAMILY.default_port, family=FAMILY.name)


@pytest.fixture
async def opened() -> AsyncIterator[Any]:
    clients: list[StuderClient] = []

    def open_(text: str, timing: Timing = PATIENT, **settings: Any) -> StuderClient:
        client = open_client(parse(text), journal=Journal(), settings=settings)
        assert isinstance(client, StuderClient)
        client._exchange.timing = timing
        clients.append(client)
        return client

    yield open_
    for client in clients:
        await client.close()


# Addresses


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("udp://192.0.2.7", LinkAddress("udp", host="192.0.2.7", port=4001)),
        ("udp://192.0.2.7:4002?local=4001", LinkAddress("udp", host="192.0.2.7", port=4002, local=4001)),
        ("socket://192.0.2.7:4001", LinkAddress("socket", host="192.0.2.7", port=4001)),
        ("rfc2217://192.0.2.7:4001", LinkAddress("rfc2217", host="192.0.2.7", port=4001)),
    ],
)
def test_addresses(text: str, address: LinkAddress) -> None:
    assert parse(text) == address


@pytest.mark.parametrize("local", ["0", "65536", "-1", "x", "1e3"])
def test_a_local_port_that_is_none(local: str) -> None:
    with pytest.raises(BadAddressError):
        parse(f"udp://192.0.2.7?local={local}")


# UDP


async def test_an_installation_behind_udp(sim: StuderSimulator, opened: Any) -> None:
    local = free_udp_port()
    port = await sim.udp((HOST, local))
    client = opened(f"udp://{HOST}:{port}?local={local}")
    installation = await client.identify()
    assert installation.root.serial == GUID
    sim.set_info(101, 3000, 51.5)
    assert (await client.read([VOLTAGE])).readings[VOLTAGE].value == 51.5


async def test_the_local_port_is_that_of_the_far_end_unless_named(socket_enabled: None) -> None:
    port = free_udp_port()
    wire = UdpWire("127.0.0.2", port)
    await wire.open(1.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError, match="in use"):
        other.bind(("0.0.0.0", port))
    await wire.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", port))


async def test_a_lost_datagram_is_asked_for_again(sim: StuderSimulator, opened: Any) -> None:
    local = free_udp_port()
    client = opened(f"udp://{HOST}:{await sim.udp((HOST, local))}?local={local}", HASTY)
    await client.identify()
    sim.faults.set("lost_answer", count=1)
    assert (await client.read([VOLTAGE])).readings[VOLTAGE].value is not None
    assert client.stats.time_outs == 1


async def test_silence_opens_the_port_anew(sim: StuderSimulator, opened: Any) -> None:
    local = free_udp_port()
    client = opened(f"udp://{HOST}:{await sim.udp((HOST, local))}?local={local}", HASTY)
    await client.identify()
    sim.faults.set("silence")
    with pytest.raises(NoAnswerError):
        await client.read([VOLTAGE])
    assert not client.connected
    sim.faults.clear("silence")
    assert (await client.read([VOLTAGE])).readings[VOLTAGE].value is not None


async def test_datagrams_of_others_are_thrown_away(sim: StuderSimulator, make_client: MakeClient) -> None:
    local = free_udp_port()
    wire = UdpWire(HOST, await sim.udp((HOST, local)), local)
    client = make_client(wire)
    await client.identify()
    received = client.stats.dropped_bytes
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.3", 0))
        stranger.sendto(b"nonsense", (HOST, local))
    await client.read([VOLTAGE])
    assert client.stats.dropped_bytes == received


async def test_a_local_port_in_use() -> None:
    port = free_udp_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", port))
        wire = UdpWire(HOST, 9, port)
        with pytest.raises(PortTakenError) as taken:
            await wire.open(1.0)
        assert str(port) in str(taken.value)
        await wire.close()


async def test_a_host_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    wire = UdpWire("gateway.example", 4001, free_udp_port())
    with pytest.raises(LinkError):
        await wire.open(5.0)
    await wire.close()
    with pytest.raises(LinkClosedError):
        await wire.open(1.0)


async def test_nobody_at_the_far_end_is_silence(opened: Any) -> None:
    client = opened(f"udp://{HOST}:{free_udp_port()}?local={free_udp_port()}", HASTY)
    with pytest.raises(NoAnswerError):
        await client.identify()


async def test_a_closed_wire_leaves_nothing_behind(sim: StuderSimulator) -> None:
    local = free_udp_port()
    port = await sim.udp((HOST, local))
    for _ in range(3):
        wire = UdpWire(HOST, port, local)
        await wire.open(1.0)
        await wire.close()
        assert not wire.connected
    await asyncio.sleep(0)


# Serial presets


@pytest.mark.parametrize(
    ("personality", "preset"), [("xcom-lan", "xcom_lan"), ("xcom-232i", "xcom_232i"), ("xcom-lan", "unheard_of")]
)
async def test_a_port_with_the_right_preset(sim: StuderSimulator, opened: Any, personality: str, preset: str) -> None:
    path = await sim.pty(personality, strict_baud=True)
    client = opened(path, serial_preset=preset)
    assert (await client.identify()).root.serial == GUID
    assert (await client.read([VOLTAGE])).readings[VOLTAGE].value is not None


@pytest.mark.parametrize(
    ("personality", "preset", "named"),
    [
        ("xcom-232i", "xcom_lan", ("115200 8N1", "38400 8E1")),
        ("xcom-lan", "xcom_232i", ("38400 8E1", "115200 8N1")),
        ("xcom-232i", "xcom_232i_fast", ("115200 8E1", "38400 8E1")),
    ],
)
async def test_a_silent_port_names_the_other_preset(
    sim: StuderSimulator, opened: Any, personality: str, preset: str, named: tuple[str, str]
) -> None:
    path = await sim.pty(personality, strict_baud=True)
    client = opened(path, HASTY, serial_preset=preset)
    with pytest.raises(SilentPortError) as silent:
        await client.identify()
    assert (silent.value.details["preset"], silent.value.details["other"]) == named
    # A caller that knows of silence only treats it as such.
    assert isinstance(silent.value, NoAnswerError)


async def test_silence_after_answers_is_not_blamed_on_the_preset(sim: StuderSimulator, opened: Any) -> None:
    client = opened(await sim.pty("xcom-lan"), HASTY)
    await client.identify()
    sim.faults.set("silence")
    with pytest.raises(NoAnswerError) as silent:
        await client.identify()
    assert not isinstance(silent.value, SilentPortError)


async def test_a_serial_server_behind_socket(sim: StuderSimulator, opened: Any) -> None:
    client = opened(f"socket://{HOST}:{await sim.listen()}", serial_preset="xcom_232i")
    assert (await client.identify()).root.serial == GUID


async def test_a_remote_port_is_set_as_the_preset_says(sim: StuderSimulator, opened: Any) -> None:
    """A telnet server that takes the port's settings (RFC 2217) and hands everything else on."""
    async with Rfc2217(await sim.listen()) as bridge:
        client = opened(f"rfc2217://{HOST}:{bridge.port}", serial_preset="xcom_232i")
        assert (await client.identify()).root.serial == GUID
        assert (bridge.settings[1], bridge.settings[3]) == (38400, 3)
        await client.close()


class Rfc2217:
    """The server side of RFC 2217, as far as a client needs it to open a port."""

    IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
    PORT_CONTROL = 44

    def __init__(self, target: int) -> None:
        self._target = target
        self.settings: dict[int, int] = {}
        """Value by command: 1 baud rate, 2 data bits, 3 parity (1 none, 3 even), 4 stop bits."""
        self.port = 0

    async def __aenter__(self) -> Rfc2217:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream = await asyncio.open_connection(HOST, self._target)

        async def back() -> None:
            while data := await upstream_reader.read(4096):
                writer.write(data.replace(b"\xff", b"\xff\xff"))

        task = asyncio.create_task(back())
        try:
            while byte := await reader.read(1):
                if byte[0] != self.IAC:
                    upstream.write(byte)
                    continue
                command = (await reader.readexactly(1))[0]
                if command == self.IAC:
                    upstream.write(b"\xff")
                elif command == self.SB:
                    self._set((await reader.readuntil(bytes((self.IAC, self.SE))))[:-2], writer)
                else:
                    option = (await reader.readexactly(1))[0]
                    answer = {self.DO: self.WILL, self.WILL: self.DO}.get(command)
                    if answer is not None:
                        writer.write(bytes((self.IAC, answer, option)))
        except ConnectionError, asyncio.IncompleteReadError:
            pass
        finally:
            task.cancel()
            upstream.close()
            writer.close()

    def _set(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        if body[0] != self.PORT_CONTROL:
            return
        command, value = body[1], body[2:].replace(b"\xff\xff", b"\xff")
        self.settings[command] = int.from_bytes(value)
        writer.write(bytes((self.IAC, self.SB, self.PORT_CONTROL, command + 100)) + body[2:])
        writer.write(bytes((self.IAC, self.SE)))
