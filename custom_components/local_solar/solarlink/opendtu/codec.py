"""The answers of the DTU to values: live data of every generation, limits and replies (reference sections 2, 3 and 9).

Pure. The API promises no stability, so whatever is missing, unknown or of another type costs only itself; only what is
no JSON object at all raises ``BadAnswerError``.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from sys import float_info
from typing import Any
from urllib.parse import urlencode

from ..errors import BadAnswerError
from ..live import LimitStatus

DEVICE = "The OpenDTU"

type Json = Mapping[str, Any]

_MOVED = ("Power DC", "YieldDay", "YieldTotal", "Efficiency")
"""Values that sat under ``AC`` up to v24.1.26 and sit under ``INV`` since (reference section 9)."""
_WRAPPED = 6553.6
"""var; a reactive power just below this is a small negative one (reference table of live fields)."""
_PLAUSIBLE = 3000.0
"""var; no inverter of these makes more."""
_SERIAL = re.compile(r"[0-9a-f]{1,16}")
_MOST_DIGITS = 9


def parse(body: bytes) -> Json:
    """The JSON object of a body; raises ``BadAnswerError`` when it is none."""
    text = body.decode("utf-8", "replace")
    try:
        # NaN and infinity are no JSON; where they appear there is no value.
        content = json.loads(text, parse_constant=lambda name: None)
    except (ValueError, RecursionError) as err:
        reason = "it was cut off or damaged" if text.lstrip()[:1] == "{" else "it is no JSON object"
        raise BadAnswerError(device=DEVICE, reason=reason) from err
    if not isinstance(content, dict):
        raise BadAnswerError(device=DEVICE, reason="it is no JSON object")
    return content


def number(value: object) -> float | None:
    """A finite number, ``None`` for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= float_info.max:
        return None
    return float(value)


def whole(value: object) -> int | None:
    """A whole number, ``None`` for everything else."""
    found = number(value)
    return None if found is None else int(found)


def text_of(value: object) -> str:
    """A text without blanks around it, empty for everything else."""
    return value.strip() if isinstance(value, str) else ""


def flag(value: object) -> bool | None:
    """A truth value, ``None`` for everything else."""
    return value if isinstance(value, bool) else None


