"""The GX client against the simulated GX: what is there, its values, services that come and go, every disturbance."""

import asyncio
import io
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from custom_components.local_solar.solarlink.cli.main import main
from custom_components.local_solar.solarlink.client import Installation, Report
from custom_components.local_solar.solarlink.errors import (
    BadAddressError,
    BadAnswerError,
    DeviceRefusedError,
    LinkError,
    LinkLostError,
    ModbusOffError,
    NoAnswerError,
    NoGxError,
    NotSupportedError,
    ServiceGoneError,
    SolarError,
    UnknownPointError,
    WrongDeviceError,
)
from custom_components.local_solar.solarlink.family import Family
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.address import LinkAddress
from custom_components.local_solar.solarlink.points import Ref
from custom_components.local_solar.solarlink.victron_gx import FAMILY
from custom_components.local_solar.solarlink.victron_gx.client import BATTERY_TROUBLE
from custom_components.local_solar.solarlink.victron_gx.units import BATTERY_UNITS
from simulators.house import House
from simulators.micro_inverters import MicroInverter
from simulators.victron_gx import PORTAL_ID, GxService
from simulators.victron_gx.faults import FAULTS

from .conftest import free_port
from .modbus_peer import ModbusPeer
from .rig import measured, read_one, unit, value
from .victron_rig import HASTY, PATIENT, Clock, asked, client_on, identified, live, simulated

pytestmark = pytest.mark.usefixtures("socket_enabled")

SOC, CCL, STATE = Ref("system", "state_of_charge"), Ref("battery", "charge_current_limit"), Ref("vebus", "vebus_state")
GONE = {"battery_gone": CCL, "vebus_gone": STATE}


# What is there


async def test_everything_is_found_and_read() -> None:
    async with identified() as (_, client):
        assert [(each.id, each.address) for each in client.installation.all_units] == [
            ("system", 100),
            ("battery", 225),
            ("vebus", 227),
        ]
        assert client.installation.root.serial == PORTAL_ID
        assert len({each.serial for each in client.installation.all_units}) == 3
        assert client.troubles == {}
        assert client.connected
        refs = measured(client)
        report = await client.read(refs)
        assert report.failed == {}
        assert report.readings.keys() == set(refs)


async def test_signs_are_those_of_the_energy_dashboard() -> None:
    async with identified() as (sim, client):
        battery, grid = sim.house.battery, sim.house.grid
        battery.power, battery.current, battery.voltage, grid.power = 1234.0, 23.6, 52.3, -870.0
        report = await client.read(measured(client))
        assert value(report, "system", "battery_power") == value(report, "battery", "battery_power") == 1234.0
        assert value(report, "system", "battery_current") == value(report, "battery", "battery_current") == -23.6
        assert value(report, "system", "battery_direction") == "discharging"
        assert value(report, "system", "grid_power") == -870.0
        assert value(report, "system", "active_input") == "grid"
        assert value(report, "system", "state_of_charge") == 63.0
        assert value(report, "battery", "time_to_discharge") == pytest.approx(400 * 0.63 / 23.6 * 3600, abs=50)


async def test_three_phases_are_added_up() -> None:
    async with identified(phases=3) as (sim, client):
        sim.house.grid.power = 1000.0
        report = await client.read(measured(client))
        assert [value(report, "system", f"grid_power_l{phase}") for phase in (1, 2, 3)] == [500.0, 300.0, 200.0]
        assert value(report, "system", "grid_power") == 1000.0
        assert Ref("vebus", "ac_input_power_l3") in report.readings
    async with identified(phases=1) as (_, client):
        assert {key for key in client.points(unit(client, "vebus")) if key.endswith("_l2")} == set()


async def test_values_of_a_cycle_take_three_reads() -> None:
    async with identified() as (sim, client):
        await client.read(live(client))
        assert asked(sim) == [(100, 817, 44), (225, 258, 72), (227, 12, 53)]


async def test_refs_of_one_group_share_a_read() -> None:
    async with identified() as (sim, client):
        refs = measured(client)
        groups = {client.group(ref) for ref in refs}
        await client.read(refs)
        assert len(sim.requests) == len(groups)
        assert client.group(SOC) != client.group(Ref("system", "ess_set_point"))
        energy = Ref("system", "grid_import_energy")
        assert client.group(energy) == energy


