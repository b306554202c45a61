"""Generation 1: its addresses and the JSON behind them (reference section 2 and its table of keys)."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from .answers import NOT_FOUND, Answer, Call, basic_login
from .coiot import CoIot
from .meter import Reading
from .unit import Shown, Unit

type Json = dict[str, Any]

TURNS = ("on", "off", "toggle")
RAM_TOTAL, RAM_FREE, FLASH_TOTAL, FLASH_FREE = 51_064, 34_512, 233_681, 155_118


def emeters(unit: Unit, shown: Shown) -> list[Json]:
    """Return the elements of ``emeters``, one for each clamp."""
    return [_emeter(unit, shown, reading) for reading in shown.readings]


def _emeter(unit: Unit, shown: Shown, reading: Reading) -> Json:
    source = Reading(imported=reading.imported, exported=reading.exported) if shown.invalid else reading
    if unit.model.phases:
        measured: Json = {
            "power": round(source.power, 2),
            "pf": round(source.power_factor, 2),
            "current": round(source.current, 2),
            "voltage": round(source.voltage, 2),
        }
    else:
        measured = {"power": round(source.power, 2), "reactive": round(source.reactive, 2)}
        if unit.firmware.power_factor:
            measured["pf"] = round(source.power_factor, 2)
        measured["voltage"] = round(source.voltage, 2)
    if shown.nulls:
        measured = dict.fromkeys(measured)
    return measured | {
        "is_valid": not shown.invalid,
        "total": round(source.imported, 1),
        "total_returned": round(source.exported, 1),
    }


class Gen1:
    """Answers HTTP requests as a meter of generation 1 does."""

    def __init__(self, unit: Unit, coiot: CoIot) -> None:
        self.unit = unit
        self.coiot = coiot
        self.on_reboot: Callable[[], None] | None = None
        """Is called when a client restarts the meter."""
        self._pages: dict[str, Callable[[], Json]] = {
            "/settings": self.settings,
            "/status": self.status,
            "/cit/d": coiot.description,
            "/cit/s": coiot.status,
            "/reset_data": self._reset_data,
            "/reboot": self._reboot,
        }

    def answer(self, call: Call) -> Answer:
        """Answer one request."""
        if call.path == "/shelly":
            return Answer(self.shelly())
        unit = self.unit
        if unit.password is not None and not basic_login(call.authorization, unit.user, unit.password):
            return self._unauthorized()
        if unit.faults.take("unauthorized_mid_session"):
            return self._unauthorized()
        return self._page(call.path, _parameters(call))

    def _page(self, path: str, parameters: Mapping[str, str]) -> Answer:
        page = self._pages.get(path)
        if page is not None:
            if path == "/settings":
                self.coiot.configure(parameters)
            return Answer(page())
        if path == "/settings/advanced":
            self.coiot.configure(parameters)
            return Answer(self.settings())
        kind, _, number = path.removeprefix("/").partition("/")
        if kind == "relay" and number == "0" and self.unit.relay is not None:
            return self._relay(parameters)
        if kind == "emeter" and number.isdecimal() and int(number) < self.unit.model.clamps:
            return Answer(emeters(self.unit, self.unit.shown())[int(number)])
        return NOT_FOUND

    def _unauthorized(self) -> Answer:
        return Answer("401 Unauthorized", 401, {"WWW-Authenticate": f'Basic realm="{self.hostname}"'})

    # Pages

    @property
    def hostname(self) -> str:
        """Return the meter's name in the network."""
        return f"{self.unit.model.host}-{self.unit.mac}"

    def shelly(self) -> Json:
        """Return what is open without login."""
        unit = self.unit
        return {
            "type": unit.model.code,
            "mac": unit.mac,
            "auth": unit.password is not None,
            "fw": unit.firmware.long,
            "discoverable": True,
            "longid": 1,
            "num_outputs": int(unit.relay is not None),
            "num_meters": 0,
            "num_emeters": unit.model.clamps,
            "report_period": 1,
        }

    def settings(self) -> Json:
        """Return ``/settings``, as far as a client of a meter looks at it."""
        unit = self.unit
        emeter: Json = {"max_power": 0} if unit.model.phases else {"ctraf_type": 50}
        return {
            "device": {
                "type": unit.model.code,
                "mac": unit.mac,
                "hostname": self.hostname,
                "num_outputs": int(unit.relay is not None),
                "num_meters": 0,
                "num_emeters": unit.model.clamps,
            },
            "wifi_sta": {"enabled": True, "ssid": "house", "ipv4_method": "dhcp"},
            "mqtt": {"enable": False},
            "coiot": self.coiot.settings(),
            "login": {"enabled": unit.password is not None, "unprotected": False, "username": unit.user},
            "name": unit.name,
            "fw": unit.firmware.long,
            "discoverable": True,
            "cloud": {"enabled": False, "connected": False},
            "timezone": "Etc/UTC",
            "time": unit.time_of_day(),
            "unixtime": int(unit.clock.now),
            "relays": [self._relay_settings()] if unit.relay is not None else [],
            "emeters": [{"name": None, "appliance_type": "General", **emeter} for _ in range(unit.model.clamps)],
        }

    def _relay_settings(self) -> Json:
        return {"name": None, "appliance_type": "General", "default_state": "off", "auto_on": 0.0, "auto_off": 0.0}

    def status(self) -> Json:
        """Return ``/status``."""
        unit = self.unit
        shown = unit.shown()
        meters: Json = {"emeters": emeters(unit, shown)}
        if unit.model.phases:
            whole = 0.0 if shown.invalid else round(sum(reading.power for reading in shown.readings), 2)
            meters["total_power"] = None if shown.nulls else whole
            meters["emeter_n"] = {"current": 0.0, "ixsum": 0.0, "mismatch": False, "is_valid": False}
        return {
            "wifi_sta": {"connected": True, "ssid": "house", "ip": unit.address, "rssi": -58},
            "cloud": {"enabled": False, "connected": False},
            "mqtt": {"connected": False},
            "time": unit.time_of_day(),
            "unixtime": int(unit.clock.now),
            "serial": self.coiot.serial,
            "has_update": False,
            "mac": unit.mac,
            "cfg_changed_cnt": self.coiot.changes,
            "actions_stats": {"skipped": 0},
            "relays": [self.relay()] if unit.relay is not None else [],
            **meters,
            "update": {
                "status": "idle",
                "has_update": False,
                "new_version": unit.firmware.long,
                "old_version": unit.firmware.long,
            },
            "ram_total": RAM_TOTAL,
            "ram_free": RAM_FREE,
            "fs_size": FLASH_TOTAL,
            "fs_free": FLASH_FREE,
            "uptime": unit.uptime,
        }

    def relay(self) -> Json:
        """Return the object of the contactor output."""
        relay = self.unit.relay
        assert relay is not None
        return {
            "ison": relay.on,
            "has_timer": relay.duration > 0,
            "timer_started": int(relay.started) if relay.duration else 0,
            "timer_duration": int(relay.duration),
            "timer_remaining": int(relay.remaining),
            "overpower": False,
            "is_valid": True,
            "source": relay.source,
        }

    def _relay(self, parameters: Mapping[str, str]) -> Answer:
        turn, timer = parameters.get("turn"), parameters.get("timer", "0")
        if turn is not None:
            if turn not in TURNS or not timer.isdecimal():
                return Answer("Bad turn value" if turn not in TURNS else "Bad timer value", 400)
            relay = self.unit.relay
            assert relay is not None
            relay.switch(not relay.on if turn == "toggle" else turn == "on", "http", float(timer))
        return Answer(self.relay())

    def _reset_data(self) -> Json:
        self.unit.meter.clear()
        return {"ok": True}

    def _reboot(self) -> Json:
        if self.on_reboot is not None:
            self.on_reboot()
        return {"ok": True}


def _parameters(call: Call) -> Mapping[str, str]:
    """Return the query and, of a form that was posted, its fields."""
    return {**call.query, **dict(parse_qsl(call.body.decode("latin-1")))}
