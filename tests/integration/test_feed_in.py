"""The zero feed-in controller in Home Assistant: it controls, shows what it does, and can be set."""

import json
import threading
from typing import Any

import pytest
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.local_solar.const import DOMAIN
from custom_components.local_solar.descriptions import platform_of
from custom_components.local_solar.flows import feed_in as asked
from custom_components.local_solar.solarlink.control.feed_in import LearnedDelay, LearningJob
from custom_components.local_solar.solarlink.feed_in_control.points import POINTS, Kind

from .common import warnings_of_ours
from .feed_in_home import CONTROLLER, EAST, RATED, SHED, WEST, FeedInHome

OTHERS = "sensor.balcony"


async def test_the_grid_power_comes_to_its_target(feed_in: FeedInHome, caplog: pytest.LogCaptureFixture) -> None:
    await feed_in.started()
    assert feed_in.shown("feed_in_state") == "controlling"
    assert feed_in.number("feed_in_house_load") == pytest.approx(300.0, abs=20.0)
    assert feed_in.number("feed_in_committed_power") == pytest.approx(feed_in.commanded, abs=5.0)
    for load in (600.0, 150.0):
        feed_in.need(load)
        await feed_in.until_settled()
    before = feed_in.sent
    await feed_in.pass_time(30.0)
    assert feed_in.sent - before <= 1, "it sends nothing while nothing changes"
    assert warnings_of_ours(caplog) == []


async def test_more_than_the_cap_is_never_commanded(feed_in: FeedInHome) -> None:
    await feed_in.started()
    feed_in.need(2000.0)
    await feed_in.until(lambda: feed_in.given > 780.0)
    await feed_in.until(lambda: feed_in.shown("feed_in_limited_by_cap") == STATE_ON)
    await feed_in.set("feed_in_user_cap", 400)
    await feed_in.until(lambda: feed_in.given < 405.0)
    assert feed_in.commanded <= 400.0
    assert feed_in.shown("feed_in_cap_reason") == "user_limit"
    feed_in.battery(discharge=5.0)
    await feed_in.until(lambda: feed_in.shown("feed_in_cap_reason") == "battery_limit")
    assert feed_in.number("feed_in_cap") == pytest.approx(52.0 * 5.0 * 0.95, abs=1.0)
    await feed_in.until(lambda: feed_in.given < 250.0)


async def test_before_it_is_switched_on_it_shows_what_it_would_do(feed_in: FeedInHome) -> None:
    await feed_in.add_devices()
    await feed_in.add_control()
    assert feed_in.shown("feed_in_control") == STATE_OFF
    assert feed_in.shown("feed_in_state") == "off"
    await feed_in.until(lambda: feed_in.told("feed_in_reason")["would_set"])
    would = feed_in.told("feed_in_reason")["would_set"]
    assert max(would.values()) > 10.0
    for serial, percent in would.items():
        assert feed_in.number("feed_in_wanted_limit", serial) == percent
    # The dry run says the same, as the control itself.
    await feed_in.switch("feed_in_dry_run", on=True)
    await feed_in.switch("feed_in_control", on=True)
    assert feed_in.shown("feed_in_state") != "off"
    await feed_in.until(lambda: feed_in.shown("feed_in_state") == "controlling")
    feed_in.need(110.0 + 20.0)
    # Just what they give: it would leave everything as it is.
    await feed_in.until(lambda: feed_in.told("feed_in_reason")["would_set"] == {})
    assert [feed_in.number("feed_in_wanted_limit", serial) for serial in RATED] == [10.0, 10.0, 10.0]
    assert feed_in.sent == 0
    assert feed_in.number("feed_in_commands") == 0
    feed_in.need(300.0)
    await feed_in.switch("feed_in_dry_run", on=False)
    await feed_in.until_settled()


async def test_switched_off_it_leaves_the_lowest_limits(feed_in: FeedInHome) -> None:
    await feed_in.started()
    await feed_in.switch("feed_in_control", on=False)
    assert feed_in.limits == {WEST: 3.0, EAST: 3.0, SHED: 4.0}, "12 W for each input"
    before = feed_in.sent
    feed_in.need(700.0)
    await feed_in.pass_time(60.0)
    assert feed_in.sent == before
    assert feed_in.shown("feed_in_state") == "off"
    await feed_in.switch("feed_in_control", on=True)
    await feed_in.until_settled()


