"""Recorded answers put into words, for ``solarlink decode shelly_em ...``."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..errors import BadAnswerError
from .address import DEVICE_WIDE
from .codec import DEVICE, Picture, decode_object, part
from .codec_first import decode_clamp, decode_status as decode_first
from .codec_later import decode_components, decode_status as decode_later
from .coiot import decode_frame, picture_of
from .greeting import decode_greeting
from .models import USUAL_CURRENT, Model
from .wiring import Wiring, wiring_of

PHASED_CLAMPS = 3


def _shown(picture: Picture, wiring: Wiring) -> dict[str, Any]:
    """The fields under the meter and under each clamp; what the meter complains of under ``failed``."""
    wiring.apply(picture)
    values: dict[str, dict[str, Any]] = {}
    for field, value in sorted(picture.values.items(), key=lambda each: each[0]):
        values.setdefault(_unit(field.clamp), {})[field.name.value] = value
    failed = {_unit(clamp): {"*": ", ".join(errors)} for clamp, errors in sorted(picture.errors.items())}
    return {"values": values, "failed": failed}


def _unit(clamp: int) -> str:
    return "meter" if clamp == DEVICE_WIDE else f"clamp_{clamp + 1}"


def _wiring(picture: Picture, *, phases: bool) -> Wiring:
    clamps = picture.clamps or picture.counting
    return wiring_of({}, clamps, Model("", USUAL_CURRENT), phases=phases) if clamps else Wiring((), phases)


def decode_status(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    """The whole state: ``/status`` of generation 1, ``Shelly.GetStatus`` or a notification of later ones."""
    status = _content(text)
    if "emeters" in status:
        picture = decode_first(status)
        return _shown(picture, _wiring(picture, phases=len(picture.clamps) == PHASED_CLAMPS))
    picture = decode_later(status)
    return _shown(picture, _wiring(picture, phases="em:0" in status))


def _content(text: str) -> dict[str, Any]:
    """What a frame of the remote procedure calls holds, or the object itself where it is none."""
    frame = decode_object(text)
    for member in ("result", "params"):
        if part(frame, member):
            return dict(part(frame, member))
    if part(frame, "error"):
        raise BadAnswerError(device=DEVICE, reason=str(part(frame, "error").get("message", "")) or "it is an error")
    return frame


def _component(kind: str, text: str, options: Mapping[str, str]) -> dict[str, Any]:
    """One component, as its own ``GetStatus`` answers it."""
    status = _content(text)
    number = status.get("id", 0)
    named = status if any(name.startswith(f"{kind}:") for name in status) else {f"{kind}:{number}": status}
    picture = decode_components(named)
    return _shown(picture, _wiring(picture, phases=kind in ("em", "emdata")))


def decode_element(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    """One clamp of generation 1, as ``/emeter/0`` answers it."""
    picture = decode_clamp(0, decode_object(text))
    return _shown(picture, _wiring(picture, phases=False))


def decode_who(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    """The answer of ``/shelly``: model, generation, firmware."""
    greeting = decode_greeting(decode_object(text), "standard input")
    return {
        "values": {
            "meter": {
                "mac": greeting.mac,
                "model": greeting.model,
                "generation": greeting.generation,
                "firmware": greeting.firmware,
                "profile": greeting.profile or None,
                "login_needed": greeting.locked,
            }
        },
        "failed": {},
    }


def decode_coiot(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    """A CoIoT frame in hex text (reference section 3)."""
    try:
        frame = decode_frame(bytes.fromhex(text))
    except ValueError as err:
        raise BadAnswerError(device=DEVICE, reason="it is no hex text") from err
    picture = picture_of(frame)
    told = _shown(picture, _wiring(picture, phases=len(picture.clamps) == PHASED_CLAMPS))
    told["values"].setdefault("meter", {}).update(
        {
            "model": frame.model,
            "mac": frame.mac,
            "code": frame.code,
            "message": frame.message,
            "validity": frame.validity,
            "serial": frame.serial,
        }
    )
    return told


DECODERS: Mapping[str, Callable[[str, Mapping[str, str]], dict[str, Any]]] = {
    "shelly": decode_who,
    "status": decode_status,
    "emeter": decode_element,
    **{kind: partial(_component, kind) for kind in ("em", "emdata", "em1", "em1data", "switch")},
    "coiot": decode_coiot,
}
"""By what is on standard input."""
