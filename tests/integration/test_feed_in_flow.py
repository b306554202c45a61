"""The dialog of the zero feed-in controller: what it asks, what it looks at, and what it keeps."""

from typing import Any

import pytest
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.local_solar.const import CONF_FAMILY, DOMAIN
from custom_components.local_solar.controllers import feed_in_check, feed_in_sources
from custom_components.local_solar.flows import feed_in as asked
from custom_components.local_solar.solarlink.feed_in_control.client import CONTROLLER_ID, INVERTERS

from .feed_in_home import EAST, GRID, RATED, SHED, WEST, FeedInHome
from .test_config_flow import advance, after_progress, filled


async def form_of(hass: HomeAssistant) -> ConfigFlowResult:
    """The form, through the menu; there is only one way to set it up."""
    menu: ConfigFlowResult = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    return await advance(hass, menu, {"next_step_id": "feed_in_control"})


def offered(form: ConfigFlowResult, field: str) -> list[str]:
    """The choices of a field."""
    assert form["data_schema"] is not None
    schema = form["data_schema"].schema
    return [option["value"] for option in schema[field].config["options"]]


def suggested(form: ConfigFlowResult, section: str = "") -> dict[str, Any]:
    """What a form proposes, by field."""
    assert form["data_schema"] is not None
    fields = form["data_schema"].schema
    if section:
        fields = fields[section].schema.schema
    return {str(field): (field.description or {}).get("suggested_value") for field in fields}


async def submit(hass: HomeAssistant, form: ConfigFlowResult, answer: dict[str, Any]) -> ConfigFlowResult:
    """Submit the form and wait for what follows."""
    return await after_progress(hass, await advance(hass, form, answer))


