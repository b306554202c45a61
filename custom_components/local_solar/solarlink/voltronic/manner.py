"""How one unit is to be understood: what was found out about it when it was identified."""

from dataclasses import dataclass

from .blocks import Dialect
from .states import PriorityMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What the meaning of replies depends on, beside the replies themselves."""

    dialect: Dialect = Dialect.PI30
    firmware: float | None = None
    """Series and version of the main processor as one number: 72.70."""
    heatsink_degrees: bool = True
    """Whether the heat sink's field is a temperature, not the count of a converter (section 6.1)."""
    output_map: PriorityMap = PriorityMap.STANDARD
    charger_map: PriorityMap = PriorityMap.STANDARD
    output_short_is_fault: bool = False
    """Position 6 of the warning word (section 6.5)."""
    mppt_overload_is_fault: bool = False
    """Position 27."""
    dcdc_is_warning: bool = False
    """Position 30."""
    fault_digits_at: int | None = None
    """Where the warning word holds a fault code of two digits; ``None`` where it is not known to have one."""
    energy_factor: float = 0.001
    """kWh per count of a PI18 energy counter (section 9): the documents say 1, real values only make sense as Wh."""
