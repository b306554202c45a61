"""The appliance without its network: requests as JSON objects in, answers out (reference section 3)."""

import json
from collections.abc import Callable
from typing import Any

from ..faults import Fault, Faults
from ..house import House
from .battery import Readings
from .clock import Clock
from .controls import Controls
from .fields import Field, table
from .memory import Key, Memory
from .overload import Overload
from .plant import START_UP, Plant
from .profiles import Profile, Wire
from .readings import snapshot, to_wire, zeroed
from .sockets import Sockets
from .wallboxes import Wallboxes

START_UP_SECONDS = 60.0
"""How long the appliance shows zeros after a restart."""
VARIABLE_NOT_FOUND = "VARIABLE_NOT_FOUND"
OBJECT_NOT_FOUND = {"OBJECT_NOT_FOUND": ""}

SHOWN_IN_VALUES = (
    "no_server_connection",
    "unknown_state",
    "no_mcu_sensor",
    "nonsense_temperatures",
    "no_battery_data",
    "module_lost",
    "imbalance",
    "spike",
    "pv_not_measured",
)
"""Faults that the values of an answer show."""
SENTINELS = {
    "forbidden": "FORBIDDEN (level 2)",
    "malformed": "MALFORMED_VALUE",
    "not_readable": "FILE_VARIABLE_NOT_READABLE",
    "field_lost": VARIABLE_NOT_FOUND,
}
"""Faults that put a sentinel into the place of a field."""
DAMAGES: dict[str, Callable[[str], str]] = {
    "er": lambda wire: "er_" + wire[3:],
    "nan": lambda wire: "fl_7FC00000" if wire.startswith("fl_") else wire,
    "infinity": lambda wire: "fl_FF800000" if wire.startswith("fl_") else wire,
    "unknown_prefix": lambda _wire: "status_ok",
    "wrong_digits": lambda wire: wire[:-1] if len(wire) > 3 else wire + "0",
}
"""Faults that spoil a typed string, and how."""


