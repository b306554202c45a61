"""Reading many infos at once (protocol reference, section 5)."""

import math
from collections.abc import Callable
from struct import iter_unpack, pack

from . import errors
from .errors import ScomError
from .installation import Installation, Unit

MULTI_INFO = 0x0A
AVERAGE, SUM, HIGHEST_DEVICE = 0xFD, 0xFE, 0x0F
MOST_ITEMS = 76
_FAMILY_FLAGS = {"xt": 0x20, "bsp": 0x40, "bms": 0x40, "vt": 0x80, "vs": 0x100}

type Info = Callable[[Unit, int], float]
"""The value of an info; raises what the device answers."""


def answer(installation: Installation, items: bytes, clock: int, info: Info, absent: str) -> bytes:
    """Return the answer's data; ``absent`` is what stands for a value that does not exist: nan, missing or error."""
    if len(items) % 3 or not 3 <= len(items) <= 3 * MOST_ITEMS:
        raise ScomError(errors.INVALID_DATA_LENGTH)
    flags = 0
    for unit in installation.units.values():
        flags |= _FAMILY_FLAGS.get(unit.family, 0)
    data = [pack("<II", flags, clock)]
    for number, aggregation in iter_unpack("<HB", items):
        if HIGHEST_DEVICE < aggregation < AVERAGE or aggregation > SUM:
            raise ScomError(errors.INVALID_SERVICE_ARGUMENT)
        try:
            value = _value(installation, number, aggregation, info)
        except ScomError:
            if absent == "missing":
                continue
            if absent != "nan":
                raise
            value = math.nan
        data.append(pack("<HBf", number, aggregation, value))
    return b"".join(data)


def _value(installation: Installation, number: int, aggregation: int, info: Info) -> float:
    units = installation.family(_family_of(installation, number))
    if aggregation == 0:
        units = units[:1]
    elif aggregation <= HIGHEST_DEVICE:
        units = [unit for unit in units if unit.index == aggregation - 1]
    if not units:
        raise ScomError(errors.DEVICE_NOT_FOUND)
    values = [info(unit, number) for unit in units]
    total = math.fsum(values)
    return total / len(values) if aggregation == AVERAGE else total


def _family_of(installation: Installation, number: int) -> str:
    if number < 7000:
        return "xt"
    if number < 11000:
        return installation.battery_family
    return "vt" if number < 15000 else "vs"
