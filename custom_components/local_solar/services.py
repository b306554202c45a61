"""Actions that are no click on an entity."""

from datetime import datetime

import voluptuous as vol
from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN
from homeassistant.const import CONF_COMMAND
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, service
from homeassistant.util import dt as dt_util

from .actions import datalog, feed_in, installation, parameters
from .const import DOMAIN
from .controllers.force_charge import ForceCharge
from .coordinator import SolarConfigEntry
from .problems import action_error
from .solarlink.control.force_charge import HIGHEST_TARGET, LOWEST_TARGET
from .solarlink.errors import SolarError

ACTION_FORCE_CHARGE = "force_charge"
ACTION_SEND_COMMAND = "send_command"
ACTION_SET_ENERGY = "set_energy"
ATTR_CONFIG_ENTRY = "config_entry_id"
ATTR_CONFIRM = "confirm"
ATTR_ENERGY = "energy"
ATTR_STATE_OF_CHARGE = "state_of_charge"
ATTR_UNTIL = "until"

_SEND_COMMAND = vol.Schema(
    {
        vol.Required(ATTR_CONFIG_ENTRY): cv.string,
        vol.Required(CONF_COMMAND): cv.string,
        vol.Optional(ATTR_CONFIRM, default=False): cv.boolean,
    }
)

_FORCE_CHARGE = vol.Schema(
    {
        vol.Required(ATTR_CONFIG_ENTRY): cv.string,
        vol.Optional(ATTR_STATE_OF_CHARGE, default=HIGHEST_TARGET): vol.All(
            vol.Coerce(float), vol.Range(min=LOWEST_TARGET, max=HIGHEST_TARGET)
        ),
        # A time without a zone is one of this house.
        vol.Optional(ATTR_UNTIL): vol.All(cv.datetime, dt_util.as_utc),
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


async def _async_force_charge(call: ServiceCall) -> None:
    """Charge the battery until a state of charge or a time."""
    entry: SolarConfigEntry = service.async_get_config_entry(call.hass, DOMAIN, call.data[ATTR_CONFIG_ENTRY])
    controller = entry.runtime_data.provider(ForceCharge.key)
    if not isinstance(controller, ForceCharge):
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="no_force_charge", translation_placeholders={"name": entry.title}
        )
    until: datetime | None = call.data.get(ATTR_UNTIL)
    if until is not None and until <= dt_util.utcnow():
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="time_is_over")
    try:
        await controller.async_order(call.data[ATTR_STATE_OF_CHARGE], until)
    except SolarError as err:
        raise action_error(err, entry.title) from err


@callback
def async_setup_actions(hass: HomeAssistant) -> None:
    """Register what all entries share."""
    for module in (parameters, installation, datalog, feed_in):
        module.async_register(hass)
    service.async_register_admin_service(
        hass, DOMAIN, ACTION_SEND_COMMAND, _async_send_command, _SEND_COMMAND, SupportsResponse.ONLY
    )
    hass.services.async_register(DOMAIN, ACTION_FORCE_CHARGE, _async_force_charge, _FORCE_CHARGE)
    service.async_register_platform_entity_service(
        hass,
        DOMAIN,
        ACTION_SET_ENERGY,
        entity_domain=SENSOR_DOMAIN,
        func="async_set_energy",
        schema={vol.Required(ATTR_ENERGY): vol.All(vol.Coerce(float), vol.Range(min=0, max=10_000_000))},
    )
