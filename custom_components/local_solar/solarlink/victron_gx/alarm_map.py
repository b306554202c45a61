"""Where the alarms of a Hoymiles installation appear on the GX.

The GX has no alarms of these names for a DC load; it raises a notification for each of six paths that a DC meter has.
Owners of the published Hoymiles program for the GX know which of the six stands for what, so it stays that way. The GX
calls the two starter paths "aux voltage" on its screen; they are registers 4308 and 4309 (reference, registers table).
"""

from collections.abc import Iterable
from enum import IntEnum, StrEnum


class Alarm(StrEnum):
    """What can be wrong."""

    GRID_METER = "grid_meter"
    """The grid meter does not answer."""
    DTU = "dtu"
    """The DTU does not answer or does not take a limit."""
    INVERTER = "inverter"
    """The inverter is not reached or does not produce although it should."""
    TEMPERATURE = "temperature"
    """The inverter is too hot."""
    BATTERY = "battery"
    """The battery's limits are unknown or forbid what is wanted."""
    BALCONY = "balcony"
    """The meter of a plug-in solar set does not answer."""


class AlarmLevel(IntEnum):
    """What an alarm path holds (section 4.4)."""

    NONE = 0
    WARNING = 1
    ALARM = 2


ALARM_PATHS = {
    Alarm.GRID_METER: "/Alarms/LowVoltage",
    Alarm.TEMPERATURE: "/Alarms/HighVoltage",
    Alarm.DTU: "/Alarms/LowStarterVoltage",
    Alarm.INVERTER: "/Alarms/HighStarterVoltage",
    Alarm.BALCONY: "/Alarms/LowTemperature",
    Alarm.BATTERY: "/Alarms/HighTemperature",
}
LOAD_ALARMS = frozenset({Alarm.INVERTER, Alarm.TEMPERATURE})
"""Shown on the inverter that has them; the others concern all inverters and are shown once, on their sum."""


def alarm_values(alarms: Iterable[Alarm]) -> dict[str, int]:
    """All six paths with their levels while just ``alarms`` are on."""
    present = frozenset(alarms)
    return {path: AlarmLevel.ALARM if alarm in present else AlarmLevel.NONE for alarm, path in ALARM_PATHS.items()}
