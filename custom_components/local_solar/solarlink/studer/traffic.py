"""What our end of the gateway's line shows without asking: its status bits, and what others on the line do.

Every serial byte that the gateway sends reaches all who are connected (reference section 2.2), so the answers to the
portal's own requests are seen as well, and among them those of its nightly file transfer. Only answers are seen, never
the questions.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from enum import IntEnum, IntFlag

from .codec import Frame, Message, ObjectType

TRANSFER_GAP = 60.0
"""Seconds without a frame after which a transfer is another one (reference section 9.3)."""

DAMAGED_GAP = 300.0
"""Seconds after the last sign of a transfer up to which bytes that are no frame are taken for its going on."""


class Status(IntFlag):
    """Frame flags of an answer: status bits of the whole gateway (reference section 3)."""

    MESSAGE_PENDING = 0x01
    RESTARTED = 0x02
    CARD_PRESENT = 0x04
    CARD_FULL = 0x08
    NEW_FILE = 0x10
    """A day's file is on the card and has not been read yet."""
    HAS_DATALOGGER = 0x20


class FileObject(IntEnum):
    """What a file transfer is about (reference section 6)."""

    DIRECTORY = 1
    FILE = 2


class FileStep(IntEnum):
    """Properties of a file transfer (reference section 6)."""

    START = 0x21
    BLOCK = 0x22
    NEXT = 0x23
    AGAIN = 0x24
    ABORT = 0x25
    FINISH = 0x26


class Traffic:
    """Keeps what was seen; all times are seconds of ``clock``, ``None`` for what was never seen."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing has been seen."""
        self.clock = clock
        self.flags: Status | None = None
        """Status bits of the last answer, whoever had asked."""
        self.flags_at: float | None = None
        self.flags_since: float | None = None
        """When the bits became what they are."""
        self.foreign = 0
        """Answers to others."""
        self.transfer_at: float | None = None
        """When the last answer of somebody else's file transfer was seen, of whatever kind."""
        self.transfer_began: float | None = None
        """When the first answer of the present or last transfer was seen."""
        self.finished_at: float | None = None
        """When the last block of a file was seen on its way to somebody else."""
        self.broken_at: float | None = None
        """When such a transfer was seen to be broken off or refused."""
        self.blocks = 0
        """Blocks of files seen on their way to others."""
        self.files = 0
        """Files that others have fetched to the end."""
        self.on_transfer: Callable[[], None] | None = None
        """Called when somebody else's file transfer is seen, with every frame of it."""
        self._ours = 0

    @property
    def new_file(self) -> bool | None:
        """Whether a day's file waits on the card to be fetched; ``None`` before anything was seen."""
        return None if self.flags is None else bool(self.flags & Status.NEW_FILE)

    @property
    def transferring(self) -> bool:
        """Whether somebody else is fetching a file at this moment."""
        if self.transfer_at is None or self.transfer_at in (self.finished_at, self.broken_at):
            return False
        return self.clock() - self.transfer_at < TRANSFER_GAP

    @contextmanager
    def own_transfer(self) -> Generator[None]:
        """While it lasts, file transfers on the line are ours: late or repeated answers are nobody else's."""
        self._ours += 1
        try:
            yield
        finally:
            self._ours -= 1

    def saw(self, frame: Frame, answer: Message, *, ours: bool) -> None:
        """An answer came in; ``ours`` tells whether it is the one that we wait for."""
        now = self.clock()
        flags = Status(frame.flags)
        if flags != self.flags:
            self.flags_since = now
        self.flags, self.flags_at = flags, now
        if ours:
            return
        self.foreign += 1
        if answer.object_type == ObjectType.FILE_TRANSFER and not self._ours:
            self._saw_transfer(answer, now)
            if self.on_transfer:
                self.on_transfer()

    def saw_bytes(self) -> None:
        """Bytes came in that are no frame, or none yet.

        A Moxa that strips CR LF takes them out of the blocks of a file as well (reference section 2.2), so a transfer
        that has begun goes on like this.
        """
        ended = self.transfer_at in (self.finished_at, self.broken_at)
        if self.transfer_at is not None and not ended and self.clock() - self.transfer_at < DAMAGED_GAP:
            self.transfer_at = self.clock()
            if self.on_transfer:
                self.on_transfer()

    def _saw_transfer(self, answer: Message, now: float) -> None:
        if self.transfer_at is None or now - self.transfer_at > TRANSFER_GAP:
            self.transfer_began = now
        self.transfer_at = now
        if answer.is_error:
            self.broken_at = now
        elif answer.object_id != FileObject.FILE:
            return
        elif answer.property_id == FileStep.BLOCK:
            self.blocks += 1
        elif answer.property_id == FileStep.FINISH and answer.data:
            self.blocks += 1
            self.files += 1
            self.finished_at = now
        elif answer.property_id == FileStep.FINISH:
            # The answer to a request to stop has no data.
            self.broken_at = now

    def as_dict(self) -> dict[str, int | float | bool | None]:
        """What was seen as JSON can hold it; times as seconds ago."""
        flags = self.flags
        bits = {each.name.lower(): None if flags is None else bool(flags & each) for each in Status if each.name}
        return bits | {
            "foreign_answers": self.foreign,
            "foreign_blocks": self.blocks,
            "foreign_files": self.files,
            "seconds_since_transfer": self._ago(self.transfer_at),
            "seconds_since_file_finished": self._ago(self.finished_at),
            "seconds_since_transfer_broke": self._ago(self.broken_at),
        }

    def _ago(self, then: float | None) -> float | None:
        return None if then is None else round(self.clock() - then, 1)
