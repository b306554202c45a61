"""Which voltages a setting takes, by series and by battery voltage (reference section 7.5 and its table)."""

from collections.abc import Mapping
from enum import StrEnum

from ..points import Limits

_STEP = 0.1
_FINE_STEP = 0.01


class Series(StrEnum):
    """Models that take the same voltages."""

    BASIC = "basic"
    """HS, MS, MKS, KS, Plus Duo and Tri."""
    HIGH = "high"
    """The 64 V models of MKS and KS."""
    GK = "gk"
    """GK and MK."""
    VM3 = "vm3"
    """VM III."""
    KING = "king"
    """KING and MKS II."""
    SPLIT = "split"
    """LV5048."""
    UNKNOWN = "unknown"
    """Nothing is known of the model, so only what all of them take is offered."""


_BY_CODE: Mapping[str, Series] = {
    **dict.fromkeys(("008", "009", "010", "011", "014", "015", "018"), Series.BASIC),
    **dict.fromkeys(("012", "013"), Series.HIGH),
    **dict.fromkeys(("022", "023", "024", "025", "031", "035", "036", "038", "039", "042"), Series.KING),
    "026": Series.SPLIT,
    **dict.fromkeys(("027", "028", "037"), Series.VM3),
}
_BY_NAME: Mapping[str, Series] = {
    "KING": Series.KING,
    "MKS2": Series.KING,
    "VM3": Series.VM3,
    "VMIII": Series.VM3,
    "GK": Series.GK,
}


def series_of(code: str, name: str) -> Series:
    """The series of a model code (``027``) or of a model name (``VMIII-3200``)."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    return next((series for start, series in _BY_NAME.items() if name.upper().startswith(start)), Series.UNKNOWN)


def _span(low: float, high: float, step: float = _STEP) -> Limits:
    return Limits(low, high, step)


def _list(*values: float) -> Limits:
    return Limits(min(values), max(values), None, values)


_RECHARGE_24 = (22.0, 22.5, 23.0, 23.5, 24.0, 24.5, 25.0, 25.5)
_RECHARGE_48 = (44.0, 45.0, 46.0, 47.0, 48.0, 49.0, 50.0, 51.0)
_RECHARGE_12 = (11.0, 11.3, 11.5, 11.8, 12.0, 12.3, 12.5, 12.8)
_REDISCHARGE_12 = (0.0, 12.0, 12.3, 12.5, 12.8, 13.0, 13.3, 13.5, 13.8, 14.0, 14.3, 14.5)
_REDISCHARGE_24 = (0.0, 24.0, 24.5, 25.0, 25.5, 26.0, 26.5, 27.0, 27.5, 28.0, 28.5, 29.0)
_REDISCHARGE_48 = (0.0, 48.0, 49.0, 50.0, 51.0, 52.0, 53.0, 54.0, 55.0, 56.0, 57.0, 58.0)

WHEN_FULL = 0.0
"""Back-to-battery voltage that means: only when the battery is full."""

type _Table = Mapping[Series, Mapping[int, Limits]]

_RECHARGE: _Table = {
    Series.UNKNOWN: {12: _list(*_RECHARGE_12), 24: _list(*_RECHARGE_24), 48: _list(*_RECHARGE_48)},
    Series.VM3: {24: _span(22.0, 25.5), 48: _span(44.0, 51.0)},
    Series.KING: {24: _span(22.0, 28.5), 48: _span(44.0, 57.0)},
}
# Of a range, 0 is allowed beside what lies in it.
_REDISCHARGE: _Table = {
    Series.UNKNOWN: {12: _list(*_REDISCHARGE_12), 24: _list(*_REDISCHARGE_24), 48: _list(*_REDISCHARGE_48)},
    Series.VM3: {24: _span(24.0, 29.0), 48: _span(48.0, 58.0)},
    Series.KING: {24: _span(24.0, 33.0), 48: _span(48.0, 64.0)},
}
_CUTOFF: _Table = {
    Series.UNKNOWN: {12: _span(10.2, 12.0), 24: _span(21.0, 24.0), 48: _span(42.0, 48.0)},
    Series.BASIC: {48: _span(40.0, 48.0)},
    Series.HIGH: {48: _span(40.0, 48.0)},
    Series.SPLIT: {48: _span(40.0, 48.0)},
    Series.KING: {24: _span(20.0, 27.0), 48: _span(40.0, 54.0)},
}
_CHARGE: _Table = {
    Series.UNKNOWN: {12: _span(12.0, 14.6), 24: _span(24.0, 29.2), 48: _span(48.0, 58.4)},
    Series.HIGH: {48: _span(48.0, 64.0)},
    Series.GK: {24: _span(24.0, 31.5), 48: _span(48.0, 63.0)},
    Series.VM3: {24: _span(25.0, 31.5), 48: _span(48.0, 61.0)},
    Series.KING: {24: _span(24.0, 32.0), 48: _span(48.0, 64.0)},
}
_EQUALIZATION: _Table = {
    Series.UNKNOWN: {24: _span(24.0, 31.5, _FINE_STEP), 48: _span(48.0, 61.0, _FINE_STEP)},
    Series.VM3: {24: _span(25.0, 31.5, _FINE_STEP), 48: _span(48.0, 61.0, _FINE_STEP)},
    Series.KING: {24: _span(24.0, 32.0, _FINE_STEP), 48: _span(48.0, 64.0, _FINE_STEP)},
}
_TABLES: Mapping[str, _Table] = {
    "recharge_voltage": _RECHARGE,
    "redischarge_voltage": _REDISCHARGE,
    "cutoff_voltage": _CUTOFF,
    "absorption_voltage": _CHARGE,
    "float_voltage": _CHARGE,
    "equalization_voltage": _EQUALIZATION,
}
VOLTAGES = frozenset(_TABLES)
"""The settings that have a range by series and battery voltage."""


def battery_class(rated: float | None) -> int | None:
    """12, 24 or 48 for the rated battery voltage; ``None`` for anything else."""
    return next((each for each in (12, 24, 48) if rated is not None and abs(rated - each) < 1.0), None)


def voltage_limits(key: str, series: Series, battery: int | None, current: float | None) -> Limits | None:
    """What a voltage setting takes, widened to the value that it has now; ``None`` where nothing is known."""
    table = _TABLES[key]
    limits = table.get(series, {}).get(battery or 0) or table[Series.UNKNOWN].get(battery or 0)
    if limits is None or current is None:
        return limits
    if limits.choices is not None:
        numbers = sorted({float(each) for each in limits.choices} | {current})
        return Limits(numbers[0], numbers[-1], None, tuple(numbers))
    if key == "redischarge_voltage" and current == WHEN_FULL:
        return limits
    low, high = limits.minimum, limits.maximum
    return Limits(min(low or current, current), max(high or current, current), limits.step)
