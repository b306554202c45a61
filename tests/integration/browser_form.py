"""What the browser makes of a form: the values that it opens with, and those it submits if nobody touches anything."""

from collections.abc import Iterable, Mapping
from typing import Any

import probatio
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers import config_validation as cv


def opened(form: ConfigFlowResult) -> dict[str, Any]:
    """What the fields of a form begin with, as the frontend reckons it from what Home Assistant sends to it.

    A default of a section hides everything that is suggested inside it. What the frontend invents for a required field
    without either, such as the first choice of a list, is left out.
    """
    assert form["data_schema"] is not None
    fields = probatio.to_field_list(form["data_schema"], custom_serializer=cv.custom_serializer)
    assert isinstance(fields, list)
    return _begun(fields)


def _begun(fields: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for field in fields:
        if (suggested := (field.get("description") or {}).get("suggested_value")) is not None:
            data[field["name"]] = suggested
        elif "default" in field:
            data[field["name"]] = field["default"]
        elif field.get("type") == "expandable":
            inside = _begun(field["schema"])
            if field.get("required") or inside:
                data[field["name"]] = inside
    return data
