"""What OpenDTU-OnBattery tells besides: battery, chargers, meter, its own power limiter (reference section 11)."""

from dataclasses import dataclass, field

from .dtu import Dtu
from .live import measured
from .numbers import Json
from .status import Query

CHARGER_SERIAL = "HQ2217ABCDE"


@dataclass(slots=True)
class PowerLimiter:
    """The built-in power limiter: a second controller that would fight with ours."""

    enabled: bool = False
    governed: set[str] = field(default_factory=set)
    """Serial numbers of the inverters it governs."""
    target_power: int = 0
    """Power at the meter that it aims at, W."""
    hysteresis: int = 10
    upper_power: int = 800
    start_soc: int = 80
    stop_soc: int = 20


class Storage:
    """Builds the documents that only OnBattery has."""

    def __init__(self, dtu: Dtu, limiter: PowerLimiter) -> None:
        self._dtu = dtu
        self.limiter = limiter

    def live(self) -> dict[str, Json]:
        """Return the objects that stand beside the inverters in live data."""
        house, old = self._dtu.house, self._dtu.firmware.old_battery_names
        battery, solar = house.battery, house.counters.solar
        charger: dict[str, Json] = {
            "enabled": True,
            "power": measured(house.solar_power, "W", 1),
            "yieldDay": measured(solar.today * 1000, "Wh", 0),
            "yieldTotal": measured(solar.total, "kWh", 2),
        }
        return {
            "vedirect" if old else "solarcharger": charger,
            "huawei" if old else "gridcharger": {"enabled": False},
            "battery": {
                "enabled": True,
                "soc": measured(battery.soc, "%", 0),
                "voltage": measured(battery.voltage, "V", 2),
                "current": measured(-battery.current, "A", 1),
                "power": measured(-battery.power, "W", 1),
            },
            "power_meter": {"enabled": True, "Power": measured(house.grid_power_mean(), "W", 1)},
        }

    def battery(self, _query: Query) -> dict[str, Json]:
        """Return the battery's own data; current is positive when charging."""
        battery = self._dtu.house.battery
        status: dict[str, Json] = {
            "SoC": measured(battery.soc, "%", 0),
            "voltage": measured(battery.voltage, "V", 2),
            "current": measured(-battery.current, "A", 1),
            "chargeVoltage": measured(53.2, "V", 1),
            "chargeCurrentLimitation": measured(battery.allowed_charge(), "A", 1),
            "dischargeCurrentLimitation": measured(battery.allowed_discharge(), "A", 1),
            "temperature": measured(battery.temperature, "°C", 1),
            "stateOfHealth": measured(99, "%", 0),
        }
        return {
            "manufacturer": "Pylontech",
            "serial": "",
            "fwversion": "",
            "hwversion": "",
            "data_age": 1,
            "showIssues": True,
            "values": {"status": status},
            "issues": {"lowSOC": 1} if battery.soc < 15 else {},
        }

    def battery_configuration(self, _query: Query) -> dict[str, Json]:
        """Return where the battery's data come from."""
        return {"enabled": True, "verbose_logging": False, "provider": 0}

    def charger(self, _query: Query) -> dict[str, Json]:
        """Return the solar charger's own data."""
        house = self._dtu.house
        power, battery = house.solar_power, house.battery
        highest = max((array.highest_power for array in house.arrays), default=0.0)
        values: dict[str, Json] = {
            "device": {
                "CS": "Bulk" if power > 0 else "Off",
                "MPPT": "Active" if power > 0 else "Off",
                "ERR": "No error",
            },
            "output": {
                "P": measured(power * 0.98, "W", 0),
                "V": measured(battery.voltage, "V", 2),
                "I": measured(power * 0.98 / battery.voltage, "A", 2),
                "E": measured(98, "%", 1),
            },
            "input": {
                "PPV": measured(power, "W", 0),
                "VPV": measured(92.4 if power > 0 else 0.0, "V", 2),
                "IPV": measured(power / 92.4, "A", 2),
                "YieldToday": measured(house.counters.solar.today, "kWh", 2),
                "YieldYesterday": measured(house.counters.solar.yesterday, "kWh", 2),
                "YieldTotal": measured(house.counters.solar.total, "kWh", 2),
                "MaximumPowerToday": measured(highest, "W", 0),
            },
        }
        instance: dict[str, Json] = {
            "data_age_ms": 640,
            "hide_serial": False,
            "product_id": "SmartSolar MPPT 150|60 rev2",
            "firmware_version": "1.61",
            "values": values,
        }
        outer = "vedirect" if self._dtu.firmware.old_battery_names else "solarcharger"
        return {outer: {"full_update": True, "instances": {CHARGER_SERIAL: instance}}}

    def power_limiter(self, _query: Query) -> dict[str, Json]:
        """Return the settings of the built-in limiter."""
        limiter = self.limiter
        inverters: list[Json] = [
            {
                "serial": view.serial,
                "is_governed": view.serial in limiter.governed,
                "is_behind_power_meter": True,
                "power_source": 0 if view.hardware.spec.source == "battery" else 1,
                "use_overscaling_to_compensate_shading": False,
                "allow_standby": True,
                "lower_power_limit": 12 * view.hardware.kind.inputs,
                "upper_power_limit": int(view.hardware.model.rated),
            }
            for view in self._dtu.views
        ]
        return {
            "enabled": limiter.enabled,
            "verbose_logging": False,
            "solar_passthrough_enabled": True,
            "conduction_losses": 3,
            "battery_always_use_at_night": False,
            "target_power_consumption": limiter.target_power,
            "target_power_consumption_hysteresis": limiter.hysteresis,
            "base_load_limit": 200,
            "ignore_soc": False,
            "battery_soc_start_threshold": limiter.start_soc,
            "battery_soc_stop_threshold": limiter.stop_soc,
            "voltage_start_threshold": 50.0,
            "voltage_stop_threshold": 49.0,
            "voltage_load_correction_factor": 0.0015,
            "full_solar_passthrough_soc": 100,
            "full_solar_passthrough_start_voltage": 66.0,
            "full_solar_passthrough_stop_voltage": 66.0,
            "inverter_serial_for_dc_voltage": self._dtu.views[0].serial if self._dtu.views else "0",
            "inverter_channel_id_for_dc_voltage": 0,
            "inverter_restart_hour": -1,
            "total_upper_power_limit": limiter.upper_power,
            "inverters": inverters,
        }

    def power_limiter_metadata(self, _query: Query) -> dict[str, Json]:
        """Return what the limiter's page needs to know."""
        inverters: dict[str, Json] = {
            view.serial: {
                "pos": view.configuration.id,
                "name": view.configuration.name,
                "poll_enable": view.configuration.poll_enable,
                "poll_enable_night": view.configuration.poll_enable_night,
                "command_enable": view.configuration.command_enable,
                "command_enable_night": view.configuration.command_enable_night,
                "max_power": int(view.max_power),
                "type": view.hardware.kind.text,
                "channels": view.hardware.kind.inputs,
            }
            for view in self._dtu.views
        }
        return {
            "power_meter_enabled": True,
            "battery_enabled": True,
            "charge_controller_enabled": True,
            "inverters": inverters,
        }

    def power_meter(self, _query: Query) -> dict[str, Json]:
        """Return where the meter's power comes from."""
        return {"enabled": True, "verbose_logging": False, "source": 3, "interval": 1}
