"""The simulated SENEC's web server on its own wire: every fault, certificates, sessions, load, restarts, pages."""

import asyncio
import hashlib
import json
import re
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from simulators.faults import parse
from simulators.senec import SenecSimulator
from simulators.senec.faults import FAULTS
from tests.simulators.http_wire import HttpClient, http
from tests.simulators.senec_wire import NIGHT, appliance, ask, number, read, simulator

BODY = b'{"ENERGY":{"STAT_STATE":"","GUI_GRID_POW":""},"BMS":{"SOC":"","VOLTAGE":""}}'
SESSION = re.compile(r"senec-homev3-gui=([0-9a-f]{64});Secure;HttpOnly;Max-Age=3600;SameSite=Strict")


def unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def post(client: HttpClient, body: bytes = BODY, **headers: str) -> Any:
    return await client.request("POST", "/lala.cgi", body, **headers)


# Faults of the answer's body


@pytest.mark.parametrize(
    ("fault", "fields"),
    [
        ("forbidden", ["FORBIDDEN (level 2)"] * 4),
        ("malformed", ["MALFORMED_VALUE"] * 4),
        ("not_readable", ["FILE_VARIABLE_NOT_READABLE"] * 4),
        ("field_lost", ["VARIABLE_NOT_FOUND"] * 4),
    ],
)
async def test_sentinels_instead_of_fields(socket_enabled: None, fault: str, fields: list[str]) -> None:
    async with appliance() as (sim, client):
        good = (await post(client)).json()
        sim.faults.set(fault, count=1)
        bad = (await post(client)).json()
        assert [wire for section in bad.values() for wire in section.values()] == fields
        sim.faults.set(fault, 3, count=1)
        third = (await post(client)).json()
        assert third["BMS"]["SOC"] == fields[2]
        assert third["ENERGY"] == good["ENERGY"]
        assert third["BMS"]["VOLTAGE"] == good["BMS"]["VOLTAGE"]
        assert (await post(client)).json() == good


@pytest.mark.parametrize(
    ("fault", "state", "grid"),
    [
        ("er", r"er_[0-9A-F]{2}", r"er_[0-9A-F]{8}"),
        ("nan", r"u8_[0-9A-F]{2}", "fl_7FC00000"),
        ("infinity", r"u8_[0-9A-F]{2}", "fl_FF800000"),
        ("unknown_prefix", "status_ok", "status_ok"),
        ("wrong_digits", r"u8_[0-9A-F]", r"fl_[0-9A-F]{7}"),
    ],
)
async def test_spoilt_values(socket_enabled: None, fault: str, state: str, grid: str) -> None:
    async with appliance() as (sim, client):
        sim.faults.set(fault)
        found = (await post(client)).json()
        assert re.fullmatch(state, found["ENERGY"]["STAT_STATE"])
        assert re.fullmatch(grid, found["ENERGY"]["GUI_GRID_POW"])
        assert all(re.fullmatch(grid, element) for element in found["BMS"]["VOLTAGE"])
        sim.faults.clear()
        assert number((await post(client)).json()["ENERGY"]["STAT_STATE"]) == 13


