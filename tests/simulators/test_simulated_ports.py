"""UDP, the two personalities of the serial port, what the Moxa does with CR LF, and its answer to a search."""

import asyncio
import os
import socket
import termios
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from simulators.house import House
from simulators.studer import MoxaFinder, StuderSimulator
from tests.simulators.conftest import Installation
from tests.simulators.scom import READ, answers, request

REQUEST = request(101, READ, 1, 3000, 1)


# Pseudo terminals


@contextmanager
def _terminal(path: str, baud: int) -> Iterator[int]:
    terminal = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(terminal)
        attributes = termios.tcgetattr(terminal)
        attributes[4] = attributes[5] = getattr(termios, f"B{baud}")
        termios.tcsetattr(terminal, termios.TCSANOW, attributes)
        yield terminal
    finally:
        os.close(terminal)


async def _talk(terminal: int, data: bytes) -> bytes:
    os.write(terminal, data)
    await asyncio.sleep(0.1)
    try:
        return os.read(terminal, 4096)
    except BlockingIOError:
        return b""


@pytest.mark.parametrize(("personality", "baud", "end"), [("xcom-232i", 38400, b""), ("xcom-lan", 115200, b"\r\n")])
async def test_personalities(sim: StuderSimulator, personality: str, baud: int, end: bytes) -> None:
    path = await sim.pty(personality, strict_baud=True)
    with _terminal(path, baud) as terminal:
        data = await _talk(terminal, REQUEST)
        assert len(data) == 30 + len(end)
        assert data.endswith(end)
        assert len(answers(data.removesuffix(end))) == 1
    with _terminal(path, 153600 - baud) as terminal:
        assert await _talk(terminal, REQUEST) == b""
    assert len(sim.requests) == 1


# The Moxa


@pytest.mark.parametrize(("delimiters", "lengths"), [("clean", (30, 30)), ("strip", (30, 28)), ("pass", (32, 32))])
async def test_delimiters(installation: Installation, delimiters: str, lengths: tuple[int, int]) -> None:
    sim, client = await installation(delimiters=delimiters)
    sim.set_info(101, 3000, 52.5)
    plain = len(await client.ask(REQUEST))
    sim.set_info(101, 3000, float.fromhex("0x1.141a00p+3"))
    assert (plain, len(await client.ask(REQUEST))) == lengths


def test_unknown_delimiters() -> None:
    with pytest.raises(ValueError, match="choose from clean, strip, pass"):
        StuderSimulator(house=House(speed=0), delimiters="no")


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.got: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.got.put_nowait((data, addr))


@asynccontextmanager
async def _udp() -> AsyncIterator[tuple[asyncio.DatagramTransport, _Datagrams]]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        _Datagrams, local_addr=("127.0.0.1", 0)
    )
    yield transport, protocol
    transport.close()


async def test_udp_answers_go_where_the_moxa_sends_them(sim: StuderSimulator) -> None:
    async with _udp() as (sender, silent), _udp() as (receiver, heard):
        port = await sim.udp(receiver.get_extra_info("sockname"))
        assert sim.connected
        sender.sendto(REQUEST, ("127.0.0.1", port))
        data, address = await asyncio.wait_for(heard.got.get(), 5)
        assert address == ("127.0.0.1", port)
        assert len(answers(data)) == 1
        # A frame has to come in one datagram.
        sender.sendto(REQUEST[:10], ("127.0.0.1", port))
        sender.sendto(REQUEST[10:], ("127.0.0.1", port))
        await sim.portal_request()
        data, _ = await asyncio.wait_for(heard.got.get(), 5)
        assert answers(data)[0].kind == 10
        await asyncio.sleep(0.05)
        assert heard.got.empty()
        assert silent.got.empty()
        await sim.close()
        sender.sendto(REQUEST, ("127.0.0.1", port))
        await asyncio.sleep(0.05)
        assert heard.got.empty()


async def test_the_finder_answers_a_search(socket_enabled: None) -> None:
    finder = MoxaFinder("192.168.88.250")
    port = await finder.listen(port=0)
    async with _udp() as (sender, heard):

        async def ask(text: str) -> bytes:
            sender.sendto(bytes.fromhex(text), ("127.0.0.1", port))
            data, address = await asyncio.wait_for(heard.got.get(), 5)
            assert address == ("127.0.0.1", port)
            return data

        # The capture in section 2.4 of the reference.
        assert await ask("01 00 00 08 00 00 00 00") == bytes.fromhex(
            "81 00 00 18 00 00 00 00 00 51 01 80 1A 51 00 90 E8 3C F8 7E C0 A8 58 FA"
        )
        details = await ask("10 00 00 14 00 00 00 00 00 51 01 80 1A 51 00 90 E8 3C F8 7E")
        assert details[:4] == bytes.fromhex("9000003C")
        assert len(details) == 60
        assert details[20:].rstrip(b"\0") == b"Xcom-LAN"
        # Another's details, a wrong length and noise are not answered.
        for text in ("10 00 00 14 00 00 00 00 00 51 01 80 1A 51 00 90 E8 00 00 00", "01 00 00 09 00 00 00 00", "AA"):
            sender.sendto(bytes.fromhex(text), ("127.0.0.1", port))
        await asyncio.sleep(0.05)
        assert heard.got.empty()
        assert finder.searches == 1
    finder.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        await asyncio.sleep(0)
        again.bind(("127.0.0.1", port))
