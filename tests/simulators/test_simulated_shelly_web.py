"""The simulated Shelly meters on their wire: logins, WebSockets, pushes, channels, and every fault."""

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from simulators.faults import parse
from simulators.house import House
from simulators.shelly_em import ShellySimulator
from simulators.shelly_em.faults import FAULTS
from tests.simulators.http_wire import Answer, HttpClient, http
from tests.simulators.shelly_wire import (
    PRO,
    Json,
    Socket,
    authorization,
    challenge,
    get,
    meter,
    port_of,
    until,
    websocket,
)

pytestmark = pytest.mark.usefixtures("socket_enabled")

EM = "/rpc/EM.GetStatus?id=0"
BASIC = "Basic YWRtaW46c2VjcmV0"
"""admin:secret."""


async def challenged(client: HttpClient, path: str = EM, **headers: str) -> dict[str, str]:
    answer = await client.request("GET", path, b"", **headers)
    assert answer.status == 401, answer
    return challenge(answer.headers["www-authenticate"])


async def with_login(client: HttpClient, found: dict[str, str], nc: str, path: str = EM, **options: str) -> Answer:
    header = authorization(options.pop("password", "secret"), found, nc, "GET", path, **options)
    return await client.request("GET", path, Authorization=header)


# Logins


async def test_basic_login_of_generation_1() -> None:
    async with meter("SHEM", password="secret") as (_, client):
        assert (await get(client, "/shelly"))["auth"] is True
        for headers in ({}, {"Authorization": "Basic YWRtaW46d3Jvbmc="}, {"Authorization": BASIC[6:]}):
            for path in ("/status", "/settings", "/emeter/0", "/relay/0?turn=on", "/cit/d"):
                answer = await client.request("GET", path, b"", **headers)
                assert answer.status == 401
                assert answer.headers["www-authenticate"] == 'Basic realm="shellyem-AABBCC000001"'
        assert (await get(client, "/relay/0", Authorization=BASIC))["ison"] is False


async def test_digest_login_over_http() -> None:
    async with meter(password="secret") as (_, client):
        found = await challenged(client)
        assert found["realm"] == "shellypro3em-aabbcc000001"
        assert (found["qop"], found["algorithm"]) == ("auth", "SHA-256")
        assert (await with_login(client, found, "00000001")).json()["id"] == 0
        assert (await with_login(client, found, "0000000a")).status == 200
        assert (await with_login(client, found, "0000000a")).status == 401, "a count serves once"
        assert (await with_login(client, found, "00000002")).status == 401, "counts rise"
        assert (await with_login(client, found, "0000000b", "/rpc/Shelly.GetStatus")).status == 200


@pytest.mark.parametrize(
    "spoil",
    [
        lambda header: header.replace("shellypro3em", "shellyproem"),
        lambda header: header.replace('username="admin"', 'username="root"'),
        lambda header: header.replace("id=0", "id=1"),
        lambda header: header.replace("qop=auth", "qop=auth-int"),
        lambda header: header.replace("nc=00000001", "nc=one"),
        lambda header: header.replace("SHA-256", "MD5"),
        lambda header: header.replace('response="', 'response="0'),
        lambda header: header.replace("Digest", "Basic"),
    ],
)
async def test_a_wrong_digest_is_refused(spoil: Any) -> None:
    async with meter(password="secret") as (_, client):
        header = authorization("secret", await challenged(client), "00000001", "GET", EM)
        assert (await client.request("GET", EM, Authorization=spoil(header))).status == 401
        assert (await client.request("GET", EM, Authorization=header)).status == 200


async def test_wrong_password_and_a_nonce_that_was_never_given() -> None:
    async with meter(password="secret") as (_, client):
        found = await challenged(client)
        assert (await with_login(client, found, "00000001", password="guess")).status == 401
        assert (await with_login(client, found | {"nonce": "deadbeef"}, "00000001")).status == 401


async def test_a_nonce_expires_in_the_houses_time() -> None:
    async with meter(password="secret", nonce_seconds=60) as (sim, client):
        found = await challenged(client)
        sim.advance(59)
        assert (await with_login(client, found, "00000001")).status == 200
        sim.advance(2)
        late = await with_login(client, found, "00000002")
        assert late.status == 401
        new = challenge(late.headers["www-authenticate"])
        assert new["nonce"] != found["nonce"]
        assert "stale" not in new
        assert (await with_login(client, new, "00000001")).status == 200


