"""What no reply says by itself: sums over several replies and the charge stage (reference sections 6.1 and 11)."""

from collections.abc import Callable, Mapping, Set

from ..points import Value
from .blocks import Block, Dialect
from .fields import Fields

type Replies = Mapping[Block, Fields]
"""The newest fields of each reply of one unit."""

NEAR_ABSORPTION = 0.2
"""Charging with a battery voltage no further than this (V) below the setting is the absorption stage."""


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _get(replies: Replies, block: Block, key: str) -> float | None:
    return _number(replies.get(block, {}).get(key))


def _pv_power(replies: Replies) -> float | None:
    second = replies.get(Block.SECOND, {})
    if "pv_total_power" in second:
        return _number(second["pv_total_power"])
    status = replies.get(Block.STATUS, {})
    powers = [_get(replies, Block.STATUS, "pv1_power")]
    powers += [_number(fields["pv2_power"]) for fields in (status, second) if "pv2_power" in fields]
    known = [power for power in powers if power is not None]
    return sum(known) if len(known) == len(powers) else None


def _both_phases(key: str) -> Callable[[Replies], float | None]:
    def total(replies: Replies) -> float | None:
        first, second = _get(replies, Block.STATUS, f"l1_{key}"), _get(replies, Block.SECOND, f"l2_{key}")
        return None if first is None or second is None else first + second

    return total


def _charge_stage(replies: Replies) -> str | None:
    """The stage as the status shows it (section 11)."""
    status = replies.get(Block.STATUS, {})
    voltage, wanted = (
        _get(replies, Block.STATUS, "battery_voltage"),
        _get(replies, Block.RATINGS, "absorption_voltage"),
    )
    if status.get("float_charging"):
        return "float"
    if not status.get("charging"):
        return None if status.get("charging") is None else "idle"
    if voltage is not None and wanted is not None and voltage >= wanted - NEAR_ABSORPTION:
        return "absorption"
    return "bulk"


_SPLIT = ("ac_output_power", "ac_output_apparent_power")


class Derivation:
    """Which derived points a unit has, of which replies they are made, and how."""

    def __init__(self, dialect: Dialect, blocks: Mapping[Block, Set[str]]) -> None:
        """``blocks`` are the replies of the unit with the fields that they bring."""
        self._made: dict[str, tuple[tuple[Block, ...], Callable[[Replies], Value]]] = {}
        status, second = blocks.get(Block.STATUS, frozenset()), blocks.get(Block.SECOND, frozenset())
        if "pv1_power" in status:
            both = second & {"pv_total_power", "pv2_power"}
            self._made["pv_power"] = ((Block.STATUS, Block.SECOND) if both else (Block.STATUS,), _pv_power)
        if "charging" in status and "charge_stage" not in blocks.get(Block.CHARGER, frozenset()):
            self._made["charge_stage"] = ((Block.STATUS,), _charge_stage)
        if dialect is Dialect.PI41 and "l2_ac_output_power" in second:
            for key in _SPLIT:
                self._made[key] = ((Block.STATUS, Block.SECOND), _both_phases(key))

    def __contains__(self, key: object) -> bool:
        return key in self._made

    def blocks(self, key: str) -> tuple[Block, ...]:
        """The replies that ``key`` is made of; all of them must be of the same moment."""
        return self._made[key][0]

    def value(self, key: str, replies: Replies) -> Value:
        """The value of a derived point; ``None`` when a part of it is unknown."""
        return self._made[key][1](replies)
