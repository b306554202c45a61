"""What the serial number of an inverter says about it (reference table of serial number prefixes)."""

from typing import NamedTuple


class InverterType(NamedTuple):
    """Family and shape of an inverter; ``inputs`` 0 where they are not known."""

    family: str
    name: str
    inputs: int


_PREFIXES = {
    "1022": InverterType("HM", "HM-300/350/400-1T", 1),
    "1121": InverterType("HM", "HM-300/350/400-1T", 1),
    "1042": InverterType("HM", "HM-600/700/800-2T", 2),
    "1141": InverterType("HM", "HM-600/700/800-2T", 2),
    "1062": InverterType("HM", "HM-1000/1200/1500-4T", 4),
    "1161": InverterType("HM", "HM-1000/1200/1500-4T", 4),
    "2841": InverterType("HERF", "HERF-300-1T", 1),
    "2821": InverterType("HERF", "HERF-600/800-2T", 2),
    "2801": InverterType("HERF", "HERF-1600/1800-4T", 4),
    "1124": InverterType("HMS", "HMS-300/350/400/450/500-1T", 1),
    "1125": InverterType("HMS", "HMS-450/500-1T v2", 1),
    "1400": InverterType("HMS", "HMS-450/500-1T v2", 1),
    "1143": InverterType("HMS", "HMS-600/700/800/900/1000-2T", 2),
    "1144": InverterType("HMS", "HMS-600/700/800/900/1000-2T", 2),
    "114a": InverterType("HMS", "HMS-600/700/800/900/1000-2T", 2),
    "1410": InverterType("HMS", "HMS-600/700/800/900/1000-2T", 2),
    "1164": InverterType("HMS", "HMS-1600/1800/2000-4T", 4),
    "1166": InverterType("HMS", "HMS-1600/1800/2000-4T", 4),
    "1420": InverterType("HMS", "HMS-1600/1800/2000-4T", 4),
    "1361": InverterType("HMT", "HMT-1600/1800/2000-4T", 4),
    "1382": InverterType("HMT", "HMT-1800/2250-6T", 6),
}
_BY_SECOND_BYTE = {"12": "1121", "14": "1141", "16": "1161"}
"""Bits 36 to 43 of the older HM serial numbers, with a prefix of the same type."""
UNKNOWN = InverterType("", "Micro-inverter", 0)


def type_of(serial: str) -> InverterType:
    """The type that a serial number (hexadecimal text) belongs to."""
    full = serial.zfill(12)
    if known := _PREFIXES.get(full[:4]):
        return known
    return _PREFIXES.get(_BY_SECOND_BYTE.get(full[1:3], ""), UNKNOWN)
