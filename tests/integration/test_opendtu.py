"""OpenDTU in Home Assistant: dialogs, discovery, logins, and what its owner is told."""

import asyncio
import json
from ipaddress import ip_address
from typing import Any

import pytest
from homeassistant.config_entries import (
    SOURCE_DHCP,
    SOURCE_IGNORE,
    SOURCE_REAUTH,
    SOURCE_USER,
    SOURCE_ZEROCONF,
    ConfigEntryState,
)
from homeassistant.const import ATTR_ENTITY_ID, CONF_HOST, CONF_PASSWORD, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.local_solar.const import CONF_FAMILY, CONF_LINK, DOMAIN
from custom_components.local_solar.coordinator import SolarCoordinator

from .common import Find, poll, set_number, state_of, value, warnings_of_ours
from .conftest import assert_translated
from .opendtu_home import DTU_SERIAL, HOST, PASSWORD, WEST, OpenDtuHome, dtu_entry
from .test_config_flow import Result, advance, filled, submit, suggested

NAME = "opendtu-4a7c31"


def entries(hass: HomeAssistant) -> list[Any]:
    """Every entry of ours."""
    return list(hass.config_entries.async_entries(DOMAIN))


def logins(hass: HomeAssistant) -> list[Any]:
    """The dialogs in which an owner is asked for the password again."""
    return [flow for flow in hass.config_entries.flow.async_progress() if flow["context"]["source"] == SOURCE_REAUTH]


def is_well(coordinator: SolarCoordinator) -> bool:
    """Whether the last poll brought values; a call, so that nobody believes that it stays."""
    return coordinator.last_update_success


# Added by hand


async def open_form(hass: HomeAssistant) -> Result:
    """Go through the menu to the form."""
    menu = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    form = await advance(hass, menu, {"next_step_id": "opendtu"})
    assert form["step_id"] == "opendtu_host"
    schema = form["data_schema"]
    assert schema is not None
    assert list(schema.schema) == [CONF_HOST, CONF_PASSWORD]
    return form


@pytest.mark.parametrize(
    ("firmware", "on_battery", "title"),
    [
        ("v23.8.5", False, "OpenDTU"),
        ("v26.3.30", False, "OpenDTU"),
        ("2024.08.06", True, "OpenDTU-OnBattery"),
        ("2026.03.31", True, "OpenDTU-OnBattery"),
    ],
)
async def test_host_and_password_are_enough(
    hass: HomeAssistant, dtu_home: OpenDtuHome, firmware: str, on_battery: bool, title: str
) -> None:
    sim, host = await dtu_home.dtu(firmware, on_battery=on_battery, read_only=False)
    found = await submit(hass, await open_form(hass), {CONF_HOST: host, CONF_PASSWORD: PASSWORD})
    assert found["step_id"] == "opendtu_found", found
    for text in ("Battery west", "HM-400", WEST, firmware):
        assert text in filled(found)["devices"]
    created = await advance(hass, found, {})
    assert created["type"] is FlowResultType.CREATE_ENTRY
    assert created["title"] == title
    assert created["data"] == {CONF_FAMILY: "opendtu", CONF_LINK: "host", CONF_HOST: host, CONF_PASSWORD: PASSWORD}
    await hass.async_block_till_done(wait_background_tasks=True)
    assert created["result"].unique_id == f"opendtu-{DTU_SERIAL}"
    assert created["result"].state is ConfigEntryState.LOADED
    assert not sim.commands


@pytest.mark.parametrize("read_only", [True, False])
async def test_a_wrong_password_is_told_in_the_form(
    hass: HomeAssistant, dtu_home: OpenDtuHome, read_only: bool
) -> None:
    """Also where everybody may read: commands would fail only later."""
    _, host = await dtu_home.dtu(read_only=read_only)
    result = await submit(hass, await open_form(hass), {CONF_HOST: host, CONF_PASSWORD: "moonshine"})
    assert result["step_id"] == "opendtu_host"
    assert result["errors"] == {"base": "auth_failed"}
    assert suggested(result)[CONF_HOST] == host
    found = await submit(hass, result, {CONF_HOST: host, CONF_PASSWORD: PASSWORD})
    assert found["step_id"] == "opendtu_found"
    hass.config_entries.flow.async_abort(found["flow_id"])


