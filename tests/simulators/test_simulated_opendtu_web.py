"""The simulated DTU's web server: who may ask, faults of the wire, memory, WebSocket, OnBattery, command line."""

import asyncio
import gzip
import json
import signal
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulators.faults import parse
from simulators.house import House
from simulators.opendtu import OpenDtuSimulator
from simulators.opendtu.faults import FAULTS
from tests.simulators.http_wire import http
from tests.simulators.opendtu_wire import FIRST, PASSWORD, SECOND, THIRD, Client, dtu

LIVE = "/api/livedata/status"
READ = [
    LIVE,
    *(f"/api/{name}/status" for name in ("limit", "power", "system", "network", "ntp", "mqtt")),
    *(f"/api/{name}/status?inv={FIRST}" for name in ("devinfo", "eventlog", "gridprofile")),
    f"/api/gridprofile/rawdata?inv={FIRST}",
    "/api/prometheus/metrics",
]
ADMIN = [
    "/api/inverter/list",
    "/api/dtu/config",
    "/api/security/authenticate",
    f"/api/inverter/stats_reset?inv={FIRST}",
]
WRITE = [f"/api/{name}" for name in ("limit/config", "power/config", "maintenance/reboot", "inverter/edit")]


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not reached():  # noqa: ASYNC110 - the simulator has no event for it
            await asyncio.sleep(0.005)


# Who may ask


@pytest.mark.parametrize("read_only", [True, False])
async def test_what_needs_the_password(socket_enabled: None, read_only: bool) -> None:
    async with dtu(read_only=read_only) as (_, client):
        for path in READ:
            assert (await client.raw(path)).status == (200 if read_only else 401), path
            assert (await client.raw(path, admin=True)).status == 200, path
        for path in ADMIN:
            assert (await client.raw(path)).status == 401, path
            assert (await client.raw(path, admin=True)).status == 200, path
        for path in WRITE:
            answer = await client.session.post(client.url + path, data={"data": "{}"})
            assert answer.status == 401, path
            assert (await client.post(path, {}))["code"] == 1005, path


async def test_the_challenge_is_kept_from_scripts(socket_enabled: None) -> None:
    async with dtu() as (_, client):
        challenged = await client.raw("/api/dtu/config")
        assert challenged.headers["WWW-Authenticate"] == 'Basic realm="Login Required"'
        quiet = await client.raw("/api/dtu/config", X_Requested_With="XMLHttpRequest")
        assert quiet.status == 401
        assert "WWW-Authenticate" not in quiet.headers
        assert await quiet.read() == b""


@pytest.mark.parametrize(
    "header",
    [
        "Basic " + b64encode(b"admin:wrong").decode(),
        "Basic " + b64encode(b"root:openDTU42").decode(),
        "Basic not*base64",
        "Bearer openDTU42",
        "",
    ],
)
async def test_wrong_credentials(socket_enabled: None, header: str) -> None:
    async with dtu() as (_, client):
        assert (await client.raw("/api/dtu/config", Authorization=header)).status == 401


async def test_the_owners_own_password(socket_enabled: None) -> None:
    async with dtu(password="käse und brot") as (sim, stranger):
        assert (await stranger.raw("/api/dtu/config", admin=True)).status == 401
        client = Client(stranger.session, int(stranger.url.rpartition(":")[2]), "käse und brot")
        assert (await client.raw("/api/dtu/config", admin=True)).status == 200
        assert (await client.get(LIVE))["hints"]["default_password"] is False
        sim.faults.set("wrong_password")
        assert (await client.raw("/api/dtu/config", admin=True)).status == 401
        assert (await client.raw(LIVE)).status == 200


# Faults of the wire


async def test_every_fault_has_a_text_form() -> None:
    for name in FAULTS:
        assert parse(name, FAULTS).name == name


