"""Points of the PV inverter and of the power meters."""

from ..points import Pace, Quantity
from .address import SenecPoint, Table
from .states import STARTUP_STATES

MPP_INPUTS = 3
PHASES = 3
GRID_METER, HOUSE_METER = "grid_meter", "house_meter"

_inverter = Table("inverter")

INVERTER: tuple[SenecPoint, ...] = (
    *(
        _inverter(
            f"mpp_{number}_power",
            f"MPP {number} power",
            Quantity.POWER,
            f"PV1.MPP_POWER[{number - 1}]",
            enabled=True,
        )
        for number in range(1, MPP_INPUTS + 1)
    ),
    *(
        _inverter(f"mpp_{number}_{key}", f"MPP {number} {key}", quantity, f"PV1.{name}[{number - 1}]")
        for key, quantity, name in (
            ("voltage", Quantity.VOLTAGE, "MPP_VOL"),
            ("current", Quantity.CURRENT, "MPP_CUR"),
        )
        for number in range(1, MPP_INPUTS + 1)
    ),
    _inverter(
        "inverter_missing",
        "Inverter missing",
        Quantity.PROBLEM,
        "PV1.PV_MISSING",
        pace=Pace.SLOW,
        diagnostic=True,
    ),
    _inverter(
        "inverter_error",
        "Inverter error",
        Quantity.PROBLEM,
        "STECA.ERROR",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _inverter(
        "inverter_error_text",
        "Inverter error text",
        Quantity.TEXT,
        "STECA.ERRORTEXT",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _inverter(
        "startup_state",
        "Start-up state",
        Quantity.STATE,
        "STECA.STARTUP",
        options=STARTUP_STATES,
        pace=Pace.SLOW,
        diagnostic=True,
    ),
    # A duo has two inverters: low voltage first, high voltage second.
    *(
        _inverter(
            f"startup_state_{number}",
            f"Start-up state {number}",
            Quantity.STATE,
            f"PV1.STATE_INT[{number - 1}]",
            options=STARTUP_STATES,
            pace=Pace.SLOW,
            diagnostic=True,
        )
        for number in (1, 2)
    ),
    *(
        _inverter(
            f"{key}_{number}",
            f"{name} {number}",
            quantity,
            f"PV1.{variable}[{number - 1}]",
            pace=Pace.SLOW,
            diagnostic=True,
        )
        for number in (1, 2)
        for key, name, quantity, variable in (
            ("inverter_state_code", "Inverter state code", Quantity.COUNT, "INTERNAL_INV_STATE"),
            ("inverter_error_code", "Inverter error code", Quantity.COUNT, "ERROR_STATE_INT"),
            ("inverter_error_message", "Inverter error message", Quantity.TEXT, "INTERNAL_INV_ERROR_TEXT"),
        )
    ),
    *(
        _inverter(key, name, Quantity.FLAG, address, pace=Pace.SLOW, diagnostic=True)
        for key, name, address in (
            ("battery_part_active", "Battery part active", "STECA.BAT"),
            ("pv_part_active", "PV part active", "STECA.PV"),
            ("backup_part_active", "Backup part active", "STECA.ISLAND"),
        )
    ),
    *(
        _inverter(key, name, Quantity.COUNT, address, pace=Pace.MINUTE, diagnostic=True)
        for key, name, address in (
            ("fan_level_low_voltage", "Fan level, low-voltage inverter", "FAN_SPEED.INV_LV"),
            ("fan_level_high_voltage", "Fan level, high-voltage inverter", "FAN_SPEED.INV_HV"),
        )
    ),
    *(
        _inverter(key, name, Quantity.TEXT, f"SELFTEST_RESULTS.{variable}", pace=Pace.SLOW, diagnostic=True)
        for key, name, variable in (
            ("selftest_dc_coil", "Self-test DC coil", "DC_COIL"),
            ("selftest_battery_modules", "Self-test battery modules", "INIT_BATTERY_MODULES"),
            ("selftest_insulation", "Self-test insulation", "INSULATION"),
            ("selftest_interrupt", "Self-test interrupt", "INTERRUPT"),
            ("selftest_processing_unit", "Self-test processing unit", "IPU"),
        )
    ),
)


def _meter(kind: str, section: str) -> tuple[SenecPoint, ...]:
    point = Table(kind)
    return (
        # Positive is import from the grid: already the sign we want.
        point("meter_power", "Meter power", Quantity.POWER, f"{section}.P_TOTAL", enabled=kind == HOUSE_METER),
        *(
            point(f"{key}_l{phase}", f"{name} L{phase}", quantity, f"{section}.{variable}[{phase - 1}]")
            for key, name, quantity, variable in (
                ("power", "Power", Quantity.POWER, "P_AC"),
                ("voltage", "Voltage", Quantity.VOLTAGE, "U_AC"),
                ("current", "Current", Quantity.CURRENT, "I_AC"),
            )
            for phase in range(1, PHASES + 1)
        ),
        point("frequency", "Frequency", Quantity.FREQUENCY, f"{section}.FREQ", enabled=kind == GRID_METER),
    )


METERS: tuple[SenecPoint, ...] = (*_meter(GRID_METER, "PM1OBJ1"), *_meter(HOUSE_METER, "PM1OBJ2"))