async def test_draw_of_the_inverters_and_limits_of_the_battery() -> None:
    async with identified() as (sim, client):
        sim.house.micro_inverters.append(MicroInverter(rated=800.0, output=470.0))
        sim.charge_current_limit, sim.discharge_current_limit = 0.0, 40.0
        report = await client.read(measured(client))
        assert value(report, "system", "dc_system_power") == 500.0
        # The voltage is there, so the battery really wants no charge.
        assert value(report, "battery", "charge_current_limit") == 0.0
        assert value(report, "battery", "charge_enabled") is False
        assert value(report, "battery", "discharge_current_limit") == 40.0
        sim.dc_system_power = None
        assert await read_one(client, "system", "dc_system_power") == 0.0


async def test_names_that_the_owner_has_given() -> None:
    async with simulated() as (sim, port):
        sim.settings.settings["/Settings/SystemSetup/SystemName"] = "Hütte"
        sim.vebus.settings["/CustomName"] = "Quattro"
        async with client_on(port) as client:
            installation = await client.identify()
            assert [each.name for each in installation.all_units] == ["Hütte", "Battery", "Quattro"]


async def test_progress_goes_from_none_to_all() -> None:
    shares: list[float] = []
    async with simulated() as (_, port), client_on(port) as client:
        await client.identify(lambda share, name: shares.append(share))
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


async def test_no_gx() -> None:
    peer = ModbusPeer({100: dict.fromkeys(range(800, 806), 0), 1: {}})
    async with client_on(await peer.listen()) as client:
        with pytest.raises(NoGxError):
            await client.identify()
        peer.units.pop(100)
        with pytest.raises(NoGxError):
            await client.identify()
    await peer.close()


async def test_modbus_is_switched_off() -> None:
    async with client_on(free_port()) as client:
        with pytest.raises(ModbusOffError, match="switch the Modbus TCP server on"):
            await client.connect(5.0)
        with pytest.raises(ModbusOffError):
            await client.identify()
        assert not client.connected


async def test_nothing_is_asked_before_the_installation_is_known() -> None:
    async with simulated() as (sim, port), client_on(port) as client:
        with pytest.raises(AttributeError):
            _ = client.installation
        report = await client.read([SOC])
        assert isinstance(report.failed[SOC], UnknownPointError)
        assert sim.requests == []


async def test_points_of_controllers_are_listed_and_never_read() -> None:
    async with identified() as (sim, client):
        own = [Ref("system", key) for key, point in client.points(client.installation.root).items() if point.controller]
        report = await client.read(own)
        assert report.failed.keys() == set(own) != set()
        assert all(isinstance(error, NotSupportedError) for error in report.failed.values())
        assert sim.requests == []
        assert [client.group(ref) for ref in own] == own


async def test_points_that_are_not_there() -> None:
    async with identified() as (_, client):
        nowhere, energy = Ref("moon", "state_of_charge"), Ref("system", "pv_energy")
        report = await client.read([nowhere, energy, SOC])
        assert isinstance(report.failed[nowhere], UnknownPointError)
        assert isinstance(report.failed[energy], NotSupportedError)
        assert value(report, *SOC) == 63.0


# The battery


@pytest.mark.parametrize("at", [225, 226, 223, 239, 1, 20])
async def test_the_battery_is_found_where_it_is(at: int) -> None:
    async with identified(battery_unit=at) as (_, client):
        assert unit(client, "battery").address == at
        assert client.installation.facts["battery"] == at


async def test_a_battery_that_the_system_does_not_go_by_is_left() -> None:
    async with simulated(battery_unit=12) as (sim, port):
        sim.add_battery(225, 30.0)
        async with client_on(port) as client:
            await client.identify()
            assert unit(client, "battery").address == 12
            assert client.troubles == {}


async def test_no_battery_agrees_with_the_system() -> None:
    async with simulated(battery_unit=None) as (sim, port):
        sim.add_battery(225, 30.0)
        sim.add_battery(226, 80.0)
        async with client_on(port) as client:
            installation = await client.identify()
            assert installation.unit("battery") is None
            assert client.troubles == {BATTERY_TROUBLE: {"units": "225, 226"}}
        async with client_on(port, battery_unit=226) as client:
            await client.identify()
            assert client.troubles == {}
            assert await read_one(client, "battery", "state_of_charge") == 80.0


