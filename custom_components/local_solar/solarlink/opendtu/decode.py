"""Recorded answers put into words, for ``solarlink decode opendtu livedata|limit|...``; no device is needed."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from ..errors import BadAnswerError
from .alarms import alarm_of
from .codec import DEVICE, InverterLive, Json, decode_limits, decode_live, decode_power, decode_reply, parse
from .codec_status import (
    decode_battery,
    decode_chargers,
    decode_device,
    decode_events,
    decode_limiter,
    decode_list,
    decode_profile,
    time_of_day,
)
from .firmware import Firmware

type _Decoder = Callable[[Json], Mapping[str, Any]]


def _livedata(content: Json) -> Mapping[str, Any]:
    live = decode_live(content)
    if "inverters" not in content:
        raise BadAnswerError(device=DEVICE, reason="it says nothing of inverters")
    values: dict[str, Any] = {each.serial: _inverter(each) for each in live.inverters}
    if live.hints:
        values["hints"] = dict(live.hints)
    return values | {part: dict(found) for part, found in live.parts.items()}


def _inverter(live: InverterLive) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": live.name,
        "data_age": live.age,
        "poll_enabled": live.poll_enabled,
        "reachable": live.reachable,
        "producing": live.producing,
        # The DTU tells 0 until it has read the limit, and no power while it does not know the rated one.
        "limit_relative": live.limit_relative or None,
        "limit_absolute": live.limit_absolute,
        **(live.values or {}),
    }
    for place, string in enumerate(live.strings, start=1):
        shown |= {f"string {place} {name}": value for name, value in string.values.items()}
        if string.name:
            shown[f"string {place} name"] = string.name
    if live.events is not None:
        shown["events"] = live.events
    return shown | dict(live.radio)


def _limit(content: Json) -> Mapping[str, Any]:
    return {serial: asdict(state) | {"status": state.status.value} for serial, state in decode_limits(content).items()}


def _power(content: Json) -> Mapping[str, Any]:
    return {serial: {"status": state.value} for serial, state in decode_power(content).items()}


def _eventlog(content: Json) -> Mapping[str, Any]:
    shown = {}
    for place, entry in enumerate(decode_events(content), start=1):
        alarm = alarm_of(entry.message_id, "")
        shown[str(place)] = {
            "code": entry.message_id,
            "message": entry.message,
            "kind": alarm.kind,
            "severity": alarm.severity.value,
            "start": time_of_day(entry.start),
            "end": None if entry.active else time_of_day(entry.end),
        }
    return shown


def _one_inverter(content: Json) -> Mapping[str, Any]:
    """Whatever is told of inverters: their settings, what one says of itself, or its live data."""
    if "inverters" in content:
        return _livedata(content)
    if "valid_data" in content:
        return _device(content)
    if "inverter" not in content:
        raise BadAnswerError(device=DEVICE, reason="it says nothing of inverters")
    return {
        serial: asdict(config) | {"strings": ", ".join(config.strings)}
        for serial, config in decode_list(content).items()
    }


def _device(content: Json) -> Mapping[str, Any]:
    device = decode_device(content)
    if device is None:
        return {"inverter": {"valid_data": False}}
    return {"inverter": asdict(device) | {"firmware": device.version, "slow": device.slow}}


def _system(content: Json) -> Mapping[str, Any]:
    shown = {name: value for name, value in content.items() if not isinstance(value, dict | list)}
    version = Firmware(str(content.get("git_hash") or "")).version
    return {"system": shown | {"version": ".".join(map(str, version)) if version else None}}


def _limiter(content: Json) -> Mapping[str, Any]:
    limiter = decode_limiter(content)
    return {"limiter": {"enabled": limiter.enabled, "governed": ", ".join(sorted(limiter.governed))}}


def _flat(name: str) -> _Decoder:
    """Answers whose values need no decoding."""
    return lambda content: {name: {key: value for key, value in content.items() if not isinstance(value, dict | list)}}


_ANSWERS: Mapping[str, _Decoder] = {
    "livedata": _livedata,
    "limit": _limit,
    "power": _power,
    "eventlog": _eventlog,
    "inverter": _one_inverter,
    "device": _device,
    "system": _system,
    "network": _flat("network"),
    "ntp": _flat("ntp"),
    "dtu": _flat("dtu"),
    "gridprofile": lambda content: {"gridprofile": {"profile": decode_profile(content) or None}},
    "battery": lambda content: {"battery": decode_battery(content)},
    "solarcharger": lambda content: {
        serial: {"name": charger.name, **charger.values} for serial, charger in decode_chargers(content).items()
    },
    "powerlimiter": _limiter,
    "reply": lambda content: {"reply": asdict(decode_reply(content))},
}


def _decoder(decode: _Decoder) -> Callable[[str, Mapping[str, str]], dict[str, Any]]:
    def decoded(text: str, options: Mapping[str, str]) -> dict[str, Any]:
        return {"values": decode(parse(text.encode())), "failed": {}}

    return decoded


DECODERS = {what: _decoder(decode) for what, decode in _ANSWERS.items()}
"""What to the function that decodes it; each raises ``BadAnswerError`` for what is no such JSON object."""
