"""The paths of one D-Bus service as the GX wants them: values, texts and who may set what (reference section 4.3).

Nothing here knows of a connection: calls are answered from the tree, and whoever changes it is told what has changed.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from dbus_fast import Variant

INTERFACE = "com.victronenergy.BusItem"
INVALID_TEXT = "---"
_GREATEST = 2**31 - 1

type Value = int | float | str | None
"""What a path holds; ``None`` is the invalid value."""
type Texts = Mapping[str, Mapping[str, Variant]]
"""Path to its value and text, as ``GetItems`` and ``ItemsChanged`` carry them."""


class Kind(StrEnum):
    """The types of the wire, by their D-Bus signature."""

    WHOLE = "i"
    REAL = "d"
    TEXT = "s"


class SetReply(IntEnum):
    """What ``SetValue`` answers."""

    ACCEPTED = 0
    NOT_WRITABLE = 1
    """The path cannot be written, or not with a value of this type."""
    REJECTED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BusItem:
    """One path. ``digits`` after the point and ``unit`` make the text that people see of a number."""

    kind: Kind
    unit: str = ""
    digits: int = 0
    accept: Callable[[str], str | None] | None = None
    """Makes what is kept out of a text that somebody else sets, or ``None`` to reject it; without it nobody may."""

    def hold(self, value: Value) -> Value:
        """The value as the wire keeps it: rounded, and invalid where it is no finite number.

        Raises ``TypeError`` for a value of another kind, ``ValueError`` for a whole number beyond 32 bits.
        """
        if value is None:
            return None
        if self.kind is Kind.TEXT:
            if not isinstance(value, str):
                raise TypeError(f"{value!r} is no text")
            return value
        if isinstance(value, str):
            raise TypeError(f"{value!r} is no number")
        if not math.isfinite(value):
            return None
        if self.kind is Kind.REAL:
            # Adding zero makes an ordinary zero of a negative one.
            return round(float(value), self.digits + 1) + 0.0
        if value != int(value):
            raise TypeError(f"{value!r} is no whole number")
        if abs(value) > _GREATEST:
            raise ValueError(f"{value!r} is beyond 32 bits")
        return int(value)

    def text(self, value: Value) -> str:
        """What people see of a value."""
        if value is None:
            return INVALID_TEXT
        return value if isinstance(value, str) else f"{value:.{self.digits}f}{self.unit}"

    def pair(self, value: Value) -> dict[str, Variant]:
        """Value and text as the wire carries them."""
        return {"Value": self.variant(value), "Text": Variant("s", self.text(value))}

    def variant(self, value: Value) -> Variant:
        """The value as the wire carries it; an empty array of numbers is the invalid one."""
        return Variant("ai", []) if value is None else Variant(self.kind.value, value)


class BusTree:
    """All paths of one service with their values."""

    def __init__(self, items: Mapping[str, BusItem], values: Mapping[str, Value]) -> None:
        """``items`` says which paths there are for good; those without a value begin as invalid.

        Raises ``KeyError`` for a value without a path, ``TypeError`` and ``ValueError`` as ``BusItem.hold`` does.
        """
        self._items = dict(items)
        self._values: dict[str, Value] = dict.fromkeys(items)
        self.update(values)

    def get(self, path: str) -> Value:
        """The present value of a path; invalid where there is no such path."""
        return self._values.get(path)

    def __getitem__(self, path: str) -> Value:
        """The present value of a path."""
        return self._values[path]

    def update(self, values: Mapping[str, Value]) -> frozenset[str]:
        """Take new values, all or none; returns the paths whose values are others than before. Raises as above."""
        held = {path: self._items[path].hold(value) for path, value in values.items()}
        changed = frozenset(path for path, value in held.items() if self._values[path] != value)
        self._values.update(held)
        return changed

    def items(self, paths: Iterable[str] | None = None) -> Texts:
        """Values and texts of these paths, or of all."""
        return {path: self._items[path].pair(self._values[path]) for path in (self._items if paths is None else paths)}

    def value(self, path: str) -> Variant | None:
        """The answer to ``GetValue``: of a leaf its value, of a branch all below it; ``None`` if there is no path."""
        return self._look(path, lambda item, value: item.variant(value))

    def text(self, path: str) -> Variant | None:
        """The answer to ``GetText``, as above."""
        return self._look(path, lambda item, value: Variant("s", item.text(value)))

    def _look(self, path: str, show: Callable[[BusItem, Value], Variant]) -> Variant | None:
        if path in self._items:
            return show(self._items[path], self._values[path])
        stem = _stem(path)
        below = {
            each[len(stem) :]: show(item, self._values[each])
            for each, item in self._items.items()
            if each.startswith(stem)
        }
        return Variant("a{sv}", below) if below else None

    def set(self, path: str, value: Any) -> SetReply | None:
        """The answer to ``SetValue`` by somebody else; ``None`` if there is no such leaf."""
        if (item := self._items.get(path)) is None:
            return None
        if item.accept is None or not isinstance(value, str):
            return SetReply.NOT_WRITABLE
        if (kept := item.accept(value)) is None:
            return SetReply.REJECTED
        self._values[path] = kept
        return SetReply.ACCEPTED

    def children(self, path: str) -> tuple[str, ...]:
        """Names of what is right below a path, for those who walk the tree."""
        stem = _stem(path)
        return tuple(
            dict.fromkeys(each[len(stem) :].partition("/")[0] for each in self._items if each.startswith(stem))
        )


def _stem(path: str) -> str:
    return path if path.endswith("/") else path + "/"
