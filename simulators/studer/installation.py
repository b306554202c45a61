"""The devices on the bus: what there is, who they are, and what their memories hold.

Flash and RAM are kept apart (protocol reference, section 7.1): a write of property 5 goes to flash and takes effect, a
write of property 13 goes to RAM and takes effect, every read shows flash, and a restart drops RAM.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from struct import pack, unpack
from types import MappingProxyType

from . import catalogue, errors
from .catalogue import Parameter
from .errors import ScomError

VALUE = 5
MINIMUM = 6
MAXIMUM = 7
LEVEL = 8
UNSAVED_VALUE = 13

GATEWAY = 501
FIRST_ADDRESS = {"xt": 101, "vt": 301, "bsp": 601, "bms": 601, "vs": 701}
MULTICAST = {100: "xt", 300: "vt", 600: "bms", 700: "vs"}
PHASES = (191, 192, 193)

XT_SAVED_IN_FLASH = 1550
VT_SAVED_IN_FLASH = 10058
VS_SAVED_IN_FLASH = 14069
USER_LEVEL = 5012
SOC_FOR_BACKUP = 6062
SOC_FOR_GRID_FEEDING = 6063

_SAVED_IN_FLASH = {"xt": XT_SAVED_IN_FLASH, "vt": VT_SAVED_IN_FLASH, "vs": VS_SAVED_IN_FLASH}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device is: type code, hardware a.b, software x.y.z, and the serial number (FID, 32 bits)."""

    type_code: int
    hardware: tuple[int, int]
    software: tuple[int, int, int]
    fid: int


@dataclass(slots=True)
class Unit:
    """One device at one address, with its parameters and memories."""

    family: str
    address: int
    index: int
    """Place among its family, from 0."""
    identity: Identity
    phase: int = 1
    """Phase of an Xtender, 1 to 3."""
    parameters: dict[int, Parameter] = field(default_factory=dict)
    flash: dict[int, float] = field(default_factory=dict)
    ram: dict[int, float] = field(default_factory=dict)
    off_until: datetime | None = None
    """Until when (the house's time) the unit is stopped or starting; None: it runs."""

    @property
    def running(self) -> bool:
        """Tell whether the unit works and answers."""
        return self.off_until is None

    def effective(self, number: int) -> float:
        """Return the value that the device works with: RAM before flash."""
        return self.ram.get(number, self.flash[number])


@dataclass(frozen=True, slots=True)
class Plan:
    """What an installation consists of.

    ``phases`` gives the phase of each Xtender (empty: all on L1). ``battery`` is "bms", "bsp" or "" for none.
    ``ram_writes`` False is firmware before 1.6.12, which knows no property 13. ``level_bytes`` is the width of the
    access level (2 or 4; the reference leaves it open). ``fixed_point`` keeps floating point parameters as 16-bit
    fixed point, so that what is read differs slightly from what was written.
    """

    xtenders: int = 2
    phases: tuple[int, ...] = ()
    variotracks: int = 0
    variostrings: int = 2
    battery: str = "bms"
    system_voltage: int = 48
    mains_voltage: int = 230
    software: tuple[int, int, int] = (1, 6, 78)
    ram_writes: bool = True
    level_bytes: int = 2
    fixed_point: bool = False
    type_codes: Mapping[str, int] = MappingProxyType({})
    """Type codes by family where they are not the usual ones (protocol reference, section 10): an Xtender is 1 (XTH),
    256 (XTM) or 512 (XTS), a VarioString 12801 (VS-120) or 13057 (VS-70)."""


_TYPE_CODES = {"xt": 256, "vt": 9729, "vs": 12801, "bsp": 10241, "bms": 10241, "rcc": 0}
_FIRST_FID = {"xt": 0x0001A2F3, "vt": 0x0002B411, "vs": 0x0003C5D7, "bsp": 0x0004D108, "bms": 0x0004D6E9, "rcc": 0x50}


