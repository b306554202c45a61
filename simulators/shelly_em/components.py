"""The components of generation 2 and later and what each one tells (reference table of keys, example 5.4)."""

from collections.abc import Sequence
from typing import Any

from .meter import Reading
from .models import TRIPHASE
from .unit import Shown, Unit

type Json = dict[str, Any]

PHASES = "abc"
FAILURE = "power_meter_failure"


def names(unit: Unit, profile: str | None) -> list[str]:
    """Return the components of a meter, ``kind:id``."""
    if profile == TRIPHASE:
        found = ["em:0", "emdata:0"]
    else:
        found = [f"{kind}:{clamp}" for kind in ("em1", "em1data") for clamp in range(unit.model.clamps)]
    return [*found, "switch:0"] if unit.relay is not None else found


def _measured(prefix: str, reading: Reading) -> Json:
    return {
        f"{prefix}current": round(reading.current, 3),
        f"{prefix}voltage": round(reading.voltage, 1),
        f"{prefix}act_power": round(reading.power, 1),
        f"{prefix}aprt_power": round(reading.apparent, 1),
        f"{prefix}pf": round(reading.power_factor, 2),
        f"{prefix}freq": round(reading.frequency, 1),
    }


def em(shown: Shown) -> Json:
    """Return ``em:0``. Phases and totals are rounded each on its own, so that they do not add up exactly."""
    readings = shown.readings
    values: Json = {}
    for phase, reading in zip(PHASES, readings, strict=True):
        values |= _measured(f"{phase}_", reading)
    values["n_current"] = None
    values["total_current"] = round(_sum([reading.current for reading in readings]), 3)
    values["total_act_power"] = round(_sum([reading.power for reading in readings]), 3)
    values["total_aprt_power"] = round(_sum([reading.apparent for reading in readings]), 3)
    return {"id": 0, **_spoilt(values, shown), "user_calibrated_phase": []}


def em1(shown: Shown, clamp: int) -> Json:
    """Return ``em1:N``."""
    return {"id": clamp, **_spoilt(_measured("", shown.readings[clamp]), shown), "calibration": "factory"}


def _spoilt(values: Json, shown: Shown) -> Json:
    if shown.invalid:
        return dict.fromkeys(values) | {"errors": [FAILURE]}
    return dict.fromkeys(values) if shown.nulls else values


def _sum(values: Sequence[float]) -> float:
    return float(sum(values))


def emdata(shown: Shown) -> Json:
    """Return ``emdata:0``; the totals are sums of the phases' counters, not netted."""
    values: Json = {"id": 0}
    for phase, reading in zip(PHASES, shown.readings, strict=True):
        values[f"{phase}_total_act_energy"] = round(reading.imported, 2)
        values[f"{phase}_total_act_ret_energy"] = round(reading.exported, 2)
    values["total_act"] = round(_sum([reading.imported for reading in shown.readings]), 2)
    values["total_act_ret"] = round(_sum([reading.exported for reading in shown.readings]), 2)
    return values


def em1data(shown: Shown, clamp: int) -> Json:
    """Return ``em1data:N``."""
    reading = shown.readings[clamp]
    return {
        "id": clamp,
        "total_act_energy": round(reading.imported, 2),
        "total_act_ret_energy": round(reading.exported, 2),
    }


def switch(unit: Unit) -> Json:
    """Return ``switch:0``."""
    relay = unit.relay
    assert relay is not None
    timer: Json = {}
    if relay.duration > 0:
        timer = {"timer_started_at": round(relay.started, 2), "timer_duration": relay.duration}
    return {
        "id": 0,
        "source": relay.source,
        "output": relay.on,
        **timer,
        "temperature": {"tC": 41.3, "tF": 106.3},
    }


def status(unit: Unit, wanted: Sequence[str]) -> Json:
    """Return the status of these components by name."""
    powers = any(name.startswith(("em:", "em1:")) for name in wanted)
    energies = any(name.startswith(("emdata:", "em1data:")) for name in wanted)
    shown = unit.shown(powers=powers, energies=energies)
    values: Json = {}
    for name in wanted:
        kind, _, number = name.partition(":")
        match kind:
            case "em":
                values[name] = em(shown)
            case "emdata":
                values[name] = emdata(shown)
            case "em1":
                values[name] = em1(shown, int(number))
            case "em1data":
                values[name] = em1data(shown, int(number))
            case "switch":
                values[name] = switch(unit)
    return values


def config(unit: Unit, name: str) -> Json:
    """Return the configuration of one component."""
    kind, _, number = name.partition(":")
    settings: Json = {"id": int(number), "name": None}
    match kind:
        case "em":
            settings |= {"blink_mode_selector": "active_energy", "ct_type": "120A", "phase_selector": "all"}
            settings |= {"monitor_phase_sequence": False, "reverse": {}}
        case "em1":
            settings |= {"reverse": False, "ct_type": "50A"}
        case "switch":
            settings |= {"in_mode": "detached", "initial_state": "off", "auto_on": False, "auto_off": False}
    return settings
