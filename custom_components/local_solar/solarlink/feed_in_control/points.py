"""The points of the zero feed-in controller and of each inverter that it controls (feed-in reference section 14).

None of them is on a device: the integration gives them their values. Those of an inverter are there beside the points
that its gateway has, because limits, slew rate and usability are the controller's business.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from ..control.feed_in import FeedInReason
from ..control.feed_in_cap import CapReason
from ..control.feed_in_gate import GateReason
from ..control.feed_in_modes import Mode
from ..control.feed_in_season import FULL_PEAK, LOWEST_PEAK
from ..control.feed_in_supervisor import FloorKind, Work
from ..control.feed_in_usable import Usable
from ..points import Access, Counting, Point, Quantity

CONTROLLER = "feed_in_control"
LEGAL_LIMIT = 800.0
"""W that small plants may feed in; more needs the owner's word in the options."""
HIGHEST_LIMIT = 10_000.0
"""W that the cap can be raised to."""


class Kind(StrEnum):
    """What the points belong to."""

    CONTROLLER = "controller"
    INVERTER = "inverter"


class MeterSource(StrEnum):
    """Where the grid power comes from."""

    DEVICE = "device"
    """A meter of ours, followed as fast as it measures."""
    ENTITY = "entity"
    """An entity of Home Assistant, as fast as it is written."""


type FeedInPoint = Point[None]


def _own(kind: Kind, key: str, name: str, quantity: Quantity, **more: Any) -> FeedInPoint:
    return Point(
        key=key,
        name=name,
        unit_kind=kind.value,
        quantity=quantity,
        address=None,
        controller=CONTROLLER,
        **{"enabled": True} | more,
    )


def _shown(key: str, name: str, quantity: Quantity, **more: Any) -> FeedInPoint:
    return _own(Kind.CONTROLLER, key, name, quantity, **more)


def _switch(key: str, name: str) -> FeedInPoint:
    return _shown(key, name, Quantity.FLAG, access=Access.READ_WRITE)


def _states(words: Iterable[StrEnum]) -> dict[int, str]:
    return dict(enumerate(word.value for word in words))


def _select(key: str, name: str, words: Iterable[StrEnum]) -> FeedInPoint:
    return _shown(key, name, Quantity.STATE, access=Access.READ_WRITE, options=_states(words))


def _number(
    key: str, name: str, quantity: Quantity, low: float, high: float, step: float = 1.0, **more: Any
) -> FeedInPoint:
    units = {
        Quantity.POWER: "W",
        Quantity.STATE_OF_CHARGE: "%",
        Quantity.PERCENTAGE: "%",
        Quantity.TEMPERATURE: "°C",
        Quantity.DURATION: "s",
    }
    return _own(
        more.pop("kind", Kind.CONTROLLER),
        key,
        name,
        quantity,
        unit=units[quantity],
        access=Access.READ_WRITE,
        minimum=low,
        maximum=high,
        step=step,
        **more,
    )


def _watts(key: str, name: str, low: float, high: float, **more: Any) -> FeedInPoint:
    return _number(key, name, Quantity.POWER, low, high, **more)


def _celsius(key: str, name: str, low: float, high: float, **more: Any) -> FeedInPoint:
    return _number(key, name, Quantity.TEMPERATURE, low, high, enabled=False, **more)


CONTROLS: tuple[FeedInPoint, ...] = (
    _switch("feed_in_control", "Zero feed-in"),
    _switch("feed_in_dry_run", "Zero feed-in dry run"),
    _select("feed_in_mode", "Feed-in mode", Mode),
    _switch("feed_in_surplus_export", "Surplus export"),
    _switch("feed_in_power_commands", "Switch inverters on and off"),
    _switch("feed_in_learning", "Learn the dead time"),
    _select("feed_in_floor_kind", "Kind of discharge floor", FloorKind),
    _select("feed_in_meter_source", "Meter source", MeterSource),
)

SETTINGS: tuple[FeedInPoint, ...] = (
    _watts("feed_in_target", "Grid power target", -LEGAL_LIMIT, 500.0),
    _watts("feed_in_band_up", "Band above the target", 5.0, 200.0, enabled=False),
    _watts("feed_in_band_down", "Band below the target", 5.0, 200.0, enabled=False),
    _watts("feed_in_legal_cap", "Legal feed-in cap", 0.0, HIGHEST_LIMIT),
    _watts("feed_in_user_cap", "Highest feed-in", 0.0, HIGHEST_LIMIT),
    _watts("feed_in_fallback_power", "Power without meter", 0.0, LEGAL_LIMIT, enabled=False),
    _watts("feed_in_surplus_power", "Surplus export power", 0.0, LEGAL_LIMIT),
    _number(
        "feed_in_surplus_from",
        "Surplus export from",
        Quantity.STATE_OF_CHARGE,
        50.0,
        100.0,
        above="feed_in_surplus_until",
    ),
    _number(
        "feed_in_surplus_until",
        "Surplus export until",
        Quantity.STATE_OF_CHARGE,
        0.0,
        99.0,
        below="feed_in_surplus_from",
        enabled=False,
    ),
    _number("feed_in_soc_floor", "Fixed discharge floor", Quantity.STATE_OF_CHARGE, 0.0, 100.0),
    _number("feed_in_soc_hysteresis", "Discharge hysteresis", Quantity.STATE_OF_CHARGE, 1.0, 50.0, enabled=False),
    _number("feed_in_season_peak", "Season peak", Quantity.STATE_OF_CHARGE, LOWEST_PEAK, FULL_PEAK),
    _number(
        "feed_in_hot", "Inverter too hot from", Quantity.TEMPERATURE, 30.0, 90.0, above="feed_in_cool", enabled=False
    ),
    _number(
        "feed_in_cool", "Inverter cool again at", Quantity.TEMPERATURE, 20.0, 85.0, below="feed_in_hot", enabled=False
    ),
)

