"""What the dialog of the zero feed-in begins with, and what it shows when it is opened again."""

import pytest
from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigFlowContext, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.const import DOMAIN
from custom_components.local_solar.flows import feed_in as asked
from simulators.pylontech import PylontechSimulator
from simulators.victron_gx import GxSimulator

from . import conext_home, victron_home
from .browser_form import opened
from .feed_in_home import RATED, WEST, FeedInHome
from .test_config_flow import advance
from .test_feed_in_flow import form_of, submit


async def test_a_house_that_has_one_of_each_is_asked_nothing(
    hass: HomeAssistant, feed_in: FeedInHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    victron_home.hurry(monkeypatch)
    await feed_in.add_devices()
    assert feed_in.meter_entry is not None
    assert feed_in.dtu_entry is not None
    gx = GxSimulator(house=feed_in.house, pace=0.0)
    entry = await feed_in.load(victron_home.gx_entry(await gx.listen()))
    try:
        form = await form_of(hass)
        begun = opened(form)
        assert begun[asked.METER_ENTRY] == feed_in.meter_entry.entry_id
        assert begun[asked.CHOSEN_INVERTERS] == [f"{feed_in.dtu_entry.entry_id}/{serial}" for serial in RATED]
        registry = er.async_get(hass)
        shown = {
            field: registry.async_get(each).unique_id.removeprefix(f"{victron_home.GX}-")  # type: ignore[union-attr]
            for field, each in begun[asked.BATTERY].items()
            if isinstance(each, str)
        }
        assert shown == {
            asked.STATE_OF_CHARGE: "battery-state_of_charge",
            asked.VOLTAGE: "battery-battery_voltage",
            asked.CURRENT: "battery-battery_current",
            asked.CHARGE_LIMIT: "battery-charge_current_limit",
            asked.DISCHARGE_LIMIT: "battery-discharge_current_limit",
            asked.TEMPERATURE: "battery-battery_temperature",
            asked.GRID_LOST: "vebus-on_own_inverter",
        }
        # Submitted as it is.
        found = await submit(hass, form, begun)
        assert found["step_id"] == "feed_in_control_found"
        feed_in.entry = (await advance(hass, found, {}))["result"]
        await hass.async_block_till_done()
        # A second controller could have none of these inverters.
        form = await form_of(hass)
        assert opened(form)[asked.CHOSEN_INVERTERS] == []
        hass.config_entries.flow.async_abort(form["flow_id"])
    finally:
        if feed_in.entry is not None:
            await hass.config_entries.async_unload(feed_in.entry.entry_id)
        await hass.config_entries.async_unload(entry.entry_id)
        await gx.close()


async def test_of_two_batteries_the_owner_chooses(
    hass: HomeAssistant, feed_in: FeedInHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    victron_home.hurry(monkeypatch)
    conext_home.hurry(monkeypatch)
    gx, stack = GxSimulator(house=feed_in.house, pace=0.0), PylontechSimulator(house=feed_in.house, pace=0.0)
    entries: list[MockConfigEntry] = []
    try:
        entries.append(await feed_in.load(conext_home.pylontech_entry(await stack.listen(), stack.serials[0])))
        form = await form_of(hass)
        battery = opened(form)[asked.BATTERY]
        assert battery[asked.STATE_OF_CHARGE].endswith("stack_state_of_charge"), "of the whole stack"
        assert asked.GRID_LOST not in battery
        hass.config_entries.flow.async_abort(form["flow_id"])
        entries.append(await feed_in.load(victron_home.gx_entry(await gx.listen())))
        form = await form_of(hass)
        battery = opened(form)[asked.BATTERY]
        assert asked.STATE_OF_CHARGE not in battery
        assert battery[asked.GRID_LOST].endswith("own_inverter"), "of these there is one"
        hass.config_entries.flow.async_abort(form["flow_id"])
    finally:
        for entry in entries:
            await hass.config_entries.async_unload(entry.entry_id)
        await gx.close()
        await stack.close()


async def test_opened_again_it_shows_what_was_chosen(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    await feed_in.add_devices()
    assert feed_in.dtu_entry is not None
    chosen = feed_in.chosen(
        battery={asked.STOP_VOLTAGE: 47.0, asked.START_VOLTAGE: 49.0, asked.MAX_AGE: 300.0},
        others={asked.STRICT: True},
        **{asked.CHOSEN_INVERTERS: [f"{feed_in.dtu_entry.entry_id}/{WEST}"], asked.LEGAL_CAP: 600.0},
    )
    found = await submit(hass, await form_of(hass), chosen)
    feed_in.entry = (await advance(hass, found, {}))["result"]
    await hass.async_block_till_done()
    context = ConfigFlowContext(source=SOURCE_RECONFIGURE, entry_id=feed_in.entry.entry_id)
    form: ConfigFlowResult = await hass.config_entries.flow.async_init(DOMAIN, context=context)
    again = opened(form)
    inverted = {asked.DISCHARGING_POSITIVE: False}
    assert again == {**chosen, asked.BATTERY: chosen[asked.BATTERY] | inverted}
    hass.config_entries.flow.async_abort(form["flow_id"])