async def test_new_firmware_says_that_only_the_nonce_is_old() -> None:
    async with meter(password="secret", firmware="2.0.0", nonce_seconds=60) as (sim, client):
        found = await challenged(client)
        sim.advance(61)
        late = await with_login(client, found, "00000001")
        assert challenge(late.headers["www-authenticate"])["stale"] == "true"
        wrong = await with_login(client, found, "00000001", password="guess")
        assert "stale" not in challenge(wrong.headers["www-authenticate"])


async def test_a_frame_over_http_needs_the_login_too() -> None:
    async with meter(password="secret") as (_, client):
        body = json.dumps({"id": 1, "method": "EM.GetStatus", "params": {"id": 0}}).encode()
        refused = await client.request("POST", "/rpc", body)
        found = challenge(refused.headers["www-authenticate"])
        header = authorization("secret", found, "00000001", "POST", "/rpc")
        assert (await client.request("POST", "/rpc", body, Authorization=header)).json()["result"]["id"] == 0
        info = await client.request("POST", "/rpc", b'{"id":1,"method":"Shelly.GetDeviceInfo"}')
        assert info.json()["result"]["auth_en"] is True


async def test_the_digest_of_a_published_client_is_understood() -> None:
    async with meter(password="secret") as (_, client):
        login = aiohttp.DigestAuthMiddleware("admin", "secret")
        async with aiohttp.ClientSession(middlewares=(login,)) as session:
            for _ in range(3):
                async with session.get(f"http://127.0.0.1:{port_of(client)}{EM}") as answer:
                    assert answer.status == 200


# WebSocket


async def test_requests_over_a_websocket() -> None:
    async with meter() as (sim, client), websocket(port_of(client)) as socket:
        answer, _ = await socket.ask("EM.GetStatus", {"id": 0}, src="me")
        assert answer == {
            "id": 1,
            "src": "shellypro3em-aabbcc000001",
            "dst": "me",
            "result": await get(client, EM),
        }
        for method, params, code in (
            ("EM.GetStatus", {"id": 7}, -105),
            ("EM.GetStatus", {}, -103),
            ("Cover.Open", {"id": 0}, 404),
        ):
            answer, _ = await socket.ask(method, params)
            assert answer["error"]["code"] == code
        await socket.link.send_str("[")
        assert (await socket.receive())["error"]["code"] == -103
        assert sim.websockets == 1


@pytest.mark.parametrize(("number", "text"), [(False, False), (True, True)])
async def test_login_over_a_websocket(number: bool, text: bool) -> None:
    async with (
        meter(password="secret", numeric_nonce=number, text_count=text) as (_, client),
        websocket(port_of(client)) as socket,
    ):
        assert (await socket.ask("Shelly.GetDeviceInfo", src="me"))[0]["result"]["auth_en"] is True
        refused, _ = await socket.ask("Shelly.GetConfig", src="me")
        assert refused["error"]["code"] == 401
        found = json.loads(refused["error"]["message"])
        assert isinstance(found["nonce"], int) is number
        assert found["nc"] == ("1" if text else 1)
        assert (found["auth_type"], found["realm"]) == ("digest", "shellypro3em-aabbcc000001")
        for count in (1, 2, 5):
            answer, _ = await socket.ask("Shelly.GetConfig", src="me", auth=socket.auth("secret", found, count))
            assert "em:0" in answer["result"]
        again, _ = await socket.ask("Shelly.GetConfig", src="me", auth=socket.auth("secret", found, 5))
        assert again["error"]["code"] == 401
        wrong, _ = await socket.ask("Shelly.GetConfig", src="me", auth=socket.auth("guess", found, 6))
        assert wrong["error"]["code"] == 401


async def test_a_nonce_of_a_websocket_expires_too() -> None:
    async with (
        meter(password="secret", nonce_seconds=60, firmware="2.0.0") as (sim, client),
        websocket(port_of(client)) as socket,
    ):
        found = json.loads((await socket.ask("Shelly.GetStatus"))[0]["error"]["message"])
        assert "stale" not in found
        sim.advance(61)
        late, _ = await socket.ask("Shelly.GetStatus", auth=socket.auth("secret", found, 1))
        new = json.loads(late["error"]["message"])
        assert new["stale"] is True
        good, _ = await socket.ask("Shelly.GetStatus", auth=socket.auth("secret", new, 1))
        assert "em:0" in good["result"]


