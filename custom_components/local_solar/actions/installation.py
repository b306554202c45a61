"""Actions on a whole installation: its settings as a document, its clock, its messages."""

from typing import Any

import voluptuous as vol
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..controllers.installation_clock import InstallationClock
from ..problems import action_error
from ..solarlink.client import BackupClient, ClockClient, MessageClient
from ..solarlink.errors import SolarError
from .common import ATTR_CONFIG_ENTRY, entry_of, not_offered, plain

EXPORT, COMPARE, SET_CLOCK, READ_MESSAGES = "export_settings", "compare_settings", "set_clock", "read_messages"
ATTR_COUNT = "count"
ATTR_DOCUMENT = "document"
ATTR_TOLERANCE = "tolerance"

_ENTRY = vol.Schema({vol.Required(ATTR_CONFIG_ENTRY): cv.string})
_COMPARE = _ENTRY.extend({vol.Required(ATTR_DOCUMENT): dict})
_CLOCK = _ENTRY.extend(
    {vol.Optional(ATTR_TOLERANCE, default=5): vol.All(vol.Coerce(float), vol.Range(min=1, max=3600))}
)
_MESSAGES = _ENTRY.extend({vol.Optional(ATTR_COUNT, default=20): vol.All(vol.Coerce(int), vol.Range(min=1, max=128))})


async def _async_export(call: ServiceCall) -> ServiceResponse:
    entry = entry_of(call)
    client = entry.runtime_data.client
    if not isinstance(client, BackupClient):
        raise not_offered(entry)
    try:
        document = await client.export_settings()
    except SolarError as err:
        raise action_error(err, entry.title) from err
    return {"document": document, "text": client.settings_text(document)}


async def _async_compare(call: ServiceCall) -> ServiceResponse:
    entry = entry_of(call)
    client = entry.runtime_data.client
    if not isinstance(client, BackupClient):
        raise not_offered(entry)
    document: dict[str, Any] = call.data[ATTR_DOCUMENT]
    try:
        # What the export gave as a whole will do as well.
        differences, missing = await client.compare_settings(document.get("document", document))
    except SolarError as err:
        raise action_error(err, entry.title) from err
    return {
        "differences": [
            {
                "unit": each.unit,
                "number": each.number,
                "name": each.name,
                "then": plain(each.then),
                "now": plain(each.now),
                "unit_of_value": each.unit_of_value,
            }
            for each in differences
        ],
        "missing_units": list(missing),
    }


async def _async_set_clock(call: ServiceCall) -> ServiceResponse:
    entry = entry_of(call)
    coordinator = entry.runtime_data
    if not isinstance(coordinator.client, ClockClient):
        raise not_offered(entry)
    tolerance = call.data[ATTR_TOLERANCE]
    keeper = coordinator.provider(InstallationClock.key)
    try:
        if isinstance(keeper, InstallationClock):
            ahead = await keeper.async_set(tolerance)
        else:
            ahead = await coordinator.client.set_clock(dt_util.now().replace(tzinfo=None), tolerance=tolerance)
    except SolarError as err:
        raise action_error(err, entry.title) from err
    return {"ahead": round(ahead), "set": abs(ahead) > tolerance}


async def _async_read_messages(call: ServiceCall) -> ServiceResponse:
    entry = entry_of(call)
    client = entry.runtime_data.client
    if not isinstance(client, MessageClient):
        raise not_offered(entry)
    try:
        messages = await client.read_messages(call.data[ATTR_COUNT])
    except SolarError as err:
        raise action_error(err, entry.title) from err
    # What is news among them is for the event as well.
    await entry.runtime_data.async_request_refresh()
    return {"messages": list(messages)}


@callback
def async_register(hass: HomeAssistant) -> None:
    """Register the actions of this module."""
    hass.services.async_register(DOMAIN, EXPORT, _async_export, _ENTRY, SupportsResponse.ONLY)
    hass.services.async_register(DOMAIN, COMPARE, _async_compare, _COMPARE, SupportsResponse.ONLY)
    hass.services.async_register(DOMAIN, SET_CLOCK, _async_set_clock, _CLOCK, SupportsResponse.OPTIONAL)
    hass.services.async_register(DOMAIN, READ_MESSAGES, _async_read_messages, _MESSAGES, SupportsResponse.ONLY)
