"""The battery's modules and cells, derived from the house's one battery."""

from ..faults import Fault
from .fields import BMS_ROWS
from .plant import Plant, Powers
from .wire import Value

type Readings = dict[tuple[str, str], Value | list[float] | list[int]]

MODULES = "ABCD"
CELL_SENSORS = 6
"""Temperature sensors in a module that reports them through the section BMS."""
_SHARES = (1.004, 0.998, 1.001, 0.997)
"""How unevenly the modules share the current."""
_CHARGE_OFFSETS = (0, 1, -1, 0)
"""How far the modules' states of charge are apart, %."""
_CELL_SPREAD = 9
"""Steps of 1 mV over which the cells are spread."""


def _cells(volts: float, cells: int, module: int) -> list[int]:
    """Return the voltages of a module's cells, mV."""
    middle = volts / cells * 1000
    return [round(middle) + (module * 7 + cell * 5) % _CELL_SPREAD - _CELL_SPREAD // 2 for cell in range(cells)]


def _padded[T](rows: list[T], nothing: T, length: int) -> list[T]:
    return rows[:length] + [nothing] * (length - len(rows))


def readings(plant: Plant, powers: Powers, faults: dict[str, Fault]) -> Readings:
    """Return what the battery management shows; the modules' currents add up to the battery's."""
    profile, battery = plant.profile, plant.house.battery
    present = profile.modules - ("module_lost" in faults)
    if present <= 0:
        return {}
    few = profile.modules if profile.has("lfp") else BMS_ROWS
    shares = _SHARES[:present]
    currents = [powers.current * share / sum(shares) for share in shares]
    volts = [powers.voltage + 0.01 * index for index in range(present)]
    charges = [min(100, max(0, round(powers.charge) + offset)) for offset in _CHARGE_OFFSETS[:present]]
    cells = [_cells(module_volts, profile.cells, index) for index, module_volts in enumerate(volts)]
    warm = [battery.temperature + 0.3 * index for index in range(present)]
    limit = battery.charge_current_limit / profile.modules
    share = battery.allowed_charge() / battery.charge_current_limit
    result: Readings = {
        ("BMS", "MODULE_COUNT"): present,
        ("BMS", "MODULES_CONFIGURED"): profile.modules,
        ("BMS", "NR_INSTALLED"): profile.modules,
        ("BMS", "SOC"): _padded(charges, 0, few),
        ("BMS", "CURRENT"): _padded(currents, 0.0, few),
        ("BMS", "VOLTAGE"): _padded(volts, 0.0, few),
        ("BMS", "CYCLES"): _padded([29 + index for index in range(present)], 0, few),
        ("BMS", "MAX_CELL_VOLTAGE"): _padded([max(row) for row in cells], 0, BMS_ROWS),
        ("BMS", "MIN_CELL_VOLTAGE"): _padded([min(row) for row in cells], 0, BMS_ROWS),
        ("BMS", "MAX_TEMP"): round(10 * (max(warm) + 1.0)),
        ("BMS", "MIN_TEMP"): round(10 * (min(warm) - 1.0)),
        ("BMS", "TEMP_MAX"): _padded([round(value + 1.0) for value in warm], 0, BMS_ROWS),
        ("BMS", "TEMP_MIN"): _padded([round(value - 1.0) for value in warm], 0, BMS_ROWS),
        ("BMS", "SYSTEM_SOC"): round(10 * powers.charge),
        ("BMS", "CHARGE_CURRENT_LIMIT"): _padded([limit * share] * present, 0.0, BMS_ROWS),
        ("BMS", "DISCHARGE_CURRENT_LIMIT"): _padded([-battery.allowed_discharge() / present] * present, 0.0, BMS_ROWS),
        ("BMS", "TOTAL_VOLTAGE"): round(powers.voltage),
        ("BMS", "TOTAL_CURRENT"): round(powers.current),
        ("ENERGY", "GUI_BAT_DATA_MAX_CELL_VOLTAGE"): max(max(row) for row in cells),
        ("ENERGY", "GUI_BAT_DATA_MIN_CELL_VOLTAGE"): min(min(row) for row in cells),
        ("AMPACE", "MODULE_MAX_TEMP"): [round(10 * (value + 1.0)) for value in warm],
        ("AMPACE", "MODULE_MIN_TEMP"): [round(10 * (value - 1.0)) for value in warm],
    }
    for index, letter in enumerate(MODULES):
        here = index < present
        result["BMS", f"CELL_VOLTAGES_MODULE_{letter}"] = cells[index] if here else [0] * profile.cells
        result["BMS", f"CELL_TEMPERATURES_MODULE_{letter}"] = [
            round(warm[index]) + sensor % 3 - 1 if here else 0 for sensor in range(CELL_SENSORS)
        ]
        result["AMPACE", f"CELL_TEMPERATURES_MODULE_{letter}"] = [
            round(10 * warm[index]) + (cell % 5 - 2) * 5 if here else 0 for cell in range(profile.cells)
        ]
    return result