FINDINGS: tuple[FeedInPoint, ...] = (
    _shown("feed_in_state", "Feed-in state", Quantity.STATE, options=_states(Work)),
    _shown("feed_in_reason", "Last feed-in decision", Quantity.STATE, options=_states(FeedInReason)),
    _shown("feed_in_grid_power", "Grid power at the controller", Quantity.POWER, unit="W"),
    _shown("feed_in_house_load", "House load", Quantity.POWER, unit="W"),
    _shown("feed_in_committed_power", "Committed power", Quantity.POWER, unit="W"),
    _shown("feed_in_inverter_power", "Inverter power", Quantity.POWER, unit="W"),
    _shown("feed_in_cap", "Feed-in cap in force", Quantity.POWER, unit="W"),
    _shown("feed_in_cap_reason", "What sets the cap", Quantity.STATE, options=_states(CapReason)),
    _shown("feed_in_gate_reason", "Discharge gate", Quantity.STATE, options=_states(GateReason)),
    # No state of charge: Home Assistant would take it for that of the controller.
    _shown("feed_in_discharge_floor", "Discharge floor", Quantity.PERCENTAGE, unit="%"),
    _shown("feed_in_import_today", "Grid import today", Quantity.ENERGY, unit="kWh", counting=Counting.TODAY),
    _shown("feed_in_export_today", "Grid export today", Quantity.ENERGY, unit="kWh", counting=Counting.TODAY),
    _shown("feed_in_rms_error", "Control error of the last hour", Quantity.POWER, unit="W", diagnostic=True),
    _shown("feed_in_commands", "Limit commands in the last hour", Quantity.COUNT, diagnostic=True),
    _shown("feed_in_dead_time", "Dead time", Quantity.DURATION, unit="s", diagnostic=True),
    _shown("feed_in_confirm_time", "Confirmation time", Quantity.DURATION, unit="s", enabled=False, diagnostic=True),
    _shown("feed_in_meter_age", "Time since the last meter value", Quantity.DURATION, unit="s", diagnostic=True),
    _shown("feed_in_meter_lost", "Meter lost", Quantity.PROBLEM, diagnostic=True),
    _shown("feed_in_gate_open", "Battery may be discharged", Quantity.FLAG),
    _shown("feed_in_limited_by_cap", "Limited by the cap", Quantity.FLAG),
    _shown("feed_in_limited_by_temperature", "Limited by temperature", Quantity.FLAG),
)

INVERTER: tuple[FeedInPoint, ...] = (
    _number(
        "feed_in_minimum_limit",
        "Lowest limit",
        Quantity.PERCENTAGE,
        2.0,
        50.0,
        kind=Kind.INVERTER,
        below="feed_in_maximum_limit",
        enabled=False,
    ),
    _number(
        "feed_in_maximum_limit",
        "Highest limit",
        Quantity.PERCENTAGE,
        2.0,
        100.0,
        kind=Kind.INVERTER,
        above="feed_in_minimum_limit",
    ),
    _number("feed_in_manual_limit", "Manual limit", Quantity.PERCENTAGE, 0.0, 100.0, kind=Kind.INVERTER),
    _own(Kind.INVERTER, "feed_in_controlled", "Controlled", Quantity.FLAG, access=Access.READ_WRITE),
    _own(Kind.INVERTER, "feed_in_wanted_limit", "Wanted limit", Quantity.PERCENTAGE, unit="%"),
    _own(Kind.INVERTER, "feed_in_wanted_power", "Wanted power", Quantity.POWER, unit="W", enabled=False),
    _own(Kind.INVERTER, "feed_in_usability", "Usability", Quantity.STATE, options=_states(Usable)),
    _own(
        Kind.INVERTER,
        "feed_in_slew",
        "Learned slew rate",
        Quantity.PERCENTAGE,
        unit="%/s",
        enabled=False,
        diagnostic=True,
    ),
)

POINTS: tuple[FeedInPoint, ...] = (*CONTROLS, *SETTINGS, *FINDINGS, *INVERTER)
