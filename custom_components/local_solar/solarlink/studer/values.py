"""Numbers of the wire as values of the point table and back: units, signs, names of states, and "no value"."""

from datetime import UTC, datetime, time

from ..errors import ValueKindError
from ..points import Access, Limits, Quantity, Value, check_flag, check_number, check_option, check_time
from .address import StuderPoint

NO_SENSOR = 1000.0
"""A temperature above this means that no sensor is fitted (the wire says 32767)."""
MINUTES_PER_DAY = 1440
_YES = ("on", "yes", "true", "1")
_NO = ("off", "no", "false", "0")


def to_value(point: StuderPoint, raw: float | None) -> Value:
    """A number of the wire as the point's value; ``None`` where the device says that it has none."""
    if raw is None:
        return None
    match point.quantity:
        case Quantity.STATE:
            return point.options.get(int(raw))
        case Quantity.FLAG | Quantity.PROBLEM:
            return bool(raw)
        case Quantity.TIME_OF_DAY:
            # Minutes since midnight; 24:00 is the end of the day, which a time of day cannot say (section 4.3).
            minutes = min(int(raw), MINUTES_PER_DAY - 1)
            return time(minutes // 60, minutes % 60) if minutes >= 0 else None
        case Quantity.TEXT:
            return wall_clock(int(raw)).isoformat(sep=" ")
        case Quantity.TEMPERATURE if raw > NO_SENSOR:
            return None
    # The product must not show more digits than the wire carried.
    return float(f"{raw * point.address.factor:.9g}")


def to_raw(point: StuderPoint, value: Value, limits: Limits) -> float:
    """A value that a person wants as the number of the wire, checked against ``limits``.

    Raises the ``Value...Error`` family.
    """
    if point.access is Access.PRESS:
        if value is not True:
            raise ValueKindError(point=point.name, value=str(value), expected="a press")
        return 1.0
    match point.quantity:
        case Quantity.FLAG:
            return float(check_flag(point, value))
        case Quantity.STATE:
            slug = check_option(point, value, limits)
            return float(next(code for code, each in point.options.items() if each == slug))
        case Quantity.TIME_OF_DAY:
            told = check_time(point, value)
            return told.hour * 60.0 + told.minute
    return check_number(point, value, limits) / point.address.factor


def parse(point: StuderPoint, given: Value) -> Value:
    """What somebody typed as a value of the point: numbers, "on", "07:30"; anything else is left as it is.

    Raises ``ValueKindError`` for text that cannot be a value of that kind.
    """
    if not isinstance(given, str | int | float):
        return given
    text = str(given).strip()
    if point.access is Access.PRESS or point.quantity is Quantity.FLAG:
        if text.lower() not in (*_YES, *_NO):
            raise ValueKindError(point=point.name, value=text, expected="on or off")
        return text.lower() in _YES
    match point.quantity:
        case Quantity.STATE:
            # Also by the number that the device's documents give for it.
            return point.options.get(int(text), text) if text.isdecimal() else text
        case Quantity.TIME_OF_DAY:
            try:
                return time.fromisoformat(text)
            except ValueError as err:
                raise ValueKindError(point=point.name, value=text, expected="a time of day") from err
    try:
        return float(text)
    except ValueError as err:
        raise ValueKindError(point=point.name, value=text, expected="a number") from err


def wall_clock(seconds: int) -> datetime:
    """The installation counts seconds of its own wall clock since 1970, without time zone (section 4.3)."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def wall_seconds(moment: datetime) -> int:
    """A moment of the installation's wall clock (without time zone) as the wire counts it."""
    return round(moment.replace(tzinfo=UTC).timestamp())
