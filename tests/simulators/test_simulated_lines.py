"""How the simulated installation connects, and every fault as it looks on the wire."""

import asyncio
import os
import time
import tty
from collections.abc import AsyncIterator

import pytest

from simulators.faults import Fault, Faults, UnknownFaultError, parse as parse_for
from simulators.house import House
from simulators.studer import StuderSimulator
from simulators.studer.faults import FAULTS
from simulators.studer.frames import READ, Frame, FrameReader
from tests.simulators.wire import Client, Listener, connect

REQUEST = Frame(1, 101, READ, 1, 3000, 1).encode()


def parse(text: str) -> Fault:
    return parse_for(text, FAULTS)


def _frames(data: bytes) -> list[Frame]:
    return FrameReader(longest=1100).feed(data)


@pytest.fixture
async def listener(socket_enabled: None) -> AsyncIterator[Listener]:
    opened = Listener()
    await opened.open()
    yield opened
    await opened.close()


# Connections


async def test_dials_in_and_again(sim: StuderSimulator, listener: Listener) -> None:
    assert not sim.connected
    await sim.dial("127.0.0.1", listener.port)
    client = await listener.next()
    await sim.wait_connected(5)
    assert len(_frames(await client.ask(REQUEST))) == 1
    await client.close()
    again = await listener.next()
    assert len(_frames(await again.ask(REQUEST))) == 1
    await again.close()


async def test_keeps_dialling_until_somebody_listens(sim: StuderSimulator, socket_enabled: None) -> None:
    listener = Listener()
    await listener.open()
    await listener.close()
    await sim.dial("127.0.0.1", listener.port)
    with pytest.raises(TimeoutError):
        await sim.wait_connected(0.15)
    await listener.open(listener.port)
    await (await listener.next()).close()
    await listener.close()


async def test_drop_is_a_reset_and_dialling_goes_on(sim: StuderSimulator, listener: Listener) -> None:
    await sim.dial("127.0.0.1", listener.port)
    client = await listener.next()
    await sim.drop()
    with pytest.raises(ConnectionResetError):
        await client.reader.read(1)
    await client.close()
    await (await listener.next()).close()


async def test_stop_dialling(sim: StuderSimulator, listener: Listener) -> None:
    await sim.dial("127.0.0.1", listener.port)
    client = await listener.next()
    await sim.stop_dialling()
    assert len(_frames(await client.ask(REQUEST))) == 1
    await client.close()
    with pytest.raises(TimeoutError):
        await listener.next(0.3)


async def test_close_leaves_nothing(socket_enabled: None, listener: Listener) -> None:
    before = asyncio.all_tasks()
    sim = StuderSimulator(house=House(speed=0), pace=0.0, portal_period=0.01)
    port = await sim.listen()
    path = await sim.pty()
    await sim.dial("127.0.0.1", listener.port)
    client = await listener.next()
    sim.faults.set("late_answer", 30.0)
    client.send(REQUEST)
    await asyncio.sleep(0.05)
    await sim.close()
    await client.close()
    assert not sim.connected
    assert {task for task in asyncio.all_tasks() - before if "start_server" not in repr(task)} == set()
    assert not os.path.exists(path)  # noqa: PTH110, ASYNC240 - a terminal's name, gone at once
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_pseudo_terminal(sim: StuderSimulator) -> None:
    path = await sim.pty()
    assert sim.connected
    terminal = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(terminal)
        os.write(terminal, REQUEST)
        await asyncio.sleep(0.1)
        assert len(_frames(os.read(terminal, 4096))) == 1
    finally:
        os.close(terminal)


async def test_pace_of_the_wire(socket_enabled: None) -> None:
    async with StuderSimulator(house=House(speed=0), pace=1.0) as sim, connect(await sim.listen()) as client:
        started = time.monotonic()
        client.send(REQUEST)
        await client.reader.readexactly(30)
        # 56 bytes at 115200 baud and one round trip on the bus.
        assert 0.02 < time.monotonic() - started < 0.2


# Faults


