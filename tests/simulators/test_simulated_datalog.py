"""The datalog of the day on the card, its transfer on the wire, and the portal that takes it every night."""

import asyncio
from dataclasses import replace
from datetime import date, datetime

import pytest

from simulators.house import House
from simulators.studer import StuderSimulator, Upload
from tests.simulators.conftest import Installation
from tests.simulators.scom import CUSTOM, FILES, READ, WRITE, Answer, answers, ask, fetch, i32, info, request, write
from tests.simulators.wire import Client

NEW = 16


def _clock(*parts: int) -> datetime:
    year, month, day, hour, minute, second = (*parts, 0, 0, 0)[:6]
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - a wall clock has no zone


EVENING = _clock(2026, 6, 15, 23, 50)


async def _flag(client: Client) -> bool:
    return bool((await info(client, 101, 3000)).flags & NEW)


async def _transfer(client: Client, kind: int, property_id: int, data: bytes = b"") -> Answer:
    return await ask(client, request(501, READ, FILES, kind, property_id, data))


# The card


async def test_the_file_of_a_day_is_closed_half_a_minute_after_midnight(installation: Installation) -> None:
    sim, client = await installation(EVENING)
    sim.house.advance(10 * 60 + 28)
    assert not await _flag(client)
    assert await fetch(client, 1) == b""
    sim.house.advance(2)
    busy = await info(client, 101, 3000)
    assert (busy.code, busy.flags & NEW) == (0x13, NEW)
    sim.house.advance(6)
    assert await fetch(client, 1) == b"LG260615.CSV"
    assert await _flag(client)


async def test_a_file_holds_every_minute_of_every_device(installation: Installation) -> None:
    sim, client = await installation(EVENING, xtenders=2, phases=(1, 2), variotracks=1)
    sim.set_info(102, 3092, 51.25)
    sim.house.advance(11 * 60)
    lines = (await fetch(client, 2, b"LG260615.CSV\n")).decode("iso-8859-15").split("\r\n")
    assert lines.pop() == ""
    labels, numbers, devices, *rows = [line.split(";")[:-1] for line in lines]
    assert labels[0] == "v7.6"
    assert [row[0] for row in rows] == [f"15.06.2026 23:{minute}" for minute in range(50, 60)]
    assert {len(labels), len(numbers), len(devices), *(len(row) for row in rows)} == {len(labels)}
    column = list(zip(numbers, devices, strict=True)).index(("I3092", "L2-2"))
    assert {row[column] for row in rows} == {"51.25"}
    assert labels[column - 1 : column + 1] == ["XT-Ubat [Vdc]", ""]
    assert (numbers[-1], devices[-1], rows[-1][-1]) == ("I17999", "ALL", "0.00")
    mode = list(zip(numbers, devices, strict=True)).index(("I3028", "L1-1"))
    assert rows[0][mode].isdigit()
    assert ("I11043", "1") in zip(numbers, devices, strict=True)


async def test_units_that_come_get_their_columns(installation: Installation) -> None:
    sim, client = await installation(EVENING, variostrings=1)
    sim.house.advance(5 * 60)
    sim.add_unit("vs")
    sim.house.advance(6 * 60)
    lines = (await fetch(client, 2, b"LG260615.CSV")).decode("iso-8859-15").splitlines()
    headers = [line for line in lines if line.startswith("v7.6")]
    assert len(headers) == 2
    assert headers[1].count(";") == headers[0].count(";") + 5


async def test_settings_and_signals_of_the_datalogger(installation: Installation) -> None:
    sim, client = await installation(EVENING)
    await write(client, 501, 5032, i32(4))
    sim.house.advance(120)
    await write(client, 501, 5059, i32(1))
    sim.house.advance(6)
    assert (await fetch(client, 2, b"LG260615.CSV")).startswith(b"v7.6,XT-")
    await write(client, 501, 5101, i32(4))
    sim.house.advance(24 * 3600)
    assert await fetch(client, 1) == b"LG260615.CSV"
    await write(client, 501, 5075, i32(1))
    assert await fetch(client, 1) == b""


async def test_without_a_card_nothing_is_written(installation: Installation) -> None:
    sim, client = await installation(EVENING, flags=0x20)
    sim.house.advance(20 * 60)
    assert not await _flag(client)
    assert (await _transfer(client, 1, 0x21)).code == 0x2F


