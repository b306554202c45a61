"""The values of the entities of the zero feed-in control."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from ..solarlink.control.feed_in_loop import FeedInLoop
from ..solarlink.control.feed_in_loss import MeterState
from ..solarlink.control.feed_in_supervisor import Work
from ..solarlink.points import Value
from .feed_in_settings import DRY_RUN, FeedInChoices

ATTR_WOULD_SET = "would_set"
ATTR_OTHERS = "other_producers"
ATTR_PARK = "parked_because"
ATTR_MEAN_ERROR = "mean_error"
AGE_STEP = 5.0
"""Seconds in which the age of the last meter value is counted."""


def _round(number: float | None, digits: int = 1) -> float | None:
    return None if number is None else round(number, digits)


class FeedInValues:
    """Reads what people see from the rules and from what was set; nothing here decides anything."""

    def __init__(self, loop: FeedInLoop, choices: FeedInChoices) -> None:
        """Show these."""
        self._loop, self._choices = loop, choices
        self._shown: Mapping[str, Callable[[], Value]] = {
            "feed_in_state": self._state,
            "feed_in_reason": lambda: loop.reason.value,
            "feed_in_grid_power": lambda: _round(loop.grid) if self._meter_is_heard() else None,
            "feed_in_house_load": lambda: _round(loop.core.house_load_w) if self._meter_is_heard() else None,
            "feed_in_committed_power": lambda: _round(loop.core.committed_w),
            "feed_in_inverter_power": lambda: _round(loop.measured()),
            "feed_in_cap": lambda: _round(loop.orders.cap_w) if loop.orders else None,
            "feed_in_cap_reason": lambda: loop.orders.cap_reason.value if loop.orders else None,
            "feed_in_gate_reason": lambda: loop.orders.gate_reason.value if loop.orders else None,
            "feed_in_discharge_floor": lambda: loop.orders.discharge_floor_pct if loop.orders else None,
            "feed_in_import_today": lambda: _round(loop.figures.day.import_wh / 1000.0, 4),
            "feed_in_export_today": lambda: _round(loop.figures.day.export_wh / 1000.0, 4),
            "feed_in_rms_error": lambda: _round(loop.figures.rms_error_w),
            "feed_in_commands": lambda: loop.figures.commands_per_hour,
            "feed_in_dead_time": lambda: _round(loop.core.delay_s),
            "feed_in_confirm_time": lambda: _round(loop.core.confirm_s),
            "feed_in_meter_age": self._meter_age,
            "feed_in_meter_lost": self._meter_is_lost,
            "feed_in_gate_open": lambda: loop.orders.gate_open if loop.orders else None,
            "feed_in_limited_by_cap": lambda: loop.limited_by_cap,
            "feed_in_limited_by_temperature": lambda: loop.orders.limited_by_temperature if loop.orders else None,
            "feed_in_season_peak": lambda: loop.state.season.peak,
        }

    def of(self, key: str, serial: str | None) -> Value:
        """The value of a point of the controller, or of an inverter."""
        if serial is not None:
            return self._of_inverter(key, serial)
        if key in self._shown:
            return self._shown[key]()
        return self._choices.house.get(key)

    def _of_inverter(self, key: str, serial: str) -> Value:
        core, index = self._loop.core, self._loop.index(serial)
        match key:
            case "feed_in_wanted_limit":
                wanted = self._loop.would_set.get(serial) if self._loop.dry_run else None
                return _round(self._loop.commanded(serial) if wanted is None else wanted)
            case "feed_in_wanted_power":
                limit = self._of_inverter("feed_in_wanted_limit", serial)
                return _round(limit * core.inverters[index].p_nom / 100.0) if isinstance(limit, float) else None
            case "feed_in_usability":
                orders = self._loop.orders
                return (
                    next((each.reason.value for each in orders.inverters if each.serial == serial), None)
                    if orders
                    else None
                )
            case "feed_in_slew":
                return _round(core.slew(index) / core.inverters[index].p_nom * 100.0, 2)
        return self._choices.inverters[serial].get(key)

    def attributes(self, key: str, serial: str | None) -> Mapping[str, Any]:
        """What else people see beside a value."""
        loop = self._loop
        if serial is None and key == "feed_in_reason":
            return {ATTR_WOULD_SET: dict(loop.would_set)} if loop.dry_run else {}
        if serial is None and key == "feed_in_state" and loop.orders:
            return {ATTR_PARK: loop.orders.park.value}
        if serial is None and key == "feed_in_cap" and loop.orders:
            return {ATTR_OTHERS: _round(loop.orders.others_w)}
        if serial is None and key == "feed_in_rms_error":
            return {ATTR_MEAN_ERROR: _round(loop.figures.mean_error_w)}
        return {}

    def diagnostics(self, serials: Iterable[str]) -> dict[str, Any]:
        """What helps to understand a problem, as JSON can hold it."""
        loop, core = self._loop, self._loop.core
        return {
            "orders": asdict(loop.orders) if loop.orders else None,
            "surroundings": asdict(loop.surroundings),
            "core": {
                "reason": loop.reason.value,
                "house_load": core.house_load_w,
                "committed": core.committed_w,
                "modelled": core.modelled_w,
                "dead_time": core.delay_s,
                "confirm_time": core.confirm_s,
                "meter_period": core.period_s,
            },
            "inverters": {
                serial: {
                    "commanded": loop.commanded(serial),
                    "used": core.usable(index),
                    "gain": core.gain(index),
                    "slew": core.slew(index),
                }
                for serial in serials
                for index in [loop.index(serial)]
            },
        }

    def _state(self) -> Value:
        if not self._choices.on and self._choices.house[DRY_RUN] is not True:
            return Work.OFF.value
        return self._loop.orders.work.value if self._loop.orders else None

    def _meter_age(self) -> float | None:
        """In steps: that a meter is heard every second is not worth a line in the recorder each time."""
        age = self._loop.meter_age(time.monotonic())
        return None if age is None else AGE_STEP * (age // AGE_STEP)

    def _meter_is_heard(self) -> bool:
        return self._loop.orders is not None and self._loop.orders.meter in (MeterState.FRESH, MeterState.STALE)

    def _meter_is_lost(self) -> bool:
        return self._loop.orders is not None and self._loop.orders.meter in (MeterState.LOST, MeterState.NEVER)
