"""The datalog of a day: what others fetch is noticed, what we fetch is whole, and what it says is understood."""

import time
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.errors import (
    BadAnswerError,
    DatalogWaitsError,
    DeviceBusyError,
    DeviceRefusedError,
    NoAnswerError,
    ValueKindError,
)
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.points import Ref
from custom_components.local_solar.solarlink.studer.client import StuderClient
from custom_components.local_solar.solarlink.studer.codec import Frame, Message
from custom_components.local_solar.solarlink.studer.datalog_table import Hour, Track, hourly
from custom_components.local_solar.solarlink.studer.traffic import Status, Traffic
from simulators.house import House
from simulators.studer import StuderSimulator, Upload

from .conftest import HASTY, PATIENT, MakeClient

HOST = "127.0.0.1"
EVENING = datetime(2026, 6, 15, 20, 50)  # noqa: DTZ001 - a wall clock has no zone
DAY = date(2026, 6, 15)


@pytest.fixture
async def installed(socket_enabled: None, make_client: MakeClient) -> AsyncIterator[Any]:
    """Builds an installation whose time stands still, and a client that has identified it."""
    made: list[StuderSimulator] = []

    async def build(timing: Any = PATIENT, **options: Any) -> tuple[StuderSimulator, StuderClient]:
        sim = StuderSimulator(house=House(seed=1, speed=0, start=EVENING), pace=0.0, **options)
        made.append(sim)
        client = make_client(TcpWire(HOST, await sim.listen()))
        await client.identify()
        client._exchange.timing = timing
        return sim, client

    yield build
    for sim in made:
        await sim.close()


async def night(sim: StuderSimulator) -> None:
    """Until the portal has taken the file of the day."""
    sim.house.advance(3 * 3600 + 15 * 60)
    assert sim.portal.dates == [DAY]


# What is seen of others


async def test_the_portals_transfer_is_seen_from_its_first_block_to_its_last(installed: Any) -> None:
    sim, client = await installed(upload=Upload())
    traffic, heard = client.traffic, []
    traffic.on_transfer = lambda: heard.append(traffic.transferring)
    sim.house.advance(3 * 3600 + 11 * 60 + 30)
    await client.glance()
    assert (traffic.transferring, traffic.new_file, traffic.files) == (True, True, 0)
    sim.house.advance(120)
    await client.glance()
    assert (traffic.transferring, traffic.new_file, traffic.files) == (False, False, 1)
    assert traffic.finished_at == traffic.transfer_at
    assert traffic.blocks == sim.portal.nights[0].blocks - 1
    assert set(heard) == {True, False}


async def test_a_disturbed_transfer_is_seen_to_break_off(installed: Any) -> None:
    sim, client = await installed(upload=Upload(tolerance=0))
    sim.house.advance(3 * 3600 + 11 * 60 + 30)
    await client.glance()
    await client.glance()
    assert sim.portal.nights[0].outcome == "disturbed"
    traffic = client.traffic
    assert traffic.broken_at is not None
    assert traffic.broken_at == traffic.transfer_at
    assert not traffic.transferring
    assert (traffic.new_file, traffic.files) == (True, 0)
    assert traffic.as_dict()["seconds_since_file_finished"] is None


async def test_our_own_transfer_is_nobody_elses(installed: Any) -> None:
    sim, client = await installed(upload=Upload())
    await night(sim)
    traffic = client.traffic
    await client.glance()
    seen = traffic.transfer_at
    sim.faults.set("duplicate")
    await client.read_datalog(DAY)
    assert (traffic.transfer_at, traffic.files) == (seen, 1)


def test_status_bits_come_from_every_answer() -> None:
    now = 5.0
    traffic = Traffic(lambda: now)
    assert traffic.as_dict()["new_file"] is None
    answer = Message(1, 1, 3000, 1, b"", is_answer=True)
    traffic.saw(Frame(101, 1, b"", flags=0x34), answer, ours=False)
    assert traffic.flags == Status.NEW_FILE | Status.CARD_PRESENT | Status.HAS_DATALOGGER
    assert (traffic.new_file, traffic.foreign, traffic.transferring) == (True, 1, False)
    shown = traffic.as_dict()
    assert (shown["new_file"], shown["card_full"], shown["seconds_since_transfer"]) == (True, False, None)


# Fetching


async def test_a_day_is_fetched_whole(installed: Any) -> None:
    sim, client = await installed(upload=Upload())
    await night(sim)
    assert await client.datalog_days() == [DAY]
    assert await client.read_datalog(DAY) == sim.gateway.card.files["LG260615.CSV"]
    assert len(sim.gateway.card.files["LG260615.CSV"]) > 10 * 512


async def test_a_gateway_that_wants_a_line_feed_behind_the_name(installed: Any) -> None:
    sim, client = await installed(upload=Upload(), name_needs_newline=True, name_separator="\r")
    await night(sim)
    sim.house.advance(86400)
    assert await client.datalog_days() == [DAY, DAY + timedelta(days=1)]
    assert await client.read_datalog(DAY) == sim.gateway.card.files["LG260615.CSV"]


async def test_lost_blocks_are_asked_for_again(installed: Any) -> None:
    sim, client = await installed(HASTY, upload=Upload())
    await night(sim)
    asked: list[int] = []

    def spoil() -> None:
        if sim.requests[-1].object_type == 0x0101:
            asked.append(sim.requests[-1].property_id)
        fault = {2: "lost_answer", 5: "wrong_checksum", 9: "reset_mid_frame"}.get(len(asked))
        if fault is not None and fault not in spoiled:
            spoiled.add(fault)
            sim.faults.set(fault, count=1)

    spoiled: set[str] = set()
    sim._serial.on_request.append(spoil)
    assert await client.read_datalog(DAY) == sim.gateway.card.files["LG260615.CSV"]
    assert asked[:11] == [0x21, 0x23, 0x24, 0x23, 0x23, 0x24, 0x23, 0x23, 0x23, 0x24, 0x23]


