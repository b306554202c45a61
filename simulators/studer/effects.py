"""What the settings of the devices do to the house, and what a signal starts.

Settings of several devices of a family add up or, where they are shares, are averaged. A device that is stopped adds
nothing.
"""

from ..house import House
from .installation import Installation, Unit

VS_70 = 13057


def apply(house: House, installation: Installation, *, bms_owns_charge_current: bool) -> None:
    """Bring the house in line with what the devices work with now (RAM before flash)."""
    settings = house.settings
    if installation.family("xt"):
        xtenders = [unit for unit in installation.family("xt") if unit.running]
        settings.inverter_allowed = any(unit.effective(1124) for unit in xtenders)
        settings.charger_allowed = any(unit.effective(1125) for unit in xtenders)
        settings.grid_feeding_allowed = any(unit.effective(1127) for unit in xtenders)
        settings.grid_feeding_current = sum(unit.effective(1523) for unit in xtenders)
        settings.input_limit = sum(unit.effective(1107) for unit in xtenders)
        # An Xtender whose smart boost is not allowed gives nothing to the loads beside the grid.
        boost = [unit.effective(1607) if unit.effective(1126) else 0.0 for unit in xtenders]
        settings.boost_limit = sum(boost) / max(1, len(boost))
        if bms_owns_charge_current:
            settings.grid_charge_current = sum(unit.flash[1138] for unit in xtenders)
        else:
            settings.grid_charge_current = sum(unit.effective(1138) for unit in xtenders)
    for unit in installation.family("bms"):
        settings.soc_backup = unit.effective(6062)
        settings.soc_grid_feeding = unit.effective(6063)
        settings.battery_charge_current = unit.effective(6069) if unit.effective(6068) else 10000.0
        settings.battery_discharge_current = unit.effective(6077) if unit.effective(6076) else 10000.0
    limits: dict[int, float] = {}
    for unit in [*installation.family("vs"), *installation.family("vt")]:
        place = unit.index % len(house.arrays)
        limits[place] = limits.get(place, 0.0) + (unit.effective(_charge_current(unit)) if unit.running else 0.0)
    for place, limit in limits.items():
        house.arrays[place].charge_current_limit = limit


def _charge_current(unit: Unit) -> int:
    """Return the number of a solar charger's charge current, which is another one for a VarioString VS-70."""
    if unit.family == "vt":
        return 10002
    return 14217 if unit.identity.type_code == VS_70 else 14001


def signal(house: House, unit: Unit, number: int) -> None:
    """Carry out a signal that changes the house; the others have no effect on it."""
    array = house.arrays[unit.index % len(house.arrays)]
    match number:
        case 14038 | 10039:
            array.enabled = True
        case 14039 | 10040:
            array.enabled = False
        case _:
            return
