"""Settings of a GX: refused early, written only when different, never too often, read back."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.local_solar.solarlink.errors import (
    DeviceRefusedError,
    LinkError,
    ModbusReadOnlyError,
    NeedsConsentError,
    NoAnswerError,
    NotKeptError,
    NotSupportedError,
    NotWritableError,
    ServiceGoneError,
    TooSoonError,
    UnknownPointError,
    ValueChoiceError,
    ValueKindError,
    ValueRangeError,
    ValueStepError,
    WriteBudgetError,
    WriteUncertainError,
)
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.points import Limits, Ref
from custom_components.local_solar.solarlink.victron_gx.client import GxClient
from custom_components.local_solar.solarlink.victron_gx.writer import WRITES_PER_DAY
from simulators.victron_gx import PORTAL_ID, GxService, GxSimulator

from .victron_rig import HASTY, Clock, identified

pytestmark = pytest.mark.usefixtures("socket_enabled")

SET_POINT = Ref("system", "ess_set_point")
DISCHARGE = Ref("system", "maximum_discharge_power")
MODE = Ref("vebus", "vebus_mode")


def written(sim: GxSimulator) -> list[tuple[str, Any]]:
    return [(write.path.rpartition("/")[2], write.value) for write in sim.writes]


@pytest.mark.parametrize(
    ("key", "value", "path", "sent"),
    [
        ("ess_set_point", -250, "AcPowerSetPoint", -250),
        ("maximum_discharge_power", 40_000, "MaxDischargePower", 40_000),
        ("maximum_discharge_power", 0, "MaxDischargePower", 0),
        ("maximum_feed_in_power", 800.0, "MaxFeedInPower", 800),
        ("dvcc_charge_current", 60, "MaxChargeCurrent", 60),
        ("minimum_state_of_charge", 35, "MinimumSocLimit", 35),
        ("ess_mode", "external_control", "Hub4Mode", 3),
        ("feed_in_dc_excess", True, "OvervoltageFeedIn", 1),
        ("feed_in_ac_excess", True, "PreventFeedback", 0),
    ],
)
async def test_settings_are_set_and_read_back(key: str, value: Any, path: str, sent: float) -> None:
    async with identified() as (sim, client):
        reading = await client.write(Ref("system", key), value)
        assert reading.value == value
        assert written(sim) == [(path, sent)]
        report = await client.read([Ref("system", key)])
        assert report.readings[Ref("system", key)].value == value
        # One register goes with function 6, two with 16.
        functions = {request.function: request.count for request in sim.requests if request.function in (6, 16)}
        assert functions in ({6: 1}, {16: 2})


async def test_minus_one_lifts_a_limit() -> None:
    clock = Clock()
    async with identified(journal=Journal(clock=clock)) as (sim, client):
        assert (await client.write(DISCHARGE, 500)).value == 500.0
        clock.now += 10.0
        assert (await client.write(DISCHARGE, -1)).value == -1.0
        assert sim.requests[-2].words == (0xFFFF, 0xFFFF)
        assert sim.settings.settings["/Settings/CGwacs/MaxDischargePower"] == -1


async def test_the_inverter_and_charger() -> None:
    async with identified() as (sim, client):
        assert (await client.write(Ref("vebus", "ac_input_current_limit"), 16.5)).value == 16.5
        with pytest.raises(NeedsConsentError):
            await client.write(MODE, "off")
        assert (await client.write(MODE, "charger_only", confirmed=True)).value == "charger_only"
        assert written(sim) == [("CurrentLimit", 16.5), ("Mode", 1)]


async def test_nothing_is_written_that_is_already_so() -> None:
    async with identified() as (sim, client):
        for _ in range(3):
            assert (await client.write(SET_POINT, 50)).value == 50.0
        assert sim.writes == []
        assert client.journal.entry(PORTAL_ID, "ess_set_point").flash_writes == 0


async def test_once_in_ten_seconds_and_no_more() -> None:
    clock = Clock()
    async with identified(journal=Journal(clock=clock)) as (sim, client):
        await client.write(SET_POINT, 100)
        clock.now += 4.0
        with pytest.raises(TooSoonError, match="again in 6 s"):
            await client.write(SET_POINT, 200)
        # Another setting is another matter, and so is what is there already.
        await client.write(DISCHARGE, 900)
        await client.write(SET_POINT, 100)
        clock.now += 6.0
        await client.write(SET_POINT, 200)
        assert [value for _, value in written(sim)] == [100, 900, 200]


async def test_the_pause_outlives_the_client() -> None:
    clock = Clock()
    journal = Journal(clock=clock)
    async with identified(journal=journal) as (_, client):
        await client.write(SET_POINT, 100)
    kept = Journal(clock=clock)
    kept.load(journal.as_dict())
    async with identified(journal=kept) as (sim, client):
        with pytest.raises(TooSoonError):
            await client.write(SET_POINT, 200)
        assert sim.writes == []


async def test_the_budget_of_a_day() -> None:
    clock = Clock()
    journal = Journal(clock=clock)
    for _ in range(WRITES_PER_DAY):
        journal.wrote_flash(PORTAL_ID, "ess_set_point")
    clock.now += 60.0
    async with identified(journal=journal) as (sim, client):
        with pytest.raises(WriteBudgetError):
            await client.write(SET_POINT, 200)
        assert sim.writes == []
        clock.now += 86400.0
        assert (await client.write(SET_POINT, 200)).value == 200.0


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("ess_set_point", 32_001, ValueRangeError),
        ("ess_set_point", 0.5, ValueStepError),
        ("ess_set_point", "50", ValueKindError),
        ("ess_set_point", True, ValueKindError),
        ("ess_set_point", float("nan"), ValueKindError),
        ("maximum_discharge_power", -2, ValueRangeError),
        ("minimum_state_of_charge", 101, ValueRangeError),
        ("ess_mode", "off", ValueChoiceError),
        ("ess_mode", 1, ValueChoiceError),
        ("feed_in_dc_excess", 1, ValueKindError),
        ("state_of_charge", 50, NotWritableError),
        ("ess_state", "disabled", NotWritableError),
        ("pv_energy", 1.0, NotWritableError),
        ("nothing", 1.0, UnknownPointError),
    ],
)
async def test_what_is_refused_before_anything_is_sent(key: str, value: Any, error: type[Exception]) -> None:
    async with identified() as (sim, client):
        with pytest.raises(error):
            await client.write(Ref("system", key), value)
        assert sim.requests == []


async def test_what_settings_accept() -> None:
    async with identified() as (_, client):
        assert await client.limits(SET_POINT) == Limits(-32000, 32000, 1)
        assert await client.limits(DISCHARGE) == Limits(-1.0, 300_000, 1)
        assert (await client.limits(MODE)).choices == ("charger_only", "inverter_only", "on", "off")


async def test_a_gx_that_is_read_only() -> None:
    async with identified() as (sim, client):
        sim.faults.set("read_only")
        with pytest.raises(ModbusReadOnlyError, match="read-only mode"):
            await client.write(SET_POINT, 100)
        assert sim.writes == []
        # What was not written has worn nothing and need not wait.
        sim.faults.clear()
        assert (await client.write(SET_POINT, 100)).value == 100.0


async def test_the_owner_of_a_setting_rejects_the_value() -> None:
    async with identified() as (sim, client):
        sim.faults.set("rejected")
        with pytest.raises(DeviceRefusedError, match="does not take this value of ESS grid set point") as caught:
            await client.write(SET_POINT, 100)
        assert caught.value.code == 10
        assert type(caught.value) is DeviceRefusedError


async def test_a_setting_of_a_device_that_is_away() -> None:
    async with identified() as (sim, client):
        sim.faults.set("vebus_gone")
        with pytest.raises(ServiceGoneError):
            await client.write(MODE, "on", confirmed=True)


async def test_a_setting_that_the_firmware_lacks() -> None:
    async with identified(missing=(2720, 2721)) as (_, client):
        with pytest.raises(UnknownPointError):
            await client.write(DISCHARGE, 100)
        assert "maximum_discharge_power" not in client.points(client.installation.root)
    async with identified() as (sim, client):
        sim.settings.lose(2720, 2721)
        with pytest.raises(NotSupportedError):
            await client.write(DISCHARGE, 100)


async def test_a_write_that_is_not_kept() -> None:
    async with identified() as (sim, client):
        sim.faults.set("dropped_write")
        with pytest.raises(NotKeptError, match="sent as 100, but the device kept 50"):
            await client.write(SET_POINT, 100)
        assert len(sim.writes) == 1
        with pytest.raises(NotKeptError, match="sent as on, but the device kept off"):
            await client.write(Ref("system", "feed_in_dc_excess"), True)


async def test_a_write_whose_answer_is_lost_is_read_and_not_repeated() -> None:
    timing = replace(HASTY, link=replace(HASTY.link, answer=0.4))
    async with identified(timing) as (sim, client):
        usual = sim.server._write

        def losing(service: GxService, address: int, words: list[int]) -> None:
            sim.faults.set("lost_answer", count=1)
            usual(service, address, words)

        sim.server._write = losing  # type: ignore[method-assign]
        assert (await client.write(SET_POINT, 100)).value == 100.0
        assert len(sim.writes) == 1


async def test_a_write_that_never_arrives_is_uncertain_and_not_repeated() -> None:
    async with identified(HASTY) as (sim, client):
        await unanswered(sim, client)
        assert sim.writes == []
        assert sum(request.function == 6 for request in sim.requests) == 0
        # It may have been stored, so it counts.
        assert client.journal.entry(PORTAL_ID, "ess_set_point").flash_writes == 1


async def unanswered(sim: GxSimulator, client: GxClient) -> None:
    """Write while the request of the write, and no other, is lost."""
    usual = sim.server._answer

    def losing(frame: bytes) -> bytes:
        if frame[7] == 6:
            sim.faults.set("lost_answer", count=1)
            return b""
        return usual(frame)

    sim.server._answer = losing  # type: ignore[method-assign]
    with pytest.raises(WriteUncertainError):
        await client.write(SET_POINT, 100)


async def test_a_gx_that_falls_silent_after_a_write() -> None:
    async with identified(HASTY) as (sim, client):
        usual = sim.server._write

        def last(service: GxService, address: int, words: list[int]) -> None:
            usual(service, address, words)
            sim.faults.set("silence")

        sim.server._write = last  # type: ignore[method-assign]
        with pytest.raises(WriteUncertainError):
            await client.write(SET_POINT, 100)
        assert len(sim.writes) == 1


async def test_a_gx_that_is_silent_is_not_written() -> None:
    async with identified(HASTY) as (sim, client):
        sim.faults.set("silence")
        with pytest.raises(NoAnswerError):
            await client.write(SET_POINT, 100)
        await client.close()
        with pytest.raises(LinkError):
            await client.write(SET_POINT, 100)
        assert sim.writes == []
