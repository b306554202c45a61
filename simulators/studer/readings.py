"""What every user info reads in the simulated house, in the device's own units and signs.

Battery current and power are positive when charging, AC input power is positive when importing, energies are kWh, solar
and active powers kW (protocol reference, section 11). All Xtenders share the load evenly; each solar charger has the
solar generator of its index, and where there are more chargers than generators they share.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..house import Counter, House, SolarArray
from . import catalogue
from .days import Days
from .installation import Installation, Unit

NOT_AVAILABLE = math.nan

type Reading = Callable[[View], float]


@dataclass(frozen=True, slots=True)
class View:
    """One device in the house."""

    house: House
    installation: Installation
    unit: Unit
    days: Days

    def today(self, counter: Counter) -> float:
        """Return this device's share of what was counted today."""
        return self.days.today(counter) * self.share

    def yesterday(self, counter: Counter) -> float:
        """Return this device's share of what was counted yesterday."""
        return self.days.yesterday(counter) * self.share

    @property
    def share(self) -> float:
        """Return this device's share of what its family does together."""
        return 1 / max(1, len(self.installation.family(self.unit.family)))

    # Xtender

    @property
    def output(self) -> float:
        """Return the active power to the loads, kW."""
        return self.house.load_power * self.share / 1000

    @property
    def input(self) -> float:
        """Return the active power from the grid, kW."""
        return self.house.grid.power * self.share / 1000

    @property
    def input_voltage(self) -> float:
        """Return the voltage at the AC input, V."""
        grid = self.house.grid
        return grid.voltage * self._mains if grid.connected else 0.0

    @property
    def output_voltage(self) -> float:
        """Return the voltage at the AC output, V."""
        grid = self.house.grid
        return (grid.voltage - 0.4 if grid.connected else 230.0) * self._mains

    @property
    def _mains(self) -> float:
        return self.installation.plan.mains_voltage / 230

    @property
    def output_apparent(self) -> float:
        """Return the apparent power to the loads, kVA."""
        return abs(self.output) / 0.96

    @property
    def input_apparent(self) -> float:
        """Return the apparent power from the grid, kVA, signed like the active power."""
        return self.input / 0.97

    @property
    def input_current(self) -> float:
        """Return the current at the AC input, A."""
        return self.input_apparent * 1000 / self.input_voltage if self.input_voltage else 0.0

    @property
    def charge_current(self) -> float:
        """Return the charge current of this inverter, A (negative: it discharges)."""
        return -self.house.inverter_output * self.share / self.battery_voltage

    @property
    def battery_voltage(self) -> float:
        """Return the battery voltage of this system, V."""
        return self.house.battery.voltage * self.volts_scale

    @property
    def volts_scale(self) -> float:
        """Return the system voltage relative to the house's 48 V bank."""
        return self.installation.plan.system_voltage / 48

    @property
    def full(self) -> bool:
        """Tell whether the battery is nearly full."""
        return self.house.battery.soc >= 98

    # Solar chargers

    @property
    def array(self) -> SolarArray:
        """Return the solar generator of this charger."""
        arrays = self.house.arrays
        return arrays[self.unit.index % len(arrays)]

    @property
    def array_share(self) -> float:
        """Return this charger's share of its generator; VarioTracks come after VarioStrings."""
        arrays = len(self.house.arrays)
        mine = self.unit.index % arrays
        chargers = [*self.installation.family("vs"), *self.installation.family("vt")]
        return 1 / max(1, sum(1 for unit in chargers if unit.index % arrays == mine))

    @property
    def solar(self) -> float:
        """Return the solar power, kW."""
        return self.array.power * self.array_share / 1000

    @property
    def solar_today(self) -> float:
        """Return the solar energy of today, kWh."""
        return self.days.today(self.array.energy) * self.array_share

    @property
    def solar_yesterday(self) -> float:
        """Return the solar energy of yesterday, kWh."""
        return self.days.yesterday(self.array.energy) * self.array_share

    @property
    def solar_total(self) -> float:
        """Return the solar energy of the whole life, MWh."""
        return self.array.energy.total * self.array_share / 1000

    @property
    def solar_current(self) -> float:
        """Return the current into the battery, A."""
        return self.solar * 980 / self.battery_voltage

    @property
    def solar_voltage(self) -> float:
        """Return the voltage of a VarioString's generator, V (0 at night)."""
        return 380.0 + 40.0 * self.house.sky if self.house.sun() > 0.01 else 0.0

    @property
    def low_solar_voltage(self) -> float:
        """Return the voltage of a VarioTrack's generator, V."""
        return 95.0 + 10.0 * self.house.sky if self.house.sun() > 0.01 else 0.0


