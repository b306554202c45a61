"""Reads and writes whatever a device knows, by number or key."""

from collections.abc import Awaitable

import voluptuous as vol
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv

from ..const import DOMAIN
from ..problems import action_error
from ..solarlink.client import CataloguedClient, Unit
from ..solarlink.errors import SolarError, ValueKindError
from ..solarlink.points import Point, Quantity, Reading, Ref, Risk, Value
from .common import async_require_admin, not_offered, plain, unit_of

READ, WRITE = "read_parameter", "write_parameter"
ATTR_PARAMETER = "parameter"
ATTR_VALUE = "value"
ATTR_PERMANENT = "permanent"
ATTR_CONFIRM = "confirm"

_NAME = vol.All(vol.Coerce(str), str.strip, vol.Length(min=1))
_READ = vol.Schema({vol.Required(ATTR_DEVICE_ID): cv.string, vol.Required(ATTR_PARAMETER): _NAME})
_WRITE = _READ.extend(
    {
        vol.Required(ATTR_VALUE): vol.Any(bool, int, float, str),
        vol.Optional(ATTR_PERMANENT, default=False): cv.boolean,
        vol.Optional(ATTR_CONFIRM, default=False): cv.boolean,
    }
)


def _response(unit: Unit, point: Point[object], reading: Reading) -> ServiceResponse:
    return {
        "device": unit.name,
        "key": point.key,
        "name": point.name,
        "value": plain(reading.value),
        "unit": point.unit,
        "flash_value": plain(reading.stored),
        "writable": point.writable,
    }


async def _async_read(call: ServiceCall) -> ServiceResponse:
    entry, unit = unit_of(call)
    client = entry.runtime_data.client
    if not isinstance(client, CataloguedClient):
        raise not_offered(entry)
    try:
        point, reading = await client.read_any(unit, call.data[ATTR_PARAMETER])
    except SolarError as err:
        raise action_error(err, call.data[ATTR_PARAMETER]) from err
    return _response(unit, point, reading)


async def _async_write(call: ServiceCall) -> ServiceResponse:
    entry, unit = unit_of(call)
    coordinator = entry.runtime_data
    client = coordinator.client
    if not isinstance(client, CataloguedClient):
        raise not_offered(entry)
    name = call.data[ATTR_PARAMETER]
    permanent, confirmed = call.data[ATTR_PERMANENT], call.data[ATTR_CONFIRM]
    try:
        point = client.find(unit, name)
        name = point.name
        if permanent or point.risk is not Risk.NORMAL:
            await async_require_admin(call.hass, call)
        value = _meant(point, call.data[ATTR_VALUE])
        writing = client.write_any(unit, point.key, value, permanent=permanent, confirmed=confirmed)
        reading = await coordinator.async_written(Ref(unit.id, point.key), value, _reading_of(writing))
    except SolarError as err:
        raise action_error(err, name) from err
    return _response(unit, point, reading)


def _meant(point: Point[object], value: Value) -> Value:
    """The value of the call; raises ``ValueKindError`` for a time that lost its quotation marks.

    YAML makes a number of 17:30 without them.
    """
    if point.quantity is Quantity.TIME_OF_DAY and not isinstance(value, str):
        raise ValueKindError(point=point.name, value=str(value), expected='a time of day in quotation marks ("17:30")')
    return value


async def _reading_of[P](writing: Awaitable[tuple[P, Reading]]) -> Reading:
    return (await writing)[1]


@callback
def async_register(hass: HomeAssistant) -> None:
    """Register the actions of this module."""
    hass.services.async_register(DOMAIN, READ, _async_read, _READ, SupportsResponse.ONLY)
    hass.services.async_register(DOMAIN, WRITE, _async_write, _WRITE, SupportsResponse.OPTIONAL)
