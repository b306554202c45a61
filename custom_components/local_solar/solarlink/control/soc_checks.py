"""What must be true before the state-of-charge control may be switched on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .soc_model import CUT_OUT, DELAY, GRID_SUPPORT, HYSTERESIS, Setting, Settings

REFERENCE_VOLTAGE = 48.0
RANGES: Mapping[str, tuple[float, float]] = {CUT_OUT: (45.0, 49.0), HYSTERESIS: (1.0, 5.0), DELAY: (1.0, 190.0)}
"""What the cut-out (V), its hysteresis (V) and its delay (s) of a 48 V battery may be set to (reference section 8)."""
VOLTAGES = (CUT_OUT, HYSTERESIS)
"""Those that follow the voltage of the battery."""


class Objection(StrEnum):
    """Why the control cannot be switched on."""

    NO_BATTERY = "no_battery"
    """There are no states of charge to follow."""
    UNKNOWN_VALUES = "unknown_values"
    """A setting of the inverter that would be taken over is not known."""
    LIMITS = "limits"
    """The lower limit of the state of charge is not below the upper one."""
    CELLS = "cells"
    """The lowest cell voltage is not below the highest."""
    OUT_OF_RANGE = "out_of_range"
    """The cut-out, its hysteresis or its delay is outside what is sensible, or what the inverter accepts."""
    GRID_SUPPORT_OFF = "grid_support_off"
    """Grid support is off and is to stay so: load shave would do nothing."""
    BUDGET = "budget"
    """The write budget does not even allow switching on and off once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How things are before anything is changed."""

    battery: bool
    """Whether it is known where the states of charge come from."""
    device: Mapping[str, Setting] = field(default_factory=dict)
    """Settings that the inverter has, as far as they are known."""
    nominal_voltage: float = REFERENCE_VOLTAGE
    """Of the battery, V."""
    limits: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    """What the inverter accepts, by key of the setting."""


def objections(settings: Settings, setup: Setup) -> tuple[Objection, ...]:
    """Everything that speaks against switching on; nothing does when it is empty."""
    found: list[Objection] = []
    if not setup.battery:
        found.append(Objection.NO_BATTERY)
    if not set(settings.managed) <= setup.device.keys():
        found.append(Objection.UNKNOWN_VALUES)
    if not 0.0 <= settings.empty < settings.charged <= 100.0:
        found.append(Objection.LIMITS)
    if (
        settings.lowest_cell is not None
        and settings.highest_cell is not None
        and settings.lowest_cell >= settings.highest_cell
    ):
        found.append(Objection.CELLS)
    if not all(_sensible(key, value, setup) for key, value in settings.protection.items()):
        found.append(Objection.OUT_OF_RANGE)
    if not settings.grid_support and setup.device.get(GRID_SUPPORT) is False:
        found.append(Objection.GRID_SUPPORT_OFF)
    if settings.write_budget < 2:
        found.append(Objection.BUDGET)
    return tuple(found)


def _sensible(key: str, value: float, setup: Setup) -> bool:
    scale = setup.nominal_voltage / REFERENCE_VOLTAGE if key in VOLTAGES else 1.0
    low, high = (end * scale for end in RANGES[key])
    lowest, highest = setup.limits.get(key, (None, None))
    return low <= value <= high and (lowest is None or value >= lowest) and (highest is None or value <= highest)