class Installation:
    """All units of one installation."""

    def __init__(self, plan: Plan) -> None:
        """Put the units of the plan on the bus, all parameters at their defaults."""
        self.plan = plan
        self.ram_writes = plan.ram_writes
        self.unsaved_shows_ram = False
        self.adapts = False
        self.user_level = False
        self.units: dict[int, Unit] = {}
        self.flash_writes: Counter[tuple[int, int]] = Counter()
        self._made: Counter[str] = Counter()
        for family, count in (("xt", plan.xtenders), ("vt", plan.variotracks), ("vs", plan.variostrings)):
            for _ in range(count):
                self.add(family)
        if plan.battery:
            self.add(plan.battery)
        self.units[GATEWAY] = self._new("rcc", GATEWAY, None, None, None)

    # What is on the bus

    def add(
        self, family: str, *, fid: int | None = None, type_code: int | None = None, phase: int | None = None
    ) -> Unit:
        """Connect one more unit at the next address of its family; there is room for one battery unit only."""
        address = FIRST_ADDRESS[family] + len(self.family(family))
        if address in self.units:
            raise ValueError(f"{address} is taken")
        self.units[address] = self._new(family, address, fid, type_code, phase)
        return self.units[address]

    def remove(self, address: int, *, close_gap: bool = True) -> Unit:
        """Take a unit away; those behind it move up by one address, as after a new search, or stay."""
        gone = self.units.pop(address)
        if close_gap:
            for unit in self.family(gone.family):
                if unit.address > address:
                    self._move(unit, unit.address - 1)
        return gone

    def replace(
        self,
        address: int,
        *,
        fid: int | None = None,
        type_code: int | None = None,
        software: tuple[int, int, int] | None = None,
    ) -> Unit:
        """Put another unit with default settings in the place of one."""
        old = self.units[address]
        unit = self._new(old.family, address, fid, type_code or old.identity.type_code, old.phase)
        if software is not None:
            unit.identity = replace(unit.identity, software=software)
        self.units[address] = unit
        return unit

    def swap(self, one: int, other: int) -> None:
        """Exchange the addresses of two units of a family; their settings go with them."""
        first, second = self.units[one], self.units[other]
        if first.family != second.family:
            raise ValueError("only units of one family exchange their addresses")
        self._move(first, other)
        self._move(second, one)
        self.units[one], self.units[other] = second, first

    def _move(self, unit: Unit, address: int) -> None:
        if self.units.get(unit.address) is unit:
            del self.units[unit.address]
        unit.address, unit.index = address, address - FIRST_ADDRESS[unit.family]
        self.units[address] = unit

    def _new(self, family: str, address: int, fid: int | None, type_code: int | None, phase: int | None) -> Unit:
        index = address - FIRST_ADDRESS.get(family, address)
        if type_code is None:
            type_code = self.plan.type_codes.get(family, _TYPE_CODES[family])
        if fid is None:
            fid = _FIRST_FID[family] + 0x111 * self._made[family]
        self._made[family] += 1
        if phase is None:
            phase = self.plan.phases[index] if family == "xt" and index < len(self.plan.phases) else 1
        known = catalogue.parameters(family, self.plan.system_voltage, self.plan.mains_voltage)
        flash = {number: parameter.default for number, parameter in known.items()}
        identity = Identity(type_code, (4, 2), self.plan.software, fid)
        return Unit(family, address, index, identity, phase, known, flash)

    @property
    def rcc(self) -> Unit:
        """Return the remote control, whose parameters the gateway serves."""
        return self.units[GATEWAY]

    def family(self, family: str) -> list[Unit]:
        """Return the units of a family in the order of their addresses."""
        return sorted((unit for unit in self.units.values() if unit.family == family), key=lambda unit: unit.address)

    @property
    def battery_family(self) -> str:
        """Return the family behind address 601, as numbers from 7000 and 6000 mean it."""
        return "bsp" if self.family("bsp") else "bms"

    def phase_units(self, phase: int) -> list[Unit]:
        """Return the Xtenders of a phase (1 to 3), its master first."""
        return [unit for unit in self.family("xt") if unit.phase == phase]

    def targets(self, address: int) -> list[Unit]:
        """Return the units that an address means, for a write; an absent device is an error."""
        if address in MULTICAST:
            family = MULTICAST[address]
            units = self.family(self.battery_family if family == "bms" else family)
        elif address in PHASES:
            units = self.phase_units(address - PHASES[0] + 1)
        else:
            units = [self.units[address]] if address in self.units else []
        if not units:
            raise ScomError(errors.DEVICE_NOT_FOUND)
        return units

    def parameter(self, unit: Unit, number: int) -> Parameter:
        """Return what a unit knows about a parameter number, or fail as the device does."""
        parameter = unit.parameters.get(number)
        if parameter is None:
            # A BMS answers "invalid data" to a number of the BSP and the other way round (seen in the field).
            other = {"bms": "bsp", "bsp": "bms"}.get(unit.family)
            if other and number in catalogue.parameters(other):
                raise ScomError(errors.INVALID_DATA)
            raise ScomError(errors.OBJECT_ID_NOT_FOUND)
        if parameter.kind == "unsupported" and not (self.user_level and number == USER_LEVEL):
            raise ScomError(errors.OBJECT_NOT_SUPPORTED)
        return parameter

    def read(self, unit: Unit, number: int, property_id: int) -> bytes:
        """Return the data of a parameter's property."""
        parameter = self.parameter(unit, number)
        if property_id == LEVEL:
            return parameter.level.to_bytes(self.plan.level_bytes, "little")
        values = {VALUE: unit.flash[number], MINIMUM: parameter.minimum, MAXIMUM: parameter.maximum}
        if self.ram_writes:
            values[UNSAVED_VALUE] = unit.effective(number) if self.unsaved_shows_ram else unit.flash[number]
        if property_id not in values:
            raise ScomError(errors.PROPERTY_NOT_SUPPORTED)
        return catalogue.encode(_wire_format(parameter), values[property_id])

    def write(self, unit: Unit, number: int, property_id: int, data: bytes) -> float:
        """Write a parameter and return the value; the checks are those of the device."""
        parameter = self.parameter(unit, number)
        if property_id in (MINIMUM, MAXIMUM, LEVEL):
            raise ScomError(errors.PROPERTY_IS_READ_ONLY)
        if property_id not in (VALUE, UNSAVED_VALUE):
            raise ScomError(errors.PROPERTY_NOT_SUPPORTED)
        if property_id == UNSAVED_VALUE and not self.ram_writes:
            raise ScomError(errors.PROPERTY_NOT_SUPPORTED)
        value = catalogue.decode(_wire_format(parameter), data)
        return self.put(unit, number, value, permanent=property_id == VALUE)

    def put(self, unit: Unit, number: int, value: float, *, permanent: bool) -> float:
        """Write a parameter whose number is known to the unit, after its checks; returns what was kept."""
        parameter = self.parameter(unit, number)
        if self.adapts and parameter.kind not in ("signal", "datetime", "enum"):
            low, high = self._limits(unit, parameter)
            value = min(max(value, low), high)
        self._check(unit, parameter, value)
        if parameter.kind in ("signal", "datetime"):
            return value
        if self.plan.fixed_point and parameter.wire_format == "FLOAT":
            value = _fixed_point(parameter, value)
        if permanent and self.saves_in_flash(unit, number):
            unit.flash[number] = value
            unit.ram.pop(number, None)
            self.flash_writes[unit.address, number] += 1
        else:
            unit.ram[number] = value
        return value

    @staticmethod
    def saves_in_flash(unit: Unit, number: int) -> bool:
        """Tell whether a write of property 5 goes to flash; the switch for that is itself always saved."""
        switch = _SAVED_IN_FLASH.get(unit.family)
        return switch is None or number == switch or bool(unit.effective(switch))

    @staticmethod
    def _limits(unit: Unit, parameter: Parameter) -> tuple[float, float]:
        """Return the limits as they are now. The device stores them as 32-bit floats, so they are compared as such."""
        low, high = _single(parameter.minimum), _single(parameter.maximum)
        if parameter.number == SOC_FOR_BACKUP:
            high = min(high, unit.effective(SOC_FOR_GRID_FEEDING) - 1)
        if parameter.number == SOC_FOR_GRID_FEEDING:
            low = max(low, unit.effective(SOC_FOR_BACKUP) + 1)
        return low, high

    @classmethod
    def _check(cls, unit: Unit, parameter: Parameter, value: float) -> None:
        if parameter.kind == "datetime":
            return
        if parameter.kind == "signal":
            if value != 1:
                raise ScomError(errors.INVALID_DATA)
            return
        if parameter.kind == "enum" and parameter.values and value not in parameter.values:
            raise ScomError(errors.INVALID_DATA)
        low, high = cls._limits(unit, parameter)
        if value < low:
            raise ScomError(errors.DATA_TOO_SMALL)
        if value > high:
            raise ScomError(errors.DATA_TOO_BIG)


def _wire_format(parameter: Parameter) -> str:
    """Return the wire format; the user level, where it is served at all, is an enumeration of four bytes."""
    return "LONG_ENUM" if parameter.kind == "unsupported" else parameter.wire_format


def _single(value: float) -> float:
    return float(unpack("<f", pack("<f", value))[0])


def _fixed_point(parameter: Parameter, value: float) -> float:
    """Round to what 16 bits with the largest fitting power-of-two scale can hold."""
    largest = max(abs(parameter.minimum), abs(parameter.maximum), 1.0)
    scale = 1
    while largest * scale * 2 <= 32767:
        scale *= 2
    return round(value * scale) / scale
