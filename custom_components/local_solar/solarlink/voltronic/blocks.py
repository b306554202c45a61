"""What one request brings, whatever the dialect calls it, and where a point finds its value."""

from dataclasses import dataclass
from enum import StrEnum

from ..points import Point


class Dialect(StrEnum):
    """The dialects that are spoken here (reference section 1)."""

    PI30 = "PI30"
    PI30MAX = "PI30MAX"
    """PI30 with more fields and energy counters: MAX, MKS IV, Max Twin."""
    PI41 = "PI41"
    """PI30 split over two phases: LV5048."""
    PI18 = "PI18"
    """Comma lists: InfiniSolar V, LV6048."""


class Block(StrEnum):
    """One request and its reply. The order is that in which a cycle asks: what is wanted fastest goes first."""

    STATUS = "status"
    MODE = "mode"
    SECOND = "second"
    """Second tracker, second phase or second charger."""
    CHARGER = "charger"
    """The charger's internals (Q1), undocumented."""
    WARNINGS = "warnings"
    PV_TOTAL = "pv_total"
    LOAD_TOTAL = "load_total"
    PARALLEL = "parallel"
    """One unit of a parallel group; asked once per unit."""
    PARALLEL_SECOND = "parallel_second"
    PARALLEL_FEED = "parallel_feed"
    PARALLEL_RATINGS = "parallel_ratings"
    BMS = "bms"
    RATINGS = "ratings"
    """Ratings and settings."""
    FLAGS = "flags"
    EQUALIZATION = "equalization"
    CLOCK = "clock"
    BATTERY_CONTROL = "battery_control"
    CV_TIME = "cv_time"
    STAGES = "stages"
    PV_DAY = "pv_day"
    PV_MONTH = "pv_month"
    PV_YEAR = "pv_year"
    LOAD_DAY = "load_day"
    LOAD_MONTH = "load_month"
    LOAD_YEAR = "load_year"
    OUTPUT_SCHEDULE = "output_schedule"
    CHARGER_SCHEDULE = "charger_schedule"
    OPERATION_HOURS = "operation_hours"
    CHARGE_WINDOW = "charge_window"
    SUPPLY_WINDOW = "supply_window"
    OUTPUT_MODE = "output_mode"
    DEFAULTS = "defaults"
    CHARGE_CURRENTS = "charge_currents"
    UTILITY_CURRENTS = "utility_currents"
    SOLAR_CURRENTS = "solar_currents"
    MODEL_NAME = "model_name"
    MODEL_CODE = "model_code"
    FIRMWARE = "firmware"
    FIRMWARE_2 = "firmware_2"
    FIRMWARE_3 = "firmware_3"
    FIRMWARE_4 = "firmware_4"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a point lives: the block it is usually read from. The field has the name of the point's key.

    A unit may bring the same field in another block; the client looks where this unit has it.
    """

    block: Block


type VoltronicPoint = Point[Source]

ROOT = "inverter"
"""The kind of the unit at the other end of the link."""
MEMBER = "parallel_inverter"
"""The kind of the other units of a parallel group."""
