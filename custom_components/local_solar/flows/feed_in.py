"""What the owner of a zero feed-in is asked: meter, inverters, battery and cap, all of which others bring."""

from collections.abc import Iterable, Iterator, Mapping
from secrets import token_hex
from typing import Any

import voluptuous as vol
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import UnitOfPower
from homeassistant.core import HomeAssistant
from homeassistant.helpers import selector

from ..const import DOMAIN
from ..solarlink.client import Client, Installation
from ..solarlink.feed_in_control.client import CONTROLLER_ID, INVERTERS
from ..solarlink.feed_in_control.points import HIGHEST_LIMIT, LEGAL_LIMIT
from ..solarlink.live import LimitClient, MeterClient, RelayClient
from .sections import in_section

METER_ENTRY = "meter_entry"
METER_ENTITY = "meter_entity"
METER_INVERTED = "meter_inverted"
METER_SCALE = "meter_scale"
CHOSEN_INVERTERS = "chosen_inverters"
LEGAL_CAP = "legal_cap"
MAY_EXCEED = "may_exceed_legal_limit"
BATTERY = "battery"
OTHERS = "others"
STATE_OF_CHARGE = "state_of_charge"
VOLTAGE = "voltage"
CURRENT = "current"
DISCHARGING_POSITIVE = "discharging_positive"
CHARGE_LIMIT = "charge_current_limit"
DISCHARGE_LIMIT = "discharge_current_limit"
TEMPERATURE = "temperature"
OTHER_DC_POWER = "other_dc_power"
GRID_LOST = "grid_lost"
NO_BATTERY = "no_battery"
MAX_AGE = "max_age"
STOP_VOLTAGE = "stop_voltage"
START_VOLTAGE = "start_voltage"
OTHER_PRODUCERS = "other_producers"
OTHERS_INVERTED = "others_inverted"
STRICT = "strict"
RELAY_ENTRY = "relay_entry"

RELAY = "relay"
"""The point of a relay that can be held on."""
ENTRY = "entry_id"
"""Key in a chosen inverter: the entry of its gateway."""
SERIAL, NAME, MODEL, RATED, INPUTS = "serial", "name", "model", "rated_power", "inputs"


def _sensor(*device_classes: str, multiple: bool = False) -> selector.EntitySelector:
    return selector.EntitySelector(
        selector.EntitySelectorConfig(
            filter=[selector.EntityWithDeviceFilterSelectorConfig(domain="sensor", device_class=list(device_classes))],
            multiple=multiple,
        )
    )


def _volts() -> selector.NumberSelector:
    return selector.NumberSelector(
        selector.NumberSelectorConfig(
            min=10, max=70, step=0.1, unit_of_measurement="V", mode=selector.NumberSelectorMode.BOX
        )
    )


BATTERY_FIELDS: Mapping[vol.Marker, Any] = {
    vol.Optional(STATE_OF_CHARGE): _sensor("battery"),
    vol.Optional(VOLTAGE): _sensor("voltage"),
    vol.Optional(CURRENT): _sensor("current"),
    vol.Required(DISCHARGING_POSITIVE, default=False): selector.BooleanSelector(),
    vol.Optional(CHARGE_LIMIT): _sensor("current"),
    vol.Optional(DISCHARGE_LIMIT): _sensor("current"),
    vol.Optional(TEMPERATURE): _sensor("temperature"),
    vol.Optional(OTHER_DC_POWER): _sensor("power"),
    vol.Optional(GRID_LOST): selector.EntitySelector(
        selector.EntitySelectorConfig(filter=[selector.EntityWithDeviceFilterSelectorConfig(domain="binary_sensor")])
    ),
    vol.Required(MAX_AGE, default=120): selector.NumberSelector(
        selector.NumberSelectorConfig(
            min=120, max=3600, step=10, unit_of_measurement="s", mode=selector.NumberSelectorMode.BOX
        )
    ),
    vol.Optional(STOP_VOLTAGE): _volts(),
    vol.Optional(START_VOLTAGE): _volts(),
    vol.Required(NO_BATTERY, default=False): selector.BooleanSelector(),
}
OTHERS_FIELDS: Mapping[vol.Marker, Any] = {
    vol.Optional(OTHER_PRODUCERS, default=list): _sensor("power", multiple=True),
    vol.Required(OTHERS_INVERTED, default=False): selector.BooleanSelector(),
    vol.Required(STRICT, default=False): selector.BooleanSelector(),
}


def _choice(options: list[selector.SelectOptionDict], *, multiple: bool = False) -> selector.SelectSelector:
    return selector.SelectSelector(
        selector.SelectSelectorConfig(options=options, multiple=multiple, mode=selector.SelectSelectorMode.DROPDOWN)
    )


def loaded(hass: HomeAssistant, kind: type) -> list[ConfigEntry[Any]]:
    """The entries that work and whose client is of a kind."""
    return [
        entry
        for entry in hass.config_entries.async_entries(DOMAIN)
        if entry.state is ConfigEntryState.LOADED and isinstance(entry.runtime_data.client, kind)
    ]


