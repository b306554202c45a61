"""Conext settings: every write is read back, refused early, never repeated blindly, and what is dangerous is fenced."""

from dataclasses import replace
from datetime import time
from typing import Any

import pytest

from custom_components.local_solar.solarlink.conext.writer import WRITES_PER_DAY, WriteTiming
from custom_components.local_solar.solarlink.errors import (
    DeviceAbsentError,
    NeedsConsentError,
    NeedsStandbyError,
    NotKeptError,
    NotWritableError,
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
from custom_components.local_solar.solarlink.points import Access, Reading, Ref, Risk, Value

from .conext_rig import HASTY, PATIENT, client_on, identified, simulated
from .rig import unit

pytestmark = pytest.mark.usefixtures("socket_enabled")

CUT_OUT = Ref("xw_10", "low_battery_cut_out")
LOAD_SHAVE = Ref("xw_10", "load_shave")


@pytest.mark.parametrize("order", ["lsb", "msb"])
@pytest.mark.parametrize(
    ("unit_id", "key", "value", "register", "kept"),
    [
        ("xw_10", "low_battery_cut_out", 47.0, "low_battery_cut_out", 47.0),
        ("xw_10", "low_battery_cut_out_delay", 12, "low_battery_cut_out_delay", 12.0),
        ("xw_10", "low_battery_cut_out_hysteresis", 3.5, "low_battery_cut_out_hysteresis", 3.5),
        ("xw_10", "grid_support", False, "grid_support", 0),
        ("xw_10", "grid_support_voltage", 53.1, "grid_support_voltage", 53.1),
        ("xw_10", "load_shave_current", 5.5, "load_shave_amps", 5.5),
        ("xw_10", "load_shave_start", time(22, 30), "load_shave_start", 1350),
        ("xw_10", "maximum_charge_rate", 50, "maximum_charge_rate", 50),
        ("xw_10", "bulk_voltage", 55.9, "bulk_boost_voltage_set_point", 55.9),
        ("xw_10", "absorption_time", 90, "absorption_time", 90.0),
        ("xw_10", "ac_priority", "generator_priority_ac2", "ac_priority", 2),
        ("mppt60_30", "mppt", False, "mppt_enable", 0),
        ("mppt60_30", "float_voltage", 53.0, "float_voltage_set_point", 53.0),
        ("mppt60_31", "charge_start_voltage", 51.5, "recharge_voltage", 51.5),
    ],
)
async def test_settings_arrive_and_are_read_back(
    order: str, unit_id: str, key: str, value: Value, register: str, kept: float
) -> None:
    async with identified(order=order) as (sim, client):
        ref = Ref(unit_id, key)
        reading = await client.write(ref, value)
        assert reading.value == (pytest.approx(value) if isinstance(value, float) else value)
        address = unit(client, unit_id).address
        assert sim.value(address, register) == pytest.approx(kept, abs=0.01)
        (write,) = [request for request in sim.requests if request.function in (6, 16)]
        assert write.function == (6 if write.count == 1 else 16)
        assert sim.requests[-1].function == 3
        report = await client.read([ref])
        assert report.readings[ref].value == reading.value


async def test_what_is_already_so_is_not_written() -> None:
    async with identified() as (sim, client):
        before = sim.value(10, "low_battery_cut_out")
        reading = await client.write(CUT_OUT, before)
        assert reading.value == before
        assert sim.writes == []


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("low_battery_cut_out", 39.9, ValueRangeError),
        ("low_battery_cut_out", 52.1, ValueRangeError),
        ("low_battery_cut_out", 47.05, ValueStepError),
        ("low_battery_cut_out", "47", ValueKindError),
        ("low_battery_cut_out", True, ValueKindError),
        ("load_shave", 1, ValueKindError),
        ("ac_priority", "sun", ValueChoiceError),
        ("load_shave_start", 30.0, ValueKindError),
        ("battery_voltage", 50.0, NotWritableError),
        ("grid_import_energy", 50.0, NotWritableError),
        ("refresh_configuration", False, ValueKindError),
        ("nonsense", 1.0, UnknownPointError),
    ],
)
async def test_what_is_refused_before_anything_is_sent(key: str, value: Any, error: type[Exception]) -> None:
    async with identified() as (sim, client):
        with pytest.raises(error):
            await client.write(Ref("xw_10", key), value)
        assert sim.writes == []
        assert not [request for request in sim.requests if request.function != 3]


