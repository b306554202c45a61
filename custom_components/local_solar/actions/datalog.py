"""Fetches the log of a day from the device, and fills gaps of the long-term statistics with it."""

import datetime as dt
from collections.abc import Sequence

import voluptuous as vol
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..coordinator import SolarConfigEntry
from ..problems import action_error
from ..solarlink.client import ClockClient, DatalogClient, LoggedHour
from ..solarlink.errors import SolarError
from ..statistics_import import async_import_missing
from .common import ATTR_CONFIG_ENTRY, entry_of, not_offered

READ_DATALOG = "read_datalog"
ATTR_DAY = "day"
ATTR_IMPORT = "import_statistics"
ENCODING = "iso-8859-15"

_SCHEMA = vol.Schema(
    {
        vol.Required(ATTR_CONFIG_ENTRY): cv.string,
        vol.Optional(ATTR_DAY): cv.date,
        vol.Optional(ATTR_IMPORT, default=False): cv.boolean,
    }
)


async def _async_read_datalog(call: ServiceCall) -> ServiceResponse:
    entry = entry_of(call)
    coordinator = entry.runtime_data
    client = coordinator.client
    if not isinstance(client, DatalogClient):
        raise not_offered(entry)
    if call.data[ATTR_IMPORT] and "recorder" not in call.hass.config.components:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_recorder")
    day = call.data.get(ATTR_DAY) or dt_util.now().date() - dt.timedelta(days=1)
    try:
        # Nobody else should ask while the file is fetched.
        async with coordinator.async_hold():
            content = await client.read_datalog(day)
            offset = await _async_offset(entry) if call.data[ATTR_IMPORT] else None
        hours = client.datalog_hours(content) if offset is not None else []
    except SolarError as err:
        raise action_error(err, entry.title) from err
    added = await async_import_missing(coordinator, _placed(hours, offset)) if offset is not None else {}
    return {"day": day.isoformat(), "text": content.decode(ENCODING, "replace"), "imported": dict(added)}


async def _async_offset(entry: SolarConfigEntry) -> dt.timedelta:
    """By how much the clock of the installation is ahead of UTC."""
    client = entry.runtime_data.client
    if not isinstance(client, ClockClient):
        return dt_util.now().utcoffset() or dt.timedelta()
    shown, _ = await client.glance()
    return shown - dt_util.utcnow().replace(tzinfo=None)


def _placed(hours: Sequence[LoggedHour], offset: dt.timedelta) -> list[tuple[dt.datetime, LoggedHour]]:
    """Each hour with the full hour of UTC that it comes nearest to."""
    half = dt.timedelta(minutes=30)
    return [
        (
            (hour.start - offset + half).replace(minute=0, second=0, microsecond=0, tzinfo=dt.UTC),
            hour,
        )
        for hour in hours
    ]


@callback
def async_register(hass: HomeAssistant) -> None:
    """Register the action of this module."""
    hass.services.async_register(DOMAIN, READ_DATALOG, _async_read_datalog, _SCHEMA, SupportsResponse.ONLY)
