"""Who is there: what every Shelly answers at ``/shelly`` without a login (reference sections 2 and 4)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import NotAMeterError
from .codec import plain_mac

PATH = "/shelly"

_VERSION = re.compile(r"(?:^|/)v?(\d+(?:\.\d+)+[^-/\s]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """One device. ``generation`` 1 speaks one dialect, everything later the other."""

    mac: str
    model: str
    generation: int
    firmware: str
    device_id: str = ""
    """What generation 2 and later call themselves, also where they ask for a login."""
    profile: str = ""
    """``triphase`` or ``monophase`` where the owner can choose."""
    locked: bool = False
    """Whether everything else needs a login."""
    name: str = ""

    @property
    def first_generation(self) -> bool:
        """Whether it speaks the dialect of the first generation."""
        return self.generation == 1


def decode_greeting(body: Mapping[str, Any], address: str) -> Greeting:
    """Take the answer apart; raises ``NotAMeterError`` for a device that is no Shelly or has no address of its own."""
    mac = plain_mac(body.get("mac", ""))
    generation = body.get("gen", 1)
    if not mac or isinstance(generation, bool) or not isinstance(generation, int) or generation < 1:
        raise NotAMeterError(address=address, found="no Shelly")
    if generation == 1:
        found = _VERSION.search(str(body.get("fw", "")))
        return Greeting(
            mac=mac,
            model=str(body.get("type", "")),
            generation=1,
            firmware=found.group(1) if found else str(body.get("fw", "")),
            locked=body.get("auth") is True,
        )
    return Greeting(
        mac=mac,
        model=str(body.get("model", "")),
        generation=generation,
        firmware=str(body.get("ver", "")),
        device_id=str(body.get("id", "")),
        profile=str(body.get("profile") or ""),
        locked=body.get("auth_en") is True,
        name=str(body.get("name") or ""),
    )
