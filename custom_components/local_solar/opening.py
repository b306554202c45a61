"""From a link to the client of its family. A family's package is imported in a thread, because that reads files."""

from collections.abc import Mapping
from typing import Any

from homeassistant.core import HomeAssistant

from .solarlink.client import Client
from .solarlink.family import load_family
from .solarlink.journal import Journal
from .solarlink.links.address import LinkAddress


async def async_open_client(
    hass: HomeAssistant, family: str, address: LinkAddress, journal: Journal, settings: Mapping[str, Any]
) -> Client:
    """The client of the installation at ``address``; nothing is sent before it is used."""
    loaded = await hass.async_add_import_executor_job(load_family, family)
    return loaded.open(address, journal=journal, settings=settings)


async def async_family_name(hass: HomeAssistant, family: str) -> str:
    """How people call the family."""
    return (await hass.async_add_import_executor_job(load_family, family)).name
