"""The answers of generation 2 and later: components by name, as ``Shelly.GetStatus`` lists them (reference section 4).

A single component, such as that of ``EM.GetStatus``, and what a notification carries are parts of the same shape.
"""

from collections.abc import Mapping
from typing import Any

from ..errors import BadAnswerError
from .address import DEVICE_WIDE, Field, Name
from .codec import DEVICE, MOST_CLAMPS, Picture, number, part, plain_mac, problem, texts, told

PHASES = "abc"

_OF_A_PHASE = {
    "act_power": Name.POWER,
    "aprt_power": Name.APPARENT,
    "pf": Name.FACTOR,
    "voltage": Name.VOLTAGE,
    "current": Name.CURRENT,
    "freq": Name.FREQUENCY,
}
_TOTALS = {
    "total_act_power": Name.TOTAL_POWER,
    "total_aprt_power": Name.TOTAL_APPARENT,
    "total_current": Name.TOTAL_CURRENT,
}
_SUMS = {"total_act": Name.SUM_IMPORTED, "total_act_ret": Name.SUM_EXPORTED}


def decode_components(components: Mapping[str, Any]) -> Picture:
    """What these components tell; components that are none of ours are passed over."""
    picture = Picture(mac=plain_mac(part(components, "sys").get("mac", "")))
    if "em:0" in components:
        _take_em(picture, part(components, "em:0"))
    if "emdata:0" in components:
        _take_emdata(picture, part(components, "emdata:0"))
    for clamp in range(MOST_CLAMPS):
        if f"em1:{clamp}" in components:
            _take_em1(picture, clamp, part(components, f"em1:{clamp}"))
        if f"em1data:{clamp}" in components:
            told(
                picture,
                clamp,
                part(components, f"em1data:{clamp}"),
                {"total_act_energy": Name.IMPORTED, "total_act_ret_energy": Name.EXPORTED},
                valid=True,
            )
    _take_rest(picture, components)
    return picture


def decode_status(status: Mapping[str, Any]) -> Picture:
    """The whole state; raises ``BadAnswerError`` when it tells of no clamp."""
    picture = decode_components(status)
    if not picture.clamps:
        raise BadAnswerError(device=DEVICE, reason="it tells of no clamp")
    return picture


def _take_em(picture: Picture, em: Mapping[str, Any]) -> None:
    """Three phases with their total; one that is wrong spoils the total (reference section 4)."""
    general = texts(em.get("errors"))
    for clamp, phase in enumerate(PHASES):
        errors = texts(em.get(f"{phase}_errors"))
        keys = {f"{phase}_{key}": name for key, name in _OF_A_PHASE.items()}
        told(picture, clamp, em, keys, valid=not general and not errors)
        problem(picture, clamp, errors)
    problem(picture, DEVICE_WIDE, general)
    told(picture, DEVICE_WIDE, em, _TOTALS, valid=not picture.errors)
    told(picture, DEVICE_WIDE, em, {"n_current": Name.NEUTRAL_CURRENT}, valid=not texts(em.get("n_errors")))


def _take_emdata(picture: Picture, emdata: Mapping[str, Any]) -> None:
    for clamp, phase in enumerate(PHASES):
        keys = {f"{phase}_total_act_energy": Name.IMPORTED, f"{phase}_total_act_ret_energy": Name.EXPORTED}
        told(picture, clamp, emdata, keys, valid=True)
    told(picture, DEVICE_WIDE, emdata, _SUMS, valid=True)


def _take_em1(picture: Picture, clamp: int, em1: Mapping[str, Any]) -> None:
    errors = texts(em1.get("errors"))
    told(picture, clamp, em1, _OF_A_PHASE, valid=not errors)
    problem(picture, clamp, errors)


def _take_rest(picture: Picture, components: Mapping[str, Any]) -> None:
    switch = switch_id(components)
    system = part(components, "sys")
    if switch is not None:
        output = part(components, f"switch:{switch}")
        if isinstance(output.get("output"), bool):
            picture.values[Field(Name.RELAY)] = output["output"]
            _take_timer(picture, output, number(system.get("unixtime")))
        told(picture, DEVICE_WIDE, part(output, "temperature"), {"tC": Name.TEMPERATURE}, valid=True)
    told(picture, DEVICE_WIDE, part(components, "temperature:0"), {"tC": Name.TEMPERATURE}, valid=True)
    told(picture, DEVICE_WIDE, part(components, "wifi"), {"rssi": Name.SIGNAL}, valid=True)
    told(picture, DEVICE_WIDE, system, {"uptime": Name.UPTIME}, valid=True)


def _take_timer(picture: Picture, output: Mapping[str, Any], now: float | None) -> None:
    """What is left of the timer, by the meter's own clock; without one it is not known."""
    begun, lasts = number(output.get("timer_started_at")), number(output.get("timer_duration"))
    if begun is None or lasts is None:
        picture.values[Field(Name.RELAY_TIMER)] = 0.0
    elif now is not None:
        picture.values[Field(Name.RELAY_TIMER)] = min(max(begun + lasts - now, 0.0), lasts)


def switch_id(components: Mapping[str, Any]) -> int | None:
    """Number of the first output: 0 where it is built in, 100 and up where it is on an add-on."""
    ids = (name.removeprefix("switch:") for name in components if name.startswith("switch:"))
    return min((int(each) for each in ids if each.isascii() and each.isdecimal() and len(each) < 4), default=None)


def names(config: Mapping[str, Any], clamps: int) -> tuple[str, tuple[str, ...]]:
    """The owner's name of the meter and of each clamp in ``Shelly.GetConfig``; empty where there is none."""
    device = part(part(config, "sys"), "device").get("name")
    return str(device or ""), tuple(str(part(config, f"em1:{clamp}").get("name") or "") for clamp in range(clamps))
