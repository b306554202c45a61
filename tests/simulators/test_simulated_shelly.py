"""What the simulated Shelly meters measure, and how both generations tell it."""

import math
from typing import Any

import pytest

from simulators.house import House
from simulators.micro_inverters import MicroInverter
from simulators.shelly_em import MODELS, ShellySimulator
from tests.simulators.http_wire import HttpClient
from tests.simulators.shelly_wire import PRO, get, meter, still_house

pytestmark = pytest.mark.usefixtures("socket_enabled")

EM_NUMBERS = ("voltage", "current", "act_power", "aprt_power", "pf", "freq")


async def em(client: HttpClient) -> Any:
    return await get(client, "/rpc/EM.GetStatus?id=0")


# Identity


@pytest.mark.parametrize("code", MODELS)
async def test_a_meter_says_what_it_is_without_login(code: str) -> None:
    async with meter(code, password="secret", mac="e868e7000001") as (_, client):
        found = await get(client, "/shelly")
        assert found["mac"] == "E868E7000001"
        model = MODELS[code]
        if model.generation == 1:
            assert (found["type"], found["auth"], found["num_emeters"]) == (code, True, model.clamps)
            assert "gen" not in found
            assert found["fw"].endswith("/v1.14.0-gcb84623")
        else:
            assert (found["model"], found["gen"], found["auth_en"]) == (code, model.generation, True)
            assert found["id"] == found["auth_domain"] == f"{model.host}-e868e7000001"
            assert found.get("profile") == ("triphase" if model.phases else None)
            assert found["ver"] in found["fw_id"]
            assert await get(client, "/rpc/Shelly.GetDeviceInfo") == found


def test_an_impossible_meter_is_refused() -> None:
    house = House(seed=1, speed=0)
    refused: tuple[dict[str, Any], ...] = (
        {"model": "SHSW-1"},
        {"model": "SHEM", "firmware": "1.1.0"},
        {"model": "SHEM", "profile": "triphase"},
        {"model": PRO, "profile": "quadrophase"},
        {"model": PRO, "balcony": 300.0},
        {"model": "S4EM-001PXCEU16", "balcony": 300.0},
        {"mac": "AA:BB:CC:00:00:01"},
    )
    for options in refused:
        with pytest.raises(ValueError, match=r"no "):
            ShellySimulator(house=house, **options)


# Measuring


async def test_a_one_phase_meter_shows_the_house_and_its_counters() -> None:
    async with meter("SHEM") as (sim, client):
        house = sim.house
        status = await get(client, "/status")
        first, second = status["emeters"]
        assert first["power"] == pytest.approx(house.grid_power_mean(1.0), abs=0.005)
        assert first["power"] > 100
        assert first["voltage"] == second["voltage"] == round(house.grid.voltage, 2)
        assert first["pf"] == pytest.approx(first["power"] / math.hypot(first["power"], first["reactive"]), abs=0.005)
        assert first["is_valid"] is True
        assert first["total"] == pytest.approx(1000 * house.counters.grid_import.total, abs=0.06)
        assert first["total_returned"] == pytest.approx(1000 * house.counters.grid_export.total, abs=0.06)
        assert (second["power"], second["total"], second["total_returned"]) == (0, 0, 0)
        assert math.copysign(1.0, second["power"]) == 1.0
        assert [await get(client, f"/emeter/{number}") for number in (0, 1)] == status["emeters"]
        assert (await client.request("GET", "/emeter/2")).status == 404
        assert not {"total_power", "emeter_n", "current"} & {*status, *first}


@pytest.mark.parametrize(("firmware", "has"), [("1.10.4", False), ("1.12.1", True), ("1.14.0", True)])
async def test_old_firmware_has_no_power_factor(firmware: str, has: bool) -> None:
    async with meter("SHEM", firmware=firmware) as (_, client):
        found = await get(client, "/emeter/0")
        assert ("pf" in found) is has
        assert {"power", "reactive", "voltage", "is_valid", "total", "total_returned"} <= set(found)


