"""Shows inverters to a Victron GX as DC loads and their sum as DC system, as far as their owner has agreed to it."""

import time
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, override

from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from ..const import DOMAIN
from ..flows.feed_in import ENTRY, SERIAL
from ..flows.victron_gx import ACCEPT_RISK, DBUS_PORT, ENABLED, PUBLISH, PUBLISHED
from ..providers import Host, Provider
from ..solarlink.control.feed_in_supervisor import SupervisorOrders
from ..solarlink.errors import BadAddressError
from ..solarlink.live import GatewayPicture
from ..solarlink.points import Point, Reading, Ref, Value
from .entity_values import readings_of
from .feed_in import FeedInControl
from .feed_in_sources import GatewayFeed

if TYPE_CHECKING:
    from ..solarlink.victron_gx.publisher import DcPublisher
    from .gx_data import InvertersForGx

VOLTAGE, DISCHARGE_LIMIT = "battery_voltage", "discharge_current_limit"
STATE, POWER = "gx_publisher_state", "gx_published_power"
ATTR_ERROR = "error"
ATTR_SERVICES = "services"


class GxPublisher(Provider):
    """Owns the points of the publisher; without the owner's consent it does nothing.

    What is shown becomes zero a minute after the inverters were last heard of, and is taken back after five, or at
    once when the entry is unloaded; a GX forgets it by itself when Home Assistant is killed.
    """

    key: ClassVar[str] = "gx_publisher"
    possible_troubles: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "foreign_dcsystem": ("services",),
        "bus_name_taken": ("services",),
    }

    def __init__(self, host: Host, points: Mapping[Ref, Point[Any]]) -> None:
        """Nothing is connected before it is started."""
        super().__init__(host, points)
        chosen = host.options.get(PUBLISH, {})
        self._chosen: Mapping[str, Any] = chosen if chosen.get(ENABLED) and chosen.get(ACCEPT_RISK) else {}
        self._names: dict[str, str] = {}
        self._serials: frozenset[str] = frozenset()
        self._inverters: InvertersForGx | None = None
        self._publisher: DcPublisher | None = None
        self._gateways: GatewayFeed | None = None
        self._failure: BadAddressError | None = None

    @override
    def wants(self, shown: Collection[Ref]) -> set[Ref]:
        refs = (self._battery_ref(VOLTAGE), self._battery_ref(DISCHARGE_LIMIT)) if self._chosen else ()
        return {ref for ref in refs if ref is not None}

    def _battery_ref(self, key: str) -> Ref | None:
        """Where a value of the battery comes from: the GX itself, else the first of its devices that has it."""
        units = self.host.client.installation.all_units
        return next((Ref(unit.id, key) for unit in units if key in self.host.points(unit)), None)

    @override
    async def async_start(self) -> None:
        if not self._chosen:
            return
        chosen = list(_inverters(self.host.hass, self._chosen.get(PUBLISHED, ())))
        self._serials = frozenset(each[SERIAL] for each in chosen)
        try:
            publisher, self._inverters = await self.host.hass.async_add_import_executor_job(self._build)
        except BadAddressError as err:
            # A GX may be reached by Modbus under an address that D-Bus does not take.
            self._failure = err
            return
        self._publisher = publisher
        self._gateways = GatewayFeed(self.host.hass, chosen, self._take)
        self._gateways.follow()
        self._show()
        publisher.start()

    def _build(self) -> tuple[DcPublisher, InvertersForGx]:
        from ..solarlink.victron_gx.publisher import DcPublisher  # noqa: PLC0415 - a thread may import
        from .gx_data import InvertersForGx  # noqa: PLC0415

        # Counters and trace are its own: those of the client say how Modbus does.
        publisher = DcPublisher(
            str(self.host.entry_data[CONF_HOST]).strip(),
            int(self._chosen.get(CONF_PORT, DBUS_PORT)),
            names=self._names,
            renamed=self._renamed,
            changed=self.host.tell,
        )
        return publisher, InvertersForGx(self._serials)

    @override
    async def async_step(self) -> None:
        if self._gateways is not None:
            # Entries of gateways come and go.
            self._gateways.follow()
            self._show()

    @override
    async def async_stop(self) -> None:
        if self._gateways is not None:
            self._gateways.stop()
        if self._publisher is not None:
            await self._publisher.close()

    # What is shown

    @callback
    def _take(self, picture: GatewayPicture) -> None:
        if self._inverters is not None:
            self._inverters.take(picture)
            self._show()

    @callback
    def _show(self) -> None:
        if self._publisher is None or self._inverters is None:
            return
        data = self._inverters.data(
            self._controls(),
            system_key=self.host.client.installation.root.serial,
            voltage=self._reading(VOLTAGE),
            discharge_limit=self._reading(DISCHARGE_LIMIT),
        )
        self._publisher.show(data)

    def _reading(self, key: str) -> Reading | None:
        """A value of the battery that may be believed."""
        ref = self._battery_ref(key)
        return self.host.reading(ref) if ref is not None and self.host.fresh(ref) else None

    def _controls(self) -> Iterator[SupervisorOrders]:
        """What the zero feed-in controls of these inverters decided last, of those that are on."""
        for entry in self.host.hass.config_entries.async_entries(DOMAIN):
            coordinator: Any = readings_of(entry)
            control = coordinator.provider(FeedInControl.key) if coordinator is not None else None
            if not isinstance(control, FeedInControl) or control.loop.orders is None or not control.choices.on:
                continue
            if any(control.controls(serial) for serial in self._serials):
                yield control.loop.orders

    # What people see

    @property
    @override
    def troubles(self) -> Mapping[str, Mapping[str, str]]:
        return self._publisher.troubles if self._publisher else {}

    @override
    def fresh(self, ref: Ref) -> bool:
        return True

    @override
    def reading(self, ref: Ref) -> Reading | None:
        return Reading(self._state if ref.key == STATE else self._power, time.monotonic())

    @property
    def _state(self) -> Value:
        if self._failure is not None:
            return "failed"
        return self._publisher.state.value if self._publisher else "stopped"

    @property
    def _power(self) -> float:
        """W that the GX is shown as DC system now."""
        shown = self._publisher.services if self._publisher else {}
        powers = [values["/Dc/0/Power"] for name, values in shown.items() if ".dcsystem." in name]
        return sum(float(power) for power in powers if isinstance(power, int | float))

    @override
    def attributes(self, ref: Ref) -> Mapping[str, Any]:
        if ref.key != STATE or not self._chosen:
            return {}
        services = self._publisher.services if self._publisher else {}
        return {ATTR_ERROR: str(self._error or ""), ATTR_SERVICES: sorted(services)}

    @property
    def _error(self) -> Exception | None:
        return self._publisher.error if self._publisher else self._failure

    @property
    @override
    def secrets(self) -> Collection[str]:
        # The sum has a name, too, and no number.
        return self._serials | {slot for slot in self._names if slot[:1].isdigit()}

    @override
    def diagnostics(self) -> dict[str, Any]:
        if self._publisher is None:
            return {"state": self._state, "error": str(self._error or "")}
        return {
            "state": self._state,
            "error": str(self._error or ""),
            # Their names differ by a serial number, which is taken out.
            "services": [{"name": name, **values} for name, values in self._publisher.services.items()],
            "link": self._publisher.stats.as_dict(),
            "trace": [record.as_dict() for record in self._publisher.trace],
        }

    # Names that people give on the GX

    def _renamed(self, slot: str, name: str | None) -> None:
        if name is None:
            self._names.pop(slot, None)
        else:
            self._names[slot] = name
        self.host.hass.async_create_task(self.host.async_remember(), "names on the GX")

    @override
    def as_dict(self) -> dict[str, Any]:
        return {"names": dict(self._names)}

    @override
    def load(self, saved: Mapping[str, Any]) -> None:
        names = saved.get("names")
        if isinstance(names, Mapping):
            self._names.update({str(slot): str(name) for slot, name in names.items()})


def _inverters(hass: HomeAssistant, device_ids: Collection[str]) -> Iterator[dict[str, str]]:
    """The chosen devices that are inverters of a gateway of ours, as ``GatewayFeed`` wants them."""
    registry = dr.async_get(hass)
    for device_id in device_ids:
        device = registry.async_get(device_id)
        for domain, identifier in device.identifiers if device else ():
            family, _, serial = identifier.partition("-")
            if device is not None and domain == DOMAIN and family == "opendtu" and device.config_entry_id:
                yield {ENTRY: device.config_entry_id, SERIAL: serial}
