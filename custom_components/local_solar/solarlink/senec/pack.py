"""Many fields in few requests: every variable once, and no request longer than the appliance stands."""

from collections.abc import Iterable

from .address import Field
from .codec import Request

LONGEST = 4000
"""Bytes of a request; about 11.5 kB were answered in full, more was not (reference section 3)."""
_BRACES = len("{}")
_SECTION = len('"":{},')
_VARIABLE = len('"":"",')


def pack(fields: Iterable[Field], longest: int = LONGEST) -> list[Request]:
    """The requests that read these fields, in that order; almost always one.

    A request is one snapshot of the appliance, so what belongs together should come first and together.
    """
    requests: list[dict[str, dict[str, str | list[str]]]] = []
    size = 0
    for section, name in dict.fromkeys((field.section, field.name) for field in fields):
        heading = 0 if requests and section in requests[-1] else len(section) + _SECTION
        cost = len(name) + _VARIABLE
        if not requests or size + heading + cost > longest:
            requests.append({})
            size, heading = _BRACES, len(section) + _SECTION
        requests[-1].setdefault(section, {})[name] = ""
        size += heading + cost
    return list(requests)