async def test_only_a_client_with_a_name_and_a_login_is_notified() -> None:
    async with meter(password="secret", firmware="1.7.0") as (sim, client), websocket(port_of(client)) as socket:
        refused, _ = await socket.ask("Shelly.GetStatus", src="me")
        await socket.ask("Shelly.GetDeviceInfo", src="me")
        found = json.loads(refused["error"]["message"])
        await socket.ask("Shelly.GetStatus", auth=socket.auth("secret", found, 1))
        sim.advance(30)
        _, before = await socket.ask("Shelly.GetStatus", src="me", auth=socket.auth("secret", found, 2))
        assert before == []
        sim.advance(30)
        _, before = await socket.ask("Shelly.GetStatus", src="me", auth=socket.auth("secret", found, 3))
        assert len([frame for frame in before if "em:0" in frame["params"]]) == 30


async def notified(sim: ShellySimulator, socket: Socket, seconds: float) -> list[Json]:
    """Return the status of the meter in every notification of that time."""
    await socket.ask("Shelly.GetStatus", src="me")
    sim.advance(seconds)
    _, before = await socket.ask("Shelly.GetStatus", src="me")
    return [frame["params"] for frame in before if frame["method"] == "NotifyStatus"]


@pytest.mark.parametrize(("firmware", "interval"), [("0.14.0", 1), ("1.0.3", 15), ("1.7.0", 1), ("2.0.0", 1)])
async def test_how_often_a_firmware_pushes(firmware: str, interval: float) -> None:
    async with meter(firmware=firmware) as (sim, client), websocket(port_of(client)) as socket:
        pushes = [push for push in await notified(sim, socket, 300) if "em:0" in push]
        assert len(pushes) == pytest.approx(300 / interval, abs=1.1)
        gaps = [after["ts"] - before["ts"] for before, after in pairwise(pushes)]
        assert gaps == pytest.approx([interval] * len(gaps))
        assert pushes[-1]["ts"] == pytest.approx(sim.clock.now, abs=interval)
        assert set(pushes[-1]["em:0"]) == set(await get(client, EM))


async def test_a_change_is_pushed_at_once_and_the_counters_every_minute() -> None:
    async with meter(push_seconds=1000) as (sim, client), websocket(port_of(client)) as socket:
        await notified(sim, socket, 2)
        sim.house.extra_load = 700.0
        pushes = [push["em:0"]["total_act_power"] for push in await notified(sim, socket, 4) if "em:0" in push]
        assert pushes
        assert pushes[-1] == pytest.approx(sim.house.grid_power_mean(1), abs=10)
        counters = [push["emdata:0"] for push in await notified(sim, socket, 600) if "emdata:0" in push]
        assert len(counters) == 10
        totals = [one["total_act"] for one in counters]
        assert totals == sorted(totals)
        assert totals[0] < totals[-1]


async def test_slow_pushes() -> None:
    async with meter(firmware="1.7.0") as (sim, client), websocket(port_of(client)) as socket:
        sim.faults.set("slow_push")
        sim.house.extra_load = lambda elapsed: 400.0 * (elapsed % 8 < 4)
        await notified(sim, socket, 20)
        pushes = [push["ts"] for push in await notified(sim, socket, 300) if "em:0" in push]
        assert [after - before for before, after in pairwise(pushes)] == [15] * (len(pushes) - 1)


async def test_the_switch_is_notified_when_it_moves() -> None:
    async with meter("SPEM-002CEBEU50") as (sim, client), websocket(port_of(client)) as socket:
        await socket.ask("Shelly.GetStatus", src="me")
        answer, before = await socket.ask("Switch.Set", {"id": 0, "on": True, "toggle_after": 5}, src="me")
        assert answer["result"] == {"was_on": False}
        assert [frame["params"]["switch:0"]["output"] for frame in before] == [True]
        moves = [push["switch:0"] for push in await notified(sim, socket, 6) if "switch:0" in push]
        assert [(move["output"], move["source"]) for move in moves] == [(False, "timer")]


