"""What may be written, how a setting becomes a request, and whether the appliance took it (reference section 11).

There is a list of what may be written, and nothing else ever is: the appliance accepts writes to grid parameters, tests
and module service without asking.
"""

from collections.abc import Iterable, Mapping
from datetime import time

from ..errors import DeviceRefusedError, NotSupportedError, NotWritableError, ValueKindError, ValueRangeError
from ..points import Limits, Quantity, Value, check_flag, check_number, check_option, check_time
from .address import Field, LalaAddress, SenecPoint
from .codec import DEVICE, Answer, Missing, Request, encode_value, kind_of
from .points_extras import CHARGING_MODES, LOCKED
from .values import find

WRITABLE: frozenset[str] = frozenset(
    {
        "ENERGY.SAFE_CHARGE_FORCE",
        "ENERGY.SAFE_CHARGE_PROHIBIT",
        "LOG.LOG_OUT_BUTT",
        "SOCKETS.ENABLE",
        "SOCKETS.FORCE_ON",
        "SOCKETS.USE_TIME",
        "SOCKETS.UPPER_LIMIT",
        "SOCKETS.LOWER_LIMIT",
        "SOCKETS.TIME_LIMIT",
        "SOCKETS.POWER_ON_TIME",
        "SOCKETS.SWITCH_ON_HOUR",
        "SOCKETS.SWITCH_ON_MINUTE",
        "SYS_UPDATE.USER_REBOOT_DEVICE",
        "WALLBOX.PROHIBIT_USAGE",
        "WALLBOX.SMART_CHARGE_ACTIVE",
        "WALLBOX.SET_ICMAX",
        "WALLBOX.MIN_CHARGING_CURRENT",
        "WALLBOX.ALLOW_INTERCHARGE",
        "WIZARD.CONFIG_MODIFIED_BY_USER",
        "WIZARD.PS_ENABLE",
        "WIZARD.PS_RESERVOIR",
        "WIZARD.PS_HOUR",
        "WIZARD.PS_MINUTE",
    }
)
"""Everything that this library may write."""

PRESSED = "u8_01"
SAVE: Request = {"WIZARD": {"CONFIG_MODIFIED_BY_USER": PRESSED}}
RESTART: Request = {"SYS_UPDATE": {"BOOT_REPORT_SUCCESS": "", "USER_REBOOT_DEVICE": PRESSED}}

type Changes = Mapping[Field, float]
"""Fields of one unit (``Field.of``) and the numbers that they are set to."""


def force_charge(*, on: bool) -> Request:
    """Start or stop force charge; the other fields are read along, as the appliance's own page does (section 11.1)."""
    return {
        "ENERGY": {
            "SAFE_CHARGE_FORCE": PRESSED if on else "",
            "SAFE_CHARGE_PROHIBIT": "" if on else PRESSED,
            "SAFE_CHARGE_RUNNING": "",
            "LI_STORAGE_MODE_START": "",
            "LI_STORAGE_MODE_STOP": "",
            "LI_STORAGE_MODE_RUNNING": "",
        }
    }


def check(request: Request) -> Request:
    """Return ``request`` when all that it writes may be written; raises ``NotWritableError``."""
    for section, variables in request.items():
        for name, sent in variables.items():
            if sent and any(sent if isinstance(sent, list) else (sent,)) and f"{section}.{name}" not in WRITABLE:
                raise NotWritableError(point=f"{section}.{name}")
    return request


def accepted(point: SenecPoint, value: object, limits: Limits) -> Value:
    """``value`` as the point takes it; raises the ``Value...Error`` family."""
    match point.quantity:
        case Quantity.FLAG:
            return check_flag(point, value)
        case Quantity.STATE:
            return check_option(point, value, limits)
        case Quantity.TIME_OF_DAY:
            return check_time(point, value).replace(second=0, microsecond=0, tzinfo=None)
    return check_number(point, value, limits)


def changes(point: SenecPoint, address: LalaAddress, value: Value) -> dict[Field, float]:
    """The fields that make ``point`` have ``value``."""
    match value:
        case bool():
            numbers = [float(value)]
        case time():
            numbers = [float(value.hour), float(value.minute)]
        case str():
            code = next(code for code, slug in CHARGING_MODES.items() if slug == value)
            numbers = [1.0, 0.0] if code == LOCKED else [0.0, float(code)]
        case int() | float():
            numbers = [float(value)]
        case _:
            raise ValueKindError(point=point.name, value=str(value), expected="a value")
    wanted = dict(zip(address.fields, numbers, strict=True))
    for where in address.fields:
        if where.variable == "WALLBOX.SET_ICMAX":
            # The two are only ever written together (section 11.3).
            wanted[Field(where.section, "MIN_CHARGING_CURRENT", where.place)] = numbers[0]
    return wanted


def compose(wanted: Changes, before: Answer, name: str) -> Request:
    """The request that makes these changes, in the types and list lengths that ``before`` showed.

    Raises ``NotSupportedError`` when the appliance does not have a field or does not give it away, and
    ``ValueRangeError`` when its type cannot hold the number.
    """
    request: dict[str, dict[str, str | list[str]]] = {}
    for where, number in wanted.items():
        wire = before.wire(where.section, where.name)
        place = where.place if isinstance(where.place, int) else 0
        kind = kind_of(wire[place]) if place < len(wire) else ""
        if not kind or kind == "st":
            raise NotSupportedError(device=DEVICE, code=where.variable, reason=f"{name} cannot be set on it")
        text = encode_value(kind, number, name)
        if isinstance(where.place, int) and isinstance(before.raw[where.section][where.name], list):
            # Nothing in a place leaves that element alone.
            row = request.setdefault(where.section, {}).setdefault(where.name, [""] * len(wire))
            assert isinstance(row, list)
            row[place] = text
        else:
            request.setdefault(where.section, {})[where.name] = text
    return check(request)


def holds(wanted: Changes, answer: Answer) -> bool:
    """Whether an answer shows all these numbers."""
    return all(_same(find(answer, where), number) for where, number in wanted.items())


def _same(value: object, number: float) -> bool:
    # A 32-bit float is not the number that was meant, only next to it.
    return isinstance(value, int | float) and abs(value - number) <= 1e-4 * max(1.0, abs(number))


def check_echo(wanted: Iterable[Field], echo: Answer, name: str) -> None:
    """Raise ``DeviceRefusedError`` when the answer to a write says that it is not allowed or not possible."""
    for where in wanted:
        value = find(echo, where)
        if isinstance(value, Missing) and value.why.permanent:
            raise DeviceRefusedError(device=DEVICE, code=value.why.value, reason=f"{name} may not be set")


def check_order(point: SenecPoint, value: float, low: float, high: float) -> None:
    """Raise ``ValueRangeError`` unless ``value`` fits to the other settings of the unit."""
    if not low <= value <= high:
        raise ValueRangeError(point=point.name, minimum=low, maximum=high, unit=point.unit, value=value)
