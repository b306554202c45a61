"""CoIoT, the push protocol of generation 1: CoAP frames over UDP (reference section 3 and its table of numbers)."""

import asyncio
import json
from collections.abc import Callable, Mapping
from struct import pack
from typing import Any

from .unit import Shown, Unit

type Json = dict[str, Any]

HEADER, PUSH, REPLY, GET = 0x50, 30, 69, 1
DEVICE_ID, VALIDITY, SERIAL, URI_PATH = 3332, 3412, 3420, 11
PAYLOAD = b"\xff"
VALID_FOR = 0x9600
CHANGE_SECONDS, PERIOD_SECONDS = 1.0, 15.0
"""How soon a change is pushed, and how often all is pushed without one."""

_SENSORS = (
    ("power", "P", "W"),
    ("energy", "E", "Wh"),
    ("energyReturned", "E", "Wh"),
    ("voltage", "V", "V"),
    ("current", "I", "A"),
    ("powerFactor", "S", ""),
)
"""Sensors of a clamp in the order of their numbers, which begin with 4105, 4205 and 4305."""


def frame(
    device_id: str, *, message_id: int, serial: int, payload: bytes, code: int = PUSH, validity: int = VALID_FOR
) -> bytes:
    """Return one datagram of a device."""
    options = ((DEVICE_ID, device_id.encode()), (VALIDITY, pack(">H", validity)), (SERIAL, pack(">H", serial)))
    body, last = b"", 0
    for number, value in options:
        body += _option(number - last, value)
        last = number
    return pack(">BBH", HEADER, code, message_id) + body + PAYLOAD + payload


def _option(delta: int, value: bytes) -> bytes:
    delta_nibble, delta_rest = _extended(delta)
    length_nibble, length_rest = _extended(len(value))
    return bytes([delta_nibble << 4 | length_nibble]) + delta_rest + length_rest + value


def _extended(number: int) -> tuple[int, bytes]:
    if number < 13:
        return number, b""
    if number < 269:
        return 13, bytes([number - 13])
    return 14, pack(">H", number - 269)


def asked_path(datagram: bytes) -> str | None:
    """Return the path that a client asks for, None when the datagram is no such request."""
    if len(datagram) < 4 or datagram[0] >> 6 != 1 or datagram[1] != GET:
        return None
    place, number, parts = 4 + (datagram[0] & 15), 0, []
    while place < len(datagram) and datagram[place] != PAYLOAD[0]:
        delta, length = datagram[place] >> 4, datagram[place] & 15
        if delta > 12 or length > 12:
            return None
        number += delta
        if number == URI_PATH:
            parts.append(datagram[place + 1 : place + 1 + length].decode("latin-1"))
        place += 1 + length
    return "/".join(parts)


