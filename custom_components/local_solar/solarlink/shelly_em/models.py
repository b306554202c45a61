"""The meters that are known by name; others of their kind are taken as what they tell (table of models)."""

from typing import NamedTuple

USUAL_CURRENT = 63.0
"""A per phase: what a house connection carries (reference section 7)."""
VOLTAGE = 230.0
CONNECTION_PHASES = 3


class Model(NamedTuple):
    """One meter: its name, and what its clamps carry where that is more than a house connection does."""

    name: str
    current: float = USUAL_CURRENT
    """A."""

    @property
    def largest_power(self) -> float:
        """W beyond which a reading is none."""
        return CONNECTION_PHASES * self.current * VOLTAGE


MODELS = {
    "SHEM": Model("Shelly EM"),
    "SHEM-3": Model("Shelly 3EM"),
    "SPEM-002CEBEU50": Model("Shelly Pro EM-50"),
    "SPEM-003CEBEU": Model("Shelly Pro 3EM"),
    "SPEM-003CEBEU120": Model("Shelly Pro 3EM (120 A)", 120.0),
    "SPEM-003CEBEU63": Model("Shelly Pro 3EM 3CT63"),
    "SPEM-003CEBEU400": Model("Shelly Pro 3EM-400", 400.0),
    "S3EM-002CXCEU": Model("Shelly EM Gen3"),
    "S3EM-003CXCEU63": Model("Shelly 3EM-63 Gen3"),
    "S4EM-001PXCEU16": Model("Shelly EM Mini Gen4"),
    "S4EM-001CXCEU63": Model("Shelly EM-63 Gen4"),
}
SUPPORTED = "Shelly EM, 3EM, Pro EM, Pro 3EM and their Gen3 and Gen4 relatives"


def model_of(code: str) -> Model:
    """The model of that code; one that is not known yet goes by its code."""
    return MODELS.get(code) or Model(f"Shelly {code}")
