"""Recorded Modbus TCP replies put into words, for ``solarlink decode victron_gx battery --address 305``."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ..links.modbus import REASONS
from ..links.recorded import READ_HOLDING, READ_INPUT, Refusal, Words, Written, replies
from .codec import number_of, text_of
from .identify import SERVICES
from .making import make
from .points import points_of
from .points_system import SYSTEM
from .registers import MAPS, Form, Service

_MEANINGS = {
    **REASONS,
    2: "it has no such register, or does not take writes",
    10: "the service is not available, or rejects the value",
    11: "no service answers at this unit id",
}


def _decode(kind: str, text: str, options: Mapping[str, str]) -> dict[str, Any]:
    """Raises ``BadAnswerError`` for what is no reply, or not enough to understand it."""
    values: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for reply in replies(text, options, reads=(READ_HOLDING, READ_INPUT), device="a GX"):
        match reply:
            case Refusal():
                failed |= reply.told(_MEANINGS)
            case Words():
                values |= _values(kind, reply.start, reply.words)
            case Written():
                inside = [each for service in _services(kind) for each in MAPS[service]]
                values["written"] = [each.key for each in inside if reply.covers(each.address)]
    return {"values": {kind: values} if values else {}, "failed": {kind: failed} if failed else {}}


def _services(kind: str) -> tuple[Service, ...]:
    return (SERVICES[kind],) if kind in SERVICES else (Service.SYSTEM, Service.SETTINGS)


def _values(kind: str, start: int, words: Sequence[int]) -> dict[str, Any]:
    """Values of the points whose registers are all there, and of registers that belong to no point."""
    values: dict[str, Any] = {}
    for service in _services(kind):
        inside = {
            each.key: words[each.address - start : each.end - start]
            for each in MAPS[service]
            if start <= each.address and each.end <= start + len(words)
        }

        def number(key: str, inside: Mapping[str, Sequence[int]] = inside, service: Service = service) -> Any:
            return number_of(MAPS[service][key], inside[key]) if key in inside else None

        used: set[str] = set()
        for point in points_of(kind).values():
            source = point.address
            if point.measured and source.service is service and set(source.registers) <= inside.keys():
                values[point.key] = make(point, number)
                used |= set(source.registers)
        for key in inside.keys() - used:
            register = MAPS[service][key]
            values[key] = text_of(inside[key]) if register.form is Form.TEXT else number(key)
    return values


DECODERS = {kind: partial(_decode, kind) for kind in (SYSTEM, *SERVICES)}
"""Every kind of unit whose replies can be decoded."""
