"""Options and links of a Studer installation: points of the owner's choice, and every way to its gateway."""

from typing import Any

import pytest
from homeassistant.components import network
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.flows import studer as forms
from custom_components.local_solar.solarlink.errors import LinkError
from custom_components.local_solar.solarlink.studer import finder
from simulators.studer import MoxaFinder, StuderSimulator

from .browser_form import opened
from .common import Find, attributes, poll, set_number, value
from .conftest import GUID, assert_translated
from .test_config_flow import Result, advance, assert_nothing_open, filled, open_form, submit
from .test_diagnostics import download

SEARCH = forms._async_search
"""The real search, before the fixtures take it away."""


async def open_options(hass: HomeAssistant, entry: MockConfigEntry) -> Result:
    form: Result = await hass.config_entries.options.async_init(entry.entry_id)
    assert_translated(form)
    return form


def offered(form: Result) -> dict[str, str]:
    """Value to label of everything that can be picked."""
    assert form["data_schema"] is not None
    field = next(each for key, each in form["data_schema"].schema.items() if key == forms.EXTRA_POINTS)
    return {option["value"]: option["label"] for option in field.config["options"]}


async def answer(hass: HomeAssistant, form: Result, **options: Any) -> Result:
    result: Result = await hass.config_entries.options.async_configure(form["flow_id"], opened(form) | options)
    await hass.async_block_till_done(wait_background_tasks=True)
    return result


def name_of(form: Result, number: int) -> str:
    """The value under which a number of the Xtender can be picked."""
    return next(name for name in offered(form) if name.startswith("xt/") and name.endswith(f"_{number}"))


# Points of the owner's choice


