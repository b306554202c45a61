"""The Pylontech client against the simulated batteries, which were written from the reference by themselves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from custom_components.local_solar.solarlink.errors import HighVoltageStackError, SolarError
from custom_components.local_solar.solarlink.links.backoff import Backoff
from custom_components.local_solar.solarlink.links.serial import SerialWire
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.links.wire import Wire
from custom_components.local_solar.solarlink.points import Ref
from custom_components.local_solar.solarlink.pylontech.client import PylontechClient
from custom_components.local_solar.solarlink.pylontech.port import ConsolePort
from simulators.house import House
from simulators.pylontech import LAYOUTS, PylontechSimulator
from simulators.pylontech.faults import FAULTS

from .pylon import HASTY, HOST, client_for, measured, value

pytestmark = pytest.mark.usefixtures("socket_enabled")

QUICK = replace(HASTY, first=1.0, idle=0.6, prompt=0.1, quiet=0.02, answer=0.25)
LOW = [name for name in LAYOUTS if name != "HV"]
RS485_ONLY = {"wrong_checksum", "wrong_length", "cut_frame", "wrong_address", "return_code"}
DATA = {
    *("frozen", "clock_drift", "alarm", "system_error", "missing_module", "over_full", "negative_temperatures"),
    "no_barcode",
}
REFUSALS = {"unknown_command", "command_failed", "return_code"}
CONSOLE_ONLY = {
    *("no_echo", "glued_prompt", "no_at", "no_prompt", "late_prompt", "line_ends", "unsolicited", "unsolicited_inside"),
    *("foreign", "lost_rows", "cut_reply", "unknown_command", "command_failed"),
}
ARGUMENTS = {"delay": 0.1, "late_prompt": 0.05, "restart": 0.5}
"""Those that differ from what the simulator takes by itself, because a test must not wait long."""
LINES = set(FAULTS) - DATA - {"restart"}


@asynccontextmanager
async def simulated(rs485: bool = False, **options: Any) -> AsyncIterator[tuple[PylontechSimulator, PylontechClient]]:
    """A stack in a house that stands still, and a client over TCP."""
    protocol: Any = "rs485" if rs485 else "console"
    async with PylontechSimulator(house=House(seed=1, speed=0), pace=0.0, protocol=protocol, **options) as sim:
        wire = TcpWire(HOST, await sim.listen(), Backoff(0.01, 0.02))
        client = client_for(wire, QUICK, rs485=rs485, group=sim.behaviour.group)
        try:
            yield sim, client
        finally:
            await client.close()


def shown(client: PylontechClient) -> list[Ref]:
    """What people look at."""
    return [ref for ref in measured(client) if ref.key in ("state_of_charge", "battery_voltage", "cycles")]


@pytest.mark.parametrize("layout", LOW)
async def test_every_layout(layout: str) -> None:
    async with simulated(layout=layout) as (_, client):
        await client.identify()
        assert client.installation.facts["layout"] == ("A" if layout == "A_pytes" else layout)
        assert client.installation.facts["doubtful"] == []
        report = await client.read(measured(client))
        assert not report.failed
        assert value(report, "stack", "modules_answering") == 3


async def test_a_tower() -> None:
    async with simulated(layout="HV") as (_, client):
        with pytest.raises(HighVoltageStackError):
            await client.identify()


@pytest.mark.parametrize(
    "options",
    [
        {"modules": 16, "layout": "C"},
        {"modules": (1, 3, 8), "layout": "A"},
        {"old_slaves": 2},
        *({"bat_form": form} for form in ("old", "new", "split_states", "no_current")),
        *({"enter": enter} for enter in ("both", "cr", "lf", "crlf")),
        *({"time_chip": chip} for chip in ("RTC", "")),
        {"pwrsys_always": True},
        {"rs485": True, "group": 3},
    ],
    ids=str,
)
async def test_what_firmwares_do_differently(options: dict[str, Any]) -> None:
    async with simulated(**options) as (sim, client):
        await client.identify()
        assert len(client.installation.units) == len(sim.stack.present)
        assert client.installation.facts["doubtful"] == []
        assert not (await client.read(measured(client))).failed


def cases(rs485: bool) -> list[str]:
    return sorted(LINES - (CONSOLE_ONLY if rs485 else RS485_ONLY) - REFUSALS)


@pytest.mark.parametrize(
    ("rs485", "fault"), [(rs485, fault) for rs485 in (False, True) for fault in cases(rs485)], ids=str
)
async def test_a_fault_of_the_line_that_comes_once_costs_no_value(rs485: bool, fault: str) -> None:
    async with simulated(rs485) as (sim, client):
        await client.identify()
        refs = shown(client)
        good = await client.read(refs)
        sim.faults.set(fault, ARGUMENTS.get(fault), count=1)
        report = await client.read(refs)
        assert not report.failed
        assert {ref: each.value for ref, each in report.readings.items()} == {
            ref: each.value for ref, each in good.readings.items()
        }


@pytest.mark.parametrize(
    ("rs485", "fault"),
    [
        *((False, fault) for fault in sorted(set(FAULTS) - RS485_ONLY)),
        *((True, fault) for fault in sorted((LINES | {"restart", "missing_module", "return_code"}) - CONSOLE_ONLY)),
    ],
    ids=str,
)
async def test_a_fault_that_stays_brings_own_errors_only_and_is_overcome(rs485: bool, fault: str) -> None:
    async with simulated(rs485) as (sim, client):
        await client.identify()
        refs = shown(client)
        await client.read(refs)
        sim.faults.set(fault, ARGUMENTS.get(fault))
        try:
            report = await client.read(refs)
        except SolarError:
            assert fault in LINES | {"restart"}
        else:
            assert report.readings.keys() | report.failed.keys() == set(refs)
        sim.faults.clear(fault)
        for _ in range(8):
            try:
                after = await client.read(refs)
            except SolarError:
                continue
            if not after.failed:
                break
        assert after.readings.keys() == set(refs)
        assert client.troubles == {}


async def test_an_alarm_and_a_system_error_are_told() -> None:
    async with simulated() as (sim, client):
        await client.identify()
        refs = measured(client, "stack")
        await client.read(refs)
        sim.faults.set("system_error", 2)
        report = await client.read(refs)
        assert value(report, "stack", "battery_state") == "system_error"
        assert {happening.details["module"] for happening in report.happenings} == {2}
        assert "system_error (2)" in value(report, "stack", "active_alarms")


async def test_an_old_console_is_woken_through_a_bridge_that_changes_its_speed() -> None:
    async with PylontechSimulator(house=House(seed=1, speed=0), pace=0.0, layout="A", asleep=True) as sim:
        wire = ConsolePort(f"rfc2217://{HOST}:{await sim.listen_rfc2217()}", rest=0.05)
        await _woken(wire, wire)


async def test_an_old_console_is_woken_on_a_port() -> None:
    async with PylontechSimulator(house=House(seed=1, speed=0), pace=0.0, layout="A", asleep=True) as sim:
        wire = ConsolePort(await sim.pty(), rest=0.05)
        await _woken(wire, wire)


async def _woken(wire: Wire, port: ConsolePort) -> None:
    client = client_for(wire, QUICK, wake=port.wake)
    try:
        await client.identify()
        assert not (await client.read(shown(client))).failed
    finally:
        await client.close()


async def test_a_bridge_that_cannot_change_its_speed_tells_its_owner() -> None:
    async with PylontechSimulator(house=House(seed=1, speed=0), pace=0.0, layout="A", asleep=True) as sim:
        client = client_for(SerialWire(f"socket://{HOST}:{await sim.listen()}", baudrate=115200), QUICK)
        try:
            with pytest.raises(SolarError, match="did not answer"):
                await client.identify()
            assert set(client.troubles) == {"console_asleep"}
        finally:
            await client.close()
