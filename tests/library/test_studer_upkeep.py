"""What the Studer client looks after by the way: messages, restarts, units that stop, come, go and change places."""

from dataclasses import replace

import pytest

from custom_components.local_solar.solarlink.client import Happening, Report
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.points import Ref
from custom_components.local_solar.solarlink.studer.client import StuderClient
from custom_components.local_solar.solarlink.studer.codec import ObjectType
from simulators.studer import StuderSimulator

from .conftest import PATIENT, MakeClient, MakeSim

HOST = "127.0.0.1"
MESSAGES = Ref("gateway", "messages")
VOLTAGE = Ref("xt1", "battery_voltage")
BOOST = Ref("xt1", "smart_boost_limit")
RESTLESS = replace(PATIENT, patrol=0.0, glance=0.0)
"""Everything that is looked after now and then is looked after at every read."""


async def connected(sim: StuderSimulator, make_client: MakeClient, **options: object) -> StuderClient:
    client = make_client(TcpWire(HOST, await sim.listen()), RESTLESS, None, **options)
    await client.identify()
    sim.requests.clear()
    return client


async def follower(
    sim: StuderSimulator, make_client: MakeClient, before: StuderClient, **options: object
) -> StuderClient:
    """The client after a restart of the program: it has what the one before has left on disk."""
    await before.close()
    journal = Journal()
    journal.load(before.journal.as_dict())
    client = make_client(TcpWire(HOST, await sim.listen()), RESTLESS, journal, **options)
    client.expect(before.installation)
    return client


def said(report: Report) -> list[tuple[str, object, object]]:
    assert all(happening.ref == MESSAGES for happening in report.happenings)
    return [(each.kind, each.details["number"], each.details["unit"]) for each in report.happenings]


# Messages


async def test_new_messages_are_reported_once_oldest_first(sim: StuderSimulator, make_client: MakeClient) -> None:
    sim.add_message(12, 101)
    client = await connected(sim, make_client)
    assert (await client.read([MESSAGES, VOLTAGE])).happenings == []
    sim.add_message(3, 101, timestamp=1_719_835_200)
    sim.add_message(16, 102, timestamp=1_719_835_260)
    sim.add_message(81, 701, timestamp=1_719_835_320)
    report = await client.read([VOLTAGE])
    assert said(report) == [("info", 3, "Xtender 1"), ("warning", 16, "Xtender 2"), ("warning", 81, "VarioString 1")]
    assert report.happenings[0] == Happening(
        MESSAGES,
        "info",
        {
            "number": 3,
            "text": "AC-In synchronization in progress",
            "unit": "Xtender 1",
            "time": "2024-07-01T12:00:00",
        },
    )
    assert (await client.read([MESSAGES])).happenings == []


