"""Points of one micro-inverter: what it feeds in, its DC inputs, its radio, its limit and its commands."""

from ..points import Access, Counting, Pace, Quantity, Wear
from .address import DtuPoint, Source, Table
from .alarms import KINDS

INVERTER_KIND = "inverter"
MOST_STRINGS = 6
"""DC inputs of the largest type (reference table of serial prefixes)."""
HIGHEST_LIMIT = 2250.0
"""W; the DTU refuses more for any inverter (reference section 4)."""

LIMIT_RELATIVE, LIMIT_ABSOLUTE = "limit_relative", "limit_absolute"
SWITCH = "inverter_switched_on"
RESTART, RESET_STATISTICS = "restart", "reset_radio_statistics"
LIMIT_STATUS = "limit_status"
INVERTER_EVENT = "inverter_event"

LIMIT_STATES = {0: "ok", 1: "pending", 2: "failed", 3: "unknown"}

_inverter = Table(INVERTER_KIND)


def _string(number: int) -> tuple[DtuPoint, ...]:
    """The points of one DC input, counted from 1."""

    def point(key: str, name: str, quantity: Quantity, field: str, **more: object) -> DtuPoint:
        return _inverter(
            f"string_{number}_{key}",
            f"String {number} {name}",
            quantity,
            Source.LIVE,
            field,
            channel=number - 1,
            **more,
        )

    return (
        point("power", "power", Quantity.POWER, "Power", enabled=True),
        point("voltage", "voltage", Quantity.VOLTAGE, "Voltage"),
        point("current", "current", Quantity.CURRENT, "Current"),
        point("yield_today", "yield today", Quantity.ENERGY, "YieldDay", counting=Counting.TODAY),
        point("yield_total", "yield total", Quantity.ENERGY, "YieldTotal", counting=Counting.TOTAL, enabled=True),
        point("irradiation", "irradiation", Quantity.PERCENTAGE, "Irradiation"),
    )


