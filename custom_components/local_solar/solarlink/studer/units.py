"""The kinds of Studer units: where they sit on the bus and how they tell who they are."""

from dataclasses import dataclass

from . import codec


@dataclass(frozen=True, slots=True)
class UnitKind:
    """One family of units on the bus. The identity numbers are infos holding 16-bit numbers as floats."""

    key: str
    name: str
    base: int
    """The first unit has address ``base`` + 1; a multi-info item calls it device 1."""
    most: int
    probe: int
    """An info that every unit of the kind has."""
    model_info: int
    hardware_info: int
    software_high: int
    software_low: int
    fid_high: int
    fid_low: int
    models: dict[int, str]

    @property
    def identity(self) -> tuple[int, ...]:
        """All the numbers that ``describe`` wants."""
        return (
            self.model_info,
            self.hardware_info,
            self.software_high,
            self.software_low,
            self.fid_high,
            self.fid_low,
        )


XTENDER = UnitKind(
    "xt", "Xtender", 100, 9, 3000, 3124, 3129, 3130, 3131, 3156, 3157, {1: "XTH", 256: "XTM", 512: "XTS"}
)
VARIO_TRACK = UnitKind(
    "vt", "VarioTrack", 300, 15, 11000, 11047, 11049, 11050, 11051, 11067, 11068, {0x2601: "VT-65/80"}
)
VARIO_STRING = UnitKind(
    "vs", "VarioString", 700, 15, 15000, 15074, 15076, 15077, 15078, 15102, 15103, {12801: "VS-120", 13057: "VS-70"}
)
BATTERY_MONITOR = UnitKind(
    "bsp", "BSP battery monitor", 600, 1, 7034, 7034, 7036, 7037, 7038, 7048, 7049, {10241: "BSP"}
)
BATTERY_LINK = UnitKind("bms", "Xcom-CAN BMS", 600, 1, 7054, 7034, 7036, 7037, 7038, 7048, 7049, {})

KINDS = {kind.key: kind for kind in (XTENDER, VARIO_TRACK, VARIO_STRING, BATTERY_MONITOR, BATTERY_LINK)}


@dataclass(frozen=True, slots=True)
class Description:
    """Who a unit is, as far as it tells; empty text for what it does not."""

    serial: str = ""
    model: str = ""
    firmware: str = ""
    hardware: str = ""


def describe(kind: UnitKind, numbers: dict[int, float]) -> Description:
    """Put a unit's identity numbers into words. Numbers that are missing or out of range are left out.

    The battery link answers these numbers in the field, though no document lists them for it.
    """
    good = {number: value for number, value in numbers.items() if 0 <= value <= 0xFFFF}
    pairs = kind.software_high in good and kind.software_low in good
    serial = kind.fid_high in good and kind.fid_low in good
    text = codec.fid(good[kind.fid_high], good[kind.fid_low]) if serial else ""
    return Description(
        serial="" if text in ("00000000", "FFFFFFFF") else text,
        model=kind.models.get(int(good.get(kind.model_info, -1)), kind.name),
        firmware=codec.version(good[kind.software_high], good[kind.software_low]) if pairs else "",
        hardware=codec.hardware(good[kind.hardware_info]) if kind.hardware_info in good else "",
    )
