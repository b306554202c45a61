"""The modules of one stack: what each measures, from the house's battery.

The house's battery is one bank of 16 cells in series. Its power and state of charge are spread over the modules by
their rated charge, with the small differences that modules of one stack have; the powers of all modules add up to the
house's.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from ..faults import Faults
from ..house import House
from .behaviour import Behaviour
from .models import US2000B, Layout, Model

HOUSE_CELLS = 16
IDLE_CURRENT = 100
"""Smaller currents are shown as 0, mA."""
CELL_HIGH, CELL_LOW = 3600, 2950
"""Cell voltages from which the states are High and Low, mV."""
CELL_COLD, CELL_HOT = 0, 50000
"""Cell temperatures from which the states are Low and High, thousandths of a degree Celsius."""
FULL, LOW = 100, 10
"""States of charge at which the charge is called full and low, %."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one module measures: mV, mA (positive when charging), thousandths of a degree Celsius, mAh, %."""

    voltage: int
    current: int
    temperature: int
    cells: tuple[int, ...]
    cell_temperatures: tuple[int, ...]
    mosfet_temperature: int
    base: str
    volt_state: str
    curr_state: str
    temp_state: str
    cell_volt_state: str
    cell_temp_state: str
    mosfet_state: str
    system_alarm: str
    charge: int
    """State of charge, %."""
    charge_state: str
    remaining: int
    total: int
    cycles: int
    discharged: int
    """Discharged since new, mAh."""
    health: int
    balancing: frozenset[int]
    bat_events: int
    power_events: int
    system_fault: int
    time: datetime


SETTABLE = frozenset(Reading.__dataclass_fields__)


@dataclass(slots=True)
class Module:
    """One module; ``changes`` are fields of `Reading` that it shows instead of the measured ones."""

    slot: int
    model: Model
    serial: str
    capacity: float
    """Ah."""
    present: bool = True
    changes: dict[str, Any] = field(default_factory=dict)
    weight: float = 1.0
    """Share of the current against the other modules of the stack."""
    charge_offset: float = 0.0
    """Percent, at half charge."""
    cell_offsets: tuple[float, ...] = ()
    """mV, between the ends of charge."""
    warmth: float = 0.0
    first_cycles: int = 0
    first_discharged: int = 0
    charge_times: int = 0
    state_since: datetime | None = None
    last_base: str = ""