async def test_limits_of_a_24_volt_battery() -> None:
    async with identified(nominal=24) as (sim, client):
        with pytest.raises(ValueRangeError):
            await client.write(CUT_OUT, 47.0)
        await client.write(CUT_OUT, 23.5)
        assert sim.value(10, "low_battery_cut_out") == 23.5


async def test_a_write_that_is_confirmed_and_dropped_is_an_error() -> None:
    async with identified() as (sim, client):
        before = sim.value(10, "low_battery_cut_out")
        sim.faults.set("dropped_write")
        with pytest.raises(NotKeptError) as caught:
            await client.write(CUT_OUT, 47.5)
        assert caught.value.details["kept"] == f"{before:g}"
        assert caught.value.details["value"] == "47.5"
        # It was not sent a second time.
        assert len(sim.writes) == 1


async def test_load_shave_without_grid_support() -> None:
    async with identified(needs_grid_support=True) as (sim, client):
        sim.put(10, "grid_support", 0)
        with pytest.raises(NotKeptError, match="Load shave was sent as on, but the device kept off"):
            await client.write(LOAD_SHAVE, True)
        await client.write(Ref("xw_10", "grid_support"), True)
        assert (await client.write(LOAD_SHAVE, True)).value is True


async def test_settings_that_are_taken_only_in_standby() -> None:
    async with identified() as (sim, client):
        ref = Ref("mppt60_30", "charge_mode")
        with pytest.raises(NeedsStandbyError, match="standby"):
            await client.write(ref, "secondary")
        await client.write(Ref("mppt60_30", "operating_mode"), "standby")
        assert (await client.write(ref, "secondary")).value == "secondary"
        assert sim.value(30, "charge_mode") == 2


async def test_a_write_that_the_device_refuses() -> None:
    async with identified() as (sim, client):
        sim.faults.set("refused_write")
        with pytest.raises(NotWritableError):
            await client.write(CUT_OUT, 47.5)


# Lost answers


async def test_a_lost_answer_is_looked_after_and_not_repeated() -> None:
    async with identified(HASTY) as (sim, client):
        await client.read([CUT_OUT])
        before = sim.value(10, "low_battery_cut_out")
        sim.requests.clear()

        reading = await _write_with(client, sim, "lost_answer", CUT_OUT, 47.5)
        assert reading == 47.5
        assert sim.value(10, "low_battery_cut_out") == 47.5 != before
        assert len([request for request in sim.requests if request.function == 16]) == 1


async def test_a_lost_request_is_sent_again_after_a_look() -> None:
    async with identified(HASTY) as (sim, client):
        await client.read([CUT_OUT])
        sim.requests.clear()
        assert await _write_with(client, sim, "lost_request", CUT_OUT, 47.5) == 47.5
        # The one that was lost is not among them: a look at the present value, two after the silence, then again.
        assert [request.function for request in sim.requests] == [3, 3, 3, 16, 3]


async def _write_with(client: Any, sim: Any, fault: str, ref: Ref, value: Value) -> Value:
    """Write while the fault meets the write itself and nothing before it; silence goes on."""
    send = client._link.write

    async def disturbed(*args: Any, **more: Any) -> None:
        client._link.write = send
        sim.faults.set(fault, count=None if fault == "silence" else 1)
        await send(*args, **more)

    client._link.write = disturbed
    reading: Reading = await client.write(ref, value)
    return reading.value


