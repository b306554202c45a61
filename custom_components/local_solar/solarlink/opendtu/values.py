"""The value of a point out of the picture of the DTU, with what people may want to know besides.

Pure: the caller brings the clocks, the monotonic one and that of the wall.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..client import Unit
from ..errors import DeviceAbsentError, SolarError
from ..live import LimitStatus
from ..points import Access, Quantity, Reading, Value
from .address import DtuPoint, Source
from .alarms import SHUT_DOWN
from .codec import DEVICE, flag, number, text_of
from .codec_status import time_of_day
from .events import active_faults
from .inverter import Inverter
from .models import type_of
from .points_battery import BATTERY_KIND, CHARGER_KIND, GRID_CHARGER_KIND, METER_KIND
from .points_dtu import DTU_KIND
from .points_inverter import INVERTER_KIND, LIMIT_ABSOLUTE, LIMIT_RELATIVE, SWITCH
from .state import State

type Details = Mapping[str, str | int | float | bool]

_TAKES_EFFECT = 10.0
"""Seconds from the confirmation of a power command to its effect, generously."""
_SAME_BOOT = timedelta(seconds=60)
_DISCHARGING = ("power", "current")
"""The DTU counts charging positive; here discharging is."""
_PARTS = {BATTERY_KIND: "battery", GRID_CHARGER_KIND: "grid_charger", METER_KIND: "meter"}
STATES = {
    LimitStatus.OK: "ok",
    LimitStatus.PENDING: "pending",
    LimitStatus.FAILURE: "failed",
    LimitStatus.UNKNOWN: "unknown",
}
_SHARES = {"memory_used": "heap", "storage_used": "littlefs"}


@dataclass(slots=True)
class Values:
    """Makes readings of what is known."""

    state: State
    switched: dict[str, tuple[bool, float]] = field(default_factory=dict)
    """Inverters that were switched on or off by us and confirmed it, and when."""
    _booted: datetime | None = None

    def reading(self, unit: Unit, point: DtuPoint, now: float, wall: datetime) -> Reading:
        """The reading of a point now; raises ``DeviceAbsentError`` for a unit that is gone."""
        if point.quantity is Quantity.EVENT or point.access is Access.PRESS:
            return Reading(None, now)
        match unit.kind:
            case kind if kind == DTU_KIND:
                return Reading(self._dtu(point, now, wall), now, details=self._dtu_details(point))
            case kind if kind == INVERTER_KIND:
                return self._inverter(unit, point, now)
            case kind if kind == CHARGER_KIND:
                return Reading(self._charger(unit, point), now)
        return Reading(self._part(unit, point), now)

    # The DTU

    def _dtu(self, point: DtuPoint, now: float, wall: datetime) -> Value:
        state, name = self.state, point.address.name
        match point.address.source:
            case Source.LIVE:
                match point.key:
                    case "ac_output_power":
                        return state.total_power(now)
                    case "yield_today":
                        return state.total_energy("YieldDay", now)
                    case "yield_total":
                        return state.total_energy("YieldTotal", now)
                    case "inverters_reachable":
                        return sum(each.live.reachable for each in state.inverters.values())
                    case "inverters_producing":
                        return sum(each.live.producing for each in state.inverters.values())
                return state.hint(name)
            case Source.LIMITER:
                return state.limiter.enabled if state.limiter else None
            case Source.SYSTEM if name in _SHARES:
                used, total = (number(state.system.get(f"{_SHARES[name]}_{what}")) for what in ("used", "total"))
                return None if used is None or not total else round(100.0 * used / total, 1)
            case Source.SYSTEM if name == "uptime":
                return self._boot_time(now, wall)
        answers = {
            Source.SYSTEM: state.system,
            Source.NETWORK: state.network,
            Source.CLOCK: state.clock,
            Source.CONFIG: state.config,
        }
        value = answers[point.address.source].get(name)
        match point.quantity:
            case Quantity.FLAG | Quantity.PROBLEM:
                return flag(value)
            case Quantity.TEXT:
                return text_of(value) or None
        return number(value)

    def _boot_time(self, now: float, wall: datetime) -> datetime | None:
        """When the DTU was started; the same until it is started again, though two answers differ by a second."""
        uptime = self.state.uptime(now)
        if uptime is None:
            return None
        booted = (wall - timedelta(seconds=uptime)).replace(microsecond=0)
        if self._booted is None or abs(booted - self._booted) > _SAME_BOOT:
            self._booted = booted
        return self._booted

    def _dtu_details(self, point: DtuPoint) -> Details:
        system = self.state.system
        match point.key:
            case "memory_used":
                names = {"heap_total": "total", "heap_max_block": "largest_block", "heap_min_free": "lowest_free"}
                return {name: int(size) for key, name in names.items() if (size := number(system.get(key))) is not None}
            case "restart_reason":
                return {"second_core": other} if (other := text_of(system.get("resetreason_1"))) else {}
            case "inverters_reachable" | "inverters_producing":
                return {"inverters": len(self.state.inverters)}
        return {}

    # Inverters

    def _inverter(self, unit: Unit, point: DtuPoint, now: float) -> Reading:
        inverter = self.state.inverters.get(unit.serial)
        if inverter is None:
            raise absent(unit)
        channel = point.address.channel
        details: dict[str, str | int | float | bool] = {}
        if channel is not None and (name := inverter.string_name(channel)):
            details["string"] = name
        at = inverter.seen_at
        match point.address.source:
            case Source.LIVE:
                value = self._live_value(inverter, point, now)
            case Source.LIMIT:
                value, at = self._limit_value(inverter, point), max(inverter.limit_at, inverter.seen_at)
            case Source.EVENTS:
                faults = active_faults(type_of(unit.serial).family, self.state.logs.get(unit.serial, ()))
                value, at = bool(faults) if unit.serial in self.state.logs else None, now
                if faults:
                    details["events"] = "; ".join(f"{each.message or each.message_id}" for each in faults)
                    details["since"] = time_of_day(faults[0].start)
            case Source.DEVICE:
                device = self.state.devices.get(unit.serial)
                value, at = (device.built or None) if device else None, now
            case Source.GRID_PROFILE:
                value, at = self.state.profiles.get(unit.serial) or None, now
            case Source.LIST:
                value, at = self.state.commands_enabled(unit.serial), now
            case _:
                value, at = self.state.governed(unit.serial), now
        return Reading(value, at, details=details)

    def _live_value(self, inverter: Inverter, point: DtuPoint, now: float) -> Value:
        live, name = inverter.live, point.address.name
        match name:
            case "reachable":
                return live.reachable
            case "producing":
                return live.producing
            case "poll_enabled":
                return live.poll_enabled
            case "data_age":
                return round(now - inverter.sampled_at, 1)
            case "events":
                return inverter.full.events if inverter.full else None
            case "success_rate":
                sent, answered = live.radio.get("tx_request"), live.radio.get("rx_success")
                return None if not sent or answered is None else round(min(100.0 * answered / sent, 100.0), 1)
            case _ if point.key == SWITCH:
                return self._switched_on(inverter)
            case _ if point.key.startswith("radio_"):
                return live.radio.get(name)
        return inverter.value(name, now, self.state.longest, point.address.channel)

    def _switched_on(self, inverter: Inverter) -> bool | None:
        """Whether it was not switched off by command; ``None`` when nothing says so: the DTU does not keep it."""
        serial = inverter.serial
        log = self.state.logs.get(serial, ())
        on, at = self.switched.get(serial, (None, -math.inf))
        # The values of a while after the command are still those from before.
        if inverter.live.producing and inverter.sampled_at > at + _TAKES_EFFECT:
            return True
        if on is not None:
            return on
        if any(entry.active and entry.message_id == SHUT_DOWN for entry in log):
            return False
        return None

    def _limit_value(self, inverter: Inverter, point: DtuPoint) -> Value:
        match point.address.name:
            case name if name == LIMIT_RELATIVE:
                return inverter.limit_relative
            case name if name == LIMIT_ABSOLUTE:
                relative, rated = inverter.limit_relative, inverter.rated_power
                return None if relative is None or rated is None else round(relative * rated / 100.0, 1)
            case "max_power":
                return inverter.rated_power
        return STATES[inverter.limit.status] if inverter.limit else None

    # OpenDTU-OnBattery

    def _part(self, unit: Unit, point: DtuPoint) -> Value:
        name = point.address.name
        if point.address.source is Source.BATTERY:
            return self.state.battery.get(name)
        values = self.state.parts.get(_PARTS[unit.kind])
        if values is None:
            raise absent(unit)
        value = values.get(name)
        if unit.kind == BATTERY_KIND and name == "power" and value is None:
            voltage, current = values.get("voltage"), values.get("current")
            value = None if voltage is None or current is None else round(voltage * current, 1)
        if unit.kind == BATTERY_KIND and name in _DISCHARGING and value is not None:
            # 0.0 is added so that nothing becomes a negative zero.
            return 0.0 - value
        return value

    def _charger(self, unit: Unit, point: DtuPoint) -> Value:
        charger = self.state.chargers.get(unit.serial)
        if charger is not None:
            return charger.values.get(point.address.name)
        values = self.state.parts.get("solar_charger")
        if values is None:
            raise absent(unit)
        return values.get(point.address.name)


def absent(unit: Unit) -> SolarError:
    """The error for a unit that the DTU does not name any more."""
    return DeviceAbsentError(device=unit.name, code=unit.serial, reason=f"{DEVICE} does not name it")
