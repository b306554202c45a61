"""One line per fact for Settings > System > Repairs > System information."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN


@callback
def async_register(hass: HomeAssistant, register: system_health.SystemHealthRegistration) -> None:
    """Tell Home Assistant whom to ask."""
    register.async_register_info(system_health_info)


async def system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """How many installations there are and how they do."""
    entries = hass.config_entries.async_entries(DOMAIN, include_ignore=False, include_disabled=False)
    running = [entry.runtime_data for entry in entries if entry.state is ConfigEntryState.LOADED]
    return {
        "installations": len(entries),
        "connected": sum(coordinator.client.connected for coordinator in running),
        "paused": sum(coordinator.paused for coordinator in running),
    }
