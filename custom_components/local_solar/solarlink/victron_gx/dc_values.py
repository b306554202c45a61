"""What the GX is to be shown of the inverters at one moment: the sums, the limits and what age does to them.

Pure: the same data at the same time give the same paths (reference sections 4.4 and 4.7). Power and current are
positive while the inverters draw from the battery.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from .alarm_map import ALARM_PATHS, LOAD_ALARMS, Alarm, alarm_values
from .bus_item import BusItem, BusTree, Kind, Value

STALE_SECONDS = 60.0
"""Age from which an inverter counts as drawing nothing."""
RELEASE_SECONDS = 300.0
"""Age from which its service is taken away."""
PRODUCT_ID = 0xFFFF
LONGEST_NAME = 64
SYSTEM = "dcsystem"
"""How the sum is called where inverters go by their serial numbers."""
_INVERTER, _DC_SYSTEM = 7, 6
"""Kinds of a DC meter as the maker numbers them: an inverter, and the DC system as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DcLoad:
    """One inverter on the battery. ``at`` is when it was read, in seconds of the publisher's clock."""

    key: str
    """Its serial number: what the GX remembers it by."""
    name: str
    at: float
    power: float | None = None
    """What it draws from the battery, W: the sum of its inputs."""
    current: float | None = None
    """The same in A; where it is not measured at the battery it follows from the power."""
    ac_power: float | None = None
    """W. The GX has no path for it; it is shown as the auxiliary voltage."""
    temperature: float | None = None
    """°C."""
    energy: float | None = None
    """Drawn during its life, kWh."""
    alarms: frozenset[Alarm] = frozenset()
    """Those of ``LOAD_ALARMS`` that are on."""
    model: str = "Hoymiles"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatterySide:
    """What the GX itself says of the battery. ``at`` as above."""

    at: float
    voltage: float | None = None
    """V."""
    discharge_limit: float | None = None
    """A."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DcData:
    """All that is known of the inverters."""

    loads: tuple[DcLoad, ...] = ()
    battery: BatterySide | None = None
    alarms: frozenset[Alarm] = frozenset()
    """Those that concern all inverters and are on."""
    system_key: str = "all"
    """Makes the name of the sum unique on a GX that is shown several installations."""
    system_name: str = "Hoymiles"


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """One service on the bus of the GX."""

    kind: Literal["dcload", "dcsystem"]
    key: str

    @property
    def unique(self) -> str:
        """What localsettings knows it by."""
        stem = "ha_opendtu" if self.kind == "dcload" else "ha_opendtu_sum"
        return f"{stem}_{re.sub(r'[^A-Za-z0-9]', '_', self.key)}"

    @property
    def name(self) -> str:
        """Its name on the bus (section 4.4)."""
        return f"com.victronenergy.{self.kind}.{self.unique}"

    @property
    def slot(self) -> str:
        """What the owner's name for it is kept under."""
        return self.key if self.kind == "dcload" else SYSTEM


def published(data: DcData, now: float, names: Mapping[str, str] | None = None) -> dict[ServiceKey, dict[str, Value]]:
    """The services that are to be on the bus now with the paths that move; one that is missing is to be released.

    ``names`` are those that people have given on the GX, by serial number or ``SYSTEM``. The sum comes last, so that
    nothing is counted before it can be looked at.
    """
    names = names or {}
    loads = [load for load in data.loads if now - load.at < RELEASE_SECONDS]
    fresh = [load for load in loads if now - load.at < STALE_SECONDS]
    battery = data.battery if data.battery is not None and now - data.battery.at < STALE_SECONDS else None
    voltage = _positive(battery.voltage) if battery else None
    shown: dict[ServiceKey, dict[str, Value]] = {}
    for load in loads:
        shown[ServiceKey("dcload", load.key)] = {
            **_load_values(load, voltage, fresh=load in fresh),
            **alarm_values(load.alarms & LOAD_ALARMS),
            "/CustomName": names.get(load.key, load.name),
        }
    if loads:
        shown[ServiceKey("dcsystem", data.system_key)] = {
            **_system_values(data, fresh, voltage, battery.discharge_limit if battery else None),
            **alarm_values(data.alarms - LOAD_ALARMS),
            "/CustomName": names.get(SYSTEM, data.system_name),
        }
    return shown


def _load_values(load: DcLoad, voltage: float | None, *, fresh: bool) -> dict[str, Value]:
    values: dict[str, Value] = {"/Dc/0/Voltage": voltage, "/History/EnergyIn": load.energy}
    if not fresh:
        return values | {
            "/Dc/0/Power": 0.0,
            "/Dc/0/Current": 0.0,
            "/Dc/0/Temperature": None,
            "/Dc/1/Voltage": None,
        }
    power = _at_least_zero(load.power)
    return values | {
        "/Dc/0/Power": power,
        "/Dc/0/Current": _current(power, load.current, voltage),
        "/Dc/0/Temperature": load.temperature,
        "/Dc/1/Voltage": load.ac_power,
    }


