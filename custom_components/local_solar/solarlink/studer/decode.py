"""Recorded SCOM frames put into words, for ``solarlink decode studer frame``."""

import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ..errors import BadAnswerError
from ..points import Value
from .codec import (
    GATEWAY,
    Format,
    Frame,
    FrameReader,
    InfoItem,
    Message,
    ObjectType,
    Property,
    Service,
    code_name,
    decode_guid,
    decode_multi_info,
    decode_value,
)
from .points import POINTS, StuderPoint
from .units import KINDS
from .values import to_value

_AGGREGATES = {0x00: "master", 0xFD: "mean", 0xFE: "sum"}
_FLAGS = (
    "message_pending",
    "restarted",
    "sd_card_present",
    "sd_card_full",
    "new_datalog",
    "datalogger_supported",
)


def decode_frames(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    """Decode frames given as hex text; blanks and line breaks do not matter, several may follow each other.

    Raises ``BadAnswerError`` when the text is no hex or holds no valid frame.
    """
    try:
        raw = bytes.fromhex(text)
    except ValueError as err:
        raise BadAnswerError(device="The input", reason="it is not hex text") from err
    reader = FrameReader()
    frames = reader.feed(raw)
    reader.reset()
    if not frames:
        raise BadAnswerError(device="The input", reason=f"no valid frame in {len(raw)} bytes")
    values: dict[str, dict[str, Any]] = {}
    failed: dict[str, dict[str, str]] = {}
    shown = []
    for frame in frames:
        message = Message.decode(frame.data)
        shown.append(_describe(frame, message))
        if message is None or not message.is_answer:
            continue
        if message.is_error:
            unit, key = _unit_id(frame.source), _key(message)
            failed.setdefault(unit, {})[key] = f"{code_name(message.code)} ({message.code:04X})"
            continue
        for unit, key, value in _values(frame, message):
            values.setdefault(unit, {})[key] = value
    return {"values": values, "failed": failed, "frames": shown, "dropped_bytes": reader.dropped}


def _describe(frame: Frame, message: Message | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"source": frame.source, "destination": frame.destination}
    if message is None:
        return shown | {"data": frame.data.hex(" ")}
    if message.is_answer:
        shown["flags"] = [name for bit, name in enumerate(_FLAGS) if frame.flags >> bit & 1]
    kind = "error" if message.is_error else "answer" if message.is_answer else "request"
    return shown | {
        "kind": kind,
        "service": _name(Service, message.service),
        "object_type": _name(ObjectType, message.object_type),
        "object_id": message.object_id,
        "property_id": message.property_id,
        "data": message.data.hex(" "),
    }


def _name(kind: type[Service | ObjectType], number: int) -> str | int:
    try:
        return kind(number).name.lower()
    except ValueError:
        return number


def _unit_id(address: int) -> str:
    if address == GATEWAY:
        return "gateway"
    for kind in KINDS.values():
        if kind.base < address <= kind.base + kind.most:
            return "bms" if kind.base == 600 else f"{kind.key}{address - kind.base}"
        if kind.base == address:
            return f"{kind.key}_all"
    return str(address)


def _points_at(object_type: int, number: int) -> list[StuderPoint]:
    """The points of that number; monitor and battery link share theirs, so the link stands for both."""
    return [
        point
        for point in POINTS
        if point.unit_kind != "bsp"
        and point.measured
        and not point.address.aggregate
        and (point.address.object_type, point.address.number) == (object_type, number)
    ]


def _key(message: Message) -> str:
    if message.object_type not in (ObjectType.INFO, ObjectType.PARAMETER):
        return str(_name(ObjectType, message.object_type))
    points = _points_at(message.object_type, message.object_id)
    return points[0].key if points else str(message.object_id)


_SUFFIX = {Property.MINIMUM: "_minimum", Property.MAXIMUM: "_maximum", Property.LEVEL: "_level"}


def _values(frame: Frame, message: Message) -> Iterator[tuple[str, str, Value]]:
    """Unit, key and value of everything a good answer says."""
    unit = _unit_id(frame.source)
    match message.object_type:
        case ObjectType.INFO | ObjectType.PARAMETER if message.data:
            raw = _number(message.data)
            suffix = _SUFFIX.get(message.property_id, "") if message.object_type == ObjectType.PARAMETER else ""  # type: ignore[call-overload]
            points = _points_at(message.object_type, message.object_id)
            for point in points:
                yield unit, point.key + suffix, to_value(point, raw)
            if not points:
                yield unit, f"{message.object_id}{suffix}", raw
        case ObjectType.GUID:
            yield unit, "guid", decode_guid(message.data)
        case ObjectType.MESSAGE if len(message.data) == 18:
            total, kind, source, at, value = struct.unpack("<IHIIi", message.data)
            yield unit, "messages_stored", total
            yield unit, "message_type", kind
            yield unit, "message_source", _unit_id(source)
            yield unit, "message_time", _wall_clock(at)
            yield unit, "message_value", value
        case ObjectType.MULTI_INFO:
            answer = decode_multi_info(message.data)
            yield "gateway", "clock", _wall_clock(answer.clock)
            for item, number in answer.values.items():
                yield from _multi_value(item, number)


def _multi_value(item: InfoItem, raw: float | None) -> Iterator[tuple[str, str, Value]]:
    points = _points_at(ObjectType.INFO, item.number)
    family = points[0].unit_kind if points else "info"
    single = family == "bms" and item.device in (0, 1)
    unit = family if single else f"{family}_{_AGGREGATES[item.device]}" if item.device in _AGGREGATES else ""
    for point in points:
        yield unit or f"{family}{item.device}", point.key, to_value(point, raw)
    if not points:
        yield unit or f"{family}{item.device}", str(item.number), raw


def _number(data: bytes) -> float | None:
    """A value whose format only its length tells: 1 byte is yes or no, 2 an enumeration, 4 a number."""
    return decode_value({1: Format.BOOL, 2: Format.SHORT_ENUM}.get(len(data), Format.FLOAT), data)


def _wall_clock(seconds: int) -> str:
    """The gateway counts seconds of its own wall clock, without time zone."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(sep=" ")