class Appliance:
    """One SENEC: its memory, its part in the house, and its answers."""

    def __init__(
        self,
        house: House,
        profile: Profile,
        clock: Clock,
        faults: Faults,
        *,
        button_delay: float = 3.0,
        cloud_push: float | None = 180.0,
        wallbox_in_house: bool = False,
    ) -> None:
        self.house = house
        self.profile = profile
        self.clock = clock
        self.faults = faults
        self.memory = Memory(table(profile))
        self.overload = Overload()
        self.overrides: dict[Key, Wire] = {}
        """Typed strings that are answered whatever the appliance measures."""
        self.wallboxes = Wallboxes(profile.wallboxes, house, self.memory, clock, cloud_push)
        self.plant = Plant(
            house,
            profile,
            self.memory,
            clock,
            faults,
            self.wallboxes,
            wallbox_in_house=wallbox_in_house,
            button_delay=button_delay,
        )
        self.sockets = Sockets(house, self.memory)
        self.controls = Controls(self.memory, self.plant, clock, faults)
        self.controls.on_reboot = self.reboot
        self.silent_until = 0.0
        """Time of the appliance's clock until which a restart keeps it silent."""
        self.reboot_seconds = 300.0

    # Time

    def catch_up(self) -> None:
        """Let everything happen that is due."""
        self.house.catch_up()
        self._happen()

    def _happen(self) -> None:
        self.clock.run_due()
        self.plant.update()
        self.wallboxes.update()
        self.sockets.update()

    def advance(self, seconds: float) -> None:
        """Let time pass for house and appliance alike, in steps short enough for both."""
        self._happen()
        while seconds > 0:
            step = min(seconds, 30.0)
            if self.clock.next_due is not None:
                step = max(0.001, min(step, self.clock.next_due - self.clock.now))
            self.clock.advance(step)
            self.house.advance(step)
            self._happen()
            seconds -= step

    def reboot(self, seconds: float | None = None) -> None:
        """Restart: silence, then zeros for a while; settings that were not saved are lost."""
        self.clock.forget()
        self.memory.load()
        self.plant.restart()
        self.silent_until = self.clock.now + (self.reboot_seconds if seconds is None else seconds)

    @property
    def starting(self) -> bool:
        """Tell whether a restart is so recent that the values are zeros."""
        return self.silent_until > 0 and self.clock.now < self.silent_until + START_UP_SECONDS

    @property
    def overloaded(self) -> bool:
        """Tell whether too many requests cost the appliance its server."""
        return self.overload.active(self.clock.now)

    # Answers

    def readings(self, faults: dict[str, Fault]) -> Readings:
        """Return every live value of this moment, with the faults that one answer shows."""
        live = snapshot(self.plant, faults, overloaded=self.overloaded, uptime=self.clock.now)
        live |= self.sockets.readings()
        return zeroed(live, START_UP) if self.starting else live

    def answer(self, body: dict[str, Any]) -> dict[str, dict[str, Wire]]:
        """Answer a request: every field that is asked for, in the order of the request."""
        live = self.readings({name: fault for name in SHOWN_IN_VALUES if (fault := self.faults.take(name))})
        answer: dict[str, dict[str, Wire]] = {}
        for section, asked in body.items():
            fields = self.memory.table.get(section)
            if fields is None:
                whole = not asked or not isinstance(asked, dict) or self.faults.take("object_not_found") is not None
                answer[section] = {**OBJECT_NOT_FOUND} if whole else dict.fromkeys(asked, VARIABLE_NOT_FOUND)
            elif not asked or not isinstance(asked, dict):
                listed = [name for name, field in fields.items() if not field.hidden]
                answer[section] = {name: self._field(fields[name], "", live) for name in listed}
            else:
                answer[section] = {
                    name: self._field(fields[name], value, live) if name in fields else VARIABLE_NOT_FOUND
                    for name, value in asked.items()
                }
        return self._damaged(answer)

    def wire(self, section: str, name: str) -> Wire:
        """Return what a field holds, without faults; `KeyError` for one that this appliance does not have."""
        return self._field(self.memory.table[section][name], "", self.readings({}))

    def _field(self, field: Field, asked: object, live: Readings) -> Wire:
        """Write what is to be written and return what the field holds then."""
        if f"{field.section}.{field.name}" in self.profile.forbidden:
            return SENTINELS["forbidden"]
        if asked not in ("", []):
            if self.faults.take("writes_forbidden"):
                return SENTINELS["forbidden"]
            try:
                self._write(field, asked)
            except ValueError:
                return SENTINELS["malformed"]
        key = (field.section, field.name)
        if key in self.overrides:
            return self.overrides[key]
        if key in live:
            return to_wire(field.kind, live[key])
        return self.memory.wire(*key)

    def _write(self, field: Field, asked: object) -> None:
        """Write a value or an array, also one that comes as a JSON string; empty elements stay as they are."""
        if isinstance(asked, str) and asked.startswith("["):
            asked = json.loads(asked)
        if isinstance(asked, list):
            for index, element in enumerate(asked):
                if element != "":
                    self.controls.write(field, str(element), index)
        else:
            self.controls.write(field, str(asked), None)

    def _damaged(self, answer: dict[str, dict[str, Wire]]) -> dict[str, dict[str, Wire]]:
        places = [
            (section, name) for section, fields in answer.items() for name in fields if name != "OBJECT_NOT_FOUND"
        ]
        for fault_name in (*SENTINELS, *DAMAGES):
            fault = self.faults.take(fault_name)
            if fault is None:
                continue
            hit = places if fault.argument is None else places[int(fault.argument) - 1 : int(fault.argument)]
            for section, name in hit:
                answer[section][name] = _spoilt(fault_name, answer[section][name])
        return answer


def _spoilt(fault: str, wire: Wire) -> Wire:
    if fault in SENTINELS:
        return SENTINELS[fault]
    spoil = DAMAGES[fault]
    return [spoil(element) for element in wire] if isinstance(wire, list) else spoil(wire)