INVERTER: tuple[DtuPoint, ...] = (
    _inverter("ac_output_power", "AC output power", Quantity.POWER, Source.LIVE, "Power", enabled=True),
    _inverter(
        "yield_today", "Yield today", Quantity.ENERGY, Source.LIVE, "YieldDay", counting=Counting.TODAY, enabled=True
    ),
    _inverter(
        "yield_total", "Yield total", Quantity.ENERGY, Source.LIVE, "YieldTotal", counting=Counting.TOTAL, enabled=True
    ),
    _inverter("ac_output_voltage", "AC output voltage", Quantity.VOLTAGE, Source.LIVE, "Voltage", enabled=True),
    _inverter("ac_output_current", "AC output current", Quantity.CURRENT, Source.LIVE, "Current"),
    _inverter("ac_output_frequency", "AC output frequency", Quantity.FREQUENCY, Source.LIVE, "Frequency"),
    _inverter("power_factor", "Power factor", Quantity.POWER_FACTOR, Source.LIVE, "PowerFactor"),
    _inverter("reactive_power", "Reactive power", Quantity.REACTIVE_POWER, Source.LIVE, "ReactivePower"),
    _inverter("dc_power", "DC power", Quantity.POWER, Source.LIVE, "Power DC"),
    _inverter("efficiency", "Efficiency", Quantity.PERCENTAGE, Source.LIVE, "Efficiency"),
    _inverter(
        "inverter_temperature", "Inverter temperature", Quantity.TEMPERATURE, Source.LIVE, "Temperature", enabled=True
    ),
    *(point for number in range(1, MOST_STRINGS + 1) for point in _string(number)),
    # Limit and commands
    _inverter(
        LIMIT_RELATIVE,
        "Limit",
        Quantity.PERCENTAGE,
        Source.LIMIT,
        access=Access.READ_WRITE,
        minimum=0.0,
        maximum=100.0,
        # The radio has tenths, but some inverters drop them (reference section 4.2).
        step=1.0,
        wear=Wear.RAM,
        enabled=True,
    ),
    _inverter(
        LIMIT_ABSOLUTE,
        "Limit in watts",
        Quantity.POWER,
        Source.LIMIT,
        access=Access.READ_WRITE,
        minimum=0.0,
        maximum=HIGHEST_LIMIT,
        step=1.0,
        wear=Wear.RAM,
    ),
    _inverter("reported_limit", "Reported limit", Quantity.PERCENTAGE, Source.LIMIT, LIMIT_RELATIVE, diagnostic=True),
    _inverter(
        "reported_limit_power", "Reported limit in watts", Quantity.POWER, Source.LIMIT, LIMIT_ABSOLUTE, diagnostic=True
    ),
    _inverter(
        LIMIT_STATUS,
        "Limit command",
        Quantity.STATE,
        Source.LIMIT,
        options=LIMIT_STATES,
        diagnostic=True,
        enabled=True,
    ),
    _inverter("rated_power", "Rated power", Quantity.POWER, Source.LIMIT, "max_power", pace=Pace.SLOW, diagnostic=True),
    _inverter(
        SWITCH,
        "Inverter",
        Quantity.FLAG,
        Source.LIVE,
        access=Access.READ_WRITE,
        wear=Wear.RAM,
        enabled=True,
    ),
    _inverter.press(RESTART, "Restart"),
    # What the DTU thinks of it
    _inverter(
        "inverter_reachable", "Reachable", Quantity.FLAG, Source.LIVE, "reachable", diagnostic=True, enabled=True
    ),
    _inverter("inverter_producing", "Producing", Quantity.FLAG, Source.LIVE, "producing", enabled=True),
    _inverter("polling_enabled", "Polling", Quantity.FLAG, Source.LIVE, "poll_enabled", diagnostic=True),
    _inverter("commands_enabled", "Commands allowed", Quantity.FLAG, Source.LIST, pace=Pace.SLOW, diagnostic=True),
    _inverter(
        "governed", "Governed by the power limiter", Quantity.FLAG, Source.LIMITER, pace=Pace.MINUTE, diagnostic=True
    ),
    _inverter("data_age", "Age of the data", Quantity.DURATION, Source.LIVE, pace=Pace.MINUTE, diagnostic=True),
    # Radio
    _inverter(
        "radio_signal", "Radio signal", Quantity.SIGNAL_STRENGTH, Source.LIVE, "rssi", pace=Pace.MINUTE, diagnostic=True
    ),
    _inverter(
        "radio_success_rate",
        "Radio success rate",
        Quantity.PERCENTAGE,
        Source.LIVE,
        "success_rate",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    *(
        _inverter(
            key, name, Quantity.COUNT, Source.LIVE, field, counting=Counting.TODAY, pace=Pace.MINUTE, diagnostic=True
        )
        for key, name, field in (
            ("radio_requests", "Radio requests", "tx_request"),
            ("radio_repeated_requests", "Radio requests repeated", "tx_re_request"),
            ("radio_answers", "Radio answers", "rx_success"),
            ("radio_answers_missing", "Radio answers missing", "rx_fail_nothing"),
            ("radio_answers_partial", "Radio answers incomplete", "rx_fail_partial"),
            ("radio_answers_corrupt", "Radio answers damaged", "rx_fail_corrupt"),
        )
    ),
    _inverter.press(RESET_STATISTICS, "Reset radio statistics"),
    # Events and identity
    _inverter(
        INVERTER_EVENT,
        "Inverter event",
        Quantity.EVENT,
        Source.EVENTS,
        options=KINDS,
        pace=Pace.MINUTE,
        enabled=True,
    ),
    _inverter(
        "inverter_fault",
        "Fault or warning",
        Quantity.PROBLEM,
        Source.EVENTS,
        pace=Pace.MINUTE,
        diagnostic=True,
        enabled=True,
    ),
    _inverter(
        "event_count",
        "Entries in the event log",
        Quantity.COUNT,
        Source.LIVE,
        "events",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _inverter(
        "firmware_date",
        "Firmware date",
        Quantity.TEXT,
        Source.DEVICE,
        "fw_build_datetime",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _inverter("grid_profile", "Grid profile", Quantity.TEXT, Source.GRID_PROFILE, pace=Pace.SLOW, diagnostic=True),
)