async def test_the_list_holds_what_the_units_know_and_no_more(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    form = await open_options(hass, entry)
    choices = offered(form)
    kinds = {name.partition("/")[0] for name in choices}
    # Two Xtenders, two VarioStrings, a BMS and what the remote control holds.
    assert kinds == {"xt", "vs", "bms", "gateway"}
    assert len(choices) > 400
    label = choices[name_of(form, 1187)]
    assert label.startswith("Xtender > ")
    assert "1187" in label
    # What has an entity already and what must never be done cannot be picked.
    numbers = {name.rpartition("_")[2] for name in choices if name.startswith("xt/")}
    assert numbers.isdisjoint({"1607", "1395"})
    assert any(label.endswith(", installer)") for label in choices.values())
    hass.config_entries.options.async_abort(form["flow_id"])


async def test_a_picked_point_is_an_entity_like_all_others_and_goes_when_it_is_taken_out(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    form = await open_options(hass, entry)
    standby = name_of(form, 1187)
    key = standby.partition("/")[2]
    done = await answer(hass, form, extra_points=[standby])
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert entry.state is ConfigEntryState.LOADED
    registry = er.async_get(hass)
    found = [e for e in registry.entities.values() if e.unique_id.endswith(f"-{key}")]
    assert sorted(e.unique_id for e in found) == [f"studer-0001A2F3-{key}", f"studer-0001A404-{key}"]
    number = entity_id(key)
    assert float(value(hass, number)) == studer.flash(101, 1187)
    await set_number(hass, number, 20)
    assert studer.ram[101, 1187] == 20
    assert attributes(hass, number)["flash_value"] == studer.flash(101, 1187)
    assert not studer.flash_writes

    form = await open_options(hass, entry)
    await answer(hass, form, extra_points=[])
    assert not [e for e in registry.entities.values() if e.unique_id.endswith(f"-{key}")]
    # All others stay.
    assert value(hass, entity_id("smart_boost_limit")) == "100.0"


async def test_a_state_and_an_info_can_be_picked_too(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    form = await open_options(hass, entry)
    mode, temperature = name_of(form, 1205), name_of(form, 3104)
    await answer(hass, form, extra_points=[mode, temperature])
    assert hass.states.get(entity_id(temperature.partition("/")[2])) is not None
    assert hass.states.get(entity_id(mode.partition("/")[2])) is not None


async def test_what_can_cut_the_supply_is_shown_but_cannot_be_clicked(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    form = await open_options(hass, entry)
    allowed = name_of(form, 1124)
    await answer(hass, form, extra_points=[allowed])
    found = entity_id(allowed.partition("/")[2])
    assert found.startswith("binary_sensor.")
    assert value(hass, found) == "on"


async def test_what_was_picked_for_a_unit_that_is_gone_does_not_block_the_form(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    hass.config_entries.async_update_entry(entry, options={"extra_points": ["vt/a_value_of_a_charger_11999"]})
    form = await open_options(hass, entry)
    done = await answer(hass, form, extra_points=["vt/a_value_of_a_charger_11999"])
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert entry.state is ConfigEntryState.LOADED


async def test_ram_is_put_back_if_the_owner_wants_it(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    await answer(hass, await open_options(hass, entry), reapply_ram=True)
    boost = entity_id("smart_boost_limit")
    await set_number(hass, boost, 20)
    studer.restart(101)
    studer.add_message(177, 101)
    await poll(entry.runtime_data)
    await poll(entry.runtime_data)
    assert studer.ram[101, 1607] == 20
    assert value(hass, boost) == "20.0"
    assert not studer.flash_writes


# The section of the nightly pause


@pytest.mark.parametrize(
    ("section", "error"),
    [
        ({"pause_start": "03:00:00"}, "not_around_midnight"),
        ({"pause_end": "15:00:00"}, "not_around_midnight"),
        ({"ask_portal": True}, "portal_account_missing"),
        ({"portal_installation": "my house"}, "not_an_installation"),
    ],
)
async def test_a_pause_that_makes_no_sense_is_refused(
    hass: HomeAssistant, entry: MockConfigEntry, section: dict[str, Any], error: str
) -> None:
    form = await open_options(hass, entry)
    refused = await answer(hass, form, upload_pause=section)
    assert refused["type"] is FlowResultType.FORM
    assert refused["errors"] == {"base": error}
    assert_translated(refused)
    done = await answer(hass, refused, upload_pause={})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options["upload_pause"]["longest_pause"] == 45


async def test_the_account_of_the_portal_is_not_in_the_diagnostics(
    hass: HomeAssistant, hass_client: Any, entry: MockConfigEntry
) -> None:
    account = {"email": "owner@example.org", "password": "pa", "portal_installation": "4711"}
    await answer(hass, await open_options(hass, entry), upload_pause={"ask_portal": True, **account})
    shown = await download(hass, hass_client, entry)
    assert {shown["entry"]["options"]["upload_pause"][field] for field in account} == {"**REDACTED**"}
    assert "owner@example" not in str(shown)
    form = await open_options(hass, entry)
    assert account.items() <= opened(form)["upload_pause"].items(), "it is not lost when the form is opened again"
    hass.config_entries.options.async_abort(form["flow_id"])


# Links


async def add(hass: HomeAssistant, form: Result, data: dict[str, Any], **expected: Any) -> MockConfigEntry:
    found = await submit(hass, form, data)
    assert found["step_id"] == "studer_found", found
    created = await advance(hass, found, {})
    await hass.async_block_till_done(wait_background_tasks=True)
    entry: MockConfigEntry = created["result"]
    assert entry.state is ConfigEntryState.LOADED
    assert expected.items() <= entry.data.items()
    return entry


async def test_udp(hass: HomeAssistant, studer: StuderSimulator, port: int) -> None:
    there = await studer.udp(("127.0.0.1", port))
    data = {CONF_HOST: "127.0.0.1", CONF_PORT: there, "local_port": port}
    entry = await add(hass, await open_form(hass, "udp"), data, local_port=port)
    assert entry.unique_id == f"studer-{GUID}"
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert_nothing_open(hass)


@pytest.mark.parametrize(("preset", "personality"), [("xcom_lan", "xcom-lan"), ("xcom_232i", "xcom-232i")])
async def test_serial_port_of_either_kind(
    hass: HomeAssistant, studer: StuderSimulator, preset: str, personality: str
) -> None:
    data = {CONF_DEVICE: await studer.pty(personality, strict_baud=True), "serial_preset": preset}
    found = await submit(hass, await open_form(hass, "serial"), data)
    # A pseudo terminal takes a parity only once, so it cannot be opened a second time for the entry.
    assert found["step_id"] == "studer_found", found
    assert GUID in filled(found)["devices"]
    hass.config_entries.flow.async_abort(found["flow_id"])
    assert_nothing_open(hass)


async def test_a_silent_serial_port_names_the_other_preset(hass: HomeAssistant, studer: StuderSimulator) -> None:
    data = {CONF_DEVICE: await studer.pty("xcom-232i", strict_baud=True), "serial_preset": "xcom_lan"}
    refused = await submit(hass, await open_form(hass, "serial"), data)
    assert refused["errors"] == {"base": "silent_port"}
    assert filled(refused)["other"] == "38400 8E1"
    hass.config_entries.flow.async_abort(refused["flow_id"])


async def test_xcom_485i(hass: HomeAssistant, studer: StuderSimulator) -> None:
    there = await studer.listen_modbus()
    data = {CONF_HOST: "127.0.0.1", CONF_PORT: there, "modbus_offset": "0"}
    entry = await add(hass, await open_form(hass, "modbus_tcp"), data)
    keys = {ref.key for ref in entry.runtime_data.known}
    # Nobody else is on that line, so there is nothing to wait for at night.
    assert "nightly_pause" not in keys
    assert {"set_clock", "smart_boost_limit"} <= keys
    assert await hass.config_entries.async_unload(entry.entry_id)


# Moxa boxes


async def test_moxa_boxes_are_found_and_offered(
    hass: HomeAssistant, studer: StuderSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    moxa = MoxaFinder("127.0.0.7")
    there = await moxa.listen("127.0.0.1", 0)
    find = finder.find_boxes

    async def near(target: str, *, wait: float) -> list[finder.Box]:
        return await find("127.0.0.1", port=there, wait=0.3)

    async def searched(hass: HomeAssistant, target: str) -> Any:
        return await SEARCH(hass, target)

    async def broadcasts(hass: HomeAssistant) -> set[str]:
        return {"192.0.2.255"}

    monkeypatch.setattr(forms, "_async_search", searched)
    monkeypatch.setattr(finder, "find_boxes", near)
    monkeypatch.setattr(network, "async_get_ipv4_broadcast_addresses", broadcasts)
    form = await open_form(hass, "tcp")
    assert filled(form)["found"] == "127.0.0.7 (Xcom-LAN)"
    assert form["data_schema"] is not None
    host = next(each for key, each in form["data_schema"].schema.items() if key == CONF_HOST)
    assert host.config["options"] == [{"value": "127.0.0.7", "label": "127.0.0.7 (Xcom-LAN)"}]
    assert moxa.searches == 1
    # Any other address can be typed as before.
    found = await submit(hass, form, {CONF_HOST: "127.0.0.1", CONF_PORT: await studer.listen()})
    assert found["step_id"] == "studer_found"
    hass.config_entries.flow.async_abort(found["flow_id"])
    moxa.close()


async def test_no_broadcast_is_no_matter(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(target: str, *, wait: float) -> list[finder.Box]:
        raise LinkError(address=target, reason="Network is unreachable")

    monkeypatch.setattr(finder, "find_boxes", nothing)
    assert list(await SEARCH(hass, "192.0.2.255")) == []
