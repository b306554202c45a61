"""The gateway's message store (protocol reference, section 6).

Index 0 is the newest message; reading it clears the pending flag and freezes the read pointer. Index n is the n-th
older one relative to that pointer, whatever came since.
"""

from dataclasses import dataclass
from struct import pack

from .errors import OBJECT_ID_NOT_FOUND, ScomError

XTENDER_STARTED = 177
MANAGED_BY_BMS = 174
GATEWAY_RESET = 216


@dataclass(frozen=True, slots=True)
class Message:
    """One message: type, the address it came from, and seconds of the installation's wall clock."""

    message_type: int
    source: int
    timestamp: int
    value: int = 0


class MessageStore:
    """All messages, oldest first inside."""

    def __init__(self, earlier: int = 0) -> None:
        """Start empty; ``earlier`` messages are counted in the total but lost."""
        self._messages: list[Message] = []
        self._pointer = 0
        self._earlier = earlier
        self.pending = False

    @property
    def total(self) -> int:
        """Return the number of messages ever stored."""
        return self._earlier + len(self._messages)

    def add(self, message: Message, *, pending: bool = True) -> None:
        """Store a new message."""
        self._messages.append(message)
        self.pending = self.pending or pending

    def clear(self) -> None:
        """Erase all messages."""
        self._messages.clear()
        self._earlier = self._pointer = 0
        self.pending = False

    def read(self, index: int) -> bytes:
        """Return the 18 bytes of the answer for an index."""
        if index == 0:
            self._pointer = len(self._messages)
            self.pending = False
        place = self._pointer - 1 - index
        if place < 0:
            raise ScomError(OBJECT_ID_NOT_FOUND)
        message = self._messages[place]
        return pack("<IHIIi", self.total, message.message_type, message.source, message.timestamp, message.value)
