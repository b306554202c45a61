"""Settings of the SENEC.Home: refused early, compared with the echo, read back, saved once and watched."""

import asyncio
import csv
import math
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from custom_components.local_solar.solarlink.errors import (
    DeviceRefusedError,
    LinkError,
    NeedsConsentError,
    NotKeptError,
    NotSupportedError,
    NotWritableError,
    SolarError,
    TooSoonError,
    UnknownPointError,
    ValueChoiceError,
    ValueKindError,
    ValueRangeError,
    ValueStepError,
    WriteUncertainError,
)
from custom_components.local_solar.solarlink.journal import FLASH_WRITES_PER_DAY, Journal
from custom_components.local_solar.solarlink.points import Limits, Ref
from custom_components.local_solar.solarlink.senec.address import field
from custom_components.local_solar.solarlink.senec.client import SenecClient
from custom_components.local_solar.solarlink.senec.codec import decode_body
from custom_components.local_solar.solarlink.senec.watch import WATCHED_FOR, OverrideWatch
from custom_components.local_solar.solarlink.senec.writing import WRITABLE, check, compose
from simulators.senec import SenecSimulator

from .rig import values
from .senec_rig import FAST, HASTY, Rig

FIELDS = Path(__file__).parents[2] / "simulators" / "senec" / "fields.csv"
FORCE = Ref("appliance", "force_charge")
RESTART = Ref("appliance", "restart")
PEAK = Ref("appliance", "peak_shaving")
SUPPORT = Ref("appliance", "wallbox_battery_support")
MODE, CURRENT = Ref("wallbox_1", "charging_mode"), Ref("wallbox_1", "charging_current")


def socket(key: str, number: int = 1) -> Ref:
    return Ref(f"socket_{number}", f"socket_{key}")


@pytest.fixture
async def rig(socket_enabled: None) -> AsyncIterator[Rig]:
    async with Rig() as rig:
        yield rig


def bodies(sim: SenecSimulator) -> list[Any]:
    """What was sent to be written, in order."""
    return [request.body for request in sim.requests if re.search(r"(u8|u1|fl)_", str(request.body))]


def written(sim: SenecSimulator) -> list[tuple[str, int | None, Any]]:
    """Field, element and value of everything that was written."""
    return [(f"{write.section}.{write.field}", write.index, write.value) for write in sim.writes]


async def settled(client: SenecClient) -> None:
    """Wait until nothing goes on in the background."""
    while tasks := list(client._writer._tasks.values()):
        await asyncio.gather(*tasks)


# What may be written at all


def test_the_list_of_what_may_be_written_is_short() -> None:
    assert len(WRITABLE) == 23
    assert {name.split(".")[0] for name in WRITABLE} == {"ENERGY", "LOG", "SOCKETS", "SYS_UPDATE", "WALLBOX", "WIZARD"}


def test_nothing_dangerous_is_on_it() -> None:
    with FIELDS.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if row and not row[0].startswith("#")]
    dangerous = [f"{row[0]}.{row[1]}" for row in rows if "dangerous" in row]
    assert len(dangerous) > 10
    assert not WRITABLE & set(dangerous)
    for section in (
        "GRIDCONFIG",
        "SENEC_IO_OUTPUT",
        "FAN_TEST",
        "TEST",
        "EG_CONTROL",
        "BMS",
        "BMS_PARA",
        "RTC",
        "V_ANY",
    ):
        assert not any(name.startswith(f"{section}.") for name in WRITABLE)


@pytest.mark.parametrize(
    "name",
    [
        "ENERGY.LI_STORAGE_MODE_START", "ENERGY.LI_STORAGE_MODE_STOP", "ENERGY.GRID_POWER_OFFSET",
        "ENERGY.INIT_CHARGE_RERUN", "BMS.WIZARD_START", "GRIDCONFIG.ANY", "SYS_UPDATE.USER_REQ_UPDATE",
        "WIZARD.CONFIG_WRITE", "BAT1.SPARE_CAPACITY", "LOG.PASSWORD", "RTC.WEB_TIME", "ENERGY.VPP_TARGET_POWER",
    ],
)  # fmt: skip
def test_a_request_that_writes_anything_else_is_refused(name: str) -> None:
    section, _, variable = name.partition(".")
    for sent in ("u8_01", ["", "u8_01"]):
        with pytest.raises(NotWritableError, match=variable):
            check({section: {variable: sent}})
    for read in ("", ["", ""]):
        assert check({section: {variable: read}})


