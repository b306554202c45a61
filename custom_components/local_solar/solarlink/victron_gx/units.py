"""Where on a GX the battery and the inverter and charger are (reference section 2.1)."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from ..errors import DeviceRefusedError
from ..links.modbus import ModbusLink
from .access import Access
from .codec import raw_of
from .registers import MAPS, Service

BATTERY_UNITS = (225, 226, 223, 224, *range(227, 240), *range(1, 21))
"""Where to look for a battery: the CAN bus first, then the ports of a Cerbo, USB, and other buses."""
VEBUS_UNITS = (227, 228, 246, 242, *range(239, 230, -1))
"""Where to look for the inverter and charger: the ports for VE.Bus first, then USB."""
ALIKE = 1.0
"""Percent by which the state of charge of the battery and of the system may differ."""


@dataclass(frozen=True, slots=True)
class BatterySearch:
    """What a search for the battery has found."""

    unit_id: int = 0
    """Where the battery is, 0 when none of those that answer agrees with the system."""
    others: tuple[int, ...] = ()
    """Where batteries answer that do not agree with the system."""


async def find_battery(access: Access) -> BatterySearch:
    """The battery that the system goes by: the one whose state of charge is that of the system.

    Raises ``NoAnswerError`` and ``LinkError``.
    """
    system = await access.fetch(Service.SYSTEM, ("battery_voltage", "state_of_charge"), name="Victron GX")
    known = system.number("state_of_charge") if system.number("battery_voltage") else None
    others: list[int] = []
    async for unit_id in _answering(access.link, BATTERY_UNITS, Service.BATTERY, "voltage"):
        found = await access.fetch(Service.BATTERY, ("state_of_charge",), name=f"Unit {unit_id}", unit_id=unit_id)
        charge = found.number("state_of_charge")
        if known is not None and charge is not None and abs(charge - known) <= ALIKE:
            return BatterySearch(unit_id)
        others.append(unit_id)
    return BatterySearch(others=tuple(others))


async def find_vebus(link: ModbusLink) -> int:
    """Where the inverter and charger is, 0 when it is nowhere. Raises ``NoAnswerError`` and ``LinkError``."""
    async for unit_id in _answering(link, VEBUS_UNITS, Service.VEBUS, "battery_voltage"):
        return unit_id
    return 0


async def _answering(link: ModbusLink, units: Iterable[int], service: Service, key: str) -> AsyncIterator[int]:
    """The unit ids at which a register of the service is there; a battery without a voltage is none."""
    register = MAPS[service][key]
    for unit_id in units:
        try:
            words = await link.read(unit_id, register.address, register.words, device=f"Unit {unit_id}", retries=0)
        except DeviceRefusedError:
            # Nobody is there, or somebody of another kind.
            continue
        if raw_of(register, words) or service is not Service.BATTERY:
            yield unit_id