async def test_a_full_status_can_be_notified() -> None:
    async with meter() as (sim, client), websocket(port_of(client)) as socket:
        await socket.ask("Shelly.GetStatus", src="me")
        sim.notify_full_status()
        frame = await socket.receive()
        assert (frame["method"], frame["dst"]) == ("NotifyFullStatus", "me")
        assert {"ts", "em:0", "emdata:0", "sys"} <= set(frame["params"])


# Channels


async def test_six_channels_at_a_time() -> None:
    async with meter() as (_, client), AsyncExitStack() as stack:
        port = port_of(client)
        others = [await stack.enter_async_context(http(port)) for _ in range(6)]
        for other in others:
            await get(other, EM)
        refused = await client.request("GET", EM)
        assert (refused.status, refused.headers["connection"]) == (429, "close")
        async with websocket(port) as socket:
            assert "result" in (await socket.ask("EM.GetStatus", {"id": 0}))[0]
        await others[0].close()
        async with asyncio.timeout(5):
            while True:
                async with http(port) as late:
                    if (await late.request("GET", EM)).status == 200:
                        break


async def test_six_websockets_at_a_time() -> None:
    async with meter() as (sim, client), AsyncExitStack() as stack:
        for _ in range(6):
            await (await stack.enter_async_context(websocket(port_of(client)))).ask("Sys.GetStatus")
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await stack.enter_async_context(websocket(port_of(client)))
        assert caught.value.status == 429
        assert sim.websockets == 6


# Faults


async def test_invalid_readings() -> None:
    async with meter("SHEM") as (sim, client):
        sim.faults.set("invalid", count=1)
        bad = (await get(client, "/status"))["emeters"]
        assert [(one["is_valid"], one["power"], one["voltage"]) for one in bad] == [(False, 0, 0)] * 2
        assert (await get(client, "/status"))["emeters"][0]["is_valid"] is True
    async with meter() as (sim, client):
        sim.faults.set("invalid")
        bad = await get(client, EM)
        assert bad["errors"] == ["power_meter_failure"]
        assert bad["total_act_power"] is None
    async with meter("S3EM-002CXCEU") as (sim, client):
        sim.faults.set("invalid")
        assert (await get(client, "/rpc/EM1.GetStatus?id=0"))["errors"] == ["power_meter_failure"]


async def test_nulls() -> None:
    async with meter() as (sim, client):
        good = await get(client, EM)
        assert "errors" not in good
        sim.faults.set("nulls", count=1)
        bad = await get(client, EM)
        assert {key for key, value in bad.items() if value is None} == set(good) - {"id", "user_calibrated_phase"}
        assert await get(client, EM) == good


@pytest.mark.parametrize(
    ("code", "path", "key"),
    [
        ("SHEM", "/emeter/0", "total"),
        (PRO, "/rpc/EMData.GetStatus?id=0", "total_act"),
        ("S3EM-002CXCEU", "/rpc/EM1Data.GetStatus?id=0", "total_act_energy"),
    ],
)
async def test_one_reading_of_the_counters_is_zero(code: str, path: str, key: str) -> None:
    async with meter(code) as (sim, client):
        good = await get(client, path)
        sim.faults.set("counter_zero", count=1)
        if code == PRO:
            await get(client, EM)
            assert "counter_zero" in sim.faults, "an answer without counters does not use it up"
        assert (await get(client, path))[key] == 0
        assert (await get(client, path))[key] == good[key] > 0


async def test_a_right_login_is_refused_in_mid_session() -> None:
    async with meter(password="secret") as (sim, client), websocket(port_of(client)) as socket:
        found = await challenged(client)
        assert (await with_login(client, found, "00000001")).status == 200
        sim.faults.set("unauthorized_mid_session", count=1)
        refused = await with_login(client, found, "00000002")
        assert refused.status == 401
        assert (await with_login(client, found, "00000003")).status == 401, "the old nonce is worth nothing"
        new = challenge(refused.headers["www-authenticate"])
        assert (await with_login(client, new, "00000001")).status == 200
        first = json.loads((await socket.ask("Sys.GetStatus"))[0]["error"]["message"])
        assert "result" in (await socket.ask("Sys.GetStatus", auth=socket.auth("secret", first, 1)))[0]
        sim.faults.set("unauthorized_mid_session", count=1)
        again, _ = await socket.ask("Sys.GetStatus", auth=socket.auth("secret", first, 2))
        second = json.loads(again["error"]["message"])
        assert "result" in (await socket.ask("Sys.GetStatus", auth=socket.auth("secret", second, 1)))[0]
    for code, path in (("SHEM", "/status"), (PRO, EM)):
        async with meter(code) as (sim, client):
            sim.faults.set("unauthorized_mid_session", count=1)
            assert (await client.request("GET", path)).status == 401, "a password was set meanwhile"
            await get(client, path)


