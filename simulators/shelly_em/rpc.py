"""The methods of generation 2 and later (reference section 4)."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from . import components
from .answers import INVALID_ARGUMENT, NO_HANDLER, NO_SUCH, RpcError
from .unit import Unit

type Json = dict[str, Any]
type Method = Callable[[Mapping[str, Any]], Json | None]

OPEN = ("Shelly.GetDeviceInfo",)
"""Methods that need no login."""
KINDS = {"em": "EM", "emdata": "EMData", "em1": "EM1", "em1data": "EM1Data", "switch": "Switch"}
RAM_TOTAL, RAM_FREE, FLASH_TOTAL, FLASH_FREE = 247_524, 111_312, 524_288, 188_416


class Rpc:
    """What the meter does when it is asked, whatever the question came by."""

    def __init__(self, unit: Unit, profile: str | None) -> None:
        self.unit = unit
        self.profile = profile
        self.on_reboot: Callable[[], None] | None = None
        """Is called when a client restarts the meter."""
        self.components = components.names(unit, profile)
        self._source = ""
        self._methods: dict[str, Method] = {
            "Shelly.GetDeviceInfo": lambda _: self.device_info(),
            "Shelly.GetStatus": lambda _: self.status(),
            "Shelly.GetConfig": lambda _: self.config(),
            "Shelly.GetComponents": lambda _: {"components": [], "cfg_rev": 1, "offset": 0, "total": 0},
            "Shelly.ListMethods": lambda _: {"methods": sorted(self._methods)},
            "Shelly.Reboot": lambda _: self._reboot(),
            "Sys.GetStatus": lambda _: self._system(),
            "WiFi.GetStatus": lambda _: self._wifi(),
            "Cloud.GetStatus": lambda _: {"connected": False},
        }
        for kind in dict.fromkeys(name.partition(":")[0] for name in self.components):
            self._add(kind)
        if unit.relay is not None:
            self._methods["Switch.Set"] = self._switch_set
            self._methods["Switch.Toggle"] = self._switch_toggle

    def _add(self, kind: str) -> None:
        def status(params: Mapping[str, Any]) -> Json:
            name = self._name(kind, params)
            found: Json = components.status(self.unit, [name])[name]
            return found

        def config(params: Mapping[str, Any]) -> Json:
            return components.config(self.unit, self._name(kind, params))

        self._methods[f"{KINDS[kind]}.GetStatus"] = status
        self._methods[f"{KINDS[kind]}.GetConfig"] = config

    def call(self, method: str, params: Mapping[str, Any], source: str) -> Json | None:
        """Carry out a method; `RpcError` when that cannot be. ``source`` is kept where a switch tells who moved it."""
        carry_out = self._methods.get(method)
        if carry_out is None:
            raise RpcError(NO_HANDLER, f"No handler for {method}")
        self._source = source
        return carry_out(params)

    # Arguments

    def _name(self, kind: str, params: Mapping[str, Any]) -> str:
        number = _argument(params, "id", int)
        if f"{kind}:{number}" not in self.components:
            raise RpcError(NO_SUCH, f"Argument 'id', value {number} not found!")
        return f"{kind}:{number}"

    # Shelly

    @property
    def device_id(self) -> str:
        """Return the meter's id, which is its realm and its name in the network too."""
        return f"{self.unit.model.host}-{self.unit.mac.lower()}"

    def device_info(self) -> Json:
        """Return what is open without login."""
        unit = self.unit
        info: Json = {
            "name": unit.name,
            "id": self.device_id,
            "mac": unit.mac,
            "slot": 0,
            "model": unit.model.code,
            "gen": unit.model.generation,
            "fw_id": unit.firmware.long_id,
            "ver": unit.firmware.version,
            "app": unit.model.app,
            "auth_en": unit.password is not None,
            "auth_domain": self.device_id if unit.password is not None else None,
        }
        return info | {"profile": self.profile} if self.profile is not None else info

    def status(self) -> Json:
        """Return the status of everything."""
        found = components.status(self.unit, self.components)
        return {"cloud": {"connected": False}, **found, "sys": self._system(), "wifi": self._wifi()}

    def config(self) -> Json:
        """Return the configuration of everything."""
        unit = self.unit
        return {
            "cloud": {"enable": False, "server": None},
            **{name: components.config(unit, name) for name in self.components if "data" not in name},
            "sys": {
                "device": {"name": unit.name, "mac": unit.mac, "fw_id": unit.firmware.long_id, "discoverable": True},
                "location": {"tz": "Etc/UTC", "lat": None, "lon": None},
                "cfg_rev": 1,
            },
            "wifi": {"sta": {"ssid": "house", "enable": True}},
            "ws": {"enable": False, "server": None},
        }

    def _system(self) -> Json:
        unit = self.unit
        return {
            "mac": unit.mac,
            "restart_required": False,
            "time": unit.time_of_day(),
            "unixtime": int(unit.clock.now),
            "uptime": unit.uptime,
            "ram_size": RAM_TOTAL,
            "ram_free": RAM_FREE,
            "fs_size": FLASH_TOTAL,
            "fs_free": FLASH_FREE,
            "cfg_rev": 1,
            "available_updates": {},
        }

    def _wifi(self) -> Json:
        return {"sta_ip": self.unit.address, "status": "got ip", "ssid": "house", "rssi": -58}

    def _reboot(self) -> None:
        if self.on_reboot is not None:
            self.on_reboot()

    # Switch

    def _switch_set(self, params: Mapping[str, Any]) -> Json:
        self._name("switch", params)
        on = _argument(params, "on", bool)
        seconds = float(_argument(params, "toggle_after", float)) if params.get("toggle_after") is not None else 0.0
        if not 0 <= seconds < math.inf:
            raise RpcError(INVALID_ARGUMENT, f"Argument 'toggle_after', value {seconds:g} is out of range!")
        assert self.unit.relay is not None
        return {"was_on": self.unit.relay.switch(bool(on), self._source, seconds)}

    def _switch_toggle(self, params: Mapping[str, Any]) -> Json:
        self._name("switch", params)
        assert self.unit.relay is not None
        return {"was_on": self.unit.relay.switch(not self.unit.relay.on, self._source)}


def _argument(params: Mapping[str, Any], name: str, kind: type) -> Any:
    value = params.get(name)
    if value is None:
        raise RpcError(INVALID_ARGUMENT, f"Missing required argument '{name}'!")
    wanted = (int, float) if kind is float else kind
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        raise RpcError(INVALID_ARGUMENT, f"Argument '{name}', value {value!r} has a wrong type!")
    return value