async def test_unknown_paths_and_methods_get_the_web_page(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        for method, path in (("GET", "/"), ("GET", "/api/batterylivedata/status"), ("POST", LIVE), ("PUT", WRITE[0])):
            answer = await client.session.request(method, client.url + path)
            assert (answer.status, answer.content_type) == (200, "text/html"), path
            assert b"<html" in await answer.read()
        async with http(int(client.url.rpartition(":")[2])) as bare:
            raw = await bare.request("GET", "/no/such/path")
            assert raw.headers["content-encoding"] == "gzip"
            assert raw.headers["connection"] == "close"
            assert b"<html" in gzip.decompress(raw.body)
            assert await bare.reader.read() == b""
        sim.faults.set("html", count=1)
        assert (await client.raw(LIVE)).content_type == "text/html"
        sim.faults.set("html", count=1)
        answer = await client.session.post(client.url + WRITE[0], data={"data": "{}"}, headers=client.credentials)
        assert answer.content_type == "text/html"
        assert (await client.raw(LIVE)).content_type == "application/json"


async def test_busy_and_too_large(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        sim.faults.set("busy", count=1)
        busy = await client.raw(LIVE)
        assert (busy.status, busy.headers["Retry-After"], await busy.text()) == (429, "60", "Too Many Requests")
        sim.faults.set("busy")
        assert (await client.raw("/api/limit/status")).status == 200
        assert (await client.raw("/api/prometheus/metrics")).status == 429
        sim.faults.clear()
        sim.faults.set("error_500", count=1)
        large = await client.raw(LIVE)
        assert (large.status, json.loads(await large.read())) == (
            500,
            {"message": "500 Internal Server Error: onLivedataStatus, 389", "code": 1007, "type": "danger"},
        )
        assert (await client.raw(LIVE)).status == 200


async def test_nulls(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        sim.faults.set("nulls", count=1)
        assert "AC" not in (await client.get(LIVE))["inverters"][0]
        spoilt = await client.inverter()
        assert spoilt["AC"]["0"]["Power"] == {"v": None, "u": "W", "d": 1}
        assert spoilt["DC"]["0"]["YieldDay"]["v"] is spoilt["INV"]["0"]["Temperature"]["v"] is None
        assert spoilt["DC"]["0"]["name"] == {"u": "Bus"}
        assert (await client.inverter())["AC"]["0"]["Power"]["v"] > 0


async def test_slow_and_silent(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        sim.faults.set("slow", 0.2, count=1)
        began = time.monotonic()
        await client.get(LIVE)
        assert time.monotonic() - began >= 0.2
        sim.faults.set("silence", count=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.get(LIVE)
        assert (await client.raw(LIVE)).status == 200


async def test_closing_ends_a_silent_answer(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        sim.faults.set("silence")
        asking = asyncio.create_task(client.raw(LIVE))
        await _until(lambda: len(sim.requests) == 1)
        async with asyncio.timeout(5):
            await sim.close()
            await asyncio.wait([asking])
        assert asking.exception() is None or isinstance(asking.exception(), OSError | aiohttp.ClientError)


async def test_restart_by_fault(socket_enabled: None, caplog: pytest.LogCaptureFixture) -> None:
    async with dtu() as (sim, client):
        sim.faults.add(parse("reboot=5", FAULTS))
        for _ in range(3):
            with pytest.raises(aiohttp.ClientConnectionError):
                await client.get(LIVE)
        sim.advance(5.1)
        assert (await client.get("/api/system/status"))["uptime"] == 5
        assert "reboot" not in sim.faults
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


# Memory


async def test_requests_at_a_time_are_counted_and_cost_memory(socket_enabled: None) -> None:
    async with dtu(pace=1.0, room=2) as (sim, client):
        assert (await client.raw(LIVE)).status == 200
        assert (sim.max_concurrent_requests, sim.max_concurrent_posts) == (1, 0)
        statuses = [answer.status for answer in await asyncio.gather(*(client.raw(LIVE) for _ in range(4)))]
        assert 429 in statuses
        await asyncio.gather(client.limit(FIRST, 50), client.limit(SECOND, 50))
        assert sim.max_concurrent_posts == 2
        assert [request.method for request in sim.requests] == ["GET"] * 5 + ["POST"] * 2
        assert [request.credentials for request in sim.requests][-2:] == [True, True]
        assert (await client.raw(LIVE)).status == 200


async def test_open_websockets_cost_memory(socket_enabled: None) -> None:
    async with dtu(room=2) as (sim, client):
        sockets = [await client.session.ws_connect(client.url + "/livedata") for _ in range(2)]
        assert sim.websockets == 2
        assert (await client.raw(LIVE)).status == 429
        await sockets[0].close()
        await _until(lambda: sim.websockets == 1)
        assert (await client.raw(LIVE)).status == 200
        await sockets[1].close()


# WebSocket


async def _messages(socket: aiohttp.ClientWebSocketResponse, sim: OpenDtuSimulator, seconds: int) -> list[Any]:
    """Let time pass second by second and return what was told, each with the time it came."""
    told: list[Any] = []
    for _ in range(seconds):
        sim.advance(1)
        try:
            while True:
                # Long enough for a machine that has other things to do.
                async with asyncio.timeout(0.15):
                    told.append((sim.house.elapsed, await socket.receive_json()))
        except TimeoutError:
            continue
    return told


async def test_one_message_for_each_inverter_with_news(socket_enabled: None) -> None:
    async with dtu() as (sim, client), client.session.ws_connect(client.url + "/livedata") as socket:
        told = await _messages(socket, sim, 31)
        by_serial: dict[str, list[float]] = {}
        for at, message in told:
            assert set(message) == {"inverters", "total", "hints"}
            (inverter,) = message["inverters"]
            assert "AC" in inverter
            by_serial.setdefault(inverter["serial"], []).append(at)
        assert set(by_serial) == {FIRST, SECOND, THIRD}
        for times in by_serial.values():
            gaps = [later - earlier for earlier, later in pairwise(times)]
            assert gaps
            assert max(gaps) <= 10.1
        # The first is read at 5.4 s, told at the next look, and told again after 10 s without news.
        assert by_serial[FIRST][:3] == pytest.approx([1, 6, 16], abs=0.1)


async def test_all_inverters_in_one_message_before_2024(socket_enabled: None) -> None:
    async with (
        dtu(firmware="v23.11.16") as (sim, client),
        client.session.ws_connect(client.url + "/livedata") as socket,
    ):
        told = await _messages(socket, sim, 7)
        assert {len(message["inverters"]) for _, message in told} == {3}
        assert {round(at) for at, _ in told} == {1, 6}


async def test_websockets_end_with_a_change_of_settings_and_with_a_restart(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        ends: tuple[Callable[[], None], ...] = (
            lambda: sim.faults.set("websocket_close"),
            lambda: sim.add_inverter(("112174020099", "New", 400)),
            lambda: sim.reboot(0),
        )
        for end in ends:
            socket = await client.session.ws_connect(client.url + "/livedata")
            end()
            message = await socket.receive(timeout=5)
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
            await socket.close()
        async with client.session.ws_connect(client.url + "/livedata") as socket:
            whole = {"id": 0, "serial": FIRST, "name": "West", "channel": [{"name": "", "max_power": 0}]}
            await client.post("/api/inverter/edit", whole)
            assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


async def test_websocket_wants_digest_when_reading_needs_the_password(socket_enabled: None) -> None:
    async with dtu(read_only=False) as (_, client):
        url = client.url + "/livedata"
        for headers in ({}, client.credentials):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.session.ws_connect(url, headers=headers)
            assert refused.value.status == 401
            assert refused.value.headers is not None
            assert refused.value.headers["WWW-Authenticate"].startswith("Digest realm=")
        for password, good in (("wrong", False), (PASSWORD, True)):
            digest = aiohttp.DigestAuthMiddleware("admin", password)
            async with aiohttp.ClientSession(middlewares=(digest,)) as session:
                if good:
                    async with session.ws_connect(url) as socket:
                        assert not socket.closed
                else:
                    with pytest.raises(aiohttp.WSServerHandshakeError):
                        await session.ws_connect(url)


async def test_websocket_of_older_firmware_wants_basic(socket_enabled: None) -> None:
    async with dtu(read_only=False, firmware="v24.8.5") as (_, client):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.session.ws_connect(client.url + "/livedata")
        assert refused.value.headers is not None
        assert refused.value.headers["WWW-Authenticate"].startswith("Basic")
        async with client.session.ws_connect(client.url + "/livedata", headers=client.credentials) as socket:
            assert not socket.closed


async def test_a_websocket_that_is_refused_whatever_it_brings(socket_enabled: None) -> None:
    async with dtu() as (sim, client):
        sim.faults.set("websocket_refused", count=1)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.session.ws_connect(client.url + "/livedata")
        async with client.session.ws_connect(client.url + "/livedata"):
            assert sim.websockets == 1


async def test_news_come_by_themselves_while_the_house_runs(socket_enabled: None) -> None:
    async with OpenDtuSimulator(house=House(1, speed=60), pace=0.0) as sim, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{await sim.listen()}/livedata"
        async with session.ws_connect(url) as socket, asyncio.timeout(10):
            serials = {(await socket.receive_json())["inverters"][0]["serial"] for _ in range(8)}
        assert serials == {FIRST, SECOND, THIRD}


# OpenDTU-OnBattery


@pytest.mark.parametrize(
    ("firmware", "charger", "other", "path"),
    [
        ("2026.03.31", "solarcharger", "gridcharger", "/api/solarchargerlivedata/status"),
        ("2025.01.24", "vedirect", "huawei", "/api/vedirectlivedata/status"),
    ],
)
async def test_onbattery(socket_enabled: None, firmware: str, charger: str, other: str, path: str) -> None:
    async with dtu(firmware=firmware, on_battery=True) as (sim, client):
        sim.advance(30)
        live = await client.get(LIVE)
        assert list(live) == ["inverters", "total", "hints", charger, other, "battery", "power_meter"]
        battery, house = live["battery"], sim.house
        assert battery["soc"]["v"] == pytest.approx(house.battery.soc, abs=0.01)
        assert battery["power"]["v"] == pytest.approx(battery["voltage"]["v"] * battery["current"]["v"], rel=0.03)
        assert battery["power"]["v"] * house.battery.power < 0
        assert live["power_meter"]["Power"]["v"] == pytest.approx(house.grid_power_mean(), abs=0.1)
        assert live[charger]["power"]["v"] == pytest.approx(house.solar_power, abs=0.1)
        status = (await client.get("/api/batterylivedata/status"))["values"]["status"]
        assert status["dischargeCurrentLimitation"]["v"] == house.battery.allowed_discharge()
        (device,) = (await client.get(path))[charger]["instances"].values()
        assert device["values"]["input"]["PPV"]["v"] == pytest.approx(house.solar_power, abs=1)
        assert (await client.get("/api/battery/config", admin=True))["provider"] == 0
        assert (await client.raw("/api/powerlimiter/metadata")).status == 401
        metadata = await client.get("/api/powerlimiter/metadata", admin=True)
        assert set(metadata["inverters"]) == {FIRST, SECOND, THIRD}
        assert (await client.get("/api/powermeter/status"))["enabled"] is True


async def test_onbattery_has_a_limiter_of_its_own(socket_enabled: None) -> None:
    async with dtu(firmware="2026.03.31", on_battery=True) as (sim, client):
        assert (await client.get("/api/powerlimiter/status"))["enabled"] is False
        sim.limiter.enabled = True
        sim.limiter.governed.add(SECOND)
        status = await client.get("/api/powerlimiter/status")
        assert status["enabled"] is True
        assert [each["serial"] for each in status["inverters"] if each["is_governed"]] == [SECOND]
        assert (await client.limit(FIRST, -1))["code"] == 5002
        async with client.session.ws_connect(client.url + "/livedata") as socket:
            sim.advance(1)
            assert "battery" in await socket.receive_json()


# Command line


async def test_started_from_the_command_line(socket_enabled: None) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", "opendtu", "--listen", "127.0.0.1:0", "--speed", "10", "--pace", "0"),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    assert line.startswith("opendtu http://127.0.0.1:")
    async with aiohttp.ClientSession() as session:
        client = Client(session, int(line.rpartition(":")[2]))
        found = (await client.get(LIVE))["inverters"]
        assert [each["limit_relative"] for each in found] == [20, 20, 20]
    process.send_signal(signal.SIGINT)
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, errors) == (0, b"")