async def test_a_three_phase_meter_of_generation_1_adds_its_phases() -> None:
    async with meter("SHEM-3") as (sim, client):
        status = await get(client, "/status")
        phases = status["emeters"]
        assert status["total_power"] == pytest.approx(sim.house.grid_power_mean(1.0), abs=0.005)
        assert sum(phase["power"] for phase in phases) == pytest.approx(status["total_power"], abs=0.016)
        assert {tuple(phase) for phase in phases} == {
            ("power", "pf", "current", "voltage", "is_valid", "total", "total_returned")
        }
        assert status["emeter_n"]["is_valid"] is False


async def test_phases_and_totals_are_rounded_each_on_its_own() -> None:
    async with meter() as (sim, client):
        differing = 0
        for _ in range(20):
            sim.advance(2)
            found = await em(client)
            phases = [found[f"{phase}_act_power"] for phase in "abc"]
            assert phases == [round(power, 1) for power in phases]
            assert found["total_act_power"] == pytest.approx(sim.house.grid_power_mean(1.0), abs=0.0006)
            assert sum(phases) == pytest.approx(found["total_act_power"], abs=0.16)
            differing += abs(sum(phases) - found["total_act_power"]) > 0.001
            apparent = [found[f"{phase}_aprt_power"] for phase in "abc"]
            assert sum(apparent) == pytest.approx(found["total_aprt_power"], abs=0.16)
        assert differing


async def test_big_loads_and_producers_are_on_the_first_phase() -> None:
    async with meter() as (sim, client):
        before = await em(client)
        sim.house.extra_load = 2500.0
        sim.advance(4)
        after = await em(client)
        assert after["a_act_power"] - before["a_act_power"] > 2000
        assert after["b_act_power"] <= 170
        assert after["c_act_power"] <= 60
        sim.house.extra_load = 0.0
        sim.house.micro_inverters.append(MicroInverter(2000.0))
        sim.advance(60)
        exporting = await em(client)
        assert exporting["total_act_power"] < 0
        assert exporting["a_act_power"] < exporting["total_act_power"]
        assert exporting["a_pf"] < 0 < exporting["a_aprt_power"]


async def test_the_phases_counters_are_not_netted() -> None:
    async with meter() as (sim, client):
        # The inverter on the first phase gives less than the house draws, but more than the first phase does.
        sim.house.micro_inverters.append(MicroInverter(300.0))
        sim.advance(120)
        counters = sim.house.counters

        async def counted() -> tuple[Any, float]:
            found = await get(client, "/rpc/EMData.GetStatus?id=0")
            return found, 1000 * (counters.grid_import.total - counters.grid_export.total)

        before, net_before = await counted()
        sim.advance(600)
        after, net_after = await counted()
        change = {key: after[key] - before[key] for key in after if key != "id"}
        assert change["total_act"] > 0
        assert change["total_act_ret"] > 0
        assert change["total_act"] - change["total_act_ret"] == pytest.approx(net_after - net_before, abs=0.05)
        assert after["total_act"] == pytest.approx(sum(after[f"{p}_total_act_energy"] for p in "abc"), abs=0.02)
        assert change["b_total_act_energy"] > 0
        assert change["b_total_act_ret_energy"] == 0


async def test_the_value_stays_for_a_second_of_the_house() -> None:
    async with meter() as (sim, client):
        sim.advance(1.1)
        first = await em(client)
        sim.advance(0.85)
        assert await em(client) == first
        sim.advance(0.1)
        assert await em(client) != first


async def test_without_the_grid_everything_is_zero() -> None:
    async with meter() as (sim, client):
        sim.house.grid.connected = False
        sim.advance(4)
        found = await em(client)
        assert {found[f"{phase}_{name}"] for phase in "abc" for name in EM_NUMBERS} == {0.0}


@pytest.mark.parametrize(("code", "path"), [("SHEM", "/emeter/{}"), ("S3EM-002CXCEU", "/rpc/EM1.GetStatus?id={}")])
async def test_a_second_clamp_measures_another_producer(code: str, path: str) -> None:
    power = "power" if code == "SHEM" else "act_power"
    given = [600.0]
    async with meter(code, balcony=lambda: given[0]) as (sim, client):
        assert (await get(client, path.format(1)))[power] == -600
        sim.advance(1800)
        given[0] = 0.0
        sim.advance(1800)
        assert (await get(client, path.format(1)))[power] == 0
        last = sim.unit.meter.readings()[1]
        assert last.imported == 0
        assert last.exported == pytest.approx(300, abs=0.5)
    async with meter(code, balcony=250, balcony_inverted=True) as (sim, client):
        assert (await get(client, path.format(1)))[power] == 250
        assert (await get(client, path.format(0)))[power] == pytest.approx(sim.house.grid_power_mean(1), abs=0.06)


