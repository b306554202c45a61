"""XW, XW+, XW Pro and Conext SW."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from ..faults import Faults
from .behaviour import Behaviour
from .control import INVERT_FAULT, SW_NAMES, InverterControl
from .device import Device, Identity
from .plant import Plant, energies
from .registers import Register, Value

UNDER_VOLTAGE_FAULT, HOT_FAULT, UNDER_VOLTAGE_WARNING = 0x0001, 0x0100, 0x0004
WARNING_VOLTS = 0.5
GOOD, MISSING = 5, 2
INPUT_1, NO_INPUT, GRID_PRIORITY = 801, 800, 1
MIRRORS = {
    "inverter_enable_disable": "inverter_enabled",
    "charger_enable_disable": "charger_enabled",
    "sell_enable_disable": "sell_enabled",
}
"""Status registers that follow a command a little later."""


class Inverter(Device):
    """What XW and SW have in common; the first one of an installation steers the house."""

    def __init__(self, unit: int, identity: Identity, plant: Plant, behaviour: Behaviour, faults: Faults) -> None:
        """Begin with the settings of the table, and as the device that is in charge."""
        self._mirrored: deque[tuple[datetime, str, float]] = deque()
        self._mirror: dict[str, float] = {}
        self.control: InverterControl | None = None
        super().__init__(unit, identity, plant, behaviour, faults)
        self._mirror = {status: self.setting(key) for key, status in MIRRORS.items() if key in self.settings}

    def take_charge(self) -> None:
        """Steer the house from now on."""
        self.control = InverterControl(self.plant, self.named)

    def named(self, name: str) -> float:
        """Return a setting by its name on an XW; 0 for what this device does not have."""
        key = SW_NAMES.get(name, name) if self.kind == "sw" else name
        return self.setting(key) if key in self.settings else 0.0

    def settings_changed(self, key: str) -> None:
        """Let statuses follow their commands, and the inverter its settings."""
        status = MIRRORS.get(key)
        if status is not None:
            due = self.plant.now + timedelta(seconds=self.behaviour.mirror_seconds)
            self._mirrored.append((due, status, self.setting(key)))
        if self.control is not None:
            if key == "force_charger_state":
                self.control.force(int(self.setting(key)))
            self.control.changed()

    def _accepted(self, register: Register, raw: int) -> bool:
        shave = SW_NAMES["load_shave"] if self.kind == "sw" else "load_shave"
        if register.key == shave and raw and self.behaviour.needs_grid_support and not self.named("grid_support"):
            return False
        return super()._accepted(register, raw)

    def mirrored(self) -> Mapping[str, float]:
        """Return the status registers that have followed by now."""
        while self._mirrored and self._mirrored[0][0] <= self.plant.now:
            _, status, value = self._mirrored.popleft()
            self._mirror[status] = value
        return self._mirror

    def bitmaps(self) -> dict[str, Value]:
        """Return faults and warnings, which the cut-out sets too."""
        words = super().bitmaps()
        tripped = self.control is not None and self.control.inverter_status == INVERT_FAULT
        low = self.named("low_battery_cut_out") + WARNING_VOLTS
        if self.kind == "xw":
            fault = UNDER_VOLTAGE_FAULT | HOT_FAULT if "inverter_fault" in self.faults else 0
            words["fault_bitmap_2"] = float(fault | UNDER_VOLTAGE_FAULT * tripped)
            warned = "warning" in self.faults or self.plant.flow().battery_voltage < low
            words["warning_bitmap_0"] = float(UNDER_VOLTAGE_WARNING * warned)
        else:
            words["fault_bitmap_0"] = float(0x80 * (tripped or "inverter_fault" in self.faults))
            words["warning_bitmap_0"] = float("warning" in self.faults)
        return words

    def common(self) -> dict[str, Value]:
        """Return what XW and SW measure under the same names."""
        plant, house = self.plant, self.plant.house
        flow = plant.flow()
        share, volts = 1 / plant.inverters, flow.battery_voltage
        invert, charge = flow.invert_power * share, flow.charge_power * share
        load, grid = flow.load * share, house.grid
        out_volts = grid.voltage if grid.connected else 230.0
        control = self.control
        first = plant.meters
        swapped = self.behaviour.swapped_energies
        source, sink = ("to_battery", "from_battery") if swapped else ("from_battery", "to_battery")
        values: dict[str, Value] = {
            **self.mirrored(),
            "charge_mode_status": 0.0,
            "nominal_battery_voltage": float(self.behaviour.nominal),
            "battery_voltage": volts,
            "battery_current": (charge - invert) / volts,
            "battery_power": (invert - charge) * self.behaviour.battery_power_sign,
            "battery_temperature": house.battery.temperature,
            "invert_dc_current": invert / volts,
            "invert_dc_power": invert,
            "charge_dc_current": charge / volts,
            "charge_dc_power": charge,
            "charge_dc_power_percentage": charge / (140.0 * volts) * 100,
            "load_ac_voltage": out_volts,
            "load_ac_l1_voltage": out_volts,
            "load_ac_l2_voltage": 0.0,
            "load_ac_l1_current": load / out_volts,
            "load_ac_l2_current": 0.0,
            "load_ac_current": load / out_volts,
            "load_ac_frequency": house.output_frequency,
            "load_ac_power": load,
            "load_ac_power_apparent": load * 1.03,
            "inverter_status": float(control.inverter_status if control else 1025),
            "charger_status": float(control.charger_status if control else 768),
        }
        for group, meter in (
            (("energy_from_battery_{}", "battery_discharge_active_{}"), source),
            (("energy_to_battery_{}", "battery_charge_active_{}"), sink),
            (("load_output_energy_{}", "load_output_active_{}"), "load"),
        ):
            values |= energies([(first[meter], share)], *group)
        return values


class Xw(Inverter):
    """An XW, XW+ or XW Pro; behind a newer gateway its map is a little larger."""

    kind = "xw"

    @property
    def map_name(self) -> str:
        """Return the map of the gateway's generation."""
        return "xw_gateway" if self.plant.newer else "xw"

    def live(self) -> Mapping[str, Value]:
        """Return what is measured."""
        plant, grid = self.plant, self.plant.house.grid
        flow, share = plant.flow(), 1 / plant.inverters
        volts = grid.voltage if grid.connected else 0.0
        hertz = grid.frequency if grid.connected else 0.0
        power = (flow.grid_in - flow.grid_out) * share
        amps = power / grid.voltage
        qualified = float(GOOD if grid.connected else MISSING)
        values = self.common()
        values |= {
            "forced_sell_status": 0.0,
            "grid_ac_frequency": hertz,
            "grid_ac_voltage": volts,
            "grid_ac_current": amps,
            "grid_ac_power": power,
            "grid_ac_input_power_apparent": max(0.0, power) * 1.03,
            "grid_ac_input_current": max(0.0, amps),
            "grid_ac_input_power": max(0.0, power),
            "grid_ac_l1_voltage": volts,
            "grid_ac_l1_current": amps,
            "grid_ac_l2_voltage": 0.0,
            "grid_ac_l2_current": 0.0,
            "grid_ac_voltage_qualified": qualified,
            "grid_ac_frequency_qualified": qualified,
            "grid_ac_qualified_duration": 3600.0 if grid.connected else 0.0,
            "grid_output_voltage": volts,
            "grid_output_current": max(0.0, -amps),
            "grid_output_frequency": hertz,
            "grid_output_power": max(0.0, -power),
            "grid_output_power_apparent": max(0.0, -power) * 1.03,
            "auxiliary_output_status": 2.0,
            "auxiliary_output_on_reason": 0.0,
            "auxiliary_output_off_reason": 2.0,
            "switch_operating_state": float(INPUT_1 if grid.connected else NO_INPUT),
            "switch_mode": float(GRID_PRIORITY),
        }
        for key, register in self.map.by_key.items():
            if key.startswith("generator_") and register.access == "r":
                values[key] = float(MISSING) if key.endswith("_qualified") else 0.0
        for group, meter in (("grid_input", "grid_in"), ("grid_output", "grid_out"), ("generator_input", "generator")):
            values |= energies([(plant.meters[meter], share)], f"{group}_energy_{{}}", f"{group}_active_{{}}")
        return values


