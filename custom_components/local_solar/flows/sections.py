"""Sections of a form."""

from collections.abc import Mapping
from typing import Any

import voluptuous as vol
from homeassistant.data_entry_flow import SectionConfig, section

type Fields = Mapping[vol.Marker, Any]


def in_section(name: str, fields: Fields, *, collapsed: bool = True) -> dict[vol.Marker, Any]:
    """``fields`` as one section of a form.

    It has no default of its own, because the browser would show that instead of what was chosen in the section before,
    and submit it.
    """
    return {vol.Required(name): section(vol.Schema(dict(fields)), SectionConfig(collapsed=collapsed))}
