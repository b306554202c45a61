"""The blueprints load in Home Assistant, and their automations do what they promise."""

import logging
import shutil
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.components.persistent_notification import async_register_callback
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import Event, HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import load_yaml_dict

from .conftest import INTEGRATION

BLUEPRINTS = INTEGRATION.parent.parent / "blueprints" / "automation"
NOTIFY = "local_solar/notify_on_alarm.yaml"
ALARM = "event.inverter_alarm"
TOLD = "alarm_was_told"

type Watch = Callable[..., Awaitable[list[Event[Any]]]]


@pytest.mark.parametrize("path", sorted(BLUEPRINTS.rglob("*.yaml")), ids=lambda path: path.stem)
def test_blueprints_are_valid(path: Path) -> None:
    blueprint = Blueprint(load_yaml_dict(path), expected_domain="automation", schema=AUTOMATION_BLUEPRINT_SCHEMA)
    assert blueprint.validate() is None
    source = str(blueprint.metadata["source_url"])
    assert source.endswith(f"blueprints/automation/{path.relative_to(BLUEPRINTS)}")


@pytest.fixture
def watch(hass: HomeAssistant, tmp_path: Path) -> Watch:
    """Makes an automation of the blueprint that fires an event for everything it tells."""
    hass.config.config_dir = str(tmp_path)
    shutil.copytree(BLUEPRINTS, tmp_path / "blueprints" / "automation")

    async def make(**inputs: Any) -> list[Event[Any]]:
        told: list[Event[Any]] = []
        hass.bus.async_listen(TOLD, told.append)
        names = ("title", "message", "alarm", "severity", "active")
        actions = [{"event": TOLD, "event_data": {name: f"{{{{ {name} }}}}" for name in names}}]
        used = {"path": NOTIFY, "input": {"alarms": [ALARM], "actions": actions, **inputs}}
        assert await async_setup_component(hass, "automation", {"automation": {"use_blueprint": used}})
        await hass.async_block_till_done()
        assert hass.states.async_entity_ids("automation")
        return told

    return make


async def happen(hass: HomeAssistant, alarm: str, *, ago: float = 0.0, **details: Any) -> None:
    """The event entity shows an event of that many seconds ago; like a real one, at another time than the last."""
    at = (dt_util.utcnow() - timedelta(seconds=ago)).isoformat(timespec="milliseconds")
    before = hass.states.get(ALARM)
    if before is not None and at <= before.state:
        at = (datetime.fromisoformat(before.state) + timedelta(milliseconds=1)).isoformat(timespec="milliseconds")
    hass.states.async_set(ALARM, at, {"event_type": alarm, **details})
    await hass.async_block_till_done()


async def test_tells_what_is_bad_enough(hass: HomeAssistant, watch: Watch) -> None:
    told = await watch()
    await happen(hass, "battery_low", active=True, severity="warning")
    await happen(hass, "pv_loss", active=True, severity="information")
    await happen(hass, "bus_over", active=True, severity="fault")
    await happen(hass, "battery_low", active=False, severity="warning")
    assert [event.data["message"] for event in told] == ["Battery low", "Bus over"]
    assert told[0].data == {
        "title": ALARM,
        "message": "Battery low",
        "alarm": "battery_low",
        "severity": "warning",
        "active": True,
    }


async def test_tells_the_end_when_it_is_asked_to(hass: HomeAssistant, watch: Watch) -> None:
    told = await watch(tell_end=True, severities=["fault"])
    await happen(hass, "bus_over", active=True, severity="fault")
    await happen(hass, "battery_low", active=False, severity="warning")
    await happen(hass, "bus_over", active=False, severity="fault")
    assert [event.data["message"] for event in told] == ["Bus over", "Bus over: over"]


async def test_events_of_other_devices(hass: HomeAssistant, watch: Watch) -> None:
    told = await watch()
    await happen(hass, "warning", number=7, text="Battery voltage low", unit="Xtender 1")
    assert [event.data["message"] for event in told] == ["Battery voltage low"]


async def test_tells_nothing_twice(hass: HomeAssistant, watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a restored event, nor a link that is back, nor a changed attribute, nor a removed entity is news."""
    told = await watch()
    details: dict[str, Any] = {"active": True, "severity": "fault"}
    await happen(hass, "bus_over", ago=3600, **details)
    before = hass.states.get(ALARM)
    assert before is not None
    hass.states.async_set(ALARM, STATE_UNAVAILABLE)
    await hass.async_block_till_done()
    hass.states.async_set(ALARM, before.state, before.attributes)
    await hass.async_block_till_done()
    assert not told
    await happen(hass, "fan_locked", **details)
    now = hass.states.get(ALARM)
    assert now is not None
    hass.states.async_set(ALARM, now.state, {**now.attributes, "paused": True})
    await hass.async_block_till_done()
    hass.states.async_remove(ALARM)
    await hass.async_block_till_done()
    assert [event.data["alarm"] for event in told] == ["fan_locked"]
    complaints = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert not [record.getMessage() for record in complaints if record.name != "homeassistant.loader"]


async def test_without_actions_it_is_a_notification(hass: HomeAssistant, watch: Watch) -> None:
    shown: list[str] = []
    assert await async_setup_component(hass, "persistent_notification", {})
    async_register_callback(hass, lambda _, changed: shown.extend(each["message"] for each in changed.values()))
    default = load_yaml_dict(BLUEPRINTS / NOTIFY)["blueprint"]["input"]["actions"]["default"]
    await watch(actions=default)
    await happen(hass, "fan_locked", active=True, severity="fault")
    assert shown == ["Fan locked"]