class CoIot(asyncio.DatagramProtocol):
    """The meter's UDP port: answers ``cit/s`` and ``cit/d``, pushes to the peer that is set."""

    def __init__(self, unit: Unit, peer: str) -> None:
        self.unit = unit
        self.enabled = True
        self.peer = peer
        """``ip:port`` that is pushed to, empty for none."""
        self.changes = 0
        """How often the settings changed."""
        self.serial = 1
        """Changes when a value changed."""
        self.quiet: Callable[[], bool] = lambda: False
        """Tells whether the meter sends nothing at present."""
        self._message_id = 0
        self._values: list[list[Any]] = []
        self._pushed_at = 0.0
        self._transport: asyncio.DatagramTransport | None = None

    # Settings

    def settings(self) -> Json:
        """Return the part of the meter's settings."""
        return {"enabled": self.enabled, "update_period": int(PERIOD_SECONDS), "peer": self.peer}

    def configure(self, parameters: Mapping[str, str]) -> None:
        """Take over ``coiot_enable`` and ``coiot_peer`` where they are given."""
        before = (self.enabled, self.peer)
        if "coiot_enable" in parameters:
            self.enabled = parameters["coiot_enable"] in {"true", "1"}
        self.peer = parameters.get("coiot_peer", self.peer)
        self.changes += before != (self.enabled, self.peer)

    # Contents

    def _clamps(self) -> list[list[tuple[int, str, str, str]]]:
        """Return number, name, type and unit of every sensor, clamp by clamp."""
        unit = self.unit
        missing = set() if unit.model.phases else {"current"}
        if not unit.firmware.power_factor:
            missing.add("powerFactor")
        return [
            [
                (4105 + 100 * clamp + place, name, kind, si)
                for place, (name, kind, si) in enumerate(_SENSORS)
                if name not in missing
            ]
            for clamp in range(unit.model.clamps)
        ]

    def description(self) -> Json:
        """Return ``/cit/d``: the blocks and their sensors."""
        clamps = self._clamps()
        device = len(clamps) + 2
        sensors: list[Json] = [
            {"I": 9103, "T": "EVC", "D": "cfgChanged", "R": "U16", "L": device},
            {"I": 1101, "T": "S", "D": "output", "R": "0/1", "L": 1},
            {"I": 6102, "T": "A", "D": "overpower", "R": ["0/1", "-1"], "L": 1},
        ]
        for block, clamp in enumerate(clamps, 2):
            for number, name, kind, si in clamp:
                unit = {"U": si} if si else {}
                sensors.append({"I": number, "T": kind, "D": name, **unit, "R": "-1/32000", "L": block})
        blocks = [{"I": 1, "D": "relay_0"}]
        blocks += [{"I": block, "D": f"emeter_{block - 2}"} for block in range(2, device)]
        return {"blk": [*blocks, {"I": device, "D": "device"}], "sen": sensors}

    def status(self) -> Json:
        """Return ``/cit/s``: every sensor's value; the serial counter moves when one has changed."""
        values = self._present(self.unit.shown())
        if values != self._values:
            self._values = values
            self.serial = self.serial % 0xFFFF + 1
        return {"G": values}

    def _present(self, shown: Shown) -> list[list[Any]]:
        relay = self.unit.relay
        values: list[list[Any]] = [[0, 9103, self.changes], [0, 1101, int(bool(relay and relay.on))], [0, 6102, 0]]
        for clamp, reading in zip(self._clamps(), shown.readings, strict=True):
            measured = {
                "power": round(reading.power, 2),
                "energy": round(reading.imported, 1),
                "energyReturned": round(reading.exported, 1),
                "voltage": round(reading.voltage, 2),
                "current": round(reading.current, 2),
                "powerFactor": round(reading.power_factor, 2),
            }
            values += [
                [0, number, None if shown.invalid or shown.nulls else measured[name]] for number, name, *_ in clamp
            ]
        return values

    # Datagrams

    @property
    def device_id(self) -> str:
        """Return what the frames name the meter by."""
        return f"{self.unit.model.code}#{self.unit.mac}#2"

    def _datagram(self, content: Json, code: int, message_id: int) -> bytes:
        payload = json.dumps(content, separators=(",", ":")).encode()
        return frame(self.device_id, message_id=message_id, serial=self.serial, payload=payload, code=code)

    def push_when_due(self) -> None:
        """Push when a value has changed or the period is over; to be called once a second."""
        if not self.enabled or not self.peer or self.quiet():
            return
        slow = self.unit.faults.peek("slow_push")
        now, before = self.unit.clock.now, self.serial
        status = self.status()
        period = PERIOD_SECONDS if slow is None else slow.argument or PERIOD_SECONDS
        changed = slow is None and self.serial != before
        if changed or now - self._pushed_at >= period:
            self.push(status)

    def push(self, status: Json | None = None) -> None:
        """Push now."""
        host, _, port = self.peer.rpartition(":")
        if self._transport is None or not host or not port.isdecimal():
            return
        content = self.status() if status is None else status
        self._message_id = (self._message_id + 1) & 0xFFFF
        self._pushed_at = self.unit.clock.now
        self._transport.sendto(self._datagram(content, PUSH, self._message_id), (host, int(port)))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the port."""
        assert isinstance(transport, asyncio.DatagramTransport)
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer a request; everything else is overheard."""
        contents = {"cit/s": self.status, "cit/d": self.description}
        content = contents.get(asked_path(data) or "")
        if content is None or self._transport is None or not self.enabled or self.quiet():
            return
        self.unit.clock.catch_up()
        answer = content()
        self._transport.sendto(self._datagram(answer, REPLY, int.from_bytes(data[2:4])), addr)

    def close(self) -> None:
        """Close the port."""
        if self._transport is not None:
            self._transport.close()
