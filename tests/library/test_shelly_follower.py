"""Following the grid power of simulated Shelly meters: pace, time stamps, WebSocket and its login, faults, endings."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from time import monotonic
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from custom_components.local_solar.solarlink.links.stats import LinkStats
from custom_components.local_solar.solarlink.live import MeterReading
from custom_components.local_solar.solarlink.points import Ref
from custom_components.local_solar.solarlink.shelly_em import FAMILY
from custom_components.local_solar.solarlink.shelly_em.socket import RpcSocket
from custom_components.local_solar.solarlink.trace import Trace

from .rig import measured, values
from .shelly_rig import EM, EM3, EM_GEN3, FAST, HASTY, HOST, PRO_3EM, PRO_EM, Followed, Rig, named, until

pytestmark = pytest.mark.usefixtures("socket_enabled")

GRID = Ref("meter", "grid_power")
FAULTS = ("silence", "hang", "busy", "refuse", "cut_body", "garbage", "wrong_generation", "reboot", "invalid", "nulls")


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with Rig() as rig:
        yield rig


@pytest.mark.parametrize(("model", "profile"), [(EM, None), (EM3, None), (PRO_3EM, None), (PRO_3EM, "monophase"),
                                                (PRO_EM, None), (EM_GEN3, None)])  # fmt: skip
async def test_a_follower_is_told_the_grid_power_again_and_again(rig: Rig, model: str, profile: str | None) -> None:
    sim, client = await rig.known(model, profile=profile)
    followed = Followed(client)
    told = await followed.more(5)
    assert [reading.power for reading in told] == [pytest.approx(sim.grid_power, abs=0.2)] * 5
    times = [reading.at for reading in told]
    assert times == sorted(set(times))
    assert times[-1] <= monotonic()
    assert sim.websockets == (0 if model in (EM, EM3) else 1)
    assert client.connected


@pytest.mark.parametrize("model", [EM, PRO_3EM])
async def test_a_reading_is_dated_half_way_between_question_and_answer(rig: Rig, model: str) -> None:
    sim, client = await rig.known(model, pace=1.0)
    sim.house.speed = 1.0
    arrivals: list[tuple[float, float]] = []
    client.follow_meter(lambda reading: arrivals.append((reading.at, monotonic())))
    await until(lambda: len(arrivals) >= 4)
    # An answer takes 20 ms at least here, and the next question is asked after it. What is pushed has no question.
    asked = [(at, arrived, before) for (_, before), (at, arrived) in pairwise(arrivals) if arrived - at > 0.005]
    assert len(asked) >= 2
    for at, arrived, before in asked:
        assert before < at <= arrived - 0.01


async def test_the_loop_keeps_its_period(rig: Rig) -> None:
    sim, client = await rig.known(EM, timing=replace(FAST, period=0.1))
    followed = Followed(client)
    told = await followed.more(6)
    assert told[-1].at - told[0].at > 0.3
    assert len(sim.requests) == 6


async def test_only_the_clamps_of_the_grid_are_asked(rig: Rig) -> None:
    sim, client = await rig.known(PRO_EM, settings={"grid_channel": "2"}, balcony=300.0)
    followed = Followed(client)
    assert (await followed.more(2))[0].power == pytest.approx(-300.0, abs=0.1)
    frames = [request.frame for request in sim.requests if request.method == "WS" and request.frame]
    assert {(frame["method"], frame["params"]["id"]) for frame in frames} == {("EM1.GetStatus", 1)}


@pytest.mark.parametrize("model", [EM, PRO_3EM])
async def test_a_read_takes_what_the_loop_has_just_brought(
    rig: Rig, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim, client = await rig.known(model, timing=replace(FAST, period=60.0))
    followed = Followed(client)
    [told] = await followed.more()
    asked = len(sim.requests)
    report = await client.read([GRID])
    assert report.readings[GRID].value == told.power
    assert report.readings[GRID].at == told.at
    assert len(sim.requests) == asked
    # What is older is asked for, by the way that is open.
    monkeypatch.setattr("custom_components.local_solar.solarlink.shelly_em.board.FRESH", -1.0)
    values(await client.read(measured(client)))
    assert [request.method for request in list(sim.requests)[asked:]] == ["GET" if model == EM else "WS"]


@pytest.mark.parametrize("model", [EM, PRO_3EM])
async def test_without_a_follower_nothing_runs(rig: Rig, model: str) -> None:
    sim, client = await rig.known(model)
    first, second = Followed(client), Followed(client)
    await first.more(2)
    first.stop()
    first.stop()
    seen = len(first.readings)
    await second.more(2)
    assert len(first.readings) == seen
    second.stop()
    await until(lambda: not sim.websockets)
    asked = len(sim.requests)
    await asyncio.sleep(0.1)
    assert len(sim.requests) <= asked + 1
    third = Followed(client)
    await third.more(2)


async def test_a_follower_that_fails_is_told_no_more(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    _, client = await rig.known(EM)
    failed: list[float] = []

    def fail(reading: MeterReading) -> None:
        failed.append(reading.at)
        raise ZeroDivisionError

    client.follow_meter(fail)
    followed = Followed(client)
    await followed.more(3)
    assert len(failed) == 1
    assert sum(record.levelname == "ERROR" for record in caplog.records) == 1


async def test_close_ends_everything(rig: Rig) -> None:
    for model in (EM, PRO_3EM):
        sim, client = await rig.known(model)
        before = asyncio.all_tasks()
        followed = Followed(client)
        await followed.more(2)
        await client.close()
        await until(lambda sim=sim: not sim.websockets)  # type: ignore[misc]
        await until(lambda before=before: not {t for t in asyncio.all_tasks() - before if "shelly f" in t.get_name()})  # type: ignore[misc]
        followed.stop()
        assert not client.connected


async def test_a_call_that_is_under_way_when_the_last_follower_leaves_comes_to_its_end(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim, client = await rig.known(PRO_3EM, timing=replace(FAST, period=60.0))
    followed = Followed(client)
    await followed.more()
    monkeypatch.setattr("custom_components.local_solar.solarlink.shelly_em.board.FRESH", -1.0)
    sim.house.speed = 1.0
    sim.faults.set("hang", 0.2, count=1)
    reading = asyncio.create_task(client.read(measured(client)))
    await until(lambda: named(sim)[-1] == "Shelly.GetStatus")
    followed.stop()
    values(await reading)


# WebSocket


@pytest.mark.parametrize("options", [{}, {"numeric_nonce": True}, {"text_count": True}])
async def test_the_login_of_the_websocket(rig: Rig, options: dict[str, Any]) -> None:
    sim, client = await rig.known(
        PRO_3EM, settings={"password": "geheim"}, password="geheim", nonce_seconds=600.0, **options
    )
    followed = Followed(client)
    await followed.more(3)
    sim.advance(1200)
    await followed.more(3)
    counts = [request.frame["auth"]["nc"] for request in sim.requests if request.frame and "auth" in request.frame]
    assert counts[:3] == [counts[0], counts[0] + 1, counts[0] + 2]
    assert sim.websockets == 1
    assert client.stats.time_outs == 0


async def test_a_refused_login_in_mid_session_is_made_anew(rig: Rig) -> None:
    sim, client = await rig.known(PRO_3EM, settings={"password": "geheim"}, password="geheim")
    followed = Followed(client)
    await followed.more(2)
    connects = client.stats.connects
    sim.faults.set("unauthorized_mid_session", count=1)
    await followed.more(3)
    assert client.stats.connects == connects


async def test_notifications_are_told_between_the_questions(rig: Rig) -> None:
    sim, client = await rig.known(PRO_3EM, timing=replace(FAST, period=60.0))
    followed = Followed(client)
    await followed.more()
    sim.notify_full_status()
    [told] = await followed.more()
    assert told.power == pytest.approx(sim.grid_power, abs=0.2)
    # One that does not hold the power is none.
    sim.notify("NotifyStatus", {"ts": 1.0, "wifi": {"rssi": -40}})
    sim.notify("NotifyEvent", {"ts": 1.0, "events": []})
    sim.notify_full_status()
    assert len(await followed.more()) == 1
    assert client.stats.foreign == 0


async def test_a_websocket_that_ends_is_opened_again(rig: Rig) -> None:
    sim, client = await rig.known(PRO_3EM)
    followed = Followed(client)
    await followed.more(2)
    sim.faults.set("websocket_close")
    await followed.more(3)
    await until(lambda: sim.websockets == 1)


async def test_without_a_socket_left_the_meter_is_asked_over_http(rig: Rig) -> None:
    sim, port = await rig.sim(PRO_3EM)
    others = []
    for _ in range(6):
        other = rig.client(port, timing=replace(FAST, period=60.0))
        await other.identify()
        others.append(Followed(other))
        await others[-1].more()
    assert sim.websockets == 6
    client = rig.client(port)
    await client.identify()
    sim.requests.clear()
    followed = Followed(client)
    await followed.more(3)
    assert "POST" in {request.method for request in sim.requests}
    assert "WS" not in {request.method for request in sim.requests}
    others[0].stop()
    await until(lambda: "WS" in {request.method for request in sim.requests})
    await followed.more(2)


# Faults


@pytest.mark.parametrize("model", [EM, PRO_3EM])
@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_is_told_during_a_fault_and_all_is_well_after_it(rig: Rig, model: str, fault: str) -> None:
    sim, client = await rig.known(model, timing=HASTY)
    followed = Followed(client)
    await followed.more(2)
    sim.faults.set(fault)
    if fault == "wrong_generation":
        # An open connection is still that to the right meter.
        sim.faults.set("websocket_close")
    # What was on its way still comes.
    await asyncio.sleep(0.1)
    seen = len(followed.readings)
    await asyncio.sleep(0.1)
    assert len(followed.readings) == seen
    sim.faults.clear()
    if fault in ("reboot", "hang"):
        sim.advance(60)
    # Some of it was pushed while the house's time passed.
    await followed.more()
    told = await followed.more(3)
    assert [reading.power for reading in told[:3]] == [pytest.approx(sim.grid_power, abs=0.2)] * 3


async def test_a_wrong_password_is_not_tried_again_and_again(rig: Rig) -> None:
    sim, client = await rig.known(PRO_3EM, timing=replace(FAST, login_pause=60.0))
    followed = Followed(client)
    await followed.more(2)
    # The owner sets a password.
    other, port = await rig.sim(PRO_3EM, password="geheim")
    stranger = rig.client(port, timing=replace(FAST, login_pause=60.0))
    stranger.expect(client.installation)
    rejected = Followed(stranger)
    await until(lambda: any(request.method == "WS" for request in other.requests))
    await asyncio.sleep(0.1)
    assert rejected.readings == []
    assert sum(request.method == "WS" for request in other.requests) == 1
    assert sim.websockets == 1


async def test_a_chip_that_hangs_is_not_followed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    sim, client = await rig.known(PRO_3EM)
    followed = Followed(client)
    await followed.more(2)
    monkeypatch.setattr("custom_components.local_solar.solarlink.shelly_em.follower.FROZEN_AFTER", 0.0)
    await until(lambda: "meter_frozen" in client.troubles)
    assert set(client.troubles["meter_frozen"]) == set(FAMILY.troubles["meter_frozen"])
    seen = len(followed.readings)
    await asyncio.sleep(0.1)
    assert len(followed.readings) == seen
    monkeypatch.setattr("custom_components.local_solar.solarlink.shelly_em.follower.FROZEN_AFTER", 60.0)
    await followed.more(2)
    assert client.troubles == {}
    assert sim.websockets == 1


async def test_the_log_tells_a_silence_once(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "custom_components.local_solar.solarlink.shelly_em")
    sim, client = await rig.known(EM, timing=HASTY)
    followed = Followed(client)
    await followed.more(2)
    sim.faults.set("refuse")
    failures = client.stats.exchanges
    await until(lambda: client.stats.exchanges >= failures + 5)
    sim.faults.clear()
    await followed.more(2)
    assert sum("not followed" in record.message for record in caplog.records) == 1


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
async def test_an_end_in_the_middle_of_a_good_bye_leaves_no_session(
    monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    opened: list[aiohttp.ClientSession] = []
    over = asyncio.Event()
    make = aiohttp.ClientSession

    def note(*arguments: Any, **more: Any) -> aiohttp.ClientSession:
        opened.append(make(*arguments, **more))
        return opened[-1]

    async def never_says_good_bye(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoclose=False)
        await socket.prepare(request)
        await over.wait()
        return socket

    monkeypatch.setattr(aiohttp, "ClientSession", note)
    server = web.ServerRunner(web.Server(never_says_good_bye))
    await server.setup()
    site = web.TCPSite(server, HOST, 0)
    await site.start()
    address = f"http://{HOST}:{server.addresses[0][1]}"
    connection = RpcSocket(
        address,
        timing=FAST,
        stats=LinkStats(),
        trace=Trace(),
        password="",
        expected="",
        notified=lambda *_: None,
    )
    await connection.connect()
    ending = asyncio.create_task(connection.close(finish=True))
    for _ in range(steps):
        await asyncio.sleep(0)
    stopped = ending.cancel()
    await asyncio.wait((ending,))
    assert ending.cancelled() is stopped, "whoever closes does not go on after it was stopped"
    assert [session.closed for session in opened] == [True]
    over.set()
    await server.cleanup()
