"""The Conext client against the simulated gateways: what is there, its values, every quirk and disturbance by name."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from custom_components.local_solar.solarlink.client import Installation
from custom_components.local_solar.solarlink.conext.client import ConextClient
from custom_components.local_solar.solarlink.conext.door import Door
from custom_components.local_solar.solarlink.conext.facts import Facts
from custom_components.local_solar.solarlink.conext.registers import Kind, map_of
from custom_components.local_solar.solarlink.errors import (
    BadAnswerError,
    DeviceAbsentError,
    LinkError,
    MaintenanceError,
    NoAnswerError,
    NoDeviceError,
    NotSupportedError,
    SolarError,
    SunSpecPortError,
    UnknownPointError,
    WrongDeviceError,
)
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.points import Quantity, Ref
from simulators.conext.faults import FAULTS

from .conext_rig import HASTY, HOST, PATIENT, Clock, client_on, identified, measured, shown, simulated, with_values
from .conftest import free_port
from .modbus_peer import ModbusPeer
from .rig import read_one, unit, value

pytestmark = pytest.mark.usefixtures("socket_enabled")

EVERYTHING = ("xw_pro@12", "mppt60", "mppt80", "battery_monitor", "ags", "scp", "sw")
LIVE = [Ref("xw_10", key) for key in ("battery_voltage", "grid_power", "load_power", "inverter_status")]


# What is there


@pytest.mark.parametrize("gateway", ["combox", "gateway"])
@pytest.mark.parametrize("order", ["lsb", "msb"])
async def test_every_kind_of_unit_is_found_and_read(gateway: str, order: str) -> None:
    async with identified(gateway=gateway, order=order, units=EVERYTHING) as (_, client):
        installation = client.installation
        assert [each.kind for each in installation.all_units] == [
            gateway,
            "xw",
            "mppt60",
            "mppt80",
            "battmon",
            "ags",
            "scp",
            "sw",
        ]
        assert unit(client, "xw_12").model == "XW Pro 6848 NA"
        assert installation.facts["order"] == order
        serials = [each.serial for each in installation.all_units]
        assert len(set(serials)) == len(serials)
        assert all(each.firmware for each in installation.all_units)
        report = await client.read(measured(client))
        assert report.failed == {}
        assert set(report.readings) == with_values(client, measured(client))
        # What the device does not have is no point of it.
        assert ("force_sell" in client.points(unit(client, "xw_12"))) is (gateway == "gateway")


async def test_a_few_values_are_those_of_the_device() -> None:
    async with identified() as (sim, client):
        sim.set(10, "battery_voltage", 51.234)
        sim.set(10, "battery_current", -12.345)
        sim.set(10, "inverter_status", 1037)
        sim.set(10, "grid_ac_power", -1500)
        assert await read_one(client, "xw_10", "battery_voltage") == 51.234
        assert await read_one(client, "xw_10", "battery_current") == -12.345
        # Positive while discharging, for the Energy dashboard.
        assert await read_one(client, "xw_10", "battery_power") == pytest.approx(632.484)
        assert await read_one(client, "xw_10", "inverter_status") == "load_shaving"
        assert await read_one(client, "xw_10", "grid_power") == -1500
        sim.set(201, "grid_input_power", 0)
        sim.set(201, "grid_output_power", 1500)
        assert await read_one(client, "gateway", "grid_power") == -1500


async def test_the_energies_of_a_solar_charger_from_day_to_year() -> None:
    async with identified() as (sim, client):
        for key, energy in (("today", 4.321), ("week", 20.5), ("month", 99.1), ("year", 812.25), ("lifetime", 5123.0)):
            sim.set(30, f"energy_from_pv_{key}", energy)
        refs = [Ref("mppt60_30", f"pv_energy_{key}") for key in ("today", "week", "month", "year", "total")]
        sim.requests.clear()
        report = await client.read(refs)
        assert [reading.value for reading in report.readings.values()] == [4.321, 20.5, 99.1, 812.25, 5123.0]
        assert [(request.address, request.count) for request in sim.requests if request.address >= 0x66] == [(0x6A, 18)]


async def test_units_are_where_the_installer_has_put_them() -> None:
    async with identified(gateway="gateway", units=("xw@11", "ags", "mppt80", "mppt80", "battery_monitor")) as (
        _,
        client,
    ):
        assert [each.address for each in client.installation.all_units] == [1, 11, 170, 171, 190, 50]
    # Beyond the usual ranges the owner has to say it.
    async with identified(units=("xw@150", "mppt60"), settings={"unit_addresses": "149-150, x"}) as (_, client):
        assert {each.id for each in client.installation.units} == {"xw_150", "mppt60_30"}
    async with identified(units=("xw@240",), settings={"search_all_addresses": True}) as (_, client):
        assert {each.id for each in client.installation.units} == {"xw_240"}


async def test_the_search_says_how_far_it_is() -> None:
    told: list[tuple[float, str]] = []
    async with simulated() as (_, port), client_on(port) as client:
        await client.identify(lambda share, name: told.append((share, name)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert any(name.startswith("unit") for _, name in told)


@pytest.mark.parametrize(
    ("absent_code", "slow"), [(0x0B, False), (0x0A, False), (0x02, False), (0x01, False), (0, True)]
)
async def test_absent_units_whatever_the_gateway_says_of_them(absent_code: int, slow: bool) -> None:
    async with identified(HASTY if slow else PATIENT, absent_code=absent_code) as (_, client):
        assert [each.id for each in client.installation.units] == ["xw_10", "mppt60_30", "mppt60_31"]


async def test_nothing_is_behind_it() -> None:
    peer = ModbusPeer({})
    async with client_on(await peer.listen()) as client:
        with pytest.raises(NoDeviceError):
            await client.identify()
    await peer.close()


async def test_sunspec_on_the_port_of_the_combox_is_recognised() -> None:
    peer = ModbusPeer({1: {40000: 0x5375, 40001: 0x6E53}})
    port = await peer.listen()
    door = Door(HOST, port)
    client = ConextClient(door, journal=Journal(), timing=PATIENT, settings={"keep_connection": "yes"})
    await client.connect(5.0)
    # The port that the owner has entered.
    door.port = 502
    with pytest.raises(SunSpecPortError, match="503"):
        await client.identify()
    await client.close()
    await peer.close()


async def test_without_a_port_both_are_tried() -> None:
    async with simulated() as (sim, port):
        door = Door(HOST, ports=(free_port(), port))
        client = ConextClient(door, journal=Journal(), timing=PATIENT, settings={"keep_connection": "yes"})
        installation = await client.identify()
        assert (installation.root.kind, door.port) == ("combox", port)
        await client.close()
        assert sim.connects == 1


async def test_a_gateway_that_does_not_answer_for_itself() -> None:
    async with simulated() as (sim, port), client_on(port) as client:
        sim.remove(201)
        installation = await client.identify()
        assert installation.root.serial == HOST
        assert client.points(installation.root) == {}
        assert (await client.read(LIVE)).failed == {}


# Identity


@pytest.mark.parametrize("code", [0x02, 0x04])
async def test_identity_falls_back_where_the_serial_number_cannot_be_read(code: int) -> None:
    async with identified(gateway="gateway", serial_code=code) as (_, client):
        assert unit(client, "xw_10").serial == "00A1B2CA"
    async with identified(gateway="gateway", serial_code=code, unique_code=code) as (_, client):
        root = client.installation.root
        assert unit(client, "xw_10").serial == f"{root.serial}_10"
        assert (await client.read(LIVE)).failed == {}


@pytest.mark.parametrize(("firmware", "told"), [("text", "1.08.00 BN 12"), ("number", "67584"), ("empty", "")])
async def test_firmware_as_text_as_a_number_or_not_at_all(firmware: str, told: str) -> None:
    async with identified(gateway="gateway", firmware=firmware) as (sim, client):
        assert unit(client, "xw_10").firmware == told
        known = client.installation
        # The same installation is known again.
        sim.requests.clear()
        assert await client.identify() == known
        assert len(sim.requests) < 15


async def test_what_is_known_is_not_asked_again() -> None:
    async with simulated() as (sim, port), client_on(port) as client:
        installation = await client.identify()
        whole = len(sim.requests)
        sim.requests.clear()
        saved = Installation(installation.root, installation.units, json.loads(json.dumps(installation.facts)))
        async with client_on(port) as other:
            other.expect(saved)
            assert other.installation == installation
            assert {each.id: set(other.points(each)) for each in installation.all_units} == {
                each.id: set(client.points(each)) for each in installation.all_units
            }
            await other.identify()
        assert len(sim.requests) < whole / 4


@pytest.mark.parametrize("change", ["firmware", "new unit", "other unit"])
async def test_a_changed_installation_is_found_out_again(change: str) -> None:
    async with identified() as (sim, client):
        known = client.installation
        match change:
            case "firmware":
                sim.set(30, "firmware_version", "2.00")
            case "new unit":
                sim.add("mppt60")
            case "other unit":
                sim.set(31, "hardware_serial_number", "B0000001")
        found = await client.identify()
        assert found != known
        assert len(found.units) == (4 if change == "new unit" else 3)


@pytest.mark.parametrize(
    "facts", [{}, {"version": 0}, {"version": 1, "units": 5}, {"version": 1, "order": "x", "units": {}}]
)
async def test_facts_of_another_shape_are_found_out_again(facts: dict[str, Any]) -> None:
    assert Facts.from_dict(facts) is None
    async with identified() as (_, client):
        installation = client.installation
    async with client_on(1) as other:
        other.expect(replace(installation, facts=facts))
        with pytest.raises(AttributeError):
            _ = other.installation


async def test_another_gateway_at_the_same_address() -> None:
    clock = Clock()
    async with identified(clock=clock) as (sim, client):
        installation = client.installation
        sim.set(201, "hardware_serial_number", "C9999S99999")
        clock.now += 4000
        with pytest.raises(WrongDeviceError, match="C9999S99999"):
            await client.read(LIVE)
        assert client.installation == installation
        sim.set(201, "hardware_serial_number", None)
        assert (await client.read(LIVE)).failed == {}


# Blocks and holes


async def test_the_live_values_cost_few_exchanges() -> None:
    async with identified() as (sim, client):
        refs = [
            ref
            for ref in shown(client)
            if ref.unit != "gateway" and client.points(unit(client, ref.unit))[ref.key].pace == "live"
        ]
        await client.read(refs)
        sim.requests.clear()
        await client.read(refs)
        assert len(refs) > 40
        assert len(sim.requests) <= 7
        assert max(request.count for request in sim.requests) <= 50


async def test_single_holes_that_are_refused_are_learnt_once() -> None:
    async with identified(single_holes=False) as (sim, client):
        assert client.installation.facts["units"]["xw_10"]["bridges"] is False
        first = await client.read(measured(client))
        assert first.failed == {}
        count = len(sim.requests)
        sim.requests.clear()
        await client.read(measured(client))
        assert len(sim.requests) <= count


async def test_missing_registers_are_no_points_and_are_never_asked_for() -> None:
    missing = ("xw.configuration_errors", "mppt60.configuration_errors", "xw.battery_temperature")
    async with identified(missing=missing) as (sim, client):
        assert "battery_temperature" not in client.points(unit(client, "xw_10"))
        assert "battery_temperature" in client.points(unit(client, "mppt60_30"))
        report = await client.read(measured(client))
        assert report.failed == {}
        hole = map_of(Kind.XW)["configuration_errors"].address
        assert not [
            each for each in sim.requests if each.unit == 10 and each.address <= hole < each.address + each.count
        ]
        with pytest.raises(UnknownPointError):
            client.group(Ref("xw_10", "nonsense"))


async def test_a_hole_of_new_firmware_is_learnt_while_reading() -> None:
    async with identified() as (sim, client):
        sim.faults.set("hole", 0x66)
        report = await client.read(LIVE)
        assert set(report.failed) == {Ref("xw_10", "grid_power")}
        assert isinstance(report.failed[Ref("xw_10", "grid_power")], NotSupportedError)
        assert 0x66 in client.installation.facts["units"]["xw_10"]["holes"]
        sim.requests.clear()
        await client.read(LIVE)
        assert not [
            each for each in sim.requests if each.unit == 10 and each.address <= 0x66 < each.address + each.count
        ]


@pytest.mark.parametrize("most", [40, 20, 10])
async def test_a_gateway_that_gives_less_at_once(most: int) -> None:
    async with identified(most_words=most) as (sim, client):
        assert client.installation.facts["block"] <= max(most, 10)
        assert (await client.read(measured(client))).failed == {}
        assert max(request.count for request in sim.requests) <= most


async def test_write_only_registers_are_never_read() -> None:
    async with identified(gateway="gateway", units=EVERYTHING) as (sim, client):
        await client.read(measured(client))
        for request in sim.requests:
            if request.unit == 12:
                covered = range(request.address, request.address + request.count)
                assert 0x00BF not in covered
                assert 0x01E9 not in covered


async def test_any_register_can_be_read_by_name_or_address() -> None:
    async with identified() as (_, client):
        xw = unit(client, "xw_10")
        point = client.find(xw, "search_delay")
        assert client.find(xw, hex(point.address.number)) == point
        report = await client.read([Ref("xw_10", point.key)])
        assert isinstance(report.readings[Ref("xw_10", point.key)].value, float)
        with pytest.raises(UnknownPointError):
            client.find(xw, "nonsense")


async def test_group_names_the_block() -> None:
    async with identified() as (_, client):
        assert client.group(Ref("xw_10", "battery_voltage")) == client.group(Ref("xw_10", "grid_power"))
        assert client.group(Ref("xw_10", "battery_voltage")) != client.group(Ref("xw_10", "load_shave"))
        assert client.group(Ref("xw_10", "battery_voltage")) != client.group(Ref("mppt60_30", "charger_status"))
        summed = Ref("xw_10", "grid_import_energy")
        assert client.group(summed) == summed


# Quirks


async def test_an_mppt_60_with_the_energies_of_an_mppt_80() -> None:
    async with identified(gateway="gateway", units=("mppt60",), mppt60_layout="mppt80") as (sim, client):
        assert client.installation.facts["units"]["mppt60_30"]["shifted"] is True
        sim.set(30, "energy_from_pv_today", 7.5)
        assert await read_one(client, "mppt60_30", "pv_energy_today") == 7.5
        assert (await client.read(measured(client))).failed == {}
    async with identified(gateway="gateway", units=("mppt60",)) as (_, client):
        assert client.installation.facts["units"]["mppt60_30"]["shifted"] is False


async def test_an_mppt_60_that_shows_no_input() -> None:
    async with identified(no_pv_input=True) as (sim, client):
        sim.set(30, "output_dc_power", 1234)
        assert await read_one(client, "mppt60_30", "pv_power") == 1234
        assert await read_one(client, "mppt60_30", "pv_current") == 0


async def test_no_temperature_sensor() -> None:
    async with identified(temperature_sensor=False) as (_, client):
        assert await read_one(client, "xw_10", "battery_temperature") is None


async def test_a_battery_monitor_without_health() -> None:
    async with identified(units=("xw", "battery_monitor")) as (_, client):
        assert await read_one(client, "battmon_190", "state_of_health") is None
    async with identified(units=("xw", "battery_monitor"), health=True) as (_, client):
        health = await read_one(client, "battmon_190", "state_of_health")
        assert isinstance(health, float)
        assert health > 50


@pytest.mark.parametrize("sign", [1, -1])
async def test_battery_power_does_not_depend_on_the_device_s_sign(sign: int) -> None:
    async with identified(battery_power_sign=sign) as (sim, client):
        sim.set(10, "battery_voltage", 50.0)
        sim.set(10, "battery_current", 10.0)
        assert await read_one(client, "xw_10", "battery_power") == -500.0


async def test_swapped_battery_energies_can_be_put_right() -> None:
    async with identified() as (sim, client):
        sim.set(10, "energy_from_battery_today", 3.0)
        sim.set(10, "energy_to_battery_today", 5.0)
        assert await read_one(client, "xw_10", "battery_discharge_energy_today") == 3.0
    async with identified(settings={"swap_battery_energy": True}) as (sim, client):
        sim.set(10, "energy_from_battery_today", 3.0)
        sim.set(10, "energy_to_battery_today", 5.0)
        assert await read_one(client, "xw_10", "battery_discharge_energy_today") == 5.0
        assert await read_one(client, "xw_10", "battery_charge_energy_today") == 3.0


async def test_registers_that_nothing_feeds() -> None:
    async with identified(unavailable="ones", units=EVERYTHING) as (_, client):
        report = await client.read(measured(client))
        assert report.failed == {}
        for ref, reading in report.readings.items():
            if isinstance(reading.value, float):
                assert abs(reading.value) < 1e9, ref


async def test_the_owner_s_word_on_the_order_of_words() -> None:
    async with simulated(order="msb") as (_, port), client_on(port, byte_order="msb") as client:
        await client.identify()
        assert client.installation.facts["order"] == "msb"
        voltage = await read_one(client, "xw_10", "battery_voltage")
        assert isinstance(voltage, float)
        assert 40 < voltage < 64


@pytest.mark.parametrize(("nominal", "low", "high"), [(48, 40.0, 52.0), (24, 20.0, 26.0)])
async def test_limits_follow_the_battery(nominal: int, low: float, high: float) -> None:
    async with identified(nominal=nominal) as (_, client):
        limits = await client.limits(Ref("xw_10", "low_battery_cut_out"))
        assert (limits.minimum, limits.maximum, limits.step) == (low, high, 0.1)
        percent = await client.limits(Ref("xw_10", "maximum_charge_rate"))
        assert (percent.minimum, percent.maximum) == (0, 100)
        assert (await client.limits(Ref("xw_10", "ac_priority"))).choices


@pytest.mark.parametrize(("gateway", "kept"), [("combox", True), ("gateway", False)])
async def test_the_connection_is_kept_as_the_gateway_likes_it(gateway: str, kept: bool) -> None:
    timing = replace(PATIENT, linger=0.02)
    async with identified(timing, gateway=gateway) as (sim, client):
        connects = sim.connects
        for _ in range(3):
            await client.read(LIVE)
            await asyncio.sleep(0.1)
            assert client.connected
        assert (sim.connects == connects) is kept
        assert sim.refused == 0
    async with identified(timing, gateway=gateway, settings={"keep_connection": "yes"}) as (sim, client):
        connects = sim.connects
        await asyncio.sleep(0.1)
        await client.read(LIVE)
        assert sim.connects == connects


async def test_a_gateway_that_tires_of_a_connection() -> None:
    async with identified(HASTY, gateway="gateway", connection_requests=20) as (sim, client):
        assert [each.id for each in client.installation.units] == ["xw_10", "mppt60_30", "mppt60_31"]
        assert (await client.read(measured(client))).failed == {}
        assert sim.refused == 0


async def test_registers_of_the_newer_gateways_are_none_of_a_combox() -> None:
    async with identified() as (sim, client):
        for key in ("force_sell", "warning_bitmap_1"):
            ref = Ref("xw_10", key)
            assert isinstance((await client.read([ref])).failed[ref], UnknownPointError)
        with pytest.raises(UnknownPointError):
            await client.write(Ref("xw_10", "force_sell"), True)
        assert sim.writes == []


# Alarms


async def test_faults_and_warnings_become_words_problems_and_events() -> None:
    async with identified() as (sim, client):
        event = Ref("xw_10", "fault_or_warning")
        refs = [Ref("xw_10", key) for key in ("fault", "warning", "active_alarms", "alarm_battery_low")] + [event]
        quiet = await client.read(refs)
        assert quiet.happenings == []
        assert (value(quiet, "xw_10", "fault"), value(quiet, "xw_10", "active_alarms")) == (False, "")
        sim.faults.set("inverter_fault")
        loud = await client.read(refs)
        assert value(loud, "xw_10", "fault") is True
        assert value(loud, "xw_10", "alarm_battery_low") is True
        assert "F48 DC under-voltage shutdown" in str(value(loud, "xw_10", "active_alarms"))
        assert [(each.kind, each.details["code"]) for each in loud.happenings] == [
            ("fault_begun", "F48"),
            ("fault_begun", "F57"),
        ]
        assert (await client.read(refs)).happenings == []
        sim.faults.clear("inverter_fault")
        sim.faults.set("warning")
        over = await client.read(refs)
        assert value(over, "xw_10", "warning") is True
        assert value(over, "xw_10", "fault") is False
        assert sorted(each.kind for each in over.happenings) == ["fault_over", "fault_over", "warning_begun"]


async def test_unknown_states_of_newer_firmware() -> None:
    async with identified() as (sim, client):
        sim.faults.set("unknown_state")
        assert await read_one(client, "xw_10", "inverter_status") == "other"
        assert await read_one(client, "mppt60_30", "charger_status") == "other"
        assert "other" in client.points(unit(client, "xw_10"))["inverter_status"].options.values()


# Units that go


async def test_a_unit_that_has_left_the_network_is_absent() -> None:
    async with identified() as (sim, client):
        await client.read(LIVE)
        sim.faults.set("device_gone", 30)
        gone, there = Ref("mppt60_30", "charger_status"), Ref("mppt60_31", "charger_status")
        report = await client.read([gone, there, *LIVE])
        assert set(report.failed) == {gone}
        assert isinstance(report.failed[gone], DeviceAbsentError)
        sim.faults.clear("device_gone")
        assert (await client.read([gone])).failed == {}


async def test_a_unit_that_is_lost_costs_only_itself() -> None:
    async with identified(HASTY, absent_code=0) as (sim, client):
        sim.faults.set("unit_lost", 30)
        gone, there = Ref("mppt60_30", "charger_status"), Ref("mppt60_31", "charger_status")
        report = await client.read([gone, there, *LIVE])
        assert set(report.failed) == {gone}


async def test_counters_for_life_neither_fall_nor_leap() -> None:
    async with identified() as (sim, client):
        ref = Ref("xw_10", "grid_import_energy_total")
        before = await read_one(client, "xw_10", ref.key)
        assert isinstance(before, float)
        sim.set(10, "grid_input_energy_lifetime", before + 2.0)
        assert await read_one(client, "xw_10", ref.key) == before + 2.0
        for wrong in (before - 1.0, before + 5000.0):
            sim.set(10, "grid_input_energy_lifetime", wrong)
            report = await client.read([ref])
            assert isinstance(report.failed[ref], BadAnswerError)
        # What stays is believed: the statistics were cleared.
        sim.set(10, "grid_input_energy_lifetime", 0.5)
        await client.read([ref])
        await client.read([ref])
        assert await read_one(client, "xw_10", ref.key) == 0.5


# Maintenance


async def test_the_nightly_maintenance_is_no_outage() -> None:
    clock = Clock()
    async with identified(HASTY, clock=clock) as (sim, client):
        before = await client.read(LIVE)
        sim.faults.set("maintenance")
        clock.now += 30
        during = await client.read(LIVE)
        assert during.failed == {}
        # The values are those of before, and say so.
        assert during.readings == before.readings
        assert client.connected
        with pytest.raises(MaintenanceError):
            await client.write(Ref("xw_10", "load_shave"), True)
        unknown = Ref("xw_10", "load_shave")
        assert isinstance((await client.read([unknown])).failed[unknown], MaintenanceError)
        sim.requests.clear()
        clock.now += 200
        await client.read(LIVE)
        assert sim.requests == []
        clock.now += 60
        sim.advance(400)
        after = await client.read(LIVE)
        assert after.failed == {}
        assert all(after.readings[ref].at > before.readings[ref].at for ref in LIVE)


async def test_a_maintenance_that_is_announced_for_ever_is_believed_once() -> None:
    clock = Clock()
    async with identified(clock=clock) as (sim, client):
        sim.set(201, "maintenance_status", 1)
        clock.now += 30
        await client.read(LIVE)
        clock.now += 300
        sim.requests.clear()
        assert (await client.read(LIVE)).failed == {}
        assert sim.requests


# Disturbances


async def test_a_gateway_that_is_away_is_left_alone_for_a_while() -> None:
    clock = Clock()
    async with identified(HASTY, clock=clock) as (sim, client):
        sim.faults.set("silence")
        for _ in range(5):
            with pytest.raises(NoAnswerError):
                await client.read(LIVE)
        sim.faults.clear("silence")
        count = len(sim.requests)
        with pytest.raises(NoAnswerError):
            await client.read(LIVE)
        assert len(sim.requests) == count
        clock.now += 40
        assert (await client.read(LIVE)).failed == {}


PASSING = (
    "lost_answer",
    "lost_request",
    "cut_frame",
    "garbage",
    "wrong_transaction",
    "wrong_unit",
    "disconnect",
    "busy",
)


@pytest.mark.parametrize("fault", PASSING)
async def test_one_bad_answer_is_made_good_by_asking_again(fault: str) -> None:
    async with identified(HASTY) as (sim, client):
        sim.faults.set(fault, count=1)
        report = await client.read(LIVE)
        assert report.failed == {}
        assert len(report.readings) == len(LIVE)


@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_every_fault_by_name_leaves_only_our_errors_and_is_survived(fault: str) -> None:
    clock = Clock()
    async with identified(HASTY, clock=clock) as (sim, client):
        refs = [*LIVE, Ref("mppt60_30", "charger_status"), Ref("gateway", "pv_power")]
        await client.read(refs)
        sim.faults.set(fault, 0.3 if fault == "delay" else None)
        for _ in range(2):
            try:
                report = await client.read(refs)
            except SolarError:
                continue
            assert set(report.readings) | set(report.failed) == set(refs)
            for ref, reading in report.readings.items():
                point = client.points(unit(client, ref.unit))[ref.key]
                assert point.quantity is Quantity.STATE or reading.value is None or isinstance(reading.value, float)
        sim.faults.clear(fault)
        clock.now += 4000
        sim.advance(4000)
        report = await client.read(refs)
        left = {Ref("xw_10", "grid_power")} if fault == "hole" else set()
        assert set(report.failed) <= left


async def test_nobody_is_there() -> None:
    async with client_on(free_port()) as client:
        with pytest.raises(LinkError):
            await client.connect(1.0)
        with pytest.raises(LinkError):
            await client.identify()
        assert not client.connected


async def test_several_tasks_share_one_connection() -> None:
    async with identified(connections=1) as (sim, client):
        reports = await asyncio.gather(*(client.read(LIVE) for _ in range(5)))
        assert all(report.failed == {} for report in reports)
        assert sim.refused == 0


async def test_what_is_not_read_is_refused() -> None:
    async with identified() as (_, client):
        refs = [
            Ref("xw_10", "grid_import_energy"),
            Ref("xw_10", "refresh_configuration"),
            Ref("xw_10", "nonsense"),
            Ref("nobody", "x"),
        ]
        report = await client.read(refs)
        assert report.readings == {}
        assert [type(report.failed[ref]) for ref in refs] == [
            NotSupportedError,
            NotSupportedError,
            UnknownPointError,
            UnknownPointError,
        ]
