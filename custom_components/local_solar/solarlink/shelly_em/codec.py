"""What meters of both dialects tell, as fields: JSON in, values in our units out. No I/O, no clock."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum, isfinite
from typing import Any

from ..errors import BadAnswerError
from .address import DEVICE_WIDE, Field, Name

DEVICE = "The Shelly meter"
MOST_CLAMPS = 3
WATT_HOURS = 1000.0
"""Wh in a kWh."""
NOT_VALID = "is_valid"
"""What stands for the one error that generation 1 knows: its measuring chip did not answer."""

type Told = float | bool | None
"""``None``: the meter has no value now, or none that can be believed."""


@dataclass(slots=True)
class Picture:
    """What one answer told."""

    values: dict[Field, Told] = field(default_factory=dict)
    errors: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """The meter's own words for what is wrong, by clamp or ``DEVICE_WIDE``."""
    mac: str = ""
    """Upper case without separators; empty where the answer does not say."""
    doubtful: set[Field] = field(default_factory=set)
    """Counters that went back and may be a slip."""

    def number(self, name: Name, clamp: int = DEVICE_WIDE) -> float | None:
        """That field, when it is there and has a value."""
        value = self.values.get(Field(name, clamp))
        return None if isinstance(value, bool) else value

    @property
    def clamps(self) -> tuple[int, ...]:
        """The clamps of which it tells a power, even if none is known now."""
        return tuple(sorted(each.clamp for each in self.values if each.name is Name.POWER))

    @property
    def counting(self) -> tuple[int, ...]:
        """The clamps of which it tells a counter."""
        return tuple(sorted(each.clamp for each in self.values if each.name is Name.IMPORTED))


def decode_object(body: bytes | str) -> dict[str, Any]:
    """A JSON object; raises ``BadAnswerError`` for everything else."""
    try:
        text = body.decode() if isinstance(body, bytes) else body
        decoded = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise BadAnswerError(device=DEVICE, reason="it is no JSON") from err
    if not isinstance(decoded, dict):
        raise BadAnswerError(device=DEVICE, reason="it is no JSON object")
    return decoded


def number(value: object) -> float | None:
    """A finite number; any may be null (reference section 4)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if isfinite(found) else None


def part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object in that place; an empty one when there is none."""
    found = of.get(name)
    return found if isinstance(found, Mapping) else {}


def texts(value: object) -> tuple[str, ...]:
    """A list of texts; empty when it is none."""
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def plain_mac(text: object) -> str:
    """A MAC address in upper case without separators; empty for what is none."""
    found = str(text).replace(":", "").replace("-", "").upper()
    return found if len(found) == 12 and not set(found) - set("0123456789ABCDEF") else ""


def told(picture: Picture, clamp: int, source: Mapping[str, Any], keys: Mapping[str, Name], *, valid: bool) -> None:
    """Take over what ``source`` holds of ``keys``; nothing of it has a value unless ``valid``."""
    for key, name in keys.items():
        if key in source:
            value = number(source[key]) if valid else None
            if value is not None and name in _COUNTERS:
                # A counter below zero is as much nonsense as none.
                value = value / WATT_HOURS if value >= 0 else None
            if value is not None and name is Name.SIGNAL and value >= 0:
                # What a meter on a cable says of its radio.
                value = None
            picture.values[Field(name, clamp)] = value


def problem(picture: Picture, clamp: int, errors: Sequence[str]) -> None:
    """Note whether something is wrong with a clamp, and what."""
    picture.values[Field(Name.PROBLEM, clamp)] = bool(errors)
    if errors:
        picture.errors[clamp] = tuple(errors)


def all_errors(picture: Picture) -> tuple[str, ...]:
    """Everything that is wrong anywhere, each once."""
    return tuple(dict.fromkeys(each for errors in picture.errors.values() for each in errors))


def sum_of(picture: Picture, name: Name, clamps: Iterable[int]) -> float | None:
    """The sum over these clamps; nothing when one of them is not known."""
    found = [picture.number(name, clamp) for clamp in clamps]
    known = [each for each in found if each is not None]
    # The sum of what was told in a few decimals has no more of them.
    return round(fsum(known), 6) if known and len(known) == len(found) else None


_COUNTERS = (Name.IMPORTED, Name.EXPORTED, Name.SUM_IMPORTED, Name.SUM_EXPORTED)
