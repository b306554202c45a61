"""Which device a product number (FGA number) belongs to, and where devices are found (reference sections 1 and 2)."""

from dataclasses import dataclass

from .registers import Kind

MANUFACTURER = "Schneider Electric"
MODELS: dict[str, tuple[Kind, str]] = {
    "865-1000": (Kind.XW, "XW6048-120/240-60"),
    "865-1005": (Kind.XW, "XW4548-120/240-60"),
    "865-1010": (Kind.XW, "XW4024-120/240-60"),
    "865-1010-1": (Kind.XW, "XW4024-120-60"),
    "865-1035": (Kind.XW, "XW6048-230-50"),
    "865-1040": (Kind.XW, "XW4548-230-50"),
    "865-1045": (Kind.XW, "XW4024-230-50"),
    "865-5548": (Kind.XW, "XW+ 5548 NA"),
    "865-6848": (Kind.XW, "XW+ 6848 NA"),
    "865-6848-21": (Kind.XW, "XW Pro 6848 NA"),
    "865-7048": (Kind.XW, "XW+ 7048 E"),
    "865-8548": (Kind.XW, "XW+ 8548 E"),
    "865-1030": (Kind.MPPT60, "MPPT 60 150"),
    "865-1032": (Kind.MPPT80, "MPPT 80 600"),
    "865-2524": (Kind.SW, "SW 2524-120/240"),
    "865-2524-61": (Kind.SW, "SW 2524-230"),
    "865-4024": (Kind.SW, "SW 4024-120/240"),
    "865-4024-61": (Kind.SW, "SW 4024-230"),
    "865-1050": (Kind.SCP, "System Control Panel"),
    "865-1058": (Kind.COMBOX, "ComBox"),
    "865-1059": (Kind.COMBOX, "Modbus Converter"),
    "865-1060": (Kind.AGS, "Automatic Generator Start"),
    "865-1080": (Kind.BATTMON, "Battery Monitor"),
}
"""Product number, with or without its last part, to kind and model."""

NAMES = {
    Kind.COMBOX: "ComBox",
    Kind.GATEWAY: "Conext Gateway",
    Kind.XW: "Conext XW",
    Kind.MPPT60: "MPPT 60",
    Kind.MPPT80: "MPPT 80",
    Kind.SW: "Conext SW",
    Kind.AGS: "Generator start",
    Kind.SCP: "Control panel",
    Kind.BATTMON: "Battery Monitor",
}
"""What a unit is called that has no name or model of its own."""


@dataclass(frozen=True, slots=True)
class Range:
    """Addresses that the gateway gives to one class of devices, unless the installer changes where they begin."""

    kind: Kind
    first: int
    last: int


RANGES = (
    Range(Kind.XW, 10, 29),
    Range(Kind.MPPT60, 30, 49),
    Range(Kind.MPPT80, 170, 189),
    Range(Kind.BATTMON, 190, 200),
    Range(Kind.AGS, 50, 69),
    Range(Kind.SCP, 70, 89),
    Range(Kind.SW, 90, 109),
)
COMBOX_ADDRESS, GATEWAY_ADDRESS = 201, 1
COMBOX_PORT, GATEWAY_PORT = 502, 503


def model_of(product_number: str) -> tuple[Kind, str] | None:
    """Kind and model of a product number, compared as a whole and then without its last part."""
    if found := MODELS.get(product_number):
        return found
    parts = product_number.split("-")
    return MODELS.get("-".join(parts[:2])) if len(parts) > 2 else None


def kind_at(address: int) -> Kind | None:
    """The class of devices that usually has that address; ``None`` for one that none has."""
    return next((each.kind for each in RANGES if each.first <= address <= each.last), None)
