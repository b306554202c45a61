"""The owner's options of the nightly pause, and the settings that they make."""

from collections.abc import Mapping
from datetime import time
from typing import Any

import voluptuous as vol
from homeassistant.const import CONF_EMAIL, CONF_PASSWORD, UnitOfTime
from homeassistant.helpers import selector

from ..solarlink.control.upload_model import LONGEST_PAUSE, SHORTEST_PAUSE, Settings
from ..solarlink.errors import SolarError

SECTION = "upload_pause"
"""Section of the options form, and name under which its answers are kept."""

START, END, LONGEST = "pause_start", "pause_end", "longest_pause"
PORTAL, INSTALLATION = "ask_portal", "portal_installation"
MINUTE = 60.0

_DEFAULTS = Settings()

DEFAULTS: Mapping[str, Any] = {
    START: _DEFAULTS.start.isoformat(),
    END: _DEFAULTS.end.isoformat(),
    LONGEST: _DEFAULTS.longest / MINUTE,
    PORTAL: False,
}
"""What the section answers when nobody has opened it."""

OPTIONS: Mapping[vol.Marker, Any] = {
    vol.Required(START, default=DEFAULTS[START]): selector.TimeSelector(),
    vol.Required(END, default=DEFAULTS[END]): selector.TimeSelector(),
    vol.Required(LONGEST, default=DEFAULTS[LONGEST]): selector.NumberSelector(
        selector.NumberSelectorConfig(
            min=SHORTEST_PAUSE / MINUTE,
            max=LONGEST_PAUSE / MINUTE,
            step=1,
            mode=selector.NumberSelectorMode.BOX,
            unit_of_measurement=UnitOfTime.MINUTES,
        )
    ),
    vol.Required(PORTAL, default=DEFAULTS[PORTAL]): selector.BooleanSelector(),
    vol.Optional(CONF_EMAIL): selector.TextSelector(
        selector.TextSelectorConfig(type=selector.TextSelectorType.EMAIL, autocomplete="username")
    ),
    vol.Optional(CONF_PASSWORD): selector.TextSelector(
        selector.TextSelectorConfig(type=selector.TextSelectorType.PASSWORD, autocomplete="current-password")
    ),
    vol.Optional(INSTALLATION): selector.TextSelector(),
}


def pause_settings(options: Mapping[str, Any], *, enabled: bool = True) -> Settings:
    """The settings that the answers of the section make; raises ``ValueRangeError`` and ``ValueKindError``."""
    chosen: dict[str, Any] = {}
    if START in options:
        chosen["start"] = time.fromisoformat(options[START])
    if END in options:
        chosen["end"] = time.fromisoformat(options[END])
    if LONGEST in options:
        chosen["longest"] = float(options[LONGEST]) * MINUTE
    return Settings(enabled=enabled, portal=bool(options.get(PORTAL)), **chosen)


def pause_complaint(options: Mapping[str, Any]) -> str | None:
    """The key of the error in the answers of the section, if there is one."""
    try:
        pause_settings(options)
    except SolarError, ValueError:
        return "not_around_midnight"
    if options.get(PORTAL) and not (options.get(CONF_EMAIL) and options.get(CONF_PASSWORD)):
        return "portal_account_missing"
    installation = options.get(INSTALLATION, "").strip()
    return None if not installation or installation.isdecimal() else "not_an_installation"
