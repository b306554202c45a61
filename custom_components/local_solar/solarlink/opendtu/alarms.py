"""Event numbers of the inverters: what kind of thing has happened, and how bad it is (reference table of alarms).

``alarms.csv`` has one row for each number; ``family`` is given where a number means something else on that family.
"""

from csv import DictReader
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import NamedTuple


class Severity(StrEnum):
    """How bad it is."""

    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"
    FAULT = "fault"


OTHER = "other"
"""What a number of newer firmware is called."""

KINDS = dict(
    enumerate(
        (
            OTHER,
            "started",
            "clock_set",
            "offline",
            "internal_fault",
            "grid_disturbance",
            "grid_out_of_limits",
            "overload",
            "over_temperature",
            "power_reduced",
            "insulation_fault",
            "wiring_fault",
            "no_input",
            "input_over_voltage",
            "input_under_voltage",
            "shaded",
            "implausible_yield",
            "suspected_theft",
            "locked",
            "shut_down",
        )
    )
)
"""The kinds of events that people are told."""

SHUT_DOWN = 124
"""The number that an inverter logs while it is switched off by command."""


class Alarm(NamedTuple):
    """What one number stands for."""

    kind: str
    severity: Severity


def _rows() -> dict[tuple[int, str], Alarm]:
    text = Path(__file__).with_name("alarms.csv").read_text(encoding="utf-8")
    return {
        (int(row["message_id"]), row["family"]): Alarm(row["kind"], Severity(row["severity"]))
        for row in DictReader(StringIO(text))
    }


_ALARMS = _rows()


def alarm_of(message_id: int, family: str) -> Alarm:
    """What that number stands for on an inverter of ``family`` (HM, HMS, HMT, HERF)."""
    own = _ALARMS.get((message_id, family)) or _ALARMS.get((message_id, ""))
    return own or Alarm(OTHER, Severity.NOTICE)
