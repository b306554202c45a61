"""A SENEC.Home in Home Assistant: the dialogs, the options, and what its owner is told."""

import asyncio
from typing import Any

import pytest
from homeassistant.config_entries import SOURCE_DHCP, SOURCE_USER, ConfigEntryState
from homeassistant.const import CONF_HOST, STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.local_solar.const import CONF_FAMILY, CONF_INTERVAL, CONF_LINK, DOMAIN
from custom_components.local_solar.coordinator import SolarCoordinator
from custom_components.local_solar.families import moved

from .common import Find, poll, state_of, value, warnings_of_ours
from .conftest import assert_translated
from .senec_home import HOST, Ahead, SenecHome, entry_for
from .test_config_flow import Result, advance, filled, submit


def is_well(coordinator: SolarCoordinator) -> bool:
    """Whether the last poll brought values; a call, so that nobody believes that it stays."""
    return coordinator.last_update_success


# The dialogs


async def open_form(hass: HomeAssistant) -> Result:
    """Go through the menu to the form."""
    menu = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    form = await advance(hass, menu, {"next_step_id": "senec"})
    assert form["step_id"] == "senec_host"
    schema = form["data_schema"]
    assert schema is not None
    assert list(schema.schema) == [CONF_HOST]
    return form


@pytest.mark.parametrize(
    ("profile", "title"),
    [
        ("v3_duo", "SENEC.Home V3 hybrid duo"),
        ("v2_1_http", "SENEC.Home V2.1"),
        ("v2_australia", "SENEC.Home V2 5.0/7.5/10.0"),
    ],
)
async def test_an_address_is_all_that_is_entered(
    hass: HomeAssistant, home: SenecHome, profile: str, title: str
) -> None:
    sim, host = await home.sim(profile)
    found = await submit(hass, await open_form(hass), {CONF_HOST: host})
    assert found["step_id"] == "senec_found", found
    assert sim.device_id in filled(found)["devices"]
    created = await advance(hass, found, {})
    assert created["type"] is FlowResultType.CREATE_ENTRY
    assert created["data"] == {CONF_FAMILY: "senec", CONF_LINK: "host", CONF_HOST: host}
    assert created["title"] == title
    await hass.async_block_till_done(wait_background_tasks=True)
    assert created["result"].unique_id == f"senec-{sim.device_id}"
    assert created["result"].state is ConfigEntryState.LOADED


@pytest.mark.parametrize("profile", ["not_a_senec", None])
async def test_without_a_local_server_a_sentence_says_why(
    hass: HomeAssistant, home: SenecHome, profile: str | None, port: int
) -> None:
    """A web server of something else, or nothing at all, as a V4 has it."""
    host = f"{HOST}:{port}"
    if profile is not None:
        _, host = await home.sim(profile)
    result = await submit(hass, await open_form(hass), {CONF_HOST: host})
    assert result["step_id"] == "senec_host"
    assert result["errors"] == {"base": "no_local_server"}
    assert filled(result)["address"] == host
    # The same dialog goes on with the right address.
    _, host = await home.sim("v3_hybrid")
    found = await submit(hass, result, {CONF_HOST: host})
    assert found["step_id"] == "senec_found"
    hass.config_entries.flow.async_abort(found["flow_id"])


@pytest.mark.parametrize("host", ["https://192.0.2.5", "192.0.2.5:0", "192.0.2.5:https", ":443", "a b", "user@house"])
async def test_what_is_no_address_is_not_tried(hass: HomeAssistant, home: SenecHome, host: str) -> None:
    result = await advance(hass, await open_form(hass), {CONF_HOST: host})
    assert result["errors"] == {CONF_HOST: "not_a_host_or_port"}
    hass.config_entries.flow.async_abort(result["flow_id"])


async def test_the_same_appliance_is_added_once(hass: HomeAssistant, home: SenecHome) -> None:
    sim, coordinator = await home.started("v3_hybrid")
    same = coordinator.config_entry.data[CONF_HOST]
    result = await submit(hass, await open_form(hass), {CONF_HOST: same})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    other = f"{HOST}:{await sim.listen(HOST, 0, tls=True)}"
    result = await submit(hass, await open_form(hass), {CONF_HOST: other})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1
    assert coordinator.config_entry.data[CONF_HOST] == same