async def test_busy() -> None:
    async with meter() as (sim, client), websocket(port_of(client)) as socket:
        sim.faults.set("busy", count=2)
        assert (await client.request("GET", EM)).status == 429
        assert (await socket.ask("EM.GetStatus", {"id": 0}))[0]["error"]["code"] == 429
        await get(client, EM)


@pytest.mark.parametrize("code", ["SHEM", PRO])
async def test_a_hang_ends_with_the_houses_time(code: str) -> None:
    async with meter(code) as (sim, client):
        sim.faults.set("hang", count=1)
        await client.send("GET", "/status" if code == "SHEM" else EM)
        await until(lambda: "hang" not in sim.faults)
        sim.advance(2)
        client.seconds = 0.05
        with pytest.raises(TimeoutError):
            await client.answer()
        sim.advance(1.5)
        client.seconds = 5.0
        assert (await client.answer()).status == 200


async def test_a_hang_in_a_house_that_runs_fast_is_short() -> None:
    async with meter(house=House(seed=1, speed=100.0)) as (sim, client):
        sim.faults.set("hang", 5.0, count=1)
        before = sim.clock.now
        assert (await client.request("GET", EM)).status == 200
        assert 5.0 <= sim.clock.now - before < 300


@pytest.mark.parametrize("code", ["SHEM", PRO])
async def test_silence(code: str) -> None:
    path = "/status" if code == "SHEM" else EM
    async with meter(code) as (sim, client):
        sim.faults.set("silence", count=1)
        async with http(port_of(client)) as unlucky:
            unlucky.seconds = 0.05
            with pytest.raises(TimeoutError):
                await unlucky.request("GET", path)
        await get(client, path)


async def test_silence_on_a_websocket_stops_pushes_too() -> None:
    async with meter(firmware="1.7.0") as (sim, client), websocket(port_of(client)) as socket:
        await socket.ask("Shelly.GetStatus", src="me")
        sim.faults.set("silence")
        await socket.link.send_json({"id": 99, "src": "me", "method": "Shelly.GetStatus"})
        await until(lambda: (sim.requests[-1].frame or {}).get("id") == 99)
        sim.advance(60)
        sim.faults.clear("silence")
        _, before = await socket.ask("Shelly.GetStatus", src="me")
        assert before == []


async def test_refused_connections() -> None:
    async with meter() as (sim, client):
        port = port_of(client)
        sim.faults.set("refuse")
        with pytest.raises(ConnectionError):
            await client.request("GET", EM)
        with pytest.raises(ConnectionError):
            async with http(port) as late:
                await late.request("GET", EM)
        sim.faults.clear("refuse")
        async with http(port) as again:
            await get(again, EM)
        await sim.stop_listening()
        with pytest.raises(ConnectionRefusedError):
            async with http(port):
                pass
        assert await sim.listen("127.0.0.1", port) == port
        async with http(port) as back:
            await get(back, EM)


@pytest.mark.parametrize("fault", ["cut_body", "garbage"])
async def test_damaged_answers(fault: str) -> None:
    async with meter() as (sim, client), websocket(port_of(client)) as socket:
        sim.faults.set(fault, count=2)
        answer = await client.request("GET", EM)
        assert answer.status == 200
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            answer.json()
        await socket.link.send_json({"id": 1, "method": "EM.GetStatus", "params": {"id": 0}})
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            await socket.receive()
        await get(client, EM)