class Stack:
    """The modules of one master and their clock."""

    def __init__(
        self, house: House, layout: Layout, slots: tuple[int, ...], behaviour: Behaviour, faults: Faults
    ) -> None:
        """Put a module into every slot of ``slots`` (1 to the layout's number); `ValueError` for others."""
        if not slots or len(set(slots)) != len(slots) or not all(1 <= slot <= layout.slots for slot in slots):
            raise ValueError(f"layout {layout.name} has the slots 1 to {layout.slots}")
        self.house = house
        self.layout = layout
        self.behaviour = behaviour
        self.faults = faults
        self.clock_offset = timedelta()
        self.modules: dict[int, Module] = {}
        for number, slot in enumerate(sorted(slots)):
            old = number >= len(slots) - behaviour.old_slaves and number > 0
            self.modules[slot] = self._module(slot, number, US2000B if old else layout.model)
        self._frozen: dict[int, Reading] = {}

    def _module(self, slot: int, number: int, model: Model) -> Module:
        behaviour = self.behaviour
        random = Random(1000 * len(model.name) + slot)
        serial = f"{model.barcode}{20230000 + 137 * slot:0{16 - len(model.barcode)}d}"
        if number < len(behaviour.serials):
            serial = behaviour.serials[number]
        capacity = behaviour.capacity or model.capacity
        cycles = random.randint(80, 700)
        return Module(
            slot,
            model,
            serial,
            capacity,
            weight=capacity * random.uniform(0.97, 1.03),
            charge_offset=random.uniform(-1.5, 1.5),
            cell_offsets=tuple(random.uniform(-1.5, 1.5) for _ in range(model.cells)),
            warmth=random.uniform(0.0, 1.5),
            first_cycles=cycles,
            first_discharged=int(cycles * capacity * 1000),
            charge_times=random.randint(1000, 30000),
        )

    @property
    def present(self) -> list[Module]:
        """Return the modules that answer."""
        missing = self.faults.peek("missing_module")
        gone = int(missing.argument or 0) if missing else 0
        return [module for module in self.modules.values() if module.present and module.slot != gone]

    @property
    def now(self) -> datetime:
        """Return the batteries' clock."""
        drift = self.faults.peek("clock_drift")
        return self.house.now + self.clock_offset + timedelta(seconds=drift.argument or 0.0 if drift else 0.0)

    def set_clock(self, time: datetime) -> None:
        """Set the batteries' clock."""
        self.clock_offset = time - self.house.now

    # Readings

    def read(self, module: Module) -> Reading:
        """Return what a module shows now."""
        if "frozen" not in self.faults:
            self._frozen.clear()
        elif module.slot in self._frozen:
            return self._frozen[module.slot]
        reading = self._with_faults(module, self._measured(module))
        reading = replace(reading, **module.changes)
        if reading.base != module.last_base:
            module.last_base, module.state_since = reading.base, self.house.now
            module.charge_times += reading.base == "Charge"
        if "frozen" in self.faults:
            self._frozen[module.slot] = reading
        return reading

    def _share(self, module: Module) -> float:
        """Return a module's share of the stack's power; those in series all have the same."""
        if self.layout.tower:
            return 1 / max(1, len(self.present))
        return module.weight / sum(other.weight for other in self.present or [module])

    def _measured(self, module: Module) -> Reading:
        battery, model = self.house.battery, module.model
        charge = battery.soc + module.charge_offset * min(battery.soc, 100.0 - battery.soc) / 50.0
        # Cells drift apart where their voltage is steep: near empty and near full.
        steep = 1.0 + 12.0 * max(0.0, charge - 96.0) / 4.0 + 6.0 * max(0.0, 8.0 - charge) / 8.0
        volts = battery.voltage / HOUSE_CELLS * 1000
        cells = tuple(round(volts + offset * steep) for offset in module.cell_offsets)
        voltage = sum(cells)
        current = round(-battery.power * self._share(module) / voltage * 1e6)
        if abs(current) < IDLE_CURRENT:
            current = 0
        step = model.temperature_step
        cell_degrees = battery.temperature + module.warmth
        sensors = [round((cell_degrees + 0.3 * index) * 1000 / step) * step for index in range(len(model.sensor_cells))]
        temperatures = [
            degrees for degrees, count in zip(sensors, model.sensor_cells, strict=True) for _ in range(count)
        ]
        board = cell_degrees + 1.5 + 1.5 * (abs(current) / 25000) ** 2
        counters = self.house.counters
        discharged = module.first_discharged + int(
            counters.battery_discharge_ah.total * 1000 * self._share(module) * battery.voltage * 1000 / voltage
        )
        total = round(module.capacity * 1000)
        return Reading(
            voltage=voltage,
            current=current,
            temperature=round(board * 1000 / step) * step,
            cells=cells,
            cell_temperatures=tuple(temperatures),
            mosfet_temperature=round((board + 0.4) * 1000 / step) * step,
            base="Charge" if current > 0 else "Dischg" if current < 0 else "Idle",
            volt_state="Normal",
            curr_state="Normal",
            temp_state="Normal",
            cell_volt_state="High" if max(cells) > CELL_HIGH else "Low" if min(cells) < CELL_LOW else "Normal",
            cell_temp_state=_temperature_state(temperatures),
            mosfet_state="Normal",
            system_alarm="Normal",
            charge=round(charge),
            charge_state="Full" if charge >= FULL else "Low" if charge <= LOW else "Normal",
            remaining=round(total * charge / 100),
            total=total,
            cycles=module.first_cycles + int((discharged - module.first_discharged) / total),
            discharged=discharged,
            health=100 - module.first_cycles // 200,
            balancing=frozenset(i for i, cell in enumerate(cells) if charge > 98 and cell - min(cells) > 20),
            bat_events=0,
            power_events=0x2000 if charge >= FULL else 0,
            system_fault=0,
            # The master has a slave's values a little later than its own.
            time=self.now - timedelta(seconds=2 if module.slot > 1 else 0),
        )

    def _with_faults(self, module: Module, reading: Reading) -> Reading:
        faults = self.faults
        over = faults.peek("over_full")
        if over is not None:
            charge = round(reading.charge * (over.argument or 100.0) / 100)
            reading = replace(reading, charge=charge, remaining=round(reading.total * charge / 100))
        if "negative_temperatures" in faults:
            step = module.model.temperature_step
            cold = tuple(min(-step, value - 25000) for value in reading.cell_temperatures)
            reading = replace(
                reading, cell_temperatures=cold, temperature=min(cold) + step, cell_temp_state=_temperature_state(cold)
            )
        alarm = faults.peek("alarm")
        if alarm is not None and int(alarm.argument or 0) == module.slot:
            high = max(range(len(reading.cells)), key=lambda index: reading.cells[index])
            cells = tuple(3652 if index == high else cell for index, cell in enumerate(reading.cells))
            reading = replace(
                reading,
                cells=cells,
                voltage=sum(cells),
                cell_volt_state="High",
                system_alarm="Alarm",
                power_events=reading.power_events | 0x2,
            )
        error = faults.peek("system_error")
        if error is not None and int(error.argument or 0) == module.slot:
            cells = tuple(cell - 500 for cell in reading.cells)
            reading = replace(
                reading,
                cells=cells,
                voltage=sum(cells),
                base="SysError",
                volt_state="Low",
                cell_volt_state="Low",
                power_events=0x10,
                system_fault=0x20,
            )
        return reading


def _temperature_state(temperatures: tuple[int, ...] | list[int]) -> str:
    if min(temperatures) < CELL_COLD:
        return "Low"
    return "High" if max(temperatures) > CELL_HOT else "Normal"
