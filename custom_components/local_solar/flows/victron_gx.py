"""What owners of a Victron GX choose: the battery, and whether inverters are shown to it over its open D-Bus."""

from collections.abc import Mapping
from typing import Any

import voluptuous as vol
from homeassistant.const import CONF_PORT
from homeassistant.helpers import selector

from ..const import DOMAIN
from .sections import in_section

BATTERY_UNIT = "battery_unit"
PUBLISH = "publish"
ENABLED = "enabled"
ACCEPT_RISK = "accept_risk"
PUBLISHED = "inverters"
DBUS_PORT = 78
"""Where a GX listens once its D-Bus is open to the network."""

PUBLISH_FIELDS: Mapping[vol.Marker, Any] = {
    vol.Required(ENABLED, default=False): selector.BooleanSelector(),
    vol.Required(ACCEPT_RISK, default=False): selector.BooleanSelector(),
    vol.Optional(PUBLISHED, default=list): selector.DeviceSelector(
        selector.DeviceSelectorConfig(
            filter=[selector.DeviceFilterSelectorConfig(integration=DOMAIN, manufacturer="Hoymiles")], multiple=True
        )
    ),
    vol.Required(CONF_PORT, default=DBUS_PORT): vol.All(
        selector.NumberSelector(selector.NumberSelectorConfig(min=1, max=65535, mode=selector.NumberSelectorMode.BOX)),
        vol.Coerce(int),
    ),
}

OPTIONS: Mapping[vol.Marker, Any] = {
    # Empty: the battery is looked for.
    vol.Optional(BATTERY_UNIT): vol.All(
        selector.NumberSelector(selector.NumberSelectorConfig(min=1, max=247, mode=selector.NumberSelectorMode.BOX)),
        vol.Coerce(int),
    ),
    **in_section(PUBLISH, PUBLISH_FIELDS),
}


def option_complaints(options: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the chosen options."""
    publish: Mapping[str, Any] = options.get(PUBLISH, {})
    if not publish.get(ENABLED):
        return {}
    if not publish.get(ACCEPT_RISK):
        return {"base": "risk_not_accepted"}
    return {} if publish.get(PUBLISHED) else {"base": "nothing_to_publish"}
