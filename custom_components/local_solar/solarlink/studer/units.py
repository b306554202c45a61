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
    nominal_voltage: int
    """An info that tells for which battery voltage (12, 24 or 48 V) the unit works."""
    models: dict[int, str]
    watchdog: tuple[int, int, int] | None = None
    """Parameters of the unit's own SCOM watchdog (reference section 7.2): whether it is on, its delay in seconds, and
    whether every write is saved in flash; without the last, an ordinary write starts the watchdog too."""
    running: tuple[int, ...] = ()
    """Infos that are all 1 while the unit works."""
    faultless: tuple[int, ...] = ()
    """Infos that are all 0 while the unit has no error."""
    variants: tuple[int, dict[int, str]] | None = None
    """An info that tells the model more exactly than ``model_info``, and what its values mean."""

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
            self.nominal_voltage,
            *((self.variants[0],) if self.variants else ()),
        )


XTENDER = UnitKind(
    key="xt",
    name="Xtender",
    base=100,
    most=9,
    probe=3000,
    model_info=3124,
    hardware_info=3129,
    software_high=3130,
    software_low=3131,
    fid_high=3156,
    fid_low=3157,
    nominal_voltage=3127,
    models={1: "XTH", 256: "XTM", 512: "XTS"},
    watchdog=(1628, 1629, 1550),
    running=(3049,),
)
VARIO_TRACK = UnitKind(
    key="vt",
    name="VarioTrack",
    base=300,
    most=15,
    probe=11000,
    model_info=11047,
    hardware_info=11049,
    software_high=11050,
    software_low=11051,
    fid_high=11067,
    fid_low=11068,
    nominal_voltage=11048,
    models={0x2601: "VT-65/80"},
    watchdog=(10342, 10343, 10058),
    running=(11069,),
    faultless=(11034,),
    variants=(11015, {0: "VT-80", 1: "VT-65", 2: "VT-40", 3: "VT-HV"}),
)
VARIO_STRING = UnitKind(
    key="vs",
    name="VarioString",
    base=700,
    most=15,
    probe=15000,
    model_info=15074,
    hardware_info=15076,
    software_high=15077,
    software_low=15078,
    fid_high=15102,
    fid_low=15103,
    nominal_voltage=15075,
    models={12801: "VS-120", 13057: "VS-70"},
    watchdog=(14218, 14219, 14069),
    running=(15108,),
    faultless=(15049,),
)
BATTERY_MONITOR = UnitKind(
    key="bsp",
    name="BSP battery monitor",
    base=600,
    most=1,
    probe=7034,
    model_info=7034,
    hardware_info=7036,
    software_high=7037,
    software_low=7038,
    fid_high=7048,
    fid_low=7049,
    nominal_voltage=7035,
    models={10241: "BSP"},
)
BATTERY_LINK = UnitKind(
    key="bms",
    name="Xcom-CAN BMS",
    base=600,
    most=1,
    probe=7054,
    model_info=7034,
    hardware_info=7036,
    software_high=7037,
    software_low=7038,
    fid_high=7048,
    fid_low=7049,
    nominal_voltage=7035,
    models={},
)

KINDS = {kind.key: kind for kind in (XTENDER, VARIO_TRACK, VARIO_STRING, BATTERY_MONITOR, BATTERY_LINK)}


@dataclass(frozen=True, slots=True)
class Description:
    """Who a unit is, as far as it tells; empty text for what it does not."""

    serial: str = ""
    model: str = ""
    firmware: str = ""
    hardware: str = ""
    voltage: float = 0.0
    """Battery voltage for which the unit works, V; 0 where it does not tell."""


def describe(kind: UnitKind, numbers: dict[int, float]) -> Description:
    """Put a unit's identity numbers into words. Numbers that are missing or out of range are left out.

    The battery link answers these numbers in the field, though no document lists them for it.
    """
    good = {number: value for number, value in numbers.items() if 0 <= value <= 0xFFFF}
    pairs = kind.software_high in good and kind.software_low in good
    serial = kind.fid_high in good and kind.fid_low in good
    text = codec.fid(good[kind.fid_high], good[kind.fid_low]) if serial else ""
    exact, names = kind.variants or (0, {})
    return Description(
        serial="" if text in ("00000000", "FFFFFFFF") else text,
        model=names.get(int(good.get(exact, -1))) or kind.models.get(int(good.get(kind.model_info, -1)), kind.name),
        firmware=codec.version(good[kind.software_high], good[kind.software_low]) if pairs else "",
        hardware=codec.hardware(good[kind.hardware_info]) if kind.hardware_info in good else "",
        voltage=good.get(kind.nominal_voltage, 0.0),
    )


def kind_at(address: int) -> UnitKind | None:
    """The kind of the units at an address; monitor and battery link share one, so either stands for it."""
    return next((kind for kind in KINDS.values() if kind.base < address <= kind.base + kind.most), None)


def base_of(info: int) -> int:
    """The base address of the family whose info has that number (reference section 5: a number names its family)."""
    if info < 7000:
        return XTENDER.base
    if info < 11000:
        return BATTERY_LINK.base
    return VARIO_TRACK.base if info < 15000 else VARIO_STRING.base
