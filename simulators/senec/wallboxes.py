"""Wallboxes and the vehicles at them, and the cloud that has settings of its own (reference section 11.3)."""

from dataclasses import dataclass

from ..house import House
from .clock import Clock
from .memory import Memory
from .profiles import Wire
from .wire import encode

ROWS = 4
"""Elements of the arrays over wallboxes, whatever is installed."""
CLOUD_FIELDS = ("ALLOW_INTERCHARGE", "MIN_CHARGING_CURRENT", "PROHIBIT_USAGE", "SET_ICMAX", "SMART_CHARGE_ACTIVE")
"""What the cloud pushes."""
SOLAR_CONTINUOUS, SOLAR = 3, 4
FREE, FREE_LOCKED, READY, WANTS_LOCKED, CHARGING = 0xA1, 0xA2, 0xB2, 0xC1, 0xC2
VOLTS = 230.0


@dataclass(slots=True)
class Vehicle:
    """A vehicle that is plugged in: the largest current it takes (A) and its phases."""

    current: float
    phases: int


@dataclass(slots=True)
class _Box:
    vehicle: Vehicle | None = None
    current: float = 0.0
    energy: float = 0.0
    """Wh."""

    @property
    def phases(self) -> int:
        return self.vehicle.phases if self.vehicle else 0

    @property
    def power(self) -> float:
        return self.current * self.phases * VOLTS


class Wallboxes:
    """All wallboxes. What they draw comes from the grid or from what would be fed into it, never from the battery."""

    def __init__(self, count: int, house: House, memory: Memory, clock: Clock, cloud_push: float | None) -> None:
        """``cloud_push``: seconds after a local write until the cloud's settings come back, None for never."""
        self.boxes = [_Box() for _ in range(count)]
        self.cloud_push = cloud_push
        self.cloud: dict[str, Wire] = {}
        """The cloud's settings by field of the section WALLBOX."""
        for name in CLOUD_FIELDS:
            wire = memory.wire("WALLBOX", name)
            self.cloud[name] = list(wire) if isinstance(wire, list) else wire
        self.pushes = 0
        """How often the cloud pushed."""
        self._house = house
        self._memory = memory
        self._clock = clock
        self._seen = house.now
        self._writes = 0

    @property
    def power(self) -> float:
        """Return the power of all wallboxes, W."""
        return sum(box.power for box in self.boxes)

    def written(self) -> None:
        """Note a local write: after a while the cloud's settings come back."""
        self._writes += 1
        if self.cloud_push is not None:
            write = self._writes
            self._clock.after(self.cloud_push, lambda: self.push() if write == self._writes else None)

    def push(self) -> None:
        """Let the cloud push its settings now."""
        for name, wire in self.cloud.items():
            self._memory.put("WALLBOX", name, list(wire) if isinstance(wire, list) else wire)
        self.pushes += 1

    def update(self) -> None:
        """Bring the charging in line with settings and surplus, and count the energy since the last call."""
        hours = (self._house.now - self._seen).total_seconds() / 3600
        self._seen = self._house.now
        surplus = max(0.0, -self._house.grid.power)
        for index, box in enumerate(self.boxes):
            box.energy += box.power * hours
            box.current = self._current(index, box, surplus)
            surplus = max(0.0, surplus - box.power)

    def _setting(self, name: str, index: int) -> float:
        return self._memory.number("WALLBOX", name, index)

    def _current(self, index: int, box: _Box, surplus: float) -> float:
        if box.vehicle is None or self._setting("PROHIBIT_USAGE", index) == 1:
            return 0.0
        mode = self._setting("SMART_CHARGE_ACTIVE", index)
        if mode in {SOLAR_CONTINUOUS, SOLAR}:
            lowest = self._setting("MIN_CHARGING_CURRENT", index)
            offered = surplus / (VOLTS * box.phases)
            if offered < lowest:
                if mode == SOLAR:
                    return 0.0
                offered = lowest
            offered = min(offered, self._setting("MAX_CHARGING_CURRENT_RATED", index))
            # In the solar modes the appliance itself moves the setting (reference section 11.3).
            self._memory.put("WALLBOX", "SET_ICMAX", encode("fl", offered), index)
        return min(self._setting("SET_ICMAX", index), box.vehicle.current)

    def _state(self, index: int, box: _Box) -> int:
        locked = self._setting("PROHIBIT_USAGE", index) == 1
        if box.vehicle is None:
            return FREE_LOCKED if locked else FREE
        if locked:
            return WANTS_LOCKED
        return CHARGING if box.current > 0 else READY

    def readings(self) -> dict[tuple[str, str], list[int] | list[float]]:
        """Return what the wallboxes do now, arrays of four."""
        boxes = self.boxes
        spare = ROWS - len(boxes)
        used = [[int(box.phases >= phase) for box in boxes] + [0] * spare for phase in (1, 2, 3)]
        currents = [[box.current * (box.phases >= phase) for box in boxes] + [0.0] * spare for phase in (1, 2, 3)]
        readings: dict[tuple[str, str], list[int] | list[float]] = {
            ("WALLBOX", "STATE"): [self._state(index, box) for index, box in enumerate(boxes)] + [0] * spare,
            ("WALLBOX", "EV_CONNECTED"): [int(box.vehicle is not None) for box in boxes] + [0] * spare,
            ("WALLBOX", "APPARENT_CHARGING_POWER"): [box.power for box in boxes] + [0.0] * spare,
            ("WALLBOX", "PHASES_USED"): [box.phases for box in boxes] + [0] * spare,
            ("STATISTIC", "LIVE_WB_ENERGY"): [int(box.energy) for box in boxes] + [0] * spare,
        }
        for phase in range(3):
            readings["WALLBOX", f"L{phase + 1}_USED"] = used[phase]
            readings["WALLBOX", f"L{phase + 1}_CHARGING_CURRENT"] = currents[phase]
        return readings