async def test_no_battery_at_all() -> None:
    async with identified(battery_unit=None, soc=0.0) as (sim, client):
        assert client.installation.unit("battery") is None
        assert client.troubles == {}
        # Without anybody who knows it, zero is no state of charge.
        assert await read_one(client, "system", "state_of_charge") is None
        assert await read_one(client, "system", "battery_voltage") is not None
        assert {request.unit for request in sim.requests} == {100}


@pytest.mark.parametrize("chosen", ["x", -5, 1000, "", None, []])
async def test_a_unit_id_that_is_none_looks_for_the_battery(chosen: Any) -> None:
    async with identified(settings={"battery_unit": chosen}) as (_, client):
        assert unit(client, "battery").address == 225


async def test_a_state_of_charge_of_zero_is_believed_of_a_battery_only() -> None:
    async with identified(soc=0.0) as (sim, client):
        assert await read_one(client, "system", "state_of_charge") == 0.0
        assert await read_one(client, "battery", "state_of_charge") == 0.0
        sim.faults.set("battery_gone")
        assert await read_one(client, "system", "state_of_charge") is None
        sim.faults.clear()
        sim.faults.set("battery_mute")
        assert await read_one(client, "system", "state_of_charge") is None


async def test_a_system_that_knows_no_state_of_charge_of_its_battery() -> None:
    async with identified() as (sim, client):
        sim.faults.set("no_state_of_charge")
        # The battery answers for itself, so its zero cannot be told from a real one.
        assert await read_one(client, "system", "state_of_charge") == 0.0
        sim.faults.set("battery_gone")
        report = await client.read([SOC, CCL])
        assert value(report, *SOC) is None
        assert isinstance(report.failed[CCL], ServiceGoneError)


async def test_a_battery_without_values() -> None:
    async with identified() as (sim, client):
        sim.faults.set("battery_mute")
        report = await client.read(measured(client, "battery"))
        assert report.failed == {}
        assert value(report, "battery", "charge_current_limit") is None
        assert value(report, "battery", "state_of_charge") is None
        assert value(report, "battery", "battery_temperature") is None
        assert value(report, "battery", "charge_enabled") is None


async def test_alarms() -> None:
    async with identified() as (sim, client):
        sim.battery.overrides |= {"/Alarms/LowVoltage": 1, "/Alarms/InternalFailure": 2}
        sim.vebus.overrides |= {"/Alarms/L1/Overload": 2}
        report = await client.read(measured(client))
        assert value(report, "battery", "battery_problem") is True
        assert value(report, "battery", "low_voltage_alarm") == "warning"
        assert value(report, "battery", "internal_failure_alarm") == "alarm"
        assert value(report, "battery", "high_voltage_alarm") == "none"
        assert value(report, "battery", "active_alarms") == "Low voltage (warning), Internal failure (alarm)"
        assert value(report, "vebus", "overload_alarm") == "alarm"
        assert value(report, "vebus", "vebus_problem") is True


async def test_the_grid_is_lost() -> None:
    async with identified() as (sim, client):
        sim.house.grid.connected = False
        sim.advance(60.0)
        report = await client.read(measured(client))
        assert value(report, "vebus", "vebus_state") == "inverting"
        assert value(report, "vebus", "vebus_input") == "disconnected"
        assert value(report, "system", "active_input") == "not_connected"


# Services that come and go


@pytest.mark.parametrize("fault", sorted(GONE))
async def test_a_service_that_leaves_costs_only_its_own_points(fault: str) -> None:
    async with identified() as (sim, client):
        refs = live(client)
        mine = {ref for ref in refs if ref.unit == GONE[fault].unit}
        sim.faults.set(fault)
        for _ in range(3):
            report = await client.read(refs)
            assert report.failed.keys() == mine
            assert all(isinstance(error, ServiceGoneError) for error in report.failed.values())
            assert report.readings.keys() == set(refs) - mine
        sim.faults.clear()
        report = await client.read(refs)
        assert report.failed == {}


async def test_a_service_that_is_away_costs_one_exchange() -> None:
    async with identified() as (sim, client):
        sim.faults.set("battery_gone")
        await client.read(measured(client, "battery"))
        assert len(sim.requests) == 1