async def test_damaged_bodies(socket_enabled: None) -> None:
    async with appliance() as (sim, client):
        good = (await post(client)).body
        sim.faults.set("escaped_quotes", count=1)
        escaped = (await post(client)).body
        assert escaped.startswith(rb"{\"ENERGY\":{\"STAT_STATE\":")
        assert escaped.replace(rb"\"", b'"') == good
        sim.faults.set("stray_text", count=1)
        stray = await post(client)
        with pytest.raises(json.JSONDecodeError):
            stray.json()
        sim.faults.set("cut_body", 0.5, count=1)
        half = await post(client)
        assert (half.status, half.body) == (200, good[: len(good) // 2])
        lengths = set()
        sim.faults.set("cut_body")
        for _ in range(5):
            cut = await post(client)
            assert good.startswith(cut.body)
            lengths.add(len(cut.body))
        assert len(lengths) > 1
        assert max(lengths) < len(good)


async def test_a_body_beyond_what_the_appliance_survives(socket_enabled: None) -> None:
    async with appliance() as (_sim, client):
        for size, whole in ((11_428, True), (11_998, False)):
            names = ",".join(f'"FIELD_{index:04d}":""' for index in range(700))
            body = ('{"ENERGY":{' + names + "}}").encode()[:-2]
            body = body + b',"LAST":""}}' + b" " * size
            body = body[:size]
            answer = await post(client, body)
            assert (answer.status, len(body)) == (200, size)
            if whole:
                assert answer.json()["ENERGY"]["LAST"] == "VARIABLE_NOT_FOUND"
            else:
                with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
                    answer.json()


async def test_pages_instead_of_an_answer(socket_enabled: None) -> None:
    async with appliance() as (sim, client):
        for fault, argument, status in (("html", None, 404), ("http_error", None, 500), ("http_error", 503, 503)):
            sim.faults.set(fault, argument, count=1)
            answer = await post(client)
            assert (answer.status, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
            assert f"{status} ".encode() in answer.body
        assert (await post(client)).status == 200


async def test_object_not_found_for_a_named_field(socket_enabled: None) -> None:
    async with appliance() as (sim, client):
        sim.faults.set("object_not_found")
        assert await ask(client, {"NOSUCH": {"A": ""}}) == {"NOSUCH": {"OBJECT_NOT_FOUND": ""}}


# Faults of the values


async def test_wrong_measurements(socket_enabled: None) -> None:
    async with appliance() as (sim, client):
        sim.faults.set("no_battery_data")
        wires = (await ask(client, {"ENERGY": {}}))["ENERGY"]
        assert wires["GUI_BAT_DATA_COLLECTED"] == "u8_00"
        assert wires["GUI_BAT_DATA_FUEL_CHARGE"] == wires["GUI_BAT_DATA_VOLTAGE"] == "fl_00000000"
        sim.faults.set("nonsense_temperatures", -126)
        assert number(await read(client, "TEMPMEASURE", "BATTERY_TEMP")) == -126
        assert await read(client, "ENERGY", "STAT_STATE") == "u8_46"
        sim.faults.clear()
        sim.faults.set("spike")
        assert number(await read(client, "ENERGY", "GUI_GRID_POW")) == 200000
        sim.faults.set("unknown_state")
        assert await read(client, "ENERGY", "STAT_STATE") == "u8_65"


async def test_the_balance_off_for_an_answer(socket_enabled: None) -> None:
    async with appliance("v2_1_https") as (sim, client):
        before = number(await read(client, "ENERGY", "GUI_HOUSE_POW"))
        sim.faults.set("imbalance", count=1)
        assert number(await read(client, "ENERGY", "GUI_HOUSE_POW")) == pytest.approx(before + 1500, abs=0.01)
        assert number(await read(client, "ENERGY", "GUI_HOUSE_POW")) == before


async def test_the_house_clamps_at_zero_when_nothing_measures_the_sun(socket_enabled: None) -> None:
    async with appliance("v2_1_https") as (sim, client):
        sim.house.grid.power = -3000.0
        sim.faults.set("pv_not_measured")
        assert await read(client, "ENERGY", "GUI_INVERTER_POWER") == "fl_80000000"
        assert await read(client, "ENERGY", "GUI_HOUSE_POW") == "fl_00000000"


async def test_any_field_can_be_set_from_outside(socket_enabled: None) -> None:
    async with appliance() as (sim, client):
        sim.set("ENERGY", "STAT_STATE", "u8_64")
        sim.set("BMS", "SOC", ["u1_0001", "st_END_OF_ARRAY"])
        assert await read(client, "ENERGY", "STAT_STATE") == "u8_64"
        assert await read(client, "BMS", "SOC") == ["u1_0001", "st_END_OF_ARRAY"]
        sim.set("ENERGY", "STAT_STATE", None)
        assert await read(client, "ENERGY", "STAT_STATE") == "u8_0D"
        sim.put("ENERGY", "ZERO_EXPORT", "u8_01")
        sim.house.battery.soc = 100.0
        sim.advance(60)
        assert number(await read(client, "ENERGY", "GUI_GRID_POW")) > 0
        assert await ask(client, {"WIZARD": {"PS_ENABLE": "u8_01"}}) == {"WIZARD": {"PS_ENABLE": "u8_00"}}


# Faults of the connection


async def test_delay_and_one_request_at_a_time(socket_enabled: None) -> None:
    async with appliance() as (sim, client), http(await sim.listen()) as other:
        loop = asyncio.get_running_loop()
        sim.faults.set("delay", 0.15, count=1)
        began = loop.time()
        first, second = await asyncio.gather(post(client), post(other))
        assert first.status == second.status == 200
        assert loop.time() - began >= 0.15
        sim.faults.set("delay", 30, count=1)
        client.seconds = 0.05
        with pytest.raises(TimeoutError):
            await post(client)


async def test_silence_and_reset(socket_enabled: None) -> None:
    async with simulator() as sim:
        port = await sim.listen()
        async with http(port) as client:
            sim.faults.set("silence", count=1)
            client.seconds = 0.05
            with pytest.raises(TimeoutError):
                await post(client)
            assert len(sim.requests) == 1
        async with http(port) as client:
            sim.faults.set("reset", count=1)
            with pytest.raises(ConnectionError):
                await post(client)
        async with http(port) as client:
            assert (await post(client)).status == 200
            sim.drop()
            with pytest.raises(ConnectionError):
                await post(client)


async def test_closing_ends_a_silent_connection(socket_enabled: None) -> None:
    sim = simulator()
    async with http(await sim.listen()) as client:
        sim.faults.set("silence")
        client.seconds = 0.05
        with pytest.raises(TimeoutError):
            await post(client)
        assert len(sim.requests) == 1
        await asyncio.wait_for(sim.close(), 2)
        client.seconds = 2.0
        with pytest.raises(ConnectionError):
            await client.answer()


async def test_the_other_scheme_is_refused(socket_enabled: None) -> None:
    async with simulator() as sim:
        port = await sim.listen()
        async with http(port) as client:
            assert (await post(client)).status == 200
            await sim.stop_listening(port)
            with pytest.raises(ConnectionError):
                await post(client)
        with pytest.raises(ConnectionRefusedError):
            async with http(port):
                pass
        assert await sim.listen(port=port, tls=True) == port
        async with http(port, unverified()) as client:
            assert (await post(client)).status == 200
            assert sim.requests[-1].scheme == "https"


@pytest.mark.parametrize("way", ["option", "fault"])
async def test_redirect_to_https(socket_enabled: None, way: str) -> None:
    async with simulator(redirect=way == "option") as sim:
        plain, encrypted = await sim.listen(), await sim.listen(tls=True)
        if way == "fault":
            sim.faults.set("redirect")
        async with http(plain) as client:
            answer = await post(client)
            assert (answer.status, answer.headers["location"]) == (301, f"https://127.0.0.1:{encrypted}/lala.cgi")
            assert not sim.requests
        async with http(encrypted, unverified()) as client:
            assert (await post(client)).status == 200


# Certificates


async def test_the_chain_leads_to_the_private_root_under_another_name(socket_enabled: None) -> None:
    async with simulator(tls=True) as sim:
        port = await sim.listen()
        context = ssl.create_default_context(cadata=sim.root_pem)
        with pytest.raises(ssl.SSLCertVerificationError, match=r"IP address mismatch|doesn't match|not valid for"):
            async with http(port, context):
                pass
        context.check_hostname = False
        async with http(port, context) as client:
            assert (await post(client)).status == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            async with http(port, ssl.create_default_context()):
                pass


@pytest.mark.parametrize("root", [False, True])
async def test_the_certificate_changes_while_running(socket_enabled: None, root: bool) -> None:
    async def leaf(port: int, context: ssl.SSLContext) -> str:
        async with http(port, context) as client:
            assert (await post(client)).status == 200
            der = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            return hashlib.sha256(der).hexdigest()

    async with simulator(tls=True) as sim:
        port = await sim.listen()
        trusting = ssl.create_default_context(cadata=sim.root_pem)
        trusting.check_hostname = False
        before = await leaf(port, trusting)
        assert before == sim.certificate_sha256
        async with http(port, unverified()) as client:
            await post(client)
            sim.swap_certificate(root=root)
            with pytest.raises(ConnectionError):
                await post(client)
        after = await leaf(port, unverified())
        assert after == sim.certificate_sha256 != before
        if root:
            with pytest.raises(ssl.SSLCertVerificationError):
                await leaf(port, trusting)
        else:
            assert await leaf(port, trusting) == after
        sim.faults.set("swap_certificate")
        assert sim.certificate_sha256 != after


# Sessions


async def test_the_session_cookie(socket_enabled: None) -> None:
    async with appliance("v3_duo") as (sim, client):
        first = SESSION.fullmatch((await post(client)).headers["set-cookie"])
        assert first
        assert (sim.requests[-1].cookie, sim.requests[-1].session) == (None, False)
        answer = await post(client, Cookie=f"senec-homev3-gui={first[1]}")
        again = SESSION.fullmatch(answer.headers["set-cookie"])
        assert again
        assert again[1] == first[1]
        assert (sim.requests[-1].cookie, sim.requests[-1].session) == (first[1], True)
        other = SESSION.fullmatch((await post(client, Cookie="senec-homev3-gui=00")).headers["set-cookie"])
        assert other
        assert other[1] != first[1]
        assert not sim.requests[-1].session
    async with appliance("v3_hybrid") as (_sim, client):
        assert "set-cookie" not in (await post(client)).headers


async def test_the_log_out_button_brings_the_cookie_back(socket_enabled: None) -> None:
    async with appliance("v3_duo") as (sim, client):
        sim.faults.set("no_cookie")
        for _ in range(2):
            assert "set-cookie" not in (await post(client)).headers
        await ask(client, {"LOG": {"LOG_OUT_BUTT": "u8_01"}})
        assert "set-cookie" in (await post(client)).headers


# Load and restarts


async def test_too_many_requests_cost_the_server(socket_enabled: None) -> None:
    async with appliance() as (sim, client):
        for _ in range(39):
            await post(client)
            sim.advance(1.5)
        assert await read(client, "ENERGY", "STAT_STATE") == "u8_0D"
        for _ in range(3):
            sim.advance(1.5)
            state = await read(client, "ENERGY", "STAT_STATE")
        assert state == "u8_26"
        for _ in range(9):
            sim.advance(10)
            state = await read(client, "ENERGY", "STAT_STATE")
        assert state == "u8_0D"


async def test_a_request_every_two_seconds_is_tolerated(socket_enabled: None) -> None:
    async with appliance() as (sim, client):
        for _ in range(100):
            assert await read(client, "ENERGY", "STAT_STATE") != "u8_26"
            sim.advance(2)
        sim.faults.set("no_server_connection")
        assert await read(client, "ENERGY", "STAT_STATE") == "u8_26"


async def test_reboot_by_the_owner(socket_enabled: None) -> None:
    async with simulator("v3_duo", start=NIGHT) as sim:
        port = await sim.listen()
        async with http(port) as client:
            await ask(client, {"WIZARD": {"PS_HOUR": "u8_0D", "CONFIG_MODIFIED_BY_USER": "u8_01"}})
            await ask(client, {"WIZARD": {"PS_HOUR": "u8_0F"}})
            body = {"SYS_UPDATE": {"BOOT_REPORT_SUCCESS": "", "USER_REBOOT_DEVICE": "u8_01"}}
            echo = {"SYS_UPDATE": {"BOOT_REPORT_SUCCESS": "u8_01", "USER_REBOOT_DEVICE": "u8_01"}}
            assert await ask(client, body) == echo
            assert (await post(client)).status == 200
            sim.advance(2)
            assert sim.reboots == 1
            client.seconds = 0.05
            with pytest.raises(TimeoutError):
                await post(client)
        async with http(port) as client:
            asking = asyncio.ensure_future(post(client))
            await asyncio.sleep(0.02)
            assert not asking.done()
            sim.advance(300)
            with pytest.raises(ConnectionError):
                await asking
        async with http(port) as client:
            wires = await ask(client, {"ENERGY": {}, "WIZARD": {"CONFIG_LOADED": "", "PS_HOUR": ""}})
            assert wires["WIZARD"] == {"CONFIG_LOADED": "u8_00", "PS_HOUR": "u8_0D"}
            assert await read(client, "WIZARD", "CONFIG_MODIFIED_BY_USER") == "u8_00"
            assert wires["ENERGY"]["STAT_STATE"] == "u8_4E"
            assert wires["ENERGY"]["GUI_GRID_POW"] == "fl_00000000"
            sim.advance(sim.start_up_seconds)
            assert await read(client, "WIZARD", "CONFIG_LOADED") == "u8_01"
            assert number(await read(client, "ENERGY", "GUI_GRID_POW")) > 0
            assert await read(client, "SYS_UPDATE", "USER_REBOOT_DEVICE") == "u8_00"


async def test_an_old_image_does_not_reboot(socket_enabled: None) -> None:
    async with appliance("v3_hybrid") as (sim, client):
        await ask(client, {"SYS_UPDATE": {"USER_REBOOT_DEVICE": "u8_01"}})
        sim.advance(5)
        assert sim.reboots == 0
        assert await read(client, "SYS_UPDATE", "USER_REBOOT_DEVICE") == "u8_00"


async def test_a_restart_ends_what_was_going_on(socket_enabled: None) -> None:
    async with appliance("v3_wallbox") as (sim, client):
        sim.faults.set("insulation_test")
        amperes = ["fl_41200000", "", "", ""]
        await ask(client, {"WALLBOX": {"SET_ICMAX": amperes}, "ENERGY": {"SAFE_CHARGE_FORCE": "u8_01"}})
        sim.advance(4)
        assert sim.wire("ENERGY", "SAFE_CHARGE_RUNNING") == "u8_01"
        assert sim.house.settings.soc_backup == 100
        sim.reboot(20)
        assert sim.house.settings.soc_backup == 0
        sim.advance(100)
        assert sim.house.solar_power > 100
        assert not sim.force_charging


async def test_a_restart_by_fault_scaled_by_the_clock(socket_enabled: None) -> None:
    async with SenecSimulator(pace=0.0, speed=3000.0) as sim:
        port = await sim.listen()
        sim.faults.set("reboot")
        async with http(port) as client:
            with pytest.raises(ConnectionError):
                await post(client)
        async with http(port) as client:
            assert (await post(client)).status == 200


# Pages


async def test_language_files(socket_enabled: None) -> None:
    async with appliance() as (sim, client):
        for path, text in (("DE-de", "WINTERRUHE"), ("EN-en", "WINTER REST"), ("IT-it", "RIPOSO INVERNALE")):
            answer = await client.request("GET", f"/js/{path}.js")
            script = answer.body.decode()
            assert (answer.status, answer.headers["content-type"]) == (200, "application/javascript; charset=utf-8")
            table = re.search(r"var system_state_name = \{(.*?)\};", script, re.DOTALL)
            assert table
            states = {int(code): json.loads(name) for code, name in re.findall(r"(\d+): (\".*\")", table[1])}
            assert states[101] == text
            assert '"' in states[102]
            assert len(states) > 15
        assert len(sim.pages) == 3


@pytest.mark.parametrize(
    ("profile", "found", "missing"),
    [
        ("v2_1_http", ["/vars.html", "/log/2026/06/15.log", "/logs-nsp/nsp_error.log"], ["//vars.html", "/Vars.html"]),
        ("v2_1_https", ["/Vars.html", "/log/2026/06/15.log"], ["/vars.html"]),
        ("v3_duo", ["//vars.html", "//log/2026/06/15.log"], ["/vars.html", "/logs-nsp/nsp_error.log", "/ctrl.cgi"]),
    ],
)
async def test_other_addresses(socket_enabled: None, profile: str, found: list[str], missing: list[str]) -> None:
    async with appliance(profile) as (_sim, client):
        for path in found:
            assert (await client.request("GET", path)).status == 200, path
        for path in missing:
            assert (await client.request("GET", path)).status == 404, path
        log = next((path for path in found if path.endswith("15.log")), "")
        lines = (await client.request("GET", log)).body.decode().splitlines()
        assert all(line.startswith("2026-06-15 00:00:0") for line in lines)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_every_fault_can_be_named_on_the_command_line(name: str) -> None:
    fault = parse(f"{name}*2", FAULTS)
    assert (fault.name, fault.argument, fault.count) == (name, FAULTS[name], 2)


async def test_the_command_line_serves_it_encrypted_and_in_no_other_way(socket_enabled: None) -> None:
    async def start(*arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "simulators", "senec", *arguments),
            cwd=Path(__file__).parents[2],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    process = await start("--listen", "127.0.0.1:0", "--fault", "unknown_state=99")
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    assert line.startswith("senec https://127.0.0.1:")
    async with http(int(line.rpartition(":")[2]), unverified()) as client:
        assert await read(client, "ENERGY", "STAT_STATE") == "u8_63"
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, errors) == (0, b"")

    for way in (["--pty"], ["--dial", "127.0.0.1:9"]):
        process = await start(*way)
        _, errors = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 2
        assert errors.decode() == f"{way[0]}: a simulated senec cannot be reached in this way\n"
