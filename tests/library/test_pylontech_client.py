"""The Pylontech client against a small console: what is there, its values, every disturbance by name."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from custom_components.local_solar.solarlink.client import Installation
from custom_components.local_solar.solarlink.errors import (
    BadAddressError,
    BadAnswerError,
    DeviceAbsentError,
    HighVoltageStackError,
    LinkError,
    NoAnswerError,
    NoDeviceError,
    NotSupportedError,
    NotWritableError,
    UnknownPointError,
    WrongDeviceError,
)
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.address import parse_address
from custom_components.local_solar.solarlink.links.backoff import Backoff
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.points import Limits, Ref
from custom_components.local_solar.solarlink.pylontech import FAMILY
from custom_components.local_solar.solarlink.pylontech.bus import Bus
from custom_components.local_solar.solarlink.pylontech.client import PylontechClient
from custom_components.local_solar.solarlink.pylontech.facts import Facts
from custom_components.local_solar.solarlink.pylontech.port import ConsolePort
from custom_components.local_solar.solarlink.pylontech.session import Console

from .pylon import (
    HASTY,
    HEADS,
    HOST,
    PATIENT,
    Battery,
    Cells,
    Pty,
    client_for,
    connected,
    identified,
    measured,
    stack,
    value,
)

pytestmark = pytest.mark.usefixtures("socket_enabled")

CHARGE = Ref("stack", "state_of_charge")
VOLTAGE = Ref("module2", "battery_voltage")
EVENT = Ref("stack", "battery_alarm")


def told(client: PylontechClient) -> set[str]:
    """The troubles of a client, each as the family declares it."""
    for key, details in client.troubles.items():
        assert set(FAMILY.troubles[key]) == set(details)
    return set(client.troubles)


# What is there


@pytest.mark.parametrize("layout", HEADS)
async def test_every_layout_is_identified_and_read(layout: str) -> None:
    async with identified(Battery(stack(1, 2), layout=layout)) as client:
        assert client.installation.facts["layout"] == layout
        report = await client.read(measured(client))
        assert not report.failed
        assert value(report, "stack", "state_of_charge") == 61.0
        assert value(report, "module1", "cycles") == 210
        assert value(report, "module2", "cell_voltage_15") == 3.302
        assert value(report, "module2", "remaining_capacity") == 45.14


@pytest.mark.parametrize("count", [1, 8, 16])
async def test_one_to_sixteen_modules_by_serial_number(count: int) -> None:
    async with identified(Battery(stack(*range(1, count + 1)))) as client:
        units = client.installation.units
        assert [unit.serial for unit in units] == [f"K{slot:015d}" for slot in range(1, count + 1)]
        assert client.installation.root.serial == "K000000000000001-stack"
        assert client.installation.root.model == f"{count} × US3000C"
        assert value(await client.read([Ref("stack", "modules_answering")]), "stack", "modules_answering") == count


async def test_a_gap_between_slots_breaks_nothing() -> None:
    async with identified(Battery(stack(1, 3))) as client:
        assert [unit.id for unit in client.installation.units] == ["module1", "module3"]
        report = await client.read([Ref("module3", "state_of_charge")])
        assert value(report, "module3", "state_of_charge") == 61.0


async def test_progress_is_told() -> None:
    seen: list[tuple[float, str]] = []
    async with connected(Battery()) as client:
        await client.identify(lambda share, name: seen.append((share, name)))
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert {"module 1", "module 2"} <= {name for _, name in seen}


async def test_only_what_a_module_has_is_a_point() -> None:
    modules = stack(1) | {2: Cells("OLD0000000000002", old=True, model="US2KBPL")}
    battery = Battery(modules)
    battery.refused = {"stat"}
    async with identified(battery) as client:
        new, old = (client.points(unit) for unit in client.installation.units)
        assert "mosfet_temperature" in new
        assert "mosfet_temperature" not in old
        assert "cell_voltage_15" in new
        assert "cell_voltage_16" not in new
        assert "cycles" not in new
        assert client.installation.facts["commands"] == ["bat", "pwr", "pwr_detail"]
        root = client.points(client.installation.root)
        assert "charge_voltage_limit" not in root
        assert {"battery_energy_in", "battery_energy_out", "battery_alarm", "clock_drift"} <= root.keys()


async def test_limits_of_the_stack_where_the_console_tells_them() -> None:
    battery = Battery()
    battery.system = True
    async with identified(battery) as client:
        report = await client.read(measured(client, "stack"))
        assert value(report, "stack", "discharge_current_limit") == 72.0
        assert battery.asked == ["pwr", "pwrsys"]


async def test_the_stack_is_weighed_by_rated_capacity() -> None:
    modules = {1: Cells("BIG1", soc=90, capacity=100), 2: Cells("SMALL", soc=30, capacity=50)}
    async with identified(Battery(modules)) as client:
        report = await client.read(measured(client, "stack"))
        assert value(report, "stack", "state_of_charge") == 70.0
        assert value(report, "stack", "lowest_state_of_charge") == 30.0
        assert value(report, "stack", "battery_power") == pytest.approx(198.084)


async def test_a_tower_is_refused() -> None:
    battery = Battery()
    battery.high_voltage = True
    async with connected(battery) as client:
        with pytest.raises(HighVoltageStackError):
            await client.identify()
        assert battery.asked == ["pwr"]


async def test_no_module_at_all() -> None:
    async with connected(Battery({})) as client:
        with pytest.raises(NoDeviceError):
            await client.identify()


async def test_modules_without_or_with_the_same_serial_number() -> None:
    modules = stack(1) | {2: Cells(""), 3: Cells("SAME"), 4: Cells("SAME")}
    async with identified(Battery(modules)) as client:
        serials = [unit.serial for unit in client.installation.units]
        assert serials == [f"K{1:015d}", f"K{1:015d}-2", f"K{1:015d}-3", f"K{1:015d}-4"]
        assert client.troubles == {"battery_module_without_serial": {"modules": "2, 3, 4"}}


async def test_a_header_that_nobody_knows_is_believed_when_it_comes_twice() -> None:
    layout = "Power Tempr Volt Curr NewOne Tlow Thigh Vlow Vhigh Base.St Coulomb Time"
    async with identified(Battery(layout=layout)) as client:
        assert client.installation.facts["layout"] == "?"
        assert value(await client.read([VOLTAGE]), "module2", "battery_voltage") == 49.521


async def test_a_reply_of_unknown_form_costs_only_its_own_values() -> None:
    battery = Battery()
    battery.spoil["bat"] = [lambda data: data.replace(b"mAH", b"Joule")] * 20
    async with connected(battery) as client:
        await client.identify()
        assert client.installation.facts["doubtful"] == ["bat"]
        assert "cell_voltage_1" not in client.points(client.installation.units[0])
        battery.spoil.clear()
        # The next look finds it.
        await client.identify()
        assert client.installation.facts["doubtful"] == []
        assert "cell_voltage_1" in client.points(client.installation.units[0])


# Reading


async def test_one_exchange_brings_all_that_one_command_tells() -> None:
    battery = Battery(stack(1, 2, 3, 4))
    async with identified(battery) as client:
        live = [ref for ref in measured(client) if client.group(ref) == ("pwr", 0)]
        assert len({ref.unit for ref in live}) == 5
        report = await client.read(live)
        assert battery.asked == ["pwr"]
        assert report.readings.keys() == set(live)
        battery.asked.clear()
        await client.read([Ref("module3", "cycles"), Ref("module3", "state_of_health"), Ref("module1", "cycles")])
        assert battery.asked == ["stat 1", "stat 3"]


async def test_several_readers_at_once_take_turns() -> None:
    battery = Battery(stack(1, 2, 3))
    async with identified(battery) as client:
        wanted = [[CHARGE], [Ref("module1", "cycles")], [Ref("module2", "cell_voltage_1")], [VOLTAGE]] * 5
        reports = await asyncio.gather(*(client.read(refs) for refs in wanted))
        assert not any(report.failed for report in reports)
        assert len(battery.asked) == 20


async def test_a_reading_that_is_given_up_disturbs_no_other() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery, HASTY) as client:
        for command in ("pwr", "bat"):
            battery.spoil[command] = [lambda data: b""]
            reading = asyncio.create_task(client.read([CHARGE, Ref("module1", "cell_voltage_1")]))
            await asyncio.sleep(0.05)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            assert not (await client.read([CHARGE, Ref("module2", "cycles")])).failed


async def test_what_is_not_there_or_not_read() -> None:
    async with identified(Battery()) as client:
        unknown, summed = Ref("module9", "cycles"), Ref("stack", "battery_energy_in")
        report = await client.read([CHARGE, unknown, summed])
        assert isinstance(report.failed[unknown], UnknownPointError)
        assert isinstance(report.failed[summed], NotSupportedError)
        assert CHARGE in report.readings
        assert (await client.read([])).readings == {}


async def test_the_clock_of_the_master_and_how_far_it_is_ahead() -> None:
    there = datetime(2026, 3, 4, 5, 6, 7).astimezone()
    async with connected(Battery(), wall_clock=lambda: there - timedelta(seconds=90)) as client:
        await client.identify()
        report = await client.read(measured(client, "stack"))
        assert value(report, "stack", "device_clock") == there
        assert value(report, "stack", "clock_drift") == 90


async def test_nothing_can_be_set() -> None:
    async with identified(Battery()) as client:
        assert await client.limits(CHARGE) == Limits()
        with pytest.raises(NotWritableError):
            await client.write(CHARGE, 50, confirmed=True)
        with pytest.raises(UnknownPointError):
            await client.write(Ref("stack", "nothing"), 1)


# What happens


async def test_alarms_come_and_go_as_events() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery) as client:
        assert (await client.read([CHARGE, EVENT])).happenings == []
        battery.modules[2].words["B.V.St"] = "UV"
        report = await client.read([CHARGE, EVENT, Ref("stack", "battery_problem")])
        assert value(report, "stack", "battery_problem") is True
        (happening,) = report.happenings
        assert (happening.ref, happening.kind) == (EVENT, "cell_voltage")
        assert happening.details == {"active": True, "state": "under", "module": 2, "serial": f"K{2:015d}"}
        assert (await client.read([EVENT])).happenings == []
        battery.modules[2].words.clear()
        (happening,) = (await client.read([EVENT])).happenings
        assert (happening.kind, happening.details["active"]) == ("cell_voltage", False)


async def test_faults_of_a_module_are_events_too() -> None:
    battery = Battery(stack(1, 2))
    fault = Ref("module1", "module_fault")
    async with identified(battery) as client:
        assert value(await client.read([fault]), "module1", "module_fault") is False
        battery.modules[1].events = (0, 0, 0x400)
        report = await client.read([fault])
        assert value(report, "module1", "module_fault") is True
        assert [happening.kind for happening in report.happenings] == ["charge_fet"]
        options = client.points(client.installation.root)["battery_alarm"].options.values()
        assert {happening.kind for happening in report.happenings} <= set(options)


async def test_a_module_is_lost_only_when_it_is_missed_twice_and_comes_back() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery) as client:
        await client.read([CHARGE])
        gone = battery.modules.pop(2)
        first = await client.read([CHARGE, VOLTAGE, Ref("module1", "battery_voltage")])
        assert isinstance(first.failed[CHARGE], BadAnswerError)
        assert isinstance(first.failed[VOLTAGE], BadAnswerError)
        assert value(first, "module1", "battery_voltage") == 49.521
        assert first.happenings == []
        second = await client.read([CHARGE, VOLTAGE, Ref("stack", "modules_answering")])
        assert isinstance(second.failed[VOLTAGE], DeviceAbsentError)
        assert value(second, "stack", "modules_answering") == 1
        assert [happening.kind for happening in second.happenings] == ["module_lost"]
        assert client.troubles == {"battery_module_missing": {"modules": "2"}}
        battery.asked.clear()
        third = await client.read([Ref("module2", "cycles"), CHARGE])
        assert isinstance(third.failed[Ref("module2", "cycles")], DeviceAbsentError)
        # What is away is not asked.
        assert battery.asked == ["pwr"]
        assert third.happenings == []
        battery.modules[2] = gone
        fourth = await client.read([CHARGE])
        assert [happening.kind for happening in fourth.happenings] == ["module_returned"]
        # Its values are there at once, though nobody asked for them.
        assert value(fourth, "module2", "battery_voltage") == 49.521
        assert client.troubles == {}


async def test_one_table_with_fewer_modules_is_not_believed() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery) as client:
        gone = battery.modules.pop(2)
        assert CHARGE in (await client.read([CHARGE, Ref("module1", "state_of_charge")])).failed
        battery.modules[2] = gone
        report = await client.read([CHARGE])
        assert CHARGE in report.readings
        assert report.happenings == []


async def test_a_module_that_is_plugged_in_joins() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery) as client:
        before = client.installation
        battery.modules |= stack(3)
        await client.read([CHARGE])
        assert client.installation is before
        await client.read([CHARGE])
        assert [unit.id for unit in client.installation.units] == ["module1", "module2", "module3"]
        assert client.installation.root == replace(before.root, model="3 × US3000C")
        assert value(await client.read([Ref("module3", "cycles")]), "module3", "cycles") == 210


async def test_a_module_that_is_exchanged_is_noticed() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery) as client:
        battery.modules.pop(2)
        for _ in range(2):
            await client.read([CHARGE])
        battery.modules[2] = Cells("NEWCOMER")
        with pytest.raises(BadAnswerError, match="another module is in slot 2"):
            await client.read([CHARGE])
        assert [unit.serial for unit in client.installation.units] == [f"K{1:015d}", "NEWCOMER"]
        assert value(await client.read([VOLTAGE]), "module2", "battery_voltage") == 49.521


# Knowing it again


def remembered(installation: Installation) -> Installation:
    """The installation as it comes back from the disk."""
    facts = json.loads(json.dumps(installation.facts))
    return Installation(installation.root, installation.units, facts)


async def restarted(battery: Battery, known: Installation, refs: list[Ref]) -> Any:
    """What a new client makes of an installation that an earlier one found."""
    async with connected(battery, HASTY) as client:
        client.expect(known)
        battery.asked.clear()
        return client, await client.read(refs)


async def test_after_a_restart_only_the_serial_numbers_are_asked_for() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery) as client:
        known = remembered(client.installation)
        points = {unit.id: list(client.points(unit)) for unit in client.installation.all_units}
    client, report = await restarted(battery, known, [CHARGE, VOLTAGE])
    assert battery.asked == ["info 1", "info 2", "pwr"]
    assert not report.failed
    assert {unit.id: list(client.points(unit)) for unit in client.installation.all_units} == points
    assert client.installation is known


async def test_another_battery_is_refused() -> None:
    async with identified(Battery(stack(1, 2))) as client:
        known = remembered(client.installation)
    with pytest.raises(WrongDeviceError, match="K000000000000001, but K000000000000007"):
        await restarted(Battery(stack(7) | {1: Cells(f"K{7:015d}"), 2: Cells("X2000")}), known, [CHARGE])


async def test_modules_in_another_order_are_found_anew() -> None:
    async with identified(Battery(stack(1, 2))) as client:
        known = remembered(client.installation)
    swapped = {1: Cells(f"K{2:015d}"), 2: Cells(f"K{1:015d}")}
    battery = Battery(swapped)
    async with connected(battery, HASTY) as client:
        client.expect(known)
        with pytest.raises(BadAnswerError, match="not those that were there"):
            await client.read([CHARGE])
        assert client.installation.root.serial == known.root.serial
        assert [unit.serial for unit in client.installation.units] == [f"K{2:015d}", f"K{1:015d}"]
        assert CHARGE in (await client.read([CHARGE])).readings


async def test_identify_of_a_known_stack_asks_little_and_finds_new_firmware() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery) as client:
        before = client.installation
        assert await client.identify() is before
        assert battery.asked == ["pwr", "info 1", "info 2"]
        battery.modules[1].firmware = "B70.1"
        assert (await client.identify()).root.firmware == "B70.1 V2.4"


async def test_a_module_that_is_away_stays_known() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery) as client:
        battery.modules.pop(2)
        installation = await client.identify()
        assert [unit.id for unit in installation.units] == ["module1", "module2"]
        assert client.troubles == {"battery_module_missing": {"modules": "2"}}
        report = await client.read([CHARGE, VOLTAGE])
        assert isinstance(report.failed[VOLTAGE], DeviceAbsentError)
        assert CHARGE in report.readings


@pytest.mark.parametrize(
    "facts", [{}, {"version": 0}, {"version": 1}, {"version": 1, "modules": 5}, {"version": 1, "modules": {"a": {}}}]
)
def test_facts_of_another_make_are_not_taken(facts: dict[str, Any]) -> None:
    assert Facts.from_dict(facts) is None


# Disturbances


def _lose(data: bytes) -> bytes:
    return data[:400] + data[460:]


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2] + b"\r\n\rpylon>"


DISTURBANCES: dict[str, Callable[[bytes], bytes]] = {
    "bytes lost in the middle": _lose,
    "cut short, then the prompt": _cut,
    "a prompt in the middle": lambda data: data.replace(b"\r\r\n2 ", b"\r\r\n\n\rpylon>\r\r\n2 "),
    "reply to another program before": lambda data: b"bat 1\n\r@\r\r\n0 1 2\r\n\r$$\r\n\rpylon>" + data,
    "line of the log after the echo": lambda data: data.replace(b"@", b"[I] state sync\r\n@", 1),
    "noise before": lambda data: b"\xff\x00\xfe~~" + data,
    "line of the log inside": lambda data: data.replace(b"\r\r\n2 ", b"\r\r\nThe device start charging.\r\r\n2 "),
    "line of the log in a row": lambda data: data.replace(b"Dischg", b"Dis\r\nThe device sleeps\r\nchg", 1),
    "a row twice": lambda data: data.replace(b"\r\r\n3 ", b"\r\r\n2 -\r\r\n3 "),
    "not confirmed": lambda data: data.replace(b"completed", b"complet"),
    "reply to another program": lambda data: b"bat 1" + data[3:],
    "no line ends but CR": lambda data: data.replace(b"\n", b""),
    "no line ends but LF": lambda data: data.replace(b"\r", b""),
}


@pytest.mark.parametrize("name", DISTURBANCES)
async def test_one_disturbed_reply_costs_at_most_a_retry(name: str) -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery, HASTY) as client:
        good = await client.read([CHARGE, VOLTAGE])
        battery.spoil["pwr"] = [DISTURBANCES[name]]
        report = await client.read([CHARGE, VOLTAGE])
        assert not report.failed
        assert {ref: reading.value for ref, reading in report.readings.items()} == {
            ref: reading.value for ref, reading in good.readings.items()
        }


@pytest.mark.parametrize("name", ["silence", "half a reply"])
async def test_one_silence_costs_a_retry(name: str) -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery, HASTY) as client:
        battery.spoil["pwr"] = [lambda data: b"" if name == "silence" else data[:300]]
        assert not (await client.read([CHARGE])).failed
        assert client.stats.retries == 1


async def test_damage_again_and_again_is_told() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery, HASTY) as client:
        battery.spoil["pwr"] = [_lose] * 100
        for _ in range(4):
            with pytest.raises(BadAnswerError):
                await client.read([CHARGE])
        assert told(client) == {"battery_replies_damaged"}
        battery.spoil.clear()
        assert CHARGE in (await client.read([CHARGE])).readings
        assert client.troubles == {}


async def test_a_digit_that_is_lost_moves_no_state_of_charge() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery, HASTY) as client:
        await client.read([CHARGE])
        battery.spoil["pwr"] = [lambda data: data.replace(b"61%", b"6%", 1)]
        assert value(await client.read([CHARGE]), "stack", "state_of_charge") == 61.0
        # What the battery itself says twice is believed.
        battery.modules[1].soc = battery.modules[2].soc = 100
        assert value(await client.read([CHARGE]), "stack", "state_of_charge") == 100.0


@pytest.mark.parametrize("wrong", [b"21", b"2100"])
async def test_a_counter_does_not_jump(wrong: bytes) -> None:
    battery = Battery(stack(1, 2))
    cycles = Ref("module1", "cycles")
    async with identified(battery, HASTY) as client:
        await client.read([cycles])
        battery.spoil["stat"] = [lambda data: data.replace(b"210", wrong)]
        assert value(await client.read([cycles]), "module1", "cycles") == 210
        battery.modules[1].cycles = 3
        assert value(await client.read([cycles]), "module1", "cycles") == 3


async def test_a_damaged_block_costs_no_other() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery, HASTY) as client:
        battery.spoil["bat"] = [_lose] * 3
        cells = Ref("module1", "cell_voltage_1")
        report = await client.read([CHARGE, cells])
        assert isinstance(report.failed[cells], BadAnswerError)
        assert CHARGE in report.readings


async def test_a_prompt_that_never_comes_after_the_reply() -> None:
    battery = Battery(stack(1, 2))
    battery.after = False
    async with identified(battery, HASTY) as client:
        assert not (await client.read([CHARGE, Ref("module1", "cycles")])).failed


@pytest.mark.parametrize("chunk", [1, 7, 64])
async def test_replies_come_in_small_pieces(chunk: int) -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery) as client:
        battery.chunk = chunk
        assert not (await client.read(measured(client))).failed
        assert (await client.command("log")).count("Index") == 10
        assert client.stats.retries == 0


@pytest.mark.parametrize("prompt", ["pylon>", "pylon_debug>", "PYTES>"])
async def test_all_prompts_and_a_console_without_echo(prompt: str) -> None:
    battery = Battery(stack(1, 2))
    battery.prompt, battery.echo = prompt, False
    async with identified(battery) as client:
        assert not (await client.read(measured(client))).failed


async def test_a_console_without_mark() -> None:
    battery = Battery(stack(1, 2))
    battery.mark = False
    async with identified(battery) as client:
        assert not (await client.read(measured(client))).failed


async def test_a_lost_connection_is_made_again() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery, HASTY) as client:
        battery.hang_up()
        await asyncio.sleep(0.05)
        assert not (await client.read([CHARGE])).failed
        # On the new connection the modules are checked.
        assert battery.asked == ["info 1", "info 2", "pwr"]
        assert client.stats.connects == 2


async def test_a_connection_that_breaks_in_the_middle() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery, HASTY) as client:

        def break_off(data: bytes) -> bytes:
            battery.hang_up()
            return b""

        battery.spoil["stat"] = [break_off]
        assert not (await client.read([CHARGE, Ref("module1", "cycles")])).failed
        # The modules are checked before anything of the new connection is believed.
        assert battery.asked[-4:] == ["info 1", "info 2", "pwr", "stat 1"]
        battery.spoil["stat"] = [break_off] * 10
        # What came before the break is not told either: who is behind the last connection is not known.
        with pytest.raises(LinkError):
            await client.read([CHARGE, Ref("module1", "cycles")])


async def test_nobody_listens() -> None:
    battery = Battery()
    port = await battery.listen()
    await battery.close()
    client = client_for(TcpWire(HOST, port, Backoff(0.01, 0.02)), HASTY)
    with pytest.raises(LinkError):
        await client.identify()
    await client.close()


async def test_a_battery_that_restarts_is_looked_for_again() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery, HASTY) as client:
        battery.silent = True
        with pytest.raises(NoAnswerError):
            await client.read([CHARGE])
        # A bridge that cannot change its speed cannot wake it either, and the owner is told.
        assert told(client) == {"console_asleep"}
        battery.silent = False
        assert not (await client.read([CHARGE])).failed
        assert client.troubles == {}


async def test_silence_over_and_over_opens_the_line_anew() -> None:
    battery = Battery(stack(1, 2))
    async with identified(battery, HASTY) as client:
        battery.silent = True
        for _ in range(client._line.FAILURES_UNTIL_REOPEN):
            with pytest.raises(NoAnswerError):
                await client.read([CHARGE])
        await client.connect(5.0)
        assert client.stats.connects == 2


# Commands


async def test_the_log_is_read_page_by_page() -> None:
    battery = Battery()
    async with identified(battery) as client:
        text = await client.command("log")
        assert battery.pages == 3
        assert text.count("Index") == 10
        assert "Press" not in text
        assert not (await client.read([CHARGE])).failed


async def test_harmless_commands_are_answered() -> None:
    async with identified(Battery()) as client:
        assert await client.command("time") == "Ds3231 2026-03-04 05:06:08"
        assert "US3000C" in await client.command("info  2")
        with pytest.raises(NotSupportedError, match="Unknown command"):
            await client.command("help")


@pytest.mark.parametrize(
    "text",
    [
        *("shut", "trst", "login debug", "logout", "config", "data", "prot", "ctrl", "updata", "eepw"),
        *("time 26 01 01 00 00 00", "pwr 17", "pwr 0", "pwr 1 2", "pwr\rshut", "pwr;shut", "PWR", "pwr \x00", ""),
    ],
)
async def test_everything_else_is_never_sent(text: str) -> None:
    battery = Battery()
    async with identified(battery) as client:
        with pytest.raises(NotSupportedError, match="only commands that read"):
            await client.command(text, confirmed=True)
        assert battery.asked == []


# The port


async def test_a_sleeping_battery_is_woken_at_1200_baud() -> None:
    battery = Battery(stack(1, 2))
    battery.awake = False
    port = Pty(battery)
    wire = ConsolePort(port.path, rest=0.05)
    client = client_for(wire, HASTY, wake=wire.wake)
    try:
        await client.identify()
        assert len(client.installation.units) == 2
        assert port.bauds == [115200, 1200, 115200]
        assert not (await client.read([CHARGE])).failed
    finally:
        await client.close()
        port.close()


async def test_a_battery_that_is_awake_is_not_woken() -> None:
    battery = Battery(stack(1, 2))
    port = Pty(battery)
    wire = ConsolePort(port.path, rest=0.05)
    client = client_for(wire, PATIENT, wake=wire.wake)
    try:
        await client.identify()
        assert port.bauds == [115200]
    finally:
        await client.close()
        port.close()


async def test_a_battery_that_is_off_stays_silent() -> None:
    battery = Battery(stack(1, 2))
    battery.silent = True
    port = Pty(battery)
    wire = ConsolePort(port.path, rest=0.05)
    client = client_for(wire, HASTY, wake=wire.wake)
    try:
        with pytest.raises(NoAnswerError):
            await client.identify()
        assert 1200 in port.bauds
        assert "console_asleep" not in client.troubles
    finally:
        await client.close()
        port.close()


@pytest.mark.parametrize(
    ("link", "wakes"),
    [
        ("/dev/ttyUSB0", True),
        ("rfc2217://192.0.2.1:2217", True),
        ("socket://192.0.2.1:8899", False),
        ("tcp://192.0.2.1", False),
    ],
)
def test_only_ports_that_can_change_their_speed_wake(link: str, wakes: bool) -> None:
    address = parse_address(link, schemes=FAMILY.schemes, default_port=FAMILY.default_port, family=FAMILY.name)
    client = FAMILY.open(address, journal=Journal())
    line = client._line  # type: ignore[attr-defined]
    assert isinstance(line, Console)
    assert (line._wake is not None) is wakes
    assert isinstance(line.wire, ConsolePort) is wakes


def test_rs485_is_chosen_by_a_setting() -> None:
    address = parse_address("tcp://192.0.2.1", schemes=FAMILY.schemes, default_port=8899, family=FAMILY.name)
    client = FAMILY.open(address, journal=Journal(), settings={"protocol": "rs485", "group": 1})
    assert isinstance(client._line, Bus)  # type: ignore[attr-defined]
    slow = FAMILY.open(address, journal=Journal(), settings={"reply_timeout": 12})
    assert slow._line.timing.first == 12.0  # type: ignore[attr-defined]
    with pytest.raises(BadAddressError):
        FAMILY.open(address.__class__("hid", path="/dev/hidraw0"), journal=Journal())


async def test_a_battery_that_stays_silent_is_told() -> None:
    battery = Battery(stack(1, 2))
    port = Pty(battery)
    wire = ConsolePort(port.path, rest=0.0)
    client = client_for(wire, replace(HASTY, probe=0.02, probes=1, wake_probes=1), wake=wire.wake)
    try:
        battery.silent = True
        for _ in range(client._line.FAILURES_UNTIL_TROUBLE):
            with pytest.raises(NoAnswerError):
                await client.identify()
        assert told(client) == {"battery_does_not_answer"}
        # It may be switched off: waking it once in a while is enough.
        assert port.bauds.count(1200) == 1
    finally:
        await client.close()
        port.close()
