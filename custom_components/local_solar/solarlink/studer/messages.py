"""What the system says: messages of the devices, as the gateway stores them (reference section 6)."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from ..errors import BadAnswerError, DeviceRefusedError
from .codec import GATEWAY, ObjectType, Property, read_request
from .exchange import Exchange
from .points_gateway import MESSAGE_KINDS
from .values import wall_clock

INFO, HALTED = MESSAGE_KINDS[0], MESSAGE_KINDS[3]
XTENDER_STARTED = 177
STARTED = frozenset({XTENDER_STARTED, 10, 188})
"""Messages of a device that has started, and so has lost what its RAM held (reference section 7.1)."""
MOST = 20
"""Messages that are fetched at once at most; what is older than that was missed for too long to be news."""

_TABLE = Path(__file__).with_name("messages.csv").read_text(encoding="utf-8").splitlines()[1:]
_LAYOUT = struct.Struct("<IHIIi")


@dataclass(frozen=True, slots=True)
class LogMessage:
    """One message: which, from which address, when by the clock of the installation, and how many there are."""

    number: int
    source: int
    seconds: int
    total: int = 0

    @property
    def identity(self) -> list[int]:
        """What tells it from all others, as JSON holds it."""
        return [self.number, self.source, self.seconds]

    @property
    def kind(self) -> str:
        """How bad it is: info, warning, error, halted."""
        return _texts().get(self.number, (INFO, ""))[0]

    @property
    def text(self) -> str:
        """What the remote control shows for it."""
        return _texts().get(self.number, ("", f"Message {self.number}"))[1]

    @property
    def time(self) -> datetime:
        """When, by the clock of the installation, without time zone."""
        return wall_clock(self.seconds)


@cache
def _texts() -> Mapping[int, tuple[str, str]]:
    table = {}
    for line in _TABLE:
        number, kind, text = line.split(",", 2)
        table[int(number)] = (kind, text.strip('"'))
    return table


def decode_message(data: bytes) -> LogMessage:
    """The data of a message answer; raises ``BadAnswerError`` for a wrong length."""
    if len(data) != _LAYOUT.size:
        raise BadAnswerError(device="The gateway", reason=f"a message of {len(data)} bytes")
    total, number, source, seconds, _ = _LAYOUT.unpack(data)
    return LogMessage(number, source, seconds, total)


async def fetch(exchange: Exchange, most: int, known: Sequence[int] | None = None) -> list[LogMessage]:
    """Up to ``most`` messages, newest first, ending before the one whose identity is ``known``.

    The first question freezes the gateway's read pointer and clears its flag for unread messages, so whoever fetches
    has to hand on what is new. Raises the errors of ``Exchange.ask``.
    """
    found: list[LogMessage] = []
    for index in range(most):
        try:
            answer = await exchange.ask(read_request(GATEWAY, ObjectType.MESSAGE, index, Property.NONE))
        except DeviceRefusedError:
            # There are no more, or none at all.
            break
        message = decode_message(answer.data)
        if known is not None and message.identity == list(known):
            break
        found.append(message)
    return found
