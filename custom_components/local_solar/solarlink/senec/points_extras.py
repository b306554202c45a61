"""Points of what not every appliance has: wallboxes, switched sockets and heating rods."""

from ..points import Counting, Integral, Pace, Quantity, Wear
from .address import Form, SenecPoint, Table, at
from .states import WALLBOX_STATES

_wallbox = Table("wallbox")
_socket = Table("socket")
_heat = Table("heat")

LEAST_CURRENT = 6.0
"""A vehicle takes no less (reference section 11.3)."""
USUAL_CURRENT = 16.0
"""The rated current of a wallbox that does not tell its own."""

LOCKED = 1
CHARGING_MODES = {LOCKED: "locked", 0: "fast", 3: "solar_continuous", 4: "solar_interruptible"}
"""Code to slug: 1 stands for ``PROHIBIT_USAGE``, the others are values of ``SMART_CHARGE_ACTIVE``."""

MODE_OVERRIDDEN, CURRENT_OVERRIDDEN = "mode", "current"

WALLBOX: tuple[SenecPoint, ...] = (
    _wallbox("wallbox_state", "State", Quantity.STATE, "WALLBOX.STATE[n]", options=WALLBOX_STATES, enabled=True),
    _wallbox("vehicle_connected", "Vehicle connected", Quantity.FLAG, "WALLBOX.EV_CONNECTED[n]", enabled=True),
    _wallbox(
        "charging_power",
        "Charging power",
        Quantity.APPARENT_POWER,
        "WALLBOX.APPARENT_CHARGING_POWER[n]",
        enabled=True,
    ),
    _wallbox(
        "charging_energy",
        "Charging energy",
        Quantity.ENERGY,
        counting=Counting.TOTAL,
        integral=Integral("charging_power", counter="charging_energy_counter"),
        enabled=True,
    ),
    _wallbox(
        "charging_energy_counter",
        "Charging energy counter",
        Quantity.ENERGY,
        at("STATISTIC.LIVE_WB_ENERGY[n]", factor=0.001),
        counting=Counting.TOTAL,
        pace=Pace.MINUTE,
    ),
    *(
        _wallbox(
            f"charging_current_l{phase}",
            f"Charging current L{phase}",
            Quantity.CURRENT,
            f"WALLBOX.L{phase}_CHARGING_CURRENT[n]",
        )
        for phase in (1, 2, 3)
    ),
    _wallbox(
        "wallbox_error",
        "Wallbox error",
        Quantity.PROBLEM,
        at("WALLBOX.STATE[n]", Form.WALLBOX_ERROR),
        diagnostic=True,
        enabled=True,
    ),
    _wallbox.setting(
        "charging_mode",
        "Charging mode",
        Quantity.STATE,
        at("WALLBOX.PROHIBIT_USAGE[n] WALLBOX.SMART_CHARGE_ACTIVE[n]", Form.CHARGING_MODE),
        options=CHARGING_MODES,
        pace=Pace.MINUTE,
        wear=Wear.RAM,
    ),
    _wallbox.setting(
        "charging_current",
        "Charging current",
        Quantity.CURRENT,
        "WALLBOX.SET_ICMAX[n]",
        pace=Pace.MINUTE,
        minimum=LEAST_CURRENT,
        maximum=USUAL_CURRENT,
        step=1,
        wear=Wear.RAM,
    ),
    _wallbox(
        "wallbox_overridden",
        "Setting overridden",
        Quantity.EVENT,
        "WALLBOX.PROHIBIT_USAGE[n] WALLBOX.SMART_CHARGE_ACTIVE[n] WALLBOX.SET_ICMAX[n]",
        options={1: MODE_OVERRIDDEN, 2: CURRENT_OVERRIDDEN},
        pace=Pace.MINUTE,
    ),
    *(
        _wallbox(key, name, Quantity.CURRENT, f"WALLBOX.{variable}[n]", pace=pace, diagnostic=True)
        for key, name, variable, pace in (
            ("minimum_charging_current", "Minimum charging current", "MIN_CHARGING_CURRENT", Pace.MINUTE),
            ("default_charging_current", "Default charging current", "SET_IDEFAULT", Pace.SLOW),
            ("largest_charging_current", "Largest charging current", "MAX_CHARGING_CURRENT_ICMAX", Pace.SLOW),
            ("present_charging_limit", "Present charging limit", "MAX_CHARGING_CURRENT_IC", Pace.SLOW),
            ("default_charging_limit", "Default charging limit", "MAX_CHARGING_CURRENT_DEFAULT", Pace.SLOW),
            ("rated_charging_current", "Rated charging current", "MAX_CHARGING_CURRENT_RATED", Pace.SLOW),
        )
    ),
    *(
        _wallbox(
            f"phase_{phase}_used",
            f"Phase {phase} used",
            Quantity.FLAG,
            f"WALLBOX.L{phase}_USED[n]",
            pace=Pace.MINUTE,
            diagnostic=True,
        )
        for phase in (1, 2, 3)
    ),
    _wallbox("phases_used", "Phases used", Quantity.COUNT, "WALLBOX.PHASES_USED[n]", pace=Pace.MINUTE, diagnostic=True),
    _wallbox(
        "additional_error",
        "Additional error",
        Quantity.COUNT,
        "WALLBOX.ADDITIONAL_ERROR[n]",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
)

LONGEST = 1440
"""Minutes of a day."""
HIGHEST_SURPLUS = 65535

SOCKET: tuple[SenecPoint, ...] = (
    _socket("socket_on", "On", Quantity.FLAG, "SOCKETS.POWER_ON[n]", pace=Pace.MINUTE, enabled=True),
    _socket.setting(
        "socket_forced_on",
        "Forced on",
        Quantity.FLAG,
        "SOCKETS.FORCE_ON[n]",
        pace=Pace.MINUTE,
        wear=Wear.RAM,
        enabled=True,
    ),
    _socket.setting(
        "socket_automatic",
        "Automatic",
        Quantity.FLAG,
        "SOCKETS.ENABLE[n]",
        pace=Pace.MINUTE,
        wear=Wear.RAM,
        enabled=True,
    ),
    *(
        _socket.setting(
            key,
            name,
            Quantity.POWER,
            f"SOCKETS.{variable}[n]",
            pace=Pace.MINUTE,
            minimum=1,
            maximum=HIGHEST_SURPLUS,
            step=1,
            wear=Wear.RAM,
            enabled=True,
        )
        for key, name, variable in (
            ("socket_switch_on_surplus", "Switch-on surplus", "UPPER_LIMIT"),
            ("socket_switch_off_surplus", "Switch-off surplus", "LOWER_LIMIT"),
        )
    ),
    *(
        _socket.setting(
            key,
            name,
            Quantity.DURATION,
            f"SOCKETS.{variable}[n]",
            unit="min",
            pace=Pace.MINUTE,
            minimum=0,
            maximum=LONGEST,
            step=1,
            wear=Wear.RAM,
            enabled=True,
        )
        for key, name, variable in (
            # The names of the variables mislead; the appliance's own page uses them so (reference section 11.2).
            ("socket_surplus_duration", "Surplus duration", "TIME_LIMIT"),
            ("socket_on_duration", "Switch-on duration", "POWER_ON_TIME"),
        )
    ),
    _socket.setting(
        "socket_use_time",
        "Switch on at a time of day",
        Quantity.FLAG,
        "SOCKETS.USE_TIME[n]",
        pace=Pace.MINUTE,
        wear=Wear.RAM,
        enabled=True,
    ),
    _socket.setting(
        "socket_switch_on_time",
        "Switch-on time",
        Quantity.TIME_OF_DAY,
        "SOCKETS.SWITCH_ON_HOUR[n] SOCKETS.SWITCH_ON_MINUTE[n]",
        pace=Pace.MINUTE,
        wear=Wear.RAM,
        enabled=True,
    ),
    _socket(
        "socket_switched_today",
        "Switched today",
        Quantity.FLAG,
        "SOCKETS.ALREADY_SWITCHED[n]",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _socket(
        "socket_time_left",
        "Time left",
        Quantity.DURATION,
        "SOCKETS.TIME_REM[n]",
        unit="min",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
)

HEAT_FAULTS = 0x3FE0F
"""Bits 0 to 3 and 9 to 17 of ``PWR_UNIT.STATUS`` are faults."""

HEAT: tuple[SenecPoint, ...] = (
    _heat("heat_power", "Heating power", Quantity.POWER, "PWR_UNIT.POWER[n]", enabled=True),
    _heat(
        "heat_energy",
        "Heating energy",
        Quantity.ENERGY,
        counting=Counting.TOTAL,
        integral=Integral("heat_power", counter="heat_energy_counter"),
        enabled=True,
    ),
    _heat(
        "heat_energy_counter",
        "Heating energy counter",
        Quantity.ENERGY,
        "STATISTIC.LIVE_PU_ENERGY[n]",
        counting=Counting.TOTAL,
        pace=Pace.MINUTE,
    ),
    *(
        _heat(f"heat_power_l{phase}", f"Heating power L{phase}", Quantity.POWER, f"PWR_UNIT.POWER_L{phase}[n]")
        for phase in (1, 2, 3)
    ),
    _heat("heat_requested_power", "Requested heating power", Quantity.POWER, "PWR_UNIT.REQ_POWER[n]", pace=Pace.MINUTE),
    *(
        _heat(key, name, Quantity.TEMPERATURE, f"PWR_UNIT.{variable}[n]", pace=pace, enabled=enabled)
        for key, name, variable, pace, enabled in (
            ("water_temperature_high", "Water temperature, warm sensor", "CURRENTTEMP_MAX", Pace.MINUTE, True),
            ("water_temperature_low", "Water temperature, cold sensor", "CURRENTTEMP_MIN", Pace.MINUTE, True),
            ("water_temperature_target", "Water temperature target", "TEMPTARGET", Pace.MINUTE, False),
            ("water_temperature_upper_limit", "Water temperature upper limit", "TEMPMAX", Pace.SLOW, False),
            ("water_temperature_lower_limit", "Water temperature lower limit", "TEMPMIN", Pace.SLOW, False),
        )
    ),
    _heat(
        "heat_error",
        "Heating error",
        Quantity.PROBLEM,
        at("PWR_UNIT.STATUS[n]", Form.BITS, mask=HEAT_FAULTS),
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
)