async def test_reconfigure_follows_the_appliance_and_no_other(hass: HomeAssistant, home: SenecHome) -> None:
    sim, host = await home.sim("v3_hybrid")
    entry = entry_for(sim, host)
    await home.load(entry)
    before = {entity.unique_id for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)}
    _, stranger = await home.sim("v3_duo")
    form = await entry.start_reconfigure_flow(hass)
    assert form["step_id"] == "senec_host"
    result = await submit(hass, form, {CONF_HOST: stranger})
    assert result["reason"] == "wrong_device"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state_of(entry) is ConfigEntryState.LOADED
    host = f"{HOST}:{await sim.listen(HOST, 0, tls=True)}"
    result = await submit(hass, await entry.start_reconfigure_flow(hass), {CONF_HOST: host})
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state_of(entry) is ConfigEntryState.LOADED
    assert hass.config_entries.async_entries(DOMAIN) == [entry]
    assert entry.data[CONF_HOST] == host
    assert before == {e.unique_id for e in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)}


@pytest.mark.parametrize(
    ("entered", "kept"),
    [
        ("192.0.2.7", "192.0.2.8"),
        ("192.0.2.7:8443", "192.0.2.8:8443"),
        ("senec.home.arpa", "senec.home.arpa"),
        ("senec.home.arpa:8443", "senec.home.arpa:8443"),
    ],
)
def test_a_new_address_keeps_port_and_name(entered: str, kept: str) -> None:
    assert moved(entered, "192.0.2.8") == kept


async def discovered(hass: HomeAssistant, mac: str, ip: str = HOST) -> Result:
    """A device asks the router for an address."""
    info = DhcpServiceInfo(ip=ip, hostname="senec", macaddress=mac)
    result: Result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_DHCP}, data=info)
    assert_translated(result)
    return result


async def test_a_known_appliance_is_followed_to_its_new_address(hass: HomeAssistant, home: SenecHome) -> None:
    _, coordinator = await home.started("v3_hybrid")
    entry = coordinator.config_entry
    host = entry.data[CONF_HOST]
    assert await hass.config_entries.async_unload(entry.entry_id)
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_HOST: host.replace(HOST, "192.0.2.7")})
    result = await discovered(hass, "025e4c100099")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_known_device")
    assert entry.data[CONF_HOST] != host
    result = await discovered(hass, "025e4c100004")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    assert entry.data[CONF_HOST] == host
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state_of(entry) is ConfigEntryState.LOADED


async def test_another_appliance_at_the_address_is_not_taken_for_ours(hass: HomeAssistant, home: SenecHome) -> None:
    sim, host = await home.sim("v3_hybrid")
    entry = entry_for(sim, host)
    entry.add_to_hass(hass)
    sim.set("FACTORY", "DEVICE_ID", "st_9021000000000000000000099")
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert state_of(entry) is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "wrong_device"


# The options


async def test_options(hass: HomeAssistant, home: SenecHome) -> None:
    sim, coordinator = await home.started("v3_hybrid")
    entry = coordinator.config_entry
    flow = hass.config_entries.options
    form = await flow.async_init(entry.entry_id)
    assert form["step_id"] == "senec"
    assert_translated(form)
    with pytest.raises(InvalidData):
        await flow.async_configure(form["flow_id"], {CONF_INTERVAL: 4})
    form = await flow.async_configure(form["flow_id"], {CONF_INTERVAL: 5, "ca_pem": "no certificate"})
    assert form["errors"] == {"ca_pem": "not_a_certificate"}
    assert_translated(form)
    root = sim.root_pem
    done = await flow.async_configure(form["flow_id"], {CONF_INTERVAL: 5, "ca_pem": root})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state_of(entry) is ConfigEntryState.LOADED
    assert entry.runtime_data.planner.interval == 5
    # From here on only the maker's certificates will do.
    sim.swap_certificate()
    await home.reloaded(entry.runtime_data)
    assert not entry.runtime_data.client.troubles
    sim.swap_certificate(root=True)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert state_of(entry) is ConfigEntryState.SETUP_RETRY
    assert "signed" in str(entry.reason)
    await hass.config_entries.async_unload(entry.entry_id)


# What the owner is told