async def test_from_the_form_to_the_control(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    await feed_in.add_devices()
    assert feed_in.meter_entry is not None
    assert feed_in.dtu_entry is not None
    form = await form_of(hass)
    assert form["step_id"] == "feed_in_control_house"
    assert offered(form, asked.METER_ENTRY) == [feed_in.meter_entry.entry_id]
    assert offered(form, asked.CHOSEN_INVERTERS) == [f"{feed_in.dtu_entry.entry_id}/{serial}" for serial in RATED]
    assert offered(form, asked.RELAY_ENTRY) == [], "this meter has no relay"
    before = feed_in.sent
    found = await submit(hass, form, feed_in.chosen())
    assert found["step_id"] == "feed_in_control_found"
    seen = filled(found)["seen"]
    assert "❌" not in seen, seen
    assert "300" in seen, "the load of the house"
    assert seen.count("\n") > 8
    assert "{" not in seen
    created = await advance(hass, found, {})
    assert created["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert feed_in.sent == before, "it has only looked"
    entry = created["result"]
    assert entry.state is ConfigEntryState.LOADED
    assert entry.data[CONF_FAMILY] == "feed_in_control"
    assert entry.unique_id == f"feed_in_control-{entry.data[CONTROLLER_ID]}"
    assert [(each["serial"], each["rated_power"], each["inputs"]) for each in entry.data[INVERTERS]] == [
        (WEST, 400.0, 1),
        (EAST, 400.0, 1),
        (SHED, 300.0, 1),
    ]
    # A second one for another part of the plant is another controller.
    again = await submit(hass, await form_of(hass), feed_in.chosen())
    assert again["step_id"] == "feed_in_control_found"
    hass.config_entries.flow.async_abort(again["flow_id"])


async def test_any_power_entity_can_be_the_meter(
    hass: HomeAssistant, feed_in: FeedInHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_in_check, "LONGEST", 2 * feed_in_check.SECONDS)
    await feed_in.add_devices()
    assert feed_in.dtu_entry is not None
    hass.states.async_set(GRID, "0.2", {"unit_of_measurement": "kW"})
    chosen = feed_in.chosen(**{asked.METER_ENTRY: None, asked.METER_ENTITY: GRID, asked.METER_INVERTED: True})
    found = await submit(hass, await form_of(hass), chosen)
    seen = filled(found)["seen"]
    assert "❌" in seen, "it has told nothing while we looked"
    created = await advance(hass, found, {})
    assert created["data"][asked.METER_ENTITY] == GRID
    assert created["data"][asked.METER_INVERTED] is True
    assert asked.METER_ENTRY not in created["data"]
    await hass.async_block_till_done()


async def test_the_look_tells_in_words_why_an_inverter_cannot_be_used(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    feed_in.dtu.view(EAST).configuration.command_enable = False
    await feed_in.add_devices()
    found = await submit(hass, await form_of(hass), feed_in.chosen())
    seen = filled(found)["seen"]
    assert f"{EAST}: The DTU sends it no commands" in seen
    assert "commands_off" not in seen


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({asked.METER_ENTRY: None}, {asked.METER_ENTITY: "no_meter"}),
        ({asked.CHOSEN_INVERTERS: []}, {asked.CHOSEN_INVERTERS: "no_inverter"}),
        ({asked.LEGAL_CAP: 900.0}, {asked.LEGAL_CAP: "above_legal_limit"}),
        ({"battery": {asked.STOP_VOLTAGE: 48.0}}, {"base": "voltage_order"}),
        ({"battery": {asked.STOP_VOLTAGE: 48.0, asked.START_VOLTAGE: 47.0}}, {"base": "voltage_order"}),
    ],
)
async def test_what_is_missing_is_said(
    hass: HomeAssistant, feed_in: FeedInHome, change: dict[str, Any], errors: dict[str, str]
) -> None:
    await feed_in.add_devices()
    form = await form_of(hass)
    answer = feed_in.chosen(**change)
    again = await advance(hass, form, answer)
    assert again["errors"] == errors
    assert suggested(again)[asked.LEGAL_CAP] == answer[asked.LEGAL_CAP], "what was entered stays"
    assert (await submit(hass, again, feed_in.chosen()))["step_id"] == "feed_in_control_found"


@pytest.mark.parametrize(
    ("field", "errors"),
    [
        (asked.STATE_OF_CHARGE, {"base": "no_state_of_charge"}),
        (asked.VOLTAGE, {"base": "no_battery_voltage"}),
    ],
)
async def test_what_the_battery_must_tell(
    hass: HomeAssistant, feed_in: FeedInHome, field: str, errors: dict[str, str]
) -> None:
    await feed_in.add_devices()
    answer = feed_in.chosen(battery={asked.STOP_VOLTAGE: 47.0, asked.START_VOLTAGE: 49.0})
    del answer[asked.BATTERY][field]
    again = await advance(hass, await form_of(hass), answer)
    assert again["errors"] == errors
    hass.config_entries.flow.async_abort(again["flow_id"])


async def test_without_a_battery_none_is_asked(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    await feed_in.add_devices()
    answer = feed_in.chosen()
    answer[asked.BATTERY] = {asked.NO_BATTERY: True, asked.MAX_AGE: 120.0}
    found = await submit(hass, await form_of(hass), answer)
    assert found["step_id"] == "feed_in_control_found"
    created = await advance(hass, found, {})
    feed_in.entry = created["result"]
    await hass.async_block_till_done()
    provider = feed_in.control
    await feed_in.until(lambda: provider.loop.orders is not None and provider.loop.orders.gate_open)


async def test_a_change_keeps_who_it_is(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    await feed_in.started()
    assert feed_in.entry is not None
    assert feed_in.dtu_entry is not None
    await feed_in.set("feed_in_target", 40)
    form = await feed_in.entry.start_reconfigure_flow(hass)
    assert form["step_id"] == "feed_in_control_house"
    known = suggested(form)
    assert known[asked.LEGAL_CAP] == 800.0
    assert known[asked.CHOSEN_INVERTERS] == feed_in.entry.data[asked.CHOSEN_INVERTERS]
    assert suggested(form, asked.BATTERY)[asked.STATE_OF_CHARGE] == "sensor.soc"
    two = [f"{feed_in.dtu_entry.entry_id}/{serial}" for serial in (WEST, EAST)]
    found = await submit(hass, form, feed_in.chosen(**{asked.CHOSEN_INVERTERS: two, asked.LEGAL_CAP: 600.0}))
    assert found["step_id"] == "feed_in_control_found"
    done = await advance(hass, found, {})
    assert done["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert feed_in.entry.state is ConfigEntryState.LOADED
    assert [each["serial"] for each in feed_in.entry.data[INVERTERS]] == [WEST, EAST]
    assert feed_in.number("feed_in_target") == 40.0
    await feed_in.until_settled(40.0)


async def test_a_change_that_is_given_up_changes_nothing(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    await feed_in.started()
    assert feed_in.entry is not None
    form = await feed_in.entry.start_reconfigure_flow(hass)
    found = await submit(hass, form, feed_in.chosen(**{asked.LEGAL_CAP: 500.0}))
    hass.config_entries.flow.async_abort(found["flow_id"])
    await hass.async_block_till_done()
    await feed_in.until(lambda: feed_in.entry is not None and feed_in.entry.state is ConfigEntryState.LOADED)
    assert feed_in.entry.data[asked.LEGAL_CAP] == 800.0
    await feed_in.until_settled()


async def test_a_dialog_that_is_closed_during_the_look_leaves_nothing(
    hass: HomeAssistant, feed_in: FeedInHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []
    for kind in (feed_in_sources.MeterFeed, feed_in_sources.GatewayFeed):
        stop = kind.stop

        def note(self: Any, stop: Any = stop) -> None:
            stopped.append(type(self).__name__)
            stop(self)

        monkeypatch.setattr(kind, "stop", note)
    await feed_in.add_devices()
    shown = await advance(hass, await form_of(hass), feed_in.chosen())
    assert shown["type"] is FlowResultType.SHOW_PROGRESS
    stopped.clear()
    hass.config_entries.flow.async_abort(shown["flow_id"])
    await hass.async_block_till_done()
    assert {"MeterFeed", "GatewayFeed"} <= set(stopped)


async def test_inverters_of_an_entry_that_is_not_loaded_stay_chosen(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    await feed_in.started()
    assert feed_in.dtu_entry is not None
    assert feed_in.entry is not None
    assert await hass.config_entries.async_unload(feed_in.dtu_entry.entry_id)
    form = await feed_in.entry.start_reconfigure_flow(hass)
    assert offered(form, asked.CHOSEN_INVERTERS) == feed_in.entry.data[asked.CHOSEN_INVERTERS]
    hass.config_entries.flow.async_abort(form["flow_id"])
