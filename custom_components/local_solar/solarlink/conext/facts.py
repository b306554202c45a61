"""What was found out about an installation when it was identified, as JSON holds it (``Installation.facts``)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from .codec import Order
from .registers import Kind

VERSION = 1
"""Raised whenever more is found out than before, so that older facts are found out again."""
BLOCK = 50
"""Words of one read: the most that is known to work in the field (section 3)."""


@dataclass(slots=True)
class UnitFacts:
    """What is known of one unit while its firmware stays the same."""

    kind: str
    address: int
    product_number: str = ""
    firmware: str = ""
    identity_register: str = ""
    """The register that tells its identity, empty where none does."""
    identity: str = ""
    holes: list[int] = field(default_factory=list)
    """Addresses of registers of the map that it does not have."""
    bridges: bool = True
    """Whether a single undefined word may be read across."""
    shifted: bool = False
    """Whether an MPPT 60 has its energies where the MPPT 80 has them (section 11)."""
    newer: bool = True
    """Whether it is behind one of the newer gateways."""
    nominal_voltage: float | None = None
    """Of the battery, V."""


@dataclass(slots=True)
class Facts:
    """Everything that need not be asked again."""

    version: int = VERSION
    order: str = Order.MSB.value
    block: int = BLOCK
    """Words that one read may ask for."""
    units: dict[str, UnitFacts] = field(default_factory=dict)
    """By id of the unit, the gateway among them."""

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self | None:
        """Take back what ``as_dict`` gave; ``None`` for facts of another version or shape."""
        if saved.get("version") != VERSION:
            return None
        try:
            units = {str(name): UnitFacts(**unit) for name, unit in saved["units"].items()}
            facts = cls(version=VERSION, order=Order(saved["order"]).value, block=int(saved["block"]), units=units)
            for unit in units.values():
                Kind(unit.kind)
                unit.holes = [int(address) for address in unit.holes]
        except AttributeError, KeyError, TypeError, ValueError:
            return None
        return facts

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON can hold them."""
        return asdict(self)