async def test_silence_does_nothing_and_ends(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("silence", count=1)
    assert await client.ask(Frame(1, 101, 2, 2, 1607, 13, bytes(4)).encode()) == b""
    assert len(sim.requests) == 1
    assert sim.ram == {}
    assert _frames(await client.ask(REQUEST))


async def test_lost_answer_was_carried_out(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("lost_answer")
    assert await client.ask(Frame(1, 101, 2, 2, 1607, 13, bytes(4)).encode()) == b""
    assert sim.ram == {(101, 1607): 0}
    sim.faults.clear()
    assert _frames(await client.ask(REQUEST))


async def test_delay_holds_the_line(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("delay", 0.3)
    assert await client.ask(REQUEST, 0.1) == b""
    assert _frames(await client.everything(1))


async def test_late_answer_lets_others_pass(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("late_answer", 0.3, count=1)
    client.send(REQUEST)
    await asyncio.sleep(0.02)
    client.send(Frame(1, 102, READ, 1, 3000, 1).encode())
    assert [frame.source for frame in _frames(await client.everything(0.1))] == [102]
    assert [frame.source for frame in _frames(await client.everything(1))] == [101]


async def test_cut_frame(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("cut_frame")
    assert len(await client.ask(REQUEST)) == 15


async def test_garbage_around_the_answer(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("garbage")
    data = await client.ask(REQUEST)
    assert data.startswith(b"\xff\xaa")
    assert len(data) > 34
    # Bytes enough for the reader to see that the stray start bytes begin no frame.
    assert len(_frames(data + bytes(300))) == 1


async def test_wrong_checksum(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("wrong_checksum", count=1)
    data = await client.ask(REQUEST)
    assert len(data) == 30
    assert _frames(data + bytes(300)) == []


async def test_wrong_unit(sim: StuderSimulator, client: Client) -> None:
    sim.set_info(102, 3000, 49.5)
    sim.faults.set("wrong_unit")
    (frame,) = _frames(await client.ask(REQUEST))
    assert frame.source == 102
    assert frame.data == bytes.fromhex("00004642")


@pytest.mark.parametrize(("text", "code"), [("refused", 0x2B), ("refused=0x29", 0x29), ("busy", 0x13)])
async def test_refusals(sim: StuderSimulator, client: Client, text: str, code: int) -> None:
    sim.faults.add(parse(text))
    (frame,) = _frames(await client.ask(REQUEST))
    assert (frame.service_flags, frame.data) == (3, bytes((code, 0)))


async def test_restart_happens_once(sim: StuderSimulator, client: Client) -> None:
    await client.ask(Frame(1, 101, 2, 2, 1607, 13, bytes(4)).encode())
    sim.faults.set("restart")
    (frame,) = _frames(await client.ask(REQUEST))
    assert frame.flags & 2
    assert sim.ram == {}
    assert "restart" not in sim.faults


async def test_second_connection_leaves_the_first_half_open(sim: StuderSimulator, listener: Listener) -> None:
    await sim.dial("127.0.0.1", listener.port)
    first = await listener.next()
    assert _frames(await first.ask(REQUEST))
    sim.faults.set("second_client")
    second = await listener.next()
    assert await first.ask(REQUEST) == b""
    assert not first.reader.at_eof()
    assert _frames(await second.ask(REQUEST))
    await first.close()
    await second.close()
    await (await listener.next()).close()


async def test_duplicate(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("duplicate")
    one, other = _frames(await client.ask(REQUEST))
    assert one == other


async def test_reset_mid_frame(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("reset_mid_frame")
    client.send(REQUEST)
    assert len(await client.reader.readexactly(15)) == 15
    with pytest.raises(ConnectionResetError):
        await client.reader.read(1)


async def test_strip_crlf_damages_a_frame_that_holds_it(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("strip_crlf")
    sim.set_info(101, 3000, 52.5)
    assert len(_frames(await client.ask(REQUEST))) == 1
    sim.set_info(101, 3000, float.fromhex("0x1.141a00p+3"))
    data = await client.ask(REQUEST)
    assert len(data) == 28
    assert _frames(data + bytes(300)) == []


async def test_crlf_after_each_answer(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("crlf")
    assert (await client.ask(REQUEST)).endswith(b"\r\n")


async def test_nan(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("nan", 3000)
    (frame,) = _frames(await client.ask(REQUEST))
    assert frame.data[2:] == b"\xc0\x7f"
    (other,) = _frames(await client.ask(Frame(1, 101, READ, 1, 3011, 1).encode()))
    assert other.data[2:] != b"\xc0\x7f"


async def test_old_gateway_and_old_firmware(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("old_gateway")
    sim.faults.set("old_firmware")
    (frame,) = _frames(await client.ask(Frame(1, 501, READ, 10, 1, 2, b"\xb8\x0b\x01").encode()))
    assert frame.data == b"\x11\x00"
    (frame,) = _frames(await client.ask(Frame(1, 101, 2, 2, 1607, 13, bytes(4)).encode()))
    assert frame.data == b"\x23\x00"


async def test_split(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("split", 7)
    client.send(REQUEST)
    assert len(await client.reader.read(4096)) == 7
    assert len(await client.everything()) == 23


async def test_joined(sim: StuderSimulator, client: Client) -> None:
    sim.faults.set("joined")
    foreign, ours = _frames(await client.ask(REQUEST))
    assert (foreign.object_type, ours.object_type) == (10, 1)


# The registry


def test_text_form() -> None:
    fault = parse("delay=2.5*3")
    assert (fault.name, fault.argument, fault.count) == ("delay", 2.5, 3)
    assert parse("refused=0x22").argument == 0x22
    assert parse("delay").argument == 1.0
    assert parse("second_client").name == "second_connection"


@pytest.mark.parametrize("text", ["", "unheard_of", "delay=x", "busy*", "busy*0", "delay="])
def test_bad_text(text: str) -> None:
    with pytest.raises(UnknownFaultError):
        parse(text)


def test_counted_faults_end_by_themselves() -> None:
    faults = Faults(FAULTS)
    faults.set("busy", count=2)
    assert [faults.take("busy") is not None for _ in range(3)] == [True, True, False]
    with pytest.raises(UnknownFaultError):
        faults.clear("unheard_of")
