"""MPPT 60 150, MPPT 80 600 and MPPT 100 600: the solar chargers (reference section 6.3)."""

from typing import Any

from ..points import Quantity, Risk
from .points_inverter import charging
from .registers import Kind
from .source import ConextPoint, Make, at, limited, made, setting

_ON: dict[str, Any] = {"enabled": True}
_DIAGNOSTIC: dict[str, Any] = {"diagnostic": True}


def _charger(kind: Kind, enable: str, reference: str) -> tuple[ConextPoint, ...]:
    return (
        at(kind, "charger_status", **_ON),
        at(kind, "device_state", **_ON, **_DIAGNOSTIC),
        made(
            kind,
            Make.EITHER,
            ("input_dc_power", "output_dc_power"),
            "pv_power",
            "PV power",
            Quantity.POWER,
            "W",
            **_ON,
        ),
        at(kind, "input_dc_voltage", "pv_voltage", "PV voltage", **_ON),
        at(kind, "input_dc_current", "pv_current", "PV current", **_ON),
        at(kind, "output_dc_power", "output_power", "Output power", **_ON),
        at(kind, "output_dc_voltage", "output_voltage", "Output voltage", **_ON),
        at(kind, "output_dc_current", "output_current", "Output current", **_ON),
        at(kind, "dc_power_output_percentage", "output_power_share", "Output power, share"),
        at(kind, "battery_temperature", **_ON),
        at(kind, "charger_enabled"),
        at(kind, "charge_mode_status", **_DIAGNOSTIC),
        at(kind, "auxiliary_output_status", **_DIAGNOSTIC),
        at(kind, "auxiliary_output_on_reason", **_DIAGNOSTIC),
        at(kind, "auxiliary_output_off_reason", **_DIAGNOSTIC),
        at(kind, "configuration_errors", **_DIAGNOSTIC),
        at(kind, "configuration_status", **_DIAGNOSTIC),
        setting(kind, enable, "mppt", "Solar charger", **_ON),
        setting(kind, "operating_mode", name="Operation or standby", risk=Risk.INSTALLER),
        setting(kind, "charge_mode", name="Charge mode", risk=Risk.INSTALLER),
        setting(
            kind, "nominal_battery_voltage", "battery_system_voltage", "Battery system voltage", risk=Risk.INSTALLER
        ),
        limited(kind, reference, 0, 600, 0.1, "mppt_reference_voltage", "MPPT reference voltage", risk=Risk.INSTALLER),
        setting(kind, "manual_aux", "auxiliary_output", "Auxiliary output"),
        *charging(kind),
    )


POINTS: tuple[ConextPoint, ...] = (
    *_charger(Kind.MPPT60, "mppt_enable", "mppt_reference_voltage"),
    at(Kind.MPPT60, "auxiliary_output_voltage", **_DIAGNOSTIC),
    *_charger(Kind.MPPT80, "hvmppt_enable", "hvmppt_reference_voltage"),
    setting(Kind.MPPT80, "low_power_at_night_time_enable", "low_power_at_night", "Low power at night"),
)