def _constant(value: float) -> Reading:
    return lambda view: value


def _spread(numbers: tuple[int, int, int], reading: Reading, width: float) -> dict[int, Reading]:
    """Return minute minimum, maximum and average readings around a live one; ``width`` in its unit."""
    low, high, mean = numbers
    return {low: lambda view: reading(view) - width, high: lambda view: reading(view) + width, mean: reading}


def _same(numbers: tuple[int, ...], reading: Reading) -> dict[int, Reading]:
    return dict.fromkeys(numbers, reading)


def _identity(
    type_code: int, voltage: int, hardware: int, software: tuple[int, int], serial: tuple[int, int]
) -> dict[int, Reading]:
    """Return the identity readings: each is a 16-bit number held by a float (protocol reference, section 10)."""
    return {
        type_code: lambda view: float(view.unit.identity.type_code),
        voltage: lambda view: float(view.installation.plan.system_voltage),
        hardware: lambda view: float(view.unit.identity.hardware[0] << 8 | view.unit.identity.hardware[1]),
        software[0]: lambda view: float(view.unit.identity.software[0] << 8),
        software[1]: lambda view: float(view.unit.identity.software[1] << 8 | view.unit.identity.software[2]),
        serial[0]: lambda view: float(view.unit.identity.fid >> 16),
        serial[1]: lambda view: float(view.unit.identity.fid & 0xFFFF),
    }


def _xt_phase(view: View) -> float:
    """Battery cycle phase: 1 bulk, 2 absorption, 4 floating."""
    soc = view.house.battery.soc
    return 4.0 if soc >= 99 else 2.0 if soc >= 95 else 1.0


def _solar_phase(view: View) -> float:
    """Battery cycle phase of a solar charger: 0 bulk, 1 absorption, 3 floating."""
    soc = view.house.battery.soc
    return 3.0 if soc >= 99 else 1.0 if soc >= 95 else 0.0


def _operating_state(view: View) -> float:
    """Operating state: 1 inverter, 2 charger, 3 boost, 4 injection."""
    house = view.house
    if not house.grid.connected:
        return 1.0
    if house.grid.power < -1:
        return 4.0
    return 3.0 if house.inverter_output > 0 else 2.0


def _string_mode(view: View) -> float:
    """Operating mode of a VarioString: 0 night, 2 off, 3 charging, 4 voltage-limited."""
    if not view.array.enabled:
        return 2.0
    if view.house.sun() <= 0.01:
        return 0.0
    return 4.0 if view.full else 3.0


def _track_mode(view: View) -> float:
    """Operating mode of a VarioTrack: 0 night, 6 off, 8 charging, 9 voltage-limited."""
    return {0.0: 0.0, 2.0: 6.0, 3.0: 8.0, 4.0: 9.0}[_string_mode(view)]


def _soc_status(view: View) -> float:
    """State-of-charge status: 1 over grid feeding, 3 under it, 6 under backup, 9 full."""
    soc = view.house.battery.soc
    settings = view.house.settings
    if soc >= 100:
        return 9.0
    if soc >= settings.soc_grid_feeding:
        return 1.0
    return 6.0 if soc < settings.soc_backup else 3.0


def _autonomy(view: View) -> float:
    """Minutes until empty while discharging, "not available" while charging."""
    battery = view.house.battery
    if battery.current <= 0.5:
        return NOT_AVAILABLE
    return battery.soc / 100 * battery.capacity / battery.current * 60


