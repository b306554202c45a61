"""Looks at what is behind a link before an entry is made of it."""

from homeassistant.core import HomeAssistant

from .const import CONF_FAMILY, CONF_LINK
from .families import FAMILIES, FormData
from .opening import async_open_client
from .solarlink.client import Client, Installation, Progress
from .solarlink.journal import Journal


class Probe:
    """One attempt: connect, identify, close. Nothing stays open after ``async_close``, whatever happened before."""

    def __init__(self, hass: HomeAssistant, family: str, link: str, data: FormData) -> None:
        """Nothing is opened yet."""
        self._hass = hass
        self._family = family
        self._address = FAMILIES[family].links[link].address(data)
        self._settings = {key: value for key, value in data.items() if key not in (CONF_FAMILY, CONF_LINK)}
        self._client: Client | None = None
        self._closed = False

    async def async_connect(self, timeout: float) -> None:
        """Wait until the link stands; raises ``LinkError``."""
        self._client = await async_open_client(self._hass, self._family, self._address, Journal(), self._settings)
        if self._closed:
            await self._client.close()
        await self._client.connect(timeout)

    async def async_identify(self, progress: Progress) -> Installation:
        """Find out what is there."""
        assert self._client is not None
        return await self._client.identify(progress)

    async def async_close(self) -> None:
        """Close the link."""
        self._closed = True
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()
