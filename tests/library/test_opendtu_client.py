"""The client against simulated DTUs of every generation: what is there, its values, what goes wrong, what changes."""

import asyncio
import gc
import json
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from custom_components.local_solar.solarlink.client import Client, Installation
from custom_components.local_solar.solarlink.errors import (
    AuthError,
    BadAddressError,
    BadAnswerError,
    DeviceBusyError,
    LinkClosedError,
    LinkError,
    NoAnswerError,
    NoOpenDtuError,
    NotSupportedError,
    NotWritableError,
    UnknownPointError,
    WrongDeviceError,
)
from custom_components.local_solar.solarlink.family import load_family
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.address import LinkAddress
from custom_components.local_solar.solarlink.live import LimitClient
from custom_components.local_solar.solarlink.opendtu import FAMILY, open_client
from custom_components.local_solar.solarlink.points import Access, Integral, Ref
from simulators.house import House
from simulators.opendtu import InverterSpec

from .opendtu_rig import FAST, FIRST, HASTY, HOST, SECOND, SECRET, THIRD, Rig, until, value
from .rig import measured, values

pytestmark = pytest.mark.usefixtures("socket_enabled")

GENERATIONS = ["v23.8.2", "v24.1.26", "v24.2.12", "v24.9.30", "v25.4.2", "v25.9.11", "v26.3.30"]
ROOF = InverterSpec(
    "116182070033", "Roof", 1500, source="panel", peak=1600, strings=("A", "B", "C", "D"), string_power=410
)
LIMIT = Ref(FIRST, "reported_limit")
NIGHT = datetime(2026, 6, 15, 1)  # noqa: DTZ001 - a wall clock has no zone


# What is there


def test_family() -> None:
    assert load_family("opendtu") is FAMILY
    assert {point.key for point in FAMILY.points if point.unit_kind == "inverter"} >= {
        "ac_output_power",
        "limit_relative",
    }
    with pytest.raises(BadAddressError):
        open_client(LinkAddress("tcp", "x", 80), journal=Journal())


@pytest.mark.parametrize("firmware", GENERATIONS)
async def test_every_generation_tells_the_same(firmware: str) -> None:
    async with Rig() as rig:
        sim, client = await rig.known(firmware)
        root, *units = client.installation.all_units
        assert (root.serial, root.mac, root.firmware) == ("02005e4a7c31", "02:00:5e:4a:7c:31", firmware)
        assert root.model == "OpenDTU"
        assert [(unit.id, unit.serial, unit.kind) for unit in units] == [
            (s, s, "inverter") for s in (FIRST, SECOND, THIRD)
        ]
        assert [unit.name for unit in units] == ["Battery west", "Battery east", "Battery shed"]
        assert units[0].model == "HM-400-1T"
        told = values(await client.read(measured(client)))
        for unit in units:
            micro = sim.micro_inverter(unit.serial)
            assert told[Ref(unit.id, "ac_output_power")] == pytest.approx(micro.output, rel=0.05)
            assert told[Ref(unit.id, "yield_total")] == pytest.approx(micro.energy_total, abs=0.01)
            assert told[Ref(unit.id, "yield_today")] == pytest.approx(micro.energy_today, abs=0.01)
            assert told[Ref(unit.id, "limit_relative")] == 100.0
            assert told[Ref(unit.id, "limit_status")] == "ok"
            assert told[Ref(unit.id, "inverter_switched_on")] is True
            assert told[Ref(unit.id, "efficiency")] == pytest.approx(94.0, abs=0.1)
        each = [told[Ref(unit.id, "ac_output_power")] for unit in units]
        assert told[Ref("dtu", "ac_output_power")] == pytest.approx(sum(each), abs=0.11)
        assert told[Ref("dtu", "yield_total")] == pytest.approx(750.0, abs=0.01)
        assert told[Ref("dtu", "clock_not_set")] is False
        assert told[Ref("dtu", "default_password")] is False


