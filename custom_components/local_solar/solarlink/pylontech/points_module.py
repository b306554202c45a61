"""What is known of one module: values, states, cells, counters (reference sections 5, 6 and 11)."""

from typing import Any

from ..points import Counting, Integral, Pace, Part, Point, Quantity
from . import counters, states
from .blocks import MODULE, Block, PylontechPoint, Source

CELLS = 16
"""US modules have 15 cells, the Pytes 100 has 16 (section 6.1)."""

_LIVE = Source(Block.POWER, Block.ANALOG)
_ROW = Source(Block.POWER)
_STATES = Source(Block.POWER, Block.ALARMS)
_CELLS = Source(Block.CELLS, Block.ANALOG)
_BALANCING = Source(Block.CELLS)
_DETAIL = Source(Block.DETAIL)
_COUNTERS = Source(Block.COUNTERS)
_CHARGE = Source(Block.COUNTERS, Block.ANALOG)
_RATING = Source(Block.DETAIL, Block.ANALOG)
_IDENTITY = Source(Block.IDENTITY)
_LIMITS = Source(rs485=Block.LIMITS)
_BUS_ALARMS = Source(rs485=Block.ALARMS)


def _at(source: Source, key: str, name: str, quantity: Quantity, unit: str = "", **more: Any) -> PylontechPoint:
    return Point(key=key, name=name, unit_kind=MODULE, quantity=quantity, unit=unit, address=source, **more)


def _state(source: Source, key: str, name: str, options: dict[int, str], **more: Any) -> PylontechPoint:
    return _at(source, key, name, Quantity.STATE, options=options, **more)


def _integral(key: str, name: str, part: Part) -> PylontechPoint:
    return _at(
        _LIVE,
        key,
        name,
        Quantity.ENERGY,
        "kWh",
        counting=Counting.TOTAL,
        integral=Integral("battery_power", part),
    )


_VOLTAGE, _CURRENT, _DEGREES = Quantity.VOLTAGE, Quantity.CURRENT, Quantity.TEMPERATURE
_CELL_VOLTAGE = Quantity.CELL_VOLTAGE
_DIAGNOSTIC: dict[str, Any] = {"diagnostic": True}
_SLOW: dict[str, Any] = {"pace": Pace.SLOW, "diagnostic": True}
_ONCE: dict[str, Any] = {"pace": Pace.ONCE, "diagnostic": True}
_CELL: dict[str, Any] = {"pace": Pace.MINUTE, "diagnostic": True}

