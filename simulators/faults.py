"""Named faults that a simulator shows on demand, switched on and off while it runs.

The registry only remembers what is on; each family's simulator acts on it. A fault may carry an argument and may be
limited to the next answers. Text form: ``NAME[=ARG][*COUNT]``, for example ``delay=2.5`` or ``busy*3``.
"""

from collections.abc import Callable
from dataclasses import dataclass

KNOWN: dict[str, float | None] = {
    "silence": None,
    "lost_answer": None,
    "delay": 1.0,
    "late_answer": 3.5,
    "cut_frame": None,
    "garbage": None,
    "wrong_checksum": None,
    "wrong_unit": None,
    "refused": 0x2B,
    "busy": None,
    "restart": None,
    "second_connection": None,
    "duplicate": None,
    "reset_mid_frame": None,
    "strip_crlf": None,
    "crlf": None,
    "nan": None,
    "old_gateway": None,
    "old_firmware": None,
    "split": 5.0,
    "joined": None,
}
"""Every fault name and the argument it takes when none is given.

silence: nothing is done and nothing answered; lost_answer: the request is carried out, its answer is lost;
delay: seconds during which the line is busy before the answer; late_answer: seconds until the answer comes, while
further requests are served; cut_frame: only the first half of the answer; garbage: stray bytes around the answer;
wrong_checksum: the last byte of the answer is wrong; wrong_unit: another unit's answer; refused: error code;
busy: the device says that it is busy; restart: the addressed device (or the one given) restarts before it answers;
second_connection: the device connects again and leaves its first connection half open; duplicate: each answer twice;
reset_mid_frame: half an answer, then a connection reset; strip_crlf: every CR LF inside the answer is lost;
crlf: CR LF after each answer; nan: floating point values are "not a number" (all, or the number given);
old_gateway: no multiple read; old_firmware: no RAM writes; split: answers in pieces of that many bytes;
joined: a foreign answer and ours in one piece.
"""

ALIASES = {"second_client": "second_connection"}


class UnknownFaultError(ValueError):
    """A fault name or its text form that no simulator knows."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that is on: its argument, and for how many answers more (None: until cleared)."""

    name: str
    argument: float | None = None
    count: int | None = None


def parse(text: str) -> Fault:
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
    return _checked(Fault(name.strip(), argument, count))


def _checked(fault: Fault) -> Fault:
    name = ALIASES.get(fault.name, fault.name)
    if name not in KNOWN:
        raise UnknownFaultError(f"unknown fault {fault.name!r}: choose from {', '.join(sorted(KNOWN))}")
    if fault.count is not None and fault.count < 1:
        raise UnknownFaultError(f"the count of fault {fault.name!r} must be 1 or more")
    return Fault(name, KNOWN[name] if fault.argument is None else fault.argument, fault.count)


class Faults:
    """The faults that are on at present."""

    def __init__(self) -> None:
        """Start without any fault."""
        self._active: dict[str, Fault] = {}
        self._listeners: list[Callable[[Fault], None]] = []

    def set(self, name: str, argument: float | None = None, *, count: int | None = None) -> None:
        """Switch a fault on, for the next ``count`` answers or until it is cleared."""
        self.add(Fault(name, argument, count))

    def add(self, fault: Fault) -> None:
        """Switch a fault on that was read from text."""
        checked = _checked(fault)
        self._active[checked.name] = checked
        for listener in self._listeners:
            listener(checked)

    def clear(self, name: str | None = None) -> None:
        """Switch one fault off, or all of them."""
        if name is None:
            self._active.clear()
            return
        name = ALIASES.get(name, name)
        if name not in KNOWN:
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