async def test_points_are_those_that_the_firmware_tells() -> None:
    async with Rig() as rig:
        _, old = await rig.known("v23.8.2")
        _, new = await rig.known("v26.3.30")
        [old_root, old_unit, *_], [new_root, new_unit, *_] = old.installation.all_units, new.installation.all_units
        assert not {"radio_requests", "radio_signal", "radio_success_rate"} & old.points(old_unit).keys()
        assert {"radio_requests", "radio_signal", "radio_success_rate"} <= new.points(new_unit).keys()
        assert "pin_mapping_problem" not in old.points(old_root)
        assert "pin_mapping_problem" in new.points(new_root)
        assert not {"power_limiter", "governed"} & (new.points(new_root).keys() | new.points(new_unit).keys())


async def test_strings_have_their_names_and_their_own_points() -> None:
    async with Rig() as rig:
        _, client = await rig.known(inverters=(ROOF, InverterSpec("112400000001", "Wall", 400)))
        roof, wall = client.installation.units
        keys = client.points(roof).keys()
        assert {f"string_{number}_{what}" for number in range(1, 5) for what in ("power", "irradiation")} <= keys
        assert "string_5_power" not in keys
        assert "string_1_irradiation" not in client.points(wall)
        report = await client.read([Ref(roof.id, "string_2_power"), Ref(wall.id, "string_1_power")])
        assert report.readings[Ref(roof.id, "string_2_power")].details == {"string": "B"}
        assert report.readings[Ref(wall.id, "string_1_power")].details == {}
        assert client.installation.facts["inverters"][roof.serial]["strings"] == ["A", "B", "C", "D"]


@pytest.mark.parametrize("firmware", ["2025.01.07", "2026.03.31"])
async def test_onbattery_adds_battery_meter_and_chargers(firmware: str) -> None:
    async with Rig() as rig:
        sim, client = await rig.known(firmware, on_battery=True)
        kinds = [unit.kind for unit in client.installation.all_units]
        assert kinds == ["dtu", *["inverter"] * 3, "battery", "meter", "solar_charger"]
        assert client.installation.root.model == "OpenDTU-OnBattery"
        told = values(await client.read(measured(client)))
        house, charger = sim.house, client.installation.units[-1].id
        assert told[Ref("battery", "state_of_charge")] == pytest.approx(house.battery.soc, abs=0.5)
        assert told[Ref("battery", "battery_power")] == pytest.approx(house.battery.power, abs=0.1)
        assert told[Ref("battery", "battery_current")] == pytest.approx(house.battery.current, abs=0.1)
        assert told[Ref("meter", "grid_power")] == pytest.approx(house.grid_power_mean(), abs=0.1)
        assert told[Ref(charger, "pv_power")] == pytest.approx(house.solar_power, abs=0.5)
        assert told[Ref(charger, "pv_energy_total")] == pytest.approx(house.counters.solar.total, abs=0.01)
        assert told[Ref("dtu", "power_limiter")] is False
        assert told[Ref(FIRST, "governed")] is False
        # Charging is negative, discharging positive.
        assert (told[Ref("battery", "battery_power")] > 0) == (house.battery.power > 0)


async def test_what_is_known_need_not_be_asked_again() -> None:
    async with Rig() as rig:
        sim, client = await rig.known()
        facts = json.loads(json.dumps(client.installation.facts))
        other = rig.client(sim_port(sim))
        other.expect(Installation(client.installation.root, client.installation.units, facts))
        assert {u.id: set(other.points(u)) for u in other.installation.all_units} == {
            u.id: set(client.points(u)) for u in client.installation.all_units
        }
        sim.requests.clear()
        assert await value(other, FIRST, "ac_output_power") == pytest.approx(400, rel=0.05)
        # Once to see who is there, once for its uptime, then live data.
        assert [each.path for each in sim.requests] == [
            "/api/network/status",
            "/api/system/status",
            *["/api/livedata/status"] * 4,
        ]
        assert other.installation.facts == client.installation.facts


def sim_port(sim: Any) -> int:
    return int(sim._sites[0].sockets[0].getsockname()[1])


@pytest.mark.parametrize(
    "facts", [{}, {"inverters": 5}, {"inverters": {"1": 7}}, {"chargers": {"a": 5}}, {"fields": 3}]
)
async def test_facts_of_another_shape_are_left_out(facts: Any) -> None:
    async with Rig() as rig:
        sim, client = await rig.known()
        other = rig.client(sim_port(sim))
        other.expect(replace(client.installation, facts=facts))
        await other.identify()
        assert other.installation == client.installation


