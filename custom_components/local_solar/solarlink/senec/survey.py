"""What is there: the model, its units and what they can tell, from the answers to the set-up probe (section 7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..client import Installation, Unit
from .address import Field, LalaAddress, SenecPoint, fields
from .codec import Answer, Missing, Why
from .machines import LFP_CELLS, LFP_MAKER, MANUFACTURER, NMC_CELLS, Machine, machine_of
from .points import POINTS, points_of
from .points_battery import MODULES
from .points_power import GRID_METER, HOUSE_METER, MPP_INPUTS
from .values import find

WALLBOXES, SOCKETS, HEATERS = 4, 2, 6
PEAK_SHAVING = "FEATURES.PEAKSHAVING"

PROBE: tuple[Field, ...] = fields(
    "FACTORY.SYS_TYPE FACTORY.COUNTRY FACTORY.DEVICE_ID FACTORY.BAT_TYPE "
    "FEATURES.CAR FEATURES.HEAT FEATURES.ISLAND FEATURES.PEAKSHAVING FEATURES.SGREADY FEATURES.SOCKETS "
    "WIZARD.APPLICATION_VERSION WIZARD.FIRMWARE_VERSION WIZARD.INTERFACE_VERSION WIZARD.CONFIG_LOADED "
    "WIZARD.SETUP_NUMBER_WALLBOXES WIZARD.DEVICE_PM_HOUSE_ENABLED WIZARD.SETUP_PM_HOUSE_ADR "
    "WIZARD.MASTER_SLAVE_MODE WIZARD.PWRCFG_PEAK_PV_POWER WIZARD.SETUP_POWER_RULE WIZARD.MAC_ADDRESS_BYTES "
    "SYS_UPDATE.NPU_IMAGE_VERSION ENERGY.ZERO_EXPORT BAT1.TYPE BAT1.SERIAL "
    "BMS.MODULES_CONFIGURED BMS.MODULE_COUNT BMS.MANUFACTURER BMS.SERIAL BMS.SN BMS.FW BMS.HW_MAINBOARD BMS.SOC "
    "BMS.CELL_VOLTAGES_MODULE_A "
    "PV1.MPP_AVAIL PV1.MPP_POWER PV1.INTERNAL_MD_AVAIL PV1.INTERNAL_MD_MODEL PV1.INTERNAL_MD_SERIAL "
    "PV1.INTERNAL_MD_VERSION "
    "SOCKETS.NUMBER_OF_SOCKETS PWR_UNIT.TYPE "
    "WALLBOX.SERIAL_NUMBER WALLBOX.UID WALLBOX.MAJOR_REV WALLBOX.MINOR_REV WALLBOX.HW_TYPE"
)

_UNUSED_INSIDE = {f"battery_inverter_temperature_{number}" for number in (3, 4, 5)}
_METER_ROLES = {2: "consumption", 3: "generation"}


@dataclass(slots=True)
class Found:
    """One machine as far as it is known: what ``Installation.facts`` keeps, and what follows from it."""

    application: str = ""
    image: int = 0
    system_type: int | None = None
    country: int | None = None
    cells: int = 0
    mpp_inputs: int = 0
    inverters: int = 0
    pv_peak: float = 0.0
    switched_on: set[str] = field(default_factory=set)
    """Features and settings that some points need."""
    absent: set[str] = field(default_factory=set)
    """Variables that this firmware does not have or does not give away, elements as ``BMS.SOC[3]``."""

    def as_facts(self) -> dict[str, Any]:
        """This as JSON can hold it."""
        return {
            "application": self.application,
            "image": self.image,
            "system_type": self.system_type,
            "country": self.country,
            "cells": self.cells,
            "mpp_inputs": self.mpp_inputs,
            "inverters": self.inverters,
            "pv_peak": self.pv_peak,
            "switched_on": sorted(self.switched_on),
            "absent": sorted(self.absent),
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Found:
        """Take back what ``as_facts`` gave; what an older version did not keep stays unknown."""
        known = {name: facts[name] for name in cls.__slots__ if name in facts}
        for name in ("switched_on", "absent"):
            known[name] = set(known.get(name, ()))
        return cls(**known)

    def resolve(self, point: SenecPoint, number: int) -> LalaAddress | None:
        """Where this machine has ``point`` of the unit with that number; ``None`` where it does not have it."""
        address: LalaAddress | None = point.address.of(number)
        if any(where.variable not in self.switched_on for where in point.address.needs):
            return None
        if self._beyond(point):
            return None
        while address is not None and any(self._lacks(where) for where in address.fields):
            address = address.instead
        return address

    def _lacks(self, where: Field) -> bool:
        return where.variable in self.absent or element(where) in self.absent

    def _beyond(self, point: SenecPoint) -> bool:
        """Whether the point is of a cell, an input or an inverter that this machine does not have."""
        for prefix, most in (("cell_voltage_", self.cells), ("mpp_", self.mpp_inputs)):
            number = point.key.removeprefix(prefix).partition("_")[0]
            if point.key.startswith(prefix) and number.isdecimal():
                return int(number) > most
        if point.unit_kind == "battery":
            # The inverters inside fill only the first two of five places.
            return bool(self.mpp_inputs) and point.key in _UNUSED_INSIDE
        return point.unit_kind == "inverter" and point.key.endswith("_2") and self.inverters < 2

    def points(self, unit: Unit) -> dict[str, SenecPoint]:
        """The points that ``unit`` has."""
        return {
            key: point
            for key, point in points_of(unit.kind).items()
            if not point.measured or self.resolve(point, unit.address) is not None
        }


def element(where: Field) -> str:
    """Name of the element that a field of one unit names."""
    return f"{where.variable}[{where.place}]" if isinstance(where.place, int) else where.variable


def candidates(units: tuple[Unit, ...]) -> list[Field]:
    """Every field that points of these units might read, to find out which of them exist."""
    found: dict[Field, None] = {}
    for unit in units:
        for point in POINTS:
            if point.unit_kind != unit.kind:
                continue
            address: LalaAddress | None = point.address.of(unit.address)
            while address is not None:
                found |= dict.fromkeys((*address.fields, *address.also))
                address = address.instead
    return list(found)


def take_absent(found: Found, asked: list[Field], answer: Answer) -> None:
    """Note which of the fields that were asked for do not exist."""
    for where in asked:
        whole = answer.get(where.section, where.name)
        if isinstance(whole, Missing):
            if whole.why.permanent or whole.why is Why.OMITTED:
                found.absent.add(where.variable)
            continue
        value = find(answer, where)
        if isinstance(value, Missing) and (value.why.permanent or value.why is Why.OMITTED):
            found.absent.add(element(where))


def take_machine(answer: Answer) -> Found:
    """What the set-up probe tells of the machine."""
    system_type = answer.number("FACTORY", "SYS_TYPE")
    machine = machine_of(None if system_type is None else int(system_type))
    avail = int(answer.number("PV1", "MPP_AVAIL") or 0)
    inside = bool(machine.mpp_inputs) or (not machine.generation and avail > 0)
    image = answer.number("SYS_UPDATE", "NPU_IMAGE_VERSION")
    country = answer.number("FACTORY", "COUNTRY")
    found = Found(
        application=answer.text("WIZARD", "APPLICATION_VERSION"),
        image=int(image or 0),
        system_type=None if system_type is None else int(system_type),
        country=None if country is None else int(country),
        cells=_cells(answer, machine),
        mpp_inputs=min(machine.mpp_inputs or avail, MPP_INPUTS) if inside else 0,
        inverters=sum(1 for each in answer.items("PV1", "INTERNAL_MD_AVAIL") if each == 1) or int(inside),
        pv_peak=float(answer.number("WIZARD", "PWRCFG_PEAK_PV_POWER") or 0.0),
    )
    found.switched_on = {
        where.variable
        for where in (needed for point in POINTS for needed in point.address.needs)
        if answer.number(where.section, where.name)
    }
    if answer.number("ENERGY", "ZERO_EXPORT"):
        # The appliance's own page refuses peak shaving then.
        found.switched_on.discard(PEAK_SHAVING)
    return found


def _cells(answer: Answer, machine: Machine) -> int:
    """Cells of a module; unused places of a list are zeros."""
    told = [each for each in answer.items("BMS", "CELL_VOLTAGES_MODULE_A") if not isinstance(each, Missing)]
    while told and not told[-1]:
        told.pop()
    lfp = machine.lfp or answer.number("BMS", "MANUFACTURER") == LFP_MAKER
    return min(len(told), LFP_CELLS) or (LFP_CELLS if lfp else NMC_CELLS)


def take_units(answer: Answer, found: Found, device_id: str, earlier: Installation | None) -> Installation:
    """The appliance and the units in and behind it.

    A unit that does not tell its serial number is known by its place. One that told it to ``earlier`` and is silent
    now keeps it, because its history hangs on it.
    """
    machine = machine_of(found.system_type)
    kept = {unit.id: unit.serial for unit in earlier.all_units} if earlier else {}

    def unit(unit_id: str, kind: str, name: str, *, serial: str = "", model: str = "", **more: Any) -> Unit:
        own = serial or kept.get(unit_id) or f"{device_id}-{unit_id}"
        return Unit(
            id=unit_id, kind=kind, name=name, serial=own, manufacturer=MANUFACTURER, model=model or name, **more
        )

    root = Unit(
        id="appliance",
        kind="appliance",
        name="SENEC.Home",
        serial=device_id,
        manufacturer=MANUFACTURER,
        model=machine.model,
        firmware=found.application,
        hardware=f"image {found.image}" if found.image else "",
        mac=_mac(answer),
    )
    units = [unit("battery", "battery", "Battery")]
    units += [
        unit(
            f"module_{letter.lower()}",
            "battery_module",
            f"Battery module {letter}",
            serial=_serial(answer, number, "BMS.SERIAL", "BMS.SN"),
            firmware=_plain(answer, "BMS", "FW", number),
            hardware=_plain(answer, "BMS", "HW_MAINBOARD", number),
            address=number,
        )
        for number, letter in enumerate("ABCD"[: _modules(answer, machine)])
    ]
    if found.mpp_inputs:
        units.append(
            unit(
                "inverter",
                "inverter",
                "PV inverter",
                serial=_serial(answer, 0, "PV1.INTERNAL_MD_SERIAL"),
                model=answer.text("PV1", "INTERNAL_MD_MODEL", 0),
                firmware=answer.text("PV1", "INTERNAL_MD_VERSION", 0),
            )
        )
    units.append(unit(GRID_METER, GRID_METER, "Grid meter"))
    if answer.number("WIZARD", "DEVICE_PM_HOUSE_ENABLED"):
        role = _METER_ROLES.get(int(answer.number("WIZARD", "SETUP_PM_HOUSE_ADR") or 0), "")
        units.append(unit(HOUSE_METER, HOUSE_METER, "Second meter", model=f"Second meter, {role}" if role else ""))
    units += [
        unit(
            f"wallbox_{number + 1}",
            "wallbox",
            f"Wallbox {number + 1}",
            serial=_serial(answer, number, "WALLBOX.SERIAL_NUMBER", "WALLBOX.UID"),
            firmware=".".join(
                filter(None, (_plain(answer, "WALLBOX", part, number) for part in ("MAJOR_REV", "MINOR_REV")))
            ),
            address=number,
        )
        for number in range(_count(answer, "WIZARD", "SETUP_NUMBER_WALLBOXES", WALLBOXES))
    ]
    if answer.number("FEATURES", "SOCKETS"):
        units += [
            unit(f"socket_{number + 1}", "socket", f"Socket {number + 1}", address=number)
            for number in range(_count(answer, "SOCKETS", "NUMBER_OF_SOCKETS", SOCKETS, SOCKETS))
        ]
    if answer.number("FEATURES", "HEAT"):
        units += [
            unit(f"heat_{number + 1}", "heat", f"Heating rod {number + 1}", address=number)
            for number, kind in enumerate(answer.items("PWR_UNIT", "TYPE")[:HEATERS])
            if isinstance(kind, int) and kind > 0
        ]
    return Installation(root, tuple(units))


def device_id(answer: Answer) -> str:
    """What the appliance is known by: its device id, else its MAC address, else nothing."""
    return answer.text("FACTORY", "DEVICE_ID").strip() or _mac(answer).replace(":", "")


def _mac(answer: Answer) -> str:
    parts = answer.items("WIZARD", "MAC_ADDRESS_BYTES")
    numbers = [part for part in parts if isinstance(part, int) and 0 <= part <= 0xFF]
    return ":".join(f"{number:02x}" for number in numbers) if len(numbers) == len(parts) == 6 and any(numbers) else ""


def _modules(answer: Answer, machine: Machine) -> int:
    if not machine.lithium:
        return 0
    configured = _count(answer, "BMS", "MODULES_CONFIGURED", MODULES) or _count(answer, "BMS", "MODULE_COUNT", MODULES)
    return configured or min(len([each for each in answer.items("BMS", "SOC") if each]), MODULES)


def _count(answer: Answer, section: str, name: str, most: int, otherwise: int = 0) -> int:
    number = answer.number(section, name)
    return otherwise if number is None else max(0, min(int(number), most))


def _serial(answer: Answer, number: int, *names: str) -> str:
    """The first of these variables that tells a serial number."""
    for name in names:
        section, _, variable = name.partition(".")
        value = answer.get(section, variable, number)
        if not isinstance(value, Missing | list) and str(value).strip(" 0"):
            return str(value).strip()
    return ""


def _plain(answer: Answer, section: str, name: str, number: int) -> str:
    value = answer.get(section, name, number)
    return str(value) if not isinstance(value, Missing | list) and value else ""
