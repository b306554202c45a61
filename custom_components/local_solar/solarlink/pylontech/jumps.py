"""Values that jump: a digit that the line has lost makes another number, so a jump is believed when it comes twice."""

from collections.abc import Mapping

from .blocks import Fields
from .codec import damaged

POWER_JUMPS: Mapping[str, float] = {
    "state_of_charge": 10.0,
    "battery_voltage": 4.0,
    "battery_temperature": 15.0,
    "lowest_cell_temperature": 15.0,
    "highest_cell_temperature": 15.0,
    "lowest_cell_voltage": 0.5,
    "highest_cell_voltage": 0.5,
}
"""More than a module changes between two polls, in the units of the points. Currents may do anything."""
COUNTER_JUMPS: Mapping[str, float] = {"cycles": 5.0, "discharged_charge": 1000.0}
"""More than a module counts between two looks. Counters never fall."""


class Jumps:
    """Compares what a module tells with what it told before."""

    def __init__(self, what: str, limits: Mapping[str, float], *, falls: bool = True) -> None:
        """``falls`` says whether the values may become smaller at all."""
        self._what, self._limits, self._falls = what, limits, falls
        self._before: dict[int, Fields] = {}
        self._suspects: dict[int, dict[str, float]] = {}

    def forget(self) -> None:
        """Believe whatever comes next."""
        self._before.clear()
        self._suspects.clear()

    def check(self, modules: Mapping[int, Fields]) -> None:
        """Raise ``BadAnswerError`` when a value has jumped and did not show the same jump the last time."""
        doubts: list[str] = []
        for slot, fields in modules.items():
            jumped = self._jumped(self._before.get(slot, {}), fields)
            suspects = self._suspects.pop(slot, {})
            if any(abs(value - suspects.get(key, value + 1e9)) > self._limits[key] for key, value in jumped.items()):
                self._suspects[slot] = jumped
                doubts += [f"{key} of module {slot}" for key in jumped]
        if doubts:
            raise damaged(self._what, f"{', '.join(doubts)} jumped")
        self._before.update(modules)

    def _jumped(self, before: Fields, fields: Fields) -> dict[str, float]:
        found = {}
        for key, limit in self._limits.items():
            old, new = before.get(key), fields.get(key)
            if isinstance(old, int | float) and isinstance(new, int | float):
                change = new - old
                if abs(change) > limit or (change < 0 and not self._falls):
                    found[key] = float(new)
        return found
