"""Actions that are no click on an entity."""

import voluptuous as vol
from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN
from homeassistant.const import CONF_COMMAND
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, service

from .const import DOMAIN
from .coordinator import SolarConfigEntry
from .problems import action_error
from .solarlink.errors import SolarError

ACTION_SEND_COMMAND = "send_command"
ACTION_SET_ENERGY = "set_energy"
ATTR_CONFIG_ENTRY = "config_entry_id"
ATTR_CONFIRM = "confirm"
ATTR_ENERGY = "energy"

_SEND_COMMAND = vol.Schema(
    {
        vol.Required(ATTR_CONFIG_ENTRY): cv.string,
        vol.Required(CONF_COMMAND): cv.string,
        vol.Optional(ATTR_CONFIRM, default=False): cv.boolean,
    }
)


async def _async_send_command(call: ServiceCall) -> ServiceResponse:
    """Send a command in the device's own words and return its answer."""
    entry: SolarConfigEntry = service.async_get_config_entry(call.hass, DOMAIN, call.data[ATTR_CONFIG_ENTRY])
    command = getattr(entry.runtime_data.client, "command", None)
    if command is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="no_commands", translation_placeholders={"name": entry.title}
        )
    try:
        answer = await command(call.data[CONF_COMMAND], confirmed=call.data[ATTR_CONFIRM])
    except SolarError as err:
        raise action_error(err, call.data[CONF_COMMAND]) from err
    return {"answer": answer}


@callback
def async_setup_actions(hass: HomeAssistant) -> None:
    """Register what all entries share."""
    service.async_register_admin_service(
        hass, DOMAIN, ACTION_SEND_COMMAND, _async_send_command, _SEND_COMMAND, SupportsResponse.ONLY
    )
    service.async_register_platform_entity_service(
        hass,
        DOMAIN,
        ACTION_SET_ENERGY,
        entity_domain=SENSOR_DOMAIN,
        func="async_set_energy",
        schema={vol.Required(ATTR_ENERGY): vol.All(vol.Coerce(float), vol.Range(min=0, max=10_000_000))},
    )