async def test_a_battery_that_moves_is_found_again() -> None:
    clock = Clock()
    async with identified(clock=clock) as (sim, client):
        sim.move(sim.battery, 4)
        for seconds in (0.0, 599.0):
            clock.now += seconds
            report = await client.read([CCL, SOC])
            assert isinstance(report.failed[CCL], ServiceGoneError)
            assert value(report, *SOC) == 63.0
        clock.now += 1.0
        await client.read([CCL])
        assert unit(client, "battery").address == 4
        assert client.installation.facts["battery"] == 4
        assert unit(client, "battery").serial == f"{PORTAL_ID}-battery"
        report = await client.read([CCL])
        assert report.failed == {}


async def test_a_battery_that_stays_away_is_not_searched_for_all_the_time() -> None:
    clock = Clock()
    async with identified(clock=clock, settings={}) as (sim, client):
        sim.faults.set("battery_gone")
        await client.read([CCL])
        clock.now += 600.0
        sim.requests.clear()
        await client.read([CCL])
        assert len(sim.requests) > len(BATTERY_UNITS)
        clock.now += 599.0
        sim.requests.clear()
        await client.read([CCL])
        assert len(sim.requests) == 1
        assert client.installation.facts["battery"] == 225
        assert client.troubles == {}


async def test_the_owners_battery_is_not_searched_for() -> None:
    clock = Clock()
    async with identified(clock=clock, settings={"battery_unit": 225}) as (sim, client):
        sim.move(sim.battery, 4)
        for _ in range(3):
            clock.now += 700.0
            await client.read([CCL])
        assert {request.unit for request in sim.requests} <= {225, 100}


async def test_a_unit_that_comes_later_is_found() -> None:
    clock = Clock()
    async with identified(clock=clock, vebus_unit=None) as (sim, client):
        assert client.installation.unit("vebus") is None
        sim.move(sim.vebus, 228)
        clock.now += 3599.0
        await client.read([SOC])
        assert client.installation.unit("vebus") is None
        clock.now += 1.0
        await client.read([SOC])
        assert [each.id for each in client.installation.all_units] == ["system", "battery", "vebus"]
        assert await read_one(client, "vebus", "vebus_state") == "external_control"


async def test_a_failed_search_costs_no_values() -> None:
    clock = Clock()
    async with identified(HASTY, clock=clock) as (sim, client):
        sim.faults.set("battery_gone")
        await client.read([CCL])
        clock.now += 600.0
        usual = sim.server._service

        def silent(unit: int, address: int) -> GxService:
            if unit == 226:
                sim.faults.set("silence")
            return usual(unit, address)

        sim.server._service = silent  # type: ignore[method-assign]
        report = await client.read([CCL, SOC])
        assert value(report, *SOC) == 63.0
        assert "did not answer" in client.stats.last_error


# An installation that is known


async def restored(client: Any) -> Installation:
    """The installation as it comes back from disk."""
    installation: Installation = client.installation
    return replace(installation, facts=json.loads(json.dumps(dict(installation.facts))))


async def test_nothing_is_looked_for_that_is_known() -> None:
    async with identified() as (sim, client), client_on(sim.server.port) as second:
        second.expect(await restored(client))
        assert second.installation == client.installation
        report = await second.read([SOC, CCL])
        assert report.failed == {}
        # Who it is, and the two reads.
        assert asked(sim) == [(100, 800, 6), (100, 840, 4), (225, 259, 49)]
        sim.requests.clear()
        await second.read([SOC])
        assert asked(sim) == [(100, 840, 4)]


async def test_facts_of_another_version_are_not_used() -> None:
    async with identified() as (sim, client), client_on(sim.server.port) as second:
        second.expect(replace(client.installation, facts={"version": 0}))
        with pytest.raises(AttributeError):
            _ = second.installation


async def test_what_is_known_stays_known_while_it_is_away() -> None:
    async with identified() as (sim, client), client_on(sim.server.port) as second:
        second.expect(await restored(client))
        sim.faults.set("battery_gone")
        sim.faults.set("vebus_gone")
        installation = await second.identify()
        assert installation == client.installation
        report = await second.read([SOC, CCL, STATE])
        assert report.failed.keys() == {CCL, STATE}
        sim.faults.clear()
        assert (await second.read([SOC, CCL, STATE])).failed == {}