async def test_without_a_password_there_is_nothing_to_set(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    _, host = await dtu_home.dtu(read_only=False)
    refused = await submit(hass, await open_form(hass), {CONF_HOST: host})
    assert refused["errors"] == {"base": "auth_failed"}
    hass.config_entries.flow.async_abort(refused["flow_id"])
    _, host = await dtu_home.dtu(read_only=True)
    found = await submit(hass, await open_form(hass), {CONF_HOST: host})
    created = await advance(hass, found, {})
    assert CONF_PASSWORD not in created["data"]
    await hass.async_block_till_done(wait_background_tasks=True)
    entities = er.async_entries_for_config_entry(er.async_get(hass), created["result"].entry_id)
    assert {entity.domain for entity in entities} == {"sensor", "binary_sensor", "event"}


async def test_another_device_at_that_address_is_told(hass: HomeAssistant, dtu_home: OpenDtuHome, port: int) -> None:
    _, host = await dtu_home.meter()
    result = await submit(hass, await open_form(hass), {CONF_HOST: host, CONF_PASSWORD: PASSWORD})
    assert result["errors"] == {"base": "no_opendtu"}
    assert filled(result)["address"] == f"http://{host}"
    result = await submit(hass, result, {CONF_HOST: f"{HOST}:{port}", CONF_PASSWORD: PASSWORD})
    assert result["errors"] == {"base": "link_failed"}
    hass.config_entries.flow.async_abort(result["flow_id"])


async def test_the_same_dtu_is_added_once(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    same = coordinator.config_entry.data[CONF_HOST]
    for host in (same, f"{HOST}:{await sim.listen(HOST)}"):
        result = await submit(hass, await open_form(hass), {CONF_HOST: host, CONF_PASSWORD: PASSWORD})
        assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    assert entries(hass) == [coordinator.config_entry]


# Found in the network


def announced(host: str, name: str = NAME) -> ZeroconfServiceInfo:
    """What a DTU announces of itself."""
    address, _, port = host.partition(":")
    return ZeroconfServiceInfo(
        ip_address=ip_address(address),
        ip_addresses=[ip_address(address)],
        port=int(port),
        hostname=f"{name}.local.",
        type="_opendtu._tcp.local.",
        name=f"{name}._opendtu._tcp.local.",
        properties={},
    )


def leased(ip: str, name: str = NAME, mac: str = DTU_SERIAL) -> DhcpServiceInfo:
    """What the network saw when the DTU asked for an address."""
    return DhcpServiceInfo(ip=ip, hostname=name, macaddress=mac)


async def discovered(hass: HomeAssistant, info: ZeroconfServiceInfo | DhcpServiceInfo) -> Result:
    """Let Home Assistant find a device."""
    source = SOURCE_ZEROCONF if isinstance(info, ZeroconfServiceInfo) else SOURCE_DHCP
    result: Result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": source}, data=info)
    assert_translated(result)
    return result


def titles(hass: HomeAssistant) -> list[Any]:
    """How the dialogs call what was found."""
    return [flow["context"]["title_placeholders"]["name"] for flow in hass.config_entries.flow.async_progress()]


@pytest.mark.parametrize("read_only", [True, False])
async def test_a_dtu_that_announces_itself_is_offered(
    hass: HomeAssistant, dtu_home: OpenDtuHome, read_only: bool
) -> None:
    _, host = await dtu_home.dtu(read_only=read_only)
    form = await discovered(hass, announced(host))
    assert form["step_id"] == "opendtu_host"
    assert suggested(form) == {CONF_HOST: host}
    assert titles(hass) == [NAME]
    wrong = await submit(hass, form, {CONF_HOST: host, CONF_PASSWORD: "moonshine"})
    assert wrong["errors"] == {"base": "auth_failed"}
    found = await submit(hass, wrong, {CONF_HOST: host, CONF_PASSWORD: PASSWORD})
    created = await advance(hass, found, {})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert created["result"].unique_id == f"opendtu-{DTU_SERIAL}"
    assert created["result"].state is ConfigEntryState.LOADED
    assert not hass.config_entries.flow.async_progress()


@pytest.mark.parametrize("read_only", [True, False])
async def test_found_in_two_ways_makes_one_dialog(hass: HomeAssistant, dtu_home: OpenDtuHome, read_only: bool) -> None:
    _, host = await dtu_home.dtu(read_only=read_only)
    first = await discovered(hass, announced(host))
    assert first["type"] is FlowResultType.FORM
    again = announced(host)
    # Home Assistant itself holds back what is announced a second time in the same words only.
    again.properties["fw"] = "1"
    for other in (again, leased(HOST, NAME)):
        second = await discovered(hass, other)
        assert (second["type"], second["reason"]) == (FlowResultType.ABORT, "already_in_progress")
    assert len(hass.config_entries.flow.async_progress()) == 1


async def test_two_dtus_make_two_dialogs(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    _, host = await dtu_home.dtu()
    _, other = await dtu_home.dtu(mac="02:00:5E:4A:7C:99", read_only=False)
    assert (await discovered(hass, announced(host)))["type"] is FlowResultType.FORM
    assert (await discovered(hass, announced(other, "opendtu-4a7c99")))["type"] is FlowResultType.FORM
    assert len(hass.config_entries.flow.async_progress()) == 2


async def test_a_dtu_that_is_there_already_is_followed_to_its_address(
    hass: HomeAssistant, dtu_home: OpenDtuHome
) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    entry = coordinator.config_entry
    result = await discovered(hass, announced(entry.data[CONF_HOST]))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    assert entry.runtime_data is coordinator
    host = f"{HOST}:{await sim.listen(HOST)}"
    result = await discovered(hass, announced(host))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.data[CONF_HOST] == host
    assert entry.data[CONF_PASSWORD] == PASSWORD
    assert state_of(entry) is ConfigEntryState.LOADED
    assert entry.runtime_data is not coordinator


async def test_a_new_lease_of_a_known_dtu_is_followed(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    """Even one that lets nobody read, because its MAC address is known."""
    _, coordinator = await dtu_home.with_dtu(read_only=False)
    entry = coordinator.config_entry
    port = entry.data[CONF_HOST].partition(":")[2]
    # Nothing answers at the address of this example.
    await hass.config_entries.async_unload(entry.entry_id)
    result = await discovered(hass, leased("192.0.2.38"))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    assert entry.data[CONF_HOST] == f"192.0.2.38:{port}"


async def test_other_devices_in_the_network_are_left_alone(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    result = await discovered(hass, leased("192.0.2.77", "printer"))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_known_device")


async def test_a_dtu_that_its_owner_ignores_is_not_offered_again(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    sim, host = await dtu_home.dtu()
    form = await discovered(hass, announced(host))
    [flow] = hass.config_entries.flow.async_progress()
    ignore = {"unique_id": flow["context"]["unique_id"], "title": NAME}
    await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_IGNORE}, data=ignore)
    assert not hass.config_entries.flow.async_progress(), form
    result = await discovered(hass, announced(f"{HOST}:{await sim.listen(HOST)}"))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    # Who changes their mind can add it by hand.
    found = await submit(hass, await open_form(hass), {CONF_HOST: host, CONF_PASSWORD: PASSWORD})
    assert (await advance(hass, found, {}))["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)


# Asked for the password again


async def log_in(hass: HomeAssistant, password: str) -> Result:
    """Answer the only dialog that asks for a password."""
    [flow] = logins(hass)
    form = await hass.config_entries.flow.async_configure(flow["flow_id"])
    assert_translated(form)
    assert form["step_id"] == "reauth_confirm"
    schema = form["data_schema"]
    assert schema is not None
    assert list(schema.schema) == [CONF_PASSWORD]
    assert PASSWORD not in str(suggested(form))
    return await advance(hass, form, {CONF_PASSWORD: password})


async def test_a_password_that_was_changed_is_asked_for(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find, caplog: pytest.LogCaptureFixture
) -> None:
    sim, coordinator = await dtu_home.with_dtu(read_only=False)
    entry = coordinator.config_entry
    sim.password = "new moon"
    for _ in range(3):
        await poll(coordinator)
    assert value(hass, entity_id("ac_output_power")) != ""
    assert not is_well(coordinator)
    assert len(logins(hass)) == 1
    assert len(warnings_of_ours(caplog)) == 1

    wrong = await log_in(hass, "moonshine")
    assert wrong["errors"] == {"base": "auth_failed"}
    assert entry.data[CONF_PASSWORD] == PASSWORD
    done = await log_in(hass, "new moon")
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.data[CONF_PASSWORD] == "new moon"
    assert state_of(entry) is ConfigEntryState.LOADED
    assert value(hass, entity_id("ac_output_power")) != STATE_UNAVAILABLE
    assert is_well(entry.runtime_data)
    assert not logins(hass)


async def test_a_password_that_was_changed_while_home_assistant_was_off(
    hass: HomeAssistant, dtu_home: OpenDtuHome
) -> None:
    sim, coordinator = await dtu_home.with_dtu(read_only=False)
    entry = coordinator.config_entry
    await hass.config_entries.async_unload(entry.entry_id)
    sim.password = "new moon"
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert state_of(entry) is ConfigEntryState.SETUP_ERROR
    done = await log_in(hass, "new moon")
    assert done["reason"] == "reauth_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state_of(entry) is ConfigEntryState.LOADED


@pytest.mark.parametrize("way", ["number", "switch", "button", "set_limit", "set_persistent_limit", "restart_inverter"])
async def test_a_command_that_is_refused_asks_for_the_password(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find, way: str
) -> None:
    """Where everybody may read, only a command shows that the password is wrong."""
    sim, coordinator = await dtu_home.with_dtu()
    coordinator = await dtu_home.switched_on(coordinator, "restart")
    sim.password = "new moon"
    await poll(coordinator)
    assert is_well(coordinator)
    assert not logins(hass)
    entity = er.async_get(hass).async_get(entity_id(f"{WEST}-limit_relative"))
    assert entity
    device = {"device_id": entity.device_id}
    ways: dict[str, tuple[str, str, dict[str, Any]]] = {
        "number": ("number", "set_value", {ATTR_ENTITY_ID: entity.entity_id, "value": 40}),
        "switch": ("switch", "turn_off", {ATTR_ENTITY_ID: entity_id(f"{WEST}-inverter_switched_on")}),
        "button": ("button", "press", {ATTR_ENTITY_ID: entity_id(f"{WEST}-restart")}),
        "set_limit": (DOMAIN, "set_limit", device | {"limit": 40}),
        "set_persistent_limit": (DOMAIN, "set_persistent_limit", device | {"limit": 40, "confirm": True}),
        "restart_inverter": (DOMAIN, "restart_inverter", device),
    }
    domain, action, data = ways[way]
    for _ in range(2):
        with pytest.raises(HomeAssistantError) as caught:
            await hass.services.async_call(domain, action, data, blocking=True)
        assert caught.value.translation_key == "auth_failed"
    assert len(logins(hass)) == 1
    assert is_well(coordinator)
    assert not sim.commands
    done = await log_in(hass, "new moon")
    assert done["reason"] == "reauth_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    await dtu_home.meanwhile(sim, hass.services.async_call(domain, action, data, blocking=True))
    assert len(sim.commands) == 1


async def test_another_dtu_cannot_take_the_place(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    sim, coordinator = await dtu_home.with_dtu(read_only=False)
    entry = coordinator.config_entry
    sim.password = "new moon"
    await poll(coordinator)
    assert len(logins(hass)) == 1
    _, stranger = await dtu_home.dtu(mac="02:00:5E:4A:7C:99", password="new moon")
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_HOST: stranger})
    done = await log_in(hass, "new moon")
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "wrong_device")
    assert entry.data[CONF_PASSWORD] == PASSWORD


async def test_reconfigure(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    sim, host = await dtu_home.dtu()
    entry = dtu_entry(host)
    await dtu_home.load(entry)
    before = {entity.unique_id for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)}
    _, stranger = await dtu_home.dtu(mac="02:00:5E:4A:7C:99")
    result = await submit(hass, await entry.start_reconfigure_flow(hass), {CONF_HOST: stranger})
    assert result["reason"] == "wrong_device"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state_of(entry) is ConfigEntryState.LOADED
    sim.password = "new moon"
    host = f"{HOST}:{await sim.listen(HOST)}"
    result = await submit(hass, await entry.start_reconfigure_flow(hass), {CONF_HOST: host, CONF_PASSWORD: PASSWORD})
    assert result["errors"] == {"base": "auth_failed"}
    result = await submit(hass, result, {CONF_HOST: host, CONF_PASSWORD: "new moon"})
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (entry.data[CONF_HOST], entry.data[CONF_PASSWORD]) == (host, "new moon")
    assert state_of(entry) is ConfigEntryState.LOADED
    assert entries(hass) == [entry]
    assert before == {e.unique_id for e in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)}


# Loading and unloading


async def test_another_dtu_at_the_address_is_not_taken_for_it(
    hass: HomeAssistant, dtu_home: OpenDtuHome, caplog: pytest.LogCaptureFixture
) -> None:
    _, host = await dtu_home.dtu(mac="02:00:5E:4A:7C:99")
    entry = dtu_entry(host)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert state_of(entry) is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "wrong_device"


async def test_nothing_is_left_behind(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    """Neither tasks nor sockets, also while the WebSocket brings values and a controller follows."""
    before = asyncio.all_tasks()
    sim, coordinator = await dtu_home.with_dtu(websocket=True)
    entry = coordinator.config_entry
    pictures: list[Any] = []
    for _ in range(3):
        await poll(entry.runtime_data)
        await until(lambda: sim.websockets == 1)
        client: Any = entry.runtime_data.client
        client.follow_inverters(pictures.append)
        told = len(pictures)
        await until(lambda seen=told: len(pictures) > seen)
        assert await hass.config_entries.async_unload(entry.entry_id)
        await until(lambda: sim.websockets == 0)
        left = {task.get_coro().__qualname__ for task in asyncio.all_tasks() - before if not task.done()}  # type: ignore[union-attr]
        assert not [name for name in left if "local_solar" in name or name.startswith(("LiveLoop", "LiveSocket"))], left
        told = len(pictures)
        sim.advance(30)
        await asyncio.sleep(0.2)
        assert len(pictures) == told
        assert await hass.config_entries.async_setup(entry.entry_id)
    assert await hass.config_entries.async_remove(entry.entry_id)
    assert not entries(hass)


async def until(true: Any) -> None:
    """Wait for something that must happen."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what happens in another program raises no event here
            await asyncio.sleep(0.01)


async def test_a_restart_asks_hardly_anything(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    """What the inverters are is remembered, also of one that sleeps at that moment."""
    sim, coordinator = await dtu_home.with_dtu()
    points = set(coordinator.known)
    sim.reboot(0.0)
    coordinator = await dtu_home.reloaded(coordinator)
    assert set(coordinator.known) == points
    assert [unit.model for unit in coordinator.installation.units] == ["HM-400-1T", "HM-400-1T", "HM-300-1T"]


# What the owner is told


def issues_of(hass: HomeAssistant) -> dict[str, Any]:
    """Our repair issues by key, with what their texts are filled with."""
    found = ir.async_get(hass).issues.items()
    return {
        issue.translation_key or "": issue.translation_placeholders for (domain, _), issue in found if domain == DOMAIN
    }


async def test_the_password_of_the_factory_is_a_repair(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    _, coordinator = await dtu_home.with_dtu(password="openDTU42", entered="openDTU42")
    host = coordinator.config_entry.data[CONF_HOST]
    assert issues_of(hass) == {"opendtu_default_password": {"name": "OpenDTU", "address": f"http://{host}"}}
    await hass.config_entries.async_unload(coordinator.config_entry.entry_id)
    assert issues_of(hass) == {}


async def test_a_clock_that_is_not_set_is_a_repair_after_a_while(
    hass: HomeAssistant, dtu_home: OpenDtuHome, entity_id: Find
) -> None:
    sim, coordinator = await dtu_home.with_dtu()
    sim.faults.set("clock_not_set")
    await poll(coordinator)
    assert value(hass, entity_id("clock_not_set")) == "on"
    assert issues_of(hass) == {}
    with pytest.raises(HomeAssistantError) as caught:
        await set_number(hass, entity_id("limit_relative"), 50)
    assert caught.value.translation_key == "clock_not_set"
    assert not sim.commands
    dtu_home.ahead += 150
    await poll(coordinator)
    assert set(issues_of(hass)) == {"opendtu_clock_not_set"}
    sim.faults.clear()
    await poll(coordinator)
    assert issues_of(hass) == {}
    assert value(hass, entity_id("clock_not_set")) == "off"


async def test_two_controllers_are_a_repair(hass: HomeAssistant, dtu_home: OpenDtuHome) -> None:
    """The power limiter of OpenDTU-OnBattery and a controller of ours must not work on one inverter."""
    sim, coordinator = await dtu_home.with_dtu("2026.03.31", on_battery=True)
    sim.limiter.enabled, sim.limiter.governed = True, {WEST}
    coordinator = await dtu_home.switched_on(coordinator, "governed")
    await poll(coordinator)
    assert issues_of(hass) == {}
    client: Any = coordinator.client
    unfollow = client.follow_inverters(lambda picture: None)
    await poll(coordinator)
    assert issues_of(hass)["opendtu_governed"]["inverters"] == "Battery west"
    unfollow()
    await poll(coordinator)
    assert issues_of(hass) == {}


async def test_diagnostics_give_nothing_away(
    hass: HomeAssistant, dtu_home: OpenDtuHome, hass_client: ClientSessionGenerator
) -> None:
    sim, coordinator = await dtu_home.with_dtu("2026.03.31", on_battery=True, read_only=False)
    await poll(coordinator)
    await dtu_home.meanwhile(sim, coordinator.client.write(next(
        ref for ref in coordinator.known if ref.key == "limit_relative"), 50.0))  # fmt: skip
    assert await async_setup_component(hass, "diagnostics", {})
    shown = json.dumps(await get_diagnostics_for_config_entry(hass, hass_client, coordinator.config_entry))
    token = "YWRtaW46c3Vubnkgc2lkZQ"
    for secret in (PASSWORD, token, WEST, DTU_SERIAL, "4a7c31", "4A7C31", "Haus am Hang", HOST, "192.0.2.38"):
        assert secret not in shown, secret
    assert '"password": "**REDACTED**"' in shown
    # What helps is there.
    for useful in ("opendtu", "2026.03.31", "HM-400-1T", "/api/livedata/status", "limit_relative", "ac_output_power"):
        assert useful in shown, useful