def _entries(entries: Iterable[ConfigEntry[Any]]) -> list[selector.SelectOptionDict]:
    return [selector.SelectOptionDict(value=entry.entry_id, label=entry.title) for entry in entries]


def _has_relay(entry: ConfigEntry[Any]) -> bool:
    """Whether the device has a relay; a client of devices some of which have one offers it for all."""
    client: Client = entry.runtime_data.client
    return any(RELAY in client.points(unit) for unit in client.installation.all_units)


def inverters_near(hass: HomeAssistant) -> Iterator[dict[str, Any]]:
    """Every inverter behind the gateways that are loaded, as an entry keeps a chosen one."""
    for entry in loaded(hass, LimitClient):
        installation: Installation = entry.runtime_data.client.installation
        facts: Mapping[str, Any] = installation.facts.get("inverters", {})
        for unit in installation.units:
            if unit.kind == "inverter":
                known = facts.get(unit.serial, {})
                yield {
                    ENTRY: entry.entry_id,
                    SERIAL: unit.serial,
                    NAME: unit.name,
                    MODEL: unit.model,
                    RATED: (known.get("device") or {}).get("rated_power"),
                    INPUTS: known.get("inputs"),
                }


def choice_of(inverter: Mapping[str, Any]) -> str:
    """How an inverter is called in the form."""
    return f"{inverter[ENTRY]}/{inverter[SERIAL]}"


def form(hass: HomeAssistant, known: Mapping[str, Any]) -> vol.Schema:
    """The form with the meters, inverters and relays that there are now, and those that were chosen before."""
    inverters = {choice_of(each): each for each in (*known.get(INVERTERS, ()), *inverters_near(hass))}
    labels = [
        selector.SelectOptionDict(value=choice, label=f"{each[NAME]} ({each[MODEL]}, {each[SERIAL]})")
        for choice, each in inverters.items()
    ]
    relays = [entry for entry in loaded(hass, RelayClient) if _has_relay(entry)]
    return _form(_entries(loaded(hass, MeterClient)), labels, _entries(relays))


def _form(
    meters: list[selector.SelectOptionDict],
    inverters: list[selector.SelectOptionDict],
    relays: list[selector.SelectOptionDict],
) -> vol.Schema:
    watts = selector.NumberSelectorConfig(
        min=0, max=HIGHEST_LIMIT, step=10, unit_of_measurement=UnitOfPower.WATT, mode=selector.NumberSelectorMode.BOX
    )
    scale = selector.NumberSelectorConfig(min=0.001, max=1000, step="any", mode=selector.NumberSelectorMode.BOX)
    return vol.Schema(
        {
            vol.Optional(METER_ENTRY): _choice(meters),
            vol.Optional(METER_ENTITY): _sensor("power"),
            vol.Required(METER_INVERTED, default=False): selector.BooleanSelector(),
            vol.Required(METER_SCALE, default=1.0): selector.NumberSelector(scale),
            vol.Required(CHOSEN_INVERTERS): _choice(inverters, multiple=True),
            vol.Required(LEGAL_CAP, default=LEGAL_LIMIT): selector.NumberSelector(
                selector.NumberSelectorConfig(**watts)
            ),
            vol.Required(MAY_EXCEED, default=False): selector.BooleanSelector(),
            vol.Optional(RELAY_ENTRY): _choice(relays),
            **in_section(BATTERY, BATTERY_FIELDS, collapsed=False),
            **in_section(OTHERS, OTHERS_FIELDS),
        }
    )


SCHEMA = _form([], [], [])
"""The fields; what can be chosen in them is known only when the form is shown."""


def complaints(data: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the input."""
    found: dict[str, str] = {}
    battery = data.get(BATTERY, {})
    if not data.get(METER_ENTRY) and not data.get(METER_ENTITY):
        found[METER_ENTITY] = "no_meter"
    if not data.get(CHOSEN_INVERTERS):
        found[CHOSEN_INVERTERS] = "no_inverter"
    if data[LEGAL_CAP] > LEGAL_LIMIT and not data[MAY_EXCEED]:
        found[LEGAL_CAP] = "above_legal_limit"
    if not battery.get(STATE_OF_CHARGE) and not battery.get(NO_BATTERY):
        found["base"] = "no_state_of_charge"
    start, stop = battery.get(START_VOLTAGE), battery.get(STOP_VOLTAGE)
    if (start is None) != (stop is None) or (start is not None and stop is not None and start <= stop):
        found["base"] = "voltage_order"
    elif stop is not None and not battery.get(VOLTAGE):
        found["base"] = "no_battery_voltage"
    return found


def settle(hass: HomeAssistant, data: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry keeps of the input; ``known`` is what it kept before."""
    there = {choice_of(each): each for each in (*known.get(INVERTERS, ()), *inverters_near(hass))}
    chosen = [there[choice] for choice in data[CHOSEN_INVERTERS] if choice in there]
    return {**data, INVERTERS: chosen, CONTROLLER_ID: known.get(CONTROLLER_ID) or token_hex(4)}
