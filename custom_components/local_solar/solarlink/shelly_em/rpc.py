"""Frames of the remote procedure calls of generation 2 and later, over HTTP and WebSocket alike (section 4)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import (
    AuthError,
    BadAnswerError,
    DeviceBusyError,
    DeviceRefusedError,
    NotSupportedError,
    SolarError,
    WrongDeviceError,
)
from .codec import DEVICE, number, part, plain_mac

CALLER = "local-solar"
"""What we call ourselves; the meter sends notifications only to those who told it (section 4.2)."""
UNAUTHORIZED = 401


class Answered(NamedTuple):
    """What a question brought, and when that was measured: half the way between question and answer (section 1)."""

    content: Mapping[str, Any]
    at: float
    """Seconds of the monotonic clock."""


def request_of(identifier: int, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The frame that calls a method."""
    frame: dict[str, Any] = {"id": identifier, "src": CALLER, "method": method}
    return frame | {"params": dict(params)} if params else frame


def result_of(frame: Mapping[str, Any], method: str) -> Mapping[str, Any]:
    """What a call brought.

    Raises ``AuthError``, ``NotSupportedError``, ``DeviceBusyError``, ``DeviceRefusedError``, ``BadAnswerError``.
    """
    if "error" in frame:
        raise error_of(part(frame, "error"), method)
    result = frame.get("result")
    if not isinstance(result, Mapping):
        raise BadAnswerError(device=DEVICE, reason=f"{method} brought nothing")
    return result


def code_of(frame: Mapping[str, Any]) -> int:
    """The code of the error in a frame; 0 without one."""
    return int(number(part(frame, "error").get("code")) or 0)


def error_of(error: Mapping[str, Any], method: str) -> SolarError:
    """The error of ours that one of the meter's stands for."""
    code = int(number(error.get("code")) or 0)
    reason = str(error.get("message", ""))[:200]
    match code:
        case 401:
            return AuthError(device=DEVICE)
        case 404 | -105:
            return NotSupportedError(device=DEVICE, code=code, reason=reason or f"it does not know {method}")
        case 429:
            return DeviceBusyError(device=DEVICE, code=code, reason=reason)
        case 0:
            return BadAnswerError(device=DEVICE, reason=f"{method} brought an error without a code")
    return DeviceRefusedError(device=DEVICE, code=code, reason=reason)


def check_source(frame: Mapping[str, Any], expected: str, address: str) -> None:
    """Raise ``WrongDeviceError`` when a frame is of another device than the one with that MAC address."""
    source = str(frame.get("src", ""))
    mac = plain_mac(source.rpartition("-")[2])
    if mac and expected and mac != expected:
        raise WrongDeviceError(expected=expected, found=mac, address=address)