@pytest.mark.parametrize("code", ["SHEM", PRO])
async def test_a_clamp_the_wrong_way_round_turns_power_and_counters(code: str) -> None:
    house = still_house()
    async with meter(code, house=house) as (right, good), meter(code, house=house, inverted=True) as (wrong, bad):
        assert wrong.grid_power == -right.grid_power != 0
        path = "/emeter/0" if code == "SHEM" else "/rpc/EMData.GetStatus?id=0"
        pair = ("total", "total_returned") if code == "SHEM" else ("total_act", "total_act_ret")
        plain, turned = await get(good, path), await get(bad, path)
        assert (turned[pair[0]], turned[pair[1]]) == (plain[pair[1]], plain[pair[0]])


# Generation 1


async def test_settings_take_a_coiot_peer() -> None:
    async with meter("SHEM", name="Meter") as (_, client):
        settings = await get(client, "/settings")
        assert settings["coiot"] == {"enabled": True, "update_period": 15, "peer": ""}
        assert (settings["name"], settings["device"]["hostname"]) == ("Meter", "shellyem-AABBCC000001")
        await get(client, "/settings/advanced?coiot_enable=true&coiot_peer=192.0.2.4%3A5683")
        assert (await get(client, "/settings"))["coiot"]["peer"] == "192.0.2.4:5683"
        form = await client.request("POST", "/settings/advanced", b"coiot_enable=false")
        assert form.json()["coiot"]["enabled"] is False
        assert (await get(client, "/status"))["cfg_changed_cnt"] == 2


async def test_the_relay_falls_off_when_its_timer_ends() -> None:
    async with meter("SHEM") as (sim, client):
        on = await get(client, "/relay/0?turn=on&timer=900")
        assert (on["ison"], on["has_timer"], on["timer_duration"], on["source"]) == (True, True, 900, "http")
        sim.advance(800)
        assert (await get(client, "/status"))["relays"][0]["timer_remaining"] == 100
        await get(client, "/relay/0?turn=on&timer=900")
        sim.advance(800)
        assert (await get(client, "/relay/0"))["ison"] is True
        sim.advance(101)
        off = await get(client, "/relay/0")
        assert (off["ison"], off["has_timer"], off["timer_remaining"], off["source"]) == (False, False, 0, "timer")
        assert (await get(client, "/relay/0?turn=toggle"))["ison"] is True
        sim.advance(10_000)
        assert (await get(client, "/relay/0?turn=off"))["ison"] is False
        for bad in ("turn=up", "turn=on&timer=soon"):
            assert (await client.request("GET", f"/relay/0?{bad}")).status == 400
        assert sim.relay.on is False


async def test_uptime_and_clock_are_the_houses() -> None:
    async with meter("SHEM") as (sim, client):
        before = await get(client, "/status")
        sim.advance(100)
        after = await get(client, "/status")
        assert after["uptime"] - before["uptime"] == after["unixtime"] - before["unixtime"] == 100
        assert after["time"] == f"{sim.house.now:%H:%M}"


async def test_counters_can_be_cleared_by_the_owner() -> None:
    async with meter("SHEM") as (sim, client):
        sim.advance(600)
        assert (await get(client, "/emeter/0"))["total"] > 0
        await get(client, "/reset_data")
        assert (await get(client, "/emeter/0"))["total"] == 0


# Generation 2


async def test_a_monophase_profile_has_three_meters_and_no_total() -> None:
    async with meter(profile="monophase") as (sim, client):
        assert (await get(client, "/shelly"))["profile"] == "monophase"
        found = [await get(client, f"/rpc/EM1.GetStatus?id={clamp}") for clamp in range(3)]
        assert sum(one["act_power"] for one in found) == pytest.approx(sim.house.grid_power_mean(1), abs=0.16)
        data = [await get(client, f"/rpc/EM1Data.GetStatus?id={clamp}") for clamp in range(3)]
        total = sum(one["total_act_energy"] - one["total_act_ret_energy"] for one in data)
        counters = sim.house.counters
        assert total == pytest.approx(1000 * (counters.grid_import.total - counters.grid_export.total), abs=0.05)
        answer = await client.request("GET", "/rpc/EM.GetStatus?id=0")
        assert (answer.status, answer.json()["code"]) == (404, 404)
        assert {"em1:0", "em1:1", "em1:2", "em1data:2"} <= set(await get(client, "/rpc/Shelly.GetStatus"))


