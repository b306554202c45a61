"""Recorded Modbus TCP replies put into words, for ``solarlink decode conext xw --address 0x0050 --order lsb``."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from ..errors import BadAnswerError
from ..links.recorded import INPUT, READ_HOLDING, Refusal, Words, Written, replies
from .codec import OTHER, Order, order_of, raw_of, value_of
from .making import alarms_in
from .points import points_of
from .registers import BITS, Form, Kind, Register, map_of
from .source import Make

PRODUCT_NUMBER = "fga_number"


def _order(options: Mapping[str, str]) -> Order | None:
    told = options.get("order")
    if told is None:
        return None
    if told.lower() not in list(Order):
        raise BadAnswerError(device=INPUT, reason=f"'{told}' is no order; there are {', '.join(Order)}")
    return Order(told.lower())


def _decode(kind: Kind, text: str, options: Mapping[str, str]) -> dict[str, Any]:
    """Raises ``BadAnswerError`` for what is no reply, or not enough to understand it."""
    values: dict[str, dict[str, Any]] = {}
    failed: dict[str, dict[str, str]] = {}
    for reply in replies(text, options, reads=(READ_HOLDING,), device="these devices"):
        name = "gateway" if kind.is_root else f"{kind.value}_{reply.unit}"
        match reply:
            case Refusal():
                failed.setdefault(name, {}).update(reply.told())
            case Words():
                found = _values(kind, reply.start, reply.words, _order(options))
                values.setdefault(name, {}).update(found)
            case Written():
                written = [register.key for register in map_of(kind) if reply.covers(register.address)]
                values.setdefault(name, {})["written"] = written
    return {"values": values, "failed": failed}


def _values(kind: Kind, start: int, words: list[int], order: Order | None) -> dict[str, Any]:
    """Values by key; a register that the reply holds only in part is left out."""
    inside = [each for each in map_of(kind) if start <= each.address and each.end <= start + len(words)]
    parts = {register: words[register.address - start : register.end - start] for register in inside}
    if order is None:
        order = next(
            (found for each, part in parts.items() if each.key == PRODUCT_NUMBER and (found := order_of(part))), None
        )
    if order is None and any(register.words > 1 for register in inside):
        raise BadAnswerError(device=INPUT, reason="a reply does not tell its order of words: give --order lsb or msb")
    used = order or Order.MSB
    keys = {
        point.address.registers[0]: point.key
        for point in points_of(kind).values()
        if point.measured and point.address.make is Make.VALUE
    }
    values = {keys.get(each.key, each.key): _value(each, part, used) for each, part in parts.items()}
    bitmaps = {each.key: raw_of(each, part, used) for each, part in parts.items() if each.enum == BITS}
    alarms = alarms_in(kind, bitmaps, bitmaps.get)
    if alarms is not None:
        values["active_alarms"] = ", ".join(alarm.text for alarm in alarms)
    return values


def _value(register: Register, words: list[int], order: Order) -> Any:
    value = value_of(register, words, order)
    if value == OTHER and register.form is not Form.TEXT:
        return f"unknown ({raw_of(register, words, order)})"
    return value


DECODERS = {kind.value: partial(_decode, kind) for kind in Kind}
"""Every map whose replies can be decoded."""
