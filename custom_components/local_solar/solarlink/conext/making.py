"""Points out of registers: sums, differences, alarms and what devices do not tell as it is wanted."""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import add
from typing import Any

from ..points import Quantity, Value
from .alarms import Alarm, Severity, active_alarms
from .registers import Kind
from .source import ConextPoint, Make

type Words = Callable[[str], Value]
"""The value of a register by its key; ``None`` where it was not read or has none."""


def _numbers(read: Words, keys: Iterable[str]) -> list[float] | None:
    """All values, or nothing when one is missing."""
    values = [read(key) for key in keys]
    return None if any(not isinstance(value, float) for value in values) else values  # type: ignore[return-value]


def _difference(read: Words, keys: tuple[str, ...]) -> Value:
    numbers = _numbers(read, keys)
    return None if numbers is None else numbers[0] - numbers[1]


def _sum(read: Words, keys: tuple[str, ...]) -> Value:
    numbers = _numbers(read, keys)
    return None if numbers is None else round(reduce(add, numbers), 6)


def _discharging(read: Words, keys: tuple[str, ...]) -> Value:
    numbers = _numbers(read, keys)
    # Adding zero makes 0.0 of -0.0.
    return None if numbers is None else round(-numbers[0] * sum(numbers[1:]), 3) + 0.0


def _either(read: Words, keys: tuple[str, ...]) -> Value:
    numbers = _numbers(read, keys)
    if numbers is None:
        return read(keys[0])
    return numbers[0] or max(numbers[1], 0.0)


def _fitted(read: Words, keys: tuple[str, ...]) -> Value:
    return read(keys[0]) or None


_MAKERS: Mapping[Make, Callable[[Words, tuple[str, ...]], Value]] = {
    Make.DIFFERENCE: _difference,
    Make.SUM: _sum,
    Make.DISCHARGING: _discharging,
    Make.EITHER: _either,
    Make.FITTED: _fitted,
}
ALARM_MAKES = (Make.FAULT, Make.WARNING, Make.ALARMS, Make.GROUP)
_SEVERITIES = {Make.FAULT: Severity.FAULT, Make.WARNING: Severity.WARNING}
_FLAGS = {Make.FAULT: "active_faults_flag", Make.WARNING: "active_warnings_flag"}


def alarms_in(kind: Kind, keys: Iterable[str], read: Words) -> tuple[Alarm, ...] | None:
    """The active alarms; ``None`` when no bitmap was read or has a value."""
    words: dict[str, int | None] = {}
    for key in keys:
        value = read(key) if "bitmap" in key else None
        if isinstance(value, int) and not isinstance(value, bool):
            words[key] = value
    return active_alarms(kind, words) if words else None


def make(point: ConextPoint, read: Words) -> Value:
    """The value of a point out of the registers of its unit."""
    source = point.address
    if source.make in ALARM_MAKES:
        return _alarm_value(point, read)
    if source.make is Make.BIT:
        word = read(source.registers[0])
        return None if not isinstance(word, int) else bool(word >> source.bit & 1)
    if source.make in _MAKERS:
        return _MAKERS[source.make](read, source.registers)
    return _shown(point, read(source.registers[0]))


def _shown(point: ConextPoint, value: Value) -> Value:
    match point.quantity:
        case Quantity.FLAG if isinstance(value, str):
            return value == "on"
        case Quantity.FLAG if isinstance(value, int | float):
            return value != 0
        case Quantity.STATE if value not in point.options.values():
            return None
        case Quantity.VOLTAGE if isinstance(value, str):
            return nominal_voltage(value)
    return value


def nominal_voltage(slug: Any) -> float | None:
    """The volts of a nominal voltage's slug (``48v``)."""
    digits = str(slug).removesuffix("v")
    return float(digits) if digits.isdecimal() else None


def _alarm_value(point: ConextPoint, read: Words) -> Value:
    source = point.address
    alarms = alarms_in(Kind(point.unit_kind), source.registers, read)
    match source.make:
        case Make.FAULT | Make.WARNING:
            flag = read(_FLAGS[source.make]) if _FLAGS[source.make] in source.registers else None
            if alarms is None and flag is None:
                return None
            severity = _SEVERITIES[source.make]
            return bool(flag) or any(alarm.severity is severity for alarm in alarms or ())
        case Make.GROUP:
            return None if alarms is None else any(alarm.group == source.group for alarm in alarms)
        case _:
            return None if alarms is None else ", ".join(alarm.text for alarm in alarms)