LIVE: tuple[PylontechPoint, ...] = (
    # The console may tell more than 100 % (section 8).
    _at(_LIVE, "state_of_charge", "State of charge", Quantity.STATE_OF_CHARGE, "%", enabled=True),
    _at(_ROW, "reported_state_of_charge", "Reported state of charge", Quantity.PERCENTAGE, "%", **_DIAGNOSTIC),
    _at(_LIVE, "battery_power", "Battery power", Quantity.POWER, "W", enabled=True),
    _integral("battery_energy_in", "Battery energy in", Part.NEGATIVE),
    _integral("battery_energy_out", "Battery energy out", Part.POSITIVE),
    _at(_LIVE, "battery_voltage", "Battery voltage", _VOLTAGE, "V", enabled=True),
    _at(_LIVE, "battery_current", "Battery current", _CURRENT, "A", enabled=True),
    _state(_LIVE, "battery_state", "Battery state", states.BATTERY_STATES, enabled=True),
    _at(_LIVE, "battery_temperature", "Battery temperature", _DEGREES, "°C", enabled=True),
    _at(_LIVE, "highest_cell_temperature", "Highest cell temperature", _DEGREES, "°C", enabled=True),
    _at(_LIVE, "lowest_cell_temperature", "Lowest cell temperature", _DEGREES, "°C", enabled=True),
    _at(_ROW, "mosfet_temperature", "MOSFET temperature", _DEGREES, "°C", **_DIAGNOSTIC),
    _at(_LIVE, "highest_cell_voltage", "Highest cell voltage", _CELL_VOLTAGE, "V", enabled=True),
    _at(_LIVE, "lowest_cell_voltage", "Lowest cell voltage", _CELL_VOLTAGE, "V", enabled=True),
    _at(_LIVE, "cell_voltage_spread", "Cell voltage spread", _CELL_VOLTAGE, "V", enabled=True),
    _state(_LIVE, "cell_balance", "Cell balance", states.BALANCES, **_DIAGNOSTIC),
    _at(_ROW, "highest_cell", "Highest cell", Quantity.COUNT, **_DIAGNOSTIC),
    _at(_ROW, "lowest_cell", "Lowest cell", Quantity.COUNT, **_DIAGNOSTIC),
    _at(_ROW, "warmest_sensor", "Warmest sensor", Quantity.COUNT, **_DIAGNOSTIC),
    _at(_ROW, "coldest_sensor", "Coldest sensor", Quantity.COUNT, **_DIAGNOSTIC),
    _at(_STATES, "module_problem", "Module problem", Quantity.PROBLEM, enabled=True),
    _at(_STATES, "active_alarms", "Active alarms", Quantity.TEXT, enabled=True, **_DIAGNOSTIC),
    _state(_STATES, "voltage_state", "Voltage state", states.LEVELS, **_DIAGNOSTIC),
    _state(_STATES, "current_state", "Current state", states.LEVELS, **_DIAGNOSTIC),
    _state(_STATES, "temperature_state", "Temperature state", states.LEVELS, **_DIAGNOSTIC),
    _state(_STATES, "cell_voltage_state", "Cell voltage state", states.LEVELS, **_DIAGNOSTIC),
    _state(_STATES, "cell_temperature_state", "Cell temperature state", states.LEVELS, **_DIAGNOSTIC),
    _state(_ROW, "mosfet_temperature_state", "MOSFET temperature state", states.LEVELS, **_DIAGNOSTIC),
    _state(_ROW, "system_alarm_state", "System alarm state", states.LEVELS, **_DIAGNOSTIC),
    _at(_STATES, "state_words", "State words", Quantity.TEXT, **_DIAGNOSTIC),
    _at(_ROW, "device_clock", "Device clock", Quantity.TIMESTAMP, **_CELL),
)

DETAIL: tuple[PylontechPoint, ...] = (
    _at(_DETAIL, "module_fault", "Module fault", Quantity.PROBLEM, enabled=True, pace=Pace.MINUTE),
    _at(_DETAIL, "module_events", "Module events", Quantity.TEXT, enabled=True, **_CELL),
    _at(_DETAIL, "module_event_words", "Module event words", Quantity.TEXT, **_CELL),
    _state(_DETAIL, "charge_level_state", "Charge level state", states.CHARGE_LEVELS, **_SLOW),
    _state(_DETAIL, "health_state", "Health state", states.HEALTH_STATES, **_SLOW),
    _at(_DETAIL, "heater_on", "Heater", Quantity.FLAG, **_SLOW),
    _at(_DETAIL, "state_duration", "In this state for", Quantity.DURATION, "s", **_SLOW),
    _at(_RATING, "total_capacity", "Total capacity", Quantity.CHARGE, "Ah", enabled=True, **_SLOW),
    _at(_DETAIL, "usable_capacity", "Usable capacity", Quantity.CHARGE, "Ah", **_SLOW),
    _at(_DETAIL, "highest_allowed_voltage", "Highest allowed voltage", _VOLTAGE, "V", **_SLOW),
)