async def test_messages_are_asked_for_only_when_there_are_some(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = make_client(TcpWire(HOST, await sim.listen()))
    await client.identify()
    sim.requests.clear()
    for _ in range(5):
        await client.read([MESSAGES, VOLTAGE])
    assert {request.object_type for request in sim.requests} == {ObjectType.INFO}


async def test_what_was_said_while_nobody_listened_is_reported_after_a_restart(
    sim: StuderSimulator, make_client: MakeClient
) -> None:
    sim.add_message(12, 101)
    first = await connected(sim, make_client)
    sim.add_message(16, 102)
    # The portal has read it too, so the gateway does not call it unread any more.
    sim.gateway.messages.pending = False
    second = await follower(sim, make_client, first)
    assert said(await second.read([MESSAGES])) == [("warning", 16, "Xtender 2")]
    third = await follower(sim, make_client, second)
    assert (await third.read([MESSAGES])).happenings == []


async def test_a_flood_of_messages_is_cut(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client)
    for minute in range(50):
        sim.add_message(16, 101, timestamp=1_719_835_200 + 60 * minute)
    report = await client.read([VOLTAGE])
    assert len(report.happenings) == 20
    assert report.happenings[-1].details["time"] == "2024-07-01T12:49:00"
    assert (await client.read([VOLTAGE])).happenings == []


async def test_history_can_be_read_and_what_is_new_in_it_is_news(sim: StuderSimulator, make_client: MakeClient) -> None:
    for number in (3, 12, 16):
        sim.add_message(number, 101, timestamp=1_719_835_200 + number)
    client = await connected(sim, make_client)
    sim.add_message(300, 999, timestamp=1_719_835_300)
    history = await client.read_messages(3)
    assert [(each["number"], each["kind"], each["unit"]) for each in history] == [
        (300, "info", "Studer device 999"),
        (16, "warning", "Xtender 1"),
        (12, "info", "Xtender 1"),
    ]
    assert said(await client.read([VOLTAGE])) == [("info", 300, "Studer device 999")]
    assert len(await client.read_messages(100)) == 4


async def test_a_gateway_without_messages(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client)
    assert await client.read_messages(5) == []
    sim.add_message(16, 101)
    assert said(await client.read([MESSAGES])) == [("warning", 16, "Xtender 1")]


# Units that stop


async def test_a_stopped_unit_is_a_trouble_until_it_works_again(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client)
    sim.set_info(102, 3049, 0)
    sim.add_message(19, 102, timestamp=1_719_835_200)
    await client.read([VOLTAGE])
    assert client.troubles == {
        "unit_halted": {"messages": "Xtender 2: Battery undervoltage (2024-07-01 12:00)"},
    }
    second = await follower(sim, make_client, client)
    await second.read([VOLTAGE])
    assert "unit_halted" in second.troubles
    sim.set_info(102, 3049, 1)
    await second.read([VOLTAGE])
    assert second.troubles == {}
    assert second.installation.facts["halted"] == {}


async def test_a_stopped_solar_charger_has_to_lose_its_error_too(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client)
    sim.set_info(701, 15049, 2)
    sim.add_message(82, 701)
    for _ in range(2):
        await client.read([VOLTAGE])
        assert "PV overvoltage" in client.troubles["unit_halted"]["messages"]
    sim.set_info(701, 15049, 0)
    await client.read([VOLTAGE])
    assert client.troubles == {}


# Restarts


async def test_what_ram_held_is_forgotten_when_its_unit_restarts(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client)
    other = Ref("xt2", "smart_boost_limit")
    await client.write(BOOST, 20)
    await client.write(other, 30)
    sim.restart(101)
    await client.read([VOLTAGE])
    readings = (await client.read([BOOST, other])).readings
    assert (readings[BOOST].value, readings[BOOST].stored) == (100.0, 100.0)
    assert readings[other].value == 30.0
    assert sim.ram == {(102, 1607): 30.0}


async def test_a_restart_without_a_message_is_one_of_all_units(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client)
    await client.read([VOLTAGE])
    backup = Ref("bms", "soc_for_backup")
    await client.write(backup, 35)
    sim.restart(601)
    assert not sim.gateway.messages.pending
    await client.read([VOLTAGE])
    assert (await client.read([backup])).readings[backup].value == 30.0


async def test_a_restart_while_nobody_looked(sim: StuderSimulator, make_client: MakeClient) -> None:
    first = await connected(sim, make_client)
    await first.read([VOLTAGE])
    await first.write(BOOST, 20)
    sim.restart(101)
    second = await follower(sim, make_client, first)
    await second.read([MESSAGES])
    assert (await second.read([BOOST])).readings[BOOST].value == 100.0


async def test_what_ram_held_is_put_back_if_the_owner_wants_it(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client, reapply_ram=True)
    charger = Ref("xt1", "charger_allowed")
    await client.write(BOOST, 20)
    await client.write(charger, False)
    # Meanwhile the owner has set one of them on the remote control.
    sim.set_flash(101, 1125, 0)
    sim.restart(101)
    await client.read([VOLTAGE])
    assert sim.ram == {(101, 1607): 20.0}
    assert not sim.flash_writes
    assert (await client.read([BOOST])).readings[BOOST].value == 20.0


async def test_settings_are_put_back_once_the_unit_answers_again(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client, reapply_ram=True)
    await client.write(BOOST, 20)
    sim.restart(101)
    sim.stop_unit(101)
    xt2 = Ref("xt2", "battery_voltage")
    await client.read([xt2])
    assert sim.ram == {}
    sim.house.advance(60)
    await client.read([xt2])
    assert sim.ram == {(101, 1607): 20.0}


# Who is there


def units(client: StuderClient) -> dict[str, str]:
    return {unit.id: unit.serial for unit in client.installation.units}


async def look_around(client: StuderClient, rounds: int = 20) -> None:
    for _ in range(rounds):
        await client.read([Ref("vs1", "pv_power")])


async def test_a_new_unit_appears(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client)
    before = client.installation
    sim.add_unit("vt", fid=0x00ABCDEF)
    await look_around(client)
    assert client.installation is not before
    assert units(client)["vt1"] == "00ABCDEF"
    assert "pv_power" in client.points(client.installation.units[2])


async def test_a_unit_that_is_gone_for_long_vanishes_and_comes_back(
    sim: StuderSimulator, make_client: MakeClient
) -> None:
    client = await connected(sim, make_client)
    serial = units(client)["xt2"]
    gone = sim.gateway.installation.units.pop(102)
    await client.read([Ref("vs1", "pv_power")])
    assert "xt2" in units(client)
    await look_around(client)
    assert "xt2" not in units(client)
    sim.gateway.installation.units[102] = gone
    await look_around(client)
    assert units(client)["xt2"] == serial


async def test_a_replaced_unit_has_a_history_of_its_own(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client)
    await client.write(BOOST, 20)
    sim.replace_unit(101, fid=0x00777777)
    await look_around(client, 4)
    assert units(client)["xt1"] == "00777777"
    assert (await client.read([BOOST])).readings[BOOST].value == 100.0


async def test_units_that_change_places_take_their_histories_along(
    sim: StuderSimulator, make_client: MakeClient
) -> None:
    client = await connected(sim, make_client)
    before = units(client)
    await client.write(BOOST, 20)
    sim.swap_units(101, 102)
    await look_around(client, 4)
    assert (units(client)["xt1"], units(client)["xt2"]) == (before["xt2"], before["xt1"])
    moved = Ref("xt2", "smart_boost_limit")
    readings = (await client.read([BOOST, moved])).readings
    assert (readings[BOOST].value, readings[moved].value) == (100.0, 20.0)


@pytest.mark.parametrize("absent", ["nan", "missing", "error"])
async def test_looking_around_is_one_small_question_at_a_time(
    absent: str, make_sim: MakeSim, make_client: MakeClient
) -> None:
    sim = make_sim(absent=absent)
    client = await connected(sim, make_client)
    for _ in range(12):
        before = len(sim.requests)
        await client.read([VOLTAGE])
        assert len(sim.requests) - before <= 2
    assert client.installation.root.serial


async def test_an_unchanged_installation_stays_the_same_object(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client)
    await client.read([VOLTAGE])
    before = client.installation
    await look_around(client, 12)
    assert client.installation is before


async def test_a_unit_whose_neighbour_is_away_is_found_again(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client)
    del sim.gateway.installation.units[101]
    installation = await client.identify()
    assert [unit.id for unit in installation.units] == ["xt2", "vs1", "vs2", "bms"]
