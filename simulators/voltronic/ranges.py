"""Voltages that the settings take, by family of models and battery (reference section 7.5), for a 48 V battery.

A tuple of two numbers is a range; a longer one is a list of what is taken. A battery of 24 or 12 V has a half or a
quarter of it unless the family says otherwise.
"""

type Voltages = tuple[float, ...]

_RECHARGE_STEPS = (44.0, 45.0, 46.0, 47.0, 48.0, 49.0, 50.0, 51.0)
_REDISCHARGE_STEPS = (0.0, *(float(volts) for volts in range(48, 59)))
_RECHARGE_12 = (11.0, 11.3, 11.5, 11.8, 12.0, 12.3, 12.5, 12.8)
_REDISCHARGE_12 = (0.0, 12.0, 12.3, 12.5, 12.8, 13.0, 13.3, 13.5, 13.8, 14.0, 14.3, 14.5)

RANGES: dict[str, dict[str, Voltages]] = {
    "mks": {
        "PBCV": _RECHARGE_STEPS,
        "PBDV": _REDISCHARGE_STEPS,
        "PSDV": (40.0, 48.0),
        "PCVV": (48.0, 58.4),
        "PBFT": (48.0, 58.4),
        "PBEQV": (48.0, 61.0),
    },
    "mks64": {
        "PBCV": _RECHARGE_STEPS,
        "PBDV": _REDISCHARGE_STEPS,
        "PSDV": (40.0, 48.0),
        "PCVV": (48.0, 64.0),
        "PBFT": (48.0, 64.0),
        "PBEQV": (48.0, 64.0),
    },
    "gk": {
        "PBCV": _RECHARGE_STEPS,
        "PBDV": _REDISCHARGE_STEPS,
        "PSDV": (42.0, 48.0),
        "PCVV": (48.0, 63.0),
        "PBFT": (48.0, 63.0),
        "PBEQV": (48.0, 61.0),
    },
    "vmiii": {
        "PBCV": (44.0, 51.0),
        "PBDV": (48.0, 58.0),
        "PSDV": (42.0, 48.0),
        "PCVV": (48.0, 61.0),
        "PBFT": (48.0, 61.0),
        "PBEQV": (48.0, 61.0),
    },
    "king": {
        "PBCV": (44.0, 57.0),
        "PBDV": (48.0, 64.0),
        "PSDV": (40.0, 54.0),
        "PCVV": (48.0, 64.0),
        "PBFT": (48.0, 64.0),
        "PBEQV": (48.0, 64.0),
    },
}
_SMALLEST_24 = {"vmiii": {"PCVV": 25.0, "PBFT": 25.0, "PBEQV": 25.0}}


def allowed(family: str, command: str, battery: float, voltage: float) -> bool:
    """Tell whether a model of the family takes the voltage; 0.0 ("when full") is taken for PBDV only."""
    voltages = RANGES[family][command]
    if command == "PBDV" and voltage == 0.0:
        return True
    if len(voltages) > 2:
        if battery == 12.0:
            steps: Voltages = _RECHARGE_12 if command == "PBCV" else _REDISCHARGE_12
        else:
            steps = tuple(volts * battery / 48.0 for volts in voltages)
        return any(abs(voltage - volts) < 0.001 for volts in steps)
    low, high = (volts * battery / 48.0 for volts in voltages)
    if battery == 24.0:
        low = _SMALLEST_24.get(family, {}).get(command, low)
    return low - 0.001 <= voltage <= high + 0.001
