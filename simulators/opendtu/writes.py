"""What a client writes: checks in the order of the firmware, then the effect (reference sections 4 and 12.6)."""

import json
from collections.abc import Callable
from typing import Any, TypeGuard

from . import replies
from .dtu import Dtu
from .numbers import Json
from .replies import reply
from .view import Limit, View

HIGHEST_LIMIT = 2250
LONGEST_NAME = 31
_SWITCHES = (
    "poll_enable",
    "poll_enable_night",
    "command_enable",
    "command_enable_night",
    "zero_runtime",
    "zero_day",
    "clear_eventlog",
    "yieldday_correction",
)


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _natural(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFFFF


def serial_number(text: str) -> int:
    """Read a serial number as the firmware does: the hexadecimal digits that the text begins with, 0 without any."""
    digits = text.strip().lower().removeprefix("0x")
    end = next((place for place, sign in enumerate(digits) if sign not in "0123456789abcdef"), len(digits))
    return int(digits[:end], 16) if end else 0


class Writes:
    """Handles the bodies of POST requests."""

    def __init__(self, dtu: Dtu, on_changed: Callable[[], None], on_reboot: Callable[[], None]) -> None:
        """``on_changed``: the settings changed; ``on_reboot``: a restart was asked for."""
        self._dtu = dtu
        self._on_changed = on_changed
        self._on_reboot = on_reboot
        self.paths: dict[str, Callable[[dict[str, Any]], dict[str, Json]]] = {
            "/api/limit/config": self._limit,
            "/api/power/config": self._power,
            "/api/maintenance/reboot": self._reboot,
            "/api/inverter/edit": self._edit,
        }

    def answer(self, path: str, text: str | None) -> dict[str, Json]:
        """Handle a write; ``text`` is what the form field holds, None without such a field."""
        if text is None:
            return self._reply(replies.NO_VALUES)
        try:
            data = json.loads(text)
        except ValueError:
            return self._reply(replies.NOT_PARSED)
        return self.paths[path](data if isinstance(data, dict) else {})

    def _reply(self, code: int, **param: int) -> dict[str, Json]:
        return reply(code, numbered=self._dtu.firmware.codes, **param)

    def _limit(self, data: dict[str, Any]) -> dict[str, Json]:
        serial, kind, value = data.get("serial"), data.get("limit_type"), data.get("limit_value")
        if not (isinstance(serial, str) and _number(value) and _natural(kind)):
            return self._reply(replies.MISSING)
        number = serial_number(serial)
        if number == 0:
            return self._reply(replies.LIMIT_SERIAL)
        if value > HIGHEST_LIMIT or (value < 0 and self._dtu.firmware.on_battery):
            return self._reply(replies.LIMIT_RANGE, max=HIGHEST_LIMIT)
        absolute, relative = self._dtu.firmware.persistent_types
        if kind not in {0, 1, absolute, relative}:
            return self._reply(replies.LIMIT_TYPE)
        view = self._dtu.find(number)
        if view is None:
            return self._reply(replies.LIMIT_INVERTER)
        self._dtu.set_limit(view, Limit(float(value), kind in {1, relative}, kind in {absolute, relative}))
        return self._reply(replies.SAVED)

    def _power(self, data: dict[str, Any]) -> dict[str, Json]:
        serial, power, restart = data.get("serial"), data.get("power"), data.get("restart")
        if not isinstance(serial, str) or not (isinstance(power, bool) or isinstance(restart, bool)):
            return self._reply(replies.MISSING)
        number = serial_number(serial)
        if number == 0:
            return self._reply(replies.POWER_SERIAL)
        view = self._dtu.find(number)
        if view is None:
            return self._reply(replies.POWER_INVERTER)
        if isinstance(power, bool):
            self._dtu.set_power(view, on=power)
        elif restart:
            self._dtu.set_power(view, on=None)
        return self._reply(replies.SAVED)

    def _reboot(self, data: dict[str, Any]) -> dict[str, Json]:
        wanted = data.get("reboot")
        if not isinstance(wanted, bool):
            return self._reply(replies.MISSING)
        if not wanted:
            return self._reply(replies.NO_REBOOT)
        self._on_reboot()
        return self._reply(replies.REBOOT)

    def _edit(self, data: dict[str, Any]) -> dict[str, Json]:
        number, serial, name, channels = (data.get(key) for key in ("id", "serial", "name", "channel"))
        if not _natural(number) or not isinstance(serial, str) or not isinstance(name, str):
            return self._reply(replies.MISSING)
        if not isinstance(channels, list):
            return self._reply(replies.MISSING)
        if serial_number(serial) == 0:
            return self._reply(replies.SERIAL_ZERO)
        if not 1 <= len(name) <= LONGEST_NAME:
            return self._reply(replies.NAME_LENGTH)
        view = next((view for view in self._dtu.views if view.configuration.id == number), None)
        if view is None:
            return self._reply(replies.INVALID_ID)
        if len(channels) != len(view.configuration.channel):
            return self._reply(replies.INVALID_CHANNELS)
        self._change(view, name, channels, data)
        self._on_changed()
        return self._reply(replies.INVERTER_CHANGED)

    @staticmethod
    def _change(view: View, name: str, channels: list[Any], data: dict[str, Any]) -> None:
        settings = view.configuration
        settings.name = name
        for key in _SWITCHES:
            setattr(settings, key, bool(data.get(key, False)))
        threshold = data.get("reachable_threshold")
        settings.reachable_threshold = threshold if _natural(threshold) else 2
        for channel, wanted in zip(settings.channel, channels, strict=True):
            channel.name = str(wanted.get("name", ""))
            channel.max_power = int(wanted.get("max_power", 0))
            channel.yield_total_offset = float(wanted.get("yield_total_offset", 0))