async def test_a_string_is_stored_with_the_file(installation: Installation) -> None:
    sim, client = await installation(EVENING)
    answer = await ask(client, request(501, WRITE, CUSTOM, 0, 1, b"boiler;48.5"))
    assert not answer.error
    assert (await ask(client, request(501, READ, CUSTOM, 0, 1))).error
    sim.house.advance(11 * 60)
    assert (await fetch(client, 2, b"LG260615.CSV")).endswith(b"boiler;48.5\r\n")


# The transfer


async def test_blocks_can_be_had_again_and_a_transfer_broken_off(installation: Installation) -> None:
    sim, client = await installation(EVENING)
    sim.house.advance(11 * 60)
    first = await _transfer(client, 2, 0x21, b"LG260615.CSV")
    second = await _transfer(client, 2, 0x23)
    again = await _transfer(client, 2, 0x24)
    assert first.data != second.data == again.data
    assert {first.property_id, second.property_id, again.property_id} == {0x22}
    end = await _transfer(client, 2, 0x25)
    assert (end.property_id, end.data) == (0x26, b"")
    assert (await _transfer(client, 2, 0x23)).code == 0x2E
    assert await _flag(client)


async def test_the_flag_falls_with_the_last_block(installation: Installation) -> None:
    sim, client = await installation(EVENING)
    sim.house.advance(11 * 60)
    answer = await _transfer(client, 2, 0x21, b"LG260615.CSV")
    while answer.property_id == 0x22:
        assert answer.flags & NEW
        answer = await _transfer(client, 2, 0x23)
    assert (answer.property_id, answer.flags & NEW) == (0x26, 0)


async def test_a_long_directory_comes_in_blocks(installation: Installation) -> None:
    sim, client = await installation(EVENING)
    names = [f"LG2601{day:02}.CSV" for day in range(1, 32)] + [f"LG2602{day:02}.CSV" for day in range(1, 29)]
    sim.gateway.card.files = dict.fromkeys(names, b"x")
    assert (await fetch(client, 1)).split(b"\n") == [name.encode() for name in names]


async def test_refused_transfers(installation: Installation) -> None:
    sim, client = await installation(EVENING)
    sim.house.advance(11 * 60)
    sim.gateway.card.corrupted.add("LG260615.CSV")
    assert (await _transfer(client, 2, 0x21, b"LG260615.CSV")).code == 0x30
    assert (await _transfer(client, 2, 0x21, b"LG260614.CSV")).code == 0x2F
    assert (await _transfer(client, 2, 0x23)).code == 0x2E
    assert (await _transfer(client, 3, 0x21)).code == 0x22
    assert (await _transfer(client, 1, 0x27)).code == 0x23
    assert (await ask(client, request(101, READ, FILES, 1, 0x21))).code == 0x21


async def test_switches_of_the_transfer(installation: Installation) -> None:
    sim, client = await installation(EVENING, name_needs_newline=True, name_separator="\r")
    sim.gateway.card.files = {"LG260101.CSV": b"a", "LG260102.CSV": b"b"}
    assert await fetch(client, 1) == b"LG260101.CSV\rLG260102.CSV"
    assert (await _transfer(client, 2, 0x21, b"LG260102.CSV")).code == 0x2F
    assert await fetch(client, 2, b"LG260102.CSV\n") == b"b"


# The portal


async def _night(installation: Installation, upload: Upload) -> tuple[StuderSimulator, Client]:
    """Return an installation whose portal has just begun to fetch the file."""
    sim, client = await installation(EVENING, upload=upload)
    sim.house.advance(11 * 60 + 10)
    assert sim.portal.transferring
    assert answers(await client.everything(0.05))[0].kind == FILES
    return sim, client


async def test_an_undisturbed_upload_completes(installation: Installation) -> None:
    sim, client = await installation(EVENING, upload=Upload(delay=30, seconds=90))
    sim.house.advance(10 * 60 + 40)
    assert await _flag(client)
    sim.house.advance(18)
    assert not sim.portal.transferring
    sim.house.advance(110)
    (night,) = sim.portal.nights
    assert (night.day, night.outcome, night.foreign) == (date(2026, 6, 15), "complete", 0)
    assert night.content == sim.gateway.card.files["LG260615.CSV"]
    assert night.ended is not None
    assert (night.ended - night.began).total_seconds() == pytest.approx(90, abs=4)
    assert sim.portal.dates == [date(2026, 6, 15)]
    seen = answers(await client.everything())
    assert {(answer.kind, answer.destination, answer.source) for answer in seen} == {(FILES, 1, 501)}
    assert [answer.property_id for answer in seen if answer.property_id == 0x26] == [0x26, 0x26]
    assert [bool(answer.flags & NEW) for answer in seen] == [True] * (len(seen) - 1) + [False]
    assert len(seen) == night.blocks
    assert not await _flag(client)


