"""The dialogs that put a trouble right when its owner agrees."""

from typing import override

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant

from .coordinator import SolarConfigEntry
from .troubles import DATA_ENTRY, DATA_TROUBLE


class TroubleFlow(ConfirmRepairFlow):
    """Asks for consent and then lets the family put the trouble right."""

    def __init__(self, entry: SolarConfigEntry, trouble: str) -> None:
        """Nothing is done before the owner agrees."""
        super().__init__()
        self._entry = entry
        self._trouble = trouble

    @override
    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Ask, then act."""
        if user_input is not None:
            await self._entry.runtime_data.async_repair(self._trouble)
        return await super().async_step_confirm(user_input)


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """The dialog for one trouble of one entry."""
    assert data is not None
    entry: SolarConfigEntry | None = hass.config_entries.async_get_entry(str(data[DATA_ENTRY]))
    assert entry is not None
    return TroubleFlow(entry, str(data[DATA_TROUBLE]))
