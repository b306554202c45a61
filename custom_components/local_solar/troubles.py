"""Troubles that the owner should look at, as repair issues that come and go with their cause."""

from collections.abc import Collection, Mapping

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN

DATA_ENTRY = "entry_id"
DATA_TROUBLE = "trouble"


class TroubleBoard:
    """The repair issues of one entry."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, fixable: Collection[str]) -> None:
        """``fixable`` are the keys of the troubles that can be put right when the owner agrees."""
        self._hass = hass
        self._entry = entry
        self._fixable = fixable
        self._shown: dict[str, Mapping[str, str]] = {}

    def _issue_id(self, trouble: str) -> str:
        return f"{self._entry.entry_id}_{trouble}"

    @callback
    def show(self, troubles: Mapping[str, Mapping[str, str]]) -> None:
        """Show exactly these: translation key to what the text needs besides the name of the entry."""
        for gone in self._shown.keys() - troubles.keys():
            ir.async_delete_issue(self._hass, DOMAIN, self._issue_id(gone))
        for trouble, details in troubles.items():
            if self._shown.get(trouble) == details:
                continue
            ir.async_create_issue(
                self._hass,
                DOMAIN,
                self._issue_id(trouble),
                data={DATA_ENTRY: self._entry.entry_id, DATA_TROUBLE: trouble},
                is_fixable=trouble in self._fixable,
                severity=ir.IssueSeverity.WARNING,
                translation_key=trouble,
                translation_placeholders={"name": self._entry.title, **details},
            )
        self._shown = {trouble: dict(details) for trouble, details in troubles.items()}

    @callback
    def clear(self) -> None:
        """The entry is unloaded: nothing is known of its troubles any more."""
        self.show({})
