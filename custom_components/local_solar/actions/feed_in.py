"""Limits of single inverters, and what helps to understand a zero feed-in control."""

import json
from datetime import datetime
from pathlib import Path

import voluptuous as vol
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..controllers.feed_in import FeedInControl
from ..coordinator import SolarConfigEntry, SolarCoordinator
from ..problems import action_error
from ..solarlink.client import Unit
from ..solarlink.control.feed_in_trace import FeedInTrace, trace_list
from ..solarlink.errors import SolarError
from ..solarlink.live import LimitClient
from ..solarlink.points import Reading, Ref, Value
from .common import ATTR_CONFIG_ENTRY, async_require_admin, entry_of, not_offered, plain, unit_of

SET_LIMIT, SET_PERSISTENT_LIMIT, RESTART = "set_limit", "set_persistent_limit", "restart_inverter"
RESET_LEARNING, DUMP_TRACE = "reset_learning", "dump_trace"
ATTR_LIMIT = "limit"
ATTR_CONFIRM = "confirm"
LIMIT_POINT, RESTART_POINT = "limit_relative", "restart"
FOLDER = "local_solar_traces"
"""Folder in the configuration folder of Home Assistant to which traces are written."""

_DEVICE = vol.Schema({vol.Required(ATTR_DEVICE_ID): cv.string})
_LIMIT = _DEVICE.extend({vol.Required(ATTR_LIMIT): vol.All(vol.Coerce(float), vol.Range(min=0, max=100))})
_PERSISTENT = _LIMIT.extend({vol.Optional(ATTR_CONFIRM, default=False): cv.boolean})
_ENTRY = vol.Schema({vol.Required(ATTR_CONFIG_ENTRY): cv.string})


def _inverter_of(call: ServiceCall) -> tuple[SolarCoordinator, Unit]:
    entry, unit = unit_of(call)
    client = entry.runtime_data.client
    if not isinstance(client, LimitClient) or LIMIT_POINT not in client.points(unit):
        raise not_offered(entry)
    return entry.runtime_data, unit


async def _async_write(coordinator: SolarCoordinator, unit: Unit, key: str, value: Value, **how: bool) -> Reading:
    """Write a point of an inverter as ``Client.write`` does, and return what it kept."""
    ref = Ref(unit.id, key)
    try:
        return await coordinator.async_written(ref, value, coordinator.client.write(ref, value, **how))
    except SolarError as err:
        raise action_error(err, unit.name) from err


def _control_of(call: ServiceCall) -> tuple[SolarConfigEntry, FeedInControl]:
    entry = entry_of(call)
    control = entry.runtime_data.provider(FeedInControl.key)
    if not isinstance(control, FeedInControl):
        raise not_offered(entry)
    return entry, control


async def _async_set_limit(call: ServiceCall) -> ServiceResponse:
    """Set a limit that the inverter forgets when it restarts, and wait for its confirmation."""
    coordinator, unit = _inverter_of(call)
    reading = await _async_write(coordinator, unit, LIMIT_POINT, call.data[ATTR_LIMIT])
    return {"device": unit.name, "limit": plain(reading.value)}


async def _async_set_persistent_limit(call: ServiceCall) -> None:
    """Set the limit that the inverter keeps in its flash."""
    coordinator, unit = _inverter_of(call)
    await async_require_admin(call.hass, call)
    how = {"permanent": True, "confirmed": call.data[ATTR_CONFIRM]}
    await _async_write(coordinator, unit, LIMIT_POINT, call.data[ATTR_LIMIT], **how)


async def _async_restart(call: ServiceCall) -> None:
    """Restart an inverter."""
    coordinator, unit = _inverter_of(call)
    await _async_write(coordinator, unit, RESTART_POINT, True)


async def _async_reset_learning(call: ServiceCall) -> None:
    """Forget what the control has learned of dead time, slew rates and sources."""
    _control_of(call)[1].reset_learning()


async def _async_dump_trace(call: ServiceCall) -> ServiceResponse:
    """Write the last events of the control to files from which they can be replayed."""
    entry, control = _control_of(call)
    now = dt_util.now()
    trace = control.trace(f"{entry.title}, {now.isoformat(timespec='seconds')}")
    folder = Path(call.hass.config.path(FOLDER))
    paths = await call.hass.async_add_executor_job(_write, folder, now, trace)
    return {"files": [str(path) for path in paths], "events": len(trace.rows)}


def _write(folder: Path, now: datetime, trace: FeedInTrace) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"feed_in_{now:%Y-%m-%d_%H-%M-%S}"
    table, listing, whole = (folder / f"{name}{suffix}" for suffix in (".csv", "_traces.csv", ".json"))
    table.write_text(trace.table(), encoding="utf-8")
    listing.write_text(trace_list({table.name: trace}), encoding="utf-8")
    # Only this one has the state from which a recording begins that has run for long.
    whole.write_text(json.dumps(trace.as_dict(), indent=1), encoding="utf-8")
    return [table, listing, whole]


@callback
def async_register(hass: HomeAssistant) -> None:
    """Register the actions of this module."""
    hass.services.async_register(DOMAIN, SET_LIMIT, _async_set_limit, _LIMIT, SupportsResponse.OPTIONAL)
    hass.services.async_register(DOMAIN, SET_PERSISTENT_LIMIT, _async_set_persistent_limit, _PERSISTENT)
    hass.services.async_register(DOMAIN, RESTART, _async_restart, _DEVICE)
    hass.services.async_register(DOMAIN, RESET_LEARNING, _async_reset_learning, _ENTRY)
    hass.services.async_register(DOMAIN, DUMP_TRACE, _async_dump_trace, _ENTRY, SupportsResponse.OPTIONAL)
