"""The search for Moxa boxes, against the simulated one and against nonsense."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from custom_components.local_solar.solarlink.errors import LinkError
from custom_components.local_solar.solarlink.studer.finder import Box, find_boxes
from simulators.studer.finder import MoxaFinder

HOST = "127.0.0.1"
WAIT = 0.3

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
async def box() -> AsyncIterator[tuple[MoxaFinder, int]]:
    box = MoxaFinder("192.168.88.250")
    yield box, await box.listen(HOST)
    box.close()


async def test_a_box_is_found_with_its_name(box: tuple[MoxaFinder, int]) -> None:
    simulated, port = box
    (found,) = await find_boxes(HOST, port=port, wait=WAIT)
    assert found == Box("192.168.88.250", "00:90:e8:3c:f8:7e", "Xcom-LAN")
    assert found.is_xcom_lan
    assert simulated.searches == 1


async def test_a_box_that_the_owner_has_renamed() -> None:
    box = MoxaFinder("192.0.2.9", name="garage")
    port = await box.listen(HOST)
    (found,) = await find_boxes(HOST, port=port, wait=WAIT)
    assert (found.name, found.is_xcom_lan) == ("garage", False)
    box.close()


async def test_nobody_answers() -> None:
    assert await search([]) == []


class Oddity(asyncio.DatagramProtocol):
    """Answers every search with the same datagrams."""

    def __init__(self, answers: list[bytes]) -> None:
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if data[0] == 1:
            for answer in self._answers:
                self._transport.sendto(answer, addr)


# As the reference prints them (section 2.4); the second is another box, of which no name comes.
ANSWER = bytes.fromhex("81000018 00000000 005101801A51 0090E83CF87E C0A858FA")
OTHER = bytes.fromhex("81000018 00000000 005101801A51 0090E8000001 C0A85802")


async def search(answers: list[bytes]) -> list[Box]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Oddity(answers), local_addr=(HOST, 0)
    )
    try:
        return await find_boxes(HOST, port=transport.get_extra_info("sockname")[1], wait=WAIT)
    finally:
        transport.close()


async def test_the_answer_of_the_reference_twice_is_one_box() -> None:
    assert await search([ANSWER, OTHER, ANSWER]) == [
        Box("192.168.88.2", "00:90:e8:00:00:01"),
        Box("192.168.88.250", "00:90:e8:3c:f8:7e"),
    ]


async def test_nonsense_is_no_box() -> None:
    details = bytes.fromhex("9000003C 00000000") + bytes(52)
    assert await search([b"", b"\x81", ANSWER[:-1], ANSWER + b"x", b"\x82" + ANSWER[1:], details]) == []


async def test_an_address_that_cannot_be_sent_to() -> None:
    with pytest.raises(LinkError):
        await find_boxes("no.such.host.invalid", wait=WAIT)