@pytest.mark.parametrize(("code", "status"), [("SHEM", "/status"), (PRO, "/rpc/Shelly.GetStatus")])
async def test_a_restart_keeps_the_energy(code: str, status: str) -> None:
    async with meter(code, password="secret") as (sim, client):
        port = port_of(client)
        assert sim.unit.uptime == 86_400
        before = sim.unit.meter.readings()[0].imported
        if sim.model.relay:
            sim.relay.switch(True, "http")
        sim.faults.set("reboot")
        with pytest.raises(ConnectionError):
            await client.request("GET", status)
        with suppress(ConnectionError):
            async with http(port) as early:
                await early.request("GET", status)
                raise AssertionError("a meter that restarts answered")
        sim.advance(15)
        async with http(port) as back:
            assert (await back.request("GET", "/shelly")).status == 200
        assert sim.unit.uptime == 5
        assert sim.unit.meter.readings()[0].imported >= before
        assert sim.reboots == 1
        assert not (sim.model.relay and sim.relay.on)


@pytest.mark.parametrize(("code", "path"), [("SHEM", "/reboot"), (PRO, "/rpc/Shelly.Reboot")])
async def test_a_client_can_restart_it(code: str, path: str) -> None:
    async with meter(code) as (sim, client):
        assert (await client.request("GET", path)).status == 200
        sim.advance(4)
        assert sim.reboots == 1
        assert sim.gone
        sim.advance(10)
        assert not sim.gone


async def test_a_restart_ends_websockets_and_their_logins() -> None:
    async with meter(password="secret") as (sim, client):
        async with websocket(port_of(client)) as socket:
            found = json.loads((await socket.ask("Sys.GetStatus"))[0]["error"]["message"])
            sim.reboot()
            message = await socket.link.receive(5)
            assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSE}
        sim.advance(11)
        async with websocket(port_of(client)) as socket:
            late, _ = await socket.ask("Sys.GetStatus", auth=socket.auth("secret", found, 1))
            assert late["error"]["code"] == 401


async def test_websockets_are_closed() -> None:
    async with meter() as (sim, client), websocket(port_of(client)) as socket:
        await socket.ask("Sys.GetStatus")
        sim.faults.set("websocket_close")
        message = await socket.link.receive(5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        assert "websocket_close" not in sim.faults
        async with websocket(port_of(client)) as again:
            assert "result" in (await again.ask("Sys.GetStatus"))[0]
        await get(client, EM)


@pytest.mark.parametrize(("code", "path"), [("SHEM", "/status"), (PRO, EM), ("S4EM-001PXCEU16", "/rpc/Sys.GetStatus")])
async def test_another_generation_answers(code: str, path: str) -> None:
    async with meter(code) as (sim, client):
        right = await get(client, "/shelly")
        sim.faults.set("wrong_generation")
        wrong = await get(client, "/shelly")
        assert ("gen" in wrong) is not ("gen" in right)
        assert wrong["mac"] != right["mac"]
        assert (await client.request("GET", path)).status == 404
        sim.faults.clear()
        assert await get(client, "/shelly") == right


async def test_every_fault_can_be_named_on_the_command_line() -> None:
    async with meter() as (sim, _):
        for name in FAULTS:
            sim.faults.add(parse(f"{name}*1", FAULTS))
        assert sim.reboots == 1


# Time


async def test_answers_take_their_time_in_the_houses_time() -> None:
    house = House(seed=1, speed=50.0)
    async with ShellySimulator(house=house, model="SHEM", pace=10.0) as sim, http(await sim.listen()) as client:
        before = sim.clock.now
        await get(client, "/status")
        assert 0.2 <= sim.clock.now - before < 60


async def test_pushes_come_by_themselves_while_the_house_runs() -> None:
    async with (
        meter(house=House(seed=1, speed=50.0), firmware="1.7.0") as (_, client),
        websocket(port_of(client)) as socket,
    ):
        await socket.ask("Shelly.GetStatus", src="me")
        stamps: list[float] = []
        while len(stamps) < 5:
            params = (await socket.receive())["params"]
            if "em:0" in params:
                stamps.append(params["ts"])
        assert [round(after - before) for before, after in pairwise(stamps)] == [1] * 4


async def test_nothing_is_left_behind() -> None:
    before = asyncio.all_tasks()
    async with meter("SHEM") as (sim, client):
        house = sim.house
        await get(client, "/status")
    async with meter(house=house) as (sim, client), websocket(port_of(client)) as socket:
        await socket.ask("Shelly.GetStatus", src="me")
        await sim.close()
    await until(lambda: asyncio.all_tasks() == before)
    assert house._watchers == house._fine_watchers == []
