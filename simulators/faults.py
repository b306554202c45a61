"""Named faults that a simulator shows on demand, switched on and off while it runs.

Each family has its own table of faults. ``Faults`` only remembers what is on; the family's simulator acts on it. A
fault may carry an argument and may be limited to the next answers. Text form: ``NAME[=ARG][*COUNT]``, for example
``delay=2.5`` or ``busy*3``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

type FaultTable = Mapping[str, float | None]
"""Every fault name of a family and the argument it takes when none is given."""

ALIASES = {"second_client": "second_connection"}


class UnknownFaultError(ValueError):
    """A fault name or its text form that no simulator knows."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that is on: its argument, and for how many answers more (None: until cleared)."""

    name: str
    argument: float | None = None
    count: int | None = None


def parse(text: str, known: FaultTable) -> Fault:
    """Read ``NAME[=ARG][*COUNT]``; ARG is decimal or, with a leading 0x, hexadecimal."""
    body, star, count_text = text.strip().partition("*")
    name, equals, argument_text = body.partition("=")
    try:
        count = int(count_text) if star else None
        argument: float | None = None
        if equals:
            hexadecimal = argument_text.strip().lower().startswith("0x")
            argument = float(int(argument_text, 16)) if hexadecimal else float(argument_text)
    except ValueError as error:
        raise UnknownFaultError(f"cannot read the fault {text!r}: use NAME[=NUMBER][*COUNT]") from error
    return _checked(Fault(name.strip(), argument, count), known)


def _checked(fault: Fault, known: FaultTable) -> Fault:
    name = ALIASES.get(fault.name, fault.name)
    if name not in known:
        raise UnknownFaultError(f"unknown fault {fault.name!r}: choose from {', '.join(sorted(known))}")
    if fault.count is not None and fault.count < 1:
        raise UnknownFaultError(f"the count of fault {fault.name!r} must be 1 or more")
    return Fault(name, known[name] if fault.argument is None else fault.argument, fault.count)


class Faults:
    """The faults that are on at present."""

    def __init__(self, known: FaultTable) -> None:
        """Start without any fault."""
        self.known = known
        self._active: dict[str, Fault] = {}
        self._listeners: list[Callable[[Fault], None]] = []

    def set(self, name: str, argument: float | None = None, *, count: int | None = None) -> None:
        """Switch a fault on, for the next ``count`` answers or until it is cleared."""
        self.add(Fault(name, argument, count))

    def add(self, fault: Fault) -> None:
        """Switch a fault on that was read from text."""
        checked = _checked(fault, self.known)
        self._active[checked.name] = checked
        for listener in self._listeners:
            listener(checked)

    def clear(self, name: str | None = None) -> None:
        """Switch one fault off, or all of them."""
        if name is None:
            self._active.clear()
            return
        name = ALIASES.get(name, name)
        if name not in self.known:
            raise UnknownFaultError(f"unknown fault {name!r}")
        self._active.pop(name, None)

    def __contains__(self, name: str) -> bool:
        """Tell whether a fault is on, without using it up."""
        return ALIASES.get(name, name) in self._active

    def peek(self, name: str) -> Fault | None:
        """Return a fault that is on, without using it up."""
        return self._active.get(name)

    def take(self, name: str) -> Fault | None:
        """Return a fault that is on and count one use of it."""
        fault = self._active.get(name)
        if fault is None or fault.count is None:
            return fault
        if fault.count == 1:
            del self._active[name]
        else:
            self._active[name] = Fault(fault.name, fault.argument, fault.count - 1)
        return fault

    def on_set(self, listener: Callable[[Fault], None]) -> None:
        """Call ``listener`` whenever a fault is switched on."""
        self._listeners.append(listener)