async def test_more_than_a_few_requests_make_it_fail(installation: Installation) -> None:
    sim, client = await _night(installation, Upload())
    for _ in range(4):
        await info(client, 101, 3000)
    (night,) = sim.portal.nights
    assert (night.outcome, night.foreign) == ("disturbed", 4)
    assert sim.portal.dates == []
    sim.house.advance(3600)
    assert len(sim.portal.nights) == 1
    assert await _flag_at_last(client)


async def _flag_at_last(client: Client) -> bool:
    """Return the flag after all that is still on the wire was taken."""
    await client.everything(0.05)
    return await _flag(client)


async def test_one_request_a_minute_is_borne(installation: Installation) -> None:
    sim, client = await _night(installation, Upload(seconds=45 * 60))
    while sim.portal.transferring:
        client.send(request(101, READ, 1, 3000, 1))
        await client.everything(0.02)
        sim.house.advance(60)
    (night,) = sim.portal.nights
    assert night.outcome == "complete"
    assert night.foreign >= 44


async def test_a_transfer_of_ones_own_mixes_up_the_portals(installation: Installation) -> None:
    sim, client = await _night(installation, Upload())
    while sim.portal.nights[0].blocks < 5:
        sim.house.advance(2)
    client.send(request(501, READ, FILES, 2, 0x21, b"LG260615.CSV"))
    await client.everything(0.05)
    sim.house.advance(200)
    assert [night.outcome for night in sim.portal.nights] == ["disturbed"]


async def test_another_attempt_after_a_failure(installation: Installation) -> None:
    sim, client = await _night(installation, Upload(tolerance=0, attempts=2, retry=600))
    await client.ask(request(101, READ, 1, 3000, 1), 0.05)
    sim.house.advance(800)
    assert [night.outcome for night in sim.portal.nights] == ["disturbed", "complete"]
    assert sim.portal.dates == [date(2026, 6, 15)]


@pytest.mark.parametrize(("skips", "outcome"), [(True, "skipped"), (False, "complete")])
async def test_a_file_that_was_read_before(installation: Installation, skips: bool, outcome: str) -> None:
    sim, client = await installation(EVENING, upload=Upload(delay=60, skips=skips))
    sim.house.advance(10 * 60 + 40)
    await fetch(client, 2, b"LG260615.CSV")
    sim.house.advance(300)
    assert [night.outcome for night in sim.portal.nights] == [outcome]


@pytest.mark.parametrize(("boot", "outcome"), [(60, "silent"), (2, "refused")])
async def test_a_gateway_that_resets_ends_the_upload(installation: Installation, boot: float, outcome: str) -> None:
    sim, _ = await _night(installation, Upload())
    sim.gateway.behaviour = replace(sim.gateway.behaviour, boot_seconds=boot)
    sim.stop_unit(501)
    sim.house.advance(300)
    assert [night.outcome for night in sim.portal.nights] == [outcome]


async def test_a_week_of_nights(installation: Installation) -> None:
    sim, client = await installation(
        _clock(2026, 3, 25, 12), upload=Upload(), zone="Europe/Zurich", clock_drift=20.0, clock_offset=-100.0
    )
    for _ in range(7):
        sim.house.advance(24 * 3600)
        await client.everything(0.01)
    assert [night.outcome for night in sim.portal.nights] == ["complete"] * 7
    assert sim.portal.dates == [date(2026, 3, 25 + day) for day in range(7)]
    assert sim.clock.error == pytest.approx(-100 + 7 * 20 - 3600, abs=1)
    # The remote control's midnight comes ever earlier.
    begins = [night.began.minute * 60 + night.began.second for night in sim.portal.nights]
    assert begins == sorted(begins, reverse=True)


async def test_the_upload_at_the_pace_of_the_wire(socket_enabled: None) -> None:
    seconds = 0.0
    house = House(seed=1, speed=1, start=EVENING, clock=lambda: seconds)
    async with StuderSimulator(house=house, pace=0.01, upload=Upload(seconds=4)) as sim:
        await sim.listen()
        seconds += 11 * 60 + 20
        for _ in range(400):
            seconds += 0.1
            if sim.portal.dates:
                break
            await asyncio.sleep(0.01)
        assert [night.outcome for night in sim.portal.nights] == ["complete"]
