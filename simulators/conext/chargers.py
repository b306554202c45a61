"""MPPT 60 150 and MPPT 80 600."""

from collections.abc import Mapping

from ..house import SOLAR_CHARGER_EFFICIENCY
from .device import STANDBY, Device
from .plant import energies
from .registers import Value

NOT_CHARGING, BULK, ABSORPTION, FLOAT, DISABLED = 768, 769, 770, 773, 776
DARK = 2.0
"""Power below which a generator gives nothing, W."""


class SolarCharger(Device):
    """One solar charger with its part of the house's generators."""

    number = 0
    """Its place among the solar chargers."""

    rated = 0.0
    """Largest charge current, A."""
    array_volts = 0.0
    """Voltage of its generators in the sun, V."""

    @property
    def enabled(self) -> bool:
        """Tell whether it works at all."""
        return self.setting(self._enable) == 1 and self.settings["operating_mode"] != STANDBY

    @property
    def _enable(self) -> str:
        return "mppt_enable" if "mppt_enable" in self.settings else "hvmppt_enable"

    def settings_changed(self, key: str) -> None:
        """Switch and limit the generators."""
        if not self.plant.steers:
            return
        for array, _, share in self.plant.arrays(self.number):
            array.enabled = self.enabled
            amps = self.rated * self.setting("maximum_charge_rate") / 100
            array.charge_current_limit = amps / share * self.plant.scale

    def live(self) -> Mapping[str, Value]:
        """Return what is measured."""
        plant, house = self.plant, self.plant.house
        flow = plant.flow()
        power = sum(array.power * share for array, _, share in plant.arrays(self.number))
        output = power * SOLAR_CHARGER_EFFICIENCY
        light = house.sun() * house.sky
        volts = self.array_volts * (0.9 + 0.15 * light) if light > 0 else 0.0
        status = self._status(power)
        shown = 0.0 if self.behaviour.no_pv_input and self.kind == "mppt60" else power
        values: dict[str, Value] = {
            "charger_enabled": float(self.enabled),
            "charge_mode_status": self.setting("charge_mode") % 3,
            "charger_status": float(status),
            "input_dc_voltage": volts,
            "input_dc_current": shown / volts if volts else 0.0,
            "input_dc_power": shown,
            "battery_temperature": house.battery.temperature,
            "output_dc_voltage": flow.battery_voltage,
            "output_dc_current": output / flow.battery_voltage,
            "output_dc_power": output,
            "dc_power_output_percentage": output / (self.rated * flow.battery_voltage) * 100,
            "auxiliary_output_status": 2.0,
            "auxiliary_output_voltage": 0.0,
            "auxiliary_output_on_reason": 0.0,
            "auxiliary_output_off_reason": 2.0,
        }
        meters = [(plant.solar_meters[at], share) for _, at, share in plant.arrays(self.number)]
        values |= energies(meters, "energy_from_pv_{}", "pv_input_active_{}")
        out = [(meter, share * SOLAR_CHARGER_EFFICIENCY) for meter, share in meters]
        return values | energies(out, "energy_to_battery_{}", "battery_charge_active_{}")

    def _status(self, power: float) -> int:
        if not self.enabled:
            return DISABLED
        if power < DARK:
            return NOT_CHARGING
        soc = self.plant.house.battery.soc
        return FLOAT if soc >= 99.0 else ABSORPTION if soc >= 95.0 else BULK


class Mppt60(SolarCharger):
    """An MPPT 60 150."""

    kind = "mppt60"
    rated = 60.0
    array_volts = 95.0

    @property
    def map_name(self) -> str:
        """Return the map, which may be that of the larger one behind a newer gateway (reference section 11)."""
        return self.behaviour.mppt60_layout


class Mppt80(SolarCharger):
    """An MPPT 80 600."""

    kind = "mppt80"
    rated = 80.0
    array_volts = 380.0