class Sw(Inverter):
    """A Conext SW."""

    kind = "sw"

    def live(self) -> Mapping[str, Value]:
        """Return what is measured."""
        plant, grid = self.plant, self.plant.house.grid
        flow, share = plant.flow(), 1 / plant.inverters
        volts = grid.voltage if grid.connected else 0.0
        power = flow.grid_in * share
        qualified = float(GOOD if grid.connected else MISSING)
        values = self.common()
        values |= {
            "ac1_frequency": grid.frequency if grid.connected else 0.0,
            "ac1_voltage": volts,
            "ac1_input_current": power / grid.voltage,
            "ac1_input_power": power,
            "ac1_input_power_apparent": power * 1.03,
            "ac1_l1_voltage": volts,
            "ac1_l2_voltage": 0.0,
            "ac1_l1_current": power / grid.voltage,
            "ac1_l2_current": 0.0,
            "ac1_voltage_qualified": qualified,
            "ac1_frequency_qualified": qualified,
            "ac1_qualified_duration": 3600.0 if grid.connected else 0.0,
        }
        values |= energies([(plant.meters["grid_in"], share)], "ac1_input_energy_{}", "ac1_input_active_{}")
        # The vendor's map lacks a letter in this one name.
        values["energy_to_batter_lifetime"] = values["energy_to_battery_lifetime"]
        return values