async def test_another_dtu_at_the_address() -> None:
    async with Rig() as rig:
        _, client = await rig.known()
        _, port = await rig.sim(mac="02:00:5E:00:00:99")
        other = rig.client(port)
        other.expect(client.installation)
        with pytest.raises(WrongDeviceError):
            await other.read([Ref(FIRST, "ac_output_power")])


async def test_it_is_a_client_and_sets_limits() -> None:
    async with Rig() as rig:
        _, client = await rig.known()
        checked: Client = client
        assert isinstance(checked, LimitClient)
        assert client.connected


# How much is asked


async def test_values_are_fetched_only_when_there_are_new_ones() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(house_time=True)
        refs = [Ref(unit, "ac_output_power") for unit in (FIRST, SECOND, THIRD)]
        await client.read(refs)
        assert [each.query for each in sim.requests] == [""]
        sim.requests.clear()
        sim.advance(6)
        await client.read(refs)
        assert len(sim.requests) == 2
        assert sim.requests[1].query.startswith("inv=")


async def test_old_firmware_tells_all_in_one_answer() -> None:
    async with Rig() as rig:
        sim, client = await rig.known("v24.1.26")
        await client.read(
            [ref for ref in measured(client) if client.points(unit_of(client, ref))[ref.key].pace == "live"]
        )
        assert [each.path for each in sim.requests] == ["/api/livedata/status", "/api/limit/status"]


def unit_of(client: Any, ref: Ref) -> Any:
    return client.installation.unit(ref.unit)


async def test_one_request_at_a_time() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(pace=0.2)
        await asyncio.gather(*(client.read(measured(client)) for _ in range(3)))
        assert sim.max_concurrent_requests == 1


async def test_the_event_log_is_read_when_it_has_grown() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(house_time=True)
        refs = [Ref(FIRST, "inverter_event"), Ref(FIRST, "inverter_fault"), Ref(FIRST, "event_count")]
        report = await client.read(refs)
        assert report.happenings == []
        sim.requests.clear()
        assert (await client.read(refs)).happenings == []
        assert not [each for each in sim.requests if "eventlog" in each.path]
        sim.add_event(FIRST, 121, start=40000)
        happenings = []
        for _ in range(10):
            sim.advance(5)
            report = await client.read(refs)
            happenings += report.happenings
        (hot,) = happenings
        assert (hot.ref, hot.kind) == (Ref(FIRST, "inverter_event"), "over_temperature")
        assert hot.details["severity"] == "fault"
        assert report.readings[Ref(FIRST, "inverter_fault")].value is True
        assert "emperature" in str(report.readings[Ref(FIRST, "inverter_fault")].details["events"])


# The password


async def test_reading_needs_no_password_where_the_owner_allows_it() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(password="")
        for unit in client.installation.all_units:
            assert all(point.access is Access.READ for point in client.points(unit).values())
        assert "commands_enabled" not in client.points(client.installation.units[0])
        assert await value(client, FIRST, "ac_output_power") == pytest.approx(400, rel=0.05)
        assert not any(each.credentials for each in sim.requests)
        with pytest.raises(UnknownPointError):
            await client.write(Ref(FIRST, "limit_relative"), 50.0)
        with pytest.raises(NotWritableError):
            await client.set_power(FIRST, False)


@pytest.mark.parametrize(("read_only", "password"), [(True, "wrong one"), (False, "wrong one"), (False, "")])
async def test_a_wrong_password_is_seen_at_once(read_only: bool, password: str) -> None:
    async with Rig() as rig:
        _, port = await rig.sim(read_only=read_only)
        with pytest.raises(AuthError):
            await rig.client(port, password=password).identify()


async def test_everything_works_when_reading_needs_the_password() -> None:
    async with Rig() as rig:
        _, client = await rig.known(read_only=False)
        values(await client.read(measured(client)))


async def test_a_password_that_was_changed() -> None:
    async with Rig() as rig:
        sim, client = await rig.known()
        sim.password = "another one"
        with pytest.raises(AuthError):
            await client.read([Ref("dtu", "dtu_serial")])
        with pytest.raises(AuthError):
            await client.write(Ref(FIRST, "limit_relative"), 50.0)


# What goes wrong


async def test_nothing_listens() -> None:
    async with Rig() as rig:
        sim, port = await rig.sim()
        await sim.close()
        with pytest.raises(LinkError):
            await rig.client(port).identify()


