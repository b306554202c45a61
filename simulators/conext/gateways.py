"""The gateway's own unit: what it adds up over the whole installation (reference section 6.5)."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from ..house import SOLAR_CHARGER_EFFICIENCY
from .device import Device
from .plant import energies
from .registers import Value

MAINTENANCE_HOUR, MAINTENANCE_MINUTE = 3, 5
NOTICE_SECONDS, AWAY_SECONDS = 60.0, 180.0
GRID_TO_LOAD, BATTERY_TO_GRID, GRID_TO_BATTERY, PV_TO_BATTERY, PV_TO_GRID, BATTERY_TO_LOAD = 0, 3, 4, 6, 7, 8


class Maintenance:
    """When the gateway is away: every night, and when told."""

    def __init__(self, now: Callable[[], datetime], *, nightly: bool) -> None:
        """``now`` is the gateway's local time."""
        self._now = now
        self._nightly = nightly
        self._told: tuple[datetime, float] | None = None

    def begin(self, seconds: float) -> None:
        """Announce it now and be away a minute later."""
        self._told = (self._now() + timedelta(seconds=NOTICE_SECONDS), seconds)

    def _windows(self) -> list[tuple[datetime, float]]:
        windows = [self._told] if self._told else []
        if self._nightly:
            night = self._now().replace(hour=MAINTENANCE_HOUR, minute=MAINTENANCE_MINUTE, second=0, microsecond=0)
            windows.append((night, AWAY_SECONDS))
        return windows

    @property
    def announced(self) -> bool:
        """Tell whether the status register is 1."""
        now = self._now()
        return any(
            start - timedelta(seconds=NOTICE_SECONDS) <= now < start + timedelta(seconds=away)
            for start, away in self._windows()
        )

    @property
    def away(self) -> bool:
        """Tell whether the gateway cannot be reached."""
        now = self._now()
        return any(start <= now < start + timedelta(seconds=away) for start, away in self._windows())


class Gateway(Device):
    """What both generations have in common."""

    devices: Mapping[int, Device]
    maintenance: Maintenance

    @property
    def is_end_device(self) -> bool:
        """Return False: it is the gateway."""
        return False

    @abstractmethod
    def own(self) -> Mapping[str, Value]:
        """Return what only this generation tells."""

    def live(self) -> Mapping[str, Value]:
        """Return the totals, under the keys of either map."""
        plant, house = self.plant, self.plant.house
        flow, grid = plant.flow(), house.grid
        volts = grid.voltage if grid.connected else 0.0
        hertz = grid.frequency if grid.connected else 0.0
        out_volts = grid.voltage if grid.connected else 230.0
        battery = flow.battery_voltage
        inverters = (flow.charge_power - flow.invert_power) / battery
        others = [device for device in self.devices.values() if device is not self and not device.gone]
        faults, warnings = (
            sum(self._bits(device, word) for device in others) for word in ("fault_bitmap", "warning_bitmap")
        )
        charging = flow.charge_power + flow.solar_output
        values: dict[str, Value] = {
            "bit_mask_of_system_status": float(self._arrows()),
            "system_wide_number_of_active_faults": float(faults),
            "system_wide_number_of_active_warnings": float(warnings),
            "generator_state": float(any(getattr(device, "running", False) for device in others)),
            "pv_harvest_power": flow.solar,
            "dc_charging_power": charging,
            "dc_charging_current": charging / battery,
            "dc_inverting_power": flow.invert_power,
            "grid_voltage": volts,
            "grid_frequency": hertz,
            "grid_input_power_apparent": flow.grid_in * 1.03,
            "grid_input_power": flow.grid_in,
            "grid_input_current": flow.grid_in / grid.voltage,
            "grid_output_power_apparent": flow.grid_out * 1.03,
            "grid_output_power": flow.grid_out,
            "sell_current": flow.grid_out / grid.voltage,
            "ac_generator_power": 0.0,
            "load_power": flow.load,
            "load_output_power": flow.load,
            "load_in_power": 0.0,
            "load_power_apparent": flow.load * 1.03,
            "load_real_power": flow.load,
            "load_voltage": out_volts,
            "load_frequency": house.output_frequency,
            "load_current": flow.load / out_volts,
            "xw_grid_power": flow.grid_in - flow.grid_out,
            "xw_grid_voltage": volts,
            "xw_grid_frequency": hertz,
            "xw_load_power": flow.load,
            "xw_load_voltage": out_volts,
            "xw_load_frequency": house.output_frequency,
            "xw_battery_current": inverters,
            "mppt_pv_power": flow.solar,
            "mppt_battery_current": flow.solar_output / battery,
            "mppt_battery_power": flow.solar_output,
            "battery_voltage": battery,
            "battery_temperature": house.battery.temperature,
        }
        return {**values, **self.own()}

    @staticmethod
    def _bits(device: Device, word: str) -> int:
        words = {**device.bitmaps(), **device.overrides}
        return sum(int(value).bit_count() for key, value in words.items() if key.startswith(word))

    def _arrows(self) -> int:
        """Return the bits of who feeds whom."""
        flow = self.plant.flow()
        bits = {
            GRID_TO_LOAD: flow.grid_in > 0,
            BATTERY_TO_GRID: flow.grid_out > 0 and flow.battery_power > 0,
            GRID_TO_BATTERY: flow.charge_power > 0,
            PV_TO_BATTERY: flow.solar > 0 and flow.battery_power < 0,
            PV_TO_GRID: flow.grid_out > 0 and flow.solar > 0,
            BATTERY_TO_LOAD: flow.invert_power > 0,
        }
        return sum(1 << bit for bit, on in bits.items() if on)