async def test_another_gx_answers() -> None:
    async with identified() as (sim, client), simulated(portal_id="c0619ab40000") as (_, port):
        async with client_on(port) as other:
            other.expect(await restored(client))
            with pytest.raises(WrongDeviceError, match=PORTAL_ID):
                await other.read([SOC])
            with pytest.raises(WrongDeviceError):
                await other.write(Ref("system", "ess_set_point"), 100)
            installation = await other.identify()
            assert installation.root.serial == "c0619ab40000"
        del sim


async def test_who_it_is_is_asked_after_every_lost_link_and_once_an_hour() -> None:
    clock = Clock()
    async with identified(clock=clock) as (sim, client):
        who = (100, 800, 6)
        await client.read([SOC])
        assert who not in asked(sim)
        clock.now += 3600.0
        await client.read([SOC])
        assert asked(sim).count(who) == 1
        await sim.drop()
        await client.read([SOC])
        assert asked(sim).count(who) == 2


# Other firmware


@pytest.mark.parametrize(
    "missing",
    [(842,), (843,), (830, 831), (267,), (1290, 1291), (31,), (2720, 2721), tuple(range(855, 920)), (820, 846, 860)],
)
async def test_a_firmware_that_lacks_registers(missing: tuple[int, ...]) -> None:
    async with identified(missing=missing) as (sim, client):
        refs = measured(client)
        report = await client.read(refs)
        assert report.failed == {}
        assert report.readings.keys() == set(refs)
        # What was refused is known by now.
        assert len(sim.requests) <= 7 + 2 * len(missing)
        assert all(request.function == 3 for request in sim.requests)
        json.dumps(client.installation.facts)


async def test_points_without_their_registers_are_not_offered() -> None:
    async with identified(missing=(842, 267, 1290)) as (_, client):
        assert "battery_power" not in client.points(client.installation.root)
        assert "battery_energy_in" not in client.points(client.installation.root)
        battery = client.points(unit(client, "battery"))
        assert "cell_voltage_spread" not in battery
        # One alarm less is no reason to tell of none.
        assert "battery_problem" in battery
        assert await read_one(client, "battery", "battery_problem") is False


async def test_a_register_that_goes_away_with_an_update() -> None:
    async with identified() as (sim, client):
        sim.battery.lose(307, 308)
        for _ in range(2):
            report = await client.read(measured(client, "battery"))
            assert {ref.key for ref in report.failed} == {"charge_current_limit", "discharge_current_limit"}
            assert all(isinstance(error, NotSupportedError) for error in report.failed.values())
            assert value(report, "battery", "charge_enabled") is True


# Disturbances


@pytest.mark.parametrize(
    "fault", ["lost_request", "lost_answer", "disconnect", "split", "wrong_transaction", "wrong_unit", "cut_frame"]
)
async def test_one_disturbance_is_borne(fault: str) -> None:
    timing = replace(HASTY, link=replace(HASTY.link, answer=0.5))
    async with identified(timing) as (sim, client):
        sim.faults.set(fault, count=1)
        report = await client.read([SOC, CCL, STATE])
        assert report.failed == {}
        assert value(report, *SOC) == 63.0


async def test_an_old_answer_is_not_taken_for_a_new_one() -> None:
    async with identified() as (sim, client):
        await client.read([CCL])
        sim.faults.set("stale")
        assert await read_one(client, "system", "state_of_charge") == 63.0
        assert client.stats.foreign == 1


async def test_garbage_ends_the_connection_and_not_the_client() -> None:
    async with identified(HASTY) as (sim, client):
        sim.faults.set("garbage")
        with pytest.raises((BadAnswerError, NoAnswerError, LinkError)):
            await client.read([SOC])
        sim.faults.clear()
        assert await read_one(client, "system", "state_of_charge") == 63.0


async def test_silence_is_told_at_once_and_passes() -> None:
    async with identified(HASTY) as (sim, client):
        sim.faults.set("silence")
        with pytest.raises(NoAnswerError):
            await client.read(live(client))
        sim.faults.clear()
        assert (await client.read(live(client))).failed == {}


async def test_silence_in_the_middle_keeps_what_was_read() -> None:
    async with identified(HASTY) as (sim, client):
        usual = sim.server._service

        def selective(unit: int, address: int) -> GxService:
            if unit == 227:
                sim.faults.set("lost_answer", count=1)
            return usual(unit, address)

        sim.server._service = selective  # type: ignore[method-assign]
        report = await client.read([SOC, STATE, CCL])
        assert value(report, *SOC) == 63.0
        # What comes after the silent one was not asked any more.
        assert isinstance(report.failed[STATE], NoAnswerError)
        assert report.failed.keys() == {STATE, CCL}


