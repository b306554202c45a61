"""Points of the DTU itself: the sums over its inverters, and its own health."""

from ..points import Counting, Pace, Quantity
from .address import DtuPoint, Source, Table

DTU_KIND = "dtu"

_dtu = Table(DTU_KIND)

POWER_LIMITER = "power_limiter"

DTU: tuple[DtuPoint, ...] = (
    _dtu("ac_output_power", "AC output power", Quantity.POWER, Source.LIVE, enabled=True),
    _dtu(
        "yield_today",
        "Yield today",
        Quantity.ENERGY,
        Source.LIVE,
        counting=Counting.TODAY,
        enabled=True,
    ),
    _dtu(
        "yield_total",
        "Yield total",
        Quantity.ENERGY,
        Source.LIVE,
        counting=Counting.TOTAL,
        enabled=True,
    ),
    _dtu("inverters_reachable", "Inverters reachable", Quantity.COUNT, Source.LIVE, diagnostic=True),
    _dtu("inverters_producing", "Inverters producing", Quantity.COUNT, Source.LIVE, diagnostic=True),
    *(
        _dtu(key, name, Quantity.PROBLEM, Source.LIVE, hint, pace=Pace.MINUTE, diagnostic=True, enabled=True)
        for key, name, hint in (
            ("clock_not_set", "Clock not set", "time_sync"),
            ("radio_problem", "Radio problem", "radio_problem"),
            ("default_password", "Default password", "default_password"),
            ("pin_mapping_problem", "Pin mapping problem", "pin_mapping_issue"),
        )
    ),
    _dtu(
        "wifi_signal",
        "Wi-Fi signal",
        Quantity.SIGNAL_STRENGTH,
        Source.NETWORK,
        "sta_rssi",
        pace=Pace.MINUTE,
        diagnostic=True,
        enabled=True,
    ),
    _dtu(
        "cpu_temperature",
        "CPU temperature",
        Quantity.TEMPERATURE,
        Source.SYSTEM,
        "cputemp",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _dtu("memory_used", "Memory used", Quantity.PERCENTAGE, Source.SYSTEM, pace=Pace.MINUTE, diagnostic=True),
    _dtu("storage_used", "Storage used", Quantity.PERCENTAGE, Source.SYSTEM, pace=Pace.SLOW, diagnostic=True),
    _dtu(
        "last_restart",
        "Last restart",
        Quantity.TIMESTAMP,
        Source.SYSTEM,
        "uptime",
        pace=Pace.MINUTE,
        diagnostic=True,
        enabled=True,
    ),
    _dtu(
        "restart_reason",
        "Reason of the last restart",
        Quantity.TEXT,
        Source.SYSTEM,
        "resetreason_0",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    *(
        _dtu(key, name, Quantity.FLAG, Source.SYSTEM, field, pace=Pace.MINUTE, diagnostic=True)
        for key, name, field in (
            ("nrf_radio_connected", "NRF24 radio connected", "nrf_connected"),
            ("cmt_radio_connected", "CMT2300A radio connected", "cmt_connected"),
        )
    ),
    _dtu("daytime", "Daytime", Quantity.FLAG, Source.CLOCK, "sun_isDayPeriod", pace=Pace.SLOW, diagnostic=True),
    _dtu(
        "radio_poll_interval",
        "Radio poll interval",
        Quantity.DURATION,
        Source.CONFIG,
        "pollinterval",
        pace=Pace.SLOW,
        diagnostic=True,
    ),
    _dtu("dtu_serial", "DTU serial number", Quantity.TEXT, Source.CONFIG, "serial", pace=Pace.SLOW, diagnostic=True),
    _dtu(
        POWER_LIMITER,
        "Dynamic power limiter",
        Quantity.FLAG,
        Source.LIMITER,
        "enabled",
        pace=Pace.MINUTE,
        diagnostic=True,
    ),
    _dtu.press("restart", "Restart"),
)