CELL: tuple[PylontechPoint, ...] = (
    _at(_CELLS, "mean_cell_voltage", "Mean cell voltage", _CELL_VOLTAGE, "V", **_CELL),
    _at(_BALANCING, "balancing", "Balancing", Quantity.FLAG, **_CELL),
    _at(_BALANCING, "balancing_cells", "Balancing cells", Quantity.TEXT, **_CELL),
    *(
        _at(_CELLS, f"cell_voltage_{cell}", f"Cell voltage {cell}", _CELL_VOLTAGE, "V", **_CELL)
        for cell in range(1, CELLS + 1)
    ),
    *(
        _at(_CELLS, f"cell_temperature_{cell}", f"Cell temperature {cell}", _DEGREES, "°C", **_CELL)
        for cell in range(1, CELLS + 1)
    ),
)

LIFE: tuple[PylontechPoint, ...] = (
    _at(_CHARGE, "cycles", "Cycles", Quantity.COUNT, counting=Counting.TOTAL, enabled=True, **_SLOW),
    _at(_COUNTERS, "state_of_health", "State of health", Quantity.PERCENTAGE, "%", enabled=True, **_SLOW),
    _at(_CHARGE, "remaining_capacity", "Remaining capacity", Quantity.CHARGE, "Ah", pace=Pace.SLOW),
    _at(
        _COUNTERS,
        "discharged_charge",
        "Discharged since new",
        Quantity.CHARGE,
        "Ah",
        counting=Counting.TOTAL,
        pace=Pace.SLOW,
    ),
    *(
        _at(_COUNTERS, counter.key, counter.name, Quantity.COUNT, counting=Counting.TOTAL, **_SLOW)
        for counter in counters.EVENTS.values()
    ),
)

IDENTITY: tuple[PylontechPoint, ...] = (
    _at(_IDENTITY, "main_firmware", "Main firmware", Quantity.TEXT, **_ONCE),
    _at(_IDENTITY, "boot_version", "Boot version", Quantity.TEXT, **_ONCE),
    _at(_IDENTITY, "communication_version", "Communication version", Quantity.TEXT, **_ONCE),
    _at(_IDENTITY, "board_version", "Board version", Quantity.TEXT, **_ONCE),
    _at(_IDENTITY, "release_date", "Firmware date", Quantity.TEXT, **_ONCE),
    _at(_IDENTITY, "specification", "Specification", Quantity.TEXT, **_ONCE),
    _at(_IDENTITY, "cell_count", "Cells", Quantity.COUNT, **_ONCE),
)

LIMITS: tuple[PylontechPoint, ...] = (
    _at(Source(Block.IDENTITY, Block.LIMITS), "charge_current_limit", "Charge current limit", _CURRENT, "A", **_SLOW),
    _at(
        Source(Block.IDENTITY, Block.LIMITS),
        "discharge_current_limit",
        "Discharge current limit",
        _CURRENT,
        "A",
        **_SLOW,
    ),
    _at(_LIMITS, "charge_voltage_limit", "Charge voltage limit", _VOLTAGE, "V", **_SLOW),
    _at(_LIMITS, "discharge_voltage_limit", "Discharge voltage limit", _VOLTAGE, "V", **_SLOW),
    _at(_LIMITS, "charge_enabled", "Charging allowed", Quantity.FLAG, **_CELL),
    _at(_LIMITS, "discharge_enabled", "Discharging allowed", Quantity.FLAG, **_CELL),
    _at(_LIMITS, "charge_at_once", "Charge at once", Quantity.FLAG, **_CELL),
    _at(_LIMITS, "charge_soon", "Charge soon", Quantity.FLAG, **_CELL),
    _at(_LIMITS, "full_charge_wanted", "Full charge wanted", Quantity.FLAG, **_CELL),
    _at(_BUS_ALARMS, "charge_fet_on", "Charge FET on", Quantity.FLAG, **_CELL),
    _at(_BUS_ALARMS, "discharge_fet_on", "Discharge FET on", Quantity.FLAG, **_CELL),
    _at(_BUS_ALARMS, "fully_charged", "Fully charged", Quantity.FLAG, **_CELL),
)

POINTS: tuple[PylontechPoint, ...] = (*LIVE, *DETAIL, *LIFE, *CELL, *LIMITS, *IDENTITY)
