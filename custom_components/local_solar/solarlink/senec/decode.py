"""Recorded answers put into words, for ``solarlink decode senec lala``."""

from collections.abc import Mapping
from typing import Any

from ..points import Quantity
from .address import LalaAddress, SenecPoint
from .codec import Answer, Missing, Scalar, decode_body
from .points import POINTS
from .values import Beliefs, missing, to_value

_PLACES = {"battery_module": 4, "wallbox": 4, "socket": 2, "heat": 6}
"""Kinds of which there are several, and how many at most."""


def decode_answer(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    """Decode one JSON answer: the points that it holds under their units, every other variable under its section.

    Raises ``BadAnswerError`` when the text is no JSON object.
    """
    answer = decode_body(text.encode())
    values: dict[str, dict[str, Any]] = {}
    failed: dict[str, dict[str, str]] = {section: {"*": "OBJECT_NOT_FOUND"} for section in answer.unknown_sections}
    told: set[str] = set()
    for point in POINTS:
        if not point.measured or point.quantity is Quantity.EVENT:
            continue
        for number in range(_PLACES.get(point.unit_kind, 1)):
            if (address := _present(point, number, answer)) is None:
                continue
            unit = f"{point.unit_kind}_{number + 1}" if point.unit_kind in _PLACES else point.unit_kind
            values.setdefault(unit, {})[point.key] = to_value(point, address, answer, Beliefs())
            told |= {where.variable for where in address.fields}
    for section, variables in answer.values.items():
        for name, value in variables.items():
            if isinstance(value, Missing):
                failed.setdefault(section, {})[name] = _plain(value)
            elif f"{section}.{name}" not in told:
                shown = [_plain(each) for each in value] if isinstance(value, list) else _plain(value)
                values.setdefault(section, {})[name] = shown
    return {"values": values, "failed": failed}


def _present(point: SenecPoint, number: int, answer: Answer) -> LalaAddress | None:
    """Where in the answer the point of that unit is."""
    address: LalaAddress | None = point.address.of(number)
    while address is not None and missing(answer, address) is not None:
        address = address.instead
    return address


def _plain(value: Scalar) -> Any:
    return (value.text or value.why.value) if isinstance(value, Missing) else value
