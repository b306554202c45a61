"""What several test modules do with Home Assistant."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant

from custom_components.local_solar.coordinator import SolarCoordinator
from custom_components.local_solar.families import FAMILIES

type Find = Callable[[str], str]


async def poll(coordinator: SolarCoordinator) -> None:
    """Read everything that is shown, now."""
    coordinator.planner.expire(coordinator.known)
    await coordinator.async_refresh()
    await coordinator.hass.async_block_till_done(wait_background_tasks=True)


def attributes(hass: HomeAssistant, entity_id: str) -> dict[str, Any]:
    """The attributes of a state that is there."""
    state = hass.states.get(entity_id)
    assert state is not None
    return dict(state.attributes)


def value(hass: HomeAssistant, entity_id: str) -> str:
    """A state that is there."""
    state = hass.states.get(entity_id)
    assert state is not None
    return state.state


async def set_number(hass: HomeAssistant, entity_id: str, number: float) -> None:
    """Set a number as a person does."""
    await hass.services.async_call("number", "set_value", {ATTR_ENTITY_ID: entity_id, "value": number}, blocking=True)


def set_connect_wait(seconds: float) -> None:
    """Change how long setup waits for the gateway; the fixtures set it again for every test."""
    object.__setattr__(FAMILIES["studer"], "connect_wait", seconds)


def warnings_of_ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Log lines of level warning or higher that come from us."""
    ours = "custom_components.local_solar"
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING and r.name.startswith(ours)]


def state_of(entry: ConfigEntry) -> ConfigEntryState:
    """The state of an entry now; a call, so that nobody believes that it stays."""
    return entry.state


async def choose(hass: HomeAssistant, entity_id: str, option: str) -> None:
    """Choose an option as a person does."""
    data = {ATTR_ENTITY_ID: entity_id, "option": option}
    await hass.services.async_call("select", "select_option", data, blocking=True)


async def switch(hass: HomeAssistant, entity_id: str, on: bool) -> None:
    """Turn a switch as a person does."""
    action = "turn_on" if on else "turn_off"
    await hass.services.async_call("switch", action, {ATTR_ENTITY_ID: entity_id}, blocking=True)