@pytest.mark.parametrize("code", [1, 3, 4])
async def test_every_request_is_refused(code: int) -> None:
    async with identified() as (sim, client):
        sim.faults.set("exception", code)
        report = await client.read([SOC, CCL])
        assert report.readings == {}
        assert all(isinstance(error, DeviceRefusedError) for error in report.failed.values())
        sim.faults.clear()
        if code != 1:
            assert (await client.read([SOC, CCL])).failed == {}


async def test_a_restart_of_the_gx_is_lived_through() -> None:
    timing = replace(PATIENT, first_rest=0.0, longest_rest=0.0)
    async with identified(timing) as (sim, client):
        sim.faults.set("restart", 40.0)
        with pytest.raises(LinkLostError):
            await client.read([SOC])
        sim.advance(40.0)
        # The GX is back before those that hang on it are.
        report = await client.read([SOC, CCL, STATE])
        assert value(report, *SOC) is None
        assert report.failed.keys() == {CCL, STATE}
        sim.advance(40.0)
        report = await client.read([SOC, CCL, STATE])
        assert report.failed == {}
        assert value(report, *SOC) == pytest.approx(63.0, abs=1.0)


async def test_a_closed_client_stays_closed() -> None:
    async with identified() as (_, client):
        await client.close()
        assert not client.connected
        with pytest.raises(LinkError):
            await client.read([SOC])


async def test_many_readers_at_once() -> None:
    async with identified() as (_, client):
        reports = await asyncio.gather(*(client.read(live(client)) for _ in range(8)))
        assert all(report.failed == {} for report in reports)


@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_no_fault_raises_anything_but_our_own_errors(fault: str) -> None:
    timing = replace(HASTY, first_rest=0.0, longest_rest=0.0)
    async with identified(timing) as (sim, client):
        sim.faults.set(fault, 0.3 if fault in ("delay", "restart") else None)
        for _ in range(2):
            report = Report()
            with suppress(SolarError):
                report = await client.read([SOC, CCL, STATE])
            assert all(isinstance(error, SolarError) for error in report.failed.values())
            # What is told must be right, whatever the fault.
            assert {reading.value for ref, reading in report.readings.items() if ref == SOC} <= {63.0, 0.0, None}


async def test_peer_that_answers_nonsense() -> None:
    async with simulated() as (_, port), client_on(port) as known:
        await known.identify()
        peer = ModbusPeer({})
        async with client_on(await peer.listen(), HASTY) as client:
            client.expect(known.installation)
            for answer in (b"\x03", b"\x03\x02\x00", b"\x83", b"\x03\x0c" + b"\xff" * 12, b"\x04\x00"):

                def nonsense(unit_id: int, body: bytes, answer: bytes = answer) -> bytes:
                    return answer

                peer.answer = nonsense
                with pytest.raises(SolarError):
                    await client.read([SOC])
        await peer.close()


# The family and the command line


def test_the_family() -> None:
    assert isinstance(FAMILY, Family)
    assert (FAMILY.key, FAMILY.default_port) == ("victron_gx", 502)
    client = FAMILY.open(LinkAddress("tcp", host="192.0.2.7"), journal=Journal())
    assert not client.connected
    with pytest.raises(BadAddressError):
        FAMILY.open(LinkAddress("serial", path="/dev/ttyUSB0"), journal=Journal())


async def test_a_house_that_lives() -> None:
    house = House(seed=3, speed=0)
    async with identified() as (sim, client):
        sim.plant.house = house
        for _ in range(24):
            house.advance(3600.0)
            report = await client.read(measured(client))
            assert report.failed == {}
            power = value(report, "system", "battery_power")
            assert isinstance(power, float)
            assert power == pytest.approx(house.battery.power, abs=1.0)
            assert value(report, "system", "grid_power") == pytest.approx(house.grid.power, abs=1.0)


def test_the_command_line_decodes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = "00 01 00 00 00 0d 64 03 0a 02 0b ff d6 ff 24 00 3f 00 02"
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert main(["decode", "victron_gx", "system", "--address", "840", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["values"]["system"]["state_of_charge"] == 63.0
