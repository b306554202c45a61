"""Finds out what there is on a GX (reference section 2.1)."""

from ..client import Installation, Progress, Unit
from ..errors import DeviceRefusedError, NoGxError, ServiceGoneError
from ..links.modbus import ModbusLink
from .access import Access, Fetched
from .codec import text_of
from .facts import SYSTEM_UNIT, Facts
from .points_battery import BATTERY
from .points_system import SYSTEM
from .points_vebus import VEBUS
from .registers import MAPS, Service
from .units import BatterySearch, find_battery, find_vebus

MANUFACTURER = "Victron Energy"
NAME = "Victron GX"
_PORTAL_ID = 12
"""Characters of a VRM portal id."""
SERVICES = {BATTERY: Service.BATTERY, VEBUS: Service.VEBUS}
"""The service behind each kind of unit that the GX is not itself."""
_TEXTS = {
    SYSTEM: ("Victron GX", "Victron GX"),
    BATTERY: ("Battery", "Battery"),
    VEBUS: ("VE.Bus", "Multi or Quattro"),
}
"""What units are called where the owner has given them no name, and what they are."""


async def portal_id(link: ModbusLink) -> str:
    """The VRM portal id of the GX; raises ``NoGxError`` where there is none, and what ``ModbusLink.read`` raises."""
    register = MAPS[Service.SYSTEM]["serial"]
    try:
        words = await link.read(SYSTEM_UNIT, register.address, register.words, device=NAME)
    except DeviceRefusedError as err:
        raise NoGxError(address=link.address) from err
    text = text_of(words)
    if len(text) != _PORTAL_ID or not text.isalnum():
        raise NoGxError(address=link.address)
    return text.lower()


class Identification:
    """One look at everything."""

    def __init__(
        self,
        link: ModbusLink,
        *,
        known: Installation | None = None,
        facts: Facts | None = None,
        battery_unit: int = 0,
        access: Access | None = None,
        progress: Progress | None = None,
    ) -> None:
        """``known`` is what was there before, with its ``facts``: it is kept where it does not answer just now.

        ``battery_unit`` is the owner's word on the battery. Without ``access`` everything is found out anew.
        """
        self._link = link
        self._known = known
        self._before = facts or Facts()
        self._battery_unit = battery_unit
        self._progress = progress or (lambda share, name: None)
        self.access = access or Access(link, Facts())
        self.search = BatterySearch()
        """What came of the search for the battery."""

    async def run(self) -> Installation:
        """Look; raises ``NoGxError``, ``NoAnswerError`` and ``LinkError``."""
        self._progress(0.0, NAME)
        serial = await portal_id(self._link)
        if self._known is not None and self._known.root.serial != serial:
            self._known, self._before = None, Facts()
        await self.survey(Service.SYSTEM, NAME)
        settings = await self.survey(Service.SETTINGS, NAME)
        self._progress(0.2, "Battery")
        facts = self.access.facts
        facts.battery = self._battery_unit
        if not facts.battery:
            self.search = await find_battery(self.access)
            facts.battery = self.search.unit_id or self._before.battery
        self._progress(0.6, "VE.Bus")
        facts.vebus = await find_vebus(self._link) or self._before.vebus
        root = unit_of(SYSTEM, serial, SYSTEM_UNIT, settings.text("system_name"))
        units = [unit for kind in SERVICES if (unit := await self.unit(kind, serial)) is not None]
        self._progress(1.0, NAME)
        return Installation(root, tuple(units))

    async def unit(self, kind: str, serial: str) -> Unit | None:
        """The unit of that kind, with what its firmware lacks; ``None`` while it is not known where it is."""
        service = SERVICES[kind]
        unit_id = self.access.facts.unit_id(service)
        if not unit_id:
            return None
        try:
            found = await self.survey(service, _TEXTS[kind][0])
        except ServiceGoneError:
            # It was there, or its owner says so: its values come with it.
            self._keep(service)
            before = self._known.unit(kind) if self._known is not None else None
            return before or unit_of(kind, serial, unit_id)
        if service is Service.VEBUS and found.number("phases") in (1, 2, 3):
            self.access.facts.phases = int(found.number("phases") or 1)
        return unit_of(kind, serial, unit_id, found.text("custom_name"))

    def _keep(self, service: Service) -> None:
        """Take over what was known of a service that does not answer."""
        for now, before in (
            (self.access.facts.holes, self._before.holes),
            (self.access.facts.walls, self._before.walls),
        ):
            if service in before:
                now[service.value] = list(before[service])
        if service is Service.VEBUS:
            self.access.facts.phases = self._before.phases

    async def survey(self, service: Service, name: str) -> Fetched:
        """Read everything of a service once, so that it is known what its firmware lacks."""
        keys = [register.key for register in MAPS[service]]
        return await self.access.fetch(service, keys, name=name)


def unit_of(kind: str, serial: str, unit_id: int, name: str = "") -> Unit:
    """A unit of a GX. Of what hangs on the GX no serial number is told, so that of the GX is used with its kind."""
    default, model = _TEXTS[kind]
    return Unit(
        id=kind,
        kind=kind,
        name=name or default,
        serial=serial if kind == SYSTEM else f"{serial}-{kind}",
        manufacturer=MANUFACTURER,
        model=model,
        address=unit_id,
    )
