"""What a control program reads of one XW and two MPPT 60: 22 and twice 16 values."""

from dataclasses import dataclass

from custom_components.local_solar.solarlink.points import Ref


@dataclass(frozen=True, slots=True)
class Wanted:
    """One value: where it is on the wire, and how our client calls it."""

    unit: int
    address: int
    words: int
    ref: Ref
    live: bool
    """Whether it changes from second to second."""


_XW = (
    (0x061, 1, "grid_frequency", True),
    (0x062, 2, "grid_voltage", True),
    (0x064, 2, "grid_current", True),
    (0x066, 2, "grid_power", True),
    (0x098, 1, "load_frequency", True),
    (0x08C, 2, "load_voltage", True),
    (0x096, 2, "load_current", True),
    (0x09A, 2, "load_power", True),
    (0x058, 2, "invert_dc_current", True),
    (0x05A, 2, "invert_dc_power", True),
    (0x0D4, 2, "battery_discharge_energy_today", False),
    (0x0EC, 2, "battery_charge_energy_today", False),
    (0x104, 2, "grid_import_energy_today", False),
    (0x134, 2, "load_energy_today", False),
    (0x07A, 1, "inverter_status", True),
    (0x04B, 1, "active_faults_flag", True),
    (0x04C, 1, "active_warnings_flag", True),
    (0x17C, 2, "low_battery_cut_out", False),
    (0x17E, 1, "low_battery_cut_out_delay", False),
    (0x1F2, 2, "low_battery_cut_out_hysteresis", False),
    (0x1B3, 1, "grid_support", False),
    (0x1B2, 1, "load_shave", False),
)
_MPPT = (
    (0x06A, 2, "pv_energy_today", False),
    (0x06E, 2, "pv_energy_week", False),
    (0x072, 2, "pv_energy_month", False),
    (0x076, 2, "pv_energy_year", False),
    (0x082, 2, "battery_charge_energy_today", False),
    (0x086, 2, "battery_charge_energy_week", False),
    (0x08A, 2, "battery_charge_energy_month", False),
    (0x08E, 2, "battery_charge_energy_year", False),
    (0x04C, 2, "pv_voltage", True),
    (0x04E, 2, "pv_current", True),
    (0x050, 2, "pv_power", True),
    (0x058, 2, "output_voltage", True),
    (0x05A, 2, "output_current", True),
    (0x05C, 2, "output_power", True),
    (0x049, 1, "charger_status", True),
    (0x040, 1, "device_state", True),
)
WANTED = tuple(
    Wanted(unit, address, words, Ref(f"{kind}_{unit}", key), live)
    for kind, unit, table in (("xw", 10, _XW), ("mppt60", 30, _MPPT), ("mppt60", 31, _MPPT))
    for address, words, key, live in table
)
