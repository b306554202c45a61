"""Where the zero feed-in control gets its meter, its inverters and its battery from, while they come and go."""

import math
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import UnitOfElectricCurrent, UnitOfElectricPotential, UnitOfPower, UnitOfTemperature
from homeassistant.core import Event, EventStateChangedData, EventStateReportedData, HomeAssistant, State, callback
from homeassistant.helpers.event import async_track_state_change_event, async_track_state_report_event
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_conversion import (
    BaseUnitConverter,
    ElectricCurrentConverter,
    ElectricPotentialConverter,
    PowerConverter,
    TemperatureConverter,
)

from ..flows import feed_in as asked
from ..solarlink.control.feed_in_loop import Surroundings
from ..solarlink.live import GatewayPicture, LimitClient, MeterClient, MeterReading, RelayClient, Unfollow
from .entity_values import EntityValue, flag_of, number_of, number_of_state, point_of, value_of_reading

HIGHEST_POWER = 43_470.0
"""W that no house connection of 63 A carries; a larger value is a mistake of the meter."""
BATTERY_LOST = 120.0
"""Seconds without data after which the rules close the gate."""
OTHERS_TOO_OLD = 120.0
"""Seconds after which the power of another producer is not known any more."""


def client_of(hass: HomeAssistant, entry_id: str | None) -> Any:
    """The client of an entry of ours while it is loaded."""
    entry: ConfigEntry[Any] | None = hass.config_entries.async_get_entry(entry_id) if entry_id else None
    if entry is None or entry.state is not ConfigEntryState.LOADED:
        return None
    return entry.runtime_data.client


class MeterFeed:
    """The grid power, from a meter of ours or from any power entity; signs and scale put right."""

    def __init__(self, hass: HomeAssistant, chosen: Mapping[str, Any], take: Callable[[MeterReading], None]) -> None:
        """Nothing is followed before ``follow``."""
        self._hass, self._chosen, self._take = hass, chosen, take
        self._client: MeterClient | None = None
        self._entity = ""
        self._unfollow: list[Unfollow] = []

    @callback
    def follow(self, *, entity: bool) -> None:
        """Follow the chosen source; to be called again and again, because entries are loaded and unloaded."""
        wanted = str(self._chosen[asked.METER_ENTITY]) if entity else ""
        client = None if entity else client_of(self._hass, self._chosen.get(asked.METER_ENTRY))
        client = client if isinstance(client, MeterClient) else None
        if (client, wanted) == (self._client, self._entity):
            return
        self.stop()
        self._client, self._entity = client, wanted
        if client is not None:
            self._unfollow.append(client.follow_meter(self._taken))
        if wanted:
            # A value that is reported again is as good as a new one, though its state does not change.
            self._unfollow += [
                async_track_state_change_event(self._hass, wanted, self._changed),
                async_track_state_report_event(self._hass, wanted, self._reported),
            ]

    @callback
    def stop(self) -> None:
        """Follow nothing."""
        for unfollow in self._unfollow:
            unfollow()
        self._unfollow.clear()
        self._client, self._entity = None, ""

    @callback
    def _changed(self, event: Event[EventStateChangedData]) -> None:
        if (state := event.data["new_state"]) is not None:
            self._tell(state)

    @callback
    def _reported(self, event: Event[EventStateReportedData]) -> None:
        self._tell(event.data["new_state"])

    def _tell(self, state: State) -> None:
        if (ours := point_of(self._hass, state.entity_id)) is not None:
            # Its state is written more often than it is measured.
            found = value_of_reading(*ours)
            if found.number is not None:
                self._taken(MeterReading(time.monotonic() - found.age, found.number))
            return
        power = number_of_state(state, PowerConverter, UnitOfPower.WATT)
        if power is not None:
            age = max((dt_util.utcnow() - state.last_reported).total_seconds(), 0.0)
            self._taken(MeterReading(time.monotonic() - age, power))

    @callback
    def _taken(self, reading: MeterReading) -> None:
        sign = -1.0 if self._chosen.get(asked.METER_INVERTED) else 1.0
        power = sign * float(self._chosen.get(asked.METER_SCALE, 1.0)) * reading.power
        if math.isfinite(power) and abs(power) <= HIGHEST_POWER:
            self._take(MeterReading(reading.at, power))


