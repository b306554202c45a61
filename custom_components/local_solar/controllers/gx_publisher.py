"""Shows inverters to a Victron GX as DC loads and their sum as DC system, as far as their owner has agreed to it."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, override

from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from ..const import DOMAIN
from ..flows.feed_in import ENTRY, SERIAL
from ..flows.victron_gx import DBUS_PORT, ENABLED, PUBLISH, PUBLISHED
from ..providers import Host, Provider
from ..solarlink.control.feed_in_supervisor import SupervisorOrders
from ..solarlink.live import GatewayPicture, InverterPicture
from ..solarlink.points import Point, Reading, Ref, Value
from .entity_values import readings_of
from .feed_in import FeedInControl
from .feed_in_sources import GatewayFeed

if TYPE_CHECKING:
    from ..solarlink.victron_gx.dc_values import DcData
    from ..solarlink.victron_gx.publisher import DcPublisher

VOLTAGE, DISCHARGE_LIMIT = "battery_voltage", "discharge_current_limit"
ATTR_ERROR = "error"
ATTR_SERVICES = "services"


class GxPublisher(Provider):
    """Owns the points of the publisher; without the owner's consent it does nothing."""

    key: ClassVar[str] = "gx_publisher"
    possible_troubles: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "foreign_dcsystem": ("services",),
        "bus_name_taken": ("name",),
    }

    def __init__(self, host: Host, points: Mapping[Ref, Point[Any]]) -> None:
        """Nothing is connected before it is started."""
        super().__init__(host, points)
        chosen = host.options.get(PUBLISH, {})
        self._chosen: Mapping[str, Any] = chosen if chosen.get(ENABLED) else {}
        self._names: dict[str, str] = {}
        self._serials: Collection[str] = ()
        self._pictures: dict[str, InverterPicture] = {}
        self._publisher: DcPublisher | None = None
        self._shown: Callable[..., DcData] | None = None
        self._gateways: GatewayFeed | None = None

    @override
    def wants(self, shown: Collection[Ref]) -> set[Ref]:
        return set(self._battery_refs().values()) if self._chosen else set()

    def _battery_refs(self) -> dict[str, Ref]:
        installation = self.host.client.installation
        return {
            key: Ref(unit.id, key)
            for key in (VOLTAGE, DISCHARGE_LIMIT)
            for unit in reversed(installation.all_units)
            if key in self.host.points(unit)
        }

    @override
    async def async_start(self) -> None:
        if not self._chosen:
            return
        inverters = list(_inverters(self.host.hass, self._chosen.get(PUBLISHED, ())))
        self._publisher = await self.host.hass.async_add_import_executor_job(self._build)
        self._serials = {each[SERIAL] for each in inverters}
        self._gateways = GatewayFeed(self.host.hass, inverters, self._take)
        self._gateways.follow()
        self._show()
        self._publisher.start()

    def _build(self) -> DcPublisher:
        from ..solarlink.victron_gx.publisher import DcPublisher  # noqa: PLC0415 - a thread may import
        from .gx_data import shown  # noqa: PLC0415

        self._shown = shown
        return DcPublisher(
            str(self.host.entry_data[CONF_HOST]).strip(),
            int(self._chosen.get(CONF_PORT, DBUS_PORT)),
            names=self._names,
            renamed=self._renamed,
            changed=self.host.tell,
            stats=self.host.client.stats,
            trace=self.host.client.trace,
        )

    @override
    async def async_step(self) -> None:
        if self._gateways is not None:
            self._gateways.follow()
            self._show()

    @override
    async def async_stop(self) -> None:
        if self._gateways is not None:
            self._gateways.stop()
        if self._publisher is not None:
            await self._publisher.close()
            self._publisher = None

    # What is shown

    @callback
    def _take(self, picture: GatewayPicture) -> None:
        self._pictures |= {each.serial: each for each in picture.inverters if each.serial in self._serials}
        self._show()

    @callback
    def _show(self) -> None:
        if self._publisher is None or self._shown is None:
            return
        data = self._shown(
            self._pictures.values(),
            self._orders(),
            system_key=self.host.client.installation.root.serial,
            voltage=self._reading(VOLTAGE),
            discharge_limit=self._reading(DISCHARGE_LIMIT),
        )
        self._publisher.show(data)

    def _reading(self, key: str) -> Reading | None:
        """A value of the battery that may be believed."""
        ref = self._battery_refs().get(key)
        return self.host.reading(ref) if ref is not None and self.host.fresh(ref) else None

    def _orders(self) -> Iterator[SupervisorOrders]:
        for entry in self.host.hass.config_entries.async_entries(DOMAIN):
            coordinator: Any = readings_of(entry)
            control = coordinator.provider(FeedInControl.key) if coordinator is not None else None
            if not isinstance(control, FeedInControl) or control.loop.orders is None or not control.choices.on:
                continue
            if any(control.controls(serial) for serial in self._pictures):
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
        return Reading(self._value(ref.key), time.monotonic())

    def _value(self, key: str) -> Value:
        if key == "gx_publisher_state":
            return self._publisher.state.value if self._publisher else "stopped"
        shown = self._publisher.services if self._publisher else {}
        powers = [values["/Dc/0/Power"] for name, values in shown.items() if ".dcsystem." in name]
        return float(powers[0]) if powers and isinstance(powers[0], int | float) else 0.0

    @override
    def attributes(self, ref: Ref) -> Mapping[str, Any]:
        if ref.key != "gx_publisher_state" or self._publisher is None:
            return {}
        return {ATTR_ERROR: str(self._publisher.error or ""), ATTR_SERVICES: sorted(self._publisher.services)}

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