async def test_a_web_server_that_is_no_dtu() -> None:
    async with Rig() as rig:
        sim, port = await rig.sim()
        sim.faults.set("html")
        with pytest.raises(NoOpenDtuError):
            await rig.client(port).identify()


async def test_silence() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(timing=HASTY)
        sim.faults.set("silence")
        with pytest.raises(NoAnswerError):
            await client.read(measured(client))
        sim.faults.clear("silence")
        values(await client.read(measured(client)))


async def test_after_a_failure_it_is_not_asked_at_once_again() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(timing=replace(FAST, first_hold_off=60.0, longest_hold_off=60.0))
        sim.drop()
        sim.faults.set("silence")
        await sim.close()
        for _ in range(3):
            with pytest.raises(LinkError):
                await client.read([Ref(FIRST, "ac_output_power")])
        assert client.hold_off > 30
        assert client.stats.exchanges < 25


@pytest.mark.parametrize("fault", ["busy", "error_500"])
async def test_a_dtu_without_memory_keeps_its_values_for_a_while(fault: str) -> None:
    async with Rig() as rig:
        sim, client = await rig.known()
        ref = Ref(FIRST, "ac_output_power")
        before = await value(client, *ref)
        sim.faults.set(fault)
        for _ in range(2):
            assert await value(client, *ref) == before
        with pytest.raises(DeviceBusyError):
            values_or_raise(await client.read([ref]), ref)
        sim.faults.clear(fault)
        assert await value(client, *ref) == before


def values_or_raise(report: Any, ref: Ref) -> None:
    if error := report.failed.get(ref):
        raise error


async def test_a_busy_dtu_is_left_alone() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(timing=replace(FAST, overloaded=60.0))
        sim.faults.set("busy")
        await value(client, FIRST, "ac_output_power")
        sim.requests.clear()
        for _ in range(5):
            await value(client, FIRST, "ac_output_power")
        assert sim.requests == []


async def test_values_that_are_null() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(house_time=True)
        sim.faults.set("nulls")
        sim.advance(400)
        told = values(await client.read(measured(client)))
        assert told[Ref(FIRST, "ac_output_power")] is None
        assert told[Ref(FIRST, "yield_total")] == pytest.approx(250.0, abs=0.1)
        sim.faults.clear("nulls")
        sim.advance(30)
        assert await value(client, FIRST, "ac_output_power") == pytest.approx(400, rel=0.05)


async def test_one_answer_that_is_missing_costs_only_itself() -> None:
    async with Rig() as rig:
        _, client = await rig.known("v24.2.12")
        client._feed.state.limiter = None
        report = await client.read([Ref(FIRST, "ac_output_power"), Ref("dtu", "nothing"), Ref("nobody", "x")])
        assert set(report.failed) == {Ref("dtu", "nothing"), Ref("nobody", "x")}
        assert report.readings[Ref(FIRST, "ac_output_power")].value is not None


async def test_what_is_summed_up_elsewhere_is_not_read() -> None:
    async with Rig() as rig:
        _, client = await rig.known("2026.03.31", on_battery=True)
        ref = Ref("meter", "grid_import_energy")
        assert isinstance(client.points(unit_of(client, ref))[ref.key].integral, Integral)
        assert isinstance((await client.read([ref])).failed[ref], NotSupportedError)


async def test_clock_that_is_not_set_and_a_default_password_are_troubles() -> None:
    async with Rig() as rig:
        sim, port = await rig.sim(password="openDTU42")
        client = rig.client(port, sim=sim, password="openDTU42")
        await client.identify()
        await client.read([Ref("dtu", "clock_not_set")])
        assert set(client.troubles) == {"opendtu_default_password"}
        sim.faults.set("clock_not_set")
        assert await value(client, "dtu", "clock_not_set") is True
        assert "opendtu_clock_not_set" not in client.troubles
        sim.advance(130)
        await client.read([Ref("dtu", "clock_not_set")])
        assert "opendtu_clock_not_set" in client.troubles
        assert set(client.troubles) <= FAMILY.troubles.keys()
        sim.faults.clear("clock_not_set")
        await client.read([Ref("dtu", "clock_not_set")])
        assert set(client.troubles) == {"opendtu_default_password"}


# Nights and restarts


