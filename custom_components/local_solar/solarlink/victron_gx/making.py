"""Points out of registers: sums, alarms, and what a zero means (reference section 2)."""

from collections.abc import Callable, Mapping

from ..points import Quantity, Value
from .alarms import active, level_of
from .registers import Service
from .source import NO_LIMIT, GxPoint, Make, Zero
from .states import INVERTING, OTHER

type Numbers = Callable[[str], float | int | None]
"""The value of a register of the point's service by its key; ``None`` where it was not read or has none."""

ISLAND_POWER = 100.0
"""W above which an inverter without grid feeds a house, and not only itself (feed_in_control section 9.9)."""
VOLTAGES: Mapping[Service, str] = {
    Service.SYSTEM: "battery_voltage",
    Service.BATTERY: "voltage",
    Service.VEBUS: "battery_voltage",
}
"""The register that is zero only when there is no battery to tell of."""
ANY = (Make.LEVEL, Make.PROBLEM, Make.ALARMS)
"""What is made of as many registers as there are; everything else needs all of its registers."""


def companions(point: GxPoint) -> tuple[str, ...]:
    """Registers that are read with a point to understand its zero."""
    source = point.address
    needed = (VOLTAGES[source.service],) if source.zero in (Zero.BATTERY, Zero.MONITOR) else ()
    return (*needed, source.other) if source.other else needed


def make(point: GxPoint, read: Numbers) -> Value:
    """The value of a point; ``None`` where the GX has none. A monitor that is gone is not seen from here."""
    source = point.address
    if source.make in ANY:
        return _alarms(point, {key: code for key in source.registers if (code := read(key)) is not None})
    numbers = [number for key in source.registers if (number := read(key)) is not None]
    if len(numbers) < len(source.registers):
        return None
    if source.zero is Zero.NONE and 0 in numbers:
        return None
    if source.zero in (Zero.BATTERY, Zero.MONITOR) and read(VOLTAGES[source.service]) == 0:
        return None
    if source.other and not numbers[0] and read(source.other) != 0:
        return None
    return _shown(point, numbers)


def _shown(point: GxPoint, numbers: list[float | int]) -> Value:
    first = numbers[0]
    match point.address.make:
        case Make.SUM:
            return round(sum(numbers), 6)
        case Make.DIFFERENCE:
            return round(first - numbers[1], 6)
        case Make.OPPOSITE:
            # Adding zero makes an ordinary zero of a negative one.
            return -first + 0.0
        case Make.LIMIT:
            return NO_LIMIT if first < 0 else first
        case Make.NOT:
            return not first
        case Make.ISLANDED:
            return first == INVERTING and sum(numbers[1:]) > ISLAND_POWER
    match point.quantity:
        case Quantity.FLAG:
            return bool(first)
        case Quantity.STATE:
            return point.options.get(int(first), OTHER if OTHER in point.options.values() else None)
    return first


def _alarms(point: GxPoint, codes: Mapping[str, float | int]) -> Value:
    if not codes:
        return None
    match point.address.make:
        case Make.PROBLEM:
            return any(codes.values())
        case Make.LEVEL:
            return level_of(int(max(codes.values())))
        case _:
            return active(point.address.service, {key: int(code) for key, code in codes.items()})


def number_for(point: GxPoint, value: Value) -> float | int:
    """The number to send for a checked value: of a flag 0 or 1, of a state its code."""
    if isinstance(value, bool):
        return int(value != (point.address.make is Make.NOT))
    if isinstance(value, str):
        return next(code for code, slug in point.options.items() if slug == value)
    assert isinstance(value, int | float)
    return value
