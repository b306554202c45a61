"""The Modbus link: one exchange at a time, time-outs, lost connections, kept and short-lived ones."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from custom_components.local_solar.solarlink.errors import (
    BadAnswerError,
    DeviceAbsentError,
    DeviceBusyError,
    DeviceRefusedError,
    LinkClosedError,
    LinkError,
    LinkLostError,
    NoAnswerError,
    NotSupportedError,
    SolarError,
)
from custom_components.local_solar.solarlink.links.backoff import Backoff
from custom_components.local_solar.solarlink.links.modbus import ModbusLink, ModbusTiming, dial_tcp
from custom_components.local_solar.solarlink.links.stats import LinkStats
from custom_components.local_solar.solarlink.links.turns import Priority
from custom_components.local_solar.solarlink.trace import Direction, Trace
from tests.tries import TRIES

from .conftest import free_port
from .modbus_peer import ModbusPeer

pytestmark = pytest.mark.usefixtures("socket_enabled")

HOST = "127.0.0.1"
PATIENT = ModbusTiming(retries=(0.0, 0.0))
HASTY = ModbusTiming(answer=0.2, retries=())
UNITS = {10: {0x50: 0xC822, 0x51: 0x0000, 0x52: 7, 0x17C: 0, 0x17D: 0}, 11: {1: 42}}


@asynccontextmanager
async def linked(timing: ModbusTiming = PATIENT, **more: Any) -> AsyncIterator[tuple[ModbusPeer, ModbusLink]]:
    peer = ModbusPeer(UNITS)
    port = await peer.listen()
    link = ModbusLink(dial_tcp(HOST, port), f"{HOST}:{port}", stats=LinkStats(), trace=Trace(), timing=timing, **more)
    try:
        yield peer, link
    finally:
        await link.close()
        await peer.close()


def stats(link: ModbusLink) -> LinkStats:
    return link._stats


async def test_registers_are_read_and_written() -> None:
    async with linked() as (peer, link):
        before = link.connected
        assert await link.read(10, 0x50, 3) == [0xC822, 0, 7]
        assert (before, link.connected) == (False, True)
        await link.write(10, 0x52, [8])
        await link.write(10, 0x17C, [0xB798, 0])
        assert [body.hex(" ") for _, body in peer.requests] == [
            "03 00 50 00 03",
            "06 00 52 00 08",
            "10 01 7c 00 02 04 b7 98 00 00",
        ]
        assert await link.read(10, 0x52, 1, inputs=True) == [8]
        assert peer.requests[-1][1][0] == 4
        assert stats(link).exchanges == stats(link).answers == 4
        assert peer.connections == stats(link).connects == 1
        assert {record.direction for record in link._trace} == set(Direction)


async def test_one_exchange_at_a_time_and_people_first() -> None:
    async with linked() as (peer, link):
        peer.delay = 0.02
        order: list[str] = []

        async def ask(name: str, priority: Priority) -> None:
            await link.read(10, 0x50, 1, priority=priority)
            order.append(name)

        polls = [asyncio.create_task(ask(f"poll {number}", Priority.POLL)) for number in range(3)]
        await asyncio.sleep(0)
        person = asyncio.create_task(ask("person", Priority.PERSON))
        await asyncio.gather(*polls, person)
        assert order == ["poll 0", "person", "poll 1", "poll 2"]
        assert peer.at_once == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, NotSupportedError),
        (2, NotSupportedError),
        (3, DeviceRefusedError),
        (4, DeviceRefusedError),
        (5, DeviceBusyError),
        (6, DeviceBusyError),
        (10, DeviceAbsentError),
        (11, DeviceAbsentError),
        (99, DeviceRefusedError),
    ],
)
async def test_exceptions_are_errors_of_ours(code: int, kind: type[DeviceRefusedError]) -> None:
    async with linked() as (peer, link):
        peer.answer = lambda unit, body: bytes([body[0] | 0x80, code])
        with pytest.raises(kind) as caught:
            await link.read(10, 0x50, 1, device="The inverter")
        assert type(caught.value) is kind
        assert caught.value.code == code
        assert "The inverter" in str(caught.value)
        # A device that is busy is asked again; who has said no is not.
        assert len(peer.requests) == (3 if kind is DeviceBusyError else 1)
        assert link.connected


async def test_silence_is_repeated_for_reads_and_never_for_writes() -> None:
    async with linked(ModbusTiming(answer=0.05, retries=(0.0, 0.0))) as (peer, link):
        peer.answer = lambda unit, body: None
        with pytest.raises(NoAnswerError):
            await link.read(10, 0x50, 1)
        assert len(peer.requests) == 3
        assert (stats(link).time_outs, stats(link).retries) == (3, 2)
        with pytest.raises(NoAnswerError):
            await link.write(10, 0x52, [1])
        assert len(peer.requests) == 4
        with pytest.raises(NoAnswerError):
            await link.read(10, 0x50, 1, retries=0)
        assert len(peer.requests) == 5


async def test_a_late_answer_is_not_taken_for_another(caplog: pytest.LogCaptureFixture) -> None:
    async with linked(HASTY) as (peer, link):
        frames: list[bytes] = []

        def hold(frame: bytes) -> bytes:
            frames.append(frame)
            return b"" if len(frames) == 1 else frames[0] + frame

        peer.mangle = hold
        with pytest.raises(NoAnswerError):
            await link.read(10, 0x50, 1)
        # The first answer comes together with the second one.
        assert await link.read(11, 1, 1) == [42]
        assert stats(link).foreign == 1
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_lost_connection_ends_the_wait_at_once() -> None:
    async with linked(ModbusTiming(answer=60.0, retries=())) as (peer, link):
        peer.answer = lambda unit, body: peer.cut()
        async with asyncio.timeout(5):
            with pytest.raises(LinkLostError):
                await link.read(10, 0x50, 1)
        assert not link.connected
        peer.answer = peer.usual
        assert await link.read(10, 0x50, 1) == [0xC822]
        assert peer.connections == 2


async def test_a_read_survives_a_lost_connection() -> None:
    async with linked() as (peer, link):
        await link.read(10, 0x50, 1)
        cut = False

        def once(unit: int, body: bytes) -> bytes | None:
            nonlocal cut
            if not cut:
                cut = True
                peer.cut()
                return None
            return peer.usual(unit, body)

        peer.answer = once
        assert await link.read(10, 0x50, 1) == [0xC822]
        assert stats(link).retries == 1


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\0" * 40,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes.fromhex("0001 0000 0003 0A 55 01"),
        bytes.fromhex("0001 0000 0005 0A 03 02 74"),
        bytes.fromhex("0001 0000 0003 0A 03 09"),
        bytes.fromhex("0001 0000 0005 0B 03 02 7440"),
        bytes.fromhex("0001 0000 0007 0A 03 04 7440 0000"),
        bytes.fromhex("FFFF FFFF FFFF FF FF FF"),
    ],
    ids=lambda junk: junk.hex() or "nothing",
)
async def test_what_is_no_answer_is_an_error_of_ours(junk: bytes) -> None:
    async with linked(HASTY) as (peer, link):
        peer.mangle = lambda frame: junk
        with pytest.raises((NoAnswerError, BadAnswerError, LinkLostError)):
            await link.read(10, 0x56, 1)
        peer.mangle = bytes
        assert await link.read(11, 1, 1) == [42]


async def test_random_answers_never_leave_anything_but_our_errors(caplog: pytest.LogCaptureFixture) -> None:
    async def exchange(junk: bytes) -> None:
        TRIES["Modbus link"] += 1
        peer.mangle = lambda frame: junk
        with suppress(SolarError):
            await link.read(10, 0x50, 1)

    async with linked(ModbusTiming(answer=0.01, retries=())) as (peer, link):
        loop = asyncio.get_running_loop()
        pieces: list[bytes] = []

        @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.binary(max_size=30), st.booleans())
        def collect(junk: bytes, framed: bool) -> None:
            head = b"\0\1\0\0" + (len(junk) + 1).to_bytes(2) + b"\x0a"
            pieces.append(head + junk if framed else junk)

        collect()
        failures: list[Any] = []
        loop.set_exception_handler(lambda _, context: failures.append(context))
        for junk in pieces:
            await exchange(junk)
        peer.mangle = bytes
        assert await link.read(11, 1, 1) == [42]
        assert failures == []
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert TRIES["Modbus link"] >= 300


async def test_a_cancelled_read_stays_cancelled_and_gives_the_turn_on() -> None:
    async with linked(ModbusTiming(answer=60.0, retries=())) as (peer, link):
        peer.answer = lambda unit, body: None
        reading = asyncio.create_task(link.read(10, 0x50, 1))
        await peer.asked.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        peer.answer = peer.usual
        assert await link.read(11, 1, 1) == [42]


async def test_nobody_listens() -> None:
    port = free_port()
    clock = [0.0]
    link = ModbusLink(
        dial_tcp(HOST, port),
        f"{HOST}:{port}",
        stats=LinkStats(),
        trace=Trace(),
        timing=PATIENT,
        backoff=Backoff(10.0, clock=lambda: clock[0]),
    )
    with pytest.raises(LinkError, match="Connect") as first:
        await link.read(10, 0x50, 1)
    # It waits before it tries again, and says meanwhile what was wrong.
    with pytest.raises(LinkError) as second:
        await link.open()
    assert second.value is first.value
    peer = ModbusPeer(UNITS)
    await peer.listen(port)
    clock[0] = 20.0
    assert await link.read(10, 0x52, 1) == [7]
    await link.close()
    await peer.close()


async def test_a_short_lived_connection_is_closed_when_nobody_uses_it() -> None:
    async with linked(ModbusTiming(linger=0.05)) as (peer, link):
        await link.read(10, 0x50, 1)
        await link.read(10, 0x52, 1)
        assert peer.connections == peer.open_connections == 1
        async with asyncio.timeout(5):
            await peer.left.wait()
        # It was good when it was last used.
        assert link.connected
        await link.read(10, 0x50, 1)
        assert peer.connections == 2


async def test_a_kept_connection_is_kept() -> None:
    async with linked() as (peer, link):
        await link.open()
        await asyncio.sleep(0.05)
        await link.read(10, 0x50, 1)
        assert peer.connections == peer.open_connections == 1
        link.drop()
        assert not link.connected
        await link.read(10, 0x50, 1)
        assert peer.connections == 2


async def test_closing_ends_every_wait() -> None:
    async with linked(ModbusTiming(answer=60.0, retries=())) as (peer, link):
        peer.answer = lambda unit, body: None
        waiting = [asyncio.create_task(link.read(10, 0x50, 1)) for _ in range(3)]
        await peer.asked.wait()
        await link.close()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [LinkClosedError] * 3
        assert not link.connected
        with pytest.raises(LinkClosedError):
            await link.write(10, 0x52, [1])


async def test_the_gap_between_requests_is_kept() -> None:
    async with linked(ModbusTiming(gap=0.05)) as (_, link):
        loop = asyncio.get_running_loop()
        started = loop.time()
        for _ in range(3):
            await link.read(10, 0x50, 1)
        assert loop.time() - started >= 0.1
