"""Local Solar: inverters, batteries and meters in the house, without any cloud."""

from contextlib import suppress

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import config_validation as cv, device_registry as dr, entity_registry as er
from homeassistant.helpers.typing import ConfigType

from .const import CONF_FAMILY, CONF_LINK, DOMAIN
from .coordinator import SolarConfigEntry, SolarCoordinator
from .dashboard import async_setup_dashboard
from .descriptions import PLATFORMS
from .families import FAMILIES, identifier
from .opening import async_open_client
from .services import async_setup_actions
from .solarlink.client import CataloguedClient, Unit
from .solarlink.errors import UnknownPointError
from .store import Memory, async_forget

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what all entries share."""
    await async_setup_dashboard(hass)
    async_setup_actions(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: SolarConfigEntry) -> bool:
    """Set up one installation."""
    memory = Memory(hass, entry.entry_id)
    await memory.async_load()
    link = FAMILIES[entry.data[CONF_FAMILY]].links[entry.data[CONF_LINK]]
    settings = {**entry.data, **entry.options}
    client = await async_open_client(hass, entry.data[CONF_FAMILY], link.address(entry.data), memory.journal, settings)
    entry.async_on_unload(client.close)
    coordinator = SolarCoordinator(hass, entry, client, memory)

    async def stop(_event: Event) -> None:
        await coordinator.async_stop()
        await client.close()

    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop))
    await coordinator.async_config_entry_first_refresh()
    entry.runtime_data = coordinator
    _register_devices(hass, entry)
    _forget_unpicked(hass, entry)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    await coordinator.async_start()
    return True


def _register_devices(hass: HomeAssistant, entry: SolarConfigEntry) -> None:
    """Tell the registry who is there; the root comes first, because the others hang on it."""
    installation = entry.runtime_data.installation
    root = _register_device(hass, entry, installation.root)
    for unit in installation.units:
        _register_device(hass, entry, unit, via=root)


def _register_device(
    hass: HomeAssistant, entry: SolarConfigEntry, unit: Unit, via: dr.DeviceEntry | None = None
) -> dr.DeviceEntry:
    return dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, identifier(entry.runtime_data.family_key, unit))},
        connections={(dr.CONNECTION_NETWORK_MAC, dr.format_mac(unit.mac))} if unit.mac else set(),
        name=unit.name,
        manufacturer=unit.manufacturer,
        model=unit.model,
        serial_number=unit.serial,
        sw_version=unit.firmware or None,
        hw_version=unit.hardware or None,
        via_device_id=via.id if via else None,
    )


def _forget_unpicked(hass: HomeAssistant, entry: SolarConfigEntry) -> None:
    """Delete entities of catalogue points that the owner has taken out of the options again."""
    coordinator = entry.runtime_data
    client = coordinator.client
    if not isinstance(client, CataloguedClient):
        return
    registry = er.async_get(hass)
    units = {identifier(coordinator.family_key, unit): unit for unit in coordinator.installation.all_units}
    for entity in er.async_entries_for_config_entry(registry, entry.entry_id):
        place, _, key = entity.unique_id.rpartition("-")
        unit = units.get(place)
        # Keys of the catalogue end with the number; those of the table stay, because a unit may know them again.
        if unit is None or key in client.points(unit) or not key.rpartition("_")[2].isdecimal():
            continue
        with suppress(UnknownPointError):
            if client.find(unit, key).key == key:
                registry.async_remove(entity.entity_id)


async def async_unload_entry(hass: HomeAssistant, entry: SolarConfigEntry) -> bool:
    """Unload one installation; its client is closed afterwards."""
    unloaded = await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
    if unloaded:
        await entry.runtime_data.async_stop()
    return unloaded


async def async_remove_entry(hass: HomeAssistant, entry: SolarConfigEntry) -> None:
    """Delete what was remembered of the installation."""
    await async_forget(hass, entry.entry_id)


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: SolarConfigEntry, device: dr.DeviceEntry
) -> bool:
    """Let people delete the devices that are not there any more."""
    coordinator = entry.runtime_data
    present = {(DOMAIN, identifier(coordinator.family_key, unit)) for unit in coordinator.installation.all_units}
    return not device.identifiers & present