async def test_a_night_on_the_roof() -> None:
    evening = House(seed=1, speed=0, start=datetime(2026, 6, 15, 19))  # noqa: DTZ001
    async with Rig() as rig:
        sim, client = await rig.known(house=evening, house_time=True, inverters=(ROOF,))
        power, today, total = (Ref("dtu", key) for key in ("ac_output_power", "yield_today", "yield_total"))
        course = []
        for _ in range(int(16 * 60 / 5)):
            sim.advance(300)
            report = await client.read(
                [power, today, total, Ref("dtu", "last_restart"), Ref(ROOF.serial, "polling_enabled")]
            )
            told = values(report)
            course.append((told[power], told[today], told[total], told[Ref(ROOF.serial, "polling_enabled")]))
        assert any(not polled for *_, polled in course)
        assert all(watts == 0.0 for watts, *_, polled in course if not polled)
        totals = [kwh for _, _, kwh, _ in course]
        assert totals == sorted(totals)
        assert totals[-1] == pytest.approx(sim.micro_inverter(ROOF.serial).energy_total, abs=0.05)
        falls = [(one, other) for (_, one, *_), (_, other, *_) in pairwise(course) if other < one]
        assert len(falls) == 1
        assert falls[0][1] < 0.1


async def test_a_restart_of_the_dtu_at_night() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(
            house=House(seed=1, speed=0, start=NIGHT), house_time=True, inverters=(ROOF,), uptime=86400.0
        )
        ref = Ref(ROOF.serial, "yield_total")
        before = await value(client, *ref)
        assert before == pytest.approx(250.0, abs=0.1)
        sim.faults.set("reboot", 8.0)
        with pytest.raises(LinkError):
            await client.read([ref])
        sim.advance(10)
        for _ in range(5):
            sim.advance(30)
            told = values(await client.read([ref, Ref(ROOF.serial, "ac_output_power"), Ref("dtu", "yield_total")]))
            assert told == {ref: before, Ref(ROOF.serial, "ac_output_power"): 0.0, Ref("dtu", "yield_total"): before}
        # Who comes only now has nothing to go by.
        other = rig.client(sim_port(sim), sim=sim)
        await other.identify()
        assert await value(other, *ref) is None
        assert await value(other, "dtu", "yield_total") is None


# What changes


async def test_a_new_inverter_is_noticed() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(house_time=True)
        before = client.installation
        sim.add_inverter(("112400000044", "Garden", 400))
        await client.read([Ref(FIRST, "ac_output_power")])
        assert client.installation != before
        assert [unit.name for unit in client.installation.units][-1] == "Garden"
        assert client.installation.units[:-1] == before.units
        sim.advance(120)
        assert await value(client, "112400000044", "ac_output_power") == pytest.approx(400, rel=0.1)
        known = client.installation
        await client.read([Ref(FIRST, "ac_output_power")])
        assert client.installation is known


async def test_an_inverter_that_was_renamed_and_one_that_was_removed() -> None:
    async with Rig() as rig:
        sim, client = await rig.known()
        sim.view(FIRST).configuration.name = "Carport"
        await client.read([Ref(FIRST, "ac_output_power")])
        assert client.installation.units[0].name == "Carport"
        sim.remove_inverter(SECOND)
        report = await client.read([Ref(SECOND, "ac_output_power"), Ref(FIRST, "ac_output_power")])
        assert set(report.failed) == {Ref(SECOND, "ac_output_power")}
        await client.identify()
        assert [unit.serial for unit in client.installation.units] == [FIRST, THIRD]


async def test_a_dtu_that_was_just_started_tells_more_later() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(uptime=2.0, house_time=True)
        assert client.installation.units[0].firmware == ""
        assert client.installation.units[0].model == "HM-300/350/400-1T"
        for _ in range(30):
            sim.advance(10)
            await client.read([Ref(FIRST, "firmware_date"), Ref(FIRST, "ac_output_power")])
        assert client.installation.units[0].model == "HM-400-1T"
        assert client.installation.units[0].firmware == "1.0.14"


# The WebSocket


