"""Energies: what the devices count, and totals that neither fall nor jump (reference sections 4 and 6)."""

from dataclasses import dataclass

from ..points import Counting, Integral, Part, Point, Quantity
from .registers import Kind, map_of
from .source import ConextPoint, Source, at

PERIODS = {
    "hour": "this hour",
    "today": "today",
    "week": "this week",
    "month": "this month",
    "year": "this year",
    "lifetime": "total",
}
_SUFFIXES = {"lifetime": "total"}


@dataclass(frozen=True, slots=True)
class _Counter:
    """Six registers that count one energy over six periods."""

    pattern: str
    """Key of the registers, with a place for the period."""
    key: str
    name: str
    enabled: tuple[str, ...] = ("today", "lifetime")


_PV = _Counter("energy_from_pv_{}", "pv_energy", "PV energy", ("today", "week", "month", "year", "lifetime"))
_OUT = _Counter("energy_from_battery_{}", "battery_discharge_energy", "Battery discharge energy")
_IN = _Counter("energy_to_battery_{}", "battery_charge_energy", "Battery charge energy")
_CHARGED = _Counter(
    "energy_to_battery_{}",
    "battery_charge_energy",
    "Battery charge energy",
    ("today", "week", "month", "year", "lifetime"),
)
_IMPORT = _Counter("grid_input_energy_{}", "grid_import_energy", "Grid import energy")
_EXPORT = _Counter("grid_output_energy_{}", "grid_export_energy", "Grid export energy")
_LOAD = _Counter("load_output_energy_{}", "load_energy", "Load energy")
_GENERATOR = _Counter("generator_input_energy_{}", "generator_energy", "Generator energy", ())
_AC_INPUT = _Counter("ac1_input_energy_{}", "ac_input_energy", "AC input energy")

COUNTERS: dict[Kind, tuple[_Counter, ...]] = {
    Kind.XW: (_OUT, _IN, _IMPORT, _EXPORT, _LOAD, _GENERATOR),
    Kind.SW: (_OUT, _IN, _AC_INPUT, _LOAD),
    Kind.MPPT60: (_PV, _CHARGED),
    Kind.MPPT80: (_PV, _CHARGED),
    Kind.COMBOX: (
        _Counter("pv_input_energy_{}", "pv_energy", "PV energy"),
        _Counter("dc_input_energy_{}_from_battery", "battery_discharge_energy", "Battery discharge energy"),
        _Counter("dc_output_energy_{}_to_battery", "battery_charge_energy", "Battery charge energy"),
        _IMPORT,
        _EXPORT,
        _Counter("ac_load_energy_{}", "load_energy", "Load energy"),
        _Counter("gen_input_energy_{}", "generator_energy", "Generator energy", ()),
    ),
}


def counter_key(key: str, period: str) -> str:
    """The key of the point for one period of an energy."""
    return f"{key}_{_SUFFIXES.get(period, period)}"


def _counted(kind: Kind, counter: _Counter) -> tuple[ConextPoint, ...]:
    return tuple(
        at(
            kind,
            counter.pattern.format(period),
            counter_key(counter.key, period),
            f"{counter.name} {text}",
            enabled=period in counter.enabled,
        )
        for period, text in PERIODS.items()
    )


def _total(kind: Kind, key: str, name: str, source: str, part: Part = Part.POSITIVE, counter: str = "") -> ConextPoint:
    return Point(
        key=key,
        name=name,
        unit_kind=kind.value,
        quantity=Quantity.ENERGY,
        unit="kWh",
        address=Source(()),
        counting=Counting.TOTAL,
        enabled=True,
        integral=Integral(source, part, counter),
    )


def _totals(kind: Kind) -> tuple[ConextPoint, ...]:
    """The energies for the Energy dashboard: the device's counter leads where it has one."""
    counted = {counter.key for counter in COUNTERS.get(kind, ())}

    def counter(key: str) -> str:
        return counter_key(key, "lifetime") if key in counted else ""

    battery = (
        _total(kind, "battery_energy_in", "Battery energy in", "battery_power", Part.NEGATIVE),
        _total(kind, "battery_energy_out", "Battery energy out", "battery_power"),
    )
    pv = (_total(kind, "pv_energy", "PV energy", "pv_power", counter=counter("pv_energy")),)
    grid = (
        _total(kind, "grid_import_energy", "Grid import energy", "grid_power", counter=counter("grid_import_energy")),
        _total(
            kind,
            "grid_export_energy",
            "Grid export energy",
            "grid_power",
            Part.NEGATIVE,
            counter("grid_export_energy"),
        ),
    )
    load = (_total(kind, "load_energy", "Load energy", "load_power", counter=counter("load_energy")),)
    match kind:
        case Kind.COMBOX | Kind.GATEWAY:
            return (*pv, *grid, *load, *battery)
        case Kind.XW:
            return (*grid, *load, *battery)
        case Kind.SW:
            return (*load, *battery)
        case Kind.MPPT60 | Kind.MPPT80:
            return pv
        case Kind.BATTMON:
            return battery
    return ()


def swapped(register: str, kind: Kind) -> str:
    """The register that counts the other direction of the battery, for devices that have them the wrong way round."""
    for one, other in (("energy_from_battery_", "energy_to_battery_"), ("energy_to_battery_", "energy_from_battery_")):
        if register.startswith(one) and (found := register.replace(one, other)) in map_of(kind):
            return found
    return register


POINTS: tuple[ConextPoint, ...] = (
    *(point for kind in Kind for point in _totals(kind)),
    *(point for kind, counters in COUNTERS.items() for counter in counters for point in _counted(kind, counter)),
)