def test_a_change_takes_type_and_length_from_what_was_read() -> None:
    before = decode_body(
        b'{"SOCKETS":{"FORCE_ON":["u8_00","u8_00"]},"WIZARD":{"PS_RESERVOIR":"u8_00","PS_HOUR":"er_x"}}'
    )
    assert compose({field("SOCKETS.FORCE_ON[1]"): 1}, before, "x") == {"SOCKETS": {"FORCE_ON": ["", "u8_01"]}}
    assert compose({field("WIZARD.PS_RESERVOIR"): 50}, before, "x") == {"WIZARD": {"PS_RESERVOIR": "u8_32"}}
    with pytest.raises(ValueRangeError):
        compose({field("WIZARD.PS_RESERVOIR"): 256}, before, "x")
    for gone in ("WIZARD.PS_HOUR", "WIZARD.PS_MINUTE", "SOCKETS.FORCE_ON[2]"):
        with pytest.raises(NotSupportedError):
            compose({field(gone): 1}, before, "x")


# Force charge


async def test_force_charge_is_started_and_stopped_as_the_own_page_does(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    running = []
    for on in (True, False):
        assert (await client.write(FORCE, on)).value is on
        running.append(sim.force_charging)
    assert running == [True, False]
    rest = {
        "SAFE_CHARGE_RUNNING": "",
        "LI_STORAGE_MODE_START": "",
        "LI_STORAGE_MODE_STOP": "",
        "LI_STORAGE_MODE_RUNNING": "",
    }
    assert bodies(sim) == [
        {"ENERGY": {"SAFE_CHARGE_FORCE": "u8_01", "SAFE_CHARGE_PROHIBIT": "", **rest}},
        {"ENERGY": {"SAFE_CHARGE_FORCE": "", "SAFE_CHARGE_PROHIBIT": "u8_01", **rest}},
    ]


async def test_what_is_so_already_is_not_written(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    await client.write(FORCE, False)
    assert sim.writes == []
    await client.write(FORCE, True)
    await client.write(FORCE, True)
    assert written(sim) == [("ENERGY.SAFE_CHARGE_FORCE", None, 1)]


async def test_an_appliance_that_follows_late_is_waited_for(rig: Rig) -> None:
    _, client = await rig.known("v3_duo", speed=1.0, button_delay=0.05)
    assert (await client.write(FORCE, True)).value is True


async def test_an_appliance_that_does_not_follow(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    sim.faults.set("force_charge_ignored")
    with pytest.raises(NotKeptError, match="sent as on, but the device kept off"):
        await client.write(FORCE, True)
    sim.faults.clear()
    await client.write(FORCE, True)
    sim.faults.set("force_charge_stays")
    with pytest.raises(NotKeptError):
        await client.write(FORCE, False)


def let_time_pass(sim: SenecSimulator, client: SenecClient, seconds: float) -> None:
    """Before each look whether force charge stays stopped, that much time passes for the appliance."""
    look = client._writer._stopped_again

    async def later() -> bool:
        sim.advance(seconds)
        return await look()

    client._writer._stopped_again = later  # type: ignore[method-assign]


async def test_a_charge_that_begins_again_is_stopped_again_three_times(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    let_time_pass(sim, client, 15.0)
    await client.write(FORCE, True)
    sim.faults.set("force_charge_restarts", 10.0)
    await client.write(FORCE, False)
    await settled(client)
    assert [name for name, *_ in written(sim)].count("ENERGY.SAFE_CHARGE_PROHIBIT") == 1 + 3


async def test_a_charge_that_begins_again_once_stays_stopped(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    let_time_pass(sim, client, 15.0)
    await client.write(FORCE, True)
    sim.faults.set("force_charge_restarts", 10.0, count=1)
    await client.write(FORCE, False)
    await settled(client)
    assert [name for name, *_ in written(sim)].count("ENERGY.SAFE_CHARGE_PROHIBIT") == 2
    assert not sim.force_charging


async def test_a_stop_that_did_not_take_is_tried_again(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    await client.write(FORCE, True)
    sim.faults.set("force_charge_stays", count=1)
    with pytest.raises(NotKeptError):
        await client.write(FORCE, False)
    await settled(client)
    await client.read([FORCE])
    assert not sim.force_charging


async def test_the_watch_ends_when_charging_is_wanted_again(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo", timing=replace(FAST, stop_checks=(0.02, 0.04)))
    await client.write(FORCE, True)
    await client.write(FORCE, False)
    await client.write(FORCE, True)
    await settled(client)
    await asyncio.sleep(0.06)
    assert sim.force_charging


async def test_the_watch_ends_with_the_client(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo", timing=replace(FAST, stop_checks=(30.0, 60.0)))
    await client.write(FORCE, True)
    await client.write(FORCE, False)
    tasks = list(client._writer._tasks.values())
    assert tasks
    await client.close()
    assert all(task.done() for task in tasks)
    assert [name for name, *_ in written(sim)].count("ENERGY.SAFE_CHARGE_PROHIBIT") == 1


@pytest.mark.parametrize("value", [1, "on", None, 1.0])
async def test_force_charge_is_on_or_off(rig: Rig, value: Any) -> None:
    sim, client = await rig.known("v3_duo")
    with pytest.raises(ValueKindError):
        await client.write(FORCE, value)
    assert sim.requests == []


async def test_a_lost_answer_is_looked_into_and_not_repeated(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo", timing=HASTY)
    asked = client._exchange.ask
    swallowed: list[Any] = []

    async def swallow(request: Any, *args: Any, **options: Any) -> Any:
        answer = await asked(request, *args, **options)
        if "u8_01" in str(request) and not swallowed:
            swallowed.append(request)
            raise LinkError(address="it", reason="the answer is lost")
        return answer

    client._exchange.ask = swallow  # type: ignore[method-assign]
    # It was carried out all the same, and that is what counts.
    assert (await client.write(FORCE, True)).value is True
    assert written(sim) == [("ENERGY.SAFE_CHARGE_FORCE", None, 1)]


async def test_silence_after_a_write_is_uncertain(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo", timing=HASTY)
    asked = client._exchange.ask

    async def silent(request: Any, *args: Any, **options: Any) -> Any:
        if "u8_01" in str(request):
            sim.faults.set("silence")
        return await asked(request, *args, **options)

    client._exchange.ask = silent  # type: ignore[method-assign]
    with pytest.raises(WriteUncertainError, match="Force charge"):
        await client.write(FORCE, True)
    assert sim.writes == []
    sim.faults.clear()


async def test_no_link_is_no_doubt(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    await sim.close()
    with pytest.raises(LinkError):
        await client.write(FORCE, True)


@pytest.mark.parametrize("ref", [FORCE, socket("forced_on")])
async def test_a_write_that_is_forbidden(rig: Rig, ref: Ref) -> None:
    sim, client = await rig.known("v2_1_http")
    sim.faults.set("writes_forbidden")
    with pytest.raises(DeviceRefusedError, match="may not be set"):
        await client.write(ref, True)


# Sockets


async def test_a_socket_is_set_and_its_neighbour_left_alone(rig: Rig) -> None:
    sim, client = await rig.known("v2_1_http")
    assert (await client.write(socket("forced_on", 2), True)).value is True
    assert bodies(sim)[0] == {"SOCKETS": {"FORCE_ON": ["", "u8_01"]}}
    assert values(await client.read([socket("forced_on"), socket("forced_on", 2)])) == {
        socket("forced_on"): False, socket("forced_on", 2): True,
    }  # fmt: skip


async def test_durations_mean_what_the_own_page_says(rig: Rig) -> None:
    sim, client = await rig.known("v2_1_http")
    await client.write(socket("surplus_duration"), 7)
    await client.write(socket("on_duration"), 90)
    settings = [each for each in written(sim) if each[0].startswith("SOCKETS")]
    assert settings == [("SOCKETS.TIME_LIMIT", 0, 7), ("SOCKETS.POWER_ON_TIME", 0, 90)]


async def test_a_time_of_day_is_two_variables(rig: Rig) -> None:
    sim, client = await rig.known("v2_1_http")
    reading = await client.write(socket("switch_on_time"), time(13, 30, 59))
    assert reading.value == time(13, 30)
    assert bodies(sim)[0] == {"SOCKETS": {"SWITCH_ON_HOUR": ["u8_0D", ""], "SWITCH_ON_MINUTE": ["u8_1E", ""]}}


async def test_settings_are_saved_once_when_all_is_quiet(rig: Rig) -> None:
    journal = Journal()
    sim, port = await rig.sim("v2_1_http")
    client = rig.client(port, timing=replace(FAST, save=0.05), journal=journal)
    await client.identify()
    for ref, value in ((socket("forced_on"), True), (socket("on_duration"), 30), (socket("use_time"), True)):
        await client.write(ref, value)
    assert sim.saves == 0
    await settled(client)
    assert sim.saves == 1
    assert written(sim)[-1] == ("WIZARD.CONFIG_MODIFIED_BY_USER", None, 1)
    assert journal.entry(client.installation.root.serial, "configuration_saved").flash_writes == 1
    assert journal.entry(client.installation.units[-2].serial, "socket_forced_on").ram_writes == 1
    assert journal.as_dict()


async def test_the_memory_of_the_appliance_is_spared(rig: Rig) -> None:
    sim, client = await rig.known("v2_1_http")
    for number in range(FLASH_WRITES_PER_DAY + 3):
        await client.write(socket("on_duration"), 10 + number)
        await settled(client)
    assert sim.saves == FLASH_WRITES_PER_DAY


async def test_closing_saves_what_waits_to_be_saved(rig: Rig) -> None:
    sim, client = await rig.known("v2_1_http", timing=replace(FAST, save=60.0))
    await client.write(socket("forced_on"), True)
    await client.close()
    assert sim.saves == 1


async def test_a_setting_that_is_so_already_is_neither_written_nor_saved(rig: Rig) -> None:
    sim, client = await rig.known("v2_1_http")
    assert (await client.write(socket("forced_on"), False)).value is False
    await settled(client)
    assert sim.writes == []
    assert sim.saves == 0


@pytest.mark.parametrize(
    ("ref", "value", "error"),
    [
        (socket("forced_on"), 1, ValueKindError),
        (socket("on_duration"), -1, ValueRangeError),
        (socket("on_duration"), 1441, ValueRangeError),
        (socket("on_duration"), 1.5, ValueStepError),
        (socket("on_duration"), True, ValueKindError),
        (socket("on_duration"), math.nan, ValueKindError),
        (socket("switch_on_surplus"), 0, ValueRangeError),
        (socket("switch_on_surplus"), 65536, ValueRangeError),
        (socket("switch_on_time"), "13:30", ValueKindError),
        (socket("on"), True, NotWritableError),
        (Ref("appliance", "grid_power"), 1.0, NotWritableError),
        (Ref("appliance", "force_charge_target"), 50.0, NotWritableError),
        (Ref("appliance", "nothing"), True, UnknownPointError),
    ],
)
async def test_what_cannot_be_is_refused_before_it_is_sent(
    rig: Rig, ref: Ref, value: Any, error: type[SolarError]
) -> None:
    sim, client = await rig.known("v2_1_http")
    with pytest.raises(error):
        await client.write(ref, value)
    assert sim.writes == []


async def test_the_two_surpluses_keep_their_order(rig: Rig) -> None:
    sim, client = await rig.known("v2_1_http")
    on, off = socket("switch_on_surplus"), socket("switch_off_surplus")
    sim.put("SOCKETS", "UPPER_LIMIT", ["u1_07D0", "u1_0000"])
    sim.put("SOCKETS", "LOWER_LIMIT", ["u1_01F4", "u1_0000"])
    assert await client.limits(on) == Limits(500.0, 65535, 1)
    assert await client.limits(off) == Limits(1, 2000.0, 1)
    with pytest.raises(ValueRangeError, match="500 to 65535 W; 499 is outside"):
        await client.write(on, 499)
    with pytest.raises(ValueRangeError, match="1 to 2000 W"):
        await client.write(off, 2001)
    await client.write(on, 500)
    await client.write(off, 500)
    # Nothing is set yet on the other socket.
    assert await client.limits(socket("switch_on_surplus", 2)) == Limits(1, 65535, 1)


async def test_the_automatic_is_refused_with_zero_feed_in(rig: Rig) -> None:
    sim, client = await rig.known("v2_1_http")
    sim.put("ENERGY", "ZERO_EXPORT", "u8_01")
    with pytest.raises(DeviceRefusedError, match="zero feed-in"):
        await client.write(socket("automatic"), True)
    assert sim.writes == []


async def test_an_appliance_that_keeps_the_old_value(rig: Rig) -> None:
    sim, client = await rig.known("v2_1_http")
    sim.faults.set("writes_ignored")
    with pytest.raises(NotKeptError, match="sent as 30, but the device kept"):
        await client.write(socket("on_duration"), 30)
    await settled(client)
    assert sim.saves == 0


async def test_writes_keep_their_distance(rig: Rig) -> None:
    sim, client = await rig.known("v2_1_http", timing=replace(FAST, between_writes=0.2), speed=1.0)
    await client.write(socket("on_duration"), 30)
    await client.write(socket("on_duration"), 31)
    times = [request.at for request in sim.requests if "u1_" in str(request.body)]
    assert times[1] - times[0] >= 0.19


# Wallboxes


@pytest.mark.parametrize(
    ("mode", "prohibited", "smart"),
    [("locked", 1, 0), ("fast", 0, 0), ("solar_continuous", 0, 3), ("solar_interruptible", 0, 4)],
)
async def test_modes_of_a_wallbox(rig: Rig, mode: str, prohibited: int, smart: int) -> None:
    sim, client = await rig.known("v3_wallbox")
    other = "locked" if mode != "locked" else "fast"
    await client.write(MODE, other)
    sim.requests.clear()
    assert (await client.write(MODE, mode)).value == mode
    assert bodies(sim) == [
        {
            "WALLBOX": {
                "PROHIBIT_USAGE": [f"u8_0{prohibited}", "", "", ""],
                "SMART_CHARGE_ACTIVE": [f"u8_0{smart}", "", "", ""],
            }
        }
    ]
    await settled(client)
    # The wallbox keeps its settings itself.
    assert sim.saves == 0


async def test_a_mode_that_does_not_exist(rig: Rig) -> None:
    sim, client = await rig.known("v3_wallbox")
    with pytest.raises(ValueChoiceError, match="solar_interruptible"):
        await client.write(MODE, "turbo")
    assert sim.requests == []


async def test_current_of_a_wallbox(rig: Rig) -> None:
    sim, client = await rig.known("v3_wallbox")
    await client.write(MODE, "fast")
    sim.requests.clear()
    assert (await client.write(CURRENT, 10)).value == 10.0
    assert bodies(sim) == [
        {
            "WALLBOX": {
                "SET_ICMAX": ["fl_41200000", "", "", ""],
                "MIN_CHARGING_CURRENT": ["fl_41200000", "", "", ""],
            }
        }
    ]
    assert (await client.write(CURRENT, 10)).value == 10.0
    with pytest.raises(TooSoonError, match="Charging current was set a moment ago"):
        await client.write(CURRENT, 12)
    # The other wallbox has its own pause.
    assert (await client.write(Ref("wallbox_2", "charging_current"), 12)).value == 12.0


async def test_limits_of_a_wallbox_current(rig: Rig) -> None:
    sim, client = await rig.known("v3_wallbox")
    sim.set("WALLBOX", "MAX_CHARGING_CURRENT_RATED", ["fl_42000000", "fl_00000000", "fl_00000000", "fl_00000000"])
    assert await client.limits(CURRENT) == Limits(6.0, 32.0, 1)
    assert await client.limits(Ref("wallbox_2", "charging_current")) == Limits(6.0, 16.0, 1)
    for value in (5, 33):
        with pytest.raises(ValueRangeError, match="6 to 32 A"):
            await client.write(CURRENT, value)
    assert sim.writes == []


async def test_battery_support_is_one_value_for_all(rig: Rig) -> None:
    sim, client = await rig.known("v3_wallbox")
    await client.write(SUPPORT, True)
    assert bodies(sim) == [{"WALLBOX": {"ALLOW_INTERCHARGE": "u8_01"}}]


async def test_no_wallbox_no_battery_support(rig: Rig) -> None:
    _, client = await rig.known("v3_duo")
    with pytest.raises(UnknownPointError):
        await client.write(SUPPORT, True)


async def test_a_mode_that_the_cloud_takes_back_is_told_once(rig: Rig) -> None:
    sim, client = await rig.known("v3_wallbox")
    await client.write(MODE, "locked")
    power = Ref("appliance", "grid_power")
    assert (await client.read([power])).happenings == []
    sim.faults.set("cloud_push")
    # It is noticed although nobody looks at the wallbox.
    (happening,) = (await client.read([power])).happenings
    assert (happening.ref, happening.kind) == (Ref("wallbox_1", "wallbox_overridden"), "mode")
    assert happening.details == {"setting": "charging_mode"}
    point = client.points(client.installation.unit("wallbox_1") or pytest.fail("no wallbox"))["wallbox_overridden"]
    assert happening.kind in point.options.values()
    sim.requests.clear()
    assert (await client.read([power])).happenings == []
    assert sim.requests[-1].fields == ["ENERGY.GUI_GRID_POW"]


async def test_a_current_that_the_cloud_takes_back(rig: Rig) -> None:
    sim, client = await rig.known("v3_wallbox")
    sim.cloud["SMART_CHARGE_ACTIVE"] = ["u8_00"] * 4
    await client.write(MODE, "fast")
    await client.write(CURRENT, 8)
    sim.faults.set("cloud_push")
    happenings = (await client.read([CURRENT])).happenings
    assert [each.kind for each in happenings] == ["current"]


async def test_the_appliance_may_move_the_current_in_solar_modes(rig: Rig) -> None:
    sim, client = await rig.known("v3_wallbox")
    await client.write(MODE, "solar_interruptible")
    await client.write(CURRENT, 8)
    sim.put("WALLBOX", "SET_ICMAX", ["fl_41400000", "fl_41400000", "fl_00000000", "fl_00000000"])
    assert (await client.read([CURRENT])).happenings == []


def test_after_ten_minutes_a_change_is_somebody_elses_business() -> None:
    watch = OverrideWatch()
    mode = field("WALLBOX.PROHIBIT_USAGE[0]")
    watch.wrote("wallbox_1", "charging_mode", {mode: 1.0}, 100.0)
    same = decode_body(b'{"WALLBOX":{"PROHIBIT_USAGE":["u8_01"]}}')
    other = decode_body(b'{"WALLBOX":{"PROHIBIT_USAGE":["u8_00"]}}')
    assert watch.look(same, 101.0) == []
    assert watch.look(decode_body(b"{}"), 102.0) == []
    assert list(watch.fields()) == [mode]
    assert watch.look(other, 100.0 + WATCHED_FOR) == []
    assert list(watch.fields()) == []


# Peak shaving


async def test_peak_shaving(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    await client.write(PEAK, True)
    await client.write(Ref("appliance", "peak_shaving_reserve"), 50)
    await client.write(Ref("appliance", "peak_shaving_until"), time(13, 30))
    await settled(client)
    assert [body for body in bodies(sim) if "CONFIG_MODIFIED_BY_USER" not in str(body)] == [
        {"WIZARD": {"PS_ENABLE": "u8_01"}},
        {"WIZARD": {"PS_RESERVOIR": "u8_32"}},
        {"WIZARD": {"PS_HOUR": "u8_0D", "PS_MINUTE": "u8_1E"}},
    ]
    assert sim.saves >= 1
    sim.put("WIZARD", "PS_ENABLE", "u8_00")
    (happening,) = (await client.read([PEAK])).happenings
    assert (happening.ref.key, happening.kind) == ("peak_shaving_overridden", "overridden")


async def test_no_peak_shaving_without_the_feature_or_with_zero_feed_in(rig: Rig) -> None:
    _, old = await rig.known("v2_australia")
    assert "peak_shaving" not in old.points(old.installation.root)
    sim, client = await rig.known("v3_duo")
    sim.put("ENERGY", "ZERO_EXPORT", "u8_01")
    with pytest.raises(DeviceRefusedError, match="zero feed-in"):
        await client.write(PEAK, True)
    await client.identify()
    assert "peak_shaving" not in client.points(client.installation.root)


# Restart


async def test_restart(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    assert (await client.write(RESTART, True)).value is True
    assert bodies(sim) == [{"SYS_UPDATE": {"BOOT_REPORT_SUCCESS": "", "USER_REBOOT_DEVICE": "u8_01"}}]
    assert sim.writes[-1].accepted
    with pytest.raises(TooSoonError, match="Restart was set a moment ago"):
        await client.write(RESTART, True)
    sim.advance(2.0)
    sim.appliance.catch_up()
    assert sim.reboots == 1


@pytest.mark.parametrize("state", ["u8_4B", "u8_4C"])
async def test_restart_on_backup_power_needs_consent(rig: Rig, state: str) -> None:
    sim, client = await rig.known("v3_duo")
    sim.set("ENERGY", "STAT_STATE", state)
    with pytest.raises(NeedsConsentError, match="go dark"):
        await client.write(RESTART, True)
    assert sim.writes == []
    await client.write(RESTART, True, confirmed=True)
    assert [name for name, *_ in written(sim)] == ["SYS_UPDATE.USER_REBOOT_DEVICE"]


async def test_a_restart_that_is_not_taken(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    sim.faults.set("writes_ignored")
    with pytest.raises(DeviceRefusedError, match="did not take the restart"):
        await client.write(RESTART, True)
