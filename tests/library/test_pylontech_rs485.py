"""The same stack over RS-485: one module at a time, the same points, every disturbance by name."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from custom_components.local_solar.solarlink.client import Installation
from custom_components.local_solar.solarlink.errors import (
    BadAnswerError,
    DeviceAbsentError,
    NoAnswerError,
    NotSupportedError,
    WrongDeviceError,
)
from custom_components.local_solar.solarlink.points import Pace, Ref
from custom_components.local_solar.solarlink.pylontech.client import PylontechClient

from .pylon import HASTY, BusBattery, Cells, connected, frame, measured, stack, value

pytestmark = pytest.mark.usefixtures("socket_enabled")

CHARGE = Ref("stack", "state_of_charge")
VOLTAGE = Ref("module2", "battery_voltage")
PROBLEM = Ref("stack", "battery_problem")


@asynccontextmanager
async def on_the_bus(battery: BusBattery, group: int = 0) -> AsyncIterator[PylontechClient]:
    async with connected(battery, HASTY, group=group) as client:
        await client.identify()
        battery.asked.clear()
        yield client


async def test_the_same_points_come_from_another_link() -> None:
    battery = BusBattery(stack(1, 2, 3))
    async with on_the_bus(battery) as client:
        assert [unit.serial for unit in client.installation.units] == [f"K{slot:015d}" for slot in (1, 2, 3)]
        assert client.installation.facts["protocol"] == "rs485"
        report = await client.read(measured(client))
        assert not report.failed
        assert value(report, "stack", "state_of_charge") == 61.0
        assert value(report, "stack", "battery_power") == pytest.approx(3 * 99.042)
        assert value(report, "module2", "cell_voltage_15") == 3.302
        assert value(report, "module2", "total_capacity") == 74.0
        assert value(report, "module2", "cycles") == 210
        assert value(report, "module2", "charge_voltage_limit") == 53.25
        assert value(report, "module2", "discharge_current_limit") == 36.8
        assert value(report, "module2", "charge_fet_on") is True
        assert "mosfet_temperature" not in client.points(client.installation.units[0])


async def test_only_what_is_wanted_is_asked_one_module_at_a_time() -> None:
    battery = BusBattery(stack(1, 2, 3))
    async with on_the_bus(battery) as client:
        await client.read([VOLTAGE])
        assert battery.asked == ["03 42"]
        battery.asked.clear()
        await client.read([CHARGE])
        assert battery.asked == ["02 42", "03 42", "04 42"]
        root = client.points(client.installation.root)
        assert root["battery_power"].pace is Pace.LIVE
        assert root["battery_problem"].pace is Pace.MINUTE


async def test_a_group_of_the_switches() -> None:
    battery = BusBattery(stack(1, 2), group=1)
    async with on_the_bus(battery, group=1) as client:
        assert len(client.installation.units) == 2
        await client.read([VOLTAGE])
        assert battery.asked == ["13 42"]


async def test_looking_for_modules_ends_after_two_silent_addresses() -> None:
    battery = BusBattery(stack(1, 2))
    async with connected(battery, HASTY) as client:
        await client.identify()
        asked = {text[:2] for text in battery.asked}
    assert asked == {"02", "03", "04", "05"}


@pytest.mark.parametrize("name", ["echo", "noise", "foreign", "bad checksum"])
async def test_disturbances_on_the_line(name: str) -> None:
    battery = BusBattery(stack(1, 2))
    async with on_the_bus(battery) as client:
        match name:
            case "echo":
                battery.hears_itself = True
            case "noise":
                battery.noise = b"\x00\xff~20\r"
            case "foreign":
                battery.noise = frame(7, 0, "00")
            case "bad checksum":
                battery.bad_sums = 1
        before = client.stats.retries
        report = await client.read([CHARGE])
        assert value(report, "stack", "state_of_charge") == 61.0
        assert client.stats.foreign == (2 if name == "foreign" else 0)
        assert client.stats.retries - before == (1 if name == "bad checksum" else 0)


async def test_checksums_that_are_always_wrong() -> None:
    battery = BusBattery(stack(1, 2))
    async with on_the_bus(battery) as client:
        battery.bad_sums = 1000
        with pytest.raises(BadAnswerError, match="wrong checksum"):
            await client.read([VOLTAGE])


async def test_a_silent_module_is_lost_after_two_looks_and_costs_the_totals_until_then() -> None:
    battery = BusBattery(stack(1, 2))
    async with on_the_bus(battery) as client:
        await client.read([CHARGE])
        gone = battery.modules.pop(2)
        first = await client.read([CHARGE, VOLTAGE, Ref("module1", "battery_voltage")])
        assert isinstance(first.failed[CHARGE], NoAnswerError)
        assert value(first, "module1", "battery_voltage") == 49.521
        second = await client.read([CHARGE, VOLTAGE, Ref("module1", "battery_voltage")])
        assert [happening.kind for happening in second.happenings] == ["module_lost"]
        third = await client.read([CHARGE, Ref("stack", "modules_answering"), Ref("module2", "charge_fet_on")])
        assert value(third, "stack", "modules_answering") == 1
        assert isinstance(third.failed[Ref("module2", "charge_fet_on")], DeviceAbsentError)
        battery.modules[2] = gone
        fourth = await client.read([VOLTAGE])
        assert [happening.kind for happening in fourth.happenings] == ["module_returned"]
        assert value(fourth, "module2", "battery_voltage") == 49.521


async def test_alarms_come_as_events() -> None:
    battery = BusBattery(stack(1, 2))
    async with on_the_bus(battery) as client:
        assert value(await client.read([PROBLEM]), "stack", "battery_problem") is False
        battery.modules[2].words["Volt.St"] = "UV"
        report = await client.read([PROBLEM])
        assert value(report, "stack", "battery_problem") is True
        (happening,) = report.happenings
        assert happening.kind == "module_voltage"
        assert (happening.details["module"], happening.details["state"]) == (2, "under")


async def test_a_module_that_does_not_know_a_command() -> None:
    battery = BusBattery(stack(1))
    battery.unknown = {0x92, 0x93, 0x96}
    async with on_the_bus(battery) as client:
        assert "charge_voltage_limit" not in client.points(client.installation.units[0])
        assert client.troubles == {"battery_module_without_serial": {"modules": "1"}}
        assert not (await client.read(measured(client))).failed
        with pytest.raises(NotSupportedError):
            await client.command("pwr")


async def test_another_battery_is_refused() -> None:
    async with on_the_bus(BusBattery(stack(1, 2))) as client:
        installation = client.installation
        known = Installation(installation.root, installation.units, json.loads(json.dumps(installation.facts)))
    other = BusBattery({1: Cells("OTHER00000000001")})
    async with connected(other, replace(HASTY, answer=0.1)) as client:
        client.expect(known)
        with pytest.raises(WrongDeviceError):
            await client.read([CHARGE])


async def test_a_known_stack_is_known_again_quickly_and_a_new_module_is_found() -> None:
    battery = BusBattery(stack(1, 2))
    async with on_the_bus(battery) as client:
        before = client.installation
        assert await client.identify() is before
        assert battery.asked == ["02 51", "02 96", "02 93", "02 93", "03 93", "04 42"]
        battery.modules |= stack(3)
        assert len((await client.identify()).units) == 3
        battery.modules.pop(2)
        # The slave that is silent now stays known.
        assert [unit.id for unit in (await client.identify()).units] == ["module1", "module2", "module3"]
        assert client.troubles == {"battery_module_missing": {"modules": "2"}}


async def test_nobody_answers() -> None:
    battery = BusBattery(stack(1))
    battery.silent = True
    async with connected(battery, HASTY) as client:
        with pytest.raises(NoAnswerError):
            await client.identify()
