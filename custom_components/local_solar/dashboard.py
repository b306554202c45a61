"""The dashboard "Local Solar", which people choose under "Add dashboard"."""

from pathlib import Path

from homeassistant.components import frontend
from homeassistant.components.http import StaticPathConfig
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration

from .const import DOMAIN

SCRIPT = Path(__file__).parent / "frontend" / "local-solar.js"
URL = f"/{DOMAIN}/local-solar.js"


async def async_setup_dashboard(hass: HomeAssistant) -> None:
    """Serve the script and let every page load it; the version in its address defeats old copies in browsers."""
    if "frontend" not in hass.config.components:
        return
    await hass.http.async_register_static_paths([StaticPathConfig(URL, str(SCRIPT), True)])
    version = (await async_get_integration(hass, DOMAIN)).version
    frontend.add_extra_js_url(hass, f"{URL}?v={version}")