def _system_values(
    data: DcData, fresh: list[DcLoad], voltage: float | None, discharge_limit: float | None
) -> dict[str, Value]:
    power = math.fsum(_at_least_zero(load.power) or 0.0 for load in fresh)
    limit = _at_least_zero(discharge_limit)
    if limit is not None and voltage is not None:
        # More cannot leave this battery: what says otherwise is an error, and the chargers must not fill it.
        power = min(power, limit * voltage)
    currents = [_at_least_zero(load.current) for load in fresh]
    measured = math.fsum(each or 0.0 for each in currents) if None not in currents else None
    temperatures = [load.temperature for load in fresh if load.temperature is not None]
    energies = [load.energy for load in data.loads]
    return {
        "/Dc/0/Voltage": voltage,
        "/Dc/0/Power": power,
        "/Dc/0/Current": power / voltage if voltage else measured,
        "/Dc/0/Temperature": max(temperatures, default=None),
        "/Dc/1/Voltage": _sum_of_all(load.ac_power for load in fresh) if fresh else None,
        "/History/EnergyIn": _sum_of_all(energies),
        "/History/EnergyOut": 0.0,
    }


def _current(power: float | None, measured: float | None, voltage: float | None) -> float | None:
    if (current := _at_least_zero(measured)) is not None:
        return current
    return power / voltage if power is not None and voltage is not None else None


def _sum_of_all(values: Iterable[float | None]) -> float | None:
    """The sum, unless one is missing: a sum that leaves one out and takes it back would jump."""
    total = 0.0
    for value in values:
        if value is None or not math.isfinite(value):
            return None
        total += value
    return total


def _at_least_zero(value: float | None) -> float | None:
    return max(0.0, value) if value is not None and math.isfinite(value) else None


def _positive(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and value > 0 else None


_TEXT = BusItem(kind=Kind.TEXT)
_WHOLE = BusItem(kind=Kind.WHOLE)
_MOVING = {
    "/Dc/0/Voltage": BusItem(kind=Kind.REAL, digits=2, unit="V"),
    "/Dc/0/Current": BusItem(kind=Kind.REAL, digits=1, unit="A"),
    "/Dc/0/Power": BusItem(kind=Kind.REAL, unit="W"),
    "/Dc/0/Temperature": BusItem(kind=Kind.REAL, digits=1, unit="°C"),
    "/Dc/1/Voltage": BusItem(kind=Kind.REAL, unit="W"),
    "/History/EnergyIn": BusItem(kind=Kind.REAL, digits=2, unit="kWh"),
    **dict.fromkeys(ALARM_PATHS.values(), _WHOLE),
}


def tree_of(key: ServiceKey, data: DcData, values: Mapping[str, Value], *, instance: int, version: str) -> BusTree:
    """Every path of a service with its value (section 4.4). ``values`` are those of ``published``.

    ``instance`` is the number that localsettings has given it, ``version`` that of this program.
    """
    load = next((each for each in data.loads if key.kind == "dcload" and each.key == key.key), None)
    fixed: dict[str, Value] = {
        "/Mgmt/ProcessName": "Local Solar",
        "/Mgmt/ProcessVersion": version,
        "/Mgmt/Connection": "Home Assistant, D-Bus over TCP",
        "/DeviceInstance": instance,
        "/ProductId": PRODUCT_ID,
        "/ProductName": load.model if load else "Sum of the Hoymiles inverters",
        "/FirmwareVersion": None,
        "/HardwareVersion": None,
        "/Connected": 1,
        "/Serial": key.key,
        "/Settings/MonitorMode": _INVERTER if load else _DC_SYSTEM,
    }
    whole = ("/DeviceInstance", "/ProductId", "/Connected", "/Settings/MonitorMode")
    items = {path: _WHOLE if path in whole else _TEXT for path in fixed} | _MOVING
    if key.kind == "dcsystem":
        items["/History/EnergyOut"] = _MOVING["/History/EnergyIn"]
    given = load.name if load else data.system_name
    items["/CustomName"] = BusItem(kind=Kind.TEXT, accept=lambda text: custom_name(text, given))
    return BusTree(items, {**fixed, **values})


def custom_name(text: str, given: str) -> str | None:
    """The name that is kept when somebody sets ``text``: an empty one brings back ``given``; ``None`` for nonsense."""
    text = text.strip()
    if len(text) > LONGEST_NAME or not text.isprintable():
        return None
    return text or given
