"""What the inverters are: classes by serial number, models by hardware part number (reference tables)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InverterClass:
    """What a serial number tells: the type's text, DC inputs, trackers, AC phases, and the radio it listens on."""

    text: str
    inputs: int
    trackers: int
    phases: int
    radio: str
    """"nrf" (2.4 GHz) or "cmt" (868 MHz)."""

    @property
    def family(self) -> str:
        """Return HM, HMS, HMT or HERF."""
        return self.text.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Model:
    """A model: the first three bytes of its hardware part number, its name, and its rated power, W."""

    part: int
    name: str
    rated: int
    inputs: int

    @property
    def part_number(self) -> int:
        """Return a whole part number of this model."""
        return self.part << 8 | 0x01


_HM_1 = InverterClass("HM-300/350/400-1T", 1, 1, 1, "nrf")
_HM_2 = InverterClass("HM-600/700/800-2T", 2, 2, 1, "nrf")
_HM_4 = InverterClass("HM-1000/1200/1500-4T", 4, 2, 1, "nrf")
_BY_PREFIX = {
    "2841": InverterClass("HERF-300-1T", 1, 1, 1, "nrf"),
    "2821": InverterClass("HERF-600/800-2T", 2, 2, 1, "nrf"),
    "2801": InverterClass("HERF-1600/1800-4T", 4, 2, 1, "nrf"),
    "1022": _HM_1,
    "1121": _HM_1,
    "1042": _HM_2,
    "1141": _HM_2,
    "1062": _HM_4,
    "1161": _HM_4,
    "1124": InverterClass("HMS-300/350/400/450/500-1T", 1, 1, 1, "cmt"),
    **dict.fromkeys(("1125", "1400"), InverterClass("HMS-450/500-1T v2", 1, 1, 1, "cmt")),
    **dict.fromkeys(("1143", "1144", "114a", "1410"), InverterClass("HMS-600/700/800/900/1000-2T", 2, 2, 1, "cmt")),
    **dict.fromkeys(("1164", "1166", "1420"), InverterClass("HMS-1600/1800/2000-4T", 4, 4, 1, "cmt")),
    "1361": InverterClass("HMT-1600/1800/2000-4T", 4, 2, 3, "cmt"),
    "1382": InverterClass("HMT-1800/2250-6T", 6, 3, 3, "cmt"),
}
_BY_DIGIT = {0x12: _HM_1, 0x14: _HM_2, 0x16: _HM_4}

_MODELS = (
    Model(0x101010, "HM-300-1T", 300, 1),
    Model(0x101020, "HM-350-1T", 350, 1),
    Model(0x101040, "HM-400-1T", 400, 1),
    Model(0x101110, "HM-600-2T", 600, 2),
    Model(0x101120, "HM-700-2T", 700, 2),
    Model(0x101140, "HM-800-2T", 800, 2),
    Model(0x101210, "HM-1200-4T", 1200, 4),
    Model(0x101230, "HM-1500-4T", 1500, 4),
    Model(0x102011, "HMS-300-1T", 300, 1),
    Model(0x102021, "HMS-350-1T", 350, 1),
    Model(0x102041, "HMS-400-1T", 400, 1),
    Model(0x102051, "HMS-450-1T", 450, 1),
    Model(0x102071, "HMS-500-1T v2", 500, 1),
    Model(0x102111, "HMS-600-2T", 600, 2),
    Model(0x102121, "HMS-700-2T", 700, 2),
    Model(0x102141, "HMS-800-2T", 800, 2),
    Model(0x102151, "HMS-900-2T", 900, 2),
    Model(0x102171, "HMS-1000-2T", 1000, 2),
    Model(0x102241, "HMS-1600-4T", 1600, 4),
    Model(0x102251, "HMS-1800-4T", 1800, 4),
    Model(0x102271, "HMS-2000-4T", 2000, 4),
    Model(0x103241, "HMT-1600-4T", 1600, 4),
    Model(0x103251, "HMT-1800-4T", 1800, 4),
    Model(0x103271, "HMT-2000-4T", 2000, 4),
    Model(0x103311, "HMT-1800-6T", 1800, 6),
    Model(0x103331, "HMT-2250-6T", 2250, 6),
    Model(0xF10110, "HERF-600", 600, 2),
    Model(0xF10114, "HERF-800", 800, 2),
    Model(0xF10124, "HERF-1600", 1600, 4),
    Model(0xF10122, "HERF-1800", 1800, 4),
)


def inverter_class(serial: str) -> InverterClass:
    """Return what a serial number of 12 hexadecimal digits tells; `ValueError` for one that no firmware knows."""
    try:
        number = int(serial, 16)
    except ValueError:
        number = 0
    found = _BY_PREFIX.get(serial[:4].lower()) or _BY_DIGIT.get(number >> 36 & 0xFF)
    if len(serial) != 12 or found is None:
        raise ValueError(f"{serial!r} is no serial number of an inverter")
    return found


def model(kind: InverterClass, rated: float) -> Model:
    """Return the model of a class and a rated power, W; `ValueError` when there is none."""
    for found in _MODELS:
        if found.name.startswith(f"{kind.family}-") and found.inputs == kind.inputs and found.rated == rated:
            return found
    raise ValueError(f"no {kind.text} has {rated:g} W")