def object_of(value: object) -> Json:
    """A JSON object, an empty one for everything else."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """A JSON list, an empty one for everything else."""
    return value if isinstance(value, list) else []


def serial_of(value: object) -> str:
    """A serial number as lower-case hexadecimal text, empty for everything else."""
    serial = text_of(value).lower()
    return serial if _SERIAL.fullmatch(serial) else ""


def measured(value: object) -> float | None:
    """A value with its unit and its digits, rounded to them; energies in kWh whatever they came in."""
    content = object_of(value)
    found = number(content.get("v"))
    if found is None:
        return None
    digits = whole(content.get("d"))
    if digits is not None and 0 <= digits <= _MOST_DIGITS:
        found = round(found, digits)
    # Whole watt-hours divide without noise only when that is rounded as well.
    return round(found / 1000.0, 6) if content.get("u") == "Wh" else found


# Live data


@dataclass(frozen=True, slots=True)
class StringLive:
    """One DC input: the name that its owner gave it, and its values by their names on the wire."""

    name: str
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterLive:
    """One inverter of the live data; ``values`` is ``None`` in the short form, which has no measured values."""

    serial: str
    name: str
    order: int
    age: float
    """Seconds since the last complete statistics answer; the uptime of the DTU when there was none."""
    precise: bool
    """Whether the age came in milliseconds."""
    poll_enabled: bool
    reachable: bool
    producing: bool
    limit_relative: float | None
    limit_absolute: float | None
    radio: Mapping[str, float | None]
    values: Mapping[str, float | None] | None
    strings: tuple[StringLive, ...] = ()
    events: int | None = None
    """Entries in the event log; ``None`` where it is not told."""


@dataclass(frozen=True, slots=True)
class LiveData:
    """One answer of ``/api/livedata/status`` or one message of the WebSocket."""

    inverters: tuple[InverterLive, ...]
    hints: Mapping[str, bool]
    parts: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """What OpenDTU-OnBattery has besides and has enabled: part to its values by their names here."""


def decode_live(content: Json) -> LiveData:
    """Live data of any generation; an inverter without a serial number is left out."""
    inverters = tuple(
        inverter for each in list_of(content.get("inverters")) if (inverter := _inverter(object_of(each))) is not None
    )
    hints = {name: state for name, each in object_of(content.get("hints")).items() if (state := flag(each)) is not None}
    return LiveData(inverters, hints, dict(_parts(content)))


def _inverter(content: Json) -> InverterLive | None:
    serial = serial_of(content.get("serial"))
    if not serial:
        return None
    precise = number(content.get("data_age_ms"))
    age = precise / 1000.0 if precise is not None else number(content.get("data_age"))
    polled = flag(content.get("poll_enabled"))
    absolute = number(content.get("limit_absolute"))
    events = whole(content.get("events"))
    ac, inv = _channel(content.get("AC")), _channel(content.get("INV"))
    values: dict[str, float | None] | None = None
    if "AC" in content:
        values = {name: measured(each) for name, each in ac.items() if name not in _MOVED}
        values |= {name: measured(inv[name] if name in inv else ac.get(name)) for name in _MOVED}
        values["Temperature"] = measured(inv.get("Temperature"))
        values["ReactivePower"] = _unwrapped(values.get("ReactivePower"))
    return InverterLive(
        serial=serial,
        name=text_of(content.get("name")),
        order=whole(content.get("order")) or 0,
        # An inverter whose age is not told has no value that could be believed.
        age=max(age, 0.0) if age is not None else math.inf,
        precise=precise is not None,
        # Missing before 2023-02; then it was always on.
        poll_enabled=True if polled is None else polled,
        reachable=bool(flag(content.get("reachable"))),
        producing=bool(flag(content.get("producing"))),
        limit_relative=number(content.get("limit_relative")),
        limit_absolute=None if absolute is None or absolute < 0 else absolute,
        radio={name: number(each) for name, each in object_of(content.get("radio_stats")).items()},
        values=values,
        strings=tuple(_strings(object_of(content.get("DC")))),
        events=None if events is None or events < 0 else events,
    )


def _channel(section: object) -> Json:
    return object_of(object_of(section).get("0"))


def _strings(section: Json) -> Iterator[StringLive]:
    for place in range(len(section)):
        if str(place) not in section:
            return
        channel = object_of(section[str(place)])
        name = text_of(object_of(channel.get("name")).get("u"))
        yield StringLive(name, {key: measured(each) for key, each in channel.items() if key != "name"})


def _unwrapped(var: float | None) -> float | None:
    if var is None or abs(var) <= _PLAUSIBLE:
        return var
    return round(var - _WRAPPED, 1) if _PLAUSIBLE < var < _WRAPPED else None


_PARTS: Mapping[str, tuple[tuple[str, ...], Mapping[str, tuple[str, ...]]]] = {
    "battery": (
        ("battery",),
        {"soc": ("soc", "SoC"), "voltage": ("voltage",), "current": ("current",), "power": ("power", "Power")},
    ),
    "solar_charger": (
        ("solarcharger", "vedirect"),
        {"PPV": ("power", "Power"), "YieldToday": ("yieldDay", "YieldDay"), "YieldTotal": ("yieldTotal", "YieldTotal")},
    ),
    "grid_charger": (("gridcharger", "huawei"), {"power": ("Power", "power")}),
    "meter": (("power_meter",), {"power": ("Power", "power")}),
}
"""Part to the objects that may hold it, and to its values with the names that they may have (section 11)."""


def _parts(content: Json) -> Iterator[tuple[str, Mapping[str, float | None]]]:
    for part, (objects, names) in _PARTS.items():
        found = next((object_of(content[each]) for each in objects if each in content), {})
        if flag(found.get("enabled")):
            yield (
                part,
                {
                    key: next((measured(found[each]) for each in wire if each in found), None)
                    for key, wire in names.items()
                },
            )


# Limits and commands


@dataclass(frozen=True, slots=True)
class LimitState:
    """What the DTU knows of the limit of one inverter: in %, with the rated power in W where it is known."""

    relative: float | None
    rated_power: float | None
    status: LimitStatus


def decode_limits(content: Json) -> dict[str, LimitState]:
    """``/api/limit/status`` by serial number."""
    return {
        serial: LimitState(
            number(state.get("limit_relative")), number(state.get("max_power")) or None, _status(state, "limit")
        )
        for serial, state in _by_serial(content)
    }


def decode_power(content: Json) -> dict[str, LimitStatus]:
    """``/api/power/status`` by serial number."""
    return {serial: _status(state, "power") for serial, state in _by_serial(content)}


def _by_serial(content: Json) -> Iterator[tuple[str, Json]]:
    for key, each in content.items():
        if (serial := serial_of(key)) and isinstance(each, dict):
            yield serial, each


def _status(state: Json, what: str) -> LimitStatus:
    try:
        return LimitStatus(text_of(state.get(f"{what}_set_status")))
    except ValueError:
        return LimitStatus.UNKNOWN


@dataclass(frozen=True, slots=True)
class Reply:
    """What a write was answered; ``code`` 0 where none was told (before 2023-05)."""

    kind: str
    message: str
    code: int

    @property
    def good(self) -> bool:
        """Whether it was taken; the HTTP status says nothing about that."""
        return self.kind == "success"


def decode_reply(content: Json) -> Reply:
    """The reply to a write; raises ``BadAnswerError`` when it is none."""
    kind = text_of(content.get("type"))
    if not kind:
        raise BadAnswerError(device=DEVICE, reason="it is no reply to a write")
    return Reply(kind, text_of(content.get("message")), whole(content.get("code")) or 0)


def encode_form(data: Json) -> bytes:
    """The body of a write: a form with one field that holds JSON (section 2)."""
    return urlencode({"data": json.dumps(data, separators=(",", ":"))}).encode()
