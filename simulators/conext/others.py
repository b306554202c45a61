"""Battery Monitor, generator starter and control panel."""

from collections.abc import Mapping

from .device import Device
from .registers import Value

UNKNOWN_MINUTES = 0.0
OFF, ON, AUTOMATIC = 0, 1, 2
AUTO_ON, AUTO_OFF, MANUAL_ON, MANUAL_OFF = 1, 2, 3, 4
RUNNING, STOPPED = 9, 10
NOT_ON, VOLTS_LOW, MANUALLY_ON = 0, 1, 5
NOT_OFF, VOLTS_HIGH, MANUALLY_OFF = 0, 1, 7


class BatteryMonitor(Device):
    """A Battery Monitor on the house's bank."""

    kind = "battery_monitor"

    def live(self) -> Mapping[str, Value]:
        """Return what is measured."""
        plant, battery = self.plant, self.plant.house.battery
        flow, counters = plant.flow(), plant.house.counters
        capacity = battery.capacity / plant.scale
        left = capacity * battery.soc / 100
        amps = flow.battery_current
        volts = flow.battery_voltage
        return {
            "dc_source_id": self.setting("dc_association_battery"),
            "battery_voltage": volts,
            "battery_current": amps,
            "battery_temperature": battery.temperature,
            "battery_state_of_charge": battery.soc,
            "battery_state_of_health": 97.0 if self.behaviour.health else 0.0,
            "battery_percent_over_charge": 0.0,
            "battery_midpoint_1_voltage": volts / 4,
            "battery_midpoint_2_voltage": volts / 2,
            "battery_midpoint_3_voltage": volts * 3 / 4,
            "battery_capacity_remaining": left,
            "battery_capacity_removed": capacity - left,
            "battery_bts_present": 1.0,
            "battery_time_to_full": (capacity - left) / amps * 60 if amps > 0.5 else UNKNOWN_MINUTES,
            "battery_time_to_discharge": left / -amps * 60 if amps < -0.5 else UNKNOWN_MINUTES,
            "battery_hours_in_float": 0.0,
            "battery_last_equalize": 0.0,
            "battery_average_discharge": -capacity * 0.3,
            "battery_average_discharge_percent": 30.0,
            "battery_deepest_discharge": -capacity * 0.8,
            "battery_deepest_discharge_percent": 80.0,
            "battery_capacity_removed_total": counters.battery_discharge_ah.total / plant.scale,
            "battery_capacity_returned": counters.battery_charge_ah.total / plant.scale,
            "battery_number_of_charge_cycles": counters.battery_discharge_ah.total / plant.scale / capacity,
            "battery_number_of_synchronizations": 12.0,
            "battery_number_of_discharges": 340.0,
            "rs485_baud_rate": 4.0,
            "rs485_parity": 0.0,
            "rs485_stop_bits": 1.0,
            "modbus_byte_order": 1.0,
        }


class GeneratorStarter(Device):
    """An AGS; its generator runs idle, because the house has none."""

    kind = "ags"
    _automatic = False

    @property
    def running(self) -> bool:
        """Tell whether the generator runs."""
        mode = int(self.setting("generator_mode"))
        if mode != AUTOMATIC:
            return mode == ON
        volts = self.plant.flow().battery_voltage
        if self.setting("generator_auto_start_on_dc_v") and volts < self.setting("starting_battery_voltage_30_seconds"):
            self._automatic = True
        if self.setting("generator_auto_stop_on_dc_v") and volts > self.setting("stop_voltage"):
            self._automatic = False
        return self._automatic

    def live(self) -> Mapping[str, Value]:
        """Return what the starter does and why."""
        running, automatic = self.running, self.setting("generator_mode") == AUTOMATIC
        state = (AUTO_ON if running else AUTO_OFF) if automatic else (MANUAL_ON if running else MANUAL_OFF)
        on = (VOLTS_LOW if automatic else MANUALLY_ON) if running else NOT_ON
        off = NOT_OFF if running else (VOLTS_HIGH if automatic else MANUALLY_OFF)
        return {
            "auto_generator_state": float(state),
            "auto_generator_action": float(RUNNING if running else STOPPED),
            "generator_on_reason": float(on),
            "generator_off_reason": float(off),
        }


class ControlPanel(Device):
    """An SCP."""

    kind = "scp"

    def live(self) -> Mapping[str, Value]:
        """Return nothing: it measures nothing."""
        return {}
