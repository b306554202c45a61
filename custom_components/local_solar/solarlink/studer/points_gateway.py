"""The points of the whole installation: sums over all units, and the messages of the system."""

from typing import Any

from ..points import Counting, Integral, Pace, Part, Point, Quantity
from .address import KILO, ScomAddress, StuderPoint, total
from .codec import ObjectType

GATEWAY_KIND = "gateway"

MESSAGES = "messages"
"""Key of the point that reports what the system says."""

MESSAGE_KINDS = {0: "info", 1: "warning", 2: "error", 3: "halted"}
"""How bad a message is; the device stops at the last kind (reference, table of messages)."""


def _total(key: str, name: str, quantity: Quantity, unit: str, address: ScomAddress, **more: Any) -> StuderPoint:
    return Point(key=key, name=name, unit_kind=GATEWAY_KIND, quantity=quantity, unit=unit, address=address, **more)


def _energy(key: str, name: str, counting: Counting, address: ScomAddress, **more: Any) -> StuderPoint:
    return _total(key, name, Quantity.ENERGY, "kWh", address, counting=counting, pace=Pace.MINUTE, **more)


SYSTEM: tuple[StuderPoint, ...] = (
    _total("total_pv_power", "PV power, total", Quantity.POWER, "W", total(11004, 15010, factor=KILO), enabled=True),
    _total(
        "total_ac_output_power",
        "AC output power, total",
        Quantity.POWER,
        "W",
        total(3136, factor=KILO),
        enabled=True,
    ),
    _total(
        "total_ac_input_power", "AC input power, total", Quantity.POWER, "W", total(3137, factor=KILO), enabled=True
    ),
    _energy("total_pv_energy_today", "PV energy today, total", Counting.TODAY, total(11007, 15017), enabled=True),
    _energy("total_pv_energy_yesterday", "PV energy yesterday, total", Counting.PERIOD, total(11011, 15027)),
    _energy(
        "total_pv_energy",
        "PV energy total, all chargers",
        Counting.TOTAL,
        total(11009, 15023, factor=KILO),
        enabled=True,
    ),
    _energy("total_ac_output_energy_today", "AC output energy today, total", Counting.TODAY, total(3083), enabled=True),
    _energy("total_ac_output_energy_yesterday", "AC output energy yesterday, total", Counting.PERIOD, total(3082)),
    _energy("total_ac_input_energy_today", "AC input energy today, total", Counting.TODAY, total(3081), enabled=True),
    _energy("total_ac_input_energy_yesterday", "AC input energy yesterday, total", Counting.PERIOD, total(3080)),
    # Whether 3081 counts what is fed in as negative is not documented, so both directions are summed up from the power.
    _energy(
        "grid_import_energy",
        "Grid import energy",
        Counting.TOTAL,
        total(3137),
        integral=Integral("total_ac_input_power"),
        enabled=True,
    ),
    _energy(
        "grid_export_energy",
        "Grid export energy",
        Counting.TOTAL,
        total(3137),
        integral=Integral("total_ac_input_power", Part.NEGATIVE),
        enabled=True,
    ),
    Point(
        key=MESSAGES,
        name="Messages",
        unit_kind=GATEWAY_KIND,
        quantity=Quantity.EVENT,
        options=MESSAGE_KINDS,
        address=ScomAddress(ObjectType.MESSAGE, 0),
        enabled=True,
    ),
)
