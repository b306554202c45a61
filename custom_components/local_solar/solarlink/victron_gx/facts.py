"""What was found out about a GX when it was identified, as JSON holds it (``Installation.facts``)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from .registers import Service

VERSION = 1
"""Raised whenever more is found out than before, so that older facts are found out again."""
SYSTEM_UNIT = 100
"""Unit id of everything that is of the GX itself (reference section 2.1)."""
HIGHEST_UNIT = 247


@dataclass(slots=True)
class Facts:
    """Everything that need not be asked again."""

    version: int = VERSION
    battery: int = 0
    """Unit id of the battery, 0 while it is not known."""
    vebus: int = 0
    """Unit id of the inverter and charger on VE.Bus, 0 while it is not known."""
    phases: int = 3
    """Of the inverter and charger."""
    holes: dict[str, list[int]] = field(default_factory=dict)
    """By service: registers that this firmware does not have."""
    walls: dict[str, list[int]] = field(default_factory=dict)
    """By service: registers at which a read has to begin anew."""

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self | None:
        """Take back what ``as_dict`` gave; ``None`` for facts of another version or shape."""
        if saved.get("version") != VERSION:
            return None
        try:
            battery, vebus, phases = (int(saved[name]) for name in ("battery", "vebus", "phases"))
            holes, walls = (
                {Service(name).value: [int(each) for each in addresses] for name, addresses in saved[key].items()}
                for key in ("holes", "walls")
            )
        except AttributeError, KeyError, TypeError, ValueError:
            return None
        if not all(0 <= unit_id <= HIGHEST_UNIT for unit_id in (battery, vebus)):
            return None
        return cls(VERSION, battery, vebus, phases, holes, walls)

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON can hold them."""
        return asdict(self)

    def unit_id(self, service: Service) -> int:
        """Where a service answers; 0 while that is not known."""
        match service:
            case Service.BATTERY:
                return self.battery
            case Service.VEBUS:
                return self.vebus
            case _:
                return SYSTEM_UNIT

    def place(self, service: Service, unit_id: int) -> None:
        """Remember where the battery or the inverter and charger answers."""
        if service is Service.BATTERY:
            self.battery = unit_id
        elif service is Service.VEBUS:
            self.vebus = unit_id
