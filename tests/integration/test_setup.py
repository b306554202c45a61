"""Setting up, unloading, reloading, removing; and nothing is left behind."""

import asyncio
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info

from custom_components.local_solar import async_remove_config_entry_device
from custom_components.local_solar.const import DOMAIN
from custom_components.local_solar.opening import async_family_name
from custom_components.local_solar.solarlink.links.listener import _Listener
from simulators.house import House
from simulators.studer import StuderSimulator

from .common import set_connect_wait, state_of, warnings_of_ours
from .conftest import GUID, OTHER_GUID, ROOT, new_entry


async def test_setup_unload_reload_leave_nothing(
    hass: HomeAssistant, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    assert state_of(entry) is ConfigEntryState.LOADED
    before = {task for task in asyncio.all_tasks() if not task.done()}
    for _ in range(3):
        assert await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
    assert len(_Listener.running) == 1
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state_of(entry) is ConfigEntryState.NOT_LOADED
    assert not _Listener.running
    ours = {task for task in asyncio.all_tasks() if not task.done()} - before
    assert not [task for task in ours if "studer" not in task.get_name()]
    assert not warnings_of_ours(caplog)


async def test_devices(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    registry = dr.async_get(hass)
    devices = {device.name: device for device in dr.async_entries_for_config_entry(registry, entry.entry_id)}
    assert set(devices) == {
        "Studer gateway",
        "Xtender 1",
        "Xtender 2",
        "VarioString 1",
        "VarioString 2",
        "Xcom-CAN BMS",
    }
    gateway = devices["Studer gateway"]
    assert gateway.identifiers == {(DOMAIN, ROOT)}
    assert gateway.serial_number == GUID
    assert gateway.model == "Xcom-LAN"
    assert gateway.via_device_id is None
    xtender = devices["Xtender 1"]
    assert xtender.identifiers == {(DOMAIN, "studer-0001A2F3")}
    assert (xtender.manufacturer, xtender.model) == ("Studer Innotec", "XTM")
    assert (xtender.sw_version, xtender.hw_version, xtender.serial_number) == ("1.6.78", "4.2", "0001A2F3")
    assert {device.via_device_id for name, device in devices.items() if name != "Studer gateway"} == {gateway.id}


async def test_only_what_is_gone_can_be_deleted(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    registry = dr.async_get(hass)
    gone = registry.async_get_or_create(config_entry_id=entry.entry_id, identifiers={(DOMAIN, "studer-00000001")})
    assert await async_remove_config_entry_device(hass, entry, gone)
    for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
        if device.id != gone.id:
            assert not await async_remove_config_entry_device(hass, entry, device)


async def test_first_poll_reads_what_will_be_shown(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator
) -> None:
    demand = set(entry.runtime_data._demand())
    registry = er.async_get(hass)
    shown = {
        entity.unique_id
        for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
        if not entity.disabled
    }
    assert {entry.runtime_data.unique_id(ref) for ref in demand} <= shown
    assert demand <= entry.runtime_data.data.keys()


async def test_a_disabled_entity_is_not_polled(hass: HomeAssistant, entry: MockConfigEntry, entity_id: Any) -> None:
    er.async_get(hass).async_update_entity(entity_id("pv_power"), disabled_by=er.RegistryEntryDisabler.USER)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    read = {ref for ref in entry.runtime_data.data if ref.key == "pv_power"}
    assert len(read) == 1


async def test_nobody_calls_at_start_and_later_somebody_does(
    hass: HomeAssistant, studer: StuderSimulator, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    entry = new_entry(port)
    entry.add_to_hass(hass)
    set_connect_wait(0.2)
    await hass.config_entries.async_setup(entry.entry_id)
    assert state_of(entry) is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "nobody_called"
    assert entry.error_reason_translation_placeholders == {"address": f"0.0.0.0:{port}", "port": str(port)}
    assert not _Listener.running
    set_connect_wait(5.0)
    await studer.dial("127.0.0.1", port)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state_of(entry) is ConfigEntryState.LOADED
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_silent_gateway_at_start(hass: HomeAssistant, studer: StuderSimulator, port: int) -> None:
    studer.faults.set("silence")
    await studer.dial("127.0.0.1", port)
    entry = new_entry(port)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert state_of(entry) is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "no_answer"
    assert not _Listener.running


@pytest.mark.parametrize("link", ["listen", "tcp"])
async def test_another_installation_answers(hass: HomeAssistant, socket_enabled: None, port: int, link: str) -> None:
    """One that dials in may give way to the right one, an address that we dial stays wrong."""
    other = StuderSimulator(house=House(seed=1, speed=0), pace=0.0, guid=UUID(OTHER_GUID))
    entry = new_entry(port)
    if link == "tcp":
        there = await other.listen()
        entry = MockConfigEntry(
            domain=DOMAIN, unique_id=ROOT, data=entry.data | {"link": "tcp", "host": "127.0.0.1", "port": there}
        )
    else:
        await other.dial("127.0.0.1", port)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    expected = ConfigEntryState.SETUP_RETRY if link == "listen" else ConfigEntryState.SETUP_ERROR
    assert state_of(entry) is expected
    assert entry.error_reason_translation_key == "wrong_device"
    assert entry.error_reason_translation_placeholders["found"] == OTHER_GUID
    await other.close()


async def test_a_known_installation_sends_strangers_away(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, port: int
) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    await studer.stop_dialling()
    other = StuderSimulator(house=House(seed=1, speed=0), pace=0.0, guid=UUID(OTHER_GUID))
    await other.dial("127.0.0.1", port)
    set_connect_wait(0.5)
    await hass.config_entries.async_setup(entry.entry_id)
    assert state_of(entry) is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "wrong_device"
    await other.close()
    await studer.dial("127.0.0.1", port)
    set_connect_wait(5.0)
    await hass.config_entries.async_reload(entry.entry_id)
    assert state_of(entry) is ConfigEntryState.LOADED


async def test_unload_in_the_middle_of_a_read(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    coordinator = entry.runtime_data
    studer.faults.set("silence")
    coordinator.planner.expire(coordinator.known)
    reading = hass.async_create_task(coordinator.async_refresh())
    await asyncio.sleep(0.1)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await reading
    assert not warnings_of_ours(caplog)


async def test_home_assistant_stops(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    assert not _Listener.running


async def test_remove_deletes_what_was_kept(
    hass: HomeAssistant, entry: MockConfigEntry, hass_storage: dict[str, Any]
) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    assert f"{DOMAIN}.{entry.entry_id}" in hass_storage
    await hass.config_entries.async_remove(entry.entry_id)
    assert f"{DOMAIN}.{entry.entry_id}" not in hass_storage


async def test_dashboard_script_is_served(
    hass: HomeAssistant, hass_client: Any, hass_storage: dict[str, Any], socket_enabled: None
) -> None:
    hass_storage["onboarding"] = {
        "version": 4,
        "key": "onboarding",
        "data": {"done": ["user", "core_config", "analytics", "integration"]},
    }
    assert await async_setup_component(hass, "frontend", {})
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    client = await hass_client()
    page = await (await client.get("/")).text()
    assert "/local_solar/local-solar.js?v=0.1.0" in page
    script = await client.get("/local_solar/local-solar.js")
    assert script.status == 200
    assert "ll-strategy-dashboard-local-solar" in await script.text()


async def test_system_health(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    assert await async_setup_component(hass, "system_health", {})
    assert await get_system_health_info(hass, DOMAIN) == {"installations": 1, "connected": 1, "paused": 0}


async def test_import_happens_outside_the_loop(hass: HomeAssistant) -> None:
    with patch.object(hass, "async_add_import_executor_job", wraps=hass.async_add_import_executor_job) as job:
        assert await async_family_name(hass, "studer") == "Studer"
    assert job.call_count == 1
