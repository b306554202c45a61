"""The remote control's clock: drift, zone, daylight saving, and the day that it ends."""

from datetime import UTC, datetime, timedelta
from struct import unpack

import pytest

from tests.simulators.conftest import Installation
from tests.simulators.scom import MULTI, READ, ask, i32, info, read, request, write

EPOCH = datetime.fromtimestamp(0, UTC).replace(tzinfo=None)


def _clock(*parts: int) -> datetime:
    year, month, day, hour, minute, second = (*parts, 0, 0, 0)[:6]
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - a wall clock has no zone


async def test_drift_adds_up_and_setting_ends_it(installation: Installation) -> None:
    sim, client = await installation(clock_drift=30.0, clock_offset=5.0)
    assert sim.clock.error == pytest.approx(5)
    sim.house.advance(2 * 86400)
    assert sim.clock.error == pytest.approx(65)
    shown = EPOCH + timedelta(seconds=(await read(client, 501, 5002)).integer)
    assert (shown - sim.house.now).total_seconds() == 65
    right = int((sim.house.now - EPOCH).total_seconds())
    await write(client, 501, 5002, i32(right))
    assert sim.clock.error == pytest.approx(0)
    sim.house.advance(43200)
    assert sim.clock.error == pytest.approx(15)
    sim.clock.drift = -60.0
    sim.house.advance(43200)
    assert sim.clock.error == pytest.approx(-15)


@pytest.mark.parametrize(
    ("start", "change"), [(_clock(2026, 3, 28, 12), -3600), (_clock(2026, 10, 24, 12), 3600)], ids=["spring", "autumn"]
)
async def test_daylight_saving_passes_it_by(installation: Installation, start: datetime, change: float) -> None:
    sim, client = await installation(start, zone="Europe/Zurich")
    assert sim.clock.error == 0
    sim.house.advance(86400)
    assert sim.clock.error == change
    assert (await read(client, 501, 5002)).integer == int((start + timedelta(days=1) - EPOCH).total_seconds())
    assert sim.clock.utc - start.replace(tzinfo=sim.clock.zone).astimezone(UTC) == timedelta(days=1)
    assert sim.clock.local.replace(tzinfo=None) == start + timedelta(days=1, seconds=-change)


async def test_multiple_reads_and_messages_tell_its_time(installation: Installation) -> None:
    sim, client = await installation(clock_offset=3600.0)
    shown = int((sim.house.now - EPOCH).total_seconds()) + 3600
    answer = await ask(client, request(501, READ, MULTI, 1, 9, b"\xb8\x0b\x01"))
    assert unpack("<II", answer.data[:8])[1] == shown
    sim.add_message(0, value=7)
    message = await ask(client, request(501, READ, 3, 0, 0))
    assert unpack("<IHIIi", message.data) == (1, 0, 101, shown, 7)


async def test_the_days_of_the_counters_end_with_its_day(installation: Installation) -> None:
    sim, client = await installation(_clock(2026, 6, 15, 22, 30), clock_offset=3600.0)

    async def today_and_yesterday() -> tuple[float, float]:
        return (await info(client, 101, 3083)).value, (await info(client, 101, 3082)).value

    before = await today_and_yesterday()
    assert before[0] > 1
    sim.house.advance(29 * 60)
    grown = await today_and_yesterday()
    assert grown[0] > before[0]
    assert grown[1] == before[1]
    sim.house.advance(2 * 60)
    over = await today_and_yesterday()
    assert over[0] < 0.1
    assert over[1] == pytest.approx(grown[0], abs=0.1)
    sim.house.advance(65 * 60)
    later = await today_and_yesterday()
    assert later[0] > over[0]
    assert later[1] == over[1]
    sim.house.advance(10 * 3600)
    assert (await info(client, 701, 15017)).value > 0


async def test_setting_it_over_midnight_ends_the_day(installation: Installation) -> None:
    sim, client = await installation(_clock(2026, 6, 15, 23, 58))
    late = int((_clock(2026, 6, 16, 0, 5) - EPOCH).total_seconds())
    await write(client, 501, 5002, i32(late))
    sim.house.advance(2)
    assert (await info(client, 101, 3083)).value < 0.01
    # Setting it back does not end the day again.
    await write(client, 501, 5002, i32(late - 600))
    sim.house.advance(2)
    yesterday = (await info(client, 101, 3082)).value
    sim.house.advance(60)
    assert (await info(client, 101, 3082)).value == yesterday