def _battery_volts(view: View) -> float:
    return view.battery_voltage


def _battery_temperature(view: View) -> float:
    return view.house.battery.temperature


def _electronics(view: View) -> float:
    return 32.0 + abs(view.house.inverter_output) / 400


_XT: dict[int, Reading] = {
    3000: _battery_volts,
    3001: _battery_temperature,
    3002: _constant(0.0),
    3003: _constant(0.0),
    3004: lambda view: view.unit.effective(1138),
    3005: lambda view: view.charge_current,
    3006: lambda view: 0.05 + view.output / 20,
    3007: lambda view: view.house.battery.soc,
    3008: lambda view: view.unit.effective(1108),
    3010: _xt_phase,
    3011: lambda view: view.input_voltage,
    3012: lambda view: view.input_current,
    3013: lambda view: view.input_apparent,
    3017: lambda view: view.unit.effective(1107),
    3018: lambda view: float(view.input_current >= view.unit.effective(1107)),
    3019: lambda view: float(_operating_state(view) == 3),
    3020: lambda view: float(view.house.grid.connected),
    3021: lambda view: view.output_voltage,
    3022: lambda view: view.output_apparent * 1000 / view.output_voltage,
    3023: lambda view: view.output_apparent,
    3028: _operating_state,
    3030: lambda view: float(view.house.grid.connected or view.house.settings.inverter_allowed),
    3049: lambda view: float(view.house.settings.inverter_allowed),
    3050: lambda view: float(view.installation.plan.system_voltage // 2),
    3076: lambda view: view.yesterday(view.house.counters.battery_discharge),
    3078: lambda view: view.today(view.house.counters.battery_discharge),
    3079: lambda view: view.today(view.house.counters.battery_charge),
    3080: lambda view: view.yesterday(view.house.counters.grid_import),
    3081: lambda view: view.today(view.house.counters.grid_import),
    3082: lambda view: view.yesterday(view.house.counters.load),
    3083: lambda view: view.today(view.house.counters.load),
    3084: lambda view: view.house.grid.frequency if view.house.grid.connected else 0.0,
    3085: lambda view: view.house.output_frequency,
    3087: lambda view: view.output * 1000,
    3088: lambda view: view.input * 1000,
    3089: lambda view: float(1 << (view.unit.phase - 1)),
    **_spread((3090, 3091, 3092), _battery_volts, 0.06),
    **_spread((3093, 3094, 3095), lambda view: view.charge_current, 0.5),
    **_spread((3096, 3097, 3098), lambda view: view.output_apparent, 0.02),
    **_spread((3099, 3100, 3101), lambda view: view.output, 0.02),
    **_spread((3102, 3103, 3104), _electronics, 0.2),
    **_spread((3105, 3106, 3107), _electronics, 0.3),
    **_spread((3108, 3109, 3110), lambda view: view.house.output_frequency, 0.01),
    **_spread((3111, 3112, 3113), lambda view: view.input_voltage, 0.8),
    **_spread((3114, 3115, 3116), lambda view: view.input_current, 0.1),
    **_spread((3117, 3118, 3119), lambda view: view.input, 0.02),
    **_spread((3120, 3121, 3122), lambda view: view.house.grid.frequency, 0.01),
    **_identity(3124, 3127, 3129, (3130, 3131), (3156, 3157)),
    3125: lambda view: view.house.settings.inverter_power * view.share,
    3126: lambda view: float(view.installation.plan.mains_voltage),
    3128: lambda view: round(
        view.house.settings.inverter_power * view.share / view.installation.plan.mains_voltage,
    ),
    3132: lambda view: float(view.unit.identity.hardware[0] << 8 | view.unit.identity.hardware[1]),
    3133: lambda view: float(len(view.unit.parameters)),
    3134: lambda view: float(len(catalogue.infos("xt"))),
    3136: lambda view: view.output,
    3137: lambda view: view.input,
    3138: lambda view: view.input_apparent,
    3139: lambda view: view.output_apparent,
    3154: lambda view: view.house.grid.frequency if view.house.grid.connected else 0.0,
    3160: _constant(4.0),
    3162: _constant(0.0),
    3164: lambda view: view.unit.effective(1140),
    3165: lambda view: view.unit.effective(1138),
    3166: lambda view: view.house.inverter_output * view.share / view.output_voltage,
    3167: lambda view: view.output_voltage,
    **_same((3054, 3055), _constant(1.0)),
}

_BATTERY: dict[int, Reading] = {
    **_same((7000, 7030), _battery_volts),
    **_same((7001, 7031), lambda view: -view.house.battery.current / view.volts_scale),
    **_same((7002, 7006, 7032, 7047, 7058), lambda view: view.house.battery.soc),
    7003: lambda view: -view.house.battery.power,
    7004: _autonomy,
    **_same((7005, 7029, 7033), _battery_temperature),
    **_same((7007, 7017), lambda view: view.days.today(view.house.counters.battery_charge_ah) / view.volts_scale),
    **_same((7008, 7018), lambda view: view.days.today(view.house.counters.battery_discharge_ah) / view.volts_scale),
    7009: lambda view: view.days.yesterday(view.house.counters.battery_charge_ah) / view.volts_scale,
    7010: lambda view: view.days.yesterday(view.house.counters.battery_discharge_ah) / view.volts_scale,
    7011: lambda view: view.house.counters.battery_charge_ah.total / 1000 / view.volts_scale,
    7012: lambda view: view.house.counters.battery_discharge_ah.total / 1000 / view.volts_scale,
    7013: _constant(800.0),
    7019: lambda view: view.house.now.hour + view.house.now.minute / 60,
    **_identity(7034, 7035, 7036, (7037, 7038), (7048, 7049)),
    **_same((7039, 7060), lambda view: float(len(view.unit.parameters))),
    7040: lambda view: float(len(catalogue.infos(view.unit.family))),
    7053: _constant(1.0),
    7054: _constant(258.0),
    7055: lambda view: view.house.battery.capacity / view.volts_scale,
    7057: _constant(98.0),
    7061: lambda view: 56.5 * view.volts_scale,
    7062: lambda view: 46.0 * view.volts_scale,
    7063: lambda view: view.house.battery.allowed_charge(),
    7064: lambda view: view.house.battery.allowed_discharge(),
    7065: lambda view: view.house.battery.allowed_charge() * 0.9,
    7066: lambda view: view.house.battery.allowed_discharge() * 0.95,
    7067: _constant(2.0),
    7068: _soc_status,
    7069: lambda view: view.unit.effective(6062),
    7070: lambda view: view.unit.effective(6063),
    7071: lambda view: view.unit.effective(6075),
    **_same((7022, 7072), lambda view: view.house.battery.soc),
}

_VT: dict[int, Reading] = {
    **_same((11000, 11039, 11020, 11021), _battery_volts),
    **_same((11001, 11040), lambda view: view.solar_current),
    **_same((11002, 11041, 11017), lambda view: view.low_solar_voltage),
    11003: lambda view: view.solar * 1000 / view.low_solar_voltage if view.low_solar_voltage else 0.0,
    **_same((11004, 11043), lambda view: view.solar),
    **_same((11005, 11044), _battery_temperature),
    11006: lambda view: view.solar_today * 1000 / view.battery_voltage,
    11007: lambda view: view.solar_today,
    11008: lambda view: view.solar_total * 1000,
    11009: lambda view: view.solar_total,
    11010: lambda view: view.solar_yesterday * 1000 / view.battery_voltage,
    11011: lambda view: view.solar_yesterday,
    **_same((11012, 11013), lambda view: float(len(view.unit.parameters))),
    11014: lambda view: float(len(catalogue.infos("vt"))),
    11015: _constant(1.0),
    11016: _track_mode,
    11018: lambda view: view.array.highest_power * view.array_share / view.battery_voltage,
    11019: lambda view: view.array.highest_power * view.array_share / 1000,
    11025: lambda view: view.days.today(view.array.hours),
    11026: lambda view: view.days.yesterday(view.array.hours),
    11037: _constant(25.0),
    11038: _solar_phase,
    **_same((11045, 11046), lambda view: 30.0 + view.solar * 6),
    **_identity(11047, 11048, 11049, (11050, 11051), (11067, 11068)),
    **_same((11063, 11064, 11079, 11080), _constant(1.0)),
    11066: _constant(4.0),
    11069: lambda view: float(view.array.enabled),
    11088: _battery_volts,
}

_VS: dict[int, Reading] = {
    **_same((15000, 15054), _battery_volts),
    15055: lambda view: view.battery_voltage + 0.06,
    15056: lambda view: view.battery_voltage - 0.06,
    **_same((15001, 15057), lambda view: view.solar_current),
    15002: _solar_phase,
    15003: _constant(1.0),
    **_same((15004, 15005, 15006, 15058, 15059, 15060), lambda view: view.solar_voltage),
    15007: lambda view: view.solar * 1000 / view.solar_voltage if view.solar_voltage else 0.0,
    **_same(
        (15008, 15009),
        lambda view: view.solar * 500 / view.solar_voltage if view.solar_voltage else 0.0,
    ),
    **_same((15010, 15061), lambda view: view.solar),
    **_same((15011, 15012, 15062, 15063), lambda view: view.solar / 2),
    **_same((15013, 15014, 15015), _string_mode),
    15016: lambda view: view.solar_today * 1000 / view.battery_voltage,
    15017: lambda view: view.solar_today,
    **_same((15018, 15019), lambda view: view.solar_today / 2),
    15020: lambda view: view.solar_total * 1000,
    **_same((15021, 15022), lambda view: view.solar_total * 500),
    15023: lambda view: view.solar_total,
    **_same((15024, 15025), lambda view: view.solar_total / 2),
    15026: lambda view: view.solar_yesterday * 1000 / view.battery_voltage,
    15027: lambda view: view.solar_yesterday,
    **_same((15028, 15029), lambda view: view.solar_yesterday / 2),
    15030: lambda view: view.days.today(view.array.hours),
    15031: lambda view: view.days.yesterday(view.array.hours),
    **_same((15032, 15064), _battery_temperature),
    **_same((15033, 15034, 15035), lambda view: view.solar_voltage + 25.0),
    15036: lambda view: view.array.highest_power * view.array_share / view.battery_voltage,
    15037: lambda view: view.array.highest_power * view.array_share / 1000,
    **_same((15038, 15039), lambda view: view.array.highest_power * view.array_share / 2000),
    15040: lambda view: view.battery_voltage + 0.4,
    15041: lambda view: view.battery_voltage - 1.1,
    15042: lambda view: 1.5 if view.full else 0.0,
    15043: lambda view: view.battery_voltage / 2,
    **_same((15044, 15045, 15046), lambda view: view.solar_voltage / 2),
    15050: _constant(1.0),
    15051: _constant(4.0),
    15052: _constant(25.0),
    15053: lambda view: 55.2 * view.volts_scale,
    **_same((15065, 15068), lambda view: 30.0 + view.solar * 6),
    **_same((15066, 15069), lambda view: 30.3 + view.solar * 6),
    **_same((15067, 15070), lambda view: 29.7 + view.solar * 6),
    **_same((15071, 15072), lambda view: float(len(view.unit.parameters))),
    15073: lambda view: float(len(catalogue.infos("vs"))),
    **_identity(15074, 15075, 15076, (15077, 15078), (15102, 15103)),
    **_same((15090, 15091), _constant(1.0)),
    15108: lambda view: float(view.array.enabled),
}

_READINGS = {"xt": _XT, "bsp": _BATTERY, "bms": _BATTERY, "vt": _VT, "vs": _VS}


def read(view: View, number: int) -> float:
    """Return an info that the family of the unit has; what is not modelled (error counters, relays) reads 0."""
    reading = _READINGS[view.unit.family].get(number)
    return reading(view) if reading is not None else 0.0