async def test_everything_is_there(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    await feed_in.started()
    devices = dr.async_get(hass)
    (root,) = devices.async_get_devices(identifiers={(DOMAIN, CONTROLLER)})
    for serial in RATED:
        (device,) = devices.async_get_devices(identifiers={(DOMAIN, f"{CONTROLLER}-{serial}")})
        assert device.via_device_id == root.id
        assert device.name is not None
        assert "Battery" in device.name
    registry = er.async_get(hass)
    for point in POINTS:
        for serial in RATED if point.unit_kind == Kind.INVERTER else [""]:
            entity = registry.async_get(feed_in.entity(point.key, serial))
            assert entity is not None
            assert entity.domain == platform_of(point)
            assert (entity.disabled_by is None) == point.enabled
            if point.enabled and point.key != "feed_in_manual_limit":
                assert feed_in.shown(point.key, serial) not in (STATE_UNAVAILABLE, STATE_UNKNOWN), point.key
    for serial in RATED:
        assert feed_in.shown("feed_in_manual_limit", serial) == STATE_UNKNOWN
        assert feed_in.shown("feed_in_usability", serial) == "yes"
    # There is no link of which anything could be told, and nothing is polled.
    ours = [each.unique_id for each in registry.entities.values() if each.unique_id.startswith(CONTROLLER)]
    assert len(ours) == sum(3 if point.unit_kind == Kind.INVERTER else 1 for point in POINTS)
    assert feed_in.entry is not None
    assert not feed_in.entry.supports_options
    assert feed_in.number("feed_in_dead_time") == 2.0
    assert feed_in.number("feed_in_discharge_floor") == 20.0
    assert feed_in.number("feed_in_meter_age") == 0.0
    assert feed_in.number("feed_in_import_today") > 0.0
    assert feed_in.shown("feed_in_meter_lost") == STATE_OFF
    assert feed_in.shown("feed_in_gate_open") == STATE_ON


async def test_what_was_set_survives_a_restart(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    await feed_in.started()
    await feed_in.set("feed_in_target", 50)
    await feed_in.set("feed_in_user_cap", 600)
    await feed_in.set("feed_in_soc_floor", 30)
    await feed_in.set("feed_in_season_peak", 90)
    await feed_in.set("feed_in_maximum_limit", 70, WEST)
    await feed_in.set("feed_in_manual_limit", 25, EAST)
    await feed_in.switch("feed_in_controlled", SHED, on=False)
    await feed_in.switch("feed_in_surplus_export", on=True)
    await feed_in.switch("feed_in_learning", on=False)
    await feed_in.choose("feed_in_floor_kind", "season")
    await feed_in.choose("feed_in_mode", "surplus")
    await feed_in.pass_time(5.0)
    imported = feed_in.number("feed_in_import_today")
    await feed_in.reload(feed_in.entry)
    assert {key: feed_in.number(key) for key in ("feed_in_target", "feed_in_user_cap", "feed_in_soc_floor")} == {
        "feed_in_target": 50.0,
        "feed_in_user_cap": 600.0,
        "feed_in_soc_floor": 30.0,
    }
    assert feed_in.number("feed_in_season_peak") == 90.0
    assert feed_in.number("feed_in_maximum_limit", WEST) == 70.0
    assert feed_in.number("feed_in_maximum_limit", EAST) == 100.0
    assert feed_in.number("feed_in_manual_limit", EAST) == 25.0
    assert feed_in.shown("feed_in_controlled", SHED) == STATE_OFF
    assert feed_in.shown("feed_in_surplus_export") == STATE_ON
    assert feed_in.shown("feed_in_learning") == STATE_OFF
    assert feed_in.shown("feed_in_floor_kind") == "season"
    assert feed_in.shown("feed_in_mode") == "surplus"
    assert feed_in.shown("feed_in_control") == STATE_ON
    await feed_in.pass_time(2.0)
    assert feed_in.number("feed_in_import_today") >= imported - 0.001
    assert feed_in.number("feed_in_discharge_floor") == 108 - 90


@pytest.mark.parametrize(
    ("key", "number"),
    [
        ("feed_in_user_cap", 900),
        ("feed_in_legal_cap", 801),
        ("feed_in_surplus_from", 96),
        ("feed_in_target", 501),
    ],
)
async def test_what_may_not_be_is_refused(feed_in: FeedInHome, key: str, number: float) -> None:
    await feed_in.add_devices()
    await feed_in.add_control()
    before = feed_in.shown(key)
    with pytest.raises(ServiceValidationError):
        await feed_in.set(key, number)
    assert feed_in.shown(key) == before
    with pytest.raises(ServiceValidationError) as refused:
        await feed_in.choose("feed_in_meter_source", "entity")
    assert refused.value.translation_key == "value_choice"
    assert feed_in.shown("feed_in_meter_source") == "device"


async def test_more_than_800_w_only_with_the_owners_word(feed_in: FeedInHome) -> None:
    await feed_in.add_devices()
    await feed_in.add_control(**{asked.LEGAL_CAP: 1000.0, asked.MAY_EXCEED: True})
    assert feed_in.number("feed_in_legal_cap") == 1000.0
    await feed_in.set("feed_in_user_cap", 900)
    with pytest.raises(ServiceValidationError):
        await feed_in.set("feed_in_user_cap", 1001)
    assert feed_in.number("feed_in_user_cap") == 900.0


async def test_modes(feed_in: FeedInHome) -> None:
    await feed_in.started()
    await feed_in.choose("feed_in_mode", "pause")
    await feed_in.until(lambda: feed_in.limits == {WEST: 3.0, EAST: 3.0, SHED: 4.0})
    assert feed_in.shown("feed_in_state") == "paused"
    await feed_in.choose("feed_in_mode", "auto")
    await feed_in.until_settled()
    for serial in RATED:
        await feed_in.set("feed_in_manual_limit", 90, serial)
    await feed_in.set("feed_in_user_cap", 500)
    await feed_in.choose("feed_in_mode", "manual")
    await feed_in.until(lambda: 480.0 <= feed_in.commanded <= 500.0)
    assert feed_in.shown("feed_in_state") == "manual"
    await feed_in.choose("feed_in_mode", "off")
    before = feed_in.sent
    feed_in.need(50.0)
    await feed_in.pass_time(30.0)
    assert feed_in.sent == before, "off leaves the limits as they are"
    assert feed_in.shown("feed_in_state") == "off"


async def test_an_inverter_that_its_owner_keeps_is_left_alone(feed_in: FeedInHome) -> None:
    await feed_in.started()
    await feed_in.switch("feed_in_controlled", WEST, on=False)
    assert feed_in.shown("feed_in_usability", WEST) == "manual_override"
    told = len([each for each in feed_in.dtu.limit_commands if each.serial == WEST])
    feed_in.need(500.0)
    await feed_in.until(lambda: abs(feed_in.grid - 20.0) <= 20.0)
    assert len([each for each in feed_in.dtu.limit_commands if each.serial == WEST]) == told


async def test_surplus_is_exported_when_the_battery_is_full(feed_in: FeedInHome) -> None:
    await feed_in.started()
    await feed_in.set("feed_in_surplus_power", 200)
    await feed_in.switch("feed_in_surplus_export", on=True)
    feed_in.battery(soc=100.0)
    await feed_in.until(lambda: feed_in.shown("feed_in_state") == "surplus")
    await feed_in.until(lambda: abs(feed_in.grid + 200.0) <= 25.0)
    feed_in.battery(soc=95.0)
    await feed_in.until_settled()


async def test_an_empty_battery_closes_the_gate(feed_in: FeedInHome) -> None:
    await feed_in.started()
    feed_in.battery(soc=16.0)
    await feed_in.until(lambda: feed_in.shown("feed_in_state") == "battery_low")
    assert feed_in.shown("feed_in_gate_open") == STATE_OFF
    await feed_in.until(lambda: feed_in.limits == {WEST: 3.0, EAST: 3.0, SHED: 4.0})
    feed_in.battery(soc=23.0)
    await feed_in.until_settled()


async def test_with_nothing_to_give_inverters_are_switched_off_and_that_is_remembered(feed_in: FeedInHome) -> None:
    await feed_in.started()
    await feed_in.switch("feed_in_power_commands", on=True)
    feed_in.battery(soc=16.0)

    def switched() -> list[tuple[str, bool]]:
        return [(each.serial, each.power) for each in feed_in.dtu.commands if each.power is not None]

    await feed_in.until(lambda: len(switched()) == 3)
    assert switched() == [(WEST, False), (EAST, False), (SHED, False)]
    await feed_in.until(lambda: feed_in.shown("feed_in_usability", SHED) == "switched_off")
    await feed_in.reload(feed_in.entry)
    await feed_in.until(lambda: feed_in.shown("feed_in_usability", WEST) == "switched_off")


async def test_a_hot_inverter_is_spared(feed_in: FeedInHome) -> None:
    await feed_in.started()
    feed_in.dtu.micro_inverter(WEST).temperature = 70.0
    await feed_in.until(lambda: feed_in.shown("feed_in_limited_by_temperature") == STATE_ON)
    await feed_in.until(lambda: feed_in.limits[WEST] == 3.0)
    await feed_in.until(lambda: abs(feed_in.grid - 20.0) <= 20.0)


async def test_other_producers_count(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    hass.states.async_set(OTHERS, "0.3", {"unit_of_measurement": "kW"})
    await feed_in.started(others={asked.OTHER_PRODUCERS: [OTHERS]})
    assert feed_in.number("feed_in_cap") == 500.0
    assert feed_in.shown("feed_in_cap_reason") == "other_producers"
    assert feed_in.told("feed_in_cap")["other_producers"] == 300.0
    hass.states.async_set(OTHERS, STATE_UNAVAILABLE)
    await feed_in.until(lambda: feed_in.number("feed_in_cap") == 300.0)
    assert feed_in.shown("feed_in_cap_reason") == "other_producers_unknown"


async def test_an_entity_of_ours_is_as_good_as_any_other(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    """What the owner chose may be an entity of ours; then the age of its reading counts."""
    await feed_in.add_devices()
    await feed_in.add_control(battery={asked.TEMPERATURE: _temperature(hass)})
    await feed_in.switch("feed_in_control", on=True)
    await feed_in.until_settled()
    temperature = feed_in.control.loop.surroundings.battery_temperature
    assert temperature == pytest.approx(feed_in.dtu.micro_inverter(WEST).temperature, abs=2.0)


def _temperature(hass: HomeAssistant) -> str:
    """A thermometer that is an entity of ours: the one of an inverter stands in for the battery's."""
    entities = er.async_get(hass).entities.values()
    (found,) = [each.entity_id for each in entities if each.unique_id == f"opendtu-{WEST}-inverter_temperature"]
    return found


async def test_troubles_are_repair_issues(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    feed_in.dtu.view(EAST).configuration.command_enable = False
    await feed_in.add_devices()
    await feed_in.add_control()
    assert feed_in.entry is not None

    def issues() -> dict[str, Any]:
        return {
            issue.translation_key: issue.translation_placeholders
            for (domain, _), issue in ir.async_get(hass).issues.items()
            if domain == DOMAIN and issue.translation_key and issue.translation_key.startswith("feed_in")
        }

    await feed_in.until(lambda: feed_in.shown("feed_in_usability", EAST) == "commands_off")
    await feed_in.entry.runtime_data.async_refresh()
    assert issues() == {}, "not while it is off"
    await feed_in.switch("feed_in_control", on=True)
    await feed_in.entry.runtime_data.async_refresh()
    assert issues() == {"feed_in_commands_off": {"name": "Zero feed-in", "inverters": EAST}}
    await feed_in.until(lambda: feed_in.shown("feed_in_state") == "degraded")
    await feed_in.switch("feed_in_control", on=False)
    await feed_in.entry.runtime_data.async_refresh()
    assert issues() == {}


async def test_entities_are_written_calmly(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    await feed_in.started()
    writes: list[str] = []

    @callback
    def count(event: Event[EventStateChangedData]) -> None:
        writes.append(event.data["entity_id"])

    ours = {feed_in.entity("feed_in_grid_power"), feed_in.entity("feed_in_meter_age")}
    stop = hass.bus.async_listen("state_changed", count)
    # A meter that tells something new every second, and a load that moves.
    feed_in.house.extra_load = lambda seconds: 300.0 + seconds % 7.0 - feed_in.house._own_load
    await feed_in.pass_time(60.0)
    stop()
    written = [entity_id for entity_id in writes if entity_id in ours]
    # One every 2 s, and one with every command; meter, DTU and clock together tell five times as much.
    assert 2 <= written.count(feed_in.entity("feed_in_grid_power")) <= 55
    assert written.count(feed_in.entity("feed_in_meter_age")) == 0


async def test_diagnostics_tell_everything_but_who_it_is(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, feed_in: FeedInHome
) -> None:
    await feed_in.started()
    assert feed_in.entry is not None
    told = await get_diagnostics_for_config_entry(hass, hass_client, feed_in.entry)
    text = json.dumps(told)
    for secret in (*RATED, "c0ffee01", "127.0.0.1"):
        assert secret not in text, secret
    for known in ("feed_in_target", "soc", "season"):
        assert known in text


async def test_it_learns_beside_the_event_loop(feed_in: FeedInHome, monkeypatch: pytest.MonkeyPatch) -> None:
    best, threads = LearningJob.best, []

    def noted(self: LearningJob) -> LearnedDelay | None:
        threads.append(threading.current_thread())
        return best(self)

    monkeypatch.setattr(LearningJob, "best", noted)
    await feed_in.started()
    for load in (600.0, 300.0) * 4:
        feed_in.need(load)
        await feed_in.until_settled()
        if threads:
            break
    await feed_in.until(lambda: threads)
    assert threading.main_thread() not in threads
    assert 0.0 <= feed_in.number("feed_in_dead_time") <= 24.0
