"""Asks the portal which days it has, with the owner's account: one question when the nightly pause wants it."""

import logging
import time
from collections.abc import Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from aiohttp import ClientSession
from homeassistant.const import CONF_EMAIL, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from ..solarlink.errors import AuthError, SolarError
from .upload_options import INSTALLATION, PORTAL

if TYPE_CHECKING:
    from ..solarlink.studer.portal import Portal

_LOGGER = logging.getLogger(__name__)

REFUSED, WHICH = "portal_account_refused", "portal_installation_unknown"
"""Keys of the troubles with an account that is refused, and with one of several installations."""
BASE = ""
"""Address of the portal's interface; empty for the real one."""


class PortalDays:
    """What the portal said last, and whether it makes sense to ask it again."""

    possible_troubles: ClassVar[Mapping[str, tuple[str, ...]]] = {REFUSED: (), WHICH: ("installations",)}

    def __init__(self, hass: HomeAssistant, options: Mapping[str, Any]) -> None:
        """Nothing is asked before it is wanted; ``options`` are those of the nightly pause."""
        self._hass = hass
        self._email, self._password = options.get(CONF_EMAIL, ""), options.get(CONF_PASSWORD, "")
        named = str(options.get(INSTALLATION, "")).strip()
        self._installation = int(named) if named.isdecimal() else None
        self.usable = bool(options.get(PORTAL) and self._email and self._password)
        """Whether it can be asked: there is an account, and it was not refused."""
        self.days: Collection[date] | None = None
        """The days that the portal said to have."""
        self.asked_at: float | None = None
        """When it said so, monotonic."""
        self.troubles: Mapping[str, Mapping[str, str]] = {}
        """What the owner should look at."""
        self._portal: Portal | None = None

    async def async_ask(self) -> None:
        """Ask once; what goes wrong costs no more than the answer."""
        if not self.usable:
            return
        try:
            if self._portal is None:
                session = async_get_clientsession(self._hass)
                self._portal = await self._hass.async_add_import_executor_job(self._open, session)
            if (number := await self._async_installation(self._portal)) is None:
                self.usable = False
                return
            self.days = await self._portal.days(number)
            self.asked_at = time.monotonic()
        except AuthError:
            # Asking again with the same account would lock it.
            self.usable = False
            self.troubles = {REFUSED: {}}
        except SolarError as err:
            _LOGGER.debug("The portal did not tell its days: %s", err)

    def _open(self, session: ClientSession) -> Portal:
        from ..solarlink.studer.portal import BASE as REAL, Account, Portal  # noqa: PLC0415 - reads files, in a thread

        account = Account.of(self._email, self._password)
        return Portal(account, base=BASE or REAL, session=session)

    async def _async_installation(self, portal: Portal) -> int | None:
        """The number of the installation: the one that the owner named, else the only one of the account."""
        if self._installation is None:
            found = await portal.installations()
            if len(found) != 1:
                self.troubles = {WHICH: {"installations": ", ".join(f"{each.name} ({each.id})" for each in found)}}
                return None
            self._installation = found[0].id
        return self._installation

    async def async_close(self) -> None:
        """Keep no connection; that of Home Assistant is not ours."""
        if self._portal is not None:
            portal, self._portal = self._portal, None
            await portal.close()
