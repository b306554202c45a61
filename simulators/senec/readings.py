"""Every value that changes by itself, computed once for each answer, so that an answer is one snapshot."""

from datetime import datetime

from ..faults import Fault
from . import battery
from .battery import Readings
from .plant import Plant, Powers
from .wire import encode

DENORMAL = 1.4e-45
"""What a meter that is not there shows: the smallest number above zero (reference section 4)."""
OFF_METER = ("FREQ", "P_TOTAL")
PHASE_OFFSETS = (0.6, -0.7, 0.1)
"""V by which the phases differ from the mean."""
POWER_FACTOR = 0.97
NO_SENSOR = -158.39
"""Degrees Celsius of a temperature input without a sensor."""
LIFETIME_HOURS = 19_200
"""Hours of operation before the start."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the appliance counts its wall clock from here


def _meter(section: str, power: float, volts: float, frequency: float, connected: bool) -> Readings:
    """Return a meter's values: the phases' powers add up to the total, currents have no sign."""
    if not connected:
        return {
            (section, "P_TOTAL"): 0.0,
            (section, "P_AC"): [0.0] * 3,
            (section, "U_AC"): [0.0] * 3,
            (section, "I_AC"): [0.0] * 3,
            (section, "FREQ"): 0.0,
        }
    first, second = power * 0.31 - 140.0, power * 0.36 + 55.0
    powers = [first, second, power - first - second]
    voltages = [volts + offset for offset in PHASE_OFFSETS]
    return {
        (section, "P_TOTAL"): power,
        (section, "P_AC"): powers,
        (section, "U_AC"): voltages,
        (section, "I_AC"): [abs(watts) / (POWER_FACTOR * at) for watts, at in zip(powers, voltages, strict=True)],
        (section, "FREQ"): frequency,
    }


def _meters(plant: Plant, powers: Powers) -> Readings:
    grid = plant.house.grid
    result = _meter("PM1OBJ1", powers.grid, grid.voltage, grid.frequency, grid.connected)
    if plant.profile.second_meter:
        result |= _meter("PM1OBJ2", -powers.solar, grid.voltage, grid.frequency, grid.connected)
        result["WIZARD", "DEVICE_PM_HOUSE_ENABLED"] = 1
        result["WIZARD", "SETUP_PM_HOUSE_ADR"] = 3
    else:
        result |= {("PM1OBJ2", name): DENORMAL for name in OFF_METER}
        result |= {("PM1OBJ2", name): [DENORMAL, 0.0, DENORMAL] for name in ("P_AC", "U_AC", "I_AC")}
        result["PM1OBJ2", "ENABLED"] = 0
    return result


def _solar(plant: Plant, powers: Powers) -> Readings:
    """Return the inputs: a generator has voltage before it has power, and none in the dark."""
    # Generators that lean east or west see the sun while the mean of the house does not.
    lights = [min(1.0, max(plant.house.sun() * 12.0, power / 40.0)) for power in powers.inputs]
    volts = [310.0 + 45.0 * light if light > 0 else 0.0 for light in lights]
    spare = 3 - len(powers.inputs)
    currents = [power / at if at > 0 else 0.0 for power, at in zip(powers.inputs, volts, strict=True)]
    running = 0x110 if any(lights) else 0x130
    return {
        ("PV1", "MPP_POWER"): [*powers.inputs] + [0.0] * spare,
        ("PV1", "MPP_INT"): [*powers.inputs] + [0.0] * spare,
        ("PV1", "MPP_VOL"): volts + [0.0] * spare,
        ("PV1", "MPP_CUR"): currents + [0.0] * spare,
        ("PV1", "STATE_INT"): [0x110, running if plant.profile.has("duo") else 0] if plant.profile.v3 else [0, 0],
        ("STECA", "STARTUP"): 0x110,
        ("FAN_SPEED", "INV_LV"): int(powers.solar > 4000.0),
        ("FAN_SPEED", "INV_HV"): int(powers.solar > 6000.0),
    }


def _temperatures(plant: Plant, powers: Powers, faults: dict[str, Fault]) -> Readings:
    cells = plant.house.battery.temperature
    case = cells + 2.5 + 0.0006 * abs(powers.battery)
    sensor = plant.profile.mcu_sensor and "no_mcu_sensor" not in faults
    nonsense = faults.get("nonsense_temperatures")
    return {
        ("TEMPMEASURE", "BATTERY_TEMP"): cells if nonsense is None else nonsense.argument or 0.0,
        ("TEMPMEASURE", "CASE_TEMP"): case,
        ("TEMPMEASURE", "MCU_TEMP"): case + 7.0 if sensor else NO_SENSOR,
        ("BAT1OBJ1", "U_DC"): powers.voltage,
        ("BAT1OBJ1", "I_DC"): powers.current,
        ("BAT1OBJ1", "TEMP1"): max(0, round(case + 8.0)),
        ("BAT1OBJ1", "TEMP2"): max(0, round(case + 9.0)),
        ("BAT1OBJ1", "TEMP3"): 0 if plant.profile.v3 else max(0, round(case + 6.0)),
        ("BAT1OBJ1", "P"): 0 if plant.profile.v3 else round(powers.battery),
        ("BAT1OBJ1", "S"): 0 if plant.profile.v3 else round(abs(powers.battery)),
    }


def _energies(plant: Plant, state: int) -> Readings:
    """Return the lifetime counters, kWh; only firmware before 0825 has them (reference section 9)."""
    counters = plant.house.counters
    charged, discharged = counters.battery_charge.total, counters.battery_discharge.total
    return {
        ("STATISTIC", "LIVE_PV_GEN"): counters.solar.total,
        ("STATISTIC", "LIVE_HOUSE_CONS"): counters.load.total + counters.losses.total,
        ("STATISTIC", "LIVE_GRID_IMPORT"): counters.grid_import.total,
        ("STATISTIC", "LIVE_GRID_EXPORT"): counters.grid_export.total,
        ("STATISTIC", "LIVE_BAT_CHARGE"): charged,
        ("STATISTIC", "LIVE_BAT_DISCHARGE"): discharged,
        ("STATISTIC", "LIVE_BAT_CHARGE_MASTER"): charged,
        ("STATISTIC", "LIVE_BAT_DISCHARGE_MASTER"): discharged,
        ("STATISTIC", "CURRENT_STATE"): state,
        ("STATISTIC", "MEASURE_TIME"): int((plant.house.now - _EPOCH).total_seconds()),
    }


def snapshot(plant: Plant, faults: dict[str, Fault], *, overloaded: bool, uptime: float) -> Readings:
    """Return every live value by section and field; ``uptime`` is the appliance's own clock, s."""
    powers = plant.powers(faults)
    state = plant.state(powers, faults, overloaded=overloaded)
    collected = "no_battery_data" not in faults
    result: Readings = {
        ("ENERGY", "STAT_STATE"): state,
        ("ENERGY", "STAT_STATE_DECODE"): state,
        ("ENERGY", "GUI_GRID_POW"): powers.grid,
        ("ENERGY", "GUI_INVERTER_POWER"): powers.solar,
        ("ENERGY", "GUI_HOUSE_POW"): powers.house,
        ("ENERGY", "GUI_BAT_DATA_POWER"): powers.battery if collected else 0.0,
        ("ENERGY", "GUI_BAT_DATA_FUEL_CHARGE"): powers.charge if collected else 0.0,
        ("ENERGY", "GUI_BAT_DATA_VOLTAGE"): powers.voltage if collected else 0.0,
        ("ENERGY", "GUI_BAT_DATA_CURRENT"): powers.current if collected else 0.0,
        ("ENERGY", "GUI_BAT_DATA_COLLECTED"): int(collected),
        ("ENERGY", "GUI_CHARGING_INFO"): int(powers.battery > 10.0),
        ("ENERGY", "GUI_BOOSTING_INFO"): int(powers.battery < -10.0),
        ("ENERGY", "SAFE_CHARGE_RUNNING"): int(plant.force_charge.running),
        ("ENERGY", "STAT_HOURS_OF_OPERATION"): LIFETIME_HOURS + int(uptime / 3600.0),
        ("WIZARD", "SETUP_NUMBER_WALLBOXES"): plant.profile.wallboxes,
        ("RTC", "WEB_TIME"): int((plant.house.now - _EPOCH).total_seconds()),
        ("RTC", "TIMESTAMP_MS"): int(uptime * 1000.0) % 2**32,
    }
    result |= _meters(plant, powers) | _solar(plant, powers) | _temperatures(plant, powers, faults)
    result |= _energies(plant, state) | plant.wallboxes.readings()
    return result | battery.readings(plant, powers, faults)


def zeroed(readings: Readings, state: int) -> Readings:
    """Return what the appliance shows in its first minutes: zeros, and that its configuration is not loaded."""
    result: Readings = {
        key: [0] * len(value) if isinstance(value, list) else 0
        for key, value in readings.items()
        if key[0] in {"ENERGY", "PV1", "PM1OBJ1", "PM1OBJ2", "BMS", "TEMPMEASURE", "BAT1OBJ1"}
        and key[1] != "STAT_HOURS_OF_OPERATION"
    }
    kept = {key: value for key, value in readings.items() if key not in result}
    return kept | result | {("ENERGY", "STAT_STATE"): state, ("WIZARD", "CONFIG_LOADED"): 0}


def to_wire(kind: str, value: object) -> str | list[str]:
    """Return a live value in a field's wire type."""
    if isinstance(value, list):
        return [encode(kind, element) for element in value]
    assert isinstance(value, float | int | str)
    return encode(kind, value)