class GatewayFeed:
    """The pictures of all gateways that have one of our inverters, and the way back to them."""

    def __init__(
        self,
        hass: HomeAssistant,
        inverters: Iterable[Mapping[str, Any]],
        take: Callable[[GatewayPicture], None],
        *,
        left: Callable[[Collection[str]], None] = lambda serials: None,
        farewell: Callable[[Collection[str]], Awaitable[None]] | None = None,
    ) -> None:
        """Nothing is followed before ``follow``.

        ``left`` is told of the inverters whose gateway is not followed any more; ``farewell`` is awaited with them
        before the link of their gateway is closed.
        """
        self._hass, self._take, self._left, self._farewell = hass, take, left, farewell
        self._entry_of = {str(each[asked.SERIAL]): str(each[asked.ENTRY]) for each in inverters}
        self._followed: dict[str, tuple[LimitClient, list[Unfollow]]] = {}
        self._dismissed: dict[str, LimitClient] = {}
        """Clients that are about to be closed, by entry."""

    @callback
    def follow(self) -> list[str]:
        """Follow every gateway that is there; to be called again and again. Returns the inverters of new ones."""
        begun = []
        for entry_id in dict.fromkeys(self._entry_of.values()):
            entry = self._hass.config_entries.async_get_entry(entry_id)
            known = self._followed.get(entry_id)
            if entry is not None and entry.state is ConfigEntryState.UNLOAD_IN_PROGRESS:
                # Its link still stands, and the farewell is still to come.
                continue
            client = client_of(self._hass, entry_id)
            if known is not None and known[0] is client:
                continue
            if known is not None:
                self._leave(entry_id)
            if entry is None or not isinstance(client, LimitClient) or self._dismissed.get(entry_id) is client:
                continue
            self._dismissed.pop(entry_id, None)
            ends = [client.follow_inverters(self._take)]
            if self._farewell is not None:
                ends.append(entry.runtime_data.async_before_stop(partial(self._async_dismiss, entry_id)))
            self._followed[entry_id] = (client, ends)
            begun += self._serials(entry_id)
        return begun

    async def _async_dismiss(self, entry_id: str) -> None:
        if entry_id not in self._followed or self._farewell is None:
            return
        client = self._followed[entry_id][0]
        try:
            await self._farewell(self._serials(entry_id))
        finally:
            self._dismissed[entry_id] = client
            self._leave(entry_id)

    @callback
    def stop(self) -> None:
        """Follow nothing."""
        for entry_id in tuple(self._followed):
            self._leave(entry_id)

    def _leave(self, entry_id: str) -> None:
        _, ends = self._followed.pop(entry_id, (None, ()))
        for end in ends:
            end()
        self._left(self._serials(entry_id))

    def _serials(self, entry_id: str) -> list[str]:
        return [serial for serial, gateway in self._entry_of.items() if gateway == entry_id]

    def of(self, serial: str) -> LimitClient | None:
        """The gateway of an inverter while it is followed."""
        followed = self._followed.get(self._entry_of[serial])
        return followed[0] if followed else None


def relay_of(hass: HomeAssistant, chosen: Mapping[str, Any]) -> RelayClient | None:
    """The watchdog relay, where one was chosen and is there."""
    client = client_of(hass, chosen.get(asked.RELAY_ENTRY))
    return client if isinstance(client, RelayClient) else None


def surroundings(hass: HomeAssistant, chosen: Mapping[str, Any]) -> Surroundings:
    """What the chosen entities say of battery, other producers and grid now."""
    battery: Mapping[str, Any] = chosen.get(asked.BATTERY, {})
    others: Mapping[str, Any] = chosen.get(asked.OTHERS, {})

    def value(field: str, converter: type[BaseUnitConverter] | None = None, unit: str = "") -> EntityValue:
        entity_id = battery.get(field)
        return number_of(hass, entity_id, converter, unit) if entity_id else EntityValue(None, math.inf)

    def number(field: str, converter: type[BaseUnitConverter] | None = None, unit: str = "") -> float | None:
        found = value(field, converter, unit)
        return found.number if found.age <= longest else None

    longest = float(battery.get(asked.MAX_AGE, BATTERY_LOST))
    soc, volts = value(asked.STATE_OF_CHARGE), value(asked.VOLTAGE, ElectricPotentialConverter, "V")
    ages = [soc.age, *([volts.age] if battery.get(asked.STOP_VOLTAGE) is not None else [])]
    oldest = max(ages)
    ampere, volt = UnitOfElectricCurrent.AMPERE, UnitOfElectricPotential.VOLT
    current = number(asked.CURRENT, ElectricCurrentConverter, ampere)
    producers = list(others.get(asked.OTHER_PRODUCERS) or ())
    grid_lost = battery.get(asked.GRID_LOST)
    return Surroundings(
        soc=soc.number,
        battery_voltage=number(asked.VOLTAGE, ElectricPotentialConverter, volt),
        ccl=number(asked.CHARGE_LIMIT, ElectricCurrentConverter, ampere),
        dcl=number(asked.DISCHARGE_LIMIT, ElectricCurrentConverter, ampere),
        charge_current=None if current is None else -current if battery.get(asked.DISCHARGING_POSITIVE) else current,
        other_dc_w=number(asked.OTHER_DC_POWER, PowerConverter, UnitOfPower.WATT),
        battery_temperature=number(asked.TEMPERATURE, TemperatureConverter, UnitOfTemperature.CELSIUS),
        # Some integrations report a value only when it changes; then more patience was chosen.
        battery_data_t=None if math.isinf(oldest) else time.monotonic() - max(0.0, oldest - longest + BATTERY_LOST),
        others_configured=bool(producers),
        others_w=_others(hass, producers, inverted=bool(others.get(asked.OTHERS_INVERTED))),
        grid_down=bool(grid_lost) and flag_of(hass, str(grid_lost)).value is True,
    )


def _others(hass: HomeAssistant, producers: Iterable[str], *, inverted: bool) -> float | None:
    """The sum of other producers, W, positive when they produce; ``None`` while one of them is not known."""
    total = 0.0
    for entity_id in producers:
        found = number_of(hass, entity_id, PowerConverter, UnitOfPower.WATT)
        if found.number is None or found.age > OTHERS_TOO_OLD:
            return None
        total += -found.number if inverted else found.number
    return total
