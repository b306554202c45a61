"""The link breaks and comes back: one line when it goes, one when it is back, and nobody has to do anything."""

import asyncio
import logging
import time
from types import SimpleNamespace

import pytest
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.outages import OutageLog
from custom_components.local_solar.solarlink.client import Report
from custom_components.local_solar.solarlink.errors import (
    DeviceRefusedError,
    LinkLostError,
    NoAnswerError,
    NotSupportedError,
)
from custom_components.local_solar.solarlink.points import Reading, Ref
from simulators.studer import StuderSimulator

from .common import Find, poll, value


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What an owner reads in the log about us."""
    return [
        f"{'warning' if record.levelno >= logging.WARNING else 'info'}: {record.getMessage()}"
        for record in caplog.records
        if record.name.startswith("custom_components.local_solar") and record.levelno >= logging.INFO
    ]


async def back(entry: MockConfigEntry, studer: StuderSimulator) -> None:
    """Poll until it works again, as the timer does."""
    await studer.wait_connected()
    async with asyncio.timeout(20):
        while True:
            await poll(entry.runtime_data)
            if entry.runtime_data.last_update_success:
                return
            await asyncio.sleep(0.05)


async def poll_later(entry: MockConfigEntry, seconds: float) -> None:
    """Poll as if so much time had passed since the last one."""
    later = time.monotonic() + seconds
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("custom_components.local_solar.coordinator.time", SimpleNamespace(monotonic=lambda: later))
        await poll(entry.runtime_data)


async def test_gateway_killed_and_back(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    studer: StuderSimulator,
    port: int,
    entity_id: Find,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.clear()
    await studer.stop_dialling()
    await studer.drop()
    await poll(entry.runtime_data)
    await poll_later(entry, 80)
    assert value(hass, entity_id("ac_output_power")) != STATE_UNAVAILABLE
    await poll_later(entry, 100)
    assert value(hass, entity_id("ac_output_power")) == STATE_UNAVAILABLE
    assert value(hass, entity_id("smart_boost_limit")) != STATE_UNAVAILABLE
    await poll_later(entry, 1000)
    assert value(hass, entity_id("ac_output_power")) == STATE_UNAVAILABLE
    assert value(hass, entity_id("smart_boost_limit")) == STATE_UNAVAILABLE
    assert value(hass, entity_id("link_state")) == "disconnected"
    assert value(hass, entity_id("link")) == "off"
    assert "No gateway has connected" in value(hass, entity_id("last_error"))
    await studer.dial("127.0.0.1", port)
    await back(entry, studer)
    assert value(hass, entity_id("ac_output_power")) != STATE_UNAVAILABLE
    assert value(hass, entity_id("link_state")) == "connected"
    told = lines(caplog)
    assert [line.split(":")[0] for line in told] == ["warning", "info"], told
    assert "No gateway has connected" in told[0]


async def test_silence(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    studer: StuderSimulator,
    entity_id: Find,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.clear()
    studer.faults.set("silence")
    await poll(entry.runtime_data)
    assert value(hass, entity_id("ac_output_power")) != STATE_UNAVAILABLE
    await poll_later(entry, 100)
    assert value(hass, entity_id("ac_output_power")) == STATE_UNAVAILABLE
    assert value(hass, entity_id("link_state")) in ("silent", "disconnected")
    await poll(entry.runtime_data)
    studer.faults.clear("silence")
    await back(entry, studer)
    assert value(hass, entity_id("ac_output_power")) != STATE_UNAVAILABLE
    assert [line.split(":")[0] for line in lines(caplog)] == ["warning", "info"]


FAULTS = (
    "reset_mid_frame",
    "cut_frame",
    "garbage",
    "wrong_checksum",
    "second_connection",
    "duplicate",
    "late_answer",
)


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_broken_exchange_costs_no_value(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    studer: StuderSimulator,
    entity_id: Find,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    caplog.clear()
    studer.faults.set(fault, 0.8 if fault == "late_answer" else None, count=1)
    await back(entry, studer)
    assert value(hass, entity_id("ac_output_power")) != STATE_UNAVAILABLE
    told = [line.split(":")[0] for line in lines(caplog)]
    assert told in ([], ["warning", "info"]), lines(caplog)


async def test_old_values_are_not_shown(
    hass: HomeAssistant, entry: MockConfigEntry, entity_id: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that has not been read for three of its periods is no longer shown, though the link is fine."""
    coordinator = entry.runtime_data
    later = time.monotonic() + 200
    monkeypatch.setattr("custom_components.local_solar.coordinator.time", SimpleNamespace(monotonic=lambda: later))
    coordinator.async_update_listeners()
    assert value(hass, entity_id("ac_output_power")) == STATE_UNAVAILABLE
    assert value(hass, entity_id("smart_boost_limit")) != STATE_UNAVAILABLE


REF = Ref("xt1", "power")
NAMES = {REF: "Xtender 1 power"}
REFUSED = DeviceRefusedError(device="Xtender 1", code=1, reason="no")
SILENT = NoAnswerError(device="Xtender 1", seconds=3)
GOOD = Report({REF: Reading(1, 0.0)})


@pytest.mark.parametrize(
    ("reports", "told"),
    [
        ([Report(failed={REF: REFUSED})] * 3 + [GOOD] * 2, ["Cannot read", "Reading"]),
        ([Report(failed={REF: SILENT}), GOOD], []),
        ([Report(failed={REF: SILENT})] * 4 + [GOOD], ["Cannot read", "Reading"]),
        ([Report(failed={REF: LinkLostError(address="x")})] * 4 + [GOOD], []),
        ([Report(failed={REF: NotSupportedError(device="x", code=1, reason="y")})] * 4 + [GOOD], []),
        ([Report(failed={REF: REFUSED}), GOOD] * 2, ["Cannot read", "Reading"] * 2),
    ],
)
def test_single_points(reports: list[Report], told: list[str], caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("test_single_points")
    caplog.set_level(logging.INFO)
    log = OutageLog(logger)
    for report in reports:
        log.take(report, NAMES)
    said = [record.getMessage() for record in caplog.records if record.name == logger.name]
    assert len(said) == len(told)
    assert all(line.startswith(start) for line, start in zip(said, told, strict=True))


async def test_a_point_that_fails_costs_only_itself(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    coordinator = entry.runtime_data
    read = coordinator.client.read

    async def partly(refs: list[Ref]) -> Report:
        report: Report = await read(refs)
        for ref in [ref for ref in report.readings if ref.key == "pv_power"]:
            del report.readings[ref]
            report.failed[ref] = REFUSED
        return report

    before = value(hass, entity_id("pv_power"))
    coordinator.client.read = partly
    await poll(coordinator)
    assert value(hass, entity_id("ac_output_power")) != STATE_UNAVAILABLE
    # It still is younger than three of its periods.
    assert value(hass, entity_id("pv_power")) == before
    assert "refused" in value(hass, entity_id("last_error"))
