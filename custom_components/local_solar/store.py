"""What one entry remembers on disk: the journal of writes, the pause, and what was there when it began."""

import time as monotonic_time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, time
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import Store

from .const import DOMAIN
from .solarlink.client import Installation, Unit
from .solarlink.journal import Journal
from .solarlink.points import Point, Quantity, Reading, Ref, Value

VERSION = 1


def _store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, Any]]:
    return Store(hass, VERSION, f"{DOMAIN}.{entry_id}")


async def async_forget(hass: HomeAssistant, entry_id: str) -> None:
    """Delete what was kept for an entry."""
    await _store(hass, entry_id).async_remove()


class Memory:
    """The memory of one entry. Every change is written at once: it must survive a power cut."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Nothing is known before ``async_load``."""
        self._disk = _store(hass, entry_id)
        self.journal = Journal(changed=self.save)
        self.paused = False
        self.installation: Installation | None = None
        self.frozen: Mapping[Ref, Reading] = {}
        """The readings that are shown during a pause."""
        self._loaded_values: list[dict[str, Any]] = []
        self._kept: dict[str, dict[str, Any]] = {}
        self._keepers: dict[str, Callable[[], dict[str, Any]]] = {}

    async def async_load(self) -> None:
        """Read what was saved."""
        data = await self._disk.async_load() or {}
        self.journal.load(data.get("journal", {}))
        self.paused = bool(data.get("paused", False))
        self.installation = _unpack_installation(data.get("installation"))
        self._loaded_values = data.get("values", [])
        self._kept = data.get("providers", {})

    def restore(self, points: Mapping[Ref, Point[Any]]) -> dict[Ref, Reading]:
        """The readings that were shown when the pause was saved, for the points that still exist."""
        now = monotonic_time.monotonic()
        readings = {}
        for saved in self._loaded_values:
            ref = Ref(saved["unit"], saved["key"])
            if point := points.get(ref):
                value, stored = (_unpack(point, saved[name]) for name in ("value", "stored"))
                readings[ref] = Reading(value, now, stored)
        return readings

    def kept(self, key: str) -> Mapping[str, Any]:
        """What the provider of that name had to remember when it was saved last."""
        return self._kept.get(key, {})

    def keep(self, key: str, what: Callable[[], dict[str, Any]]) -> None:
        """Ask ``what`` from now on whenever something is saved."""
        self._keepers[key] = what

    def providers(self) -> dict[str, Any]:
        """What all providers have to remember; that of one that is not there now is kept."""
        return self._kept | {key: what() for key, what in self._keepers.items()}

    @callback
    def save(self) -> None:
        """Write everything to disk as soon as the event loop comes round to it."""
        self._disk.async_delay_save(self._as_dict, 0)

    async def async_flush(self) -> None:
        """Write everything to disk and return when it is there."""
        await self._disk.async_save(self._as_dict())

    def _as_dict(self) -> dict[str, Any]:
        return {
            "paused": self.paused,
            "installation": None if self.installation is None else asdict(self.installation),
            "journal": self.journal.as_dict(),
            "providers": self.providers(),
            "values": [
                {"unit": ref.unit, "key": ref.key, "value": _pack(reading.value), "stored": _pack(reading.stored)}
                for ref, reading in self.frozen.items()
            ],
        }


def _pack(value: Value) -> float | int | bool | str | None:
    return value.isoformat() if isinstance(value, time | datetime) else value


def _unpack(point: Point[Any], saved: float | bool | str | None) -> Value:
    if isinstance(saved, str):
        if point.quantity is Quantity.TIME_OF_DAY:
            return time.fromisoformat(saved)
        if point.quantity is Quantity.TIMESTAMP:
            return datetime.fromisoformat(saved)
    return saved


def _unpack_installation(saved: dict[str, Any] | None) -> Installation | None:
    if saved is None:
        return None
    try:
        return Installation(
            Unit(**saved["root"]), tuple(Unit(**unit) for unit in saved["units"]), saved.get("facts", {})
        )
    except TypeError:
        # Written by a version that describes units differently; the next identification replaces it.
        return None
