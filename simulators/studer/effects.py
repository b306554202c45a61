"""What the settings of the devices do to the house, and what a signal starts.

Settings of several devices of a family add up or, where they are shares, are averaged.
"""

from ..house import House
from .installation import Installation, Unit


def apply(house: House, installation: Installation, *, bms_owns_charge_current: bool) -> None:
    """Bring the house in line with what the devices work with now (RAM before flash)."""
    settings = house.settings
    xtenders = installation.family("xt")
    if xtenders:
        settings.inverter_allowed = any(unit.effective(1124) for unit in xtenders)
        settings.charger_allowed = any(unit.effective(1125) for unit in xtenders)
        settings.grid_feeding_allowed = any(unit.effective(1127) for unit in xtenders)
        settings.grid_feeding_current = sum(unit.effective(1523) for unit in xtenders)
        settings.input_limit = sum(unit.effective(1107) for unit in xtenders)
        # An Xtender whose smart boost is not allowed gives nothing to the loads beside the grid.
        boost = [unit.effective(1607) if unit.effective(1126) else 0.0 for unit in xtenders]
        settings.boost_limit = sum(boost) / len(boost)
        if bms_owns_charge_current:
            settings.grid_charge_current = sum(unit.flash[1138] for unit in xtenders)
        else:
            settings.grid_charge_current = sum(unit.effective(1138) for unit in xtenders)
    for unit in installation.family("bms"):
        settings.soc_backup = unit.effective(6062)
        settings.soc_grid_feeding = unit.effective(6063)
        settings.battery_charge_current = unit.effective(6069) if unit.effective(6068) else 10000.0
        settings.battery_discharge_current = unit.effective(6077) if unit.effective(6076) else 10000.0
    for unit in installation.family("vs"):
        house.arrays[unit.index % len(house.arrays)].charge_current_limit = unit.effective(14001)
    for unit in installation.family("vt"):
        house.arrays[unit.index % len(house.arrays)].charge_current_limit = unit.effective(10002)


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