async def test_a_stripping_moxa_leaves_no_block_whole_and_that_is_said(installed: Any) -> None:
    sim, client = await installed(HASTY, upload=Upload(), delimiters="strip")
    await night(sim)
    await client.glance()
    # The end of the portal's transfer was damaged as well, so only its silence tells that it is over.
    client.traffic.clock = lambda: time.monotonic() + 120.0
    with pytest.raises(NoAnswerError):
        await client.read_datalog(DAY)
    assert not sim.gateway.files.under_way


async def test_what_the_portal_has_not_fetched_is_left_to_it(installed: Any) -> None:
    sim, client = await installed()
    sim.house.advance(3 * 3600 + 20 * 60)
    with pytest.raises(DatalogWaitsError):
        await client.read_datalog(DAY)
    with pytest.raises(DatalogWaitsError):
        await client.datalog_days()
    assert not any(request.object_type == 0x0101 for request in sim.requests)


async def test_nothing_is_fetched_while_the_portal_does(installed: Any) -> None:
    sim, client = await installed(upload=Upload())
    sim.house.advance(3 * 3600 + 11 * 60 + 30)
    with pytest.raises(DeviceBusyError):
        await client.read_datalog(DAY - timedelta(days=1))
    assert sim.portal.transferring


async def test_days_without_a_file(installed: Any) -> None:
    sim, client = await installed(upload=Upload())
    await night(sim)
    for day in (DAY + timedelta(days=1), DAY + timedelta(days=9)):
        with pytest.raises(ValueKindError):
            await client.read_datalog(day)
    with pytest.raises(DeviceRefusedError) as refused:
        await client.read_datalog(DAY - timedelta(days=30))
    assert refused.value.code == 0x2F
    sim.gateway.card.corrupted.add("LG260615.CSV")
    with pytest.raises(DeviceRefusedError) as refused:
        await client.read_datalog(DAY)
    assert refused.value.code == 0x30


# Understanding


async def test_the_hours_of_the_points(installed: Any) -> None:
    sim, client = await installed(upload=Upload(), variostrings=1)
    sim.set_info(101, 3092, 51.25)
    sim.set_info(102, 3101, 1.5)
    sim.set_info(601, 7031, 10.0)
    sim.house.advance(3600)
    sim.set_info(601, 7031, -30.0)
    sim.house.advance(2 * 3600 + 15 * 60)
    hours = {(each.ref, each.start.hour): each for each in client.datalog_hours(await client.read_datalog(DAY))}
    voltage = hours[Ref("xt1", "battery_voltage"), 21]
    assert (voltage.mean, voltage.minimum, voltage.maximum, voltage.minutes) == (51.25, 51.25, 51.25, 60)
    assert hours[Ref("xt2", "ac_output_power"), 22].mean == 1500.0
    current = hours[Ref("bms", "battery_current"), 21]
    assert (current.minimum, current.maximum) == (-30.0, 10.0)
    assert current.mean == pytest.approx((10 * 50 - 30 * 10) / 60, abs=1)
    assert hours[Ref("gateway", "total_pv_power"), 22].mean == 0.0
    assert hours[Ref("xt1", "battery_voltage"), 20].minutes == 10


HEADER = "v7.6;XT-Ubat [Vdc];;Solar power (ALL) [kW];\n;I3092;I3092;I17999;\n;L1-1;L2-2;ALL;\n"


def test_a_table_by_hand() -> None:
    text = HEADER + "16.04.2024 09:59;50;51;1;\n16.04.2024 10:00;52.5;;2;\n16.04.2024 10:01;53.5;x;nan;\n"
    ten = datetime(2024, 4, 16, 10)  # noqa: DTZ001
    found = hourly((text + "P1107;32;32;\nboiler;48.5\n").encode())
    assert [hour.start.hour for hour in found] == [9, 9, 9, 10, 10]
    assert found[3:] == [
        Hour(Track(3092, "L1-1"), ten, 53.0, 52.5, 53.5, 2),
        Hour(Track(17999, "ALL"), ten, 2.0, 2.0, 2.0, 1),
    ]


def test_a_second_header_has_columns_of_its_own() -> None:
    text = HEADER + "16.04.2024 10:00;50;51;1;\n"
    text += "v7.6,BSP-SOC [%],\r\n,I7032,\r\n,1,\r\n16.04.2024 10:01,87.5,\r\n"
    assert hourly(text.encode())[-1].track == Track(7032, "1")
    assert hourly(text.encode())[-1].mean == 87.5


@pytest.mark.parametrize("content", [b"", b"\0\xff", b"<html>", b"v7.6", b"v7.6;a;\n", b"16.04.2024 10:00;50;\n"])
def test_what_is_no_datalog(content: bytes) -> None:
    with pytest.raises(BadAnswerError):
        hourly(content)


@settings(max_examples=300, deadline=None)
@given(cut=st.integers(0, 400), junk=st.binary(max_size=40), place=st.integers(0, 400))
def test_damaged_files_give_less_or_an_error_of_ours(cut: int, junk: bytes, place: int) -> None:
    lines = "".join(f"16.04.2024 10:{minute:02};50;51;1;\n" for minute in range(8))
    content = (HEADER + lines).encode()
    damaged = content[:place] + junk + content[place + cut :]
    try:
        found = hourly(damaged)
    except BadAnswerError:
        return
    assert all(hour.minutes > 0 and hour.minimum <= hour.mean + 1e-9 <= hour.maximum + 2e-9 for hour in found)
