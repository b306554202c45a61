"""What owners of a Shelly energy meter are asked: which clamp measures the grid, and which way round it is."""

from collections.abc import Mapping
from typing import Any

import voluptuous as vol
from homeassistant.helpers import selector

from ..solarlink.client import Installation

GRID_CHANNEL, INVERTED = "grid_channel", "inverted"
"""Names of the settings, as the client takes them."""
_ALWAYS = ("auto", "total")
_MOST_CLAMPS = 3


def _grid_channel(clamps: int) -> selector.SelectSelector:
    return selector.SelectSelector(
        selector.SelectSelectorConfig(
            options=[*_ALWAYS, *(str(clamp + 1) for clamp in range(clamps))],
            translation_key="grid_channel",
            mode=selector.SelectSelectorMode.DROPDOWN,
        )
    )


OPTIONS: Mapping[vol.Marker, Any] = {
    vol.Required(GRID_CHANNEL, default="auto"): _grid_channel(_MOST_CLAMPS),
    vol.Required(INVERTED, default=False): selector.BooleanSelector(),
}


def offered_options(installation: Installation | None, chosen: Mapping[str, Any]) -> Mapping[str, Any]:
    """The clamps that the meter has; all that any meter has while it is not known."""
    clamps = len(installation.facts.get("clamps", ())) if installation else 0
    return {GRID_CHANNEL: _grid_channel(clamps or _MOST_CLAMPS)}
