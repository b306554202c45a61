"""Variables of an answer as values of the point table: units, signs, names of states, and what cannot be believed.

Filters: reference sections 6 and 8. What is rejected becomes ``None``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from ..points import Quantity, Value
from .address import Field, Form, LalaAddress, SenecPoint
from .codec import OMITTED, Answer, Decoded, Missing, Scalar, Why, version
from .points_extras import CHARGING_MODES, LOCKED
from .points_power import GRID_METER, HOUSE_METER
from .states import STATE_GROUPS, SYSTEM_STATES, WALLBOX_ERRORS, Group

COLDEST, HOTTEST = -40.0, 100.0
SLOWEST, FASTEST = 45.0, 65.0
LOWEST_PHASE, HIGHEST_PHASE = 100.0, 280.0
MOST_POWER = 40_000.0
"""W; more is believed only of a machine with much PV."""


@dataclass(slots=True)
class Beliefs:
    """What the values of one machine are judged by."""

    pv_peak: float = 0.0
    """Configured PV peak power in W."""
    texts: dict[int, str] = field(default_factory=dict)
    """System states that we do not know, in the appliance's own words."""

    @property
    def most_power(self) -> float:
        """The largest believable power in W."""
        return max(MOST_POWER, 3 * self.pv_peak + 25_000.0)


def find(answer: Answer, where: Field) -> Decoded:
    """The variable of a field that belongs to one unit (``Field.of``)."""
    return answer.get(where.section, where.name, where.place if isinstance(where.place, int) else None)


def missing(answer: Answer, address: LalaAddress) -> Missing | None:
    """What is missing for the point at ``address``, ``None`` when everything that it needs is there."""
    for where in address.fields:
        value = find(answer, where)
        if isinstance(value, Missing) and value.why is not Why.NOT_A_NUMBER:
            return value
    return None


def to_value(point: SenecPoint, address: LalaAddress, answer: Answer, beliefs: Beliefs) -> Value:
    """The value of ``point``, whose variables for this unit and machine are at ``address``."""
    values = [find(answer, where) for where in address.fields]
    if address.form is Form.STATE_OF_CHARGE:
        return _state_of_charge(values[0], [find(answer, where) for where in address.also])
    return _believed(point, _formed(point, address, values, beliefs), beliefs)


def _first(value: Decoded) -> Scalar:
    return (value[0] if value else OMITTED) if isinstance(value, list) else value


def _number(value: Decoded) -> float | int | None:
    first = _first(value)
    return first if isinstance(first, int | float) else None


def _scaled(number: float | None, address: LalaAddress) -> float | int | None:
    if number is None or number == address.unset:
        return None
    if isinstance(number, int) and address.factor == 1.0:
        return number
    # The product must not show more digits than a 32-bit float carries.
    return float(f"{number * address.factor:.9g}") + 0.0


def _formed(point: SenecPoint, address: LalaAddress, values: list[Decoded], beliefs: Beliefs) -> Value:
    number = _number(values[0])
    match address.form:
        case Form.TEXT:
            first = _first(values[0])
            return None if isinstance(first, Missing) else str(first).strip() or None
        case Form.CLOCK_TIME:
            return _clock_time(number, _number(values[1]))
        case Form.MOMENT:
            return _moment(number, _number(values[1]))
        case Form.CHARGING_MODE:
            smart = _number(values[1])
            return charging_mode(number, smart)
        case Form.SPREAD:
            cells = [cell for cell in _numbers(values[0]) if cell]
            return _scaled(max(cells) - min(cells), address) if cells else None
        case Form.DIFFERENCE:
            other = _number(values[1])
            return None if number is None or other is None else _scaled(number - other, address)
    if number is None:
        return None
    match address.form:
        case Form.MAGNITUDE:
            return _scaled(abs(number), address)
        case Form.FLAG:
            return any(_numbers(values[0]))
        case Form.BITS:
            return bool(int(number) & address.mask)
        case Form.STATE:
            return point.options.get(int(number))
        case Form.VERSION:
            return version(int(number)) if number else None
        case Form.SYSTEM_ERROR:
            return STATE_GROUPS.get(int(number)) is Group.ERROR
        case Form.SYSTEM_WARNING:
            return STATE_GROUPS.get(int(number)) is Group.WARNING
        case Form.SYSTEM_TEXT:
            return state_text(int(number), beliefs)
        case Form.WALLBOX_ERROR:
            return int(number) in WALLBOX_ERRORS
    return _scaled(number, address)


def _numbers(value: Decoded) -> list[float]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, int | float)]


def state_text(code: int, beliefs: Beliefs) -> str | None:
    """A system state in words."""
    if slug := SYSTEM_STATES.get(code):
        return slug.replace("_", " ").capitalize()
    return beliefs.texts.get(code)


def details(point: SenecPoint, address: LalaAddress, answer: Answer, beliefs: Beliefs) -> Mapping[str, str | int]:
    """What else is told with a system state: its number, and the appliance's own words for one that we do not know."""
    if point.options is not SYSTEM_STATES:
        return {}
    number = _number(find(answer, address.fields[0]))
    if number is None:
        return {}
    code = int(number)
    words = "" if code in SYSTEM_STATES else beliefs.texts.get(code, "")
    return {"code": code, "text": words} if words else {"code": code}


def charging_mode(prohibited: float | None, smart: float | None) -> str | None:
    """The mode of a wallbox from its two variables; ``None`` for a combination that we do not know."""
    if prohibited is None or smart is None:
        return None
    return CHARGING_MODES[LOCKED] if prohibited else None if smart == LOCKED else CHARGING_MODES.get(int(smart))


def _clock_time(hour: float | None, minute: float | None) -> time | None:
    if hour is None or minute is None or not (0 <= hour <= 23 and 0 <= minute <= 59):
        return None
    return time(int(hour), int(minute))


def _moment(local: float | None, offset: float | None) -> datetime | None:
    if local is None or offset is None or not local:
        return None
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=local, minutes=-offset)


def _state_of_charge(value: Decoded, companions: list[Decoded]) -> float | None:
    share = _number(value)
    if share is None or not 0.0 <= share <= 100.0:
        return None
    if share == 0.0 and any(_number(each) == 0.0 for each in companions):
        # Data is not collected, or there is no voltage: the zero is none of the battery.
        return None
    return _scaled(share, LalaAddress())


def _believed(point: SenecPoint, value: Value, beliefs: Beliefs) -> Value:
    """``value`` unless it cannot be."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    match point.quantity:
        case Quantity.POWER | Quantity.APPARENT_POWER:
            good = abs(value) <= beliefs.most_power
        case Quantity.STATE_OF_CHARGE:
            good = 0.0 <= value <= 100.0
        case Quantity.FREQUENCY:
            good = SLOWEST <= value <= FASTEST
        case Quantity.TEMPERATURE:
            good = COLDEST <= value <= HOTTEST
        case Quantity.VOLTAGE if point.unit_kind in (GRID_METER, HOUSE_METER):
            good = value == 0.0 or LOWEST_PHASE <= value <= HIGHEST_PHASE
        case _:
            good = True
    return value if good else None