async def test_a_changed_certificate_is_told_and_can_be_trusted(
    hass: HomeAssistant,
    home: SenecHome,
    entity_id: Find,
    hass_client: ClientSessionGenerator,
    issue_registry: ir.IssueRegistry,
) -> None:
    await async_setup_component(hass, "repairs", {})
    sim, coordinator = await home.started("v3_duo")
    entry = coordinator.config_entry
    issue_id = f"{entry.entry_id}_certificate_changed"
    known = coordinator.installation.facts["certificate"]
    assert known == sim.certificate_sha256
    assert not issue_registry.async_get_issue(DOMAIN, issue_id)
    sim.swap_certificate()
    await poll(coordinator)
    # Nothing stops because of it.
    assert is_well(coordinator)
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.is_fixable
    told = issue.translation_placeholders
    assert told is not None
    assert told["old"].replace(":", "").lower() == known[:16]
    assert told["new"].replace(":", "").lower() == sim.certificate_sha256[:16]
    # It is told again after a restart, as long as nobody agrees.
    coordinator = await home.reloaded(coordinator)
    assert issue_registry.async_get_issue(DOMAIN, issue_id)

    browser = await hass_client()
    step = await (await browser.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue_id})).json()
    assert (step["type"], step["step_id"]) == ("form", "confirm")
    done = await (await browser.post(f"/api/repairs/issues/fix/{step['flow_id']}", json={})).json()
    assert done["type"] == "create_entry"
    assert not issue_registry.async_get_issue(DOMAIN, issue_id)
    # It is on disk before the next poll.
    coordinator = await home.reloaded(coordinator)
    assert coordinator.installation.facts["certificate"] == sim.certificate_sha256
    assert not issue_registry.async_get_issue(DOMAIN, issue_id)


async def test_an_appliance_in_distress_is_told(
    hass: HomeAssistant, home: SenecHome, issue_registry: ir.IssueRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim, coordinator = await home.started("v3_hybrid")
    ahead = Ahead(coordinator, monkeypatch)
    issue_id = f"{coordinator.config_entry.entry_id}_device_overloaded"
    sim.faults.set("no_server_connection")
    for seconds in (10, 890, 10):
        assert not issue_registry.async_get_issue(DOMAIN, issue_id)
        ahead.seconds += seconds
        await poll(coordinator)
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["seconds"] == "10"
    sim.faults.clear()
    await poll(coordinator)
    assert not issue_registry.async_get_issue(DOMAIN, issue_id)


async def test_an_appliance_that_is_away_is_logged_once(
    hass: HomeAssistant, home: SenecHome, entity_id: Find, caplog: pytest.LogCaptureFixture, port: int
) -> None:
    sim, coordinator = await home.started("v3_hybrid", port=port)
    await sim.stop_listening(port)
    for _ in range(3):
        await poll(coordinator)
    assert not is_well(coordinator)
    assert value(hass, entity_id("link")) == STATE_OFF
    await sim.listen(HOST, port, tls=True)
    await poll(coordinator)
    assert is_well(coordinator)
    assert value(hass, entity_id("link")) == STATE_ON
    assert len([line for line in caplog.messages if "Error fetching" in line or "recovered" in line]) == 2


async def test_diagnostics_tell_nothing_of_who_it_is(
    hass: HomeAssistant, home: SenecHome, hass_client: ClientSessionGenerator
) -> None:
    sim, coordinator = await home.started("v3_wallbox")
    await poll(coordinator)
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, coordinator.config_entry)
    traffic = [bytes.fromhex(record["data"]).decode() for record in diagnostics["trace"] if "**" not in record["data"]]
    told = f"{diagnostics} {traffic}"
    assert "GUI_GRID_POW" in told
    assert "hybrid duo" in told
    secrets = {sim.device_id, "02:5e:4c:10:00:07", "u8_5E", HOST, "900000071", "9000000000000071"}
    secrets |= {unit.serial for unit in coordinator.installation.all_units}
    secrets |= {coordinator.config_entry.data[CONF_HOST]}
    assert not [secret for secret in secrets if secret.lower() in told.lower()]


async def test_unloading_leaves_nothing(
    hass: HomeAssistant, home: SenecHome, entity_id: Find, caplog: pytest.LogCaptureFixture
) -> None:
    sim, coordinator = await home.started("v3_duo")
    entry = coordinator.config_entry
    sim.swap_certificate()
    await poll(coordinator)
    power = entity_id("house_power")
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert value(hass, power) == STATE_UNAVAILABLE
    assert not ir.async_get(hass).issues
    assert not [task for task in asyncio.all_tasks() if "senec" in task.get_name()]
    asked = len(sim.requests)
    await asyncio.sleep(0.05)
    assert len(sim.requests) == asked
    assert warnings_of_ours(caplog) == []
    assert await hass.config_entries.async_remove(entry.entry_id)
    assert not er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
