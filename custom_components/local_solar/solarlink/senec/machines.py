"""Which machines there are: the model behind each ``FACTORY.SYS_TYPE`` (reference section 1)."""

from dataclasses import dataclass

MANUFACTURER = "SENEC"
LFP_MAKER = 4
"""``BMS.MANUFACTURER`` of LFP modules, which have other variables."""
NMC_CELLS, LFP_CELLS = 14, 16


@dataclass(frozen=True, slots=True)
class Machine:
    """One model. ``mpp_inputs`` is 0 for AC-coupled ones, which have no PV inverter inside."""

    model: str
    generation: str
    mpp_inputs: int = 0
    lithium: bool = True
    lfp: bool = False


_LEAD, _FIRST, _V2, _V3 = "lead", "first lithium", "V2", "V3"

MACHINES: dict[int, Machine] = {
    0: Machine("SENEC.Home 8.0 Pb", _LEAD, lithium=False),
    1: Machine("SENEC.Business 30.0 Pb", _LEAD, lithium=False),
    2: Machine("Solarinvert Storage 10.0 Pb", _LEAD, lithium=False),
    3: Machine("SENEC.Home 4.0 Pb", _LEAD, lithium=False),
    4: Machine("SENEC.Home 5.0/7.5/10.0 Li", _FIRST),
    5: Machine("SENEC.Home 15.0 Li", _FIRST),
    6: Machine("SENEC.Business 25.0 Li", _FIRST),
    7: Machine("SENEC.Home 6.0 Pb", _LEAD, lithium=False),
    8: Machine("SENEC.Home 10.0 Pb", _LEAD, lithium=False),
    9: Machine("SENEC.Home V2 5.0/7.5/10.0", _V2),
    10: Machine("SENEC.Business V2 30.0 Pb", _LEAD, lithium=False),
    11: Machine("SENEC.Home V2 10.0 Pb", _LEAD, lithium=False),
    12: Machine("OEM LG", _V2),
    13: Machine("SENEC.Business V2, two-phase", _V2),
    14: Machine("SENEC.Business V2, three-phase", _V2),
    15: Machine("SENEC.Home V2.1", _V2),
    16: Machine("ADS-TEC", _FIRST),
    17: Machine("SENEC.Home V3 hybrid", _V3, 2),
    18: Machine("SENEC.Home V3 hybrid duo", _V3, 3),
    19: Machine("SENEC.Home V3 hybrid", _V3, 2),
    20: Machine("SENEC.Home V3 hybrid LFP", _V3, 2, lfp=True),
    21: Machine("SENEC.Home V3 hybrid duo LFP", _V3, 3, lfp=True),
}

UNKNOWN = Machine("SENEC.Home", "")
"""A model newer than this table: what it has is found by asking."""


def machine_of(system_type: int | None) -> Machine:
    """The model of a ``FACTORY.SYS_TYPE``."""
    return UNKNOWN if system_type is None else MACHINES.get(system_type, UNKNOWN)
