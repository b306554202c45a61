"""All points of a Shelly energy meter: of the meter itself, and of each clamp that stands for itself."""

from collections.abc import Mapping

from ..points import Counting, Integral, Pace, Part, Quantity
from .address import DEVICE_WIDE, OWN, Field, Name, ShellyPoint, Table

METER, CHANNEL = "meter", "channel"
"""Kinds of units: the device, and a clamp of a device whose clamps are no phases of one connection."""
PHASES = 3
RELAY = "relay"

_meter, _channel = Table(METER, DEVICE_WIDE), Table(CHANNEL, OWN)

_GRID: tuple[ShellyPoint, ...] = (
    _meter("grid_power", "Grid power", Quantity.POWER, Name.GRID_POWER, enabled=True),
    # The counters of three phases are not netted, and a utility's meter nets them (reference section 1): so what was
    # imported is summed up from the net power, unless one clamp alone measures it.
    _meter(
        "grid_import_energy",
        "Grid import energy",
        Quantity.ENERGY,
        Name.GRID_POWER,
        counting=Counting.TOTAL,
        enabled=True,
        integral=Integral(source="grid_power", part=Part.POSITIVE, counter="grid_import_energy_counter"),
    ),
    _meter(
        "grid_export_energy",
        "Grid export energy",
        Quantity.ENERGY,
        Name.GRID_POWER,
        counting=Counting.TOTAL,
        enabled=True,
        integral=Integral(source="grid_power", part=Part.NEGATIVE, counter="grid_export_energy_counter"),
    ),
    *(
        _meter(key, name, Quantity.ENERGY, field, counting=Counting.TOTAL, pace=Pace.MINUTE, enabled=enabled)
        for key, name, field, enabled in (
            ("grid_import_energy_counter", "Grid import energy counter", Name.GRID_IMPORTED, False),
            ("grid_export_energy_counter", "Grid export energy counter", Name.GRID_EXPORTED, False),
            ("import_energy_sum", "Import energy, sum of the phases", Name.SUM_IMPORTED, True),
            ("export_energy_sum", "Export energy, sum of the phases", Name.SUM_EXPORTED, True),
        )
    ),
)

_TOTALS: tuple[ShellyPoint, ...] = (
    _meter("apparent_power", "Apparent power", Quantity.APPARENT_POWER, Name.TOTAL_APPARENT),
    _meter("total_current", "Total current", Quantity.CURRENT, Name.TOTAL_CURRENT),
    _meter("neutral_current", "Neutral current", Quantity.CURRENT, Name.NEUTRAL_CURRENT),
    _meter("frequency", "Frequency", Quantity.FREQUENCY, Name.FREQUENCY),
)

_OF_A_PHASE: tuple[ShellyPoint, ...] = (
    *(
        _meter(f"{key}_l{phase + 1}", f"{name} L{phase + 1}", quantity, Field(field, phase), enabled=enabled)
        for key, name, quantity, field, enabled in (
            ("power", "Power", Quantity.POWER, Name.POWER, True),
            ("voltage", "Voltage", Quantity.VOLTAGE, Name.VOLTAGE, True),
            ("current", "Current", Quantity.CURRENT, Name.CURRENT, False),
            ("power_factor", "Power factor", Quantity.POWER_FACTOR, Name.FACTOR, False),
            ("apparent_power", "Apparent power", Quantity.APPARENT_POWER, Name.APPARENT, False),
        )
        for phase in range(PHASES)
    ),
    *(
        _meter(
            f"{key}_l{phase + 1}",
            f"{name} L{phase + 1}",
            Quantity.ENERGY,
            Field(field, phase),
            counting=Counting.TOTAL,
            pace=Pace.MINUTE,
        )
        for key, name, field in (
            ("import_energy", "Import energy", Name.IMPORTED),
            ("export_energy", "Export energy", Name.EXPORTED),
        )
        for phase in range(PHASES)
    ),
)

_OUTPUT: tuple[ShellyPoint, ...] = (
    _meter.setting(RELAY, "Relay", Quantity.FLAG, Name.RELAY, enabled=True),
    _meter("relay_timer", "Relay timer", Quantity.DURATION, Name.RELAY_TIMER, diagnostic=True),
)

_HEALTH: tuple[ShellyPoint, ...] = (
    _meter("measurement_problem", "Measurement problem", Quantity.PROBLEM, Name.PROBLEM, enabled=True, diagnostic=True),
    _meter("wifi_signal", "Wi-Fi signal", Quantity.SIGNAL_STRENGTH, Name.SIGNAL, pace=Pace.MINUTE, diagnostic=True),
    _meter("last_restart", "Last restart", Quantity.TIMESTAMP, Name.UPTIME, pace=Pace.MINUTE, diagnostic=True),
    _meter(
        "device_temperature",
        "Device temperature",
        Quantity.TEMPERATURE,
        Name.TEMPERATURE,
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
)

_OF_A_CHANNEL: tuple[ShellyPoint, ...] = (
    _channel("power", "Power", Quantity.POWER, Name.POWER, enabled=True),
    *(
        _channel(key, name, Quantity.ENERGY, field, counting=Counting.TOTAL, pace=Pace.MINUTE, enabled=True)
        for key, name, field in (
            ("import_energy", "Import energy", Name.IMPORTED),
            ("export_energy", "Export energy", Name.EXPORTED),
        )
    ),
    _channel("voltage", "Voltage", Quantity.VOLTAGE, Name.VOLTAGE, enabled=True),
    _channel("current", "Current", Quantity.CURRENT, Name.CURRENT),
    _channel("power_factor", "Power factor", Quantity.POWER_FACTOR, Name.FACTOR),
    _channel("apparent_power", "Apparent power", Quantity.APPARENT_POWER, Name.APPARENT),
    _channel("reactive_power", "Reactive power", Quantity.REACTIVE_POWER, Name.REACTIVE),
    _channel("frequency", "Frequency", Quantity.FREQUENCY, Name.FREQUENCY),
    _channel("measurement_problem", "Measurement problem", Quantity.PROBLEM, Name.PROBLEM, diagnostic=True),
)

POINTS: tuple[ShellyPoint, ...] = (*_GRID, *_OF_A_PHASE, *_TOTALS, *_OUTPUT, *_HEALTH, *_OF_A_CHANNEL)

_BY_KIND: dict[str, dict[str, ShellyPoint]] = {}
for _each in POINTS:
    _BY_KIND.setdefault(_each.unit_kind, {})[_each.key] = _each


def points_of(kind: str) -> Mapping[str, ShellyPoint]:
    """The points that a unit of that kind can have, by key."""
    return _BY_KIND.get(kind, {})
