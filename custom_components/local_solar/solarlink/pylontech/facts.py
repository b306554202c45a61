"""What ``identify`` found out of a stack and wants to know again after a restart, as JSON holds it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

VERSION = 1
"""Raised when the meaning changes; what another version found is found out again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleFacts:
    """One module, found by its serial number."""

    slot: int
    serial_known: bool = True
    """Whether the serial number is its own, and not made up from its place."""
    capacity: float | None = None
    """Rated, in Ah."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By name of the block, what it brought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The stack."""

    protocol: str
    layout: str
    stack_keys: tuple[str, ...] = ()
    system_keys: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    """Blocks that were answered."""
    doubtful: tuple[str, ...] = ()
    """Blocks whose reply was damaged at every try; the next ``identify`` tries them again."""
    modules: Mapping[str, ModuleFacts] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON can hold them."""
        told = asdict(self)
        told["modules"] = {
            serial: {**asdict(module), "keys": {block: list(keys) for block, keys in module.keys.items()}}
            for serial, module in self.modules.items()
        }
        return {"version": VERSION} | {
            key: list(value) if isinstance(value, tuple) else value for key, value in told.items()
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Facts | None:
        """Take back what ``as_dict`` gave; ``None`` for what another version made or for an unknown shape."""
        if told.get("version") != VERSION:
            return None
        try:
            modules = {
                str(serial): ModuleFacts(
                    slot=int(each["slot"]),
                    serial_known=bool(each["serial_known"]),
                    capacity=None if each["capacity"] is None else float(each["capacity"]),
                    keys={str(block): tuple(map(str, keys)) for block, keys in each["keys"].items()},
                )
                for serial, each in told["modules"].items()
            }
            return cls(
                protocol=str(told["protocol"]),
                layout=str(told["layout"]),
                **{key: tuple(map(str, told[key])) for key in ("stack_keys", "system_keys", "commands", "doubtful")},
                modules=modules,
            )
        except KeyError, TypeError, ValueError, AttributeError:
            return None
