"""File transfer in answers to reads of object type 0101 (protocol reference, section 6)."""

from . import errors
from .behaviour import Behaviour
from .card import Card
from .errors import ScomError

FILE_TRANSFER = 0x0101
DIRECTORY, FILE = 1, 2
START, BLOCK, NEXT, AGAIN, ABORT, FINISH = range(0x21, 0x27)
BLOCK_LENGTH = 512


class FileTransfer:
    """The one transfer that a gateway can have under way. It does not matter who asks."""

    def __init__(self, card: Card, behaviour: Behaviour) -> None:
        """Start with none under way."""
        self._card = card
        self.behaviour = behaviour
        self._blocks: list[bytes] = []
        self._object_id = 0
        self._place = 0
        self.name = ""
        """The file under way, "" for a directory or none."""
        self.finished: list[str] = []
        """Every file whose last block was sent, in their order."""

    @property
    def under_way(self) -> bool:
        """Tell whether a transfer has begun and not ended."""
        return bool(self._blocks)

    def reset(self) -> None:
        """Forget a transfer, as a restart of the gateway does."""
        self._blocks = []
        self.name = ""

    def answer(self, object_id: int, property_id: int, data: bytes) -> tuple[int, bytes]:
        """Return property and data of the answer to a request."""
        if object_id not in (DIRECTORY, FILE):
            raise ScomError(errors.OBJECT_ID_NOT_FOUND)
        if property_id == START:
            self._start(object_id, data)
            return self._send()
        if not START <= property_id <= FINISH:
            raise ScomError(errors.PROPERTY_NOT_SUPPORTED)
        if not self.under_way or object_id != self._object_id:
            raise ScomError(errors.OBJECT_PROPERTY_INVALID)
        match property_id:
            case 0x23:
                self._place += 1
                return self._send()
            case 0x24:
                return self._send()
            case 0x25:
                self.reset()
                return FINISH, b""
            case _:
                raise ScomError(errors.OBJECT_PROPERTY_INVALID)

    def _start(self, object_id: int, data: bytes) -> None:
        self.reset()
        if object_id == DIRECTORY:
            content = self.behaviour.name_separator.join(sorted(self._card.files)).encode("ascii")
        else:
            content = self._content(data)
            self.name = data.decode("ascii", "replace").strip()
        self._object_id = object_id
        self._place = 0
        self._blocks = [content[at : at + BLOCK_LENGTH] for at in range(0, len(content), BLOCK_LENGTH)] or [b""]

    def _content(self, data: bytes) -> bytes:
        name = data.decode("ascii", "replace")
        if self.behaviour.name_needs_newline and not name.endswith("\n"):
            raise ScomError(errors.FILE_NOT_PRESENT)
        name = name.rstrip("\r\n\0")
        if name not in self._card.files:
            raise ScomError(errors.FILE_NOT_PRESENT)
        if name in self._card.corrupted:
            raise ScomError(errors.FILE_CORRUPTED)
        return self._card.files[name]

    def _send(self) -> tuple[int, bytes]:
        block = self._blocks[self._place]
        if self._place + 1 < len(self._blocks):
            return BLOCK, block
        if self.name:
            self.finished.append(self.name)
        self.reset()
        return FINISH, block
