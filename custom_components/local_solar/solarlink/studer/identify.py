"""Finds out what is there: the gateway by its GUID, the units by their serial numbers (reference section 10)."""

from dataclasses import replace
from typing import Any

from ..client import Installation, Progress, Unit
from ..errors import (
    BadAnswerError,
    DeviceAbsentError,
    DeviceRefusedError,
    NoAnswerError,
    NoDeviceError,
    NotSupportedError,
    WrongDeviceError,
)
from .codec import GATEWAY, Code, InfoItem, ObjectType, Property, decode_guid, fid, read_request
from .infos import info_value
from .points_gateway import GATEWAY_KIND
from .site import Site
from .units import (
    BATTERY_LINK,
    BATTERY_MONITOR,
    VARIO_STRING,
    VARIO_TRACK,
    XTENDER,
    UnitKind,
    describe,
)

MANUFACTURER = "Studer Innotec"
_PROBES = (XTENDER, VARIO_TRACK, VARIO_STRING, BATTERY_LINK, BATTERY_MONITOR)
_MAINS_VOLTAGE = 3126
"""Info of an Xtender: for which mains voltage it is made."""
_NO_FID = ("", "00000000", "FFFFFFFF")


class Finder:
    """Looks for the gateway and for units."""

    def __init__(self, site: Site) -> None:
        """Nothing is asked before it is wanted."""
        self._site = site
        self.guid = ""
        """GUID of the gateway that we know; empty for one that has none (a plain Xcom-232i)."""

    def expect(self, installation: Installation) -> None:
        """Take over what an earlier client knew of the line."""
        self.guid = installation.root.serial if "-" in installation.root.serial else ""
        self.guid = "" if self.guid.startswith("gateway-") else self.guid
        self._site.infos.together = bool(installation.facts.get("multi_info", True))
        source = installation.facts.get("source")
        self._site.exchange.source = source if isinstance(source, int) else None

    async def check_peer(self) -> None:
        """Check on a new connection, with the line in hand, that it is still the gateway that we know."""
        if not self.guid or self._site.known is None:
            return
        exchange = self._site.exchange
        answer = await exchange.ask_now(read_request(GATEWAY, ObjectType.GUID, 0, Property.NONE))
        found = decode_guid(answer.data)
        if found != self.guid:
            exchange.disown_peer()
            raise WrongDeviceError(expected=self.guid, found=found, address=exchange.address)

    async def _read_guid(self) -> str:
        request = read_request(GATEWAY, ObjectType.GUID, 0, Property.NONE)
        try:
            return decode_guid((await self._site.exchange.ask(request)).data)
        except NotSupportedError:
            return ""
        except DeviceRefusedError as err:
            if err.code in (Code.GATEWAY_BUSY, Code.RESPONSE_TIMEOUT):
                raise
            return ""

    async def find(self, progress: Progress | None) -> Installation:
        """Find the gateway and all units, with model, versions and serial number.

        Every family is probed upwards until the first address that is absent, and then at the addresses where a unit
        was known. Raises ``LinkError``, ``NoAnswerError``, ``WrongDeviceError``, ``NoDeviceError``.
        """
        tell = progress or (lambda share, name: None)
        tell(0.0, "gateway")
        guid = await self._read_guid()
        found: list[tuple[UnitKind, int]] = []
        for position, kind in enumerate(_PROBES):
            if kind is BATTERY_MONITOR and any(other is BATTERY_LINK for other, _ in found):
                # The two share one address and only one of them exists.
                continue
            known = {unit.address for unit in self._site.units if unit.kind == kind.key}
            missed = False
            for address in range(kind.base + 1, kind.base + 1 + kind.most):
                if missed and address not in known:
                    continue
                tell((1 + position) / (len(_PROBES) + 2), f"{kind.name} {address - kind.base}")
                if await self.present(kind, address):
                    found.append((kind, address))
                else:
                    missed = True
        if not found:
            raise NoDeviceError(address=self._site.exchange.address)
        tell(1 - 1 / (len(_PROBES) + 2), "models and serial numbers")
        installation = await self._describe(guid, found)
        self.guid = guid
        tell(1.0, "")
        return installation

    def vacancies(self) -> list[tuple[UnitKind, int]]:
        """Where the next unit of each family would be."""
        places = []
        taken = {unit.address for unit in self._site.units}
        for kind in _PROBES:
            free = [address for address in range(kind.base + 1, kind.base + 1 + kind.most) if address not in taken]
            if free:
                places.append((kind, free[0]))
        return places

    async def present(self, kind: UnitKind, address: int) -> bool:
        """Whether a unit of that kind answers at that address."""
        request = read_request(address, ObjectType.INFO, kind.probe, Property.INFO_VALUE)
        try:
            answer = await self._site.exchange.ask(request, retries=1, suspect_link=False)
        except DeviceAbsentError, NoAnswerError:
            return False
        except NotSupportedError:
            return kind.most > 1
        except DeviceRefusedError as err:
            # A battery link is asked for the numbers of a monitor and the other way round: "invalid data" is a no.
            return kind.most > 1 and err.code != Code.INVALID_DATA
        return _told(answer.data) or kind.most > 1

    async def _describe(self, guid: str, found: list[tuple[UnitKind, int]]) -> Installation:
        items = {InfoItem(n, address - kind.base): (kind, address, n) for kind, address in found for n in kind.identity}
        mains = [InfoItem(_MAINS_VOLTAGE, address - kind.base) for kind, address in found if kind is XTENDER][:1]
        outcomes = await self._site.infos.read([*items, *mains])
        units, voltages = [], []
        for kind, address in found:
            own = {
                n: value
                for item, (_, at, n) in items.items()
                if at == address and isinstance(value := outcomes[item], int | float)
            }
            described = describe(kind, own)
            voltages.append(described.voltage)
            index = address - kind.base
            units.append(
                Unit(
                    id=kind.key if kind.most == 1 else f"{kind.key}{index}",
                    kind=kind.key,
                    name=kind.name if kind.most == 1 else f"{kind.name} {index}",
                    serial=described.serial,
                    manufacturer=MANUFACTURER,
                    model=described.model,
                    firmware=described.firmware,
                    hardware=described.hardware,
                    address=address,
                )
            )
        # A plain Xcom-232i has no GUID; then the first unit's serial number stands for the installation.
        root_serial = guid or next((unit.serial for unit in units if unit.serial), "")
        if not root_serial:
            raise NoDeviceError(address=self._site.exchange.address)
        root = Unit(
            id="gateway",
            kind=GATEWAY_KIND,
            name="Studer gateway",
            serial=guid or f"gateway-{root_serial}",
            manufacturer=MANUFACTURER,
            model="Xcom-LAN" if guid else "Xcom-232i",
            address=GATEWAY,
        )
        facts: dict[str, Any] = {
            "source": self._site.exchange.source,
            "multi_info": self._site.infos.together,
            "battery_voltage": next((volts for volts in voltages if volts), None),
            "mains_voltage": next((v for item in mains if isinstance(v := outcomes[item], int | float) and v), None),
        }
        # A unit that does not tell its serial number is known by its place behind the gateway.
        named = tuple(_with_serial(unit, root_serial) for unit in units)
        return Installation(root, named, facts)

    def serial(self, unit: Unit, high: float, low: float) -> str:
        """The serial number that the two halves make for a unit at that place, as ``find`` would name it."""
        text = fid(high, low)
        root = self._site.installation.root.serial.removeprefix("gateway-")
        return f"{root}-{unit.id}" if text in _NO_FID else text


def _told(data: bytes) -> bool:
    """Whether an answer holds a value."""
    try:
        return info_value(data) is not None
    except BadAnswerError:
        return False


def _with_serial(unit: Unit, root_serial: str) -> Unit:
    if unit.serial:
        return unit
    return replace(unit, serial=f"{root_serial}-{unit.id}")