@pytest.mark.parametrize("code", [code for code, model in MODELS.items() if model.generation > 1])
async def test_status_has_every_component_as_its_own_method_has_it(code: str) -> None:
    async with meter(code) as (_, client):
        status = await get(client, "/rpc/Shelly.GetStatus")
        names = {"em": "EM", "emdata": "EMData", "em1": "EM1", "em1data": "EM1Data", "switch": "Switch"}
        components = [name.split(":") for name in status if ":" in name]
        assert len(components) >= 2
        for kind, number in components:
            alone = await get(client, f"/rpc/{names[kind]}.GetStatus?id={number}")
            assert alone == status[f"{kind}:{number}"]
        assert ("switch:0" in status) is MODELS[code].relay
        config = await get(client, "/rpc/Shelly.GetConfig")
        assert {name for name in status if ":" in name and "data" not in name} <= set(config)
        assert await get(client, "/rpc/Shelly.GetComponents?dynamic_only=true") == {
            "components": [],
            "cfg_rev": 1,
            "offset": 0,
            "total": 0,
        }
        assert "EMData.GetStatus" in (await get(client, "/rpc/Shelly.ListMethods"))["methods"] or "em1:0" in status


@pytest.mark.parametrize(
    ("path", "status", "code", "text"),
    [
        ("/rpc/EM.GetStatus?id=7", 500, -105, "Argument 'id', value 7 not found!"),
        ("/rpc/EM.GetStatus", 500, -103, "Missing required argument 'id'!"),
        ("/rpc/EM.GetStatus?id=true", 500, -103, "Argument 'id', value True has a wrong type!"),
        ("/rpc/Switch.Set?id=0&on=true", 404, 404, "No handler for Switch.Set"),
    ],
)
async def test_errors_over_http(path: str, status: int, code: int, text: str) -> None:
    async with meter() as (_, client):
        answer = await client.request("GET", path)
        assert (answer.status, answer.json()) == (status, {"code": code, "message": text})


async def test_frames_over_http_are_answered_with_frames() -> None:
    async with meter() as (_, client):
        good = await client.request("POST", "/rpc", b'{"id":5,"src":"me","method":"EM.GetStatus","params":{"id":0}}')
        assert good.status == 200
        frame = good.json()
        assert (frame["id"], frame["src"], frame["dst"]) == (5, "shellypro3em-aabbcc000001", "me")
        assert frame["result"] == await em(client)
        bad = await client.request("POST", "/rpc", b'{"id":6,"method":"EM.GetStatus","params":{"id":9}}')
        assert bad.json()["error"]["code"] == -105
        named = await client.request("POST", "/rpc/EM.GetStatus", b'{"id":0}')
        assert named.json() == frame["result"]
        for broken in (b"{", b"[1]"):
            answer = await client.request("POST", "/rpc", broken)
            assert (answer.status, answer.json()["code"]) == (500, -103)


async def test_the_switch_of_generation_2_toggles_back() -> None:
    async with meter("SPEM-002CEBEU50") as (sim, client):
        assert await get(client, "/rpc/Switch.Set?id=0&on=true&toggle_after=300") == {"was_on": False}
        found = await get(client, "/rpc/Switch.GetStatus?id=0")
        assert (found["output"], found["source"], found["timer_duration"]) == (True, "HTTP_in", 300)
        assert found["timer_started_at"] == pytest.approx(sim.clock.now, abs=0.01)
        sim.advance(299)
        assert sim.relay.on
        sim.advance(2)
        found = await get(client, "/rpc/Switch.GetStatus?id=0")
        assert (found["output"], "timer_duration" in found) == (False, False)
        for bad in ("id=0", "id=0&on=1", "id=0&on=true&toggle_after=-1", "id=0&on=true&toggle_after=NaN"):
            answer = await client.request("GET", f"/rpc/Switch.Set?{bad}")
            assert (answer.status, answer.json()["code"]) == (500, -103)
        assert not sim.relay.on