async def test_nobody_says_what_became_of_a_write() -> None:
    async with identified(HASTY) as (sim, client):
        await client.read([CUT_OUT])
        with pytest.raises(WriteUncertainError):
            await _write_with(client, sim, "silence", CUT_OUT, 47.5)


# What is dangerous


@pytest.mark.parametrize(
    ("key", "value"), [("inverter", False), ("operating_mode", "standby"), ("restart", True)], ids=str
)
async def test_what_can_cut_the_supply_needs_consent(key: str, value: Value) -> None:
    async with identified() as (sim, client):
        ref = Ref("xw_10", key)
        with pytest.raises(NeedsConsentError):
            await client.write(ref, value)
        assert sim.writes == []
        await client.write(ref, value, confirmed=True)
        assert len(sim.writes) == 1
        assert sim.writes[0].words == ((0,) if key == "restart" else sim.writes[0].words)


async def test_dangerous_registers_of_the_catalogue() -> None:
    async with identified() as (sim, client):
        xw = unit(client, "xw_10")
        for key in ("modbus_address", "device_number", "device_name"):
            point = client.find(xw, key)
            with pytest.raises(NotWritableError):
                await client.write(Ref("xw_10", point.key), 5.0)
        mode = client.find(xw, "inverter_mode")
        assert mode.risk is Risk.OUTAGE
        with pytest.raises(NeedsConsentError):
            await client.write(Ref("xw_10", mode.key), "single_phase_master")
        reset = client.find(xw, "reset")
        assert reset.access is Access.PRESS
        with pytest.raises(ValueKindError):
            await client.write(Ref("xw_10", reset.key), "reset_to_factory", confirmed=True)
        assert sim.writes == []


async def test_a_setting_of_the_catalogue_can_be_written() -> None:
    async with identified() as (sim, client):
        point = client.find(unit(client, "xw_10"), "low_battery_trigger_set")
        reading = await client.write(Ref("xw_10", point.key), 48.5)
        assert reading.value == 48.5
        assert sim.value(10, "low_battery_trigger_set") == 48.5


async def test_commands_are_sent_once_and_not_read_back() -> None:
    async with identified() as (sim, client):
        reading = await client.write(Ref("xw_10", "refresh_configuration"), True)
        assert reading.value is True
        assert [request.words for request in sim.requests if request.function == 6] == [(1,)]
        forced = await client.write(Ref("mppt60_30", "force_charger_state"), "float")
        assert forced.value == "float"


# Journal


async def test_writes_are_counted_and_budgeted() -> None:
    journal = Journal()
    async with simulated() as (sim, port), client_on(port, journal=journal) as client:
        await client.identify()
        serial = unit(client, "xw_10").serial
        for number in range(WRITES_PER_DAY):
            await client.write(CUT_OUT, 47.0 if number % 2 else 46.0)
        assert journal.entry(serial, CUT_OUT.key).flash_writes == WRITES_PER_DAY
        with pytest.raises(WriteBudgetError):
            await client.write(CUT_OUT, 46.5)
        assert sim.value(10, "low_battery_cut_out") == 47.0
        # Commands wear nothing.
        await client.write(Ref("xw_10", "refresh_configuration"), True)
        assert journal.entry(serial, "refresh_configuration").flash_writes == 0


async def test_the_same_setting_is_not_written_twice_at_once() -> None:
    timing = replace(PATIENT, write=WriteTiming(read_back=(0.0,), between_writes=30.0))
    async with identified(timing) as (_, client):
        await client.write(CUT_OUT, 46.0)
        with pytest.raises(TooSoonError):
            await client.write(CUT_OUT, 47.0)
        await client.write(LOAD_SHAVE, True)


async def test_a_unit_that_is_gone_is_not_written() -> None:
    async with identified() as (sim, client):
        sim.faults.set("device_gone", 10)
        with pytest.raises(DeviceAbsentError):
            await client.write(CUT_OUT, 47.0)
        assert sim.writes == []
