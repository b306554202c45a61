"""What one exchange brings, on the console and on RS-485, and where a point finds its value."""

from dataclasses import dataclass, field
from enum import StrEnum

from ..points import Point, Value

STACK = "stack"
"""Kind of the root: all modules together."""
MODULE = "module"
STACK_ID = "stack"

type Fields = dict[str, Value]
"""Values by key of their point."""


class Protocol(StrEnum):
    """The two ways to talk to a stack."""

    CONSOLE = "console"
    RS485 = "rs485"


class Block(StrEnum):
    """One command and its reply. The order is that in which a cycle asks: what is wanted fastest goes first."""

    POWER = "pwr"
    """One row for every module (reference section 5)."""
    ANALOG = "42"
    ALARMS = "44"
    SYSTEM = "pwrsys"
    """What the master works out for the stack, where the console offers it (section 6.9)."""
    LIMITS = "92"
    DETAIL = "pwr_detail"
    """``pwr N`` (section 6.2)."""
    CELLS = "bat"
    COUNTERS = "stat"
    IDENTITY = "info"
    PARAMETERS = "47"
    VERSION = "4F"
    MAKER = "51"
    SERIAL = "93"
    FIRMWARE = "96"


@dataclass(frozen=True, slots=True)
class Source:
    """The block that brings a point on each of the two links; ``None`` where the link does not have it."""

    console: Block | None = None
    rs485: Block | None = None

    def on(self, protocol: Protocol) -> Block | None:
        """The block on that link."""
        return self.console if protocol is Protocol.CONSOLE else self.rs485


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a module says of itself."""

    serial: str
    """Empty where it has none."""
    manufacturer: str
    model: str
    firmware: str
    hardware: str = ""
    capacity: float | None = None
    """Rated, in Ah."""
    cells: int | None = None
    fields: Fields = field(default_factory=dict)


type PylontechPoint = Point[Source]
