"""The answers of generation 1: ``/shelly``, ``/status``, ``/settings``, ``/relay/0`` (reference section 2)."""

from collections.abc import Mapping
from typing import Any

from ..errors import BadAnswerError
from .address import DEVICE_WIDE, Field, Name
from .codec import DEVICE, MOST_CLAMPS, NOT_VALID, Picture, number, part, plain_mac, problem, told

_OF_A_CLAMP = {
    "power": Name.POWER,
    "reactive": Name.REACTIVE,
    "pf": Name.FACTOR,
    "current": Name.CURRENT,
    "voltage": Name.VOLTAGE,
    "total": Name.IMPORTED,
    "total_returned": Name.EXPORTED,
}


def decode_status(status: Mapping[str, Any]) -> Picture:
    """The whole state; raises ``BadAnswerError`` when it tells of no clamp.

    What a clamp tells while its ``is_valid`` is false is not believed, nor any sum that holds it (section 2).
    """
    clamps = status.get("emeters")
    if not isinstance(clamps, list) or not clamps or not all(isinstance(each, Mapping) for each in clamps):
        raise BadAnswerError(device=DEVICE, reason="it tells of no clamp")
    picture = Picture(mac=plain_mac(status.get("mac", "")))
    for clamp, each in enumerate(clamps[:MOST_CLAMPS]):
        valid = each.get("is_valid", True) is True
        told(picture, clamp, each, _OF_A_CLAMP, valid=valid)
        problem(picture, clamp, () if valid else (NOT_VALID,))
    whole = not picture.errors
    told(picture, DEVICE_WIDE, status, {"total_power": Name.TOTAL_POWER}, valid=whole)
    if "emeter_n" in status:
        neutral = part(status, "emeter_n")
        picture.values[Field(Name.NEUTRAL_CURRENT)] = None
        told(picture, DEVICE_WIDE, neutral, {"current": Name.NEUTRAL_CURRENT}, valid=neutral.get("is_valid") is True)
    relays = status.get("relays")
    if isinstance(relays, list) and relays and isinstance(relays[0], Mapping):
        _take_relay(picture, relays[0])
    told(picture, DEVICE_WIDE, part(status, "wifi_sta"), {"rssi": Name.SIGNAL}, valid=True)
    told(picture, DEVICE_WIDE, status, {"uptime": Name.UPTIME}, valid=True)
    return picture


def decode_clamp(clamp: int, element: Mapping[str, Any]) -> Picture:
    """One element of ``emeters``, as ``/emeter/N`` answers it."""
    picture = Picture()
    valid = element.get("is_valid", True) is True
    told(picture, clamp, element, _OF_A_CLAMP, valid=valid)
    problem(picture, clamp, () if valid else (NOT_VALID,))
    return picture


def decode_relay(relay: Mapping[str, Any]) -> Picture:
    """The output, as ``/relay/0`` answers; raises ``BadAnswerError`` when it does not say whether it is on."""
    picture = Picture()
    _take_relay(picture, relay)
    if Field(Name.RELAY) not in picture.values:
        raise BadAnswerError(device=DEVICE, reason="it does not tell whether the relay is on")
    return picture


def _take_relay(picture: Picture, relay: Mapping[str, Any]) -> None:
    if isinstance(relay.get("ison"), bool):
        picture.values[Field(Name.RELAY)] = relay["ison"]
        left = number(relay.get("timer_remaining")) if relay.get("has_timer") is True else None
        picture.values[Field(Name.RELAY_TIMER)] = max(left or 0.0, 0.0)


def names(settings: Mapping[str, Any], clamps: int) -> tuple[str, tuple[str, ...]]:
    """The owner's name of the meter and of each clamp in ``/settings``; empty where there is none."""
    listed = settings.get("emeters")
    elements = listed if isinstance(listed, list) else []
    own = [str(each.get("name") or "") if isinstance(each, Mapping) else "" for each in elements[:clamps]]
    return str(settings.get("name") or ""), (*own, *[""] * (clamps - len(own)))
