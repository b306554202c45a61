"""Sections of a form. The browser shows the defaults inside a section only where the section has them itself."""

from collections.abc import Mapping
from typing import Any

import voluptuous as vol
from homeassistant.data_entry_flow import SectionConfig, section

type Fields = Mapping[vol.Marker, Any]


def in_section(name: str, fields: Fields, *, collapsed: bool = True) -> dict[vol.Marker, Any]:
    """``fields`` as one section of a form, which begins with their defaults."""
    return {
        vol.Required(name, default=lambda: defaults_of(fields)): section(
            vol.Schema(dict(fields)), SectionConfig(collapsed=collapsed)
        )
    }


def defaults_of(fields: Fields) -> dict[str, Any]:
    """What the fields begin with, by name; one without a default is left out."""
    markers = (marker for marker in fields if isinstance(marker, vol.Required | vol.Optional))
    return {str(marker): marker.default() for marker in markers if marker.default is not vol.UNDEFINED}
