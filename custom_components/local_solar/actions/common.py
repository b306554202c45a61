"""What several actions need: the entry or the unit that is meant, and words for what an entry does not offer."""

from datetime import date, datetime, time
from typing import Any, cast

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.helpers import service

from ..const import DOMAIN
from ..coordinator import SolarConfigEntry
from ..families import identifier
from ..solarlink.client import Unit
from ..solarlink.points import Value

ATTR_CONFIG_ENTRY = "config_entry_id"


def entry_of(call: ServiceCall) -> SolarConfigEntry:
    """The loaded entry that the call names; raises a translated error."""
    return service.async_get_config_entry(call.hass, DOMAIN, call.data[ATTR_CONFIG_ENTRY])


def unit_of(call: ServiceCall) -> tuple[SolarConfigEntry, Unit]:
    """The loaded entry and the unit whose device the call names; raises a translated error."""
    device, entry = service.async_get_device_and_config_entry(call.hass, DOMAIN, call.data[ATTR_DEVICE_ID])
    found = cast("SolarConfigEntry", entry)
    coordinator = found.runtime_data
    for unit in coordinator.installation.all_units:
        if (DOMAIN, identifier(coordinator.family_key, unit)) in getattr(device, "identifiers", ()):
            return found, unit
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="device_gone",
        translation_placeholders={"device": device.name or call.data[ATTR_DEVICE_ID]},
    )


def not_offered(entry: SolarConfigEntry) -> ServiceValidationError:
    """For an installation whose devices cannot do what is wanted."""
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key="not_offered", translation_placeholders={"name": entry.title}
    )


async def async_require_admin(hass: HomeAssistant, call: ServiceCall) -> None:
    """Raise ``Unauthorized`` for a person who is no administrator; automations were made by one."""
    if call.context.user_id is None:
        return
    user = await hass.auth.async_get_user(call.context.user_id)
    if user is None or not user.is_admin:
        raise Unauthorized(context=call.context)


def plain(value: Value) -> Any:
    """A value as a response can hold it."""
    if isinstance(value, time):
        return value.isoformat("minutes")
    return value.isoformat() if isinstance(value, date | datetime) else value
