"""What may be written, what the appliance refuses, and what a written value does (reference section 11)."""

from collections.abc import Callable
from dataclasses import dataclass

from ..faults import Faults
from .clock import Clock
from .fields import Field
from .memory import Memory
from .plant import Plant
from .wire import Value, decode

BUTTON_RESET = 1.0
"""Seconds after which the appliance releases a button by itself."""
REBOOT_IMAGE = 2408
"""First control unit image whose reboot button is known to work."""
SAFETY_TEST_FIELDS = ("SET_ICMAX",)

_SWITCH = (0.0, 1.0)
_WORD = (0.0, 65535.0)
RANGES: dict[tuple[str, str], tuple[float, float]] = {
    ("SOCKETS", "ENABLE"): _SWITCH,
    ("SOCKETS", "FORCE_ON"): _SWITCH,
    ("SOCKETS", "USE_TIME"): _SWITCH,
    ("SOCKETS", "UPPER_LIMIT"): _WORD,
    ("SOCKETS", "LOWER_LIMIT"): _WORD,
    ("SOCKETS", "TIME_LIMIT"): _WORD,
    ("SOCKETS", "POWER_ON_TIME"): _WORD,
    ("SOCKETS", "SWITCH_ON_HOUR"): (0.0, 23.0),
    ("SOCKETS", "SWITCH_ON_MINUTE"): (0.0, 59.0),
    ("WALLBOX", "PROHIBIT_USAGE"): _SWITCH,
    ("WALLBOX", "SMART_CHARGE_ACTIVE"): (0.0, 4.0),
    ("WALLBOX", "ALLOW_INTERCHARGE"): _SWITCH,
    ("WALLBOX", "SET_ICMAX"): (6.0, 32.0),
    ("WALLBOX", "MIN_CHARGING_CURRENT"): (6.0, 32.0),
    ("WALLBOX", "SET_IDEFAULT"): (0.0, 32.0),
    ("WIZARD", "PS_ENABLE"): _SWITCH,
    ("WIZARD", "PS_RESERVOIR"): (0.0, 100.0),
    ("WIZARD", "PS_HOUR"): (0.0, 23.0),
    ("WIZARD", "PS_MINUTE"): (0.0, 59.0),
    ("WIZARD", "GUI_LANG"): (0.0, 2.0),
}
"""Lowest and highest value of the owner's settings."""


@dataclass(frozen=True, slots=True)
class Write:
    """One value that a client wrote. ``index`` is the element of an array, None for a single value."""

    section: str
    field: str
    value: Value
    index: int | None
    accepted: bool
    dangerous: bool
    """The field is the installer's or the vendor's; no client may write it (reference section 11.6)."""


class Controls:
    """Accepts or refuses writes and carries out what they mean."""

    def __init__(self, memory: Memory, plant: Plant, clock: Clock, faults: Faults) -> None:
        self.reboots = 0
        """How often the reboot button took effect."""
        self.writes: list[Write] = []
        self.on_reboot: Callable[[], None] | None = None
        self.on_log_out: Callable[[], None] | None = None
        self._memory = memory
        self._plant = plant
        self._clock = clock
        self._faults = faults

    def write(self, field: Field, wire: str, index: int | None) -> None:
        """Take one typed string; a refused one leaves the old value. `ValueError` for what is no typed string."""
        value = decode(wire)
        accepted = (
            wire.partition("_")[0] == field.kind
            and (index is None) == (field.length is None)
            and self._allowed(field, value, index or 0)
            and self._faults.take("writes_ignored") is None
        )
        self.writes.append(Write(field.section, field.name, value, index, accepted, field.access == "dangerous"))
        if accepted:
            self._memory.put(field.section, field.name, wire, index)
            self._act(field, value)

    def _allowed(self, field: Field, value: Value, index: int) -> bool:
        if field.access == "r":
            return False
        number = self._memory.number
        if field.length is not None and index >= field.length:
            return False
        if field.section == "SOCKETS" and number("FEATURES", "SOCKETS") != 1:
            return False
        if field.name.startswith("PS_") and (
            number("FEATURES", "PEAKSHAVING") != 1 or number("ENERGY", "ZERO_EXPORT") == 1
        ):
            return False
        if field.section == "WALLBOX" and index >= self._plant.profile.wallboxes:
            return False
        limits = RANGES.get((field.section, field.name))
        return limits is None or (not isinstance(value, str) and limits[0] <= value <= limits[1])

    def _act(self, field: Field, value: Value) -> None:
        if field.section == "WALLBOX":
            self._plant.wallboxes.written()
            test = self._faults.take("insulation_test") if field.name in SAFETY_TEST_FIELDS else None
            if test is not None:
                self._plant.test_insulation(test.argument or 0.0)
        if field.access != "button":
            return
        rest = field.rest
        assert isinstance(rest, str)
        self._clock.after(BUTTON_RESET, lambda: self._memory.put(field.section, field.name, rest))
        if value == 1:
            self._press(field.name)

    def _press(self, button: str) -> None:
        match button:
            case "SAFE_CHARGE_FORCE":
                self._plant.force_charge.start()
            case "SAFE_CHARGE_PROHIBIT":
                self._plant.force_charge.stop()
            case "CONFIG_MODIFIED_BY_USER":
                self._memory.save()
            case "LOG_OUT_BUTT":
                if self.on_log_out is not None:
                    self.on_log_out()
            case "USER_REBOOT_DEVICE" if self._memory.number("SYS_UPDATE", "NPU_IMAGE_VERSION") >= REBOOT_IMAGE:
                self.reboots += 1
                # The appliance still answers this request before it goes down.
                if self.on_reboot is not None:
                    self._clock.after(BUTTON_RESET, self.on_reboot)
            case _:
                return