class NewerGateway(Gateway):
    """A Conext Gateway or InsightHome."""

    kind = "gateway503"

    def own(self) -> Mapping[str, Value]:
        """Return nothing more."""
        return {}


class ComBox(Gateway):
    """A ComBox, which counts energies too."""

    kind = "combox"

    def own(self) -> Mapping[str, Value]:
        """Return time, maintenance, the battery bank and the energies."""
        plant, house = self.plant, self.plant.house
        flow, battery = plant.flow(), house.battery
        net = -flow.battery_power
        capacity = battery.capacity / plant.scale
        charging = flow.charge_power + flow.solar_output
        volts = house.grid.voltage if house.grid.connected else 0.0
        grid_amps = (flow.grid_in - flow.grid_out) / house.grid.voltage
        out_volts = house.grid.voltage if house.grid.connected else 230.0
        values: dict[str, Value] = {
            "utc_time": plant.now.replace(tzinfo=UTC).timestamp(),
            "maintenance_status": float(self.maintenance.announced),
            "battery_current_net": flow.battery_current,
            "battery_power_net": net,
            "grid_output_current": flow.grid_out / house.grid.voltage,
            "grid_input_current_line_1": flow.grid_in / house.grid.voltage,
            "grid_output_current_line_1": flow.grid_out / house.grid.voltage,
            "load_current_line_1": flow.load / out_volts,
            "load_voltage_line_1": out_volts,
            "grid_voltage_line_1": volts,
            "grid_current_line_1": grid_amps,
            "pv_voltage": 95.0 if flow.solar > 0 else 0.0,
            "total_pv_current": flow.solar / 95.0,
            "battery_bank_1_voltage": flow.battery_voltage,
            "battery_bank_1_current": flow.battery_current,
            "battery_bank_1_temperature": battery.temperature,
            "battery_bank_1_charging_current": charging / flow.battery_voltage,
            "battery_bank_1_charging_power": charging,
            "battery_bank_1_inverting_current": flow.invert_power / flow.battery_voltage,
            "battery_bank_1_inverting_power": flow.invert_power,
            "battery_bank1_power": net,
            "battery_bank1_soc": battery.soc,
            "battery_bank_1_capacity_remaining": capacity * battery.soc / 100,
            "grid_net_power": flow.grid_in - flow.grid_out,
            "pv_total_power": flow.solar,
            "pv_total_power_max": sum(array.highest_power for array in house.arrays),
            "battery_bank_total_inverting_power": flow.invert_power,
            "battery_bank_total_charging_power": charging,
            "combox_mode": 0.0,
            "external_contactor_status": 0.0,
        }
        meters = plant.meters
        for meter, energy, active in (
            ("from_battery", "dc_input_energy_{}_from_battery", "dc_input_active_timer_{}_from_battery"),
            ("grid_in", "grid_input_energy_{}", "grid_input_active_timer_{}"),
            ("grid_out", "grid_output_energy_{}", "grid_output_active_timer_{}"),
            ("load", "ac_load_energy_{}", "ac_load_active_timer_{}"),
            ("generator", "gen_input_energy_{}", "gen_input_active_timer_{}"),
            ("solar", "pv_input_energy_{}", "pv_input_active_timer_{}"),
            ("solar", "pv_total_energy_{}", "pv_total_active_{}"),
            ("bank_charging", "battery_bank_1_charging_energy_{}", "battery_bank_1_charging_active_{}"),
            ("bank_inverting", "battery_bank_1_inverting_energy_{}", "battery_bank_1_inverting_active_{}"),
        ):
            values |= energies([(meters[meter], 1.0)], energy, active)
        # Solar chargers charge beside the inverters.
        both = [(meters["to_battery"], 1.0), (meters["solar"], SOLAR_CHARGER_EFFICIENCY)]
        return values | energies(both, "dc_output_energy_{}_to_battery", "dc_output_active_timer_{}_to_battery")