async def test_the_websocket_saves_requests() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(websocket=True, speed=30.0)
        refs = [Ref(unit, "ac_output_power") for unit in (FIRST, SECOND, THIRD)]
        await client.read(refs)
        await until(lambda: client._loop.listening)
        sim.requests.clear()
        told = values(await client.read(refs))
        assert sim.requests == []
        assert told[refs[0]] == pytest.approx(400, rel=0.05)
        sim.faults.set("websocket_refused")
        sim.close_websockets()
        await until(lambda: not client._loop.listening)
        assert values(await client.read(refs))[refs[0]] == pytest.approx(400, rel=0.05)
        assert "/api/livedata/status" in [each.path for each in sim.requests]
        sim.faults.clear("websocket_refused")
        await asyncio.sleep(0.2)
        await client.read(refs)
        await until(lambda: sim.websockets == 1)


async def test_old_firmware_is_not_listened_to() -> None:
    async with Rig() as rig:
        sim, client = await rig.known("v24.1.26", websocket=True)
        for _ in range(3):
            await client.read([Ref(FIRST, "ac_output_power")])
        assert sim.websockets == 0
        assert not [each for each in sim.requests if each.path == "/livedata"]


async def test_the_websocket_ends_when_nobody_looks() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(websocket=True, speed=30.0, timing=replace(FAST, tell=0.2))
        await client.read([Ref(FIRST, "ac_output_power")])
        await until(lambda: sim.websockets == 1)
        await until(lambda: sim.websockets == 0)


async def test_garbage_on_the_websocket_does_no_harm() -> None:
    async with Rig() as rig:
        _, client = await rig.known()
        before = await value(client, FIRST, "ac_output_power")
        for content in ({}, {"inverters": None}, {"inverters": [{}, 5, {"serial": 7}]}, {"hints": 5}):
            client._take_message(content)
        assert await value(client, FIRST, "ac_output_power") == before


async def test_a_stranger_on_the_wire() -> None:
    """Whatever a server sends, only errors of ours come out."""
    answers = [
        b"",
        b"HTTP/1.1 200 OK\r\n\r\n{",
        b"\x00\xff\x00",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"SSH-2.0-x\r\n",
    ]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answers[0])
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with Rig() as rig, server:
        port = server.sockets[0].getsockname()[1]
        while answers:
            with pytest.raises((LinkError, BadAnswerError, NoOpenDtuError)):
                await rig.client(port).identify()
            answers.pop(0)


# Order at the end


async def test_nothing_is_left_open(recwarn: pytest.WarningsRecorder) -> None:
    async with Rig() as rig:
        before = asyncio.all_tasks()
        sim, port = await rig.sim(speed=30.0)
        own = asyncio.all_tasks()
        client = rig.client(port, websocket=True)
        await client.identify()
        await client.read(measured(client))
        client.follow_inverters(lambda picture: None)
        await until(lambda: sim.websockets == 1)
        await client.close()
        await until(lambda: sim.websockets == 0)
        mine = {task for task in asyncio.all_tasks() - own - before if "opendtu" in task.get_name()}
        assert mine == set()
        with pytest.raises(LinkClosedError):
            await client.read([Ref(FIRST, "ac_output_power")])
    del client
    gc.collect()
    assert [str(each.message) for each in recwarn if issubclass(each.category, ResourceWarning)] == []


async def test_the_trace_gives_no_serial_number_away() -> None:
    async with Rig() as rig:
        _, client = await rig.known()
        await client.read(measured(client))
        bodies = b"".join(record.data for record in client.trace)
        assert FIRST.encode() not in bodies
        assert SECRET.encode() not in bodies


async def test_delicate_firmware_is_spared() -> None:
    """Asked for everything every few seconds it hangs (reference section 7)."""
    async with Rig() as rig:
        sim, client = await rig.known("v24.1.26", timing=replace(FAST, between_delicate=60.0))
        for _ in range(5):
            assert await value(client, FIRST, "ac_output_power") == pytest.approx(400, rel=0.05)
        assert [each.path for each in sim.requests] == []


async def test_a_busy_page_does_not_keep_the_others_from_being_asked() -> None:
    async with Rig() as rig:
        sim, client = await rig.known(timing=replace(FAST, overloaded=60.0))
        sim.faults.set("busy")
        report = await client.read([Ref(FIRST, "ac_output_power"), LIMIT, Ref("dtu", "memory_used")])
        assert report.failed == {}
        sim.view(FIRST).limit_relative = 33.0
        assert await value(client, *LIMIT) == 33.0
