"""The diagnostics download: what was found, what is read, how the link does, and the last traffic; nothing private."""

import time
from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_DEVICE, CONF_EMAIL, CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant

from .const import CONF_PEER
from .controllers.upload_options import INSTALLATION as PORTAL_INSTALLATION
from .coordinator import SolarConfigEntry
from .redaction import scrub, scrub_trace

_PRIVATE_FIELDS = (CONF_HOST, CONF_PEER, CONF_DEVICE)
_ACCOUNT_FIELDS = (CONF_EMAIL, CONF_USERNAME, CONF_PASSWORD, PORTAL_INSTALLATION)
"""What opens, or names, an account: of a portal in the options, of the device in the data."""


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: SolarConfigEntry) -> dict[str, Any]:
    """Everything that helps to understand a problem with this entry."""
    coordinator = entry.runtime_data
    client = coordinator.client
    units = coordinator.installation.all_units
    serials = {unit.serial for unit in units}
    secrets = {
        *serials,
        *(serial.replace("-", "") for serial in serials),
        *(unit.mac for unit in units),
        # Many devices have the end of it in their name.
        *(unit.mac.replace(":", "")[-6:] for unit in units),
        *(str(entry.data[field]) for field in _PRIVATE_FIELDS if entry.data.get(field)),
        *(secret for provider in coordinator.providers for secret in provider.secrets),
    }
    now = time.monotonic()
    shown = {
        "entry": {
            "data": async_redact_data(dict(entry.data), _ACCOUNT_FIELDS),
            "options": async_redact_data(dict(entry.options), _ACCOUNT_FIELDS),
            "state": entry.state.value,
        },
        "units": [asdict(unit) for unit in units],
        "facts": dict(coordinator.installation.facts),
        "troubles": {key: dict(details) for key, details in client.troubles.items()},
        "remembered": coordinator.memory.providers(),
        "providers": {each.key: told for each in coordinator.providers if (told := each.diagnostics())},
        "points": {unit.id: sorted(client.points(unit)) for unit in units},
        "link": client.stats.as_dict() | {"connected": client.connected, "state": coordinator.link_state.value},
        "polling": {
            "interval": coordinator.planner.interval,
            "paused": coordinator.paused,
            "last_update_success": coordinator.last_update_success,
            "last_error": str(coordinator.last_error or ""),
            "exchanges_per_cycle": coordinator.exchanges_per_cycle,
        },
        "readings": {
            f"{ref.unit} {ref.key}": {
                "value": str(reading.value),
                "stored": str(reading.stored),
                "age": round(now - reading.at, 1),
                "fresh": coordinator.fresh(ref),
            }
            for ref, reading in coordinator.data.items()
        },
        "journal": client.journal.as_dict(),
        "trace": scrub_trace(client.trace, serials),
    }
    result: dict[str, Any] = scrub(shown, secrets)
    return result
